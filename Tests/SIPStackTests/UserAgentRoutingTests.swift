import Foundation
import SIPCodec
import SIPStack
import Testing

/// Where requests and responses go: route sets, remote targets, forks and loops.
@Suite struct UserAgentRoutingTests {
  private func routes(_ message: SIPMessage) -> [String] {
    message.headers.route.map { "\($0.uri.user?.string ?? "")@\($0.uri.host?.string ?? "")" }
  }

  /// An INVITE that has passed two proxies and was accepted.
  private func acceptedCall(_ recordRoute: String) throws -> (UserAgentProbe, SIPLeg) {
    var probe = UserAgentProbe()
    probe.receive(requestText("INVITE", extra: recordRoute, body: "v=0\n"))
    let leg = try #require(probe.legs.first)
    try probe.act { try $0.respond(to: leg, status: 200, body: offer, at: $1, into: &$2) }
    probe.receive(requestText("ACK", branch: "z9hG4bKack", tag: leg.localTag))
    return (probe, leg)
  }

  @Test func calleeRoutesLoosely() throws {
    var (probe, leg) = try acceptedCall(
      "Record-Route: <sip:p1@192.0.2.70;lr>\nRecord-Route: <sip:p2@192.0.2.71;lr=on>\n")
    let accepted = try #require(probe.sent.first?.message)
    #expect(accepted.headers.recordRoute.map { $0.uri.user?.string } == ["p1", "p2"])
    #expect(accepted.headers.contact.first?.contacts.first?.address.uri?.host?.string == "192.0.2.1")
    #expect(accepted.headers.contact.first?.contacts.first?.address.uri?.user?.string == "bob")
    try probe.act { try $0.request(.bye, in: leg, at: $1, into: &$2) }
    let bye = try #require(probe.sent.last)
    #expect(bye.message.requestLine?.uri.user?.string == "carol")
    #expect(routes(bye.message) == ["p1@192.0.2.70", "p2@192.0.2.71"])
    #expect(bye.to.address.description == "192.0.2.70")
    #expect(bye.to.port == 5060)
    #expect(bye.message.headers.maxForwards?.value == 70)
    #expect(bye.message.headers.from?.party.tag?.string == leg.localTag)
    #expect(bye.message.headers.to?.party.tag?.string == "f1")
    #expect(probe.reports.last == "acknowledged")
  }

  @Test func calleeRoutesStrictly() throws {
    var (probe, leg) = try acceptedCall(
      "Record-Route: <sip:p1@192.0.2.70;method=INVITE>\nRecord-Route: <sip:p2@192.0.2.71;lr>\n")
    try probe.act { try $0.request(.bye, in: leg, at: $1, into: &$2) }
    let bye = try #require(probe.sent.last)
    #expect(bye.message.requestLine?.uri.user?.string == "p1")
    #expect(bye.message.requestLine?.uri.method == nil)
    #expect(routes(bye.message) == ["p2@192.0.2.71", "carol@192.0.2.2"])
    #expect(bye.to.address.description == "192.0.2.70")
  }

  /// A response to the last INVITE of a probe.
  private func response(
    _ status: String, to invite: SIPMessage, tag: String, contact: String = "dave@192.0.2.9:5009", extra: String = ""
  ) -> String {
    let headers = invite.headers
    let via = headers.via.first
    return """
      SIP/2.0 \(status)
      Via: SIP/2.0/UDP 192.0.2.1:5001;branch=\(via?.branch?.string ?? "");rport=5001;received=192.0.2.1
      From: "alice" <sip:alice@example.org>;tag=\(headers.from?.party.tag?.string ?? "")
      To: <sip:bob@example.org>;tag=\(tag)
      Call-ID: \(headers.callID?.value.string ?? "")
      CSeq: \(headers.cseq?.number ?? 0) INVITE
      Contact: <sip:\(contact)>
      \(extra)Content-Length: 0


      """
  }

  private func calling() throws -> (UserAgentProbe, SIPLeg, SIPMessage) {
    var probe = UserAgentProbe()
    let leg = try probe.act { try $0.invite(invite(), at: $1, into: &$2) }
    let message = try #require(probe.sent.first?.message)
    probe.sent = []
    return (probe, leg, message)
  }

