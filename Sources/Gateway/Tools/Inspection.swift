import CodecRuntime
import JingleCodec
import SDPCodec
import SIPCodec
import XMLReader

/// What a message can be written in.
public enum MessageKind: String, CaseIterable, Sendable {
  /// A SIP message as it fills a datagram.
  case sip
  /// A session description.
  case sdp
  /// A `<jingle/>` element, another one of the grammars that begins a payload, or a stanza that holds one.
  case jingle
}

/// The first thing that is wrong with a message.
public struct Objection: Error, Equatable, Sendable {
  /// Which part of reading objects: `framing`, `start-line`, `header`, `syntax` or `validation`.
  public var layer: String
  /// The header field, line or element.
  public var location: String
  /// Bytes from the start of the message.
  public var offset: Int
  public var message: String

  public init(layer: String, location: String, offset: Int, message: String) {
    self.layer = layer
    self.location = location
    self.offset = offset
    self.message = message
  }

  init(_ issue: SIPIssue) {
    self.init(
      layer: issue.layer.rawValue, location: issue.location, offset: issue.offset, message: issue.message)
  }

  init(_ issue: SDPIssue) {
    self.init(
      layer: issue.layer.rawValue, location: issue.location, offset: issue.offset, message: issue.message)
  }

  init(_ issue: ElementIssue) {
    self.init(
      layer: issue.layer.rawValue, location: issue.location, offset: issue.offset, message: issue.message)
  }

  init(_ error: XMLReadError) {
    self.init(layer: "syntax", location: "document", offset: error.offset, message: error.message)
  }
}

/// Strict reading of one message: whatever is wrong with it, and be it one parameter of a field that nobody needs, is
/// a reason to reject it.
public enum Inspection {
  /// Bytes from which on no message is read, whatever its kind.
  public static let maximumSize = SIPMessage.maximumSize

  /// Reads `bytes` as one message; returns what the serializer makes of it.
  ///
  /// Throws: the first objection.
  public static func inspect(_ bytes: [UInt8], as kind: MessageKind) throws(Objection) -> [UInt8] {
    switch kind {
    case .sip:
      let written: [UInt8]
      let objection: Objection?
      do throws(SIPIssue) {
        let message = try SIPMessage(parsing: bytes)
        if let issue = firstIssue(of: message) { throw issue }
        objection = Self.objection(toBodyOf: message)
        written = message.bytes
      } catch { throw Objection(error) }
      if let objection { throw objection }
      return written
    case .sdp:
      do throws(SDPIssue) {
        let description = try SessionDescription(parsing: bytes)
        if let issue = description.issues.first { throw issue }
        return description.bytes
      } catch { throw Objection(error) }
    case .jingle: return try inspectJingle(bytes)
    }
  }

  /// The issue that decides: of the first layer that objects the first one, for where a message is cut off says more
  /// than what one of its fields lacks.
  private static func firstIssue(of message: SIPMessage) -> SIPIssue? {
    for layer in [SIPIssue.Layer.framing, .startLine, .header, .validation] {
      if let issue = message.issues.first(where: { $0.layer == layer }) { return issue }
    }
    return nil
  }

  private static func inspectJingle(_ bytes: [UInt8]) throws(Objection) -> [UInt8] {
    let document = try JingleDocument(parsing: bytes)
    if let issue = document.issues?.first { throw Objection(issue) }
    if let objection = document.wrongType { throw objection }
    if document.issues == nil, !document.isResponse {
      throw Objection(
        layer: "validation", location: "\(document.root.name)", offset: document.offset,
        message: "expected <jingle/>, another payload that the grammars know, or a stanza that holds one")
    }
    return document.bytes
  }

  /// What is printed about a file: one JSON object, on one line.
  public static func report(file: String, objection: Objection?, parts: [InspectedPart] = []) -> String {
    var object = JSONObject()
    object.add("file", file)
    object.add("verdict", objection == nil ? "accept" : "reject")
    if let objection { object.add(objection) }
    if !parts.isEmpty { object.add("body", parts.map(\.json)) }
    return object.text
  }
}

extension JSONObject {
  mutating func add(_ objection: Objection) {
    add("layer", objection.layer)
    add("where", objection.location)
    add("offset", objection.offset)
    add("message", objection.message)
  }
}
