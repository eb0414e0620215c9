import SIPStack

@testable import Gateway

/// One end of a call as a simulated phone knows it (RFC 3261 §12).
final class SimCall {
  enum State { case pending, accepted, established, ended }

  let callID: String
  let localTag: String
  let isCaller: Bool
  var remoteTag: String?
  /// From and To of our requests, without tags.
  let local: String
  let remote: String
  var target: String
  var routes: [String] = []
  var sequence: Int
  var state = State.pending
  /// The INVITE that founded it, where we were called.
  var invite: SimInviteServer?
  /// The transaction of our INVITE.
  var placed: SimClientTransaction?
  var wantsCancel = false
  var isCancelled = false
  /// Our re-INVITE is under way.
  var isUpdating = false
  /// The caller has been told its tag.
  var hasRung = false
  /// ACKs by CSeq number, to be sent again.
  var acknowledgements: [Int: [UInt8]] = [:]
  /// The CSeq number of the INVITE whose 2xx of ours waits for its ACK.
  var awaitsAck: Int?
  /// Our BYE had no answer: the other side may not know.
  var byeIsLost = false
  /// The other half of a call between two user agents back to back.
  weak var other: SimCall?

  init(callID: String, localTag: String, isCaller: Bool, local: String, remote: String, target: String, sequence: Int) {
    self.callID = callID
    self.localTag = localTag
    self.isCaller = isCaller
    self.local = local
    self.remote = remote
    self.target = target
    self.sequence = sequence
  }

  var isConfirmed: Bool { state == .accepted || state == .established }
}

/// An INVITE that has come: one final response, whatever its forks do.
final class SimInviteServer {
  let request: SimMessage
  var forks: [SimCall] = []
  var refusals = 0
  var hasFinal = false

  init(request: SimMessage) { self.request = request }
}

/// A request of a phone until its final response (RFC 3261 §17.1).
final class SimClientTransaction {
  let request: SimMessage
  let bytes: [UInt8]
  let destination: UInt16
  weak var call: SimCall?
  var hasProvisional = false
  var isDone = false

  init(request: SimMessage, destination: UInt16, call: SimCall?) {
    self.request = request
    bytes = request.bytes
    self.destination = destination
    self.call = call
  }
}

/// A phone, or several behind a proxy that forks: written from RFC 3261 for the simulation, without a line of SIPStack.
class SimPhone: SimNode {
  unowned let world: SimWorld
  let port: UInt16
  /// Where its calls go first.
  let outbound: UInt16
  private(set) var calls: [SimCall] = []
  private var clients: [String: SimClientTransaction] = [:]
  /// The last response to each request, by branch and method; empty before there is one.
  private var servers: [String: [UInt8]] = [:]
  private var invites: [String: SimInviteServer] = [:]
  /// Responses to INVITEs that wait for an ACK, by branch: they are repeated.
  private var unacknowledged: Set<String> = []
  /// It answers an INVITE with two voices, as phones behind a forking proxy do.
  var forks = false
  var isDead = false

  init(world: SimWorld, port: UInt16, outbound: UInt16) {
    self.world = world
    self.port = port
    self.outbound = outbound
  }

  private func token() -> String { "p\(port)x\(world.unique())" }
  private var contact: String { "<sip:phone@127.0.0.1:\(port)>" }
  private var via: SimMessage.Field {
    let transport = world.plan.isReliable ? "TCP" : "UDP"
    return .init(name: "Via", value: "SIP/2.0/\(transport) 127.0.0.1:\(port);branch=z9hG4bK\(token());rport")
  }

  // MARK: Requests

  /// Calls a user of the gateway.
  @discardableResult
  func place(to user: String, callID: String? = nil, from caller: String = "phone") -> SimCall {
    let call = SimCall(
      callID: callID ?? "c\(token())", localTag: token(), isCaller: true,
      local: "<sip:\(caller)@127.0.0.1:\(port)>", remote: "<sip:\(user)@localhost>",
      target: "sip:\(user)@127.0.0.1:\(outbound == port ? SimWorld.gatewayPort : outbound)",
      sequence: Int.random(in: 1...9, using: &world.chance))
    calls.append(call)
    let body = world.percent(3) ? "" : SimSDP.offer(world.unique())
    call.placed = send("INVITE", in: call, body: body)
    // Somebody who calls gives up some time.
    world.after(.seconds(330)) { [weak self] in self?.giveUp(call) }
    return call
  }

