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
  let elements: RowTable<PreparedElement>
  let attributes: RowTable<PreparedAttribute>
  let children: RowTable<PreparedChild>
  /// The namespaces of all elements, each once.
  let namespaces: RowTable<PreparedName>
  /// The names of all enums, one after the other.
  let enumNames: RowTable<StaticString>
  let codeOfEnum: @Sendable (Int, Input) -> UInt32
  let isOpenEnum: @Sendable (Int) -> Bool
  let matchesToken: @Sendable (Int, Input) -> Bool

  public init<Tables: ElementTables>(_ tables: Tables.Type) {
    var namespaces: [StaticString] = []
    var elements: [PreparedElement] = []
    for row in Tables.elements {
      let known = namespaces.firstIndex { PreparedName.isSame($0, row.namespace) }
      if known == nil { namespaces.append(row.namespace) }
      elements.append(PreparedElement(row, Tables.self, namespace: known ?? namespaces.count - 1))
    }
    self.elements = RowTable(elements)
    children = RowTable(
      Tables.children.map { row in
        PreparedChild(
          slot: row.slot, element: row.element, name: elements[row.element].name,
          namespace: elements[row.element].namespace, isRepeatable: row.isRepeatable)
      })
    var names: [StaticString] = []
    var firstNames: [Int: Int] = [:]
    attributes = RowTable(
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
    self.namespaces = RowTable(namespaces.map { PreparedName($0) })
    enumNames = RowTable(names)
    codeOfEnum = { Tables.code(ofEnum: $0, $1) }
    isOpenEnum = { Tables.isOpen(enum: $0) }
    matchesToken = { Tables.matches(token: $0, $1) }
  }
}

/// Rows that live as long as the process, reached without counting references.
// @unchecked: the memory is written before `init` returns and never after it.
struct RowTable<Row: Sendable>: @unchecked Sendable {
  private let base: UnsafeMutablePointer<Row>
  let count: Int

  init(_ rows: [Row]) {
    base = .allocate(capacity: max(rows.count, 1))
    base.initialize(from: rows, count: rows.count)
    count = rows.count
  }

  @inline(__always)
  subscript(index: Int) -> Row {
    unsafeAddress { address(index) }
  }

  /// Those of `range`.
  @inline(__always)
  func rows(_ range: Range<Int>) -> Rows<Row> {
    precondition(range.lowerBound >= 0 && range.upperBound <= count)
    return Rows(first: base + range.lowerBound, count: range.count)
  }

  /// Where the row is, for one of which many fields are read: a copy of it would cost more than they do.
  @inline(__always)
  func address(_ index: Int) -> UnsafePointer<Row> {
    precondition(UInt(bitPattern: index) < UInt(bitPattern: count))
    return UnsafePointer(base + index)
  }
}

/// A part of a ``RowTable``, numbered from 0.
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
    // Copying it may read sixteen bytes at once.
    let memory = UnsafeMutablePointer<UInt8>.allocate(capacity: count + 16)
    memory.initialize(repeating: 0, count: count + 16)
    output.withBytes { bytes in if let base = bytes.baseAddress { memory.update(from: base, count: bytes.count) } }
    start = UnsafePointer(memory)
  }
}

extension Output {
  @inline(__always)
  mutating func append(_ markup: Markup) {
    if markup.count > 16 {
      append(markup.start, markup.count)
      return
    }
    reserve(16)
    let head = UnsafeRawPointer(markup.start).loadUnaligned(as: SIMD16<UInt8>.self)
    UnsafeMutableRawPointer(base + length).storeBytes(of: head, as: SIMD16<UInt8>.self)
    length &+= markup.count
  }
}

struct PreparedElement: Sendable {
  let fixedWords: Int
  /// The attributes, without the character data.
  let attributes: Range<Int>
  /// The row of the character data; −1 where there is none.
  let text: Int
  /// Presence bits of attributes and character data that have to be there.
  let required: UInt32
  let children: Range<Int>
  /// A bit for each kind of child that has to be there; the last one stands for all from the 64th on.
  let requiredChildren: UInt64
  let name: PreparedName
  /// Index into ``ElementCodec/namespaces``.
  let namespace: Int
  /// `<name`.
  let startTag: Markup
  /// ` xmlns='…'`.
  let declaration: Markup
  /// `</name>`.
  let endTag: Markup

  init<Tables: ElementTables>(_ row: ElementRow, _ tables: Tables.Type, namespace: Int) {
    fixedWords = row.fixedWords
    let end = row.firstAttribute + row.attributeCount
    let all = Tables.attributes[row.firstAttribute..<end]
    // A decoder does not ask again whether a field is one of its node.
    precondition(row.fixedWords > 0 && all.allSatisfy { $0.word > 0 && $0.word + $0.kind.words <= row.fixedWords })
    let hasText = all.last.map { $0.name.utf8CodeUnitCount == 0 } ?? false
    attributes = row.firstAttribute..<(hasText ? end - 1 : end)
    text = hasText ? end - 1 : -1
    required = all.reduce(0) { $1.isRequired ? $0 | $1.presence : $0 }
    children = row.firstChild..<row.firstChild + row.childCount
    var requiredChildren: UInt64 = 0
    for (number, child) in Tables.children[children].enumerated() where child.isRequired {
      requiredChildren |= 1 << UInt64(min(number, 63))
    }
    self.requiredChildren = requiredChildren
    name = PreparedName(row.name)
    self.namespace = namespace
    startTag = Markup { $0.beginStartTag(row.name) }
    declaration = Markup { $0.attribute("xmlns", row.namespace) }
    endTag = Markup { $0.endTag(row.name) }
  }
}

struct PreparedAttribute: Sendable {
  let name: PreparedName
  let kind: ElementAttributeRow.Kind
  let word: Int
  let presence: UInt32
  let isRequired: Bool
  /// Where the names of its enum begin in ``ElementCodec/enumNames``.
  let firstName: Int
  /// ` name='`.
  let start: Markup

  init(_ row: ElementAttributeRow, firstName: Int) {
    name = PreparedName(row.name)
    kind = row.kind
    word = row.word
    presence = row.presence
    isRequired = row.isRequired
    self.firstName = firstName
    start = Markup { $0.beginAttribute(row.name) }
  }

  var isText: Bool { name.text.utf8CodeUnitCount == 0 }
}

struct PreparedChild: Sendable {
  let slot: UInt32
  let element: Int
  let name: PreparedName
  let namespace: Int
  let isRepeatable: Bool

  /// Whether this is the name, in the namespace with this number.
  @inline(__always)
  func isNamed(_ name: ArenaName, _ namespace: Int) -> Bool { self.namespace == namespace && self.name.equals(name) }
}
