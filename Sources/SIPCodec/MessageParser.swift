import CodecRuntime

/// Finds the start line, the header fields and the body of a message, in one pass over its bytes (RFC 3261 §7).
struct MessageParser: ~Copyable {
  private var tape: Tape
  private var issues: [SIPIssue] = []
  private var startLine = 0
  /// Nodes of the headers that the rest of the message is compared with; 0 where there is none.
  private var contentLength = 0
  private var sequence = 0
  private var contact = 0
  /// Where the lines of the first and of a second Contact begin.
  private var contactLines: (first: Int, second: Int) = (0, 0)
  /// There may be a conflict between the start line and the rest.
  private var isDubious = true
  /// The headers that were seen, of those that have to be there or may be there only once.
  private var seen = Headers.Watched()

  @inline(__always)
  init(_ bytes: UnsafeBufferPointer<UInt8>) {
    // The body takes no words; heads came to a word for three bytes, short ones to a little more.
    tape = Tape(copying: UnsafeRawBufferPointer(bytes), expectedWords: min(bytes.count, 2048) * 5 / 16 + 32)
  }

  @inline(__always)
  consuming func finish() -> SIPMessage {
    let issues = issues
    let isDubious = isDubious
    let contactLines = contactLines
    let message = SIPMessage(arena: tape.finish(), issues: issues)
    if !isDubious { return message }
    let conflicts = message.conflicts(contactLines: contactLines)
    return conflicts.isEmpty ? message : SIPMessage(arena: message.arena, issues: issues + conflicts)
  }

  consuming func finishPart(offset: Int, depth: Int) -> BodyPart {
    BodyPart(issues: issues, offset: offset, depth: depth, arena: tape.finish())
  }

  /// Reads a part of a body, up to and with the CRLF that ends it: header fields, none of which has to be there, and what
  /// follows them (RFC 2046 §5.1).
  mutating func parsePart() {
    let input = tape.input
    let root = tape.open(SIPMessage.Slot.message, fixedWords: SIPMessage.rootWords)
    var start = 0
    if !parseHeaders(input, &start) { start = input.count }
    tape.set(root + 1, from: start, to: max(start, input.count - 2))
    tape.close(root)
  }

  /// With `isHeadOnly` the body is not there and stays empty.
  @inline(__always)
  mutating func parse(isHeadOnly: Bool = false) {
    // Parsers append nodes only, so the bytes of the tape stay where they are.
    let input = tape.input
    var position = 0
    let root = tape.open(SIPMessage.Slot.message, fixedWords: SIPMessage.rootWords)
    // RFC 3261 §7.5: CRLF before the start line is ignored.
    while peek(input, position) == 0x0D, peek(input, position + 1) == 0x0A { position += 2 }
    let lineStart = position
    position = parseStartLine(input, position)
    let lineEnd = position - 2
    let isHeadComplete = parseHeaders(input, &position)
    if !isHeadComplete {
      note(.framing, "message", position, "the head does not end with an empty line")
    }
    if isHeadOnly {
      tape.set(root + 1, from: position, to: position)
    } else {
      parseBody(input, root, position, isHeadComplete: isHeadComplete)
    }
    tape.close(root)
    validate()
    isDubious = !isPlain(input, lineStart, lineEnd) || !isComplete(input, root)
  }

