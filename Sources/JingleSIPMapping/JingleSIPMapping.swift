import CodecRuntime

/// Translates a session description into a `<jingle/>`.
///
/// The arenas are those of SDPCodec and JingleCodec: the root node of the description is at `index`, that of the
/// translation at 0. It is a whole description or a fragment (RFC 8840 §9): only m-lines and attributes.
///
/// - Parameters:
///   - description: the arena of the description.
///   - index: its root node.
///   - role: who wrote the description.
///   - action: the Jingle action; by default what `a=jingle-action` says, else session-initiate.
///   - sid: the session id of the stanza.
///   - state: what is remembered of the session; an empty one for its first description.
/// - Throws: ``MappingFailure`` where it is larger than any session is.
public func translateToJingle(
  _ description: Arena, at index: Int = 0, by role: Role, action: String? = nil, sid: String? = nil,
  state: inout MediaState
) throws(MappingFailure) -> Translation {
  let sections = Engine.sections(of: index, in: description)
  guard sections.count <= Engine.maximumMedia else { throw .tooManyMedia(sections.count) }
  let hasMedia = !sections.isEmpty
  let engine = Engine(reading: description, sections: sections, by: role, state: state)
  engine.begin(session: index)
  engine.sid = sid
  engine.chooseAction(action)
  var root = engine.open(MappingTables.root)
  // Sections come last in the rows, but groups name their contents.
  engine.assignSlots()
  engine.sessionToJingle(&root)
  engine.endRoot(root)
  if engine.saysAll {
    engine.reportUnread(engine.session, hasMedia ? "it does not belong to the session" : "there is no m-line")
    engine.reportRepeated(engine.session)
  }
  if let failure = engine.failure { throw failure }
  swap(&state, &engine.state)
  return engine.finish()
}

/// Translates a `<jingle/>` into a session description.
///
/// The sections of the description are the slots of the session, in their order: what the stanza does not name is as
/// this side described it before, or refused with port 0 where it did not. A transport-info becomes a fragment (RFC 8840
/// §9) unless `asFragment` says otherwise.
///
/// - Parameters:
///   - jingle: the arena of the stanza.
///   - index: the node of its `<jingle/>`.
///   - role: who wrote the stanza.
///   - asFragment: whether a fragment or a whole description is made; by default the action decides.
///   - state: what is remembered of the session; an empty one for its first description.
/// - Throws: ``MappingFailure`` where it is larger than any session is.
public func translateToSDP(
  _ jingle: Arena, at index: Int, by role: Role, asFragment: Bool? = nil, state: inout MediaState
) throws(MappingFailure) -> Translation {
  let engine = Engine(reading: jingle, by: role, state: state)
  engine.beginStanza(at: index, asFragment: asFragment)
  guard engine.pendingContents.count <= Engine.maximumMedia else { throw .tooManyMedia(engine.pendingContents.count) }
  let root = engine.tape.open(0, fixedWords: 0)
  engine.sessionToSDP(index)
  engine.tape.close(root)
  engine.finishOrigin()
  if let failure = engine.failure { throw failure }
  swap(&state, &engine.state)
  return engine.finish()
}

/// The name of the action with which a side describes a whole session: the initiator opens it, the responder accepts it.
public func descriptionAction(of role: Role) -> String {
  let tables = MappingTables.shared
  let set = role == .initiator ? MappingActions.opening : MappingActions.accepting
  return
    "\(tables.enums[Int(tables.fields[MappingFields.jingleAction].enumeration)].names[set.trailingZeroBitCount - 1])"
}

extension Engine {
  /// The action that the caller names, that of `a=jingle-action`, or the one that begins a session.
  func chooseAction(_ name: String?) {
    if let name {
      action = code(ofAction: name)
      return
    }
    if let line = session.firstNode(Int(tables.nodes[MappingNodes.sdpJingleAction].slot)),
      case .code(let code, _)? = read(MappingFields.sdpJingleActionValue, in: line),
      let name = self.name(of: code, MappingFields.sdpJingleActionValue)
    {
      action = self.code(ofAction: "\(name)")
      return
    }
    let only = isFragment ? MappingActions.fragments : MappingActions.opening
    action = UInt32(only.trailingZeroBitCount)
  }

  func endRoot(_ root: Frame) {
    var root = root
    root.isUsed = true
    markAttributes(root)
    // The root stays even where something is missing in it: whoever sends it fills it in.
    tape.close(root.index)
  }

  func beginStanza(at index: Int, asFragment: Bool?) {
    action = code(MappingFields.jingleAction, in: index)
    isToSDP = true
    isFragment = asFragment ?? isAction(MappingActions.fragments)
    sid = text(MappingFields.jingleSID, in: index).map { string($0) }
    initiator = text(MappingFields.jingleInitiator, in: index)
    reportUnknownParts(of: Source(index: index, node: MappingTables.root))
    reportSignalling(of: index)
    pendingContents = begin(contents: index)
  }
}
