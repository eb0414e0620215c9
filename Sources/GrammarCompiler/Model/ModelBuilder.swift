/// Resolves names and turns expressions into tokens and shapes.
final class ModelBuilder {
  let model = Model()
  let diagnostics: Diagnostics
  private let trees: [SyntaxTree]
  private var rules: [String: RuleDeclaration] = [:]
  private var paramsByOwner: [String: (ParamsDeclaration, String)] = [:]
  private var enumDeclarations: [String: (EnumDeclaration, String)] = [:]
  private var regexInProgress: [String] = []
  private var shapesInProgress: [String] = []
  private var kinds: [String: Bool] = [:]
  /// Token rules and shapes with a mistake that has been reported.
  private var failedTokens: Set<String> = []
  private var failedShapes: Set<String> = []

  init(_ trees: [SyntaxTree], diagnostics: Diagnostics) {
    self.trees = trees
    self.diagnostics = diagnostics
  }

  func build() -> Model {
    collect()
    checkAmbiguousNames()
    for tree in trees {
      for declaration in tree.enums { _ = enumType(declaration.name) }
    }
    for tree in trees {
      for declaration in tree.rules where rules[declaration.name.lowercased()]?.position == declaration.position {
        if isShape(declaration.name.lowercased()) {
          _ = shape(declaration.name)
        } else {
          _ = token(declaration.name)
        }
      }
      for declaration in tree.headers { addHeader(declaration, area: tree.area) }
      for declaration in tree.lines { addLine(declaration, area: tree.area) }
      for declaration in tree.attributes { addAttribute(declaration, area: tree.area) }
      model.statuses += tree.statuses
      model.stepping.formUnion(tree.stepping)
      for reference in tree.framing {
        if rules[reference.name.lowercased()] == nil {
          undefinedRule(reference.name, reference.position)
        } else {
          model.used.insert(reference.name.lowercased())
          model.framing.append(reference)
        }
      }
    }
    for (owner, entry) in paramsByOwner.sorted(by: { $0.value.0.position < $1.value.0.position })
    where model.shapes[owner] == nil && !failedShapes.contains(owner) {
      if rules[owner] != nil {
        diagnostics.report(entry.0.owner.position, "`\(entry.0.owner.name)` is a token: it has no captures")
      } else {
        undefined(
          entry.0.owner, "shape, header, line or attribute",
          among: model.shapes.values.map(\.name) + model.headers.map(\.name) + model.lines.map(\.name)
            + model.attributes.map(\.name))
      }
    }
    checkDuplicateStatuses()
    ElementBuilder(trees, model: model, owner: self).build()
    checkTypeNames()
    return model
  }

  // MARK: Names

  private func collect() {
    for tree in trees {
      for declaration in tree.rules {
        let key = declaration.name.lowercased()
        if declaration.isIncremental {
          guard var existing = rules[key] else {
            diagnostics.report(
              declaration.position, "`\(declaration.name)` has no rule yet to which `=/` could add an alternative")
            rules[key] = declaration
            continue
          }
          existing.expression = Expression(
            kind: .choice([existing.expression, declaration.expression]), position: existing.expression.position)
          rules[key] = existing
        } else if let existing = rules[key] {
          diagnostics.report(
            declaration.position, "the rule `\(declaration.name)` is declared twice", note: "the first time here",
            at: existing.position)
        } else {
          rules[key] = declaration
        }
      }
      for declaration in tree.enums {
        // Exact, unlike a rule's name: `enum Transport : transport` is a fine pair.
        let key = declaration.name
        if let (existing, _) = enumDeclarations[key] {
          diagnostics.report(
            declaration.position, "the enum `\(declaration.name)` is declared twice", note: "the first time here",
            at: existing.position)
        } else {
          enumDeclarations[key] = (declaration, tree.area)
        }
      }
      for declaration in tree.params {
        let key = declaration.owner.name.lowercased()
        if let (existing, _) = paramsByOwner[key] {
          diagnostics.report(
            declaration.position, "the parameters of `\(declaration.owner.name)` are declared twice",
            note: "the first time here", at: existing.position)
        } else {
          paramsByOwner[key] = (declaration, tree.area)
        }
      }
    }
  }

