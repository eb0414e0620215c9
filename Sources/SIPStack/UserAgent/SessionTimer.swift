import SIPCodec

/// How long a session lives without a refresh, and who refreshes it (RFC 4028).
struct SessionTimer: Hashable, Sendable {
  /// What the INVITE and its 2xx agree on; the refresher by its part in that transaction.
  struct Agreement: Hashable, Sendable {
    let seconds: UInt32
    let refresher: Refresher
  }

  /// §4: no session lives shorter.
  static let minimum: UInt32 = 90

  let seconds: UInt32
  /// Whether the refreshes are ours.
  let isRefresher: Bool
  /// When one is due; `nil` once it was.
  private(set) var refresh: Instant?
  /// §10: who has seen no refresh hangs up a third of the time, or 32 s, before the session has expired.
  let end: Instant

  init(seconds: UInt32, isRefresher: Bool, at now: Instant) {
    self.seconds = seconds
    self.isRefresher = isRefresher
    refresh = isRefresher ? now + .seconds(UInt64(seconds) / 2) : nil
    end = now + .seconds(UInt64(seconds) - min(32, UInt64(seconds) / 3))
  }

  var nextDeadline: Instant { refresh ?? end }

  /// Whether a refresh is due; it is asked for once.
  mutating func isRefreshDue(at now: Instant) -> Bool {
    guard let refresh, refresh <= now else { return false }
    self.refresh = nil
    return true
  }

  /// §7.1, §7.4: what a re-INVITE of ours asks for.
  var request: HeaderDraft { Self.header(Agreement(seconds: seconds, refresher: isRefresher ? .uac : .uas)) }

  // MARK: Negotiation

  /// §9: whether the one who sends this INVITE asks for less than there is.
  static func isTooShort(_ request: SIPMessage) -> Bool {
    supportsTimers(request) && request.headers.sessionExpires.map { $0.seconds < minimum } == true
  }

  /// §9, table 2: what the 2xx to this INVITE says. The caller refreshes where it can, unless it wants us to.
  static func agreement(answering request: SIPMessage) -> Agreement? {
    guard let asked = request.headers.sessionExpires, asked.seconds >= minimum else { return nil }
    let isLeftToCaller = supportsTimers(request) && asked.refresher != .uas
    return Agreement(seconds: asked.seconds, refresher: isLeftToCaller ? .uac : .uas)
  }

  /// §7.2: what a 2xx to our INVITE says. Who names nobody leaves it to us.
  static func agreement(in response: SIPMessage) -> Agreement? {
    guard let expires = response.headers.sessionExpires else { return nil }
    return Agreement(seconds: max(expires.seconds, minimum), refresher: expires.refresher == .uas ? .uas : .uac)
  }

  /// §9: a caller that is to refresh has to know how.
  static func headers(_ agreement: Agreement) -> [HeaderDraft] {
    agreement.refresher == .uac ? [header(agreement), .require(.init(tags: [.timer]))] : [header(agreement)]
  }

  private static func header(_ agreement: Agreement) -> HeaderDraft {
    .sessionExpires(.init(seconds: agreement.seconds, parameters: [.refresher(agreement.refresher)]))
  }

  private static func supportsTimers(_ message: SIPMessage) -> Bool {
    message.headers.supported.contains { $0.value == .timer } || message.headers.require.contains { $0.value == .timer }
  }
}

// Session timers of legs (RFC 4028 §10).
extension SIPUserAgent {
  var hasSessionTimers: Bool { configuration.supportedOptions.contains(.timer) }

  /// A 2xx to an INVITE is out, or has come: what it says holds from now on, and nothing of what was agreed on before.
  mutating func setSessionTimer(
    _ leg: SIPLeg, _ agreement: SessionTimer.Agreement?, isCaller: Bool, at now: Instant
  ) {
    guard hasSessionTimers, legs[leg] != nil else { return }
    let timer = agreement.map {
      SessionTimer(seconds: $0.seconds, isRefresher: ($0.refresher == .uac) == isCaller, at: now)
    }
    legs[leg]?.sessionTimer = timer
    sessionTimers.set(leg, to: timer?.nextDeadline)
  }

  mutating func sessionTimerFired(_ leg: SIPLeg, at now: Instant, into effects: inout Effects) {
    guard var timer = legs[leg]?.sessionTimer, legs[leg]?.phase == .established else { return }
    if timer.isRefreshDue(at: now) {
      legs[leg]?.sessionTimer = timer
      sessionTimers.set(leg, to: timer.nextDeadline)
      effects.append(.refreshDue(leg))
    } else {
      legs[leg]?.sessionTimer = nil
      effects.append(.sessionExpired(leg))
    }
  }
}
