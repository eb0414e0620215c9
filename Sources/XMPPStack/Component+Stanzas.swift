import CodecRuntime

/// Stanzas from the server: what is handed over, and what is answered here.
extension Component {
  /// Of the domain: what this file answers.
  static let domainFeatures = [
    Namespace.discoInfo, Namespace.discoItems, Namespace.ping, Namespace.vCard, Namespace.gateway,
    Namespace.capabilities, Namespace.escaping,
  ].map { "\($0)" }
  /// Of each contact.
  static let contactFeatures = [
    Namespace.discoInfo, Namespace.discoItems, Namespace.ping, Namespace.vCard, Namespace.capabilities,
  ].map { "\($0)" }

  mutating func receive(_ stanza: XMLElement, at now: UInt64) {
    // The server has stamped both (XEP-0114 §3); what has not been is for nobody.
    guard stanza.namespace == Namespace.component, let sender = stanza.attribute("from").flatMap({ JID($0) }) else {
      return
    }
    let to: JID
    if let text = stanza.attribute("to") {
      guard let jid = JID(text) else { return answer(stanza, of: sender, .jidMalformed) }
      to = jid
    } else {
      to = domain
    }
    if stanza.name == "iq" {
      receiveIQ(stanza, from: sender, to: to, at: now)
    } else if stanza.name == "message" {
      receiveMessage(stanza, from: sender, to: to)
    } else if stanza.name == "presence" {
      receivePresence(stanza, from: sender, to: to, at: now)
    }
  }

  private mutating func answer(_ stanza: XMLElement, of sender: JID, _ condition: StanzaErrorCondition) {
    if let type = stanza.attribute("type"), type == "error" || type == "result" { return }
    if stanza.name == "presence" { return }
    effects.append(.send(errorAnswer(to: stanza, of: sender, condition)))
  }

  private mutating func answer(
    _ stanza: XMLElement, of sender: JID, _ payload: (inout Output) -> Void = { _ in }
  ) {
    effects.append(.send(resultAnswer(to: stanza, of: sender, payload)))
  }

  /// Calls are for contacts, and for everybody of the user domain where the server hands their stanzas over.
  private func isIntercepted(
    _ stanza: XMLElement, _ kind: InterceptedPayload.Stanza, from sender: JID, to: JID
  ) -> Bool {
    let isContact = to.domain == domain.domain && to.local != nil
    guard isContact || (configuration.intercepts && to.domain == userDomain) else { return false }
    for rule in configuration.interceptedPayloads {
      switch rule.addressee {
      case .anyone: break
      case .oneself: if to.bare != sender.bare { continue }
      case .nobodyHere: if !isContact { continue }
      }
      if rule.isIn(stanza, kind) { return true }
    }
    return false
  }

  // MARK: Messages

  private mutating func receiveMessage(_ stanza: XMLElement, from sender: JID, to: JID) {
    let type = stanza.attribute("type")?.string ?? "normal"
    if type == "error" {
      if to.local != nil { effects.append(.notify(.message(from: sender, stanza))) }
    } else if isIntercepted(stanza, .message, from: sender, to: to) {
      effects.append(.notify(.message(from: sender, stanza)))
    } else if type != "headline", stanza.firstChild(named: "body", namespace: Namespace.component) != nil {
      // RFC 6121 §8.5.2.2.1: nobody reads what is written to a telephone. What has no body expects no answer.
      answer(stanza, of: sender, .serviceUnavailable)
    }
  }

  // MARK: IQ

  private mutating func receiveIQ(_ stanza: XMLElement, from sender: JID, to: JID, at now: UInt64) {
    let type = stanza.attribute("type")
    if let type, type == "result" || type == "error" { return receiveResponse(stanza, from: sender, to: to, at: now) }
    let isSet = type.map { $0 == "set" } ?? false
    let isGet = type.map { $0 == "get" } ?? false
    var children = stanza.children.makeIterator()
    // RFC 6120 §8.2.3: an id, a known type, one payload.
    guard isSet || isGet, let identifier = stanza.attribute("id"), !identifier.isEmpty,
      let payload = children.next(), children.next() == nil
    else { return answer(stanza, of: sender, .badRequest) }
    if isIntercepted(stanza, isSet ? .iqSet : .iqGet, from: sender, to: to) {
      effects.append(.notify(.intercepted(from: sender, stanza)))
      return
    }
    // RFC 6121 §8.5.3.2.3: of a contact there is one resource, of the domain none.
    guard to.domain == domain.domain, to.isBare || (to.local != nil && to.resource == configuration.resource) else {
      return answer(stanza, of: sender, .serviceUnavailable)
    }
    if isGet, payload.matches("query", namespace: Namespace.discoInfo) {
      discoverInfo(stanza, payload, of: sender, to: to)
    } else if isGet, payload.matches("query", namespace: Namespace.discoItems) {
      discoverItems(stanza, payload, of: sender, to: to)
    } else if isGet, payload.matches("ping", namespace: Namespace.ping) {
      answer(stanza, of: sender)
    } else if isGet, payload.matches("vCard", namespace: Namespace.vCard) {
      answerCard(stanza, of: sender, to: to)
    } else if to.local == nil, payload.matches("query", namespace: Namespace.gateway) {
      translateAddress(stanza, payload, isSet: isSet, of: sender)
    } else {
      answer(stanza, of: sender, .serviceUnavailable)
    }
  }

