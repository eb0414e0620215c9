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

  @Test("A rule that is there, and words that are not") func insteadOfARule() {
    expectRefused(
      """
      header A = value:token
      instead token "write `word`"
      token = 1*%x61-7A
      """,
      """
      a.grammar:2:9: error: `token` is a rule, so nothing is written in its place
      instead token "write `word`"
              ^
      a.grammar:3:1: note: the rule is here
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
      a.grammar:1:14: error: the character `'` means nothing in a grammar; a string stands in straight quotes, `"`
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
}
