import Gateway
import JingleSIPMapping
import Testing

private func bytes(_ lines: String...) -> [UInt8] { Array(lines.map { $0 + "\r\n" }.joined().utf8) }

private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

@Suite("inspect")
struct InspectionTests {
  private func objection(_ bytes: [UInt8], _ kind: MessageKind) -> Objection? {
    do throws(Objection) {
      _ = try Inspection.inspect(bytes, as: kind)
      return nil
    } catch { return error }
  }

  private let options = [
    "OPTIONS sip:a@example.org SIP/2.0", "Via: SIP/2.0/UDP h;branch=z9hG4bKa", "To: <sip:a@example.org>",
    "From: <sip:b@example.org>;tag=1", "Call-ID: 1", "CSeq: 1 OPTIONS",
  ]

  private func message(_ lines: [String], end: String = "\r\n\r\n") -> [UInt8] {
    Array((lines.joined(separator: "\r\n") + end).utf8)
  }

  @Test("SIP: where it objects, and which of several objections decides")
  func sip() throws {
    #expect(objection(message(options), .sip) == nil)
    let cut = objection(message(options + ["From: ???"], end: "\r\n"), .sip)
    #expect(cut?.layer == "framing" && cut?.location == "message")
    var lines = options
    lines[5] = "CSeq: 1 INVITE"
    let mismatch = objection(message(lines), .sip)
    #expect(mismatch?.layer == "validation" && mismatch?.location == "CSeq")
    #expect(mismatch?.offset == message(Array(lines[..<5]), end: "\r\n").count + "CSeq: 1 ".utf8.count)
    for (number, offset) in [("2147483647", nil), ("2147483648", 6)] {
      lines[5] = "CSeq: \(number) OPTIONS"
      let start = message(Array(lines[..<5]), end: "\r\n").count
      #expect(objection(message(lines), .sip)?.offset == offset.map { start + $0 }, "\(number)")
    }
    lines[5] = "CSeq: 1 INVITE"
    lines[2] = "To: \"unterminated <sip:a@example.org>"
    let header = objection(message(lines), .sip)
    #expect(header?.layer == "header" && header?.location == "To")
    lines[0] = "OPTIONS <sip:a@example.org> SIP/2.0"
    let startLine = objection(message(lines), .sip)
    #expect(startLine?.layer == "start-line" && startLine?.offset == 8)
    let uriHeaders = objection(message(["OPTIONS sip:a@example.org?Route=x SIP/2.0"] + options[1...]), .sip)
    #expect(uriHeaders?.layer == "validation" && uriHeaders?.location == "Request-URI" && uriHeaders?.offset == 26)
    let version = objection(message(["OPTIONS sip:a@example.org SIP/7.0"] + options[1...]), .sip)
    #expect(version?.layer == "validation" && version?.location == "SIP-Version" && version?.offset == 26)
    #expect(objection([UInt8](repeating: 0x41, count: Inspection.maximumSize + 1), .sip)?.layer == "framing")
  }

