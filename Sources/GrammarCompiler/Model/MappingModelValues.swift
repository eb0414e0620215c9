/// Rows that stand for one value, and whether its types convert.
extension MappingModelBuilder {
  func value(_ syntax: MappingRow, _ field: MappedField, _ scope: Scope) -> MappedRow? {
    let row = MappedRow(syntax, kind: .value, element: scope.element)
    row.field = field
    if case .line(let line) = field.place {
      row.isLifted = scope.isInList
      mapping.open(line, at: syntax.position, in: scope.block)
    }
    switch syntax.right {
    case .attribute(let name, equals: nil): row.attribute = attribute(name, of: scope.element)
    case .text(let position): row.attribute = text(of: scope.element, position)
    case .literal(let bytes, let position):
      row.kind = .constant(bytes)
      checkConstant(bytes, field, position)
      // What says something else is reported when it is met.
      var both = syntax
      both.arrow = .both
      cover(field, both, scope, isSure: true)
      if syntax.arrow != .toSDP {
        diagnostics.report(syntax.position, "a constant has no counterpart in Jingle: it is written `<-`")
      }
      return row
    case .nothing where syntax.function != nil: break
    default:
      diagnostics.report(
        syntax.position, "`\(field.name)` is one value: it is mapped to an attribute, `text` or a constant")
      return nil
    }
    let attribute = row.attribute
    cover(field, syntax, scope, isSure: attribute.map { !$0.isOptional } ?? (syntax.function != nil))
    guard let attribute else { return nil }
    cover(attribute, syntax, scope)
    if let table = syntax.table {
      row.perspective = perspective(table, field, attribute)
    } else if syntax.function == nil {
      checkConversion(field.type, field.name, attribute, syntax.position)
    }
    checkLift(row, field, scope)
    return row
  }

  private func checkLift(_ row: MappedRow, _ field: MappedField, _ scope: Scope) {
    guard row.syntax.arrow.goesToSDP, row.isLifted, row.syntax.lift == nil else { return }
    diagnostics.report(
      row.syntax.position,
      "`\(field.name)` stands once in the section, but in every `<\(scope.element.qualifiedName)>`: say which counts, `least`, `greatest` or `first`"
    )
  }

  func pair(_ syntax: MappingRow, _ first: MappingPath, _ second: MappingPath, _ scope: Scope) -> MappedRow? {
    guard case .pair(let left, let right) = syntax.right else {
      diagnostics.report(syntax.position, "a pair of fields is mapped to a pair of attributes, `@a + @b`")
      return nil
    }
    let row = MappedRow(syntax, kind: .pair, element: scope.element)
    for (path, name) in [(first, left), (second, right)] {
      guard let target = target(path, scope, isFromSession: syntax.isFromSession) else { return nil }
      guard case .field(let field) = target else {
        diagnostics.report(path.position, "`\(path.text)` is no single value")
        return nil
      }
      var half = syntax
      half.left = .paths([path])
      half.right = .attribute(name, equals: nil)
      half.position = path.position
      guard let value = value(half, field, scope) else { return nil }
      row.nested.append(value)
    }
    return row
  }

  func words(_ syntax: MappingRow, _ path: MappingPath, _ scope: Scope) -> MappedRow? {
    guard case .words(let reference, let name, let value) = syntax.right else {
      diagnostics.report(syntax.position, "words are mapped to an element, `<prefix:name> @name = @value`")
      return nil
    }
    guard let target = target(path, scope, isFromSession: syntax.isFromSession) else { return nil }
    guard case .field(let field) = target, case .text = field.type, field.field?.isList == false else {
      diagnostics.report(path.position, "`\(path.text)` is no text that could be cut into words")
      return nil
    }
    let row = MappedRow(syntax, kind: .words, element: scope.element)
    row.field = field
    cover(field, syntax, scope, isSure: false)
    guard let child = child(reference, of: scope.element) else { return nil }
    row.child = child
    cover(child, syntax, scope)
    guard let nameAttribute = attribute(name, of: child.element),
      let valueAttribute = attribute(value, of: child.element)
    else { return nil }
    row.wordAttributes = (nameAttribute, valueAttribute)
    return row
  }

