/// What the names in a row refer to.
extension MappingModelBuilder {
  enum Target {
    case line(SDPLine)
    case field(MappedField)
    /// `media`, where a session's rows say where its sections come.
    case section
    /// `member`: a line of the group around.
    case groupMember(SDPLine, key: Field)
  }

  func target(_ path: MappingPath, _ scope: Scope, isFromSession: Bool) -> Target? {
    let first = path.names[0]
    if path.names.count == 1 {
      if first.name == "item", let type = scope.item {
        return .field(MappedField(place: .item, shape: nil, field: nil, type: type, name: "item"))
      }
      if first.name == "member", let (line, key) = scope.group { return .groupMember(line, key: key) }
      if first.name == "section", scope.level == .session { return .section }
    }
    if let shape = scope.shape {
      if let found = field(first, of: shape, .here), path.names.count == 1 { return .field(found) }
      if let found = parameter(first, of: shape) {
        if path.names.count == 1 || path.names[1].name == "value" { return .field(found) }
      }
    }
    // A slip in a field's name is no name of a line.
    if let shape = scope.shape, !mapping.lines.contains(where: { $0.name == first.name }) {
      let names = shape.fields.map(\.label) + (shape.params?.rows.map(\.name) ?? [])
      let suggestion = Spelling.closest(to: first.name, among: names).map { "; did you mean `\($0)`?" } ?? ""
      diagnostics.reportMissing(first.position, "`\(shape.name)` has no field `\(first.name)`" + suggestion)
      return nil
    }
    guard let line = line(first, scope, isFromSession: isFromSession) else { return nil }
    guard path.names.count == 2 else { return .line(line) }
    guard let shape = line.shape else {
      diagnostics.report(path.names[1].position, "`a=\(line.name)` has no value, and so no field")
      return nil
    }
    if var found = field(path.names[1], of: shape, .line(line)) {
      found.name = path.text
      return .field(found)
    }
    let suggestion =
      Spelling.closest(to: path.names[1].name, among: shape.fields.map(\.label)).map { "; did you mean `\($0)`?" } ?? ""
    diagnostics.reportMissing(
      path.names[1].position, "`\(line.name)` has no field `\(path.names[1].name)`" + suggestion)
    return nil
  }

  private func field(_ reference: Reference, of shape: Shape, _ place: MappedField.Place) -> MappedField? {
    guard let field = shape.layout.field(reference.name) else { return nil }
    return MappedField(place: place, shape: shape.layout, field: field, type: field.type, name: reference.name)
  }

  private func parameter(_ reference: Reference, of shape: Shape) -> MappedField? {
    guard let params = shape.params,
      let index = params.rows.firstIndex(where: { $0.name == reference.name || $0.label == reference.name }),
      let value = params.rows[index].value, let field = value.fields.first
    else { return nil }
    return MappedField(place: .parameter(index), shape: shape, field: field, type: field.type, name: reference.name)
  }

  func line(_ reference: Reference, _ scope: Scope, isFromSession: Bool) -> SDPLine? {
    guard let line = mapping.lines.first(where: { $0.name == reference.name }) else {
      reportUnknownLine(reference)
      return nil
    }
    if !line.levels.contains(scope.level) {
      diagnostics.report(reference.position, "`\(line.shown)` never stands at \(scope.level.description)")
      return nil
    }
    if isFromSession, !line.levels.contains(.session) {
      diagnostics.report(reference.position, "`\(line.shown)` never stands at \(SDPLevel.session.description)")
      return nil
    }
    return line
  }

  func reportUnknownLine(_ reference: Reference) {
    let suggestion =
      Spelling.closest(to: reference.name, among: mapping.lines.map(\.name)).map { "; did you mean `\($0)`?" } ?? ""
    diagnostics.reportMissing(reference.position, "SDP has no line or attribute `\(reference.name)`" + suggestion)
  }

