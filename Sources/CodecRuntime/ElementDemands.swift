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

  /// Reports what an attribute demands by its value and is not there, or is.
  @inline(never)
  mutating func checkDemands(
    _ number: Int, _ row: PreparedElement, _ node: Int, _ present: UInt32, _ wrong: UInt32, _ seen: UInt64, _ xml: Int,
    _ tape: inout Tape
  ) {
    let attributes = codec.attributes.rows(row.attributes)
    for demand in codec.demands where demand.element == number {
      let subject = attributes[demand.attribute]
      // One that is wrong was reported.
      if wrong & subject.presence != 0 { continue }
      let value = present & subject.presence != 0 ? text(of: subject, node, tape) : nil
      let isOne = value.map { value in demand.values.contains { "\($0)" == value } } ?? false
      guard isOne != demand.isNegated else { continue }
      let reason = "\(subject.name.text) \(value.map { "\"\($0)\"" } ?? "")"
      switch demand.demand {
      case .attribute(let place):
        let bit = attributes[place].presence
        guard (present | wrong) & bit == 0 else { continue }
        issues.append(
          ElementIssue(
            layer: .validation, location: location(attributes[place]), offset: offset(of: xml),
            message: "is missing, and \(reason) demands it"))
      case .child(let place):
        if seen & 1 << UInt64(min(place, 63)) != 0 { continue }
        let kind = codec.children.rows(row.children)[place]
        report(.validation, kind, at: xml, "is missing, and \(reason) demands it")
      case .form(let place, let token):
        let target = place < attributes.count ? attributes[place] : codec.attributes[row.text]
        guard present & target.presence != 0 else { continue }
        let slice = Slice(offset: tape.word(node + 1 + target.word), length: tape.word(node + 2 + target.word))
        let bytes = tape.withBytes(of: slice) { Self.trimmed($0) }
        let inner = Slice(offset: slice.offset + UInt32(bytes.lowerBound), length: UInt32(bytes.count))
        if tape.withInput(of: inner, { codec.matchesToken(token, $0) }) { continue }
        report(target, xml, "is not \(codec.wordsOfToken(token)), and \(reason) demands that")
      }
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
