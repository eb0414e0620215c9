import CodecRuntime
import XMLReader

/// Stream negotiation: RFC 6120 §4 (streams), §5 (STARTTLS), §6 (SASL), §7 (resource binding).
extension EmbeddedServer {
  mutating func handle(_ event: XMLStreamEvent, on id: ConnectionID, at now: UInt64) {
    guard let connection = connections[id] else { return }
    switch event {
    case .streamOpened(let head): open(head, on: id)
    case .streamClosed:
      // RFC 6120 §4.4: the other side is closed in turn.
      if connection.hasSentHeader { effects.append(.send(id, bytes { $0.append("</stream:stream>") })) }
      close(id)
    case .failed(let error): fail(id, StreamErrorCondition(error.kind))
    case .stanza(let element):
      if element.matches("error", namespace: Namespace.streams) { return close(id) }
      switch connection.phase {
      case .opening, .authenticated: fail(id, .notAuthorized)
      case .negotiating, .awaitingResponse: authenticate(element, on: id)
      case .binding(let user): bind(element, of: user, on: id)
      case .bound(let jid): receive(element, from: jid, on: id, at: now)
      }
    }
  }

  // MARK: The stream header

  private mutating func open(_ head: XMLElement, on id: ConnectionID) {
    guard let connection = connections[id] else { return }
    guard head.namespace == Namespace.streams else { return fail(id, .invalidNamespace) }
    guard head.name == "stream" else { return fail(id, .badFormat) }
    sendHeader(id, to: head.attribute("from").flatMap { JID($0) })
    if let to = head.attribute("to") {
      guard JID(to) == domain else { return fail(id, .hostUnknown) }
    }
    // RFC 6120 §4.7.5: the major version, as a number; none is 0.9.
    let version = head.attribute("version")?.string.split(separator: ".", omittingEmptySubsequences: false) ?? []
    guard version.count == 2, let major = version.first.flatMap({ UInt32($0) }), major >= 1 else {
      return fail(id, .unsupportedVersion)
    }
    let features: [UInt8]
    switch connection.phase {
    case .authenticated(let user):
      connections[id]?.phase = .binding(user: user)
      features = bytes { output in
        output.append("<stream:features><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>")
        output.append("<session xmlns='urn:ietf:params:xml:ns:xmpp-session'><optional/></session></stream:features>")
      }
    default:
      connections[id]?.phase = .negotiating
      let mayEncrypt = mayEncrypt(connection)
      features = bytes { output in
        output.append("<stream:features>")
        if mayEncrypt {
          // RFC 6120 §5.3.1: where there is nothing else to negotiate it is required.
          output.append("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'>")
          if !connection.mayUsePasswords { output.append("<required/>") }
          output.append("</starttls>")
        }
        if connection.mayUsePasswords {
          output.append(
            "<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>PLAIN</mechanism></mechanisms>")
        }
        output.append("</stream:features>")
      }
    }
    effects.append(.send(id, features))
  }

  mutating func sendHeader(_ id: ConnectionID, to client: JID?) {
    let identifier = randomIdentifier()
    let name = domain.description
    connections[id]?.hasSentHeader = true
    effects.append(
      .send(
        id,
        bytes { output in
          output.append("<?xml version='1.0'?><stream:stream xmlns='jabber:client' ")
          output.append("xmlns:stream='http://etherx.jabber.org/streams' version='1.0' xml:lang='en'")
          output.attribute("id", identifier)
          output.attribute("from", name)
          if let client { output.attribute("to", client.description) }
          output.endStartTag()
        }))
  }

  // MARK: STARTTLS

  private func mayEncrypt(_ connection: Connection) -> Bool { configuration.offersTLS && !connection.isEncrypted }

  /// RFC 6120 §5.4.2.
  private mutating func startTLS(_ element: XMLElement, on id: ConnectionID) {
    guard let connection = connections[id], element.name == "starttls", mayEncrypt(connection) else {
      effects.append(
        .send(id, bytes { $0.append("<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:stream>") }))
      return close(id)
    }
    connections[id]?.isEncrypted = true
    connections[id]?.hasSentHeader = false
    connections[id]?.phase = .opening
    effects.append(.send(id, bytes { $0.append("<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>") }))
    effects.append(.startTLS(id))
  }

  // MARK: SASL

