/// Swift source in the making: lines with indentation.
struct SourceText {
  private(set) var text = ""
  private var depth = 0

  /// A line; empty ones get no white space.
  mutating func line(_ line: String = "") {
    if line.isEmpty {
      text += "\n"
    } else {
      text += String(repeating: "  ", count: depth) + line + "\n"
    }
  }

  /// Text of the same depth, to be appended later.
  func part() -> SourceText {
    var part = SourceText()
    part.depth = depth
    return part
  }

  mutating func append(_ part: SourceText) { text += part.text }

  mutating func indented(_ body: (inout SourceText) -> Void) {
    depth += 1
    body(&self)
    depth -= 1
  }

  /// `opening {`, the body, `}`.
  mutating func block(_ opening: String, _ body: (inout SourceText) -> Void) {
    line(opening + " {")
    indented(body)
    line("}")
  }

  /// Documentation from the comment of a declaration.
  mutating func documentation(_ comment: String, fallback: String) {
    let lines =
      comment.isEmpty ? [fallback] : comment.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    for entry in lines { line("/// \(entry)") }
  }

  /// A string literal of Swift.
  static func literal(_ bytes: some Sequence<UInt8>) -> String {
    var result = "\""
    for scalar in String(decoding: Array(bytes), as: UTF8.self).unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\r": result += "\\r"
      case "\n": result += "\\n"
      case "\t": result += "\\t"
      case " "..."~": result.unicodeScalars.append(scalar)
      default: result += "\\u{" + String(scalar.value, radix: 16) + "}"
      }
    }
    return result + "\""
  }

  static func literal(_ text: String) -> String { literal(Array(text.utf8)) }

  /// A table of small numbers (below 128) as a string literal, which Swift stores as it is: `opening """`, lines of the
  /// table, `"""` and `closing`.
  mutating func table(_ opening: String, _ values: [Int], closing: String) {
    line(opening + "\"\"\"")
    indented { text in
      var row = ""
      for value in values {
        if row.utf8.count > 92 {
          text.line(row + "\\")
          row = ""
        }
        row += Self.entry(value)
      }
      text.line(row)
      text.line("\"\"\"" + closing)
    }
  }

  /// Digits, letters and a few marks stand for themselves, so that a table can be compared by eye.
  private static func entry(_ value: Int) -> String {
    switch value {
    case 0: "\\0"
    case 9: "\\t"
    case 10: "\\n"
    case 13: "\\r"
    case 0x22: "\\\""
    case 0x5C: "\\\\"
    case 0x21...0x7E: String(UnicodeScalar(UInt8(value)))
    default: "\\u{" + String(value, radix: 16) + "}"
    }
  }

  static func byte(_ byte: UInt8) -> String {
    let digits = String(byte, radix: 16, uppercase: true)
    return "0x" + (digits.count == 1 ? "0" : "") + digits
  }
}
