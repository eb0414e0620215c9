import CodecRuntime

/// Which lines of a section are written: a part of a session that a stanza does not touch is written as it was.
struct LineFilter {
  var nodes: Set<Int>
  /// These only; else all but these.
  var isAllowed: Bool

  func passes(_ node: Int) -> Bool { nodes.contains(node) == isAllowed }
}

/// The way from Jingle to SDP.
extension Engine {
  func runToSDP(_ range: Range<Int>, _ source: Source, _ frame: inout Frame) {
    for index in range {
      if failure != nil { return }
      runToSDP(tables.steps[index], source, &frame)
    }
  }

  private func runToSDP(_ step: Step, _ source: Source, _ frame: inout Frame) {
    if step.conditionSDP >= 0 || step.conditionJingle >= 0 {
      let copy = frame
      guard holds(step, jingle: source.index, sdp: { readBack($0, in: copy) }) else { return }
    }
    switch step.operation {
    case .gate: runToSDP(step.nested, source, &frame)
    case .enter: enterElements(step, source, &frame)
    case .copy, .constant: write(step, source, &frame)
    case .pair: writePair(step, source, &frame)
    case .words: writeWords(step, source, &frame)
    case .choice: writeChoice(step, source)
    case .collect: writeMembers(step, source)
    case .aggregate: aggregate(step, source)
    case .take: take(step, source)
    case .line: writeLine(step, source)
    case .function: if let function = step.function { runToSDP(function, step, source, &frame) }
    case .loss: reportLossOfJingle(step, source)
    case .sections: writeSections(step)
    case .alternative, .member: break
    }
  }

  // MARK: Elements

  private func enterElements(_ step: Step, _ source: Source, _ frame: inout Frame) {
    guard step.element >= 0 else {
      enterElement(step, source, &frame)
      return
    }
    guard source.index >= 0 else { return }
    let slot = tables.nodes[step.element].slot
    var (position, end) = children(of: source)
    let isKeyed = step.flags.contains(.key) && step.jingle >= 0
    var seen = KeySet()
    let outer = key
    while let child = nextChild(slot, from: &position, to: end) {
      if isKeyed {
        guard let number = number(step.jingle, in: child) else { continue }
        guard seen.insert(number) else {
          lose("\(tables.nodes[step.element].name) \(number)", "it is there a second time")
          continue
        }
        key = number
      }
      let inner = Source(index: child, node: step.element)
      reportUnknownParts(of: inner)
      if step.element == MappingNodes.jingleContentDescription { reportEmptySources(inner) }
      enterElement(step, inner, &frame)
      if !step.flags.contains(.each) { break }
    }
    key = outer
  }

  private func enterElement(_ step: Step, _ source: Source, _ frame: inout Frame) {
    switch step.place {
    case .here, .lineList, .grouped: runToSDP(step.nested, source, &frame)
    case .child:
      var item = open(step.item)
      runToSDP(step.nested, source, &item)
      guard item.isUsed, close(item) else {
        if !item.isUsed { tape.rewind(to: item.index) }
        return
      }
      markList(step.item, in: &frame)
      frame.isUsed = true
    case .line, .joined, .groupMember:
      guard isWritten(step.line, hasKey: step.key >= 0) else { return }
      var line = open(step.line)
      if step.key >= 0 { set(step.key, .number(key), in: &line) }
      for filter in step.filters where tables.fields[tables.filters[filter]].kind == .flag {
        set(tables.filters[filter], .number(1), in: &line)
      }
      line.isUsed = step.element >= 0
      runToSDP(step.nested, source, &line)
      end(line)
    }
  }

  /// Ends a line, or takes it back where nothing was written into it.
  @discardableResult
  func end(_ line: Frame) -> Bool {
    guard line.isUsed else {
      tape.rewind(to: line.index)
      return false
    }
    return close(line)
  }

