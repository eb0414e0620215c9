import Testing

@testable import GrammarCompiler

/// Declarations and rows of the signalling that are not finished or not what they look like, in what is said of them.
@Suite("Slips in the signalling")
struct SignallingSlipsTests {
  private func expect(_ old: String, _ new: String, _ said: String, sourceLocation: SourceLocation = #_sourceLocation) {
    let text = sampleTable + sampleReasons
    #expect(text.contains(old), sourceLocation: sourceLocation)
    let file = SourceFile(path: "call.grammar", area: "mapping", text: text.replacing(old, with: new))
    let compilation = Compilation(files: [file], generating: ["mapping"])
    #expect(compilation.renderedDiagnostics == said + "\n", sourceLocation: sourceLocation)
  }

  @Test("States and groups")
  func statesAndGroups() {
    expect(
      "calling         \"the INVITE is out\"", "calling         the INVITE is out",
      """
      call.grammar:3:38: error: expected what it means, as a string, but the row ends
          calling         the INVITE is out
                                           ^
      """)
    expect(
      "new     begins  \"nothing yet\"", "new  \"nothing yet\"",
      """
      call.grammar:2:5: error: no state `begins`: where does a call start?
          new  "nothing yet"
          ^
      """)
    expect(
      "ended   ends    \"over\"", "ended   \"over\"",
      """
      call.grammar:2:5: error: no state `ends`: where is a call over?
          new     begins  "nothing yet"
          ^
      """)
    expect(
      "calling         \"the INVITE is out\"", "calling begins  \"the INVITE is out\"",
      """
      call.grammar:3:5: error: a call begins in one state; `new` in line 2 begins, too
          calling begins  "the INVITE is out"
          ^
      """)
    expect(
      "group running = calling, talking", "group running calling",
      """
      call.grammar:6:22: error: expected `=`, but the declaration ends
      group running calling
                           ^
      """)
    expect(
      "group running = calling, talking", "group running = calling,",
      """
      call.grammar:6:25: error: expected a state, but the declaration ends
      group running = calling,
                              ^
      """)
    expect(
      "group running = calling, talking", "group = calling",
      """
      call.grammar:6:9: error: there is no rule `calling`
      group = calling
              ^
      """)
    expect(
      "group running = calling, talking", "group running = calling, talkin",
      """
      call.grammar:6:26: error: there is no state `talkin`; did you mean `talking`?
      group running = calling, talkin
                               ^
      """)
    expect(
      "group running = calling, talking", "group talking = calling",
      """
      call.grammar:6:7: error: `talking` is the name of a state or group already
      group talking = calling
            ^
      """)
    expect(
      "talking         \"both talk\"", "talking         \"both talk\"\n    Calling         \"x\"",
      """
      call.grammar:5:5: error: the state `Calling` and `calling` in line 3 differ by their writing only
          Calling         "x"
          ^
      """)
  }

  @Test("Events")
  func events() {
    expect(
      "events of jingle", "events jingle",
      """
      call.grammar:7:8: error: expected `of`, found `jingle`
      events jingle
             ^
      """)
    expect(
      "events of jingle", "events of",
      """
      call.grammar:8:24: error: expected the name of an event, found `in`
          session-initiate   in new      "a client calls"
                             ^
      """)
    expect(
      "events of responses to INVITE", "events of responses to",
      """
      call.grammar:11:13: error: expected the name of an event, found `=`
          trying  = 100-199  in calling  "on its way"
                  ^
      """)
    expect(
      "session-initiate   in new ", "session-initiate   new ",
      """
      call.grammar:8:33: error: expected `in` and the states in which the event can come, found "a client calls"
          session-initiate   new      "a client calls"
                                      ^
      """)
    expect(
      "session-initiate   in new ", "session-initiate   in ",
      """
      call.grammar:8:32: error: expected a state, found "a client calls"
          session-initiate   in      "a client calls"
                                     ^
      """)
    expect(
      "trying  = 100-199", "trying  = 100-",
      """
      call.grammar:11:21: error: expected the last status code of the range, found `in`
          trying  = 100-  in calling  "on its way"
                          ^
      """)
    expect(
      "trying  = 100-199", "trying  = 199-100",
      """
      call.grammar:11:15: error: the range 199-100 ends before it begins
          trying  = 199-100  in calling  "on its way"
                    ^
      """)
    expect(
      "trying  = 100-199", "trying  = 99-199",
      """
      call.grammar:11:15: error: 99-199 does not lie within 100 to 699, the status codes of SIP
          trying  = 99-199  in calling  "on its way"
                    ^
      """)
    expect(
      "trying  = 100-199", "trying  =",
      """
      call.grammar:11:16: error: expected a status code, found `in`
          trying  =  in calling  "on its way"
                     ^
      """)
    expect(
      "\"answered\"", "answered",
      """
      call.grammar:12:44: error: expected what it means, as a string, but the row ends
          answer  = 200-299  in calling  answered
                                                 ^
      """)
  }

