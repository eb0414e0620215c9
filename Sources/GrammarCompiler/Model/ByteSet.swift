/// A set of bytes.
struct ByteSet: Hashable, Sendable {
  private var low: UInt64 = 0
  private var midLow: UInt64 = 0
  private var midHigh: UInt64 = 0
  private var high: UInt64 = 0

  init() {}

  init(_ bytes: some Sequence<UInt8>) {
    for byte in bytes { insert(byte) }
  }

  static let all = ByteSet(0...255)

  mutating func insert(_ byte: UInt8) {
    let bit: UInt64 = 1 << UInt64(byte & 63)
    switch byte >> 6 {
    case 0: low |= bit
    case 1: midLow |= bit
    case 2: midHigh |= bit
    default: high |= bit
    }
  }

  func contains(_ byte: UInt8) -> Bool {
    let bit: UInt64 = 1 << UInt64(byte & 63)
    switch byte >> 6 {
    case 0: return low & bit != 0
    case 1: return midLow & bit != 0
    case 2: return midHigh & bit != 0
    default: return high & bit != 0
    }
  }

  private init(_ low: UInt64, _ midLow: UInt64, _ midHigh: UInt64, _ high: UInt64) {
    self.low = low
    self.midLow = midLow
    self.midHigh = midHigh
    self.high = high
  }

  func union(_ other: ByteSet) -> ByteSet {
    ByteSet(low | other.low, midLow | other.midLow, midHigh | other.midHigh, high | other.high)
  }

  func intersection(_ other: ByteSet) -> ByteSet {
    ByteSet(low & other.low, midLow & other.midLow, midHigh & other.midHigh, high & other.high)
  }

  func subtracting(_ other: ByteSet) -> ByteSet {
    ByteSet(low & ~other.low, midLow & ~other.midLow, midHigh & ~other.midHigh, high & ~other.high)
  }

  var isEmpty: Bool { low | midLow | midHigh | high == 0 }
  /// In ascending order.
  var bytes: [UInt8] {
    var bytes: [UInt8] = []
    for (index, word) in [low, midLow, midHigh, high].enumerated() {
      var rest = word
      while rest != 0 {
        bytes.append(UInt8(index * 64 + rest.trailingZeroBitCount))
        rest &= rest - 1
      }
    }
    return bytes
  }
  /// The smallest byte; 255 where there is none.
  var first: UInt8 {
    if low != 0 { return UInt8(low.trailingZeroBitCount) }
    if midLow != 0 { return 64 + UInt8(midLow.trailingZeroBitCount) }
    if midHigh != 0 { return 128 + UInt8(midHigh.trailingZeroBitCount) }
    return high != 0 ? 192 + UInt8(high.trailingZeroBitCount) : 255
  }
  var count: Int { low.nonzeroBitCount + midLow.nonzeroBitCount + midHigh.nonzeroBitCount + high.nonzeroBitCount }
}
