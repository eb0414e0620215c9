import CodecRuntime
import JingleCodec
import JingleSIPMapping
import SIPCodec
import XMPPStack

/// Conditions of stanza errors that the gateway answers with (RFC 6120 §8.3.3).
enum StanzaError {
  case badRequest
  case conflict
  case forbidden
  case featureNotImplemented
  case itemNotFound
  case resourceConstraint
  case serviceUnavailable
  case unexpectedRequest

  var condition: StaticString {
    switch self {
    case .badRequest: "bad-request"
    case .conflict: "conflict"
    case .forbidden: "forbidden"
    case .featureNotImplemented: "feature-not-implemented"
    case .itemNotFound: "item-not-found"
    case .resourceConstraint: "resource-constraint"
    case .serviceUnavailable: "service-unavailable"
    case .unexpectedRequest: "unexpected-request"
    }
  }

  var type: StaticString {
    switch self {
    case .badRequest: "modify"
    case .forbidden: "auth"
    case .resourceConstraint, .unexpectedRequest: "wait"
    case .conflict, .featureNotImplemented, .itemNotFound, .serviceUnavailable: "cancel"
    }
  }

  /// Conditions of an answer that say that the device is gone, or knows nothing of the session (RFC 6120 §8.3.3).
  static let nobodyThere: [StaticString] = [
    "gone", "item-not-found", "recipient-unavailable", "remote-server-not-found", "remote-server-timeout",
  ]

  /// Conditions that say that there is no such user (RFC 6120 §8.3.3.5, .7, .16). With the last one Prosody and ejabberd
  /// answer a message to an account that they do not have (RFC 6121 §8.5.1); what is sent to an account whose devices
  /// are away they keep, and answer nothing.
  static let noSuchUser: [StaticString] = [
    "gone", "item-not-found", "remote-server-not-found", "service-unavailable",
  ]
}

/// The stanzas of RFC 6120 around Jingle elements.
enum JingleStanzas {
  static func set(id: String, from: JID, to: String, _ payload: (inout Output) -> Void) -> [UInt8] {
    var output = Output(capacity: 1024)
    begin("set", id: id, from: from, to: to, &output)
    payload(&output)
    output.endTag("iq")
    return output.bytes
  }

  /// XEP-0199 §4.3
  static func ping(id: String, from: JID, to: String) -> [UInt8] {
    var output = Output(capacity: 256)
    begin("get", id: id, from: from, to: to, &output)
    Ping.write(to: &output)
    output.endTag("iq")
    return output.bytes
  }

  private static func begin(_ type: StaticString, id: String, from: JID, to: String, _ output: inout Output) {
    output.beginStartTag("iq")
    output.attribute("type", type)
    output.attribute("id", id)
    output.attribute("from", from.description)
    output.attribute("to", to)
    output.endStartTag()
  }

  /// A message that servers pass to all devices of a user and keep (XEP-0353 §3.1).
  static func message(
    id: String, from: JID, to: JID, _ payload: (inout Output) throws(DraftError) -> Void
  ) throws(DraftError) -> [UInt8] {
    var output = Output(capacity: 512)
    output.beginStartTag("message")
    output.attribute("type", "chat" as StaticString)
    output.attribute("id", id)
    output.attribute("from", from.description)
    output.attribute("to", to.description)
    output.endStartTag()
    try payload(&output)
    try HintsStore(.init()).write(to: &output)
    output.endTag("message")
    return output.bytes
  }

  /// The `result` that answers `request`.
  static func result(to request: XMLElement, of sender: JID) -> [UInt8] {
    var output = Output()
    output.beginStartTag("iq")
    output.attribute("type", "result" as StaticString)
    address(request, sender, &output)
    output.endEmptyElementTag()
    return output.bytes
  }

  /// The error that answers `request`, with a condition of Jingle beside it (XEP-0166 §10).
  static func error(
    to request: XMLElement, of sender: JID, _ error: StanzaError, jingle number: Int? = nil
  ) -> [UInt8] {
    var output = Output()
    output.beginStartTag("iq")
    output.attribute("type", "error" as StaticString)
    address(request, sender, &output)
    output.endStartTag()
    output.beginStartTag("error")
    output.attribute("type", error.type)
    output.endStartTag()
    output.beginStartTag(error.condition, namespace: "urn:ietf:params:xml:ns:xmpp-stanzas")
    output.endEmptyElementTag()
    if let number {
      let row = Elements.elements[number]
      output.beginStartTag(row.name, namespace: row.namespace)
      output.endEmptyElementTag()
    }
    output.endTag("error")
    output.endTag("iq")
    return output.bytes
  }

