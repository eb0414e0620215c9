/// What the grammars say of the XML elements of a codec: generated tables, which ``ElementDecoder`` and
/// ``ElementEncoder`` read.
public protocol ElementTables {
  static var elements: [ElementRow] { get }
  static var attributes: [ElementAttributeRow] { get }
  static var children: [ElementChildRow] { get }
  /// The number of a value of an enum; 0 for one that the grammar does not name.
  static func code(ofEnum number: Int, _ input: Input) -> UInt32
  /// Whether values that the grammar does not name are allowed.
  static func isOpen(enum number: Int) -> Bool
  static func name(ofEnum number: Int, code: UInt32) -> StaticString
  /// Whether the whole input is a match of a token rule.
  static func matches(token number: Int, _ input: Input) -> Bool
}

/// One element. Its node has a word of presence bits, its attributes and text, then children in document order.
public struct ElementRow: Sendable {
  public var namespace: StaticString
  public var name: StaticString
  public var fixedWords: Int
  /// Where its attributes stand in the table of all; the last of them, with an empty name, is the character data.
  public var firstAttribute: Int
  public var attributeCount: Int
  public var firstChild: Int
  public var childCount: Int

  public init(
    namespace: StaticString, name: StaticString, fixedWords: Int, firstAttribute: Int, attributeCount: Int,
    firstChild: Int, childCount: Int
  ) {
    self.namespace = namespace
    self.name = name
    self.fixedWords = fixedWords
    self.firstAttribute = firstAttribute
    self.attributeCount = attributeCount
    self.firstChild = firstChild
    self.childCount = childCount
  }
}

/// One attribute or the character data (then the name is empty).
public struct ElementAttributeRow: Sendable {
  public enum Kind: Sendable {
    case text
    /// A token rule, by its number.
    case token(Int)
    /// A number; two words where it has 64 bits.
    case number(maximum: UInt64)
    /// An enum, by its number.
    case enumeration(Int)
  }

  public var name: StaticString
  public var kind: Kind
  /// Offset of its words behind the head of the node.
  public var word: Int
  /// Its bit in the first word.
  public var presence: UInt32
  public var isRequired: Bool

  public init(name: StaticString, kind: Kind, word: Int, presence: UInt32, isRequired: Bool) {
    self.name = name
    self.kind = kind
    self.word = word
    self.presence = presence
    self.isRequired = isRequired
  }
}

/// One kind of child.
public struct ElementChildRow: Sendable {
  public var slot: UInt32
  /// Number of the element.
  public var element: Int
  public var isRequired: Bool
  public var isRepeatable: Bool

  public init(slot: UInt32, element: Int, isRequired: Bool, isRepeatable: Bool) {
    self.slot = slot
    self.element = element
    self.isRequired = isRequired
    self.isRepeatable = isRepeatable
  }
}

/// Slots of what an element of the grammars holds besides.
public enum ElementLayout {
  /// An attribute that the grammar does not name, as ``XMLLayout/attribute``.
  public static let unknownAttribute: UInt32 = 1022
  /// An element that the grammar does not name: one word, the index of the ``XMLElement`` in the same arena.
  public static let unknownElement: UInt32 = 1023
}

/// What is wrong with an element.
public struct ElementIssue: Equatable, Sendable {
  public enum Layer: String, Sendable {
    /// A value that is not as the grammar says.
    case syntax
    /// Something that is missing or there too often.
    case validation
  }
  public var layer: Layer
  /// Path of element names and, with `@`, the attribute.
  public var location: String
  /// Bytes from the start of the input.
  public var offset: Int
  public var message: String
}

/// Turns XML elements into typed nodes on a tape that extends the arena of the XML.
public struct ElementDecoder<Tables: ElementTables> {
  private let arena: Arena
  private let elements = Tables.elements
  private let attributes = Tables.attributes
  private let children = Tables.children
  /// In the order of the document.
  public private(set) var issues: [ElementIssue] = []
  private var path: [Int] = []

  public init(_ arena: Arena) { self.arena = arena }

