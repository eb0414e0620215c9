import CodecRuntime
import SIPStack
import XMLReader
import XMPPStack

@testable import Gateway

/// Who takes part.
enum SimCast {
  static let users = ["alice", "bob"]
}

/// An XMPP client as a person uses it: it takes calls and places them, forgets to answer, leaves.
final class SimDevice {
  struct Session {
    enum State { case calling, ringing, accepting, active, ended }
    var sid: String
    var peer: String
    var isCaller: Bool
    var state: State
    var usesICE: Bool
    var isTaken = false
  }

  /// How it answers our sets.
  enum Manners {
    case polite, slow, silent, objecting, unable
    /// Answers only what it knows, as Monal does, which knows no session-info.
    case reticent
  }

  unowned let world: SimWorld
  let jid: JID
  let name: String
  let manners: Manners
  var isConnected = true
  private(set) var sessions: [Session] = []
  /// What our own sets asked for.
  private var asked: [String: (action: String, sid: String)] = [:]

  init(world: SimWorld, jid: JID, manners: Manners) {
    self.world = world
    self.jid = jid
    name = jid.description
    self.manners = manners
  }

  private func index(_ sid: String) -> Int? { sessions.lastIndex { $0.sid == sid } }

  // MARK: Sending

  func send(_ xml: String) {
    guard isConnected, let stanza = try? XMLReader.parseDocument(Array(xml.utf8)) else { return }
    world.network.stream(from: self, at: world.now) { arrival in
      world.agenda.add(arrival) { [unowned self] in world.deliver(stanza, of: self) }
    }
  }

  func request(
    _ action: String, _ sid: String?, to peer: String, _ contents: String = "", type: String = "set"
  ) {
    let id = "d\(world.unique())"
    asked[id] = (action, sid ?? "")
    let session = sid.map { " sid='\($0)'" } ?? ""
    send(
      """
      <iq type='\(type)' id='\(id)' to='\(peer)'><jingle xmlns='urn:xmpp:jingle:1' action='\(action)'\(session)>\
      \(contents)</jingle></iq>
      """)
  }

  func call(_ peer: String) {
    let sid = "s\(world.unique())"
    let isEmpty = world.percent(30)
    let usesICE = isEmpty || world.percent(30)
    sessions.append(Session(sid: sid, peer: peer, isCaller: true, state: .calling, usesICE: usesICE))
    let content = world.percent(3) ? SimJingle.unusable : SimJingle.content(usesICE: usesICE, isEmpty: isEmpty)
    request("session-initiate", sid, to: peer, content)
    if isEmpty ? world.percent(80) : usesICE && world.percent(50) {
      for _ in 0..<world.pick([1, 1, 3]) { world.after(world.milliseconds(1...2_500)) { self.sendCandidates(sid) } }
    }
    meddleSoon(sid, 25)
    if world.percent(15) {
      world.after(world.milliseconds(1...world.pick([100, 800, 4_000]))) { self.changesMind(sid) }
    }
    if world.percent(3) { request("session-initiate", sid, to: peer, content) }
  }

  func sendCandidates(_ sid: String) {
    guard let index = index(sid), sessions[index].state != .ended else { return }
    let token = 20_000 + world.unique()
    if sessions[index].usesICE { world.relay.expect(inSIP: token, device: name, sid: sid, kind: .candidates) }
    request(
      "transport-info", sid, to: sessions[index].peer,
      SimJingle.candidates(port: token, usesICE: sessions[index].usesICE))
  }

  func changeSources(_ session: Session) {
    let ssrc = 300_000 + world.unique()
    world.relay.expect(inSIP: ssrc, device: name, sid: session.sid, kind: .change)
    request(
      world.pick(["source-add", "source-remove", "source-update"]), session.sid, to: session.peer,
      SimJingle.source(ssrc))
  }

  func accept(_ sid: String) {
    guard let index = index(sid), sessions[index].state == .ringing else { return }
    sessions[index].state = .accepting
    let isEmpty = sessions[index].usesICE && world.percent(60)
    let content =
      world.percent(3) ? SimJingle.unusable : SimJingle.content(usesICE: sessions[index].usesICE, isEmpty: isEmpty)
    request("session-accept", sid, to: sessions[index].peer, content)
    if isEmpty || usesICE(sid) && world.percent(50) {
      for _ in 0..<world.pick([0, 1, 3]) { world.after(world.milliseconds(1...900)) { self.sendCandidates(sid) } }
    }
    meddleSoon(sid, 20)
    if world.percent(12) {
      world.after(world.milliseconds(1...world.pick([50, 500, 2_000]))) { self.changesMind(sid) }
    }
    // Some answer twice.
    if world.percent(4) { request("session-accept", sid, to: sessions[index].peer, content) }
  }

