import CodecRuntime
import JingleCodec
import JingleSIPMapping
import SDPCodec
import SIPCodec
import SIPStack
import XMPPStack

// What a call asks for.
extension Shard {
  mutating func perform(_ action: CallAction, _ number: Int, at now: Instant) {
    guard let session = sessions[number] else { return }
    switch action {
    case .acknowledge, .refuse: answerStanza(action, session, number)
    case .sendSessionInitiate(let stanza, let device, let offer):
      send(stanza, session.translated[offer], to: device, number, at: now)
    case .sendSessionAccept(let stanza, let device, let answer):
      send(stanza, session.translated[answer], to: device, number, at: now)
    case .sendRinging(let stanza, let device):
      send(stanza, draft(session, .sessionInfo) { $0.ringing = .init() }, to: device, number, at: now)
    case .sendContentAdd(let stanza, let device, let change):
      if let description = session.message(change).flatMap({ Self.sessionDescription(in: $0) }) {
        let addition = translate(description, action: .contentAdd, number)
        sessions[number]?.offeredContents = Set(addition?.contents.map(\.name.string) ?? [])
        send(stanza, addition, to: device, number, at: now)
      }
    case .sendContentRemove(let stanza, let device): takeBack(stanza, from: device, number, at: now)
    case .answerContents(let reference, let accept): answerContents(reference, accept, number, at: now)
    case .sendContentAnswer(let stanza, let device, let answer, let addition):
      answerContent(stanza, to: device, answer, addition, number, at: now)
    case .sendContentReject(let stanza, let device, let addition, let isUndone, let end):
      if isUndone { undoAddition(number) }
      guard let jingle = session.jingle(addition) else { return }
      send(stanza, rejection(of: Array(jingle.contents), session, end), to: device, number, at: now)
    case .sendSignOfLife(let stanza, let device):
      send(stanza, draft(session, .sessionInfo) { _ in }, to: device, number, at: now)
    case .sendPing(let stanza, let device):
      send(stanza, to: device, number, at: now) { JingleStanzas.ping(id: $0, from: $1, to: device.address) }
    case .sendSessionTerminate(let stanza, let device, let end):
      send(stanza, draft(session, .sessionTerminate) { $0.reason = .init(end) }, to: device, number, at: now)
    case .sendTransportInfo(let stanza, let device, let reference):
      if let message = session.message(reference), let description = candidates(in: message) {
        send(stanza, translate(description, action: .transportInfo, number), to: device, number, at: now)
      }
    case .sendChange(let stanza, let device, let reference):
      if let message = session.message(reference), let description = Self.sessionDescription(in: message) {
        send(stanza, translate(description, action: changeAction(description), number), to: device, number, at: now)
      }
    case .sendInvite(let offer, let candidates): sendInvite(offer, candidates, session, number, at: now)
    case .followRedirection(let reference): follow(reference, session, number, at: now)
    case .sendInviteWithoutOffer:
      sessions[number]?.asksForOffer = true
      sendInvite(number, at: now)
    case .sendOffer(let offer, let candidates): sendOffer(offer, candidates, number, at: now)
    case .tryNextProxy: tryNextProxy(session, number, at: now)
    case .sendPropose, .sendRingingMessage, .sendProceed, .sendReject, .sendRetract, .sendFinish:
      perform(message: action, session, number)
    // The user agent has done these: it keeps dialogs and confirms every 2xx.
    case .noteDialog, .sendAck, .endFork, .acknowledgeReInvite: break
    case .sendCancel(let cause):
      guard let leg = session.leg else { return }
      runAgent(at: now) { $0.cancel(leg, headers: [Self.reason(cause)], at: now, into: &$1) }
    case .sendBye(let cause): sendBye(cause, session, number, at: now)
    case .answerRinging: respond(180, session, at: now)
    case .answerInvite(let answer, let candidates): answerInvite(answer, candidates, session, number, at: now)
    case .refuseInvite(let status, let cause):
      respond(status, headers: cause.map { [Self.reason($0)] } ?? [], session, at: now)
    case .answer(let reference, let answer): answerRequest(reference, answer, session, at: now)
    case .acceptReInvite(let reference): acceptReInvite(reference, session, number, at: now)
    case .sendInfo(let candidates): sendInfo(candidates, session, number, at: now)
    case .sendReInvite(let change): sendReInvite(change, number, at: now)
    case .end:
      if let leg = session.leg, byLeg[leg] == number { byLeg[leg] = nil }
      removeSession(number, at: now)
    }
  }

