import CodecRuntime

/// What rows of the mapping grammars cannot say: the functions and predicates that they name.
///
/// Each is called where its row stands. In a row with a value on each side the function converts the value; else it
/// writes what the row names.
extension Engine {
  // MARK: Predicates

  /// `if …`: what the section becomes.
  func holds(_ predicate: MappingPredicate) -> Bool {
    switch predicate {
    case .rtp: sectionFacts.kind == .rtp
    case .iceUDP: state.slots[slot].transport == .iceUDP
    case .ice: state.slots[slot].transport == .ice
    case .rawUDP: state.slots[slot].transport == .rawUDP
    }
  }

  // MARK: To Jingle

  // Rows name a function and a field: in each of them only what that function does is left of these two.

  /// Converts the value of a field; `nil` where there is none, on either side.
  @inline(__always)
  func toJingle(_ function: MappingFunction, _ source: Int, _ value: Value?) -> Value? {
    switch function {
    // mod_jingle_sip: the stanza behind a re-INVITE
    case .stanza: .code(action, .absent)
    // row 19, and row 20: a group names contents of the session, and only those that have media
    case .contentName: source == MappingFields.sdpMidTag ? contentName(value) : groupedName(value, source)
    // row 24: what the credentials say, where the candidate says nothing
    case .generation: value ?? generation
    // row 31
    case .dtlsRole: dtlsRole(value)
    // Listed one by one, so that a name which a grammar misspells does not compile.
    case .origin, .creator, .address, .protocol, .dataChannel, .candidateID: value
    }
  }

  /// Writes what the row names: an attribute, or an element.
  @inline(__always)
  func perform(
    _ function: MappingFunction, jingle: Int, element: Int, of source: Int, in frame: inout Frame
  ) {
    switch function {
    case .stanza: writeSID(jingle, &frame)
    case .creator: writeCreator(jingle, &frame)
    case .candidateID: writeID(jingle, ofCandidate: source, &frame)
    case .protocol: reportProtocol()
    case .address: writeRawCandidates(element, &frame)
    case .dataChannel: writeSCTPMap(element, &frame)
    default: break
    }
  }

  private func writeSID(_ field: Int, _ frame: inout Frame) {
    if let sid { set(field, .text(tape.append(sid)), in: &frame) }
  }

  private func writeCreator(_ field: Int, _ frame: inout Frame) {
    set(field, .code(state.slots[slot].creator == .initiator ? 1 : 2, .absent), in: &frame)
    frame.isUsed = true
  }

  /// The same candidate has the same id in every stanza.
  private func writeID(_ field: Int, ofCandidate candidate: Int, _ frame: inout Frame) {
    setID(field, candidateDigest(candidate), in: &frame)
    reportExtensions(ofCandidate: candidate)
  }

  /// The name of the content; most are called as their `a=mid` says.
  private func contentName(_ mid: Value?) -> Value {
    if case .text(let slice)? = mid, isSame(slice, state.slots[slot].name) { return .text(slice) }
    return .text(tape.append(state.slots[slot].name))
  }

  private func groupedName(_ value: Value?, _ source: Int) -> Value? {
    guard let value else { return nil }
    let tag = asText(value, source)
    let found = state.slots.indices.first { isSame(tag, state.slots[$0].mid ?? state.slots[$0].name) }
    guard let found, !state.slots[found].isRejected else {
      lose("\(name(MappingNodes.sdpGroup)) … \(string(tag))", "no content has this name")
      return nil
    }
    // Most contents are called as their `a=mid` says.
    if state.slots[found].mid.map({ $0 == state.slots[found].name }) ?? true { return .text(tag) }
    return .text(tape.append(state.slots[found].name))
  }

  private var generation: Value? {
    let generation = state.slots[slot].generation
    return generation > 0 ? .number(UInt64(generation)) : nil
  }

  /// A digest of what makes a candidate the same: fields that none lacks.
  private func candidateDigest(_ candidate: Int) -> UInt64 {
    var digest: UInt64 = 0
    func mix(_ value: UInt64) {
      digest = (digest ^ value) &* 0x9E37_79B9_7F4A_7C15
      digest ^= digest >> 31
    }
    func word(_ field: Int) -> Int { candidate + 1 + tables.fields[field].word }
    func mix(code field: Int) {
      let code = nodes.word(word(field))
      mix(code > 0 ? UInt64(code) : hash(slice(at: word(field) + 1)))
    }
    mix(hash(slice(at: word(MappingFields.sdpCandidateFoundation))))
    mix(UInt64(nodes.word(word(MappingFields.sdpCandidateComponent))))
    mix(code: MappingFields.sdpCandidateTransport)
    mix(hash(slice(at: word(MappingFields.sdpCandidateAddress))))
    mix(UInt64(nodes.word(word(MappingFields.sdpCandidatePort))))
    mix(code: MappingFields.sdpCandidateType)
    return digest
  }

