import CodecRuntime

/// Cuts the bytes of a stream into messages (RFC 3261 §7.5, §18.3): a value without I/O.
///
/// ``append(_:)`` takes fragments of any size, ``next()`` hands out what is complete, and has to be asked until it says
/// `nil` before more is appended. Each byte is looked at a bounded number of times, however the stream is cut.
public struct StreamFraming: Sendable {
  public enum Event: Sendable {
    case message(SIPMessage)
    /// The double CRLF by which a peer asks whether the connection lives; a single CRLF answers it (RFC 5626 §3.5.1).
    case keepAlive
    /// It cannot be known where the next message begins: nothing comes behind this, and the connection is to be closed.
    /// With the head of a request that can still be refused, the issue among those that it has.
    case failed(SIPIssue, SIPMessage?)
  }

  /// The longest head that is read; head and body together come to ``SIPMessage/maximumSize`` at most.
  public static let maximumHead = 65_536
  /// A buffer that a long message has left behind is not kept for the short ones.
  private static let keptCapacity = 16_384

  private enum Phase {
    case between, startLine, head
    /// So many bytes are still to come until the message has `size`.
    case body(size: Int)
    case failed
  }

  private var buffer: [UInt8] = []
  /// Where the message that is being read begins.
  private var start = 0
  /// Up to here the end of the line or head was looked for in vain.
  private var searched = 0
  private var phase = Phase.between
  /// The last thing between two messages was a CRLF.
  private var hasLineEnd = false

  public init() {}

  /// Bytes that wait for the rest of their message.
  public var bufferedCount: Int { buffer.count - start }

  /// Takes what the stream has brought.
  public mutating func append(_ bytes: UnsafeRawBufferPointer) {
    if case .failed = phase { return }
    if start > 0 {
      // At most what one fragment left over is moved, and once for each message.
      buffer.removeFirst(start)
      searched = max(searched - start, 0)
      start = 0
    }
    buffer.append(contentsOf: bytes)
  }

  /// The next thing that is complete; `nil` where more bytes are needed.
  public mutating func next() -> Event? {
    while true {
      switch phase {
      case .between:
        if let event = skipLineEnds() { return event }
        if case .between = phase { return nil }
      case .startLine:
        if let failure = readStartLine() { return failure }
        if case .startLine = phase { return nil }
      case .head:
        guard let end = endOfHead() else { return isHeadTooLong(buffer.count) ? failHead() : nil }
        if isHeadTooLong(end) { return failHead() }
        return readHead(end: end)
      case .body(let size):
        if buffer.count - start < size { return nil }
        return message(size: size)
      case .failed:
        return nil
      }
    }
  }

  // MARK: Between messages

  /// §7.5: CRLFs before a start line are ignored; two of them are a question.
  private mutating func skipLineEnds() -> Event? {
    while start < buffer.count {
      if buffer[start] != 0x0D {
        // A method and a version both begin with a token.
        guard isTokenAhead else { return fail("message", "a message begins with its start line") }
        hasLineEnd = false
        searched = start
        phase = .startLine
        return nil
      }
      guard start + 1 < buffer.count else { return nil }
      guard buffer[start + 1] == 0x0A else { return fail("message", "a message begins with its start line") }
      start += 2
      hasLineEnd.toggle()
      if !hasLineEnd { return .keepAlive }
    }
    release()
    return nil
  }

  private var isTokenAhead: Bool {
    buffer.withUnsafeBufferPointer { bytes in
      // One byte is enough to know.
      Input.with(UnsafeBufferPointer(rebasing: bytes[start..<(start + 1)])) { begins($0, 0, Tokens.token) }
    }
  }

  private mutating func release() {
    buffer.removeAll(keepingCapacity: buffer.capacity <= Self.keptCapacity)
    start = 0
    searched = 0
  }

  // MARK: The head

  /// Refuses another protocol as soon as its first line shows it, rather than to wait for the end of a head.
  private mutating func readStartLine() -> Event? {
    let found = buffer.withUnsafeBufferPointer { bytes -> (end: Int, isSIP: Bool)? in
      var position = searched
      while position + 1 < bytes.count {
        if bytes[position] == 0x0D, bytes[position + 1] == 0x0A {
          let line = UnsafeBufferPointer(rebasing: bytes[start..<position])
          return (position, Input.with(line, Self.isStartLine))
        }
        position += 1
      }
      return nil
    }
    guard let found else {
      searched = max(buffer.count - 1, start)
      return isHeadTooLong(buffer.count) ? failHead() : nil
    }
    guard found.isSIP else { return fail("start-line", "is none of SIP") }
    searched = found.end
    phase = .head
    return nil
  }

