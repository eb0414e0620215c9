#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Where serializers write: one growing buffer of bytes.
public struct Output: ~Copyable {
  @usableFromInline var base: UnsafeMutablePointer<UInt8>
  @usableFromInline var length: Int
  @usableFromInline var capacity: Int

  public init(capacity: Int = 512) {
    guard let memory = malloc(max(capacity, 16)) else { preconditionFailure("out of memory") }
    base = memory.bindMemory(to: UInt8.self, capacity: max(capacity, 16))
    length = 0
    self.capacity = max(capacity, 16)
  }

  deinit { free(base) }

  /// Bytes written so far.
  @inlinable
  public var count: Int { length }

  /// Forgets what was written and keeps the memory.
  public mutating func removeAll() { length = 0 }

  /// Forgets what was written after the first `count` bytes.
  public mutating func truncate(to count: Int) {
    precondition(count <= self.count)
    length = count
  }

  @inlinable @inline(__always)
  mutating func reserve(_ more: Int) {
    if length &+ more > capacity { grow(more) }
  }

  @usableFromInline @inline(never)
  mutating func grow(_ more: Int) {
    var larger = capacity
    while larger < length + more { larger *= 2 }
    guard let memory = realloc(base, larger) else { preconditionFailure("out of memory") }
    base = memory.bindMemory(to: UInt8.self, capacity: larger)
    capacity = larger
  }

  @inlinable @inline(__always)
  public mutating func append(_ byte: UInt8) {
    reserve(1)
    base[length] = byte
    length &+= 1
  }

  @inlinable @inline(__always)
  public mutating func append(_ bytes: UnsafeBufferPointer<UInt8>) {
    guard let start = bytes.baseAddress else { return }
    append(start, bytes.count)
  }

  /// Most texts are short: up to sixteen bytes are copied in two steps that may overlap.
  @inlinable @inline(__always)
  mutating func append(_ start: UnsafePointer<UInt8>, _ size: Int) {
    reserve(size)
    let target = UnsafeMutableRawPointer(base + length)
    let source = UnsafeRawPointer(start)
    length &+= size
    if size > 16 {
      target.copyMemory(from: source, byteCount: size)
    } else if size >= 8 {
      let head = source.loadUnaligned(as: UInt64.self)
      let tail = source.loadUnaligned(fromByteOffset: size &- 8, as: UInt64.self)
      target.storeBytes(of: head, as: UInt64.self)
      target.storeBytes(of: tail, toByteOffset: size &- 8, as: UInt64.self)
    } else if size >= 4 {
      let head = source.loadUnaligned(as: UInt32.self)
      let tail = source.loadUnaligned(fromByteOffset: size &- 4, as: UInt32.self)
      target.storeBytes(of: head, as: UInt32.self)
      target.storeBytes(of: tail, toByteOffset: size &- 4, as: UInt32.self)
    } else {
      var index = 0
      while index < size {
        target.storeBytes(of: start[index], toByteOffset: index, as: UInt8.self)
        index &+= 1
      }
    }
  }

  @inlinable @inline(__always)
  public mutating func append(_ text: StaticString) { append(text.utf8Start, text.utf8CodeUnitCount) }

  // A literal is meant to be a StaticString, which is copied without a call.
  @_disfavoredOverload
  public mutating func append(_ text: String) {
    var text = text
    text.withUTF8 { append($0) }
  }

  public mutating func append(_ text: Text) { append(text.arena, text.slice) }

  /// Appends bytes of an arena.
  public mutating func append(_ arena: Arena, _ slice: Slice) {
    let size = Int(slice.length)
    if size == 0 { return }
    let start = Int(slice.offset)
    precondition(start &+ size <= arena.byteCount)
    if length &+ size &+ Self.spare > capacity { return appendGrowing(arena, slice) }
    let target = base + length
    length &+= size
    if size > 16 {
      target.update(from: arena.bytes + start, count: size)
    } else {
      Self.copyShort(arena.bytes + start, to: target)
    }
  }

  /// Appends bytes of an arena, and a separator.
  public mutating func append(_ arena: Arena, _ slice: Slice, then separator: UInt8) {
    let size = Int(slice.length)
    // Of an absent text the offset says nothing.
    let start = size == 0 ? 0 : Int(slice.offset)
    precondition(start &+ size <= arena.byteCount)
    if length &+ size &+ Self.spare > capacity { return appendGrowing(arena, slice, then: separator) }
    let target = base + length
    length &+= size &+ 1
    if size > 16 {
      target[size] = separator
      target.update(from: arena.bytes + start, count: size)
    } else {
      Self.copyShort(arena.bytes + start, to: target)
      target[size] = separator
    }
  }

  /// Room that is there behind what is appended.
  private static var spare: Int { 17 }

