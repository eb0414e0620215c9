import Testing

@testable import GrammarCompiler

/// What the mapping does not cover, on one way or on both, and what it says of functions and tables: the words.
@Suite struct MappingCoverageTests {
  private func expect(
    _ changes: [(String, String)], sdp: (String, String) = ("", ""), jingle: (String, String) = ("", ""),
    _ expected: String, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    var mapping = MappingSample.mappingGrammar
    for (old, new) in changes {
      #expect(mapping.contains(old), sourceLocation: sourceLocation)
      mapping = mapping.replacing(old, with: new)
    }
    func changed(_ grammar: String, _ change: (String, String)) -> String {
      change.0.isEmpty ? grammar : grammar.replacing(change.0, with: change.1)
    }
    let diagnostics = MappingSample.diagnostics(
      mapping, sdp: changed(MappingSample.sdpGrammar, sdp), jingle: changed(MappingSample.jingleGrammar, jingle))
    #expect(diagnostics == expected, sourceLocation: sourceLocation)
  }

  @Test("A line of SDP of which no field is written")
  func aFieldThatNobodyWrites() {
    expect(
      [("mid.tag <-> @name", "mid.tag -> @name\n    lost <- @name \"why\"")],
      """
      media.grammar:10:1: error: no row writes `a=mid` at media level on the way to SDP, and no `elsewhere` line excuses it
      map media <-> <j:content>
      ^
      media.grammar:10:1: note: add a row for it, or write `elsewhere <- mid "why"`

      """)
  }

  @Test("An attribute of Jingle that is read, but never written")
  func anAttributeThatNobodyWrites() {
    expect(
      [("item <-> @id", "item <- @id")],
      """
      media.grammar:18:5: error: no row writes `@id` of `<j:type>` on the way to Jingle, and no `elsewhere` line excuses it
          each media.formats <-> <j:type>
          ^
      media.grammar:18:5: note: add a row for it, or write `elsewhere -> @id "why"`

      """)
  }

  @Test("A line of SDP that is read, but never written")
  func aLineThatNobodyWrites() {
    expect(
      [("mux <-> <j:mux>", "mux -> <j:mux>\n    lost <- <j:mux> \"why\"")],
      """
      media.grammar:10:1: error: no row writes `a=mux` at media level on the way to SDP, and no `elsewhere` line excuses it
      map media <-> <j:content>
      ^
      media.grammar:10:1: note: add a row for it, or write `elsewhere <- mux "why"`

      """)
  }

  @Test("What goes one way is excused for the other")
  func oneWayExcused() {
    expect(
      [("mux <-> <j:mux>", "mux -> <j:mux>\n    lost <- <j:mux> \"why\"\n    elsewhere <- mux \"why\"")],
      "")
  }

  @Test("An excuse for both ways, of which rows map one")
  func anExcuseForBothWays() {
    expect(
      [("elsewhere -> media.port", "elsewhere media.port")],
      """
      media.grammar:13:15: error: `media.port` is excused on both ways, but line 14 maps it towards SDP
          elsewhere media.port "elsewhere"
                    ^
      media.grammar:13:15: note: excuse the other way only: `elsewhere -> media.port "why"`

      """)
  }

  @Test("An excuse for what is mapped")
  func anExcuseForNothing() {
    expect(
      [("mux <-> <j:mux>", "mux <-> <j:mux>\n    lost mux \"why\"")],
      """
      media.grammar:18:10: error: `mux` is mapped in line 17, so nothing of it is left to excuse
          lost mux "why"
               ^

      """)
  }

  @Test("Two excuses for one thing")
  func anExcuseTwice() {
    expect(
      [("lost label \"none\"\nmap", "lost label \"none\"\n    lost label \"again\"\nmap")],
      """
      media.grammar:10:10: error: `label` is excused twice
          lost label "again"
               ^
      media.grammar:9:10: note: the first time here

      """)
  }

  @Test("Only what is read is lost")
  func lostWhereItIsWritten() {
    expect(
      [("mux <-> <j:mux>", "mux <- <j:mux>\n    lost -> mux \"why\"\n    lost -> <j:mux> \"why\"")],
      """
      media.grammar:19:13: error: `<j:mux>` is not read on this way, so it cannot be lost
          lost -> <j:mux> "why"
                  ^
      media.grammar:19:13: note: write `elsewhere -> <j:mux> "why"` where nothing makes it

      """)
  }