  /// Whether a line begins or ends with the version of SIP, whichever; what else is in it the parser says.
  private static func isStartLine(_ line: Input) -> Bool {
    var position = 0
    if Tokens.sipVersion(line, &position), peek(line, position) == 0x20 { return true }
    var end = line.count
    while end > 0, line[end - 1] == 0x20 || line[end - 1] == 0x09 { end -= 1 }
    position = end
    while position > 0, line[position - 1] != 0x20 { position -= 1 }
    return position > 0 && Tokens.sipVersion(line, &position) && position == end
  }

  /// Where the head ends: behind the first CRLFCRLF.
  private mutating func endOfHead() -> Int? {
    let end = buffer.withUnsafeBufferPointer { bytes -> Int? in
      var index = searched
      while index + 3 < bytes.count {
        if bytes[index + 3] == 0x0A, bytes[index + 2] == 0x0D, bytes[index + 1] == 0x0A, bytes[index] == 0x0D {
          return index + 4
        }
        index += 1
      }
      return nil
    }
    if end == nil { searched = max(buffer.count - 3, searched) }
    return end
  }

  private func isHeadTooLong(_ end: Int) -> Bool { end - start > Self.maximumHead }

  private mutating func failHead() -> Event { fail("message", "the head is longer than \(Self.maximumHead) bytes") }

  /// Reads the head by the parser of messages, so that both agree on what its lines are, and learns of it how long the
  /// body is.
  private mutating func readHead(end: Int) -> Event? {
    let head = buffer.withUnsafeBufferPointer { SIPMessage(parsingHead: .init(rebasing: $0[start..<end])) }
    if let issue = head.issues.first(where: { $0.header == Headers.contentLength }) { return fail(issue, head) }
    let name = "\(Headers.name(Headers.contentLength))"
    guard let length = head.headers.contentLength.map({ Int($0.value) }) else {
      // §18.3, §20.14: a stream has no other sign of where a message ends.
      let issue = SIPIssue(
        layer: .framing, location: name, offset: end - start, message: "is missing", header: Headers.contentLength)
      return fail(issue, head.adding(issue))
    }
    let size = end - start + length
    if size > SIPMessage.maximumSize {
      let issue = SIPIssue(
        layer: .framing, location: name, offset: end - start,
        message: "announces a message of more than \(SIPMessage.maximumSize) bytes", header: Headers.contentLength)
      return fail(issue, head.adding(issue))
    }
    if length > 0 {
      phase = .body(size: size)
      return next()
    }
    consume(size)
    return .message(head)
  }

  // MARK: The message

  private mutating func message(size: Int) -> Event {
    let result = buffer.withUnsafeBufferPointer { bytes -> Result<SIPMessage, SIPIssue> in
      do throws(SIPIssue) {
        return .success(try SIPMessage(parsing: .init(rebasing: bytes[start..<start + size])))
      } catch { return .failure(error) }
    }
    switch result {
    case .success(let message):
      consume(size)
      return .message(message)
    case .failure(let issue):
      return fail(issue, nil)
    }
  }

  private mutating func consume(_ size: Int) {
    start += size
    phase = .between
    if start == buffer.count { release() }
  }

  private mutating func fail(_ location: String, _ message: String) -> Event {
    fail(SIPIssue(layer: .framing, location: location, offset: 0, message: message), nil)
  }

  private mutating func fail(_ issue: SIPIssue, _ head: SIPMessage?) -> Event {
    phase = .failed
    buffer = []
    start = 0
    return .failed(issue, head)
  }
}

extension SIPMessage {
  /// Reads a head whose body, whatever its Content-Length says, is elsewhere.
  init(parsingHead bytes: UnsafeBufferPointer<UInt8>) {
    var parser = MessageParser(bytes)
    parser.parse(isHeadOnly: true)
    self = parser.finish()
  }

  func adding(_ issue: SIPIssue) -> SIPMessage { SIPMessage(arena: arena, issues: issues + [issue]) }
}
