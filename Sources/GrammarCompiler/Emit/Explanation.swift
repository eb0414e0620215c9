/// What one name of the protocols stands for: where it is declared, what it became, what maps to it.
public struct Explanation: Equatable, Sendable {
  /// What it is, such as ``header Via``.
  public var title: String
  /// `file:line` of the declaration.
  public var place: String
  /// Name and value of each thing there is to say, in order.
  public var facts: [Fact]

  public struct Fact: Equatable, Sendable {
    public var name: String
    public var value: String
  }

  /// The explanation as lines for a terminal.
  public var text: String {
    let width = (facts.map(\.name.count) + ["declared".count]).max() ?? 0
    func line(_ fact: Fact) -> String {
      "  \(fact.name)\(String(repeating: " ", count: width - fact.name.count))  \(fact.value)\n"
    }
    return title + "\n" + line(Fact(name: "declared", value: place)) + facts.map(line).joined()
  }
}

extension Compilation {
  /// Everything that bears this name in the generated folders: headers, lines, attributes, elements, enums and their
  /// values, rules, parameters, status codes, states, events and effects; and the rows that name it.
  ///
  /// A name may be written as the protocols do: `a=candidate`, `m=`, `<ice-udp:candidate>`, `@foundation`.
  public func explain(_ name: String) -> [Explanation] {
    var explainer = Explainer(self, name: name)
    explainer.run()
    return explainer.found
  }

  /// Names that were probably meant, of those that can be explained in any of the compilations: the likeliest first.
  public static func nearNames(to name: String, in compilations: [Compilation]) -> [String] {
    var names: Set<String> = []
    for compilation in compilations {
      var explainer = Explainer(compilation, name: name)
      explainer.run()
      names.formUnion(explainer.names)
    }
    let bare = Explainer.bare(name)
    var near = Spelling.closest(to: bare, among: names.sorted()).map { [$0] } ?? []
    // Or it was only a part of the name.
    if bare.count > 2 {
      let longer = names.filter { $0.lowercased().contains(bare) && !near.contains($0) }
      near += longer.sorted { ($0.count, $0) < ($1.count, $1) }
    }
    return Array(near.prefix(4))
  }

  /// Where something stands: `file:line`.
  func place(_ position: Position) -> String { "\(files[position.file].path):\(position.line)" }

  /// The line of a grammar as it is written, without its comment and with single spaces.
  func written(_ position: Position) -> String {
    var text = ""
    var isQuoted = false
    for character in files[position.file].line(position.line) {
      if character == "\"" { isQuoted.toggle() }
      if character == ";", !isQuoted { break }
      text.append(character)
    }
    return text.split(separator: " ").joined(separator: " ")
  }
}

/// Goes through all that the grammars declare and keeps what bears one name.
private struct Explainer {
  private let compilation: Compilation
  private let model: Model
  private let name: String
  /// What the signs around the name say that it is; `nil` where it may be anything.
  private let kind: Kind?
  var found: [Explanation] = []
  var names: Set<String> = []

  private enum Kind { case line, attributeLine, element, attribute, document, namespace, statusClass }

  init(_ compilation: Compilation, name: String) {
    self.compilation = compilation
    model = compilation.model
    kind = Self.kind(of: name.lowercased())
    let bare = Self.bare(name)
    // Rows of the mapping have the names of lines, not their letters.
    let line = kind == .line ? model.lines.first { bare == String(Character(Unicode.Scalar($0.letter))) } : nil
    self.name = line?.name.lowercased() ?? bare
  }

  private static func kind(of name: String) -> Kind? {
    if name.hasPrefix("a="), name.count > 2 { return .attributeLine }
    if name.count == 2, name.hasSuffix("=") { return .line }
    if name.hasPrefix("<") { return .element }
    if name.hasPrefix("@") { return .attribute }
    if name.hasPrefix("rfc ") || name.hasPrefix("rfc") && name.dropFirst(3).allSatisfy(\.isNumber)
      || name.hasPrefix("xep-")
    {
      return .document
    }
    if name.hasPrefix("urn:") || name.hasPrefix("http:") || name.hasPrefix("https:") { return .namespace }
    if name.count == 3, name.hasSuffix("xx"), name.first?.isNumber == true { return .statusClass }
    return nil
  }

