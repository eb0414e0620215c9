/// A SIP message as the simulated phones, the proxy and the ledger read and write it: lines of text. It shares no code
/// with SIPCodec, so that a mistake there is not made twice.
struct SimMessage {
  struct Field {
    var name: String
    var value: String
  }

  var startLine: String
  var fields: [Field]
  var body: String

  init(startLine: String, fields: [Field], body: String) {
    self.startLine = startLine
    self.fields = fields
    self.body = body
  }

  init?(_ bytes: [UInt8]) {
    var lines: [String] = []
    var start = 0
    var index = 0
    while index + 1 < bytes.count {
      if bytes[index] == 13, bytes[index + 1] == 10 {
        if index == start { break }
        lines.append(String(decoding: bytes[start..<index], as: UTF8.self))
        index += 2
        start = index
      } else {
        index += 1
      }
    }
    guard let first = lines.first, start + 2 <= bytes.count else { return nil }
    startLine = first
    fields = lines.dropFirst().map { line in
      let text = line.utf8
      let colon = text.firstIndex(of: 0x3A) ?? text.endIndex
      let value = colon == text.endIndex ? "" : String(text[text.index(after: colon)...].drop { $0 == 0x20 }) ?? ""
      return Field(name: String(text[..<colon]) ?? "", value: value)
    }
    // It follows from the body.
    fields.removeAll { $0.name == "Content-Length" }
    body = String(decoding: bytes[(start + 2)...], as: UTF8.self)
  }

  var bytes: [UInt8] {
    var text = startLine + "\r\n"
    for field in fields { text += "\(field.name): \(field.value)\r\n" }
    text += "Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
    return Array(text.utf8)
  }

  // MARK: Fields

  subscript(name: String) -> String? { fields.first { $0.name == name }?.value }

  func all(_ name: String) -> [String] { fields.filter { $0.name == name }.map(\.value) }

  var isRequest: Bool { !startLine.hasPrefix("SIP/2.0 ") }
  var status: Int? {
    isRequest ? nil : Int(startLine.utf8.dropFirst(8).prefix(3).map { String(UnicodeScalar($0)) }.joined())
  }
  /// Of the request, or of the one that is answered.
  var method: String {
    if isRequest { return String(startLine.split(separator: " ", maxSplits: 1).first ?? "") }
    return String(self["CSeq"]?.split(separator: " ").last ?? "")
  }
  var requestURI: String {
    let words = startLine.split(separator: " ")
    return words.count > 1 ? String(words[1]) : ""
  }
  var sequence: Int { Int(self["CSeq"]?.split(separator: " ").first ?? "") ?? 0 }
  var callID: String { self["Call-ID"] ?? "" }
  var fromTag: String { self["From"]?.parameter("tag") ?? "" }
  var toTag: String? { self["To"]?.parameter("tag") }
  var branch: String { self["Via"]?.parameter("branch") ?? "" }

  /// `INVITE`, `200 INVITE`: for the ladder.
  var title: String { status.map { "\($0) \(method)" } ?? method }

  /// The response to this request.
  func response(_ status: Int, _ phrase: String, toTag tag: String, _ more: [Field] = [], body: String = "")
    -> SimMessage
  {
    var fields = self.fields.filter { ["Via", "From", "Call-ID", "CSeq"].contains($0.name) }
    fields += self.fields.filter { $0.name == "Record-Route" }
    let to = self["To"] ?? ""
    fields.append(Field(name: "To", value: toTag == nil && status > 100 ? "\(to);tag=\(tag)" : to))
    return SimMessage(startLine: "SIP/2.0 \(status) \(phrase)", fields: fields + more, body: body)
  }
}

extension String {
  /// The value of a parameter behind a semicolon.
  func parameter(_ name: String) -> String? {
    let wanted = "\(name)="
    for part in utf8.split(separator: 0x3B).dropFirst() {
      let text = Substring(part)
      if text.hasPrefix(wanted) { return String(text.dropFirst(wanted.count)) }
    }
    return nil
  }

  /// What stands between angle brackets, or all before the parameters.
  var address: String {
    guard let start = utf8.firstIndex(of: 0x3C), let end = utf8.firstIndex(of: 0x3E) else {
      return String(utf8.split(separator: 0x3B).first.map(Substring.init) ?? "")
    }
    return String(self[utf8.index(after: start)..<end])
  }

  /// The user of a URI.
  var uriUser: String {
    guard let at = utf8.firstIndex(of: 0x40), let colon = utf8.firstIndex(of: 0x3A), colon < at else { return "" }
    return String(self[utf8.index(after: colon)..<at])
  }

  /// The port of a URI, or of the sent-by of a Via: all of the simulation is told apart by its ports.
  var uriPort: UInt16 {
    let head = utf8.split(separator: 0x3B).first.map(Substring.init) ?? ""
    guard let colon = head.utf8.lastIndex(of: 0x3A) else { return 5060 }
    return UInt16(head[head.utf8.index(after: colon)...]) ?? 5060
  }

  var isLoose: Bool { hasSuffix(";lr") || contains(";lr;") }
}
