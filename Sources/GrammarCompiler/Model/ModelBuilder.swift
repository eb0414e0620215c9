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

  init(_ trees: [SyntaxTree], diagnostics: Diagnostics) {
    self.trees = trees
    self.diagnostics = diagnostics
  }

  func build() -> Model {
    collect()
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
    where model.shapes[owner] == nil {
      undefined(entry.0.owner, "shape", among: Array(model.shapes.values.map(\.name)))
    }
    checkDuplicateStatuses()
    ElementBuilder(trees, model: model, owner: self).build()
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
            continue
          }
          existing.expression = Expression(
            kind: .choice([existing.expression, declaration.expression]), position: existing.expression.position)
          rules[key] = existing
        } else if let existing = rules[key] {
          diagnostics.report(
            declaration.position,
            "`\(declaration.name)` is declared twice; the first time in line \(existing.position.line)\(elsewhere(existing.position, declaration.position))"
          )
        } else {
          rules[key] = declaration
        }
      }
      for declaration in tree.enums {
        // Exact, unlike a rule's name: `enum Transport : transport` is a fine pair.
        let key = declaration.name
        if enumDeclarations[key] != nil {
          diagnostics.report(declaration.position, "`\(declaration.name)` is declared twice")
        } else {
          enumDeclarations[key] = (declaration, tree.area)
        }
      }
      for declaration in tree.params {
        let key = declaration.owner.name.lowercased()
        if paramsByOwner[key] != nil {
          diagnostics.report(declaration.position, "the parameters of `\(declaration.owner.name)` are declared twice")
        } else {
          paramsByOwner[key] = (declaration, tree.area)
        }
      }
    }
  }

  private func elsewhere(_ first: Position, _ second: Position) -> String {
    first.file == second.file ? "" : " of another file"
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
      among: rules.values.map(\.name) + enumDeclarations.values.map(\.0.name))
  }

  // MARK: Tokens

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

  func token(_ name: String, at position: Position? = nil) -> TokenRule? {
    let key = name.lowercased()
    if position != nil { model.used.insert(key) }
    if let known = model.tokens[key] { return known }
    guard let rule = rules[key], !isShape(key) else {
      if let position {
        if rules[key] != nil {
          diagnostics.report(position, "`\(name)` is a shape; capture it with a label, such as `\(Naming.property(name)):\(name)`")
        } else if enumDeclarations[name] != nil {
          diagnostics.report(position, "`\(name)` is an enum; capture it with a label, such as `\(Naming.property(name)):\(name)`")
        } else {
          undefinedRule(name, position)
        }
      }
      return nil
    }
    if regexInProgress.contains(key) {
      diagnostics.report(
        rule.position,
        "the token rule `\(rule.name)` refers to itself (\((regexInProgress.drop { $0 != key } + [key]).joined(separator: " → "))); a token rule is regular",
        note: "give it captures, so that it becomes a shape rule, or write the repetition with `*`")
      return nil
    }
    regexInProgress.append(key)
    defer { regexInProgress.removeLast() }
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
    if let written = rule.written, !result.automaton.accepts(written) {
      diagnostics.report(
        rule.position, "`\(rule.name)` does not match \"\(String(decoding: written, as: UTF8.self))\", as which it is to be written")
    }
    model.tokens[key] = result
    return result
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
        diagnostics.report(predicate.position, "a token rule is matched by the longest text; `when` belongs into a shape")
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
    var caseNames: Set<String> = ["other"]
    var cases: [(name: String, caseName: String, exact: Bool)] = []
    for entry in declaration.cases {
      let text = String(decoding: entry.name, as: UTF8.self)
      if let base, !base.automaton.accepts(entry.name) {
        diagnostics.report(entry.position, "\"\(text)\" is no `\(base.name)`, of which `\(declaration.name)` consists")
      }
      let caseName = Naming.property(text)
      if !caseNames.insert(caseName).inserted {
        diagnostics.report(entry.position, "\"\(text)\" stands twice in `\(declaration.name)`")
      }
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
      let cycle = (shapesInProgress[index...] + [key]).joined(separator: " → ")
      diagnostics.report(
        rule.position, "the shape `\(rule.name)` contains itself (\(cycle)); nothing would bound its depth",
        note: "left recursion is written as a repetition: `item *( separator item )`")
      return nil
    }
    if let known = model.shapes[key] { return known }
    guard let rule = rules[key] else { return nil }
    shapesInProgress.append(key)
    defer { shapesInProgress.removeLast() }
    let shape = Shape(
      name: rule.name, typeName: Naming.type(rule.name), position: rule.position, comment: rule.comment,
      area: rule.area, source: "rule \(rule.name)")
    if let reference = rule.asType {
      model.used.insert(reference.name.lowercased())
      guard let target = self.shape(reference.name) else {
        undefined(reference, "shape", among: Array(model.shapes.values.map(\.name)))
        return nil
      }
      shape.fills = target
    }
    ShapeBuilder(shape, owner: self).build(rule.expression)
    model.shapes[key] = shape
    model.orderedShapes.append(shape)
    addParams(to: shape, key: key)
    return shape
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
        ShapeBuilder(valueShape, owner: self).build(expression)
        guard valueShape.fields.count == 1, valueShape.fields[0].label == "value", !valueShape.fields[0].isList else {
          diagnostics.report(row.position, "the value of a parameter is one capture, `value:type`")
          continue
        }
        value = valueShape
      }
      if rows.contains(where: { $0.name.lowercased() == row.name.lowercased() }) {
        diagnostics.report(row.position, "the parameter `\(row.name)` stands twice in the table")
      }
      rows.append(
        .init(
          name: row.name, label: Naming.property(row.name), value: value, isValueOptional: isValueOptional,
          position: row.position))
    }
    var other: Shape?
    if let reference = declaration.other {
      model.used.insert(reference.name.lowercased())
      other = self.shape(reference.name)
      if other == nil { undefined(reference, "shape", among: Array(model.shapes.values.map(\.name))) }
      if let found = other, found.field("name") == nil {
        diagnostics.report(reference.position, "`\(reference.name)` has no capture `name`, by which a parameter is known")
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
      diagnostics.report(
        declaration.position, "the header `\(declaration.name)` is declared twice; see also `\(duplicate.name)` in line \(duplicate.position.line)")
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
        declaration.position, "the line `\(Character(Unicode.Scalar(declaration.letter)))=` is declared twice; see also `\(existing.name)`")
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
    if model.attributes.contains(where: { $0.name == declaration.name }) {
      diagnostics.report(declaration.position, "the attribute `\(declaration.name)` is declared twice")
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
