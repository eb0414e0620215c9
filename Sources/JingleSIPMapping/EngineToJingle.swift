import CodecRuntime

/// The way from SDP to Jingle.
extension Engine {
  // MARK: Lines

  @inline(__always)
  func firstLine(_ slot: Int, _ level: LineLevel) -> Int? { span(slot, level)?.first }

  /// The first line for which a condition holds.
  func firstLine(_ slot: Int, _ level: LineLevel, where condition: (Int) -> Bool) -> Int? {
    var found: Int?
    eachLine(slot, level) { if found == nil, condition($0) { found = $0 } }
    return found
  }

  @inline(__always)
  func eachLine(_ slot: Int, _ level: LineLevel, _ body: (Int) -> Void) {
    guard let span = span(slot, level) else { return }
    var node = span.first
    while failure == nil {
      body(node)
      if node == span.last { return }
      node = nextLine(slot, after: node)
    }
  }

  /// The next line of a slot: for one before the last.
  @inline(__always)
  private func nextLine(_ slot: Int, after node: Int) -> Int {
    nextLine(slot, after: node, nodes)
  }

  @inline(__always)
  func nextLine(_ slot: Int, after node: Int, _ nodes: NodeTable) -> Int {
    var next = node
    var head = nodes.word(node)
    repeat {
      next &+= Int(head & NodeLayout.sizeMask)
      head = nodes.word(next)
    } while head >> NodeLayout.slotShift != slot
    return next
  }

  @inline(__always)
  private func span(_ slot: Int, _ level: LineLevel) -> LineSpan? {
    if level != .session {
      if let span = section.span(slot) {
        // That of the section counts in place of the session's.
        if level == .both { session.noteAsked(slot) }
        return span
      }
      if level == .section { return nil }
    }
    return session.span(slot)
  }

  /// Lines that are lost, in the order of their rows.
  @inline(__always)
  func loseLines(_ number: Int) {
    let lines = tables.lostLines[number]
    if section.hasAny(of: lines.ofSection) || session.hasAny(of: lines.ofSession) { lose(lines) }
  }

  @inline(never)
  private func lose(_ lines: LostLines) {
    var count = section.count(among: lines.ofSection) + session.count(among: lines.ofSession)
    for index in 0..<lines.lines.count {
      let line = lines.lines.address(index)
      let (slot, level) = (line.pointee.slot, line.pointee.level)
      let isInSection = level != .session && section.isThere(slot)
      let isInSession = level != .section && session.isThere(slot)
      guard isInSection || isInSession else { continue }
      if span(slot, level) != nil { lose(note: line.pointee.note) }
      // Mostly there are but a few, and none behind them has to be looked for.
      count -= (isInSection ? 1 : 0) + (isInSession ? 1 : 0)
      if count == 0, lines.isEachOnce { return }
    }
  }

  // MARK: Items and keys

  /// The first child node of a kind.
  @inline(__always)
  func child(_ slot: UInt32, of node: Int, after words: Int) -> Int? { nodes.child(slot, of: node, after: words) }

  @inline(__always)
  func eachItem(_ slot: UInt32, of node: Int, after words: Int, _ body: (Int) -> Void) {
    var position = node + 1 + words
    let end = nodes.end(of: node)
    while failure == nil, let item = nextChild(slot, from: &position, to: end) { body(item) }
  }

  /// Items whose value is the key of the lines that are joined to them, each key once.
  func eachKey(
    _ slot: UInt32, of node: Int, after words: Int, _ field: Int, _ name: StaticString, onlyFirst: Bool = false,
    _ body: (Int) -> Void
  ) {
    var seen = KeySet()
    let outer = key
    var position = node + 1 + words
    let end = nodes.end(of: node)
    while failure == nil, let item = nextChild(slot, from: &position, to: end) {
      guard let number = itemNumber(field, in: item) else {
        lose("\(name)", "a format is no payload type, which is a number from 0 to 127")
        continue
      }
      guard seen.insert(number) else {
        lose("\(name) format \(number)", "it is there a second time, and the first one counts")
        continue
      }
      _ = sectionKeys.insert(number)
      key = number
      body(item)
      if onlyFirst { break }
    }
    key = outer
  }

