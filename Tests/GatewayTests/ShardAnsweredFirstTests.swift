import CodecRuntime
import SIPCodec
import SIPStack
import Testing
import XMPPStack

@testable import Gateway

/// `proceed = "when-answered"`: what goes over the wire.
@Suite("Calls of a shard that the phone answers first")
struct ShardAnsweredFirstTests {
  private static let device = "alice@localhost/phone"
  private static let peer = "+4912345@localhost"

  private static func content(_ name: String, _ media: String) -> String {
    ShardBench.content.replacing("name='audio'", with: "name='\(name)'")
      .replacing("media='audio'", with: "media='\(media)'")
  }

  /// A call that was proposed and answered with this offer; the ACK's body.
  private func answered(_ offer: [String], at bench: inout ShardBench) throws -> (leg: SIPLeg, answer: [String]) {
    try bench.say("propose", from: Self.device, to: Self.peer, sid: "s1")
    let invite = try #require(bench.incomingInvite)
    #expect(invite.message.body.isEmpty)
    try bench.phoneDoes { try $0.respond(to: invite.leg, status: 180, at: $2, into: &$1) }
    let head = ["v=0", "o=phone 1 1 IN IP4 192.0.2.9", "s=-", "c=IN IP4 192.0.2.9", "t=0 0"]
    let body = SIPBody(
      GatewayMediaTypes.sessionDescription, Array((head + offer).map { $0 + "\r\n" }.joined().utf8))
    try bench.phoneDoes { try $0.respond(to: invite.leg, status: 200, body: body, at: $2, into: &$1) }
    #expect(bench.messages == ["ringing", "proceed"])
    for case .acknowledged(_, let message) in bench.phoneEffects { return (invite.leg, message.body.lines) }
    Issue.record("no ACK")
    return (invite.leg, [])
  }

  /// The re-INVITE's body.
  private func offered(_ contents: String, at bench: inout ShardBench) throws -> [String] {
    try bench.send("session-initiate", from: Self.device, to: Self.peer, sid: "s1", contents)
    for case .incomingRequest(_, _, let message) in bench.phoneEffects { return message.body.lines }
    Issue.record("no re-INVITE")
    return []
  }

  private static func bench() -> ShardBench { ShardBench(proceed: .whenAnswered) }

  @Test("the ACK puts the phone on hold; the re-INVITE has the client's offer, one version later (RFC 3264 §8)")
  func hold() throws {
    var bench = Self.bench()
    let (leg, answer) = try answered(["m=audio 5004 RTP/AVP 8 101", "a=rtpmap:101 telephone-event/8000"], at: &bench)
    #expect(answer.contains("c=IN IP4 0.0.0.0"))
    #expect(answer.contains { $0.hasPrefix("m=audio 9 RTP/AVP 8 101") })
    #expect(answer.contains("a=inactive"))
    let offer = try offered(ShardBench.content, at: &bench)
    #expect(offer.filter { $0.hasPrefix("m=") } == ["m=audio 4000 RTP/AVP 8"])
    #expect(!offer.contains("a=inactive"))
    let versions = [answer, offer].compactMap { lines in lines.first { $0.hasPrefix("o=") }?.split(separator: " ") }
    #expect(versions.count == 2 && versions[0][1] == versions[1][1])
    #expect(Int(versions[1][2]) == Int(versions[0][2]).map { $0 + 1 })
    try bench.phoneAnswersChange()
    #expect(bench.lastJingle("session-accept")?.contents.first?.name.string == "audio")
    try bench.phoneDoes { try $0.request(.bye, in: leg, at: $2, into: &$1) }
    #expect(bench.lastJingle("session-terminate")?.endReason == .success)
    #expect(bench.messages.last == "finish")
    #expect(bench.shard.callCount == 0)
  }

