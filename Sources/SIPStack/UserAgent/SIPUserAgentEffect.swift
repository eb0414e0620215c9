import CodecRuntime
import SIPCodec

/// What the user agent asks of its surroundings after an event: to send (`send`, `resolve`), to know what has become of
/// a call (the others), or to write down (`malformed`, `diagnostic`). To be done in order.
public enum SIPUserAgentEffect: Sendable {
  /// Send `bytes`; where that fails and there is a key, call ``SIPUserAgent/transportFailed(_:at:into:)``.
  case send(bytes: [UInt8], to: TransportAddress, key: TransactionKey?)
  /// Look the address of this host up and hand it to ``SIPUserAgent/setAddress(_:ofHost:)``. Until then, and where there
  /// is none, requests to it go where its messages have come from.
  case resolve(host: String)

  // An INVITE that has come.

  /// Answer it with ``SIPUserAgent/respond(to:status:phrase:headers:body:at:into:)-(SIPLeg,_,_,_,_,_,_)``.
  case incomingInvite(SIPLeg, SIPMessage)
  /// The caller has given up, with a CANCEL or a BYE, which is `message`; both requests are answered. `ended` follows.
  case cancelled(SIPLeg, SIPMessage)
  /// The ACK of our 2xx to an INVITE or re-INVITE; it may bear an answer. Comes once for each.
  case acknowledged(SIPLeg, SIPMessage)
  /// No ACK for 64 · T1: end the call with a BYE (RFC 3261 §13.3.1.4).
  case acknowledgementMissing(SIPLeg)

  // An INVITE that we have sent.

  /// 100 to 199. With a To tag there is an early dialog now: see ``SIPUserAgent/hasDialog(_:)``.
  case provisional(SIPLeg, status: Int, SIPMessage)
  /// The first 2xx; its ACK is sent. A BYE is too, where the 2xx has crossed our CANCEL.
  case accepted(SIPLeg, SIPMessage)
  /// 300 to 699; its ACK is sent. Until `ended` comes the INVITE can be sent again by
  /// ``SIPUserAgent/retryInvite(_:requestURI:headers:body:nextHop:at:into:)``.
  case refused(SIPLeg, status: Int, phrase: String, SIPMessage)
  /// No response for 64 · T1, or no final one for so long after a CANCEL. `ended` follows.
  case timedOut(SIPLeg)
  /// The INVITE could not be sent. `ended` follows.
  case unreachable(SIPLeg)

  // A session that has to be refreshed (RFC 4028).

  /// Refresh it with a re-INVITE, unless one is under way.
  case refreshDue(SIPLeg)
  /// Nobody has refreshed it in time: end the call with a BYE.
  case sessionExpired(SIPLeg)

  // Requests within a dialog.

  /// A re-INVITE, INFO or other allowed request: answer it with
  /// ``SIPUserAgent/respond(to:status:phrase:headers:body:at:into:)-(SIPServerRequest,_,_,_,_,_,_)``.
  case incomingRequest(SIPServerRequest, in: SIPLeg, SIPMessage)
  /// The peer has given up a re-INVITE; it is answered 487.
  case requestCancelled(SIPServerRequest, in: SIPLeg)
  /// The peer has hung up with this BYE, which is answered 200. `ended` follows; where our INVITE had no final response
  /// yet, only once ``SIPUserAgent/cancel(_:headers:at:into:)`` has brought that.
  case hungUp(SIPLeg, SIPMessage)
  /// A response, provisional ones too. `ended` follows a final one to a BYE; a 408 or 481 to another request says that
  /// the peer does not know the call any more, and the BYE is the caller's to send (RFC 3261 §12.2.1.2).
  case response(SIPClientRequest, in: SIPLeg, method: Method, status: Int, SIPMessage)
  /// No response, which counts as a 408, or it could not be sent, which counts as a 503 (RFC 3261 §8.1.3.1).
  case requestFailed(SIPClientRequest, in: SIPLeg, method: Method, SIPRequestFailure)

  /// The leg is forgotten: the last effect for it, and the only one that each leg has.
  case ended(SIPLeg)

  // For the log.

  /// A message that cannot be used, whether it was answered 400 or dropped.
  case malformed(from: TransportAddress, SIPIssue)
  /// A request of one whose requests are not taken (``SIPUserAgent/admission``): the first of a source in a minute, and
  /// how many others have not been told of.
  case stranger(TransportAddress, notLogged: UInt64)
  case diagnostic(String)
}

/// Why a request had no response.
public enum SIPRequestFailure: Hashable, Sendable {
  case timedOut, unreachable
}

/// Why the user agent does not do what it was asked for.
public enum SIPUserAgentError: Error, Equatable, Sendable {
  /// The leg has ended.
  case noSuchLeg
  /// The request needs a dialog, or for a BYE an established one.
  case noDialog
  /// Another INVITE is under way in the dialog, or our INVITE has no final response yet (RFC 3261 §14.1).
  case invitePending
  /// Our BYE is under way.
  case ending
  /// There is no room for another leg or transaction, or no CSeq number left.
  case exhausted
  /// A value that the grammar does not allow.
  case draft(DraftError)
}
