import NIOCore
import NIOPosix
import SIPCodec
import Testing

@testable import SIPStack

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

private let options = requestText("OPTIONS").replacing("SIP/2.0/UDP", with: "SIP/2.0/TCP")
private let response = """
  SIP/2.0 200 OK
  Via: SIP/2.0/TCP 192.0.2.2:5002;branch=z9hG4bK1
  From: <sip:carol@example.com>;tag=f1
  To: <sip:bob@example.org>;tag=t
  Call-ID: c1
  CSeq: 1 OPTIONS
  Content-Length: 0


  """

@Suite(.timeLimit(.minutes(1))) struct TCPTransportTests {
  @Test("§18.1.1, §18.2.2: connections are used again in both directions; responses take that of their request")
  func connections() async throws {
    let one = try await TCPPeer()
    let two = try await TCPPeer()
    one.send(options, to: two.address)
    let first = await two.next()
    one.send(options, to: two.address)
    let second = await two.next()
    #expect(first.line == "OPTIONS" && first.source == second.source)
    #expect(first.source.port != one.address.port && first.source.connection != nil)
    two.send(response, to: first.source.replyAddress(maddr: nil, hasReturnPort: false, sentByPort: one.address.port))
    let answer = await one.next()
    #expect(answer.line == "200 OPTIONS")
    #expect(answer.source.port == two.address.port)
    // To the address that the connection comes from leads only that connection.
    var bare = first.source
    bare.connection = nil
    two.send(options, to: bare)
    #expect(await one.next().source == answer.source)
    try await one.close()
    try await two.close()
  }

  @Test("§18.2.2: where the connection of a request is gone, its response goes to the sent-by")
  func connectionGone() async throws {
    let one = try await TCPPeer()
    let two = try await TCPPeer()
    try await withConnection(to: two.address) { _, outbound in
      try await outbound.write(ByteBuffer(bytes: wire(options)))
      _ = await two.next()
    }
    // The number of a connection is never used again.
    let gone = TransportAddress(transport: .tcp, address: loopback, port: 9, connection: 1)
    try await Task.sleep(for: .milliseconds(50))
    two.send(response, to: gone.replyAddress(maddr: nil, hasReturnPort: false, sentByPort: one.address.port))
    #expect(await one.next().line == "200 OPTIONS")
    try await one.close()
    try await two.close()
  }

  @Test("who cannot be reached is reported, and tried by the connection that leads back")
  func unreachable() async throws {
    let one = try await TCPPeer()
    let two = try await TCPPeer()
    let nobody = try await TCPPeer()
    var closed = nobody.address
    try await nobody.close()
    one.send(options, to: closed)
    #expect(await one.failures.next()?.hasPrefix("no connection: ") == true)
    one.send(options, to: two.address)
    closed.returnConnection = await two.next().source.connection
    two.send(response, to: closed)
    #expect(await one.next().line == "200 OPTIONS")
    one.send(options, to: TransportAddress(transport: .tls, address: loopback, port: 1))
    #expect(await one.failures.next() == "no tls here")
    try await one.close()
    one.send(options, to: two.address)
    #expect(await one.failures.next() == "the connection is closed")
    try await two.close()
  }

  @Test("§18.4: a connection that the peer resets is told of, one that it closes in order is not")
  func reset() async throws {
    let peer = try await TCPPeer()
    let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(ClosingHandler()) }
      }
      .bind(host: "127.0.0.1", port: 0).get()
    let address = tcpAddress(UInt16(try #require(server.localAddress?.port)))
    peer.send(options, to: address)
    let event = await peer.next()
    #expect(event.line == "reset" && event.source.endpoint == address)
    try await server.close()
    // In order: only what comes behind it is told.
    try await withConnection(to: peer.address) { _, outbound in
      try await outbound.write(ByteBuffer(bytes: wire(options)))
      #expect(await peer.next().line == "OPTIONS")
    }
    peer.send(options, to: peer.address)
    #expect(await peer.next().line == "OPTIONS")
    try await peer.close()
  }

  @Test("RFC 5626 §4.4.1: a keep-alive is answered with CRLF; garbage ends the connection")
  func keepAlive() async throws {
    let peer = try await TCPPeer()
    try await withConnection(to: peer.address) { inbound, outbound in
      try await outbound.write(ByteBuffer(string: "\r\n\r\n"))
      let pong = try await inbound.next()
      #expect(pong == ByteBuffer(string: "\r\n"))
      try await outbound.write(ByteBuffer(bytes: Array(wire(options).prefix(40))))
      try await outbound.write(ByteBuffer(bytes: Array(wire(options).dropFirst(40))))
      #expect(await peer.next().line == "OPTIONS")
      try await outbound.write(ByteBuffer(string: "GET / HTTP/1.1\r\n\r\n"))
      #expect(await peer.next().line == "start-line is none of SIP")
      #expect(try await inbound.next() == nil)
    }
    try await peer.close()
  }

  @Test("§18.3: a request without Content-Length is answered, then the connection is closed")
  func noContentLength() async throws {
    let agent = try await AgentOnSockets.start("one", seed: 1)
    let text = options.replacing("Content-Length: 0\n", with: "")
    try await withConnection(to: try await agent.address) { inbound, outbound in
      try await outbound.write(ByteBuffer(bytes: wire(text)))
      let answer = try await inbound.next().map { String(buffer: $0) } ?? ""
      #expect(answer.hasPrefix("SIP/2.0 400 "))
      #expect(try await inbound.next() == nil)
    }
    #expect(await agent.reports.next() == "malformed Content-Length")
    try await agent.close()
  }

  @Test("connections beyond the limit are closed, those within it stay")
  func tooMany() async throws {
    var limits = TCPLimits()
    limits.incomingConnections = 1
    let peer = try await TCPPeer(limits: limits)
    let address = peer.address
    try await withConnection(to: address) { _, outbound in
      let isOpen = try await withConnection(to: address) { inbound, _ in try await inbound.next() != nil }
      #expect(!isOpen)
      try await outbound.write(ByteBuffer(bytes: wire(options)))
      #expect(await peer.next().line == "OPTIONS")
    }
    try await peer.close()
  }

  @Test("connections without a message are closed soon, those without use later")
  func idle() async throws {
    var limits = TCPLimits()
    limits.firstMessageTime = .milliseconds(100)
    limits.idleTime = .milliseconds(600)
    let peer = try await TCPPeer(limits: limits)
    let started = Instant.now
    try await withConnection(to: peer.address) { inbound, _ in
      let read = try await inbound.next()
      #expect(read == nil)
      #expect(Instant.now - started >= .milliseconds(100))
    }
    limits.firstMessageTime = .seconds(60)
    let other = try await TCPPeer(limits: limits)
    try await withConnection(to: other.address) { inbound, outbound in
      let sent = Instant.now
      try await outbound.write(ByteBuffer(bytes: wire(options)))
      #expect(try await inbound.next() == nil)
      #expect(Instant.now - sent >= .milliseconds(600))
    }
    try await peer.close()
    try await other.close()
  }

  @Test("what a peer does not read does not fill our memory")
  func congestion() async throws {
    var limits = TCPLimits()
    limits.bufferedBytes = 1 << 20
    let peer = try await TCPPeer(limits: limits)
    let silent = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .childChannelOption(.autoRead, value: false)
      .bind(host: "127.0.0.1", port: 0).get()
    let port = UInt16(clamping: silent.localAddress?.port ?? 0)
    let large = requestText("OPTIONS", body: String(repeating: "x", count: 200_000))
    for _ in 0..<100 { peer.send(large, to: tcpAddress(port)) }
    #expect(await peer.failures.next() == "the socket does not keep up")
    try await peer.close()
    try await silent.close()
  }

  @Test("UDP and TCP get the same port")
  func samePort() async throws {
    let loop = MultiThreadedEventLoopGroup.singleton.next()
    let transports = try await SIPTransports.bind(
      host: "127.0.0.1", port: 0, on: loop, onDatagram: { _, _ in }, onEvent: { _, _ in }
    ).get()
    let port = transports.udp.localAddress.port
    #expect(port != 0 && transports.tcp.localAddress.port == port)
    try await transports.udp.close().get()
    // Only TCP is taken now.
    do {
      _ = try await SIPTransports.bind(
        host: "127.0.0.1", port: port, on: loop, onDatagram: { _, _ in }, onEvent: { _, _ in }
      ).get()
      Issue.record("bound twice")
    } catch let error as SIPTransportError {
      guard case .notBound(.tcp, _) = error else {
        Issue.record(error)
        return
      }
    }
    try await transports.tcp.close().get()
  }
}

