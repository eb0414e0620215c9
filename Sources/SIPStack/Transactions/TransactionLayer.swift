/// All transactions of one shard: a value without I/O (RFC 3261 §17).
///
/// Each function takes an event and the time and appends to `effects` what is to be done, in order. Afterwards
/// ``nextDeadline`` says when ``advance(to:into:)`` is to be called. `Message` is whatever the codec makes of a
/// datagram; the layer passes it on and looks at nothing but the key, the method and the status code.
///
/// All transactions end by themselves but for an INVITE that rings: ours until the transaction user cancels it, the
/// peer's until the transaction user answers it. How long a phone may ring is theirs to say.
public struct TransactionLayer<Message: Sendable>: Sendable {
  public typealias Effects = [TransactionEffect<Message>]

  enum Machine: Sendable {
    case inviteClient(InviteClientTransaction)
    case nonInviteClient(NonInviteClientTransaction)
    case inviteServer(InviteServerTransaction)
    case nonInviteServer(NonInviteServerTransaction)
  }

  struct Transaction: Sendable {
    var key: TransactionKey
    var machine: Machine
    /// The request of a client, the last response of a server.
    var bytes: [UInt8]
    var destination: TransportAddress
    /// Of a server, until it has sent a response: the request, of which a 100 would be made.
    var request: IncomingRequest<Message>?
    /// Of an INVITE client: a CANCEL that waits for a provisional response.
    var cancel: [UInt8]?
  }

  private let timers: TimerConfiguration
  private let capacity: Int
  private var slots: [TransactionKey: Int] = [:]
  var transactions: [Transaction?] = []
  private var freeSlots: [Int] = []
  var deadlines = TimerHeap()

  /// `capacity` bounds the transactions of both roles; above it requests are refused, whoever sends them.
  public init(timers: TimerConfiguration = .standard, capacity: Int = 100_000) {
    self.timers = timers
    self.capacity = capacity
  }

  public var count: Int { slots.count }
  /// Slots that exist, in use or free: as many as there were transactions at one time.
  var slotCount: Int { transactions.count }
  public var isEmpty: Bool { slots.isEmpty && deadlines.isEmpty }
  public func contains(_ key: TransactionKey) -> Bool { slots[key] != nil }

  /// When ``advance(to:into:)`` is to be called next.
  public var nextDeadline: Instant? { deadlines.first?.deadline }

  // MARK: The transaction user

  /// Begins a client transaction and sends its request. Returns `false`, and does nothing, where there is a transaction
  /// with this key or no room for another one.
  @discardableResult
  public mutating func start(_ request: OutgoingRequest, at now: Instant, into effects: inout Effects) -> Bool {
    if slots[request.key] != nil || slots.count >= capacity { return false }
    let isReliable = request.destination.transport.isReliable
    let machine: Machine =
      request.key.method == .invite
      ? .inviteClient(
        InviteClientTransaction(isReliable: isReliable, timers: timers, patience: request.patience, at: now))
      : .nonInviteClient(NonInviteClientTransaction(isReliable: isReliable, timers: timers, at: now))
    insert(
      Transaction(key: request.key, machine: machine, bytes: request.bytes, destination: request.destination))
    effects.append(.send(bytes: request.bytes, to: request.destination, key: request.key))
    return true
  }

  /// Begins a client transaction again by another way, since the way that was tried does not exist (RFC 3261 §18.1.1).
  @discardableResult
  public mutating func restart(_ request: OutgoingRequest, at now: Instant, into effects: inout Effects) -> Bool {
    guard let slot = slots[request.key] else { return false }
    remove(slot)
    return start(request, at: now, into: &effects)
  }

  /// Cancels the INVITE of `key` with the encoded CANCEL `bytes`: now, or when its first provisional response comes
  /// (RFC 3261 §9.1). Nothing is sent where the INVITE has had a final response; a 2xx may have crossed the CANCEL, so
  /// the transaction user must be ready to end that call with a BYE.
  public mutating func cancel(
    _ key: TransactionKey, bytes: [UInt8], at now: Instant, into effects: inout Effects
  ) {
    guard let slot = slots[key], case .inviteClient(var machine)? = transactions[slot]?.machine else { return }
    let actions = machine.handle(.cancel, at: now)
    transactions[slot]?.machine = .inviteClient(machine)
    transactions[slot]?.cancel = bytes
    perform(actions, slot: slot, at: now, into: &effects)
  }

