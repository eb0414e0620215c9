/// Prints the draft of a shape: plain values from which a node is built.
struct DraftEmitter {
  let tokens: TokenEmitter

  /// The type of a field in a draft.
  private func type(_ field: Field) -> String {
    let one: String
    switch field.type {
    case .text: one = "String"
    case .number(let number): one = "UInt\(number.bits)"
    case .enumeration(let type): one = type.typeName
    case .shape(let shape): one = "\(shape.layout.typeName).Draft"
    case .flag: return "Bool"
    }
    return field.isList ? "[\(one)]" : field.isOptional ? "\(one)?" : one
  }

  private func fallback(_ field: Field) -> String {
    if field.isList { return " = []" }
    if case .flag = field.type { return " = false" }
    return field.isOptional ? " = nil" : ""
  }

  func emit(_ shape: Shape, to text: inout SourceText) {
    text.line("/// Plain values from which a `\(shape.name)` is built.")
    text.block("public struct Draft: Sendable") { text in
      for field in shape.fields { text.line("public var \(Naming.escaped(field.label)): \(type(field))") }
      if shape.params != nil { text.line("public var parameters: [Parameter]") }
      text.line()
      var parameters = shape.fields.map { "\(Naming.escaped($0.label)): \(type($0))\(fallback($0))" }
      if shape.params != nil { parameters.append("parameters: [Parameter] = []") }
      Self.call("public init", parameters, suffix: " {", to: &text)
      text.indented { text in
        for field in shape.fields {
          text.line("self.\(field.label == "init" ? "`init`" : field.label) = \(Naming.escaped(field.label))")
        }
        if shape.params != nil { text.line("self.parameters = parameters") }
      }
      text.line("}")
      text.line()
      emitCopy(shape, to: &text)
      text.line()
      emitAppend(shape, to: &text)
    }
    if let params = shape.params {
      text.line()
      emitParameters(params, of: shape, to: &text)
    }
  }

  /// A call or declaration on one line, or with one argument a line.
  static func call(_ head: String, _ arguments: [String], suffix: String, to text: inout SourceText) {
    let line = "\(head)(\(arguments.joined(separator: ", ")))\(suffix)"
    if line.count <= 90 {
      text.line(line)
      return
    }
    text.line("\(head)(")
    text.indented { text in
      for (index, argument) in arguments.enumerated() {
        text.line(argument + (index < arguments.count - 1 ? "," : ""))
      }
    }
    text.line(")\(suffix)")
  }

  // MARK: From a value

  private func emitCopy(_ shape: Shape, to text: inout SourceText) {
    text.line("/// The values of one that was read.")
    text.block("public init(_ value: \(shape.typeName))") { text in
      if shape.fields.isEmpty, shape.params == nil { text.line("_ = value") }
      for field in shape.fields {
        let name = Naming.escaped(field.label)
        text.line("self.\(field.label == "init" ? "`init`" : field.label) = \(copy(field, "value.\(name)"))")
      }
      guard let params = shape.params else { return }
      text.line("parameters = []")
      text.line("var child = value.index + \(1 + shape.fixedWords)")
      text.line("let arena = value.arena")
      text.line("let end = arena.end(of: value.index)")
      text.block("while child < end") { text in
        text.line("defer { child = arena.end(of: child) }")
        text.line("switch arena.slot(of: child) {")
        for (index, row) in params.rows.enumerated() {
          text.line("case \(ParameterSlot.first + index): \(copyParameter(row, of: shape))")
        }
        if let other = params.other {
          text.line(
            "case \(ParameterSlot.unknown): parameters.append(.other(.init(\(other.layout.typeName)(arena: arena, index: child))))"
          )
        }
        text.line("default: break")
        text.line("}")
      }
    }
  }

