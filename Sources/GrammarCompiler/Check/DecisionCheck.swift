/// Finds out how each choice, optional part and repetition is decided by the next token, and reports those that are not.
///
/// What a part can begin with is a set of regular expressions: its first token, and where that is white space only or
/// can be empty, also what stands behind it. Two parts are told apart if no text begins with both.
final class DecisionCheck {
  private let model: Model
  private let diagnostics: Diagnostics
  private var automata: [Set<Regex>: Automaton?] = [:]

  init(_ model: Model, diagnostics: Diagnostics) {
    self.model = model
    self.diagnostics = diagnostics
  }

  func run() {
    computeFollow()
    for shape in model.orderedShapes {
      decide(shape.body[...], shape.follow, shape)
      for row in shape.params?.rows ?? [] {
        if let value = row.value { decide(value.body[...], value.follow, value) }
      }
    }
  }

  // MARK: Beginnings

  /// Header fields end at a CRLF that no white space follows (RFC 3261 §7.3.1).
  static let endOfHeader: Regex = .sequence([
    .repetition(.set(ByteSet([0x20, 0x09])), minimum: 0, maximum: nil), .set(ByteSet([0x0D])), .set(ByteSet([0x0A])),
    .set(ByteSet.all.subtracting(ByteSet([0x20, 0x09]))),
  ])
  /// Lines of SDP end at CRLF, or LF from some (RFC 8866 §5).
  static let endOfLine: Regex = .set(ByteSet([0x0D, 0x0A]))

  private func starts(_ steps: ArraySlice<Step>, _ tail: Set<Regex>) -> Set<Regex> {
    guard let step = steps.first else { return tail }
    let rest = steps.dropFirst()
    func token(_ regex: Regex, isWhiteSpace: Bool) -> Set<Regex> {
      guard isWhiteSpace || regex.isNullable else { return [regex] }
      return Set(starts(rest, tail).map { .sequence([regex, $0]) })
    }
    switch step {
    case .literal(let bytes, let exact, _):
      let blank = bytes.allSatisfy { $0 == 0x20 || $0 == 0x09 }
      return token(.literal(bytes, exact: exact), isWhiteSpace: blank)
    case .token(let rule, _): return token(rule.regex, isWhiteSpace: rule.isWhiteSpace)
    case .capture(_, let type, _):
      switch type {
      case .text(let rule): return token(rule.regex, isWhiteSpace: rule.isWhiteSpace)
      case .number: return [.set(ByteSet(0x30...0x39))]
      case .enumeration(let type):
        if let base = type.base { return token(base.regex, isWhiteSpace: false) }
        return [.choice(type.cases.map { .literal(Array($0.name.utf8), exact: $0.exact) })]
      case .flag(let bytes, let exact): return [.literal(bytes, exact: exact)]
      case .shape(let shape): return starts(shape.body[...], starts(rest, tail))
      }
    case .optional(let alternative, _):
      let behind = starts(rest, tail)
      return starts(alternative.body[...], behind).union(behind)
    case .choice(let alternatives, _, _):
      let behind = starts(rest, tail)
      return alternatives.reduce(into: []) { $0.formUnion(starts($1.body[...], behind)) }
    case .repetition(let minimum, _, let alternative):
      let behind = starts(rest, tail)
      let body = starts(alternative.body[...], behind)
      return minimum == 0 ? body.union(behind) : body
    case .commaList(let minimum, let alternative, let separator, _):
      let behind = starts(rest, tail)
      let item = starts(alternative.body[...], behind.union([separator.regex]))
      return minimum == 0 ? item.union(behind) : item
    case .params:
      return parameterNames
    }
  }

  /// Any name of a parameter begins one: the table decides only behind it.
  private var parameterNames: Set<Regex> {
    [.set(ByteSet(0x21...0x7E).subtracting(ByteSet(";, \"=".utf8)))]
  }

  private func isNullable(_ steps: [Step]) -> Bool {
    steps.allSatisfy { step in
      switch step {
      case .literal, .params: false
      case .token(let rule, _): rule.regex.isNullable
      case .capture(_, let type, _):
        switch type {
        case .text(let rule): rule.regex.isNullable
        case .shape(let shape): isNullable(shape.body)
        default: false
        }
      case .optional: true
      case .choice(let alternatives, _, _): alternatives.contains { isNullable($0.body) }
      case .repetition(let minimum, _, let alternative): minimum == 0 || isNullable(alternative.body)
      case .commaList(let minimum, let alternative, _, _): minimum == 0 || isNullable(alternative.body)
      }
    }
  }

