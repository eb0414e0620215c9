/// Deadlines by a small number (the index of a slot): a binary heap that knows where each number stands, so that a
/// deadline is moved or removed in place. It never holds more than one entry per number.
public struct TimerHeap: Sendable {
  private struct Entry: Sendable {
    var deadline: Instant
    var slot: Int
  }

  private var entries: [Entry] = []
  /// For each slot where it stands in `entries`, or −1.
  private var positions: [Int32] = []

  public init() {}

  public var isEmpty: Bool { entries.isEmpty }
  public var count: Int { entries.count }

  /// The earliest deadline and whose it is.
  public var first: (slot: Int, deadline: Instant)? {
    guard let entry = entries.first else { return nil }
    return (entry.slot, entry.deadline)
  }

  /// Sets, moves or (with `nil`) removes the deadline of `slot`, which is not negative.
  public mutating func set(_ slot: Int, to deadline: Instant?) {
    while positions.count <= slot { positions.append(-1) }
    let position = Int(positions[slot])
    switch (position >= 0, deadline) {
    case (false, nil):
      break
    case (false, .some(let deadline)):
      entries.append(Entry(deadline: deadline, slot: slot))
      positions[slot] = Int32(entries.count - 1)
      siftUp(entries.count - 1)
    case (true, .some(let deadline)):
      let earlier = deadline < entries[position].deadline
      entries[position].deadline = deadline
      if earlier { siftUp(position) } else { siftDown(position) }
    case (true, nil):
      positions[slot] = -1
      let last = entries.removeLast()
      if position < entries.count {
        entries[position] = last
        positions[last.slot] = Int32(position)
        siftUp(position)
        siftDown(Int(positions[last.slot]))
      }
    }
  }

  private mutating func siftUp(_ start: Int) {
    var position = start
    while position > 0 {
      let parent = (position - 1) / 2
      if entries[parent].deadline <= entries[position].deadline { return }
      exchange(position, parent)
      position = parent
    }
  }

  private mutating func siftDown(_ start: Int) {
    var position = start
    while true {
      var least = position
      let left = 2 * position + 1
      if left < entries.count, entries[left].deadline < entries[least].deadline { least = left }
      if left + 1 < entries.count, entries[left + 1].deadline < entries[least].deadline { least = left + 1 }
      if least == position { return }
      exchange(position, least)
      position = least
    }
  }

  private mutating func exchange(_ left: Int, _ right: Int) {
    entries.swapAt(left, right)
    positions[entries[left].slot] = Int32(left)
    positions[entries[right].slot] = Int32(right)
  }
}