  @Test("SDP and Jingle: syntax before validation in the order of the text")
  func others() {
    let lines = ["v=0", "o=- 1 1 IN IP4 192.0.2.1", "s=-", "c=IN IP4 192.0.2.1", "t=0 0", "m=audio 9 RTP/AVP 0"]
    let description = Array(lines.map { $0 + "\r\n" }.joined().utf8)
    #expect(objection(description, .sdp) == nil)
    #expect(objection(description + bytes("a=rtpmap:0"), .sdp)?.location == "a=rtpmap")
    #expect(objection(bytes("m=audio 9 RTP/AVP 0"), .sdp)?.layer == "validation")
    // Some gateways end the line with a space.
    #expect(objection(Array(description.dropLast(2)) + bytes(" "), .sdp) == nil)
    // Lines that are missing are named, at the line that may not come without them.
    for (number, next) in [(0, 0), (1, 1), (2, 2), (4, 4), (3, 4)] {
      var rest = lines
      rest.remove(at: number)
      let start = rest[..<next].joined(separator: "\r\n").utf8.count + (next > 0 ? 2 : 0)
      let found = objection(Array(rest.map { $0 + "\r\n" }.joined().utf8), .sdp)
      #expect(found?.layer == "validation" && found?.location == "\(lines[number].prefix(2))" && found?.offset == start)
    }
    // Either all media have an address or the session has one; one that is refused needs none.
    let media = lines[..<3] + [lines[4], lines[5], lines[3], "m=video 0 RTP/AVP 31"]
    #expect(objection(Array(media.map { $0 + "\r\n" }.joined().utf8), .sdp) == nil)
    let video = media.dropLast() + ["m=video 9 RTP/AVP 31"]
    #expect(objection(Array(video.map { $0 + "\r\n" }.joined().utf8), .sdp)?.location == "c=")
    let jingle = "<jingle xmlns='urn:xmpp:jingle:1' action='session-info' sid='a'><x xmlns='urn:unknown'/></jingle>"
    #expect(objection(Array(jingle.utf8), .jingle) == nil)
    #expect(objection(Array("<iq id='1' type='set'>\(jingle)</iq>".utf8), .jingle) == nil)
    #expect(objection(Array("<iq id='1' type='result'/>".utf8), .jingle) == nil)
    #expect(objection(Array("<iq id='1' type='set'/>".utf8), .jingle)?.layer == "validation")
    #expect(objection(Array("<iq>".utf8), .jingle)?.layer == "syntax")
    let anonymous = "<iq id='1' type='set'><jingle xmlns='urn:xmpp:jingle:1' action='session-info'/></iq>"
    #expect(
      objection(Array(anonymous.utf8), .jingle)
        == Objection(
          layer: "validation", location: "jingle@sid", offset: 22,
          message: "is missing, and action \"session-info\" demands it"))
    let predecessor = "<jingle xmlns='urn:xmpp:jingle:1' action='existing-session-initiate'/>"
    #expect(objection(Array(predecessor.utf8), .jingle) == nil)
    let missing = objection(Array(" <jingle xmlns='urn:xmpp:jingle:1' sid='a'/>".utf8), .jingle)
    #expect(missing == Objection(layer: "validation", location: "jingle@action", offset: 1, message: "is missing"))
  }

  @Test(
    "Jingle: a value that is wrong is where its attribute has it, or the element its text",
    arguments: [
      ("<content name='a' senders = \"|nobody\"/>", "content@senders"),
      ("<content name='a&amp;>' creator='|me'/>", "content@creator"),
      ("<x:content xmlns:x='urn:xmpp:jingle:1' name='/' x:senders='x' senders='|&#x78;'/>", "content@senders"),
      (
        "<content name='a'><description xmlns='urn:xmpp:jingle:apps:rtp:1' media='audio'><bandwidth type='>'>|many</bandwidth></description></content>",
        "content/description/bandwidth"
      ),
    ])
  func places(_ content: String, _ location: String) throws {
    let text = "<jingle xmlns='urn:xmpp:jingle:1' action='session-initiate' sid='s'>\(content)</jingle>"
    let mark = try #require(text.utf8.firstIndex(of: UInt8(ascii: "|")))
    let found = objection(Array(text.replacing("|", with: "").utf8), .jingle)
    #expect(found?.layer == "syntax" && found?.location == "jingle/\(location)")
    #expect(found?.offset == text.utf8.distance(from: text.utf8.startIndex, to: mark))
  }

  @Test("XEP-0166 §6: Jingle is in a set, and only the predecessor's query in a get")
  func typesOfIQs() throws {
    func type(_ type: String, _ action: String) -> Objection? {
      objection(
        Array("<iq id='1' type='\(type)'><jingle xmlns='urn:xmpp:jingle:1' action='\(action)' sid='s'/></iq>".utf8),
        .jingle)
    }
    #expect(type("set", "session-info") == nil && type("get", "existing-session-initiate") == nil)
    for (found, message) in [
      (type("get", "session-info"), "is not \"set\" (XEP-0166 §6)"),
      (type("set", "existing-session-initiate"), "is not \"get\", by which sessions are asked for"),
    ] {
      #expect(found == Objection(layer: "validation", location: "iq@type", offset: 17, message: message))
    }
  }

  @Test("payloads of messages: XEP-0353, XEP-0482")
  func messages() throws {
    let propose = "<propose xmlns='urn:xmpp:jingle-message:0' id='a'/>"
    let hint = "<store xmlns='urn:xmpp:hints'/>"
    for stanza in [
      propose, "<message xmlns='jabber:client' type='chat'>\(propose)\(hint)</message>",
      "<message><left xmlns='urn:xmpp:call-invites:0' id='a'/></message>",
    ] {
      #expect(text(try Inspection.inspect(Array(stanza.utf8), as: .jingle)) == stanza)
    }
    let wrong = "<message>\(hint)<retract xmlns='urn:xmpp:jingle-message:0'/></message>"
    #expect(
      objection(Array(wrong.utf8), .jingle)
        == Objection(layer: "validation", location: "retract@id", offset: 40, message: "is missing"))
    #expect(objection(Array("<message>\(hint)</message>".utf8), .jingle)?.location == "message")
  }

  @Test("what stands around a Jingle element comes back")
  func around() throws {
    let stanzas = [
      "<iq xmlns='jabber:client' xml:lang='en' id='1' type='set'> <jingle xmlns='urn:xmpp:jingle:1' "
        + "action='session-info' sid='a'/><b xmlns='urn:b'><c xmlns='jabber:client'/><d xmlns=''/></b></iq>",
      "<iq id='1'><jingle xmlns='urn:xmpp:jingle:1' action='session-info' sid='a&apos;'/><b/></iq>",
      "<iq xmlns='jabber:client' id='1'><jingle xmlns='urn:xmpp:jingle:1' action='session-info' sid='a'/>"
        + "<error type='cancel'/><b xmlns=''/></iq>",
    ]
    for stanza in stanzas {
      let written = try Inspection.inspect(Array(stanza.utf8), as: .jingle)
      #expect(text(written) == stanza)
      #expect(try Inspection.inspect(written, as: .jingle) == written)
    }
  }

  @Test("RFC 5621: what is in a body, and what is wrong in it, by its place in the message")
  func parts() throws {
    let description = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\n"
    func inspected(_ type: String, _ body: String) -> (bytes: [UInt8], parts: [InspectedPart], objection: Objection?) {
      let bytes = message(options + ["Content-Type: \(type)"]) + Array(body.utf8)
      return (bytes, Inspection.parts(ofMessage: bytes), objection(bytes, .sip))
    }
    let plain = inspected("application/sdp", description)
    #expect(plain.objection == nil && plain.parts.map(\.number) == ["1"] && plain.parts.first?.objection == nil)
    #expect(
      Inspection.report(file: "f", objection: nil, parts: plain.parts)
        == #"{"file":"f","verdict":"accept","body":[{"part":"1","type":"application/sdp","#
        + "\"start\":\(plain.bytes.count - description.utf8.count),\"length\":\(description.utf8.count),"
        + #""verdict":"accept"}]}"#)
    #expect(Inspection.parts(ofMessage: message(options)) == [])

    let wrong = description.replacing("t=0 0", with: "t=0 x")
    let body =
      "--b\r\nContent-Type: text/plain\r\n\r\nhello\r\n--b\r\nContent-Type: multipart/alternative;boundary=c\r\n\r\n"
      + "--c\r\nContent-Type: Application/SDP\r\nContent-Disposition: session;handling=optional\r\n\r\n\(wrong)\r\n--c--\r\n"
      + "\r\n--b--\r\n"
    let mixed = inspected("multipart/mixed;boundary=b", body)
    #expect(mixed.objection == nil)
    #expect(mixed.parts.map(\.number) == ["1", "2.1"] && mixed.parts.map(\.isRead) == [false, true])
    #expect(mixed.parts.map(\.type) == ["text/plain", "Application/SDP"])
    #expect(mixed.parts.map(\.disposition) == [nil, "session"])
    for (part, content) in zip(mixed.parts, ["hello", wrong]) {
      #expect(text(Array(mixed.bytes[part.start..<part.start + part.count])) == content)
    }
    let place = try #require(mixed.parts.last?.objection)
    #expect(place.layer == "syntax" && place.location == "t=")
    #expect(text(Array(mixed.bytes[place.offset...].prefix(3))) == "x\r\n")

    // How a body is cut, and the header fields of its parts, are of the message.
    let cut = inspected("multipart/mixed;boundary=d", body)
    #expect(cut.objection?.layer == "framing" && cut.objection?.location == "body")
    #expect(cut.objection?.offset == cut.bytes.count - body.utf8.count)
    let field = inspected("multipart/mixed;boundary=b", body.replacing("text/plain", with: "text"))
    #expect(field.objection?.layer == "header" && field.objection?.location == "Content-Type")
    #expect(
      field.objection?.offset
        == field.bytes.count - body.utf8.count + "/plain".utf8.count + "--b\r\nContent-Type: text".utf8.count)
  }

  @Test("the report is one JSON object on one line")
  func report() {
    #expect(Inspection.report(file: "a\"b\\\n", objection: nil) == #"{"file":"a\"b\\\n","verdict":"accept"}"#)
    let objection = Objection(layer: "header", location: "To", offset: 3, message: "expected \"<\"\u{1}")
    #expect(
      Inspection.report(file: "ä", objection: objection)
        == #"{"file":"ä","verdict":"reject","layer":"header","where":"To","offset":3,"message":"expected \"<\"\u0001"}"#
    )
  }
}

