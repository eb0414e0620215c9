/// Prints the parser of a shape.
struct ParserEmitter {
  let tokens: TokenEmitter
  /// Shapes that one place alone captures: their parsers stand there.
  let inlined: Set<ObjectIdentifier>
  /// Shapes of headers, lines and attributes: a function that only jumps to one of them needs no frame of its own.
  let called: Set<ObjectIdentifier>

  init(tokens: TokenEmitter, model: Model) {
    self.tokens = tokens
    var uses: [ObjectIdentifier: Int] = [:]
    for shape in model.orderedShapes {
      for captured in Self.captured(by: shape) { uses[ObjectIdentifier(captured), default: 0] += 1 }
    }
    inlined = Set(uses.filter { $0.value == 1 }.keys)
    let parts = model.headers.map(\.shape) + model.lines.map(\.shape) + model.attributes.compactMap(\.shape)
    called = Set(parts.map { ObjectIdentifier($0) })
  }

  /// The shapes that a shape and its parameters capture, each as often as it is captured.
  static func captured(by shape: Shape) -> [Shape] {
    var captured = shapes(shape.body)
    for row in shape.params?.rows ?? [] { captured += shapes(row.value?.body ?? []) }
    if let other = shape.params?.other { captured.append(other) }
    return captured
  }

  /// The shapes that `steps` capture.
  private static func shapes(_ steps: [Step]) -> [Shape] {
    steps.flatMap { step -> [Shape] in
      switch step {
      case .capture(_, .shape(let shape), _): [shape]
      case .optional(let alternative, _), .repetition(_, _, let alternative), .commaList(_, let alternative, _, _):
        shapes(alternative.body)
      case .choice(let alternatives, _, _): alternatives.flatMap { shapes($0.body) }
      default: []
      }
    }
  }

  /// The name of the static function, in an extension of the type whose fields it fills.
  static func function(_ shape: Shape) -> String { shape.fills == nil ? "parse" : "parse\(shape.typeName)" }

  func emit(_ shape: Shape, to text: inout SourceText) {
    let layout = shape.layout
    text.line(
      "/// Appends a node of slot `slot` for the `\(shape.name)` at `start`; returns where that ends. Where there is none, it"
    )
    text.line("/// notes the failure and returns −1.")
    if called.contains(ObjectIdentifier(shape)) {
      text.line("@inline(never)")
    } else if inlined.contains(ObjectIdentifier(shape)) {
      text.line("@inline(__always)")
    }
    text.block(
      "static func \(Self.function(shape))(_ input: Input, _ start: Int, _ tape: inout Tape, slot: UInt32) -> Int"
    ) { text in
      let isFilled = shape.fills == nil && Self.fillsAll(shape.body, shape)
      if isFilled, shape.requirements.isEmpty, Self.isLeaf(shape.body, shape) {
        text.line("var position = start")
        emitLeaf(shape.body, Context(shape: shape), slot: "slot", to: &text)
      } else {
        text.line("let node = tape.begin(\(isFilled ? "filling" : "fixedWords"): \(layout.fixedWords))")
        text.line("var position = start")
        emitNode(shape.body, Context(shape: shape), slot: "slot", to: &text)
        for requirement in shape.requirements { emit(requirement, to: &text) }
      }
      text.line("return position")
    }
    if shape.fills == nil { emitMissingValue(shape, to: &text) }
  }

  /// What a field calls for in another one, once both are in the node.
  private func emit(_ requirement: FieldRequirement, to text: inout SourceText) {
    func word(_ field: Field) -> Int {
      if case .enumeration = field.type { return field.word + 2 }
      return field.word + 1
    }
    let subject = word(requirement.subject)
    let target = word(requirement.target)
    let tests = requirement.values.map { value in
      "tape.word(node + \(subject + 1)) == \(value.utf8.count)"
        + " && isIgnoringCase(input, Int(tape.word(node + \(subject))), \(SourceText.literal(value.asciiLowercased)))"
    }
    let test = (requirement.isNegated ? "!" : "") + "(" + tests.joined(separator: " || ") + ")"
    let start = "Int(tape.word(node + \(target)))"
    let count = "Int(tape.word(node + \(target + 1)))"
    var form = "isWhole(input, from: \(start), count: \(count), \(tokens.function(requirement.rule)))"
    if case .text(let rule) = requirement.target.type, let length = requirement.rule.tellingLength(among: rule) {
      form = "\(count) == \(length)"
    }
    // Where something else follows the value, that is what is wrong.
    text.block("if \(test), peek(input, position) <= 0x20, !(\(form))") { text in
      text.line("return tape.fail(\(start), \(SourceText.literal(Expectation.words(of: requirement.rule))))")
    }
  }

