import CodecRuntime

/// What a media section of SDP is, found out before its rows are run.
struct SectionFacts {
  var kind = MediaKind.rtp
  var hasICE = false
  var isRejected = false
  /// The slot was made for this section.
  var isNew = false
  /// It has lines that the grammars do not know.
  var hasUnknownLines = false
}

/// A section that is to be translated.
struct PendingSection {
  /// Its node.
  let node: Int
  /// `nil` where there is none.
  var slot: Int?
  var facts = SectionFacts()

  init(_ node: Int) { self.node = node }
}

/// Slots on the way to Jingle: which section is which content (rows 6 and 19).
extension Engine {
  static let mediaSlot: UInt32 = 1003

  /// The sections of a description.
  static func sections(of root: Int, in description: Arena) -> [PendingSection] {
    let nodes = NodeTable(description)
    var sections: [PendingSection] = []
    sections.reserveCapacity(4)
    var position = root + 1
    let end = nodes.end(of: root)
    while position < end {
      if nodes.slot(of: position) == mediaSlot { sections.append(PendingSection(position)) }
      position = nodes.end(of: position)
    }
    return sections
  }

  /// Reads the lines of the session and finds out which action this is.
  func begin(session root: Int) {
    isPlain = arena.withBytes(of: Slice(offset: 0, length: UInt32(arena.byteCount))) { bytes in
      isPlainText(bytes)
    }
    session.removeAll()
    var position = root + 1
    let end = nodes.end(of: root)
    while position < end {
      if !session.add(position, slot: Int(nodes.slot(of: position))) { reportUnknown(position) }
      position = nodes.end(of: position)
    }
    isFragment = !session.contains(Int(tables.nodes[MappingNodes.sdpProtocolVersion].slot))
    if session.contains(Int(tables.nodes[MappingNodes.sdpICELite].slot)) { state.isICELite = true }
  }

  /// Gives each section its slot. All come before the rows are run: a group names contents that stand behind it.
  func assignSlots() {
    let isFresh = state.slots.isEmpty
    isFirst = isFresh
    if isFresh { state.slots.reserveCapacity(pendingSections.count) }
    var names = isFresh ? NameSet() : NameSet(state.slots.map(\.name))
    for number in pendingSections.indices {
      var facts = SectionFacts()
      section = lines.section(number)
      facts.hasUnknownLines = !readLines(of: pendingSections[number].node)
      pendingSections[number].slot = assign(number, isFresh: isFresh, &names, &facts)
      pendingSections[number].facts = facts
    }
  }

  func translateSections(in frame: inout Frame) {
    let areNewOnly =
      isAction(MappingActions.additions) && pendingSections.contains(where: \.facts.isNew)
    for number in pendingSections.indices {
      let node = pendingSections[number].node
      guard let index = pendingSections[number].slot else { continue }
      slot = index
      sectionFacts = pendingSections[number].facts
      if areNewOnly, !sectionFacts.isNew { continue }
      section = lines.section(number)
      section.forgetAsked()
      isKeyed = 0
      otherLines.removeAll(keepingCapacity: true)
      if !isFragment { state.slots[index][description: role] = .init(arena: arena, index: node, isJingle: false) }
      if isTransportChange, !isFragment, sectionFacts.isNew, !isFirst {
        // A transport of which there is no content: the m-line is refused.
        state.slots[index].isRejected = true
        lose("m= of \(state.slots[index].name)", "the session has no such content")
        continue
      }
      guard isWanted(sectionFacts) else { continue }
      if sectionFacts.hasUnknownLines { reportUnknownLines(of: node) }
      sectionKeys = KeySet()
      var inner = open(MappingTables.content)
      sectionToJingle(&inner)
      if close(inner) { frame.isUsed = true }
      if saysAll {
        reportUnread(section, "it does not belong to this medium")
        reportRepeated(section)
        reportUnjoined()
      }
    }
  }

  /// Whether the section becomes a content of this stanza.
  private func isWanted(_ facts: SectionFacts) -> Bool {
    let isRemoval = isAction(MappingActions.removals)
    if facts.kind == .unmapped {
      if !isRemoval { lose("m= of \(state.slots[slot].name)", "Jingle has RTP and data channels only") }
      return false
    }
    if facts.isRejected, isAction(MappingActions.opening) {
      lose("m= of \(state.slots[slot].name)", "its port is 0, so it is not offered")
    }
    if isSourceChange, !has(MappingNodes.sdpSSRC), !has(MappingNodes.sdpSSRCGroup) { return false }
    return facts.isRejected == isRemoval
  }

