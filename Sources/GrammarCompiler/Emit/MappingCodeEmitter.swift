/// Prints the rows of the mapping as functions of the engine: one for each element, without anything that would have
/// to be looked up when they run.
///
/// What a row says is written out where it stands: which words of which node hold its value, which bit tells that it is
/// there, which token it has to match. Only values that are more than copied – left out, cut, put into capitals, made by a
/// function – are described by a `ValueRule`, and so is what is looked for in lists.
final class MappingCodeEmitter {
  /// What the statements around stand for.
  struct Scope {
    /// The variable with the node that is read, if there is one.
    var source: String?
    /// Its kind, or −1.
    var node = -1
    /// The variable with the fields of that node, if they were looked up.
    var fields: String?
    /// The variable with the node that is written.
    var frame: String
    /// Its kind, or −1.
    var frameNode = -1
    /// The rows of the session, not of a section.
    var isInSession = false
    /// The row of a table from which the values come in place of a line.
    var fallback: String?
    /// The variable that tells where the parameters of the node stand, if many are looked for.
    var parameterIndex: String?
    /// The field that holds the key of the item, or −1.
    var keyField = -1
    /// The variable that tells which children the node has.
    var parts: String?
  }

  let tables: MappingTableBuilder
  let tokens: TokenEmitter
  let mapping: MappingModel
  private var functions = SourceText()
  private var names: Set<String> = []
  /// Functions whose bodies are alike are one.
  private var bodies: [String: String] = [:]
  private(set) var rules: [String] = []
  private(set) var notes: [String] = []
  private(set) var choices: [String] = []
  private(set) var collections: [String] = []
  private(set) var lostLines: [String] = []
  private(set) var lostRanges: [Range<Int>] = []
  /// Slots of lines that are looked up by a key.
  private(set) var keyedSlots: [Int] = []
  /// The fields that hold these keys.
  private var keyFields: [Int] = []
  /// Which of several values counts where one is looked for.
  var aggregation = ""
  private let nodeNames: [Int: String]
  private let fieldNames: [Int: String]

  init(tables: MappingTableBuilder, tokens: TokenEmitter, mapping: MappingModel) {
    self.tables = tables
    self.tokens = tokens
    self.mapping = mapping
    nodeNames = Dictionary(tables.nodeNames.map { ($1, $0) }) { min($0, $1) }
    fieldNames = Dictionary(tables.fieldNames.map { ($1, $0) }) { min($0, $1) }
  }

  /// All functions that were asked for.
  func extensionText() -> String {
    var text = SourceText()
    text.line("/// The rows of the mapping grammars, each where its value is written.")
    text.line("extension Engine {")
    return text.text + functions.text + "}\n"
  }

  /// Adds a function unless one with the same body is there; returns its name.
  func function(_ name: String, _ comment: String, parameters: String, _ body: (inout SourceText) -> Void) -> String {
    var scratch = SourceText()
    scratch.indented { text in text.indented { body(&$0) } }
    let key = parameters + "\n" + scratch.text
    if let known = bodies[key] { return known }
    var unique = name
    var number = 2
    while !names.insert(unique).inserted {
      unique = "\(name)\(number)"
      number += 1
    }
    bodies[key] = unique
    if !functions.text.isEmpty { functions.line() }
    functions.indented { text in
      text.line("/// \(comment)")
      text.line("func \(unique)(\(parameters)) {")
    }
    functions.append(scratch)
    functions.indented { $0.line("}") }
    return unique
  }

  // MARK: What is named by numbers

  func node(_ index: Int) -> String { nodeNames[index].map { "MappingNodes.\(Naming.escaped($0))" } ?? "\(index)" }

  func field(_ index: Int) -> String { fieldNames[index].map { "MappingFields.\(Naming.escaped($0))" } ?? "\(index)" }

  func slot(_ node: Int) -> Int { tables.nodes[node].slot }

