import CodecRuntime
import SIPCodec

// Requests that come (RFC 3261 §8.2, §9.2, §11.2, §12.2.2, §13.3, §14.2, §15.1.2).
extension SIPUserAgent {
  /// A request that is neither ACK nor CANCEL and no repetition.
  mutating func receiveRequest(
    _ request: IncomingRequest<ReceivedMessage>, at now: Instant, into effects: inout Effects
  ) {
    let message = request.message.message
    let headers = message.headers
    guard let line = message.requestLine, let cseq = headers.cseq, let callIdentifier = headers.callID?.value.string
    else { return }
    let toTag = headers.to?.party.tag?.string
    servers[request.key] = ServerRecord(
      request: request.message, method: line.method, sequence: cseq.number, localTag: toTag ?? identifiers.tag(),
      isInDialog: toTag != nil)
    if let (status, fields) = objection(to: message, line) {
      reply(status, to: request.key, headers: fields, at: now, into: &effects)
    } else if let toTag {
      let leg = SIPLeg(callIdentifier: callIdentifier, localTag: toTag)
      receiveDialogRequest(request, line.method, leg, at: now, into: &effects)
    } else {
      receiveOutsideDialog(request, line.method, callIdentifier, cseq.number, at: now, into: &effects)
    }
  }

  /// Why a request is refused whatever it belongs to: its method, Request-URI, extensions, body (§8.2.1 to §8.2.3).
  private func objection(to message: SIPMessage, _ line: RequestLine) -> (status: Int, headers: [HeaderDraft])? {
    if case .other = line.method { return (501, [writer.allow]) }
    if !configuration.allowedMethods.contains(line.method) { return (405, []) }
    switch line.uri.scheme {
    case .sip, .sips, .tel: break
    case .other, nil: return (416, [])
    }
    let unsupported = message.headers.require.map(\.value).filter { !configuration.supportedOptions.contains($0) }
    if !unsupported.isEmpty { return (420, [.unsupported(.init(tags: unsupported))]) }
    if line.method == .invite {
      if hasSessionTimers, SessionTimer.isTooShort(message) {
        return (422, [.minSe(.init(seconds: SessionTimer.minimum))])
      }
      if !isBodyUnderstood(message) { return (415, []) }
      if !isAnswerAcceptable(to: message) { return (406, []) }
    }
    return nil
  }

  /// Whether Accept allows one of our media types in the response; without the field it allows SDP (§13.2.1, §20.1).
  private func isAnswerAcceptable(to message: SIPMessage) -> Bool {
    let ranges = Array(message.headers.accept)
    guard !ranges.isEmpty else { return true }
    return configuration.acceptedMediaTypes.contains { mediaType in
      let matching = ranges.filter { mediaType.matches($0) }
      // The most specific range counts.
      let nearest = matching.max { MediaType.specificity(of: $0) < MediaType.specificity(of: $1) }
      return nearest.map { !MediaType.isRefused($0) } ?? false
    }
  }

  /// Whether the body is of an accepted type and not compressed, or may be passed over (§8.2.3, §20.11).
  private func isBodyUnderstood(_ message: SIPMessage) -> Bool {
    let headers = message.headers
    if message.body.isEmpty || headers.contentDisposition?.handling == .optional { return true }
    guard headers.contentEncoding.isEmpty, let type = headers.contentType else { return false }
    return configuration.acceptedMediaTypes.contains(MediaType(type))
  }

  // MARK: Outside of dialogs

  private mutating func receiveOutsideDialog(
    _ request: IncomingRequest<ReceivedMessage>, _ method: Method, _ callIdentifier: String, _ sequence: UInt32,
    at now: Instant, into effects: inout Effects
  ) {
    let key = request.key
    let merge = MergeIdentity(
      callIdentifier: callIdentifier, fromTag: request.message.message.headers.from?.party.tag?.string ?? "",
      sequence: sequence, method: method)
    // The same request by another way: a proxy has forked it and both branches lead here (§8.2.2.2).
    if let other = merges[merge], other != key {
      reply(482, to: key, at: now, into: &effects)
      return
    }
    merges[merge] = key
    servers[key]?.merge = merge
    switch method {
    // A B2BUA passes the call on, if only to another network, so its hops count like those of a proxy (RFC 7332).
    case .invite where request.message.message.headers.maxForwards?.value == 0:
      reply(483, to: key, at: now, into: &effects)
    case .invite: receiveInvite(request, callIdentifier, at: now, into: &effects)
    case .options: reply(200, to: key, headers: writer.capabilities, at: now, into: &effects)
    // INFO, BYE and others make sense in a dialog only.
    default: reply(481, to: key, at: now, into: &effects)
    }
  }

