import CodecRuntime

/// A table that lives as long as the process, reached without counting references or checking bounds: the numbers by
/// which it is asked come from the tables themselves.
// @unchecked: the memory is written before `init` returns and never after it.
struct Table<Element: Sendable>: @unchecked Sendable {
  private let base: UnsafeMutablePointer<Element>
  let count: Int

  init(_ elements: [Element]) {
    base = .allocate(capacity: max(elements.count, 1))
    base.initialize(from: elements, count: elements.count)
    count = elements.count
  }

  @inline(__always)
  subscript(index: Int) -> Element {
    unsafeAddress {
      assert(index >= 0 && index < count)
      return UnsafePointer(base + index)
    }
  }
}

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
  var names: [StaticString]
  /// Names are compared with regard to case.
  var isExact: Bool
  /// Other values are allowed if they match the token of the field.
  var isOpen: Bool

  init(_ names: [StaticString], isExact: Bool, isOpen: Bool) {
    self.names = names
    self.isExact = isExact
    self.isOpen = isOpen
  }
}

/// One row of a mapping grammar, as the engine needs it in one direction.
struct Step: Sendable {
  enum Operation: UInt8, Sendable {
    /// The nested steps, if the conditions hold.
    case gate
    /// Opens what `source` and `element` say for each that is there, and runs the nested steps in it.
    case enter
    /// A value.
    case copy
    /// Two copies, both or neither.
    case pair
    /// A constant of SDP.
    case constant
    case words
    /// Nested ``alternative`` steps: attributes of SDP that exclude each other.
    case choice
    case alternative
    /// A list of SDP whose members are known: nested ``member`` steps.
    case collect
    case member
    /// One value of SDP from several elements: nested ``enter`` and ``take`` steps find them.
    case aggregate
    case take
    /// Several fields of one line: nested copies.
    case line
    case function
    /// Something that has no counterpart.
    case loss
    /// The media sections.
    case sections
  }

  /// Which part of SDP an ``Operation/enter`` stands for, or where a value stands.
  enum Place: UInt8, Sendable {
    /// The current node.
    case here
    /// A line of the section.
    case line
    /// A child node of the current one: a parameter or the items of a list.
    case child
    /// A list in a line of the section.
    case lineList
    /// Lines of the section with the key of the current item.
    case joined
    /// All lines with one key together.
    case grouped
    /// The lines of the current group.
    case groupMember
  }

  struct Flags: OptionSet, Sendable {
    let rawValue: UInt16
    static let each = Flags(rawValue: 1)
    static let fromSession = Flags(rawValue: 2)
    static let trim = Flags(rawValue: 4)
    static let upper = Flags(rawValue: 8)
    static let known = Flags(rawValue: 16)
    static let unlessEmpty = Flags(rawValue: 32)
    /// The value is the key by which attributes nested here are joined.
    static let key = Flags(rawValue: 64)
    static let greatest = Flags(rawValue: 128)
    static let least = Flags(rawValue: 256)
    /// `unless` instead of `when`.
    static let negated = Flags(rawValue: 512)
    /// The session level of SDP.
    static let session = Flags(rawValue: 1024)
    /// The line is none of the attributes.
    static let plainLine = Flags(rawValue: 2048)
  }

  // Numbers are kept small: a step is looked at thousands of times in one translation.
  let operation: Operation
  let place: Place
  let flags: Flags
  private let lineNumber: Int16
  private let itemNumber: Int16
  private let elementNumber: Int16
  private let sdpNumber: Int16
  private let jingleNumber: Int16
  private let keyNumber: Int16
  private let conversionNumber: Int16
  private let columnNumber: Int16
  private let filterRange: SmallRange
  private let textRange: SmallRange
  private let omittedRange: SmallRange
  private let nestedRange: SmallRange
  private let conditionSDPNumber: Int16
  private let conditionItemNumber: Int16
  private let conditionJingleNumber: Int16
  private let conditionTextNumber: Int16
  private let noteNumber: Int16
  let conditionPlace: Place
  let predicate: MappingPredicate?
  let function: MappingFunction?
  /// A bit for each action for which the row counts.
  let actions: UInt64

