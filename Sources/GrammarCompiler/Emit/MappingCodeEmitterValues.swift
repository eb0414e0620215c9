/// Values: how they are read, checked and written.
extension MappingCodeEmitter {
  /// An expression for the value of a row, as the other side has it.
  struct Reading {
    enum Kind { case text, number, wide, code, general }
    var kind: Kind
    var expression: String
    /// It may turn out that there is none.
    var isOptional: Bool
    /// What has to hold before.
    var conditions: [String] = []
    /// Where the value is written.
    var target: Int
  }

  /// How a row's value is read from `node`, if a copy will do: text to text, number to number, enum to enum.
  func plainReading(
    _ step: LoweredStep, from source: Int, to target: Int, in node: String, fields: String? = nil, rule: () -> Int,
    toJingle: Bool
  ) -> Reading? {
    guard source >= 0, target >= 0, step.function == nil else { return nil }
    let from = tables.fields[source]
    let to = tables.fields[target]
    guard step.flags.isDisjoint(with: ["trim", "upper", "known"]) else {
      return toJingle ? refinedReading(step, from: source, to: target, in: node, fields: fields, rule: rule) : nil
    }
    let place = "\(node) &+ \(1 + from.word)"
    let first = 1 + from.word
    var conditions = presence(source, in: node, fields: fields).map { [$0] } ?? []
    guard step.texts.isEmpty || from.kind == "text" && to.kind == "text" else { return nil }
    switch (from.kind, to.kind) {
    case ("enumeration", "text"):
      guard step.omitted.isEmpty else { return nil }
      let token = to.token >= 0 ? tokens.function(tables.tokens[to.token], hint: "field") : nil
      let enumeration = "\(from.enumeration), \(rule())"
      let text =
        token.map { "text(code: \(place), \(enumeration), \($0))" }
        ?? "writable(code: \(codeWords(first, of: node, fields)), \(enumeration))"
      return Reading(kind: .text, expression: text, isOptional: token != nil, conditions: conditions, target: target)
    case ("number", "text"), ("wide", "text"):
      guard step.omitted.isEmpty, to.token >= 0 else { return nil }
      let token = tokens.function(tables.tokens[to.token], hint: "field")
      let number = from.kind == "wide" ? "nodes.wide(at: \(place))" : "UInt64(nodes.word(\(place)))"
      return Reading(
        kind: .text, expression: "text(number: \(number), \(rule()), \(token))", isOptional: true,
        conditions: conditions, target: target)
    case ("text", "enumeration"):
      guard step.omitted.isEmpty else { return nil }
      return Reading(
        kind: .code, expression: "code(named: \(place), \(to.enumeration), \(rule()))", isOptional: true,
        conditions: conditions, target: target)
    case ("text", "text"):
      guard step.omitted.isEmpty else { return nil }
      if !step.texts.isEmpty {
        if toJingle {
          guard to.token < 0 else { return nil }
          // The first of the texts stands for one that is not there.
          let absent = "append(\(SourceText.literal(tables.texts[step.texts.lowerBound])))"
          let value = "writable(\(slice(first, of: node, fields)), \(rule()))"
          return Reading(
            kind: .text, expression: conditions.isEmpty ? value : "\(conditions[0]) ? \(value) : \(absent)",
            isOptional: false, target: target)
        }
        conditions.append("!standsForNone(\(place), \(step.texts.lowerBound)..<\(step.texts.upperBound))")
      }
      let token = to.token >= 0 ? tokens.function(tables.tokens[to.token], hint: "field") : nil
      if toJingle, token == nil || from.token == to.token {
        return Reading(
          kind: .text, expression: "writable(\(slice(first, of: node, fields)), \(rule()))", isOptional: false,
          conditions: conditions,
          target: target)
      }
      guard let token else {
        return Reading(
          kind: .text, expression: "slice(at: \(place))", isOptional: false, conditions: conditions, target: target)
      }
      return Reading(
        kind: .text, expression: "text(\(place), \(rule()), \(token))", isOptional: true, conditions: conditions,
        target: target)
    case ("number", "number"), ("wide", "wide"), ("number", "wide"):
      guard from.numberBits <= to.numberBits else { return nil }
      var expression = from.kind == "wide" ? wide(first, of: node, fields) : word(first, of: node, fields)
      if from.kind != to.kind { expression = "UInt64(\(expression))" }
      for index in step.omitted {
        // Other spellings of a number never are the text of one.
        if let number = UInt64(tables.texts[index]) { conditions.append("\(expression) != \(number)") }
      }
      return Reading(
        kind: to.kind == "wide" ? .wide : .number, expression: expression, isOptional: false, conditions: conditions,
        target: target)
    case ("enumeration", "enumeration"):
      guard step.omitted.isEmpty, step.conversion >= 0 else { return nil }
      let value = fields == nil ? place : codeWords(first, of: node, fields)
      return Reading(
        kind: .code, expression: "code(\(value), \(codes(step.conversion)), \(rule()))", isOptional: true,
        conditions: conditions, target: target)
    default: return nil
    }
  }

