import SIPStack

@testable import Gateway

/// What must hold of the SIP messages that the gateway sends, as seen at its socket, whatever the network makes of them.
///
/// - RFC 3261 §17: a request is repeated when it must be and not otherwise; a request that has come has one final
///   response, and no provisional one behind it.
/// - §9.1: CANCEL only after a provisional response. §13.2.2.4: an ACK for each 2xx. §15: no BYE of a callee before the
///   ACK. §12.2.1.1: CSeq numbers grow. §14.1: one INVITE at a time in a dialog.
final class SIPLedger {
  /// A request of the gateway.
  struct Sent {
    let request: SimMessage
    let bytes: [UInt8]
    let first: Instant
    var last: Instant
    var interval: Interval
    /// When it is to be repeated.
    var due: Instant?
    var hasProvisional = false
    var final: Int?
    var finalTime: Instant?
    var hasFailed = false
    var cancelTime: Instant?
  }

  /// A request to the gateway.
  struct Received {
    let request: SimMessage
    let time: Instant
    var final: Int?
    var bytes: [UInt8] = []
    var finalTime: Instant?
    var provisional: [UInt8]?
    var isAcknowledged = false
    /// When the final response to an INVITE is to be repeated.
    var due: Instant?
    var interval = Interval.milliseconds(SimWorld.t1)
  }

  /// A dialog, by Call-ID and tags.
  struct Dialog {
    var isConfirmed = false
    var isCallee = false
    var isAcknowledged = false
    var hasBye = false
    var byeSent: String?
    var lastSequence = 0
    /// The branch of an INVITE of ours, or of theirs, that is under way.
    var ourInvite: String?
    var theirInvite: String?
    var answerTime: Instant?
  }

  private static let t1 = Interval.milliseconds(SimWorld.t1)
  private static let t2 = Interval.seconds(4)
  private static let timeout = Interval.milliseconds(64 * SimWorld.t1)

  private let isReliable: Bool
  private(set) var requests: [String: Sent] = [:]
  private var open: Set<String> = []
  private var served: [String: Received] = [:]
  private var waiting: Set<String> = []
  private(set) var dialogs: [String: Dialog] = [:]
  /// What the step that runs must send: a text about it, and how it is known.
  private var obligations: [(text: String, isMet: (SimMessage) -> Bool)] = []
  /// Messages in all: the measure of a run.
  private(set) var count = 0

  init(isReliable: Bool) { self.isReliable = isReliable }

  private func key(_ message: SimMessage) -> String { message.branch + message.method }

  /// From our side: Call-ID, our tag, their tag.
  private func dialogKey(_ message: SimMessage, isOurs: Bool) -> String {
    let to = message.toTag ?? ""
    return isOurs ? "\(message.callID) \(message.fromTag) \(to)" : "\(message.callID) \(to) \(message.fromTag)"
  }

  // MARK: Time

  func beginStep(at now: Instant, _ fail: (String) -> Void) {
    for key in open {
      guard let sent = requests[key], let due = sent.due else { continue }
      if due < now { fail("\(sent.request.title) \(sent.request.callID) is not repeated at \(SimLadder.seconds(due))") }
    }
    for key in waiting {
      guard let received = served[key], let due = received.due else { continue }
      if due < now {
        fail("\(received.final ?? 0) to \(received.request.title) is not repeated at \(SimLadder.seconds(due))")
      }
    }
  }

  func endStep(at now: Instant, _ fail: (String) -> Void) {
    for obligation in obligations { fail(obligation.text) }
    obligations = []
  }

  // MARK: What comes

  func received(_ message: SimMessage, at now: Instant) {
    count += 1
    if message.isRequest { receivedRequest(message, now) } else { receivedResponse(message, now) }
  }

  private func receivedRequest(_ message: SimMessage, _ now: Instant) {
    if message.method == "ACK" {
      acknowledged(message)
      return
    }
    let key = key(message)
    guard let known = served[key] else {
      served[key] = Received(request: message, time: now)
      let title = "\(message.title) \(message.callID)"
      obligations.append(("\(title) gets no response", { $0.status ?? 0 > 100 && $0.branch + $0.method == key }))
      if message.method != "INVITE" {
        obligations[obligations.count - 1] = (
          "\(title) gets no final response", { $0.status ?? 0 >= 200 && $0.branch + $0.method == key }
        )
      } else if message.toTag != nil {
        obligations[obligations.count - 1].text += " in its dialog"
      }
      if message.method == "BYE" {
        let dialog = dialogKey(message, isOurs: false)
        if dialogs[dialog] != nil, served[key] != nil { dialogs[dialog]?.hasBye = true }
        stopRepeating(dialog)
      }
      return
    }
    // §17.2: a repeated request gets the last response again; a 2xx to an INVITE is repeated by its own timer alone.
    if known.final != nil, message.method == "INVITE", known.final ?? 0 < 300 || known.isAcknowledged { return }
    if let time = known.finalTime, time + (isReliable ? .zero : Self.timeout) <= now { return }
    let wanted = known.final == nil ? known.provisional : known.bytes
    if let wanted, !(isReliable && message.method != "INVITE") {
      obligations.append(("a repeated \(message.title) gets no response", { $0.bytesEqual(wanted) }))
    }
  }

