/// A regular expression over bytes: what a token rule comes down to.
indirect enum Regex: Hashable, Sendable {
  case empty
  case set(ByteSet)
  case sequence([Regex])
  case choice([Regex])
  case repetition(Regex, minimum: Int, maximum: Int?)

  static func literal(_ bytes: [UInt8], exact: Bool) -> Regex {
    .sequence(
      bytes.map { byte in
        var set = ByteSet([byte])
        if !exact, (0x41...0x5A).contains(byte & 0xDF) {
          set.insert(byte | 0x20)
          set.insert(byte & 0xDF)
        }
        return .set(set)
      })
  }

  var isNullable: Bool {
    switch self {
    case .empty: true
    case .set: false
    case .sequence(let parts): parts.allSatisfy(\.isNullable)
    case .choice(let parts): parts.contains(where: \.isNullable)
    case .repetition(let inner, let minimum, _): minimum == 0 || inner.isNullable
    }
  }

  /// How many bytes stand in it once its repetitions are written out; more than `Int` holds counts as `Int.max`.
  var positions: Int {
    switch self {
    case .empty: return 0
    case .set: return 1
    case .sequence(let parts), .choice(let parts):
      // Not less than 1: an expression of many empty parts is large too.
      return parts.reduce(1) { sum, part in
        let (result, isTooLarge) = sum.addingReportingOverflow(part.positions)
        return isTooLarge ? .max : result
      }
    case .repetition(let inner, let minimum, let maximum):
      let (result, isTooLarge) = inner.positions.multipliedReportingOverflow(by: maximum ?? minimum + 1)
      return isTooLarge ? .max : result
    }
  }

  /// The one set of bytes that this matches one of, if it is that simple.
  var singleSet: ByteSet? {
    switch self {
    case .set(let set): return set
    case .sequence(let parts): return parts.count == 1 ? parts[0].singleSet : nil
    case .choice(let parts):
      var union = ByteSet()
      for part in parts {
        guard let set = part.singleSet else { return nil }
        union = union.union(set)
      }
      return union
    case .repetition(let inner, 1, 1): return inner.singleSet
    default: return nil
    }
  }

  /// The text of a literal with regard to case, if it is one.
  var exactLiteral: [UInt8]? {
    switch self {
    case .set(let set): return set.count == 1 ? set.bytes : nil
    case .sequence(let parts):
      var bytes: [UInt8] = []
      for part in parts {
        guard let more = part.exactLiteral else { return nil }
        bytes += more
      }
      return bytes
    default: return nil
    }
  }
}

/// A deterministic automaton: state 0 is the start; −1 in `transitions` is no way on.
struct Automaton {
  /// The class of each byte.
  var classes: [Int]
  var classCount: Int
  /// `state * classCount + class` → next state or −1.
  var transitions: [Int]
  var isAccepting: [Bool]

  var stateCount: Int { isAccepting.count }

  func next(_ state: Int, _ byte: UInt8) -> Int { transitions[state * classCount + classes[Int(byte)]] }

  var firstBytes: ByteSet { leaving(0) }

  func leaving(_ state: Int) -> ByteSet { ByteSet((0...255).filter { next(state, $0) >= 0 }) }

  /// Positions of a regular expression, and states and classes of bytes of the automaton, beyond which a token is refused:
  /// the largest of SIP, an IPv6 address, has some 200 states.
  static let maximumPositions = 50_000
  static let maximumStates = 2048
  /// Generated tables hold a class in seven bits.
  static let maximumClasses = 128

  /// `nil` if it would be too large.
  init?(_ regex: Regex) {
    guard regex.positions <= Self.maximumPositions else { return nil }
    var builder = NondeterministicAutomaton()
    let start = builder.addState()
    let end = builder.add(regex, from: start)
    guard let large = builder.determinized(start: start, end: end) else { return nil }
    let small = large.minimized()
    guard small.classCount <= Self.maximumClasses else { return nil }
    self = small
  }

  /// What takes the place of an automaton that is too large, after that was reported: it matches nothing.
  static let none = Automaton(
    classes: [Int](repeating: 0, count: 256), classCount: 1, transitions: [-1], isAccepting: [false])

