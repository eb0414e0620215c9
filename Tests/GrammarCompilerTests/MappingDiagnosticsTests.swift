import Testing

@testable import GrammarCompiler

/// A small SDP and a small Jingle; the mapping between them is what each test breaks.
@Suite("Diagnostics of the mapping")
struct MappingDiagnosticsTests {
  private func with(_ old: String, _ new: String) -> String {
    MappingSample.diagnostics(MappingSample.mappingGrammar.replacing(old, with: new))
  }

  @Test("A whole mapping has none")
  func sample() { #expect(MappingSample.diagnostics(MappingSample.mappingGrammar) == "") }

  @Test("A name in the head of a map that does not exist")
  func unknownHead() {
    #expect(
      with("map media <-> <j:content>", "map media <-> <j:contnt>") == """
        media.grammar:10:15: error: there is no element `<j:contnt>`; did you mean `<j:content>`?
        map media <-> <j:contnt>
                      ^

        """)
    #expect(
      with("map media <-> <j:content>", "map meda <-> <j:content>") == """
        media.grammar:10:5: error: SDP has no line or attribute `meda`; did you mean `media`?
        map meda <-> <j:content>
            ^

        """)
  }

  @Test("An attribute that has the name of a line is called after both")
  func attributeBesideLine() {
    let sdp = MappingSample.sdpGrammar.replacing(
      "attribute mux at media\n", with: "attribute mux at media\nattribute media at media = tag:word\n")
    #expect(
      MappingSample.diagnostics(MappingSample.mappingGrammar, sdp: sdp) == """
        media.grammar:10:1: error: no row maps `a=media` at media level, and no `lost` line excuses it
        map media <-> <j:content>
        ^
        media.grammar:10:1: note: add a row for it, or write `lost media-attribute "why"`

        """)
    let excused = MappingSample.mappingGrammar.replacing(
      "    media.kind <->", with: "    lost media-attribute \"none\"\n    media.kind <->")
    #expect(MappingSample.diagnostics(excused, sdp: sdp) == "")
    let mapped = MappingSample.mappingGrammar.replacing("mid.tag <-> @name", with: "media-attribute.tag <-> @name")
    #expect(
      MappingSample.diagnostics(mapped, sdp: sdp) == """
        media.grammar:10:1: error: no row maps `a=mid` at media level, and no `lost` line excuses it
        map media <-> <j:content>
        ^
        media.grammar:10:1: note: add a row for it, or write `lost mid "why"`

        """)
  }

  @Test("A root that no row and no event names is no mistake: whoever uses the codec reads it by itself")
  func unusedRoot() {
    let jingle = MappingSample.jingleGrammar + "element j:spare root\n    @id:UInt8\n"
    #expect(MappingSample.diagnostics(MappingSample.mappingGrammar, jingle: jingle) == "")
  }

  @Test("A field that does not exist")
  func unknownField() {
    #expect(
      with("media.kind <-> @kind", "media.kid <-> @kind") == """
        media.grammar:12:11: error: `media` has no field `kid`; did you mean `kind`?
            media.kid <-> @kind
                  ^

        """)
    #expect(
      with("encoding <-> @name", "encodng <-> @name") == """
        media.grammar:21:13: error: `rtpmap` has no field `encodng`; did you mean `encoding`?
                    encodng <-> @name
                    ^

        """)
  }

  @Test("A line, an attribute, an element that do not exist")
  func unknownNames() {
    #expect(
      with("mid.tag <->", "mi.tag <->") == """
        media.grammar:11:5: error: SDP has no line or attribute `mi`; did you mean `mid`?
            mi.tag <-> @name
            ^

        """)
    #expect(
      with("-> @kind", "-> @kin") == """
        media.grammar:12:20: error: `<j:content>` has no attribute `@kin`; did you mean `@kind`?
            media.kind <-> @kin
                           ^

        """)
    #expect(
      with("<-> <j:type>", "<-> <j:typ>") == """
        media.grammar:18:28: error: `<j:content>` has no child `<j:typ>`; did you mean `<j:type>`?
            each media.formats <-> <j:typ>
                                   ^

        """)
  }

  @Test("A row that is missing")
  func missingRow() {
    #expect(
      with("    mux <-> <j:mux>\n", "") == """
        media.grammar:10:1: error: no row maps `a=mux` at media level and `<j:mux>` of `<j:content>`, and no `lost` line excuses them
        map media <-> <j:content>
        ^
        media.grammar:10:1: note: add a row such as `mux <-> <j:mux>`, or write `lost mux <j:mux> "why"`

        """)
    #expect(
      with("            encoding <-> @name\n", "") == """
        media.grammar:20:9: error: no row maps `encoding` of `a=rtpmap` and `@name` of `<j:type>`, and no `lost` line excuses them
                rtpmap by payloadType <-> here
                ^
        media.grammar:20:9: note: add a row such as `encoding <-> @name`, or write `lost encoding @name "why"`

        """)
  }

  @Test("A level that no row looks at")
  func missingLevel() {
    #expect(
      with("<-> @setup  from session", "<-> @setup") == """
        media.grammar:5:1: error: `a=setup` may stand at the session level too, where no row looks for it
        map session <-> <j:j>
        ^
        media.grammar:5:1: note: write `from session` behind the row, or excuse it in `map session`: `lost setup "why"`

        """)
  }

  @Test("Types that do not convert")
  func types() {
    #expect(
      with("mid.tag <-> @name", "media.port <-> @setup") == """
        media.grammar:11:5: error: `media.port` is a number and `@setup` is one of active, passive: they do not convert
            media.port <-> @setup
            ^
        media.grammar:11:5: note: declare both alike, or name a `function` that converts them
        media.grammar:16:5: error: `@setup` has a second row here; the first is in line 11
            setup.role <-> @setup  from session
            ^

        """)
    #expect(
      with("mux <-> <j:mux>", "mux <-> @setup").contains(
        "error: `mux` consists of parts: it is mapped to an element, or `here` with rows below"))
  }

  @Test("Two rows for one thing")
  func duplicates() {
    #expect(
      with("mid.tag <-> @name", "mid.tag <-> @name\n    mid.tag <-> @name") == """
        media.grammar:12:5: error: `@name` has a second row here; the first is in line 11
            mid.tag <-> @name
            ^
        media.grammar:12:5: error: `mid.tag` has a second row here; the first is in line 11
            mid.tag <-> @name
            ^

        """)
  }

  @Test("A value of a table that does not exist")
  func tables() {
    #expect(
      with("by initiator  initiator  responder", "by initiator  initator  responder") == """
        media.grammar:3:19: error: `initator` is no value of `@senders`; did you mean `initiator`?
            by initiator  initator  responder
                          ^

        """)
    #expect(
      with("one of direction", "one of directions").contains(
        "error: there is no such table `directions`; did you mean `direction`?"))
  }

  @Test("each, where there is one, and one, where there are several")
  func multiplicity() {
    #expect(
      with("    mux <->", "    each mux <->").contains(
        "error: `<j:mux>` stands at most once, so `each` has nothing to repeat"))
    #expect(
      with("each media.formats", "media.formats").contains(
        "error: `<j:type>` stands several times: write `each` in front"))
  }

  @Test("A value of the section in several elements")
  func lift() {
    #expect(
      with("item <-> @id", "item <-> @id\n        setup.role <-> @name").contains(
        "error: `setup.role` stands once in the section, but in every `<j:type>`: say which counts, `least`, `greatest` or `first`"
      ))
  }

  @Test("Words that mean nothing")
  func modifiers() {
    #expect(
      with("from session\n", "frm session\n") == """
        media.grammar:16:28: error: `frm` means nothing behind a row of a map; did you mean `from`?
            setup.role <-> @setup  frm session
                                   ^

        """)
  }

  @Test("Sets of actions for which Swift asks")
  func askedActions() {
    let sample = MappingSample.mappingGrammar
    #expect(MappingSample.diagnostics(sample + "actions ends = stop\nasks ends\n") == "")
    let end = sample.split(separator: "\n", omittingEmptySubsequences: false).count
    #expect(
      MappingSample.diagnostics(sample + "actions ends = stop\nasks end\n").hasPrefix(
        """
        media.grammar:\(end + 1):6: error: there are no actions `end`; did you mean `ends`?
        asks end
             ^

        """))
    #expect(
      MappingSample.diagnostics(sample + "actions ends = stop\n") == """
        media.grammar:\(end):9: error: nothing uses the actions `ends`
        actions ends = stop
                ^

        """)
    #expect(
      MappingSample.diagnostics(sample + "actions ends = stp\nasks ends\n") == """
        media.grammar:\(end):16: error: Jingle has no action `stp`; did you mean `stop`?
        actions ends = stp
                       ^

        """)
  }
}
