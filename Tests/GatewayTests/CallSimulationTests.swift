import JingleSIPMapping
import SIPStack
import Testing

@testable import Gateway

/// What a call has asked for, and what must hold of it whatever comes in whatever order.
private struct Ledger {
  var answered: [CallReference: Int] = [:]
  /// Re-INVITEs that wait for the client.
  var asked: Set<CallReference> = []
  var ends = 0
  var finals = 0
  var cancels = 0
  var byes = 0
  var terminated: [CallDevice: Int] = [:]
  var hasProvisional = false
  var hasAnswer = false

  mutating func enter(_ actions: [CallAction], origin: Call.Origin) {
    for action in actions {
      #expect(ends == 0, "nothing comes after the end")
      switch action {
      case .acknowledge(let reference), .refuse(let reference, _), .answer(let reference, _),
        .acceptReInvite(let reference):
        answered[reference, default: 0] += 1
      case .sendContentAdd(_, _, let reference):
        // It is answered when the client has said what it takes.
        answered[reference, default: 0] += 1
        asked.insert(reference)
      case .answerContents(let reference, _): #expect(asked.remove(reference) != nil, "answered once")
      case .answerInvite:
        finals += 1
        hasAnswer = true
      case .refuseInvite: finals += 1
      case .sendAck: hasAnswer = true
      case .sendCancel:
        cancels += 1
        #expect(origin == .client && hasProvisional, "no CANCEL before a provisional response")
      case .sendBye:
        byes += 1
        #expect(hasAnswer, "no BYE before the answer")
      case .sendSessionTerminate(_, let device, _): terminated[device, default: 0] += 1
      case .end: ends += 1
      default: break
      }
    }
  }
}

@Suite("Calls in which anything comes at any time")
struct CallSimulationTests {
  static let actions = [
    "session-initiate", "session-accept", "session-terminate", "session-info", "transport-info", "content-add",
    "content-accept", "source-add", "source-remove", "existing-session-initiate", "description-info",
  ]
  static let methods = ["INVITE", "ACK", "BYE", "CANCEL", "INFO", "OPTIONS", "UPDATE"]
  static let codes = [100, 180, 183, 200, 302, 404, 408, 481, 486, 487, 491, 500, 603]
  /// Of responses to requests within the call.
  static let laterCodes = [100, 200, 408, 481, 488, 491]
  static let messages = ["propose", "ringing", "proceed", "accept", "reject", "retract", "finish"]
  static let bob = CallDevice("bob@example.org")
  static let devices = [Stage.phoneOfAlice, Stage.laptop, Stage.tablet]

  /// A seed that has failed stays here for ever.
  static let seeds = Array(UInt64(1)...2000)

  @Test("each is answered, each ends", arguments: seeds)
  func playOne(seed: UInt64) { _ = play(seed: seed) }

  @Test("together they come through every state")
  func everyState() {
    let visited = Self.seeds.reduce(into: Set<CallState>()) { $0.formUnion(play(seed: $1)) }
    #expect(visited == Set(CallState.allCases).subtracting([.beginning]))
  }

  /// The states that the call of this seed comes through.
  private func play(seed: UInt64) -> Set<CallState> {
    var visited: Set<CallState> = []
    var chance = SplitMix(seed)
    let origin: Call.Origin = Bool.random(using: &chance) ? .client : .phone
    var stage = Stage(origin, seed: seed)
    var ledger = Ledger()
    if origin == .client {
      if Int.random(in: 0..<3, using: &chance) == 0 {
        let isAnsweredFirst = Bool.random(using: &chance)
        let proposal = InitiationMessage(
          name: "propose", sender: Stage.phoneOfAlice, isAnsweredFirst: isAnsweredFirst)
        ledger.enter(stage.input(.message(proposal)), origin: origin)
        visited.insert(stage.call.state)
        // What the user does meanwhile, if it is not the end of it.
        if Bool.random(using: &chance) { step(&stage, &ledger, origin, &chance) }
        if isAnsweredFirst { visited.formUnion(answer(&stage, &ledger, &chance)) }
        if stage.call.state == .ended { return visited.union([.ended]) }
      }
      let content: JingleRequest.Content = Bool.random(using: &chance) ? .usual : .withoutCandidates
      ledger.enter(stage.jingle("session-initiate", content: content), origin: origin)
      #expect(ledger.answered[stage.last] == 1)
    } else {
      let proposal = Bool.random(using: &chance) ? Self.bob : nil
      let devices = proposal == nil || Bool.random(using: &chance) ? [Stage.laptop, Stage.tablet] : []
      let proposed = proposal != nil && Bool.random(using: &chance) ? [Stage.phoneOfAlice] : []
      ledger.enter(
        stage.request("INVITE", devices: devices, proposal: proposal, proposed: proposed), origin: origin)
    }
    for _ in 0..<60 where stage.call.state != .ended {
      visited.insert(stage.call.state)
      step(&stage, &ledger, origin, &chance)
    }
    finish(&stage, &ledger, origin)
    #expect(ledger.ends == 1)
    #expect(stage.call.nextDeadline == nil)
    #expect(ledger.finals == (origin == .phone ? 1 : 0), "an INVITE has one final response")
    #expect(ledger.cancels <= 1)
    #expect(ledger.byes <= 1)
    return visited.union([stage.call.state])
  }

