import Testing

/// What is no token: recursion, empty repetitions, prose, tokens beyond all bounds.
@Suite struct TokenDiagnosticsTests {
  @Test func leftRecursionToken() {
    expectRefused(
      """
      header A = value:list
      list = list "," "x" / "x"
      """,
      """
      a.grammar:2:1: error: the token rule `list` refers to itself (list → list); a token rule is regular
      list = list "," "x" / "x"
      ^
      a.grammar:2:1: note: write the repetition with `*`: `item *( separator item )`
      """)
  }

  @Test func leftRecursionIndirect() {
    expectRefused(
      """
      header A = value:a
      a = b "x"
      b = c
      c = "y" a
      """,
      """
      a.grammar:2:1: error: the token rule `a` refers to itself (a → b → c → a); a token rule is regular
      a = b "x"
      ^
      a.grammar:2:1: note: write the repetition with `*`: `item *( separator item )`
      """)
  }

  @Test func emptyRepetitionToken() {
    expectRefused(
      """
      header A = value:a
      a = *( *"x" )
      """,
      """
      a.grammar:2:5: error: this repeats something that can be empty
      a = *( *"x" )
          ^
      """)
  }

  @Test func emptyRepetitionTokenRule() {
    expectRefused(
      """
      header A = value:a
      a = 1*b
      b = [ "x" ]
      """,
      """
      a.grammar:2:5: error: this repeats something that can be empty
      a = 1*b
          ^
      """)
  }

  @Test func emptyRepetitionBoundedIsFine() {
    expectAccepted(
      """
      header A = value:a
      a = *3[ "x" ] "y"
      """)
  }

  @Test func writtenNoMatch() {
    expectRefused(
      """
      header A = value:token SEP other:token
      token = 1*%x61-7A
      SEP = ":" written ";"
      """,
      """
      a.grammar:3:1: error: `SEP` does not match ";", as which it is to be written
      SEP = ":" written ";"
      ^
      """)
  }

  @Test func whenInToken() {
    expectRefused(
      """
      header A = value:token
      token = when x "x"
      x = "x"
      """,
      """
      a.grammar:2:14: error: a token rule is matched by the longest text; `when` belongs into a shape
      token = when x "x"
                   ^
      """)
  }

  @Test func prose() {
    expectRefused(
      """
      header A = value:a
      a = <any text>
      """,
      """
      a.grammar:2:5: error: `<any text>` says in words what is meant, and words are not compiled
      a = <any text>
          ^
      a.grammar:2:5: note: write it as ABNF, such as `1*%x21-7E` for visible characters
      """)
  }

  @Test func proseInside() {
    expectRefused(
      """
      header A = value:a
      a = "x" <nested comment>
      """,
      """
      a.grammar:2:9: error: `<nested comment>` stands alone in its rule
      a = "x" <nested comment>
              ^
      """)
  }

  @Test func nestedCommentPart() {
    expectRefused(
      """
      header A = value:a
      a = "x" comment
      comment = <nested comment>
      """,
      """
      a.grammar:2:9: error: `comment` is nested and so no part of a token; capture it in a shape
      a = "x" comment
              ^
      """)
  }

  @Test func nestedRepetitions() {
    expectRefused(
      """
      header A = value:a
      a = 200(200(200"x"))
      """,
      """
      a.grammar:2:1: error: the token `a` is too large: its automaton has more than 2048 states or 128 classes of \
      bytes
      a = 200(200(200"x"))
      ^
      a.grammar:2:1: note: repeat less often, or without limit (`*`), and leave counting to whoever reads the value
      """)
  }

  @Test func nestedRepetitionsInACapture() {
    expectRefused(
      """
      header A = value:200(200(200("x" / "y")))
      """,
      """
      a.grammar:1:12: error: the token `value` is too large: its automaton has more than 2048 states or 128 classes \
      of bytes
      header A = value:200(200(200("x" / "y")))
                 ^
      a.grammar:1:12: note: repeat less often, or without limit (`*`), and leave counting to whoever reads the value
      """)
  }

  @Test func statesWithoutEnd() {
    expectRefused(
      """
      header A = value:a
      a = *( "a" / "b" ) "a" 18( "a" / "b" )
      """,
      """
      a.grammar:2:1: error: the token `a` is too large: its automaton has more than 2048 states or 128 classes of \
      bytes
      a = *( "a" / "b" ) "a" 18( "a" / "b" )
      ^
      a.grammar:2:1: note: repeat less often, or without limit (`*`), and leave counting to whoever reads the value
      """)
  }

  @Test func emptyRulesWithoutEnd() {
    expectRefused(
      """
      header A = value:a
      a = b b b b b b b b
      b = c c c c c c c c
      c = d d d d d d d d
      d = e e e e e e e e
      e = f f f f f f f f
      f = g g g g g g g g
      g = h h h h h h h h
      h = ""
      """,
      """
      a.grammar:3:1: error: the token `b` is too large: its automaton has more than 2048 states or 128 classes of \
      bytes
      b = c c c c c c c c
      ^
      a.grammar:3:1: note: repeat less often, or without limit (`*`), and leave counting to whoever reads the value
      """)
  }

  @Test("An empty string is a rule, and no part of one") func emptyString() {
    expectAccepted(
      """
      header A = value:token GAP
      GAP = "" written "" tolerate *" "
      token = 1*%x61-7A
      """)
    expectRefused(
      """
      header A = value:token
      token = 1*( "a" / "" )
      """,
      """
      a.grammar:2:19: error: an empty string stands for nothing here
      token = 1*( "a" / "" )
                        ^
      a.grammar:2:19: note: what may be missing stands in brackets: `[ a ]`
      """)
  }

}
