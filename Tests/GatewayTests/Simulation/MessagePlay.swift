import CodecRuntime
import JingleCodec
import JingleSIPMapping
import SIPStack
import XMPPStack

@testable import Gateway

/// Users of a server and a phone, who call each other by message, from a seed: what they do is chance, what they are told
/// is looked at after each step.
struct MessagePlay {
  struct Outcome {
    var violations: [String] = []
    var ladder: [String] = []
    var visited: Set<CallState> = []
  }

  /// One session as its clients see it.
  private struct Session {
    var isOutgoing: Bool
    /// The device that calls.
    var caller = ""
    var contact: String
    /// What came by message, in order.
    var heard: [String] = []
    /// Devices that have a part: they have sent or got the session-initiate, or rung without a message.
    var open: Set<String> = []
    var isAccepted = false
    /// A device has said `proceed`, and has no answer yet.
    var proceeding: String?
    var isProposed = false
  }

  private static let component = "sip.phones.example"
  private static let contact = "+4912345@\(component)"
  private static let devices = ["alice@phones.example/a", "alice@phones.example/b", "alice@phones.example/old"]

  private var bench: ShardBench
  private var chance: SplitMix
  private var sessions: [String: Session] = [:]
  private var outcome = Outcome()
  private var seen = (stanzas: 0, phone: 0)
  private var incoming: [SIPLeg] = []
  private var outgoing: [SIPLeg] = []
  private var changes: [SIPServerRequest] = []
  private var serial = 0

  /// - Parameter isLossy: whether the wire to the phone loses, doubles and delays messages.
  static func run(
    _ seed: UInt64, proceed: Route.Proceed, isLossy: Bool = false, table: CallTable = .signalling
  ) throws -> Outcome {
    var play = try MessagePlay(seed, proceed: proceed, table: table)
    if isLossy {
      play.bench.network = ShardBench.Network(chance: SplitMix(seed), loss: 15, doubling: 20, delay: 400)
    }
    try play.run()
    return play.outcome
  }

  private init(_ seed: UInt64, proceed: Route.Proceed, table: CallTable) throws {
    chance = SplitMix(seed &* 0x2545_F491_4F6C_DD1D)
    let component = ComponentXMPPConfiguration(
      domain: Self.component, userDomain: "phones.example", secret: "secret")
    bench = ShardBench(proceed: proceed, xmpp: .component(component), table: table)
    bench.shard.serverCame(at: bench.now)
    // Of half of the users nothing is known: they are asked by message all the same.
    guard Bool.random(using: &chance) else { return }
    for name in Self.devices {
      guard let device = JID(name) else { continue }
      bench.shard.deviceAvailable(device)
      let isOld = name.hasSuffix("/old")
      let features: Set<String> = isOld ? ["urn:xmpp:jingle:1"] : ["urn:xmpp:jingle:1", "urn:xmpp:jingle-message:0"]
      bench.shard.setFeatures(features, of: device)
    }
  }

  private mutating func run() throws {
    for _ in 0..<Int.random(in: 10...50, using: &chance) where outcome.violations.isEmpty {
      try act()
      look()
    }
    // All have enough of it.
    bench.wait(.seconds(400))
    look()
    for session in bench.shard.sessions.values where session.call.state != .established {
      fail("\(session.sid) is \(session.call.state) for ever")
    }
    for leg in incoming + outgoing { try? bench.phoneDoes { try $0.request(.bye, in: leg, at: $2, into: &$1) } }
    look()
    bench.wait(.seconds(400))
    look()
    guard outcome.violations.isEmpty else { return }
    if bench.shard.callCount != 0 { fail("calls are left: \(bench.shard.sessions.values.map(\.call.state))") }
    if !bench.shard.isIdle || !bench.shard.awaited.isEmpty || !bench.shard.proposals.isEmpty {
      fail("something is left")
    }
    for (sid, session) in sessions where !session.open.isEmpty { fail("\(sid) has never ended for \(session.open)") }
  }

  private mutating func fail(_ text: String) {
    outcome.violations.append(text)
    note("*** \(text)")
  }

  private mutating func note(_ text: String) {
    outcome.ladder.append("\(bench.now.nanoseconds / 1_000_000) \(text)")
  }

  private mutating func pick<Element>(_ elements: [Element]) -> Element? { elements.randomElement(using: &chance) }

  // MARK: What they do

  private mutating func act() throws {
    let sid = pick(sessions.keys.sorted()) ?? ""
    switch Int.random(in: 0..<20, using: &chance) {
    case 0, 1: try propose()
    case 2: try callByPhone()
    case 3...5: try phoneAnswers()
    case 6: if let leg = pick(incoming + outgoing) { try? hangUp(leg) }
    case 7: if let leg = pick(outgoing) { try bench.phoneDoes { $0.cancel(leg, at: $2, into: &$1) } }
    case 8...11 where sessions[sid]?.isOutgoing == true: try callerActs(sid)
    case 8...15 where sessions[sid]?.isOutgoing == false: try calleeActs(sid)
    case 16, 17: try phoneTakesOffer()
    default:
      let seconds: [UInt64] = [0, 0, 1, 5, 31]
      bench.wait(.milliseconds(1 + 1000 * (pick(seconds) ?? 0)))
    }
  }

