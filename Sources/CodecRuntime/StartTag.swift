extension XMLElement {
  /// Where the value of the attribute with this name begins: bytes from the start of what was parsed.
  public func sourceOffset(ofValueOf name: StaticString) -> Int? {
    sourceOffset.flatMap { StartTag(arena, $0).place(of: name) }
  }
}

/// A start-tag as it stands in the document, for messages that say where something is wrong.
///
/// An XML reader has found it well-formed, and it is read only where there is something to report.
struct StartTag {
  private let arena: Arena
  private let start: Int

  /// - Parameter start: Where its `<` stands among the bytes of the arena.
  init(_ arena: Arena, _ start: Int) {
    self.arena = arena
    self.start = start
  }

  /// Where the value of the attribute with this name, which has no prefix, begins behind its quotation mark; without a
  /// name where the content of the element begins.
  func place(of name: StaticString?) -> Int? {
    arena.withBytes(of: Slice(offset: 0, length: UInt32(arena.byteCount))) { bytes -> Int? in
      func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D }
      func isName(_ byte: UInt8) -> Bool { !isBlank(byte) && byte != 0x3D && byte != 0x3E && byte != 0x2F }
      var position = start + 1
      func skip(while condition: (UInt8) -> Bool) {
        while position < bytes.count, condition(bytes[position]) { position += 1 }
      }
      skip(while: isName)
      while position < bytes.count, bytes[position] != 0x3E {
        skip { isBlank($0) || $0 == 0x2F }
        let nameStart = position
        skip(while: isName)
        let found = bytes[nameStart..<position]
        skip { isBlank($0) || $0 == 0x3D }
        guard position < bytes.count, !found.isEmpty else { break }
        let mark = bytes[position]
        position += 1
        let value = position
        if let name, name.withUTF8Buffer({ found.elementsEqual($0) }) { return value }
        skip { $0 != mark }
        position += 1
      }
      return name == nil && position < bytes.count ? position + 1 : nil
    }
  }
}
