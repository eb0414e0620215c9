import Testing

/// What somebody writes who knows ABNF and XML, pastes from RFCs, and has not read everything.
@Suite("Pasted from an RFC, and other slips")
struct PastedDiagnosticsTests {
  @Test("RFCs spell out the name in front of each value") func nameInFront() {
    expectRefused(
      """
      header X-A = "X-A" HCOLON value:token
      header X-B = "x-b:" value:token
      attribute c at media = "a=c:" value:token
      header X-D = value:token *( ";" params )
      params X-D "="
          d = "d" "=" value:token
          * = other
      other = name:token [ "=" value:token ]
      instead HCOLON "write `header Name = …` and then the rest"
      token = 1*%x61-7A
      """,
      """
      a.grammar:1:14: error: `X-A` stands in front of its value already
      header X-A = "X-A" HCOLON value:token
                   ^
      a.grammar:1:14: note: write only what comes behind the name, and behind the sign that follows it
      a.grammar:1:20: error: there is no rule `HCOLON`
      header X-A = "X-A" HCOLON value:token
                         ^
      a.grammar:1:20: note: write `header Name = …` and then the rest
      a.grammar:2:14: error: `X-B` stands in front of its value already
      header X-B = "x-b:" value:token
                   ^
      a.grammar:2:14: note: write only what comes behind the name, and behind the sign that follows it
      a.grammar:3:24: error: `c` stands in front of its value already
      attribute c at media = "a=c:" value:token
                             ^
      a.grammar:3:24: note: write only what comes behind the name, and behind the sign that follows it
      a.grammar:6:9: error: `d` stands in front of its value already
          d = "d" "=" value:token
              ^
      a.grammar:6:9: note: write only what comes behind the name, and behind the sign that follows it
      """)
  }

  @Test("A rule that is there counts, whatever would be written in its place")
  func insteadOfARule() {
    expectAccepted(
      """
      header A = value:token
      instead token word "write `words`"
      token = 1*%x61-7A
      """)
  }

  @Test("What RFCs add to is an enum, a table or nothing here") func additions() {
    expectRefused(
      """
      header A = method:Method *( ";" params )
      params A "="
          * = other
      other = name:token
      enum Method : token = "invite" / "bye"
      Method =/ "publish"
      other =/ expires
      header-field =/ Expires
      header-field /= Expires
      instead header-field "write `header Name = …`"
      token = 1*%x61-7A
      """,
      """
      a.grammar:9:14: error: expected `=` behind the name of the rule, found `/`
      header-field /= Expires
                   ^
      a.grammar:9:14: note: `=/` adds an alternative to a rule
      """)
    expectRefused(
      """
      header A = method:Method *( ";" params )
      params A "="
          * = other
      other = name:token
      enum Method : token = "invite" / "bye"
      Method =/ "publish"
      other =/ expires
      header-field =/ Expires
      instead header-field "write `header Name = …`"
      token = 1*%x61-7A
      """,
      """
      a.grammar:6:1: error: `Method` is an enum, and `=/` adds an alternative to a rule
      Method =/ "publish"
      ^
      a.grammar:5:6: note: write the value into the enum, which is here
      a.grammar:7:1: error: `other` stands for all parameters that no table names; none is added to it
      other =/ expires
      ^
      a.grammar:2:8: note: write a row for the parameter into the table `params A`, which is here
      a.grammar:8:1: error: `header-field` has no rule yet to which `=/` could add an alternative
      header-field =/ Expires
      ^
      a.grammar:8:1: note: write `header Name = …`
      """)
  }

  @Test("Rules as RFCs indent them, and other signs behind the name") func indented() {
    expectRefused(
      """
        X-A = token
      header A = value:token
        X-B = token
      X-C: token
      token = 1*%x61-7A
      """,
      """
      a.grammar:1:3: error: a declaration begins in the first column; an indented line continues the one above
        X-A = token
        ^
      a.grammar:1:3: note: a rule begins in the first column, though RFCs indent theirs; an indented line continues \
      the one above
      a.grammar:3:7: error: expected the end of the declaration, found `=`
        X-B = token
            ^
      a.grammar:3:7: note: a rule begins in the first column, though RFCs indent theirs; an indented line continues \
      the one above
      a.grammar:4:4: error: expected `=` behind the name of the rule, found `:`
      X-C: token
         ^
      a.grammar:4:4: note: a rule is written `name = …`, a header `header Name = …`
      """)
  }

  @Test("A list of parameters as RFCs write it") func parameters() {
    expectRefused(
      """
      header A = value:token *( ";" params )
      params A "="
          * = other
      other = name:token [ "=" value:token ]
      x-param = a-param / other
      a-param = "a=" token
      token = 1*%x61-7A
      """,
      """
      a.grammar:5:21: error: `other` has captures and so is no token
      x-param = a-param / other
                          ^
      a.grammar:5:21: note: parameters are rows of a table: write `*( SEMI params )`, and a table `params Name EQUAL` \
      whose last row is `* = other`
      """)
  }

