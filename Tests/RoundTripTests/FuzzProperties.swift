import CodecRuntime
import JingleCodec
import JingleSIPMapping
import SDPCodec
import SIPCodec
import XMLReader

/// What has to hold for any bytes whatever. Both fuzzers, the one of libFuzzer and the one of the tests, check this.
enum FuzzTarget: String, CaseIterable {
  case sip, sdp, jingle, stream

  /// The target whose grammars have the words.
  var dictionaryTarget: String {
    switch self {
    case .sip: "SIPCodec"
    case .sdp: "SDPCodec"
    case .jingle, .stream: "JingleCodec"
    }
  }

  /// Throws what does not hold. What is allowed to be refused may be.
  func check(_ bytes: [UInt8]) throws {
    switch self {
    case .sip: try Properties.sip(bytes)
    case .sdp: try Properties.sdp(bytes)
    case .jingle: try Properties.jingle(bytes)
    case .stream: try Properties.stream(bytes)
    }
  }
}

/// A property that does not hold.
struct Violation: Error, CustomStringConvertible {
  var description: String
}

private func require(_ condition: Bool, _ message: @autoclosure () -> String) throws {
  if !condition { throw Violation(description: message()) }
}

private func quoted(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self).debugDescription }

enum Properties {
  // MARK: SIP

  static func sip(_ bytes: [UInt8]) throws {
    guard let message = try? SIPMessage(parsing: bytes) else {
      return try require(bytes.count > SIPMessage.maximumSize, "a message of \(bytes.count) bytes is not read")
    }
    try offsets(message.issues.map(\.offset), bytes.count)
    let written = message.bytes
    let again = try SIPMessage(parsing: written)
    if message.issues.isEmpty {
      try require(again.issues.isEmpty, "written again it is refused: \(again.issues)\n\(quoted(written))")
      try require(again.arena.wordCount == message.arena.wordCount, "written again it has other values")
    }
    try fixpoint(message.issues.isEmpty ? written : again.bytes) { try SIPMessage(parsing: $0).bytes }
    if let uri = message.requestLine?.uri {
      try require(uri.isEquivalent(to: uri), "a URI is not equivalent to itself")
    }
    parts(message.multipart, 0)
    try framing(bytes)
  }

  /// Looks into all parts of a body.
  private static func parts(_ body: MultipartBody?, _ depth: Int) {
    for part in body?.parts ?? [] { parts(part.multipart, depth + 1) }
  }

  /// However a stream is cut, the same comes out.
  private static func framing(_ bytes: [UInt8]) throws {
    func events(_ size: Int) -> [String] {
      var framing = StreamFraming()
      var result: [String] = []
      for start in stride(from: 0, to: bytes.count, by: size) {
        bytes[start..<min(start + size, bytes.count)].withUnsafeBytes { framing.append($0) }
        while let event = framing.next() {
          switch event {
          case .message(let message): result.append(String(decoding: message.bytes, as: UTF8.self))
          case .keepAlive: result.append("keep-alive")
          case .failed(let issue, _):
            result.append("failed: \(issue.location)")
            return result
          }
        }
      }
      return result
    }
    try require(events(max(bytes.count, 1)) == events(7), "a stream cut into pieces reads otherwise")
  }

  // MARK: SDP

  static func sdp(_ bytes: [UInt8]) throws {
    guard let description = try? SessionDescription(parsing: bytes) else {
      return try require(bytes.count > SessionDescription.maximumSize, "\(bytes.count) bytes are not read")
    }
    try offsets(description.issues.map(\.offset), bytes.count)
    let written = description.bytes
    let again = try SessionDescription(parsing: written)
    if description.issues.isEmpty {
      try require(again.issues.isEmpty, "written again it is refused: \(again.issues)\n\(quoted(written))")
    }
    try fixpoint(description.issues.isEmpty ? written : again.bytes) { try SessionDescription(parsing: $0).bytes }
    for role in [Role.initiator, .responder] {
      guard let xml = try jingle(of: description, role) else { continue }
      guard let reading = Jingle.read(try parsed(xml)) else {
        throw Violation(description: "no <jingle/>: \(quoted(xml))")
      }
      try valid(reading, xml)
      _ = try sdp(of: reading.jingle, role)
    }
  }

  /// Of a description without media there is a stanza without contents, and whoever asked for it has to see that.
  private static func valid(_ reading: ElementReading<Jingle>, _ xml: [UInt8]) throws {
    let isEmpty = reading.jingle.contents.isEmpty
    let issues = reading.issues.filter { !(isEmpty && $0.location == "jingle/content") }
    try require(issues.isEmpty, "made invalid Jingle: \(issues)\n\(quoted(xml))")
  }