  fileprivate init(classes: [Int], classCount: Int, transitions: [Int], isAccepting: [Bool]) {
    self.classes = classes
    self.classCount = classCount
    self.transitions = transitions
    self.isAccepting = isAccepting
  }

  /// Whether some text begins with a match of both; such a text, as short as there is.
  func commonPrefix(with other: Automaton) -> [UInt8]? {
    struct Pair: Hashable {
      var left: Int
      var right: Int
    }
    // A side that has accepted stays accepted (state −2): what follows is no concern of its.
    func settle(_ automaton: Automaton, _ state: Int) -> Int {
      state >= 0 && automaton.isAccepting[state] ? -2 : state
    }
    let start = Pair(left: settle(self, 0), right: settle(other, 0))
    var paths: [Pair: [UInt8]] = [start: []]
    var queue = [start]
    var position = 0
    while position < queue.count {
      let pair = queue[position]
      position += 1
      let path = paths[pair] ?? []
      if pair.left == -2, pair.right == -2 { return path }
      for byte in UInt8.min...UInt8.max {
        let left = pair.left == -2 ? -2 : settle(self, next(pair.left, byte))
        let right = pair.right == -2 ? -2 : settle(other, other.next(pair.right, byte))
        if left == -1 || right == -1 { continue }
        let following = Pair(left: left, right: right)
        if paths[following] == nil {
          paths[following] = path + [byte]
          queue.append(following)
        }
      }
    }
    return nil
  }

  /// Whether both match the same texts: minimal automata are numbered alike.
  func isSame(as other: Automaton) -> Bool {
    stateCount == other.stateCount && isAccepting == other.isAccepting
      && (0..<stateCount).allSatisfy { state in
        (UInt8.min...UInt8.max).allSatisfy { next(state, $0) == other.next(state, $0) }
      }
  }

  /// All texts that it matches, in lower case, if they are few and the case of letters never matters.
  func fewWords(limit: Int) -> [[UInt8]]? {
    var words: [[UInt8]] = []
    var stack: [(state: Int, word: [UInt8])] = [(0, [])]
    while let (state, word) = stack.popLast() {
      if word.count > 16 { return nil }
      if isAccepting[state] {
        words.append(word)
        if words.count > limit { return nil }
      }
      for byte in leaving(state).bytes {
        let lower = ParserEmitter.lowercased(byte)
        if lower >= 0x80 { return nil }
        if lower >= 0x61, lower <= 0x7A, next(state, lower) != next(state, lower & 0xDF) { return nil }
        if byte == lower { stack.append((next(state, byte), word + [byte])) }
        if stack.count > 4 * limit { return nil }
      }
    }
    return words.sorted { $0.lexicographicallyPrecedes($1) }
  }

  /// Whether the whole of `bytes` is a match.
  func accepts(_ bytes: some Sequence<UInt8>) -> Bool {
    var state = 0
    for byte in bytes {
      state = next(state, byte)
      if state < 0 { return false }
    }
    return isAccepting[state]
  }

  /// The fewest states that do the same (Moore), with bytes that never differ put into one class.
  private func minimized() -> Automaton {
    var group = isAccepting.map { $0 ? 1 : 0 }
    var groupCount = Set(group).count
    while true {
      var seen: [[Int]: Int] = [:]
      var refined = [Int](repeating: 0, count: stateCount)
      for state in 0..<stateCount {
        var signature = [group[state]]
        for index in 0..<classCount {
          let target = transitions[state * classCount + index]
          signature.append(target < 0 ? -1 : group[target])
        }
        let number = seen[signature] ?? seen.count
        seen[signature] = number
        refined[state] = number
      }
      let count = seen.count
      group = refined
      if count == groupCount { break }
      groupCount = count
    }
    // Number the groups in the order in which they are met, so that the output depends on the language only.
    var order: [Int: Int] = [group[0]: 0]
    var representatives = [0]
    var position = 0
    while position < representatives.count {
      let state = representatives[position]
      position += 1
      for byte in UInt8.min...UInt8.max {
        let target = next(state, byte)
        if target >= 0, order[group[target]] == nil {
          order[group[target]] = representatives.count
          representatives.append(target)
        }
      }
    }
    // Merge classes with equal columns.
    var columns: [[Int]: Int] = [:]
    var classMap: [Int] = []
    for byte in UInt8.min...UInt8.max {
      let column = representatives.map { state in
        let target = next(state, byte)
        return target < 0 ? -1 : order[group[target]] ?? -1
      }
      let number = columns[column] ?? columns.count
      columns[column] = number
      classMap.append(number)
    }
    var transitions = [Int](repeating: -1, count: representatives.count * columns.count)
    for (column, number) in columns {
      for (state, target) in column.enumerated() { transitions[state * columns.count + number] = target }
    }
    return Automaton(
      classes: classMap, classCount: columns.count, transitions: transitions,
      isAccepting: representatives.map { isAccepting[$0] })
  }
}

