extension Compilation {
  /// The words of the generated areas, as they stand in messages: names of headers, lines, attributes, elements,
  /// parameters and of the values of enums, literals of the rules, status codes, examples; sorted, each once. A fuzzer that knows
  /// them gets behind the first token of a message.
  public var dictionary: [[UInt8]] {
    var collector = DictionaryCollector(areas: generatedAreas, files: files)
    collector.collect(model)
    return collector.words.sorted { $0.lexicographicallyPrecedes($1) }
  }

  /// The words as libFuzzer (`-dict=`) and AFL read them: one a line in quotation marks.
  public func dictionaryText() -> String { dictionary.map { "\(Self.quoted($0))\n" }.joined() }

  private static func quoted(_ word: [UInt8]) -> String {
    let digits = Array("0123456789ABCDEF")
    var text = "\""
    for byte in word {
      switch byte {
      case 0x22, 0x5C: text += "\\\(Character(Unicode.Scalar(byte)))"
      case 0x20...0x7E: text.append(Character(Unicode.Scalar(byte)))
      default: text += "\\x\(digits[Int(byte >> 4)])\(digits[Int(byte & 15)])"
      }
    }
    return text + "\""
  }
}

/// Goes through a model and keeps what is spelled out in it.
private struct DictionaryCollector {
  let areas: Set<String>
  let files: [SourceFile]
  var words: Set<[UInt8]> = []

  mutating func collect(_ model: Model) {
    for header in model.headers where areas.contains(header.shape.area) {
      add("\(header.name): ")
      if let compactForm = header.compactForm { add("\(compactForm): ") }
      for example in header.examples { add(example.value) }
    }
    for line in model.lines where areas.contains(line.shape.area) {
      add("\(Character(Unicode.Scalar(line.letter)))=")
      for example in line.examples { add(example.value) }
    }
    for attribute in model.attributes where areas.contains(files[attribute.position.file].area) {
      add("a=\(attribute.name)\(attribute.shape == nil ? "" : ":")")
      for example in attribute.examples { add(example.value) }
    }
    for type in model.orderedEnums where areas.contains(type.area) {
      for entry in type.cases { add(entry.name) }
    }
    for shape in model.orderedShapes where areas.contains(shape.area) {
      add(shape.body)
      for row in shape.params?.rows ?? [] { add(row.name) }
    }
    for element in model.orderedElements where areas.contains(element.area) { add(element) }
    for status in model.statuses where areas.contains(files[status.position.file].area) {
      add("SIP/2.0 \(status.code) ")
    }
  }

  /// A word of one byte says nothing that chance does not find by itself.
  private mutating func add(_ word: [UInt8]) {
    if word.count > 1 { words.insert(word) }
  }

  private mutating func add(_ word: String) { add(Array(word.utf8)) }

  private mutating func add(_ element: ElementType) {
    add("<\(element.name) xmlns='\(element.namespace)'>")
    add("<\(element.name)/>")
    add("</\(element.name)>")
    for attribute in element.attributes { add(" \(attribute.name)='") }
  }

  private mutating func add(_ steps: [Step]) {
    for step in steps {
      switch step {
      case .literal(let bytes, _, _): add(bytes)
      case .token(let rule, _): add(rule.written ?? [])
      case .capture(_, .flag(let bytes, _), _): add(bytes)
      case .optional(let alternative, _), .repetition(_, _, let alternative), .commaList(_, let alternative, _, _):
        add(alternative.body)
      case .choice(let alternatives, _, _): for alternative in alternatives { add(alternative.body) }
      case .capture, .params: break
      }
    }
  }
}
