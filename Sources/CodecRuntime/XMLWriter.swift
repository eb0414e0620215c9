/// Writing XML: the markup, and every text escaped so that it comes back as it was.
///
/// What the text may hold is XML 1.0 §2.2: a code point that is no `Char` cannot be written in any form and is left
/// out, or one bad character of a SIP display name would end a stream; bytes that are no UTF-8 become U+FFFD.
extension Output {
  // MARK: Tags

  /// Writes `<name`, with a declaration of the default namespace where one is given.
  public mutating func beginStartTag(_ name: StaticString, namespace: StaticString? = nil) {
    append(0x3C)
    append(name)
    if let namespace { attribute("xmlns", namespace) }
  }

  /// Ends a start-tag: what follows is content.
  public mutating func endStartTag() { append(0x3E) }

  /// Ends an empty-element tag.
  public mutating func endEmptyElementTag() { append("/>") }

  public mutating func endTag(_ name: StaticString) {
    append("</")
    append(name)
    append(0x3E)
  }

  /// An attribute of the start-tag that was begun; the name is written as it is, the value escaped.
  public mutating func attribute(_ name: StaticString, _ value: Text) {
    beginAttribute(name)
    append(attributeValue: value)
    append(0x27)
  }

  public mutating func attribute(_ name: StaticString, _ value: String) {
    beginAttribute(name)
    append(attributeValue: value)
    append(0x27)
  }

  public mutating func attribute(_ name: StaticString, _ value: StaticString) {
    beginAttribute(name)
    writeEscaped(
      UnsafeBufferPointer(start: value.utf8Start, count: value.utf8CodeUnitCount), as: .attributeValue)
    append(0x27)
  }

  public mutating func attribute(_ name: StaticString, decimal value: UInt64) {
    beginAttribute(name)
    append(decimal: value)
    append(0x27)
  }

  /// Writes ` name='`; the caller writes the value, escaped, and the apostrophe.
  public mutating func beginAttribute(_ name: StaticString) {
    append(0x20)
    append(name)
    append("='")
  }

  // MARK: Escaped text

  /// Writes character data: `&`, `<`, `>` as entity references, a carriage return as a character reference, since a
  /// parser would make a line feed of it (XML 1.0 §2.11).
  public mutating func append(characterData bytes: UnsafeBufferPointer<UInt8>) {
    writeEscaped(bytes, as: .characterData)
  }

  public mutating func append(characterData text: Text) {
    append(escaping: text.arena, text.slice, isAttribute: false)
  }

  public mutating func append(characterData text: String) {
    var text = text
    text.withUTF8 { writeEscaped($0, as: .characterData) }
  }

  /// Writes an attribute value, without the quotation marks around it: also `"` and `'`, and tab, line feed and
  /// carriage return as character references, since a parser would make spaces of them (XML 1.0 §3.3.3).
  public mutating func append(attributeValue bytes: UnsafeBufferPointer<UInt8>) {
    writeEscaped(bytes, as: .attributeValue)
  }

  public mutating func append(attributeValue text: Text) {
    append(escaping: text.arena, text.slice, isAttribute: true)
  }

  public mutating func append(attributeValue text: String) {
    var text = text
    text.withUTF8 { writeEscaped($0, as: .attributeValue) }
  }

  // MARK: Elements

  /// Writes an element with all that is in it. A namespace is declared where it differs from the one around it;
  /// `parentNamespace` is the default namespace at this place.
  public mutating func append(xml element: XMLElement, parentNamespace: StaticString = "") {
    let isDeclared = element.namespace == parentNamespace
    write(element, declaresNamespace: !isDeclared)
  }

  /// Writes the elements and texts of `element` without its tags: `namespace` is the default namespace around them.
  public mutating func append(contentOf element: XMLElement, namespace: StaticString) {
    for node in element.nodes {
      switch node {
      case .text(let text): append(characterData: text)
      case .element(let child): append(xml: child, parentNamespace: namespace)
      }
    }
  }

