import Logging
import NIOCore
import NIOPosix
import Synchronization
import Testing

@testable import XMPPStack

/// A server of components on a socket: it takes the connections and keeps what they send.
private final class FakeServer: Sendable {
  private struct State {
    var received: [String] = []
    var channels: [any Channel] = []
  }

  private final class Handler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    private let server: FakeServer
    private let index: Int

    init(_ server: FakeServer, _ index: Int) {
      self.server = server
      self.index = index
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      let text = String(buffer: unwrapInboundIn(data))
      server.state.withLock { $0.received[index] += text }
    }
  }

  private let state = Mutex(State())

  func listen(port: Int = 0) async throws -> any Channel {
    try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          let index = self.state.withLock { state in
            state.channels.append(channel)
            state.received.append("")
            return state.received.count - 1
          }
          try channel.pipeline.syncOperations.addHandler(Handler(self, index))
        }
      }
      .bind(host: "127.0.0.1", port: port).get()
  }

  var connections: Int { state.withLock { $0.channels.count } }
  func received(_ index: Int) -> String { state.withLock { index < $0.received.count ? $0.received[index] : "" } }

  func send(_ text: String, on index: Int) async throws {
    let channel = state.withLock { $0.channels[index] }
    try await channel.writeAndFlush(channel.allocator.buffer(string: text)).get()
  }

  func close(_ index: Int) async throws {
    let channel = state.withLock { $0.channels[index] }
    try await channel.close().get()
  }

  func stopReading(_ index: Int) async throws {
    let channel = state.withLock { $0.channels[index] }
    try await channel.setOption(.autoRead, value: false).get()
  }
}

/// What the connector logs.
private struct Records: LogHandler {
  final class Store: Sendable {
    let lines = Mutex<[String]>([])
  }

  let store: Store
  var metadata: Logger.Metadata = [:]
  var logLevel = Logger.Level.info

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    store.lines.withLock { $0.append("\(event.level): \(event.message)") }
  }
}

@Suite("Component connector: real sockets on loopback")
struct ComponentConnectorTests {
  private final class Notifications: Sendable {
    let texts = Mutex<[String]>([])
    var all: [String] { texts.withLock { $0 } }
  }

  private struct Parts {
    let connector: ComponentConnector
    let notifications: Notifications
    let log: Records.Store
  }

  private func connector(
    port: Int, host: String = "127.0.0.1", maximumBufferedBytes: Int = 16 << 20,
    _ change: @Sendable @escaping (inout ComponentConfiguration) -> Void = { _ in }
  ) async throws -> Parts {
    let loop = MultiThreadedEventLoopGroup.singleton.next()
    let notifications = Notifications()
    let log = Records.Store()
    let connector = try await loop.submit {
      var configuration = ComponentConfiguration(
        host: host, port: UInt16(port), domain: "sip.example.org", userDomain: "example.org", secret: "test")
      // The tests that run beside this one can keep it waiting.
      configuration.negotiationTimeout = 600_000_000_000
      configuration.firstRetryDelay = 1_000_000
      configuration.maximumRetryDelay = 50_000_000
      change(&configuration)
      let logger = Logger(label: "test") { _ in Records(store: log) }
      guard let component = Component(configuration: configuration) else { throw ChannelError.operationUnsupported }
      return ComponentConnector(
        eventLoop: loop, component: component, maximumBufferedBytes: maximumBufferedBytes, logger: logger
      ) { notification in
        let text = describe(notification)
        notifications.texts.withLock { $0.append(text) }
      }
    }.get()
    return Parts(connector: connector, notifications: notifications, log: log)
  }

  private func wait(_ isDone: () -> Bool) async throws {
    for _ in 0..<6_000 where !isDone() { try await Task.sleep(for: .milliseconds(10)) }
  }

  private func send(_ text: String, _ connector: ComponentConnector) async throws -> Bool {
    try await connector.eventLoop.submit {
      guard let jid = JID("alice@example.org/one") else { return false }
      return connector.send(Array(text.utf8), to: jid)
    }.get()
  }

