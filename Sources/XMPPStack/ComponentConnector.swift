import Logging
import NIOCore
import NIOPosix
import XMLReader

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The connection around a ``Component``: TCP, one event loop.
///
/// All that changes hangs on the event loop; what comes from the server and what the gateway does about it happens on
/// it one after the other. ``send(_:to:awaiting:)`` and the questions may be called from within the handler of
/// notifications: effects stay in order.
public final class ComponentConnector: Sendable {
  public let eventLoop: any EventLoop
  private let core: NIOLoopBoundBox<ConnectorCore>

  /// - Parameters:
  ///   - maximumBufferedBytes: what may wait for a server that reads more slowly than we write; beyond it the
  ///     connection is given up.
  ///   - handler: called on the event loop.
  ///
  /// Has to be called on `eventLoop`.
  public init(
    eventLoop: any EventLoop, component: Component, maximumBufferedBytes: Int = 16 << 20, logger: Logger,
    handler: @escaping (ServerNotification) -> Void
  ) {
    self.eventLoop = eventLoop
    core = NIOLoopBoundBox(
      ConnectorCore(
        eventLoop: eventLoop, component: component, maximumBufferedBytes: maximumBufferedBytes, logger: logger,
        handler: handler),
      eventLoop: eventLoop)
  }

  // MARK: From anywhere

  /// Begins to connect, and does so again whenever the stream has ended. ``ServerNotification/connected`` says when
  /// there is one; why there is none is logged.
  public func start() {
    let core = core
    eventLoop.execute { core.value.start() }
  }

  /// Ends the stream for good; done when the connection is closed, which takes a second at most.
  public func shutDown() -> EventLoopFuture<Void> {
    let core = core
    return eventLoop.flatSubmit { core.value.shutDown() }
  }

  // MARK: On the event loop

  /// Sends a stanza; `false` where there is no stream. See ``Component/send(_:to:awaiting:at:)``.
  @discardableResult
  public func send(_ stanza: [UInt8], to jid: JID, awaiting response: AwaitedResponse? = nil) -> Bool {
    core.value.send(stanza, to: jid, awaiting: response)
  }

  public var isConnected: Bool { core.value.component.isConnected }
  public func availableResources(of user: JID) -> [JID] { core.value.component.availableResources(of: user) }
  public func features(of jid: JID) -> Set<String>? { core.value.component.features(of: jid) }
  public var subscriptions: [ContactSubscription] { core.value.component.subscriptions }
}

/// What the connector keeps on its event loop.
final class ConnectorCore {
  let eventLoop: any EventLoop
  var component: Component

  private let maximumBufferedBytes: Int
  private let logger: Logger
  private let handler: (ServerNotification) -> Void
  private var connection: Connection?
  /// Connections that are closing.
  private var leaving: [ObjectIdentifier: any Channel] = [:]
  /// Effects that are still to be carried out, so that those which the handler causes come after them.
  private var pending: [ComponentEffect] = []
  private var isCarryingOut = false
  private var needsFlush = false
  private var alarm: (deadline: UInt64, task: Scheduled<Void>)?

  /// One attempt, and the connection that it becomes.
  final class Connection {
    let reader: XMLStreamReader
    var channel: (any Channel)?

    /// What one user sends must not take the stream from all of them.
    init(limits: XMLLimits) { reader = XMLStreamReader(limits: limits, passesOver: true) }
  }

  init(
    eventLoop: any EventLoop, component: Component, maximumBufferedBytes: Int, logger: Logger,
    handler: @escaping (ServerNotification) -> Void
  ) {
    self.eventLoop = eventLoop
    self.component = component
    self.maximumBufferedBytes = maximumBufferedBytes
    self.logger = logger
    self.handler = handler
  }

  private var now: UInt64 { NIODeadline.now().uptimeNanoseconds }

  func start() { carryOut(component.handle(.start, at: now)) }

  func send(_ stanza: [UInt8], to jid: JID, awaiting response: AwaitedResponse?) -> Bool {
    guard let effects = component.send(stanza, to: jid, awaiting: response, at: now) else { return false }
    carryOut(effects)
    return true
  }