  /// Whether the steps set each word of the node, whatever is there.
  static func fillsAll(_ steps: [Step], _ shape: Shape) -> Bool {
    var filled: Set<Int> = []
    for case .capture(let index, _, _) in steps { filled.insert(index) }
    return !shape.hasState && shape.fields.indices.allSatisfy { filled.contains($0) || shape.fields[$0].isChild }
  }

  /// The steps of a node that was begun, and its end. The word that says which optional fields are present is a variable
  /// until then.
  func emitNode(_ steps: [Step], _ context: Context, slot: String, to text: inout SourceText) {
    var context = context
    var body = text.part()
    emitBody(steps, &context, to: &body)
    if context.setsState { text.line("var state: UInt32 = 0") }
    text.append(body)
    if context.setsState { text.line("tape.set(node, field: 1, state)") }
    text.line("tape.end(node, slot: \(slot))")
  }

  struct Context {
    let shape: Shape
    /// For a narrower spelling: bits of the state word of each field.
    var fillBits: [Int: UInt32] = [:]
    var counter = 0
    /// Some optional part is there in the word that says which are.
    var setsState = false
    /// Where the fields' words begin, relative to the node.
    var base = 1
    /// Set inside of an attempt: what to do on failure instead of giving up the shape.
    var attempt: String?

    /// The statement that ends the parse where `expected` was expected.
    func failure(_ expected: String, at position: String = "position") -> String {
      attempt ?? "return tape.fail(\(position), \(SourceText.literal(expected)))"
    }

    mutating func fresh(_ name: String) -> String {
      counter += 1
      return counter == 1 ? name : "\(name)\(counter)"
    }
  }

  func emitBody(_ steps: [Step], _ context: inout Context, to text: inout SourceText) {
    if context.shape.fills != nil, context.fillBits.isEmpty {
      // Each alternative of a narrower spelling may fill another alternative of the type.
      if steps.count == 1, case .choice = steps[0] {} else { context.fillBits = fillBits(steps, context.shape) }
    }
    for step in steps { emitStep(step, &context, to: &text) }
  }

  private func emitStep(_ step: Step, _ context: inout Context, to text: inout SourceText) {
    switch step {
    case .literal(let bytes, let exact, _):
      text.block("guard \(literal(bytes, exact)) else") {
        $0.line(context.failure(Self.shown(bytes)))
      }
    case .token(let rule, _):
      if rule.regex.isNullable {
        text.line("_ = \(tokens.function(rule))(input, &position)")
      } else {
        text.block("guard \(tokens.function(rule))(input, &position) else") {
          $0.line(context.failure(Expectation.words(of: rule)))
        }
      }
    case .capture(let index, let type, _): emitCapture(index, type, &context, to: &text)
    case .optional(let alternative, let condition):
      if emitAttempt(alternative, condition, &context, to: &text) { return }
      text.line("if \(decision(alternative, context)) {")
      text.indented { text in
        mark(condition, &context, to: &text)
        emitBody(alternative.body, &context, to: &text)
      }
      text.line("}")
    case .choice(let alternatives, let conditions, _):
      if emitAttempt(alternatives, conditions, &context, to: &text) { return }
      for (index, alternative) in alternatives.enumerated() {
        let condition: String
        if case .otherwise = alternative.decision {
          condition = "else"
        } else {
          condition = (index == 0 ? "if " : "else if ") + decision(alternative, context)
        }
        text.line((index == 0 ? "" : "} ") + "\(condition) {")
        text.indented { text in
          let outer = context.fillBits
          if context.shape.fills != nil { context.fillBits = fillBits(alternative.body, context.shape) }
          mark(conditions[index], &context, to: &text)
          let known = emitKnownBeginning(alternative, &context, to: &text)
          emitBody(Array(alternative.body.dropFirst(known)), &context, to: &text)
          context.fillBits = outer
        }
      }
      if case .otherwise? = alternatives.last?.decision {
      } else {
        text.line("} else {")
        text.indented { $0.line(context.failure(Expectation.words(alternatives, of: context.shape))) }
      }
      text.line("}")
    case .repetition(let minimum, let maximum, let alternative):
      let count = minimum > 0 || maximum != nil ? context.fresh("count") : nil
      if let count { text.line("var \(count) = 0") }
      let bound = count.flatMap { name in maximum.map { "\(name) < \($0), " } } ?? ""
      if alternative.body.contains(where: { if case .params = $0 { true } else { false } }) {
        emitSeenParameters(context, to: &text)
      }
      text.line("while \(bound)\(decision(alternative, context)) {")
      text.indented { text in
        emitBody(alternative.body, &context, to: &text)
        if let count { text.line("\(count) += 1") }
      }
      text.line("}")
      if let count, minimum > 0 {
        text.block("guard \(count) >= \(minimum) else") {
          $0.line(context.failure(Expectation.words([alternative], of: context.shape)))
        }
      }
      if alternative.body.contains(where: { if case .params = $0 { true } else { false } }) {
        emitRequiredParameters(context, to: &text)
      }
    case .commaList(let minimum, let alternative, let separator, _):
      if minimum == 0 { text.line("if \(decision(alternative, context)) {") }
      text.line("repeat {")
      text.indented { text in emitBody(alternative.body, &context, to: &text) }
      text.line("} while \(tokens.function(separator))(input, &position)")
      if minimum == 0 { text.line("}") }
    case .params:
      if let params = context.shape.layout.params { emitParameter(params, &context, to: &text) }
    }
  }