  private func setID(_ field: Int, _ digest: UInt64, in frame: inout Frame) {
    let id = append(short: digest)
    let attribute = tables.fields.address(field)
    put(text: id, attribute.pointee.word + 1, bit: attribute.pointee.bit, in: &frame)
  }

  /// Row 31: an answer is never actpass (RFC 5763 §5), and holdconn has no Jingle form (XEP-0320 §2).
  private func dtlsRole(_ value: Value?) -> Value? {
    guard case .code(let code, let slice)? = value,
      let setup = MediaState.DTLSRole(rawValue: UInt8(truncatingIfNeeded: code))
    else { return value }
    var result = setup
    if setup == .actpass, isAnswer {
      result = state.slots[slot][setup: role.other] == .active ? .passive : .active
    }
    state.slots[slot][setup: role] = result
    if result == .holdconn {
      lose("\(name(MappingNodes.sdpSetup)):\(result)", "Jingle has none")
      return nil
    }
    return .code(UInt32(result.rawValue), result == setup ? slice : .absent)
  }

  /// Rows 5 and 35: an address for each component, where there is no ICE (XEP-0177 §4.2).
  private func writeRawCandidates(_ element: Int, _ frame: inout Frame) {
    let slotOf = { [tables] (node: Int) in Int(tables.nodes[node].slot) }
    guard let media = section.firstNode(slotOf(MappingNodes.sdpMedia)),
      let port = number(MappingFields.sdpMediaPort, in: media), port > 0
    else { return }
    let line = slotOf(MappingNodes.sdpConnection)
    guard let connection = section.firstNode(line) ?? session.firstNode(line),
      let whole = text(MappingFields.sdpConnectionAddress, in: connection)
    else { return }
    guard isOfInternet(MappingFields.sdpConnectionNetType, in: connection, MappingNodes.sdpConnection) else { return }
    if section.isSeveral(line) { loseRepeated(MappingNodes.sdpConnection) }
    let address = withoutScope(whole, MappingNodes.sdpConnection)
    writeRawCandidate(element, component: 1, address, port, &frame)
    guard sectionFacts.kind == .rtp, !section.contains(slotOf(MappingNodes.sdpRTCPMux)) else { return }
    if let control = section.firstNode(slotOf(MappingNodes.sdpRTCP)),
      let number = number(MappingFields.sdpRTCPPort, in: control)
    {
      if section.isSeveral(slotOf(MappingNodes.sdpRTCP)) { loseRepeated(MappingNodes.sdpRTCP) }
      let other = text(MappingFields.sdpRTCPAddress, in: control).map { withoutScope($0, MappingNodes.sdpRTCP) }
      writeRawCandidate(element, component: 2, other ?? address, number, &frame)
    } else if port < 65535, port != 9 {
      // RFC 3550 §11: the next port is that of RTCP.
      writeRawCandidate(element, component: 2, address, port + 1, &frame)
    }
  }

  /// Whether an address is one of the Internet: others have no candidate (RFC 8866 §8.2.6).
  private func isOfInternet(_ field: Int, in line: Int, _ node: Int) -> Bool {
    guard let network = text(field, in: line), string(network).uppercased() != "IN" else { return true }
    lose("\(name(node)) \(string(network))", "Jingle has addresses of the Internet only")
    return false
  }

  /// Without `/ttl` and the number of addresses of multicast (RFC 8866 §5.7).
  private func withoutScope(_ slice: Slice, _ node: Int) -> Slice {
    let end = tape.withBytes(of: slice) { $0.firstIndex(of: 0x2F) }
    guard let end else { return slice }
    let scope = Slice(offset: slice.offset + UInt32(end), length: slice.length - UInt32(end))
    lose("\(name(node)) \(string(scope))", "a candidate has one address, and none of multicast")
    return Slice(offset: slice.offset, length: UInt32(end))
  }

  private func writeRawCandidate(
    _ element: Int, component: UInt64, _ address: Slice, _ port: UInt64, _ frame: inout Frame
  ) {
    var candidate = open(element)
    set(MappingFields.rawUDPCandidateComponent, .number(component), in: &candidate)
    // XEP-0177 requires it; without it Dino 0.4 crashes.
    set(MappingFields.rawUDPCandidateGeneration, .number(0), in: &candidate)
    setID(
      MappingFields.rawUDPCandidateID, (hash(address) ^ port &* 2 ^ component) &* 0x9E37_79B9_7F4A_7C15, in: &candidate)
    set(MappingFields.rawUDPCandidateIP, .text(address), in: &candidate)
    set(MappingFields.rawUDPCandidatePort, .number(port), in: &candidate)
    candidate.isUsed = true
    if close(candidate) { frame.isUsed = true }
  }