  private mutating func authenticate(_ element: XMLElement, on id: ConnectionID) {
    guard let connection = connections[id] else { return }
    guard element.namespace == Namespace.sasl else {
      if element.namespace == Namespace.startTLS { return startTLS(element, on: id) }
      // RFC 6120 §4.9.3.12: a stanza before authentication.
      return fail(id, .notAuthorized)
    }
    switch (element.name.string, connection.phase) {
    case ("auth", .negotiating):
      guard connection.mayUsePasswords else { return refuse(id, "encryption-required") }
      guard let mechanism = element.attribute("mechanism"), mechanism == "PLAIN" else {
        return refuse(id, "invalid-mechanism")
      }
      if element.text.isEmpty {
        // RFC 6120 §6.4.2: without an initial response the client is asked for it.
        connections[id]?.phase = .awaitingResponse
        effects.append(.send(id, bytes { $0.append("<challenge xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>") }))
      } else {
        checkPlain(element.text, on: id)
      }
    case ("response", .awaitingResponse):
      connections[id]?.phase = .negotiating
      checkPlain(element.text, on: id)
    case ("abort", _):
      connections[id]?.phase = .negotiating
      refuse(id, "aborted")
    default:
      connections[id]?.phase = .negotiating
      refuse(id, "malformed-request")
    }
  }

  private mutating func checkPlain(_ text: Text, on id: ConnectionID) {
    let message: PlainMessage
    do throws(PlainMessage.Fault) {
      message = try PlainMessage(base64: text)
    } catch {
      switch error {
      case .incorrectEncoding: return refuse(id, "incorrect-encoding")
      case .malformedRequest: return refuse(id, "malformed-request")
      }
    }
    guard let jid = JID(local: message.authenticationIdentity, domain: domain.domain), let user = jid.local,
      isPassword(message.password, of: user)
    else { return refuse(id, "not-authorized") }
    // RFC 6120 §6.3.8: nobody acts for somebody else here.
    guard message.authorizationIdentity.isEmpty || JID(message.authorizationIdentity) == jid else {
      return refuse(id, "invalid-authzid")
    }
    connections[id]?.phase = .authenticated(user: user)
    connections[id]?.hasSentHeader = false
    effects.append(.send(id, bytes { $0.append("<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>") }))
    effects.append(.restartStream(id, configuration.stanzaLimits))
  }

  /// RFC 6120 §6.4.5, §6.5.
  private mutating func refuse(_ id: ConnectionID, _ condition: StaticString) {
    effects.append(
      .send(
        id,
        bytes { output in
          output.append("<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><")
          output.append(condition)
          output.append("/></failure>")
        }))
    connections[id]?.failedAttempts += 1
    if let attempts = connections[id]?.failedAttempts, attempts >= configuration.maximumFailedAttempts {
      fail(id, .policyViolation)
    }
  }

  // MARK: Resource binding

  private mutating func bind(_ element: XMLElement, of user: String, on id: ConnectionID) {
    // RFC 6120 §7.1: until a resource is bound nothing else is processed.
    guard element.matches("iq", namespace: Namespace.client), let type = element.attribute("type"), type == "set",
      let request = element.firstChild(named: "bind", namespace: Namespace.bind)
    else { return fail(id, .notAuthorized) }
    let asked = request.firstChild(named: "resource", namespace: Namespace.bind)?.text.string ?? ""
    let resource = asked.isEmpty ? randomIdentifier() : asked
    guard let jid = JID(local: user, domain: domain.domain, resource: resource) else {
      effects.append(.send(id, errorAnswer(to: element, of: domain, .badRequest)))
      return
    }
    if let index = sessionIndex(of: jid), let older = sessions[user]?[index].connection {
      // RFC 6120 §7.7.2.2: the newest wins. What hangs on the older stream has to end first, as both have one name.
      fail(older, .conflict)
    }
    guard (sessions[user]?.count ?? 0) < configuration.maximumResources else {
      effects.append(.send(id, errorAnswer(to: element, of: domain, .resourceConstraint)))
      return
    }
    connections[id]?.phase = .bound(jid)
    sessions[user, default: []].append(Session(jid: jid, connection: id))
    effects.append(
      .send(
        id,
        bytes { output in
          output.beginStartTag("iq")
          output.attribute("type", "result" as StaticString)
          if let identifier = element.attribute("id") { output.attribute("id", identifier) }
          output.append("><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>")
          output.append(characterData: jid.description)
          output.append("</jid></bind></iq>")
        }))
  }
}
