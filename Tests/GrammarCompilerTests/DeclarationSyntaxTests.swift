import Testing

@testable import GrammarCompiler

/// Mistakes in the form of declarations other than rules.
@Suite struct DeclarationSyntaxTests {
  @Test func headerNoName() {
    expectRefused(
      """
      header = value:a
      """,
      """
      a.grammar:1:16: error: there is no rule `a`
      header = value:a
                     ^
      """)
  }

  @Test func headerFlag() {
    expectRefused(
      """
      header A requird = value:a
      a = "x"
      """,
      """
      a.grammar:1:10: error: expected `required`, `many` or `=`, found `requird`
      header A requird = value:a
               ^
      """)
  }

  @Test func headerNoShape() {
    expectRefused(
      """
      header A
      a = "x"
      """,
      """
      a.grammar:1:9: error: expected `required`, `many` or `=`, but the declaration ends
      header A
              ^
      """)
  }

  @Test func lineLong() {
    expectRefused(
      """
      line vv version = value:a
      a = "x"
      """,
      """
      a.grammar:1:6: error: a line of SDP begins with one letter, not `vv`
      line vv version = value:a
           ^
      """)
  }

  @Test func lineDigit() {
    expectRefused(
      """
      line 0 version = value:a
      a = "x"
      """,
      """
      a.grammar:1:6: error: expected the letter of the line, found `0`
      line 0 version = value:a
           ^
      """)
  }

  @Test func attributeLevel() {
    expectRefused(
      """
      attribute a at sesion = value:a
      a = "x"
      """,
      """
      a.grammar:1:16: error: an attribute stands at session, media or source, not `sesion`
      attribute a at sesion = value:a
                     ^
      """)
  }

  @Test func attributeLevelTwice() {
    expectRefused(
      """
      attribute a at media media
      """,
      """
      a.grammar:1:22: error: `media` stands here twice
      attribute a at media media
                           ^
      """)
  }

  @Test func attributeWithoutLevel() {
    expectRefused(
      """
      attribute a at
      attribute b = value:
      attribute c
      """,
      """
      a.grammar:1:15: error: expected `session`, `media` or `source`, but the declaration ends
      attribute a at
                    ^
      a.grammar:2:21: error: expected the type of `value` directly behind its `:`, but the declaration ends
      attribute b = value:
                          ^
      """)
  }

  @Test func enumNoString() {
    expectRefused(
      """
      enum E : text = A / B
      """,
      """
      a.grammar:1:17: error: expected a value of the enum, as a string, found `A`
      enum E : text = A / B
                      ^
      """)
  }

  @Test func enumNoEquals() {
    expectRefused(
      """
      enum E text
      """,
      """
      a.grammar:1:8: error: expected `=`, found `text`
      enum E text
             ^
      """)
  }

  @Test func statusNoPhrase() {
    expectRefused(
      """
      statuses
          100 Trying
      """,
      """
      a.grammar:2:9: error: expected the reason phrase, as a string, found `Trying`
          100 Trying
              ^
      """)
  }

  @Test func statusText() {
    expectRefused(
      """
      statuses
          100
      """,
      """
      a.grammar:2:8: error: expected the reason phrase, as a string, but the declaration ends
          100
             ^
      """)
  }

  @Test func statusNoCode() {
    expectRefused(
      """
      statuses
          "Trying"
      """,
      """
      a.grammar:2:5: error: expected a status code, found "Trying"
          "Trying"
          ^
      """)
  }

  @Test func namespaceNoString() {
    expectRefused(
      """
      namespace x = urn
      """,
      """
      a.grammar:1:15: error: expected the namespace, as a string, found `urn`
      namespace x = urn
                    ^
      """)
  }

  @Test func targetWithoutGenerates() {
    expectRefused(
      """
      target A makes b
      """,
      """
      a.grammar:1:10: error: expected `generates`, found `makes`
      target A makes b
               ^
      """)
  }

