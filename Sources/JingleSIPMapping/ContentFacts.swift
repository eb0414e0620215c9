import CodecRuntime

/// What a content says of its transport and keys, from which the m-line is made.
extension Engine {
  func sctpMap(of source: Source) -> Int? {
    let transports = [
      (MappingNodes.jingleContentICEUDP, MappingNodes.iceUDPTransportSctpmaps),
      (MappingNodes.jingleContentICE, MappingNodes.iceTransportSctpmaps),
      (MappingNodes.jingleContentRawUDP, MappingNodes.rawUDPTransportSctpmaps),
    ]
    for (transport, map) in transports {
      if let node = firstChild(transport, of: source),
        let found = firstChild(map, of: Source(index: node, node: transport))
      {
        var position = arena.end(of: found)
        if nextChild(tables.nodes[map].slot, from: &position, to: arena.end(of: node)) != nil {
          lose("<sctp:sctpmap>", "it is there a second time, and the first one counts")
        }
        return found
      }
    }
    return nil
  }

  func facts(of source: Source) -> ContentFacts {
    var facts = ContentFacts()
    let description = firstChild(MappingNodes.jingleContentDescription, of: source)
    if let description { readDescription(description, &facts) }
    readTransports(of: source, &facts)
    loseOtherTransports(of: source)
    let map = sctpMap(of: source)
    if description != nil {
      facts.kind = .rtp
    } else if map != nil {
      facts.kind = .data
    } else if hasUnknown("description", source) || hasUnknown("transport", source) {
      facts.kind = .unmapped
    } else {
      facts.kind = state.slots[slot].kind
    }
    let token = tables.fields[MappingFields.sdpMediaMedia].token
    if let description {
      if let media = text(MappingFields.rtpDescriptionMedia, in: description) {
        if !matches(media, token) {
          facts.kind = .unmapped
          facts.reason = "the name of its media cannot stand in SDP"
        }
      } else if !isFragment, !isSourceChange, !isAction(MappingActions.descriptions) {
        // XEP-0167 §4: it is required. None is invented.
        facts.kind = .unmapped
        facts.reason = "its description does not say which media it is"
      }
    }
    // RTP over a transport that we do not know has no address.
    if facts.kind == .rtp, facts.transport == nil, hasUnknown("transport", source) {
      facts.kind = .unmapped
      facts.reason = "SDP has no such transport"
    }
    if let transportSource {
      var other = ContentFacts()
      reading(transportSource) { engine in
        engine.readTransports(of: Source(index: transportSource.index, node: MappingTables.content), &other)
      }
      facts.transport = other.transport
      facts.hasFingerprint = other.hasFingerprint
      facts.media = other.media
      facts.control = other.control
    }
    return facts
  }

  private func hasUnknown(_ name: StaticString, _ source: Source) -> Bool {
    var (position, end) = children(of: source)
    while let child = nextChild(ElementLayout.unknownElement, from: &position, to: end) {
      if equals(slice(at: Int(nodes.word(child + 1)) + XMLLayout.name), name) { return true }
    }
    return false
  }

  private func readDescription(_ description: Int, _ facts: inout ContentFacts) {
    let source = Source(index: description, node: MappingNodes.jingleContentDescription)
    facts.hasEncryption = firstChild(MappingNodes.rtpDescriptionEncryption, of: source) != nil
    facts.hasFeedback =
      firstChild(MappingNodes.rtpDescriptionRTCPFeedback, of: source) != nil
      || firstChild(MappingNodes.rtpDescriptionRTCPIntervals, of: source) != nil
    let slot = tables.nodes[MappingNodes.rtpDescriptionPayloadTypes].slot
    var (position, end) = children(of: source)
    while !facts.hasFeedback, let child = nextChild(slot, from: &position, to: end) {
      let type = Source(index: child, node: MappingNodes.rtpDescriptionPayloadTypes)
      facts.hasFeedback =
        firstChild(MappingNodes.rtpPayloadTypeRTCPFeedback, of: type) != nil
        || firstChild(MappingNodes.rtpPayloadTypeRTCPIntervals, of: type) != nil
    }
  }

