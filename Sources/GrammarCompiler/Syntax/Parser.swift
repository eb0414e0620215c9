/// Reads the declarations of one grammar file. After a mistake it goes on at the next declaration.
struct Parser {
  struct Failure: Error {}

  let diagnostics: Diagnostics
  var tokens: [LexicalToken]
  var index = 0
  /// Index of the token with which the current declaration begins.
  private var declarationStart = 0
  var tree: SyntaxTree
  /// How many brackets, or rows of a map, are open.
  var depth = 0

  init(_ file: SourceFile, index: Int, diagnostics: Diagnostics) {
    var lexer = Lexer(file, index: index, diagnostics: diagnostics)
    tokens = lexer.tokens()
    self.diagnostics = diagnostics
    tree = SyntaxTree(area: file.area)
  }

  mutating func parse() -> SyntaxTree {
    while current.kind != .end {
      declarationStart = index
      depth = 0
      if holdsUnreadable {
        skipDeclaration()
        continue
      }
      let known = tree.tolerances.count
      do {
        try parseDeclaration()
      } catch {
        skipDeclaration()
      }
      for index in known..<tree.tolerances.count {
        tree.tolerances[index].owner = subject(ofDeclarationAt: declarationStart)
        tree.tolerances[index].comment = tokens[declarationStart].comment
      }
    }
    return tree
  }

  /// The lexer stumbled over something in this declaration: whatever the parser could say would only be confusing.
  private var holdsUnreadable: Bool {
    var position = index
    repeat {
      if tokens[position].kind == .invalid { return true }
      position += 1
    } while tokens[position].kind != .end && !tokens[position].isDeclarationStart
    return false
  }

  private mutating func skipDeclaration() {
    // A mistake may have been found at the first token of the next declaration already.
    if index == declarationStart { index += 1 }
    while current.kind != .end, !current.isDeclarationStart { index += 1 }
  }

  /// What a declaration is about, as the tables name it: `Via`, `a=rtpmap`, `<jingle:content>`.
  private func subject(ofDeclarationAt start: Int) -> String {
    func name(_ index: Int) -> String {
      guard tokens.indices.contains(index), case .identifier(let name) = tokens[index].kind else { return "" }
      return name
    }
    switch (name(start), name(start + 1)) {
    case (let rule, ""), (let rule, "as"): return rule
    case ("attribute", let attribute): return "a=\(attribute)"
    case ("line", let letter): return "\(letter)="
    case ("element", let prefix): return "<\(prefix):\(name(start + 3))>"
    case (_, let declared): return declared
    }
  }

  /// `tolerate` stands here, within a declaration.
  mutating func skipTolerance() -> Bool {
    let position = current.position
    guard skip(word: "tolerate") else { return false }
    tree.tolerances.append(Tolerance(owner: "", position: position, comment: "", area: tree.area))
    return true
  }

  /// Where a declaration begins that is none of a target.
  var firstPositionOfAnythingButTargets: Position? {
    tokens.first { $0.isDeclarationStart && $0.kind != .identifier("target") && $0.kind != .end }?.position
  }

  // MARK: Tokens

  var current: LexicalToken { tokens[min(index, tokens.count - 1)] }
  var following: LexicalToken { tokens[min(index + 1, tokens.count - 1)] }

  /// The current token begins the next declaration, so this one is over.
  var isAtEnd: Bool { current.kind == .end || current.isDeclarationStart }

  @discardableResult
  mutating func take() -> LexicalToken {
    let token = current
    index += 1
    return token
  }

  func fail(_ message: String, note: String? = nil) -> Failure {
    diagnostics.report(current.position, message, note: note)
    return Failure()
  }

  func expected(_ what: String, note: String? = nil) -> Failure {
    let isComment = current.isFirstOnLine && [.symbol("#"), .symbol("/")].contains(current.kind)
    let note = isComment ? note ?? "a comment begins with `;`" : hintAtIndentedDeclaration ?? note
    guard isAtEnd else { return fail("expected \(what), found \(current.described)", note: note) }
    diagnostics.report(endOfDeclaration, "expected \(what), but the declaration ends", note: note)
    return Failure()
  }

  /// Just behind the last token that was taken.
  var endOfDeclaration: Position {
    guard index > 0 else { return current.position }
    let last = tokens[min(index, tokens.count) - 1]
    return Position(file: last.position.file, line: last.position.line, column: last.endColumn)
  }

