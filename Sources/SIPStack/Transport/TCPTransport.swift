import NIOCore
import NIOPosix
import NIOSSL
import SIPCodec

/// What a TCP transport bears, so that no peer can use up what the others need.
public struct TCPLimits: Sendable {
  /// Connections that peers have opened; further ones are closed at once.
  public var incomingConnections = 1024
  /// Connections that we have opened.
  public var outgoingConnections = 256
  /// Bytes that wait for one peer to read them; a further message fails.
  public var bufferedBytes = 1 << 20
  /// Bytes that wait on all connections together, to be read or to be completed to a message.
  public var totalBufferedBytes = 64 << 20
  /// How long the opening of a connection may take.
  public var connectTime = Interval.seconds(4)
  /// How long a peer that has connected may take for its first message.
  public var firstMessageTime = Interval.seconds(32)
  /// After how long without a message or keep-alive a connection is closed: longer than any phone rings.
  public var idleTime = Interval.seconds(600)

  public init() {}
}

/// How connections are encrypted and who proves to be whom (RFC 3261 §26.3).
public struct SIPSecurity: Sendable {
  /// For the connections that we open.
  public var client: NIOSSLContext
  /// For those that peers open.
  public var server: NIOSSLContext

  public init(client: NIOSSLContext, server: NIOSSLContext) {
    self.client = client
    self.server = server
  }
}

/// What comes by a connection.
public enum TCPEvent: Sendable {
  /// A message, or the head of one that cannot be cut out of the stream; then its issues say so.
  case message(SIPMessage)
  /// What cannot even be answered; the connection is closed.
  case malformed(SIPIssue)
  /// The peer has reset the connection, or does not take packets of it any more: what was written is lost
  /// (RFC 3261 §18.4). A connection that the peer has closed in order says nothing: a response may come by another one.
  case reset
}

/// SIP over TCP, or over TLS upon it: a listener, and connections in both directions (RFC 3261 §18).
///
/// A message goes by the connection that its destination names, else by one to its address that is open, whoever has
/// opened it, else by a new one. All of it happens on one event loop.
public final class TCPTransport: Sendable {
  /// Takes what has come, and where from. Called on the event loop.
  public typealias EventHandler = @Sendable (TCPEvent, TransportAddress) -> Void

  /// Where it listens; a requested port 0 has become the real one.
  public let localAddress: TransportAddress
  public let eventLoop: any EventLoop
  private let listener: any Channel
  private let connections: NIOLoopBound<TCPConnections>

  private init(
    localAddress: TransportAddress, listener: any Channel, connections: NIOLoopBound<TCPConnections>
  ) {
    self.localAddress = localAddress
    self.listener = listener
    self.connections = connections
    eventLoop = listener.eventLoop
  }

  /// Listens at `address`, with `tls` for encrypted connections. Fails with NIO's `IOError` where the port is taken.
  public static func bind(
    to address: TransportAddress, tls: SIPSecurity? = nil, limits: TCPLimits = TCPLimits(),
    on eventLoop: any EventLoop, onEvent: @escaping EventHandler
  ) -> EventLoopFuture<TCPTransport> {
    eventLoop.flatSubmit {
      let connections = NIOLoopBound(
        TCPConnections(eventLoop: eventLoop, tls: tls, limits: limits, onEvent: onEvent), eventLoop: eventLoop)
      let socketAddress: SocketAddress
      do {
        socketAddress = try SocketAddress(address, mappedIntoIPv6: false)
      } catch {
        return eventLoop.makeFailedFuture(error)
      }
      return ServerBootstrap(group: eventLoop)
        .serverChannelOption(.backlog, value: 256)
        // A gateway that starts again does not wait for the last packets of the one before.
        .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
        .childChannelOption(.socketOption(.so_keepalive), value: 1)
        .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
        .childChannelInitializer { channel in
          channel.eventLoop.makeCompletedFuture { try connections.value.accept(channel) }
        }
        .bind(to: socketAddress)
        .flatMapThrowing { channel in
          let kind: TransportKind = tls == nil ? .tcp : .tls
          guard let bound = channel.localAddress.flatMap({ TransportAddress(transport: kind, $0) }) else {
            throw SIPTransportError.notBound(kind, reason: "no address")
          }
          connections.value.begin()
          return TCPTransport(localAddress: bound, listener: channel, connections: connections)
        }
    }
  }

  /// Sends one encoded message; from any thread, in order for one connection. `onFailure` is called on the event loop,
  /// never from within this call, where no connection can be opened or it ends before all bytes are written.
  public func send(
    _ bytes: [UInt8], to destination: TransportAddress, onFailure: (@Sendable (any Error) -> Void)? = nil
  ) {
    if eventLoop.inEventLoop {
      connections.value.send(bytes, to: destination, onFailure: onFailure)
    } else {
      let connections = connections
      eventLoop.execute { connections.value.send(bytes, to: destination, onFailure: onFailure) }
    }
  }

  /// The name that the certificate of the peer at `address` has to have (RFC 5922 §7.1), unless it is one for the
  /// address itself. On the event loop.
  public func setName(_ name: String, of address: IPAddress) { connections.value.setName(name, of: address) }

  /// Stops listening and closes all connections.
  public func close() -> EventLoopFuture<Void> {
    let connections = connections
    let listener = listener
    return eventLoop.flatSubmit {
      let closed = connections.value.close()
      return listener.close().flatMapErrorThrowing { _ in }.and(closed).map { _ in }
    }
  }
}
