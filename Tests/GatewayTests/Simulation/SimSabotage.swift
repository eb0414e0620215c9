@testable import Gateway
@testable import JingleSIPMapping
@testable import SIPStack

/// What is taken away from the gateway, to see that the simulation notices.
struct SimSabotage: Sendable, CustomStringConvertible {
  /// A change of the call table.
  struct Mutation: Sendable, Hashable, CustomStringConvertible {
    enum Kind: Hashable, Sendable {
      /// The row is gone: nothing is done, and the state stays.
      case row
      /// One effect is not done.
      case effect(CallEffect)
      /// The state stays.
      case state
    }

    var state: CallState
    var event: CallEvent
    var kind: Kind

    func apply(to transition: CallTransition, _ state: CallState, _ event: CallEvent) -> CallTransition {
      guard state == self.state, event == self.event else { return transition }
      switch kind {
      case .row: return CallTransition([], then: state)
      case .effect(let effect): return CallTransition(transition.effects.filter { $0 != effect }, then: transition.next)
      case .state: return CallTransition(transition.effects, then: state)
      }
    }

    var description: String {
      let what =
        switch kind {
        case .row: "row"
        case .effect(let effect): "effect \"\(effect.rawValue)\""
        case .state: "then"
        }
      return "on \(event.rawValue) in \(state.rawValue): no \(what)"
    }

    /// All changes of one cell that change something.
    static func all(_ cell: SimCell) -> [Mutation] {
      let transition = SignallingTable.transition(cell.state, cell.event)
      var all: [Mutation] = []
      if transition.next != cell.state || !transition.effects.isEmpty {
        all.append(Mutation(state: cell.state, event: cell.event, kind: .row))
      }
      for effect in transition.effects {
        all.append(Mutation(state: cell.state, event: cell.event, kind: .effect(effect)))
      }
      if transition.next != cell.state { all.append(Mutation(state: cell.state, event: cell.event, kind: .state)) }
      return all
    }
  }

  /// Timers by the machine that sets them.
  enum Timer: String, CaseIterable, Sendable {
    case inviteClientCalling = "A and B of an INVITE"
    case inviteClientProceeding = "the one behind a CANCEL"
    case inviteClientCompleted = "D"
    case inviteClientAccepted = "M"
    case nonInviteClientWaiting = "E and F"
    case nonInviteClientCompleted = "K"
    case inviteServerProceeding = "the one of 100"
    case inviteServerCompleted = "G and H"
    case inviteServerConfirmed = "I"
    case inviteServerAccepted = "L"
    case nonInviteServerCompleted = "J"
    case accepted = "the one that repeats a 2xx"
    case call = "those of calls"
  }

  enum Wire: String, CaseIterable, Sendable {
    case lostRepetition = "repetitions are not sent"
    case doubledResponse = "a final response is sent twice"
    case lostAcknowledgement = "ACKs are not sent"
  }

  var mutation: Mutation?
  var timer: Timer?
  var wire: Wire?
  /// What the wire has carried, for the repetitions.
  private let carried = Carried()

  init(mutation: Mutation) { self.mutation = mutation }
  init(timer: Timer) { self.timer = timer }
  init(wire: Wire) { self.wire = wire }

  var description: String {
    mutation?.description ?? timer.map { "timer lost: \($0.rawValue)" } ?? wire?.rawValue ?? "nothing"
  }

  private final class Carried: @unchecked Sendable {
    var messages: Set<[UInt8]> = []
  }

  /// How often a message is sent.
  func copies(of bytes: [UInt8]) -> Int {
    switch wire {
    case .lostRepetition: return carried.messages.insert(bytes).inserted ? 1 : 0
    case .doubledResponse:
      guard let message = SimMessage(bytes), message.status ?? 0 >= 200 else { return 1 }
      return carried.messages.insert(bytes).inserted ? 2 : 1
    case .lostAcknowledgement: return bytes.starts(with: Array("ACK ".utf8)) ? 0 : 1
    case nil: return 1
    }
  }

  /// Takes a timer away.
  func spoil(_ shard: inout Shard) {
    guard let timer else { return }
    switch timer {
    case .call: shard.timers = TimerHeap()
    case .accepted: shard.agent.repetitions = LegTimers()
    default: shard.agent.transactions.loseTimers { Self.timer(of: $0) == timer }
    }
  }

  private static func timer(of machine: TransactionLayer<ReceivedMessage>.Machine) -> Timer? {
    switch machine {
    case .inviteClient(let machine):
      switch machine.state {
      case .calling: .inviteClientCalling
      case .proceeding: .inviteClientProceeding
      case .completed: .inviteClientCompleted
      case .accepted: .inviteClientAccepted
      case .terminated: nil
      }
    case .nonInviteClient(let machine):
      switch machine.state {
      case .trying, .proceeding: .nonInviteClientWaiting
      case .completed: .nonInviteClientCompleted
      case .terminated: nil
      }
    case .inviteServer(let machine):
      switch machine.state {
      case .proceeding: .inviteServerProceeding
      case .completed: .inviteServerCompleted
      case .confirmed: .inviteServerConfirmed
      case .accepted: .inviteServerAccepted
      case .terminated: nil
      }
    case .nonInviteServer(let machine):
      switch machine.state {
      case .completed: .nonInviteServerCompleted
      case .trying, .proceeding, .terminated: nil
      }
    }
  }
}

extension TransactionLayer {
  /// Forgets the deadlines of these machines.
  mutating func loseTimers(where isLost: (Machine) -> Bool) {
    for slot in transactions.indices {
      if let machine = transactions[slot]?.machine, isLost(machine) { deadlines.set(slot, to: nil) }
    }
  }
}
