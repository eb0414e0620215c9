import Foundation

@testable import GrammarCompiler

/// Chance from a seed (SplitMix64), the same on every machine.
struct SeededChance: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var value = state
    value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
    return value ^ (value >> 31)
  }
}

/// Makes texts that a grammar allows: what a peer might send.
struct GrammarSampler {
  private var chance: SeededChance
  private var output: [UInt8] = []
  /// Where a predicate of the grammar has to hold, or must not, if a reader is to take the way that chance took.
  private var claims: [(offset: Int, predicate: TokenRule, holds: Bool)] = []
  /// The known parameters that a shape has already: each may be there once (RFC 3261 §7.3.1).
  private var taken: Set<String> = []
  /// Where the shape begins that is being made.
  private var start = 0
  /// The fields of a shape of which one calls for another, by their labels.
  private var values: [String: String] = [:]
  /// Shapes within shapes; beyond this depth what may be left out is.
  private var depth = 0
  private static let maximumDepth = 6

  init(seed: UInt64) { chance = SeededChance(seed: seed) }

  private mutating func below(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &chance) }

  mutating func oneIn(_ bound: Int) -> Bool { below(bound) == 0 }

  mutating func element<Element>(of list: [Element]) -> Element? { list.randomElement(using: &chance) }

  /// One of the list: a new name in it changes nothing but where the choice falls on it.
  mutating func element<Element>(of list: [Element], named name: (Element) -> String) -> Element? {
    let key = chance.next()
    func rank(_ element: Element) -> UInt64 {
      var chance = SeededChance(seed: key ^ seed(of: name(element)))
      return chance.next()
    }
    return list.max { rank($0) < rank($1) }
  }

  // MARK: Texts

  mutating func text(of token: TokenRule) -> [UInt8] {
    token.isNestedComment ? Array("(a (nested) \\) comment)".utf8) : text(of: token.regex)
  }

  /// A text of the shape; `nil` where chance has taken ways that no reader would take together.
  mutating func text(of shape: Shape) -> [UInt8]? {
    for _ in 0..<40 {
      output = []
      claims = []
      depth = 0
      start = 0
      append(shape)
      if output.count < 2000, claims.allSatisfy({ Self.matches($0.predicate, output[$0.offset...]) == $0.holds }) {
        return output
      }
    }
    return nil
  }

  mutating func text(of type: EnumType) -> [UInt8] {
    if type.isOpen, let base = type.base, oneIn(4) { return text(of: base) }
    return element(of: type.cases).map { Array($0.name.utf8) } ?? []
  }

  mutating func number(_ type: NumberType) -> [UInt8] {
    let limit = type.maximum
    var value =
      oneIn(4) ? [0, 1, limit][below(3)] : UInt64.random(in: 0...limit, using: &chance) >> UInt64(below(type.bits))
    value = max(value, type.minimum)
    return Array(String(value).utf8)
  }

  /// Whether a predicate holds: its rule matches what comes.
  private static func matches(_ predicate: TokenRule, _ text: ArraySlice<UInt8>) -> Bool {
    let automaton = predicate.automaton
    var state = 0
    for byte in text {
      if automaton.isAccepting[state] { return true }
      state = automaton.next(state, byte)
      if state < 0 { return false }
    }
    return automaton.isAccepting[state]
  }

  // MARK: Rules

  private mutating func text(of regex: Regex) -> [UInt8] {
    switch regex {
    case .empty: return []
    case .set(let set):
      // Any byte of the set, letters and digits more often than others.
      let bytes = set.bytes
      let plain = bytes.filter { (0x30...0x39).contains($0) || (0x61...0x7A).contains($0) }
      return [element(of: plain.isEmpty || oneIn(4) ? bytes : plain) ?? 0x61]
    case .sequence(let parts):
      var result: [UInt8] = []
      for part in parts { result += text(of: part) }
      return result
    case .choice(let parts): return parts.isEmpty ? [] : text(of: parts[below(parts.count)])
    case .repetition(let inner, let minimum, let maximum):
      let limit = min(maximum ?? .max, minimum + (oneIn(8) ? 12 : 3))
      var result: [UInt8] = []
      for _ in 0..<Int.random(in: minimum...limit, using: &chance) { result += text(of: inner) }
      return result
    }
  }

  private mutating func append(_ shape: Shape) {
    let outer = start
    start = output.count
    depth += 1
    append(shape.body, shape)
    depth -= 1
    start = outer
  }

  private mutating func append(_ steps: [Step], _ shape: Shape) {
    for step in steps { append(step, shape) }
  }

  private mutating func append(_ step: Step, _ shape: Shape) {
    switch step {
    case .literal(let bytes, _, _): output += bytes
    case .token(let rule, _): output += oneIn(3) ? text(of: rule) : rule.written ?? text(of: rule)
    case .capture(let index, let type, _):
      let field = shape.layout.fields[index]
      let start = output.count
      let demanded = shape.requirements.first { requirement in
        let value = values[requirement.subject.label]?.lowercased() ?? ""
        return requirement.target === field && requirement.values.contains(value) != requirement.isNegated
      }
      if let demanded { output += text(of: demanded.rule) } else { append(type) }
      if !shape.requirements.isEmpty { values[field.label] = String(decoding: output[start...], as: UTF8.self) }
    case .optional(let alternative, _):
      let isTaken = depth <= Self.maximumDepth && oneIn(2)
      if let predicate = alternative.predicate { claims.append((output.count, predicate, isTaken)) }
      if isTaken { append(alternative.body, shape) }
    case .choice(let alternatives, _, _):
      guard !alternatives.isEmpty else { return }
      let chosen = below(alternatives.count)
      for (index, alternative) in alternatives.enumerated() where index <= chosen {
        if let predicate = alternative.predicate { claims.append((output.count, predicate, index == chosen)) }
      }
      append(alternatives[chosen].body, shape)
    case .repetition(let minimum, let maximum, let alternative):
      let outer = taken
      taken = []
      defer { taken = outer }
      for _ in 0..<count(minimum, maximum) {
        if let predicate = alternative.predicate { claims.append((output.count, predicate, true)) }
        append(alternative.body, shape)
      }
      // Those that have to be there come last.
      for row in shape.params?.rows ?? [] where ShapeBuilder.positionOfParams(alternative.body) != nil {
        guard !taken.contains(row.name), isRequired(row, since: start) else { continue }
        for step in alternative.body {
          if case .params = step, let params = shape.params { append(row, of: params) } else { append(step, shape) }
        }
      }
      if let predicate = alternative.predicate { claims.append((output.count, predicate, false)) }
    case .commaList(let minimum, let alternative, let separator, _):
      for index in 0..<count(minimum, nil) {
        if index > 0 { output += separator.written ?? text(of: separator) }
        append(alternative.body, shape)
      }
    case .params: if let params = shape.params { append(params) }
    }
  }

  private mutating func count(_ minimum: Int, _ maximum: Int?) -> Int {
    let limit = min(maximum ?? .max, minimum + (depth > Self.maximumDepth ? 0 : 2))
    return Int.random(in: minimum...max(minimum, limit), using: &chance)
  }

  private mutating func append(_ params: ParameterTable) {
    let rows = params.rows.filter { !taken.contains($0.name) }
    guard params.other == nil || !oneIn(4), let row = element(of: rows) ?? (params.other == nil ? params.rows[0] : nil)
    else {
      if let other = params.other { append(other) }
      return
    }
    append(row, of: params)
  }

  private func isRequired(_ row: ParameterTable.Row, since start: Int) -> Bool {
    switch row.requirement {
    case .never: false
    case .always: true
    case .when(let rule): Self.matches(rule, output[start...])
    }
  }

  private mutating func append(_ row: ParameterTable.Row, of params: ParameterTable) {
    taken.insert(row.name)
    output += row.name.utf8
    guard let value = row.value, !(row.isValueOptional && oneIn(2)) else { return }
    append(params.separator, value)
    append(value)
  }

  private mutating func append(_ type: FieldType) {
    switch type {
    case .text(let rule): output += text(of: rule)
    case .number(let type): output += number(type)
    case .enumeration(let type): output += text(of: type)
    case .shape(let shape): append(shape)
    case .flag(let bytes, _): output += bytes
    }
  }
}
