import CodecRuntime
import SIPCodec

/// Makes messages from what the agent knows (RFC 3261 §8.1.1, §8.2.6, §12.2).
///
/// Each Via, Route and Record-Route has a line of its own, which proxies find more easily than a list.
struct MessageWriter: Sendable {
  /// RFC 3261 §8.1.1.6.
  static let maximumForwards: UInt8 = 70

  let configuration: SIPUserAgentConfiguration

  // MARK: Parts

  /// Our Via in a request that goes by `transport`.
  func via(branch: String, over transport: TransportKind) -> ViaParm.Draft {
    let port = configuration.localPort(over: transport)
    let transport: Transport =
      switch transport {
      case .udp: .udp
      case .tcp: .tcp
      case .tls: .tls
      }
    return ViaParm.Draft(
      protocolName: SpokenProtocol.name, protocolVersion: SpokenProtocol.version, transport: transport,
      host: configuration.localHost, port: port, parameters: [.branch(branch), .rport(nil)])
  }

  /// The URI at which we are reached directly by `transport`; `user` is for people.
  func contact(user: String?, over transport: TransportKind) -> URI.Draft {
    let parameters: [URI.Parameter] =
      switch transport {
      case .udp: []
      case .tcp: [.transport(.tcp)]
      case .tls: [.transport(.tls)]
      }
    return URI.Draft(
      scheme: .sip, user: user, host: configuration.localHost, port: configuration.localPort(over: transport),
      parameters: parameters)
  }

  static func contactHeader(_ uri: URI.Draft) -> HeaderDraft {
    .contact(.init(contacts: [.init(address: NameAddr.Draft(uri: uri))]))
  }

  var allow: HeaderDraft { .allow(.init(methods: configuration.allowedMethods)) }

  var accept: HeaderDraft {
    .accept(
      .init(acceptRange: configuration.acceptedMediaTypes.map { .init(type: $0.type, subtype: $0.subtype) }))
  }

  var receivedPackages: HeaderDraft {
    .recvInfo(.init(recvInfoPackage: configuration.receivedInfoPackages.map { .init(name: $0) }))
  }

  /// What we can, for INVITE and its 2xx, and for OPTIONS (§11.2, §13.2.1, §13.3.1.4).
  var capabilities: [HeaderDraft] {
    var headers = [allow]
    if !configuration.supportedOptions.isEmpty {
      headers.append(.supported(.init(tags: configuration.supportedOptions)))
    }
    if !configuration.acceptedMediaTypes.isEmpty { headers.append(accept) }
    if !configuration.receivedInfoPackages.isEmpty { headers.append(receivedPackages) }
    return headers
  }

  /// What a status code obliges us to say.
  private func obligations(_ status: Int) -> [HeaderDraft] {
    switch status {
    case 405: [allow]
    case 415: [accept]
    case 469: [receivedPackages]
    default: []
    }
  }

  // MARK: Requests

  /// A request of a client transaction, or the ACK of a 2xx.
  func request(
    _ method: Method, _ sent: SentRequest, headers: [HeaderDraft], body: SIPBody?
  ) throws(DraftError) -> [UInt8] {
    var all: [HeaderDraft] = [
      .via(.init(viaParm: [sent.via])), .maxForwards(.init(value: Self.maximumForwards)),
    ]
    for route in sent.routes { all.append(.route(.init(routeParam: [.init(uri: route)]))) }
    all.append(.from(.init(party: sent.from)))
    all.append(.to(.init(party: sent.to)))
    all.append(.callID(.init(value: sent.callIdentifier)))
    all.append(.cseq(.init(number: sent.sequence, method: method)))
    all.append(contentsOf: headers)
    all.append(.userAgent(.init(products: [configuration.product])))
    if let body { all.append(.contentType(body.contentType)) }
    return try SIPMessage(
      request: method, uri: sent.requestURI.asRequestURI, headers: all, body: body?.bytes ?? []
    ).bytes
  }

