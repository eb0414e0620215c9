/// Reads the examples of headers, lines and attributes as the generated parsers will, and reports those that do not fit.
struct ExampleCheck {
  let model: Model
  let diagnostics: Diagnostics

  func run() {
    for header in model.headers {
      let names = [header.name, header.compactForm].compactMap { $0.map { $0 + ":" } }
      for example in header.examples {
        check(example, header.shape, "the header field", Self.endOfHeader, names: names)
      }
    }
    for line in model.lines {
      let name = String(decoding: [line.letter], as: UTF8.self) + "="
      for example in line.examples { check(example, line.shape, "the line", Self.endOfLine, names: [name]) }
    }
    for attribute in model.attributes {
      guard let shape = attribute.shape else { continue }
      for example in attribute.examples {
        check(
          example, shape, "the line", Self.endOfLine, names: ["a=\(attribute.name):", "\(attribute.name):"],
          behindColon: attribute.isValueOptional)
      }
    }
  }

  /// Behind the value of a header field its line ends, and no white space continues it (RFC 3261 §7.3.1).
  static let endOfHeader: [UInt8] = [0x0D, 0x0A, 0x58]
  static let endOfLine: [UInt8] = [0x0D, 0x0A]

  /// - Parameters:
  ///   - names: what stands in front of the value in messages.
  ///   - behindColon: the shape begins with the colon that stands between name and value.
  private func check(
    _ example: Example, _ shape: Shape, _ what: String, _ end: [UInt8], names: [String], behindColon: Bool = false
  ) {
    let value = (behindColon ? [0x3A] : []) + Array(example.value.utf8)
    guard let failure = Self.failure(in: value, as: shape, before: end) else { return }
    // Columns count characters.
    let read = value[..<min(failure.offset, value.count)].dropFirst(behindColon ? 1 : 0)
    var place = example.position
    place.column += String(decoding: read, as: UTF8.self).unicodeScalars.count
    diagnostics.report(
      place, "the example does not fit the rule: expected \(failure.expected ?? "the end of \(what)") here",
      note: Self.hint(at: example.value, names))
  }

  /// What was probably meant by a value that begins with its name, or that stands in quotation marks.
  private static func hint(at value: String, _ names: [String]) -> String? {
    if let name = names.first(where: { value.asciiLowercased.hasPrefix($0.asciiLowercased) }) {
      return "write only the value, without `\(name)` in front of it"
    }
    guard value.count > 1, value.hasPrefix("\""), value.hasSuffix("\"") else { return nil }
    return "a value stands behind `example` as it is in messages, without further quotation marks"
  }

  /// Where and why a value is none of the shape; without `expected` it goes on behind what was read.
  static func failure(
    in value: [UInt8], as shape: Shape, before end: [UInt8]
  ) -> (offset: Int, expected: String?)? {
    var reader = ExampleReader(bytes: value + end)
    do throws(ExampleReader.Failure) {
      try reader.read(shape)
      // What stands behind it, not the white space before that, is what does not belong there.
      while reader.position < value.count, [0x20, 0x09].contains(value[reader.position]) { reader.position += 1 }
      return reader.position == value.count ? nil : (reader.position, nil)
    } catch {
      return (reader.position, error.expected)
    }
  }
}

/// Goes through a text as the generated parser of a shape does.
private struct ExampleReader {
  struct Failure: Error { var expected: String }

  let bytes: [UInt8]
  var position = 0
  /// The known parameters that have been there.
  private var seen: Set<String> = []
  /// Where the shape that is read begins.
  private var start = 0

  init(bytes: [UInt8]) { self.bytes = bytes }

  mutating func read(_ shape: Shape) throws(Failure) {
    let outer = start
    start = position
    defer { start = outer }
    try read(shape.body, shape)
  }

  private mutating func read(_ steps: [Step], _ shape: Shape) throws(Failure) {
    for step in steps { try read(step, shape) }
  }

  private mutating func read(_ step: Step, _ shape: Shape) throws(Failure) {
    switch step {
    case .literal(let literal, let exact, _): try take(literal, exact: exact)
    case .token(let rule, _): try take(rule, expected: Expectation.words(of: rule))
    case .capture(let index, let type, _): try read(type, shape.layout.fields[index], of: shape)
    case .optional(let alternative, _):
      if isChosen(alternative) { try read(alternative.body, shape) }
    case .choice(let alternatives, _, _):
      guard let chosen = alternatives.first(where: isChosen) else {
        throw Failure(expected: Expectation.words(alternatives, of: shape))
      }
      try read(chosen.body, shape)
    case .repetition(let minimum, let maximum, let alternative):
      var count = 0
      // Only one repetition of a shape has its parameters.
      let outer = seen
      seen = []
      defer { seen = outer }
      while count < maximum ?? .max, isChosen(alternative) {
        try read(alternative.body, shape)
        count += 1
      }
      if count < minimum { throw Failure(expected: Expectation.words([alternative], of: shape)) }
      if ShapeBuilder.positionOfParams(alternative.body) != nil { try requireParameters(of: shape) }
    case .commaList(let minimum, let alternative, let separator, _):
      if minimum == 0, !isChosen(alternative) { return }
      repeat { try read(alternative.body, shape) } while take(separator)
    case .params:
      if let params = shape.layout.params { try readParameter(params) }
    }
  }

