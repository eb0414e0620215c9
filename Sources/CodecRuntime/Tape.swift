#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Why a parser stopped: the byte at which it stood and what the grammar wanted there.
public struct ParseFailure: Equatable, Sendable {
  /// Bytes from the start of the input.
  public var offset: Int
  /// What would have been right, in the words of the grammar (`"@"`, `token`, `a number up to 255`).
  public var expected: String

  public init(offset: Int, expected: String) {
    self.offset = offset
    self.expected = expected
  }
}

/// An ``Arena`` in the making. Parsers and builders append nodes; ``finish()`` makes it immutable.
///
/// Its bytes are a copy of the input, so offsets into the input are offsets into the arena; texts that the input
/// does not hold are appended behind it.
public struct Tape: ~Copyable {
  @usableFromInline var bytes: UnsafeMutablePointer<UInt8>
  public private(set) var byteCount: Int
  var byteCapacity: Int
  @usableFromInline var words: UnsafeMutablePointer<UInt32>
  @usableFromInline var count: Int
  @usableFromInline var capacity: Int
  /// The first failure since the last ``rewind(to:)``: −1 when there is none.
  @usableFromInline var failureOffset: Int = -1
  @usableFromInline var failureExpectation: StaticString = ""

  /// Whether the words have memory of their own: at first they stand behind the bytes.
  private var wordsAreApart: Bool

  /// A tape without bytes, for building.
  public init() {
    self.init(copying: UnsafeRawBufferPointer(start: nil, count: 0), expectedWords: 64)
  }

  /// A tape over a copy of `input`. `expectedWords` is a guess at the size of the table, `expectedBytes` at what will be
  /// appended to the input; both grow when needed.
  @inline(__always)
  public init(copying input: UnsafeRawBufferPointer, expectedWords: Int, expectedBytes: Int = 0) {
    byteCount = input.count
    byteCapacity = max(input.count + expectedBytes, 16)
    capacity = min(max(expectedWords, 16), NodeLayout.maximumWords - 1)
    count = 0
    // The words begin at a multiple of their size.
    let offset = (byteCapacity + Input.padding + 3) & ~3
    let size = capacity * MemoryLayout<UInt32>.stride
    // One allocation for both is cheaper than two, but for those that malloc keeps at hand.
    wordsAreApart = max(offset, size) <= Self.smallAllocation && offset + size > Self.smallAllocation
    let memory = Self.allocate(wordsAreApart ? offset : offset + size)
    bytes = memory.bindMemory(to: UInt8.self, capacity: offset)
    words = (wordsAreApart ? Self.allocate(size) : memory + offset).bindMemory(to: UInt32.self, capacity: capacity)
    if let base = input.baseAddress { memcpy(bytes, base, input.count) }
    clearPadding()
  }

  /// A tape that starts with all bytes and nodes of `arena`; offsets and indices of the arena stay valid in it.
  public init(extending arena: Arena, expectedWords: Int = 64) {
    self.init(
      copying: UnsafeRawBufferPointer(start: arena.bytes, count: arena.byteCount),
      expectedWords: arena.wordCount + expectedWords)
    memcpy(words, arena.words, arena.wordCount * MemoryLayout<UInt32>.stride)
    count = arena.wordCount
  }

  /// A tape that starts with the bytes of `arena` but none of its nodes: slices of the arena stay valid in it.
  public init(sharingBytesOf arena: Arena, expectedWords: Int, expectedBytes: Int = 0) {
    self.init(
      copying: UnsafeRawBufferPointer(start: arena.bytes, count: arena.byteCount), expectedWords: expectedWords,
      expectedBytes: expectedBytes)
  }

  deinit {
    if wordsAreApart { free(words) }
    free(bytes)
  }

  /// Makes the tape immutable.
  public consuming func finish() -> Arena {
    let arena = Arena(
      takingBytes: bytes, count: byteCount, words: words, count: count, wordsAreApart: wordsAreApart)
    discard self
    return arena
  }

  /// The GNU C library keeps freed blocks up to this size in a list of the thread.
  private static var smallAllocation: Int { 1032 }

  private static func allocate(_ size: Int) -> UnsafeMutableRawPointer {
    guard let memory = malloc(size) else { preconditionFailure("out of memory") }
    return memory
  }

  /// Writes the zeros that an ``Input`` needs; they are allocated behind the bytes.
  @inline(__always)
  private func clearPadding() {
    // 32 bytes that were allocated behind the others.
    UnsafeMutableRawPointer(bytes + byteCount).storeBytes(of: SIMD32<UInt8>(), as: SIMD32<UInt8>.self)
  }

