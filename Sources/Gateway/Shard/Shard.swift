import CodecRuntime
import JingleCodec
import JingleSIPMapping
import SIPCodec
import SIPStack
import XMPPStack

/// All calls of one shard: their SIP legs in a user agent, their Jingle legs as stanzas to and from devices.
///
/// A value without I/O. Each function takes what has come and the time; ``takeEffects()`` hands out what is to be done,
/// and ``nextDeadline`` says when ``advance(to:)`` is to be called.
public struct Shard {
  private(set) var configuration: ShardConfiguration
  var agent: SIPUserAgent
  var identifiers: IdentifierGenerator
  var effects: [ShardEffect] = []

  /// Calls by a number of their own.
  var sessions: [Int: Session] = [:]
  private(set) var lastNumber = 0
  var byLeg: [SIPLeg: Int] = [:]
  /// A plain proxy that loops an INVITE back makes two calls with one key where somebody calls himself.
  var byKey: [SessionKey: [Int]] = [:]
  /// Calls in which a user takes part, by bare address.
  var byUser: [String: Set<Int>] = [:]
  /// Our sets that wait for an answer, by the id of the stanza.
  var awaited: [String: (session: Int, stanza: CallStanza)] = [:]
  var timers = TimerHeap()
  /// Which call a slot of `timers` belongs to. Those of calls that are over are given again.
  private(set) var timerOwners: [Int] = []
  private var freeTimers: [Int] = []
  /// Messages of ours that ask for a call, by their id, and the call.
  var proposals: [String: Int] = [:]
  var presences = Presences()
  /// What is said when there is a connection to the XMPP server again.
  var farewells = Farewells()
  /// While clients sign in again, after there has come one.
  var homecoming: Homecoming?
  /// How many calls each user has begun.
  var limits: CallLimits
  /// Where the proxies are, once their names are resolved.
  var proxies: [ProxyTarget: TransportAddress] = [:]
  var isShuttingDown = false
  /// How deep actions of calls have led to actions of calls.
  private var nesting = 0

  public init(configuration: ShardConfiguration, identifiers: IdentifierGenerator = IdentifierGenerator()) {
    self.configuration = configuration
    self.identifiers = identifiers
    limits = configuration.limits
    agent = SIPUserAgent(configuration: configuration.userAgent, identifiers: identifiers)
    // Not the same tags as the user agent's.
    _ = self.identifiers.next()
  }

  // MARK: State

  public var callCount: Int { sessions.count }
  /// Whether no call and no transaction is left.
  public var isIdle: Bool { sessions.isEmpty && agent.isEmpty }
  public var nextDeadline: Instant? { [agent.nextDeadline, timers.first?.deadline].compactMap { $0 }.min() }

  /// What is to be done, in order; the list is empty afterwards.
  public mutating func takeEffects() -> [ShardEffect] {
    defer { effects = [] }
    return effects
  }

  /// Where a proxy of the routes is; `nil` where that is not known.
  public mutating func setProxy(_ target: ProxyTarget, _ address: TransportAddress?) {
    proxies[target] = address
    if let address { configuration.identities.proxyHosts.insert(address.host) }
  }

  /// Whose SIP requests are taken.
  public mutating func setAdmission(_ admission: SIPAdmission) { agent.admission = admission }

  public mutating func setAddress(_ address: IPAddress, ofHost host: String) {
    agent.setAddress(address, ofHost: host)
  }

  // MARK: Events of the edge

  /// Does what is due.
  public mutating func advance(to now: Instant) {
    runAgent(at: now) { $0.advance(to: now, into: &$1) }
    while let due = timers.first, due.deadline <= now {
      timers.set(due.slot, to: nil)
      step(timerOwners[due.slot], at: now) { $0.advance(to: now) }
    }
  }

  public mutating func receive(
    datagram: UnsafeBufferPointer<UInt8>, from source: TransportAddress, at now: Instant
  ) {
    runAgent(at: now) { $0.receive(datagram: datagram, from: source, at: now, into: &$1) }
  }

  /// Takes a message that a stream was cut into.
  public mutating func receive(_ message: SIPMessage, from source: TransportAddress, at now: Instant) {
    runAgent(at: now) { $0.receive(message, from: source, at: now, into: &$1) }
  }

  public mutating func transportFailed(_ key: TransactionKey, at now: Instant) {
    runAgent(at: now) { $0.transportFailed(key, at: now, into: &$1) }
  }

