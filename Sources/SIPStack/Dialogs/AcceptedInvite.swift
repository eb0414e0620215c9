/// A 2xx that we sent to an INVITE and that waits for its ACK: the UAS core repeats it (RFC 3261 §13.3.1.4).
///
/// It is repeated over reliable transports too, since a proxy further on may use UDP.
public struct AcceptedInvite: Sendable {
  public enum Action: Hashable, Sendable {
    /// Nothing is due.
    case none
    /// Send the 2xx again, through the transaction while there is one.
    case sendResponse
    /// No ACK for 64 · T1: the dialog stands but its session is to be ended with a BYE. Comes once.
    case timedOut
  }

  private let timers: TimerConfiguration
  private var interval: Interval
  private var retransmission: Instant?
  private var timeout: Instant?

  /// The 2xx has just been sent.
  public init(timers: TimerConfiguration = .standard, at now: Instant) {
    self.timers = timers
    interval = timers.t1
    retransmission = now + timers.t1
    timeout = now + timers.transactionTimeout
  }

  /// Whether the ACK is still awaited.
  public var isWaiting: Bool { timeout != nil }

  /// When ``advance(to:)`` is to be called next.
  public var nextDeadline: Instant? { earliest(retransmission, timeout) }

  /// The ACK has come. Returns whether it is the first one, which may bear an answer.
  public mutating func acknowledge() -> Bool {
    let wasWaiting = isWaiting
    stop()
    return wasWaiting
  }

  /// What is due now.
  public mutating func advance(to now: Instant) -> Action {
    if let timeout, timeout <= now {
      stop()
      return .timedOut
    }
    if let retransmission, retransmission <= now {
      interval = min(interval * 2, timers.t2)
      self.retransmission = now + interval
      return .sendResponse
    }
    return .none
  }

  private mutating func stop() {
    retransmission = nil
    timeout = nil
  }
}