  /// Answers a request with an encoded response. Returns `false`, and sends nothing, where the transaction has ended or
  /// takes no such response (a second final one, a provisional one or 408 to a non-INVITE: RFC 4320).
  @discardableResult
  public mutating func respond(
    to key: TransactionKey, status: Int, bytes: [UInt8], at now: Instant, into effects: inout Effects
  ) -> Bool {
    guard let slot = slots[key], var transaction = transactions[slot] else { return false }
    let actions: TransactionActions
    switch transaction.machine {
    case .inviteServer(var machine):
      actions = machine.handle(.respond(status), at: now)
      transaction.machine = .inviteServer(machine)
    case .nonInviteServer(var machine):
      actions = machine.handle(.respond(status), at: now)
      transaction.machine = .nonInviteServer(machine)
    case .inviteClient, .nonInviteClient:
      return false
    }
    guard actions.contains(.sendResponse) else { return false }
    transaction.bytes = bytes
    transaction.request = nil
    transactions[slot] = transaction
    perform(actions, slot: slot, at: now, into: &effects)
    releaseBytesOfAccepted(slot)
    return true
  }

  // MARK: The transports

  /// Takes a request: absorbs it where it repeats one, else begins a server transaction and passes it on.
  public mutating func receive(
    _ request: IncomingRequest<Message>, at now: Instant, into effects: inout Effects
  ) {
    if let slot = slots[request.key] {
      repeated(request, slot: slot, at: now, into: &effects)
      return
    }
    if request.method == .acknowledgement {
      effects.append(.passAcknowledgement(request))
      return
    }
    if slots.count >= capacity {
      effects.append(.refuse(request))
      return
    }
    let isReliable = request.replyTo.transport.isReliable
    let machine: Machine =
      request.method == .invite
      ? .inviteServer(InviteServerTransaction(isReliable: isReliable, timers: timers, at: now))
      : .nonInviteServer(NonInviteServerTransaction(isReliable: isReliable, timers: timers, at: now))
    insert(
      Transaction(key: request.key, machine: machine, bytes: [], destination: request.replyTo, request: request))
    if request.method == .cancel {
      let invite = request.key.inviteOfCancel
      effects.append(.passCancel(request, invite: slots[invite] == nil ? nil : invite))
    } else {
      effects.append(.passRequest(request))
    }
  }

  /// A request whose key is known: a retransmission, or the ACK of an INVITE.
  private mutating func repeated(
    _ request: IncomingRequest<Message>, slot: Int, at now: Instant, into effects: inout Effects
  ) {
    switch transactions[slot]?.machine {
    case .inviteServer(var machine):
      let actions = machine.handle(request.method == .acknowledgement ? .acknowledgement : .request, at: now)
      transactions[slot]?.machine = .inviteServer(machine)
      perform(actions, slot: slot, request: request, at: now, into: &effects)
    case .nonInviteServer(var machine):
      let actions = machine.handle(.request, at: now)
      transactions[slot]?.machine = .nonInviteServer(machine)
      perform(actions, slot: slot, at: now, into: &effects)
    case .inviteClient, .nonInviteClient, nil:
      return
    }
  }

  /// Takes a response and hands it to the client transaction that it belongs to.
  public mutating func receive(
    _ response: IncomingResponse<Message>, at now: Instant, into effects: inout Effects
  ) {
    guard let slot = slots[response.key] else {
      if response.key.method == .invite, 200..<300 ~= response.status { effects.append(.passStrayResponse(response)) }
      return
    }
    let actions: TransactionActions
    switch transactions[slot]?.machine {
    case .inviteClient(var machine):
      actions = machine.handle(.response(response.status), at: now)
      transactions[slot]?.machine = .inviteClient(machine)
    case .nonInviteClient(var machine):
      actions = machine.handle(.response(response.status), at: now)
      transactions[slot]?.machine = .nonInviteClient(machine)
    case .inviteServer, .nonInviteServer, nil:
      return
    }
    perform(actions, slot: slot, response: response, at: now, into: &effects)
    releaseBytesOfAccepted(slot)
  }

  /// A message of the transaction `key` could not be sent (RFC 3261 §17.1.4 and §17.2.4).
  public mutating func transportFailed(_ key: TransactionKey, at now: Instant, into effects: inout Effects) {
    guard let slot = slots[key], var transaction = transactions[slot] else { return }
    let actions: TransactionActions
    switch transaction.machine {
    case .inviteClient(var machine):
      actions = machine.handle(.transportError, at: now)
      transaction.machine = .inviteClient(machine)
    case .nonInviteClient(var machine):
      actions = machine.handle(.transportError, at: now)
      transaction.machine = .nonInviteClient(machine)
    case .inviteServer(var machine):
      actions = machine.handle(.transportError, at: now)
      transaction.machine = .inviteServer(machine)
    case .nonInviteServer(var machine):
      actions = machine.handle(.transportError, at: now)
      transaction.machine = .nonInviteServer(machine)
    }
    transactions[slot] = transaction
    perform(actions, slot: slot, at: now, into: &effects)
  }

