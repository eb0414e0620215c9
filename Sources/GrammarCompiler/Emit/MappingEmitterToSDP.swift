/// The way to SDP: lines come in the order of RFC 8866 and each is written once, whichever element its values stand in.
extension MappingLowering {
  /// A step for one line, and the elements that have to be entered for it.
  struct Piece {
    var path: [Entry]
    var rank: Int
    var step: LoweredStep
    /// The line of which the step fills one field.
    var line: SDPLine?
  }

  struct Entry {
    var row: MappedRow
    /// The attribute that is the key of what is joined.
    var key = -1
  }

  /// The steps for the rows of a session or a section.
  func toSDP(_ block: MappedBlock) -> [LoweredStep] {
    let pieces = section(block.rows, []).enumerated()
      .sorted { ($0.element.rank, $0.offset) < ($1.element.rank, $1.offset) }.map(\.element)
    return grouped(merged(pieces), depth: 0)
  }

  private func rank(_ line: SDPLine) -> Int {
    if line.isAttribute { return 1000 }
    return line.name == "media" ? 0 : 1 + line.slot
  }

  // MARK: Rows of a section

  private func section(_ rows: [MappedRow], _ path: [Entry]) -> [Piece] {
    var result: [Piece] = []
    for (index, row) in rows.enumerated() {
      if case .loss = row.kind {
        result += losses(row).map { Piece(path: path, rank: 3000, step: $0) }
        continue
      }
      guard row.syntax.arrow.goesToSDP else { continue }
      switch row.kind {
      case .gate: result += section(row.nested, path)
      case .node: result += node(row, path)
      case .value: result += value(row, path)
      case .constant(let literal):
        guard case .line(let line)? = row.field?.place else { continue }
        let step = copy(row, item: -1, toJingle: false)
        step.operation = "constant"
        step.texts = tables.texts([literal])
        result.append(Piece(path: path, rank: rank(line), step: step, line: line))
      case .pair:
        let step = step("pair", row, toJingle: false)
        step.nested = row.nested.map { copy($0, item: -1, toJingle: false) }
        result.append(Piece(path: path, rank: 1000, step: step))
      case .choice(let table):
        result.append(Piece(path: path, rank: 1000, step: choice(row, table, toJingle: false)))
      case .member:
        if index > 0, case .member = rows[index - 1].kind, rows[index - 1].field?.name == row.field?.name { continue }
        if let step = collect(members(from: index, in: rows), toJingle: false) {
          result.append(Piece(path: path, rank: 1000, step: step))
        }
      case .function: result += function(row, path)
      case .words, .loss: break
      }
    }
    return result
  }

  private func function(_ row: MappedRow, _ path: [Entry]) -> [Piece] {
    let step = function(row, toJingle: false)
    if case .line(let line)? = row.field?.place { return [Piece(path: path, rank: rank(line), step: step, line: line)] }
    if case .line(let line) = row.source { return [Piece(path: path, rank: rank(line), step: step)] }
    return [Piece(path: path, rank: 2000, step: step)]
  }

  private func value(_ row: MappedRow, _ path: [Entry]) -> [Piece] {
    guard case .line(let line)? = row.field?.place else { return [] }
    guard let lift = row.syntax.lift else {
      return [Piece(path: path, rank: rank(line), step: copy(row, item: -1, toJingle: false), line: line)]
    }
    let take = copy(row, item: -1, toJingle: false)
    take.operation = "take"
    take.place = "here"
    let aggregate = LoweredStep("aggregate")
    aggregate.line = take.line
    aggregate.sdp = take.sdp
    if lift != .first { aggregate.flags.insert(lift.rawValue) }
    aggregate.nested = path.reversed().reduce([take]) { inner, entry in [enter(entry, inner)] }
    return [Piece(path: [], rank: rank(line), step: aggregate)]
  }

  private func node(_ row: MappedRow, _ path: [Entry]) -> [Piece] {
    if row.isSections {
      let step = step("sections", row, toJingle: false)
      step.element = element(row)
      return [Piece(path: path, rank: 2500, step: step)]
    }
    switch row.source {
    case .here: return section(row.nested, row.child == nil ? path : path + [Entry(row: row)])
    case .lineList(let line, let list):
      let inner = path + [Entry(row: row, key: keyAttribute(row))]
      let step = step("enter", row, toJingle: false)
      step.place = "child"
      step.element = element(row)
      if let shape = line.shape { step.item = tables.item(list, of: shape) }
      if case .shape = list.type {} else { step.sdp = tables.itemField(list) }
      var hoisted: [Piece] = []
      step.nested = inside(row.nested, item: step.sdp, path: inner, &hoisted)
      step.flags.insert("key")
      let items = Piece(path: path, rank: rank(line), step: step, line: line)
      return [items] + section(row.nested.filter(isOfSection), inner) + hoisted
    case .grouped:
      return section(row.nested, path + [Entry(row: row, key: keyAttribute(row))])
    case .line(let line), .joined(let line, _), .groupMember(let line, _):
      let step = step("enter", row, toJingle: false)
      _ = open(row, step)
      step.element = element(row)
      step.filters = tables.filters(row.filters.map { tables.field($0) })
      var hoisted: [Piece] = []
      let inner = row.child == nil ? path : path + [Entry(row: row)]
      step.nested = inside(row.nested, item: -1, path: inner, &hoisted)
      return [Piece(path: path, rank: rank(line), step: step)] + hoisted
    case .list: return []
    }
  }

