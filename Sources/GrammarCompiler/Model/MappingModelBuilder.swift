/// Resolves the rows of the media mapping, from the root map downwards.
final class MappingModelBuilder {
  let model: Model
  let diagnostics: Diagnostics
  let mapping = MappingModel()
  private let declarations: [MapDeclaration]
  private(set) var actionSets: [String: ActionSetDeclaration] = [:]
  private var usedMaps: Set<Position> = []
  private var resolvedActions: [String: [String]] = [:]
  private(set) var usedActions: Set<String> = []
  private var mapsInProgress: [Position] = []
  var usedTables: Set<String> = []
  var usedFunctions: Set<String> = []
  var usedPredicates: Set<String> = []
  /// Functions in whose declaration something is wrong: what rows ask of them is not compared with it.
  var brokenFunctions: Set<String> = []

  init(_ trees: [SyntaxTree], model: Model, diagnostics: Diagnostics) {
    self.model = model
    self.diagnostics = diagnostics
    declarations = trees.flatMap(\.mapping.maps)
    mapping.declarations = declarations
    mapping.tableDeclarations = trees.flatMap(\.mapping.tables)
    mapping.lines = SDPLevels.lines(of: model)
    mapping.demandedLines = SDPLevels.demanded(of: model)
    for set in trees.flatMap(\.mapping.actionSets) {
      if actionSets[set.name.name] != nil {
        diagnostics.report(set.name.position, "the actions `\(set.name.name)` are declared twice")
      }
      actionSets[set.name.name] = set
      resolvedActions[set.name.name] = set.actions.compactMap { action($0) }
    }
    for asked in trees.flatMap(\.mapping.askedSets) {
      usedActions.insert(asked.name)
      if let actions = resolvedActions[asked.name] {
        mapping.actionSets.append((asked.name, actions))
      } else {
        let suggestion = Spelling.closest(to: asked.name, among: actionSets.keys.sorted())
        diagnostics.report(
          asked.position,
          "there are no actions `\(asked.name)`" + (suggestion.map { "; did you mean `\($0)`?" } ?? ""))
      }
    }
    addTables()
    addFunctions(trees)
  }

  /// What the names of a row refer to.
  struct Scope {
    var level: SDPLevel
    /// The line whose node is the current one.
    var line: SDPLine?
    var shape: Shape?
    /// The current item of a list of texts or numbers.
    var item: FieldType?
    /// The attribute whose lines are grouped, and by what.
    var group: (line: SDPLine, key: Field)?
    var isInList = false
    /// What stands in the list of which `item` is one, as a function's declaration names it.
    var listName = ""
    /// An element around may be missing.
    var isOptional = false
    /// Which of the alternatives that exclude each other.
    var branch: Int?
    /// The scope is that of the alternative's own element.
    var isBranchItself = false
    /// Which way the element around goes.
    var directions = MappingModel.Direction.allCases
    /// The condition of a gate around.
    var presence: MappingRow.Presence?
    var block: MappedBlock
    var element: ElementType { block.element }
  }

  func build() -> MappingModel {
    let roots = declarations.filter { $0.sdp.name == "session" }
    guard let root = roots.first else {
      if let first = declarations.first {
        diagnostics.report(first.position, "there is no `map session <-> …`, with which the mapping begins")
      }
      return mapping
    }
    if let second = roots.dropFirst().first {
      diagnostics.report(second.position, "there is a second `map session`; the first is in line \(root.position.line)")
    }
    guard let reference = root.elements.first, let element = element(reference) else { return mapping }
    mapping.root = block(root, element: element, name: "session", Scope.start(of: element, at: root.position))
    for declaration in declarations where !usedMaps.contains(declaration.position) {
      // A slip in its head is the reason that no row finds it.
      let slips = declaration.elements.filter { model.elements[$0.name] == nil }
      if !slips.isEmpty {
        for slip in slips { _ = self.element(slip) }
        continue
      }
      if declaration.sdp.name != "session", !mapping.lines.contains(where: { $0.name == declaration.sdp.name }) {
        reportUnknownLine(declaration.sdp)
        continue
      }
      diagnostics.report(
        declaration.position, "no row uses this map of `\(declaration.sdp.name)`",
        note:
          "a row such as `\(declaration.sdp.name) <-> <\(declaration.elements[0].name)>` without rows below it uses it")
    }
    return mapping
  }

  private func block(_ declaration: MapDeclaration, element: ElementType, name: String, _ scope: Scope) -> MappedBlock?
  {
    guard !mapsInProgress.contains(declaration.position) else {
      diagnostics.report(declaration.position, "this map comes back to itself")
      return nil
    }
    mapsInProgress.append(declaration.position)
    defer { mapsInProgress.removeLast() }
    usedMaps.insert(declaration.position)
    let block = MappedBlock(
      name: name, level: scope.level, element: element, position: declaration.position, directions: scope.directions)
    mapping.blocks.append(block)
    if let branch = scope.branch, scope.isBranchItself { mapping.branches[branch].position = declaration.position }
    var inner = scope
    inner.block = block
    inner.isBranchItself = false
    block.rows = rows(declaration.rows, inner)
    return block
  }

