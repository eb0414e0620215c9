import SIPStack
import Testing

/// A user agent for the simulation: a transaction layer and what its user keeps per call. Its messages are lines of text,
/// `METHOD branch` and `STATUS branch METHOD`, where a codec would have SIP.
private struct Agent {
  struct Call {
    var finalStatus: Int?
    var timedOut = false
    var acknowledged = AcknowledgedInvite()
  }

  var layer = TransactionLayer<String>()
  /// Our calls, by branch.
  var calls: [String: Call] = [:]
  /// The calls that we accepted, by branch, until their ACK has come.
  var accepted: [String: AcceptedInvite] = [:]
  var acknowledgedCalls: Set<String> = []
  var abandonedCalls: Set<String> = []
  var requestsPassed: [String: Int] = [:]

  var nextDeadline: Instant? {
    ([layer.nextDeadline] + accepted.values.map(\.nextDeadline)).compactMap { $0 }.min()
  }
}

/// Two agents and a network between them that loses, doubles, delays and re-orders, all from one seed.
private struct Simulation {
  var generator: SeededGenerator
  var agents = [Agent(), Agent()]
  /// In flight: when it arrives, at whom, and what.
  var flights: [(arrival: Instant, at: Int, text: String)] = []
  var now = Instant(nanoseconds: 0)
  let lossPercent: Int

  static let other = RequestMethod.other("OTHER")

  init(seed: UInt64, lossPercent: Int) {
    generator = SeededGenerator(seed: seed)
    self.lossPercent = lossPercent
  }

  func method(_ name: Substring) -> RequestMethod {
    switch name {
    case "invite": .invite
    case "acknowledgement": .acknowledgement
    case "cancel": .cancel
    default: Self.other
    }
  }

  func name(_ method: RequestMethod) -> String {
    if case .other(let name) = method { name } else { "\(method)" }
  }

  mutating func send(_ text: String, from agent: Int) {
    if Int.random(in: 0..<100, using: &generator) < lossPercent { return }
    for _ in 0..<(Int.random(in: 0..<10, using: &generator) == 0 ? 2 : 1) {
      let delay = Interval.milliseconds(UInt64.random(in: 1...300, using: &generator))
      flights.append((now + delay, 1 - agent, text))
    }
  }

  mutating func start(_ branch: String, _ method: RequestMethod, from agent: Int) {
    agents[agent].calls[branch + name(method)] = Agent.Call()
    var effects: [TransactionEffect<String>] = []
    agents[agent].layer.start(
      OutgoingRequest(
        key: clientKey(branch, method), bytes: Array("\(name(method)) \(branch)".utf8), destination: peer),
      at: now, into: &effects)
    perform(effects, agent)
  }

  mutating func cancel(_ branch: String, from agent: Int) {
    var effects: [TransactionEffect<String>] = []
    agents[agent].layer.cancel(clientKey(branch), bytes: Array("cancel \(branch)".utf8), at: now, into: &effects)
    perform(effects, agent)
  }

  mutating func respond(_ branch: String, _ method: RequestMethod, _ status: Int, from agent: Int) {
    var effects: [TransactionEffect<String>] = []
    let sent = agents[agent].layer.respond(
      to: serverKey(branch, method), status: status, bytes: Array("\(status) \(branch) \(name(method))".utf8), at: now,
      into: &effects)
    if sent, method == .invite, 200..<300 ~= status, agents[agent].accepted[branch] == nil,
      !agents[agent].acknowledgedCalls.contains(branch)
    {
      agents[agent].accepted[branch] = AcceptedInvite(at: now)
    }
    perform(effects, agent)
  }

  mutating func deliver(_ text: String, to agent: Int) {
    let words = text.split(separator: " ")
    let branch = String(words[1])
    var effects: [TransactionEffect<String>] = []
    if let status = Int(words[0]) {
      agents[agent].layer.receive(response(branch, status, method(words[2])), at: now, into: &effects)
    } else {
      let method = method(words[0])
      agents[agent].layer.receive(
        IncomingRequest(key: serverKey(branch, method), method: method, replyTo: peer, message: branch), at: now,
        into: &effects)
    }
    perform(effects, agent)
  }

  mutating func perform(_ effects: [TransactionEffect<String>], _ agent: Int) {
    for effect in effects {
      switch effect {
      case .send(let bytes, _, _):
        send(String(decoding: bytes, as: UTF8.self), from: agent)
      case .acknowledge(let response, _, _):
        send("acknowledgement " + response.message.split(separator: " ")[1], from: agent)
      case .generateTrying(let request):
        respond(request.message, request.method, 100, from: agent)
      case .passRequest(let request):
        agents[agent].requestsPassed[request.message, default: 0] += 1
        if request.method == .invite {
          if Bool.random(using: &generator) { respond(request.message, .invite, 180, from: agent) }
          let status = [200, 200, 486, 0].randomElement(using: &generator) ?? 200
          if status > 0 { respond(request.message, .invite, status, from: agent) }
        } else {
          respond(request.message, request.method, 200, from: agent)
        }
      case .passCancel(let request, let invite):
        respond(request.message, .cancel, invite == nil ? 481 : 200, from: agent)
        if invite != nil { respond(request.message, .invite, 487, from: agent) }
      case .passAcknowledgement(let request):
        if agents[agent].accepted.removeValue(forKey: request.message) != nil {
          agents[agent].acknowledgedCalls.insert(request.message)
        }
      case .passResponse(let response), .passStrayResponse(let response):
        pass(response, agent)
      case .timedOut(let key) where key.role == .client:
        for call in agents[agent].calls.keys where clientKey(String(call.prefix(33)), key.method) == key {
          if call.hasSuffix(name(key.method)) { agents[agent].calls[call]?.timedOut = true }
        }
      case .timedOut, .transportFailed, .refuse, .terminated:
        break
      }
    }
  }

