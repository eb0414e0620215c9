#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Skips the bytes whose entry in `table` has a bit of `mask`; tells whether there were at least `minimum`.
///
/// `table` has 256 bytes below 128, one for each byte.
@inlinable @inline(__always)
public func scan(
  _ input: Input, _ position: inout Int, _ table: StaticString, _ mask: UInt8, minimum: Int
) -> Bool {
  let start = position
  if minimum == 1 {
    guard isByte(input, start, table, mask) else { return false }
    position = endOfRun(input, start &+ 1, table, mask)
    return true
  }
  position = endOfRun(input, start, table, mask)
  return position &- start >= minimum
}

/// Moves `position` to where a token that is not inlined ends; −1 says that it does not match.
@inlinable @inline(__always)
public func move(_ position: inout Int, to end: Int) -> Bool {
  guard end >= 0 else { return false }
  position = end
  return true
}

/// Where the bytes from `start` on whose entry in `table` has a bit of `mask` end; that of NUL has none, so that this
/// stops behind the input at the latest.
@inlinable @inline(__always)
public func endOfRun(_ input: Input, _ start: Int, _ table: StaticString, _ mask: UInt8) -> Int {
  let entries = table.utf8Start
  var index = start
  while true {
    if entries[Int(input[index])] & mask == 0 { return index }
    if entries[Int(input[index &+ 1])] & mask == 0 { return index &+ 1 }
    if entries[Int(input[index &+ 2])] & mask == 0 { return index &+ 2 }
    if entries[Int(input[index &+ 3])] & mask == 0 { return index &+ 3 }
    index &+= 4
  }
}

/// ``endOfRun(_:_:_:_:)`` for a set with NUL.
@inlinable
public func endOfRunWithNUL(_ input: Input, _ start: Int, _ table: StaticString, _ mask: UInt8) -> Int {
  let entries = table.utf8Start
  var index = start
  while hasByte(input, index), entries[Int(input[index])] & mask != 0 { index &+= 1 }
  return index
}

/// Whether `position` is that of a byte: one comparison.
@inlinable @inline(__always)
public func hasByte(_ input: Input, _ position: Int) -> Bool {
  UInt(bitPattern: position) < UInt(bitPattern: input.count)
}

/// Takes one byte whose entry in `table` has a bit of `mask`; that of NUL has none.
@inlinable @inline(__always)
public func take(_ input: Input, _ position: inout Int, _ table: StaticString, _ mask: UInt8) -> Bool {
  guard isByte(input, position, table, mask) else { return false }
  position &+= 1
  return true
}

/// Takes `byte`, which is not NUL.
@inlinable @inline(__always)
public func take(_ input: Input, _ position: inout Int, _ byte: UInt8) -> Bool {
  guard isByte(input, position, byte) else { return false }
  position &+= 1
  return true
}

/// Whether `byte`, which is not NUL, stands at `position`.
@inlinable @inline(__always)
public func isByte(_ input: Input, _ position: Int, _ byte: UInt8) -> Bool { input[position] == byte }

/// Whether the entry in `table` of the byte at `position` has a bit of `mask`; that of NUL has none.
@inlinable @inline(__always)
public func isByte(_ input: Input, _ position: Int, _ table: StaticString, _ mask: UInt8) -> Bool {
  table.utf8Start[Int(input[position])] & mask != 0
}

/// Whether one of the bytes from `start` up to `end` is `byte`.
public func contains(_ input: Input, from start: Int, to end: Int, _ byte: UInt8) -> Bool {
  precondition(start >= 0 && end <= input.count)
  guard start < end else { return false }
  // Within the input, as was just seen.
  return memchr(input.start + start, Int32(byte), end - start) != nil
}

/// The byte at `position`, or 0 at the end of the input: good for looking, not for knowing the end.
@inlinable @inline(__always)
public func peek(_ input: Input, _ position: Int) -> UInt8 { input[position] }

