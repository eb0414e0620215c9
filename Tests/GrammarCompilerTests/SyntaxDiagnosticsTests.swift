import Testing

/// What the parser refuses: a declaration that is not written as it should be.
@Suite struct SyntaxDiagnosticsTests {
  @Test func repetitionOfNothing() {
    expectRefused(
      """
      header A = value:a
      a = 0*0"x"
      """,
      """
      a.grammar:2:7: error: what is repeated at most 0 times is never there
      a = 0*0"x"
            ^
      """)
  }

  @Test func noTimes() {
    expectRefused(
      """
      header A = value:a
      a = "x" 0"y"
      """,
      """
      a.grammar:2:9: error: what is repeated 0 times is never there
      a = "x" 0"y"
              ^
      """)
  }

  @Test func backwardsRepetition() {
    expectRefused(
      """
      header A = value:a
      a = 5*2"x"
      """,
      """
      a.grammar:2:7: error: at least 5 and at most 2: nothing is both
      a = 5*2"x"
            ^
      """)
  }

  @Test func numberAlone() {
    expectRefused(
      """
      header A = value:a
      a = 3
      """,
      """
      a.grammar:2:6: error: expected an expression, but the declaration ends
      a = 3
           ^
      """)
  }

  @Test func repetitionBeyondReason() {
    expectRefused(
      """
      header A = value:a
      a = 1*1000000"x"
      """,
      """
      a.grammar:2:7: error: a repetition is counted up to 65535
      a = 1*1000000"x"
            ^
      """)
  }

  @Test func declarationNotInTheFirstColumn() {
    expectRefused(
      """
       header A = value:a
      a = "x"
      """,
      """
      a.grammar:1:2: error: a declaration begins in the first column; an indented line continues the one above
       header A = value:a
       ^
      """)
  }

  @Test func unclosedGroup() {
    expectRefused(
      """
      header A = value:a
      a = ( "x" / "y"
      b = "z"
      """,
      """
      a.grammar:2:16: error: expected `)` to close the `(` of column 5, but the declaration ends
      a = ( "x" / "y"
                     ^
      """)
  }

  @Test func unclosedOptional() {
    expectRefused(
      """
      header A = value:a
      a = [ "x"
        / "y" )
      """,
      """
      a.grammar:3:9: error: expected `]` to close the `[` of line 2, column 5, found `)`
        / "y" )
              ^
      """)
  }

  @Test func emptyGroup() {
    expectRefused(
      """
      header A = value:a
      a = ( )
      """,
      """
      a.grammar:2:7: error: expected an expression, found `)`
      a = ( )
            ^
      """)
  }

  @Test func emptyAlternative() {
    expectRefused(
      """
      header A = value:a
      a = "x" / / "y"
      """,
      """
      a.grammar:2:11: error: expected an expression, found `/`
      a = "x" / / "y"
                ^
      """)
  }

  @Test func trailingSlash() {
    expectRefused(
      """
      header A = value:a
      a = "x" /
      b = "y"
      """,
      """
      a.grammar:2:10: error: expected an expression, but the declaration ends
      a = "x" /
               ^
      """)
  }

  @Test func noEquals() {
    expectRefused(
      """
      header A = value:a
      a "x"
      """,
      """
      a.grammar:2:3: error: expected `=` behind the name of the rule, found "x"
      a "x"
        ^
      a.grammar:2:3: note: what belongs to the declaration above is indented
      """)
  }

  @Test func ruleWithoutBody() {
    expectRefused(
      """
      header A = value:a
      a =
      b = "x"
      """,
      """
      a.grammar:2:4: error: expected an expression, but the declaration ends
      a =
         ^
      """)
  }

  @Test func garbageAfter() {
    expectRefused(
      """
      header A = value:a ) "x"
      a = "x"
      """,
      """
      a.grammar:1:20: error: expected the end of the declaration, found `)`
      header A = value:a ) "x"
                         ^
      """)
  }

  @Test func garbageAfterRule() {
    expectRefused(
      """
      header A = value:a
      a = "x" ]
      """,
      """
      a.grammar:2:9: error: expected the end of the rule, found `]`
      a = "x" ]
              ^
      """)
  }

  @Test func captureSpaced() {
    expectRefused(
      """
      header A = value: a
      a = "x"
      """,
      """
      a.grammar:1:19: error: expected the type of `value` directly behind its `:`, found `a`
      header A = value: a
                        ^
      """)
  }

  @Test func captureOfNothing() {
    expectRefused(
      """
      header A = value:/ "x"
      """,
      """
      a.grammar:1:18: error: expected an expression, found `/`
      header A = value:/ "x"
                       ^
      """)
  }

  @Test func captureOfCapture() {
    expectRefused(
      """
      header A = value:inner:token
      token = 1*%x61-7A
      """,
      """
      a.grammar:1:18: error: a capture captures a token or a rule, not another capture
      header A = value:inner:token
                       ^
      """)
  }

