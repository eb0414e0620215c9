import NIOCore
import NIOPosix
import NIOSSL
import SIPStack
import TestCertificate
import Testing

@Suite("SIP over TLS: real sockets on loopback")
struct TLSTransportTests {
  private func peer(trusting client: NIOSSLContext? = nil) async throws -> TCPPeer {
    try await TCPPeer(
      tls: SIPSecurity(client: client ?? TestCertificate.client(), server: TestCertificate.server()))
  }

  private let options =
    "OPTIONS sip:x SIP/2.0\r\nVia: SIP/2.0/TLS 127.0.0.1;branch=z9hG4bK1\r\nContent-Length: 0\r\n\r\n"

  private func peer(expecting name: String, trusting client: NIOSSLContext? = nil) async throws -> TCPPeer {
    let peer = try await peer(trusting: client)
    let transport = peer.transport
    try await transport.eventLoop.submit { transport.setName(name, of: loopback) }.get()
    return peer
  }

  @Test("RFC 3261 §26.2.1: messages go both ways by one connection")
  func exchange() async throws {
    let first = try await peer(expecting: "localhost")
    let second = try await peer()
    #expect(first.address.transport == .tls && first.address.description.hasSuffix("/tls"))
    first.send(options, to: second.address)
    let (line, source) = await second.next()
    #expect(line == "OPTIONS")
    #expect(source.transport == .tls)
    second.send(options, to: source)
    let (_, answered) = await first.next()
    #expect(answered.port == second.address.port, "the connection is the one that was opened")
    try await first.close()
    try await second.close()
  }

  @Test("RFC 5922 §7: a certificate for another name or address, or of an authority that is not trusted, is refused")
  func refused() async throws {
    let server = try await peer()
    let clients = [
      try await peer(expecting: "sip.example.org"), try await peer(),
      try await peer(
        expecting: "localhost", trusting: NIOSSLContext(configuration: .makeClientConfiguration())),
    ]
    for client in clients {
      client.send(options, to: server.address)
      let failure = await client.failures.next()
      #expect(failure?.hasPrefix("no connection: ") == true, "\(failure ?? "")")
      try await client.close()
    }
    // What was sent never arrived: the next message is the first.
    let trusting = try await peer(expecting: "localhost")
    trusting.send(options.replacing("OPTIONS", with: "BYE"), to: server.address)
    #expect(await server.next().line == "BYE")
    try await trusting.close()
    try await server.close()
  }

  @Test("RFC 5922 §7.1: where a name is expected, a certificate for the address is not enough")
  func otherName() async throws {
    let server = try await TCPPeer(
      tls: SIPSecurity(client: TestCertificate.client(), server: TestCertificate.addressServer()))
    let named = try await peer(expecting: "localhost")
    named.send(options, to: server.address)
    #expect(await named.failures.next() == "no connection: the certificate is not for localhost")
    try await named.close()
    // Who knows only the address asks for nothing else.
    let unnamed = try await peer()
    unnamed.send(options.replacing("OPTIONS", with: "BYE"), to: server.address)
    #expect(await server.next().line == "BYE")
    try await unnamed.close()
    try await server.close()
  }

  @Test("RFC 3261 §18.4: a connection that the peer resets is told of")
  func reset() async throws {
    let client = try await peer(expecting: "localhost")
    let context = try TestCertificate.server()
    let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandlers([
            BelowTLS(), NIOSSLServerHandler(context: context), ResettingHandler(),
          ])
        }
      }
      .bind(host: "127.0.0.1", port: 0).get()
    let port = try #require(server.localAddress?.port)
    let address = TransportAddress(transport: .tls, address: loopback, port: UInt16(truncatingIfNeeded: port))
    client.send(options, to: address)
    let event = await client.next()
    #expect(event.line == "reset" && event.source.port == address.port)
    try await client.close()
    try await server.close().get()
  }

  @Test("a peer that takes the connection and keeps silent is given up")
  func silent() async throws {
    let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .bind(host: "127.0.0.1", port: 0).get()
    let port = try #require(listener.localAddress?.port)
    var limits = TCPLimits()
    limits.connectTime = .milliseconds(50)
    let client = try await TCPPeer(
      limits: limits, tls: SIPSecurity(client: TestCertificate.client(), server: TestCertificate.server()))
    client.send(
      options, to: TransportAddress(transport: .tls, address: loopback, port: UInt16(truncatingIfNeeded: port)))
    #expect(await client.failures.next() == "no connection: no handshake of TLS in time")
    try await client.close()
    try await listener.close().get()
  }

  @Test("a peer that speaks in the clear loses its connection, and nobody else does")
  func clear() async throws {
    let server = try await peer()
    try await withConnection(to: server.address) { inbound, outbound in
      // On a busy machine the time for the handshake may be over before.
      try? await outbound.write(ByteBuffer(string: options))
      var bytes = 0
      // TLS says what it thinks of it, and ends.
      while let buffer = try? await inbound.next() { bytes += buffer.readableBytes }
      #expect(bytes < 100)
    }
    let client = try await peer(expecting: "localhost")
    client.send(options, to: server.address)
    #expect(await server.next().line == "OPTIONS")
    try await client.close()
    try await server.close()
  }
}

/// From here a connection is closed without the farewell of TLS.
private final class BelowTLS: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
}

/// Resets the connection as soon as something has come.
private final class ResettingHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard let options = context.channel as? any SocketOptionProvider else { return }
    let pipeline = context.pipeline
    options.setSoLinger(linger(l_onoff: 1, l_linger: 0)).assumeIsolated().whenSuccess {
      try? pipeline.syncOperations.context(handlerType: BelowTLS.self).close(promise: nil)
    }
  }
}
