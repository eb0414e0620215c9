import CodecRuntime
import JingleCodec
import JingleSIPMapping
import SIPCodec
import SIPStack
import XMPPStack

// What comes from the XMPP side.
extension Shard {
  /// A Jingle IQ of one of our users, whatever its addressee.
  public mutating func receive(_ stanza: XMLElement, from sender: JID, at now: Instant) {
    guard let payload = stanza.children.first(where: Jingle.matches), let reading = Jingle.read(payload) else {
      answer(sender, JingleStanzas.error(to: stanza, of: sender, .badRequest))
      return
    }
    let jingle = reading.jingle
    if let issue = reading.issues.first {
      effects.append(.log(.diagnostic("Jingle of \(sender): \(issue.location) \(issue.message)")))
      answer(sender, JingleStanzas.error(to: stanza, of: sender, .badRequest))
      return
    }
    // Only this one is asked for by a get, and of oneself.
    if (jingle.action == .existingSessionInitiate) != (stanza.attribute("type").map { $0 == "get" } ?? false) {
      answer(sender, JingleStanzas.error(to: stanza, of: sender, .badRequest))
      return
    }
    if jingle.action == .existingSessionInitiate {
      receiveQuery(jingle, stanza, sender, at: now)
      return
    }
    guard let to = stanza.attribute("to").flatMap({ JID($0) }), let sid = jingle.sid?.string, Self.isCallID(sid)
    else {
      answer(sender, JingleStanzas.error(to: stanza, of: sender, .badRequest))
      return
    }
    let key = SessionKey(user: sender.bare.description, peer: to.bare.description, sid: sid)
    let device = CallDevice(sender.description)
    let known = byKey[key] ?? []
    // Who calls himself has two sessions with one key: in one the device is known.
    let number = known.first { sessions[$0]?.call.devices.contains(device) == true } ?? known.first
    if let number {
      deliver(jingle, stanza, sender, number, at: now)
    } else if jingle.action == .sessionInitiate {
      initiate(jingle, stanza, sender, to: to, key, at: now)
    } else {
      answer(
        sender,
        JingleStanzas.error(to: stanza, of: sender, .itemNotFound, jingle: ErrorsUnknownSession.number))
    }
  }

  private mutating func answer(_ sender: JID, _ bytes: [UInt8]) {
    effects.append(.sendStanza(bytes: bytes, to: sender, awaiting: nil))
  }

  static func isCallID(_ sid: String) -> Bool {
    var tape = Tape()
    return (try? CallIDHeader.Draft(value: sid).append(to: &tape, slot: 0)) != nil
  }

  private mutating func initiate(
    _ jingle: Jingle, _ stanza: XMLElement, _ sender: JID, to: JID, _ key: SessionKey, at now: Instant
  ) {
    guard !isShuttingDown, sessions.count < configuration.maximumCalls else {
      answer(sender, JingleStanzas.error(to: stanza, of: sender, .serviceUnavailable))
      return
    }
    // XEP-0166 §7.2.16: both call at once, and the session with the lower sid goes on.
    if let other = crossing(key), let sid = sessions[other]?.sid, sid < key.sid,
      sessions[other]?.call.devices.contains(CallDevice(sender.description)) == true
    {
      answer(sender, JingleStanzas.error(to: stanza, of: sender, .conflict, jingle: ErrorsTieBreak.number))
      return
    }
    // Without a user there is nobody whom a phone could be called for.
    guard to.local != nil else {
      answer(sender, JingleStanzas.error(to: stanza, of: sender, .itemNotFound))
      return
    }
    guard admits(sender, at: now) else {
      answer(sender, JingleStanzas.error(to: stanza, of: sender, .resourceConstraint))
      return
    }
    let (number, _) = beginCall(key, from: sender, to: to, peer: to)
    deliver(jingle, stanza, sender, number, at: now)
  }

  /// A session for a call that a client begins, by a session-initiate or by a message: its number, and where it goes.
  mutating func beginCall(
    _ key: SessionKey, from sender: JID, to contact: JID, peer: JID
  ) -> (number: Int, routed: RoutedCall?) {
    let routed = route(from: sender, to: contact)
    var session = Session(
      call: newCall(.client), key: key, user: sender.bare, peer: peer, initiator: sender.description,
      media: newMediaState(of: sender))
    session.routed = routed
    session.call.alternatives = max(0, (routed?.proxies.count ?? 1) - 1)
    let number = addSession(session)
    effects.append(.log(.callBegan(sid: key.sid, from: sender.description, to: contact.description)))
    return (number, routed)
  }

  mutating func newCall(_ origin: Call.Origin) -> Call {
    Call(
      origin: origin, timers: configuration.callTimers, table: configuration.callTable, seed: identifiers.next())
  }

  /// Where a call of this user goes; `nil` where the routes do not allow it.
  mutating func route(from sender: JID, to contact: JID) -> RoutedCall? {
    switch configuration.identities.callee(of: contact).map({
      configuration.routing.decide(caller: sender.bare, callee: $0)
    }) {
    case .allowed(let routed): return routed
    case .forbidden(let why):
      effects.append(.log(.forbidden(from: sender.description, to: contact.description, why)))
      return nil
    case nil: return nil
    }
  }

