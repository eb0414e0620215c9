@testable import Gateway

/// What a seed decides before anything happens.
struct SimPlan {
  /// What stands where the gateway's proxy is configured.
  enum Topology: CaseIterable {
    /// A phone, which is its own proxy.
    case phone
    /// A record-routing proxy, with a phone behind it.
    case proxied
    /// A proxy that sends calls to our users back, with the Call-ID as it was.
    case looping
    /// Two user agents back to back, which call back with another Call-ID.
    case backToBack
  }

  let seed: UInt64
  let topology: Topology
  /// SIP runs over TCP.
  let isReliable: Bool
  /// Messages of a hundred that are lost, and that come twice.
  let loss: Int
  let doubling: Int
  /// The longest delay, in milliseconds.
  let delay: UInt64
  /// Calls that are placed.
  let calls: Int
  /// Things that clients and phones do of their own accord, in the first seconds.
  let pranks: Int
  /// Clients and phones do what no state allows, too.
  let isWild: Bool
  let deviceCount: Int
  /// The phone dies, if at all, so many milliseconds after the start.
  let death: UInt64?
  let deathIsTold: Bool
  /// The gateway is shut down so many milliseconds after the start.
  let shutdown: UInt64?
  /// When all is quiet, in seconds: behind that, or before the gateway has enough of what rings.
  let quiet: UInt64
  /// Whether the calls that stand are looked at when all is quiet.
  let isCompared: Bool

  init(seed: UInt64) {
    self.seed = seed
    var chance = SplitMix(seed)
    func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &chance) }
    topology = Topology.allCases[number(0...3)]
    isReliable = number(0...5) == 0
    loss = [0, 0, 5, 10, 25][number(0...4)]
    doubling = [0, 0, 10, 30][number(0...3)]
    delay = [5, 80, 300, 900][number(0...3)]
    calls = number(1...3)
    pranks = number(0...8)
    isWild = number(0...2) == 0
    deviceCount = number(1...3)
    death = number(0...11) == 0 ? UInt64(number(100...12_000)) : nil
    deathIsTold = number(0...1) == 0
    shutdown = number(0...9) == 0 ? UInt64(number(100...15_000)) : nil
    quiet = number(0...2) == 0 ? 230 : 160
    isCompared = shutdown == nil && number(0...2) != 0
  }
}
