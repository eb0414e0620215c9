/// The base values of all SIP timers (RFC 3261 §17.1.1.1 and table 4, RFC 6026 §8.11).
///
/// The named timers are computed from T1, T2 and T4. Over a reliable transport nothing is retransmitted (A, E, G never
/// run) and there is no retransmission to wait for (D, I, J, K are zero); B, F, H, L and M run over every transport.
public struct TimerConfiguration: Hashable, Sendable {
  /// The estimate of the round-trip time; 500 ms.
  public let t1: Interval
  /// The longest interval between retransmissions of a non-INVITE request or an INVITE response; 4 s.
  public let t2: Interval
  /// How long a message can stay in the network; 5 s.
  public let t4: Interval

  /// Values under one millisecond are raised to it: a timer of zero would retransmit without end.
  public init(t1: Interval = .milliseconds(500), t2: Interval = .seconds(4), t4: Interval = .seconds(5)) {
    let least = Interval.milliseconds(1)
    self.t1 = max(t1, least)
    self.t2 = max(t2, self.t1)
    self.t4 = max(t4, least)
  }

  public static let standard = TimerConfiguration()

  /// 64 · T1, the value of timers B, F, H, L and M, and of J over unreliable transports; 32 s.
  public var transactionTimeout: Interval { t1 * 64 }

  /// Timer D: how long an INVITE client transaction answers repeated final responses; at least 32 s, or zero.
  func timerD(isReliable: Bool) -> Interval { isReliable ? .zero : max(transactionTimeout, .seconds(32)) }

  /// Timers I and K: T4, or zero.
  func timerIorK(isReliable: Bool) -> Interval { isReliable ? .zero : t4 }

  /// Timer J: 64 · T1, or zero.
  func timerJ(isReliable: Bool) -> Interval { isReliable ? .zero : transactionTimeout }

  /// How soon an INVITE has to be answered by something (RFC 3261 §17.2.1).
  var tryingDelay: Interval { .milliseconds(200) }

  /// When the timer E of a client has grown to T2, counted from the first request; 3.5 s. Not before then may a
  /// non-INVITE request be answered 100 over an unreliable transport, and then it must be (RFC 4320 §4.1).
  public var lateTryingDelay: Interval {
    var delay = Interval.zero
    var interval = t1
    while interval < t2 {
      delay = delay + interval
      interval = interval * 2
    }
    return delay
  }
}