  /// A rule and an enum may bear one name in different spellings (`transport`, `Transport`), not in the same.
  private func checkAmbiguousNames() {
    for (declaration, _) in enumDeclarations.values {
      if let rule = rules[declaration.name.lowercased()], rule.name == declaration.name {
        diagnostics.report(
          rule.position, "`\(rule.name)` is a rule and an enum", note: "the enum is here", at: declaration.position)
      }
    }
  }

  func undefined(_ reference: Reference, _ kind: String, among names: [String]) {
    let suggestion = Spelling.closest(to: reference.name, among: names)
    diagnostics.report(
      reference.position,
      "there is no \(kind) `\(reference.name)`" + (suggestion.map { "; did you mean `\($0)`?" } ?? ""))
  }

  private func undefinedRule(_ name: String, _ position: Position) {
    undefined(
      Reference(name: name, position: position), "rule",
      among: rules.values.map(\.name) + enumDeclarations.values.map(\.0.name) + ScalarType.names)
  }

  // MARK: Tokens

  func hasRule(_ name: String) -> Bool { rules[name.lowercased()] != nil }

  /// The declaration `owner` has a table of parameters.
  func hasParams(_ owner: String) -> Bool { paramsByOwner[owner.lowercased()] != nil }

  func isShape(_ key: String) -> Bool {
    if let known = kinds[key] { return known }
    guard let rule = rules[key] else { return false }
    let result = Self.hasCapture(rule.expression)
    kinds[key] = result
    return result
  }

  static func hasCapture(_ expression: Expression) -> Bool {
    switch expression.kind {
    case .capture, .params, .commaList: true
    case .sequence(_, let parts), .choice(let parts): parts.contains(where: hasCapture)
    case .optional(let inner), .repetition(_, _, let inner): hasCapture(inner)
    default: false
    }
  }

  /// The token rule of that name; `nil` after a diagnostic.
  func token(_ name: String, at position: Position? = nil) -> TokenRule? {
    let key = name.lowercased()
    if position != nil { model.used.insert(key) }
    if let known = model.tokens[key] { return known }
    if failedTokens.contains(key) { return nil }
    let made = makeToken(name, key: key, at: position)
    // Whoever else refers to it need not say again what is wrong with it.
    if made == nil, rules[key] != nil, !isShape(key) { failedTokens.insert(key) }
    return made
  }

  private func makeToken(_ name: String, key: String, at position: Position?) -> TokenRule? {
    guard let rule = rules[key], !isShape(key) else {
      if let position {
        if rules[key] != nil {
          diagnostics.report(
            position, "`\(name)` has captures and so is no token",
            note: "where a shape is meant, capture it with a label, such as `\(Naming.property(name)):\(name)`")
        } else if enumDeclarations[name] != nil {
          diagnostics.report(
            position, "`\(name)` is an enum; capture it with a label, such as `\(Naming.property(name)):\(name)`")
        } else {
          undefinedRule(name, position)
        }
      }
      return nil
    }
    if regexInProgress.contains(key) {
      diagnostics.report(
        rule.position,
        "the token rule `\(rule.name)` refers to itself (\(cycle(regexInProgress, key))); a token rule is regular",
        note: "write the repetition with `*`: `item *( separator item )`")
      return nil
    }
    regexInProgress.append(key)
    defer { regexInProgress.removeLast() }
    if let reference = rule.asType {
      model.used.insert(reference.name.lowercased())
      diagnostics.report(
        rule.position, "`\(rule.name)` captures nothing, so there is nothing of `\(reference.name)` that it could fill")
      return nil
    }
    if case .prose(let prose) = rule.expression.kind {
      guard prose == "nested comment" else {
        diagnostics.report(rule.expression.position, "`<\(prose)>` is not built in; `<nested comment>` is")
        return nil
      }
      let result = TokenRule(
        name: rule.name, regex: .set(ByteSet([0x28])), written: rule.written, position: rule.position,
        comment: rule.comment, area: rule.area, isNestedComment: true)
      model.tokens[key] = result
      return result
    }
    guard var regex = regex(rule.expression) else { return nil }
    for tolerated in rule.tolerated {
      guard let more = self.regex(tolerated) else { return nil }
      regex = .choice([regex, more])
    }
    let result = TokenRule(
      name: rule.name, regex: regex, written: rule.written, tolerated: rule.tolerated, position: rule.position,
      comment: rule.comment, area: rule.area)
    guard isSmallEnough(result) else { return nil }
    if let written = rule.written, !result.automaton.accepts(written) {
      diagnostics.report(
        rule.position,
        "`\(rule.name)` does not match \"\(String(decoding: written, as: UTF8.self))\", as which it is to be written")
    }
    model.tokens[key] = result
    return result
  }

