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

  private let core: NIOLoopBound<GatewayCore>
  public let eventLoop: any EventLoop
  /// Where the SIP sockets are bound, over UDP and TCP.
  public let sipAddress: TransportAddress
  /// Where the XMPP listener is bound.
  public let xmppAddress: SocketAddress

  private init(
    core: NIOLoopBound<GatewayCore>, eventLoop: any EventLoop, sipAddress: TransportAddress,
    xmppAddress: SocketAddress
  ) {
    self.core = core
    self.eventLoop = eventLoop
    self.sipAddress = sipAddress
    self.xmppAddress = xmppAddress
  }

  /// What `serve` prints when every listener is bound.
  public var readyLine: String {
    "ready xmpp=\(Self.shown(xmppAddress)) sip=\(sipAddress) sip=\(sipAddress.over(.tcp))"
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
    guard case .embedded(let xmpp) = configuration.xmpp else {
      throw GatewayStartError(
        description: "`mode` is \"component\", which is not served yet: use \"embedded\"", key: ["xmpp", "mode"])
    }
    if configuration.sip.transport == .tls {
      throw GatewayStartError(
        description: "`transport` is \"tls\", which is not served yet: use \"udp\" or \"tcp\"",
        key: ["sip", "transport"])
    }
    if xmpp.tls != nil {
      throw GatewayStartError(
        description: "`certificate` is set, but STARTTLS is not served yet", key: ["xmpp", "embedded", "certificate"])
    }
    let eventLoop = group.next()
    let relay = MessageRelay(eventLoop: eventLoop)
    let transports: SIPTransports
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
    let core = try await eventLoop.submit {
      let core = try GatewayCore(
        configuration: configuration, xmpp: xmpp, transports: transports, eventLoop: eventLoop, logger: logger,
        trace: trace)
      relay.attach(core)
      return NIOLoopBound(core, eventLoop: eventLoop)
    }.get()
    do {
      let listener = try await eventLoop.submit { core.value.listener }.get()
      let host = try await NameResolver.resolve(
        host: xmpp.listenHost, port: xmpp.listenPort, transport: .tcp, on: eventLoop
      )
      .get()[0].address
      let address = try await listener.bind(host: "\(host)", port: Int(xmpp.listenPort)).get()
      try await eventLoop.flatSubmit { core.value.resolveProxies() }.get()
      return GatewayService(
        core: core, eventLoop: eventLoop, sipAddress: transports.udp.localAddress, xmppAddress: address)
    } catch let error as GatewayStartError {
      throw error
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
