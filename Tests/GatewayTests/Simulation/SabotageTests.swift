import Foundation
import JingleSIPMapping
import Testing

@testable import Gateway

/// How many seeds are played to find what a sabotage would meet; all changes of all cells are then tried, in minutes.
private let sabotageDepth = ProcessInfo.processInfo.environment["JINGLE_SIP_SABOTAGE"].flatMap { UInt64($0) }

/// That of 100 has nothing to do here: an INVITE is answered in the step that brings it.
private let heldTimers = SimSabotage.Timer.allCases.filter { $0 != .inviteServerProceeding }

@Suite("A sabotaged gateway is noticed by the simulation")
struct SabotageTests {
  /// The seeds that come through each cell of the table.
  private static func seedsByCell(_ seeds: ClosedRange<UInt64>, most: Int) -> [SimCell: [UInt64]] {
    var found: [SimCell: [UInt64]] = [:]
    for seed in seeds {
      for cell in SimPlay.run(seed).cells where found[cell, default: []].count < most {
        found[cell, default: []].append(seed)
      }
    }
    return found
  }

  private static func isNoticed(_ sabotage: @autoclosure () -> SimSabotage, _ seeds: some Sequence<UInt64>) -> Bool {
    seeds.contains { !SimPlay.run($0, sabotage: sabotage()).violations.isEmpty }
  }

  @Test("a timer that is lost", arguments: heldTimers)
  func lostTimer(timer: SimSabotage.Timer) {
    #expect(Self.isNoticed(SimSabotage(timer: timer), 1...120), "\(timer.rawValue)")
  }

  @Test("repetitions, responses and ACKs that are lost or doubled", arguments: SimSabotage.Wire.allCases)
  func wire(wire: SimSabotage.Wire) {
    #expect(Self.isNoticed(SimSabotage(wire: wire), 1...60), "\(wire.rawValue)")
  }

  /// Rows that these seeds do not miss: the next response does what a provisional one has not done, and a refused change,
  /// a client that leaves sets without an answer and a phone that never rings are met too rarely. `everything` plays more.
  private static let survivingRows: Set<String> = [
    "on provisional in calling: no row",
    "on provisional in proceeding: no row",
    "on provisional in ringing: no row",
    "on phone rings in ringing: no row",
    "on update refused in updating: no row",
    "on device doubtful in answered: no row",
    "on device doubtful in ringing: no row",
    "on nobody answers in proceeding: no row",
  ]

  @Test("a row of the call table that is taken away")
  func rows() async {
    let (survivors, count) = await Self.survivors(Self.seedsByCell(1...400, most: 12)) { $0.kind == .row }
    #expect(count > 150)
    let unnamed = survivors.filter { !Self.survivingRows.contains($0) }
    #expect(unnamed.isEmpty, "of \(count) rows nobody misses:\n\(unnamed.joined(separator: "\n"))")
  }

  @Test("a row, an effect or a change of state that is taken away", .enabled(if: sabotageDepth != nil))
  func everything() async {
    let found = Self.seedsByCell(1...(sabotageDepth ?? 1), most: 40)
    let possible = CallState.allCases.flatMap { state in
      CallEvent.allCases.map { SimCell(state: state, event: $0) }
    }.filter { SignallingTable.transition($0.state, $0.event).isPossible }
    print("not visited: \(possible.filter { found[$0] == nil }.map(\.description).joined(separator: "; "))")
    let (survivors, count) = await Self.survivors(found) { !Self.isDoneBelow($0) }
    print("\(found.count) of \(possible.count) cells, \(count) changes, \(survivors.count) unnoticed:")
    print(survivors.joined(separator: "\n"))
    #expect(survivors.count * 100 <= count * 5)
  }

  private static func survivors(
    _ found: [SimCell: [UInt64]], where isTried: (SimSabotage.Mutation) -> Bool
  ) async -> (survivors: [String], count: Int) {
    var survivors: [String] = []
    var count = 0
    await withTaskGroup(of: String?.self) { group in
      for (cell, seeds) in found {
        for mutation in SimSabotage.Mutation.all(cell) where isTried(mutation) {
          count += 1
          group.addTask { isNoticed(SimSabotage(mutation: mutation), seeds) ? nil : "\(mutation)" }
        }
      }
      for await survivor in group { if let survivor { survivors.append(survivor) } }
    }
    return (survivors.sorted(), count)
  }

  /// What the table says and the user agent does, or what another row makes good: no message shows that it is gone.
  private static func isDoneBelow(_ mutation: SimSabotage.Mutation) -> Bool {
    switch (mutation.event, mutation.state, mutation.kind) {
    // It keeps dialogs and confirms each 2xx.
    case (_, _, .effect(.noteDialog)), (_, _, .effect(.sendAck)), (_, _, .effect(.ackReInvite)): true
    case (.updateAccepted, .ending, .row): true
    // It answers BYE and CANCEL.
    case (.bye, _, .effect(.acceptRequest)), (.cancel, _, .effect(.acceptRequest)): true
    case (.bye, _, .effect(.answerInvite487)), (.cancel, _, .effect(.answerInvite487)): true
    // It sends the BYE behind a 2xx that has crossed its CANCEL, and only one CANCEL.
    case (.answer, .cancelling, .effect(.sendKeptBye)), (.answerUnusable, .cancelling, .effect(.sendKeptBye)): true
    case (.provisional, .cancelKept, .state), (.phoneRings, .cancelKept, .state): true
    case (.redirectionToProxy, _, .state): true
    // The call ends in the same step.
    case (.lastDeviceGone, _, .effect(.dropDevice)), (.lastDeviceUnable, _, .effect(.dropDevice)): true
    // "adopt device" remembers the answer, too.
    case (.sessionAcceptWithoutCandidates, _, .effect(.keepCandidates)): true
    // With the first response that makes a dialog nothing waits any more.
    case (.provisional, .ringing, _), (.phoneRings, .ringing, _), (.answer, .ringing, .effect(.passCandidates)): true
    default: false
    }
  }
}