@Suite("translate")
struct TranslatorTests {
  private let offer = bytes(
    "v=0", "o=- 4711 1 IN IP4 192.0.2.1", "s=-", "c=IN IP4 192.0.2.1", "t=0 0", "m=audio 5004 RTP/AVP 0",
    "a=sendonly")

  private func objection(_ translate: () throws(Objection) -> Translator.Output) -> Objection? {
    do throws(Objection) {
      _ = try translate()
      return nil
    } catch { return error }
  }

  @Test("an offer becomes a session-initiate, what the responder wrote a session-accept")
  func actions() throws {
    let initiate = text(try Translator().translateToJingle(offer).bytes)
    #expect(initiate.hasPrefix("<jingle xmlns='urn:xmpp:jingle:1'") && initiate.hasSuffix("</jingle>\n"))
    #expect(initiate.contains("action='session-initiate'") && initiate.contains("sid='4711'"))
    #expect(initiate.contains("senders='initiator'"))
    let accept = text(try Translator(author: .responder).translateToJingle(offer).bytes)
    #expect(accept.contains("action='session-accept'") && accept.contains("senders='responder'"))
    let named = try Translator(action: "content-add", sid: "a&b").translateToJingle(offer)
    #expect(text(named.bytes).contains("action='content-add'") && text(named.bytes).contains("sid='a&amp;b'"))
    #expect(Translator.isKnown(action: "content-add") && !Translator.isKnown(action: "content-ad"))
  }

