import CodecRuntime
import SIPCodec

// What comes back to our requests (RFC 3261 §8.1.3, §12.1.2, §13.2.2).
extension SIPUserAgent {
  mutating func receiveResponse(
    _ response: IncomingResponse<ReceivedMessage>, at now: Instant, into effects: inout Effects
  ) {
    // A CANCEL of ours has no record: what it brings, the INVITE's final response says.
    guard let record = clients[response.key] else { return }
    clients[response.key]?.datagram = nil
    switch record.purpose {
    case .invite: receiveInviteResponse(response, record, at: now, into: &effects)
    case .request: receiveDialogResponse(response, record, at: now, into: &effects)
    case .silent: break
    }
  }

  // MARK: The founding INVITE

  private mutating func receiveInviteResponse(
    _ response: IncomingResponse<ReceivedMessage>, _ record: ClientRecord, at now: Instant, into effects: inout Effects
  ) {
    let message = response.message.message
    switch response.status {
    case ..<200:
      guard let leg = legs[record.leg], leg.invite == response.key, leg.phase == .pending else { return }
      if response.status > 100 { noteEarlyDialog(response.message, record, into: &effects) }
      effects.append(.provisional(record.leg, status: response.status, message))
    case 200..<300:
      receiveAccepted(response, record, at: now, into: &effects)
    default:
      guard let leg = legs[record.leg], leg.invite == response.key, leg.phase == .pending else { return }
      legs[record.leg]?.phase = .failed
      legs[record.leg]?.exclusion.localEnded()
      effects.append(
        .refused(
          record.leg, status: response.status, phrase: message.statusLine?.reason.string ?? "", message))
    }
  }

  /// A provisional response with a To tag makes a dialog, or refreshes it (§12.1.2).
  private mutating func noteEarlyDialog(
    _ received: ReceivedMessage, _ record: ClientRecord, into effects: inout Effects
  ) {
    guard let tag = received.message.headers.to?.party.tag?.string, let leg = legs[record.leg], let sent = record.sent
    else { return }
    if let index = leg.dialogs.firstIndex(where: { $0.remoteTag == tag }) {
      legs[record.leg]?.dialogs[index].refreshTarget(from: received.message)
      return
    }
    guard leg.dialogs.count < LegRecord.maximumDialogs else { return }
    let dialog = makeDialog(received, leg, sent)
    legs[record.leg]?.dialogs.append(dialog)
    lookUp(dialog, into: &effects)
  }

  private func makeDialog(_ received: ReceivedMessage, _ leg: LegRecord, _ sent: SentRequest) -> Dialog {
    Dialog(
      callIdentifier: leg.leg.callIdentifier, local: leg.local, remote: leg.remote, response: received.message,
      requestURI: sent.requestURI, sequence: sent.sequence, peer: received.source)
  }

  private mutating func receiveAccepted(
    _ response: IncomingResponse<ReceivedMessage>, _ record: ClientRecord, at now: Instant, into effects: inout Effects
  ) {
    guard let sent = record.sent else { return }
    let received = response.message
    let tag = received.message.headers.to?.party.tag?.string ?? ""
    guard let reception = clients[response.key]?.acknowledgements?.receive(remoteTag: tag, at: now) else { return }
    switch reception {
    case .repeated(let bytes, let destination):
      effects.append(.send(bytes: bytes, to: destination, key: nil))
    case .ignored:
      return
    case .first, .fork:
      guard let leg = legs[record.leg], leg.invite == response.key, leg.phase == .pending else {
        endFork(received, sent, leg: record.leg, key: response.key, at: now, into: &effects)
        return
      }
      var dialog = leg.dialogs.first { $0.remoteTag == tag } ?? makeDialog(received, leg, sent)
      dialog.confirm(by: received.message)
      dialog.peer = received.source
      legs[record.leg]?.dialogs = [dialog]
      legs[record.leg]?.phase = .established
      legs[record.leg]?.exclusion.localEnded()
      setSessionTimer(record.leg, SessionTimer.agreement(in: received.message), isCaller: true, at: now)
      lookUp(dialog, into: &effects)
      acknowledge(
        dialog, sequence: sent.sequence, key: response.key, body: record.answerToOffer?(received.message),
        into: &effects)
      effects.append(.accepted(record.leg, received.message))
      if let headers = leg.cancellation {
        hangUp(record.leg, headers: headers, at: now, into: &effects)
      }
    }
  }

