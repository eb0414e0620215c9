/// Resolves the elements of the Jingle grammars.
struct ElementBuilder {
  private let trees: [SyntaxTree]
  private let model: Model
  private let owner: ModelBuilder
  private var diagnostics: Diagnostics { owner.diagnostics }

  init(_ trees: [SyntaxTree], model: Model, owner: ModelBuilder) {
    self.trees = trees
    self.model = model
    self.owner = owner
  }

  func build() {
    var namespaces: [String: NamespaceDeclaration] = [:]
    for declaration in trees.flatMap(\.namespaces) {
      if let existing = namespaces[declaration.prefix] {
        diagnostics.report(
          declaration.position, "the prefix `\(declaration.prefix)` is declared twice", note: "the first time here",
          at: existing.position)
      }
      namespaces[declaration.prefix] = declaration
      model.namespaces.append(declaration)
    }
    addFeatures(namespaces)
    var declarations: [(ElementDeclaration, ElementType)] = []
    for tree in trees {
      for declaration in tree.elements {
        guard let namespace = namespaces[declaration.prefix.name] else {
          owner.undefined(declaration.prefix, "namespace with the prefix", among: Array(namespaces.keys))
          continue
        }
        let key = declaration.qualifiedName
        if let existing = model.elements[key] {
          diagnostics.report(
            declaration.position, "the element `\(key)` is declared twice", note: "the first time here",
            at: existing.position)
          continue
        }
        let element = ElementType(
          prefix: declaration.prefix.name, namespace: namespace.uri, name: declaration.name,
          isRoot: declaration.isRoot, position: declaration.position, comment: declaration.comment, area: tree.area)
        element.number = model.orderedElements.count
        model.elements[key] = element
        model.orderedElements.append(element)
        declarations.append((declaration, element))
      }
    }
    let mistakes = diagnostics.mistakes
    for (declaration, element) in declarations { fill(element, from: declaration) }
    if diagnostics.mistakes == mistakes {
      for (declaration, element) in declarations { addDemands(to: element, from: declaration) }
    }
    // An element that nobody holds may be the one that was misspelled above.
    if diagnostics.mistakes == mistakes { checkUse(declarations.map(\.1)) }
  }

