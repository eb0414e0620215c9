/// What is demanded of an element besides the form of its parts.
extension ElementDecoder {
  /// Children beyond so many are not compared: no session has as many, and it would take long.
  private static let comparedChildren = 256

  /// Reports an element that has the same values as one before it where they have to differ.
  ///
  /// - Parameters:
  ///   - node: the node of the element.
  ///   - first: where the nodes of its siblings begin.
  @inline(never)
  mutating func checkUnique(
    _ kind: PreparedChild, _ node: Int, behind first: Int, at xml: Int, _ tape: borrowing Tape
  ) {
    let attributes = codec.attributes.rows(codec.elements[kind.element].attributes)
    var index = first
    var count = 0
    while index < node, count < Self.comparedChildren {
      if tape.slot(of: index) == kind.slot {
        count += 1
        let other = index
        let isSame = (0..<attributes.count).allSatisfy { number in
          let bit = attributes[number].presence
          guard kind.uniqueBits & bit != 0 else { return true }
          let isThere = tape.word(node + 1) & bit
          guard isThere == tape.word(other + 1) & bit else { return false }
          return isThere == 0 || Self.hasSame(attributes[number], node, other, tape)
        }
        if isSame {
          let names = (0..<attributes.count).filter { kind.uniqueBits & attributes[$0].presence != 0 }
            .map { "\(attributes[$0].name.text)" }
          report(
            .validation, kind, at: xml, "has the same \(names.joined(separator: " and ")) as one before it")
          return
        }
      }
      index += Int(tape.word(index) & NodeLayout.sizeMask)
    }
  }

  private static func hasSame(_ row: PreparedAttribute, _ node: Int, _ other: Int, _ tape: borrowing Tape) -> Bool {
    func slice(_ node: Int, _ word: Int) -> Slice {
      Slice(offset: tape.word(node + 1 + word), length: tape.word(node + 2 + word))
    }
    func isSame(_ left: Slice, _ right: Slice) -> Bool {
      tape.withBytes(of: left) { left in tape.withBytes(of: right) { left.elementsEqual($0) } }
    }
    let word = row.word
    switch row.kind {
    case .text, .token: return isSame(slice(node, word), slice(other, word))
    case .number(_, let maximum):
      return tape.word(node + 1 + word) == tape.word(other + 1 + word)
        && (maximum <= UInt64(UInt32.max) || tape.word(node + 2 + word) == tape.word(other + 2 + word))
    case .enumeration:
      guard tape.word(node + 1 + word) == tape.word(other + 1 + word) else { return false }
      return tape.word(node + 1 + word) != 0 || isSame(slice(node, word + 1), slice(other, word + 1))
    }
  }

  /// Notes character data where the grammar has none, as in examples that leave something out: white space between elements means nothing.
  @inline(__always)
  mutating func checkText(_ node: Int, of xml: Int) {
    guard arena.slot(of: node) == XMLLayout.text else { return }
    let slice = arena.slice(at: node + XMLLayout.content)
    let start = arena.withBytes(of: slice) { Self.trimmed($0) }
    if !start.isEmpty { reportText(slice, Int(slice.offset) + start.lowerBound, of: xml) }
  }

  @inline(never)
  private mutating func reportText(_ slice: Slice, _ start: Int, of xml: Int) {
    // Text that was put together stands behind the input, and not behind a tag.
    let tag = offset(of: xml)
    let isInPlace =
      slice.offset > tag
      && arena.withBytes(of: Slice(offset: slice.offset - 1, length: 1)) { $0[0] == 0x3E }
    notes.append(
      ElementIssue(
        layer: .validation, location: location, offset: isInPlace ? start : tag,
        message: "the element has no character data, and what stands in it means nothing"))
  }

  /// Why a value was refused.
  func refusal(of row: PreparedAttribute) -> String {
    switch row.kind {
    case .token(let number): return "is not \(codec.wordsOfToken(number))"
    case .enumeration:
      var names: [String] = []
      var place = row.firstName
      while true {
        let name = codec.enumNames[place]
        if name.count == 0 { break }
        names.append(
          "\"\(String(decoding: UnsafeBufferPointer(start: name.start, count: name.count), as: UTF8.self))\"")
        place += 1
      }
      return "is none of \(names.joined(separator: ", "))"
    case .text, .number: return "is not what the grammar allows here"
    }
  }

