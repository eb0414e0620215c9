import CodecRuntime
import JingleCodec
import JingleSIPMapping
import SDPCodec

/// Translates one description by itself, as the first of a session.
public struct Translator: Sendable {
  /// What the other protocol says, and what it cannot say.
  public struct Output: Equatable, Sendable {
    public var bytes: [UInt8]
    /// What has no counterpart, and what could not be understood.
    public var losses: [String]
  }

  /// Who wrote the description.
  public var author: Role
  /// The action of the `<jingle/>`; without one the description decides.
  public var action: String?
  /// The session id of the `<jingle/>`; without one it is that of the description's line `o=`, if it has one.
  public var sid: String?

  public init(author: Role = .initiator, action: String? = nil, sid: String? = nil) {
    self.author = author
    self.action = action
    self.sid = sid
  }

  /// Whether XEP-0166, or a file of grammar, has this action.
  public static func isKnown(action name: String) -> Bool { Action(name) != nil }

  /// SDP to Jingle. Takes fragments too: m-lines and attributes only.
  ///
  /// Throws: an objection where `bytes` are no description.
  public func translateToJingle(_ bytes: [UInt8]) throws(Objection) -> Output {
    let description: SessionDescription
    do throws(SDPIssue) {
      description = try SessionDescription(parsing: bytes)
    } catch { throw Objection(error) }
    if let objection = Self.objection(to: description) { throw objection }
    var state = MediaState()
    let translation = try Self.mapped { () throws(MappingFailure) in
      try JingleSIPMapping.translateToJingle(
        description.arena, by: author, action: action ?? defaultAction(for: description),
        sid: sid ?? Self.sessionID(of: description), state: &state)
    }
    var output = CodecRuntime.Output()
    Jingle(arena: translation.arena, index: 0).write(to: &output)
    output.append(0x0A)
    return Output(bytes: output.bytes, losses: translation.losses.map(\.description))
  }

  /// Jingle to SDP.
  ///
  /// Throws: an objection where `bytes` are no `<jingle/>` and no `<iq/>` with one.
  public func translateToSDP(_ bytes: [UInt8]) throws(Objection) -> Output {
    let document = try JingleDocument(parsing: bytes)
    guard let reading = document.reading else {
      throw Objection(
        layer: "validation", location: "\(document.root.name)", offset: document.root.sourceOffset ?? 0,
        message: "expected <jingle/> or an <iq/> that holds one")
    }
    var state = MediaState()
    let translation = try Self.mapped { () throws(MappingFailure) in
      try JingleSIPMapping.translateToSDP(
        reading.jingle.arena, at: reading.jingle.index, by: author, state: &state)
    }
    // A value that is wrong is absent from what was read, and of what is there too often the first one counts.
    var wrong = (reading.issues + reading.notes).map { "\($0.location): \($0.message)" }
    if reading.jingle.contents.isEmpty {
      wrong.append("jingle: a description has nothing of a \(reading.jingle.action.name) without contents")
    }
    return Output(
      bytes: SessionDescription(arena: translation.arena).bytes,
      losses: wrong + translation.losses.map(\.description))
  }

  private static func mapped(
    _ translate: () throws(MappingFailure) -> Translation
  ) throws(Objection) -> Translation {
    do throws(MappingFailure) { return try translate() } catch {
      let message =
        switch error {
        case .tooManyMedia(let count): "\(count) media sections are more than any call has"
        case .tooLarge: "the translation would be too large"
        }
      throw Objection(layer: "validation", location: "description", offset: 0, message: message)
    }
  }

  // MARK: Descriptions

  /// What makes of text no description: no line of it is one, or an m-line, on which all hangs, is malformed.
  private static func objection(to description: SessionDescription) -> Objection? {
    if let issue = description.issues.first(where: { $0.layer == .syntax && $0.location == "m=" }) {
      return Objection(issue)
    }
    // RFC 8866 §5.1: who knows no other version does not know what it says.
    if let issue = description.issues.first(where: { $0.location == "v=" && $0.offset == 2 }) {
      return Objection(issue)
    }
    let arena = description.arena
    var index = 1
    while index < arena.end(of: 0) {
      switch arena.slot(of: index) {
      case SessionDescription.Slot.malformedLine, SessionDescription.Slot.unknownLine: index = arena.end(of: index)
      default: return nil
      }
    }
    if let issue = description.issues.first { return Objection(issue) }
    return Objection(layer: "validation", location: "description", offset: 0, message: "there is no line in it")
  }

  /// The session id of `o=`; a fragment, which has none, gets one that is the same each time.
  private static func sessionID(of description: SessionDescription) -> String {
    if let origin = description.session.origin.first, !origin.sessionID.isEmpty { return "\(origin.sessionID)" }
    // FNV-1a
    let digest = description.bytes.reduce(0xcbf2_9ce4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    return String(digest, radix: 36)
  }

  /// The action that a description by itself calls for; `nil` where that stands in it (`a=jingle-action`), or where it
  /// is a fragment that only adds to a transport (RFC 8840 §9).
  private func defaultAction(for description: SessionDescription) -> String? {
    if !description.session.jingleAction.isEmpty { return nil }
    let isFragment = description.session.protocolVersion.isEmpty
    if isFragment, !description.media.contains(where: Self.describesMedia) { return nil }
    return descriptionAction(of: author)
  }

  /// More than a pseudo m-line above candidates.
  private static func describesMedia(_ media: MediaDescription) -> Bool {
    let lines = media.lines
    let isAboutTransport = !lines.candidate.isEmpty || !lines.iceUfrag.isEmpty || lines.endOfCandidates
    return !isAboutTransport || !lines.rtpmap.isEmpty || !lines.sctpmap.isEmpty || !lines.sctpPort.isEmpty
  }
}