  // MARK: What follows

  private func computeFollow() {
    for header in model.headers { header.shape.follow = [Self.endOfHeader] }
    for line in model.lines { line.shape.follow = [Self.endOfLine] }
    for attribute in model.attributes { attribute.shape?.follow = [Self.endOfLine] }
    for reference in model.framing { model.shapes[reference.name.lowercased()]?.follow = [Self.endOfLine] }
    var changed = true
    func add(_ tail: Set<Regex>, to shape: Shape) {
      if !tail.isSubset(of: shape.follow) {
        shape.follow.formUnion(tail)
        changed = true
      }
    }
    func walk(_ steps: ArraySlice<Step>, _ tail: Set<Regex>, _ owner: Shape) {
      guard let step = steps.first else { return }
      let rest = steps.dropFirst()
      let behind = starts(rest, tail)
      switch step {
      case .capture(_, .shape(let shape), _): add(behind, to: shape)
      case .optional(let alternative, _): walk(alternative.body[...], behind, owner)
      case .choice(let alternatives, _, _):
        for alternative in alternatives { walk(alternative.body[...], behind, owner) }
      case .repetition(_, _, let alternative):
        let again = starts(alternative.body[...], behind).union(behind)
        walk(alternative.body[...], again, owner)
      case .commaList(_, let alternative, let separator, _):
        // COMMA begins with white space that may also end the header.
        walk(alternative.body[...], behind.union([separator.regex]), owner)
      case .params:
        for row in owner.params?.rows ?? [] { if let value = row.value { add(behind, to: value) } }
        if let other = owner.params?.other { add(behind, to: other) }
      default: break
      }
      walk(rest, tail, owner)
    }
    while changed {
      changed = false
      for shape in model.orderedShapes {
        walk(shape.body[...], shape.follow, shape)
        for row in shape.params?.rows ?? [] {
          if let value = row.value { walk(value.body[...], value.follow, value) }
        }
      }
    }
  }

  // MARK: Decisions

  private func decide(_ steps: ArraySlice<Step>, _ tail: Set<Regex>, _ shape: Shape) {
    guard let step = steps.first else { return }
    let rest = steps.dropFirst()
    let behind = starts(rest, tail)
    switch step {
    case .optional(let alternative, _):
      decide(alternative.body[...], behind, shape)
      settle(alternative, against: behind, "this optional part", "[ ", shape, tail: behind)
    case .choice(let alternatives, _, _):
      for alternative in alternatives { decide(alternative.body[...], behind, shape) }
      decideChoice(alternatives, behind, shape)
    case .repetition(_, _, let alternative):
      let again = starts(alternative.body[...], behind).union(behind)
      decide(alternative.body[...], again, shape)
      if isNullable(alternative.body) {
        diagnostics.report(alternative.position, "this repeats something that can be empty")
      } else {
        settle(alternative, against: behind, "this repetition", "*( ", shape, tail: again)
      }
    case .commaList(let minimum, let alternative, let separator, let position):
      decide(alternative.body[...], behind.union([separator.regex]), shape)
      if isNullable(alternative.body) {
        diagnostics.report(position, "this repeats something that can be empty")
      } else if minimum == 0 {
        settle(alternative, against: behind, "this list", "#( ", shape, tail: behind)
      }
    default: break
    }
    decide(rest, tail, shape)
  }

  private func settle(
    _ alternative: Alternative, against behind: Set<Regex>, _ what: String, _ opening: String, _ shape: Shape,
    tail: Set<Regex>
  ) {
    if let predicate = alternative.predicate {
      alternative.decision = .predicate(predicate)
      return
    }
    if isNullable(alternative.body) {
      diagnostics.report(alternative.position, "\(what) can be empty, so nothing tells whether it is there")
      return
    }
    let inside = starts(alternative.body[...], tail)
    switch tellApart(inside, behind) {
    case .decided(let decision): alternative.decision = decision
    case .undecided(let sample):
      undecided(
        alternative, "\(what) and what follows it can both begin with \(Self.shown(sample))", opening, shape)
    case .tooLarge: tooLarge(alternative, what)
    }
  }

