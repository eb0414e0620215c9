import CodecRuntime
import JingleCodec
import JingleSIPMapping
import SDPCodec
import SIPStack
import XMPPStack

// Sessions that begin with a message (XEP-0353): what comes from the XMPP side, and what goes there.
extension Shard {
  /// A message about a session, or one of ours that comes back as an error.
  public mutating func receive(message stanza: XMLElement, from sender: JID, at now: Instant) {
    if stanza.attribute("type").map({ $0 == "error" }) == true {
      receiveReturned(stanza, sender, at: now)
      return
    }
    guard let message = Initiation(stanza), let to = stanza.attribute("to").flatMap({ JID($0) }) else { return }
    let key = SessionKey(user: sender.bare.description, peer: to.bare.description, sid: message.id)
    let device = CallDevice(sender.description)
    // Somebody who calls himself has two sessions with one key; proposals go to the one that a phone has begun.
    let origin: Call.Origin = message.isOfCallee ? .phone : .client
    let known = byKey[key] ?? []
    if let number = known.first(where: { sessions[$0]?.call.origin == origin }) ?? known.first {
      let input = InitiationMessage(name: message.name, sender: device, reason: message.reason)
      handle(number, .message(input), at: now)
    } else if message.name == Initiation.propose {
      propose(message, sender, to: to, key, at: now)
    } else if message.name == Initiation.proceed {
      // The call is over, and this device does not know it yet.
      send(.retract(.init(id: message.id, reason: .init(SessionEnd(.cancel)))), from: to, to: sender)
    }
  }

  /// A client asks whether to call.
  private mutating func propose(
    _ message: Initiation, _ sender: JID, to: JID, _ key: SessionKey, at now: Instant
  ) {
    guard let peer = configuration.identities.device(of: to), Self.isCallID(key.sid) else { return }
    // XEP-0353 §4.1: who calls the one that is calling him; the lower id goes on. Ours is declined by the client itself
    // where it is the higher one.
    if let other = crossing(key), let sid = sessions[other]?.sid, sid < key.sid {
      send(
        .reject(.init(id: key.sid, reason: .init(SessionEnd(.expired)), tieBreak: .init())), from: peer, to: sender)
      return
    }
    guard !isShuttingDown, sessions.count < configuration.maximumCalls, admits(sender, at: now) else {
      let end = ReasonTable.ending(status: 503).map { SessionEnd($0.reason, sipError: $0.sipError) }
      send(
        .reject(.init(id: key.sid, reason: .init(end ?? SessionEnd(.generalError)))), from: peer, to: sender)
      return
    }
    let (number, routed) = beginCall(key, from: sender, to: to, peer: peer)
    let input = InitiationMessage(
      name: message.name, sender: CallDevice(sender.description), isForbidden: routed == nil,
      isAnsweredFirst: routed?.proceed == .whenAnswered)
    handle(number, .message(input), at: now)
  }

  /// A call of the same two in the other direction that nobody has answered yet.
  func crossing(_ key: SessionKey) -> Int? {
    byUser[key.user]?.sorted().first { number in
      guard let session = sessions[number] else { return false }
      return session.key.peer == key.peer && session.sid != key.sid && session.call.origin == .phone
        && session.call.state == .alerting
    }
  }

  private mutating func receiveReturned(_ stanza: XMLElement, _ sender: JID, at now: Instant) {
    guard let id = stanza.attribute("id")?.string, let number = proposals[id] else { return }
    let isUnknown =
      stanza.children.first { $0.name == "error" }?.children.contains { condition in
        StanzaError.noSuchUser.contains { $0 == condition.name }
      } == true
    handle(number, .proposalReturned(CallDevice(sender.bare.description), isUnknown: isUnknown), at: now)
  }

  // MARK: To the devices

  mutating func perform(message action: CallAction, _ session: Session, _ number: Int) {
    let id = session.sid
    switch action {
    case .sendPropose(let device, let offer):
      guard let jingle = session.translated[offer], let to = JID(device.address) else { return }
      let descriptions = jingle.contents.compactMap { content in
        content.description.map { RTPDescription.Draft(media: $0.media.string) }
      }
      let stanza = send(.propose(.init(id: id, descriptions: descriptions)), from: session.peer, to: to)
      proposals[stanza] = number
      sessions[number]?.proposal = stanza
    case .sendRingingMessage(let device):
      if let to = JID(device.address) { send(.ringing(.init(id: id)), from: session.peer, to: to) }
    case .sendProceed(let device):
      if let to = JID(device.address) { send(.proceed(.init(id: id)), from: session.peer, to: to) }
    case .sendReject(let device, let end):
      if let to = JID(device.address) {
        send(.reject(.init(id: id, reason: .init(end))), from: session.peer, to: to)
      }
    case .sendRetract(let device, let end):
      if let to = JID(device.address) {
        send(.retract(.init(id: id, reason: .init(end))), from: session.peer, to: to)
      }
    case .sendFinish(let end):
      send(.finish(.init(id: id, reason: .init(end))), from: session.peer, to: session.user)
    default: return
    }
  }

