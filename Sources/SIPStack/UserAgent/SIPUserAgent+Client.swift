import CodecRuntime
import SIPCodec

/// An INVITE that founds a leg.
public struct SIPInvite: Sendable {
  public var requestURI: URI.Draft
  /// Without a tag; its user is that of our Contact, too.
  public var from: NameAddr.Draft
  public var to: NameAddr.Draft
  public var callIdentifier: String
  public var headers: [HeaderDraft]
  public var body: SIPBody?
  /// Of an INVITE without a body: the answer that the ACK of a 2xx brings to the offer in that (§13.2.1). Each 2xx of a
  /// fork gets one, so it has to be made without delay and without memory.
  public var answerToOffer: (@Sendable (SIPMessage) -> SIPBody?)?
  /// Where it goes first, whatever the Request-URI says: the outbound proxy.
  public var nextHop: TransportAddress

  public init(
    requestURI: URI.Draft, from: NameAddr.Draft, to: NameAddr.Draft, callIdentifier: String,
    headers: [HeaderDraft] = [], body: SIPBody?, nextHop: TransportAddress
  ) {
    self.requestURI = requestURI
    self.from = from
    self.to = to
    self.callIdentifier = callIdentifier
    self.headers = headers
    self.body = body
    self.nextHop = nextHop
  }
}

// What the gateway asks for as a client (RFC 3261 §8.1, §9.1, §12.2.1, §13.2, §14.1, §15.1.1).
extension SIPUserAgent {
  /// Calls: sends an INVITE with a tag of its own. Allow, Supported, Accept, Recv-Info and Contact are added.
  public mutating func invite(
    _ invite: SIPInvite, at now: Instant, into effects: inout Effects
  ) throws(SIPUserAgentError) -> SIPLeg {
    guard legs.count < configuration.maximumLegs else { throw .exhausted }
    let leg = SIPLeg(callIdentifier: invite.callIdentifier, localTag: identifiers.tag())
    var record = LegRecord(
      leg: leg, isCaller: true, local: Party.Draft(address: invite.from, parameters: [.tag(leg.localTag)]),
      remote: invite.to,
      contact: writer.contact(
        user: invite.from.uri?.user ?? invite.from.uri?.telephone?.number, over: invite.nextHop.transport),
      invite: .client(branch: [], method: .invite), inviteSequence: identifiers.sequenceNumber())
    record.answerToOffer = invite.answerToOffer
    _ = record.exclusion.beginLocal()
    try sendInvite(
      record, requestURI: invite.requestURI, headers: invite.headers, body: invite.body, nextHop: invite.nextHop,
      at: now, into: &effects
    ) { agent, key in
      record.invite = key
      agent.legs[leg] = record
    }
    return leg
  }

  /// Sends a refused INVITE again with the same Call-ID and tag and the next CSeq number: after a redirection to its
  /// Contact (§8.1.3.4), or with what the refusal asked for. Possible from `refused` until `ended`.
  public mutating func retryInvite(
    _ leg: SIPLeg, requestURI: URI.Draft, headers: [HeaderDraft] = [], body: SIPBody?, nextHop: TransportAddress,
    at now: Instant, into effects: inout Effects
  ) throws(SIPUserAgentError) {
    guard var record = legs[leg] else { throw .noSuchLeg }
    guard record.phase == .failed else { throw .invitePending }
    record.phase = .pending
    record.inviteSequence += 1
    record.dialogs = []
    record.cancellation = nil
    _ = record.exclusion.beginLocal()
    try sendInvite(
      record, requestURI: requestURI, headers: headers, body: body, nextHop: nextHop, at: now, into: &effects
    ) { agent, key in
      record.invite = key
      agent.legs[leg] = record
    }
  }

