import SIPStack

@testable import Gateway
@testable import JingleSIPMapping

/// A call in virtual time, with short ways to say what comes.
struct Stage {
  static let phoneOfAlice = CallDevice("alice@example.org/phone")
  static let laptop = CallDevice("bob@example.org/laptop")
  static let tablet = CallDevice("bob@example.org/tablet")

  var call: Call
  var now = Instant(nanoseconds: 1_000_000_000)
  /// Counts what comes: the first reference is 1.
  var references: UInt64 = 0

  init(_ origin: Call.Origin, timers: CallTimers = CallTimers(), seed: UInt64 = 1) {
    call = Call(origin: origin, timers: timers, seed: seed)
  }

  var last: CallReference { CallReference(references) }

  private mutating func reference() -> CallReference {
    references += 1
    return last
  }

  mutating func jingle(
    _ action: String, from sender: CallDevice = Stage.phoneOfAlice, content: JingleRequest.Content = .usual,
    reason: JingleReason? = nil
  ) -> [CallAction] {
    call.handle(
      .jingle(
        JingleRequest(action: action, sender: sender, reference: reference(), content: content, reason: reason)),
      at: now)
  }

  mutating func request(
    _ method: String, content: SIPCallRequest.Content = .usual, devices: [CallDevice] = [],
    proposal: CallDevice? = nil, proposed: [CallDevice] = []
  ) -> [CallAction] {
    call.handle(
      .request(
        SIPCallRequest(
          method: method, reference: reference(), content: content, devices: devices, proposal: proposal,
          proposed: proposed)), at: now)
  }

  mutating func response(
    _ status: Int, to request: SIPCallResponse.Request = .invite, content: SIPCallResponse.Content = .usual,
    phrase: String? = nil, makesDialog: Bool? = nil
  ) -> [CallAction] {
    call.handle(
      .response(
        SIPCallResponse(
          to: request, status: status, phrase: phrase, reference: reference(), content: content,
          makesDialog: makesDialog ?? (status > 100))), at: now)
  }

  mutating func input(_ input: CallInput) -> [CallAction] { call.handle(input, at: now) }

  /// Lets time pass, as far as the next deadline at a time.
  mutating func wait(_ interval: Interval) -> [CallAction] {
    let end = now + interval
    var actions: [CallAction] = []
    while let deadline = call.nextDeadline, deadline <= end {
      now = max(now, deadline)
      actions += call.advance(to: now)
    }
    now = end
    return actions
  }

  /// Alice's call, as far as the state named.
  static func placed(_ state: CallState) -> Stage {
    var stage = Stage(.client)
    if state == .offering {
      _ = stage.jingle("session-initiate", content: .withoutCandidates)
      return stage
    }
    _ = stage.jingle("session-initiate")
    switch state {
    case .proceeding: _ = stage.response(100)
    case .ringing: _ = stage.response(180)
    case .cancelKept: _ = stage.jingle("session-terminate", reason: .cancel)
    case .cancelling:
      _ = stage.response(180)
      _ = stage.jingle("session-terminate", reason: .cancel)
    case .established: _ = stage.response(200)
    case .updating:
      _ = stage.response(200)
      _ = stage.jingle("source-add")
    case .postponed:
      _ = stage.response(200)
      _ = stage.jingle("source-add")
      _ = stage.response(491, to: .reInvite)
    case .ending:
      _ = stage.response(200)
      _ = stage.jingle("session-terminate", reason: .success)
    default: break
    }
    return stage
  }

  /// A call for Bob, whose laptop and tablet ring, as far as the state named.
  static func received(_ state: CallState, devices: [CallDevice] = [Stage.laptop, Stage.tablet]) -> Stage {
    var stage = Stage(.phone)
    _ = stage.request("INVITE", devices: devices)
    switch state {
    case .accepting: _ = stage.jingle("session-accept", from: laptop, content: .withoutCandidates)
    case .answered: _ = stage.jingle("session-accept", from: laptop)
    case .hangingUp:
      _ = stage.jingle("session-accept", from: laptop)
      _ = stage.jingle("session-terminate", from: laptop, reason: .success)
    case .established:
      _ = stage.jingle("session-accept", from: laptop)
      _ = stage.request("ACK")
    default: break
    }
    return stage
  }
}

extension CallReference: ExpressibleByIntegerLiteral {
  public init(integerLiteral value: UInt64) { self.init(value) }
}

extension CallStanza: ExpressibleByIntegerLiteral {
  public init(integerLiteral value: UInt32) { self.init(value) }
}

extension SessionEnd {
  static let declined = SessionEnd(.decline)
  static let cancelled = SessionEnd(.cancel)
  static let success = SessionEnd(.success)
}

extension ReasonCause {
  /// A cause of ITU-T Q.850, as a Reason header names it.
  static func q850(_ number: Int, _ text: String) -> ReasonCause {
    ReasonCause(protocolName: "Q.850", number: number, text: text)
  }
}
