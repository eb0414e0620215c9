import CodecRuntime

/// Values, and how they become those of the other protocol.
extension Engine {
  /// What became of a value.
  enum Converted {
    case value(Value)
    /// The rows say that it is not written.
    case omitted
    /// The target's grammar does not allow it.
    case refused
  }

  /// The value as the field of the rule takes it, checked against the target's grammar.
  func convert(_ value: Value, _ rule: ValueRule) -> Converted {
    let (source, target) = (rule.source, rule.target)
    if case .number(let number) = value, target >= 0, rule.omitted.isEmpty, tables.fields[target].takes(number) {
      return .value(value)
    }
    var value = value
    if case .text(var slice) = value {
      if rule.flags.contains(.trim) { slice = trimmed(slice) }
      if rule.flags.contains(.upper) { slice = uppercased(slice) }
      value = .text(slice)
    }
    if !rule.omitted.isEmpty, isOneOf(rule.omitted, value, source) { return .omitted }
    guard target >= 0 else { return .value(value) }
    let result = checked(value, source, tables.fields[target], rule)
    // What is not written may be named as either side has it.
    if !rule.omitted.isEmpty, case .value(let converted) = result, isOneOf(rule.omitted, converted, target) {
      return .omitted
    }
    return result
  }

  private func checked(_ value: Value, _ source: Int, _ field: Field, _ rule: ValueRule) -> Converted {
    switch field.kind {
    case .text:
      let slice = asText(value, source)
      return matches(slice, field.token) ? .value(.text(slice)) : .refused
    case .number, .wide:
      guard let number = asNumber(value), field.numberBits >= 64 || number >> UInt64(field.numberBits) == 0 else {
        return .refused
      }
      return .value(.number(number))
    case .enumeration: return asCode(value, source, field, rule)
    case .flag, .list, .choice: return .refused
    }
  }

  private func isOneOf(_ texts: Range<Int>, _ value: Value, _ source: Int) -> Bool {
    for index in texts {
      let text = tables.texts[index]
      switch value {
      case .text(let slice): if equals(slice, text) { return true }
      case .number(let number):
        if isNumber(text, number) { return true }
      case .code(let code, let slice):
        if code == 0 {
          if equals(slice, text) { return true }
        } else if let name = name(of: code, source), isSame(name, text) {
          return true
        }
      }
    }
    return false
  }

  /// Whether a text is a number as it is written by itself.
  private func isNumber(_ text: StaticString, _ number: UInt64) -> Bool {
    var rest = number
    var index = text.utf8CodeUnitCount
    repeat {
      index -= 1
      guard index >= 0, text.utf8Start[index] == UInt8(truncatingIfNeeded: rest % 10) &+ 0x30 else { return false }
      rest /= 10
    } while rest > 0
    return index == 0
  }

  func isSame(_ left: StaticString, _ right: StaticString) -> Bool {
    left.utf8CodeUnitCount == right.utf8CodeUnitCount
      && isSame(UnsafeBufferPointer(start: left.utf8Start, count: left.utf8CodeUnitCount), right)
  }

  /// The name of a value of the enum that `field` holds.
  func name(of code: UInt32, _ field: Int) -> StaticString? {
    guard field >= 0 else { return nil }
    let index = Int(tables.fields[field].enumeration)
    guard index >= 0, code > 0, Int(code) <= tables.enums[index].names.count else { return nil }
    return tables.enums[index].names[Int(code) - 1]
  }

  /// The value as text; what is not there as text is appended to the tape.
  func asText(_ value: Value, _ source: Int) -> Slice {
    switch value {
    case .text(let slice): return slice
    case .number(let number): return append(decimal: number)
    case .code(let code, let slice):
      guard let name = name(of: code, source) else { return slice }
      return !slice.isAbsent && equals(slice, name) ? slice : append(name)
    }
  }

  func append(_ text: StaticString) -> Slice {
    tape.append(UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }

  func append(decimal number: UInt64) -> Slice {
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 20) { digits in
      var rest = number
      var start = digits.count
      repeat {
        start &-= 1
        digits[start] = UInt8(truncatingIfNeeded: rest % 10) &+ 0x30
        rest /= 10
      } while rest > 0
      return tape.append(UnsafeBufferPointer(rebasing: digits[start...]))
    }
  }

