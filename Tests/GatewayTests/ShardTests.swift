import SIPCodec
import SIPStack
import Testing
import XMPPStack

@testable import Gateway

@Suite("Calls of a shard, in virtual time")
struct ShardTests {
  let device = "alice@localhost/phone"
  let peer = "+4912345@localhost"

  @Test("A client calls a phone: INVITE, 180, 200, ACK, BYE (mod_jingle_sip, Jingle to SIP)")
  func clientCalls() throws {
    var bench = ShardBench()
    try bench.send("session-initiate", from: device, to: peer, sid: "s1", ShardBench.content)
    let leg = try #require(bench.incomingLeg)
    #expect(leg.callIdentifier == "s1")
    try bench.phoneDoes { try $0.respond(to: leg, status: 180, at: $2, into: &$1) }
    try bench.phoneDoes { try $0.respond(to: leg, status: 200, body: ShardBench.body, at: $2, into: &$1) }
    #expect(bench.sent == ["\(device) result", "\(device) session-info", "\(device) session-accept"])
    let accepted = try #require(bench.lastJingle("session-accept"))
    #expect(accepted.contents.first?.description?.payloadTypes.first?.id == 8)
    try bench.send("session-terminate", from: device, to: peer, sid: "s1", "<reason><success/></reason>")
    #expect(bench.wire.suffix(2) == ["→ BYE", "← 200 BYE"])
    #expect(bench.shard.callCount == 0)
    bench.wait(.seconds(40))
    #expect(bench.shard.isIdle)
    #expect(bench.shard.nextDeadline == nil)
  }

  @Test("The INVITE names the parties as CONTRACT says")
  func inviteHeaders() throws {
    var bench = ShardBench()
    try bench.send("session-initiate", from: device, to: "carol@localhost", sid: "s1", ShardBench.content)
    let message = try #require(bench.incomingInvite?.message)
    var text = String(decoding: message.bytes, as: UTF8.self).split(separator: "\r\n").map(String.init)
    #expect(text.removeFirst() == "INVITE sip:+4930123@127.0.0.1:5060 SIP/2.0")
    #expect(text.contains("To: +4930123 <sip:+4930123@localhost>"))
    #expect(text.contains { $0.hasPrefix("From: alice <sip:alice@localhost>;tag=") })
    #expect(text.contains("Call-ID: s1"))
    #expect(text.contains("Content-Type: application/sdp"))
  }

  @Test("A phone calls: 180 at once, every device is rung, the first to accept has the call (CONTRACT, Answers)")
  func phoneCalls() throws {
    var bench = ShardBench()
    try bench.available("alice@localhost/one")
    try bench.available("alice@localhost/two")
    let leg = try bench.phoneCalls("alice")
    #expect(bench.wire.prefix(2) == ["← INVITE", "→ 180 INVITE"])
    #expect(bench.sent == ["alice@localhost/one session-initiate", "alice@localhost/two session-initiate"])
    let offer = try #require(bench.lastJingle("session-initiate"))
    #expect(offer.sid?.string == "call-1")
    #expect(offer.contents.first?.rawUDP?.candidates.first?.port == 5004)
    let caller = "+4912345@phones.example"
    try bench.send("session-accept", from: "alice@localhost/two", to: caller, sid: "call-1", ShardBench.content)
    #expect(bench.sent.suffix(2) == ["alice@localhost/two result", "alice@localhost/one session-terminate"])
    #expect(bench.lastJingle("session-terminate")?.endReason == .cancel)
    #expect(bench.wire.suffix(2) == ["→ 200 INVITE", "← ACK"])
    try bench.phoneDoes { try $0.request(.bye, in: leg, at: $2, into: &$1) }
    #expect(bench.lastJingle("session-terminate")?.endReason == .success)
    #expect(bench.shard.callCount == 0)
  }

  /// A call of the client that the phone has answered.
  private func established() throws -> (bench: ShardBench, leg: SIPLeg) {
    var bench = ShardBench()
    try bench.send("session-initiate", from: device, to: peer, sid: "s1", ShardBench.content)
    let leg = try #require(bench.incomingLeg)
    try bench.phoneDoes { try $0.respond(to: leg, status: 200, body: ShardBench.body, at: $2, into: &$1) }
    return (bench, leg)
  }

