/// What a grammar's text consists of.
enum TokenKind: Equatable {
  case identifier(String)
  case number(Int)
  /// A literal; `exact`: compared with regard to case.
  case string([UInt8], exact: Bool)
  case range(UInt8, UInt8)
  /// `<prose>` of ABNF, or `<prefix:name>` of an element.
  case angle(String)
  case symbol(String)
  /// A value of a header, line or attribute as it stands in messages: what stands behind `example` on its line.
  case example(String, column: Int)
  /// What could not be read; it has been reported.
  case invalid
  case end
}

struct LexicalToken {
  var kind: TokenKind
  var position: Position
  /// Column just behind the token: tells whether the next one adjoins it.
  var endColumn: Int
  /// Nothing but white space stands before it on its line.
  var isFirstOnLine: Bool
  /// Documentation: the comment lines directly above, for a token in the first column.
  var comment: String = ""

  var isDeclarationStart: Bool { isFirstOnLine && position.column == 1 }

  var described: String {
    switch kind {
    case .identifier(let name): "`\(name)`"
    case .number(let value): "`\(value)`"
    case .string(let bytes, _): "\"\(String(decoding: bytes, as: UTF8.self))\""
    case .range: "a byte range"
    case .angle(let text): "`<\(text)>`"
    case .symbol(let text): "`\(text)`"
    case .example: "`example`"
    case .invalid: "something unreadable"
    case .end: "the end of the file"
    }
  }
}

/// Cuts one grammar file into tokens.
struct Lexer {
  private let file: SourceFile
  private let fileIndex: Int
  private let diagnostics: Diagnostics
  private let scalars: [Unicode.Scalar]
  private var index = 0
  private var line = 1
  private var column = 1
  private var isFirst = true
  private var comments: [String] = []
  private var commentEndsAt = 0
  /// Where something could not be read: what stands behind it on this line can only be misread as well.
  private var brokenLine = 0
  /// The whole declaration cannot be read, since what it opens on one line goes on on the next.
  private var isDeclarationBroken = false
  /// The declaration is one of a header, line or attribute, which may have examples.
  private var mayHaveExamples = false

  init(_ file: SourceFile, index fileIndex: Int, diagnostics: Diagnostics) {
    self.file = file
    self.fileIndex = fileIndex
    self.diagnostics = diagnostics
    scalars = Array(String(decoding: file.text, as: UTF8.self).unicodeScalars)
  }

  private var position: Position { Position(file: fileIndex, line: line, column: column) }

  private mutating func report(_ position: Position, _ message: String, note: String? = nil) {
    if brokenLine == position.line || isDeclarationBroken { return }
    brokenLine = position.line
    diagnostics.report(position, message, note: note)
  }

  private var current: Unicode.Scalar? { index < scalars.count ? scalars[index] : nil }

  private func peek(_ distance: Int = 1) -> Unicode.Scalar? {
    index + distance < scalars.count ? scalars[index + distance] : nil
  }

  private mutating func advance(_ count: Int = 1) {
    for _ in 0..<count where index < scalars.count {
      if scalars[index] == "\n" {
        line += 1
        column = 1
        isFirst = true
      } else {
        column += 1
      }
      index += 1
    }
  }

  mutating func tokens() -> [LexicalToken] {
    var result: [LexicalToken] = []
    // Some editors begin a file with a byte order mark.
    if scalars.first == "\u{FEFF}" { index = 1 }
    if reportOtherEncoding() { index = scalars.count }
    while let token = next() { result.append(token) }
    result.append(LexicalToken(kind: .end, position: position, endColumn: column, isFirstOnLine: true))
    return result
  }

  /// A file that is no UTF-8, or whose lines an ancient editor ended, would be misread as a whole.
  private mutating func reportOtherEncoding() -> Bool {
    if String(validating: file.text, as: UTF8.self) == nil, let odd = scalars.firstIndex(of: "\u{FFFD}") {
      let before = scalars[..<odd]
      let lines = before.count { $0 == "\n" }
      let column = before.reversed().prefix { $0 != "\n" }.count
      report(
        Position(file: fileIndex, line: lines + 1, column: column + 1),
        "a byte that is no UTF-8: the whole file is text in this encoding, its comments too")
      return true
    }
    if !file.text.contains(0x0A), file.text.contains(0x0D) {
      report(position, "the lines of this file end with carriage returns only; a line feed has to end each")
      return true
    }
    return false
  }

  private mutating func next() -> LexicalToken? {
    skipBlank()
    guard let scalar = current else { return nil }
    let start = position
    let first = isFirst
    isFirst = false
    let comment = first && start.column == 1 && commentEndsAt + 1 == line ? comments.joined(separator: "\n") : ""
    if first { comments = [] }
    if first, start.column == 1 { isDeclarationBroken = false }
    let example = first && start.column > 1 && mayHaveExamples ? lexExample(at: start) : nil
    let kind = example ?? lex(scalar, at: start) ?? .invalid
    if first, start.column == 1 {
      mayHaveExamples = ["header", "line", "attribute"].contains { kind == .identifier($0) }
    }
    return LexicalToken(kind: kind, position: start, endColumn: column, isFirstOnLine: first, comment: comment)
  }

