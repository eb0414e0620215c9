/// Our end of a call: its Call-ID and our tag.
///
/// A plain proxy that sends our INVITE back to us makes two legs with one Call-ID, each with a tag of its own. The
/// remote tag is no part of it: where a proxy forks, the first one that accepts is the call, and the agent itself ends
/// the others (RFC 3261 §13.2.2.4).
public struct SIPLeg: Hashable, Sendable, CustomStringConvertible {
  public let callIdentifier: String
  public let localTag: String

  public init(callIdentifier: String, localTag: String) {
    self.callIdentifier = callIdentifier
    self.localTag = localTag
  }

  public var description: String { "\(callIdentifier) \(localTag)" }
}

/// A request within a dialog that has come and is to be answered.
public struct SIPServerRequest: Hashable, Sendable {
  let key: TransactionKey
}

/// A request within a dialog that we have sent.
public struct SIPClientRequest: Hashable, Sendable {
  let key: TransactionKey
}
