import Testing

/// Headers, lines, attributes, status codes and enums.
@Suite struct PartDiagnosticsTests {
  @Test func headerTwice() {
    expectRefused(
      """
      header Via / v = value:token
      header Subject = value:token
      header v = value:token
      header VIA = value:token
      token = 1*%x61-7A
      """,
      """
      a.grammar:3:8: error: `v` would be the header `v` and the header `Via`
      header v = value:token
             ^
      a.grammar:1:8: note: the other one is here
      a.grammar:4:8: error: the header `VIA` is declared twice
      header VIA = value:token
             ^
      a.grammar:1:8: note: the first time here
      """)
  }

  @Test func lineTwice() {
    expectRefused(
      """
      line v version = value:token
      line v other = value:token
      token = 1*%x61-7A
      """,
      """
      a.grammar:2:6: error: the line `v=` is declared twice
      line v other = value:token
           ^
      a.grammar:1:6: note: the first time here, as `version`
      """)
  }

  @Test func attributeTwice() {
    expectRefused(
      """
      attribute mid = value:token
      attribute mid
      token = 1*%x61-7A
      """,
      """
      a.grammar:2:11: error: the attribute `mid` is declared twice
      attribute mid
                ^
      a.grammar:1:11: note: the first time here
      """)
  }

  @Test func statusTwice() {
    expectRefused(
      """
      statuses
          200 "OK"
          200 "Fine"
          99 "x"
          700 "y"
      """,
      """
      a.grammar:3:5: error: the status code 200 is declared twice
          200 "Fine"
          ^
      a.grammar:4:5: error: 99 is no status code; they go from 100 to 699
          99 "x"
          ^
      a.grammar:5:5: error: 700 is no status code; they go from 100 to 699
          700 "y"
          ^
      """)
  }

  @Test func enumTwice() {
    expectRefused(
      """
      header A = value:E
      enum E : text = "a-b" / "a b" / "A-B"
      """,
      """
      a.grammar:2:25: error: "a b" and "a-b" would get the same name in Swift, `aB`
      enum E : text = "a-b" / "a b" / "A-B"
                              ^
      a.grammar:2:33: error: "A-B" and "a b" would get the same name in Swift, `aB`
      enum E : text = "a-b" / "a b" / "A-B"
                                      ^
      """)
  }

  @Test func enumOutsideBase() {
    expectRefused(
      """
      header A = value:E
      enum E : token = "a" / "b c"
      token = 1*%x61-7A
      """,
      """
      a.grammar:2:24: error: "b c" is no `token`, of which `E` consists
      enum E : token = "a" / "b c"
                             ^
      """)
  }

  @Test func enumMixedExact() {
    expectRefused(
      """
      header A = value:E
      enum E : text = "a" / %s"b"
      """,
      """
      a.grammar:2:6: error: the values of `E` are either all exact (`%s"…"`) or none
      enum E : text = "a" / %s"b"
           ^
      """)
  }

  @Test func enumOther() {
    expectRefused(
      """
      header A = v:E
      enum E : text = "other" / "+" / "x"
      """,
      """
      a.grammar:2:17: error: "other" would get the name `other`, which is that of all values not named here
      enum E : text = "other" / "+" / "x"
                      ^
      a.grammar:2:27: error: "+" has no letter or digit from which a name could be made
      enum E : text = "other" / "+" / "x"
                                ^
      """)
  }
}
