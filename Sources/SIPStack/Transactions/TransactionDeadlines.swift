/// The two deadlines that a transaction has at most: one that comes again and again, or early, and one that ends the state.
struct TransactionDeadlines: Sendable {
  enum Kind: Sendable { case early, last }

  var early: Instant?
  var last: Instant?

  var next: Instant? { earliest(early, last) }

  /// Which of them has passed; where both have, the last one counts.
  func passed(at now: Instant) -> Kind? {
    if let last, last <= now { return .last }
    if let early, early <= now { return .early }
    return nil
  }
}
