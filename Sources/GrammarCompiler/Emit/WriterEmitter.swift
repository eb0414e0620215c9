/// Prints the serializer of a shape.
struct WriterEmitter {
  /// Headers, lines and attributes: what stands before their value.
  private var names: [ObjectIdentifier: [UInt8]] = [:]
  /// Shapes that others capture.
  private var captured: Set<ObjectIdentifier> = []

  init(model: Model) {
    for part in Self.parts(model) {
      guard let shape = part.shape else { continue }
      // Where two parts share a shape it does not know which one it is.
      names[ObjectIdentifier(shape)] = names[ObjectIdentifier(shape)] == nil ? part.name : []
    }
    for shape in model.orderedShapes {
      captured.formUnion(ParserEmitter.captured(by: shape).map { ObjectIdentifier($0.layout) })
    }
  }

  /// The headers, lines and attributes of a codec: the slot, what is written before the value, and the value.
  static func parts(_ model: Model) -> [(slot: Int, name: [UInt8], shape: Shape?)] {
    model.headers.map { ($0.slot, Array("\($0.name): ".utf8), $0.shape) }
      + model.lines.map { ($0.slot, [$0.letter, 0x3D], $0.shape) }
      + model.attributes.map {
        ($0.slot, Array("a=\($0.name)\($0.shape == nil || $0.isValueOptional ? "" : ":")".utf8), $0.shape)
      }
  }

  /// Whether a part of the message writes its name together with its value.
  func isNamed(_ shape: Shape) -> Bool { names[ObjectIdentifier(shape)].map { !$0.isEmpty } ?? false }

  func emit(_ shape: Shape, to text: inout SourceText) {
    if isNamed(shape), let name = names[ObjectIdentifier(shape)] {
      text.line("/// Writes what the node at `node` is called, and its value.")
      text.line("@inline(never)")
      emitFunction("writeNamed", shape, after: name, to: &text)
      if captured.contains(ObjectIdentifier(shape)) { text.line() }
    }
    if !isNamed(shape) || captured.contains(ObjectIdentifier(shape)) {
      text.line("/// Writes the node at `node`.")
      emitFunction("write", shape, after: [], to: &text)
    }
    if let params = shape.params {
      text.line()
      emitParameters(params, lead: Self.leadOfParameters(shape.body) ?? [], to: &text)
    }
  }

  private func emitFunction(_ name: String, _ shape: Shape, after bytes: [UInt8], to text: inout SourceText) {
    text.block("static func \(name)(_ arena: Arena, _ node: Int, to output: inout Output)") { text in
      var output = Pending(bytes: bytes)
      emitBody(shape.body, shape, base: 1, &output, to: &text)
    }
  }

  /// What is written of a node whose fixed fields begin with the word `base`, and what it needs for that.
  private func emitBody(
    _ steps: [Step], _ shape: Shape, base: Int, _ pending: inout Pending, to text: inout SourceText
  ) {
    var body = text.part()
    emit(steps, shape, base: base, &pending, to: &body)
    pending.flush(to: &body)
    if body.text.contains("fields") {
      text.line("let fields = arena.fields(of: node, count: \(base - 1 + shape.fixedWords))")
    }
    if body.text.contains("child") {
      text.line("var child = node &+ \(base + shape.fixedWords)")
      text.line("let end = arena.end(of: node)")
    }
    text.append(body)
  }

  /// What has to be written but is not printed yet, so that a separator goes with the value before it, and texts in a row
  /// become one.
  private struct Pending {
    /// A call that writes a value, but for its last parenthesis.
    var value: String?
    var bytes: [UInt8] = []

    init(bytes: [UInt8] = []) { self.bytes = bytes }

    mutating func flush(to text: inout SourceText) {
      if let value {
        if bytes.count == 1 {
          text.line("\(value), then: \(SourceText.byte(bytes[0])))")
          bytes = []
        } else {
          text.line("\(value))")
        }
      }
      if !bytes.isEmpty { text.line(WriterEmitter.append(bytes)) }
      self = Pending()
    }
  }

