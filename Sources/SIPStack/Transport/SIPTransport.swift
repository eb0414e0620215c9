import NIOCore
import NIOPosix

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// All transports of one listening address: UDP and TCP on the same port (RFC 3261 §18.1.1, §18.2.1), and TLS on
/// another one where there is a certificate.
///
/// The destination of a message says which one carries it, and nothing else does. That a request of more than 1,300
/// bytes goes over TCP (RFC 3261 §18.1.1), and over UDP after all where nobody listens there, is the user agent's to
/// decide, since its Via says by which transport it goes.
public struct SIPTransports: Sendable {
  public let udp: UDPTransport
  public let tcp: TCPTransport
  public private(set) var tls: TCPTransport?

  /// How often another port is tried where the system has chosen one that is free for one transport only.
  private static let attempts = 16

  /// Binds both to the first address of `host`; a port 0 becomes one that both have got. Fails with
  /// ``SIPTransportError``.
  public static func bind(
    host: String, port: UInt16, limits: TCPLimits = TCPLimits(), on eventLoop: any EventLoop,
    onDatagram: @escaping UDPTransport.DatagramHandler, onEvent: @escaping TCPTransport.EventHandler
  ) -> EventLoopFuture<SIPTransports> {
    bind(
      host: host, port: port, limits: limits, on: eventLoop, attempts: port == 0 ? attempts : 1,
      onDatagram: onDatagram, onEvent: onEvent)
  }

  private static func bind(
    host: String, port: UInt16, limits: TCPLimits, on eventLoop: any EventLoop, attempts: Int,
    onDatagram: @escaping UDPTransport.DatagramHandler, onEvent: @escaping TCPTransport.EventHandler
  ) -> EventLoopFuture<SIPTransports> {
    UDPTransport.bind(host: host, port: port, on: eventLoop, onDatagram: onDatagram).flatMapErrorThrowing { error in
      if error is SIPTransportError { throw error }
      if (error as? IOError)?.errnoCode == EADDRNOTAVAIL { throw SIPTransportError.addressNotLocal(.udp) }
      throw SIPTransportError.notBound(.udp, reason: "\(error)")
    }.flatMap { udp in
      let address = TransportAddress(
        transport: .tcp, address: udp.localAddress.address, port: udp.localAddress.port)
      return TCPTransport.bind(to: address, limits: limits, on: eventLoop, onEvent: onEvent).map { tcp in
        SIPTransports(udp: udp, tcp: tcp)
      }.flatMapError { error in
        udp.close().flatMap {
          if attempts > 1 {
            return bind(
              host: host, port: port, limits: limits, on: eventLoop, attempts: attempts - 1, onDatagram: onDatagram,
              onEvent: onEvent)
          }
          return eventLoop.makeFailedFuture(SIPTransportError.notBound(.tcp, reason: "\(error)"))
        }
      }
    }
  }

  /// Listens for TLS as well, at the same host; a port 0 becomes one that is free. Fails with ``SIPTransportError``.
  public func addingTLS(
    _ security: SIPSecurity, port: UInt16, limits: TCPLimits = TCPLimits(),
    onEvent: @escaping TCPTransport.EventHandler
  ) -> EventLoopFuture<SIPTransports> {
    let address = TransportAddress(transport: .tls, address: tcp.localAddress.address, port: port)
    return TCPTransport.bind(to: address, tls: security, limits: limits, on: tcp.eventLoop, onEvent: onEvent)
      .flatMapErrorThrowing { throw SIPTransportError.notBound(.tls, reason: "\($0)") }
      .map { tls in
        var transports = self
        transports.tls = tls
        return transports
      }
  }

  /// Sends one encoded message by the transport of its destination; from any thread.
  public func send(
    _ bytes: [UInt8], to destination: TransportAddress, onFailure: (@Sendable (any Error) -> Void)? = nil
  ) {
    switch destination.transport {
    case .udp: udp.send(bytes, to: destination, onFailure: onFailure)
    case .tls where tls != nil: tls?.send(bytes, to: destination, onFailure: onFailure)
    // Without a certificate TLS is refused there.
    case .tcp, .tls: tcp.send(bytes, to: destination, onFailure: onFailure)
    }
  }

  /// The first of a name's addresses that the UDP socket can send to: a name like `localhost` has one of each family.
  /// It serves for TCP, too: who listens on one family only is hardly reached by the other one.
  public func firstReachable(of addresses: [TransportAddress]) -> TransportAddress? {
    let local = udp.localAddress.address
    return addresses.first { $0.address.isIPv6 == local.isIPv6 || local.isUnspecifiedIPv6 }
  }

  public func close() -> EventLoopFuture<Void> {
    let closed = [udp.close(), tcp.close()] + (tls.map { [$0.close()] } ?? [])
    return EventLoopFuture.andAllSucceed(closed, on: tcp.eventLoop)
  }
}
