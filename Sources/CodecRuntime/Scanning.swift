#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// What generated parsers read from: the whole message.
public typealias Input = Span<UInt8>

/// Skips the bytes whose entry in `table` has a bit of `mask`; tells whether there were at least `minimum`.
///
/// `table` has 256 bytes below 128, one for each byte.
@inlinable @inline(__always)
public func scan(
  _ input: Input, _ position: inout Int, _ table: StaticString, _ mask: UInt8, minimum: Int
) -> Bool {
  let start = position
  position = endOfRun(input, start, table, mask)
  return position &- start >= minimum
}

/// The same for at most `maximum` bytes.
@inlinable @inline(__always)
public func scan(
  _ input: Input, _ position: inout Int, _ table: StaticString, _ mask: UInt8, minimum: Int, maximum: Int
) -> Bool {
  let start = position
  let end = min(endOfRun(input, start, table, mask), start &+ maximum)
  position = end
  return end &- start >= minimum
}

/// Where the bytes from `start` on whose entry in `table` has a bit of `mask` end.
@inlinable @inline(__always)
public func endOfRun(_ input: Input, _ start: Int, _ table: StaticString, _ mask: UInt8) -> Int {
  let entries = table.utf8Start
  var index = start
  // The one check of the bounds for four bytes. Positions are never negative: they start at 0 and only grow.
  while input.count &- index >= 4 {
    if entries[Int(input[unchecked: index])] & mask == 0 { return index }
    if entries[Int(input[unchecked: index &+ 1])] & mask == 0 { return index &+ 1 }
    if entries[Int(input[unchecked: index &+ 2])] & mask == 0 { return index &+ 2 }
    if entries[Int(input[unchecked: index &+ 3])] & mask == 0 { return index &+ 3 }
    index &+= 4
  }
  return endOfLastRun(input, index, table, mask)
}

/// ``endOfRun(_:_:_:_:)`` where the input has less than four bytes left.
@inline(never)
public func endOfLastRun(_ input: Input, _ start: Int, _ table: StaticString, _ mask: UInt8) -> Int {
  var index = start
  while index < input.count, table.utf8Start[Int(input[index])] & mask != 0 { index &+= 1 }
  return index
}

/// Whether `position` is that of a byte: one comparison.
@inlinable @inline(__always)
public func hasByte(_ input: Input, _ position: Int) -> Bool {
  UInt(bitPattern: position) < UInt(bitPattern: input.count)
}

/// Takes one byte whose entry in `table` has a bit of `mask`.
@inlinable @inline(__always)
public func take(_ input: Input, _ position: inout Int, _ table: StaticString, _ mask: UInt8) -> Bool {
  let index = position
  guard hasByte(input, index), table.utf8Start[Int(input[unchecked: index])] & mask != 0 else { return false }
  position = index &+ 1
  return true
}

/// Takes `byte`.
@inlinable @inline(__always)
public func take(_ input: Input, _ position: inout Int, _ byte: UInt8) -> Bool {
  let index = position
  guard hasByte(input, index), input[unchecked: index] == byte else { return false }
  position = index &+ 1
  return true
}

/// Whether `byte` stands at `position`.
@inlinable @inline(__always)
public func isByte(_ input: Input, _ position: Int, _ byte: UInt8) -> Bool {
  hasByte(input, position) && input[unchecked: position] == byte
}

/// Whether the entry in `table` of the byte at `position` has a bit of `mask`.
@inlinable @inline(__always)
public func isByte(_ input: Input, _ position: Int, _ table: StaticString, _ mask: UInt8) -> Bool {
  hasByte(input, position) && table.utf8Start[Int(input[unchecked: position])] & mask != 0
}

/// Whether one of the bytes from `start` up to `end` is `byte`.
public func contains(_ input: Input, from start: Int, to end: Int, _ byte: UInt8) -> Bool {
  precondition(start >= 0 && end <= input.count)
  guard start < end else { return false }
  return input.withUnsafeBufferPointer { bytes in
    bytes.baseAddress.map { memchr($0 + start, Int32(byte), end - start) != nil } ?? false
  }
}

/// The byte at `position`, or 0 at the end of the input: good for looking, not for knowing the end.
@inlinable @inline(__always)
public func peek(_ input: Input, _ position: Int) -> UInt8 {
  hasByte(input, position) ? input[unchecked: position] : 0
}

