/// Rows that live as long as the process, reached without counting references.
// @unchecked: the memory is written before `init` returns and never after it.
public struct Table<Row: Sendable>: @unchecked Sendable {
  @usableFromInline let base: UnsafeMutablePointer<Row>
  public let count: Int

  public init(_ rows: [Row]) {
    base = .allocate(capacity: max(rows.count, 1))
    base.initialize(from: rows, count: rows.count)
    count = rows.count
  }

  @inlinable
  public subscript(index: Int) -> Row {
    @inline(__always)
    unsafeAddress { address(index) }
  }

  /// Where the row is, for one of which many fields are read: a copy of it would cost more than they do.
  @inlinable @inline(__always)
  public func address(_ index: Int) -> UnsafePointer<Row> {
    precondition(UInt(bitPattern: index) < UInt(bitPattern: count))
    return UnsafePointer(base + index)
  }
}
