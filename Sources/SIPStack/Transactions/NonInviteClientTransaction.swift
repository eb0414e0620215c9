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
  /// Of timer E; of timer F or K.
  private var deadlines: TransactionDeadlines

  public init(isReliable: Bool, timers: TimerConfiguration, at now: Instant) {
    self.timers = timers
    self.isReliable = isReliable
    retransmissionInterval = timers.t1
    deadlines = TransactionDeadlines(
      early: isReliable ? nil : now + timers.t1, last: now + timers.transactionTimeout)
  }

  /// When ``advance(to:)`` is to be called next.
  public var nextDeadline: Instant? { deadlines.next }

  public mutating func handle(_ event: Event, at now: Instant) -> TransactionActions {
    switch (state, event) {
    case (.trying, .timerE):
      retransmissionInterval = min(retransmissionInterval * 2, timers.t2)
      deadlines.early = now + retransmissionInterval
      return .sendRequest
    case (.trying, .response(100..<200)):
      // Timer E runs on: only a repeated request brings a lost final response.
      state = .proceeding
      return .passResponse

    case (.proceeding, .timerE):
      deadlines.early = now + timers.t2
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
      enter(.completed, TransactionDeadlines(last: now + timerK))
      return .passResponse

    case (.completed, .timerK):
      return terminate([])

    case (.trying, _), (.proceeding, _), (.completed, _), (.terminated, _):
      return []
    }
  }

  /// Fires the timer that is due, if one is.
  public mutating func advance(to now: Instant) -> TransactionActions {
    switch deadlines.passed(at: now) {
    case .early: handle(.timerE, at: now)
    case .last: handle(state == .completed ? .timerK : .timerF, at: now)
    case nil: []
    }
  }

  private mutating func enter(_ state: State, _ deadlines: TransactionDeadlines) {
    self.state = state
    self.deadlines = deadlines
  }

  private mutating func terminate(_ actions: TransactionActions) -> TransactionActions {
    enter(.terminated, TransactionDeadlines())
    return actions.union(.terminated)
  }
}
