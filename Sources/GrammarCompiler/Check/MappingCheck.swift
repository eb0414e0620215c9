/// Reports what no row maps and no `lost` or `elsewhere` line excuses, on the way to Jingle and on the way to SDP: a
/// mapping that compiles is complete.
struct MappingCheck {
  private typealias Direction = MappingModel.Direction

  /// One thing that is not covered.
  private struct Missing {
    var isSDP: Bool
    /// `name` of owner.
    var name: String
    var owner: String
    /// As an excuse names it.
    var excuse: String
    var directions: [MappingModel.Direction]
    var position: Position
    /// What misses in one block on both sides is one row.
    var block: Position
    var isRepeated = false
    /// A line of the session that rows read at media level.
    var isOfMedia = false
  }

  /// What a row reads in some cases only.
  private struct Part {
    var row: Position
    var missing: MappingModel.Case
    var shown: [String]
    var names: [String]
    var directions: Set<MappingModel.Direction>
  }

  private let mapping: MappingModel
  private let diagnostics: Diagnostics
  private var parts: [Part] = []

  init(_ mapping: MappingModel, diagnostics: Diagnostics) {
    self.mapping = mapping
    self.diagnostics = diagnostics
  }

  mutating func run() {
    guard diagnostics.isEmpty, let root = mapping.root else { return }
    checkExcuses()
    guard diagnostics.isEmpty else { return }
    let missing = missingLines(root) + missingFields() + missingOfJingle()
    report(missing)
    reportParts()
  }

  // MARK: Excuses

  /// An excuse for what rows map hides the day on which such a row is deleted.
  private func checkExcuses() {
    var seen: [MappingModel.CoverKey: Position] = [:]
    for entry in mapping.excuses {
      let mapped = entry.keys.compactMap { key in row(excusedBy: key).map { (key, $0) } }
      if mapped.count == entry.keys.count, let (_, row) = mapped.first {
        diagnostics.report(
          entry.position, "`\(entry.name)` is mapped in line \(row.line), so nothing of it is left to excuse")
      } else if let (key, row) = mapped.first {
        let free = key.direction == .toJingle ? Direction.toSDP : .toJingle
        diagnostics.report(
          entry.position,
          "`\(entry.name)` is excused on both ways, but line \(row.line) maps it towards \(name(key.direction))",
          note: "excuse the other way only: `\(entry.word) \(free.arrow) \(entry.name) \"why\"`")
      }
      for key in entry.keys where mapping.covers[key]?.excusedCases.isEmpty != false {
        if let first = seen[key], first != entry.position {
          diagnostics.report(
            entry.position, "`\(entry.name)` is excused twice", note: "the first time here", at: first)
        }
        seen[key] = entry.position
      }
    }
  }

  private func name(_ direction: Direction) -> String { direction == .toJingle ? "Jingle" : "SDP" }

  /// A row that maps what the key excuses.
  private func row(excusedBy key: MappingModel.CoverKey) -> Position? {
    if case .line(let slot, let level, let branch) = key.thing {
      // What is said for all alternatives is said for each.
      let branches: [Int?] = branch == nil ? [nil] + mapping.branches.indices.map { $0 } : [nil, branch]
      return branches.lazy.compactMap { branch in
        mapping.covers[.init(thing: .line(slot: slot, level: level, branch: branch), direction: key.direction)]?.row
      }.first
    }
    guard let cover = mapping.covers[key] else { return nil }
    if !cover.isExcused {
      // A condition that is the rows' own.
      return cover.row ?? cover.excusedCases.keys.lazy.compactMap { cover.cases[$0] }.first
    }
    if let row = cover.row ?? cover.cases.values.min() { return row }
    return isDemanded(key.thing) ? nil : cover.partial
  }

  /// The field of a line without which there is no description.
  private func isDemanded(_ thing: MappingModel.Thing) -> Bool {
    guard case .field(let shape, let name) = thing else { return false }
    return mapping.lines.contains { line in
      guard mapping.demandedLines.contains(line.slot), !line.isAttribute, let layout = line.shape?.layout else {
        return false
      }
      return ObjectIdentifier(layout) == shape && layout.field(name)?.isDemanded(in: layout) == true
    }
  }

