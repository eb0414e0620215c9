/// The non-INVITE client transaction: RFC 3261 §17.1.2, figure 6.
///
/// It starts in `trying`; its owner has just sent the request.
public struct NonInviteClientTransaction: Sendable {
  public enum State: Sendable {
    case trying, proceeding, completed, terminated
  }

  public enum Event: Equatable, Sendable {
    /// A response with this status code (100 to 699) has come.
    case response(Int)
    /// The request could not be sent.
    case transportError
    case timerE, timerF, timerK
  }

  public private(set) var state = State.trying
  private let timers: TimerConfiguration
  private let isReliable: Bool
  private var retransmissionInterval: Interval
  /// When timer E fires.
  private var retransmission: Instant?
  /// When timer F or K fires.
  private var timeout: Instant?

  public init(isReliable: Bool, timers: TimerConfiguration, at now: Instant) {
    self.timers = timers
    self.isReliable = isReliable
    retransmissionInterval = timers.t1
    retransmission = isReliable ? nil : now + timers.t1
    timeout = now + timers.transactionTimeout
  }

  /// When ``advance(to:)`` is to be called next.
  public var nextDeadline: Instant? { earliest(retransmission, timeout) }

  public mutating func handle(_ event: Event, at now: Instant) -> TransactionActions {
    switch (state, event) {
    case (.trying, .timerE):
      retransmissionInterval = min(retransmissionInterval * 2, timers.t2)
      retransmission = now + retransmissionInterval
      return .sendRequest
    case (.trying, .response(100..<200)):
      // Timer E runs on: only a repeated request brings a lost final response.
      state = .proceeding
      return .passResponse

    case (.proceeding, .timerE):
      retransmission = now + timers.t2
      return .sendRequest
    case (.proceeding, .response(100..<200)):
      return .passResponse

    case (.trying, .timerF), (.proceeding, .timerF):
      return terminate(.informTimeout)
    case (.trying, .transportError), (.proceeding, .transportError):
      return terminate(.informTransportError)
    case (.trying, .response(200..<700)), (.proceeding, .response(200..<700)):
      let timerK = timers.timerIorK(isReliable: isReliable)
      if timerK == .zero { return terminate(.passResponse) }
      state = .completed
      retransmission = nil
      timeout = now + timerK
      return .passResponse

    case (.completed, .timerK):
      return terminate([])

    case (.trying, _), (.proceeding, _), (.completed, _), (.terminated, _):
      return []
    }
  }

  /// Fires the timer that is due, if one is.
  public mutating func advance(to now: Instant) -> TransactionActions {
    if let timeout, timeout <= now {
      switch state {
      case .trying, .proceeding: return handle(.timerF, at: now)
      case .completed: return handle(.timerK, at: now)
      case .terminated: return []
      }
    }
    if let retransmission, retransmission <= now { return handle(.timerE, at: now) }
    return []
  }

  private mutating func terminate(_ actions: TransactionActions) -> TransactionActions {
    state = .terminated
    retransmission = nil
    timeout = nil
    return actions.union(.terminated)
  }
}