  /// Row 41, XEP-0343 §3.
  private func writeSCTPMap(_ kind: Int, _ frame: inout Frame) {
    let port = section.firstNode(Int(tables.nodes[MappingNodes.sdpSCTPPort].slot))
      .flatMap { number(MappingFields.sdpSCTPPortValue, in: $0) }
    let map = section.firstNode(Int(tables.nodes[MappingNodes.sdpSctpmap].slot))
    guard let number = port ?? map.flatMap({ number(MappingFields.sdpSctpmapNumber, in: $0) }) else { return }
    var element = open(kind)
    element.isUsed = true
    set(MappingFields.sctpSctpmapNumber, .number(number), in: &element)
    let name = map.flatMap { text(MappingFields.sdpSctpmapProtocol, in: $0) } ?? append("webrtc-datachannel")
    set(MappingFields.sctpSctpmapProtocol, .text(name), in: &element)
    if let streams = map.flatMap({ self.number(MappingFields.sdpSctpmapStreams, in: $0) }) {
      set(MappingFields.sctpSctpmapStreams, .number(streams), in: &element)
    }
    if close(element) { frame.isUsed = true }
  }

  // MARK: To SDP

  func convertToSDP(_ function: MappingFunction, _ value: Value?, _ rule: ValueRule) -> Value? {
    switch function {
    case .stanza: return isSourceChange ? value : nil
    case .contentName:
      if rule.target == MappingFields.sdpMidTag { return state.slots[slot].mid.map { .text(tape.append($0)) } }
      guard let value else { return nil }
      let name = asText(value, rule.source)
      let found = state.slots.indices.first { isSame(name, state.slots[$0].name) }
      guard let found, let mid = state.slots[found].mid, !state.slots[found].isRejected else {
        lose("<grouping:content> \(string(name))", "the session has no such content")
        return nil
      }
      return .text(tape.append(mid))
    case .dtlsRole: return dtlsRole(value)
    default: return value
    }
  }

  /// Writes what the row names: a field of the line around, or a line.
  func perform(_ function: MappingFunction, line: Int, of source: Int, part: Int?, in frame: inout Frame) {
    switch function {
    case .origin: writeOrigin()
    case .address: writeAddress(line, &frame)
    case .protocol:
      let name = isFragment ? "RTP/AVP" : protocolName
      set(MappingFields.sdpMediaProtocol, .text(tape.append(name)), in: &frame)
    case .dataChannel: if frame.index >= 0 { writeFormats(source, &frame) } else { writeSCTP(part) }
    default: break
    }
  }

  /// Row 1: the session version grows with each description that differs (RFC 3264 §8); it is filled in at the end.
  private func writeOrigin() {
    guard !isFragment else { return }
    if state.origin.username == nil { state.origin.username = localPart }
    if state.origin.sessionID == 0 {
      state.origin.sessionID = sid.map { hash(tape.append($0)) & 0x7FFF_FFFF_FFFF } ?? 1
    }
    let before = digest
    var line = open(MappingNodes.sdpOrigin)
    var username = tape.append(state.origin.username ?? "-")
    if !matches(username, tables.fields[MappingFields.sdpOriginUsername].token) { username = append("-") }
    set(MappingFields.sdpOriginUsername, .text(username), in: &line)
    set(MappingFields.sdpOriginSessionID, .text(append(decimal: state.origin.sessionID)), in: &line)
    set(MappingFields.sdpOriginSessionVersion, .text(append("0")), in: &line)
    setAddress(
      MappingFields.sdpOriginNetType, MappingFields.sdpOriginAddrType, MappingFields.sdpOriginAddress,
      tape.append(state.origin.address), in: &line)
    line.isUsed = true
    originLine = end(line) ? line.index : -1
    digest = before
  }

  /// The local part of the initiator's JID, if it can stand in `o=`.
  private var localPart: String {
    guard let initiator else { return "-" }
    let bare = string(initiator).prefix { $0 != "/" }
    guard let at = bare.firstIndex(of: "@"), at > bare.startIndex else { return "-" }
    let local = String(bare[..<at])
    return local.utf8.allSatisfy { $0 > 0x20 && $0 != 0x7F } ? local : "-"
  }

  /// Fills in the version of `o=`.
  func finishOrigin() {
    guard originLine >= 0 else { return }
    if state.lastDigest != digest { state.origin.version &+= 1 }
    state.lastDigest = digest
    let field = tables.fields[MappingFields.sdpOriginSessionVersion]
    tape.set(originLine + 1 + field.word, append(decimal: state.origin.version))
  }

  private func setAddress(_ network: Int, _ type: Int, _ field: Int, _ address: Slice, in line: inout Frame) {
    set(network, .text(append("IN")), in: &line)
    let isIPv6 = tape.withBytes(of: address) { $0.contains(0x3A) }
    set(type, .text(isIPv6 ? append("IP6") : append("IP4")), in: &line)
    set(field, .text(address), in: &line)
  }

