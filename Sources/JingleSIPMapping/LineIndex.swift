import CodecRuntime

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Where the lines of a kind begin and end among the nodes of an arena: there may be others between them.
struct LineSpan {
  private let firstNode: Int32
  private var lastNode: Int32

  @inline(__always)
  init(_ node: Int) {
    firstNode = Int32(truncatingIfNeeded: node)
    lastNode = firstNode
  }

  var first: Int { Int(firstNode) }
  var last: Int {
    get { Int(lastNode) }
    set { lastNode = Int32(truncatingIfNeeded: newValue) }
  }
}

/// Finds the lines of one level of a description by their slot, without going through all of them.
///
/// It is asked for each row of each section, so it owns nothing: its memory is that of ``LineMemory``, and holds nothing
/// of sense before ``removeAll()``.
struct LineIndex {
  /// The span of each slot of which there are lines.
  private let spans: UnsafeMutablePointer<LineSpan>
  /// A bit for each slot of which there are lines, then for each of which there are several, then for each for which
  /// somebody has asked.
  private let sets: UnsafeMutablePointer<UInt64>

  private static var slotCount: Int { MappingTables.lastSlot + 1 }
  private static var setWords: Int { MappingTables.lastSlot / 64 + 1 }
  private static var several: Int { setWords }
  private static var asked: Int { setWords * 2 }

  /// Bytes that it needs.
  static var size: Int {
    setWords * 3 * MemoryLayout<UInt64>.stride + slotCount * MemoryLayout<LineSpan>.stride
  }

  init(_ memory: UnsafeMutableRawPointer) {
    sets = memory.bindMemory(to: UInt64.self, capacity: Self.setWords * 3)
    spans = (memory + Self.setWords * 3 * MemoryLayout<UInt64>.stride)
      .bindMemory(to: LineSpan.self, capacity: Self.slotCount)
  }

  /// As if nobody had asked yet.
  func forgetAsked() { (sets + Self.asked).update(repeating: 0, count: Self.setWords) }

  func removeAll() { sets.update(repeating: 0, count: Self.setWords * 3) }

  @inline(__always)
  private func bit(_ slot: Int) -> UInt64 { 1 &<< UInt64(truncatingIfNeeded: slot) }

  /// Notes a line. Returns `false` for one of an unknown slot, which is passed over.
  @inline(__always)
  func add(_ node: Int, slot: Int) -> Bool {
    guard slot < Self.slotCount else { return false }
    let bit = bit(slot)
    if sets[slot &>> 6] & bit == 0 {
      sets[slot &>> 6] |= bit
      spans[slot] = LineSpan(node)
    } else {
      sets[Self.several &+ slot &>> 6] |= bit
      spans[slot].last = node
    }
    return true
  }

  /// Whether there is a line of this slot; nobody has asked for it thereby.
  @inline(__always)
  func isThere(_ slot: Int) -> Bool { sets[slot &>> 6] & bit(slot) != 0 }

  /// Whether there are several lines of this slot; nobody has asked for them thereby.
  @inline(__always)
  func isSeveral(_ slot: Int) -> Bool { sets[Self.several &+ slot &>> 6] & bit(slot) != 0 }

  /// Lines of this slot need not be reported: somebody knows that they are there.
  @inline(__always)
  func noteAsked(_ slot: Int) { sets[Self.asked &+ slot &>> 6] |= bit(slot) }

  /// The lines of a slot; `nil` where there are none.
  @inline(__always)
  func span(_ slot: Int) -> LineSpan? {
    guard isThere(slot) else { return nil }
    noteAsked(slot)
    return spans[slot]
  }

  @inline(__always)
  func contains(_ slot: Int) -> Bool { span(slot) != nil }

  @inline(__always)
  func firstNode(_ slot: Int) -> Int? { span(slot)?.first }

  /// Whether there are lines of any of these slots.
  @inline(__always)
  func hasAny(of slots: SlotSet) -> Bool {
    for word in 0..<Self.setWords where sets[word] & slots.words[word] != 0 { return true }
    return false
  }

  /// Of how many of these slots there are lines.
  func count(among slots: SlotSet) -> Int {
    (0..<Self.setWords).reduce(0) { $0 + (sets[$1] & slots.words[$1]).nonzeroBitCount }
  }

  /// Those of some slots that have several lines, in the order in which they stand in the description.
  func repeated(among slots: SlotSet) -> [Int] { inOrder { sets[Self.several &+ $0] & slots.words[$0] } }

  /// Those of some slots that have lines for which nobody has asked, in the order in which they stand in the description.
  func unasked(among slots: SlotSet) -> [Int] {
    inOrder { sets[$0] & ~sets[Self.asked &+ $0] & slots.words[$0] }
  }

  @inline(__always)
  private func inOrder(_ words: (Int) -> UInt64) -> [Int] {
    var slots: [Int] = []
    for word in 0..<Self.setWords {
      var bits = words(word)
      while bits != 0 {
        slots.append(word << 6 | bits.trailingZeroBitCount)
        bits &= bits &- 1
      }
    }
    if slots.count > 1 { slots.sort { spans[$0].first < spans[$1].first } }
    return slots
  }
}

/// Where the first parameter of each kind of a line stands, for those of the first eight rows of its table.
struct ParameterIndex {
  static let firstSlot: UInt32 = 64
  // The root is never a parameter.
  private var places: InlineArray<8, Int32> = InlineArray(repeating: 0)

  @inline(__always)
  init(_ nodes: NodeTable, of node: Int, after words: Int) {
    var position = node &+ 1 &+ words
    let end = nodes.end(of: node)
    while position < end {
      let head = nodes.word(position)
      let row = Int(truncatingIfNeeded: head >> NodeLayout.slotShift &- Self.firstSlot)
      if row < places.count, places[row] == 0 { places[row] = Int32(truncatingIfNeeded: position) }
      position &+= Int(head & NodeLayout.sizeMask)
    }
  }

