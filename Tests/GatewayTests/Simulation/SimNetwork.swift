import SIPStack

@testable import Gateway

/// What is going to happen, the earliest first; what is planned for the same time in the order of planning.
struct SimAgenda {
  private struct Entry {
    var time: Instant
    var order: Int
    var body: () -> Void

    func isBefore(_ other: Entry) -> Bool { (time, order) < (other.time, other.order) }
  }

  private var heap: [Entry] = []
  private var order = 0

  var nextTime: Instant? { heap.first?.time }

  mutating func add(_ time: Instant, _ body: @escaping () -> Void) {
    order += 1
    heap.append(Entry(time: time, order: order, body: body))
    var position = heap.count - 1
    while position > 0, heap[position].isBefore(heap[(position - 1) / 2]) {
      heap.swapAt(position, (position - 1) / 2)
      position = (position - 1) / 2
    }
  }

  mutating func popFirst() -> (() -> Void)? {
    guard let first = heap.first else { return nil }
    let last = heap.removeLast()
    if !heap.isEmpty {
      heap[0] = last
      var position = 0
      while true {
        var least = position
        for child in [2 * position + 1, 2 * position + 2] where child < heap.count && heap[child].isBefore(heap[least])
        {
          least = child
        }
        if least == position { break }
        heap.swapAt(position, least)
        position = least
      }
    }
    return first.body
  }
}

/// The way between two ports: it loses, doubles and delays, and what is delayed differently is re-ordered. Streams of
/// XMPP, and of SIP where the plan says TCP, only delay.
struct SimNetwork {
  private let plan: SimPlan
  private var chance: SplitMix
  /// When the last message of a stream arrives.
  private var streams: [String: Instant] = [:]
  /// Nodes that are gone; what is sent to them is lost, or the sender is told.
  var dead: Set<UInt16> = []
  var tellsSender = false
  /// Nothing is lost any more: so that the ends of calls are compared, not the luck of their messages.
  var isPerfect = false

  init(plan: SimPlan) {
    self.plan = plan
    chance = SplitMix(plan.seed ^ 0xA5A5_5A5A)
  }

  func refuses(_ port: UInt16) -> Bool { tellsSender && dead.contains(port) }

  /// When the copies of a message arrive.
  mutating func arrivals(from source: UInt16, to destination: UInt16, at now: Instant) -> [Instant] {
    if dead.contains(destination) || dead.contains(source) { return [] }
    if plan.isReliable { return [inOrder("\(source) \(destination)", now)] }
    if !isPerfect, Int.random(in: 0..<100, using: &chance) < plan.loss { return [] }
    let copies = Int.random(in: 0..<100, using: &chance) < plan.doubling ? 2 : 1
    return (0..<copies).map { _ in now + delay() }
  }

  mutating func stream(to device: SimDevice, from now: Instant, _ body: (Instant) -> Void) {
    body(inOrder("to \(device.name)", now))
  }

  mutating func stream(from device: SimDevice, at now: Instant, _ body: (Instant) -> Void) {
    body(inOrder("from \(device.name)", now))
  }

  private mutating func inOrder(_ name: String, _ now: Instant) -> Instant {
    let arrival = max(now + delay(), streams[name] ?? now)
    streams[name] = arrival
    return arrival
  }

  private mutating func delay() -> Interval {
    .milliseconds(UInt64.random(in: 1...plan.delay, using: &chance))
  }
}

/// What was sent and received, written down only where somebody will read it: a seed that has failed is played again.
final class SimLadder {
  private let records: Bool
  private(set) var lines: [String] = []

  init(records: Bool) { self.records = records }

  func note(_ time: Instant, _ text: () -> String) {
    if records { lines.append("\(Self.seconds(time))  \(text())") }
  }

  static func seconds(_ time: Instant) -> String {
    let milliseconds = time.nanoseconds / 1_000_000
    let rest = "\(milliseconds % 1000)"
    return "\(milliseconds / 1000).\(String(repeating: "0", count: 3 - rest.count))\(rest)"
  }

  /// `INVITE s1 #17 a>b`: title, Call-ID, CSeq, tags and the end of the branch.
  static func line(_ message: SimMessage) -> String {
    "\(message.title) \(message.callID) #\(message.sequence) \(message.fromTag.prefix(4))>\((message.toTag ?? "").prefix(4))"
      + " \(message.branch.suffix(4))"
  }
}