/// Where the first colon within 32 bytes from `start` on is; `start` where there is none.
@inlinable @inline(__always)
public func firstColon(_ input: Input, _ start: Int) -> Int {
  var offset = 0
  repeat {
    // A byte that is a colon becomes zero, and that sets its highest bit.
    let bytes = input.word(start &+ offset) ^ 0x3A3A_3A3A_3A3A_3A3A
    let zeros = (bytes &- 0x0101_0101_0101_0101) & ~bytes & 0x8080_8080_8080_8080
    if zeros != 0 { return start &+ offset &+ (zeros.trailingZeroBitCount &>> 3) }
    offset &+= 8
  } while offset < Input.padding
  return start
}

/// Sets the highest bit of those of sixteen bytes that are zero, and of no others.
@inlinable @inline(__always)
public func markZeros(_ bytes: SIMD16<UInt8>) -> SIMD16<UInt8> { (bytes &- 1) & ~bytes & 0x80 }

/// The number of the first of sixteen bytes that has its highest bit set; 16 where none has.
@inlinable @inline(__always)
public func firstMarked(_ bytes: SIMD16<UInt8>) -> Int {
  let halves = unsafeBitCast(bytes & 0x80, to: SIMD2<UInt64>.self)
  let low = UInt64(littleEndian: halves[0])
  if low != 0 { return low.trailingZeroBitCount &>> 3 }
  return 8 &+ UInt64(littleEndian: halves[1]).trailingZeroBitCount &>> 3
}

