/// Prints the type of an enum.
struct EnumEmitter {
  let tokens: TokenEmitter

  /// Whether a known value can be told without reading to its end first: what follows its name decides.
  static func isTakenWhole(_ type: EnumType) -> Bool { onward(type) != nil }

  /// The bytes that may carry on with a known value; `nil` where not each of them is a match.
  private static func onward(_ type: EnumType) -> ByteSet? {
    let automaton = type.token.automaton
    guard type.cases.count <= 40 else { return nil }
    var onward = ByteSet()
    for entry in type.cases {
      var state = 0
      for byte in entry.name.utf8 {
        let isLetter = (0x61...0x7A).contains(byte | 0x20)
        let next = automaton.next(state, byte)
        guard next >= 0, type.isExact || !isLetter || automaton.next(state, byte ^ 0x20) == next else { return nil }
        state = next
      }
      guard automaton.isAccepting[state] else { return nil }
      onward = onward.union(automaton.leaving(state))
    }
    return onward
  }

  func emit(_ type: EnumType, to text: inout SourceText) {
    text.documentation(type.comment, fallback: "`\(type.name)`")
    text.block("public enum \(type.typeName): ArenaEnum") { text in
      for entry in type.cases {
        text.line("/// `\(entry.name)`")
        text.line("case \(Naming.escaped(entry.caseName))")
      }
      if type.isOpen {
        text.line("/// A value that the grammar does not name.")
        text.line("case other(Text)")
      }
      text.line()
      text.block("public init(arena: Arena, at index: Int)") { text in
        text.line("switch arena.word(index) {")
        for (number, entry) in type.cases.enumerated() {
          if !type.isOpen, number == type.cases.count - 1 { break }
          text.line("case \(number + 1): self = .\(Naming.escaped(entry.caseName))")
        }
        if type.isOpen {
          text.line("default: self = .other(arena.text(at: index + 1))")
        } else if let last = type.cases.last {
          text.line("default: self = .\(Naming.escaped(last.caseName))")
        }
        text.line("}")
      }
      text.line()
      text.line("/// The value that is written `name`\(type.isOpen ? "" : ", if there is one").")
      text.block("public init\(type.isOpen ? "" : "?")(_ name: String)") { text in
        text.line("switch name.asInput({ \(type.typeName).code($0, 0, $0.count) }) {")
        for (number, entry) in type.cases.enumerated() {
          text.line("case \(number + 1): self = .\(Naming.escaped(entry.caseName))")
        }
        text.line(type.isOpen ? "default: self = .other(Text(name))" : "default: return nil")
        text.line("}")
      }
      text.line()
      text.block("public var name: String") { text in
        text.line("switch self {")
        for entry in type.cases {
          text.line("case .\(Naming.escaped(entry.caseName)): \(SourceText.literal(entry.name))")
        }
        if type.isOpen { text.line("case .other(let text): text.string") }
        text.line("}")
      }
      text.line()
      text.line("/// The number by which an arena knows the value; 0 for an unknown one.")
      text.block("var code: UInt32") { text in
        text.line("switch self {")
        for (number, entry) in type.cases.enumerated() {
          text.line("case .\(Naming.escaped(entry.caseName)): \(number + 1)")
        }
        if type.isOpen { text.line("case .other: 0") }
        text.line("}")
      }
      text.line()
      text.block("static func write(_ arena: Arena, _ index: Int, to output: inout Output)") { text in
        text.line("switch arena.word(index) {")
        for (number, entry) in type.cases.enumerated() {
          text.line("case \(number + 1): \(WriterEmitter.append(Array(entry.name.utf8)))")
        }
        text.line("default: output.append(arena, arena.slice(at: index + 1))")
        text.line("}")
      }
      text.line()
      NameDispatch(
        names: type.cases.enumerated().map { ($0.element.name, $0.offset + 1) }, fallback: 0, isExact: type.isExact
      ).emit("\(type.cases.count <= 16 ? "@inline(__always) " : "")static func code", to: &text)
      if let onward = Self.onward(type) {
        text.line()
        emitTake(type, onward, to: &text)
      }
    }
  }

  private func emitTake(_ type: EnumType, _ onward: ByteSet, to text: inout SourceText) {
    text.line("/// Takes a name that the grammar has and returns its number; 0: there is none, and nothing is taken.")
    let inlining = type.cases.count <= 16 ? "@inline(__always) " : ""
    text.block("\(inlining)static func take(_ input: Input, _ position: inout Int) -> UInt32") { text in
      text.line("let start = position")
      NameDispatch(
        names: type.cases.enumerated().map { ($0.element.name, $0.offset + 1) }, fallback: 0, isExact: type.isExact
      ).emitBeginnings(start: "start", to: &text) { number, tests, text in
        text.block("if \(tests.joined(separator: ", "))") { text in
          text.line("position = start &+ \(type.cases[number - 1].name.utf8.count)")
          if onward.isEmpty {
            text.line("return \(number)")
          } else {
            text.line("if !\(tokens.isByte(onward, at: "position")) { return \(number) }")
          }
        }
      }
      text.line("position = start")
      text.line("return 0")
    }
  }
}
