/// All addresses that begin with the same bits: `192.0.2.0/24`, `2001:db8::/32` (RFC 4632 §3.1, RFC 4291 §2.3).
///
/// The families are apart: `::/0` is every IPv6 address and no IPv4 address. An IPv4-mapped IPv6 address is the IPv4
/// address (RFC 4291 §2.5.5.2), so `::ffff:192.0.2.0/120` is `192.0.2.0/24`.
public struct IPNetwork: Hashable, Sendable, CustomStringConvertible {
  /// The first address: all bits behind the prefix are zero.
  public let address: IPAddress
  /// Bits of the prefix: to 32 for IPv4, to 128 for IPv6.
  public let prefixLength: Int

  /// The network of this one address.
  public init(_ address: IPAddress) {
    self.address = address
    prefixLength = address.bitWidth
  }

  /// The network that `address` lies in; `nil` where the family has not so many bits.
  public init?(around address: IPAddress, prefixLength: Int) {
    guard 0...address.bitWidth ~= prefixLength else { return nil }
    self.address = address.masked(to: prefixLength)
    self.prefixLength = prefixLength
  }

  /// From `ADDRESS` or `ADDRESS/BITS`; `nil` where it is none, or where bits behind the prefix are set: then
  /// ``init(around:)`` tells which network may be meant.
  public init?(_ text: String) {
    guard let parts = Self.parts(of: text) else { return nil }
    self.init(around: parts.address, prefixLength: parts.length)
    guard address == parts.address else { return nil }
  }

  /// From `ADDRESS/BITS` of any address in it.
  public init?(around text: String) {
    guard let parts = Self.parts(of: text) else { return nil }
    self.init(around: parts.address, prefixLength: parts.length)
  }

  public func contains(_ other: IPAddress) -> Bool {
    other.isIPv6 == address.isIPv6 && other.masked(to: prefixLength) == address
  }

  /// `192.0.2.0/24`; of one address, the address alone.
  public var description: String {
    prefixLength == address.bitWidth ? "\(address)" : "\(address)/\(prefixLength)"
  }

  private static func parts(of text: String) -> (address: IPAddress, length: Int)? {
    let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    guard let first = parts.first, let address = IPAddress(String(first)) else { return nil }
    guard parts.count == 2 else { return (address, address.bitWidth) }
    let digits = parts[1].utf8
    guard 1...3 ~= digits.count, digits.allSatisfy({ 0x30...0x39 ~= $0 }), digits.count == 1 || digits.first != 0x30,
      var length = Int(parts[1])
    else { return nil }
    // Written as IPv6, it is IPv4: the first 96 bits are those that say so.
    if !address.isIPv6, first.utf8.contains(0x3A) { length -= 96 }
    return (address, length)
  }
}

extension IPAddress {
  /// 32 or 128.
  var bitWidth: Int { isIPv6 ? 128 : 32 }

  /// The address with all bits but the first `length` zero; `length` is not more than there are.
  func masked(to length: Int) -> IPAddress {
    func mask(_ value: UInt64, _ bits: Int) -> UInt64 {
      bits <= 0 ? 0 : bits >= 64 ? value : value & ~(UInt64.max >> UInt64(bits))
    }
    if isIPv6 { return IPAddress(high: mask(high, length), low: mask(low, length - 64), isIPv6: true) }
    return IPAddress(high: 0, low: mask(low, length + 32), isIPv6: false)
  }
}
