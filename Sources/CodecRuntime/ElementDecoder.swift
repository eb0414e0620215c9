/// Turns XML elements into typed nodes on a tape that extends the arena of the XML.
public struct ElementDecoder {
  let arena: Arena
  let codec: ElementCodec
  /// In the order of the document.
  public internal(set) var issues: [ElementIssue] = []
  /// What is passed over, and no mistake that anybody has to mind.
  public internal(set) var notes: [ElementIssue] = []
  /// The numbers of the elements that are being read, the innermost last: the first of them, how many there are, and
  /// those for which there was no room.
  private var outer = InlineArray<16, Int>(repeating: 0)
  private var depth = 0
  private var inner: [Int] = []
  /// Namespaces that were looked up, at a place that their offset gives. Equal ones mostly are the same slice.
  private var lookedUp = InlineArray<16, KnownNamespace>(repeating: KnownNamespace(slice: .absent, number: -1))

  private struct KnownNamespace {
    var slice: Slice
    /// Index into ``ElementCodec/namespaces``; −1 where it is none of them.
    var number: Int32
  }

  public init(_ arena: Arena, _ codec: ElementCodec) {
    self.arena = arena
    self.codec = codec
  }

  /// Appends the node of the element `number` for `xml`, which has to bear its name.
  public mutating func decode(_ xml: XMLElement, as number: Int, slot: UInt32, into tape: inout Tape) {
    decode(xml.index, number, slot, &tape)
  }

  private mutating func decode(_ xml: Int, _ number: Int, _ slot: UInt32, _ tape: inout Tape) {
    if depth < outer.count { outer[depth] = number } else { inner.append(number) }
    depth &+= 1
    let row = codec.elements.address(number)
    let node = tape.open(slot, anyWords: row.pointee.fixedWords)
    var present: UInt32 = 0
    var wrong: UInt32 = 0
    var position = xml &+ 1 &+ XMLLayout.elementWords
    let end = arena.end(of: xml)
    // Attributes come first. Most stand in the order of the grammar, so the search goes on behind the last one.
    let rows = codec.attributes.rows(row.pointee.attributes)
    var next = 0
    while position < end, arena.slot(of: position) == XMLLayout.attribute {
      let fields = arena.fields(of: position, count: XMLLayout.attributeWords)
      let isNamespaced = fields[XMLLayout.namespace + 1] != 0
      let known = isNamespaced ? -1 : attribute(fields.slice(XMLLayout.name), rows, from: next)
      if known >= 0 {
        let attribute = rows.address(known)
        let value = fields.slice(XMLLayout.value)
        if read(attribute, value, at: xml, node, &tape) {
          present |= attribute.pointee.presence
        } else {
          wrong |= attribute.pointee.presence
        }
        next = known &+ 1
      } else {
        let copy = tape.open(ElementLayout.unknownAttribute, fixedWords: XMLLayout.attributeWords)
        for word in 1...XMLLayout.attributeWords { tape.set(copy + word, arena.word(position + word)) }
        tape.close(copy)
      }
      position = arena.end(of: position)
    }
    if row.pointee.text >= 0 {
      let text = XMLElement(arena: arena, index: xml).text
      // Pieces that elements separate are joined outside of this arena.
      let slice = text.arena === arena ? text.slice : tape.append(text)
      let value = codec.attributes.address(row.pointee.text)
      if text.count > 0 || value.pointee.isRequired {
        if read(value, slice, at: xml, node, &tape) {
          present |= value.pointee.presence
        } else {
          wrong |= value.pointee.presence
        }
      }
    }
    tape.set(node, field: 1, present)
    // One that is there but wrong was reported.
    if row.pointee.required & ~(present | wrong) != 0 { reportMissing(row.pointee, present | wrong, xml) }
    let seen = decodeChildren(from: position, to: end, of: xml, row, &tape, in: node)
    if !row.pointee.demands.isEmpty { checkDemands(row, node, present, wrong, seen, xml, &tape) }
    tape.close(node)
    depth &-= 1
    if depth >= outer.count { inner.removeLast() }
  }

  /// The number of the row with this name, looked for from `start` on and then from the first one; −1 where there is none.
  @inline(__always)
  private func attribute(_ name: Slice, _ rows: Rows<PreparedAttribute>, from start: Int) -> Int {
    let name = ArenaName(arena, name)
    for candidate in start..<rows.count where rows[candidate].name.equals(name) { return candidate }
    for candidate in 0..<start where rows[candidate].name.equals(name) { return candidate }
    return -1
  }