  func rows(_ rows: [MappingRow], _ scope: Scope) -> [MappedRow] {
    var targets: [String: MappingRow] = [:]
    let result = rows.compactMap { row($0, scope) }
    for row in result { checkDuplicate(row, &targets) }
    return result
  }

  // MARK: One row

  private func row(_ syntax: MappingRow, _ scope: Scope) -> MappedRow? {
    if let excuse = syntax.excuse { return self.excuse(excuse, syntax, scope) }
    let row: MappedRow?
    if syntax.function != nil, isStandalone(syntax) {
      row = function(syntax, scope)
    } else {
      switch syntax.left {
      case .nothing:
        diagnostics.report(syntax.position, "what comes from nothing needs a `function`")
        row = nil
      case .here: row = here(syntax, scope)
      case .pair(let first, let second): row = pair(syntax, first, second, scope)
      case .words(let path): row = words(syntax, path, scope)
      case .member(let bytes, let path): row = member(syntax, bytes, path, scope)
      case .oneOf(let table): row = choice(syntax, table, scope)
      case .paths(let paths): row = self.paths(syntax, paths, scope)
      }
    }
    if let predicate = syntax.predicate { self.predicate(predicate) }
    if let function = syntax.function { checkFunction(function, syntax, scope, isResolved: row != nil) }
    guard let row else { return nil }
    if let presence = syntax.presence { row.presence = self.presence(presence, scope) }
    row.actions = actions(syntax.actions)
    if row.nested.isEmpty, !syntax.nested.isEmpty, !takesRows(row) {
      diagnostics.report(syntax.nested[0].position, "the row above stands for one value, so no rows can stand below it")
    }
    return row
  }

  private func takesRows(_ row: MappedRow) -> Bool {
    switch row.kind {
    case .gate, .node: true
    default: false
    }
  }

  /// A function that stands for the whole row, in place of one that converts a value.
  private func isStandalone(_ syntax: MappingRow) -> Bool {
    switch (syntax.left, syntax.right) {
    case (.nothing, _), (_, .nothing), (_, .elements): true
    case (.paths(let paths), _): paths.count > 1
    default: false
    }
  }

  private func function(_ syntax: MappingRow, _ scope: Scope) -> MappedRow? {
    let row = MappedRow(syntax, kind: .function, element: scope.element)
    var isComplete = true
    if case .paths(let paths) = syntax.left {
      for path in paths {
        guard let target = target(path, scope, isFromSession: false) else {
          isComplete = false
          continue
        }
        switch target {
        case .line(let line):
          cover(line, syntax, scope, wholly: true)
          if case .here = row.source { row.source = .line(line) }
        case .field(let field):
          cover(field, syntax, scope, isSure: true)
          if row.field == nil { row.field = field }
        default: break
        }
      }
    }
    switch syntax.right {
    case .attribute(let name, _):
      row.attribute = attribute(name, of: scope.element)
      cover(row.attribute, syntax, scope)
    case .text(let position):
      row.attribute = text(of: scope.element, position)
      cover(row.attribute, syntax, scope)
    case .elements(let references, _):
      for reference in references {
        guard let child = child(reference, of: scope.element) else {
          isComplete = false
          continue
        }
        if row.child == nil { row.child = child }
        cover(child, syntax, scope)
      }
    default: break
    }
    return isComplete ? row : nil
  }

  private func here(_ syntax: MappingRow, _ scope: Scope) -> MappedRow? {
    switch syntax.right {
    case .here:
      let row = MappedRow(syntax, kind: .gate, element: scope.element)
      var inner = scope
      if let presence = syntax.presence { inner.presence = presence }
      row.nested = rows(syntax.nested, inner)
      return row
    case .elements(let references, attribute: nil) where references.count == 1:
      guard let child = child(references[0], of: scope.element) else { return nil }
      let row = MappedRow(syntax, kind: .node, element: scope.element)
      var inner = scope
      if scope.branch == nil, let predicate = syntax.predicate, isOneOfSeveral(predicate.name) {
        inner.branch = mapping.branches.count
        inner.isBranchItself = true
        mapping.branches.append(
          .init(predicate: predicate.name, element: child.element, position: syntax.position))
      }
      open(child, in: row, scope, context: scope.line?.name ?? scope.level.rawValue, inner)
      return row
    default:
      diagnostics.report(syntax.position, "`here` stands beside an element or another `here`")
      return nil
    }
  }