  // MARK: To the devices

  private mutating func answerStanza(_ action: CallAction, _ session: Session, _ number: Int) {
    let reference: CallReference
    switch action {
    case .acknowledge(let one), .refuse(let one, _): reference = one
    default: return
    }
    guard case .jingle(let jingle, let stanza, let sender, false)? = session.messages[reference] else { return }
    sessions[number]?.messages[reference] = .jingle(jingle, stanza: stanza, from: sender, isAnswered: true)
    let bytes: [UInt8]
    if case .refuse(_, let refusal) = action {
      let (error, condition): (StanzaError, Int?) =
        switch refusal {
        case .outOfOrder: (.unexpectedRequest, ErrorsOutOfOrder.number)
        case .unknownSession: (.itemNotFound, ErrorsUnknownSession.number)
        case .unsupportedInfo: (.featureNotImplemented, ErrorsUnsupportedInfo.number)
        case .notImplemented: (.featureNotImplemented, nil)
        case .itemNotFound: (.itemNotFound, nil)
        case .badRequest: (.badRequest, nil)
        case .forbidden: (.forbidden, nil)
        }
      bytes = JingleStanzas.error(to: stanza, of: sender, error, jingle: condition)
    } else {
      bytes = JingleStanzas.result(to: stanza, of: sender)
    }
    effects.append(.sendStanza(bytes: bytes, to: sender, awaiting: nil))
  }

  /// A Jingle element of this session from plain values.
  mutating func draft(
    _ session: Session, _ action: Action, _ fill: (inout Jingle.Draft) -> Void
  ) -> Jingle? {
    var draft = Jingle.Draft(action: action, sid: session.sid, initiator: session.initiator)
    fill(&draft)
    do throws(DraftError) {
      return try Jingle(draft)
    } catch {
      effects.append(.log(.diagnostic("call \(session.sid): \(error)")))
      return nil
    }
  }

  /// Sends a set to a device; its answer is handed to the call.
  mutating func send(
    _ stanza: CallStanza, _ jingle: Jingle?, to device: CallDevice, _ number: Int, at now: Instant
  ) {
    guard let jingle else { return }
    let endsCall = jingle.action == .sessionTerminate
    send(stanza, to: device, number, endsCall: endsCall, at: now) { id, peer in
      JingleStanzas.set(id: id, from: peer, to: device.address) { jingle.write(to: &$0) }
    }
  }

  private mutating func send(
    _ stanza: CallStanza, to device: CallDevice, _ number: Int, endsCall: Bool = false, at now: Instant,
    _ write: (String, JID) -> [UInt8]
  ) {
    guard let session = sessions[number], let address = JID(device.address) else { return }
    let prefix = configuration.identities.isUser(session.peer) ? Identities.idPrefix : ""
    let id = "\(prefix)\(identifiers.tag())-\(stanza.number)"
    awaited[id] = (number, stanza)
    sessions[number]?.awaiting.insert(id)
    let bytes = write(id, session.peer)
    let response = AwaitedResponse(id: id, from: session.peer)
    if endsCall {
      sendFarewell(bytes, to: address, awaiting: response)
      return
    }
    effects.append(.sendStanza(bytes: bytes, to: address, awaiting: response))
    if !presences.isConnected { handle(number, .answer(stanza, .unheard), at: now) }
  }

  // MARK: To the phone

  static func reason(_ cause: ReasonCause) -> HeaderDraft {
    .reason(
      ReasonHeader.Draft(reasonValue: [
        ReasonValue.Draft(
          protocol: ReasonProtocol(cause.protocolName),
          parameters: [.cause(UInt16(clamping: cause.number)), .text("\"\(cause.text)\"")])
      ]))
  }

  private mutating func sendInvite(
    _ offer: CallReference, _ candidates: [CallReference], _ session: Session, _ number: Int, at now: Instant
  ) {
    guard let jingle = session.jingle(offer, with: candidates),
      let description = describeSession(jingle, candidates.compactMap(session.jingle), number)
    else {
      handle(number, .inviteTransportError, at: now)
      return
    }
    sessions[number]?.offer = SIPBody(GatewayMediaTypes.sessionDescription, description)
    sendInvite(number, at: now)
  }

  /// Gives the proxy up that was asked, and asks the next one of the route (RFC 3263 §4.3).
  private mutating func tryNextProxy(_ session: Session, _ number: Int, at now: Instant) {
    noteProxyFailure(number)
    if let leg = session.leg {
      byLeg[leg] = nil
      sessions[number]?.leg = nil
      // What it has not answered yet is cancelled as soon as it can be.
      runAgent(at: now) { $0.cancel(leg, at: now, into: &$1) }
    }
    sessions[number]?.proxyIndex += 1
    sendInvite(number, at: now)
  }

