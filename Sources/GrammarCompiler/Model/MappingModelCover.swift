/// What rows cover and `lost` and `elsewhere` lines excuse, each way by itself, for the check that nothing is forgotten.
extension MappingModel {
  enum Direction: CaseIterable {
    case toJingle, toSDP

    /// As it is written behind `lost` and in rows that go one way.
    var arrow: String { self == .toJingle ? "->" : "<-" }
  }

  /// What has to be covered.
  enum Thing: Hashable {
    /// `branch`: where alternatives such as transports exclude each other, the one in whose rows it was said.
    case line(slot: Int, level: SDPLevel, branch: Int?)
    /// The label, or `parameter` and the label.
    case field(shape: ObjectIdentifier, name: String)
    /// `@name`, `text` or `<prefix:name>`.
    case jingle(block: ObjectIdentifier, name: String)
  }

  struct CoverKey: Hashable {
    var thing: Thing
    var direction: Direction
  }

  /// The case for which a row with `when` or `unless` stands.
  struct Case: Hashable {
    var condition: String
    var isNegated: Bool

    var other: Case { Case(condition: condition, isNegated: !isNegated) }
    var text: String { (isNegated ? "unless " : "when ") + condition }
  }

  /// The rows and excuses of one thing on one way.
  struct Cover {
    /// A row that stands for every case.
    var row: Position?
    /// A row within an element that may be missing, or for a part of the cases: it writes when there is something to
    /// write.
    var partial: Position?
    /// Rows that read in some cases only.
    var cases: [Case: Position] = [:]
    var excuse: Position?
    var excusedCases: [Case: Position] = [:]

    var isExcused: Bool { excuse != nil }
    var firstRow: Position? { row ?? partial ?? cases.values.min() }

    func isComplete(mustBeSure: Bool) -> Bool {
      row != nil || excuse != nil || (!mustBeSure && partial != nil) || (openCase == nil && !cases.isEmpty)
    }

    /// A case for which nothing stands.
    var openCase: (missing: Case, row: Position)? {
      for (one, position) in cases.sorted(by: { $0.value < $1.value })
      where cases[one.other] == nil && excusedCases[one.other] == nil { return (one.other, position) }
      return nil
    }
  }

  /// An excuse, as it was written, with what it excuses.
  struct ExcuseEntry {
    var keys: [CoverKey]
    var name: String
    var word: String
    var position: Position
  }

  /// Where rows take a line apart.
  struct Opening {
    var position: Position
    /// The block around: what is missing in both is one mistake.
    var block: Position
  }

  func cover(_ key: CoverKey, at position: Position, isSure: Bool, in one: Case?) {
    if let one {
      if covers[key, default: Cover()].cases[one] == nil { covers[key, default: Cover()].cases[one] = position }
    } else if isSure {
      if covers[key]?.row == nil { covers[key, default: Cover()].row = position }
    } else if covers[key]?.partial == nil {
      covers[key, default: Cover()].partial = position
    }
  }

  func excuse(_ thing: Thing, _ excuse: MappingRow.Excuse, name: String, at position: Position) {
    let one = excuse.presence.map(Case.init)
    var keys: [CoverKey] = []
    for direction in excuse.arrow.directions {
      let key = CoverKey(thing: thing, direction: direction)
      keys.append(key)
      if let one {
        if covers[key]?.excusedCases[one] == nil { covers[key, default: Cover()].excusedCases[one] = position }
      } else if covers[key]?.excuse == nil {
        covers[key, default: Cover()].excuse = position
      }
    }
    excuses.append(
      ExcuseEntry(keys: keys, name: name, word: excuse.isLoss ? "lost" : "elsewhere", position: position))
  }

  /// A row takes the line apart.
  func open(_ line: SDPLine, at position: Position, in block: MappedBlock) {
    if openings[line.slot] == nil { openings[line.slot] = Opening(position: position, block: block.position) }
  }

  /// A row takes the line apart in an element of its own.
  func open(_ line: SDPLine, as block: MappedBlock) {
    if openings[line.slot] == nil { openings[line.slot] = Opening(position: block.position, block: block.position) }
  }

