import Logging
import NIOCore
import NIOPosix
import NIOSSL
import XMLReader

/// The sockets around an ``EmbeddedServer``: TCP, one event loop.
///
/// All that changes hangs on the event loop; what comes from the clients and what the gateway does about it happens
/// on it one after the other. ``send(_:to:awaiting:)`` and the questions may be called from within the handler of
/// notifications: effects stay in order.
public final class EmbeddedListener: Sendable {
  public let eventLoop: any EventLoop
  private let core: NIOLoopBoundBox<ListenerCore>

  /// - Parameters:
  ///   - tls: the certificate for STARTTLS, where the configuration of `server` offers it.
  ///   - maximumBufferedBytes: what may wait for one client that reads more slowly than others write to it; beyond
  ///     it its connection is closed.
  ///   - handler: called on the event loop.
  ///
  /// Has to be called on `eventLoop`.
  public init(
    eventLoop: any EventLoop, server: EmbeddedServer, tls: NIOSSLContext? = nil, maximumBufferedBytes: Int = 1 << 20,
    logger: Logger, handler: @escaping (ServerNotification) -> Void
  ) {
    self.eventLoop = eventLoop
    core = NIOLoopBoundBox(
      ListenerCore(
        eventLoop: eventLoop, server: server, tls: tls, maximumBufferedBytes: maximumBufferedBytes, logger: logger,
        handler: handler),
      eventLoop: eventLoop)
  }

  // MARK: From anywhere

  /// Listens; the address is the one that was bound, with the port that a 0 became.
  public func bind(host: String, port: Int) -> EventLoopFuture<SocketAddress> {
    let core = core
    return ServerBootstrap(group: eventLoop)
      .serverChannelOption(.backlog, value: 256)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelOption(.socketOption(.so_keepalive), value: 1)
      .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
      .childChannelOption(.writeBufferWaterMark, value: .init(low: 32 << 10, high: 64 << 10))
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(ConnectionHandler(core: core.value))
        }
      }
      .bind(host: host, port: port)
      .flatMapThrowing { channel in
        core.value.listeners.append(channel)
        guard let address = channel.localAddress else { throw ChannelError.unknownLocalAddress }
        return address
      }
  }

  /// Stops listening and ends all streams; done when all connections are closed, which takes a second at most.
  public func shutDown() -> EventLoopFuture<Void> {
    let core = core
    return eventLoop.flatSubmit { core.value.shutDown() }
  }

  // MARK: On the event loop

  /// Sends a stanza to a full JID; `false` where it is not connected. See ``EmbeddedServer/send(_:to:awaiting:at:)``.
  @discardableResult
  public func send(_ stanza: [UInt8], to jid: JID, awaiting response: AwaitedResponse? = nil) -> Bool {
    core.value.send(stanza, to: jid, awaiting: response)
  }

  public func availableResources(of user: JID) -> [JID] { core.value.server.availableResources(of: user) }
  public func isConnected(_ jid: JID) -> Bool { core.value.server.isConnected(jid) }
  public func hasAccount(_ user: JID) -> Bool { core.value.server.hasAccount(user) }
}

/// What the listener keeps on its event loop.
final class ListenerCore {
  let eventLoop: any EventLoop
  var server: EmbeddedServer
  var listeners: [any Channel] = []

  private let tls: NIOSSLContext?
  private let maximumBufferedBytes: Int
  private let logger: Logger
  private let handler: (ServerNotification) -> Void
  private var connections: [ConnectionID: Connection] = [:]
  private var lastConnection: UInt64 = 0
  /// Effects that are still to be carried out, so that those which the handler causes come after them.
  private var pending: [ServerEffect] = []
  private var isCarryingOut = false
  private var alarm: (deadline: UInt64, task: Scheduled<Void>)?

  final class Connection {
    let channel: any Channel
    var reader: XMLStreamReader
    var isEncrypted = false
    /// The server has forgotten the connection; what still comes is passed over.
    var isClosing = false
    var needsFlush = false

    init(channel: any Channel, limits: XMLLimits) {
      self.channel = channel
      reader = XMLStreamReader(limits: limits)
    }
  }

