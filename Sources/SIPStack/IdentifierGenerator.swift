/// The random tokens of SIP: branches, tags, Call-IDs, and the randomness of back-off timers.
///
/// It is handed in wherever chance is needed: the system's generator in production, a seeded one in tests.
public struct IdentifierGenerator: RandomNumberGenerator, Sendable {
  private enum Source: Sendable {
    case system
    case seeded(SeededGenerator)
  }

  private var source: Source

  /// The generator for production: cryptographically random, so that nobody guesses a tag (RFC 3261 §19.3).
  public init() { source = .system }

  /// The same sequence of tokens for the same seed.
  public init(seed: UInt64) { source = .seeded(SeededGenerator(seed: seed)) }

  public mutating func next() -> UInt64 {
    switch source {
    case .system:
      var generator = SystemRandomNumberGenerator()
      return generator.next()
    case .seeded(var generator):
      let value = generator.next()
      source = .seeded(generator)
      return value
    }
  }

  /// A branch that no other request has: the magic cookie and 128 random bits (RFC 3261 §8.1.1.7).
  public mutating func branch() -> String {
    TransactionKey.magicCookie + token(words: 2)
  }

  /// A tag of 64 random bits; 32 are required (RFC 3261 §19.3).
  public mutating func tag() -> String { token(words: 1) }

  /// A Call-ID of 128 random bits without a host (RFC 3261 §8.1.1.4), which is also a Jingle sid.
  public mutating func callIdentifier() -> String { token(words: 2) }

  /// An initial CSeq number under 2³¹ (RFC 3261 §8.1.1.5), low so that a long dialog cannot reach the limit.
  public mutating func sequenceNumber() -> UInt32 { UInt32(truncatingIfNeeded: next() & 0xFFFF) + 1 }

  /// `words` · 64 random bits in lower-case base 32, 13 characters a word.
  private mutating func token(words: Int) -> String {
    var text = ""
    text.reserveCapacity(words * 13)
    for _ in 0..<words {
      var bits = next()
      for _ in 0..<13 {
        let digit = UInt8(truncatingIfNeeded: bits & 31)
        text.unicodeScalars.append(Unicode.Scalar(digit < 26 ? 0x61 + digit : 0x32 + digit - 26))
        bits >>= 5
      }
    }
    return text
  }
}

/// SplitMix64: small, fast, and the same on every machine; for tests and simulations only.
public struct SeededGenerator: RandomNumberGenerator, Sendable {
  private var state: UInt64

  public init(seed: UInt64) { state = seed }

  public mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}