  @Test func inviteAsWritten() throws {
    let (_, leg, message) = try calling()
    #expect(message.issues.isEmpty)
    #expect(message.headers.callID?.value.string == "call")
    #expect(message.headers.from?.party.tag?.string == leg.localTag)
    #expect(message.headers.to?.party.tag == nil)
    #expect(message.headers.via.first?.hasRport == true)
    #expect(message.headers.maxForwards?.value == 70)
    #expect(message.headers.contact.first?.contacts.first?.address.uri?.user?.string == "alice")
    #expect(message.headers.contact.first?.contacts.first?.address.uri?.port == 5001)
    #expect(message.headers.allow.map(\.value).contains(.info))
    #expect(message.headers.supported.map(\.value) == [.trickleICE])
    #expect(message.headers.recvInfo.first?.name.string == "trickle-ice")
    #expect(message.body.string == "v=0\r\n")
  }

  @Test func callerRoutesBackwards() throws {
    var (probe, leg, invite) = try calling()
    let recordRoute = "Record-Route: <sip:p1@192.0.2.70;lr>, <sip:p2@192.0.2.71;lr>\n"
    probe.receive(response("200 OK", to: invite, tag: "t1", extra: recordRoute))
    #expect(probe.takeReports() == ["accepted"])
    let acknowledgement = try #require(probe.sent.first)
    #expect(acknowledgement.message.requestLine?.method == .ack)
    #expect(acknowledgement.message.requestLine?.uri.user?.string == "dave")
    #expect(routes(acknowledgement.message) == ["p2@192.0.2.71", "p1@192.0.2.70"])
    #expect(acknowledgement.to.address.description == "192.0.2.71")
    #expect(acknowledgement.message.headers.cseq?.number == invite.headers.cseq?.number)
    #expect(acknowledgement.message.headers.via.first?.branch != invite.headers.via.first?.branch)
    try probe.act { try $0.request(.bye, in: leg, at: $1, into: &$2) }
    let bye = try #require(probe.sent.last)
    #expect(routes(bye.message) == ["p2@192.0.2.71", "p1@192.0.2.70"])
    #expect(bye.message.headers.cseq?.number == (invite.headers.cseq?.number ?? 0) + 1)
  }

  @Test func otherForksAreEnded() throws {
    var (probe, _, invite) = try calling()
    probe.receive(response("180 Ringing", to: invite, tag: "t1", contact: "dave@192.0.2.9:5009"))
    probe.receive(response("180 Ringing", to: invite, tag: "t2", contact: "erin@192.0.2.8:5008"))
    probe.receive(response("200 OK", to: invite, tag: "t1", contact: "dave@192.0.2.9:5009"))
    probe.receive(response("200 OK", to: invite, tag: "t2", contact: "erin@192.0.2.8:5008"))
    #expect(probe.sent.map { $0.to.port } == [5009, 5008, 5008])
    #expect(probe.takeSent() == ["ACK", "ACK", "BYE"])
    #expect(probe.reports.filter { $0 == "accepted" }.count == 1)
    // Repeated: each gets the same ACK again, and no second BYE.
    probe.receive(response("200 OK", to: invite, tag: "t2", contact: "erin@192.0.2.8:5008"))
    probe.receive(response("200 OK", to: invite, tag: "t1", contact: "dave@192.0.2.9:5009"))
    #expect(probe.takeSent() == ["ACK", "ACK"])
    // More than 16 forks are not answered.
    for fork in 3..<40 { probe.receive(response("200 OK", to: invite, tag: "t\(fork)")) }
    #expect(probe.takeSent().filter { $0 == "BYE" }.count == 14)
    // Behind the end of the transaction only the dialog's own 2xx is acknowledged.
    probe.advance(to: 90_000)
    _ = probe.takeSent()
    probe.receive(response("200 OK", to: invite, tag: "t1"))
    probe.receive(response("200 OK", to: invite, tag: "t2"))
    #expect(probe.takeSent() == ["ACK"])
  }

  @Test func refusedCallTakesNoRequests() throws {
    var (probe, leg, invite) = try calling()
    probe.receive(response("180 Ringing", to: invite, tag: "t1"))
    probe.receive(response("486 Busy Here", to: invite, tag: "t1"))
    probe.receive(response("486 Busy Here", to: invite, tag: "t1"))
    #expect(probe.takeSent() == ["ACK", "ACK"])
    for method in ["INFO", "BYE"] {
      probe.receive(
        requestText(method, branch: "z9hG4bK\(method)", tag: leg.localTag, fromTag: "t1", callIdentifier: "call"))
    }
    #expect(probe.takeSent() == ["481 INFO", "481 BYE"])
    #expect(probe.takeReports() == ["provisional 180", "refused 486 Busy Here"])
    probe.advance(to: 90_000)
    #expect(probe.takeReports() == ["ended"])
  }

