import CodecRuntime

/// Finds the lines of one level of a description by their slot, and by a key, without going through all of them.
struct LineIndex {
  private struct Entry {
    var node: Int32
    var next: Int32
  }

  /// The lines of one slot by key, in order.
  private struct Keys {
    var slot: Int
    var entries: [(key: UInt64, node: Int)]
  }

  private var heads: [Int32]
  private var tails: [Int32]
  private var entries: [Entry] = []
  private var used: [Int32] = []
  private var keys: [Keys] = []
  /// A bit for each slot that somebody has asked for.
  private var asked: [UInt64]

  init(lastSlot: Int) {
    heads = Array(repeating: -1, count: lastSlot + 1)
    tails = heads
    asked = Array(repeating: 0, count: lastSlot / 64 + 1)
  }

  mutating func removeAll() {
    for slot in used { heads[Int(slot)] = -1 }
    used.removeAll(keepingCapacity: true)
    entries.removeAll(keepingCapacity: true)
    keys.removeAll(keepingCapacity: true)
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

  mutating func contains(_ slot: Int) -> Bool { first(slot) >= 0 }

  /// Lines of this slot need not be reported: somebody knows that they are there.
  mutating func noteAsked(_ slot: Int) { asked[slot >> 6] |= 1 << UInt64(slot & 63) }

  /// The slots whose lines were asked for by key, with the keys that their lines have.
  var askedKeys: [(slot: Int, keys: [UInt64])] { keys.map { ($0.slot, $0.entries.map(\.key)) } }

  /// The slots of lines for which nobody has asked.
  var unasked: [Int] { used.map(Int.init).filter { asked[$0 >> 6] & 1 << UInt64($0 & 63) == 0 } }

  func node(at position: Int) -> Int { Int(entries[position].node) }

  func next(after position: Int) -> Int { Int(entries[position].next) }

  mutating func firstNode(_ slot: Int) -> Int? {
    let position = first(slot)
    return position < 0 ? nil : node(at: position)
  }

  /// All lines of a slot with their keys, sorted by key and then by place. Made once and kept.
  mutating func sorted(_ slot: Int, _ keyOf: (Int) -> UInt64?) -> [(key: UInt64, node: Int)] {
    if let known = keys.first(where: { $0.slot == slot }) { return known.entries }
    var result: [(key: UInt64, node: Int)] = []
    var position = first(slot)
    while position >= 0 {
      let node = node(at: position)
      if let key = keyOf(node) { result.append((key, node)) }
      position = next(after: position)
    }
    result.sort { ($0.key, $0.node) < ($1.key, $1.node) }
    keys.append(Keys(slot: slot, entries: result))
    return result
  }
}

/// The part of a list sorted by key that has one key.
func range(of key: UInt64, in entries: [(key: UInt64, node: Int)]) -> Range<Int> {
  var low = 0
  var high = entries.count
  while low < high {
    let middle = (low + high) / 2
    if entries[middle].key < key { low = middle + 1 } else { high = middle }
  }
  var end = low
  while end < entries.count, entries[end].key == key { end += 1 }
  return low..<end
}
