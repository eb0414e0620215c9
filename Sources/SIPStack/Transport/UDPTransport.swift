import NIOCore
import NIOPosix

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A bound UDP socket: datagrams in and out (RFC 3261 §18).
public final class UDPTransport: Sendable {
  /// Takes the bytes of a datagram, valid during the call only, and where it came from. Called on the event loop.
  public typealias DatagramHandler = @Sendable (UnsafeRawBufferPointer, TransportAddress) -> Void

  /// What fits into one IPv4 datagram.
  public static let maximumDatagram = 65_507

  /// Where the socket is bound; a requested port 0 has become the real one.
  public let localAddress: TransportAddress
  private let channel: any Channel
  /// The channel's socket, open as long as the channel is active. Datagrams are sent past the channel: it would close
  /// itself at the first that the system refuses, so that one peer with a bad address would end the service for all.
  private let socket: NIOBSDSocket.Handle

  private init(channel: any Channel, socket: NIOBSDSocket.Handle, localAddress: TransportAddress) {
    self.channel = channel
    self.socket = socket
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
      open(address, on: eventLoop, onDatagram)
    }
  }

  private static func open(
    _ address: SocketAddress, on eventLoop: any EventLoop, _ onDatagram: @escaping DatagramHandler
  ) -> EventLoopFuture<UDPTransport> {
    let socket: NIOBSDSocket.Handle
    do { socket = try boundSocket(address) } catch { return eventLoop.makeFailedFuture(error) }
    return DatagramBootstrap(group: eventLoop)
      // NIO's default of 2,048 bytes would cut an INVITE with ICE candidates short.
      .channelOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: 65_535))
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(DatagramReceiver(onDatagram: onDatagram))
        }
      }
      .withBoundSocket(socket)
      .flatMapThrowing { channel in
        guard let bound = channel.localAddress.flatMap({ TransportAddress(transport: .udp, $0) }) else {
          throw SIPTransportError.notBound(.udp, reason: "no address")
        }
        return UDPTransport(channel: channel, socket: socket, localAddress: bound)
      }
  }

  /// A bound socket that never blocks. Throws `IOError`.
  private static func boundSocket(_ address: SocketAddress) throws -> NIOBSDSocket.Handle {
    #if canImport(Glibc)
      let kind = Int32(SOCK_DGRAM.rawValue)
    #else
      let kind = Int32(SOCK_DGRAM)
    #endif
    let family = address.protocol == .inet6 ? AF_INET6 : AF_INET
    let handle = platformSocket(Int32(family), kind)
    guard handle >= 0 else { throw IOError(errnoCode: errno, reason: "socket") }
    // A burst of calls has to wait in the socket, not to be lost there; the kernel caps the value.
    var size: Int32 = 1 << 20
    for option in [SO_RCVBUF, SO_SNDBUF] {
      setsockopt(handle, SOL_SOCKET, option, &size, socklen_t(MemoryLayout<Int32>.size))
    }
    let isReady =
      fcntl(handle, F_SETFD, FD_CLOEXEC) == 0 && fcntl(handle, F_SETFL, O_NONBLOCK) == 0
      && address.withSockAddr { platformBind(handle, $0, socklen_t($1)) } == 0
    guard isReady else {
      let code = errno
      platformClose(handle)
      throw IOError(errnoCode: code, reason: "bind")
    }
    return handle
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
      let remote = try SocketAddress(destination, mappedIntoIPv6: localAddress.address.isIPv6)
      if eventLoop.inEventLoop {
        try transmit(bytes, to: remote)
      } else {
        eventLoop.execute {
          do { try self.transmit(bytes, to: remote) } catch { onFailure?(error) }
        }
      }
    } catch {
      if let onFailure { channel.eventLoop.execute { onFailure(error) } }
    }
  }

  /// On the event loop, on which alone the channel closes the socket. A full socket loses the datagram, as any router
  /// may: it is repeated later.
  private func transmit(_ bytes: [UInt8], to remote: SocketAddress) throws {
    guard channel.isActive else { throw SIPTransportError.closed }
    while true {
      let count = bytes.withUnsafeBytes { bytes in
        remote.withSockAddr { sendto(socket, bytes.baseAddress, bytes.count, 0, $0, socklen_t($1)) }
      }
      if count >= 0 { return }
      switch errno {
      case EINTR: continue
      case EAGAIN, EWOULDBLOCK, ENOBUFS: return
      default: throw IOError(errnoCode: errno, reason: "sendto")
      }
    }
  }

  public func close() -> EventLoopFuture<Void> { channel.close() }
}

/// These bear names that methods have, too.
private func platformSocket(_ family: Int32, _ kind: Int32) -> Int32 { socket(family, kind, 0) }
private func platformBind(_ handle: Int32, _ address: UnsafePointer<sockaddr>, _ length: socklen_t) -> Int32 {
  bind(handle, address, length)
}
@discardableResult private func platformClose(_ handle: Int32) -> Int32 { close(handle) }

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

  /// An error of reading is that of one datagram (an ICMP report of an earlier one), after which the channel goes on.
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
