import CodecRuntime
import XMLReader

/// A connection of a client, numbered by the listener.
public struct ConnectionID: Hashable, Sendable {
  public let rawValue: UInt64
  public init(_ rawValue: UInt64) { self.rawValue = rawValue }
}

public struct EmbeddedServerConfiguration: Sendable {
  /// The one domain that is served.
  public var domain: String
  /// Passwords by user name.
  public var accounts: [String: String]
  public var interceptedPayloads: [InterceptedPayload] = []
  /// Features that disco#info of the domain lists besides the server's own (XEP-0030).
  public var features: [String] = []
  /// Whether the one who drives the server can encrypt a connection: clients are offered STARTTLS (RFC 6120 §5).
  public var offersTLS = false
  public var maximumConnections = 1000
  /// Resources that one account can have bound at a time.
  public var maximumResources = 16
  /// From the connection to the binding of a resource.
  public var negotiationTimeout: UInt64 = 30_000_000_000
  /// RFC 6120 §6.4.5: failed attempts at authentication before the stream is closed.
  public var maximumFailedAttempts = 3
  /// What is read before a client has authenticated; no less is allowed by RFC 6120 §13.12.
  public var negotiationLimits = XMLLimits(maximumBytes: 10_000, maximumDepth: 16)
  public var stanzaLimits = XMLLimits()

  public init(domain: String, accounts: [String: String]) {
    self.domain = domain
    self.accounts = accounts
  }
}

/// What happens to the embedded server.
public enum ServerEvent: Sendable {
  /// Passwords are taken on a loopback or encrypted connection only (RFC 4616 §6).
  case connectionOpened(ConnectionID, isLoopback: Bool, isEncrypted: Bool)
  case stream(ConnectionID, XMLStreamEvent)
  case connectionClosed(ConnectionID)
  /// The time of ``EmbeddedServer/nextDeadline`` has come.
  case tick
}

/// What the one who drives the embedded server has to do, in this order.
public enum ServerEffect: Sendable {
  case send(ConnectionID, [UInt8])
  /// Close the connection when what was sent before is out. The server has forgotten it already.
  case close(ConnectionID)
  /// A new stream begins with the next byte, with these limits.
  case restartStream(ConnectionID, XMLLimits)
  /// When what was sent before is out, the next byte is one of TLS, and a new stream begins within it. What came in the
  /// clear behind the request is not to be read as part of that stream (RFC 6120 §5.3.4).
  case startTLS(ConnectionID)
  case notify(ServerNotification)
}

/// The XMPP server inside the gateway (RFC 6120, the parts of RFC 6121 that do without rosters, XEP-0030, XEP-0199):
/// one domain, the accounts of the configuration, no federation, nothing stored.
///
/// A value without I/O: events and the time go in, effects come out. ``EmbeddedListener`` drives it.
public struct EmbeddedServer: Sendable {
  public let configuration: EmbeddedServerConfiguration
  public let domain: JID

  var connections: [ConnectionID: Connection] = [:]
  /// The bound resources of each user.
  var sessions: [String: [Session]] = [:]
  var effects: [ServerEffect] = []
  private let passwords: [String: [UInt8]]
  private var random: any RandomNumberGenerator & Sendable
  /// When connections that have not bound a resource are closed, in this order. Others may still be listed.
  private var negotiations: [(deadline: UInt64, connection: ConnectionID)] = []
  private var firstNegotiation = 0

  enum Phase: Equatable {
    /// The first stream header is awaited.
    case opening
    /// SASL was offered.
    case negotiating
    /// `<auth/>` for PLAIN came without an initial response.
    case awaitingResponse
    /// The stream header after SASL is awaited.
    case authenticated(user: String)
    /// Resource binding was offered.
    case binding(user: String)
    case bound(JID)
  }

  struct Connection {
    var phase = Phase.opening
    let isLoopback: Bool
    var isEncrypted: Bool
    var mayUsePasswords: Bool { isLoopback || isEncrypted }
    var hasSentHeader = false
    var failedAttempts = 0
  }

  struct Session {
    let jid: JID
    let connection: ConnectionID
    /// The last available presence, `nil` while the resource is not available.
    var presence: XMLElement?
    var priority: Int8 = 0
    /// What the gateway waits for from this resource, and until when it is kept.
    var awaited: [AwaitedResponse: UInt64] = [:]
  }

  /// `nil` where the domain or a user name of the configuration is no part of a JID.
  public init?(
    configuration: EmbeddedServerConfiguration,
    random: any RandomNumberGenerator & Sendable = SystemRandomNumberGenerator()
  ) {
    guard let domain = JID(local: nil, domain: configuration.domain) else { return nil }
    var passwords: [String: [UInt8]] = [:]
    for (name, password) in configuration.accounts {
      guard let user = JID(local: name, domain: domain.domain)?.local else { return nil }
      passwords[user] = Array(password.utf8)
    }
    self.configuration = configuration
    self.domain = domain
    self.passwords = passwords
    self.random = random
  }

  // MARK: Driving

  public mutating func handle(_ event: ServerEvent, at now: UInt64) -> [ServerEffect] {
    switch event {
    case .connectionOpened(let id, let isLoopback, let isEncrypted):
      connections[id] = Connection(isLoopback: isLoopback, isEncrypted: isEncrypted)
      if connections.count > configuration.maximumConnections {
        fail(id, .resourceConstraint)
      } else {
        negotiations.append((now + configuration.negotiationTimeout, id))
      }
    case .stream(let id, let event): handle(event, on: id, at: now)
    case .connectionClosed(let id): forget(id)
    case .tick: closeLateNegotiations(at: now)
    }
    return takeEffects()
  }