  func words(_ node: Int) -> Int { tables.nodes[node].fixedWords }

  func hex(_ value: some BinaryInteger) -> String { "0x\(String(value, radix: 16))" }

  func property(_ name: String) -> String { Naming.escaped(Naming.property(name)) }

  func note(_ step: LoweredStep) -> Int {
    let reason = step.reason.isEmpty ? "" : ", \(SourceText.literal(step.reason))"
    return Self.intern("Note(\(SourceText.literal(step.name))\(reason))", in: &notes)
  }

  private static func intern(_ text: String, in list: inout [String]) -> Int {
    if let index = list.firstIndex(of: text) { return index }
    list.append(text)
    return list.count - 1
  }

  /// `ValueRule(…)`: a value that is more than copied, or what is said where it cannot be written.
  func rule(_ step: LoweredStep, from source: Int, to target: Int, name: String) -> Int {
    var arguments = ["from: \(source)", "to: \(target)"]
    let flags = step.flags.intersection(["trim", "upper", "known"]).sorted()
    if !flags.isEmpty { arguments.append("flags: [\(flags.map { ".\($0)" }.joined(separator: ", "))]") }
    func add(_ label: String, _ range: Range<Int>) {
      if !range.isEmpty { arguments.append("\(label): \(range.lowerBound)..<\(range.upperBound)") }
    }
    add("absent", step.operation == "constant" ? 0..<0 : step.texts)
    add("omitted", step.omitted)
    if step.conversion >= 0 { arguments.append("conversion: \(step.conversion)") }
    if let function = step.function { arguments.append("function: .\(property(function))") }
    arguments.append("name: \(SourceText.literal(name))")
    return Self.intern("ValueRule(\(arguments.joined(separator: ", ")))", in: &rules)
  }

  /// A choice between attributes of SDP that exclude each other.
  func choice(_ step: LoweredStep) -> Int {
    let alternatives = step.nested.map { alternative in
      "ChoiceRule.Alternative(line: \(alternative.line), byInitiator: \(alternative.key), byResponder: \(alternative.column))"
    }
    let isFromSession = step.flags.contains("fromSession")
    let text =
      "ChoiceRule(field: \(step.jingle), isFromSession: \(isFromSession), [\(alternatives.joined(separator: ", "))])"
    return Self.intern(text, in: &choices)
  }

  /// Members of a list of which each stands for something in Jingle.
  func collection(_ step: LoweredStep) -> Int {
    let members = step.nested.map { member in
      "CollectionRule.Member(\(SourceText.literal(tables.texts[member.texts.lowerBound])), element: \(member.element), "
        + "field: \(member.jingle), value: \(SourceText.literal(member.omitted.isEmpty ? "" : tables.texts[member.omitted.lowerBound])))"
    }
    let text =
      "CollectionRule(line: \(step.line), item: \(step.item), field: \(step.sdp), name: \(SourceText.literal(step.name)), [\(members.joined(separator: ", "))])"
    return Self.intern(text, in: &collections)
  }

  /// Rows that only say which lines are lost, side by side.
  func lostLines(_ steps: ArraySlice<LoweredStep>) -> Int {
    let start = lostLines.count
    for step in steps {
      let level = step.flags.contains("session") ? "session" : step.flags.contains("fromSession") ? "both" : "section"
      lostLines.append("LostLine(slot: \(slot(step.line)), .\(level), note: \(note(step)))")
    }
    lostRanges.append(start..<lostLines.count)
    return lostRanges.count - 1
  }

  // MARK: Conditions

  /// What stands in a word of a node that is read, the head counted. `fields` is the variable with the node's fields, if
  /// they were looked up.
  func word(_ number: Int, of node: String, _ fields: String?) -> String {
    fields.map { "\($0)[\(number)]" } ?? "nodes.word(\(node) &+ \(number))"
  }

