import SIPStack
extension Configuration {
  var proxies: [ProxyTarget] { RoutingTable(self).proxies }
}
extension RoutingTable {
  init(_ configuration: Configuration) {
    let sip = configuration.sip
    let domain: String
    switch configuration.xmpp {
    case .embedded(let xmpp): domain = xmpp.domain
    case .component(let xmpp): domain = xmpp.userDomain
    }
    self.init(domain: domain.lowercased(), proxy: ProxyTarget(sip))
  }
}

extension ProxyTarget {
  init(_ sip: SIPConfiguration) {
    self.init(host: sip.proxyHost, port: sip.proxyPort, transport: TransportKind(sip.transport))
  }
}
