import CodecRuntime
import JingleCodec
import Logging
import NIOCore
import NIOPosix
import SIPCodec
import SIPStack
import XMPPStack

/// What hangs on the event loop: the shard and the sockets that its effects go to. Used on the event loop only.
final class GatewayCore {
  private var shard: Shard
  private let configuration: Configuration
  private let transports: SIPTransports
  private let eventLoop: any EventLoop
  private let logger: Logger
  private let trace: GatewayTrace?
  private var timer: DeadlineTimer?
  private var malformed = ParseFailureLimiter<IPAddress>()
  private var whenIdle: EventLoopPromise<Void>?
  private var proxyRetries: [ProxyTarget: Scheduled<Void>] = [:]
  private var lookups = ProxyLookups()
  /// The next saving of subscriptions, and the last one.
  private var saving: Scheduled<Void>?
  private var saved: EventLoopFuture<Void>
  private var trusted: TrustedSources
  /// Set in `init`, which needs `self` for its handler.
  private(set) var xmpp: any XMPPEdge

  /// How long the ends of calls may take at shutdown: with the closing of streams less than 3 s.
  private static let shutdownLimit = TimeAmount.milliseconds(1200)

  init(
    configuration: Configuration, transports: SIPTransports, eventLoop: any EventLoop, logger: Logger,
    trace: GatewayTrace?
  ) throws {
    self.configuration = configuration
    self.transports = transports
    self.eventLoop = eventLoop
    self.logger = logger
    self.trace = trace
    saved = eventLoop.makeSucceededVoidFuture()
    trusted = TrustedSources(networks: configuration.sip.trusted)
    shard = Shard(
      configuration: ShardConfiguration(
        configuration, port: transports.udp.localAddress.port, tlsPort: transports.tls?.localAddress.port))
    let core = NIOLoopBoundBox<GatewayCore?>.makeEmptyBox(valueType: GatewayCore.self, eventLoop: eventLoop)
    xmpp = try makeXMPPEdge(configuration.xmpp, eventLoop: eventLoop, logger: logger) { notification in
      core.value?.receive(notification)
    }
    core.value = self
    if !xmpp.knowsStreams { shard.serverLeft(at: .now) }
    timer = DeadlineTimer(eventLoop: eventLoop) { [weak self] now in self?.run { $0.advance(to: now) } }
    shard.setAdmission(admission)
  }

  // MARK: Events

  func receive(_ bytes: UnsafeRawBufferPointer, from source: TransportAddress) {
    if let trace { trace.message(.sip, .received, Array(bytes)) }
    let now = Instant.now
    bytes.withMemoryRebound(to: UInt8.self) { bytes in
      run { $0.receive(datagram: bytes, from: source, at: now) }
    }
  }

  func receive(_ event: TCPEvent, from source: TransportAddress) {
    switch event {
    case .message(let message):
      trace?.message(.sip, .received, message.bytes)
      let now = Instant.now
      run { $0.receive(message, from: source, at: now) }
    case .malformed(let issue): noteMalformed(source, issue: "\(issue.location) \(issue.message)")
    case .reset:
      logger.debug("\(source) has reset its connection")
      run { $0.connectionLost(to: source, at: .now) }
    }
  }

  private func receive(_ notification: ServerNotification) {
    let now = Instant.now
    switch notification {
    case .intercepted(let sender, let stanza):
      traceStanza(stanza)
      run { $0.receive(stanza, from: sender, at: now) }
    case .iqResponse(let device, let id, let stanza):
      traceStanza(stanza)
      run { $0.receive(answer: stanza, id: id, from: device, at: now) }
    case .message(let sender, let stanza):
      traceStanza(stanza)
      run { $0.receive(message: stanza, from: sender, at: now) }
    case .resourceAvailable(let device): run { $0.deviceAvailable(device) }
    case .resourceFeatures(let device, let features): run { $0.setFeatures(features, of: device) }
    case .resourceUnavailable(let device), .streamEnded(let device):
      run { $0.deviceLeft(device, at: now) }
    case .subscriptionsChanged: saveSubscriptionsSoon()
    case .connected: run { $0.serverCame(at: now) }
    case .disconnected: run { $0.serverLeft(at: now) }
    }
  }

  private func traceStanza(_ stanza: XMLElement) {
    guard let trace else { return }
    var output = Output()
    output.append(xml: stanza)
    trace.message(.xmpp, .received, output.bytes)
  }