  func thing(_ field: MappedField) -> Thing? {
    guard let shape = field.shape, let inner = field.field else { return nil }
    let name: String
    if case .parameter(let index) = field.place, let params = shape.params {
      name = "parameter \(params.rows[index].label)"
    } else {
      name = inner.label
    }
    return .field(shape: ObjectIdentifier(shape), name: name)
  }
}

extension MappingModel.Case {
  init(_ presence: MappingRow.Presence) {
    let name = presence.attribute.map { "@\($0.name)" } ?? presence.path?.text ?? ""
    let value = presence.literal.map { " = \"\(String(decoding: $0, as: UTF8.self))\"" } ?? ""
    self.init(condition: name + value, isNegated: presence.isNegated)
  }
}

extension MappingRow.Arrow {
  var directions: [MappingModel.Direction] {
    switch self {
    case .both: [.toJingle, .toSDP]
    case .toJingle: [.toJingle]
    case .toSDP: [.toSDP]
    }
  }
}

/// What a row covers, seen from where it stands.
extension MappingModelBuilder {
  func cover(_ line: SDPLine, _ syntax: MappingRow, _ scope: Scope, wholly: Bool) {
    if wholly { mapping.wholeLines.insert(line.slot) }
    var levels = [scope.level]
    if syntax.isFromSession, line.levels.contains(.session) { levels.append(.session) }
    for direction in syntax.arrow.directions {
      for level in levels where direction == .toJingle || level == scope.level {
        let thing = MappingModel.Thing.line(slot: line.slot, level: level, branch: scope.branch)
        mapping.cover(.init(thing: thing, direction: direction), at: syntax.position, isSure: true, in: nil)
      }
    }
  }

  /// - Parameter isSure: whether the row always has something to write.
  func cover(_ field: MappedField, _ syntax: MappingRow, _ scope: Scope, isSure: Bool) {
    if case .line(let line) = field.place { cover(line, syntax, scope, wholly: false) }
    guard let thing = mapping.thing(field) else { return }
    let presence = syntax.presence ?? scope.presence
    for direction in syntax.arrow.directions {
      let key = MappingModel.CoverKey(thing: thing, direction: direction)
      if direction == .toSDP {
        mapping.cover(key, at: syntax.position, isSure: isSure && !scope.isOptional && presence == nil, in: nil)
      } else {
        // A condition on Jingle counts where Jingle is read only.
        let one = presence.flatMap { $0.attribute == nil ? MappingModel.Case($0) : nil }
        mapping.cover(key, at: syntax.position, isSure: true, in: one)
      }
    }
  }

  func cover(jingle name: String, _ syntax: MappingRow, _ scope: Scope) {
    let thing = MappingModel.Thing.jingle(block: ObjectIdentifier(scope.block), name: name)
    let presence = syntax.presence ?? scope.presence
    for direction in syntax.arrow.directions {
      let one = direction == .toSDP ? presence.map(MappingModel.Case.init) : nil
      // It is written where the condition holds, if that is one on SDP.
      let isSure = direction == .toSDP || presence?.path == nil
      mapping.cover(.init(thing: thing, direction: direction), at: syntax.position, isSure: isSure, in: one)
    }
  }

  func cover(_ attribute: ElementType.Attribute?, _ syntax: MappingRow, _ scope: Scope) {
    guard let attribute else { return }
    cover(jingle: attribute.name.isEmpty ? "text" : "@\(attribute.name)", syntax, scope)
  }

  func cover(_ child: ElementType.Child, _ syntax: MappingRow, _ scope: Scope) {
    cover(jingle: "<\(child.element.qualifiedName)>", syntax, scope)
  }

  /// The engine finds and writes what is joined, grouped or filtered by it.
  func coverKey(_ field: Field, of line: SDPLine, at position: Position) {
    guard let shape = line.shape else { return }
    for direction in MappingModel.Direction.allCases {
      let thing = MappingModel.Thing.field(shape: ObjectIdentifier(shape.layout), name: field.label)
      mapping.cover(.init(thing: thing, direction: direction), at: position, isSure: true, in: nil)
    }
  }
}
