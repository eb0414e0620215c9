/// Prints the types of XML elements and the tables by which they are read and written.
struct ElementEmitter {
  let model: Model
  let tokens: TokenEmitter

  // MARK: Features

  func emitFeatures() -> String {
    var text = SourceText()
    text.line()
    text.line("/// What an address announces that speaks all of this (XEP-0030 §3), in the order of XEP-0115 §5.1.")
    text.block("public enum AnnouncedFeatures") { text in
      text.line("public static let all: [String] = [")
      for feature in model.features {
        for line in feature.comment.split(separator: "\n") { text.line("  // \(line)") }
        text.line("  \(SourceText.literal(feature.name)),")
      }
      text.line("]")
    }
    return text.text
  }

  // MARK: Tables

  func emitTables() -> String {
    var text = SourceText()
    text.line("import CodecRuntime")
    text.line()
    var tokenNumbers: [(TokenRule, Int)] = []
    var enumNumbers: [(EnumType, Int)] = []
    func number(_ rule: TokenRule) -> Int {
      if let known = tokenNumbers.first(where: { $0.0 === rule }) { return known.1 }
      tokenNumbers.append((rule, tokenNumbers.count))
      return tokenNumbers.count - 1
    }
    func number(_ type: EnumType) -> Int {
      if let known = enumNumbers.first(where: { $0.0 === type }) { return known.1 }
      enumNumbers.append((type, enumNumbers.count))
      return enumNumbers.count - 1
    }
    var rows: [String] = []
    var attributes: [String] = []
    var children: [String] = []
    var demands: [String] = []
    for element in model.orderedElements {
      let values = element.attributes + (element.text.map { [$0] } ?? [])
      rows.append(
        ".init(\n      namespace: \(SourceText.literal(element.namespace)), name: \(SourceText.literal(element.name)), fixedWords: \(element.fixedWords), firstAttribute: \(attributes.count),\n      attributeCount: \(values.count), firstChild: \(children.count), childCount: \(element.children.count),\n      exclusiveChildren: \(element.exclusive.reduce(0) { $0 | 1 << $1 }))"
      )
      for requirement in element.requirements {
        let demand: String
        switch requirement.demand {
        case .attribute(let place): demand = ".attribute(\(place))"
        case .form(let place, let rule):
          var length: Int?
          if case .token(let form) = values[place].type { length = rule.tellingLength(among: form) }
          demand = ".form(\(place), token: \(number(rule)), length: \(length.map(String.init) ?? "nil"))"
        case .child(let place): demand = ".child(\(place))"
        }
        // Names of an enum are compared as they are, any other text without regard to case.
        var isEnumeration = false
        if case .enumeration = values[requirement.subject].type { isEnumeration = true }
        let texts = requirement.values.map { SourceText.literal(isEnumeration ? $0 : $0.lowercased()) }
        demands.append(
          ".init(element: \(element.number), attribute: \(requirement.subject), values: [\(texts.joined(separator: ", "))], isNegated: \(requirement.isNegated), demand: \(demand))"
        )
      }
      for value in values {
        let kind: String
        switch value.type {
        case .text: kind = ".text"
        case .token(let rule): kind = ".token(\(number(rule)))"
        case .number(let number): kind = ".number(minimum: \(number.minimum), maximum: \(number.maximum))"
        case .enumeration(let type): kind = ".enumeration(\(number(type)))"
        }
        attributes.append(
          ".init(name: \(SourceText.literal(value.name)), kind: \(kind), word: \(value.word), presence: \(1 << value.bit), isRequired: \(!value.isOptional))"
        )
      }
      for child in element.children {
        let isRequired = child.occurrence == .one || child.occurrence == .some
        let isRepeatable = child.occurrence == .many || child.occurrence == .some
        children.append(
          ".init(slot: \(child.slot), element: \(child.element.number), isRequired: \(isRequired), isRepeatable: \(isRepeatable), uniqueBits: \(child.uniqueBits))"
        )
      }
    }
    text.line("/// What the grammars say of the elements.")
    text.block("public enum Elements: ElementTables") { text in
      for element in model.orderedElements {
        text.line("/// Number of `\(element.qualifiedName)`.")
        text.line("public static let \(Self.constant(element)) = \(element.number)")
      }
      emitArray("elements", "ElementRow", rows, to: &text)
      emitArray("attributes", "ElementAttributeRow", attributes, to: &text)
      emitArray("children", "ElementChildRow", children, to: &text)
      emitArray("demands", "ElementDemandRow", demands, to: &text)
      text.line()
      text.line("/// The same, made ready for reading and writing.")
      text.line("public static let codec = ElementCodec(Elements.self)")
      text.line()
      let roots = model.orderedElements.filter(\.isRoot).map { "\($0.typeName).self" }
      text.line("/// The elements that begin a payload of a stanza.")
      text.line("public static var payloads: [any ElementPayload.Type] { [\(roots.joined(separator: ", "))] }")
      text.line()
      dispatch(
        "public static func code(ofEnum number: Int, _ input: Input) -> UInt32", "number",
        enumNumbers.map { ($0.1, "\($0.0.typeName).code(input, 0, input.count)") }, fallback: "0", to: &text)
      text.line()
      dispatch(
        "public static func isOpen(enum number: Int) -> Bool", "number",
        enumNumbers.filter { !$0.0.isOpen }.map { ($0.1, "false") }, fallback: "true", to: &text)
      text.line()
      text.block("public static func name(ofEnum number: Int, code: UInt32) -> StaticString") { text in
        text.line("switch (number, code) {")
        for (type, number) in enumNumbers {
          for (index, entry) in type.cases.enumerated() {
            text.line("case (\(number), \(index + 1)): \(SourceText.literal(entry.name))")
          }
        }
        text.line("default: \"\"")
        text.line("}")
      }
      text.line()
      text.block("public static func matches(token number: Int, _ input: Input) -> Bool") { text in
        if tokenNumbers.isEmpty {
          text.line("false")
          return
        }
        text.line("var position = 0")
        text.line("let isMatch =")
        text.indented { text in
          text.line("switch number {")
          for (rule, number) in tokenNumbers { text.line("case \(number): \(tokens.function(rule))(input, &position)") }
          text.line("default: false")
          text.line("}")
        }
        text.line("return isMatch && position == input.count")
      }
      text.line()
      dispatch(
        "public static func words(ofToken number: Int) -> StaticString", "number",
        tokenNumbers.map { ($0.1, SourceText.literal(Expectation.words(of: $0.0))) }, fallback: "\"\"", to: &text)
    }
    return text.text
  }

