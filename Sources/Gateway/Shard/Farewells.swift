import XMPPStack

/// What tells devices that their call is over, as long as there is no connection to the XMPP server to send it over.
///
/// The call itself is over, so that nothing would say it again: the device would go on until its user hangs up. Other
/// stanzas are not kept: what is not answered in time ends the call.
struct Farewells {
  private var stanzas: [(bytes: [UInt8], to: JID)] = []

  /// Beyond it the oldest are given up: a server that is away for long has forgotten the streams of its users as well.
  static let limit = 10_000

  var count: Int { stanzas.count }

  mutating func keep(_ bytes: [UInt8], to: JID) {
    if stanzas.count >= Self.limit { stanzas.removeFirst(Self.limit / 10) }
    stanzas.append((bytes, to))
  }

  /// All that were kept, in order; none are left.
  mutating func take() -> [(bytes: [UInt8], to: JID)] {
    defer { stanzas = [] }
    return stanzas
  }
}

extension Shard {
  /// Sends a stanza that tells a device that its call is over, at once or when there is a server again.
  mutating func sendFarewell(_ bytes: [UInt8], to device: JID, awaiting response: AwaitedResponse? = nil) {
    if presences.isConnected {
      effects.append(.sendStanza(bytes: bytes, to: device, awaiting: response))
    } else {
      farewells.keep(bytes, to: device)
    }
  }
}