  /// How a text is read that is cut or put into capitals on its way to Jingle.
  private func refinedReading(
    _ step: LoweredStep, from source: Int, to target: Int, in node: String, fields: String?, rule: () -> Int
  ) -> Reading? {
    let from = tables.fields[source]
    let to = tables.fields[target]
    guard from.kind == "text", to.kind == "text", step.texts.isEmpty, step.omitted.isEmpty,
      step.flags.isDisjoint(with: ["known"])
    else { return nil }
    // A text that was read by the same token need not be looked at again as long as nothing is changed in it.
    let isChecked = to.token < 0 || from.token == to.token
    return Reading(
      kind: .text, expression: "refined(\(node) &+ \(1 + from.word), \(rule()), isChecked: \(isChecked))",
      isOptional: true, conditions: presence(source, in: node, fields: fields).map { [$0] } ?? [], target: target)
  }

  /// Whether a conversion leaves each code as it is.
  func isIdentity(_ conversion: Int) -> Bool {
    let (initiator, responder) = tables.conversions[conversion]
    return initiator == responder && initiator == Array(initiator.indices)
  }

  /// The codes of a conversion as the bytes of a text, for each code its counterpart.
  func codes(_ conversion: Int) -> String {
    let (initiator, responder) = tables.conversions[conversion]
    func literal(_ codes: [Int]) -> String { "\"" + codes.map { "\\u{\(String($0, radix: 16))}" }.joined() + "\"" }
    if initiator == responder { return literal(initiator) }
    return "role == .initiator ? \(literal(initiator)) : \(literal(responder))"
  }

  /// `if …` around a body, where there are conditions.
  func guarded(_ conditions: [String], _ text: inout SourceText, _ body: (inout SourceText) -> Void) {
    if conditions.isEmpty {
      body(&text)
    } else {
      text.block("if \(conditions.joined(separator: ", "))", body)
    }
  }

  /// Reads a value and hands it to `body` as an expression.
  func bound(_ reading: Reading, _ text: inout SourceText, _ body: (String, inout SourceText) -> Void) {
    let conditions = reading.conditions + (reading.isOptional ? ["let value = \(reading.expression)"] : [])
    guarded(conditions, &text) { body(reading.isOptional ? "value" : reading.expression, &$0) }
  }

  /// The statement that writes a value into a node.
  func write(_ reading: Reading, _ value: String, to frame: String, toJingle: Bool) -> String {
    let call = toJingle ? "put" : "fill"
    let target = target(reading.target, ofElement: toJingle)
    switch reading.kind {
    case .text: return "\(call)(text: \(value), \(target), in: &\(frame))"
    case .number: return "\(call)(number: \(value), \(target), in: &\(frame))"
    case .wide: return "\(call)(wide: \(value), \(target), in: &\(frame))"
    case .code: return "\(call)(code: \(value), \(target), in: &\(frame))"
    case .general: return "put(\(value), \(field(reading.target)), in: &\(frame))"
    }
  }

  /// What a field is called where a row is explained.
  func shown(_ field: Int) -> String { field >= 0 ? tables.fields[field].name : "" }
}
