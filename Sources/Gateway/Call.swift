import JingleSIPMapping
import SIPStack

/// How long a call waits for what.
public struct CallTimers: Hashable, Sendable {
  /// For the answer of a device to our set.
  public var deviceAnswer = Interval.seconds(10)
  /// After the last candidate.
  public var candidatePause = Interval.milliseconds(250)
  /// For candidates altogether.
  public var candidates = Interval.seconds(1)
  /// From the INVITE to the answer.
  public var ringing = Interval.seconds(180)
  /// From our `proceed` to the session-initiate.
  public var proposal = Interval.seconds(30)
  /// From our proposal to the first sign of a device, where none is seen: one that sleeps has to be woken by a push.
  public var proposalSilence = Interval.seconds(30)
  /// For a first response of a proxy, where there is another to be tried. RFC 3263 §4.3 waits for Timer B, 32 s, which
  /// no caller does.
  public var proxySilence = Interval.seconds(4)
  /// How often a client is asked for a sign of life while both talk, where nobody would say that it is gone.
  public var signOfLife: Interval?
  /// For that sign. A client on its way from one network to another is silent for a while, and talks on.
  public var signOfLifeAnswer = Interval.seconds(60)
  /// For what the client says to contents that the phone adds.
  public var decision = Interval.seconds(30)
  /// Redirections that are followed in one call.
  public var redirections = 5

  public init() {}
}

/// One call: a Jingle leg and a SIP leg, led by the signalling table.
///
/// A value without I/O. ``handle(_:at:)`` takes what has come and the time, and returns what is to be done, in order;
/// ``nextDeadline`` says when ``advance(to:)`` is to be called. The call knows no message: it keeps references, and the
/// executor knows what they stand for. Which effects an event has, and which state it leads to, stands in
/// `Grammars/mapping/signalling.grammar`; here is only what the table cannot say: who has a part in the call, what is
/// kept for later, and until when something is waited for.
public struct Call: Sendable {
  /// Who has called.
  public enum Origin: Hashable, Sendable { case client, phone }

  /// What a set of ours was, as far as its answer matters.
  enum Purpose: Hashable, Sendable {
    case initiate, accept, other
    /// Asks whether the client takes contents.
    case addition
    /// Asks for a sign of life of the session.
    case life
    /// Asks for one of the device, because another set has no answer.
    case ping

    /// Whether nothing is lost if the client does not understand it.
    var isOptional: Bool { self == .life || self == .other || self == .addition }
  }

  struct Awaited: Sendable {
    var stanza: CallStanza
    var device: CallDevice
    var purpose: Purpose
    var deadline: Instant
    /// When the device is asked whether it is there.
    var doubtful: Instant?
  }

  struct Candidates: Sendable {
    var sender: CallDevice
    var reference: CallReference
  }

  public let origin: Origin
  public internal(set) var state = CallState.beginning
  /// The devices that may act: the caller's; or those that were rung, then only the one that has accepted.
  public internal(set) var devices: [CallDevice] = []
  /// Whether a dialog exists, so that an INFO can be sent.
  public internal(set) var hasDialog = false

  let timers: CallTimers
  private let table: CallTable
  var chance: SplitMix
  /// The session-initiate or the INVITE.
  var offer: CallReference?
  /// The bare address that was asked by message, as long as no device has taken the call: one of `devices`.
  var proposal: CallDevice?
  /// The devices behind that address that are known to be there: they ring, whether they say so or not.
  var proposed: [CallDevice] = []
  /// A message came before the session (XEP-0353), so one says that it is over.
  var beganByMessage = false
  /// Further proxies to which the INVITE can go.
  public var alternatives = 0
  /// The session-accept for which candidates are awaited.
  var answer: CallReference?
  var candidates: [Candidates] = []
  /// That session-accept has no address, nor ICE.
  var needsAddress = false
  /// Changes that are not accepted yet, the oldest first.
  var changes: [CallChange] = []
  /// A re-INVITE that waits for what the client says to its contents.
  var consultation: CallReference?
  /// Of a CANCEL or BYE that waits.
  var cause: ReasonCause?
  var redirections = 0
  var awaited: [Awaited] = []
  private var stanzas: UInt32 = 0
  /// When candidates are no longer awaited, at the latest, and if no more come.
  var candidatesLimit: Instant?
  var candidatesPause: Instant?
  var ringingLimit: Instant?
  var glareLimit: Instant?
  var silenceLimit: Instant?
  var lifeLimit: Instant?
  var decisionLimit: Instant?
  var proposalLimit: Instant?

  /// `seed` decides how long the call waits when two re-INVITEs have met.
  public init(
    origin: Origin, timers: CallTimers = CallTimers(), table: CallTable = .signalling, seed: UInt64
  ) {
    self.origin = origin
    self.timers = timers
    self.table = table
    chance = SplitMix(seed)
  }

