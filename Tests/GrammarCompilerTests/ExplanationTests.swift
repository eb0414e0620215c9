import Testing

@testable import GrammarCompiler

/// What `grammarc explain` says.
@Suite("Explanations")
struct ExplanationTests {
  private let codec = Compilation(
    files: [
      SourceFile(
        path: "sip/a.grammar", area: "sip",
        text: """
          token = 1*( %x61-7A / "-" )
          COMMA = ","
          ; RFC 3261 §20.42
          header Via / v required many = 1#via-parm
          ; RFC 3261 §25.1
          via-parm = host:token *( ";" params )
          params via-parm "="
              ttl  = value:UInt8
              *    = other-param
          other-param = name:token [ "=" value:token ]

          """)
    ], generating: ["sip"])

  private func explained(_ name: String) -> String { codec.explain(name).map(\.text).joined(separator: "\n") }

  @Test("a header, by its name and by its compact form")
  func header() {
    #expect(codec.renderedDiagnostics == "")
    let text = """
      header Via, in short v
        declared  sip/a.grammar:4
        source    RFC 3261 §20.42
        occurs    required, many times
        fields    `viaParm`: via-parm…
        in Swift  ViaHeader, `headers.via`

      """
    #expect(explained("Via") == text)
    #expect(explained("V") == text)
  }