  /// Whether the automaton of a token stays within reason; if not, that is reported.
  func isSmallEnough(_ token: TokenRule) -> Bool {
    guard token.isTooLarge else { return true }
    diagnostics.report(
      token.position,
      "the token `\(token.name)` is too large: its automaton has more than \(Automaton.maximumStates) states "
        + "or \(Automaton.maximumClasses) classes of bytes",
      note: "repeat less often, or without limit (`*`), and leave counting to whoever reads the value")
    return false
  }

  /// The names of a rule that refers to itself, as they are spelled.
  private func cycle(_ inProgress: [String], _ key: String) -> String {
    (inProgress.drop { $0 != key } + [key]).map { rules[$0]?.name ?? $0 }.joined(separator: " → ")
  }

  /// `nil` after a diagnostic.
  func regex(_ expression: Expression) -> Regex? {
    switch expression.kind {
    case .literal(let bytes, let exact): return .literal(bytes, exact: exact)
    case .range(let first, let last): return .set(ByteSet(first...last))
    case .reference(let name):
      guard let rule = token(name, at: expression.position) else { return nil }
      if rule.isNestedComment {
        diagnostics.report(expression.position, "`\(name)` is nested and so no part of a token; capture it in a shape")
        return nil
      }
      return rule.regex
    case .prose(let prose):
      diagnostics.report(expression.position, "`<\(prose)>` stands alone in its rule")
      return nil
    case .sequence(let predicate, let parts):
      if let predicate {
        diagnostics.report(
          predicate.position, "a token rule is matched by the longest text; `when` belongs into a shape")
        return nil
      }
      var result: [Regex] = []
      for part in parts {
        guard let more = regex(part) else { return nil }
        result.append(more)
      }
      return .sequence(result)
    case .choice(let parts):
      var result: [Regex] = []
      for part in parts {
        guard let more = regex(part) else { return nil }
        result.append(more)
      }
      let choice = Regex.choice(result)
      return choice.singleSet.map(Regex.set) ?? choice
    case .optional(let inner):
      guard let inner = regex(inner) else { return nil }
      return .repetition(inner, minimum: 0, maximum: 1)
    case .repetition(let minimum, let maximum, let inner):
      guard let body = regex(inner) else { return nil }
      if body.isNullable, maximum == nil {
        diagnostics.report(expression.position, "this repeats something that can be empty")
        return nil
      }
      return .repetition(body, minimum: minimum, maximum: maximum)
    case .capture, .commaList, .params:
      diagnostics.report(expression.position, "a token has no captures")
      return nil
    }
  }

  // MARK: Enums