@Suite(.timeLimit(.minutes(1))) struct UserAgentsOverTCPTests {
  @Test("two agents have a call over real connections; Via and Contact say TCP, and nothing is repeated")
  func call() async throws {
    let one = try await AgentOnSockets.start("one", seed: 1)
    let two = try await AgentOnSockets.start("two", seed: 2)
    let next = try await two.address
    let invite = SIPInvite(
      requestURI: uri("bob", "127.0.0.1", next.port), from: NameAddr.Draft(uri: uri("alice", "example.org")),
      to: NameAddr.Draft(uri: uri("bob", "example.org")), callIdentifier: "call", body: offer, nextHop: next)
    one.perform { agent, _, effects in try? agent.invite(invite, at: .now, into: &effects) }
    #expect(await two.reports.next() == "incoming")
    two.perform { agent, leg, effects in
      if let leg { _ = try? agent.respond(to: leg, status: 180, at: .now, into: &effects) }
      return nil
    }
    // Where the machine is slow a 100 comes first.
    var provisional = await one.reports.next()
    if provisional == "provisional 100" { provisional = await one.reports.next() }
    #expect(provisional == "provisional 180")
    two.perform { agent, leg, effects in
      if let leg { _ = try? agent.respond(to: leg, status: 200, body: offer, at: .now, into: &effects) }
      return nil
    }
    #expect(await one.reports.next() == "accepted")
    #expect(await two.reports.next() == "acknowledged")
    // The callee hangs up: to the Contact of the caller, where the caller listens.
    two.perform { agent, leg, effects in
      if let leg { _ = try? agent.request(.bye, in: leg, at: .now, into: &effects) }
      return nil
    }
    #expect(await one.reports.next() == "hung up")
    #expect(await one.reports.next() == "ended")
    #expect(await two.reports.next() == "200 to BYE")
    #expect(await two.reports.next() == "ended")
    let inviteText = await two.received.next() ?? ""
    let port = try await one.address.port
    #expect(inviteText.contains("\r\nVia: SIP/2.0/TCP 127.0.0.1:\(port);branch="))
    #expect(inviteText.contains("\r\nContact: <sip:alice@127.0.0.1:\(port);transport=tcp>\r\n"))
    #expect(await two.received.next()?.hasPrefix("ACK sip:bob@127.0.0.1:\(next.port);transport=tcp ") == true)
    try await one.close()
    try await two.close()
  }

  @Test("§17.1.4: nobody listens")
  func refused() async throws {
    let nobody = try await TCPPeer()
    let address = nobody.address
    try await nobody.close()
    let agent = try await AgentOnSockets.start("one", seed: 1)
    agent.perform { agent, _, effects in
      try? agent.invite(SIPStackTests.invite(to: address), at: .now, into: &effects)
    }
    #expect(await agent.reports.next() == "unreachable")
    #expect(await agent.reports.next() == "ended")
    try await agent.close()
  }
}