  /// The attribute that holds the key of the items or of the group.
  private func keyAttribute(_ row: MappedRow) -> Int {
    for value in row.nested {
      guard case .value = value.kind, let field = value.field, let attribute = value.attribute else { continue }
      switch (row.source, field.place) {
      case (.lineList, .item): return tables.attribute(attribute, of: value.element)
      case (.grouped(_, let key), .here) where field.field === key:
        return tables.attribute(attribute, of: value.element)
      default: continue
      }
    }
    return -1
  }

  /// Rows below an item that write lines of their own.
  private func isOfSection(_ row: MappedRow) -> Bool {
    if case .node = row.kind, case .joined = row.source { return true }
    return false
  }

  // MARK: Rows inside of a line

  private func inside(_ rows: [MappedRow], item: Int, path: [Entry], _ hoisted: inout [Piece]) -> [LoweredStep] {
    var result: [LoweredStep] = []
    for row in rows {
      if case .loss = row.kind {
        result += losses(row)
        continue
      }
      guard row.syntax.arrow.goesToSDP, !isOfSection(row) else { continue }
      switch row.kind {
      case .value:
        if case .line? = row.field?.place {
          hoisted += value(row, path)
        } else {
          result.append(copy(row, item: item, toJingle: false))
        }
      case .pair:
        let step = step("pair", row, toJingle: false)
        step.nested = row.nested.map { copy($0, item: item, toJingle: false) }
        result.append(step)
      case .words: result.append(words(row, toJingle: false))
      case .function: result.append(function(row, toJingle: false))
      case .gate:
        let step = step("gate", row, toJingle: false)
        step.nested = inside(row.nested, item: item, path: path, &hoisted)
        result.append(step)
      case .node:
        let step = step("enter", row, toJingle: false)
        let inner = open(row, step)
        step.element = element(row)
        step.nested = inside(row.nested, item: inner, path: path + [Entry(row: row)], &hoisted)
        result.append(step)
      case .choice, .member, .constant, .loss: break
      }
    }
    return result
  }

  private func losses(_ row: MappedRow) -> [LoweredStep] {
    guard row.syntax.excuse?.isLoss == true else { return [] }
    return row.losses.compactMap { loss in
      let step = self.step("loss", row, toJingle: false)
      step.name = loss.name
      step.reason = loss.reason
      switch loss.place {
      case .attribute(let attribute): step.jingle = tables.attribute(attribute, of: row.element)
      case .child(let child): step.element = tables.node(child, of: row.element)
      default: return nil
      }
      return step
    }
  }

  // MARK: Lines

  /// Values of one line become one step; so do the places where one value is looked for.
  private func merged(_ pieces: [Piece]) -> [Piece] {
    var result: [Piece] = []
    for piece in pieces {
      if piece.step.operation == "aggregate",
        let index = result.firstIndex(where: { $0.step.operation == "aggregate" && $0.step.sdp == piece.step.sdp })
      {
        result[index].step.nested += piece.step.nested
        continue
      }
      guard let line = piece.line else {
        result.append(piece)
        continue
      }
      if piece.step.place == "line" { piece.step.place = "here" }
      piece.step.line = -1
      let content = piece.path.reversed().reduce([piece.step]) { inner, entry in [enter(entry, inner)] }
      if let last = result.last, last.step.operation == "line", last.step.line == tables.node(line) {
        last.step.nested += content
        continue
      }
      let step = LoweredStep("line")
      step.line = tables.node(line)
      if !line.isAttribute { step.flags.insert("plainLine") }
      step.nested = content
      result.append(Piece(path: [], rank: piece.rank, step: step))
    }
    return result
  }

  private func enter(_ entry: Entry, _ nested: [LoweredStep]) -> LoweredStep {
    let step = step("enter", entry.row, toJingle: false)
    step.flags.remove("unlessEmpty")
    step.element = element(entry.row)
    if entry.key >= 0 {
      step.jingle = entry.key
      step.flags.insert("key")
    }
    step.nested = nested
    return step
  }

  /// Neighbours in the same element are written together, so that the lines of one payload type stay side by side.
  private func grouped(_ pieces: [Piece], depth: Int) -> [LoweredStep] {
    var result: [LoweredStep] = []
    var index = 0
    while index < pieces.count {
      let piece = pieces[index]
      guard piece.path.count > depth else {
        result.append(piece.step)
        index += 1
        continue
      }
      var end = index
      while end < pieces.count, pieces[end].path.count > depth, pieces[end].path[depth].row === piece.path[depth].row {
        end += 1
      }
      result.append(enter(piece.path[depth], grouped(Array(pieces[index..<end]), depth: depth + 1)))
      index = end
    }
    return result
  }
}