  /// `register` is called before anything is sent, so that even an error at once finds the leg.
  private mutating func sendInvite(
    _ record: LegRecord, requestURI: URI.Draft, headers: [HeaderDraft], body: SIPBody?, nextHop: TransportAddress,
    at now: Instant, into effects: inout Effects, register: (inout SIPUserAgent, TransactionKey) -> Void
  ) throws(SIPUserAgentError) {
    let branch = identifiers.branch()
    let sent = SentRequest(
      requestURI: requestURI, via: writer.via(branch: branch, over: nextHop.transport), routes: [],
      from: record.local, to: Party.Draft(address: record.remote), callIdentifier: record.leg.callIdentifier,
      sequence: record.inviteSequence, destination: nextHop)
    let request: WrittenRequest
    let datagram: WrittenRequest?
    do throws(DraftError) {
      (request, datagram) = try write(
        .invite, sent, headers: [MessageWriter.contactHeader(record.contact)] + writer.capabilities + headers,
        body: body, at: now)
    } catch { throw .draft(error) }
    guard transactions.count < configuration.maximumTransactions else { throw .exhausted }
    let key = TransactionKey.client(branch: Array(branch.utf8), method: .invite)
    clients[key] = ClientRecord(
      purpose: .invite, leg: record.leg, method: .invite, sent: request.sent,
      acknowledgements: AcknowledgedInvite(timers: configuration.timers), datagram: datagram,
      answerToOffer: record.answerToOffer)
    register(&self, key)
    run(at: now, into: &effects) {
      _ = $0.start(
        OutgoingRequest(key: key, bytes: request.bytes, destination: request.sent.destination), at: now, into: &$1)
    }
  }

  /// Gives a call up that is not answered: the CANCEL goes out once a provisional response has come (§9.1). `refused`
  /// with 487 or `timedOut` tells the end; a 2xx that crosses it is reported by `accepted` and followed by a BYE with
  /// the same `headers`, such as Reason (RFC 3326).
  public mutating func cancel(
    _ leg: SIPLeg, headers: [HeaderDraft] = [], at now: Instant, into effects: inout Effects
  ) {
    guard let record = legs[leg], record.isCaller, record.phase == .pending, record.cancellation == nil,
      let sent = clients[record.invite]?.sent
    else { return }
    legs[leg]?.cancellation = headers
    let bytes: [UInt8]
    do throws(DraftError) {
      bytes = try writer.request(.cancel, sent, headers: headers, body: nil)
    } catch {
      // Better a CANCEL without its reason than none.
      effects.append(.diagnostic("header fields of a CANCEL: \(error)"))
      legs[leg]?.cancellation = []
      guard let plain = try? writer.request(.cancel, sent, headers: [], body: nil) else { return }
      bytes = plain
    }
    run(at: now, into: &effects) { $0.cancel(record.invite, bytes: bytes, at: now, into: &$1) }
  }

  /// Sends a request in the dialog: BYE, INFO, INVITE and others, but no ACK or CANCEL. An INVITE gets our Contact and
  /// capabilities, and its 2xx an ACK, from here.
  ///
  /// A BYE before the ACK of our 2xx waits for it (§15); a second BYE is the first one.
  @discardableResult
  public mutating func request(
    _ method: Method, in leg: SIPLeg, headers: [HeaderDraft] = [], body: SIPBody? = nil, at now: Instant,
    into effects: inout Effects
  ) throws(SIPUserAgentError) -> SIPClientRequest {
    guard let record = legs[leg] else { throw .noSuchLeg }
    if method == .bye { return try bye(record, headers: headers, at: now, into: &effects) }
    if case .ending = record.phase { throw .ending }
    if method == .invite {
      guard record.phase == .established else { throw .noDialog }
      guard record.awaited == nil, legs[leg]?.exclusion.beginLocal() == true else { throw .invitePending }
    }
    let branch = identifiers.branch()
    do throws(SIPUserAgentError) {
      return try send(
        method, in: leg, branch: branch, purpose: .request, headers: headers, body: body, at: now, into: &effects)
    } catch {
      if method == .invite { legs[leg]?.exclusion.localEnded() }
      throw error
    }
  }

  private mutating func bye(
    _ record: LegRecord, headers: [HeaderDraft], at now: Instant, into effects: inout Effects
  ) throws(SIPUserAgentError) -> SIPClientRequest {
    switch record.phase {
    case .ending(let request): return request
    case .pending, .failed: throw .noDialog
    case .established: break
    }
    let branch = identifiers.branch()
    if !record.isCaller, let awaited = record.awaited, awaited.key == record.invite {
      // It must be writable later.
      do throws(DraftError) { for header in headers { try header.check() } } catch { throw .draft(error) }
      let request = SIPClientRequest(key: .client(branch: Array(branch.utf8), method: RequestMethod(.bye)))
      legs[record.leg]?.deferredBye = DeferredBye(branch: branch, headers: headers)
      legs[record.leg]?.phase = .ending(request)
      return request
    }
    let request = try send(
      .bye, in: record.leg, branch: branch, purpose: .request, headers: headers, body: nil, at: now, into: &effects)
    if legs[record.leg] != nil { legs[record.leg]?.phase = .ending(request) }
    return request
  }

