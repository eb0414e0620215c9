/// Prints how a codec finds the headers, lines and attributes of a message, and its status codes.
struct PartsEmitter {
  let model: Model

  func emit() -> String {
    var text = SourceText()
    text.line("import CodecRuntime")
    if !model.headers.isEmpty { emitHeaders(to: &text) }
    if !model.lines.isEmpty || !model.attributes.isEmpty { emitLines(to: &text) }
    if !model.statuses.isEmpty { emitStatuses(to: &text) }
    return text.text
  }

  // MARK: Headers

  private func emitHeaders(to text: inout SourceText) {
    text.line()
    text.line("/// The header fields that the grammars know, by the number that a node bears as its slot.")
    text.block("public enum Headers") { text in
      text.line("/// The slot of a header that the grammars do not know.")
      text.line("public static let unknown: UInt32 = 1021")
      for header in model.headers {
        text.line("public static let \(Naming.escaped(Naming.property(header.name))): UInt32 = \(header.slot)")
      }
      text.line()
      let names = NameDispatch(
        names: model.headers.flatMap { header in
          [header.name, header.compactForm].compactMap { $0 }.map { ($0, header.slot) }
        }, fallback: 1021)
      names.emit("static func slot", to: &text)
      text.line()
      text.line("/// Appends the node of the header whose value begins at `value`; its name: from `start` up to `end`.")
      text.line("/// Returns where that ends. −1: it is not as the grammar says; −2: the grammars do not know it.")
      // In the order in which the parsers of the headers take them.
      text.block(
        "static func parse(_ input: Input, _ value: Int, _ tape: inout Tape, name start: Int, to end: Int) -> Int"
      ) { text in
        let shapes = Dictionary(model.headers.map { ($0.slot, $0.shape) }) { first, _ in first }
        names.emitSwitch(end: "end", to: &text) { slot, text in
          if let shape = shapes[slot] {
            text.line("return \(shape.typeName).parse(input, value, &tape, slot: \(slot))")
          }
        }
        text.line("return -2")
      }
      text.line()
      emitWriter("/// Writes name and value of the header whose node is at `node`.", to: &text)
      text.line()
      emitDispatch(
        "/// The name as it is written.", "public static func name(_ slot: UInt32) -> StaticString",
        model.headers.map { ($0.slot, SourceText.literal($0.name)) }, fallback: "\"\"", to: &text)
      text.line()
      // The slots were given out in this order: those that something demands and that may be repeated, single ones, others.
      let demanded = model.headers.count { $0.isDemanded && $0.isMany }
      let watched = model.headers.count { $0.isDemanded || !$0.isMany }
      text.line("/// The last of the headers that some message has to have, or that may be there only once.")
      text.line("static let lastWatched: UInt32 = \(watched)")
      text.line()
      text.line("/// Whether the header may occur more than once.")
      text.line("static func isRepeatable(_ slot: UInt32) -> Bool { slot <= \(demanded) || slot > lastWatched }")
      text.line()
      emitWatched(words: (watched + 64) / 64, to: &text)
      emitNeeds(words: (watched + 64) / 64, to: &text)
    }
    text.line()
    text.line("/// The header fields of a message.")
    text.block("public struct HeaderFields: Sendable") { text in
      text.line("public let arena: Arena")
      text.line("let start: Int")
      text.line("let end: Int")
      for header in model.headers {
        text.line()
        text.documentation(header.shape.comment, fallback: "`\(header.name)`")
        let name = Naming.escaped(Naming.property(header.name))
        if let field = header.listField {
          text.block("public var \(name): HeaderValues<\(TypeEmitter.elementType(field.type))>") {
            $0.line(
              "HeaderValues(arena: arena, headerSlot: \(header.slot), from: start, to: end, valueSlot: \(field.slot), after: \(header.shape.fixedWords))"
            )
          }
        } else if header.isMany {
          text.block("public var \(name): ArenaList<\(header.shape.typeName)>") {
            $0.line("ArenaList(arena: arena, slot: \(header.slot), from: start, to: end)")
          }
        } else {
          text.block("public var \(name): \(header.shape.typeName)?") {
            $0.line("ArenaList(arena: arena, slot: \(header.slot), from: start, to: end).first")
          }
        }
      }
    }
    text.line()
    emitDrafts(
      "HeaderDraft", "A header field to be written.",
      model.headers.map { (Naming.property($0.name), $0.shape, $0.slot) }, to: &text)
  }

