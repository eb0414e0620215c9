import XMPPStack

/// Whom a client calls.
public enum SIPCallee: Hashable, Sendable {
  /// A number or user of the proxy.
  case number(String)
  /// Somebody at another host, which the proxy finds.
  case address(user: String, host: String)

  /// Who is meant by a contact: `NUMBER@DOMAIN`, or `user\40host@DOMAIN`, whose localpart is escaped (XEP-0106). `nil`
  /// where that is nobody.
  public init?(contact: JID) {
    guard let local = contact.local else { return nil }
    let parts = JID.unescapedLocal(local).split(separator: "@", omittingEmptySubsequences: false).map(String.init)
    switch parts.count {
    case 1: self = .number(parts[0])
    case 2: self = .address(user: parts[0], host: parts[1])
    default: return nil
    }
  }
}

/// What the routes say of a call.
public enum RoutingDecision: Equatable, Sendable {
  case forbidden(RoutingRefusal)
  case allowed(RoutedCall)
}

/// Why a call is forbidden, for the log: the caller is told only that it is.
public enum RoutingRefusal: Equatable, Sendable, CustomStringConvertible {
  /// No route is for this caller and this callee.
  case noRoute
  /// A route with `deny` is.
  case denied(route: String)
  /// The caller is a domain, not a user.
  case noUser
  /// The text could be one thing for us and another for a proxy, or nothing at all.
  case unusableCallee
  /// What `strip` and `prefix` of a route make of the number is none.
  case unusableNumber(route: String)

  public var description: String {
    switch self {
    case .noRoute: "no route is for it"
    case .denied(let route): "route \"\(route)\" denies it"
    case .noUser: "the caller is no user"
    case .unusableCallee: "nobody can be called by that"
    case .unusableNumber(let route): "what route \"\(route)\" makes of the number is none"
    }
  }
}

/// How a call goes out.
public struct RoutedCall: Equatable, Sendable {
  /// The name of the route, for the log; `nil` where there are no routes.
  public var route: String?
  /// Where the INVITE goes: to the next one where one cannot be reached or answers 503. At least one.
  public var proxies: [ProxyTarget]
  /// The user part of the Request-URI and of To, without escapes: exactly what was decided on. `username_to_phone` is
  /// applied already.
  public var user: String
  /// The host of the Request-URI and of To, as it stands in a URI; `nil`: that of the proxy, and the caller's domain.
  public var host: String?
  /// The user part of From, without escapes; `username_to_phone` is applied already.
  public var caller: String
  /// Whether P-Asserted-Identity bears the caller, too (RFC 3325).
  public var assertedIdentity = false
  public var proceed = Route.Proceed.atOnce
}

/// Decides who may call whom by which way.
///
/// It is built against toll fraud: one text is decided on and dialled, in one form (``DialledUser``); who fits no route
/// is refused; what a denying route forbids is forbidden in every reading, at every host, before and after `strip` and
/// `prefix`.
public struct RoutingTable: Equatable, Sendable {
  private let routes: [Route]
  private let proxy: ProxyTarget
  /// Whose users may call where there are no routes.
  private let domain: String
  private let numbers: PhoneNumbers
  /// Hosts at which an address is a number of the proxy.
  private let proxyHosts: Set<String>

  /// `domain`: that of the accounts, or `user_domain`. `proxy` is for routes that name none.
  public init(routes: [Route], proxy: ProxyTarget, domain: String, numbers: PhoneNumbers) {
    self.routes = routes
    self.proxy = proxy
    self.domain = JID(local: nil, domain: domain)?.domain ?? domain.lowercased()
    self.numbers = numbers
    proxyHosts = Set(routes.flatMap(\.proxies).map(\.host) + [proxy.host])
  }

  public init(_ configuration: Configuration) {
    let domain =
      switch configuration.xmpp {
      case .embedded(let embedded): embedded.domain
      case .component(let component): component.userDomain
      }
    self.init(
      routes: configuration.routes, proxy: configuration.sip.proxy, domain: domain, numbers: configuration.sip.numbers)
  }