  func terminate(_ sid: String, _ reason: String? = nil) {
    guard let index = index(sid), sessions[index].state != .ended else { return }
    let reason =
      reason
      ?? world.pick(["success", "decline", "busy", "cancel", "gone", "general-error", "unsupported-applications", ""])
    request(
      "session-terminate", sid, to: sessions[index].peer,
      reason.isEmpty ? "" : "<reason><\(reason)/></reason>")
    meddleSoon(sid, 15)
    if world.percent(4) { request("session-terminate", sid, to: sessions[index].peer) }
  }

  /// Says anything at all some times within the next moments, whatever state the call is in by then.
  private func meddleSoon(_ sid: String, _ share: Int) {
    guard world.percent(share) else { return }
    for _ in 0..<3 { world.after(world.milliseconds(1...1_500)) { self.meddle(sid) } }
  }

  private func meddle(_ sid: String) {
    guard let index = index(sid) else { return }
    let action = world.pick(SimJingle.actions)
    if action == "session-initiate", sessions[index].state == .ended || !mayReuse(sessions[index]) { return }
    switch action {
    case "existing-session-initiate": request(action, sid, to: name, type: "get")
    case "session-info":
      request(action, sid, to: sessions[index].peer, world.pick(["", SimJingle.ringing, SimJingle.unknown]))
    case "source-add", "source-remove", "source-update": changeSources(sessions[index])
    case "transport-info": sendCandidates(sid)
    default:
      let isEmpty = world.percent(30)
      request(action, sid, to: sessions[index].peer, SimJingle.content(usesICE: isEmpty, isEmpty: isEmpty))
    }
    if world.percent(20) { stranger(sessions[index]) }
  }

  /// Whether it may call with the sid of this session: in a loop the call would come to the one whose sid it is, who then
  /// had two sessions that nothing tells apart.
  private func mayReuse(_ session: Session) -> Bool { session.isCaller || world.plan.topology != .looping }

  private func usesICE(_ sid: String) -> Bool { index(sid).map { sessions[$0].usesICE } ?? false }

  private func changesMind(_ sid: String) { world.percent(25) ? leave() : terminate(sid) }

  func leave() {
    guard isConnected else { return }
    isConnected = false
    for index in sessions.indices { sessions[index].state = .ended }
    world.deviceLeft(self)
  }

  // MARK: Receiving

  func receive(_ stanza: XMLElement) {
    guard isConnected else { return }
    let id = stanza.attribute("id")?.string ?? ""
    switch stanza.attribute("type")?.string ?? "" {
    case "set": receiveSet(stanza, id)
    case "get": reply(id, stanza.attribute("from")?.string ?? "", "ping")
    case "result": answered(asked.removeValue(forKey: id), isError: false)
    default: answered(asked.removeValue(forKey: id), isError: true)
    }
  }

  private func answered(_ asked: (action: String, sid: String)?, isError: Bool) {
    guard let asked, let index = index(asked.sid) else { return }
    switch asked.action {
    case "session-initiate" where isError && sessions[index].state == .calling:
      // The second of two says nothing about the first.
      if sessions[index].isTaken { break }
      sessions[index].state = .ended
    case "session-initiate" where isError: break
    case "session-initiate" where sessions[index].state == .calling && !sessions[index].isTaken:
      sessions[index].isTaken = true
    case "session-initiate":
      // What had this sid is over for the gateway, and this is another call.
      sessions[index].state = .ended
      sessions.append(
        Session(
          sid: asked.sid, peer: sessions[index].peer, isCaller: true, state: .calling,
          usesICE: sessions[index].usesICE, isTaken: true))
    // Also of a session that was over: it was offered again meanwhile.
    case "session-accept" where !isError: sessions[index].state = .active
    case "session-accept" where sessions[index].state == .accepting: sessions[index].state = .ended
    case "session-terminate": sessions[index].state = .ended
    default: break
    }
  }

  private func receiveSet(_ stanza: XMLElement, _ id: String) {
    let peer = stanza.attribute("from")?.string ?? ""
    let (action, sid) = SimStanza.jingle(stanza)
    reply(id, peer, action)
    switch action {
    case "session-initiate":
      // Offered again to one who has declined, it rings again.
      if let index = index(sid), sessions[index].state != .ended { return }
      sessions.append(Session(sid: sid, peer: peer, isCaller: false, state: .ringing, usesICE: world.percent(40)))
      decide(sid)
    case "session-accept":
      if let index = index(sid), sessions[index].state == .calling { sessions[index].state = .active }
    case "session-terminate":
      if let index = index(sid) { sessions[index].state = .ended }
    default: break
    }
  }