  /// A set of watched headers: a bit for the slot of each.
  private func emitWatched(words: Int, to text: inout SourceText) {
    text.line("/// Some of the watched headers.")
    text.block("struct Watched") { text in
      for word in 0..<words { text.line("var word\(word): UInt64 = 0") }
      text.line()
      text.line("/// Adds the header of a slot; tells whether it was there already.")
      text.line("@inline(__always)")
      text.block("mutating func insert(_ slot: UInt32) -> Bool") { text in
        text.line("let bit: UInt64 = 1 &<< UInt64(truncatingIfNeeded: slot)")
        for word in 0..<words {
          func take(_ text: inout SourceText) {
            text.line("defer { word\(word) |= bit }")
            text.line("return word\(word) & bit != 0")
          }
          if word == words - 1 {
            take(&text)
          } else {
            text.block("if slot < \(64 * (word + 1))", take)
          }
        }
      }
      text.line()
      text.line("/// Whether all of `others` are among these.")
      text.line("@inline(__always)")
      text.block("func contains(_ others: Watched) -> Bool") { text in
        text.line((0..<words).map { "others.word\($0) & ~word\($0) == 0" }.joined(separator: " && "))
      }
      text.line()
      text.line("/// The slots of those that are not among `others`.")
      text.block("func slots(without others: Watched = Watched()) -> [UInt32]") { text in
        text.line("var rest = self")
        for word in 0..<words { text.line("rest.word\(word) &= ~others.word\(word)") }
        text.line("return (0...lastWatched).filter { rest.insert($0) }")
      }
    }
  }

  /// Which headers a message has to have: each one, one with a body, a request of a method, or a response to one. As bits,
  /// for this is asked of each message.
  private func emitNeeds(words: Int, to text: inout SourceText) {
    let needs = model.headers.flatMap { header in header.needs.map { (need: $0, slot: header.slot) } }
    func bits(_ slots: [Int]) -> String {
      let values = (0..<words).compactMap { word -> String? in
        let bits = Set(slots).filter { $0 / 64 == word }.reduce(UInt64(0)) { $0 | 1 << UInt64($1 % 64) }
        return bits == 0 ? nil : "word\(word): 0x\(String(bits, radix: 16))"
      }
      return "Watched(\(values.joined(separator: ", ")))"
    }
    func emit(_ needs: [(need: HeaderModel.Need, slot: Int)], to text: inout SourceText) {
      let always = needs.filter { $0.need.method == nil }.map(\.slot)
      let methods = Set(needs.compactMap(\.need.method)).sorted()
      if methods.isEmpty { return text.line("return \(bits(always))") }
      text.line("switch method {")
      for method in methods {
        let slots = needs.filter { $0.need.method == method }.map(\.slot)
        text.line("case \(method): return \(bits(always + slots))")
      }
      text.line("default: return \(bits(always))")
      text.line("}")
    }
    func emit(_ name: String, _ comment: String, _ headers: [HeaderModel], to text: inout SourceText) {
      text.line()
      text.line("/// \(comment)")
      text.line("static var \(name): Watched { \(bits(headers.map(\.slot))) }")
    }
    emit("required", "Headers without which a message is invalid.", model.headers.filter(\.isRequired), to: &text)
    emit(
      "requiredWithBody", "Headers without which a message that has a body is invalid.",
      model.headers.filter(\.isRequiredWithBody), to: &text)
    text.line()
    text.line(
      "/// The headers without which a request of this method, by the number that it has in an arena, is invalid.")
    text.block("static func required(in method: UInt32) -> Watched") { text in
      emit(needs.filter { $0.need.status == nil }, to: &text)
    }
    text.line()
    text.line("/// The same for a response with this status to a request.")
    text.block("static func required(in status: Int, to method: UInt32) -> Watched") { text in
      // A code by itself comes before its class.
      let statuses = Set(needs.compactMap(\.need.status)).sorted(by: >)
      if statuses.isEmpty { return text.line("return \(bits([]))") }
      text.line("switch status {")
      for status in statuses {
        let fitting = needs.filter { need in
          need.need.status == status || need.need.status.map { $0 < 10 && status / 100 == $0 } == true
        }
        text.line("case \(status < 10 ? "\(status)00...\(status)99" : String(status)):")
        text.indented { emit(fitting, to: &$0) }
      }
      text.line("default: return \(bits([]))")
      text.line("}")
    }
  }

  static func wrapped(_ prefix: String, _ items: [String], suffix: String, to text: inout SourceText) {
    var line = prefix
    for (index, item) in items.enumerated() {
      let piece = item + (index == items.count - 1 ? suffix : ", ")
      if line.count + piece.count > 100 {
        text.line(line.trimmedEnd)
        line = "  "
      }
      line += piece
    }
    text.line(line)
  }

  private func emitDispatch(
    _ comment: String, _ declaration: String, _ cases: [(Int, String)], fallback: String, to text: inout SourceText
  ) {
    text.line(comment)
    text.block(declaration) { text in
      text.line("switch slot {")
      for (slot, expression) in cases { text.line("case \(slot): \(expression)") }
      text.line("default: \(fallback)")
      text.line("}")
    }
  }

