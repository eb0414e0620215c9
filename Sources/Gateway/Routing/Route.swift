import XMPPStack

/// `[[route]]`: who may call whom, by which way, and as whom.
public struct Route: Equatable, Sendable {
  /// When a call that was proposed (XEP-0353) is taken.
  public enum Proceed: String, CaseIterable, Sendable {
    /// At once: the phone rings when the session-initiate has come.
    case atOnce = "at-once"
    /// When the phone has answered an INVITE without an offer.
    case whenAnswered = "when-answered"
  }

  /// The user part of From.
  public enum Caller: Equatable, Sendable {
    /// The user's number by `username_to_phone`, or name.
    case user
    case fixed(String)
  }

  /// For the log.
  public var name: String
  /// Which callers it is for.
  public var from: [CallerPattern]
  /// Which callees it is for.
  public var to: [CalleePattern]
  /// Whether the calls that fit are refused.
  public var deny = false
  /// Where the call goes: to the next one where one cannot be reached or answers 503. Empty: to `proxy_host`.
  public var proxies: [ProxyTarget] = []
  /// What is taken off the front of a number, and what is put there instead. A number that does not begin with `strip`
  /// stays as it is, and so do names and addresses.
  public var strip = ""
  public var prefix = ""
  public var caller = Caller.user
  /// Whether INVITEs say who calls in P-Asserted-Identity, too (RFC 3325).
  public var assertedIdentity = false
  public var proceed = Proceed.atOnce

  public init(name: String, from: [CallerPattern], to: [CalleePattern]) {
    self.name = name
    self.from = from
    self.to = to
  }
}

/// An entry of `from`: everyone, all users of a domain, or one user.
public enum CallerPattern: Hashable, Sendable {
  case everyone
  /// Without regard to case, as all parts of addresses (RFC 7622 §3.2).
  case domain(String)
  /// A bare address.
  case user(JID)

  /// From `*`, a domain or a bare address; `nil` where it is none. A star elsewhere is none, though RFC 7622 allows it
  /// in a localpart: somebody means more than one user by it.
  public init?(_ text: String) {
    if text == "*" {
      self = .everyone
      return
    }
    guard !text.utf8.contains(0x2A), let jid = JID(text), jid.isBare else { return nil }
    self = jid.local == nil ? .domain(jid.domain) : .user(jid)
  }

  func fits(_ caller: JID) -> Bool {
    switch self {
    case .everyone: true
    case .domain(let domain): caller.domain == domain
    case .user(let user): caller.bare == user
    }
  }
}

/// An entry of `to`: numbers (`+49*`), users of the proxy (`reception`), SIP addresses (`*@pbx.example.org`), or all of
/// them (`*`). `*` is any text, `\*` a star.
public struct CalleePattern: Hashable, Sendable {
  private let user: Glob
  /// `nil` where it is about numbers.
  private let host: Glob?

  static let maximumBytes = 512

  /// `nil` where there is nothing that it could fit: a pattern that forbids has to forbid something.
  public init?(_ text: String) {
    guard 1...Self.maximumBytes ~= text.utf8.count else { return nil }
    let parts = text.split(separator: "@", omittingEmptySubsequences: false)
    guard parts.count <= 2, let first = parts.first, let user = Self.user(first) else { return nil }
    var host: Glob?
    if parts.count == 2 {
      guard let text = Self.host(parts[1]) else { return nil }
      host = Glob(text)
    }
    self.user = Glob(user)
    self.host = host
  }

  /// The separators of a number are taken away as they are from the numbers that it is compared with.
  private static func user(_ text: Substring) -> String? {
    guard !text.isEmpty else { return nil }
    // `\*` is the only escape.
    let plain = text.replacing(#"\*"#, with: "")
    if plain.utf8.contains(0x5C) { return nil }
    let reduced = text.utf8.filter { !DialledUser.isSeparator($0) }
    if reduced.allSatisfy({ DialledUser.isNumberByte($0) || $0 == 0x5C }) {
      // A `+` is the first of a number, or comes behind a star.
      let rest = reduced.dropFirst()
      let isPossible = zip(reduced, rest).allSatisfy { $1 != 0x2B || $0 == 0x2A }
      return reduced.isEmpty || !isPossible ? nil : String(decoding: reduced, as: UTF8.self)
    }
    return plain.unicodeScalars.allSatisfy(DialledUser.isAllowedInName) ? String(text) : nil
  }

  private static func host(_ text: Substring) -> String? {
    if let host = SIPHost(String(text)) { return host.text }
    let isPossible = text.utf8.allSatisfy { byte in
      switch byte {
      case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x3A, 0x5F, 0x2A: true
      default: false
      }
    }
    return isPossible && text.utf8.contains(0x2A) ? String(text) : nil
  }

  /// Whether a number or a user of the proxy is allowed by it.
  func allows(_ callee: DialledUser) -> Bool { host == nil && user.matches(callee.text) }

  /// Whether an address is allowed by it. A number that is allowed at the proxy is not so at any other host.
  func allows(_ callee: DialledUser, at calleeHost: SIPHost) -> Bool {
    guard let host else { return user.isEverything }
    return user.matches(callee.text) && host.matches(calleeHost.text)
  }

  /// Whether a number, user or address is forbidden by it. A number is so at every host, for the proxy may well take the
  /// host for its own.
  func forbids(_ callee: DialledUser, at calleeHost: SIPHost?) -> Bool {
    if let host {
      guard let calleeHost, host.matches(calleeHost.text) else { return false }
    }
    return callee.readings.contains(where: user.matches)
  }
}