  @Test func writtenNoString() {
    expectRefused(
      """
      header A = value:a
      a = "x" written x
      """,
      """
      a.grammar:2:17: error: expected how the token is written, as a string, found `x`
      a = "x" written x
                      ^
      """)
  }

  @Test func writtenTwice() {
    expectRefused(
      """
      header A = value:a
      a = "x" / "y" written "x" written "y"
      """,
      """
      a.grammar:2:27: error: a token is written in one way only
      a = "x" / "y" written "x" written "y"
                                ^
      """)
  }

  @Test func asWithoutType() {
    expectRefused(
      """
      a as = "x"
      """,
      """
      a.grammar:1:6: error: expected the shape that this rule fills, found `=`
      a as = "x"
           ^
      """)
  }

  @Test func unknownDeclaration() {
    expectRefused(
      """
      headr A = value:a
      a = "x"
      """,
      """
      a.grammar:1:7: error: expected `=` behind the name of the rule, found `A`
      headr A = value:a
            ^
      a.grammar:1:7: note: no declaration begins with `headr`; did you mean `header`?
      """)
  }

  @Test func whenAlone() {
    expectRefused(
      """
      header A = [ when ] value:a
      a = "x"
      """,
      """
      a.grammar:1:19: error: expected the predicate, a token rule, found `]`
      header A = [ when ] value:a
                        ^
      """)
  }

  @Test func whenNoBody() {
    expectRefused(
      """
      header A = [ when a ] value:a
      a = "x"
      """,
      """
      a.grammar:1:21: error: expected an expression, found `]`
      header A = [ when a ] value:a
                          ^
      """)
  }

  @Test func whenMisplaced() {
    expectRefused(
      """
      header A = value:a when a "x"
      a = "x"
      """,
      """
      a.grammar:1:20: error: `when` stands at the beginning of `[ ]`, `( )` or an alternative
      header A = value:a when a "x"
                         ^
      """)
  }

  @Test func framingJunk() {
    expectRefused(
      """
      framing "x"
      """,
      """
      a.grammar:1:9: error: expected the name of a rule, found "x"
      framing "x"
              ^
      """)
  }

  @Test func afterMistake() {
    expectRefused(
      """
      header A = value:a )
      header B = value:
      header C = value:c
      b = %xZZ
      c = undefined-thing
      """,
      """
      a.grammar:1:20: error: expected the end of the declaration, found `)`
      header A = value:a )
                         ^
      a.grammar:2:18: error: expected the type of `value` directly behind its `:`, but the declaration ends
      header B = value:
                       ^
      a.grammar:4:7: error: `ZZ` is no byte in hexadecimal digits
      b = %xZZ
            ^
      """)
  }

  @Test func mistakeAtItsEndKeepsTheNext() {
    expectRefused(
      """
      header A = value:
      header B = value:tokn )
      """,
      """
      a.grammar:1:18: error: expected the type of `value` directly behind its `:`, but the declaration ends
      header A = value:
                       ^
      a.grammar:2:23: error: expected the end of the declaration, found `)`
      header B = value:tokn )
                            ^
      """)
  }

  @Test func emptyStringIsFine() {
    expectAccepted(
      """
      header A = value:a
      a = ""
      """)
  }

  @Test func decimalSequenceIsFine() {
    expectAccepted(
      """
      header A = value:1*DIGIT-TWO
      DIGIT-TWO = %d48.49
      """)
  }

  @Test func abnfFromAnRFCIsFine() {
    expectAccepted(
      """
      header A = value:date
      date = 3ALPHA "," %x20 2DIGIT / %d48.49 %b1100001-1111010 / %s"GMT" / 1*2( [ "x" ] ALPHA )
      ALPHA = %x41-5A / %x61-7A
      DIGIT = %x30-39
      DIGIT =/ "o"
      """)
  }

  @Test func bracketsBeyondReason() {
    let opening = String(repeating: "(", count: 20_000)
    let closing = String(repeating: ")", count: 20_000)
    expectRefused(
      "header A = value:a\na = \(opening)\"x\"\(closing)",
      """
      a.grammar:2:69: error: brackets are nested more than 64 deep
      a = \(opening)"x"\(closing)
      \(String(repeating: " ", count: 68))^
      a.grammar:2:69: note: give what stands in them a rule of its own
      """)
  }

  @Test func rulesBeyondReason() {
    let rules = (0..<20_000).map { "r\($0) = r\($0 + 1)\n" }.joined()
    expectRefused(
      "header A = value:r0\n\(rules)r20000 = \"x\"",
      """
      a.grammar:258:1: error: `r256` is built of more than 256 rules and brackets within each other
      r256 = r257
      ^
      a.grammar:258:1: note: write repetitions with `*` in place of rules that hold each other
      """)
  }

  @Test func aThousandAlternativesStandSideBySide() {
    expectAccepted("header A = value:a\na = \"x\"\n" + (0..<1000).map { "a =/ %x\(50 + $0 % 10)\n" }.joined())
  }
}