  /// Fills the rows of a node that opens `child`: those below it, or those of the map of its name.
  private func open(
    _ child: ElementType.Child, in row: MappedRow, _ outer: Scope, context: String, _ inner: Scope,
    isSection: Bool = false
  ) {
    row.child = child
    cover(child, row.syntax, outer)
    // The line that the element stands for, if it is no part of one.
    let line: SDPLine? =
      switch row.source {
      case .line(let line), .joined(let line, _), .grouped(let line, _), .groupMember(let line, _): line
      case .here, .list, .lineList: nil
      }
    if row.syntax.isEach, !isRepeated(child) {
      diagnostics.report(
        row.syntax.position, "`<\(child.element.qualifiedName)>` stands at most once, so `each` has nothing to repeat")
    }
    if !row.syntax.isEach, isRepeated(child), !row.syntax.isUnlessEmpty {
      diagnostics.report(
        row.syntax.position, "`<\(child.element.qualifiedName)>` stands several times: write `each` in front")
    }
    var inner = inner
    // What stands once in a section is once in its element.
    inner.isInList = (inner.isInList || row.syntax.isEach) && !isSection
    inner.isOptional = (inner.isOptional || child.occurrence != .one && child.occurrence != .some) && !isSection
    inner.directions = row.syntax.arrow.directions
    inner.presence = nil
    if row.syntax.nested.isEmpty, let declaration = map(context, child.element) {
      row.block = block(declaration, element: child.element, name: context, inner)
      if let line, let block = row.block { mapping.open(line, as: block) }
      row.nested = row.block?.rows ?? []
      return
    }
    let block = MappedBlock(
      name: context, level: outer.level, element: child.element, position: row.syntax.position,
      directions: inner.directions)
    mapping.blocks.append(block)
    row.block = block
    if let line { mapping.open(line, as: block) }
    inner.block = block
    inner.isBranchItself = false
    row.nested = rows(row.syntax.nested, inner)
  }

  private func isRepeated(_ child: ElementType.Child) -> Bool {
    child.occurrence == .many || child.occurrence == .some
  }

  private func map(_ context: String, _ element: ElementType) -> MapDeclaration? {
    declarations.first { declaration in
      declaration.sdp.name == context && declaration.elements.contains { $0.name == element.qualifiedName }
    }
  }

  private func paths(_ syntax: MappingRow, _ paths: [MappingPath], _ scope: Scope) -> MappedRow? {
    guard paths.count == 1, let path = paths.first else {
      diagnostics.report(syntax.position, "several parts of SDP together need a `function`")
      return nil
    }
    guard let target = target(path, scope, isFromSession: syntax.isFromSession) else { return nil }
    switch target {
    case .field(let field) where isScalar(field): return value(syntax, field, scope)
    default: return node(syntax, path, target, scope)
    }
  }

  private func isScalar(_ field: MappedField) -> Bool {
    if case .item = field.place { return true }
    if field.field?.isList == true { return false }
    if case .shape = field.type { return false }
    return true
  }

  // MARK: Nodes

  private func node(_ syntax: MappingRow, _ path: MappingPath, _ target: Target, _ scope: Scope) -> MappedRow? {
    let row = MappedRow(syntax, kind: .node, element: scope.element)
    var inner = scope
    inner.item = nil
    var context = path.text
    var isSection = false
    switch target {
    case .line(let line):
      inner.line = line
      inner.shape = line.shape
      row.source = .line(line)
      if let key = syntax.joinKey {
        guard let field = self.key(key, of: line) else { return nil }
        row.source = .joined(line, key: field)
        inner.isInList = true
      } else if let key = syntax.groupKey {
        guard let field = self.key(key, of: line) else { return nil }
        row.source = .grouped(line, key: field)
        inner.group = (line, field)
      }
      row.filters = syntax.filters.compactMap { self.key($0, of: line) }
      cover(line, syntax, scope, wholly: false)
    case .section:
      // Each section is a media description, wherever the session's rows say that they come.
      inner.level = .media
      isSection = true
      row.isSections = true
      inner.line = nil
      inner.shape = nil
      context = "media"
    case .groupMember(let line, let key):
      inner.line = line
      inner.shape = line.shape
      inner.group = nil
      row.source = .groupMember(line, key: key)
    case .field(let field):
      cover(field, syntax, scope, isSure: writesAlways(syntax, scope))
      guard let shape = field.shape, let list = field.field else { return nil }
      if case .line(let line) = field.place {
        row.source = .lineList(line, list)
        mapping.open(line, at: syntax.position, in: scope.block)
      } else {
        row.source = .list(shape, list)
      }
      if case .shape(let shape) = field.type {
        inner.shape = shape.layout
        inner.line = nil
        context = shape.name
      } else {
        inner.item = field.type
        inner.listName = name(of: field, scope)
      }
    }
    switch syntax.right {
    case .here:
      if case .line(let line) = target { mapping.open(line, at: syntax.position, in: scope.block) }
      row.nested = rows(syntax.nested, inner)
      if syntax.joinKey != nil, let fallback = syntax.fallbackTable { row.fallback = keyTable(fallback, row, inner) }
      return row
    case .elements(let references, let attribute) where references.count == 1:
      guard let child = child(references[0], of: scope.element) else { return nil }
      guard let attribute else {
        open(child, in: row, scope, context: context, inner, isSection: isSection)
        return row
      }
      return single(row, child, attribute, scope, inner)
    default:
      diagnostics.report(
        syntax.position, "`\(path.text)` consists of parts: it is mapped to an element, or `here` with rows below")
      return nil
    }
  }

