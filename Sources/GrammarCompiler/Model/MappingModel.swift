/// The mapping between SDP and Jingle, with names resolved.
final class MappingModel {
  /// Each map as it is used, the root first.
  var blocks: [MappedBlock] = []
  var root: MappedBlock?
  var perspectives: [PerspectiveTable] = []
  var keyTables: [KeyTable] = []
  /// Sets of actions for which functions ask, in the order of the grammar.
  var actionSets: [(name: String, actions: [String])] = []
  /// What is written in Swift.
  var functions: [FunctionDeclaration] = []
  var predicates: [PredicateDeclaration] = []
  var lines: [SDPLine] = []
  var declarations: [MapDeclaration] = []
  var tableDeclarations: [TableDeclaration] = []

  // What rows cover and excuses excuse, and where rows take a line apart.
  var covers: [CoverKey: Cover] = [:]
  var excuses: [ExcuseEntry] = []
  /// Lines that a function takes as a whole.
  var wholeLines: Set<Int> = []
  var openings: [Int: Opening] = [:]
  /// Alternatives that exclude each other, `here <-> <element> if …`, in the order of their rows.
  var branches: [MappedBranch] = []
  /// Lines without which there is no description, or no section.
  var demandedLines: Set<Int> = []

  /// Resolves and checks what the trees say of the mapping; `nil` where they say nothing.
  static func build(_ trees: [SyntaxTree], model: Model, diagnostics: Diagnostics) -> MappingModel? {
    guard trees.contains(where: { !$0.mapping.maps.isEmpty || !$0.mapping.tables.isEmpty }) else { return nil }
    let builder = MappingModelBuilder(trees, model: model, diagnostics: diagnostics)
    let mapping = builder.build()
    var check = MappingCheck(mapping, diagnostics: diagnostics)
    check.run()
    builder.checkUse()
    return mapping
  }
}

/// Where a line of SDP can stand.
enum SDPLevel: String, CaseIterable {
  case session, media

  /// As in "at media level".
  var description: String { self == .session ? "the session level" : "media level" }
}

/// A line or an attribute of SDP.
final class SDPLine {
  let name: String
  /// As it looks in SDP: `c=`, `a=mid`.
  let shown: String
  let slot: Int
  let shape: Shape?
  let levels: Set<SDPLevel>
  let isAttribute: Bool
  let position: Position

  init(
    name: String, shown: String, slot: Int, shape: Shape?, levels: Set<SDPLevel>, isAttribute: Bool, position: Position
  ) {
    self.name = name
    self.shown = shown
    self.slot = slot
    self.shape = shape
    self.levels = levels
    self.isAttribute = isAttribute
    self.position = position
  }
}

/// A map for one element, with what its rows cover.
final class MappedBlock {
  let name: String
  let level: SDPLevel
  let element: ElementType
  let position: Position
  /// Which way the element itself goes.
  let directions: [MappingModel.Direction]
  var rows: [MappedRow] = []

  init(name: String, level: SDPLevel, element: ElementType, position: Position, directions: [MappingModel.Direction]) {
    self.name = name
    self.level = level
    self.element = element
    self.position = position
    self.directions = directions
  }
}

/// One of several elements that stand for what a section is, and exclude each other.
struct MappedBranch {
  /// The predicate by which it is chosen.
  var predicate: String
  var element: ElementType
  /// Its map, or its row.
  var position: Position
}

/// A field of SDP as a row names it.
struct MappedField {
  enum Place {
    /// In the node that the rows around stand for.
    case here
    case line(SDPLine)
    /// The parameter with this index in the table of the node.
    case parameter(Int)
    /// The item itself, of a list of texts or numbers.
    case item
  }
  var place: Place
  /// The shape that holds the field; `nil` for an item.
  var shape: Shape?
  var field: Field?
  var type: FieldType
  var name: String
}

/// One row, resolved.
final class MappedRow {
  enum Kind {
    /// `here <-> here`: only its conditions count.
    case gate
    /// A part of SDP and an element; `source` says which part.
    case node
    case value
    /// Two values that come together: the nested rows.
    case pair
    case choice(PerspectiveTable)
    case member([UInt8])
    case words
    case function
    case constant([UInt8])
    case loss
  }
  /// What an element is made of, on the way to Jingle.
  enum Source {
    case here
    case line(SDPLine)
    /// A list of the node around.
    case list(Shape, Field)
    case lineList(SDPLine, Field)
    case joined(SDPLine, key: Field)
    case grouped(SDPLine, key: Field)
    /// The lines of the group around.
    case groupMember(SDPLine, key: Field)
  }

  let syntax: MappingRow
  var kind: Kind
  var source = Source.here
  /// `each section`.
  var isSections = false
  /// Fields that have to be there.
  var filters: [Field] = []
  var field: MappedField?
  var child: ElementType.Child?
  var attribute: ElementType.Attribute?
  /// `<element> @name = @value` of `words`.
  var wordAttributes: (name: ElementType.Attribute, value: ElementType.Attribute)?
  var block: MappedBlock?
  var nested: [MappedRow] = []
  /// A section's value that stands in each of several elements.
  var isLifted = false
  var perspective: PerspectiveTable?
  var fallback: KeyTable?
  var presence: MappedPresence?
  var actions: [String] = []
  var element: ElementType
  /// What is lost: for the message.
  var losses: [MappedLoss] = []

  init(_ syntax: MappingRow, kind: Kind, element: ElementType) {
    self.syntax = syntax
    self.kind = kind
    self.element = element
  }
}

struct MappedPresence {
  var field: MappedField?
  var attribute: ElementType.Attribute?
  var literal: [UInt8]?
  var isNegated: Bool
}

/// One thing that a `lost` row names.
struct MappedLoss {
  enum Place {
    case line(SDPLine, SDPLevel)
    case field(MappedField)
    case attribute(ElementType.Attribute)
    case child(ElementType.Child)
  }
  var place: Place
  var name: String
  var reason: String
  /// A line that counts where it stands at the session level, too.
  var isFromSession = false
}

/// Values that depend on who wrote the SDP.
final class PerspectiveTable {
  let name: String
  let columns: [Reference]
  /// Values of Jingle: by the initiator, by the responder.
  let values: [[Reference]]

  init(name: String, columns: [Reference], values: [[Reference]]) {
    self.name = name
    self.columns = columns
    self.values = values
  }
}

/// Values by a key in the first column.
final class KeyTable {
  let name: String
  let columns: [Reference]
  let rows: [(key: UInt64, cells: [String?])]

  init(name: String, columns: [Reference], rows: [(key: UInt64, cells: [String?])]) {
    self.name = name
    self.columns = columns
    self.rows = rows
  }
}