  /// Writes ` name='value'` with the prefix that the namespace of the attribute needs. `generated` counts the
  /// prefixes that were made up in this tag.
  public mutating func append(_ attribute: XMLAttribute, generatedPrefixes generated: inout UInt64) {
    let namespace = attribute.namespace
    append(0x20)
    if namespace.isEmpty {
      append(attribute.name)
    } else if namespace == "http://www.w3.org/XML/1998/namespace" {
      // The prefix `xml` is bound to this name for good and needs no declaration (Namespaces in XML 1.0 §3).
      append("xml:")
      append(attribute.name)
    } else {
      append("xmlns:ns")
      append(decimal: generated)
      append("='")
      append(attributeValue: namespace)
      append("' ns")
      append(decimal: generated)
      append(0x3A)
      append(attribute.name)
      generated += 1
    }
    append("='")
    append(attributeValue: attribute.value)
    append(0x27)
  }

  private mutating func write(_ element: XMLElement, declaresNamespace: Bool) {
    append(0x3C)
    append(element.name)
    let namespace = element.namespace
    if declaresNamespace { attribute("xmlns", namespace) }
    var generated: UInt64 = 0
    for attribute in element.attributes { append(attribute, generatedPrefixes: &generated) }
    var isEmpty = true
    for node in element.nodes {
      if isEmpty { append(0x3E) }
      isEmpty = false
      switch node {
      case .text(let text): append(characterData: text)
      case .element(let child):
        // Depth is bounded by the reader, or by the code that built the element.
        let inner = child.namespace
        write(child, declaresNamespace: inner.slice != namespace.slice && inner != namespace)
      }
    }
    if isEmpty {
      append("/>")
      return
    }
    append("</")
    append(element.name)
    append(0x3E)
  }

  // MARK: Escaping

  private enum EscapedPlace { case characterData, attributeValue }

  /// Writes a text of an arena, escaped for an attribute value or for character data.
  @inline(never)
  mutating func append(escaping arena: Arena, _ slice: Slice, isAttribute: Bool) {
    let size = Int(slice.length)
    if size == 0 { return }
    reserve(size &+ Markup.spare)
    if arena.copyPlain(slice, to: end) {
      length &+= size
    } else {
      arena.withBytes(of: slice) { writeEscaped($0, as: isAttribute ? .attributeValue : .characterData) }
    }
  }

  private mutating func writeEscaped(_ bytes: UnsafeBufferPointer<UInt8>, as place: EscapedPlace) {
    var written = 0
    var position = 0
    while position < bytes.count {
      let byte = bytes[position]
      let replacement: StaticString
      var width = 1
      switch byte {
      case 0x26: replacement = "&amp;"
      case 0x3C: replacement = "&lt;"
      case 0x3E: replacement = "&gt;"
      case 0x0D: replacement = "&#xD;"
      case 0x22 where place == .attributeValue: replacement = "&quot;"
      case 0x27 where place == .attributeValue: replacement = "&apos;"
      case 0x09 where place == .attributeValue: replacement = "&#x9;"
      case 0x0A where place == .attributeValue: replacement = "&#xA;"
      case 0x09, 0x0A, 0x20...0x7F:
        position += 1
        continue
      case 0x00..<0x20: replacement = ""
      default:
        width = validWidth(of: bytes, at: position)
        if width == 0 {
          width = 1
          replacement = "\u{FFFD}"
        } else if width == 3, byte == 0xEF, bytes[position + 1] == 0xBF, bytes[position + 2] >= 0xBE {
          replacement = ""  // U+FFFE and U+FFFF
        } else {
          position += width
          continue
        }
      }
      append(UnsafeBufferPointer(rebasing: bytes[written..<position]))
      append(replacement)
      position += width
      written = position
    }
    append(UnsafeBufferPointer(rebasing: bytes[written..<position]))
  }
}

/// The number of bytes of the well-formed UTF-8 sequence that starts at `position` with a byte above 0x7F, 0 where
/// it is not well-formed (RFC 3629 §4: no overlong forms, no surrogates, nothing above U+10FFFF).
private func validWidth(of bytes: UnsafeBufferPointer<UInt8>, at position: Int) -> Int {
  let lead = bytes[position]
  let width: Int
  var lowest: UInt8 = 0x80
  var highest: UInt8 = 0xBF
  switch lead {
  case 0xC2...0xDF: width = 2
  case 0xE0...0xEF:
    width = 3
    if lead == 0xE0 { lowest = 0xA0 }
    if lead == 0xED { highest = 0x9F }
  case 0xF0...0xF4:
    width = 4
    if lead == 0xF0 { lowest = 0x90 }
    if lead == 0xF4 { highest = 0x8F }
  default: return 0
  }
  guard position + width <= bytes.count else { return 0 }
  guard bytes[position + 1] >= lowest, bytes[position + 1] <= highest else { return 0 }
  for index in position + 2..<position + width where bytes[index] & 0xC0 != 0x80 { return 0 }
  return width
}