  @Test("A phone hangs up while the XMPP server is away: the client is told when it is back, and nothing else is late")
  func endWithoutServer() throws {
    var (bench, leg) = try established()
    bench.shard.serverLeft(at: bench.now)
    let told = bench.sent
    try bench.phoneDoes { try $0.request(.bye, in: leg, at: $2, into: &$1) }
    #expect(bench.wire.suffix(2) == ["← BYE", "→ 200 BYE"])
    #expect(bench.shard.callCount == 0)
    #expect(bench.sent == told)
    bench.shard.serverCame(at: bench.now)
    bench.settle()
    #expect(bench.sent == told + ["\(device) session-terminate"])
    #expect(bench.lastJingle("session-terminate")?.endReason == .success)
    bench.shard.serverLeft(at: bench.now)
    bench.shard.serverCame(at: bench.now)
    bench.settle()
    #expect(bench.sent.count == told.count + 1)
  }

  @Test("No more calls ring one user at a time than per_user says: 486, until one of them has ended")
  func ringingIsLimited() throws {
    let component = ComponentXMPPConfiguration(domain: "sip.localhost", userDomain: "localhost", secret: "secret")
    var bench = ShardBench(xmpp: .component(component))
    var legs: [SIPLeg] = []
    for number in 0..<10 { legs.append(try bench.phoneCalls("alice", sid: "call-\(number)")) }
    #expect(!bench.wire.contains("→ 486 INVITE"))
    _ = try bench.phoneCalls("alice", sid: "one-more")
    #expect(bench.wire.suffix(2) == ["→ 486 INVITE", "← ACK"])
    _ = try bench.phoneCalls("bob", sid: "another")
    #expect(bench.shard.callCount == 11)
    bench.wait(.seconds(29))
    #expect(bench.shard.callCount == 11)
    // No device has shown itself: those calls are over.
    bench.wait(.seconds(2))
    #expect(bench.shard.callCount == 0)
    _ = try bench.phoneCalls("alice", sid: "later")
    #expect(bench.messages.last == "propose")
  }

  @Test("A call of which no session comes is refused as the table says, with its cause (RFC 3326)")
  func refusedAtTheDoor() throws {
    let component = ComponentXMPPConfiguration(domain: "sip.localhost", userDomain: "localhost", secret: "secret")
    var bench = ShardBench(xmpp: .component(component))
    // Not even escaped (XEP-0106) can a zero byte be part of an address.
    _ = try bench.phoneCalls("%00")
    #expect(bench.lastRefusal == "404, cause 1")
    _ = try bench.phoneCalls("alice")
    _ = try bench.phoneCalls("alice")
    #expect(bench.lastRefusal == "482, cause 482")
    for number in 0...10 { _ = try bench.phoneCalls("bob", sid: "call-\(number)") }
    #expect(bench.lastRefusal == "486, cause 17")
    bench.shard.shutDown(at: bench.now)
    bench.settle()
    _ = try bench.phoneCalls("carol")
    #expect(bench.lastRefusal == "503, cause 42")
  }

  @Test("What is to be said when the XMPP server is back is bounded, and the newest is kept")
  func farewellsAreBounded() throws {
    var farewells = Farewells()
    let device = try #require(JID(self.device))
    for number in 0...Farewells.limit { farewells.keep([UInt8(number % 251)], to: device) }
    #expect(farewells.count <= Farewells.limit)
    #expect(farewells.take().last?.bytes == [UInt8(Farewells.limit % 251)])
    #expect(farewells.take().isEmpty)
  }

  @Test(
    "A phone gives a client source actions and nothing else: with others it could end a session that stands",
    arguments: [
      ("session-terminate", "transport-info"), ("content-remove", "transport-info"), ("foo", "transport-info"),
      ("source-add", "source-add"),
    ])
  func actionsOfPhones(asked: String, told: String) throws {
    var (bench, leg) = try established()
    let description =
      ShardBench.description.replacing("t=0 0", with: "t=0 0\r\na=jingle-action:\(asked)")
      + "a=ssrc:7 cname:x\r\n"
    let body = SIPBody(GatewayMediaTypes.sessionDescription, Array(description.utf8))
    try bench.phoneDoes { try $0.request(.invite, in: leg, body: body, at: $2, into: &$1) }
    #expect(bench.sent.last == "\(device) \(told)")
    #expect(bench.wire.suffix(2) == ["→ 200 INVITE", "← ACK"])
    #expect(bench.shard.callCount == 1)
  }

