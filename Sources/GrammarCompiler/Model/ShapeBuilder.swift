/// Turns the expression of one shape rule into steps and fields.
final class ShapeBuilder {
  private let shape: Shape
  private let owner: ModelBuilder
  private var fields: [Field] = []
  private var bits = 0

  init(_ shape: Shape, owner: ModelBuilder) {
    self.shape = shape
    self.owner = owner
  }

  func build(_ expression: Expression) {
    let before = owner.diagnostics.mistakes
    defer { shape.isBroken = owner.diagnostics.mistakes > before }
    shape.body = steps(expression, [])
    if owner.diagnostics.mistakes == before { checkParams(shape.body, isRepeated: false) }
    if let target = shape.fills, !target.isBroken {
      shape.body = remapped(shape.body, to: target)
      if owner.diagnostics.mistakes == before { checkFilled(shape.body, of: target) }
      shape.fields = target.fields
    } else {
      shape.fields = fields
      shape.stateBits = bits
      layOut()
    }
  }

  private func layOut() {
    if bits > 32 {
      owner.diagnostics.report(
        shape.position,
        "`\(shape.name)` has more optional parts than fit into one type; give some of them a rule of their own")
    }
    var word = shape.hasState ? 1 : 0
    var slot = 1
    for field in shape.fields {
      if field.isChild {
        field.slot = slot
        slot += 1
      } else {
        field.word = word
        word += field.width
      }
    }
    if slot > ParameterSlot.unknown {
      owner.diagnostics.report(
        shape.position, "`\(shape.name)` has too many fields; give some of them a rule of their own")
    }
  }

  /// Where `params` stands among `steps`, if it does.
  static func positionOfParams(_ steps: [Step]) -> Position? {
    for step in steps {
      switch step {
      case .params(let position): return position
      case .optional(let alternative, _), .repetition(_, _, let alternative):
        if let found = positionOfParams(alternative.body) { return found }
      case .choice(let alternatives, _, _):
        for alternative in alternatives { if let found = positionOfParams(alternative.body) { return found } }
      default: break
      }
    }
    return nil
  }

  /// `params` stands in a repeated group, and in one only.
  private func checkParams(_ steps: [Step], isRepeated: Bool) {
    var first: Position?
    func walk(_ steps: [Step], isRepeated: Bool) {
      for step in steps {
        switch step {
        case .params(let position):
          if !isRepeated {
            owner.diagnostics.report(
              position, "`params` stands in a repeated group, with what separates one from the next: `*( SEMI params )`"
            )
          } else if first != nil {
            owner.diagnostics.report(position, "`\(shape.name)` has `params` twice")
          }
          first = position
        case .optional(let alternative, _): walk(alternative.body, isRepeated: isRepeated)
        case .choice(let alternatives, _, _):
          for alternative in alternatives { walk(alternative.body, isRepeated: isRepeated) }
        case .repetition(_, _, let alternative), .commaList(_, let alternative, _, _):
          walk(alternative.body, isRepeated: true)
        default: break
        }
      }
    }
    walk(steps, isRepeated: isRepeated)
  }

  // MARK: Steps