  private func acknowledged(_ message: SimMessage) {
    // Of a refusal: the branch is that of the INVITE.
    if let received = served[message.branch + "INVITE"], received.final ?? 0 >= 300 {
      served[message.branch + "INVITE"]?.isAcknowledged = true
      served[message.branch + "INVITE"]?.due = nil
      waiting.remove(message.branch + "INVITE")
      return
    }
    let dialog = dialogKey(message, isOurs: false)
    for key in waiting {
      guard let received = served[key], received.final ?? 999 < 300, received.request.sequence == message.sequence,
        received.request.callID == message.callID, received.request.fromTag == message.fromTag,
        dialogs[dialog] != nil
      else { continue }
      served[key]?.isAcknowledged = true
      served[key]?.due = nil
      waiting.remove(key)
      dialogs[dialog]?.isAcknowledged = true
      dialogs[dialog]?.theirInvite = nil
    }
  }

  private func stopRepeating(_ dialog: String) {
    for key in waiting where served[key]?.final ?? 999 < 300 {
      guard let request = served[key]?.request, dialog.hasPrefix("\(request.callID) "),
        dialog.hasSuffix(" \(request.fromTag)")
      else { continue }
      served[key]?.due = nil
      waiting.remove(key)
    }
  }

  private func receivedResponse(_ message: SimMessage, _ now: Instant) {
    let key = key(message)
    guard let status = message.status, var sent = requests[key] else { return }
    let isLate = isOver(sent, now)
    if status < 200 {
      if sent.final == nil, !isLate {
        sent.hasProvisional = true
        if sent.request.method == "INVITE" { sent.due = nil }
        requests[key] = sent
      }
      return
    }
    let isFirst = sent.final == nil && !isLate
    if isFirst {
      sent.final = status
      sent.finalTime = now
    }
    sent.due = nil
    requests[key] = sent
    open.remove(key)
    if sent.request.method == "BYE" { stopRepeating(dialogKey(sent.request, isOurs: true)) }
    if isFirst, status == 481 { requireEnd(sent.request) }
    guard sent.request.method == "INVITE", !isLate else { return }
    let isInDialog = sent.request.toTag != nil
    if isFirst, isInDialog { dialogs[dialogKey(sent.request, isOurs: true)]?.ourInvite = nil }
    if status >= 300 {
      // One that has changed its mind is not to be answered.
      if sent.final ?? 0 >= 300 {
        obligations.append(
          ("no ACK of \(message.title)", { $0.method == "ACK" && $0.isRequest && $0.branch == message.branch }))
      }
      return
    }
    guard sent.final ?? 999 < 300 else { return }
    let dialog = dialogKey(message, isOurs: true)
    // There may have been an early dialog, with requests of its own.
    if dialogs[dialog] == nil { dialogs[dialog] = Dialog(lastSequence: message.sequence) }
    if !isInDialog {
      dialogs[dialog]?.isConfirmed = true
      dialogs[dialog]?.isAcknowledged = true
    }
    // A re-INVITE's 2xx behind the end of the call is nobody's any more.
    if isInDialog, dialogs[dialog]?.hasBye == true || dialogs[dialog]?.byeSent != nil { return }
    obligations.append(
      (
        "no ACK of \(message.title) \(message.callID)",
        { $0.isRequest && $0.method == "ACK" && $0.sequence == message.sequence && $0.toTag == message.toTag }
      ))
  }

  /// §12.2.1.2: the peer does not know the call, so it is ended.
  private func requireEnd(_ request: SimMessage) {
    let key = dialogKey(request, isOurs: true)
    guard request.method == "INFO" || request.method == "INVITE", let dialog = dialogs[key], dialog.isConfirmed,
      dialog.isAcknowledged, !dialog.hasBye, dialog.byeSent == nil
    else { return }
    obligations.append(("no BYE behind a 481 to \(request.title)", { $0.isRequest && $0.method == "BYE" }))
  }

