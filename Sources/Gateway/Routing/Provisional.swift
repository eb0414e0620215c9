import SIPStack
import XMPPStack

public struct ProxyTarget: Hashable, Sendable {
  public var host: String
  public var port: UInt16
  public var transport: TransportKind
  public init(host: String, port: UInt16, transport: TransportKind) {
    self.host = host
    self.port = port
    self.transport = transport
  }
}

public enum SIPCallee: Hashable, Sendable {
  case number(String)
  case address(user: String, host: String)
}

public struct RoutedCall: Hashable, Sendable {
  public var proxies: [ProxyTarget]
  public var user: String
  public var host: String?
  public var callerUser: String?
  public var assertsIdentity = false
  public var name: String?
}

public enum RoutingDecision: Hashable, Sendable {
  case forbidden
  case allowed(RoutedCall)
}

public struct RoutingTable: Hashable, Sendable {
  public var domain: String
  public var proxy: ProxyTarget
  public var proxies: [ProxyTarget] { [proxy] }
  public func decide(caller: JID, callee: SIPCallee) -> RoutingDecision {
    guard caller.domain == domain else { return .forbidden }
    switch callee {
    case .number(let number): return .allowed(RoutedCall(proxies: [proxy], user: number, host: nil))
    case .address(let user, let host): return .allowed(RoutedCall(proxies: [proxy], user: user, host: host))
    }
  }
}
