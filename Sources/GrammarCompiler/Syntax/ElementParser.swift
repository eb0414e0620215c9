extension Parser {
  /// `feature prefix`, or `feature "name"` where the feature is no namespace of an element.
  mutating func parseFeature() throws {
    let start = take()
    let position = current.position
    let name: FeatureDeclaration.Name
    if !isAtEnd, case .string(let bytes, _) = current.kind {
      take()
      name = .text(String(decoding: bytes, as: UTF8.self))
    } else {
      name = .namespace(try expectName("the prefix of a namespace, or the feature as a string"))
    }
    try expectEndOfDeclaration()
    tree.features.append(FeatureDeclaration(name: name, position: position, comment: start.comment))
  }

  /// `element prefix:name [root]`, then a line for each attribute, child and the character data.
  mutating func parseElement() throws {
    let start = take()
    if case .angle(let name) = current.kind {
      throw expected("the prefix of a namespace", note: "without the angle brackets: `element \(name)`")
    }
    let prefix = try expectName("the prefix of a namespace")
    guard !current.isFirstOnLine, skip(symbol: ":") else {
      diagnostics.report(
        endOfDeclaration, "expected `:` and the name of the element",
        note: "an element is named with the prefix of its namespace: `element prefix:\(prefix.name)`")
      throw Failure()
    }
    let name = try expectName("the name of the element")
    var element = ElementDeclaration(
      prefix: prefix, name: name.name, isRoot: false, attributes: [], children: [], text: nil,
      position: prefix.position, comment: start.comment)
    if isWord("root"), !current.isFirstOnLine {
      take()
      element.isRoot = true
    }
    while !isAtEnd {
      guard current.isFirstOnLine else { throw expected("the next attribute or child on a line of its own") }
      try parseElementItem(&element)
    }
    tree.elements.append(element)
  }

  private mutating func parseElementItem(_ element: inout ElementDeclaration) throws {
    let position = current.position
    if isRequirement, case .symbol("@") = following.kind {
      element.requirements.append(try parseRequirement(ofElement: true))
      return
    }
    if isWord("one"), case .identifier("of") = following.kind {
      take()
      take()
      repeat { element.exclusive.append(try expectChild()) } while !isAtEnd && !current.isFirstOnLine
      return
    }
    if isWord("text"), case .symbol(":") = following.kind {
      take()
      take()
      let type = try expectName("the type of the character data")
      if element.text != nil {
        diagnostics.report(position, "the character data of `\(element.qualifiedName)` is declared twice")
        throw Failure()
      }
      element.text = .init(type: type, isOptional: skip(symbol: "?"), position: position)
      return
    }
    var label: String?
    if case .identifier(let name) = current.kind {
      label = try expectName("a label").name
      if isSymbol(":") {
        throw expected(
          "`@attribute:type`, `<prefix:element>` or `text:type`", note: "an attribute is written `@\(name):type`")
      }
    }
    if skip(symbol: "@") {
      let name = try expectName("the name of an attribute")
      try expect(symbol: ":")
      let type = try expectName("the type of the attribute")
      var isOptional = false
      var defaultValue: String?
      if skip(symbol: "?") {
        isOptional = true
        if isSymbol("=") { throw fail("an attribute with a default is optional anyway; leave out the `?`") }
      } else if skip(symbol: "=") {
        isOptional = true
        defaultValue = try parseDefault()
      }
      if isOptional, !current.isFirstOnLine { _ = skipTolerance() }
      element.attributes.append(
        .init(
          name: name.name, label: label ?? Naming.property(name.name), type: type, isOptional: isOptional,
          defaultValue: defaultValue, position: position))
      return
    }
    guard !isAtEnd, case .angle(let qualified) = current.kind else {
      throw expected("`@attribute:type`, `<prefix:element>` or `text:type`")
    }
    let childPosition = take().position
    guard let colon = qualified.firstIndex(of: ":") else {
      diagnostics.report(childPosition, "a child is written <prefix:name>")
      throw Failure()
    }
    let local = String(qualified[qualified.index(after: colon)...])
    var occurrence = ElementDeclaration.Occurrence.one
    if skip(symbol: "?") {
      occurrence = .optional
    } else if skip(symbol: "*") {
      occurrence = .many
    } else if skip(symbol: "+") {
      occurrence = .some
    }
    var unique: [Reference] = []
    if !current.isFirstOnLine, skip(word: "unique") {
      repeat {
        try expect(symbol: "@")
        unique.append(try expectName("the name of an attribute"))
      } while isSymbol("@") && !current.isFirstOnLine
    }
    element.children.append(
      .init(
        label: label ?? Naming.property(local), element: Reference(name: qualified, position: childPosition),
        occurrence: occurrence, unique: unique, position: position))
  }

  private mutating func parseDefault() throws -> String {
    switch current.kind {
    case .number(let value):
      take()
      return String(value)
    case .identifier(let name):
      take()
      return name
    case .string(let bytes, _):
      take()
      return String(decoding: bytes, as: UTF8.self)
    default: throw expected("the default value")
    }
  }
}
