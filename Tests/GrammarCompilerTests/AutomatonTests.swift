import Testing

@testable import GrammarCompiler

/// Tokens become small automata: what they match, and that they are as small as can be.
@Suite struct AutomatonTests {
  /// The automaton of the token rule `t`.
  private func automaton(_ rules: String, sourceLocation: SourceLocation = #_sourceLocation) throws -> Automaton {
    let compilation = compiled("framing t\n" + rules)
    #expect(compilation.renderedDiagnostics == "", sourceLocation: sourceLocation)
    return try #require(compilation.model.tokens["t"], sourceLocation: sourceLocation).automaton
  }

  /// How many bytes the longest match at the beginning of `text` takes.
  private func longestMatch(_ automaton: Automaton, _ text: String) -> Int? {
    var state = 0
    var longest = automaton.isAccepting[0] ? 0 : nil
    for (index, byte) in text.utf8.enumerated() {
      state = automaton.next(state, byte)
      if state < 0 { break }
      if automaton.isAccepting[state] { longest = index + 1 }
    }
    return longest
  }

  @Test func longestMatchCounts() throws {
    let automaton = try automaton(#"t = "a" / "ab" / "abcd""#)
    #expect(longestMatch(automaton, "a") == 1)
    #expect(longestMatch(automaton, "abc") == 2)
    #expect(longestMatch(automaton, "abcde") == 4)
    #expect(longestMatch(automaton, "b") == nil)
  }

  @Test func aMatchMayReachBeyondAPointWhereItCouldEnd() throws {
    // RFC 3261 §25.1: the last label of a host name begins with a letter.
    let automaton = try automaton(
      """
      t = *( label "." ) top [ "." ]
      label = alphanum / alphanum *( alphanum / "-" ) alphanum
      top = ALPHA / ALPHA *( alphanum / "-" ) alphanum
      alphanum = ALPHA / DIGIT
      ALPHA = %x41-5A / %x61-7A
      DIGIT = %x30-39
      """)
    #expect(longestMatch(automaton, "example.org.") == 12)
    #expect(longestMatch(automaton, "example.7-") == 8)
    #expect(longestMatch(automaton, "3com.example") == 12)
    #expect(longestMatch(automaton, "10.1.2.3") == nil)
  }

  @Test func stringsAreComparedWithoutRegardToCase() throws {
    let automaton = try automaton(#"t = "sIp:""#)
    for text in ["sip:", "SIP:", "Sip:"] { #expect(automaton.accepts(text.utf8)) }
    #expect(!automaton.accepts("sip;".utf8))
    #expect(automaton.stateCount == 5)
  }

  @Test func exactStringsAndBytesAreComparedWithRegardToCase() throws {
    let exact = try automaton(#"t = %s"GMT" %x61 %d66"#)
    #expect(exact.accepts("GMTaB".utf8))
    for text in ["gmtaB", "GMTAB", "GMTab"] { #expect(!exact.accepts(text.utf8)) }
  }

  @Test func onlyLettersHaveACase() throws {
    // "@" and "`", "[" and "{" differ by the bit that makes a letter small.
    let automaton = try automaton(#"t = "@[a""#)
    #expect(automaton.accepts("@[A".utf8))
    #expect(!automaton.accepts("`{a".utf8))
  }

  @Test func repetitionsAreCounted() throws {
    let automaton = try automaton(#"t = 2*4"a""#)
    let accepted = (0...6).filter { automaton.accepts([UInt8](repeating: 0x61, count: $0)) }
    #expect(accepted == [2, 3, 4])
  }

  @Test func optionalPartsOfARepetition() throws {
    let automaton = try automaton(#"t = 1*3( "a" [ "b" ] )"#)
    for text in ["a", "ab", "aab", "ababab"] { #expect(automaton.accepts(text.utf8)) }
    for text in ["", "b", "abb", "abababa"] { #expect(!automaton.accepts(text.utf8)) }
  }

  @Test func equalStatesAreOne() throws {
    #expect(try automaton(#"t = "ax" / "bx" / "cx""#).stateCount == 3)
    #expect(try automaton(#"t = *( "a" / "b" ) / "a" *( "b" / "a" ) / "b""#).stateCount == 1)
    #expect(try automaton(#"t = 1*( "a" / "aa" / "aaa" )"#).stateCount == 2)
  }

  @Test func bytesThatNeverDifferAreOneClass() throws {
    #expect(try automaton("t = 1*%x61-7A").classCount == 2)
    #expect(try automaton("t = 1*%x00-FF").classCount == 1)
    // Letters in two cases, a digit, all others.
    #expect(try automaton(#"t = "a" 1*%x30-39"#).classCount == 3)
  }

  @Test func spellingDoesNotChangeTheAutomaton() throws {
    let one = try automaton(#"t = *( "," "a" ) [ "b" ]"#)
    let other = try automaton(
      """
      t = rest / rest "b"
      rest = [ 1*( comma "a" ) ]
      comma = %x2C
      """)
    #expect(one.transitions == other.transitions)
    #expect(one.classes == other.classes)
    #expect(one.isAccepting == other.isAccepting)
  }

  @Test func toleratedTextIsMatchedToo() throws {
    let automaton = try automaton(#"t = "lr" tolerate "lr=on" tolerate "lr=true""#)
    for text in ["lr", "lr=on", "LR=TRUE"] { #expect(automaton.accepts(text.utf8)) }
    #expect(!automaton.accepts("lr=".utf8))
  }

  @Test func incrementalAlternatives() throws {
    let automaton = try automaton(
      """
      t = "a"
      t =/ "b"
      T =/ "c"
      """)
    for text in ["a", "b", "c"] { #expect(automaton.accepts(text.utf8)) }
  }

  @Test func commonPrefixIsTheShortestTextThatBeginsWithBoth() throws {
    let at = try automaton(#"t = 1*%x61-7A "@""#)
    let dot = try automaton(#"t = 1*%x61-7A "." "#)
    let letters = try automaton(#"t = 1*%x61-7A"#)
    #expect(at.commonPrefix(with: dot) == nil)
    #expect(at.commonPrefix(with: letters) == Array("a@".utf8))
    #expect(letters.commonPrefix(with: dot) == Array("a.".utf8))
    #expect(letters.commonPrefix(with: letters) == Array("a".utf8))
  }

  @Test func boundsHold() {
    let byte = Regex.set(ByteSet([0x61]))
    #expect(Automaton(.repetition(byte, minimum: 3000, maximum: 3000)) == nil)
    #expect(Regex.repetition(.repetition(byte, minimum: 0, maximum: .max), minimum: 3, maximum: nil).positions == .max)
    // Each byte wants another one behind it, and so is a class of its own.
    let pairs = (0..<200).map { number in
      Regex.sequence([.set(ByteSet([UInt8(number)])), .set(ByteSet([UInt8(number + 1)]))])
    }
    #expect(Automaton(.choice(pairs)) == nil)
    #expect(Automaton(.choice(Array(pairs.prefix(100))))?.classCount == 102)
  }

  @Test func setsOfBytes() {
    let all = ByteSet.all
    let edges = ByteSet([0, 63, 64, 127, 128, 191, 192, 255])
    #expect(all.count == 256)
    #expect(edges.bytes == [0, 63, 64, 127, 128, 191, 192, 255])
    #expect(all.subtracting(edges).count == 248)
    #expect(all.intersection(edges) == edges)
    #expect(edges.union(all.subtracting(edges)) == all)
    #expect(!edges.contains(1))
    #expect(ByteSet().isEmpty)
  }
}