  /// Whether one more attempt and one more call of this user are within its limits; then it counts.
  mutating func admits(_ sender: JID, at now: Instant) -> Bool {
    let verdict = limits.begin(sender, at: now)
    if verdict == .admitted { return true }
    effects.append(.log(.diagnostic("\(sender.bare) calls too often: \(verdict)")))
    return false
  }

  private mutating func deliver(
    _ jingle: Jingle, _ stanza: XMLElement, _ sender: JID, _ number: Int, at now: Instant
  ) {
    if sessions[number]?.call.waitingCount ?? 0 >= configuration.maximumWaiting, jingle.action != .sessionTerminate {
      answer(sender, JingleStanzas.error(to: stanza, of: sender, .resourceConstraint))
      return
    }
    if jingle.action == .contentModify || jingle.action == .contentRemove, !namesContents(jingle, number) {
      answer(sender, JingleStanzas.error(to: stanza, of: sender, .itemNotFound))
      return
    }
    guard
      let reference = sessions[number]?.store(.jingle(jingle, stanza: stanza, from: sender, isAnswered: false))
    else { return }
    handle(
      number,
      .jingle(
        JingleRequest(
          action: jingle.action.name, sender: CallDevice(sender.description), reference: reference,
          content: content(of: jingle, number), reason: jingle.endReason)), at: now)
  }

  private func content(of jingle: Jingle, _ number: Int) -> JingleRequest.Content {
    switch jingle.action {
    case .sessionInitiate where sessions[number]?.routed == nil && sessions[number]?.call.state == .beginning:
      return .forbidden
    case .sessionInitiate, .sessionAccept:
      if jingle.contents.isEmpty || !isUsable(jingle, number) { return .unusable }
      if !jingle.lacksCandidates { return .usual }
      return jingle.contents.contains { $0.iceUDP != nil } ? .withoutCandidates : .withoutAddress
    case .contentAdd: return isAddition(jingle, number) ? .usual : .unusable
    case .contentRemove: return leavesContents(jingle, number) ? .usual : .ofAll
    case .sessionInfo:
      if jingle.ringing != nil { return .ringing }
      return jingle.hasUnknownPayload ? .unknown : .usual
    default: return .usual
    }
  }

  /// A device asks for the calls that nobody has answered (existing-session-initiate, mod_jingle_sip).
  private mutating func receiveQuery(_ jingle: Jingle, _ stanza: XMLElement, _ sender: JID, at now: Instant) {
    let bare = sender.bare.description
    if let to = stanza.attribute("to").flatMap({ JID($0) }), to.bare != sender.bare {
      answer(sender, JingleStanzas.error(to: stanza, of: sender, .itemNotFound))
      return
    }
    let sid = jingle.sid?.string
    let waiting = (byUser[bare] ?? []).sorted().filter { number in
      guard let session = sessions[number], session.call.origin == .phone, session.call.state == .alerting else {
        return false
      }
      return sid == nil || session.sid == sid
    }
    if waiting.isEmpty {
      answer(sender, JingleStanzas.error(to: stanza, of: sender, .itemNotFound))
      return
    }
    for (index, number) in waiting.enumerated() {
      let stored = StoredMessage.jingle(jingle, stanza: stanza, from: sender, isAnswered: index > 0)
      guard let reference = sessions[number]?.store(stored) else { continue }
      handle(
        number,
        .jingle(
          JingleRequest(
            action: jingle.action.name, sender: CallDevice(sender.description), reference: reference)), at: now)
    }
  }

  /// The answer of a device to a set of ours.
  public mutating func receive(answer stanza: XMLElement, id: String, from device: JID, at now: Instant) {
    guard let (number, sent) = awaited.removeValue(forKey: id) else { return }
    sessions[number]?.awaiting.remove(id)
    var answer = DeviceAnswer.result
    if stanza.attribute("type").map({ $0 == "error" }) == true {
      let error = stanza.children.first { $0.name == "error" }
      answer = .error
      for condition in error?.children.map(\.name) ?? [] {
        if StanzaError.featureNotImplemented.condition == condition {
          answer = .unable
        } else if StanzaError.serviceUnavailable.condition == condition {
          answer = .unavailable
        } else if StanzaError.nobodyThere.contains(where: { $0 == condition }) {
          answer = .gone
        }
      }
    }
    // Nor does a server that has just come back know who will be.
    if answer == .unavailable, sessions[number]?.call.isTalking == true, isReturning(number, at: now) {
      answer = .unheard
    }
    handle(number, .answer(sent, answer), at: now)
  }
}

func == (left: StaticString, right: Text) -> Bool { right == left }

extension Jingle {
  /// No transport has a candidate, and some could have: more are to come (CONTRACT, "Changes").
  var lacksCandidates: Bool {
    var hasTransport = false
    for content in contents {
      if let transport = content.iceUDP {
        hasTransport = true
        if !transport.candidates.isEmpty { return false }
      }
      if let transport = content.rawUDP {
        hasTransport = true
        if !transport.candidates.isEmpty { return false }
      }
    }
    return hasTransport
  }
}
