/// The functions and predicates that rows name: declared, used, and used for what they are declared for.
extension MappingModelBuilder {
  func addFunctions(_ trees: [SyntaxTree]) {
    for declaration in trees.flatMap(\.mapping.functions) {
      if let first = mapping.functions.first(where: { $0.name.name == declaration.name.name }) {
        diagnostics.report(
          declaration.name.position, "the function `\(declaration.name.name)` is declared twice",
          note: "the first time here", at: first.name.position)
        brokenFunctions.insert(declaration.name.name)
        continue
      }
      mapping.functions.append(declaration)
      let mistakes = diagnostics.mistakes
      declaration.lines.forEach(check)
      if diagnostics.mistakes > mistakes { brokenFunctions.insert(declaration.name.name) }
    }
    var seen: [String: Position] = [:]
    for declaration in trees.flatMap(\.mapping.predicates) {
      mapping.predicates.append(declaration)
      for predicate in declaration.alternatives {
        if let first = seen[predicate.name] {
          diagnostics.report(
            predicate.position, "the predicate `\(predicate.name)` is declared twice", note: "the first time here",
            at: first)
        }
        seen[predicate.name] = predicate.position
      }
    }
  }

  // MARK: Declarations

  private func check(_ line: FunctionDeclaration.Line) {
    for path in line.sdp { check(path) }
    for part in line.jingle {
      guard let element = element(part.element), let value = part.value else { continue }
      if value.name == "text" {
        _ = text(of: element, value.position)
      } else {
        _ = attribute(.init(name: String(value.name.dropFirst()), position: value.position), of: element)
      }
    }
  }

  private func check(_ path: MappingPath) {
    let name = path.names[0]
    let line = mapping.lines.first { $0.name == name.name }
    guard let shape = line?.shape ?? model.shapes[name.name] else {
      if let line {
        if path.names.count > 1 {
          diagnostics.report(path.names[1].position, "`\(line.shown)` has no value, and so no field")
        }
        return
      }
      let suggestion = Spelling.closest(to: name.name, among: mapping.lines.map(\.name))
      diagnostics.reportMissing(
        name.position,
        "SDP has no line or attribute `\(name.name)`" + (suggestion.map { "; did you mean `\($0)`?" } ?? ""))
      return
    }
    guard path.names.count > 1 else { return }
    let names = Self.fieldNames(of: shape)
    if names.contains(path.names[1].name) { return }
    let suggestion = Spelling.closest(to: path.names[1].name, among: names).map { "; did you mean `\($0)`?" } ?? ""
    diagnostics.reportMissing(
      path.names[1].position, "`\(name.name)` has no field `\(path.names[1].name)`" + suggestion)
  }

  private static func fieldNames(of shape: Shape) -> [String] {
    shape.layout.fields.map(\.label) + (shape.params?.rows.map(\.name) ?? [])
  }

  /// What cannot be missing of a line or an element that the function makes as a whole.
  private func missing(in target: String, _ declared: Set<String>) -> [String] {
    var demanded: [String] = []
    if let shape = mapping.lines.first(where: { $0.name == target })?.shape?.layout {
      demanded = shape.fields.filter { $0.isDemanded(in: shape) }.map { "\(target).\($0.label)" }
    } else if let element = model.orderedElements.first(where: { "<\($0.qualifiedName)>" == target }) {
      demanded = element.attributes.filter { !$0.isOptional && $0.defaultValue == nil }.map { "\(target) @\($0.name)" }
      if element.text?.isOptional == false { demanded.append("\(target) text") }
    }
    return demanded.filter { !declared.contains($0) }
  }

  // MARK: Use

  @discardableResult
  func predicate(_ reference: Reference) -> Bool {
    let known = mapping.predicates.flatMap(\.alternatives).map(\.name)
    let isFirst = usedPredicates.insert(reference.name).inserted
    if known.contains(reference.name) { return true }
    if !isFirst { return false }
    let suggestion = Spelling.closest(to: reference.name, among: known).map { "; did you mean `\($0)`?" } ?? ""
    diagnostics.report(
      reference.position, "there is no predicate `\(reference.name)`" + suggestion,
      note: suggestion.isEmpty ? "declare it: `predicate \(reference.name)` in the first column" : nil)
    return false
  }

  /// One of several predicates of which one holds.
  func isOneOfSeveral(_ predicate: String) -> Bool {
    mapping.predicates.contains { declaration in
      declaration.alternatives.count > 1 && declaration.alternatives.contains { $0.name == predicate }
    }
  }

