/// Automata that are no more than one of a few forms, for which there is something faster.
extension TokenEmitter {
  /// A set that is repeated, if that is all that the automaton does.
  static func asScan(_ automaton: Automaton) -> (ByteSet, Int)? {
    if automaton.stateCount == 1, automaton.isAccepting[0] { return (automaton.leaving(0), 0) }
    guard automaton.stateCount == 2, automaton.isAccepting[1] else { return nil }
    let set = automaton.leaving(0)
    guard set == automaton.leaving(1), !set.isEmpty,
      set.bytes.allSatisfy({ automaton.next(0, $0) == 1 && automaton.next(1, $0) == 1 })
    else { return nil }
    return (set, automaton.isAccepting[0] ? 0 : 1)
  }

  /// A set that is repeated up to a number of times, if that is all that the automaton does.
  static func asBoundedScan(_ automaton: Automaton) -> (ByteSet, minimum: Int, maximum: Int)? {
    let set = automaton.leaving(0)
    guard automaton.stateCount > 4, !set.isEmpty else { return nil }
    var state = 0
    var length = 0
    var minimum: Int?
    while true {
      if automaton.isAccepting[state] {
        minimum = minimum ?? length
      } else if minimum != nil {
        return nil
      }
      let leaving = automaton.leaving(state)
      if leaving.isEmpty { break }
      guard leaving == set, let next = only(automaton, state), length < automaton.stateCount else { return nil }
      state = next
      length += 1
    }
    return minimum.map { (set, $0, length) }
  }

  /// A row of sets, then another row repeated, if that is all that the automaton does.
  static func asCycle(_ automaton: Automaton) -> (head: [ByteSet], cycle: [ByteSet])? {
    guard let end = automaton.isAccepting.firstIndex(of: true), end != 0,
      automaton.isAccepting.filter({ $0 }).count == 1, automaton.stateCount <= 8
    else { return nil }
    func row(from start: Int) -> [ByteSet]? {
      var sets: [ByteSet] = []
      var state = start
      repeat {
        guard let next = only(automaton, state), next != state, sets.count < 8 else { return nil }
        sets.append(automaton.leaving(state))
        state = next
      } while state != end
      return sets
    }
    guard let head = row(from: 0), let cycle = row(from: end), cycle.count > 1 else { return nil }
    return (head, cycle)
  }

  /// States in a row, each with a run of bytes and then one that leads to the next, if that is all that the automaton does
  /// and only the last one accepts.
  static func asChain(_ automaton: Automaton) -> [(run: ByteSet, onward: ByteSet)]? {
    guard automaton.stateCount > 2, automaton.stateCount <= 16 else { return nil }
    var chain: [(run: ByteSet, onward: ByteSet)] = []
    var state = 0
    while chain.count <= automaton.stateCount {
      let run = loop(automaton, state)
      let onward = automaton.leaving(state).subtracting(run)
      chain.append((run, onward))
      if run.contains(0) || onward.contains(0) { return nil }
      if automaton.isAccepting[state] { return onward.isEmpty && chain.count == automaton.stateCount ? chain : nil }
      let next = targets(automaton, state, onward)
      guard next.count == 1 else { return nil }
      state = next[0].target
    }
    return nil
  }

  /// The state to which all bytes lead that may follow.
  private static func only(_ automaton: Automaton, _ state: Int) -> Int? {
    let all = targets(automaton, state, automaton.leaving(state))
    return all.count == 1 ? all[0].target : nil
  }

  /// Bytes with which the automaton accepts at once, unless one of the other bytes follows; blanks that may stand
  /// between are skipped.
  static func shortcut(_ automaton: Automaton) -> (ByteSet, skipsBlanks: Bool, onward: ByteSet)? {
    let blanks = ByteSet([0x20, 0x09])
    var best: (ByteSet, skipsBlanks: Bool, onward: ByteSet)?
    var byTarget: [Int: ByteSet] = [:]
    for byte in automaton.firstBytes.bytes { byTarget[automaton.next(0, byte), default: ByteSet()].insert(byte) }
    for (target, bytes) in byTarget.sorted(by: { $0.key < $1.key }) {
      let onward = automaton.leaving(target)
      guard automaton.isAccepting[target], bytes.count <= 2, onward.count <= 3, !onward.isEmpty else { continue }
      var skipsBlanks = false
      if blanks.subtracting(onward).isEmpty {
        let behind = automaton.next(target, 0x20)
        skipsBlanks =
          automaton.isAccepting[behind] && automaton.next(target, 0x09) == behind
          && automaton.next(behind, 0x20) == behind && automaton.next(behind, 0x09) == behind
          && automaton.leaving(behind).subtracting(onward).isEmpty
      }
      if best == nil || !bytes.subtracting(blanks).isEmpty { best = (bytes, skipsBlanks, onward) }
    }
    return best
  }

  /// Parts of a name that begin with digits, as labels of a host may: the bytes of which such a part consists, and the one
  /// that ends it, behind which a byte of `first` leads to `target`, as it does at the start.
  static func digitLabel(_ automaton: Automaton, _ target: Int, _ first: ByteSet) -> (run: ByteSet, end: UInt8)? {
    let run = loop(automaton, target)
    let digits: ClosedRange<UInt8> = 0x30...0x39
    guard digits.allSatisfy({ run.contains($0) && !first.contains($0) }), !run.contains(0) else { return nil }
    return ByteSet(0x21...0x7E).subtracting(run).bytes.first { end in
      var reached: Set<Int> = []
      var open = digits.map { automaton.next(0, $0) }
      while let state = open.popLast() {
        guard state >= 0 else { return false }
        guard reached.insert(state).inserted else { continue }
        let behind = automaton.next(state, end)
        guard behind >= 0, first.bytes.allSatisfy({ automaton.next(behind, $0) == target }) else { return false }
        open += run.bytes.map { automaton.next(state, $0) } + digits.map { automaton.next(behind, $0) }
      }
      return true
    }.map { (run, $0) }
  }

  /// Passes over such parts, up to where the function `called` can go on.
  func emitDigitLabels(
    _ label: (run: ByteSet, end: UInt8), _ first: ByteSet, _ called: String, to text: inout SourceText
  ) {
    let run = { (start: String) in "endOfRun(input, \(start), \(self.table(label.run)))" }
    text.line("var label = \(run("position"))")
    text.block("while isByte(input, label, \(SourceText.byte(label.end)))") { text in
      text.line("if \(isByte(first, at: "label &+ 1")) { return \(called)(input, label &+ 1) }")
      text.line("if !isDigit(input, label &+ 1) { break }")
      text.line("label = \(run("label &+ 2"))")
    }
  }
}
