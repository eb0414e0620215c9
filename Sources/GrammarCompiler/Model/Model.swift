/// A rule that matches bytes.
final class TokenRule {
  let name: String
  let regex: Regex
  /// How it is spelled where nothing captured it.
  let written: [UInt8]?
  /// What a person calls it.
  let called: String?
  let tolerated: [Expression]
  let position: Position
  let comment: String
  let area: String
  /// `<nested comment>`: matched by a function of CodecRuntime.
  let isNestedComment: Bool
  /// Made on the spot, inside of a capture or for a literal.
  let isAnonymous: Bool
  private lazy var made = Automaton(regex)
  var automaton: Automaton { made ?? .none }
  /// Its automaton would be too large; that is to be reported.
  var isTooLarge: Bool { made == nil }

  /// The length by which alone one of its texts is known among those of `other`; `nil` where more is to be looked at.
  func tellingLength(among other: TokenRule) -> Int? {
    automaton.fixedLength.flatMap { automaton.matchesAll(of: other.automaton, length: $0) ? $0 : nil }
  }

  init(
    name: String, regex: Regex, written: [UInt8]?, called: String? = nil, tolerated: [Expression] = [],
    position: Position, comment: String = "", area: String, isNestedComment: Bool = false, isAnonymous: Bool = false
  ) {
    self.name = name
    self.regex = regex
    self.written = written
    self.called = called
    self.tolerated = tolerated
    self.position = position
    self.comment = comment
    self.area = area
    self.isNestedComment = isNestedComment
    self.isAnonymous = isAnonymous
  }

  /// It matches nothing but white space: what decides a choice stands behind it.
  private(set) lazy var isWhiteSpace: Bool = {
    let blank = ByteSet([0x20, 0x09, 0x0D, 0x0A])
    return (0..<automaton.stateCount).allSatisfy { automaton.leaving($0).subtracting(blank).isEmpty }
  }()
}

final class EnumType {
  let name: String
  let typeName: String
  let base: TokenRule?
  let isOpenText: Bool
  let cases: [(name: String, caseName: String, exact: Bool)]
  let position: Position
  let comment: String
  let area: String

  init(
    name: String, base: TokenRule?, isOpenText: Bool, cases: [(name: String, caseName: String, exact: Bool)],
    position: Position, comment: String, area: String
  ) {
    self.name = name
    typeName = Naming.type(name)
    self.base = base
    self.isOpenText = isOpenText
    self.cases = cases
    self.position = position
    self.comment = comment
    self.area = area
  }

  /// The token of all values: of a closed enum the choice of its names.
  private(set) lazy var token: TokenRule =
    base
    ?? TokenRule(
      name: name, regex: .choice(cases.map { .literal(Array($0.name.utf8), exact: $0.exact) }), written: nil,
      position: position, area: area)

  /// Names are compared with regard to case (all or none of them).
  var isExact: Bool { cases.first?.exact ?? false }
  /// Any other value is kept as its text.
  var isOpen: Bool { base != nil || isOpenText }
}

/// A decimal number: how many bits hold it, and its limits.
struct NumberType: Equatable {
  /// 8, 16, 32 or 64.
  var bits: Int
  var minimum: UInt64 = 0
  var maximum: UInt64

  /// `UInt8` and so on.
  init(bits: Int) {
    self.bits = bits
    maximum = bits >= 64 ? .max : (1 << UInt64(bits)) - 1
  }

  /// From one number to another one.
  init(from minimum: UInt64, to maximum: UInt64) {
    self.minimum = minimum
    self.maximum = maximum
    bits = [8, 16, 32].first { maximum >> UInt64($0) == 0 } ?? 64
  }

  /// What a person calls it.
  var words: String { minimum == 0 ? "a number up to \(maximum)" : "a number from \(minimum) to \(maximum)" }
  /// Bits that a value has.
  var width: Int { 64 - maximum.leadingZeroBitCount }
}

enum FieldType {
  case text(TokenRule)
  case number(NumberType)
  case enumeration(EnumType)
  case shape(Shape)
  /// A literal whose presence is told.
  case flag([UInt8], exact: Bool)
}

/// A bit pattern in the state word of a node: which optional group is there, which alternative was taken.
struct Condition: Hashable {
  var shift: Int
  var width: Int
  var value: Int

  var mask: UInt32 { ((1 << UInt32(width)) - 1) << UInt32(shift) }
  var bits: UInt32 { UInt32(value) << UInt32(shift) }
}

