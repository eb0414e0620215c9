/// The declarations of the media mapping in `Grammars/mapping/`, as written.
struct MappingSyntax {
  var maps: [MapDeclaration] = []
  var tables: [TableDeclaration] = []
  var actionSets: [ActionSetDeclaration] = []
  var askedSets: [Reference] = []
  var functions: [FunctionDeclaration] = []
  var predicates: [PredicateDeclaration] = []
}

/// `map media <-> <rtp:description>` and its rows.
struct MapDeclaration {
  /// `session`, `media`, or an attribute.
  var sdp: Reference
  /// One element, or several with the same attributes.
  var elements: [Reference]
  var rows: [MappingRow]
  var position: Position
  var comment: String
}

/// `table name`: a table of values, by perspective or by key.
struct TableDeclaration {
  struct Row {
    var cells: [Reference?]
    var position: Position
  }
  var name: Reference
  /// `sdp …`: one column for each value of SDP, then a row `by initiator` and a row `by responder`.
  var isPerspective: Bool
  /// `from 0 to 34`: the keys for which there is a row.
  var keys: ClosedRange<Int>?
  var columns: [Reference]
  var rows: [Row]
  var comment: String
}

/// `actions name = action …`.
struct ActionSetDeclaration {
  var name: Reference
  var actions: [Reference]
}

/// `name` or `name.field`.
struct MappingPath {
  var names: [Reference]

  var position: Position { names[0].position }
  var text: String { names.map(\.name).joined(separator: ".") }
}

struct MappingRow {
  enum Arrow: String {
    case both = "<->"
    case toJingle = "->"
    case toSDP = "<-"

    var goesToJingle: Bool { self != .toSDP }
    var goesToSDP: Bool { self != .toJingle }
  }

  enum Left {
    case nothing
    case here
    case paths([MappingPath])
    /// `a + b`: both or neither.
    case pair(MappingPath, MappingPath)
    /// `words of path`.
    case words(MappingPath)
    /// `member "literal" of path`.
    case member([UInt8], MappingPath)
    /// `one of table`.
    case oneOf(Reference)
  }

  enum Right {
    case nothing
    case here
    /// `<prefix:name>`, possibly with an attribute behind it.
    case elements([Reference], attribute: Reference?)
    case attribute(Reference, equals: [UInt8]?)
    case text(Position)
    case pair(Reference, Reference)
    /// `<prefix:name> @name = @value`.
    case words(Reference, name: Reference, value: Reference)
    case literal([UInt8], Position)
  }

  struct Presence {
    var path: MappingPath?
    var attribute: Reference?
    var literal: [UInt8]?
    var isNegated: Bool
  }

  struct Excuse {
    /// Told at run time where it is dropped; otherwise it is found elsewhere.
    var isLoss: Bool
    /// On which way; without an arrow on both.
    var arrow = Arrow.both
    /// `when`, `unless`: what rows with the opposite condition leave over.
    var presence: Presence?
    var paths: [MappingPath] = []
    var elements: [Reference] = []
    var attributes: [Reference] = []
    var text: Position?
    var reason: String
  }

  enum Lift: String, CaseIterable { case least, greatest, first }

  var position: Position
  var arrow = Arrow.both
  var isEach = false
  var left = Left.nothing
  var joinKey: Reference?
  var groupKey: Reference?
  var filters: [Reference] = []
  var right = Right.nothing
  var isFromSession = false
  var table: Reference?
  var fallbackTable: Reference?
  var omitted: [[UInt8]] = []
  var absentAs: [[UInt8]] = []
  var lift: Lift?
  var trims = false
  var uppercases = false
  var isKnownOnly = false
  var isUnlessEmpty = false
  var predicate: Reference?
  var presence: Presence?
  var actions: [Reference] = []
  var actionsAreExcluded = false
  var function: Reference?
  var excuse: Excuse?
  var nested: [MappingRow] = []
}

extension Parser {
  /// Reads a declaration of the mapping notation; `false` where `word` begins none.
  mutating func parseMappingDeclaration(_ word: String) throws -> Bool {
    switch word {
    case "map": try parseMap()
    case "table": try parseTable()
    case "actions": try parseActionSet()
    case "asks": try parseAsks()
    case "function": try parseFunction()
    case "predicate": try parsePredicate()
    default: return false
    }
    return true
  }

  private mutating func parseMap() throws {
    let start = take()
    let sdp = try expectName("`session`, `media` or the attribute that is mapped")
    guard skip(symbol: "<->") else { throw expected("`<->`") }
    var elements = [try expectElement()]
    while skip(symbol: "/") { elements.append(try expectElement()) }
    let rows = try parseRows(below: 1)
    tree.mapping.maps.append(
      MapDeclaration(sdp: sdp, elements: elements, rows: rows, position: start.position, comment: start.comment))
  }

