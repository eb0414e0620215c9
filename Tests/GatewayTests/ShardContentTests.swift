import SIPCodec
import SIPStack
import Testing
import XMPPStack

@testable import Gateway

@Suite("Contents that are added and taken away: XEP-0166 §7.2")
struct ShardContentTests {
  private static let device = "alice@localhost/phone"
  private static let peer = "+4912345@localhost"
  private static let audio = ["m=audio 4000 RTP/AVP 8", "c=IN IP4 192.0.2.1"]

  private static func content(_ name: String, media: String = "video", port: Int = 4002, senders: String = "both")
    -> String
  {
    """
    <content creator='initiator' name='\(name)' senders='\(senders)'><description xmlns='urn:xmpp:jingle:apps:rtp:1' \
    media='\(media)'><payload-type id='34' name='H263' clockrate='90000'/></description>\
    <transport xmlns='urn:xmpp:jingle:transports:raw-udp:1'><candidate component='1' generation='0' id='c2' \
    ip='192.0.2.1' port='\(port)'/></transport></content>
    """
  }

  private static func answer(videoPort: Int) -> String {
    ShardBench.description + "m=video \(videoPort) RTP/AVP 34\r\n"
  }

  /// Alice has called, and the phone has answered.
  private static func talking() throws -> ShardBench {
    var bench = ShardBench()
    try bench.send("session-initiate", from: device, to: peer, sid: "s1", ShardBench.content)
    let leg = try #require(bench.incomingLeg)
    try bench.phoneDoes { try $0.respond(to: leg, status: 200, body: ShardBench.body, at: $2, into: &$1) }
    bench.stanzas = []
    bench.wire = []
    return bench
  }

  /// She adds video, and the phone answers.
  private static func added(_ status: Int, videoPort: Int) throws -> ShardBench {
    var bench = try talking()
    try bench.send("content-add", from: device, to: peer, sid: "s1", content("video"))
    #expect(bench.sent == ["\(device) result"])
    #expect(bench.lastChange == audio + ["m=video 4002 RTP/AVP 34", "c=IN IP4 192.0.2.1"])
    try bench.phoneAnswersChange(status, answer(videoPort: videoPort))
    #expect(bench.wire == ["→ INVITE", "← \(status) INVITE", "→ ACK"])
    return bench
  }

  /// The phone offers the same as before, and audio only.
  private static func reinvited(_ bench: inout ShardBench, _ description: String = ShardBench.description) throws {
    let leg = try #require(bench.incomingLeg)
    let body = SIPBody(GatewayMediaTypes.sessionDescription, Array(description.utf8))
    try bench.phoneDoes { _ = try $0.request(.invite, in: leg, body: body, at: $2, into: &$1) }
  }

  @Test("the phone takes it: content-accept of this content alone, and it belongs to the session from now on")
  func accepted() throws {
    var bench = try Self.added(200, videoPort: 6000)
    #expect(bench.sent == ["\(Self.device) result", "\(Self.device) content-accept"])
    let accept = try #require(bench.lastJingle("content-accept"))
    #expect(accept.contents.map(\.name.string) == ["video"])
    #expect(accept.contents.first?.rawUDP?.candidates.first?.port == 6000)
    try Self.reinvited(&bench, Self.answer(videoPort: 6000))
    #expect(bench.lastAnswer == Self.audio + ["m=video 4002 RTP/AVP 34", "c=IN IP4 192.0.2.1"])
    try bench.send("content-remove", from: Self.device, to: Self.peer, sid: "s1", Self.content("video"))
    #expect(bench.lastChange == Self.audio + ["m=video 0 RTP/AVP 34", "c=IN IP4 0.0.0.0"])
    try bench.phoneAnswersChange(200, Self.answer(videoPort: 0))
    #expect(bench.shard.callCount == 1)
  }