extension Arena {
  /// Copies a text that is not empty to where there is room for it and ``Markup/spare`` bytes. Returns whether nothing in
  /// it has to be escaped or looked at closely.
  @inline(__always)
  func copyPlain(_ slice: Slice, to target: UnsafeMutableRawPointer) -> Bool {
    let size = Int(slice.length)
    precondition(Int(slice.offset) &+ size <= byteCount)
    // Sixteen bytes at a time: behind those of an arena there are others that may be read.
    let source = UnsafeRawPointer(bytes + Int(slice.offset))
    var marks = SIMD16<UInt8>()
    var index = 0
    while index &+ 16 < size {
      let bytes = source.loadUnaligned(fromByteOffset: index, as: SIMD16<UInt8>.self)
      target.storeBytes(of: bytes, toByteOffset: index, as: SIMD16<UInt8>.self)
      marks |= escapeMarks(bytes)
      index &+= 16
    }
    let bytes = source.loadUnaligned(fromByteOffset: index, as: SIMD16<UInt8>.self)
    target.storeBytes(of: bytes, toByteOffset: index, as: SIMD16<UInt8>.self)
    // The highest bit of those bytes that belong to the text.
    let places = SIMD16<UInt8>(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)
    let own = places &- SIMD16(repeating: UInt8(truncatingIfNeeded: size &- index))
    marks |= escapeMarks(bytes) & own
    let halves = unsafeBitCast(marks, to: SIMD2<UInt64>.self)
    return (halves[0] | halves[1]) & 0x8080_8080_8080_8080 == 0
  }

  /// The same for a text of one to sixteen bytes. One with a space is to be looked at closely, too.
  @inline(__always)
  func copyShort(_ slice: Slice, to target: UnsafeMutableRawPointer) -> Bool {
    let size = Int(slice.length)
    precondition(Int(slice.offset) &+ size <= byteCount)
    let text = UnsafeRawPointer(bytes + Int(slice.offset)).loadUnaligned(as: SIMD16<UInt8>.self)
    target.storeBytes(of: text, as: SIMD16<UInt8>.self)
    let low = text &- SIMD16(repeating: 0x28)
    let marks = unsafeBitCast(text | low | bracketMarks(text), to: SIMD2<UInt64>.self)
    // The bytes behind the text are shifted out of the half in which it ends.
    let rest = UInt64(truncatingIfNeeded: 0 &- size &* 8)
    let head = UInt64(littleEndian: marks[0])
    let own = size <= 8 ? head &<< rest : head | UInt64(littleEndian: marks[1]) &<< rest
    return own & 0x8080_8080_8080_8080 == 0
  }
}

/// Sets the highest bit of a byte if it is above 0x7F, below 0x28 but no space, `<` or `>`: all that is ever escaped.
@inline(__always)
private func escapeMarks(_ bytes: SIMD16<UInt8>) -> SIMD16<UInt8> {
  // Arithmetic, because each comparison of vectors would be a loop over their bytes. Where it is wrong, the byte is above
  // 0x7F anyway.
  let low = bytes &- SIMD16(repeating: 0x28)
  let noSpace = (bytes ^ SIMD16(repeating: 0x20)) &+ SIMD16(repeating: 0x7F)
  return bytes | low & noSpace | bracketMarks(bytes)
}

/// Sets the highest bit of a byte if it is `<` or `>`; that of one above 0x7F may be set or not.
@inline(__always)
private func bracketMarks(_ bytes: SIMD16<UInt8>) -> SIMD16<UInt8> {
  (bytes & SIMD16(repeating: 0xFD) ^ SIMD16(repeating: 0x3C)) &- SIMD16(repeating: 1)
}