  @Test func insteadOfNothing() {
    expectRefused(
      """
      header A = value:token
      instead word
      token = 1*%x61-7A
      """,
      """
      a.grammar:2:13: error: expected what is written in its place, as a string, but the declaration ends
      instead word
                  ^
      """)
  }

  @Test("Alternatives as other notations have them") func alternatives() {
    expectRefused(
      """
      header A = first:token | second:word
      enum E : token = "a", "b"
      enum F = "a" / "b" / token
      token = 1*%x61-7A | "x"
      word = 1*%x41-5A
      """,
      """
      a.grammar:1:24: error: expected the end of the declaration, found `|`
      header A = first:token | second:word
                             ^
      a.grammar:1:24: note: alternatives are separated by `/`
      a.grammar:2:21: error: expected the end of the declaration, found `,`
      enum E : token = "a", "b"
                          ^
      a.grammar:2:21: note: alternatives are separated by `/`
      a.grammar:3:22: error: expected a value of the enum, as a string, found `token`
      enum F = "a" / "b" / token
                           ^
      a.grammar:3:22: note: for other values too, write `enum F : token = …`
      a.grammar:4:19: error: expected the end of the rule, found `|`
      token = 1*%x61-7A | "x"
                        ^
      a.grammar:4:19: note: alternatives are separated by `/`
      """)
  }

  @Test("Comments as other notations have them") func comments() {
    expectRefused(
      """
      header A = value:token // the value
      # a comment
      // another one
      token = 1*%x61-7A
      """,
      """
      a.grammar:1:25: error: expected an expression, found `/`
      header A = value:token // the value
                              ^
      a.grammar:1:25: note: a comment begins with `;`
      a.grammar:2:1: error: expected a declaration, found `#`
      # a comment
      ^
      a.grammar:2:1: note: a comment begins with `;`
      a.grammar:3:1: error: expected a declaration, found `/`
      // another one
      ^
      a.grammar:3:1: note: a comment begins with `;`
      """)
  }

  @Test("Other quotation marks") func quotes() {
    expectRefused(
      """
      header A = 'x' value:token
      token = 1*%x61-7A
      """,
      """
      a.grammar:1:12: error: the character `'` means nothing in a grammar; a string stands in straight quotes, `"`
      header A = 'x' value:token
                 ^
      """)
  }

  @Test("Spaces around the sign of a capture") func spaces() {
    expectRefused(
      """
      header A = value :token
      token = 1*%x61-7A
      """,
      """
      a.grammar:1:18: error: expected the end of the declaration, found `:`
      header A = value :token
                       ^
      a.grammar:1:18: note: a capture is written without spaces, `label:rule`
      """)
  }

  @Test("Elements as XML has them") func elements() {
    expectRefused(
      """
      namespace a = "u"
      element <a:b> root
      element a:c root
          name:text?
      element d
          @name:text
      """,
      """
      a.grammar:2:9: error: expected the prefix of a namespace, found `<a:b>`
      element <a:b> root
              ^
      a.grammar:2:9: note: without the angle brackets: `element a:b`
      a.grammar:4:9: error: expected `@attribute:type`, `<prefix:element>` or `text:type`, found `:`
          name:text?
              ^
      a.grammar:4:9: note: an attribute is written `@name:type`
      a.grammar:5:10: error: expected `:` and the name of the element
      element d
               ^
      a.grammar:5:10: note: an element is named with the prefix of its namespace: `element prefix:d`
      """)
  }

  @Test("Examples with quotation marks or a name in front, and where none can stand") func examples() {
    expectRefused(
      """
      header A-B / b = value:token
          example "abc"
          example A-B: abc
          example b:abc
      line s session = value:token
          example s=abc
      attribute c at media = value:token
          example a=c:abc
      token = 1*%x61-7A
      """,
      """
      a.grammar:2:13: error: the example does not fit the rule: expected token here
          example "abc"
                  ^
      a.grammar:2:13: note: a value stands behind `example` as it is in messages, without further quotation marks
      a.grammar:3:13: error: the example does not fit the rule: expected token here
          example A-B: abc
                  ^
      a.grammar:3:13: note: write only the value, without `A-B:` in front of it
      a.grammar:4:14: error: the example does not fit the rule: expected the end of the header field here
          example b:abc
                   ^
      a.grammar:4:14: note: write only the value, without `b:` in front of it
      a.grammar:6:14: error: the example does not fit the rule: expected the end of the line here
          example s=abc
                   ^
      a.grammar:6:14: note: write only the value, without `s=` in front of it
      a.grammar:8:14: error: the example does not fit the rule: expected the end of the line here
          example a=c:abc
                   ^
      a.grammar:8:14: note: write only the value, without `a=c:` in front of it
      """)
    expectRefused(
      """
      params A ";"
          * = other
          example a=b
      token = 1*%x61-7A
          example abc
      """,
      """
      a.grammar:3:5: error: expected a parameter, found `example`
          example a=b
          ^
      a.grammar:3:5: note: examples stand at the end of a header, a line or an attribute
      a.grammar:5:5: error: expected the end of the rule, found `example`
          example abc
          ^
      a.grammar:5:5: note: examples stand at the end of a header, a line or an attribute
      """)
  }