  /// The 2xx has crossed our CANCEL (§9.1).
  private mutating func hangUp(
    _ leg: SIPLeg, headers: [HeaderDraft], at now: Instant, into effects: inout Effects
  ) {
    do throws(SIPUserAgentError) {
      try request(.bye, in: leg, headers: headers, at: now, into: &effects)
    } catch {
      effects.append(.diagnostic("a BYE behind a CANCEL: \(error)"))
      end(leg, at: now, into: &effects)
    }
  }

  /// Sends the ACK of a 2xx through its dialog and keeps it for repetitions (§13.2.2.4).
  private mutating func acknowledge(
    _ dialog: Dialog, sequence: UInt32, key: TransactionKey?, body: SIPBody? = nil, into effects: inout Effects
  ) {
    let sent = sentRequest(in: dialog, branch: identifiers.branch(), sequence: sequence)
    do throws(DraftError) {
      let bytes = try writer.request(.ack, sent, headers: [], body: body)
      effects.append(.send(bytes: bytes, to: sent.destination, key: nil))
      if let key {
        clients[key]?.acknowledgements?.store(
          acknowledgement: bytes, to: sent.destination, forRemoteTag: dialog.remoteTag)
      }
    } catch {
      effects.append(.diagnostic("no ACK can be written: \(error)"))
    }
  }

  /// ACK and BYE for a dialog that nobody wants (§13.2.2.4): of another fork, or of a leg that is given up.
  private mutating func endFork(
    _ received: ReceivedMessage, _ sent: SentRequest, leg: SIPLeg, key: TransactionKey?, at now: Instant,
    into effects: inout Effects
  ) {
    // It may have been an early dialog with requests of its own; a number that is too high does no harm (§12.2.2).
    let sequence = max(sent.sequence, key.flatMap { clients[$0]?.lastSequence } ?? 0)
    var dialog = Dialog(
      callIdentifier: sent.callIdentifier, local: sent.from, remote: sent.to.address, response: received.message,
      requestURI: sent.requestURI, sequence: sequence, peer: received.source)
    let answer = key.flatMap { clients[$0]?.answerToOffer }
    acknowledge(
      dialog, sequence: sent.sequence, key: key, body: answer?(received.message), into: &effects)
    guard let sequence = dialog.sequence.nextLocal() else { return }
    let branch = identifiers.branch()
    let bye = sentRequest(in: dialog, branch: branch, sequence: sequence)
    guard let bytes = try? writer.request(.bye, bye, headers: [], body: nil) else { return }
    start(
      .bye, WrittenRequest(sent: bye, bytes: bytes), branch: branch, leg: leg, purpose: .silent, at: now, into: &effects
    )
    effects.append(.diagnostic("a 2xx of another fork, or behind the end, of \(leg)"))
  }

  /// A 2xx behind the end of its transaction. Where its dialog stands, its ACK was lost all the time; of another fork
  /// of a call that stands, it is ended; else nothing is known of it.
  mutating func receiveStrayResponse(
    _ received: ReceivedMessage, at now: Instant, into effects: inout Effects
  ) {
    let headers = received.message.headers
    guard let callIdentifier = headers.callID?.value.string, let localTag = headers.from?.party.tag?.string,
      let sequence = headers.cseq?.number,
      let leg = legs[SIPLeg(callIdentifier: callIdentifier, localTag: localTag)], leg.isCaller,
      sequence == leg.inviteSequence, let dialog = leg.dialogs.last, leg.phase != .pending, leg.phase != .failed
    else { return }
    let tag = headers.to?.party.tag?.string ?? ""
    guard tag == dialog.remoteTag else { return }
    acknowledge(
      dialog, sequence: sequence, key: nil, body: leg.answerToOffer?(received.message), into: &effects)
  }

