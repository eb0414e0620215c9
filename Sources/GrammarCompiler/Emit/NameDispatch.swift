/// Prints a function that looks up a name by its length and then eight bytes at a time.
struct NameDispatch {
  var names: [(name: String, slot: Int)]
  var fallback: Int
  var isExact = false

  /// A function that returns the number of a name.
  func emit(_ declaration: String, to text: inout SourceText) {
    text.line(
      "/// The number of the name from `start` up to `end`; \(fallback) for one that the grammar does not have.")
    text.block("\(declaration)(_ input: Input, _ start: Int, _ end: Int) -> UInt32") { text in
      if names.isEmpty {
        text.line("\(fallback)")
        return
      }
      emitSwitch(end: "end", to: &text) { $1.line("return \($0)") }
      text.line("return \(fallback)")
    }
  }

  /// A switch over the name from `start` up to `end`. `found` prints what is done for the name of a slot; it has to leave
  /// the function.
  func emitSwitch(end: String, to text: inout SourceText, found: (Int, inout SourceText) -> Void) {
    if names.isEmpty { return }
    text.line("switch \(end) &- start {")
    let lengths = Dictionary(grouping: names) { $0.name.utf8.count }
    for (length, entries) in lengths.sorted(by: { $0.key < $1.key }) {
      text.line("case \(length):")
      text.indented { text in emit(entries, length, to: &text, found: found) }
    }
    text.line("default: break")
    text.line("}")
  }

  /// A switch over the first byte of the name at `start`, whose end is not known yet. `found` prints what is done where
  /// all of its tests tell that the name of a slot begins here.
  func emitBeginnings(
    start: String, label: String = "", to text: inout SourceText, found: (Int, [String], inout SourceText) -> Void
  ) {
    if names.isEmpty { return }
    text.line("\(label)switch input[\(start)] | 0x20 {")
    let groups = Dictionary(grouping: names) { key($0.name)[0] | 0x20 }
    for (byte, entries) in groups.sorted(by: { $0.value[0].slot < $1.value[0].slot }) {
      text.line("case \(Self.hex(UInt64(byte))):")
      text.indented { text in
        for entry in entries {
          text.line("// \(entry.name)")
          found(entry.slot, conditions(key(entry.name), start: start, isBegun: false), &text)
        }
      }
    }
    text.line("default: break")
    text.line("}")
  }

  private func emit(
    _ entries: [(name: String, slot: Int)], _ length: Int, to text: inout SourceText,
    found: (Int, inout SourceText) -> Void
  ) {
    guard length > 0 else { return text.line("break") }
    let size = min(length, 8)
    let all = UInt64.max >> UInt64(64 - 8 * size)
    // A capital differs from its small letter by 0x20. Other bytes differ by as much too: where a name has any, the
    // comparison is made once more without them.
    let fold = 0x2020_2020_2020_2020 & all
    var subject = "input.word(start)"
    if size < 8 { subject += " & \(Self.hex(all))" }
    if !isExact { subject += " | \(Self.hex(fold))" }
    text.line("switch \(subject) {")
    let groups = Dictionary(grouping: entries) { Self.word(key($0.name), 0, size) | (isExact ? 0 : fold) }
    for (value, group) in groups.sorted(by: { $0.value[0].slot < $1.value[0].slot }) {
      let shown = group.count == 1 ? "  // \(group[0].name)" : ""
      text.line("case \(Self.hex(value)):\(shown)")
      text.indented { text in
        for entry in group {
          if group.count > 1 { text.line("// \(entry.name)") }
          let tests = conditions(key(entry.name), start: "start", isBegun: true)
          if tests.isEmpty {
            found(entry.slot, &text)
          } else {
            text.block("if \(tests.joined(separator: ", "))") { found(entry.slot, &$0) }
          }
        }
      }
    }
    text.line("default: break")
    text.line("}")
  }

  private func key(_ name: String) -> [UInt8] { Array((isExact ? name : name.asciiLowercased).utf8) }

  /// What has to be tested; where it `isBegun`, the folded first word was compared before.
  private func conditions(_ name: [UInt8], start begin: String, isBegun: Bool) -> [String] {
    var result: [String] = []
    let size = min(name.count, 8)
    var offset = 0
    while offset < name.count {
      // The last word overlaps the one before.
      let start = offset > 0 && offset + 8 > name.count ? name.count - 8 : offset
      let word = Self.word(name, start, size)
      let letters = isExact ? 0 : Self.letters(word)
      let isKnown =
        isBegun && offset == 0
        && (isExact || letters == 0x2020_2020_2020_2020 & (UInt64.max >> UInt64(64 - 8 * size)))
      if !isKnown {
        var subject = "input.word(\(begin)\(start == 0 ? "" : " &+ \(start)"))"
        if size < 8 { subject += " & \(Self.hex(UInt64.max >> UInt64(64 - 8 * size)))" }
        if letters != 0 { subject += " | \(Self.hex(letters))" }
        result.append("\(subject) == \(Self.hex(word))")
      }
      offset = start + 8
    }
    return result
  }

  private static func word(_ name: [UInt8], _ start: Int, _ size: Int) -> UInt64 {
    name[start..<(start + size)].reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  /// 0x20 for each letter of a word in lower case.
  private static func letters(_ word: UInt64) -> UInt64 {
    (0..<8).reduce(0) { result, index in
      let byte = UInt8(truncatingIfNeeded: word >> UInt64(8 * index))
      return (0x61...0x7A).contains(byte) ? result | 0x20 << UInt64(8 * index) : result
    }
  }

  private static func hex(_ value: UInt64) -> String { "0x" + String(value, radix: 16) }
}

extension String {
  /// Lower case of the ASCII letters; the standard library alone knows all others too.
  var asciiLowercased: String { String(decoding: utf8.map(ParserEmitter.lowercased), as: UTF8.self) }
}