  /// The answer to a set of the gateway, if any.
  private func reply(_ id: String, _ peer: String, _ action: String) {
    let error = { (condition: String) in
      "<iq type='error' id='\(id)' to='\(peer)'><error type='cancel'><\(condition)"
        + " xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>"
    }
    switch manners {
    case .polite: send("<iq type='result' id='\(id)' to='\(peer)'/>")
    case .slow:
      world.after(world.milliseconds(0...9_000)) { self.send("<iq type='result' id='\(id)' to='\(peer)'/>") }
    case .silent: break
    case .objecting: send(error(world.percent(50) && action != "ping" ? "item-not-found" : "bad-request"))
    case .unable:
      send(error(world.percent(50) && action != "ping" ? "service-unavailable" : "feature-not-implemented"))
    case .reticent:
      if action.hasPrefix("session-") && action != "session-info" || action == "ping" {
        send("<iq type='result' id='\(id)' to='\(peer)'/>")
      }
    }
  }

  /// It rings: what a person does.
  private func decide(_ sid: String) {
    if world.percent(30) {
      world.after(world.milliseconds(1...300)) {
        guard let index = self.index(sid), self.sessions[index].state == .ringing else { return }
        self.request("session-info", sid, to: self.sessions[index].peer, SimJingle.ringing)
        if self.world.percent(50) { self.sendCandidates(sid) }
      }
    }
    let time = world.milliseconds(0...world.pick([20, 2_000, 8_000]))
    switch Int.random(in: 0..<20, using: &world.chance) {
    case 0...11: world.after(time) { self.accept(sid) }
    case 12...13: world.after(time) { self.terminate(sid, "decline") }
    case 14: world.after(time) { self.terminate(sid, "unsupported-applications") }
    case 15: world.after(time) { self.terminate(sid) }
    case 16: world.after(time) { self.leave() }
    default: break
    }
  }

  // MARK: Pranks

  /// Something that happens of itself in a call: the client's part of it.
  func prank() {
    guard isConnected else { return }
    if world.percent(4) { return leave() }
    if world.percent(6) {
      return request("existing-session-initiate", world.percent(50) ? sessions.last?.sid : nil, to: name, type: "get")
    }
    guard let session = sessions.filter({ $0.state != .ended || world.plan.isWild }).randomElement(using: &world.chance)
    else { return }
    if session.state == .ringing, world.percent(70) { return }
    let peer = session.peer
    switch Int.random(in: 0..<16, using: &world.chance) {
    case 0, 1: terminate(session.sid)
    case 2...4: sendCandidates(session.sid)
    case 5...8 where session.state == .active || world.plan.isWild: changeSources(session)
    case 9:
      request(
        "session-info", session.sid, to: peer, world.pick(["", SimJingle.ringing, SimJingle.hold, SimJingle.unknown]))
    case 10:
      request(
        world.pick(["description-info", "security-info"]), session.sid, to: peer,
        SimJingle.content(usesICE: false, isEmpty: false))
    case 11:
      request(
        world.pick(["content-add", "content-modify", "content-remove", "transport-replace"]), session.sid, to: peer,
        SimJingle.content(usesICE: false, isEmpty: false))
    case 12:
      request(
        world.pick(["content-accept", "content-reject", "transport-accept", "transport-reject"]), session.sid, to: peer,
        SimJingle.content(usesICE: false, isEmpty: false))
    case 13 where world.plan.isWild:
      request("session-accept", session.sid, to: peer, SimJingle.content(usesICE: false, isEmpty: false))
    case 14 where world.plan.isWild && session.state != .ended && mayReuse(session):
      request("session-initiate", session.sid, to: peer, SimJingle.content(usesICE: false, isEmpty: false))
    case 15: stranger(session)
    default: break
    }
  }

  /// Another device of the same user meddles.
  private func stranger(_ session: Session) {
    let others = world.devices.values.filter { $0.jid.bare == jid.bare && $0 !== self && $0.isConnected }
    guard let other = others.min(by: { $0.name < $1.name }), other.index(session.sid) == nil else { return }
    other.request(world.pick(["session-terminate", "session-accept", "transport-info"]), session.sid, to: session.peer)
  }