  /// XEP-0166 §7.3: a content has one transport. Where there are more, the one that ``readTransports(of:_:)`` takes counts.
  private func loseOtherTransports(of source: Source) {
    var isChosen = false
    for node in [MappingNodes.jingleContentICEUDP, MappingNodes.jingleContentICE, MappingNodes.jingleContentRawUDP]
    where firstChild(node, of: source) != nil {
      if isChosen { lose(name(node), "a content has one transport, and another one counts") }
      isChosen = true
    }
  }

  fileprivate func readTransports(of source: Source, _ facts: inout ContentFacts) {
    if let node = firstChild(MappingNodes.jingleContentICEUDP, of: source) {
      let transport = Source(index: node, node: MappingNodes.jingleContentICEUDP)
      facts.transport = .iceUDP
      facts.hasFingerprint = firstChild(MappingNodes.iceUDPTransportFingerprints, of: transport) != nil
      readCandidates(
        transport, MappingNodes.iceUDPTransportCandidates,
        CandidateFields(
          component: MappingFields.iceUDPCandidateComponent, address: MappingFields.iceUDPCandidateIP,
          port: MappingFields.iceUDPCandidatePort, transport: MappingFields.iceUDPCandidateProtocol,
          type: MappingFields.iceUDPCandidateType, priority: MappingFields.iceUDPCandidatePriority), &facts)
    } else if let node = firstChild(MappingNodes.jingleContentICE, of: source) {
      let transport = Source(index: node, node: MappingNodes.jingleContentICE)
      facts.transport = .ice
      facts.hasFingerprint = firstChild(MappingNodes.iceTransportFingerprints, of: transport) != nil
      readCandidates(
        transport, MappingNodes.iceTransportCandidates,
        CandidateFields(
          component: MappingFields.iceCandidateComponent, address: MappingFields.iceCandidateIP,
          port: MappingFields.iceCandidatePort, transport: MappingFields.iceCandidateProtocol,
          type: MappingFields.iceCandidateType, priority: MappingFields.iceCandidatePriority), &facts)
    } else if let node = firstChild(MappingNodes.jingleContentRawUDP, of: source) {
      let transport = Source(index: node, node: MappingNodes.jingleContentRawUDP)
      facts.transport = .rawUDP
      facts.hasFingerprint = firstChild(MappingNodes.rawUDPTransportFingerprints, of: transport) != nil
      readCandidates(
        transport, MappingNodes.rawUDPTransportCandidates,
        CandidateFields(
          component: MappingFields.rawUDPCandidateComponent, address: MappingFields.rawUDPCandidateIP,
          port: MappingFields.rawUDPCandidatePort, transport: -1, type: -1, priority: -1), &facts)
    }
  }

  private struct CandidateFields {
    var component: Int
    var address: Int
    var port: Int
    var transport: Int
    var type: Int
    var priority: Int
  }

