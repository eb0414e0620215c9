import CodecRuntime

/// Finds the start line, the header fields and the body of a message, in one pass over its bytes (RFC 3261 §7).
struct MessageParser: ~Copyable {
  private var tape: Tape
  private var issues: [SIPIssue] = []
  private var position = 0
  private var startLine = 0
  /// Nodes of the headers that the rest of the message is compared with; 0 where there is none.
  private var contentLength = 0
  private var sequence = 0
  /// There may be a conflict between the start line and the rest.
  private var isDubious = true
  /// Known headers that were seen, a bit each.
  private var seen: (UInt64, UInt64, UInt64) = (0, 0, 0)

  init(_ bytes: UnsafeBufferPointer<UInt8>) {
    // The body takes no words; heads came to less than a word for three bytes.
    tape = Tape(copying: UnsafeRawBufferPointer(bytes), expectedWords: min(bytes.count, 4096) / 2 + 64)
  }

  consuming func finish() -> SIPMessage {
    let issues = issues
    let isDubious = isDubious
    let message = SIPMessage(arena: tape.finish(), issues: issues)
    if !isDubious { return message }
    let conflicts = message.conflicts()
    return conflicts.isEmpty ? message : SIPMessage(arena: message.arena, issues: issues + conflicts)
  }

  consuming func finishPart(depth: Int) -> BodyPart {
    BodyPart(issues: issues, depth: depth, arena: tape.finish())
  }

  /// Reads a part of a body, up to and with the CRLF that ends it: header fields, none of which has to be there, and what
  /// follows them (RFC 2046 §5.1).
  mutating func parsePart(_ input: Input) {
    let root = tape.open(SIPMessage.Slot.message, fixedWords: SIPMessage.rootWords)
    let start = parseHeaders(input) ? position : input.count
    tape.set(root + 1, from: start, to: max(start, input.count - 2))
    tape.close(root)
  }

  /// With `isHeadOnly` the body is not there and stays empty.
  mutating func parse(_ input: Input, isHeadOnly: Bool = false) {
    let root = tape.open(SIPMessage.Slot.message, fixedWords: SIPMessage.rootWords)
    // RFC 3261 §7.5: CRLF before the start line is ignored.
    while peek(input, position) == 0x0D, peek(input, position + 1) == 0x0A { position += 2 }
    let lineStart = position
    parseStartLine(input)
    let lineEnd = position - 2
    let isHeadComplete = parseHeaders(input)
    if !isHeadComplete {
      note(.framing, "message", position, "the head does not end with an empty line")
    }
    if isHeadOnly {
      tape.set(root + 1, from: position, to: position)
    } else {
      parseBody(input, root, isHeadComplete: isHeadComplete)
    }
    tape.close(root)
    validate()
    isDubious = !isPlain(input, lineStart, lineEnd)
  }

  /// Whether the start line, which is there from `start` up to `end`, shows at a glance that nothing is in conflict
  /// with it; where it does not, ``SIPMessage/conflicts()`` looks closely.
  private func isPlain(_ input: Input, _ start: Int, _ end: Int) -> Bool {
    switch tape.slot(of: startLine) {
    case SIPMessage.Slot.statusLine: return isIgnoringCase(input, start, "sip/2.0 ")
    case SIPMessage.Slot.requestLine:
      guard sequence > 0, isIgnoringCase(input, end - 8, " sip/2.0"), !contains(input, from: start, to: end, 0x3F)
      else { return false }
      // The line begins with the three words of its method, the field with one for the number and those of its method:
      // the first is the number of a known one.
      let method = tape.word(startLine + 1)
      return method != 0 && method == tape.word(sequence + 2)
    default: return false
    }
  }

  private mutating func note(
    _ layer: SIPIssue.Layer, _ location: String, _ offset: Int, _ message: String, header: UInt32? = nil
  ) {
    issues.append(SIPIssue(layer: layer, location: location, offset: offset, message: message, header: header))
  }

  // MARK: Start line

  private mutating func parseStartLine(_ input: Input) {
    startLine = tape.wordCount
    let start = position
    // A response begins with the version, a request with a method, which has no slash.
    let isResponse = isIgnoringCase(input, position, "sip/")
    let isParsed =
      isResponse
      ? StatusLine.parse(input, &position, &tape, slot: SIPMessage.Slot.statusLine)
      : RequestLine.parse(input, &position, &tape, slot: SIPMessage.Slot.requestLine)
    if isParsed, peek(input, position) == 0x0D, peek(input, position + 1) == 0x0A {
      position += 2
      return
    }
    let failure = isParsed ? nil : tape.failure
    note(
      .startLine, isResponse ? "status-line" : "request-line", failure?.offset ?? position,
      "expected \(failure?.expected ?? "the end of the line")")
    tape.rewind(to: startLine)
    position = start
    let end = endOfLine(input)
    let node = tape.open(SIPMessage.Slot.malformedStartLine, fixedWords: 2)
    tape.set(node + 1, from: start, to: end)
    tape.close(node)
  }

