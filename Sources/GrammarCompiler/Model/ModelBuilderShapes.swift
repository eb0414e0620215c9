/// Shape rules, and the parameters that they have.
extension ModelBuilder {
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
    if failedShapes.contains(key) {
      diagnostics.meetAgain()
      return nil
    }
    guard let rule = rules[key], isShape(key) else { return nil }
    guard isShallow(rule, others: shapesInProgress.count) else {
      failedShapes.insert(key)
      return nil
    }
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
    let words = [
      ("written", rule.written != nil), ("called", rule.called != nil), ("tolerate", !rule.tolerated.isEmpty),
    ]
    for (word, isThere) in words where isThere {
      diagnostics.report(
        rule.position, "`\(rule.name)` has captures, so it is no token and `\(word)` means nothing here")
    }
    ShapeBuilder(shape, owner: self).build(rule.expression)
    guard measureDepth(of: rule, key: key) else {
      failedShapes.insert(key)
      return nil
    }
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

  func addParams(to shape: Shape, key: String) {
    guard let (declaration, area) = paramsByOwner[key] else {
      if let position = ShapeBuilder.positionOfParams(shape.body), shape.fills == nil {
        diagnostics.report(position, "`\(shape.name)` has no table of parameters (`params \(shape.name) …`)")
      }
      return
    }
    model.shapes[key] = shape
    guard ShapeBuilder.positionOfParams(shape.body) != nil else {
      if shape.isBroken { return }
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
        checkNameInFront(of: expression, row.name)
        if case .optional(let inner) = expression.kind {
          isValueOptional = true
          expression = inner
        }
        let valueShape = Shape(
          name: "\(shape.name) \(row.name)", typeName: shape.typeName + Naming.type(row.name), position: row.position,
          comment: "", area: area, source: "parameter")
        valueShape.parameter = row.name
        let before = diagnostics.mistakes
        ShapeBuilder(valueShape, owner: self).build(expression)
        guard valueShape.fields.count == 1, valueShape.fields[0].label == "value", !valueShape.fields[0].isList,
          !valueShape.fields[0].isOptional
        else {
          if diagnostics.mistakes == before {
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
      } else if shape.field(label) != nil {
        diagnostics.report(
          row.position, "the parameter `\(row.name)` would get the name `\(label)`, which a capture has",
          note: "give it another one: `label@\(row.name)`")
      } else if label == "other" {
        diagnostics.report(
          row.position,
          "the parameter `\(row.name)` would get the name `other`, which is that of all parameters not named here")
      }
      rows.append(
        .init(
          name: row.name, label: label, value: value, isValueOptional: isValueOptional,
          requirement: requirement(of: row, number: rows.count), position: row.position))
    }
    var other: Shape?
    if let reference = declaration.other {
      model.used.insert(reference.name.lowercased())
      other = namedShape(reference)
      if let found = other, !found.isBroken, found.field("name") == nil {
        diagnostics.report(
          reference.position, "`\(reference.name)` has no capture `name`, by which a parameter is known")
      }
    }
    shape.params = ParameterTable(
      separator: separator, rows: rows, other: other, position: declaration.position, comment: declaration.comment)
  }

  /// `required`, and `required when rule`.
  private func requirement(of row: ParamsDeclaration.Row, number: Int) -> ParameterTable.Requirement {
    guard row.isRequired else { return .never }
    if number >= UInt64.bitWidth {
      diagnostics.report(
        row.position, "the parameter `\(row.name)` is required, and \(UInt64.bitWidth) others stand in front of it",
        note: "let it stand further up: only the first \(UInt64.bitWidth) are counted")
    }
    guard let condition = row.condition else { return .always }
    guard !isShape(condition.name.lowercased()) else {
      diagnostics.report(
        condition.position, "a predicate is a token rule, and `\(condition.name)` has captures")
      return .always
    }
    // What there is not has been reported.
    return token(condition.name, at: condition.position).map { .when($0) } ?? .always
  }
}
