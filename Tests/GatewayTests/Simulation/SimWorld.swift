import CodecRuntime
import JingleSIPMapping
import SIPCodec
import XMLReader
import XMPPStack

@testable import Gateway
@testable import SIPStack

/// What a simulated message travels to: a phone or a proxy, known by its port.
protocol SimNode: AnyObject {
  func receive(_ message: SimMessage, from port: UInt16)
}

/// A gateway without sockets among phones, a proxy and XMPP clients, in virtual time. Everything follows from the seed.
///
/// Things happen one at a time: the earliest of what the actors have planned, what the network delivers, and what the
/// shard's deadline says. After each the ledgers look at what the gateway has done.
final class SimWorld {
  static let gatewayPort: UInt16 = 5600
  static let proxyPort: UInt16 = 5060
  static let t1: UInt64 = 500

  let plan: SimPlan
  var shard: Shard
  private(set) var now = Instant(nanoseconds: 1_000_000_000)
  var chance: SplitMix
  var agenda = SimAgenda()
  var network: SimNetwork
  var nodes: [UInt16: any SimNode] = [:]
  var devices: [String: SimDevice] = [:]
  let ladder: SimLadder
  let sip: SIPLedger
  let jingle: JingleLedger
  let relay: RelayLedger
  let sabotage: SimSabotage?
  private(set) var violations: [String] = []
  /// Cells of the call table that were entered.
  let visited: VisitedCells
  private var steps = 0
  private var serial = 0

  init(plan: SimPlan, sabotage: SimSabotage? = nil, records: Bool = false) {
    self.plan = plan
    self.sabotage = sabotage
    chance = SplitMix(plan.seed &* 0x2545_F491_4F6C_DD1D)
    network = SimNetwork(plan: plan)
    ladder = SimLadder(records: records)
    visited = VisitedCells()
    sip = SIPLedger(isReliable: plan.isReliable)
    jingle = JingleLedger()
    relay = RelayLedger()
    var configuration = Configuration()
    configuration.sip.proxyHost = "127.0.0.1"
    configuration.sip.transport = plan.isReliable ? .tcp : .udp
    var shards = ShardConfiguration(configuration, port: Self.gatewayPort)
    let visited = visited
    let mutation = sabotage?.mutation
    shards.callTable = CallTable { state, event in
      let transition = SignallingTable.transition(state, event)
      if transition.isPossible { visited.insert(state, event) }
      return mutation.map { $0.apply(to: transition, state, event) } ?? transition
    }
    shard = Shard(configuration: shards, identifiers: IdentifierGenerator(seed: plan.seed))
    shard.setProxy(configuration.sip.proxy, address(Self.proxyPort))
    shard.setAddress(IPAddress(ipv4: 0x7F00_0001), ofHost: "localhost")
  }

  func address(_ port: UInt16) -> TransportAddress {
    TransportAddress(
      transport: plan.isReliable ? .tcp : .udp, address: IPAddress(ipv4: 0x7F00_0001), port: port,
      connection: nil)
  }

  // MARK: Chance

  func percent(_ share: Int) -> Bool { Int.random(in: 0..<100, using: &chance) < share }

  func milliseconds(_ range: ClosedRange<UInt64>) -> Interval {
    .milliseconds(UInt64.random(in: range, using: &chance))
  }

  func pick<Element>(_ elements: [Element]) -> Element {
    elements[Int.random(in: 0..<elements.count, using: &chance)]
  }

  /// A text that nobody else has said.
  func unique() -> Int {
    serial += 1
    return serial
  }

  // MARK: Time

  func after(_ interval: Interval, _ body: @escaping () -> Void) { agenda.add(now + interval, body) }

  func fail(_ text: @autoclosure () -> String) {
    if violations.count < 5 { violations.append("\(seconds(now)) \(text())") }
    ladder.note(now) { "*** \(text())" }
  }

