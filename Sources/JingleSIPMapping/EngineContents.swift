import CodecRuntime

/// What a content of Jingle is, found out before its rows are run.
struct ContentFacts {
  /// The default destination, RFC 8839 §4.2.
  struct Address {
    var address: Slice
    var port: UInt64
  }

  var kind = MediaKind.rtp
  /// Why it is ``MediaKind/unmapped``.
  var reason: StaticString = "SDP has no such media"
  /// `nil` where there is none that is known.
  var transport: TransportKind?
  var hasFingerprint = false
  var hasEncryption = false
  var hasFeedback = false
  var isRejected = false
  var hasICE: Bool { transport == .iceUDP || transport == .ice }
  /// By component, 1 and 2.
  var media: Address?
  var control: Address?
}

/// Slots on the way to SDP: which content is which m-line (rows 6 and 19), and what the session keeps.
extension Engine {
  /// Contents of the stanza by their slots, `nil` for those that it does not name.
  func begin(contents root: Int) -> [Int?] {
    var contents: [Int?] = Array(repeating: nil, count: state.slots.count)
    var mids = NameSet(state.slots.compactMap(\.mid))
    let source = Source(index: root, node: MappingTables.root)
    let slot = tables.nodes[MappingTables.content].slot
    var (position, end) = children(of: source)
    while let node = nextChild(slot, from: &position, to: end) {
      guard let text = text(MappingFields.jingleContentName, in: node) else {
        lose("<jingle:content>", "it has no name")
        continue
      }
      let name = string(text)
      let creator = Role(creator: code(MappingFields.jingleContentCreator, in: node))
      let known = state.slots.indices.first {
        state.slots[$0].name == name && (creator == nil || state.slots[$0].creator == creator)
      }
      if let known {
        if contents[known] != nil {
          lose("<jingle:content> \(name)", "it is there twice")
        } else {
          contents[known] = node
        }
        continue
      }
      if contents.count > Self.maximumMedia { continue }
      let mid = unique(isToken(text) ? name : "m\(state.slots.count)", &mids)
      if state.slots.isEmpty {
        state.slots.reserveCapacity(4)
        contents.reserveCapacity(4)
      }
      state.slots.append(
        MediaState.Slot(name: name, mid: mid, creator: creator ?? role, kind: .rtp, transport: .rawUDP))
      contents.append(node)
    }
    return contents
  }

  /// Whether a name of a content can be the value of `a=mid`.
  private func isToken(_ text: Slice) -> Bool { matches(text, tables.fields[MappingFields.sdpMidTag].token) }

  func writeSections() {
    let isRemoval = isAction(MappingActions.removals)
    let isWhole = isAction(MappingActions.opening | MappingActions.accepting)
    for index in state.slots.indices {
      slot = index
      let content = index < pendingContents.count ? pendingContents[index] : nil
      marks.removeAll(keepingCapacity: true)
      lineFilter = nil
      if isFragment {
        if let content { writeSection(content) }
        continue
      }
      let section = tape.open(Self.mediaSlot, fixedWords: 0)
      if let content, isRemoval {
        state.slots[index].isRejected = true
        writeRejected(content)
      } else if let content, !isPartial {
        state.slots[index].isRejected = false
        state.slots[index][description: role] = .init(arena: arena, index: content, isJingle: true)
        writeLines(content)
      } else if let content {
        writeChange(content)
      } else if isWhole || state.slots[index].isRejected {
        state.slots[index].isRejected = true
        writeRejected(nil)
      } else {
        writeStored()
      }
      tape.close(section)
    }
    slot = 0
  }

  /// The stanza says only what has changed; all else is as the session has it.
  private var isPartial: Bool {
    isSourceChange || isTransportChange || isAction(MappingActions.directions | MappingActions.descriptions)
  }

  var isTransportChange: Bool { isAction(MappingActions.transports) }

  var isSourceChange: Bool { isAction(MappingActions.sources) }

  private func writeSection(_ content: Int) {
    let section = tape.open(Self.mediaSlot, fixedWords: 0)
    writeLines(content)
    tape.close(section)
  }

  private func writeLines(_ content: Int) {
    let source = Source(index: content, node: MappingTables.content)
    self.content = facts(of: source)
    if !isFragment, lineFilter == nil {
      state.slots[slot].kind = self.content.kind
      if let transport = self.content.transport { state.slots[slot].transport = transport }
      if self.content.kind == .unmapped {
        lose("<jingle:content> \(state.slots[slot].name)", "\(self.content.reason)")
        state.slots[slot].isRejected = true
        writeRejected(nil)
        return
      }
    }
    reportUnknownParts(of: source)
    sectionToSDP(content)
  }

  // MARK: What the stanza leaves alone

