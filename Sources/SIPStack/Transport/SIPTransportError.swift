/// Why a transport could not do what it was asked for.
public enum SIPTransportError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The C library found no address for the name, for this reason.
  case nameNotResolved(host: String, reason: String)
  /// A datagram of so many bytes; 65,507 are possible.
  case datagramTooLarge(Int)
  /// The socket does not keep up; what is dropped here counts as lost on the way.
  case congested
  /// The address is of another kind than the transport.
  case wrongTransport(TransportKind)
  /// The socket cannot listen, for this reason.
  case notBound(TransportKind, reason: String)
  /// The socket cannot listen there: the address is none of this machine.
  case addressNotLocal(TransportKind)
  /// No connection can be opened, for this reason.
  case notConnected(reason: String)
  /// The peer has taken the connection, but not gone through the handshake of TLS in time.
  case handshakeTimeout
  /// The peer has a certificate, but none for the name that was called.
  case otherName(String)
  /// There are as many connections as there may be.
  case tooManyConnections
  /// The transport is closed, or the connection was before the message was sent.
  case closed

  public var description: String {
    switch self {
    case .nameNotResolved(let host, let reason): "\(host): \(reason)"
    case .datagramTooLarge(let count): "\(count) bytes do not fit into a datagram"
    case .congested: "the socket does not keep up"
    case .wrongTransport(let transport): "no \(transport) here"
    case .notBound(let transport, let reason): "\(transport): \(reason)"
    case .addressNotLocal(let transport): "\(transport): no address of this machine"
    case .notConnected(let reason): "no connection: \(reason)"
    case .handshakeTimeout: "no handshake of TLS in time"
    case .otherName(let name): "the certificate is not for \(name)"
    case .tooManyConnections: "too many connections"
    case .closed: "the connection is closed"
    }
  }
}
