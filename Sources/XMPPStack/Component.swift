import CodecRuntime
import Crypto
import XMLReader

/// A component of an XMPP server (XEP-0114): a domain whose every address is a contact that can be called.
///
/// It keeps a stream to the server, answers what needs no call – subscriptions, presence, disco#info, vCards, pings,
/// the prompt of a gateway – and hands the rest over. It knows who is available, as far as users let its contacts know.
///
/// A value without I/O: events and the time, in nanoseconds, go in, effects come out. ``ComponentConnector`` drives it.
public struct Component: Sendable {
  public let configuration: ComponentConfiguration
  public let domain: JID
  let userDomain: String

  var effects: [ComponentEffect] = []
  private(set) var state = State.idle
  private var random: any RandomNumberGenerator & Sendable

  /// Attempts that have failed since a stream held.
  private var failures = 0
  /// When something came from the server last.
  private var lastReceived: UInt64 = 0
  /// The answers that the gateway waits for, with the time until when they are kept.
  private var awaited: [Awaited: UInt64] = [:]
  private var lastQuery: UInt64 = 0

  // What is known of others; see the extensions.
  var presence: PresenceBook
  var watchers: WatcherList
  var capabilities = CapabilityCache()
  var queries = DiscoveryQueries()
  let domainProfile: DiscoveryProfile
  let contactProfile: DiscoveryProfile

  enum State: Equatable {
    case idle
    /// The next attempt is made at a time.
    case waiting(until: UInt64)
    /// A connection, its stream header or the answer to the handshake is awaited.
    case connecting(until: UInt64)
    case opening(until: UInt64)
    case handshaking(until: UInt64)
    /// `ping`: until when the server has to answer.
    case ready(since: UInt64, ping: UInt64?)
    case stopped
  }

  struct Awaited: Hashable {
    let response: AwaitedResponse
    let from: JID
  }

  /// A stream that holds for so long is a success: the pauses between attempts begin from the first again. One that is
  /// taken away at once, as by another component with our name, is not.
  private static let steadyTime: UInt64 = 10_000_000_000
  /// Answers that are never given are forgotten after this time, or when there are too many.
  private static let awaitedLifetime: UInt64 = 120_000_000_000
  private static let maximumAwaited = 65_536

  /// `nil` where a domain or the resource of the configuration is no part of a JID.
  public init?(
    configuration: ComponentConfiguration, random: any RandomNumberGenerator & Sendable = SystemRandomNumberGenerator()
  ) {
    guard let domain = JID(local: nil, domain: configuration.domain, resource: configuration.resource),
      let users = JID(local: nil, domain: configuration.userDomain)
    else { return nil }
    self.configuration = configuration
    self.domain = domain.bare
    userDomain = users.domain
    self.random = random
    presence = PresenceBook(
      maximumUsers: configuration.maximumUsers, maximumResources: configuration.maximumResources,
      preferredDomain: users.domain)
    watchers = WatcherList(limit: configuration.maximumWatchers)
    for entry in configuration.knownSubscriptions where entry.contact.domain == domain.domain {
      _ = watchers.insert(ContactSubscription(contact: entry.contact.bare, user: entry.user.bare))
    }
    domainProfile = DiscoveryProfile(
      identities: configuration.domainIdentities, features: Self.domainFeatures, node: configuration.softwareNode)
    contactProfile = DiscoveryProfile(
      identities: configuration.contactIdentities, features: Self.contactFeatures + configuration.contactFeatures,
      node: configuration.softwareNode)
  }

  // MARK: Driving

  public mutating func handle(_ event: ComponentEvent, at now: UInt64) -> [ComponentEffect] {
    switch event {
    case .start: if state == .idle { connect(at: now) }
    case .connected: sendHeader()
    case .failed(let failure): fail(failure, at: now)
    case .stream(let event): receive(event, at: now)
    case .tick: tick(at: now)
    }
    return takeEffects()
  }

  /// When ``ComponentEvent/tick`` is wanted, in the time that `now` counts.
  public var nextDeadline: UInt64? {
    switch state {
    case .idle, .stopped: nil
    case .waiting(let time), .connecting(let time), .opening(let time), .handshaking(let time): time
    case .ready(_, let ping):
      [ping ?? lastReceived + configuration.silence, queries.nextDeadline, watchers.nextAnnouncement]
        .compactMap { $0 }.min()
    }
  }

