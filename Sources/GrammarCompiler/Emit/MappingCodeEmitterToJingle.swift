/// The way to Jingle: elements are written in the order of the rows, and the lines that they are made of looked up.
extension MappingCodeEmitter {
  /// The functions `sessionToJingle` and `sectionToJingle`.
  func emitToJingle(_ session: [LoweredStep]) {
    let sections = session.first { $0.operation == "sections" }
    if let sections {
      _ = function("sectionToJingle", "A section.", parameters: "_ outer: inout Frame") { text in
        toJingle(sections.nested, Scope(frame: "outer", frameNode: sections.element), &text)
      }
    }
    _ = function("sessionToJingle", "The session.", parameters: "_ outer: inout Frame") { text in
      toJingle(session, Scope(frame: "outer", isInSession: true), &text)
    }
  }

  /// The attributes and other lines that some row takes to Jingle, and whether a row reads but one line of them.
  func mappedLines(_ steps: [LoweredStep]) -> [String] {
    var nodes: [Int: Int] = [:]
    var single: Set<Int> = []
    var several: Set<Int> = []
    func visit(_ steps: [LoweredStep]) {
      for step in steps {
        if step.line >= 0 {
          let isAttribute = tables.nodes[step.line].name.hasPrefix("a=")
          // Other lines that become elements are left over where none of these elements is written.
          if isAttribute || step.operation == "enter" && step.place == "line" { nodes[slot(step.line)] = step.line }
          switch (step.operation, step.place) {
          // A loss is one for all of them.
          case ("loss", "line") where step.sdp < 0: break
          case ("enter", "line") where step.flags.contains("each"): several.insert(slot(step.line))
          case ("enter", "joined"), ("enter", "grouped"), ("enter", "groupMember"): several.insert(slot(step.line))
          default: single.insert(slot(step.line))
          }
        }
        visit(step.nested)
      }
    }
    visit(steps)
    return nodes.sorted { $0.key < $1.key }.map { slot, line in
      "MappedLine(\(SourceText.literal(tables.nodes[line].name)), slot: \(slot), isSingle: \(single.contains(slot) && !several.contains(slot)))"
    }
  }

  private func toJingle(_ steps: [LoweredStep], _ scope: Scope, _ text: inout SourceText) {
    var index = 0
    while index < steps.count {
      var end = index
      while end < steps.count, isLostLine(steps[end]) { end += 1 }
      if end > index {
        text.line("// \(steps[index].name)\(end - index > 1 ? " … \(steps[end - 1].name)" : ""): lost")
        text.line("loseLines(\(lostLines(steps[index..<end])))")
        index = end
        continue
      }
      let step = steps[index]
      guarded(conditions(step, scope), &text) { toJingle(step, scope, &$0) }
      index += 1
    }
  }

  private func isLostLine(_ step: LoweredStep) -> Bool {
    step.operation == "loss" && step.place == "line" && step.sdp < 0 && step.actions == .max && step.predicate == nil
      && step.conditionSDP < 0
  }

  private func conditions(_ step: LoweredStep, _ scope: Scope) -> [String] {
    var result: [String] = []
    if step.actions != .max { result.append("isAction(\(hex(step.actions)))") }
    if let predicate = step.predicate { result.append("holds(.\(property(predicate)))") }
    if step.conditionSDP >= 0 {
      let source = scope.source ?? "-1"
      let node = step.conditionPlace == "child" ? child(step.conditionItem, scope) ?? "nil" : source
      if step.conditionPlace != "child", scope.source != nil,
        let plain = comparison(step, step.conditionSDP, in: node, fields: scope.fields)
      {
        result.append(plain)
      } else {
        result.append(
          comparison(step, step.conditionSDP, value: "read(\(field(step.conditionSDP)), in: \(node))"))
      }
    }
    return result
  }

