/// Token rules and enums: what matches bytes.
extension ModelBuilder {
  func hasRule(_ name: String) -> Bool { rules[name.lowercased()] != nil }

  /// The declaration `owner` has a table of parameters.
  func hasParams(_ owner: String) -> Bool { paramsByOwner[owner.lowercased()] != nil }

  func isShape(_ key: String) -> Bool {
    if let known = kinds[key] { return known }
    guard let rule = rules[key] else { return false }
    let result = Self.hasCapture(rule.expression)
    kinds[key] = result
    return result
  }

  static func hasCapture(_ expression: Expression) -> Bool {
    switch expression.kind {
    case .capture, .params, .commaList: true
    case .sequence(_, let parts), .choice(let parts): parts.contains(where: hasCapture)
    case .optional(let inner), .repetition(_, _, let inner): hasCapture(inner)
    default: false
    }
  }

  /// The token rule of that name; `nil` after a diagnostic.
  func token(_ name: String, at position: Position? = nil) -> TokenRule? {
    let key = name.lowercased()
    if position != nil { model.used.insert(key) }
    if let known = model.tokens[key] { return known }
    if failedTokens.contains(key) {
      diagnostics.meetAgain()
      return nil
    }
    let made = makeToken(name, key: key, at: position)
    // Whoever else refers to it need not say again what is wrong with it.
    if made == nil, rules[key] != nil, !isShape(key) { failedTokens.insert(key) }
    return made
  }

  private func makeToken(_ name: String, key: String, at position: Position?) -> TokenRule? {
    guard let rule = rules[key], !isShape(key) else {
      if let position {
        if rules[key] != nil {
          let table = paramsByOwner.values.first { $0.0.other?.name.lowercased() == key }
          diagnostics.report(
            position, "`\(name)` has captures and so is no token",
            note: table == nil
              ? "where a shape is meant, capture it with a label, such as `\(Naming.property(name)):\(name)`"
              : "parameters are rows of a table: write `*( SEMI params )`, and a table `params Name EQUAL` whose last row is "
                + "`* = \(name)`")
        } else if enumDeclarations[name] != nil {
          diagnostics.report(
            position, "`\(name)` is an enum; capture it with a label, such as `\(Naming.property(name)):\(name)`")
        } else {
          undefinedRule(name, position)
        }
      }
      return nil
    }
    if regexInProgress.contains(key) {
      diagnostics.report(
        rule.position,
        "the token rule `\(rule.name)` refers to itself (\(cycle(regexInProgress, key))); a token rule is regular",
        note: "write the repetition with `*`: `item *( separator item )`")
      return nil
    }
    guard isShallow(rule, others: regexInProgress.count) else { return nil }
    regexInProgress.append(key)
    defer { regexInProgress.removeLast() }
    if let reference = rule.asType {
      model.used.insert(reference.name.lowercased())
      diagnostics.report(
        rule.position, "`\(rule.name)` captures nothing, so there is nothing of `\(reference.name)` that it could fill")
      return nil
    }
    if case .prose(let prose) = rule.expression.kind {
      guard prose == "nested comment" else {
        reportProse(prose, rule.expression.position)
        return nil
      }
      let result = TokenRule(
        name: rule.name, regex: .set(ByteSet([0x28])), written: rule.written, position: rule.position,
        comment: rule.comment, area: rule.area, isNestedComment: true)
      model.tokens[key] = result
      return result
    }
    guard var regex = regex(rule.expression), measureDepth(of: rule, key: key) else { return nil }
    for tolerated in rule.tolerated {
      guard let more = self.regex(tolerated) else { return nil }
      regex = .choice([regex, more])
    }
    let result = TokenRule(
      name: rule.name, regex: regex, written: rule.written, called: rule.called, tolerated: rule.tolerated,
      position: rule.position, comment: rule.comment, area: rule.area)
    guard isSmallEnough(result) else { return nil }
    if let written = rule.written, !result.automaton.accepts(written) {
      diagnostics.report(
        rule.position,
        "`\(rule.name)` does not match \"\(String(decoding: written, as: UTF8.self))\", as which it is to be written")
    }
    model.tokens[key] = result
    return result
  }

  /// RFC 5234 §4: prose says what no rule says.
  func reportProse(_ prose: String, _ position: Position) {
    if prose == "nested comment" {
      return diagnostics.report(position, "`<\(prose)>` stands alone in its rule")
    }
    diagnostics.report(
      position, "`<\(prose)>` says in words what is meant, and words are not compiled",
      note: "write it as ABNF, such as `1*%x21-7E` for visible characters")
  }

  /// Whether the automaton of a token stays within reason; if not, that is reported.
  func isSmallEnough(_ token: TokenRule) -> Bool {
    guard token.isTooLarge else { return true }
    diagnostics.report(
      token.position,
      "the token `\(token.name)` is too large: its automaton has more than \(Automaton.maximumStates) states "
        + "or \(Automaton.maximumClasses) classes of bytes",
      note: "repeat less often, or without limit (`*`), and leave counting to whoever reads the value")
    return false
  }

  /// How deep rules may be built of others and of brackets: far beyond any RFC, and well within the stack.
  static var maximumDepth: Int { 256 }

  /// Whether there is room for one more rule within those that are being resolved; if not, that is reported.
  func isShallow(_ rule: RuleDeclaration, others: Int) -> Bool {
    if others < Self.maximumDepth { return true }
    reportDepth(rule)
    return false
  }

