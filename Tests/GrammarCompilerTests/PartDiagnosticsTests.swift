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

  @Test func examplesThatDoNotFit() {
    expectRefused(
      """
      header A = value:token *( ";" params )
          example a;x=1
          example a;x=256;b
          example ä
          example a b
      params A "="
          x = value:UInt8
          * = other
      other = name:token [ "=" value:token ]
      attribute b at media = [ size:UInt8 ]
          example 7
          example x
      line k key = kind:Kind
          example Prompt
          example promt
      enum Kind = "clear" / "prompt"
      token = 1*%x61-7A
      """,
      """
      a.grammar:3:17: error: the example does not fit the rule: expected a number up to 255 (x) here
          example a;x=256;b
                      ^
      a.grammar:4:13: error: the example does not fit the rule: expected token here
          example ä
                  ^
      a.grammar:5:15: error: the example does not fit the rule: expected the end of the header field here
          example a b
                    ^
      a.grammar:12:13: error: the example does not fit the rule: expected a number up to 255 (size) here
          example x
                  ^
      a.grammar:15:13: error: the example does not fit the rule: expected "clear" or "prompt" (kind) here
          example promt
                  ^
      """)
  }

  @Test func examplesOfNothing() {
    expectRefused(
      """
      attribute a at media
          example 1
      """,
      """
      a.grammar:2:13: error: the attribute `a` has no value, and so no example
          example 1
                  ^
      a.grammar:2:13: note: say behind `=` what the value is, or take the example away
      """)
    expectRefused(
      """
      header A = value:token
          example
      token = 1*%x61-7A
      """,
      """
      a.grammar:2:5: error: expected a value behind `example`, as it stands in messages
          example
          ^
      """)
    expectRefused(
      """
      header A = value:token
          example a
          tail:token
      token = 1*%x61-7A
      """,
      """
      a.grammar:3:5: error: expected the end of the declaration, found `tail`
          tail:token
          ^
      """)
  }

  /// `example` means something at the beginning of a line of a header, a line and an attribute, and nowhere else.
  @Test func examplesElsewhere() {
    expectAccepted(
      """
      header A = example:example
          example a
      example = 1*%x61-7A
      header B = first:example ";"
          second:example
      namespace x = "urn:x"
      element x:x root
          example <x:y>?
      element x:y
      """)
  }

  /// Networks and vendors have names that are none of ABNF.
  @Test func namesThatABNFHasNot() {
    expectAccepted(
      """
      attribute 3gpp_sync_info at media = value:word_2
          example sync
      header "P-com.HDRNotif" = front:3word value:word_2
          example abcsync
      word = %x61-7A
      word_2 = 1*%x61-7A
      """)
    expectRefused(
      """
      attribute a at media = word_2:word
      word = 1*%x61-7A
      """,
      """
      a.grammar:1:24: error: the label `word_2` becomes a name in Swift; write `word2`
      attribute a at media = word_2:word
                             ^
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
      a.grammar:2:5: note: the first time here
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

  @Test func headersThatAreRequiredSomewhere() {
    expectRefused(
      """
      header A required in INVITE, 2xx to BYE, 99 = value:token
      header B required in 7xx = value:token
      header C required with head = value:token
      header E required in = value:token
      """,
      """
      a.grammar:1:42: error: a status code is a number from 100 to 699, or 1xx to 6xx
      header A required in INVITE, 2xx to BYE, 99 = value:token
                                               ^
      a.grammar:2:22: error: a status code is a number from 100 to 699, or 1xx to 6xx
      header B required in 7xx = value:token
                           ^
      a.grammar:3:24: error: expected `body`, found `head`
      header C required with head = value:token
                             ^
      a.grammar:4:22: error: expected a method or a status code, found `=`
      header E required in = value:token
                           ^
      """)
    expectRefused(
      """
      header A required in INVTE, 2xx to CANCEL = value:token
      header B required in 200 to BYE, INVITE, 404 required with body = value:token
      enum Method : token = "INVITE" / "BYE"
      token = 1*%x41-5A
      """,
      """
      a.grammar:1:22: error: `INVTE` is no value of the enum `Method`; did you mean `INVITE`?
      header A required in INVTE, 2xx to CANCEL = value:token
                           ^
      a.grammar:1:36: error: `CANCEL` is no value of the enum `Method`
      header A required in INVTE, 2xx to CANCEL = value:token
                                         ^
      """)
  }
}
