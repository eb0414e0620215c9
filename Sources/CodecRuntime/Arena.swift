#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A range of bytes of an ``Arena``: where a text starts and how long it is.
///
/// A slice means nothing without its arena; ``Text`` is the pair of both.
@frozen
public struct Slice: Equatable, Sendable {
  /// Bytes from the start of the arena; `UInt32.max` says that the text is absent.
  public var offset: UInt32
  /// Length in bytes.
  public var length: UInt32

  @inlinable
  public init(offset: UInt32, length: UInt32) {
    self.offset = offset
    self.length = length
  }

  /// What stands in a record where an optional text is not there.
  public static var absent: Slice {
    @inlinable @inline(__always) get { Slice(offset: .max, length: 0) }
  }

  @inlinable
  public var isAbsent: Bool { offset == .max }
}

/// One message: its bytes, and the flat table of the typed values that a parser or a builder made of them.
///
/// The table consists of *nodes*. The first word of a node holds its slot (which field, header, line or element
/// it is; upper 10 bits) and its size in words, this one included (lower 22 bits). Then come as many words as the
/// node's type has fixed fields, then its child nodes, each of the same form.
///
/// An arena is made by ``Tape/finish()`` and never changes afterwards.
// @unchecked: both pointers are owned by this object alone, are written before `init` returns and never after it.
public final class Arena: @unchecked Sendable {
  @usableFromInline let bytes: UnsafeMutablePointer<UInt8>
  public let byteCount: Int
  @usableFromInline let words: UnsafeMutablePointer<UInt32>
  public let wordCount: Int
  /// Whether the words have memory of their own; else they stand behind the bytes.
  private let wordsAreApart: Bool

  init(
    takingBytes bytes: UnsafeMutablePointer<UInt8>, count byteCount: Int,
    words: UnsafeMutablePointer<UInt32>, count wordCount: Int, wordsAreApart: Bool
  ) {
    self.wordsAreApart = wordsAreApart
    self.bytes = bytes
    self.byteCount = byteCount
    self.words = words
    self.wordCount = wordCount
  }

  deinit {
    if wordsAreApart { free(words) }
    free(bytes)
  }

  /// The word at `index` of the table. Trap: an index outside of the table, which is an error of the caller.
  @inlinable @inline(__always)
  public func word(_ index: Int) -> UInt32 {
    precondition(UInt(bitPattern: index) < UInt(bitPattern: wordCount))
    return words[index]
  }

  @inlinable @inline(__always)
  public func slice(at index: Int) -> Slice {
    // There is always the word of a root.
    precondition(UInt(bitPattern: index) < UInt(bitPattern: wordCount &- 1))
    return Slice(offset: words[index], length: words[index &+ 1])
  }

  /// The fixed fields of the node at `index`, of which there are at least `count`.
  @inlinable @inline(__always)
  public func fields(of index: Int, count: Int) -> NodeFields {
    precondition(index >= 0 && index &+ count < wordCount)
    return NodeFields(words: words + index, count: count)
  }

  /// Where the node after the one at `index` starts.
  @inlinable @inline(__always)
  public func end(of index: Int) -> Int { index &+ Int(word(index) & NodeLayout.sizeMask) }

  @inlinable @inline(__always)
  public func slot(of index: Int) -> UInt32 { word(index) >> NodeLayout.slotShift }