  /// The default candidate of each component: the one that a peer without ICE reaches most likely, relayed before
  /// reflexive before host (RFC 8839 §4.2.1.2). Names of mDNS and TCP are of no use to it, and port 0 would refuse the
  /// medium (RFC 3264 §6).
  private func readCandidates(_ transport: Source, _ node: Int, _ fields: CandidateFields, _ facts: inout ContentFacts)
  {
    let token = tables.fields[MappingFields.sdpConnectionAddress].token
    let slot = tables.nodes[node].slot
    var (position, end) = children(of: transport)
    var best: (media: UInt64, control: UInt64) = (0, 0)
    while let candidate = nextChild(slot, from: &position, to: end) {
      guard let address = text(fields.address, in: candidate), let port = number(fields.port, in: candidate) else {
        continue
      }
      if port == 0 {
        if fields.type < 0 { lose(name(node), "its port is 0") }
        continue
      }
      var rank: UInt64 = 1
      if fields.type >= 0 {
        guard let name = text(fields.transport, in: candidate), isUDP(name), !isLocalName(address) else { continue }
        let order: [UInt64] = [1, 2, 4, 3, 5]
        let code = Int(code(fields.type, in: candidate))
        let priority = min(number(fields.priority, in: candidate) ?? 0, UInt64(UInt32.max))
        rank = (code < order.count ? order[code] : 1) << 33 | (isIPv6(address) ? 0 : 1 << 32) | priority
      }
      let component = number(fields.component, in: candidate) ?? 1
      if component == 1, rank > best.media, matches(address, token) {
        best.media = rank
        facts.media = .init(address: address, port: port)
      } else if component == 2, rank > best.control, matches(address, token) {
        best.control = rank
        facts.control = .init(address: address, port: port)
      } else if fields.type < 0 {
        lose(name(node), "SDP has one address for each of two components")
      }
    }
    if fields.type < 0, facts.media == nil, facts.control != nil {
      lose(name(node), "SDP has no address of component 2 without one of component 1")
    }
  }

  private func isUDP(_ name: Slice) -> Bool {
    tape.withBytes(of: name) { bytes in
      bytes.count == 3 && lowercased(bytes[0]) == 0x75 && lowercased(bytes[1]) == 0x64 && lowercased(bytes[2]) == 0x70
    }
  }

  private func isIPv6(_ address: Slice) -> Bool { tape.withBytes(of: address) { $0.contains(0x3A) } }

  private func isLocalName(_ address: Slice) -> Bool {
    tape.withBytes(of: address) { bytes in
      let suffix: StaticString = ".local"
      let start = bytes.count - suffix.utf8CodeUnitCount
      guard start > 0, lowercased(bytes[bytes.count - 1]) == 0x6C else { return false }
      for index in 0..<suffix.utf8CodeUnitCount where lowercased(bytes[start + index]) != suffix.utf8Start[index] {
        return false
      }
      return true
    }
  }

  // MARK: What an offer said

  /// Media, protocol and formats of the offer that is refused.
  func copyOffer(_ offer: MediaState.Description, _ line: inout Frame) {
    guard !offer.isJingle else {
      copyJingleOffer(Source(index: offer.index, node: MappingTables.content), &line)
      return
    }
    var position = offer.index + 1
    let slot = tables.nodes[MappingNodes.sdpMedia].slot
    guard let media = nextChild(slot, from: &position, to: nodes.end(of: offer.index)) else { return }
    for field in [MappingFields.sdpMediaMedia, MappingFields.sdpMediaProtocol] {
      if let text = text(field, in: media) { set(field, .text(text), in: &line) }
    }
    let item = tables.nodes[MappingNodes.sdpMediaFormatsItem].slot
    var (start, end) = children(of: Source(index: media, node: MappingNodes.sdpMedia))
    while let format = nextChild(item, from: &start, to: end) {
      if let text = text(MappingFields.sdpMediaFormatsItem, in: format) { addFormat(text, &line) }
    }
  }

  private func copyJingleOffer(_ source: Source, _ line: inout Frame) {
    guard let description = firstChild(MappingNodes.jingleContentDescription, of: source) else { return }
    let token = tables.fields[MappingFields.sdpMediaMedia].token
    if let text = text(MappingFields.rtpDescriptionMedia, in: description), matches(text, token) {
      set(MappingFields.sdpMediaMedia, .text(text), in: &line)
    }
    let slot = tables.nodes[MappingNodes.rtpDescriptionPayloadTypes].slot
    var (position, end) = children(of: Source(index: description, node: MappingNodes.jingleContentDescription))
    var seen = KeySet()
    while let type = nextChild(slot, from: &position, to: end) {
      if let number = number(MappingFields.rtpPayloadTypeID, in: type), seen.insert(number) {
        addFormat(append(decimal: number), &line)
      }
    }
  }
}