  private mutating func receiveInvite(
    _ request: IncomingRequest<ReceivedMessage>, _ callIdentifier: String, at now: Instant, into effects: inout Effects
  ) {
    let key = request.key
    let message = request.message.message
    guard legs.count < configuration.maximumLegs else {
      refusalCount += 1
      reply(503, to: key, at: now, into: &effects)
      return
    }
    guard let tag = servers[key]?.localTag, let line = message.requestLine, let to = message.headers.to?.party,
      message.headers.recordRoute.dropFirst(Dialog.maximumRoutes).first(where: { _ in true }) == nil,
      let dialog = Dialog(
        callIdentifier: callIdentifier, localTag: tag, invite: message, sequence: identifiers.sequenceNumber(),
        peer: request.message.source)
    else {
      reply(400, to: key, at: now, into: &effects)
      return
    }
    let leg = SIPLeg(callIdentifier: callIdentifier, localTag: tag)
    var record = LegRecord(
      leg: leg, isCaller: false, local: dialog.local, remote: NameAddr.Draft(to.address),
      contact: writer.contact(
        user: line.uri.user?.string ?? line.uri.number?.string, over: request.message.source.transport),
      invite: key, inviteSequence: message.headers.cseq?.number ?? 0)
    record.dialogs = [dialog]
    record.unanswered = [key]
    _ = record.exclusion.receive(using: &identifiers)
    legs[leg] = record
    servers[key]?.leg = leg
    lookUp(dialog, into: &effects)
    effects.append(.incomingInvite(leg, message))
  }

  // MARK: In dialogs

  private mutating func receiveDialogRequest(
    _ request: IncomingRequest<ReceivedMessage>, _ method: Method, _ leg: SIPLeg, at now: Instant,
    into effects: inout Effects
  ) {
    let key = request.key
    let message = request.message.message
    guard let record = legs[leg], record.phase != .failed else {
      reply(481, to: key, at: now, into: &effects)
      return
    }
    let remoteTag = message.headers.from?.party.tag?.string ?? ""
    guard let index = record.dialogs.firstIndex(where: { $0.remoteTag == remoteTag }) else {
      // A BYE may overtake the 2xx that would have made its dialog.
      let isOvertaking = method == .bye && record.isCaller && record.phase == .pending
      reply(isOvertaking ? 200 : 481, to: key, at: now, into: &effects)
      if isOvertaking { peerHungUp(record, message, at: now, into: &effects) }
      return
    }
    guard let number = servers[key]?.sequence,
      legs[leg]?.dialogs[index].sequence.admit(number, method: RequestMethod(method)) == .inOrder
    else {
      reply(500, to: key, at: now, into: &effects)
      return
    }
    legs[leg]?.dialogs[index].noteConnection(of: request.message.source)
    switch method {
    case .bye:
      reply(200, to: key, at: now, into: &effects)
      peerHungUp(record, message, at: now, into: &effects)
    case .options:
      reply(200, to: key, headers: writer.capabilities, at: now, into: &effects)
    default:
      if case .ending = record.phase {
        reply(481, to: key, at: now, into: &effects)
      } else if method != .invite || admitInvite(request, leg, dialog: index, at: now, into: &effects) {
        servers[key]?.leg = leg
        legs[leg]?.unanswered.append(key)
        effects.append(.incomingRequest(SIPServerRequest(key: key), in: leg, message))
      }
    }
  }