  /// Kind of node of the SDP part: index into ``MappingTables/nodes``, or −1.
  var line: Int { Int(lineNumber) }
  /// Kind of node of list items or of a parameter.
  var item: Int { Int(itemNumber) }
  /// Kind of node of the element, or −1.
  var element: Int { Int(elementNumber) }
  /// Field of SDP.
  var sdp: Int { Int(sdpNumber) }
  /// Attribute of Jingle.
  var jingle: Int { Int(jingleNumber) }
  /// Field that holds the key.
  var key: Int { Int(keyNumber) }
  /// Fields that have to be there: range of ``MappingTables/filters``.
  var filters: Range<Int> { filterRange.range }
  /// Index into ``MappingTables/conversions``, or −1.
  var conversion: Int { Int(conversionNumber) }
  /// Column of the table that fills in, or −1; of a joined `enter` the number of the table.
  var column: Int { Int(columnNumber) }
  /// Range of ``MappingTables/texts``: constants and values that stand for an absent one.
  var texts: Range<Int> { textRange.range }
  /// Range of ``MappingTables/texts``: values that are not written.
  var omitted: Range<Int> { omittedRange.range }
  /// A field or attribute that has to be there (or not), and its value in ``MappingTables/texts``, or −1.
  var conditionSDP: Int { Int(conditionSDPNumber) }
  var conditionItem: Int { Int(conditionItemNumber) }
  var conditionJingle: Int { Int(conditionJingleNumber) }
  var conditionText: Int { Int(conditionTextNumber) }
  /// The steps below it.
  var nested: Range<Int> { nestedRange.range }
  /// What is lost, and why: index into ``MappingTables/notes``.
  var note: Int { Int(noteNumber) }

  init(
    _ operation: Operation, _ place: Place = .here, flags: Flags = [], line: Int = -1, item: Int = -1,
    element: Int = -1, sdp: Int = -1, jingle: Int = -1, key: Int = -1, filters: Range<Int> = 0..<0,
    conversion: Int = -1, column: Int = -1, texts: Range<Int> = 0..<0, omitted: Range<Int> = 0..<0,
    conditionSDP: Int = -1, conditionPlace: Place = .here, conditionItem: Int = -1, conditionJingle: Int = -1,
    conditionText: Int = -1, predicate: MappingPredicate? = nil, function: MappingFunction? = nil,
    actions: UInt64 = .max, nested: Range<Int> = 0..<0, note: Int = -1
  ) {
    self.operation = operation
    self.place = place
    self.flags = flags
    lineNumber = Int16(line)
    itemNumber = Int16(item)
    elementNumber = Int16(element)
    sdpNumber = Int16(sdp)
    jingleNumber = Int16(jingle)
    keyNumber = Int16(key)
    filterRange = SmallRange(filters)
    conversionNumber = Int16(conversion)
    columnNumber = Int16(column)
    textRange = SmallRange(texts)
    omittedRange = SmallRange(omitted)
    conditionSDPNumber = Int16(conditionSDP)
    self.conditionPlace = conditionPlace
    conditionItemNumber = Int16(conditionItem)
    conditionJingleNumber = Int16(conditionJingle)
    conditionTextNumber = Int16(conditionText)
    self.predicate = predicate
    self.function = function
    self.actions = actions
    nestedRange = SmallRange(nested)
    noteNumber = Int16(note)
  }
}

extension MappingTables {
  /// The nodes of all attributes that some row takes to Jingle, by their slots; −1 for the others. Other lines are never left over: each
  /// description has them, and some we make ourselves.
  static let linesToJingle: [Int] = {
    var lines = Array(repeating: -1, count: lastSlot + 1)
    func visit(_ range: Range<Int>) {
      for index in range {
        let step = shared.steps[index]
        if step.line >= 0, "\(shared.nodes[step.line].name)".hasPrefix("a=") {
          lines[Int(shared.nodes[step.line].slot)] = step.line
        }
        visit(step.nested)
      }
    }
    visit(sessionToJingle)
    return lines
  }()
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
}
