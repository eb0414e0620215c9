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

  @inlinable
  public mutating func append(_ arena: Arena, _ slice: Slice) {
    let size = Int(slice.length)
    if size == 0 { return }
    let start = Int(slice.offset)
    precondition(start &+ size <= arena.byteCount)
    if size > 16 {
      append(arena.bytes + start, size)
      return
    }
    // Behind the bytes of an arena as many more are allocated as are read here for nothing.
    reserve(16)
    let head = UnsafeRawPointer(arena.bytes + start).loadUnaligned(as: SIMD16<UInt8>.self)
    UnsafeMutableRawPointer(base + length).storeBytes(of: head, as: SIMD16<UInt8>.self)
    length &+= size
  }

  /// Appends a number in decimal digits.
  public mutating func append(decimal value: UInt64) {
    // Up to 20 digits are written from the right behind the free place for them, then moved there 16 and 4 at a time.
    reserve(64)
    let target = UnsafeMutableRawPointer(base + length)
    if value < 10 {
      target.storeBytes(of: UInt8(truncatingIfNeeded: value) &+ 0x30, as: UInt8.self)
      length &+= 1
      return
    }
    var rest = value
    var position = 40
    // Two digits in a step.
    repeat {
      let pair = Int(truncatingIfNeeded: rest % 100) &* 2
      rest /= 100
      position &-= 2
      let digits = UnsafeRawPointer(Self.pairs.utf8Start + pair).loadUnaligned(as: UInt16.self)
      target.storeBytes(of: digits, toByteOffset: position, as: UInt16.self)
    } while rest > 0
    // The first of two digits may be a zero that does not belong to the number.
    if target.load(fromByteOffset: position, as: UInt8.self) == 0x30 { position &+= 1 }
    let head = target.loadUnaligned(fromByteOffset: position, as: SIMD16<UInt8>.self)
    let tail = target.loadUnaligned(fromByteOffset: position &+ 16, as: UInt32.self)
    target.storeBytes(of: head, as: SIMD16<UInt8>.self)
    target.storeBytes(of: tail, toByteOffset: 16, as: UInt32.self)
    length &+= 40 &- position
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
