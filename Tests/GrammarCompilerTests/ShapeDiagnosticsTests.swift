import Foundation
import Testing

/// What is no shape: what could not be written back, labels and types that do not fit.
@Suite struct ShapeDiagnosticsTests {
  @Test func leftRecursionShape() {
    expectRefused(
      """
      header A = list:list
      list = [ list "," ] item:item
      item = "x"
      """,
      """
      a.grammar:2:1: error: the shape `list` contains itself (list → list); nothing would bound its depth
      list = [ list "," ] item:item
      ^
      a.grammar:2:1: note: write the repetition with `*`: `item *( separator item )`
      """)
  }

  @Test func rightRecursionShape() {
    expectRefused(
      """
      header A = value:group
      group = name:token "(" [ inner:group ] ")"
      token = 1*%x61-7A
      """,
      """
      a.grammar:2:1: error: the shape `group` contains itself (group → group); nothing would bound its depth
      group = name:token "(" [ inner:group ] ")"
      ^
      a.grammar:2:1: note: write the repetition with `*`: `item *( separator item )`
      """)
  }

  @Test func emptyRepetitionShape() {
    expectRefused(
      """
      header A = *( items:b )
      b = [ "x" ]
      """,
      """
      a.grammar:1:15: error: this repeats something that can be empty
      header A = *( items:b )
                    ^
      """)
  }

  @Test func emptyCommaList() {
    expectRefused(
      """
      header A = #items:b
      b = *"x"
      COMMA = "," written ","
      """,
      """
      a.grammar:1:12: error: this repeats something that can be empty
      header A = #items:b
                 ^
      """)
  }

  @Test func uncapturedToken() {
    expectRefused(
      """
      header A = token value:token
      token = 1*%x61-7A
      """,
      """
      a.grammar:1:12: error: the token `token` that nothing captures cannot be written back
      header A = token value:token
                 ^
      a.grammar:1:12: note: capture it with a label in front, such as `value:token`, or let its rule say how it \
      is written: `written "…"`
      """)
  }

  @Test func uncapturedRange() {
    expectRefused(
      """
      header A = %x30-39 value:token
      token = 1*%x61-7A
      """,
      """
      a.grammar:1:12: error: a byte of a range that nothing captures cannot be written back
      header A = %x30-39 value:token
                 ^
      a.grammar:1:12: note: capture it with a label in front, such as `value:1*DIGIT`, or make it a rule that says \
      how it is written: `written "…"`
      """)
  }

  @Test func uncapturedRepetition() {
    expectRefused(
      """
      header A = *"x" value:token
      token = 1*%x61-7A
      """,
      """
      a.grammar:1:12: error: a repetition that nothing captures cannot be written back
      header A = *"x" value:token
                 ^
      a.grammar:1:12: note: capture it with a label in front, such as `value:1*DIGIT`, or make it a rule that says \
      how it is written: `written "…"`
      """)
  }

  @Test func uncapturedOptional() {
    expectRefused(
      """
      header A = value:token [ "!" ]
      token = 1*%x61-7A
      """,
      """
      a.grammar:1:24: error: whether this optional part was there cannot be written back, since nothing in it is \
      captured
      header A = value:token [ "!" ]
                             ^
      a.grammar:1:24: note: capture it, such as `label:"text"`, or make it a part of a token with a canonical spelling
      """)
  }

  @Test func uncapturedChoice() {
    expectRefused(
      """
      header A = ( COMMA / SEMI ) value:token
      COMMA = "," written ","
      SEMI = ";" written ";"
      token = 1*%x61-7A
      """,
      """
      a.grammar:1:22: error: nothing tells which of these alternatives is to be written: neither this one nor the \
      one in column 14 captures anything
      header A = ( COMMA / SEMI ) value:token
                           ^
      a.grammar:1:22: note: capture them, such as `label:"text"`, or the choice as a whole: `label:( … / … )`
      """)
  }

  @Test func writtenOnShape() {
    expectRefused(
      """
      header A = party:party
      party = value:token written "x"
      token = 1*%x61-7A
      """,
      """
      a.grammar:2:1: error: `party` has captures, so it is no token and `written` means nothing here
      party = value:token written "x"
      ^
      """)
  }

