import CodecRuntime

/// What is wrong with a session description, and where.
public struct SDPIssue: Error, Equatable, Sendable {
  public enum Layer: String, Sendable {
    /// A line that is not as the grammar says.
    case syntax
    /// A line that is missing or stands where it may not.
    case validation
  }
  public var layer: Layer
  /// The line, such as `m=` or `a=candidate`.
  public var location: String
  /// Bytes from the start of the description.
  public var offset: Int
  public var message: String
}

/// A session description: its bytes and all of its lines, typed (RFC 8866).
///
/// Reading never fails as a whole: a line that is not as the grammar says is kept as it came and noted in ``issues``;
/// lines and attributes that the grammars do not know are kept in their order.
public struct SessionDescription: Sendable {
  public let arena: Arena
  /// What is wrong, in the order of the lines.
  public let issues: [SDPIssue]

  /// Slots of the nodes of a description that are no known line or attribute.
  public enum Slot {
    public static let session: UInt32 = 0
    /// An attribute that the grammars do not know: name, and value or absent.
    public static let unknownAttribute: UInt32 = Lines.unknown
    /// A line of an unknown letter: its whole text.
    public static let unknownLine: UInt32 = 1001
    /// A line that is not as the grammar says: its whole text.
    public static let malformedLine: UInt32 = 1002
    /// A media description: its lines are the children of the node, the m-line first.
    public static let media: UInt32 = 1003
  }

  public init(arena: Arena, issues: [SDPIssue] = []) {
    self.arena = arena
    self.issues = issues
  }

  /// The longest description that is read, in bytes.
  public static let maximumSize = 262_144

  /// Reads a description. Throws where it is longer than ``maximumSize``.
  public init(parsing bytes: UnsafeBufferPointer<UInt8>) throws(SDPIssue) {
    guard bytes.count <= Self.maximumSize else {
      throw SDPIssue(
        layer: .syntax, location: "description", offset: Self.maximumSize,
        message: "is longer than \(Self.maximumSize) bytes")
    }
    var parser = DescriptionParser(bytes)
    parser.parse()
    self = parser.finish()
  }

  public init(parsing bytes: [UInt8]) throws(SDPIssue) {
    let result = bytes.withUnsafeBufferPointer { buffer -> Result<SessionDescription, SDPIssue> in
      do throws(SDPIssue) { return .success(try SessionDescription(parsing: buffer)) } catch { return .failure(error) }
    }
    self = try result.get()
  }

  /// A description from lines; `media` are the lines of each media description, the m-line first.
  ///
  /// Throws: `DraftError` for a value that the grammars do not allow, so that no line can be smuggled in.
  public init(lines: [LineDraft], media: [[LineDraft]]) throws(DraftError) {
    var tape = Tape()
    let root = tape.open(Slot.session, fixedWords: 0)
    for line in lines { try line.append(to: &tape) }
    for section in media {
      let node = tape.open(Slot.media, fixedWords: 0)
      for line in section { try line.append(to: &tape) }
      tape.close(node)
    }
    tape.close(root)
    self.init(arena: tape.finish())
  }

  /// The lines before the first m-line.
  public var session: LineFields { LineFields(arena: arena, start: 1, end: arena.end(of: 0)) }

  public var media: ArenaList<MediaDescription> { ArenaList(arena: arena, slot: Slot.media, of: 0, after: 0) }

  /// Writes the description, each line ended by CRLF: what is typed from its values, the rest as it came.
  public func write(to output: inout Output) { write(to: &output) { _, _ in } }

  /// The same; behind the lines of the session, and behind those of each media description, `addition` may write more:
  /// it is called with `nil`, then with each media description.
  public func write(to output: inout Output, addition: (MediaDescription?, inout Output) -> Void) {
    var index = 1
    let end = arena.end(of: 0)
    var isInSession = true
    while index < end {
      if arena.slot(of: index) == Slot.media {
        if isInSession { addition(nil, &output) }
        isInSession = false
        let media = MediaDescription(arena: arena, index: index)
        media.write(to: &output)
        addition(media, &output)
      } else {
        Self.writeLine(arena, index, to: &output)
      }
      index = arena.end(of: index)
    }
    if isInSession { addition(nil, &output) }
  }

  /// Writes the lines of the session of this kind, a constant of ``Lines``.
  public func writeSessionLines(ofSlot slot: UInt32, to output: inout Output) {
    var index = 1
    let end = arena.end(of: 0)
    while index < end {
      if arena.slot(of: index) == slot { Self.writeLine(arena, index, to: &output) }
      index = arena.end(of: index)
    }
  }

  @inline(__always)
  fileprivate static func writeLine(_ arena: Arena, _ index: Int, to output: inout Output) {
    let slot = arena.slot(of: index)
    if slot < Lines.unknown {
      Lines.write(slot, arena, index, to: &output)
    } else {
      writeUnknownLine(slot, arena, index, to: &output)
    }
    output.append("\r\n" as StaticString)
  }

  /// A line that the grammars do not know, or that is not as they say.
  @inline(never)
  private static func writeUnknownLine(_ slot: UInt32, _ arena: Arena, _ index: Int, to output: inout Output) {
    if slot == Slot.unknownAttribute { output.append("a=" as StaticString) }
    output.append(arena, arena.slice(at: index + 1))
    if slot == Slot.unknownAttribute, arena.word(index + 3) != Slice.absent.offset {
      output.append(0x3A)
      output.append(arena, arena.slice(at: index + 3))
    }
  }

  public var bytes: [UInt8] {
    var output = Output(capacity: arena.byteCount + 64)
    write(to: &output)
    return output.bytes
  }
}

/// One media description (RFC 8866 §5.14).
public struct MediaDescription: ArenaValue {
  public let arena: Arena
  public let index: Int

  public init(arena: Arena, index: Int) {
    self.arena = arena
    self.index = index
  }

  public var lines: LineFields { LineFields(arena: arena, start: index + 1, end: arena.end(of: index)) }

  /// Writes its lines.
  public func write(to output: inout Output) { writeLines(to: &output) { _ in true } }

  /// Writes its lines of this kind, a constant of ``Lines``.
  public func writeLines(ofSlot slot: UInt32, to output: inout Output) { writeLines(to: &output) { $0 == slot } }

  private func writeLines(to output: inout Output, where isWanted: (UInt32) -> Bool) {
    var line = index + 1
    let end = arena.end(of: index)
    while line < end {
      if isWanted(arena.slot(of: line)) { SessionDescription.writeLine(arena, line, to: &output) }
      line = arena.end(of: line)
    }
  }
}
