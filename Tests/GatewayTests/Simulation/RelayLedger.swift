import CodecRuntime
import JingleSIPMapping

@testable import Gateway

/// What one side says has to come out on the other, as CONTRACT says.
///
/// Most of it within the step that brings it: ringing, an answer, candidates, a change, an end and its reason. What waits
/// for a dialog or for another change has a number that nobody else has, and is looked for when all is quiet.
final class RelayLedger {
  enum Kind { case candidates, change }

  private struct Expectation {
    var token: Int
    var key: JingleLedger.Key
    var kind: Kind
    var isAcknowledged = false
  }

  private var expectations: [Expectation] = []
  private var pending: [(id: String, token: Int)] = []
  // Of the step that runs.
  private var incoming: SimMessage?
  private var outgoing: [SimMessage] = []
  private var sets: [(device: String, action: String, sid: String, reason: (name: String, code: Int?)?)] = []
  private var ended: (key: JingleLedger.Key, session: JingleLedger.Session, reason: String)?
  private var endIsAcknowledged = false
  /// What was passed on of clients that have no part in a call.
  private var strangers: [String] = []
  /// Who asks for calls that nobody has answered, and is told that there are some.
  private var query: (id: String, device: String, isTaken: Bool)?
  /// How the client wants its call to end: what the CANCEL or BYE has to say.
  private var causes: [Cause: String] = [:]
  /// Clients use a sid again, also that of a phone's call: only the session tells the calls of clients apart.
  private enum Cause: Hashable {
    case placed(session: Int)
    case received(callID: String)
  }
  private func cause(of key: JingleLedger.Key, _ session: JingleLedger.Session) -> Cause {
    session.isCaller ? .placed(session: session.number) : .received(callID: key.sid)
  }
  /// Whose call an INVITE of ours is, by Call-ID and our tag.
  private var callers: [String: (key: JingleLedger.Key, number: Int)] = [:]
  private var answered: Set<String> = []
  /// The branch of the INVITE of ours that counts, by Call-ID and our tag.
  private var invites: [String: String] = [:]
  /// INVITEs of ours that have a final response.
  private var finished: Set<String> = []

  /// A client's call ends by something that it has not asked for, and so does its CANCEL or BYE.
  func ends(_ event: CallEvent, _ sessions: [JingleLedger.Key: JingleLedger.Session]) {
    guard let cause = ReasonTable.ending(of: event)?.cause else { return }
    for (key, session) in sessions {
      let call = self.cause(of: key, session)
      if causes[call] == nil { causes[call] = "cause=\(cause.number)" }
    }
  }

  func expect(inSIP token: Int, device: String, sid: String, kind: Kind) {
    expectations.append(Expectation(token: token, key: .init(device: device, sid: sid), kind: kind))
  }

  // MARK: What passes

  func received(_ message: SimMessage) { incoming = message }

  func sent(_ message: SimMessage, _ jingle: JingleLedger) {
    outgoing.append(message)
    if message.isRequest, message.method == "INVITE", message.toTag == nil {
      let call = "\(message.callID) \(message.fromTag)"
      if callers[call] == nil { callers[call] = caller(message, jingle) }
      if let branch = invites[call], branch != message.branch, let caller = callers[call] {
        jingle.redirected(caller.key)
      }
      invites[call] = message.branch
    }
    guard !message.body.isEmpty else { return }
    for expectation in expectations where message.body.contains("\(expectation.token)") {
      if jingle.open[expectation.key] == nil { strangers.append("\(expectation.token) of \(expectation.key)") }
    }
    expectations.removeAll { message.body.contains("\($0.token)") }
  }

  /// Who calls in this INVITE of ours: one user has one session with a sid.
  private func caller(_ invite: SimMessage, _ jingle: JingleLedger) -> (key: JingleLedger.Key, number: Int)? {
    let user = (invite["From"] ?? "").address.uriUser
    for (key, session) in jingle.open
    where session.isCaller && key.sid == invite.callID && key.device.hasPrefix("\(user)@") {
      return (key, session.number)
    }
    return nil
  }

  /// The session of the client whose call this is, if it stands.
  private func session(_ call: String, _ jingle: JingleLedger) -> JingleLedger.Session? {
    guard let caller = callers[call], let session = jingle.open[caller.key], session.number == caller.number else {
      return nil
    }
    return session
  }

  func received(_ stanza: XMLElement, from device: SimDevice, _ jingle: JingleLedger) {
    let (action, sid) = SimStanza.jingle(stanza)
    let id = "\(device.name) \(stanza.attribute("id")?.string ?? "")"
    if action == "existing-session-initiate" { query = (id, device.name, false) }
    if action == "session-terminate" {
      let key = JingleLedger.Key(device: device.name, sid: sid)
      if let session = jingle.open[key] { ended = (key, session, SimStanza.reason(stanza)?.name ?? "") }
    } else if action == "transport-info" || action.hasPrefix("source-") {
      var bytes = Output()
      bytes.append(xml: stanza)
      let text = String(decoding: bytes.bytes, as: UTF8.self)
      for expectation in expectations where !expectation.isAcknowledged && text.contains("\(expectation.token)") {
        pending.append((id, expectation.token))
      }
    }
  }

  func sent(_ stanza: XMLElement, to device: SimDevice) {
    let (action, sid) = SimStanza.jingle(stanza)
    if !action.isEmpty {
      sets.append((device.name, action, sid, SimStanza.reason(stanza)))
      return
    }
    let id = "\(device.name) \(stanza.attribute("id")?.string ?? "")"
    let isResult = stanza.attribute("type")?.string == "result"
    if isResult, ended != nil { endIsAcknowledged = true }
    if isResult, query?.id == id { query?.isTaken = true }
    for (_, token) in pending where isResult {
      if let index = expectations.firstIndex(where: { $0.token == token }) { expectations[index].isAcknowledged = true }
    }
    pending.removeAll { $0.id == id }
  }

