/// Decides which parse failures are logged: at most one per source and minute, with bounded memory, so that neither a
/// broken peer nor a flood from forged addresses fills the log or the memory.
public struct ParseFailureLimiter<Source: Hashable & Sendable>: Sendable {
  public enum Decision: Hashable, Sendable {
    /// Log this failure, and that so many of the same source were not logged since the last time.
    case log(suppressed: UInt64)
    /// Log this failure on behalf of all sources for which there was no room.
    case logForOthers(suppressed: UInt64)
    /// Do not log it.
    case suppress
  }

  private struct Window: Sendable {
    var end: Instant
    var suppressed: UInt64
  }

  private let capacity: Int
  private let period: Interval
  private var windows: [Source: Window] = [:]
  private var others = Window(end: Instant(nanoseconds: 0), suppressed: 0)
  private var nextSweep = Instant(nanoseconds: 0)

  /// All failures ever recorded.
  public private(set) var total: UInt64 = 0
  /// Sources that are remembered; never more than the capacity.
  public var sourceCount: Int { windows.count }

  public init(capacity: Int = 1024, period: Interval = .seconds(60)) {
    self.capacity = max(capacity, 1)
    self.period = period
  }

  /// Counts a failure of `source`, best its address without the port, which a sender can vary at will.
  public mutating func record(_ source: Source, at now: Instant) -> Decision {
    total &+= 1
    if var window = windows[source] {
      if now < window.end {
        window.suppressed += 1
        windows[source] = window
        return .suppress
      }
      windows[source] = Window(end: now + period, suppressed: 0)
      return .log(suppressed: window.suppressed)
    }
    if windows.count >= capacity { sweep(at: now) }
    if windows.count < capacity {
      windows[source] = Window(end: now + period, suppressed: 0)
      return .log(suppressed: 0)
    }
    if now < others.end {
      others.suppressed += 1
      return .suppress
    }
    let suppressed = others.suppressed
    others = Window(end: now + period, suppressed: 0)
    return .logForOthers(suppressed: suppressed)
  }

  /// Forgets the sources that may be logged again; rarely, since it looks at all of them.
  private mutating func sweep(at now: Instant) {
    if now < nextSweep { return }
    nextSweep = now + Interval(nanoseconds: period.nanoseconds / 4)
    windows = windows.filter { now < $0.value.end }
  }
}
