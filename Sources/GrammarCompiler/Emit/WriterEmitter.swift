/// Prints the serializer of a shape.
struct WriterEmitter {
  func emit(_ shape: Shape, to text: inout SourceText) {
    text.line("/// Writes the node at `node`.")
    text.block("static func write(_ arena: Arena, _ node: Int, to output: inout Output)") { text in
      if shape.fields.contains(where: \.isChild) || shape.params != nil {
        text.line("var child = node &+ \(1 + shape.fixedWords)")
        text.line("let end = arena.end(of: node)")
      }
      for step in shape.body { emit(step, shape, base: 1, to: &text) }
    }
    if let params = shape.params {
      text.line()
      emitParameters(params, to: &text)
    }
  }

  private func emit(_ step: Step, _ shape: Shape, base: Int, to text: inout SourceText) {
    switch step {
    case .literal(let bytes, _, _): text.line(Self.append(bytes))
    case .token(let rule, _):
      if let written = rule.written, !written.isEmpty { text.line(Self.append(written)) }
    case .capture(let index, let type, _): emitCapture(shape.fields[index], type, base: base, to: &text)
    case .optional(let alternative, let condition):
      text.block("if arena.word(node &+ 1) & \(condition.mask) != 0") { text in
        for step in alternative.body { emit(step, shape, base: base, to: &text) }
      }
    case .choice(let alternatives, let conditions, _):
      text.line("switch arena.word(node &+ 1) & \(conditions[0].mask) {")
      for (alternative, condition) in zip(alternatives, conditions) {
        text.line("case \(condition.bits):")
        text.indented { text in
          for step in alternative.body { emit(step, shape, base: base, to: &text) }
          if alternative.body.isEmpty { text.line("break") }
        }
      }
      text.line("default: break")
      text.line("}")
    case .repetition(_, _, let alternative):
      text.block("while child < end, \(condition(alternative.body, shape))") { text in
        for step in alternative.body { emit(step, shape, base: base, to: &text) }
      }
    case .commaList(_, let alternative, let separator, _):
      guard let field = listField(alternative.body, shape) else { return }
      text.line("var isFirst\(field.slot) = true")
      text.block("while child < end, \(condition(alternative.body, shape))") { text in
        text.line("if !isFirst\(field.slot) { \(Self.append(separator.written ?? [0x2C])) }")
        text.line("isFirst\(field.slot) = false")
        for step in alternative.body { emit(step, shape, base: base, to: &text) }
      }
    case .params:
      text.line("writeParameter(arena, child, to: &output)")
      text.line("child = arena.end(of: child)")
    }
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

  private func emitCapture(_ field: Field, _ type: FieldType, base: Int, to text: inout SourceText) {
    if case .flag(let bytes, _) = type {
      text.line(Self.append(bytes))
      return
    }
    guard field.isChild else {
      emitValue(type, "node &+ \(field.word + base)", to: &text)
      return
    }
    text.block("if child < end, arena.slot(of: child) == \(field.slot)") { text in
      if case .shape(let shape) = type {
        text.line("\(shape.layout.typeName).write(arena, child, to: &output)")
      } else {
        emitValue(type, "child &+ 1", to: &text)
      }
      text.line("child = arena.end(of: child)")
    }
  }

  private func emitValue(_ type: FieldType, _ at: String, to text: inout SourceText) {
    switch type {
    case .text: text.line("output.append(arena, arena.slice(at: \(at)))")
    case .number(let bits):
      text.line("output.append(decimal: \(bits == 64 ? "arena.wide(at: \(at))" : "UInt64(arena.word(\(at)))"))")
    case .enumeration(let type): text.line("\(type.typeName).write(arena, \(at), to: &output)")
    case .flag, .shape: break
    }
  }

  private func emitParameters(_ params: ParameterTable, to text: inout SourceText) {
    text.line("/// Writes the parameter at `node`.")
    text.block("static func writeParameter(_ arena: Arena, _ node: Int, to output: inout Output)") { text in
      text.line("switch arena.slot(of: node) {")
      for (index, row) in params.rows.enumerated() {
        text.line("case \(ParameterSlot.first + index):")
        text.indented { text in
          text.line(Self.append(Array(row.name.utf8)))
          guard let value = row.value else { return }
          let base = row.isValueOptional ? 2 : 1
          let body: (inout SourceText) -> Void = { text in
            emit(params.separator, value, base: base, to: &text)
            if value.fields.contains(where: \.isChild) {
              text.line("var child = node &+ \(base + value.fixedWords)")
              text.line("let end = arena.end(of: node)")
            }
            for step in value.body { emit(step, value, base: base, to: &text) }
          }
          if row.isValueOptional {
            text.block("if arena.word(node &+ 1) != 0", body)
          } else {
            body(&text)
          }
        }
      }
      text.line("default:")
      text.indented { text in
        if let other = params.other {
          text.line("\(other.layout.typeName).write(arena, node, to: &output)")
        } else {
          text.line("break")
        }
      }
      text.line("}")
    }
  }
}