  /// Whether an INVITE of ours that nobody waits for any more could be cancelled and is not (§9.1).
  func checkCancelled(_ jingle: JingleLedger, _ fail: (String) -> Void) {
    for key in open {
      guard let sent = requests[key], sent.request.method == "INVITE", sent.request.toTag == nil, sent.hasProvisional,
        sent.final == nil, sent.cancelTime == nil
      else { continue }
      let sid = sent.request.callID
      if !jingle.open.contains(where: { $0.key.sid == sid && $0.value.isCaller }) {
        fail("the INVITE \(sid) rings though nobody calls any more")
      }
    }
  }

  /// The client transaction has ended without a response, or its time to absorb repetitions is over.
  private func isOver(_ sent: Sent, _ now: Instant) -> Bool {
    if sent.hasFailed { return true }
    if let time = sent.finalTime { return time + (isReliable && sent.final ?? 0 >= 300 ? .zero : Self.timeout) <= now }
    if sent.request.method == "INVITE", sent.hasProvisional {
      return sent.cancelTime.map { $0 + Self.timeout <= now } ?? false
    }
    return sent.first + Self.timeout <= now
  }

  // MARK: What goes

  func failed(_ message: SimMessage) {
    guard message.isRequest else {
      // A refusal ends with its transaction; a 2xx is repeated by the one who has accepted.
      guard message.status ?? 0 >= 300 else { return }
      served[key(message)]?.due = nil
      waiting.remove(key(message))
      return
    }
    // An ACK that cannot be sent ends the transaction of its INVITE (§17.1.1.2).
    if message.method == "ACK" { requests[message.branch + "INVITE"]?.hasFailed = true }
    requests[key(message)]?.hasFailed = true
    // Our BYE is answered or cannot be: nothing of the dialog is left.
    if message.method == "BYE" { stopRepeating(dialogKey(message, isOurs: true)) }
    requests[key(message)]?.due = nil
    open.remove(key(message))
  }

  func sent(_ message: SimMessage, _ bytes: [UInt8], at now: Instant, _ fail: (String) -> Void) {
    count += 1
    obligations.removeAll { $0.isMet(message) }
    if let status = message.status {
      sentResponse(message, status, bytes, now, fail)
    } else if message.method == "ACK" {
      sentAcknowledgement(message, fail)
    } else if let known = requests[key(message)] {
      repeated(known, message, bytes, now, fail)
    } else {
      sentRequest(message, bytes, now, fail)
    }
  }

  private func sentAcknowledgement(_ message: SimMessage, _ fail: (String) -> Void) {
    let key = dialogKey(message, isOurs: true)
    let ofRefusal = requests[message.branch + "INVITE"].map { $0.final ?? 0 >= 300 } ?? false
    if !ofRefusal, dialogs[key] == nil { fail("an ACK of what nobody has answered: \(key)") }
  }

  private func repeated(
    _ known: Sent, _ message: SimMessage, _ bytes: [UInt8], _ now: Instant, _ fail: (String) -> Void
  ) {
    let title = "\(message.title) \(message.callID)"
    if known.bytes != bytes { fail("\(title) is not repeated as it was") }
    if isReliable { fail("\(title) is repeated over TCP") }
    guard let due = known.due else { return fail("\(title) is repeated, though there is nothing to wait for") }
    if due != now { fail("\(title) is repeated at \(SimLadder.seconds(now)) instead of \(SimLadder.seconds(due))") }
    var sent = known
    sent.last = now
    let isInvite = message.method == "INVITE"
    sent.interval = isInvite ? known.interval * 2 : known.hasProvisional ? Self.t2 : min(known.interval * 2, Self.t2)
    sent.due = now + sent.interval
    if let due = sent.due, due >= sent.first + Self.timeout { sent.due = nil }
    requests[key(message)] = sent
  }

  private func sentRequest(_ message: SimMessage, _ bytes: [UInt8], _ now: Instant, _ fail: (String) -> Void) {
    let title = "\(message.title) \(message.callID)"
    let key = key(message)
    requests[key] = Sent(
      request: message, bytes: bytes, first: now, last: now, interval: Self.t1, due: isReliable ? nil : now + Self.t1)
    open.insert(key)
    if message.method == "CANCEL" {
      guard let invite = requests[message.branch + "INVITE"] else { return fail("a CANCEL of nothing") }
      requests[message.branch + "INVITE"]?.cancelTime = now
      if !invite.hasProvisional { fail("\(title) before a provisional response (§9.1)") }
      if invite.final != nil { fail("\(title) behind the final response (§9.1)") }
      if invite.request.requestURI != message.requestURI || invite.request.sequence != message.sequence
        || invite.request["To"] != message["To"] || invite.request["Via"] != message["Via"]
      {
        fail("\(title) is not like its INVITE (§9.1)")
      }
      return
    }
    guard message.toTag != nil else {
      if message.method != "INVITE" { fail("\(title) outside of a dialog") }
      return
    }
    inDialog(message, title, now, fail)
  }

