import SIPStack
import Testing

@testable import Gateway
@testable import JingleSIPMapping

/// XEP-0353: calls that begin with a message.
@Suite("Calls by message")
struct CallMessageTests {
  private static let bob = CallDevice("bob@example.org")

  private func message(
    _ stage: inout Stage, _ name: String, from sender: CallDevice = Stage.phoneOfAlice, isForbidden: Bool = false,
    reason: JingleReason? = nil
  ) -> [CallAction] {
    stage.input(
      .message(InitiationMessage(name: name, sender: sender, isForbidden: isForbidden, reason: reason)))
  }

  /// A phone has called, and the devices of bob were asked.
  private func asked(devices: [CallDevice] = [], seen: [CallDevice] = []) -> Stage {
    var stage = Stage(.phone)
    let actions = stage.request("INVITE", devices: devices, proposal: Self.bob, proposed: seen)
    #expect(actions.contains(.answerRinging) == !(devices.isEmpty && seen.isEmpty))
    #expect(actions.contains(.sendPropose(to: Self.bob, offer: stage.last)))
    #expect(stage.call.state == .alerting)
    return stage
  }

  // MARK: A client calls

  @Test("§3.1, §3.4: a proposal is answered `proceed`, and the phone rings when the session-initiate has come")
  func proposed() {
    var stage = Stage(.client)
    #expect(message(&stage, "propose") == [.sendProceed(to: Stage.phoneOfAlice)])
    #expect(stage.call.state == .proposed)
    #expect(message(&stage, "propose") == [], "it comes again, as a carbon")
    #expect(
      stage.jingle("session-initiate") == [
        .acknowledge(CallReference(1)), .sendInvite(offer: CallReference(1), candidates: []),
      ])
    #expect(stage.call.state == .calling)
  }

  @Test("§3.3: who gives up before the session is there leaves nothing", arguments: ["retract", "reject", "finish"])
  func retracted(_ name: String) {
    var stage = Stage(.client)
    _ = message(&stage, "propose")
    #expect(message(&stage, name) == [.end])
  }

  @Test("without a session-initiate within 30 s there is no call; the phone then rings for as long as any other")
  func sessionIsMissing() {
    var stage = Stage(.client)
    _ = message(&stage, "propose")
    #expect(stage.wait(.seconds(29)) == [])
    #expect(stage.wait(.seconds(1)) == [.sendReject(to: Stage.phoneOfAlice, SessionEnd(.timeout)), .end])
    stage = Stage(.client)
    _ = message(&stage, "propose")
    _ = stage.jingle("session-initiate")
    _ = stage.response(180)
    _ = stage.input(.answer(CallStanza(1), .result))
    #expect(stage.wait(.seconds(31)) == [], "it was the proposal that had 30 s")
  }

  @Test("who may not call there is told so, by message or IQ as it came")
  func forbidden() {
    var stage = Stage(.client)
    #expect(
      message(&stage, "propose", isForbidden: true) == [
        .sendReject(to: Stage.phoneOfAlice, SessionEnd(.generalError, sipError: 403)), .end,
      ])
    stage = Stage(.client)
    #expect(stage.jingle("session-initiate", content: .forbidden) == [.refuse(CallReference(1), .forbidden), .end])
  }

  @Test("§3.7: the end of a session that began with a message is said by message, too")
  func finished() {
    var stage = Stage(.client)
    _ = message(&stage, "propose")
    _ = stage.jingle("session-initiate")
    _ = stage.response(200)
    #expect(stage.call.state == .established)
    let actions = stage.request("BYE")
    #expect(actions.contains(.sendFinish(SessionEnd(.success))))
  }

  @Test("another device of the user has no part in what one has proposed")
  func otherDevice() {
    var stage = Stage(.client)
    _ = message(&stage, "propose")
    #expect(
      stage.jingle("session-initiate", from: CallDevice("alice@example.org/other"))
        == [.refuse(CallReference(1), .unknownSession)])
  }

  // MARK: A phone calls

  @Test("§3.2, §3.4, §3.6: ringing is 180; the device that takes the call is sent the session-initiate")
  func rings() {
    var stage = asked()
    #expect(message(&stage, "ringing", from: Stage.laptop) == [.answerRinging])
    #expect(
      message(&stage, "proceed", from: Stage.laptop) == [
        .sendSessionInitiate(CallStanza(1), to: Stage.laptop, offer: CallReference(1))
      ])
    #expect(stage.call.devices == [Stage.laptop])
    let actions = stage.jingle("session-accept", from: Stage.laptop)
    #expect(actions.contains(.answerInvite(answer: CallReference(2), candidates: [])))
    #expect(stage.call.state == .answered)
  }

  @Test("§3.1: the proposal goes to the bare address, without a 180 where nobody is seen; others ring at once")
  func whoIsAsked() {
    var stage = Stage(.phone)
    stage.references += 1
    #expect(
      stage.input(.request(SIPCallRequest(method: "INVITE", reference: stage.last, proposal: Self.bob))) == [
        .sendPropose(to: Self.bob, offer: CallReference(1))
      ])
    stage = Stage(.phone)
    stage.references += 1
    #expect(
      stage.input(
        .request(
          SIPCallRequest(method: "INVITE", reference: stage.last, devices: [Stage.tablet], proposal: Self.bob))) == [
          .answerRinging, .sendSessionInitiate(CallStanza(1), to: Stage.tablet, offer: CallReference(1)),
          .sendPropose(to: Self.bob, offer: CallReference(1)),
        ])
  }

  @Test("a device without XEP-0353 that accepts takes the call from those that were asked")
  func directDeviceAccepts() {
    var stage = asked(devices: [Stage.tablet])
    let actions = stage.jingle("session-accept", from: Stage.tablet)
    #expect(actions.contains(.sendRetract(to: Self.bob, SessionEnd(.cancel))))
    #expect(message(&stage, "proceed", from: Stage.laptop) == [.sendRetract(to: Stage.laptop, SessionEnd(.cancel))])
  }

  @Test("§3.5: a device declines for all", arguments: [(JingleReason.busy, 17), (.decline, 21)])
  func declined(reason: JingleReason, cause: Int) {
    var stage = asked(devices: [Stage.tablet])
    let actions = message(&stage, "reject", from: Stage.laptop, reason: reason)
    #expect(
      actions.contains {
        if case .refuseInvite(status: 486, let found?) = $0 { return found.number == cause }
        return false
      })
    #expect(actions.contains(.sendSessionTerminate(CallStanza(2), to: Stage.tablet, SessionEnd(.decline))))
    #expect(stage.call.state == .end)
  }

  @Test("§3.3: CANCEL takes the proposal back")
  func cancelled() {
    var stage = asked()
    stage.references += 1
    let actions = stage.input(.request(SIPCallRequest(method: "CANCEL", reference: stage.last)))
    #expect(actions.contains(.sendRetract(to: Self.bob, SessionEnd(.decline))))
    #expect(actions.contains(.refuseInvite(status: 487, nil)))
  }

  @Test("a proposal that comes back: 404 for a user whom the server does not know, else 480", arguments: [true, false])
  func returned(isUnknown: Bool) {
    var stage = asked()
    let cause = isUnknown ? ReasonCause.q850(1, "Unallocated (unassigned) number") : .q850(20, "Subscriber absent")
    #expect(
      stage.input(.proposalReturned(Self.bob, isUnknown: isUnknown)) == [
        .refuseInvite(status: isUnknown ? 404 : 480, cause), .end,
      ])
    stage = asked(devices: [Stage.tablet])
    #expect(stage.input(.proposalReturned(Self.bob, isUnknown: isUnknown)) == [], "another device rings on")
  }

  @Test("no device shows a sign within 30 s: nobody is there, 480")
  func nobodyIsThere() {
    var stage = asked()
    #expect(stage.wait(.seconds(29)) == [])
    #expect(
      stage.wait(.seconds(1)) == [
        .sendRetract(to: Self.bob, SessionEnd(.timeout)), .refuseInvite(status: 480, .q850(20, "Subscriber absent")),
        .end,
      ])
  }

  @Test("a device that is there rings at once and as long as any, though it never says so, as Dino 0.4")
  func seenDevice() {
    var stage = asked(seen: [Stage.laptop])
    #expect(stage.call.state == .alerting)
    #expect(stage.wait(.seconds(179)) == [])
    #expect(
      message(&stage, "proceed", from: Stage.laptop) == [
        .sendSessionInitiate(CallStanza(1), to: Stage.laptop, offer: CallReference(1))
      ])
  }

  @Test("the devices that were there leave: another one has 30 s to show a sign")
  func seenDevicesLeave() {
    var stage = asked(seen: [Stage.laptop, Stage.tablet])
    #expect(stage.input(.deviceLeft(Stage.laptop)) == [])
    #expect(stage.wait(.seconds(40)) == [], "one is still there")
    #expect(stage.input(.deviceLeft(Stage.tablet)) == [])
    #expect(stage.wait(.seconds(29)) == [])
    var ringing = stage
    _ = message(&ringing, "ringing", from: Stage.phoneOfAlice)
    #expect(ringing.wait(.seconds(60)) == [])
    #expect(
      stage.wait(.seconds(1)) == [
        .sendRetract(to: Self.bob, SessionEnd(.timeout)), .refuseInvite(status: 480, .q850(20, "Subscriber absent")),
        .end,
      ])
  }

  @Test("before 0.4: what rings already is taken back by message")
  func retractedWhileRinging() {
    var stage = Stage(.client)
    _ = message(&stage, "propose")
    _ = stage.jingle("session-initiate")
    _ = stage.response(180)
    let actions = message(&stage, "retract", reason: .cancel)
    #expect(actions == [.sendCancel(.q850(16, "Normal call clearing"))])
    #expect(stage.call.state == .cancelling)
  }

  @Test("nobody takes the call: 408, and the proposal is taken back")
  func nobodyAnswers() {
    var stage = asked()
    _ = message(&stage, "ringing", from: Stage.laptop)
    let actions = stage.wait(.seconds(180))
    #expect(actions.contains(.sendRetract(to: Self.bob, SessionEnd(.timeout))))
  }

  // MARK: Proxies

  @Test(
    "RFC 3263 §4.3: the next proxy is asked where one answers 503, cannot be reached or is silent",
    arguments: ["503", "unreachable", "silent"])
  func nextProxy(_ failure: String) {
    var stage = Stage(.client)
    stage.call.alternatives = 1
    _ = stage.jingle("session-initiate")
    let actions: [CallAction] =
      switch failure {
      case "503": stage.response(503)
      case "unreachable": stage.input(.inviteTransportError)
      default: stage.wait(.seconds(4))
      }
    #expect(actions == [.tryNextProxy])
    #expect(stage.call.state == .calling)
    // The last one's failure is that of the call.
    let last = stage.response(503)
    #expect(last.last == .end)
  }
}
