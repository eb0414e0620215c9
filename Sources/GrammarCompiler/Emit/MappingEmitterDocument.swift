/// The mapping as Markdown.
extension MappingEmitter {
  /// Markdown tables of all mapping rows.
  func document() -> String {
    var text = ""
    for declaration in mapping.declarations {
      let elements = declaration.elements.map { "`<\($0.name)>`" }.joined(separator: ", ")
      text += "### `\(declaration.sdp.name)` ↔ \(elements)\n\n"
      if !declaration.comment.isEmpty { text += declaration.comment + "\n\n" }
      text += "| SDP | | Jingle | rule |\n|---|---|---|---|\n"
      for row in declaration.rows { text += rows(row, depth: 0) }
      text += "\n"
    }
    for table in mapping.tableDeclarations {
      text += "### Table `\(table.name.name)`\n\n"
      if !table.comment.isEmpty { text += table.comment + "\n\n" }
      let head = table.columns.map { cell($0.name) }.joined(separator: " | ")
      text += table.isPerspective ? "| SDP | \(head) |\n|---" : "| \(head) |\n"
      text += String(repeating: "|---", count: table.columns.count) + "|\n"
      for (index, row) in table.rows.enumerated() {
        let cells = row.cells.map { cell($0?.name ?? "") }.joined(separator: " | ")
        text += table.isPerspective ? "| by \(index == 0 ? "initiator" : "responder") | \(cells) |\n" : "| \(cells) |\n"
      }
      text += "\n"
    }
    return text
  }

  private func cell(_ text: String) -> String { text.replacingPipes }

  private func rows(_ row: MappingRow, depth: Int) -> String {
    let indentation = String(repeating: "· ", count: depth)
    let (left, arrow, right) = row.columns
    var text = "| \(indentation)\(cell(left)) | \(arrow) | \(cell(right)) | \(cell(row.rule)) |\n"
    for nested in row.nested { text += rows(nested, depth: depth + 1) }
    return text
  }
}

extension String {
  fileprivate var replacingPipes: String {
    split(separator: "|", omittingEmptySubsequences: false).joined(separator: "\\|")
  }
}

extension MappingRow {
  private static func shown(_ bytes: [UInt8]) -> String { "\"\(String(decoding: bytes, as: UTF8.self))\"" }

  /// The row as it is written, in its three parts.
  var columns: (left: String, arrow: String, right: String) {
    if let excuse {
      let left = excuse.paths.map { "`\($0.text)`" }
      let right =
        excuse.elements.map { "`<\($0.name)>`" } + excuse.attributes.map { "`@\($0.name)`" }
        + (excuse.text == nil ? [] : ["text"])
      return (left.joined(separator: ", "), excuse.isLoss ? "lost" : "", right.joined(separator: ", "))
    }
    var left: String
    switch self.left {
    case .nothing: left = ""
    case .here: left = ""
    case .paths(let paths): left = paths.map { "`\($0.text)`" }.joined(separator: ", ")
    case .pair(let first, let second): left = "`\(first.text)` + `\(second.text)`"
    case .words(let path): left = "words of `\(path.text)`"
    case .member(let bytes, let path): left = "\(Self.shown(bytes)) in `\(path.text)`"
    case .oneOf(let table): left = "one of \(table.name)"
    }
    if isEach { left = "each " + left }
    if let joinKey { left += " by `\(joinKey.name)`" }
    if let groupKey { left += " grouped by `\(groupKey.name)`" }
    if !filters.isEmpty { left += " with " + filters.map { "`\($0.name)`" }.joined(separator: ", ") }
    let right: String
    switch self.right {
    case .nothing, .here: right = ""
    case .elements(let elements, let attribute):
      right = elements.map { "`<\($0.name)>`" }.joined(separator: ", ") + (attribute.map { " `@\($0.name)`" } ?? "")
    case .attribute(let name, let value): right = "`@\(name.name)`" + (value.map { " = \(Self.shown($0))" } ?? "")
    case .text: right = "text"
    case .pair(let first, let second): right = "`@\(first.name)` + `@\(second.name)`"
    case .words(let element, let name, let value): right = "`<\(element.name)>` `@\(name.name)` = `@\(value.name)`"
    case .literal(let bytes, _): right = "always \(Self.shown(bytes))"
    }
    let arrows: [Arrow: String] = [.both: "↔", .toJingle: "→", .toSDP: "←"]
    return (left, arrows[arrow] ?? "", right)
  }

  /// What stands behind it.
  var rule: String {
    if let excuse { return excuse.reason }
    var parts: [String] = []
    if isFromSession { parts.append("else from the session") }
    if let table { parts.append("through \(table.name)") }
    if let fallbackTable { parts.append("else \(fallbackTable.name)") }
    if !omitted.isEmpty { parts.append("without " + omitted.map(Self.shown).joined(separator: ", ")) }
    if !absentAs.isEmpty { parts.append("absent as " + absentAs.map(Self.shown).joined(separator: ", ")) }
    if let lift { parts.append(lift.rawValue) }
    if trims { parts.append("trimmed") }
    if uppercases { parts.append("in capitals") }
    if isKnownOnly { parts.append("known values only") }
    if isUnlessEmpty { parts.append("unless empty") }
    if let predicate { parts.append("if \(predicate.name)") }
    if let presence {
      let name = presence.attribute.map { "`@\($0.name)`" } ?? presence.path.map { "`\($0.text)`" } ?? ""
      let value = presence.literal.map { " = \(Self.shown($0))" } ?? ""
      parts.append((presence.isNegated ? "unless " : "when ") + name + value)
    }
    if !actions.isEmpty {
      parts.append((actionsAreExcluded ? "except for " : "for ") + actions.map(\.name).joined(separator: ", "))
    }
    if let function { parts.append("function `\(function.name)`") }
    return parts.joined(separator: "; ")
  }
}