  /// Cancels as soon as that is possible (§9.1).
  func giveUp(_ call: SimCall) {
    guard call.isCaller, call.state == .pending, let placed = call.placed, !placed.isDone, !call.isCancelled else {
      return
    }
    call.wantsCancel = true
    if placed.hasProvisional { cancel(call) }
  }

  private func cancel(_ call: SimCall) {
    guard let placed = call.placed, !call.isCancelled else { return }
    call.isCancelled = true
    var request = placed.request
    request.startLine = request.startLine.replacingMethod("CANCEL")
    request.fields = request.fields.filter {
      ["Via", "From", "To", "Call-ID", "Route", "Max-Forwards"].contains($0.name)
    }
    request.fields.append(.init(name: "CSeq", value: "\(placed.request.sequence) CANCEL"))
    request.body = ""
    begin(SimClientTransaction(request: request, destination: placed.destination, call: call))
  }

  /// Sends a request in or for a dialog.
  @discardableResult
  func send(
    _ method: String, in call: SimCall, body: String = "", type: String = "application/sdp",
    _ more: [SimMessage.Field] = []
  ) -> SimClientTransaction {
    call.sequence += 1
    let request = make(method, in: call, sequence: call.sequence, body: body, type: type, more)
    if method == "INVITE", call.state != .pending { call.isUpdating = true }
    let transaction = SimClientTransaction(request: request, destination: firstHop(call), call: call)
    begin(transaction)
    return transaction
  }

  private func firstHop(_ call: SimCall) -> UInt16 {
    if call.remoteTag == nil { return outbound == port ? SimWorld.gatewayPort : outbound }
    return (call.routes.first ?? call.target).uriPort
  }

  private func make(
    _ method: String, in call: SimCall, sequence: Int, body: String = "", type: String = "application/sdp",
    _ more: [SimMessage.Field] = []
  ) -> SimMessage {
    var fields = [via, .init(name: "Max-Forwards", value: "70")]
    for route in call.routes { fields.append(.init(name: "Route", value: "<\(route)>")) }
    fields.append(.init(name: "From", value: "\(call.local);tag=\(call.localTag)"))
    fields.append(.init(name: "To", value: call.remote + (call.remoteTag.map { ";tag=\($0)" } ?? "")))
    fields.append(.init(name: "Call-ID", value: call.callID))
    fields.append(.init(name: "CSeq", value: "\(sequence) \(method)"))
    if method == "INVITE" { fields.append(.init(name: "Contact", value: contact)) }
    fields += more
    if !body.isEmpty { fields.append(.init(name: "Content-Type", value: type)) }
    return SimMessage(startLine: "\(method) \(call.target) SIP/2.0", fields: fields, body: body)
  }

  private func begin(_ transaction: SimClientTransaction) {
    clients[transaction.request.branch + transaction.request.method] = transaction
    put(transaction.bytes, to: transaction.destination)
    if !world.plan.isReliable { repeatLater(transaction, .milliseconds(SimWorld.t1)) }
    world.after(.milliseconds(64 * SimWorld.t1)) { [weak self, weak transaction] in
      guard let self, let transaction, !transaction.isDone else { return }
      // An INVITE that rings has no end of its own; a CANCEL's end is not waited for.
      if transaction.request.method == "INVITE", transaction.hasProvisional, !(transaction.call?.isCancelled ?? true) {
        return
      }
      transaction.isDone = true
      self.failed(transaction)
    }
  }

  private func repeatLater(_ transaction: SimClientTransaction, _ interval: Interval) {
    world.after(interval) { [weak self, weak transaction] in
      guard let self, let transaction, !transaction.isDone else { return }
      let isInvite = transaction.request.method == "INVITE"
      if isInvite, transaction.hasProvisional { return }
      self.put(transaction.bytes, to: transaction.destination)
      self.repeatLater(transaction, isInvite ? interval * 2 : min(interval * 2, .seconds(4)))
    }
  }

  private func failed(_ transaction: SimClientTransaction) {
    guard let call = transaction.call else { return }
    switch transaction.request.method {
    case "BYE":
      call.byeIsLost = true
      end(call)
    case "INVITE" where transaction === call.placed: end(call)
    case "INVITE": call.isUpdating = false
    default: break
    }
  }

