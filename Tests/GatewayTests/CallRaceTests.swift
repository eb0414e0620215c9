import JingleSIPMapping
import SIPStack
import Testing

@testable import Gateway

@Suite("A client calls a phone")
struct PlacedCallTests {
  @Test("the whole of a call: INVITE, 180, 200, ACK, BYE")
  func whole() {
    var stage = Stage(.client)
    #expect(stage.jingle("session-initiate") == [.acknowledge(1), .sendInvite(offer: 1, candidates: [])])
    #expect(stage.response(100) == [])
    #expect(stage.response(180) == [.noteDialog(3), .sendRinging(1, to: Stage.phoneOfAlice)])
    #expect(stage.response(183) == [.noteDialog(4)], "it rings already")
    #expect(
      stage.response(200) == [
        .noteDialog(5), .sendAck(5), .sendSessionAccept(2, to: Stage.phoneOfAlice, answer: 5),
      ])
    #expect(stage.call.state == .established)
    let cause = ReasonTable.ending(.success).cause
    #expect(stage.jingle("session-terminate", reason: .success) == [.acknowledge(6), .sendBye(cause)])
    #expect(stage.response(200, to: .bye) == [.end])
    #expect(stage.call.nextDeadline == nil)
  }

  @Test("486 is decline, without sip-error")
  func busy() {
    var stage = Stage.placed(.ringing)
    #expect(
      stage.response(486, phrase: "Busy Here") == [
        .sendSessionTerminate(2, to: Stage.phoneOfAlice, .declined), .end,
      ])
  }

  @Test("other codes are general-error with sip-error", arguments: [300, 404, 480, 487, 503, 603, 699])
  func refused(code: Int) {
    var stage = Stage.placed(.calling)
    #expect(
      stage.response(code, phrase: "Why") == [
        .sendSessionTerminate(
          1, to: Stage.phoneOfAlice, SessionEnd(.generalError, sipError: code, phrase: "Why")), .end,
      ])
  }

  @Test("silence is 408, a lost connection 503")
  func silence() {
    var stage = Stage.placed(.calling)
    #expect(
      stage.input(.inviteTimeout) == [
        .sendSessionTerminate(1, to: Stage.phoneOfAlice, SessionEnd(.generalError, sipError: 408)), .end,
      ])
    stage = Stage.placed(.calling)
    #expect(
      stage.input(.inviteTransportError) == [
        .sendSessionTerminate(1, to: Stage.phoneOfAlice, SessionEnd(.generalError, sipError: 503)), .end,
      ])
  }

  @Test("a CANCEL waits for the first provisional response")
  func keptCancel() {
    var stage = Stage.placed(.calling)
    let cause = ReasonTable.ending(.decline).cause
    #expect(stage.jingle("session-terminate", reason: .decline) == [.acknowledge(2)])
    #expect(stage.response(100) == [.sendCancel(cause)])
    #expect(stage.response(180) == [], "the client has gone")
    #expect(stage.response(487) == [.end])
  }

  @Test("a final response before any provisional one makes the CANCEL needless")
  func cancelNeedless() {
    var stage = Stage.placed(.cancelKept)
    #expect(stage.response(486) == [.end])
  }

  @Test("a 200 that crosses the CANCEL is confirmed and ended for the same cause")
  func answerAfterCancel() {
    let cause = ReasonTable.ending(.cancel).cause
    var stage = Stage.placed(.cancelling)
    #expect(stage.response(200) == [.noteDialog(4), .sendAck(4), .sendBye(cause)])
    #expect(stage.call.state == .ending)
    #expect(stage.input(.byeLost) == [.end])
    stage = Stage.placed(.cancelKept)
    #expect(stage.response(200) == [.noteDialog(3), .sendAck(3), .sendBye(cause)])
  }

  @Test("a BYE that crosses ours is answered, then ours is too")
  func crossingBye() {
    var stage = Stage.placed(.ending)
    #expect(stage.request("BYE") == [.answer(4, .accepted), .end])
  }

  @Test("a BYE ends the session as success, whatever the client says afterwards")
  func byeThenTerminate() {
    var stage = Stage.placed(.established)
    #expect(
      stage.request("BYE") == [
        .answer(3, .accepted), .sendSessionTerminate(2, to: Stage.phoneOfAlice, .success), .end,
      ])
    #expect(stage.jingle("session-terminate", reason: .success) == [.refuse(4, .unknownSession)])
  }

  @Test("a BYE that overtakes every response ends the session, and the INVITE is cancelled when one comes")
  func byeBeforeAnyResponse() {
    var stage = Stage.placed(.calling)
    #expect(
      stage.request("BYE") == [
        .answer(2, .accepted), .sendSessionTerminate(1, to: Stage.phoneOfAlice, .success),
      ])
    #expect(stage.call.state == .cancelKept)
    #expect(stage.request("BYE") == [.answer(3, .accepted)], "repeated")
    let actions = stage.response(180)
    #expect(actions.count == 1)
    guard case .sendCancel? = actions.first else {
      Issue.record("\(actions)")
      return
    }
    #expect(stage.response(487) == [.end])
  }

  @Test("a BYE after session-terminate finds the call ending")
  func terminateThenBye() {
    var stage = Stage.placed(.established)
    _ = stage.jingle("session-terminate", reason: .success)
    #expect(stage.request("BYE") == [.answer(4, .accepted), .end])
  }

  @Test("a second phone that answers is confirmed and sent away")
  func fork() {
    var stage = Stage.placed(.established)
    #expect(stage.response(200, content: .ofFork) == [.endFork(3)])
    #expect(stage.call.state == .established)
  }

  @Test("candidates wait for the dialog, then travel as INFO")
  func candidates() {
    var stage = Stage.placed(.calling)
    #expect(stage.jingle("transport-info") == [.acknowledge(2)])
    #expect(stage.response(180, makesDialog: false) == [.sendRinging(1, to: Stage.phoneOfAlice)])
    #expect(stage.jingle("transport-info") == [.acknowledge(4)])
    #expect(stage.response(183) == [.noteDialog(5), .sendInfo(candidates: [2, 4])])
    #expect(stage.jingle("transport-info") == [.acknowledge(6), .sendInfo(candidates: [6])])
  }

  @Test("an offer without candidates waits until 250 ms after the last one")
  func waitingOffer() {
    var stage = Stage(.client)
    #expect(stage.jingle("session-initiate", content: .withoutCandidates) == [.acknowledge(1)])
    #expect(stage.wait(.milliseconds(600)) == [])
    #expect(stage.jingle("transport-info") == [.acknowledge(2)])
    #expect(stage.wait(.milliseconds(249)) == [])
    #expect(stage.jingle("transport-info") == [.acknowledge(3)])
    #expect(stage.wait(.milliseconds(150)) == [])
    #expect(stage.wait(.milliseconds(1)) == [.sendInvite(offer: 1, candidates: [2, 3])], "1 s at most")
    #expect(stage.call.state == .calling)
  }

  @Test("a 3xx at the proxy is followed, five times")
  func redirections() {
    var stage = Stage.placed(.calling)
    for _ in 0..<5 {
      #expect(stage.response(302, content: .toProxy) == [.followRedirection(stage.last)])
    }
    #expect(
      stage.response(302, content: .toProxy) == [
        .sendSessionTerminate(1, to: Stage.phoneOfAlice, SessionEnd(.generalError, sipError: 302)), .end,
      ])
  }

  @Test("the client's stream ends: CANCEL before the answer, BYE after it")
  func streamEnds() {
    var stage = Stage.placed(.ringing)
    let cause = ReasonTable.ending(of: .clientGone)?.cause
    #expect(stage.input(.deviceLeft(Stage.phoneOfAlice)) == cause.map { [.sendCancel($0)] })
    stage = Stage.placed(.established)
    #expect(stage.input(.deviceLeft(Stage.phoneOfAlice)) == cause.map { [.sendBye($0)] })
    #expect(stage.input(.deviceLeft(Stage.laptop)) == [], "who has no part cannot leave")
  }

  @Test("a client that does not answer for 10 s has left; one that does not know session-info has not")
  func deviceAnswers() {
    let cause = ReasonTable.ending(of: .clientGone)?.cause
    var stage = Stage.placed(.ringing)
    #expect(stage.wait(.seconds(9)) == [.sendPing(2, to: Stage.phoneOfAlice)])
    #expect(stage.wait(.seconds(1)) == cause.map { [.sendCancel($0)] })
    stage = Stage.placed(.ringing)
    #expect(stage.input(.answer(1, .unable)) == [])
    #expect(stage.wait(.seconds(100)) == [])
    stage = Stage.placed(.ringing)
    #expect(stage.input(.answer(1, .error)) == cause.map { [.sendCancel($0)] })
  }

  @Test("it does not ring for ever")
  func ringingEnds() {
    var stage = Stage.placed(.ringing)
    _ = stage.input(.answer(1, .result))
    #expect(stage.wait(.seconds(179)) == [])
    #expect(
      stage.wait(.seconds(1)) == [
        .sendCancel(ReasonCause.noAnswer),
        .sendSessionTerminate(2, to: Stage.phoneOfAlice, SessionEnd(.timeout)),
      ])
  }

  @Test("changes go out one after the other, and again after they met one of theirs")
  func changes() {
    var stage = Stage.placed(.established)
    #expect(stage.jingle("source-add") == [.acknowledge(3), .sendReInvite(.ofClient(3))])
    #expect(stage.jingle("source-remove") == [.acknowledge(4)])
    #expect(stage.request("INVITE") == [.answer(5, .pending)])
    #expect(stage.response(491, to: .reInvite) == [])
    #expect(
      stage.request("INVITE") == [.sendChange(2, to: Stage.phoneOfAlice, change: 7), .acceptReInvite(7)],
      "now theirs may come")
    _ = stage.input(.answer(2, .result))
    #expect(stage.wait(.seconds(4)) == [.sendReInvite(.ofClient(3))])
    #expect(stage.response(200, to: .reInvite) == [.acknowledgeReInvite(8), .sendReInvite(.ofClient(4))])
    #expect(stage.response(488, to: .reInvite) == [])
    #expect(stage.call.state == .established)
  }

  @Test("a device that has no part is told of no session")
  func stranger() {
    var stage = Stage.placed(.ringing)
    #expect(stage.jingle("session-terminate", from: Stage.laptop) == [.refuse(3, .unknownSession)])
    #expect(stage.call.state == .ringing)
  }
}

