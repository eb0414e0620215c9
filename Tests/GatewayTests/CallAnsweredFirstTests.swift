import SIPStack
import Testing

@testable import Gateway
@testable import JingleSIPMapping

/// `proceed = "when-answered"`: the phone rings, and answers, before the client calls (RFC 3725 §4.3, flow III).
@Suite("Calls that the phone answers first")
struct CallAnsweredFirstTests {
  private static let alice = Stage.phoneOfAlice
  private static let normal = ReasonCause.q850(16, "Normal call clearing")

  private static func message(_ stage: inout Stage, _ name: String, reason: JingleReason? = nil) -> [CallAction] {
    stage.input(
      .message(InitiationMessage(name: name, sender: alice, isAnsweredFirst: name == "propose", reason: reason)))
  }

  /// As far as the state named.
  private static func asked(_ state: CallState, alternatives: Int = 0) -> Stage {
    var stage = Stage(.client)
    stage.call.alternatives = alternatives
    _ = message(&stage, "propose")
    if state == .asked { return stage }
    if state == .askedProceeding {
      _ = stage.response(100)
      return stage
    }
    _ = stage.response(180)
    if state == .askedRinging { return stage }
    _ = stage.response(200)
    if state == .pickedUp { return stage }
    _ = stage.jingle("session-initiate", content: state == .gathering ? .withoutCandidates : .usual)
    if state == .rejoining { _ = stage.response(491, to: .reInvite) }
    return stage
  }

  private static let sounding: [CallState] = [.asked, .askedProceeding, .askedRinging]
  private static let joined: [CallState] = [.gathering, .joining, .rejoining]