  /// Lets the next thing happen, if that is not behind `end`.
  private func step(until end: Instant) -> Bool {
    let due = shard.nextDeadline
    guard let next = [agenda.nextTime, due].compactMap({ $0 }).min(), next <= end else { return false }
    steps += 1
    if steps > 60_000 {
      fail("messages or timers go round and round")
      return false
    }
    now = max(now, next)
    if let due, due <= now {
      gateway { $0.advance(to: self.now) }
      if let later = shard.nextDeadline, later <= now { fail("a timer is due again at once") }
    } else {
      agenda.popFirst()?()
    }
    return violations.isEmpty
  }

  /// Plays until `end`, or until something is wrong.
  func play(until end: Instant) {
    while violations.isEmpty, step(until: end) {}
    if violations.isEmpty, now < end { now = end }
  }

  /// Plays until nothing is left to happen.
  func playToTheEnd() {
    while violations.isEmpty, step(until: Instant(nanoseconds: .max)) {}
  }

  // MARK: The gateway

  /// Lets something happen to the gateway, carries what it sends, and checks.
  func gateway(_ body: (inout Shard) -> Void) {
    sip.beginStep(at: now) { self.fail($0) }
    body(&shard)
    sabotage?.spoil(&shard)
    var effects = shard.takeEffects()
    while !effects.isEmpty {
      for effect in effects { perform(effect) }
      effects = shard.takeEffects()
    }
    sip.endStep(at: now) { self.fail($0) }
    jingle.endStep(at: now) { self.fail($0) }
    jingle.compare(shard) { self.fail($0) }
    sip.checkCancelled(jingle) { self.fail($0) }
    relay.endStep(jingle) { self.fail($0) }
    checkBooks()
  }

  private func perform(_ effect: ShardEffect) {
    switch effect {
    case .send(let bytes, let destination, let key):
      for _ in 0..<(sabotage?.copies(of: bytes) ?? 1) { sendFromGateway(bytes, destination, key) }
    case .sendStanza(let bytes, let jid, _):
      guard let device = devices[jid.description], device.isConnected else {
        jingle.undeliverable(bytes)
        gatewayTold { $0.deviceLeft(jid, at: self.now) }
        return
      }
      guard let stanza = try? XMLReader.parseDocument(bytes) else {
        fail("no XML: \(String(decoding: bytes, as: UTF8.self))")
        return
      }
      jingle.sent(stanza, to: device, at: now) { self.fail($0) }
      relay.sent(stanza, to: device)
      ladder.note(now) { "\(device.name) <- \(SimStanza.title(stanza))" }
      network.stream(to: device, from: now) { arrival in
        agenda.add(arrival) { [unowned device] in device.receive(stanza) }
      }
    case .resolve(let host): gatewayTold { $0.setAddress(IPAddress(ipv4: 0x7F00_0001), ofHost: host) }
    case .malformed(_, let issue): fail("a message of the simulation is malformed: \(issue)")
    case .proxyFailed, .log: break
    }
  }

  /// Something that the edge tells the shard while it carries out its effects.
  private func gatewayTold(_ body: (inout Shard) -> Void) { body(&shard) }

  private func sendFromGateway(_ bytes: [UInt8], _ destination: TransportAddress, _ key: TransactionKey?) {
    guard let message = SimMessage(bytes) else {
      fail("what the gateway sends is no message")
      return
    }
    sip.sent(message, bytes, at: now) { self.fail($0) }
    relay.sent(message, jingle)
    ladder.note(now) { "gateway -> \(destination.port) \(SimLadder.line(message))" }
    if let key, network.refuses(destination.port) {
      after(.milliseconds(1)) { self.gateway { $0.transportFailed(key, at: self.now) } }
      sip.failed(message)
      return
    }
    send(bytes, from: Self.gatewayPort, to: destination.port)
  }

  /// Gives a message to the network.
  func send(_ bytes: [UInt8], from source: UInt16, to destination: UInt16) {
    for arrival in network.arrivals(from: source, to: destination, at: now) {
      agenda.add(arrival) { self.deliver(bytes, from: source, to: destination) }
    }
  }

