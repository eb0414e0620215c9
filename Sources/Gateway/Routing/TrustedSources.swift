import SIPStack

/// From where SIP requests are taken: the addresses that the proxies have, and what `trusted` names.
public struct TrustedSources: Equatable, Sendable {
  private let networks: [IPNetwork]
  /// By host of the proxy.
  private var proxies: [String: [IPAddress]] = [:]
  /// All of them.
  public private(set) var set: SourceSet

  /// Of no proxy yet.
  public init(networks: [IPNetwork]) {
    self.networks = networks
    set = SourceSet(addresses: [], networks: networks)
  }

  /// Takes the addresses that a proxy was found to have in place of those that it had.
  public mutating func setAddresses(_ addresses: [IPAddress], of proxy: ProxyTarget) {
    proxies[proxy.host] = addresses
    set = SourceSet(addresses: proxies.values.joined(), networks: networks)
  }

  public func contains(_ address: IPAddress) -> Bool { set.contains(address) }
}
