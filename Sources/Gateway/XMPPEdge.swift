import CodecRuntime
import JingleCodec
import Logging
import NIOCore
import XMPPStack

/// The XMPP side of the gateway: a listener for clients, or a connection to their server. Used on the event loop.
protocol XMPPEdge: Sendable {
  /// `false` where it cannot be sent.
  func send(_ stanza: [UInt8], to jid: JID, awaiting response: AwaitedResponse?) -> Bool
  func shutDown() -> EventLoopFuture<Void>
  /// Whether a stanza that cannot be sent means that its device is gone, or only that the server is for now.
  var knowsStreams: Bool { get }
}

extension EmbeddedListener: XMPPEdge {
  var knowsStreams: Bool { true }
}

extension ComponentConnector: XMPPEdge {
  var knowsStreams: Bool { false }
}

/// The listener or the connection of the configuration, which neither listens nor connects yet.
func makeXMPPEdge(
  _ configuration: XMPPConfiguration, eventLoop: any EventLoop, logger: Logger,
  handler: @escaping (ServerNotification) -> Void
) throws -> any XMPPEdge {
  let jingle = Elements.elements[Jingle.number]
  let message = Elements.elements[JingleMessagePropose.number]
  var payloads = [
    InterceptedPayload(.iqSet, to: .anyone, namespace: "\(jingle.namespace)", name: "\(jingle.name)"),
    InterceptedPayload(.iqGet, to: .oneself, namespace: "\(jingle.namespace)", name: "\(jingle.name)"),
  ]
  switch configuration {
  case .embedded(let xmpp):
    var server = EmbeddedServerConfiguration(domain: xmpp.domain, accounts: xmpp.accounts)
    server.interceptedPayloads = payloads
    let tls = try xmpp.tls.map { try TLSContexts.server($0, section: ["xmpp", "embedded"]) }
    server.offersTLS = tls != nil
    guard let value = EmbeddedServer(configuration: server, random: SystemRandomNumberGenerator()) else {
      throw GatewayStartError(
        description: "\"\(xmpp.domain)\" is no XMPP domain, or an account has no valid name",
        key: ["xmpp", "embedded", "domain"])
    }
    return EmbeddedListener(eventLoop: eventLoop, server: value, tls: tls, logger: logger, handler: handler)
  case .component(let xmpp):
    payloads.append(.init(.message, to: .anyone, namespace: "\(message.namespace)", name: nil))
    var component = ComponentConfiguration(
      host: xmpp.host, port: xmpp.port, domain: xmpp.domain, userDomain: xmpp.userDomain, secret: xmpp.secret)
    component.name = xmpp.name
    component.resource = Identities.resource
    component.interceptedPayloads = payloads
    component.intercepts = xmpp.intercept
    component.domainIdentities = [.init(category: "gateway", type: "sip", name: xmpp.name)]
    if xmpp.pstn { component.domainIdentities.append(.init(category: "gateway", type: "pstn", name: xmpp.name)) }
    component.contactIdentities = [.init(category: "client", type: "phone")]
    component.contactFeatures = AnnouncedFeatures.all
    component.softwareNode = GatewayService.softwareNode
    if let path = xmpp.subscriptions {
      do throws(FileError) {
        let file = SubscriptionFile(path: path, domain: xmpp.domain)
        component.knownSubscriptions = try file.read()
        // Whether that is possible is better known now than when somebody subscribes.
        try file.write(component.knownSubscriptions)
      } catch {
        throw GatewayStartError(
          description: "`subscriptions`: \(path): \(error.reason)", key: ["xmpp", "component", "subscriptions"])
      }
    }
    guard let value = Component(configuration: component, random: SystemRandomNumberGenerator()) else {
      throw GatewayStartError(
        description: "\"\(xmpp.domain)\" or \"\(xmpp.userDomain)\" is no XMPP domain",
        key: ["xmpp", "component", "domain"])
    }
    return ComponentConnector(eventLoop: eventLoop, component: value, logger: logger, handler: handler)
  }
}