  private mutating func receiveResponse(_ stanza: XMLElement, from sender: JID, to: JID, at now: UInt64) {
    guard let id = stanza.attribute("id")?.string else { return }
    if receiveDiscovery(stanza, id: id, from: sender, to: to, at: now) { return }
    if takeAwaited(id: id, to: to, from: sender) {
      effects.append(.notify(.iqResponse(from: sender, id: id, stanza)))
    }
  }

  /// XEP-0030 §3.1.
  private mutating func discoverInfo(_ stanza: XMLElement, _ payload: XMLElement, of sender: JID, to: JID) {
    let profile = to.local == nil ? domainProfile : contactProfile
    let node = payload.attribute("node")
    guard profile.isNamed(by: node) else { return answer(stanza, of: sender, .itemNotFound) }
    answer(stanza, of: sender) { profile.write(node: node, to: &$0) }
  }

  /// XEP-0030 §4.1: there are none; contacts are as many as numbers.
  private mutating func discoverItems(_ stanza: XMLElement, _ payload: XMLElement, of sender: JID, to: JID) {
    let profile = to.local == nil ? domainProfile : contactProfile
    let node = payload.attribute("node")
    guard profile.isNamed(by: node) else { return answer(stanza, of: sender, .itemNotFound) }
    answer(stanza, of: sender) { output in
      output.beginStartTag("query", namespace: Namespace.discoItems)
      if let node { output.attribute("node", node) }
      output.endEmptyElementTag()
    }
  }

  /// XEP-0054 §3.1.
  private mutating func answerCard(_ stanza: XMLElement, of sender: JID, to: JID) {
    let name = to.local.map(JID.unescapedLocal) ?? configuration.name
    answer(stanza, of: sender) { output in
      output.beginStartTag("vCard", namespace: Namespace.vCard)
      output.append("><FN>")
      output.append(characterData: name)
      output.append("</FN></vCard>")
    }
  }

  /// XEP-0100 §6.3: what people write becomes an address.
  private mutating func translateAddress(_ stanza: XMLElement, _ payload: XMLElement, isSet: Bool, of sender: JID) {
    let prompt = configuration.prompt
    guard isSet else {
      return answer(stanza, of: sender) { output in
        output.beginStartTag("query", namespace: Namespace.gateway)
        output.append("><prompt>")
        output.append(characterData: prompt)
        output.append("</prompt></query>")
      }
    }
    guard let text = payload.firstChild(named: "prompt", namespace: Namespace.gateway)?.text else {
      return answer(stanza, of: sender, .badRequest)
    }
    guard let local = Self.localPart(for: text.string), let jid = JID(local: local, domain: domain.domain) else {
      return answer(stanza, of: sender, .notAcceptable)
    }
    answer(stanza, of: sender) { output in
      output.beginStartTag("query", namespace: Namespace.gateway)
      output.append("><jid>")
      output.append(characterData: jid.description)
      output.append("</jid></query>")
    }
  }

  /// The escaped local part (XEP-0106) for a number or an address as people write them: with the scheme of a URI, and
  /// a number with spaces and the visual separators of RFC 3966 §5.1.1.
  static func localPart(for text: String) -> String? {
    guard text.utf8.count <= JID.maximumPartBytes else { return nil }
    var name = Substring(text.trimmingSpaces)
    for scheme in ["sip:", "sips:", "tel:", "xmpp:"] where name.lowercased().hasPrefix(scheme) {
      name = name.dropFirst(scheme.count)
      break
    }
    let separators: Set<Character> = [" ", "\u{A0}", "-", ".", "(", ")", "/"]
    let digits = name.filter { !separators.contains($0) }
    let number = digits.hasPrefix("+") ? digits.dropFirst() : Substring(digits)
    if !number.isEmpty, number.utf8.allSatisfy({ (0x30...0x39).contains($0) }) { return String(digits) }
    let escaped = JID.escapedLocal(String(name))
    return escaped.isEmpty ? nil : escaped
  }
}

extension String {
  fileprivate var trimmingSpaces: Substring {
    let start = firstIndex { !$0.isWhitespace } ?? endIndex
    let rest = self[start...]
    guard let end = rest.lastIndex(where: { !$0.isWhitespace }) else { return "" }
    return rest[...end]
  }
}