  /// `each list <-> <element> @attribute`: an element with nothing but one value.
  private func single(
    _ row: MappedRow, _ child: ElementType.Child, _ attribute: Reference, _ outer: Scope, _ inner: Scope
  ) -> MappedRow? {
    guard let type = inner.item else {
      diagnostics.report(
        attribute.position, "what stands on the left is no list of single values: write its rows below")
      return nil
    }
    open(child, in: row, outer, context: "", inner)
    guard let block = row.block, let value = self.attribute(attribute, of: child.element) else { return nil }
    let syntax = MappingRow(position: attribute.position, arrow: row.syntax.arrow)
    let nested = MappedRow(syntax, kind: .value, element: child.element)
    nested.field = MappedField(place: .item, shape: nil, field: nil, type: type, name: "item")
    nested.attribute = value
    checkConversion(type, "item", value, syntax.position)
    var around = outer
    around.block = block
    cover(value, syntax, around)
    row.nested.insert(nested, at: 0)
    return row
  }

  /// The element to which the list is mapped is always there, and at least once.
  private func writesAlways(_ syntax: MappingRow, _ scope: Scope) -> Bool {
    guard case .elements(let references, _) = syntax.right, let reference = references.first else { return false }
    let child = scope.element.children.first { $0.element.qualifiedName == reference.name }
    return child?.occurrence == .some || child?.occurrence == .one
  }

  // MARK: Conditions

  func presence(_ syntax: MappingRow.Presence, _ scope: Scope) -> MappedPresence? {
    var result = MappedPresence(literal: syntax.literal, isNegated: syntax.isNegated)
    if let attribute = syntax.attribute {
      result.attribute = self.attribute(attribute, of: scope.element)
      return result.attribute == nil ? nil : result
    }
    guard let path = syntax.path, let target = target(path, scope, isFromSession: false) else { return nil }
    guard case .field(let field) = target else {
      diagnostics.report(path.position, "`\(path.text)` is no field, so no condition can ask for it")
      return nil
    }
    result.field = field
    return result
  }

  private func actions(_ references: [Reference]) -> [String] {
    references.flatMap { reference -> [String] in
      let isFirst = usedActions.insert(reference.name).inserted
      if let actions = resolvedActions[reference.name] { return actions }
      // What is missing is one set, however many rows name it.
      if !isFirst, !mapping.actionNames(model).contains(reference.name) { return [] }
      return [action(reference, orSet: true)].compactMap { $0 }
    }
  }

  private func action(_ reference: Reference, orSet: Bool = false) -> String? {
    let known = mapping.actionNames(model)
    if known.contains(reference.name) { return reference.name }
    let names = orSet ? known + actionSets.keys.sorted() : known
    let suggestion = Spelling.closest(to: reference.name, among: names).map { "; did you mean `\($0)`?" } ?? ""
    diagnostics.report(reference.position, "Jingle has no action `\(reference.name)`" + suggestion)
    return nil
  }
}

extension MappingModelBuilder.Scope {
  static func start(of element: ElementType, at position: Position) -> Self {
    let block = MappedBlock(
      name: "", level: .session, element: element, position: position,
      directions: MappingModel.Direction.allCases)
    return Self(level: .session, block: block)
  }
}

extension MappingModel {
  /// A bit for the code of each action.
  func mask(of actions: [String], _ model: Model) -> UInt64 {
    var mask: UInt64 = 0
    for (code, name) in actionNames(model).enumerated() where actions.contains(name) { mask |= 1 << UInt64(code + 1) }
    return mask
  }

  /// The actions of Jingle: the values of the root's attribute `action`.
  func actionNames(_ model: Model) -> [String] {
    for element in model.orderedElements where element.isRoot {
      for attribute in element.attributes where attribute.name == "action" {
        if case .enumeration(let type) = attribute.type { return type.cases.map(\.name) }
      }
    }
    return []
  }
}
