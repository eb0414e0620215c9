import CodecRuntime

/// The way from SDP to Jingle.
extension Engine {
  func runToJingle(_ range: Range<Int>, _ source: Source, _ frame: inout Frame) {
    for index in range {
      if failure != nil { return }
      // Most rows are about lines that no description has: they are passed over in a moment.
      let lost = Self.lostSlots[index]
      if lost >= 0, !section.isThere(lost), !session.isThere(lost) { continue }
      runToJingle(tables.steps[index], source, &frame)
    }
  }

  /// The slot of the line that a step reports as lost; −1 for every other step.
  private static let lostSlots = Table(
    (0..<MappingTables.shared.steps.count).map { index in
      let step = MappingTables.shared.steps[index]
      let isLine = step.operation == .loss && step.place == .line && step.sdp < 0
      return isLine ? Int(MappingTables.shared.nodes[step.line].slot) : -1
    })

  private func runToJingle(_ step: Step, _ source: Source, _ frame: inout Frame) {
    guard step.actions & (1 << UInt64(action & 63)) != 0 else { return }
    if let predicate = step.predicate, !holds(predicate) { return }
    if step.conditionSDP >= 0 {
      let node = step.conditionPlace == .child ? firstChild(step.conditionItem, of: source) ?? -1 : source.index
      guard holds(step, jingle: -1, sdp: { read($0, in: node) }) else { return }
    }
    switch step.operation {
    case .gate: runToJingle(step.nested, source, &frame)
    case .enter: enter(step, source, &frame)
    case .copy: copy(step, source, &frame)
    case .pair: pair(step, source, &frame)
    case .words: words(step, source, &frame)
    case .choice: choose(step, &frame)
    case .collect: collect(step, source, &frame)
    case .function: if let function = step.function { runToJingle(function, step, source, &frame) }
    case .constant: compare(step)
    case .loss: reportLoss(step, source)
    case .sections: translateSections(step, &frame)
    case .alternative, .member, .aggregate, .take, .line: break
    }
  }

  // MARK: Nodes

  private func enter(_ step: Step, _ source: Source, _ frame: inout Frame) {
    switch step.place {
    case .here: element(step, source, &frame)
    case .line: enterLines(step, &frame)
    case .child:
      guard source.node >= 0 else { return }
      enterItems(step, of: source, &frame)
    case .lineList:
      guard let line = firstLine(step) else { return }
      enterItems(step, of: Source(index: line, node: step.line), &frame)
    case .joined: enterJoined(step, source, &frame)
    case .grouped: enterGroups(step, &frame)
    case .groupMember:
      // Every line with the key of the group.
      let entries = keyed(step)
      for position in section.range(of: key, in: entries) {
        element(step, Source(index: section.keyedNode(at: position), node: step.line), &frame)
      }
    }
  }

  /// Whether the lines of the session count: in its own rows, and where the section has none.
  private func countsSession(_ step: Step) -> Bool {
    if isInSession || step.flags.contains(.session) { return true }
    guard step.flags.contains(.fromSession) else { return false }
    let slot = Int(tables.nodes[step.line].slot)
    guard section.contains(slot) else { return true }
    // That of the section counts in its place.
    session.noteAsked(slot)
    return false
  }

  private func firstLine(_ step: Step) -> Int? {
    let slot = Int(tables.nodes[step.line].slot)
    return countsSession(step) ? session.firstNode(slot) : section.firstNode(slot)
  }

  private func enterLines(_ step: Step, _ frame: inout Frame) {
    let slot = Int(tables.nodes[step.line].slot)
    let isOfSession = countsSession(step)
    var position = isOfSession ? session.first(slot) : section.first(slot)
    while position >= 0 {
      let node = isOfSession ? session.node(at: position) : section.node(at: position)
      if passes(step.filters, node) {
        element(step, Source(index: node, node: step.line), &frame)
        if !step.flags.contains(.each) { return }
      }
      position = isOfSession ? session.next(after: position) : section.next(after: position)
    }
  }

  private func passes(_ filters: Range<Int>, _ node: Int) -> Bool {
    for filter in filters where !isPresent(tables.filters[filter], in: node) { return false }
    return true
  }

