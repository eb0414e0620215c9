#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// ``ElementTables`` made ready for ``ElementDecoder`` and ``ElementEncoder``: names as numbers that are compared in one
/// step, markup as the bytes that are written. Made once for each codec.
public final class ElementCodec: Sendable {
  let elements: Table<PreparedElement>
  let attributes: Table<PreparedAttribute>
  let children: Table<PreparedChild>
  let demands: Table<PreparedDemand>
  /// The namespaces of all elements, each once.
  let namespaces: Table<PreparedName>
  /// The names of all enums, one after the other.
  let enumNames: Table<Markup>
  let codeOfEnum: @Sendable (Int, Input) -> UInt32
  let isOpenEnum: @Sendable (Int) -> Bool
  let matchesToken: @Sendable (Int, Input) -> Bool
  let wordsOfToken: @Sendable (Int) -> StaticString

  public init<Tables: ElementTables>(_ tables: Tables.Type) {
    var names: [StaticString] = []
    var firstNames: [Int: Int] = [:]
    attributes = Table(
      Tables.attributes.map { row in
        var first = 0
        if case .enumeration(let number) = row.kind {
          first = firstNames[number] ?? names.count
          if firstNames[number] == nil {
            firstNames[number] = first
            // Codes are numbered from 1; the first one without a name is none.
            var code: UInt32 = 1
            while true {
              let name = Tables.name(ofEnum: number, code: code)
              names.append(name)
              if name.utf8CodeUnitCount == 0 { break }
              code += 1
            }
          }
        }
        return PreparedAttribute(row, firstName: first)
      })
    enumNames = Table(names.map { name in Markup { $0.append(name) } })
    var namespaces: [StaticString] = []
    var elements: [PreparedElement] = []
    for (number, row) in Tables.elements.enumerated() {
      let known = namespaces.firstIndex { PreparedName.isSame($0, row.namespace) }
      if known == nil { namespaces.append(row.namespace) }
      elements.append(
        PreparedElement(
          row, Tables.self, attributes: attributes, namespace: known ?? namespaces.count - 1,
          demands: Tables.demands.range(where: { $0.element == number })))
    }
    let table = Table(elements)
    self.elements = table
    children = Table(
      Tables.children.map { row in
        PreparedChild(
          slot: row.slot, element: row.element, table.address(row.element), isRepeatable: row.isRepeatable,
          uniqueBits: row.uniqueBits)
      })
    self.namespaces = Table(namespaces.map { PreparedName($0) })
    codeOfEnum = { Tables.code(ofEnum: $0, $1) }
    isOpenEnum = { Tables.isOpen(enum: $0) }
    matchesToken = { Tables.matches(token: $0, $1) }
    wordsOfToken = { Tables.words(ofToken: $0) }
    demands = Table(
      Tables.demands.map { row in
        PreparedDemand(
          row, Tables.attributes[Tables.elements[row.element].firstAttribute + row.attribute].kind, Tables.self)
      })
  }
}

extension Table {
  /// Those of `range`.
  @inline(__always)
  func rows(_ range: Range<Int>) -> Rows<Row> {
    precondition(range.lowerBound >= 0 && range.upperBound <= count)
    return Rows(first: UnsafePointer(base + range.lowerBound), count: range.count)
  }
}

/// A part of a ``Table``, numbered from 0.
struct Rows<Row> {
  let first: UnsafePointer<Row>
  let count: Int

  @inline(__always)
  init(first: UnsafePointer<Row>, count: Int) {
    self.first = first
    self.count = count
  }

  @inline(__always)
  subscript(index: Int) -> Row {
    unsafeAddress { address(index) }
  }

  @inline(__always)
  func address(_ index: Int) -> UnsafePointer<Row> {
    precondition(UInt(bitPattern: index) < UInt(bitPattern: count))
    return first + index
  }
}

/// A name of the tables, for comparisons with names of an arena.
struct PreparedName: Sendable {
  /// The first eight bytes as a number, zeros behind a shorter name.
  let head: UInt64
  /// The last eight bytes; those of ``head`` where there are no more.
  let tail: UInt64
  let length: Int
  let text: StaticString

  init(_ text: StaticString) {
    self.text = text
    length = text.utf8CodeUnitCount
    func word(_ start: Int) -> UInt64 {
      (start..<min(start + 8, text.utf8CodeUnitCount)).reduce(0) {
        $0 | UInt64(text.utf8Start[$1]) << UInt64(($1 - start) * 8)
      }
    }
    head = word(0)
    tail = word(max(length - 8, 0))
  }

  @inline(__always)
  func equals(_ name: ArenaName) -> Bool {
    guard name.head == head, name.tail == tail, name.length == length else { return false }
    return length <= 16 || memcmp(name.start, text.utf8Start, length) == 0
  }

