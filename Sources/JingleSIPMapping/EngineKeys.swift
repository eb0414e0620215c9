import CodecRuntime

/// Lines that belong to the item around: those with its key, such as the `a=rtpmap` of a payload type.
extension Engine {
  /// The lines with one key, one after the other.
  struct KeyedSpan {
    var node: Int
    let last: Int
    /// The place among the ``otherLines``, −1 where the key is small.
    fileprivate var place: Int
  }

  /// The lines of the section with the key of the item around. Returns whether there is one.
  @inline(__always)
  @discardableResult
  func eachJoined(
    _ place: Int, slot: Int, _ field: KeyField, where filter: StateFilter = .all, _ body: (Int) -> Void
  ) -> Bool {
    guard hasKeyed(place, slot, field), lines.keyed[place].mayHold(filter), var span = keyedSpan(place, key) else {
      return false
    }
    var isFound = false
    while failure == nil {
      if filter.holds(span.node, nodes) {
        isFound = true
        body(span.node)
      }
      if span.node == span.last { break }
      advance(&span, slot, field)
    }
    return isFound
  }

  /// The first of these lines; further ones are lost.
  @inline(__always)
  func onlyJoined(
    _ place: Int, slot: Int, _ field: KeyField, _ name: StaticString, where filter: StateFilter = .all
  ) -> Int? {
    guard hasKeyed(place, slot, field), var span = keyedSpan(place, key) else { return nil }
    while !filter.holds(span.node, nodes) {
      if span.node == span.last { return nil }
      advance(&span, slot, field)
    }
    if span.node != span.last { loseRepeated(name) }
    return span.node
  }

  /// The lines of the section for which a filter holds that holds for none with a key.
  @inline(__always)
  func eachUnkeyed(_ place: Int, slot: Int, where filter: StateFilter, _ body: (Int) -> Void) {
    if isKeyed & 1 &<< place != 0, !lines.keyed[place].hasUnkeyed { return }
    eachLine(slot, .section) { line in if filter.holds(line, nodes) { body(line) } }
  }

  /// The first line of each key, in their order.
  @inline(__always)
  func eachGroup(_ place: Int, slot: Int, _ field: KeyField, _ body: (Int) -> Void) {
    guard hasKeyed(place, slot, field) else { return }
    lines.keyed[place].isGrouped = true
    let outer = key
    eachLine(slot, .section) { line in
      guard let number = field.key(of: line, nodes), keyedSpan(place, number)?.node == line else { return }
      key = number
      body(line)
    }
    key = outer
  }

  /// Names the lines that belong to a payload type which the m-line does not have.
  func reportUnjoined() {
    for place in 0..<MappingTables.keyedSlots where isKeyed & 1 << place != 0 && !lines.keyed[place].isGrouped {
      let (low, high) = lines.keyed[place].small
      if low & ~sectionKeys.small.0 | high & ~sectionKeys.small.1 != 0 || !lines.keyed[place].others.isEmpty {
        reportUnjoined(place)
      }
    }
  }

  @inline(never)
  private func reportUnjoined(_ place: Int) {
    let keyed = lines.keyed[place]
    guard let line = MappingTables.mappedLines[keyed.slot] else { return }
    let small = (0..<UInt64(KeyedLines.smallKeys)).filter { keyed.contains(small: $0) }
    for key in small + otherLines[keyed.others].map(\.key) where !sectionKeys.contains(key) {
      lose("\(line.name):\(key)", "the m-line has no such format")
    }
  }

  // MARK: By key

  /// Whether the section has lines of a slot; then they are there by their keys.
  @inline(__always)
  private func hasKeyed(_ place: Int, _ slot: Int, _ field: KeyField) -> Bool {
    guard section.contains(slot) else { return false }
    if isKeyed & 1 &<< place == 0 { makeKeyed(place, slot, field) }
    return true
  }

  @inline(never)
  private func makeKeyed(_ place: Int, _ slot: Int, _ field: KeyField) {
    isKeyed |= 1 &<< place
    var keyed = KeyedLines(slot, field, lines.spans(place))
    let start = otherLines.count
    let nodes = nodes
    if let span = section.span(slot) {
      var line = span.first
      while true {
        if let number = keyed.key(of: line, field, nodes) {
          if number < UInt64(KeyedLines.smallKeys) {
            keyed.add(line, small: number)
          } else {
            noteOther(OtherLine(key: number, node: line))
          }
        }
        if line == span.last { break }
        line = nextLine(slot, after: line, nodes)
      }
    }
    keyed.others = start..<otherLines.count
    if keyed.others.count > 1 { sortOtherLines(keyed.others) }
    lines.keyed[place] = keyed
  }