  private func deliver(_ bytes: [UInt8], from source: UInt16, to destination: UInt16) {
    guard let message = SimMessage(bytes) else { return fail("what is on the wire is no message") }
    guard destination == Self.gatewayPort else {
      nodes[destination]?.receive(message, from: source)
      return
    }
    ladder.note(now) { "gateway <- \(source) \(SimLadder.line(message))" }
    sip.received(message, at: now)
    relay.received(message)
    let address = address(source)
    gateway { shard in
      bytes.withUnsafeBufferPointer { shard.receive(datagram: $0, from: address, at: self.now) }
    }
  }

  /// A stanza of a device has arrived.
  func deliver(_ stanza: XMLElement, of device: SimDevice) {
    guard device.isConnected else { return }
    ladder.note(now) { "\(device.name) -> \(SimStanza.title(stanza))" }
    jingle.received(stanza, from: device)
    relay.received(stanza, from: device, jingle)
    gateway { shard in
      if let type = stanza.attribute("type")?.string, type == "result" || type == "error" {
        let id = stanza.attribute("id")?.string ?? ""
        shard.receive(answer: stanza, id: id, from: device.jid, at: self.now)
      } else {
        shard.receive(stanza, from: device.jid, at: self.now)
      }
    }
  }

  func deviceLeft(_ device: SimDevice) {
    ladder.note(now) { "\(device.name) has left" }
    relay.ends(.clientGone, jingle.open.filter { $0.key.device == device.name && $0.value.isTalkedTo })
    jingle.left(device)
    gateway { $0.deviceLeft(device.jid, at: self.now) }
  }

  func shutDown() {
    ladder.note(now) { "shutdown" }
    relay.ends(.shutdown, jingle.open)
    gateway { $0.shutDown(at: self.now) }
    if let key = jingle.open.keys.first { fail("\(key) is open behind the shutdown") }
  }

  // MARK: Books

  /// No session, leg or timer stands in one book of the shard and not in the others.
  private func checkBooks() {
    let numbers = Set(shard.sessions.keys)
    if !shard.byLeg.values.allSatisfy(numbers.contains) { fail("a leg of a session that is forgotten") }
    if !shard.awaited.values.allSatisfy({ numbers.contains($0.session) }) { fail("a set of a call that is forgotten") }
    if shard.byKey.values.reduce(0, { $0 + $1.count }) != numbers.count { fail("keys without sessions") }
    if shard.byUser.values.reduce(0, { $0 + $1.count }) != numbers.count { fail("users without sessions") }
    if shard.timers.count > numbers.count { fail("a timer of a call that is forgotten") }
    for (number, session) in shard.sessions {
      if session.call.state == .ended { fail("call \(number) is over") }
      if session.call.state == .alerting, session.call.devices.isEmpty { fail("call \(number) rings nowhere") }
    }
    for (leg, record) in shard.agent.legs where shard.byLeg[leg] == nil {
      switch record.phase {
      case .ending, .failed: continue
      case .pending, .established: fail("the leg \(leg) is \(record.phase), and no call knows it")
      }
    }
  }

  /// Nothing is left to happen, and nothing is left.
  func checkEnd() {
    guard violations.isEmpty else { return }
    for (_, session) in shard.sessions { fail("the call \(session.sid) is \(session.call.state) for ever") }
    if !shard.agent.transactions.isEmpty { fail("\(shard.agent.transactions.count) transactions are left") }
    if !shard.agent.legs.isEmpty { fail("\(shard.agent.legs.count) legs are left: \(shard.agent.legs.keys)") }
    if !shard.isIdle { fail("something of the user agent is left") }
    if !shard.timers.isEmpty { fail("a timer is left") }
    if !shard.awaited.isEmpty { fail("answers of devices are still awaited") }
    sip.checkEnd { self.fail($0) }
    jingle.checkEnd { self.fail($0) }
  }

  func seconds(_ time: Instant) -> String { SimLadder.seconds(time) }
}

/// Which cells of the call table were entered.
final class VisitedCells: @unchecked Sendable {
  private(set) var cells: Set<SimCell> = []
  func insert(_ state: CallState, _ event: CallEvent) { cells.insert(SimCell(state: state, event: event)) }
}

struct SimCell: Hashable, CustomStringConvertible {
  var state: CallState
  var event: CallEvent
  var description: String { "\(event.rawValue) in \(state.rawValue)" }
}
