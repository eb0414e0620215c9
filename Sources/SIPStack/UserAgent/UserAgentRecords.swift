import SIPCodec

/// A message and where it came from.
struct ReceivedMessage: Sendable {
  let message: SIPMessage
  let source: TransportAddress
}

/// What the agent remembers of one leg.
struct LegRecord: Sendable {
  enum Phase: Hashable, Sendable {
    /// The INVITE has no final response.
    case pending
    /// The INVITE of ours was refused, was not answered, or could not be sent; its transaction still runs.
    case failed
    case established
    /// Our BYE is under way.
    case ending(SIPClientRequest)
  }

  let leg: SIPLeg
  let isCaller: Bool
  /// We, with our tag.
  let local: Party.Draft
  /// The peer as we call it, without a tag.
  let remote: NameAddr.Draft
  /// The URI of our Contact.
  let contact: URI.Draft
  var phase = Phase.pending
  /// The transaction of the INVITE that founded it.
  var invite: TransactionKey
  /// The CSeq number of that INVITE.
  var inviteSequence: UInt32
  /// An established dialog; before that the early ones, the newest last.
  var dialogs: [Dialog] = []
  /// Which INVITEs are under way, the founding one included.
  var exclusion = InviteExclusion()
  /// Header fields of the CANCEL that was asked for, for the BYE that may follow it.
  var cancellation: [HeaderDraft]?
  /// Until when the session lives without a refresh.
  var sessionTimer: SessionTimer?
  /// A 2xx of ours without an ACK.
  var awaited: AwaitedAcknowledgement?
  /// A BYE that waits for that ACK (RFC 3261 §15).
  var deferredBye: DeferredBye?
  /// Of an INVITE without an offer: what the ACK of a 2xx brings.
  var answerToOffer: (@Sendable (SIPMessage) -> SIPBody?)?
  /// Requests of the peer that are not answered.
  var unanswered: [TransactionKey] = []

  /// More early dialogs than a forking proxy makes are not remembered.
  static let maximumDialogs = AcknowledgedInvite.maximumForks
}

/// A BYE in waiting.
struct DeferredBye: Sendable {
  let branch: String
  let headers: [HeaderDraft]
}

/// A 2xx to an INVITE that is repeated until its ACK comes.
struct AwaitedAcknowledgement: Sendable {
  var machine: AcceptedInvite
  let key: TransactionKey
  let sequence: UInt32
  let status: Int
  let bytes: [UInt8]
}

/// What an INVITE transaction of ours has in common with its ACKs and its CANCEL.
struct SentRequest: Sendable {
  let requestURI: URI.Draft
  let via: ViaParm.Draft
  let routes: [URI.Draft]
  let from: Party.Draft
  let to: Party.Draft
  let callIdentifier: String
  let sequence: UInt32
  let destination: TransportAddress
}

/// What the agent remembers of a transaction that it has begun, until it ends.
struct ClientRecord: Sendable {
  enum Purpose: Hashable, Sendable {
    /// The INVITE that founds the leg.
    case invite
    /// A request of the gateway within the dialog.
    case request
    /// A BYE of which nobody wants to know: of another fork, or behind a call that was given up.
    case silent
  }

  let purpose: Purpose
  let leg: SIPLeg
  let method: Method
  /// Of an INVITE.
  var sent: SentRequest?
  /// Of an INVITE.
  var acknowledgements: AcknowledgedInvite?
  /// What goes over UDP where no connection can be opened for this request; until something has come back.
  var datagram: WrittenRequest?
  /// Of a founding INVITE without an offer: what the ACK of a 2xx brings.
  var answerToOffer: (@Sendable (SIPMessage) -> SIPBody?)?
  /// Of a re-INVITE: how long it waits for its final response.
  var patience: Interval?
  /// Of a founding INVITE: the highest CSeq number in any of its early dialogs.
  var lastSequence: UInt32 = 0
}

/// What the agent remembers of a transaction that a peer has begun, until it ends.
struct ServerRecord: Sendable {
  /// Until a final response is sent.
  var request: ReceivedMessage?
  let method: Method
  let sequence: UInt32
  /// For the To of its responses.
  var localTag: String
  /// The leg to which it belongs or which it founds.
  var leg: SIPLeg?
  var merge: MergeIdentity?
  let isInDialog: Bool
}

/// What two requests have in common that are one, forked and merged again (RFC 3261 §8.2.2.2).
struct MergeIdentity: Hashable, Sendable {
  let callIdentifier: String
  let fromTag: String
  let sequence: UInt32
  let method: Method
}
