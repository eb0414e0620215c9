import CodecRuntime

/// Reads the lines of a description in one pass (RFC 8866 §9).
struct DescriptionParser: ~Copyable {
  private var tape: Tape
  private var issues: [SDPIssue] = []
  private var position = 0
  private var order = LineOrder()

  init(_ bytes: UnsafeBufferPointer<UInt8>) {
    tape = Tape(copying: UnsafeRawBufferPointer(bytes), expectedWords: bytes.count / 2 + 64)
  }

  consuming func finish() -> SessionDescription {
    let issues = issues
    return SessionDescription(arena: tape.finish(), issues: issues)
  }

  mutating func parse(_ input: Input) {
    let root = tape.open(SessionDescription.Slot.session, fixedWords: 0)
    var media = -1
    while position < input.count {
      let start = position
      let letter = input[position]
      if letter < 0x20, letter == 0x0D || letter == 0x0A {
        // Empty lines mean nothing; some end a description with one.
        position += 1
        continue
      }
      guard isByte(input, position &+ 1, 0x3D) else {
        keep(input, start, SessionDescription.Slot.malformedLine, "a line begins with a letter and \"=\"")
        continue
      }
      if letter == 0x6D {
        if media >= 0 { tape.close(media) }
        media = tape.open(SessionDescription.Slot.media, fixedWords: 0)
      }
      let slot = Lines.slot(ofLetter: letter)
      if letter == 0x61 {
        order.follow(letter, at: start)
        position &+= 2
        parseAttribute(input, start)
      } else if slot == 0 {
        keep(input, start, SessionDescription.Slot.unknownLine, nil)
      } else {
        order.follow(letter, at: start)
        position &+= 2
        parseValue(input, slot, start)
      }
    }
    if media >= 0 { tape.close(media) }
    tape.close(root)
    validateOrder(input)
  }

  @inline(__always)
  private mutating func parseAttribute(_ input: Input, _ start: Int) {
    let nameStart = position
    guard Tokens.sdpToken(input, &position) else {
      keep(input, start, SessionDescription.Slot.malformedLine, "expected the name of an attribute")
      return
    }
    let nameEnd = position
    let slot = Lines.attributeSlot(input, nameStart, nameEnd)
    let hasValue = isByte(input, position, 0x3A)
    if slot != Lines.unknown, hasValue == Lines.hasValue(slot) {
      if hasValue {
        position &+= 1
        parseValue(input, slot, start)
      } else if takeEnd(input) {
        tape.close(tape.open(slot, fixedWords: 0))
      } else {
        keep(input, start, SessionDescription.Slot.malformedLine, "expected the end of the line")
      }
      return
    }
    if slot != Lines.unknown {
      keep(
        input, start, SessionDescription.Slot.malformedLine,
        hasValue ? "this attribute has no value" : "this attribute has a value")
      return
    }
    if !hasValue, !isEnd(input) {
      keep(input, start, SessionDescription.Slot.malformedLine, "expected \":\" or the end of the line")
      return
    }
    if hasValue { position &+= 1 }
    let valueStart = position
    let end = endOfLine(input)
    let node = tape.open(slot, fixedWords: 4)
    tape.set(node + 1, from: nameStart, to: nameEnd)
    if hasValue {
      tape.set(node + 3, from: valueStart, to: end)
    } else {
      tape.set(node + 3, Slice.absent)
    }
    tape.close(node)
  }

  @inline(__always)
  private mutating func parseValue(_ input: Input, _ slot: UInt32, _ start: Int) {
    let mark = tape.wordCount
    if Lines.parse(slot, input, &position, &tape), takeEnd(input) { return }
    let failure = tape.failure ?? ParseFailure(offset: position, expected: "the end of the line")
    tape.rewind(to: mark)
    keep(
      input, start, SessionDescription.Slot.malformedLine, "expected \(failure.expected)", offset: failure.offset,
      slot: slot)
  }

  private func isEnd(_ input: Input) -> Bool {
    position >= input.count || input[position] == 0x0A || input[position] == 0x0D
  }

  /// Takes CRLF, or LF alone (RFC 8866 §5), or the end of the input.
  @inline(__always)
  private mutating func takeEnd(_ input: Input) -> Bool {
    let end = position
    if isByte(input, end, 0x0D), isByte(input, end &+ 1, 0x0A) {
      position = end &+ 2
      return true
    }
    if isByte(input, end, 0x0A) {
      position = end &+ 1
      return true
    }
    return end >= input.count
  }

  private mutating func endOfLine(_ input: Input) -> Int {
    while position < input.count, input[position] != 0x0A, input[position] != 0x0D { position &+= 1 }
    let end = position
    if !takeEnd(input) { position += 1 }
    return end
  }

  /// Keeps a line as it came.
  @inline(never)
  private mutating func keep(
    _ input: Input, _ start: Int, _ kind: UInt32, _ message: String?, offset: Int? = nil, slot: UInt32 = 0
  ) {
    position = start
    let end = endOfLine(input)
    let node = tape.open(kind, fixedWords: 2)
    tape.set(node + 1, from: start, to: end)
    tape.close(node)
    guard let message else { return }
    let name = Lines.attributeName(slot)
    var location = "\(Character(Unicode.Scalar(slot == 0 ? peek(input, start) : Lines.letter(slot))))="
    if name.utf8CodeUnitCount > 0 { location += "\(name)" }
    issues.append(SDPIssue(layer: .syntax, location: location, offset: offset ?? start, message: message))
  }

  private mutating func validateOrder(_ input: Input) {
    if let wrong = order.firstWrong {
      let letter = peek(input, wrong)
      issues.append(
        SDPIssue(
          layer: .validation, location: "\(Character(Unicode.Scalar(letter)))=", offset: wrong,
          message: "this line may not stand here (RFC 8866 §9)"))
    } else if !order.isComplete {
      issues.append(
        SDPIssue(
          layer: .validation, location: "description", offset: input.count,
          message: "a line is missing: v=, o=, s= and t= are required (RFC 8866 §5)"))
    }
  }
}
