import SIPStack

@testable import Gateway

/// How phones behave: what a person would decide.
struct SimManner {
  private unowned let world: SimWorld

  init(_ world: SimWorld) { self.world = world }

  /// A call has come: provisional responses at some times, then one final one, or none.
  func invited(_ phone: SimPhone, _ call: SimCall, _ source: UInt16) {
    if world.percent(4) { return }
    var time = Interval.zero
    for status in world.pick([[], [100], [180], [100, 180], [183], [180, 180], [100, 181, 180, 183], [199]]) {
      time = time + world.milliseconds(0...700)
      world.after(time) { phone.ring(call, status, source) }
    }
    time = time + world.milliseconds(0...world.pick([50, 1500, 6000]))
    if world.percent(25) {
      for _ in 0..<2 { world.after(world.milliseconds(1...3_000)) { early(phone, call) } }
    }
    let body = world.percent(4) ? "v=0\r\n" : SimSDP.offer(0)
    switch Int.random(in: 0..<24, using: &world.chance) {
    case 0...14: world.after(time) { phone.accept(call, source, body: body) }
    case 15: world.after(time) { phone.refuse(call, source, 486) }
    case 16: world.after(time) { phone.refuse(call, source, world.pick([404, 408, 480, 487, 500, 603])) }
    case 17, 18:
      // To the proxy's own host, which is followed, or elsewhere.
      let host = world.pick(["127.0.0.1:5060", "192.0.2.7"])
      world.after(time) {
        phone.refuse(call, source, 302, [.init(name: "Contact", value: "<sip:other@\(host)>")])
      }
    // It rings until somebody has enough of it.
    default: break
    }
  }

  /// Requests of a callee, from the early dialog on.
  private func early(_ phone: SimPhone, _ call: SimCall) {
    guard call.state == .pending ? call.hasRung : call.state == .established else { return }
    switch Int.random(in: 0..<6, using: &world.chance) {
    case 0: phone.send("INFO", in: call)
    case 1: phone.send("INFO", in: call, body: "x", type: "application/dtmf-relay")
    case 2: phone.send(world.pick(["OPTIONS", "UPDATE", "MESSAGE"]), in: call)
    case 3 where world.plan.isWild: phone.send("INVITE", in: call, body: SimSDP.offer(1))
    default: sendCandidates(phone, call)
    }
  }

  /// Something that happens of itself in a call: the phone's part of it.
  func prank(_ phone: SimPhone) {
    if let waiting = phone.calls.first(where: { $0.isCaller && $0.state == .pending }), world.percent(40) {
      if world.percent(30), waiting.remoteTag != nil {
        let method = world.pick(["BYE", "INFO", "UPDATE", "OPTIONS"])
        phone.send(method, in: waiting)
        if method == "BYE" { phone.end(waiting) }
      } else if world.percent(50) {
        phone.giveUp(waiting)
      }
      return
    }
    guard let call = phone.talking.randomElement(using: &world.chance) else { return wild(phone) }
    switch Int.random(in: 0..<12, using: &world.chance) {
    case 0: phone.hangUp(call)
    case 1...3: sendCandidates(phone, call)
    case 4: phone.send("INFO", in: call)
    case 5: phone.send("INFO", in: call, body: "x", type: "application/dtmf-relay")
    case 6: phone.send("OPTIONS", in: call)
    case 7: phone.send(world.pick(["UPDATE", "MESSAGE", "NOTIFY", "REFER"]), in: call)
    case 8...10: update(phone, call)
    default: wild(phone)
    }
  }

  func sendCandidates(_ phone: SimPhone, _ call: SimCall) {
    let token = 20_000 + world.unique()
    phone.send(
      "INFO", in: call,
      body: "v=0\r\no=p 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\nm=audio \(token) RTP/AVP 8\r\n"
        + "a=candidate:1 1 UDP 1 192.0.2.9 \(token) typ host\r\n")
  }

  func update(_ phone: SimPhone, _ call: SimCall) {
    if call.isUpdating || call.awaitsAck != nil, !world.plan.isWild { return }
    let action = world.pick(["", "a=jingle-action:source-remove\r\n", "a=jingle-action:source-add\r\n"])
    phone.send("INVITE", in: call, body: SimSDP.offer(world.unique(), sessionLine: action))
  }

