import JingleSIPMapping
import Testing

/// What the contract and the RFCs fix, written down a second time: `state, event: effects; next`.
private let fixedRows = """
  new, session-initiate: acknowledge, send INVITE; calling
  new, session-initiate without candidates: acknowledge, keep candidates; offering
  new, propose when-answered: send INVITE without offer; asked
  asked, phone rings: note dialog, ringing; asked-ringing
  asked-ringing, answer: note dialog, send ACK, proceed; picked-up
  picked-up, session-initiate: acknowledge, send offer; joining
  joining, update accepted: ACK re-INVITE, session-accept, pass candidates; established
  offering, candidates ready: send INVITE; calling
  calling, provisional: note dialog, pass candidates; proceeding
  calling, phone rings: note dialog, session-info ringing, pass candidates; ringing
  proceeding, phone rings: note dialog, session-info ringing, pass candidates; ringing
  ringing, phone rings: note dialog, pass candidates; ringing
  calling, answer: note dialog, send ACK, session-accept, pass candidates; established
  ringing, answer: note dialog, send ACK, session-accept, pass candidates; established
  calling, refusal: session-terminate; ended
  ringing, redirection: session-terminate; ended
  calling, redirection to proxy: follow redirection; calling
  offering, session-terminate: acknowledge; ended
  calling, session-terminate: acknowledge, keep CANCEL; cancel-kept
  ringing, session-terminate: acknowledge, send CANCEL; cancelling
  cancel-kept, provisional: send kept CANCEL; cancelling
  cancel-kept, phone rings: send kept CANCEL; cancelling
  cancel-kept, answer: note dialog, send ACK, send kept BYE; ending
  cancelling, answer: note dialog, send ACK, send kept BYE; ending
  cancelling, refusal: ; ended
  cancelling, INVITE timeout: ; ended
  new, INVITE: answer 180, session-initiate, propose; alerting
  new, INVITE to nobody: refuse INVITE; ended
  new, INVITE without offer: refuse INVITE; ended
  alerting, session-accept: acknowledge, adopt device, answer 200, session-terminate others cancel; answered
  accepting, candidates ready: answer 200; answered
  alerting, session-terminate: acknowledge, refuse INVITE, session-terminate others decline; ended
  alerting, CANCEL: accept request, answer INVITE 487, session-terminate; ended
  alerting, BYE: accept request, answer INVITE 487, session-terminate; ended
  alerting, last device gone: drop device, refuse INVITE; ended
  answered, CANCEL: accept request; answered
  answered, ACK: pass candidates; established
  answered, session-terminate: acknowledge, keep BYE; hanging-up
  answered, ACK timeout: send BYE, session-terminate; ending
  hanging-up, ACK: send kept BYE; ending
  established, session-terminate: acknowledge, send BYE; ending
  established, BYE: accept request, session-terminate; ended
  established, transport-info: acknowledge, pass candidates; established
  established, INFO candidates: accept request, transport-info; established
  established, source-add: acknowledge, keep change, send re-INVITE; updating
  established, re-INVITE: pass change, accept re-INVITE; established
  established, client gone: send BYE; ending
  established, session-initiate: refuse out-of-order; established
  established, session-info unknown: refuse unsupported-info; established
  established, content-add: acknowledge, keep addition, send re-INVITE; updating
  established, content-add unusable: acknowledge, reject content; established
  updating, content-add: acknowledge, keep addition; updating
  established, content-modify: acknowledge, keep change, send re-INVITE; updating
  established, content-remove of all: acknowledge, send BYE, session-terminate; ending
  accepting, candidates missing: refuse INVITE, session-terminate; ended
  established, existing-session-initiate: refuse item-not-found; established
  updating, re-INVITE: refuse request 491; updating
  updating, update pending: wait after glare; postponed
  updating, update refused: reject content, drop change; established
  updating, update over: send BYE, session-terminate; ending
  postponed, glare over: send re-INVITE; updating
  established, re-INVITE adding contents: content-add; consulting
  consulting, content-accept: acknowledge, accept contents; established
  consulting, content-reject: acknowledge, refuse contents; established
  consulting, client undecided: take back contents, refuse contents; established
  consulting, re-INVITE cancelled: take back contents; established
  consulting, BYE: accept request, session-terminate; ended
  established, content-accept: refuse out-of-order; established
  established, refresh due: keep refresh, send re-INVITE; updating
  postponed, refresh due: ; postponed
  established, session expired: send BYE, session-terminate; ending
  established, sign of life due: session-info of nothing; established
  ringing, device doubtful: ping; ringing
  ending, BYE: accept request; ended
  ending, BYE done: ; ended
  ending, session-terminate: refuse unknown-session; ending
  """