/// Skips spaces and tabs.
@inlinable @inline(__always)
public func skipBlanks(_ input: Input, _ position: inout Int) {
  var index = position
  while hasByte(input, index) {
    let byte = input[unchecked: index]
    if byte != 0x20, byte != 0x09 { break }
    index &+= 1
  }
  position = index
}

/// Takes `text` with regard to case.
@inlinable @inline(__always)
public func takeExact(_ input: Input, _ position: inout Int, _ text: StaticString) -> Bool {
  guard isExact(input, position, text) else { return false }
  position &+= text.utf8CodeUnitCount
  return true
}

/// Takes `text`, which is in lower case, without regard to the case of ASCII letters.
@inlinable @inline(__always)
public func takeIgnoringCase(_ input: Input, _ position: inout Int, _ text: StaticString) -> Bool {
  guard isIgnoringCase(input, position, text) else { return false }
  position &+= text.utf8CodeUnitCount
  return true
}

/// Whether `text`, which is in lower case, stands at `position`, without regard to the case of ASCII letters.
@inlinable @inline(__always)
public func isIgnoringCase(_ input: Input, _ position: Int, _ text: StaticString) -> Bool {
  isText(input, position, text, ignoringCase: true)
}

/// Whether `text` stands at `position`.
@inlinable @inline(__always)
public func isExact(_ input: Input, _ position: Int, _ text: StaticString) -> Bool {
  isText(input, position, text, ignoringCase: false)
}

/// Compares in steps of eight, four, two bytes and one; the literal's side of it is known when this is compiled.
@inlinable @inline(__always)
func isText(_ input: Input, _ position: Int, _ text: StaticString, ignoringCase: Bool) -> Bool {
  let count = text.utf8CodeUnitCount
  // The one check of the bounds.
  guard position >= 0, input.count &- position >= count else { return false }
  let bytes = input.bytes
  let literal = UnsafeRawPointer(text.utf8Start)
  var index = 0
  while count &- index >= 8 {
    let ours = literal.loadUnaligned(fromByteOffset: index, as: UInt64.self)
    var theirs = bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: position &+ index, as: UInt64.self)
    if ignoringCase { theirs |= caseBits(ours) }
    if theirs != ours { return false }
    index &+= 8
  }
  if count &- index >= 4 {
    let ours = literal.loadUnaligned(fromByteOffset: index, as: UInt32.self)
    var theirs = bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: position &+ index, as: UInt32.self)
    if ignoringCase { theirs |= UInt32(truncatingIfNeeded: caseBits(UInt64(ours))) }
    if theirs != ours { return false }
    index &+= 4
  }
  if count &- index >= 2 {
    let ours = literal.loadUnaligned(fromByteOffset: index, as: UInt16.self)
    var theirs = bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: position &+ index, as: UInt16.self)
    if ignoringCase { theirs |= UInt16(truncatingIfNeeded: caseBits(UInt64(ours))) }
    if theirs != ours { return false }
    index &+= 2
  }
  if index < count {
    let ours = literal.load(fromByteOffset: index, as: UInt8.self)
    var theirs = input[unchecked: position &+ index]
    if ignoringCase { theirs |= UInt8(truncatingIfNeeded: caseBits(UInt64(ours))) }
    if theirs != ours { return false }
  }
  return true
}

/// 0x20 in each byte of `bytes` (all below 128) that is a lower-case letter: what tells it from its capital.
@inlinable @inline(__always)
func caseBits(_ bytes: UInt64) -> UInt64 {
  let fromA = bytes &+ 0x1F1F_1F1F_1F1F_1F1F
  let behindZ = bytes &+ 0x0505_0505_0505_0505
  return (fromA & ~behindZ & 0x8080_8080_8080_8080) >> 2
}

/// Takes a number of decimal digits; `nil` where there is none or it is greater than `maximum`.
@inlinable @inline(__always)
public func decimal(_ input: Input, _ position: inout Int, maximum: UInt64) -> UInt64? {
  let start = position
  var index = start
  var value: UInt64 = 0
  while hasByte(input, index) {
    let digit = input[unchecked: index] &- 0x30
    if digit > 9 { break }
    value = value &* 10 &+ UInt64(digit)
    index &+= 1
  }
  // Nineteen digits cannot overflow.
  if index &- start > 19 { return longDecimal(input, &position, index, maximum: maximum) }
  guard index > start, value <= maximum else { return nil }
  position = index
  return value
}

