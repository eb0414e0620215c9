import SIPStack

/// A SIP proxy that requests can go to: `HOST`, `HOST:PORT`, either followed by `;transport=udp`, `tcp` or `tls`.
public struct ProxyTarget: Hashable, Sendable, CustomStringConvertible {
  /// In lower case; an IPv6 address without brackets.
  public let host: String
  public let port: UInt16
  public let transport: SIPConfiguration.Transport

  public init(host: String, port: UInt16, transport: SIPConfiguration.Transport) {
    self.host = SIPHost(host)?.text ?? host.lowercased()
    self.port = port
    self.transport = transport
  }

  /// From its text; where that names no port, it is 5060, for TLS 5061 (RFC 3261 §19.1.2). `nil` where it is none.
  public init?(_ text: String, transport defaultTransport: SIPConfiguration.Transport = .udp) {
    let parts = text.split(separator: ";", omittingEmptySubsequences: false)
    guard let first = parts.first, parts.count <= 2 else { return nil }
    var transport = defaultTransport
    if parts.count == 2 {
      let parameter = parts[1].lowercased().split(separator: "=", omittingEmptySubsequences: false)
      guard parameter.count == 2, parameter[0] == "transport",
        let named = SIPConfiguration.Transport(rawValue: String(parameter[1]))
      else { return nil }
      transport = named
    }
    var host = first
    var port: UInt16 = transport == .tls ? 5061 : 5060
    // A colon within an IPv6 address is none before a port.
    if IPAddress(String(first)) == nil, let colon = first.utf8.lastIndex(of: 0x3A) {
      let digits = first[first.utf8.index(after: colon)...]
      host = first[..<colon]
      guard digits.utf8.allSatisfy({ 0x30...0x39 ~= $0 }), let number = UInt16(digits), number > 0,
        !host.utf8.contains(0x3A) || host.utf8.first == 0x5B
      else { return nil }
      port = number
    }
    guard let host = SIPHost(String(host)) else { return nil }
    self.init(host: host.text, port: port, transport: transport)
  }

  /// The host as it stands in a URI.
  public var uriHost: String { SIPConfiguration.uriHost(host) }

  /// `HOST:PORT`, with `;transport=` where that is not UDP: as in the configuration and behind the `@` of a URI.
  public var description: String {
    "\(uriHost):\(port)" + (transport == .udp ? "" : ";transport=\(transport.rawValue)")
  }
}

/// The host of a SIP URI in one spelling, so that equal hosts have equal texts (RFC 3261 §19.1.4, §25.1).
struct SIPHost: Hashable {
  /// A name in lower case without the dot of the root, or an IP address as RFC 5952 writes it, without brackets.
  let text: String

  /// RFC 1035 §2.3.4
  static let maximumBytes = 255

  /// `nil` where it is neither. A name whose last label is a number is none, for `127.1` and `0x7f000001` are addresses to
  /// the C library. (The RFC's `toplabel` must even begin with a letter, which not all hosts of local networks do.)
  init?(_ host: String) {
    guard 1...Self.maximumBytes ~= host.utf8.count else { return nil }
    let isBracketed = host.utf8.first == 0x5B
    if let address = IPAddress(host), address.isIPv6 || !isBracketed || host.utf8.contains(0x3A) {
      text = "\(address)"
      return
    }
    let name = host.utf8.last == 0x2E ? host.dropLast() : host[...]
    let labels = name.utf8.split(separator: 0x2E, omittingEmptySubsequences: false)
    guard let top = labels.last, !Self.isNumber(top), labels.allSatisfy(Self.isLabel) else { return nil }
    text = name.lowercased()
  }

  private static func isNumber(_ label: Substring.UTF8View) -> Bool {
    if label.allSatisfy({ 0x30...0x39 ~= $0 }) { return true }
    guard label.first == 0x30, let mark = label.dropFirst().first, mark | 0x20 == 0x78 else { return false }
    return label.dropFirst(2).allSatisfy { 0x30...0x39 ~= $0 || 0x61...0x66 ~= $0 | 0x20 }
  }

  /// The underscore is none of the RFC's, but stands in names of test networks.
  private static func isLabel(_ label: Substring.UTF8View) -> Bool {
    guard 1...63 ~= label.count, label.first != 0x2D, label.last != 0x2D else { return false }
    return label.allSatisfy { byte in
      switch byte {
      case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x5F: true
      default: false
      }
    }
  }
}
