import Testing

@testable import GrammarCompiler

/// A small call in the notation of `Grammars/mapping/signalling.grammar`, in which each test breaks one thing.
let sampleTable = """
  states
      new     begins  "nothing yet"
      calling         "the INVITE is out"
      talking         "both talk"
      ended   ends    "over"
  group running = calling, talking
  events of jingle
      session-initiate   in new      "a client calls"
      session-terminate  in running  "the client hangs up"
  events of responses to INVITE
      trying  = 100-199  in calling  "on its way"
      answer  = 200-299  in calling  "answered"
      refusal = 300-699  in calling  "refused"
  effects
      acknowledge  "answers the set"
      send INVITE  "calls"
      send BYE     "hangs up"
      finish       needs reason  "tells why"
  on session-initiate
      in new -> acknowledge, send INVITE then calling
  on session-terminate
      in talking -> acknowledge, send BYE then ended
      in calling -> acknowledge
  on trying
      in calling -> nothing
  on answer
      in calling -> nothing then talking
  on refusal
      in calling -> finish then ended

  """

let sampleReasons = """
  reasons to sip
      decline  CANCEL  486  BYE  all  Q.850 21 "Call rejected"
      unknown  CANCEL  500  BYE  one  Q.850 31 "Normal"
  reasons to jingle
      CANCEL   decline
      BYE      decline
      300-699  decline with sip-error

  """

private func diagnose(_ text: String, protocols: String = "") -> String {
  var files = [SourceFile(path: "call.grammar", area: "mapping", text: text)]
  if !protocols.isEmpty { files.append(SourceFile(path: "protocol.grammar", area: "sip", text: protocols)) }
  return Compilation(files: files, generating: ["mapping"]).renderedDiagnostics
}

/// The whole with `old` replaced; what is to be replaced must be there.
private func changed(_ old: String, _ new: String, in text: String = sampleTable + sampleReasons) throws -> String {
  try #require(text.contains(old))
  return text.replacing(old, with: new)
}

@Suite("Refusals of the signalling table")
struct SignallingDiagnosticsTests {
  @Test("a table without mistakes is taken")
  func accepted() {
    #expect(diagnose(sampleTable + sampleReasons) == "")
  }