  @Test("contents of the client take the m-lines of their media, in the phone's order (RFC 3264 §8)")
  func order() throws {
    var bench = Self.bench()
    _ = try answered(["m=video 5006 RTP/AVP 96", "a=rtpmap:96 VP8/90000", "m=audio 5004 RTP/AVP 8"], at: &bench)
    let offer = try offered(Self.content("0", "audio") + Self.content("1", "video"), at: &bench)
    #expect(offer.filter { $0.hasPrefix("m=") }.map { $0.prefix(7) } == ["m=video", "m=audio"])
    #expect(offer.filter { $0.hasPrefix("a=mid:") } == ["a=mid:1", "a=mid:0"])
  }

  @Test("an m-line that the client has nothing for is refused, and what the phone has no line for comes behind")
  func padding() throws {
    var bench = Self.bench()
    _ = try answered(["m=image 5006 udptl t38", "m=video 5008 RTP/AVP 8"], at: &bench)
    let offer = try offered(Self.content("0", "audio"), at: &bench)
    #expect(
      offer.filter { $0.hasPrefix("m=") } == ["m=image 0 udptl t38", "m=video 0 RTP/AVP 8", "m=audio 4000 RTP/AVP 8"])
    #expect(offer.filter { $0 == "a=mid:0" }.count == 1)
  }

  @Test("m-lines that need keys are refused in the ACK: nobody could invent them")
  func keys() throws {
    var bench = Self.bench()
    let (_, answer) = try answered(
      ["m=audio 5004 UDP/TLS/RTP/SAVPF 8", "a=setup:actpass", "a=fingerprint:sha-256 \(Self.fingerprint)"], at: &bench)
    #expect(answer.filter { $0.hasPrefix("m=") } == ["m=audio 0 UDP/TLS/RTP/SAVPF 8"])
    // RFC 8866 §5.7
    #expect(answer.last { !$0.hasPrefix("a=") } == "c=IN IP4 0.0.0.0")
  }

  private static let fingerprint = Array(repeating: "5A", count: 32).joined(separator: ":")

  @Test("a 200 without an offer ends the call: ACK, BYE, <reject/>")
  func noOffer() throws {
    var bench = Self.bench()
    try bench.say("propose", from: Self.device, to: Self.peer, sid: "s1")
    let leg = try #require(bench.incomingLeg)
    try bench.phoneDoes { try $0.respond(to: leg, status: 200, at: $2, into: &$1) }
    #expect(bench.wire.suffix(3) == ["→ ACK", "→ BYE", "← 200 BYE"])
    #expect(bench.messages == ["reject"])
    #expect(bench.shard.callCount == 0)
  }

  @Test("RFC 3261 §13.2.2.4: the 2xx of another fork is answered, too, before its BYE")
  func fork() throws {
    var bench = Self.bench()
    _ = try answered(["m=audio 5004 RTP/AVP 8"], at: &bench)
    let invite = try #require(bench.incomingInvite).message
    var ok = try #require(SimMessage(Array(invite.bytes))?.response(200, "OK", toTag: "other"))
    ok.fields.append(.init(name: "Contact", value: "<sip:other@127.0.0.1:5060>"))
    ok.fields.append(.init(name: "Content-Type", value: "application/sdp"))
    ok.body = ShardBench.description
    let count = bench.wire.count
    let now = bench.now
    ok.bytes.withUnsafeBufferPointer { bench.shard.receive(datagram: $0, from: ShardBench.proxy, at: now) }
    let sent = bench.shard.takeEffects().compactMap { effect -> SimMessage? in
      if case .send(let bytes, _, _) = effect { SimMessage(bytes) } else { nil }
    }
    #expect(sent.map(\.method) == ["ACK", "BYE"])
    #expect(sent.first?.body.contains("a=inactive") == true)
    #expect(bench.wire.count == count)
  }
}

extension Text {
  fileprivate var lines: [String] {
    withBytes { String(decoding: $0, as: UTF8.self) }.split(separator: "\r\n").map(String.init)
  }
}
