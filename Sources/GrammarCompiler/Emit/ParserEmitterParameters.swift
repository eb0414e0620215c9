/// The parameters of a shape.
extension ParserEmitter {
  /// The bits of those known parameters that have been there.
  func emitSeenParameters(_ context: Context, to text: inout SourceText) {
    if context.shape.layout.params?.rows.isEmpty == false { text.line("var seen: UInt64 = 0") }
  }

  /// What is expected where a known parameter is there a second time.
  static func onlyOnce(_ name: String) -> String { "another parameter, \(name) being there already" }

  /// Refuses a known parameter that is there a second time (RFC 3261 §7.3.1).
  private func emitOnce(_ row: ParameterTable.Row, _ index: Int, _ name: String, to text: inout SourceText) {
    // Nobody has tables that long; what a word has no bit for may be there as often as it likes.
    guard index < UInt64.bitWidth else { return }
    let bit = "0x" + String(UInt64(1) << UInt64(index), radix: 16)
    let expected = SourceText.literal(Self.onlyOnce(row.name))
    text.line("guard seen & \(bit) == 0 else { return tape.fail(\(name), \(expected)) }")
    text.line("seen |= \(bit)")
  }

  /// What is expected where a parameter is missing.
  static func missing(_ name: String) -> String { "the parameter \(name)" }

  /// Refuses the shape where a parameter is missing that its table requires, at the end of those that are there.
  func emitRequiredParameters(_ context: Context, to text: inout SourceText) {
    for (index, row) in (context.shape.layout.params?.rows ?? []).enumerated() where index < UInt64.bitWidth {
      let bit = "0x" + String(UInt64(1) << UInt64(index), radix: 16)
      let condition: String
      switch row.requirement {
      case .never: continue
      case .always: condition = ""
      case .when(let rule): condition = " || !begins(input, start, \(tokens.function(rule)))"
      }
      text.block("guard seen & \(bit) != 0\(condition) else") { $0.line(context.failure(Self.missing(row.name))) }
    }
  }

  /// A parameter: its first byte tells which ones it may be, and a known name need not be read byte by byte.
  func emitParameter(_ params: ParameterTable, _ context: inout Context, to text: inout SourceText) {
    let nameToken: TokenRule
    if case .text(let rule)? = params.other?.field("name")?.type {
      nameToken = rule
    } else {
      nameToken = TokenRule(
        name: "parameter name",
        regex: .repetition(.set(ByteSet(0x21...0x7E).subtracting(ByteSet(";, \"=".utf8))), minimum: 1, maximum: nil),
        written: nil, position: params.position, area: context.shape.area)
    }
    let name = "name"
    let label = "parameter"
    let shared = forms(params).filter { $0.rows.count > 1 }
    text.line("let \(name) = position")
    text.line("\(label): do {")
    text.indented { text in
      if !shared.isEmpty { text.line("var known: UInt32 = 0") }
      if shared.count > 1 { text.line("var form = 0") }
      NameDispatch(names: params.rows.enumerated().map { ($0.element.name, $0.offset) }, fallback: -1)
        .emitBeginnings(start: name, label: shared.isEmpty ? "" : "names: ", to: &text) { index, tests, text in
          let row = params.rows[index]
          let length = row.name.utf8.count
          // The name may be only the beginning of another one.
          let onward = Self.onward(nameToken.automaton, behind: Array(row.name.utf8))
          let end = tokens.isByte(onward, at: "\(name) &+ \(length)")
          text.block("if \((tests + (onward.isEmpty ? [] : ["!\(end)"])).joined(separator: ", "))") { text in
            emitOnce(row, index, name, to: &text)
            text.line("position = \(name) &+ \(length)")
            let slot = ParameterSlot.first + index
            if let form = shared.firstIndex(where: { $0.rows.contains(index) }) {
              text.line("known = \(slot)")
              if form > 0 { text.line("form = \(form)") }
              text.line("break names")
            } else {
              emitRow(row, slot: String(slot), params, to: &text)
              text.line("break \(label)")
            }
          }
        }
      if !shared.isEmpty {
        text.block("if known != 0") { text in
          if shared.count > 1 { text.line("switch form {") }
          for (number, form) in shared.enumerated() {
            if shared.count > 1 { text.line(number < shared.count - 1 ? "case \(number):" : "default:") }
            let row = params.rows[form.rows[0]]
            if shared.count > 1 {
              text.indented { emitRow(row, params, to: &$0) }
            } else {
              emitRow(row, params, to: &text)
            }
          }
          if shared.count > 1 { text.line("}") }
          text.line("break \(label)")
        }
      }
      emitUnknown(params, nameToken, name, context, to: &text)
    }
    text.line("}")
  }