  @Test("a cell without a row")
  func missingCell() throws {
    #expect(
      try diagnose(changed("    in calling -> acknowledge\n", "")) == """
        call.grammar:22:5: error: `session-terminate` has no row for `calling`, where it can come too
            in talking -> acknowledge, send BYE then ended
            ^
        call.grammar:22:5: note: line 9 says where it can come

        """)
  }

  @Test("an event without rows")
  func missingBlock() throws {
    #expect(
      try diagnose(changed("on trying\n    in calling -> nothing\n", "")) == """
        call.grammar:11:5: error: nothing says what the gateway does at `trying`
            trying  = 100-199  in calling  "on its way"
            ^
        call.grammar:11:5: note: write `on trying` and its rows

        """)
  }

  @Test("a cell with two rows")
  func doubleCell() throws {
    #expect(
      try diagnose(changed("    in calling -> acknowledge\n", "    in running -> acknowledge\n")) == """
        call.grammar:23:5: error: `session-terminate` in `talking` has two rows; the other one stands in line 22
            in running -> acknowledge
            ^

        """)
  }

  @Test("two rows in two blocks")
  func doubleBlock() throws {
    #expect(
      try diagnose(changed("on answer\n", "on answer, trying\n")) == """
        call.grammar:27:5: error: `trying` in `calling` has two rows; the other one stands in line 25
            in calling -> nothing then talking
            ^

        """)
  }

  @Test("an otherwise, behind which a missing row could hide")
  func otherwise() throws {
    #expect(
      try diagnose(changed("in calling -> acknowledge", "otherwise -> acknowledge")) == """
        call.grammar:23:5: error: a row names its states: `otherwise` would answer for a row that is missing by mistake
            otherwise -> acknowledge
            ^
        call.grammar:23:5: note: write `in` and the states that are left, or a group of them

        """)
  }

  @Test(
    "a name that does not exist",
    arguments: [
      (
        "in calling -> finish then ended", "in caling -> finish then ended", "29:8",
        "state `caling`; did you mean `calling`?"
      ),
      (
        "in calling -> finish then ended", "in calling -> finish then endet", "29:31",
        "state `endet`; did you mean `ended`?"
      ),
      (
        "in calling -> finish then ended", "in calling -> finnish then ended", "29:19",
        "effect `finnish`; did you mean `finish`?"
      ),
      ("on refusal", "on refusl", "28:4", "event `refusl`; did you mean `refusal`?"),
    ])
  func unknownName(old: String, new: String, place: String, words: String) throws {
    let text = try diagnose(changed(old, new))
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    #expect(lines.first == "call.grammar:\(place): error: there is no \(words)")
    let isAlone = lines.dropFirst(3).allSatisfy { $0.isEmpty }
    #expect(isAlone, "nothing else is reported")
  }

  @Test("an event in a state in which it cannot come")
  func impossibleState() throws {
    #expect(
      try diagnose(changed("on trying\n    in calling", "on trying\n    in calling, talking")) == """
        call.grammar:25:17: error: `trying` cannot come in `talking`; line 11 says where it can
            in calling, talking -> nothing
                        ^

        """)
  }

  @Test("an effect that no row uses")
  func unusedEffect() throws {
    #expect(
      try diagnose(changed("acknowledge, send BYE then", "acknowledge then")) == """
        call.grammar:17:5: error: no row uses the effect `send BYE`
            send BYE     "hangs up"
            ^

        """)
  }

  @Test("a group that nothing uses")
  func unusedGroup() throws {
    #expect(
      try diagnose(changed("group running", "group idle = talking\ngroup running")) == """
        call.grammar:6:7: error: nothing uses the group `idle`
        group idle = talking
              ^

        """)
  }

  @Test("a state that nothing leads to")
  func unreachable() throws {
    #expect(
      try diagnose(changed("nothing then talking", "nothing then ended")) == """
        call.grammar:4:5: error: no row leads to the state `talking`
            talking         "both talk"
            ^

        """)
  }

  @Test("a state without a way to the end")
  func endless() throws {
    #expect(
      try diagnose(changed("acknowledge, send BYE then ended", "acknowledge, send BYE")) == """
        call.grammar:4:5: error: a call in `talking` never ends: no way leads from there to the end
            talking         "both talk"
            ^

        """)
  }

  @Test("an event after the end")
  func afterTheEnd() throws {
    #expect(
      try diagnose(changed("in running  \"the client", "in running, ended  \"the client")) == """
        call.grammar:9:5: error: `session-terminate` can come in `ended`, where a call is over
            session-terminate  in running, ended  "the client hangs up"
            ^

        """)
  }

  @Test("no beginning, two endings of the name, a state twice")
  func states() throws {
    #expect(
      try diagnose(changed("new     begins", "new           ")) == """
        call.grammar:2:5: error: no state `begins`: where does a call start?
            new             "nothing yet"
            ^

        """)
    #expect(
      try diagnose(changed("    talking         \"both talk\"\n", "    talking \"both\"\n    talking \"both talk\"\n"))
        == """
        call.grammar:5:5: error: the state `talking` is declared twice; the first time in line 4
            talking "both talk"
            ^

        """)
  }

  @Test("responses that overlap")
  func overlappingResponses() throws {
    #expect(
      try diagnose(changed("trying  = 100-199", "trying  = 100-200")) == """
        call.grammar:12:15: error: 200-299 overlaps with 100-200 of `trying` in line 11
            answer  = 200-299  in calling  "answered"
                      ^

        """)
  }

  @Test("responses that are forgotten")
  func forgottenResponses() throws {
    #expect(
      try diagnose(changed("refusal = 300-699", "refusal = 300-485, 487-698")) == """
        call.grammar:11:5: error: no event stands for the responses 486, 699 to INVITE
            trying  = 100-199  in calling  "on its way"
            ^

        """)
  }

  @Test("an effect that finds no reason in the tables")
  func missingReason() throws {
    #expect(
      try diagnose(changed("in calling -> nothing then talking", "in calling -> finish then talking")) == """
        call.grammar:27:5: error: `finish` needs a reason, and the tables of reasons have none for `answer`
            in calling -> finish then talking
            ^
        call.grammar:27:5: note: add it below `reasons of gateway`: `answer reason …`

        """)
  }
}

@Suite("Refusals for the sake of the protocols' grammars")
struct SignallingProtocolTests {
  @Test("actions that Jingle has are all there")
  func accepted() {
    #expect(diagnose(sampleTable + sampleReasons, protocols: protocols("")) == "")
  }