  /// A message of the gateway, and what is written of it.
  private enum Outgoing {
    case propose(JingleMessagePropose.Draft)
    case ringing(JingleMessageRinging.Draft)
    case proceed(JingleMessageProceed.Draft)
    case reject(JingleMessageReject.Draft)
    case retract(JingleMessageRetract.Draft)
    case finish(JingleMessageFinish.Draft)

    var endsCall: Bool {
      switch self {
      case .propose, .ringing, .proceed: false
      case .reject, .retract, .finish: true
      }
    }

    func write(to output: inout Output) throws(DraftError) {
      switch self {
      case .propose(let draft): try JingleMessagePropose(draft).write(to: &output)
      case .ringing(let draft): try JingleMessageRinging(draft).write(to: &output)
      case .proceed(let draft): try JingleMessageProceed(draft).write(to: &output)
      case .reject(let draft): try JingleMessageReject(draft).write(to: &output)
      case .retract(let draft): try JingleMessageRetract(draft).write(to: &output)
      case .finish(let draft): try JingleMessageFinish(draft).write(to: &output)
      }
    }
  }

  /// Sends a message; its id, by which an error that answers it is known.
  @discardableResult
  private mutating func send(_ message: Outgoing, from: JID, to: JID) -> String {
    let id = identifiers.tag()
    do throws(DraftError) {
      let bytes = try JingleStanzas.message(id: id, from: from, to: to) { output throws(DraftError) in
        try message.write(to: &output)
      }
      if message.endsCall {
        sendFarewell(bytes, to: to)
      } else {
        effects.append(.sendStanza(bytes: bytes, to: to, awaiting: nil))
      }
    } catch {
      effects.append(.log(.diagnostic("no message to \(to): \(error)")))
    }
    return id
  }
}

/// The payload of a message of XEP-0353.
private struct Initiation {
  let name: String
  /// The sid of the session.
  let id: String
  var reason: JingleSIPMapping.JingleReason?
  /// What only the one who is called says.
  let isOfCallee: Bool

  static let propose = elementName(JingleMessagePropose.self)
  static let proceed = elementName(JingleMessageProceed.self)

  private static func elementName<Element: ElementPayload>(_ type: Element.Type) -> String {
    "\(Element.Tables.elements[Element.number].name)"
  }

  init?(_ stanza: XMLElement) {
    for child in stanza.children {
      if let message = JingleMessagePropose.read(child) {
        self.init(JingleMessagePropose.self, message.element.id, nil, isOfCallee: false)
        return
      }
      if let message = JingleMessageProceed.read(child) {
        self.init(JingleMessageProceed.self, message.element.id, nil, isOfCallee: true)
        return
      }
      if let message = JingleMessageRinging.read(child) {
        self.init(JingleMessageRinging.self, message.element.id, nil, isOfCallee: true)
        return
      }
      if let message = JingleMessageAccept.read(child) {
        self.init(JingleMessageAccept.self, message.element.id, nil, isOfCallee: true)
        return
      }
      if let message = JingleMessageReject.read(child) {
        self.init(JingleMessageReject.self, message.element.id, message.element.reason, isOfCallee: true)
        // XEP-0353 §3.5: who gives no reason declines.
        if message.element.reason == nil { reason = .decline }
        return
      }
      if let message = JingleMessageRetract.read(child) {
        self.init(JingleMessageRetract.self, message.element.id, message.element.reason, isOfCallee: false)
        return
      }
      if let message = JingleMessageFinish.read(child) {
        self.init(JingleMessageFinish.self, message.element.id, message.element.reason, isOfCallee: false)
        return
      }
    }
    return nil
  }

  private init<Element: ElementPayload>(
    _ type: Element.Type, _ id: Text, _ reason: JingleCodec.JingleReason?, isOfCallee: Bool
  ) {
    name = Self.elementName(type)
    self.id = id.string
    self.reason = reason?.endReason
    self.isOfCallee = isOfCallee
  }
}
