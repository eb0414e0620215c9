import CodecRuntime

/// Stanzas of clients that have bound a resource: RFC 6120 §8 and §10, RFC 6121 §4 and §8.
extension EmbeddedServer {
  mutating func receive(_ stanza: XMLElement, from sender: JID, on id: ConnectionID, at now: UInt64) {
    guard stanza.namespace == Namespace.client else {
      // RFC 6120 §4.9.3.10, §4.9.3.24: stanzas of another namespace; elements that were never offered.
      return fail(
        id,
        stanza.namespace == "jabber:server" || stanza.namespace.isEmpty
          ? .invalidNamespace : .unsupportedStanzaType)
    }
    if let from = stanza.attribute("from") {
      // RFC 6120 §8.1.2.1: a client speaks for itself.
      guard let claimed = JID(from), claimed == sender || claimed == sender.bare else { return fail(id, .invalidFrom) }
    }
    var to: JID?
    if let text = stanza.attribute("to") {
      to = JID(text)
      if to == nil { return answer(stanza, of: sender, on: id, .jidMalformed) }
    }
    if stanza.name == "iq" {
      receiveIQ(stanza, from: sender, to: to, on: id)
    } else if stanza.name == "message" {
      receiveMessage(stanza, from: sender, to: to, on: id)
    } else if stanza.name == "presence" {
      receivePresence(stanza, from: sender, to: to)
    } else {
      fail(id, .unsupportedStanzaType)
    }
  }

  /// Answers with an error, but never an error (RFC 6120 §8.3.1), a result or presence.
  private mutating func answer(
    _ stanza: XMLElement, of sender: JID, on id: ConnectionID, _ condition: StanzaErrorCondition
  ) {
    if let type = stanza.attribute("type"), type == "error" || type == "result" { return }
    if stanza.name == "presence" { return }
    effects.append(.send(id, errorAnswer(to: stanza, of: sender, condition)))
  }

  private func isIntercepted(
    _ stanza: XMLElement, as kind: InterceptedPayload.Stanza, from sender: JID, to: JID?
  ) -> Bool {
    for rule in configuration.interceptedPayloads where rule.stanza == kind {
      switch rule.addressee {
      case .anyone: break
      case .oneself:
        if let to, to != sender, to != sender.bare { continue }
      case .nobodyHere:
        guard let to, to != domain, !hasAccount(to.bare) else { continue }
      }
      if rule.isIn(stanza, kind) { return true }
    }
    return false
  }

  // MARK: IQ

  private mutating func receiveIQ(_ stanza: XMLElement, from sender: JID, to: JID?, on id: ConnectionID) {
    let type = stanza.attribute("type")
    if let type, type == "result" || type == "error" { return receiveResponse(stanza, from: sender, to: to) }
    let isSet = type.map { $0 == "set" } ?? false
    let isGet = type.map { $0 == "get" } ?? false
    var children = stanza.children.makeIterator()
    // RFC 6120 §8.2.3: an id, a known type, one payload.
    guard isSet || isGet, let identifier = stanza.attribute("id"), !identifier.isEmpty,
      let payload = children.next(), children.next() == nil
    else { return answer(stanza, of: sender, on: id, .badRequest) }
    if isIntercepted(stanza, as: isSet ? .iqSet : .iqGet, from: sender, to: to) {
      effects.append(.notify(.intercepted(from: sender, stanza)))
      return
    }
    guard let to, to != sender.bare, to != domain else {
      return serve(stanza, payload, isSet: isSet, isForDomain: to == domain, of: sender, on: id)
    }
    guard to.domain == domain.domain else { return answer(stanza, of: sender, on: id, .remoteServerNotFound) }
    // RFC 6121 §8.5.3.1; for a bare JID (§8.5.2.1.3) the server answers, and knows nothing about anybody.
    if !deliver(stanza, from: sender, to: to) { answer(stanza, of: sender, on: id, .serviceUnavailable) }
  }