@Suite struct TCPRoutingTests {
  /// An INVITE that came over TCP by connection 7, answered; where a request in its dialog goes.
  private func destination(contact: String) throws -> (to: TransportAddress?, text: String) {
    var configuration = SIPUserAgentConfiguration(localHost: "192.0.2.1", localPort: 5001, product: .init(name: "one"))
    configuration.transports = [.udp, .tcp]
    configuration.acceptedMediaTypes = [offerType]
    var probe = UserAgentProbe()
    probe.agent = SIPUserAgent(configuration: configuration, identifiers: IdentifierGenerator(seed: 1))
    let source = TransportAddress(
      transport: .tcp, address: IPAddress(ipv4: 0xC000_0202), port: 40_000, connection: 7)
    probe.receive(
      requestText("INVITE").replacing("SIP/2.0/UDP", with: "SIP/2.0/TCP")
        .replacing("<sip:carol@192.0.2.2:5002>", with: contact), from: source)
    let leg = try #require(probe.legs.first)
    try probe.act { try $0.respond(to: leg, status: 200, body: offer, at: $1, into: &$2) }
    // By the connection, and if that is gone to the sent-by.
    let accepted = try #require(probe.sent.last)
    #expect(accepted.to.connection == 7 && accepted.to.port == 5002)
    #expect(String(decoding: accepted.message.bytes, as: UTF8.self).contains(":5001;transport=tcp>\r\n"))
    probe.sent = []
    try probe.act { try $0.request(.info, in: leg, at: $1, into: &$2) }
    let sent = probe.sent.last
    return (sent?.to, String(decoding: sent?.message.bytes ?? [], as: UTF8.self))
  }

  @Test("§12.2.1.1: to the Contact, and by the connection that leads back where nobody listens there")
  func contactElsewhere() throws {
    let (to, text) = try destination(contact: "<sip:carol@192.0.2.2:5070;transport=tcp>")
    #expect(to?.transport == .tcp && to?.port == 5070 && to?.connection == nil && to?.returnConnection == 7)
    #expect(text.contains("\r\nVia: SIP/2.0/TCP 192.0.2.1:5001;"))
  }

  @Test("a Contact that is the other end of the connection is reached by it")
  func contactHere() throws {
    let to = try destination(contact: "<sip:carol@192.0.2.2:40000;transport=tcp>").to
    #expect(to?.connection == 7 && to?.port == 40_000)
  }

  @Test("a Contact that names no transport is reached as its messages came; another host over UDP (RFC 3263 §4.1)")
  func noTransport() throws {
    #expect(try destination(contact: "<sip:carol@192.0.2.2>").to?.transport == .tcp)
    let (to, text) = try destination(contact: "<sip:carol@192.0.2.9>")
    #expect(to?.transport == .udp && to?.returnConnection == nil)
    #expect(text.contains("\r\nVia: SIP/2.0/UDP 192.0.2.1:5001;"))
  }

  @Test("a Contact that asks for UDP gets it")
  func contactOverUDP() throws {
    let to = try destination(contact: "<sip:carol@192.0.2.2:5070;transport=udp>").to
    #expect(to?.transport == .udp && to?.port == 5070 && to?.returnConnection == nil)
  }
}

/// Resets the connection as soon as something has come.
private final class ClosingHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let channel = context.channel
    guard let options = channel as? any SocketOptionProvider else { return }
    options.setSoLinger(linger(l_onoff: 1, l_linger: 0)).whenSuccess { channel.close(promise: nil) }
  }
}
