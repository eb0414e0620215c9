/// Collects what the generated rows of the mapping refer to by number.
final class MappingTableBuilder {
  struct NodeEntry {
    var name: String
    var slot: Int
    var fixedWords: Int
    var required: Range<Int>
  }

  struct FieldEntry {
    var kind: String
    var name: String
    var word: Int
    var mask: UInt32 = 0
    var bits: UInt32 = 0
    var ordinal = 0
    var numberBits = 32
    var enumeration = -1
    var token = -1

    var text: String {
      var arguments = [".\(kind)", SourceText.literal(name), "word: \(word)"]
      if mask != 0 { arguments.append("mask: \(mask)") }
      if bits != 0 { arguments.append("bits: \(bits)") }
      if ordinal != 0 { arguments.append("ordinal: \(ordinal)") }
      if numberBits != 32 { arguments.append("numberBits: \(numberBits)") }
      if enumeration >= 0 { arguments.append("enumeration: \(enumeration)") }
      if token >= 0 { arguments.append("token: \(token)") }
      return "Field(\(arguments.joined(separator: ", ")))"
    }
  }

  private(set) var nodes: [NodeEntry] = []
  private(set) var fields: [FieldEntry] = []
  private(set) var required: [Int] = []
  private(set) var enums: [EnumType] = []
  private(set) var tokens: [TokenRule] = []
  private(set) var conversions: [(initiator: [Int], responder: [Int])] = []
  private(set) var texts: [String] = []
  private(set) var filters: [Int] = []
  private(set) var nodeNames: [String: Int] = [:]
  private(set) var fieldNames: [String: Int] = [:]
  private var nodeKeys: [String: Int] = [:]
  /// How the lines are shown to which shapes with parameters belong.
  private var shownOwners: [String: String] = [:]
  private var fieldKeys: [String: Int] = [:]

  // MARK: SDP

  private func key(_ object: AnyObject) -> String { "\(UInt(bitPattern: ObjectIdentifier(object)))" }

  func node(_ line: SDPLine) -> Int {
    let index = node(
      "line \(line.slot)", name: line.shown, slot: line.slot, shape: line.shape?.layout, offset: 0, prefix: line.name)
    nodeNames[Naming.property("sdp \(line.name)")] = index
    if let shape = line.shape { shownOwners[key(shape)] = line.shown }
    return index
  }

  /// Items of a list, or the one child, in `field`.
  func item(_ field: Field, of shape: Shape) -> Int {
    if case .shape(let nested) = field.type {
      return node(
        "item \(key(field))", name: nested.name, slot: field.slot, shape: nested.layout, offset: 0, prefix: nested.name)
    }
    let index = itemField(field)
    let item = intern("item \(key(field))") {
      NodeEntry(
        name: field.label, slot: field.slot, fixedWords: field.width, required: requiredRange([index]))
    }
    let name = Naming.property("sdp \(shape.name) \(field.label) item")
    nodeNames[name] = item
    fieldNames[name] = index
    return item
  }

  /// The value of an item of a list of texts, numbers or enums.
  func itemField(_ field: Field) -> Int {
    intern(field: "itemvalue \(key(field))") {
      var entry = entry(field.type, name: field.label, word: 0)
      entry.ordinal = 0
      return entry
    }
  }

  func parameter(_ index: Int, of shape: Shape) -> Int {
    guard let row = shape.params?.rows[index] else { return -1 }
    let name = "\(shownOwners[key(shape)] ?? shape.name) \(row.name)"
    return node(
      "parameter \(key(shape)) \(index)", name: name, slot: ParameterSlot.first + index, shape: row.value,
      offset: row.isValueOptional ? 1 : 0, prefix: "\(shape.name) \(row.name)")
  }

  private func node(
    _ key: String, name: String, slot: Int, shape: Shape?, offset: Int, prefix: String
  ) -> Int {
    if let known = nodeKeys[key] { return known }
    var needed: [Int] = []
    for (ordinal, field) in (shape?.fields ?? []).enumerated() {
      let index = register(field, ordinal: ordinal, offset: offset, prefix: prefix)
      if case .flag = field.type { continue }
      if case .shape = field.type, !field.isList { continue }
      needed.append(index)
    }
    if let shape { collectChoices(shape.body, context: [], into: &needed) }
    let range = requiredRange(needed)
    return intern(key) {
      NodeEntry(name: name, slot: slot, fixedWords: (shape?.fixedWords ?? 0) + offset, required: range)
    }
  }

  private func collectChoices(_ steps: [Step], context: [Condition], into needed: inout [Int]) {
    for step in steps {
      switch step {
      case .optional(let alternative, let condition):
        collectChoices(alternative.body, context: context + [condition], into: &needed)
      case .choice(let alternatives, let conditions, _):
        guard let first = conditions.first else { continue }
        var entry = FieldEntry(kind: "choice", name: "alternative", word: Int(first.mask))
        entry.mask = context.reduce(0) { $0 | $1.mask }
        entry.bits = context.reduce(0) { $0 | $1.bits }
        fields.append(entry)
        needed.append(fields.count - 1)
        for (alternative, condition) in zip(alternatives, conditions) {
          collectChoices(alternative.body, context: context + [condition], into: &needed)
        }
      default: break
      }
    }
  }

