import JingleSIPMapping

/// The rows that lead a call. A value, so that the tests can take a row away and see that its absence does not go
/// unnoticed.
public struct CallTable: Sendable {
  /// What an event does to a call in a state.
  public var transition: @Sendable (CallState, CallEvent) -> CallTransition

  public init(_ transition: @escaping @Sendable (CallState, CallEvent) -> CallTransition) {
    self.transition = transition
  }

  /// `Grammars/mapping/signalling.grammar`.
  public static let signalling = CallTable { SignallingTable.transition($0, $1) }
}
