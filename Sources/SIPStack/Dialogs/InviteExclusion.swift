/// Which INVITEs are under way inside one dialog: at most one at a time (RFC 3261 §14.1, §14.2).
public struct InviteExclusion: Hashable, Sendable {
  public enum Admission: Hashable, Sendable {
    /// To be processed.
    case admitted
    /// Ours is under way: to be answered 491.
    case requestPending
    /// The peer's last one has no final response yet: to be answered 500 with a Retry-After of so many seconds (0…10).
    case retryAfter(seconds: Int)
  }

  public private(set) var isLocalPending = false
  public private(set) var isRemotePending = false

  public init() {}

  /// Whether we may send an INVITE now; if so it counts as under way until ``localEnded()``.
  public mutating func beginLocal() -> Bool {
    if isLocalPending || isRemotePending { return false }
    isLocalPending = true
    return true
  }

  /// Ours has had a final response and, if it was a 2xx, its ACK is sent.
  public mutating func localEnded() { isLocalPending = false }

  /// An INVITE of the peer has come; admitted, it is under way until ``remoteEnded()``.
  public mutating func receive(using generator: inout some RandomNumberGenerator) -> Admission {
    if isRemotePending { return .retryAfter(seconds: Int.random(in: 0...10, using: &generator)) }
    if isLocalPending { return .requestPending }
    isRemotePending = true
    return .admitted
  }

  /// We have answered the peer's with a final response and, if it was a 2xx, its ACK has come.
  public mutating func remoteEnded() { isRemotePending = false }
}

/// How long to wait after a 491 before the INVITE is tried again (RFC 3261 §14.1).
public enum Glare {
  /// 2.1 to 4 s for the one that chose the Call-ID of the dialog, 0 to 2 s for the other, both in units of 10 ms.
  public static func delay(
    ownsCallIdentifier: Bool, using generator: inout some RandomNumberGenerator
  ) -> Interval {
    let units = UInt64.random(in: ownsCallIdentifier ? 210...400 : 0...200, using: &generator)
    return .milliseconds(units * 10)
  }
}
