/// The INVITE client transaction: RFC 3261 §17.1.1 with the Accepted state of RFC 6026 §7.2 and §8.4.
///
/// It starts in `calling`; its owner has just sent the INVITE. Afterwards ``handle(_:at:)`` follows the diagram of
/// RFC 6026 figure 4, and ``advance(to:)`` turns the passing of ``nextDeadline`` into timer events.
public struct InviteClientTransaction: Sendable {
  public enum State: Sendable {
    case calling, proceeding, completed, accepted, terminated
  }

  public enum Event: Equatable, Sendable {
    /// A response with this status code (100 to 699) has come.
    case response(Int)
    /// The transaction user wants the call cancelled.
    case cancel
    /// The request or an ACK could not be sent.
    case transportError
    case timerA, timerB, timerD, timerM
    /// 64 · T1 after the CANCEL (RFC 3261 §9.1).
    case timerCancel
    /// The patience of the transaction user is at its end.
    case timerPatience
  }

  private enum Cancellation: Sendable {
    case none, wanted, sent
  }

  public private(set) var state = State.calling
  private let timers: TimerConfiguration
  private let isReliable: Bool
  /// How long to wait in `proceeding`; a provisional response renews it.
  private let patience: Interval?
  private var cancellation = Cancellation.none
  private var retransmissionInterval: Interval
  /// When timer A fires.
  private var retransmission: Instant?
  /// When timer B, D or M fires, or the one after a CANCEL, or that of patience.
  private var timeout: Instant?

  public init(isReliable: Bool, timers: TimerConfiguration, patience: Interval? = nil, at now: Instant) {
    self.timers = timers
    self.patience = patience
    self.isReliable = isReliable
    retransmissionInterval = timers.t1
    retransmission = isReliable ? nil : now + timers.t1
    timeout = now + timers.transactionTimeout
  }

  /// When ``advance(to:)`` is to be called next.
  public var nextDeadline: Instant? { earliest(retransmission, timeout) }

  public mutating func handle(_ event: Event, at now: Instant) -> TransactionActions {
    switch (state, event) {
    case (.calling, .timerA):
      retransmissionInterval = retransmissionInterval * 2
      retransmission = now + retransmissionInterval
      return .sendRequest
    case (.calling, .timerB):
      return terminate(.informTimeout)
    case (.calling, .transportError):
      return terminate(.informTransportError)
    case (.calling, .cancel):
      // A CANCEL that overtakes its INVITE finds nothing to cancel; it waits for a sign of life (§9.1).
      if cancellation == .none { cancellation = .wanted }
      return []
    case (.calling, .response(100..<200)):
      enter(.proceeding, timeout: patience.map { now + $0 })
      return cancellation == .wanted ? sendCancel([.passResponse], at: now) : .passResponse

    case (.proceeding, .response(100..<200)):
      if cancellation != .sent { timeout = patience.map { now + $0 } }
      return .passResponse
    case (.proceeding, .timerPatience):
      return terminate(.informTimeout)
    case (.proceeding, .cancel):
      return cancellation == .sent ? [] : sendCancel([], at: now)
    case (.proceeding, .timerCancel):
      // The INVITE's server ought to have answered 487 by now (§9.1).
      return terminate(.informTimeout)

    case (.calling, .response(200..<300)), (.proceeding, .response(200..<300)):
      enter(.accepted, timeout: now + timers.transactionTimeout)
      return .passResponse
    case (.calling, .response(300..<700)), (.proceeding, .response(300..<700)):
      // Where timer D is zero it fires all the same: the transaction user is told first, and may send the INVITE again.
      enter(.completed, timeout: now + timers.timerD(isReliable: isReliable))
      return [.acknowledge, .passResponse]

    case (.completed, .response(300..<700)):
      return .acknowledge
    case (.completed, .transportError):
      return terminate(.informTransportError)
    case (.completed, .timerD):
      return terminate([])

    case (.accepted, .response(200..<300)):
      // Of another fork, or again: the transaction user alone acknowledges 2xx (RFC 6026 §7.2).
      return .passResponse
    case (.accepted, .timerM):
      return terminate([])

    case (.calling, _), (.proceeding, _), (.completed, _), (.accepted, _), (.terminated, _):
      return []
    }
  }

  /// Fires the timer that is due, if one is.
  public mutating func advance(to now: Instant) -> TransactionActions {
    if let timeout, timeout <= now {
      switch state {
      case .calling: return handle(.timerB, at: now)
      case .proceeding: return handle(cancellation == .sent ? .timerCancel : .timerPatience, at: now)
      case .completed: return handle(.timerD, at: now)
      case .accepted: return handle(.timerM, at: now)
      case .terminated: return []
      }
    }
    if let retransmission, retransmission <= now { return handle(.timerA, at: now) }
    return []
  }

  private mutating func enter(_ state: State, timeout: Instant?) {
    self.state = state
    self.timeout = timeout
    retransmission = nil
  }

  private mutating func sendCancel(_ actions: TransactionActions, at now: Instant) -> TransactionActions {
    cancellation = .sent
    timeout = now + timers.transactionTimeout
    return actions.union(.sendCancel)
  }

  private mutating func terminate(_ actions: TransactionActions) -> TransactionActions {
    enter(.terminated, timeout: nil)
    return actions.union(.terminated)
  }
}