  /// Whether something of this kind can be meant.
  private func isMeant(_ kinds: Kind...) -> Bool { kind.map(kinds.contains) ?? true }

  /// `a=candidate`, `m=`, `<ice-udp:candidate>`, `@foundation` and `180 Ringing` as just the name, in lower case.
  static func bare(_ name: String) -> String {
    var text = name.lowercased()
    if text.hasPrefix("a="), text.count > 2 {
      // With a value it is a line of somebody's description.
      text = String(text.dropFirst(2).prefix { $0 != ":" })
    }
    if text.hasPrefix("<"), text.hasSuffix(">") {
      text = text.filter { $0 != "<" && $0 != ">" && $0 != "/" }
      text = String(text.prefix { $0 != " " })
    }
    // A status code with its phrase.
    if let code = text.split(separator: " ").first, code.count == 3, code.allSatisfy(\.isNumber) { text = String(code) }
    if text.hasPrefix("rfc "), text.count > 4 { text = "rfc" + text.dropFirst(4) }
    if text.hasPrefix("@") { text.removeFirst() }
    if text.count == 2, text.hasSuffix("=") { text.removeLast() }
    return text
  }

  private mutating func matches(_ candidates: String...) -> Bool {
    names.formUnion(candidates)
    return candidates.contains { $0.lowercased() == name }
  }

  /// Whether the area is one whose code is made here; what other targets make they explain themselves.
  private func isGenerated(_ area: String) -> Bool {
    compilation.generatedAreas.contains(area) || area == SourceFile.sharedArea
  }

  private mutating func add(_ title: String, _ position: Position, _ facts: [(String, String)]) {
    found.append(
      Explanation(
        title: title, place: compilation.place(position),
        facts: facts.filter { !$0.1.isEmpty }.map { .init(name: $0.0, value: Self.onOneLine($0.1)) }))
  }

  private static func onOneLine(_ text: String) -> String { text.split(separator: "\n").joined(separator: " ") }

  mutating func run() {
    if !compilation.generatedAreas.contains("mapping") {
      if isMeant() {
        headers()
        enums()
        rules()
        fields()
      }
      lines()
      elements()
      if isMeant(.statusClass) { statuses() }
      if isMeant(.namespace) { namespaces() }
      if isMeant(), found.isEmpty { insteads() }
    }
    if kind == .document { document() }
    if isMeant(.line, .attributeLine, .element, .attribute) { mapping() }
    if isMeant(.element, .statusClass) {
      signalling()
      reasons()
    }
  }

  // MARK: Codecs

  private mutating func headers() {
    for header in model.headers where isGenerated(header.shape.area) {
      guard matches(header.name, header.compactForm ?? header.name) else { continue }
      add(
        "header \(header.name)\(header.compactForm.map { ", in short \($0)" } ?? "")", header.position,
        [
          ("source", header.shape.comment),
          ("occurs", header.requirement + (header.isMany ? "many times" : "once")),
          ("fields", compilation.fields(header.shape)), ("tolerates", tolerated(header.name)),
        ] + such(header.examples) + [
          ("in Swift", "\(header.shape.typeName), `headers.\(Naming.property(header.name))`")
        ])
    }
    for shape in model.orderedShapes where isGenerated(shape.area) {
      for row in shape.params?.rows ?? [] where matches(row.name) {
        add(
          "parameter \(row.name) of \(shape.name)", row.position,
          [
            ("value", row.value.map { compilation.fields($0) } ?? "none"),
            ("may", row.isValueOptional ? "lack its value" : ""), ("occurs", row.requirement.explanation),
            ("tolerates", tolerated(shape.name, at: row.position)),
            ("in Swift", "`\(row.label)` of \(shape.layout.typeName)"),
          ])
      }
    }
  }