  private func toJingle(_ step: LoweredStep, _ scope: Scope, _ text: inout SourceText) {
    switch step.operation {
    case "gate": toJingle(step.nested, scope, &text)
    case "enter": enterToJingle(step, scope, &text)
    case "copy": copyToJingle(step, scope, &text)
    case "pair": pairToJingle(step, scope, &text)
    case "words":
      guard let source = scope.source else { return }
      let attributes = "name: \(field(step.jingle)), value: \(field(step.key))"
      guarded(presence(step.sdp, in: source, fields: scope.fields).map { [$0] } ?? [], &text) { text in
        text.line("words(read(\(field(step.sdp)), in: \(source)), \(node(step.element)),")
        text.indented { $0.line("\(attributes), in: &\(scope.frame))") }
      }
    case "choice": text.line("choose(\(choice(step)), in: &\(scope.frame))")
    case "collect":
      guarded(["let line = firstLine(\(slot(step.line)), .\(level(step, scope)))"], &text) {
        $0.line("collect(\(collection(step)), of: line, in: &\(scope.frame))")
      }
    case "function":
      let arguments = "jingle: \(field(step.jingle)), element: \(node(step.element))"
      text.line(
        "perform(.\(property(step.function ?? "")), \(arguments), of: \(scope.source ?? "-1"), in: &\(scope.frame))")
    case "constant":
      let value = SourceText.literal(tables.texts[step.texts.lowerBound])
      text.line("compare(\(slot(step.line)), \(field(step.sdp)), \(value), note: \(note(step)))")
    case "loss": lossToJingle(step, scope, &text)
    case "sections": text.line("translateSections(in: &\(scope.frame))")
    default: break
    }
  }

  /// At which level a line is looked for.
  private func level(_ step: LoweredStep, _ scope: Scope) -> String {
    if scope.isInSession || step.flags.contains("session") { return "session" }
    return step.flags.contains("fromSession") ? "both" : "section"
  }

  private func child(_ item: Int, _ scope: Scope) -> String? {
    guard let source = scope.source, scope.node >= 0 else { return nil }
    if let index = scope.parameterIndex, isIndexed(item) { return "\(index)[\(slot(item) - ParameterSlot.first)]" }
    return "child(\(slot(item)), of: \(source), after: \(words(scope.node)))"
  }

  private func isIndexed(_ item: Int) -> Bool {
    item >= 0 && (0..<8).contains(slot(item) - ParameterSlot.first)
  }

  /// How often rows look for a parameter of the node that is read.
  private func lookups(_ steps: [LoweredStep]) -> Int {
    steps.reduce(0) { count, step in
      let own = step.place == "child" && isIndexed(step.item) ? 1 : 0
      let condition = step.conditionPlace == "child" && isIndexed(step.conditionItem) ? 1 : 0
      let isInside = step.operation == "gate" || step.operation == "pair"
      return count + own + condition + (isInside ? lookups(step.nested) : 0)
    }
  }

  // MARK: Nodes

  private func enterToJingle(_ step: LoweredStep, _ scope: Scope, _ text: inout SourceText) {
    let isEach = step.flags.contains("each")
    func inside(_ source: String?, _ node: Int) -> Scope {
      var inner = scope
      inner.source = source
      inner.node = node
      inner.fallback = nil
      inner.keyField = -1
      inner.parameterIndex = nil
      inner.fields = nil
      return inner
    }
    switch step.place {
    case "here": element(step, scope, &text)
    case "line":
      let filters = filters(step, "line")
      let lookup = "\(slot(step.line)), .\(level(step, scope))"
      if isEach, level(step, scope) == "section", let unkeyed = unkeyed(step) {
        closure("eachUnkeyed(\(unkeyed))", "line", &text) { element(step, inside("line", step.line), &$0) }
      } else if isEach {
        closure("eachLine(\(lookup))", "line", &text) { text in
          guarded(filters, &text) { element(step, inside("line", step.line), &$0) }
        }
      } else {
        let found =
          filters.isEmpty
          ? "firstLine(\(lookup))"
          : "firstLine(\(lookup), where: { line in \(filters.joined(separator: " && ")) })"
        guarded(["let line = \(found)"], &text) { element(step, inside("line", step.line), &$0) }
      }
    case "child":
      guard let source = scope.source, scope.node >= 0 else { return }
      items(step, of: source, scope.node, inside("item", step.item), &text)
    case "lineList":
      guarded(["let line = firstLine(\(slot(step.line)), .\(level(step, scope)))"], &text) {
        items(step, of: "line", step.line, inside("item", step.item), &$0)
      }
    case "joined": joined(step, scope, inside("line", step.line), &text)
    case "grouped":
      closure("eachGroup(\(keyed(step)))", "line", &text) {
        element(step, inside("line", step.line), &$0)
      }
    case "groupMember":
      closure("eachJoined(\(keyed(step)))", "line", &text) {
        element(step, inside("line", step.line), &$0)
      }
    default: break
    }
  }

