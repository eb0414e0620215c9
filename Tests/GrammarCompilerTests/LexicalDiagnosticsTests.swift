import GrammarCompiler
import Testing

/// What the lexer refuses: a character, a string, a byte.
@Suite struct LexicalDiagnosticsTests {
  @Test func unclosedString() {
    expectRefused(
      """
      header A = value:a
      a = "open
      b = "x"
      """,
      """
      a.grammar:2:5: error: this string is not closed on its line
      a = "open
          ^
      """)
  }

  @Test func unclosedStringAtEnd() {
    expectRefused(
      """
      header A = value:a
      a = "open
      """,
      """
      a.grammar:2:5: error: this string is not closed on its line
      a = "open
          ^
      """)
  }

  @Test func unclosedAngle() {
    expectRefused(
      """
      element a:b root
          <a:c
      """,
      """
      a.grammar:2:5: error: `<` is not closed by `>` on its line
          <a:c
          ^
      """)
  }

  @Test func badHex() {
    expectRefused(
      """
      header A = value:a
      a = %xZZ
      """,
      """
      a.grammar:2:7: error: `ZZ` is no byte in hexadecimal digits
      a = %xZZ
            ^
      """)
  }

  @Test func hexTooLarge() {
    expectRefused(
      """
      header A = value:a
      a = %x100
      """,
      """
      a.grammar:2:7: error: 100 is more than a byte holds, which is FF
      a = %x100
            ^
      """)
  }

  @Test func badDecimal() {
    expectRefused(
      """
      header A = value:a
      a = %d256 "x"
      """,
      """
      a.grammar:2:7: error: 256 is more than a byte holds, which is 255
      a = %d256 "x"
            ^
      """)
  }

  @Test func emptyHexPart() {
    expectRefused(
      """
      header A = value:a
      a = %x41. "b"
      """,
      """
      a.grammar:2:10: error: expected a byte in hexadecimal digits
      a = %x41. "b"
               ^
      """)
  }

  @Test func rangeBackwards() {
    expectRefused(
      """
      header A = value:a
      a = %x5A-41
      """,
      """
      a.grammar:2:5: error: this range ends before it begins
      a = %x5A-41
          ^
      """)
  }

  @Test func percentAlone() {
    expectRefused(
      """
      header A = value:a
      a = % "x"
      """,
      """
      a.grammar:2:5: error: `%` wants s, i, x, d or b directly behind it
      a = % "x"
          ^
      """)
  }

  @Test func percentAtEnd() {
    expectRefused(
      """
      header A = value:a
      a = %
      """,
      """
      a.grammar:2:5: error: `%` wants s, i, x, d or b directly behind it
      a = %
          ^
      """)
  }

  @Test func percentUnknown() {
    expectRefused(
      """
      header A = value:a
      a = %q41
      """,
      """
      a.grammar:2:5: error: `%` wants s, i, x, d or b directly behind it, not `q`
      a = %q41
          ^
      """)
  }

  @Test func percentSWithoutString() {
    expectRefused(
      """
      header A = value:a
      a = %sabc
      """,
      """
      a.grammar:2:5: error: `%s` wants a string behind it
      a = %sabc
          ^
      """)
  }

  @Test func oddCharacter() {
    expectRefused(
      """
      header A = value:a
      a = "x" & "y" & "z"
      b = $
      """,
      """
      a.grammar:2:9: error: the character `&` means nothing in a grammar
      a = "x" & "y" & "z"
              ^
      a.grammar:3:5: error: the character `$` means nothing in a grammar
      b = $
          ^
      """)
  }

  @Test func oddUnicode() {
    expectRefused(
      """
      header A = value:a
      a = “x”
      """,
      """
      a.grammar:2:5: error: the character `“` means nothing in a grammar; a string stands in straight quotes, `"`
      a = “x”
          ^
      """)
  }

  @Test func nonASCIIString() {
    expectRefused(
      """
      header A = value:a
      a = "ä"
      """,
      """
      a.grammar:2:5: error: a string of ABNF holds printable ASCII only (RFC 5234 §2.3)
      a = "ä"
          ^
      a.grammar:2:5: note: write the character `ä` as its bytes: `%xC3.A4`
      """)
  }

  @Test func nonASCIIExactString() {
    expectRefused(
      """
      header A = value:E
      enum E : text = "x" / "café"
      """,
      """
      a.grammar:2:23: error: a string of ABNF holds printable ASCII only (RFC 5234 §2.3)
      enum E : text = "x" / "café"
                            ^
      a.grammar:2:23: note: write the character `é` as its bytes: `%xC3.A9`
      """)
  }

  @Test func hugeNumber() {
    expectRefused(
      """
      header A = value:a
      a = 99999999999999999999"x"
      """,
      """
      a.grammar:2:5: error: the number 99999999999999999999 is too large
      a = 99999999999999999999"x"
          ^
      """)
  }

  @Test("What follows from a mistake is none: the end of a string, of prose on the next line") func oneOfALine() {
    expectRefused(
      """
      header A = value:a
      a = "x\\"y" / "z"
      b = <what a line
           holds> "c"
      c = "x" – "y"
      """,
      """
      a.grammar:2:16: error: this string is not closed on its line
      a = "x\\"y" / "z"
                     ^
      a.grammar:2:16: note: a string has no `\\"` in it: end it, write DQUOTE, and go on with another one
      a.grammar:3:5: error: `<` is not closed by `>` on its line
      b = <what a line
          ^
      a.grammar:5:9: error: the character `–` means nothing in a grammar; a hyphen is `-`
      c = "x" – "y"
              ^
      """)
  }

  @Test("The quotation mark that is missing is seldom the last one of the line") func quotationMarks() {
    expectRefused(
      """
      header A = value:a
      a = "x" / y" / "z"
      b = "x / "y"
      c = %s"x" / "y
      """,
      """
      a.grammar:2:12: error: this quotation mark ends a string that does not begin on its line
      a = "x" / y" / "z"
                 ^
      a.grammar:3:5: error: this string is not closed on its line
      b = "x / "y"
          ^
      a.grammar:4:13: error: this string is not closed on its line
      c = %s"x" / "y
                  ^
      """)
  }

  @Test("Other encodings and ends of lines") func encodings() {
    func said(_ bytes: [UInt8]) -> String {
      Compilation(files: [SourceFile(path: "a.grammar", area: "sip", text: bytes)], generating: ["sip"])
        .renderedDiagnostics
    }
    let text = "header A = value:token\r\ntoken = 1*%x61-7A\r\n"
    #expect(said([0xEF, 0xBB, 0xBF] + text.utf8) == "")
    #expect(
      said(Array(text.utf8) + [0x3B, 0x20, 0xFC, 0x0A]) == """
        a.grammar:3:3: error: a byte that is no UTF-8: the whole file is text in this encoding, its comments too
        ; \u{FFFD}
          ^

        """)
    let old = "token = 1*%x61-7A\r"
    #expect(
      said(Array(old.utf8)) == """
        a.grammar:1:1: error: the lines of this file end with carriage returns only; a line feed has to end each
        token = 1*%x61-7A
        ^

        """)
    #expect(
      said(Array("a\u{A0}= \"x\"\n".utf8)) == """
        a.grammar:1:2: error: the character U+00A0 means nothing in a grammar; write a space
        a\u{A0}= "x"
         ^

        """)
  }

}
