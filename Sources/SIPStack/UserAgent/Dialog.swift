import CodecRuntime
import SIPCodec

/// One dialog, early or established, as far as its requests need it (RFC 3261 §12).
struct Dialog: Sendable {
  /// No more proxies than Max-Forwards lets a request pass; a longer route would only take memory.
  static let maximumRoutes = 70

  let callIdentifier: String
  /// We, with our tag: the From of our requests.
  let local: Party.Draft
  /// The peer, with its tag, if it has one: the To of our requests.
  let remote: Party.Draft
  /// Empty where the peer has none, as RFC 2543 allows.
  let remoteTag: String
  var routes: RouteSet<URI.Draft>
  var remoteTarget: URI.Draft
  var sequence: DialogSequence
  /// Where the peer's messages come from: the way to it where its URI names a host that we cannot resolve.
  var peer: TransportAddress

  /// What the next request bears and the URI that it goes to first.
  var route: DialogRoute<URI.Draft> { routes.route(to: remoteTarget) }

  /// That of the one who sent the INVITE (§12.1.2). `requestURI` is the target where the response has no Contact.
  init(
    callIdentifier: String, local: Party.Draft, remote: NameAddr.Draft, response: SIPMessage, requestURI: URI.Draft,
    sequence: UInt32, peer: TransportAddress
  ) {
    self.callIdentifier = callIdentifier
    self.local = local
    let tag = response.headers.to?.party.tag?.string ?? ""
    self.remote = Party.Draft(address: remote, parameters: tag.isEmpty ? [] : [.tag(tag)])
    remoteTag = tag
    routes = RouteSet(ofCallerFrom: Self.recordRoute(of: response))
    remoteTarget = Self.contact(of: response) ?? requestURI
    self.sequence = DialogSequence(local: sequence, remote: nil)
    self.peer = peer
  }

  /// That of the one who answers the INVITE (§12.1.1); `nil` where its From has no URI.
  init?(
    callIdentifier: String, localTag: String, invite: SIPMessage, sequence: UInt32, peer: TransportAddress
  ) {
    let headers = invite.headers
    guard let from = headers.from?.party, let to = headers.to?.party, let number = headers.cseq?.number,
      let target = Self.contact(of: invite) ?? from.address.uri.map(URI.Draft.init)
    else { return nil }
    self.callIdentifier = callIdentifier
    local = Party.Draft(address: NameAddr.Draft(to.address), parameters: [.tag(localTag)])
    let tag = from.tag?.string ?? ""
    remote = Party.Draft(address: NameAddr.Draft(from.address), parameters: tag.isEmpty ? [] : [.tag(tag)])
    remoteTag = tag
    routes = RouteSet(ofCalleeFrom: Self.recordRoute(of: invite))
    remoteTarget = target
    self.sequence = DialogSequence(local: sequence, remote: number)
    self.peer = peer
  }

  /// The target of requests to the one who sent `message`; `nil` where it says none.
  static func contact(of message: SIPMessage) -> URI.Draft? {
    guard let uri = message.headers.contact.first?.contacts.first?.address.uri else { return nil }
    return URI.Draft(uri)
  }

  static func recordRoute(of message: SIPMessage) -> [RouteEntry<URI.Draft>] {
    message.headers.recordRoute.prefix(maximumRoutes).map { entry in
      RouteEntry(address: URI.Draft(entry.uri), isLoose: entry.uri.hasLr)
    }
  }

  /// Takes over what a 2xx of the same peer says: the route set of the early dialog is replaced (§13.2.2.4).
  mutating func confirm(by response: SIPMessage) {
    routes = RouteSet(ofCallerFrom: Self.recordRoute(of: response))
    refreshTarget(from: response)
  }

  /// A peer that has lost its connection comes by another one, and is then reached by that one.
  mutating func noteConnection(of source: TransportAddress) {
    if source.transport.isReliable, source.transport == peer.transport { peer = source }
  }

  /// The peer can move within a dialog: INVITE and its 2xx say where to (§12.2).
  mutating func refreshTarget(from message: SIPMessage) {
    if let target = Self.contact(of: message) { remoteTarget = target }
  }
}

extension URI.Draft {
  /// Without what a Request-URI must not have (RFC 3261 §19.1.1, table 1).
  var asRequestURI: URI.Draft {
    var uri = self
    uri.headers = []
    uri.parameters = parameters.filter { parameter in
      if case .method = parameter { return false }
      return true
    }
    return uri
  }

  /// The host that a request to it goes to (RFC 3263 §4); `nil` where it names none.
  var routedHost: String? {
    for case .maddr(let host) in parameters { return host }
    return host
  }

  /// How a request to it travels, where it says so.
  var routedTransport: TransportKind? {
    for case .transport(let transport) in parameters {
      switch transport {
      case .udp: return .udp
      case .tcp: return scheme == .sips ? .tls : .tcp
      case .tls: return .tls
      default: return nil
      }
    }
    return scheme == .sips ? .tls : nil
  }
}