  /// Whether a line may be written here: one without value only once.
  private func isWritten(_ node: Int, hasKey: Bool) -> Bool {
    if let lineFilter, !lineFilter.passes(node) { return false }
    if isFragment, tables.nodes[node].slot < 64, node != MappingNodes.sdpMedia { return false }
    guard !hasKey, tables.nodes[node].fixedWords == 0, tables.nodes[node].required.isEmpty else { return true }
    return marks.insert(node).inserted
  }

  /// Names what the grammars of Jingle do not know.
  func reportUnknownParts(of source: Source) {
    var (position, end) = children(of: source)
    while position < end {
      let index = position
      position = arena.end(of: index)
      let slot = arena.slot(of: index)
      if slot == ElementLayout.unknownElement {
        let xml = Int(arena.word(index + 1))
        lose(
          "<\(string(slice(at: xml + XMLLayout.name))) xmlns='\(string(slice(at: xml + XMLLayout.namespace)))'>",
          "not known")
      } else if slot == ElementLayout.unknownAttribute {
        lose("\(tables.nodes[source.node].name) @\(string(slice(at: index + XMLLayout.name)))", "not known")
      }
    }
  }

  // MARK: Values

  /// The value of a row as SDP has it.
  private func translatedToSDP(_ step: Step, _ source: Source) -> Value? {
    if step.operation == .constant {
      let text = append(tables.texts[step.texts.lowerBound])
      if case .value(let value) = convert(.text(text), from: -1, to: step.sdp, step) { return value }
      return nil
    }
    var value = read(step.jingle, in: source.index)
    if !step.texts.isEmpty, case .text(let slice)? = value,
      step.texts.contains(where: { equals(slice, tables.texts[$0]) })
    {
      value = nil
    }
    if let function = step.function { value = convertToSDP(function, value, step) }
    guard let value else { return nil }
    switch convert(value, from: step.jingle, to: step.sdp, step) {
    case .value(let converted): return converted
    case .omitted: return nil
    case .refused:
      lose(
        "\(source.node >= 0 ? tables.nodes[source.node].name : "") \(step.jingle >= 0 ? tables.fields[step.jingle].name : "")",
        "the value is not allowed in SDP")
      return nil
    }
  }

  private func write(_ step: Step, _ source: Source, _ frame: inout Frame) {
    guard let value = translatedToSDP(step, source) else { return }
    put(step, value, &frame)
  }

  /// Writes a value where the step says: into the current node, or into a line or parameter of its own.
  private func put(_ step: Step, _ value: Value, _ frame: inout Frame) {
    switch step.place {
    case .child:
      var item = open(step.item)
      set(step.sdp, value, in: &item)
      item.isUsed = true
      if close(item) { frame.isUsed = true }
    case .line:
      guard isWritten(step.line, hasKey: false) else { return }
      var line = open(step.line)
      set(step.sdp, value, in: &line)
      line.isUsed = true
      end(line)
    default:
      set(step.sdp, value, in: &frame)
      frame.isUsed = true
    }
  }

  private func writePair(_ step: Step, _ source: Source, _ frame: inout Frame) {
    let first = tables.steps[step.nested.lowerBound]
    let second = tables.steps[step.nested.lowerBound + 1]
    let left = translatedToSDP(first, source)
    let right = translatedToSDP(second, source)
    guard let left, let right else {
      if left != nil || right != nil {
        lose(
          "\(tables.nodes[source.node].name) @\(tables.fields[(left != nil ? first : second).jingle].name)",
          "one of a pair without the other")
      }
      return
    }
    put(first, left, &frame)
    put(second, right, &frame)
  }

  private func writeWords(_ step: Step, _ source: Source, _ frame: inout Frame) {
    guard source.index >= 0 else { return }
    let slot = tables.nodes[step.element].slot
    var (position, end) = children(of: source)
    var text: [UInt8] = []
    while let child = nextChild(slot, from: &position, to: end) {
      guard let name = self.text(step.jingle, in: child) else { continue }
      let value = self.text(step.key, in: child)
      // White space and "=" in a name would make other words of it.
      guard isWord(name, equals: false), value.map({ isWord($0, equals: true) }) ?? true else {
        lose("\(tables.nodes[step.element].name)", "white space in a name or value")
        continue
      }
      if !text.isEmpty { text.append(0x20) }
      tape.withBytes(of: name) { text += $0 }
      if let value {
        text.append(0x3D)
        tape.withBytes(of: value) { text += $0 }
      }
    }
    guard !text.isEmpty else { return }
    let slice = text.withUnsafeBufferPointer { tape.append($0) }
    guard matches(slice, tables.fields[step.sdp].token) else {
      lose("\(tables.nodes[step.element].name)", "the value is not allowed in SDP")
      return
    }
    set(step.sdp, .text(slice), in: &frame)
    frame.isUsed = true
  }