  // MARK: Lines

  private func isCovered(_ line: SDPLine, _ level: SDPLevel, _ branch: Int?, _ direction: Direction) -> Bool {
    let branches: [Int?] = branch == nil ? [nil] : [nil, branch]
    return branches.contains { branch in
      let key = MappingModel.CoverKey(
        thing: .line(slot: line.slot, level: level, branch: branch), direction: direction)
      return mapping.covers[key]?.isComplete(mustBeSure: true) == true
    }
  }

  private func isWritten(_ line: SDPLine, _ branch: Int?) -> Bool {
    let branches: [Int?] = branch == nil ? [nil] : [nil, branch]
    let isMapped = branches.contains { branch in
      line.levels.contains { level in
        let key = MappingModel.CoverKey(thing: .line(slot: line.slot, level: level, branch: branch), direction: .toSDP)
        return mapping.covers[key]?.row != nil
      }
    }
    return isMapped || line.levels.allSatisfy { isCovered(line, $0, branch, .toSDP) }
  }

  private func missingLines(_ root: MappedBlock) -> [Missing] {
    var result: [Missing] = []
    let branches: [Int?] = mapping.branches.isEmpty ? [nil] : mapping.branches.indices.map { $0 }
    for line in mapping.lines {
      for level in SDPLevel.allCases where line.levels.contains(level) {
        // It is written where it stands nearest to what it says.
        let isLast = level == .media || !line.levels.contains(.media)
        var open: [(branch: Int?, directions: [Direction])] = []
        for branch in branches {
          var directions: [Direction] = []
          if !isCovered(line, level, branch, .toJingle) { directions.append(.toJingle) }
          if isLast, !isWritten(line, branch) { directions.append(.toSDP) }
          if !directions.isEmpty { open.append((branch, directions)) }
        }
        guard let first = open.first else { continue }
        let position = mapping.declarations.first { $0.sdp.name == level.rawValue }?.position ?? root.position
        let isOfMedia = branches.contains { isCovered(line, .media, $0, .toJingle) }
        // What is read at neither level is missed at media level.
        if level == .session, !isLast, !isOfMedia { continue }
        if level == .session, isOfMedia {
          result.append(missing(line, level, first.directions, position, isElsewhere: true))
          continue
        }
        if open.count == branches.count {
          result.append(missing(line, level, first.directions, position))
        } else {
          for (branch, directions) in open {
            guard let branch else { continue }
            result.append(missing(line, level, directions, mapping.branches[branch].position, branch: branch))
          }
        }
      }
    }
    return result
  }

  private func missing(
    _ line: SDPLine, _ level: SDPLevel, _ directions: [Direction], _ position: Position, branch: Int? = nil,
    isElsewhere: Bool = false
  ) -> Missing {
    let owner = branch.map { "beside `<\(mapping.branches[$0].element.qualifiedName)>`" } ?? "at \(level.description)"
    return Missing(
      isSDP: true, name: line.shown, owner: owner, excuse: line.name, directions: directions, position: position,
      block: position, isOfMedia: isElsewhere)
  }

  // MARK: Fields

  private mutating func missingFields() -> [Missing] {
    var result: [Missing] = []
    for line in mapping.lines where !mapping.wholeLines.contains(line.slot) {
      guard let shape = line.shape, let opening = mapping.openings[line.slot] else { continue }
      let directions = Direction.allCases.filter { direction in
        mapping.covers.contains { key, cover in
          guard case .line(line.slot, _, _) = key.thing, key.direction == direction else { return false }
          return cover.row != nil
        }
      }
      result += missing(shape.layout, line, opening, directions)
    }
    return result
  }