  private mutating func lines() {
    for line in model.lines where isGenerated(line.shape.area) && isMeant(.line) {
      let letter = String(Character(Unicode.Scalar(line.letter)))
      guard matches(letter, line.name) else { continue }
      add(
        "line \(letter)= (\(line.name))", line.position,
        [
          ("source", line.shape.comment), ("fields", compilation.fields(line.shape)),
          ("tolerates", tolerated("\(letter)=")),
        ] + such(line.examples) + [("in Swift", line.shape.typeName)])
    }
    for attribute in model.attributes where isMeant(.attributeLine) && matches(attribute.name) {
      add(
        "attribute a=\(attribute.name)", attribute.position,
        [
          ("source", attribute.comment), ("level", attribute.levels.joined(separator: ", ")),
          ("fields", attribute.shape.map { compilation.fields($0) } ?? "none: it is there or not"),
          ("tolerates", tolerated("a=\(attribute.name)")),
        ] + such(attribute.examples) + [
          ("in Swift", "\(attribute.typeName), `lines.\(Naming.property(attribute.name))`")
        ])
    }
  }

  private mutating func elements() {
    for element in model.orderedElements where isGenerated(element.area) {
      if isMeant(.element), matches(element.name, element.qualifiedName) {
        add(
          "element <\(element.qualifiedName)>", element.position,
          [
            ("namespace", element.namespace), ("source", element.comment),
            ("attributes", element.attributes.map(Self.shown).joined(separator: " ")),
            ("text", element.text.map { Self.type($0) + ($0.isOptional ? "?" : "") } ?? ""),
            ("children", element.children.map { "<\($0.element.qualifiedName)>\($0.mark)" }.joined(separator: " ")),
            ("tolerates", tolerated("<\(element.qualifiedName)>")), ("in Swift", element.typeName),
          ])
      }
      for attribute in element.attributes where isMeant(.attribute) && matches(attribute.name) {
        add(
          "attribute @\(attribute.name) of <\(element.qualifiedName)>", attribute.position,
          [
            ("is", attribute.isOptional ? "optional" : "required"), ("default", attribute.defaultValue ?? ""),
            ("type", Self.type(attribute)),
            ("tolerates", tolerated("<\(element.qualifiedName)>", at: attribute.position)),
            ("in Swift", "`\(attribute.label)` of \(element.typeName)"),
          ])
      }
    }
  }

  /// `@id:UInt8`, `@name:text?`, `@channels:UInt8 = 1`, as it is declared.
  private static func shown(_ attribute: ElementType.Attribute) -> String {
    let end = attribute.defaultValue.map { " = \($0)" } ?? (attribute.isOptional ? "?" : "")
    return "@\(attribute.name):\(type(attribute))\(end)"
  }

  private static func type(_ attribute: ElementType.Attribute) -> String {
    switch attribute.type {
    case .text: "text"
    case .token(let rule): rule.name
    case .number(let number): "UInt\(number.bits)"
    case .enumeration(let type): type.name
    }
  }

  // MARK: What is tolerated, and examples

  /// The lines of a declaration in which `tolerate` stands; of all its lines, or of the one at `position`.
  private func tolerated(_ owner: String, at position: Position? = nil) -> String {
    let known = model.tolerances.filter { $0.owner == owner && isGenerated($0.area) }.map(\.position)
    let tolerances = known.filter { place in position.map { $0.file == place.file && $0.line == place.line } ?? true }
    return lines(tolerances)
  }

  /// The lines with these places, as they are written.
  private func lines(_ positions: [Position]) -> String {
    var seen: Set<Int> = []
    return positions.filter { seen.insert($0.line).inserted }.map { "`\(compilation.written($0))`, line \($0.line)" }
      .joined(separator: "; ")
  }

  /// A declaration as it is written, with the lines that continue it.
  private func whole(_ position: Position) -> String {
    var text = compilation.written(position)
    var place = position
    place.line += 1
    let file = compilation.files[position.file]
    while let first = file.line(place.line).first, first == " " || first == "\t" {
      text += " " + compilation.written(place)
      place.line += 1
    }
    return text
  }

  private func such(_ examples: [Example]) -> [(String, String)] { examples.map { ("such as", $0.value) } }

