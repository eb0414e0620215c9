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
    let lines = comment.isEmpty ? [fallback] : comment.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
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

  /// A table of small numbers (below 128) as a string literal, which Swift stores as it is.
  static func table(_ values: [Int]) -> String {
    literal(values.map { UInt8(truncatingIfNeeded: $0) })
  }

  static func byte(_ byte: UInt8) -> String {
    let digits = String(byte, radix: 16, uppercase: true)
    return "0x" + (digits.count == 1 ? "0" : "") + digits
  }
}