  private mutating func decodeChildren(
    from start: Int, to end: Int, of xml: Int, _ row: UnsafePointer<PreparedElement>, _ tape: inout Tape,
    in parent: Int
  ) -> UInt64 {
    let kinds = codec.children.rows(row.pointee.children)
    var seen: UInt64 = 0
    var position = start
    // Children of one kind stand together.
    var last = 0
    while position < end {
      let child = position
      position = arena.end(of: child)
      guard arena.slot(of: child) == XMLLayout.element else {
        if row.pointee.text < 0 { checkText(child, of: xml) }
        continue
      }
      let known = kind(of: child, kinds, from: last)
      guard known >= 0 else {
        let node = tape.open(ElementLayout.unknownElement, fixedWords: 1)
        tape.set(node + 1, UInt32(child))
        tape.close(node)
        continue
      }
      last = known
      let bit: UInt64 = 1 &<< UInt64(truncatingIfNeeded: min(known, 63))
      let kind = kinds.address(known)
      if seen & bit != 0 {
        if !kind.pointee.isRepeatable { report(.validation, kind.pointee, at: child, "is there twice") }
      } else if bit & row.pointee.exclusiveChildren != 0, seen & row.pointee.exclusiveChildren != 0 {
        report(.validation, kind.pointee, at: child, "is there beside another one, and only one of them may be")
      }
      let node = tape.wordCount
      decode(child, kind.pointee.element, kind.pointee.slot, &tape)
      if seen & bit != 0, kind.pointee.uniqueBits != 0 {
        checkUnique(kind.pointee, node, behind: parent &+ 1 &+ row.pointee.fixedWords, at: child, tape)
      }
      seen |= bit
    }
    guard row.pointee.requiredChildren & ~seen != 0 else { return seen }
    for index in 0..<kinds.count where row.pointee.requiredChildren & ~seen & 1 << UInt64(min(index, 63)) != 0 {
      report(.validation, kinds[index], at: xml, "is missing")
    }
    return seen
  }

  /// Which kind of child the element at `index` is; −1 where it is none of them.
  @inline(__always)
  mutating func kind(of index: Int, _ kinds: Rows<PreparedChild>, from start: Int) -> Int {
    if kinds.count == 0 { return -1 }
    let fields = arena.fields(of: index, count: XMLLayout.elementWords)
    let namespace = number(ofNamespace: fields.slice(XMLLayout.namespace))
    if namespace < 0 { return -1 }
    let name = ArenaName(arena, fields.slice(XMLLayout.name))
    for candidate in start..<kinds.count where kinds[candidate].isNamed(name, namespace) { return candidate }
    for candidate in 0..<start where kinds[candidate].isNamed(name, namespace) { return candidate }
    return -1
  }

  @inline(__always)
  private mutating func number(ofNamespace slice: Slice) -> Int {
    let place = Int(truncatingIfNeeded: slice.offset & 15)
    let known = lookedUp[place]
    if known.slice == slice { return Int(known.number) }
    return lookUp(namespace: slice, place)
  }

  @inline(never)
  private mutating func lookUp(namespace slice: Slice, _ place: Int) -> Int {
    let name = ArenaName(arena, slice)
    let number = (0..<codec.namespaces.count).first { codec.namespaces[$0].equals(name) } ?? -1
    lookedUp[place] = KnownNamespace(slice: slice, number: Int32(number))
    return number
  }