  func enumType(_ name: String) -> EnumType? {
    if let known = model.enums[name] { return known }
    guard let (declaration, area) = enumDeclarations[name] else { return nil }
    var base: TokenRule?
    var isOpenText = false
    if let reference = declaration.base {
      if reference.name == "text" {
        isOpenText = true
      } else {
        base = token(reference.name, at: reference.position)
      }
    }
    var caseNames: [String: String] = [:]
    var cases: [(name: String, caseName: String, exact: Bool)] = []
    for entry in declaration.cases {
      let text = String(decoding: entry.name, as: UTF8.self)
      if let base, !base.automaton.accepts(entry.name) {
        diagnostics.report(entry.position, "\"\(text)\" is no `\(base.name)`, of which `\(declaration.name)` consists")
      }
      let caseName = Naming.property(text)
      if caseName == "_" {
        diagnostics.report(entry.position, "\"\(text)\" has no letter or digit from which a name could be made")
      } else if caseName == "other", declaration.base != nil {
        diagnostics.report(
          entry.position, "\"\(text)\" would get the name `other`, which is that of all values not named here")
      } else if let known = caseNames[caseName] {
        let isSame = known == text || !entry.exact && known.lowercased() == text.lowercased()
        diagnostics.report(
          entry.position,
          isSame
            ? "\"\(text)\" stands twice in `\(declaration.name)`"
            : "\"\(text)\" and \"\(known)\" would get the same name in Swift, `\(caseName)`")
      }
      caseNames[caseName] = text
      cases.append((text, caseName, entry.exact))
    }
    if cases.contains(where: { $0.exact != cases[0].exact }) {
      diagnostics.report(
        declaration.position, "the values of `\(declaration.name)` are either all exact (`%s\"…\"`) or none")
    }
    let result = EnumType(
      name: declaration.name, base: base, isOpenText: isOpenText, cases: cases, position: declaration.position,
      comment: declaration.comment, area: area)
    model.enums[name] = result
    model.orderedEnums.append(result)
    return result
  }

  // MARK: Shapes

  func shape(_ name: String) -> Shape? {
    let key = name.lowercased()
    if let index = shapesInProgress.firstIndex(of: key), let rule = rules[key] {
      diagnostics.report(
        rule.position,
        "the shape `\(rule.name)` contains itself (\(cycle(Array(shapesInProgress[index...]), key))); nothing would bound its depth",
        note: "write the repetition with `*`: `item *( separator item )`")
      return nil
    }
    if let known = model.shapes[key] { return known }
    if failedShapes.contains(key) { return nil }
    guard let rule = rules[key], isShape(key) else { return nil }
    shapesInProgress.append(key)
    defer { shapesInProgress.removeLast() }
    let shape = Shape(
      name: rule.name, typeName: Naming.type(rule.name), position: rule.position, comment: rule.comment,
      area: rule.area, source: "rule \(rule.name)")
    if let reference = rule.asType {
      model.used.insert(reference.name.lowercased())
      guard let target = namedShape(reference) else {
        failedShapes.insert(key)
        return nil
      }
      shape.fills = target
    }
    for (word, isThere) in [("written", rule.written != nil), ("tolerate", !rule.tolerated.isEmpty)] where isThere {
      diagnostics.report(
        rule.position, "`\(rule.name)` has captures, so it is no token and `\(word)` means nothing here")
    }
    ShapeBuilder(shape, owner: self).build(rule.expression)
    model.shapes[key] = shape
    model.orderedShapes.append(shape)
    addParams(to: shape, key: key)
    return shape
  }

  /// The shape to which `reference` refers; `nil` after a diagnostic.
  private func namedShape(_ reference: Reference) -> Shape? {
    let key = reference.name.lowercased()
    if let found = shape(reference.name) { return found }
    if rules[key] == nil {
      undefined(reference, "shape", among: rules.values.filter { isShape($0.name.lowercased()) }.map(\.name))
    } else if !isShape(key) {
      diagnostics.report(reference.position, "`\(reference.name)` is a token: it has no captures")
    }
    return nil
  }

