/// The way to SDP: lines are written in their order, and the elements that they are made of looked up.
extension MappingCodeEmitter {
  /// The functions `sessionToSDP` and `sectionToSDP`.
  func emitToSDP(root: Int, session: [LoweredStep], content: Int, section: [LoweredStep]) {
    for (name, comment, node, steps) in [
      ("sectionToSDP", "A content.", content, section), ("sessionToSDP", "The session.", root, session),
    ] {
      _ = function(name, comment, parameters: "_ element: Int") { text in
        text.line("var nothing = Frame.none")
        toSDP(steps, Scope(source: "element", node: node, frame: "nothing"), &text)
      }
    }
  }

  private func toSDP(_ steps: [LoweredStep], _ scope: Scope, _ text: inout SourceText) {
    // Where several rows look for children, it is found out once which there are.
    var seen = scope
    let lookups = steps.filter { $0.operation == "enter" && $0.element >= 0 }
    if seen.parts == nil, lookups.count > 1, let source = scope.source, scope.node >= 0 {
      text.line("let parts = childParts(of: \(source), after: \(words(scope.node)))")
      seen.parts = "parts"
    }
    for step in steps {
      guarded(conditionsToSDP(step, seen), &text) { toSDP(step, seen, &$0) }
    }
  }

  private func conditionsToSDP(_ step: LoweredStep, _ scope: Scope) -> [String] {
    var result: [String] = []
    if step.operation == "enter", step.element >= 0, let parts = scope.parts {
      result.append("\(parts) & \(hex(UInt64(1) << UInt64(slot(step.element) & 63))) != 0")
    }
    if step.conditionJingle >= 0 {
      if let source = scope.source, let plain = comparison(step, step.conditionJingle, in: source) {
        result.append(plain)
      } else {
        let value = "read(\(field(step.conditionJingle)), in: \(scope.source ?? "-1"))"
        result.append(comparison(step, step.conditionJingle, value: value))
      }
    } else if step.conditionSDP >= 0 {
      let value = "readBack(\(field(step.conditionSDP)), in: \(scope.frame))"
      result.append(comparison(step, step.conditionSDP, value: value))
    }
    return result
  }

  private func toSDP(_ step: LoweredStep, _ scope: Scope, _ text: inout SourceText) {
    switch step.operation {
    case "gate": toSDP(step.nested, scope, &text)
    case "enter": enterToSDP(step, scope, &text)
    case "copy": copyToSDP(step, scope, &text)
    case "constant":
      let value = SourceText.literal(tables.texts[step.texts.lowerBound])
      text.line("// \(value) -> \(shown(step.sdp))")
      text.block("if let value = constant(\(value), \(ruleToSDP(step, scope)))") {
        put(step, Reading(kind: .general, expression: "", isOptional: true, target: step.sdp), "value", scope, &$0)
      }
    case "pair": pairToSDP(step, scope, &text)
    case "words":
      guard let source = scope.source, scope.node >= 0 else { return }
      let attributes = "name: \(field(step.jingle)), value: \(field(step.key))"
      text.line("writeWords(\(node(step.element)), of: \(source), after: \(words(scope.node)), \(attributes),")
      text.indented { $0.line("to: \(field(step.sdp)), in: &\(scope.frame))") }
    case "choice":
      guard let source = scope.source else { return }
      let name = SourceText.literal("\(nodeName(scope.node)) @\(shown(step.jingle))")
      text.line("writeChoice(\(choice(step)), of: \(source), \(name))")
    case "collect":
      guard let source = scope.source, scope.node >= 0 else { return }
      text.line("writeMembers(\(collection(step)), of: \(source), after: \(words(scope.node)))")
    case "aggregate":
      text.line("// \(shown(step.sdp)) of several elements")
      text.line("accumulated = nil")
      var inner = scope
      inner.frame = "nothing"
      inner.frameNode = -1
      text.block("do") { text in
        text.line("var nothing = Frame.none")
        let call = step.flags.contains("greatest") ? "greatest" : "least"
        aggregating(call) { toSDP(step.nested, inner, &text) }
      }
      text.line("writeAccumulated(\(node(step.line)), \(field(step.sdp)))")
    case "take":
      guard let source = scope.source else { return }
      let value = "read(\(field(step.jingle)), in: \(source))"
      guarded(presence(step.jingle, in: source).map { [$0] } ?? [], &text) {
        $0.line("take(\(value), \(ruleToSDP(step, scope)), isGreatest: \(aggregation == "greatest"))")
      }
    case "line": line(step, scope, &text)
    case "function":
      let source = scope.source ?? "-1"
      let part =
        step.element >= 0 && scope.node >= 0
        ? "child(\(slot(step.element)), of: \(source), after: \(words(scope.node)))" : "nil"
      let arguments = "line: \(node(step.line)), of: \(source), part: \(part)"
      text.line("perform(.\(property(step.function ?? "")), \(arguments), in: &\(scope.frame))")
    case "loss": lossToSDP(step, scope, &text)
    case "sections": text.line("writeSections()")
    default: break
    }
  }