  func isSymbol(_ symbol: String) -> Bool { !isAtEnd && current.kind == .symbol(symbol) }

  var isExample: Bool {
    if case .example = current.kind { return true }
    return false
  }

  /// `example` on a line of its own, where no examples can stand.
  var isMisplacedExample: Bool { isWord("example") && current.isFirstOnLine && !following.isFirstOnLine }

  static let placeOfExamples = "examples stand at the end of a header, a line or an attribute"

  func isWord(_ word: String) -> Bool {
    guard !isAtEnd, case .identifier(let name) = current.kind else { return false }
    return name == word
  }

  mutating func skip(symbol: String) -> Bool {
    guard isSymbol(symbol) else { return false }
    index += 1
    return true
  }

  mutating func skip(word: String) -> Bool {
    guard isWord(word) else { return false }
    index += 1
    return true
  }

  mutating func expect(symbol: String) throws {
    guard skip(symbol: symbol) else { throw expected("`\(symbol)`") }
  }

  mutating func expectName(_ what: String) throws -> Reference {
    guard !isAtEnd, case .identifier(let name) = current.kind else { throw expected(what) }
    return Reference(name: name, position: take().position)
  }

  mutating func expectString(_ what: String) throws -> (bytes: [UInt8], exact: Bool) {
    guard !isAtEnd, case .string(let bytes, let exact) = current.kind else { throw expected(what) }
    index += 1
    return (bytes, exact)
  }

  /// A string that the messages hold, and so one of ABNF.
  mutating func expectLiteral(_ what: String) throws -> (bytes: [UInt8], exact: Bool) {
    try checkLiteral()
    return try expectString(what)
  }

  /// A string in quotes holds printable ASCII (RFC 5234 §2.3).
  func checkLiteral() throws {
    guard !isAtEnd, case .string(let bytes, exact: false) = current.kind,
      let odd = String(decoding: bytes, as: UTF8.self).unicodeScalars.first(where: { !(" "..."~").contains($0) })
    else { return }
    let spelled = String(odd).utf8.map { ($0 < 16 ? "0" : "") + String($0, radix: 16, uppercase: true) }
    throw fail(
      "a string of ABNF holds printable ASCII only (RFC 5234 §2.3)",
      note: "write \(Lexer.named(odd)) as its bytes: `%x\(spelled.joined(separator: "."))`")
  }

  func expectEndOfDeclaration() throws {
    if !isAtEnd { throw expected("the end of the declaration", note: hintBehindExpression) }
  }

  /// RFCs print their rules indented, and so they are pasted.
  private func hintAtIndentedRule(_ sign: LexicalToken) -> String? {
    guard sign.kind == .symbol("=") || sign.kind == .symbol("=/") else { return nil }
    return "a rule begins in the first column, though RFCs indent theirs; an indented line continues the one above"
  }

  /// Where a line within this declaration begins like one of its own, indented by mistake.
  private var hintAtIndentedDeclaration: String? {
    let line = current.position.line
    for token in tokens[declarationStart...min(index, tokens.count - 1)].reversed() where token.isFirstOnLine {
      if token.isDeclarationStart || token.position.line + 3 < line { break }
      if case .identifier(let word) = token.kind, Self.headings.contains(word) {
        return "where `\(word)` in line \(token.position.line) is to begin a declaration, it stands in the first column"
      }
    }
    return nil
  }

  /// Keywords that are seldom the first word of a line within a declaration.
  private static let headings: Set = ["attribute", "element", "enum", "header", "line", "map", "namespace", "params"]

  /// What was probably meant by something that goes on with no expression.
  var hintBehindExpression: String? {
    if isMisplacedExample { return Self.placeOfExamples }
    if index > 0, case .identifier = tokens[index - 1].kind, tokens[index - 1].isFirstOnLine,
      let hint = hintAtIndentedRule(current)
    {
      return hint
    }
    return switch current.kind {
    case .symbol("|"), .symbol(","): "alternatives are separated by `/`"
    case .symbol(":"), .symbol("="): "a capture is written without spaces, `label:rule`"
    default: nil
    }
  }

  /// Brackets in brackets and rows below rows: more than anybody can read would overflow the stack.
  static var maximumDepth: Int { 64 }

  mutating func descend(_ what: String, note: String) throws {
    depth += 1
    if depth > Self.maximumDepth { throw fail("\(what) nested more than \(Self.maximumDepth) deep", note: note) }
  }

  // MARK: Declarations

