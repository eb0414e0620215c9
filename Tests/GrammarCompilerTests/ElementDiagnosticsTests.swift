import Testing

/// Elements of XML.
@Suite struct ElementDiagnosticsTests {
  @Test func elementTwice() {
    expectRefused(
      """
      namespace a = "u"
      element a:b root
      element a:b
      """,
      """
      a.grammar:3:9: error: the element `a:b` is declared twice
      element a:b
              ^
      a.grammar:2:9: note: the first time here
      """)
  }

  @Test func featureTwice() {
    expectRefused(
      """
      namespace a = "u"
      element a:b root
      feature a
      feature "u"
      """,
      """
      a.grammar:4:9: error: the feature `u` is declared twice
      feature "u"
              ^
      a.grammar:3:9: note: the first time here
      """)
  }

  @Test func featureWithUnknownPrefix() {
    expectRefused(
      """
      namespace jingle = "u"
      element jingle:b root
      feature jngle
      """,
      """
      a.grammar:3:9: error: there is no namespace with the prefix `jngle`; did you mean `jingle`?
      feature jngle
              ^
      """)
  }

  @Test func featureThatIsNone() {
    expectRefused(
      """
      feature "a<b"
      """,
      """
      a.grammar:1:9: error: `a<b` is no feature: it is empty, or has a space or a `<` in it
      feature "a<b"
              ^
      a.grammar:1:9: note: XEP-0115 §5.1 ends each feature with `<`
      """)
  }

  @Test func featureWithoutName() {
    expectRefused(
      """
      feature
      """,
      """
      a.grammar:1:8: error: expected the prefix of a namespace, or the feature as a string, but the declaration ends
      feature
             ^
      """)
  }

  @Test func prefixTwice() {
    expectRefused(
      """
      namespace a = "u"
      namespace a = "v"
      element a:b root
      """,
      """
      a.grammar:2:11: error: the prefix `a` is declared twice
      namespace a = "v"
                ^
      a.grammar:1:11: note: the first time here
      """)
  }

  @Test func unknownPrefix() {
    expectRefused(
      """
      namespace jingle = "u"
      element jngle:b root
      """,
      """
      a.grammar:2:9: error: there is no namespace with the prefix `jngle`; did you mean `jingle`?
      element jngle:b root
              ^
      """)
  }

  @Test func unknownChild() {
    expectRefused(
      """
      namespace a = "u"
      element a:b root
          <a:cild>*
      element a:child
      """,
      """
      a.grammar:3:5: error: there is no element `a:cild`; did you mean `a:child`?
          <a:cild>*
          ^
      """)
  }

  @Test func childOfUnknownPrefix() {
    expectRefused(
      """
      namespace a = "u"
      element a:b root
          <c:b>
      """,
      """
      a.grammar:3:5: error: there is no element `c:b`; did you mean `a:b`?
          <c:b>
          ^
      """)
  }

  @Test func elementNotHeld() {
    expectRefused(
      """
      namespace a = "u"
      element a:b root
      element a:c
          <a:d>
      element a:d
      """,
      """
      a.grammar:3:9: error: nothing holds the element `a:c`
      element a:c
              ^
      a.grammar:3:9: note: name it as the child of another element, or mark it `root` if a stanza holds it
      """)
  }

  @Test func elementCycle() {
    expectRefused(
      """
      namespace a = "u"
      element a:b root
      element a:c
          <a:d>
      element a:d
          <a:c>
      """,
      """
      a.grammar:3:9: error: only elements that nothing holds hold the element `a:c`
      element a:c
              ^
      a.grammar:3:9: note: name it as the child of another element, or mark it `root` if a stanza holds it
      """)
  }

  @Test func elementLabelTwice() {
    expectRefused(
      """
      namespace a = "u"
      element a:b root
          @name:text
          <a:name>
      element a:name
          text:text
      """,
      """
      a.grammar:4:5: error: `a:b` has two things that would be called `name`
          <a:name>
          ^
      a.grammar:4:5: note: write a label in front: `label@attribute:type` or `label <prefix:name>`
      """)
  }

  @Test func elementReserved() {
    expectRefused(
      """
      namespace a = "u"
      element a:b root
          @index:text
          Foo@bar:text
      """,
      """
      a.grammar:3:5: error: `index` cannot be a label: generated types use that name themselves
          @index:text
          ^
      a.grammar:3:5: note: write a label in front: `label@attribute:type` or `label <prefix:name>`
      a.grammar:4:5: error: a label begins with a small letter; write `foo`
          Foo@bar:text
          ^
      a.grammar:4:5: note: write a label in front: `label@attribute:type` or `label <prefix:name>`
      """)
  }

  @Test func elementDefaults() {
    expectRefused(
      """
      namespace a = "u"
      element a:b root
          @x:UInt8 = 256
          @y:token = "a b"
          @z:E = none
          @w:UInt8 = minus
      enum E : text = "all"
      token = 1*%x61-7A
      """,
      """
      a.grammar:3:5: error: the default "256" is no UInt8, which is a number from 0 to 255
          @x:UInt8 = 256
          ^
      a.grammar:4:5: error: the default "a b" is no `token`
          @y:token = "a b"
          ^
      a.grammar:5:5: error: the default "none" is no value of `E`
          @z:E = none
          ^
      a.grammar:6:5: error: the default "minus" is no UInt8, which is a number from 0 to 255
          @w:UInt8 = minus
          ^
      """)
  }

  @Test func elementTypeUnknown() {
    expectRefused(
      """
      namespace a = "u"
      element a:b root
          @x:Uint8
          @y:string
          text:tokn
      token = 1*%x61-7A
      """,
      """
      a.grammar:3:8: error: there is no rule `Uint8`; did you mean `UInt8`?
          @x:Uint8
             ^
      a.grammar:4:8: error: there is no rule `string`
          @y:string
             ^
      a.grammar:5:10: error: there is no rule `tokn`; did you mean `token`?
          text:tokn
               ^
      """)
  }

  @Test func elementTypeShape() {
    expectRefused(
      """
      namespace a = "u"
      element a:b root
          @x:pair
      pair = a:token ":" b:token
      token = 1*%x61-7A
      """,
      """
      a.grammar:3:8: error: an attribute holds a text, a number, an enum or a token, and `pair` has captures
          @x:pair
             ^
      """)
  }
}
