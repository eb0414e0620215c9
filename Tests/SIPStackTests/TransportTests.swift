import NIOCore
import NIOPosix
import SIPStack
import Testing

@Suite struct TransportAddressTests {
  @Test("a datagram that the system refuses is an error of its own: the socket goes on")
  func refusedDatagrams() async throws {
    let eventLoop = MultiThreadedEventLoopGroup.singleton.next()
    let (received, continuation) = AsyncStream.makeStream(of: [UInt8].self)
    let other = try await UDPTransport.bind(host: "127.0.0.1", port: 0, on: eventLoop) { bytes, _ in
      continuation.yield(Array(bytes))
    }.get()
    let transport = try await UDPTransport.bind(host: "127.0.0.1", port: 0, on: eventLoop) { _, _ in }.get()
    let local = transport.localAddress.address
    let bad: [(IPAddress?, UInt16)] = [
      (local, 0), (IPAddress("255.255.255.255"), 5060), (IPAddress("240.0.0.1"), 5060),
      (IPAddress("2001:db8::1"), 5060),
    ]
    for (address, port) in bad {
      let address = try #require(address)
      let failed: Bool = await withCheckedContinuation { continuation in
        transport.send([0x61], to: TransportAddress(transport: .udp, address: address, port: port)) { _ in
          continuation.resume(returning: true)
        }
      }
      #expect(failed)
    }
    transport.send([0x62], to: other.localAddress)
    var iterator = received.makeAsyncIterator()
    #expect(await iterator.next() == [0x62])
    try await transport.close().get()
    try await other.close().get()
  }

  @Test("addresses are read and written", arguments: ["192.0.2.1", "::1", "2001:db8::1:0:0:1", "255.255.255.255"])
  func text(_ text: String) {
    #expect(IPAddress(text)?.description == text)
    #expect(IPAddress("[\(text)]")?.description == text)
    #expect(IPAddress(text).flatMap { IPAddress(networkBytes: $0.networkBytes) } == IPAddress(text))
  }

