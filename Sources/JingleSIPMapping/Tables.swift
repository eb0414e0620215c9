import CodecRuntime

/// A field of an SDP line or an attribute of a Jingle element: where its words stand in its node.
///
/// Nodes of both kinds look alike (see ``Arena``): the first fixed word holds bits that tell what is there.
struct Field: Sendable {
  enum Kind: UInt8, Sendable {
    case text, number, wide, enumeration, flag
    /// Child nodes, each with one value or with fields of its own.
    case list
    /// No field: one of several alternatives has to be there. `word` holds the mask of their bits.
    case choice
  }

  var kind: Kind
  private var wordNumber: Int32
  /// Offset behind the head of the node; of a list the slot of its child nodes.
  var word: Int { Int(wordNumber) }
  /// Bits of the first fixed word that are set, within the mask, where the field is there. No mask: always.
  var mask: UInt32
  var bits: UInt32
  /// Place among the fields of its node, one bit each.
  var ordinal: UInt8
  /// Width of a number.
  var numberBits: UInt8
  /// Index into ``MappingTables/enums``, or −1.
  var enumeration: Int16
  /// Number of the token rule that a text has to match wholly, or −1 where any text will do.
  var token: Int16
  var name: StaticString
  /// The bit of its place; a choice has none.
  var bit: UInt64 { kind == .choice ? 0 : 1 &<< UInt64(ordinal) }

  /// Whether it is a number that is wide enough.
  func takes(_ number: UInt64) -> Bool {
    (kind == .number || kind == .wide) && (numberBits >= 64 || number >> UInt64(numberBits) == 0)
  }

  /// Whether this is a choice that the first fixed word of a node says is to be made, and none of its alternatives is there.
  func isOpenChoice(_ state: UInt32) -> Bool {
    state & mask == bits && state & UInt32(truncatingIfNeeded: wordNumber) == 0
  }

  init(
    _ kind: Kind, _ name: StaticString, word: Int, mask: UInt32 = 0, bits: UInt32 = 0, ordinal: UInt8 = 0,
    numberBits: UInt8 = 32, enumeration: Int16 = -1, token: Int16 = -1
  ) {
    self.kind = kind
    wordNumber = Int32(word)
    self.mask = mask
    self.bits = bits
    self.ordinal = ordinal
    self.numberBits = numberBits
    self.enumeration = enumeration
    self.token = token
    self.name = name
  }
}

/// A kind of node: a line, an item of a list, a parameter or an element.
struct Node: Sendable {
  var slot: UInt32
  var fixedWords: Int
  /// Its fields that have to be there, at least under conditions: indices into ``MappingTables/required``.
  var required: Range<Int>
  var name: StaticString

  init(_ name: StaticString, slot: UInt32, fixedWords: Int, required: Range<Int>) {
    self.slot = slot
    self.fixedWords = fixedWords
    self.required = required
    self.name = name
  }
}

/// The names of an enum; code 1 is the first of them.
struct EnumNames: Sendable {
  var names: Table<StaticString>
  /// The same, made ready to be compared with texts.
  var prepared: Table<PreparedText>
  /// Names are compared with regard to case.
  var isExact: Bool
  /// Other values are allowed if they match the token of the field.
  var isOpen: Bool

  init(_ names: [StaticString], isExact: Bool, isOpen: Bool) {
    self.names = Table(names)
    prepared = Table(names.map { PreparedText($0) })
    self.isExact = isExact
    self.isOpen = isOpen
  }
}

/// How the value of a row becomes one of the other protocol where that is more than a copy, and what is said of it where
/// that is impossible.
struct ValueRule: Sendable {
  struct Flags: OptionSet, Sendable {
    let rawValue: UInt8
    static let trim = Flags(rawValue: 1)
    static let upper = Flags(rawValue: 2)
    static let known = Flags(rawValue: 4)
  }

  let flags: Flags
  let function: MappingFunction?
  private let sourceNumber: Int16
  private let targetNumber: Int16
  private let conversionNumber: Int16
  private let absentRange: SmallRange
  private let omittedRange: SmallRange
  let name: StaticString

  /// The fields, or −1: indices into ``MappingTables/fields``.
  var source: Int { Int(sourceNumber) }
  var target: Int { Int(targetNumber) }
  /// Index into ``MappingTables/conversions``, or −1.
  var conversion: Int { Int(conversionNumber) }
  /// Range of ``MappingTables/texts``: values that stand for an absent one.
  var absent: Range<Int> { absentRange.range }
  /// Range of ``MappingTables/texts``: values that are not written.
  var omitted: Range<Int> { omittedRange.range }

  init(
    from source: Int, to target: Int, flags: Flags = [], absent: Range<Int> = 0..<0, omitted: Range<Int> = 0..<0,
    conversion: Int = -1, function: MappingFunction? = nil, name: StaticString
  ) {
    self.flags = flags
    self.function = function
    sourceNumber = Int16(source)
    targetNumber = Int16(target)
    conversionNumber = Int16(conversion)
    absentRange = SmallRange(absent)
    omittedRange = SmallRange(omitted)
    self.name = name
  }
}