  static func constant(_ element: ElementType) -> String {
    Naming.escaped(element.typeName.prefix(1).lowercased() + element.typeName.dropFirst() + "Number")
  }

  private func emitArray(_ name: String, _ type: String, _ rows: [String], to text: inout SourceText) {
    text.line()
    if rows.isEmpty {
      text.line("public static let \(name): [\(type)] = []")
      return
    }
    text.line("public static let \(name): [\(type)] = [")
    text.indented { text in for row in rows { text.line(row + ",") } }
    text.line("]")
  }

  private func dispatch(
    _ declaration: String, _ subject: String, _ cases: [(Int, String)], fallback: String, to text: inout SourceText
  ) {
    text.block(declaration) { text in
      if cases.isEmpty {
        text.line(fallback)
        return
      }
      text.line("switch \(subject) {")
      for (value, expression) in cases { text.line("case \(value): \(expression)") }
      text.line("default: \(fallback)")
      text.line("}")
    }
  }

  // MARK: Types

  func emit(_ element: ElementType, to text: inout SourceText) {
    text.documentation(element.comment, fallback: "`\(element.qualifiedName)`")
    text.block("public struct \(element.typeName): \(element.isRoot ? "ElementPayload" : "ArenaValue")") { text in
      if element.isRoot {
        text.line("public typealias Tables = Elements")
        text.line()
      }
      text.line("public let arena: Arena")
      text.line("public let index: Int")
      text.line()
      text.block("public init(arena: Arena, index: Int)") { text in
        text.line("self.arena = arena")
        text.line("self.index = index")
      }
      text.line()
      text.line("/// The number of the element in the tables of its codec.")
      text.line("public static let number = \(element.number)")
      for value in element.attributes + (element.text.map { [$0] } ?? []) { emitValue(value, to: &text) }
      for child in element.children {
        text.line()
        text.line("/// `<\(child.element.qualifiedName)/>`")
        let list = "(arena: arena, slot: \(child.slot), of: index, after: \(element.fixedWords))"
        if child.occurrence == .many || child.occurrence == .some {
          text.block("public var \(Naming.escaped(child.label)): ArenaList<\(child.element.typeName)>") {
            $0.line("ArenaList\(list)")
          }
        } else {
          text.block("public var \(Naming.escaped(child.label)): \(child.element.typeName)?") {
            $0.line("ArenaList\(list).first")
          }
        }
      }
      if element.isRoot {
        emitSetters(element, to: &text)
        text.line()
        text.line(
          "/// Builds the element from plain values. Throws: `DraftError` for a value that the grammars do not allow."
        )
        text.block("public init(_ draft: Draft) throws(DraftError)") { text in
          text.line("var tape = Tape()")
          text.line("try draft.append(to: &tape, slot: 0)")
          text.line("self.init(arena: tape.finish(), index: 0)")
        }
      }
      text.line()
      emitDraft(element, to: &text)
    }
  }