  /// Client transactions that have sent their request to this address and heard nothing.
  func unanswered(by peer: TransportAddress) -> [TransactionKey] {
    slots.compactMap { key, slot in
      guard let transaction = transactions[slot], transaction.destination.endpoint == peer.endpoint else { return nil }
      switch transaction.machine {
      case .inviteClient(let machine) where machine.state == .calling: return key
      case .nonInviteClient(let machine) where machine.state == .trying: return key
      default: return nil
      }
    }
  }

  // MARK: Time

  /// Fires all timers that are due. A timer that is late fires once, not as often as it could have.
  public mutating func advance(to now: Instant, into effects: inout Effects) {
    while let (slot, deadline) = deadlines.first, deadline <= now {
      guard var transaction = transactions[slot] else {
        deadlines.set(slot, to: nil)
        continue
      }
      let actions: TransactionActions
      switch transaction.machine {
      case .inviteClient(var machine):
        actions = machine.advance(to: now)
        transaction.machine = .inviteClient(machine)
      case .nonInviteClient(var machine):
        actions = machine.advance(to: now)
        transaction.machine = .nonInviteClient(machine)
      case .inviteServer(var machine):
        actions = machine.advance(to: now)
        transaction.machine = .inviteServer(machine)
      case .nonInviteServer(var machine):
        actions = machine.advance(to: now)
        transaction.machine = .nonInviteServer(machine)
      }
      transactions[slot] = transaction
      perform(actions, slot: slot, at: now, into: &effects)
    }
  }

  // MARK: Slots

  /// Turns what a machine asks for into effects, and keeps its deadline.
  private mutating func perform(
    _ actions: TransactionActions, slot: Int, request: IncomingRequest<Message>? = nil,
    response: IncomingResponse<Message>? = nil, at now: Instant, into effects: inout Effects
  ) {
    guard let transaction = transactions[slot] else { return }
    let key = transaction.key
    if !actions.isDisjoint(with: [.sendRequest, .sendResponse]) {
      effects.append(.send(bytes: transaction.bytes, to: transaction.destination, key: key))
    }
    if actions.contains(.acknowledge), let response {
      effects.append(.acknowledge(response, request: transaction.bytes, to: transaction.destination))
    }
    if actions.contains(.sendCancel), let bytes = transaction.cancel {
      transactions[slot]?.cancel = nil
      start(
        OutgoingRequest(key: key.cancelOfInvite, bytes: bytes, destination: transaction.destination), at: now,
        into: &effects)
    }
    if actions.contains(.generateTrying), let request = transaction.request { effects.append(.generateTrying(request)) }
    if actions.contains(.passResponse), let response { effects.append(.passResponse(response)) }
    if actions.contains(.passAcknowledgement), let request { effects.append(.passAcknowledgement(request)) }
    if actions.contains(.informTimeout) { effects.append(.timedOut(key)) }
    if actions.contains(.informTransportError) { effects.append(.transportFailed(key)) }
    if actions.contains(.terminated) {
      remove(slot)
      effects.append(.terminated(key))
    } else {
      deadlines.set(slot, to: transaction.machine.nextDeadline)
    }
  }

  /// An accepted INVITE stays for 64 · T1 only to absorb repetitions; nothing of it is sent again from here.
  private mutating func releaseBytesOfAccepted(_ slot: Int) {
    switch transactions[slot]?.machine {
    case .inviteClient(let machine) where machine.state == .accepted: break
    case .inviteServer(let machine) where machine.state == .accepted: break
    default: return
    }
    transactions[slot]?.bytes = []
    transactions[slot]?.cancel = nil
  }

  private mutating func insert(_ transaction: Transaction) {
    let slot: Int
    if let free = freeSlots.popLast() {
      slot = free
      transactions[slot] = transaction
    } else {
      slot = transactions.count
      transactions.append(transaction)
    }
    slots[transaction.key] = slot
    deadlines.set(slot, to: transaction.machine.nextDeadline)
  }

  private mutating func remove(_ slot: Int) {
    guard let transaction = transactions[slot] else { return }
    slots[transaction.key] = nil
    transactions[slot] = nil
    deadlines.set(slot, to: nil)
    freeSlots.append(slot)
  }
}

extension TransactionLayer.Machine {
  var nextDeadline: Instant? {
    switch self {
    case .inviteClient(let machine): machine.nextDeadline
    case .nonInviteClient(let machine): machine.nextDeadline
    case .inviteServer(let machine): machine.nextDeadline
    case .nonInviteServer(let machine): machine.nextDeadline
    }
  }
}