  init(
    eventLoop: any EventLoop, server: EmbeddedServer, tls: NIOSSLContext?, maximumBufferedBytes: Int, logger: Logger,
    handler: @escaping (ServerNotification) -> Void
  ) {
    self.eventLoop = eventLoop
    self.server = server
    self.tls = tls
    self.maximumBufferedBytes = maximumBufferedBytes
    self.logger = logger
    self.handler = handler
  }

  private var now: UInt64 { NIODeadline.now().uptimeNanoseconds }

  // MARK: Connections

  func opened(_ channel: any Channel) -> ConnectionID {
    lastConnection += 1
    let id = ConnectionID(lastConnection)
    connections[id] = Connection(channel: channel, limits: server.configuration.negotiationLimits)
    let isLoopback = channel.remoteAddress?.isLoopback ?? false
    logger.debug(
      "XMPP connection",
      metadata: ["connection": "\(lastConnection)", "from": "\(channel.remoteAddress?.description ?? "?")"])
    carryOut(server.handle(.connectionOpened(id, isLoopback: isLoopback, isEncrypted: false), at: now))
    return id
  }

  func received(_ buffer: ByteBuffer, on id: ConnectionID) {
    guard let connection = connections[id], !connection.isClosing else { return }
    buffer.withUnsafeReadableBytes { connection.reader.append($0) }
    while !connection.isClosing, let event = connection.reader.next() {
      if case .failed(let error) = event {
        logger.debug("XMPP stream failed", metadata: ["connection": "\(id.rawValue)", "error": "\(error)"])
      }
      carryOut(server.handle(.stream(id, event), at: now))
    }
  }

  func closed(_ id: ConnectionID) {
    connections[id] = nil
    carryOut(server.handle(.connectionClosed(id), at: now))
  }

  /// Who does not read what we send is not read from, or could make us send more and more.
  func becameWritable(_ isWritable: Bool, _ id: ConnectionID) {
    guard let connection = connections[id], !connection.isClosing else { return }
    connection.channel.setOption(.autoRead, value: isWritable).whenFailure { _ in }
  }

  func send(_ stanza: [UInt8], to jid: JID, awaiting response: AwaitedResponse?) -> Bool {
    guard let effects = server.send(stanza, to: jid, awaiting: response, at: now) else { return false }
    carryOut(effects)
    return true
  }

  func shutDown() -> EventLoopFuture<Void> {
    var closings = listeners.map { $0.close().flatMapErrorWithoutFailing() }
    listeners = []
    closings += connections.values.map { $0.channel.closeFuture }
    carryOut(server.shutDown())
    alarm?.task.cancel()
    alarm = nil
    return EventLoopFuture.andAllComplete(closings, on: eventLoop)
  }

  // MARK: Effects

  private func carryOut(_ effects: [ServerEffect]) {
    pending += effects
    if isCarryingOut { return }
    isCarryingOut = true
    var written: [Connection] = []
    var index = 0
    while index < pending.count {
      let effect = pending[index]
      index += 1
      switch effect {
      case .send(let id, let bytes):
        guard let connection = connections[id], !connection.isClosing else { continue }
        write(bytes, to: connection, id)
        if !connection.needsFlush {
          connection.needsFlush = true
          written.append(connection)
        }
      case .close(let id):
        if let connection = connections[id] { close(connection) }
      case .restartStream(let id, let limits): connections[id]?.reader.reset(limits: limits)
      case .startTLS(let id):
        if let connection = connections[id] { encrypt(connection, id) }
      case .notify(let notification): handler(notification)
      }
    }
    pending.removeAll(keepingCapacity: pending.capacity <= 64)
    for connection in written where connection.needsFlush {
      connection.needsFlush = false
      connection.channel.flush()
    }
    isCarryingOut = false
    setAlarm()
  }

  private func write(_ bytes: [UInt8], to connection: Connection, _ id: ConnectionID) {
    if !connection.channel.isWritable,
      let buffered = try? connection.channel.syncOptions?.getOption(.bufferedWritableBytes),
      buffered + bytes.count > maximumBufferedBytes
    {
      logger.info("XMPP client reads too slowly, closed", metadata: ["connection": "\(id.rawValue)"])
      connection.isClosing = true
      connection.channel.close(promise: nil)
      // The handler hears of the closing later; the server must not route to it until then.
      pending += server.handle(.connectionClosed(id), at: now)
      return
    }
    connection.channel.write(connection.channel.allocator.buffer(bytes: bytes), promise: nil)
  }

