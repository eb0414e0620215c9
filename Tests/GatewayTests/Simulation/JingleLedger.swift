import CodecRuntime
import SIPStack

@testable import Gateway

/// What must hold of the stanzas between the gateway and its clients, as seen at the gateway.
///
/// - Each set and get of a client is answered once, within the step that brings it.
/// - A client that has not answered a set is asked whether it is there, and not otherwise.
/// - A client gets only sets of sessions in which it has a part, in an order that XEP-0166 allows, one session-terminate,
///   and nothing when it has left.
final class JingleLedger {
  struct Key: Hashable, CustomStringConvertible {
    var device: String
    var sid: String
    var description: String { "\(device) \(sid)" }
  }

  struct Session {
    /// Nobody else has it: a sid may be used again.
    var number: Int
    var isCaller: Bool
    var isAccepted = false
    var hasRung = false
    /// The client is the one of the call, not one of several that ring.
    var isTalkedTo: Bool { isCaller || isAccepted }
  }

  private struct Request {
    var device: String
    var action: String
    var sid: String
    var stanza: XMLElement
  }

  /// Sessions in which devices have a part, as far as the gateway can know.
  private(set) var open: [Key: Session] = [:]
  /// Sets of ours by id, with what is to be answered.
  private var ours: [String: (key: Key, action: String, deadline: Instant)] = [:]
  /// Devices that have said service-unavailable.
  private var doubtful: Set<String> = []
  /// Sessions so far.
  private var count = 0
  private var unanswered: [String: Request] = [:]
  /// Sessions that were offered again to the one who asked.
  private var queries: Set<String> = []

  private func id(_ device: String, _ stanza: XMLElement) -> String {
    "\(device) \(stanza.attribute("id")?.string ?? "")"
  }

  // MARK: From a device

  func received(_ stanza: XMLElement, from device: SimDevice) {
    let id = id(device.name, stanza)
    let type = stanza.attribute("type")?.string
    let (action, sid) = SimStanza.jingle(stanza)
    if type == "set" || type == "get" {
      unanswered[id] = Request(device: device.name, action: action, sid: sid, stanza: stanza)
      if action == "existing-session-initiate" { queries.insert(device.name) }
    } else if let set = ours.removeValue(forKey: id), type == "error" {
      var isUnable = false
      for error in stanza.children where error.name == "error" {
        for child in error.children where child.name == "service-unavailable" || child.name == "feature-not-implemented"
        {
          isUnable = true
          if child.name == "service-unavailable" { doubtful.insert(device.name) }
        }
      }
      // It may do without what it does not know, but not without the offer or answer.
      if !isUnable || set.action == "session-initiate" || set.action == "session-accept" { open[set.key] = nil }
    }
  }

  func left(_ device: SimDevice) {
    for key in open.keys where key.device == device.name { open[key] = nil }
    ours = ours.filter { $0.value.key.device != device.name }
    unanswered = unanswered.filter { $0.value.device != device.name }
  }

  private func begin(_ key: Key, isCaller: Bool) {
    count += 1
    open[key] = Session(number: count, isCaller: isCaller)
    // Those of the session that had this sid before.
    ours = ours.filter { $0.value.key != key }
  }

  /// The INVITE goes somewhere else, where it may ring again.
  func redirected(_ key: Key) { open[key]?.hasRung = false }

  // MARK: To a device

  func undeliverable(_ bytes: [UInt8]) {
    let text = String(decoding: bytes, as: UTF8.self)
    if text.contains("<jingle") { undeliverableSets.append(String(text.prefix(160))) }
  }
  private var undeliverableSets: [String] = []