  /// Sends the INVITE with the offer that was made, to the proxy whose turn it is.
  private mutating func sendInvite(_ number: Int, at now: Instant) {
    guard let session = sessions[number], let routed = session.routed, let target = session.proxy,
      let nextHop = proxies[target], session.offer != nil || session.asksForOffer
    else {
      handle(number, .inviteTransportError, at: now)
      return
    }
    let identities = configuration.identities
    var uri = identities.uri(user: routed.user, host: routed.host ?? SIPConfiguration.uriHost(target.host))
    if routed.host == nil { uri.port = target.port }
    switch target.transport {
    case .udp: break
    case .tcp: uri.parameters.append(.transport(.tcp))
    case .tls: uri.parameters.append(.transport(.tls))
    }
    let caller = identities.caller(session.user, routed)
    var invite = SIPInvite(
      requestURI: uri, from: caller, to: identities.callee(of: session.peer.bare, routed),
      callIdentifier: session.sid, body: session.offer, nextHop: nextHop)
    if session.asksForOffer { invite.answerToOffer = Self.answerOnHold(of: session) }
    if routed.assertedIdentity { invite.headers.append(.pAssertedIdentity(.init(nameAddr: [caller]))) }
    var leg: SIPLeg?
    var requests: SIPUserAgent.Effects = []
    do throws(SIPUserAgentError) {
      leg = try agent.invite(invite, at: now, into: &requests)
    } catch {
      effects.append(.log(.diagnostic("call \(session.sid): no INVITE: \(error)")))
    }
    // Bound first, so that even an error at once finds the call.
    if let leg { bind(leg, to: number) }
    for request in requests { perform(request, at: now) }
    if leg == nil { handle(number, .inviteTransportError, at: now) }
  }

  private mutating func follow(
    _ reference: CallReference, _ session: Session, _ number: Int, at now: Instant
  ) {
    guard let leg = session.leg, let message = session.message(reference),
      let proxy = session.proxy.flatMap({ proxies[$0] }),
      let contact = message.headers.contact.first?.contacts.first?.address.uri
    else {
      handle(number, .inviteTransportError, at: now)
      return
    }
    let isSent = tryAgent(at: now) { agent, effects throws(SIPUserAgentError) in
      try agent.retryInvite(
        leg, requestURI: URI.Draft(contact), body: session.offer, nextHop: proxy, at: now, into: &effects)
    }
    if !isSent { handle(number, .inviteTransportError, at: now) }
  }

  private mutating func sendBye(_ cause: ReasonCause, _ session: Session, _ number: Int, at now: Instant) {
    guard let leg = session.leg else { return }
    let isSent = tryAgent(at: now) { agent, effects throws(SIPUserAgentError) in
      try agent.request(.bye, in: leg, headers: [Self.reason(cause)], at: now, into: &effects)
    }
    if !isSent {
      // The dialog ends without it, or the leg would outlive its call.
      runAgent(at: now) { $0.abandon(leg, at: now, into: &$1) }
      handle(number, .byeLost, at: now)
    }
  }

  @discardableResult
  private mutating func respond(
    _ status: Int, headers: [HeaderDraft] = [], body: SIPBody? = nil, _ session: Session, at now: Instant
  ) -> Bool {
    guard let leg = session.leg else { return false }
    return tryAgent(at: now) { agent, effects throws(SIPUserAgentError) in
      try agent.respond(to: leg, status: status, headers: headers, body: body, at: now, into: &effects)
    }
  }

  private mutating func answerInvite(
    _ answer: CallReference, _ candidates: [CallReference], _ session: Session, _ number: Int, at now: Instant
  ) {
    guard let jingle = session.jingle(answer, with: candidates),
      let description = describeSession(jingle, candidates.compactMap(session.jingle), number)
    else {
      respond(488, session, at: now)
      handle(number, .ackTimeout, at: now)
      return
    }
    let body = SIPBody(GatewayMediaTypes.sessionDescription, description)
    // What could not be answered is never confirmed either.
    if !respond(200, body: body, session, at: now) { handle(number, .ackTimeout, at: now) }
  }

  // MARK: Within the dialog

