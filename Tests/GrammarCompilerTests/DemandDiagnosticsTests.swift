import Testing

/// What is demanded besides the form: numbers with limits, and parts that call for others.
@Suite struct DemandDiagnosticsTests {
  @Test func numbersThatAreNone() {
    expectRefused(
      """
      number port-number = 9 to 1
      number Port = one to 2
      attribute a at media = value:port-number
      """,
      """
      a.grammar:1:8: error: no number is from 9 to 1
      number port-number = 9 to 1
             ^
      a.grammar:2:15: error: expected the least number, found `one`
      number Port = one to 2
                    ^
      """)
  }

  @Test func numbersThatNobodyUsesOrThatAreTwice() {
    expectRefused(
      """
      number layer = 0 to 3
      number layer = 0 to 7
      attribute a at media = value:layer
      """,
      """
      a.grammar:2:8: error: the number `layer` is declared twice
      number layer = 0 to 7
             ^
      a.grammar:1:8: note: the first time here
      """)
    expectRefused(
      """
      number layer = 0 to 3
      """,
      """
      a.grammar:1:8: error: nothing uses the number `layer`
      number layer = 0 to 3
             ^
      """)
  }

  @Test func anExampleBeyondTheLimits() {
    expectRefused(
      """
      number layer = 1 to 3
      attribute a at media = value:layer
          example 0
          example 3
          example 4
      """,
      """
      a.grammar:3:13: error: the example does not fit the rule: expected a number from 1 to 3 here
          example 0
                  ^
      a.grammar:5:13: error: the example does not fit the rule: expected a number from 1 to 3 here
          example 4
                  ^
      """)
  }

  @Test func fieldsThatCallForOthers() {
    expectRefused(
      """
      attribute a at media = hash:word SP value:word
          when hsah = "x" needs value:pair
          when hash = "x" needs valeu:pair
          when hash = "x" needs value:pear
      word = 1*letter
      pair = 2letter
      letter = %x61-7A
      SP = %x20 written " "
      """,
      """
      a.grammar:2:10: error: there is no field of `a` that is called `hsah`; did you mean `hash`?
          when hsah = "x" needs value:pair
               ^
      a.grammar:3:27: error: there is no field of `a` that is called `valeu`; did you mean `value`?
          when hash = "x" needs valeu:pair
                                ^
      a.grammar:4:33: error: there is no rule `pear`
          when hash = "x" needs value:pear
                                      ^
      """)
  }

  @Test func elementsThatCallForOthers() {
    expectRefused(
      """
      namespace x = "urn:x"
      element x:a root
          @kind:Kind
          @name:text?
          parts <x:b>*    unique @id @nmae
          <x:c>?
          one of <x:b> <x:d>
          when @knid = "one" needs @name
          when @kind = "one" needs @id
          when @kind = "three" needs @name
          when @kind = "one" needs <x:d>
          unless @kind = "one" needs name:pair
      element x:b
          @id:text
          @name:text
      element x:c
      enum Kind = "one" / "two"
      pair = 2%x61-7A
      """,
      """
      a.grammar:5:33: error: there is no attribute of `x:b` `nmae`; did you mean `name`?
          parts <x:b>*    unique @id @nmae
                                      ^
      a.grammar:7:18: error: there is no child of `x:a` `x:d`; did you mean `x:b`?
          one of <x:b> <x:d>
                       ^
      a.grammar:7:18: note: it is named in 1 more place
      a.grammar:8:11: error: there is no attribute of `x:a` `knid`; did you mean `kind`?
          when @knid = "one" needs @name
                ^
      a.grammar:9:31: error: there is no attribute of `x:a` `id`
          when @kind = "one" needs @id
                                    ^
      a.grammar:10:11: error: "three" is no value of `Kind`
          when @kind = "three" needs @name
                ^
      """)
  }

  @Test func withoutNeeds() {
    expectRefused(
      """
      attribute a at media = hash:word SP value:word
          when hash = "x" "y" value:pair
      namespace x = "urn:x"
      element x:a root
          @name:text?
          when @name = "one" @name
          @kind:text
          unless @name = one needs @kind
      """,
      """
      a.grammar:2:25: error: expected another value or `needs`, found `value`
          when hash = "x" "y" value:pair
                              ^
      a.grammar:6:24: error: expected another value or `needs`, found `@`
          when @name = "one" @name
                             ^
      """)
  }
}
