/// The 2xx responses to one INVITE of ours, and the ACKs that the UAC core sent for them (RFC 3261 §13.2.2.4).
///
/// A forking proxy may bring several, each with another To tag and so a dialog of its own, and each is repeated until its
/// ACK arrives.
public struct AcknowledgedInvite: Sendable {
  public enum Reception: Equatable, Sendable {
    /// The first 2xx: build its ACK and hand it to ``store(acknowledgement:to:forRemoteTag:)``.
    case first
    /// A 2xx of another fork: the same, and a BYE after it if one call is enough.
    case fork
    /// A 2xx whose ACK was lost: send this one again.
    case repeated(acknowledgement: [UInt8], to: TransportAddress)
    /// A 2xx whose ACK has not been stored yet, or one fork too many.
    case ignored
  }

  private struct Fork: Sendable {
    var remoteTag: String
    var acknowledgement: [UInt8]?
    var destination: TransportAddress?
  }

  /// More forks than this are not answered, so that a peer cannot make us remember without end.
  public static let maximumForks = 16

  private let timers: TimerConfiguration
  private var forks: [Fork] = []
  /// When no more 2xx are to be expected: 64 · T1 after the first one. The early dialogs that have had none are then
  /// over (§13.2.2.4). `nil` before the first 2xx.
  public private(set) var deadline: Instant?

  public init(timers: TimerConfiguration = .standard) { self.timers = timers }

  /// A 2xx with this To tag has come, inside of its transaction or as a stray.
  public mutating func receive(remoteTag: String, at now: Instant) -> Reception {
    if let fork = forks.first(where: { $0.remoteTag == remoteTag }) {
      guard let acknowledgement = fork.acknowledgement, let destination = fork.destination else { return .ignored }
      return .repeated(acknowledgement: acknowledgement, to: destination)
    }
    if forks.count >= Self.maximumForks { return .ignored }
    forks.append(Fork(remoteTag: remoteTag))
    if deadline == nil { deadline = now + timers.transactionTimeout }
    return forks.count == 1 ? .first : .fork
  }

  /// Keeps the ACK that was sent, for the repetitions of its 2xx.
  public mutating func store(
    acknowledgement: [UInt8], to destination: TransportAddress, forRemoteTag remoteTag: String
  ) {
    guard let index = forks.firstIndex(where: { $0.remoteTag == remoteTag }) else { return }
    forks[index].acknowledgement = acknowledgement
    forks[index].destination = destination
  }
}