  func key(_ reference: Reference, of line: SDPLine) -> Field? {
    if let field = line.shape?.field(reference.name) {
      coverKey(field, of: line, at: reference.position)
      return field
    }
    let names = line.shape?.fields.map(\.label) ?? []
    let suggestion = Spelling.closest(to: reference.name, among: names).map { "; did you mean `\($0)`?" } ?? ""
    diagnostics.reportMissing(reference.position, "`\(line.name)` has no field `\(reference.name)`" + suggestion)
    return nil
  }

  // MARK: Jingle

  func element(_ reference: Reference) -> ElementType? {
    if let found = model.elements[reference.name] { return found }
    let suggestion = Spelling.closest(to: reference.name, among: Array(model.elements.keys))
    diagnostics.reportMissing(
      reference.position,
      "there is no element `<\(reference.name)>`" + (suggestion.map { "; did you mean `<\($0)>`?" } ?? ""))
    return nil
  }

  func child(_ reference: Reference, of element: ElementType) -> ElementType.Child? {
    if let found = element.children.first(where: { $0.element.qualifiedName == reference.name }) { return found }
    let names = element.children.map(\.element.qualifiedName)
    let suggestion = Spelling.closest(to: reference.name, among: names).map { "; did you mean `<\($0)>`?" } ?? ""
    diagnostics.report(
      reference.position, "`<\(element.qualifiedName)>` has no child `<\(reference.name)>`" + suggestion)
    return nil
  }

  func attribute(_ reference: Reference, of element: ElementType) -> ElementType.Attribute? {
    if let found = element.attributes.first(where: { $0.name == reference.name }) { return found }
    let suggestion =
      Spelling.closest(to: reference.name, among: element.attributes.map(\.name)).map { "; did you mean `@\($0)`?" }
      ?? ""
    diagnostics.reportMissing(
      reference.position, "`<\(element.qualifiedName)>` has no attribute `@\(reference.name)`" + suggestion)
    return nil
  }

  func text(of element: ElementType, _ position: Position) -> ElementType.Attribute? {
    if let text = element.text { return text }
    diagnostics.report(position, "`<\(element.qualifiedName)>` has no text")
    return nil
  }

  // MARK: Tables

  func addTables() {
    var seen: Set<String> = []
    for table in mapping.tableDeclarations {
      if !seen.insert(table.name.name).inserted {
        diagnostics.report(table.name.position, "the table `\(table.name.name)` is declared twice")
        continue
      }
      if table.isPerspective {
        mapping.perspectives.append(
          PerspectiveTable(
            name: table.name.name, columns: table.columns, values: table.rows.map { $0.cells.compactMap { $0 } }))
        continue
      }
      var rows: [(key: UInt64, cells: [String?])] = []
      for (row, keys) in keys(of: table) where row.cells.dropFirst().contains(where: { $0 != nil }) {
        for key in keys { rows.append((UInt64(key), row.cells.map { $0?.name })) }
      }
      mapping.keyTables.append(
        KeyTable(name: table.name.name, columns: table.columns, rows: rows.sorted { $0.key < $1.key }))
    }
  }