  private func reportUnknownLines(of section: Int) {
    var position = section + 1
    let end = nodes.end(of: section)
    while position < end {
      if nodes.slot(of: position) >= 1000 { reportUnknown(position) }
      position = nodes.end(of: position)
    }
  }

  /// Returns whether the grammars know all of them.
  private func readLines(of node: Int) -> Bool {
    let (section, nodes) = (section, nodes)
    section.removeAll()
    var areKnown = true
    var position = node + 1
    let end = nodes.end(of: node)
    while position < end {
      let head = nodes.word(position)
      if !section.add(position, slot: Int(head >> NodeLayout.slotShift)) { areKnown = false }
      position &+= Int(head & NodeLayout.sizeMask)
    }
    return areKnown
  }

  private func has(_ node: Int, orSession: Bool = false) -> Bool {
    let slot = Int(tables.nodes[node].slot)
    return section.contains(slot) || orSession && session.contains(slot)
  }

  /// The slot of a section: by its place in a whole description, by its mid in a fragment. `nil` where a fragment
  /// names no content that is known.
  private func assign(
    _ number: Int, isFresh: Bool, _ names: inout NameSet, _ facts: inout SectionFacts
  ) -> Int? {
    let line = section.firstNode(Int(tables.nodes[MappingNodes.sdpMedia].slot))
    let mid = section.firstNode(Int(tables.nodes[MappingNodes.sdpMid].slot))
      .flatMap { text(MappingFields.sdpMidTag, in: $0) }.map { string($0) }
    facts.kind = kind(line)
    facts.hasICE = has(MappingNodes.sdpICEUfrag, orSession: true) || has(MappingNodes.sdpCandidate)
    let port = line.flatMap { self.number(MappingFields.sdpMediaPort, in: $0) }
    facts.isRejected = port == 0 && !has(MappingNodes.sdpBundleOnly) && !isFragment

    var index: Int?
    if isFragment, !isFresh {
      if let mid {
        index = state.slots.firstIndex { $0.mid == mid } ?? state.slots.firstIndex { $0.name == mid }
      } else if number < state.slots.count {
        index = number
      }
      guard index != nil else {
        lose("\(name(MappingNodes.sdpMid)):\(mid ?? "")", "the session has no such content")
        return nil
      }
    } else if number < state.slots.count {
      index = number
    }
    let found = index ?? state.slots.count
    // The m-line of a content that is gone may be used for another one (RFC 3264 §8.1).
    let isReused = index.map { state.slots[$0].isRejected && !facts.isRejected && state.slots[$0].mid != mid } ?? false
    if index == nil || isReused {
      let name = unique(mid ?? mediaName(line), &names)
      if let mid, mid != name {
        lose("\(self.name(MappingNodes.sdpMid)):\(mid)", "another medium has it, and this one becomes \(name)")
      }
      func makeSlot() -> MediaState.Slot {
        MediaState.Slot(
          name: name, mid: mid, creator: role, kind: facts.kind, transport: facts.hasICE ? .iceUDP : .rawUDP)
      }
      // Each is made where it stays: to copy it costs more.
      if index == nil { state.slots.append(makeSlot()) } else { state.slots[found] = makeSlot() }
      facts.isNew = true
    }
    update(&state.slots[found], line, facts)
    // An answer to contents that were added speaks of those that it had not spoken of.
    if isAction(MappingActions.answers & MappingActions.additions) {
      facts.isNew = state.slots[found][description: role] == nil
    }
    return found
  }

  /// Takes over what the section says of itself.
  private func update(_ slot: inout MediaState.Slot, _ line: Int?, _ facts: SectionFacts) {
    if !isFragment {
      slot.isRejected = facts.isRejected || facts.kind == .unmapped
      slot.kind = facts.kind
      if let line, let text = text(MappingFields.sdpMediaProtocol, in: line) { slot.protocolName = protocolName(text) }
    }
    if facts.hasICE {
      if slot.transport != .ice { slot.transport = .iceUDP }
    } else if !isFragment {
      slot.transport = .rawUDP
    }
    guard let digest = credentials() else { return }
    if let before = slot.credentials, before != digest { slot.generation &+= 1 }
    slot.credentials = digest
  }

