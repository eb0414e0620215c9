import NIOCore

/// A transport that is bound and carries messages; TCP and TLS will be further cases.
public enum SIPTransport: Sendable {
  case udp(UDPTransport)

  /// Where it is bound.
  public var localAddress: TransportAddress {
    switch self {
    case .udp(let transport): transport.localAddress
    }
  }

  /// Sends one encoded message; from any thread. See ``UDPTransport/send(_:to:onFailure:)``.
  public func send(
    _ bytes: [UInt8], to destination: TransportAddress, onFailure: (@Sendable (any Error) -> Void)? = nil
  ) {
    switch self {
    case .udp(let transport): transport.send(bytes, to: destination, onFailure: onFailure)
    }
  }

  public func close() -> EventLoopFuture<Void> {
    switch self {
    case .udp(let transport): transport.close()
    }
  }
}
