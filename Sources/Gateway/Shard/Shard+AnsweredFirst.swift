import JingleCodec
import JingleSIPMapping
import SDPCodec
import SIPCodec
import SIPStack

// Calls that a phone answers before the client has called (`proceed = "when-answered"`): RFC 3725 §4.3, flow III. The
// INVITE has no offer, the phone's is answered on hold, and the client's goes out in a re-INVITE.
extension Shard {
  /// The body of the ACK that answers the phone's offer.
  static func answerOnHold(of session: Session) -> @Sendable (SIPMessage) -> SIPBody? {
    let (sid, media) = (session.sid, session.media)
    return { message in
      var media = media
      guard let description = sessionDescription(in: message),
        let body = answerOnHold(to: description, sid: sid, state: &media)
      else { return nil }
      return SIPBody(GatewayMediaTypes.sessionDescription, body)
    }
  }

  /// An answer with which nothing flows: without encryption the m-lines are put on hold, for phones end a call in which
  /// all are refused. Others are refused with port 0: their keys would have to be invented.
  static func answerOnHold(
    to description: SessionDescription, sid: String, state: inout MediaState
  ) -> [UInt8]? {
    guard
      let offer = try? translateToJingle(
        description.arena, by: .responder, action: Action.contentAdd.name, state: &state)
    else { return nil }
    var answer = Jingle.Draft(action: .sessionInitiate, sid: sid)
    for content in Jingle(arena: offer.arena, index: 0).contents {
      guard let media = content.description, media.encryption == nil, let transport = content.rawUDP,
        transport.fingerprints.isEmpty
      else { continue }
      let formats = media.payloadTypes.map {
        RTPPayloadType.Draft(id: $0.id, name: $0.name?.string, clockrate: $0.clockrate, channels: $0.channels)
      }
      answer.contents.append(
        JingleContent.Draft(
          creator: .responder, name: content.name.string, senders: Senders.none,
          description: .init(media: media.media.string, payloadTypes: formats),
          // RFC 3725 §4.3: nowhere. Port 9 is that of what is thrown away.
          rawUDP: .init(candidates: [.init(component: 1, generation: 0, id: "hold", ip: "0.0.0.0", port: 9)])))
    }
    guard let jingle = try? Jingle(answer),
      let translation = try? translateToSDP(jingle.arena, at: jingle.index, by: .initiator, state: &state)
    else { return nil }
    return SessionDescription(arena: translation.arena).bytes
  }

  /// Remembers how the phone's offer was answered; `false` where there is none that can be.
  mutating func noteOffer(in message: SIPMessage, _ number: Int) -> Bool {
    guard var session = sessions[number], let description = Self.sessionDescription(in: message),
      Self.answerOnHold(to: description, sid: session.sid, state: &session.media) != nil
    else { return false }
    session.askedMedia = description.media.map { $0.lines.media.first?.media.string ?? "" }
    sessions[number] = session
    return true
  }

  /// Sends the client's offer to the phone that has answered.
  mutating func sendOffer(
    _ offer: CallReference, _ candidates: [CallReference], _ number: Int, at now: Instant
  ) {
    guard let session = sessions[number], let leg = session.leg, let jingle = session.jingle(offer, with: candidates)
    else {
      return
    }
    if session.current == nil { takeLines(of: jingle, number) }
    let description =
      session.current == nil
      ? describeSession(jingle, candidates.compactMap(session.jingle), number)
      : describe(jingle, session.current?.candidates ?? [], number)
    guard let description else { return handle(number, .updateTransportError, at: now) }
    let isSent = tryAgent(at: now) { agent, effects throws(SIPUserAgentError) in
      try agent.request(
        .invite, in: leg, body: SIPBody(GatewayMediaTypes.sessionDescription, description), at: now, into: &effects)
    }
    if !isSent { handle(number, .updateTransportError, at: now) }
  }

  /// Gives each content of the client the first m-line of the phone that is for its kind of media: an offer within a
  /// dialog keeps the m-lines that are there, in their order (RFC 3264 §8). What the client has none for is refused;
  /// what the phone has none for comes behind.
  private mutating func takeLines(of jingle: Jingle, _ number: Int) {
    guard let session = sessions[number] else { return }
    var anew = MediaState(origin: session.media.origin)
    guard let translation = try? translateToSDP(jingle.arena, at: jingle.index, by: .initiator, state: &anew) else {
      return
    }
    let media = SessionDescription(arena: translation.arena).media.map { $0.lines.media.first?.media.string ?? "" }
    var left = Array(zip(anew.slots, media))
    var slots: [MediaState.Slot] = []
    for (var line, kind) in zip(session.media.slots, session.askedMedia) {
      if let index = left.firstIndex(where: { $0.1 == kind }) {
        slots.append(left.remove(at: index).0)
        continue
      }
      line.isRejected = true
      // The client may use the name.
      line.mid = nil
      slots.append(line)
    }
    sessions[number]?.media.slots = slots + left.map(\.0)
  }
}
