import NIOCore
import NIOPosix
import SIPCodec
import SIPStack

let loopback = IPAddress(ipv4: 0x7F00_0001)

func tcpAddress(_ port: UInt16) -> TransportAddress {
  TransportAddress(transport: .tcp, address: loopback, port: port)
}

/// What has come to a transport, in order.
struct Inbox<Element: Sendable>: Sendable {
  let stream: AsyncStream<Element>
  let continuation: AsyncStream<Element>.Continuation

  init() { (stream, continuation) = AsyncStream.makeStream() }

  func next() async -> Element? {
    var iterator = stream.makeAsyncIterator()
    return await iterator.next()
  }
}

/// A transport and what has come to it.
struct TCPPeer: Sendable {
  let transport: TCPTransport
  let inbox: Inbox<(event: TCPEvent, source: TransportAddress)>
  let failures = Inbox<String>()

  init(limits: TCPLimits = TCPLimits(), port: UInt16 = 0, tls: SIPSecurity? = nil) async throws {
    let inbox = Inbox<(event: TCPEvent, source: TransportAddress)>()
    self.inbox = inbox
    transport = try await TCPTransport.bind(
      to: tcpAddress(port), tls: tls, limits: limits, on: MultiThreadedEventLoopGroup.singleton.next()
    ) { event, source in
      inbox.continuation.yield((event, source))
    }.get()
  }

  var address: TransportAddress { transport.localAddress }

  func send(_ text: String, to destination: TransportAddress) {
    let failures = failures
    transport.send(wire(text), to: destination) { failures.continuation.yield("\($0)") }
  }

  /// The next message: its method, or its status and method, and where it came from.
  func next() async -> (line: String, source: TransportAddress) {
    guard let (event, source) = await inbox.next() else { return ("", address) }
    switch event {
    case .message(let message): return (summary(message.bytes), source)
    case .malformed(let issue): return ("\(issue.location) \(issue.message)", source)
    case .reset: return ("reset", source)
    }
  }

  func close() async throws { try await transport.close().get() }
}

/// A bare connection to a transport.
func withConnection<Result: Sendable>(
  to address: TransportAddress,
  _ body:
    @Sendable (
      inout NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator, NIOAsyncChannelOutboundWriter<ByteBuffer>
    ) async throws -> Result
) async throws -> Result {
  let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
    .connect(host: "\(address.address)", port: Int(address.port)) { channel in
      channel.eventLoop.makeCompletedFuture {
        try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
      }
    }
  return try await channel.executeThenClose { inbound, outbound in
    var iterator = inbound.makeAsyncIterator()
    return try await body(&iterator, outbound)
  }
}

/// A user agent on real sockets.
final class AgentOnSockets: Sendable {
  private struct State {
    var agent: SIPUserAgent
    var transports: SIPTransports?
    var timer: DeadlineTimer?
    var leg: SIPLeg?
  }

  let reports = Inbox<String>()
  /// Heads of all messages that have come.
  let received = Inbox<String>()
  private let state: NIOLoopBoundBox<State>
  private let eventLoop: any EventLoop

  private init(_ state: NIOLoopBoundBox<State>, _ eventLoop: any EventLoop) {
    self.state = state
    self.eventLoop = eventLoop
  }

  static func start(_ name: String, seed: UInt64) async throws -> AgentOnSockets {
    let loop = MultiThreadedEventLoopGroup.singleton.next()
    let relay = Relay()
    let transports = try await SIPTransports.bind(
      host: "127.0.0.1", port: 0, on: loop,
      onDatagram: { bytes, source in
        let bytes = Array(bytes)
        relay.agent?.act { $0.receive(datagram: bytes, from: source, at: .now, into: &$1) }
      },
      onEvent: { event, source in
        guard case .message(let message) = event else { return }
        relay.agent?.received.continuation.yield(String(decoding: message.bytes, as: UTF8.self))
        relay.agent?.act { $0.receive(message, from: source, at: .now, into: &$1) }
      }
    ).get()
    return try await loop.submit {
      var configuration = SIPUserAgentConfiguration(
        localHost: "127.0.0.1", localPort: transports.tcp.localAddress.port, transport: .tcp,
        product: .init(name: name))
      configuration.transports = [.udp, .tcp]
      configuration.acceptedMediaTypes = [offerType]
      let agent = SIPUserAgent(configuration: configuration, identifiers: IdentifierGenerator(seed: seed))
      let state = NIOLoopBoundBox(State(agent: agent, transports: transports), eventLoop: loop)
      let result = AgentOnSockets(state, loop)
      state.value.timer = DeadlineTimer(eventLoop: loop) { now in
        relay.agent?.act { $0.advance(to: now, into: &$1) }
      }
      relay.agent = result
      return result
    }.get()
  }

  // @unchecked: it is set before anything comes, and only read from then on.
  private final class Relay: @unchecked Sendable {
    var agent: AgentOnSockets?
  }

  var address: TransportAddress {
    get async throws {
      try await eventLoop.submit { self.state.value.transports?.tcp.localAddress ?? tcpAddress(0) }.get()
    }
  }

  /// From anywhere.
  func perform(_ body: @escaping @Sendable (inout SIPUserAgent, SIPLeg?, inout [SIPUserAgentEffect]) -> SIPLeg?) {
    eventLoop.execute {
      let leg = self.state.value.leg
      var founded: SIPLeg?
      self.act { founded = body(&$0, leg, &$1) }
      if let founded { self.state.value.leg = founded }
    }
  }

  private func act(_ body: (inout SIPUserAgent, inout [SIPUserAgentEffect]) -> Void) {
    var effects: [SIPUserAgentEffect] = []
    body(&state.value.agent, &effects)
    for effect in effects {
      if let line = trace(effect) { reports.continuation.yield(line) }
      switch effect {
      case .send(let bytes, let destination, let key):
        state.value.transports?.send(bytes, to: destination) { _ in
          if let key { self.act { $0.transportFailed(key, at: .now, into: &$1) } }
        }
      case .incomingInvite(let leg, _): state.value.leg = leg
      default: break
      }
    }
    state.value.timer?.arm(for: state.value.agent.nextDeadline)
  }

  func close() async throws {
    let transports = try await eventLoop.submit {
      self.state.value.timer?.cancel()
      self.state.value.timer = nil
      return self.state.value.transports
    }.get()
    try await transports?.close().get()
  }
}