  /// Whether a re-INVITE can be processed now (§14.2); refuses it if not.
  private mutating func admitInvite(
    _ request: IncomingRequest<ReceivedMessage>, _ leg: SIPLeg, dialog index: Int, at now: Instant,
    into effects: inout Effects
  ) -> Bool {
    switch legs[leg]?.exclusion.receive(using: &identifiers) {
    case .admitted:
      legs[leg]?.dialogs[index].refreshTarget(from: request.message.message)
      if let dialog = legs[leg]?.dialogs[index] { lookUp(dialog, into: &effects) }
      return true
    case .requestPending:
      reply(491, to: request.key, at: now, into: &effects)
    case .retryAfter(let seconds):
      reply(
        500, to: request.key, headers: [.retryAfter(.init(seconds: UInt32(seconds)))], at: now, into: &effects)
    case nil:
      reply(481, to: request.key, at: now, into: &effects)
    }
    return false
  }

  /// The peer's BYE is answered.
  private mutating func peerHungUp(
    _ record: LegRecord, _ message: SIPMessage, at now: Instant, into effects: inout Effects
  ) {
    switch record.phase {
    case .established, .ending:
      effects.append(.hungUp(record.leg, message))
      end(record.leg, at: now, into: &effects)
    case .failed: return
    // Why the INVITE is cancelled, the surroundings know.
    case .pending where record.isCaller: effects.append(.hungUp(record.leg, message))
    case .pending:
      // The caller may end an early dialog (§15.1.2); its INVITE gets its 487 from `end`.
      effects.append(.cancelled(record.leg, message))
      end(record.leg, at: now, into: &effects)
    }
  }

  // MARK: CANCEL and ACK

  /// A CANCEL: ends the INVITE that has no final response yet (§9.2).
  mutating func receiveCancel(
    _ request: IncomingRequest<ReceivedMessage>, invite: TransactionKey?, at now: Instant, into effects: inout Effects
  ) {
    let message = request.message.message
    let inviteRecord = invite.flatMap { servers[$0] }
    servers[request.key] = ServerRecord(
      request: request.message, method: .cancel, sequence: message.headers.cseq?.number ?? 0,
      localTag: inviteRecord?.localTag ?? identifiers.tag(), isInDialog: message.headers.to?.party.tag != nil)
    guard let invite, let inviteRecord else {
      reply(481, to: request.key, at: now, into: &effects)
      return
    }
    reply(200, to: request.key, at: now, into: &effects)
    guard inviteRecord.request != nil, let leg = inviteRecord.leg, let record = legs[leg] else { return }
    if record.invite == invite {
      effects.append(.cancelled(leg, message))
      end(leg, at: now, into: &effects)
    } else {
      reply(487, to: invite, at: now, into: &effects)
      effects.append(.requestCancelled(SIPServerRequest(key: invite), in: leg))
    }
  }

  /// An ACK of a 2xx, or a stray one (§13.3.1.4).
  mutating func receiveAcknowledgement(
    _ received: ReceivedMessage, at now: Instant, into effects: inout Effects
  ) {
    let headers = received.message.headers
    guard let callIdentifier = headers.callID?.value.string, let tag = headers.to?.party.tag?.string else { return }
    let leg = SIPLeg(callIdentifier: callIdentifier, localTag: tag)
    guard let record = legs[leg], var awaited = record.awaited, awaited.sequence == headers.cseq?.number,
      record.dialogs.last?.remoteTag == headers.from?.party.tag?.string ?? "", awaited.machine.acknowledge()
    else { return }
    stopWaiting(leg)
    effects.append(.acknowledged(leg, received.message))
    sendDeferredBye(leg, at: now, into: &effects)
  }

  private mutating func stopWaiting(_ leg: SIPLeg) {
    legs[leg]?.awaited = nil
    legs[leg]?.exclusion.remoteEnded()
    repetitions.set(leg, to: nil)
  }

  /// Repeats a 2xx that is not acknowledged, or gives up.
  mutating func repeatAccepted(_ leg: SIPLeg, at now: Instant, into effects: inout Effects) {
    guard var awaited = legs[leg]?.awaited else { return }
    let action = awaited.machine.advance(to: now)
    legs[leg]?.awaited = awaited
    repetitions.set(leg, to: awaited.machine.nextDeadline)
    switch action {
    case .none: return
    case .sendResponse:
      run(at: now, into: &effects) {
        _ = $0.respond(to: awaited.key, status: awaited.status, bytes: awaited.bytes, at: now, into: &$1)
      }
    case .timedOut:
      stopWaiting(leg)
      effects.append(.acknowledgementMissing(leg))
      sendDeferredBye(leg, at: now, into: &effects)
    }
  }
}