  func steps(_ expression: Expression, _ context: [Condition], inList: Bool = false) -> [Step] {
    let position = expression.position
    switch expression.kind {
    case .literal(let bytes, let exact):
      guard !bytes.isEmpty else {
        owner.diagnostics.report(position, "an empty string stands for nothing here")
        return []
      }
      guard bytes.allSatisfy({ $0 < 0x80 }) || bytes.count == 1 else {
        owner.diagnostics.report(
          position, "bytes above %x7F cannot be written as a literal",
          note: "capture them: `label:rule`, with a token rule that matches them")
        return []
      }
      return [.literal(bytes, exact: exact, position)]
    case .range(let first, let last):
      guard first == last else {
        cannotBeWritten(position, "a byte of a range")
        return []
      }
      return [.literal([first], exact: true, position)]
    case .reference(let name): return reference(name, position, context, inList: inList)
    case .prose(let prose):
      owner.reportProse(prose, position)
      return []
    case .sequence(let predicate, let parts):
      guard predicate == nil else {
        owner.diagnostics.report(position, "`when` stands at the beginning of `[ ]`, `( )` or an alternative")
        return []
      }
      return parts.flatMap { steps($0, context, inList: inList) }
    case .choice(let parts): return choice(parts, position, context, inList: inList)
    case .optional(let inner):
      let condition = Condition(shift: bits, width: 1, value: 1)
      bits += 1
      let before = fields.map(\.placements.count).reduce(0, +)
      let mistakes = owner.diagnostics.mistakes
      let alternative = alternative(inner, context + [condition], inList: inList)
      if owner.diagnostics.mistakes == mistakes, fields.map(\.placements.count).reduce(0, +) == before,
        Self.positionOfParams(alternative.body) == nil, !ModelBuilder.hasCapture(inner)
      {
        owner.diagnostics.report(
          position, "whether this optional part was there cannot be written back, since nothing in it is captured",
          note: "capture it, such as `label:\"text\"`, or make it a part of a token with a canonical spelling")
      }
      return [.optional(alternative, condition)]
    case .repetition(let minimum, let maximum, let inner):
      return repetition(minimum, maximum, inner, position, context)
    case .commaList(let minimum, let inner):
      guard owner.hasRule("COMMA") else {
        owner.diagnostics.report(
          position, "a comma list wants a token rule `COMMA`: what stands between its values",
          note: "`core.grammar` has it; does `targets.grammar` say `using core`?")
        return []
      }
      guard let separator = owner.token("COMMA", at: position) else { return [] }
      let mistakes = owner.diagnostics.mistakes
      let body = alternative(inner, context, inList: true)
      guard body.body.count == 1, case .capture? = body.body.first else {
        if owner.diagnostics.mistakes == mistakes {
          owner.diagnostics.report(position, "a comma list repeats one capture, such as `1#label:rule`")
        }
        return []
      }
      return [.commaList(minimum: minimum, body, separator: separator, position)]
    case .capture(let label, let type): return capture(label, type, position, context, inList: inList)
    case .params: return [.params(position)]
    }
  }

  private func cannotBeWritten(_ position: Position, _ what: String, name: String? = nil) {
    owner.diagnostics.report(
      position, "\(what) that nothing captures cannot be written back",
      note: name.map {
        "capture it with a label in front, such as `value:\($0)`, or let its rule say how it is written: `written \"…\"`"
      } ?? "capture it with a label in front, such as `value:1*DIGIT`, or make it a rule that says how it is written: "
        + "`written \"…\"`")
  }

  private func reference(_ name: String, _ position: Position, _ context: [Condition], inList: Bool) -> [Step] {
    // A shape without a label gets its own name as label.
    if owner.isShape(name.lowercased()) {
      let type = Expression(kind: .reference(name), position: position)
      return capture(Naming.property(name), type, position, context, inList: inList)
    }
    guard let token = owner.token(name, at: position) else { return [] }
    if token.written == nil {
      if let literal = token.regex.exactLiteral {
        return steps(Expression(kind: .literal(literal, exact: true), position: position), context)
      }
      cannotBeWritten(position, "the token `\(name)`", name: name)
      return []
    }
    return [.token(token, position)]
  }

  private func alternative(_ expression: Expression, _ context: [Condition], inList: Bool) -> Alternative {
    var inner = expression
    var predicate: TokenRule?
    if case .sequence(let reference?, let parts) = expression.kind {
      if owner.isShape(reference.name.lowercased()) {
        owner.diagnostics.report(
          reference.position, "a predicate is a token rule, and `\(reference.name)` has captures")
      } else {
        predicate = owner.token(reference.name, at: reference.position)
      }
      inner = Expression(kind: .sequence(guard: nil, parts), position: expression.position)
    }
    return Alternative(
      predicate: predicate, body: steps(inner, context, inList: inList), position: expression.position)
  }