  private mutating func answerRequest(
    _ reference: CallReference, _ answer: RequestAnswer, _ session: Session, at now: Instant
  ) {
    // CANCEL and BYE are answered by the user agent.
    guard case .request(let request, let message)? = session.messages[reference] else { return }
    var headers: [HeaderDraft] = []
    let status: Int
    switch answer {
    case .accepted: status = 200
    case .methodNotAllowed: status = 405
    case .noSuchCall: status = 481
    case .notAcceptable: status = 488
    case .pending: status = 491
    case .later:
      status = 500
      headers.append(.retryAfter(RetryAfterHeader.Draft(seconds: UInt32(identifiers.next() % 11))))
    case .badInfo: status = message.headers.infoPackage == nil ? 415 : 469
    }
    tryAgent(at: now) { agent, effects throws(SIPUserAgentError) in
      try agent.respond(to: request, status: status, headers: headers, at: now, into: &effects)
    }
  }

  /// Answers with our current description; its version is newer where another one was sent meanwhile.
  private mutating func acceptReInvite(
    _ reference: CallReference, _ session: Session, _ number: Int, at now: Instant
  ) {
    guard case .request(let request, _)? = session.messages[reference] else { return }
    let description = describeCurrent(number)
    tryAgent(at: now) { agent, effects throws(SIPUserAgentError) in
      try agent.respond(
        to: request, status: description == nil ? 488 : 200,
        body: description.map { SIPBody(GatewayMediaTypes.sessionDescription, $0) }, at: now, into: &effects)
    }
  }

  /// What the client has described so far, as a stanza says that changes nothing. What was an offer is an answer now: its
  /// DTLS role is the one that was agreed on (RFC 8842 §5.3).
  mutating func describeCurrent(_ number: Int) -> [UInt8]? {
    guard let session = sessions[number], let current = session.current,
      let nothing = draft(session, .contentAccept, { _ in })
    else { return nil }
    return describe(nothing, current.candidates, number)
  }

  private mutating func sendInfo(
    _ candidates: [CallReference], _ session: Session, _ number: Int, at now: Instant
  ) {
    guard let leg = session.leg else { return }
    for reference in candidates {
      guard let jingle = session.jingle(reference), let fragment = fragment(jingle, number) else { continue }
      var headers: [HeaderDraft] = []
      var type = GatewayMediaTypes.sessionDescription
      if session.takesTrickleICE {
        type = GatewayMediaTypes.trickleFragment
        headers = Self.trickleHeaders
      }
      tryAgent(at: now) { agent, effects throws(SIPUserAgentError) in
        try agent.request(
          .info, in: leg, headers: headers, body: SIPBody(type, fragment), at: now, into: &effects)
      }
    }
  }

  /// RFC 8840 §10.
  private static var trickleHeaders: [HeaderDraft] {
    [
      .infoPackage(.init(name: "\(GatewayMediaTypes.tricklePackage)")),
      .contentDisposition(.init(type: .infoPackage)),
    ]
  }

  private mutating func sendReInvite(_ change: CallChange, _ number: Int, at now: Instant) {
    guard let session = sessions[number], let leg = session.leg else { return }
    let description: [UInt8]?
    switch change {
    case .ofClient(let reference): description = session.jingle(reference).flatMap { describe($0, [], number) }
    case .addition(let reference):
      if session.mediaBeforeAddition == nil { sessions[number]?.mediaBeforeAddition = session.media }
      description = session.jingle(reference).flatMap { describe($0, [], number) }
    // RFC 4028 §7.4: the description with which everything is as it was.
    case .refresh: description = describeCurrent(number)
    }
    guard let description else { return }
    var mustWait = false
    let isSent = tryAgent(at: now) { agent, effects throws(SIPUserAgentError) in
      do throws(SIPUserAgentError) {
        try agent.request(
          .invite, in: leg, body: SIPBody(GatewayMediaTypes.sessionDescription, description), at: now, into: &effects)
      } catch .invitePending {
        mustWait = true
      }
    }
    if mustWait {
      // RFC 3261 §14.1: not while the phone's own is under way. Its ACK, or that there is none, ends this.
      sessions[number]?.waitingChange = change
    } else if !isSent {
      handle(number, .updateTransportError, at: now)
    }
  }

  /// Sends the change that has waited for an ACK, if the call has not gone on to something else.
  mutating func sendWaitingChange(_ number: Int, at now: Instant) {
    guard let session = sessions[number], let change = session.waitingChange else { return }
    sessions[number]?.waitingChange = nil
    if session.call.state == .updating { sendReInvite(change, number, at: now) }
  }
}
