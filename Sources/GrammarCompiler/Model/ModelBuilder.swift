/// Resolves names and turns expressions into tokens and shapes.
final class ModelBuilder {
  let model = Model()
  let diagnostics: Diagnostics
  let trees: [SyntaxTree]
  var rules: [String: RuleDeclaration] = [:]
  var paramsByOwner: [String: (ParamsDeclaration, String)] = [:]
  var enumDeclarations: [String: (EnumDeclaration, String)] = [:]
  var numbers: [String: NumberDeclaration] = [:]
  var regexInProgress: [String] = []
  var shapesInProgress: [String] = []
  var kinds: [String: Bool] = [:]
  /// What is written in place of rules that documents have and the grammars have not.
  private var insteads: [String: [InsteadDeclaration]] = [:]
  /// How deep rules are built of others and of brackets.
  var depths: [String: Int] = [:]
  var isDepthReported = false
  /// Token rules and shapes with a mistake that has been reported.
  var failedTokens: Set<String> = []
  var failedShapes: Set<String> = []

  init(_ trees: [SyntaxTree], diagnostics: Diagnostics) {
    self.trees = trees
    self.diagnostics = diagnostics
  }

  func build() -> Model {
    collect()
    checkAmbiguousNames()
    for tree in trees {
      for declaration in tree.enums { _ = enumType(declaration.name) }
    }
    for tree in trees {
      for declaration in tree.rules where rules[declaration.name.lowercased()]?.position == declaration.position {
        if isShape(declaration.name.lowercased()) {
          _ = shape(declaration.name)
        } else {
          _ = token(declaration.name)
        }
      }
      for declaration in tree.headers { addHeader(declaration, area: tree.area) }
      for declaration in tree.lines { addLine(declaration, area: tree.area) }
      for declaration in tree.attributes { addAttribute(declaration, area: tree.area) }
      model.statuses += tree.statuses
      model.tolerances += tree.tolerances
      model.stepping.formUnion(tree.stepping)
      for reference in tree.framing {
        if rules[reference.name.lowercased()] == nil {
          undefinedRule(reference.name, reference.position)
        } else {
          model.used.insert(reference.name.lowercased())
          model.framing.append(reference)
        }
      }
    }
    for (owner, entry) in paramsByOwner.sorted(by: { $0.value.0.position < $1.value.0.position })
    where model.shapes[owner] == nil && !failedShapes.contains(owner) {
      if rules[owner] != nil {
        diagnostics.report(entry.0.owner.position, "`\(entry.0.owner.name)` is a token: it has no captures")
      } else {
        undefined(
          entry.0.owner, "shape, header, line or attribute",
          among: model.shapes.values.map(\.name) + model.headers.map(\.name) + model.lines.map(\.name)
            + model.attributes.map(\.name))
      }
    }
    numberHeaders()
    checkDuplicateStatuses()
    ElementBuilder(trees, model: model, owner: self).build()
    checkTypeNames()
    return model
  }

  // MARK: Names

  private func collect() {
    for declaration in trees.flatMap(\.insteads) {
      insteads[declaration.name.name.lowercased(), default: []].append(declaration)
    }
    for tree in trees {
      for declaration in tree.rules {
        let key = declaration.name.lowercased()
        if declaration.isIncremental {
          if let type = trees.flatMap(\.enums).first(where: { $0.name == declaration.name }) {
            diagnostics.report(
              declaration.position, "`\(type.name)` is an enum, and `=/` adds an alternative to a rule",
              note: "write the value into the enum, which is here", at: type.position)
            continue
          }
          guard var existing = rules[key] else {
            diagnostics.report(
              declaration.position, "`\(declaration.name)` has no rule yet to which `=/` could add an alternative",
              note: instead(of: declaration.name, at: declaration.position)
                ?? "its first alternative stands behind `=`")
            rules[key] = declaration
            failedTokens.insert(key)
            failedShapes.insert(key)
            continue
          }
          if reportAddedParameter(declaration) { continue }
          // Side by side, however often it goes on: nested, a thousand of them would be a thousand deep.
          var alternatives = [existing.expression]
          if case .choice(let known) = existing.expression.kind { alternatives = known }
          existing.expression = Expression(
            kind: .choice(alternatives + [declaration.expression]), position: existing.expression.position)
          rules[key] = existing
        } else if let existing = rules[key] {
          diagnostics.report(
            declaration.position, "the rule `\(declaration.name)` is declared twice", note: "the first time here",
            at: existing.position)
        } else {
          rules[key] = declaration
          if reportPastedDeclaration(declaration) {
            failedTokens.insert(key)
            failedShapes.insert(key)
          }
        }
      }
      for declaration in tree.numbers { declare(declaration) }
      for declaration in tree.enums {
        // Exact, unlike a rule's name: `enum Transport : transport` is a fine pair.
        let key = declaration.name
        if let (existing, _) = enumDeclarations[key] {
          diagnostics.report(
            declaration.position, "the enum `\(declaration.name)` is declared twice", note: "the first time here",
            at: existing.position)
        } else {
          enumDeclarations[key] = (declaration, tree.area)
        }
      }
      for declaration in tree.params {
        let key = declaration.owner.name.lowercased()
        if let (existing, _) = paramsByOwner[key] {
          diagnostics.report(
            declaration.position, "the parameters of `\(declaration.owner.name)` are declared twice",
            note: "the first time here", at: existing.position)
        } else {
          paramsByOwner[key] = (declaration, tree.area)
        }
      }
    }
  }