  @Test("the phone refuses its m-line: content-reject, as Conversations knows it, and the call goes on")
  func refusedLine() throws {
    var bench = try Self.added(200, videoPort: 0)
    #expect(bench.sent.last == "\(Self.device) content-reject")
    let reject = try #require(bench.lastJingle("content-reject"))
    #expect(reject.contents.map(\.name.string) == ["video"])
    #expect(reject.contents.first?.description?.media.string == "video")
    #expect(reject.contents.first?.rawUDP != nil)
    #expect(reject.endReason == .unsupportedApplications)
    // The m-line stays (RFC 3264 §8).
    try Self.reinvited(&bench, Self.answer(videoPort: 0))
    #expect(bench.lastAnswer.filter { $0.hasPrefix("m=") } == ["m=audio 4000 RTP/AVP 8", "m=video 0 RTP/AVP 34"])
  }

  @Test("the phone refuses the re-INVITE: content-reject with its code, and the session is as it was")
  func refused() throws {
    var bench = try Self.added(488, videoPort: 0)
    #expect(bench.sent.last == "\(Self.device) content-reject")
    #expect(bench.lastJingle("content-reject")?.reason?.sipError?.code == 488)
    try bench.send(
      "content-modify", from: Self.device, to: Self.peer, sid: "s1",
      "<content creator='initiator' name='audio' senders='initiator'/>")
    #expect(bench.lastChange == Self.audio + ["a=sendonly"])
  }

  @Test("what SDP cannot say, or what is there already, is rejected, and no re-INVITE goes out")
  func unusable() throws {
    for content in [
      Self.content("audio"), ShardBench.content,
      "<content creator='initiator' name='file'><description xmlns='urn:example:file'/><transport xmlns='urn:example:way'/></content>",
    ] {
      var bench = try Self.talking()
      try bench.send("content-add", from: Self.device, to: Self.peer, sid: "s1", content)
      #expect(bench.sent == ["\(Self.device) result", "\(Self.device) content-reject"])
      #expect(bench.wire == [])
    }
  }

  @Test("contents that are not there cannot be changed; without the last one there is no session")
  func removed() throws {
    var bench = try Self.talking()
    for action in ["content-remove", "content-modify"] {
      try bench.send(action, from: Self.device, to: Self.peer, sid: "s1", Self.content("video"))
      #expect(bench.sent.last == "\(Self.device) item-not-found")
    }
    #expect(bench.wire == [])
    try bench.send("content-remove", from: Self.device, to: Self.peer, sid: "s1", ShardBench.content)
    #expect(bench.sent.suffix(2) == ["\(Self.device) result", "\(Self.device) session-terminate"])
    #expect(bench.lastJingle("session-terminate")?.endReason == .success)
    #expect(bench.wire == ["→ BYE", "← 200 BYE"])
  }

  @Test("one change after the other; a refresh between them says all that stands")
  func inOrder() throws {
    var bench = try Self.talking()
    try bench.send("content-add", from: Self.device, to: Self.peer, sid: "s1", Self.content("one"))
    try bench.send("content-add", from: Self.device, to: Self.peer, sid: "s1", Self.content("two", port: 4004))
    try bench.phoneAnswersChange(200, Self.answer(videoPort: 6000))
    #expect(bench.lastJingle("content-accept")?.contents.map(\.name.string) == ["one"])
    #expect(bench.lastChange.filter { $0.hasPrefix("m=") }.count == 3)
    try bench.phoneAnswersChange(200, Self.answer(videoPort: 6000) + "m=video 6002 RTP/AVP 34\r\n")
    #expect(bench.lastJingle("content-accept")?.contents.map(\.name.string) == ["two"])
  }

  private static func acceptance(_ name: String) -> String {
    content(name).replacing("creator='initiator'", with: "creator='responder'")
  }

