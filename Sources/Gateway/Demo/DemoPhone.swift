import NIOCore
import SIPCodec
import SIPStack

/// A SIP phone that answers each call after a moment, and calls when it is told to.
final class DemoPhone {
  /// How long a called party lets it ring.
  static let ringing = Duration.milliseconds(120)

  let address: TransportAddress
  private let line: NIOLoopBound<PhoneLine>
  private var events: AsyncStream<SIPUserAgentEffect>.Iterator

  private init(line: NIOLoopBound<PhoneLine>, address: TransportAddress, events: AsyncStream<SIPUserAgentEffect>) {
    self.line = line
    self.address = address
    self.events = events.makeAsyncIterator()
  }

  static func start(host: String, on eventLoop: any EventLoop) async throws -> DemoPhone {
    let (events, continuation) = AsyncStream.makeStream(of: SIPUserAgentEffect.self)
    let receiver = NIOLoopBoundBox<PhoneLine?>.makeEmptyBox(valueType: PhoneLine.self, eventLoop: eventLoop)
    let transport = try await UDPTransport.bind(host: host, port: 0, on: eventLoop) { bytes, source in
      receiver.value?.receive(bytes, from: source)
    }.get()
    let line = try await eventLoop.submit {
      let line = PhoneLine(transport: transport, host: host, events: continuation)
      receiver.value = line
      return NIOLoopBound(line, eventLoop: eventLoop)
    }.get()
    return DemoPhone(line: line, address: transport.localAddress, events: events)
  }

  /// Sends an INVITE for `user` of `domain` to `proxy`.
  func call(
    _ user: String, domain: String, callIdentifier: String, by proxy: TransportAddress
  ) async throws -> SIPLeg {
    let line = line
    return try await line.eventLoop.submit {
      try line.value.call(user, domain: domain, callIdentifier: callIdentifier, by: proxy)
    }.get()
  }

  func hangUp(_ leg: SIPLeg) async throws {
    let line = line
    try await line.eventLoop.submit { try line.value.hangUp(leg) }.get()
  }

  func close() async throws {
    let line = line
    try await line.eventLoop.flatSubmit { line.value.close() }.get()
  }

  /// Waits for what `match` takes. Throws where the call fails before.
  @discardableResult
  func receive<Value>(_ awaited: String, _ match: (SIPUserAgentEffect) -> Value?) async throws -> Value {
    while let event = await events.next() {
      if let value = match(event) { return value }
      switch event {
      case .refused(_, let status, let phrase, _): throw failure(awaited, "was answered \(status) \(phrase)")
      case .cancelled: throw failure(awaited, "was sent a CANCEL")
      case .timedOut, .acknowledgementMissing: throw failure(awaited, "was not answered")
      case .unreachable, .requestFailed: throw failure(awaited, "could not reach the gateway")
      case .hungUp: throw failure(awaited, "was sent a BYE")
      case .malformed(_, let issue): throw failure(awaited, "could not read a message: \(issue)")
      case .diagnostic(let text): throw failure(awaited, text)
      default: continue
      }
    }
    throw DemoError(description: "the phone has waited too long for \(awaited)")
  }

  /// Waits until the call is over, by a BYE of the peer or the answer to the phone's own.
  func receiveEnd(of leg: SIPLeg, byPeer: Bool) async throws {
    if byPeer { try await receive("a BYE") { if case .hungUp(leg, _) = $0 { () } else { nil } } }
    try await receive("the end of the call") { if case .ended(leg) = $0 { () } else { nil } }
  }

  private func failure(_ awaited: String, _ what: String) -> DemoError {
    DemoError(description: "the phone waited for \(awaited), but \(what)")
  }
}

/// What hangs on the phone's event loop.
private final class PhoneLine {
  private static let user = "phone"

  private var agent: SIPUserAgent
  private let transport: UDPTransport
  private let host: String
  private let events: AsyncStream<SIPUserAgentEffect>.Continuation
  private var timer: DeadlineTimer?