  private func choice(
    _ parts: [Expression], _ position: Position, _ context: [Condition], inList: Bool
  ) -> [Step] {
    if let words = words(parts) {
      owner.diagnostics.report(
        position, "nothing tells which of these words is to be written, since nothing captures them",
        note: "make an enum of them and capture that, `value:Name`: `enum Name\(words.others) = \(words.known)`")
      return []
    }
    var width = 1
    while (1 << width) < parts.count + 1 { width += 1 }
    let shift = bits
    bits += width
    var alternatives: [Alternative] = []
    var conditions: [Condition] = []
    let mistakes = owner.diagnostics.mistakes
    for (index, part) in parts.enumerated() {
      let condition = Condition(shift: shift, width: width, value: index + 1)
      conditions.append(condition)
      alternatives.append(alternative(part, context + [condition], inList: inList))
    }
    guard owner.diagnostics.mistakes == mistakes else { return [.choice(alternatives, conditions, position)] }
    let pairs = zip(alternatives, alternatives.dropFirst())
    if let misplaced = pairs.first(where: { $0.predicate == nil && $1.predicate != nil }) {
      owner.diagnostics.report(
        misplaced.1.position, "this alternative would never be asked for: alternatives with `when` come first")
    }
    let silent = alternatives.filter { !Self.holdsCapture($0.body) }
    if silent.count > 1 {
      owner.diagnostics.report(
        silent[1].position,
        "nothing tells which of these alternatives is to be written: neither this one nor the one in "
          + "\(silent[0].position.line == silent[1].position.line ? "" : "line \(silent[0].position.line), ")column \(silent[0].position.column) captures anything",
        note: "capture them, such as `label:\"text\"`, or the choice as a whole: `label:( … / … )`")
    }
    return [.choice(alternatives, conditions, position)]
  }

  /// The first of the alternatives where all are words, or one rule is among them, of which the words are some.
  private func words(_ parts: [Expression]) -> (known: String, others: String)? {
    var known: [String] = []
    var others = ""
    for part in parts {
      switch part.kind {
      case .literal(let bytes, _): known.append("\"\(String(decoding: bytes, as: UTF8.self))\"")
      case .reference(let name) where others.isEmpty && !owner.isShape(name.lowercased()): others = " : \(name)"
      default: return nil
      }
    }
    guard known.count > 1 || !known.isEmpty && !others.isEmpty else { return nil }
    return (known.prefix(2).joined(separator: " / ") + (known.count > 2 ? " / …" : ""), others)
  }

  private static func holdsCapture(_ steps: [Step]) -> Bool {
    steps.contains { step in
      switch step {
      case .literal, .token: false
      case .capture, .params: true
      case .optional(let alternative, _), .repetition(_, _, let alternative), .commaList(_, let alternative, _, _):
        holdsCapture(alternative.body)
      case .choice(let alternatives, _, _): alternatives.contains { holdsCapture($0.body) }
      }
    }
  }

  private func repetition(
    _ minimum: Int, _ maximum: Int?, _ inner: Expression, _ position: Position, _ context: [Condition]
  ) -> [Step] {
    guard ModelBuilder.hasCapture(inner) || containsShape(inner) else {
      cannotBeWritten(position, "a repetition")
      return []
    }
    let mistakes = owner.diagnostics.mistakes
    let body = alternative(inner, context, inList: true)
    var captures = 0
    for step in body.body {
      switch step {
      case .capture, .params: captures += 1
      case .literal, .token: break
      default: captures += 2
      }
    }
    if captures != 1, owner.diagnostics.mistakes == mistakes {
      owner.diagnostics.report(
        position, "a repeated group holds exactly one capture",
        note: "give the group a rule of its own and capture that: `*( separator label:rule )`")
    }
    return [.repetition(minimum: minimum, maximum: maximum, body)]
  }

