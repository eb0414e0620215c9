import SIPCodec
import SIPStack

let offerType = MediaType(type: "application", subtype: "sdp")
let offer = SIPBody(offerType, Array("v=0\r\n".utf8))

func makeAgent(_ name: String, port: UInt16, seed: UInt64, timers: TimerConfiguration = .standard) -> SIPUserAgent {
  var configuration = SIPUserAgentConfiguration(
    localHost: "192.0.2.\(port % 100)", localPort: port, product: .init(name: name))
  configuration.acceptedMediaTypes = [offerType]
  configuration.supportedOptions = [.trickleICE]
  configuration.receivedInfoPackages = ["trickle-ice"]
  configuration.timers = timers
  return SIPUserAgent(configuration: configuration, identifiers: IdentifierGenerator(seed: seed))
}

func address(port: UInt16) -> TransportAddress {
  TransportAddress(transport: .udp, address: IPAddress(ipv4: 0xC000_0200 + UInt32(port % 100)), port: port)
}

func uri(_ user: String?, _ host: String, _ port: UInt16? = nil) -> URI.Draft {
  URI.Draft(scheme: .sip, user: user, host: host, port: port)
}

func invite(callIdentifier: String = "call", to next: TransportAddress = address(port: 5002)) -> SIPInvite {
  SIPInvite(
    requestURI: uri("bob", "\(next.address)", next.port),
    from: NameAddr.Draft(displayName: "alice", uri: uri("alice", "example.org")),
    to: NameAddr.Draft(displayName: "bob", uri: uri("bob", "example.org")), callIdentifier: callIdentifier,
    body: offer, nextHop: next)
}

/// An effect in one short line; `nil` for what only goes over the wire.
func trace(_ effect: SIPUserAgentEffect) -> String? {
  switch effect {
  case .send: nil
  case .resolve(let host): "resolve \(host)"
  case .incomingInvite: "incoming"
  case .cancelled(_, let message): "cancelled by \(message.requestLine?.method.name ?? "?")"
  case .acknowledged: "acknowledged"
  case .acknowledgementMissing: "ACK missing"
  case .refreshDue: "refresh due"
  case .sessionExpired: "session expired"
  case .provisional(_, let status, _): "provisional \(status)"
  case .accepted: "accepted"
  case .refused(_, let status, let phrase, _): "refused \(status) \(phrase)"
  case .timedOut: "timed out"
  case .unreachable: "unreachable"
  case .incomingRequest(_, _, let message): "request \(message.requestLine?.method.name ?? "?")"
  case .requestCancelled: "request cancelled"
  case .hungUp: "hung up"
  case .response(_, _, let method, let status, _): "\(status) to \(method.name)"
  case .requestFailed(_, _, let method, let failure): "\(method.name) \(failure)"
  case .ended: "ended"
  case .malformed(_, let issue): "malformed \(issue.location)"
  case .stranger(let source, 0): "stranger \(source)"
  case .stranger(let source, let others): "stranger \(source) and \(others) more"
  case .diagnostic(let text): "diagnostic \(text)"
  }
}

/// The first line of a message: for a request its method, for a response its status and the method of its CSeq.
func summary(_ bytes: [UInt8]) -> String {
  guard let message = try? SIPMessage(parsing: bytes) else { return "?" }
  if let line = message.requestLine { return line.method.name }
  return "\(message.statusCode ?? 0) \(message.headers.cseq?.method.name ?? "?")"
}

/// Two user agents, at ports 5001 and 5002, and a wire of 10 ms between them, in virtual time.
struct UserAgentWire {
  struct Flight {
    var arrival: Instant
    var order: Int
    var to: Int
    var from: TransportAddress
    var bytes: [UInt8]
  }

  var agents: [SIPUserAgent]
  var now = at(0)
  /// What each agent has reported since it was last asked.
  var reports: [[String]] = [[], []]
  /// All that went over the wire, `0: INVITE`.
  var messages: [String] = []
  var sent: [[UInt8]] = []
  var legs: [SIPLeg?] = [nil, nil]
  var request: SIPServerRequest?
  var flights: [Flight] = []
  /// How often a message is carried: 0 loses it.
  var copies: (Int, String) -> Int = { _, _ in 1 }
  /// Where one of these agents sends that the other has not the address of: a proxy.
  var route: (TransportAddress) -> Int? = { $0.port == 5001 ? 0 : $0.port == 5002 ? 1 : nil }

  init(timers: TimerConfiguration = .standard) {
    agents = [
      makeAgent("one", port: 5001, seed: 1, timers: timers), makeAgent("two", port: 5002, seed: 2, timers: timers),
    ]
  }

  @discardableResult
  mutating func act<Result>(
    _ index: Int, _ body: (inout SIPUserAgent, Instant, inout [SIPUserAgentEffect]) throws -> Result
  ) rethrows -> Result {
    var effects: [SIPUserAgentEffect] = []
    let result = try body(&agents[index], now, &effects)
    for effect in effects { perform(effect, index) }
    return result
  }

  private mutating func perform(_ effect: SIPUserAgentEffect, _ index: Int) {
    if let line = trace(effect) { reports[index].append(line) }
    switch effect {
    case .send(let bytes, let destination, _):
      let line = summary(bytes)
      messages.append("\(index): \(line)")
      sent.append(bytes)
      guard let to = route(destination) else { return }
      for _ in 0..<copies(index, line) {
        flights.append(
          Flight(
            arrival: now + .milliseconds(10), order: sent.count, to: to, from: address(port: UInt16(5001 + index)),
            bytes: bytes))
      }
    case .incomingInvite(let leg, _): legs[index] = leg
    case .incomingRequest(let request, _, _): self.request = request
    default: break
    }
  }

