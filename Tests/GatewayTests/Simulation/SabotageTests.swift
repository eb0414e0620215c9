import Foundation
import JingleSIPMapping
import Testing

@testable import Gateway

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

  @Test("a timer that is lost", arguments: SimSabotage.Timer.allCases)
  func timers(timer: SimSabotage.Timer) {
    #expect(Self.isNoticed(SimSabotage(timer: timer), 1...120), "\(timer.rawValue)")
  }

  @Test("repetitions, responses and ACKs that are lost or doubled", arguments: SimSabotage.Wire.allCases)
  func wire(wire: SimSabotage.Wire) {
    #expect(Self.isNoticed(SimSabotage(wire: wire), 1...60), "\(wire.rawValue)")
  }

  @Test("a row, an effect or a change of state that is taken away")
  func rows() {
    let found = Self.seedsByCell(1...Self.depth, most: Self.depth > 1000 ? 40 : 8)
    var survivors: [String] = []
    var count = 0
    let cells = found.keys.sorted { $0.description < $1.description }
    for cell in cells {
      for mutation in SimSabotage.Mutation.all(cell) {
        count += 1
        if !Self.isNoticed(SimSabotage(mutation: mutation), found[cell] ?? []) { survivors.append("\(mutation)") }
      }
    }
    let unvisited = CallState.allCases.flatMap { state in
      CallEvent.allCases.map { SimCell(state: state, event: $0) }
    }.filter { SignallingTable.transition($0.state, $0.event).isPossible && found[$0] == nil }
    print("unvisited \(unvisited.count): " + unvisited.map(\.description).joined(separator: "; "))
    print("\(cells.count) cells, \(count) mutants, \(survivors.count) survivors")
    print(survivors.joined(separator: "\n"))
  }

  private static var depth: UInt64 {
    ProcessInfo.processInfo.environment["JINGLE_SIP_SABOTAGE"].flatMap { UInt64($0) } ?? 300
  }
}
