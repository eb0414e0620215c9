/// Prints one function for each token rule in use, and the tables on which they stand.
final class TokenEmitter {
  /// Sets of bytes, seven to a table of 256 entries.
  private var sets: [ByteSet] = []
  private var functions: [(name: String, rule: TokenRule)] = []
  private var names: Set<String> = []
  private var known: [ObjectIdentifier: String] = [:]
  private var anonymous: [Regex: String] = [:]
  /// Rules that hand-written framing runs byte by byte.
  private var steppers: [TokenRule] = []
  private var lookaheads: [(name: String, sure: ByteSet, contested: ByteSet, automaton: Automaton)] = []

  /// The call of the function that matches `rule`: `Tokens.token`.
  func function(_ rule: TokenRule, hint: String = "") -> String {
    if let name = known[ObjectIdentifier(rule)] { return "Tokens.\(name)" }
    if rule.isAnonymous, let name = anonymous[rule.regex] { return "Tokens.\(name)" }
    let name = unique(Naming.property(rule.isAnonymous ? "\(hint) \(rule.name)" : rule.name))
    known[ObjectIdentifier(rule)] = name
    if rule.isAnonymous { anonymous[rule.regex] = name }
    functions.append((name, rule))
    return "Tokens.\(Naming.escaped(name))"
  }

  /// Asks for functions with which the automaton of `rule` can be run over bytes that do not stand in a row.
  func addStepper(_ rule: TokenRule) { steppers.append(rule) }

  private func unique(_ name: String) -> String {
    var candidate = name
    var number = 2
    while !names.insert(candidate).inserted {
      candidate = "\(name)\(number)"
      number += 1
    }
    return candidate
  }

  /// `table, mask` of a set.
  func table(_ set: ByteSet) -> String {
    let index = sets.firstIndex(of: set) ?? sets.count
    if index == sets.count { sets.append(set) }
    return "ByteClasses.table\(index / 7), \(SourceText.byte(1 << UInt8(index % 7)))"
  }

  /// A condition that tells whether `byte`, an expression, is in the set.
  func contains(_ set: ByteSet, _ byte: String) -> String {
    let bytes = set.bytes
    if bytes.count <= 3 { return bytes.map { "\(byte) == \(SourceText.byte($0))" }.joined(separator: " || ") }
    let parts = table(set).split(separator: ",").map { $0.trimmingSpaces }
    return "\(parts[0]).utf8Start[Int(\(byte))] & \(parts[1]) != 0"
  }

  /// A call that decides an optional part or alternative with the automaton of its beginning.
  func lookahead(_ name: String, sure: ByteSet, contested: ByteSet, _ automaton: Automaton) -> String {
    let name = unique(name)
    lookaheads.append((name, sure, contested, automaton))
    return "Tokens.\(name)(input, position)"
  }

  // MARK: Text

  func emit() -> String {
    var text = SourceText()
    text.line("import CodecRuntime")
    text.line()
    text.line("/// One function for each token rule: takes the longest match, or nothing and says so.")
    text.block("enum Tokens") { text in
      var index = 0
      // Printing one may need another.
      while index < functions.count {
        let (name, rule) = functions[index]
        if index > 0 { text.line() }
        index += 1
        emit(name, rule, to: &text)
      }
      for entry in lookaheads {
        text.line()
        emitLookahead(entry, to: &text)
      }
      for rule in steppers {
        text.line()
        text.line(
          "/// `\(rule.name)`, byte by byte: the state behind `state` (−1 at the start; 0 where there is no way on) and `byte`."
        )
        text.block("static func \(Naming.property(rule.name))Step(_ state: Int, _ byte: UInt8) -> Int") { text in
          emitRun(rule.automaton, "stepAutomaton(state, byte", to: &text)
        }
        text.line()
        text.line("/// Whether what was read up to `state` is a whole \(rule.name).")
        text.block("static func \(Naming.property(rule.name))IsComplete(_ state: Int) -> Bool") { text in
          text.line("state != 0 && state <= \(Self.numbering(rule.automaton).accepting)")
        }
      }
    }
    text.line()
    text.line("/// Sets of bytes, one bit each.")
    text.block("enum ByteClasses") { text in
      for number in 0..<(sets.count + 6) / 7 {
        let members = sets[(number * 7)..<min(sets.count, number * 7 + 7)]
        let values = (0...255).map { byte in
          members.enumerated().reduce(0) { $0 | ($1.element.contains(UInt8(byte)) ? 1 << $1.offset : 0) }
        }
        text.line("@inline(__always)")
        text.block("static var table\(number): StaticString") { text in text.table("", values, closing: "") }
      }
    }
    return text.text
  }

