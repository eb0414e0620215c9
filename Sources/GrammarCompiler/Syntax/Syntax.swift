/// An expression of the notation, as written.
struct Expression {
  indirect enum Kind {
    case literal([UInt8], exact: Bool)
    case range(UInt8, UInt8)
    case reference(String)
    case prose(String)
    /// `when name`, if the sequence is guarded.
    case sequence(guard: Reference?, [Expression])
    case choice([Expression])
    case optional(Expression)
    case repetition(minimum: Int, maximum: Int?, Expression)
    /// `#rule`, `1#rule`.
    case commaList(minimum: Int, Expression)
    case capture(label: String, Expression)
    case params
  }

  var kind: Kind
  var position: Position
}

/// A name where it is used.
struct Reference {
  var name: String
  var position: Position
}

struct RuleDeclaration {
  var name: String
  /// `rule as Type`.
  var asType: Reference?
  var expression: Expression
  var isIncremental: Bool
  var written: [UInt8]?
  /// What a person calls it.
  var called: String?
  var tolerated: [Expression]
  var area: String
  var position: Position
  var comment: String
}

/// A value that the document of a header, line or attribute shows.
struct Example {
  var value: String
  /// Where the value begins.
  var position: Position
}

struct HeaderDeclaration {
  /// A message without which the header is invalid: `METHOD`, `CODE`, `CODE to METHOD`.
  struct Need {
    /// 100 to 699, or 1 to 6 for a class of them; `nil` for a request.
    var status: Int?
    var method: Reference?
    var position: Position
  }
  var name: String
  var compactForm: String?
  var isRequired: Bool
  /// `required in`
  var needs: [Need]
  /// `required with body`
  var isRequiredWithBody: Bool
  var isMany: Bool
  var expression: Expression
  var examples: [Example]
  var position: Position
  var comment: String
}

struct LineDeclaration {
  var letter: UInt8
  var name: String
  var expression: Expression
  var examples: [Example]
  var position: Position
  var comment: String
}

struct AttributeDeclaration {
  var name: String
  /// `session`, `media`, `source`.
  var levels: [Reference]
  /// No two media of a description have the same value.
  var isUnique: Bool
  var expression: Expression?
  var examples: [Example]
  var requirements: [RequirementDeclaration]
  var position: Position
  var comment: String
}

/// `when hash = "sha-1" needs value:digest-of-20`: what one part of a value calls for in another one.
struct RequirementDeclaration {
  enum Demand {
    /// The field, attribute or character data has the form of a token rule.
    case form(of: Reference, rule: Reference)
    case attribute(Reference)
    case child(Reference)
  }
  /// `unless` in place of `when`.
  var isNegated: Bool
  var subject: Reference
  var values: [String]
  var demand: Demand
  var position: Position
}

struct ParamsDeclaration {
  struct Row {
    var name: String
    /// What the parameter is called in Swift, where that is not its name.
    var label: String?
    var value: Expression?
    /// It has to be there.
    var isRequired = false
    /// The rule that matches the text of the shape where it has to be there, if not always.
    var condition: Reference?
    var position: Position
  }
  var owner: Reference
  var separator: Expression
  var rows: [Row]
  var other: Reference?
  var position: Position
  var comment: String
}

struct EnumDeclaration {
  struct Case {
    var name: [UInt8]
    var exact: Bool
    var position: Position
  }
  var name: String
  var base: Reference?
  var cases: [Case]
  var position: Position
  var comment: String
}

/// `number NAME = 1 to 256`.
struct NumberDeclaration {
  var name: String
  var minimum: UInt64
  var maximum: UInt64
  var position: Position
}

struct StatusDeclaration {
  var code: Int
  var phrase: String
  var position: Position
}

struct NamespaceDeclaration {
  var prefix: String
  var uri: String
  var position: Position
}

/// `feature prefix` or `feature "name"`.
struct FeatureDeclaration {
  enum Name {
    /// The namespace that has this prefix.
    case namespace(Reference)
    case text(String)
  }
  var name: Name
  var position: Position
  var comment: String
}

struct ElementDeclaration {
  enum Occurrence { case one, optional, many, some }
  struct Attribute {
    var name: String
    var label: String
    var type: Reference
    var isOptional: Bool
    var defaultValue: String?
    var position: Position
  }
  struct Child {
    var label: String
    var element: Reference
    var occurrence: Occurrence
    /// No two of them have the same values of these attributes.
    var unique: [Reference]
    var position: Position
  }
  struct CharacterData {
    var type: Reference
    var isOptional: Bool
    var position: Position
  }
  var prefix: Reference
  var name: String
  var isRoot: Bool
  var attributes: [Attribute]
  var children: [Child]
  var text: CharacterData?
  var requirements: [RequirementDeclaration] = []
  /// `one of <a:b> <c:d>`: no more than one of these children.
  var exclusive: [Reference] = []
  var position: Position
  var comment: String

  var qualifiedName: String { "\(prefix.name):\(name)" }
}

/// `instead NAME "words"`: a rule of a document that is none here, and what is written in its place.
struct InsteadDeclaration {
  var name: Reference
  var words: String
  var area: String
}

struct TargetDeclaration {
  var name: String
  var generates: [String]
  var uses: [String]
  var position: Position
}

/// A part of a shape or of an element that is there, or missing, against the document that it is of.
struct Tolerance {
  /// What it is a part of, as the tables name it.
  var owner: String
  var position: Position
  var comment: String
  var area: String
}

/// One grammar file, read.
struct SyntaxTree {
  var area: String
  /// Where `tolerate` stands within a declaration.
  var tolerances: [Tolerance] = []
  var rules: [RuleDeclaration] = []
  var headers: [HeaderDeclaration] = []
  var lines: [LineDeclaration] = []
  var attributes: [AttributeDeclaration] = []
  var params: [ParamsDeclaration] = []
  var enums: [EnumDeclaration] = []
  var numbers: [NumberDeclaration] = []
  var statuses: [StatusDeclaration] = []
  var namespaces: [NamespaceDeclaration] = []
  var features: [FeatureDeclaration] = []
  var elements: [ElementDeclaration] = []
  var targets: [TargetDeclaration] = []
  var insteads: [InsteadDeclaration] = []
  /// Rules that hand-written framing calls.
  var framing: [Reference] = []
  /// Those of them that are token rules and run byte by byte.
  var stepping: Set<String> = []
  var mapping = MappingSyntax()
  var signalling = SignallingSyntax()
}