  /// All proxies that calls can go to, each once: their addresses are those from which SIP requests are taken.
  public var proxies: [ProxyTarget] {
    var known: Set<ProxyTarget> = []
    let isDefaultUsed = routes.isEmpty || routes.contains { !$0.deny && $0.proxies.isEmpty }
    let all = (isDefaultUsed ? [proxy] : []) + routes.filter { !$0.deny }.flatMap(\.proxies)
    return all.filter { known.insert($0).inserted }
  }

  /// The first route that fits decides, so that the time is that of all patterns together at most.
  public func decide(caller: JID, callee: SIPCallee) -> RoutingDecision {
    guard let local = caller.local else { return .forbidden(.noUser) }
    guard let dialled = Dialled(callee, numbers: numbers) else { return .forbidden(.unusableCallee) }
    let callerNumber = numbers.phone(of: JID.unescapedLocal(local))
    guard !routes.isEmpty else {
      guard caller.domain == domain else { return .forbidden(.noRoute) }
      return .allowed(
        RoutedCall(proxies: [proxy], user: dialled.user.text, host: dialled.uriHost, caller: callerNumber))
    }
    var denials: [Route] = []
    for route in routes where route.from.contains(where: { $0.fits(caller) }) {
      if route.deny {
        if route.forbids(dialled) { return .forbidden(.denied(route: route.name)) }
        denials.append(route)
        continue
      }
      guard var fitting = fitting(route, dialled) else { continue }
      if fitting.host == nil {
        guard let user = fitting.user.rewritten(strip: route.strip, prefix: route.prefix) else {
          return .forbidden(.unusableNumber(route: route.name))
        }
        fitting.user = user
      }
      // The number that is dialled must not be one that was denied before, by whatever way it has come about.
      if let denial = denials.first(where: { $0.forbids(fitting) }) { return .forbidden(.denied(route: denial.name)) }
      var call = RoutedCall(
        route: route.name, proxies: route.proxies.isEmpty ? [proxy] : route.proxies, user: fitting.user.text,
        host: fitting.uriHost, caller: callerNumber)
      if case .fixed(let number) = route.caller { call.caller = number }
      call.assertedIdentity = route.assertedIdentity
      call.proceed = route.proceed
      return .allowed(call)
    }
    return .forbidden(.noRoute)
  }

  /// As what a route allows the callee, if it does. An address at a proxy's own host is a number before it is an address:
  /// `0900…@proxy` is dialled as `0900…` is.
  private func fitting(_ route: Route, _ dialled: Dialled) -> Dialled? {
    if dialled.host.map({ proxyHosts.contains($0.text) }) ?? true,
      route.to.contains(where: { $0.allows(dialled.user) })
    {
      return Dialled(user: dialled.user, host: nil)
    }
    guard let host = dialled.host, route.to.contains(where: { $0.allows(dialled.user, at: host) }) else { return nil }
    return dialled
  }
}

/// A callee in the one form in which it is decided on.
private struct Dialled {
  var user: DialledUser
  var host: SIPHost?

  var uriHost: String? { host.map { SIPConfiguration.uriHost($0.text) } }

  init(user: DialledUser, host: SIPHost?) {
    self.user = user
    self.host = host
  }

  init?(_ callee: SIPCallee, numbers: PhoneNumbers) {
    switch callee {
    case .number(let text):
      guard let user = DialledUser(numbers.phone(of: text)) else { return nil }
      self.init(user: user, host: nil)
    case .address(let text, let hostText):
      guard let user = DialledUser(numbers.phone(of: text)), let host = SIPHost(hostText) else { return nil }
      self.init(user: user, host: host)
    }
  }
}

extension Route {
  fileprivate func forbids(_ dialled: Dialled) -> Bool {
    to.contains { $0.forbids(dialled.user, at: dialled.host) }
  }
}
