import CodecRuntime

/// Reads the lines of a description in one pass (RFC 8866 §9).
struct DescriptionParser: ~Copyable {
  private var tape: Tape
  private var issues: [SDPIssue] = []
  private var order = LineOrder()
  /// Where the first m-line begins whose section has no `c=`; −1 where each has one.
  private var unconnected = -1
  /// Attributes whose values are all different.
  private var uniqueValues = UniqueValues()

  init(_ bytes: UnsafeBufferPointer<UInt8>) {
    tape = Tape(copying: UnsafeRawBufferPointer(bytes), expectedWords: bytes.count / 2 + 64)
  }

  consuming func finish() -> SessionDescription {
    let issues = issues
    return SessionDescription(arena: tape.finish(), issues: issues)
  }

  mutating func parse() {
    // Parsers append nodes only, so the bytes of the tape stay where they are.
    let input = tape.input
    let root = tape.open(SessionDescription.Slot.session, fixedWords: 0)
    var media = -1
    // Where the m-line of the section begins, as long as neither it nor the session has a `c=`.
    var waiting = -1
    var isConnected = false
    var position = 0
    while position < input.count {
      let start = position
      let letter = input[start]
      if letter < 0x20, letter == 0x0D || letter == 0x0A {
        // Empty lines mean nothing; some end a description with one.
        position = start + 1
        continue
      }
      guard isByte(input, start &+ 1, 0x3D) else {
        position = keep(
          input, start, SessionDescription.Slot.malformedLine, "a line begins with a letter and \"=\"")
        continue
      }
      if letter == 0x61 {
        order.follow(letter, at: start)
        position = parseAttribute(input, start)
        continue
      }
      if letter == 0x6D {
        if media >= 0 { tape.close(media) }
        if waiting >= 0, unconnected < 0 { unconnected = waiting }
        waiting = isConnected ? -1 : start
        media = tape.open(SessionDescription.Slot.media, fixedWords: 0)
      }
      if letter == 0x63 {
        if media < 0 { isConnected = true }
        waiting = -1
      }
      let mark = tape.wordCount
      let end = Lines.parse(input, start &+ 2, &tape, letter: letter)
      if end == -2 {
        // RFC 8866 §5: a description with a letter that is not understood is ignored or rejected.
        order.follow(letter, at: start)
        position = keep(input, start, SessionDescription.Slot.unknownLine, nil)
      } else {
        order.follow(letter, at: start)
        let next = end >= 0 ? endOfValue(input, end) : -1
        position = next >= 0 ? next : malformed(input, Lines.slot(ofLetter: letter), start, mark, end)
        if letter == 0x76, next >= 0, tape.word(mark &+ 1) != 0 { noteVersion(start + 2) }
      }
    }
    if media >= 0 { tape.close(media) }
    if waiting >= 0, unconnected < 0 { unconnected = waiting }
    tape.close(root)
    validate(input)
  }

  @inline(never)
  private mutating func noteVersion(_ offset: Int) {
    issues.append(
      SDPIssue(
        layer: .validation, location: "v=", offset: offset, message: "only version 0 is known (RFC 8866 §5.1)"))
  }

  /// Returns where the next line begins.
  @inline(__always)
  private mutating func parseAttribute(_ input: Input, _ start: Int) -> Int {
    let nameStart = start &+ 2
    let mark = tape.wordCount
    // What is between, is looked at where it is no name that the grammars know.
    let nameEnd = endOfName(input, nameStart)
    let end = Lines.parseAttribute(input, to: nameEnd, &tape, from: nameStart)
    let next = end >= 0 ? endOfValue(input, end) : -1
    if next < 0 { return parseUnusual(input, start, mark) }
    if Lines.isUnique(input, from: nameStart, to: nameEnd) { noteUnique(input, nameStart, nameEnd, end) }
    return next
  }

  /// An attribute that is not as the grammars say, or of which they do not know the name. Nothing of it is on the tape.
  @inline(never)
  private mutating func parseUnusual(_ input: Input, _ start: Int, _ mark: Int) -> Int {
    tape.rewind(to: mark)
    let nameStart = start &+ 2
    var nameEnd = nameStart
    guard Tokens.sdpToken(input, &nameEnd) else {
      return keep(
        input, start, SessionDescription.Slot.malformedLine, "expected the name of an attribute", offset: nameStart)
    }
    let end = Lines.parseAttribute(input, to: nameEnd, &tape, from: nameStart)
    let next = end >= 0 ? endOfValue(input, end) : -1
    if next >= 0 {
      if Lines.isUnique(input, from: nameStart, to: nameEnd) { noteUnique(input, nameStart, nameEnd, end) }
      return next
    }
    return end == -2
      ? parseOther(input, start, nameEnd)
      : malformed(input, Lines.attributeSlot(input, nameStart, nameEnd), start, mark, end)
  }

  /// An attribute whose value no other medium may have.
  @inline(never)
  private mutating func noteUnique(_ input: Input, _ start: Int, _ nameEnd: Int, _ end: Int) {
    if uniqueValues.insert(start..<end, of: input) { return }
    let name = String(decoding: (start..<nameEnd).map { input[$0] }, as: UTF8.self)
    issues.append(
      SDPIssue(
        layer: .validation, location: "a=\(name)", offset: nameEnd + 1, message: "another medium has the same value"))
  }