  /// A call whose last argument is a closure.
  func closure(
    _ call: String, _ parameter: String, _ text: inout SourceText, _ body: (inout SourceText) -> Void
  ) {
    text.line("\(call) { \(parameter) in")
    text.indented(body)
    text.line("}")
  }

  private func items(_ step: LoweredStep, of list: String, _ node: Int, _ inner: Scope, _ text: inout SourceText) {
    let lookup = "\(slot(step.item)), of: \(list), after: \(words(node))"
    let isEach = step.flags.contains("each")
    if step.flags.contains("key") {
      let name = SourceText.literal(step.line >= 0 ? tables.nodes[step.line].name : "")
      let only = isEach ? "" : ", onlyFirst: true"
      var keyed = inner
      keyed.keyField = step.sdp
      closure("eachKey(\(lookup), \(field(step.sdp)), \(name)\(only))", "item", &text) { element(step, keyed, &$0) }
    } else if isEach {
      closure("eachItem(\(lookup))", "item", &text) { element(step, inner, &$0) }
    } else {
      guarded(["let item = child(\(lookup))"], &text) { element(step, inner, &$0) }
    }
  }

  private func joined(_ step: LoweredStep, _ scope: Scope, _ inner: Scope, _ text: inout SourceText) {
    let lookup = keyed(step)
    let condition = keyedFilter(step)
    guard step.column >= 0 else {
      closure("eachJoined(\(lookup)\(condition))", "line", &text) { element(step, inner, &$0) }
      return
    }
    if step.element < 0, !step.flags.contains("each") {
      let name = SourceText.literal(tables.nodes[step.line].name)
      text.line("if let line = onlyJoined(\(lookup), \(name)\(condition)) {")
      text.indented { readingFields(of: inner, as: "lineFields", &$0) { element(step, $0, &$1) } }
    } else {
      text.line("let isFound = eachJoined(\(lookup)\(condition)) { line in")
      text.indented { element(step, inner, &$0) }
      text.line("}")
      text.line("if isFound {")
    }
    text.line("} else if let row = tables.keyTables[\(step.column)].row(of: key) {")
    var fallback = scope
    fallback.source = nil
    fallback.node = -1
    fallback.fallback = "row"
    text.indented { toJingle(step.nested, fallback, &$0) }
    text.line("} else {")
    text.indented { $0.line("loseMissing(\(SourceText.literal(tables.nodes[step.line].name)))") }
    text.line("}")
  }

  /// The nested rows, in a new element where the row names one.
  private func element(_ step: LoweredStep, _ scope: Scope, _ text: inout SourceText) {
    guard step.element >= 0 else { return toJingle(step.nested, scope, &text) }
    let shown = tables.nodes[step.element].name
    let made = tables.nodes[step.element]
    let name = Naming.property("write " + made.name.filter { $0 != "<" && $0 != ">" })
    let parameters = (scope.source.map { "_ \($0): Int, " } ?? "") + "_ outer: inout Frame"
    let call = function(Naming.escaped(name), "`\(shown)`.", parameters: parameters) { text in
      text.line("var element = open(\(opening(step.element)))")
      let isUnlessEmpty = step.flags.contains("unlessEmpty")
      if isUnlessEmpty { text.line("let start = tape.wordCount") }
      var inner = scope
      inner.frame = "element"
      inner.frameNode = step.element
      if let source = scope.source, scope.node >= 0, lookups(step.nested) > 3 {
        text.line("let parameters = ParameterIndex(nodes, of: \(source), after: \(words(scope.node)))")
        inner.parameterIndex = "parameters"
      }
      readingFields(of: inner, as: "fields", &text) { toJingle(step.nested, $0, &$1) }
      if isUnlessEmpty {
        text.block("if tape.wordCount == start") { text in
          text.line("tape.rewind(to: element.index)")
          text.line("return")
        }
      }
      text.line("element.isUsed = true")
      text.line("if \(close("close", "element", step.element)) { outer.isUsed = true }")
    }
    text.line("\(call)(\(scope.source.map { "\($0), " } ?? "")&\(scope.frame))")
  }