  @Test("A row for a part of the cases")
  func conditions() {
    expect(
      [("encoding <-> @name", "encoding <-> @name  when @id")],
      """
      media.grammar:21:13: error: `@name` of `<j:type>` is not read unless @id
                  encoding <-> @name  when @id
                  ^
      media.grammar:21:13: note: add a row for that case, or write `lost <- @name unless @id "why"`

      """)
  }

  @Test("The other cases are excused")
  func conditionsExcused() {
    expect(
      [("encoding <-> @name", "encoding <-> @name  when @id\n            lost <- @name unless @id \"why\"")],
      "")
  }

  @Test("A line that is always there, in an element that may be missing")
  func demanded() {
    expect(
      [
        (
          "media.kind <-> @kind",
          "elsewhere -> media.kind \"why\"\n    media.kind <- @kind\n    elsewhere -> @kind \"why\""
        )
      ], jingle: ("@kind:text", "@kind:text?"),
      """
      media.grammar:13:5: error: `kind` of `m=` is not always written here, and there is no `m=` without it
          media.kind <- @kind
          ^
      media.grammar:13:5: note: add a row that writes it where this one does not, or write `elsewhere <- media.kind "why"`

      """)
  }

  @Test("A function that is not declared")
  func unknownFunction() {
    expect(
      [("<- function ports", "<- function port")],
      """
      media.grammar:14:28: error: there is no function `port`; did you mean `ports`?
          media.port <- function port
                                 ^

      """)
  }

  @Test("A function that is not declared, and none like it")
  func unknownFunctionNamed() {
    expect(
      [("<- function ports", "<- function address")],
      """
      media.grammar:14:28: error: there is no function `address`
          media.port <- function address
                                 ^
      media.grammar:14:28: note: declare it: `function address` in the first column, and below it what it reads and writes

      """)
  }

  @Test("A function that no row names")
  func unusedFunction() {
    expect(
      [("function ports\n    media", "function others\n    mid <- nothing\nfunction ports\n    media")],
      """
      media.grammar:24:10: error: no row names the function `others`
      function others
               ^

      """)
  }

  @Test("A function that is declared twice")
  func functionTwice() {
    expect(
      [("function ports\n    media", "function ports\n    mid <- nothing\nfunction ports\n    media")],
      """
      media.grammar:26:10: error: the function `ports` is declared twice
      function ports
               ^
      media.grammar:24:10: note: the first time here

      """)
  }

  @Test("Names in the declaration of a function")
  func functionNames() {
    expect(
      [("media.port <- nothing", "media.prt, md <- <j:content> @nme, <j:mx>")],
      """
      media.grammar:25:11: error: `media` has no field `prt`; did you mean `port`?
          media.prt, md <- <j:content> @nme, <j:mx>
                ^
      media.grammar:25:16: error: SDP has no line or attribute `md`; did you mean `mid`?
          media.prt, md <- <j:content> @nme, <j:mx>
                     ^
      media.grammar:25:34: error: `<j:content>` has no attribute `@nme`; did you mean `@name`?
          media.prt, md <- <j:content> @nme, <j:mx>
                                       ^
      media.grammar:25:40: error: there is no element `<j:mx>`; did you mean `<j:mux>`?
          media.prt, md <- <j:content> @nme, <j:mx>
                                             ^

      """)
  }

  @Test("A function that is declared for something else")
  func functionOfOtherThings() {
    expect(
      [("media.port <- nothing", "media.kind <- nothing")],
      """
      media.grammar:14:28: error: the function `ports` is not declared to write `media.port` towards SDP
          media.port <- function ports
                                 ^
      media.grammar:24:10: note: add it to the declaration, which is here

      """)
  }

  @Test("A function that makes a line without its fields")
  func functionOfAWhole() {
    expect(
      [
        ("    mid.tag <-> @name", "    mid <-> <j:mux>  function ports"),
        ("    mux <-> <j:mux>\n", "    elsewhere mux @name \"why\"\n"),
        ("media.port <- nothing", "media.port <- nothing\n    mid <-> <j:mux>"),
      ],
      """
      media.grammar:11:31: error: the function `ports` is not declared to write `mid.tag`, without which there is no `mid`, towards SDP
          mid <-> <j:mux>  function ports
                                    ^
      media.grammar:24:10: note: add it to the declaration, which is here

      """)
  }