  @Test("what is written can be read again")
  func again() throws {
    let jingle = try Translator().translateToJingle(offer).bytes
    _ = try Inspection.inspect(jingle, as: .jingle)
    let description = try Translator().translateToSDP(jingle)
    _ = try Inspection.inspect(description.bytes, as: .sdp)
    #expect(text(description.bytes).contains("m=audio 5004 RTP/AVP 0\r\n"))
    #expect(text(description.bytes).contains("a=sendonly\r\n"))
  }

  @Test("fragments are taken: media as a description, candidates as a transport-info")
  func fragments() throws {
    let media = text(try Translator().translateToJingle(bytes("m=audio 9999 RTP/AVP 13")).bytes)
    #expect(media.contains("action='session-initiate'") && media.contains("<payload-type id='13'"))
    let candidates = bytes(
      "m=audio 9 RTP/AVP 0", "a=mid:1", "a=ice-ufrag:8hhy", "a=ice-pwd:asd88fgpdd777uzjYhagZg",
      "a=candidate:1 1 udp 2130706431 192.0.2.1 8998 typ host")
    let transport = text(try Translator(sid: "a").translateToJingle(candidates).bytes)
    #expect(transport.contains("action='transport-info'") && transport.contains("<candidate"))
    #expect(try Translator().translateToJingle(candidates) == Translator().translateToJingle(candidates))
  }

