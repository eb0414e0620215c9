import CodecRuntime

/// What is wrong with a message, and where.
public struct SIPIssue: Error, Equatable, Sendable {
  /// Which part of reading a message objects.
  public enum Layer: String, Sendable {
    /// Where the head, its lines and the body end (RFC 3261 §7, §18.3).
    case framing
    case startLine = "start-line"
    /// The value of one header field.
    case header
    /// A field that is missing, repeated or in conflict with another.
    case validation
  }
  public var layer: Layer
  /// Name of the header field, or of the part of the message.
  public var location: String
  /// Bytes from the start of the message.
  public var offset: Int
  public var message: String
  /// Slot of the header in ``Headers``, if it is one.
  public var header: UInt32?
}

/// A SIP message: its bytes and all of its header fields, typed (RFC 3261 §7).
///
/// Reading never fails as a whole. A header field that is not as the grammar says is kept as it came and noted in
/// ``issues``; how strict to be is for the reader to decide. Fields that the grammars do not know are kept in their order.
public struct SIPMessage: Sendable {
  public let arena: Arena
  /// What is wrong, in the order of the message, validation last.
  public let issues: [SIPIssue]

  /// Slots of the nodes of a message that are no known header.
  enum Slot {
    static let message: UInt32 = 0
    static let requestLine: UInt32 = 1010
    static let statusLine: UInt32 = 1011
    /// A start line that is none: its text.
    static let malformedStartLine: UInt32 = 1012
    /// A header that the grammars do not know: name and value.
    static let unknownHeader: UInt32 = Headers.unknown
    /// A header whose value is not as the grammar says: slot, name and value.
    static let malformedHeader: UInt32 = 1022
  }

  /// Words of the root: the body as a slice.
  static let rootWords = 2

  init(arena: Arena, issues: [SIPIssue]) {
    self.arena = arena
    self.issues = issues
  }

  /// The longest message that is read, in bytes.
  public static let maximumSize = 262_144

  /// Reads one message that fills `bytes`, as from a datagram. Throws where it is longer than ``maximumSize``.
  public init(parsing bytes: UnsafeBufferPointer<UInt8>) throws(SIPIssue) {
    guard bytes.count <= Self.maximumSize else {
      throw SIPIssue(
        layer: .framing, location: "message", offset: Self.maximumSize,
        message: "is longer than \(Self.maximumSize) bytes")
    }
    var parser = MessageParser(bytes)
    parser.parse()
    self = parser.finish()
  }

  public init(parsing bytes: [UInt8]) throws(SIPIssue) {
    let result = bytes.withUnsafeBufferPointer { buffer -> Result<SIPMessage, SIPIssue> in
      do throws(SIPIssue) { return .success(try SIPMessage(parsing: buffer)) } catch { return .failure(error) }
    }
    self = try result.get()
  }

  // MARK: Parts

  private var startLineIndex: Int { 1 + Self.rootWords }

  /// The start line of a request; `nil` for a response.
  public var requestLine: RequestLine? {
    arena.slot(of: startLineIndex) == Slot.requestLine ? RequestLine(arena: arena, index: startLineIndex) : nil
  }

  /// The start line of a response; `nil` for a request.
  public var statusLine: StatusLine? {
    arena.slot(of: startLineIndex) == Slot.statusLine ? StatusLine(arena: arena, index: startLineIndex) : nil
  }

  /// The status code of a response.
  public var statusCode: Int? { statusLine.flatMap { Int($0.code.string) } }

  public var headers: HeaderFields {
    HeaderFields(arena: arena, start: arena.end(of: startLineIndex), end: arena.end(of: 0))
  }

  public var body: Text { arena.text(at: 1) }

  /// The value of the first header of this name that the grammars do not know, or whose value they do not allow.
  public func rawHeader(_ name: String) -> String? { headers.raw(name) }

  // MARK: Writing

  /// Writes the message: what is typed from its values, what is unknown or malformed as it came.
  public func write(to output: inout Output) {
    let start = startLineIndex
    switch arena.slot(of: start) {
    case Slot.requestLine: RequestLine.write(arena, start, to: &output)
    case Slot.statusLine: StatusLine.write(arena, start, to: &output)
    default: output.append(arena, arena.slice(at: start + 1))
    }
    output.append("\r\n")
    var index = arena.end(of: start)
    let end = arena.end(of: 0)
    while index < end {
      let slot = arena.slot(of: index)
      switch slot {
      case Slot.unknownHeader:
        output.append(arena, arena.slice(at: index + 1))
        output.append(": ")
        output.append(arena, arena.slice(at: index + 3))
      case Slot.malformedHeader:
        output.append(Headers.name(arena.word(index + 1)))
        output.append(": ")
        output.append(arena, arena.slice(at: index + 4))
      default:
        Headers.write(slot, arena, index, to: &output)
      }
      output.append("\r\n")
      index = arena.end(of: index)
    }
    output.append("\r\n")
    output.append(arena, arena.slice(at: 1))
  }

  /// The message as it goes over the wire.
  public var bytes: [UInt8] {
    var output = Output(capacity: arena.byteCount + 64)
    write(to: &output)
    return output.bytes
  }
}

extension HeaderFields {
  /// The value of the first header of this name that the grammars do not know, or whose value they do not allow.
  public func raw(_ name: String) -> String? {
    var index = start
    while index < end {
      let slot = arena.slot(of: index)
      let word =
        slot == SIPMessage.Slot.unknownHeader ? index + 1 : slot == SIPMessage.Slot.malformedHeader ? index + 2 : 0
      if word > 0, arena.string(arena.slice(at: word)).lowercased() == name.lowercased() {
        return arena.string(arena.slice(at: word + 2))
      }
      index = arena.end(of: index)
    }
    return nil
  }
}