  private func emit(
    _ steps: [Step], _ shape: Shape, base: Int, _ pending: inout Pending, to text: inout SourceText
  ) {
    for step in steps { emit(step, shape, base: base, &pending, to: &text) }
  }

  private func emit(_ step: Step, _ shape: Shape, base: Int, _ pending: inout Pending, to text: inout SourceText) {
    if let bytes = Self.constant(step) {
      pending.bytes += bytes
      return
    }
    if case .capture(let index, let type, _) = step {
      emitCapture(shape.fields[index], type, base: base, &pending, to: &text)
      return
    }
    pending.flush(to: &text)
    switch step {
    case .literal, .token, .capture: break
    case .optional(let alternative, let condition):
      text.block("if fields[1] & \(condition.mask) != 0") { text in
        emit(alternative.body, shape, base: base, &pending, to: &text)
        pending.flush(to: &text)
      }
    case .choice(let alternatives, let conditions, _):
      text.line("switch fields[1] & \(conditions[0].mask) {")
      for (alternative, condition) in zip(alternatives, conditions) {
        text.line("case \(condition.bits):")
        text.indented { text in
          emit(alternative.body, shape, base: base, &pending, to: &text)
          pending.flush(to: &text)
          if alternative.body.isEmpty { text.line("break") }
        }
      }
      text.line("default: break")
      text.line("}")
    case .repetition(_, _, let alternative):
      // Each parameter writes what stands before it.
      let body = Self.lead(alternative.body) == nil ? alternative.body : Array(alternative.body.suffix(1))
      text.block("while child < end, \(condition(alternative.body, shape))") { text in
        emitItem(body, shape, base: base, &pending, to: &text)
      }
    case .commaList(_, let alternative, let separator, _):
      guard let field = listField(alternative.body, shape) else { return }
      text.line("let first\(field.slot) = child")
      text.block("while child < end, \(condition(alternative.body, shape))") { text in
        text.line("if child > first\(field.slot) { \(Self.append(separator.written ?? [0x2C])) }")
        emitItem(alternative.body, shape, base: base, &pending, to: &text)
      }
    case .params:
      text.line("writeParameter(arena, child, to: &output)")
      text.line("child = arena.end(of: child)")
    }
  }

  /// One of a list, which is there.
  private func emitItem(
    _ steps: [Step], _ shape: Shape, base: Int, _ pending: inout Pending, to text: inout SourceText
  ) {
    for step in steps {
      if case .capture(let index, let type, _) = step, shape.fields[index].isChild {
        emitChild(type, &pending, to: &text)
      } else {
        emit(step, shape, base: base, &pending, to: &text)
      }
    }
    pending.flush(to: &text)
  }

  /// The bytes that a step always writes.
  private static func constant(_ step: Step) -> [UInt8]? {
    switch step {
    case .literal(let bytes, _, _): bytes
    case .token(let rule, _): rule.written ?? []
    default: nil
    }
  }

  /// What stands before each parameter, if that is always the same.
  private static func lead(_ steps: [Step]) -> [UInt8]? {
    guard case .params? = steps.last else { return nil }
    let lead = steps.dropLast().map(constant)
    return lead.contains { $0 == nil } ? nil : lead.flatMap { $0 ?? [] }
  }

  private func listField(_ steps: [Step], _ shape: Shape) -> Field? {
    for case .capture(let index, _, _) in steps { return shape.fields[index] }
    return nil
  }

  /// The child that comes next belongs to the list.
  private func condition(_ steps: [Step], _ shape: Shape) -> String {
    guard let field = listField(steps, shape) else {
      return "arena.slot(of: child) >= \(ParameterSlot.unknown)"
    }
    return "arena.slot(of: child) == \(field.slot)"
  }