  @Test func strayResponses() throws {
    var (probe, _, invite) = try calling()
    var other = response("200 OK", to: invite, tag: "t1")
    other.replace("branch=z9hG4bK", with: "branch=z9hG4bKstray")
    probe.receive(other)
    probe.receive(response("200 OK", to: invite, tag: "t1", extra: "Via: SIP/2.0/UDP 192.0.2.5\n"))
    probe.receive(response("200 OK", to: invite, tag: "t1").replacing("SIP/2.0 200", with: "SIP/3.0 200"))
    #expect(probe.takeSent() == [])
    #expect(probe.takeReports() == [])
    #expect(probe.agent.strayResponseCount == 2)
    // Codes that no class has (RFC 3261 §7.2).
    probe.receive(response("099 Low", to: invite, tag: "t1"))
    probe.receive(response("700 High", to: invite, tag: "t1"))
    #expect(probe.takeSent() == [])
    #expect(probe.takeReports() == ["malformed status-line", "malformed status-line"])
    #expect(probe.agent.legCount == 1)
  }

  @Test func namesAreLookedUp() throws {
    var (probe, leg, invite) = try calling()
    probe.receive(response("200 OK", to: invite, tag: "t1", contact: "dave@phone.example.net:5070"))
    #expect(probe.takeReports() == ["resolve phone.example.net", "accepted"])
    // Until the answer is there, by the way that its response came.
    #expect(probe.sent.first?.to == address(port: 5002))
    probe.agent.setAddress(IPAddress(ipv4: 0xC633_6407), ofHost: "Phone.example.net")
    try probe.act { try $0.request(.info, in: leg, at: $1, into: &$2) }
    #expect(probe.sent.last?.to.description == "198.51.100.7:5070/udp")
    // A transport that we have not leads the other way, too.
    var (second, _, again) = try calling()
    second.receive(response("200 OK", to: again, tag: "t1", contact: "dave@192.0.2.9;transport=tcp"))
    #expect(second.sent.first?.to == address(port: 5002))
  }

  @Test func byeOvertakesTheAcceptance() throws {
    var (probe, leg, invite) = try calling()
    probe.receive(response("180 Ringing", to: invite, tag: "t1"))
    probe.receive(
      requestText("BYE", branch: "z9hG4bKb", tag: leg.localTag, fromTag: "t2", callIdentifier: "call"))
    #expect(probe.takeReports() == ["provisional 180", "hung up"])
    #expect(probe.takeSent() == ["200 BYE"])
    // Why it is cancelled, others know.
    probe.act { $0.cancel(leg, headers: [reason], at: $1, into: &$2) }
    #expect(probe.sent.first?.message.headers.reason.isEmpty == false)
    #expect(probe.takeSent() == ["CANCEL"])
    probe.receive(response("200 OK", to: invite, tag: "t2"))
    #expect(probe.takeSent() == ["ACK", "BYE"])
    probe.advance(to: 90_000)
    let isEmpty = probe.agent.isEmpty
    #expect(isEmpty)
    #expect(probe.reports.last == "ended")
  }

  /// RFC 3261 §12.2.2: in each dialog the numbers rise, so the BYE of a losing fork comes behind the INFO that its early
  /// dialog has had (found by the simulation).
  @Test func byeOfALosingForkIsNumberedBehindItsEarlyRequests() throws {
    var (probe, leg, invite) = try calling()
    let number = try #require(invite.headers.cseq?.number)
    probe.receive(response("180 Ringing", to: invite, tag: "t1"))
    try probe.act { try $0.request(.info, in: leg, at: $1, into: &$2) }
    #expect(probe.sent.last?.message.headers.cseq?.number == number + 1)
    probe.receive(response("200 OK", to: invite, tag: "t2"))
    probe.receive(response("200 OK", to: invite, tag: "t1"))
    let bye = try #require(probe.sent.last)
    #expect(bye.message.requestLine?.method == .bye)
    #expect(bye.message.headers.to?.party.tag?.string == "t1")
    #expect(bye.message.headers.cseq?.number == number + 2)
  }