  private mutating func parseActionSet() throws {
    take()
    let name = try expectName("the name of the set")
    try expect(symbol: "=")
    var actions: [Reference] = []
    while !isAtEnd { actions.append(try expectName("an action of Jingle")) }
    tree.mapping.actionSets.append(ActionSetDeclaration(name: name, actions: actions))
  }

  /// `asks set …`: the sets of actions for which Swift asks.
  private mutating func parseAsks() throws {
    take()
    repeat { tree.mapping.askedSets.append(try expectName("the name of a set of actions")) } while !isAtEnd
  }

  // MARK: Tables

  private mutating func parseTable() throws {
    let start = take()
    let name = try expectName("the name of the table")
    var table = TableDeclaration(name: name, isPerspective: false, columns: [], rows: [], comment: start.comment)
    if skip(word: "from") {
      let first = try expectNumber("the first key")
      guard skip(word: "to") else { throw expected("`to` and the last key") }
      let position = current.position
      let last = try expectNumber("the last key")
      guard first <= last else {
        diagnostics.report(position, "the last key, \(last), is less than the first, \(first)")
        throw Failure()
      }
      table.keys = first...last
    }
    table.isPerspective = table.keys == nil && isWord("sdp")
    if table.isPerspective { take() }
    repeat { table.columns.append(try expectName("the name of a column")) } while !isAtEnd && !current.isFirstOnLine
    while !isAtEnd {
      let position = current.position
      if table.isPerspective {
        let role = table.rows.isEmpty ? "initiator" : "responder"
        guard skip(word: "by"), skip(word: role) else { throw expected("`by \(role)`") }
      }
      var cells: [Reference?] = []
      repeat { cells.append(try parseCell()) } while !isAtEnd && !current.isFirstOnLine
      guard cells.count == table.columns.count else {
        diagnostics.report(
          position, "this row has \(cells.count) cells, but `\(name.name)` has \(table.columns.count) columns")
        throw Failure()
      }
      table.rows.append(.init(cells: cells, position: position))
    }
    if table.isPerspective, table.rows.count != 2 {
      diagnostics.report(
        name.position, "a table of who wrote the SDP has two rows, `by initiator` and `by responder`")
    }
    tree.mapping.tables.append(table)
  }

  private mutating func expectNumber(_ what: String) throws -> Int {
    guard !isAtEnd, case .number(let value) = current.kind else { throw expected(what) }
    take()
    return value
  }

  /// `-` is an empty cell.
  private mutating func parseCell() throws -> Reference? {
    let position = current.position
    switch current.kind {
    case .symbol("-"):
      take()
      return nil
    case .number(let value):
      let first = take()
      // `1-2`, for several keys.
      guard isSymbol("-"), current.position.line == first.position.line, current.position.column == first.endColumn,
        case .number(let last) = following.kind, following.position.column == current.endColumn
      else { return Reference(name: String(value), position: position) }
      take()
      take()
      return Reference(name: "\(value)-\(last)", position: position)
    case .string(let bytes, _):
      take()
      return Reference(name: String(decoding: bytes, as: UTF8.self), position: position)
    default: return try expectName("a cell of the table")
    }
  }

  // MARK: Rows

  var isAtRowEnd: Bool { isAtEnd || current.isFirstOnLine }

  /// Rows indented deeper than `column`, all alike.
  private mutating func parseRows(below column: Int) throws -> [MappingRow] {
    var rows: [MappingRow] = []
    var indentation: Int?
    while !isAtEnd, current.isFirstOnLine, current.position.column > column {
      if let indentation, current.position.column != indentation {
        throw fail("this row is not indented like the ones above it")
      }
      indentation = current.position.column
      var row = try parseMappingRow()
      try descend("rows are", note: "give the part of SDP and the element a `map` of their own")
      row.nested = try parseRows(below: row.position.column)
      depth -= 1
      rows.append(row)
    }
    return rows
  }

  private mutating func parseMappingRow() throws -> MappingRow {
    var row = MappingRow(position: current.position)
    // The first token of the row begins its line; hide that from the tests for its end.
    tokens[index].isFirstOnLine = false
    if isWord("lost") || isWord("elsewhere") {
      row.excuse = try parseExcuse()
      return row
    }
    row.isEach = skip(word: "each")
    try parseLeft(&row)
    row.arrow = try parseArrow()
    try parseRight(&row)
    while !isAtRowEnd { try parseModifier(&row) }
    return row
  }