  /// The ACK of a non-2xx response: the INVITE's Via, Route and number, the response's To (§17.1.1.3).
  func acknowledgement(of sent: SentRequest, _ response: SIPMessage) throws(DraftError) -> [UInt8] {
    var sent = sent
    if let to = response.headers.to { sent = sent.addressed(to: Party.Draft(to.party)) }
    return try request(.ack, sent, headers: [], body: nil)
  }

  // MARK: Responses

  /// What a response has besides its status.
  struct ResponseParts {
    /// For a To that has none; `nil` for a 100.
    var tag: String?
    var phrase: String?
    var headers: [HeaderDraft] = []
    var body: SIPBody?
    /// Whether it founds a dialog, and so bears the Record-Route of the request (§12.1.1).
    var foundsDialog = false
  }

  /// A response with the fields that it takes over from its request (§8.2.6.2).
  func response(
    _ status: Int, to received: ReceivedMessage, _ parts: ResponseParts
  ) throws(DraftError) -> [UInt8] {
    let fields = received.message.headers
    var all = vias(of: received)
    if parts.foundsDialog {
      for route in fields.recordRoute { all.append(.recordRoute(.init(routeParam: [.init(route)]))) }
    }
    if let from = fields.from { all.append(.from(.init(from))) }
    if let to = fields.to {
      var party = Party.Draft(to.party)
      if let tag = parts.tag, to.party.tag == nil { party.parameters.append(.tag(tag)) }
      all.append(.to(.init(party: party)))
    }
    if let callID = fields.callID { all.append(.callID(.init(callID))) }
    if let cseq = fields.cseq { all.append(.cseq(.init(cseq))) }
    // §8.2.6.1: so that the client can measure the way.
    if status == 100, let timestamp = fields.timestamp { all.append(.timestamp(.init(timestamp))) }
    all.append(contentsOf: obligations(status))
    all.append(contentsOf: parts.headers)
    all.append(.server(.init(products: [configuration.product])))
    if let body = parts.body { all.append(.contentType(body.contentType)) }
    return try SIPMessage(status: status, phrase: parts.phrase, headers: all, body: parts.body?.bytes ?? []).bytes
  }

  /// The response to a request that is not as it should be: fields that cannot be read go back as they came.
  func responseToMalformed(_ status: Int, to received: ReceivedMessage, tag: String) throws(DraftError) -> [UInt8] {
    var bytes = try response(status, to: received, ResponseParts(tag: tag))
    let fields = received.message.headers
    var missing: [UInt32] = []
    if fields.from == nil { missing.append(Headers.from) }
    if fields.to == nil { missing.append(Headers.to) }
    if fields.callID == nil { missing.append(Headers.callID) }
    if fields.cseq == nil { missing.append(Headers.cseq) }
    var lines: [UInt8] = []
    for header in missing {
      guard let value = received.message.rawHeader("\(Headers.name(header))") else { continue }
      lines.append(contentsOf: "\(Headers.name(header)): \(value)\r\n".utf8)
    }
    guard !lines.isEmpty, let end = bytes.firstIndex(of: 0x0A) else { return bytes }
    bytes.insert(contentsOf: lines, at: end + 1)
    return bytes
  }

  /// The Vias of a request; the top one says where it came from (RFC 3261 §18.2.1, RFC 3581 §4).
  private func vias(of received: ReceivedMessage) -> [HeaderDraft] {
    var vias = received.message.headers.via.map(ViaParm.Draft.init)
    if let top = received.message.headers.via.first, !vias.isEmpty {
      let address = "\(received.source.address)"
      let bracketed = received.source.address.isIPv6 ? "[\(address)]" : address
      var parameters = vias[0].parameters.filter { parameter in
        switch parameter {
        case .received, .rport: false
        default: true
        }
      }
      if top.hasRport || top.host.string.lowercased() != bracketed { parameters.append(.received(address)) }
      if top.hasRport { parameters.append(.rport(received.source.port)) }
      vias[0].parameters = parameters
    }
    return vias.map { .via(.init(viaParm: [$0])) }
  }
}

extension SentRequest {
  func addressed(to party: Party.Draft) -> SentRequest {
    SentRequest(
      requestURI: requestURI, via: via, routes: routes, from: from, to: party, callIdentifier: callIdentifier,
      sequence: sequence, destination: destination)
  }
}