  init(transport: UDPTransport, host: String, events: AsyncStream<SIPUserAgentEffect>.Continuation) {
    self.transport = transport
    self.host = host
    self.events = events
    var configuration = SIPUserAgentConfiguration(
      localHost: host, localPort: transport.localAddress.port, product: .init(name: "demo-phone"))
    configuration.acceptedMediaTypes = [GatewayMediaTypes.sessionDescription]
    agent = SIPUserAgent(configuration: configuration)
    timer = DeadlineTimer(eventLoop: transport.eventLoop) { [weak self] now in
      self?.run { $0.advance(to: now, into: &$1) }
    }
  }

  func receive(_ bytes: UnsafeRawBufferPointer, from source: TransportAddress) {
    bytes.withMemoryRebound(to: UInt8.self) { bytes in
      run { $0.receive(datagram: bytes, from: source, at: .now, into: &$1) }
    }
  }

  func call(
    _ user: String, domain: String, callIdentifier: String, by proxy: TransportAddress
  ) throws -> SIPLeg {
    let callee = URI.Draft(scheme: .sip, user: user, host: domain)
    let invite = SIPInvite(
      requestURI: callee, from: NameAddr.Draft(uri: .init(scheme: .sip, user: Self.user, host: domain)),
      to: NameAddr.Draft(uri: callee), callIdentifier: callIdentifier,
      body: SIPBody(GatewayMediaTypes.sessionDescription, try DemoMedia.phoneOffer(address: host)), nextHop: proxy)
    return try run { try $0.invite(invite, at: .now, into: &$1) }
  }

  func hangUp(_ leg: SIPLeg) throws { try run { _ = try $0.request(.bye, in: leg, at: .now, into: &$1) } }

  func close() -> EventLoopFuture<Void> {
    timer?.cancel()
    events.finish()
    return transport.close()
  }

  private func run<Result>(
    _ body: (inout SIPUserAgent, inout SIPUserAgent.Effects) throws -> Result
  ) rethrows -> Result {
    var effects: SIPUserAgent.Effects = []
    let result = try body(&agent, &effects)
    for effect in effects { perform(effect) }
    timer?.arm(for: agent.nextDeadline)
    return result
  }

  private func perform(_ effect: SIPUserAgentEffect) {
    switch effect {
    case .send(let bytes, let destination, _): transport.send(bytes, to: destination)
    case .resolve: break
    case .incomingInvite(let leg, let message): ring(leg, message)
    case .incomingRequest(let request, _, let message):
      // A re-INVITE is nothing for this phone; candidates in an INFO do no harm.
      let status = message.requestLine?.method == .info ? 200 : 488
      attempt { try $0.respond(to: request, status: status, at: .now, into: &$1) }
    default: events.yield(effect)
    }
  }

  private func ring(_ leg: SIPLeg, _ message: SIPMessage) {
    attempt { try $0.respond(to: leg, status: 180, at: .now, into: &$1) }
    let line = NIOLoopBound(self, eventLoop: transport.eventLoop)
    transport.eventLoop.scheduleTask(in: TimeAmount(DemoPhone.ringing)) { line.value.answer(leg, message) }
  }

  private func answer(_ leg: SIPLeg, _ message: SIPMessage) {
    attempt { [host] agent, effects in
      if let answer = try DemoMedia.phoneAnswer(to: message, address: host) {
        let body = SIPBody(GatewayMediaTypes.sessionDescription, answer)
        try agent.respond(to: leg, status: 200, body: body, at: .now, into: &effects)
      } else {
        try agent.respond(to: leg, status: 488, at: .now, into: &effects)
      }
    }
  }

  private func attempt(_ body: (inout SIPUserAgent, inout SIPUserAgent.Effects) throws -> Void) {
    do { try run(body) } catch { events.yield(.diagnostic("\(error)")) }
  }
}