  private func decideChoice(_ alternatives: [Alternative], _ behind: Set<Regex>, _ shape: Shape) {
    let open = alternatives.filter { $0.predicate == nil }
    for alternative in alternatives {
      if let predicate = alternative.predicate { alternative.decision = .predicate(predicate) }
    }
    for (index, alternative) in open.enumerated() {
      if index == open.count - 1 {
        alternative.decision = .otherwise
        break
      }
      let inside = starts(alternative.body[...], behind)
      var others: Set<Regex> = []
      for other in open[(index + 1)...] {
        let beginnings = starts(other.body[...], behind)
        others.formUnion(beginnings)
        switch tellApart(inside, beginnings) {
        case .decided: break
        case .undecided(let sample):
          let line = other.position.line == alternative.position.line ? "" : "line \(other.position.line), "
          undecided(
            alternative,
            "this alternative and the one in \(line)column \(other.position.column) can both begin with "
              + Self.shown(sample), "( ", shape)
        case .tooLarge: tooLarge(alternative, "this alternative")
        }
      }
      if case .decided(let decision) = tellApart(inside, others) { alternative.decision = decision }
    }
  }

  private enum Verdict {
    case decided(Decision)
    /// Both can begin with these bytes.
    case undecided([UInt8])
    case tooLarge
  }

  private func tellApart(_ inside: Set<Regex>, _ behind: Set<Regex>) -> Verdict {
    let first = Self.firstBytes(inside)
    let other = Self.firstBytes(behind)
    let contested = first.intersection(other)
    if contested.isEmpty, !inside.contains(where: \.isNullable), !behind.contains(where: \.isNullable) {
      return .decided(.bytes(first))
    }
    guard let automaton = automaton(inside), let onward = self.automaton(behind) else { return .tooLarge }
    if let sample = automaton.commonPrefix(with: onward) { return .undecided(sample) }
    return .decided(.lookahead(sure: first.subtracting(other), contested: contested, automaton))
  }

  private func automaton(_ regexes: Set<Regex>) -> Automaton? {
    if let known = automata[regexes] { return known }
    let made = Automaton(.choice(Array(regexes)))
    automata[regexes] = .some(made)
    return made
  }

  private static func firstBytes(_ regexes: Set<Regex>) -> ByteSet {
    regexes.reduce(ByteSet()) { $0.union(firstBytes($1)) }
  }

  private static func firstBytes(_ regex: Regex) -> ByteSet {
    switch regex {
    case .empty: return ByteSet()
    case .set(let set): return set
    case .sequence(let parts):
      var result = ByteSet()
      for part in parts {
        result = result.union(firstBytes(part))
        if !part.isNullable { break }
      }
      return result
    case .choice(let parts): return parts.reduce(ByteSet()) { $0.union(firstBytes($1)) }
    case .repetition(let inner, _, let maximum): return maximum == 0 ? ByteSet() : firstBytes(inner)
    }
  }

  // MARK: Words

  private func tooLarge(_ alternative: Alternative, _ what: String) {
    diagnostics.report(
      alternative.position, "undecided: \(what) can begin in more ways than can be compared with what follows",
      note: "a predicate, `when rule`, decides it")
  }

  /// The rule of a predicate that would decide for `alternative`, in outline.
  private func undecided(_ alternative: Alternative, _ message: String, _ opening: String, _ shape: Shape) {
    var label = "this"
    var definition: [String] = []
    outer: for step in alternative.body {
      switch step {
      case .literal(let bytes, _, _):
        definition.append("\"\(String(decoding: bytes, as: UTF8.self))\"")
        if definition.count > 1 { break outer }
      case .token(let rule, _): definition.append(rule.name)
      case .capture(let index, let type, _):
        if label == "this" { label = shape.layout.fields[index].label }
        switch type {
        case .text(let rule): definition.append(rule.isAnonymous ? "…" : rule.name)
        case .number: definition.append("1*DIGIT")
        case .enumeration(let type): definition.append(type.base?.name ?? type.name)
        case .flag(let bytes, _): definition.append("\"\(String(decoding: bytes, as: UTF8.self))\"")
        case .shape: definition.append("…")
        }
      default:
        definition.append("…")
      }
    }
    diagnostics.report(
      alternative.position, "undecided: \(message)",
      note: "a predicate would decide it: declare the token rule "
        + "`\(label)-ahead = \(definition.joined(separator: " "))` and write `\(opening)when \(label)-ahead …`"
    )
  }

  private static func shown(_ sample: [UInt8]) -> String {
    if sample.isEmpty { return "nothing at all" }
    let text = sample.map { byte -> String in
      switch byte {
      case 0x20: "SP"
      case 0x09: "HTAB"
      case 0x0D: "CR"
      case 0x0A: "LF"
      case 0x21...0x7E: "\"\(Character(Unicode.Scalar(byte)))\""
      default: "%x" + String(byte, radix: 16, uppercase: true)
      }
    }
    return text.joined(separator: " ")
  }
}