  /// A function that writes what a node is called, and its value: it only finds the function that does.
  private func emitWriter(_ comment: String, to text: inout SourceText) {
    let writers = WriterEmitter(model: model)
    text.line(comment)
    text.block("static func write(_ slot: UInt32, _ arena: Arena, _ node: Int, to output: inout Output)") { text in
      text.line("switch slot {")
      for (slot, name, shape) in WriterEmitter.parts(model) {
        if let shape, writers.isNamed(shape) {
          text.line("case \(slot): \(shape.typeName).writeNamed(arena, node, to: &output)")
        } else {
          text.line("case \(slot):")
          text.indented { text in
            text.line("write(\(SourceText.literal(name)), to: &output)")
            if let shape { text.line("\(shape.typeName).write(arena, node, to: &output)") }
          }
        }
      }
      text.line("default: break")
      text.line("}")
    }
    if WriterEmitter.parts(model).allSatisfy({ $0.shape.map(writers.isNamed) ?? false }) { return }
    text.line()
    text.line("@inline(never)")
    text.block("private static func write(_ name: StaticString, to output: inout Output)") {
      $0.line("output.append(name)")
    }
  }

  private func emitDrafts(
    _ name: String, _ comment: String, _ entries: [(String, Shape?, Int)], to text: inout SourceText
  ) {
    text.line("/// \(comment)")
    text.block("public enum \(name): Sendable") { text in
      for (label, shape, _) in entries {
        text.line("case \(Naming.escaped(label))" + (shape.map { "(\($0.typeName).Draft)" } ?? ""))
      }
      text.line()
      text.line("/// Appends the node. Throws: `DraftError` for a value that the grammar does not allow.")
      text.block("public func append(to tape: inout Tape) throws(DraftError)") { text in
        text.line("switch self {")
        for (label, shape, slot) in entries {
          if shape != nil {
            text.line("case .\(Naming.escaped(label))(let draft): try draft.append(to: &tape, slot: \(slot))")
          } else {
            text.line("case .\(Naming.escaped(label)): tape.close(tape.open(\(slot), fixedWords: 0))")
          }
        }
        text.line("}")
      }
    }
  }

  // MARK: Lines

