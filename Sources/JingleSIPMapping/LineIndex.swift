import CodecRuntime

/// Finds the lines of one level of a description by their slot, and by a key, without going through all of them.
struct LineIndex {
  private struct Entry {
    var node: Int32
    var next: Int32
  }

  /// The lines of one slot by key: their place in ``keyed``, where they are sorted by key and then by place.
  private struct Keys {
    var slot: Int
    var range: Range<Int>
  }

  private var heads: [Int32]
  private var tails: [Int32]
  private var entries: [Entry] = []
  private var used: [Int32] = []
  private var keys: [Keys] = []
  private var keyed: [(key: UInt64, node: Int)] = []
  /// A bit for each slot that somebody has asked for.
  private var asked: [UInt64]

  init(lastSlot: Int) {
    heads = Array(repeating: -1, count: lastSlot + 1)
    tails = heads
    asked = Array(repeating: 0, count: lastSlot / 64 + 1)
    entries.reserveCapacity(64)
    used.reserveCapacity(32)
    keyed.reserveCapacity(64)
    keys.reserveCapacity(8)
  }

  mutating func removeAll() {
    for slot in used { heads[Int(slot)] = -1 }
    used.removeAll(keepingCapacity: true)
    entries.removeAll(keepingCapacity: true)
    keys.removeAll(keepingCapacity: true)
    keyed.removeAll(keepingCapacity: true)
    for index in asked.indices { asked[index] = 0 }
  }

  /// Notes a line; those of unknown slots are passed over.
  mutating func add(_ node: Int, slot: Int) {
    guard slot < heads.count else { return }
    let entry = Int32(truncatingIfNeeded: entries.count)
    entries.append(Entry(node: Int32(truncatingIfNeeded: node), next: -1))
    if heads[slot] < 0 {
      heads[slot] = entry
      used.append(Int32(truncatingIfNeeded: slot))
    } else {
      entries[Int(tails[slot])].next = entry
    }
    tails[slot] = entry
  }

  /// The first line of a slot, as a position; −1 where there is none.
  mutating func first(_ slot: Int) -> Int {
    guard slot < heads.count else { return -1 }
    noteAsked(slot)
    return Int(heads[slot])
  }

  /// Whether there is a line of this slot; nobody has asked for it thereby.
  func isThere(_ slot: Int) -> Bool { slot < heads.count && heads[slot] >= 0 }

  /// The slots that have several lines.
  var repeated: [Int] { used.map(Int.init).filter { entries[Int(heads[$0])].next >= 0 } }

  mutating func contains(_ slot: Int) -> Bool { first(slot) >= 0 }

  /// Lines of this slot need not be reported: somebody knows that they are there.
  mutating func noteAsked(_ slot: Int) { asked[slot >> 6] |= 1 << UInt64(slot & 63) }

  /// Calls `body` for each slot whose lines were asked for by key, with its keys in order, a key as often as it has lines.
  func forEachAskedKey(_ body: (_ slot: Int, _ key: UInt64) -> Void) {
    for list in keys {
      for position in list.range { body(list.slot, keyed[position].key) }
    }
  }

  /// Calls `body` for each slot of lines for which nobody has asked.
  func forEachUnasked(_ body: (_ slot: Int) -> Void) {
    for slot in used where asked[Int(slot) >> 6] & 1 << UInt64(slot & 63) == 0 { body(Int(slot)) }
  }

  func node(at position: Int) -> Int { Int(entries[position].node) }

  func next(after position: Int) -> Int { Int(entries[position].next) }

  mutating func firstNode(_ slot: Int) -> Int? {
    let position = first(slot)
    return position < 0 ? nil : node(at: position)
  }

  /// All lines of a slot with their keys, sorted by key and then by place: their range for ``keyedNode(at:)``. Made once
  /// and kept.
  mutating func sorted(_ slot: Int, _ keyOf: (Int) -> UInt64?) -> Range<Int> {
    for known in keys where known.slot == slot { return known.range }
    let start = keyed.count
    var isSorted = true
    var position = first(slot)
    while position >= 0 {
      let node = node(at: position)
      if let key = keyOf(node) {
        if keyed.count > start, keyed[keyed.count - 1].key > key { isSorted = false }
        keyed.append((key, node))
      }
      position = next(after: position)
    }
    if !isSorted { keyed[start...].sort { ($0.key, $0.node) < ($1.key, $1.node) } }
    keys.append(Keys(slot: slot, range: start..<keyed.count))
    return start..<keyed.count
  }

  func keyedNode(at position: Int) -> Int { keyed[position].node }

  func key(at position: Int) -> UInt64 { keyed[position].key }

  /// The part of a range of ``sorted(_:_:)`` that has one key.
  func range(of key: UInt64, in sorted: Range<Int>) -> Range<Int> {
    var low = sorted.lowerBound
    var high = sorted.upperBound
    while low < high {
      let middle = (low + high) / 2
      if keyed[middle].key < key { low = middle + 1 } else { high = middle }
    }
    var end = low
    while end < sorted.upperBound, keyed[end].key == key { end += 1 }
    return low..<end
  }
}
