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
    let samples = Self.samples(ofClasses: classes, and: other.classes)
    let start = Pair(left: settle(self, 0), right: settle(other, 0))
    var paths: [Pair: [UInt8]] = [start: []]
    var queue = [start]
    var position = 0
    while position < queue.count {
      let pair = queue[position]
      position += 1
      let path = paths[pair] ?? []
      if pair.left == -2, pair.right == -2 { return path }
      for byte in samples {
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

  /// The one length that all its texts have; `nil` where they differ.
  var fixedLength: Int? {
    var states: Set<Int> = [0]
    // A minimal automaton without cycles is left in fewer steps than it has states.
    for length in 0...stateCount {
      let next = Set(states.flatMap { state in (0..<classCount).map { transitions[state * classCount + $0] } })
      let following = next.subtracting([-1])
      if states.contains(where: { isAccepting[$0] }) { return following.isEmpty ? length : nil }
      states = following
    }
    return nil
  }

  /// Whether it matches every text of this length that `other` matches.
  func matchesAll(of other: Automaton, length: Int) -> Bool {
    struct Pair: Hashable {
      var own: Int
      var other: Int
    }
    let samples = Self.samples(ofClasses: classes, and: other.classes)
    var pairs: Set<Pair> = [Pair(own: 0, other: 0)]
    for _ in 0..<length {
      var following: Set<Pair> = []
      for pair in pairs {
        for byte in samples {
          let next = other.next(pair.other, byte)
          if next >= 0 { following.insert(Pair(own: pair.own < 0 ? -1 : self.next(pair.own, byte), other: next)) }
        }
      }
      pairs = following
    }
    return pairs.allSatisfy { !other.isAccepting[$0.other] || ($0.own >= 0 && isAccepting[$0.own]) }
  }

  /// The first byte of each pair of classes that some byte belongs to, in ascending order.
  private static func samples(ofClasses left: [Int], and right: [Int]) -> [UInt8] {
    var seen: Set<Int> = []
    return (0...255).filter { seen.insert(left[$0] << 8 | right[$0]).inserted }.map { UInt8($0) }
  }

  /// Whether both match the same texts: minimal automata are numbered alike, states and classes.
  func isSame(as other: Automaton) -> Bool {
    isAccepting == other.isAccepting && classes == other.classes && transitions == other.transitions
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
  ///
  /// Classes are numbered here as `NondeterministicAutomaton` does it, by the first byte that belongs to them.
  private func minimized() -> Automaton {
    let group = equivalentStates()
    // Number the groups in the order in which they are met, so that the output depends on the language only.
    var order = [Int](repeating: -1, count: stateCount)
    order[group[0]] = 0
    var representatives = [0]
    var position = 0
    while position < representatives.count {
      let row = representatives[position] * classCount
      position += 1
      for target in transitions[row..<row + classCount] where target >= 0 && order[group[target]] < 0 {
        order[group[target]] = representatives.count
        representatives.append(target)
      }
    }
    // Merge classes with equal columns.
    var columns: [[Int]: Int] = [:]
    var columnOfClass: [Int] = []
    for index in 0..<classCount {
      let column = representatives.map { state in
        let target = transitions[state * classCount + index]
        return target < 0 ? -1 : order[group[target]]
      }
      let number = columns[column] ?? columns.count
      columns[column] = number
      columnOfClass.append(number)
    }
    var rows = [Int](repeating: -1, count: representatives.count * columns.count)
    for (column, number) in columns {
      for (state, target) in column.enumerated() { rows[state * columns.count + number] = target }
    }
    return Automaton(
      classes: classes.map { columnOfClass[$0] }, classCount: columns.count, transitions: rows,
      isAccepting: representatives.map { isAccepting[$0] })
  }

  /// A number for each state; those that match the same texts have the same.
  private func equivalentStates() -> [Int] {
    var group = isAccepting.map { $0 ? 1 : 0 }
    var groupCount = Set(group).count
    while true {
      let before = groupCount
      // Column by column, each with what the one before has told apart.
      for index in 0..<classCount {
        var numbers: [Int: Int] = [:]
        var refined = group
        var state = 0
        while state < group.count {
          let target = transitions[state * classCount + index]
          let key = group[state] * (stateCount + 1) + (target < 0 ? stateCount : group[target])
          if let known = numbers[key] {
            refined[state] = known
          } else {
            refined[state] = numbers.count
            numbers[key] = numbers.count
          }
          state += 1
        }
        group = refined
        groupCount = numbers.count
      }
      if groupCount == before || groupCount == stateCount { return group }
    }
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

  /// `nil` if that takes too many states.
  ///
  /// A state of the result is the set of states with edges that can be reached without a byte, and `end` where it is
  /// among them, in ascending order.
  func determinized(start: Int, end: Int) -> Automaton? {
    let partition = BytePartition(Set(edges.compactMap { $0?.set }))
    var numbers: [[Int]: Int] = [:]
    var states: [[Int]] = []
    func number(_ set: [Int]) -> Int {
      if let known = numbers[set] { return known }
      numbers[set] = states.count
      states.append(set)
      return states.count - 1
    }
    var isReached = [Bool](repeating: false, count: edges.count)
    _ = number(closure([start], end: end, &isReached))
    // What the same targets lead to is looked up.
    var known: [[Int]: Int] = [:]
    var transitions: [Int] = []
    var position = 0
    while position < states.count {
      if states.count > Automaton.maximumStates { return nil }
      let current = states[position]
      position += 1
      var targets = [[Int]](repeating: [], count: partition.sets.count)
      for state in current {
        guard let edge = edges[state] else { continue }
        for index in partition.classesOfSet[edge.set] ?? [] { targets[index].append(edge.target) }
      }
      for set in targets {
        if set.isEmpty {
          transitions.append(-1)
        } else if let following = known[set] {
          transitions.append(following)
        } else {
          let following = number(closure(set, end: end, &isReached))
          known[set] = following
          transitions.append(following)
        }
      }
    }
    return Automaton(
      classes: partition.classes, classCount: partition.sets.count, transitions: transitions,
      isAccepting: states.map { $0.contains(end) })
  }

  /// The states with edges, and `end`, that are reached from `states` without a byte; `isReached` is all `false` before
  /// and after.
  private func closure(_ states: [Int], end: Int, _ isReached: inout [Bool]) -> [Int] {
    var reached: [Int] = []
    for state in states where !isReached[state] {
      isReached[state] = true
      reached.append(state)
    }
    var position = 0
    while position < reached.count {
      let state = reached[position]
      position += 1
      for next in epsilon[state] where !isReached[next] {
        isReached[next] = true
        reached.append(next)
      }
    }
    for state in reached { isReached[state] = false }
    return reached.filter { $0 == end || edges[$0] != nil }.sorted()
  }
}

/// Bytes that no set tells apart form one class; classes are numbered by their first byte.
private struct BytePartition {
  private(set) var sets: [ByteSet] = [.all]
  /// The class of each byte.
  private(set) var classes: [Int]
  /// What each of the sets is made of.
  private(set) var classesOfSet: [ByteSet: [Int]] = [:]

  init(_ distinguished: Set<ByteSet>) {
    for set in distinguished {
      for index in sets.indices {
        let inside = sets[index].intersection(set)
        if inside.isEmpty || inside == sets[index] { continue }
        sets[index] = sets[index].subtracting(set)
        sets.append(inside)
      }
    }
    sets.sort { $0.first < $1.first }
    classes = [Int](repeating: 0, count: 256)
    for (index, set) in sets.enumerated() {
      for byte in set.bytes { classes[Int(byte)] = index }
    }
    let samples = sets.map(\.first)
    for set in distinguished { classesOfSet[set] = samples.indices.filter { set.contains(samples[$0]) } }
  }
}