  private mutating func parseDeclaration() throws {
    guard current.isDeclarationStart else {
      throw fail(
        "a declaration begins in the first column; an indented line continues the one above",
        note: hintAtIndentedRule(following))
    }
    guard case .identifier(let word) = current.kind else {
      let isComment = [.symbol("#"), .symbol("/")].contains(current.kind)
      let note = isComment ? "a comment begins with `;`" : "what belongs to the declaration above is indented"
      // A declaration begins here, whatever it is.
      throw fail("expected a declaration, found \(current.described)", note: note)
    }
    // A rule may bear the name of a keyword: what follows tells.
    if case .symbol(let symbol) = following.kind, !following.isDeclarationStart, symbol == "=" || symbol == "=/" {
      return try parseRule()
    }
    switch word {
    case "header": try parseHeader()
    case "line": try parseLine()
    case "attribute": try parseAttribute()
    case "params": try parseParams()
    case "enum": try parseEnum()
    case "number": try parseNumber()
    case "statuses": try parseStatuses()
    case "namespace": try parseNamespace()
    case "feature": try parseFeature()
    case "element": try parseElement()
    case "target": try parseTarget()
    case "instead":
      take()
      var names = [try expectName("the name of a rule")]
      while case .identifier = current.kind, !isAtEnd { names.append(try expectName("the name of a rule")) }
      let words = try expectString("what is written in its place, as a string").bytes
      try expectEndOfDeclaration()
      tree.insteads += names.map { .init(name: $0, words: String(decoding: words, as: UTF8.self), area: tree.area) }
    case "framing", "stepping":
      take()
      repeat {
        let reference = try expectName("the name of a rule")
        tree.framing.append(reference)
        if word == "stepping" { tree.stepping.insert(reference.name.lowercased()) }
      } while !isAtEnd
    default:
      if try parseMappingDeclaration(word) { return }
      if try parseSignallingDeclaration(word) { return }
      try parseRule()
    }
  }

  private static let keywords = [
    "actions", "asks", "attribute", "effects", "element", "enum", "events", "feature", "framing", "function", "group",
    "header", "instead", "line", "map", "namespace", "number", "params", "predicate", "reasons", "states", "statuses",
    "stepping",
    "table", "target",
  ]

  private mutating func parseRule() throws {
    let start = take()
    guard case .identifier(let name) = start.kind else { throw expected("the name of a rule") }
    var asType: Reference?
    if skip(word: "as") { asType = try expectName("the shape that this rule fills") }
    var isIncremental = false
    if skip(symbol: "=/") {
      isIncremental = true
    } else if !skip(symbol: "=") {
      let meant = Spelling.closest(to: name, among: Self.keywords)
      throw expected(
        "`=` behind the name of the rule",
        note: meant.map { "no declaration begins with `\(name)`; did you mean `\($0)`?" } ?? hintBehindRuleName)
    }
    let expression = try parseChoice()
    var written: [UInt8]?
    var called: String?
    var tolerated: [Expression] = []
    while !isAtEnd {
      if isWord("written"), written != nil { throw fail("a token is written in one way only") }
      if skip(word: "written") {
        written = try expectLiteral("how the token is written, as a string").bytes
      } else if called == nil, skip(word: "called") {
        called = String(decoding: try expectString("what a person calls the token, as a string").bytes, as: UTF8.self)
      } else if skip(word: "tolerate") {
        tolerated.append(try parseChoice())
      } else {
        throw expected("the end of the rule", note: hintBehindExpression)
      }
    }
    tree.rules.append(
      RuleDeclaration(
        name: name, asType: asType, expression: expression, isIncremental: isIncremental, written: written,
        called: called, tolerated: tolerated, area: tree.area, position: start.position, comment: start.comment))
  }

  /// What was probably meant by a sign other than `=` behind the name of a rule.
  private var hintBehindRuleName: String? {
    if isSymbol("/"), following.kind == .symbol("=") { return "`=/` adds an alternative to a rule" }
    if isSymbol(":") { return "a rule is written `name = …`, a header `header Name = …`" }
    if tokens[declarationStart].kind == .identifier("example") { return Self.placeOfExamples + ", indented" }
    return "what belongs to the declaration above is indented"
  }

