import Testing

/// Choices, optional parts and repetitions that the next token does not decide.
@Suite struct DecisionDiagnosticsTests {
  @Test func undecidedOptional() {
    expectRefused(
      """
      header A = [ user:token "@" ] host:token
      token = 1*%x61-7A
      """,
      """
      a.grammar:1:14: error: undecided: this optional part and what follows it can both begin with "a"
      header A = [ user:token "@" ] host:token
                   ^
      a.grammar:1:14: note: a predicate would decide it: declare the token rule `user-ahead = token "@"` and write \
      `[ when user-ahead …`
      """)
  }

  @Test func undecidedChoice() {
    expectRefused(
      """
      header A = first:token / second:word
      token = 1*%x61-7A
      word = "w" token
      """,
      """
      a.grammar:1:12: error: undecided: this alternative and the one in column 26 can both begin with "w" "a"
      header A = first:token / second:word
                 ^
      a.grammar:1:12: note: a predicate would decide it: declare the token rule `first-ahead = token` and write `( \
      when first-ahead …`
      """)
  }

  @Test func undecidedOnOtherLine() {
    expectRefused(
      """
      header A = first:token
               / second:token
      token = 1*%x61-7A
      """,
      """
      a.grammar:1:12: error: undecided: this alternative and the one in line 2, column 12 can both begin with "a"
      header A = first:token
                 ^
      a.grammar:1:12: note: a predicate would decide it: declare the token rule `first-ahead = token` and write `( \
      when first-ahead …`
      """)
  }

  @Test func undecidedRepetition() {
    expectRefused(
      """
      header A = items:token *( items:token ) rest:token
      token = 1*%x61-7A
      """,
      """
      a.grammar:1:27: error: undecided: this repetition and what follows it can both begin with "a"
      header A = items:token *( items:token ) rest:token
                                ^
      a.grammar:1:27: note: a predicate would decide it: declare the token rule `items-ahead = token` and write `*( \
      when items-ahead …`
      """)
  }

  @Test func undecidedCommaList() {
    expectRefused(
      """
      header A = #items:token rest:token
      token = 1*%x61-7A
      COMMA = "," written ","
      """,
      """
      a.grammar:1:13: error: undecided: this list and what follows it can both begin with "a"
      header A = #items:token rest:token
                  ^
      a.grammar:1:13: note: a predicate would decide it: declare the token rule `items-ahead = token` and write `#( \
      when items-ahead …`
      """)
  }

  @Test func undecidedNullableOptional() {
    expectRefused(
      """
      header A = [ value:token ] "x"
      token = *%x61-7A
      """,
      """
      a.grammar:1:14: error: this optional part can be empty, so nothing tells whether it is there
      header A = [ value:token ] "x"
                   ^
      """)
  }

  @Test func undecidedAcrossRules() {
    expectRefused(
      """
      header A = pair:pair [ " " tail:token ]
      pair = key:token [ " " value:token ]
      token = 1*%x61-7A
      """,
      """
      a.grammar:2:20: error: undecided: this optional part and what follows it can both begin with SP "a"
      pair = key:token [ " " value:token ]
                         ^
      a.grammar:2:20: note: a predicate would decide it: declare the token rule `value-ahead = " " token` and write \
      `[ when value-ahead …`
      """)
  }

  @Test func undecidedLiterals() {
    expectRefused(
      """
      header A = ( "ab" one:UInt8 / "a" two:token )
      token = 1*%x61-7A
      """,
      """
      a.grammar:1:14: error: undecided: this alternative and the one in column 31 can both begin with "A" "B"
      header A = ( "ab" one:UInt8 / "a" two:token )
                   ^
      a.grammar:1:14: note: a predicate would decide it: declare the token rule `one-ahead = "ab" 1*DIGIT` and write \
      `( when one-ahead …`
      """)
  }

  @Test func twoWhiteSpaces() {
    expectRefused(
      """
      header A = a:token [ LWS b:token ] [ LWS "!" c:token ] [ LWS d:token ]
      token = 1*%x61-7A
      LWS = 1*" " written " "
      """,
      """
      a.grammar:1:22: error: undecided: this optional part and what follows it can both begin with SP "a"
      header A = a:token [ LWS b:token ] [ LWS "!" c:token ] [ LWS d:token ]
                           ^
      a.grammar:1:22: note: a predicate would decide it: declare the token rule `b-ahead = LWS token` and write `[ \
      when b-ahead …`
      """)
  }

  @Test func choiceCanBeEmpty() {
    expectRefused(
      """
      header A = ( first:word / second:token )
      word = *"x"
      token = 1*%x61-7A
      """,
      """
      a.grammar:1:14: error: undecided: this alternative and the one in column 27 can both begin with "x" CR LF %x0
      header A = ( first:word / second:token )
                   ^
      a.grammar:1:14: note: a predicate would decide it: declare the token rule `first-ahead = word` and write `( \
      when first-ahead …`
      """)
  }

  @Test func commaInOwnWords() {
    expectRefused(
      """
      header A = #( when ahead items:token )
      ahead = "x"
      token = *%x61-7A
      COMMA = "," written ","
      """,
      """
      a.grammar:1:12: error: this repeats something that can be empty
      header A = #( when ahead items:token )
                 ^
      """)
  }

  @Test func guardedAfter() {
    expectRefused(
      """
      header A = ( first:token / when ahead second:token )
      ahead = "x"
      token = 1*%x61-7A
      """,
      """
      a.grammar:1:28: error: this alternative would never be asked for: alternatives with `when` come first
      header A = ( first:token / when ahead second:token )
                                 ^
      """)
  }

  @Test func predicateShape() {
    expectRefused(
      """
      header A = [ when pair value:token ] "x"
      pair = a:token
      token = 1*%x61-7A
      """,
      """
      a.grammar:1:19: error: a predicate is a token rule, and `pair` has captures
      header A = [ when pair value:token ] "x"
                        ^
      """)
  }

  @Test func whenInMiddle() {
    expectRefused(
      """
      header A = value:token ( when x "x" value2:token )
      x = "x"
      token = 1*%x61-7A
      """,
      """
      a.grammar:1:26: error: `when` stands at the beginning of `[ ]`, `( )` or an alternative
      header A = value:token ( when x "x" value2:token )
                               ^
      """)
  }

  @Test func predicateDecides() {
    expectAccepted(
      """
      header A = [ when user-ahead user:token "@" ] host:token
      token = 1*%x61-7A
      user-ahead = token "@"
      """)
  }

  @Test func guardedChoiceIsFine() {
    expectAccepted(
      """
      header A = ( when first-ahead first:token / second:word )
      first-ahead = "f"
      token = 1*%x61-7A
      word = *%x61-7A
      """)
  }

  @Test func whiteSpaceDecidesNothingIsFine() {
    expectAccepted(
      """
      header A = a:token [ LWS b:token ]
      token = 1*%x61-7A
      LWS = 1*" " written " "
      """)
  }
}
