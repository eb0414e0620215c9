import NIOCore
import NIOPosix
import NIOSSL
import NIOTLS
import SIPCodec

/// The connections of a ``TCPTransport``. To be used on its event loop only.
final class TCPConnections {
  typealias FailureHandler = @Sendable (any Error) -> Void

  /// A message that waits for its connection.
  struct Pending {
    let bytes: [UInt8]
    let destination: TransportAddress
    let onFailure: FailureHandler?
  }

  final class Connection {
    enum Phase {
      case connecting, open
      /// Nothing more is read or written; what was written is still on its way.
      case ending
    }

    let number: UInt64
    /// The peer, without a connection.
    let remote: TransportAddress
    let isIncoming: Bool
    var phase = Phase.connecting
    var channel: (any Channel)?
    var framing = StreamFraming()
    /// Until it is open.
    var pending: [Pending] = []
    /// Bytes that are not written yet.
    var unwritten = 0
    /// Bytes that wait for the rest of their message, as far as they are counted.
    var unread = 0
    var hasBroughtMessage = false
    /// When a message or keep-alive came or went.
    var lastUse = Instant.now
    /// Why it ends, where that is known.
    var failure: (any Error)?

    init(number: UInt64, remote: TransportAddress, isIncoming: Bool) {
      self.number = number
      self.remote = remote
      self.isIncoming = isIncoming
    }

    var source: TransportAddress {
      TransportAddress(transport: remote.transport, address: remote.address, port: remote.port, connection: number)
    }
  }

  private let eventLoop: any EventLoop
  private let tls: SIPSecurity?
  private let limits: TCPLimits
  private let onEvent: TCPTransport.EventHandler
  private var connections: [UInt64: Connection] = [:]
  /// By the peer's address, without a connection.
  private var byRemote: [TransportAddress: UInt64] = [:]
  private var lastNumber: UInt64 = 0
  private var incomingCount = 0
  private var buffered = 0
  private var sweep: Scheduled<Void>?
  private var isClosed = false
  /// What the certificates of peers have to name; of the others their addresses.
  private var names: [IPAddress: String] = [:]

  /// How long a peer may take to read what we have last written, and to close.
  private static let endingTime = TimeAmount.seconds(1)

  init(
    eventLoop: any EventLoop, tls: SIPSecurity?, limits: TCPLimits, onEvent: @escaping TCPTransport.EventHandler
  ) {
    self.eventLoop = eventLoop
    self.tls = tls
    self.limits = limits
    self.onEvent = onEvent
  }

  /// `tcp`, or `tls` upon it.
  private var kind: TransportKind { tls == nil ? .tcp : .tls }

  func setName(_ name: String, of address: IPAddress) { names[address] = name }

  /// Begins to look for idle connections: one task for all.
  func begin() {
    if isClosed { return }
    let shortest = min(limits.idleTime, limits.firstMessageTime).nanoseconds / 4
    let period = TimeAmount.nanoseconds(Int64(clamping: min(max(shortest, 20_000_000), 15_000_000_000)))
    sweep = eventLoop.assumeIsolated().scheduleTask(in: period) { [weak self] in
      self?.closeIdle()
      self?.begin()
    }
  }

  // MARK: Sending

  func send(_ bytes: [UInt8], to destination: TransportAddress, onFailure: FailureHandler?) {
    let message = Pending(bytes: bytes, destination: destination, onFailure: onFailure)
    guard destination.transport == kind else {
      fail(message, SIPTransportError.wrongTransport(destination.transport))
      return
    }
    if isClosed {
      fail(message, SIPTransportError.closed)
      return
    }
    if let connection = connection(for: destination) {
      send(message, by: connection)
    } else {
      connect(for: message)
    }
  }

