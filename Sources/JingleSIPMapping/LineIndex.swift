/// Finds the lines of one level of a description by their slot, and by a key, without going through all of them.
///
/// A class over memory of its own: it is asked for each row of each section.
final class LineIndex {
  private struct Entry {
    var node: Int32
    var next: Int32
  }

  /// A line and its key.
  private struct KeyedLine {
    var key: UInt64
    var node: Int
  }

  private let slotCount: Int
  /// For each slot its first and its last entry, or −1.
  private let heads: UnsafeMutablePointer<Int32>
  private let tails: UnsafeMutablePointer<Int32>
  /// A bit for each slot of which there are lines, of which there are several, and for which somebody has asked.
  private let present: UnsafeMutablePointer<UInt64>
  private let several: UnsafeMutablePointer<UInt64>
  private let asked: UnsafeMutablePointer<UInt64>
  private let setWords: Int
  @exclusivity(unchecked) private var entries: UnsafeMutablePointer<Entry>
  @exclusivity(unchecked) private var entryCount = 0
  @exclusivity(unchecked) private var entryCapacity = 64
  /// Slots whose lines were asked for by key, with their places in `keyed`, where they are sorted by key and then by place.
  @exclusivity(unchecked) private var keys: [(slot: Int, range: Range<Int>)] = []
  @exclusivity(unchecked) private var keyed: UnsafeMutablePointer<KeyedLine>
  @exclusivity(unchecked) private var keyedCount = 0
  @exclusivity(unchecked) private var keyedCapacity = 64

  init(lastSlot: Int) {
    slotCount = lastSlot + 1
    setWords = lastSlot / 64 + 1
    heads = .allocate(capacity: slotCount * 2)
    heads.initialize(repeating: -1, count: slotCount * 2)
    tails = heads + slotCount
    present = .allocate(capacity: setWords * 3)
    present.initialize(repeating: 0, count: setWords * 3)
    several = present + setWords
    asked = several + setWords
    entries = .allocate(capacity: entryCapacity)
    keyed = .allocate(capacity: keyedCapacity)
  }

  deinit {
    heads.deallocate()
    present.deallocate()
    entries.deallocate()
    keyed.deallocate()
  }

  func removeAll() {
    forEach(present) { heads[$0] = -1 }
    present.update(repeating: 0, count: setWords * 3)
    entryCount = 0
    keyedCount = 0
    if !keys.isEmpty { keys.removeAll(keepingCapacity: true) }
  }

  /// Notes a line; those of unknown slots are passed over.
  @inline(__always)
  func add(_ node: Int, slot: Int) {
    guard slot < slotCount else { return }
    let entry = entryCount
    if entry == entryCapacity { grow() }
    entries[entry] = Entry(node: Int32(truncatingIfNeeded: node), next: -1)
    entryCount = entry &+ 1
    if heads[slot] < 0 {
      heads[slot] = Int32(truncatingIfNeeded: entry)
      present[slot >> 6] |= 1 << UInt64(slot & 63)
    } else {
      entries[Int(tails[slot])].next = Int32(truncatingIfNeeded: entry)
      several[slot >> 6] |= 1 << UInt64(slot & 63)
    }
    tails[slot] = Int32(truncatingIfNeeded: entry)
  }

  @inline(never)
  private func grow() {
    let larger = UnsafeMutablePointer<Entry>.allocate(capacity: entryCapacity * 2)
    larger.moveInitialize(from: entries, count: entryCount)
    entries.deallocate()
    entries = larger
    entryCapacity *= 2
  }

  /// The first line of a slot, as a position; −1 where there is none.
  @inline(__always)
  func first(_ slot: Int) -> Int {
    guard slot < slotCount else { return -1 }
    noteAsked(slot)
    return Int(heads[slot])
  }

  /// Whether there is a line of this slot; nobody has asked for it thereby.
  @inline(__always)
  func isThere(_ slot: Int) -> Bool { slot < slotCount && heads[slot] >= 0 }

  @inline(__always)
  func contains(_ slot: Int) -> Bool { first(slot) >= 0 }

  /// Lines of this slot need not be reported: somebody knows that they are there.
  @inline(__always)
  func noteAsked(_ slot: Int) { asked[slot >> 6] |= 1 << UInt64(slot & 63) }

  /// Whether there are lines of any of these slots.
  @inline(__always)
  func hasAny(of slots: SlotSet) -> Bool {
    for word in 0..<setWords where present[word] & slots.words[word] != 0 { return true }
    return false
  }

  /// Calls `body` for those of some slots that have several lines, in the order in which they stand in the description.
  func forEachRepeated(among slots: SlotSet, _ body: (_ slot: Int) -> Void) {
    forEach(of: { self.several[$0] & slots.words[$0] }, body)
  }