  @Test func tolerateOnShape() {
    expectRefused(
      """
      header A = party:party
      party = value:token tolerate "x"
      token = 1*%x61-7A
      """,
      """
      a.grammar:2:1: error: `party` has captures, so it is no token and `tolerate` means nothing here
      party = value:token tolerate "x"
      ^
      """)
  }

  @Test("`tolerate` within a shape or behind an attribute is a row of the deviations")
  func toleratePart() {
    let compilation = compiled(
      """
      ; RFC 1
      header A = value:token [ tolerate ":" port:UInt16 ] *( tolerate ";" flags:token )
      ; RFC 2
      party = ( when word name:token / tolerate "<" tolerate:token ">" )
      header B = party
      token = 1*%x61-7A
      word = 1*%x61-6D
      namespace n = "urn:n"
      ; XEP 3
      element n:x root
          @a:UInt8? tolerate
          @b:UInt8 = 1
          tolerate@c:UInt8?
      """)
    #expect(compilation.renderedDiagnostics == "")
    let rows = compilation.document().split(separator: "\n").filter { $0.contains("a.grammar:") }
    #expect(
      rows == [
        "| `<n:x>` | a.grammar:11 | XEP 3 |", "| A | a.grammar:2 | RFC 1 |", "| A | a.grammar:2 | RFC 1 |",
        "| party | a.grammar:4 | RFC 2 |",
      ])
    expectRefused(
      """
      header A = tolerate value:token
      token = 1*%x61-7A
      """,
      """
      a.grammar:1:12: error: expected an expression, found `tolerate`
      header A = tolerate value:token
                 ^
      """)
  }

  @Test func flagAlwaysThere() {
    expectRefused(
      """
      header A = flag:"x"
      """,
      """
      a.grammar:1:12: error: `flag` captures a literal that is always there; only one in `[ ]` or an alternative \
      tells something
      header A = flag:"x"
                 ^
      """)
  }

  @Test func flagInList() {
    expectRefused(
      """
      header A = *( ";" flag:"x" )
      """,
      """
      a.grammar:1:19: error: a literal in a list tells nothing
      header A = *( ";" flag:"x" )
                        ^
      a.grammar:1:19: note: capture a token rule instead
      """)
  }

  @Test func labelTwice() {
    expectRefused(
      """
      header A = value:token ":" value:token
      token = 1*%x61-7A
      """,
      """
      a.grammar:1:28: error: `value` is captured twice, and both can be there at once
      header A = value:token ":" value:token
                                 ^
      a.grammar:1:12: note: the other one is here
      """)
  }

  @Test func labelOtherType() {
    expectRefused(
      """
      header A = value:token [ ":" value:UInt8 ]
      token = 1*%x61-7A
      """,
      """
      a.grammar:1:30: error: `value` is captured here with another type
      header A = value:token [ ":" value:UInt8 ]
                                   ^
      a.grammar:1:12: note: the other one is here
      """)
  }

  @Test func labelInAlternativesIsFine() {
    expectAccepted(
      """
      header A = "a" value:token / "b" value:token
      token = 1*%x61-7A
      """)
  }

  @Test func labelListAndSingle() {
    expectRefused(
      """
      header A = value:token ":" value:token *( "," value:token )
      token = 1*%x61-7A
      """,
      """
      a.grammar:1:28: error: `value` is captured twice, and both can be there at once
      header A = value:token ":" value:token *( "," value:token )
                                 ^
      a.grammar:1:12: note: the other one is here
      """)
  }

  @Test func captureOfGroupWithCaptures() {
    expectRefused(
      """
      header A = value:( a:token ":" b:token )
      token = 1*%x61-7A
      """,
      """
      a.grammar:1:12: error: `value` captures a group with captures of its own; give the group a rule
      header A = value:( a:token ":" b:token )
                 ^
      """)
  }

  @Test func repeatedGroupTwoCaptures() {
    expectRefused(
      """
      header A = *( ";" a:token "=" b:token )
      token = 1*%x61-7A
      """,
      """
      a.grammar:1:12: error: a repeated group holds exactly one capture
      header A = *( ";" a:token "=" b:token )
                 ^
      a.grammar:1:12: note: give the group a rule of its own and capture that: `*( separator label:rule )`
      """)
  }

  @Test func repeatedGroupOptional() {
    expectRefused(
      """
      header A = *( ";" [ a:token ] )
      token = 1*%x61-7A
      """,
      """
      a.grammar:1:12: error: a repeated group holds exactly one capture
      header A = *( ";" [ a:token ] )
                 ^
      a.grammar:1:12: note: give the group a rule of its own and capture that: `*( separator label:rule )`
      """)
  }

  @Test func commaListOfGroup() {
    expectRefused(
      """
      header A = #( a:token b:token )
      token = 1*%x61-7A
      COMMA = "," written ","
      """,
      """
      a.grammar:1:12: error: a comma list repeats one capture, such as `1#label:rule`
      header A = #( a:token b:token )
                 ^
      """)
  }

  @Test func commaListOfToken() {
    expectRefused(
      """
      header A = #token
      token = 1*%x61-7A
      COMMA = "," written ","
      """,
      """
      a.grammar:1:13: error: the token `token` that nothing captures cannot be written back
      header A = #token
                  ^
      a.grammar:1:13: note: capture it with a label in front, such as `value:token`, or let its rule say how it \
      is written: `written "…"`
      """)
  }

  @Test func commaListNoComma() {
    expectRefused(
      """
      header A = #a:token
      token = 1*%x61-7A
      """,
      """
      a.grammar:1:12: error: a comma list wants a token rule `COMMA`: what stands between its values
      header A = #a:token
                 ^
      a.grammar:1:12: note: `core.grammar` has it; does `targets.grammar` say `using core`?
      """)
  }

  @Test func asUnknown() {
    expectRefused(
      """
      header A = value:narrow
      narrow as URL = host:token
      URI = host:token
      token = 1*%x61-7A
      """,
      """
      a.grammar:2:11: error: there is no shape `URL`; did you mean `URI`?
      narrow as URL = host:token
                ^
      """)
  }

  @Test func asUnknownField() {
    expectRefused(
      """
      header A = value:URI "," n:narrow
      URI = host:token
      narrow as URI = hots:token
      token = 1*%x61-7A
      """,
      """
      a.grammar:3:17: error: `URI` has no field `hots`, which `narrow` wants to fill
      narrow as URI = hots:token
                      ^
      """)
  }

  @Test func asOtherType() {
    expectRefused(
      """
      header A = value:URI "," n:narrow
      URI = host:token
      narrow as URI = host:UInt8
      token = 1*%x61-7A
      """,
      """
      a.grammar:3:17: error: `host` has another type in `URI`
      narrow as URI = host:UInt8
                      ^
      a.grammar:2:7: note: there it is
      """)
  }

  @Test func asMissingField() {
    expectRefused(
      """
      header A = value:URI "," n:narrow
      URI = host:token ":" port:UInt16
      narrow as URI = host:token
      token = 1*%x61-7A
      """,
      """
      a.grammar:3:1: error: `narrow` does not always fill `port`, which each `URI` has
      narrow as URI = host:token
      ^
      """)
  }

  @Test func asToken() {
    expectRefused(
      """
      header A = value:URI "," n:narrow
      URI = host:token
      narrow as token = host:token
      token = 1*%x61-7A
      """,
      """
      a.grammar:3:11: error: `token` is a token: it has no captures
      narrow as token = host:token
                ^
      """)
  }

  @Test func asWithoutCaptures() {
    expectRefused(
      """
      header A = value:URI "," n:narrow
      URI = host:token
      narrow as URI = "x"
      token = 1*%x61-7A
      """,
      """
      a.grammar:3:1: error: `narrow` captures nothing, so there is nothing of `URI` that it could fill
      narrow as URI = "x"
      ^
      """)
  }

  @Test func tokenWithAs() {
    expectRefused(
      """
      header A = value:narrow
      narrow as token = "x"
      token = 1*%x61-7A
      """,
      """
      a.grammar:2:1: error: `narrow` captures nothing, so there is nothing of `token` that it could fill
      narrow as token = "x"
      ^
      """)
  }

  @Test func asManyFieldsIsFine() {
    expectAccepted(
      """
      header A = value:URI "," n:narrow
      URI = ( "a" host:token / "b" host:token number:UInt8 ) ":" port:UInt16
      narrow as URI = host:token ":" port:UInt16
      token = 1*%x61-7A
      """)
  }

  @Test func narrowerSpellingIsFine() {
    expectAccepted(
      """
      header A = value:URI "," narrow
      URI = host:token [ ":" port:UInt16 ]
      narrow as URI = host:token
      token = 1*%x61-7A
      """)
  }

  @Test func proseInShape() {
    expectRefused(
      """
      header A = a:token <nested comment>
      token = 1*%x61-7A
      """,
      """
      a.grammar:1:20: error: `<nested comment>` stands alone in its rule
      header A = a:token <nested comment>
                         ^
      """)
  }

  @Test func literalAboveASCII() {
    expectRefused(
      """
      header A = value:token %xC3.A4 other:token
      token = 1*%x61-7A
      """,
      """
      a.grammar:1:24: error: bytes above %x7F cannot be written as a literal
      header A = value:token %xC3.A4 other:token
                             ^
      a.grammar:1:24: note: capture them: `label:rule`, with a token rule that matches them
      """)
  }

  @Test func byteAboveASCIIIsFine() {
    expectAccepted(
      """
      header A = value:token %xE4 other:token
      token = 1*%x61-7A
      """)
  }

  @Test func emptyLiteral() {
    expectRefused(
      """
      header A = "" value:token
      token = 1*%x61-7A
      """,
      """
      a.grammar:1:12: error: an empty string stands for nothing here
      header A = "" value:token
                 ^
      """)
  }

  @Test func manyOptionalParts() {
    expectRefused(
      """
      header A = [ "a" a:token ] [ "b" b:token ] [ "c" c:token ] [ "d" d:token ] [ "e" e:token ] [ "f" f:token ] [ \
      "g" g:token ] [ "h" h:token ] [ "i" i:token ] [ "j" j:token ] [ "k" k:token ] [ "l" l:token ] [ "m" m:token ] \
      [ "n" n:token ] [ "o" o:token ] [ "p" p:token ] [ "q" q:token ] [ "r" r:token ] [ "s" s:token ] [ "t" t:token \
      ] [ "u" u:token ] [ "v" v:token ] [ "w" w:token ] [ "x" x:token ] [ "y" y:token ] [ "z" z:token ] [ "0" \
      aa:token ] [ "1" ab:token ] [ "2" ac:token ] [ "3" ad:token ] [ "4" ae:token ] [ "5" af:token ] [ "6" ag:token ]
      token = 1*"_"
      """,
      """
      a.grammar:1:8: error: `A` has more optional parts than fit into one type; give some of them a rule of their own
      header A = [ "a" a:token ] [ "b" b:token ] [ "c" c:token ] [ "d" d:token ] [ "e" e:token ] [ "f" f:token ] [ \
      "g" g:token ] [ "h" h:token ] [ "i" i:token ] [ "j" j:token ] [ "k" k:token ] [ "l" l:token ] [ "m" m:token ] \
      [ "n" n:token ] [ "o" o:token ] [ "p" p:token ] [ "q" q:token ] [ "r" r:token ] [ "s" s:token ] [ "t" t:token \
      ] [ "u" u:token ] [ "v" v:token ] [ "w" w:token ] [ "x" x:token ] [ "y" y:token ] [ "z" z:token ] [ "0" \
      aa:token ] [ "1" ab:token ] [ "2" ac:token ] [ "3" ad:token ] [ "4" ae:token ] [ "5" af:token ] [ "6" ag:token ]
             ^
      """)
  }

  @Test func listInAlternatives() {
    let compilation = compiled(
      """
      header A = ( "1" 1*( SP l:t ) / "2" SP n:UInt8 1*( SP l:t ) )
      t = 1*%x61-7A
      SP = %x20
      """)
    #expect(compilation.renderedDiagnostics == "")
    // A draft writes it in either of them.
    let text = compilation.emit().map(\.text).joined()
    #expect(text.components(separatedBy: "for item in l {").count == 3)
  }

  @Test func listBehindAnAlternativeWithout() {
    expectRefused(
      """
      header A = ( "1" 1*( SP l:t ) / "2" ) 1*( "," l:t )
      t = 1*%x61-7A
      SP = %x20
      """,
      """
      a.grammar:1:47: error: `l` is captured twice, and nothing tells which values of the list stand here
      header A = ( "1" 1*( SP l:t ) / "2" ) 1*( "," l:t )
                                                    ^
      a.grammar:1:25: note: the other one is here
      """)
  }
}
