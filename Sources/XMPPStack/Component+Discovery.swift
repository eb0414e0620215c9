import CodecRuntime

/// Questions for what resources can do (XEP-0030, XEP-0115), of which each verification string is asked for once.
struct DiscoveryQueries: Sendable {
  struct Question: Sendable {
    let resource: JID
    /// Who asks: a contact that the resource has shown itself to.
    let contact: JID
    let node: String
    let hash: CapabilityHash?
  }

  private var asked: [String: (question: Question, deadline: UInt64)] = [:]
  /// In the order of their deadlines. Others may still be listed.
  private var order: [(id: String, deadline: UInt64)] = []
  private var first = 0
  /// Those who have sent the same verification string as somebody who was asked.
  private var waiting: [CapabilityHash: [Question]] = [:]

  static let maximumAsked = 10_000

  var nextDeadline: UInt64? { first < order.count ? order[first].deadline : nil }
  var isFull: Bool { asked.count >= Self.maximumAsked }

  func isAsking(for hash: CapabilityHash) -> Bool { waiting[hash] != nil }

  mutating func wait(_ question: Question, for hash: CapabilityHash) {
    // Who changes capabilities without end waits for one answer only.
    if let count = waiting[hash]?.count, count < Self.maximumAsked { waiting[hash]?.append(question) }
  }

  mutating func ask(_ question: Question, id: String, until deadline: UInt64) {
    asked[id] = (question, deadline)
    order.append((id, deadline))
    if let hash = question.hash, waiting[hash] == nil { waiting[hash] = [] }
  }

  mutating func take(id: String, from: JID, to: JID) -> Question? {
    guard let question = asked[id]?.question, question.resource == from, question.contact == to else { return nil }
    asked[id] = nil
    return question
  }

  /// Those that have not been answered until now.
  mutating func expired(at now: UInt64) -> [Question] {
    var late: [Question] = []
    while first < order.count, order[first].deadline <= now {
      if let question = asked.removeValue(forKey: order[first].id)?.question { late.append(question) }
      first += 1
    }
    if first * 2 >= order.count {
      order.removeFirst(first)
      first = 0
    }
    return late
  }

  /// The answer for a verification string is known, and these waited for it.
  mutating func release(_ hash: CapabilityHash) -> [Question] { waiting.removeValue(forKey: hash) ?? [] }

  mutating func removeAll() {
    asked.removeAll()
    order.removeAll()
    first = 0
    waiting.removeAll()
  }
}

/// What others can do.
extension Component {
  /// XEP-0115 §4; `nil` where the presence has none that can be checked.
  static func capabilities(in stanza: XMLElement) -> CapabilityHash? {
    guard let element = stanza.firstChild(named: "c", namespace: Namespace.capabilities),
      let algorithm = element.attribute("hash").flatMap({ CapabilityHash.Algorithm(rawValue: $0.string) }),
      let version = element.attribute("ver"), !version.isEmpty, version.count <= CapabilityHash.maximumBytes,
      let node = element.attribute("node"), node.count <= 1024
    else { return nil }
    return CapabilityHash(algorithm: algorithm, version: version.string)
  }

  /// Finds out what a resource can do: from what is known, else by asking.
  mutating func discover(_ jid: JID, node: String, from contact: JID, at now: UInt64) {
    let hash = presence[jid]?.capabilities
    if let hash, let features = capabilities[hash] { return found(features, of: jid) }
    let question = DiscoveryQueries.Question(resource: jid, contact: contact, node: node, hash: hash)
    if let hash, queries.isAsking(for: hash) { return queries.wait(question, for: hash) }
    ask(question, at: now)
  }

  private mutating func ask(_ question: DiscoveryQueries.Question, at now: UInt64) {
    if queries.isFull { return }
    let id = nextIdentifier("disco")
    queries.ask(question, id: id, until: now + configuration.discoveryTimeout)
    effects.append(
      .send(
        bytes { output in
          output.beginStartTag("iq")
          output.attribute("type", "get" as StaticString)
          output.attribute("id", id)
          output.attribute("from", question.contact.description)
          output.attribute("to", question.resource.description)
          output.endStartTag()
          output.beginStartTag("query", namespace: Namespace.discoInfo)
          // XEP-0115 §6.2.
          if let hash = question.hash { output.attribute("node", question.node + "#" + hash.version) }
          output.endEmptyElementTag()
          output.endTag("iq")
        }))
  }

  /// The answer to a question of ours; `false` where it is none.
  mutating func receiveDiscovery(_ stanza: XMLElement, id: String, from sender: JID, to: JID, at now: UInt64) -> Bool {
    guard let question = queries.take(id: id, from: sender, to: to) else { return false }
    guard stanza.attribute("type").map({ $0 == "result" }) == true,
      let query = stanza.firstChild(named: "query", namespace: Namespace.discoInfo)
    else {
      learned(nil, question, at: now)
      return true
    }
    learned(DiscoveryInformation(query), question, at: now)
    return true
  }

  mutating func expireQueries(at now: UInt64) {
    for question in queries.expired(at: now) { learned(nil, question, at: now) }
  }

  private mutating func learned(
    _ information: DiscoveryInformation?, _ question: DiscoveryQueries.Question, at now: UInt64
  ) {
    let features = Set(information?.features ?? [])
    if presence[question.resource]?.capabilities == question.hash { found(features, of: question.resource) }
    guard let hash = question.hash else { return }
    var waiting = queries.release(hash)
    // XEP-0115 §5.4: what does not verify is believed of its sender only.
    if let information, information.isWellFormed, information.version(hash.algorithm) == hash.version {
      capabilities.insert(features, for: hash)
      for other in waiting where presence[other.resource]?.capabilities == hash { found(features, of: other.resource) }
      return
    }
    while let next = waiting.popLast() {
      guard presence[next.resource]?.capabilities == hash, presence[next.resource]?.features == nil else { continue }
      ask(next, at: now)
      for other in waiting { queries.wait(other, for: hash) }
      return
    }
  }

  private mutating func found(_ features: Set<String>, of jid: JID) {
    guard presence[jid] != nil else { return }
    presence.setFeatures(features, of: jid)
    effects.append(.notify(.resourceFeatures(jid, features)))
  }
}