  /// A predicate that says just what the part looks like is not asked first: the part is tried, and taken back where it
  /// is not there. Then each byte is read once.
  private func emitAttempt(
    _ alternative: Alternative, _ condition: Condition, _ context: inout Context, to text: inout SourceText
  ) -> Bool {
    guard case .predicate(let rule) = alternative.decision, context.attempt == nil,
      let body = Self.regex(alternative.body).flatMap(Automaton.init), body.isSame(as: rule.automaton)
    else { return false }
    let label = context.fresh("attempt")
    text.line("let before\(label) = position")
    let savesState = context.shape.layout.hasState
    if savesState { text.line("let state\(label) = state") }
    text.line("\(label): do {")
    text.indented { text in
      context.attempt = "position = before\(label); \(savesState ? "state = state\(label); " : "")break \(label)"
      context.setsState = context.setsState || savesState
      mark(condition, &context, to: &text)
      emitBody(alternative.body, &context, to: &text)
      context.attempt = nil
    }
    text.line("}")
    return true
  }

  /// The same for the first of two alternatives, where the predicate is what the alternative begins with.
  private func emitAttempt(
    _ alternatives: [Alternative], _ conditions: [Condition], _ context: inout Context, to text: inout SourceText
  ) -> Bool {
    guard alternatives.count == 2, context.attempt == nil, context.shape.fills == nil,
      case .predicate(let rule) = alternatives[0].decision, rule.automaton.fewWords(limit: 4) == nil,
      case .otherwise = alternatives[1].decision
    else { return false }
    let body = alternatives[0].body
    let length = (1...body.count).first { count in
      Self.regex(Array(body.prefix(count))).flatMap { Automaton($0) }?.isSame(as: rule.automaton) ?? false
    }
    guard let length else { return false }
    let choice = context.fresh("choice")
    let label = context.fresh("attempt")
    text.line("\(choice): do {")
    text.indented { text in
      text.line("let before\(label) = position")
      text.line("let state\(label) = state")
      text.line("\(label): do {")
      text.indented { text in
        context.setsState = true
        mark(conditions[0], &context, to: &text)
        context.attempt = "position = before\(label); state = state\(label); break \(label)"
        emitBody(Array(body.prefix(length)), &context, to: &text)
        context.attempt = nil
        emitBody(Array(body.dropFirst(length)), &context, to: &text)
        text.line("break \(choice)")
      }
      text.line("}")
      // What was read for nothing leaves nothing.
      for index in Self.captured(Array(body.prefix(length))) {
        let field = Target(node: "node", word: context.shape.layout.fields[index].word + context.base)
        text.line(field.set("from: 0, to: 0"))
      }
      mark(conditions[1], &context, to: &text)
      emitBody(alternatives[1].body, &context, to: &text)
    }
    text.line("}")
    return true
  }

