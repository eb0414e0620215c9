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
  public private(set) var count: Int
  var capacity: Int

  public init(capacity: Int = 512) {
    guard let memory = malloc(max(capacity, 16)) else { preconditionFailure("out of memory") }
    base = memory.bindMemory(to: UInt8.self, capacity: max(capacity, 16))
    count = 0
    self.capacity = max(capacity, 16)
  }

  deinit { free(base) }

  /// Forgets what was written and keeps the memory.
  public mutating func removeAll() { count = 0 }

  /// Forgets what was written after the first `count` bytes.
  public mutating func truncate(to count: Int) {
    precondition(count <= self.count)
    self.count = count
  }

  private mutating func reserve(_ more: Int) {
    let needed = count + more
    if needed <= capacity { return }
    var larger = capacity
    while larger < needed { larger *= 2 }
    guard let memory = realloc(base, larger) else { preconditionFailure("out of memory") }
    base = memory.bindMemory(to: UInt8.self, capacity: larger)
    capacity = larger
  }

  public mutating func append(_ byte: UInt8) {
    reserve(1)
    base[count] = byte
    count += 1
  }

  public mutating func append(_ bytes: UnsafeBufferPointer<UInt8>) {
    guard let start = bytes.baseAddress else { return }
    reserve(bytes.count)
    memcpy(base + count, start, bytes.count)
    count += bytes.count
  }

  public mutating func append(_ text: StaticString) {
    append(UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }

  public mutating func append(_ text: String) {
    var text = text
    text.withUTF8 { append($0) }
  }

  public mutating func append(_ text: Text) { append(text.arena, text.slice) }

  public mutating func append(_ arena: Arena, _ slice: Slice) {
    if slice.isAbsent || slice.length == 0 { return }
    precondition(Int(slice.offset) + Int(slice.length) <= arena.byteCount)
    append(UnsafeBufferPointer(start: arena.bytes + Int(slice.offset), count: Int(slice.length)))
  }

  /// Appends a number in decimal digits.
  public mutating func append(decimal value: UInt64) {
    reserve(20)
    if value < 10 {
      base[count] = UInt8(truncatingIfNeeded: value) &+ 0x30
      count += 1
      return
    }
    var digits = 1
    var rest = value
    while rest >= 10 {
      rest /= 10
      digits += 1
    }
    var position = count + digits
    count = position
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
    try body(UnsafeBufferPointer(start: base, count: count))
  }

  public var bytes: [UInt8] { withBytes { Array($0) } }
  public var string: String { withBytes { String(decoding: $0, as: UTF8.self) } }
}