  // MARK: Values

  /// What the value is called where it is lost.
  private func name(_ step: LoweredStep, _ scope: Scope) -> String {
    let field = shown(step.sdp)
    let node = step.line >= 0 ? step.line : step.item >= 0 ? step.item : scope.node
    // The value of a parameter is known by the name of the parameter.
    if step.line < 0, step.item >= 0, step.place == "child" { return tables.nodes[step.item].name }
    return node >= 0 ? "\(tables.nodes[node].name) \(field)" : field
  }

  private func ruleToJingle(_ step: LoweredStep, _ scope: Scope) -> Int {
    rule(step, from: step.sdp, to: step.jingle, name: name(step, scope))
  }

  /// The node in which the value of a row stands, and how it is found.
  private func place(_ step: LoweredStep, _ scope: Scope) -> (node: String, lookup: String?, fields: String?)? {
    switch step.place {
    case "line": return ("line", "firstLine(\(slot(step.line)), .\(level(step, scope)))", nil)
    case "child": return child(step.item, scope).map { ("parameter", $0, nil) }
    default: return scope.source.map { ($0, nil, scope.fields) }
    }
  }

  private func copyToJingle(_ step: LoweredStep, _ scope: Scope, _ text: inout SourceText) {
    text.line("// \(name(step, scope)) -> \(step.jingle >= 0 ? "@\(shown(step.jingle))" : "")")
    if scope.fallback == nil, let place = place(step, scope),
      let reading = plainReading(
        step, from: step.sdp, to: step.jingle, in: place.node, fields: place.fields,
        rule: { ruleToJingle(step, scope) }, toJingle: true)
    {
      var reading = reading
      if let lookup = place.lookup { reading.conditions.insert("let \(place.node) = \(lookup)", at: 0) }
      bound(reading, &text) { $1.line(write(reading, $0, to: scope.frame, toJingle: true)) }
      return
    }
    if let reading = madeReading(step, scope) {
      bound(reading, &text) { $1.line(write(reading, $0, to: scope.frame, toJingle: true)) }
      return
    }
    if let bits = keyBits(step, scope) {
      text.block("if let value = keyNumber(bits: \(bits), \(ruleToJingle(step, scope)))") {
        $0.line("put(number: value, \(target(step.jingle, ofElement: true)), in: &\(scope.frame))")
      }
      return
    }
    let value = generalValue(step, scope)
    if scope.fallback == nil, step.function == nil, step.texts.isEmpty, let place = place(step, scope) {
      var conditions = place.lookup.map { ["let \(place.node) = \($0)"] } ?? []
      if let presence = presence(step.sdp, in: place.node, fields: place.fields) { conditions.append(presence) }
      guarded(conditions, &text) { text in
        let value = "read(\(field(step.sdp)), in: \(place.node))"
        text.line("copy(\(value), \(ruleToJingle(step, scope)), in: &\(scope.frame))")
      }
      return
    }
    text.line("copy(\(value), \(ruleToJingle(step, scope)), in: &\(scope.frame))")
  }

  /// How a value is read that a function makes of one of its kind.
  private func madeReading(_ step: LoweredStep, _ scope: Scope) -> Reading? {
    guard let function = step.function, scope.fallback == nil, step.sdp >= 0, step.jingle >= 0, step.texts.isEmpty,
      step.omitted.isEmpty, step.flags.isDisjoint(with: ["trim", "upper", "known"]), let place = place(step, scope),
      presence(step.sdp, in: place.node) == nil
    else { return nil }
    let from = tables.fields[step.sdp]
    let to = tables.fields[step.jingle]
    let word = "\(place.lookup == nil ? place.node : "$0") &+ \(1 + from.word)"
    func made(_ value: String) -> String {
      let value = place.lookup.map { "\($0).map { \(value) }" } ?? value
      return "toJingle(.\(property(function)), \(field(step.sdp)), \(value))"
    }
    let rule = ruleToJingle(step, scope)
    switch (from.kind, to.kind) {
    case ("text", "text") where to.token < 0:
      return Reading(
        kind: .text, expression: "text(\(made(".text(slice(at: \(word)))")), \(rule))", isOptional: true,
        target: step.jingle)
    case ("number", "number") where from.numberBits <= to.numberBits:
      return Reading(
        kind: .number,
        expression: "number(\(made(".number(UInt64(nodes.word(\(word))))")), bits: \(to.numberBits), \(rule))",
        isOptional: true, target: step.jingle)
    // Of a code it is not known whose it is: they have to be the same on both sides.
    case ("enumeration", "enumeration") where step.conversion >= 0 && isIdentity(step.conversion):
      let value = made(".code(nodes.word(\(word)), slice(at: \(word) &+ 1))")
      return Reading(
        kind: .code, expression: "code(\(value), \(codes(step.conversion)), \(rule))", isOptional: true,
        target: step.jingle)
    default: return nil
    }
  }

