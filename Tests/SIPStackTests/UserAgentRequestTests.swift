import Foundation
import SIPCodec
import SIPStack
import Testing

/// How requests are answered that need no call, and what is done with messages that are not as they should be.
@Suite struct UserAgentRequestTests {
  /// The answer to one request, and what was reported.
  private func answer(_ text: String) -> (status: Int?, message: SIPMessage?, reports: [String]) {
    var probe = UserAgentProbe()
    probe.receive(text)
    return (probe.sent.first?.message.statusCode, probe.sent.first?.message, probe.reports)
  }

  @Test func options() throws {
    let (status, response, reports) = answer(requestText("OPTIONS"))
    #expect(status == 200)
    #expect(reports == [])
    let headers = try #require(response).headers
    #expect(headers.allow.map(\.value) == [.invite, .ack, .cancel, .bye, .options, .info])
    #expect(headers.supported.map(\.value) == [.trickleICE])
    #expect(headers.accept.first?.subtype.string == "sdp")
    #expect(headers.recvInfo.first?.name.string == "trickle-ice")
    #expect(headers.to?.party.tag != nil)
  }

  @Test(arguments: [
    ("FETCH", 501), ("REGISTER", 405), ("UPDATE", 405), ("INFO", 481), ("BYE", 481), ("CANCEL", 481),
  ])
  func withoutADialog(_ method: String, _ status: Int) throws {
    let (answered, response, _) = answer(requestText(method))
    #expect(answered == status)
    if status == 405 || status == 501 { #expect(try #require(response).headers.allow.first?.value == .invite) }
  }

  @Test func withinAnUnknownDialog() {
    for method in ["INFO", "BYE", "INVITE", "OPTIONS"] {
      #expect(answer(requestText(method, tag: "nobody", body: "v=0\n")).status == 481)
    }
    #expect(answer(requestText("ACK", tag: "nobody")).status == nil)
    #expect(answer(requestText("ACK")).status == nil)
  }

  @Test func extensions() throws {
    let (status, response, _) = answer(requestText("INVITE", extra: "Require: trickle-ice, 100rel, what\n"))
    #expect(status == 420)
    #expect(try #require(response).headers.unsupported.map(\.value.name) == ["100rel", "what"])
    #expect(answer(requestText("OPTIONS", extra: "Proxy-Require: what\n")).status == 200)
    #expect(answer(requestText("OPTIONS", uri: "mailto:bob@example.org")).status == 416)
    #expect(answer(requestText("OPTIONS", uri: "tel:+1-201-555-0123")).status == 200)
    #expect(answer(requestText("OPTIONS", version: "SIP/7.0")).status == 505)
  }

  @Test func bodies() throws {
    let words = "Content-Type: text/plain\nContent-Length: 2\n\nhi"
    let head = requestText("INVITE").replacing("Content-Length: 0\n\n", with: "")
    let (status, response, _) = answer(head + words)
    #expect(status == 415)
    #expect(try #require(response).headers.accept.first?.type.string == "application")
    #expect(answer(head + "Content-Disposition: render;handling=optional\n" + words).reports == ["incoming"])
    #expect(
      answer(head + "Content-Encoding: gzip\n" + words.replacing("text/plain", with: "application/sdp")).status == 415)
    // Without an offer it is the gateway's to refuse.
    #expect(answer(requestText("INVITE")).reports == ["incoming"])
    #expect(answer(requestText("INVITE", body: "v=0\n")).reports == ["incoming"])
  }

  /// RFC 3261 §20.1: the most specific range counts, and q=0 excludes.
  @Test(arguments: [
    ("application/sdp", true), ("*/*", true), ("application/*, text/plain", true), ("Application/SDP;q=0.3", true),
    ("text/plain", false), ("application/sdp;q=0, */*", false), ("application/sdp, application/*;q=0", true),
    ("text/*, application/isup;q=1", false),
  ])
  func answerMustBeAcceptable(_ ranges: String, _ isAcceptable: Bool) {
    let result = answer(requestText("INVITE", extra: "Accept: \(ranges)\n"))
    #expect(result.status == (isAcceptable ? nil : 406))
    #expect(result.reports == (isAcceptable ? ["incoming"] : []))
  }