  mutating func parseArrow() throws -> MappingRow.Arrow {
    for arrow in [MappingRow.Arrow.both, .toJingle, .toSDP] where !isAtRowEnd && isSymbol(arrow.rawValue) {
      take()
      return arrow
    }
    // `losst mid "why"` looks like a row at first.
    var meant: String?
    let isSecondOnLine = index > 1 && tokens[index - 2].position.line != tokens[index - 1].position.line
    if isSecondOnLine, case .identifier(let word) = tokens[index - 1].kind {
      meant = Spelling.closest(to: word, among: ["lost", "elsewhere", "each"]).map { "did you mean `\($0)`?" }
      if word == "a", isSymbol("=") { meant = Self.withoutSign }
    }
    throw expectedInRow("`<->`, `->` or `<-`", note: meant)
  }

  private static let withoutSign = "attributes of SDP are named without `a=`"

  private mutating func expectNameInRow(_ what: String) throws -> Reference {
    if isAtRowEnd { throw expectedInRow(what) }
    return try expectName(what)
  }

  func expectedInRow(_ what: String, note: String? = nil) -> Failure {
    guard isAtRowEnd, !isAtEnd else { return expected(what, note: note) }
    diagnostics.report(endOfDeclaration, "expected \(what), but the row ends", note: note)
    return Failure()
  }

  private mutating func parseLeft(_ row: inout MappingRow) throws {
    if isAtRowEnd { throw expectedInRow("what is mapped") }
    if skip(word: "nothing") { return }
    if skip(word: "here") {
      row.left = .here
      return
    }
    if isWord("words") && following.kind == .identifier("of") {
      take()
      take()
      row.left = .words(try parsePath())
      return
    }
    if isWord("one") && following.kind == .identifier("of") {
      take()
      take()
      row.left = .oneOf(try expectNameInRow("the name of a table"))
      return
    }
    if isWord("member"), case .string(let bytes, _) = following.kind {
      take()
      take()
      guard skip(word: "of") else { throw expectedInRow("`of` and the list") }
      row.left = .member(bytes, try parsePath())
      return
    }
    var paths = [try parsePath()]
    if skip(symbol: "+") {
      row.left = .pair(paths[0], try parsePath())
      return
    }
    while skip(symbol: ",") { paths.append(try parsePath()) }
    row.left = .paths(paths)
    if skip(word: "by") {
      row.joinKey = try expectNameInRow("the field by which it is found")
    } else if isWord("grouped") {
      take()
      guard skip(word: "by") else { throw expectedInRow("`by` and a field") }
      row.groupKey = try expectNameInRow("the field by which it is grouped")
    }
    if skip(word: "where") {
      repeat { row.filters.append(try expectNameInRow("the field that has to be there")) } while skip(symbol: ",")
    }
  }

  mutating func parsePath() throws -> MappingPath {
    if isSymbol("@") || current.kind == .symbol("=") {
      throw expected(
        "a line, an attribute or a field of SDP",
        note: isSymbol("@")
          ? "SDP stands on the left, Jingle on the right" : Self.withoutSign)
    }
    var names = [try expectName("a line, an attribute or a field of SDP")]
    if !isAtRowEnd, skip(symbol: ".") { names.append(try expectNameInRow("a field")) }
    return MappingPath(names: names)
  }

  mutating func expectElement() throws -> Reference {
    guard !isAtEnd, case .angle(let name) = current.kind else { throw expected("an element, `<prefix:name>`") }
    return Reference(name: name, position: take().position)
  }

  mutating func expectAttribute() throws -> Reference {
    let position = current.position
    guard !isAtRowEnd, skip(symbol: "@") else { throw expectedInRow("an attribute, `@name`") }
    return Reference(name: try expectNameInRow("the name of an attribute").name, position: position)
  }

  private mutating func parseRight(_ row: inout MappingRow) throws {
    if isAtRowEnd { throw expectedInRow("what it is mapped to") }
    switch current.kind {
    case .identifier("here"):
      take()
      row.right = .here
    case .identifier("text"):
      row.right = .text(take().position)
    case .angle:
      var elements = [try expectElement()]
      while !isAtRowEnd, skip(symbol: ",") { elements.append(try expectElement()) }
      guard !isAtRowEnd, isSymbol("@") else {
        row.right = .elements(elements, attribute: nil)
        return
      }
      let attribute = try expectAttribute()
      if !isAtRowEnd, skip(symbol: "=") {
        row.right = .words(elements[0], name: attribute, value: try expectAttribute())
      } else {
        row.right = .elements(elements, attribute: attribute)
      }
    case .symbol("@"):
      let attribute = try expectAttribute()
      if !isAtRowEnd, skip(symbol: "+") {
        row.right = .pair(attribute, try expectAttribute())
      } else if !isAtRowEnd, skip(symbol: "=") {
        row.right = .attribute(attribute, equals: try parseLiteral())
      } else {
        row.right = .attribute(attribute, equals: nil)
      }
    case .string, .number:
      let position = current.position
      row.right = .literal(try parseLiteral(), position)
    default: break
    }
  }