  @Test("the phone adds video: content-add, and its re-INVITE is answered as the client says")
  func addedByPhone() throws {
    for action in ["content-accept", "content-reject", ""] {
      var bench = try Self.talking()
      try Self.reinvited(&bench, Self.answer(videoPort: 6000))
      #expect(bench.sent == ["\(Self.device) content-add"])
      let addition = try #require(bench.lastJingle("content-add")?.contents.first)
      #expect(addition.name.string == "video" && addition.creator == .responder)
      #expect(addition.rawUDP?.candidates.first?.port == 6000)
      #expect(bench.lastAnswer == [])
      if action.isEmpty {
        bench.wait(.seconds(30))
        #expect(bench.sent.last == "\(Self.device) content-remove")
      } else {
        try bench.send(action, from: Self.device, to: Self.peer, sid: "s1", Self.acceptance("video"))
        #expect(bench.sent.last == "\(Self.device) result")
      }
      let video = action == "content-accept" ? ["m=video 4002 RTP/AVP 34", "c=IN IP4 192.0.2.1"] : Self.refusedVideo
      #expect(bench.lastAnswer == Self.audio + video)
      #expect(bench.wire.last == "← ACK")
      // It stays so.
      try Self.reinvited(&bench, Self.answer(videoPort: action == "content-accept" ? 6000 : 0))
      #expect(bench.lastAnswer == Self.audio + video)
    }
  }

  private static let refusedVideo = ["m=video 0 RTP/AVP 34", "c=IN IP4 0.0.0.0"]

  @Test("the phone takes its re-INVITE back: content-remove; a client that knows no content-add is not asked for long")
  func takenBack() throws {
    var bench = try Self.talking()
    bench.devicesAnswer = false
    try Self.reinvited(&bench, Self.answer(videoPort: 6000))
    let id = try #require(bench.stanzas.last?.stanza.attribute("id")?.string)
    bench.answer(
      id, try #require(JID(Self.device)), "error",
      "<error type='cancel'><feature-not-implemented xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>")
    bench.settle()
    #expect(bench.lastAnswer == Self.audio + Self.refusedVideo)
    bench = try Self.talking()
    try Self.reinvited(&bench, Self.answer(videoPort: 6000))
    try bench.send("session-terminate", from: Self.device, to: Self.peer, sid: "s1", "<reason><success/></reason>")
    #expect(bench.wire.contains("→ BYE") && bench.wire.contains("→ 487 INVITE"))
    #expect(bench.shard.callCount == 0)
  }

  @Test("what comes in another way than the rest is refused, and the client is not told of it")
  func otherWay() throws {
    var bench = try Self.talking()
    let ice = "a=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuv\r\n"
    try Self.reinvited(&bench, Self.answer(videoPort: 6000) + ice)
    #expect(bench.lastJingle("content-add") == nil)
    #expect(bench.lastJingle("transport-info")?.contents.map(\.name.string) == ["audio"])
    #expect(bench.lastAnswer == Self.audio + Self.refusedVideo)
  }

  @Test("XEP-0177 §4: without ICE the address may come before the session-accept, or behind it, but has to come")
  func addresses() throws {
    let accept = ShardBench.content.replacing(/<candidate.*\/>(?=<\/transport>)/, with: "")
    let info = ShardBench.content.replacing(/<description.*<\/description>/, with: "")
    for order in ["before", "behind", "never"] {
      var bench = ShardBench()
      try bench.available(Self.device)
      let leg = try bench.phoneCalls("alice")
      let caller = "+4912345@phones.example"
      if order == "before" { try bench.send("transport-info", from: Self.device, to: caller, sid: "call-1", info) }
      try bench.send("session-accept", from: Self.device, to: caller, sid: "call-1", accept)
      if order == "behind" { try bench.send("transport-info", from: Self.device, to: caller, sid: "call-1", info) }
      bench.wait(.milliseconds(300))
      if order == "never" {
        #expect(bench.wire == ["← INVITE", "→ 180 INVITE"])
        bench.wait(.milliseconds(700))
        #expect(bench.wire.last == "← ACK" && bench.wire.contains("→ 480 INVITE"))
        #expect(bench.lastJingle("session-terminate")?.endReason == .failedTransport)
      } else {
        #expect(bench.wire.suffix(2) == ["→ 200 INVITE", "← ACK"])
        var accepted: SIPMessage?
        for case .accepted(leg, let message) in bench.phoneEffects { accepted = message }
        let lines = accepted?.body.withBytes { String(decoding: $0, as: UTF8.self) } ?? ""
        #expect(lines.contains("m=audio 4000 RTP/AVP 8\r\nc=IN IP4 192.0.2.1\r\n"), "\(lines)")
      }
    }
  }
}