  /// Hands something to the shard and does what it asks for.
  private func run(_ body: (inout Shard) -> Void) {
    body(&shard)
    var effects = shard.takeEffects()
    while !effects.isEmpty {
      for effect in effects { perform(effect) }
      effects = shard.takeEffects()
    }
    timer?.arm(for: shard.nextDeadline)
    if let whenIdle, shard.callCount == 0 { whenIdle.succeed() }
  }

  // MARK: Effects

  private func perform(_ effect: ShardEffect) {
    switch effect {
    case .send(let bytes, let destination, let key):
      trace?.message(.sip, .sent, bytes)
      let core = NIOLoopBound(self, eventLoop: eventLoop)
      transports.send(bytes, to: destination) { error in
        core.value.sendFailed(error, destination, key)
      }
    case .sendStanza(let bytes, let device, let awaited):
      trace?.message(.xmpp, .sent, bytes)
      if !xmpp.send(bytes, to: device, awaiting: awaited), xmpp.knowsStreams { shard.deviceLeft(device, at: .now) }
    case .resolve(let host): resolve(host)
    case .proxyFailed(let target):
      // It may have moved; where its name is not found now, calls go where it was.
      if lookups.begin(target, at: .now) { _ = resolve(target) }
    case .malformed(let source, let issue): noteMalformed(source, issue: issue)
    case .log(let event):
      switch event {
      case .diagnostic: logger.debug("\(event)")
      case .stranger: logger.warning("\(event)")
      default: logger.info("\(event)")
      }
    }
  }

  private func noteMalformed(_ source: TransportAddress, issue: String) {
    switch malformed.record(source.address, at: .now) {
    case .log(let suppressed), .logForOthers(let suppressed):
      logger.warning(
        "a SIP message that cannot be used",
        metadata: [
          "source": "\(source)", "issue": "\(issue)", "suppressed": "\(suppressed)", "total": "\(malformed.total)",
        ])
    case .suppress: break
    }
  }

  private func sendFailed(_ error: any Error, _ destination: TransportAddress, _ key: TransactionKey?) {
    // What is wrong with a certificate only the administrator can mend.
    logger.log(level: destination.transport == .tls ? .warning : .debug, "cannot send to \(destination): \(error)")
    if let key { run { $0.transportFailed(key, at: .now) } }
  }

  private func resolve(_ host: String) {
    let core = NIOLoopBound(self, eventLoop: eventLoop)
    NameResolver.resolve(host: host, port: 0, transport: .udp, on: eventLoop, threadPool: .singleton)
      .whenSuccess { addresses in
        guard let address = core.value.transports.firstReachable(of: addresses) else { return }
        core.value.run { $0.setAddress(address.address, ofHost: host) }
      }
  }

  // MARK: The proxies

  /// Sends requests for this proxy here, and takes requests from here.
  func setProxy(_ target: ProxyTarget, _ addresses: [TransportAddress]) {
    trusted.setAddresses(addresses.map(\.address), of: target)
    if IPAddress(target.host) == nil {
      for address in addresses { transports.tls?.setName(target.host, of: address.address) }
    }
    run { $0.setAdmission(admission) }
    run { $0.setProxy(target, transports.firstReachable(of: addresses)) }
  }

  private var admission: SIPAdmission {
    .only(trusted.set, strangers: configuration.sip.strangers == .forbidden ? .forbid : .ignore)
  }

  /// The same for `proxy_host`.
  func setDefaultProxy(_ address: TransportAddress) { setProxy(configuration.sip.proxy, [address]) }

  /// Looks the names of all proxies up; where that fails, calls through that one fail until a later attempt succeeds.
  func resolveProxies() -> EventLoopFuture<Void> {
    let core = NIOLoopBound(self, eventLoop: eventLoop)
    return EventLoopFuture.andAllComplete(
      RoutingTable(configuration).proxies.map { core.value.resolve($0) }, on: eventLoop)
  }

  private func resolve(_ target: ProxyTarget) -> EventLoopFuture<Void> {
    let core = NIOLoopBound(self, eventLoop: eventLoop)
    return NameResolver.resolve(
      host: target.host, port: target.port, transport: TransportKind(target.transport), on: eventLoop,
      threadPool: .singleton
    ).map { addresses in
      core.value.setProxy(target, addresses)
    }.flatMapErrorThrowing { error in
      core.value.logger.error("the proxy \(target.host) cannot be found: \(error); trying again in 10 s")
      core.value.proxyRetries[target] = core.value.eventLoop.scheduleTask(in: .seconds(10)) {
        _ = core.value.resolve(target)
      }
    }
  }