  /// A number in digits and letters, as short as can be.
  func append(short number: UInt64) -> Slice {
    let signs: StaticString = "0123456789abcdefghijklmnopqrstuvwxyz"
    // Two at a time, for each division by the radix has to wait for the one before. Thirteen are enough for any number.
    return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 14) { digits in
      var rest = number
      var start = digits.count
      repeat {
        let pair = UInt32(truncatingIfNeeded: rest % 1296)
        rest /= 1296
        start &-= 2
        digits[start] = signs.utf8Start[Int(pair / 36)]
        digits[start &+ 1] = signs.utf8Start[Int(pair % 36)]
      } while rest > 0
      if digits[start] == 0x30, start &+ 1 < digits.count { start &+= 1 }
      return tape.append(UnsafeBufferPointer(rebasing: digits[start...]))
    }
  }

  func asNumber(_ value: Value) -> UInt64? {
    switch value {
    case .number(let number): return number
    case .text(let slice), .code(_, let slice):
      return tape.withInput(of: slice) { input -> UInt64? in
        var position = 0
        guard let number = decimal(input, &position, maximum: .max), position == input.count else { return nil }
        return number
      }
    }
  }

  /// The number that an item of a list is, such as a payload type: a text of one to three digits, mostly.
  @inline(__always)
  func itemNumber(_ field: Int, in item: Int) -> UInt64? {
    if tables.fields[field].kind == .text {
      let slice = slice(at: item + 1 + tables.fields[field].word)
      if slice.length &- 1 < 3, let number = tape.withBytes(of: slice, { shortNumber($0) }) { return number }
    }
    return read(field, in: item).flatMap { asNumber($0) }
  }

  @inline(__always)
  private func shortNumber(_ bytes: UnsafeBufferPointer<UInt8>) -> UInt64? {
    var number: UInt64 = 0
    for byte in bytes {
      let digit = byte &- 0x30
      if digit > 9 { return nil }
      number = number &* 10 &+ UInt64(digit)
    }
    return number
  }

  private func asCode(_ value: Value, _ source: Int, _ field: Field, _ rule: ValueRule) -> Converted {
    guard field.enumeration >= 0 else { return .refused }
    let names = tables.enums[Int(field.enumeration)]
    switch value {
    case .number: return .refused
    case .code(let code, let slice) where code > 0:
      if rule.conversion >= 0 {
        let conversion = tables.conversions[rule.conversion]
        let codes = role == .initiator ? conversion.byInitiator : conversion.byResponder
        if Int(code) < codes.count, codes[Int(code)] > 0 { return .value(.code(UInt32(codes[Int(code)]), .absent)) }
      }
      if rule.flags.contains(.known) { return .omitted }
      return open(slice, names, field)
    case .code(_, let slice), .text(let slice):
      for index in 0..<names.names.count {
        let name = names.names[index]
        guard name.utf8CodeUnitCount == Int(slice.length), isName(slice, name, isExact: names.isExact) else { continue }
        return .value(.code(UInt32(index + 1), slice))
      }
      if rule.flags.contains(.known) { return .omitted }
      return open(slice, names, field)
    }
  }

  private func open(_ slice: Slice, _ names: EnumNames, _ field: Field) -> Converted {
    !slice.isAbsent && names.isOpen && matches(slice, field.token) ? .value(.code(0, slice)) : .refused
  }

  private func isName(_ slice: Slice, _ name: StaticString, isExact: Bool) -> Bool {
    if isExact { return equals(slice, name) }
    return tape.withBytes(of: slice) { bytes in
      guard bytes.count == name.utf8CodeUnitCount else { return false }
      for index in 0..<bytes.count where lowercased(bytes[index]) != lowercased(name.utf8Start[index]) { return false }
      return true
    }
  }

  /// Whether the token rule of a field matches the whole text.
  func matches(_ slice: Slice, _ token: Int16) -> Bool {
    token < 0 || tape.withInput(of: slice) { MappingTables.matches(token: Int(token), $0) }
  }

  /// Without white space at both ends.
  func trimmed(_ slice: Slice) -> Slice {
    tape.withBytes(of: slice) { bytes in
      var start = 0
      var end = bytes.count
      func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D }
      while start < end, isBlank(bytes[start]) { start += 1 }
      while end > start, isBlank(bytes[end - 1]) { end -= 1 }
      return Slice(offset: slice.offset &+ UInt32(start), length: UInt32(end - start))
    }
  }

  func uppercased(_ slice: Slice) -> Slice {
    guard tape.withBytes(of: slice, { hasLowercase($0) }) else { return slice }
    let copy = tape.withBytes(of: slice) { bytes in bytes.map { $0 &- 0x61 < 26 ? $0 & 0xDF : $0 } }
    return copy.withUnsafeBufferPointer { tape.append($0) }
  }

  /// Whether there is a small letter of ASCII: without branches, so that many bytes are looked at in one step.
  private func hasLowercase(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
    var lowest: UInt8 = .max
    for byte in bytes { lowest = min(lowest, byte &- 0x61) }
    return lowest < 26
  }

  // MARK: Conditions

  /// Whether a value is there and, where `when` or `unless` names one, is this one.
  func isThere(_ value: Value?, _ texts: Range<Int>?, _ field: Int) -> Bool {
    guard let value else { return false }
    return texts.map { isOneOf($0, value, field) } ?? true
  }

  /// Whether a text is one of those that stand for an absent one.
  func standsForNone(_ word: Int, _ texts: Range<Int>) -> Bool {
    let slice = slice(at: word)
    return texts.contains { equals(slice, tables.texts[$0]) }
  }

  /// A field of the node that is being written.
  func readBack(_ index: Int, in frame: Frame) -> Value? {
    let field = tables.fields[index]
    guard frame.index >= 0, frame.present & (1 << UInt64(field.ordinal & 63)) != 0 else { return nil }
    let word = frame.index + 1 + field.word
    switch field.kind {
    case .text: return .text(Slice(offset: tape.word(word), length: tape.word(word + 1)))
    case .number: return .number(UInt64(tape.word(word)))
    case .wide: return .number(UInt64(tape.word(word)) | UInt64(tape.word(word + 1)) << 32)
    case .enumeration:
      return .code(tape.word(word), Slice(offset: tape.word(word + 1), length: tape.word(word + 2)))
    case .flag: return .number(1)
    case .list, .choice: return nil
    }
  }
}