  /// §18.2.2: the connection by which the request came; else one to the address, whoever has opened it.
  private func connection(for destination: TransportAddress) -> Connection? {
    if let number = destination.connection, let connection = connections[number], connection.phase == .open {
      return connection
    }
    return byRemote[destination.endpoint].flatMap { connections[$0] }
  }

  private func send(_ message: Pending, by connection: Connection) {
    guard connection.phase != .ending else {
      fail(message, SIPTransportError.closed)
      return
    }
    let count = message.bytes.count
    guard connection.unwritten + count <= limits.bufferedBytes, buffered + count <= limits.totalBufferedBytes else {
      fail(message, SIPTransportError.congested)
      return
    }
    connection.unwritten += count
    buffered += count
    if connection.phase == .connecting {
      connection.pending.append(message)
    } else {
      write(message, to: connection)
    }
  }

  /// Writes what is counted already.
  private func write(_ message: Pending, to connection: Connection) {
    guard let channel = connection.channel else { return }
    let written = channel.writeAndFlush(channel.allocator.buffer(bytes: message.bytes))
    written.assumeIsolated().whenComplete { result in
      connection.unwritten -= message.bytes.count
      self.buffered -= message.bytes.count
      switch result {
      case .success: connection.lastUse = .now
      case .failure(let error): self.fail(message, error)
      }
    }
  }

  /// Reports a failure from the event loop's next turn, so that the sender never meets it within its own call.
  private func fail(_ message: Pending, _ error: any Error) {
    if let onFailure = message.onFailure { eventLoop.execute { onFailure(error) } }
  }

  // MARK: Connecting