  static func isSame(_ left: StaticString, _ right: StaticString) -> Bool {
    left.utf8CodeUnitCount == right.utf8CodeUnitCount
      && memcmp(left.utf8Start, right.utf8Start, left.utf8CodeUnitCount) == 0
  }
}

/// A name of an arena, made ready to be compared with several names.
struct ArenaName {
  let head: UInt64
  let tail: UInt64
  let length: Int
  // Valid as long as the arena lives, in which the slice was looked up.
  let start: UnsafePointer<UInt8>

  @inline(__always)
  init(_ arena: Arena, _ slice: Slice) {
    length = Int(slice.length)
    let offset = slice.isAbsent ? 0 : Int(slice.offset)
    precondition(offset + length <= arena.byteCount)
    start = UnsafePointer(arena.bytes + offset)
    // Behind the bytes of an arena there are zeros enough.
    let word = UInt64(littleEndian: UnsafeRawPointer(start).loadUnaligned(as: UInt64.self))
    if length >= 8 {
      head = word
      tail = UInt64(littleEndian: UnsafeRawPointer(start + (length &- 8)).loadUnaligned(as: UInt64.self))
    } else {
      head = word & ((1 &<< UInt64(truncatingIfNeeded: length &* 8)) &- 1)
      tail = head
    }
  }
}

/// Markup as it is written.
// @unchecked: the memory is the process's, is written before `init` returns and never after it.
struct Markup: @unchecked Sendable {
  let start: UnsafePointer<UInt8>
  let count: Int

  init(_ write: (inout Output) -> Void) {
    var output = Output()
    write(&output)
    count = output.count
    // It is copied sixteen bytes at a time.
    let memory = UnsafeMutablePointer<UInt8>.allocate(capacity: count + 16)
    memory.initialize(repeating: 0, count: count + 16)
    output.withBytes { bytes in if let base = bytes.baseAddress { memory.update(from: base, count: bytes.count) } }
    start = UnsafePointer(memory)
  }

  /// A value that is not longer needs no look at the room that there is; digits of a number are fewer.
  static var shortText: Int { 64 }

  /// Bytes that are written for nothing behind a copy.
  static var spare: Int { 16 }

  /// Copies it to where there is room for it and ``spare`` bytes; returns where it ends.
  @inline(__always)
  func copy(to target: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer {
    let source = UnsafeRawPointer(start)
    target.storeBytes(of: source.loadUnaligned(as: SIMD16<UInt8>.self), as: SIMD16<UInt8>.self)
    // Most are no longer.
    var index = 16
    while index < count {
      let bytes = source.loadUnaligned(fromByteOffset: index, as: SIMD16<UInt8>.self)
      target.storeBytes(of: bytes, toByteOffset: index, as: SIMD16<UInt8>.self)
      index &+= 16
    }
    return target + count
  }
}

extension Output {
  @inline(__always)
  mutating func append(_ markup: Markup) {
    reserve(markup.count &+ Markup.spare)
    end = markup.copy(to: end)
  }

  /// Where the next byte goes. Who sets it has reserved the room before.
  @inline(__always)
  var end: UnsafeMutableRawPointer {
    get { UnsafeMutableRawPointer(base + length) }
    set { length = newValue - UnsafeMutableRawPointer(base) }
  }
}

// @unchecked: its attributes are those of a table that never changes.
struct PreparedElement: @unchecked Sendable {
  let fixedWords: Int
  /// The attributes, without the character data. The bit of the first of them is the lowest one, and so on.
  let attributes: Range<Int>
  let firstAttribute: UnsafePointer<PreparedAttribute>
  /// The bits of all of them.
  let attributeBits: UInt32
  /// The row of the character data and its bit; −1 and 0 where there is none.
  let text: Int
  let textBit: UInt32
  /// Presence bits of attributes and character data that have to be there.
  let required: UInt32
  let children: Range<Int>
  /// A bit for each kind of child that has to be there; the last one stands for all from the 64th on.
  let requiredChildren: UInt64
  let exclusiveChildren: UInt64
  /// The rows of ``ElementCodec/demands`` about it.
  let demands: Range<Int>
  let name: PreparedName
  /// Index into ``ElementCodec/namespaces``.
  let namespace: Int
  /// `<name`.
  let startTag: Markup
  /// `<name xmlns='…'`.
  let declaringStartTag: Markup
  /// `</name>`.
  let endTag: Markup
  /// Bytes that its start-tag has at most where no value is longer than ``Markup/shortText``, with some to spare.
  let room: Int