  /// A payload of a stanza may lack what only its sender knows.
  private func emitSetters(_ element: ElementType, to text: inout SourceText) {
    for value in element.attributes {
      let name = value.label.prefix(1).uppercased() + value.label.dropFirst()
      let type: String
      switch value.type {
      case .text where value.isOptional, .token where value.isOptional: type = "String"
      case .enumeration(let enumeration): type = enumeration.typeName
      default: continue
      }
      text.line()
      text.line("/// The same element with this `\(value.name)`.")
      text.block("public func with\(name)(_ value: \(type)) -> \(element.typeName)") { text in
        let at = "index + \(1 + value.word)"
        text.line("var tape = Tape(extending: arena)")
        text.line("tape.mark(index + 1, \(1 << value.bit))")
        if case .enumeration = value.type {
          text.line("tape.set(\(at), value.code)")
          text.line("let slice = tape.append(value.name)")
          text.line("tape.set(\(at) + 1, slice)")
        } else {
          text.line("let slice = tape.append(value)")
          text.line("tape.set(\(at), slice)")
        }
        text.line("return \(element.typeName)(arena: tape.finish(), index: index)")
      }
    }
  }

  private func type(_ type: ElementType.ValueType) -> String {
    switch type {
    case .text, .token: "Text"
    case .number(let number): "UInt\(number.bits)"
    case .enumeration(let type): type.typeName
    }
  }

  private func emitValue(_ value: ElementType.Attribute, to text: inout SourceText) {
    let at = "index + \(1 + value.word)"
    let read: String
    switch value.type {
    case .text, .token: read = "arena.text(at: \(at))"
    case .number(let number) where number.bits == 64: read = "arena.wide(at: \(at))"
    case .number(let number): read = "UInt\(number.bits)(truncatingIfNeeded: arena.word(\(at)))"
    case .enumeration(let type): read = "\(type.typeName)(arena: arena, at: \(at))"
    }
    let presence = "arena.word(index + 1) & \(1 << value.bit) != 0"
    let property = Naming.escaped(value.label)
    text.line()
    text.line(value.name.isEmpty ? "/// The character data." : "/// The attribute `\(value.name)`.")
    guard value.isOptional else {
      text.block("public var \(property): \(type(value.type))") { $0.line(read) }
      return
    }
    text.block("public var \(property): \(type(value.type))?") { $0.line("\(presence) ? \(read) : nil") }
    guard let fallback = value.defaultValue else { return }
    let literal: String
    switch value.type {
    case .text, .token: literal = "Text(\(SourceText.literal(fallback)))"
    case .number: literal = fallback
    case .enumeration(let type):
      literal = ".\(Naming.escaped(type.cases.first { $0.name == fallback }?.caseName ?? fallback))"
    }
    text.line()
    text.line("/// The same, or the default of the specification.")
    text.block("public var \(value.label)OrDefault: \(type(value.type))") { $0.line("\(property) ?? \(literal)") }
  }