  private func connect(for message: Pending) {
    guard connections.count - incomingCount < limits.outgoingConnections else {
      takeReturnConnection(message, SIPTransportError.tooManyConnections)
      return
    }
    let address: SocketAddress
    do {
      address = try SocketAddress(message.destination.endpoint, mappedIntoIPv6: false)
    } catch {
      fail(message, error)
      return
    }
    let connection = add(remote: message.destination.endpoint, isIncoming: false)
    let bound = NIOLoopBound((connections: self, connection: connection), eventLoop: eventLoop)
    send(message, by: connection)
    ClientBootstrap(group: eventLoop)
      .connectTimeout(.nanoseconds(Int64(clamping: limits.connectTime.nanoseconds)))
      .channelOption(.socketOption(.so_keepalive), value: 1)
      .channelOption(.tcpOption(.tcp_nodelay), value: 1)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          let (connections, connection) = bound.value
          try connections.encrypt(channel, to: connection.remote.address)
          try channel.pipeline.syncOperations.addHandler(TCPConnectionHandler(connections, connection))
        }
      }
      .connect(to: address)
      .assumeIsolated().whenComplete { result in
        switch result {
        case .success(let channel):
          if self.tls == nil { self.connected(connection, channel) } else { self.awaitHandshake(connection, channel) }
        case .failure(let error): self.connectFailed(connection, error)
        }
      }
  }

  /// Until the peer has proved who it is messages wait: NIO does not report those that a handshake leaves unwritten.
  private func awaitHandshake(_ connection: Connection, _ channel: any Channel) {
    guard connection.phase == .connecting, connections[connection.number] != nil else { return }
    guard channel.isActive, !isClosed else {
      channel.close(promise: nil)
      connectFailed(connection, connection.failure ?? SIPTransportError.closed)
      return
    }
    connection.channel = channel
    let limit = eventLoop.scheduleTask(in: .nanoseconds(Int64(clamping: limits.connectTime.nanoseconds))) {
      [bound = NIOLoopBound((connections: self, connection: connection), eventLoop: eventLoop)] in
      let (connections, connection) = bound.value
      guard connection.phase == .connecting else { return }
      connection.channel?.close(promise: nil)
      connections.connectFailed(connection, SIPTransportError.handshakeTimeout)
    }
    channel.closeFuture.whenComplete { _ in limit.cancel() }
  }

  func handshakeCompleted(_ connection: Connection, _ channel: any Channel) {
    guard connection.phase == .connecting, connections[connection.number] != nil else { return }
    if let name = names[connection.remote.address],
      let certificate = try? channel.pipeline.syncOperations.nioSSL_peerCertificate(), !certificate.isFor(name)
    {
      connection.failure = SIPTransportError.otherName(name)
      channel.close(promise: nil)
      return
    }
    connected(connection, channel)
  }

  private func connected(_ connection: Connection, _ channel: any Channel) {
    if isClosed { channel.close(promise: nil) }
    guard channel.isActive else {
      connectFailed(connection, SIPTransportError.closed)
      return
    }
    connection.channel = channel
    connection.phase = .open
    let pending = connection.pending
    connection.pending = []
    for message in pending { write(message, to: connection) }
  }

  private func connectFailed(_ connection: Connection, _ error: any Error) {
    let reason = SIPTransportError.notConnected(reason: "\(error)")
    for message in remove(connection) { takeReturnConnection(message, reason) }
  }

  /// The last way to a peer to which no connection can be opened.
  private func takeReturnConnection(_ message: Pending, _ error: any Error) {
    if let number = message.destination.returnConnection, let connection = connections[number],
      connection.phase == .open
    {
      send(message, by: connection)
    } else {
      fail(message, error)
    }
  }

  // MARK: Connections

  private func add(remote: TransportAddress, isIncoming: Bool) -> Connection {
    lastNumber += 1
    let connection = Connection(number: lastNumber, remote: remote, isIncoming: isIncoming)
    connections[lastNumber] = connection
    byRemote[remote] = lastNumber
    if isIncoming { incomingCount += 1 }
    return connection
  }

  /// Forgets a connection; returns what has waited for it to open.
  private func remove(_ connection: Connection) -> [Pending] {
    guard connections.removeValue(forKey: connection.number) != nil else { return [] }
    if byRemote[connection.remote] == connection.number { byRemote[connection.remote] = nil }
    if connection.isIncoming { incomingCount -= 1 }
    buffered -= connection.unread
    let pending = connection.pending
    connection.pending = []
    for message in pending {
      connection.unwritten -= message.bytes.count
      buffered -= message.bytes.count
    }
    return pending
  }

  /// A peer has connected.
  func accept(_ channel: any Channel) throws {
    guard !isClosed, incomingCount < limits.incomingConnections else { throw SIPTransportError.tooManyConnections }
    guard let remote = channel.remoteAddress.flatMap({ TransportAddress(transport: kind, $0) }) else {
      throw SIPTransportError.closed
    }
    let connection = add(remote: remote, isIncoming: true)
    connection.channel = channel
    connection.phase = .open
    if let tls { try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls.server)) }
    try channel.pipeline.syncOperations.addHandler(TCPConnectionHandler(self, connection))
  }

  /// TLS as its client. The peer's certificate is for its name where one is known, else for its address (RFC 5922 §7); that
  /// it is not for the address alone where there is a name, is seen to behind the handshake.
  private func encrypt(_ channel: any Channel, to address: IPAddress) throws {
    guard let tls else { return }
    try channel.pipeline.syncOperations.addHandler(
      NIOSSLClientHandler(context: tls.client, serverHostname: names[address]))
  }

  /// The channel is gone. What was not written NIO has reported as failed; where a connection could not be opened,
  /// that is told elsewhere.
  func closed(_ connection: Connection) {
    if connection.phase == .connecting {
      if tls != nil, connection.channel != nil {
        connectFailed(connection, connection.failure ?? SIPTransportError.closed)
      }
      return
    }
    // What goes to the peer goes by another connection already, or is all lost.
    if connection.failure is IOError, byRemote[connection.remote] == connection.number {
      let onEvent = onEvent
      let source = connection.source
      eventLoop.execute { onEvent(.reset, source) }
    }
    for message in remove(connection) { fail(message, SIPTransportError.closed) }
  }

  // MARK: Receiving

  func received(_ buffer: ByteBuffer, by connection: Connection) {
    guard connection.phase != .ending, connections[connection.number] != nil else { return }
    buffer.withUnsafeReadableBytes { connection.framing.append($0) }
    var end = false
    while !end, let event = connection.framing.next() {
      end = take(event, from: connection)
    }
    guard connections[connection.number] != nil else { return }
    buffered += connection.framing.bufferedCount - connection.unread
    connection.unread = connection.framing.bufferedCount
    if end {
      finish(connection)
    } else if buffered > limits.totalBufferedBytes {
      connection.channel?.close(promise: nil)
    }
  }

  /// Returns whether the connection is to end.
  private func take(_ event: StreamFraming.Event, from connection: Connection) -> Bool {
    connection.lastUse = .now
    switch event {
    case .message(let message):
      connection.hasBroughtMessage = true
      onEvent(.message(message), connection.source)
      return false
    case .keepAlive:
      send(Pending(bytes: [0x0D, 0x0A], destination: connection.source, onFailure: nil), by: connection)
      return false
    case .failed(let issue, let head):
      // It answers 400 by this connection.
      onEvent(head.map(TCPEvent.message) ?? .malformed(issue), connection.source)
      return true
    }
  }

  /// Closes our side behind what was written, and the other one when the peer has read that: closing at once, with
  /// bytes of the peer unread, would take it away from the peer.
  private func finish(_ connection: Connection) {
    guard let channel = connection.channel else { return }
    connection.phase = .ending
    if byRemote[connection.remote] == connection.number { byRemote[connection.remote] = nil }
    // TLS says by itself that it ends, and waits for the peer to say it (RFC 8446 §6.1).
    let mode = tls == nil ? CloseMode.output : .all
    channel.writeAndFlush(channel.allocator.buffer(capacity: 0)).whenComplete { _ in
      channel.close(mode: mode, promise: nil)
    }
    eventLoop.scheduleTask(in: Self.endingTime) { channel.close(promise: nil) }
  }

  private func closeIdle() {
    let now = Instant.now
    for connection in connections.values where connection.phase == .open {
      let isNew = connection.isIncoming && !connection.hasBroughtMessage
      if now - connection.lastUse >= (isNew ? limits.firstMessageTime : limits.idleTime) {
        connection.channel?.close(promise: nil)
      }
    }
  }

  // MARK: The end

  func close() -> EventLoopFuture<Void> {
    isClosed = true
    sweep?.cancel()
    let closed = connections.values.compactMap { $0.channel?.close().flatMapErrorThrowing { _ in } }
    return EventLoopFuture.andAllComplete(closed, on: eventLoop)
  }
}

extension TransportAddress {
  /// Host and port only.
  var endpoint: TransportAddress { TransportAddress(transport: transport, address: address, port: port) }
}

/// Hands the bytes of one connection on.
final class TCPConnectionHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer

  private let connections: TCPConnections
  private let connection: TCPConnections.Connection

  init(_ connections: TCPConnections, _ connection: TCPConnections.Connection) {
    self.connections = connections
    self.connection = connection
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    connections.received(unwrapInboundIn(data), by: connection)
  }

  func handlerRemoved(context: ChannelHandlerContext) { connections.closed(connection) }

  /// Who does not read what we send is not read from, or could make us send more and more.
  func channelWritabilityChanged(context: ChannelHandlerContext) {
    context.channel.setOption(.autoRead, value: context.channel.isWritable).whenFailure { _ in }
    context.fireChannelWritabilityChanged()
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if case .handshakeCompleted = event as? TLSUserEvent {
      connections.handshakeCompleted(connection, context.channel)
    }
    context.fireUserInboundEventTriggered(event)
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    if connection.failure == nil { connection.failure = error }
    context.close(promise: nil)
  }
}