  /// The translation to Jingle; `nil` where it would be larger than any session is.
  private static func jingle(of description: SessionDescription, _ role: Role) throws -> [UInt8]? {
    var state = MediaState()
    guard let translation = try? translateToJingle(description.arena, by: role, sid: "1", state: &state) else {
      return nil
    }
    var output = Output()
    Jingle(arena: translation.arena, index: 0).write(to: &output)
    return output.bytes
  }

  /// The translation to SDP, which is read again; `nil` where it would be larger than any session is.
  private static func sdp(of jingle: Jingle, _ role: Role) throws -> SessionDescription? {
    var state = MediaState()
    guard let translation = try? translateToSDP(jingle.arena, at: jingle.index, by: role, state: &state) else {
      return nil
    }
    let bytes = SessionDescription(arena: translation.arena).bytes
    guard bytes.count <= SessionDescription.maximumSize else { return nil }
    let description = try SessionDescription(parsing: bytes)
    // Nothing of it may be read as something else than it was written as. A fragment has no `v=` and no `o=`.
    let wrong = description.issues.filter { $0.layer == .syntax }
    try require(wrong.isEmpty, "made invalid SDP: \(wrong)\n\(quoted(bytes))")
    try require(description.bytes == bytes, "made SDP that is written otherwise:\n\(quoted(bytes))")
    return description
  }

  // MARK: Jingle

  private static func parsed(_ xml: [UInt8]) throws -> XMLElement {
    do throws(XMLReadError) { return try XMLReader.parseDocument(xml, limits: XMLLimits(maximumBytes: 2 << 20)) } catch
    {
      throw Violation(description: "made XML that is refused: \(error)\n\(quoted(xml))")
    }
  }

  static func jingle(_ bytes: [UInt8]) throws {
    let root: XMLElement
    do throws(XMLReadError) { root = try XMLReader.parseDocument(bytes) } catch {
      return try offsets([error.offset], bytes.count)
    }
    var output = Output()
    output.append(xml: root)
    let tree = try parsed(output.bytes)
    var second = Output()
    second.append(xml: tree)
    try require(second.bytes == output.bytes, "no fixpoint:\n\(quoted(output.bytes))\n\(quoted(second.bytes))")
    guard let reading = Jingle.read(root) ?? root.children.lazy.compactMap(Jingle.read).first else { return }
    try offsets(reading.issues.map(\.offset), bytes.count)
    output = Output()
    reading.jingle.write(to: &output)
    guard let again = Jingle.read(try parsed(output.bytes)) else {
      throw Violation(description: "written as something else: \(quoted(output.bytes))")
    }
    if reading.issues.isEmpty {
      try require(again.issues.isEmpty, "written again it is refused: \(again.issues)\n\(quoted(output.bytes))")
    }
    second = Output()
    again.jingle.write(to: &second)
    try require(second.bytes == output.bytes, "no fixpoint:\n\(quoted(output.bytes))\n\(quoted(second.bytes))")
    for role in [Role.initiator, .responder] {
      guard let description = try sdp(of: reading.jingle, role) else { continue }
      guard let xml = try jingle(of: description, role) else { continue }
      guard let back = Jingle.read(try parsed(xml)) else {
        throw Violation(description: "no <jingle/>: \(quoted(xml))")
      }
      try valid(back, xml)
    }
  }

  // MARK: Streams

  /// However a stream is cut, the same comes out.
  static func stream(_ bytes: [UInt8]) throws {
    func events(_ size: Int) -> [String] {
      let reader = XMLStreamReader()
      var result: [String] = []
      for start in stride(from: 0, to: bytes.count, by: size) {
        reader.append(Array(bytes[start..<min(start + size, bytes.count)]))
        while let event = reader.next() {
          switch event {
          case .streamOpened(let head): result.append("opened \(head.name) \(head.namespace)")
          case .stanza(let stanza):
            var output = Output()
            output.append(xml: stanza)
            result.append(output.string)
          case .streamClosed: result.append("closed")
          case .failed(let error): result.append("failed: \(error.kind)")
          }
        }
      }
      return result
    }
    let whole = events(max(bytes.count, 1))
    let cut = events(5)
    try require(whole == cut, "a stream cut into pieces reads otherwise:\n\(whole)\n\(cut)")
  }

  /// What was written is written the same once it was read. That holds from the second time on where something was
  /// malformed, for a line without its end becomes a good one with it.
  private static func fixpoint(_ written: [UInt8], _ rewritten: ([UInt8]) throws -> [UInt8]) throws {
    let again = try rewritten(written)
    try require(again == written, "no fixpoint:\n\(quoted(written))\n\(quoted(again))")
  }

  private static func offsets(_ offsets: [Int], _ count: Int) throws {
    for offset in offsets {
      try require((0...count).contains(offset), "an error at \(offset) of \(count) bytes")
    }
  }
}