  /// The bytes, for a parser that appends nodes only: it is valid until more bytes are appended.
  public var input: Input { Input(padded: bytes, count: byteCount) }

  /// Hands the bytes of `slice` to a parser. For that time there are zeros behind them, as an ``Input`` needs them.
  @inline(__always)
  public mutating func withInput<Result>(of slice: Slice, _ body: (Input) -> Result) -> Result {
    let start = slice.isAbsent ? 0 : Int(slice.offset)
    let end = start + Int(slice.length)
    precondition(end <= byteCount)
    // 32 bytes that are those of the tape or allocated behind them.
    let behind = UnsafeMutableRawPointer(bytes + end)
    let kept = behind.loadUnaligned(as: SIMD32<UInt8>.self)
    behind.storeBytes(of: SIMD32<UInt8>(), as: SIMD32<UInt8>.self)
    defer { behind.storeBytes(of: kept, as: SIMD32<UInt8>.self) }
    return body(Input(padded: UnsafePointer(bytes + start), count: end &- start))
  }

  // MARK: Nodes

  /// Words in use: the index of the next node.
  @inlinable @inline(__always)
  public var wordCount: Int { count }

  /// Starts a node with `fixedWords` words of fields, all zero; returns its index. ``close(_:)`` ends it.
  @inlinable @inline(__always)
  public mutating func open(_ slot: UInt32, fixedWords: Int) -> Int {
    let index = count
    let next = index &+ 1 &+ fixedWords
    if next > capacity { grow(to: next) }
    let head = words + index
    head[0] = slot << NodeLayout.slotShift
    var position = 1
    while position <= fixedWords {
      head[position] = 0
      position &+= 1
    }
    count = next
    return index
  }

  /// ``open(_:fixedWords:)`` for a number of words that is not known when this is compiled, and mostly small.
  @inline(__always)
  mutating func open(_ slot: UInt32, anyWords fixedWords: Int) -> Int {
    guard fixedWords <= 16, count &+ 17 <= capacity else { return open(slot, fixedWords: fixedWords) }
    let index = count
    // 17 words, for which there is room; those behind the node will be overwritten.
    let head = words + index
    head[0] = slot << NodeLayout.slotShift
    UnsafeMutableRawPointer(head + 1).storeBytes(of: SIMD16<UInt32>(), as: SIMD16<UInt32>.self)
    count = index &+ 1 &+ fixedWords
    return index
  }

  /// Ends the node at `index`: all that was appended since ``open(_:fixedWords:)`` are its children.
  @inlinable @inline(__always)
  public mutating func close(_ index: Int) {
    precondition(UInt(bitPattern: index) < UInt(bitPattern: count))
    words[index] |= UInt32(truncatingIfNeeded: count &- index)
  }

  /// Sets a field of an open node.
  @inlinable @inline(__always)
  public mutating func set(_ index: Int, _ value: UInt32) {
    precondition(UInt(bitPattern: index) < UInt(bitPattern: count))
    words[index] = value
  }

  /// Sets a text field (two words) of an open node to the bytes from `start` up to `end` of the input.
  @inlinable @inline(__always)
  public mutating func set(_ index: Int, from start: Int, to end: Int) {
    precondition(UInt(bitPattern: index) < UInt(bitPattern: count - 1))
    words[index] = UInt32(truncatingIfNeeded: start)
    words[index + 1] = UInt32(truncatingIfNeeded: end - start)
  }

  @inlinable @inline(__always)
  public mutating func set(_ index: Int, _ slice: Slice) {
    precondition(UInt(bitPattern: index) < UInt(bitPattern: count - 1))
    words[index] = slice.offset
    words[index + 1] = slice.length
  }

  /// Sets bits in a field of an open node: which optional fields are present.
  @inlinable @inline(__always)
  public mutating func mark(_ index: Int, _ bits: UInt32) {
    precondition(UInt(bitPattern: index) < UInt(bitPattern: count))
    words[index] |= bits
  }

  // What follows is for generated parsers: the words of an open node were reserved when it was opened, and a parser
  // names only words that it reserved, so that one check of the bounds serves the node.

  /// Sets the word `field` of the open node at `node`.
  @inlinable @inline(__always)
  public mutating func set(_ node: Int, field: Int, _ value: UInt32) {
    assert(node >= 0 && node + field < count)
    words[node &+ field] = value
  }

  /// Sets the text at the word `field` of the open node at `node`.
  @inlinable @inline(__always)
  public mutating func set(_ node: Int, field: Int, _ slice: Slice) {
    assert(node >= 0 && node + field + 1 < count)
    let target = words + (node &+ field)
    target[0] = slice.offset
    target[1] = slice.length
  }