  /// How a function's declaration names the field.
  func name(of field: MappedField, _ scope: Scope) -> String {
    switch field.place {
    case .item: return scope.listName
    case .line(let line): return "\(line.name).\(field.field?.label ?? field.name)"
    case .here: return "\(scope.line?.name ?? scope.shape?.name ?? "").\(field.field?.label ?? field.name)"
    case .parameter(let index):
      let row = field.shape?.params?.rows[index].name ?? field.name
      return "\(scope.line?.name ?? scope.shape?.name ?? "").\(row)"
    }
  }

  /// The row names a function that is declared, and for what it is declared.
  /// - Parameter isResolved: whether the names of the row exist; else that has been reported.
  func checkFunction(_ reference: Reference, _ syntax: MappingRow, _ scope: Scope, isResolved: Bool) {
    let isFirst = usedFunctions.insert(reference.name).inserted
    guard let declaration = mapping.functions.first(where: { $0.name.name == reference.name }) else {
      // What is missing is one declaration, however many rows name it.
      if !isFirst { return }
      let suggestion = Spelling.closest(to: reference.name, among: mapping.functions.map(\.name.name))
      diagnostics.report(
        reference.position,
        "there is no function `\(reference.name)`" + (suggestion.map { "; did you mean `\($0)`?" } ?? ""),
        note: suggestion == nil
          ? "declare it: `function \(reference.name)` in the first column, and below it what it reads and writes" : nil)
      return
    }
    guard isResolved, !brokenFunctions.contains(reference.name) else { return }
    let sdp = names(sdp: syntax, scope)
    let jingle = names(jingle: syntax, scope)
    for direction in syntax.arrow.directions {
      let lines = declaration.lines.filter { $0.arrow.directions.contains(direction) }
      let declared = Set(lines.flatMap { $0.sdp.map(\.text) + $0.jingle.map(\.text) })
      let (read, written) = direction == .toJingle ? (sdp, jingle) : (jingle, sdp)
      let way = direction == .toJingle ? "Jingle" : "SDP"
      func report(_ message: String) {
        diagnostics.report(
          reference.position, "the function `\(reference.name)` is not declared to \(message) towards \(way)",
          note: "add it to the declaration, which is here", at: declaration.name.position)
      }
      for name in read + written where !declared.contains(where: { $0 == name || Self.isPart($0, of: name) }) {
        return report("\(written.contains(name) ? "write" : "read") `\(name)`")
      }
      for name in written {
        if let missing = missing(in: name, declared).first {
          return report("write `\(missing)`, without which there is no `\(name)`,")
        }
      }
    }
  }

  private static func isPart(_ name: String, of whole: String) -> Bool {
    name.hasPrefix(whole + ".") || name.hasPrefix(whole + " ")
  }

  private func names(sdp syntax: MappingRow, _ scope: Scope) -> [String] {
    guard case .paths(let paths) = syntax.left else { return [] }
    return paths.compactMap { path in
      switch target(path, scope, isFromSession: false) {
      case .line(let line): line.name
      case .field(let field): name(of: field, scope)
      default: nil
      }
    }
  }

  private func names(jingle syntax: MappingRow, _ scope: Scope) -> [String] {
    let element = "<\(scope.element.qualifiedName)>"
    switch syntax.right {
    case .attribute(let name, _): return ["\(element) @\(name.name)"]
    case .text: return ["\(element) text"]
    case .elements(let references, _): return references.map { "<\($0.name)>" }
    default: return []
    }
  }

  /// Reports what no row names; where something else is wrong, that may be the reason.
  func checkUse() {
    guard diagnostics.isEmpty else { return }
    for table in mapping.tableDeclarations where !usedTables.contains(table.name.name) {
      diagnostics.report(table.name.position, "nothing uses the table `\(table.name.name)`")
    }
    for set in actionSets.values where !usedActions.contains(set.name.name) {
      diagnostics.report(
        set.name.position, "nothing uses the actions `\(set.name.name)`")
    }
    for declaration in mapping.functions where !usedFunctions.contains(declaration.name.name) {
      diagnostics.report(declaration.name.position, "no row names the function `\(declaration.name.name)`")
    }
    for predicate in mapping.predicates.flatMap(\.alternatives) where !usedPredicates.contains(predicate.name) {
      diagnostics.report(predicate.position, "no row asks for the predicate `\(predicate.name)`")
    }
  }
}

extension Field {
  /// Its shape cannot be written without it.
  func isDemanded(in shape: Shape) -> Bool {
    if case .flag = type { return false }
    guard isList else { return !isOptional }
    func holds(_ steps: [Step]) -> Bool {
      steps.contains { step in
        switch step {
        case .capture(let index, _, _): shape.fields[index] === self
        case .repetition(let minimum, _, let alternative), .commaList(let minimum, let alternative, _, _):
          minimum > 0 && holds(alternative.body)
        default: false
        }
      }
    }
    return holds(shape.body)
  }
}