/// A number of more than nineteen digits, up to `end`.
@inline(never)
public func longDecimal(_ input: Input, _ position: inout Int, _ end: Int, maximum: UInt64) -> UInt64? {
  var value: UInt64 = 0
  for index in position..<end {
    let (product, overflow) = value.multipliedReportingOverflow(by: 10)
    let (sum, carry) = product.addingReportingOverflow(UInt64(input[index] &- 0x30))
    if overflow || carry { return nil }
    value = sum
  }
  guard value <= maximum else { return nil }
  position = end
  return value
}

/// Runs the automaton of a token rule and takes the longest match.
///
/// States are numbered from 1; 0 is no way on. The first `accepting` states accept. `classes` has the class of each
/// byte, `transitions` `width` entries for each state; with `isWide` an entry has two bytes of seven bits.
@inlinable
public func runAutomaton(
  _ input: Input, _ position: inout Int, start: Int, accepting: Int, classes: StaticString, width: Int,
  transitions: StaticString, isWide: Bool
) -> Bool {
  let classes = classes.utf8Start
  let transitions = transitions.utf8Start
  let end = input.count
  var state = start
  var index = position
  var last = state <= accepting ? index : -1
  while index < end {
    let entry = (state &- 1) &* width &+ Int(classes[Int(input[unchecked: index])])
    if isWide {
      state = Int(transitions[entry &* 2]) << 7 | Int(transitions[entry &* 2 &+ 1])
    } else {
      state = Int(transitions[entry])
    }
    if state == 0 { break }
    index &+= 1
    if state <= accepting { last = index }
  }
  guard last >= 0 else { return false }
  position = last
  return true
}

/// Whether the input at `position` begins with a match of an automaton.
@inlinable
public func beginsAutomaton(
  _ input: Input, _ position: Int, start: Int, accepting: Int, classes: StaticString, width: Int,
  transitions: StaticString, isWide: Bool
) -> Bool {
  let classes = classes.utf8Start
  let transitions = transitions.utf8Start
  let end = input.count
  var state = start
  var index = position
  while index < end, state > accepting {
    let entry = (state &- 1) &* width &+ Int(classes[Int(input[index])])
    if isWide {
      state = Int(transitions[entry &* 2]) << 7 | Int(transitions[entry &* 2 &+ 1])
    } else {
      state = Int(transitions[entry])
    }
    if state == 0 { return false }
    index &+= 1
  }
  return state != 0 && state <= accepting
}

/// One step of an automaton: the state behind `state` and `byte`; −1 is before the first step, 0 no way on.
public func stepAutomaton(
  _ state: Int, _ byte: UInt8, start: Int, accepting: Int, classes: StaticString, width: Int,
  transitions: StaticString, isWide: Bool
) -> Int {
  let current = state < 0 ? start : state
  if current == 0 { return 0 }
  let entry = (current &- 1) &* width &+ Int(classes.utf8Start[Int(byte)])
  let transitions = transitions.utf8Start
  return isWide
    ? Int(transitions[entry &* 2]) << 7 | Int(transitions[entry &* 2 &+ 1]) : Int(transitions[entry])
}

/// Takes a `comment` of RFC 3261 §25.1: parentheses that nest, with quoted pairs.
public func takeNestedComment(_ input: Input, _ position: inout Int) -> Bool {
  guard peek(input, position) == 0x28, position < input.count else { return false }
  var index = position
  var depth = 0
  while index < input.count {
    let byte = input[index]
    index += 1
    switch byte {
    case 0x28: depth += 1
    case 0x29:
      depth -= 1
      if depth == 0 {
        position = index
        return true
      }
    case 0x5C:
      // quoted-pair = "\" (%x00-09 / %x0B-0C / %x0E-7F)
      guard index < input.count, input[index] != 0x0D, input[index] != 0x0A, input[index] < 0x80 else { return false }
      index += 1
    case 0x0D:
      // Only as a fold.
      guard peek(input, index) == 0x0A, peek(input, index + 1) == 0x20 || peek(input, index + 1) == 0x09 else {
        return false
      }
      index += 2
    case 0x00..<0x09, 0x0A..<0x20, 0x7F: return false
    default: break
    }
  }
  return false
}

/// Whether the token rule matches here; takes nothing.
@inlinable @inline(__always)
public func begins(_ input: Input, _ position: Int, _ token: (Input, inout Int) -> Bool) -> Bool {
  var ahead = position
  return token(input, &ahead)
}