  /// A plain proxy sends our INVITE back to us: two legs with one Call-ID.
  @Test func loopedInvite() throws {
    let (probe, caller, callee) = try looped()
    var agent = probe
    try agent.act { try $0.request(.info, in: caller, body: offer, at: $1, into: &$2) }
    agent.pass()
    #expect(agent.reports.suffix(1) == ["request INFO"])
    #expect(agent.lastLeg == callee)
    try agent.act { try $0.request(.info, in: callee, body: offer, at: $1, into: &$2) }
    agent.pass()
    #expect(agent.lastLeg == caller)
    try agent.act { try $0.request(.bye, in: callee, at: $1, into: &$2) }
    agent.pass()
    #expect(agent.reports.filter { $0 == "ended" }.count == 2)
    agent.advance(to: 100_000)
    let isEmpty = agent.agent.isEmpty
    #expect(isEmpty)
  }

  @Test func loopedInviteIsCancelled() throws {
    var loop = Loop()
    let caller = try loop.act { try $0.invite(invite(to: address(port: 5001)), at: $1, into: &$2) }
    loop.pass()
    let callee = try #require(loop.legs.first)
    try loop.act { try $0.respond(to: callee, status: 180, at: $1, into: &$2) }
    loop.pass()
    loop.act { $0.cancel(caller, at: $1, into: &$2) }
    loop.pass()
    #expect(
      loop.reports == ["incoming", "provisional 180", "cancelled by CANCEL", "ended", "refused 487 Request Terminated"])
    loop.advance(to: 100_000)
    let isEmpty = loop.agent.isEmpty
    #expect(isEmpty)
  }

  private func looped() throws -> (Loop, SIPLeg, SIPLeg) {
    var loop = Loop()
    let caller = try loop.act { try $0.invite(invite(to: address(port: 5001)), at: $1, into: &$2) }
    loop.pass()
    #expect(loop.reports == ["incoming"])
    let callee = try #require(loop.legs.first)
    #expect(callee.callIdentifier == caller.callIdentifier)
    #expect(callee != caller)
    try loop.act { try $0.respond(to: callee, status: 180, at: $1, into: &$2) }
    try loop.act { try $0.respond(to: callee, status: 200, body: offer, at: $1, into: &$2) }
    loop.pass()
    #expect(loop.reports == ["incoming", "provisional 180", "accepted", "acknowledged"])
    return (loop, caller, callee)
  }

  /// One agent all of whose messages come back to it through a proxy that puts its Via on top.
  struct Loop {
    var agent = makeAgent("one", port: 5001, seed: 1)
    var now = at(0)
    var legs: [SIPLeg] = []
    var lastLeg: SIPLeg?
    var reports: [String] = []
    var queue: [[UInt8]] = []
    var hops = 0

    @discardableResult
    mutating func act<Result>(
      _ body: (inout SIPUserAgent, Instant, inout [SIPUserAgentEffect]) throws -> Result
    ) rethrows -> Result {
      var effects: [SIPUserAgentEffect] = []
      let result = try body(&agent, now, &effects)
      for effect in effects {
        if let line = trace(effect) { reports.append(line) }
        switch effect {
        case .send(let bytes, _, _): queue.append(bytes)
        case .incomingInvite(let leg, _): legs.append(leg)
        case .incomingRequest(_, let leg, _): lastLeg = leg
        default: break
        }
      }
      return result
    }

    /// Carries all messages until none is left.
    mutating func pass() {
      while !queue.isEmpty {
        var text = String(decoding: queue.removeFirst(), as: UTF8.self)
        if text.hasPrefix("SIP/") {
          // The proxy takes its Via off.
          var lines = text.components(separatedBy: "\r\n")
          if let top = lines.firstIndex(where: { $0.hasPrefix("Via:") }) { lines.remove(at: top) }
          text = lines.joined(separator: "\r\n")
        } else {
          // The branch of a CANCEL or of the ACK of a refusal is that of its INVITE, so it comes from that branch.
          let branch =
            text.components(separatedBy: "branch=").dropFirst().first?.prefix { $0 != ";" && $0 != "\r" } ?? ""
          text.replace(
            "\r\nVia:", with: "\r\nVia: SIP/2.0/UDP 192.0.2.99;branch=z9hG4bKp\(branch)\r\nVia:", maxReplacements: 1)
        }
        let bytes = Array(text.utf8)
        let proxy = TransportAddress(transport: .udp, address: IPAddress(ipv4: 0xC000_0263), port: 5060)
        act { $0.receive(datagram: bytes, from: proxy, at: $1, into: &$2) }
      }
    }

    mutating func advance(to milliseconds: UInt64) {
      while let deadline = agent.nextDeadline, deadline <= at(milliseconds) {
        now = max(now, deadline)
        act { $0.advance(to: $1, into: &$2) }
        pass()
      }
    }
  }
}
