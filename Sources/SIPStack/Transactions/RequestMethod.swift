/// What the transaction layer has to know of a method: three are treated differently, the others alike.
///
/// The names themselves stand in the grammar; the codec's adapter chooses the case.
public enum RequestMethod: Hashable, Sendable {
  case invite
  case acknowledgement
  case cancel
  /// Any other method, by its name; names are case-sensitive (RFC 3261 §7.1).
  case other(String)
}
