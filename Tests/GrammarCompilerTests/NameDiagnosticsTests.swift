import Testing

/// Names that are not there, are there twice, or that nothing uses.
@Suite struct NameDiagnosticsTests {
  @Test func undefinedRule() {
    expectRefused(
      """
      header A = value:tokn
      token = "x"
      """,
      """
      a.grammar:1:18: error: there is no rule `tokn`; did you mean `token`?
      header A = value:tokn
                       ^
      """)
  }

  @Test func undefinedInToken() {
    expectRefused(
      """
      header A = value:token
      token = 1*alphnum
      alphanum = "a" / "b"
      """,
      """
      a.grammar:2:11: error: there is no rule `alphnum`; did you mean `alphanum`?
      token = 1*alphnum
                ^
      """)
  }

  @Test func undefinedNothingClose() {
    expectRefused(
      """
      header A = value:token
      token = 1*something
      """,
      """
      a.grammar:2:11: error: there is no rule `something`
      token = 1*something
                ^
      """)
  }

  @Test func undefinedPredicate() {
    expectRefused(
      """
      header A = [ when tokn value:token ] end:"x"
      token = "x"
      """,
      """
      a.grammar:1:19: error: there is no rule `tokn`; did you mean `token`?
      header A = [ when tokn value:token ] end:"x"
                        ^
      a.grammar:1:38: error: `end` captures a literal that is always there; only one in `[ ]` or an alternative \
      tells something
      header A = [ when tokn value:token ] end:"x"
                                           ^
      """)
  }

  @Test func undefinedScalar() {
    expectRefused(
      """
      header A = value:UInt12
      """,
      """
      a.grammar:1:18: error: there is no rule `UInt12`; did you mean `UInt16`?
      header A = value:UInt12
                       ^
      """)
  }

  @Test func undefinedEnumBase() {
    expectRefused(
      """
      header A = value:E
      enum E : tken = "a"
      token = "a"
      """,
      """
      a.grammar:2:10: error: there is no rule `tken`; did you mean `token`?
      enum E : tken = "a"
               ^
      """)
  }

  @Test func duplicateRule() {
    expectRefused(
      """
      header A = value:token
      token = "x"
      Token = "y"
      """,
      """
      a.grammar:3:1: error: the rule `Token` is declared twice
      Token = "y"
      ^
      a.grammar:2:1: note: the first time here
      """)
  }

  @Test func incrementalWithoutRule() {
    expectRefused(
      """
      header A = value:token
      token =/ "x"
      """,
      """
      a.grammar:2:1: error: `token` has no rule yet to which `=/` could add an alternative
      token =/ "x"
      ^
      a.grammar:2:1: note: its first alternative stands behind `=`
      """)
  }

  @Test func incrementalIsFine() {
    expectAccepted(
      """
      header A = value:token
      token = "x"
      token =/ "y"
      """)
  }

  @Test func duplicateEnum() {
    expectRefused(
      """
      header A = value:E
      enum E : text = "x"
      enum E : text = "y"
      """,
      """
      a.grammar:3:6: error: the enum `E` is declared twice
      enum E : text = "y"
           ^
      a.grammar:2:6: note: the first time here
      """)
  }

  @Test func enumLikeRule() {
    expectRefused(
      """
      header A = value:E
      enum E : text = "x"
      E = "x"
      """,
      """
      a.grammar:3:1: error: `E` is a rule and an enum
      E = "x"
      ^
      a.grammar:2:6: note: the enum is here
      """)
  }

  @Test func enumUnused() {
    expectRefused(
      """
      header A = value:1*"x"
      enum E : text = "a"
      """,
      """
      a.grammar:2:6: error: nothing uses the enum `E`
      enum E : text = "a"
           ^
      """)
  }

  @Test func unusedRule() {
    expectRefused(
      """
      header A = value:token
      token = "x"
      other = "y"
      """,
      """
      a.grammar:3:1: error: nothing uses the rule `other`
      other = "y"
      ^
      a.grammar:3:1: note: delete it, refer to it, or name it in a line `framing …` if hand-written framing calls it
      """)
  }

  @Test func unusedChain() {
    expectRefused(
      """
      header A = value:token
      token = "x"
      one = two
      two = "y"
      """,
      """
      a.grammar:3:1: error: nothing uses the rule `one`
      one = two
      ^
      a.grammar:3:1: note: delete it, refer to it, or name it in a line `framing …` if hand-written framing calls it
      """)
  }