  func member(_ syntax: MappingRow, _ bytes: [UInt8], _ path: MappingPath, _ scope: Scope) -> MappedRow? {
    guard let target = target(path, scope, isFromSession: syntax.isFromSession) else { return nil }
    guard case .field(let field) = target, case .line = field.place, field.field?.isList == true,
      case .text(let token) = field.type
    else {
      diagnostics.report(path.position, "`\(path.text)` is no list of texts of a line")
      return nil
    }
    if !token.automaton.accepts(bytes) {
      diagnostics.report(syntax.position, "\"\(String(decoding: bytes, as: UTF8.self))\" is no `\(token.name)`")
    }
    let row = MappedRow(syntax, kind: .member(bytes), element: scope.element)
    row.field = field
    cover(field, syntax, scope, isSure: false)
    switch syntax.right {
    case .elements(let references, attribute: nil) where references.count == 1:
      guard let child = child(references[0], of: scope.element) else { return nil }
      row.child = child
      cover(child, syntax, scope)
    case .attribute(let name, equals: .some):
      row.attribute = attribute(name, of: scope.element)
      cover(row.attribute, syntax, scope)
    default:
      diagnostics.report(
        syntax.position,
        "a member of a list is mapped to an element, or to the value of an attribute, `@name = \"value\"`")
      return nil
    }
    return row
  }

  func choice(_ syntax: MappingRow, _ reference: Reference, _ scope: Scope) -> MappedRow? {
    guard let table = table(reference) else { return nil }
    guard case .attribute(let name, equals: nil) = syntax.right, let attribute = attribute(name, of: scope.element)
    else {
      diagnostics.report(syntax.position, "a choice of attributes is mapped to an attribute, `@name`")
      return nil
    }
    let row = MappedRow(syntax, kind: .choice(table), element: scope.element)
    row.attribute = attribute
    for column in table.columns {
      guard let line = line(column, scope, isFromSession: syntax.isFromSession) else { continue }
      if line.shape != nil {
        diagnostics.report(column.position, "`a=\(line.name)` has a value, so it is none of a choice")
      }
      cover(line, syntax, scope, wholly: true)
    }
    checkValues(table, attribute)
    cover(attribute, syntax, scope)
    return row
  }

  // MARK: Excuses

  func excuse(_ excuse: MappingRow.Excuse, _ syntax: MappingRow, _ scope: Scope) -> MappedRow? {
    let row = MappedRow(syntax, kind: .loss, element: scope.element)
    if let presence = excuse.presence { row.presence = self.presence(presence, scope) }
    for path in excuse.paths {
      guard let target = target(path, scope, isFromSession: false), !isWrittenOnly(excuse, path.text, .toSDP, path)
      else { continue }
      switch target {
      case .line(let line):
        // One of several alternatives speaks for the lines of the session too: they count for its section.
        let levels = scope.branch == nil ? [scope.level] : SDPLevel.allCases.filter(line.levels.contains)
        for level in levels {
          mapping.excuse(
            .line(slot: line.slot, level: level, branch: scope.branch), excuse, name: path.text, at: path.position)
        }
        row.losses.append(
          .init(
            place: .line(line, scope.level), name: line.shown, reason: excuse.reason,
            isFromSession: levels.contains(.session) && scope.level != .session))
      case .field(let field):
        if let thing = mapping.thing(field) { mapping.excuse(thing, excuse, name: path.text, at: path.position) }
        let owner = scope.line?.shown ?? lineName(of: field) ?? ""
        // The name of the line stands in front already.
        let own = field.name.split(separator: ".").last ?? ""
        row.losses.append(.init(place: .field(field), name: "\(owner) \(own)", reason: excuse.reason))
      default: diagnostics.report(path.position, "`\(path.text)` cannot be excused")
      }
    }
    func excuseJingle(_ name: String, _ shown: String, _ place: MappedLoss.Place, _ position: Position) {
      let thing = MappingModel.Thing.jingle(block: ObjectIdentifier(scope.block), name: name)
      mapping.excuse(thing, excuse, name: name, at: position)
      row.losses.append(.init(place: place, name: shown, reason: excuse.reason))
    }
    let owner = "<\(scope.element.qualifiedName)>"
    for reference in excuse.attributes {
      guard let attribute = attribute(reference, of: scope.element),
        !isWrittenOnly(excuse, "@\(attribute.name)", .toJingle, reference)
      else { continue }
      excuseJingle("@\(attribute.name)", "\(owner) @\(attribute.name)", .attribute(attribute), reference.position)
    }
    for reference in excuse.elements {
      guard let child = child(reference, of: scope.element),
        !isWrittenOnly(excuse, "<\(reference.name)>", .toJingle, reference)
      else { continue }
      let name = "<\(child.element.qualifiedName)>"
      excuseJingle(name, name, .child(child), reference.position)
    }
    if let position = excuse.text, let text = text(of: scope.element, position),
      !isWrittenOnly(excuse, "text", .toJingle, Reference(name: "text", position: position))
    {
      excuseJingle("text", "text of \(owner)", .attribute(text), position)
    }
    return row
  }