  @Test("what is no description is refused")
  func refused() {
    #expect(objection { () throws(Objection) in try Translator().translateToJingle(bytes("garbage")) } != nil)
    #expect(objection { () throws(Objection) in try Translator().translateToJingle([]) } != nil)
    let media = objection { () throws(Objection) in
      try Translator().translateToJingle(bytes("v=0", "m=audio"))
    }
    #expect(media?.location == "m=")
    #expect(objection { () throws(Objection) in try Translator().translateToSDP(bytes("<iq/>")) }?.location == "iq")
    #expect(objection { () throws(Objection) in try Translator().translateToSDP(bytes("<iq>")) }?.layer == "syntax")
  }

  /// Head of a description, and a stanza with one content.
  private static let head = ["v=0", "o=- 1 1 IN IP4 192.0.2.1", "s=-", "c=IN IP4 192.0.2.1", "t=0 0"]
  private static func content(_ children: String, media: String = " media='audio'") -> String {
    "<jingle xmlns='urn:xmpp:jingle:1' sid='a' action='session-initiate'><content creator='initiator' name='a'>"
      + "<description xmlns='urn:xmpp:jingle:apps:rtp:1'\(media)><payload-type id='0' name='PCMU'/></description>"
      + "<transport xmlns='urn:xmpp:jingle:transports:ice-udp:1'/>\(children)</content></jingle>"
  }

  @Test("a description of another version is refused")
  func otherVersion() {
    let other = objection { () throws(Objection) in
      try Translator().translateToJingle(bytes("v=1", "o=- 1 1 IN IP4 192.0.2.1", "s=-", "t=0 0"))
    }
    #expect(other?.location == "v=" && other?.offset == 2)
  }

  @Test(
    "what a description says twice, or does not say, is named as lost",
    arguments: [
      ("m=audio 4000 RTP/AVP 0 0", "m= format 0: it is there a second time, and the first one counts"),
      ("m=audio 4000 RTP/AVP 0 96", "a=rtpmap:96: it is missing, and nobody else says what this payload type is"),
      (
        "m=application 9 TCP/DTLS/SCTP webrtc-datachannel",
        "m= protocol TCP/DTLS/SCTP: Jingle has no name for it; it becomes UDP/DTLS/SCTP"
      ),
    ])
  func lossesOfDescriptions(_ media: String, _ loss: String) throws {
    let translation = try Translator().translateToJingle(
      Array((Self.head + [media]).joined(separator: "\r\n").utf8))
    #expect(translation.losses == [loss])
  }

  @Test(
    "what a stanza says twice, or does not say, is named as lost",
    arguments: [
      (
        "<jingle xmlns='urn:xmpp:jingle:1' sid='a' action='session-info'/>",
        ["jingle: a description has nothing of a session-info without contents"]
      ),
      (
        content("<transport xmlns='urn:xmpp:jingle:transports:raw-udp:1'/>"),
        [
          "jingle/content/transport: is there beside another one, and only one of them may be",
          "<raw-udp:transport>: a content has one transport, and another one counts",
        ]
      ),
      (
        content("<description xmlns='urn:xmpp:jingle:apps:rtp:1' media='audio'/>"),
        ["jingle/content/description: is there twice"]
      ),
      (
        content("", media: ""),
        [
          "jingle/content/description@media: is missing",
          "<jingle:content> a: its description does not say which media it is",
        ]
      ),
    ])
  func lossesOfStanzas(_ stanza: String, _ losses: [String]) throws {
    #expect(try Translator().translateToSDP(Array(stanza.utf8)).losses == losses)
  }

  @Test("a value that is no value is named as lost")
  func losses() throws {
    let jingle = """
      <jingle xmlns='urn:xmpp:jingle:1' action='session-initiate' sid='a'><content creator='initiator' name='a'>
      <description xmlns='urn:xmpp:jingle:apps:rtp:1' media='audio'><payload-type id='x'/><payload-type id='0'/>
      </description><transport xmlns='urn:xmpp:jingle:transports:raw-udp:1'/></content></jingle>
      """
    let losses = try Translator().translateToSDP(Array(jingle.utf8)).losses
    #expect(losses.contains { $0.hasPrefix("jingle/content/description/payload-type@id: ") }, "\(losses)")
  }
}