  private mutating func receiveResponse(_ stanza: XMLElement, from sender: JID, to: JID?) {
    guard let to, let identifier = stanza.attribute("id") else { return }
    if let user = sender.local, let index = sessionIndex(of: sender) {
      let response = AwaitedResponse(id: identifier.string, from: to)
      if sessions[user]?[index].awaited.removeValue(forKey: response) != nil {
        effects.append(.notify(.iqResponse(from: sender, id: response.id, stanza)))
        return
      }
    }
    _ = deliver(stanza, from: sender, to: to)
  }

  /// What the server answers itself, for its domain or for the sender's account.
  private mutating func serve(
    _ stanza: XMLElement, _ payload: XMLElement, isSet: Bool, isForDomain: Bool, of sender: JID, on id: ConnectionID
  ) {
    if payload.matches("ping", namespace: Namespace.ping), !isSet {
      effects.append(.send(id, resultAnswer(to: stanza, of: sender)))
    } else if payload.matches("session", namespace: Namespace.session), isSet {
      effects.append(.send(id, resultAnswer(to: stanza, of: sender)))
    } else if payload.matches("query", namespace: Namespace.roster), !isForDomain {
      // RFC 6121 §2.1.4: an empty roster. There is no other one that could be had.
      if isSet { return answer(stanza, of: sender, on: id, .notAllowed) }
      effects.append(
        .send(id, resultAnswer(to: stanza, of: sender) { $0.append("<query xmlns='jabber:iq:roster'/>") }))
    } else if payload.matches("query", namespace: Namespace.discoInfo), !isSet {
      discoverInfo(stanza, payload, isForDomain: isForDomain, of: sender, on: id)
    } else if payload.matches("query", namespace: Namespace.discoItems), !isSet {
      effects.append(
        .send(
          id,
          resultAnswer(to: stanza, of: sender) { output in
            output.beginStartTag("query", namespace: Namespace.discoItems)
            if let node = payload.attribute("node") { output.attribute("node", node) }
            output.endEmptyElementTag()
          }))
    } else if payload.matches("bind", namespace: Namespace.bind) {
      answer(stanza, of: sender, on: id, .notAllowed)
    } else {
      answer(stanza, of: sender, on: id, .serviceUnavailable)
    }
  }

  /// XEP-0030 §3.1.
  private mutating func discoverInfo(
    _ stanza: XMLElement, _ payload: XMLElement, isForDomain: Bool, of sender: JID, on id: ConnectionID
  ) {
    // No node is known here.
    if payload.attribute("node") != nil { return answer(stanza, of: sender, on: id, .itemNotFound) }
    let features = isForDomain ? configuration.features : []
    let result = resultAnswer(to: stanza, of: sender) { output in
      output.beginStartTag("query", namespace: Namespace.discoInfo)
      output.endStartTag()
      output.beginStartTag("identity")
      output.attribute("category", isForDomain ? "server" : "account")
      output.attribute("type", isForDomain ? "im" : "registered")
      output.endEmptyElementTag()
      for feature in [Namespace.discoInfo, Namespace.discoItems, Namespace.ping] {
        output.beginStartTag("feature")
        output.attribute("var", feature)
        output.endEmptyElementTag()
      }
      for feature in features {
        output.beginStartTag("feature")
        output.attribute("var", feature)
        output.endEmptyElementTag()
      }
      output.endTag("query")
    }
    effects.append(.send(id, result))
  }

  /// Passes a stanza on to a full JID; `false` where it is not connected.
  private mutating func deliver(_ stanza: XMLElement, from sender: JID, to: JID) -> Bool {
    guard let user = to.local, let index = sessionIndex(of: to), let session = sessions[user]?[index] else {
      return false
    }
    effects.append(.send(session.connection, routed(stanza, from: sender, to: to)))
    return true
  }

  // MARK: Messages

