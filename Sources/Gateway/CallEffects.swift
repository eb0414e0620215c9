import JingleSIPMapping
import SIPStack

/// What the effects of the signalling table mean for a call.
extension Call {
  mutating func perform(
    _ effect: CallEffect, _ event: CallEvent, _ occasion: Occasion, at now: Instant, into actions: inout [CallAction]
  ) {
    switch effect {
    case .acknowledge, .refuseOutOfOrder, .refuseUnknownSession, .refuseUnsupportedInfo, .refuseNotImplemented,
      .refuseItemNotFound, .refuseForbidden:
      answerStanza(effect, occasion, into: &actions)
    case .sessionInitiate, .repeatSessionInitiate, .sessionAccept, .sessionInfoRinging, .sessionInfoOfNothing, .ping,
      .sessionTerminate, .sessionTerminateOthersCancel, .sessionTerminateOthersDecline, .transportInfo, .passChange,
      .contentAdd, .takeBackContents, .answerContent, .rejectContent, .adoptDevice, .dropDevice, .propose, .ringing,
      .proceed, .rejectProposal, .retract:
      performForClient(effect, event, occasion, at: now, into: &actions)
    case .acceptContents, .refuseContents:
      guard let reference = consultation else { return }
      consultation = nil
      actions.append(
        .answerContents(reference, accept: effect == .acceptContents ? occasion.jingle?.reference : nil))
    case .acceptRequest, .acceptReInvite, .refuseRequest405, .refuseRequest481, .refuseRequest488, .refuseRequest491,
      .refuseRequest500, .refuseInfo:
      answerRequest(effect, occasion, into: &actions)
    case .sendInvite, .sendInviteWithoutOffer, .sendOffer, .followRedirection, .tryNextProxy, .noteDialog, .sendAck,
      .endFork, .keepCancel, .sendCancel, .sendKeptCancel, .keepBye, .sendBye, .sendKeptBye, .answer180, .answer200,
      .answerInvite487, .refuseInvite:
      performForPhone(effect, event, occasion, into: &actions)
    case .keepCandidates, .passCandidates, .sendReInvite, .ackReInvite, .keepChange, .keepAddition, .keepRefresh,
      .dropChange, .waitAfterGlare:
      performChange(effect, occasion, at: now, into: &actions)
    }
  }

  // MARK: Answers

  private func answerStanza(_ effect: CallEffect, _ occasion: Occasion, into actions: inout [CallAction]) {
    guard let reference = occasion.jingle?.reference else { return }
    switch effect {
    case .refuseOutOfOrder: actions.append(.refuse(reference, .outOfOrder))
    case .refuseUnknownSession: actions.append(.refuse(reference, .unknownSession))
    case .refuseUnsupportedInfo: actions.append(.refuse(reference, .unsupportedInfo))
    case .refuseNotImplemented: actions.append(.refuse(reference, .notImplemented))
    case .refuseForbidden: actions.append(.refuse(reference, .forbidden))
    case .refuseItemNotFound: actions.append(.refuse(reference, .itemNotFound))
    default: actions.append(.acknowledge(reference))
    }
  }

  private func answerRequest(_ effect: CallEffect, _ occasion: Occasion, into actions: inout [CallAction]) {
    guard let reference = occasion.request?.reference else { return }
    switch effect {
    case .acceptReInvite: actions.append(.acceptReInvite(reference))
    case .refuseRequest405: actions.append(.answer(reference, .methodNotAllowed))
    case .refuseRequest481: actions.append(.answer(reference, .noSuchCall))
    case .refuseRequest488: actions.append(.answer(reference, .notAcceptable))
    case .refuseRequest491: actions.append(.answer(reference, .pending))
    case .refuseRequest500: actions.append(.answer(reference, .later))
    case .refuseInfo: actions.append(.answer(reference, .badInfo))
    default: actions.append(.answer(reference, .accepted))
    }
  }

  // MARK: Jingle