  private mutating func missing(
    _ shape: Shape, _ line: SDPLine, _ opening: MappingModel.Opening, _ directions: [Direction]
  ) -> [Missing] {
    var result: [Missing] = []
    func check(_ key: String, _ name: String, _ field: Field?) {
      let thing = MappingModel.Thing.field(shape: ObjectIdentifier(shape), name: key)
      let isDemanded = self.isDemanded(thing)
      let open = directions.filter { direction in
        mapping.covers[.init(thing: thing, direction: direction)]?
          .isComplete(mustBeSure: isDemanded && direction == .toSDP) != true
      }
      if open.isEmpty { return }
      for direction in open {
        guard let cover = mapping.covers[.init(thing: thing, direction: direction)] else { continue }
        if addPart(cover, direction, "`\(name)` of `\(line.shown)`", name, line) { return }
      }
      result.append(
        Missing(
          isSDP: true, name: name, owner: "of `\(line.shown)`", excuse: name, directions: open,
          position: opening.position, block: opening.block, isRepeated: field?.isList == true))
    }
    for field in shape.fields {
      check(field.label, field.label, field)
      // The parts of what is excused as a whole are too.
      let thing = MappingModel.Thing.field(shape: ObjectIdentifier(shape), name: field.label)
      let isMapped = Direction.allCases.contains { mapping.covers[.init(thing: thing, direction: $0)]?.firstRow != nil }
      if case .shape(let nested) = field.type, isMapped {
        result += missing(nested.layout, line, opening, directions)
      }
    }
    for row in shape.params?.rows ?? [] { check("parameter \(row.label)", row.name, row.value?.fields.first) }
    return result
  }

  /// Something is mapped, but not in every case; `false` where it is not mapped at all.
  private mutating func addPart(
    _ cover: MappingModel.Cover, _ direction: Direction, _ shown: String, _ name: String, _ line: SDPLine?
  ) -> Bool {
    if let (missing, row) = cover.openCase {
      if let index = parts.firstIndex(where: { $0.row == row && $0.missing == missing }) {
        // A map for several elements has the same gap in each.
        if parts[index].names.contains(name) { return true }
        parts[index].shown.append(shown)
        parts[index].names.append(name)
        parts[index].directions.insert(direction)
      } else {
        parts.append(.init(row: row, missing: missing, shown: [shown], names: [name], directions: [direction]))
      }
      return true
    }
    if let row = cover.partial, let line {
      diagnostics.report(
        row, "\(shown) is not always written here, and there is no `\(line.shown)` without it",
        note: "add a row that writes it where this one does not, or write `elsewhere <- \(line.name).\(name) \"why\"`")
      return true
    }
    return false
  }

  private func reportParts() {
    for part in parts {
      let arrow = part.directions.count == 1 ? part.directions.map { $0.arrow + " " }.joined() : ""
      diagnostics.report(
        part.row,
        "\(part.shown.joined(separator: " and ")) \(part.shown.count == 1 ? "is" : "are") not read \(part.missing.text)",
        note:
          "add a row for that case, or write `lost \(arrow)\(part.names.joined(separator: " ")) \(part.missing.text) \"why\"`"
      )
    }
  }

  // MARK: Jingle

  private mutating func missingOfJingle() -> [Missing] {
    var result: [Missing] = []
    for block in mapping.blocks {
      let element = block.element
      func check(_ name: String, _ isRepeated: Bool) {
        let thing = MappingModel.Thing.jingle(block: ObjectIdentifier(block), name: name)
        let open = block.directions.filter { direction in
          mapping.covers[.init(thing: thing, direction: direction)]?.isComplete(mustBeSure: false) != true
        }
        if open.isEmpty { return }
        let owner = "of `<\(element.qualifiedName)>`"
        for direction in open {
          guard let cover = mapping.covers[.init(thing: thing, direction: direction)] else { continue }
          if addPart(cover, direction, "`\(name)` \(owner)", name, nil) { return }
        }
        result.append(
          Missing(
            isSDP: false, name: name, owner: owner, excuse: name, directions: open, position: block.position,
            block: block.position, isRepeated: isRepeated))
      }
      for attribute in element.attributes { check("@\(attribute.name)", false) }
      if element.text != nil { check("text", false) }
      for child in element.children {
        check("<\(child.element.qualifiedName)>", child.occurrence == .many || child.occurrence == .some)
      }
    }
    return result
  }