final class Field {
  let label: String
  let type: FieldType
  var isList: Bool
  let position: Position
  /// Where it stands: for each place the conditions of all groups and alternatives around it, outermost first.
  var placements: [[Condition]] = []
  /// Those of them that are repeated.
  var repeatedPlacements: [[Condition]] = []
  /// Offset of its words behind the head of the node; only for what is no child node.
  var word = 0
  /// Slot of its child nodes; only for shapes and lists.
  var slot = 0

  init(label: String, type: FieldType, isList: Bool, position: Position) {
    self.label = label
    self.type = type
    self.isList = isList
    self.position = position
  }

  var isOptional: Bool { !isList && !placements.contains { $0.isEmpty } }

  var isChild: Bool {
    if isList { return true }
    if case .shape = type { return true }
    return false
  }

  /// Words of its value, in the node or, for a list, in a child node.
  var width: Int {
    switch type {
    case .text: 2
    case .number(let number): number.bits > 32 ? 2 : 1
    case .enumeration: 3
    case .shape, .flag: 0
    }
  }
}

/// How a parser knows whether to enter an optional part or an alternative.
enum Decision {
  case predicate(TokenRule)
  case bytes(ByteSet)
  /// `sure` decides by itself; on a byte of `contested` the automaton is asked.
  case lookahead(sure: ByteSet, contested: ByteSet, Automaton)
  /// The last alternative.
  case otherwise
}

final class Alternative {
  let predicate: TokenRule?
  let body: [Step]
  let position: Position
  var decision = Decision.otherwise

  init(predicate: TokenRule?, body: [Step], position: Position) {
    self.predicate = predicate
    self.body = body
    self.position = position
  }
}

indirect enum Step {
  case literal([UInt8], exact: Bool, Position)
  /// A token that nothing captures.
  case token(TokenRule, Position)
  /// Index of the field, and by which token or rule it is filled here.
  case capture(Int, FieldType, Position)
  case optional(Alternative, Condition)
  case choice([Alternative], [Condition], Position)
  /// `last`: the field of which the list consists, or the parameters.
  case repetition(minimum: Int, maximum: Int?, Alternative)
  /// The alternative holds the one capture that is repeated.
  case commaList(minimum: Int, Alternative, separator: TokenRule, Position)
  case params(Position)
}

final class ParameterTable {
  struct Row {
    var name: String
    var label: String
    /// A shape with the one field `value`, or `nil` for a parameter without value.
    var value: Shape?
    var isValueOptional: Bool
    /// When it has to be there.
    var requirement: Requirement
    var position: Position
  }
  enum Requirement {
    case never, always
    /// Where the rule matches the text of the shape.
    case when(TokenRule)
  }
  let separator: Step
  let rows: [Row]
  let other: Shape?
  let position: Position
  let comment: String

  init(separator: Step, rows: [Row], other: Shape?, position: Position, comment: String) {
    self.separator = separator
    self.rows = rows
    self.other = other
    self.position = position
    self.comment = comment
  }
}

/// A rule with captures: it becomes a type.
final class Shape {
  let name: String
  let typeName: String
  let position: Position
  let comment: String
  let area: String
  /// Where it came from, for documentation.
  let source: String
  var body: [Step] = []
  var fields: [Field] = []
  var params: ParameterTable?
  /// What one of its fields calls for in another one.
  var requirements: [FieldRequirement] = []
  /// `rule as Type`: the shape whose fields are filled.
  var fills: Shape?
  /// The name of the parameter whose value it is.
  var parameter: String?
  /// A mistake has been found in it, so what it lacks may be there in fact.
  var isBroken = false
  /// Bits in use of the state word.
  var stateBits = 0
  /// What can follow it, wherever it is used (filled in by the check).
  var follow: Set<Regex> = []

  init(name: String, typeName: String, position: Position, comment: String, area: String, source: String) {
    self.name = name
    self.typeName = typeName
    self.position = position
    self.comment = comment
    self.area = area
    self.source = source
  }

  /// The shape whose node layout this one writes.
  var layout: Shape { fills ?? self }
  var hasState: Bool { stateBits > 0 }

  /// Words of fixed fields in its node.
  var fixedWords: Int {
    (hasState ? 1 : 0) + fields.reduce(0) { $0 + ($1.isChild ? 0 : $1.width) }
  }

  func field(_ label: String) -> Field? { fields.first { $0.label == label } }
}

/// Where a field has one of these values, or none of them, another field has the form of a token rule.
struct FieldRequirement {
  var isNegated: Bool
  var subject: Field
  var values: [String]
  var target: Field
  var rule: TokenRule
}

enum ParameterSlot {
  static let unknown = 63
  static let first = 64
}