  /// The lines of the content as this side described it before, but for those that the stanza changes.
  private func writeChange(_ content: Int) {
    let changed: Set<Int>
    if isSourceChange {
      changed = [MappingNodes.sdpSSRC, MappingNodes.sdpSSRCGroup]
    } else if isAction(MappingActions.directions) {
      changed = [
        MappingNodes.sdpSendrecv, MappingNodes.sdpSendonly, MappingNodes.sdpRecvonly, MappingNodes.sdpInactive,
      ]
    } else {
      changed = [
        MappingNodes.sdpConnection, MappingNodes.sdpICEUfrag, MappingNodes.sdpICEPwd, MappingNodes.sdpICEOptions,
        MappingNodes.sdpCandidate, MappingNodes.sdpRemoteCandidates, MappingNodes.sdpEndOfCandidates,
        MappingNodes.sdpFingerprint, MappingNodes.sdpSetup, MappingNodes.sdpRTCP,
      ]
    }
    guard let before = state.slots[slot][description: role], before.isJingle else {
      writeLines(content)
      return
    }
    let filter = LineFilter(nodes: changed, isAllowed: false)
    let rest = LineFilter(nodes: changed, isAllowed: true)
    if isAction(MappingActions.descriptions) {
      // A description that comes anew keeps its transport.
      transportSource = before
      lineFilter = filter
      writeLines(content)
      transportSource = nil
      lineFilter = rest
      write(before)
    } else {
      if isTransportChange { transportSource = .init(arena: arena, index: content, isJingle: true) }
      lineFilter = filter
      write(before)
      transportSource = nil
      lineFilter = rest
      writeLines(content)
    }
    lineFilter = nil
  }

  private func writeStored() {
    guard let before = state.slots[slot][description: role], before.isJingle else {
      writeRejected(nil)
      return
    }
    write(before)
  }

  /// Writes the lines of an older stanza, whose bytes are appended to the tape.
  private func write(_ description: MediaState.Description) {
    reading(description) { engine in engine.writeLines(description.index) }
  }

  func reading(_ description: MediaState.Description, _ body: (Engine) -> Void) {
    let (outer, outerDelta) = (arena, delta)
    if description.arena !== arena {
      if let known = appended.first(where: { $0.arena === description.arena }) {
        delta = known.delta
      } else {
        delta = UInt32(truncatingIfNeeded: tape.byteCount)
        let whole = Slice(offset: 0, length: UInt32(truncatingIfNeeded: description.arena.byteCount))
        description.arena.withBytes(of: whole) { _ = tape.append($0) }
        appended.append((description.arena, delta))
      }
      arena = description.arena
    }
    (lastDescription, lastElement) = (-1, -1)
    body(self)
    (lastDescription, lastElement) = (-1, -1)
    arena = outer
    delta = outerDelta
  }

  /// A refused m-line: port 0, all else as the offer had it (RFC 3264 §6). Nothing goes to its address, but it has to have
  /// one (RFC 8866 §5.7).
  private func writeRejected(_ content: Int?) {
    var line = open(MappingNodes.sdpMedia)
    line.isUsed = true
    set(MappingFields.sdpMediaPort, .number(0), in: &line)
    if let offer = state.slots[slot][description: role.other] ?? state.slots[slot][description: role] {
      reading(offer) { engine in engine.copyOffer(offer, &line) }
    }
    fillMediaLine(&line)
    _ = close(line)
    writeConnection(address: append("0.0.0.0"))
    if let mid = state.slots[slot].mid {
      var line = open(MappingNodes.sdpMid)
      set(MappingFields.sdpMidTag, .text(tape.append(mid)), in: &line)
      line.isUsed = true
      end(line)
    }
  }

  /// What an m-line cannot do without (RFC 8840 §9.1 has these values for a line that means nothing).
  func fillMediaLine(_ line: inout Frame) {
    if readBack(MappingFields.sdpMediaMedia, in: line) == nil {
      set(MappingFields.sdpMediaMedia, .text(append(isFragment ? "audio" : "application")), in: &line)
    }
    if readBack(MappingFields.sdpMediaProtocol, in: line) == nil {
      set(MappingFields.sdpMediaProtocol, .text(append("RTP/AVP")), in: &line)
    }
    let list = tables.fields[MappingFields.sdpMediaFormats]
    if line.present & (1 << UInt64(list.ordinal)) == 0 { addFormat(append("0"), &line) }
  }

  func addFormat(_ text: Slice, _ line: inout Frame) {
    var item = open(MappingNodes.sdpMediaFormatsItem)
    set(MappingFields.sdpMediaFormatsItem, .text(text), in: &item)
    item.isUsed = true
    if close(item) { markList(MappingNodes.sdpMediaFormatsItem, in: &line) }
  }
}

extension Role {
  /// By the code of the attribute `creator`.
  init?(creator code: UInt32) {
    switch code {
    case 1: self = .initiator
    case 2: self = .responder
    default: return nil
    }
  }
}