  private func inDialog(_ message: SimMessage, _ title: String, _ now: Instant, _ fail: (String) -> Void) {
    let key = dialogKey(message, isOurs: true)
    var dialog = dialogs[key] ?? Dialog()
    if message.sequence <= dialog.lastSequence { fail("\(title): CSeq \(message.sequence) again (§12.2.1.1)") }
    dialog.lastSequence = message.sequence
    if dialog.hasBye || dialog.byeSent != nil { fail("\(title) behind a BYE") }
    switch message.method {
    case "BYE":
      if !dialog.isConfirmed { fail("\(title) without a dialog that stands (§15)") }
      let isGivenUp = dialog.answerTime.map { $0 + Self.timeout <= now } ?? false
      if dialog.isCallee, !dialog.isAcknowledged, !isGivenUp { fail("\(title) before the ACK (§15)") }
      dialog.byeSent = message.branch
    case "INVITE":
      if !dialog.isConfirmed { fail("a re-INVITE without a dialog that stands") }
      if dialog.ourInvite != nil || dialog.theirInvite != nil { fail("two INVITEs at a time (§14.1)") }
      dialog.ourInvite = message.branch
    default: break
    }
    dialogs[key] = dialog
  }

  private func sentResponse(
    _ message: SimMessage, _ status: Int, _ bytes: [UInt8], _ now: Instant, _ fail: (String) -> Void
  ) {
    let key = key(message)
    guard var received = served[key] else { return fail("\(message.title) to no request") }
    let isInvite = message.method == "INVITE"
    if let final = received.final {
      if received.bytes != bytes { return fail("\(message.title) behind \(final): two final responses") }
      if isInvite {
        if received.isAcknowledged { fail("\(message.title) is repeated behind its ACK") }
        if received.due == now {
          received.interval = min(received.interval * 2, Self.t2)
          received.due = now + received.interval
          if let time = received.finalTime, now + received.interval >= time + Self.timeout { received.due = nil }
        } else if final < 300 {
          fail("\(message.title) is repeated out of its time")
        }
      }
      served[key] = received
      return
    }
    if status < 200 {
      if !isInvite, status > 100 { fail("\(message.title): no provisional response to it (RFC 4320)") }
      received.provisional = bytes
      served[key] = received
      return
    }
    received.final = status
    received.finalTime = now
    received.bytes = bytes
    if isInvite { answeredInvite(message, status, &received, now) }
    served[key] = received
    if received.due != nil { waiting.insert(key) }
  }

  private func answeredInvite(_ message: SimMessage, _ status: Int, _ received: inout Received, _ now: Instant) {
    let isRepeated = status < 300 || !isReliable
    received.due = isRepeated ? now + Self.t1 : nil
    guard status < 300, let tag = message.toTag else { return }
    let key = "\(message.callID) \(tag) \(message.fromTag)"
    if dialogs[key] == nil {
      dialogs[key] = Dialog(isConfirmed: true, isCallee: true, answerTime: now)
    } else {
      dialogs[key]?.isConfirmed = true
      dialogs[key]?.theirInvite = message.branch
      if dialogs[key]?.answerTime == nil {
        dialogs[key]?.isCallee = true
        dialogs[key]?.answerTime = now
      }
    }
  }

  // MARK: The end

  func checkEnd(_ fail: (String) -> Void) {
    for received in served.values where received.final == nil {
      fail("\(received.request.title) \(received.request.callID) has no final response")
    }
    for (key, dialog) in dialogs where dialog.isConfirmed && !dialog.hasBye && dialog.byeSent == nil {
      fail("the dialog \(key) has never ended")
    }
  }

  /// Whether an INVITE of ours has had a provisional response and no final one.
  func waitsForFinal(callID: String) -> Bool {
    requests.values.contains {
      $0.request.callID == callID && $0.request.method == "INVITE" && $0.hasProvisional && $0.final == nil
    }
  }

  /// Whether the peer may not have learned that the dialog is over: our BYE had no response.
  func byeIsLost(callID: String) -> Bool {
    dialogs.contains { key, dialog in
      guard key.hasPrefix("\(callID) "), let branch = dialog.byeSent, let bye = requests[branch + "BYE"] else {
        return false
      }
      return bye.final == nil
    }
  }
}

extension SimMessage {
  /// Whether it is the message with these bytes, as far as a response can differ.
  func bytesEqual(_ other: [UInt8]) -> Bool {
    guard let message = SimMessage(other) else { return false }
    return message.startLine == startLine && message.branch == branch && message.method == method
      && message.toTag == toTag
  }
}