  @Test("The form of a function's declaration")
  func functionSyntax() {
    expect(
      [("media.port <- nothing", "media.port <- @name")],
      """
      media.grammar:25:19: error: expected an element, `<prefix:name>`, found `@`
          media.port <- @name
                        ^

      """)
  }

  @Test("The form of a function's declaration, on one line")
  func functionOnOneLine() {
    expect(
      [("function ports\n    media.port <- nothing", "function ports media.port <- nothing")],
      """
      media.grammar:24:16: error: expected what it reads and writes, on lines of their own, found `media`
      function ports media.port <- nothing
                     ^

      """)
  }

  @Test("A predicate that is not declared")
  func predicates() {
    expect(
      [("mux <-> <j:mux>", "mux <-> <j:mux>  if muxed")],
      """
      media.grammar:17:25: error: there is no predicate `muxed`
          mux <-> <j:mux>  if muxed
                              ^
      media.grammar:17:25: note: declare it: `predicate muxed` in the first column

      """)
  }

  @Test("A predicate that no row asks for, and one declared twice")
  func predicatesUnused() {
    expect(
      [("function ports\n    media", "predicate a / b\nfunction ports\n    media")],
      """
      media.grammar:24:11: error: no row asks for the predicate `a`
      predicate a / b
                ^
      media.grammar:24:15: error: no row asks for the predicate `b`
      predicate a / b
                    ^

      """)
  }

  @Test("A predicate that is declared twice")
  func predicatesTwice() {
    expect(
      [("function ports\n    media", "predicate a / a\nfunction ports\n    media")],
      """
      media.grammar:24:15: error: the predicate `a` is declared twice
      predicate a / a
                    ^
      media.grammar:24:11: note: the first time here

      """)
  }

  @Test("A table without its keys")
  func keysMissing() {
    expect(
      [("table direction", "table types\n    payloadType  encoding\n    0            A\ntable direction")],
      """
      media.grammar:1:7: error: the table `types` does not say for which keys it has rows
      table types
            ^
      media.grammar:1:7: note: write `table types from 0 to 9`, and a row of `-` for keys that mean nothing

      """)
  }

  @Test("A table with a gap, and with a key that stands twice")
  func keyGaps() {
    expect(
      [
        (
          "table direction",
          "table types from 0 to 9\n    payloadType  encoding\n    0            A\n    3-9          -\ntable direction"
        ), ("<-> here\n            enc", "<-> here  else types\n            enc"),
      ],
      """
      media.grammar:3:5: error: the table `types` has no row for 1-2
          0            A
          ^
      media.grammar:3:5: note: add it behind this line, with `-` in each cell if the key means nothing

      """)
  }

  @Test("A key that stands twice")
  func keyTwice() {
    expect(
      [
        (
          "table direction",
          "table types from 0 to 9\n    payloadType  encoding\n    0-4          A\n    3-9          -\ntable direction"
        )
      ],
      """
      media.grammar:4:5: error: the key 3 stands twice; the first time in line 3
          3-9          -
          ^

      """)
  }

  @Test("A key that is none of the table")
  func keyOutside() {
    expect(
      [("table direction", "table types from 0 to 9\n    payloadType  encoding\n    0-10         A\ntable direction")],
      """
      media.grammar:3:5: error: `types` has rows from 0 to 9, not for 0-10
          0-10         A
          ^

      """)
  }

  @Test("Keys that end before they begin")
  func keysBackwards() {
    expect(
      [("table direction", "table types from 9 to 0\n    payloadType  encoding\n    0-10         A\ntable direction")],
      """
      media.grammar:1:23: error: the last key, 0, is less than the first, 9
      table types from 9 to 0
                            ^

      """)
  }

  @Test("A new attribute that nothing maps is one mistake")
  func newAttribute() {
    expect(
      [], jingle: ("element j:type\n", "element j:type\n    @max:UInt32?\n"),
      """
      media.grammar:18:5: error: no row maps `@max` of `<j:type>`, and no `lost` line excuses it
          each media.formats <-> <j:type>
          ^
      media.grammar:18:5: note: add a row for it, or write `lost @max "why"`

      """)
  }

  @Test("A new line that nothing maps is one mistake")
  func newLine() {
    expect(
      [], sdp: ("attribute mux at media", "attribute mux at media\nattribute tool at session media"),
      """
      media.grammar:10:1: error: no row maps `a=tool` at media level, and no `lost` line excuses it
      map media <-> <j:content>
      ^
      media.grammar:10:1: note: add a row for it, or write `lost tool "why"`

      """)
  }
}
