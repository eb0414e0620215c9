import SIPCodec
import Testing

@testable import SIPStack

@Suite("Session timers: RFC 4028")
struct SessionTimerTests {
  /// Two agents that know session timers.
  private static func wire() -> UserAgentWire {
    var wire = UserAgentWire()
    wire.agents = [(UInt16(5001), UInt64(1)), (5002, 2)].map { port, seed in
      var configuration = makeAgent("agent", port: port, seed: seed).configuration
      configuration.supportedOptions = [.timer]
      return SIPUserAgent(configuration: configuration, identifiers: IdentifierGenerator(seed: seed))
    }
    return wire
  }

  private static func expires(_ seconds: UInt32, _ refresher: Refresher?) -> HeaderDraft {
    .sessionExpires(.init(seconds: seconds, parameters: refresher.map { [.refresher($0)] } ?? []))
  }

  /// A call whose INVITE asks for a session of this length.
  private static func call(_ seconds: UInt32, _ refresher: Refresher?) throws -> UserAgentWire {
    var wire = wire()
    var invite = invite()
    invite.headers = [expires(seconds, refresher)]
    try wire.call(invite)
    try wire.respond(200, body: offer)
    wire.run(50)
    for index in 0...1 { _ = wire.take(index) }
    return wire
  }

  /// The other agent takes the re-INVITE of this one.
  private static func refresh(_ wire: inout UserAgentWire, by index: Int) throws -> SIPMessage {
    try wire.request(.invite, from: index, body: offer)
    let sent = try SIPMessage(parsing: try #require(wire.sent.last))
    wire.run(10)
    let request = try #require(wire.request)
    try wire.act(1 - index) { _ = try $0.respond(to: request, status: 200, body: offer, at: $1, into: &$2) }
    wire.run(20)
    #expect(wire.take(index) == ["200 to INVITE"])
    #expect(wire.take(1 - index) == ["request INVITE", "acknowledged"])
    return sent
  }

  @Test(
    "§9, table 2: who refreshes",
    arguments: [
      (true, nil, Refresher.uac), (true, .uac, .uac), (true, .uas, .uas), (false, nil, .uas), (false, .uas, .uas),
    ] as [(Bool, Refresher?, Refresher)])
  func roles(isKnown: Bool, asked: Refresher?, refresher: Refresher) throws {
    var headers = [Self.expires(1800, asked)]
    if isKnown { headers.append(.supported(.init(tags: [.timer]))) }
    let message = try SIPMessage(request: .invite, uri: uri("bob", "example.org"), headers: headers, body: [])
    let agreement = try #require(SessionTimer.agreement(answering: message))
    #expect(agreement == SessionTimer.Agreement(seconds: 1800, refresher: refresher))
    #expect(SessionTimer.headers(agreement).count == (refresher == .uac ? 2 : 1), "Require: timer for the caller only")
  }

  @Test("a refresh is due at half of the time, and once; the end comes before the session has expired")
  func times() {
    var timer = SessionTimer(seconds: 90, isRefresher: true, at: at(0))
    #expect(timer.nextDeadline == at(45_000))
    let early = timer.isRefreshDue(at: at(44_999))
    let due = timer.isRefreshDue(at: at(45_000))
    let again = timer.isRefreshDue(at: at(60_000))
    #expect(!early && due && !again)
    #expect(timer.nextDeadline == at(60_000))
    #expect(SessionTimer(seconds: 1800, isRefresher: false, at: at(0)).nextDeadline == at(1_768_000))
  }

  @Test("§8: less than 90 s is refused with what there is, of one who would understand that")
  func tooShort() throws {
    var wire = Self.wire()
    var invite = invite()
    invite.headers = [Self.expires(89, nil)]
    try wire.call(invite)
    wire.run(20)
    #expect(wire.take(0) == ["refused 422 Session Interval Too Small"])
    let refusal = try SIPMessage(parsing: try #require(wire.sent.dropFirst().first))
    #expect(refusal.headers.minSe?.seconds == 90)
  }

  @Test("the callee refreshes where the caller wants that; without a refresh both give up in time")
  func calleeRefreshes() throws {
    var wire = try Self.call(100, .uas)
    wire.run(49_000)
    #expect(wire.take(1) == [])
    wire.run(1_000)
    #expect(wire.take(1) == ["refresh due"])
    let request = try Self.refresh(&wire, by: 1)
    // It is the caller of this one.
    #expect(request.headers.sessionExpires?.refresher == .uac)
    #expect(request.headers.sessionExpires?.seconds == 100)
    wire.run(50_000)
    #expect(wire.take(1) == ["refresh due"])
    wire.run(18_000)
    #expect(wire.take(1) == ["session expired"])
    #expect(wire.take(0) == ["session expired"])
  }

  @Test("the caller refreshes where nobody says otherwise, and a re-INVITE of the callee is a refresh as well")
  func callerRefreshes() throws {
    var wire = try Self.call(100, nil)
    #expect(try SIPMessage(parsing: wire.sent[1]).headers.require.map(\.value) == [.timer])
    wire.run(40_000)
    #expect(try Self.refresh(&wire, by: 1).headers.sessionExpires?.refresher == .uas)
    wire.run(49_000)
    #expect(wire.take(0) == [])
    wire.run(1_000)
    #expect(wire.take(0) == ["refresh due"])
    #expect(wire.take(1) == [])
  }

  @Test("without Session-Expires no session expires; a leg that is over has no timer")
  func without() throws {
    var wire = Self.wire()
    try wire.establish()
    wire.run(100_000_000)
    #expect(wire.take(0) == [])
    #expect(wire.take(1) == [])
    wire = try Self.call(100, nil)
    try wire.request(.bye, from: 0)
    wire.run(40_000)
    #expect(wire.isEmpty)
    #expect(wire.take(0) == ["200 to BYE", "ended"])
  }
}
