/// The INVITE server transaction: RFC 3261 §17.2.1 with the Accepted state of RFC 6026 §7.1 and §8.5.
///
/// It starts in `proceeding`; its owner has just passed the INVITE to the transaction user.
public struct InviteServerTransaction: Sendable {
  public enum State: Sendable {
    case proceeding, completed, confirmed, accepted, terminated
  }

  public enum Event: Equatable, Sendable {
    /// The INVITE has come again.
    case request
    /// An ACK has come.
    case acknowledgement
    /// The transaction user answers with this status code (100 to 699).
    case respond(Int)
    /// A response could not be sent.
    case transportError
    case timerG, timerH, timerI, timerL
    /// 200 ms after the INVITE (§17.2.1).
    case timerTrying
  }

  public private(set) var state = State.proceeding
  private let timers: TimerConfiguration
  private let isReliable: Bool
  private var hasResponse = false
  private var retransmissionInterval: Interval
  /// When timer G fires; in `proceeding` when a 100 is due.
  private var retransmission: Instant?
  /// When timer H, I or L fires.
  private var timeout: Instant?

  public init(isReliable: Bool, timers: TimerConfiguration, at now: Instant) {
    self.timers = timers
    self.isReliable = isReliable
    retransmissionInterval = timers.t1
    retransmission = now + timers.tryingDelay
  }

  /// When ``advance(to:)`` is to be called next.
  public var nextDeadline: Instant? { earliest(retransmission, timeout) }

  public mutating func handle(_ event: Event, at now: Instant) -> TransactionActions {
    switch (state, event) {
    case (.proceeding, .request):
      return hasResponse ? .sendResponse : []
    case (.proceeding, .timerTrying):
      retransmission = nil
      return .generateTrying
    case (.proceeding, .respond(100..<200)):
      hasResponse = true
      retransmission = nil
      return .sendResponse
    case (.proceeding, .respond(200..<300)):
      enter(.accepted, retransmission: nil, timeout: now + timers.transactionTimeout)
      return .sendResponse
    case (.proceeding, .respond(300..<700)):
      let timerG = isReliable ? nil : now + timers.t1
      enter(.completed, retransmission: timerG, timeout: now + timers.transactionTimeout)
      return .sendResponse
    case (.proceeding, .transportError), (.accepted, .transportError):
      // The next retransmission of either side may get through (RFC 6026 §7.1).
      return .informTransportError

    case (.completed, .request):
      return .sendResponse
    case (.completed, .timerG):
      retransmissionInterval = min(retransmissionInterval * 2, timers.t2)
      retransmission = now + retransmissionInterval
      return .sendResponse
    case (.completed, .timerH):
      return terminate(.informTimeout)
    case (.completed, .transportError):
      return terminate(.informTransportError)
    case (.completed, .acknowledgement):
      let timerI = timers.timerIorK(isReliable: isReliable)
      if timerI == .zero { return terminate([]) }
      enter(.confirmed, retransmission: nil, timeout: now + timerI)
      return []

    case (.confirmed, .timerI):
      return terminate([])

    case (.accepted, .respond(200..<300)):
      // The transaction user alone repeats its 2xx (§13.3.1.4); repeated INVITEs are absorbed below.
      return .sendResponse
    case (.accepted, .acknowledgement):
      return .passAcknowledgement
    case (.accepted, .timerL):
      return terminate([])

    case (.proceeding, _), (.completed, _), (.confirmed, _), (.accepted, _), (.terminated, _):
      return []
    }
  }

  /// Fires the timer that is due, if one is.
  public mutating func advance(to now: Instant) -> TransactionActions {
    if let timeout, timeout <= now {
      switch state {
      case .completed: return handle(.timerH, at: now)
      case .confirmed: return handle(.timerI, at: now)
      case .accepted: return handle(.timerL, at: now)
      case .proceeding, .terminated: return []
      }
    }
    if let retransmission, retransmission <= now {
      return handle(state == .proceeding ? .timerTrying : .timerG, at: now)
    }
    return []
  }

  private mutating func enter(_ state: State, retransmission: Instant?, timeout: Instant?) {
    self.state = state
    self.retransmission = retransmission
    self.timeout = timeout
  }

  private mutating func terminate(_ actions: TransactionActions) -> TransactionActions {
    enter(.terminated, retransmission: nil, timeout: nil)
    return actions.union(.terminated)
  }
}
