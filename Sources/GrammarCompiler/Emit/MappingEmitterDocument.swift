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
    text += functions() + predicates()
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

  /// What is written in Swift, with what it reads and writes.
  private func functions() -> String {
    if mapping.functions.isEmpty { return "" }
    var text = "### Functions\n\n| function | SDP | | Jingle | what it does |\n|---|---|---|---|---|\n"
    for function in mapping.functions {
      for (index, line) in function.lines.enumerated() {
        let sdp = line.sdp.map { "`\($0.text)`" }.joined(separator: ", ")
        let jingle = line.jingle.map { "`\($0.text)`" }.joined(separator: ", ")
        let name = index == 0 ? "`\(function.name.name)`" : ""
        let comment = index == 0 ? cell(function.comment.split(separator: "\n").joined(separator: " ")) : ""
        text += "| \(name) | \(cell(sdp)) | \(line.arrow.shown) | \(cell(jingle)) | \(comment) |\n"
      }
    }
    return text + "\n"
  }

  private func predicates() -> String {
    if mapping.predicates.isEmpty { return "" }
    var text = "### Predicates\n\n| predicate | what it says |\n|---|---|\n"
    for predicate in mapping.predicates {
      let names = predicate.alternatives.map { "`\($0.name)`" }.joined(separator: " / ")
      text += "| \(names) | \(cell(predicate.comment.split(separator: "\n").joined(separator: " "))) |\n"
    }
    return text + "\n"
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

extension MappingRow.Arrow {
  fileprivate var shown: String {
    switch self {
    case .both: "↔"
    case .toJingle: "→"
    case .toSDP: "←"
    }
  }
}

extension MappingRow {
  private static func shown(_ bytes: [UInt8]) -> String { "\"\(String(decoding: bytes, as: UTF8.self))\"" }

  private static func shown(_ presence: Presence) -> String {
    let name = presence.attribute.map { "`@\($0.name)`" } ?? presence.path.map { "`\($0.text)`" } ?? ""
    let value = presence.literal.map { " = \(shown($0))" } ?? ""
    return (presence.isNegated ? "unless " : "when ") + name + value
  }

  /// The row as it is written, in its three parts.
  var columns: (left: String, arrow: String, right: String) {
    if let excuse {
      let left = excuse.paths.map { "`\($0.text)`" }
      let right =
        excuse.elements.map { "`<\($0.name)>`" } + excuse.attributes.map { "`@\($0.name)`" }
        + (excuse.text == nil ? [] : ["text"])
      let arrow = excuse.arrow == .both ? "" : excuse.arrow.shown
      let word = [excuse.isLoss ? "lost" : "", arrow].filter { !$0.isEmpty }.joined(separator: " ")
      return (left.joined(separator: ", "), word, right.joined(separator: ", "))
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
    return (left, arrow.shown, right)
  }

  /// The line, attribute or field of SDP that it is about, if it is one.
  var sdpName: String? {
    switch left {
    case .paths(let paths): paths.first?.names.last?.name
    case .words(let path), .member(_, let path): path.names.last?.name
    default: nil
    }
  }

  /// What stands behind it.
  var rule: String {
    if let excuse { return [excuse.presence.map(Self.shown), excuse.reason].compactMap { $0 }.joined(separator: "; ") }
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
    if let presence { parts.append(Self.shown(presence)) }
    if !actions.isEmpty {
      parts.append((actionsAreExcluded ? "except for " : "for ") + actions.map(\.name).joined(separator: ", "))
    }
    if let function { parts.append("function `\(function.name)`") }
    return parts.joined(separator: "; ")
  }
}