  @Test("a rule and who uses it, and a parameter")
  func ruleAndParameter() {
    #expect(
      explained("via-parm") == """
        rule via-parm
          declared  sip/a.grammar:6
          source    RFC 3261 §25.1
          rule      via-parm = host:token *( ";" params )
          fields    `host`: token, parameters `ttl` and others
          in Swift  ViaParm
          used by   Via

        """)
    #expect(
      explained("ttl") == """
        parameter ttl of via-parm
          declared  sip/a.grammar:8
          value     `value`: UInt8
          in Swift  `ttl` of ViaParm

        """)
  }

  private let session = Compilation(
    files: [
      SourceFile(
        path: "sdp/a.grammar", area: "sdp",
        text: """
          word = 1*%x61-7A
          ; RFC 8866 §5.14
          line m media = kind:word
          ; RFC 5888 §4
          attribute mid at media = tag:word
          namespace j = "urn:j"
          ; XEP-0166
          element j:mid root
              @tag:text
          statuses
              180 "Ringing"
              404 "Not Found"
              486 "Busy Here"

          """)
    ], generating: ["sdp"])

  private func titles(_ name: String) -> [String] { session.explain(name).map(\.title) }

  @Test("the signs around a name say what it is")
  func signs() {
    #expect(session.renderedDiagnostics == "")
    #expect(titles("mid") == ["attribute a=mid", "element <j:mid>"])
    #expect(titles("a=mid") == ["attribute a=mid"])
    #expect(titles("a=mid:audio") == ["attribute a=mid"])
    #expect(titles("<mid/>") == ["element <j:mid>"])
    #expect(titles("<mid tag='audio'>") == ["element <j:mid>"])
    #expect(titles("@tag") == ["attribute @tag of <j:mid>"])
    #expect(titles("m=") == ["line m= (media)"])
    #expect(titles("mid.tag") == ["field tag of attribute mid"])
  }

  @Test("what is tolerated, where it stands, and the examples")
  func tolerated() {
    let compilation = Compilation(
      files: [
        SourceFile(
          path: "sdp/a.grammar", area: "sdp",
          text: """
            word = 1*%x61-7A   tolerate 1*%x41-5A   ; RFC 0
            line m media = kind:word
                example audio
            attribute rate at media = [ tolerate
                when word value:word ]
                example fast
                example slow
            header A = first:word ( ";" second:word / tolerate "," third:word ) *( "." params )
                example a;b
            params A "="
                x = [ tolerate value:word ]
            namespace j = "urn:j"
            element j:a root
                @kind:Kind? tolerate
                @size:UInt16 = 9
                text:word?
                parts <j:b>+
            element j:b
            enum Kind : word = "x"

            """)
      ], generating: ["sdp"])
    #expect(compilation.renderedDiagnostics == "")
    func facts(_ name: String) -> [String] {
      compilation.explain(name).flatMap(\.facts).filter {
        ["tolerates", "such as", "attributes", "text", "children"].contains($0.name)
      }.map { "\($0.name) \($0.value)" }
    }
    #expect(facts("word") == ["tolerates `word = 1*%x61-7A tolerate 1*%x41-5A`, line 1"])
    #expect(facts("m=") == ["such as audio"])
    #expect(
      facts("a=rate") == [
        "tolerates `attribute rate at media = [ tolerate`, line 4", "such as fast", "such as slow",
      ])
    #expect(
      facts("A").prefix(2) == [
        "tolerates `header A = first:word ( \";\" second:word / tolerate \",\" third:word ) *( \".\" params )`, line 8; "
          + "`x = [ tolerate value:word ]`, line 11", "such as a;b",
      ])
    #expect(facts("x").first == "tolerates `x = [ tolerate value:word ]`, line 11")
    #expect(
      facts("<j:a>") == [
        "attributes @kind:Kind? @size:UInt16 = 9", "text word?", "children <j:b>+",
        "tolerates `@kind:Kind? tolerate`, line 14",
      ])
    #expect(facts("@kind") == ["tolerates `@kind:Kind? tolerate`, line 14"])
  }

  @Test("status codes with their phrase, and a class of them")
  func statuses() {
    #expect(titles("180 Ringing") == ["status code 180"])
    #expect(titles("4xx") == ["status code 404", "status code 486"])
  }

  @Test("a namespace, and an RFC or a XEP")
  func documents() {
    #expect(
      session.explain("urn:j").map(\.text) == [
        """
        namespace urn:j
          declared  sdp/a.grammar:6
          prefix    j
          elements  <j:mid>

        """
      ])
    let document = """
      document RFC 5888
        declared    sdp/a.grammar:5
        attributes  a=mid

      """
    #expect(session.explain("RFC 5888").map(\.text) == [document])
    #expect(session.explain("rfc5888").map(\.text) == [document])
    #expect(titles("XEP-0166") == ["document XEP-0166"])
    #expect(titles("rfc588") == [])
  }

  @Test("a name that nothing bears, and the one that was meant")
  func unknown() {
    #expect(codec.explain("via-param") == [])
    func near(_ name: String) -> [String] { Compilation.nearNames(to: name, in: [session, codec]) }
    #expect(near("via-param") == ["via-parm"])
    #expect(near("vis") == ["Via"])
    #expect(near("param") == ["other-param"])
    #expect(near("something") == [])
  }

  @Test("an event with its rows, a reason, and a status code in both")
  func signalling() {
    let mapping = Compilation(
      files: [SourceFile(path: "call.grammar", area: "mapping", text: sampleTable + sampleReasons)],
      generating: ["mapping"])
    func explained(_ name: String) -> String { mapping.explain(name).map(\.text).joined(separator: "\n") }
    #expect(
      explained("session-terminate") == """
        event session-terminate
          declared  call.grammar:9
          means     the client hangs up
          is        Jingle session-terminate
          row       in talking -> acknowledge, send BYE then ended
          row       in calling -> acknowledge

        """)
    #expect(
      explained("486") == """
        event refusal
          declared  call.grammar:13
          means     refused
          is        SIP 300-699 to INVITE
          row       in calling -> finish then ended

        reason decline to SIP
          declared  call.grammar:31
          caller    CANCEL
          callee    486
          answered  BYE
          ends      the call for all devices
          cause     Q.850 21, Call rejected

        300-699 of SIP to Jingle
          declared  call.grammar:36
          reason    decline with <sip-error/>

        """)
  }

  @Test("a rule that RFCs have and the grammars have not, and one that all targets share")
  func noRule() {
    let files = [
      SourceFile(
        path: "core.grammar", area: "core", text: "; RFC 5234\nDIGIT = %x30-39\ninstead CHAR \"write `%x01-7F`\"\n"),
      SourceFile(
        path: "sip/a.grammar", area: "sip",
        text: "header A = value:1*DIGIT\ninstead hexpart hexseq \"write `IPv6address`\"\n"),
    ]
    let compilation = Compilation(files: files, generating: ["sip"])
    #expect(compilation.renderedDiagnostics == "")
    #expect(
      compilation.explain("hexseq").map(\.text) == [
        """
        no rule of sip: hexseq
          declared      sip/a.grammar:2
          in its place  write `IPv6address`

        """
      ])
    #expect(
      compilation.explain("char").map(\.title) + compilation.explain("digit").map(\.title)
        == ["no rule: CHAR", "token DIGIT"])
  }
}
