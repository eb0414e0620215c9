/// The non-INVITE server transaction: RFC 3261 §17.2.2, figure 8, as RFC 4320 mends it: no provisional response but a
/// late 100 (§4.1), and no 408, which could only come when the client has given up (§4.2).
///
/// It starts in `trying`; its owner has just passed the request to the transaction user.
public struct NonInviteServerTransaction: Sendable {
  public enum State: Sendable {
    case trying, proceeding, completed, terminated
  }

  public enum Event: Equatable, Sendable {
    /// The request has come again.
    case request
    /// The transaction user answers with this status code (100 to 699).
    case respond(Int)
    /// A response could not be sent.
    case transportError
    case timerJ
    /// The client's timer E has grown to T2 (RFC 4320 §4.1).
    case timerTrying
    /// The client's timer F has fired: nobody waits for an answer any more.
    case timerF
  }

  public private(set) var state = State.trying
  private let timers: TimerConfiguration
  private let isReliable: Bool
  /// Before this a 100 would only slow the client's retransmissions down.
  private let earliestTrying: Instant
  /// Of a 100; of timer J, and before that of the client's timer F.
  private var deadlines: TransactionDeadlines

  public init(isReliable: Bool, timers: TimerConfiguration, at now: Instant) {
    self.timers = timers
    self.isReliable = isReliable
    let late = now + timers.lateTryingDelay
    earliestTrying = isReliable ? now : late
    deadlines = TransactionDeadlines(early: late, last: now + timers.transactionTimeout)
  }

  /// When ``advance(to:)`` is to be called next.
  public var nextDeadline: Instant? { deadlines.next }

  public mutating func handle(_ event: Event, at now: Instant) -> TransactionActions {
    switch (state, event) {
    case (.trying, .timerTrying):
      deadlines.early = nil
      return .generateTrying
    case (.trying, .respond(100)):
      if now < earliestTrying { return [] }
      enter(.proceeding, TransactionDeadlines(last: deadlines.last))
      return .sendResponse

    case (.proceeding, .request):
      return .sendResponse
    case (.proceeding, .respond(100)):
      return .sendResponse

    case (.trying, .respond(408)), (.proceeding, .respond(408)):
      // Not sent; the transaction stays until timer F to absorb the request's retransmissions.
      return []
    case (.trying, .timerF), (.proceeding, .timerF):
      return terminate(.informTimeout)
    case (.proceeding, .transportError), (.completed, .transportError):
      return terminate(.informTransportError)
    case (.trying, .respond(200..<700)), (.proceeding, .respond(200..<700)):
      let timerJ = timers.timerJ(isReliable: isReliable)
      if timerJ == .zero { return terminate(.sendResponse) }
      enter(.completed, TransactionDeadlines(last: now + timerJ))
      return .sendResponse

    case (.completed, .request):
      return .sendResponse
    case (.completed, .timerJ):
      return terminate([])

    case (.trying, _), (.proceeding, _), (.completed, _), (.terminated, _):
      return []
    }
  }

  /// Fires the timer that is due, if one is.
  public mutating func advance(to now: Instant) -> TransactionActions {
    switch deadlines.passed(at: now) {
    case .early: handle(.timerTrying, at: now)
    case .last: handle(state == .completed ? .timerJ : .timerF, at: now)
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
