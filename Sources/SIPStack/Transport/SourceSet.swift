/// Addresses and networks that messages may come from.
public struct SourceSet: Hashable, Sendable {
  private let networks: Set<IPNetwork>
  /// The lengths of their prefixes, so that a look costs as much as there are different ones, not as there are networks.
  private let lengths: [Int]

  public init(addresses: some Sequence<IPAddress>, networks: some Sequence<IPNetwork>) {
    self.networks = Set(networks).union(addresses.map { IPNetwork($0) })
    lengths = Set(self.networks.map(\.prefixLength)).sorted()
  }

  /// Whether an address is one of them or lies in one of the networks; the port is of no account.
  public func contains(_ address: IPAddress) -> Bool {
    lengths.contains { length in
      IPNetwork(around: address, prefixLength: length).map(networks.contains) ?? false
    }
  }
}