  init<Tables: ElementTables>(
    _ row: ElementRow, _ tables: Tables.Type, attributes prepared: Table<PreparedAttribute>, namespace: Int,
    demands: Range<Int>
  ) {
    fixedWords = row.fixedWords
    let end = row.firstAttribute + row.attributeCount
    let all = Tables.attributes[row.firstAttribute..<end]
    // A decoder does not ask again whether a field is one of its node.
    precondition(row.fixedWords > 0 && all.allSatisfy { $0.word > 0 && $0.word + $0.kind.words <= row.fixedWords })
    let hasText = all.last.map { $0.name.utf8CodeUnitCount == 0 } ?? false
    attributes = row.firstAttribute..<(hasText ? end - 1 : end)
    firstAttribute = prepared.rows(attributes).first
    for (number, attribute) in all.enumerated() { precondition(attribute.presence == 1 << UInt32(number)) }
    attributeBits = (1 << UInt32(attributes.count)) - 1
    text = hasText ? end - 1 : -1
    textBit = hasText ? Tables.attributes[end - 1].presence : 0
    required = all.reduce(0) { $1.isRequired ? $0 | $1.presence : $0 }
    children = row.firstChild..<row.firstChild + row.childCount
    var requiredChildren: UInt64 = 0
    for (number, child) in Tables.children[children].enumerated() where child.isRequired {
      requiredChildren |= 1 << UInt64(min(number, 63))
    }
    self.requiredChildren = requiredChildren
    exclusiveChildren = row.exclusiveChildren
    self.demands = demands
    name = PreparedName(row.name)
    self.namespace = namespace
    startTag = Markup { $0.beginStartTag(row.name) }
    declaringStartTag = Markup { $0.beginStartTag(row.name, namespace: row.namespace) }
    endTag = Markup { $0.endTag(row.name) }
    room = all.reduce(declaringStartTag.count + Markup.spare * 2) { room, attribute in
      room + attribute.name.utf8CodeUnitCount + Markup.shortText + Markup.spare * 2
    }
  }
}

struct PreparedAttribute: Sendable {
  /// How a value is written.
  enum Form: UInt8, Sendable { case text, number, wide, enumeration }

  let name: PreparedName
  let kind: ElementAttributeRow.Kind
  let word: Int
  let presence: UInt32
  let isRequired: Bool
  /// Where the names of its enum begin in ``ElementCodec/enumNames``.
  let firstName: Int
  let form: Form
  /// Where its words stand in a node, the head counted.
  let place: Int
  /// ` name='`.
  let start: Markup

  init(_ row: ElementAttributeRow, firstName: Int) {
    name = PreparedName(row.name)
    kind = row.kind
    word = row.word
    presence = row.presence
    isRequired = row.isRequired
    self.firstName = firstName
    switch row.kind {
    case .text, .token: form = .text
    case .number(_, let maximum): form = maximum > UInt64(UInt32.max) ? .wide : .number
    case .enumeration: form = .enumeration
    }
    place = row.word + 1
    start = Markup { $0.beginAttribute(row.name) }
  }

  var isText: Bool { name.text.utf8CodeUnitCount == 0 }
}

// @unchecked: its element is one of a table that never changes.
struct PreparedDemand: Sendable {
  let attribute: Int
  /// The values of an attribute that is a text.
  let values: [PreparedName]
  /// A bit for each code of an enum.
  let codes: UInt64
  let isNegated: Bool
  let demand: ElementDemandRow.Demand

  init<Tables: ElementTables>(_ row: ElementDemandRow, _ kind: ElementAttributeRow.Kind, _ tables: Tables.Type) {
    attribute = row.attribute
    isNegated = row.isNegated
    demand = row.demand
    values = row.values.map { PreparedName($0) }
    guard case .enumeration(let number) = kind else {
      codes = 0
      return
    }
    codes = (1...63).reduce(0) { codes, code in
      let name = Tables.name(ofEnum: number, code: UInt32(code))
      return row.values.contains { PreparedName.isSame($0, name) } ? codes | 1 << UInt64(code) : codes
    }
  }
}

extension Array {
  /// The indices of the elements that fit, which stand behind each other.
  fileprivate func range(where isFitting: (Element) -> Bool) -> Range<Int> {
    let first = firstIndex(where: isFitting) ?? 0
    return first..<first + filter(isFitting).count
  }
}

struct PreparedChild: @unchecked Sendable {
  let slot: UInt32
  let element: Int
  let row: UnsafePointer<PreparedElement>
  let name: PreparedName
  let namespace: Int
  let isRepeatable: Bool
  let uniqueBits: UInt32

  init(
    slot: UInt32, element: Int, _ row: UnsafePointer<PreparedElement>, isRepeatable: Bool, uniqueBits: UInt32 = 0
  ) {
    self.slot = slot
    self.element = element
    self.row = row
    name = row.pointee.name
    namespace = row.pointee.namespace
    self.isRepeatable = isRepeatable
    self.uniqueBits = uniqueBits
  }

  /// Whether this is the name, in the namespace with this number.
  @inline(__always)
  func isNamed(_ name: ArenaName, _ namespace: Int) -> Bool { self.namespace == namespace && self.name.equals(name) }
}