  @Test("What cannot be made because of a mistake elsewhere is no mistake of its own") func oncePerMistake() {
    expectRefused(
      """
      header A = 1#items:broken
      header B = value:token *( ";" more:broken ) [ "!" last:broken ]
      header C = value:token *( ";" params )
      params C "="
          a = value:broken
          b = [ value:broken ]
          * = other
      other = called:broken [ "=" value:token ]
      COMMA = ","
      token = 1*%x61-7A
      broken = 1*missing
      """,
      """
      a.grammar:11:12: error: there is no rule `missing`
      broken = 1*missing
                 ^
      """)
  }

  @Test("Headers and attributes as RFCs write them, as rules") func pastedDeclarations() {
    expectRefused(
      """
      P-X = "P-X" HCOLON x-value *( SEMI x-param )
      via = ( "Via" / "v" ) HCOLON 1#token
      maxprate-attribute = "a=maxprate:" 1*DIGIT
      header A = value:token
      token = 1*%x61-7A
      """,
      """
      a.grammar:1:1: error: `P-X` is a header, which is no rule here
      P-X = "P-X" HCOLON x-value *( SEMI x-param )
      ^
      a.grammar:1:1: note: write `header P-X = …`, with what stands behind HCOLON
      a.grammar:2:1: error: `Via` is a header, which is no rule here
      via = ( "Via" / "v" ) HCOLON 1#token
      ^
      a.grammar:2:1: note: write `header Via = …`, with what stands behind HCOLON
      a.grammar:3:1: error: `a=maxprate` is an attribute, which is no rule here
      maxprate-attribute = "a=maxprate:" 1*DIGIT
      ^
      a.grammar:3:1: note: write `attribute maxprate at media = …`, or `at session`, with what stands behind the colon
      """)
  }

  @Test("A choice of words") func words() {
    expectAccepted(
      """
      header A = "all" / party
      party = "<" name:token ">"
      token = 1*%x61-7A
      """)
    expectRefused(
      """
      header A = "yes" / "no"
      header B = ( "one" / "two" / "three" / token ) ";" value:token
      header C = value:( token | "x" )
      token = 1*%x61-7A
      """,
      """
      a.grammar:3:26: error: expected `)` to close the `(` of column 18, found `|`
      header C = value:( token | "x" )
                               ^
      a.grammar:3:26: note: alternatives are separated by `/`
      """)
    expectRefused(
      """
      header A = "yes" / "no"
      header B = ( "one" / "two" / "three" / token ) ";" value:token
      token = 1*%x61-7A
      """,
      """
      a.grammar:1:12: error: nothing tells which of these words is to be written, since nothing captures them
      header A = "yes" / "no"
                 ^
      a.grammar:1:12: note: make an enum of them and capture that, `value:Name`: `enum Name = "yes" / "no"`
      a.grammar:2:14: error: nothing tells which of these words is to be written, since nothing captures them
      header B = ( "one" / "two" / "three" / token ) ";" value:token
                   ^
      a.grammar:2:14: note: make an enum of them and capture that, `value:Name`: `enum Name : token = "one" / "two" / …`
      """)
  }

  @Test("Lines that are indented and should not be, or the other way round") func indentation() {
    expectRefused(
      """
      header A = value:token *( ";" params )
        header B = value:token
      params A "="
          a = value:token
        params B "="
          # a comment
          * = other
      token = 1*%x61-7A
      example abc
      @name:text
      """,
      """
      a.grammar:2:12: error: expected the end of the declaration, found `=`
        header B = value:token
                 ^
      a.grammar:2:12: note: where `header` in line 2 is to begin a declaration, it stands in the first column
      a.grammar:5:10: error: expected the next parameter on a line of its own, found `B`
        params B "="
               ^
      a.grammar:5:10: note: where `params` in line 5 is to begin a declaration, it stands in the first column
      a.grammar:9:9: error: expected `=` behind the name of the rule, found `abc`
      example abc
              ^
      a.grammar:9:9: note: examples stand at the end of a header, a line or an attribute, indented
      a.grammar:10:1: error: expected a declaration, found `@`
      @name:text
      ^
      a.grammar:10:1: note: what belongs to the declaration above is indented
      """)
  }

}
