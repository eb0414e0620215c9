import SIPCodec

/// A media type without its parameters, such as `application/sdp`; compared without regard to case (RFC 2045 §5.1).
public struct MediaType: Hashable, Sendable, CustomStringConvertible {
  public let type: String
  public let subtype: String

  public init(type: String, subtype: String) {
    self.type = type
    self.subtype = subtype
  }

  /// That of a Content-Type.
  public init(_ header: ContentTypeHeader) { self.init(type: header.type.string, subtype: header.subtype.string) }

  public static func == (left: MediaType, right: MediaType) -> Bool {
    left.type.lowercased() == right.type.lowercased() && left.subtype.lowercased() == right.subtype.lowercased()
  }

  public func hash(into hasher: inout Hasher) {
    hasher.combine(type.lowercased())
    hasher.combine(subtype.lowercased())
  }

  public var description: String { "\(type)/\(subtype)" }

  /// Whether a range of Accept has this type in it: `application/sdp`, `application/*` or `*/*` (RFC 3261 §20.1).
  func matches(_ range: AcceptRange) -> Bool {
    let isAnyType = range.type.string == "*"
    if !isAnyType, range.type.string.lowercased() != type.lowercased() { return false }
    return range.subtype.string == "*" || !isAnyType && range.subtype.string.lowercased() == subtype.lowercased()
  }

  /// How narrow a range is: 0 for `*/*`, 2 for one type (RFC 3261 §20.1).
  static func specificity(of range: AcceptRange) -> Int {
    (range.type.string == "*" ? 0 : 1) + (range.subtype.string == "*" ? 0 : 1)
  }

  /// `q=0`: all but this (RFC 3261 §20.1).
  static func isRefused(_ range: AcceptRange) -> Bool { range.q?.string.allSatisfy { $0 == "0" || $0 == "." } ?? false }
}

/// A body and what it is.
public struct SIPBody: Sendable {
  public var contentType: ContentTypeHeader.Draft
  public var bytes: [UInt8]

  public init(contentType: ContentTypeHeader.Draft, bytes: [UInt8]) {
    self.contentType = contentType
    self.bytes = bytes
  }

  public init(_ mediaType: MediaType, _ bytes: [UInt8]) {
    self.init(contentType: .init(type: mediaType.type, subtype: mediaType.subtype), bytes: bytes)
  }
}

/// Who a user agent is and what it can.
public struct SIPUserAgentConfiguration: Sendable {
  /// The host of our Via and Contact; an IPv6 address in brackets.
  public var localHost: String
  /// The port of our Via and Contact where messages come over UDP and TCP.
  public var localPort: UInt16
  /// The one where they come over TLS.
  public var localTLSPort = TransportKind.tls.defaultPort
  /// By which our requests go where a URI does not say otherwise.
  public var transport: TransportKind
  /// By which requests can go; a URI that asks for another one is reached by the way that its message came.
  public var transports: Set<TransportKind>
  /// A request of more bytes goes over TCP where it would go over UDP and ``transports`` has TCP, unless its destination
  /// takes no connection (RFC 3261 §18.1.1: the MTU of the path is not known).
  public var datagramLimit = 1300
  /// How long our re-INVITE, once a provisional response has come, waits for the final one: as long as a proxy does
  /// (timer C, RFC 3261 §16.6).
  public var updatePatience = Interval.seconds(180)
  /// For User-Agent and Server.
  public var product: ServerVal.Draft
  /// For Allow. Known methods that are not here are answered 405; unknown ones 501.
  public var allowedMethods: [Method] = [.invite, .ack, .cancel, .bye, .options, .info]
  /// For Supported. A Require with any other tag is answered 420. With `timer` peers may have a session that is refreshed
  /// (RFC 4028); we do not ask for it.
  public var supportedOptions: [OptionTag] = []
  /// For Accept. An INVITE with a body of another type is answered 415, unless it says that the body is optional.
  public var acceptedMediaTypes: [MediaType] = []
  /// For Recv-Info (RFC 6086 §4.2.2).
  public var receivedInfoPackages: [String] = []
  public var timers = TimerConfiguration.standard
  /// Legs at one time; further INVITEs are answered 503.
  public var maximumLegs = 20_000
  /// Transactions at one time.
  public var maximumTransactions = 100_000

  public init(
    localHost: String, localPort: UInt16, transport: TransportKind = .udp, product: ServerVal.Draft
  ) {
    self.localHost = localHost
    self.localPort = localPort
    self.transport = transport
    transports = [transport]
    self.product = product
  }

  func localPort(over transport: TransportKind) -> UInt16 { transport == .tls ? localTLSPort : localPort }
}