  private mutating func parseHeader() throws {
    let start = take()
    let name = try expectNameOrString("the name of a header field")
    var compactForm: String?
    if skip(symbol: "/") { compactForm = try expectName("the compact form").name }
    var isRequired = false
    var needs: [HeaderDeclaration.Need] = []
    var isRequiredWithBody = false
    var isMany = false
    while !isSymbol("=") {
      if skip(word: "required") {
        if skip(word: "in") {
          repeat { needs.append(try parseNeed()) } while skip(symbol: ",")
        } else if skip(word: "with") {
          guard skip(word: "body") else { throw expected("`body`") }
          isRequiredWithBody = true
        } else {
          isRequired = true
        }
      } else if skip(word: "many") {
        isMany = true
      } else {
        throw expected("`required`, `many` or `=`")
      }
    }
    try expect(symbol: "=")
    let expression = try parseChoice()
    let examples = parseExamples()
    try expectEndOfDeclaration()
    tree.headers.append(
      HeaderDeclaration(
        name: name.name, compactForm: compactForm, isRequired: isRequired, needs: needs,
        isRequiredWithBody: isRequiredWithBody, isMany: isMany, expression: expression, examples: examples,
        position: name.position, comment: start.comment))
  }

  /// `METHOD`, `200`, `2xx to METHOD`.
  private mutating func parseNeed() throws -> HeaderDeclaration.Need {
    let position = current.position
    guard case .number(let number) = current.kind else {
      let method = try expectName("a method or a status code")
      return .init(status: nil, method: method, position: position)
    }
    _ = take()
    // A class of codes is its digit with "xx" behind it.
    let isClass = skip(word: "xx")
    guard (isClass ? 1...6 : 100...699).contains(number) else {
      diagnostics.report(position, "a status code is a number from 100 to 699, or 1xx to 6xx")
      throw Failure()
    }
    let method = skip(word: "to") ? try expectName("the method of the request") : nil
    return .init(status: number, method: method, position: position)
  }

  private mutating func parseLine() throws {
    let start = take()
    let letter = try expectName("the letter of the line")
    guard letter.name.utf8.count == 1, let byte = letter.name.utf8.first else {
      diagnostics.report(letter.position, "a line of SDP begins with one letter, not `\(letter.name)`")
      throw Failure()
    }
    let name = try expectName("the name of the line")
    try expect(symbol: "=")
    let expression = try parseChoice()
    let examples = parseExamples()
    try expectEndOfDeclaration()
    tree.lines.append(
      LineDeclaration(
        letter: byte, name: name.name, expression: expression, examples: examples,
        position: letter.position, comment: start.comment))
  }

  private mutating func parseAttribute() throws {
    let start = take()
    let name = try expectName("the name of an attribute")
    var levels: [Reference] = []
    var isUnique = false
    if skip(word: "at") {
      repeat {
        let level = try expectName("`session`, `media` or `source`")
        guard ["session", "media", "source"].contains(level.name) else {
          diagnostics.report(level.position, "an attribute stands at session, media or source, not `\(level.name)`")
          throw Failure()
        }
        if levels.contains(where: { $0.name == level.name }) {
          diagnostics.report(level.position, "`\(level.name)` stands here twice")
          throw Failure()
        }
        levels.append(level)
      } while !isAtEnd && !isSymbol("=") && !isExample && !isWord("unique")
      isUnique = skip(word: "unique")
    }
    var expression: Expression?
    if skip(symbol: "=") { expression = try parseChoice() }
    var requirements: [RequirementDeclaration] = []
    while isRequirement { requirements.append(try parseRequirement(ofElement: false)) }
    let examples = parseExamples()
    try expectEndOfDeclaration()
    tree.attributes.append(
      AttributeDeclaration(
        name: name.name, levels: levels, isUnique: isUnique, expression: expression, examples: examples,
        requirements: requirements, position: name.position, comment: start.comment))
  }

  /// `example VALUE`, each on a line of its own at the end of the declaration.
  private mutating func parseExamples() -> [Example] {
    var examples: [Example] = []
    while case .example(let value, let column) = current.kind {
      var position = take().position
      position.column = column
      examples.append(Example(value: value, position: position))
    }
    return examples
  }

