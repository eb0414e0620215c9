import CodecRuntime

/// What gets lost without a row that could say so: named where it is met.
extension Engine {
  /// Row 4: Jingle has no name for the protocol; one that keys and feedback would not make again is lost.
  func reportProtocol() {
    guard !isFragment, saysAll, sectionFacts.kind != .unmapped,
      let line = section.firstNode(Int(tables.nodes[MappingNodes.sdpMedia].slot)),
      let name = text(MappingFields.sdpMediaProtocol, in: line)
    else { return }
    if sectionFacts.kind == .data {
      if equals(name, "UDP/DTLS/SCTP") { return }
      lose(
        "\(self.name(MappingNodes.sdpMedia)) protocol \(string(name))",
        "Jingle has no name for it; it becomes UDP/DTLS/SCTP")
      return
    }
    let made = Self.protocolName(
      hasFingerprint: has(MappingNodes.sdpFingerprint, orSession: true),
      hasEncryption: has(MappingNodes.sdpCrypto) || has(MappingNodes.sdpZrtpHash),
      hasFeedback: has(MappingNodes.sdpRTCPFb))
    if equals(name, made) { return }
    let given = string(name)
    if given.uppercased() != "\(made)" {
      lose("\(self.name(MappingNodes.sdpMedia)) protocol \(given)", "Jingle has no name for it; it becomes \(made)")
    }
  }

  private func has(_ node: Int, orSession: Bool = false) -> Bool {
    let slot = Int(tables.nodes[node].slot)
    // Looking does not mean that a row has taken the line.
    return section.isThere(slot) || orSession && session.isThere(slot)
  }

  /// Row 4: what keys and feedback make of RTP (XEP-0167 §4, XEP-0293 §3).
  static func protocolName(hasFingerprint: Bool, hasEncryption: Bool, hasFeedback: Bool) -> StaticString {
    if hasFingerprint { return hasFeedback ? "UDP/TLS/RTP/SAVPF" : "UDP/TLS/RTP/SAVP" }
    if hasEncryption { return hasFeedback ? "RTP/SAVPF" : "RTP/SAVP" }
    return hasFeedback ? "RTP/AVPF" : "RTP/AVP"
  }

  /// Row 25: what a candidate says beside the parameters of the grammar (RFC 8839 §5.1).
  func reportExtensions(ofCandidate index: Int) {
    let extensionSlot: UInt32 = 63
    let words = tables.nodes[MappingNodes.sdpCandidate].fixedWords
    if nodes.child(extensionSlot, of: index, after: words) == nil { return }
    var (position, end) = children(of: Source(index: index, node: MappingNodes.sdpCandidate))
    while let child = nextChild(extensionSlot, from: &position, to: end) {
      lose("\(name(MappingNodes.sdpCandidate)) \(string(slice(at: child + 1)))", "Jingle has no such extension")
    }
  }

  /// Lines that may stand once and stand several times: no row reads but the first of them.
  func reportRepeated(_ lines: LineIndex) {
    for slot in lines.repeated(among: MappingTables.singleSlots) {
      guard let line = MappingTables.mappedLines[slot] else { continue }
      lose("\(line.name)", "it is there a second time, and the first one counts")
    }
  }

  /// The same for a line that a function reads.
  func loseRepeated(_ node: Int) { lose(name(node), "it is there a second time, and the first one counts") }

  /// The same for lines of which each payload type has one.
  @inline(never)
  func loseRepeated(_ name: StaticString) {
    lose("\(name):\(key)", "it is there a second time, and the first one counts")
  }

  /// A line that the item around needs and that a table does not stand in for, such as the `a=rtpmap` of payload type 96.
  @inline(never)
  func loseMissing(_ name: StaticString) {
    if saysAll { lose("\(name):\(key)", "it is missing, and nobody else says what this payload type is") }
  }

  /// Elements of the signalling in a stanza that describes a session: nothing reads them there.
  func reportSignalling(of root: Int) {
    guard isAction(MappingActions.opening | MappingActions.accepting | MappingActions.additions) else { return }
    let source = Source(index: root, node: MappingTables.root)
    for node in Self.signallingNodes where firstChild(node, of: source) != nil {
      lose(name(node), "a stanza that describes a session has none")
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
      lose(
        "\(name(MappingNodes.rtpDescriptionSources)) \(number)",
        "\(name(MappingNodes.sdpSSRC)) needs an attribute of the source")
    }
  }
}