  // MARK: Headers

  /// Reads header fields until the empty line; `false` where the input ends before.
  private mutating func parseHeaders(_ input: Input) -> Bool {
    while position < input.count {
      if input[position] == 0x0D, peek(input, position &+ 1) == 0x0A {
        position += 2
        return true
      }
      parseHeader(input)
    }
    return false
  }

  @inline(__always)
  private mutating func parseHeader(_ input: Input) {
    let start = position
    guard Tokens.token(input, &position) else {
      skipLine(input, start, "a header field begins with its name")
      return
    }
    let nameEnd = position
    // HCOLON = *( SP / HTAB ) ":" SWS; mostly it is a colon and a space.
    if isByte(input, nameEnd, 0x3A), isByte(input, nameEnd &+ 1, 0x20), peek(input, nameEnd &+ 2) > 0x20 {
      position = nameEnd &+ 2
    } else {
      skipBlanks(input, &position)
      guard take(input, &position, 0x3A) else {
        skipLine(input, start, "expected \":\" behind the name of the header field")
        return
      }
      _ = Tokens.sws(input, &position)
    }
    let valueStart = position
    let slot = Headers.slot(input, start, nameEnd)
    if slot == Headers.unknown {
      let end = endOfValue(input)
      let node = tape.open(slot, fixedWords: 4)
      tape.set(node + 1, from: start, to: nameEnd)
      tape.set(node + 3, from: valueStart, to: end)
      tape.close(node)
      return
    }
    let mark = tape.wordCount
    if Headers.parse(slot, input, &position, &tape), takeEnd(input) {
      if slot == Headers.contentLength, contentLength == 0 { contentLength = mark }
      if slot == Headers.cseq, sequence == 0 { sequence = mark }
      see(slot, start)
      return
    }
    malformed(input, slot, mark, start, nameEnd, valueStart)
  }

  /// Keeps the header as it came.
  @inline(never)
  private mutating func malformed(
    _ input: Input, _ slot: UInt32, _ mark: Int, _ start: Int, _ nameEnd: Int, _ valueStart: Int
  ) {
    let failure = tape.failure ?? ParseFailure(offset: position, expected: "the end of the header field")
    tape.rewind(to: mark)
    // Content-Length says where the body ends; it is a matter of framing.
    let layer: SIPIssue.Layer = slot == Headers.contentLength ? .framing : .header
    note(layer, "\(Headers.name(slot))", failure.offset, "expected \(failure.expected)", header: slot)
    position = valueStart
    let end = endOfValue(input)
    let node = tape.open(SIPMessage.Slot.malformedHeader, fixedWords: 5)
    tape.set(node + 1, slot)
    tape.set(node + 2, from: start, to: nameEnd)
    tape.set(node + 4, from: valueStart, to: end)
    tape.close(node)
    see(slot, start)
  }

  @inline(__always)
  private mutating func see(_ slot: UInt32, _ offset: Int) {
    let bit: UInt64 = 1 << UInt64(slot & 63)
    let isSeen: Bool
    switch slot >> 6 {
    case 0:
      isSeen = seen.0 & bit != 0
      seen.0 |= bit
    case 1:
      isSeen = seen.1 & bit != 0
      seen.1 |= bit
    default:
      isSeen = seen.2 & bit != 0
      seen.2 |= bit
    }
    if isSeen, !Headers.isRepeatable(slot) {
      let layer: SIPIssue.Layer = slot == Headers.contentLength ? .framing : .validation
      note(layer, "\(Headers.name(slot))", offset, "may be there only once", header: slot)
    }
  }

  private func isSeen(_ slot: UInt32) -> Bool {
    let bit: UInt64 = 1 << UInt64(slot & 63)
    switch slot >> 6 {
    case 0: return seen.0 & bit != 0
    case 1: return seen.1 & bit != 0
    default: return seen.2 & bit != 0
    }
  }

  private func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

