import CodecRuntime
import JingleCodec
import JingleSIPMapping
import SDPCodec
import Testing
import XMLReader

/// A translation as text.
struct Translated {
  var text: String
  var losses: [String]
  var state: MediaState

  /// The lines of SDP that begin like this.
  func lines(_ prefix: String) -> [String] {
    text.split(separator: "\r\n").map(String.init).filter { $0.hasPrefix(prefix) }
  }
}

enum TranslationError: Error { case noJingle }

/// SDP to Jingle.
func jingle(
  _ sdp: String, by role: Role = .initiator, action: String? = nil, sid: String? = nil, state: MediaState = MediaState()
) throws -> Translated {
  var state = state
  let description = try SessionDescription(parsing: Array(crlf(sdp).utf8))
  let translation = try translateToJingle(description.arena, by: role, action: action, sid: sid, state: &state)
  var output = Output()
  Jingle(arena: translation.arena, index: 0).write(to: &output)
  return Translated(text: output.string, losses: translation.losses.map(\.description), state: state)
}

/// Jingle to SDP.
func sdp(
  _ xml: String, by role: Role = .initiator, asFragment: Bool? = nil, state: MediaState = MediaState()
) throws -> Translated {
  var state = state
  let root = try XMLReader.parseDocument(Array(xml.utf8))
  guard let reading = Jingle.read(root) else { throw TranslationError.noJingle }
  let translation = try translateToSDP(
    reading.jingle.arena, at: reading.jingle.index, by: role, asFragment: asFragment, state: &state)
  let description = SessionDescription(arena: translation.arena)
  return Translated(
    text: String(decoding: description.bytes, as: UTF8.self), losses: translation.losses.map(\.description),
    state: state)
}

/// Lines of a multi-line string as SDP has them.
func crlf(_ text: String) -> String {
  text.split(separator: "\n", omittingEmptySubsequences: true).map { $0 + "\r\n" }.joined()
}

/// An element of XML as one line for each start-tag: easy to compare.
func content(_ name: String, _ inner: String, creator: String = "initiator", attributes: String = "") -> String {
  "<content creator='\(creator)' name='\(name)' \(attributes)>\(inner)</content>"
}

func stanza(_ action: String, _ contents: String...) -> String {
  "<jingle xmlns='urn:xmpp:jingle:1' action='\(action)' sid='a73'>\(contents.joined())</jingle>"
}

func audio(_ inner: String) -> String {
  "<description xmlns='urn:xmpp:jingle:apps:rtp:1' media='audio'>\(inner)</description>"
}

func iceUDP(_ inner: String = "", attributes: String = "") -> String {
  "<transport xmlns='urn:xmpp:jingle:transports:ice-udp:1' \(attributes)>\(inner)</transport>"
}

let plainOffer = """
  v=0
  o=alice 2890844526 2890844526 IN IP4 192.0.2.1
  s=-
  c=IN IP4 192.0.2.1
  t=0 0
  m=audio 49170 RTP/AVP 0 8 9 13 18 101
  a=rtpmap:101 telephone-event/8000
  a=fmtp:101 0-15
  a=ptime:20

  """

/// What SHA-256 makes of a certificate, as RFC 8122 §5 writes it.
let digest = (0..<32).map { "A" + String($0 % 16, radix: 16, uppercase: true) }.joined(separator: ":")
