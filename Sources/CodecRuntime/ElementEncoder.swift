/// Writes typed nodes as XML.
public struct ElementEncoder {
  private let arena: Arena
  private let codec: ElementCodec

  public init(_ arena: Arena, _ codec: ElementCodec) {
    self.arena = arena
    self.codec = codec
  }

  /// Writes the node at `node`, an element `number`, with a declaration of its namespace.
  public func encode(_ node: Int, as number: Int, to output: inout Output) {
    let kind = PreparedChild(codec.elements[number], slot: arena.slot(of: node), element: number)
    withUnsafePointer(to: kind) { encode(from: node, to: arena.end(of: node), $0, 1, parentNamespace: -1, &output) }
  }

  /// Writes the nodes from `start` up to `end`, which are of these kinds or unknown. Most have no children and are written
  /// without a call each.
  @inline(never)
  private func encode(
    from start: Int, to end: Int, _ kinds: UnsafePointer<PreparedChild>, _ count: Int, parentNamespace: Int,
    _ output: inout Output
  ) {
    var last = 0
    var node = start
    while node < end {
      let head = arena.word(node)
      let next = node &+ Int(head & NodeLayout.sizeMask)
      let known = kind(head >> NodeLayout.slotShift, kinds, count, last)
      guard known >= 0 else {
        encodeUnknown(node, parentNamespace, &output)
        node = next
        continue
      }
      last = known
      let row = codec.elements.address(kinds[known].element)
      let fields = arena.fields(of: node, count: row.pointee.fixedWords)
      writeTag(row, fields, isDeclared: row.pointee.namespace == parentNamespace, &output)
      let children = node &+ 1 &+ row.pointee.fixedWords
      if children < next || fields[1] & row.pointee.textBit != 0 {
        encodeContent(from: children, to: next, row, fields, &output)
      } else {
        output.end.storeBytes(of: 0x3E2F, as: UInt16.self)
        output.length &+= 2
      }
      node = next
    }
  }

  /// Writes what follows the attributes that are known.
  @inline(__always)
  private func encodeContent(
    from start: Int, to end: Int, _ row: UnsafePointer<PreparedElement>, _ fields: NodeFields, _ output: inout Output
  ) {
    var child = start
    var prefixes: UInt64 = 0
    while child < end, arena.slot(of: child) == ElementLayout.unknownAttribute {
      writeUnknown(child, &prefixes, &output)
      child = arena.end(of: child)
    }
    let hasText = fields[1] & row.pointee.textBit != 0
    if child >= end, !hasText {
      output.endEmptyElementTag()
      return
    }
    output.endStartTag()
    if hasText { writeText(row, fields, &output) }
    let kinds = codec.children.rows(row.pointee.children)
    encode(from: child, to: end, kinds.first, kinds.count, parentNamespace: row.pointee.namespace, &output)
    output.append(row.pointee.endTag)
  }

  @inline(never)
  private func writeText(_ row: UnsafePointer<PreparedElement>, _ fields: NodeFields, _ output: inout Output) {
    let text = codec.attributes.address(row.pointee.text)
    output.reserve(row.pointee.room)
    output.end = write(text, fields, isAttribute: false, room: row.pointee.room, at: output.end, &output)
  }

  @inline(never)
  private func writeUnknown(_ attribute: Int, _ prefixes: inout UInt64, _ output: inout Output) {
    output.append(XMLAttribute(arena: arena, index: attribute), generatedPrefixes: &prefixes)
  }

  @inline(never)
  private func encodeUnknown(_ node: Int, _ parentNamespace: Int, _ output: inout Output) {
    guard arena.slot(of: node) == ElementLayout.unknownElement, parentNamespace >= 0 else { return }
    let element = XMLElement(arena: arena, index: Int(arena.word(node + 1)))
    output.append(xml: element, parentNamespace: codec.namespaces[parentNamespace].text)
  }

  /// Which of the kinds of children has this slot; −1 for none. Children of one kind stand together.
  @inline(__always)
  private func kind(_ slot: UInt32, _ kinds: UnsafePointer<PreparedChild>, _ count: Int, _ last: Int) -> Int {
    var kind = last
    while kind < count {
      if kinds[kind].slot == slot { return kind }
      kind &+= 1
    }
    kind = 0
    while kind < last {
      if kinds[kind].slot == slot { return kind }
      kind &+= 1
    }
    return -1
  }

  /// Writes a start-tag with the attributes that are known, up to its end. Behind it there is room for ``Markup/spare``
  /// bytes.
  @inline(__always)
  private func writeTag(
    _ row: UnsafePointer<PreparedElement>, _ fields: NodeFields, isDeclared: Bool, _ output: inout Output
  ) {
    // Room for all but long values: what is written up to the end of the tag need not look for it each time.
    output.reserve(row.pointee.room)
    var target = (isDeclared ? row.pointee.startTag : row.pointee.declaringStartTag).copy(to: output.end)
    let attributes = codec.attributes.rows(row.pointee.attributes).first
    var present = fields[1] & row.pointee.attributeBits
    while present != 0 {
      let attribute = attributes + present.trailingZeroBitCount
      present &= present &- 1
      target = attribute.pointee.start.copy(to: target)
      target = write(attribute, fields, isAttribute: true, room: row.pointee.room, at: target, &output)
      target.storeBytes(of: 0x27, as: UInt8.self)
      target += 1
    }
    output.end = target
  }

  /// Writes a value at `target`, behind which there is `room` for one that is not long and for what follows it; returns
  /// where it ends.
  @inline(__always)
  private func write(
    _ row: UnsafePointer<PreparedAttribute>, _ fields: NodeFields, isAttribute: Bool, room: Int,
    at target: UnsafeMutableRawPointer, _ output: inout Output
  ) -> UnsafeMutableRawPointer {
    let word = row.pointee.word &+ 1
    var slice: Slice
    switch row.pointee.kind {
    case .text, .token: slice = fields.slice(word)
    case .number(_, let maximum):
      let number = maximum > UInt64(UInt32.max) ? fields.wide(word) : UInt64(fields[word])
      return target + Output.store(number, at: target)
    case .enumeration:
      let code = Int(fields[word])
      if code != 0 {
        let name = codec.enumNames.address(row.pointee.firstName &+ code &- 1)
        if name.pointee.count <= Markup.shortText { return name.pointee.copy(to: target) }
        output.end = target
        output.append(name.pointee)
        output.reserve(room)
        return output.end
      }
      slice = fields.slice(word &+ 1)
    }
    let size = Int(slice.length)
    if size == 0 { return target }
    if size <= Markup.shortText, arena.copyPlain(slice, to: target) { return target + size }
    output.end = target
    output.append(escaping: arena, slice, isAttribute: isAttribute)
    output.reserve(room)
    return output.end
  }
}