  /// The function that says what is expected where the value of a parameter that shares its code is missing.
  func emitMissingValue(_ shape: Shape, to text: inout SourceText) {
    guard let params = shape.layout.params else { return }
    let shared = forms(params).filter { $0.rows.count > 1 && $0.code.contains(Self.missingValue) }.flatMap(\.rows)
    if shared.isEmpty { return }
    text.line()
    text.line("/// What is missing behind the name of the parameter of slot `known`.")
    text.block("@inline(never) private static func missingValue(_ known: UInt32) -> StaticString") { text in
      text.line("switch known {")
      for index in shared.sorted().dropLast() {
        let name = params.rows[index].name
        text.line("case \(ParameterSlot.first + index): \(SourceText.literal(Self.value(of: name)))")
      }
      let last = params.rows[shared.max() ?? 0].name
      text.line("default: \(SourceText.literal(Self.value(of: last)))")
      text.line("}")
    }
  }

  private static let missingValue = "missingValue(known)"

  private static func value(of name: String) -> String { "the value of \(name)" }

  /// A parameter that the table does not name.
  private func emitUnknown(
    _ params: ParameterTable, _ nameToken: TokenRule, _ name: String, _ context: Context, to text: inout SourceText
  ) {
    let automaton = nameToken.automaton
    let failure = "return tape.fail(position, \"the name of a parameter\")"
    if automaton.firstBytes.bytes.allSatisfy({ automaton.isAccepting[automaton.next(0, $0)] }) {
      text.line("guard \(tokens.isByte(automaton.firstBytes, at: "position")) else { \(failure) }")
    } else {
      text.line("guard \(tokens.function(nameToken))(input, &position) else { \(failure) }")
    }
    if let other = params.other {
      let parse = "\(other.layout.typeName).\(Self.function(other))"
      text.line("guard move(&position, to: \(parse)(input, \(name), &tape, slot: \(ParameterSlot.unknown))) else {")
      text.indented { $0.line("return -1") }
      text.line("}")
    } else {
      text.line("return tape.fail(\(name), \"a parameter of \(context.shape.name)\")")
    }
  }

  /// The bytes with which a match goes on behind `text`.
  private static func onward(_ automaton: Automaton, behind text: [UInt8]) -> ByteSet {
    var state = 0
    for byte in text where state >= 0 { state = automaton.next(state, byte) }
    return state < 0 ? ByteSet() : automaton.leaving(state)
  }

  /// Rows that are read alike share the code that reads their values: most tables have many with one and the same token.
  private struct Form {
    var rows: [Int]
    var code: String
  }

  private func forms(_ params: ParameterTable) -> [Form] {
    var forms: [Form] = []
    for (index, row) in params.rows.enumerated() {
      var code = SourceText()
      emitRow(row, params, to: &code)
      if let form = forms.firstIndex(where: { $0.code == code.text }) {
        forms[form].rows.append(index)
      } else {
        forms.append(Form(rows: [index], code: code.text))
      }
    }
    return forms
  }

  /// A known parameter behind its name; its slot is a number, or that of several with the same code, `known`.
  private func emitRow(
    _ row: ParameterTable.Row, slot: String = "known", _ params: ParameterTable, to text: inout SourceText
  ) {
    guard let value = row.value else {
      text.line("tape.append(slot: \(slot))")
      return
    }
    // One that may lack its value has a word that says whether it is there.
    let extra = row.isValueOptional ? 1 : 0
    let isFilled = !row.isValueOptional && Self.fillsAll(value.body, value)
    let isLeaf = isFilled && Self.isLeaf(value.body, value)
    if !isLeaf {
      text.line("let node = tape.begin(\(isFilled ? "filling" : "fixedWords"): \(value.fixedWords + extra))")
    }
    let separator: String
    switch params.separator {
    case .literal(let bytes, let exact, _): separator = literal(bytes, exact)
    case .token(let rule, _): separator = "\(tokens.function(rule))(input, &position)"
    default: separator = "true"
    }
    var context = Context(shape: value)
    context.base = 1 + extra
    if row.isValueOptional {
      var body = text.part()
      body.indented { emitBody(value.body, &context, to: &$0) }
      text.line("if \(separator) {")
      text.indented { $0.line("tape.set(node, field: 1, 1)") }
      text.append(body)
      text.line("}")
      text.line("tape.end(node, slot: \(slot))")
    } else {
      let missing = slot == "known" ? Self.missingValue : SourceText.literal(Self.value(of: row.name))
      text.block("guard \(separator) else") { $0.line("return tape.fail(position, \(missing))") }
      if isLeaf {
        emitLeaf(value.body, context, slot: slot, to: &text)
      } else {
        emitNode(value.body, context, slot: slot, to: &text)
      }
    }
  }
}
