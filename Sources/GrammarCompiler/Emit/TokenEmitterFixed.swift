/// Tokens of which all matches are equally long and that choose among a few words, such as a date: words are compared
/// as numbers instead of stepping through the automaton.
extension TokenEmitter {
  enum FixedPart {
    /// One byte of a set.
    case set(ByteSet)
    /// One of several words of `count` bytes, each as ``CodecRuntime``'s `Input.word` has it, with the bits of
    /// `caseBits` set.
    case words([UInt64], caseBits: UInt64, count: Int)
  }

  /// Prints the body of a function that returns where the token ends, or −1.
  func emitFixed(_ parts: [FixedPart], to text: inout SourceText) {
    var offset = 0
    var tests: [String] = []
    func place() -> String { offset == 0 ? "position" : "position &+ \(offset)" }
    func flush(_ text: inout SourceText) {
      if !tests.isEmpty { text.line("guard \(tests.joined(separator: ", ")) else { return -1 }") }
      tests = []
    }
    for part in parts {
      switch part {
      case .set(let set):
        tests.append(isByte(set, at: place()))
        offset += 1
      case .words(let words, let caseBits, let count):
        flush(&text)
        let mask = count == 8 ? "" : " & 0x\(String((UInt64(1) << UInt64(count * 8)) - 1, radix: 16))"
        let fold = caseBits == 0 ? "" : " | 0x\(String(caseBits, radix: 16))"
        text.line("switch input.word(\(place()))\(mask)\(fold) {")
        text.line("case \(words.map { "0x" + String($0, radix: 16) }.joined(separator: ", ")): break")
        text.line("default: return -1")
        text.line("}")
        offset += count
      }
    }
    flush(&text)
    text.line("return position &+ \(offset)")
  }

  /// The parts of a token of fixed length, if the automaton is no more than that and has a choice among words.
  static func asFixed(_ automaton: Automaton) -> [FixedPart]? {
    guard automaton.stateCount <= 256, automaton.isAccepting.filter({ $0 }).count == 1 else { return nil }
    var parts: [FixedPart] = []
    var hasWords = false
    var state = 0
    while !automaton.isAccepting[state] {
      let ways = ways(automaton, state)
      guard !ways.isEmpty, parts.count <= automaton.stateCount else { return nil }
      if ways.count == 1 {
        guard !ways[0].set.contains(0) else { return nil }
        parts.append(.set(ways[0].set))
        state = ways[0].target
        continue
      }
      guard let (words, target) = words(automaton, state) else { return nil }
      parts.append(words)
      hasWords = true
      state = target
    }
    return hasWords && automaton.leaving(state).isEmpty ? parts : nil
  }

  /// What leads on from a state, by where it leads.
  private static func ways(_ automaton: Automaton, _ state: Int) -> [(target: Int, set: ByteSet)] {
    var sets: [Int: ByteSet] = [:]
    for byte in automaton.leaving(state).bytes { sets[automaton.next(state, byte), default: ByteSet()].insert(byte) }
    return sets.sorted { $0.key < $1.key }.map { (target: $0.key, set: $0.value) }
  }

  /// The words that lead from a state to the next one through which all of them go.
  private static func words(_ automaton: Automaton, _ start: Int) -> (FixedPart, target: Int)? {
    var paths: [(word: UInt64, state: Int)] = [(0, start)]
    var caseBits: UInt64 = 0
    var count = 0
    repeat {
      guard count < 8, paths.count <= 32 else { return nil }
      var longer: [(word: UInt64, state: Int)] = []
      var isFolded: Bool?
      for path in paths {
        guard !automaton.isAccepting[path.state] else { return nil }
        for way in ways(automaton, path.state) {
          // Several words may go on with one state each; of letters both cases, or one.
          let lower = way.set.bytes.filter { 0x61...0x7A ~= $0 && way.set.contains($0 & 0xDF) }
          let isLetter = lower.count * 2 == way.set.count
          guard !way.set.contains(0), isFolded ?? isLetter == isLetter else { return nil }
          isFolded = isLetter
          for byte in isLetter ? lower : way.set.bytes {
            longer.append((path.word | UInt64(byte) << UInt64(count * 8), way.target))
          }
        }
      }
      if isFolded == true { caseBits |= 0x20 << UInt64(count * 8) }
      paths = longer
      count += 1
      guard !paths.isEmpty else { return nil }
    } while paths.contains { $0.state != paths[0].state }
    return (.words(paths.map(\.word).sorted(), caseBits: caseBits, count: count), paths[0].state)
  }
}