  private mutating func enums() {
    for type in model.orderedEnums where isGenerated(type.area) {
      if matches(type.name) {
        add(
          "enum \(type.name)", type.position,
          [
            ("source", type.comment), ("values", type.cases.map(\.name).joined(separator: " ")),
            ("others", type.isOpen ? "kept as they are" : "refused"), ("in Swift", type.typeName),
          ])
      }
      for entry in type.cases where matches(entry.name) {
        add(
          "value \(entry.name) of the enum \(type.name)", type.position,
          [("source", type.comment), ("in Swift", "\(type.typeName).\(entry.caseName)")])
      }
    }
  }

  private mutating func statuses() {
    for status in model.statuses
    where matches(String(status.code)) || kind == .statusClass && name == "\(status.code / 100)xx" {
      add("status code \(status.code)", status.position, [("phrase", status.phrase)])
    }
  }

  private mutating func rules() {
    for shape in model.orderedShapes where isGenerated(shape.area) && shape.source.hasPrefix("rule ") {
      guard matches(shape.name) else { continue }
      add(
        "rule \(shape.name)", shape.position,
        [
          ("source", shape.comment), ("rule", whole(shape.position)), ("fields", compilation.fields(shape.layout)),
          ("tolerates", tolerated(shape.name)), ("in Swift", shape.layout.typeName), ("used by", users(of: shape)),
        ])
    }
    for token in model.tokens.values.sorted(by: { $0.position < $1.position }) where !token.isAnonymous {
      guard isGenerated(token.area), matches(token.name) else { continue }
      add(
        "token \(token.name)", token.position,
        [
          ("source", token.comment), ("rule", whole(token.position)),
          ("tolerates", lines(token.tolerated.map(\.position))), ("in Swift", "Text"),
        ])
    }
  }

  /// A field of a header, line or attribute, as rows of the mapping write it: `candidate.priority`.
  private mutating func fields() {
    let parts = name.split(separator: ".").map(String.init)
    guard parts.count == 2 else { return }
    for shape in model.orderedShapes where isGenerated(shape.area) && shape.name.lowercased() == parts[0] {
      for field in shape.layout.fields where field.label.lowercased() == parts[1] {
        add(
          "field \(field.label) of \(shape.source)", field.position,
          [
            ("is", field.isList ? "a list" : field.isOptional ? "optional" : "required"),
            ("type", compilation.type(of: field)), ("in Swift", "`\(field.label)` of \(shape.layout.typeName)"),
          ])
      }
    }
  }

  /// A rule that RFCs have and the grammars have not.
  private mutating func insteads() {
    for declaration in compilation.trees.flatMap(\.insteads)
    where isGenerated(declaration.area) && matches(declaration.name.name) {
      let place = declaration.area == SourceFile.sharedArea ? "" : " of \(declaration.area)"
      add(
        "no rule\(place): \(declaration.name.name)", declaration.name.position, [("in its place", declaration.words)])
    }
  }

  /// A namespace of XML, and its elements.
  private mutating func namespaces() {
    for namespace in model.namespaces where matches(namespace.uri, namespace.prefix) {
      let elements = model.orderedElements.filter { $0.namespace == namespace.uri && isGenerated($0.area) }
      guard !elements.isEmpty else { continue }
      add(
        "namespace \(namespace.uri)", namespace.position,
        [("prefix", namespace.prefix), ("elements", elements.map { "<\($0.qualifiedName)>" }.joined(separator: " "))])
    }
  }

