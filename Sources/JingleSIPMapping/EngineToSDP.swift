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
  // MARK: Elements

  /// A bit for each kind of child that an element has, by their slots; those from the 64th on share them.
  @inline(__always)
  func childParts(of element: Int, after words: Int) -> UInt64 {
    if element == lastElement { return lastParts }
    var result: UInt64 = 0
    var position = element + 1 + words
    let end = nodes.end(of: element)
    while position < end {
      result |= 1 &<< UInt64(nodes.slot(of: position))
      position = nodes.end(of: position)
    }
    // Several rows ask for a description, one after the other.
    if position - element > 64 { (lastElement, lastParts) = (element, result) }
    return result
  }

  @inline(__always)
  func eachElement(
    _ node: Int, _ slot: UInt32, of element: Int, after words: Int, onlyFirst: Bool = false, _ body: (Int) -> Void
  ) {
    var position = element + 1 + words
    let end = nodes.end(of: element)
    while failure == nil, let child = nextChild(slot, from: &position, to: end) {
      enter(child, node)
      body(child)
      if onlyFirst { break }
    }
  }

  /// Elements with a key, each key once.
  func eachKeyed(
    _ node: Int, _ slot: UInt32, of element: Int, after words: Int, _ field: Int, onlyFirst: Bool = false,
    _ body: (Int) -> Void
  ) {
    var seen = KeySet()
    let outer = key
    var position = element + 1 + words
    let end = nodes.end(of: element)
    while failure == nil, let child = nextChild(slot, from: &position, to: end) {
      guard let number = keyNumber(field, in: child) else { continue }
      guard seen.insert(number) else {
        lose("\(tables.nodes[node].name) \(number)", "it is there a second time")
        continue
      }
      key = number
      enter(child, node)
      body(child)
      if onlyFirst { break }
    }
    key = outer
  }

  /// The key of an element.
  @inline(__always)
  private func keyNumber(_ field: Int, in element: Int) -> UInt64? {
    guard isPresent(field, in: element) else { return nil }
    let word = element + 1 + tables.fields[field].word
    return tables.fields[field].kind == .wide ? nodes.wide(at: word) : UInt64(nodes.word(word))
  }

  /// What is said of an element by itself.
  @inline(__always)
  private func enter(_ element: Int, _ node: Int) {
    if node == MappingNodes.jingleContentDescription {
      // Several rows enter it, one after the other.
      if element == lastDescription { return }
      lastDescription = element
      reportUnknownParts(of: Source(index: element, node: node))
      reportEmptySources(Source(index: element, node: node))
      return
    }
    var position = element + 1 + tables.nodes[node].fixedWords
    let end = nodes.end(of: element)
    while position < end {
      if nodes.slot(of: position) >= ElementLayout.unknownAttribute {
        reportUnknownParts(of: Source(index: element, node: node))
        return
      }
      position = nodes.end(of: position)
    }
  }

  // MARK: Lines and items

  /// Whether a line may be written here: one without value only once.
  @inline(__always)
  func isWritten(_ node: Int, isAttribute: Bool = true, isMark: Bool = false) -> Bool {
    if let lineFilter, !lineFilter.passes(node) { return false }
    if isFragment, !isAttribute { return false }
    if !isMark { return true }
    if marks.contains(node) { return false }
    marks.append(node)
    return true
  }

  @inline(__always)
  func begin(_ node: Int, slot: UInt32, words: Int) -> Frame {
    if tape.wordCount > Self.maximumWords { failure = .tooLarge }
    digest(UInt64(node))
    return Frame(index: tape.open(slot, fixedWords: words), node: node)
  }

  /// Ends a line or an item, or takes it back where nothing was written into it, or not all that it needs.
  @inline(__always)
  @discardableResult
  func end(_ frame: inout Frame, requiring needs: UInt64) -> Bool {
    guard frame.isUsed, frame.present & needs == needs else { return end(&frame) }
    tape.close(frame.index)
    return true
  }

  @inline(never)
  @discardableResult
  func end(_ frame: inout Frame) -> Bool { end(frame) }

  @discardableResult
  func end(_ frame: Frame) -> Bool {
    guard frame.isUsed else {
      tape.rewind(to: frame.index)
      return false
    }
    return close(frame)
  }

  @inline(__always)
  private func digest(_ value: UInt64) {
    digest = (digest ^ value) &* 0x9E37_79B9_7F4A_7C15
    digest ^= digest >> 29
  }

  @inline(__always)
  func fill(text slice: Slice, _ word: Int, bit: UInt64, mark: UInt32 = 0, in frame: inout Frame) {
    let wasUsed = frame.isUsed
    put(text: slice, word, bit: bit, mark: mark, in: &frame)
    // A parameter of which there is nothing but an empty value would be written as a separator only.
    if slice.length == 0 { frame.isUsed = wasUsed }
    digest(quickHash(slice))
  }

  @inline(__always)
  func fill(number: UInt32, _ word: Int, bit: UInt64, mark: UInt32 = 0, in frame: inout Frame) {
    put(number: number, word, bit: bit, mark: mark, in: &frame)
    digest(UInt64(number))
  }

  @inline(__always)
  func fill(wide number: UInt64, _ word: Int, bit: UInt64, mark: UInt32 = 0, in frame: inout Frame) {
    put(wide: number, word, bit: bit, mark: mark, in: &frame)
    digest(number)
  }

  @inline(__always)
  func fill(code: Code, _ word: Int, bit: UInt64, mark: UInt32 = 0, in frame: inout Frame) {
    put(code: code, word, bit: bit, mark: mark, in: &frame)
    digest(UInt64(code.number))
    if code.number == 0 { digest(quickHash(code.text)) }
  }

  /// Names what the grammars of Jingle do not know.
  func reportUnknownParts(of source: Source) {
    var (position, end) = children(of: source)
    while position < end {
      let index = position
      position = nodes.end(of: index)
      let slot = nodes.slot(of: index)
      if slot == ElementLayout.unknownElement {
        let xml = Int(nodes.word(index + 1))
        lose(
          "<\(string(slice(at: xml + XMLLayout.name))) xmlns='\(string(slice(at: xml + XMLLayout.namespace)))'>",
          "not known")
      } else if slot == ElementLayout.unknownAttribute {
        lose("\(tables.nodes[source.node].name) @\(string(slice(at: index + XMLLayout.name)))", "not known")
      }
    }
  }

  // MARK: Values

  /// A text that has to match a token rule; another one is named.
  @inline(__always)
  func text(_ word: Int, _ rule: Int, _ token: (Input, inout Int) -> Bool) -> Slice? {
    checked(slice(at: word), rule, token)
  }

  /// The same of the text of an enum's value.
  @inline(__always)
  func text(code word: Int, _ enumeration: Int, _ rule: Int, _ token: (Input, inout Int) -> Bool) -> Slice? {
    checked(text(ofCode: word, enumeration), rule, token)
  }

  /// A number as a text that has to match a token rule.
  @inline(__always)
  func text(number: UInt64, _ rule: Int, _ token: (Input, inout Int) -> Bool) -> Slice? {
    checked(append(decimal: number), rule, token)
  }

  /// A text as a value of an enum.
  func code(named word: Int, _ enumeration: Int, _ rule: Int) -> Code? {
    let slice = slice(at: word)
    let names = tables.enums[enumeration].names
    for index in 0..<names.count
    where names[index].utf8CodeUnitCount == Int(slice.length) && equals(slice, names[index]) {
      return Code(number: UInt32(index + 1), text: slice)
    }
    guard case .code(let code, let text)? = isToSDP ? allowed(.text(slice), rule) : translated(.text(slice), rule)
    else {
      return nil
    }
    return Code(number: code, text: text)
  }

  @inline(__always)
  private func checked(_ slice: Slice, _ rule: Int, _ token: (Input, inout Int) -> Bool) -> Slice? {
    let isMatch = tape.withInput(of: slice) { input in
      var position = 0
      return token(input, &position) && position == input.count
    }
    if isMatch { return slice }
    refuse(rule)
    return nil
  }

  @inline(never)
  func refuse(_ rule: Int) {
    let target = tables.rules[rule].target
    let token = target >= 0 ? Int(tables.fields[target].token) : -1
    let reason = token < 0 ? "the value is not allowed in SDP" : "SDP demands \(MappingTables.words(ofToken: token))"
    lose("\(tables.rules[rule].name)", isToSDP ? reason : "Jingle has no such value")
  }

  /// A value that is more than copied, as SDP has it.
  func allowed(_ value: Value?, _ number: Int) -> Value? {
    let rule = tables.rules[number]
    var value = value
    if !rule.absent.isEmpty, case .text(let slice)? = value,
      rule.absent.contains(where: { equals(slice, tables.texts[$0]) })
    {
      value = nil
    }
    if let function = rule.function { value = convertToSDP(function, value, rule) }
    guard let value else { return nil }
    switch convert(value, rule) {
    case .value(let converted): return converted
    case .omitted: return nil
    case .refused:
      refuse(number)
      return nil
    }
  }

  /// What a row always writes.
  func constant(_ text: StaticString, _ rule: Int) -> Value? {
    if case .value(let value) = convert(.text(append(text)), tables.rules[rule]) { return value }
    return nil
  }

  /// One of a pair is there, and the other one is not.
  @inline(never)
  func lose(halfOfPair name: StaticString) { lose("\(name)", "one of a pair without the other") }

  /// Two values, both or neither.
  func allowedPair(
    _ left: Value?, _ leftRule: Int, _ leftName: StaticString, _ right: Value?, _ rightRule: Int,
    _ rightName: StaticString
  ) -> (Value, Value)? {
    let left = allowed(left, leftRule)
    let right = allowed(right, rightRule)
    guard let left, let right else {
      if left != nil || right != nil {
        lose(halfOfPair: left != nil ? leftName : rightName)
      }
      return nil
    }
    return (left, right)
  }

  /// The words of several elements, `name=value name …`, as one text.
  func writeWords(
    _ node: Int, of element: Int, after words: Int, name: Int, value: Int, to field: Int, in frame: inout Frame
  ) {
    let slot = tables.nodes[node].slot
    guard var child = nodes.child(slot, of: element, after: words) else { return }
    let end = nodes.end(of: element)
    var position = nodes.end(of: child)
    var text: [UInt8] = []
    while true {
      appendWord(child, name: name, value: value, node, &text)
      guard let next = nextChild(slot, from: &position, to: end) else { break }
      child = next
    }
    guard !text.isEmpty else { return }
    let slice = text.withUnsafeBufferPointer { tape.append($0) }
    guard matches(slice, tables.fields[field].token) else {
      lose("\(tables.nodes[node].name)", "the value is not allowed in SDP")
      return
    }
    put(.text(slice), field, in: &frame)
  }

  private func appendWord(_ child: Int, name: Int, value: Int, _ node: Int, _ text: inout [UInt8]) {
    guard let name = self.text(name, in: child) else { return }
    let value = self.text(value, in: child)
    // White space and "=" in a name would make other words of it.
    guard isWord(name, equals: false), value.map({ isWord($0, equals: true) }) ?? true else {
      lose("\(tables.nodes[node].name)", "white space in a name or value")
      return
    }
    if !text.isEmpty { text.append(0x20) }
    tape.withBytes(of: name) { text += $0 }
    if let value {
      text.append(0x3D)
      tape.withBytes(of: value) { text += $0 }
    }
  }

  private func isWord(_ slice: Slice, equals: Bool) -> Bool {
    tape.withBytes(of: slice) { bytes in
      (equals || !bytes.isEmpty) && bytes.allSatisfy { $0 > 0x20 && $0 != 0x7F && (equals || $0 != 0x3D) }
    }
  }

  /// The one of several attributes that exclude each other.
  func writeChoice(_ number: Int, of element: Int, _ name: StaticString) {
    let choice = tables.choices[number]
    guard let value = read(choice.field, in: element) else { return }
    guard case .code(let code, _) = value, code > 0 else {
      lose("\(name)", "SDP has no such direction")
      return
    }
    state.slots[slot][senders: role] = Senders(rawValue: UInt8(truncatingIfNeeded: code))
    for alternative in choice.alternatives.all {
      guard Int(code) == (role == .initiator ? alternative.byInitiator : alternative.byResponder) else { continue }
      let node = tables.nodes[alternative.line]
      guard isWritten(alternative.line, isAttribute: node.slot >= 64, isMark: true) else { return }
      var line = open(alternative.line)
      line.isUsed = true
      end(line)
      return
    }
    // One that is known, and that SDP cannot say.
    lose("\(name)", "SDP has no such direction")
  }

  /// A list of what elements and attributes stand for.
  func writeMembers(_ number: Int, of element: Int, after words: Int) {
    let collection = tables.collections[number]
    guard isWritten(collection.line, isAttribute: tables.nodes[collection.line].slot >= 64) else { return }
    var line = open(collection.line)
    for member in collection.members.all {
      let isThere: Bool
      if member.element >= 0 {
        isThere = nodes.child(tables.nodes[member.element].slot, of: element, after: words) != nil
      } else if let value = text(member.field, in: element) {
        isThere = equals(value, member.value) || equals(value, "1")
      } else {
        isThere = false
      }
      guard isThere else { continue }
      var item = open(collection.item)
      put(.text(append(member.text)), collection.field, in: &item)
      if close(item) {
        markList(collection.item, in: &line)
        line.isUsed = true
      }
    }
    end(line)
  }

  // MARK: One value from several elements

  /// Takes a value if it counts more than the one before.
  func take(_ value: Value?, _ rule: Int, isGreatest: Bool) {
    guard value != nil, let value = allowed(value, rule) else { return }
    guard let before = accumulated else {
      accumulated = value
      return
    }
    // The first one counts where they cannot be compared.
    guard case .number(let old) = before, case .number(let new) = value else { return }
    accumulated = .number(isGreatest ? max(old, new) : min(old, new))
  }

  /// The line of the value that counts, if there is one.
  func writeAccumulated(_ node: Int, _ field: Int) {
    guard let value = accumulated else { return }
    accumulated = nil
    guard isWritten(node, isAttribute: tables.nodes[node].slot >= 64) else { return }
    var line = open(node)
    put(value, field, in: &line)
    end(line)
  }
}
