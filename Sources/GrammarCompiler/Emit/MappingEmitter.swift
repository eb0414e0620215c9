/// Prints the mapping: its rows as functions of the engine of JingleSIPMapping, and the tables that they need.
struct MappingEmitter {
  let mapping: MappingModel
  let model: Model

  /// File name and text of each source file made.
  func emit() -> [(name: String, text: String)] {
    guard let root = mapping.root else { return [] }
    let tables = MappingTableBuilder()
    let lowering = MappingLowering(mapping: mapping, model: model, tables: tables)
    let rootNode = tables.node(root.element, slot: 0, name: "<\(root.element.qualifiedName)>")
    // Functions of the engine may ask for any of them.
    for line in mapping.lines {
      _ = tables.node(line)
      for index in (line.shape?.params?.rows ?? []).indices {
        if let shape = line.shape { _ = tables.parameter(index, of: shape) }
      }
      for field in line.shape?.fields ?? [] where field.isChild {
        if let shape = line.shape { _ = tables.item(field, of: shape) }
      }
    }
    registerElements(root.element, tables)

    let sections = root.rows.first { $0.isSections }
    let sessionToJingle = lowering.toJingle(root.rows)
    let sessionToSDP = lowering.toSDP(root)
    let sectionToSDP = sections?.block.map { lowering.toSDP($0) } ?? []
    let content = sessionToJingle.first { $0.operation == "sections" }?.element ?? -1
    let tokens = TokenEmitter()
    let code = MappingCodeEmitter(tables: tables, tokens: tokens, mapping: mapping)
    code.emitToJingle(sessionToJingle)
    code.emitToSDP(root: rootNode, session: sessionToSDP, content: content, section: sectionToSDP)
    var text = SourceText()
    emitNames("MappingFunction", "The functions that rows name.", mapping.functions.map(\.name.name), to: &text)
    text.line()
    emitNames(
      "MappingPredicate", "The predicates that rows name.", mapping.predicates.flatMap(\.alternatives).map(\.name),
      to: &text)
    text.line()
    emitTables(tables, code, sessionToJingle, to: &text)
    text.line()
    text.line("/// What functions ask for by name.")
    text.block("extension MappingTables") { text in
      text.line("static let root = \(rootNode)")
      text.line("static let content = \(content)")
      let last = mapping.lines.map(\.slot).max() ?? 0
      text.line("/// The largest slot of a line or attribute.")
      text.line("static let lastSlot = \(last)")
      text.line("/// So many kinds of lines are looked up by a key.")
      text.line("static let keyedSlots = \(code.keyedSlots.count)")
    }
    text.line()
    emitIndices("MappingNodes", "Kinds of nodes by name.", tables.nodeNames, to: &text)
    text.line()
    emitIndices("MappingFields", "Fields and attributes by name.", tables.fieldNames, to: &text)
    if !mapping.actionSets.isEmpty {
      text.line()
      emitActionSets(to: &text)
    }
    return [
      ("MappingTokens.swift", self.tokens(tables, tokens)), ("MappingTables.swift", text.text),
      ("MappingRows.swift", "\n" + code.extensionText()),
    ]
  }

  private func registerElements(_ element: ElementType, _ tables: MappingTableBuilder) {
    var seen: Set<String> = []
    var stack = [element]
    while let element = stack.popLast() {
      guard seen.insert(element.qualifiedName).inserted else { continue }
      for child in element.children {
        _ = tables.node(child, of: element)
        stack.append(child.element)
      }
    }
  }

  private func emitNames(_ type: String, _ comment: String, _ names: [String], to text: inout SourceText) {
    text.line("/// \(comment)")
    text.block("enum \(type): UInt8, Sendable") { text in
      for name in names { text.line("case \(Naming.escaped(Naming.property(name)))") }
    }
  }

  private func emitIndices(_ type: String, _ comment: String, _ names: [String: Int], to text: inout SourceText) {
    text.line("/// \(comment)")
    text.block("enum \(type)") { text in
      for (name, index) in names.sorted(by: { ($0.value, $0.key) < ($1.value, $1.key) }) {
        text.line("static let \(Naming.escaped(name)) = \(index)")
      }
    }
  }

  private func emitActionSets(to text: inout SourceText) {
    text.line("/// Sets of actions: a bit for the code of each.")
    text.block("enum MappingActions") { text in
      for set in mapping.actionSets {
        text.line("/// \(set.actions.map { "`\($0)`" }.joined(separator: ", "))")
        text.line(
          "static let \(Naming.escaped(Naming.property(set.name))): UInt64 = 0x\(String(mapping.mask(of: set.actions, model), radix: 16))"
        )
      }
    }
  }