  func shutDown() -> EventLoopFuture<Void> {
    carryOut(component.shutDown())
    alarm?.task.cancel()
    alarm = nil
    return EventLoopFuture.andAllComplete(leaving.values.map(\.closeFuture), on: eventLoop)
  }

  // MARK: The connection

  private func connect() {
    let configuration = component.configuration
    let attempt = Connection(limits: configuration.stanzaLimits)
    connection = attempt
    let bound = NIOLoopBound((self, attempt), eventLoop: eventLoop)
    logger.debug("connecting to the XMPP server", metadata: ["host": "\(configuration.host):\(configuration.port)"])
    // Names are looked up by NIO on a queue of their own, never on the event loop.
    ClientBootstrap(group: eventLoop)
      .connectTimeout(.nanoseconds(Int64(clamping: configuration.negotiationTimeout)))
      .channelOption(.socketOption(.so_keepalive), value: 1)
      .channelOption(.tcpOption(.tcp_nodelay), value: 1)
      .channelOption(.writeBufferWaterMark, value: .init(low: 256 << 10, high: 1 << 20))
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          let (core, attempt) = bound.value
          try channel.pipeline.syncOperations.addHandler(ConnectorHandler(core: core, connection: attempt))
        }
      }
      .connect(host: configuration.host, port: Int(configuration.port))
      .whenFailure { error in
        let (core, attempt) = bound.value
        core.ended(attempt, Self.failure(error, configuration))
      }
  }

  /// Which of our failures it is that NIO reports.
  private static func failure(_ error: any Error, _ configuration: ComponentConfiguration) -> ComponentFailure {
    let (host, port) = (configuration.host, configuration.port)
    var causes = [error]
    if let error = error as? NIOConnectionError {
      causes = error.connectionErrors.map(\.error)
      if causes.isEmpty {
        let reason = (error.dnsAError ?? error.dnsAAAAError).map { "\($0)" } ?? "no address"
        return .nameNotResolved(host: host, reason: reason)
      }
    }
    if causes.contains(where: { if case .connectTimeout? = $0 as? ChannelError { true } else { false } }) {
      return .timeout
    }
    if causes.contains(where: { ($0 as? IOError)?.errnoCode == ECONNREFUSED }) {
      return .refused(host: host, port: port)
    }
    return .unreachable(host: host, port: port, reason: causes.first.map { "\($0)" } ?? "\(error)")
  }

  /// `false`: the attempt was given up, or another address of the host was faster (RFC 8305 §5).
  func opened(_ attempt: Connection, _ channel: any Channel) -> Bool {
    guard attempt === connection, attempt.channel == nil else { return false }
    attempt.channel = channel
    carryOut(component.handle(.connected, at: now))
    return true
  }

  func received(_ buffer: ByteBuffer, on attempt: Connection) {
    guard attempt === connection else { return }
    buffer.withUnsafeReadableBytes { attempt.reader.append($0) }
    let before = attempt.reader.passedOver?.count ?? 0
    while attempt === connection, let event = attempt.reader.next() {
      carryOut(component.handle(.stream(event), at: now))
    }
    if let passedOver = attempt.reader.passedOver, passedOver.count > before {
      logger.debug("a stanza was passed over: \(passedOver.last.message) (\(passedOver.count) on this connection)")
    }
  }

  /// The connection is closed, or there was none.
  func ended(_ attempt: Connection, _ failure: ComponentFailure) {
    leaving[ObjectIdentifier(attempt)] = nil
    guard attempt === connection else { return }
    connection = nil
    carryOut(component.handle(.failed(failure), at: now))
  }

  /// What the server does not read of us, or we would answer more and more, keeps us from reading what it sends.
  func becameWritable(_ isWritable: Bool, _ attempt: Connection) {
    guard attempt === connection else { return }
    attempt.channel?.setOption(.autoRead, value: isWritable).whenFailure { _ in }
  }

  // MARK: Effects

  private func carryOut(_ effects: [ComponentEffect]) {
    pending += effects
    if isCarryingOut { return }
    isCarryingOut = true
    var index = 0
    while index < pending.count {
      let effect = pending[index]
      index += 1
      switch effect {
      case .connect: connect()
      case .send(let bytes): write(bytes)
      case .close: close()
      case .notify(let notification):
        log(notification)
        handler(notification)
      case .retry(let delay, let failure): logRetry(after: delay, failure)
      }
    }
    pending.removeAll(keepingCapacity: pending.capacity <= 64)
    if needsFlush { connection?.channel?.flush() }
    needsFlush = false
    isCarryingOut = false
    setAlarm()
  }

  private func write(_ bytes: [UInt8]) {
    guard let channel = connection?.channel else { return }
    if !channel.isWritable, let buffered = try? channel.syncOptions?.getOption(.bufferedWritableBytes),
      buffered + bytes.count > maximumBufferedBytes
    {
      // What waits will not be read, so that nothing is lost with it. The end of the channel is not news then.
      connection = nil
      pending += component.handle(.failed(.tooSlow), at: now)
      channel.close(promise: nil)
      return
    }
    channel.write(channel.allocator.buffer(bytes: bytes), promise: nil)
    needsFlush = true
  }

  /// Closes the sending side at once and the whole a little later: closing a socket with unread bytes resets the
  /// connection, and what was sent last would be lost.
  private func close() {
    guard let closing = connection else { return }
    connection = nil
    needsFlush = false
    guard let channel = closing.channel, channel.isActive else { return }
    leaving[ObjectIdentifier(closing)] = channel
    channel.flush()
    channel.setOption(.autoRead, value: true).whenFailure { _ in }
    channel.close(mode: .output, promise: nil)
    let task = eventLoop.scheduleTask(in: .seconds(1)) { channel.close(promise: nil) }
    channel.closeFuture.whenComplete { _ in task.cancel() }
  }

  private func log(_ notification: ServerNotification) {
    guard case .connected = notification else { return }
    let configuration = component.configuration
    logger.notice(
      "connected to the XMPP server",
      metadata: ["component": "\(configuration.domain)", "server": "\(configuration.host):\(configuration.port)"])
  }

  private func logRetry(after delay: UInt64, _ failure: ComponentFailure) {
    let seconds = (Double(delay) / 1e8).rounded() / 10
    logger.warning(
      "no stream to the XMPP server: \(failure); trying again in \(seconds) s",
      metadata: ["component": "\(component.configuration.domain)"])
  }

  private func setAlarm() {
    guard let deadline = component.nextDeadline else { return }
    // An alarm that rings too early only looks at the time again.
    if let alarm, alarm.deadline <= deadline { return }
    alarm?.task.cancel()
    let core = NIOLoopBound(self, eventLoop: eventLoop)
    let task = eventLoop.scheduleTask(deadline: .uptimeNanoseconds(deadline)) { core.value.alarmRang() }
    alarm = (deadline, task)
  }

  private func alarmRang() {
    alarm = nil
    carryOut(component.handle(.tick, at: now))
  }
}

/// The connection's place in its channel.
private final class ConnectorHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer

  private let core: ConnectorCore
  private let connection: ConnectorCore.Connection
  private var isInUse = false
  private var reason: String?

  init(core: ConnectorCore, connection: ConnectorCore.Connection) {
    self.core = core
    self.connection = connection
  }

  func channelActive(context: ChannelHandlerContext) {
    isInUse = core.opened(connection, context.channel)
    if !isInUse { context.close(promise: nil) }
    context.fireChannelActive()
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    if isInUse { core.received(unwrapInboundIn(data), on: connection) }
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    if isInUse { core.becameWritable(context.channel.isWritable, connection) }
    context.fireChannelWritabilityChanged()
  }

  func channelInactive(context: ChannelHandlerContext) {
    if isInUse { core.ended(connection, reason.map { .connectionLost(reason: $0) } ?? .closed) }
    context.fireChannelInactive()
  }

  /// A reset or a timeout of the connection; what follows is `channelInactive`.
  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    reason = "\(error)"
    context.close(promise: nil)
  }
}