  // MARK: Drafts

  private func emitDraft(_ element: ElementType, to text: inout SourceText) {
    let values = element.attributes + (element.text.map { [$0] } ?? [])
    func draftType(_ value: ElementType.Attribute) -> String {
      let one: String
      switch value.type {
      case .text, .token: one = "String"
      case .number(let number): one = "UInt\(number.bits)"
      case .enumeration(let type): one = type.typeName
      }
      return value.isOptional ? "\(one)?" : one
    }
    func draftType(_ child: ElementType.Child) -> String {
      let one = "\(child.element.typeName).Draft"
      switch child.occurrence {
      case .many, .some: return "[\(one)]"
      case .optional: return "\(one)?"
      case .one: return one
      }
    }
    func fallback(_ child: ElementType.Child) -> String {
      switch child.occurrence {
      case .many, .some: " = []"
      case .optional: " = nil"
      case .one: ""
      }
    }
    text.line("/// Plain values from which the element is built.")
    text.block("public struct Draft: Sendable") { text in
      for value in values { text.line("public var \(Naming.escaped(value.label)): \(draftType(value))") }
      for child in element.children { text.line("public var \(Naming.escaped(child.label)): \(draftType(child))") }
      text.line()
      let parameters =
        values.map { "\(Naming.escaped($0.label)): \(draftType($0))\($0.isOptional ? " = nil" : "")" }
        + element.children.map { "\(Naming.escaped($0.label)): \(draftType($0))\(fallback($0))" }
      DraftEmitter.call("public init", parameters, suffix: " {", to: &text)
      text.indented { text in
        for label in values.map(\.label) + element.children.map(\.label) {
          text.line("self.\(label == "init" ? "`init`" : label) = \(Naming.escaped(label))")
        }
      }
      text.line("}")
      text.line()
      text.line(
        "/// Appends a node of slot `slot`. Throws: `DraftError` for a value that the grammar does not allow.")
      text.block("public func append(to tape: inout Tape, slot: UInt32) throws(DraftError)") { text in
        text.line("let node = tape.open(slot, fixedWords: \(element.fixedWords))")
        for value in values { emitAppend(value, element, to: &text) }
        for child in element.children {
          let name = Naming.escaped(child.label)
          switch child.occurrence {
          case .one: text.line("try \(name).append(to: &tape, slot: \(child.slot))")
          case .optional: text.line("if let \(name) { try \(name).append(to: &tape, slot: \(child.slot)) }")
          case .many, .some: text.line("for item in \(name) { try item.append(to: &tape, slot: \(child.slot)) }")
          }
        }
        text.line("tape.close(node)")
      }
    }
  }

  private func emitAppend(_ value: ElementType.Attribute, _ element: ElementType, to text: inout SourceText) {
    let name = Naming.escaped(value.label)
    let at = "node + \(1 + value.word)"
    let field = SourceText.literal("\(element.typeName).\(value.label)")
    let body: (inout SourceText) -> Void = { text in
      text.line("tape.mark(node + 1, \(1 << value.bit))")
      switch value.type {
      case .text: text.line("tape.set(\(at), tape.append(\(name)))")
      case .token(let rule):
        text.line("tape.set(\(at), try tape.append(\(name), matching: \(tokens.function(rule)), field: \(field)))")
      case .number(let number):
        DraftEmitter.emitLimits(number, name, field, to: &text)
        text.line("tape.set(\(at), UInt32(truncatingIfNeeded: \(name)))")
        if number.bits == 64 { text.line("tape.set(\(at) + 1, UInt32(truncatingIfNeeded: \(name) >> 32))") }
      case .enumeration:
        text.line("tape.set(\(at), \(name).code)")
        text.line("tape.set(\(at) + 1, tape.append(\(name).name))")
      }
    }
    if value.isOptional {
      text.block("if let \(name)", body)
    } else {
      body(&text)
    }
  }
}