private let stanzaAnswers: Set<CallEffect> = [
  .acknowledge, .refuseOutOfOrder, .refuseUnknownSession, .refuseUnsupportedInfo, .refuseNotImplemented,
  .refuseItemNotFound,
]

private let requestAnswers: Set<CallEffect> = [
  .acceptRequest, .acceptReInvite, .refuseRequest405, .refuseRequest481, .refuseRequest488, .refuseRequest491,
  .refuseRequest500, .refuseInfo,
  // The answer comes later.
  .contentAdd,
]

private let stanzas: [CallEvent] =
  [
    "session-initiate", "session-accept", "session-terminate", "session-info", "transport-info", "description-info",
    "security-info", "content-add", "content-modify", "content-remove", "content-accept", "content-reject",
    "transport-replace", "transport-accept", "transport-reject", "source-add", "source-remove", "source-update",
    "existing-session-initiate",
  ].compactMap { CallEvent.event(action: $0) } + [
    .sessionInitiateWithoutCandidates, .sessionInitiateUnusable, .sessionAcceptWithoutCandidates,
    .sessionAcceptUnusable, .contentAddUnusable, .contentRemoveOfAll, .sessionTerminateUnable, .sessionInfoRinging,
    .sessionInfoUnknown, .stranger,
  ]

private let requests: [CallEvent] = [
  .reInvite, .reInviteAddingContents, .reInviteWithoutOffer, .reInviteUnusable, .bye, .cancel, .infoCandidates,
  .infoEmpty, .infoUnknown,
  .options, .requestUnsupported,
]

/// All cells that exist.
private let cells: [(state: CallState, event: CallEvent, transition: CallTransition)] = CallState.allCases.flatMap {
  state in
  CallEvent.allCases.map { (state, $0, SignallingTable.transition(state, $0)) }.filter { $0.2.isPossible }
}

@Suite("The signalling table")
struct CallTableTests {
  @Test("a row that the contract fixes", arguments: fixedRows.split(separator: "\n").map(String.init))
  func row(_ text: String) throws {
    let parts = text.split(separator: ";").map { $0.trimmed }
    let colon = try #require(parts[0].firstIndex(of: ":"))
    let cell = parts[0][..<colon].split(separator: ",").map { $0.trimmed }
    let state = try #require(CallState(rawValue: cell[0]))
    let event = try #require(CallEvent(rawValue: cell[1]))
    let transition = SignallingTable.transition(state, event)
    #expect(transition.isPossible)
    let effects = parts[0][parts[0].index(after: colon)...].split(separator: ",").map { $0.trimmed }
    #expect(transition.effects.map(\.rawValue) == effects.filter { !$0.isEmpty })
    #expect(transition.next.rawValue == parts[1])
  }

  @Test("each Jingle set is answered once, and first")
  func stanzasAnswered() {
    #expect(stanzas.count == 29)
    for cell in cells where stanzas.contains(cell.event) {
      #expect(cell.transition.effects.filter(stanzaAnswers.contains).count == 1, "\(cell.event) in \(cell.state)")
      #expect(cell.transition.effects.first.map(stanzaAnswers.contains) == true, "\(cell.event) in \(cell.state)")
    }
    for cell in cells where !stanzas.contains(cell.event) {
      #expect(cell.transition.effects.allSatisfy { !stanzaAnswers.contains($0) }, "\(cell.event) in \(cell.state)")
    }
  }