  @Test func targetNothing() {
    expectRefused(
      """
      target A generates
      """,
      """
      a.grammar:1:19: error: expected a folder of grammars, but the declaration ends
      target A generates
                        ^
      """)
  }

  @Test func elementNoPrefix() {
    expectRefused(
      """
      element payload
      """,
      """
      a.grammar:1:16: error: expected `:` and the name of the element
      element payload
                     ^
      a.grammar:1:16: note: an element is named with the prefix of its namespace: `element prefix:payload`
      """)
  }

  @Test func elementTwoOnLine() {
    expectRefused(
      """
      namespace a = "u"
      element a:b root
          @x:text @y:text
      """,
      """
      a.grammar:3:13: error: expected the next attribute or child on a line of its own, found `@`
          @x:text @y:text
                  ^
      """)
  }

  @Test func elementOdd() {
    expectRefused(
      """
      namespace a = "u"
      element a:b root
          ( "x" )
      """,
      """
      a.grammar:3:5: error: expected `@attribute:type`, `<prefix:element>` or `text:type`, found `(`
          ( "x" )
          ^
      """)
  }

  @Test func elementChildNoPrefix() {
    expectRefused(
      """
      namespace a = "u"
      element a:b root
          <c>
      """,
      """
      a.grammar:3:5: error: a child is written <prefix:name>
          <c>
          ^
      """)
  }

  @Test func elementDefaultMissing() {
    expectRefused(
      """
      namespace a = "u"
      element a:b root
          @x:text =
      """,
      """
      a.grammar:3:14: error: expected the default value, but the declaration ends
          @x:text =
                   ^
      """)
  }

  @Test func elementTwoTexts() {
    expectRefused(
      """
      namespace a = "u"
      element a:b root
          text:text
          text:text
      """,
      """
      a.grammar:4:5: error: the character data of `a:b` is declared twice
          text:text
          ^
      """)
  }

  @Test func elementOptionalWithDefault() {
    expectRefused(
      """
      namespace a = "u"
      element a:b root
          @x:UInt8? = 3
      """,
      """
      a.grammar:3:15: error: an attribute with a default is optional anyway; leave out the `?`
          @x:UInt8? = 3
                    ^
      """)
  }

  @Test func paramsNoSeparator() {
    expectRefused(
      """
      params x
          a = value:b
      """,
      """
      a.grammar:2:5: error: expected what stands between name and value, such as EQUAL, found `a`
          a = value:b
          ^
      """)
  }

  @Test func paramsRowJunk() {
    expectRefused(
      """
      params x EQUAL
          a = value:b c d ]
          e
      """,
      """
      a.grammar:2:21: error: expected the end of the row, found `]`
          a = value:b c d ]
                          ^
      """)
  }

  @Test func paramsTwoOnLine() {
    expectRefused(
      """
      params x EQUAL
          a b
      """,
      """
      a.grammar:2:7: error: expected the next parameter on a line of its own, found `b`
          a b
            ^
      """)
  }

  @Test("A value in brackets may be missing, and its colon with it")
  func optionalAttributeValue() {
    let grammar = """
      word = 1*%x61-7A
      attribute flag at media
      attribute maybe at media = [ value:word ]
      attribute always at media = value:word
      attribute ends at media = first:word [ "," second:word ]
      """
    #expect(compiled(grammar).renderedDiagnostics == "")
    #expect(compiled(grammar).model.attributes.map(\.isValueOptional) == [false, true, false, false])
    #expect(compiled(grammar).model.attributes[1].shape?.fields.map(\.isOptional) == [true])
    expectRefused(
      "attribute maybe at media = [ \"x\" ]",
      """
      a.grammar:1:28: error: whether this optional part was there cannot be written back, since nothing in it is captured
      attribute maybe at media = [ "x" ]
                                 ^
      a.grammar:1:28: note: capture it, such as `label:"text"`, or make it a part of a token with a canonical spelling
      """)
  }
}