  /// The ACK of a non-2xx response, part of the transaction (§17.1.1.3).
  mutating func acknowledgeRefusal(
    _ response: IncomingResponse<ReceivedMessage>, to destination: TransportAddress, into effects: inout Effects
  ) {
    guard let sent = clients[response.key]?.sent else { return }
    do throws(DraftError) {
      let bytes = try writer.acknowledgement(of: sent, response.message.message)
      effects.append(.send(bytes: bytes, to: destination, key: response.key))
    } catch {
      effects.append(.diagnostic("no ACK can be written: \(error)"))
    }
  }

  // MARK: Requests in a dialog

  private mutating func receiveDialogResponse(
    _ response: IncomingResponse<ReceivedMessage>, _ record: ClientRecord, at now: Instant, into effects: inout Effects
  ) {
    let message = response.message.message
    let leg = legs[record.leg]
    if record.method == .invite, response.status >= 200 {
      if response.status >= 300 {
        legs[record.leg]?.exclusion.localEnded()
      } else if let sent = record.sent, !acceptedAgain(response, sent, record.leg, at: now, into: &effects) {
        return
      }
    }
    guard leg != nil else { return }
    effects.append(
      .response(
        SIPClientRequest(key: response.key), in: record.leg, method: record.method, status: response.status, message))
    if record.method == .bye, response.status >= 200 { end(record.leg, at: now, into: &effects) }
  }

  /// A 2xx to a re-INVITE: sends its ACK. Returns whether it is the first one.
  private mutating func acceptedAgain(
    _ response: IncomingResponse<ReceivedMessage>, _ sent: SentRequest, _ leg: SIPLeg, at now: Instant,
    into effects: inout Effects
  ) -> Bool {
    let tag = response.message.message.headers.to?.party.tag?.string ?? ""
    switch clients[response.key]?.acknowledgements?.receive(remoteTag: tag, at: now) {
    case .first:
      legs[leg]?.exclusion.localEnded()
      setSessionTimer(leg, SessionTimer.agreement(in: response.message.message), isCaller: true, at: now)
      if let last = legs[leg]?.dialogs.indices.last {
        legs[leg]?.dialogs[last].refreshTarget(from: response.message.message)
      }
      if let dialog = legs[leg]?.dialogs.last {
        lookUp(dialog, into: &effects)
        acknowledge(dialog, sequence: sent.sequence, key: response.key, into: &effects)
      }
      return true
    case .repeated(let bytes, let destination):
      effects.append(.send(bytes: bytes, to: destination, key: nil))
      return false
    case .fork, .ignored, nil:
      return false
    }
  }

  // MARK: Failures

  /// A transaction of ours had no response, or its request could not be sent; one of a peer has nobody who waits.
  mutating func requestFailed(
    _ key: TransactionKey, _ failure: SIPRequestFailure, at now: Instant, into effects: inout Effects
  ) {
    guard let record = clients[key], let leg = legs[record.leg] else { return }
    switch record.purpose {
    case .silent: return
    case .invite:
      guard leg.invite == key, leg.phase == .pending else { return }
      legs[record.leg]?.phase = .failed
      legs[record.leg]?.exclusion.localEnded()
      effects.append(failure == .timedOut ? .timedOut(record.leg) : .unreachable(record.leg))
    case .request:
      if record.method == .invite { legs[record.leg]?.exclusion.localEnded() }
      effects.append(
        .requestFailed(SIPClientRequest(key: key), in: record.leg, method: record.method, failure))
      if record.method == .bye { end(record.leg, at: now, into: &effects) }
    }
  }
}