  @Test func framingUnknown() {
    expectRefused(
      """
      header A = value:token
      framing tokn
      token = 1*%x61-7A
      """,
      """
      a.grammar:2:9: error: there is no rule `tokn`; did you mean `token`?
      framing tokn
              ^
      """)
  }

  @Test func duplicateOnlyOneReport() {
    expectRefused(
      """
      header A = value:tokn
      header B = value:tokn
      token = 1*%x61-7A
      """,
      """
      a.grammar:1:18: error: there is no rule `tokn`; did you mean `token`?
      header A = value:tokn
                       ^
      a.grammar:1:18: note: it is named in 1 more place
      """)
  }

  @Test func twoMistakesInTwoRules() {
    expectRefused(
      """
      header A = value:one other:two
      one = 1*undefined-here
      two = *( *"x" )
      """,
      """
      a.grammar:2:9: error: there is no rule `undefined-here`
      one = 1*undefined-here
              ^
      a.grammar:3:7: error: this repeats something that can be empty
      two = *( *"x" )
            ^
      """)
  }

  @Test func typeNames() {
    expectRefused(
      """
      header via-parm = value:token
      Via-parm-header = value:token
      enum Party : text = "x"
      party = value:token e:Party
      header B = p:party v:via-parm-header
      token = 1*%x61-7A
      """,
      """
      a.grammar:2:1: error: `rule Via-parm-header` and `header via-parm` would both become the type `ViaParmHeader`; give one another name
      Via-parm-header = value:token
      ^
      a.grammar:1:8: note: the other one is here
      a.grammar:4:1: error: `rule party` and `enum Party` would both become the type `Party`; give one another name
      party = value:token e:Party
      ^
      a.grammar:3:6: note: the other one is here
      """)
  }

  @Test func reservedType() {
    expectRefused(
      """
      header A = t:text
      text = value:token
      token = 1*%x61-7A
      """,
      """
      a.grammar:2:1: error: `rule text` would become the type `Text`, which the generated code uses for itself
      text = value:token
      ^
      a.grammar:2:1: note: give it another name
      """)
  }

  @Test func keywordLabels() {
    expectRefused(
      """
      header A = class:token ":" self:token ":" init:token ":" index:token ":" arena:token ":" parameters:token ":" \
      Draft:token
      token = 1*%x61-7A
      """,
      """
      a.grammar:1:28: error: `self` cannot be a label: generated types use that name themselves
      header A = class:token ":" self:token ":" init:token ":" index:token ":" arena:token ":" parameters:token ":" \
      Draft:token
                                 ^
      a.grammar:1:43: error: `init` cannot be a label: generated types use that name themselves
      header A = class:token ":" self:token ":" init:token ":" index:token ":" arena:token ":" parameters:token ":" \
      Draft:token
                                                ^
      a.grammar:1:58: error: `index` cannot be a label: generated types use that name themselves
      header A = class:token ":" self:token ":" init:token ":" index:token ":" arena:token ":" parameters:token ":" \
      Draft:token
                                                               ^
      a.grammar:1:74: error: `arena` cannot be a label: generated types use that name themselves
      header A = class:token ":" self:token ":" init:token ":" index:token ":" arena:token ":" parameters:token ":" \
      Draft:token
                                                                               ^
      a.grammar:1:111: error: a label begins with a small letter; write `draft`
      header A = class:token ":" self:token ":" init:token ":" index:token ":" arena:token ":" parameters:token ":" \
      Draft:token
                                                                                                                    ^
      """)
  }

  @Test func labelDash() {
    expectRefused(
      """
      header A = local-part:token
      token = 1*%x61-7A
      """,
      """
      a.grammar:1:12: error: the label `local-part` becomes a name in Swift; write `localPart`
      header A = local-part:token
                 ^
      """)
  }

  @Test func labelParameters() {
    expectRefused(
      """
      header A = parameters:token *( ";" params )
      params A "="
          b
      token = 1*%x61-7A
      """,
      """
      a.grammar:1:12: error: `parameters` cannot be a label: its type has a property of that name, for its `params`
      header A = parameters:token *( ";" params )
                 ^
      """)
  }
}
