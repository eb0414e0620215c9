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

  /// A condition that tells whether the byte at `position`, an expression, is there and in the set.
  func isByte(_ set: ByteSet, at position: String) -> String {
    let bytes = set.bytes
    let test = bytes.count == 1 ? SourceText.byte(bytes[0]) : table(set)
    // Behind the input there are zeros.
    if set.contains(0) { return "(hasByte(input, \(position)) && isByte(input, \(position), \(test)))" }
    return "isByte(input, \(position), \(test))"
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
    let automaton = rule.automaton
    if rule.isNestedComment {
      emitCalled(name, to: &text) { text in
        text.line("var end = position")
        // All but parentheses, backslashes and controls.
        let plain = ByteSet(0x20...0xFF).subtracting(ByteSet([0x28, 0x29, 0x5C, 0x7F])).union(ByteSet([0x09]))
        text.line("return takeNestedComment(input, &end, plain: \(table(plain))) ? end : -1")
      }
    } else if let literal = rule.regex.exactLiteral, literal.count == 1, literal[0] != 0 {
      emitInlined(name, to: &text) { $0.line("take(input, &position, \(SourceText.byte(literal[0])))") }
    } else if let (set, minimum) = Self.asScan(automaton), !set.contains(0) {
      emitInlined(name, to: &text) { $0.line("scan(input, &position, \(table(set)), minimum: \(minimum))") }
    } else if let (set, minimum, maximum) = Self.asBoundedScan(automaton), !set.contains(0) {
      emitCalled(name, to: &text) { text in
        text.line("let end = min(endOfRun(input, position, \(table(set))), position &+ \(maximum))")
        text.line("return end &- position >= \(minimum) ? end : -1")
      }
    } else if let (head, cycle) = Self.asCycle(automaton) {
      emitCalled(name, to: &text) { text in
        func row(_ sets: [ByteSet], _ start: String) -> String {
          sets.enumerated().map { isByte($0.element, at: $0.offset == 0 ? start : "\(start) &+ \($0.offset)") }
            .joined(separator: ", ")
        }
        text.line("guard \(row(head, "position")) else { return -1 }")
        text.line("var end = position &+ \(head.count)")
        text.line("while \(row(cycle, "end")) { end &+= \(cycle.count) }")
        text.line("return end")
      }
    } else if let chain = Self.asChain(automaton) {
      emitCalled(name, to: &text) { text in
        text.line("var end = position")
        for (index, link) in chain.enumerated() {
          if !link.run.isEmpty { text.line("end = endOfRun(input, end, \(table(link.run)))") }
          guard index < chain.count - 1 else { break }
          text.line("guard \(isByte(link.onward, at: "end")) else { return -1 }")
          text.line("end &+= 1")
        }
        text.line("return end")
      }
    } else if let parts = Self.asFixed(automaton) {
      emitCalled(name, to: &text) { emitFixed(parts, to: &$0) }
    } else if automaton.stateCount == 2, !automaton.isAccepting[0], automaton.leaving(1).isEmpty,
      !automaton.firstBytes.contains(0)
    {
      emitInlined(name, to: &text) { $0.line("take(input, &position, \(table(automaton.firstBytes)))") }
    } else {
      emitSplit(name, automaton, to: &text)
    }
  }

  /// A function whose body stands wherever it is called.
  private func emitInlined(_ name: String, to text: inout SourceText, _ body: (inout SourceText) -> Void) {
    text.line("@inline(__always)")
    text.block("static func \(Naming.escaped(name))(_ input: Input, _ position: inout Int) -> Bool", body)
  }

  /// A function whose body stands once: it takes and returns the position by value, so that it stays in a register.
  @discardableResult
  private func emitCalled(_ name: String, to text: inout SourceText, _ body: (inout SourceText) -> Void) -> String {
    let end = unique("\(name)End")
    emitInlined(name, to: &text) { $0.line("move(&position, to: \(end)(input, position))") }
    text.line()
    text.line("@inline(never)")
    text.block("private static func \(end)(_ input: Input, _ position: Int) -> Int", body)
    return end
  }

  /// Most separators come without the white space that is allowed around them, most tokens are a run of like bytes:
  /// that is tried where the token stands, and only what it does not decide is left to the automaton.
  private func emitSplit(_ name: String, _ automaton: Automaton, to text: inout SourceText) {
    let short = Self.shortcut(automaton)
    let starts = short == nil ? Self.hotStarts(automaton) : []
    let isFinal = (0..<automaton.stateCount).allSatisfy { !automaton.isAccepting[$0] || automaton.leaving($0).isEmpty }
    let call = isFinal ? "runAutomatonOnce" : "runAutomaton"
    let run: (inout SourceText) -> Void = { self.emitRun(automaton, "\(call)(input, position", to: &$0) }
    let behindIPv4 = short == nil ? Self.behindIPv4(automaton) : nil
    guard short != nil || !starts.isEmpty || automaton.isAccepting[0] || behindIPv4 != nil else {
      emitCalled(name, to: &text, run)
      return
    }
    let isInlined = short != nil || starts.count == 1 && Self.isPlain(automaton, starts[0].target)
    let slow = unique("\(name)Slow")
    let digits = behindIPv4 == nil ? "" : unique("\(name)OfDigits")
    let outcome = Outcome(isInlined: isInlined)
    let body: (inout SourceText) -> Void = { [self] text in
      if automaton.isAccepting[0] {
        text.line("guard \(isByte(automaton.firstBytes, at: "position")) else { \(outcome.empty) }")
      }
      if let (bytes, skipsBlanks, onward) = short {
        text.block("if \(isByte(bytes, at: "position"))") { text in
          text.line("\(skipsBlanks ? "var" : "let") next = position &+ 1")
          if skipsBlanks, onward.bytes.allSatisfy({ $0 <= 0x20 }) {
            // Mostly neither white space nor the end of the line follows.
            text.block("if peek(input, next) > 0x20") { outcome.accept("next", to: &$0) }
            text.block("if isByte(input, next, 0x20), peek(input, next &+ 1) > 0x20") {
              outcome.accept("next &+ 1", to: &$0)
            }
          }
          if skipsBlanks { text.line("skipBlanks(input, &next)") }
          let test = skipsBlanks ? onward.subtracting(ByteSet([0x20, 0x09])) : onward
          emitAccept("next", unless: test, outcome, to: &text)
        }
        emitRefusals(automaton, outcome, to: &text)
      }
      if behindIPv4 != nil {
        // A call that returns what it returns needs no frame here.
        text.block("if isDigit(input, position)") { text in
          let call = "\(digits)(input, position)"
          text.line(isInlined ? "return move(&position, to: \(call))" : "return \(call)")
        }
      }
      for (target, first) in starts {
        text.block("if \(isByte(first, at: "position"))") { text in
          text.line("var end = position &+ 1")
          emitHot(automaton, target, seen: [], outcome, to: &text)
        }
      }
      text.line(isInlined ? "return move(&position, to: \(slow)(input, position))" : "return \(slow)(input, position)")
    }
    var called: String?
    if isInlined { emitInlined(name, to: &text, body) } else { called = emitCalled(name, to: &text, body) }
    if let behindIPv4 {
      text.line()
      text.line("/// Begins with a digit: mostly an IPv4 address.")
      text.line("@inline(never)")
      text.block("private static func \(digits)(_ input: Input, _ position: Int) -> Int") { text in
        text.line("let end = endOfIPv4Address(input, position)")
        var test = "end >= 0"
        if !behindIPv4.isEmpty { test += " && !\(isByte(behindIPv4, at: "end"))" }
        text.line("if \(test) { return end }")
        if let called, let start = starts.first, let label = Self.digitLabel(automaton, start.target, start.first) {
          emitDigitLabels(label, start.first, called, to: &text)
        }
        text.line("return \(slow)(input, position)")
      }
    }
    text.line()
    text.line("@inline(never)")
    text.block("private static func \(slow)(_ input: Input, _ position: Int) -> Int", run)
  }

  /// Addresses are what automata are slowest at. Where each IPv4 address is a match: the bytes that may carry on with one.
  private static func behindIPv4(_ automaton: Automaton) -> ByteSet? {
    guard let address = Automaton(ipv4) else { return nil }
    var onward = ByteSet()
    var seen: Set<[Int]> = [[0, 0]]
    var queue = [[0, 0]]
    while let pair = queue.popLast() {
      if address.isAccepting[pair[0]] {
        guard automaton.isAccepting[pair[1]] else { return nil }
        // One that is a run of like bytes anyway is not slow.
        if loop(automaton, pair[1]).contains(0x2E) { return nil }
        onward = onward.union(automaton.leaving(pair[1]))
      }
      for byte in address.leaving(pair[0]).bytes {
        let next = [address.next(pair[0], byte), automaton.next(pair[1], byte)]
        if next[1] < 0 { return nil }
        if seen.insert(next).inserted { queue.append(next) }
      }
    }
    return onward
  }

  /// RFC 3261 §25.1
  private static var ipv4: Regex {
    let number = Regex.repetition(.set(ByteSet(0x30...0x39)), minimum: 1, maximum: 3)
    let dot = Regex.set(ByteSet([0x2E]))
    return .sequence([number, dot, number, dot, number, dot, number])
  }

  /// How a function says what it matched: inlined ones move the position, called ones return it.
  private struct Outcome {
    var isInlined: Bool

    var refusal: String { isInlined ? "return false" : "return -1" }
    var empty: String { isInlined ? "return true" : "return position" }

    func accept(_ end: String, to text: inout SourceText) {
      if isInlined { text.line("position = \(end)") }
      text.line(isInlined ? "return true" : "return \(end)")
    }
  }

  /// What cannot be a fold of a header field is no match; mostly it is the end of the line.
  private func emitRefusals(_ automaton: Automaton, _ outcome: Outcome, to text: inout SourceText) {
    let result = automaton.isAccepting[0] ? outcome.empty : outcome.refusal
    if !automaton.isAccepting[0] {
      text.line("guard \(isByte(automaton.firstBytes, at: "position")) else { \(outcome.refusal) }")
    }
    for (byte, third) in Self.forced(automaton, automaton.firstBytes) {
      text.block("if isByte(input, position, \(SourceText.byte(byte))), !\(isByte(third, at: "position &+ 2"))") {
        $0.line(result)
      }
    }
  }

  /// First bytes behind which one certain byte and then one of few have to come.
  private static func forced(_ automaton: Automaton, _ bytes: ByteSet) -> [(byte: UInt8, third: ByteSet)] {
    bytes.bytes.compactMap { byte in
      let behind = automaton.next(0, byte)
      guard byte != 0, behind >= 0, !automaton.isAccepting[behind], automaton.leaving(behind).count == 1,
        let forced = automaton.leaving(behind).bytes.first
      else { return nil }
      let then = automaton.next(behind, forced)
      let third = automaton.leaving(then)
      guard !automaton.isAccepting[then], !third.isEmpty, third.count <= 3 else { return nil }
      return (byte, third)
    }
  }

  /// The state only skips bytes and ends.
  private static func isPlain(_ automaton: Automaton, _ state: Int) -> Bool {
    automaton.isAccepting[state]
      && automaton.leaving(state).bytes.allSatisfy { byte in
        let next = automaton.next(state, byte)
        return next == state
          || !automaton.leaving(next).bytes.contains { loop(automaton, automaton.next(next, $0)).count >= 10 }
      }
  }

  /// Ends the match at `end`, a variable, unless one of the bytes `onward` follows.
  private func emitAccept(_ end: String, unless onward: ByteSet, _ outcome: Outcome, to text: inout SourceText) {
    if onward.isEmpty {
      outcome.accept(end, to: &text)
    } else {
      text.block("if !\(isByte(onward, at: end))") { outcome.accept(end, to: &$0) }
    }
  }

  /// The states in which an automaton mostly is after the first byte, and the bytes that lead there: those that many
  /// bytes lead back to.
  private static func hotStarts(_ automaton: Automaton) -> [(target: Int, first: ByteSet)] {
    var result = targets(automaton, 0, automaton.firstBytes).filter { loop(automaton, $0.target).count >= 10 }
    result.sort { left, right in
      left.first.count != right.first.count ? left.first.count > right.first.count : left.target < right.target
    }
    return Array(result.prefix(2))
  }

  /// The bytes that lead from the state to itself.
  static func loop(_ automaton: Automaton, _ state: Int) -> ByteSet {
    ByteSet(automaton.leaving(state).bytes.filter { automaton.next(state, $0) == state })
  }

  static func targets(
    _ automaton: Automaton, _ state: Int, _ bytes: ByteSet
  ) -> [(target: Int, first: ByteSet)] {
    var result: [Int: ByteSet] = [:]
    for byte in bytes.bytes { result[automaton.next(state, byte), default: ByteSet()].insert(byte) }
    return result.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
  }

  /// Follows an automaton from a state that many bytes lead back to, with `end` behind what was read: skips these bytes
  /// by a table, then one or two bytes that lead to such a state again or end the match.
  private func emitHot(
    _ automaton: Automaton, _ state: Int, seen: Set<Int>, _ outcome: Outcome, to text: inout SourceText
  ) {
    let loop = Self.loop(automaton, state)
    let onward = automaton.leaving(state).subtracting(loop)
    var joints: [(byte: ByteSet, behind: ByteSet, target: Int)] = []
    var closing: [(byte: ByteSet, onward: ByteSet)] = []
    for (middle, bytes) in Self.targets(automaton, state, onward) {
      if automaton.isAccepting[middle], automaton.leaving(middle).isEmpty {
        closing.append((bytes, automaton.leaving(middle)))
        continue
      }
      for (target, behind) in Self.targets(automaton, middle, automaton.leaving(middle))
      where behind.count >= 10 && Self.loop(automaton, target).count >= 10 {
        joints.append((bytes, behind, target))
      }
    }
    let back = joints.filter { $0.target == state }
    let run = loop.contains(0) ? "endOfRunWithNUL" : "endOfRun"
    if back.isEmpty {
      text.line("end = \(run)(input, end, \(table(loop)))")
    } else {
      text.block("while true") { text in
        text.line("end = \(run)(input, end, \(table(loop)))")
        for joint in back {
          text.block("if \(isByte(joint.byte, at: "end")), \(isByte(joint.behind, at: "end &+ 1"))") {
            $0.line("end &+= 2")
            $0.line("continue")
          }
        }
        // Runs of another kind from which the way leads back, such as a label of digits first.
        for joint in joints where joint.target != state {
          let other = Self.loop(automaton, joint.target)
          guard other.bytes.allSatisfy({ $0 != 0 }), !joint.behind.contains(0) else { continue }
          let leaving = automaton.leaving(joint.target).subtracting(other)
          for (middle, bytes) in Self.targets(automaton, joint.target, leaving) {
            let home = ByteSet(automaton.leaving(middle).bytes.filter { automaton.next(middle, $0) == state })
            if home.count < 10 || bytes.contains(0) || home.contains(0) { continue }
            text.block("if \(isByte(joint.byte, at: "end")), \(isByte(joint.behind, at: "end &+ 1"))") { text in
              text.line("let ahead = endOfRun(input, end &+ 2, \(table(other)))")
              text.block("if \(isByte(bytes, at: "ahead")), \(isByte(home, at: "ahead &+ 1"))") {
                $0.line("end = ahead &+ 2")
                $0.line("continue")
              }
            }
          }
        }
        text.line("break")
      }
    }
    if automaton.isAccepting[state] {
      emitAccept("end", unless: onward, outcome, to: &text)
      // White space may carry on; mostly what follows it does not.
      let behind = onward.contains(0x20) ? automaton.next(state, 0x20) : -1
      if behind >= 0, !automaton.isAccepting[behind] {
        text.block("if isByte(input, end, 0x20), !\(isByte(automaton.leaving(behind), at: "end &+ 1"))") {
          outcome.accept("end", to: &$0)
        }
      }
    }
    for (bytes, onward) in closing {
      text.block("if \(isByte(bytes, at: "end"))") { text in
        text.line("end &+= 1")
        emitAccept("end", unless: onward, outcome, to: &text)
      }
    }
    let seen = seen.union([state])
    guard seen.count < 3,
      let onto = joints.first(where: { !seen.contains($0.target) && automaton.isAccepting[$0.target] })
    else { return }
    text.block("if \(isByte(onto.byte, at: "end")), \(isByte(onto.behind, at: "end &+ 1"))") { text in
      text.line("end &+= 2")
      emitHot(automaton, onto.target, seen: seen, outcome, to: &text)
    }
  }

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
      if entry.sure.contains(0) || entry.contested.contains(0) {
        text.line("guard hasByte(input, position) else { return false }")
      }
      text.line("let byte = input[position]")
      if !entry.sure.isEmpty { text.line("if \(contains(entry.sure, "byte")) { return true }") }
      text.line("guard \(contains(entry.contested, "byte")) else { return false }")
      // A single space is the most frequent of what may come, and then the byte behind it tells.
      if entry.contested.contains(0x20) {
        let behind = entry.automaton.next(0, 0x20)
        let accepted = ByteSet(
          entry.automaton.leaving(behind).bytes.filter {
            entry.automaton.isAccepting[entry.automaton.next(behind, $0)]
          })
        if !accepted.isEmpty, !accepted.contains(0) {
          text.line("if byte == 0x20, \(isByte(accepted, at: "position &+ 1")) { return true }")
        }
      }
      // What has to follow tells sooner than the automaton; mostly it is the end of the line.
      for (byte, third) in Self.forced(entry.automaton, entry.contested) {
        text.block("if byte == \(SourceText.byte(byte)), !\(isByte(third, at: "position &+ 2"))") {
          $0.line("return false")
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
}

extension Substring {
  var trimmingSpaces: String {
    var result = self
    while result.first == " " { result.removeFirst() }
    while result.last == " " { result.removeLast() }
    return String(result)
  }
}