  /// Sets the text at the word `field` of the open node at `node`.
  @inlinable @inline(__always)
  public mutating func set(_ node: Int, field: Int, from start: Int, to end: Int) {
    assert(node >= 0 && node + field + 1 < count)
    let target = words + (node &+ field)
    target[0] = UInt32(truncatingIfNeeded: start)
    target[1] = UInt32(truncatingIfNeeded: end &- start)
  }

  /// Sets bits in the first field of the open node at `node`: which optional fields are present.
  @inlinable @inline(__always)
  public mutating func mark(node: Int, _ bits: UInt32) {
    assert(node >= 0 && node + 1 < count)
    words[node &+ 1] |= bits
  }

  /// Reserves a node that ``end(_:slot:)`` will close: like ``open(_:fixedWords:)`` but for its head.
  @inlinable @inline(__always)
  public mutating func begin(fixedWords: Int) -> Int {
    let index = begin(filling: fixedWords)
    let head = words + index
    var position = 1
    while position <= fixedWords {
      head[position] = 0
      position &+= 1
    }
    return index
  }

  /// The same for a node of which the parser sets each field, or which is dropped: what they are until then is left open.
  @inlinable @inline(__always)
  public mutating func begin(filling fixedWords: Int) -> Int {
    let index = count
    let next = index &+ 1 &+ fixedWords
    if next > capacity { grow(to: next) }
    count = next
    return index
  }

  /// Ends the node at `node`, which ``begin(fixedWords:)`` reserved.
  @inlinable @inline(__always)
  public mutating func end(_ node: Int, slot: UInt32) {
    assert(node >= 0 && node < count)
    words[node] = slot << NodeLayout.slotShift | UInt32(truncatingIfNeeded: count &- node)
  }

  /// Makes room for a node without children that has `fixedWords` words of fields, and writes its head; returns where it
  /// begins.
  @inlinable @inline(__always)
  mutating func head(_ slot: UInt32, fixedWords: Int) -> UnsafeMutablePointer<UInt32> {
    let index = count
    let next = index &+ 1 &+ fixedWords
    if next > capacity { grow(to: next) }
    count = next
    let head = words + index
    head[0] = slot << NodeLayout.slotShift | UInt32(truncatingIfNeeded: 1 &+ fixedWords)
    return head
  }

  /// Appends a node without fields.
  @inlinable @inline(__always)
  public mutating func append(slot: UInt32) { _ = head(slot, fixedWords: 0) }

  /// Appends a node of one word.
  @inlinable @inline(__always)
  public mutating func append(slot: UInt32, _ word: UInt32) { head(slot, fixedWords: 1)[1] = word }

  /// Appends a node of two words, a number of 64 bits, the lower half first.
  @inlinable @inline(__always)
  public mutating func append(slot: UInt32, _ low: UInt32, _ high: UInt32) {
    let head = head(slot, fixedWords: 2)
    head[1] = low
    head[2] = high
  }

  /// Appends a node of a text, the bytes from `start` up to `end` of the input.
  @inlinable @inline(__always)
  public mutating func append(slot: UInt32, from start: Int, to end: Int) {
    let head = head(slot, fixedWords: 2)
    head[1] = UInt32(truncatingIfNeeded: start)
    head[2] = UInt32(truncatingIfNeeded: end &- start)
  }

  /// Appends a node of a word, the number of a known value, and a text.
  @inlinable @inline(__always)
  public mutating func append(slot: UInt32, _ word: UInt32, from start: Int, to end: Int) {
    let head = head(slot, fixedWords: 3)
    head[1] = word
    head[2] = UInt32(truncatingIfNeeded: start)
    head[3] = UInt32(truncatingIfNeeded: end &- start)
  }

  /// The slot of the node at `node`, which ``end(_:slot:)`` ended.
  @inlinable @inline(__always)
  public func slot(ended node: Int) -> UInt32 {
    assert(node >= 0 && node < count)
    return words[node] >> NodeLayout.slotShift
  }

  @inlinable @inline(__always)
  public func word(_ index: Int) -> UInt32 {
    precondition(UInt(bitPattern: index) < UInt(bitPattern: count))
    return words[index]
  }

  @inlinable @inline(__always)
  public func slot(of index: Int) -> UInt32 { word(index) >> NodeLayout.slotShift }

  @inlinable @inline(__always)
  public func end(of index: Int) -> Int { index + Int(word(index) & NodeLayout.sizeMask) }

  /// Drops all nodes from `wordCount` on and forgets the failure.
  @inlinable
  public mutating func rewind(to wordCount: Int) {
    precondition(wordCount <= count)
    count = wordCount
    failureOffset = -1
  }

