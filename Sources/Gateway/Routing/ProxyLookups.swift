import SIPStack

/// When the name of a proxy is looked up again: calls that fail all at once ask once.
struct ProxyLookups {
  /// The least time between two look-ups of one proxy.
  static let pause = Interval.seconds(10)

  private var last: [ProxyTarget: Instant] = [:]

  /// Whether it is time to look this one up; then it counts.
  mutating func begin(_ target: ProxyTarget, at now: Instant) -> Bool {
    if let time = last[target], now - time < Self.pause { return false }
    last[target] = now
    return true
  }
}