  private func copy(_ field: Field, _ value: String) -> String {
    switch (field.type, field.isList) {
    case (.text, true): "\(value).map(\\.text.string)"
    case (.text, false): field.isOptional ? "\(value)?.string" : "\(value).string"
    case (.number(let number), true) where number.bits == 32: "\(value).map(\\.value)"
    case (.number(let number), true): "\(value).map { UInt\(number.bits)(truncatingIfNeeded: $0.value) }"
    case (.enumeration, true): "\(value).map(\\.value)"
    case (.shape(let shape), true): "\(value).map(\(shape.layout.typeName).Draft.init)"
    case (.shape(let shape), false):
      field.isOptional
        ? "\(value).map(\(shape.layout.typeName).Draft.init)" : "\(shape.layout.typeName).Draft(\(value))"
    default: value
    }
  }

  private func copyParameter(_ row: ParameterTable.Row, of shape: Shape) -> String {
    let name = Naming.escaped(TypeEmitter.property(row, of: shape))
    guard let field = row.value?.fields.first else { return "parameters.append(.\(name))" }
    let words = row.isValueOptional ? 2 : 1
    var read = TypeEmitter.read(field.type, "child + \(words + field.word)")
    switch field.type {
    case .text: read += ".string"
    case .shape(let nested):
      read =
        "\(nested.layout.typeName).Draft(\(nested.layout.typeName)(arena: arena, index: child + \(words + (row.value?.fixedWords ?? 0))))"
    default: break
    }
    if row.isValueOptional { read = "arena.word(child + 1) != 0 ? \(read) : nil" }
    return "parameters.append(.\(name)(\(read)))"
  }

  // MARK: To a node

  private func emitAppend(_ shape: Shape, to text: inout SourceText) {
    text.line("/// Appends a node of slot `slot`. Throws: `DraftError` for a value that the grammar does not allow.")
    text.block("public func append(to tape: inout Tape, slot: UInt32) throws(DraftError)") { text in
      text.line("let node = tape.open(slot, fixedWords: \(shape.fixedWords))")
      for step in shape.body { emitStep(step, shape, loops: [], to: &text) }
      text.line("tape.close(node)")
    }
  }

  private func emitStep(_ step: Step, _ shape: Shape, loops: Set<Int>, to text: inout SourceText) {
    switch step {
    case .literal, .token: break
    case .capture(let index, let type, _):
      let field = shape.fields[index]
      if field.isList {
        // The whole list is written where its first capture stands.
        if let position = position(of: step), firstCaptures(of: index, in: shape.body).contains(position) {
          emitList(field, type, shape, to: &text)
        }
      } else {
        emitSingle(field, type, shape, to: &text)
      }
    case .optional(let alternative, let condition):
      let tests = directFields(alternative.body, shape).map { isGiven($0) }
      let isParams = ShapeBuilder.positionOfParams(alternative.body) != nil
      let test = (tests + (isParams ? ["!parameters.isEmpty"] : [])).joined(separator: " || ")
      text.block("if \(test.isEmpty ? "false" : test)") { text in
        text.line("tape.mark(node + 1, \(condition.bits))")
        for step in alternative.body { emitStep(step, shape, loops: loops, to: &text) }
      }
    case .choice(let alternatives, let conditions, _): emitChoice(alternatives, conditions, shape, to: &text)
    case .repetition(_, _, let alternative), .commaList(_, let alternative, _, _):
      for step in alternative.body { emitStep(step, shape, loops: loops, to: &text) }
    case .params:
      text.line("for parameter in parameters { try parameter.append(to: &tape) }")
      emitRequiredParameters(of: shape, to: &text)
    }
  }

