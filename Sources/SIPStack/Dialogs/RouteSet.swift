/// One URI of a Route or Record-Route; `Address` is whatever the codec makes of its text.
public struct RouteEntry<Address: Sendable>: Sendable {
  public var address: Address
  /// Whether it has the `lr` parameter: its owner routes loosely (RFC 3261 §16.12).
  public var isLoose: Bool

  public init(address: Address, isLoose: Bool) {
    self.address = address
    self.isLoose = isLoose
  }
}

extension RouteEntry: Equatable where Address: Equatable {}

/// The proxies that the requests of a dialog pass (RFC 3261 §12.1).
public struct RouteSet<Address: Sendable>: Sendable {
  public let entries: [RouteEntry<Address>]

  /// Of the one that sent the INVITE: the Record-Route of the response, backwards (§12.1.2).
  public init(ofCallerFrom recordRoute: [RouteEntry<Address>]) { entries = recordRoute.reversed() }

  /// Of the one that answered it: the Record-Route of the request, in order (§12.1.1).
  public init(ofCalleeFrom recordRoute: [RouteEntry<Address>]) { entries = recordRoute }

  /// What a request inside the dialog is to bear (§12.2.1.1), and where it goes first (§8.1.2).
  public func route(to remoteTarget: Address) -> DialogRoute<Address> {
    guard let first = entries.first else {
      return DialogRoute(requestTarget: remoteTarget, isStrict: false, route: [], nextHop: remoteTarget)
    }
    if first.isLoose {
      return DialogRoute(
        requestTarget: remoteTarget, isStrict: false, route: entries.map(\.address), nextHop: first.address)
    }
    return DialogRoute(
      requestTarget: first.address, isStrict: true, route: entries.dropFirst().map(\.address) + [remoteTarget],
      nextHop: first.address)
  }
}

extension RouteSet: Equatable where Address: Equatable {}

/// Where a request inside a dialog goes.
public struct DialogRoute<Address: Sendable>: Sendable {
  /// For the Request-URI.
  public let requestTarget: Address
  /// The first proxy routes strictly: `requestTarget` is its URI, from which headers and the parameters that a
  /// Request-URI must not have are to be stripped.
  public let isStrict: Bool
  /// For the Route headers, in order.
  public let route: [Address]
  /// The URI that says where the request is sent.
  public let nextHop: Address
}

extension DialogRoute: Equatable where Address: Equatable {}
