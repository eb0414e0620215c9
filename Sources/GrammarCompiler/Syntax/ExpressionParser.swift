extension Parser {
  /// `a / b / c`.
  mutating func parseChoice() throws -> Expression {
    let position = current.position
    // The first thing of a rule cannot be against it, but one in brackets can.
    if depth > 0, !isLabel { _ = skipTolerance() }
    var alternatives = [try parseSequence()]
    while skip(symbol: "/") {
      if !isLabel { _ = skipTolerance() }
      alternatives.append(try parseSequence())
    }
    return alternatives.count == 1 ? alternatives[0] : Expression(kind: .choice(alternatives), position: position)
  }

  /// `a b c`, possibly with a guard in front.
  private mutating func parseSequence() throws -> Expression {
    let position = current.position
    var predicate: Reference?
    if isWord("when") {
      take()
      predicate = try expectName("the predicate, a token rule")
    }
    var elements: [Expression] = []
    while startsElement { elements.append(try parseElementOfSequence()) }
    if elements.isEmpty {
      let isComment = isSymbol("/") && index > 0 && tokens[index - 1].kind == .symbol("/") && adjoins(tokens[index - 1])
      throw expected("an expression", note: isComment ? "a comment begins with `;`" : nil)
    }
    if isWord("when"), !isLabel, !isRequirement {
      throw fail("`when` stands at the beginning of `[ ]`, `( )` or an alternative")
    }
    if predicate == nil, elements.count == 1 { return elements[0] }
    return Expression(kind: .sequence(guard: predicate, elements), position: position)
  }

  private var startsElement: Bool {
    if isAtEnd { return false }
    switch current.kind {
    case .identifier(let name):
      // These continue a rule, unless they are labels.
      return !(["written", "called", "tolerate", "when"].contains(name) && !isLabel) && !isRequirement
        && !(isMisplacedExample && !isLabel)
    case .number, .string, .range, .angle: return true
    case .symbol(let symbol): return ["(", "[", "*", "#"].contains(symbol)
    case .invalid, .example, .end: return false
    }
  }

  /// The current token stands directly behind `token`.
  private func adjoins(_ token: LexicalToken) -> Bool {
    current.position.line == token.position.line && current.position.column == token.endColumn
  }

  /// An identifier that a `:` adjoins.
  private var isLabel: Bool {
    guard case .identifier = current.kind, case .symbol(":") = following.kind else { return false }
    return following.position.line == current.position.line && following.position.column == current.endColumn
  }

  /// One element with its repetition and label.
  mutating func parseElementOfSequence() throws -> Expression {
    let start = current
    if isLabel, case .identifier(let label) = current.kind {
      take()
      let colon = take()
      guard !isAtEnd, current.position.line == colon.position.line, current.position.column == colon.endColumn else {
        throw expected("the type of `\(label)` directly behind its `:`")
      }
      if isLabel { throw fail("a capture captures a token or a rule, not another capture") }
      return Expression(kind: .capture(label: label, try parseRepeated()), position: start.position)
    }
    return try parseRepeated()
  }

  private mutating func parseRepeated() throws -> Expression {
    let start = current
    var minimum: Int?
    var maximum: Int?
    if case .number(let number) = current.kind {
      minimum = try checked(number)
      take()
    }
    if isSymbol("*") {
      take()
      if case .number(let number) = current.kind, !isAtEnd {
        maximum = try checked(number)
        if let minimum, number < minimum { throw fail("at least \(minimum) and at most \(number): nothing is both") }
        if number == 0 { throw fail("what is repeated at most 0 times is never there") }
        take()
      }
      let element = try parseRepeatedElement()
      return Expression(
        kind: .repetition(minimum: minimum ?? 0, maximum: maximum, element), position: start.position)
    }
    if isSymbol("#") {
      take()
      return Expression(
        kind: .commaList(minimum: minimum ?? 0, try parseRepeatedElement()), position: start.position)
    }
    if let count = minimum {
      if count == 0 {
        diagnostics.report(start.position, "what is repeated 0 times is never there")
        throw Failure()
      }
      return Expression(
        kind: .repetition(minimum: count, maximum: count, try parseRepeatedElement()), position: start.position)
    }
    return try parsePrimary()
  }

  /// How often something is repeated, within reason.
  private func checked(_ count: Int) throws -> Int {
    if count > Self.maximumCount { throw fail("a repetition is counted up to \(Self.maximumCount)") }
    return count
  }

  private static var maximumCount: Int { 65535 }

  /// What is repeated: a primary, or a labelled one (`1#values:via-parm`).
  private mutating func parseRepeatedElement() throws -> Expression {
    guard isLabel else { return try parsePrimary() }
    try descendIntoGroup()
    defer { depth -= 1 }
    return try parseElementOfSequence()
  }

  private mutating func parsePrimary() throws -> Expression {
    let start = current
    if isAtEnd { throw expected("an expression") }
    switch start.kind {
    case .identifier(let name):
      take()
      if name == "params" { return Expression(kind: .params, position: start.position) }
      return Expression(kind: .reference(name), position: start.position)
    case .string(let bytes, let exact):
      try checkLiteral()
      take()
      return Expression(kind: .literal(bytes, exact: exact), position: start.position)
    case .range(let first, let last):
      take()
      return Expression(kind: .range(first, last), position: start.position)
    case .angle(let prose):
      take()
      return Expression(kind: .prose(prose), position: start.position)
    case .symbol("("):
      try descendIntoGroup()
      defer { depth -= 1 }
      take()
      let inner = try parseChoice()
      try expectClosing(")", opened: start.position)
      return inner
    case .symbol("["):
      try descendIntoGroup()
      defer { depth -= 1 }
      take()
      let inner = try parseChoice()
      try expectClosing("]", opened: start.position)
      return Expression(kind: .optional(inner), position: start.position)
    default:
      throw expected("an expression")
    }
  }

  private mutating func descendIntoGroup() throws {
    try descend("brackets are", note: "give what stands in them a rule of its own")
  }

  private mutating func expectClosing(_ symbol: String, opened: Position) throws {
    if skip(symbol: symbol) { return }
    let opening = symbol == ")" ? "(" : "["
    let place = opened.line == endOfDeclaration.line ? "" : "line \(opened.line), "
    throw expected(
      "`\(symbol)` to close the `\(opening)` of \(place)column \(opened.column)", note: hintBehindExpression)
  }
}