  /// Notes the depth of a rule whose parts are resolved; `false` after a diagnostic.
  func measureDepth(of rule: RuleDeclaration, key: String) -> Bool {
    let depth = depth(of: rule.expression)
    depths[key] = depth
    if depth <= Self.maximumDepth { return true }
    reportDepth(rule)
    return false
  }

  private func reportDepth(_ rule: RuleDeclaration) {
    // Every rule that holds it is too deep as well.
    guard !isDepthReported else { return }
    isDepthReported = true
    diagnostics.report(
      rule.position, "`\(rule.name)` is built of more than \(Self.maximumDepth) rules and brackets within each other",
      note: "write repetitions with `*` in place of rules that hold each other")
  }

  private func depth(of expression: Expression) -> Int {
    switch expression.kind {
    case .literal, .range, .prose, .params: 1
    case .reference(let name): 1 + (depths[name.lowercased()] ?? 0)
    case .sequence(_, let parts), .choice(let parts): 1 + (parts.map { depth(of: $0) }.max() ?? 0)
    case .optional(let inner), .repetition(_, _, let inner), .commaList(_, let inner), .capture(_, let inner):
      1 + depth(of: inner)
    }
  }

  /// The names of a rule that refers to itself, as they are spelled.
  func cycle(_ inProgress: [String], _ key: String) -> String {
    (inProgress.drop { $0 != key } + [key]).map { rules[$0]?.name ?? $0 }.joined(separator: " → ")
  }

  /// `nil` after a diagnostic.
  func regex(_ expression: Expression, isPart: Bool = false) -> Regex? {
    switch expression.kind {
    case .literal(let bytes, let exact):
      if bytes.isEmpty, isPart {
        diagnostics.report(
          expression.position, "an empty string stands for nothing here",
          note: "what may be missing stands in brackets: `[ a ]`")
        return nil
      }
      return .literal(bytes, exact: exact)
    case .range(let first, let last): return .set(ByteSet(first...last))
    case .reference(let name):
      guard let rule = token(name, at: expression.position) else { return nil }
      if rule.isNestedComment {
        diagnostics.report(expression.position, "`\(name)` is nested and so no part of a token; capture it in a shape")
        return nil
      }
      return rule.regex
    case .prose(let prose):
      reportProse(prose, expression.position)
      return nil
    case .sequence(let predicate, let parts):
      if let predicate {
        diagnostics.report(
          predicate.position, "a token rule is matched by the longest text; `when` belongs into a shape")
        return nil
      }
      var result: [Regex] = []
      for part in parts {
        guard let more = regex(part, isPart: true) else { return nil }
        result.append(more)
      }
      return .sequence(result)
    case .choice(let parts):
      var result: [Regex] = []
      for part in parts {
        guard let more = regex(part, isPart: true) else { return nil }
        result.append(more)
      }
      let choice = Regex.choice(result)
      return choice.singleSet.map(Regex.set) ?? choice
    case .optional(let inner):
      guard let inner = regex(inner, isPart: true) else { return nil }
      return .repetition(inner, minimum: 0, maximum: 1)
    case .repetition(let minimum, let maximum, let inner):
      guard let body = regex(inner, isPart: true) else { return nil }
      if body.isNullable, maximum == nil {
        diagnostics.report(expression.position, "this repeats something that can be empty")
        return nil
      }
      return .repetition(body, minimum: minimum, maximum: maximum)
    case .capture, .commaList, .params:
      diagnostics.report(expression.position, "a token has no captures")
      return nil
    }
  }

  // MARK: Enums

  func enumType(_ name: String) -> EnumType? {
    if let known = model.enums[name] { return known }
    guard let (declaration, area) = enumDeclarations[name] else { return nil }
    var base: TokenRule?
    var isOpenText = false
    if let reference = declaration.base {
      if reference.name == "text" {
        isOpenText = true
      } else {
        base = token(reference.name, at: reference.position)
      }
    }
    var caseNames: [String: String] = [:]
    var cases: [(name: String, caseName: String, exact: Bool)] = []
    for entry in declaration.cases {
      let text = String(decoding: entry.name, as: UTF8.self)
      if let base, !base.automaton.accepts(entry.name) {
        diagnostics.report(entry.position, "\"\(text)\" is no `\(base.name)`, of which `\(declaration.name)` consists")
      }
      let caseName = Naming.property(text)
      if caseName == "_" {
        diagnostics.report(entry.position, "\"\(text)\" has no letter or digit from which a name could be made")
      } else if caseName == "other", declaration.base != nil {
        diagnostics.report(
          entry.position, "\"\(text)\" would get the name `other`, which is that of all values not named here")
      } else if let known = caseNames[caseName] {
        let isSame = known == text || !entry.exact && known.lowercased() == text.lowercased()
        diagnostics.report(
          entry.position,
          isSame
            ? "\"\(text)\" stands twice in `\(declaration.name)`"
            : "\"\(text)\" and \"\(known)\" would get the same name in Swift, `\(caseName)`")
      }
      caseNames[caseName] = text
      cases.append((text, caseName, entry.exact))
    }
    if cases.contains(where: { $0.exact != cases[0].exact }) {
      diagnostics.report(
        declaration.position, "the values of `\(declaration.name)` are either all exact (`%s\"…\"`) or none")
    }
    let result = EnumType(
      name: declaration.name, base: base, isOpenText: isOpenText, cases: cases, position: declaration.position,
      comment: declaration.comment, area: area)
    model.enums[name] = result
    model.orderedEnums.append(result)
    return result
  }
}