  private func containsShape(_ expression: Expression) -> Bool {
    switch expression.kind {
    case .reference(let name): owner.isShape(name.lowercased())
    case .sequence(_, let parts), .choice(let parts): parts.contains(where: containsShape)
    case .optional(let inner), .repetition(_, _, let inner): containsShape(inner)
    default: false
    }
  }

  // MARK: Captures

  private func capture(
    _ label: String, _ type: Expression, _ position: Position, _ context: [Condition], inList: Bool
  ) -> [Step] {
    if let refusal = Naming.refusal(ofLabel: label) {
      owner.diagnostics.report(position, refusal)
      return []
    }
    if ["parameters", "otherParameters"].contains(label), owner.hasParams(shape.name) {
      owner.diagnostics.report(
        position, "`\(label)` cannot be a label: its type has a property of that name, for its `params`")
      return []
    }
    if inList, case .literal = type.kind {
      owner.diagnostics.report(position, "a literal in a list tells nothing", note: "capture a token rule instead")
      return []
    }
    guard let resolved = fieldType(label, type, context, position) else { return [] }
    if let index = fields.firstIndex(where: { $0.label == label }) {
      let field = fields[index]
      // `item:rule *( separator item:rule )`: all of them are one list.
      if inList, !field.isList, Self.same(field.type, resolved) { field.isList = true }
      guard Self.same(field.type, resolved), field.isList == inList else {
        owner.diagnostics.report(
          position, "`\(label)` is captured here with another type", note: "the other one is here", at: field.position)
        return []
      }
      func excludes(_ placement: [Condition]) -> Bool {
        placement.contains { one in
          context.contains { $0.shift == one.shift && $0.width == one.width && $0.value != one.value }
        }
      }
      // The list is written where its first value stands: that one has to be there before any other, and nothing
      // behind what is repeated can be told from it.
      guard
        !field.isList
          || field.placements.allSatisfy({ excludes($0) || Set($0).isSubset(of: context) })
            && field.repeatedPlacements.allSatisfy(excludes)
      else {
        owner.diagnostics.report(
          position, "`\(label)` is captured twice, and nothing tells which values of the list stand here",
          note: "the other one is here", at: field.position)
        return []
      }
      guard field.isList || field.placements.allSatisfy(excludes) else {
        owner.diagnostics.report(
          position, "`\(label)` is captured twice, and both can be there at once", note: "the other one is here",
          at: field.position)
        return []
      }
      field.placements.append(context)
      if inList { field.repeatedPlacements.append(context) }
      return [.capture(index, resolved, position)]
    }
    let field = Field(label: label, type: Self.stored(resolved), isList: inList, position: position)
    field.placements = [context]
    if inList { field.repeatedPlacements = [context] }
    fields.append(field)
    return [.capture(fields.count - 1, resolved, position)]
  }

  private func fieldType(
    _ label: String, _ type: Expression, _ context: [Condition], _ position: Position
  ) -> FieldType? {
    switch type.kind {
    case .literal(let bytes, let exact):
      guard !context.isEmpty else {
        owner.diagnostics.report(
          position,
          "`\(label)` captures a literal that is always there; only one in `[ ]` or an alternative tells something")
        return nil
      }
      return .flag(bytes, exact: exact)
    case .reference(let name):
      if let number = owner.number(name) { return .number(number) }
      let key = name.lowercased()
      if owner.enumType(name) != nil {
        owner.model.usedEnums.insert(name)
        return owner.enumType(name).map(FieldType.enumeration)
      }
      if owner.isShape(key) {
        owner.model.used.insert(key)
        guard let shape = owner.shape(name) else { return nil }
        return .shape(shape)
      }
      return owner.token(name, at: type.position).map(FieldType.text)
    case .capture:
      owner.diagnostics.report(position, "a capture captures a token or a rule, not another capture")
      return nil
    default:
      if ModelBuilder.hasCapture(type) {
        owner.diagnostics.report(
          position, "`\(label)` captures a group with captures of its own; give the group a rule")
        return nil
      }
      guard let regex = owner.regex(type) else { return nil }
      let token = TokenRule(
        name: label, regex: regex, written: nil, position: position, area: shape.area, isAnonymous: true)
      return owner.isSmallEnough(token) ? .text(token) : nil
    }
  }