  var active: [Session] { sessions.filter { $0.state == .active } }
  var open: [Session] { sessions.filter { $0.state != .ended } }
}

/// The Jingle of the clients.
enum SimJingle {
  static let actions = [
    "session-initiate", "session-accept", "session-info", "transport-info", "description-info", "security-info",
    "content-add", "content-modify", "content-remove", "content-accept", "content-reject", "transport-replace",
    "transport-accept", "transport-reject", "source-add", "source-remove", "source-update",
    "existing-session-initiate",
  ]
  static let ringing = "<ringing xmlns='urn:xmpp:jingle:apps:rtp:info:1'/>"
  static let hold = "<hold xmlns='urn:xmpp:jingle:apps:rtp:info:1'/>"
  static let unknown = "<dance xmlns='urn:example:dance'/>"
  static let unusable =
    "<content creator='initiator' name='audio'><description xmlns='urn:example:unknown'/><transport xmlns='urn:example:way'/></content>"

  private static let ice = "urn:xmpp:jingle:transports:ice-udp:1"
  private static let raw = "urn:xmpp:jingle:transports:raw-udp:1"

  static func content(usesICE: Bool, isEmpty: Bool) -> String {
    let candidates = isEmpty ? "" : candidate(port: 4000, usesICE: usesICE)
    let transport =
      usesICE
      ? "<transport xmlns='\(ice)' ufrag='8hhy' pwd='asd88fgpdd777uzjYhagZg'>\(candidates)</transport>"
      : "<transport xmlns='\(raw)'>\(candidates)</transport>"
    return """
      <content creator='initiator' name='audio'><description xmlns='urn:xmpp:jingle:apps:rtp:1' media='audio'>\
      <payload-type id='8' name='PCMA' clockrate='8000'/></description>\(transport)</content>
      """
  }

  static func candidates(port: Int, usesICE: Bool) -> String {
    let attributes = usesICE ? " ufrag='8hhy' pwd='asd88fgpdd777uzjYhagZg'" : ""
    return "<content creator='initiator' name='audio'><transport xmlns='\(usesICE ? ice : raw)'\(attributes)>"
      + "\(candidate(port: port, usesICE: usesICE))</transport></content>"
  }

  private static func candidate(port: Int, usesICE: Bool) -> String {
    usesICE
      ? "<candidate component='1' foundation='1' generation='0' id='c\(port)' ip='192.0.2.1' network='1' port='\(port)' "
        + "priority='2130706431' protocol='udp' type='host'/>"
      : "<candidate component='1' generation='0' id='c\(port)' ip='192.0.2.1' port='\(port)'/>"
  }

  static func source(_ ssrc: Int) -> String {
    "<content creator='initiator' name='audio'><description xmlns='urn:xmpp:jingle:apps:rtp:1' media='audio'>"
      + "<source xmlns='urn:xmpp:jingle:apps:rtp:ssma:0' ssrc='\(ssrc)'><parameter name='cname' value='x'/></source>"
      + "</description></content>"
  }
}

/// What the ledgers and the ladder look at in a stanza.
enum SimStanza {
  static func jingle(_ stanza: XMLElement) -> (action: String, sid: String) {
    for child in stanza.children where child.name == "jingle" {
      return (child.attribute("action")?.string ?? "", child.attribute("sid")?.string ?? "")
    }
    return ("", "")
  }

  /// The first element in `<reason/>`, and the code of a `<sip-error/>`.
  static func reason(_ stanza: XMLElement) -> (name: String, code: Int?)? {
    for jingle in stanza.children where jingle.name == "jingle" {
      for reason in jingle.children where reason.name == "reason" {
        var result: (name: String, code: Int?) = ("", nil)
        for child in reason.children {
          if child.name == "sip-error" {
            result.code = child.attribute("code").flatMap { Int($0.string) }
          } else if result.name.isEmpty {
            result.name = child.name.string
          }
        }
        return result
      }
    }
    return nil
  }

  static func title(_ stanza: XMLElement) -> String {
    let type = stanza.attribute("type")?.string ?? "?"
    let id = stanza.attribute("id")?.string ?? "?"
    let (action, sid) = jingle(stanza)
    if !action.isEmpty {
      return "\(action) \(sid) \(reason(stanza).map { "(\($0.name)\($0.code.map { " \($0)" } ?? "")) " } ?? "")[\(id)]"
    }
    var condition = ""
    for child in stanza.children where child.name == "error" {
      condition = child.children.map(\.name.string).joined(separator: " ")
    }
    return "\(type) \(condition) [\(id)]"
  }
}
