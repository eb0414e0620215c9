/// Deadlines of legs, one each.
struct LegTimers: Sendable {
  private var heap = TimerHeap()
  private var slots: [SIPLeg: Int] = [:]
  private var legs: [SIPLeg?] = []
  private var free: [Int] = []

  var isEmpty: Bool { slots.isEmpty }
  var nextDeadline: Instant? { heap.first?.deadline }

  /// Sets, moves or (with `nil`) removes the deadline of a leg.
  mutating func set(_ leg: SIPLeg, to deadline: Instant?) {
    if let slot = slots[leg] {
      heap.set(slot, to: deadline)
      if deadline == nil { release(slot, of: leg) }
    } else if let deadline {
      let slot = free.popLast() ?? legs.count
      if slot == legs.count { legs.append(leg) } else { legs[slot] = leg }
      slots[leg] = slot
      heap.set(slot, to: deadline)
    }
  }

  /// The next leg whose deadline has passed, and removes it.
  mutating func popDue(at now: Instant) -> SIPLeg? {
    guard let (slot, deadline) = heap.first, deadline <= now else { return nil }
    heap.set(slot, to: nil)
    guard let leg = legs[slot] else { return nil }
    release(slot, of: leg)
    return leg
  }

  private mutating func release(_ slot: Int, of leg: SIPLeg) {
    slots[leg] = nil
    legs[slot] = nil
    free.append(slot)
  }
}
