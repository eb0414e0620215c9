/// Prints the type of a shape: a view onto a node of an arena.
struct TypeEmitter {
  func emit(_ shape: Shape, to text: inout SourceText) {
    text.documentation(shape.comment, fallback: "`\(shape.name)`")
    text.block("public struct \(shape.typeName): ArenaValue") { text in
      text.line("public let arena: Arena")
      text.line("public let index: Int")
      text.line()
      text.block("public init(arena: Arena, index: Int)") { text in
        text.line("self.arena = arena")
        text.line("self.index = index")
      }
      for field in shape.fields { emit(field, of: shape, to: &text) }
      if let params = shape.params { emitParameters(params, of: shape, to: &text) }
    }
  }

  /// The type of one value of a field, as its users see it.
  static func type(_ type: FieldType) -> String {
    switch type {
    case .text: "Text"
    case .number(let number): "UInt\(number.bits)"
    case .enumeration(let type): type.typeName
    case .shape(let shape): shape.layout.typeName
    case .flag: "Bool"
    }
  }

  /// The expression that reads a value whose words begin at `at`.
  static func read(_ type: FieldType, _ at: String) -> String {
    switch type {
    case .text: "arena.text(at: \(at))"
    case .number(let number) where number.bits == 64: "arena.wide(at: \(at))"
    case .number(let number): "UInt\(number.bits)(truncatingIfNeeded: arena.word(\(at)))"
    case .enumeration(let type): "\(type.typeName)(arena: arena, at: \(at))"
    case .shape, .flag: "true"
    }
  }

  static func elementType(_ type: FieldType) -> String {
    switch type {
    case .text: "TextValue"
    case .number: "NumberValue"
    case .enumeration(let type): "EnumValue<\(type.typeName)>"
    case .shape(let shape): shape.layout.typeName
    case .flag: "Bool"
    }
  }

  /// The condition under which an optional field is there.
  static func presence(_ field: Field) -> String {
    let placements = field.placements.map { placement -> String in
      let mask = placement.reduce(UInt32(0)) { $0 | $1.mask }
      let bits = placement.reduce(UInt32(0)) { $0 | $1.bits }
      return "arena.word(index + 1) & \(mask) == \(bits)"
    }
    var unique: [String] = []
    for placement in placements where !unique.contains(placement) { unique.append(placement) }
    return unique.joined(separator: " || ")
  }

  private func emit(_ field: Field, of shape: Shape, to text: inout SourceText) {
    let name = Naming.escaped(field.label)
    text.line()
    if field.isList {
      text.block("public var \(name): ArenaList<\(Self.elementType(field.type))>") {
        $0.line("ArenaList(arena: arena, slot: \(field.slot), of: index, after: \(shape.fixedWords))")
      }
      return
    }
    let type = Self.type(field.type)
    switch field.type {
    case .flag: text.block("public var \(name): Bool") { $0.line(Self.presence(field)) }
    case .shape:
      if field.isOptional {
        text.block("public var \(name): \(type)?") {
          $0.line(
            "arena.child(\(field.slot), of: index, after: \(shape.fixedWords)).map { \(type)(arena: arena, index: $0) }"
          )
        }
      } else {
        text.block("public var \(name): \(type)") {
          // A parser has put it there; a node without it comes from no parser, and then all of its fields are empty.
          $0.line(
            "\(type)(arena: arena, index: arena.child(\(field.slot), of: index, after: \(shape.fixedWords)) ?? index)")
        }
      }
    default:
      let read = Self.read(field.type, "index + \(1 + field.word)")
      if field.isOptional {
        text.block("public var \(name): \(type)?") { $0.line("\(Self.presence(field)) ? \(read) : nil") }
      } else {
        text.block("public var \(name): \(type)") { $0.line(read) }
      }
    }
  }

  /// The property of a parameter, which may not be called like a field.
  static func property(_ row: ParameterTable.Row, of shape: Shape) -> String {
    let taken = shape.fields.map(\.label) + ["index", "arena"]
    return taken.contains(row.label) ? row.label + "Parameter" : row.label
  }

  private func emitParameters(_ params: ParameterTable, of shape: Shape, to text: inout SourceText) {
    for (index, row) in params.rows.enumerated() {
      let slot = ParameterSlot.first + index
      let property = Self.property(row, of: shape)
      let find = "arena.child(\(slot), of: index, after: \(shape.fixedWords))"
      text.line()
      text.line("/// The parameter `\(row.name)`.")
      guard let value = row.value, let field = value.fields.first else {
        text.block("public var \(Naming.escaped(property)): Bool") { $0.line("\(find) != nil") }
        continue
      }
      if row.isValueOptional {
        text.block("public var has\(property.prefix(1).uppercased() + property.dropFirst()): Bool") {
          $0.line("\(find) != nil")
        }
        text.line()
        text.line("/// The value of the parameter `\(row.name)`, if it has one.")
      }
      let type = Self.type(field.type)
      text.block("public var \(Naming.escaped(property)): \(type)?") { text in
        text.line("guard let node = \(find) else { return nil }")
        if row.isValueOptional { text.line("guard arena.word(node + 1) != 0 else { return nil }") }
        if case .shape = field.type {
          text.line(
            "return arena.child(\(field.slot), of: node, after: \(value.fixedWords)).map { \(type)(arena: arena, index: $0) }"
          )
        } else {
          text.line("return " + Self.read(field.type, "node + \((row.isValueOptional ? 2 : 1) + field.word)"))
        }
      }
    }
    if let other = params.other {
      text.line()
      text.line("/// Parameters that the grammar does not name.")
      text.block("public var otherParameters: ArenaList<\(other.layout.typeName)>") {
        $0.line("ArenaList(arena: arena, slot: \(ParameterSlot.unknown), of: index, after: \(shape.fixedWords))")
      }
    }
  }
}
