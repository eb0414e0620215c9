import CodecRuntime
import SIPCodec

// What the gateway answers (RFC 3261 §8.2.6, §13.3.1).
extension SIPUserAgent {
  /// Answers the INVITE of a leg. A provisional response but 100, and a 2xx, bear our Contact and the Record-Route of the
  /// INVITE, a 2xx our capabilities too; it is repeated until its ACK comes. 300 to 699 end the leg.
  ///
  /// Returns `false`, and sends nothing, where the INVITE has had its final response or its leg is gone.
  @discardableResult
  public mutating func respond(
    to leg: SIPLeg, status: Int, phrase: String? = nil, headers: [HeaderDraft] = [], body: SIPBody? = nil,
    at now: Instant, into effects: inout Effects
  ) throws(SIPUserAgentError) -> Bool {
    guard let record = legs[leg], !record.isCaller, record.phase == .pending else { return false }
    let isSent = try respond(
      status, to: record.invite, phrase: phrase, headers: headers, body: body, at: now, into: &effects)
    if isSent, status >= 300 { end(leg, at: now, into: &effects) }
    return isSent
  }

  /// Answers a request within a dialog; see ``SIPUserAgentEffect/incomingRequest(_:in:_:)``. A 405 says what is allowed,
  /// a 415 which bodies, a 469 which Info packages are accepted.
  @discardableResult
  public mutating func respond(
    to request: SIPServerRequest, status: Int, phrase: String? = nil, headers: [HeaderDraft] = [],
    body: SIPBody? = nil, at now: Instant, into effects: inout Effects
  ) throws(SIPUserAgentError) -> Bool {
    try respond(status, to: request.key, phrase: phrase, headers: headers, body: body, at: now, into: &effects)
  }

  /// A response of the agent itself.
  mutating func reply(
    _ status: Int, to key: TransactionKey, headers: [HeaderDraft] = [], at now: Instant, into effects: inout Effects
  ) {
    do throws(SIPUserAgentError) {
      try respond(status, to: key, phrase: nil, headers: headers, body: nil, at: now, into: &effects)
    } catch {
      effects.append(.diagnostic("no \(status) can be written: \(error)"))
    }
  }

  @discardableResult
  private mutating func respond(
    _ status: Int, to key: TransactionKey, phrase: String?, headers: [HeaderDraft], body: SIPBody?, at now: Instant,
    into effects: inout Effects
  ) throws(SIPUserAgentError) -> Bool {
    guard 100..<700 ~= status, let record = servers[key], let received = record.request else { return false }
    var parts = MessageWriter.ResponseParts(
      tag: status == 100 ? nil : record.localTag, phrase: phrase, headers: headers, body: body)
    if record.method == .invite, 101..<300 ~= status, let leg = record.leg, let contact = legs[leg]?.contact {
      parts.foundsDialog = !record.isInDialog
      let capabilities = status >= 200 ? writer.capabilities : []
      parts.headers = [MessageWriter.contactHeader(contact)] + capabilities + headers
    }
    var agreement: SessionTimer.Agreement?
    if hasSessionTimers, record.method == .invite, 200..<300 ~= status {
      agreement = SessionTimer.agreement(answering: received.message)
      parts.headers += agreement.map(SessionTimer.headers) ?? []
    }
    let bytes: [UInt8]
    do throws(DraftError) { bytes = try writer.response(status, to: received, parts) } catch { throw .draft(error) }
    let isSent = run(at: now, into: &effects) {
      $0.respond(to: key, status: status, bytes: bytes, at: now, into: &$1)
    }
    if isSent, status >= 200 { answered(key, record, status, bytes, agreement, at: now) }
    return isSent
  }

  /// A final response is out.
  private mutating func answered(
    _ key: TransactionKey, _ record: ServerRecord, _ status: Int, _ bytes: [UInt8],
    _ agreement: SessionTimer.Agreement?,
    at now: Instant
  ) {
    servers[key]?.request = nil
    guard let leg = record.leg, legs[leg] != nil else { return }
    legs[leg]?.unanswered.removeAll { $0 == key }
    guard record.method == .invite else { return }
    guard status < 300 else {
      legs[leg]?.exclusion.remoteEnded()
      return
    }
    if legs[leg]?.phase == .pending { legs[leg]?.phase = .established }
    setSessionTimer(leg, agreement, isCaller: false, at: now)
    let machine = AcceptedInvite(timers: configuration.timers, at: now)
    repetitions.set(leg, to: machine.nextDeadline)
    legs[leg]?.awaited = AwaitedAcknowledgement(
      machine: machine, key: key, sequence: record.sequence, status: status, bytes: bytes)
  }
}