  func wide(_ number: Int, of node: String, _ fields: String?) -> String {
    fields.map { "\($0).wide(\(number))" } ?? "nodes.wide(at: \(node) &+ \(number))"
  }

  func slice(_ number: Int, of node: String, _ fields: String?) -> String {
    fields.map { "\($0).slice(\(number))" } ?? "nodes.slice(at: \(node) &+ \(number))"
  }

  /// The number and the text of an enum's value.
  func codeWords(_ number: Int, of node: String, _ fields: String?) -> String {
    "\(word(number, of: node, fields)), \(slice(number + 1, of: node, fields))"
  }

  /// Statements that read a node; its fields are looked up in front of them where they need them.
  func readingFields(
    of scope: Scope, as name: String, _ text: inout SourceText, _ body: (Scope, inout SourceText) -> Void
  ) {
    guard let source = scope.source, scope.node >= 0 else { return body(scope, &text) }
    var inner = scope
    inner.fields = name
    var statements = text.part()
    body(inner, &statements)
    if statements.text.contains("\(name)[") || statements.text.contains("\(name).") {
      text.line("let \(name) = nodes.fields(of: \(source), count: \(words(scope.node)))")
    }
    text.append(statements)
  }

  /// Whether a field or attribute is there; `nil` where it always is.
  func presence(_ field: Int, in node: String, fields: String? = nil) -> String? {
    let entry = tables.fields[field]
    if entry.mask == 0 { return nil }
    let state = word(1, of: node, fields)
    if entry.mask == entry.bits, entry.mask & (entry.mask - 1) == 0 { return "\(state) & \(hex(entry.mask)) != 0" }
    return "\(state) & \(hex(entry.mask)) == \(hex(entry.bits))"
  }

  /// Conditions that a filter on fields makes.
  func filters(_ step: LoweredStep, _ node: String) -> [String] {
    step.filters.compactMap { presence(tables.filters[$0], in: node) }
  }

  /// A value that is there and, where the row says so, has a certain value; `isOneOf` of the engine for texts.
  func comparison(_ step: LoweredStep, _ field: Int, value: String) -> String {
    let expected = step.conditionText >= 0 ? "\(step.conditionText)..<\(step.conditionText + 1)" : "nil"
    return "\(step.flags.contains("negated") ? "!" : "")isThere(\(value), \(expected), \(self.field(field)))"
  }

  /// The same in a node that is read, where one look at it is enough; else `nil`.
  func comparison(_ step: LoweredStep, _ field: Int, in node: String, fields: String? = nil) -> String? {
    let entry = tables.fields[field]
    let presence = presence(field, in: node, fields: fields)
    let isNegated = step.flags.contains("negated")
    func result(_ condition: String) -> String {
      let all = (presence.map { [$0] } ?? []) + [condition]
      if !isNegated { return all.joined(separator: ", ") }
      return all.count == 1 ? "!\(all[0])" : "!(\(all.joined(separator: " && ")))"
    }
    guard step.conditionText >= 0 else {
      guard let presence else { return isNegated ? "false" : "true" }
      return isNegated ? presence.replacingEnd("!= 0", with: "== 0") : presence
    }
    let text = tables.texts[step.conditionText]
    let place = "\(node) &+ \(1 + entry.word)"
    switch entry.kind {
    case "enumeration":
      guard let code = tables.enums[entry.enumeration].cases.firstIndex(where: { $0.name == text }) else { return nil }
      let value = fields == nil ? place : codeWords(1 + entry.word, of: node, fields)
      return result("isCode(\(value), \(code + 1), \(SourceText.literal(text)))")
    case "text": return result("equals(slice(at: \(place)), \(SourceText.literal(text)))")
    default: return nil
    }
  }

  // MARK: What a node cannot do without