  /// RFC 7332: the hops of a call that goes on behind us count; OPTIONS is answered by whom it reaches (§11).
  @Test func noHopsLeft() {
    func hopless(_ method: String) -> String {
      requestText(method).replacing(#/Max-Forwards: \d+/#, with: "Max-Forwards: 0")
    }
    #expect(answer(hopless("INVITE")).status == 483)
    #expect(answer(hopless("OPTIONS")).status == 200)
  }

  @Test func malformedFieldsThatAreNeeded() throws {
    let good = requestText("OPTIONS")
    func changed(_ line: String, to other: String) -> (status: Int?, message: SIPMessage?, reports: [String]) {
      answer(good.replacing(line, with: other))
    }
    let (status, response, reports) = changed("From: <sip:carol@example.com>;tag=f1", to: "From: <<>")
    #expect(status == 400)
    #expect(reports == ["malformed From"])
    #expect(try #require(response).rawHeader("From") == "<<>")
    #expect(try #require(response).headers.callID?.value.string == "c1")
    #expect(changed("To: <sip:bob@example.org>", to: "To: \"bob <sip:bob@example.org>").status == 400)
    #expect(changed("CSeq: 1 OPTIONS", to: "CSeq: 36893488147419103232 OPTIONS").status == 400)
    #expect(changed("CSeq: 1 OPTIONS", to: "CSeq: 1 INVITE").status == 400)
    #expect(changed("Call-ID: c1\n", to: "").status == 400)
    #expect(changed("OPTIONS sip", to: "OPTIONS  sip").status == 400)
    #expect(changed("Content-Length: 0", to: "Content-Length: 9").status == 400)
    #expect(changed("Via: SIP/2.0/UDP 192.0.2.2:5002;branch=z9hG4bK1", to: "Via: nothing").status == nil)
    #expect(changed("Via: SIP/2.0/UDP 192.0.2.2:5002;branch=z9hG4bK1\n", to: "").status == nil)
    #expect(changed("Max-Forwards: 70", to: "Via: nothing").status == nil)
    // No response to an ACK, whatever it is like.
    #expect(answer(requestText("ACK").replacing("From:", with: "From: ;")).status == nil)
    // Passed over: nothing is done with these.
    #expect(changed("Max-Forwards: 70", to: "Max-Forwards: 700").status == 200)
    #expect(changed("Content-Length: 0", to: "Date: yesterday\nContent-Length: 0").status == 200)
    #expect(changed("Contact: <sip:carol@192.0.2.2:5002>", to: "Contact: <").status == 200)
    #expect(
      answer(requestText("INVITE").replacing("Contact: <sip:carol@192.0.2.2:5002>", with: "Contact: <")).status == 400)
  }

  @Test func malformedAreAnsweredAlikeEachTime() {
    var probe = UserAgentProbe()
    let text = requestText("INVITE").replacing("To: <", with: "To: <<")
    probe.receive(text)
    probe.receive(text)
    #expect(probe.sent.count == 2)
    #expect(probe.sent.first?.message.bytes == probe.sent.last?.message.bytes)
    #expect(probe.agent.isEmpty)
  }

  @Test func repliesSayWhereTheRequestCameFrom() throws {
    var probe = UserAgentProbe()
    let nat = TransportAddress(transport: .udp, address: IPAddress(ipv4: 0xC633_6401), port: 40_000)
    probe.receive(requestText("OPTIONS", via: "10.0.0.1:5070;rport"), from: nat)
    let (response, destination) = try #require(probe.sent.first)
    #expect(destination == nat)
    let via = try #require(response.headers.via.first)
    #expect(via.received?.string == "198.51.100.1")
    #expect(via.rport == 40_000)
    #expect(via.host.string == "10.0.0.1")
    probe.receive(requestText("OPTIONS", branch: "z9hG4bK2", callIdentifier: "c2", via: "10.0.0.1:5070"), from: nat)
    let second = try #require(probe.sent.last)
    #expect(second.to.port == 5070)
    #expect(second.to.address == nat.address)
    #expect(second.message.headers.via.first?.received?.string == "198.51.100.1")
    #expect(second.message.headers.via.first?.hasRport == false)
  }

  @Test func compactForms() {
    let text = """
      INVITE sip:bob@192.0.2.1:5001 SIP/2.0
      v: SIP/2.0/UDP 192.0.2.2:5002;branch=z9hG4bKx
      f: <sip:carol@example.com>;tag=f1
      t: <sip:bob@example.org>
      i: c1
      CSeq: 1 INVITE
      m: <sip:carol@192.0.2.2>
      c: application/sdp
      l: 5

      v=0

      """
    #expect(answer(text).reports == ["incoming"])
  }

  @Test func repetitionsAreAbsorbed() {
    var probe = UserAgentProbe()
    for _ in 0..<3 { probe.receive(requestText("INVITE", body: "v=0\n")) }
    #expect(probe.takeReports() == ["incoming"])
    for _ in 0..<3 { probe.receive(requestText("OPTIONS", branch: "z9hG4bKo", callIdentifier: "o")) }
    #expect(probe.takeSent() == ["200 OPTIONS", "200 OPTIONS", "200 OPTIONS"])
    // Without the magic cookie, as RFC 2543 has it.
    for _ in 0..<2 { probe.receive(requestText("INVITE", branch: "1", callIdentifier: "old", body: "v=0\n")) }
    #expect(probe.takeReports() == ["incoming"])
  }

  @Test func mergedRequests() {
    var probe = UserAgentProbe()
    probe.receive(requestText("INVITE", branch: "z9hG4bKa", body: "v=0\n"))
    probe.receive(requestText("INVITE", branch: "z9hG4bKb", body: "v=0\n"))
    #expect(probe.takeSent() == ["482 INVITE"])
    #expect(probe.takeReports() == ["incoming"])
    // Another request of the same caller is none.
    probe.receive(requestText("INVITE", branch: "z9hG4bKc", sequence: 2, body: "v=0\n"))
    #expect(probe.takeReports() == ["incoming"])
  }

