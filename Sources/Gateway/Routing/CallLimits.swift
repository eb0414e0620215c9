import SIPStack
import XMPPStack

/// How many calls a user has, and how often one may begin: a user who calls without end costs somebody money.
///
/// Attempts come out of a bucket that holds those of one second and is filled again in as long. Who has no call and a
/// full bucket is forgotten.
public struct CallLimits: Sendable {
  public enum Verdict: Hashable, Sendable {
    /// The call counts until ``end(_:at:)``.
    case admitted
    case tooManyAttempts
    case tooManyCalls
  }

  private struct Record: Sendable {
    var calls = 0
    /// When the bucket is full again.
    var isFullAt: Instant
  }

  /// Calls of one user at a time, and so many may ring the devices of one user at a time.
  public let callsPerUser: Int
  /// How long the bucket takes for one attempt.
  private let refill: Interval
  /// How long it may take until the bucket is full so that there is an attempt left in it.
  private let patience: Interval
  private let capacity: Int
  private var records: [JID: Record] = [:]
  private var sweepCount = minimumSweepCount
  private var nextSweep = Instant(nanoseconds: 0)

  private static let minimumSweepCount = 64

  /// Users that are remembered.
  public var userCount: Int { records.count }

  /// `capacity`: users that are remembered at most; who is then new is refused until a second has passed for others.
  public init(callsPerUser: Int, attemptsPerSecond: Int, capacity: Int = 1 << 15) {
    self.callsPerUser = callsPerUser
    let attempts = UInt64(max(attemptsPerSecond, 1))
    refill = Interval(nanoseconds: Interval.seconds(1).nanoseconds / attempts)
    patience = refill * (attempts - 1)
    self.capacity = max(capacity, Self.minimumSweepCount)
  }

  public init(_ configuration: Configuration) {
    let limits = configuration.calls.limits(of: configuration.xmpp)
    self.init(callsPerUser: limits.calls, attemptsPerSecond: limits.attemptsPerSecond)
  }

  /// Counts an attempt, and where it is admitted a call. An attempt that finds the bucket empty takes nothing out of it.
  public mutating func begin(_ user: JID, at now: Instant) -> Verdict {
    let user = user.bare
    if records[user] == nil {
      if records.count >= sweepCount { sweep(at: now) }
      if records.count >= capacity { return .tooManyAttempts }
    }
    var record = records[user] ?? Record(isFullAt: now)
    let isFullAt = max(record.isFullAt, now)
    guard isFullAt - now <= patience else { return .tooManyAttempts }
    record.isFullAt = isFullAt + refill
    let isAdmitted = record.calls < callsPerUser
    if isAdmitted { record.calls += 1 }
    records[user] = record
    return isAdmitted ? .admitted : .tooManyCalls
  }

  /// A call that was admitted has ended.
  public mutating func end(_ user: JID, at now: Instant) {
    let user = user.bare
    guard var record = records[user], record.calls > 0 else { return }
    record.calls -= 1
    records[user] = record.calls == 0 && record.isFullAt <= now ? nil : record
  }

  /// Forgets whom nothing is counted for. It looks at all, so it waits until they are twice as many, or for a while.
  private mutating func sweep(at now: Instant) {
    if records.count >= capacity, now < nextSweep { return }
    nextSweep = now + .milliseconds(250)
    records = records.filter { $0.value.calls > 0 || now < $0.value.isFullAt }
    sweepCount = min(max(2 * records.count, Self.minimumSweepCount), capacity)
  }
}
