import CodecRuntime

/// Presence: being a contact, and seeing who is available (RFC 6121 §3 and §4).
extension Component {
  mutating func receivePresence(_ stanza: XMLElement, from sender: JID, to: JID, at now: UInt64) {
    guard to.domain == domain.domain else { return }
    let contact = to.bare
    let subscription = ContactSubscription(contact: contact, user: sender.bare)
    guard let type = stanza.attribute("type") else { return becameAvailable(stanza, sender, contact, at: now) }
    switch type.string {
    case "subscribe":
      // RFC 6121 §3.1.3, and XEP-0100 §4.3: a contact wants to see the user in turn.
      note(watchers.insert(subscription))
      sendPresence("subscribed", from: contact, to: sender.bare)
      sendPresence("subscribe", from: contact, to: sender.bare)
      sendAvailable(contact, to: sender.bare)
    case "unsubscribe":
      // RFC 6121 §3.3.3.
      note(watchers.remove(subscription))
      sendPresence("unavailable", from: full(contact), to: sender.bare)
      sendPresence("unsubscribed", from: contact, to: sender.bare)
    case "probe":
      // RFC 6121 §4.3.2. Only the server of a subscribed user asks.
      note(watchers.insert(subscription))
      sendAvailable(contact, to: sender)
    case "unsubscribed":
      // RFC 6121 §3.2.3: the user shows the contact nothing more; §4.3.2: so does the answer to our probe of one who has
      // deleted the contact while we were away. Who still sees it asks when coming the next time.
      note(watchers.remove(subscription))
      left(presence.unavailable(user: sender, contact: contact.local ?? ""))
    case "unavailable", "error":
      if sender.isBare {
        left(presence.unavailable(user: sender, contact: contact.local ?? ""))
      } else if presence.unavailable(sender, contact: contact.local ?? "") {
        left([sender])
      }
    default: break
    }
  }

  private mutating func becameAvailable(_ stanza: XMLElement, _ sender: JID, _ contact: JID, at now: UInt64) {
    guard sender.local != nil, sender.resource != nil, sender.domain != domain.domain else { return }
    let priority = stanza.firstChild(named: "priority", namespace: Namespace.component)?.text.string
    let change = presence.available(
      sender, contact: contact.local ?? "", priority: priority.flatMap { Int8($0) } ?? 0,
      capabilities: Self.capabilities(in: stanza))
    switch change {
    case .none, .refused: return
    case .appeared: effects.append(.notify(.resourceAvailable(sender)))
    case .changed: break
    }
    let node = stanza.firstChild(named: "c", namespace: Namespace.capabilities)?.attribute("node")?.string
    discover(sender, node: node ?? "", from: full(contact), at: now)
  }

  private mutating func note(_ isChanged: Bool) {
    if isChanged { effects.append(.notify(.subscriptionsChanged)) }
  }

  private mutating func left(_ resources: [JID]) {
    for jid in resources { effects.append(.notify(.resourceUnavailable(jid))) }
  }

  /// The address that a contact's presence comes from; the domain has no resource (XEP-0100 §4.3).
  func full(_ contact: JID) -> JID {
    contact.local == nil ? contact : contact.with(resource: configuration.resource) ?? contact
  }

  // MARK: Our own

  private mutating func sendPresence(_ type: StaticString, from: JID, to: JID) {
    effects.append(
      .send(
        bytes { output in
          output.beginStartTag("presence")
          output.attribute("type", type)
          output.attribute("from", from.description)
          output.attribute("to", to.description)
          output.endEmptyElementTag()
        }))
  }

  private mutating func sendAvailable(_ contact: JID, to: JID) {
    let profile = contact.local == nil ? domainProfile : contactProfile
    let from = full(contact)
    effects.append(
      .send(
        bytes { output in
          output.beginStartTag("presence")
          output.attribute("from", from.description)
          output.attribute("to", to.description)
          output.endStartTag()
          profile.writeCapabilities(to: &output)
          output.endTag("presence")
        }))
  }

  /// After the stream has come back: those who see a contact are told that it is there, and asked whether they are.
  mutating func announce(at now: UInt64) {
    watchers.startAnnouncing(at: now)
    announceNext(at: now)
  }

  mutating func announceNext(at now: UInt64) {
    for entry in watchers.next(at: now) {
      sendAvailable(entry.contact, to: entry.user)
      sendPresence("probe", from: entry.contact, to: entry.user)
    }
  }

  /// Nobody else says that the contacts are gone when the component ends.
  mutating func sayGoodbye() {
    for entry in watchers.all { sendPresence("unavailable", from: full(entry.contact), to: entry.user) }
  }
}
