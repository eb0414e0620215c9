import CodecRuntime

/// A Jingle element that was read, with what is wrong in it.
public struct JingleReading: Sendable {
  public let jingle: Jingle
  /// What is wrong, in the order of the document; a value that is wrong is absent from ``jingle``.
  public let issues: [ElementIssue]
}

extension Jingle {
  /// Whether `xml` is an element of this name.
  public static func matches(_ xml: XMLElement) -> Bool {
    let row = Elements.elements[number]
    return xml.matches(row.name, namespace: row.namespace)
  }

  /// Reads `xml`; `nil` where it is no Jingle element (XEP-0166 §7).
  public static func read(_ xml: XMLElement) -> JingleReading? {
    guard matches(xml) else { return nil }
    var tape = Tape(extending: xml.arena, expectedWords: xml.arena.wordCount)
    var decoder = ElementDecoder<Elements>(xml.arena)
    let index = tape.wordCount
    decoder.decode(xml, as: number, slot: 0, into: &tape)
    return JingleReading(jingle: Jingle(arena: tape.finish(), index: index), issues: decoder.issues)
  }

  /// Builds the element from plain values. Throws: ``DraftError`` for a value that the grammars do not allow.
  public init(_ draft: Draft) throws(DraftError) {
    var tape = Tape()
    try draft.append(to: &tape, slot: 0)
    self.init(arena: tape.finish(), index: 0)
  }

  /// Writes the element; its namespace is declared on it.
  public func write(to output: inout Output) {
    ElementEncoder<Elements>(arena).encode(index, as: Self.number, parentNamespace: "", to: &output)
  }
}
