import CodecRuntime
import SIPCodec

/// The SIP user agent of one shard: a value without I/O that reads and writes messages, runs their transactions and
/// keeps their dialogs (RFC 3261 §8, §11 to §15).
///
/// Each function takes an event and the time and appends to `effects` what is to be done, in order. Afterwards
/// ``nextDeadline`` says when ``advance(to:into:)`` is to be called.
///
/// It decides by itself what needs no knowledge of calls: it sends ACKs, repeats 2xx, answers BYE, CANCEL and OPTIONS,
/// refuses what is malformed, unknown or out of order, and ends the forks of a call that another phone has taken. All
/// the rest is the gateway's: every INVITE that has come must be answered and every leg ended in the end, for how long
/// a phone may ring is not known here.
public struct SIPUserAgent: Sendable {
  public typealias Effects = [SIPUserAgentEffect]

  public let configuration: SIPUserAgentConfiguration
  /// Whose requests are taken; others are refused or passed over from the next one on.
  public var admission = SIPAdmission.everyone
  let writer: MessageWriter
  var identifiers: IdentifierGenerator
  var transactions: TransactionLayer<ReceivedMessage>
  var legs: [SIPLeg: LegRecord] = [:]
  var clients: [TransactionKey: ClientRecord] = [:]
  var servers: [TransactionKey: ServerRecord] = [:]
  var merges: [MergeIdentity: TransactionKey] = [:]
  /// When a 2xx is to be repeated.
  var repetitions = LegTimers()
  /// When a session is to be refreshed, or has not been.
  var sessionTimers = LegTimers()
  /// Who takes no connections.
  var refusedConnections = RefusedConnections()
  /// Hosts that were looked up.
  var addresses: [String: IPAddress] = [:]
  /// Responses that were not for us. Only counted, for anybody could fill a log with them.
  public internal(set) var strayResponseCount: UInt64 = 0
  /// Requests that were answered 503 because there was no room for them.
  public internal(set) var refusalCount: UInt64 = 0
  /// Requests of strangers, of which each source is logged once a minute at most.
  private var strangers = ParseFailureLimiter<IPAddress>()
  /// Requests that ``admission`` has kept out.
  public var strangerCount: UInt64 { strangers.total }
  /// So that the tags of stateless responses can be neither guessed nor differ for the same request (§8.2.7).
  private let secret: UInt64

  /// Hosts that are remembered at most.
  static let maximumAddresses = 4096

  public init(configuration: SIPUserAgentConfiguration, identifiers: IdentifierGenerator = IdentifierGenerator()) {
    self.configuration = configuration
    writer = MessageWriter(configuration: configuration)
    self.identifiers = identifiers
    secret = self.identifiers.next()
    transactions = TransactionLayer(timers: configuration.timers, capacity: configuration.maximumTransactions)
  }

  // MARK: State

  /// Legs that have not ended.
  public var legCount: Int { legs.count }
  /// Whether nothing is remembered but the addresses of hosts.
  public var isEmpty: Bool {
    legs.isEmpty && clients.isEmpty && servers.isEmpty && merges.isEmpty && repetitions.isEmpty && sessionTimers.isEmpty
      && transactions.isEmpty
  }

  /// Whether requests can be sent to the peer: a response or request with its tag has come.
  public func hasDialog(_ leg: SIPLeg) -> Bool { legs[leg].map { !$0.dialogs.isEmpty } ?? false }

  /// When ``advance(to:into:)`` is to be called next.
  public var nextDeadline: Instant? {
    earliest(earliest(transactions.nextDeadline, repetitions.nextDeadline), sessionTimers.nextDeadline)
  }

  /// The answer to `resolve`. All others are forgotten where there are too many.
  public mutating func setAddress(_ address: IPAddress, ofHost host: String) {
    if addresses.count >= Self.maximumAddresses { addresses.removeAll() }
    addresses[host.lowercased()] = address
  }

  // MARK: Time

  /// Fires all timers that are due.
  public mutating func advance(to now: Instant, into effects: inout Effects) {
    run(at: now, into: &effects) { $0.advance(to: now, into: &$1) }
    while let leg = repetitions.popDue(at: now) { repeatAccepted(leg, at: now, into: &effects) }
    while let leg = sessionTimers.popDue(at: now) { sessionTimerFired(leg, at: now, into: &effects) }
  }

  // MARK: The transports

  /// Takes a datagram.
  public mutating func receive(
    datagram: UnsafeBufferPointer<UInt8>, from source: TransportAddress, at now: Instant, into effects: inout Effects
  ) {
    if MessageReading.isKeepAlive(datagram) { return }
    do throws(SIPIssue) {
      receive(try SIPMessage(parsing: datagram), from: source, at: now, into: &effects)
    } catch {
      effects.append(.malformed(from: source, error))
    }
  }