  /// Row 4. An answer repeats the protocol of the offer (RFC 3264 §6).
  private var protocolName: String {
    let known = state.slots[slot].protocolName
    if content.kind == .data { return known ?? "UDP/DTLS/SCTP" }
    if let known, Self.kind(ofProtocol: known) == .rtp { return known }
    let made = Self.protocolName(
      hasFingerprint: content.hasFingerprint, hasEncryption: content.hasEncryption, hasFeedback: content.hasFeedback)
    return "\(made)"
  }

  /// Row 41: data channels have no payload types.
  private func writeFormats(_ content: Int, _ line: inout Frame) {
    guard self.content.kind == .data, !isFragment else { return }
    let source = Source(index: content, node: MappingTables.content)
    if isOldSCTP, let map = sctpMap(of: source), let number = number(MappingFields.sctpSctpmapNumber, in: map) {
      addFormat(append(decimal: number), &line)
    } else {
      addFormat(append("webrtc-datachannel"), &line)
    }
  }

  /// `DTLS/SCTP 5000` and `a=sctpmap`, from before RFC 8841.
  private var isOldSCTP: Bool { state.slots[slot].protocolName == "DTLS/SCTP" }

  private func writeSCTP(_ map: Int?) {
    guard let map, let number = number(MappingFields.sctpSctpmapNumber, in: map) else { return }
    var line = open(isOldSCTP ? MappingNodes.sdpSctpmap : MappingNodes.sdpSCTPPort)
    line.isUsed = true
    if isOldSCTP {
      set(MappingFields.sdpSctpmapNumber, .number(number), in: &line)
      let name = text(MappingFields.sctpSctpmapProtocol, in: map)
      let token = tables.fields[MappingFields.sdpSctpmapProtocol].token
      if let name, matches(name, token) { set(MappingFields.sdpSctpmapProtocol, .text(name), in: &line) }
      if let streams = self.number(MappingFields.sctpSctpmapStreams, in: map) {
        set(MappingFields.sdpSctpmapStreams, .number(streams), in: &line)
      }
    } else {
      set(MappingFields.sdpSCTPPortValue, .number(number), in: &line)
      if read(MappingFields.sctpSctpmapStreams, in: map) != nil {
        lose("<sctp:sctpmap> @streams", "\(name(MappingNodes.sdpSCTPPort)) does not say how many streams there are")
      }
      if let name = text(MappingFields.sctpSctpmapProtocol, in: map), !equals(name, "webrtc-datachannel") {
        lose("<sctp:sctpmap> @protocol", "UDP/DTLS/SCTP has no other than webrtc-datachannel")
      }
    }
    end(line)
  }

  /// Rows 5 and 35: the port of the m-line, `c=` and `a=rtcp`.
  private func writeAddress(_ line: Int, _ frame: inout Frame) {
    switch line {
    case MappingNodes.sdpConnection: writeConnection()
    case MappingNodes.sdpRTCP: writeControl()
    default:
      // Port 9 says that there is none yet (RFC 8839 §4.4), or that a fragment does not say (RFC 8840 §9.2).
      set(MappingFields.sdpMediaPort, .number(isFragment ? 9 : content.media?.port ?? 9), in: &frame)
      frame.isUsed = true
    }
  }

  /// Row 5: `c=` of each section.
  private func writeConnection() {
    guard !isFragment, lineFilter?.passes(MappingNodes.sdpConnection) ?? true else { return }
    if let media = content.media {
      writeConnection(address: media.address)
    } else {
      writeConnection(address: content.hasICE ? append("0.0.0.0") : tape.append(state.origin.address))
    }
  }

  func writeConnection(address: Slice) {
    var line = open(MappingNodes.sdpConnection)
    setAddress(
      MappingFields.sdpConnectionNetType, MappingFields.sdpConnectionAddrType, MappingFields.sdpConnectionAddress,
      address, in: &line)
    line.isUsed = true
    end(line)
  }

  /// Row 35: `a=rtcp` where the next port is not that of RTCP (RFC 3605 §2.1).
  private func writeControl() {
    guard let media = content.media, let control = content.control, !isFragment else { return }
    guard lineFilter?.passes(MappingNodes.sdpRTCP) ?? true else { return }
    let isSame = string(media.address) == string(control.address)
    if isSame, control.port == media.port + 1 { return }
    var line = open(MappingNodes.sdpRTCP)
    set(MappingFields.sdpRTCPPort, .number(control.port), in: &line)
    if !isSame {
      setAddress(
        MappingFields.sdpRTCPNetType, MappingFields.sdpRTCPAddrType, MappingFields.sdpRTCPAddress, control.address,
        in: &line)
    }
    line.isUsed = true
    end(line)
  }
}
