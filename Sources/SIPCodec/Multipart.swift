import CodecRuntime

/// A body of several parts (RFC 2046 §5.1, RFC 5621 §3).
///
/// Reading never fails as a whole: what is wrong stands in ``issues``, and the parts that were found are there.
public struct MultipartBody: Sendable {
  /// More parts than these are not read.
  public static let maximumParts = 64
  /// How deep parts may stand in parts.
  public static let maximumDepth = 8
  /// The longest boundary (RFC 2046 §5.1.1).
  public static let maximumBoundary = 70

  public internal(set) var parts: [BodyPart] = []
  /// What stands before the first part; it is for readers that know nothing of parts.
  public internal(set) var preamble: [UInt8] = []
  /// What stands behind the last part.
  public internal(set) var epilogue: [UInt8] = []
  /// What is wrong with the body; offsets count from its first byte.
  public internal(set) var issues: [SIPIssue] = []

  /// Cuts `body` at the lines that begin with `boundary`. `depth`: how many bodies this one stands in.
  init(_ body: UnsafeBufferPointer<UInt8>, boundary: [UInt8], depth: Int) {
    read(body, boundary, depth)
  }

  private mutating func read(_ body: UnsafeBufferPointer<UInt8>, _ boundary: [UInt8], _ depth: Int) {
    guard !boundary.isEmpty, boundary.count <= Self.maximumBoundary else {
      return note(0, "a body of parts needs a boundary of 1 to \(Self.maximumBoundary) bytes")
    }
    guard depth < Self.maximumDepth else {
      return note(0, "parts stand in parts, deeper than \(Self.maximumDepth)")
    }
    var partStart: Int?
    var line = 0
    while line < body.count {
      if let delimiter = Delimiter(body, at: line, boundary) {
        if let start = partStart {
          guard parts.count < Self.maximumParts else {
            return note(start, "there are more than \(Self.maximumParts) parts")
          }
          parts.append(BodyPart(reading: .init(rebasing: body[start..<line]), offset: start, depth: depth + 1))
        } else {
          preamble = Array(body[..<max(line - 2, 0)])
        }
        partStart = delimiter.end
        if delimiter.isLast {
          epilogue = Array(body[delimiter.end...])
          return
        }
      }
      line = Self.nextLine(body, line)
    }
    if let partStart {
      note(partStart, "no delimiter ends the last part")
    } else {
      note(0, "no line begins with the boundary")
    }
  }

  private mutating func note(_ offset: Int, _ message: String) {
    issues.append(SIPIssue(layer: .framing, location: "body", offset: offset, message: message))
  }

  /// Where the line behind that at `start` begins.
  private static func nextLine(_ body: UnsafeBufferPointer<UInt8>, _ start: Int) -> Int {
    var index = start
    while index < body.count {
      if body[index] == 0x0A, index > start, body[index - 1] == 0x0D { return index + 1 }
      index += 1
    }
    return index
  }

  /// A line that ends a part: two hyphens, the boundary, and two more hyphens behind the last part.
  private struct Delimiter {
    /// Where the next line begins.
    var end: Int
    var isLast: Bool

    init?(_ body: UnsafeBufferPointer<UInt8>, at line: Int, _ boundary: [UInt8]) {
      var index = line + 2 + boundary.count
      guard index <= body.count, body[line] == 0x2D, body[line + 1] == 0x2D,
        body[(line + 2)..<index].elementsEqual(boundary)
      else { return nil }
      isLast = index + 1 < body.count && body[index] == 0x2D && body[index + 1] == 0x2D
      if isLast { index += 2 }
      // Gateways may have added white space here.
      while index < body.count, body[index] == 0x20 || body[index] == 0x09 { index += 1 }
      if index + 1 < body.count, body[index] == 0x0D, body[index + 1] == 0x0A {
        end = index + 2
      } else if isLast, index == body.count {
        end = index
      } else {
        // A longer boundary that begins like this one.
        return nil
      }
    }
  }

  // MARK: Writing

