/// Who of the users that let our contacts see their presence is available, bounded.
///
/// Each contact that a user has gets each presence of the user. A resource is there as long as one contact sees it:
/// who takes one contact off the roster is gone for that one only (RFC 6121 §3.3.3).
struct PresenceBook: Sendable {
  struct Resource: Sendable {
    /// Local parts of the contacts that see it; empty for the domain.
    var seenBy: Set<String>
    var priority: Int8
    var capabilities: CapabilityHash?
    var features: Set<String>?
  }

  enum Change: Equatable {
    case none
    case appeared
    /// Other capabilities than before.
    case changed
    /// There is no room for one more.
    case refused
  }

  private var users: [JID: [String: Resource]] = [:]
  private var strangers = 0
  private var sightings = 0
  private let maximumUsers: Int
  private let maximumResources: Int
  private let preferredDomain: String

  static let maximumSightings = 500_000

  /// Users of other domains than `preferredDomain` take at most half of the room.
  init(maximumUsers: Int, maximumResources: Int, preferredDomain: String) {
    self.maximumUsers = maximumUsers
    self.maximumResources = maximumResources
    self.preferredDomain = preferredDomain
  }

  subscript(jid: JID) -> Resource? { jid.resource.flatMap { users[jid.bare]?[$0] } }

  mutating func available(_ jid: JID, contact: String, priority: Int8, capabilities: CapabilityHash?) -> Change {
    guard let name = jid.resource else { return .none }
    let user = jid.bare
    if users[user] == nil {
      let isStranger = user.domain != preferredDomain
      guard users.count < maximumUsers, !isStranger || strangers < max(1, maximumUsers / 2) else { return .refused }
      if isStranger { strangers += 1 }
      users[user] = [:]
    }
    guard let old = users[user]?[name] else {
      guard (users[user]?.count ?? 0) < maximumResources else { return .refused }
      users[user]?[name] = Resource(seenBy: [contact], priority: priority, capabilities: capabilities)
      sightings += 1
      return .appeared
    }
    if sightings < Self.maximumSightings, !old.seenBy.contains(contact) {
      users[user]?[name]?.seenBy.insert(contact)
      sightings += 1
    }
    users[user]?[name]?.priority = priority
    if old.capabilities == capabilities { return .none }
    users[user]?[name]?.capabilities = capabilities
    users[user]?[name]?.features = nil
    return .changed
  }

  /// Whether no contact sees the resource any more.
  mutating func unavailable(_ jid: JID, contact: String) -> Bool {
    guard let name = jid.resource else { return false }
    let user = jid.bare
    guard users[user]?[name]?.seenBy.remove(contact) != nil else { return false }
    sightings -= 1
    guard users[user]?[name]?.seenBy.isEmpty == true else { return false }
    users[user]?[name] = nil
    if users[user]?.isEmpty == true {
      users[user] = nil
      if user.domain != preferredDomain { strangers -= 1 }
    }
    return true
  }

  /// A contact sees a user no more; the resources that nobody sees now.
  mutating func unavailable(user: JID, contact: String) -> [JID] {
    let names = users[user.bare]?.keys.sorted() ?? []
    return names.compactMap { user.bare.with(resource: $0) }.filter { unavailable($0, contact: contact) }
  }

  mutating func setFeatures(_ features: Set<String>, of jid: JID) {
    guard let name = jid.resource else { return }
    users[jid.bare]?[name]?.features = features
  }

  mutating func removeAll() {
    users.removeAll()
    strangers = 0
    sightings = 0
  }

  func features(of jid: JID) -> Set<String>? { self[jid]?.features }

  func resources(of user: JID) -> [JID] {
    let resources = users[user.bare] ?? [:]
    return resources.sorted { ($1.value.priority, $0.key) < ($0.value.priority, $1.key) }
      .compactMap { user.bare.with(resource: $0.key) }
  }
}

/// Somebody sees the presence of a contact (RFC 6121 §3.1).
public struct ContactSubscription: Hashable, Sendable {
  /// A bare address of the component.
  public var contact: JID
  /// A bare address.
  public var user: JID

  public init(contact: JID, user: JID) {
    self.contact = contact
    self.user = user
  }
}

/// Who sees which contact, so that they can be told when the stream has come back: a server that has lost a component
/// does not ask it again for its presence while its users stay.
struct WatcherList: Sendable {
  private var known: Set<ContactSubscription> = []
  private let limit: Int
  private var announced: [ContactSubscription] = []
  private var position = 0
  /// When the next of them are told.
  private(set) var nextAnnouncement: UInt64?

  /// So many at a time and so long between them: a server has to read them all.
  private static let batch = 200
  private static let pause: UInt64 = 100_000_000

  init(limit: Int) { self.limit = limit }

  var all: [ContactSubscription] { Array(known) }

  /// Returns whether it is news.
  mutating func insert(_ entry: ContactSubscription) -> Bool {
    known.count < limit && known.insert(entry).inserted
  }

  /// Returns whether it is news.
  mutating func remove(_ entry: ContactSubscription) -> Bool { known.remove(entry) != nil }

  mutating func startAnnouncing(at now: UInt64) {
    announced = Array(known)
    position = 0
    nextAnnouncement = announced.isEmpty ? nil : now
  }

  mutating func stopAnnouncing() {
    announced = []
    nextAnnouncement = nil
  }

  mutating func next(at now: UInt64) -> [ContactSubscription] {
    guard let time = nextAnnouncement, time <= now else { return [] }
    let end = min(position + Self.batch, announced.count)
    let batch = announced[position..<end].filter { known.contains($0) }
    position = end
    nextAnnouncement = end < announced.count ? now + Self.pause : nil
    if end == announced.count { announced = [] }
    return batch
  }
}