  /// The bytes of `slice`; empty where it is absent.
  @inlinable
  public func withBytes<Result: ~Copyable, Failure: Error>(
    of slice: Slice, _ body: (UnsafeBufferPointer<UInt8>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    if slice.isAbsent || slice.length == 0 { return try body(UnsafeBufferPointer(start: nil, count: 0)) }
    precondition(Int(slice.offset) + Int(slice.length) <= byteCount)
    return try body(UnsafeBufferPointer(start: bytes + Int(slice.offset), count: Int(slice.length)))
  }

  /// The text of `slice`; what is not UTF-8 is replaced by U+FFFD.
  public func string(_ slice: Slice) -> String {
    withBytes(of: slice) { String(decoding: $0, as: UTF8.self) }
  }

  /// The first child with `slot` of the node at `index`, whose fixed fields take `fixedWords` words.
  @inlinable
  public func child(_ slot: UInt32, of index: Int, after fixedWords: Int) -> Int? {
    let end = end(of: index)
    var position = index &+ 1 &+ fixedWords
    while position < end {
      let head = word(position)
      if head >> NodeLayout.slotShift == slot { return position }
      position &+= Int(head & NodeLayout.sizeMask)
    }
    return nil
  }
}

/// The table of an ``Arena``, reached without counting references: it must not outlive the arena.
@frozen
public struct NodeTable {
  @usableFromInline let words: UnsafePointer<UInt32>
  @usableFromInline let count: Int

  @inlinable
  public init(_ arena: Arena) {
    words = UnsafePointer(arena.words)
    count = arena.wordCount
  }

  /// The word at `index` of the table. Trap: an index outside of the table, which is an error of the caller.
  @inlinable @inline(__always)
  public func word(_ index: Int) -> UInt32 {
    precondition(UInt(bitPattern: index) < UInt(bitPattern: count))
    return words[index]
  }

  /// The number of 64 bits in two words.
  @inlinable @inline(__always)
  public func wide(at index: Int) -> UInt64 { UInt64(word(index)) | UInt64(word(index &+ 1)) << 32 }

  @inlinable @inline(__always)
  public func slice(at index: Int) -> Slice {
    // There is always the word of a root.
    precondition(UInt(bitPattern: index) < UInt(bitPattern: count &- 1))
    return Slice(offset: words[index], length: words[index &+ 1])
  }

  /// The fixed fields of the node at `index`, of which there are at least `count`.
  @inlinable @inline(__always)
  public func fields(of index: Int, count: Int) -> NodeFields {
    precondition(index >= 0 && index &+ count < self.count)
    return NodeFields(words: words + index, count: count)
  }

  /// Where the node after the one at `index` starts.
  @inlinable @inline(__always)
  public func end(of index: Int) -> Int { index &+ Int(word(index) & NodeLayout.sizeMask) }

  @inlinable @inline(__always)
  public func slot(of index: Int) -> UInt32 { word(index) >> NodeLayout.slotShift }

  /// The first child with `slot` of the node at `index`, whose fixed fields take `fixedWords` words.
  @inlinable
  public func child(_ slot: UInt32, of index: Int, after fixedWords: Int) -> Int? {
    let end = end(of: index)
    var position = index &+ 1 &+ fixedWords
    while position < end {
      let head = word(position)
      if head >> NodeLayout.slotShift == slot { return position }
      position &+= Int(head & NodeLayout.sizeMask)
    }
    return nil
  }
}

/// The fixed fields of a node, for generated code: it names only fields that the node's type has, so that one check of the
/// bounds serves the node. It must not outlive its arena.
@frozen
public struct NodeFields {
  @usableFromInline let words: UnsafePointer<UInt32>
  @usableFromInline let count: Int

  @inlinable @inline(__always)
  init(words: UnsafePointer<UInt32>, count: Int) {
    self.words = words
    self.count = count
  }

  /// The word `field`; the first one is 1.
  @inlinable @inline(__always)
  public subscript(field: Int) -> UInt32 {
    assert(field > 0 && field <= count)
    return words[field]
  }

  /// The text in the words `field` and the one behind it.
  @inlinable @inline(__always)
  public func slice(_ field: Int) -> Slice { Slice(offset: self[field], length: self[field &+ 1]) }

  /// The number of 64 bits in two words.
  @inlinable @inline(__always)
  public func wide(_ field: Int) -> UInt64 { UInt64(self[field]) | UInt64(self[field &+ 1]) << 32 }
}

/// How the first word of a node is divided.
public enum NodeLayout {
  public static let slotShift: UInt32 = 22
  public static let sizeMask: UInt32 = (1 << 22) - 1
  /// The largest table, in words, and so the largest message that can be held: a parser stops at it.
  public static let maximumWords = 1 << 22
}