  /// Reports what an attribute demands by its value and is not there.
  @inline(never)
  mutating func checkDemands(
    _ row: UnsafePointer<PreparedElement>, _ node: Int, _ present: UInt32, _ wrong: UInt32, _ seen: UInt64, _ xml: Int,
    _ tape: inout Tape
  ) {
    let attributes = codec.attributes.rows(row.pointee.attributes)
    for number in row.pointee.demands {
      let demand = codec.demands.address(number)
      let subject = attributes.address(demand.pointee.attribute)
      // One that is wrong was reported.
      if wrong & subject.pointee.presence != 0 { continue }
      let isOne = present & subject.pointee.presence != 0 && Self.isOne(of: demand, subject, node, &tape)
      guard isOne != demand.pointee.isNegated else { continue }
      switch demand.pointee.demand {
      case .attribute(let place):
        if (present | wrong) & attributes[place].presence != 0 { continue }
      case .child(let place):
        if seen & 1 << UInt64(min(place, 63)) != 0 { continue }
      case .form(let place, let token, let length):
        let target = target(place, row)
        guard present & target.pointee.presence != 0 else { continue }
        let word = node + 1 + target.pointee.word
        let slice = Slice(offset: tape.word(word), length: tape.word(word + 1))
        if let length {
          if slice.length == length { continue }
        } else if tape.withInput(of: slice, { codec.matchesToken(token, $0) }) {
          continue
        }
      }
      let value = present & subject.pointee.presence != 0 ? text(of: subject.pointee, node, tape) : nil
      report(demand.pointee.demand, row, xml, "\(subject.pointee.name.text)" + (value.map { " \"\($0)\"" } ?? ""))
    }
  }

  @inline(never)
  private mutating func report(
    _ demand: ElementDemandRow.Demand, _ row: UnsafePointer<PreparedElement>, _ xml: Int, _ reason: String
  ) {
    switch demand {
    case .attribute(let place):
      let attribute = codec.attributes.rows(row.pointee.attributes)[place]
      issues.append(
        ElementIssue(
          layer: .validation, location: location(attribute), offset: offset(of: xml),
          message: "is missing, and \(reason) demands it"))
    case .child(let place):
      let kind = codec.children.rows(row.pointee.children)[place]
      report(.validation, kind, at: xml, "is missing, and \(reason) demands it")
    case .form(let place, let token, _):
      report(target(place, row).pointee, xml, "is not \(codec.wordsOfToken(token)), and \(reason) demands that")
    }
  }

  /// The attribute, or behind the last one the character data.
  private func target(_ place: Int, _ row: UnsafePointer<PreparedElement>) -> UnsafePointer<PreparedAttribute> {
    codec.attributes.address(
      place < row.pointee.attributes.count ? row.pointee.attributes.lowerBound + place : row.pointee.text)
  }

  /// Whether the value is one of those that demand something.
  private static func isOne(
    of demand: UnsafePointer<PreparedDemand>, _ row: UnsafePointer<PreparedAttribute>, _ node: Int,
    _ tape: inout Tape
  ) -> Bool {
    let word = node + 1 + row.pointee.word
    switch row.pointee.kind {
    case .enumeration: return demand.pointee.codes & 1 << UInt64(min(tape.word(word), 63)) != 0
    case .text, .token:
      let slice = Slice(offset: tape.word(word), length: tape.word(word + 1))
      for value in demand.pointee.values where value.length == Int(slice.length) {
        if tape.withInput(of: slice, { isIgnoringCase($0, 0, value.text) }) { return true }
      }
      return false
    case .number:
      let number = tape.word(word)
      return demand.pointee.values.contains { "\($0.text)" == "\(number)" }
    }
  }

  /// The value of an attribute, as text.
  private func text(of row: PreparedAttribute, _ node: Int, _ tape: borrowing Tape) -> String {
    func string(_ word: Int) -> String {
      let slice = Slice(offset: tape.word(node + 1 + word), length: tape.word(node + 2 + word))
      return tape.withBytes(of: slice) { String(decoding: $0, as: UTF8.self) }
    }
    switch row.kind {
    case .text, .token: return string(row.word).lowercased()
    case .number: return "\(tape.word(node + 1 + row.word))"
    case .enumeration:
      let code = Int(tape.word(node + 1 + row.word))
      guard code > 0 else { return string(row.word + 1) }
      let name = codec.enumNames[row.firstName + code - 1]
      return String(decoding: UnsafeBufferPointer(start: name.start, count: name.count), as: UTF8.self)
    }
  }
}
