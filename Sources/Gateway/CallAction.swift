import JingleSIPMapping

/// How a Jingle set of a device is refused.
public enum StanzaRefusal: Hashable, Sendable {
  /// `unexpected-request` with `out-of-order` (XEP-0166 §10)
  case outOfOrder
  /// `item-not-found` with `unknown-session`
  case unknownSession
  /// `feature-not-implemented` with `unsupported-info`
  case unsupportedInfo
  /// `feature-not-implemented`
  case notImplemented
  /// `item-not-found`
  case itemNotFound
  /// `bad-request`
  case badRequest
  /// `forbidden`
  case forbidden
}

/// How a request of the phone within the call is answered.
public enum RequestAnswer: Hashable, Sendable {
  /// 200
  case accepted
  /// 405 with Allow
  case methodNotAllowed
  /// 481
  case noSuchCall
  /// 488
  case notAcceptable
  /// 491
  case pending
  /// 500 with a Retry-After of 0 to 10 s
  case later
  /// 469, or 415 where the INFO names no package
  case badInfo
}

/// The end of a session, as the client is told.
public struct SessionEnd: Hashable, Sendable {
  public var reason: JingleReason
  /// `<sip-error code="…"/>`
  public var sipError: Int?
  /// The reason phrase of the response; where there is none, that of the grammar may be said.
  public var phrase: String?

  public init(_ reason: JingleReason, sipError: Int? = nil, phrase: String? = nil) {
    self.reason = reason
    self.sipError = sipError
    self.phrase = phrase
  }
}

/// What a re-INVITE of ours is for.
public enum CallChange: Hashable, Sendable {
  /// A stanza of the client.
  case ofClient(CallReference)
  /// A content-add of the client, which is to hear what the phone says to it.
  case addition(CallReference)
  /// Nothing but that the session lives on (RFC 4028).
  case refresh
}

/// What a call asks of its executor, to be done in order.
public enum CallAction: Hashable, Sendable {
  // To the Jingle side.

  /// Answer the set with `result`.
  case acknowledge(CallReference)
  /// Answer the set with an error.
  case refuse(CallReference, StanzaRefusal)
  /// Send the offer of this INVITE.
  case sendSessionInitiate(CallStanza, to: CallDevice, offer: CallReference)
  /// Send the answer of this 200.
  case sendSessionAccept(CallStanza, to: CallDevice, answer: CallReference)
  case sendRinging(CallStanza, to: CallDevice)
  /// Send a content-add with the contents that this re-INVITE of the phone adds.
  case sendContentAdd(CallStanza, to: CallDevice, change: CallReference)
  /// Send a content-remove for those of them that the client has not accepted.
  case sendContentRemove(CallStanza, to: CallDevice)
  /// Answer the re-INVITE 200 with what this content-accept says to its contents, or with port 0 for them.
  case answerContents(CallReference, accept: CallReference?)
  /// Send content-accept, or content-reject, as the phone's answer to the re-INVITE with this content-add says.
  case sendContentAnswer(CallStanza, to: CallDevice, answer: CallReference, addition: CallReference)
  /// Send content-reject for this content-add. `isUndone`: it went out in a re-INVITE, which was refused.
  case sendContentReject(CallStanza, to: CallDevice, addition: CallReference, isUndone: Bool, SessionEnd)
  /// Send a session-info without a payload.
  case sendSignOfLife(CallStanza, to: CallDevice)
  /// Ask whether it is there (XEP-0199).
  case sendPing(CallStanza, to: CallDevice)
  /// Its answer means nothing to the call.
  case sendSessionTerminate(CallStanza, to: CallDevice, SessionEnd)
  /// Ask the devices of the callee, by a message to the bare address.
  case sendPropose(to: CallDevice, offer: CallReference)
  /// Say by message that the phone rings.
  case sendRingingMessage(to: CallDevice)
  case sendProceed(to: CallDevice)
  case sendReject(to: CallDevice, SessionEnd)
  /// To a device, or to the bare address that was asked.
  case sendRetract(to: CallDevice, SessionEnd)
  /// Say by a message to the user that the session, which began with one, is over.
  case sendFinish(SessionEnd)
  /// Send the candidates of this INFO.
  case sendTransportInfo(CallStanza, to: CallDevice, candidates: CallReference)
  /// Send what this re-INVITE changes: the action that its `a=jingle-action` names, else transport-info.
  case sendChange(CallStanza, to: CallDevice, change: CallReference)

  // To the SIP side.

  /// Send the INVITE with the offer of this session-initiate, and the candidates of these transport-infos.
  case sendInvite(offer: CallReference, candidates: [CallReference])
  /// Send an INVITE without an offer, whose 2xx brings one; the ACK answers that on hold.
  case sendInviteWithoutOffer
  /// Send the offer of this session-initiate, and the candidates of these transport-infos, in a re-INVITE.
  case sendOffer(offer: CallReference, candidates: [CallReference])
  /// Send the INVITE to the Contact of this 3xx.
  case followRedirection(CallReference)
  /// Send the INVITE, with the same offer or without one, to the next proxy, and forget the one that is under way.
  case tryNextProxy
  /// Keep the dialog, or early dialog, that this response makes.
  case noteDialog(CallReference)
  /// Send the ACK of this 200.
  case sendAck(CallReference)
  /// Send the ACK of this 200, and in its dialog a BYE.
  case endFork(CallReference)
  /// Send a CANCEL of our INVITE, which has had a provisional response.
  case sendCancel(ReasonCause)
  case sendBye(ReasonCause)
  /// Answer the INVITE 180.
  case answerRinging
  /// Answer the INVITE 200 with the answer of this session-accept and the candidates of these transport-infos.
  case answerInvite(answer: CallReference, candidates: [CallReference])
  /// Answer the INVITE with this status, 300 to 699, and a Reason header (RFC 3326).
  case refuseInvite(status: Int, ReasonCause?)
  /// Answer a request within the call.
  case answer(CallReference, RequestAnswer)
  /// Answer the re-INVITE 200 with our current description.
  case acceptReInvite(CallReference)
  /// Send the candidates of these transport-infos.
  case sendInfo(candidates: [CallReference])
  /// Send a re-INVITE with this change.
  case sendReInvite(CallChange)
  /// Send the ACK of this 200 to our re-INVITE.
  case acknowledgeReInvite(CallReference)

  /// The call is over: forget it.
  case end
}
