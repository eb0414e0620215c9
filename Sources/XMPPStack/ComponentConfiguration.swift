import CodecRuntime
import XMLReader

public struct ComponentConfiguration: Sendable {
  /// An identity of XEP-0030 §3.1, from the registry of its categories.
  public struct Identity: Hashable, Sendable {
    public var category: String
    public var type: String
    /// For people to read.
    public var name: String?

    public init(category: String, type: String, name: String? = nil) {
      self.category = category
      self.type = type
      self.name = name
    }
  }

  /// Where the server listens for components.
  public var host: String
  public var port: UInt16
  /// The domain of the component.
  public var domain: String
  /// The domain whose users the server has.
  public var userDomain: String
  public var secret: String

  /// What people see as the name of the domain (XEP-0054).
  public var name = "Gateway"
  /// What XEP-0100 says above the field for an address.
  public var prompt = "A phone number, or user@host"
  /// The `node` of XEP-0115: which software this is.
  public var softwareNode = "urn:xmpp:component"
  /// The resource of each contact.
  public var resource = "sip"

  /// Of the domain. Its own features need not be listed.
  public var domainIdentities: [Identity] = []
  /// Of each contact, with what it can do besides the stack's own features.
  public var contactIdentities: [Identity] = []
  public var contactFeatures: [String] = []

  /// What is handed over.
  public var interceptedPayloads: [InterceptedPayload] = []
  /// Whether the server hands over stanzas to addresses of `userDomain`, and the component sends as its users.
  public var intercepts = false

  /// From the beginning of a connection to its handshake.
  public var negotiationTimeout: UInt64 = 15_000_000_000
  /// The first pause between two attempts, and the longest; each is twice the one before.
  public var firstRetryDelay: UInt64 = 1_000_000_000
  public var maximumRetryDelay: UInt64 = 60_000_000_000
  /// How long the server may say nothing until it is asked (XEP-0199 §4.4), and how long it has to answer.
  public var silence: UInt64 = 60_000_000_000
  public var pingTimeout: UInt64 = 30_000_000_000
  /// How long a resource has to answer disco#info.
  public var discoveryTimeout: UInt64 = 30_000_000_000

  public var stanzaLimits = XMLLimits()
  /// Users of all domains whose presence is known, and resources of one of them.
  public var maximumUsers = 20_000
  public var maximumResources = 16
  /// Pairs of a contact and somebody subscribed to it that are told when the stream comes back.
  public var maximumWatchers = 20_000
  /// ``Component/subscriptions`` of the last run: nobody tells a component that begins anew who sees its contacts.
  public var knownSubscriptions: [ContactSubscription] = []

  public init(host: String = "127.0.0.1", port: UInt16 = 5347, domain: String, userDomain: String, secret: String) {
    self.host = host
    self.port = port
    self.domain = domain
    self.userDomain = userDomain
    self.secret = secret
  }
}

/// Why there is no stream to the server.
public enum ComponentFailure: Error, Hashable, Sendable, CustomStringConvertible {
  case nameNotResolved(host: String, reason: String)
  /// Nobody listens there.
  case refused(host: String, port: UInt16)
  /// No connection for another reason, which the system gave.
  case unreachable(host: String, port: UInt16, reason: String)
  /// XEP-0114 §3: the server has another secret for the domain; ejabberd says so of a domain that it does not have, too.
  case wrongSecret
  /// The server has no component with the domain.
  case hostUnknown
  /// Somebody else is connected as this component. ejabberd lets both in, and gives stanzas to either.
  case conflict
  /// Another stream error (RFC 6120 §4.9.3).
  case streamError(condition: String, text: String)
  /// The connection or the handshake takes too long.
  case timeout
  /// The server has not answered a ping.
  case silent
  /// The server ended the stream or the connection without an error.
  case closed
  case connectionLost(reason: String)
  /// More waits for the server than it reads.
  case tooSlow
  /// What came is no stream of XEP-0114.
  case malformed(String)
  /// The gateway itself has ended it.
  case shutDown

  public var description: String {
    switch self {
    case .nameNotResolved(let host, let reason): "the name \(host) cannot be found: \(reason)"
    case .refused(let host, let port): "\(host) port \(port) refuses connections: nobody listens for components there"
    case .unreachable(let host, let port, let reason): "\(host) port \(port) cannot be reached: \(reason)"
    case .wrongSecret: "the server refuses the domain or its secret (not-authorized)"
    case .hostUnknown: "the server has no component with this domain (host-unknown)"
    case .conflict: "somebody else is connected as this component (conflict)"
    case .streamError(let condition, let text): text.isEmpty ? condition : "\(condition): \(text)"
    case .timeout: "the server takes too long to take the component"
    case .silent: "the server answers no more"
    case .closed: "the server has closed the stream"
    case .connectionLost(let reason): "the connection is lost: \(reason)"
    case .tooSlow: "the server does not read what it is sent"
    case .malformed(let message): "what the server sends is no stream of a component: \(message)"
    case .shutDown: "shut down"
    }
  }
}

/// What happens to a component.
public enum ComponentEvent: Sendable {
  /// Begin.
  case start
  /// The connection that ``ComponentEffect/connect`` asked for is there.
  case connected
  /// It is not, or not any more.
  case failed(ComponentFailure)
  case stream(XMLStreamEvent)
  /// The time of ``Component/nextDeadline`` has come.
  case tick
}

/// What the one who drives a component has to do, in this order.
public enum ComponentEffect: Sendable {
  /// Connect to the host and the port of the configuration; the stream begins with the first byte.
  case connect
  case send([UInt8])
  /// Give up the connection, or the attempt, when what was sent before is out. The component has forgotten it already.
  case close
  case notify(ServerNotification)
  /// For the log: there is no stream, and when the next attempt is made.
  case retry(after: UInt64, ComponentFailure)
}