  @inline(__always)
  private mutating func read(
    _ row: UnsafePointer<PreparedAttribute>, _ slice: Slice, at xml: Int, _ node: Int, _ tape: inout Tape
  ) -> Bool {
    let word = 1 &+ row.pointee.word
    switch row.pointee.kind {
    case .text:
      tape.set(node, field: word, slice)
      return true
    case .token(let number):
      let trimmed = row.pointee.isText ? trim(slice, tape) : slice
      if tape.withInput(of: trimmed, { codec.matchesToken(number, $0) }) {
        tape.set(node, field: word, trimmed)
        return true
      }
    case .number(let minimum, let maximum):
      if let value = number(slice, tape, maximum: maximum), value >= minimum {
        tape.set(node, field: word, UInt32(truncatingIfNeeded: value))
        if maximum > UInt64(UInt32.max) { tape.set(node, field: word &+ 1, UInt32(truncatingIfNeeded: value >> 32)) }
        return true
      }
      report(row.pointee, xml, "is no number \(minimum == 0 ? "" : "from \(minimum) ")up to \(maximum)")
      return false
    case .enumeration(let number):
      let code = tape.withInput(of: slice) { codec.codeOfEnum(number, $0) }
      if code != 0 || codec.isOpenEnum(number) {
        tape.set(node, field: word, code)
        tape.set(node, field: word &+ 1, slice)
        return true
      }
    }
    report(row.pointee, xml, refusal(of: row.pointee))
    return false
  }

  /// A decimal number with nothing but white space around it.
  private func number(_ slice: Slice, _ tape: borrowing Tape, maximum: UInt64) -> UInt64? {
    tape.withBytes(of: slice) { bytes in
      var value: UInt64 = 0
      // Nineteen digits cannot overflow.
      if bytes.count > 0, bytes.count <= 19 {
        var index = 0
        while index < bytes.count {
          let digit = bytes[index] &- 0x30
          if digit > 9 { break }
          value = value &* 10 &+ UInt64(digit)
          index &+= 1
        }
        if index == bytes.count { return value <= maximum ? value : nil }
      }
      return Self.unusualNumber(bytes, maximum: maximum)
    }
  }

  @inline(never)
  private static func unusualNumber(_ bytes: UnsafeBufferPointer<UInt8>, maximum: UInt64) -> UInt64? {
    Input.with(UnsafeBufferPointer(rebasing: bytes[trimmed(bytes)])) { input in
      var position = 0
      guard let value = decimal(input, &position, maximum: maximum), position == input.count else { return nil }
      return value
    }
  }

  /// XML pretty-printers put white space around character data and numbers.
  private func trim(_ slice: Slice, _ tape: borrowing Tape) -> Slice {
    tape.withBytes(of: slice) { bytes in
      let range = Self.trimmed(bytes)
      return Slice(offset: slice.offset &+ UInt32(range.lowerBound), length: UInt32(range.count))
    }
  }

  static func trimmed(_ bytes: UnsafeBufferPointer<UInt8>) -> Range<Int> {
    var start = 0
    var end = bytes.count
    func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D }
    while start < end, isBlank(bytes[start]) { start += 1 }
    while end > start, isBlank(bytes[end - 1]) { end -= 1 }
    return start..<end
  }

  // MARK: Issues

  var location: String {
    let path = (0..<min(depth, outer.count)).map { outer[$0] } + inner
    return path.map { "\(codec.elements[$0].name.text)" }.joined(separator: "/")
  }

  func location(_ row: PreparedAttribute) -> String { row.isText ? location : location + "@\(row.name.text)" }

  func offset(of xml: Int) -> Int { XMLElement(arena: arena, index: xml).sourceOffset ?? 0 }

  @inline(never)
  private mutating func reportMissing(_ row: PreparedElement, _ present: UInt32, _ xml: Int) {
    let end = row.text >= 0 ? row.text + 1 : row.attributes.upperBound
    for index in row.attributes.lowerBound..<end {
      let attribute = codec.attributes[index]
      guard attribute.isRequired, present & attribute.presence == 0 else { continue }
      let issue = ElementIssue(
        layer: .validation, location: location(attribute), offset: offset(of: xml), message: "is missing")
      issues.append(issue)
    }
  }

  /// A value that is wrong, with the place where it begins.
  @inline(never)
  mutating func report(_ row: PreparedAttribute, _ xml: Int, _ message: String) {
    let start = offset(of: xml)
    let name = row.isText ? nil : row.name.text
    let place = XMLElement(arena: arena, index: xml).sourceOffset == nil ? nil : StartTag(arena, start).place(of: name)
    issues.append(.init(layer: .syntax, location: location(row), offset: place ?? start, message: message))
  }

  @inline(never)
  mutating func report(_ layer: ElementIssue.Layer, _ child: PreparedChild, at xml: Int, _ message: String) {
    let name = child.name.text
    issues.append(.init(layer: layer, location: location + "/\(name)", offset: offset(of: xml), message: message))
  }
}