  /// The phone answers an INVITE without an offer, if nothing else has happened.
  private func answer(_ stage: inout Stage, _ ledger: inout Ledger, _ chance: inout SplitMix) -> Set<CallState> {
    var visited: Set<CallState> = []
    for _ in 0..<4 where stage.call.state != .pickedUp && stage.call.state != .ended {
      visited.insert(stage.call.state)
      if Bool.random(using: &chance) { step(&stage, &ledger, .client, &chance) }
      if [.asked, .askedProceeding, .askedRinging].contains(stage.call.state), Bool.random(using: &chance) {
        ledger.enter(stage.response(200), origin: .client)
      }
    }
    return visited.union([stage.call.state])
  }

  private func step(
    _ stage: inout Stage, _ ledger: inout Ledger, _ origin: Call.Origin, _ chance: inout SplitMix
  ) {
    let before = stage.references
    var actions: [CallAction] = []
    var wantsAnswer = false
    switch Int.random(in: 0..<10, using: &chance) {
    case 0...3:
      let action = Self.actions.randomElement(using: &chance) ?? "session-info"
      let device = Self.devices.randomElement(using: &chance) ?? Stage.laptop
      let contents: [JingleRequest.Content] = [.usual, .withoutCandidates, .unusable, .unknown, .ringing]
      actions = stage.jingle(
        action, from: device, content: contents.randomElement(using: &chance) ?? .usual,
        reason: JingleReason.allCases.randomElement(using: &chance))
      wantsAnswer = true
    case 4...5:
      let method = Self.methods.randomElement(using: &chance) ?? "BYE"
      // Before there is an INVITE, nothing of its dialog comes.
      if stage.call.state == .offering || stage.call.state == .proposed { return }
      let special: SIPCallRequest.Content =
        switch method {
        case "INFO": .candidates
        case "INVITE": .withContents
        default: .usual
        }
      actions = stage.request(method, content: Bool.random(using: &chance) ? special : .usual)
      wantsAnswer = method != "ACK"
    case 6...7 where origin == .client && stage.call.state != .offering:
      let pending: [CallState] = [
        .calling, .proceeding, .ringing, .asked, .askedProceeding, .askedRinging, .cancelKept, .cancelling,
      ]
      let isPending = pending.contains(stage.call.state)
      let codes = isPending ? Self.codes : Self.laterCodes
      let code = codes.randomElement(using: &chance) ?? 180
      if code < 200 { ledger.hasProvisional = ledger.hasProvisional || isPending }
      actions = stage.response(
        code, to: isPending ? .invite : [.reInvite, .info].randomElement(using: &chance) ?? .info)
    case 8:
      let device = Self.devices.randomElement(using: &chance) ?? Stage.laptop
      switch Int.random(in: 0..<12, using: &chance) {
      case 0...2: actions = stage.input(.deviceLeft(device))
      case 3: actions = stage.input(.proposalReturned(Self.bob, isUnknown: Bool.random(using: &chance)))
      case 4...9:
        let name = Self.messages.randomElement(using: &chance) ?? "ringing"
        actions = stage.input(.message(InitiationMessage(name: name, sender: device)))
      default: break
      }
    default:
      let number = UInt32.random(in: 1...8, using: &chance)
      let answers: [DeviceAnswer] = [.result, .result, .result, .unable, .error]
      actions = stage.input(.answer(CallStanza(number), answers.randomElement(using: &chance) ?? .result))
      actions += stage.wait(.milliseconds(UInt64.random(in: 0...2000, using: &chance)))
    }
    ledger.enter(actions, origin: origin)
    if stage.references > before {
      #expect(ledger.answered[stage.last, default: 0] == (wantsAnswer ? 1 : 0), "each is answered once")
    }
  }

  /// The other side falls silent and the gateway ends.
  private func finish(_ stage: inout Stage, _ ledger: inout Ledger, _ origin: Call.Origin) {
    for input in [CallInput.shutdown, .ackTimeout, .inviteTimeout, .byeLost] where stage.call.state != .ended {
      ledger.enter(stage.input(input), origin: origin)
    }
    #expect(stage.call.state == .ended)
  }
}