  private func emit(_ name: String, _ rule: TokenRule, to text: inout SourceText) {
    text.documentation(rule.comment, fallback: rule.isAnonymous ? "Captured as `\(rule.name)`" : "`\(rule.name)`")
    if rule.isNestedComment {
      text.block("static func \(Naming.escaped(name))(_ input: Input, _ position: inout Int) -> Bool") {
        $0.line("takeNestedComment(input, &position)")
      }
      return
    }
    let automaton = rule.automaton
    if let literal = rule.regex.exactLiteral, literal.count == 1 {
      text.line("@inline(__always)")
      text.block("static func \(Naming.escaped(name))(_ input: Input, _ position: inout Int) -> Bool") {
        $0.line("take(input, &position, \(SourceText.byte(literal[0])))")
      }
      return
    }
    if let (set, minimum) = Self.asScan(automaton) {
      text.line("@inline(__always)")
      text.block("static func \(Naming.escaped(name))(_ input: Input, _ position: inout Int) -> Bool") {
        $0.line("scan(input, &position, \(table(set)), minimum: \(minimum))")
      }
      return
    }
    if automaton.stateCount == 2, !automaton.isAccepting[0], automaton.leaving(1).isEmpty {
      text.line("@inline(__always)")
      text.block("static func \(Naming.escaped(name))(_ input: Input, _ position: inout Int) -> Bool") {
        $0.line("take(input, &position, \(table(automaton.firstBytes)))")
      }
      return
    }
    // Most separators come without the white space that is allowed around them.
    let short = Self.shortcut(automaton)
    if short != nil || automaton.isAccepting[0] { text.line("@inline(__always)") }
    text.block("static func \(Naming.escaped(name))(_ input: Input, _ position: inout Int) -> Bool") { text in
      if automaton.isAccepting[0] {
        text.line(
          "guard position < input.count, \(contains(automaton.firstBytes, "input[position]")) else { return true }")
      }
      if let (bytes, skipsBlanks, onward) = short {
        text.line("if position < input.count, \(Self.grouped(contains(bytes, "input[position]"))) {")
        text.indented {
          $0.line("\(skipsBlanks ? "var" : "let") next = position &+ 1")
          if skipsBlanks { $0.line("skipBlanks(input, &next)") }
          let test = skipsBlanks ? onward.subtracting(ByteSet([0x20, 0x09])) : onward
          if test.isEmpty {
            $0.line("position = next")
            $0.line("return true")
          } else {
            $0.line("let behind = peek(input, next)")
            $0.block("if !(\(contains(test, "behind")))") {
              $0.line("position = next")
              $0.line("return true")
            }
          }
        }
        text.line("}")
      }
      if short == nil { emitPrefix(automaton, to: &text) }
      emitRun(automaton, "runAutomaton(input, &position", to: &text)
    }
  }

  /// Most matches consist of the bytes of one accepting state: those are skipped by a table, and only where another one
  /// could follow the automaton is asked.
  private func emitPrefix(_ automaton: Automaton, to text: inout SourceText) {
    var best: (first: ByteSet, loop: ByteSet, state: Int)?
    var byTarget: [Int: ByteSet] = [:]
    for byte in automaton.firstBytes.bytes { byTarget[automaton.next(0, byte), default: ByteSet()].insert(byte) }
    for (target, first) in byTarget.sorted(by: { $0.key < $1.key }) where automaton.isAccepting[target] {
      let loop = ByteSet(automaton.leaving(target).bytes.filter { automaton.next(target, $0) == target })
      if loop.count >= 10, first.count > best?.first.count ?? 0 { best = (first, loop, target) }
    }
    guard let (first, loop, state) = best else { return }
    let onward = automaton.leaving(state).subtracting(loop)
    text.line("if position < input.count, \(Self.grouped(contains(first, "input[position]"))) {")
    text.indented { text in
      text.line("var end = position &+ 1")
      text.line("_ = scan(input, &end, \(table(loop)), minimum: 0)")
      if onward.isEmpty {
        text.line("position = end")
        text.line("return true")
      } else {
        text.block("if end == input.count || !(\(contains(onward, "input[end]")))") { text in
          text.line("position = end")
          text.line("return true")
        }
      }
    }
    text.line("}")
  }