  private mutating func receiveMessage(_ stanza: XMLElement, from sender: JID, to: JID?, on id: ConnectionID) {
    if isIntercepted(stanza, as: .message, from: sender, to: to) {
      effects.append(.notify(.message(from: sender, stanza)))
      return
    }
    // RFC 6120 §10.3.1: without an addressee it is for the sender's own account.
    let to = to ?? sender.bare
    let type = stanza.attribute("type")?.string ?? "normal"
    guard to.domain == domain.domain else { return answer(stanza, of: sender, on: id, .remoteServerNotFound) }
    if deliver(stanza, from: sender, to: to) { return }
    let isConversation = type != "groupchat" && type != "headline" && type != "error"
    // RFC 6121 §8.5.3.2.1: what cannot reach its resource goes to the others, if it is part of a conversation.
    if !to.isBare, !isConversation {
      if type == "groupchat" { answer(stanza, of: sender, on: id, .serviceUnavailable) }
      return
    }
    var isDelivered = false
    if isConversation || type == "headline" {
      // RFC 6121 §8.5.2.1.1: all resources that are available and have not asked to be left alone.
      for session in availableSessions(of: to) where session.priority >= 0 {
        effects.append(.send(session.connection, routed(stanza, from: sender, to: to)))
        isDelivered = true
      }
    }
    // RFC 6121 §8.5.2.2.1: nothing is stored for those who are not there.
    if !isDelivered, type != "headline" { answer(stanza, of: sender, on: id, .serviceUnavailable) }
  }

  // MARK: Presence

  private mutating func receivePresence(_ stanza: XMLElement, from sender: JID, to: JID?) {
    let type = stanza.attribute("type")
    // Subscriptions and probes (RFC 6121 §3, §4.3) find nobody: there are none.
    if let type, !(type == "unavailable") { return }
    if let to {
      // RFC 6121 §4.6: directed presence.
      if to.isBare {
        for session in availableSessions(of: to) {
          effects.append(.send(session.connection, routed(stanza, from: sender, to: to)))
        }
      } else {
        _ = deliver(stanza, from: sender, to: to)
      }
      return
    }
    guard let user = sender.local, let index = sessionIndex(of: sender), let session = sessions[user]?[index] else {
      return
    }
    if type != nil {
      if session.presence != nil { becameUnavailable(sender, stanza) }
      return
    }
    sessions[user]?[index].presence = stanza
    let priority = stanza.firstChild(named: "priority", namespace: Namespace.client)?.text.string
    // RFC 6121 §4.7.2.3: −128 to 127, 0 without one.
    sessions[user]?[index].priority = priority.flatMap { Int8($0) } ?? 0
    let others = availableSessions(of: sender)
    for other in others {
      effects.append(.send(other.connection, routed(stanza, from: sender, to: other.jid)))
    }
    if session.presence != nil { return }
    // RFC 6121 §4.2.2: who comes in learns which others of the same account are there.
    for other in others where other.jid != sender {
      guard let presence = other.presence else { continue }
      effects.append(.send(session.connection, routed(presence, from: other.jid, to: sender)))
    }
    effects.append(.notify(.resourceAvailable(sender)))
  }

  /// RFC 6121 §4.5: the others of the account are told; without `stanza` the stream has ended without a word.
  mutating func becameUnavailable(_ jid: JID, _ stanza: XMLElement?) {
    guard let user = jid.local, let index = sessionIndex(of: jid) else { return }
    sessions[user]?[index].presence = nil
    for other in availableSessions(of: jid) {
      let presence =
        stanza.map { routed($0, from: jid, to: other.jid) }
        ?? bytes { output in
          output.beginStartTag("presence")
          output.attribute("type", "unavailable" as StaticString)
          output.attribute("from", jid.description)
          output.attribute("to", other.jid.description)
          output.endEmptyElementTag()
        }
      effects.append(.send(other.connection, presence))
    }
    effects.append(.notify(.resourceUnavailable(jid)))
  }
}