  // MARK: Elements and attributes

  @inline(__always)
  func open(_ node: Int, slot: UInt32, words: Int) -> Frame {
    if tape.wordCount > Self.maximumWords { failure = .tooLarge }
    return Frame(index: tape.open(slot, fixedWords: words), node: node)
  }

  /// Ends an element that has what it cannot do without, or takes it back.
  @inline(__always)
  func close(_ frame: Frame, requiring needs: UInt64) -> Bool {
    if frame.present & needs != needs { return close(frame) }
    markAttributes(frame)
    tape.close(frame.index)
    return true
  }

  /// Says which attributes an element has: each has the bit of its place among them.
  @inline(__always)
  func markAttributes(_ frame: Frame) { tape.set(frame.index, field: 1, UInt32(truncatingIfNeeded: frame.present)) }

  @inline(__always)
  func put(text slice: Slice, _ word: Int, bit: UInt64, mark: UInt32 = 0, in frame: inout Frame) {
    tape.set(frame.index, field: word, slice)
    note(bit: bit, mark: mark, in: &frame)
    frame.isUsed = true
  }

  @inline(__always)
  func put(number: UInt32, _ word: Int, bit: UInt64, mark: UInt32 = 0, in frame: inout Frame) {
    tape.set(frame.index, field: word, number)
    note(bit: bit, mark: mark, in: &frame)
    frame.isUsed = true
  }

  @inline(__always)
  func put(wide number: UInt64, _ word: Int, bit: UInt64, mark: UInt32 = 0, in frame: inout Frame) {
    tape.set(frame.index, field: word, UInt32(truncatingIfNeeded: number))
    tape.set(frame.index, field: word &+ 1, UInt32(truncatingIfNeeded: number >> 32))
    note(bit: bit, mark: mark, in: &frame)
    frame.isUsed = true
  }

  @inline(__always)
  func put(code: Code, _ word: Int, bit: UInt64, mark: UInt32 = 0, in frame: inout Frame) {
    tape.set(frame.index, field: word, code.number)
    tape.set(frame.index, field: word &+ 1, code.text)
    note(bit: bit, mark: mark, in: &frame)
    frame.isUsed = true
  }

  /// Says that a field is there.
  @inline(__always)
  func note(bit: UInt64, mark: UInt32 = 0, in frame: inout Frame) {
    if mark != 0 { tape.mark(node: frame.index, mark) }
    frame.present |= bit
  }

  /// A text that XML can hold; another one is named and passed on.
  @inline(__always)
  func writable(_ text: Slice, _ rule: Int) -> Slice {
    if !isPlain { reportUnwritable(text, rule) }
    return text
  }

  /// The same of the text of an enum's value.
  @inline(__always)
  func writable(code: UInt32, _ text: Slice, _ enumeration: Int, _ rule: Int) -> Slice {
    writable(self.text(ofCode: code, text, enumeration), rule)
  }

  /// The key of the item around as a number of so many bits.
  @inline(__always)
  func keyNumber(bits: UInt64, _ rule: Int) -> UInt32? {
    if key >> bits == 0 { return UInt32(truncatingIfNeeded: key) }
    refuse(rule)
    return nil
  }

  @inline(never)
  private func reportUnwritable(_ slice: Slice, _ rule: Int) {
    if !isWritable(slice) { lose("\(tables.rules[rule].name)", "XML has no such characters") }
  }

  /// Writes a value that is more than copied.
  func copy(_ value: Value?, _ rule: Int, in frame: inout Frame) {
    guard let value = translated(value, rule) else { return }
    put(value, tables.rules[rule].target, in: &frame)
  }

  func put(_ value: Value, _ field: Int, in frame: inout Frame) {
    set(field, value, in: &frame)
    frame.isUsed = true
  }

