/// `function name` and, below it, what it reads and writes.
struct FunctionDeclaration {
  /// SDP on the left, Jingle on the right, as in the rows of a map.
  struct Line {
    /// Empty for `nothing`.
    var sdp: [MappingPath]
    var arrow: MappingRow.Arrow
    var jingle: [Part]
    var position: Position
  }

  /// `<prefix:name>`, with an attribute or `text` behind it where only that is meant.
  struct Part {
    var element: Reference
    /// `@name` or `text`.
    var value: Reference?

    var text: String { "<\(element.name)>" + (value.map { " \($0.name)" } ?? "") }
    var position: Position { value?.position ?? element.position }
  }

  var name: Reference
  var lines: [Line]
  var comment: String
}

/// `predicate a / b / c`: one, or several of which one holds.
struct PredicateDeclaration {
  var alternatives: [Reference]
  var comment: String
}

extension Parser {
  mutating func parseFunction() throws {
    let start = take()
    let name = try expectName("the name of the function")
    if !isAtEnd, !current.isFirstOnLine { throw expected("what it reads and writes, on lines of their own") }
    var lines: [FunctionDeclaration.Line] = []
    repeat {
      let position = current.position
      if !isAtEnd { tokens[index].isFirstOnLine = false }
      var sdp: [MappingPath] = []
      if !skip(word: "nothing") {
        sdp.append(try parsePath())
        while skip(symbol: ",") { sdp.append(try parseContinuedPath()) }
      }
      // A long list may leave the arrow to the next line.
      if !isAtEnd, case .symbol = current.kind { tokens[index].isFirstOnLine = false }
      let arrow = try parseArrow()
      lines.append(.init(sdp: sdp, arrow: arrow, jingle: try parseParts(), position: position))
    } while !isAtEnd
    tree.mapping.functions.append(FunctionDeclaration(name: name, lines: lines, comment: start.comment))
  }

  /// Behind a comma the list may go on in the next line.
  private mutating func parseContinuedPath() throws -> MappingPath {
    if !isAtEnd { tokens[index].isFirstOnLine = false }
    return try parsePath()
  }

  private mutating func parseParts() throws -> [FunctionDeclaration.Part] {
    if !isAtRowEnd, skip(word: "nothing") { return [] }
    if isAtRowEnd { throw expectedInRow("`nothing` or an element, `<prefix:name>`") }
    var parts: [FunctionDeclaration.Part] = []
    repeat {
      if !parts.isEmpty, !isAtEnd { tokens[index].isFirstOnLine = false }
      let element = try expectElement()
      let count = parts.count
      while !isAtRowEnd {
        if isSymbol("@") {
          let attribute = try expectAttribute()
          parts.append(.init(element: element, value: .init(name: "@\(attribute.name)", position: attribute.position)))
        } else if isWord("text") {
          parts.append(.init(element: element, value: .init(name: "text", position: take().position)))
        } else {
          break
        }
      }
      if parts.count == count { parts.append(.init(element: element, value: nil)) }
    } while !isAtRowEnd && skip(symbol: ",")
    if !isAtRowEnd { throw expected("`,`, an attribute or the end of the line") }
    return parts
  }

  mutating func parsePredicate() throws {
    let start = take()
    var alternatives: [Reference] = []
    repeat { alternatives.append(try expectName("the name of a predicate")) } while skip(symbol: "/")
    try expectEndOfDeclaration()
    tree.mapping.predicates.append(PredicateDeclaration(alternatives: alternatives, comment: start.comment))
  }
}