  @usableFromInline
  mutating func grow(to needed: Int) {
    precondition(needed < NodeLayout.maximumWords, "a message of this size has to be refused before it is parsed")
    var larger = capacity
    while larger < needed { larger *= 2 }
    moveWords(to: larger)
  }

  /// Gives the words memory of their own.
  private mutating func moveWords(to larger: Int) {
    let memory = Self.allocate(larger * MemoryLayout<UInt32>.stride)
    memcpy(memory, words, count * MemoryLayout<UInt32>.stride)
    if wordsAreApart { free(words) }
    words = memory.bindMemory(to: UInt32.self, capacity: larger)
    capacity = larger
    wordsAreApart = true
  }

  // MARK: Bytes

  /// Whether the bytes of `slice`, which is not absent, are those of `text`, which is not empty.
  @inlinable @inline(__always)
  public func holds(_ text: PreparedText, at slice: Slice) -> Bool {
    let (start, size) = (Int(slice.offset), Int(slice.length))
    guard size == text.count else { return false }
    precondition(start &+ size <= byteCount)
    // Behind the bytes of a tape there are others that may be read.
    let bytes = UnsafeRawPointer(bytes + start)
    let head = UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self))
    if size < 8 { return (head ^ text.head) &<< UInt64(truncatingIfNeeded: 64 &- size &* 8) == 0 }
    guard head == text.head else { return false }
    let tail = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: size &- 8, as: UInt64.self))
    return tail == text.tail && (size <= 16 || text.isSame(bytes))
  }

  /// Appends bytes that the input does not hold.
  @discardableResult
  public mutating func append(_ text: UnsafeBufferPointer<UInt8>) -> Slice {
    let start = byteCount
    let needed = start + text.count
    precondition(needed < Int(UInt32.max))
    if needed > byteCapacity {
      var larger = byteCapacity
      while larger < needed { larger *= 2 }
      if !wordsAreApart { moveWords(to: capacity) }
      guard let memory = realloc(bytes, larger + Input.padding) else { preconditionFailure("out of memory") }
      bytes = memory.bindMemory(to: UInt8.self, capacity: larger)
      byteCapacity = larger
    }
    if let base = text.baseAddress { memcpy(bytes + start, base, text.count) }
    byteCount = needed
    clearPadding()
    return Slice(offset: UInt32(start), length: UInt32(text.count))
  }

  @discardableResult
  public mutating func append(_ text: String) -> Slice {
    var text = text
    return text.withUTF8 { append($0) }
  }

  /// Appends the bytes of a text of another arena.
  @discardableResult
  public mutating func append(_ text: Text) -> Slice {
    text.arena.withBytes(of: text.slice) { append($0) }
  }

  /// The bytes of `slice`; empty where it is absent.
  @inlinable
  public func withBytes<Result: ~Copyable, Failure: Error>(
    of slice: Slice, _ body: (UnsafeBufferPointer<UInt8>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    if slice.isAbsent || slice.length == 0 { return try body(UnsafeBufferPointer(start: nil, count: 0)) }
    precondition(Int(slice.offset) + Int(slice.length) <= byteCount)
    return try body(UnsafeBufferPointer(start: bytes + Int(slice.offset), count: Int(slice.length)))
  }

  // MARK: Failure

  /// Notes what was expected at `offset`; the first note since the last ``rewind(to:)`` counts. Returns −1, so
  /// that a parser can return it.
  @inline(never)
  public mutating func fail(_ offset: Int, _ expected: StaticString) -> Int {
    if failureOffset < 0 {
      failureOffset = offset
      failureExpectation = expected
    }
    return -1
  }

  /// What the last parse stumbled over.
  public var failure: ParseFailure? {
    failureOffset < 0 ? nil : ParseFailure(offset: failureOffset, expected: "\(failureExpectation)")
  }
}

/// Appends a node without fields for what ends at `end`, and returns that. It stands apart, so that who ends with it needs
/// no frame.
@inline(never)
public func append(slot: UInt32, to tape: inout Tape, endingAt end: Int) -> Int {
  tape.append(slot: slot)
  return end
}

/// A text made ready to be compared with those of a ``Tape``.
public struct PreparedText: Sendable {
  public let text: StaticString
  @usableFromInline let count: Int
  /// The first and the last eight bytes as numbers; of a shorter text all of it, with zeros behind.
  @usableFromInline let head: UInt64
  @usableFromInline let tail: UInt64

  public init(_ text: StaticString) {
    let name = PreparedName(text)
    self.text = text
    count = name.length
    head = name.head
    tail = name.tail
  }

  /// Whether as many bytes are the same.
  @usableFromInline @inline(never)
  func isSame(_ bytes: UnsafeRawPointer) -> Bool { memcmp(bytes, text.utf8Start, count) == 0 }
}