  @Test("RFC 3261 §14.2: a re-INVITE that cannot be read is refused and changes nothing; without a body it may ask")
  func unreadableChange() throws {
    var (bench, leg) = try established()
    let count = bench.sent.count
    let garbage = SIPBody(GatewayMediaTypes.sessionDescription, Array("garbage".utf8))
    try bench.phoneDoes { try $0.request(.invite, in: leg, body: garbage, at: $2, into: &$1) }
    #expect(bench.wire.suffix(2) == ["→ 488 INVITE", "← ACK"])
    try bench.phoneDoes { try $0.request(.invite, in: leg, at: $2, into: &$1) }
    #expect(bench.wire.suffix(2) == ["→ 200 INVITE", "← ACK"])
    #expect(bench.sent.count == count)
    try bench.send("session-terminate", from: device, to: peer, sid: "s1", "<reason><success/></reason>")
    #expect(bench.wire.suffix(2) == ["→ BYE", "← 200 BYE"])
  }

  @Test("RFC 3264 §6: an answer with a content that nobody offered is of no use: 488")
  func answerWithMoreContents() throws {
    var bench = ShardBench()
    try bench.available("alice@localhost/one")
    _ = try bench.phoneCalls("alice")
    try bench.send(
      "session-accept", from: "alice@localhost/one", to: "+4912345@phones.example", sid: "call-1",
      ShardBench.content.replacing("name='audio'", with: "name='other'"))
    #expect(bench.wire.suffix(2) == ["→ 488 INVITE", "← ACK"])
    #expect(bench.shard.callCount == 0)
  }

  @Test("A reason that nobody knows ends the call all the same (mapping-rules, mistake 17)")
  func unknownReason() throws {
    var (bench, _) = try established()
    try bench.send(
      "session-terminate", from: device, to: peer, sid: "s1",
      "<reason><boredom/><other xmlns='urn:x'/></reason><thing xmlns='urn:x'/>")
    #expect(bench.wire.suffix(2) == ["→ BYE", "← 200 BYE"])
    #expect(bench.shard.callCount == 0)
  }

  @Test("Nobody there: 480 (mod_jingle_sip, Recipient unavailable)")
  func nobodyThere() throws {
    var bench = ShardBench()
    _ = try bench.phoneCalls("bob")
    #expect(bench.wire.contains("→ 480 INVITE"))
    #expect(bench.shard.callCount == 0)
  }

  @Test(
    "486 is decline, any other refusal general-error with its code (CONTRACT, Ringing, ends)",
    arguments: [486, 404, 603])
  func refusals(status: Int) throws {
    var bench = ShardBench()
    try bench.send("session-initiate", from: device, to: peer, sid: "s1", ShardBench.content)
    let leg = try #require(bench.incomingLeg)
    try bench.phoneDoes { try $0.respond(to: leg, status: status, at: $2, into: &$1) }
    let end = try #require(bench.lastJingle("session-terminate"))
    #expect(end.endReason == (status == 486 ? .decline : .generalError))
    #expect(end.reason?.sipError?.code == (status == 486 ? nil : UInt16(status)))
    // Dino shows the text, and of what it does not know only the name of the element.
    let texts = [404: "404 Not Found", 603: "603 Decline"]
    #expect(end.reason?.phrase?.text.string == texts[status])
    #expect(bench.shard.callCount == 0)
  }

  @Test("A caller gives up: CANCEL after the 180, 487, ACK (RFC 3261 §9.1)")
  func cancel() throws {
    var bench = ShardBench()
    try bench.send("session-initiate", from: device, to: peer, sid: "s1", ShardBench.content)
    let leg = try #require(bench.incomingLeg)
    try bench.phoneDoes { try $0.respond(to: leg, status: 180, at: $2, into: &$1) }
    try bench.send("session-terminate", from: device, to: peer, sid: "s1", "<reason><decline/></reason>")
    #expect(bench.wire.contains("→ CANCEL"))
    #expect(bench.wire.contains("← 487 INVITE"))
    #expect(bench.wire.last == "→ ACK")
    #expect(bench.shard.callCount == 0)
  }