  private func register(_ field: Field, ordinal: Int, offset: Int, prefix: String) -> Int {
    let index = intern(field: "field \(key(field))") {
      var entry: FieldEntry
      if field.isChild {
        entry = FieldEntry(kind: "list", name: field.label, word: field.slot)
      } else {
        entry = self.entry(field.type, name: field.label, word: field.word + offset)
      }
      let placement = field.placements.first ?? []
      entry.mask = placement.reduce(0) { $0 | $1.mask }
      entry.bits = placement.reduce(0) { $0 | $1.bits }
      if offset == 1 {
        entry.mask = 1
        entry.bits = 1
      }
      entry.ordinal = ordinal
      return entry
    }
    fieldNames[Naming.property("sdp \(prefix) \(field.label)")] = index
    return index
  }

  /// A field of a line, item or parameter whose node was asked for.
  func field(_ field: Field) -> Int { fieldKeys["field \(key(field))"] ?? -1 }

  private func entry(_ type: FieldType, name: String, word: Int) -> FieldEntry {
    switch type {
    case .text(let token):
      return FieldEntry(kind: "text", name: name, word: word, token: self.token(token))
    case .number(let number):
      return FieldEntry(kind: number.bits > 32 ? "wide" : "number", name: name, word: word, numberBits: number.width)
    case .enumeration(let type):
      return FieldEntry(
        kind: "enumeration", name: name, word: word, enumeration: enumeration(type),
        token: type.base.map { self.token($0) } ?? -1)
    case .flag: return FieldEntry(kind: "flag", name: name, word: 0)
    case .shape: return FieldEntry(kind: "list", name: name, word: word)
    }
  }

  // MARK: Jingle

  /// `jingle:jingle` is jingle, not jingleJingle.
  private static func base(_ element: ElementType) -> String {
    element.prefix == element.name ? element.name : "\(element.prefix) \(element.name)"
  }

  func node(_ child: ElementType.Child, of element: ElementType) -> Int {
    let index = node(child.element, slot: child.slot, name: "<\(child.element.qualifiedName)>")
    nodeNames[Naming.property("\(Self.base(element)) \(child.label)")] = index
    return index
  }

  func node(_ element: ElementType, slot: Int, name: String) -> Int {
    let key = "element \(element.qualifiedName) \(slot)"
    if let known = nodeKeys[key] { return known }
    var needed: [Int] = []
    for attribute in element.attributes + [element.text].compactMap({ $0 }) {
      let index = self.attribute(attribute, of: element)
      if !attribute.isOptional { needed.append(index) }
    }
    let range = requiredRange(needed)
    return intern(key) { NodeEntry(name: name, slot: slot, fixedWords: element.fixedWords, required: range) }
  }

  func attribute(_ attribute: ElementType.Attribute, of element: ElementType) -> Int {
    let label = attribute.name.isEmpty ? "text" : attribute.name
    let index = intern(field: "attribute \(element.qualifiedName) \(attribute.name)") {
      var entry: FieldEntry
      switch attribute.type {
      case .text: entry = FieldEntry(kind: "text", name: label, word: attribute.word)
      case .token(let token):
        entry = FieldEntry(kind: "text", name: label, word: attribute.word, token: self.token(token))
      case .number(let number):
        entry = FieldEntry(
          kind: number.bits > 32 ? "wide" : "number", name: label, word: attribute.word, numberBits: number.width)
      case .enumeration(let type):
        entry = FieldEntry(
          kind: "enumeration", name: label, word: attribute.word, enumeration: enumeration(type),
          token: type.base.map { self.token($0) } ?? -1)
      }
      entry.mask = 1 << UInt32(attribute.bit)
      entry.bits = entry.mask
      entry.ordinal = attribute.bit
      return entry
    }
    fieldNames[Naming.property("\(Self.base(element)) \(label)")] = index
    return index
  }

  // MARK: Others

  private func requiredRange(_ indices: [Int]) -> Range<Int> {
    let start = required.count
    required += indices
    return start..<required.count
  }

  private func intern(_ key: String, _ make: () -> NodeEntry) -> Int {
    if let known = nodeKeys[key] { return known }
    nodes.append(make())
    nodeKeys[key] = nodes.count - 1
    return nodes.count - 1
  }

  private func intern(field key: String, _ make: () -> FieldEntry) -> Int {
    if let known = fieldKeys[key] { return known }
    let entry = make()
    fields.append(entry)
    fieldKeys[key] = fields.count - 1
    return fields.count - 1
  }

  func enumeration(_ type: EnumType) -> Int {
    if let index = enums.firstIndex(where: { $0 === type }) { return index }
    enums.append(type)
    return enums.count - 1
  }

  func token(_ rule: TokenRule) -> Int {
    // Rules that match the same texts are one, whatever they are called.
    let known = tokens.firstIndex {
      $0 === rule || !$0.isNestedComment && !rule.isNestedComment && $0.automaton.isSame(as: rule.automaton)
    }
    if let known { return known }
    tokens.append(rule)
    return tokens.count - 1
  }

  func conversion(initiator: [Int], responder: [Int]) -> Int {
    if let index = conversions.firstIndex(where: { $0.initiator == initiator && $0.responder == responder }) {
      return index
    }
    conversions.append((initiator, responder))
    return conversions.count - 1
  }

  func texts(_ values: [[UInt8]]) -> Range<Int> {
    let start = texts.count
    texts += values.map { String(decoding: $0, as: UTF8.self) }
    return start..<texts.count
  }

  func filters(_ values: [Int]) -> Range<Int> {
    let start = filters.count
    filters += values
    return start..<filters.count
  }
}
