import CodecRuntime

/// A payload that is neither routed nor answered here but handed over.
///
/// The stack knows no words of the protocols that it carries; the one who configures it does.
public struct InterceptedPayload: Sendable {
  public enum Stanza: Sendable { case iqSet, iqGet, message }

  /// Which `to` is meant.
  public enum Addressee: Sendable {
    case anyone
    /// The sender itself: no `to`, or the sender's bare or full JID.
    case oneself
    /// An address without an account here. A component has no accounts: every contact of its domain.
    case nobodyHere
  }

  public var stanza: Stanza
  public var addressee: Addressee
  public var namespace: String
  /// The local name; `nil` is every name of the namespace.
  public var name: String?

  public init(_ stanza: Stanza, to addressee: Addressee, namespace: String, name: String?) {
    self.stanza = stanza
    self.addressee = addressee
    self.namespace = namespace
    self.name = name
  }

  /// Whether one of the children of a stanza of this kind is such a payload; ``addressee`` is for the caller to check.
  func isIn(_ stanza: XMLElement, _ kind: Stanza) -> Bool {
    guard self.stanza == kind else { return false }
    for child in stanza.children
    where child.namespace.isSame(as: namespace) && name.map({ child.name.isSame(as: $0) }) ?? true {
      return true
    }
    return false
  }
}

/// What the embedded server and the component tell the gateway.
public enum ServerNotification: Sendable {
  /// An IQ with an ``InterceptedPayload``, from this full JID. Its own `from` attribute says nothing in a stanza of a
  /// client of the embedded server.
  case intercepted(from: JID, XMLElement)
  /// A message with an ``InterceptedPayload``, from this JID. A component hands over each message of type `error`, too:
  /// servers leave the payload out of what they return, so that only the id says what failed.
  case message(from: JID, XMLElement)
  /// The result or error that answers an IQ which the gateway has sent.
  case iqResponse(from: JID, id: String, XMLElement)
  /// A resource has sent initial presence (RFC 6121 §4.2).
  case resourceAvailable(JID)
  /// What disco#info of an available resource lists (XEP-0030 §3); again when it changes (XEP-0115 §6). Empty where the
  /// resource answers with an error, or not at all.
  case resourceFeatures(JID, Set<String>)
  /// It has sent unavailable presence, or its stream has ended.
  case resourceUnavailable(JID)
  /// A stream that had a resource bound has ended.
  case streamEnded(JID)
  /// ``Component/subscriptions`` are others than before.
  case subscriptionsChanged
  /// The component has a stream to its server.
  case connected
  /// The stream has ended. Who is available is not known any more; no notification says so for each resource.
  case disconnected(ComponentFailure)
}

/// An IQ whose answer is for the gateway: that which comes from the addressee to the `from` of the IQ with this id.
public struct AwaitedResponse: Hashable, Sendable {
  public var id: String
  public var from: JID
  public init(id: String, from: JID) {
    self.id = id
    self.from = from
  }
}

extension Text {
  func isSame(as string: String) -> Bool {
    withBytes { string.utf8.elementsEqual($0) }
  }
}
