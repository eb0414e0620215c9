import SIPCodec
import SIPStack
import Testing

@Suite("RFC 3261 §18.1.1: a request that is too large for UDP goes over TCP, and over UDP where nobody listens there")
struct UserAgentSizeTests {
  /// A caller that can both, and what it sent.
  private struct Caller {
    var agent: SIPUserAgent
    var now = at(0)
    var sent: [(message: SIPMessage, to: TransportAddress, key: TransactionKey?)] = []
    var reports: [String] = []

    init() {
      var configuration = makeAgent("a", port: 5001, seed: 1).configuration
      configuration.transports = [.udp, .tcp]
      agent = SIPUserAgent(configuration: configuration, identifiers: IdentifierGenerator(seed: 1))
    }

    mutating func act<Result>(
      _ body: (inout SIPUserAgent, Instant, inout SIPUserAgent.Effects) throws -> Result
    ) throws -> Result {
      var effects: SIPUserAgent.Effects = []
      let result = try body(&agent, now, &effects)
      for effect in effects {
        if let line = trace(effect) { reports.append(line) }
        if case .send(let bytes, let destination, let key) = effect {
          sent.append((try SIPMessage(parsing: bytes), destination, key))
        }
      }
      return result
    }

    mutating func call(bytes: Int = 4500) throws -> SIPLeg {
      var request = invite()
      request.body = SIPBody(offerType, Array(repeating: 0x61, count: bytes))
      return try act { try $0.invite(request, at: $1, into: &$2) }
    }

    /// What was sent last cannot be sent.
    mutating func fail() throws {
      let key = try #require(sent.last?.key)
      try act { $0.transportFailed(key, at: $1, into: &$2) }
    }

    mutating func respond(_ status: Int) throws {
      let request = try #require(sent.last?.message.headers)
      let via = try #require(request.via.first.map(ViaParm.Draft.init))
      var to = Party.Draft(try #require(request.to).party)
      to.parameters.append(.tag("far"))
      let response = try SIPMessage(
        status: status, phrase: nil,
        headers: [
          .via(.init(viaParm: [via])), .from(.init(try #require(request.from))), .to(.init(party: to)),
          .callID(.init(try #require(request.callID))), .cseq(.init(try #require(request.cseq))),
        ], body: [])
      try act { $0.receive(response, from: address(port: 5002), at: $1, into: &$2) }
    }

    mutating func wait(_ milliseconds: UInt64) throws {
      now = now + .milliseconds(milliseconds)
      try act { $0.advance(to: $1, into: &$2) }
    }

    /// `INVITE udp/UDP`: by what it goes, and what its Via says.
    var ways: [String] {
      sent.map { message, destination, _ in
        let via = message.headers.via.first?.transport.name ?? "?"
        return "\(message.requestLine?.method.name ?? "?") \(destination.transport)/\(via)"
      }
    }
  }

  @Test("larger than 1,300 bytes: TCP, and its Via says so")
  func large() throws {
    var caller = Caller()
    _ = try caller.call()
    #expect(caller.ways == ["INVITE tcp/TCP"])
    try caller.wait(500)
    #expect(caller.sent.count == 1, "nothing is repeated over TCP")
  }

  @Test("smaller: UDP")
  func small() throws {
    var caller = Caller()
    _ = try caller.call(bytes: 100)
    #expect(caller.ways == ["INVITE udp/UDP"])
  }

  @Test("nobody listens: UDP at once, with the same branch, and repeated there")
  func refused() throws {
    var caller = Caller()
    _ = try caller.call()
    try caller.fail()
    #expect(caller.ways == ["INVITE tcp/TCP", "INVITE udp/UDP"])
    let branches = Set(caller.sent.compactMap { $0.message.headers.via.first?.branch?.string })
    #expect(branches.count == 1)
    #expect(caller.reports.isEmpty, "the gateway need not know")
    try caller.wait(500)
    #expect(caller.ways.last == "INVITE udp/UDP" && caller.sent.count == 3)
    try caller.respond(486)
    #expect(caller.ways.last == "ACK udp/UDP")
  }

  @Test("who has refused is not asked again for ten minutes")
  func remembered() throws {
    var caller = Caller()
    _ = try caller.call()
    try caller.fail()
    _ = try caller.call()
    #expect(caller.ways == ["INVITE tcp/TCP", "INVITE udp/UDP", "INVITE udp/UDP"])
    caller.now = at(600_001)
    _ = try caller.call()
    #expect(caller.ways.last == "INVITE tcp/TCP")
  }

  @Test("a CANCEL that waits goes with the Via of the datagram (§9.1)")
  func cancelled() throws {
    var caller = Caller()
    let leg = try caller.call()
    try caller.act { $0.cancel(leg, at: $1, into: &$2) }
    try caller.fail()
    try caller.respond(180)
    #expect(caller.ways == ["INVITE tcp/TCP", "INVITE udp/UDP", "CANCEL udp/UDP"])
  }

  @Test("§18.4: a connection that is reset takes the requests along to which nothing has come back")
  func connectionLost() throws {
    for isAnswered in [true, false] {
      var caller = Caller()
      var request = invite()
      request.nextHop.transport = .tcp
      _ = try caller.act { try $0.invite(request, at: $1, into: &$2) }
      if isAnswered { try caller.respond(100) }
      var other = request.nextHop
      other.port += 1
      try caller.act { $0.connectionLost(to: other, at: $1, into: &$2) }
      #expect(!caller.reports.contains("unreachable"))
      var connection = request.nextHop
      connection.connection = 7
      try caller.act { $0.connectionLost(to: connection, at: $1, into: &$2) }
      #expect(caller.reports.contains("unreachable") == !isAnswered)
    }
  }

  @Test("UDP fails, too: the INVITE cannot be sent")
  func bothFail() throws {
    var caller = Caller()
    _ = try caller.call()
    try caller.fail()
    try caller.fail()
    #expect(caller.reports == ["unreachable", "ended"])
  }

  @Test("a connection that ends behind a response is no reason to send it again")
  func failsLate() throws {
    var caller = Caller()
    _ = try caller.call()
    let key = try #require(caller.sent.last?.key)
    try caller.respond(180)
    try caller.act { $0.transportFailed(key, at: $1, into: &$2) }
    #expect(caller.ways == ["INVITE tcp/TCP"])
  }
}