  @Test("an action that Jingle does not have")
  func unknownAction() throws {
    let text = try diagnose(
      changed("session-initiate", "session-inititate"), protocols: protocols(""))
    #expect(
      text.hasPrefix(
        """
        call.grammar:8:5: error: Jingle has no action `session-inititate`; did you mean `session-initiate`?
            session-inititate   in new      "a client calls"
            ^

        """))
  }

  @Test("an action that is forgotten")
  func forgottenAction() {
    #expect(
      diagnose(sampleTable + sampleReasons, protocols: protocols(" / %s\"session-info\"")) == """
        call.grammar:9:5: error: no event says what happens at the action `session-info` of Jingle
            session-terminate  in running  "the client hangs up"
            ^
        call.grammar:9:5: note: declare one, or add it to an event that stands for several: `name = action, action in …`

        """)
  }

  private func protocols(_ more: String) -> String {
    """
    text-of-action = 1*( %x61-7A / "-" )
    enum Action : text-of-action = %s"session-initiate" / %s"session-terminate"\(more)

    """
  }
}

@Suite("Refusals of the tables of reasons")
struct SignallingReasonsTests {
  private func message(_ old: String, _ new: String, protocols: String = "") throws -> String {
    try diagnose(changed(old, new, in: sampleReasons), protocols: protocols)
  }

  @Test("the tables without mistakes are taken")
  func accepted() {
    #expect(diagnose(sampleReasons) == "")
  }

  @Test("status codes without a row")
  func gap() throws {
    #expect(
      try message("300-699  decline", "301-485  decline") == """
        call.grammar:4:1: error: the table has no row for the status codes 300, 486-699
        reasons to jingle
        ^

        """)
  }

  @Test("status codes with two rows")
  func overlap() throws {
    #expect(
      try message("with sip-error\n", "with sip-error\n    486 decline\n") == """
        call.grammar:8:5: error: 486 and 300-699 in line 7 overlap
            486 decline
            ^

        """)
  }

  @Test("CANCEL is forgotten")
  func missingRequest() throws {
    #expect(
      try message("    CANCEL   decline\n", "") == """
        call.grammar:4:1: error: the table has no row for CANCEL
        reasons to jingle
        ^

        """)
  }

  @Test("no row for what is not in the table")
  func missingUnknown() throws {
    #expect(
      try message("    unknown  CANCEL  500  BYE  one  Q.850 31 \"Normal\"\n", "") == """
        call.grammar:1:1: error: the table has no row `unknown`, for no reason and for one that is not in it
        reasons to sip
        ^

        """)
  }

  @Test("a reason with two rows")
  func twice() throws {
    #expect(
      try message("    unknown", "    decline  CANCEL  603  BYE  all  SIP 603 \"Decline\"\n    unknown") == """
        call.grammar:3:5: error: the reason `decline` has two rows; the first one stands in line 2
            decline  CANCEL  603  BYE  all  SIP 603 "Decline"
            ^

        """)
  }

  @Test("a reason that Jingle does not have")
  func unknownReason() throws {
    #expect(
      try message("300-699  decline", "300-699  declined") == """
        call.grammar:7:14: error: Jingle has no reason `declined`; did you mean `decline`?
            300-699  declined with sip-error
                     ^

        """)
  }

  @Test("a status that refuses nothing, one that SIP does not have, and a request that ends no call")
  func statuses() throws {
    #expect(
      try message("CANCEL  486  BYE", "CANCEL  200  BYE") == """
        call.grammar:2:22: error: 200 does not refuse an INVITE; 300 to 699 do
            decline  CANCEL  200  BYE  all  Q.850 21 "Call rejected"
                             ^

        """)
    #expect(
      try message(
        "CANCEL  486  BYE", "CANCEL  487  BYE", protocols: "statuses\n    486 \"Busy Here\"\n    500 \"Error\"\n")
          == """
          call.grammar:2:22: error: there is no status code 487 in the grammar of SIP
              decline  CANCEL  487  BYE  all  Q.850 21 "Call rejected"
                               ^

          """)
    #expect(
      try message("decline  CANCEL  486  BYE", "decline  CANCEL  486  INFO") == """
        call.grammar:2:27: error: a call is ended with BYE after the answer, not with INFO
            decline  CANCEL  486  INFO  all  Q.850 21 "Call rejected"
                                  ^

        """)
  }

  @Test("a reason of the element without a row")
  func forgottenReason() {
    let jingle = """
      namespace jingle = "urn:xmpp:jingle:1"
      element jingle:reason root
          decline <jingle:decline>?
          busy <jingle:busy>?
          phrase <jingle:text>?
      element jingle:decline
      element jingle:busy
      element jingle:text
          text:text

      """
    #expect(
      diagnose(sampleReasons, protocols: jingle) == """
        call.grammar:1:1: error: the table has no row for `busy`, which Jingle has as reason
        reasons to sip
        ^

        """)
  }
}