  /// Sends every BYE that waits for an ACK: there will be nobody to send it later.
  public mutating func sendWaitingByes(at now: Instant, into effects: inout Effects) {
    for (leg, record) in legs where record.deferredBye != nil { sendDeferredBye(leg, at: now, into: &effects) }
  }

  /// Sends the BYE that has waited for an ACK.
  mutating func sendDeferredBye(_ leg: SIPLeg, at now: Instant, into effects: inout Effects) {
    guard let bye = legs[leg]?.deferredBye else { return }
    legs[leg]?.deferredBye = nil
    do throws(SIPUserAgentError) {
      _ = try send(
        .bye, in: leg, branch: bye.branch, purpose: .request, headers: bye.headers, body: nil, at: now, into: &effects)
    } catch {
      effects.append(.diagnostic("a BYE that waited: \(error)"))
      end(leg, at: now, into: &effects)
    }
  }

  /// Sends a request in the established or the newest early dialog of a leg.
  mutating func send(
    _ method: Method, in leg: SIPLeg, branch: String, purpose: ClientRecord.Purpose, headers: [HeaderDraft],
    body: SIPBody?, at now: Instant, into effects: inout Effects
  ) throws(SIPUserAgentError) -> SIPClientRequest {
    guard let record = legs[leg], var dialog = record.dialogs.last else { throw .noDialog }
    guard let sequence = dialog.sequence.nextLocal(), transactions.count < configuration.maximumTransactions else {
      throw .exhausted
    }
    let sent = sentRequest(in: dialog, branch: branch, sequence: sequence)
    var all = headers
    if method == .invite {
      all = [MessageWriter.contactHeader(record.contact)] + writer.capabilities + headers
      if let timer = record.sessionTimer { all.append(timer.request) }
    }
    let request: WrittenRequest
    let datagram: WrittenRequest?
    do throws(DraftError) {
      (request, datagram) = try write(method, sent, headers: all, body: body, at: now)
    } catch { throw .draft(error) }
    if let last = record.dialogs.indices.last { legs[leg]?.dialogs[last] = dialog }
    if record.phase == .pending, let last = clients[record.invite]?.lastSequence {
      clients[record.invite]?.lastSequence = max(last, sequence)
    }
    return start(
      method, request, orAs: datagram, branch: branch, leg: leg, purpose: purpose, at: now, into: &effects)
  }

  /// Begins the client transaction of a request that is no founding INVITE.
  @discardableResult
  mutating func start(
    _ method: Method, _ request: WrittenRequest, orAs datagram: WrittenRequest? = nil, branch: String, leg: SIPLeg,
    purpose: ClientRecord.Purpose, at now: Instant, into effects: inout Effects
  ) -> SIPClientRequest {
    let key = TransactionKey.client(branch: Array(branch.utf8), method: RequestMethod(method))
    let isInvite = method == .invite
    let patience = isInvite ? configuration.updatePatience : nil
    clients[key] = ClientRecord(
      purpose: purpose, leg: leg, method: method, sent: isInvite ? request.sent : nil,
      acknowledgements: isInvite ? AcknowledgedInvite(timers: configuration.timers) : nil, datagram: datagram,
      patience: patience)
    let started = run(at: now, into: &effects) {
      $0.start(
        OutgoingRequest(key: key, bytes: request.bytes, destination: request.sent.destination, patience: patience),
        at: now, into: &$1)
    }
    if !started { clients[key] = nil }
    return SIPClientRequest(key: key)
  }

  /// What a request in `dialog` has in its head (§12.2.1.1).
  func sentRequest(in dialog: Dialog, branch: String, sequence: UInt32) -> SentRequest {
    let route = dialog.route
    let destination = nextHop(for: route.nextHop, peer: dialog.peer)
    return SentRequest(
      requestURI: route.requestTarget, via: writer.via(branch: branch, over: destination.transport),
      routes: route.route, from: dialog.local, to: dialog.remote, callIdentifier: dialog.callIdentifier,
      sequence: sequence, destination: destination)
  }
}

extension HeaderDraft {
  /// Throws where it cannot be written.
  func check() throws(DraftError) {
    var tape = Tape()
    try append(to: &tape)
  }
}