struct HeaderModel {
  /// A message without which the header is invalid.
  struct Need {
    /// 100 to 699, or 1 to 6 for a class of them; `nil` for a request.
    var status: Int?
    /// The number of a case of ``methods``; `nil`: whatever the method.
    var method: Int?
    /// As it is declared.
    var name: String
  }
  /// The name of the enum that has the methods which `required in` names.
  static let methods = "Method"

  var name: String
  var compactForm: String?
  var isRequired: Bool
  var needs: [Need]
  var isRequiredWithBody: Bool
  /// Whether there are messages that have to have it.
  var isDemanded: Bool { isRequired || isRequiredWithBody || !needs.isEmpty }
  var isMany: Bool
  var shape: Shape
  /// The field of a header that is nothing but a comma list.
  var listField: Field?
  /// 0 until ``ModelBuilder/numberHeaders()`` gives it out.
  var slot = 0
  var examples: [Example]
  var position: Position
}

struct LineModel {
  var letter: UInt8
  var name: String
  var shape: Shape
  var slot: Int
  var examples: [Example]
  var position: Position
}

struct AttributeModel {
  var name: String
  var levels: [String]
  var shape: Shape?
  /// The shape begins with the colon, or there is neither.
  var isValueOptional: Bool
  /// No two media of a description have the same value.
  var isUnique: Bool
  var slot: Int
  var typeName: String
  var comment: String
  var examples: [Example]
  var position: Position
}

final class ElementType {
  enum ValueType {
    case text
    case token(TokenRule)
    case number(NumberType)
    case enumeration(EnumType)

    var width: Int {
      switch self {
      case .text, .token: 2
      case .number(let number): number.bits > 32 ? 2 : 1
      case .enumeration: 3
      }
    }
  }
  struct Attribute {
    var name: String
    var label: String
    var type: ValueType
    var isOptional: Bool
    var defaultValue: String?
    var word: Int
    var bit: Int
    var position: Position
  }
  struct Child {
    var label: String
    var element: ElementType
    var occurrence: ElementDeclaration.Occurrence
    var slot: Int
    /// The bits of the attributes of the child by which no two of them are the same.
    var uniqueBits = 0
    var position: Position
  }
  /// Where an attribute has one of these values, or none of them, something is demanded.
  struct Requirement {
    enum Demand {
      /// Places in ``attributes``, ``attributes`` followed by the text, and ``children``.
      case attribute(Int)
      case form(Int, TokenRule)
      case child(Int)
    }
    var isNegated: Bool
    var subject: Int
    var values: [String]
    var demand: Demand
  }

  let prefix: String
  let namespace: String
  let name: String
  let typeName: String
  let isRoot: Bool
  let position: Position
  let comment: String
  let area: String
  /// Number of the element in the tables of its codec.
  var number = 0
  var attributes: [Attribute] = []
  /// Character data is kept as the attribute with no name.
  var text: Attribute?
  var children: [Child] = []
  var requirements: [Requirement] = []
  /// Places of children of which there is no more than one in all.
  var exclusive: [Int] = []
  var fixedWords = 1

  init(
    prefix: String, namespace: String, name: String, isRoot: Bool, position: Position, comment: String, area: String
  ) {
    self.prefix = prefix
    self.namespace = namespace
    self.name = name
    // `jingle:jingle` is Jingle, not JingleJingle.
    typeName = prefix == name ? Naming.type(name) : Naming.type(prefix) + Naming.type(name)
    self.isRoot = isRoot
    self.position = position
    self.comment = comment
    self.area = area
  }

  var qualifiedName: String { "\(prefix):\(name)" }
}

/// What disco#info lists (XEP-0030 §3).
struct FeatureModel {
  let name: String
  let position: Position
  let comment: String
}

/// All that the grammars of one target say, with names resolved.
final class Model {
  var tokens: [String: TokenRule] = [:]
  var shapes: [String: Shape] = [:]
  var enums: [String: EnumType] = [:]
  var headers: [HeaderModel] = []
  var lines: [LineModel] = []
  var attributes: [AttributeModel] = []
  var statuses: [StatusDeclaration] = []
  /// Deviations that are parts of shapes and elements; those of tokens are with the tokens.
  var tolerances: [Tolerance] = []
  var namespaces: [NamespaceDeclaration] = []
  var features: [FeatureModel] = []
  var elements: [String: ElementType] = [:]
  /// In the order of the grammars.
  var orderedShapes: [Shape] = []
  var orderedEnums: [EnumType] = []
  var orderedElements: [ElementType] = []
  /// Rules that the framing of a codec calls by name.
  var framing: [Reference] = []
  var stepping: Set<String> = []
  /// Names of rules that something refers to, in lower case.
  var used: Set<String> = []
  var usedEnums: Set<String> = []
  var usedNumbers: Set<String> = []
}
