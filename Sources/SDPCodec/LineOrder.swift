/// Follows the letters of the lines through the automaton of the grammar's `line-order` (RFC 8866 §9).
struct LineOrder {
  private var state = -1
  /// Where the first line begins that may not stand where it stands.
  private(set) var firstWrong: Int?

  @inline(__always)
  mutating func follow(_ letter: UInt8, at offset: Int) {
    if firstWrong != nil { return }
    state = Tokens.lineOrderStep(state, letter)
    if state == 0 { firstWrong = offset }
  }

  /// All lines that have to be there are there.
  var isComplete: Bool { state > 0 && Tokens.lineOrderIsComplete(state) }
}
