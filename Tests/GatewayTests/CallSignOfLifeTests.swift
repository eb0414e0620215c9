import SIPStack
import Testing
import XMPPStack

@testable import Gateway
@testable import JingleSIPMapping

/// A server tells only those who may see a client's presence that it is gone.
@Suite("Clients that vanish in a call")
struct CallSignOfLifeTests {
  private static let absent = ReasonCause.q850(20, "Subscriber absent")
  private static let alice = Stage.phoneOfAlice

  /// Alice has called, and is asked every 30 s.
  private func talking() -> Stage {
    var timers = CallTimers()
    timers.signOfLife = .seconds(30)
    var stage = Stage(.client, timers: timers)
    _ = stage.jingle("session-initiate")
    _ = stage.response(200)
    _ = stage.input(.answer(1, .result))
    #expect(stage.call.state == .established)
    return stage
  }

  @Test("asked every 30 s, as long as both talk; what it objects to is a sign, too")
  func alive() {
    var stage = talking()
    for (number, answer) in [DeviceAnswer.result, .unable, .error].enumerated() {
      let stanza = CallStanza(UInt32(number) + 2)
      #expect(stage.wait(.seconds(30)) == [.sendSignOfLife(stanza, to: Self.alice)])
      #expect(stage.input(.answer(stanza, answer)) == [])
    }
    _ = stage.request("BYE")
    #expect(stage.call.nextDeadline == nil)
  }

  @Test("no answer within 60 s, nor to a ping: it is gone")
  func silent() {
    var stage = talking()
    #expect(stage.wait(.seconds(59)) == [.sendSignOfLife(2, to: Self.alice)])
    #expect(stage.wait(.seconds(1)) == [.sendPing(3, to: Self.alice)])
    #expect(stage.wait(.seconds(29)) == [])
    #expect(stage.wait(.seconds(1)) == [.sendBye(Self.absent)])
  }

  @Test(
    "the device is there, but passes over what it does not know, as Monal does: the call goes on",
    arguments: [DeviceAnswer.result, .unable, .error])
  func ignorant(answer: DeviceAnswer) {
    var stage = talking()
    #expect(stage.wait(.seconds(60)).last == .sendPing(3, to: Self.alice))
    #expect(stage.input(.answer(3, answer)) == [])
    #expect(stage.wait(.seconds(30)) == [.sendSignOfLife(4, to: Self.alice)])
    #expect(stage.call.state == .established)
  }

  @Test("it knows nothing of the session")
  func forgetful() {
    var stage = talking()
    _ = stage.wait(.seconds(30))
    #expect(stage.input(.answer(2, .gone)) == [.sendBye(Self.absent)])
  }

  @Test(
    "service-unavailable is what its server says as well: asked by ping, which says it again where it is gone",
    arguments: [(DeviceAnswer.unavailable, CallState.ending), (.gone, .ending), (.result, .established)])
  func unavailable(answer: DeviceAnswer, state: CallState) {
    var stage = talking()
    _ = stage.wait(.seconds(30))
    #expect(stage.input(.answer(2, .unavailable)) == [.sendPing(3, to: Self.alice)])
    _ = stage.input(.answer(3, answer))
    #expect(stage.call.state == state)
  }

  @Test("a session-info ringing that has no answer: asked by ping; gone after 10 s altogether")
  func caller() {
    for isThere in [false, true] {
      var stage = Stage(.client)
      _ = stage.jingle("session-initiate")
      _ = stage.response(180)
      #expect(stage.wait(.seconds(5)) == [.sendPing(2, to: Self.alice)])
      if isThere { _ = stage.input(.answer(2, .result)) }
      #expect(stage.wait(.seconds(5)) == (isThere ? [] : [.sendCancel(Self.absent)]))
    }
  }

  @Test("a session-accept without an answer is not excused by a ping")
  func deaf() {
    var stage = Stage(.client)
    _ = stage.jingle("session-initiate")
    _ = stage.response(200)
    #expect(stage.wait(.seconds(10)) == [.sendBye(Self.absent)])
  }

  @Test("where streams are seen nobody is asked")
  func seen() {
    var stage = Stage.placed(.established)
    _ = stage.input(.answer(1, .result))
    #expect(stage.call.nextDeadline == nil)
  }

  @Test("a server that is away says nothing about its clients")
  func serverAway() throws {
    var bench = try Self.benchWithCall()
    bench.wait(.seconds(31))
    #expect(bench.sent.last == "\(Self.device) session-info")
    bench.shard.serverLeft(at: bench.now)
    bench.wait(.seconds(300))
    #expect(bench.shard.callCount == 1)
    bench.shard.serverCame(at: bench.now)
    bench.wait(.seconds(91))
    #expect(bench.sent.last == "\(Self.device) get")
    #expect(bench.wire.suffix(2) == ["→ BYE", "← 200 BYE"])
    #expect(bench.shard.callCount == 0)
  }

  @Test("a server that has come back knows none of its users yet: they have two minutes to sign in")
  func serverComesBack() throws {
    var bench = try Self.benchWithCall()
    bench.shard.serverLeft(at: bench.now)
    bench.shard.serverCame(at: bench.now)
    for _ in 0..<3 {
      bench.wait(.seconds(30))
      #expect(bench.sent.last == "\(Self.device) session-info")
      try Self.refuse(&bench)
      #expect(bench.shard.callCount == 1)
    }
    bench.wait(.seconds(30))
    try Self.refuse(&bench)
    #expect(bench.sent.last == "\(Self.device) get")
    try Self.refuse(&bench)
    #expect(bench.wire.suffix(2) == ["→ BYE", "← 200 BYE"])
  }

  @Test("that goes for calls that are older than the connection: of later ones the server knows")
  func callAfterServerCame() throws {
    var bench = try Self.benchWithCall(isServerNew: true)
    bench.wait(.seconds(30))
    try Self.refuse(&bench)
    #expect(bench.sent.last == "\(Self.device) get")
    try Self.refuse(&bench)
    #expect(bench.wire.suffix(2) == ["→ BYE", "← 200 BYE"])
  }

  private static let device = "alice@localhost/phone"

  /// A device talks with a phone, and will not answer what it is asked.
  private static func benchWithCall(isServerNew: Bool = false) throws -> ShardBench {
    let component = ComponentXMPPConfiguration(
      domain: "sip.localhost", userDomain: "localhost", secret: "secret")
    var bench = ShardBench(xmpp: .component(component))
    if isServerNew { bench.shard.serverCame(at: bench.now) }
    try bench.send("session-initiate", from: device, to: "+49@sip.localhost", sid: "s1", ShardBench.content)
    let leg = try #require(bench.incomingLeg)
    try bench.phoneDoes { try $0.respond(to: leg, status: 200, body: ShardBench.body, at: $2, into: &$1) }
    bench.devicesAnswer = false
    return bench
  }

  /// The server says of the last stanza that nobody is there.
  private static func refuse(_ bench: inout ShardBench) throws {
    let id = try #require(bench.stanzas.last?.stanza.attribute("id")?.string)
    let condition = "<service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>"
    bench.answer(id, try #require(JID(device)), "error", "<error type='cancel'>\(condition)</error>")
    bench.settle()
  }
}