  /// An attribute that the grammars do not know, or that has a value where it should have none.
  @inline(never)
  private mutating func parseOther(_ input: Input, _ start: Int, _ nameEnd: Int) -> Int {
    let slot = Lines.attributeSlot(input, start + 2, nameEnd)
    let hasValue = isByte(input, nameEnd, 0x3A)
    if slot != Lines.unknown {
      return keep(
        input, start, SessionDescription.Slot.malformedLine,
        hasValue ? "this attribute has no value" : "this attribute has a value", offset: nameEnd, slot: slot)
    }
    let valueStart = hasValue ? nameEnd + 1 : nameEnd
    let line = endOfLine(input, valueStart)
    if !hasValue, line.end > nameEnd {
      return keep(
        input, start, SessionDescription.Slot.malformedLine, "expected \":\" or the end of the line", offset: nameEnd)
    }
    let node = tape.open(slot, fixedWords: 4)
    tape.set(node + 1, from: start + 2, to: nameEnd)
    var valueEnd = valueStart
    if hasValue, line.end > valueStart, !Tokens.byteString(input, &valueEnd) || valueEnd < line.end {
      let name = String(decoding: (start + 2..<nameEnd).map { input[$0] }, as: UTF8.self)
      issues.append(
        SDPIssue(
          layer: .syntax, location: "a=\(name)", offset: valueEnd,
          message: "NUL, or CR without LF, in a value (RFC 8866 §9)"))
    }
    if hasValue {
      tape.set(node + 3, from: valueStart, to: line.end)
    } else {
      tape.set(node + 3, Slice.absent)
    }
    tape.close(node)
    return line.next
  }

  /// Keeps a line whose value was read up to `end`; −1 says that there was a failure.
  @inline(never)
  private mutating func malformed(
    _ input: Input, _ slot: UInt32, _ start: Int, _ mark: Int, _ end: Int
  ) -> Int {
    let failure = tape.failure ?? ParseFailure(offset: end, expected: "the end of the line")
    tape.rewind(to: mark)
    return keep(
      input, start, SessionDescription.Slot.malformedLine, "expected \(failure.expected)", offset: failure.offset,
      slot: slot)
  }

  /// What follows CRLF, or LF alone (RFC 8866 §5), or the end of the input at `position`; −1 where there is neither.
  @inline(__always)
  private func endOfValue(_ input: Input, _ position: Int) -> Int {
    if input.pair(position) == 0x0A0D { return position &+ 2 }
    if isByte(input, position, 0x0A) { return position &+ 1 }
    return position >= input.count ? position : -1
  }

  /// Where the line ends, and where the next one begins.
  private func endOfLine(_ input: Input, _ start: Int) -> (end: Int, next: Int) {
    var end = start
    // A CR alone ends no line.
    while end < input.count, endOfValue(input, end) < 0 { end &+= 1 }
    return (end, endOfValue(input, end))
  }

  /// Keeps a line as it came; returns where the next one begins.
  @inline(never)
  private mutating func keep(
    _ input: Input, _ start: Int, _ kind: UInt32, _ message: String?, offset: Int? = nil, slot: UInt32 = 0
  ) -> Int {
    let line = endOfLine(input, start)
    let node = tape.open(kind, fixedWords: 2)
    tape.set(node + 1, from: start, to: line.end)
    tape.close(node)
    guard let message else { return line.next }
    let name = Lines.attributeName(slot)
    var location = "\(Character(Unicode.Scalar(slot == 0 ? peek(input, start) : Lines.letter(slot))))="
    if name.utf8CodeUnitCount > 0 { location += "\(name)" }
    issues.append(SDPIssue(layer: .syntax, location: location, offset: offset ?? start, message: message))
    return line.next
  }

  private mutating func validate(_ input: Input) {
    if let wrong = order.firstWrong {
      if let missing = order.missing {
        note(missing, wrong, "is missing in front of this line (RFC 8866 §5)")
      } else {
        note(peek(input, wrong), wrong, "this line may not stand here (RFC 8866 §9)")
      }
    } else if !order.isComplete {
      issues.append(
        SDPIssue(
          layer: .validation, location: "description", offset: input.count,
          message: "a line is missing: v=, o=, s= and t= are required (RFC 8866 §5)"))
    } else if unconnected >= 0 {
      noteUnconnected(input)
    }
  }

  /// A medium without an address: one that is refused needs none.
  private mutating func noteUnconnected(_ input: Input) {
    var position = unconnected
    while position < input.count, input[position] != 0x20, input[position] != 0x0A { position += 1 }
    if peek(input, position + 1) == 0x30, peek(input, position + 2) == 0x20 { return }
    note(0x63, unconnected, "neither this medium nor the session has one (RFC 8866 §5.7)")
  }

  private mutating func note(_ letter: UInt8, _ offset: Int, _ message: String) {
    let location = "\(Character(Unicode.Scalar(letter)))="
    issues.append(SDPIssue(layer: .validation, location: location, offset: offset, message: message))
  }
}