  @Test("Rows")
  func rows() {
    expect(
      "on trying\n", "on\n",
      """
      call.grammar:25:5: error: expected an event, found `in`
          in calling -> nothing
          ^
      """)
    expect(
      "in new -> acknowledge", "new -> acknowledge",
      """
      call.grammar:20:5: error: expected a row, `in states -> effects then state`, found `new`
          new -> acknowledge, send INVITE then calling
          ^
      """)
    expect(
      "in new -> acknowledge", "in -> acknowledge",
      """
      call.grammar:20:8: error: expected a state, found `->`
          in -> acknowledge, send INVITE then calling
             ^
      """)
    expect(
      "-> acknowledge, send INVITE then calling", "-> then calling",
      """
      call.grammar:20:15: error: expected an effect or `nothing`, found `then`
          in new -> then calling
                    ^
      """)
    expect(
      "-> acknowledge, send INVITE then calling", "-> acknowledge, send INVITE then",
      """
      call.grammar:20:44: error: expected the next state, but the declaration ends
          in new -> acknowledge, send INVITE then
                                                 ^
      """)
    expect(
      "in calling -> acknowledge\n", "in calling acknowledge\n",
      """
      call.grammar:23:27: error: expected `->`, but the declaration ends
          in calling acknowledge
                                ^
      """)
    expect(
      "in talking -> acknowledge, send BYE then ended", "in new -> acknowledge, send BYE then ended",
      """
      call.grammar:22:8: error: `session-terminate` cannot come in `new`; line 9 says where it can
          in new -> acknowledge, send BYE then ended
             ^
      """)
    expect(
      "finish       needs reason", "finish       needs",
      """
      call.grammar:18:25: error: expected `status`, `reason` or `cause`, found "tells why"
          finish       needs  "tells why"
                              ^
      """)
    expect(
      "finish       needs reason", "finish       needs words",
      """
      call.grammar:18:24: error: expected `status`, `reason` or `cause`, found `words`
          finish       needs words  "tells why"
                             ^
      """)
  }

  @Test("Reasons")
  func reasons() {
    expect(
      "reasons to sip", "reasons sip",
      """
      call.grammar:30:9: error: expected `to sip`, `to jingle` or `of gateway`, found `sip`
      reasons sip
              ^
      """)
    expect(
      "reasons to sip", "reasons to phone",
      """
      call.grammar:30:12: error: expected `sip` or `jingle`, found `phone`
      reasons to phone
                 ^
      """)
    expect(
      "decline  CANCEL  486  BYE  all ", "decline  CANCEL  486  BYE  some ",
      """
      call.grammar:31:32: error: a device speaks for `all` or `one`, not `some`
          decline  CANCEL  486  BYE  some  Q.850 21 "Call rejected"
                                     ^
      """)
    expect(
      "Q.850 21 \"Call rejected\"", "21 \"Call rejected\"",
      """
      call.grammar:31:37: error: expected the protocol of a cause, `SIP` or `Q.850`, found `21`
          decline  CANCEL  486  BYE  all  21 "Call rejected"
                                          ^
      """)
    expect(
      "Q.850 21 \"Call rejected\"", "Q.851 21 \"Call rejected\"",
      """
      call.grammar:31:37: error: a cause is one of `SIP` or `Q.850` (RFC 3326 §2), not `Q.851`
          decline  CANCEL  486  BYE  all  Q.851 21 "Call rejected"
                                          ^
      """)
    expect(
      "Q.850 21 \"Call rejected\"", "Q.850 \"Call rejected\"",
      """
      call.grammar:31:43: error: expected the number of the cause, found "Call rejected"
          decline  CANCEL  486  BYE  all  Q.850 "Call rejected"
                                                ^
      """)
    expect(
      "Q.850 21 \"Call rejected\"", "Q.850 21",
      """
      call.grammar:31:45: error: expected the text of the cause, as a string, but the row ends
          decline  CANCEL  486  BYE  all  Q.850 21
                                                  ^
      """)
    expect(
      "decline  CANCEL  486", "decline  CANCEL  480-486",
      """
      call.grammar:31:22: error: one status code is sent, not the range 480-486
          decline  CANCEL  480-486  BYE  all  Q.850 21 "Call rejected"
                           ^
      """)
    expect(
      "decline  CANCEL  486", "decline  486",
      """
      call.grammar:31:14: error: expected the SIP request before the answer, from the caller, found `486`
          decline  486  BYE  all  Q.850 21 "Call rejected"
                   ^
      """)
    expect(
      "300-699  decline with sip-error", "300-699",
      """
      call.grammar:36:12: error: expected a Jingle reason, but the declaration ends
          300-699
                 ^
      """)
    expect(
      "BYE      decline\n", "BYE      decline with sip-error\n",
      """
      call.grammar:35:5: error: `sip-error` bears the code of a response; BYE has none
          BYE      decline with sip-error
          ^
      """)
    expect(
      "300-699  decline with sip-error", "200-699  decline with sip-error",
      """
      call.grammar:36:5: error: 200-699 does not lie within 300 to 699, which refuse an INVITE
          200-699  decline with sip-error
          ^
      """)
    expect(
      "CANCEL   decline", "INVITE   decline",
      """
      call.grammar:33:1: error: the table has no row for CANCEL
      reasons to jingle
      ^
      call.grammar:34:5: error: `INVITE` ends no call; CANCEL and BYE do
          INVITE   decline
          ^
      """)
  }
}
