/// Puts the rows of one direction in the order in which they run, before ``MappingCodeEmitter`` prints them: what both
/// directions share, and the way to Jingle.
struct MappingLowering {
  let mapping: MappingModel
  let model: Model
  let tables: MappingTableBuilder

  // MARK: Shared

  /// A step with the conditions of the row.
  func step(_ operation: String, _ row: MappedRow, toJingle: Bool) -> LoweredStep {
    let step = LoweredStep(operation)
    if row.syntax.isEach { step.flags.insert("each") }
    if row.syntax.isFromSession { step.flags.insert("fromSession") }
    if row.syntax.trims { step.flags.insert("trim") }
    if row.syntax.uppercases { step.flags.insert("upper") }
    if row.syntax.isKnownOnly { step.flags.insert("known") }
    if row.syntax.isUnlessEmpty { step.flags.insert("unlessEmpty") }
    step.function = row.syntax.function?.name
    addPresence(row, to: step, toJingle: toJingle)
    guard toJingle else { return step }
    step.predicate = row.syntax.predicate?.name
    if !row.actions.isEmpty {
      let named = mapping.mask(of: row.actions, model)
      step.actions = row.syntax.actionsAreExcluded ? ~named : named
    }
    return step
  }

  /// A condition on Jingle counts where Jingle is read, one on SDP always: a line is written in the order of its rows.
  private func addPresence(_ row: MappedRow, to step: LoweredStep, toJingle: Bool) {
    guard let presence = row.presence else { return }
    if let attribute = presence.attribute {
      if toJingle { return }
      step.conditionJingle = tables.attribute(attribute, of: row.element)
    }
    if let field = presence.field {
      let target = place(field)
      step.conditionPlace = target.place
      step.conditionItem = target.node
      step.conditionSDP = target.field
    }
    if presence.isNegated { step.flags.insert("negated") }
    if let literal = presence.literal { step.conditionText = tables.texts([literal]).lowerBound }
  }

  /// Where a field stands: the node to look for, if it is not the current one.
  func place(_ field: MappedField) -> (place: String, node: Int, field: Int) {
    switch field.place {
    case .item: return ("here", -1, -1)
    case .here: return ("here", -1, field.field.map { tables.field($0) } ?? -1)
    case .line(let line):
      let node = tables.node(line)
      return ("line", node, field.field.map { tables.field($0) } ?? -1)
    case .parameter(let index):
      guard let shape = field.shape else { return ("child", -1, -1) }
      let node = tables.parameter(index, of: shape)
      return ("child", node, field.field.map { tables.field($0) } ?? -1)
    }
  }

  /// A copy of one value between a field and an attribute.
  func copy(_ row: MappedRow, item: Int, toJingle: Bool) -> LoweredStep {
    let step = step("copy", row, toJingle: toJingle)
    if let field = row.field {
      if case .item = field.place {
        step.sdp = item
      } else {
        let target = place(field)
        step.place = target.place
        step.sdp = target.field
        if target.place == "line" { step.line = target.node } else { step.item = target.node }
      }
    }
    if let attribute = row.attribute { step.jingle = tables.attribute(attribute, of: row.element) }
    addConversion(row, to: step, toJingle: toJingle)
    step.omitted = tables.texts(row.syntax.omitted)
    step.texts = tables.texts(row.syntax.absentAs)
    return step
  }

  /// Codes of one enum for those of another.
  private func addConversion(_ row: MappedRow, to step: LoweredStep, toJingle: Bool) {
    guard case .enumeration(let sdp)? = row.field?.type, case .enumeration(let jingle)? = row.attribute?.type else {
      return
    }
    func codes(_ jingleName: (String) -> String?) -> [Int] {
      let pairs = sdp.cases.map { one in
        jingleName(one.name).flatMap { name in jingle.cases.firstIndex { $0.name.lowercased() == name.lowercased() } }
      }
      if toJingle { return [0] + pairs.map { $0.map { $0 + 1 } ?? 0 } }
      return [0] + jingle.cases.indices.map { code in (pairs.firstIndex { $0 == code } ?? -1) + 1 }
    }
    if let table = row.perspective, table.values.count == 2 {
      let tables = table.values.map { values in
        codes { name in table.columns.firstIndex { $0.name == name }.map { values[$0].name } }
      }
      step.conversion = self.tables.conversion(initiator: tables[0], responder: tables[1])
    } else {
      let both = codes { $0 }
      step.conversion = tables.conversion(initiator: both, responder: both)
    }
  }