  /// Sends a stanza of the gateway. `nil`: there is no stream; nothing is kept until there is one.
  ///
  /// The stanza is written without declaring a namespace for its own elements: that of the stream is
  /// `jabber:component:accept`. With `awaiting` the answer comes as ``ServerNotification/iqResponse(from:id:_:)``,
  /// once; how long to wait for it is for the gateway to decide.
  public mutating func send(
    _ stanza: [UInt8], to jid: JID, awaiting response: AwaitedResponse? = nil, at now: UInt64
  ) -> [ComponentEffect]? {
    guard isConnected else { return nil }
    if let response { remember(Awaited(response: response, from: jid), at: now) }
    return [.send(stanza)]
  }

  /// Tells those who see a contact that it goes, and closes the stream (RFC 6120 §4.4).
  public mutating func shutDown() -> [ComponentEffect] {
    switch state {
    case .ready:
      sayGoodbye()
      effects.append(.send(Array("</stream:stream>".utf8)))
      effects.append(.close)
    case .connecting, .opening, .handshaking: effects.append(.close)
    case .idle, .waiting, .stopped: break
    }
    state = .stopped
    forgetOthers()
    return takeEffects()
  }

  // MARK: Asking

  /// Whether stanzas can be sent.
  public var isConnected: Bool {
    if case .ready = state { return true }
    return false
  }

  /// The full JIDs of the resources of a user that are known to be available, those of the highest priority first.
  public func availableResources(of user: JID) -> [JID] { presence.resources(of: user) }

  /// What a resource can do, where it is known.
  public func features(of jid: JID) -> Set<String>? { presence.features(of: jid) }

  /// Who is subscribed to which contact, as far as is known, for the next run to begin with.
  public var subscriptions: [ContactSubscription] { watchers.all }

  // MARK: The stream

  private mutating func connect(at now: UInt64) {
    state = .connecting(until: now + configuration.negotiationTimeout)
    effects.append(.connect)
  }

  private mutating func sendHeader() {
    guard case .connecting(let until) = state else { return }
    state = .opening(until: until)
    effects.append(
      .send(
        bytes { output in
          output.append("<?xml version='1.0'?><stream:stream xmlns='jabber:component:accept' ")
          output.append("xmlns:stream='http://etherx.jabber.org/streams'")
          output.attribute("to", domain.description)
          output.endStartTag()
        }))
  }

  private mutating func receive(_ event: XMLStreamEvent, at now: UInt64) {
    lastReceived = now
    switch event {
    case .streamOpened(let head): open(head, at: now)
    case .streamClosed:
      if isConnected { effects.append(.send(Array("</stream:stream>".utf8))) }
      fail(.closed, at: now)
    case .failed(let error): fail(.malformed(error.message), at: now)
    case .stanza(let element):
      if element.matches("error", namespace: Namespace.streams) { return fail(Self.failure(element), at: now) }
      switch state {
      case .handshaking:
        guard element.matches("handshake", namespace: Namespace.component) else {
          return fail(.malformed("<\(element.name)/> in place of the answer to the handshake"), at: now)
        }
        state = .ready(since: now, ping: nil)
        effects.append(.notify(.connected))
        announce(at: now)
      case .ready(let since, _):
        state = .ready(since: since, ping: nil)
        receive(element, at: now)
      case .opening: fail(.malformed("<\(element.name)/> before the handshake"), at: now)
      case .idle, .waiting, .connecting, .stopped: break
      }
    }
  }

  /// XEP-0114 §3: the stream id and the secret, hashed.
  private mutating func open(_ head: XMLElement, at now: UInt64) {
    guard case .opening(let until) = state else { return }
    guard head.matches("stream", namespace: Namespace.streams) else {
      return fail(.malformed("<\(head.name)/> of \(head.namespace)"), at: now)
    }
    guard let id = head.attribute("id"), !id.isEmpty else {
      // A server that does not know the domain says so before it gives an id.
      state = .handshaking(until: until)
      return
    }
    state = .handshaking(until: until)
    let digest = Self.handshake(streamID: id.string, secret: configuration.secret)
    effects.append(
      .send(
        bytes { output in
          output.append("<handshake>")
          output.append(digest)
          output.append("</handshake>")
        }))
  }

