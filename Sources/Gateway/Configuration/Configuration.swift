import SIPStack

/// What a user decides about the gateway: the TOML file given to `serve --config`, with defaults for what it does not
/// say.
public struct Configuration: Equatable, Sendable {
  public var sip = SIPConfiguration()
  public var xmpp = XMPPConfiguration.embedded(EmbeddedXMPPConfiguration())
  public var calls = CallsConfiguration()
  /// `[[route]]`: the first that fits decides. Without any, the users of our domain may call by the proxy of ``sip``, and
  /// nobody else may call.
  public var routes: [Route] = []

  public init() {}
}

/// `[sip]`: the keys and defaults of MongooseIM's `mod_jingle_sip`.
///
/// Hosts are names, or IP addresses without brackets; ``uriHost(_:)`` puts them on where a URI needs them.
public struct SIPConfiguration: Equatable, Sendable {
  /// What SIP messages to the proxy go over.
  public enum Transport: String, CaseIterable, Sendable {
    case udp, tcp, tls
  }

  /// What SIP requests get that do not come from the address of a proxy or from ``trusted``.
  public enum Strangers: String, CaseIterable, Sendable {
    /// 403 (RFC 3261 §21.4.4).
    case forbidden = "403"
    case silence
  }

  /// Where the gateway listens, over UDP and TCP; port 0 takes a free one.
  public var listenHost = "127.0.0.1"
  public var listenPort: UInt16 = 5600
  /// The SIP proxy to which calls go.
  public var proxyHost = "localhost"
  public var proxyPort: UInt16 = 5060
  public var transport = Transport.udp
  /// A request of more bytes goes over TCP to a proxy that takes connections, though `transport` is UDP.
  public var udpSizeLimit = 1300
  /// The host in our SIP URIs, Via and Contact.
  public var localHost = "localhost"
  /// The address of o= lines, and of c= lines where no candidate gives one and there is no ICE.
  public var sdpOrigin = "127.0.0.1"
  public var numbers = PhoneNumbers()
  public var strangers = Strangers.forbidden
  /// Whose requests are taken besides those of the proxies.
  public var trusted: [IPNetwork] = []
  /// With it the gateway listens for TLS, and can reach proxies over TLS.
  public var tls: TLSCertificate?
  /// Where it then listens; port 0 takes a free one.
  public var tlsPort: UInt16 = 5061
  /// A file in PEM form with the authorities that certify proxies; without it those that the system trusts count.
  public var certificateAuthorities: String?

  public init() {}

  /// The proxy where no route names another one.
  public var proxy: ProxyTarget { ProxyTarget(host: proxyHost, port: proxyPort, transport: transport) }

  /// A host as it stands in a URI or a Via field: an IPv6 address in brackets (RFC 3261 §25.1).
  public static func uriHost(_ host: String) -> String { host.contains(":") ? "[\(host)]" : host }
}

/// `username_to_phone`: which user has which telephone number. Where one stands twice, the first row counts.
public struct PhoneNumbers: Equatable, Sendable {
  private var phones: [String: String] = [:]
  private var users: [String: String] = [:]

  public init() {}

  public mutating func add(user: String, phone: String) {
    if phones[user] == nil { phones[user] = phone }
    if users[phone] == nil { users[phone] = user }
  }

  /// What is written as user part of a SIP URI: the number of the user, or the user where there is none.
  public func phone(of user: String) -> String { phones[user] ?? user }

  /// Who is meant by the user part of a SIP URI.
  public func user(of phone: String) -> String { users[phone] ?? phone }

  public var isEmpty: Bool { phones.isEmpty }
}

/// `[xmpp]`: how XMPP clients reach the gateway.
public enum XMPPConfiguration: Equatable, Sendable {
  /// They connect to the gateway itself.
  case embedded(EmbeddedXMPPConfiguration)
  /// An XMPP server does the serving; the gateway is a component of it (XEP-0114).
  case component(ComponentXMPPConfiguration)
}

/// `[xmpp.embedded]`
public struct EmbeddedXMPPConfiguration: Equatable, Sendable {
  public var domain = "localhost"
  /// Where the gateway listens; port 0 takes a free one.
  public var listenHost = "127.0.0.1"
  public var listenPort: UInt16 = 5222
  /// Passwords by user name.
  public var accounts: [String: String] = [:]
  /// With it there is STARTTLS.
  public var tls: TLSCertificate?

  public init() {}
}

/// A certificate, the ones between it and its authority behind it, and its key: files in PEM form.
public struct TLSCertificate: Equatable, Sendable {
  public var certificate: String
  public var privateKey: String

  public init(certificate: String, privateKey: String) {
    self.certificate = certificate
    self.privateKey = privateKey
  }
}

/// `[xmpp.component]`
public struct ComponentXMPPConfiguration: Equatable, Sendable {
  /// The XMPP server.
  public var host = "127.0.0.1"
  public var port: UInt16 = 5347
  /// Our own domain.
  public var domain: String
  /// The domain whose users SIP calls for.
  public var userDomain: String
  public var secret: String
  /// How our domain is called, in its vCard (XEP-0054) and by service discovery (XEP-0030); contacts are called by their
  /// numbers.
  public var name = "SIP gateway"
  /// Whether telephone numbers are reached: the domain has the identity `gateway/pstn` beside `gateway/sip`.
  public var pstn = false
  /// Whether the server hands over every Jingle request of its users (`mod_jingle_sip_intercept`). The gateway then sends
  /// as those users, too.
  public var intercept = false
  /// The file that keeps who has which contact, from one run to the next.
  public var subscriptions: String?

  public init(domain: String, userDomain: String, secret: String) {
    self.domain = domain
    self.userDomain = userDomain
    self.secret = secret
  }
}

/// `[calls]`: limits. A user is a bare address.
public struct CallsConfiguration: Equatable, Sendable {
  /// Calls of one user at a time; without a number there is the default of the mode, see ``limits(of:)``.
  public var perUser: Int?
  /// Attempts of one user within one second; likewise.
  public var perUserPerSecond: Int?
  /// Seconds until a call that nobody answers ends.
  public var ringSeconds = 180

  public init() {}

  /// The limits of each user. Behind a server, where a password may be stolen, a user has 10 calls at a time and 5
  /// attempts within a second. Whose accounts stand in the configuration has no limit but what it says.
  public func limits(of mode: XMPPConfiguration) -> (calls: Int, attemptsPerSecond: Int) {
    switch mode {
    case .embedded: (perUser ?? .max, perUserPerSecond ?? 1_000_000)
    case .component: (perUser ?? 10, perUserPerSecond ?? 5)
    }
  }
}