  func put(_ bytes: [UInt8], to port: UInt16) {
    if !isDead { world.send(bytes, from: self.port, to: port) }
  }

  func hangUp(_ call: SimCall) {
    switch call.state {
    case .pending where call.isCaller: giveUp(call)
    case .established:
      send("BYE", in: call)
      end(call)
    // The BYE of a callee waits for the ACK (§15).
    case .accepted where call.isCaller: break
    default: break
    }
  }

  func end(_ call: SimCall) {
    guard call.state != .ended else { return }
    call.state = .ended
    call.awaitsAck = nil
    ended(call)
  }

  // MARK: Receiving

  func receive(_ message: SimMessage, from port: UInt16) {
    if isDead { return }
    if message.isRequest { take(request: message, from: port) } else { take(response: message) }
  }

  private func take(response: SimMessage) {
    guard let status = response.status, let transaction = clients[response.branch + response.method] else { return }
    if status < 200 {
      transaction.hasProvisional = true
      provisional(transaction, status, response)
      return
    }
    let isFirst = !transaction.isDone
    transaction.isDone = true
    if transaction.request.method == "INVITE" {
      finalOfInvite(transaction, status, response, isFirst: isFirst)
    } else if isFirst, status == 481 || status == 408, transaction.request.method != "CANCEL",
      let call = transaction.call, call.state == .established
    {
      // §12.2.1.2: the other side does not know the call any more.
      hangUp(call)
    }
  }

  private func provisional(_ transaction: SimClientTransaction, _ status: Int, _ response: SimMessage) {
    guard let call = transaction.call, transaction.request.method == "INVITE", call.state == .pending else { return }
    if status > 100, call.remoteTag == nil, response.toTag != nil { adopt(response, call) }
    if call.wantsCancel { cancel(call) }
    rings(call, status)
  }

  /// §12.1.2
  private func adopt(_ response: SimMessage, _ call: SimCall) {
    call.remoteTag = response.toTag
    if let contact = response["Contact"] { call.target = contact.address }
    call.routes = response.all("Record-Route").reversed().map(\.address)
  }

  private func finalOfInvite(
    _ transaction: SimClientTransaction, _ status: Int, _ response: SimMessage, isFirst: Bool
  ) {
    guard let call = transaction.call else { return }
    if status >= 300 {
      var ack = transaction.request
      ack.startLine = ack.startLine.replacingMethod("ACK")
      ack.fields = ack.fields.filter { ["Via", "From", "Call-ID", "Route", "Max-Forwards"].contains($0.name) }
      ack.fields.append(.init(name: "To", value: response["To"] ?? ""))
      ack.fields.append(.init(name: "CSeq", value: "\(transaction.request.sequence) ACK"))
      ack.body = ""
      put(ack.bytes, to: transaction.destination)
      guard isFirst else { return }
      if transaction === call.placed {
        refused(call, status)
        end(call)
      } else if call.state != .pending {
        call.isUpdating = false
        if status == 481 || status == 408 { hangUp(call) }
      }
      return
    }
    if isFirst {
      if call.state == .pending {
        adopt(response, call)
        call.state = .established
      }
      call.isUpdating = false
      let bytes = make("ACK", in: call, sequence: transaction.request.sequence).bytes
      call.acknowledgements[transaction.request.sequence] = bytes
    }
    guard let bytes = call.acknowledgements[transaction.request.sequence] else { return }
    put(bytes, to: firstHop(call))
    if world.plan.isWild, world.percent(10) { put(bytes, to: firstHop(call)) }
    guard isFirst, transaction === call.placed else { return }
    if call.wantsCancel || world.percent(3) {
      hangUp(call)
    } else {
      accepted(call)
    }
  }

  // MARK: Requests that come

  private func take(request: SimMessage, from source: UInt16) {
    if request.method == "ACK" {
      acknowledged(request)
      return
    }
    let key = request.branch + request.method
    if let last = servers[key] {
      if !last.isEmpty { put(last, to: source) }
      return
    }
    servers[key] = []
    if request.method == "CANCEL" {
      cancelled(request, source)
    } else if let tag = request.toTag {
      takeInDialog(request, source, calls.first { $0.callID == request.callID && $0.localTag == tag })
    } else if request.method == "INVITE" {
      takeInvite(request, source)
    } else {
      answer(request, source, 481, "No Such Call", tag: token())
    }
  }