  /// The peer has reset a connection.
  public mutating func connectionLost(to peer: TransportAddress, at now: Instant) {
    runAgent(at: now) { $0.connectionLost(to: peer, at: now, into: &$1) }
  }

  public mutating func deviceAvailable(_ device: JID) { presences.add(device) }

  /// What a device can do (XEP-0030), once it is known.
  public mutating func setFeatures(_ features: Set<String>, of device: JID) {
    presences.setFeatures(features, of: device)
  }

  /// A device is no longer available, or its stream has ended: it has left its calls.
  public mutating func deviceLeft(_ device: JID, at now: Instant) {
    presences.remove(device)
    for number in (byUser[device.bare.description] ?? []).sorted() {
      handle(number, .deviceLeft(CallDevice(device.description)), at: now)
    }
  }

  /// Ends all calls; what is then still under way is given up by the surroundings after 3 s.
  public mutating func shutDown(at now: Instant) {
    isShuttingDown = true
    for number in sessions.keys.sorted() { handle(number, .shutdown, at: now) }
  }

  /// Says what could not be said before the other side had spoken: the surroundings do not wait for it any longer.
  public mutating func giveUp(at now: Instant) { runAgent(at: now) { $0.sendWaitingByes(at: now, into: &$1) } }

  // MARK: Calls

  mutating func addSession(_ session: Session) -> Int {
    lastNumber += 1
    let timer = freeTimers.popLast() ?? timerOwners.count
    if timer == timerOwners.count { timerOwners.append(lastNumber) } else { timerOwners[timer] = lastNumber }
    sessions[lastNumber] = session
    sessions[lastNumber]?.timer = timer
    byKey[session.key, default: []].append(lastNumber)
    byUser[session.key.user, default: []].insert(lastNumber)
    return lastNumber
  }

  mutating func bind(_ leg: SIPLeg, to number: Int) {
    sessions[number]?.leg = leg
    byLeg[leg] = number
  }

  mutating func removeSession(_ number: Int, at now: Instant) {
    guard let session = sessions.removeValue(forKey: number) else { return }
    timers.set(session.timer, to: nil)
    freeTimers.append(session.timer)
    byKey[session.key]?.removeAll { $0 == number }
    if byKey[session.key]?.isEmpty == true { byKey[session.key] = nil }
    byUser[session.key.user]?.remove(number)
    if byUser[session.key.user]?.isEmpty == true { byUser[session.key.user] = nil }
    for id in session.awaiting { awaited[id] = nil }
    if session.call.origin == .client { limits.end(session.user, at: now) }
    if let proposal = session.proposal { proposals[proposal] = nil }
    effects.append(.log(.callEnded(sid: session.sid)))
    guard let leg = session.leg else { return }
    byLeg[leg] = nil
  }

  /// Hands an input to a call and does what it asks for.
  mutating func handle(_ number: Int, _ input: CallInput, at now: Instant) {
    step(number, at: now) { $0.handle(input, at: now) }
  }

  private mutating func step(_ number: Int, at now: Instant, _ body: (inout Call) -> [CallAction]) {
    guard var call = sessions[number]?.call else { return }
    let actions = body(&call)
    sessions[number]?.call = call
    nesting += 1
    for action in actions { perform(action, number, at: now) }
    nesting -= 1
    if let session = sessions[number] { timers.set(session.timer, to: session.call.nextDeadline) }
    // What an action has led to may come before the next action, which may need its message still.
    if nesting == 0 { sessions[number]?.forget() }
  }

  /// Lets the user agent do something, then does what it asks for.
  mutating func runAgent(at now: Instant, _ body: (inout SIPUserAgent, inout SIPUserAgent.Effects) -> Void) {
    var requests: SIPUserAgent.Effects = []
    body(&agent, &requests)
    for request in requests { perform(request, at: now) }
  }

  /// The same where it may refuse; tells whether it did it.
  @discardableResult
  mutating func tryAgent(
    at now: Instant,
    _ body: (inout SIPUserAgent, inout SIPUserAgent.Effects) throws(SIPUserAgentError) -> Void
  ) -> Bool {
    var requests: SIPUserAgent.Effects = []
    var isDone = true
    do throws(SIPUserAgentError) {
      try body(&agent, &requests)
    } catch {
      isDone = false
      effects.append(.log(.diagnostic("a SIP message was not sent: \(error)")))
    }
    for request in requests { perform(request, at: now) }
    return isDone
  }
}