  public mutating func receive(
    datagram: [UInt8], from source: TransportAddress, at now: Instant, into effects: inout Effects
  ) {
    datagram.withUnsafeBufferPointer { receive(datagram: $0, from: source, at: now, into: &effects) }
  }

  /// Takes a message that a stream was cut into.
  public mutating func receive(
    _ message: SIPMessage, from source: TransportAddress, at now: Instant, into effects: inout Effects
  ) {
    let received = ReceivedMessage(message: message, source: source)
    if !admission.admits(source), !MessageReading.looksLikeResponse(message) {
      keepOut(received, at: now, into: &effects)
    } else if let issue = MessageReading.obstacle(in: message) {
      effects.append(.malformed(from: source, issue))
      refuseWithoutState(400, received, into: &effects)
    } else if let line = message.requestLine {
      guard SpokenProtocol.isSpoken(line.version) else {
        refuseWithoutState(505, received, into: &effects)
        return
      }
      guard let key = MessageReading.serverKey(of: message) else { return }
      let request = IncomingRequest(
        key: key, method: RequestMethod(line.method),
        replyTo: MessageReading.replyAddress(of: message, from: source), message: received)
      run(at: now, into: &effects) { $0.receive(request, at: now, into: &$1) }
    } else if let line = message.statusLine, let status = message.statusCode {
      // A Via below ours says that the response has gone astray (§8.1.3.3).
      guard SpokenProtocol.isSpoken(line.version), 100..<700 ~= status,
        message.headers.via.dropFirst(1).first(where: { _ in true }) == nil,
        let key = MessageReading.clientKey(of: message)
      else {
        strayResponseCount += 1
        return
      }
      let response = IncomingResponse(key: key, status: status, message: received)
      run(at: now, into: &effects) { $0.receive(response, at: now, into: &$1) }
    }
  }

  /// A message that an effect with `key` asked for could not be sent.
  public mutating func transportFailed(_ key: TransactionKey, at now: Instant, into effects: inout Effects) {
    if sendAsDatagram(key, at: now, into: &effects) { return }
    run(at: now, into: &effects) { $0.transportFailed(key, at: now, into: &$1) }
  }

  /// A connection to this peer is reset: requests to which nothing has come back are lost with it (§18.4). A response
  /// that has come once may well be followed by others, by a connection that the peer opens.
  public mutating func connectionLost(to peer: TransportAddress, at now: Instant, into effects: inout Effects) {
    for key in transactions.unanswered(by: peer) { transportFailed(key, at: now, into: &effects) }
  }

  // MARK: The transaction layer

  /// Lets the transaction layer do something and does what it asks for.
  @discardableResult
  mutating func run<Result>(
    at now: Instant, into effects: inout Effects,
    _ body: (inout TransactionLayer<ReceivedMessage>, inout [TransactionEffect<ReceivedMessage>]) -> Result
  ) -> Result {
    var requests: [TransactionEffect<ReceivedMessage>] = []
    let result = body(&transactions, &requests)
    for request in requests { perform(request, at: now, into: &effects) }
    return result
  }

  private mutating func perform(
    _ effect: TransactionEffect<ReceivedMessage>, at now: Instant, into effects: inout Effects
  ) {
    switch effect {
    case .send(let bytes, let destination, let key):
      effects.append(.send(bytes: bytes, to: destination, key: key))
    case .acknowledge(let response, _, let destination):
      acknowledgeRefusal(response, to: destination, into: &effects)
    case .generateTrying(let request):
      reply(100, to: request.key, at: now, into: &effects)
    case .passRequest(let request):
      receiveRequest(request, at: now, into: &effects)
    case .passCancel(let request, let invite):
      receiveCancel(request, invite: invite, at: now, into: &effects)
    case .passAcknowledgement(let request):
      receiveAcknowledgement(request.message, at: now, into: &effects)
    case .passResponse(let response):
      receiveResponse(response, at: now, into: &effects)
    case .passStrayResponse(let response):
      receiveStrayResponse(response.message, at: now, into: &effects)
    case .refuse(let request):
      refusalCount += 1
      refuseWithoutState(503, request.message, into: &effects)
    case .timedOut(let key):
      requestFailed(key, .timedOut, at: now, into: &effects)
    case .transportFailed(let key):
      requestFailed(key, .unreachable, at: now, into: &effects)
    case .terminated(let key):
      terminated(key, at: now, into: &effects)
    }
  }

  private mutating func terminated(_ key: TransactionKey, at now: Instant, into effects: inout Effects) {
    if let record = clients.removeValue(forKey: key) {
      if record.purpose == .invite, let leg = legs[record.leg], leg.invite == key, leg.phase == .failed {
        end(record.leg, at: now, into: &effects)
      }
    } else if let record = servers.removeValue(forKey: key) {
      if let merge = record.merge, merges[merge] == key { merges[merge] = nil }
      if let leg = record.leg { legs[leg]?.unanswered.removeAll { $0 == key } }
    }
  }