  func answer(
    _ request: SimMessage, _ destination: UInt16, _ status: Int, _ phrase: String, tag: String,
    _ more: [SimMessage.Field] = [], body: String = ""
  ) {
    var more = more
    if !body.isEmpty { more.append(.init(name: "Content-Type", value: "application/sdp")) }
    if request.method == "INVITE", 101..<300 ~= status { more.append(.init(name: "Contact", value: contact)) }
    let bytes = request.response(status, phrase, toTag: tag, more, body: body).bytes
    servers[request.branch + request.method] = bytes
    put(bytes, to: destination)
    if request.method == "INVITE", status >= 200 {
      unacknowledged.insert(request.branch + tag)
      repeatFinal(request.branch + tag, bytes, destination, .milliseconds(SimWorld.t1), left: 64 * SimWorld.t1)
    }
  }

  /// Repeats a final response to an INVITE until its ACK comes.
  private func repeatFinal(
    _ key: String, _ bytes: [UInt8], _ destination: UInt16, _ interval: Interval, left: UInt64
  ) {
    let next = interval.nanoseconds / 1_000_000
    world.after(interval) { [weak self] in
      guard let self, self.unacknowledged.contains(key) else { return }
      if left <= next {
        self.unacknowledged.remove(key)
        self.notAcknowledged(key)
        return
      }
      self.put(bytes, to: destination)
      self.repeatFinal(key, bytes, destination, min(interval * 2, .seconds(4)), left: left - next)
    }
  }

  /// §13.3.1.4: no ACK came; the session is to be ended.
  private func notAcknowledged(_ key: String) {
    for call in calls where call.state == .accepted && key.hasSuffix(call.localTag) {
      send("BYE", in: call)
      end(call)
    }
  }

  private func acknowledged(_ request: SimMessage) {
    guard let tag = request.toTag else { return }
    // The ACK of a refusal has the branch of its INVITE; that of a 2xx belongs to the dialog.
    unacknowledged.remove(request.branch + tag)
    guard let call = calls.first(where: { $0.callID == request.callID && $0.localTag == tag }),
      call.awaitsAck == request.sequence
    else { return }
    call.awaitsAck = nil
    unacknowledged = unacknowledged.filter { !$0.hasSuffix(tag) }
    if call.state == .accepted {
      call.state = .established
      confirmed(call)
    }
  }

  private func takeInvite(_ request: SimMessage, _ source: UInt16) {
    let server = SimInviteServer(request: request)
    invites[request.branch] = server
    for _ in 0..<(forks ? 2 : 1) {
      let call = SimCall(
        callID: request.callID, localTag: token(), isCaller: false, local: request["To"] ?? "",
        remote: (request["From"] ?? "").withoutTag, target: request["Contact"]?.address ?? "",
        sequence: Int.random(in: 1...9, using: &world.chance))
      call.remoteTag = request.fromTag
      call.routes = request.all("Record-Route").map(\.address)
      call.invite = server
      server.forks.append(call)
      calls.append(call)
    }
    for call in server.forks { invited(call, request, source) }
  }

  /// A provisional response.
  func ring(_ call: SimCall, _ status: Int, _ source: UInt16) {
    guard call.state == .pending, let server = call.invite, !server.hasFinal else { return }
    let phrase = status == 100 ? "Trying" : "Ringing"
    if world.percent(5) {
      // As before RFC 3261: without a tag, and so without a dialog.
      var response = server.request.response(status, phrase, toTag: call.localTag)
      for index in response.fields.indices where response.fields[index].name == "To" {
        response.fields[index].value = server.request["To"] ?? ""
      }
      put(response.bytes, to: source)
      return
    }
    if status > 100 { call.hasRung = true }
    answer(server.request, source, status, phrase, tag: call.localTag)
  }

