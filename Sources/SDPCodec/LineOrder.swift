import CodecRuntime

/// Follows the letters of the lines through the automaton of the grammar's `line-order` (RFC 8866 §9).
struct LineOrder {
  private var state = -1
  /// The letter that came last, where it may go on coming: most lines are attributes.
  private var repeated: UInt8 = 0
  /// Where the first line begins that may not stand where it stands.
  private(set) var firstWrong: Int?
  /// The letter of a line that has to be there, and behind which that line might stand.
  private(set) var missing: UInt8?

  @inline(__always)
  mutating func follow(_ letter: UInt8, at offset: Int) {
    if letter != repeated { step(letter, at: offset) }
  }

  private mutating func step(_ letter: UInt8, at offset: Int) {
    if firstWrong != nil { return }
    let before = state
    state = Tokens.lineOrderStep(state, letter)
    repeated = state == before ? letter : 0
    if state == 0 {
      firstWrong = offset
      missing = Self.required.first { Tokens.lineOrderStep(Tokens.lineOrderStep(before, $0), letter) != 0 }
    }
  }

  /// The letters of the lines without which no description is whole.
  private static let required = letters.filter { !isWhole(without: $0) }
  private static let letters = UInt8(ascii: "a")...UInt8(ascii: "z")

  /// Whether the grammar's order can be followed to an end without lines of this letter.
  private static func isWhole(without left: UInt8) -> Bool {
    var reached: Set<Int> = [-1]
    var open = [-1]
    while let state = open.popLast() {
      for letter in letters where letter != left {
        let next = Tokens.lineOrderStep(state, letter)
        if next != 0, reached.insert(next).inserted { open.append(next) }
      }
    }
    return reached.contains { $0 > 0 && Tokens.lineOrderIsComplete($0) }
  }

  /// All lines that have to be there are there.
  var isComplete: Bool { state > 0 && Tokens.lineOrderIsComplete(state) }
}

/// Values of which each is there once: one by one where they are few, which costs less than hashing them.
struct UniqueValues {
  private static let fewest = 16
  private var few: [Range<Int>] = []
  private var many: Set<[UInt8]> = []

  /// `false` where it was there before.
  mutating func insert(_ value: Range<Int>, of input: Input) -> Bool {
    if !many.isEmpty { return many.insert(Self.bytes(value, of: input)).inserted }
    for other in few where other.count == value.count {
      if (0..<value.count).allSatisfy({ input[other.lowerBound + $0] == input[value.lowerBound + $0] }) { return false }
    }
    if few.isEmpty { few.reserveCapacity(Self.fewest) }
    few.append(value)
    if few.count == Self.fewest { many = Set(few.map { Self.bytes($0, of: input) }) }
    return true
  }

  private static func bytes(_ value: Range<Int>, of input: Input) -> [UInt8] { value.map { input[$0] } }
}
