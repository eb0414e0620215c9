/// A request that has come, as much of it as the transaction layer has to see.
public struct IncomingRequest<Message: Sendable>: Sendable {
  /// A server key; that of the INVITE where this is its ACK.
  public var key: TransactionKey
  /// The method of the request itself: `acknowledgement` where the key says `invite`.
  public var method: RequestMethod
  /// Where responses go (RFC 3261 §18.2.2, RFC 3581 §4).
  public var replyTo: TransportAddress
  /// The message itself, which the layer only passes on.
  public var message: Message

  public init(key: TransactionKey, method: RequestMethod, replyTo: TransportAddress, message: Message) {
    self.key = key
    self.method = method
    self.replyTo = replyTo
    self.message = message
  }
}

/// A response that has come, as much of it as the transaction layer has to see.
public struct IncomingResponse<Message: Sendable>: Sendable {
  /// A client key.
  public var key: TransactionKey
  /// 100 to 699; what is outside of that is passed over.
  public var status: Int
  /// The message itself, which the layer only passes on.
  public var message: Message

  public init(key: TransactionKey, status: Int, message: Message) {
    self.key = key
    self.status = status
    self.message = message
  }
}

/// A request that we send, encoded.
public struct OutgoingRequest: Sendable {
  /// A client key; its method is never `acknowledgement`, since an ACK of a 2xx is no transaction.
  public var key: TransactionKey
  /// Kept once, for retransmission.
  public var bytes: [UInt8]
  public var destination: TransportAddress
  /// Of an INVITE: how long it waits for its final response once a provisional one has come; without end by default,
  /// for people may take their time.
  public var patience: Interval?

  public init(key: TransactionKey, bytes: [UInt8], destination: TransportAddress, patience: Interval? = nil) {
    self.key = key
    self.bytes = bytes
    self.destination = destination
    self.patience = patience
  }
}

/// What the transaction layer asks of its surroundings after an event: of the transports (`send`), of the codec's
/// adapter (`acknowledge`, `generateTrying`), and of the transaction user (the others).
public enum TransactionEffect<Message: Sendable>: Sendable {
  /// Send `bytes`; a failure is reported by ``TransactionLayer/transportFailed(_:at:into:)`` with `key`.
  case send(bytes: [UInt8], to: TransportAddress, key: TransactionKey)
  /// Build the ACK of this non-2xx response from the INVITE's bytes (RFC 3261 §17.1.1.3) and send it. Comes again for
  /// each repetition of the response.
  case acknowledge(IncomingResponse<Message>, request: [UInt8], to: TransportAddress)
  /// Build a 100 for this request and hand it to ``TransactionLayer/respond(to:status:bytes:at:into:)``.
  case generateTrying(IncomingRequest<Message>)
  /// A new request that is neither ACK nor CANCEL.
  case passRequest(IncomingRequest<Message>)
  /// A new CANCEL: answer it 200 and its INVITE 487, or 481 where `invite` is absent (RFC 3261 §9.2).
  case passCancel(IncomingRequest<Message>, invite: TransactionKey?)
  /// An ACK of a 2xx, or one that belongs to nothing: the dialog knows.
  case passAcknowledgement(IncomingRequest<Message>)
  /// A response of a transaction that we began.
  case passResponse(IncomingResponse<Message>)
  /// A 2xx to an INVITE whose transaction has ended: it may want its ACK again (RFC 3261 §13.2.2.4). All other
  /// responses without a transaction are dropped (RFC 6026 §7.3).
  case passStrayResponse(IncomingResponse<Message>)
  /// There is no room for this request: refuse it without state (503), or drop it.
  case refuse(IncomingRequest<Message>)
  /// The peer was silent for too long. Client: no (final) response, which counts as a 408 (RFC 3261 §8.1.3.1). Server:
  /// no ACK of a non-2xx response, or we had no answer for as long as the client waits.
  case timedOut(TransactionKey)
  /// A message could not be sent. Client: counts as a 503 (RFC 3261 §8.1.3.1).
  case transportFailed(TransactionKey)
  /// The transaction is forgotten.
  case terminated(TransactionKey)
}
