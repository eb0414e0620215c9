import CodecRuntime

/// An XMPP address (RFC 7622), bare or full.
///
/// Preparation is an approximation of what RFC 7622 §3 asks for: ASCII letters of the localpart and the domainpart
/// become lower case, other code points stay as they are (no width mapping, no NFC, no Unicode case mapping, no
/// conversion of A-labels), and what no profile can allow is refused: control characters, spaces outside of a
/// resourcepart, and in a localpart the characters of §3.3.1. Two addresses that differ otherwise are different.
public struct JID: Hashable, Sendable, CustomStringConvertible {
  public let local: String?
  public let domain: String
  public let resource: String?

  /// RFC 7622 §3: no part is longer.
  public static let maximumPartBytes = 1023

  /// `nil` where a part is empty, too long or holds what it must not.
  public init?(local: String?, domain: String, resource: String? = nil) {
    var domain = domain
    // RFC 7622 §3.2: the trailing dot of a fully qualified name is no part of it.
    if domain.utf8.last == 0x2E { domain.removeLast() }
    guard Self.isValid(domain, isAllowed: Self.isAllowedInDomain) else { return nil }
    if let local, !Self.isValid(local, isAllowed: Self.isAllowedInLocal) { return nil }
    if let resource, !Self.isValid(resource, isAllowed: Self.isAllowedInResource) { return nil }
    self.local = local.map(Self.lowercased)
    self.domain = Self.lowercased(domain)
    self.resource = resource
  }

  /// Parses an address as RFC 7622 §3.1 does: the first slash begins the resourcepart, the first at-sign before it
  /// ends the localpart.
  public init?(_ text: String) {
    let bytes = text.utf8
    guard bytes.count <= 3 * Self.maximumPartBytes + 2 else { return nil }
    let slash = bytes.firstIndex(of: 0x2F) ?? bytes.endIndex
    let at = bytes[..<slash].firstIndex(of: 0x40)
    let domainStart = at.map { bytes.index(after: $0) } ?? bytes.startIndex
    self.init(
      local: at.map { String(text[..<$0]) }, domain: String(text[domainStart..<slash]),
      resource: slash == bytes.endIndex ? nil : String(text[bytes.index(after: slash)...]))
  }

  public init?(_ text: Text) {
    guard text.count <= 3 * Self.maximumPartBytes + 2 else { return nil }
    self.init(text.string)
  }

  private init(checkedLocal local: String?, domain: String, resource: String?) {
    self.local = local
    self.domain = domain
    self.resource = resource
  }

  /// The address without its resourcepart.
  public var bare: JID { JID(checkedLocal: local, domain: domain, resource: nil) }
  public var isBare: Bool { resource == nil }

  /// The full address of one resource; `nil` where `resource` is no valid resourcepart.
  public func with(resource: String) -> JID? { JID(local: local, domain: domain, resource: resource) }

  public var description: String {
    var text = ""
    if let local { text += local + "@" }
    text += domain
    if let resource { text += "/" + resource }
    return text
  }

  private static func isValid(_ part: String, isAllowed: (Unicode.Scalar) -> Bool) -> Bool {
    !part.isEmpty && part.utf8.count <= maximumPartBytes && part.unicodeScalars.allSatisfy(isAllowed)
  }

  private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
    scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value) || scalar.value & 0xFFFE == 0xFFFE
      || scalar.value == 0xFFFD
  }

  private static func isAllowedInResource(_ scalar: Unicode.Scalar) -> Bool { !isControl(scalar) }

  private static func isAllowedInLocal(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar {
    case " ", "\"", "&", "'", "/", ":", "<", ">", "@": false
    default: !isControl(scalar) && !scalar.properties.isWhitespace
    }
  }

  private static func isAllowedInDomain(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar {
    case " ", "\"", "&", "'", "/", "<", ">", "@", "\\": false
    default: !isControl(scalar) && !scalar.properties.isWhitespace
    }
  }

  private static func lowercased(_ text: String) -> String {
    guard text.utf8.contains(where: { $0 &- 0x41 < 26 }) else { return text }
    return String(decoding: text.utf8.map { CodecRuntime.lowercased($0) }, as: UTF8.self)
  }
}

// MARK: XEP-0106

extension JID {
  private static let escapes: [(character: UInt8, code: StaticString)] = [
    (0x20, "20"), (0x22, "22"), (0x26, "26"), (0x27, "27"), (0x2F, "2f"), (0x3A, "3a"), (0x3C, "3c"), (0x3E, "3e"),
    (0x40, "40"), (0x5C, "5c"),
  ]

  /// A localpart for an address of another network (XEP-0106 §4): `a@b` becomes `a\40b`.
  ///
  /// Spaces at the ends are dropped, as `\20` must stand at neither. A backslash is escaped only where it would be
  /// read as the beginning of an escape.
  public static func escapedLocal(_ text: String) -> String {
    let bytes = Array(text.utf8)
    guard let first = bytes.firstIndex(where: { $0 != 0x20 }), let last = bytes.lastIndex(where: { $0 != 0x20 }) else {
      return ""
    }
    var escaped: [UInt8] = []
    escaped.reserveCapacity(bytes.count)
    for index in first...last {
      let byte = bytes[index]
      let code = escapes.first { $0.character == byte }?.code
      if let code, byte != 0x5C || escapedCharacter(bytes, at: index) != nil {
        escaped.append(0x5C)
        escaped.append(contentsOf: UnsafeBufferPointer(start: code.utf8Start, count: code.utf8CodeUnitCount))
      } else {
        escaped.append(byte)
      }
    }
    return String(decoding: escaped, as: UTF8.self)
  }

  /// What ``escapedLocal(_:)`` was made of (XEP-0106 §4).
  public static func unescapedLocal(_ local: String) -> String {
    let bytes = Array(local.utf8)
    guard bytes.contains(0x5C) else { return local }
    var text: [UInt8] = []
    text.reserveCapacity(bytes.count)
    var index = 0
    while index < bytes.count {
      if let character = escapedCharacter(bytes, at: index) {
        text.append(character)
        index += 3
      } else {
        text.append(bytes[index])
        index += 1
      }
    }
    return String(decoding: text, as: UTF8.self)
  }

  /// The character that the three bytes from `index` on are the escape of.
  private static func escapedCharacter(_ bytes: [UInt8], at index: Int) -> UInt8? {
    guard index + 2 < bytes.count, bytes[index] == 0x5C else { return nil }
    let high = CodecRuntime.lowercased(bytes[index + 1])
    let low = CodecRuntime.lowercased(bytes[index + 2])
    return escapes.first { $0.code.utf8Start[0] == high && $0.code.utf8Start[1] == low }?.character
  }
}