  @Test("A proxy that loops the INVITE back makes two calls with one Call-ID (mapping-rules, mistake 16)")
  func loop() throws {
    var bench = ShardBench()
    try bench.available("bob@localhost/desk")
    try bench.send("session-initiate", from: device, to: "bob@localhost", sid: "s1", ShardBench.content)
    let first = try #require(bench.incomingLeg)
    // The proxy passes the call on to the user's own domain, under the same Call-ID.
    let second = try bench.phoneCalls("bob", from: "alice", sid: "s1")
    #expect(bench.shard.callCount == 2)
    #expect(bench.sent.last == "bob@localhost/desk session-initiate")
    try bench.send(
      "session-accept", from: "bob@localhost/desk", to: "alice@phones.example", sid: "s1", ShardBench.content)
    try bench.phoneDoes { try $0.respond(to: first, status: 200, body: ShardBench.body, at: $2, into: &$1) }
    #expect(bench.sent.last == "\(device) session-accept")
    try bench.phoneDoes { try $0.request(.bye, in: second, at: $2, into: &$1) }
    #expect(bench.sent.last == "bob@localhost/desk session-terminate")
    #expect(bench.shard.callCount == 1)
    try bench.send("session-terminate", from: device, to: "bob@localhost", sid: "s1", "<reason><success/></reason>")
    #expect(bench.shard.callCount == 0)
  }