  /// Two values, both or neither.
  func copyPair(_ left: Value?, _ leftRule: Int, _ right: Value?, _ rightRule: Int, in frame: inout Frame) {
    let left = translated(left, leftRule)
    let right = translated(right, rightRule)
    guard let left, let right else {
      if left != nil || right != nil {
        lose("\(tables.rules[left != nil ? leftRule : rightRule].name)", "one of a pair without the other")
      }
      return
    }
    put(left, tables.rules[leftRule].target, in: &frame)
    put(right, tables.rules[rightRule].target, in: &frame)
  }

  /// One of a pair is there, and the other one is not.
  @inline(never)
  func loseHalf(_ rule: Int) { lose("\(tables.rules[rule].name)", "one of a pair without the other") }

  /// The value of a row as Jingle has it.
  func translated(_ value: Value?, _ number: Int) -> Value? {
    let rule = tables.rules[number]
    var value = value
    if let function = rule.function { value = toJingle(function, rule.source, value) }
    guard let value else {
      guard !rule.absent.isEmpty, rule.function == nil else { return nil }
      return .text(append(tables.texts[rule.absent.lowerBound]))
    }
    // The action is one of Jingle already.
    if rule.function == .stanza { return value }
    return converted(value, rule, number)
  }

  private func converted(_ value: Value, _ rule: ValueRule, _ number: Int) -> Value? {
    switch convert(value, rule) {
    case .value(let converted):
      if !isPlain, case .text(let slice) = converted { reportUnwritable(slice, number) }
      return converted
    case .omitted: return nil
    case .refused:
      lose("\(rule.name)", "Jingle has no such value")
      return nil
    }
  }

  @inline(never)
  private func converted(_ value: Value, _ rule: Int) -> Value? { converted(value, tables.rules[rule], rule) }

  // What a function has made of a value, mostly one that the attribute takes as it is.

  @inline(__always)
  func text(_ made: Value?, _ rule: Int) -> Slice? {
    guard let made else { return nil }
    if case .text(let slice) = made {
      if !isPlain { reportUnwritable(slice, rule) }
      return slice
    }
    if case .text(let slice)? = converted(made, rule) { return slice }
    return nil
  }

  @inline(__always)
  func number(_ made: Value?, bits: UInt64, _ rule: Int) -> UInt32? {
    guard let made else { return nil }
    if case .number(let number) = made, number >> bits == 0 { return UInt32(truncatingIfNeeded: number) }
    if case .number(let number)? = converted(made, rule) { return UInt32(truncatingIfNeeded: number) }
    return nil
  }

  @inline(__always)
  func code(_ made: Value?, _ codes: StaticString, _ rule: Int) -> Code? {
    guard let made else { return nil }
    if case .code(let number, _) = made, Int(number) < codes.utf8CodeUnitCount, codes.utf8Start[Int(number)] > 0 {
      return Code(number: UInt32(codes.utf8Start[Int(number)]), text: .absent)
    }
    if case .code(let number, let text)? = converted(made, rule) { return Code(number: number, text: text) }
    return nil
  }

  /// A text without what the rule takes away, or in capitals; `isChecked` says that as it stands the attribute takes it.
  func refined(_ word: Int, _ number: Int, isChecked: Bool) -> Slice? {
    let rule = tables.rules.address(number)
    let slice = slice(at: word)
    var result = slice
    if rule.pointee.flags.contains(.trim) { result = trimmed(result) }
    if rule.pointee.flags.contains(.upper) { result = uppercased(result) }
    if !isChecked || result != slice, !matches(result, tables.fields[rule.pointee.target].token) {
      refuse(number)
      return nil
    }
    if !isPlain { reportUnwritable(result, number) }
    return result
  }

  /// A cell of the table that fills in for a line.
  func cell(_ row: [StaticString], _ column: Int) -> Value? {
    guard column < row.count, row[column].utf8CodeUnitCount > 0 else { return nil }
    return .text(append(row[column]))
  }

