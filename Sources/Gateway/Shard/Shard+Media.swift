import CodecRuntime
import JingleCodec
import JingleSIPMapping
import SDPCodec
import SIPCodec
import XMPPStack

// Descriptions of media, from one protocol to the other.
extension Shard {
  func newMediaState(of user: JID) -> MediaState {
    MediaState(origin: .init(username: user.local, address: configuration.sdpOrigin))
  }

  /// Translates what the phone has described; `nil` where it is larger than any session is.
  mutating func translate(_ description: SessionDescription, action: Action, _ number: Int) -> Jingle? {
    guard let session = sessions[number] else { return nil }
    var media = session.media
    do throws(MappingFailure) {
      let translation = try translateToJingle(
        description.arena, by: session.clientRole.other, action: action.name, sid: session.sid, state: &media)
      sessions[number]?.media = media
      noteLosses(translation.losses, session)
      var jingle = Jingle(arena: translation.arena, index: 0).withInitiator(session.initiator)
      if action == .sessionAccept { jingle = jingle.withResponder(session.peer.description) }
      return jingle
    } catch {
      effects.append(.log(.diagnostic("call \(session.sid): \(error)")))
      return nil
    }
  }

  /// What the phone's re-INVITE changes: as its attribute says, or a transport-info with all contents. An action that
  /// the grammar of the attribute does not name is none that a phone may give a client: it could end the session there.
  func changeAction(_ description: SessionDescription) -> Action {
    guard let action = description.session.jingleAction.first?.value else { return .transportInfo }
    if case .other = action { return .transportInfo }
    return Action(action.name) ?? .transportInfo
  }

  /// Whether a re-INVITE says something that Jingle can; nothing is remembered of it.
  func isUsableChange(_ message: SIPMessage, _ number: Int) -> Bool {
    guard let session = sessions[number], let description = Self.sessionDescription(in: message) else { return false }
    var media = session.media
    let translation = try? translateToJingle(
      description.arena, by: session.clientRole.other, action: changeAction(description).name, sid: session.sid,
      state: &media)
    return translation != nil
  }

  /// Whether anything of a client's description has a counterpart; nothing is remembered of it.
  func isUsable(_ jingle: Jingle, _ number: Int) -> Bool {
    guard let session = sessions[number] else { return false }
    var media = session.media
    guard let translation = try? translateToSDP(jingle.arena, at: jingle.index, by: session.clientRole, state: &media)
    else { return false }
    let sections = SessionDescription(arena: translation.arena).media
    // An answer has as many m-lines as the offer (RFC 3264 §6): a content that nobody offered would be one more.
    if jingle.action == .sessionAccept, sections.dropFirst(session.media.slots.count).first(where: { _ in true }) != nil
    {
      return false
    }
    // m-lines with port 0 are refused ones; one with port 0 that is bundled is not (RFC 9143 §6).
    return sections.contains { media in
      media.lines.media.first.map { $0.port != 0 } ?? false || media.lines.bundleOnly
    }
  }

  /// The description of a client with the candidates that came behind it, as SDP; `nil` where it cannot be made.
  mutating func describe(_ jingle: Jingle, _ candidates: [Jingle], _ number: Int) -> [UInt8]? {
    guard let description = description(of: jingle, asFragment: false, number) else { return nil }
    var fragments: [SessionDescription] = []
    for more in candidates {
      if let fragment = self.description(of: more, asFragment: true, number) { fragments.append(fragment) }
    }
    // A change names no groups; those of the session go on (RFC 9143 §7.3).
    let grouped = description.session.group.isEmpty ? founding(number) : nil
    var output = Output(capacity: 4096)
    description.write(to: &output) { media, output in
      guard let media else {
        grouped?.writeSessionLines(ofSlot: Lines.groupAttribute, to: &output)
        return
      }
      for fragment in fragments {
        // Candidates belong to the m-line with the same mid; where there is none, there is one m-line (RFC 8840 §9.2).
        let same = fragment.media.first { Self.mid($0) == Self.mid(media) }
        same?.writeLines(ofSlot: Lines.candidateAttribute, to: &output)
      }
    }
    return output.bytes
  }

  /// The description of a client that a call is founded on; it is remembered for later answers.
  mutating func describeSession(_ jingle: Jingle, _ candidates: [Jingle], _ number: Int) -> [UInt8]? {
    sessions[number]?.current = (jingle, candidates)
    return describe(jingle, candidates, number)
  }

  /// The description on which the call is founded, as it would be written now; nothing is remembered of it.
  private func founding(_ number: Int) -> SessionDescription? {
    guard let session = sessions[number], let current = session.grouping ?? session.current?.description else {
      return nil
    }
    var media = session.media
    guard let made = try? translateToSDP(current.arena, at: current.index, by: session.clientRole, state: &media)
    else { return nil }
    return SessionDescription(arena: made.arena)
  }

  private static func mid(_ media: MediaDescription) -> String? { media.lines.mid.first?.tag.string }

  /// Candidates of a client for the body of an INFO.
  mutating func fragment(_ jingle: Jingle, _ number: Int) -> [UInt8]? {
    description(of: jingle, asFragment: true, number)?.bytes
  }

  private mutating func description(of jingle: Jingle, asFragment: Bool, _ number: Int) -> SessionDescription? {
    guard let session = sessions[number] else { return nil }
    var media = session.media
    do throws(MappingFailure) {
      let translation = try translateToSDP(
        jingle.arena, at: jingle.index, by: session.clientRole, asFragment: asFragment ? true : nil, state: &media)
      sessions[number]?.media = media
      noteLosses(translation.losses, session)
      return SessionDescription(arena: translation.arena)
    } catch {
      effects.append(.log(.diagnostic("call \(session.sid): \(error)")))
      return nil
    }
  }

  private mutating func noteLosses(_ losses: [Loss], _ session: Session) {
    if !losses.isEmpty { effects.append(.log(.lost(sid: session.sid, losses))) }
  }
}