  /// Skips white space and comments; keeps comment lines that begin in the first column as documentation.
  private mutating func skipBlank() {
    while let scalar = current {
      if scalar == ";" {
        let isWholeLine = isFirst && column == 1
        let start = index + 1
        let commentLine = line
        while let next = current, next != "\n" { advance() }
        if isWholeLine {
          if commentEndsAt + 1 != commentLine { comments = [] }
          var text = String(String.UnicodeScalarView(scalars[start..<index]))
          if text.hasSuffix("\r") { text.removeLast() }
          comments.append(text.hasPrefix(" ") ? String(text.dropFirst()) : text)
          commentEndsAt = commentLine
        }
      } else if scalar == " " || scalar == "\n" || scalar == "\r" || scalar == "\t" {
        advance()
      } else {
        return
      }
    }
  }

  private static func isLetter(_ scalar: Unicode.Scalar) -> Bool {
    ("a"..."z").contains(scalar) || ("A"..."Z").contains(scalar)
  }

  private static func isDigit(_ scalar: Unicode.Scalar) -> Bool { ("0"..."9").contains(scalar) }

  private static func isNamePart(_ scalar: Unicode.Scalar) -> Bool {
    // Not in ABNF, but in names of attributes and headers.
    isLetter(scalar) || isDigit(scalar) || scalar == "-" || scalar == "_"
  }

  /// `3gpp_sync_info`: no rule of ABNF has a `_`, so the digit is no count of repetitions.
  private var beginsNameWithDigit: Bool {
    guard let scalar = current, Self.isDigit(scalar) else { return false }
    return scalars[index...].prefix(while: Self.isNamePart).contains("_")
  }

  private mutating func lex(_ scalar: Unicode.Scalar, at start: Position) -> TokenKind? {
    if Self.isLetter(scalar) || beginsNameWithDigit {
      let from = index
      while let next = current, Self.isNamePart(next) {
        // "->" behind a name is an arrow, not a part of it.
        if next == "-", peek() == ">" { break }
        advance()
      }
      return .identifier(String(String.UnicodeScalarView(scalars[from..<index])))
    }
    if Self.isDigit(scalar) {
      let from = index
      while let next = current, Self.isDigit(next) { advance() }
      let text = String(String.UnicodeScalarView(scalars[from..<index]))
      guard let value = Int(text) else {
        report(start, "the number \(text) is too large")
        return nil
      }
      return .number(value)
    }
    switch scalar {
    case "\"": return lexString(exact: false, at: start)
    case "%": return lexPercent(at: start)
    case "<":
      if peek() == "-", peek(2) == ">" { return symbol("<->") }
      if peek() == "-" { return symbol("<-") }
      return lexAngle(at: start)
    case "-":
      if peek() == ">" { return symbol("->") }
      return symbol("-")
    case "=":
      if peek() == "/" { return symbol("=/") }
      return symbol("=")
    case "/", "(", ")", "[", "]", "*", "#", ":", "@", "?", "+", ",", ".", "|": return symbol(String(scalar))
    default:
      var meant = ""
      if "\u{201C}\u{201D}\u{2018}\u{2019}'".unicodeScalars.contains(scalar) {
        meant = "; a string stands in straight quotes, `\"`"
      } else if "\u{2010}\u{2011}\u{2012}\u{2013}\u{2014}\u{2212}".unicodeScalars.contains(scalar) {
        meant = "; a hyphen is `-`"
      } else if scalar.properties.generalCategory == .spaceSeparator {
        meant = "; write a space"
      }
      report(start, "\(Self.named(scalar)) means nothing in a grammar\(meant)")
      advance()
      return nil
    }
  }

  static func named(_ scalar: Unicode.Scalar) -> String {
    switch scalar.properties.generalCategory {
    case .control, .format, .spaceSeparator, .lineSeparator, .paragraphSeparator, .unassigned, .privateUse: break
    default: return "the character `\(scalar)`"
    }
    let digits = String(scalar.value, radix: 16, uppercase: true)
    return "the character U+" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
  }

  /// `example`, and all that stands behind it on its line: a value may hold `;` and quotation marks.
  private mutating func lexExample(at start: Position) -> TokenKind? {
    let word = Array("example".unicodeScalars)
    guard scalars[index...].starts(with: word), peek(word.count).map({ " \t\r\n".unicodeScalars.contains($0) }) != false
    else { return nil }
    advance(word.count)
    while current == " " || current == "\t" { advance() }
    let from = index
    let valueColumn = column
    while let next = current, next != "\n" { advance() }
    var value = scalars[from..<index]
    while let last = value.last, last == " " || last == "\t" || last == "\r" { value.removeLast() }
    if value.isEmpty {
      report(start, "expected a value behind `example`, as it stands in messages")
      return .invalid
    }
    return .example(String(String.UnicodeScalarView(value)), column: valueColumn)
  }

