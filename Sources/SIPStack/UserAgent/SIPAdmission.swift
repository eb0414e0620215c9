/// Whose requests a user agent takes. Responses are not concerned: only those are taken that belong to a request of ours.
public enum SIPAdmission: Hashable, Sendable {
  case everyone
  /// Those that come from one of `sources`, by the address that they came from, whatever they say of themselves.
  case only(SourceSet, strangers: Strangers)

  /// What a request of somebody else gets. Neither takes memory or a transaction.
  public enum Strangers: Hashable, Sendable {
    /// 403 (RFC 3261 §21.4.4), as a stateless server answers (§8.2.7).
    case forbid
    /// Nothing, so that nobody learns that somebody listens.
    case ignore
  }

  func admits(_ source: TransportAddress) -> Bool {
    switch self {
    case .everyone: true
    case .only(let sources, _): sources.contains(source.address)
    }
  }
}
