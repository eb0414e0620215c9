/// The CSeq numbers of one dialog (RFC 3261 §12.2).
public struct DialogSequence: Hashable, Sendable {
  public enum Admission: Hashable, Sendable {
    /// To be processed.
    case inOrder
    /// Lower than what has been seen: to be answered 500 (§12.2.2).
    case outOfOrder
  }

  /// The number of our last request.
  public private(set) var local: UInt32
  /// The number of the peer's last request; `nil` before its first one.
  public private(set) var remote: UInt32?

  public init(local: UInt32, remote: UInt32?) {
    self.local = local
    self.remote = remote
  }

  /// The number for our next request, which is neither ACK nor CANCEL: these repeat that of their INVITE (§12.2.1.1).
  /// `nil` where the numbers under 2³¹ are used up (§8.1.1.5); the dialog must then be ended.
  public mutating func nextLocal() -> UInt32? {
    if local >= UInt32(Int32.max) { return nil }
    local += 1
    return local
  }

  /// Looks at the number of a request from the peer. Gaps are allowed: a proxy may have refused requests between. An
  /// equal number is let through, since the RFC calls only lower ones wrong and repetitions never get here.
  public mutating func admit(_ number: UInt32, method: RequestMethod) -> Admission {
    if method == .acknowledgement || method == .cancel { return .inOrder }
    if let remote, number < remote { return .outOfOrder }
    remote = number
    return .inOrder
  }
}
