import SIPStack

/// Until when, after the XMPP server has come back, whose clients may be missing.
struct Homecoming {
  var end: Instant
  /// Of the newest call that was there before.
  var lastNumber: Int
}

// The connection to the XMPP server goes and comes.
extension Shard {
  /// The connection to the XMPP server is lost: who is available is not known any more, nor what was answered. Calls go
  /// on.
  public mutating func serverLeft(at now: Instant) {
    presences = Presences()
    presences.isConnected = false
    for (number, stanza) in awaited.values.sorted(by: {
      ($0.session, $0.stanza.number) < ($1.session, $1.stanza.number)
    }) {
      handle(number, .answer(stanza, .unheard), at: now)
    }
  }

  /// There is a connection to the XMPP server.
  public mutating func serverCame(at now: Instant) {
    presences.isConnected = true
    homecoming = Homecoming(end: now + Self.timeToReturn, lastNumber: lastNumber)
    for farewell in farewells.take() {
      effects.append(.sendStanza(bytes: farewell.bytes, to: farewell.to, awaiting: nil))
    }
  }

  /// Whether the client of a call that is older than the connection may still be on its way back: who restarts a server
  /// ends all streams, and its users sign in one after the other.
  func isReturning(_ number: Int, at now: Instant) -> Bool {
    guard let homecoming else { return false }
    return number <= homecoming.lastNumber && now < homecoming.end
  }

  /// Dino notices after a minute that its server is gone.
  private static var timeToReturn: Interval { .seconds(120) }
}