  private mutating func performForClient(
    _ effect: CallEffect, _ event: CallEvent, _ occasion: Occasion, at now: Instant, into actions: inout [CallAction]
  ) {
    switch effect {
    case .sessionInitiate:
      guard let request = occasion.request else { return }
      offer = request.reference
      for device in request.devices where !devices.contains(device) { devices.append(device) }
      for device in devices where device != proposal {
        actions.append(
          .sendSessionInitiate(stanza(to: device, .initiate, at: now), to: device, offer: request.reference))
      }
    case .repeatSessionInitiate:
      guard let device = occasion.device, let offer else { return }
      // One device takes the call for all that were asked by message.
      if event == .proceed { devices.removeAll { $0 == proposal } }
      if !devices.contains(device) { devices.append(device) }
      // What it has not answered yet keeps its deadline: asking again is no answer.
      actions.append(.sendSessionInitiate(stanza(to: device, .initiate, at: now), to: device, offer: offer))
    case .sessionAccept:
      guard let device = devices.first, let reference = occasion.response?.reference else { return }
      actions.append(.sendSessionAccept(stanza(to: device, .accept, at: now), to: device, answer: reference))
    case .sessionInfoRinging:
      guard let device = devices.first else { return }
      actions.append(.sendRinging(stanza(to: device, .other, at: now), to: device))
    case .sessionInfoOfNothing:
      guard let device = devices.first else { return }
      actions.append(.sendSignOfLife(stanza(to: device, .life, at: now), to: device))
    case .ping:
      guard let device = occasion.device else { return }
      actions.append(.sendPing(stanza(to: device, .ping, at: now), to: device))
    case .sessionTerminate:
      let end = sessionEnd(event, occasion)
      terminate(devices, end, at: now, into: &actions)
      if beganByMessage, devices.contains(where: { $0 != proposal }) { actions.append(.sendFinish(end)) }
    case .sessionTerminateOthersCancel, .sessionTerminateOthersDecline:
      let reason = ReasonTable.reason(of: effect) ?? .cancel
      terminate(devices.filter { $0 != occasion.device }, SessionEnd(reason), at: now, into: &actions)
      devices = devices.filter { $0 == occasion.device }
    case .transportInfo:
      guard let reference = occasion.request?.reference else { return }
      for device in devices where device != proposal {
        actions.append(.sendTransportInfo(stanza(to: device, .other, at: now), to: device, candidates: reference))
      }
    case .passChange:
      guard let device = devices.first, let reference = occasion.request?.reference else { return }
      actions.append(.sendChange(stanza(to: device, .other, at: now), to: device, change: reference))
    case .contentAdd:
      guard let device = devices.first, let reference = occasion.request?.reference else { return }
      consultation = reference
      actions.append(.sendContentAdd(stanza(to: device, .addition, at: now), to: device, change: reference))
    case .takeBackContents:
      guard let device = devices.first else { return }
      // It has its answer.
      if event == .reInviteCancelled { consultation = nil }
      actions.append(.sendContentRemove(stanza(to: device, .other, at: now), to: device))
    case .answerContent:
      guard let device = devices.first, let answer = occasion.response?.reference,
        case .addition(let addition)? = changes.first
      else { return }
      actions.append(
        .sendContentAnswer(stanza(to: device, .other, at: now), to: device, answer: answer, addition: addition))
    case .rejectContent: rejectContent(occasion, at: now, into: &actions)
    case .propose:
      guard let request = occasion.request, let device = request.proposal else { return }
      offer = request.reference
      proposal = device
      proposed = request.proposed
      beganByMessage = true
      if !devices.contains(device) { devices.append(device) }
      actions.append(.sendPropose(to: device, offer: request.reference))
    case .ringing:
      if let device = devices.first { actions.append(.sendRingingMessage(to: device)) }
    case .proceed:
      guard let device = devices.first else { return }
      beganByMessage = true
      actions.append(.sendProceed(to: device))
    case .rejectProposal:
      guard let device = devices.first else { return }
      actions.append(.sendReject(to: device, sessionEnd(event, occasion)))
    case .retract:
      guard let device = occasion.device else { return }
      actions.append(.sendRetract(to: device, SessionEnd(.cancel)))
    case .adoptDevice:
      guard let device = occasion.device else { return }
      answer = occasion.jingle?.reference
      needsAddress = occasion.jingle?.content == .withoutAddress
      candidates = candidates.filter { $0.sender == device }
      forgetSets(to: device)
    case .dropDevice:
      guard let device = occasion.device else { return }
      devices = devices.filter { $0 != device }
      candidates = candidates.filter { $0.sender != device }
      forgetSets(to: device)
    default: return
    }
  }

  private mutating func forgetSets(to device: CallDevice) { awaited = awaited.filter { $0.device != device } }

  private mutating func terminate(
    _ devices: [CallDevice], _ end: SessionEnd, at now: Instant, into actions: inout [CallAction]
  ) {
    for device in devices {
      forgetSets(to: device)
      if device == proposal {
        actions.append(.sendRetract(to: device, end))
        continue
      }
      actions.append(.sendSessionTerminate(stanza(to: device, nil, at: now), to: device, end))
    }
  }

  /// A content-add that cannot be now, or the one of a re-INVITE that the phone has refused.
  private mutating func rejectContent(_ occasion: Occasion, at now: Instant, into actions: inout [CallAction]) {
    var addition = occasion.jingle?.reference
    if addition == nil, case .addition(let reference)? = changes.first { addition = reference }
    guard let addition, let device = occasion.jingle?.sender ?? devices.first else { return }
    let ending = occasion.response.flatMap { ReasonTable.ending(status: $0.status) }
    let end = ending.map { SessionEnd($0.reason, sipError: $0.sipError, phrase: occasion.response?.phrase) }
    actions.append(
      .sendContentReject(
        stanza(to: device, .other, at: now), to: device, addition: addition, isUndone: occasion.jingle == nil,
        end ?? SessionEnd(.unsupportedApplications)))
  }