  private func emitChoice(
    _ alternatives: [Alternative], _ conditions: [Condition], _ shape: Shape, to text: inout SourceText
  ) {
    let labels = alternatives.map { Set(allFields($0.body, shape).map(\.label)) }
    for (index, alternative) in alternatives.enumerated() {
      let required = requiredFields(alternative.body, shape).filter { $0.isOptional || $0.isList }.map { isGiven($0) }
      let foreign = shape.fields.filter { field in
        !labels[index].contains(field.label) && labels.contains { $0.contains(field.label) }
      }.map { "!(\(isGiven($0)))" }
      let tests = required + foreign
      text.line((index == 0 ? "if " : "} else if ") + (tests.isEmpty ? "true" : tests.joined(separator: ", ")) + " {")
      text.indented { text in
        text.line("tape.mark(node + 1, \(conditions[index].bits))")
        for step in alternative.body { emitStep(step, shape, loops: [], to: &text) }
      }
    }
    text.line("} else {")
    text.indented {
      $0.line(
        "throw DraftError(field: \(SourceText.literal(shape.typeName)), message: \"these values do not go together\")")
    }
    text.line("}")
  }

  private func position(of step: Step) -> Position? {
    if case .capture(_, _, let position) = step { return position }
    return nil
  }

  /// Where the first value of a list stands: one place, or one in each alternative.
  private func firstCaptures(of index: Int, in steps: [Step]) -> [Position] {
    for step in steps {
      var found: [Position] = []
      switch step {
      case .capture(index, _, let position): found = [position]
      case .optional(let alternative, _), .repetition(_, _, let alternative), .commaList(_, let alternative, _, _):
        found = firstCaptures(of: index, in: alternative.body)
      case .choice(let alternatives, _, _):
        found = alternatives.flatMap { firstCaptures(of: index, in: $0.body) }
      default: break
      }
      if !found.isEmpty { return found }
    }
    return []
  }

  private func allFields(_ steps: [Step], _ shape: Shape) -> [Field] {
    steps.flatMap { step -> [Field] in
      switch step {
      case .capture(let index, _, _): [shape.fields[index]]
      case .optional(let alternative, _), .repetition(_, _, let alternative), .commaList(_, let alternative, _, _):
        allFields(alternative.body, shape)
      case .choice(let alternatives, _, _): alternatives.flatMap { allFields($0.body, shape) }
      default: []
      }
    }
  }

  private func directFields(_ steps: [Step], _ shape: Shape) -> [Field] { allFields(steps, shape) }

  private func requiredFields(_ steps: [Step], _ shape: Shape) -> [Field] {
    steps.flatMap { step -> [Field] in
      switch step {
      case .capture(let index, _, _): [shape.fields[index]]
      case .commaList(1..., let alternative, _, _): requiredFields(alternative.body, shape)
      default: []
      }
    }
  }

  private func isGiven(_ field: Field) -> String {
    let name = Naming.escaped(field.label)
    if field.isList { return "!\(name).isEmpty" }
    if case .flag = field.type { return name }
    return field.isOptional ? "\(name) != nil" : "true"
  }

  private func emitList(_ field: Field, _ type: FieldType, _ shape: Shape, to text: inout SourceText) {
    text.block("for item in \(Naming.escaped(field.label))") { text in
      if case .shape = type {
        text.line("try item.append(to: &tape, slot: \(field.slot))")
        return
      }
      text.line("let child = tape.open(\(field.slot), fixedWords: \(field.width))")
      emitValue(type, field, shape, "item", at: "child + 1", to: &text)
      text.line("tape.close(child)")
    }
  }

  private func emitSingle(_ field: Field, _ type: FieldType, _ shape: Shape, to text: inout SourceText) {
    let name = Naming.escaped(field.label)
    let body: (inout SourceText) -> Void = { text in
      if case .shape = type {
        text.line("try \(name).append(to: &tape, slot: \(field.slot))")
      } else {
        emitValue(type, field, shape, name, at: "node + \(1 + field.word)", to: &text)
      }
    }
    if case .flag = type { return }
    if field.isOptional {
      text.block("if let \(name)", body)
    } else {
      body(&text)
    }
  }