  /// A protocol as it is spelled. Nearly all are one of these, for which no memory is needed.
  private func protocolName(_ text: Slice) -> String {
    if equals(text, "UDP/TLS/RTP/SAVPF") { return "UDP/TLS/RTP/SAVPF" }
    if equals(text, "UDP/DTLS/SCTP") { return "UDP/DTLS/SCTP" }
    return string(text)
  }

  private func credentials() -> UInt64? {
    func value(_ node: Int, _ field: Int) -> Slice? {
      let slot = Int(tables.nodes[node].slot)
      return (section.firstNode(slot) ?? session.firstNode(slot)).flatMap { text(field, in: $0) }
    }
    guard let name = value(MappingNodes.sdpICEUfrag, MappingFields.sdpICEUfragValue),
      let password = value(MappingNodes.sdpICEPwd, MappingFields.sdpICEPwdValue)
    else { return nil }
    return hash(name) &* 31 &+ hash(password)
  }

  private func kind(_ line: Int?) -> MediaKind {
    guard let line, let text = text(MappingFields.sdpMediaProtocol, in: line) else { return .unmapped }
    // Nearly all are one of these.
    if equals(text, "UDP/TLS/RTP/SAVPF") || equals(text, "RTP/AVP") || equals(text, "RTP/SAVPF") { return .rtp }
    return Self.kind(ofProtocol: string(text))
  }

  /// RTP in any profile, or SCTP (RFC 8866 §8.2.1, RFC 8841 §4).
  static func kind(ofProtocol name: String) -> MediaKind {
    let parts = name.split(separator: "/").map { $0.uppercased() }
    if parts.contains("RTP") { return .rtp }
    return parts.contains("SCTP") ? .data : .unmapped
  }

  private func mediaName(_ line: Int?) -> String {
    line.flatMap { text(MappingFields.sdpMediaMedia, in: $0) }.map { string($0) } ?? "media"
  }

  /// A name that no other content has.
  func unique(_ name: String, _ names: inout NameSet) -> String {
    var candidate = name
    var number = 2
    while !names.insert(candidate) {
      candidate = "\(name)\(number)"
      number += 1
    }
    return candidate
  }

  // MARK: Actions

  /// The stanza says all that the description says, so what is left over is lost.
  var saysAll: Bool { isFragment || isAction(MappingActions.opening | MappingActions.accepting) }

  /// Whether the stanza's action is one of a set of ``MappingActions``.
  @inline(__always)
  func isAction(_ set: UInt64) -> Bool { set & 1 << UInt64(action & 63) != 0 }

  /// The code of an action by its name.
  func code(ofAction name: String) -> UInt32 {
    let index = Int(tables.fields[MappingFields.jingleAction].enumeration)
    guard index >= 0 else { return 0 }
    let names = tables.enums[index].names
    return UInt32(((0..<names.count).first { "\(names[$0])" == name } ?? -1) + 1)
  }

  /// A description that answers an offer.
  var isAnswer: Bool { isAction(MappingActions.answers) }
}

/// Names of contents: one by one where they are few, which costs less than hashing them.
struct NameSet {
  private var few: InlineArray<4, String> = InlineArray(repeating: "")
  private var count = 0
  private var many: Set<String> = []

  init(_ names: [String] = []) { for name in names { insert(name) } }

  /// `false` where it was there before.
  @discardableResult
  mutating func insert(_ name: String) -> Bool {
    for index in 0..<count where few[index] == name { return false }
    guard count < few.count else { return many.insert(name).inserted }
    few[count] = name
    count += 1
    return true
  }
}

/// Whether all is ASCII without control characters other than line ends: in few steps and without branches, so that many
/// bytes are looked at in one of them.
private func isPlainText(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
  var highest: UInt8 = 0
  var lowest: UInt8 = .max
  for byte in bytes {
    highest |= byte
    // The two line ends become 0, the other control characters numbers up to 0x1F, all else greater ones.
    let number = min(byte ^ 0x0A, byte ^ 0x0D)
    lowest = min(lowest, number &- 1)
  }
  return highest < 0x80 && lowest >= 0x1F
}
