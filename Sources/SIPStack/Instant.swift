/// A point of monotonic time, in nanoseconds since an arbitrary start (at the edge: since the machine's start).
///
/// The stack never asks for the time; each event brings it along, so that tests run in virtual time.
public struct Instant: Hashable, Comparable, Sendable {
  /// Nanoseconds since the arbitrary start.
  public var nanoseconds: UInt64

  public init(nanoseconds: UInt64) { self.nanoseconds = nanoseconds }

  public static func < (left: Instant, right: Instant) -> Bool { left.nanoseconds < right.nanoseconds }

  /// The instant `interval` later; the end of time where that is too far.
  public static func + (instant: Instant, interval: Interval) -> Instant {
    let (sum, overflow) = instant.nanoseconds.addingReportingOverflow(interval.nanoseconds)
    return Instant(nanoseconds: overflow ? .max : sum)
  }

  /// How long `right` is before `left`; zero where it is not.
  public static func - (left: Instant, right: Instant) -> Interval {
    Interval(nanoseconds: left > right ? left.nanoseconds - right.nanoseconds : 0)
  }
}

/// A length of time in nanoseconds.
public struct Interval: Hashable, Comparable, Sendable {
  public var nanoseconds: UInt64

  public init(nanoseconds: UInt64) { self.nanoseconds = nanoseconds }

  public static let zero = Interval(nanoseconds: 0)
  public static func milliseconds(_ count: UInt64) -> Interval { Interval(nanoseconds: count * 1_000_000) }
  public static func seconds(_ count: UInt64) -> Interval { Interval(nanoseconds: count * 1_000_000_000) }

  public static func < (left: Interval, right: Interval) -> Bool { left.nanoseconds < right.nanoseconds }

  public static func + (left: Interval, right: Interval) -> Interval {
    Interval(nanoseconds: left.nanoseconds.saturatingAdd(right.nanoseconds))
  }

  public static func * (interval: Interval, factor: UInt64) -> Interval {
    let (product, overflow) = interval.nanoseconds.multipliedReportingOverflow(by: factor)
    return Interval(nanoseconds: overflow ? .max : product)
  }
}

extension UInt64 {
  fileprivate func saturatingAdd(_ other: UInt64) -> UInt64 {
    let (sum, overflow) = addingReportingOverflow(other)
    return overflow ? .max : sum
  }
}

/// The earlier of two instants, where absent means never.
func earliest(_ left: Instant?, _ right: Instant?) -> Instant? {
  guard let left else { return right }
  guard let right else { return left }
  return min(left, right)
}
