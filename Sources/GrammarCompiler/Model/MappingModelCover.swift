/// What rows cover, for the check that nothing is forgotten.
extension MappingModel {
  struct LineKey: Hashable {
    var slot: Int
    var level: SDPLevel
  }

  struct FieldKey: Hashable {
    var shape: ObjectIdentifier
    /// The label, or `parameter` and the label.
    var name: String
  }

  func cover(_ line: SDPLine, _ level: SDPLevel, isFromSession: Bool, wholly: Bool) {
    coveredLines.insert(.init(slot: line.slot, level: level))
    if isFromSession, line.levels.contains(.session) { coveredLines.insert(.init(slot: line.slot, level: .session)) }
    if wholly { wholeLines.insert(line.slot) }
  }

  func cover(_ field: MappedField, _ arrow: MappingRow.Arrow, _ level: SDPLevel, isFromSession: Bool) {
    guard arrow.goesToJingle else { return }
    if case .line(let line) = field.place { cover(line, level, isFromSession: isFromSession, wholly: false) }
    excuse(field)
  }

  /// A row takes the line apart.
  func open(_ line: SDPLine, at position: Position) {
    if positions[line.slot] == nil { positions[line.slot] = position }
  }

  func coverKey(_ field: Field, of line: SDPLine) {
    guard let shape = line.shape else { return }
    coveredFields.insert(.init(shape: ObjectIdentifier(shape.layout), name: field.label))
  }

  func excuse(_ line: SDPLine, _ level: SDPLevel) {
    coveredLines.insert(.init(slot: line.slot, level: level))
  }

  func excuse(_ field: MappedField) {
    guard let shape = field.shape, let inner = field.field else { return }
    let name: String
    if case .parameter(let index) = field.place, let params = shape.params {
      name = "parameter \(params.rows[index].label)"
    } else {
      name = inner.label
    }
    coveredFields.insert(.init(shape: ObjectIdentifier(shape), name: name))
  }
}