  private func isWord(_ slice: Slice, equals: Bool) -> Bool {
    tape.withBytes(of: slice) { bytes in
      (equals || !bytes.isEmpty) && bytes.allSatisfy { $0 > 0x20 && $0 != 0x7F && (equals || $0 != 0x3D) }
    }
  }

  private func writeChoice(_ step: Step, _ source: Source) {
    guard case .code(let code, _)? = read(step.jingle, in: source.index), code > 0 else {
      if read(step.jingle, in: source.index) != nil {
        lose("\(tables.nodes[source.node].name) @\(tables.fields[step.jingle].name)", "a value that is not known")
      }
      return
    }
    state.slots[slot][senders: role] = Senders(rawValue: UInt8(truncatingIfNeeded: code))
    for position in step.nested {
      let alternative = tables.steps[position]
      guard Int(code) == (role == .initiator ? alternative.key : alternative.column) else { continue }
      guard isWritten(alternative.line, hasKey: false) else { return }
      var line = open(alternative.line)
      line.isUsed = true
      end(line)
      return
    }
  }

  private func writeMembers(_ step: Step, _ source: Source) {
    guard isWritten(step.line, hasKey: false) else { return }
    var line = open(step.line)
    for position in step.nested {
      let member = tables.steps[position]
      let isThere: Bool
      if member.element >= 0 {
        isThere = firstChild(member.element, of: source) != nil
      } else if let value = text(member.jingle, in: source.index) {
        isThere = equals(value, tables.texts[member.omitted.lowerBound]) || equals(value, "1")
      } else {
        isThere = false
      }
      guard isThere else { continue }
      var item = open(step.item)
      set(step.sdp, .text(append(tables.texts[member.texts.lowerBound])), in: &item)
      item.isUsed = true
      if close(item) {
        markList(step.item, in: &line)
        line.isUsed = true
      }
    }
    end(line)
  }

  // MARK: One value from several elements

  private func aggregate(_ step: Step, _ source: Source) {
    accumulated = nil
    greatest = step.flags.contains(.greatest)
    var nothing = Frame.none
    runToSDP(step.nested, source, &nothing)
    guard let value = accumulated else { return }
    accumulated = nil
    guard isWritten(step.line, hasKey: false) else { return }
    var line = open(step.line)
    set(step.sdp, value, in: &line)
    line.isUsed = true
    end(line)
  }

  private func take(_ step: Step, _ source: Source) {
    guard read(step.jingle, in: source.index) != nil, let value = translatedToSDP(step, source) else { return }
    guard let before = accumulated else {
      accumulated = value
      return
    }
    // The first one counts where they cannot be compared.
    guard case .number(let old) = before, case .number(let new) = value else { return }
    accumulated = .number(greatest ? max(old, new) : min(old, new))
  }

  // MARK: Lines

  private func writeLine(_ step: Step, _ source: Source) {
    guard isWritten(step.line, hasKey: false) else { return }
    var line = open(step.line)
    runToSDP(step.nested, source, &line)
    // Without its m-line the other lines would belong to the section before.
    if step.line == MappingNodes.sdpMedia { fillMediaLine(&line) }
    end(line)
  }

  private func reportLossOfJingle(_ step: Step, _ source: Source) {
    guard source.index >= 0 else { return }
    let isThere =
      step.element >= 0 ? firstChild(step.element, of: source) != nil : read(step.jingle, in: source.index) != nil
    if isThere { lose(note: step.note) }
  }
}