  private mutating func propose() throws {
    serial += 1
    let device = pick(Array(Self.devices.prefix(2))) ?? Self.devices[0]
    sessions["out\(serial)"] = Session(isOutgoing: true, caller: device, contact: Self.contact, isProposed: true)
    note("\(device) proposes out\(serial)")
    try bench.say("propose", from: device, to: Self.contact, sid: "out\(serial)")
  }

  private mutating func callByPhone() throws {
    serial += 1
    note("the phone calls in\(serial)")
    outgoing.append(try bench.phoneCalls("alice", sid: "in\(serial)"))
  }

  private mutating func hangUp(_ leg: SIPLeg) throws {
    note("the phone hangs up \(leg.callIdentifier)")
    try bench.phoneDoes { try $0.request(.bye, in: leg, at: $2, into: &$1) }
  }

  private mutating func phoneAnswers() throws {
    guard let leg = pick(incoming), let status = pick([180, 180, 200, 200, 200, 486, 404]) else { return }
    note("the phone answers \(leg.callIdentifier) \(status)")
    try? bench.phoneDoes {
      try $0.respond(to: leg, status: status, body: status == 200 ? ShardBench.body : nil, at: $2, into: &$1)
    }
  }

  private mutating func phoneTakesOffer() throws {
    guard !changes.isEmpty, let status = pick([200, 200, 200, 488, 491]) else { return }
    let request = changes.removeFirst()
    note("the phone answers a re-INVITE \(status)")
    try? bench.phoneDoes {
      try $0.respond(to: request, status: status, body: status == 200 ? ShardBench.body : nil, at: $2, into: &$1)
    }
  }

  private mutating func callerActs(_ sid: String) throws {
    guard let session = sessions[sid] else { return }
    let mayCall = session.heard.contains("proceed") && !session.heard.contains("reject") && session.open.isEmpty
    if mayCall, session.isProposed, Int.random(in: 0..<4, using: &chance) > 0 {
      sessions[sid]?.isProposed = false
      try send("session-initiate", session.caller, sid, ShardBench.content)
    } else if !session.open.isEmpty, Int.random(in: 0..<4, using: &chance) == 0 {
      try send("session-terminate", session.caller, sid, "<reason><success/></reason>")
    } else if session.isProposed, Int.random(in: 0..<4, using: &chance) == 0 {
      sessions[sid]?.isProposed = false
      note("\(session.caller) retracts \(sid)")
      try bench.say("retract", from: session.caller, to: session.contact, sid: sid)
    }
  }

  private mutating func calleeActs(_ sid: String) throws {
    guard let session = sessions[sid] else { return }
    if let device = pick(session.open.sorted()), Bool.random(using: &chance) {
      let action = Int.random(in: 0..<3, using: &chance) > 0 && !session.isAccepted
      try send(
        action ? "session-accept" : "session-terminate", device, sid,
        action ? ShardBench.content : "<reason><\(session.isAccepted ? "success" : "decline")/></reason>")
      return
    }
    // Some take a call that is not to be had any more.
    guard session.heard.contains("propose"), let device = pick(Array(Self.devices.prefix(2))),
      !session.open.contains(device),
      let name = pick(["ringing", "proceed", "proceed", "reject"])
    else { return }
    if name == "proceed" { sessions[sid]?.proceeding = device }
    note("\(device) says \(name) \(sid)")
    try bench.say(name, from: device, to: session.contact, sid: sid)
  }

  private mutating func send(_ action: String, _ device: String, _ sid: String, _ contents: String) throws {
    guard let session = sessions[sid] else { return }
    note("\(device) sends \(action) \(sid)")
    try bench.send(action, from: device, to: session.contact, sid: sid, contents)
    let isTaken = bench.stanzas.last {
      $0.to.description == device && $0.stanza.attribute("id")?.string == bench.lastID
    }
    .map { $0.stanza.attribute("type")?.string == "result" }
    let answers = bench.stanzas.filter { $0.stanza.attribute("id")?.string == bench.lastID }
    if answers.count != 1 { fail("\(action) \(sid) of \(device) is answered \(answers.count) times") }
    guard isTaken == true else { return }
    switch action {
    case "session-initiate": sessions[sid]?.open = [device]
    case "session-accept":
      sessions[sid]?.isAccepted = true
      sessions[sid]?.isProposed = false
    // One that declines does so for all; the others are told.
    default: sessions[sid]?.open.remove(device)
    }
  }

  // MARK: What they are told