  /// The type of a field that is filled by `type`: a narrower spelling fills the shape itself.
  private static func stored(_ type: FieldType) -> FieldType {
    if case .shape(let shape) = type { return .shape(shape.layout) }
    return type
  }

  static func same(_ left: FieldType, _ right: FieldType) -> Bool {
    switch (left, right) {
    // Two tokens are both texts: which token it was matters to the parser, not to the type.
    case (.text, .text), (.flag, .flag): true
    case (.number(let left), .number(let right)): left == right
    case (.enumeration(let left), .enumeration(let right)): left === right
    case (.shape(let left), .shape(let right)): left.layout === right.layout
    default: false
    }
  }

  // MARK: rule as Type

  /// A narrower spelling fills all that is always there in `target`.
  private func checkFilled(_ steps: [Step], of target: Shape) {
    let missing = Self.sure(target.body).subtracting(Self.sure(steps)).sorted().map { "`\(target.fields[$0].label)`" }
    if !missing.isEmpty {
      owner.diagnostics.report(
        shape.position,
        "`\(shape.name)` does not always fill \(missing.joined(separator: ", ")), which each `\(target.name)` has")
    }
  }

  /// The fields that are filled whatever is there.
  private static func sure(_ steps: [Step]) -> Set<Int> {
    steps.reduce(into: []) { result, step in
      switch step {
      case .capture(let index, _, _): result.insert(index)
      case .choice(let alternatives, _, _):
        guard let first = alternatives.first else { break }
        result.formUnion(alternatives.dropFirst().reduce(sure(first.body)) { $0.intersection(sure($1.body)) })
      default: break
      }
    }
  }

  /// The steps with field indices of `target`, whose fields this rule fills.
  private func remapped(_ steps: [Step], to target: Shape) -> [Step] {
    var indices: [Int: Int] = [:]
    for (index, field) in fields.enumerated() {
      guard let other = target.fields.firstIndex(where: { $0.label == field.label }) else {
        owner.diagnostics.report(
          field.position, "`\(target.name)` has no field `\(field.label)`, which `\(shape.name)` wants to fill")
        continue
      }
      guard Self.same(field.type, target.fields[other].type), field.isList == target.fields[other].isList else {
        owner.diagnostics.report(
          field.position, "`\(field.label)` has another type in `\(target.name)`", note: "there it is",
          at: target.fields[other].position)
        continue
      }
      indices[index] = other
    }
    func map(_ steps: [Step]) -> [Step] {
      steps.compactMap { step in
        switch step {
        case .capture(let index, let type, let position): return indices[index].map { .capture($0, type, position) }
        case .optional(let alternative, let condition):
          return .optional(
            Alternative(predicate: alternative.predicate, body: map(alternative.body), position: alternative.position),
            condition)
        case .choice(let alternatives, let conditions, let position):
          return .choice(
            alternatives.map { Alternative(predicate: $0.predicate, body: map($0.body), position: $0.position) },
            conditions, position)
        case .repetition(let minimum, let maximum, let alternative):
          return .repetition(
            minimum: minimum, maximum: maximum,
            Alternative(predicate: alternative.predicate, body: map(alternative.body), position: alternative.position))
        case .commaList(let minimum, let alternative, let separator, let position):
          return .commaList(
            minimum: minimum,
            Alternative(predicate: alternative.predicate, body: map(alternative.body), position: alternative.position),
            separator: separator, position)
        default: return step
        }
      }
    }
    return map(steps)
  }
}

enum ScalarType {
  static func bits(_ name: String) -> Int? {
    switch name {
    case "UInt8": 8
    case "UInt16": 16
    case "UInt32": 32
    case "UInt64": 64
    default: nil
    }
  }

  static let names = ["UInt8", "UInt16", "UInt32", "UInt64"]
}