  private mutating func symbol(_ text: String) -> TokenKind {
    advance(text.unicodeScalars.count)
    return .symbol(text)
  }

  private mutating func lexString(exact: Bool, at start: Position) -> TokenKind? {
    advance()
    let from = index
    while let next = current, next != "\"" {
      if next == "\n" { break }
      advance()
    }
    guard current == "\"" else {
      reportUnclosedString(at: start, quote: from - 1)
      return nil
    }
    let text = String(String.UnicodeScalarView(scalars[from..<index]))
    advance()
    return .string(Array(text.utf8), exact: exact)
  }

  /// One of the quotation marks of the line is missing, seldom the one with which the last string begins: strings stand
  /// between spaces and brackets, so that one with a letter at the wrong side tells where.
  private mutating func reportUnclosedString(at start: Position, quote: Int) {
    var lineStart = quote
    while lineStart > 0, scalars[lineStart - 1] != "\n" { lineStart -= 1 }
    if scalars[lineStart..<quote].contains("\\") {
      // What looks like the beginning of a string is the end of one that other languages would have read.
      return report(
        start, "this string is not closed on its line",
        note: "a string has no `\\\"` in it: end it, write DQUOTE, and go on with another one")
    }
    func place(_ index: Int) -> Position {
      Position(file: fileIndex, line: start.line, column: index - lineStart + 1)
    }
    let quotes = (lineStart...quote).filter { scalars[$0] == "\"" }
    for (number, index) in quotes.enumerated() {
      let isOpening = number % 2 == 0
      if isOpening, index > lineStart, Self.isNamePart(scalars[index - 1]), !isBehindPercent(index - 1) {
        return report(place(index), "this quotation mark ends a string that does not begin on its line")
      }
      if !isOpening, index + 1 < scalars.count, Self.isNamePart(scalars[index + 1]) {
        return report(place(quotes[number - 1]), "this string is not closed on its line")
      }
    }
    report(start, "this string is not closed on its line")
  }

  /// The letter of `%s"…"`.
  private func isBehindPercent(_ index: Int) -> Bool { index > 0 && scalars[index - 1] == "%" }

  private mutating func lexAngle(at start: Position) -> TokenKind? {
    advance()
    let from = index
    while let next = current, next != ">", next != "\n" { advance() }
    guard current == ">" else {
      report(start, "`<` is not closed by `>` on its line")
      isDeclarationBroken = true
      return nil
    }
    let text = String(String.UnicodeScalarView(scalars[from..<index]))
    advance()
    return .angle(text)
  }

  /// `%s"…"`, `%i"…"`, `%x41`, `%x41-5A`, `%x0D.0A`, and the same with `%d` and `%b` (RFC 5234 §2.3, RFC 7405).
  private mutating func lexPercent(at start: Position) -> TokenKind? {
    advance()
    guard let kind = current, Self.isNamePart(kind) else {
      report(start, "`%` wants s, i, x, d or b directly behind it")
      return nil
    }
    advance()
    switch kind {
    case "s", "S", "i", "I":
      guard current == "\"" else {
        report(start, "`%\(kind)` wants a string behind it")
        return nil
      }
      return lexString(exact: kind == "s" || kind == "S", at: start)
    case "x", "X", "d", "D", "b", "B":
      let radix = kind == "x" || kind == "X" ? 16 : kind == "d" || kind == "D" ? 10 : 2
      guard let first = lexByte(radix: radix) else { return nil }
      if current == "-" {
        advance()
        guard let last = lexByte(radix: radix) else { return nil }
        guard first <= last else {
          report(start, "this range ends before it begins")
          return nil
        }
        return .range(first, last)
      }
      var bytes = [first]
      while current == "." {
        advance()
        guard let byte = lexByte(radix: radix) else { return nil }
        bytes.append(byte)
      }
      return .string(bytes, exact: true)
    default:
      report(start, "`%` wants s, i, x, d or b directly behind it, not `\(kind)`")
      while let next = current, Self.isNamePart(next) { advance() }
      return nil
    }
  }

  private mutating func lexByte(radix: Int) -> UInt8? {
    let from = index
    let start = position
    while let next = current, Self.isLetter(next) || Self.isDigit(next) { advance() }
    let text = String(String.UnicodeScalarView(scalars[from..<index]))
    if let value = UInt8(text, radix: radix) { return value }
    let kind = radix == 16 ? "hexadecimal" : radix == 10 ? "decimal" : "binary"
    if text.isEmpty {
      report(start, "expected a byte in \(kind) digits")
    } else if text.allSatisfy({ $0.hexDigitValue.map { $0 < radix } ?? false }) {
      report(
        start, "\(text) is more than a byte holds, which is \(String(255, radix: radix, uppercase: true))")
    } else {
      report(start, "`\(text)` is no byte in \(kind) digits")
    }
    return nil
  }
}
