import SIPStack
import Testing

@testable import Gateway
@testable import JingleSIPMapping

@Suite("Calls by message through a whole shard, among devices that answer, take back or never do (XEP-0353)")
struct MessageSimulationTests {
  @Test(
    "each call ends on both sides, and everybody is told once, whatever the wire to the phone loses",
    arguments: [Route.Proceed.atOnce, .whenAnswered], [false, true])
  func seeds(proceed: Route.Proceed, isLossy: Bool) throws {
    var visited: Set<CallState> = []
    for seed in UInt64(1)...400 {
      let outcome = try MessagePlay.run(seed, proceed: proceed, isLossy: isLossy)
      visited.formUnion(outcome.visited)
      #expect(outcome.violations.isEmpty, "seed \(seed): \(outcome.violations)\n\(outcome.ladder.suffix(60))")
      if !outcome.violations.isEmpty { return }
    }
    let expected: Set<CallState> =
      proceed == .atOnce
      ? [.proposed, .calling, .ringing, .alerting, .established]
      : [.asked, .askedRinging, .pickedUp, .joining, .alerting, .established]
    #expect(visited.isSuperset(of: expected))
  }

  /// What is taken away from the call table, and is missed.
  static let sabotages: [(event: CallEvent, state: CallState, effect: CallEffect, proceed: Route.Proceed)] = [
    (.propose, .beginning, .proceed, .atOnce),
    (.nobodyAnswers, .proposed, .rejectProposal, .atOnce),
    (.proceed, .alerting, .repeatSessionInitiate, .atOnce),
    (.proceed, .established, .retract, .atOnce),
    (.cancel, .alerting, .sessionTerminate, .atOnce),
    (.bye, .established, .sessionTerminate, .atOnce),
    (.sessionAccept, .alerting, .sessionTerminateOthersCancel, .atOnce),
    (.answer, .askedRinging, .proceed, .whenAnswered),
    (.phoneRings, .asked, .ringing, .whenAnswered),
    (.phoneBusy, .askedRinging, .rejectProposal, .whenAnswered),
    (.retract, .askedRinging, .sendCancel, .whenAnswered),
    (.bye, .pickedUp, .rejectProposal, .whenAnswered),
    (.updateAccepted, .joining, .sessionAccept, .whenAnswered),
    (.nobodyAnswers, .pickedUp, .sendBye, .whenAnswered),
  ]

  @Test("an effect that is taken away is missed", arguments: sabotages)
  func sabotage(event: CallEvent, state: CallState, effect: CallEffect, proceed: Route.Proceed) throws {
    let table = CallTable { from, what in
      let transition = SignallingTable.transition(from, what)
      guard from == state, what == event else { return transition }
      return CallTransition(transition.effects.filter { $0 != effect }, then: transition.next)
    }
    #expect(SignallingTable.transition(state, event).effects.contains(effect), "there is something to take away")
    let isMissed = try (UInt64(1)...600).contains { seed in
      try !MessagePlay.run(seed, proceed: proceed, table: table).violations.isEmpty
    }
    #expect(isMissed, "\(effect.rawValue) on \(event.rawValue) in \(state.rawValue)")
  }
}