/// Attributes of SDP that exclude each other, and one attribute of Jingle for them.
struct ChoiceRule: Sendable {
  struct Alternative: Sendable {
    /// Kind of node of the line.
    var line: Int
    /// The code of the attribute's value, by who wrote the description.
    var byInitiator: Int
    var byResponder: Int
  }

  var field: Int
  /// Where the section has none, that of the session counts.
  var isFromSession: Bool
  var alternatives: Table<Alternative>

  init(field: Int, isFromSession: Bool, _ alternatives: [Alternative]) {
    self.field = field
    self.isFromSession = isFromSession
    self.alternatives = Table(alternatives)
  }
}

/// A list of SDP whose members are known: an element or the value of an attribute stands for each.
struct CollectionRule: Sendable {
  struct Member: Sendable {
    var text: StaticString
    /// Kind of node of the element, or −1.
    var element: Int
    /// Field of the attribute, or −1, and its value.
    var field: Int
    var value: StaticString

    init(_ text: StaticString, element: Int, field: Int, value: StaticString) {
      self.text = text
      self.element = element
      self.field = field
      self.value = value
    }
  }

  /// Kinds of nodes of the line and of its items, and the field of an item.
  var line: Int
  var item: Int
  var field: Int
  var name: StaticString
  var members: Table<Member>

  init(line: Int, item: Int, field: Int, name: StaticString, _ members: [Member]) {
    self.line = line
    self.item = item
    self.field = field
    self.name = name
    self.members = Table(members)
  }
}

/// At which level of a description a line is looked for.
enum LineLevel: UInt8, Sendable {
  case session, section
  /// In the section and, where it has none, in the session.
  case both
}

/// A line that is lost where it stands.
struct LostLine: Sendable {
  var slot: Int
  var level: LineLevel
  var note: Int

  init(slot: Int, _ level: LineLevel, note: Int) {
    self.slot = slot
    self.level = level
    self.note = note
  }
}

/// Rows that say which lines are lost, one after the other. Most descriptions have none of them.
struct LostLines: Sendable {
  let lines: Table<LostLine>
  /// The slots that count in the section and in the session.
  let ofSection: SlotSet
  let ofSession: SlotSet
  /// No slot is named twice.
  let isEachOnce: Bool

  init(_ lines: [LostLine]) {
    self.lines = Table(lines)
    ofSection = SlotSet(lines.filter { $0.level != .session }.map(\.slot), lastSlot: MappingTables.lastSlot)
    ofSession = SlotSet(lines.filter { $0.level != .section }.map(\.slot), lastSlot: MappingTables.lastSlot)
    isEachOnce = Set(lines.map(\.slot)).count == lines.count
  }
}

/// An attribute or `b=`, which some row takes to Jingle. Other lines are never left over: each description has them, or
/// rows name them wherever they stand.
struct MappedLine: Sendable {
  var name: StaticString
  var slot: Int
  /// One row reads one line only.
  var isSingle: Bool

  init(_ name: StaticString, slot: Int, isSingle: Bool) {
    self.name = name
    self.slot = slot
    self.isSingle = isSingle
  }
}

extension MappingTables {
  /// The lines that rows take to Jingle, by their slots.
  static let mappedLines: [MappedLine?] = {
    var lines: [MappedLine?] = Array(repeating: nil, count: lastSlot + 1)
    for index in 0..<shared.linesToJingle.count {
      lines[shared.linesToJingle[index].slot] = shared.linesToJingle[index]
    }
    return lines
  }()

  /// Their slots, and those of which one row reads one line only.
  static let mappedSlots = slots(where: { _ in true })
  static let singleSlots = slots(where: \.isSingle)

  private static func slots(where condition: (MappedLine) -> Bool) -> SlotSet {
    SlotSet(mappedLines.compactMap { $0 }.filter(condition).map(\.slot), lastSlot: lastSlot)
  }
}

extension Table {
  /// Its rows, one after the other.
  var all: LazyMapCollection<Range<Int>, Row> { (0..<count).lazy.map { self[$0] } }
}

/// A range of numbers that fit into 16 bits.
struct SmallRange: Sendable {
  private let start: Int16
  private let end: Int16

  init(_ range: Range<Int>) {
    start = Int16(range.lowerBound)
    end = Int16(range.upperBound)
  }

  @inline(__always)
  var range: Range<Int> { Range(uncheckedBounds: (Int(start), Int(end))) }
}

/// What is lost, and why.
struct Note: Sendable {
  var name: StaticString
  var reason: StaticString

  init(_ name: StaticString, _ reason: StaticString = "") {
    self.name = name
    self.reason = reason
  }
}

/// How codes of one enum become codes of another: `codes[perspective][code]`, 0 for none.
struct Conversion: Sendable {
  var byInitiator: [UInt8]
  var byResponder: [UInt8]
}

/// A table by key, such as the static payload types.
struct KeyTable: Sendable {
  var keys: [UInt64]
  /// For each key the cells of its row, from the second column on; empty ones are "".
  var cells: [[StaticString]]

  func row(of key: UInt64) -> [StaticString]? { keys.firstIndex(of: key).map { cells[$0] } }
}