  /// Lets `milliseconds` pass.
  mutating func run(_ milliseconds: UInt64) {
    let end = now + .milliseconds(milliseconds)
    while true {
      let flight = flights.indices.min {
        (flights[$0].arrival, flights[$0].order) < (flights[$1].arrival, flights[$1].order)
      }
      let deadlines = agents.indices.compactMap { index in agents[index].nextDeadline.map { ($0, index) } }
      let deadline = deadlines.min { $0.0 < $1.0 }
      if let flight, flights[flight].arrival <= deadline?.0 ?? flights[flight].arrival, flights[flight].arrival <= end {
        let arrived = flights.remove(at: flight)
        now = arrived.arrival
        act(arrived.to) { $0.receive(datagram: arrived.bytes, from: arrived.from, at: $1, into: &$2) }
      } else if let (due, index) = deadline, due <= end {
        now = max(now, due)
        act(index) { $0.advance(to: $1, into: &$2) }
      } else {
        now = end
        return
      }
    }
  }

  /// What an agent has reported since the last time.
  mutating func take(_ index: Int) -> [String] {
    defer { reports[index] = [] }
    return reports[index]
  }

  mutating func takeMessages() -> [String] {
    defer { messages = [] }
    return messages
  }

  // MARK: Steps

  mutating func call(_ invite: SIPInvite = SIPStackTests.invite()) throws {
    legs[0] = try act(0) { try $0.invite(invite, at: $1, into: &$2) }
    run(10)
  }

  mutating func respond(_ status: Int, body: SIPBody? = nil, headers: [HeaderDraft] = []) throws {
    guard let leg = legs[1] else { return }
    try act(1) { try $0.respond(to: leg, status: status, headers: headers, body: body, at: $1, into: &$2) }
  }

  /// A call that stands, with nothing left on the wire.
  mutating func establish() throws {
    try call()
    try respond(180)
    try respond(200, body: offer)
    run(50)
    _ = take(0)
    _ = take(1)
    messages = []
    sent = []
  }

  mutating func request(
    _ method: Method, from index: Int, headers: [HeaderDraft] = [], body: SIPBody? = nil
  ) throws {
    guard let leg = legs[index] else { return }
    try act(index) { try $0.request(method, in: leg, headers: headers, body: body, at: $1, into: &$2) }
  }

  mutating func cancel(headers: [HeaderDraft] = []) {
    guard let leg = legs[0] else { return }
    act(0) { $0.cancel(leg, headers: headers, at: $1, into: &$2) }
  }

  var isEmpty: Bool { agents.allSatisfy(\.isEmpty) && flights.isEmpty }
}

let reason = HeaderDraft.reason(
  .init(reasonValue: [.init(protocol: .sip, parameters: [.cause(486), .text("\"Busy Here\"")])]))

/// Text with LF as line ends, which become CRLF.
func wire(_ text: String) -> [UInt8] { Array(text.replacing("\n", with: "\r\n").utf8) }

/// One agent against handwritten messages.
struct UserAgentProbe {
  var agent = makeAgent("one", port: 5001, seed: 1)
  var now = at(0)
  var legs: [SIPLeg] = []
  var requests: [SIPServerRequest] = []
  var reports: [String] = []
  var sent: [(message: SIPMessage, to: TransportAddress)] = []

  @discardableResult
  mutating func act<Result>(
    _ body: (inout SIPUserAgent, Instant, inout [SIPUserAgentEffect]) throws -> Result
  ) rethrows -> Result {
    var effects: [SIPUserAgentEffect] = []
    let result = try body(&agent, now, &effects)
    for effect in effects {
      if let line = trace(effect) { reports.append(line) }
      switch effect {
      case .send(let bytes, let to, _):
        if let message = try? SIPMessage(parsing: bytes) { sent.append((message, to)) }
      case .incomingInvite(let leg, _): legs.append(leg)
      case .incomingRequest(let request, _, _): requests.append(request)
      default: break
      }
    }
    return result
  }

  mutating func receive(_ text: String, from source: TransportAddress = address(port: 5002)) {
    let bytes = wire(text)
    act { $0.receive(datagram: bytes, from: source, at: $1, into: &$2) }
  }

  mutating func takeReports() -> [String] {
    defer { reports = [] }
    return reports
  }

  mutating func takeSent() -> [String] {
    defer { sent = [] }
    return sent.map { summary($0.message.bytes) }
  }

  /// Runs all timers up to `milliseconds` from the start.
  mutating func advance(to milliseconds: UInt64) {
    while let deadline = agent.nextDeadline, deadline <= at(milliseconds) {
      now = max(now, deadline)
      act { $0.advance(to: $1, into: &$2) }
    }
    now = at(milliseconds)
  }
}

/// A request with what every one must have.
func requestText(
  _ method: String, branch: String = "z9hG4bK1", uri: String = "sip:bob@192.0.2.1:5001", tag: String? = nil,
  fromTag: String = "f1", callIdentifier: String = "c1", sequence: UInt32 = 1, sequenceMethod: String? = nil,
  via: String = "192.0.2.2:5002", extra: String = "", version: String = "SIP/2.0", body: String = ""
) -> String {
  """
  \(method) \(uri) \(version)
  Via: SIP/2.0/UDP \(via);branch=\(branch)
  Max-Forwards: 70
  From: <sip:carol@example.com>;tag=\(fromTag)
  To: <sip:bob@example.org>\(tag.map { ";tag=\($0)" } ?? "")
  Call-ID: \(callIdentifier)
  CSeq: \(sequence) \(sequenceMethod ?? method)
  Contact: <sip:carol@192.0.2.2:5002>
  \(extra)\(body.isEmpty ? "" : "Content-Type: application/sdp\n")Content-Length: \(body.utf8.count)

  \(body)
  """
}