  func element(_ row: MappedRow) -> Int { row.child.map { tables.node($0, of: row.element) } ?? -1 }

  /// The number of the enum's value, from 1.
  func code(_ name: String, _ attribute: ElementType.Attribute?) -> Int {
    guard case .enumeration(let type)? = attribute?.type else { return 0 }
    return (type.cases.firstIndex { $0.name == name } ?? -1) + 1
  }

  func choice(_ row: MappedRow, _ table: PerspectiveTable, toJingle: Bool) -> LoweredStep {
    let step = step("choice", row, toJingle: toJingle)
    if let attribute = row.attribute { step.jingle = tables.attribute(attribute, of: row.element) }
    for (index, column) in table.columns.enumerated() {
      guard let line = mapping.lines.first(where: { $0.name == column.name }), table.values.count == 2 else { continue }
      let alternative = LoweredStep("alternative")
      alternative.line = tables.node(line)
      alternative.key = code(table.values[0][index].name, row.attribute)
      alternative.column = code(table.values[1][index].name, row.attribute)
      step.nested.append(alternative)
    }
    return step
  }

  /// Consecutive members of one list are found in one pass.
  func collect(_ rows: ArraySlice<MappedRow>, toJingle: Bool) -> LoweredStep? {
    guard let first = rows.first, let field = first.field, case .line(let line) = field.place, let shape = line.shape,
      let list = field.field
    else { return nil }
    let step = step("collect", first, toJingle: toJingle)
    step.line = tables.node(line)
    step.item = tables.item(list, of: shape)
    step.sdp = tables.itemField(list)
    step.name = line.shown
    for row in rows {
      guard case .member(let literal) = row.kind else { continue }
      let member = self.step("member", row, toJingle: toJingle)
      member.texts = tables.texts([literal])
      member.element = element(row)
      if let attribute = row.attribute, case .attribute(_, let value?) = row.syntax.right {
        member.jingle = tables.attribute(attribute, of: row.element)
        member.omitted = tables.texts([value])
      }
      step.nested.append(member)
    }
    return step
  }

  func members(from index: Int, in rows: [MappedRow]) -> ArraySlice<MappedRow> {
    var end = index
    while end < rows.count, case .member = rows[end].kind,
      rows[end].field?.name == rows[index].field?.name
    {
      end += 1
    }
    return rows[index..<end]
  }

  func function(_ row: MappedRow, toJingle: Bool) -> LoweredStep {
    let step = step("function", row, toJingle: toJingle)
    if case .line(let line) = row.source { step.line = tables.node(line) }
    if let field = row.field {
      let target = place(field)
      step.sdp = target.field
      if step.line < 0, target.place == "line" { step.line = target.node }
    }
    step.element = element(row)
    if let attribute = row.attribute { step.jingle = tables.attribute(attribute, of: row.element) }
    return step
  }

  func words(_ row: MappedRow, toJingle: Bool) -> LoweredStep {
    let step = step("words", row, toJingle: toJingle)
    if let field = row.field { step.sdp = place(field).field }
    step.element = element(row)
    if let attributes = row.wordAttributes, let child = row.child {
      step.jingle = tables.attribute(attributes.name, of: child.element)
      step.key = tables.attribute(attributes.value, of: child.element)
    }
    return step
  }

  // MARK: To Jingle

