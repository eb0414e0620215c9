import CodecRuntime
import SIPCodec

/// Where a request that is too large for UDP has found nobody who takes it over TCP.
struct RefusedConnections: Sendable {
  /// For how long nobody is asked again: somebody may have taught the peer TCP meanwhile.
  static let memory = Interval.seconds(600)
  private static let most = 4096

  private var ends: [TransportAddress: Instant] = [:]

  func contains(_ destination: TransportAddress, at now: Instant) -> Bool {
    ends[destination.endpoint].map { now < $0 } ?? false
  }

  mutating func insert(_ destination: TransportAddress, at now: Instant) {
    if ends.count >= Self.most { ends = ends.filter { now < $0.value } }
    if ends.count >= Self.most { ends.removeAll() }
    ends[destination.endpoint] = now + Self.memory
  }
}

/// A request in bytes, with what its ACKs and its CANCEL have in common with it.
struct WrittenRequest: Sendable {
  var sent: SentRequest
  var bytes: [UInt8]
}

// Requests that are too large for a datagram (RFC 3261 §18.1.1).
extension SIPUserAgent {
  /// Writes a request: over TCP where it would go over UDP and is larger than a path may take; then `datagram` is what it
  /// would have been.
  func write(
    _ method: Method, _ sent: SentRequest, headers: [HeaderDraft], body: SIPBody?, at now: Instant
  ) throws(DraftError) -> (request: WrittenRequest, datagram: WrittenRequest?) {
    let bytes = try writer.request(method, sent, headers: headers, body: body)
    let request = WrittenRequest(sent: sent, bytes: bytes)
    guard bytes.count > configuration.datagramLimit, sent.destination.transport == .udp,
      configuration.transports.contains(.tcp), !refusedConnections.contains(sent.destination, at: now)
    else { return (request, nil) }
    // The Via names the transport that is used.
    let stream = sent.over(.tcp)
    return (
      WrittenRequest(sent: stream, bytes: try writer.request(method, stream, headers: headers, body: body)), request
    )
  }

  /// No connection for a request that is only too large for UDP: it goes over UDP after all. Where the connection was
  /// there and has ended, the branch, which is the same, keeps the peer from taking it for another request.
  ///
  /// Returns `false` where the request had to go over TCP, or something has come back already.
  mutating func sendAsDatagram(_ key: TransactionKey, at now: Instant, into effects: inout Effects) -> Bool {
    guard let record = clients[key], let datagram = record.datagram else { return false }
    refusedConnections.insert(datagram.sent.destination, at: now)
    clients[key]?.datagram = nil
    if record.sent != nil { clients[key]?.sent = datagram.sent }
    run(at: now, into: &effects) {
      _ = $0.restart(
        OutgoingRequest(
          key: key, bytes: datagram.bytes, destination: datagram.sent.destination, patience: record.patience), at: now,
        into: &$1)
    }
    // A CANCEL that waits has to have the same Via.
    if record.purpose == .invite, let headers = legs[record.leg]?.cancellation {
      legs[record.leg]?.cancellation = nil
      cancel(record.leg, headers: headers, at: now, into: &effects)
    }
    return true
  }
}

extension SentRequest {
  func over(_ transport: TransportKind) -> SentRequest {
    var destination = destination.endpoint
    destination.transport = transport
    var via = via
    via.transport = transport == .tcp ? .tcp : transport == .tls ? .tls : .udp
    return SentRequest(
      requestURI: requestURI, via: via, routes: routes, from: from, to: to, callIdentifier: callIdentifier,
      sequence: sequence, destination: destination)
  }
}
