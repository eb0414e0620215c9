import CodecRuntime
import JingleCodec
import JingleSIPMapping
import SIPCodec
import SIPStack
import XMPPStack

/// What a shard has to know of its surroundings.
public struct ShardConfiguration: Sendable {
  public var identities: Identities
  /// Who may call whom, through which proxies.
  public var routing: RoutingTable
  /// Address of `o=`, and of `c=` where nothing else gives one (`sdp_origin`).
  public var sdpOrigin: String
  public var userAgent: SIPUserAgentConfiguration
  /// Of each user.
  public var limits = CallLimits(Configuration())
  public var callTimers = CallTimers()
  public var callTable = CallTable.signalling
  /// Changes and candidates of one call that wait for their time; further ones are answered `resource-constraint`.
  public var maximumWaiting = 256
  /// Calls at one time; a further session-initiate is answered `service-unavailable`, a further INVITE 503.
  public var maximumCalls = 10_000

  /// Whether the devices of the users are asked by message where they want that (XEP-0353): as a component.
  public var asksByMessage = false

  public init(
    identities: Identities, routing: RoutingTable, sdpOrigin: String, userAgent: SIPUserAgentConfiguration
  ) {
    self.identities = identities
    self.routing = routing
    self.sdpOrigin = sdpOrigin
    self.userAgent = userAgent
  }
}

/// What a shard asks of its surroundings, to be done in order.
public enum ShardEffect: Sendable {
  /// Send this message; where that fails and there is a key, call ``Shard/transportFailed(_:at:)``.
  case send(bytes: [UInt8], to: TransportAddress, key: TransactionKey?)
  /// Send this stanza to a full address, or a message to a bare one. With `awaiting`, hand its answer to ``Shard/receive(answer:id:from:at:)``;
  /// where it is not connected, call ``Shard/deviceLeft(_:at:)``.
  case sendStanza(bytes: [UInt8], to: JID, awaiting: AwaitedResponse?)
  /// This proxy does not answer, or cannot be reached: it may have another address by now.
  case proxyFailed(ProxyTarget)
  /// Look up this host and hand its address to ``Shard/setAddress(_:ofHost:)``.
  case resolve(host: String)
  /// A message that could not be used.
  case malformed(from: TransportAddress, issue: String)
  case log(ShardEvent)
}

/// What is worth writing down.
public enum ShardEvent: Sendable, CustomStringConvertible {
  case callBegan(sid: String, from: String, to: String)
  case callEnded(sid: String)
  /// The routes do not let this user call there.
  case forbidden(from: String, to: String, RoutingRefusal)
  case lost(sid: String, [Loss])
  /// A SIP request from elsewhere than the proxies: the first of a source in a minute.
  case stranger(String, notLogged: UInt64)
  case diagnostic(String)

  public var description: String {
    switch self {
    case .callBegan(let sid, let from, let to): "call \(sid): \(from) calls \(to)"
    case .callEnded(let sid): "call \(sid): ended"
    case .forbidden(let from, let to, let why): "\(from) may not call \(to): \(why)"
    case .lost(let sid, let losses):
      "call \(sid): " + losses.map { "lost: \($0)" }.joined(separator: "; ")
    case .stranger(let source, let others):
      "a SIP request of \(source) was not taken: it is no proxy's address (\(others) more were not logged)"
    case .diagnostic(let text): text
    }
  }
}

/// What a call keeps a reference to.
enum StoredMessage {
  /// A Jingle request with the stanza in which it came.
  case jingle(Jingle, stanza: XMLElement, from: JID, isAnswered: Bool)
  /// The INVITE that founded the leg, a response, an ACK, CANCEL or BYE, which the user agent answers.
  case message(SIPMessage)
  /// A request within the dialog, which waits for its answer.
  case request(SIPServerRequest, SIPMessage)
}

/// By which a stanza finds its session: our user, the other side, and the session id.
struct SessionKey: Hashable {
  /// Bare address.
  var user: String
  /// Bare address of the one whom the user talks to.
  var peer: String
  var sid: String
}

