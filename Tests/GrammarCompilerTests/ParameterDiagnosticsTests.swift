import Testing

@testable import GrammarCompiler

/// Mistakes in tables of parameters, and where they stand.
@Suite struct ParameterDiagnosticsTests {
  @Test func paramsWithoutTable() {
    expectRefused(
      """
      header A = value:token *( ";" params )
      token = 1*%x61-7A
      """,
      """
      a.grammar:1:31: error: `A` has no table of parameters (`params A …`)
      header A = value:token *( ";" params )
                                    ^
      """)
  }

  @Test func tableWithoutParams() {
    expectRefused(
      """
      header A = value:token
      params A "="
          a = value:token
      token = 1*%x61-7A
      """,
      """
      a.grammar:2:8: error: `A` has no `params` in its rule, so it can have no parameters
      params A "="
             ^
      """)
  }

  @Test func tableOfNothing() {
    expectRefused(
      """
      header A = value:token
      params B "="
          a = value:token
      token = 1*%x61-7A
      """,
      """
      a.grammar:2:8: error: there is no shape, header, line or attribute `B`; did you mean `A`?
      params B "="
             ^
      """)
  }

  @Test func paramsTwice() {
    expectRefused(
      """
      header A = value:token *( ";" params )
      params A "="
          a = value:token
      params A "="
          b = value:token
      token = 1*%x61-7A
      """,
      """
      a.grammar:4:8: error: the parameters of `A` are declared twice
      params A "="
             ^
      a.grammar:2:8: note: the first time here
      """)
  }

  @Test func paramTwice() {
    expectRefused(
      """
      header A = value:token *( ";" params )
      params A "="
          a = value:token
          A
      token = 1*%x61-7A
      """,
      """
      a.grammar:4:5: error: the parameter `A` stands twice in the table
          A
          ^
      """)
  }

  @Test func paramNames() {
    expectRefused(
      """
      header A = v:token *( ";" params )
      params A "="
          other
          reg-id
          regId
      token = 1*%x61-7A
      """,
      """
      a.grammar:3:5: error: the parameter `other` would get the name `other`, which is that of all parameters not \
      named here
          other
          ^
      a.grammar:5:5: error: the parameters `regId` and `reg-id` would get the same name in Swift, `regID`
          regId
          ^
      """)
  }

  /// `label@name`: both are what no other row has.
  @Test func paramLabels() {
    expectRefused(
      """
      header A = v:token *( ";" params )
      params A "="
          one@x
          two@X
          one@"+y.z"
          Three@z
          v
      token = 1*%x61-7A
      """,
      """
      a.grammar:4:5: error: the parameter `X` stands twice in the table
          two@X
          ^
      a.grammar:5:5: error: the parameters `+y.z` and `x` would get the same name in Swift, `one`
          one@"+y.z"
          ^
      a.grammar:6:5: error: a label begins with a small letter; write `three`
          Three@z
          ^
      a.grammar:7:5: error: the parameter `v` would get the name `v`, which a capture has
          v
          ^
      a.grammar:7:5: note: give it another one: `label@v`
      """)
  }

  @Test func paramNotValue() {
    expectRefused(
      """
      header A = value:token *( ";" params )
      params A "="
          a = val:token
          b = token
          c = value:token "-" more:token
      token = 1*%x61-7A
      """,
      """
      a.grammar:3:5: error: the value of a parameter is one capture, `value:type` or `[ value:type ]`
          a = val:token
          ^
      a.grammar:4:9: error: the token `token` that nothing captures cannot be written back
          b = token
              ^
      a.grammar:4:9: note: capture it with a label in front, such as `value:token`, or let its rule say how it \
      is written: `written "…"`
      a.grammar:5:5: error: the value of a parameter is one capture, `value:type` or `[ value:type ]`
          c = value:token "-" more:token
          ^
      """)
  }

  @Test func paramsOtherMissing() {
    expectRefused(
      """
      header A = value:token *( ";" params )
      params A "="
          * = generic-parm
      generic-param = name:token [ "=" value:token ]
      token = 1*%x61-7A
      """,
      """
      a.grammar:3:9: error: there is no shape `generic-parm`; did you mean `generic-param`?
          * = generic-parm
              ^
      """)
  }

  @Test func paramsOtherNoName() {
    expectRefused(
      """
      header A = value:token *( ";" params )
      params A "="
          * = generic-param
      generic-param = key:token [ "=" value:token ]
      token = 1*%x61-7A
      """,
      """
      a.grammar:3:9: error: `generic-param` has no capture `name`, by which a parameter is known
          * = generic-param
              ^
      """)
  }

  @Test func paramsOtherIsToken() {
    expectRefused(
      """
      header A = value:token *( ";" params )
      params A "="
          * = token
      token = 1*%x61-7A
      """,
      """
      a.grammar:3:9: error: `token` is a token: it has no captures
          * = token
              ^
      """)
  }

  @Test func paramsInGroup() {
    expectRefused(
      """
      header A = params
      params A "="
          a
      """,
      """
      a.grammar:1:12: error: `params` stands in a repeated group, with what separates one from the next: `*( SEMI \
      params )`
      header A = params
                 ^
      """)
  }

  @Test func paramsTwiceInRule() {
    expectRefused(
      """
      header A = value:token *( ";" params ) *( "," params )
      params A "="
          a
      token = 1*%x61-7A
      """,
      """
      a.grammar:1:47: error: `A` has `params` twice
      header A = value:token *( ";" params ) *( "," params )
                                                    ^
      """)
  }

  @Test func otherParametersTwice() {
    expectRefused(
      """
      header A = value:token *( ";" params )
      params A "="
          * = other
          * = other
      other = name:token
      token = 1*%x61-7A
      """,
      """
      a.grammar:4:5: error: the row `*` stands twice in the table
          * = other
          ^
      """)
  }

  @Test func requiredParams() {
    expectRefused(
      """
      header A = v:token *( ";" params )
      params A "="
          a required when shape = value:token
          b required when nothing
          c required
          d required when
      token = 1*%x61-7A
      shape = v:token
      """,
      """
      a.grammar:6:20: error: expected the rule that says when the parameter is required, but the declaration ends
          d required when
                         ^
      """)
    expectRefused(
      """
      header A = v:token s:shape *( ";" params )
      params A "="
          a required when shape = value:token
          b required when nothing
      token = 1*%x61-7A
      shape = ":" v:token
      """,
      """
      a.grammar:3:21: error: a predicate is a token rule, and `shape` has captures
          a required when shape = value:token
                          ^
      a.grammar:4:21: error: there is no rule `nothing`
          b required when nothing
                          ^
      """)
  }

  /// There is a bit of a word for each parameter that was seen.
  @Test func requiredParamsFarDown() {
    let rows = (1...64).map { "    p\($0)\n" }.joined()
    expectRefused(
      """
      header A = v:token *( ";" params )
      params A "="
      \(rows)    last required
      token = 1*%x61-7A
      """,
      """
      a.grammar:67:5: error: the parameter `last` is required, and 64 others stand in front of it
          last required
          ^
      a.grammar:67:5: note: let it stand further up: only the first 64 are counted
      """)
  }

  @Test func anExampleWithoutARequiredParameter() {
    expectRefused(
      """
      header A = v:token *( ";" params )
          example a;x=1;y=2
          example a;x=1
          example b;x=1
      params A "="
          x = value:digit
          y required when a-ahead = value:digit
      a-ahead = "a"
      token = 1*%x61-7A
      digit = %x30-39
      """,
      """
      a.grammar:3:18: error: the example does not fit the rule: expected the parameter y here
          example a;x=1
                       ^
      """)
  }
}
