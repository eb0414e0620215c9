import SIPStack

/// Virtual time, in milliseconds.
func at(_ milliseconds: UInt64) -> Instant { Instant(nanoseconds: milliseconds * 1_000_000) }

extension Instant {
  var milliseconds: UInt64 { nanoseconds / 1_000_000 }
}

/// A machine with timers, so that a schedule can be read off any of them.
protocol TimedMachine {
  var nextDeadline: Instant? { get }
  mutating func advance(to now: Instant) -> TransactionActions
}

extension InviteClientTransaction: TimedMachine {}
extension NonInviteClientTransaction: TimedMachine {}
extension InviteServerTransaction: TimedMachine {}
extension NonInviteServerTransaction: TimedMachine {}

/// One line of a schedule: when a timer fired, in milliseconds, and what it asked for.
struct Firing: Equatable {
  var milliseconds: UInt64
  var actions: TransactionActions

  init(_ milliseconds: UInt64, _ actions: TransactionActions) {
    self.milliseconds = milliseconds
    self.actions = actions
  }
}

extension TimedMachine {
  /// All that the timers do until they are quiet (or `limit` firings).
  mutating func run(limit: Int = 100) -> [Firing] {
    var firings: [Firing] = []
    while let deadline = nextDeadline, firings.count < limit {
      firings.append(Firing(deadline.milliseconds, advance(to: deadline)))
    }
    return firings
  }
}

let peer = TransportAddress(transport: .udp, address: IPAddress(ipv4: 0xC000_0201), port: 5060)
let reliablePeer = TransportAddress(transport: .tcp, address: IPAddress(ipv4: 0xC000_0201), port: 5060, connection: 7)

func clientKey(_ branch: String, _ method: RequestMethod = .invite) -> TransactionKey {
  .client(branch: Array(branch.utf8), method: method)
}

func serverKey(_ branch: String, _ method: RequestMethod = .invite, host: String = "192.0.2.1") -> TransactionKey {
  .server(
    method: method, branch: Array(branch.utf8), sentByHost: Array(host.utf8), sentByPort: nil,
    fallback: RFC2543Identity(
      requestURI: [], toTag: [], fromTag: [], callIdentifier: [], sequenceNumber: 1, topVia: []))
}

func request(
  _ branch: String, _ method: RequestMethod = .invite, from source: TransportAddress = peer
) -> IncomingRequest<String> {
  IncomingRequest(key: serverKey(branch, method), method: method, replyTo: source, message: "\(method) \(branch)")
}

func response(_ branch: String, _ status: Int, _ method: RequestMethod = .invite) -> IncomingResponse<String> {
  IncomingResponse(key: clientKey(branch, method), status: status, message: "\(status) \(branch)")
}

/// An effect in one short line, so that expectations read like a trace.
func trace(_ effect: TransactionEffect<String>) -> String {
  switch effect {
  case .send(let bytes, _, _): "send " + String(decoding: bytes, as: UTF8.self)
  case .acknowledge(let response, let request, _):
    "acknowledge \(response.status) of " + String(decoding: request, as: UTF8.self)
  case .generateTrying: "generate 100"
  case .passRequest(let request): "request \(request.message)"
  case .passCancel(_, let invite): invite == nil ? "cancel of nothing" : "cancel of invite"
  case .passAcknowledgement: "acknowledgement"
  case .passResponse(let response): "response \(response.status)"
  case .passStrayResponse(let response): "stray \(response.status)"
  case .refuse: "refuse"
  case .timedOut: "timed out"
  case .transportFailed: "transport failed"
  case .terminated: "terminated"
  }
}

/// A layer whose effects are read as a trace.
struct LayerProbe {
  var layer: TransactionLayer<String>

  init(capacity: Int = 100_000) { layer = TransactionLayer(capacity: capacity) }

  mutating func start(_ branch: String, _ method: RequestMethod = .invite, to: TransportAddress = peer, at now: Instant)
    -> [String]
  {
    var effects: [TransactionEffect<String>] = []
    layer.start(
      OutgoingRequest(key: clientKey(branch, method), bytes: Array("\(method)".utf8), destination: to), at: now,
      into: &effects)
    return effects.map(trace)
  }

  mutating func receive(_ request: IncomingRequest<String>, at now: Instant) -> [String] {
    var effects: [TransactionEffect<String>] = []
    layer.receive(request, at: now, into: &effects)
    return effects.map(trace)
  }

  mutating func receive(_ response: IncomingResponse<String>, at now: Instant) -> [String] {
    var effects: [TransactionEffect<String>] = []
    layer.receive(response, at: now, into: &effects)
    return effects.map(trace)
  }

  mutating func respond(_ branch: String, _ status: Int, _ method: RequestMethod = .invite, at now: Instant) -> [String]
  {
    var effects: [TransactionEffect<String>] = []
    let sent = layer.respond(
      to: serverKey(branch, method), status: status, bytes: Array("\(status)".utf8), at: now, into: &effects)
    return sent ? effects.map(trace) : ["refused"]
  }

  mutating func cancel(_ branch: String, at now: Instant) -> [String] {
    var effects: [TransactionEffect<String>] = []
    layer.cancel(clientKey(branch), bytes: Array("CANCEL".utf8), at: now, into: &effects)
    return effects.map(trace)
  }

  mutating func transportFailed(_ key: TransactionKey, at now: Instant) -> [String] {
    var effects: [TransactionEffect<String>] = []
    layer.transportFailed(key, at: now, into: &effects)
    return effects.map(trace)
  }

  mutating func advance(to now: Instant) -> [String] {
    var effects: [TransactionEffect<String>] = []
    layer.advance(to: now, into: &effects)
    return effects.map(trace)
  }

  /// Runs the timers until none is left; returns `milliseconds: effects` lines.
  mutating func run() -> [String] {
    var lines: [String] = []
    while let deadline = layer.nextDeadline, lines.count < 100_000 {
      lines.append("\(deadline.milliseconds): " + advance(to: deadline).joined(separator: ", "))
    }
    return lines
  }
}
