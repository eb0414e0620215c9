import SIPCodec
import XMPPStack

/// How XMPP addresses become SIP URIs and back.
///
/// `username_to_phone` is applied to each user part that is written and reversed on each that is read.
public struct Identities: Sendable {
  /// The XMPP domain whose users SIP calls for.
  public let domain: String
  /// Our own domain, below which phones are contacts; `nil` where clients connect to the gateway itself.
  public let component: String?
  /// Whether the server hands over all Jingle of its users (`intercept`): then who calls from their domain is one of them.
  public var speaksForUsers = false
  /// Hosts of From URIs that belong to contacts without a host: the proxies', by name and address.
  public var proxyHosts: Set<String> = []
  private let numbers: PhoneNumbers

  /// The resource of contacts.
  static let resource = "sip"

  /// How the id of a set begins that goes out in the name of a user. By it the module for the server knows whose the
  /// answers are (Plugins/Prosody).
  static let idPrefix = "jsg-"

  /// Whether what comes from this address comes from a user of the server, and not from a contact below our domain.
  func isUser(_ peer: JID) -> Bool { speaksForUsers && peer.domain == domain }

  public init(domain: String, component: String? = nil, numbers: PhoneNumbers) {
    self.domain = domain.lowercased()
    self.component = component?.lowercased()
    self.numbers = numbers
  }

  // MARK: From XMPP to SIP

  /// Whom a client calls with this address; `nil` for one without a user.
  ///
  /// Below a component's domain `user\40host` is a SIP address (XEP-0106); elsewhere it is a user of that name.
  func callee(of contact: JID) -> SIPCallee? {
    if contact.domain == component { return SIPCallee(contact: contact) }
    return contact.local.map { .number(JID.unescapedLocal($0)) }
  }

  /// As which device a contact speaks: below a component's domain the full address.
  func device(of contact: JID) -> JID? {
    guard contact.local != nil else { return nil }
    return contact.domain == component ? contact.bare.with(resource: Self.resource) : contact
  }

  /// `sip:USER@HOST`; everything in `user` that a URI cannot hold is escaped.
  func uri(user: String, host: String) -> URI.Draft {
    URI.Draft(scheme: .sip, user: Self.escaped(user), host: host)
  }

  /// The To of a call: `USER <sip:USER@DOMAIN>` with the domain of the contact, or the host of a SIP address.
  func callee(of contact: JID, _ routed: RoutedCall) -> NameAddr.Draft {
    nameAddress(routed.user, host: routed.host ?? contact.domain)
  }

  /// The From of a call: `USER <sip:USER@DOMAIN>` with the domain of the caller.
  func caller(_ jid: JID, _ routed: RoutedCall) -> NameAddr.Draft { nameAddress(routed.caller, host: jid.domain) }

  /// A display name is a token or quoted.
  private func nameAddress(_ user: String, host: String) -> NameAddr.Draft {
    let name = Self.escaped(user)
    return NameAddr.Draft(
      displayName: name.utf8.allSatisfy(Self.isTokenByte) ? name : "\"\(name)\"", uri: uri(user: user, host: host))
  }

  // MARK: From SIP to XMPP

  /// The local part of an address for the user part of a SIP URI.
  func local(of user: String) -> String {
    JID.escapedLocal(numbers.user(of: Self.unescaped(user)))
  }

  /// The callee of an INVITE: the user of the Request-URI, in the Request-URI's host if we serve it, else To's host if we
  /// serve that, else in our domain. There is one domain, so the user decides.
  func callee(of message: SIPMessage) -> JID? {
    guard let user = message.requestLine?.uri.user ?? message.requestLine?.uri.number else { return nil }
    return JID(local: local(of: user.string), domain: domain)
  }

  /// As whom the caller of an INVITE appears: the bare address of the From; below a component's domain the contact
  /// `USER@component/sip`, or `user\40host@component/sip` for a host other than the proxies' and our own. Where the server
  /// hands over what its users send, a caller with their domain is that user.
  func caller(of message: SIPMessage) -> JID? {
    guard let uri = message.headers.from?.party.address.uri else { return nil }
    let host = (uri.host?.string ?? domain).lowercased()
    let user = uri.user ?? uri.number
    guard let component else {
      return JID(local: user.map { self.local(of: $0.string) }, domain: host)
    }
    if speaksForUsers, let user, host == domain { return JID(local: self.local(of: user.string), domain: domain) }
    guard let user else { return JID(local: nil, domain: component, resource: Self.resource) }
    var local = self.local(of: user.string)
    if uri.host != nil, host != component, !proxyHosts.contains(host) {
      local = JID.escapedLocal("\(Self.unescaped(user.string))@\(host)")
    }
    return JID(local: local, domain: component, resource: Self.resource)
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
