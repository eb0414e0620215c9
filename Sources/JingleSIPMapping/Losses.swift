import CodecRuntime

/// What gets lost without a row that could say so: named where it is met.
extension Engine {
  /// Row 4: Jingle has no name for the protocol; one that keys and feedback would not make again is lost.
  func reportProtocol(_ source: Source) {
    guard !isFragment, saysAll, sectionFacts.kind == .rtp,
      let line = section.firstNode(Int(tables.nodes[MappingNodes.sdpMedia].slot)),
      let name = text(MappingFields.sdpMediaProtocol, in: line)
    else { return }
    let given = string(name)
    let made = Self.protocolName(
      hasFingerprint: has(MappingNodes.sdpFingerprint, orSession: true),
      hasEncryption: has(MappingNodes.sdpCrypto) || has(MappingNodes.sdpZrtpHash),
      hasFeedback: has(MappingNodes.sdpRTCPFb))
    if given.uppercased() != made { lose("m= protocol \(given)", "Jingle has no name for it; it becomes \(made)") }
  }

  private func has(_ node: Int, orSession: Bool = false) -> Bool {
    let slot = Int(tables.nodes[node].slot)
    // Looking does not mean that a row has taken the line.
    return section.isThere(slot) || orSession && session.isThere(slot)
  }

  /// Row 4: what keys and feedback make of RTP (XEP-0167 §4, XEP-0293 §3).
  static func protocolName(hasFingerprint: Bool, hasEncryption: Bool, hasFeedback: Bool) -> String {
    let feedback = hasFeedback ? "F" : ""
    if hasFingerprint { return "UDP/TLS/RTP/SAVP" + feedback }
    return (hasEncryption ? "RTP/SAVP" : "RTP/AVP") + feedback
  }

  /// Row 25: what a candidate says beside the parameters of the grammar (RFC 8839 §5.1).
  func reportExtensions(ofCandidate index: Int) {
    let extensionSlot: UInt32 = 63
    var (position, end) = children(of: Source(index: index, node: MappingNodes.sdpCandidate))
    while let child = nextChild(extensionSlot, from: &position, to: end) {
      lose("a=candidate \(string(slice(at: child + 1)))", "Jingle has no such extension")
    }
  }

  /// Lines that may stand once and stand several times: no row reads but the first of them.
  func reportRepeated(_ lines: LineIndex) {
    for slot in lines.repeated {
      guard let name = MappingTables.singleLines[slot] else { continue }
      lose(name, "it is there a second time, and the first one counts")
    }
  }

  /// The same for lines of which each payload type has one.
  func loseRepeated(_ step: Step) {
    lose("\(tables.nodes[step.line].name):\(key)", "it is there a second time, and the first one counts")
  }

  /// Elements of the signalling in a stanza that describes a session: nothing reads them there.
  func reportSignalling(of root: Int) {
    guard isAction(MappingActions.opening | MappingActions.accepting | MappingActions.additions) else { return }
    let source = Source(index: root, node: MappingTables.root)
    for node in Self.signallingNodes where firstChild(node, of: source) != nil {
      lose("\(tables.nodes[node].name)", "a stanza that describes a session has none")
    }
  }

  private static let signallingNodes = [
    MappingNodes.jingleReason, MappingNodes.jingleActive, MappingNodes.jingleHold, MappingNodes.jingleUnhold,
    MappingNodes.jingleMute, MappingNodes.jingleUnmute, MappingNodes.jingleRinging, MappingNodes.jingleTones,
  ]

  /// Row 37: a source of which nothing is said (RFC 5576 §4.1).
  func reportEmptySources(_ source: Source) {
    var (position, end) = children(of: source)
    let slot = tables.nodes[MappingNodes.rtpDescriptionSources].slot
    while let child = nextChild(slot, from: &position, to: end) {
      let inner = Source(index: child, node: MappingNodes.rtpDescriptionSources)
      guard firstChild(MappingNodes.ssmaSourceParameters, of: inner) == nil else { continue }
      let number = number(MappingFields.ssmaSourceSSRC, in: child) ?? 0
      lose("<ssma:source> \(number)", "a=ssrc needs an attribute of the source")
    }
  }
}

extension MappingTables {
  /// The names of attributes of which one row reads one line only, by their slots.
  static let singleLines: [Int: String] = {
    var single: [Int: String] = [:]
    var several: Set<Int> = []
    func visit(_ range: Range<Int>) {
      for index in range {
        let step = shared.steps[index]
        visit(step.nested)
        guard step.line >= 0 else { continue }
        let slot = Int(shared.nodes[step.line].slot)
        switch (step.operation, step.place) {
        case (.loss, .line): if step.sdp < 0 { several.insert(slot) }
        case (.enter, .line): if step.flags.contains(.each) { several.insert(slot) }
        case (.enter, .joined), (.enter, .grouped), (.enter, .groupMember): several.insert(slot)
        default: break
        }
        let name = "\(shared.nodes[step.line].name)"
        if name.hasPrefix("a=") { single[slot] = name }
      }
    }
    visit(sessionToJingle)
    for slot in several { single[slot] = nil }
    return single
  }()
}
