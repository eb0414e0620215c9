import CodecRuntime
import JingleCodec
import JingleSIPMapping
import SDPCodec
import SIPCodec
import SIPStack
import XMPPStack

// What comes from the SIP side.
extension Shard {
  mutating func perform(_ effect: SIPUserAgentEffect, at now: Instant) {
    switch effect {
    case .send(let bytes, let destination, let key):
      effects.append(.send(bytes: bytes, to: destination, key: key))
    case .resolve(let host): effects.append(.resolve(host: host))
    case .malformed(let source, let issue):
      effects.append(.malformed(from: source, issue: "\(issue.location): \(issue.message) (byte \(issue.offset))"))
    case .stranger(let source, let others):
      effects.append(.log(.stranger("\(source)", notLogged: others)))
    case .diagnostic(let text): effects.append(.log(.diagnostic(text)))
    case .incomingInvite(let leg, let message): receiveInvite(message, leg, at: now)
    case .cancelled(let leg, let message), .hungUp(let leg, let message):
      request(message, leg) { shard, number, reference, method in
        shard.handle(number, .request(SIPCallRequest(method: method, reference: reference)), at: now)
      }
    case .acknowledged(let leg, let message):
      request(message, leg) { shard, number, reference, method in
        shard.handle(number, .request(SIPCallRequest(method: method, reference: reference)), at: now)
        shard.sendWaitingChange(number, at: now)
      }
    case .acknowledgementMissing(let leg): forward(leg, .ackTimeout, at: now)
    case .refreshDue(let leg): forward(leg, .refreshDue, at: now)
    case .sessionExpired(let leg): forward(leg, .sessionExpired, at: now)
    case .provisional(let leg, let status, let message):
      receiveResponse(to: .invite, status, phrase: nil, message, leg, at: now)
    case .accepted(let leg, _) where byLeg[leg] == nil:
      // A proxy that was given up for another one has found somebody all the same.
      tryAgent(at: now) { agent, effects throws(SIPUserAgentError) in
        try agent.request(.bye, in: leg, at: now, into: &effects)
      }
    case .accepted(let leg, let message):
      noteAbilities(message, leg)
      receiveResponse(to: .invite, message.statusCode ?? 200, phrase: nil, message, leg, at: now)
    case .refused(let leg, let status, let phrase, let message):
      receiveResponse(to: .invite, status, phrase: phrase, message, leg, at: now)
    case .timedOut(let leg):
      if let number = byLeg[leg], sessions[number]?.call.alternatives == 0 { noteProxyFailure(number) }
      forward(leg, .inviteTimeout, at: now)
    case .unreachable(let leg):
      if let number = byLeg[leg], sessions[number]?.call.alternatives == 0 { noteProxyFailure(number) }
      forward(leg, .inviteTransportError, at: now)
    case .incomingRequest(let request, let leg, let message):
      receive(request, message, leg, at: now)
    case .requestCancelled(_, let leg): forward(leg, .updateCancelled, at: now)
    case .response(_, let leg, let method, let status, let message):
      guard let kind = Self.kind(of: method) else { return }
      receiveResponse(to: kind, status, phrase: nil, message, leg, at: now)
    case .requestFailed(_, let leg, let method, let failure):
      receiveFailure(method, failure, leg, at: now)
    case .ended(let leg): byLeg[leg] = nil
    }
  }

  private mutating func forward(_ leg: SIPLeg, _ input: CallInput, at now: Instant) {
    if let number = byLeg[leg] { handle(number, input, at: now) }
  }

  private mutating func request(
    _ message: SIPMessage, _ leg: SIPLeg,
    _ body: (inout Shard, Int, CallReference, String) -> Void
  ) {
    guard let number = byLeg[leg], let method = message.requestLine?.method.name,
      let reference = sessions[number]?.store(.message(message))
    else { return }
    body(&self, number, reference, method)
  }

  /// Asks for the address of the call's proxy again, if it has a name.
  mutating func noteProxyFailure(_ number: Int) {
    guard let proxy = sessions[number]?.proxy, IPAddress(proxy.host) == nil else { return }
    effects.append(.proxyFailed(proxy))
  }

  private static func kind(of method: Method) -> SIPCallResponse.Request? {
    switch method {
    case .invite: .reInvite
    case .info: .info
    case .bye: .bye
    default: nil
    }
  }