  /// Only what is read can be lost.
  private func isWrittenOnly(
    _ excuse: MappingRow.Excuse, _ name: String, _ writing: MappingModel.Direction, _ reference: Reference
  ) -> Bool {
    guard excuse.isLoss, excuse.arrow.directions == [writing] else { return false }
    diagnostics.report(
      reference.position, "`\(name)` is not read on this way, so it cannot be lost",
      note: "write `elsewhere \(writing.arrow) \(name) \"why\"` where nothing makes it")
    return true
  }

  private func isWrittenOnly(
    _ excuse: MappingRow.Excuse, _ name: String, _ writing: MappingModel.Direction, _ path: MappingPath
  ) -> Bool { isWrittenOnly(excuse, name, writing, Reference(name: name, position: path.position)) }

  private func lineName(of field: MappedField) -> String? {
    if case .line(let line) = field.place { return line.shown }
    return field.shape?.name
  }

  // MARK: Types

  private func described(_ type: FieldType) -> String {
    switch type {
    case .text: "a text"
    case .number: "a number"
    case .enumeration(let type): "one of \(Self.listed(type.cases.map(\.name)))"
    case .shape: "made of fields of its own"
    case .flag: "a mark that is there or not"
    }
  }

  private func described(_ type: ElementType.ValueType) -> String {
    switch type {
    case .text, .token: "a text"
    case .number: "a number"
    case .enumeration(let type): "one of \(Self.listed(type.cases.map(\.name)))"
    }
  }

  static func listed(_ names: [String]) -> String {
    names.count > 4 ? names.prefix(3).joined(separator: ", ") + ", …" : names.joined(separator: ", ")
  }

  func checkConversion(_ type: FieldType, _ name: String, _ attribute: ElementType.Attribute, _ position: Position) {
    let converts: Bool
    switch (type, attribute.type) {
    case (.text, _), (.number, .number), (.number, .text), (.number, .token), (.enumeration, .text),
      (.enumeration, .token):
      converts = true
    case (.enumeration(let left), .enumeration(let right)):
      converts = left.cases.contains { one in right.cases.contains { $0.name.lowercased() == one.name.lowercased() } }
    default: converts = false
    }
    if converts { return }
    let label = attribute.name.isEmpty ? "the text" : "`@\(attribute.name)`"
    diagnostics.report(
      position, "`\(name)` is \(described(type)) and \(label) is \(described(attribute.type)): they do not convert",
      note: "declare both alike, or name a `function` that converts them")
  }

  private func checkConstant(_ bytes: [UInt8], _ field: MappedField, _ position: Position) {
    let text = String(decoding: bytes, as: UTF8.self)
    let isValid: Bool
    switch field.type {
    case .text(let token): isValid = token.automaton.accepts(bytes)
    case .number(let number): isValid = UInt64(text).map { $0 >= number.minimum && $0 <= number.maximum } ?? false
    case .enumeration(let type): isValid = type.cases.contains { $0.name == text }
    default: isValid = false
    }
    if !isValid {
      diagnostics.report(position, "\"\(text)\" is no value of `\(field.name)`, which is \(described(field.type))")
    }
  }

  // MARK: Duplicates

  /// Two rows of one place for the same target.
  func checkDuplicate(_ row: MappedRow, _ targets: inout [String: MappingRow]) {
    guard row.syntax.excuse == nil, row.syntax.presence == nil, row.syntax.predicate == nil, row.syntax.actions.isEmpty
    else { return }
    var keys: [(String, String)] = []
    switch row.kind {
    case .pair:
      for value in row.nested { checkDuplicate(value, &targets) }
      return
    case .value, .constant, .choice:
      if let attribute = row.attribute, row.syntax.arrow.goesToJingle {
        keys.append(("jingle \(attribute.name)", attribute.name.isEmpty ? "the text" : "`@\(attribute.name)`"))
      }
      if let field = row.field, row.syntax.arrow.goesToSDP { keys.append(("sdp \(field.name)", "`\(field.name)`")) }
    default: return
    }
    for (key, shown) in keys {
      if let first = targets[key] {
        diagnostics.report(
          row.syntax.position, "\(shown) has a second row here; the first is in line \(first.position.line)")
      } else {
        targets[key] = row.syntax
      }
    }
  }
}
