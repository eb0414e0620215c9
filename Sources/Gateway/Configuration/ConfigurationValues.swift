import SIPStack

// Single values: what they may be, and what is wrong with the others.
extension ConfigurationReader {
  func readRequired(
    _ section: inout ConfigurationSection, _ key: String, unless fault: (String) -> String?
  ) -> String? {
    if !section.contains(key) { section.error(key, "`\(key)` is missing") }
    return section.string(key, unless: fault)
  }

  /// A host name or an IP address; the brackets around an IPv6 address are taken off.
  func readHost(_ section: inout ConfigurationSection, _ key: String) -> String? {
    guard let host = section.string(key, unless: Self.faultOfHost) else { return nil }
    return host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host
  }

  static func faultOfHost(_ host: String) -> String? {
    let fault = "is \(Spelling.quoted(host)), which is no host name and no IP address"
    if host.hasPrefix("[") != host.hasSuffix("]") || host.hasPrefix("[") && !host.contains(":") { return fault }
    let inner = host.hasPrefix("[") ? host.dropFirst().dropLast() : host[...]
    if inner.isEmpty { return host.isEmpty ? "is empty" : fault }
    let isAddress = inner.contains(":")
    let isAllowed = inner.utf8.allSatisfy { byte in
      switch byte {
      case 0x30...0x39, 0x2E: true
      case 0x61...0x66, 0x41...0x46, 0x3A: true
      case 0x61...0x7A, 0x41...0x5A, 0x2D, 0x5F: !isAddress
      default: false
      }
    }
    return isAllowed ? nil : fault
  }

  static func faultOfDomain(_ domain: String) -> String? {
    if domain.isEmpty { return "is empty" }
    return containsAny(of: "@/\"&'<> ", domain) ? "is \(Spelling.quoted(domain)), which is no domain" : nil
  }

  /// RFC 7622 §3.3.1
  static func faultOfLocalpart(_ name: String) -> String? {
    if name.isEmpty { return "is empty" }
    guard containsAny(of: "\"&'/:<>@ ", name) else { return nil }
    return "is \(Spelling.quoted(name)), which cannot stand before the @ of an address"
  }

  /// What can be a user part of a SIP URI once it is escaped.
  static func faultOfURIUser(_ name: String) -> String? {
    if name.isEmpty { return "is empty" }
    return containsAny(of: "@ ", name) ? "is \(Spelling.quoted(name)), which cannot be the user of an address" : nil
  }

  static func containsAny(of characters: String, _ text: String) -> Bool {
    text.unicodeScalars.contains { scalar in
      scalar.value < 0x20 || scalar.value == 0x7F || characters.unicodeScalars.contains(scalar)
    }
  }

  /// What can stand in an element of XML and on one line.
  static func faultOfName(_ name: String) -> String? {
    if name.isEmpty { return "is empty" }
    let isAllowed = name.unicodeScalars.allSatisfy { scalar in
      scalar.value >= 0x20 && !(0x7F...0x9F).contains(scalar.value) && scalar.value & 0xFFFE != 0xFFFE
    }
    return isAllowed ? nil : "is \(Spelling.quoted(name)), which has a control character"
  }

  /// Addresses and networks.
  func readNetworks(_ section: inout ConfigurationSection, _ key: String) -> [IPNetwork] {
    let texts = section.strings(key) { text in
      if IPNetwork(text) != nil { return nil }
      let hint = IPNetwork(around: text).map { "; did you mean \"\($0)\"?" } ?? ""
      return "is \(Spelling.quoted(text)), which is no IP address and no network\(hint)"
    }
    let networks = (texts ?? []).compactMap { IPNetwork($0) }
    for network in networks where network.prefixLength == 0 {
      section.warning(key, "`\(key)`: \(network) is everybody: whoever sends a request may call")
    }
    return networks
  }
}