  /// Appends the node of the element `number` for `xml`, which has to bear its name.
  public mutating func decode(_ xml: XMLElement, as number: Int, slot: UInt32, into tape: inout Tape) {
    let row = elements[number]
    path.append(number)
    defer { path.removeLast() }
    let node = tape.open(slot, fixedWords: row.fixedWords)
    var present: UInt32 = 0
    let range = row.firstAttribute..<row.firstAttribute + row.attributeCount
    for attribute in xml.attributes {
      if !attribute.isNamespaced, let known = range.first(where: { isNamed(attributes[$0].name, attribute.name.slice) })
      {
        if read(attributes[known], attribute.value.slice, at: xml, node, &tape) {
          present |= attributes[known].presence
        }
      } else {
        let copy = tape.open(ElementLayout.unknownAttribute, fixedWords: XMLLayout.attributeWords)
        for word in 1...XMLLayout.attributeWords { tape.set(copy + word, arena.word(attribute.index + word)) }
        tape.close(copy)
      }
    }
    if let last = range.last, attributes[last].name.utf8CodeUnitCount == 0 {
      let text = xml.text
      // Pieces that elements separate are joined outside of this arena.
      let slice = text.arena === arena ? text.slice : tape.append(text)
      if text.count > 0 || attributes[last].isRequired {
        if read(attributes[last], slice, at: xml, node, &tape) { present |= attributes[last].presence }
      }
    }
    tape.set(node + 1, present)
    for index in range where attributes[index].isRequired && present & attributes[index].presence == 0 {
      // One that is there but wrong was reported.
      if !issues.contains(where: {
        $0.layer == .syntax && $0.offset == xml.sourceOffset ?? 0 && $0.location == location(attributes[index])
      }) {
        report(.validation, attributes[index], xml, "is missing")
      }
    }
    decodeChildren(of: xml, row, into: &tape)
    tape.close(node)
  }

  private func isNamed(_ name: StaticString, _ slice: Slice) -> Bool {
    name.utf8CodeUnitCount != 0 && arena.equals(slice, name)
  }

  private mutating func decodeChildren(of xml: XMLElement, _ row: ElementRow, into tape: inout Tape) {
    let range = row.firstChild..<row.firstChild + row.childCount
    var seen: UInt64 = 0
    for child in xml.children {
      let known = range.first { candidate in
        let element = elements[children[candidate].element]
        return arena.equals(arena.slice(at: child.index + XMLLayout.name), element.name)
          && arena.equals(arena.slice(at: child.index + XMLLayout.namespace), element.namespace)
      }
      guard let known else {
        let node = tape.open(ElementLayout.unknownElement, fixedWords: 1)
        tape.set(node + 1, UInt32(child.index))
        tape.close(node)
        continue
      }
      let bit: UInt64 = 1 << UInt64(min(known - row.firstChild, 63))
      if seen & bit != 0, !children[known].isRepeatable {
        issues.append(
          .init(
            layer: .validation, location: location + "/\(elements[children[known].element].name)",
            offset: child.sourceOffset ?? 0, message: "is there twice"))
      }
      seen |= bit
      decode(child, as: children[known].element, slot: children[known].slot, into: &tape)
    }
    for index in range where children[index].isRequired {
      if seen & (1 << UInt64(min(index - row.firstChild, 63))) == 0 {
        issues.append(
          .init(
            layer: .validation, location: location + "/\(elements[children[index].element].name)",
            offset: xml.sourceOffset ?? 0, message: "is missing"))
      }
    }
  }

  private mutating func read(
    _ row: ElementAttributeRow, _ slice: Slice, at xml: XMLElement, _ node: Int, _ tape: inout Tape
  ) -> Bool {
    let word = node + 1 + row.word
    switch row.kind {
    case .text:
      tape.set(word, slice)
      return true
    case .token(let number):
      let trimmed = row.name.utf8CodeUnitCount == 0 ? trim(slice, tape) : slice
      if tape.withInput(of: trimmed, { Tables.matches(token: number, $0) }) {
        tape.set(word, trimmed)
        return true
      }
    case .number(let maximum):
      let value = tape.withInput(of: trim(slice, tape)) { input -> UInt64? in
        var position = 0
        guard let value = decimal(input, &position, maximum: maximum), position == input.count else { return nil }
        return value
      }
      if let value {
        tape.set(word, UInt32(truncatingIfNeeded: value))
        if maximum > UInt64(UInt32.max) { tape.set(word + 1, UInt32(truncatingIfNeeded: value >> 32)) }
        return true
      }
      report(.syntax, row, xml, "is no number up to \(maximum)")
      return false
    case .enumeration(let number):
      let code = tape.withInput(of: slice) { Tables.code(ofEnum: number, $0) }
      if code != 0 || Tables.isOpen(enum: number) {
        tape.set(word, code)
        tape.set(word + 1, slice)
        return true
      }
    }
    report(.syntax, row, xml, "is not what the grammar allows here")
    return false
  }