  static func append(_ bytes: [UInt8]) -> String {
    bytes.count == 1
      ? "output.append(\(SourceText.byte(bytes[0])))" : "output.append(\(SourceText.literal(bytes)) as StaticString)"
  }

  // MARK: Captures

  private func emitCapture(
    _ field: Field, _ type: FieldType, base: Int, _ pending: inout Pending, to text: inout SourceText
  ) {
    if case .flag(let bytes, _) = type {
      pending.bytes += bytes
      return
    }
    guard field.isChild else {
      emitValue(type, field.word + base, &pending, to: &text)
      return
    }
    pending.flush(to: &text)
    text.block("if child < end, arena.slot(of: child) == \(field.slot)") { emitChild(type, &pending, to: &$0) }
  }

  private func emitChild(_ type: FieldType, _ pending: inout Pending, to text: inout SourceText) {
    pending.flush(to: &text)
    switch type {
    case .shape(let shape): text.line("\(shape.layout.typeName).write(arena, child, to: &output)")
    case .text: text.line("output.append(arena, arena.slice(at: child &+ 1))")
    case .number(let number):
      let value = number.bits == 64 ? "arena.wide(at: child &+ 1)" : "UInt64(arena.word(child &+ 1))"
      text.line("output.append(decimal: \(value))")
    case .enumeration(let type): text.line("\(type.typeName).write(arena, child &+ 1, to: &output)")
    case .flag: break
    }
    text.line("child = arena.end(of: child)")
  }

  private func emitValue(_ type: FieldType, _ word: Int, _ pending: inout Pending, to text: inout SourceText) {
    pending.flush(to: &text)
    switch type {
    case .text: pending.value = "output.append(arena, fields.slice(\(word))"
    case .number(let number):
      pending.value = "output.append(decimal: \(number.bits == 64 ? "fields.wide(\(word))" : "UInt64(fields[\(word)])")"
    case .enumeration(let type): text.line("\(type.typeName).write(arena, node &+ \(word), to: &output)")
    case .flag, .shape: break
    }
  }

  // MARK: Parameters

  /// What stands before each parameter, wherever in the shape they are.
  private static func leadOfParameters(_ steps: [Step]) -> [UInt8]? {
    for step in steps {
      let found: [UInt8]? =
        switch step {
        case .repetition(_, _, let alternative): lead(alternative.body)
        case .optional(let alternative, _): leadOfParameters(alternative.body)
        case .choice(let alternatives, _, _):
          alternatives.lazy.compactMap { leadOfParameters($0.body) }.first
        default: nil
        }
      if let found { return found }
    }
    return nil
  }

  private func emitParameters(_ params: ParameterTable, lead: [UInt8], to text: inout SourceText) {
    text.line("/// Writes the parameter at `node`\(lead.isEmpty ? "" : ", and what stands before it").")
    text.block("static func writeParameter(_ arena: Arena, _ node: Int, to output: inout Output)") { text in
      text.line("switch arena.slot(of: node) {")
      for (index, row) in params.rows.enumerated() {
        text.line("case \(ParameterSlot.first + index):")
        text.indented { text in
          var pending = Pending(bytes: lead + Array(row.name.utf8))
          guard let value = row.value else {
            pending.flush(to: &text)
            return
          }
          let steps = [params.separator] + value.body
          guard row.isValueOptional else {
            emitBody(steps, value, base: 1, &pending, to: &text)
            return
          }
          pending.flush(to: &text)
          text.block("if arena.word(node &+ 1) != 0") { emitBody(steps, value, base: 2, &pending, to: &$0) }
        }
      }
      text.line("default:")
      text.indented { text in
        if !lead.isEmpty { text.line(Self.append(lead)) }
        if let other = params.other {
          text.line("\(other.layout.typeName).write(arena, node, to: &output)")
        } else if lead.isEmpty {
          text.line("break")
        }
      }
      text.line("}")
    }
  }
}
