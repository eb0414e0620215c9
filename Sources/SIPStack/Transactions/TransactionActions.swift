/// What a transaction machine asks of its owner after an event, done in the order of the members below.
///
/// A set and not a list: no event asks for the same thing twice, and nothing is allocated.
public struct TransactionActions: OptionSet, Hashable, Sendable {
  public let rawValue: UInt16

  public init(rawValue: UInt16) { self.rawValue = rawValue }

  /// Send the stored request again.
  public static let sendRequest = TransactionActions(rawValue: 1 << 0)
  /// Send the last response (again).
  public static let sendResponse = TransactionActions(rawValue: 1 << 1)
  /// Generate the ACK for this non-2xx final response and send it where the INVITE went (RFC 3261 §17.1.1.3).
  public static let acknowledge = TransactionActions(rawValue: 1 << 2)
  /// Send the CANCEL now (RFC 3261 §9.1).
  public static let sendCancel = TransactionActions(rawValue: 1 << 3)
  /// Generate and send a 100 response: the transaction user has been silent for too long.
  public static let generateTrying = TransactionActions(rawValue: 1 << 4)
  /// Pass the response to the transaction user.
  public static let passResponse = TransactionActions(rawValue: 1 << 5)
  /// Pass the ACK to the transaction user.
  public static let passAcknowledgement = TransactionActions(rawValue: 1 << 6)
  /// Tell the transaction user that the peer was silent for too long.
  public static let informTimeout = TransactionActions(rawValue: 1 << 7)
  /// Tell the transaction user that a message could not be sent.
  public static let informTransportError = TransactionActions(rawValue: 1 << 8)
  /// Forget the transaction.
  public static let terminated = TransactionActions(rawValue: 1 << 9)
}