  private static func address(_ request: XMLElement, _ sender: JID, _ output: inout Output) {
    if let id = request.attribute("id") { output.attribute("id", id) }
    if let to = request.attribute("to") { output.attribute("from", to) }
    output.attribute("to", sender.description)
  }
}

extension JingleStanzas {
  /// A `<jingle/>` in which transports that have no candidate have those that `infos` name for the same content.
  static func adding(candidatesOf infos: [XMLElement], to jingle: XMLElement) -> XMLElement {
    var tape = Tape()
    copy(jingle, to: &tape) { content, transport in
      guard let name = content.attribute("name"), transport.children.isEmpty else { return [] }
      let namespace = transport.namespace.string
      return infos.flatMap { info in
        info.children.filter { $0.attribute("name").map { $0.string == name.string } ?? false }
          .flatMap { content in
            content.children.filter { $0.name == "transport" && $0.namespace.string == namespace }.flatMap(\.children)
          }
      }
    }
    return XMLElement(arena: tape.finish(), index: 0)
  }

  /// Copies an element with more children in those of its grandchildren that are transports.
  private static func copy(
    _ element: XMLElement, in parent: XMLElement? = nil, to tape: inout Tape,
    _ more: (_ content: XMLElement, _ transport: XMLElement) -> [XMLElement]
  ) {
    let (namespace, name) = (tape.append(element.namespace), tape.append(element.name))
    let node = tape.openElement(namespace: namespace, name: name)
    for attribute in element.attributes {
      let namespace = attribute.isNamespaced ? tape.append(attribute.namespace) : .absent
      let (name, value) = (tape.append(attribute.name), tape.append(attribute.value))
      tape.appendAttribute(namespace: namespace, name: name, value: value)
    }
    for inner in element.nodes {
      switch inner {
      case .element(let child): copy(child, in: element, to: &tape, more)
      case .text(let text):
        let content = tape.append(text)
        _ = tape.appendText(content)
      }
    }
    if let parent, element.name == "transport" {
      for child in more(parent, element) { copy(child, to: &tape) { _, _ in [] } }
    }
    tape.close(node)
  }
}

extension Jingle {
  /// The reason of a session-terminate, if it is one that the tables know.
  var endReason: JingleSIPMapping.JingleReason? { reason?.endReason }

  /// Whether the element holds a payload that the grammars do not know.
  var hasUnknownPayload: Bool {
    ArenaList<TextValue>(
      arena: arena, slot: ElementLayout.unknownElement, of: index, after: Elements.elements[Jingle.number].fixedWords
    ).first != nil
  }

}

extension JingleCodec.JingleReason {
  /// The condition, if it is one that the tables know.
  var endReason: JingleSIPMapping.JingleReason? {
    for name in Elements.childNames(of: index, element: Self.number, in: arena) {
      if let known = JingleSIPMapping.JingleReason(rawValue: "\(name)") { return known }
    }
    return nil
  }
}

extension JingleCodec.JingleReason.Draft {
  /// The reason of a session-terminate. The answer of the phone is also said in words: clients that do not know
  /// `<sip-error/>` show the text (XEP-0166 §7.4).
  init(_ end: SessionEnd) {
    self.init()
    if let code = end.sipError {
      let phrase = end.phrase ?? StatusCodes.phrase(code) ?? ""
      self.phrase = .init(text: phrase.isEmpty ? "\(code)" : "\(code) \(phrase)")
      sipError = .init(code: UInt16(clamping: code), text: phrase.isEmpty ? nil : phrase)
    }
    switch end.reason {
    case .alternativeSession: alternativeSession = .init()
    case .busy: busy = .init()
    case .cancel: cancel = .init()
    case .connectivityError: connectivityError = .init()
    case .decline: decline = .init()
    case .expired: expired = .init()
    case .failedApplication: failedApplication = .init()
    case .failedTransport: failedTransport = .init()
    case .generalError: generalError = .init()
    case .gone: gone = .init()
    case .incompatibleParameters: incompatibleParameters = .init()
    case .mediaError: mediaError = .init()
    case .securityError: securityError = .init()
    case .success: success = .init()
    case .timeout: timeout = .init()
    case .unsupportedApplications: unsupportedApplications = .init()
    case .unsupportedTransports: unsupportedTransports = .init()
    }
  }
}

extension ElementTables {
  /// Names of the known children of the node, in their order.
  static func childNames(of node: Int, element: Int, in arena: Arena) -> [StaticString] {
    let row = elements[element]
    var names: [StaticString] = []
    var child = node + 1 + row.fixedWords
    let end = arena.end(of: node)
    while child < end {
      let slot = arena.slot(of: child)
      let known = children[row.firstChild..<row.firstChild + row.childCount].first { $0.slot == slot }
      if let known { names.append(elements[known.element].name) }
      child = arena.end(of: child)
    }
    return names
  }
}
