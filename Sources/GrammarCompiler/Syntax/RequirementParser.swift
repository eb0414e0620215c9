/// What a declaration demands besides the form of its parts.
extension Parser {
  /// `number NAME = 1 to 256`: a number with limits of its own.
  mutating func parseNumber() throws {
    take()
    let name = try expectName("the name of the number")
    try expect(symbol: "=")
    let minimum = try expectLimit("the least number")
    guard skip(word: "to") else { throw expected("`to` and the greatest number") }
    let maximum = try expectLimit("the greatest number")
    try expectEndOfDeclaration()
    if minimum > maximum {
      diagnostics.report(name.position, "no number is from \(minimum) to \(maximum)")
    }
    tree.numbers.append(
      NumberDeclaration(name: name.name, minimum: minimum, maximum: max(minimum, maximum), position: name.position))
  }

  private mutating func expectLimit(_ what: String) throws -> UInt64 {
    guard !isAtEnd, case .number(let number) = current.kind else { throw expected(what) }
    take()
    return UInt64(number)
  }

  /// `when` or `unless` stands here at the beginning of a line, and what follows is compared: neither a label nor what
  /// decides a choice.
  var isRequirement: Bool {
    guard isWord("when") || isWord("unless"), current.isFirstOnLine, index + 2 < tokens.count else { return false }
    return tokens[index + 1].kind == .symbol("@") || tokens[index + 2].kind == .symbol("=")
  }

  /// `when subject = "value" … needs …`: of an element `@subject`, and `<child>`, `@attribute` or `text:rule` behind
  /// `needs`; of an attribute of SDP a field, and `field:rule`.
  mutating func parseRequirement(ofElement isElement: Bool) throws -> RequirementDeclaration {
    let start = take()
    let isNegated = start.kind == .identifier("unless")
    if isElement { try expect(symbol: "@") }
    let subject = try expectName(isElement ? "the name of an attribute" : "the label of a field")
    try expect(symbol: "=")
    var values = [String(decoding: try expectString("a value, as a string").bytes, as: UTF8.self)]
    while !isAtEnd, case .string(let bytes, _) = current.kind {
      take()
      values.append(String(decoding: bytes, as: UTF8.self))
    }
    guard skip(word: "needs") else { throw expected("another value or `needs`") }
    let demand: RequirementDeclaration.Demand
    if isElement, skip(symbol: "@") {
      demand = .attribute(try expectName("the name of an attribute"))
    } else if isElement, !isAtEnd, case .angle = current.kind {
      demand = .child(try expectChild())
    } else {
      let field = try expectName(isElement ? "`<child>`, `@attribute` or `text:rule`" : "the label of a field")
      try expect(symbol: ":")
      demand = .form(of: field, rule: try expectName("the token rule whose form it has"))
    }
    return RequirementDeclaration(
      isNegated: isNegated, subject: subject, values: values, demand: demand, position: start.position)
  }

  /// `<prefix:name>`.
  mutating func expectChild() throws -> Reference {
    guard !isAtEnd, case .angle(let name) = current.kind else { throw expected("a child, as `<prefix:name>`") }
    return Reference(name: name, position: take().position)
  }
}