  // MARK: Checks

  func endStep(_ jingle: JingleLedger, _ fail: (String) -> Void) {
    if let incoming { check(incoming, jingle, fail) }
    // One of several devices that cannot take the call ends nothing.
    if let ended, endIsAcknowledged,
      ended.session.isCaller || !jingle.open.contains(where: { $0.key.sid == ended.key.sid && !$0.value.isCaller })
    {
      let reason = JingleReason(rawValue: ended.reason)
      causes[cause(of: ended.key, ended.session)] = "cause=\(ReasonTable.ending(reason).cause.number)"
    }
    for message in outgoing where message.isRequest && (message.method == "CANCEL" || message.method == "BYE") {
      let caller = callers["\(message.callID) \(message.fromTag)"]
      let call = caller.map { Cause.placed(session: $0.number) } ?? .received(callID: message.callID)
      // A BYE to another fork says nothing.
      if let cause = causes[call], caller == nil || !message.isOfFork(answered),
        message["Reason"]?.contains(cause) != true
      {
        fail("\(message.method) \(message.callID) without the client's \(cause)")
      }
    }
    if let query, query.isTaken,
      !sets.contains(where: { $0.device == query.device && $0.action == "session-initiate" })
    {
      fail("\(query.device) asks for the unanswered calls and is not offered one")
    }
    for text in strangers { fail("passed on, though it has no part in the call: \(text)") }
    query = nil
    strangers = []
    incoming = nil
    outgoing = []
    sets = []
    ended = nil
    endIsAcknowledged = false
    pending = []
  }

  private func answers(_ message: SimMessage, _ status: Int) -> Bool {
    outgoing.contains { $0.status == status && $0.branch == message.branch && $0.method == message.method }
  }

  private func check(_ message: SimMessage, _ jingle: JingleLedger, _ fail: (String) -> Void) {
    if let status = message.status {
      if message.method == "INVITE" { checkResponse(message, status, jingle, fail) }
      return
    }
    let told = sets.filter { $0.sid == message.callID }
    switch message.method {
    case "INFO" where !message.body.isEmpty && message["Content-Type"] == "application/sdp" && answers(message, 200):
      if !told.contains(where: { $0.action == "transport-info" }), isNew(message) {
        fail("candidates of an INFO are accepted and not passed on")
      }
    case "INVITE" where message.toTag != nil && answers(message, 200):
      let named = message.body.contains("jingle-action:source-") ? "source-" : "transport-info"
      if !told.contains(where: { $0.action.hasPrefix(named) }), isNew(message) {
        fail("a re-INVITE is accepted and not passed on")
      }
    case "INVITE" where message.toTag == nil:
      let rings = answers(message, 180)
      if isNew(message), rings != told.contains(where: { $0.action == "session-initiate" }) {
        fail("180 and session-initiate do not come together")
      }
    case "BYE":
      let call = "\(message.callID) \(message.toTag ?? "")"
      let isOpen =
        invites[call] != nil
        ? session(call, jingle) != nil
        : jingle.open.contains { $0.key.sid == message.callID && !$0.value.isCaller }
      if isOpen, answers(message, 200) { fail("a BYE is not told to the client") }
      for end in told where end.action == "session-terminate" && end.reason?.name != "success" {
        fail("the end by a BYE is told as \(end.reason?.name ?? "nothing")")
      }
    case "CANCEL":
      for end in told where end.action == "session-terminate" && end.reason?.name != "decline" {
        fail("the end by a CANCEL is told as \(end.reason?.name ?? "nothing")")
      }
    default: break
    }
    seen.insert(message.branch + message.method)
  }

  private var seen: Set<String> = []
  private func isNew(_ message: SimMessage) -> Bool { !seen.contains(message.branch + message.method) }

  private func checkResponse(_ message: SimMessage, _ status: Int, _ jingle: JingleLedger, _ fail: (String) -> Void) {
    let told = sets.filter { $0.sid == message.callID }
    // One that was redirected, or has had its final response, is over.
    guard invites["\(message.callID) \(message.fromTag)"] == message.branch, !finished.contains(message.branch) else {
      return
    }
    if status >= 200 { finished.insert(message.branch) }
    let session = session("\(message.callID) \(message.fromTag)", jingle)
    switch status {
    case 180, 183:
      if let session, !session.isAccepted, !session.hasRung { fail("\(status) is not told to the client") }
    case 200..<300:
      answered.insert("\(message.callID) \(message.toTag ?? "")")
      if let session, !session.isAccepted { fail("the answer is not told to the client") }
    case 300..<700:
      for end in told where end.action == "session-terminate" {
        let expected = status == 486 ? "decline" : "general-error"
        if end.reason?.name != expected || (status != 486 && end.reason?.code != status) {
          fail("\(status) is told as \(end.reason?.name ?? "nothing") \(end.reason?.code ?? 0)")
        }
      }
    default: break
    }
  }

  /// All is quiet: what a client was told is taken and belongs to a call that stands has been passed on.
  func checkQuiet(standing: Set<JingleLedger.Key>, _ fail: (String) -> Void) {
    for expectation in expectations where expectation.isAcknowledged && standing.contains(expectation.key) {
      fail("\(expectation.kind) \(expectation.token) of \(expectation.key) were taken and not passed on")
    }
  }
}

extension SimMessage {
  /// Whether it ends a dialog that is not the call.
  func isOfFork(_ answered: Set<String>) -> Bool {
    method == "BYE" && !answered.isEmpty && !answered.contains("\(callID) \(toTag ?? "")")
  }
}
