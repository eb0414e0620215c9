/// Why a draft cannot be written: a value that the grammar does not allow.
public struct DraftError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The type and field, such as `ViaParm.host`.
  public var field: String
  public var message: String

  public init(field: String, message: String) {
    self.field = field
    self.message = message
  }

  public var description: String { "\(field): \(message)" }
}

extension Tape {
  /// Appends `text` if the token rule matches the whole of it.
  public mutating func append(
    _ text: String, matching token: (Input, inout Int) -> Bool, field: StaticString
  ) throws(DraftError) -> Slice {
    var text = text
    let isMatched = text.withUTF8 { isMatch($0, token) }
    guard isMatched else {
      throw DraftError(field: "\(field)", message: "\"\(text)\" is not what the grammar allows here")
    }
    return append(text)
  }

  /// Whether the bytes of `slice` are wholly a match of the token rule.
  public func matches(_ slice: Slice, _ token: (Input, inout Int) -> Bool) -> Bool {
    withBytes(of: slice) { isMatch($0, token) }
  }
}

private func isMatch(_ bytes: UnsafeBufferPointer<UInt8>, _ token: (Input, inout Int) -> Bool) -> Bool {
  Input.with(bytes) { input in
    var position = 0
    return token(input, &position) && position == input.count
  }
}

/// The values of a header whose comma list may be spread over several lines.
public struct HeaderValues<Element: ArenaValue>: Sequence, Sendable {
  let arena: Arena
  let headerSlot: UInt32
  let start: Int
  let end: Int
  let valueSlot: UInt32
  let valueWords: Int

  public init(
    arena: Arena, headerSlot: UInt32, from start: Int, to end: Int, valueSlot: UInt32, after valueWords: Int
  ) {
    self.arena = arena
    self.headerSlot = headerSlot
    self.start = start
    self.end = end
    self.valueSlot = valueSlot
    self.valueWords = valueWords
  }

  public struct Iterator: IteratorProtocol {
    let values: HeaderValues
    var header: Int
    var child: Int
    var childEnd: Int

    public mutating func next() -> Element? {
      let arena = values.arena
      while true {
        while child < childEnd {
          let index = child
          child = arena.end(of: index)
          if arena.slot(of: index) == values.valueSlot { return Element(arena: arena, index: index) }
        }
        guard header < values.end else { return nil }
        let index = header
        header = arena.end(of: index)
        if arena.slot(of: index) == values.headerSlot {
          child = index + 1 + values.valueWords
          childEnd = header
        }
      }
    }
  }

  public func makeIterator() -> Iterator { Iterator(values: self, header: start, child: 0, childEnd: 0) }

  public var first: Element? {
    var iterator = makeIterator()
    return iterator.next()
  }

  public var isEmpty: Bool { first == nil }
}