  /// The reason from the tables.
  private func sessionEnd(_ event: CallEvent, _ occasion: Occasion) -> SessionEnd {
    if let ending = ReasonTable.ending(of: event)?.jingle {
      return SessionEnd(ending.reason, sipError: ending.sipError)
    }
    switch event {
    case .cancel: return SessionEnd(ReasonTable.cancel.reason)
    case .bye: return SessionEnd(ReasonTable.bye.reason)
    default:
      guard let response = occasion.response, let ending = ReasonTable.ending(status: response.status) else {
        return SessionEnd(.generalError)
      }
      return SessionEnd(
        ending.reason, sipError: ending.sipError, phrase: ending.sipError == nil ? nil : response.phrase)
    }
  }

  // MARK: SIP

  private mutating func performForPhone(
    _ effect: CallEffect, _ event: CallEvent, _ occasion: Occasion, into actions: inout [CallAction]
  ) {
    switch effect {
    case .sendInvite:
      if let reference = occasion.jingle?.reference { offer = reference }
      guard let offer else { return }
      actions.append(.sendInvite(offer: offer, candidates: takeCandidates()))
    case .sendInviteWithoutOffer: actions.append(.sendInviteWithoutOffer)
    case .sendOffer:
      if let reference = occasion.jingle?.reference { offer = reference }
      guard let offer else { return }
      actions.append(.sendOffer(offer: offer, candidates: takeCandidates()))
    case .followRedirection:
      guard let reference = occasion.response?.reference else { return }
      redirections += 1
      hasDialog = false
      actions.append(.followRedirection(reference))
    case .tryNextProxy:
      guard alternatives > 0 else { return }
      alternatives -= 1
      hasDialog = false
      actions.append(.tryNextProxy)
    case .noteDialog:
      guard let response = occasion.response, response.makesDialog else { return }
      hasDialog = true
      actions.append(.noteDialog(response.reference))
    case .sendAck:
      if let reference = occasion.response?.reference { actions.append(.sendAck(reference)) }
    case .endFork:
      if let reference = occasion.response?.reference { actions.append(.endFork(reference)) }
    case .keepCancel, .keepBye: cause = cause(event, occasion)
    case .sendCancel:
      // A 200 may cross it and is then ended with a BYE for the same cause.
      cause = cause(event, occasion)
      actions.append(.sendCancel(cause(event, occasion)))
    case .sendKeptCancel: actions.append(.sendCancel(keptCause))
    case .sendBye: actions.append(.sendBye(cause(event, occasion)))
    case .sendKeptBye: actions.append(.sendBye(keptCause))
    case .answer180:
      hasDialog = true
      actions.append(.answerRinging)
    case .answer200:
      guard let answer else { return }
      hasDialog = true
      actions.append(.answerInvite(answer: answer, candidates: takeCandidates()))
    case .answerInvite487: actions.append(.refuseInvite(status: 487, nil))
    case .refuseInvite:
      let ending = ReasonTable.ending(of: event)
      let byReason = ReasonTable.ending(occasion.reason)
      actions.append(
        .refuseInvite(status: ending?.status ?? byReason.status, ending == nil ? byReason.cause : ending?.cause))
    default: return
    }
  }

  /// The cause from the tables.
  private func cause(_ event: CallEvent, _ occasion: Occasion) -> ReasonCause {
    ReasonTable.ending(of: event)?.cause ?? ReasonTable.ending(occasion.reason).cause
  }

  private var keptCause: ReasonCause { cause ?? ReasonTable.ending(nil).cause }

  private mutating func takeCandidates() -> [CallReference] {
    defer { candidates = [] }
    return candidates.map(\.reference)
  }

  // MARK: Changes

  private mutating func performChange(
    _ effect: CallEffect, _ occasion: Occasion, at now: Instant, into actions: inout [CallAction]
  ) {
    switch effect {
    case .keepCandidates:
      keepCandidates(occasion)
      if candidatesLimit != nil { candidatesPause = now + timers.candidatePause }
    case .passCandidates:
      keepCandidates(occasion)
      guard hasDialog, !candidates.isEmpty else { return }
      actions.append(.sendInfo(candidates: takeCandidates()))
    case .keepChange:
      if let reference = occasion.jingle?.reference { changes.append(.ofClient(reference)) }
    case .keepAddition:
      if let reference = occasion.jingle?.reference { changes.append(.addition(reference)) }
    case .keepRefresh: changes.append(.refresh)
    case .dropChange:
      if !changes.isEmpty { changes.removeFirst() }
    case .sendReInvite:
      if let change = changes.first { actions.append(.sendReInvite(change)) }
    case .ackReInvite:
      if let reference = occasion.response?.reference { actions.append(.acknowledgeReInvite(reference)) }
    case .waitAfterGlare:
      glareLimit = now + Glare.delay(ownsCallIdentifier: origin == .client, using: &chance)
    default: return
    }
  }

  /// A transport-info brings candidates; the stanza that only waits for them is itself the offer or answer.
  private mutating func keepCandidates(_ occasion: Occasion) {
    guard let jingle = occasion.jingle else { return }
    switch jingle.event {
    case .transportInfo: candidates.append(Candidates(sender: jingle.sender, reference: jingle.reference))
    case .sessionInitiateWithoutCandidates: offer = jingle.reference
    case .sessionAcceptWithoutCandidates: answer = jingle.reference
    default: return
    }
  }
}
