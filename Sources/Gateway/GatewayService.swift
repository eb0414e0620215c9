import CodecRuntime
import JingleCodec
import Logging
import NIOCore
import NIOPosix
import SIPCodec
import SIPStack
import XMPPStack

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Why the gateway does not start.
public struct GatewayStartError: Error, Sendable, CustomStringConvertible {
  public var description: String
  /// The key of the configuration that has to change, from the outermost section on; `nil` where the configuration is
  /// as good as any and something else is in the way, such as a port that is taken.
  public var key: [String]?
}

extension GatewayStartError {
  /// A socket that cannot be bound. A host that nobody knows, or that is another machine, is a mistake of the
  /// configuration.
  init(cannotListenOn host: String, _ port: UInt16, _ error: any Error, key: [String]) {
    let cause = error as? SIPTransportError
    var isMistake = (error as? IOError)?.errnoCode == EADDRNOTAVAIL
    switch cause {
    case .nameNotResolved, .addressNotLocal: isMistake = true
    default: break
    }
    self.init(
      description: "cannot listen on \(SIPConfiguration.uriHost(host)):\(port): \(error)", key: isMistake ? key : nil)
  }
}

/// The sockets and clocks around a ``Shard``: one event loop for the SIP sockets, the XMPP listener and all calls.
public final class GatewayService: Sendable {
  /// The version of the gateway, as `--version` and the User-Agent say it.
  public static let version = "0.1.0"
  /// The URI of the software in entity capabilities (XEP-0115 §4).
  static let softwareNode = "urn:jingle-sip-gateway"

  private let core: NIOLoopBound<GatewayCore>
  public let eventLoop: any EventLoop
  /// Where the SIP sockets are bound, over UDP and TCP.
  public let sipAddress: TransportAddress
  /// Where the gateway listens for SIP over TLS, where it has a certificate.
  public let tlsAddress: TransportAddress?
  /// Where the XMPP listener is bound; `nil` for a component.
  public let xmppAddress: SocketAddress?
  /// The XMPP side in the ready line.
  private let xmppPlace: String

  private init(
    core: NIOLoopBound<GatewayCore>, eventLoop: any EventLoop, sipAddress: TransportAddress,
    tlsAddress: TransportAddress?, xmppAddress: SocketAddress?, xmppPlace: String
  ) {
    self.core = core
    self.eventLoop = eventLoop
    self.sipAddress = sipAddress
    self.tlsAddress = tlsAddress
    self.xmppAddress = xmppAddress
    self.xmppPlace = xmppPlace
  }

  /// What `serve` prints when every listener is bound.
  public var readyLine: String {
    "ready \(xmppPlace) sip=\(sipAddress) sip=\(sipAddress.over(.tcp))\(tlsAddress.map { " sip=\($0)" } ?? "")"
  }

  private static func shown(_ address: SocketAddress) -> String {
    let host = address.ipAddress ?? "?"
    return "\(host.contains(":") ? "[\(host)]" : host):\(address.port ?? 0)"
  }