  /// Whether something that was handed in is needed again; all else can be forgotten.
  func keeps(_ reference: CallReference) -> Bool {
    // Nobody is offered the call any more once a device has it.
    let isOffered =
      state == .offering || state == .alerting || state == .gathering || state == .joining || state == .rejoining
      || alternatives > 0 && (state == .calling || state == .proceeding || state == .ringing)
    return isOffered && reference == offer || state == .accepting && reference == answer
      || changes.contains(.ofClient(reference)) || changes.contains(.addition(reference)) || reference == consultation
      || candidates.contains { $0.reference == reference }
  }

  /// How many changes and candidates wait for their time.
  var waitingCount: Int { changes.count + candidates.count }

  // MARK: Time

  /// When ``advance(to:)`` is to be called next.
  public var nextDeadline: Instant? {
    let limits = [
      candidatesLimit, candidatesPause, ringingLimit, glareLimit, silenceLimit, proposalLimit, lifeLimit, decisionLimit,
    ]
    return (limits + awaited.flatMap { [$0.deadline, $0.doubtful] }).compactMap { $0 }.min()
  }

  /// Does what is due.
  public mutating func advance(to now: Instant) -> [CallAction] {
    var actions: [CallAction] = []
    if isDue(candidatesLimit, now) || isDue(candidatesPause, now) {
      candidatesLimit = nil
      candidatesPause = nil
      let isInVain = state == .accepting && needsAddress && candidates.isEmpty
      step(isInVain ? .candidatesMissing : .candidatesReady, Occasion(), at: now, into: &actions)
    }
    if isDue(glareLimit, now) {
      glareLimit = nil
      step(.glareOver, Occasion(), at: now, into: &actions)
    }
    if isDue(silenceLimit, now) {
      silenceLimit = nil
      step(.proxyFails, Occasion(), at: now, into: &actions)
    }
    if isDue(proposalLimit, now) {
      proposalLimit = nil
      if let proposal {
        actions.append(.sendRetract(to: proposal, SessionEnd(.timeout)))
        leave(proposal, as: .lastDeviceGone, at: now, into: &actions)
      }
    }
    while let index = awaited.firstIndex(where: { isDue($0.doubtful, now) && $0.deadline > now }) {
      doubt(index, at: now, into: &actions)
    }
    while let index = awaited.firstIndex(where: { $0.deadline <= now }) {
      let late = awaited.remove(at: index)
      leave(late.device, as: .lastDeviceGone, at: now, into: &actions)
    }
    if isDue(decisionLimit, now) {
      decisionLimit = nil
      step(.clientUndecided, Occasion(), at: now, into: &actions)
    }
    if isDue(lifeLimit, now) {
      setLifeLimit(at: now)
      if !awaited.contains(where: { $0.purpose == .life || $0.purpose == .ping }) {
        step(.signOfLifeDue, Occasion(), at: now, into: &actions)
      }
    }
    if isDue(ringingLimit, now) {
      ringingLimit = nil
      step(.nobodyAnswers, Occasion(), at: now, into: &actions)
    }
    return actions
  }

  private func isDue(_ deadline: Instant?, _ now: Instant) -> Bool { deadline.map { $0 <= now } ?? false }

  // MARK: Events

  /// What an event brings along for its effects.
  struct Occasion {
    var jingle: JingleRequest?
    var request: SIPCallRequest?
    var response: SIPCallResponse?
    /// The device that leaves.
    var device: CallDevice?
    /// Why the client ends the session or declines it, if it says that in words of XEP-0166.
    var reason: JingleReason?

    /// What is to be answered.
    var isAnswered: Bool { jingle == nil && request == nil }
  }

  /// Takes what has come.
  public mutating func handle(_ input: CallInput, at now: Instant) -> [CallAction] {
    var actions: [CallAction] = []
    switch input {
    case .jingle(let request): take(request, at: now, into: &actions)
    case .request(let request):
      step(request.event(in: state), Occasion(request: request), at: now, into: &actions)
    case .response(let response): take(response, at: now, into: &actions)
    case .answer(let stanza, let answer): take(answer, to: stanza, at: now, into: &actions)
    case .deviceLeft(let device):
      if let index = proposed.firstIndex(of: device) {
        proposed.remove(at: index)
        setProposalLimit(at: now)
      }
      leave(device, as: .lastDeviceGone, at: now, into: &actions)
    case .message(let message): take(message, at: now, into: &actions)
    case .proposalReturned(let device, let isUnknown):
      leave(device, as: isUnknown ? .lastDeviceUnknown : .lastDeviceGone, at: now, into: &actions)
    case .inviteTimeout:
      step(alternatives > 0 ? .proxyFails : .inviteTimeout, Occasion(), at: now, into: &actions)
    case .inviteTransportError:
      step(alternatives > 0 ? .proxyFails : .inviteTransportError, Occasion(), at: now, into: &actions)
    case .updateTimeout: step(.updateTimeout, Occasion(), at: now, into: &actions)
    case .updateTransportError: step(.updateTransportError, Occasion(), at: now, into: &actions)
    case .updateCancelled: step(.reInviteCancelled, Occasion(), at: now, into: &actions)
    case .refreshDue: step(.refreshDue, Occasion(), at: now, into: &actions)
    case .sessionExpired: step(.sessionExpired, Occasion(), at: now, into: &actions)
    case .byeLost: step(.byeLost, Occasion(), at: now, into: &actions)
    case .ackTimeout: step(.ackTimeout, Occasion(), at: now, into: &actions)
    case .shutdown: step(.shutdown, Occasion(), at: now, into: &actions)
    }
    return actions
  }