  // MARK: Words

  /// One diagnostic for what one row would mend.
  private func report(_ missing: [Missing]) {
    var groups: [[Missing]] = []
    for one in missing {
      guard let index = groups.firstIndex(where: { $0[0].block == one.block }) else {
        groups.append([one])
        continue
      }
      // A map for several elements misses in each of them what they have in common.
      if groups[index].contains(where: { $0.isSDP == one.isSDP && $0.name == one.name }) { continue }
      groups[index].append(one)
    }
    // The row for a line may stand in any element of its section: then the element tells where.
    if groups.count == 2, let jingle = groups.firstIndex(where: { $0.allSatisfy { !$0.isSDP } }),
      groups[1 - jingle].allSatisfy(\.isSDP)
    {
      let position = groups[jingle][0].position
      let lines = groups[1 - jingle].map { line in
        var line = line
        line.position = position
        return line
      }
      groups = [lines + groups[jingle]]
    }
    for group in groups {
      if group.contains(where: \.isSDP) {
        report(group: group)
      } else {
        for directions in [Direction.allCases, [.toJingle], [.toSDP]] {
          let part = group.filter { $0.directions == directions }
          if !part.isEmpty { report(group: part) }
        }
      }
    }
  }

  private func report(group: [Missing]) {
    let sdp = group.filter(\.isSDP)
    let jingle = group.filter { !$0.isSDP }
    let directions = Direction.allCases.filter { direction in group.contains { $0.directions.contains(direction) } }
    // The innermost place that the row would stand at.
    let position = (sdp.isEmpty ? jingle : sdp).map(\.position).max() ?? group[0].position
    let pronoun = group.count == 1 ? "it" : "them"
    let excuses = (sdp + jingle).map(\.excuse).joined(separator: " ")
    if group.allSatisfy(\.isOfMedia) {
      diagnostics.report(
        position,
        "\(names(group)) may stand at \(SDPLevel.session.description) too, where no row looks for \(pronoun)",
        note: "write `from session` behind the row, or excuse \(pronoun) in `map session`: `lost \(excuses) \"why\"`")
      return
    }
    var row = "add a row for \(pronoun)"
    if sdp.count == 1, jingle.count == 1 {
      let each = sdp[0].isRepeated || jingle[0].isRepeated ? "each " : ""
      let arrow = directions.count == 2 ? "<->" : directions[0].arrow
      row = "add a row such as `\(each)\(sdp[0].excuse) \(arrow) \(jingle[0].excuse)`"
    }
    guard directions.count == 1 else {
      diagnostics.report(
        position, "no row maps \(listed(sdp + jingle)), and no `lost` line excuses \(pronoun)",
        note: "\(row), or write `lost \(excuses) \"why\"`")
      return
    }
    let (read, written) = directions[0] == .toJingle ? (sdp, jingle) : (jingle, sdp)
    let verbs = [("reads", read), ("writes", written)].filter { !$0.1.isEmpty }
    let word = read.isEmpty ? "elsewhere" : "lost"
    diagnostics.report(
      position,
      "no row " + verbs.map { "\($0.0) \(listed($0.1))" }.joined(separator: " and ")
        + " on the way to \(name(directions[0])), and no `\(word)` line excuses \(pronoun)",
      note: "\(row), or write `\(word) \(directions[0].arrow) \(excuses) \"why\"`")
  }

  /// "`a` and `b` of `<x>` and `c` at media level".
  private func listed(_ missing: [Missing]) -> String {
    var owners: [String] = []
    for one in missing where !owners.contains(one.owner) { owners.append(one.owner) }
    return owners.map { owner in "\(names(missing.filter { $0.owner == owner })) \(owner)" }.joined(separator: " and ")
  }

  private func names(_ missing: [Missing]) -> String {
    let names = missing.map { "`\($0.name)`" }
    if names.count == 1 { return names[0] }
    return names.dropLast().joined(separator: ", ") + " and \(names[names.count - 1])"
  }
}
