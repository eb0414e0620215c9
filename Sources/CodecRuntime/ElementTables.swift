/// What the grammars say of the XML elements of a codec: generated tables, of which an ``ElementCodec`` is made
/// for ``ElementDecoder`` and ``ElementEncoder``.
public protocol ElementTables: Sendable {
  static var elements: [ElementRow] { get }
  static var attributes: [ElementAttributeRow] { get }
  static var children: [ElementChildRow] { get }
  /// What is demanded besides, sorted by the element.
  static var demands: [ElementDemandRow] { get }
  /// These tables, made ready once.
  static var codec: ElementCodec { get }
  /// The number of a value of an enum; 0 for one that the grammar does not name.
  static func code(ofEnum number: Int, _ input: Input) -> UInt32
  /// Whether values that the grammar does not name are allowed.
  static func isOpen(enum number: Int) -> Bool
  static func name(ofEnum number: Int, code: UInt32) -> StaticString
  /// Whether the whole input is a match of a token rule.
  static func matches(token number: Int, _ input: Input) -> Bool
  /// What a person calls a token.
  static func words(ofToken number: Int) -> StaticString
}

/// One element. Its node has a word of presence bits, its attributes and text, then children in document order.
public struct ElementRow: Sendable {
  public var namespace: StaticString
  public var name: StaticString
  public var fixedWords: Int
  /// Where its attributes stand in the table of all; the last of them, with an empty name, is the character data.
  public var firstAttribute: Int
  public var attributeCount: Int
  public var firstChild: Int
  public var childCount: Int
  /// Kinds of its children, a bit each, of which there is no more than one in all.
  public var exclusiveChildren: UInt64

  public init(
    namespace: StaticString, name: StaticString, fixedWords: Int, firstAttribute: Int, attributeCount: Int,
    firstChild: Int, childCount: Int, exclusiveChildren: UInt64 = 0
  ) {
    self.namespace = namespace
    self.name = name
    self.fixedWords = fixedWords
    self.firstAttribute = firstAttribute
    self.attributeCount = attributeCount
    self.firstChild = firstChild
    self.childCount = childCount
    self.exclusiveChildren = exclusiveChildren
  }
}

/// One attribute or the character data (then the name is empty).
public struct ElementAttributeRow: Sendable {
  public enum Kind: Sendable {
    case text
    /// A token rule, by its number.
    case token(Int)
    /// A number; two words where it has 64 bits.
    case number(minimum: UInt64, maximum: UInt64)
    /// An enum, by its number.
    case enumeration(Int)

    /// How many words of a node a value takes.
    var words: Int {
      switch self {
      case .text, .token: 2
      case .number(_, let maximum): maximum > UInt64(UInt32.max) ? 2 : 1
      case .enumeration: 3
      }
    }
  }

  public var name: StaticString
  public var kind: Kind
  /// Offset of its words behind the head of the node.
  public var word: Int
  /// Its bit in the first word.
  public var presence: UInt32
  public var isRequired: Bool

  public init(name: StaticString, kind: Kind, word: Int, presence: UInt32, isRequired: Bool) {
    self.name = name
    self.kind = kind
    self.word = word
    self.presence = presence
    self.isRequired = isRequired
  }
}

/// One kind of child.
public struct ElementChildRow: Sendable {
  public var slot: UInt32
  /// Number of the element.
  public var element: Int
  public var isRequired: Bool
  public var isRepeatable: Bool
  /// The bits of the attributes by which no two of them are the same; 0: they may be.
  public var uniqueBits: UInt32

  public init(slot: UInt32, element: Int, isRequired: Bool, isRepeatable: Bool, uniqueBits: UInt32 = 0) {
    self.slot = slot
    self.element = element
    self.isRequired = isRequired
    self.isRepeatable = isRepeatable
    self.uniqueBits = uniqueBits
  }
}

/// What an attribute demands where it has one of some values, or none of them.
public struct ElementDemandRow: Sendable {
  public enum Demand: Sendable {
    /// An attribute that has to be there, by its place in the element.
    case attribute(Int)
    /// The form of an attribute, or of the character data, which comes last; it has it where it has the length, if there is one.
    case form(Int, token: Int, length: Int?)
    /// A kind of child that has to be there, by its place in the element.
    case child(Int)
  }

  public var element: Int
  public var attribute: Int
  public var values: [StaticString]
  public var isNegated: Bool
  public var demand: Demand

  public init(element: Int, attribute: Int, values: [StaticString], isNegated: Bool, demand: Demand) {
    self.element = element
    self.attribute = attribute
    self.values = values
    self.isNegated = isNegated
    self.demand = demand
  }
}

/// Slots of what an element of the grammars holds besides.
public enum ElementLayout {
  /// An attribute that the grammar does not name, as ``XMLLayout/attribute``.
  public static let unknownAttribute: UInt32 = 1022
  /// An element that the grammar does not name: one word, the index of the ``XMLElement`` in the same arena.
  public static let unknownElement: UInt32 = 1023
}

/// What is wrong with an element.
public struct ElementIssue: Equatable, Sendable {
  public enum Layer: String, Sendable {
    /// A value that is not as the grammar says.
    case syntax
    /// Something that is missing or there too often.
    case validation
  }
  public var layer: Layer
  /// Path of element names and, with `@`, the attribute.
  public var location: String
  /// Bytes from the start of the input.
  public var offset: Int
  public var message: String
}
