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
    encode(node, number, parentNamespace: -1, &output)
  }

  private func encode(_ node: Int, _ number: Int, parentNamespace: Int, _ output: inout Output) {
    let row = codec.elements.address(number)
    let isDeclared = row.pointee.namespace == parentNamespace
    // Room for all but long values: what is written up to the end of the tag need not look for it each time.
    output.reserve(row.pointee.room)
    var target = (isDeclared ? row.pointee.startTag : row.pointee.declaringStartTag).copy(to: output.end)
    let fields = arena.fields(of: node, count: row.pointee.fixedWords)
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
    let end = arena.end(of: node)
    var child = node + 1 + row.pointee.fixedWords
    var prefixes: UInt64 = 0
    while child < end, arena.slot(of: child) == ElementLayout.unknownAttribute {
      output.append(XMLAttribute(arena: arena, index: child), generatedPrefixes: &prefixes)
      child = arena.end(of: child)
    }
    let hasText = fields[1] & row.pointee.textBit != 0
    if child >= end, !hasText {
      output.endEmptyElementTag()
      return
    }
    output.endStartTag()
    if hasText {
      let text = codec.attributes.address(row.pointee.text)
      output.reserve(row.pointee.room)
      output.end = write(text, fields, isAttribute: false, room: row.pointee.room, at: output.end, &output)
    }
    let kinds = codec.children.rows(row.pointee.children).first
    var last = 0
    while child < end {
      let head = arena.word(child)
      let slot = head >> NodeLayout.slotShift
      let known = kind(slot, kinds, row.pointee.children.count, last)
      if known >= 0 {
        last = known
        encode(child, kinds[known].element, parentNamespace: row.pointee.namespace, &output)
      } else if slot == ElementLayout.unknownElement {
        let element = XMLElement(arena: arena, index: Int(arena.word(child + 1)))
        output.append(xml: element, parentNamespace: codec.namespaces[row.pointee.namespace].text)
      }
      child &+= Int(head & NodeLayout.sizeMask)
    }
    output.append(row.pointee.endTag)
  }

  /// Which of the kinds of children has this slot; −1 for none. Children of one kind stand together.
  @inline(__always)
  private func kind(_ slot: UInt32, _ kinds: UnsafePointer<PreparedChild>, _ count: Int, _ last: Int) -> Int {
    for kind in last..<count where kinds[kind].slot == slot { return kind }
    for kind in 0..<last where kinds[kind].slot == slot { return kind }
    return -1
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
    case .number(let maximum):
      return Output.write(maximum > UInt64(UInt32.max) ? fields.wide(word) : UInt64(fields[word]), at: target)
    case .enumeration:
      if fields[word] != 0 {
        output.end = target
        output.append(codec.enumNames.address(row.pointee.firstName &+ Int(fields[word]) &- 1).pointee)
        output.reserve(room)
        return output.end
      }
      slice = fields.slice(word &+ 1)
    case .text, .token: slice = fields.slice(word)
    }
    let size = Int(slice.length)
    if size == 0 { return target }
    if size <= 16, arena.copyPlain(slice, to: target) { return target + size }
    output.end = target
    output.append(escaping: arena, slice, isAttribute: isAttribute)
    output.reserve(room)
    return output.end
  }
}