  @Test("XEP-0114 §3: it connects, sends and receives, and does so again when the server comes back")
  func session() async throws {
    let server = FakeServer()
    let listener = try await server.listen()
    let parts = try await connector(port: try #require(listener.localAddress?.port))
    #expect(try await send("<message/>", parts.connector) == false)
    parts.connector.start()
    for index in 0...1 {
      try await wait { server.received(index).contains("to='sip.example.org'>") }
      try await server.send(TestComponent.header, on: index)
      try await wait { server.received(index).contains("</handshake>") }
      #expect(server.received(index).hasSuffix("<handshake>aaee83c26aeeafcbabeabfcbcd50df997e0a2a1e</handshake>"))
      try await server.send("<handshake/>", on: index)
      try await wait { parts.notifications.all.count == 2 * index + 1 }
      #expect(try await send("<message/>", parts.connector))
      try await server.send(
        "<iq type='get' id='1' from='a@example.org/b' to='+49@sip.example.org'><ping xmlns='urn:xmpp:ping'/></iq>",
        on: index)
      try await wait { server.received(index).hasSuffix("to='a@example.org/b'></iq>") }
      #expect(
        server.received(index).hasSuffix(
          "<message/><iq type='result' id='1' from='+49@sip.example.org' to='a@example.org/b'></iq>"))
      if index == 0 { try await server.close(0) }
    }
    #expect(parts.notifications.all == ["connected", "disconnected the server has closed the stream", "connected"])
    try await parts.connector.shutDown().get()
    try await wait { server.received(1).hasSuffix("</stream:stream>") }
    #expect(server.received(1).hasSuffix("</stream:stream>"))
    #expect(try await send("<message/>", parts.connector) == false)
    try await listener.close().get()
  }

  @Test("nobody listens: it says so, tries again, and connects when somebody does")
  func refused() async throws {
    let server = FakeServer()
    let first = try await server.listen()
    let port = try #require(first.localAddress?.port)
    try await first.close().get()
    let parts = try await connector(port: port)
    parts.connector.start()
    let line = "warning: no stream to the XMPP server: 127.0.0.1 port \(port) refuses connections: "
    try await wait { parts.log.lines.withLock { $0.filter { $0.hasPrefix(line) }.count >= 2 } }
    #expect(parts.log.lines.withLock { $0.allSatisfy { $0.hasPrefix(line) } && $0.count >= 2 })
    let second = try await server.listen(port: port)
    try await wait { server.connections > 0 }
    #expect(server.connections > 0)
    try await parts.connector.shutDown().get()
    try await second.close().get()
  }

  @Test("a wrong secret is said in words")
  func wrongSecret() async throws {
    let server = FakeServer()
    let listener = try await server.listen()
    let parts = try await connector(port: try #require(listener.localAddress?.port))
    parts.connector.start()
    try await wait { server.connections > 0 && server.received(0).contains("<stream:stream") }
    try await server.send(
      TestComponent.header
        + "<stream:error><not-authorized xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>",
      on: 0)
    let line =
      "no stream to the XMPP server: the server refuses the domain or its secret (not-authorized); trying again in"
    try await wait { parts.log.lines.withLock { $0.contains { $0.contains(line) } } }
    #expect(parts.log.lines.withLock { $0.contains { $0.hasPrefix("warning: " + line) } })
    #expect(parts.notifications.all == [])
    try await parts.connector.shutDown().get()
    try await listener.close().get()
  }

  @Test("a name that nobody has (RFC 6761 §6.4) is said, too")
  func noSuchName() async throws {
    let parts = try await connector(port: 5347, host: "xmpp.invalid")
    parts.connector.start()
    try await wait { parts.log.lines.withLock { !$0.isEmpty } }
    #expect(
      parts.log.lines.withLock {
        $0.first?.hasPrefix("warning: no stream to the XMPP server: the name xmpp.invalid cannot be found") == true
      })
    try await parts.connector.shutDown().get()
  }

  @Test("a server that does not read is given up when too much waits for it")
  func slowServer() async throws {
    let server = FakeServer()
    let listener = try await server.listen()
    let parts = try await connector(
      port: try #require(listener.localAddress?.port), maximumBufferedBytes: 2 << 20)
    parts.connector.start()
    try await wait { server.received(0).contains("<stream:stream") }
    try await server.send(TestComponent.header + "<handshake/>", on: 0)
    try await wait { parts.notifications.all == ["connected"] }
    try await server.stopReading(0)
    let message = "<message>" + String(repeating: "x", count: 1 << 20) + "</message>"
    // The kernel takes some megabytes before anything waits here.
    for _ in 0..<100 where try await send(message, parts.connector) {}
    try await wait { parts.notifications.all.count > 1 }
    #expect(parts.notifications.all.dropFirst().first == "disconnected \(ComponentFailure.tooSlow)")
    try await parts.connector.shutDown().get()
    try await listener.close().get()
  }
}