  /// Forty lower-case hexadecimal digits.
  static func handshake(streamID: String, secret: String) -> String {
    hexadecimal(Insecure.SHA1.hash(data: Array((streamID + secret).utf8)))
  }

  private static func failure(_ error: XMLElement) -> ComponentFailure {
    var condition = "undefined-condition"
    var text = ""
    for child in error.children where child.namespace == Namespace.streamErrors {
      if child.name == "text" { text = child.text.string } else { condition = child.name.string }
    }
    switch condition {
    case "not-authorized": return .wrongSecret
    case "host-unknown", "host-gone": return .hostUnknown
    case "conflict": return .conflict
    default: return .streamError(condition: condition, text: String(text.prefix(200)))
    }
  }

  /// The stream or the attempt at it has ended; the next one is made after a pause.
  mutating func fail(_ failure: ComponentFailure, at now: UInt64) {
    switch state {
    case .idle, .waiting, .stopped: return
    case .ready(let since, _):
      if now - since >= Self.steadyTime { failures = 0 }
      forgetOthers()
      effects.append(.close)
      effects.append(.notify(.disconnected(failure)))
    case .connecting, .opening, .handshaking: effects.append(.close)
    }
    let delay = nextDelay()
    state = .waiting(until: now + delay)
    effects.append(.retry(after: delay, failure))
  }

  /// Twice the one before, up to the longest; between half of it and the whole, so that components that one server has
  /// lost do not all come back in the same moment.
  private mutating func nextDelay() -> UInt64 {
    var delay = min(configuration.firstRetryDelay, configuration.maximumRetryDelay)
    for _ in 0..<min(failures, 32) where delay < configuration.maximumRetryDelay {
      delay = min(delay * 2, configuration.maximumRetryDelay)
    }
    failures += 1
    return delay - UInt64.random(in: 0...delay / 2, using: &random)
  }

  private mutating func tick(at now: UInt64) {
    switch state {
    case .idle, .stopped: break
    case .waiting(let time): if time <= now { connect(at: now) }
    case .connecting(let until), .opening(let until), .handshaking(let until):
      if until <= now { fail(.timeout, at: now) }
    case .ready(let since, let ping):
      if let ping {
        if ping <= now { return fail(.silent, at: now) }
      } else if lastReceived + configuration.silence <= now {
        state = .ready(since: since, ping: now + configuration.pingTimeout)
        sendPing()
      }
      expireQueries(at: now)
      announceNext(at: now)
    }
  }

  /// XEP-0199 §4.4, to ourselves: the server routes it back, and any answer of it shows that it is there.
  private mutating func sendPing() {
    let id = nextIdentifier("ping")
    let name = domain.description
    effects.append(
      .send(
        bytes { output in
          output.beginStartTag("iq")
          output.attribute("type", "get" as StaticString)
          output.attribute("id", id)
          output.attribute("from", name)
          output.attribute("to", name)
          output.endStartTag()
          Ping.write(to: &output)
          output.endTag("iq")
        }))
  }

  // MARK: Answers

  private mutating func remember(_ entry: Awaited, at now: UInt64) {
    if awaited.count >= Self.maximumAwaited {
      awaited = awaited.filter { $0.value > now }
      // Older answers are given up for new ones: nobody waits for so many at a time.
      if awaited.count >= Self.maximumAwaited { awaited.removeAll() }
    }
    awaited[entry] = now + Self.awaitedLifetime
  }

  /// Whether the gateway waits for the answer with this id.
  mutating func takeAwaited(id: String, to: JID, from: JID) -> Bool {
    awaited.removeValue(forKey: Awaited(response: AwaitedResponse(id: id, from: to), from: from)) != nil
  }

  private mutating func forgetOthers() {
    awaited.removeAll()
    presence.removeAll()
    queries.removeAll()
    watchers.stopAnnouncing()
  }

  mutating func nextIdentifier(_ kind: StaticString) -> String {
    lastQuery += 1
    return "\(kind)-\(String(random.next(), radix: 36))-\(lastQuery)"
  }

  private mutating func takeEffects() -> [ComponentEffect] {
    var taken: [ComponentEffect] = []
    swap(&taken, &effects)
    return taken
  }
}