  @inline(__always)
  subscript(row: Int) -> Int? { places[row] == 0 ? nil : Int(places[row]) }
}

/// Where the key of a line stands, and the bits of its first word that say that it has one.
struct KeyField {
  private let word: Int
  private let isWide: Bool
  fileprivate let state: StateFilter

  @inline(__always)
  init(word: Int, isWide: Bool = false, mask: UInt32 = 0, bits: UInt32 = 0) {
    self.word = word
    self.isWide = isWide
    state = StateFilter(mask: mask, bits: bits)
  }

  /// The key of a line, `nil` where it has none.
  @inline(__always)
  func key(of line: Int, _ nodes: NodeTable) -> UInt64? {
    if !state.holds(line, nodes) { return nil }
    return isWide ? nodes.wide(at: line &+ word) : UInt64(nodes.word(line &+ word))
  }
}

/// Those lines whose first word, which says what is there, has certain bits within a mask.
struct StateFilter {
  let mask: UInt32
  let bits: UInt32

  @inline(__always)
  init(mask: UInt32, bits: UInt32) {
    self.mask = mask
    self.bits = bits
  }

  /// All lines.
  static var all: StateFilter { @inline(__always) get { StateFilter(mask: 0, bits: 0) } }

  @inline(__always)
  func holds(_ line: Int, _ nodes: NodeTable) -> Bool { mask == 0 || nodes.word(line &+ 1) & mask == bits }
}

/// The lines of a slot in a section by their keys, such as those of `a=rtpmap` by their payload types.
struct KeyedLines {
  static var smallKeys: Int { 128 }

  let slot: Int
  /// Keys below ``smallKeys`` that there are, a bit each, and the lines that have them.
  private(set) var small: (UInt64, UInt64) = (0, 0)
  private let spans: UnsafeMutablePointer<LineSpan>
  /// Lines with other keys: their places in ``Engine/otherLines``.
  var others = 0..<0
  /// Each of its keys makes an item of its own, so that none is left over.
  var isGrouped = false
  /// Bits of the first word that some and that all lines have, as far as they are looked at.
  private var some: UInt32
  private var common: UInt32
  /// There are lines without a key.
  private(set) var hasUnkeyed = false

  init(_ slot: Int, _ field: KeyField, _ spans: UnsafeMutablePointer<LineSpan>) {
    self.slot = slot
    self.spans = spans
    some = field.state.mask == 0 ? .max : 0
    common = ~some
  }

  /// The key of a line, which is looked at for the first time.
  @inline(__always)
  mutating func key(of line: Int, _ field: KeyField, _ nodes: NodeTable) -> UInt64? {
    guard let key = field.key(of: line, nodes) else {
      hasUnkeyed = true
      return nil
    }
    if field.state.mask != 0 {
      some |= nodes.word(line &+ 1)
      common &= nodes.word(line &+ 1)
    }
    return key
  }

  /// Whether a filter may hold for some of the lines.
  @inline(__always)
  func mayHold(_ filter: StateFilter) -> Bool {
    filter.mask == 0 || some & filter.bits == filter.bits && common & (filter.mask & ~filter.bits) == 0
  }

  @inline(__always)
  func contains(small key: UInt64) -> Bool { (key < 64 ? small.0 : small.1) & 1 &<< key != 0 }

  @inline(__always)
  func span(small key: UInt64) -> LineSpan? { contains(small: key) ? spans[Int(key)] : nil }

  @inline(__always)
  mutating func add(_ node: Int, small key: UInt64) {
    if contains(small: key) {
      spans[Int(key)].last = node
      return
    }
    spans[Int(key)] = LineSpan(node)
    if key < 64 { small.0 |= 1 &<< key } else { small.1 |= 1 &<< key }
  }
}

/// A line whose key is not small.
struct OtherLine {
  var key: UInt64
  var node: Int

  func isBefore(_ other: OtherLine) -> Bool { key == other.key ? node < other.node : key < other.key }
}

/// What a translation to Jingle knows of the lines: one piece of memory, for it is made anew for each.
struct LineMemory {
  let session: LineIndex
  /// Room for the lines of a section by their keys.
  let keyed: UnsafeMutablePointer<KeyedLines>
  private let spans: UnsafeMutablePointer<LineSpan>
  private let memory: UnsafeMutableRawPointer
  private let sections: UnsafeMutableRawPointer

  init(sections count: Int) {
    let capacity = MappingTables.keyedSlots
    let keyedSize = MemoryLayout<KeyedLines>.stride * capacity
    let spans = KeyedLines.smallKeys * capacity
    let head = keyedSize + spans * MemoryLayout<LineSpan>.stride
    // `allocate` of UnsafeMutableRawPointer asks for more than malloc gives anyway, and takes longer.
    guard let memory = malloc(head + LineIndex.size * (count + 1)) else { preconditionFailure("out of memory") }
    self.memory = memory
    keyed = memory.bindMemory(to: KeyedLines.self, capacity: capacity)
    self.spans = (memory + keyedSize).bindMemory(to: LineSpan.self, capacity: spans)
    session = LineIndex(memory + head)
    sections = memory + head + LineIndex.size
  }

  func deallocate() { free(memory) }

  /// The index of a section, by its number.
  func section(_ number: Int) -> LineIndex { LineIndex(sections + number * LineIndex.size) }

  /// Room for the spans of small keys.
  func spans(_ place: Int) -> UnsafeMutablePointer<LineSpan> { spans + place * KeyedLines.smallKeys }
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