  @Test("each SIP request is answered once")
  func requestsAnswered() {
    for cell in cells {
      let count = cell.transition.effects.filter(requestAnswers.contains).count
      #expect(count == (requests.contains(cell.event) ? 1 : 0), "\(cell.event) in \(cell.state)")
    }
  }

  @Test("any action of a running call is answered in any state")
  func everyAction() {
    for state in CallState.allCases where state != .beginning && state != .end {
      for event in stanzas where event != .sessionAcceptUnusable && event != .sessionTerminateUnable {
        if event == .sessionInitiateUnusable { continue }
        #expect(SignallingTable.transition(state, event).isPossible, "\(event) in \(state)")
      }
    }
  }

  @Test("a call leaves its INVITE answered, cancelled or ended with a BYE")
  func cleanEnds() {
    for cell in cells {
      let effects = Set(cell.transition.effects)
      let next = cell.transition.next
      if next == .ending, cell.state != .ending {
        #expect(effects.contains(.sendBye) || effects.contains(.sendKeptBye), "\(cell.event) in \(cell.state)")
      }
      if next == .cancelling, cell.state != .cancelling {
        #expect(effects.contains(.sendCancel) || effects.contains(.sendKeptCancel), "\(cell.event) in \(cell.state)")
        #expect(cell.state != .calling, "no CANCEL before a provisional response")
      }
      if [.alerting, .accepting].contains(cell.state) {
        let finals = effects.intersection([.refuseInvite, .answerInvite487, .answer200]).count
        #expect(finals == (next == .alerting || next == .accepting ? 0 : 1), "\(cell.event) in \(cell.state)")
      }
    }
  }

  @Test("after the end nothing comes")
  func end() {
    for event in CallEvent.allCases {
      #expect(!SignallingTable.transition(.ended, event).isPossible)
    }
  }
}

@Suite("The tables of reasons")
struct ReasonTableTests {
  @Test("each reason of XEP-0166 has its status and cause")
  func jingleToSIP() {
    #expect(JingleReason.allCases.count == 17)
    #expect(ReasonTable.ending(.decline).status == 486)
    #expect(ReasonTable.ending(.busy).status == 486)
    #expect(ReasonTable.ending(.timeout).status == 408)
    #expect(ReasonTable.ending(.unsupportedTransports).status == 488)
    #expect(ReasonTable.ending(.connectivityError).status == 480)
    #expect(ReasonTable.ending(nil).status == 500)
    #expect(ReasonTable.ending(.success).cause.headerValue == "Q.850;cause=16;text=\"Normal call clearing\"")
  }

  @Test("each status code from 300 to 699 has its reason", arguments: 300...699)
  func sipToJingle(status: Int) {
    let ending = ReasonTable.ending(status: status)
    #expect(ending?.reason == (status == 486 ? .decline : .generalError))
    #expect(ending?.sipError == (status == 486 ? nil : status))
  }

  @Test("what refuses nothing has none")
  func others() {
    #expect(ReasonTable.ending(status: 299) == nil)
    #expect(ReasonTable.ending(status: 700) == nil)
    #expect(ReasonTable.cancel.reason == .decline)
    #expect(ReasonTable.bye.reason == .success)
    #expect(ReasonTable.ending(of: .lastDeviceGone)?.status == 480)
    #expect(ReasonTable.ending(of: .lastDeviceUnable)?.status == 488)
  }

  @Test("status codes are told apart")
  func classes() {
    #expect(CallEvent.response(toInvite: 100) == .provisional)
    #expect(CallEvent.response(toInvite: 183) == .phoneRings)
    #expect(CallEvent.response(toInvite: 204) == .answer)
    #expect(CallEvent.response(toReInvite: 491) == .updatePending)
    #expect(CallEvent.response(toInvite: 99) == nil)
    #expect(CallEvent.response(toInvite: 700) == nil)
  }
}

extension Substring {
  /// Without the spaces around it.
  fileprivate var trimmed: String {
    var text = self
    while text.first == " " { text.removeFirst() }
    while text.last == " " { text.removeLast() }
    return String(text)
  }
}