  /// An RFC or XEP: what is declared by it.
  private mutating func document() {
    var found: [(kind: String, name: String, position: Position)] = []
    func see(_ kind: String, _ name: String, _ comment: String, _ position: Position, _ area: String) {
      if isGenerated(area), cites(comment) { found.append((kind, name, position)) }
    }
    for header in model.headers {
      see("headers", header.name, header.shape.comment, header.position, header.shape.area)
    }
    for line in model.lines {
      let letter = String(Character(Unicode.Scalar(line.letter)))
      see("lines", letter + "=", line.shape.comment, line.position, line.shape.area)
    }
    for attribute in model.attributes {
      let area = compilation.files[attribute.position.file].area
      see("attributes", "a=" + attribute.name, attribute.comment, attribute.position, area)
    }
    for element in model.orderedElements {
      see("elements", "<\(element.qualifiedName)>", element.comment, element.position, element.area)
    }
    for type in model.orderedEnums { see("enums", type.name, type.comment, type.position, type.area) }
    for shape in model.orderedShapes where shape.source.hasPrefix("rule ") {
      see("rules", shape.name, shape.comment, shape.position, shape.area)
    }
    for token in model.tokens.values.sorted(by: { $0.position < $1.position }) where !token.isAnonymous {
      see("tokens", token.name, token.comment, token.position, token.area)
    }
    guard let first = found.map(\.position).min() else { return }
    let kinds = ["headers", "lines", "attributes", "elements", "enums", "rules", "tokens"]
    add(
      "document \(name.uppercased().replacing("RFC", with: "RFC "))", first,
      kinds.map { kind in (kind, found.filter { $0.kind == kind }.map(\.name).joined(separator: " ")) })
  }

  /// Whether a comment names the document that is asked for.
  private func cites(_ comment: String) -> Bool {
    var rest = comment.lowercased().replacing("rfc ", with: "rfc")[...]
    while let range = rest.firstRange(of: name) {
      rest = rest[range.upperBound...]
      if rest.first?.isNumber != true { return true }
    }
    return false
  }

  private func users(of shape: Shape) -> String {
    model.orderedShapes.filter { user in
      user.fields.contains { field in
        if case .shape(let type) = field.type { return type === shape }
        return false
      }
    }.map(\.name).joined(separator: ", ")
  }

  // MARK: Mapping

  /// Whether a text of a row has the name as a whole word.
  private func isNamed(in text: String) -> Bool {
    if name.contains(".") { return text.lowercased().contains("`\(name)`") }
    let isPartOfName: (Character) -> Bool = { $0.isLetter || $0.isNumber || $0 == "-" || $0 == "_" || $0 == ":" }
    return !name.isEmpty
      && text.lowercased().split(whereSeparator: { !isPartOfName($0) }).contains {
        $0 == name || $0.split(separator: ":").last.map(String.init) == name
      }
  }

  private mutating func mapping() {
    guard let mapping = compilation.mapping else { return }
    if kind == nil { mappingNames(mapping) }
    for declaration in mapping.declarations {
      let elements = declaration.elements.map { "<\($0.name)>" }.joined(separator: " ")
      for row in declaration.rows {
        mappingRow(row, "\(declaration.sdp.name) <-> \(elements)", part: declaration.sdp.name, around: [])
      }
    }
    for table in mapping.tableDeclarations where matches(table.name.name) {
      add(
        "table \(table.name.name)", table.name.position,
        [("source", table.comment), ("columns", table.columns.map(\.name).joined(separator: " "))])
    }
  }

  /// - Parameters:
  ///   - part: the part of SDP that the rows around stand for, of which `name.field` is a field.
  ///   - around: those rows, as they are written.
  private mutating func mappingRow(_ row: MappingRow, _ context: String, part: String, around: [String]) {
    let (left, _, right) = row.columns
    let own = row.sdpName ?? part
    let isField = name.split(separator: ".").map(String.init) == [part.lowercased(), own.lowercased()]
    if isNamed(in: left) || isNamed(in: right) || isField {
      add(
        "row of the mapping \(context)", row.position,
        [("row", compilation.written(row.position)), ("within", around.joined(separator: " / "))])
    }
    for nested in row.nested {
      mappingRow(nested, context, part: own, around: around + [compilation.written(row.position)])
    }
  }

  /// What is written in Swift, and the names of conditions.
  private mutating func mappingNames(_ mapping: MappingModel) {
    for function in mapping.functions where matches(function.name.name) {
      add(
        "function \(function.name.name) of the mapping", function.name.position, [("source", function.comment)])
    }
    for predicate in mapping.predicates {
      for name in predicate.alternatives where matches(name.name) {
        add("predicate \(name.name) of the mapping", name.position, [("source", predicate.comment)])
      }
    }
    for set in compilation.trees.flatMap(\.mapping.actionSets) where matches(set.name.name) {
      add(
        "actions \(set.name.name)", set.name.position,
        [("actions", set.actions.map(\.name).joined(separator: " "))])
    }
  }