  @Test func requestsOutOfOrder() throws {
    var probe = UserAgentProbe()
    probe.receive(requestText("INVITE", sequence: 10, body: "v=0\n"))
    let leg = try #require(probe.legs.first)
    try probe.act { try $0.respond(to: leg, status: 200, body: offer, at: $1, into: &$2) }
    probe.receive(requestText("ACK", branch: "z9hG4bKack", tag: leg.localTag, sequence: 10))
    #expect(probe.takeReports() == ["incoming", "acknowledged"])
    _ = probe.takeSent()
    probe.receive(requestText("INFO", branch: "z9hG4bKi", tag: leg.localTag, sequence: 9))
    #expect(probe.takeSent() == ["500 INFO"])
    probe.receive(requestText("INFO", branch: "z9hG4bKj", tag: leg.localTag, sequence: 12))
    #expect(probe.takeReports() == ["request INFO"])
    probe.receive(requestText("BYE", branch: "z9hG4bKk", tag: leg.localTag, fromTag: "stranger", sequence: 13))
    #expect(probe.takeSent() == ["481 BYE"])
    probe.receive(requestText("OPTIONS", branch: "z9hG4bKl", tag: leg.localTag, sequence: 14))
    #expect(probe.takeSent() == ["200 OPTIONS"])
    // The BYE ends what is not answered, too (RFC 3261 §15.1.2).
    probe.receive(requestText("BYE", branch: "z9hG4bKm", tag: leg.localTag, sequence: 15))
    #expect(probe.takeSent() == ["200 BYE", "487 INFO"])
    #expect(probe.takeReports() == ["hung up", "ended"])
    probe.advance(to: 100_000)
    #expect(probe.agent.isEmpty)
  }

  @Test func reInviteBeforeTheFirstIsAnswered() throws {
    var probe = UserAgentProbe()
    probe.receive(requestText("INVITE", body: "v=0\n"))
    let leg = try #require(probe.legs.first)
    try probe.act { try $0.respond(to: leg, status: 180, at: $1, into: &$2) }
    _ = probe.takeSent()
    probe.receive(requestText("INVITE", branch: "z9hG4bK2", tag: leg.localTag, sequence: 2, body: "v=0\n"))
    #expect(probe.sent.first?.message.statusCode == 500)
    #expect(probe.sent.first?.message.headers.retryAfter != nil)
  }

  @Test func cancelledReInvite() throws {
    var probe = UserAgentProbe()
    probe.receive(requestText("INVITE", body: "v=0\n"))
    let leg = try #require(probe.legs.first)
    try probe.act { try $0.respond(to: leg, status: 200, body: offer, at: $1, into: &$2) }
    probe.receive(requestText("ACK", branch: "z9hG4bKack", tag: leg.localTag))
    probe.receive(requestText("INVITE", branch: "z9hG4bK2", tag: leg.localTag, sequence: 2, body: "v=0\n"))
    _ = probe.takeSent()
    probe.receive(requestText("CANCEL", branch: "z9hG4bK2", tag: leg.localTag, sequence: 2))
    #expect(probe.takeSent() == ["200 CANCEL", "487 INVITE"])
    #expect(probe.takeReports() == ["incoming", "acknowledged", "request INVITE", "request cancelled"])
    #expect(probe.agent.legCount == 1)
  }

  @Test func valuesThatAreNotAllowed() throws {
    var agent = makeAgent("one", port: 5001, seed: 1)
    var effects: [SIPUserAgentEffect] = []
    for callIdentifier in ["", "two words", "a\r\nVia: x", "a@b@c"] {
      do throws(SIPUserAgentError) {
        _ = try agent.invite(invite(callIdentifier: callIdentifier), at: at(0), into: &effects)
        Issue.record("\(callIdentifier) was sent")
      } catch {
        guard case .draft = error else {
          Issue.record("\(error)")
          return
        }
      }
    }
    #expect(effects.isEmpty)
    #expect(agent.isEmpty)
  }

  @Test func noRoom() throws {
    var configuration = SIPUserAgentConfiguration(localHost: "192.0.2.1", localPort: 5001, product: .init(name: "x"))
    configuration.acceptedMediaTypes = [offerType]
    configuration.maximumLegs = 2
    configuration.maximumTransactions = 4
    var probe = UserAgentProbe()
    probe.agent = SIPUserAgent(configuration: configuration, identifiers: IdentifierGenerator(seed: 1))
    for number in 0..<6 {
      probe.receive(requestText("INVITE", branch: "z9hG4bK\(number)", callIdentifier: "c\(number)", body: "v=0\n"))
    }
    #expect(probe.takeSent() == ["503 INVITE", "503 INVITE", "503 INVITE", "503 INVITE"])
    #expect(throws: SIPUserAgentError.exhausted) {
      _ = try probe.act { try $0.invite(invite(), at: $1, into: &$2) }
    }
  }
}
