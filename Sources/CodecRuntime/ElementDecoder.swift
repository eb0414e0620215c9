/// Turns XML elements into typed nodes on a tape that extends the arena of the XML.
public struct ElementDecoder {
  private let arena: Arena
  private let codec: ElementCodec
  /// In the order of the document.
  public private(set) var issues: [ElementIssue] = []
  private var path: [Int] = []
  /// The namespace that was looked up last, and its number.
  private var lastNamespace = Slice(offset: .max, length: .max)
  private var lastNumber = -1

  public init(_ arena: Arena, _ codec: ElementCodec) {
    self.arena = arena
    self.codec = codec
    path.reserveCapacity(16)
  }

  /// Appends the node of the element `number` for `xml`, which has to bear its name.
  public mutating func decode(_ xml: XMLElement, as number: Int, slot: UInt32, into tape: inout Tape) {
    decode(xml.index, number, slot, &tape)
  }

  private mutating func decode(_ xml: Int, _ number: Int, _ slot: UInt32, _ tape: inout Tape) {
    path.append(number)
    let row = codec.elements.address(number)
    let node = tape.open(slot, fixedWords: row.pointee.fixedWords)
    var present: UInt32 = 0
    var position = xml + 1 + XMLLayout.elementWords
    let end = arena.end(of: xml)
    // Attributes come first. Most stand in the order of the grammar, so the search goes on behind the last one.
    var next = row.pointee.attributes.lowerBound
    while position < end, arena.slot(of: position) == XMLLayout.attribute {
      let known = isNamespaced(position) ? -1 : attribute(position, row.pointee.attributes, from: next)
      if known >= 0 {
        let value = arena.slice(at: position + XMLLayout.value)
        let attribute = codec.attributes.address(known)
        if read(attribute, value, at: xml, node, &tape) { present |= attribute.pointee.presence }
        next = known + 1
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
      if text.count > 0 || value.pointee.isRequired, read(value, slice, at: xml, node, &tape) {
        present |= value.pointee.presence
      }
    }
    tape.set(node + 1, present)
    if row.pointee.required & ~present != 0 { reportMissing(row.pointee, present, xml) }
    decodeChildren(from: position, to: end, of: xml, row, &tape)
    tape.close(node)
    path.removeLast()
  }

  @inline(__always)
  private func isNamespaced(_ attribute: Int) -> Bool { arena.word(attribute + XMLLayout.namespace + 1) != 0 }

  /// The row of the attribute at `index`, looked for from `start` on and then from the first one; −1 where there is none.
  @inline(__always)
  private func attribute(_ index: Int, _ range: Range<Int>, from start: Int) -> Int {
    let name = ArenaName(arena, arena.slice(at: index + XMLLayout.name))
    for candidate in start..<range.upperBound where codec.attributes[candidate].name.equals(name) { return candidate }
    for candidate in range.lowerBound..<start where codec.attributes[candidate].name.equals(name) { return candidate }
    return -1
  }

  private mutating func decodeChildren(
    from start: Int, to end: Int, of xml: Int, _ row: UnsafePointer<PreparedElement>, _ tape: inout Tape
  ) {
    let range = row.pointee.children
    var seen: UInt64 = 0
    var position = start
    // Children of one kind stand together.
    var last = range.lowerBound
    while position < end {
      let child = position
      position = arena.end(of: child)
      guard arena.slot(of: child) == XMLLayout.element else { continue }
      let known = kind(of: child, range, from: last)
      guard known >= 0 else {
        let node = tape.open(ElementLayout.unknownElement, fixedWords: 1)
        tape.set(node + 1, UInt32(child))
        tape.close(node)
        continue
      }
      last = known
      let bit: UInt64 = 1 << UInt64(min(known - range.lowerBound, 63))
      let kind = codec.children.address(known)
      if seen & bit != 0, !kind.pointee.isRepeatable { report(.validation, child: known, at: child, "is there twice") }
      seen |= bit
      decode(child, kind.pointee.element, kind.pointee.slot, &tape)
    }
    guard row.pointee.requiredChildren & ~seen != 0 else { return }
    for index in range where row.pointee.requiredChildren & ~seen & 1 << UInt64(min(index - range.lowerBound, 63)) != 0
    {
      report(.validation, child: index, at: xml, "is missing")
    }
  }

  /// Which kind of child the element at `index` is; −1 where it is none of them.
  @inline(__always)
  private mutating func kind(of index: Int, _ range: Range<Int>, from start: Int) -> Int {
    if range.isEmpty { return -1 }
    let namespace = number(ofNamespace: arena.slice(at: index + XMLLayout.namespace))
    if namespace < 0 { return -1 }
    let name = ArenaName(arena, arena.slice(at: index + XMLLayout.name))
    for candidate in start..<range.upperBound where isKind(candidate, name, namespace) { return candidate }
    for candidate in range.lowerBound..<start where isKind(candidate, name, namespace) { return candidate }
    return -1
  }

  @inline(__always)
  private func isKind(_ child: Int, _ name: ArenaName, _ namespace: Int) -> Bool {
    codec.children[child].namespace == namespace && codec.children[child].name.equals(name)
  }

  @inline(__always)
  private mutating func number(ofNamespace slice: Slice) -> Int {
    if slice == lastNamespace { return lastNumber }
    let name = ArenaName(arena, slice)
    var number = -1
    for candidate in 0..<codec.namespaces.count where codec.namespaces[candidate].equals(name) { number = candidate }
    lastNamespace = slice
    lastNumber = number
    return number
  }

  @inline(__always)
  private mutating func read(
    _ row: UnsafePointer<PreparedAttribute>, _ slice: Slice, at xml: Int, _ node: Int, _ tape: inout Tape
  ) -> Bool {
    let word = node + 1 + row.pointee.word
    switch row.pointee.kind {
    case .text:
      tape.set(word, slice)
      return true
    case .token(let number):
      let trimmed = row.pointee.isText ? trim(slice, tape) : slice
      if tape.withInput(of: trimmed, { codec.matchesToken(number, $0) }) {
        tape.set(word, trimmed)
        return true
      }
    case .number(let maximum):
      if let value = number(slice, tape, maximum: maximum) {
        tape.set(word, UInt32(truncatingIfNeeded: value))
        if maximum > UInt64(UInt32.max) { tape.set(word + 1, UInt32(truncatingIfNeeded: value >> 32)) }
        return true
      }
      report(.syntax, row.pointee, xml, "is no number up to \(maximum)")
      return false
    case .enumeration(let number):
      let code = tape.withInput(of: slice) { codec.codeOfEnum(number, $0) }
      if code != 0 || codec.isOpenEnum(number) {
        tape.set(word, code)
        tape.set(word + 1, slice)
        return true
      }
    }
    report(.syntax, row.pointee, xml, "is not what the grammar allows here")
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

  private static func trimmed(_ bytes: UnsafeBufferPointer<UInt8>) -> Range<Int> {
    var start = 0
    var end = bytes.count
    func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D }
    while start < end, isBlank(bytes[start]) { start += 1 }
    while end > start, isBlank(bytes[end - 1]) { end -= 1 }
    return start..<end
  }

  // MARK: Issues

  private var location: String { path.map { "\(codec.elements[$0].name.text)" }.joined(separator: "/") }

  private func location(_ row: PreparedAttribute) -> String { row.isText ? location : location + "@\(row.name.text)" }

  private func offset(of xml: Int) -> Int { XMLElement(arena: arena, index: xml).sourceOffset ?? 0 }

  @inline(never)
  private mutating func reportMissing(_ row: PreparedElement, _ present: UInt32, _ xml: Int) {
    let end = row.text >= 0 ? row.text + 1 : row.attributes.upperBound
    for index in row.attributes.lowerBound..<end {
      let attribute = codec.attributes[index]
      guard attribute.isRequired, present & attribute.presence == 0 else { continue }
      // One that is there but wrong was reported.
      let (place, offset) = (location(attribute), offset(of: xml))
      if issues.contains(where: { $0.layer == .syntax && $0.offset == offset && $0.location == place }) { continue }
      report(.validation, attribute, xml, "is missing")
    }
  }

  @inline(never)
  private mutating func report(
    _ layer: ElementIssue.Layer, _ row: PreparedAttribute, _ xml: Int, _ message: String
  ) {
    issues.append(.init(layer: layer, location: location(row), offset: offset(of: xml), message: message))
  }

  @inline(never)
  private mutating func report(_ layer: ElementIssue.Layer, child: Int, at xml: Int, _ message: String) {
    let name = codec.children[child].name.text
    issues.append(.init(layer: layer, location: location + "/\(name)", offset: offset(of: xml), message: message))
  }
}
