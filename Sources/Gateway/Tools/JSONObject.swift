/// Writes a JSON object on one line (RFC 8259).
struct JSONObject {
  private var members = ""

  var text: String { "{\(members)}" }

  mutating func add(_ name: String, _ value: String) { add(name, raw: Self.quoted(value)) }
  mutating func add(_ name: String, _ value: Int) { add(name, raw: String(value)) }

  mutating func add(_ name: String, _ values: [JSONObject]) {
    add(name, raw: "[" + values.map(\.text).joined(separator: ",") + "]")
  }

  private mutating func add(_ name: String, raw: String) {
    if !members.isEmpty { members += "," }
    members += Self.quoted(name) + ":" + raw
  }

  /// `text` in quotation marks.
  static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\r": result += "\\r"
      case "\t": result += "\\t"
      case "\u{0}"..<"\u{20}", "\u{7F}"..."\u{9F}", "\u{2028}", "\u{2029}":
        let digits = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}