  private mutating func take(_ request: JingleRequest, at now: Instant, into actions: inout [CallAction]) {
    guard var event = request.event else {
      actions.append(.refuse(request.reference, .badRequest))
      return
    }
    if state == .beginning, devices.isEmpty { devices = [request.sender] }
    if event == .sessionTerminate, state == .alerting, devices.count > 1, !ReasonTable.ending(request.reason).endsForAll
    {
      event = .sessionTerminateUnable
    }
    if event == .sessionAcceptUnusable, state != .alerting { event = .sessionAccept }
    if event == .sessionInitiateUnusable, state != .beginning, state != .proposed, state != .pickedUp {
      event = .sessionInitiate
    }
    if event != .existingSessionInitiate, !devices.contains(request.sender) { event = .stranger }
    step(
      event, Occasion(jingle: request, device: request.sender, reason: request.reason), at: now, into: &actions)
  }

  private mutating func take(_ message: InitiationMessage, at now: Instant, into actions: inout [CallAction]) {
    guard var event = message.event else { return }
    if state != .beginning, event == .proposeWhenAnswered || event == .proposeForbidden { event = .propose }
    if state == .beginning { devices = [message.sender] }
    // Somebody is there.
    if event == .ringing || event == .proceed || event == .accept {
      proposalLimit = nil
      if proposal != nil, !proposed.contains(message.sender) { proposed.append(message.sender) }
    }
    step(event, Occasion(device: message.sender, reason: message.reason), at: now, into: &actions)
  }

  private mutating func take(_ response: SIPCallResponse, at now: Instant, into actions: inout [CallAction]) {
    guard var event = response.event else { return }
    if event == .redirectionToProxy, redirections >= timers.redirections { event = .redirection }
    // RFC 3263 §4.3
    if event == .refusal, response.status == 503, alternatives > 0 { event = .proxyFails }
    if event == .refusal, response.status == 486 || response.status == 600,
      table.transition(state, .phoneBusy).isPossible
    {
      event = .phoneBusy
    }
    step(event, Occasion(response: response), at: now, into: &actions)
  }

  private mutating func take(
    _ answer: DeviceAnswer, to stanza: CallStanza, at now: Instant, into actions: inout [CallAction]
  ) {
    guard let index = awaited.firstIndex(where: { $0.stanza == stanza }) else { return }
    let set = awaited[index]
    switch (answer, set.purpose) {
    case (.unheard, .initiate), (.unheard, .accept): return
    // Not even the server knows who says this.
    case (.unavailable, .other), (.unavailable, .life), (.unavailable, .addition):
      doubt(index, at: now, into: &actions)
      return
    default: awaited.remove(at: index)
    }
    let isObjection = answer == .unable || answer == .error && set.purpose != .other
    if answer == .result || isObjection {
      // It is there, and has passed over what it does not know.
      awaited.removeAll {
        $0.device == set.device && ($0.purpose == .ping || $0.purpose.isOptional && $0.doubtful == nil)
      }
    }
    switch (answer, set.purpose) {
    case (.result, _), (.unheard, _): return
    case (.unable, .ping), (.error, .ping), (.unable, .life), (.error, .life): return
    case (.unable, .other), (.unable, .addition), (.error, .addition):
      step(.clientObjects, Occasion(), at: now, into: &actions)
    case (.gone, _), (.error, _), (.unavailable, .ping):
      leave(set.device, as: .lastDeviceGone, at: now, into: &actions)
    case (.unable, _), (.unavailable, _): leave(set.device, as: .lastDeviceUnable, at: now, into: &actions)
    }
  }

  /// A set has no answer that would tell whether the device is there.
  private mutating func doubt(_ index: Int, at now: Instant, into actions: inout [CallAction]) {
    awaited[index].doubtful = nil
    let device = awaited[index].device
    if awaited.contains(where: { $0.device == device && $0.purpose == .ping }) { return }
    step(.deviceDoubtful, Occasion(device: device), at: now, into: &actions)
  }

