/// Reports what no row maps and no `lost` or `elsewhere` line excuses: a mapping that compiles is complete.
struct MappingCheck {
  private let mapping: MappingModel
  private let model: Model
  private let diagnostics: Diagnostics

  init(_ mapping: MappingModel, model: Model, diagnostics: Diagnostics) {
    self.mapping = mapping
    self.model = model
    self.diagnostics = diagnostics
  }

  func run() {
    guard diagnostics.isEmpty, let root = mapping.root else { return }
    checkLines(root)
    checkBlocks()
  }

  // MARK: SDP

  private func checkLines(_ root: MappedBlock) {
    for line in mapping.lines {
      for level in SDPLevel.allCases where line.levels.contains(level) {
        if mapping.coveredLines.contains(.init(slot: line.slot, level: level)) { continue }
        let map = level == .session ? "map session" : "map media"
        let position = mapping.declarations.first { $0.sdp.name == level.rawValue }?.position ?? root.position
        if level == .session, mapping.coveredLines.contains(.init(slot: line.slot, level: .media)) {
          diagnostics.report(
            position, "`\(line.shown)` may stand at the session level too, where no row looks for it",
            note: "write `from session` behind its row, or excuse it in `\(map)`: `lost \(line.name) \"why\"`")
        } else {
          diagnostics.report(
            position, "no row maps `\(line.shown)` at \(level.description), and no `lost` line excuses it",
            note: "map it in `\(map) …`, or write there `lost \(line.name) \"why\"`")
        }
      }
      // The fields of a line that rows take apart.
      if !mapping.wholeLines.contains(line.slot), let shape = line.shape, let position = mapping.positions[line.slot] {
        check(shape.layout, line, position)
      }
    }
  }

  private func check(_ shape: Shape, _ line: SDPLine, _ position: Position) {
    for field in shape.fields {
      guard mapping.coveredFields.contains(.init(shape: ObjectIdentifier(shape), name: field.label)) else {
        missing(field.label, line, position)
        continue
      }
      if case .shape(let nested) = field.type { check(nested.layout, line, position) }
    }
    for row in shape.params?.rows ?? [] {
      if !mapping.coveredFields.contains(.init(shape: ObjectIdentifier(shape), name: "parameter \(row.label)")) {
        missing(row.name, line, position)
      }
    }
  }

  private func missing(_ name: String, _ line: SDPLine, _ position: Position) {
    diagnostics.report(
      position, "no row maps `\(name)` of `\(line.shown)` to Jingle, and no `lost` line excuses it",
      note: "add a row for it, or write `lost \(name) \"why\"` beside the rows of `\(line.name)`")
  }

  // MARK: Jingle

  private func checkBlocks() {
    for block in mapping.blocks {
      let element = block.element
      func missing(_ what: String, _ excuse: String) {
        diagnostics.report(
          block.position,
          "no row maps \(what) of `<\(element.qualifiedName)>` to SDP, and no `lost` line excuses it",
          note: "add a row for it, or write `lost \(excuse) \"why\"` among the rows of `<\(element.qualifiedName)>`")
      }
      for attribute in element.attributes where !block.covered.contains("@\(attribute.name)") {
        missing("`@\(attribute.name)`", "@\(attribute.name)")
      }
      if element.text != nil, !block.covered.contains("text") { missing("the text", "text") }
      for child in element.children where !block.covered.contains("<\(child.element.qualifiedName)>") {
        missing("`<\(child.element.qualifiedName)>`", "<\(child.element.qualifiedName)>")
      }
    }
  }
}