  /// What tokens and literals alone match; `nil` where there is more.
  private static func regex(_ steps: [Step]) -> Regex? {
    var parts: [Regex] = []
    for step in steps {
      switch step {
      case .literal(let bytes, let exact, _): parts.append(.literal(bytes, exact: exact))
      // The expression of a nested comment is its beginning only.
      case .token(let rule, _) where !rule.isNestedComment: parts.append(rule.regex)
      case .capture(_, .text(let rule), _) where !rule.isNestedComment: parts.append(rule.regex)
      case .optional(let alternative, _):
        guard alternative.predicate == nil, let inner = regex(alternative.body) else { return nil }
        parts.append(.repetition(inner, minimum: 0, maximum: 1))
      default: return nil
      }
    }
    return .sequence(parts)
  }

  func literal(_ bytes: [UInt8], _ exact: Bool) -> String {
    let isCaseless = exact || bytes.allSatisfy { !(0x41...0x5A).contains($0 & 0xDF) }
    if bytes.contains(0) {
      // Behind the input there are zeros.
      let take = "takeExact(input, &position, \(SourceText.literal(bytes)))"
      return "hasByte(input, position &+ \(bytes.count - 1)) && \(take)"
    }
    if isCaseless, bytes.count == 1 { return "take(input, &position, \(SourceText.byte(bytes[0])))" }
    if isCaseless { return "takeExact(input, &position, \(SourceText.literal(bytes)))" }
    return "takeIgnoringCase(input, &position, \(SourceText.literal(bytes.map(Self.lowercased))))"
  }

  static func lowercased(_ byte: UInt8) -> UInt8 { (0x41...0x5A).contains(byte) ? byte | 0x20 : byte }

  static func shown(_ bytes: [UInt8]) -> String {
    switch bytes {
    case [0x20]: "a space"
    case []: "nothing"
    default: "\"\(String(decoding: bytes, as: UTF8.self))\""
    }
  }

  private func mark(_ condition: Condition, _ context: inout Context, to text: inout SourceText) {
    guard context.shape.fills == nil else { return }
    set(condition.bits, &context, to: &text)
  }

  private func set(_ bits: UInt32, _ context: inout Context, to text: inout SourceText) {
    guard bits != 0 else { return }
    text.line("state |= \(bits)")
    context.setsState = true
  }

  /// Whether the longest match of the automaton in `word` has `length` bytes, whatever follows the word.
  private static func ends(_ automaton: Automaton, _ word: [UInt8], at length: Int) -> Bool {
    var state = 0
    for byte in word.prefix(length) where state >= 0 { state = automaton.next(state, byte) }
    return state >= 0 && automaton.isAccepting[state] && automaton.next(state, word[length]) < 0
  }

  /// Where words decide what comes and the alternative begins with an enum and a literal that are these words, the enum's
  /// value is known; returns how many steps that settles.
  private func emitKnownBeginning(
    _ alternative: Alternative, _ context: inout Context, to text: inout SourceText
  ) -> Int {
    guard case .predicate(let rule) = alternative.decision, let words = rule.automaton.fewWords(limit: 4),
      alternative.body.count > 1, case .capture(let index, .enumeration(let type), _) = alternative.body[0],
      case .literal(let bytes, _, _) = alternative.body[1], !type.isExact, !context.shape.layout.fields[index].isList
    else { return 0 }
    var known: [(word: [UInt8], code: Int, length: Int)] = []
    for word in words {
      let length = word.count - bytes.count
      guard length > 0, word.suffix(bytes.count).elementsEqual(bytes.map(Self.lowercased)),
        Self.ends(type.token.automaton, word, at: length),
        let code = type.cases.firstIndex(where: { $0.name.asciiLowercased.utf8.elementsEqual(word.prefix(length)) })
      else { return 0 }
      known.append((word, code + 1, length))
    }
    let field = context.shape.layout.fields[index]
    let target = Target(node: "node", word: field.word + context.base)
    set(context.fillBits[index] ?? 0, &context, to: &text)
    for (number, entry) in known.enumerated() {
      let test = "isIgnoringCase(input, position, \(SourceText.literal(entry.word)))"
      if known.count > 1 {
        text.line(number == 0 ? "if \(test) {" : number == known.count - 1 ? "} else {" : "} else if \(test) {")
      }
      let body: (inout SourceText) -> Void = { text in
        text.line(target.set("\(entry.code)"))
        text.line(target.set("from: position, to: position &+ \(entry.length)", after: 1))
        text.line("position &+= \(entry.word.count)")
      }
      if known.count > 1 { text.indented(body) } else { body(&text) }
    }
    if known.count > 1 { text.line("}") }
    return 2
  }

