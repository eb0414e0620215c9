/// A text inside a message: bytes of an ``Arena``, made into a `String` only where someone asks for one.
public struct Text: Sendable, CustomStringConvertible {
  public let arena: Arena
  public let slice: Slice

  @inlinable
  public init(arena: Arena, slice: Slice) {
    self.arena = arena
    self.slice = slice
  }

  /// A text of its own.
  public init(_ string: String) {
    var tape = Tape()
    let slice = tape.append(string)
    self.init(arena: tape.finish(), slice: slice)
  }

  public var string: String { arena.string(slice) }
  public var description: String { string }
  /// Length in bytes.
  public var count: Int { Int(slice.length) }
  public var isEmpty: Bool { slice.length == 0 }

  @inlinable
  public func withBytes<Result: ~Copyable, Failure: Error>(
    _ body: (UnsafeBufferPointer<UInt8>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try arena.withBytes(of: slice, body)
  }

  /// Hands a copy of the bytes to a parser.
  public func withInput<Result>(_ body: (Input) -> Result) -> Result {
    withBytes { Input.with($0, body) }
  }

  public static func == (text: Text, other: StaticString) -> Bool {
    text.withBytes { bytes in
      guard bytes.count == other.utf8CodeUnitCount else { return false }
      for index in 0..<bytes.count where bytes[index] != other.utf8Start[index] { return false }
      return true
    }
  }

  /// Whether both are the same but for the case of ASCII letters.
  public func equalsIgnoringCase(_ other: Text) -> Bool {
    withBytes { bytes in
      other.withBytes { others in
        guard bytes.count == others.count else { return false }
        for index in 0..<bytes.count where lowercased(bytes[index]) != lowercased(others[index]) { return false }
        return true
      }
    }
  }
}

extension Text: Hashable {
  public static func == (text: Text, other: Text) -> Bool {
    text.withBytes { bytes in other.withBytes { others in bytes.elementsEqual(others) } }
  }

  public func hash(into hasher: inout Hasher) {
    withBytes { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
  }
}

/// The ASCII lower case of `byte`.
@inlinable @inline(__always)
public func lowercased(_ byte: UInt8) -> UInt8 {
  byte &- 0x41 < 26 ? byte | 0x20 : byte
}

/// A typed value that lives in an ``Arena``: a node and how to read it.
public protocol ArenaValue: Sendable {
  init(arena: Arena, index: Int)
  var arena: Arena { get }
  /// Index of the node in the table of the arena.
  var index: Int { get }
}

/// The children of one slot of a node, in the order of the message.
public struct ArenaList<Element: ArenaValue>: Sequence, Sendable {
  @usableFromInline let arena: Arena
  @usableFromInline let slot: UInt32
  @usableFromInline let start: Int
  @usableFromInline let end: Int

  @inlinable
  public init(arena: Arena, slot: UInt32, of index: Int, after fixedWords: Int) {
    self.arena = arena
    self.slot = slot
    start = index + 1 + fixedWords
    end = arena.end(of: index)
  }

  /// The nodes of slot `slot` among those from `start` up to `end`.
  @inlinable
  public init(arena: Arena, slot: UInt32, from start: Int, to end: Int) {
    self.arena = arena
    self.slot = slot
    self.start = start
    self.end = end
  }

  public struct Iterator: IteratorProtocol {
    @usableFromInline let list: ArenaList
    @usableFromInline var position: Int

    @inlinable
    init(list: ArenaList) {
      self.list = list
      position = list.start
    }

    @inlinable
    public mutating func next() -> Element? {
      while position < list.end {
        let index = position
        position = list.arena.end(of: index)
        if list.arena.slot(of: index) == list.slot { return Element(arena: list.arena, index: index) }
      }
      return nil
    }
  }

  @inlinable
  public func makeIterator() -> Iterator { Iterator(list: self) }

  public var first: Element? {
    var iterator = makeIterator()
    return iterator.next()
  }

  public var count: Int {
    var count = 0
    for _ in self { count += 1 }
    return count
  }

  public var isEmpty: Bool { first == nil }
}

/// One text of a list of texts: a child node whose fields are a slice.
public struct TextValue: ArenaValue {
  public let arena: Arena
  public let index: Int

  public init(arena: Arena, index: Int) {
    self.arena = arena
    self.index = index
  }

  public var text: Text { Text(arena: arena, slice: arena.slice(at: index + 1)) }
}