  func toJingle(_ rows: [MappedRow], item: Int = -1, columns: [String] = []) -> [LoweredStep] {
    var result: [LoweredStep] = []
    for (index, row) in rows.enumerated() {
      switch row.kind {
      case .loss: result += losses(row)
      case .constant(let literal): result.append(constant(row, literal))
      case _ where !row.syntax.arrow.goesToJingle: continue
      case .gate:
        let step = step("gate", row, toJingle: true)
        step.nested = toJingle(row.nested, item: item)
        result.append(step)
      case .node: result.append(node(row))
      case .value:
        let step = copy(row, item: item, toJingle: true)
        if let field = row.field { step.column = columns.firstIndex(of: field.name) ?? -1 }
        result.append(step)
      case .pair:
        let step = step("pair", row, toJingle: true)
        step.nested = row.nested.map { copy($0, item: item, toJingle: true) }
        result.append(step)
      case .choice(let table): result.append(choice(row, table, toJingle: true))
      case .member:
        if index > 0, case .member = rows[index - 1].kind, rows[index - 1].field?.name == row.field?.name { continue }
        if let step = collect(members(from: index, in: rows), toJingle: true) { result.append(step) }
      case .words: result.append(words(row, toJingle: true))
      case .function: result.append(function(row, toJingle: true))
      }
    }
    return result
  }

  private func node(_ row: MappedRow) -> LoweredStep {
    let step = step(row.isSections ? "sections" : "enter", row, toJingle: true)
    step.element = element(row)
    let item = open(row, step)
    step.filters = tables.filters(row.filters.map { tables.field($0) })
    var columns: [String] = []
    if let fallback = row.fallback, let index = mapping.keyTables.firstIndex(where: { $0 === fallback }) {
      step.column = index
      columns = fallback.columns.dropFirst().map(\.name)
    }
    step.nested = toJingle(row.nested, item: item, columns: columns)
    if item >= 0, step.nested.contains(where: { $0.place == "joined" }) || step.joins { step.flags.insert("key") }
    return step
  }

  /// What a node stands for in SDP; returns the field of an item of a list of single values.
  func open(_ row: MappedRow, _ step: LoweredStep) -> Int {
    func item(_ field: Field, _ shape: Shape) -> Int {
      step.item = tables.item(field, of: shape)
      if case .shape = field.type { return -1 }
      step.sdp = tables.itemField(field)
      return step.sdp
    }
    switch row.source {
    case .here: break
    case .line(let line):
      step.place = "line"
      step.line = tables.node(line)
      if !line.isAttribute { step.flags.insert("plainLine") }
    case .list(let shape, let field):
      step.place = "child"
      return item(field, shape)
    case .lineList(let line, let field):
      step.place = "lineList"
      step.line = tables.node(line)
      return line.shape.map { item(field, $0) } ?? -1
    case .joined(let line, let key):
      step.place = "joined"
      step.line = tables.node(line)
      step.key = tables.field(key)
    case .grouped(let line, let key):
      step.place = "grouped"
      step.line = tables.node(line)
      step.key = tables.field(key)
    case .groupMember(let line, let key):
      step.place = "groupMember"
      step.line = tables.node(line)
      step.key = tables.field(key)
    }
    return -1
  }

  private func constant(_ row: MappedRow, _ literal: [UInt8]) -> LoweredStep {
    let step = step("constant", row, toJingle: true)
    if let field = row.field {
      let target = place(field)
      step.line = target.node
      step.sdp = target.field
      if case .line(let line) = field.place { step.name = line.shown }
      step.reason = "Jingle has none"
    }
    step.texts = tables.texts([literal])
    return step
  }

  private func losses(_ row: MappedRow) -> [LoweredStep] {
    guard row.syntax.excuse?.isLoss == true else { return [] }
    return row.losses.compactMap { loss in
      let step = self.step("loss", row, toJingle: true)
      step.name = loss.name
      step.reason = loss.reason
      switch loss.place {
      case .line(let line, let level):
        step.place = "line"
        step.line = tables.node(line)
        if level == .session { step.flags.insert("session") }
        if loss.isFromSession { step.flags.insert("fromSession") }
      case .field(let field):
        let target = place(field)
        step.place = target.place
        step.sdp = target.field
        if target.place == "line" { step.line = target.node } else { step.item = target.node }
      default: return nil
      }
      return step
    }
  }
}
