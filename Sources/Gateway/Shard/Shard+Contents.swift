import JingleCodec
import JingleSIPMapping
import SDPCodec
import SIPCodec
import SIPStack

// Contents that are added to a session that stands, and taken away (XEP-0166 §7.2).
extension Shard {
  /// Names of the contents that both sides talk about now.
  private func activeNames(_ number: Int) -> Set<String> {
    Set((sessions[number]?.media.slots ?? []).filter { !$0.isRejected }.map(\.name))
  }

  /// Whether a stanza names contents of the session, and nothing else.
  func namesContents(_ jingle: Jingle, _ number: Int) -> Bool {
    guard sessions[number]?.call.isTalking == true else { return true }
    let names = jingle.contents.map(\.name.string)
    return !names.isEmpty && activeNames(number).isSuperset(of: names)
  }

  /// Whether the session has contents besides those that a stanza names.
  func leavesContents(_ jingle: Jingle, _ number: Int) -> Bool {
    !activeNames(number).subtracting(jingle.contents.map(\.name.string)).isEmpty
  }

  /// Whether a content-add adds something that SDP can say; nothing is remembered of it.
  func isAddition(_ jingle: Jingle, _ number: Int) -> Bool {
    let names = Set(jingle.contents.map(\.name.string))
    guard let session = sessions[number], !names.isEmpty, names.isDisjoint(with: activeNames(number)) else {
      return false
    }
    var media = session.media
    guard (try? translateToSDP(jingle.arena, at: jingle.index, by: session.clientRole, state: &media)) != nil else {
      return false
    }
    return media.slots.contains { names.contains($0.name) && !$0.isRejected }
  }

  /// Tells the client which of its new contents the phone has taken. An m-line that it has refused stays, with port 0
  /// (RFC 3264 §8).
  mutating func answerContent(
    _ stanza: CallStanza, to device: CallDevice, _ answer: CallReference, _ addition: CallReference, _ number: Int,
    at now: Instant
  ) {
    guard let session = sessions[number], let jingle = session.jingle(addition) else { return }
    sessions[number]?.mediaBeforeAddition = nil
    var accepted: Jingle?
    if let description = session.message(answer).flatMap({ Self.sessionDescription(in: $0) }) {
      accepted = translate(description, action: .contentAccept, number)
    }
    let taken = Set(accepted?.contents.map(\.name.string) ?? [])
    if !taken.isEmpty {
      if jingle.groups.first(where: { _ in true }) != nil { sessions[number]?.grouping = jingle }
      send(stanza, accepted, to: device, number, at: now)
    }
    let refused = jingle.contents.filter { !taken.contains($0.name.string) }
    guard !refused.isEmpty else { return }
    let names = Set(refused.map(\.name.string))
    for index in session.media.slots.indices where names.contains(session.media.slots[index].name) {
      sessions[number]?.media.slots[index].isRejected = true
    }
    let rejection = rejection(of: refused, session, SessionEnd(.unsupportedApplications))
    // Where something else is accepted, nobody waits for the answer to this one.
    send(taken.isEmpty ? stanza : CallStanza(0), rejection, to: device, number, at: now)
  }

  // MARK: Added by the phone

  /// Names of the contents that a re-INVITE would add; none where the client could not take them, because they come in
  /// another way than those that there are: Conversations ends a session to which a content without ICE is added.
  func addedNames(by message: SIPMessage, _ number: Int) -> Set<String> {
    guard let session = sessions[number], session.call.isTalking,
      let description = Self.sessionDescription(in: message), changeAction(description) == .transportInfo
    else { return [] }
    var media = session.media
    guard
      let translation = try? translateToJingle(
        description.arena, by: session.clientRole.other, action: Action.contentAdd.name, sid: session.sid, state: &media
      )
    else { return [] }
    let active = session.media.slots.filter { !$0.isRejected }
    let contents = Jingle(arena: translation.arena, index: 0).contents
    let names = Set(contents.map(\.name.string))
    guard names.isDisjoint(with: active.map(\.name)),
      media.slots.allSatisfy({ slot in !names.contains(slot.name) || active.contains { $0.transport == slot.transport }
      })
    else { return [] }
    return names
  }

  /// Tells the client that contents which the phone would have added are not to be had any more.
  mutating func takeBack(_ stanza: CallStanza, from device: CallDevice, _ number: Int, at now: Instant) {
    guard let session = sessions[number] else { return }
    rejectOffered(number)
    let removal = draft(session, .contentRemove) { draft in
      draft.reason = .init(SessionEnd(.cancel))
      draft.contents = session.media.slots.filter { session.offeredContents.contains($0.name) }.map {
        JingleContent.Draft(creator: $0.creator == .initiator ? .initiator : .responder, name: $0.name)
      }
    }
    send(stanza, removal, to: device, number, at: now)
  }

  /// Answers the re-INVITE that adds contents.
  mutating func answerContents(
    _ reference: CallReference, _ accept: CallReference?, _ number: Int, at now: Instant
  ) {
    guard let session = sessions[number], case .request(let request, _)? = session.messages[reference] else { return }
    var description: [UInt8]?
    if let accept, let jingle = session.jingle(accept), !jingle.contents.isEmpty,
      session.offeredContents.isSuperset(of: jingle.contents.map(\.name.string))
    {
      sessions[number]?.offeredContents.subtract(jingle.contents.map(\.name.string))
      if jingle.groups.first(where: { _ in true }) != nil { sessions[number]?.grouping = jingle }
      description = describe(jingle, session.current?.candidates ?? [], number)
    }
    rejectOffered(number)
    let answer = description ?? describeCurrent(number)
    tryAgent(at: now) { agent, effects throws(SIPUserAgentError) in
      try agent.respond(
        to: request, status: answer == nil ? 488 : 200,
        body: answer.map { SIPBody(GatewayMediaTypes.sessionDescription, $0) }, at: now, into: &effects)
    }
  }

  /// What the client has not accepted is refused.
  private mutating func rejectOffered(_ number: Int) {
    guard let session = sessions[number] else { return }
    for (index, slot) in session.media.slots.enumerated() where session.offeredContents.contains(slot.name) {
      sessions[number]?.media.slots[index].isRejected = true
    }
    sessions[number]?.offeredContents = []
  }

  /// The phone has not even looked at the contents that the client has added: the session is as it was.
  mutating func undoAddition(_ number: Int) {
    guard let session = sessions[number], var media = session.mediaBeforeAddition else { return }
    // No other description bears this version of o=.
    media.origin = session.media.origin
    sessions[number]?.media = media
    sessions[number]?.mediaBeforeAddition = nil
  }

  /// A content-reject with just so much of the contents that Conversations knows them again.
  mutating func rejection(of contents: [JingleContent], _ session: Session, _ end: SessionEnd) -> Jingle? {
    draft(session, .contentReject) { draft in
      draft.reason = .init(end)
      draft.contents = contents.map { content in
        var stub = JingleContent.Draft(creator: content.creator, name: content.name.string, senders: content.senders)
        if let description = content.description { stub.description = .init(media: description.media.string) }
        if content.iceUDP != nil { stub.iceUDP = .init() }
        if content.rawUDP != nil { stub.rawUDP = .init() }
        return stub
      }
    }
  }
}