  private func addParams(to shape: Shape, key: String) {
    guard let (declaration, area) = paramsByOwner[key] else {
      if let position = ShapeBuilder.positionOfParams(shape.body), shape.fills == nil {
        diagnostics.report(position, "`\(shape.name)` has no table of parameters (`params \(shape.name) …`)")
      }
      return
    }
    model.shapes[key] = shape
    guard ShapeBuilder.positionOfParams(shape.body) != nil else {
      diagnostics.report(
        declaration.position, "`\(shape.name)` has no `params` in its rule, so it can have no parameters")
      return
    }
    let holder = Shape(
      name: shape.name, typeName: "", position: declaration.position, comment: "", area: area, source: "params")
    let separators = ShapeBuilder(holder, owner: self).steps(declaration.separator, [])
    guard separators.count == 1, let separator = separators.first else { return }
    var rows: [ParameterTable.Row] = []
    for row in declaration.rows {
      var value: Shape?
      var isValueOptional = false
      if var expression = row.value {
        if case .optional(let inner) = expression.kind {
          isValueOptional = true
          expression = inner
        }
        let valueShape = Shape(
          name: "\(shape.name) \(row.name)", typeName: shape.typeName + Naming.type(row.name), position: row.position,
          comment: "", area: area, source: "parameter")
        let before = diagnostics.count
        ShapeBuilder(valueShape, owner: self).build(expression)
        guard valueShape.fields.count == 1, valueShape.fields[0].label == "value", !valueShape.fields[0].isList,
          !valueShape.fields[0].isOptional
        else {
          if diagnostics.count == before {
            diagnostics.report(
              row.position, "the value of a parameter is one capture, `value:type` or `[ value:type ]`")
          }
          continue
        }
        value = valueShape
      }
      let label = row.label ?? Naming.property(row.name)
      if let refusal = row.label.flatMap({ Naming.refusal(ofLabel: $0) }) {
        diagnostics.report(row.position, refusal)
      } else if let existing = rows.first(where: { $0.name.lowercased() == row.name.lowercased() || $0.label == label })
      {
        diagnostics.report(
          row.position,
          existing.name.lowercased() == row.name.lowercased()
            ? "the parameter `\(row.name)` stands twice in the table"
            : "the parameters `\(row.name)` and `\(existing.name)` would get the same name in Swift, `\(existing.label)`"
        )
      } else if label == "other" {
        diagnostics.report(
          row.position,
          "the parameter `\(row.name)` would get the name `other`, which is that of all parameters not named here")
      }
      rows.append(
        .init(
          name: row.name, label: label, value: value, isValueOptional: isValueOptional, position: row.position))
    }
    var other: Shape?
    if let reference = declaration.other {
      model.used.insert(reference.name.lowercased())
      other = namedShape(reference)
      if let found = other, found.field("name") == nil {
        diagnostics.report(
          reference.position, "`\(reference.name)` has no capture `name`, by which a parameter is known")
      }
    }
    shape.params = ParameterTable(
      separator: separator, rows: rows, other: other, position: declaration.position, comment: declaration.comment)
  }

  // MARK: Parts of messages

  private func addHeader(_ declaration: HeaderDeclaration, area: String) {
    let duplicate = model.headers.first {
      let names = [$0.name, $0.compactForm].compactMap { $0?.lowercased() }
      return names.contains(declaration.name.lowercased())
        || declaration.compactForm.map { names.contains($0.lowercased()) } == true
    }
    if let duplicate {
      let compact = declaration.compactForm ?? ""
      let isSame = declaration.name.lowercased() == duplicate.name.lowercased()
      let clash = [declaration.name, compact].first { name in
        [duplicate.name, duplicate.compactForm ?? ""].contains { $0.lowercased() == name.lowercased() }
      }
      diagnostics.report(
        declaration.position,
        isSame
          ? "the header `\(declaration.name)` is declared twice"
          : "`\(clash ?? compact)` would be the header `\(declaration.name)` and the header `\(duplicate.name)`",
        note: isSame ? "the first time here" : "the other one is here", at: duplicate.position)
      return
    }
    let shape = Shape(
      name: declaration.name, typeName: Naming.type(declaration.name) + "Header", position: declaration.position,
      comment: declaration.comment, area: area, source: "header \(declaration.name)")
    ShapeBuilder(shape, owner: self).build(declaration.expression)
    model.orderedShapes.append(shape)
    addParams(to: shape, key: declaration.name.lowercased())
    var listField: Field?
    if case .commaList(_, let item, _, _)? = shape.body.first, shape.body.count == 1,
      case .capture(let field, _, _)? = item.body.first
    {
      listField = shape.fields[field]
    }
    model.headers.append(
      HeaderModel(
        name: declaration.name, compactForm: declaration.compactForm, isRequired: declaration.isRequired,
        isMany: declaration.isMany || listField != nil, shape: shape, listField: listField,
        slot: model.headers.count + 1, position: declaration.position))
  }

