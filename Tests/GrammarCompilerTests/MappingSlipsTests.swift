import Testing

@testable import GrammarCompiler

/// Rows of a mapping that are not finished or not what they look like, in what is said of them.
@Suite("Slips in the mapping")
struct MappingSlipsTests {
  private func expect(_ old: String, _ new: String, _ said: String, sourceLocation: SourceLocation = #_sourceLocation) {
    let text = MappingSample.mappingGrammar
    #expect(text.contains(old), sourceLocation: sourceLocation)
    #expect(
      MappingSample.diagnostics(text.replacing(old, with: new)) == said + "\n", sourceLocation: sourceLocation)
  }

  @Test("Rows and their arrows")
  func rowsAndTheirArrows() {
    expect(
      "mid.tag <-> @name", "mid.tag = @name",
      """
      media.grammar:11:13: error: expected `<->`, `->` or `<-`, found `=`
          mid.tag = @name
                  ^
      """)
    expect(
      "mid.tag <-> @name", "mid.tag",
      """
      media.grammar:11:12: error: expected `<->`, `->` or `<-`, but the row ends
          mid.tag
                 ^
      """)
    expect(
      "mid.tag <-> @name", "@name <-> mid.tag",
      """
      media.grammar:11:5: error: expected a line, an attribute or a field of SDP, found `@`
          @name <-> mid.tag
          ^
      media.grammar:11:5: note: SDP stands on the left, Jingle on the right
      """)
    expect(
      "mid.tag <-> @name", "mid.tag <->",
      """
      media.grammar:11:16: error: expected what it is mapped to, but the row ends
          mid.tag <->
                     ^
      """)
    expect(
      "mid.tag <-> @name", "mid.tag <-> name",
      """
      media.grammar:11:17: error: `name` means nothing behind a row of a map
          mid.tag <-> name
                      ^
      media.grammar:11:17: note: on the right of a row stands Jingle: an attribute, `@name`, or an element, `<prefix:name>`
      """)
    expect(
      "mid.tag <-> @name", "mid. <-> @name",
      """
      media.grammar:11:10: error: expected a field, found `<->`
          mid. <-> @name
               ^
      """)
    expect(
      "mid.tag <-> @name", "mid.tag <-> @",
      """
      media.grammar:11:18: error: expected the name of an attribute, but the row ends
          mid.tag <-> @
                       ^
      """)
    expect(
      "mid.tag <-> @name", "a=mid <-> @name",
      """
      media.grammar:11:6: error: expected `<->`, `->` or `<-`, found `=`
          a=mid <-> @name
           ^
      media.grammar:11:6: note: attributes of SDP are named without `a=`
      """)
    expect(
      "mid.tag <-> @name", "mid.tag <-> @name when",
      """
      media.grammar:11:27: error: expected a field or an attribute, but the row ends
          mid.tag <-> @name when
                                ^
      """)
    expect(
      "mid.tag <-> @name", "mid.tag <-> @name omit",
      """
      media.grammar:11:27: error: expected a value, as a string or a number, but the row ends
          mid.tag <-> @name omit
                                ^
      """)
    expect(
      "mid.tag <-> @name", "mid.tag <-> @name absent",
      """
      media.grammar:11:29: error: expected `as` and how the absent value is written, but the row ends
          mid.tag <-> @name absent
                                  ^
      """)
    expect(
      "mid.tag <-> @name", "mid.tag <-> @name if",
      """
      media.grammar:11:25: error: expected the name of a predicate, but the row ends
          mid.tag <-> @name if
                              ^
      """)
    expect(
      "mid.tag <-> @name", "mid.tag <-> @name in",
      """
      media.grammar:11:25: error: expected an action or a set of actions, but the row ends
          mid.tag <-> @name in
                              ^
      """)
    expect(
      "media.port <- function ports", "media.port <- function",
      """
      media.grammar:14:27: error: expected the name of a function, but the row ends
          media.port <- function
                                ^
      """)
    expect(
      "@setup  from session", "@setup  from media",
      """
      media.grammar:16:33: error: expected `session`, found `media`
          setup.role <-> @setup  from media
                                      ^
      """)
    expect(
      "@setup  from session", "@setup  through",
      """
      media.grammar:16:35: error: expected the name of a table, but the row ends
          setup.role <-> @setup  through
                                        ^
      """)
    expect(
      "        item <-> @id", "       item <-> @id",
      """
      media.grammar:20:9: error: the row above stands for one value, so no rows can stand below it
              rtpmap by payloadType <-> here
              ^
      """)
    expect(
      "mid.tag <-> @name", "mid.tag <- 3 4",
      """
      media.grammar:11:18: error: expected the end of the row, found `4`
          mid.tag <- 3 4
                       ^
      """)
  }

  @Test("Excuses")
  func excuses() {
    expect(
      "lost label \"none\"", "lost label",
      """
      media.grammar:9:15: error: expected the reason, as a string, but the declaration ends
          lost label
                    ^
      media.grammar:22:15: error: expected the reason, as a string, but the declaration ends
          lost label
                    ^
      """)
    expect(
      "lost label \"none\"", "losst label \"none\"",
      """
      media.grammar:9:11: error: expected `<->`, `->` or `<-`, found `label`
          losst label "none"
                ^
      media.grammar:9:11: note: did you mean `lost`?
      media.grammar:22:11: error: expected `<->`, `->` or `<-`, found `label`
          losst label "none"
                ^
      media.grammar:22:11: note: did you mean `lost`?
      """)
    expect(
      "lost label \"none\"", "lost label \"none\" mid",
      """
      media.grammar:9:23: error: expected the end of the row, found `mid`
          lost label "none" mid
                            ^
      media.grammar:22:23: error: expected the end of the row, found `mid`
          lost label "none" mid
                            ^
      """)
    expect(
      "elsewhere @action \"the stanza\"", "elsewhere @action when @action when @action \"x\"",
      """
      media.grammar:8:36: error: expected the reason, as a string, found `when`
          elsewhere @action when @action when @action "x"
                                         ^
      """)
    expect(
      "lost label \"none\"", "lost a=label \"none\"",
      """
      media.grammar:9:11: error: expected a line, an attribute or a field of SDP, found `=`
          lost a=label "none"
                ^
      media.grammar:9:11: note: attributes of SDP are named without `a=`
      media.grammar:22:11: error: expected a line, an attribute or a field of SDP, found `=`
          lost a=label "none"
                ^
      media.grammar:22:11: note: attributes of SDP are named without `a=`
      """)
  }

  @Test("Heads of maps, tables and functions")
  func headsOfMapsTablesAndFunctions() {
    expect(
      "map media <-> <j:content>", "map <-> <j:content>",
      """
      media.grammar:10:5: error: expected `session`, `media` or the attribute that is mapped, found `<->`
      map <-> <j:content>
          ^
      """)
    expect(
      "map media <-> <j:content>", "map media - <j:content>",
      """
      media.grammar:10:11: error: expected `<->`, found `-`
      map media - <j:content>
                ^
      """)
    expect(
      "map media <-> <j:content>", "map media <-> j:content",
      """
      media.grammar:10:15: error: expected an element, `<prefix:name>`, found `j`
      map media <-> j:content
                    ^
      """)
    expect(
      "table direction", "table",
      """
      media.grammar:3:5: error: this row has 4 cells, but `sdp` has 2 columns
          by initiator  initiator  responder
          ^
      """)
    expect(
      "sdp           sendonly   recvonly", "sdp",
      """
      media.grammar:4:8: error: expected `by initiator`, found `responder`
          by responder  responder  initiator
             ^
      """)
    expect(
      "by responder  responder  initiator\n", "by responder  responder\n",
      """
      media.grammar:4:5: error: this row has 1 cells, but `direction` has 2 columns
          by responder  responder
          ^
      """)
    expect(
      "    by responder  responder  initiator\n", "",
      """
      media.grammar:1:7: error: a table of who wrote the SDP has two rows, `by initiator` and `by responder`
      table direction
            ^
      """)
    expect(
      "by responder  responder  initiator", "by responder  responder  [x]",
      """
      media.grammar:4:30: error: expected a cell of the table, found `[`
          by responder  responder  [x]
                                   ^
      """)
    expect(
      "media.port <- nothing", "media.port <- 3",
      """
      media.grammar:25:19: error: expected an element, `<prefix:name>`, found `3`
          media.port <- 3
                        ^
      """)
    expect(
      "media.port <- nothing", "media.port <- <j:content> 3",
      """
      media.grammar:25:31: error: expected `,`, an attribute or the end of the line, found `3`
          media.port <- <j:content> 3
                                    ^
      """)
    expect(
      "function ports\n    media", "function\n    media",
      """
      media.grammar:25:10: error: expected what it reads and writes, on lines of their own, found `.`
          media.port <- nothing
               ^
      """)
  }

  @Test("What goes with what")
  func whatGoesWithWhat() {
    expect(
      "each media.formats <-> <j:type>", "media.formats <-> <j:type>",
      """
      media.grammar:18:5: error: `<j:type>` stands several times: write `each` in front
          media.formats <-> <j:type>
          ^
      """)
    expect(
      "mux <-> <j:mux>", "each mux <-> <j:mux>",
      """
      media.grammar:17:5: error: `<j:mux>` stands at most once, so `each` has nothing to repeat
          each mux <-> <j:mux>
          ^
      """)
    expect(
      "mid.tag <-> @name", "nothing <-> @name",
      """
      media.grammar:11:5: error: what comes from nothing needs a `function`
          nothing <-> @name
          ^
      """)
    expect(
      "mid.tag <-> @name", "mid.tag <-> @name\n        media.kind <-> @kind",
      """
      media.grammar:12:9: error: the row above stands for one value, so no rows can stand below it
              media.kind <-> @kind
              ^
      """)
    expect(
      "mid.tag <-> @name", "mid.tag, media.port <-> @name",
      """
      media.grammar:11:5: error: several parts of SDP together need a `function`
          mid.tag, media.port <-> @name
          ^
      """)
    expect(
      "mid.tag <-> @name", "mid.tag <-> <j:mux>",
      """
      media.grammar:11:5: error: `mid.tag` is one value: it is mapped to an attribute, `text` or a constant
          mid.tag <-> <j:mux>
          ^
      """)
    expect(
      "media.kind <-> @kind", "media.kind -> \"x\"",
      """
      media.grammar:12:5: error: a constant has no counterpart in Jingle: it is written `<-`
          media.kind -> "x"
          ^
      """)
    expect(
      "media.kind <-> @kind", "media.kind + mid.tag <-> @kind",
      """
      media.grammar:12:5: error: a pair of fields is mapped to a pair of attributes, `@a + @b`
          media.kind + mid.tag <-> @kind
          ^
      """)
    expect(
      "media.kind <-> @kind", "words of media.port <-> <j:type> @id = @name",
      """
      media.grammar:12:14: error: `media.port` is no text that could be cut into words
          words of media.port <-> <j:type> @id = @name
                   ^
      """)
    expect(
      "media.kind <-> @kind", "words of media.kind <-> @kind",
      """
      media.grammar:12:5: error: words are mapped to an element, `<prefix:name> @name = @value`
          words of media.kind <-> @kind
          ^
      """)
    expect(
      "media.kind <-> @kind", "member \"x\" of media.kind <-> @kind",
      """
      media.grammar:12:19: error: `media.kind` is no list of texts of a line
          member "x" of media.kind <-> @kind
                        ^
      """)
    expect(
      "one of direction <-> @senders", "one of directions <-> @senders",
      """
      media.grammar:15:12: error: there is no such table `directions`; did you mean `direction`?
          one of directions <-> @senders
                 ^
      """)
    expect(
      "one of direction <-> @senders", "one of direction <-> <j:mux>",
      """
      media.grammar:15:5: error: a choice of attributes is mapped to an attribute, `@name`
          one of direction <-> <j:mux>
          ^
      """)
    expect(
      "media.kind <-> @kind", "mux.kind <-> @kind",
      """
      media.grammar:12:9: error: `a=mux` has no value, and so no field
          mux.kind <-> @kind
              ^
      """)
    expect(
      "media.kind <-> @kind", "media.kind <-> text",
      """
      media.grammar:12:20: error: `<j:content>` has no text
          media.kind <-> text
                         ^
      """)
    expect(
      "media.kind <-> @kind", "media.kind <-> @kind through direction",
      """
      media.grammar:12:34: error: `media.kind` is not one of several values, so no table tells them apart
          media.kind <-> @kind through direction
                                       ^
      """)
    expect(
      "media.kind <-> @kind", "media.kind <-> @kind through roles",
      """
      media.grammar:12:34: error: there is no such table `roles`
          media.kind <-> @kind through roles
                                       ^
      """)
    expect(
      "item <-> @id", "item <-> @id in setups",
      """
      media.grammar:19:25: error: Jingle has no action `setups`
              item <-> @id in setups
                              ^
      """)
  }
}