  /// `name=value name …`, one element for each word.
  func words(_ value: Value?, _ element: Int, name: Int, value valueField: Int, in frame: inout Frame) {
    guard case .text(let slice)? = value else { return }
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
      var inner = open(element)
      set(name, .text(part(slice, cut.name)), in: &inner)
      if let value = cut.value { set(valueField, .text(part(slice, value)), in: &inner) }
      inner.isUsed = true
      if close(inner) { frame.isUsed = true }
    }
  }

  private func part(_ slice: Slice, _ range: Range<Int>) -> Slice {
    Slice(offset: slice.offset + UInt32(range.lowerBound), length: UInt32(range.count))
  }

  /// Attributes that exclude each other: the first of the choice counts.
  func choose(_ number: Int, in frame: inout Frame) {
    let choice = tables.choices[number]
    // Where one counts, the others have been heard.
    for alternative in choice.alternatives.all {
      let slot = Int(tables.nodes[alternative.line].slot)
      section.noteAsked(slot)
      if choice.isFromSession { session.noteAsked(slot) }
    }
    if choose(choice, of: section, &frame) || !choice.isFromSession { return }
    _ = choose(choice, of: session, &frame)
  }

  private func choose(_ choice: ChoiceRule, of lines: LineIndex, _ frame: inout Frame) -> Bool {
    for alternative in choice.alternatives.all where lines.contains(Int(tables.nodes[alternative.line].slot)) {
      let code = role == .initiator ? alternative.byInitiator : alternative.byResponder
      set(choice.field, .code(UInt32(code), .absent), in: &frame)
      state.slots[self.slot][senders: role] = Senders(rawValue: UInt8(truncatingIfNeeded: code))
      for other in choice.alternatives.all
      where other.line != alternative.line && lines.isThere(Int(tables.nodes[other.line].slot)) {
        lose("\(tables.nodes[other.line].name)", "\(tables.nodes[alternative.line].name) excludes it")
      }
      return true
    }
    return false
  }

  /// Members of a list that stand for something in Jingle.
  func collect(_ number: Int, of line: Int, in frame: inout Frame) {
    let collection = tables.collections[number]
    let slot = tables.nodes[collection.item].slot
    var (position, end) = children(of: Source(index: line, node: collection.line))
    var seen: UInt64 = 0
    while let item = nextChild(slot, from: &position, to: end) {
      guard let text = text(collection.field, in: item) else { continue }
      guard let index = collection.members.all.firstIndex(where: { equals(text, $0.text) }) else {
        lose("\(collection.name):\(string(text))", "Jingle has none")
        continue
      }
      let bit: UInt64 = 1 << UInt64(index & 63)
      if seen & bit != 0 { continue }
      seen |= bit
      let member = collection.members[index]
      if member.element >= 0 {
        let inner = open(member.element)
        if close(inner) { frame.isUsed = true }
      } else {
        set(member.field, .text(append(member.value)), in: &frame)
      }
    }
  }

  // MARK: Losses

  /// A line whose value is always the same in what we write.
  func compare(_ slot: Int, _ field: Int, _ expected: StaticString, note: Int) {
    guard let node = session.firstNode(slot), let value = read(field, in: node) else { return }
    // The usual: nothing is lost.
    if case .number(let number) = value, number == 0, isSame(expected, "0") { return }
    let text = asText(value, field)
    if !equals(text, expected) {
      lose("\(tables.notes[note].name)\(string(text))", "\(tables.notes[note].reason)")
    }
  }

  /// Names what the grammars of SDP do not know.
  func reportUnknown(_ node: Int) {
    switch nodes.slot(of: node) {
    case 1000: lose("a=\(string(slice(at: node + 1)))", "not known")
    case 1001, 1002:
      let line = slice(at: node + 1)
      if trimmed(line).length > 0 { lose(shown(line), "not understood") }
    default: break
    }
  }

  /// Names the lines for which no row has asked, though rows for them exist: at another level, or for other media.
  func reportUnread(_ lines: LineIndex, _ reason: String) {
    for slot in lines.unasked(among: MappingTables.mappedSlots) {
      if let line = MappingTables.mappedLines[slot] { lose("\(line.name)", reason) }
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
