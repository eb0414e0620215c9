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
    output.append(row.pointee.startTag)
    if row.pointee.namespace != parentNamespace { output.append(row.pointee.declaration) }
    let present = arena.word(node + 1)
    for index in row.pointee.attributes {
      let attribute = codec.attributes.address(index)
      guard present & attribute.pointee.presence != 0 else { continue }
      output.append(attribute.pointee.start)
      write(attribute, node, isAttribute: true, &output)
      output.append(0x27)
    }
    let end = arena.end(of: node)
    var child = node + 1 + row.pointee.fixedWords
    var prefixes: UInt64 = 0
    while child < end, arena.slot(of: child) == ElementLayout.unknownAttribute {
      output.append(XMLAttribute(arena: arena, index: child), generatedPrefixes: &prefixes)
      child = arena.end(of: child)
    }
    let hasText = row.pointee.text >= 0 && present & codec.attributes[row.pointee.text].presence != 0
    if child >= end, !hasText {
      output.endEmptyElementTag()
      return
    }
    output.endStartTag()
    if hasText { write(codec.attributes.address(row.pointee.text), node, isAttribute: false, &output) }
    // Children of one kind stand together.
    var last = row.pointee.children.lowerBound
    while child < end {
      let slot = arena.slot(of: child)
      let known = kind(slot, row.pointee.children, from: last)
      if known >= 0 {
        last = known
        encode(child, codec.children[known].element, parentNamespace: row.pointee.namespace, &output)
      } else if slot == ElementLayout.unknownElement {
        let element = XMLElement(arena: arena, index: Int(arena.word(child + 1)))
        output.append(xml: element, parentNamespace: codec.namespaces[row.pointee.namespace].text)
      }
      child = arena.end(of: child)
    }
    output.append(row.pointee.endTag)
  }

  @inline(__always)
  private func kind(_ slot: UInt32, _ range: Range<Int>, from start: Int) -> Int {
    for candidate in start..<range.upperBound where codec.children[candidate].slot == slot { return candidate }
    for candidate in range.lowerBound..<start where codec.children[candidate].slot == slot { return candidate }
    return -1
  }

  @inline(__always)
  private func write(_ row: UnsafePointer<PreparedAttribute>, _ node: Int, isAttribute: Bool, _ output: inout Output) {
    let word = node + 1 + row.pointee.word
    switch row.pointee.kind {
    case .number(let maximum):
      output.append(decimal: maximum > UInt64(UInt32.max) ? arena.wide(at: word) : UInt64(arena.word(word)))
    case .enumeration where arena.word(word) != 0:
      output.append(codec.enumNames[row.pointee.firstName + Int(arena.word(word)) - 1])
    case .enumeration: output.append(escaping: arena, arena.slice(at: word + 1), isAttribute: isAttribute)
    case .text, .token: output.append(escaping: arena, arena.slice(at: word), isAttribute: isAttribute)
    }
  }
}
