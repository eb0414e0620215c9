/// An element that a stanza holds: the `root` elements of the grammars.
public protocol ElementPayload: ArenaValue {
  associatedtype Tables: ElementTables

  /// The number of the element in the tables of its codec.
  static var number: Int { get }
}

/// An element that was read, with what is wrong in it.
public struct ElementReading<Element: ElementPayload>: Sendable {
  public let element: Element
  /// What is wrong, in the order of the document; a value that is wrong is absent from ``element``.
  public let issues: [ElementIssue]
  /// What is passed over: character data where the grammar has none.
  public let notes: [ElementIssue]
}

extension ElementPayload {
  /// Whether `xml` is an element of this name.
  public static func matches(_ xml: XMLElement) -> Bool {
    let row = Tables.elements[number]
    return xml.matches(row.name, namespace: row.namespace)
  }

  /// Reads `xml`; `nil` where it is an element of another name.
  public static func read(_ xml: XMLElement) -> ElementReading<Self>? {
    guard matches(xml) else { return nil }
    var tape = Tape(extending: xml.arena, expectedWords: xml.arena.wordCount)
    var decoder = ElementDecoder(xml.arena, Tables.codec)
    let index = tape.wordCount
    decoder.decode(xml, as: number, slot: 0, into: &tape)
    return ElementReading(
      element: Self(arena: tape.finish(), index: index), issues: decoder.issues, notes: decoder.notes)
  }

  /// Writes the element; its namespace is declared on it.
  public func write(to output: inout Output) {
    ElementEncoder(arena, Tables.codec).encode(index, as: Self.number, to: &output)
  }
}