@Suite("A phone calls a user")
struct ReceivedCallTests {
  @Test("each device rings, the first to accept has the call")
  func whole() {
    var stage = Stage(.phone)
    #expect(
      stage.request("INVITE", devices: [Stage.laptop, Stage.tablet]) == [
        .answerRinging, .sendSessionInitiate(1, to: Stage.laptop, offer: 1),
        .sendSessionInitiate(2, to: Stage.tablet, offer: 1),
      ])
    #expect(
      stage.jingle("session-accept", from: Stage.tablet) == [
        .acknowledge(2), .answerInvite(answer: 2, candidates: []),
        .sendSessionTerminate(3, to: Stage.laptop, .cancelled),
      ])
    #expect(stage.request("ACK") == [])
    #expect(stage.call.state == .established)
    #expect(stage.wait(.seconds(60)) == [], "the session-initiate that the laptop never answered is forgotten")
    #expect(
      stage.request("BYE") == [.answer(4, .accepted), .sendSessionTerminate(4, to: Stage.tablet, .success), .end])
  }

  @Test("two devices accept at once")
  func twoAccept() {
    var stage = Stage.received(.answered)
    #expect(stage.jingle("session-accept", from: Stage.tablet) == [.refuse(3, .unknownSession)])
    #expect(stage.call.devices == [Stage.laptop])
  }

  @Test("one device declines for all")
  func declined() {
    var stage = Stage.received(.alerting)
    #expect(
      stage.jingle("session-terminate", from: Stage.laptop, reason: .decline) == [
        .acknowledge(2), .refuseInvite(status: 486, .q850(21, "Call rejected")),
        .sendSessionTerminate(3, to: Stage.tablet, .declined), .end,
      ])
  }

  @Test("a device that cannot take the call leaves it to the others, and the last one's reason counts")
  func unable() {
    var stage = Stage.received(.alerting)
    #expect(
      stage.jingle("session-terminate", from: Stage.laptop, reason: .unsupportedApplications) == [.acknowledge(2)])
    #expect(
      stage.jingle("session-terminate", from: Stage.tablet, reason: .unsupportedApplications) == [
        .acknowledge(3), .refuseInvite(status: 488, .q850(65, "Bearer capability not implemented")), .end,
      ])
  }

  @Test("the last device to leave gives 480, or 488 where it knows no Jingle")
  func devicesLeave() {
    var stage = Stage.received(.alerting)
    #expect(stage.input(.answer(1, .error)) == [])
    #expect(
      stage.input(.deviceLeft(Stage.tablet)) == [.refuseInvite(status: 480, .q850(20, "Subscriber absent")), .end])
    stage = Stage.received(.alerting)
    #expect(stage.input(.answer(1, .error)) == [])
    #expect(
      stage.input(.answer(2, .unable)) == [.refuseInvite(status: 488, .q850(88, "Incompatible destination")), .end])
    stage = Stage.received(.alerting)
    #expect(stage.input(.answer(1, .result)) == [])
    #expect(stage.wait(.seconds(10)) == [], "one has answered")
    #expect(stage.call.devices == [Stage.laptop])
  }

  @Test("nobody there: 480; no offer: 488")
  func refused() {
    var stage = Stage(.phone)
    #expect(stage.request("INVITE") == [.refuseInvite(status: 480, .q850(20, "Subscriber absent")), .end])
    stage = Stage(.phone)
    #expect(
      stage.request("INVITE", content: .withoutOffer, devices: [Stage.laptop]) == [
        .refuseInvite(status: 488, nil), .end,
      ])
  }

  @Test("CANCEL is decline for all that ring")
  func cancelled() {
    var stage = Stage.received(.alerting)
    #expect(
      stage.request("CANCEL") == [
        .answer(2, .accepted), .refuseInvite(status: 487, nil), .sendSessionTerminate(3, to: Stage.laptop, .declined),
        .sendSessionTerminate(4, to: Stage.tablet, .declined), .end,
      ])
  }

  @Test("a CANCEL that crosses the 200 does nothing")
  func lateCancel() {
    var stage = Stage.received(.answered)
    #expect(stage.request("CANCEL") == [.answer(3, .accepted)])
    #expect(stage.call.state == .answered)
  }

  @Test("session-accept that crosses the CANCEL finds no session")
  func acceptAfterCancel() {
    var stage = Stage.received(.alerting)
    _ = stage.request("CANCEL")
    #expect(stage.jingle("session-accept", from: Stage.laptop) == [.refuse(3, .unknownSession)])
    #expect(stage.call.state == .ended)
  }

  @Test("the callee hangs up before the ACK: the BYE waits for it")
  func hangUpBeforeAck() {
    let cause = ReasonTable.ending(.success).cause
    var stage = Stage.received(.hangingUp)
    #expect(stage.request("ACK") == [.sendBye(cause)])
    stage = Stage.received(.hangingUp)
    #expect(stage.input(.ackTimeout) == [.sendBye(cause)])
    #expect(stage.call.state == .ending)
  }

  @Test("no ACK ends the session")
  func noAck() {
    var stage = Stage.received(.answered)
    let cause = ReasonTable.ending(of: .ackTimeout)?.cause
    let actions = stage.input(.ackTimeout)
    #expect(actions.first == cause.map { .sendBye($0) })
    #expect(actions.last == .sendSessionTerminate(4, to: Stage.laptop, SessionEnd(.timeout)))
  }

  @Test("an answer without candidates waits for those of its own device")
  func waitingAnswer() {
    var stage = Stage.received(.alerting)
    #expect(stage.jingle("transport-info", from: Stage.laptop) == [.acknowledge(2)])
    #expect(stage.jingle("transport-info", from: Stage.tablet) == [.acknowledge(3)])
    #expect(
      stage.jingle("session-accept", from: Stage.laptop, content: .withoutCandidates) == [
        .acknowledge(4), .sendSessionTerminate(3, to: Stage.tablet, .cancelled),
      ])
    #expect(stage.jingle("transport-info", from: Stage.laptop) == [.acknowledge(5)])
    #expect(stage.wait(.milliseconds(250)) == [.answerInvite(answer: 4, candidates: [2, 5])])
    #expect(stage.call.state == .answered)
  }

  @Test("another window asks for the unanswered call and rings too")
  func existing() {
    var stage = Stage.received(.alerting, devices: [Stage.laptop])
    #expect(
      stage.jingle("existing-session-initiate", from: Stage.tablet) == [
        .acknowledge(2), .sendSessionInitiate(2, to: Stage.tablet, offer: 1),
      ])
    #expect(
      stage.jingle("session-accept", from: Stage.tablet) == [
        .acknowledge(3), .answerInvite(answer: 3, candidates: []),
        .sendSessionTerminate(3, to: Stage.laptop, .cancelled),
      ])
    #expect(stage.jingle("existing-session-initiate", from: Stage.laptop) == [.refuse(4, .itemNotFound)])
  }

  @Test("a device that asks for the call again and does not answer has left 10 s after the first offer")
  func silentAndExisting() {
    var stage = Stage.received(.alerting)
    _ = stage.input(.answer(2, .result))
    _ = stage.wait(.seconds(6))
    #expect(
      stage.jingle("existing-session-initiate", from: Stage.laptop) == [
        .acknowledge(2), .sendSessionInitiate(3, to: Stage.laptop, offer: 1),
      ])
    _ = stage.wait(.seconds(3))
    #expect(stage.call.devices == [Stage.laptop, Stage.tablet])
    _ = stage.wait(.seconds(1))
    #expect(stage.call.devices == [Stage.tablet])
    // The second offer went with the device.
    #expect(stage.input(.answer(3, .error)) == [])
    _ = stage.wait(.seconds(9))
    #expect(stage.call.state == .alerting)
  }
}

extension ReasonCause {
  /// That of a call that has rung for too long.
  fileprivate static var noAnswer: ReasonCause { ReasonTable.ending(.timeout).cause }
}