  @Test("no address", arguments: ["", "localhost", "1.2.3", "1.2.3.256", "[", "[]", "::g"])
  func noAddress(_ text: String) { #expect(IPAddress(text) == nil) }

  @Test("an IPv4 address mapped into IPv6 is an IPv4 address")
  func mapped() { #expect(IPAddress("::ffff:192.0.2.1") == IPAddress("192.0.2.1")) }

  @Test("§18.2.2, RFC 3581 §4: where responses go")
  func replies() {
    let source = TransportAddress(transport: .udp, address: IPAddress(ipv4: 0xC000_0201), port: 40_000)
    let group = IPAddress(ipv4: 0xE000_014B)
    #expect(source.replyAddress(maddr: nil, hasReturnPort: true, sentByPort: 5070) == source)
    #expect(source.replyAddress(maddr: nil, hasReturnPort: false, sentByPort: 5070).port == 5070)
    #expect(source.replyAddress(maddr: nil, hasReturnPort: false, sentByPort: nil).port == 5060)
    #expect(source.replyAddress(maddr: group, hasReturnPort: true, sentByPort: nil).address == group)
    // By the connection; the sent-by is for when that is gone.
    var reply = reliablePeer
    reply.port = 5070
    #expect(reliablePeer.replyAddress(maddr: group, hasReturnPort: false, sentByPort: 5070) == reply)
    reply.port = 5060
    #expect(reliablePeer.replyAddress(maddr: group, hasReturnPort: true, sentByPort: nil) == reply)
    #expect("\(source)" == "192.0.2.1:40000/udp")
  }
}

@Suite struct ParseFailureLimiterTests {
  @Test("one log line per source and minute, with the number of those between")
  func perSource() {
    var limiter = ParseFailureLimiter<String>()
    #expect(limiter.record("a", at: at(0)) == .log(suppressed: 0))
    #expect(limiter.record("a", at: at(1)) == .suppress)
    #expect(limiter.record("a", at: at(59_999)) == .suppress)
    #expect(limiter.record("b", at: at(59_999)) == .log(suppressed: 0))
    #expect(limiter.record("a", at: at(60_000)) == .log(suppressed: 2))
    #expect(limiter.total == 5)
  }

  @Test("a flood from many sources takes bounded memory and one line a minute")
  func bounded() {
    var limiter = ParseFailureLimiter<Int>(capacity: 10)
    var logged = 0
    for source in 0..<1000 where limiter.record(source, at: at(0)) != .suppress { logged += 1 }
    #expect(logged == 11)
    #expect(limiter.sourceCount == 10)
    #expect(limiter.record(2000, at: at(30_000)) == .suppress)
    #expect(limiter.record(2001, at: at(60_000)) == .log(suppressed: 0), "the old ones are forgotten")
    #expect(limiter.sourceCount <= 10)
  }
}

@Suite struct IdentifierGeneratorTests {
  @Test("§8.1.1.7, §19.3: tokens are unlike each other, and the same for the same seed")
  func tokens() {
    var first = IdentifierGenerator(seed: 7)
    var second = IdentifierGenerator(seed: 7)
    var seen: Set<String> = []
    for _ in 0..<1000 {
      let branch = first.branch()
      #expect(TransactionKey.hasMagicCookie(Array(branch.utf8)))
      #expect(branch == second.branch())
      let tag = first.tag()
      #expect(tag == second.tag() && tag.utf8.count == 13)
      let call = first.callIdentifier()
      #expect(call == second.callIdentifier() && call.utf8.count == 26)
      #expect(call.utf8.allSatisfy { 0x61...0x7A ~= $0 || 0x32...0x37 ~= $0 })
      seen.formUnion([branch, tag, call])
    }
    #expect(seen.count == 3000)
    var system = IdentifierGenerator()
    #expect(system.tag() != system.tag())
    #expect((1...0x10000).contains(system.sequenceNumber()))
  }
}

@Suite(.timeLimit(.minutes(1))) struct UDPTransportTests {
  /// Waits for `count` datagrams at a fresh loopback socket while `send` sends to it.
  func exchange(count: Int, _ send: @Sendable (UDPTransport, TransportAddress) -> Void) async throws -> [[UInt8]] {
    let group = MultiThreadedEventLoopGroup.singleton
    let (stream, continuation) = AsyncStream.makeStream(of: ([UInt8], TransportAddress).self)
    let receiver = try await UDPTransport.bind(host: "127.0.0.1", port: 0, on: group.next()) { bytes, source in
      continuation.yield((Array(bytes), source))
    }.get()
    let sender = try await UDPTransport.bind(host: "127.0.0.1", port: 0, on: group.next()) { _, _ in }.get()
    #expect(receiver.localAddress.port != 0)
    send(sender, receiver.localAddress)
    var received: [[UInt8]] = []
    for await (bytes, source) in stream {
      #expect(source == sender.localAddress)
      received.append(bytes)
      if received.count == count { break }
    }
    try await sender.close().get()
    try await receiver.close().get()
    return received
  }

  @Test("datagrams arrive whole, keep-alives are dropped (RFC 5626 §3.5.1)")
  func loopback() async throws {
    let large = [UInt8](repeating: 0x41, count: 9000)
    let received = try await exchange(count: 3) { sender, destination in
      for bytes in [[1, 2, 3], [], [13, 10, 13, 10], [0], large, [13, 10, 65]] as [[UInt8]] {
        sender.send(bytes, to: destination)
      }
    }
    #expect(received == [[1, 2, 3], large, [13, 10, 65]])
  }

  @Test("what cannot be a datagram is refused")
  func refused() async throws {
    let loop = MultiThreadedEventLoopGroup.singleton.next()
    let transport = try await UDPTransport.bind(host: "127.0.0.1", port: 0, on: loop) { _, _ in }.get()
    let (stream, continuation) = AsyncStream.makeStream(of: SIPTransportError?.self)
    let tooLarge = [UInt8](repeating: 0, count: UDPTransport.maximumDatagram + 1)
    transport.send(tooLarge, to: transport.localAddress) { continuation.yield($0 as? SIPTransportError) }
    transport.send([1], to: reliablePeer) { continuation.yield($0 as? SIPTransportError) }
    var errors: [SIPTransportError?] = []
    for await error in stream {
      errors.append(error)
      if errors.count == 2 { break }
    }
    #expect(errors == [.datagramTooLarge(65_508), .wrongTransport(.tcp)])
    try await transport.close().get()
  }

  @Test("names are resolved off the event loop; literals need nobody")
  func resolver() async throws {
    let loop = MultiThreadedEventLoopGroup.singleton.next()
    let local = try await NameResolver.resolve(host: "localhost", port: 5060, transport: .udp, on: loop).get()
    #expect(local.contains { ["127.0.0.1", "::1"].contains($0.address.description) && $0.port == 5060 })
    let literal = try await NameResolver.resolve(host: "[::1]", port: 1, transport: .tls, on: loop).get()
    #expect(literal.map(\.description) == ["[::1]:1/tls"])
    await #expect(throws: SIPTransportError.self) {
      try await NameResolver.resolve(host: "no such name", port: 1, transport: .udp, on: loop).get()
    }
  }

  @Test("one scheduled task serves all deadlines; an earlier one replaces it")
  func deadlineTimer() async throws {
    let loop = MultiThreadedEventLoopGroup.singleton.next()
    let fired = loop.makePromise(of: Void.self)
    let started = Instant.now
    let owner = try await loop.submit {
      let timer = DeadlineTimer(eventLoop: loop) { now in
        #expect(now >= started + .milliseconds(5))
        fired.succeed()
      }
      timer.arm(for: started + .seconds(3600))
      timer.arm(for: started + .milliseconds(5))
      timer.arm(for: started + .seconds(7200))
      return NIOLoopBound(timer, eventLoop: loop)
    }.get()
    try await fired.futureResult.get()
    try await loop.submit { owner.value.cancel() }.get()
    #expect(Instant.now < started + .seconds(60))
  }
}