  mutating func pass(_ response: IncomingResponse<String>, _ agent: Int) {
    let branch = String(response.message.split(separator: " ")[1])
    let call = branch + name(response.key.method)
    if response.status < 200 { return }
    if response.key.method == .invite, response.status < 300 {
      // The branch of this ACK would be another one; the far side finds the call by its dialog.
      switch agents[agent].calls[call]?.acknowledged.receive(remoteTag: "t", at: now) {
      case .first:
        agents[agent].calls[call]?.acknowledged.store(acknowledgement: [1], to: peer, forRemoteTag: "t")
        send("acknowledgement " + branch, from: agent)
      case .repeated:
        send("acknowledgement " + branch, from: agent)
      case .fork, .ignored, nil:
        Issue.record("an ACK got lost on our own side")
      }
      if agents[agent].calls[call]?.finalStatus == 200 { return }
    }
    #expect(agents[agent].calls[call]?.finalStatus == nil, "one final response a transaction")
    agents[agent].calls[call]?.finalStatus = response.status
  }

  mutating func advance(_ agent: Int) {
    var effects: [TransactionEffect<String>] = []
    agents[agent].layer.advance(to: now, into: &effects)
    perform(effects, agent)
    for branch in agents[agent].accepted.keys.sorted() {
      switch agents[agent].accepted[branch]?.advance(to: now) {
      case .sendResponse: respond(branch, .invite, 200, from: agent)
      case .timedOut:
        agents[agent].accepted[branch] = nil
        agents[agent].abandonedCalls.insert(branch)
      case AcceptedInvite.Action.none?, nil: break
      }
    }
  }

  /// Lets the next thing happen; `false` when nothing is left to happen.
  mutating func step() -> Bool {
    let arrival = flights.map(\.arrival).min()
    let deadline = agents.compactMap(\.nextDeadline).min()
    guard let next = [arrival, deadline].compactMap({ $0 }).min() else { return false }
    now = max(now, next)
    if let arrival, arrival <= next, let index = flights.firstIndex(where: { $0.arrival == arrival }) {
      let flight = flights.remove(at: index)
      deliver(flight.text, to: flight.at)
    } else {
      for agent in 0...1 { advance(agent) }
    }
    return true
  }
}

@Suite struct SimulationTests {
  @Test(
    "every transaction ends as it must, whatever the network does",
    arguments: [0, 10, 30, 60], Array(1...8) as [UInt64])
  func lossyNetwork(lossPercent: Int, seed: UInt64) {
    var simulation = Simulation(seed: seed, lossPercent: lossPercent)
    var identifiers = IdentifierGenerator(seed: seed)
    var waiting: [String] = []
    for number in 0..<40 {
      let branch = identifiers.branch()
      let method: RequestMethod = number % 3 == 0 ? Simulation.other : .invite
      simulation.start(branch, method, from: number % 2)
      if method == .invite { waiting.append(branch) }
      for _ in 0..<5 { _ = simulation.step() }
    }
    // The INVITEs that ring without end are cancelled; for the others the CANCEL crosses or comes too late.
    for (number, branch) in waiting.enumerated() {
      for _ in 0..<3 { _ = simulation.step() }
      let agent = simulation.agents[0].calls[branch + "invite"] == nil ? 1 : 0
      simulation.cancel(branch, from: agent)
      if number % 4 == 0 { simulation.cancel(branch, from: agent) }
    }
    var steps = 0
    while simulation.step(), steps < 200_000 { steps += 1 }
    // An INVITE that rings here after its caller gave up for lack of any response has no end of its own.
    for agent in 0...1 {
      for branch in waiting { simulation.respond(branch, .invite, 480, from: agent) }
    }
    while simulation.step(), steps < 400_000 { steps += 1 }
    #expect(steps < 400_000)
    for agent in simulation.agents {
      #expect(agent.layer.isEmpty)
      #expect(agent.accepted.isEmpty)
      #expect(agent.requestsPassed.values.allSatisfy { $0 == 1 }, "a repeated request is passed once")
      for (call, state) in agent.calls {
        #expect(state.finalStatus != nil || state.timedOut, "\(call) neither answered nor timed out")
      }
      if lossPercent == 0 {
        #expect(agent.abandonedCalls.isEmpty)
        #expect(agent.calls.values.allSatisfy { $0.finalStatus != nil })
      }
    }
  }
}