  /// Calls `body` for each slot whose lines were asked for by key, with its keys in order, a key as often as it has lines.
  func forEachAskedKey(_ body: (_ slot: Int, _ key: UInt64) -> Void) {
    for list in keys {
      for position in list.range { body(list.slot, keyed[position].key) }
    }
  }

  /// Calls `body` for those of some slots that have lines for which nobody has asked, in the order in which they stand in
  /// the description.
  func forEachUnasked(among slots: SlotSet, _ body: (_ slot: Int) -> Void) {
    forEach(of: { self.present[$0] & ~self.asked[$0] & slots.words[$0] }, body)
  }

  @inline(__always)
  private func forEach(of words: (Int) -> UInt64, _ body: (Int) -> Void) {
    var slots: [Int] = []
    for word in 0..<setWords {
      var bits = words(word)
      while bits != 0 {
        slots.append(word << 6 | bits.trailingZeroBitCount)
        bits &= bits &- 1
      }
    }
    if slots.count > 1 { slots.sort { heads[$0] < heads[$1] } }
    for slot in slots { body(slot) }
  }

  /// Calls `body` for each slot of a set.
  @inline(__always)
  private func forEach(_ set: UnsafeMutablePointer<UInt64>, _ body: (Int) -> Void) {
    for word in 0..<setWords {
      var bits = set[word]
      while bits != 0 {
        body(word << 6 | bits.trailingZeroBitCount)
        bits &= bits &- 1
      }
    }
  }

  @inline(__always)
  func node(at position: Int) -> Int { Int(entries[position].node) }

  @inline(__always)
  func next(after position: Int) -> Int { Int(entries[position].next) }

  @inline(__always)
  func firstNode(_ slot: Int) -> Int? {
    let position = first(slot)
    return position < 0 ? nil : node(at: position)
  }

  /// All lines of a slot with their keys, sorted by key and then by place: their range for ``keyedNode(at:)``. Made once
  /// and kept.
  @inline(__always)
  func sorted(_ slot: Int, _ keyOf: (Int) -> UInt64?) -> Range<Int> {
    for known in keys where known.slot == slot { return known.range }
    let start = keyedCount
    var isSorted = true
    var last: UInt64 = 0
    var position = first(slot)
    while position >= 0 {
      let node = node(at: position)
      if let key = keyOf(node) {
        if last > key { isSorted = false }
        last = key
        if keyedCount == keyedCapacity { growKeyed() }
        keyed[keyedCount] = KeyedLine(key: key, node: node)
        keyedCount &+= 1
      }
      position = next(after: position)
    }
    if !isSorted { sort(start) }
    keys.append((slot, start..<keyedCount))
    return start..<keyedCount
  }

  /// Sorts the lines from `start` on: where they are few each is put where it belongs.
  private func sort(_ start: Int) {
    var lines = UnsafeMutableBufferPointer(start: keyed + start, count: keyedCount - start)
    guard lines.count <= 32 else {
      lines.sort { ($0.key, $0.node) < ($1.key, $1.node) }
      return
    }
    for index in 1..<lines.count {
      let line = lines[index]
      var place = index
      // They come in the order of their places.
      while place > 0, lines[place - 1].key > line.key {
        lines[place] = lines[place - 1]
        place -= 1
      }
      lines[place] = line
    }
  }

  @inline(never)
  private func growKeyed() {
    let larger = UnsafeMutablePointer<KeyedLine>.allocate(capacity: keyedCapacity * 2)
    larger.moveInitialize(from: keyed, count: keyedCount)
    keyed.deallocate()
    keyed = larger
    keyedCapacity *= 2
  }

  @inline(__always)
  func keyedNode(at position: Int) -> Int { keyed[position].node }

  @inline(__always)
  func key(at position: Int) -> UInt64 { keyed[position].key }

  /// The part of a range of ``sorted(_:_:)`` that has one key.
  @inline(__always)
  func range(of key: UInt64, in sorted: Range<Int>) -> Range<Int> {
    var low = sorted.lowerBound
    var high = sorted.upperBound
    while low < high {
      let middle = (low &+ high) >> 1
      if keyed[middle].key < key { low = middle &+ 1 } else { high = middle }
    }
    var end = low
    while end < sorted.upperBound, keyed[end].key == key { end &+= 1 }
    return Range(uncheckedBounds: (low, end))
  }
}

/// Slots of lines, a bit each.
struct SlotSet: Sendable {
  private(set) var words: Table<UInt64>

  init(_ slots: [Int], lastSlot: Int) {
    var words: [UInt64] = Array(repeating: 0, count: lastSlot / 64 + 1)
    for slot in slots { words[slot >> 6] |= 1 << UInt64(slot & 63) }
    self.words = Table(words)
  }
}