  private mutating func look() {
    while seen.stanzas < bench.stanzas.count {
      let (device, stanza) = bench.stanzas[seen.stanzas]
      seen.stanzas += 1
      take(stanza, device.description)
    }
    while seen.phone < bench.phoneEffects.count {
      let effect = bench.phoneEffects[seen.phone]
      seen.phone += 1
      switch effect {
      case .incomingInvite(let leg, _): incoming.append(leg)
      case .incomingRequest(let request, _, let message) where message.requestLine?.method == .invite:
        changes.append(request)
      case .provisional(let leg, 180, _): note("the phone hears \(leg.callIdentifier) ring")
      default: break
      }
    }
    compare()
  }

  private mutating func take(_ stanza: XMLElement, _ device: String) {
    guard let child = stanza.children.first else { return }
    if stanza.name == "message" {
      let sid = child.attribute("id")?.string ?? ""
      note("\(device) hears \(child.name) \(sid)")
      hear(child.name.string, sid, device, from: stanza.attribute("from")?.string ?? "")
    } else if let jingle = Jingle.read(child)?.jingle, let sid = jingle.sid?.string {
      note("\(device) gets \(jingle.action.name) \(sid)")
      get(jingle.action.name, sid, device, from: stanza.attribute("from")?.string ?? "")
    }
  }

  private mutating func hear(_ name: String, _ sid: String, _ device: String, from contact: String) {
    if name == "propose" {
      if sessions[sid]?.isProposed == true { fail("\(sid) is proposed twice") }
      sessions[sid, default: Session(isOutgoing: false, contact: contact)].isProposed = true
    }
    guard let session = sessions[sid] else { return fail("\(name) of the unknown \(sid)") }
    let heard = session.heard
    switch name {
    case "proceed", "ringing":
      if !session.isOutgoing || heard.contains(name) || heard.contains("reject") { fail("\(name) behind \(heard)") }
    case "reject":
      if !session.isOutgoing || heard.contains("reject") || !session.open.isEmpty { fail("reject behind \(heard)") }
    case "retract":
      if session.isOutgoing { fail("a call of \(device) is taken back") }
      if session.proceeding == device { sessions[sid]?.proceeding = nil }
      if !device.contains("/") { sessions[sid]?.isProposed = false }
    case "finish":
      if heard.contains("finish") { fail("\(sid) is finished twice") }
    default: break
    }
    sessions[sid]?.heard.append(name)
  }

  private mutating func get(_ action: String, _ sid: String, _ device: String, from contact: String) {
    if action == "session-initiate" {
      if sessions[sid]?.isAccepted == true { fail("\(sid) is offered to \(device), though another one has it") }
      let isAsked = sessions[sid]?.proceeding == device
      if !isAsked, !device.hasSuffix("/old") { fail("\(sid) rings at \(device) without having been asked for") }
      sessions[sid, default: Session(isOutgoing: false, contact: contact)].open.insert(device)
      if isAsked {
        sessions[sid]?.proceeding = nil
        sessions[sid]?.isProposed = false
      }
      return
    }
    guard let session = sessions[sid], session.open.contains(device) else {
      return fail("\(action) of \(sid) to \(device), which has no part in it")
    }
    switch action {
    case "session-accept":
      if !session.isOutgoing || session.isAccepted { fail("\(sid) is accepted twice") }
      sessions[sid]?.isAccepted = true
    case "session-terminate": sessions[sid]?.open.remove(device)
    default: break
    }
  }

  /// What the calls know and what their clients have been told is the same.
  private mutating func compare() {
    var standing: [String: Gateway.Session] = [:]
    for session in bench.shard.sessions.values {
      standing[session.sid] = session
      outcome.visited.insert(session.call.state)
    }
    for (sid, session) in sessions {
      if let device = session.proceeding { fail("\(device) takes \(sid), and is told nothing") }
      let call = standing[sid]?.call
      let isOver: Bool
      switch call?.state {
      case nil, .cancelKept, .cancelling, .hangingUp, .ending: isOver = true
      default: isOver = false
      }
      let known = isOver ? [] : Set(call?.devices.map(\.address).filter { $0.contains("/") } ?? [])
      if session.isOutgoing {
        if isOver, !session.open.isEmpty { fail("\(sid) is over, and \(session.caller) has not been told") }
        let isTold = session.heard.contains("reject") || !session.isProposed
        if isOver, session.open.isEmpty, !isTold { fail("\(sid) was proposed, and nobody says that it is over") }
        let isAnswered = call?.state == .proposed || call?.state == .pickedUp
        if isAnswered, !session.heard.contains("proceed") {
          fail("\(sid) waits for a call that nobody was told to make")
        }
        if call?.state == .askedRinging, !session.heard.contains("ringing") {
          fail("\(sid) rings, and nobody hears it")
        }
        if call?.state == .established, !session.isAccepted { fail("\(sid) stands, and its caller has no answer") }
      } else {
        if session.open != known { fail("\(sid) is open for \(session.open), and for the call for \(known)") }
        if isOver, session.isProposed { fail("\(sid) is over, and its proposal was not taken back") }
      }
    }
  }
}
