import SIPStack
import XMPPStack

@testable import Gateway

/// One run from a seed: who is there, what they do, and what is looked at.
struct SimPlay {
  let world: SimWorld
  private let phone: SimPhone

  /// How a run ended, and the ladder where it was recorded.
  struct Outcome {
    var violations: [String]
    var ladder: [String]
    var cells: Set<SimCell>
    var messages: Int
  }

  init(seed: UInt64, sabotage: SimSabotage? = nil, records: Bool = false) {
    let plan = SimPlan(seed: seed)
    let world = SimWorld(plan: plan, sabotage: sabotage, records: records)
    self.world = world
    let proxy = SimWorld.proxyPort
    switch plan.topology {
    case .phone: phone = SimPhone(world: world, port: proxy, outbound: proxy)
    case .backToBack: phone = SimBackToBack(world: world, port: proxy, outbound: proxy)
    case .proxied, .looping:
      phone = SimPhone(world: world, port: 7001, outbound: proxy)
      world.nodes[proxy] = SimProxy(
        world: world, port: proxy, phone: 7001, sendsBack: plan.topology == .looping)
    }
    world.nodes[phone.port] = phone
    phone.forks = plan.topology != .backToBack && world.percent(25)
    for (user, count) in [("alice", world.percent(30) ? 2 : 1), ("bob", plan.deviceCount)] {
      for number in 0..<count { addDevice(user, number) }
    }
  }

  private func addDevice(_ user: String, _ number: Int) {
    guard let jid = JID(local: user, domain: "localhost", resource: "r\(number)") else { return }
    let manners: SimDevice.Manners =
      world.percent(78) ? .polite : world.pick([.slow, .slow, .silent, .objecting, .unable, .reticent])
    let device = SimDevice(world: world, jid: jid, manners: manners)
    world.devices[device.name] = device
    world.shard.deviceAvailable(jid)
  }

  private var devices: [SimDevice] { world.devices.values.sorted { $0.name < $1.name } }

  // MARK: The run

  static func run(_ seed: UInt64, sabotage: SimSabotage? = nil, records: Bool = false) -> Outcome {
    let play = SimPlay(seed: seed, sabotage: sabotage, records: records)
    play.run()
    return Outcome(
      violations: play.world.violations, ladder: play.world.ladder.lines, cells: play.world.visited.cells,
      messages: play.world.sip.count)
  }

  private func run() {
    let start = world.now
    schedule()
    world.play(until: start + .seconds(30))
    if world.plan.isCompared {
      world.network.isPerfect = true
      world.play(until: start + .seconds(world.plan.quiet))
      checkQuiet()
      hangUp()
      // For these the network is as bad as it was.
      world.network.isPerfect = false
      world.play(until: start + .seconds(world.plan.quiet + 40))
    }
    // What then still stands the clients end: by terminating, or by going.
    world.network.isPerfect = true
    for device in devices { for session in device.open { device.terminate(session.sid, "success") } }
    world.play(until: start + .seconds(world.plan.quiet + 120))
    for device in devices { device.leave() }
    world.playToTheEnd()
    world.checkEnd()
  }

  private func schedule() {
    let plan = world.plan
    for _ in 0..<plan.calls {
      let isFirst = world.percent(50)
      world.after(world.milliseconds(0...3_000)) { isFirst ? self.clientCalls() : self.phoneCalls() }
    }
    for _ in 0..<plan.pranks {
      world.after(world.milliseconds(0...20_000)) {
        if self.world.percent(50) {
          SimManner(self.world).prank(self.phone)
        } else {
          self.world.pick(self.devices).prank()
        }
      }
    }
    if let death = plan.death {
      world.after(.milliseconds(death)) {
        let port = self.world.percent(50) ? SimWorld.proxyPort : self.phone.port
        self.world.network.dead.insert(port)
        self.world.network.tellsSender = plan.deathIsTold
        self.world.ladder.note(self.world.now) { "\(port) is dead" }
      }
    }
    if let shutdown = plan.shutdown { world.after(.milliseconds(shutdown)) { self.world.shutDown() } }
  }

  private func clientCalls() {
    let callers = devices.filter { $0.isConnected && $0.jid.local == "alice" }
    guard !callers.isEmpty else { return }
    let isLocal = world.plan.topology == .looping || world.plan.topology == .backToBack
    world.pick(callers).call(isLocal ? "bob@localhost" : "phone@localhost")
  }

  private func phoneCalls() { phone.place(to: world.percent(4) ? "carol" : "bob") }

  // MARK: When all is quiet

  /// Both sides of each call are in the same state, and nothing is under way.
  private func checkQuiet() {
    guard world.violations.isEmpty else { return }
    var standing: Set<JingleLedger.Key> = []
    var legs: Set<SIPLeg> = []
    let isAlive = world.network.dead.isEmpty
    let isEarly = world.plan.quiet < 180
    for session in world.shard.sessions.values {
      switch session.call.state {
      case .proceeding where isEarly, .ringing where isEarly, .alerting where isEarly: continue
      case .established:
        let call = session.call
        if !call.changes.isEmpty || !call.candidates.isEmpty { world.fail("something of \(session.sid) still waits") }
      // A re-INVITE that makes its way is waited for as long as a proxy would.
      case .updating where world.sip.waitsForFinal(callID: session.sid): continue
      default:
        world.fail("the call \(session.sid) is \(session.call.state) though nothing happens")
        continue
      }
      guard let leg = session.leg, let device = session.call.devices.first else {
        world.fail("the call \(session.sid) is established without a leg or a client")
        continue
      }
      legs.insert(leg)
      standing.insert(.init(device: device.address, sid: session.sid))
      let client = world.devices[device.address]
      if client?.active.contains(where: { $0.sid == session.sid }) != true {
        world.fail("the call \(session.sid) is established, not for \(device.address)")
      }
      guard isAlive, !isOursAtBothEnds(leg) else { continue }
      let other = phone.calls.first {
        $0.callID == leg.callIdentifier && $0.remoteTag == leg.localTag && $0.state == .established
      }
      let isExcused = phone.calls.contains { $0.callID == leg.callIdentifier && $0.byeIsLost }
      if other == nil, !isExcused { world.fail("the call \(session.sid) is established, not for the phone") }
    }
    for call in phone.talking where isAlive {
      let leg = SIPLeg(callIdentifier: call.callID, localTag: call.remoteTag ?? "")
      if !legs.contains(leg), !world.sip.byeIsLost(callID: call.callID), !world.sip.waitsForFinal(callID: call.callID) {
        world.fail("the call \(call.callID) is established for the phone, not for the gateway")
      }
    }
    world.relay.checkQuiet(standing: standing) { world.fail($0) }
  }

  /// A call that the proxy has sent back has its other end here.
  private func isOursAtBothEnds(_ leg: SIPLeg) -> Bool {
    world.plan.topology == .looping
      && world.shard.sessions.values.filter { $0.leg?.callIdentifier == leg.callIdentifier }.count != 1
      || world.plan.topology == .looping && !phone.calls.contains { $0.callID == leg.callIdentifier }
  }

  private func hangUp() {
    for device in devices {
      for session in device.open where world.percent(40) {
        world.percent(20) ? device.leave() : device.terminate(session.sid, "success")
      }
    }
    for call in phone.calls where world.percent(60) {
      world.after(world.milliseconds(0...500)) { self.phone.hangUp(call) }
    }
  }
}