  private mutating func read(_ type: FieldType, _ field: Field, of shape: Shape) throws(Failure) {
    let expected = Expectation.words(type, field.label, of: shape)
    switch type {
    case .text(let rule): try take(rule, expected: expected)
    case .number(let number):
      let digits = bytes[position...].prefix { (0x30...0x39).contains($0) }
      guard let value = UInt64(String(decoding: digits, as: UTF8.self)), value >= number.minimum,
        value <= number.maximum
      else {
        throw Failure(expected: expected)
      }
      position += digits.count
    case .enumeration(let type): try take(type.token, expected: expected)
    case .shape(let shape): try read(shape)
    case .flag(let literal, let exact): try take(literal, exact: exact)
    }
  }

  private func requireParameters(of shape: Shape) throws(Failure) {
    for row in shape.layout.params?.rows ?? [] where !seen.contains(row.name) {
      let isMissing =
        switch row.requirement {
        case .never: false
        case .always: true
        case .when(let rule): matched(rule.automaton, at: start) != nil
        }
      if isMissing { throw Failure(expected: ParserEmitter.missing(row.name)) }
    }
  }

  private mutating func readParameter(_ params: ParameterTable) throws(Failure) {
    let start = position
    if case .text(let rule)? = params.other?.field("name")?.type {
      try take(rule, expected: "the name of a parameter")
    } else {
      let between = Array(";, \"=".utf8)
      position += bytes[position...].prefix { (0x21...0x7E).contains($0) && !between.contains($0) }.count
      if position == start { throw Failure(expected: "the name of a parameter") }
    }
    let name = String(decoding: bytes[start..<position], as: UTF8.self).asciiLowercased
    guard let row = params.rows.first(where: { $0.name.asciiLowercased == name }) else {
      position = start
      guard let other = params.other else { throw Failure(expected: "a parameter of the table") }
      return try read(other)
    }
    guard seen.insert(row.name).inserted else {
      position = start
      throw Failure(expected: ParserEmitter.onlyOnce(row.name))
    }
    guard let value = row.value else { return }
    let behindName = position
    do {
      try read(params.separator, value)
    } catch {
      position = behindName
      if row.isValueOptional { return }
      throw Failure(expected: "the value of \(row.name)")
    }
    try read(value)
  }

  // MARK: Decisions

  private func isChosen(_ alternative: Alternative) -> Bool {
    switch alternative.decision {
    case .predicate(let rule): begins(rule.automaton)
    case .bytes(let set): bytes.indices.contains(position) && set.contains(bytes[position])
    case .lookahead(let sure, let contested, let automaton):
      bytes.indices.contains(position)
        && (sure.contains(bytes[position]) || contested.contains(bytes[position]) && begins(automaton))
    case .otherwise: true
    }
  }

  /// Whether something that the automaton matches comes here.
  private func begins(_ automaton: Automaton) -> Bool { matched(automaton) != nil }

  // MARK: Tokens

  /// How long the longest match is.
  private func matched(_ automaton: Automaton, at start: Int? = nil) -> Int? {
    var state = 0
    var longest = automaton.isAccepting[0] ? 0 : nil
    for (offset, byte) in bytes[(start ?? position)...].enumerated() {
      state = automaton.next(state, byte)
      if state < 0 { break }
      if automaton.isAccepting[state] { longest = offset + 1 }
    }
    return longest
  }

  private mutating func take(_ rule: TokenRule) -> Bool {
    guard let length = rule.isNestedComment ? nestedComment : matched(rule.automaton) else { return false }
    position += length
    return true
  }

  private mutating func take(_ rule: TokenRule, expected: String) throws(Failure) {
    if !take(rule) { throw Failure(expected: expected) }
  }

  private mutating func take(_ literal: [UInt8], exact: Bool) throws(Failure) {
    let found = Array(bytes[position...].prefix(literal.count))
    guard exact ? found == literal : found.map(ParserEmitter.lowercased) == literal.map(ParserEmitter.lowercased) else {
      throw Failure(expected: ParserEmitter.shown(literal))
    }
    position += literal.count
  }

  /// RFC 3261 §25.1: parentheses that nest, and quoted pairs.
  private var nestedComment: Int? {
    var depth = 0
    var index = position
    while index < bytes.count {
      switch bytes[index] {
      case 0x28: depth += 1
      case 0x29: depth -= 1
      case 0x5C: index += 1
      case 0x09, 0x20...0xFF: break
      default: return nil
      }
      index += 1
      if depth == 0 { return bytes[position] == 0x28 ? index - position : nil }
    }
    return nil
  }
}
