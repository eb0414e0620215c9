import SIPCodec
import SIPStack
import Testing

/// Calls between two user agents on a wire.
@Suite struct UserAgentCallTests {
  @Test func basicCallHungUpByCaller() throws {
    var wire = UserAgentWire()
    try wire.call()
    #expect(wire.take(1) == ["incoming"])
    try wire.respond(180)
    wire.run(3000)
    try wire.respond(200, body: offer)
    wire.run(20)
    #expect(wire.take(0) == ["provisional 180", "accepted"])
    #expect(wire.take(1) == ["acknowledged"])
    try wire.request(.bye, from: 0)
    wire.run(20)
    #expect(wire.take(0) == ["200 to BYE", "ended"])
    #expect(wire.take(1) == ["hung up", "ended"])
    #expect(
      wire.takeMessages() == ["0: INVITE", "1: 180 INVITE", "1: 200 INVITE", "0: ACK", "0: BYE", "1: 200 BYE"])
    wire.run(40_000)
    #expect(wire.isEmpty)
    #expect(wire.takeMessages() == [])
  }

  @Test func hungUpByCallee() throws {
    var wire = UserAgentWire()
    try wire.establish()
    try wire.request(.bye, from: 1, headers: [reason])
    wire.run(20)
    #expect(wire.take(0) == ["hung up", "ended"])
    #expect(wire.take(1) == ["200 to BYE", "ended"])
    wire.run(40_000)
    #expect(wire.isEmpty)
  }

  @Test func silentCalleeGets100() throws {
    var wire = UserAgentWire()
    try wire.call()
    wire.run(220)
    #expect(wire.take(0) == ["provisional 100"])
    #expect(wire.takeMessages() == ["0: INVITE", "1: 100 INVITE"])
  }

  @Test func refusedAndAcknowledgedWithinTheTransaction() throws {
    var wire = UserAgentWire()
    try wire.call()
    try wire.respond(486, headers: [reason])
    #expect(wire.take(1) == ["incoming", "ended"])
    wire.run(20)
    #expect(wire.take(0) == ["refused 486 Busy Here"])
    #expect(wire.takeMessages() == ["0: INVITE", "1: 486 INVITE", "0: ACK"])
    let invite = try SIPMessage(parsing: wire.sent[0])
    let acknowledgement = try SIPMessage(parsing: wire.sent[2])
    #expect(invite.headers.via.first?.branch == acknowledgement.headers.via.first?.branch)
    #expect(acknowledgement.headers.to?.party.tag != nil)
    #expect(acknowledgement.headers.cseq?.number == invite.headers.cseq?.number)
    let refusal = try SIPMessage(parsing: wire.sent[1])
    #expect(refusal.headers.reason.first?.cause == 486)
    wire.run(40_000)
    #expect(wire.take(0) == ["ended"])
    #expect(wire.isEmpty)
  }

  @Test func refusedInviteIsTriedAgain() throws {
    var wire = UserAgentWire()
    try wire.call()
    try wire.respond(302)
    wire.run(20)
    #expect(wire.take(0) == ["refused 302 Moved Temporarily"])
    let leg = try #require(wire.legs[0])
    try wire.act(0) {
      try $0.retryInvite(
        leg, requestURI: uri("carol", "192.0.2.2"), body: offer, nextHop: address(port: 5002), at: $1, into: &$2)
    }
    wire.run(10)
    try wire.respond(200, body: offer)
    wire.run(40_000)
    #expect(wire.take(0) == ["accepted"])
    #expect(wire.take(1) == ["incoming", "ended", "incoming", "acknowledged"])
    try wire.request(.bye, from: 0)
    wire.run(40_000)
    #expect(wire.isEmpty)
  }

  @Test func cancelWaitsForAProvisionalResponse() throws {
    var wire = UserAgentWire()
    try wire.call()
    wire.cancel(headers: [reason])
    #expect(wire.takeMessages() == ["0: INVITE"])
    try wire.respond(180)
    wire.run(50)
    #expect(wire.take(0) == ["provisional 180", "refused 487 Request Terminated"])
    #expect(wire.take(1) == ["incoming", "cancelled by CANCEL", "ended"])
    #expect(wire.takeMessages() == ["1: 180 INVITE", "0: CANCEL", "1: 200 CANCEL", "1: 487 INVITE", "0: ACK"])
    let cancel = try SIPMessage(parsing: wire.sent[2])
    let invite = try SIPMessage(parsing: wire.sent[0])
    #expect(cancel.headers.via.first?.branch == invite.headers.via.first?.branch)
    #expect(cancel.headers.reason.first?.cause == 486)
    wire.run(40_000)
    #expect(wire.take(0) == ["ended"])
    #expect(wire.isEmpty)
  }

  @Test func cancelAtOnceWhereItRings() throws {
    var wire = UserAgentWire()
    try wire.call()
    try wire.respond(180)
    wire.run(10)
    wire.cancel()
    wire.cancel()
    wire.run(40_000)
    #expect(wire.take(0) == ["provisional 180", "refused 487 Request Terminated", "ended"])
    #expect(wire.isEmpty)
  }

  @Test func acceptanceCrossesCancel() throws {
    var wire = UserAgentWire()
    try wire.call()
    try wire.respond(180)
    wire.run(10)
    try wire.respond(200, body: offer)
    wire.cancel(headers: [reason])
    wire.run(50)
    #expect(wire.take(0) == ["provisional 180", "accepted", "200 to BYE", "ended"])
    #expect(wire.take(1) == ["incoming", "acknowledged", "hung up", "ended"])
    let bye = try SIPMessage(parsing: try #require(wire.sent.first { summary($0) == "BYE" }))
    #expect(bye.headers.reason.first?.cause == 486)
    wire.run(40_000)
    #expect(wire.isEmpty)
  }

  @Test func nobodyAnswers() throws {
    var wire = UserAgentWire()
    wire.copies = { _, _ in 0 }
    try wire.call()
    wire.run(40_000)
    #expect(wire.take(0) == ["timed out", "ended"])
    #expect(wire.takeMessages().count == 7)
    #expect(wire.isEmpty)
  }

  @Test func requestThatCannotBeSent() throws {
    var agent = makeAgent("one", port: 5001, seed: 1)
    var effects: [SIPUserAgentEffect] = []
    _ = try agent.invite(invite(), at: at(0), into: &effects)
    guard case .send(_, _, let key?) = effects.first else {
      Issue.record("nothing was sent")
      return
    }
    effects = []
    agent.transportFailed(key, at: at(1), into: &effects)
    #expect(effects.compactMap(trace) == ["unreachable", "ended"])
    #expect(agent.isEmpty)
  }

  @Test func acceptanceIsRepeatedUntilAcknowledged() throws {
    var wire = UserAgentWire()
    var lost = 2
    wire.copies = { _, line in
      guard line == "ACK", lost > 0 else { return 1 }
      lost -= 1
      return 0
    }
    try wire.call()
    try wire.respond(200, body: offer)
    wire.run(3000)
    #expect(
      wire.takeMessages()
        == ["0: INVITE", "1: 200 INVITE", "0: ACK", "1: 200 INVITE", "0: ACK", "1: 200 INVITE", "0: ACK"])
    #expect(wire.take(0) == ["accepted"])
    #expect(wire.take(1) == ["incoming", "acknowledged"])
    #expect(wire.sent[2] == wire.sent[4])
  }

  @Test func acknowledgementNeverComes() throws {
    var wire = UserAgentWire()
    wire.copies = { _, line in line == "ACK" ? 0 : 1 }
    try wire.call()
    try wire.respond(200, body: offer)
    wire.run(35_000)
    #expect(wire.take(1) == ["incoming", "ACK missing"])
    try wire.request(.bye, from: 1)
    wire.run(40_000)
    #expect(wire.take(1) == ["200 to BYE", "ended"])
    #expect(wire.isEmpty)
  }

  @Test func calleesByeWaitsForTheAcknowledgement() throws {
    var wire = UserAgentWire()
    try wire.call()
    try wire.respond(200, body: offer)
    try wire.request(.bye, from: 1)
    try wire.request(.bye, from: 1)
    #expect(wire.takeMessages() == ["0: INVITE", "1: 200 INVITE"])
    wire.run(100)
    #expect(wire.takeMessages() == ["0: ACK", "1: BYE", "0: 200 BYE"])
    #expect(wire.take(1) == ["incoming", "acknowledged", "200 to BYE", "ended"])
  }

  @Test func callerHangsUpBeforeTheAnswer() throws {
    var wire = UserAgentWire()
    try wire.call()
    try wire.respond(180)
    wire.run(10)
    // A BYE in an early dialog is allowed to the caller (RFC 3261 §15); ours sends CANCEL, so it is written here.
    let ringing = try SIPMessage(parsing: wire.sent[1])
    let leg = try #require(wire.legs[1])
    let bye = requestText(
      "BYE", branch: "z9hG4bKbye", tag: leg.localTag, fromTag: ringing.headers.from?.party.tag?.string ?? "",
      callIdentifier: "call", sequence: 100_000)
    let bytes = SIPStackTests.wire(bye)
    wire.act(1) { $0.receive(datagram: bytes, from: address(port: 5001), at: $1, into: &$2) }
    #expect(wire.take(1) == ["incoming", "cancelled by BYE", "ended"])
    #expect(wire.takeMessages().suffix(2) == ["1: 200 BYE", "1: 487 INVITE"])
  }

  @Test func infoBothWays() throws {
    var wire = UserAgentWire()
    try wire.establish()
    for (from, to) in [(0, 1), (1, 0)] {
      try wire.request(
        .info, from: from, headers: [.infoPackage(.init(name: "trickle-ice"))],
        body: SIPBody(MediaType(type: "application", subtype: "trickle-ice-sdpfrag"), Array("a=x\r\n".utf8)))
      wire.run(10)
      #expect(wire.take(to) == ["request INFO"])
      let request = try #require(wire.request)
      try wire.act(to) { try $0.respond(to: request, status: 200, at: $1, into: &$2) }
      #expect(try wire.act(to) { try $0.respond(to: request, status: 200, at: $1, into: &$2) } == false)
      wire.run(10)
      #expect(wire.take(from) == ["200 to INFO"])
    }
  }

  @Test func infoInAnEarlyDialog() throws {
    var wire = UserAgentWire()
    try wire.call()
    #expect(throws: SIPUserAgentError.noDialog) { try wire.request(.info, from: 0) }
    try wire.respond(180)
    wire.run(10)
    try wire.request(.info, from: 0, body: offer)
    try wire.request(.info, from: 1, body: offer)
    wire.run(10)
    #expect(wire.take(0) == ["provisional 180", "request INFO"])
    #expect(wire.take(1) == ["incoming", "request INFO"])
  }

  @Test func refusedInfoSaysWhatIsAccepted() throws {
    var wire = UserAgentWire()
    try wire.establish()
    for (status, body) in [(469, "Recv-Info: trickle-ice"), (415, "Accept: application/sdp"), (405, "Allow: INVITE")] {
      try wire.request(.info, from: 0)
      wire.run(10)
      let request = try #require(wire.request)
      try wire.act(1) { try $0.respond(to: request, status: status, at: $1, into: &$2) }
      #expect(String(decoding: try #require(wire.sent.last), as: UTF8.self).contains(body))
    }
  }

  @Test func reInvite() throws {
    var wire = UserAgentWire()
    try wire.establish()
    try wire.request(.invite, from: 1, body: offer)
    #expect(throws: SIPUserAgentError.invitePending) { try wire.request(.invite, from: 1, body: offer) }
    wire.run(10)
    #expect(wire.take(0) == ["request INVITE"])
    let request = try #require(wire.request)
    try wire.act(0) { try $0.respond(to: request, status: 200, body: offer, at: $1, into: &$2) }
    wire.run(50)
    #expect(wire.take(0) == ["acknowledged"])
    #expect(wire.take(1) == ["200 to INVITE"])
    #expect(wire.takeMessages() == ["1: INVITE", "0: 200 INVITE", "1: ACK"])
    // Both at once: glare.
    try wire.request(.invite, from: 0, body: offer)
    try wire.request(.invite, from: 1, body: offer)
    wire.run(50)
    #expect(wire.take(0) == ["491 to INVITE"])
    #expect(wire.take(1) == ["491 to INVITE"])
    try wire.request(.invite, from: 0, body: offer)
    wire.run(10)
    try wire.request(.bye, from: 0)
    wire.run(50)
    #expect(wire.take(1) == ["request INVITE", "hung up", "ended"])
    #expect(wire.take(0).suffix(2) == ["200 to BYE", "ended"])
    wire.run(70_000)
    #expect(wire.isEmpty)
  }

  @Test func requestWithoutAnAnswer() throws {
    var wire = UserAgentWire()
    try wire.establish()
    wire.copies = { _, _ in 0 }
    try wire.request(.info, from: 0)
    wire.run(40_000)
    #expect(wire.take(0) == ["INFO timedOut"])
    try wire.request(.bye, from: 0)
    wire.run(40_000)
    #expect(wire.take(0) == ["BYE timedOut", "ended"])
  }

  @Test func abandonedLegs() throws {
    var wire = UserAgentWire()
    try wire.call()
    let callee = try #require(wire.legs[1])
    wire.act(1) { $0.abandon(callee, at: $1, into: &$2) }
    wire.run(20)
    #expect(wire.take(0) == ["refused 480 Temporarily Unavailable"])
    try wire.call(invite(callIdentifier: "second"))
    let caller = try #require(wire.legs[0])
    wire.act(0) { $0.abandon(caller, at: $1, into: &$2) }
    try wire.respond(200, body: offer)
    wire.run(50)
    #expect(wire.take(1).suffix(4) == ["incoming", "acknowledged", "hung up", "ended"])
    wire.run(80_000)
    #expect(wire.isEmpty)
  }
}