  /// The bits of the fields that make a node whole, whatever else is in it; `nil` where that cannot be said in advance.
  func needs(_ node: Int) -> UInt64? {
    let required = tables.nodes[node].required.map { tables.fields[tables.required[$0]] }
    let isElement = tables.nodes[node].name.hasPrefix("<")
    var result: UInt64 = 0
    for (index, field) in required.enumerated() {
      if field.kind == "choice" { return nil }
      // An optional part with one field only is never there by half.
      let isAlone = !required.enumerated().contains { $0.offset != index && $0.element.mask & field.mask != 0 }
      if !isElement, field.mask != 0, isAlone { continue }
      result |= 1 << UInt64(field.ordinal & 63)
    }
    return result
  }

  /// The call that ends a node.
  func close(_ call: String, _ frame: String, _ node: Int) -> String {
    needs(node).map { "\(call)(\(frame), requiring: \(hex($0)))" } ?? "\(call)(\(frame))"
  }

  /// The arguments with which lines are looked up by a key: which of the slots it is, the slot and where the key stands.
  func keyed(_ step: LoweredStep) -> String {
    let slot = slot(step.line)
    if !keyedSlots.contains(slot) {
      keyedSlots.append(slot)
      keyFields.append(step.key)
    }
    let field = tables.fields[step.key]
    var arguments = ["word: \(1 + field.word)"]
    if field.kind == "wide" { arguments.append("isWide: true") }
    if field.mask != 0 { arguments += ["mask: \(hex(field.mask))", "bits: \(hex(field.bits))"] }
    let place = keyedSlots.firstIndex(of: slot) ?? 0
    return "\(place), slot: \(slot), KeyField(\(arguments.joined(separator: ", ")))"
  }

  /// The same conditions as ``filters(_:_:)`` as an argument of what looks lines up by a key; empty where there are none.
  func keyedFilter(_ step: LoweredStep) -> String {
    let (mask, bits) = state(step)
    return mask == 0 ? "" : ", where: StateFilter(mask: \(hex(mask)), bits: \(hex(bits)))"
  }

  /// The bits that filters demand of the first word of a line.
  private func state(_ step: LoweredStep) -> (mask: UInt32, bits: UInt32) {
    let fields = step.filters.map { tables.fields[tables.filters[$0]] }
    let (mask, bits) = fields.reduce((UInt32(0), UInt32(0))) { ($0.0 | $1.mask, $0.1 | $1.bits) }
    precondition(fields.allSatisfy { bits & $0.mask == $0.bits }, "filters that exclude each other")
    return (mask, bits)
  }

  /// The arguments with which lines of a section are looked up that pass filters which none passes that has a key; `nil`
  /// where that cannot be said.
  func unkeyed(_ step: LoweredStep) -> String? {
    let slot = slot(step.line)
    guard let place = keyedSlots.firstIndex(of: slot) else { return nil }
    let key = tables.fields[keyFields[place]]
    let (mask, bits) = state(step)
    guard (bits ^ key.bits) & mask & key.mask != 0 else { return nil }
    return "\(place), slot: \(slot)\(keyedFilter(step))"
  }

  /// The arguments of `open` for a kind of node.
  func opening(_ index: Int) -> String { "\(node(index)), slot: \(slot(index)), words: \(words(index))" }

  /// The place of a field among the words of its node, head included, and the bits that say that it is there.
  ///
  /// In an element the place of an attribute is its bit as well, and all of them are written when it ends.
  func target(_ field: Int, ofElement: Bool) -> String {
    let entry = tables.fields[field]
    let mark = entry.mask != 0 && !ofElement ? ", mark: \(hex(entry.bits))" : ""
    return "\(1 + entry.word), bit: \(hex(UInt64(1) << UInt64(entry.ordinal & 63)))\(mark)"
  }
}

extension String {
  /// What a condition becomes where it must not hold.
  fileprivate func replacingEnd(_ end: String, with other: String) -> String {
    hasSuffix(end) ? dropLast(end.utf8.count) + other : "!(\(self))"
  }
}