  /// The width of an attribute that gets the key of the item around, which is a number by then.
  private func keyBits(_ step: LoweredStep, _ scope: Scope) -> Int? {
    guard step.place == "here", step.sdp >= 0, step.sdp == scope.keyField, scope.fallback == nil, step.jingle >= 0,
      step.function == nil, step.texts.isEmpty, step.omitted.isEmpty, tables.fields[step.jingle].kind == "number"
    else { return nil }
    return tables.fields[step.jingle].numberBits
  }

  /// The value of a row as it stands in SDP.
  private func generalValue(_ step: LoweredStep, _ scope: Scope) -> String {
    if let row = scope.fallback, step.place == "here" {
      return step.column >= 0 ? "cell(\(row), \(step.column))" : "nil"
    }
    guard step.sdp >= 0, let place = place(step, scope) else { return "nil" }
    return "read(\(field(step.sdp)), in: \(place.lookup ?? place.node))"
  }

  private func pairToJingle(_ step: LoweredStep, _ scope: Scope, _ text: inout SourceText) {
    guard step.nested.count == 2 else { return }
    if plainPair(step.nested, scope, &text) { return }
    text.line("// \(step.nested.map { name($0, scope) }.joined(separator: " + ")): both or neither")
    text.line("copyPair(")
    text.indented { text in
      for (number, value) in step.nested.enumerated() {
        text.line(
          "\(generalValue(value, scope)), \(ruleToJingle(value, scope))\(number == 0 ? "," : ", in: &\(scope.frame))")")
      }
    }
  }

  /// A pair of values that are only copied, each in a line or parameter of its own.
  private func plainPair(_ values: [LoweredStep], _ scope: Scope, _ text: inout SourceText) -> Bool {
    var readings: [Reading] = []
    var lookups: [String] = []
    for (value, node) in zip(values, ["left", "right"]) {
      guard scope.fallback == nil, let lookup = place(value, scope)?.lookup,
        let reading = plainReading(
          value, from: value.sdp, to: value.jingle, in: node, rule: { ruleToJingle(value, scope) }, toJingle: true),
        !reading.isOptional, reading.conditions.isEmpty
      else { return false }
      readings.append(reading)
      lookups.append(lookup)
    }
    text.line("// \(values.map { name($0, scope) }.joined(separator: " + ")): both or neither")
    text.block("do") { text in
      text.line("let left = \(lookups[0])")
      text.line("let right = \(lookups[1])")
      text.line("if let left, let right {")
      text.indented { text in
        for reading in readings { text.line(write(reading, reading.expression, to: scope.frame, toJingle: true)) }
      }
      text.line("} else if left != nil || right != nil {")
      let rules = values.map { ruleToJingle($0, scope) }
      text.indented { $0.line("loseHalf(left != nil ? \(rules[0]) : \(rules[1]))") }
      text.line("}")
    }
    return true
  }

  private func lossToJingle(_ step: LoweredStep, _ scope: Scope, _ text: inout SourceText) {
    guard let place = place(step, scope) else { return }
    var conditions: [String] = []
    if let lookup = place.lookup { conditions.append("let \(place.node) = \(lookup)") }
    if step.sdp >= 0, let presence = presence(step.sdp, in: place.node, fields: place.fields) {
      conditions.append(presence)
    } else if let lookup = place.lookup {
      conditions = ["\(lookup) != nil"]
    }
    guarded(conditions, &text) { $0.line("lose(note: \(note(step)))") }
  }
}
