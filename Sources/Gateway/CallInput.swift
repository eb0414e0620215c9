import JingleSIPMapping

/// A device of an XMPP user: its full JID, prepared, so that equal ones compare equal.
public struct CallDevice: Hashable, Sendable {
  public var address: String

  public init(_ address: String) { self.address = address }
}

/// Something that the executor keeps for a call: a message, or a request that waits for its answer.
public struct CallReference: Hashable, Sendable {
  public var number: UInt64

  public init(_ number: UInt64) { self.number = number }
}

/// A set that the call has sent to a device, counted within the call; the executor knows the id of its stanza.
public struct CallStanza: Hashable, Sendable {
  public var number: UInt32

  public init(_ number: UInt32) { self.number = number }
}

/// A Jingle request of a device.
public struct JingleRequest: Hashable, Sendable {
  /// What about its content decides what happens, besides the action.
  public enum Content: Hashable, Sendable {
    case usual
    /// session-initiate, session-accept: no transport has a candidate, and more may come.
    case withoutCandidates
    /// The same, and no transport does with less than an address: there is no ICE.
    case withoutAddress
    /// session-initiate, session-accept, content-add: nothing of it has a counterpart in SDP.
    case unusable
    /// session-info: ringing.
    case ringing
    /// session-info: a payload that we do not know.
    case unknown
    /// session-initiate: the routes do not let the sender call there.
    case forbidden
    /// content-remove: no content would be left.
    case ofAll
  }

  /// The action as in the stanza.
  public var action: String
  public var sender: CallDevice
  /// The stanza: to be answered, and its content to be passed on.
  public var reference: CallReference
  public var content: Content
  /// session-terminate: the reason, if it is one of XEP-0166.
  public var reason: JingleReason?

  public init(
    action: String, sender: CallDevice, reference: CallReference, content: Content = .usual,
    reason: JingleReason? = nil
  ) {
    self.action = action
    self.sender = sender
    self.reference = reference
    self.content = content
    self.reason = reason
  }
}

/// A message of a device about a session that is to come (XEP-0353).
public struct InitiationMessage: Hashable, Sendable {
  /// The name of the element.
  public var name: String
  public var sender: CallDevice
  /// `propose`: the routes do not let the sender call there.
  public var isForbidden: Bool
  /// `propose`: the route rings the phone first, and the client calls when that has answered.
  public var isAnsweredFirst: Bool
  /// reject, retract, finish: the reason, if it is one of XEP-0166.
  public var reason: JingleReason?

  public init(
    name: String, sender: CallDevice, isForbidden: Bool = false, isAnsweredFirst: Bool = false,
    reason: JingleReason? = nil
  ) {
    self.name = name
    self.sender = sender
    self.isForbidden = isForbidden
    self.isAnsweredFirst = isAnsweredFirst
    self.reason = reason
  }
}

/// A SIP request, as the transaction layer has let it through: no repetitions.
public struct SIPCallRequest: Hashable, Sendable {
  /// What about its content decides what happens, besides the method.
  public enum Content: Hashable, Sendable {
    case usual
    /// INVITE: no session description.
    case withoutOffer
    /// INVITE: nothing of its offer has a counterpart in Jingle.
    case unusable
    /// re-INVITE: it has m-lines besides those that there are.
    case withContents
    /// INVITE: the address called is not a user's.
    case toNoUser
    /// INVITE: one call to one user comes a second time.
    case again
    /// INVITE: as many phones ring the user as may.
    case toOneRungTooOften
    /// INVITE: no more calls are taken.
    case beyondCapacity
    /// INFO: candidates.
    case candidates
    /// INFO: no body.
    case empty
  }

  /// The method as in the request line.
  public var method: String
  public var reference: CallReference
  public var content: Content
  /// First INVITE: the available devices of the callee.
  public var devices: [CallDevice]
  /// First INVITE: the bare address of a callee whose devices want to be asked by message.
  public var proposal: CallDevice?
  /// First INVITE: those of them that are known to be available.
  public var proposed: [CallDevice]

  public init(
    method: String, reference: CallReference, content: Content = .usual, devices: [CallDevice] = [],
    proposal: CallDevice? = nil, proposed: [CallDevice] = []
  ) {
    self.method = method
    self.reference = reference
    self.content = content
    self.devices = devices
    self.proposal = proposal
    self.proposed = proposed
  }
}

/// A SIP response to a request of the call.
public struct SIPCallResponse: Hashable, Sendable {
  public enum Request: Hashable, Sendable { case invite, reInvite, info, bye }

  /// What about its content decides what happens, besides the code.
  public enum Content: Hashable, Sendable {
    case usual
    /// 2xx to INVITE, or to the re-INVITE with the client's offer: nothing of its answer has a counterpart in Jingle, or
    /// there is none.
    case unusable
    /// 2xx to INVITE: from another fork than the first one.
    case ofFork
    /// 3xx: the Contact is at the proxy's own host.
    case toProxy
  }

  public var request: Request
  public var status: Int
  /// For people; `nil` where it is empty.
  public var phrase: String?
  public var reference: CallReference
  public var content: Content
  /// Response to INVITE: it bears a To tag, and so makes a dialog, or an early one.
  public var makesDialog: Bool