  /// Whether the start line, which is there from `start` up to `end`, and CSeq show at a glance that nothing is in
  /// conflict with them; where it does not, ``SIPMessage/conflicts()`` looks closely.
  @inline(__always)
  private func isPlain(_ input: Input, _ start: Int, _ end: Int) -> Bool {
    if sequence > 0, tape.word(sequence + 1) >> 31 != 0 { return false }
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

  /// Whether there is what a message of this kind has to have, and at most one plain Contact.
  @inline(__always)
  private func isComplete(_ input: Input, _ root: Int) -> Bool {
    if contactLines.second > 0 || contact > 0 && !isPlainContact { return false }
    if tape.word(root + 2) > 0, !seen.contains(Headers.requiredWithBody) { return false }
    let required: Headers.Watched
    switch tape.slot(of: startLine) {
    case SIPMessage.Slot.statusLine:
      // The line begins with two words of the version, and two of the code.
      let code = Int(tape.word(startLine + 3))
      let digits = (Int(input[code]), Int(input[code &+ 1]), Int(input[code &+ 2]))
      let status = (digits.0 - 0x30) * 100 + (digits.1 - 0x30) * 10 + digits.2 - 0x30
      required = Headers.required(in: status, to: sequence > 0 ? tape.word(sequence + 2) : 0)
    case SIPMessage.Slot.requestLine:
      required = Headers.required(in: tape.word(startLine + 1))
    default: return true
    }
    return seen.contains(required)
  }

  /// The field has one address, which is all that it is filled with, and no "*".
  private var isPlainContact: Bool {
    let first = contact + 2
    return tape.end(of: contact) > first && tape.end(of: first) == tape.end(of: contact)
  }

  private mutating func note(
    _ layer: SIPIssue.Layer, _ location: String, _ offset: Int, _ message: String, header: UInt32? = nil
  ) {
    issues.append(SIPIssue(layer: layer, location: location, offset: offset, message: message, header: header))
  }

  // MARK: Start line

  /// Returns where the start line ends.
  @inline(__always)
  private mutating func parseStartLine(_ input: Input, _ start: Int) -> Int {
    startLine = tape.wordCount
    // A response begins with the version, a request with a method, which has no slash.
    let isResponse = isIgnoringCase(input, start, "sip/")
    let end =
      isResponse
      ? StatusLine.parse(input, start, &tape, slot: SIPMessage.Slot.statusLine)
      : RequestLine.parse(input, start, &tape, slot: SIPMessage.Slot.requestLine)
    if end >= 0, input.pair(end) == Self.lineEnd { return end + 2 }
    let failure = end >= 0 ? nil : tape.failure
    note(
      .startLine, isResponse ? "status-line" : "request-line", failure?.offset ?? end,
      "expected \(failure?.expected ?? "the end of the line")")
    tape.rewind(to: startLine)
    var line = endOfLine(input, start)
    // A start line cannot be folded; what was meant to continue it is no header field.
    while isBlank(input[line.next]) { line = endOfLine(input, line.next) }
    let node = tape.open(SIPMessage.Slot.malformedStartLine, fixedWords: 2)
    tape.set(node + 1, from: start, to: line.end)
    tape.close(node)
    return line.next
  }

  /// CRLF, as ``Input/pair(_:)`` has it.
  private static var lineEnd: UInt16 { 0x0A0D }
  /// A colon and a space.
  private static var colonSpace: UInt16 { 0x203A }

  // MARK: Headers

  /// Reads header fields until the empty line; `false` where the input ends before.
  private mutating func parseHeaders(_ input: Input, _ position: inout Int) -> Bool {
    var start = position
    while start < input.count {
      if input.pair(start) == Self.lineEnd {
        position = start + 2
        return true
      }
      start = parseHeader(input, start)
    }
    position = start
    return false
  }

  /// Returns where the next header field begins.
  @inline(__always)
  private mutating func parseHeader(_ input: Input, _ start: Int) -> Int {
    // HCOLON = *( SP / HTAB ) ":" SWS; mostly it is a colon and a space.
    let nameEnd = firstColon(input, start)
    guard input.pair(nameEnd) == Self.colonSpace, input[nameEnd &+ 2] > 0x20 else {
      return parseUnusualHeader(input, start)
    }
    let mark = tape.wordCount
    let end = Headers.parse(input, nameEnd &+ 2, &tape, name: start, to: nameEnd)
    // The end of a header field, but for the last one and those with white space behind them.
    if end >= 0, input.pair(end) == Self.lineEnd, input[end &+ 2] > 0x20 {
      see(mark, start)
      return end &+ 2
    }
    let next = end >= 0 ? endOfField(input, end) : -1
    if next >= 0 {
      see(mark, start)
      return next
    }
    // What is known has the name of a header, but others may have none.
    return end == -2 ? parseUnusualHeader(input, start) : malformed(input, mark, start, nameEnd, nameEnd + 2, end)
  }

  /// A header field that the grammars do not know, that has white space around its colon, or that is none.
  @inline(never)
  private mutating func parseUnusualHeader(_ input: Input, _ start: Int) -> Int {
    var position = start
    guard Tokens.token(input, &position) else {
      return skipLine(input, start, position, "a header field begins with its name")
    }
    let nameEnd = position
    skipBlanks(input, &position)
    guard take(input, &position, 0x3A) else {
      return skipLine(input, start, position, "expected \":\" behind the name of the header field")
    }
    _ = Tokens.sws(input, &position)
    let mark = tape.wordCount
    let end = Headers.parse(input, position, &tape, name: start, to: nameEnd)
    if end == -2 {
      skipFolds(input, &position)
      let value = endOfValue(input, position)
      let node = tape.begin(fixedWords: 4)
      tape.set(node, field: 1, from: start, to: nameEnd)
      tape.set(node, field: 3, from: position, to: value.end)
      tape.end(node, slot: SIPMessage.Slot.unknownHeader)
      var end = position
      _ = Tokens.headerValue(input, &end)
      if end < value.end {
        let name = String(decoding: (start..<nameEnd).map { input[$0] }, as: UTF8.self)
        note(.header, name, end, "a control character, or the end of a line without both CR and LF")
      }
      return value.next
    }
    let next = end >= 0 ? endOfField(input, end) : -1
    if next < 0 { return malformed(input, mark, start, nameEnd, position, end) }
    see(mark, start)
    return next
  }

  /// Keeps the first of the headers that the rest of the message is compared with.
  @inline(never)
  private mutating func remember(_ slot: UInt32, _ node: Int, _ offset: Int) {
    if slot == Headers.cseq {
      if sequence == 0 { sequence = node }
    } else if slot == Headers.contact {
      if contact == 0 {
        contact = node
        contactLines.first = offset
      } else if contactLines.second == 0 {
        contactLines.second = offset
      }
    } else if contentLength == 0 {
      contentLength = node
    }
  }

  /// Keeps the header as it came. Its value was read up to `end`; −1 says that there was a failure.
  @inline(never)
  private mutating func malformed(
    _ input: Input, _ mark: Int, _ start: Int, _ nameEnd: Int, _ valueStart: Int, _ end: Int
  ) -> Int {
    let slot = Headers.slot(input, start, nameEnd)
    var position = max(end, start)
    skipBlanks(input, &position)
    let failure = tape.failure ?? ParseFailure(offset: position, expected: "the end of the header field")
    tape.rewind(to: mark)
    // Content-Length says where the body ends; it is a matter of framing.
    let layer: SIPIssue.Layer = slot == Headers.contentLength ? .framing : .header
    note(layer, "\(Headers.name(slot))", failure.offset, "expected \(failure.expected)", header: slot)
    var valueStart = valueStart
    skipFolds(input, &valueStart)
    let value = endOfValue(input, valueStart)
    let node = tape.open(SIPMessage.Slot.malformedHeader, fixedWords: 5)
    tape.set(node + 1, slot)
    tape.set(node + 2, from: start, to: nameEnd)
    tape.set(node + 4, from: valueStart, to: value.end)
    tape.close(node)
    if slot <= Headers.lastWatched { see(slot: slot, start) }
    return value.next
  }

  /// Notes that the header of the node that was just read is there.
  @inline(__always)
  private mutating func see(_ node: Int, _ offset: Int) {
    let slot = tape.slot(ended: node)
    if slot > Headers.lastWatched { return }
    if slot == Headers.contentLength || slot == Headers.cseq || slot == Headers.contact {
      remember(slot, node, offset)
    }
    see(slot: slot, offset)
  }

  /// The same for a header by its slot, one of those that are watched.
  @inline(__always)
  private mutating func see(slot: UInt32, _ offset: Int) {
    if seen.insert(slot), !Headers.isRepeatable(slot) {
      let layer: SIPIssue.Layer = slot == Headers.contentLength ? .framing : .validation
      note(layer, "\(Headers.name(slot))", offset, "may be there only once", header: slot)
    }
  }

  private func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

  /// What follows the end of a header field at `position`: white space, then CRLF that no white space follows; −1 where
  /// it does not end there.
  @inline(never)
  private func endOfField(_ input: Input, _ start: Int) -> Int {
    var position = start
    skipBlanks(input, &position)
    guard input.pair(position) == Self.lineEnd else { return -1 }
    if !isBlank(input[position &+ 2]) { return position &+ 2 }
    // A fold with nothing behind it.
    position &+= 2
    skipBlanks(input, &position)
    return input.pair(position) == Self.lineEnd && !isBlank(input[position &+ 2]) ? position &+ 2 : -1
  }

  /// Where the line ends, and what follows its CRLF.
  private func endOfLine(_ input: Input, _ start: Int) -> (end: Int, next: Int) {
    var position = start
    while position < input.count {
      if input.pair(position) == Self.lineEnd { return (position, position &+ 2) }
      position &+= 1
    }
    return (position, position)
  }

  /// Passes over the white space before a value, and be it several folds, where the grammar has one.
  private func skipFolds(_ input: Input, _ position: inout Int) {
    skipBlanks(input, &position)
    while input.pair(position) == Self.lineEnd, isBlank(input[position &+ 2]) {
      position &+= 2
      skipBlanks(input, &position)
    }
  }

  /// Where a value with its folds ends, without the white space behind it, and what follows its CRLF.
  private func endOfValue(_ input: Input, _ start: Int) -> (end: Int, next: Int) {
    var (end, next) = endOfLine(input, start)
    while isBlank(input[next]) { (end, next) = endOfLine(input, next) }
    // A fold with nothing behind it is white space, too: were it kept, an empty line would be written.
    while true {
      if end > start, isBlank(input[end - 1]) {
        end -= 1
      } else if end > start + 1, input.pair(end - 2) == Self.lineEnd {
        end -= 2
      } else {
        return (end, next)
      }
    }
  }

  private mutating func skipLine(_ input: Input, _ start: Int, _ position: Int, _ message: String) -> Int {
    note(.framing, "header", position, message)
    return endOfLine(input, start).next
  }

  // MARK: Body

  @inline(__always)
  private mutating func parseBody(_ input: Input, _ root: Int, _ position: Int, isHeadComplete: Bool) {
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

  @inline(__always)
  private mutating func validate() {
    if seen.contains(Headers.required) { return }
    for slot in Headers.required.slots(without: seen) {
      note(.validation, "\(Headers.name(slot))", 0, "is missing", header: slot)
    }
  }
}
