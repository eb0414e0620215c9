import SIPCodec
import SIPStack
import Testing

/// Requests of those whose requests are not taken (RFC 3261 §8.2.7, §21.4.4).
@Suite struct UserAgentAdmissionTests {
  /// 192.0.2.2 may, and 198.51.100.0/24.
  private func probe(_ strangers: SIPAdmission.Strangers = .forbid) throws -> UserAgentProbe {
    var probe = UserAgentProbe()
    let network = try #require(IPNetwork("198.51.100.0/24"))
    probe.agent.admission = .only(
      SourceSet(addresses: [address(port: 5002).address], networks: [network]), strangers: strangers)
    return probe
  }

  private func source(_ text: String, port: UInt16 = 5002) throws -> TransportAddress {
    TransportAddress(transport: .udp, address: try #require(IPAddress(text)), port: port)
  }

  @Test("everyone's requests are taken where nothing is said")
  func everyone() throws {
    var probe = UserAgentProbe()
    probe.receive(requestText("OPTIONS"), from: try source("203.0.113.9"))
    #expect(probe.takeSent() == ["200 OPTIONS"])
    #expect(probe.agent.strangerCount == 0)
  }

  @Test("the address counts, not the port and not what the Via says")
  func admitted() throws {
    var probe = try probe()
    for (number, text) in ["192.0.2.2", "::ffff:192.0.2.2", "198.51.100.0", "198.51.100.255"].enumerated() {
      probe.receive(
        requestText("OPTIONS", branch: "z9hG4bK\(number)", callIdentifier: "c\(number)", via: "203.0.113.9:1"),
        from: try source(text, port: UInt16(40_000 + number)))
    }
    #expect(probe.takeSent() == ["200 OPTIONS", "200 OPTIONS", "200 OPTIONS", "200 OPTIONS"])
    #expect(probe.takeReports().isEmpty && probe.agent.strangerCount == 0)
    probe.receive(requestText("OPTIONS", branch: "z9hG4bKx", callIdentifier: "x"), from: try source("203.0.113.9"))
    #expect(probe.takeSent() == ["403 OPTIONS"])
  }

  @Test(
    "any request but ACK and CANCEL is answered 403, without a transaction",
    arguments: ["INVITE", "OPTIONS", "REGISTER", "BYE", "INFO", "MESSAGE", "SUBSCRIBE", "PRACK", "FOO"])
  func forbidden(method: String) throws {
    var probe = try probe()
    probe.receive(requestText(method), from: try source("203.0.113.9"))
    #expect(probe.takeSent() == ["403 \(method)"])
    #expect(probe.agent.isEmpty && probe.agent.nextDeadline == nil && probe.legs.isEmpty)
    probe.advance(to: 100_000)
    #expect(probe.sent.isEmpty)
  }

  @Test("§8.2.7: ACK and CANCEL are passed over", arguments: ["ACK", "CANCEL"])
  func ignored(method: String) throws {
    var probe = try probe()
    probe.receive(requestText(method, tag: "x"), from: try source("203.0.113.9"))
    #expect(probe.sent.isEmpty && probe.agent.isEmpty)
    #expect(probe.agent.strangerCount == 1)
  }

  @Test("silence", arguments: ["INVITE", "OPTIONS", "ACK", "CANCEL", "BYE"])
  func silence(method: String) throws {
    var probe = try probe(.ignore)
    probe.receive(requestText(method), from: try source("203.0.113.9"))
    probe.receive(requestText(method, extra: "Max-Forwards: x\n", version: "SIP/3.0"), from: try source("203.0.113.9"))
    #expect(probe.sent.isEmpty && probe.agent.isEmpty)
    #expect(probe.agent.strangerCount == 2)
  }

  @Test("§8.2.6.2, §8.2.7: the response has the fields of the request and a To tag, the same for each repetition")
  func response() throws {
    var probe = try probe()
    let text = requestText("INVITE", via: "203.0.113.9:5070", body: "v=0\n")
    let other = requestText("INVITE", branch: "z9hG4bK2", via: "203.0.113.9:5070", body: "v=0\n")
    for text in [text, text, other] { probe.receive(text, from: try source("203.0.113.9", port: 40_000)) }
    try #require(probe.sent.count == 3)
    let headers = probe.sent[0].message.headers
    let tags = probe.sent.map { $0.message.headers.to?.party.tag?.string }
    #expect(tags[0] == tags[1] && tags[0]?.isEmpty == false && tags[0] != tags[2])
    #expect(probe.sent[0].message.bytes == probe.sent[1].message.bytes)
    #expect(headers.callID?.value.string == "c1" && headers.cseq?.number == 1)
    #expect(headers.from?.party.tag?.string == "f1" && headers.via.first?.branch?.string == "z9hG4bK1")
    #expect(headers.contact.isEmpty && probe.sent[0].message.body.isEmpty)
    // §18.2.2: to the port of the Via, at the address that it came from.
    #expect(try probe.sent[0].to == source("203.0.113.9", port: 5070))
  }

  @Test("a request with a To tag keeps it")
  func tag() throws {
    var probe = try probe()
    probe.receive(requestText("BYE", tag: "theirs"), from: try source("203.0.113.9"))
    #expect(probe.sent.first?.message.headers.to?.party.tag?.string == "theirs")
  }

  @Test("a stranger cannot send our responses to somebody else")
  func maddr() throws {
    var probe = try probe()
    probe.receive(
      requestText("OPTIONS", via: "203.0.113.9:5070;maddr=192.0.2.99"), from: try source("203.0.113.9", port: 40_000))
    #expect(try probe.sent.map(\.to) == [source("203.0.113.9", port: 5070)])
  }

  @Test("a response to a stranger's request by a connection goes back by it")
  func connection() throws {
    var probe = try probe()
    var from = try source("203.0.113.9", port: 40_000)
    from.transport = .tcp
    from.connection = 7
    probe.receive(requestText("OPTIONS"), from: from)
    #expect(probe.sent.first?.to.connection == 7)
  }

  @Test("what a stranger sends is not read further: no 400, no 405, no 420, no 505")
  func mistakes() throws {
    var probe = try probe()
    for (number, text) in [
      requestText("INVITE", extra: "Require: foo\n"), requestText("INVITE", version: "SIP/3.0"),
      requestText("INVITE", sequenceMethod: "BYE"), requestText("INVITE", uri: "http://example.org"),
      requestText("INVITE").replacing("CSeq: 1 INVITE", with: "CSeq: x"),
    ].enumerated() {
      probe.receive(text, from: try source("203.0.113.\(number)"))
    }
    #expect(probe.sent.map { $0.message.statusCode } == [403, 403, 403, 403, 403])
    #expect(probe.agent.isEmpty)
    #expect(probe.reports.allSatisfy { $0.hasPrefix("stranger 203.0.113.") })
    // Without a Via there is no way back.
    probe.receive("OPTIONS sip:a SIP/2.0\nCSeq: 1 OPTIONS\n\n", from: try source("203.0.113.9"))
    #expect(probe.sent.count == 5)
  }

  @Test("a known dialog is no reason to take a stranger's requests")
  func dialogs() throws {
    var probe = try probe()
    probe.receive(requestText("INVITE", body: "v=0\n"))
    let leg = try #require(probe.legs.first)
    try probe.act { try $0.respond(to: leg, status: 200, body: offer, at: $1, into: &$2) }
    probe.sent = []
    probe.receive(requestText("ACK", branch: "z9hG4bKa", tag: leg.localTag), from: try source("203.0.113.9"))
    probe.receive(
      requestText("BYE", branch: "z9hG4bKb", tag: leg.localTag, sequence: 2), from: try source("203.0.113.9"))
    #expect(probe.takeSent() == ["403 BYE"])
    #expect(probe.agent.hasDialog(leg))
    probe.receive(requestText("BYE", branch: "z9hG4bKc", tag: leg.localTag, sequence: 2))
    #expect(probe.takeSent() == ["200 BYE"])
  }

  @Test("responses are not concerned: a phone may answer for the proxy")
  func responses() throws {
    var probe = try probe()
    try probe.act { _ = try $0.invite(invite(), at: $1, into: &$2) }
    let sent = try #require(probe.sent.first?.message)
    let branch = try #require(sent.headers.via.first?.branch?.string)
    let tag = try #require(sent.headers.from?.party.tag?.string)
    probe.sent = []
    probe.receive(
      """
      SIP/2.0 486 Busy Here
      Via: SIP/2.0/UDP 192.0.2.1:5001;branch=\(branch)
      From: <sip:alice@example.org>;tag=\(tag)
      To: <sip:bob@example.org>;tag=t
      Call-ID: call
      CSeq: \(sent.headers.cseq?.number ?? 0) INVITE
      Content-Length: 0


      """, from: try source("203.0.113.9"))
    #expect(probe.takeReports() == ["refused 486 Busy Here"])
    #expect(probe.takeSent() == ["ACK"])
    #expect(probe.agent.strangerCount == 0)
  }

  @Test("the log has each source once a minute, and says how many there were")
  func log() throws {
    var probe = try probe(.ignore)
    for _ in 0..<1000 { probe.receive(requestText("OPTIONS"), from: try source("203.0.113.9")) }
    probe.receive(requestText("OPTIONS"), from: try source("203.0.113.9", port: 9))
    #expect(
      probe.takeReports() == ["stranger 203.0.113.9:5002/udp"])
    probe.receive(requestText("OPTIONS"), from: try source("2001:db8::9"))
    probe.advance(to: 60_000)
    probe.receive(requestText("OPTIONS"), from: try source("203.0.113.9"))
    #expect(
      probe.takeReports() == [
        "stranger [2001:db8::9]:5002/udp",
        "stranger 203.0.113.9:5002/udp and 1000 more",
      ])
    #expect(probe.agent.strangerCount == 1003)
  }

  @Test("a flood from forged addresses leaves nothing behind")
  func flood() throws {
    var probe = try probe()
    for number in 0..<20_000 {
      let from = TransportAddress(
        transport: .udp, address: IPAddress(ipv4: 0xCB00_0000 + UInt32(number)), port: 5060)
      probe.receive(requestText("INVITE", branch: "z9hG4bK\(number)", callIdentifier: "c\(number)"), from: from)
      probe.sent = []
    }
    #expect(probe.agent.isEmpty && probe.legs.isEmpty)
    // 1024 sources, and one line for all others.
    #expect(probe.reports.count == 1025)
  }

  @Test("it can change at any time")
  func change() throws {
    var probe = try probe()
    let phone = try source("203.0.113.9")
    probe.receive(requestText("OPTIONS"), from: phone)
    probe.agent.admission = .only(SourceSet(addresses: [phone.address], networks: []), strangers: .ignore)
    probe.receive(requestText("OPTIONS"), from: phone)
    probe.receive(requestText("OPTIONS", branch: "z9hG4bK2"))
    probe.agent.admission = .everyone
    probe.receive(requestText("OPTIONS", branch: "z9hG4bK3", callIdentifier: "c3"))
    #expect(probe.takeSent() == ["403 OPTIONS", "200 OPTIONS", "200 OPTIONS"])
  }
}
