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

  @Test("a name that nothing bears, and the one that was meant")
  func unknown() {
    #expect(codec.explain("via-param") == [])
    #expect(codec.nearestName(to: "via-param") == "via-parm")
    #expect(codec.nearestName(to: "something") == nil)
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
}