  @inline(never)
  private func noteOther(_ line: OtherLine) {
    if otherLines.isEmpty { otherLines.reserveCapacity(8) }
    otherLines.append(line)
  }

  /// In place: to sort a part of an array by itself would copy it.
  @inline(never)
  private func sortOtherLines(_ range: Range<Int>) {
    otherLines.withUnsafeMutableBufferPointer { lines in
      let isInOrder = range.dropFirst().allSatisfy { lines[$0 - 1].isBefore(lines[$0]) }
      if isInOrder { return }
      if range.count == 2 { return lines.swapAt(range.lowerBound, range.lowerBound + 1) }
      var part = UnsafeMutableBufferPointer(rebasing: lines[range])
      part.sort { $0.isBefore($1) }
    }
  }

  @inline(__always)
  private func keyedSpan(_ place: Int, _ key: UInt64) -> KeyedSpan? {
    guard key < UInt64(KeyedLines.smallKeys) else { return otherSpan(place, key) }
    guard let span = lines.keyed[place].span(small: key) else { return nil }
    return KeyedSpan(node: span.first, last: span.last, place: -1)
  }

  @inline(never)
  private func otherSpan(_ place: Int, _ key: UInt64) -> KeyedSpan? {
    let range = lines.keyed[place].others
    if range.count <= 8 {
      // Few are as quickly looked at one after the other.
      guard let first = range.first(where: { otherLines[$0].key == key }) else { return nil }
      var last = first
      while last + 1 < range.upperBound, otherLines[last + 1].key == key { last += 1 }
      return KeyedSpan(node: otherLines[first].node, last: otherLines[last].node, place: first)
    }
    func firstPlace(_ isBefore: (UInt64) -> Bool) -> Int {
      var low = range.lowerBound
      var high = range.upperBound
      while low < high {
        let middle = (low + high) / 2
        if isBefore(otherLines[middle].key) { low = middle + 1 } else { high = middle }
      }
      return low
    }
    let start = firstPlace { $0 < key }
    let end = firstPlace { $0 <= key }
    if start == end { return nil }
    return KeyedSpan(node: otherLines[start].node, last: otherLines[end - 1].node, place: start)
  }

  /// Goes to the next line with the key of the item around: for one before the last. Mostly it is the line behind it.
  @inline(__always)
  private func advance(_ span: inout KeyedSpan, _ slot: Int, _ field: KeyField) {
    let next = nodes.end(of: span.node)
    if span.place < 0, nodes.slot(of: next) == UInt32(truncatingIfNeeded: slot), field.key(of: next, nodes) == key {
      span.node = next
    } else {
      advanceFar(&span, slot, field)
    }
  }

  @inline(never)
  private func advanceFar(_ span: inout KeyedSpan, _ slot: Int, _ field: KeyField) {
    if span.place >= 0 {
      span.place += 1
      span.node = otherLines[span.place].node
      return
    }
    repeat {
      span.node = nodes.end(of: span.node)
    } while nodes.slot(of: span.node) != UInt32(truncatingIfNeeded: slot) || field.key(of: span.node, nodes) != key
  }
}

/// Keys that were met: payload types are small numbers.
struct KeySet {
  private(set) var small: (UInt64, UInt64) = (0, 0)
  /// The others: one by one where they are few.
  private var few: [UInt64] = []
  private var large: Set<UInt64> = []

  func contains(_ key: UInt64) -> Bool {
    switch key {
    case 0..<64: small.0 & 1 << key != 0
    case 64..<128: small.1 & 1 << (key & 63) != 0
    default: few.contains(key) || large.contains(key)
    }
  }

  /// `false` where it was there before.
  @inline(__always)
  mutating func insert(_ key: UInt64) -> Bool {
    let bit: UInt64 = 1 &<< key
    if key < 64 {
      if small.0 & bit != 0 { return false }
      small.0 |= bit
      return true
    }
    if key < 128 {
      if small.1 & bit != 0 { return false }
      small.1 |= bit
      return true
    }
    return insert(large: key)
  }

  @inline(never)
  private mutating func insert(large key: UInt64) -> Bool {
    if few.contains(key) { return false }
    guard few.count >= 8 else {
      few.append(key)
      return true
    }
    return large.insert(key).inserted
  }
}
