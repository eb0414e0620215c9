import CodecRuntime
import XMLReader

/// Names of RFC 6120 and RFC 6121, and of the extensions that the embedded server and the component speak themselves.
enum Namespace {
  static let streams: StaticString = "http://etherx.jabber.org/streams"
  static let client: StaticString = "jabber:client"
  static let startTLS: StaticString = "urn:ietf:params:xml:ns:xmpp-tls"
  static let sasl: StaticString = "urn:ietf:params:xml:ns:xmpp-sasl"
  static let bind: StaticString = "urn:ietf:params:xml:ns:xmpp-bind"
  /// RFC 3921 §3; RFC 6120 has dropped it, old clients ask for it.
  static let session: StaticString = "urn:ietf:params:xml:ns:xmpp-session"
  static let streamErrors: StaticString = "urn:ietf:params:xml:ns:xmpp-streams"
  static let stanzaErrors: StaticString = "urn:ietf:params:xml:ns:xmpp-stanzas"
  static let roster: StaticString = "jabber:iq:roster"
  static let discoInfo: StaticString = "http://jabber.org/protocol/disco#info"
  static let discoItems: StaticString = "http://jabber.org/protocol/disco#items"
  static let ping: StaticString = "urn:xmpp:ping"
  /// XEP-0114.
  static let component: StaticString = "jabber:component:accept"
  /// XEP-0115.
  static let capabilities: StaticString = "http://jabber.org/protocol/caps"
  /// XEP-0004.
  static let dataForms: StaticString = "jabber:x:data"
  /// XEP-0054.
  static let vCard: StaticString = "vcard-temp"
  /// XEP-0100.
  static let gateway: StaticString = "jabber:iq:gateway"
  /// XEP-0106.
  static let escaping: StaticString = "jid\\20escaping"
}

/// Asks whether an entity is there (XEP-0199).
public enum Ping {
  /// Writes what the get bears.
  public static func write(to output: inout Output) {
    output.beginStartTag("ping", namespace: Namespace.ping)
    output.endEmptyElementTag()
  }
}

/// Why a stream is closed (RFC 6120 §4.9.3).
public enum StreamErrorCondition: String, Sendable {
  case badFormat = "bad-format"
  case conflict
  case connectionTimeout = "connection-timeout"
  case hostUnknown = "host-unknown"
  case improperAddressing = "improper-addressing"
  case invalidFrom = "invalid-from"
  case invalidNamespace = "invalid-namespace"
  case notAuthorized = "not-authorized"
  case notWellFormed = "not-well-formed"
  case policyViolation = "policy-violation"
  case resourceConstraint = "resource-constraint"
  case restrictedXML = "restricted-xml"
  case systemShutdown = "system-shutdown"
  case unsupportedEncoding = "unsupported-encoding"
  case unsupportedStanzaType = "unsupported-stanza-type"
  case unsupportedVersion = "unsupported-version"

  init(_ kind: XMLReadError.Kind) {
    switch kind {
    case .notWellFormed: self = .notWellFormed
    case .restrictedXML: self = .restrictedXML
    case .policyViolation: self = .policyViolation
    case .badFormat: self = .badFormat
    case .unsupportedEncoding: self = .unsupportedEncoding
    case .resourceConstraint: self = .resourceConstraint
    }
  }
}

/// Why a stanza is answered with an error (RFC 6120 §8.3.3), with the error type that belongs to it.
public enum StanzaErrorCondition: String, Sendable {
  case badRequest = "bad-request"
  case itemNotFound = "item-not-found"
  case jidMalformed = "jid-malformed"
  case notAcceptable = "not-acceptable"
  case notAllowed = "not-allowed"
  case remoteServerNotFound = "remote-server-not-found"
  case resourceConstraint = "resource-constraint"
  case serviceUnavailable = "service-unavailable"

  var type: StaticString {
    switch self {
    case .badRequest, .jidMalformed, .notAcceptable: "modify"
    case .resourceConstraint: "wait"
    case .itemNotFound, .notAllowed, .remoteServerNotFound, .serviceUnavailable: "cancel"
    }
  }
}

/// Makes the bytes of something that goes out on a stream.
func bytes(_ write: (inout Output) -> Void) -> [UInt8] {
  var output = Output()
  write(&output)
  return output.bytes
}

/// A stanza as it is passed on: `from` is the address that the server knows its sender by (RFC 6120 §8.1.2.1).
func routed(_ stanza: XMLElement, from: JID, to: JID?) -> [UInt8] {
  bytes { output in
    output.append(0x3C)
    output.append(stanza.name)
    output.attribute("from", from.description)
    if let to { output.attribute("to", to.description) }
    var prefixes: UInt64 = 0
    for attribute in stanza.attributes {
      if !attribute.isNamespaced, attribute.name == "from" || attribute.name == "to" { continue }
      output.append(attribute, generatedPrefixes: &prefixes)
    }
    output.endStartTag()
    output.append(contentOf: stanza, namespace: Namespace.client)
    output.append("</")
    output.append(stanza.name)
    output.append(0x3E)
  }
}

/// The error that answers `stanza` (RFC 6120 §8.3.1).
func errorAnswer(to stanza: XMLElement, of sender: JID, _ condition: StanzaErrorCondition) -> [UInt8] {
  bytes { output in
    output.append(0x3C)
    output.append(stanza.name)
    output.attribute("type", "error" as StaticString)
    if let id = stanza.attribute("id") { output.attribute("id", id) }
    if let to = stanza.attribute("to") { output.attribute("from", to) }
    output.attribute("to", sender.description)
    output.endStartTag()
    output.beginStartTag("error")
    output.attribute("type", condition.type)
    output.endStartTag()
    output.append(0x3C)
    output.append(condition.rawValue)
    output.attribute("xmlns", Namespace.stanzaErrors)
    output.endEmptyElementTag()
    output.endTag("error")
    output.append("</")
    output.append(stanza.name)
    output.append(0x3E)
  }
}

/// The result that answers `request` (RFC 6120 §8.2.3), with a payload or without one.
func resultAnswer(to request: XMLElement, of sender: JID, _ payload: (inout Output) -> Void = { _ in }) -> [UInt8] {
  bytes { output in
    output.beginStartTag("iq")
    output.attribute("type", "result" as StaticString)
    if let id = request.attribute("id") { output.attribute("id", id) }
    if let to = request.attribute("to") { output.attribute("from", to) }
    output.attribute("to", sender.description)
    output.endStartTag()
    payload(&output)
    output.endTag("iq")
  }
}