  private func aggregating(_ name: String, _ body: () -> Void) {
    let outer = aggregation
    aggregation = name
    body()
    aggregation = outer
  }

  private func nodeName(_ node: Int) -> String { node >= 0 ? tables.nodes[node].name : "" }

  // MARK: Elements

  private func enterToSDP(_ step: LoweredStep, _ scope: Scope, _ text: inout SourceText) {
    guard step.element >= 0 else { return inside(step, scope, &text) }
    guard let source = scope.source, scope.node >= 0 else { return }
    var inner = scope
    inner.source = "element"
    inner.node = step.element
    inner.parts = nil
    let shown = tables.nodes[step.element].name
    let name = Naming.property("read " + shown.filter { $0 != "<" && $0 != ">" })
    let body = function(
      Naming.escaped(name), "`\(shown)`.", parameters: "_ element: Int, _ outer: inout Frame"
    ) { text in
      inner.frame = "outer"
      inside(step, inner, &text)
    }
    let lookup = "\(node(step.element)), \(slot(step.element)), of: \(source), after: \(words(scope.node))"
    let only = step.flags.contains("each") ? "" : ", onlyFirst: true"
    if step.flags.contains("key"), step.jingle >= 0 {
      closure("eachKeyed(\(lookup), \(field(step.jingle))\(only))", "element", &text) {
        $0.line("\(body)(element, &\(scope.frame))")
      }
    } else {
      closure("eachElement(\(lookup)\(only))", "element", &text) { $0.line("\(body)(element, &\(scope.frame))") }
    }
  }

  /// What becomes of an element: nothing by itself, an item of the line around or a line.
  private func inside(_ step: LoweredStep, _ scope: Scope, _ text: inout SourceText) {
    var inner = scope
    switch step.place {
    case "child":
      text.line("var item = begin(\(opening(step.item)))")
      inner.frame = "item"
      inner.frameNode = step.item
      toSDP(step.nested, inner, &text)
      text.block("if end(&item\(requiring(step.item)))") { text in
        mark(step.item, in: scope, &text)
        text.line("\(scope.frame).isUsed = true")
      }
    case "line", "joined", "groupMember":
      var conditions = [isWritten(step.line, hasKey: step.key >= 0)]
      conditions.removeAll { $0.isEmpty }
      text.block(conditions.isEmpty ? "do" : "if \(conditions[0])") { text in
        text.line("var line = begin(\(opening(step.line)))")
        if step.key >= 0 {
          let isWide = tables.fields[step.key].kind == "wide"
          let value = isWide ? "wide: key" : "number: UInt32(truncatingIfNeeded: key)"
          text.line("fill(\(value), \(target(step.key, ofElement: false)), in: &line)")
        }
        for index in step.filters where tables.fields[tables.filters[index]].kind == "flag" {
          text.line("put(.number(1), \(field(tables.filters[index])), in: &line)")
        }
        text.line("line.isUsed = \(step.element >= 0)")
        inner.frame = "line"
        inner.frameNode = step.line
        toSDP(step.nested, inner, &text)
        text.line("end(&line\(requiring(step.line)))")
      }
    default: toSDP(step.nested, inner, &text)
    }
  }

  private func requiring(_ node: Int) -> String { needs(node).map { ", requiring: \(hex($0))" } ?? "" }

  /// Says that the list of the frame has got an item.
  private func mark(_ item: Int, in scope: Scope, _ text: inout SourceText) {
    guard scope.frameNode >= 0 else {
      text.line("markList(\(node(item)), in: &\(scope.frame))")
      return
    }
    for position in tables.nodes[scope.frameNode].required {
      let field = tables.fields[tables.required[position]]
      guard field.kind == "list", field.word == slot(item) else { continue }
      let bit = hex(UInt64(1) << UInt64(field.ordinal & 63))
      let mark = field.mask != 0 ? ", mark: \(hex(field.bits))" : ""
      text.line("note(bit: \(bit)\(mark), in: &\(scope.frame))")
    }
  }

  /// The condition under which a line may be written here.
  private func isWritten(_ line: Int, hasKey: Bool) -> String {
    let isLine = slot(line) < 64 && tables.nodeNames["sdpMedia"] != line
    let isMark = !hasKey && words(line) == 0 && tables.nodes[line].required.isEmpty
    let arguments = "\(node(line))\(isLine ? ", isAttribute: false" : "")\(isMark ? ", isMark: true" : "")"
    return "isWritten(\(arguments))"
  }

  private func line(_ step: LoweredStep, _ scope: Scope, _ text: inout SourceText) {
    text.block("if \(isWritten(step.line, hasKey: false))") { text in
      text.line("var line = begin(\(opening(step.line)))")
      var inner = scope
      inner.frame = "line"
      inner.frameNode = step.line
      toSDP(step.nested, inner, &text)
      // Without its m-line the other lines would belong to the section before.
      if tables.nodeNames["sdpMedia"] == step.line { text.line("fillMediaLine(&line)") }
      text.line("end(&line\(requiring(step.line)))")
    }
  }