  func sent(_ stanza: XMLElement, to device: SimDevice, at now: Instant, _ fail: (String) -> Void) {
    let id = id(device.name, stanza)
    let type = stanza.attribute("type")?.string
    if type == "set" {
      sentSet(stanza, Key(device: device.name, sid: SimStanza.jingle(stanza).sid), id, now, fail)
      // It says nothing to what it does not know, and is there all the same.
      if let set = ours[id], device.manners == .reticent,
        !set.action.hasPrefix("session-") || set.action == "session-info"
      {
        ours[id]?.deadline = Instant(nanoseconds: .max)
      }
      return
    }
    if type == "get" {
      let isAwaited = ours.values.contains { $0.key.device == device.name && $0.action != "session-initiate" }
      if !isAwaited, doubtful.remove(device.name) == nil { fail("\(device.name) is asked whether it is there") }
      return
    }
    guard let request = unanswered.removeValue(forKey: id) else {
      fail("\(device.name) is answered twice, or without having asked: \(SimStanza.title(stanza))")
      return
    }
    guard type == "result" else { return }
    let key = Key(device: request.device, sid: request.sid)
    switch request.action {
    case "session-initiate":
      if open[key] != nil { fail("a session \(key) is initiated twice") }
      begin(key, isCaller: true)
    case "session-accept":
      guard let session = open[key], !session.isCaller, !session.isAccepted else {
        fail("an accept that cannot be is acknowledged to \(key)")
        return
      }
      open[key]?.isAccepted = true
      ours = ours.filter { $0.value.key != key }
    case "session-terminate":
      if open.removeValue(forKey: key) == nil { fail("the end of no session is acknowledged to \(key)") }
    case "existing-session-initiate": break
    default:
      if open[key] == nil { fail("\(request.action) in no session is acknowledged to \(key)") }
    }
  }

  private func sentSet(_ stanza: XMLElement, _ key: Key, _ id: String, _ now: Instant, _ fail: (String) -> Void) {
    let action = SimStanza.jingle(stanza).action
    let session = open[key]
    switch action {
    case "session-initiate":
      if let session, session.isCaller || session.isAccepted || !queries.contains(key.device) {
        fail("session-initiate twice to \(key)")
      }
      if session == nil { begin(key, isCaller: false) }
    case "session-accept":
      if session.map({ $0.isCaller && !$0.isAccepted }) != true { fail("session-accept to \(key)") }
      open[key]?.isAccepted = true
    case "session-info":
      if session.map({ $0.isCaller && !$0.isAccepted && !$0.hasRung }) != true { fail("ringing to \(key)") }
      open[key]?.hasRung = true
    case "session-terminate":
      if session == nil { fail("session-terminate to \(key), which has no part in it") }
      open[key] = nil
      return
    case "transport-info", "content-reject":
      if session == nil { fail("\(action) to \(key), which has no part in it") }
    default:
      if session?.isAccepted != true { fail("\(action) to \(key), which has not accepted") }
    }
    ours[id] = (key, action, now + .seconds(10))
  }

  // MARK: Checks

  func endStep(at now: Instant, _ fail: (String) -> Void) {
    // Who does not answer a set for 10 s has left.
    let late = Set(ours.values.filter { $0.deadline <= now }.map(\.key))
    for key in late { open[key] = nil }
    ours = ours.filter { !late.contains($0.value.key) }
    for request in unanswered.values { fail("\(request.action) of \(request.device) is not answered") }
    unanswered = [:]
    queries = []
    for text in undeliverableSets { fail("sent to a device that has left: \(text)") }
    undeliverableSets = []
  }

  /// Those of a shard that its calls know, and ours, are the same.
  func compare(_ shard: Shard, _ fail: (String) -> Void) {
    var known: Set<Key> = []
    for session in shard.sessions.values {
      switch session.call.state {
      case .cancelKept, .cancelling, .hangingUp, .ending, .ended, .new: continue
      default: for device in session.call.devices { known.insert(Key(device: device.address, sid: session.sid)) }
      }
    }
    for key in open.keys where !known.contains(key) { fail("\(key) is open for the client, not for the call") }
    for key in known where open[key] == nil { fail("\(key) is open for the call, not for the client") }
  }

  func checkEnd(_ fail: (String) -> Void) {
    for key in open.keys { fail("the session \(key) has never ended for its client") }
  }
}
