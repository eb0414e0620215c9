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
    let row = codec.elements.address(number)
    let kind = PreparedChild(slot: arena.slot(of: node), element: number, row, isRepeatable: false)
    withUnsafePointer(to: kind) { encode(from: node, to: arena.end(of: node), $0, 1, parentNamespace: -1, &output) }
  }

  /// Writes the nodes from `start` up to `end`, which are of these kinds or unknown. Most have no children and are written
  /// without a call each.
  @inline(never)
  private func encode(
    from start: Int, to end: Int, _ kinds: UnsafePointer<PreparedChild>, _ count: Int, parentNamespace: Int,
    _ output: inout Output
  ) {
    var last = kinds
    let behind = kinds + count
    var node = start
    while node < end {
      let head = arena.word(node)
      let next = node &+ Int(head & NodeLayout.sizeMask)
      guard let known = kind(head >> NodeLayout.slotShift, from: kinds, to: behind, last) else {
        encodeUnknown(node, parentNamespace, &output)
        node = next
        continue
      }
      last = known
      let row = known.pointee.row
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
    if child < end {
      let kinds = codec.children.rows(row.pointee.children)
      encode(from: child, to: end, kinds.first, kinds.count, parentNamespace: row.pointee.namespace, &output)
    }
    output.append(row.pointee.endTag)
  }

  @inline(never)
  private func writeText(_ row: UnsafePointer<PreparedElement>, _ fields: NodeFields, _ output: inout Output) {
    let text = codec.attributes.address(row.pointee.text)
    output.reserve(row.pointee.room)
    output.end = write(text, of: row, fields, isAttribute: false, at: output.end, &output)
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

  /// Which of the kinds of children has this slot. Children of one kind stand together, so that it is looked for from the
  /// last one on.
  @inline(__always)
  private func kind(
    _ slot: UInt32, from first: UnsafePointer<PreparedChild>, to end: UnsafePointer<PreparedChild>,
    _ last: UnsafePointer<PreparedChild>
  ) -> UnsafePointer<PreparedChild>? {
    var kind = last
    while kind < end {
      if kind.pointee.slot == slot { return kind }
      kind += 1
    }
    kind = first
    while kind < last {
      if kind.pointee.slot == slot { return kind }
      kind += 1
    }
    return nil
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
    let attributes = row.pointee.firstAttribute
    var present = fields[1] & row.pointee.attributeBits
    while present != 0 {
      let attribute = attributes + present.trailingZeroBitCount
      present &= present &- 1
      target = attribute.pointee.start.copy(to: target)
      target = write(attribute, of: row, fields, isAttribute: true, at: target, &output)
      target.storeBytes(of: 0x27, as: UInt8.self)
      target += 1
    }
    output.end = target
  }

  /// Writes a value of an element at `target`, behind which there is the element's room for one that is not long and for
  /// what follows it; returns where it ends.
  @inline(__always)
  private func write(
    _ row: UnsafePointer<PreparedAttribute>, of element: UnsafePointer<PreparedElement>, _ fields: NodeFields,
    isAttribute: Bool, at target: UnsafeMutableRawPointer, _ output: inout Output
  ) -> UnsafeMutableRawPointer {
    let form = row.pointee.form
    var word = row.pointee.place
    if form != .text {
      if form != .enumeration {
        let number = form == .wide ? fields.wide(word) : UInt64(fields[word])
        return target + Output.store(number, at: target)
      }
      let code = Int(fields[word])
      if code != 0 {
        let name = codec.enumNames.address(row.pointee.firstName &+ code &- 1)
        if name.pointee.count <= Markup.shortText { return name.pointee.copy(to: target) }
        output.end = target
        output.append(name.pointee)
        output.reserve(element.pointee.room)
        return output.end
      }
      word &+= 1
    }
    let slice = fields.slice(word)
    // Most texts are short, and each character of them is written as it is.
    if slice.length &- 1 < 16, arena.copyShort(slice, to: target) { return target + Int(slice.length) }
    if slice.length == 0 { return target }
    return writeLong(slice, of: element, isAttribute: isAttribute, at: target, &output)
  }

  /// The same for a text that is longer, or of which a character has to be looked at.
  @inline(never)
  private func writeLong(
    _ slice: Slice, of element: UnsafePointer<PreparedElement>, isAttribute: Bool, at target: UnsafeMutableRawPointer,
    _ output: inout Output
  ) -> UnsafeMutableRawPointer {
    let size = Int(slice.length)
    if size <= Markup.shortText, arena.copyPlain(slice, to: target) { return target + size }
    output.end = target
    output.append(escaping: arena, slice, isAttribute: isAttribute)
    output.reserve(element.pointee.room)
    return output.end
  }
}