  private mutating func signalling() {
    guard let signalling = compilation.signalling else { return }
    func rows(_ choose: (SignallingModel.Event, SignallingModel.Row) -> Bool) -> [(String, String)] {
      signalling.blocks.flatMap { block in
        block.rows.filter { choose(signalling.events[block.event], $0) }.map { row in
          let effects = row.effects.map { signalling.effects[$0].name }
          let states = row.states.map { signalling.states[$0].name }.joined(separator: ", ")
          return (
            signalling.events[block.event].name,
            "in \(states) -> \(effects.isEmpty ? "nothing" : effects.joined(separator: ", "))"
              + (row.next.map { " then \(signalling.states[$0].name)" } ?? "")
          )
        }
      }
    }
    for (index, state) in signalling.states.enumerated() where matches(state.name) {
      add(
        "state \(state.name) of a call", state.position,
        [("means", state.words)] + rows { _, row in row.states.contains(index) || row.next == index })
    }
    for group in compilation.trees.flatMap(\.signalling.groups) where matches(group.name.text) {
      add(
        "group \(group.name.text) of states", group.name.position,
        [("states", group.members.map(\.text).joined(separator: ", "))])
    }
    for event in signalling.events {
      let wire = event.protocolNames.map(\.text)
      let isOfName = wire.contains { $0.lowercased() == name }
      names.formUnion(wire)
      guard matches(event.name) || isOfName else { continue }
      add(
        "event \(event.name)", event.position,
        [("means", event.words), ("is", SignallingEmitter.origin(event))]
          + rows { other, _ in other.name == event.name }.map { ("row", $0.1) })
    }
    if let code = Int(name) {
      for event in signalling.events where event.ranges.contains(where: { $0.codes.contains(code) }) {
        add(
          "event \(event.name)", event.position,
          [("means", event.words), ("is", SignallingEmitter.origin(event))]
            + rows { other, _ in other.name == event.name }.map { ("row", $0.1) })
      }
    }
    for (index, effect) in signalling.effects.enumerated() where matches(effect.name) {
      add(
        "effect \(effect.name)", effect.position,
        [("means", effect.words)] + rows { _, row in row.effects.contains(index) })
    }
  }

  private mutating func reasons() {
    guard let signalling = compilation.signalling else { return }
    for row in signalling.reasons.toSIP {
      let isCode = name == String(row.byCallee)
      guard matches(row.reason ?? "unknown") || isCode else { continue }
      add(
        "reason \(row.reason ?? "that is not in the table") to SIP", row.position,
        [
          ("caller", row.byCaller), ("callee", String(row.byCallee)), ("answered", row.answered),
          ("ends", row.endsForAll ? "the call for all devices" : "it for this device"),
          ("cause", "\(row.cause.protocolName) \(row.cause.number), \(row.cause.text)"),
        ])
    }
    for row in signalling.reasons.toJingle {
      let isCode = Int(name).map { row.codes?.contains($0) == true } ?? false
      guard matches(row.request ?? row.reason, row.reason) || isCode else { continue }
      let from =
        row.request ?? row.codes.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }
      add(
        "\(from ?? "") of SIP to Jingle", row.position,
        [("reason", row.reason + (row.hasSIPError ? " with <sip-error/>" : ""))])
    }
    for row in signalling.reasons.ofGateway {
      let event = signalling.events[row.event].name
      let codes = [row.status, row.sipError].compactMap { $0.map(String.init) }
      guard event.lowercased() == name || row.reason?.lowercased() == name || codes.contains(name) else { continue }
      add(
        "what the gateway says at \(event)", row.position,
        [
          ("status", row.status.map(String.init) ?? ""), ("reason", row.reason ?? ""),
          ("sip-error", row.sipError.map(String.init) ?? ""),
          ("cause", row.cause.map { "\($0.protocolName) \($0.number), \($0.text)" } ?? ""),
        ])
    }
  }
}