  @Test("the stages that the tests begin at are those that they name")
  func stages() {
    for state in Self.sounding + [.pickedUp] + Self.joined { #expect(Self.asked(state).call.state == state) }
  }

  @Test("propose, 180, 200, session-initiate, 200 to the re-INVITE: ringing, proceed, session-accept")
  func answered() {
    var stage = Stage(.client)
    #expect(Self.message(&stage, "propose") == [.sendInviteWithoutOffer])
    #expect(Self.message(&stage, "propose") == [], "it comes again, as a carbon")
    #expect(stage.response(100, makesDialog: false) == [])
    #expect(stage.response(180) == [.noteDialog(stage.last), .sendRingingMessage(to: Self.alice)])
    #expect(stage.response(183) == [.noteDialog(stage.last)], "a phone rings once")
    #expect(stage.response(200) == [.noteDialog(stage.last), .sendAck(stage.last), .sendProceed(to: Self.alice)])
    #expect(
      stage.jingle("session-initiate") == [.acknowledge(stage.last), .sendOffer(offer: stage.last, candidates: [])])
    #expect(stage.response(100, to: .reInvite) == [])
    #expect(
      stage.response(200, to: .reInvite) == [
        .acknowledgeReInvite(stage.last), .sendSessionAccept(1, to: Self.alice, answer: stage.last),
      ])
    #expect(stage.call.state == .established)
    let end = stage.request("BYE")
    #expect(end.contains(.sendFinish(.success)), "it began by message, so its end is said by one")
  }

  @Test("candidates that come behind the session-initiate are waited for, those behind the re-INVITE follow its 200")
  func candidates() {
    var stage = Self.asked(.gathering)
    let offer = stage.last
    _ = stage.jingle("transport-info")
    let first = stage.last
    #expect(stage.wait(.milliseconds(300)) == [.sendOffer(offer: offer, candidates: [first])])
    #expect(stage.jingle("transport-info") == [.acknowledge(stage.last)])
    let second = stage.last
    #expect(stage.response(200, to: .reInvite).contains(.sendInfo(candidates: [second])))
  }

  @Test("nothing is told twice, whoever the phone is", arguments: [404, 480, 603])
  func refused(status: Int) {
    for state in Self.sounding {
      var stage = Self.asked(state)
      #expect(
        stage.response(status, phrase: "No") == [
          .sendReject(to: Self.alice, SessionEnd(.generalError, sipError: status, phrase: "No")), .end,
        ])
    }
  }

  @Test("a phone that is busy is told as that", arguments: [486, 600])
  func busy(status: Int) {
    for state in Self.sounding {
      var stage = Self.asked(state)
      #expect(stage.response(status, phrase: "Busy Here") == [.sendReject(to: Self.alice, SessionEnd(.busy)), .end])
    }
    // There is no session that could be rejected here.
    var stage = Stage.placed(.ringing)
    #expect(stage.response(600).contains { if case .sendSessionTerminate = $0 { true } else { false } })
  }

  @Test("no response, or no way to the proxy", arguments: [408, 503])
  func silence(status: Int) {
    var stage = Self.asked(.asked)
    #expect(
      stage.input(status == 408 ? .inviteTimeout : .inviteTransportError) == [
        .sendReject(to: Self.alice, SessionEnd(.generalError, sipError: status)), .end,
      ])
  }

  @Test("RFC 3263 §4.3: the next proxy is asked, and rings as the first one would have")
  func nextProxy() {
    var stage = Self.asked(.asked, alternatives: 2)
    #expect(stage.wait(.seconds(4)) == [.tryNextProxy])
    #expect(stage.response(503) == [.tryNextProxy])
    #expect(stage.call.state == .asked)
    #expect(stage.response(302, content: .toProxy) == [.followRedirection(stage.last)])
    #expect(stage.response(180).contains(.sendRingingMessage(to: Self.alice)))
  }

  @Test("§3.3: who gives up before the phone has answered cancels", arguments: ["retract", "reject", "finish"])
  func givenUp(_ name: String) {
    var stage = Self.asked(.asked)
    #expect(Self.message(&stage, name, reason: .cancel) == [])
    #expect(stage.response(180) == [.sendCancel(Self.normal)], "RFC 3261 §9.1: not before a provisional response")
    #expect(stage.response(487) == [.end])
    for state in [CallState.askedProceeding, .askedRinging] {
      stage = Self.asked(state)
      #expect(Self.message(&stage, name, reason: .cancel) == [.sendCancel(Self.normal)])
      // The 200 crosses the CANCEL.
      #expect(stage.response(200) == [.noteDialog(stage.last), .sendAck(stage.last), .sendBye(Self.normal)])
    }
    stage = Self.asked(.pickedUp)
    #expect(Self.message(&stage, name, reason: .cancel) == [.sendBye(Self.normal)])
    #expect(stage.response(200, to: .bye) == [.end])
  }

  @Test("who gives up behind the session-initiate hangs up", arguments: joined)
  func givenUpLate(_ state: CallState) {
    var stage = Self.asked(state)
    #expect(stage.jingle("session-terminate", reason: .cancel) == [.acknowledge(stage.last), .sendBye(Self.normal)])
    // A 200 to the re-INVITE that crosses the BYE is confirmed all the same.
    if state == .joining { #expect(stage.response(200, to: .reInvite) == [.acknowledgeReInvite(stage.last)]) }
    #expect(stage.response(200, to: .bye) == [.end])
    stage = Self.asked(state)
    #expect(Self.message(&stage, "retract", reason: .cancel) == [.sendBye(Self.normal)])
  }

  @Test("a client that never calls: the phone is hung up after 30 s")
  func silentClient() {
    var stage = Self.asked(.pickedUp)
    #expect(stage.wait(.seconds(29)) == [])
    #expect(
      stage.wait(.seconds(1)) == [
        .sendBye(.q850(19, "No answer from user")), .sendReject(to: Self.alice, SessionEnd(.timeout)),
      ])
  }

  @Test("a phone that rings for too long", arguments: sounding)
  func nobodyAnswers(_ state: CallState) {
    var stage = Self.asked(state)
    let actions = stage.wait(.seconds(180))
    #expect(actions.contains(.sendReject(to: Self.alice, SessionEnd(.timeout))))
    let isCancelled = actions.contains { if case .sendCancel = $0 { true } else { false } }
    #expect(isCancelled == (state != .asked))
    #expect(stage.call.state == (state == .asked ? .cancelKept : .cancelling))
  }

  @Test("the phone hangs up before the client has called, or before it has an answer")
  func phoneHangsUp() {
    var stage = Self.asked(.pickedUp)
    #expect(
      stage.request("BYE") == [.answer(stage.last, .accepted), .sendReject(to: Self.alice, .success), .end])
    for state in Self.joined {
      stage = Self.asked(state)
      #expect(
        stage.request("BYE") == [
          .answer(stage.last, .accepted), .sendSessionTerminate(1, to: Self.alice, .success), .sendFinish(.success),
          .end,
        ])
    }
    stage = Self.asked(.askedRinging)
    #expect(
      stage.request("BYE") == [
        .answer(stage.last, .accepted), .sendCancel(Self.normal), .sendReject(to: Self.alice, .success),
      ])
  }

  @Test("the phone takes the client's offer not at all, or with nothing that Jingle could say", arguments: [488, 200])
  func offerRefused(status: Int) {
    var stage = Self.asked(.joining)
    let actions = stage.response(status, to: .reInvite, content: .unusable, phrase: "No")
    let end =
      status == 200
      ? SessionEnd(.incompatibleParameters) : SessionEnd(.generalError, sipError: 488, phrase: "No")
    #expect(actions.contains(.sendSessionTerminate(1, to: Self.alice, end)))
    #expect(actions.contains { if case .sendBye(let cause) = $0 { cause.number == 488 } else { false } })
    #expect(actions.contains(.acknowledgeReInvite(stage.last)) == (status == 200))
    #expect(stage.call.state == .ending)
  }

  @Test("an offer that nobody answers", arguments: [408, 503, 481])
  func offerLost(status: Int) {
    var stage = Self.asked(.joining)
    let actions =
      status == 481
      ? stage.response(481, to: .reInvite) : stage.input(status == 408 ? .updateTimeout : .updateTransportError)
    #expect(
      actions.contains(.sendSessionTerminate(1, to: Self.alice, SessionEnd(.generalError, sipError: status))))
    #expect(stage.call.state == .ending)
  }

  @Test("RFC 3261 §14.1: two re-INVITEs meet; ours goes out again when 2.1 to 4 s have passed")
  func glare() {
    var stage = Self.asked(.joining)
    let offer = stage.last
    #expect(stage.request("INVITE") == [.answer(stage.last, .pending)])
    #expect(stage.response(491, to: .reInvite) == [])
    #expect(stage.request("INVITE") == [.answer(stage.last, .later)], "the phone's waits for ours")
    #expect(stage.wait(.milliseconds(2099)) == [])
    #expect(stage.wait(.seconds(2)) == [.sendOffer(offer: offer, candidates: [])])
    #expect(stage.response(200, to: .reInvite).contains(.sendSessionAccept(1, to: Self.alice, answer: stage.last)))
  }

  @Test("a session-initiate with nothing for SDP ends the call of the phone that has answered")
  func unusable() {
    var stage = Self.asked(.pickedUp)
    let actions = stage.jingle("session-initiate", content: .unusable)
    #expect(actions.first == .acknowledge(stage.last))
    #expect(actions.contains { if case .sendBye = $0 { true } else { false } })
    #expect(actions.contains(.sendSessionTerminate(1, to: Self.alice, SessionEnd(.unsupportedApplications))))
  }

  @Test("a session-initiate before the `proceed` is out of order, and so is a second one")
  func early() {
    for state in Self.sounding + Self.joined {
      var stage = Self.asked(state)
      #expect(stage.jingle("session-initiate") == [.refuse(stage.last, .outOfOrder)])
      #expect(stage.call.state == state)
    }
  }

  @Test("the client goes away", arguments: sounding + [.pickedUp] + joined)
  func clientGone(_ state: CallState) {
    var stage = Self.asked(state)
    let actions = stage.input(.deviceLeft(Self.alice))
    switch state {
    case .asked: #expect(actions == [] && stage.call.state == .cancelKept)
    case .askedProceeding, .askedRinging: #expect(stage.call.state == .cancelling)
    default: #expect(actions == [.sendBye(.q850(20, "Subscriber absent"))])
    }
  }

  @Test("shutdown leaves nobody without an end", arguments: sounding + [.pickedUp] + joined)
  func shutdown(_ state: CallState) {
    var stage = Self.asked(state)
    let actions = stage.input(.shutdown)
    let isTold = actions.contains { action in
      switch action {
      case .sendReject: !Self.joined.contains(state)
      case .sendSessionTerminate: Self.joined.contains(state)
      default: false
      }
    }
    #expect(isTold)
    #expect(stage.call.state == (state == .asked ? .cancelKept : Self.sounding.contains(state) ? .cancelling : .ending))
  }

  @Test("a 200 whose offer cannot be read ends the call")
  func unreadableOffer() {
    var stage = Self.asked(.askedRinging)
    let actions = stage.response(200, content: .unusable)
    #expect(actions.contains(.sendReject(to: Self.alice, SessionEnd(.incompatibleParameters))))
    #expect(actions.contains { if case .sendBye = $0 { true } else { false } })
  }

  @Test("what the phone says of its own offer's candidates is taken and means nothing")
  func candidatesOfPhone() {
    for state in [CallState.askedRinging, .pickedUp, .gathering] {
      var stage = Self.asked(state)
      #expect(stage.request("INFO", content: .candidates) == [.answer(stage.last, .accepted)])
    }
    var stage = Self.asked(.joining)
    #expect(
      stage.request("INFO", content: .candidates) == [
        .answer(stage.last, .accepted), .sendTransportInfo(1, to: Self.alice, candidates: stage.last),
      ])
  }
}