  private mutating func receiveFailure(
    _ method: Method, _ failure: SIPRequestFailure, _ leg: SIPLeg, at now: Instant
  ) {
    switch method {
    case .invite: forward(leg, failure == .timedOut ? .updateTimeout : .updateTransportError, at: now)
    case .bye: forward(leg, .byeLost, at: now)
    default: break
    }
  }

  // MARK: INVITE

  private mutating func receiveInvite(_ message: SIPMessage, _ leg: SIPLeg, at now: Instant) {
    guard !isShuttingDown, sessions.count < configuration.maximumCalls else {
      return refuse(leg, .beyondCapacity, at: now)
    }
    guard let sid = message.headers.callID?.value.string, let user = configuration.identities.callee(of: message),
      let peer = configuration.identities.caller(of: message)
    else { return refuse(leg, .toNoUser, at: now) }
    let key = SessionKey(user: user.description, peer: peer.bare.description, sid: sid)
    if byKey[key]?.contains(where: { sessions[$0]?.call.origin == .phone }) == true {
      return refuse(leg, .again, at: now)
    }
    // Whoever is behind a proxy could let the devices of a user ring without end.
    if isRungTooOften(key.user) {
      effects.append(.log(.diagnostic("\(user) is called by too many at a time")))
      return refuse(leg, .toOneRungTooOften, at: now)
    }
    var session = Session(
      call: newCall(.phone), key: key, user: user,
      peer: peer, initiator: peer.description, media: newMediaState(of: user))
    session.takesTrickleICE = Self.takesTrickleICE(message)
    let reference = session.store(.message(message))
    let number = addSession(session)
    bind(leg, to: number)
    effects.append(.log(.callBegan(sid: sid, from: peer.description, to: user.description)))
    var content = SIPCallRequest.Content.usual
    if let description = Self.sessionDescription(in: message) {
      content = translateOffer(description, number, reference) ? .usual : .unusable
    } else {
      content = .withoutOffer
    }
    var request = SIPCallRequest(method: Method.invite.name, reference: reference, content: content)
    if configuration.identities.isUser(peer) {
      request.devices = presences.speakers(user).map { CallDevice($0.description) }
    } else if configuration.asksByMessage {
      let callees = presences.callees(user)
      request.devices = callees.devices.map { CallDevice($0.description) }
      if callees.asksByMessage { request.proposal = CallDevice(user.description) }
      request.proposed = callees.proposed.map { CallDevice($0.description) }
    } else {
      request.devices = presences.available(user).map { CallDevice($0.description) }
    }
    handle(number, .request(request), at: now)
  }

  /// Answers an INVITE of which no session comes, as the signalling table has it.
  private mutating func refuse(_ leg: SIPLeg, _ content: SIPCallRequest.Content, at now: Instant) {
    var call = newCall(.phone)
    let request = SIPCallRequest(method: Method.invite.name, reference: CallReference(0), content: content)
    for case .refuseInvite(let status, let cause) in call.handle(.request(request), at: now) {
      tryAgent(at: now) { agent, effects throws(SIPUserAgentError) in
        try agent.respond(
          to: leg, status: status, headers: cause.map { [Self.reason($0)] } ?? [], at: now, into: &effects)
      }
    }
  }

  private func isRungTooOften(_ user: String) -> Bool {
    let limit = limits.callsPerUser
    guard let calls = byUser[user], calls.count >= limit else { return false }
    return calls.filter { sessions[$0]?.call.state == .alerting }.count >= limit
  }

  /// Translates the phone's offer or answer once; `false` where nothing of it has a counterpart.
  mutating func translateOffer(_ description: SessionDescription, _ number: Int, _ reference: CallReference) -> Bool {
    guard let session = sessions[number] else { return false }
    let action: Action = session.call.origin == .phone ? .sessionInitiate : .sessionAccept
    guard let jingle = translate(description, action: action, number) else { return false }
    guard jingle.contents.contains(where: { $0.description != nil || $0.iceUDP != nil || $0.rawUDP != nil }) else {
      return false
    }
    sessions[number]?.translated[reference] = jingle
    return true
  }

