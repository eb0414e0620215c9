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
    let row = codec.elements[number]
    output.append(row.startTag)
    if row.namespace != parentNamespace { output.append(row.declaration) }
    let present = arena.word(node + 1)
    for index in row.attributes where present & codec.attributes[index].presence != 0 {
      output.append(codec.attributes[index].start)
      write(codec.attributes[index], node, isAttribute: true, &output)
      output.append(0x27)
    }
    let end = arena.end(of: node)
    var child = node + 1 + row.fixedWords
    var prefixes: UInt64 = 0
    while child < end, arena.slot(of: child) == ElementLayout.unknownAttribute {
      output.append(XMLAttribute(arena: arena, index: child), generatedPrefixes: &prefixes)
      child = arena.end(of: child)
    }
    let hasText = row.text >= 0 && present & codec.attributes[row.text].presence != 0
    if child >= end, !hasText {
      output.endEmptyElementTag()
      return
    }
    output.endStartTag()
    if hasText { write(codec.attributes[row.text], node, isAttribute: false, &output) }
    // Children of one kind stand together.
    var last = row.children.lowerBound
    while child < end {
      let slot = arena.slot(of: child)
      let known = kind(slot, row.children, from: last)
      if known >= 0 {
        last = known
        encode(child, codec.children[known].element, parentNamespace: row.namespace, &output)
      } else if slot == ElementLayout.unknownElement {
        let element = XMLElement(arena: arena, index: Int(arena.word(child + 1)))
        output.append(xml: element, parentNamespace: codec.namespaces[row.namespace].text)
      }
      child = arena.end(of: child)
    }
    output.append(row.endTag)
  }

  @inline(__always)
  private func kind(_ slot: UInt32, _ range: Range<Int>, from start: Int) -> Int {
    for candidate in start..<range.upperBound where codec.children[candidate].slot == slot { return candidate }
    for candidate in range.lowerBound..<start where codec.children[candidate].slot == slot { return candidate }
    return -1
  }

  @inline(__always)
  private func write(_ row: PreparedAttribute, _ node: Int, isAttribute: Bool, _ output: inout Output) {
    let word = node + 1 + row.word
    switch row.kind {
    case .number(let maximum):
      output.append(decimal: maximum > UInt64(UInt32.max) ? arena.wide(at: word) : UInt64(arena.word(word)))
    case .enumeration where arena.word(word) != 0:
      output.append(codec.enumNames[row.firstName + Int(arena.word(word)) - 1])
    case .enumeration: output.append(escaping: arena, arena.slice(at: word + 1), isAttribute: isAttribute)
    case .text, .token: output.append(escaping: arena, arena.slice(at: word), isAttribute: isAttribute)
    }
  }
}