  /// When ``ServerEvent/tick`` is wanted, in the time that `now` counts.
  public var nextDeadline: UInt64? {
    firstNegotiation < negotiations.count ? negotiations[firstNegotiation].deadline : nil
  }

  /// Sends a stanza of the gateway to one resource. `nil`: it is not connected.
  ///
  /// The stanza is written for a stream whose default namespace is `jabber:client`. With `awaiting` the answer comes
  /// as ``ServerNotification/iqResponse(from:id:_:)``, once; how long to wait for it is for the gateway to decide.
  public mutating func send(
    _ stanza: [UInt8], to jid: JID, awaiting response: AwaitedResponse? = nil, at now: UInt64
  ) -> [ServerEffect]? {
    guard let user = jid.local, let index = sessionIndex(of: jid), let session = sessions[user]?[index] else {
      return nil
    }
    if let response { remember(response, user: user, index: index, at: now) }
    return [.send(session.connection, stanza)]
  }

  /// Closes all streams (RFC 6120 §4.9.3.20).
  public mutating func shutDown() -> [ServerEffect] {
    for id in connections.keys { fail(id, .systemShutdown) }
    return takeEffects()
  }

  // MARK: Asking

  /// The full JIDs of the available resources of a user, those of the highest priority first.
  public func availableResources(of user: JID) -> [JID] {
    availableSessions(of: user).map(\.jid)
  }

  /// Whether a stream has bound this full JID.
  public func isConnected(_ jid: JID) -> Bool { sessionIndex(of: jid) != nil }

  public func hasAccount(_ user: JID) -> Bool {
    guard let name = user.local, user.domain == domain.domain else { return false }
    return passwords[name] != nil
  }

  public var connectionCount: Int { connections.count }

  func availableSessions(of user: JID) -> [Session] {
    guard let name = user.local, user.domain == domain.domain else { return [] }
    return (sessions[name] ?? []).filter { $0.presence != nil }.sorted { $0.priority > $1.priority }
  }

  func sessionIndex(of jid: JID) -> Int? {
    guard let name = jid.local, jid.resource != nil else { return nil }
    return sessions[name]?.firstIndex { $0.jid == jid }
  }

  func isPassword(_ given: [UInt8], of user: String) -> Bool {
    let secret = passwords[user]
    // An unknown user takes as long as a wrong password.
    let isSame = isSameInConstantTime(given, secret ?? [])
    return isSame && secret != nil
  }

  // MARK: Ending

  /// Closes a stream with an error (RFC 6120 §4.9.1.1: the header goes out before it in any case).
  mutating func fail(_ id: ConnectionID, _ condition: StreamErrorCondition) {
    guard let connection = connections[id] else { return }
    if !connection.hasSentHeader { sendHeader(id, to: nil) }
    effects.append(
      .send(
        id,
        bytes { output in
          output.append("<stream:error><")
          output.append(condition.rawValue)
          output.attribute("xmlns", Namespace.streamErrors)
          output.append("/></stream:error></stream:stream>")
        }))
    close(id)
  }

  mutating func close(_ id: ConnectionID) {
    effects.append(.close(id))
    forget(id)
  }

  /// The connection is gone, and with it what was bound to it.
  mutating func forget(_ id: ConnectionID) {
    guard let connection = connections.removeValue(forKey: id) else { return }
    guard case .bound(let jid) = connection.phase, let user = jid.local, let index = sessionIndex(of: jid) else {
      return
    }
    if sessions[user]?[index].presence != nil { becameUnavailable(jid, nil) }
    // Looked for again, as nothing says that telling others has left the list as it was.
    sessions[user]?.removeAll { $0.jid == jid }
    if sessions[user]?.isEmpty == true { sessions[user] = nil }
    effects.append(.notify(.streamEnded(jid)))
  }

  private mutating func closeLateNegotiations(at now: UInt64) {
    while firstNegotiation < negotiations.count, negotiations[firstNegotiation].deadline <= now {
      let id = negotiations[firstNegotiation].connection
      firstNegotiation += 1
      guard let connection = connections[id] else { continue }
      if case .bound = connection.phase { continue }
      fail(id, .connectionTimeout)
    }
    if firstNegotiation * 2 >= negotiations.count {
      negotiations.removeFirst(firstNegotiation)
      firstNegotiation = 0
    }
  }

  private mutating func takeEffects() -> [ServerEffect] {
    var taken: [ServerEffect] = []
    swap(&taken, &effects)
    return taken
  }

  /// 128 bits that nobody can guess (RFC 6120 §4.7.3), in hexadecimal digits.
  mutating func randomIdentifier() -> String {
    let high = String(random.next(), radix: 16)
    let low = String(random.next(), radix: 16)
    return high + low
  }

  /// Answers that are never given are forgotten after this time, or when a resource owes too many.
  private static let awaitedLifetime: UInt64 = 120_000_000_000
  private static let maximumAwaited = 256

  private mutating func remember(_ response: AwaitedResponse, user: String, index: Int, at now: UInt64) {
    guard var awaited = sessions[user]?[index].awaited else { return }
    if awaited.count >= Self.maximumAwaited {
      awaited = awaited.filter { $0.value > now }
      if awaited.count >= Self.maximumAwaited, let oldest = awaited.min(by: { $0.value < $1.value })?.key {
        awaited[oldest] = nil
      }
    }
    awaited[response] = now + Self.awaitedLifetime
    sessions[user]?[index].awaited = awaited
  }
}