/// Skips spaces and tabs.
@inlinable @inline(__always)
public func skipBlanks(_ input: Input, _ position: inout Int) {
  var index = position
  while input[index] == 0x20 || input[index] == 0x09 { index &+= 1 }
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
  // Short ones end within the zeros behind the input at the latest, and have none themselves.
  if count > Input.padding, input.count &- position < count { return false }
  let bytes = UnsafeRawPointer(input.start + position)
  let literal = UnsafeRawPointer(text.utf8Start)
  var index = 0
  while count &- index >= 8 {
    let ours = literal.loadUnaligned(fromByteOffset: index, as: UInt64.self)
    var theirs = bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self)
    if ignoringCase { theirs |= caseBits(ours) }
    if theirs != ours { return false }
    index &+= 8
  }
  if count &- index >= 4 {
    let ours = literal.loadUnaligned(fromByteOffset: index, as: UInt32.self)
    var theirs = bytes.loadUnaligned(fromByteOffset: index, as: UInt32.self)
    if ignoringCase { theirs |= UInt32(truncatingIfNeeded: caseBits(UInt64(ours))) }
    if theirs != ours { return false }
    index &+= 4
  }
  if count &- index >= 2 {
    let ours = literal.loadUnaligned(fromByteOffset: index, as: UInt16.self)
    var theirs = bytes.loadUnaligned(fromByteOffset: index, as: UInt16.self)
    if ignoringCase { theirs |= UInt16(truncatingIfNeeded: caseBits(UInt64(ours))) }
    if theirs != ours { return false }
    index &+= 2
  }
  if index < count {
    let ours = literal.load(fromByteOffset: index, as: UInt8.self)
    var theirs = bytes.load(fromByteOffset: index, as: UInt8.self)
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
  while true {
    let digit = input[index] &- 0x30
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

/// Runs the automaton of a token rule: where its longest match ends, −1 where there is none.
///
/// States are numbered from 1; 0 is no way on. The first `accepting` states accept. `classes` has the class of each
/// byte, `transitions` `width` entries for each state; with `isWide` an entry has two bytes of seven bits.
@inlinable
public func runAutomaton(
  _ input: Input, _ position: Int, start: Int, accepting: Int, classes: StaticString, width: Int,
  transitions: StaticString, isWide: Bool
) -> Int {
  let classes = classes.utf8Start
  let transitions = transitions.utf8Start
  let end = input.count
  var state = start
  var index = position
  var last = state <= accepting ? index : -1
  while index < end {
    let entry = (state &- 1) &* width &+ Int(classes[Int(input[index])])
    if isWide {
      state = Int(transitions[entry &* 2]) << 7 | Int(transitions[entry &* 2 &+ 1])
    } else {
      state = Int(transitions[entry])
    }
    if state == 0 { break }
    index &+= 1
    if state <= accepting { last = index }
  }
  return last
}

/// The same for an automaton of which no match goes on after it has accepted.
@inlinable
public func runAutomatonOnce(
  _ input: Input, _ position: Int, start: Int, accepting: Int, classes: StaticString, width: Int,
  transitions: StaticString, isWide: Bool
) -> Int {
  let classes = classes.utf8Start
  let transitions = transitions.utf8Start
  let end = input.count
  var state = start
  var index = position
  while state > accepting, index < end {
    let entry = (state &- 1) &* width &+ Int(classes[Int(input[index])])
    if isWide {
      state = Int(transitions[entry &* 2]) << 7 | Int(transitions[entry &* 2 &+ 1])
    } else {
      state = Int(transitions[entry])
    }
    index &+= 1
  }
  return state > 0 && state <= accepting ? index : -1
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

/// Where the name of an attribute that a colon, a space or a line end follows ends: at the first of these, or at another
/// control character.
@inlinable @inline(__always)
public func endOfName(_ input: Input, _ start: Int) -> Int {
  var index = start
  while true {
    // Eight bytes in a step. The lowest mark is that of the first such byte; a byte above 0x7F has none.
    let word = input.word(index)
    let colons = (word ^ 0x3A3A_3A3A_3A3A_3A3A) &- 0x0101_0101_0101_0101
    let marks = (word &- 0x2121_2121_2121_2121 | colons) & ~word & 0x8080_8080_8080_8080
    // There is one at the latest in the zeros behind the input.
    if marks != 0 { return index &+ marks.trailingZeroBitCount &>> 3 }
    index &+= 8
  }
}

/// One step of an automaton: the state behind `state` and `byte`; −1 is before the first step, 0 no way on.
@inlinable @inline(__always)
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

/// Takes a `comment` of RFC 3261 §25.1: parentheses that nest, with quoted pairs. Most bytes mean nothing: those of which
/// the entry in `plain` has a bit of `mask`.
public func takeNestedComment(
  _ input: Input, _ position: inout Int, plain: StaticString, _ mask: UInt8
) -> Bool {
  guard input[position] == 0x28 else { return false }
  var index = position &+ 1
  var depth = 1
  while true {
    index = endOfRun(input, index, plain, mask)
    let byte = input[index]
    index &+= 1
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
      index &+= 1
    case 0x0D:
      // Only as a fold.
      guard input[index] == 0x0A, input[index &+ 1] == 0x20 || input[index &+ 1] == 0x09 else { return false }
      index &+= 2
    default: return false
    }
  }
}

/// Where an IPv4 address ends, four numbers of one to three digits; −1 where there is none.
public func endOfIPv4Address(_ input: Input, _ start: Int) -> Int {
  var index = start
  var numbers = 0
  while true {
    guard isDigit(input, index) else { return -1 }
    index &+= 1
    if isDigit(input, index) {
      index &+= 1
      if isDigit(input, index) { index &+= 1 }
    }
    numbers &+= 1
    if numbers == 4 { return index }
    guard input[index] == 0x2E else { return -1 }
    index &+= 1
  }
}

/// Whether a decimal digit stands at `position`.
@inlinable @inline(__always)
public func isDigit(_ input: Input, _ position: Int) -> Bool { input[position] &- 0x30 < 10 }

/// Whether the token rule matches here; takes nothing.
@inlinable @inline(__always)
public func begins(_ input: Input, _ position: Int, _ token: (Input, inout Int) -> Bool) -> Bool {
  var ahead = position
  return token(input, &ahead)
}

/// Whether the token rule matches so many bytes from `start` on, and no more.
public func isWhole(_ input: Input, from start: Int, count: Int, _ token: (Input, inout Int) -> Bool) -> Bool {
  var position = start
  return token(input, &position) && position == start + count
}
