import CodecRuntime
import JingleCodec
import XMPPStack

/// Which devices of which users are available, and what they can do.
struct Presences {
  /// By bare address, in the order in which they came; empty for one who is known and not there.
  private var devices: [String: [JID]] = [:]
  private var features: [JID: Set<String>] = [:]
  /// Whether there is a server that messages can go to.
  var isConnected = true

  mutating func add(_ device: JID) {
    let bare = device.bare.description
    if devices[bare]?.contains(device) != true { devices[bare, default: []].append(device) }
  }

  mutating func setFeatures(_ features: Set<String>, of device: JID) {
    if devices[device.bare.description]?.contains(device) == true { self.features[device] = features }
  }

  mutating func remove(_ device: JID) {
    let bare = device.bare.description
    features[device] = nil
    devices[bare]?.removeAll { $0 == device }
  }

  /// The available devices of a user, in the order in which they came.
  func available(_ user: JID) -> [JID] { devices[user.description] ?? [] }

  /// Who is rung for a user.
  struct Callees {
    /// Devices that take a session-initiate at once.
    var devices: [JID] = []
    /// Whether a message asks for others (XEP-0353), as it does where nothing is known of the user.
    var asksByMessage = false
    /// Those of the others that are known to be available.
    var proposed: [JID] = []
  }

  func callees(_ user: JID) -> Callees {
    guard isConnected else { return Callees() }
    guard let known = devices[user.description] else { return Callees(asksByMessage: true) }
    var callees = Callees()
    for device in known {
      guard let features = features[device] else {
        // What it can do is not known yet; a message does no harm.
        callees.asksByMessage = true
        continue
      }
      if features.contains(Self.messages) {
        callees.asksByMessage = true
        callees.proposed.append(device)
      } else if features.contains(Self.jingle) {
        callees.devices.append(device)
      }
    }
    return callees
  }

  /// Who is rung for a user by another user: devices of both kinds, for a message of XEP-0353 would be answered to the
  /// devices of that one. What a device can do that is not known yet, its answer says.
  func speakers(_ user: JID) -> [JID] {
    guard isConnected else { return [] }
    return available(user).filter { features[$0]?.contains(Self.jingle) ?? true }
  }

  private static let messages = namespace(JingleMessagePropose.self)
  private static let jingle = namespace(Jingle.self)

  private static func namespace<Element: ElementPayload>(_ type: Element.Type) -> String {
    "\(Element.Tables.elements[Element.number].namespace)"
  }
}