  /// What no state allows.
  private func wild(_ phone: SimPhone) {
    guard world.plan.isWild, let call = phone.calls.randomElement(using: &world.chance), call.remoteTag != nil else {
      return
    }
    switch Int.random(in: 0..<4, using: &world.chance) {
    case 0:
      if let ack = call.acknowledgements.values.min(by: { $0.count < $1.count }) {
        phone.put(ack, to: SimWorld.gatewayPort)
      }
    case 1: phone.send("INFO", in: call)
    case 2: phone.send("INVITE", in: call, body: SimSDP.offer(1))
    default:
      phone.send("BYE", in: call)
      phone.end(call)
    }
  }
}

/// Two user agents back to back: each call is placed again with a Call-ID of its own, and what happens to one of the two
/// happens to the other.
final class SimBackToBack: SimPhone {
  private var sources: [String: UInt16] = [:]

  override func invited(_ call: SimCall, _ request: SimMessage, _ source: UInt16) {
    sources[call.localTag] = source
    ring(call, 100, source)
    let second = place(to: request.requestURI.uriUser, from: (request["From"] ?? "").address.uriUser)
    second.other = call
    call.other = second
  }

  override func rings(_ call: SimCall, _ status: Int) {
    if let other = call.other, status > 100 { ring(other, status, sources[other.localTag] ?? outbound) }
  }

  override func accepted(_ call: SimCall) {
    if let other = call.other { accept(other, sources[other.localTag] ?? outbound, body: SimSDP.offer(0)) }
  }

  override func refused(_ call: SimCall, _ status: Int) {
    if let other = call.other { refuse(other, sources[other.localTag] ?? outbound, status) }
  }

  override func changed(_ call: SimCall, _ body: String) {
    if let other = call.other, other.state == .established, !other.isUpdating, other.awaitsAck == nil {
      send("INVITE", in: other, body: body)
    }
  }

  override func confirmed(_ call: SimCall) {
    // The other half may have ended before the ACK.
    if call.other?.state == .ended { hangUp(call) }
  }

  override func ended(_ call: SimCall) {
    guard let other = call.other else { return }
    if other.state == .pending, !other.isCaller {
      refuse(other, sources[other.localTag] ?? outbound, 480)
    } else {
      hangUp(other)
    }
  }
}

/// A proxy without state (RFC 3261 §16.11) that stays in the dialog; whoever is one of our users is called at the gateway.
final class SimProxy: SimNode {
  private unowned let world: SimWorld
  private let port: UInt16
  private let phone: UInt16
  private let sendsBack: Bool

  init(world: SimWorld, port: UInt16, phone: UInt16, sendsBack: Bool) {
    self.world = world
    self.port = port
    self.phone = phone
    self.sendsBack = sendsBack
  }

  private var isOurs: (String) -> Bool { { $0.uriPort == self.port } }

  func receive(_ message: SimMessage, from source: UInt16) {
    var message = message
    if !message.isRequest {
      guard let top = message.fields.firstIndex(where: { $0.name == "Via" }) else { return }
      message.fields.remove(at: top)
      guard let next = message["Via"] else { return }
      let words = next.split(separator: " ")
      world.send(message.bytes, from: port, to: String(words.last ?? "").uriPort)
      return
    }
    let transport = world.plan.isReliable ? "TCP" : "UDP"
    let branch = message.branch
    while let route = message.fields.firstIndex(where: { $0.name == "Route" }),
      isOurs(message.fields[route].value.address)
    {
      message.fields.remove(at: route)
    }
    message.fields.insert(
      .init(name: "Via", value: "SIP/2.0/\(transport) 127.0.0.1:\(port);branch=\(branch)x"), at: 0)
    if message.method == "INVITE", message.toTag == nil {
      message.fields.insert(.init(name: "Record-Route", value: "<sip:127.0.0.1:\(port);lr>"), at: 1)
    }
    var destination = (message["Route"]?.address ?? message.requestURI).uriPort
    if destination == port {
      let user = message.requestURI.uriUser
      destination = sendsBack && SimCast.users.contains(user) || source == phone ? SimWorld.gatewayPort : phone
      message.startLine = "\(message.method) sip:\(user)@127.0.0.1:\(destination) SIP/2.0"
    }
    world.send(message.bytes, from: port, to: destination)
  }
}

/// Session descriptions of phones.
enum SimSDP {
  static func offer(_ token: Int, sessionLine: String = "") -> String {
    "v=0\r\no=phone 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\n\(sessionLine)"
      + "m=audio 5004 RTP/AVP 8\r\na=ssrc:\(token + 100_000) cname:x\r\n"
  }
}