  public init(
    to request: Request, status: Int, phrase: String? = nil, reference: CallReference, content: Content = .usual,
    makesDialog: Bool = false
  ) {
    self.request = request
    self.status = status
    self.phrase = phrase
    self.reference = reference
    self.content = content
    self.makesDialog = makesDialog
  }
}

/// How a device has answered a set of ours.
public enum DeviceAnswer: Hashable, Sendable {
  case result
  /// It does not know what we sent: `feature-not-implemented`.
  case unable
  /// `service-unavailable`: it knows no Jingle, or the server says that nobody is there (RFC 6121 §8.5.3.2.3).
  case unavailable
  /// Nobody is there, or it knows nothing of the session: `item-not-found` and its like.
  case gone
  /// Any other error, also one of the server for a device that is not there.
  case error
  /// None can be expected: there is no server that would bring it.
  case unheard
}

/// What comes to a call.
public enum CallInput: Hashable, Sendable {
  case jingle(JingleRequest)
  case request(SIPCallRequest)
  case response(SIPCallResponse)
  case answer(CallStanza, DeviceAnswer)
  /// The device's stream has ended and was not resumed, or it has gone offline.
  case deviceLeft(CallDevice)
  case message(InitiationMessage)
  /// Our proposal to this bare address has come back as an error; where it is `unknown` there is no such user.
  case proposalReturned(CallDevice, isUnknown: Bool)
  case inviteTimeout
  case inviteTransportError
  case updateTimeout
  case updateTransportError
  /// The session is to be refreshed by us (RFC 4028).
  case refreshDue
  /// It was not refreshed in time.
  case sessionExpired
  /// Our BYE had no response, or could not be sent.
  case byeLost
  /// The phone has given up its re-INVITE.
  case updateCancelled
  /// No ACK of a 200 of ours for 64 T1.
  case ackTimeout
  case shutdown
}

extension JingleRequest {
  /// The event of the signalling table; `nil` for an action that it does not know.
  var event: CallEvent? {
    guard let event = CallEvent.event(action: action) else { return nil }
    switch (event, content) {
    case (.sessionInitiate, .withoutCandidates), (.sessionInitiate, .withoutAddress):
      return .sessionInitiateWithoutCandidates
    case (.sessionInitiate, .unusable): return .sessionInitiateUnusable
    case (.sessionInitiate, .forbidden): return .sessionInitiateForbidden
    case (.sessionAccept, .withoutCandidates), (.sessionAccept, .withoutAddress):
      return .sessionAcceptWithoutCandidates
    case (.sessionAccept, .unusable): return .sessionAcceptUnusable
    case (.contentAdd, .unusable): return .contentAddUnusable
    case (.contentRemove, .ofAll): return .contentRemoveOfAll
    case (.sessionInfo, .ringing): return .sessionInfoRinging
    case (.sessionInfo, .unknown): return .sessionInfoUnknown
    default: return event
    }
  }
}

extension InitiationMessage {
  /// The event of the signalling table; `nil` for an element that it does not know.
  var event: CallEvent? {
    let event = CallEvent.event(jingleMessage: name)
    guard event == .propose else { return event }
    return isForbidden ? .proposeForbidden : isAnsweredFirst ? .proposeWhenAnswered : .propose
  }
}

extension CallState {
  /// Those in which the session stands.
  static let talking: Set<CallState> = [.established, .updating, .postponed, .consulting]
}

extension SIPCallRequest {
  /// The event of the signalling table for a call in `state`.
  func event(in state: CallState) -> CallEvent {
    switch (method, content) {
    case ("INVITE", .withoutOffer) where state != .beginning: return .reInviteWithoutOffer
    case ("INVITE", .unusable) where state != .beginning: return .reInviteUnusable
    case ("INVITE", .withContents) where CallState.talking.contains(state): return .reInviteAddingContents
    case ("INVITE", _) where state != .beginning: return .reInvite
    case ("INVITE", .withoutOffer): return .inviteWithoutOffer
    case ("INVITE", .unusable): return .inviteUnusable
    case ("INVITE", .toNoUser): return .inviteToNoUser
    case ("INVITE", .again): return .inviteAgain
    case ("INVITE", .toOneRungTooOften): return .inviteToOneRungTooOften
    case ("INVITE", .beyondCapacity): return .inviteBeyondCapacity
    case ("INVITE", _) where !devices.isEmpty: return .invite
    case ("INVITE", _) where proposal == nil: return .inviteToNobody
    case ("INVITE", _): return proposed.isEmpty ? .inviteToSomeoneUnseen : .inviteToBeProposed
    case ("INFO", .candidates): return .infoCandidates
    case ("INFO", .empty): return .infoEmpty
    case ("INFO", _): return .infoUnknown
    default: return CallEvent.event(method: method) ?? .requestUnsupported
    }
  }
}

extension SIPCallResponse {
  /// The event of the signalling table; `nil` for what is no status code.
  var event: CallEvent? {
    switch request {
    case .reInvite:
      let event = CallEvent.response(toReInvite: status)
      return event == .updateAccepted && content == .unusable ? .updateUnusable : event
    case .info: return CallEvent.response(toInfo: status)
    case .bye: return CallEvent.response(toBye: status)
    case .invite:
      let event = CallEvent.response(toInvite: status)
      switch (event, content) {
      case (.answer, .unusable): return .answerUnusable
      case (.answer, .ofFork): return .answerOfFork
      case (.redirection, .toProxy): return .redirectionToProxy
      default: return event
      }
    }
  }
}
