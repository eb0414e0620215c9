import Logging
import NIOCore
import NIOPosix
import NIOSSL
import Synchronization
import TestCertificate
import Testing

@testable import XMPPStack

/// A client that keeps what it is sent.
private final class Recorder: ChannelInboundHandler, Sendable {
  typealias InboundIn = ByteBuffer
  private let text = Mutex("")

  var received: String { text.withLock { $0 } }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let more = String(buffer: unwrapInboundIn(data))
    text.withLock { $0 += more }
  }
}

@Suite("Embedded listener: real sockets on loopback")
struct ListenerTests {
  private func withListener(
    maximumBufferedBytes: Int = 1 << 20, tls: NIOSSLContext? = nil,
    _ body: (EmbeddedListener, SocketAddress, any EventLoop) async throws -> Void
  ) async throws {
    let loop = MultiThreadedEventLoopGroup.singleton.next()
    let listener = try await loop.submit {
      var logger = Logger(label: "test")
      logger.logLevel = .critical
      var configuration = EmbeddedServerConfiguration(
        domain: "localhost", accounts: ["alice": "secret", "bob": "geheim"])
      // The tests that run beside this one can keep it waiting for longer than a client may take to log in.
      configuration.negotiationTimeout = 600_000_000_000
      configuration.offersTLS = tls != nil
      guard let server = EmbeddedServer(configuration: configuration) else { throw ChannelError.operationUnsupported }
      return EmbeddedListener(
        eventLoop: loop, server: server, tls: tls, maximumBufferedBytes: maximumBufferedBytes, logger: logger
      ) { _ in }
    }.get()
    let address = try await listener.bind(host: "127.0.0.1", port: 0).get()
    #expect(address.port ?? 0 > 0)
    try await body(listener, address, loop)
    try await listener.shutDown().get()
  }

  private func connect(_ address: SocketAddress, reads: Bool = true) async throws -> (any Channel, Recorder) {
    let recorder = Recorder()
    let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .channelOption(.autoRead, value: reads)
      .channelInitializer { $0.pipeline.addHandler(recorder) }
      .connect(to: address).get()
    return (channel, recorder)
  }

  private func send(_ text: String, _ channel: any Channel) async throws {
    try await channel.writeAndFlush(channel.allocator.buffer(string: text)).get()
  }

  private func wait(_ isDone: () -> Bool) async throws {
    for _ in 0..<6_000 where !isDone() { try await Task.sleep(for: .milliseconds(10)) }
  }

  private func login(_ user: String) -> String {
    TestServer.header + "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>"
      + (TestServer.auth[user] ?? "") + "</auth>" + TestServer.header
      + "<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>r</resource></bind></iq><presence/>"
  }

  @Test("RFC 6120 §5: a client encrypts its stream, logs in, and is told when the server shuts down")
  func startTLS() async throws {
    var recorded: Recorder?
    try await withListener(tls: TestCertificate.server()) { _, address, _ in
      let (channel, recorder) = try await connect(address)
      recorded = recorder
      try await send(TestServer.header + "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>" + login("bob"), channel)
      try await wait { recorder.received.contains("<proceed") }
      let context = try TestCertificate.client()
      try await channel.eventLoop.submit {
        try channel.pipeline.syncOperations.addHandler(
          NIOSSLClientHandler(context: context, serverHostname: "localhost"), position: .first)
      }.get()
      try await send(login("alice"), channel)
      try await wait { recorder.received.contains("<presence from='alice@localhost/r'") }
      #expect(!recorder.received.contains("bob"), "what came in the clear behind the request is passed over")
    }
    #expect(recorded?.received.hasSuffix(streamError("system-shutdown")) == true)
  }

  @Test("a client logs in, is sent stanzas by the gateway, and is told when the server shuts down")
  func session() async throws {
    var recorded: Recorder?
    try await withListener { listener, address, loop in
      let (channel, recorder) = try await connect(address)
      recorded = recorder
      try await send(login("alice"), channel)
      try await wait { recorder.received.contains("<presence from='alice@localhost/r'") }
      let isSent = try await loop.submit {
        guard let jid = JID("alice@localhost/r") else { return false }
        return listener.send(Array("<message from='x@localhost'/>".utf8), to: jid)
      }.get()
      #expect(isSent)
      try await wait { recorder.received.hasSuffix("<message from='x@localhost'/>") }
      #expect(recorder.received.hasSuffix("<message from='x@localhost'/>"))
    }
    try await wait { recorded?.received.hasSuffix(streamError("system-shutdown")) == true }
    #expect(recorded?.received.hasSuffix(streamError("system-shutdown")) == true)
  }

  @Test("RFC 6120 §4.9.1.1: a stream error arrives before the connection is closed, however much was sent after it")
  func streamErrorArrives() async throws {
    try await withListener { _, address, _ in
      let (channel, recorder) = try await connect(address)
      try await send("<!DOCTYPE a>" + String(repeating: "x", count: 100_000), channel)
      try await channel.closeFuture.get()
      #expect(recorder.received.hasSuffix(streamError("restricted-xml")))
    }
  }

  @Test("a client that does not read is closed when too much waits for it")
  func slowConsumer() async throws {
    try await withListener(maximumBufferedBytes: 100_000) { listener, address, loop in
      let (slow, _) = try await connect(address, reads: false)
      try await send(login("alice"), slow)
      let (fast, recorder) = try await connect(address)
      try await send(login("bob"), fast)
      try await wait { recorder.received.contains("<presence ") }
      let alice = try #require(JID("alice@localhost/r"))
      for _ in 0..<6_000 where try await loop.submit({ listener.isConnected(alice) }).get() == false {
        try await Task.sleep(for: .milliseconds(10))
      }
      // The kernel takes some megabytes before anything waits here.
      let message = "<message to='alice@localhost/r'><body>\(String(repeating: "x", count: 100_000))</body></message>"
      var isConnected = true
      for _ in 0..<400 where isConnected {
        try await send(message, fast)
        isConnected = try await loop.submit { listener.isConnected(alice) }.get()
      }
      #expect(!isConnected)
      try await send("<iq type='get' id='p1' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>", fast)
      try await wait { recorder.received.contains("id='p1'") }
      #expect(recorder.received.contains("id='p1'"))
    }
  }

  @Test("RFC 1122 §3.2.1.3, RFC 4291 §2.5: which addresses are loopback")
  func loopback() throws {
    for (address, isLoopback) in [
      ("127.0.0.1", true), ("127.9.8.7", true), ("128.0.0.1", false), ("::1", true), ("::2", false),
      ("::ffff:127.0.0.1", true), ("::ffff:10.0.0.1", false), ("fe80::1", false), ("0.0.0.0", false),
    ] {
      #expect(try SocketAddress(ipAddress: address, port: 1).isLoopback == isLoopback, "\(address)")
    }
  }
}