  private func emitTables(
    _ tables: MappingTableBuilder, _ code: MappingCodeEmitter, _ sessionToJingle: [LoweredStep],
    to text: inout SourceText
  ) {
    text.line("/// What the rows of the mapping grammars need besides their functions.")
    text.block("struct MappingTables: Sendable") { text in
      text.line("static let shared = MappingTables()")
      text.line()
      emitArray("notes", "Note", code.notes, to: &text)
      emitArray("rules", "ValueRule", code.rules, to: &text)
      emitArray("choices", "ChoiceRule", code.choices, to: &text)
      emitArray("collections", "CollectionRule", code.collections, to: &text)
      emitArray(
        "lostLines", "LostLines",
        code.lostRanges.map { "LostLines([\(code.lostLines[$0].joined(separator: ", "))])" }, to: &text)
      emitArray("linesToJingle", "MappedLine", code.mappedLines(sessionToJingle), to: &text)
      emitArray("fields", "Field", tables.fields.map(\.text), to: &text)
      emitArray(
        "nodes", "Node",
        tables.nodes.map { node in
          "Node(\(SourceText.literal(node.name)), slot: \(node.slot), fixedWords: \(node.fixedWords), required: \(node.required.lowerBound)..<\(node.required.upperBound))"
        }, to: &text)
      emitFlat("required", "Int", tables.required.map(String.init), to: &text)
      emitFlat("texts", "StaticString", tables.texts.map { SourceText.literal($0) }, to: &text)
      emitArray("enums", "EnumNames", tables.enums.map(enumNames), to: &text)
      emitArray(
        "conversions", "Conversion",
        tables.conversions.map { "Conversion(byInitiator: \($0.initiator), byResponder: \($0.responder))" }, to: &text)
      emitArray("keyTables", "KeyTable", mapping.keyTables.map(keyTable), to: &text)
    }
  }

  private func enumNames(_ type: EnumType) -> String {
    let names = type.cases.map { SourceText.literal($0.name) }.joined(separator: ", ")
    return "EnumNames([\(names)], isExact: \(type.isExact), isOpen: \(type.isOpen))"
  }

  private func keyTable(_ table: KeyTable) -> String {
    let keys = table.rows.map { String($0.key) }.joined(separator: ", ")
    let cells = table.rows.map { row in
      "[\(row.cells.dropFirst().map { SourceText.literal($0 ?? "") }.joined(separator: ", "))]"
    }
    return "KeyTable(keys: [\(keys)], cells: [\(cells.joined(separator: ", "))])"
  }

  private func emitArray(_ name: String, _ type: String, _ items: [String], to text: inout SourceText) {
    text.line("let \(name) = Table<\(type)>([")
    text.indented { text in for item in items { text.line("\(item),") } }
    text.line("])")
  }

  private func emitFlat(_ name: String, _ type: String, _ items: [String], to text: inout SourceText) {
    text.line("let \(name) = Table<\(type)>([")
    text.indented { text in
      var index = 0
      while index < items.count {
        let end = min(items.count, index + 12)
        text.line(items[index..<end].joined(separator: ", ") + ",")
        index = end
      }
    }
    text.line("])")
  }

  /// The token rules that texts have to match before they are written.
  private func tokens(_ tables: MappingTableBuilder, _ emitter: TokenEmitter) -> String {
    let calls = tables.tokens.enumerated().map { number, rule in
      "case \(number): \(emitter.function(rule, hint: "field"))(input, &position)"
    }
    var text = SourceText()
    text.line("extension MappingTables {")
    text.indented { text in
      text.line("/// Whether the token rule `number` matches the whole input.")
      text.block("static func matches(token number: Int, _ input: Input) -> Bool") { text in
        text.line("var position = 0")
        text.line("let isMatch =")
        text.indented { text in
          text.line("switch number {")
          for call in calls { text.line(call) }
          text.line("default: true")
          text.line("}")
        }
        text.line("return isMatch && position == input.count")
      }
      text.line()
      text.line("/// What a person calls the token rule `number`.")
      text.block("static func words(ofToken number: Int) -> StaticString") { text in
        text.line("switch number {")
        for (number, rule) in tables.tokens.enumerated() {
          text.line("case \(number): \(SourceText.literal(Expectation.words(of: rule)))")
        }
        text.line("default: \"\"")
        text.line("}")
      }
    }
    text.line("}")
    return emitter.emit() + "\n" + text.text
  }
}