  // MARK: Captures

  private func emitCapture(
    _ index: Int, _ type: FieldType, _ context: inout Context, to text: inout SourceText
  ) {
    let field = context.shape.layout.fields[index]
    set(context.fillBits[index] ?? 0, &context, to: &text)
    if case .shape(let shape) = type {
      let call = "\(shape.layout.typeName).\(Self.function(shape))(input, position, &tape, slot: \(field.slot))"
      text.block("guard move(&position, to: \(call)) else") { $0.line(context.attempt ?? "return -1") }
      return
    }
    let value = emitValue(type, of: field, &context, to: &text)
    if field.isList {
      text.line(Self.leaf(slot: String(field.slot), [value]))
      return
    }
    let target = Target(node: "node", word: field.word + context.base)
    for (offset, word) in value.words.enumerated() { text.line(target.set(word, after: offset)) }
    if let start = value.start { text.line(target.set("from: \(start), to: position", after: value.words.count)) }
  }

  /// What a node keeps of a value.
  struct Value {
    /// Words, in the text of the parser.
    var words: [String] = []
    /// Where the text begins that follows them; it ends where the parser is.
    var start: String?
  }

  /// The statement that appends a node without children.
  static func leaf(slot: String, _ values: [Value]) -> String {
    let words = values.flatMap { value in
      value.words + (value.start.map { ["from: \($0)", "to: position"] } ?? [])
    }
    return "tape.append(\((["slot: \(slot)"] + words).joined(separator: ", ")))"
  }

  /// Whether a node for `steps` is one value or none behind literals, so that it is written at once when all is read.
  static func isLeaf(_ steps: [Step], _ shape: Shape) -> Bool {
    guard fillsAll(steps, shape), shape.fields.count <= 1 else { return false }
    return steps.enumerated().allSatisfy { index, step in
      switch step {
      case .literal, .token: index < steps.count - 1
      case .capture(let field, let type, _):
        if case .shape = type { false } else { index == steps.count - 1 && !shape.layout.fields[field].isList }
      default: false
      }
    }
  }

  /// The steps of such a node, and the node.
  func emitLeaf(_ steps: [Step], _ context: Context, slot: String, to text: inout SourceText) {
    var context = context
    var values: [Value] = []
    for step in steps {
      if case .capture(let index, let type, _) = step {
        values.append(emitValue(type, of: context.shape.layout.fields[index], &context, to: &text))
      } else {
        emitStep(step, &context, to: &text)
      }
    }
    text.line(Self.leaf(slot: slot, values))
  }

  /// A word of an open node.
  private struct Target {
    var node: String
    var word: Int

    /// The statement that sets it, or one behind it.
    func set(_ value: String, after words: Int = 0) -> String { "tape.set(\(node), field: \(word + words), \(value))" }
  }

