import Testing

@testable import GrammarCompiler

/// A small SDP and a small Jingle; the mapping between them is what each test breaks.
private let sdpGrammar = """
  token = 1*%x41-5A
  word  = 1*( %x61-7A / %x30-39 / "-" )
  SP    = %x20
  line v version = value:UInt8
  line m media = kind:word SP port:UInt16 1*( SP formats:word )
  attribute mid at media = tag:word
  attribute rtpmap at media = payloadType:UInt8 SP encoding:word
  attribute setup at session media = role:Role
  attribute mux at media
  attribute sendonly at media
  attribute recvonly at media
  attribute label at session media = value:word
  enum Role : word = "active" / "passive"
  line-order = %s"v" *%s"a" *( %s"m" *%s"a" )
  framing line-order token

  """

private let jingleGrammar = """
  namespace j = "urn:j"
  element j:j root
      @action:Action
      contents <j:content>*
  enum Action : text = %s"start" / %s"stop"
  element j:content
      @name:text
      @senders:Senders?
      @kind:text
      types <j:type>*
      @setup:Setup?
      mux <j:mux>?
  enum Senders : text = %s"initiator" / %s"responder"
  enum Setup : text = %s"active" / %s"passive"
  element j:type
      @id:UInt8
      @name:text?
  element j:mux

  """

private let mappingGrammar = """
  table direction
      sdp           sendonly   recvonly
      by initiator  initiator  responder
      by responder  responder  initiator
  map session <-> <j:j>
      version.value <- 0
      each section <-> <j:content>
      elsewhere @action "the stanza"
      lost label "none"
  map media <-> <j:content>
      mid.tag <-> @name
      media.kind <-> @kind
      media.port <-> here  function ports
      one of direction <-> @senders
      setup.role <-> @setup  from session
      mux <-> <j:mux>
      each media.formats <-> <j:type>
          item <-> @id
          rtpmap by payloadType <-> here
              encoding <-> @name
      lost label "none"

  """

private func diagnostics(_ mapping: String) -> String {
  let files = [
    SourceFile(path: "sdp.grammar", area: "sdp", text: sdpGrammar),
    SourceFile(path: "jingle.grammar", area: "jingle", text: jingleGrammar),
    SourceFile(path: "media.grammar", area: "mapping", text: mapping),
  ]
  return Compilation(files: files, generating: ["mapping"]).renderedDiagnostics
}

private func broken(_ old: String, _ new: String) -> String {
  diagnostics(mappingGrammar.replacing(old, with: new))
}

@Suite("Diagnostics of the mapping")
struct MappingDiagnosticsTests {
  private let whole = mappingGrammar.replacing(
    "media.port <-> here  function ports", with: "elsewhere media.port \"elsewhere\"\n    media.port <- function ports")

  private func with(_ old: String, _ new: String) -> String { diagnostics(whole.replacing(old, with: new)) }

  @Test("A whole mapping has none")
  func sample() { #expect(diagnostics(whole) == "") }

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
        media.grammar:10:1: error: no row maps `a=mux` at media level, and no `lost` line excuses it
        map media <-> <j:content>
        ^
        media.grammar:10:1: note: map it in `map media …`, or write there `lost mux "why"`
        media.grammar:10:1: error: no row maps `<j:mux>` of `<j:content>` to SDP, and no `lost` line excuses it
        map media <-> <j:content>
        ^
        media.grammar:10:1: note: add a row for it, or write `lost <j:mux> "why"` among the rows of `<j:content>`

        """)
    #expect(
      with("            encoding <-> @name\n", "") == """
        media.grammar:18:5: error: no row maps `@name` of `<j:type>` to SDP, and no `lost` line excuses it
            each media.formats <-> <j:type>
            ^
        media.grammar:18:5: note: add a row for it, or write `lost @name "why"` among the rows of `<j:type>`
        media.grammar:20:9: error: no row maps `encoding` of `a=rtpmap` to Jingle, and no `lost` line excuses it
                rtpmap by payloadType <-> here
                ^
        media.grammar:20:9: note: add a row for it, or write `lost encoding "why"` beside the rows of `rtpmap`

        """)
  }

  @Test("A level that no row looks at")
  func missingLevel() {
    #expect(
      with("<-> @setup  from session", "<-> @setup") == """
        media.grammar:5:1: error: `a=setup` may stand at the session level too, where no row looks for it
        map session <-> <j:j>
        ^
        media.grammar:5:1: note: write `from session` behind its row, or excuse it in `map session`: `lost setup "why"`

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
}