  /// The rows with their keys; reports what is no key, stands twice or has no row.
  private func keys(of table: TableDeclaration) -> [(row: TableDeclaration.Row, keys: ClosedRange<Int>)] {
    guard let all = table.keys else {
      diagnostics.report(
        table.name.position, "the table `\(table.name.name)` does not say for which keys it has rows",
        note: "write `table \(table.name.name) from 0 to 9`, and a row of `-` for keys that mean nothing")
      return []
    }
    var result: [(row: TableDeclaration.Row, keys: ClosedRange<Int>)] = []
    let mistakes = diagnostics.mistakes
    for row in table.rows {
      let bounds = row.cells[0]?.name.split(separator: "-").map { Int($0) } ?? []
      guard let first = bounds.first ?? nil, let last = bounds.last ?? nil, first <= last else {
        diagnostics.report(
          row.position, "the first column of `\(table.name.name)` is a number, by which a row is found")
        continue
      }
      if !all.contains(first) || !all.contains(last) {
        diagnostics.report(
          row.position,
          "`\(table.name.name)` has rows from \(all.lowerBound) to \(all.upperBound), not for \(first)-\(last)")
      } else if let other = result.first(where: { $0.keys.overlaps(first...last) }) {
        diagnostics.report(
          row.position,
          "the key \(max(first, other.keys.lowerBound)) stands twice; the first time in line \(other.row.position.line)"
        )
      } else {
        result.append((row, first...last))
      }
    }
    guard diagnostics.mistakes == mistakes else { return result }
    var next = all.lowerBound
    var position = table.name.position
    func reportGap(_ end: Int) {
      if next >= end { return }
      let gap = next == end - 1 ? "\(next)" : "\(next)-\(end - 1)"
      diagnostics.report(
        position, "the table `\(table.name.name)` has no row for \(gap)",
        note: "add it behind this line, with `-` in each cell if the key means nothing")
    }
    for (row, keys) in result.sorted(by: { $0.keys.lowerBound < $1.keys.lowerBound }) {
      reportGap(keys.lowerBound)
      next = keys.upperBound + 1
      position = row.position
    }
    reportGap(all.upperBound + 1)
    return result
  }

  func table(_ reference: Reference) -> PerspectiveTable? {
    usedTables.insert(reference.name)
    if let table = mapping.perspectives.first(where: { $0.name == reference.name }) { return table }
    undefinedTable(reference)
    return nil
  }

  private func undefinedTable(_ reference: Reference) {
    let names = mapping.tableDeclarations.map(\.name.name)
    let suggestion = Spelling.closest(to: reference.name, among: names).map { "; did you mean `\($0)`?" } ?? ""
    diagnostics.report(reference.position, "there is no such table `\(reference.name)`" + suggestion)
  }

  func perspective(
    _ reference: Reference, _ field: MappedField, _ attribute: ElementType.Attribute
  ) -> PerspectiveTable? {
    guard let table = table(reference) else { return nil }
    guard case .enumeration(let type) = field.type else {
      diagnostics.report(
        reference.position, "`\(field.name)` is not one of several values, so no table tells them apart")
      return nil
    }
    for column in table.columns where !type.cases.contains(where: { $0.name == column.name }) {
      diagnostics.report(column.position, "`\(column.name)` is no value of `\(field.name)`")
    }
    checkValues(table, attribute)
    return table
  }

  func checkValues(_ table: PerspectiveTable, _ attribute: ElementType.Attribute) {
    guard case .enumeration(let type) = attribute.type else {
      diagnostics.report(
        table.columns[0].position, "`@\(attribute.name)` is not one of several values, so no table tells them apart")
      return
    }
    for value in table.values.joined() where !type.cases.contains(where: { $0.name == value.name }) {
      let suggestion = Spelling.closest(to: value.name, among: type.cases.map(\.name)).map { "; did you mean `\($0)`?" }
      diagnostics.report(value.position, "`\(value.name)` is no value of `@\(attribute.name)`" + (suggestion ?? ""))
    }
  }

  /// The table that fills in for a joined attribute that is not there.
  func keyTable(_ reference: Reference, _ row: MappedRow, _ inner: Scope) -> KeyTable? {
    usedTables.insert(reference.name)
    guard let table = mapping.keyTables.first(where: { $0.name == reference.name }) else {
      undefinedTable(reference)
      return nil
    }
    guard case .joined(let line, let key) = row.source else { return nil }
    if table.columns[0].name != key.label {
      diagnostics.report(
        table.columns[0].position,
        "the first column is `\(table.columns[0].name)`, but rows are found by `\(key.label)`")
    }
    for column in table.columns.dropFirst() where line.shape?.field(column.name) == nil {
      diagnostics.report(column.position, "`\(line.name)` has no field `\(column.name)`")
    }
    return table
  }
}