  private mutating func parseParams() throws {
    let start = take()
    let owner = try expectName("the shape whose parameters these are")
    guard !isAtEnd, !current.isFirstOnLine else {
      throw expected("what stands between name and value, such as EQUAL")
    }
    let separator = try parseElementOfSequence()
    var declaration = ParamsDeclaration(
      owner: owner, separator: separator, rows: [], other: nil, position: owner.position, comment: start.comment)
    while !isAtEnd {
      guard current.isFirstOnLine else { throw expected("the next parameter on a line of its own") }
      if isMisplacedExample, following.kind != .symbol("="), following.kind != .symbol("@") {
        throw expected("a parameter", note: Self.placeOfExamples)
      }
      let rowStart = current.position
      if skip(symbol: "*") {
        if declaration.other != nil {
          diagnostics.report(rowStart, "the row `*` stands twice in the table")
          throw Failure()
        }
        try expect(symbol: "=")
        declaration.other = try expectName("the shape of all other parameters")
        continue
      }
      var name = try expectParameterName()
      var label: String?
      if skip(symbol: "@") {
        label = name
        name = try expectParameterName()
      }
      var row = ParamsDeclaration.Row(name: name, label: label, value: nil, position: rowStart)
      if !current.isFirstOnLine, skip(word: "required") {
        row.isRequired = true
        if !current.isFirstOnLine, skip(word: "when") {
          row.condition = try expectName("the rule that says when the parameter is required")
        }
      }
      if skip(symbol: "=") { row.value = try parseRow() }
      declaration.rows.append(row)
    }
    tree.params.append(declaration)
  }

  private mutating func expectParameterName() throws -> String {
    try expectNameOrString("the name of a parameter").name
  }

  /// A name, or a string where it has characters that no name of a grammar has.
  private mutating func expectNameOrString(_ what: String) throws -> Reference {
    guard !isAtEnd, case .string(let bytes, _) = current.kind else { return try expectName(what) }
    return Reference(name: String(decoding: bytes, as: UTF8.self), position: take().position)
  }

  /// An expression that ends with its line.
  private mutating func parseRow() throws -> Expression {
    // Rows are lines, so the next first token of a line is hidden from the expression's parser.
    var last = index
    while tokens[last].kind != .end, last == index || !tokens[last].isFirstOnLine { last += 1 }
    let saved = tokens[last]
    tokens[last] = LexicalToken(
      kind: .end, position: saved.position, endColumn: saved.endColumn, isFirstOnLine: true)
    defer { tokens[last] = saved }
    let expression = try parseChoice()
    guard index == last else { throw expected("the end of the row") }
    return expression
  }

  private mutating func parseEnum() throws {
    let start = take()
    let name = try expectName("the name of the enum")
    var base: Reference?
    if skip(symbol: ":") { base = try expectName("the token rule of all values") }
    try expect(symbol: "=")
    var cases: [EnumDeclaration.Case] = []
    repeat {
      let position = current.position
      if case .identifier(let base) = current.kind, !isAtEnd, !cases.isEmpty {
        throw expected(
          "a value of the enum, as a string", note: "for other values too, write `enum \(name.name) : \(base) = …`")
      }
      let (bytes, exact) = try expectLiteral("a value of the enum, as a string")
      cases.append(.init(name: bytes, exact: exact, position: position))
    } while skip(symbol: "/")
    try expectEndOfDeclaration()
    tree.enums.append(
      EnumDeclaration(name: name.name, base: base, cases: cases, position: name.position, comment: start.comment))
  }

  private mutating func parseStatuses() throws {
    take()
    while !isAtEnd {
      let position = current.position
      guard case .number(let code) = current.kind else { throw expected("a status code") }
      take()
      let phrase = try expectString("the reason phrase, as a string")
      tree.statuses.append(
        StatusDeclaration(code: code, phrase: String(decoding: phrase.bytes, as: UTF8.self), position: position))
    }
  }

  private mutating func parseNamespace() throws {
    take()
    let prefix = try expectName("a prefix")
    try expect(symbol: "=")
    let uri = try expectString("the namespace, as a string")
    try expectEndOfDeclaration()
    tree.namespaces.append(
      NamespaceDeclaration(
        prefix: prefix.name, uri: String(decoding: uri.bytes, as: UTF8.self), position: prefix.position))
  }

  private mutating func parseTarget() throws {
    take()
    let name = try expectName("the name of a target")
    guard skip(word: "generates") else { throw expected("`generates`") }
    var generates: [String] = []
    var uses: [String] = []
    repeat { generates.append(try expectName("a folder of grammars").name) } while !isAtEnd && !isWord("using")
    if skip(word: "using") {
      repeat { uses.append(try expectName("a folder of grammars").name) } while !isAtEnd
    }
    tree.targets.append(
      TargetDeclaration(name: name.name, generates: generates, uses: uses, position: name.position))
  }
}