  func accept(_ call: SimCall, _ source: UInt16, body: String) {
    guard call.state == .pending, let server = call.invite else { return }
    // Another fork may have accepted, too; a refusal is the last word.
    if server.hasFinal, !server.forks.contains(where: \.isConfirmed) { return }
    server.hasFinal = true
    call.state = .accepted
    call.awaitsAck = server.request.sequence
    answer(server.request, source, 200, "OK", tag: call.localTag, body: body)
    let tag = call.localTag
    if world.plan.isWild, world.percent(10), let bytes = servers[server.request.branch + "INVITE"] {
      // A 2xx that comes again long after its ACK.
      world.after(world.milliseconds(500...40_000)) { [weak self] in
        if tag == call.localTag { self?.put(bytes, to: source) }
      }
    }
  }

  /// A proxy passes a refusal on only when all forks have refused.
  func refuse(_ call: SimCall, _ source: UInt16, _ status: Int, _ more: [SimMessage.Field] = []) {
    guard call.state == .pending, let server = call.invite, !server.hasFinal else { return }
    end(call)
    server.refusals += 1
    guard server.refusals == server.forks.count else { return }
    server.hasFinal = true
    answer(server.request, source, status, "Refused", tag: call.localTag, more)
  }

  private func cancelled(_ request: SimMessage, _ source: UInt16) {
    guard let server = invites[request.branch] else {
      answer(request, source, 481, "No Such Transaction", tag: token())
      return
    }
    answer(request, source, 200, "OK", tag: token())
    guard !server.hasFinal else { return }
    // Whoever has decided to accept may do so for all that (§9.2).
    if world.percent(8) { return }
    server.hasFinal = true
    for call in server.forks { end(call) }
    answer(server.request, source, 487, "Request Terminated", tag: server.forks[0].localTag)
  }

  private func takeInDialog(_ request: SimMessage, _ source: UInt16, _ call: SimCall?) {
    guard let call, call.state != .ended || request.method == "BYE" else {
      answer(request, source, 481, "No Such Call", tag: token())
      return
    }
    switch request.method {
    case "BYE":
      answer(request, source, 200, "OK", tag: call.localTag)
      // §15.1.2: an INVITE that waits is answered 487.
      if call.state == .pending, let server = call.invite, !server.hasFinal { refuse(call, source, 487) }
      end(call)
    case "INVITE": reInvited(call, request, source)
    case "INFO":
      let status = world.percent(12) ? world.pick([481, 481, 408, 469, 500]) : 200
      answer(request, source, status, "Answer", tag: call.localTag)
    default: answer(request, source, 200, "OK", tag: call.localTag)
    }
  }

  private func reInvited(_ call: SimCall, _ request: SimMessage, _ source: UInt16) {
    if call.isUpdating {
      answer(request, source, 491, "Request Pending", tag: call.localTag)
    } else if call.awaitsAck != nil || call.state == .pending {
      answer(request, source, 500, "Not Now", tag: call.localTag, [.init(name: "Retry-After", value: "1")])
    } else {
      if let target = request["Contact"]?.address { call.target = target }
      if world.percent(20) { answer(request, source, 100, "Trying", tag: call.localTag) }
      switch Int.random(in: 0..<12, using: &world.chance) {
      case 0: answer(request, source, 488, "Not Acceptable Here", tag: call.localTag)
      case 1: answer(request, source, 491, "Request Pending", tag: call.localTag)
      case 2: answer(request, source, world.pick([481, 408]), "Gone", tag: call.localTag)
      case 3: break
      default:
        call.awaitsAck = request.sequence
        answer(request, source, 200, "OK", tag: call.localTag, body: SimSDP.offer(0))
      }
      changed(call, request.body)
    }
  }

  // MARK: What it does of its own accord; overridden where two phones are one

  func invited(_ call: SimCall, _ request: SimMessage, _ source: UInt16) {
    SimManner(world).invited(self, call, source)
  }

  func rings(_ call: SimCall, _ status: Int) {}
  func accepted(_ call: SimCall) {}
  func refused(_ call: SimCall, _ status: Int) {}
  func confirmed(_ call: SimCall) {}
  func changed(_ call: SimCall, _ body: String) {}
  func ended(_ call: SimCall) {}

  var talking: [SimCall] { calls.filter { $0.state == .established } }
}

extension String {
  func replacingMethod(_ method: String) -> String {
    let words = split(separator: " ", maxSplits: 1)
    return "\(method) \(words.last ?? "")"
  }

  var withoutTag: String { String(utf8.split(separator: 0x3B, maxSplits: 1).first.map(Substring.init) ?? "") }
}