  // MARK: Legs

  /// Forgets a leg. What of its peer waits for an answer is answered 487 (§15.1.2).
  mutating func end(_ leg: SIPLeg, at now: Instant, into effects: inout Effects) {
    guard let record = legs.removeValue(forKey: leg) else { return }
    repetitions.set(leg, to: nil)
    sessionTimers.set(leg, to: nil)
    for key in record.unanswered { reply(487, to: key, at: now, into: &effects) }
    effects.append(.ended(leg))
  }

  /// Ends a leg whatever its state and without the peer's consent: an INVITE of ours is cancelled, one of the peer's
  /// answered 480, a dialog forgotten without a BYE. For a call that is over for the peer, too.
  public mutating func abandon(_ leg: SIPLeg, at now: Instant, into effects: inout Effects) {
    guard let record = legs[leg] else { return }
    if record.phase == .pending {
      if record.isCaller {
        cancel(leg, at: now, into: &effects)
      } else {
        reply(480, to: record.invite, at: now, into: &effects)
      }
    }
    end(leg, at: now, into: &effects)
  }

  // MARK: Addresses

  /// Where a request to `uri` goes first; `peer` where the URI does not lead to an address that we know.
  ///
  /// A URI that names no transport means UDP (RFC 3263 §4.1), or the one that is configured; but where it names the host
  /// that the peer's messages come from, it is surer that the way back is the way that they took.
  func nextHop(for uri: URI.Draft, peer: TransportAddress) -> TransportAddress {
    guard let host = uri.routedHost else { return peer }
    guard let address = IPAddress(host) ?? addresses[host.lowercased()] else { return peer }
    let isPeer = peer.address == address
    let transport = uri.routedTransport ?? (isPeer ? peer.transport : configuration.transport)
    guard configuration.transports.contains(transport) else { return peer }
    let port = uri.port ?? transport.defaultPort
    // The connection that is there serves, too.
    if peer.transport == transport, isPeer, peer.port == port { return peer }
    return TransportAddress(
      transport: transport, address: address, port: port,
      returnConnection: isPeer && peer.transport == transport ? peer.connection : nil)
  }

  /// Asks for the address of the first hop of a dialog, where it will be needed.
  func lookUp(_ dialog: Dialog, into effects: inout Effects) {
    guard let host = dialog.route.nextHop.routedHost, IPAddress(host) == nil, addresses[host.lowercased()] == nil
    else { return }
    effects.append(.resolve(host: host))
  }

  // MARK: Without state

  /// Refuses or passes over the request of a stranger, whatever it is: nobody learns from the answer what we can read.
  private mutating func keepOut(_ received: ReceivedMessage, at now: Instant, into effects: inout Effects) {
    let source = received.source
    switch strangers.record(source.address, at: now) {
    case .log(let others), .logForOthers(let others): effects.append(.stranger(source, notLogged: others))
    case .suppress: break
    }
    guard case .only(_, .forbid) = admission else { return }
    // A stateless server passes over these (§8.2.7).
    let method = received.message.requestLine?.method ?? received.message.headers.cseq?.method
    if method == .cancel { return }
    refuseWithoutState(403, received, isToSource: true, into: &effects)
  }

  /// Answers a request without remembering it; an ACK and what is no request not at all.
  ///
  /// With `isToSource` the `maddr` of its Via is of no account: a stranger shall not say to whom else we send.
  private func refuseWithoutState(
    _ status: Int, _ received: ReceivedMessage, isToSource: Bool = false, into effects: inout Effects
  ) {
    let message = received.message
    let method = message.requestLine?.method ?? message.headers.cseq?.method
    if method == .ack || message.headers.cseq?.method == .ack || MessageReading.looksLikeResponse(message) { return }
    // Without its Vias a response would not find the way back.
    if message.headers.via.isEmpty || message.issues.contains(where: { $0.header == Headers.via }) { return }
    do throws(DraftError) {
      let bytes = try writer.responseToMalformed(status, to: received, tag: statelessTag(for: message))
      let address = MessageReading.replyAddress(of: message, from: received.source, honoursMaddr: !isToSource)
      effects.append(.send(bytes: bytes, to: address, key: nil))
    } catch {
      effects.append(.diagnostic("no \(status) can be written: \(error)"))
    }
  }

  /// The same for each repetition of a request (§8.2.7).
  private func statelessTag(for message: SIPMessage) -> String {
    // FNV-1a, with our secret for its offset.
    var hash = 0xCBF2_9CE4_8422_2325 ^ secret
    let via = message.headers.via.first
    for text in [via?.host, via?.branch, message.headers.callID?.value] {
      text?.withBytes { for byte in $0 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 } }
    }
    return String(hash, radix: 32)
  }
}