  private func enterItems(_ step: Step, of source: Source, _ frame: inout Frame) {
    let slot = tables.nodes[step.item].slot
    var (position, end) = children(of: source)
    let isKeyed = step.flags.contains(.key)
    var seen = KeySet()
    let outer = key
    while let item = nextChild(slot, from: &position, to: end) {
      if isKeyed {
        guard let value = read(step.sdp, in: item), let number = asNumber(value) else {
          lose("\(tables.nodes[step.line].name)", "a format that is no payload type")
          continue
        }
        guard seen.insert(number) else { continue }
        _ = sectionKeys.insert(number)
        key = number
      }
      element(step, Source(index: item, node: step.item), &frame)
      if !step.flags.contains(.each) { break }
    }
    key = outer
  }

  /// The lines of the row's kind in the section, by their keys.
  private func keyed(_ step: Step) -> Range<Int> {
    let field = tables.fields[step.key]
    let word = 1 + field.word
    let arena = arena
    return section.sorted(Int(tables.nodes[step.line].slot)) { node in
      if field.mask != 0, arena.word(node + 1) & field.mask != field.bits { return nil }
      return field.kind == .wide ? arena.wide(at: node + word) : UInt64(arena.word(node + word))
    }
  }

  private func enterJoined(_ step: Step, _ source: Source, _ frame: inout Frame) {
    let entries = keyed(step)
    var isFound = false
    for position in section.range(of: key, in: entries) {
      let node = section.keyedNode(at: position)
      guard passes(step.filters, node) else { continue }
      isFound = true
      element(step, Source(index: node, node: step.line), &frame)
      if step.element < 0, !step.flags.contains(.each), step.column >= 0 {
        if position + 1 < section.range(of: key, in: entries).upperBound { loseRepeated(step) }
        break
      }
    }
    guard !isFound, step.column >= 0 else { return }
    let table = tables.keyTables[step.column]
    guard let row = table.keys.firstIndex(of: key) else { return }
    fallback = table.cells[row]
    runToJingle(step.nested, .none, &frame)
    fallback = nil
  }

  private func enterGroups(_ step: Step, _ frame: inout Frame) {
    let entries = keyed(step)
    // Groups come in the order of their first lines.
    var groups: [(first: Int, key: UInt64)] = []
    for position in entries where groups.last?.key != section.key(at: position) {
      groups.append((section.keyedNode(at: position), section.key(at: position)))
    }
    groups.sort { $0.first < $1.first }
    let outer = key
    for group in groups {
      _ = sectionKeys.insert(group.key)
      key = group.key
      element(step, Source(index: group.first, node: step.line), &frame)
    }
    key = outer
  }

  /// Runs the nested steps, in a new element where the row names one.
  private func element(_ step: Step, _ source: Source, _ frame: inout Frame) {
    guard step.element >= 0 else {
      runToJingle(step.nested, source, &frame)
      return
    }
    var inner = open(step.element)
    let start = tape.wordCount
    runToJingle(step.nested, source, &inner)
    if step.flags.contains(.unlessEmpty), tape.wordCount == start {
      tape.rewind(to: inner.index)
      return
    }
    inner.isUsed = true
    if close(inner) { frame.isUsed = true }
  }

  // MARK: Values

  /// Where the value of a step stands; `nil` if it is not there.
  private func locate(_ step: Step, _ source: Source) -> Int? {
    switch step.place {
    case .line: firstLine(step)
    case .child: firstChild(step.item, of: source)
    default: source.index >= 0 ? source.index : nil
    }
  }

  private func value(_ step: Step, _ source: Source) -> Value? {
    if let fallback, step.place == .here {
      guard step.column >= 0, step.column < fallback.count, fallback[step.column].utf8CodeUnitCount > 0 else {
        return nil
      }
      return .text(append(fallback[step.column]))
    }
    guard let node = locate(step, source) else { return nil }
    return read(step.sdp, in: node)
  }

  private func copy(_ step: Step, _ source: Source, _ frame: inout Frame) {
    guard let value = translated(step, source) else { return }
    set(step.jingle, value, in: &frame)
    frame.isUsed = true
  }