  private func emitValue(
    _ type: FieldType, _ field: Field, _ shape: Shape, _ value: String, at: String, to text: inout SourceText
  ) {
    let owner = SourceText.literal("\(shape.typeName).\(field.label)")
    switch type {
    case .text(let rule):
      text.line(
        "tape.set(\(at), try tape.append(\(value), matching: \(tokens.function(rule, hint: shape.name)), field: \(owner)))"
      )
    case .number(let number):
      Self.emitLimits(number, value, owner, to: &text)
      text.line("tape.set(\(at), UInt32(truncatingIfNeeded: \(value)))")
      if number.bits == 64 { text.line("tape.set(\(at) + 1, UInt32(truncatingIfNeeded: \(value) >> 32))") }
    case .enumeration(let type):
      text.line("tape.set(\(at), \(value).code)")
      text.line(
        "tape.set(\(at) + 1, try tape.append(\(value).name, matching: \(tokens.function(type.token)), field: \(owner)))"
      )
    case .flag, .shape: break
    }
  }

  /// A number beyond limits that its type does not have.
  static func emitLimits(_ number: NumberType, _ value: String, _ field: String, to text: inout SourceText) {
    guard number != NumberType(bits: number.bits) else { return }
    let tests = [number.minimum > 0 ? "\(value) >= \(number.minimum)" : nil, "\(value) <= \(number.maximum)"]
    text.block("guard \(tests.compactMap { $0 }.joined(separator: ", ")) else") {
      $0.line("throw DraftError(field: \(field), message: \(SourceText.literal("is not \(number.words)")))")
    }
  }

  // MARK: Parameters

  private func emitParameters(_ params: ParameterTable, of shape: Shape, to text: inout SourceText) {
    text.line("/// A parameter of a `\(shape.name)`.")
    text.block("public enum Parameter: Sendable") { text in
      for row in params.rows {
        let name = Naming.escaped(TypeEmitter.property(row, of: shape))
        if let field = row.value?.fields.first {
          text.line("case \(name)(\(type(field))\(row.isValueOptional ? "?" : ""))")
        } else {
          text.line("case \(name)")
        }
      }
      if let other = params.other { text.line("case other(\(other.layout.typeName).Draft)") }
      text.line()
      text.block("func append(to tape: inout Tape) throws(DraftError)") { text in
        text.line("switch self {")
        for (index, row) in params.rows.enumerated() { emitParameter(row, index, shape, to: &text) }
        if params.other != nil {
          text.line("case .other(let draft): try draft.append(to: &tape, slot: \(ParameterSlot.unknown))")
        }
        text.line("}")
      }
    }
  }

  /// Those that are required always; what a rule says of others is known only when all is written.
  private func emitRequiredParameters(of shape: Shape, to text: inout SourceText) {
    for row in shape.params?.rows ?? [] {
      guard case .always = row.requirement else { continue }
      let name = Naming.escaped(TypeEmitter.property(row, of: shape))
      text.block("guard parameters.contains(where: { if case .\(name) = $0 { true } else { false } }) else") {
        $0.line("throw DraftError(field: \"\(shape.typeName).parameters\", message: \"\(row.name) is missing\")")
      }
    }
  }

  private func emitParameter(_ row: ParameterTable.Row, _ index: Int, _ shape: Shape, to text: inout SourceText) {
    let name = Naming.escaped(TypeEmitter.property(row, of: shape))
    let slot = ParameterSlot.first + index
    guard let value = row.value, let field = value.fields.first else {
      text.line("case .\(name): tape.close(tape.open(\(slot), fixedWords: 0))")
      return
    }
    let extra = row.isValueOptional ? 1 : 0
    text.line("case .\(name)(let value):")
    text.indented { text in
      text.line("let node = tape.open(\(slot), fixedWords: \(value.fixedWords + extra))")
      let body: (inout SourceText) -> Void = { text in
        if row.isValueOptional { text.line("tape.set(node + 1, 1)") }
        if case .shape = field.type {
          text.line("try value.append(to: &tape, slot: \(field.slot))")
        } else {
          emitValue(field.type, field, shape, "value", at: "node + \(1 + extra + field.word)", to: &text)
        }
      }
      if row.isValueOptional {
        text.block("if let value", body)
      } else {
        body(&text)
      }
      text.line("tape.close(node)")
    }
  }
}