  private func emitLines(to text: inout SourceText) {
    text.line()
    text.line("/// The lines and attributes that the grammars know, by the number that a node bears as its slot.")
    text.block("public enum Lines") { text in
      text.line("/// The slot of a line or attribute that the grammars do not know.")
      text.line("static let unknown: UInt32 = 1000")
      for line in model.lines {
        text.line("public static let \(Naming.escaped(Naming.property(line.name))): UInt32 = \(line.slot)")
      }
      for attribute in model.attributes {
        text.line("public static let \(Naming.property(attribute.name))Attribute: UInt32 = \(attribute.slot)")
      }
      text.line()
      text.line("/// The slot of the line that begins with `letter`; 0 for an unknown one.")
      text.block("static func slot(ofLetter letter: UInt8) -> UInt32") { text in
        text.line("switch letter {")
        for line in model.lines { text.line("case \(SourceText.byte(line.letter)): \(line.slot)") }
        text.line("default: 0")
        text.line("}")
      }
      text.line()
      text.line("/// The letter of the line `slot`; `a` for an attribute.")
      text.block("static func letter(_ slot: UInt32) -> UInt8") { text in
        text.line("switch slot {")
        for line in model.lines { text.line("case \(line.slot): \(SourceText.byte(line.letter))") }
        text.line("default: 0x61")
        text.line("}")
      }
      text.line()
      let names = NameDispatch(names: model.attributes.map { ($0.name, $0.slot) }, fallback: 1000, isExact: true)
      names.emit("static func attributeSlot", to: &text)
      text.line()
      emitDispatch(
        "/// The name of the attribute `slot`.", "public static func attributeName(_ slot: UInt32) -> StaticString",
        model.attributes.map { ($0.slot, SourceText.literal($0.name)) }, fallback: "\"\"", to: &text)
      text.line()
      text.line("/// Whether the attribute `slot` has a value.")
      text.line("@inline(__always)")
      text.block("static func hasValue(_ slot: UInt32) -> Bool") { text in
        text.line("switch slot {")
        let without = model.attributes.filter { $0.shape == nil }.map { String($0.slot) }
        if !without.isEmpty { Self.wrapped("case ", without, suffix: ": false", to: &text) }
        text.line("default: true")
        text.line("}")
      }
      text.line()
      text.line("/// Appends the node of the line of `letter`; its value begins at `start`. Returns where that ends.")
      text.line("/// −1: it is not as the grammar says; −2: the grammars do not know it.")
      let declaration = "static func parse(_ input: Input, _ start: Int, _ tape: inout Tape, letter: UInt8) -> Int"
      text.block(declaration) { text in
        text.line("switch letter {")
        for line in model.lines {
          let parse = "\(line.shape.typeName).parse(input, start, &tape, slot: \(line.slot))"
          text.line("case \(SourceText.byte(line.letter)): \(parse)")
        }
        text.line("default: -2")
        text.line("}")
      }
      text.line()
      text.line("/// The same for the attribute whose name stands from `start` up to `end`; −2 also for one that lacks")
      text.line("/// its value or has one that it should not have.")
      text.block(
        "static func parseAttribute(_ input: Input, to end: Int, _ tape: inout Tape, from start: Int) -> Int"
      ) { text in
        let attributes = Dictionary(model.attributes.map { ($0.slot, $0) }) { first, _ in first }
        names.emitSwitch(end: "end", to: &text) { slot, text in
          if let attribute = attributes[slot], attribute.isValueOptional, let shape = attribute.shape {
            text.line("return \(shape.typeName).parse(input, end, &tape, slot: \(slot))")
            return
          }
          text.line("guard \(attributes[slot]?.shape == nil ? "!" : "")isByte(input, end, 0x3a) else { return -2 }")
          if let shape = attributes[slot]?.shape {
            text.line("return \(shape.typeName).parse(input, end &+ 1, &tape, slot: \(slot))")
          } else {
            text.line("return append(slot: \(slot), to: &tape, endingAt: end)")
          }
        }
        text.line("return -2")
      }
      text.line()
      text.line("/// Whether no two media have the same value of the attribute of this name.")
      text.line("@inline(__always)")
      text.block("static func isUnique(_ input: Input, from start: Int, to end: Int) -> Bool") { text in
        let tests = model.attributes.filter(\.isUnique).map { attribute in
          "end &- start == \(attribute.name.utf8.count) && isExact(input, start, \(SourceText.literal(attribute.name)))"
        }
        text.line(tests.isEmpty ? "false" : tests.joined(separator: " || "))
      }
      text.line()
      emitWriter("/// Writes the line or attribute whose node is at `node`.", to: &text)
    }
    text.line()
    text.line("/// The lines of a session description before its first m-line, or those of one media description.")
    text.block("public struct LineFields: Sendable") { text in
      text.line("public let arena: Arena")
      text.line("let start: Int")
      text.line("let end: Int")
      for line in model.lines {
        emitAccessor(line.name, line.shape.typeName, line.slot, line.shape.comment, to: &text)
      }
      for attribute in model.attributes {
        let label = model.lines.contains { $0.name == attribute.name } ? attribute.name + "-attribute" : attribute.name
        emitAccessor(label, attribute.shape?.typeName, attribute.slot, attribute.comment, to: &text)
      }
    }
    text.line()
    emitDrafts(
      "LineDraft", "A line to be written.",
      model.lines.map { (Naming.property($0.name), $0.shape, $0.slot) }
        + model.attributes.map { attribute in
          let label =
            model.lines.contains { $0.name == attribute.name } ? attribute.name + "-attribute" : attribute.name
          return (Naming.property(label), attribute.shape, attribute.slot)
        }, to: &text)
  }

  private func emitAccessor(
    _ name: String, _ type: String?, _ slot: Int, _ comment: String, to text: inout SourceText
  ) {
    text.line()
    text.documentation(comment, fallback: "`\(name)`")
    let property = Naming.escaped(Naming.property(name))
    if let type {
      text.block("public var \(property): ArenaList<\(type)>") {
        $0.line("ArenaList(arena: arena, slot: \(slot), from: start, to: end)")
      }
    } else {
      text.block("public var \(property): Bool") {
        $0.line("ArenaList<TextValue>(arena: arena, slot: \(slot), from: start, to: end).first != nil")
      }
    }
  }

  // MARK: Status codes

  private func emitStatuses(to text: inout SourceText) {
    text.line()
    text.line("/// The registered status codes.")
    text.block("public enum StatusCodes") { text in
      text.line("/// The reason phrase that is usual for `code`.")
      text.block("public static func phrase(_ code: Int) -> String?") { text in
        text.line("switch code {")
        for status in model.statuses.sorted(by: { $0.code < $1.code }) {
          text.line("case \(status.code): \(SourceText.literal(status.phrase))")
        }
        text.line("default: nil")
        text.line("}")
      }
    }
  }
}

extension String {
  var trimmedEnd: String {
    var result = self
    while result.last == " " { result.removeLast() }
    return result
  }
}
