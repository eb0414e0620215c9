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
  /// Offset behind the head of the node; of a list the slot of its child nodes.
  var word: Int
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
    self.word = word
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
    init(rawValue: UInt16) { self.rawValue = rawValue }
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

  var operation: Operation
  var place: Place
  var flags: Flags
  /// Kind of node of the SDP part: index into ``MappingTables/nodes``, or −1.
  var line: Int
  /// Kind of node of list items or of a parameter.
  var item: Int
  /// Kind of node of the element, or −1.
  var element: Int
  /// Field of SDP.
  var sdp: Int
  /// Attribute of Jingle.
  var jingle: Int
  /// Field that holds the key.
  var key: Int
  /// Fields that have to be there: range of ``MappingTables/filters``.
  var filters: Range<Int>
  /// Index into ``MappingTables/conversions``, or −1.
  var conversion: Int
  /// Column of the table that fills in, or −1; of a joined `enter` the number of the table.
  var column: Int
  /// Range of ``MappingTables/texts``: constants, values that are omitted or stand for an absent one.
  var texts: Range<Int>
  var omitted: Range<Int>
  /// A field or attribute that has to be there (or not), and its value in ``MappingTables/texts``, or −1.
  var conditionSDP: Int
  var conditionPlace: Place
  var conditionItem: Int
  var conditionJingle: Int
  var conditionText: Int
  var predicate: MappingPredicate?
  var function: MappingFunction?
  /// A bit for each action for which the row counts.
  var actions: UInt64
  var nested: Range<Int>
  /// What is lost, and why.
  var name: StaticString
  var reason: StaticString

  init(
    _ operation: Operation, _ place: Place = .here, flags: Flags = [], line: Int = -1, item: Int = -1,
    element: Int = -1, sdp: Int = -1, jingle: Int = -1, key: Int = -1, filters: Range<Int> = 0..<0,
    conversion: Int = -1, column: Int = -1, texts: Range<Int> = 0..<0, omitted: Range<Int> = 0..<0,
    conditionSDP: Int = -1, conditionPlace: Place = .here, conditionItem: Int = -1, conditionJingle: Int = -1,
    conditionText: Int = -1, predicate: MappingPredicate? = nil, function: MappingFunction? = nil,
    actions: UInt64 = .max, nested: Range<Int> = 0..<0, name: StaticString = "", reason: StaticString = ""
  ) {
    self.operation = operation
    self.place = place
    self.flags = flags
    self.line = line
    self.item = item
    self.element = element
    self.sdp = sdp
    self.jingle = jingle
    self.key = key
    self.filters = filters
    self.conversion = conversion
    self.column = column
    self.texts = texts
    self.omitted = omitted
    self.conditionSDP = conditionSDP
    self.conditionPlace = conditionPlace
    self.conditionItem = conditionItem
    self.conditionJingle = conditionJingle
    self.conditionText = conditionText
    self.predicate = predicate
    self.function = function
    self.actions = actions
    self.nested = nested
    self.name = name
    self.reason = reason
  }
}

/// How codes of one enum become codes of another: `codes[perspective][code]`, 0 for none.
struct Conversion: Sendable {
  var byInitiator: [UInt8]
  var byResponder: [UInt8]

  init(byInitiator: [UInt8], byResponder: [UInt8]) {
    self.byInitiator = byInitiator
    self.byResponder = byResponder
  }
}

/// A table by key, such as the static payload types.
struct KeyTable: Sendable {
  var keys: [UInt64]
  /// For each key the cells of its row, from the second column on; empty ones are "".
  var cells: [[StaticString]]

  init(keys: [UInt64], cells: [[StaticString]]) {
    self.keys = keys
    self.cells = cells
  }
}