  /// `P-X = "P-X" HCOLON value`, `x-attribute = "a=x:" value`: so RFCs write what is declared here.
  private func reportPastedDeclaration(_ declaration: RuleDeclaration) -> Bool {
    var parts = [declaration.expression]
    if case .sequence(_, let more) = declaration.expression.kind { parts = more }
    guard let first = parts.first else { return false }
    var names = [first]
    if case .choice(let alternatives) = first.kind { names = alternatives }
    guard case .literal(let bytes, _)? = names.first?.kind else { return false }
    let name = String(decoding: bytes, as: UTF8.self)
    if parts.count > 1, case .reference(let sign) = parts[1].kind, sign.asciiLowercased == "hcolon" {
      diagnostics.report(
        declaration.position, "`\(name)` is a header, which is no rule here",
        note: "write `header \(name) = …`, with what stands behind HCOLON")
      return true
    }
    guard name.hasPrefix("a="), name.count > 2 else { return false }
    let attribute = name.dropFirst(2).prefix { $0 != ":" }
    diagnostics.report(
      declaration.position, "`a=\(attribute)` is an attribute, which is no rule here",
      note: "write `attribute \(attribute) at media = …`, or `at session`, with what stands behind the colon")
    return true
  }

  /// `uri-parameter =/ x-param`: so RFCs add a parameter, which here is a row of a table.
  private func reportAddedParameter(_ declaration: RuleDeclaration) -> Bool {
    let tables = trees.flatMap(\.params).filter { $0.other?.name.lowercased() == declaration.name.lowercased() }
    guard let table = tables.first else { return false }
    diagnostics.report(
      declaration.position, "`\(declaration.name)` stands for all parameters that no table names; none is added to it",
      note: tables.count == 1
        ? "write a row for the parameter into the table `params \(table.owner.name)`, which is here"
        : "write a row for the parameter into the table whose it is, such as `params \(table.owner.name)`, which is here",
      at: table.position)
    return true
  }

  /// A rule and an enum may bear one name in different spellings (`transport`, `Transport`), not in the same.
  private func checkAmbiguousNames() {
    for (declaration, _) in enumDeclarations.values {
      if let rule = rules[declaration.name.lowercased()], rule.name == declaration.name {
        diagnostics.report(
          rule.position, "`\(rule.name)` is a rule and an enum", note: "the enum is here", at: declaration.position)
      }
    }
  }

  func undefined(_ reference: Reference, _ kind: String, among names: [String]) {
    // Nobody reads what was meant by the hundredth name, and to find it takes a while.
    let suggestion = diagnostics.mistakes < 100 ? Spelling.closest(to: reference.name, among: names) : nil
    diagnostics.reportMissing(
      reference.position,
      "there is no \(kind) `\(reference.name)`" + (suggestion.map { "; did you mean `\($0)`?" } ?? ""))
  }

  /// What is written in place of a rule that this folder, or one that all share, has not.
  private func instead(of name: String, at position: Position) -> String? {
    let known = insteads[name.lowercased()] ?? []
    let area = trees[position.file].area
    return (known.first { $0.area == area } ?? known.first { $0.area == SourceFile.sharedArea })?.words
  }

  func undefinedRule(_ name: String, _ position: Position) {
    if let words = instead(of: name, at: position) {
      diagnostics.reportMissing(position, "there is no rule `\(name)`", note: words)
      return
    }
    undefined(
      Reference(name: name, position: position), "rule",
      among: rules.values.map(\.name) + enumDeclarations.values.map(\.0.name) + ScalarType.names + numbers.keys)
  }

  private func declare(_ number: NumberDeclaration) {
    if let existing = numbers[number.name] {
      diagnostics.report(
        number.position, "the number `\(number.name)` is declared twice", note: "the first time here",
        at: existing.position)
    } else {
      numbers[number.name] = number
    }
  }

  /// `UInt8` and so on, or a number that was declared.
  func number(_ name: String) -> NumberType? {
    if let bits = ScalarType.bits(name) { return NumberType(bits: bits) }
    guard let declaration = numbers[name] else { return nil }
    model.usedNumbers.insert(name)
    return NumberType(from: declaration.minimum, to: declaration.maximum)
  }
}
