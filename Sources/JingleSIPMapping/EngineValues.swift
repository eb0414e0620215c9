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

  /// The value as the field `target` takes it, checked against the target's grammar.
  func convert(_ value: Value, from source: Int, to target: Int, _ step: Step) -> Converted {
    var value = value
    if case .text(var slice) = value {
      if step.flags.contains(.trim) { slice = trimmed(slice) }
      if step.flags.contains(.upper) { slice = uppercased(slice) }
      value = .text(slice)
    }
    if !step.omitted.isEmpty, isOneOf(step.omitted, value, source) { return .omitted }
    guard target >= 0 else { return .value(value) }
    let result = checked(value, source, tables.fields[target], step)
    // What is not written may be named as either side has it.
    if !step.omitted.isEmpty, case .value(let converted) = result, isOneOf(step.omitted, converted, target) {
      return .omitted
    }
    return result
  }

  private func checked(_ value: Value, _ source: Int, _ field: Field, _ step: Step) -> Converted {
    switch field.kind {
    case .text:
      let slice = asText(value, source)
      return matches(slice, field.token) ? .value(.text(slice)) : .refused
    case .number, .wide:
      guard let number = asNumber(value), field.numberBits >= 64 || number >> UInt64(field.numberBits) == 0 else {
        return .refused
      }
      return .value(.number(number))
    case .enumeration: return asCode(value, source, field, step)
    case .flag, .list, .choice: return .refused
    }
  }

  private func isOneOf(_ texts: Range<Int>, _ value: Value, _ source: Int) -> Bool {
    for index in texts {
      let text = tables.texts[index]
      switch value {
      case .text(let slice): if equals(slice, text) { return true }
      case .number(let number):
        if String(number) == "\(text)" { return true }
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

  func isSame(_ left: StaticString, _ right: StaticString) -> Bool {
    guard left.utf8CodeUnitCount == right.utf8CodeUnitCount else { return false }
    for index in 0..<left.utf8CodeUnitCount where left.utf8Start[index] != right.utf8Start[index] { return false }
    return true
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

  func append(decimal number: UInt64) -> Slice { tape.append(String(number)) }

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

  private func asCode(_ value: Value, _ source: Int, _ field: Field, _ step: Step) -> Converted {
    guard field.enumeration >= 0 else { return .refused }
    let names = tables.enums[Int(field.enumeration)]
    switch value {
    case .number: return .refused
    case .code(let code, let slice) where code > 0:
      if step.conversion >= 0 {
        let conversion = tables.conversions[step.conversion]
        let codes = role == .initiator ? conversion.byInitiator : conversion.byResponder
        if Int(code) < codes.count, codes[Int(code)] > 0 { return .value(.code(UInt32(codes[Int(code)]), .absent)) }
      }
      if step.flags.contains(.known) { return .omitted }
      return open(slice, names, field)
    case .code(_, let slice), .text(let slice):
      for (index, name) in names.names.enumerated() where isName(slice, name, isExact: names.isExact) {
        return .value(.code(UInt32(index + 1), slice))
      }
      if step.flags.contains(.known) { return .omitted }
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

  private func uppercased(_ slice: Slice) -> Slice {
    let isLower = tape.withBytes(of: slice) { $0.contains { $0 &- 0x61 < 26 } }
    guard isLower else { return slice }
    let copy = tape.withBytes(of: slice) { bytes in bytes.map { $0 &- 0x61 < 26 ? $0 & 0xDF : $0 } }
    return copy.withUnsafeBufferPointer { tape.append($0) }
  }

  // MARK: Conditions

  /// Whether `when` or `unless` holds. A field of SDP is looked for in `node`, be it read or written.
  func holds(_ step: Step, jingle: Int, sdp: (Int) -> Value?) -> Bool {
    guard step.conditionSDP >= 0 || step.conditionJingle >= 0 else { return true }
    let field = step.conditionJingle >= 0 ? step.conditionJingle : step.conditionSDP
    let value = step.conditionJingle >= 0 ? read(step.conditionJingle, in: jingle) : sdp(step.conditionSDP)
    var result = value != nil
    if let value, step.conditionText >= 0 {
      result = isOneOf(step.conditionText..<step.conditionText + 1, value, field)
    }
    return result != step.flags.contains(.negated)
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