  /// Takes the end of a header field: white space, then CRLF that no white space follows.
  @inline(__always)
  private mutating func takeEnd(_ input: Input) -> Bool {
    if !isByte(input, position, 0x0D) { skipBlanks(input, &position) }
    guard isByte(input, position, 0x0D), isByte(input, position &+ 1, 0x0A) else { return false }
    if !isBlank(peek(input, position &+ 2)) {
      position &+= 2
      return true
    }
    // A fold with nothing behind it.
    var end = position &+ 2
    while isBlank(peek(input, end)) { end += 1 }
    guard peek(input, end) == 0x0D, peek(input, end + 1) == 0x0A, !isBlank(peek(input, end + 2)) else { return false }
    position = end + 2
    return true
  }

  /// Skips to behind the CRLF that ends the line; returns where it begins.
  private mutating func endOfLine(_ input: Input) -> Int {
    while position < input.count {
      if input[position] == 0x0D, peek(input, position &+ 1) == 0x0A {
        let end = position
        position += 2
        return end
      }
      position &+= 1
    }
    return position
  }

  /// Skips a value with its folds; returns where it ends, without trailing white space.
  private mutating func endOfValue(_ input: Input) -> Int {
    let start = position
    var end = endOfLine(input)
    while position < input.count, isBlank(input[position]) { end = endOfLine(input) }
    while end > start, isBlank(input[end - 1]) { end -= 1 }
    return end
  }

  private mutating func skipLine(_ input: Input, _ start: Int, _ message: String) {
    note(.framing, "header", position, message)
    position = start
    _ = endOfLine(input)
  }

  // MARK: Body

  private mutating func parseBody(_ input: Input, _ root: Int, isHeadComplete: Bool) {
    let available = input.count - position
    var length = available
    if contentLength > 0 {
      // The one field of this header, a number.
      let declared = Int(tape.word(contentLength + 1))
      if declared > available {
        if isHeadComplete {
          note(
            .framing, "\(Headers.name(Headers.contentLength))", position,
            "\(declared) bytes of body are announced, \(available) are there", header: Headers.contentLength)
        }
      } else {
        // RFC 3261 §18.3: what follows the body in a datagram is discarded.
        length = declared
      }
    }
    tape.set(root + 1, from: position, to: position + length)
  }

  // MARK: Validation

  /// The bits of ``seen`` that have to be set.
  private static let required = Headers.required.reduce(into: (UInt64(0), UInt64(0), UInt64(0))) { bits, slot in
    let bit: UInt64 = 1 << UInt64(slot & 63)
    switch slot >> 6 {
    case 0: bits.0 |= bit
    case 1: bits.1 |= bit
    default: bits.2 |= bit
    }
  }

  private mutating func validate() {
    let required = Self.required
    if (required.0 & ~seen.0) | (required.1 & ~seen.1) | (required.2 & ~seen.2) == 0 { return }
    for slot in Headers.required where !isSeen(slot) {
      note(.validation, "\(Headers.name(slot))", 0, "is missing", header: slot)
    }
  }
}

extension SIPMessage {
  /// Conflicts between the start line and the rest (RFC 3261 §8.1.1.1, §8.1.1.5, §19.1.1, §21.5.6).
  func conflicts() -> [SIPIssue] {
    var issues: [SIPIssue] = []
    func note(_ location: String, _ place: Slice, _ message: String, _ header: UInt32? = nil) {
      // In a message that was parsed, bytes of the arena are bytes of the input.
      let offset = place.isAbsent ? 0 : Int(place.offset)
      issues.append(SIPIssue(layer: .validation, location: location, offset: offset, message: message, header: header))
    }
    if let line = requestLine {
      if !line.version.isSpoken { note("SIP-Version", line.version.slice, "only SIP/2.0 is spoken here") }
      if let header = line.uri.headers.first { note("Request-URI", header.name.slice, "may not carry headers") }
      if let sequence = headers.cseq, sequence.method != line.method {
        // The field has a word for the number, then the three of the method: its code and its text.
        let place = arena.slice(at: sequence.index + 3)
        note("\(Headers.name(Headers.cseq))", place, "its method is not that of the request line", Headers.cseq)
      }
    } else if let line = statusLine, !line.version.isSpoken {
      note("SIP-Version", line.version.slice, "only SIP/2.0 is spoken here")
    }
    return issues
  }
}

extension Text {
  /// RFC 3261 §7.1: the version is compared without regard to case.
  fileprivate var isSpoken: Bool {
    withBytes { bytes in
      bytes.count == 7 && isIgnoringCase(Span(_unsafeElements: bytes), 0, "sip/2.0")
    }
  }
}