  /// Copies sixteen bytes: behind the bytes of an arena as many more are allocated as are read here for nothing.
  @inline(__always)
  private static func copyShort(_ source: UnsafePointer<UInt8>, to target: UnsafeMutablePointer<UInt8>) {
    let bytes = UnsafeRawPointer(source).loadUnaligned(as: SIMD16<UInt8>.self)
    UnsafeMutableRawPointer(target).storeBytes(of: bytes, as: SIMD16<UInt8>.self)
  }

  // What grows the buffer stands apart, so that what mostly happens needs no frame.

  @inline(never)
  private mutating func appendGrowing(_ arena: Arena, _ slice: Slice) {
    grow(Int(slice.length) &+ Self.spare)
    append(arena, slice)
  }

  @inline(never)
  private mutating func appendGrowing(_ arena: Arena, _ slice: Slice, then separator: UInt8) {
    grow(Int(slice.length) &+ Self.spare)
    append(arena, slice, then: separator)
  }

  @inline(never)
  private mutating func appendGrowing(decimal value: UInt64) {
    grow(Self.longestDecimal)
    append(decimal: value)
  }

  @inline(never)
  private mutating func appendGrowing(decimal value: UInt64, then separator: UInt8) {
    grow(Self.longestDecimal)
    append(decimal: value, then: separator)
  }

  // MARK: Numbers

  /// Digits of the greatest number, and a separator.
  static var longestDecimal: Int { 21 }

  /// Appends a number in decimal digits.
  public mutating func append(decimal value: UInt64) {
    if length &+ Self.longestDecimal > capacity { return appendGrowing(decimal: value) }
    length &+= Self.store(value, at: UnsafeMutableRawPointer(base + length))
  }

  /// Appends a number in decimal digits, and a separator.
  public mutating func append(decimal value: UInt64, then separator: UInt8) {
    if length &+ Self.longestDecimal > capacity { return appendGrowing(decimal: value, then: separator) }
    let end = length &+ Self.store(value, at: UnsafeMutableRawPointer(base + length))
    base[end] = separator
    length = end &+ 1
  }

  /// Writes the digits of a number, 20 at most; returns how many there are.
  @inline(__always)
  static func store(_ value: UInt64, at target: UnsafeMutableRawPointer) -> Int {
    if value < 10_000 { return storeShort(UInt32(truncatingIfNeeded: value), at: target) }
    if value >= 100_000_000 { return storeLong(value, at: target) }
    let value = UInt32(truncatingIfNeeded: value)
    let head = value / 10_000
    let count = storeShort(head, at: target)
    storeFour(value &- head &* 10_000, at: target + count)
    return count &+ 4
  }

  /// The same for a number from 100,000,000 on.
  @inline(never)
  private static func storeLong(_ value: UInt64, at target: UnsafeMutableRawPointer) -> Int {
    let head = value / 100_000_000
    let count = store(head, at: target)
    let tail = UInt32(truncatingIfNeeded: value &- head &* 100_000_000)
    let middle = tail / 10_000
    storeFour(middle, at: target + count)
    storeFour(tail &- middle &* 10_000, at: target + (count &+ 4))
    return count &+ 8
  }

  /// The same for a number below 10,000.
  @inline(__always)
  private static func storeShort(_ value: UInt32, at target: UnsafeMutableRawPointer) -> Int {
    if value < 10 {
      target.storeBytes(of: UInt8(truncatingIfNeeded: value) &+ 0x30, as: UInt8.self)
      return 1
    }
    if value < 100 {
      storePair(value, at: target)
      return 2
    }
    if value < 1_000 {
      let head = value / 100
      target.storeBytes(of: UInt8(truncatingIfNeeded: head) &+ 0x30, as: UInt8.self)
      storePair(value &- head &* 100, at: target + 1)
      return 3
    }
    storeFour(value, at: target)
    return 4
  }

  /// Writes the four digits of a number below 10,000.
  @inline(__always)
  private static func storeFour(_ value: UInt32, at target: UnsafeMutableRawPointer) {
    let head = value / 100
    storePair(head, at: target)
    storePair(value &- head &* 100, at: target + 2)
  }

  /// Writes the two digits of a number below 100.
  @inline(__always)
  private static func storePair(_ value: UInt32, at target: UnsafeMutableRawPointer) {
    let digits = UnsafeRawPointer(pairs.utf8Start + Int(value &* 2)).loadUnaligned(as: UInt16.self)
    target.storeBytes(of: digits, as: UInt16.self)
  }

  /// 00, 01 and so on up to 99.
  @inline(__always)
  private static var pairs: StaticString {
    """
    000102030405060708091011121314151617181920212223242526272829303132333435363738394041424344454647484950515253\
    54555657585960616263646566676869707172737475767778798081828384858687888990919293949596979899
    """
  }

  /// What was written so far.
  public func withBytes<Result: ~Copyable, Failure: Error>(
    _ body: (UnsafeBufferPointer<UInt8>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try body(UnsafeBufferPointer(start: base, count: length))
  }

  public var bytes: [UInt8] { withBytes { Array($0) } }
  public var string: String { withBytes { String(decoding: $0, as: UTF8.self) } }
}
