import NIOCore
import NIOPosix

/// A bound UDP socket: datagrams in and out (RFC 3261 §18).
public final class UDPTransport: Sendable {
  /// Takes the bytes of a datagram, valid during the call only, and where it came from. Called on the event loop.
  public typealias DatagramHandler = @Sendable (UnsafeRawBufferPointer, TransportAddress) -> Void

  /// What fits into one IPv4 datagram.
  public static let maximumDatagram = 65_507

  /// Where the socket is bound; a requested port 0 has become the real one.
  public let localAddress: TransportAddress
  private let channel: any Channel

  private init(channel: any Channel, localAddress: TransportAddress) {
    self.channel = channel
    self.localAddress = localAddress
  }

  public var eventLoop: any EventLoop { channel.eventLoop }

  /// Binds a socket to the first address of `host` (a name or a literal address). Fails with ``SIPTransportError`` or
  /// with NIO's `IOError` where the port is taken.
  public static func bind(
    host: String, port: UInt16, on eventLoop: any EventLoop, onDatagram: @escaping DatagramHandler
  ) -> EventLoopFuture<UDPTransport> {
    NameResolver.resolve(host: host, port: port, transport: .udp, on: eventLoop).flatMapThrowing { addresses in
      guard let address = addresses.first else {
        throw SIPTransportError.nameNotResolved(host: host, reason: "no IP address")
      }
      return try SocketAddress(address, mappedIntoIPv6: false)
    }.flatMap { address in
      DatagramBootstrap(group: eventLoop)
        .channelOption(.socketOption(.so_reuseaddr), value: 0)
        // A burst of calls has to wait in the socket, not to be lost there; the kernel caps the value.
        .channelOption(.socketOption(.so_rcvbuf), value: 1 << 20)
        // NIO's default of 2,048 bytes would cut an INVITE with ICE candidates short.
        .channelOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: 65_535))
        .channelOption(.writeBufferWaterMark, value: .init(low: 1 << 20, high: 4 << 20))
        .channelInitializer { channel in
          channel.eventLoop.makeCompletedFuture {
            try channel.pipeline.syncOperations.addHandler(DatagramReceiver(onDatagram: onDatagram))
          }
        }
        .bind(to: address)
    }.flatMapThrowing { channel in
      guard let bound = channel.localAddress.flatMap({ TransportAddress(transport: .udp, $0) }) else {
        throw SIPTransportError.nameNotResolved(host: host, reason: "not bound")
      }
      return UDPTransport(channel: channel, localAddress: bound)
    }
  }

  /// Sends one datagram; from any thread. `onFailure` is called on the event loop where the system refuses it, which
  /// for UDP says little: that it is not called does not mean that the datagram has arrived.
  public func send(
    _ bytes: [UInt8], to destination: TransportAddress,
    onFailure: (@Sendable (any Error) -> Void)? = nil
  ) {
    do {
      if bytes.count > Self.maximumDatagram { throw SIPTransportError.datagramTooLarge(bytes.count) }
      if destination.transport != .udp { throw SIPTransportError.wrongTransport(destination.transport) }
      // Memory must not fill up with what the socket does not take; a lost datagram is repeated later.
      if !channel.isWritable { throw SIPTransportError.congested }
      let remote = try SocketAddress(destination, mappedIntoIPv6: localAddress.address.isIPv6)
      let written = channel.writeAndFlush(
        AddressedEnvelope(remoteAddress: remote, data: channel.allocator.buffer(bytes: bytes)))
      if let onFailure { written.whenFailure(onFailure) }
    } catch {
      if let onFailure { channel.eventLoop.execute { onFailure(error) } }
    }
  }

  public func close() -> EventLoopFuture<Void> { channel.close() }
}

/// Hands datagrams on.
private final class DatagramReceiver: ChannelInboundHandler {
  typealias InboundIn = AddressedEnvelope<ByteBuffer>

  private let onDatagram: UDPTransport.DatagramHandler

  init(onDatagram: @escaping UDPTransport.DatagramHandler) { self.onDatagram = onDatagram }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let envelope = unwrapInboundIn(data)
    guard let source = TransportAddress(transport: .udp, envelope.remoteAddress) else { return }
    envelope.data.withUnsafeReadableBytes { bytes in
      if !isKeepAlive(bytes) { onDatagram(bytes, source) }
    }
  }

  /// An error on a datagram socket is that of one datagram (an ICMP report of an earlier one); the socket stays.
  func errorCaught(context: ChannelHandlerContext, error: any Error) {}
}

/// Whether a datagram holds no message: nothing, or only the CR, LF and NUL bytes by which phones keep a NAT's binding
/// open (RFC 5626 §3.5.1, RFC 3261 §7.5).
func isKeepAlive(_ bytes: UnsafeRawBufferPointer) -> Bool {
  bytes.allSatisfy { $0 == 0x0D || $0 == 0x0A || $0 == 0x00 }
}

extension SocketAddress {
  /// Throws NIO's `SocketAddressError`, never in practice: the bytes are always 4 or 16.
  ///
  /// An IPv6 socket that serves both families knows IPv4 addresses only in their mapped form.
  init(_ address: TransportAddress, mappedIntoIPv6: Bool) throws {
    var packed = ByteBuffer()
    if mappedIntoIPv6, !address.address.isIPv6 {
      packed.writeRepeatingByte(0, count: 10)
      packed.writeRepeatingByte(0xFF, count: 2)
    }
    packed.writeBytes(address.address.networkBytes)
    try self.init(packedIPAddress: packed, port: Int(address.port))
  }
}

extension TransportAddress {
  /// `nil` for an address that is not IP.
  init?(transport: TransportKind, _ address: SocketAddress) {
    switch address {
    case .v4(let inner):
      let ip = inner.address
      self.init(
        transport: transport, address: IPAddress(ipv4: UInt32(bigEndian: ip.sin_addr.s_addr)),
        port: UInt16(bigEndian: ip.sin_port))
    case .v6(let inner):
      var ip = inner.address
      guard let bytes = withUnsafeBytes(of: &ip.sin6_addr, { IPAddress(networkBytes: $0) }) else { return nil }
      self.init(transport: transport, address: bytes, port: UInt16(bigEndian: ip.sin6_port))
    case .unixDomainSocket:
      return nil
    }
  }
}