  private func addLine(_ declaration: LineDeclaration, area: String) {
    if let existing = model.lines.first(where: { $0.letter == declaration.letter }) {
      diagnostics.report(
        declaration.position, "the line `\(Character(Unicode.Scalar(declaration.letter)))=` is declared twice",
        note: "the first time here, as `\(existing.name)`", at: existing.position)
      return
    }
    let shape = Shape(
      name: declaration.name, typeName: Naming.type(declaration.name) + "Line", position: declaration.position,
      comment: declaration.comment, area: area,
      source: "line \(Character(Unicode.Scalar(declaration.letter)))=")
    ShapeBuilder(shape, owner: self).build(declaration.expression)
    model.orderedShapes.append(shape)
    addParams(to: shape, key: declaration.name.lowercased())
    model.lines.append(
      LineModel(
        letter: declaration.letter, name: declaration.name, shape: shape, slot: model.lines.count + 1,
        position: declaration.position))
  }

  private func addAttribute(_ declaration: AttributeDeclaration, area: String) {
    if let existing = model.attributes.first(where: { $0.name == declaration.name }) {
      diagnostics.report(
        declaration.position, "the attribute `\(declaration.name)` is declared twice", note: "the first time here",
        at: existing.position)
      return
    }
    var shape: Shape?
    let typeName = Naming.type(declaration.name) + "Attribute"
    if let expression = declaration.expression {
      let made = Shape(
        name: declaration.name, typeName: typeName, position: declaration.position, comment: declaration.comment,
        area: area, source: "attribute \(declaration.name)")
      ShapeBuilder(made, owner: self).build(expression)
      model.orderedShapes.append(made)
      addParams(to: made, key: declaration.name.lowercased())
      shape = made
    }
    model.attributes.append(
      AttributeModel(
        name: declaration.name, levels: declaration.levels.map(\.name), shape: shape,
        slot: 64 + model.attributes.count, typeName: typeName, comment: declaration.comment,
        position: declaration.position))
  }

  /// Two declarations whose names become the same type of Swift, or one that the generated code uses itself.
  private func checkTypeNames() {
    var types: [(name: String, what: String, position: Position)] = []
    for type in model.orderedEnums { types.append((type.typeName, "enum \(type.name)", type.position)) }
    for shape in model.orderedShapes where shape.fills == nil {
      types.append((shape.typeName, shape.source, shape.position))
    }
    for element in model.orderedElements {
      types.append((element.typeName, "element \(element.qualifiedName)", element.position))
    }
    var known: [String: (what: String, position: Position)] = [:]
    for type in types.sorted(by: { $0.position < $1.position }) {
      if Naming.reservedTypes.contains(type.name) {
        diagnostics.report(
          type.position,
          "`\(type.what)` would become the type `\(type.name)`, which the generated code uses for itself",
          note: "give it another name")
      } else if let other = known[type.name] {
        diagnostics.report(
          type.position, "`\(type.what)` and `\(other.what)` would both become the type `\(type.name)`",
          note: "the other one is here", at: other.position)
      } else {
        known[type.name] = (type.what, type.position)
      }
    }
  }

  private func checkDuplicateStatuses() {
    var seen: Set<Int> = []
    for status in model.statuses {
      if !seen.insert(status.code).inserted {
        diagnostics.report(status.position, "the status code \(status.code) is declared twice")
      }
      if !(100...699).contains(status.code) {
        diagnostics.report(status.position, "\(status.code) is no status code; they go from 100 to 699")
      }
    }
  }
}

/// The likeliest word that someone meant.
enum Spelling {
  static func closest(to name: String, among candidates: [String]) -> String? {
    let limit = max(1, name.count / 3)
    return candidates.map { ($0, distance(name.lowercased(), $0.lowercased())) }
      .filter { $0.1 <= limit }
      .min { ($0.1, $0.0) < ($1.1, $1.0) }?.0
  }

  private static func distance(_ left: String, _ right: String) -> Int {
    let right = Array(right)
    var row = Array(0...right.count)
    for (index, character) in left.enumerated() {
      var previous = row[0]
      row[0] = index + 1
      for column in right.indices {
        let substitution = previous + (character == right[column] ? 0 : 1)
        previous = row[column + 1]
        row[column + 1] = min(substitution, row[column] + 1, row[column + 1] + 1)
      }
    }
    return row[right.count]
  }
}