  /// A device leaves the call, which means more the fewer are left: `last` where none is.
  private mutating func leave(
    _ device: CallDevice, as last: CallEvent, at now: Instant, into actions: inout [CallAction]
  ) {
    guard devices.contains(device) else { return }
    let event: CallEvent = state != .alerting ? .clientGone : devices.count > 1 ? .deviceGone : last
    step(event, Occasion(device: device), at: now, into: &actions)
  }

  /// Looks up what the table says, and does it.
  private mutating func step(
    _ event: CallEvent, _ occasion: Occasion, at now: Instant, into actions: inout [CallAction]
  ) {
    let transition = table.transition(state, event)
    guard transition.isPossible else {
      // Nobody is left without an answer.
      if let jingle = occasion.jingle {
        actions.append(.refuse(jingle.reference, state == .end ? .unknownSession : .outOfOrder))
      }
      if let request = occasion.request, request.method != "ACK" {
        actions.append(.answer(request.reference, .noSuchCall))
      }
      return
    }
    for effect in transition.effects { perform(effect, event, occasion, at: now, into: &actions) }
    if event == .proxyFails { silenceLimit = alternatives > 0 ? now + timers.proxySilence : nil }
    enter(transition.next, at: now, into: &actions)
  }

  private mutating func enter(_ next: CallState, at now: Instant, into actions: inout [CallAction]) {
    guard next != state else { return }
    // What was waited for has come.
    if state == .proposed || next == .pickedUp { ringingLimit = nil }
    state = next
    setDeadlines(at: now)
    if state == .end {
      devices = []
      awaited = []
      actions.append(.end)
    } else if state == .established, !changes.isEmpty {
      step(.changeWaiting, Occasion(), at: now, into: &actions)
    }
  }

  /// The deadlines that a state has, besides those of sets and candidates.
  private mutating func setDeadlines(at now: Instant) {
    silenceLimit = (state == .calling || state == .asked) && alternatives > 0 ? now + timers.proxySilence : nil
    switch state {
    case .proposed, .pickedUp:
      ringingLimit = now + timers.proposal
    case .calling, .proceeding, .ringing, .asked, .askedProceeding, .askedRinging, .alerting:
      ringingLimit = ringingLimit ?? now + timers.ringing
    case .offering, .gathering, .accepting:
      ringingLimit = state == .gathering ? nil : ringingLimit
      candidatesLimit = now + timers.candidates
      // XEP-0177 §4.3: they may have come before the session-accept.
      candidatesPause = candidates.isEmpty ? nil : now + timers.candidatePause
    default:
      ringingLimit = nil
    }
    if state != .offering, state != .gathering, state != .accepting {
      candidatesLimit = nil
      candidatesPause = nil
    }
    if state != .postponed, state != .rejoining { glareLimit = nil }
    decisionLimit = state == .consulting ? now + timers.decision : nil
    setProposalLimit(at: now)
    if lifeLimit == nil || !isTalking { setLifeLimit(at: now) }
  }

  /// Whether the session stands.
  var isTalking: Bool { CallState.talking.contains(state) }

  private mutating func setLifeLimit(at now: Instant) {
    lifeLimit = isTalking ? timers.signOfLife.map { now + $0 } : nil
  }

  /// Until when a proposal waits for a sign of a device, if none is seen that rings.
  private mutating func setProposalLimit(at now: Instant) {
    let isAsked = state == .alerting && proposal.map { devices.contains($0) } ?? false
    proposalLimit = isAsked && proposed.isEmpty ? now + timers.proposalSilence : nil
  }

  /// Counts a set that we send; its answer is awaited.
  mutating func stanza(to device: CallDevice, _ purpose: Purpose?, at now: Instant) -> CallStanza {
    stanzas += 1
    let stanza = CallStanza(stanzas)
    guard let purpose else { return stanza }
    let limit = purpose == .life ? timers.signOfLifeAnswer : timers.deviceAnswer
    var deadline = now + limit
    if purpose == .ping {
      // As long as the set that is without an answer: the device leaves no later for being asked twice.
      deadline = awaited.filter { $0.device == device }.map(\.deadline).min() ?? deadline
    }
    awaited.append(
      Awaited(
        stanza: stanza, device: device, purpose: purpose, deadline: deadline,
        doubtful: purpose.isOptional ? now + Interval(nanoseconds: limit.nanoseconds / 2) : nil))
    return stanza
  }
}

/// A small generator of chance with a seed (SplitMix64), so that a call behaves the same each time it is played.
struct SplitMix: RandomNumberGenerator, Sendable {
  private var state: UInt64

  init(_ seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var result = state
    result = (result ^ (result >> 30)) &* 0xBF58_476D_1CE4_E5B9
    result = (result ^ (result >> 27)) &* 0x94D0_49BB_1331_11EB
    return result ^ (result >> 31)
  }
}
