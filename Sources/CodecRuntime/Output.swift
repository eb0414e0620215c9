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

  public mutating func append(_ text: String) {
    var text = text
    text.withUTF8 { append($0) }
  }

  public mutating func append(_ text: Text) { append(text.arena, text.slice) }

  @inlinable
  public mutating func append(_ arena: Arena, _ slice: Slice) {
    let length = Int(slice.length)
    if length == 0 { return }
    precondition(Int(slice.offset) &+ length <= arena.byteCount)
    append(arena.bytes + Int(slice.offset), length)
  }

  /// Appends a number in decimal digits.
  public mutating func append(decimal value: UInt64) {
    reserve(20)
    if value < 10 {
      base[length] = UInt8(truncatingIfNeeded: value) &+ 0x30
      length += 1
      return
    }
    var digits = 1
    var rest = value
    while rest >= 10 {
      rest /= 10
      digits += 1
    }
    var position = length + digits
    length = position
    rest = value
    while digits > 0 {
      position -= 1
      base[position] = UInt8(truncatingIfNeeded: rest % 10) &+ 0x30
      rest /= 10
      digits -= 1
    }
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