  /// The session description in the body, if that is one that can be read.
  static func sessionDescription(in message: SIPMessage) -> SessionDescription? {
    guard let type = message.headers.contentType, !message.body.isEmpty,
      MediaType(type) == GatewayMediaTypes.sessionDescription
    else { return nil }
    let description = message.body.withBytes { bytes -> SessionDescription? in
      do throws(SDPIssue) { return try SessionDescription(parsing: bytes) } catch { return nil }
    }
    // A plain phone may send a line that we cannot read; without any m-line there is nothing to talk about.
    guard let description, description.media.first != nil else { return nil }
    return description
  }

  // MARK: Responses

  private mutating func receiveResponse(
    to request: SIPCallResponse.Request, _ status: Int, phrase: String?, _ message: SIPMessage, _ leg: SIPLeg,
    at now: Instant
  ) {
    guard let number = byLeg[leg], let reference = sessions[number]?.store(.message(message)) else { return }
    var content = SIPCallResponse.Content.usual
    if request == .invite, 200..<300 ~= status, sessions[number]?.asksForOffer == true {
      if !noteOffer(in: message, number) { content = .unusable }
    } else if request == .invite || request == .reInvite && sessions[number]?.call.state == .joining,
      200..<300 ~= status
    {
      let description = Self.sessionDescription(in: message)
      if description.map({ translateOffer($0, number, reference) }) != true { content = .unusable }
    } else if request == .invite, 300..<400 ~= status, leadsToProxy(message, sessions[number]?.proxy) {
      content = .toProxy
    }
    handle(
      number,
      .response(
        SIPCallResponse(
          to: request, status: status, phrase: phrase, reference: reference, content: content,
          makesDialog: agent.hasDialog(leg))), at: now)
  }

  /// A redirection to the host that has redirected is one that the proxy can be asked for.
  private func leadsToProxy(_ message: SIPMessage, _ proxy: ProxyTarget?) -> Bool {
    guard let proxy, let host = message.headers.contact.first?.contacts.first?.address.uri?.host?.string else {
      return false
    }
    return host.lowercased() == SIPConfiguration.uriHost(proxy.host).lowercased()
      || IPAddress(host) != nil && IPAddress(host) == proxies[proxy]?.address
  }

  private mutating func noteAbilities(_ message: SIPMessage, _ leg: SIPLeg) {
    if let number = byLeg[leg], Self.takesTrickleICE(message) { sessions[number]?.takesTrickleICE = true }
  }

  /// Whether the peer takes candidates in INFO requests (RFC 8840 §4.1).
  static func takesTrickleICE(_ message: SIPMessage) -> Bool {
    message.headers.supported.contains { $0.value == .trickleICE }
      || message.headers.recvInfo.contains { $0.name == GatewayMediaTypes.tricklePackage }
  }

  // MARK: Requests within the dialog

  private mutating func receive(
    _ request: SIPServerRequest, _ message: SIPMessage, _ leg: SIPLeg, at now: Instant
  ) {
    guard let number = byLeg[leg], let method = message.requestLine?.method else {
      tryAgent(at: now) { agent, effects throws(SIPUserAgentError) in
        try agent.respond(to: request, status: 481, at: now, into: &effects)
      }
      return
    }
    guard let reference = sessions[number]?.store(.request(request, message)) else { return }
    var content = SIPCallRequest.Content.usual
    if method == .info {
      content = message.body.isEmpty ? .empty : candidates(in: message) == nil ? .usual : .candidates
    } else if method == .invite {
      content = message.body.isEmpty ? .withoutOffer : isUsableChange(message, number) ? .usual : .unusable
      if content == .usual, !addedNames(by: message, number).isEmpty { content = .withContents }
    }
    handle(
      number, .request(SIPCallRequest(method: method.name, reference: reference, content: content)), at: now)
  }

  /// The candidates in an INFO, of RFC 8840 or in the predecessor's form.
  func candidates(in message: SIPMessage) -> SessionDescription? {
    guard let type = message.headers.contentType.map(MediaType.init),
      type == GatewayMediaTypes.sessionDescription || type == GatewayMediaTypes.trickleFragment
    else { return nil }
    return message.body.withBytes { bytes -> SessionDescription? in
      do throws(SDPIssue) { return try SessionDescription(parsing: bytes) } catch { return nil }
    }
  }
}