  /// RFC 6120 §5.4.2.3, §5.4.3: TLS begins behind `<proceed/>`.
  private func encrypt(_ connection: Connection, _ id: ConnectionID) {
    connection.channel.flush()
    connection.isEncrypted = true
    // Bytes that came before TLS, perhaps from somebody in between, must not count as sent within it.
    connection.reader = XMLStreamReader(limits: server.configuration.negotiationLimits)
    do {
      guard let tls else { throw ChannelError.operationUnsupported }
      try connection.channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls), position: .first)
    } catch {
      logger.error("STARTTLS failed", metadata: ["connection": "\(id.rawValue)", "error": "\(error)"])
      connection.channel.close(promise: nil)
    }
  }

  /// Closes the sending side at once and the whole a little later: closing a socket with unread bytes resets the
  /// connection, and a client would lose the stream error that says why.
  private func close(_ connection: Connection) {
    if connection.isClosing { return }
    connection.isClosing = true
    connection.needsFlush = false
    let channel = connection.channel
    channel.flush()
    channel.setOption(.autoRead, value: true).whenFailure { _ in }
    if connection.isEncrypted {
      // TLS says that it ends, and waits for the other side to say it (RFC 8446 §6.1).
      channel.close(promise: nil)
      return
    }
    channel.close(mode: .output, promise: nil)
    let task = eventLoop.scheduleTask(in: .seconds(1)) { channel.close(promise: nil) }
    channel.closeFuture.whenComplete { _ in task.cancel() }
  }

  private func setAlarm() {
    guard let deadline = server.nextDeadline else { return }
    if let alarm, alarm.deadline <= deadline { return }
    alarm?.task.cancel()
    let core = NIOLoopBound(self, eventLoop: eventLoop)
    let task = eventLoop.scheduleTask(deadline: .uptimeNanoseconds(deadline)) { core.value.alarmRang() }
    alarm = (deadline, task)
  }

  private func alarmRang() {
    alarm = nil
    carryOut(server.handle(.tick, at: now))
  }
}

/// One connection's place in its channel.
private final class ConnectionHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer

  private let core: ListenerCore
  private var id: ConnectionID?

  init(core: ListenerCore) { self.core = core }

  func channelActive(context: ChannelHandlerContext) {
    id = core.opened(context.channel)
    context.fireChannelActive()
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    if let id { core.received(unwrapInboundIn(data), on: id) }
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    if let id { core.becameWritable(context.channel.isWritable, id) }
    context.fireChannelWritabilityChanged()
  }

  func channelInactive(context: ChannelHandlerContext) {
    if let id { core.closed(id) }
    id = nil
    context.fireChannelInactive()
  }

  /// A reset or a timeout of the connection; what follows is `channelInactive`.
  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    context.close(promise: nil)
  }
}

extension EventLoopFuture<Void> {
  fileprivate func flatMapErrorWithoutFailing() -> EventLoopFuture<Void> {
    flatMapError { [eventLoop] _ in eventLoop.makeSucceededVoidFuture() }
  }
}

extension SocketAddress {
  /// 127.0.0.0/8 (RFC 1122 §3.2.1.3) and ::1 (RFC 4291 §2.5.3), also mapped to IPv6.
  var isLoopback: Bool {
    switch self {
    case .v4(let address):
      return UInt32(bigEndian: address.address.sin_addr.s_addr) >> 24 == 127
    case .v6(let address):
      return withUnsafeBytes(of: address.address.sin6_addr) { bytes in
        let isZero = bytes[0..<10].allSatisfy { $0 == 0 }
        if isZero, bytes[10] == 0xFF, bytes[11] == 0xFF { return bytes[12] == 127 }
        return isZero && bytes[10..<15].allSatisfy { $0 == 0 } && bytes[15] == 1
      }
    default: return false
    }
  }
}