  // MARK: Subscriptions

  /// Several changes are saved at once.
  private func saveSubscriptionsSoon() {
    guard case .component(let component) = configuration.xmpp, component.subscriptions != nil, saving == nil else {
      return
    }
    let core = NIOLoopBound(self, eventLoop: eventLoop)
    saving = eventLoop.scheduleTask(in: .seconds(1)) { core.value.saveSubscriptions() }
  }

  /// One saving after the other, and not on the event loop: a disk may be slow.
  private func saveSubscriptions() {
    saving = nil
    guard case .component(let component) = configuration.xmpp, let path = component.subscriptions,
      let subscriptions = (xmpp as? ComponentConnector)?.subscriptions
    else { return }
    let core = NIOLoopBound(self, eventLoop: eventLoop)
    saved = saved.flatMap {
      NIOThreadPool.singleton.runIfActive(eventLoop: core.eventLoop) {
        try SubscriptionFile(path: path, domain: component.domain).write(subscriptions)
      }
    }.flatMapErrorThrowing { error in
      core.value.logger.error("\(path) cannot be written: \((error as? FileError)?.reason ?? "\(error)")")
    }
  }

  // MARK: The end

  func shutDown() -> EventLoopFuture<Void> {
    if let whenIdle { return whenIdle.futureResult }
    let promise = eventLoop.makePromise(of: Void.self)
    whenIdle = promise
    for retry in proxyRetries.values { retry.cancel() }
    let core = NIOLoopBound(self, eventLoop: eventLoop)
    let limit = eventLoop.scheduleTask(in: Self.shutdownLimit) {
      core.value.run { $0.giveUp(at: .now) }
      promise.succeed()
    }
    run { $0.shutDown(at: .now) }
    return promise.futureResult.flatMap {
      limit.cancel()
      core.value.timer?.cancel()
      if let saving = core.value.saving {
        saving.cancel()
        core.value.saveSubscriptions()
      }
      return core.value.xmpp.shutDown()
    }.flatMap { core.value.saved }.flatMap { core.value.transports.close() }
  }
}

extension ShardConfiguration {
  /// What the configuration file says, for the port that the SIP sockets got.
  /// - Parameter tlsPort: the one for TLS, where there is a certificate.
  init(_ configuration: Configuration, port: UInt16, tlsPort: UInt16? = nil) {
    let sip = configuration.sip
    var agent = SIPUserAgentConfiguration(
      localHost: SIPConfiguration.uriHost(sip.localHost), localPort: port, transport: TransportKind(sip.transport),
      product: Self.product)
    agent.transports = [.udp, .tcp]
    if let tlsPort {
      agent.localTLSPort = tlsPort
      agent.transports.insert(.tls)
    }
    agent.datagramLimit = sip.udpSizeLimit
    agent.supportedOptions = [.timer, .trickleICE]
    agent.acceptedMediaTypes = [GatewayMediaTypes.sessionDescription]
    agent.receivedInfoPackages = ["\(GatewayMediaTypes.tricklePackage)"]
    var identities: Identities
    switch configuration.xmpp {
    case .embedded(let xmpp): identities = Identities(domain: xmpp.domain, numbers: sip.numbers)
    case .component(let xmpp):
      identities = Identities(domain: xmpp.userDomain, component: xmpp.domain, numbers: sip.numbers)
      identities.speaksForUsers = xmpp.intercept
    }
    let routing = RoutingTable(configuration)
    identities.proxyHosts = Set(routing.proxies.map { SIPConfiguration.uriHost($0.host) })
    self.init(
      identities: identities, routing: routing, sdpOrigin: sip.sdpOrigin, userAgent: agent)
    asksByMessage = identities.component != nil
    limits = CallLimits(configuration)
    callTimers.ringing = .seconds(UInt64(configuration.calls.ringSeconds))
    // The streams of our own clients we see.
    if asksByMessage { callTimers.signOfLife = .seconds(30) }
  }

  /// For User-Agent and Server.
  private static var product: ServerVal.Draft { .init(name: "jingle-sip-gateway", version: GatewayService.version) }
}

extension TransportKind {
  init(_ transport: SIPConfiguration.Transport) {
    switch transport {
    case .udp: self = .udp
    case .tcp: self = .tcp
    case .tls: self = .tls
    }
  }
}