  /// Binds the sockets and begins to serve. Fails with ``GatewayStartError`` where that is not possible.
  public static func start(
    configuration: Configuration, logger: Logger, trace: GatewayTrace? = nil,
    group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton
  ) async throws -> GatewayService {
    // The proxy opens connections of its own for what it sends.
    if configuration.sip.transport == .tls, configuration.sip.tls == nil {
      throw GatewayStartError(
        description: "`transport` is \"tls\", which needs `certificate` and `private_key` in [sip]",
        key: ["sip", "transport"])
    }
    for (index, route) in configuration.routes.enumerated() {
      if configuration.sip.tls == nil, let proxy = route.proxies.first(where: { $0.transport == .tls }) {
        throw GatewayStartError(
          description: "\"\(proxy)\" is to be reached over TLS, which needs `certificate` and `private_key` in [sip]",
          key: ["route", "\(index)", "proxies"])
      }
    }
    let eventLoop = group.next()
    let relay = MessageRelay(eventLoop: eventLoop)
    let security = try configuration.sip.tls.map {
      try TLSContexts.sip($0, authorities: configuration.sip.certificateAuthorities)
    }
    var transports: SIPTransports
    do {
      transports = try await SIPTransports.bind(
        host: configuration.sip.listenHost, port: configuration.sip.listenPort, on: eventLoop,
        onDatagram: { bytes, source in relay.receive(bytes, source) },
        onEvent: { event, source in relay.receive(event, source) }
      ).get()
    } catch {
      throw GatewayStartError(
        cannotListenOn: configuration.sip.listenHost, configuration.sip.listenPort, error, key: ["sip", "listen_host"])
    }
    if let security {
      do {
        transports = try await transports.addingTLS(
          security, port: configuration.sip.tlsPort, onEvent: { event, source in relay.receive(event, source) }
        ).get()
      } catch {
        throw GatewayStartError(
          cannotListenOn: configuration.sip.listenHost, configuration.sip.tlsPort, error, key: ["sip", "tls_port"])
      }
    }
    let bound = transports
    let core = try await eventLoop.submit {
      let core = try GatewayCore(
        configuration: configuration, transports: bound, eventLoop: eventLoop, logger: logger, trace: trace)
      relay.attach(core)
      return NIOLoopBound(core, eventLoop: eventLoop)
    }.get()
    let place: String
    let address: SocketAddress?
    switch configuration.xmpp {
    case .embedded(let xmpp):
      let listening = try await listen(xmpp, core, on: eventLoop)
      place = "xmpp=\(shown(listening))"
      address = listening
    case .component(let xmpp):
      place = "component=\(xmpp.domain)@\(SIPConfiguration.uriHost(xmpp.host)):\(xmpp.port)"
      address = nil
    }
    try await eventLoop.flatSubmit { core.value.resolveProxies() }.get()
    // The server may send calls as soon as it knows the component.
    try await eventLoop.submit { (core.value.xmpp as? ComponentConnector)?.start() }.get()
    return GatewayService(
      core: core, eventLoop: eventLoop, sipAddress: bound.udp.localAddress, tlsAddress: bound.tls?.localAddress,
      xmppAddress: address, xmppPlace: place)
  }

  private static func listen(
    _ xmpp: EmbeddedXMPPConfiguration, _ core: NIOLoopBound<GatewayCore>, on eventLoop: any EventLoop
  ) async throws -> SocketAddress {
    do {
      let host = try await NameResolver.resolve(
        host: xmpp.listenHost, port: xmpp.listenPort, transport: .tcp, on: eventLoop
      )
      .get()[0].address
      return try await eventLoop.flatSubmit {
        guard let listener = core.value.xmpp as? EmbeddedListener else {
          return eventLoop.makeFailedFuture(ChannelError.operationUnsupported)
        }
        return listener.bind(host: "\(host)", port: Int(xmpp.listenPort))
      }.get()
    } catch {
      throw GatewayStartError(
        cannotListenOn: xmpp.listenHost, xmpp.listenPort, error, key: ["xmpp", "embedded", "listen_host"])
    }
  }

  /// Sends requests to the phone at this address instead of `proxy_host` and `proxy_port`: for a proxy that is started
  /// after the gateway.
  public func setProxy(_ address: TransportAddress) async throws {
    try await eventLoop.submit { self.core.value.setDefaultProxy(address) }.get()
  }

  /// Ends all calls, waits for the other sides as long as `serve` may take to end, and closes the sockets.
  public func shutDown() async throws {
    try await eventLoop.flatSubmit { self.core.value.shutDown() }.get()
  }
}

/// Takes what comes before the core is there, and loses it.
private final class MessageRelay: Sendable {
  private let core: NIOLoopBoundBox<GatewayCore?>

  init(eventLoop: any EventLoop) {
    core = .makeEmptyBox(valueType: GatewayCore.self, eventLoop: eventLoop)
  }

  func attach(_ core: GatewayCore) { self.core.value = core }

  func receive(_ bytes: UnsafeRawBufferPointer, _ source: TransportAddress) {
    core.value?.receive(bytes, from: source)
  }

  func receive(_ event: TCPEvent, _ source: TransportAddress) { core.value?.receive(event, from: source) }
}

extension TransportAddress {
  /// The address as in a URI.
  public var host: String { address.isIPv6 ? "[\(address)]" : "\(address)" }

  /// The same host and port over another transport.
  func over(_ transport: TransportKind) -> TransportAddress {
    TransportAddress(transport: transport, address: address, port: port)
  }
}