  @Test(
    "intercept: who calls from the domain of the users is one of them, and devices are rung, not asked by message",
    arguments: [true, false])
  func callInTheNameOfAUser(intercept: Bool) throws {
    var component = ComponentXMPPConfiguration(
      domain: "sip.localhost", userDomain: "phones.example", secret: "secret")
    component.intercept = intercept
    var bench = ShardBench(xmpp: .component(component))
    let device = try #require(JID("bob@phones.example/desk"))
    bench.shard.deviceAvailable(device)
    bench.shard.setFeatures(["urn:xmpp:jingle:1", "urn:xmpp:jingle-message:0"], of: device)
    bench.shard.deviceAvailable(try #require(JID("bob@phones.example/text")))
    bench.shard.setFeatures(["urn:xmpp:ping"], of: try #require(JID("bob@phones.example/text")))
    _ = try bench.phoneCalls("bob", from: "alice")
    let stanza = try #require(bench.stanzas.first?.stanza)
    #expect(bench.stanzas.count == 1)
    #expect(bench.messages == (intercept ? [] : ["propose"]))
    let sender = stanza.attribute("from").map(\.string)
    #expect(sender == (intercept ? "alice@phones.example" : #"alice\40phones.example@sip.localhost/sip"#))
    #expect(stanza.attribute("id").map { $0.string.hasPrefix("jsg-") } == intercept)
  }

  @Test("A proxy that has a name is looked up again when it cannot be reached or is silent, once for many calls")
  func proxyMoves() throws {
    for host in ["proxy.example", "127.0.0.1"] {
      var bench = ShardBench(proxyHost: host)
      try bench.send("session-initiate", from: device, to: peer, sid: "s1", ShardBench.content)
      let invite = try #require(bench.keys.last)
      bench.shard.transportFailed(invite, at: bench.now)
      let failed = bench.shard.takeEffects().compactMap { effect -> String? in
        if case .proxyFailed(let target) = effect { target.host } else { nil }
      }
      #expect(failed == (host == "127.0.0.1" ? [] : [host]))
    }
    var lookups = ProxyLookups()
    let target = ProxyTarget(host: "proxy.example", port: 5060, transport: .udp)
    let start = Instant(nanoseconds: 1)
    let times: [Interval] = [.zero, .seconds(9), .seconds(10)]
    let begun = times.map { lookups.begin(target, at: start + $0) }
    #expect(begun == [true, false, true])
    let other = lookups.begin(ProxyTarget(host: "other.example", port: 5060, transport: .udp), at: start)
    #expect(other)
  }

  @Test("A stranger gets item-not-found with unknown-session (CONTRACT, Answers)")
  func stranger() throws {
    var bench = ShardBench()
    try bench.send("session-initiate", from: device, to: peer, sid: "s1", ShardBench.content)
    for action in ["session-accept", "session-terminate"] {
      try bench.send(action, from: "mallory@localhost/x", to: peer, sid: "s1", ShardBench.content)
      #expect(bench.sent.last == "mallory@localhost/x item-not-found unknown-session")
    }
    #expect(bench.shard.callCount == 1)
  }

  @Test(
    "What is no Jingle, names no action or no valid Call-ID is bad-request (CONTRACT, Answers)",
    arguments: [
      "<jingle xmlns='urn:xmpp:jingle:1' sid='s1'/>",
      "<jingle xmlns='urn:xmpp:jingle:1' action='session-dance' sid='s1'/>",
      "<jingle xmlns='urn:xmpp:jingle:1' action='session-initiate' sid='a b'/>",
      "<jingle xmlns='urn:xmpp:jingle:1' action='session-initiate'/>",
      "<jingle xmlns='urn:xmpp:jingle:1' action='session-initiate' sid='s1'><content creator='nobody' name='a'/></jingle>",
      "<jingle xmlns='urn:xmpp:jingle:1' action='session-initiate' sid='s1&#10;Via: x'/>",
    ])
  func badRequests(payload: String) throws {
    var bench = ShardBench()
    let stanza = try #require(ShardBench.element("<iq type='set' id='1' to='\(peer)'>\(payload)</iq>"))
    bench.shard.receive(stanza, from: try #require(.init(device)), at: bench.now)
    bench.settle()
    #expect(bench.sent == ["\(device) bad-request"])
    #expect(bench.wire.isEmpty)
    #expect(bench.shard.isIdle)
  }

  @Test("A device that leaves while it rings gives 480, one in a call a BYE (CONTRACT, Ringing, ends)")
  func deviceLeaves() throws {
    var bench = ShardBench()
    try bench.available(device)
    _ = try bench.phoneCalls("alice")
    bench.shard.deviceLeft(try #require(.init(device)), at: bench.now)
    bench.settle()
    #expect(bench.wire.contains("→ 480 INVITE"))
    try bench.send("session-initiate", from: device, to: peer, sid: "s2", ShardBench.content)
    let leg = try #require(bench.incomingLeg)
    try bench.phoneDoes { try $0.respond(to: leg, status: 200, body: ShardBench.body, at: $2, into: &$1) }
    bench.shard.deviceLeft(try #require(.init(device)), at: bench.now)
    bench.settle()
    #expect(bench.wire.suffix(2) == ["→ BYE", "← 200 BYE"])
    #expect(bench.shard.callCount == 0)
  }

  @Test("A device that does not answer our set within 10 s has left (CONTRACT, Answers)")
  func silentDevice() throws {
    var bench = ShardBench()
    bench.devicesAnswer = false
    try bench.available(device)
    _ = try bench.phoneCalls("alice")
    bench.wait(.seconds(11))
    #expect(bench.wire.contains("→ 480 INVITE"))
    #expect(bench.shard.callCount == 0)
  }

  @Test("An INVITE without an offer: 488 (CONTRACT, Ringing, ends)")
  func withoutOffer() throws {
    var bench = ShardBench()
    try bench.available(device)
    try bench.phoneDoes { phone, effects, now in
      _ = try phone.invite(
        SIPInvite(
          requestURI: .init(scheme: .sip, user: "alice", host: "127.0.0.1", port: 5600),
          from: .init(uri: .init(scheme: .sip, user: "x", host: "phones.example")),
          to: .init(uri: .init(scheme: .sip, user: "alice", host: "localhost")), callIdentifier: "c", body: nil,
          nextHop: ShardBench.gateway), at: now, into: &effects)
    }
    #expect(bench.wire.contains("→ 488 INVITE"))
  }

  @Test("A change waits for the ACK of the phone's own re-INVITE (RFC 3261 §14.1)")
  func changeWaits() throws {
    var bench = ShardBench()
    try bench.available(device)
    let leg = try bench.phoneCalls("alice")
    let caller = "+4912345@phones.example"
    try bench.send("session-accept", from: device, to: caller, sid: "call-1", ShardBench.content)
    var effects: SIPUserAgent.Effects = []
    try bench.phone.request(.invite, in: leg, body: ShardBench.body, at: bench.now, into: &effects)
    // The client has the phone's change, the phone has no answer yet.
    bench.take(effects)
    let source = """
      <content creator='initiator' name='audio'><description xmlns='urn:xmpp:jingle:apps:rtp:1' media='audio'>\
      <source xmlns='urn:xmpp:jingle:apps:rtp:ssma:0' ssrc='1'/></description></content>
      """
    try bench.send("source-add", from: device, to: caller, sid: "call-1", source)
    #expect(bench.wire.suffix(4) == ["← INVITE", "→ 200 INVITE", "← ACK", "→ INVITE"])
    #expect(bench.shard.callCount == 1)
  }

  @Test("At shutdown each call gets its one last message on both sides (CONTRACT, serve)")
  func shutdown() throws {
    var bench = ShardBench()
    try bench.available("bob@localhost/desk")
    try bench.send("session-initiate", from: device, to: peer, sid: "s1", ShardBench.content)
    let leg = try #require(bench.incomingLeg)
    try bench.phoneDoes { try $0.respond(to: leg, status: 200, body: ShardBench.body, at: $2, into: &$1) }
    _ = try bench.phoneCalls("bob")
    let before = bench.wire.count
    bench.shard.shutDown(at: bench.now)
    bench.settle()
    #expect(bench.wire[before...].contains("→ BYE"))
    #expect(bench.wire[before...].contains { $0.hasPrefix("→ ") && $0.hasSuffix("INVITE") })
    #expect(bench.sent.suffix(2).sorted() == ["\(device) session-terminate", "bob@localhost/desk session-terminate"])
    #expect(bench.shard.callCount == 0)
  }

  @Test("A BYE that waits for an ACK goes out before the gateway ends (CONTRACT, serve)")
  func shutdownBeforeAck() throws {
    var bench = ShardBench()
    try bench.available(device)
    let invite = SIPInvite(
      requestURI: .init(scheme: .sip, user: "alice", host: "127.0.0.1", port: 5600),
      from: .init(uri: .init(scheme: .sip, user: "bob", host: "phones.example")),
      to: .init(uri: .init(scheme: .sip, user: "alice", host: "localhost")), callIdentifier: "call-1",
      body: ShardBench.body, nextHop: ShardBench.gateway)
    var effects: SIPUserAgent.Effects = []
    _ = try bench.phone.invite(invite, at: bench.now, into: &effects)
    bench.take(effects)
    bench.settle()
    // The phone falls silent: it gets the 200 and what follows, and does not confirm it.
    bench.phone = SIPUserAgent(configuration: bench.phone.configuration, identifiers: IdentifierGenerator(seed: 3))
    try bench.send("session-accept", from: device, to: "bob@phones.example", sid: "call-1", ShardBench.content)
    bench.shard.shutDown(at: bench.now)
    bench.settle()
    #expect(!bench.wire.contains("→ BYE"))
    bench.shard.giveUp(at: bench.now)
    bench.settle()
    #expect(bench.wire.filter { $0 == "→ BYE" }.count == 1)
  }

  @Test("A thousand calls leave nothing behind")
  func manyCalls() throws {
    var bench = ShardBench()
    try bench.available(device)
    for number in 0..<500 {
      let sid = "many-\(number)"
      try bench.send("session-initiate", from: device, to: peer, sid: sid, ShardBench.content)
      let leg = try #require(bench.incomingLeg)
      try bench.phoneDoes { try $0.respond(to: leg, status: 200, body: ShardBench.body, at: $2, into: &$1) }
      try bench.send("session-terminate", from: device, to: peer, sid: sid, "<reason><success/></reason>")
      let back = try bench.phoneCalls("alice", sid: "back-\(number)")
      try bench.send(
        "session-accept", from: device, to: "+4912345@phones.example", sid: "back-\(number)", ShardBench.content)
      try bench.phoneDoes { try $0.request(.bye, in: back, at: $2, into: &$1) }
    }
    bench.wait(.seconds(60))
    #expect(bench.shard.isIdle)
    #expect(bench.shard.byLeg.isEmpty && bench.shard.byKey.isEmpty && bench.shard.byUser.isEmpty)
    #expect(bench.shard.awaited.isEmpty)
    #expect(bench.shard.timerOwners.count == 1, "a slot for each call at the same time, not for each call")
  }
}