  /// The value of a row as Jingle has it.
  private func translated(_ step: Step, _ source: Source) -> Value? {
    var value = value(step, source)
    if let function = step.function { value = convertToJingle(function, value, step) }
    guard let value else {
      guard !step.texts.isEmpty, step.function == nil else { return nil }
      return .text(append(tables.texts[step.texts.lowerBound]))
    }
    // The action is one of Jingle already.
    if step.function == .stanza { return value }
    switch convert(value, from: step.sdp, to: step.jingle, step) {
    case .value(let converted):
      if !isPlain, case .text(let slice) = converted, !isWritable(slice) {
        lose(place(step, source), "XML has no such characters")
      }
      return converted
    case .omitted: return nil
    case .refused:
      lose(place(step, source), "Jingle has no such value")
      return nil
    }
  }

  private func place(_ step: Step, _ source: Source) -> String {
    let field = step.sdp >= 0 ? "\(tables.fields[step.sdp].name)" : ""
    let node = step.line >= 0 ? step.line : step.item >= 0 ? step.item : source.node
    return node >= 0 ? "\(tables.nodes[node].name) \(field)" : field
  }

  private func pair(_ step: Step, _ source: Source, _ frame: inout Frame) {
    let first = tables.steps[step.nested.lowerBound]
    let second = tables.steps[step.nested.lowerBound + 1]
    let left = translated(first, source)
    let right = translated(second, source)
    guard let left, let right else {
      if left != nil || right != nil {
        lose(place(left != nil ? first : second, source), "one of a pair without the other")
      }
      return
    }
    set(first.jingle, left, in: &frame)
    set(second.jingle, right, in: &frame)
    frame.isUsed = true
  }

  private func words(_ step: Step, _ source: Source, _ frame: inout Frame) {
    guard case .text(let slice)? = read(step.sdp, in: source.index) else { return }
    let cuts = tape.withBytes(of: slice) { bytes -> [(name: Range<Int>, value: Range<Int>?)] in
      var result: [(name: Range<Int>, value: Range<Int>?)] = []
      var index = 0
      while index < bytes.count {
        while index < bytes.count, bytes[index] == 0x20 { index += 1 }
        let start = index
        var equals: Int?
        while index < bytes.count, bytes[index] != 0x20 {
          if bytes[index] == 0x3D, equals == nil { equals = index }
          index += 1
        }
        if index > start { result.append((start..<(equals ?? index), equals.map { $0 + 1..<index })) }
      }
      return result
    }
    for cut in cuts {
      var inner = open(step.element)
      set(step.jingle, .text(part(slice, cut.name)), in: &inner)
      if let value = cut.value { set(step.key, .text(part(slice, value)), in: &inner) }
      inner.isUsed = true
      if close(inner) { frame.isUsed = true }
    }
  }

  private func part(_ slice: Slice, _ range: Range<Int>) -> Slice {
    Slice(offset: slice.offset + UInt32(range.lowerBound), length: UInt32(range.count))
  }

  private func choose(_ step: Step, _ frame: inout Frame) {
    // Where one counts, the others have been heard.
    for position in step.nested {
      let slot = Int(tables.nodes[tables.steps[position].line].slot)
      section.noteAsked(slot)
      if step.flags.contains(.fromSession) { session.noteAsked(slot) }
    }
    if choose(step, inSession: false, &frame) || !step.flags.contains(.fromSession) { return }
    _ = choose(step, inSession: true, &frame)
  }

  private func choose(_ step: Step, inSession: Bool, _ frame: inout Frame) -> Bool {
    for position in step.nested {
      let slot = Int(tables.nodes[tables.steps[position].line].slot)
      guard inSession ? session.contains(slot) : section.contains(slot) else { continue }
      let code = role == .initiator ? tables.steps[position].key : tables.steps[position].column
      set(step.jingle, .code(UInt32(code), .absent), in: &frame)
      state.slots[self.slot][senders: role] = Senders(rawValue: UInt8(truncatingIfNeeded: code))
      return true
    }
    return false
  }

  private func collect(_ step: Step, _ source: Source, _ frame: inout Frame) {
    guard let line = firstLine(step) else { return }
    let slot = tables.nodes[step.item].slot
    var (position, end) = children(of: Source(index: line, node: step.line))
    var seen: UInt64 = 0
    while let item = nextChild(slot, from: &position, to: end) {
      guard let text = text(step.sdp, in: item) else { continue }
      guard let member = step.nested.first(where: { equals(text, tables.texts[tables.steps[$0].texts.lowerBound]) })
      else {
        lose("\(tables.notes[step.note].name):\(string(text))", "Jingle has none")
        continue
      }
      let bit: UInt64 = 1 << UInt64(member - step.nested.lowerBound)
      if seen & bit != 0 { continue }
      seen |= bit
      let row = tables.steps[member]
      if row.element >= 0 {
        let inner = open(row.element)
        if close(inner) { frame.isUsed = true }
      } else {
        set(row.jingle, .text(append(tables.texts[row.omitted.lowerBound])), in: &frame)
      }
    }
  }