/// A call with all that belongs to it.
struct Session {
  var call: Call
  let key: SessionKey
  let user: JID
  /// As whom the other side appears to the devices.
  let peer: JID
  /// Who initiated, as the devices are told.
  var initiator: String
  var leg: SIPLeg?
  /// Where the INVITE goes, for a call of a client.
  var routed: RoutedCall?
  /// Which of its proxies is asked.
  var proxyIndex = 0
  /// The id of the message that asks the devices of the callee.
  var proposal: String?
  /// Ids of its sets that have no answer yet.
  var awaiting: Set<String> = []
  /// Its slot of the timers.
  var timer = 0
  var media: MediaState
  var messages: [CallReference: StoredMessage] = [:]
  var lastReference: UInt64 = 0
  /// The offer or answer of the phone as Jingle, so that it is the same for each device and each time.
  var translated: [CallReference: Jingle] = [:]
  /// How the client has described itself: its session-initiate or session-accept and the candidates that came behind it.
  var current: (description: Jingle, candidates: [Jingle])?
  /// The content-add that names the groups of the session, where one does.
  var grouping: Jingle?
  /// Contents that the phone adds, until the client has said whether it takes them.
  var offeredContents: Set<String> = []
  /// What was agreed on before the client has added contents, until the phone has answered that.
  var mediaBeforeAddition: MediaState?
  /// Our INVITE, for a redirection.
  var offer: SIPBody?
  /// Our INVITE has no offer: the phone rings before the client calls.
  var asksForOffer = false
  /// Then: the media of the m-lines that the phone has offered.
  var askedMedia: [String] = []
  /// A change that goes out when the phone has confirmed our answer to its own re-INVITE.
  var waitingChange: CallChange?
  /// The phone takes candidates as RFC 8840 says.
  var takesTrickleICE = false

  var sid: String { key.sid }

  /// The proxy that is asked.
  var proxy: ProxyTarget? {
    guard let routed, proxyIndex < routed.proxies.count else { return nil }
    return routed.proxies[proxyIndex]
  }

  /// Who of the session the client is: the initiator where it has called.
  var clientRole: Role { call.origin == .client ? .initiator : .responder }

  mutating func store(_ message: StoredMessage) -> CallReference {
    lastReference += 1
    let reference = CallReference(lastReference)
    messages[reference] = message
    return reference
  }

  /// Forgets the messages that the call will not ask for again.
  mutating func forget() {
    if messages.keys.allSatisfy(call.keeps), translated.keys.allSatisfy(call.keeps) { return }
    let call = call
    messages = messages.filter { call.keeps($0.key) }
    translated = translated.filter { call.keeps($0.key) }
  }

  func jingle(_ reference: CallReference) -> Jingle? {
    if case .jingle(let jingle, _, _, _)? = messages[reference] { return jingle }
    return nil
  }

  /// A description with the addresses that have come in transport-infos, where it has none: without ICE they are no lines
  /// of their own but what its m-lines say (XEP-0177 §4).
  func jingle(_ reference: CallReference, with candidates: [CallReference]) -> Jingle? {
    guard case .jingle(let jingle, let stanza, _, _)? = messages[reference],
      jingle.contents.contains(where: { $0.rawUDP.map { $0.candidates.isEmpty } ?? false }),
      let payload = stanza.children.first(where: Jingle.matches)
    else { return self.jingle(reference) }
    let infos = candidates.compactMap { reference -> XMLElement? in
      guard case .jingle(_, let stanza, _, _)? = messages[reference] else { return nil }
      return stanza.children.first(where: Jingle.matches)
    }
    return Jingle.read(JingleStanzas.adding(candidatesOf: infos, to: payload))?.jingle ?? jingle
  }

  func message(_ reference: CallReference) -> SIPMessage? {
    switch messages[reference] {
    case .message(let message), .request(_, let message): message
    default: nil
    }
  }
}
