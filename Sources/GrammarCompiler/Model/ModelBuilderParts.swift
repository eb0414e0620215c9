/// Headers, lines and attributes, and whether the names of all declarations go together.
extension ModelBuilder {
  func addHeader(_ declaration: HeaderDeclaration, area: String) {
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
    checkNameInFront(of: declaration.expression, declaration.name)
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
        needs: declaration.needs.compactMap(need), isRequiredWithBody: declaration.isRequiredWithBody,
        isMany: declaration.isMany || listField != nil, shape: shape, listField: listField,
        examples: declaration.examples, position: declaration.position))
  }

  /// Gives the headers their slots: first come those that some message has to have, then those that may be there only once,
  /// so that a parser has to watch the first ones alone.
  func numberHeaders() {
    func rank(_ header: HeaderModel) -> Int { header.isMany ? (header.isDemanded ? 0 : 2) : 1 }
    let ranks = model.headers.map(rank)
    let order = model.headers.indices.sorted { (ranks[$0], $0) < (ranks[$1], $1) }
    for (number, index) in order.enumerated() { model.headers[index].slot = number + 1 }
  }

  /// One of the messages behind `required in`.
  private func need(_ need: HeaderDeclaration.Need) -> HeaderModel.Need? {
    let code = need.status.map { $0 < 10 ? "\($0)xx" : "\($0)" }
    guard let method = need.method else { return .init(status: need.status, method: nil, name: code ?? "") }
    model.usedEnums.insert(HeaderModel.methods)
    let methods = model.orderedEnums.first { $0.name == HeaderModel.methods }?.cases ?? []
    guard let number = methods.firstIndex(where: { $0.name == method.name }) else {
      let suggestion =
        Spelling.closest(to: method.name, among: methods.map(\.name)).map { "; did you mean `\($0)`?" } ?? ""
      diagnostics.report(
        method.position, "`\(method.name)` is no value of the enum `\(HeaderModel.methods)`" + suggestion)
      return nil
    }
    return .init(status: need.status, method: number + 1, name: (code.map { "\($0) to " } ?? "") + method.name)
  }

  /// RFCs spell the name of a header, an attribute or a parameter out, in front of what is its value here.
  func checkNameInFront(of expression: Expression, _ name: String) {
    var first = expression
    while true {
      switch first.kind {
      case .sequence(_, let parts):
        guard let part = parts.first else { return }
        first = part
        continue
      case .literal(let bytes, _):
        var text = String(decoding: bytes, as: UTF8.self).asciiLowercased
        if text.hasPrefix("a=") { text.removeFirst(2) }
        while let end = text.last, ":= ".contains(end) { text.removeLast() }
        if text == name.asciiLowercased {
          diagnostics.report(
            first.position, "`\(name)` stands in front of its value already",
            note: "write only what comes behind the name, and behind the sign that follows it")
        }
        return
      default: return
      }
    }
  }

  func addLine(_ declaration: LineDeclaration, area: String) {
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
        examples: declaration.examples, position: declaration.position))
  }

  func addAttribute(_ declaration: AttributeDeclaration, area: String) {
    if let existing = model.attributes.first(where: { $0.name == declaration.name }) {
      diagnostics.report(
        declaration.position, "the attribute `\(declaration.name)` is declared twice", note: "the first time here",
        at: existing.position)
      return
    }
    if declaration.expression == nil, let example = declaration.examples.first {
      diagnostics.report(
        example.position, "the attribute `\(declaration.name)` has no value, and so no example",
        note: "say behind `=` what the value is, or take the example away")
    }
    var shape: Shape?
    var isValueOptional = false
    let typeName = Naming.type(declaration.name) + "Attribute"
    if let expression = declaration.expression {
      let made = Shape(
        name: declaration.name, typeName: typeName, position: declaration.position, comment: declaration.comment,
        area: area, source: "attribute \(declaration.name)")
      checkNameInFront(of: expression, declaration.name)
      ShapeBuilder(made, owner: self).build(expression)
      if !made.isBroken { for requirement in declaration.requirements { add(requirement, to: made) } }
      // A value that may be missing takes its colon along, which decides: `a=name` and `a=name:value`.
      if made.body.count == 1, case .optional(let value, let condition) = made.body[0] {
        let colon = Step.literal([0x3A], exact: true, declaration.position)
        let body = Alternative(predicate: nil, body: [colon] + value.body, position: value.position)
        made.body = [.optional(body, condition)]
        isValueOptional = true
      }
      model.orderedShapes.append(made)
      addParams(to: made, key: declaration.name.lowercased())
      shape = made
    }
    model.attributes.append(
      AttributeModel(
        name: declaration.name, levels: declaration.levels.map(\.name), shape: shape, isValueOptional: isValueOptional,
        isUnique: declaration.isUnique,
        slot: 64 + model.attributes.count, typeName: typeName, comment: declaration.comment,
        examples: declaration.examples, position: declaration.position))
  }

  private func add(_ requirement: RequirementDeclaration, to shape: Shape) {
    func field(_ reference: Reference) -> Field? {
      guard let field = shape.field(reference.name) else {
        undefined(reference, "field of `\(shape.name)` that is called", among: shape.fields.map(\.label))
        return nil
      }
      switch field.type {
      case .text where !field.isList && !field.isOptional, .enumeration where !field.isList && !field.isOptional:
        return field
      default:
        diagnostics.report(
          reference.position, "`\(field.label)` is no text that is always there, so that nothing can depend on it")
        return nil
      }
    }
    guard case .form(let target, let rule) = requirement.demand, let subject = field(requirement.subject),
      let target = field(target), let rule = token(rule.name, at: rule.position)
    else { return }
    shape.requirements.append(
      FieldRequirement(
        isNegated: requirement.isNegated, subject: subject, values: requirement.values, target: target, rule: rule))
  }

  /// Two declarations whose names become the same type of Swift, or one that the generated code uses itself.
  func checkTypeNames() {
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
          type.position,
          "`\(type.what)` and `\(other.what)` would both become the type `\(type.name)`; give one another name",
          note: "the other one is here", at: other.position)
      } else {
        known[type.name] = (type.what, type.position)
      }
    }
  }

  func checkDuplicateStatuses() {
    var seen: [Int: Position] = [:]
    for status in model.statuses {
      if let first = seen[status.code] {
        diagnostics.report(
          status.position, "the status code \(status.code) is declared twice", note: "the first time here", at: first)
      }
      seen[status.code] = seen[status.code] ?? status.position
      if !(100...699).contains(status.code) {
        diagnostics.report(status.position, "\(status.code) is no status code; they go from 100 to 699")
      }
    }
  }
}
