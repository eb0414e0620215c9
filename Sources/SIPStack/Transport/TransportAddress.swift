#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// How messages travel.
public enum TransportKind: Hashable, Sendable {
  case udp, tcp, tls

  /// Whether what is sent arrives, once and in order (RFC 3261 §17).
  public var isReliable: Bool { self != .udp }

  /// The port where none is named (RFC 3261 §18.2.1).
  public var defaultPort: UInt16 { self == .tls ? 5061 : 5060 }
}

/// An IPv4 or IPv6 address.
public struct IPAddress: Hashable, Sendable, CustomStringConvertible {
  /// 4 or 16 bytes in network order: the upper half first, an IPv4 address in the lowest 32 bits.
  let high: UInt64
  let low: UInt64
  public let isIPv6: Bool

  init(high: UInt64, low: UInt64, isIPv6: Bool) {
    self.high = high
    self.low = low
    self.isIPv6 = isIPv6
  }

  public init(ipv4 value: UInt32) { self.init(high: 0, low: UInt64(value), isIPv6: false) }

  /// From 4 or 16 bytes in network order; `nil` for any other number. An IPv4 address mapped into IPv6, as sockets of
  /// both families report it, becomes the IPv4 address.
  public init?(networkBytes bytes: some Collection<UInt8>) {
    if bytes.count == 4 {
      self.init(ipv4: bytes.reduce(0) { $0 << 8 | UInt32($1) })
      return
    }
    guard bytes.count == 16 else { return nil }
    let high = bytes.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
    let low = bytes.suffix(8).reduce(0) { $0 << 8 | UInt64($1) }
    if high == 0, low >> 32 == 0xFFFF {
      self.init(ipv4: UInt32(truncatingIfNeeded: low))
    } else {
      self.init(high: high, low: low, isIPv6: true)
    }
  }

  /// From its text, an IPv6 address with or without brackets; `nil` where it is none.
  public init?(_ text: String) {
    // For the C library the text would end there.
    if text.utf8.contains(0) { return nil }
    let bare = text.hasPrefix("[") && text.hasSuffix("]") ? String(text.dropFirst().dropLast()) : text
    var ipv4 = in_addr()
    var ipv6 = in6_addr()
    if inet_pton(AF_INET, bare, &ipv4) == 1 {
      self.init(ipv4: UInt32(bigEndian: ipv4.s_addr))
    } else if inet_pton(AF_INET6, bare, &ipv6) == 1 {
      self.init(networkBytes: withUnsafeBytes(of: &ipv6) { Array($0) })
    } else {
      return nil
    }
  }

  /// `::`, the address of a socket that serves both families.
  public var isUnspecifiedIPv6: Bool { isIPv6 && high == 0 && low == 0 }

  /// 4 or 16 bytes in network order.
  public var networkBytes: [UInt8] {
    let lowBytes = (0..<8).map { UInt8(truncatingIfNeeded: low >> UInt64(56 - 8 * $0)) }
    if !isIPv6 { return Array(lowBytes.suffix(4)) }
    return (0..<8).map { UInt8(truncatingIfNeeded: high >> UInt64(56 - 8 * $0)) } + lowBytes
  }

  /// The text of RFC 5952, an IPv6 address without brackets.
  public var description: String {
    var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
    let bytes = networkBytes
    guard inet_ntop(isIPv6 ? AF_INET6 : AF_INET, bytes, &text, socklen_t(text.count)) != nil else { return "" }
    return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}

/// Where a message goes to or comes from.
public struct TransportAddress: Hashable, Sendable, CustomStringConvertible {
  public var transport: TransportKind
  public var address: IPAddress
  public var port: UInt16
  /// The connection of a reliable transport by which a message came, so that its responses take the same way back
  /// (RFC 3261 §18.2.2). Where it is gone, and where there is none, one to address and port is taken.
  public var connection: UInt64?
  /// The connection by which the peer's messages come, for a request to the address that the peer has named: it is taken
  /// where none to that address can be opened, as to a phone behind a firewall.
  public var returnConnection: UInt64?

  public init(
    transport: TransportKind, address: IPAddress, port: UInt16, connection: UInt64? = nil,
    returnConnection: UInt64? = nil
  ) {
    self.transport = transport
    self.address = address
    self.port = port
    self.connection = connection
    self.returnConnection = returnConnection
  }

  /// `127.0.0.1:5060/udp`, `[::1]:5060/tcp`.
  public var description: String {
    (address.isIPv6 ? "[\(address)]" : "\(address)") + ":\(port)/\(transport)"
  }

  /// Where the responses to a request go that came from this address (RFC 3261 §18.2.2, RFC 3581 §4): back by the
  /// connection, and where that is gone by a new one to the port of the Via's sent-by; over UDP to the group of `maddr`,
  /// or to the port that it came from where the Via has `rport`, else to that of the sent-by.
  public func replyAddress(maddr: IPAddress?, hasReturnPort: Bool, sentByPort: UInt16?) -> TransportAddress {
    let viaPort = sentByPort ?? transport.defaultPort
    if transport.isReliable {
      return TransportAddress(transport: transport, address: address, port: viaPort, connection: connection)
    }
    if let maddr { return TransportAddress(transport: transport, address: maddr, port: viaPort) }
    return hasReturnPort ? self : TransportAddress(transport: transport, address: address, port: viaPort)
  }
}