  private static func grouped(_ condition: String) -> String { condition.contains("||") ? "(\(condition))" : condition }

  /// The arguments with which CodecRuntime runs an automaton: accepting states first, counted from 1.
  private func emitRun(_ automaton: Automaton, _ call: String, to text: inout SourceText) {
    let (number, order, accepting) = Self.numbering(automaton)
    let isWide = automaton.stateCount > 126
    var entries: [Int] = []
    for state in order {
      for index in 0..<automaton.classCount {
        let target = automaton.transitions[state * automaton.classCount + index]
        let value = target < 0 ? 0 : number[target]
        if isWide { entries += [value >> 7, value & 127] } else { entries.append(value) }
      }
    }
    text.line("return \(call), start: \(number[0]), accepting: \(accepting),")
    text.indented {
      $0.table("classes: ", automaton.classes, closing: ",")
      $0.line("width: \(automaton.classCount),")
      $0.table("transitions: ", entries, closing: ",")
      $0.line("isWide: \(isWide))")
    }
  }

  /// The number of each state, the states in their order, and how many of them accept.
  private static func numbering(_ automaton: Automaton) -> (number: [Int], order: [Int], accepting: Int) {
    let accepting = (0..<automaton.stateCount).filter { automaton.isAccepting[$0] }
    let order = accepting + (0..<automaton.stateCount).filter { !automaton.isAccepting[$0] }
    var number = [Int](repeating: 0, count: automaton.stateCount)
    for (index, state) in order.enumerated() { number[state] = index + 1 }
    return (number, order, accepting.count)
  }

  private func emitLookahead(
    _ entry: (name: String, sure: ByteSet, contested: ByteSet, automaton: Automaton), to text: inout SourceText
  ) {
    text.line("/// Decides an optional part by how it begins.")
    text.line("@inline(__always)")
    text.block("static func \(entry.name)(_ input: Input, _ position: Int) -> Bool") { text in
      text.line("guard position < input.count else { return false }")
      text.line("let byte = input[position]")
      if !entry.sure.isEmpty { text.line("if \(contains(entry.sure, "byte")) { return true }") }
      text.line("guard \(contains(entry.contested, "byte")) else { return false }")
      for byte in entry.contested.bytes {
        // What has to follow tells sooner than the automaton; mostly it is the end of the line.
        let behind = entry.automaton.next(0, byte)
        guard behind >= 0, !entry.automaton.isAccepting[behind], entry.automaton.leaving(behind).count == 1,
          let forced = entry.automaton.leaving(behind).bytes.first
        else { continue }
        let third = entry.automaton.leaving(entry.automaton.next(behind, forced))
        guard !third.isEmpty, third.count <= 3 else { continue }
        text.block("if byte == \(SourceText.byte(byte))") { text in
          text.line("let behind = peek(input, position &+ 2)")
          text.line("if !(\(contains(third, "behind"))) { return false }")
        }
      }
      text.line("return \(entry.name)Slow(input, position)")
    }
    text.line()
    text.line("@inline(never)")
    text.block("private static func \(entry.name)Slow(_ input: Input, _ position: Int) -> Bool") { text in
      emitRun(entry.automaton, "beginsAutomaton(input, position", to: &text)
    }
  }

  /// A set that is repeated, if that is all that the automaton does.
  private static func asScan(_ automaton: Automaton) -> (ByteSet, Int)? {
    if automaton.stateCount == 1, automaton.isAccepting[0] { return (automaton.leaving(0), 0) }
    guard automaton.stateCount == 2, automaton.isAccepting[1] else { return nil }
    let set = automaton.leaving(0)
    guard set == automaton.leaving(1), !set.isEmpty,
      set.bytes.allSatisfy({ automaton.next(0, $0) == 1 && automaton.next(1, $0) == 1 })
    else { return nil }
    return (set, automaton.isAccepting[0] ? 0 : 1)
  }

  /// Bytes with which the automaton accepts at once, unless one of the other bytes follows; blanks that may stand between
  /// are skipped.
  private static func shortcut(_ automaton: Automaton) -> (ByteSet, skipsBlanks: Bool, onward: ByteSet)? {
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
}

extension Substring {
  var trimmingSpaces: String {
    var result = self
    while result.first == " " { result.removeFirst() }
    while result.last == " " { result.removeLast() }
    return String(result)
  }
}
