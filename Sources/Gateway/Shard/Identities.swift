import SIPCodec
import XMPPStack

/// How XMPP addresses become SIP URIs and back, in embedded mode.
///
/// `username_to_phone` is applied to each user part that is written and reversed on each that is read.
public struct Identities: Sendable {
  /// The XMPP domain that we serve.
  public let domain: String
  private let numbers: PhoneNumbers

  public init(domain: String, numbers: PhoneNumbers) {
    self.domain = domain.lowercased()
    self.numbers = numbers
  }

  /// The user part of a SIP URI for the local part of an address, which may itself be an escaped SIP user (XEP-0106).
  func user(of jid: JID) -> String? {
    guard let local = jid.local else { return nil }
    return Self.escaped(numbers.phone(of: JID.unescapedLocal(local)))
  }

  /// The local part of an address for the user part of a SIP URI.
  func local(of user: String) -> String {
    JID.escapedLocal(numbers.user(of: Self.unescaped(user)))
  }

  /// `sip:USER@HOST`.
  func uri(of jid: JID, host: String? = nil, port: UInt16? = nil) -> URI.Draft {
    URI.Draft(scheme: .sip, user: user(of: jid), host: host ?? jid.domain, port: port)
  }

  /// `USER <sip:USER@DOMAIN>`, of the bare address.
  func nameAddress(of jid: JID) -> NameAddr.Draft {
    let user = user(of: jid)
    // A display name is a token or quoted.
    let name = user.map { user in
      user.utf8.allSatisfy(Self.isTokenByte) ? user : "\"\(user)\""
    }
    return NameAddr.Draft(displayName: name, uri: uri(of: jid))
  }

  /// The callee of an INVITE: the user of the Request-URI, in the Request-URI's host if we serve it, else To's host if we
  /// serve that, else in our domain. There is one domain, so the user decides.
  func callee(of message: SIPMessage) -> JID? {
    guard let user = message.requestLine?.uri.user ?? message.requestLine?.uri.number else { return nil }
    return JID(local: local(of: user.string), domain: domain)
  }

  /// The bare address of a From.
  func caller(of message: SIPMessage) -> JID? {
    guard let uri = message.headers.from?.party.address.uri else { return nil }
    let host = uri.host?.string ?? domain
    guard let user = uri.user ?? uri.number else { return JID(local: nil, domain: host) }
    return JID(local: local(of: user.string), domain: host)
  }

  private static func isTokenByte(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
    default: "-.!%*_+`'~".utf8.contains(byte)
    }
  }

  /// RFC 3261 §25.1: what a user part may hold without escape.
  private static func isUserByte(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
    default: "-_.!~*'()&=+$,;?/".utf8.contains(byte)
    }
  }

  /// Writes all other bytes as `%` and two hexadecimal digits.
  static func escaped(_ user: String) -> String {
    var result: [UInt8] = []
    for byte in user.utf8 {
      if isUserByte(byte) {
        result.append(byte)
      } else {
        let digits = Array("0123456789ABCDEF".utf8)
        result += [0x25, digits[Int(byte >> 4)], digits[Int(byte & 15)]]
      }
    }
    return String(decoding: result, as: UTF8.self)
  }

  static func unescaped(_ user: String) -> String {
    let bytes = Array(user.utf8)
    var result: [UInt8] = []
    var index = 0
    while index < bytes.count {
      if bytes[index] == 0x25, index + 2 < bytes.count, let high = digit(bytes[index + 1]),
        let low = digit(bytes[index + 2])
      {
        result.append(high << 4 | low)
        index += 3
      } else {
        result.append(bytes[index])
        index += 1
      }
    }
    return String(decoding: result, as: UTF8.self)
  }

  private static func digit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case 0x30...0x39: byte - 0x30
    case 0x41...0x46: byte - 0x41 + 10
    case 0x61...0x66: byte - 0x61 + 10
    default: nil
    }
  }
}