/// Thompson's construction.
private struct NondeterministicAutomaton {
  var epsilon: [[Int]] = []
  var edges: [(set: ByteSet, target: Int)?] = []

  mutating func addState() -> Int {
    epsilon.append([])
    edges.append(nil)
    return epsilon.count - 1
  }

  /// Adds what `regex` matches behind `start`; returns the state in which it has matched.
  mutating func add(_ regex: Regex, from start: Int) -> Int {
    switch regex {
    case .empty: return start
    case .set(let set):
      let from = addState()
      let end = addState()
      epsilon[start].append(from)
      edges[from] = (set, end)
      return end
    case .sequence(let parts):
      var state = start
      for part in parts { state = add(part, from: state) }
      return state
    case .choice(let parts):
      let end = addState()
      for part in parts {
        let from = addState()
        epsilon[start].append(from)
        epsilon[add(part, from: from)].append(end)
      }
      return end
    case .repetition(let inner, let minimum, let maximum):
      var state = start
      for _ in 0..<minimum { state = add(inner, from: state) }
      if let maximum {
        let end = addState()
        epsilon[state].append(end)
        if maximum > minimum {
          for _ in minimum..<maximum {
            state = add(inner, from: state)
            epsilon[state].append(end)
          }
        }
        return end
      }
      let loop = addState()
      epsilon[state].append(loop)
      let behind = add(inner, from: loop)
      epsilon[behind].append(loop)
      let end = addState()
      epsilon[loop].append(end)
      return end
    }
  }

  private func closure(_ states: Set<Int>) -> Set<Int> {
    var result = states
    var stack = Array(states)
    while let state = stack.popLast() {
      for next in epsilon[state] where result.insert(next).inserted { stack.append(next) }
    }
    return result
  }

  /// `nil` if that takes too many states.
  func determinized(start: Int, end: Int) -> Automaton? {
    // Bytes that no edge tells apart form one class.
    var sets: [ByteSet] = []
    for edge in edges { if let set = edge?.set, !sets.contains(set) { sets.append(set) } }
    var signatures: [[Bool]: Int] = [:]
    var classes: [Int] = []
    var samples: [UInt8] = []
    for byte in UInt8.min...UInt8.max {
      let signature = sets.map { $0.contains(byte) }
      if let known = signatures[signature] {
        classes.append(known)
      } else {
        classes.append(signatures.count)
        signatures[signature] = signatures.count
        samples.append(byte)
      }
    }
    var numbers: [Set<Int>: Int] = [:]
    var states: [Set<Int>] = []
    func number(_ set: Set<Int>) -> Int {
      if let known = numbers[set] { return known }
      numbers[set] = states.count
      states.append(set)
      return states.count - 1
    }
    _ = number(closure([start]))
    var transitions: [Int] = []
    var position = 0
    while position < states.count {
      if states.count > Automaton.maximumStates { return nil }
      let current = states[position]
      position += 1
      for sample in samples {
        var targets: Set<Int> = []
        for state in current {
          if let edge = edges[state], edge.set.contains(sample) { targets.insert(edge.target) }
        }
        transitions.append(targets.isEmpty ? -1 : number(closure(targets)))
      }
    }
    return Automaton(
      classes: classes, classCount: samples.count, transitions: transitions,
      isAccepting: states.map { $0.contains(end) })
  }
}