  private mutating func parseLiteral() throws -> [UInt8] {
    guard let literal = try parseOptionalLiteral() else { throw expectedInRow("a value, as a string or a number") }
    return literal
  }

  private mutating func parseOptionalLiteral() throws -> [UInt8]? {
    if isAtRowEnd { return nil }
    switch current.kind {
    case .string(let bytes, _):
      take()
      return bytes
    case .number(let value):
      take()
      return Array(String(value).utf8)
    default: return nil
    }
  }

  // MARK: Modifiers

  private mutating func parseModifier(_ row: inout MappingRow) throws {
    guard case .identifier(let word) = current.kind else { throw expectedInRow("the end of the row") }
    let position = take().position
    switch word {
    case "from":
      guard skip(word: "session") else { throw expectedInRow("`session`") }
      row.isFromSession = true
    case "through": row.table = try expectNameInRow("the name of a table")
    case "else": row.fallbackTable = try expectNameInRow("the name of a table")
    case "omit": row.omitted = try parseLiterals()
    case "absent":
      guard skip(word: "as") else { throw expectedInRow("`as` and how the absent value is written") }
      row.absentAs = try parseLiterals()
    case "trim": row.trims = true
    case "upper": row.uppercases = true
    case "known": row.isKnownOnly = true
    case "if": row.predicate = try expectNameInRow("the name of a predicate")
    case "when": row.presence = try parsePresence(isNegated: false)
    case "unless":
      if skip(word: "empty") {
        row.isUnlessEmpty = true
      } else {
        row.presence = try parsePresence(isNegated: true)
      }
    case "in", "except":
      row.actionsAreExcluded = word == "except"
      repeat { row.actions.append(try expectNameInRow("an action or a set of actions")) } while !isAtRowEnd
    case "function": row.function = try expectNameInRow("the name of a function")
    default:
      guard let lift = MappingRow.Lift(rawValue: word) else {
        let known = [
          "from", "through", "else", "omit", "absent", "trim", "upper", "known", "if", "when", "unless", "in", "except",
          "function", "least", "greatest", "first",
        ]
        let meant = Spelling.closest(to: word, among: known)
        diagnostics.report(
          position,
          "`\(word)` means nothing behind a row of a map" + (meant.map { "; did you mean `\($0)`?" } ?? ""),
          note: meant == nil
            ? "on the right of a row stands Jingle: an attribute, `@name`, or an element, `<prefix:name>`" : nil)
        throw Failure()
      }
      row.lift = lift
    }
  }

  private mutating func parseLiterals() throws -> [[UInt8]] {
    var result = [try parseLiteral()]
    while let literal = try parseOptionalLiteral() { result.append(literal) }
    return result
  }

  private mutating func parsePresence(isNegated: Bool, isAhead: Bool = false) throws -> MappingRow.Presence {
    if isAhead { take() }
    var presence = MappingRow.Presence(isNegated: isNegated)
    if !isAtRowEnd, isSymbol("@") {
      presence.attribute = try expectAttribute()
    } else {
      if isAtRowEnd { throw expectedInRow("a field or an attribute") }
      presence.path = try parsePath()
    }
    if !isAtRowEnd, skip(symbol: "=") { presence.literal = try parseLiteral() }
    return presence
  }

  /// `lost name … "why"`, `elsewhere name … "where"`; an arrow in front limits it to one way.
  private mutating func parseExcuse() throws -> MappingRow.Excuse {
    let isLoss = isWord("lost")
    take()
    var excuse = MappingRow.Excuse(isLoss: isLoss, reason: "")
    for arrow in [MappingRow.Arrow.toJingle, .toSDP] where !isAtRowEnd && skip(symbol: arrow.rawValue) {
      excuse.arrow = arrow
    }
    while true {
      if isAtRowEnd { throw expectedInRow("the reason, as a string") }
      switch current.kind {
      case .identifier("when"), .identifier("unless"):
        if excuse.presence != nil { throw expectedInRow("the reason, as a string") }
        excuse.presence = try parsePresence(isNegated: isWord("unless"), isAhead: true)
      case .string(let bytes, _):
        take()
        excuse.reason = String(decoding: bytes, as: UTF8.self)
        if !isAtRowEnd { throw expected("the end of the row") }
        return excuse
      case .angle: excuse.elements.append(try expectElement())
      case .symbol("@"): excuse.attributes.append(try expectAttribute())
      case .identifier("text"): excuse.text = take().position
      default: excuse.paths.append(try parsePath())
      }
    }
  }
}