  /// Reads a value; returns what a node keeps of it.
  private func emitValue(
    _ type: FieldType, of field: Field, _ context: inout Context, to text: inout SourceText
  ) -> Value {
    let expected = Expectation.words(type, field.label, of: context.shape)
    switch type {
    case .text(let rule):
      let start = context.fresh("start")
      text.line("let \(start) = position")
      if rule.regex.isNullable {
        text.line("_ = \(tokens.function(rule, hint: context.shape.name))(input, &position)")
      } else {
        text.block("guard \(tokens.function(rule, hint: context.shape.name))(input, &position) else") {
          $0.line(context.failure(expected))
        }
      }
      return Value(start: start)
    case .number(let number):
      let value = context.fresh("value")
      let limit = "maximum: \(number.maximum)"
      if number.minimum > 0 { text.line("let before\(value) = position") }
      let least = number.minimum > 0 ? ", \(value) >= \(number.minimum)" : ""
      text.block("guard let \(value) = decimal(input, &position, \(limit))\(least) else") {
        $0.line(context.failure(expected, at: number.minimum > 0 ? "before\(value)" : "position"))
      }
      let low = "UInt32(truncatingIfNeeded: \(value))"
      return Value(words: number.bits == 64 ? [low, "UInt32(truncatingIfNeeded: \(value) >> 32)"] : [low])
    case .enumeration(let type):
      let start = context.fresh("start")
      text.line("let \(start) = position")
      let token = "\(tokens.function(type.token))(input, &position)"
      var code = "\(type.typeName).code(input, \(start), position)"
      if EnumEmitter.isTakenWhole(type) {
        code = context.fresh("code")
        text.line("let \(code) = \(type.typeName).take(input, &position)")
        text.block("guard \(code) > 0 || \(token) else") { $0.line(context.failure(expected)) }
        // A run of like bytes that goes on behind a name is another name; other tokens may end there all the same.
        if TokenEmitter.asScan(type.token.automaton) == nil {
          code = "\(code) > 0 ? \(code) : \(type.typeName).code(input, \(start), position)"
        }
      } else {
        text.block("guard \(token) else") { $0.line(context.failure(expected)) }
      }
      return Value(words: [code], start: start)
    case .flag(let bytes, let exact):
      text.block("guard \(literal(bytes, exact)) else") {
        $0.line(context.failure(Self.shown(bytes)))
      }
      return Value()
    case .shape: return Value()
    }
  }

  // MARK: Decisions

  private func decision(_ alternative: Alternative, _ context: Context) -> String {
    switch alternative.decision {
    case .predicate(let rule):
      if let words = rule.automaton.fewWords(limit: 4) {
        return words.map { "isIgnoringCase(input, position, \(SourceText.literal($0)))" }.joined(separator: " || ")
      }
      let begins = "begins(input, position, \(tokens.function(rule)))"
      // Often the first byte tells.
      let automaton = rule.automaton
      let sure = ByteSet(automaton.firstBytes.bytes.filter { automaton.isAccepting[automaton.next(0, $0)] })
      if sure.isEmpty { return begins }
      let contested = automaton.firstBytes.subtracting(sure)
      if !contested.isEmpty, contested.count <= 3 {
        return tokens.lookahead(Naming.property(rule.name), sure: sure, contested: contested, automaton)
      }
      return "\(tokens.isByte(sure, at: "position")) || \(begins)"
    case .bytes(let set):
      return tokens.isByte(set, at: "position")
    case .lookahead(let sure, let contested, let automaton):
      return tokens.lookahead(
        "\(Naming.property(context.shape.name))Ahead", sure: sure, contested: contested, automaton)
    case .otherwise: return "true"
    }
  }

  // MARK: rule as Type

  /// The fields that `steps` fill.
  private static func captured(_ steps: [Step]) -> [Int] {
    steps.flatMap { step -> [Int] in
      switch step {
      case .capture(let index, _, _): [index]
      case .optional(let alternative, _), .repetition(_, _, let alternative), .commaList(_, let alternative, _, _):
        captured(alternative.body)
      case .choice(let alternatives, _, _): alternatives.flatMap { captured($0.body) }
      default: []
      }
    }
  }

  /// For each field that `steps` fill the state bits under which the type has it; the places must not contradict.
  private func fillBits(_ steps: [Step], _ shape: Shape) -> [Int: UInt32] {
    let captured = Self.captured(steps)
    let fields = shape.layout.fields
    var chosen: [Int: [Condition]] = [:]
    func solve(_ rest: ArraySlice<Int>, _ taken: [Condition]) -> Bool {
      guard let index = rest.first else { return true }
      for placement in fields[index].placements {
        let fits = placement.allSatisfy { condition in
          !taken.contains { $0.shift == condition.shift && $0.value != condition.value }
        }
        if fits {
          chosen[index] = placement
          if solve(rest.dropFirst(), taken + placement) { return true }
        }
      }
      return false
    }
    _ = solve(captured[...], [])
    return chosen.mapValues { $0.reduce(0) { $0 | $1.bits } }
  }
}