  // MARK: Losses

  /// A line whose value is always the same in what we write.
  private func compare(_ step: Step) {
    guard let node = session.firstNode(Int(tables.nodes[step.line].slot)), let value = read(step.sdp, in: node) else {
      return
    }
    let text = asText(value, step.sdp)
    if !equals(text, tables.texts[step.texts.lowerBound]) {
      lose("\(tables.notes[step.note].name)\(string(text))", "\(tables.notes[step.note].reason)")
    }
  }

  private func reportLoss(_ step: Step, _ source: Source) {
    if step.place == .line, step.sdp < 0 {
      let slot = Int(tables.nodes[step.line].slot)
      let isThere =
        step.flags.contains(.session)
        ? session.contains(slot)
        : section.contains(slot) || step.flags.contains(.fromSession) && session.contains(slot)
      if isThere {
        lose(note: step.note)
      }
      return
    }
    if let node = locate(step, source), step.sdp < 0 || isPresent(step.sdp, in: node) {
      lose(note: step.note)
    }
  }

  /// Names what the grammars of SDP do not know.
  func reportUnknown(_ node: Int) {
    switch arena.slot(of: node) {
    case 1000: lose("a=\(string(slice(at: node + 1)))", "not known")
    case 1001, 1002:
      let line = slice(at: node + 1)
      if trimmed(line).length > 0 { lose(shown(line), "not understood") }
    default: break
    }
  }

  /// Names the lines for which no row has asked, though rows for them exist: at another level, or for other media.
  func reportUnread(_ lines: LineIndex, _ reason: String) {
    lines.forEachUnasked { slot in
      let node = MappingTables.linesToJingle[slot]
      if node >= 0 { lose("\(tables.nodes[node].name)", reason) }
    }
  }

  /// Names the lines that belong to a payload type which the m-line does not have.
  func reportUnjoined() {
    section.forEachAskedKey { slot, key in
      let node = MappingTables.linesToJingle[slot]
      if node >= 0, !sectionKeys.contains(key) {
        lose("\(tables.nodes[node].name):\(key)", "the m-line has no such format")
      }
    }
  }

  /// Whether XML can hold the text: UTF-8 without control characters (XML 1.0 §2.2).
  private func isWritable(_ slice: Slice) -> Bool {
    tape.withBytes(of: slice) { bytes in
      !bytes.contains { $0 < 0x20 && $0 != 0x09 && $0 != 0x0A && $0 != 0x0D }
        && String(validating: bytes, as: UTF8.self) != nil
    }
  }

  private func shown(_ slice: Slice) -> String {
    let text = string(Slice(offset: slice.offset, length: min(slice.length, 60)))
    return slice.length > 60 ? text + "…" : text
  }
}

/// Keys that were met: payload types are small numbers.
struct KeySet {
  private var small: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
  private var large: Set<UInt64> = []

  func contains(_ key: UInt64) -> Bool {
    switch key {
    case 0..<64: small.0 & 1 << key != 0
    case 64..<128: small.1 & 1 << (key & 63) != 0
    case 128..<192: small.2 & 1 << (key & 63) != 0
    case 192..<256: small.3 & 1 << (key & 63) != 0
    default: large.contains(key)
    }
  }

  /// `false` where it was there before.
  mutating func insert(_ key: UInt64) -> Bool {
    guard key < 256 else { return large.insert(key).inserted }
    let bit: UInt64 = 1 << (key & 63)
    switch key >> 6 {
    case 0:
      defer { small.0 |= bit }
      return small.0 & bit == 0
    case 1:
      defer { small.1 |= bit }
      return small.1 & bit == 0
    case 2:
      defer { small.2 |= bit }
      return small.2 & bit == 0
    default:
      defer { small.3 |= bit }
      return small.3 & bit == 0
    }
  }
}