  /// XML pretty-printers put white space around character data and numbers.
  private func trim(_ slice: Slice, _ tape: borrowing Tape) -> Slice {
    tape.withBytes(of: slice) { bytes in
      var start = 0
      var end = bytes.count
      func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D }
      while start < end, isBlank(bytes[start]) { start += 1 }
      while end > start, isBlank(bytes[end - 1]) { end -= 1 }
      return Slice(offset: slice.offset &+ UInt32(start), length: UInt32(end - start))
    }
  }

  private var location: String { path.map { "\(elements[$0].name)" }.joined(separator: "/") }

  private func location(_ row: ElementAttributeRow) -> String {
    row.name.utf8CodeUnitCount == 0 ? location : location + "@\(row.name)"
  }

  private mutating func report(
    _ layer: ElementIssue.Layer, _ row: ElementAttributeRow, _ xml: XMLElement, _ message: String
  ) {
    issues.append(.init(layer: layer, location: location(row), offset: xml.sourceOffset ?? 0, message: message))
  }
}

/// Writes typed nodes as XML.
public struct ElementEncoder<Tables: ElementTables> {
  private let arena: Arena
  private let elements = Tables.elements
  private let attributes = Tables.attributes
  private let children = Tables.children

  public init(_ arena: Arena) { self.arena = arena }

  /// Writes the node at `node`, an element `number`. Its namespace is declared where the parent's is another.
  public func encode(_ node: Int, as number: Int, parentNamespace: StaticString, to output: inout Output) {
    let row = elements[number]
    let isSame = Self.equal(row.namespace, parentNamespace)
    output.beginStartTag(row.name, namespace: isSame ? nil : row.namespace)
    let present = arena.word(node + 1)
    var text: ElementAttributeRow?
    for index in row.firstAttribute..<row.firstAttribute + row.attributeCount {
      let attribute = attributes[index]
      guard present & attribute.presence != 0 else { continue }
      if attribute.name.utf8CodeUnitCount == 0 {
        text = attribute
      } else {
        output.beginAttribute(attribute.name)
        write(attribute, node, isAttribute: true, to: &output)
        output.append(0x27)
      }
    }
    let end = arena.end(of: node)
    var child = node + 1 + row.fixedWords
    var prefixes: UInt64 = 0
    while child < end, arena.slot(of: child) == ElementLayout.unknownAttribute {
      output.append(XMLAttribute(arena: arena, index: child), generatedPrefixes: &prefixes)
      child = arena.end(of: child)
    }
    if child >= end, text == nil {
      output.endEmptyElementTag()
      return
    }
    output.endStartTag()
    if let text { write(text, node, isAttribute: false, to: &output) }
    while child < end {
      let slot = arena.slot(of: child)
      if slot == ElementLayout.unknownElement {
        let element = XMLElement(arena: arena, index: Int(arena.word(child + 1)))
        output.append(xml: element, parentNamespace: row.namespace)
      } else if let known = (row.firstChild..<row.firstChild + row.childCount).first(where: {
        children[$0].slot == slot
      }) {
        encode(child, as: children[known].element, parentNamespace: row.namespace, to: &output)
      }
      child = arena.end(of: child)
    }
    output.endTag(row.name)
  }

  private static func equal(_ left: StaticString, _ right: StaticString) -> Bool {
    guard left.utf8CodeUnitCount == right.utf8CodeUnitCount else { return false }
    for index in 0..<left.utf8CodeUnitCount where left.utf8Start[index] != right.utf8Start[index] { return false }
    return true
  }

  private func write(_ row: ElementAttributeRow, _ node: Int, isAttribute: Bool, to output: inout Output) {
    let word = node + 1 + row.word
    switch row.kind {
    case .number(let maximum):
      output.append(decimal: maximum > UInt64(UInt32.max) ? arena.wide(at: word) : UInt64(arena.word(word)))
    case .enumeration(let number) where arena.word(word) != 0:
      output.append(Tables.name(ofEnum: number, code: arena.word(word)))
    case .enumeration: write(arena.text(at: word + 1), isAttribute: isAttribute, to: &output)
    case .text, .token: write(arena.text(at: word), isAttribute: isAttribute, to: &output)
    }
  }

  private func write(_ text: Text, isAttribute: Bool, to output: inout Output) {
    if isAttribute {
      output.append(attributeValue: text)
    } else {
      output.append(characterData: text)
    }
  }
}
