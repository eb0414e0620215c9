import CodecRuntime
import SDPCodec
import SIPCodec

/// What stands in the body of a SIP message: the body itself, or each part of it (RFC 5621 §3).
public struct InspectedPart: Equatable, Sendable {
  /// Which one it is: "1" for a body without parts, "2.1" for the first part of the second one.
  public var number: String
  /// The media type, as it is written.
  public var type: String
  /// What it is for (RFC 3261 §20.11), if somebody says so.
  public var disposition: String?
  /// Bytes from the start of the message to what stands in it.
  public var start: Int
  public var count: Int
  /// Whether it was read: a session description (RFC 8866) is.
  public var isRead = false
  /// What is wrong in it; offsets count from the start of the message.
  public var objection: Objection?

  var json: JSONObject {
    var object = JSONObject()
    object.add("part", number)
    object.add("type", type)
    if let disposition { object.add("disposition", disposition) }
    object.add("start", start)
    object.add("length", count)
    if isRead { object.add("verdict", objection == nil ? "accept" : "reject") }
    if let objection { object.add(objection) }
    return object
  }
}

extension Inspection {
  /// The parts of the body of a SIP message, in their order; none where it has no body.
  ///
  /// What is wrong within a part is told with the part: of the message its head, and how its body is cut into parts, say
  /// whether it is valid (RFC 3261 §7.4: what a body is, its type says).
  public static func parts(ofMessage bytes: [UInt8]) -> [InspectedPart] {
    guard let message = try? SIPMessage(parsing: bytes), !message.body.isEmpty else { return [] }
    var inspection = BodyInspection()
    inspection.read(message.headers, message.body, start: Int(message.body.slice.offset), number: "", message.multipart)
    return inspection.parts
  }

  /// The first thing that is wrong with how the body is cut into parts, or with their header fields.
  static func objection(toBodyOf message: SIPMessage) -> Objection? {
    guard let multipart = message.multipart else { return nil }
    var inspection = BodyInspection()
    inspection.read(multipart, start: Int(message.body.slice.offset), number: "")
    return inspection.objection
  }
}

private struct BodyInspection {
  var parts: [InspectedPart] = []
  /// The first of the objections to the parts as such.
  var objection: Objection?

  mutating func read(
    _ headers: HeaderFields, _ body: Text, start: Int, number: String, _ multipart: MultipartBody?
  ) {
    if let multipart { return read(multipart, start: start, number: number) }
    let type = headers.contentType
    var part = InspectedPart(
      number: number.isEmpty ? "1" : number,
      // RFC 2046 §5.1: what a part without a type is.
      type: type.map { "\($0.type.string)/\($0.subtype.string)" } ?? "text/plain",
      disposition: headers.contentDisposition?.type.name, start: start, count: body.count)
    if type?.isSessionDescription == true {
      part.isRead = true
      part.objection = Self.objection(toDescription: body, start: start)
    }
    parts.append(part)
  }

  mutating func read(_ multipart: MultipartBody, start: Int, number: String) {
    for (index, part) in multipart.parts.enumerated() {
      let place = start + part.offset
      if let issue = part.issues.first { note(issue, start: place) }
      read(
        part.headers, part.body, start: place + Int(part.body.slice.offset),
        number: number + (number.isEmpty ? "" : ".") + "\(index + 1)", part.multipart)
    }
    if let issue = multipart.issues.first { note(issue, start: start) }
  }

  private mutating func note(_ issue: SIPIssue, start: Int) {
    if objection != nil { return }
    var found = Objection(issue)
    found.offset += start
    objection = found
  }

  private static func objection(toDescription body: Text, start: Int) -> Objection? {
    let bytes = body.withBytes { Array($0) }
    do throws(SDPIssue) {
      let description = try SessionDescription(parsing: bytes)
      if let issue = description.issues.first { throw issue }
      return nil
    } catch {
      var found = Objection(error)
      found.offset += start
      return found
    }
  }
}

extension ContentTypeHeader {
  /// RFC 8866 §8.1
  fileprivate var isSessionDescription: Bool {
    "\(type.string)/\(subtype.string)".lowercased() == "application/sdp"
  }
}