  // MARK: Values

  private func ruleToSDP(_ step: LoweredStep, _ scope: Scope) -> Int {
    rule(
      step, from: step.operation == "constant" ? -1 : step.jingle, to: step.sdp,
      name: "\(nodeName(scope.node)) \(shown(step.jingle))")
  }

  private func readingToSDP(_ step: LoweredStep, _ scope: Scope) -> Reading {
    if let source = scope.source,
      let reading = plainReading(
        step, from: step.jingle, to: step.sdp, in: source, rule: { ruleToSDP(step, scope) }, toJingle: false)
    {
      return reading
    }
    let conditions =
      step.function == nil && step.jingle >= 0
      ? scope.source.flatMap { presence(step.jingle, in: $0) }.map { [$0] } ?? [] : []
    let value =
      step.jingle >= 0 && scope.source != nil ? "read(\(field(step.jingle)), in: \(scope.source ?? ""))" : "nil"
    return Reading(
      kind: .general, expression: "allowed(\(value), \(ruleToSDP(step, scope)))", isOptional: true,
      conditions: conditions, target: step.sdp)
  }

  private func copyToSDP(_ step: LoweredStep, _ scope: Scope, _ text: inout SourceText) {
    text.line("// \(step.jingle >= 0 ? "@\(shown(step.jingle)) -> " : "")\(shown(step.sdp))")
    bound(readingToSDP(step, scope), &text) { value, text in
      put(step, readingToSDP(step, scope), value, scope, &text)
    }
  }

  private func pairToSDP(_ step: LoweredStep, _ scope: Scope, _ text: inout SourceText) {
    guard step.nested.count == 2, let source = scope.source else { return }
    text.line("// \(step.nested.map { "@\(shown($0.jingle))" }.joined(separator: " + ")): both or neither")
    let names = step.nested.map { SourceText.literal("\(nodeName(scope.node)) @\(shown($0.jingle))") }
    if plainPair(step.nested, names, scope, &text) { return }
    let values = step.nested.map { "read(\(field($0.jingle)), in: \(source)), \(ruleToSDP($0, scope))" }
    text.line("if let values = allowedPair(")
    text.indented { text in
      for (number, value) in values.enumerated() {
        text.line("\(value), \(names[number])\(number == 0 ? "," : ")")")
      }
    }
    text.line("{")
    text.indented { text in
      for (number, value) in step.nested.enumerated() {
        let reading = Reading(kind: .general, expression: "", isOptional: true, target: value.sdp)
        put(value, reading, "values.\(number)", scope, &text)
      }
    }
    text.line("}")
  }

  /// A pair of values that are only copied.
  private func plainPair(
    _ values: [LoweredStep], _ names: [String], _ scope: Scope, _ text: inout SourceText
  ) -> Bool {
    let readings = values.map { readingToSDP($0, scope) }
    guard readings.allSatisfy({ $0.kind != .general && !$0.conditions.isEmpty }) else { return false }
    text.block("do") { text in
      for (reading, side) in zip(readings, ["left", "right"]) {
        text.line("let \(side) = \(reading.conditions.joined(separator: " && ")) ? \(reading.expression) : nil")
      }
      text.line("if let left, let right {")
      text.indented { text in
        for (number, side) in ["left", "right"].enumerated() {
          put(values[number], readings[number], side, scope, &text)
        }
      }
      text.line("} else if left != nil || right != nil {")
      text.indented { $0.line("lose(halfOfPair: left != nil ? \(names[0]) : \(names[1]))") }
      text.line("}")
    }
    return true
  }

  /// Writes a value where the step says: into the current node, or into a line or parameter of its own.
  private func put(
    _ step: LoweredStep, _ reading: Reading, _ value: String, _ scope: Scope, _ text: inout SourceText
  ) {
    switch step.place {
    case "child":
      text.block("do") { text in
        text.line("var parameter = begin(\(opening(step.item)))")
        text.line(write(reading, value, to: "parameter", toJingle: false))
        text.line("if end(&parameter\(requiring(step.item))) { \(scope.frame).isUsed = true }")
      }
    case "line":
      text.block("if \(isWritten(step.line, hasKey: false))") { text in
        text.line("var line = begin(\(opening(step.line)))")
        text.line(write(reading, value, to: "line", toJingle: false))
        text.line("end(&line\(requiring(step.line)))")
      }
    default: text.line(write(reading, value, to: scope.frame, toJingle: false))
    }
  }

  private func lossToSDP(_ step: LoweredStep, _ scope: Scope, _ text: inout SourceText) {
    guard let source = scope.source else { return }
    var condition: String?
    if step.element >= 0, scope.node >= 0 {
      condition = "child(\(slot(step.element)), of: \(source), after: \(words(scope.node))) != nil"
    } else if step.jingle >= 0 {
      condition = presence(step.jingle, in: source)
    }
    guarded(condition.map { [$0] } ?? [], &text) { $0.line("lose(note: \(note(step)))") }
  }
}