  /// The features that are announced, sorted by their bytes, as XEP-0115 §5.1 hashes them.
  private func addFeatures(_ namespaces: [String: NamespaceDeclaration]) {
    var known: [String: FeatureDeclaration] = [:]
    for declaration in trees.flatMap(\.features) {
      let name: String
      switch declaration.name {
      case .text(let text): name = text
      case .namespace(let prefix):
        guard let namespace = namespaces[prefix.name] else {
          owner.undefined(prefix, "namespace with the prefix", among: Array(namespaces.keys))
          continue
        }
        name = namespace.uri
      }
      if name.isEmpty || name.utf8.contains(where: { $0 <= 0x20 || $0 == 0x3C || $0 == 0x7F }) {
        diagnostics.report(
          declaration.position, "`\(name)` is no feature: it is empty, or has a space or a `<` in it",
          note: "XEP-0115 §5.1 ends each feature with `<`")
      } else if let existing = known[name] {
        diagnostics.report(
          declaration.position, "the feature `\(name)` is declared twice", note: "the first time here",
          at: existing.position)
      } else {
        known[name] = declaration
        model.features.append(
          FeatureModel(name: name, position: declaration.position, comment: declaration.comment))
      }
    }
    model.features.sort { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
  }

  private func fill(_ element: ElementType, from declaration: ElementDeclaration) {
    var labels: Set<String> = []
    func claim(_ label: String, _ position: Position) {
      if let refusal = Naming.refusal(ofLabel: label) {
        diagnostics.report(
          position, refusal, note: "write a label in front: `label@attribute:type` or `label <prefix:name>`")
      } else if !labels.insert(label).inserted {
        diagnostics.report(
          position, "`\(element.qualifiedName)` has two things that would be called `\(label)`",
          note: "write a label in front: `label@attribute:type` or `label <prefix:name>`")
      }
    }
    var bit = 0
    for attribute in declaration.attributes {
      claim(attribute.label, attribute.position)
      guard let type = valueType(attribute.type) else { continue }
      if let value = attribute.defaultValue { checkDefault(value, type, attribute.position) }
      element.attributes.append(
        .init(
          name: attribute.name, label: attribute.label, type: type, isOptional: attribute.isOptional,
          defaultValue: attribute.defaultValue, word: element.fixedWords, bit: bit, position: attribute.position))
      element.fixedWords += type.width
      bit += 1
    }
    if let text = declaration.text, let type = valueType(text.type) {
      claim("text", text.position)
      element.text = .init(
        name: "", label: "text", type: type, isOptional: text.isOptional, defaultValue: nil, word: element.fixedWords,
        bit: bit, position: text.position)
      element.fixedWords += type.width
      bit += 1
    }
    if bit > 32 {
      diagnostics.report(
        element.position, "`\(element.qualifiedName)` has \(bit) attributes; one type holds no more than 32")
    }
    for child in declaration.children {
      claim(child.label, child.position)
      guard let type = model.elements[child.element.name] else {
        // It is declared, but its namespace is not.
        if trees.contains(where: { $0.elements.contains { $0.qualifiedName == child.element.name } }) {
          diagnostics.meetAgain()
          continue
        }
        owner.undefined(child.element, "element", among: Array(model.elements.keys))
        continue
      }
      element.children.append(
        .init(
          label: child.label, element: type, occurrence: child.occurrence, slot: element.children.count + 1,
          position: child.position))
    }
  }

  /// What is demanded of an element, its attributes and children being known, and those of its children.
  private func addDemands(to element: ElementType, from declaration: ElementDeclaration) {
    func attribute(_ reference: Reference, of element: ElementType) -> Int? {
      let found = element.attributes.firstIndex { $0.name == reference.name }
      if found == nil {
        owner.undefined(
          reference, "attribute of `\(element.qualifiedName)`", among: element.attributes.map(\.name))
      }
      return found
    }
    func child(_ reference: Reference) -> Int? {
      let found = element.children.firstIndex { $0.element.qualifiedName == reference.name }
      if found == nil {
        owner.undefined(
          reference, "child of `\(element.qualifiedName)`", among: element.children.map(\.element.qualifiedName))
      }
      return found
    }
    for (number, declared) in declaration.children.enumerated() where number < element.children.count {
      for reference in declared.unique {
        guard let found = attribute(reference, of: element.children[number].element) else { continue }
        element.children[number].uniqueBits |= 1 << element.children[number].element.attributes[found].bit
      }
    }
    element.exclusive = declaration.exclusive.compactMap(child)
    for requirement in declaration.requirements {
      guard let subject = attribute(requirement.subject, of: element) else { continue }
      if case .enumeration(let type) = element.attributes[subject].type, !type.isOpen {
        for value in requirement.values where !type.cases.contains(where: { $0.name == value }) {
          diagnostics.report(requirement.subject.position, "\"\(value)\" is no value of `\(type.name)`")
        }
      }
      let demand: ElementType.Requirement.Demand?
      switch requirement.demand {
      case .attribute(let reference): demand = attribute(reference, of: element).map { .attribute($0) }
      case .child(let reference): demand = child(reference).map { .child($0) }
      case .form(let field, let rule):
        let place =
          field.name == "text" && element.text != nil ? element.attributes.count : attribute(field, of: element)
        let rule = owner.token(rule.name, at: rule.position)
        demand = place.flatMap { place in rule.map { .form(place, $0) } }
      }
      guard let demand else { continue }
      element.requirements.append(
        .init(isNegated: requirement.isNegated, subject: subject, values: requirement.values, demand: demand))
    }
  }

  private func valueType(_ reference: Reference) -> ElementType.ValueType? {
    if reference.name == "text" { return .text }
    if let number = owner.number(reference.name) { return .number(number) }
    if let type = owner.enumType(reference.name) {
      model.usedEnums.insert(reference.name)
      return .enumeration(type)
    }
    if owner.isShape(reference.name.lowercased()) {
      diagnostics.report(
        reference.position,
        "an attribute holds a text, a number, an enum or a token, and `\(reference.name)` has captures")
      return nil
    }
    return owner.token(reference.name, at: reference.position).map(ElementType.ValueType.token)
  }

  private func checkDefault(_ value: String, _ type: ElementType.ValueType, _ position: Position) {
    switch type {
    case .text: break
    case .token(let token):
      if !token.automaton.accepts(value.utf8) {
        diagnostics.report(position, "the default \"\(value)\" is no `\(token.name)`")
      }
    case .number(let number):
      if UInt64(value).map({ $0 < number.minimum || $0 > number.maximum }) ?? true {
        diagnostics.report(
          position,
          "the default \"\(value)\" is no UInt\(number.bits), which is a number from \(number.minimum) to \(number.maximum)"
        )
      }
    case .enumeration(let type):
      if !type.cases.contains(where: { $0.name == value }) {
        diagnostics.report(position, "the default \"\(value)\" is no value of `\(type.name)`")
      }
    }
  }

  /// Elements that no stanza can hold are a slip.
  private func checkUse(_ elements: [ElementType]) {
    var reached: Set<String> = []
    var stack = elements.filter(\.isRoot)
    while let element = stack.popLast() {
      if reached.insert(element.qualifiedName).inserted { stack += element.children.map(\.element) }
    }
    let note = "name it as the child of another element, or mark it `root` if a stanza holds it"
    let lost = elements.filter { !reached.contains($0.qualifiedName) }
    // Of a branch that hangs on nothing, its uppermost element.
    let held = Set(
      lost.flatMap { element in element.children.map(\.element).filter { $0 !== element } }.map(\.qualifiedName))
    let uppermost = lost.filter { !held.contains($0.qualifiedName) }
    for element in uppermost {
      diagnostics.report(element.position, "nothing holds the element `\(element.qualifiedName)`", note: note)
    }
    if uppermost.isEmpty, let first = lost.first {
      diagnostics.report(
        first.position, "only elements that nothing holds hold the element `\(first.qualifiedName)`", note: note)
    }
  }
}