  /// The body that has these parts, for a Content-Type with this boundary.
  ///
  /// Throws: `DraftError` for a value that the grammars do not allow, and for a boundary that a part has in it.
  public static func bytes(of parts: [BodyPart.Draft], boundary: String) throws(DraftError) -> [UInt8] {
    let boundary = Array(boundary.utf8)
    guard !boundary.isEmpty, boundary.count <= maximumBoundary, boundary.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
      throw DraftError(field: "MultipartBody.boundary", message: "it has 1 to \(maximumBoundary) visible bytes")
    }
    var output = Output()
    for part in parts {
      guard !contains(boundary, part.body) else {
        throw DraftError(field: "MultipartBody.boundary", message: "a line of a part begins with it")
      }
      output.append("--")
      append(boundary, to: &output)
      output.append("\r\n")
      for header in part.headers {
        var tape = Tape()
        try header.append(to: &tape)
        let arena = tape.finish()
        let slot = arena.slot(of: 0)
        Headers.write(slot, arena, 0, to: &output)
        output.append("\r\n")
      }
      output.append("\r\n")
      append(part.body, to: &output)
      output.append("\r\n")
    }
    output.append("--")
    append(boundary, to: &output)
    output.append("--\r\n")
    return output.bytes
  }

  private static func append(_ bytes: [UInt8], to output: inout Output) {
    bytes.withUnsafeBufferPointer { output.append($0) }
  }

  /// Whether a line of `bytes` begins like a delimiter.
  private static func contains(_ boundary: [UInt8], _ bytes: [UInt8]) -> Bool {
    bytes.withUnsafeBufferPointer { bytes in
      var line = 0
      while line + 2 < bytes.count {
        if bytes[line] == 0x2D, bytes[line + 1] == 0x2D, bytes[(line + 2)...].starts(with: boundary) { return true }
        line = nextLine(bytes, line)
      }
      return false
    }
  }
}

/// A part of a body: header fields, typed as those of a message are, and a body of its own.
public struct BodyPart: Sendable {
  /// What is wrong with the header fields; offsets count from the first byte of the part.
  public let issues: [SIPIssue]
  /// Bytes from the start of the body that it is a part of.
  public let offset: Int
  private let depth: Int
  private let arena: Arena

  init(issues: [SIPIssue], offset: Int, depth: Int, arena: Arena) {
    self.issues = issues
    self.offset = offset
    self.depth = depth
    self.arena = arena
  }

  init(reading bytes: UnsafeBufferPointer<UInt8>, offset: Int, depth: Int) {
    var parser = MessageParser(bytes)
    parser.parsePart()
    self = parser.finishPart(offset: offset, depth: depth)
  }

  public var headers: HeaderFields {
    HeaderFields(arena: arena, start: 1 + SIPMessage.rootWords, end: arena.end(of: 0))
  }

  public var body: Text { arena.text(at: 1) }

  /// The parts of this part; `nil` where its type is not that of a body of parts.
  public var multipart: MultipartBody? { headers.contentType?.parts(of: body, depth: depth) }

  /// Plain values from which a part is built.
  public struct Draft: Sendable {
    public var headers: [HeaderDraft]
    public var body: [UInt8]

    public init(headers: [HeaderDraft], body: [UInt8]) {
      self.headers = headers
      self.body = body
    }
  }
}

extension SIPMessage {
  /// The parts of the body; `nil` where its type is not that of a body of parts.
  public var multipart: MultipartBody? { headers.contentType?.parts(of: body, depth: 0) }
}

extension ContentTypeHeader {
  /// The media type is one of a body of parts (RFC 2046 §5).
  public var isMultipart: Bool {
    type.withInput { input in
      var position = 0
      return Tokens.multipartType(input, &position) && position == input.count
    }
  }

  fileprivate func parts(of body: Text, depth: Int) -> MultipartBody? {
    guard isMultipart else { return nil }
    let boundary = boundary?.unquoted ?? []
    return body.withBytes { MultipartBody($0, boundary: boundary, depth: depth) }
  }
}

extension Text {
  /// What a quoted string says: without its quotation marks and backslashes (RFC 3261 §25.1). Any other text as it is.
  public var unquoted: [UInt8] {
    withBytes { bytes in
      guard bytes.count >= 2, bytes[0] == 0x22, bytes[bytes.count - 1] == 0x22 else { return Array(bytes) }
      var result: [UInt8] = []
      result.reserveCapacity(bytes.count)
      var index = 1
      while index < bytes.count - 1 {
        if bytes[index] == 0x5C, index + 2 < bytes.count { index += 1 }
        result.append(bytes[index])
        index += 1
      }
      return result
    }
  }
}
