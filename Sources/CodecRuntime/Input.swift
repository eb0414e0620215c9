/// What generated parsers read from: bytes that someone else owns, with zeros behind them.
///
/// Looking at a byte is not checked each time. Instead ``padding`` bytes of zero stand behind the last one, and a parser
/// passes only bytes that it has looked at and that are not NUL; where a grammar allows NUL, `hasByte` is asked first. So
/// a parser stands at the end of the input at the latest, and what it looks at ahead of that are the zeros.
@frozen
public struct Input {
  // Not owned, so it must not outlive the closure or the tape that made it.
  @usableFromInline let start: UnsafePointer<UInt8>
  /// Bytes without the zeros.
  public let count: Int

  /// How many zeros there are at least.
  public static var padding: Int {
    @inlinable @inline(__always) get { 32 }
  }

  /// `start` has `count` bytes and ``padding`` zeros behind them.
  @inlinable @inline(__always)
  init(padded start: UnsafePointer<UInt8>, count: Int) {
    self.start = start
    self.count = count
  }

  /// Hands a copy of `bytes` to a parser.
  public static func with<Result>(
    _ bytes: UnsafeBufferPointer<UInt8>, _ body: (Input) throws -> Result
  ) rethrows -> Result {
    try withUnsafeTemporaryAllocation(of: UInt8.self, capacity: bytes.count + padding) { buffer in
      // All of the buffer is written; it has a first byte, for it is never empty.
      let end = buffer.initialize(fromContentsOf: bytes)
      buffer[end...].initialize(repeating: 0)
      guard let start = buffer.baseAddress else { preconditionFailure() }
      return try body(Input(padded: start, count: bytes.count))
    }
  }

  /// The byte at `position`, or 0 behind the last one.
  @inlinable @inline(__always)
  public subscript(position: Int) -> UInt8 {
    // In bounds for the reason that stands above; the tests run with this check.
    assert(position >= 0 && position < count + Self.padding)
    return start[position]
  }

  /// The eight bytes at `position` as a number, the first one lowest.
  @inlinable @inline(__always)
  public func word(_ position: Int) -> UInt64 {
    assert(position >= 0 && position + 8 <= count + Self.padding)
    return UInt64(littleEndian: UnsafeRawPointer(start + position).loadUnaligned(as: UInt64.self))
  }

  /// The sixteen bytes at `position`.
  @inlinable @inline(__always)
  public func block(_ position: Int) -> SIMD16<UInt8> {
    assert(position >= 0 && position + 16 <= count + Self.padding)
    return UnsafeRawPointer(start + position).loadUnaligned(as: SIMD16<UInt8>.self)
  }

  /// The two bytes at `position` as a number, the first one lowest.
  @inlinable @inline(__always)
  public func pair(_ position: Int) -> UInt16 {
    assert(position >= 0 && position + 2 <= count + Self.padding)
    return UInt16(littleEndian: UnsafeRawPointer(start + position).loadUnaligned(as: UInt16.self))
  }
}
