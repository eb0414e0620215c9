import CodecRuntime
import JingleCodec
import SDPCodec
import SIPCodec
import SIPStack
import Testing
import XMLReader
import XMPPStack

@testable import Gateway

extension ShardBench: CustomTestStringConvertible {
  var testDescription: String { "the bench, in which \(wire) went over the wire and \(sent) to devices" }
}

/// A shard in virtual time, with a phone that is a user agent of its own on the other end of a wire.
struct ShardBench {
  /// A wire that loses, doubles and delays messages, which then overtake each other.
  struct Network {
    var chance: SplitMix
    /// Messages of a hundred.
    var loss: Int
    var doubling: Int
    /// The longest, in milliseconds.
    var delay: UInt64
    fileprivate var flights: [(arrival: Instant, isForGateway: Bool, bytes: [UInt8])] = []

    init(chance: SplitMix, loss: Int, doubling: Int, delay: UInt64) {
      (self.chance, self.loss, self.doubling, self.delay) = (chance, loss, doubling, delay)
    }

    fileprivate mutating func carry(_ bytes: [UInt8], isForGateway: Bool, at now: Instant) {
      if Int.random(in: 0..<100, using: &chance) < loss { return }
      for _ in 0...(Int.random(in: 0..<100, using: &chance) < doubling ? 1 : 0) {
        let arrival = now + .milliseconds(UInt64.random(in: 1...delay, using: &chance))
        flights.append((arrival, isForGateway, bytes))
      }
    }

    fileprivate var next: Instant? { flights.map(\.arrival).min() }

    fileprivate mutating func takeDue(at now: Instant) -> [(arrival: Instant, isForGateway: Bool, bytes: [UInt8])] {
      let due = flights.filter { $0.arrival <= now }.sorted { $0.arrival < $1.arrival }
      flights.removeAll { $0.arrival <= now }
      return due
    }
  }

  var shard: Shard
  var phone: SIPUserAgent
  var now = Instant(nanoseconds: 1_000_000_000)
  /// The wire is perfect without.
  var network: Network?
  /// What the phone was told, in order.
  var phoneEffects: [SIPUserAgentEffect] = []
  /// What each device was sent, in order.
  var stanzas: [(to: JID, stanza: XMLElement)] = []
  /// Messages on the wire, as `→ INVITE` from the gateway and `← 180` from the phone.
  var wire: [String] = []
  /// Those of the transactions whose messages the gateway has sent.
  var keys: [TransactionKey] = []
  /// Devices answer every set with a result.
  var devicesAnswer = true
  private var nextID = 0
  /// Of the stanza that a device has sent last.
  var lastID: String { "d\(nextID)" }

  static let gateway = TransportAddress(transport: .udp, address: IPAddress(ipv4: 0x7F00_0001), port: 5600)
  static let proxy = TransportAddress(transport: .udp, address: IPAddress(ipv4: 0x7F00_0001), port: 5060)

  /// `proceed`: when a proposed call is taken.
  init(
    proceed: Route.Proceed = .atOnce, xmpp: XMPPConfiguration? = nil, proxyHost: String = "127.0.0.1",
    table: CallTable = .signalling
  ) {
    var configuration = Configuration()
    if let xmpp { configuration.xmpp = xmpp }
    if let everything = CalleePattern("*") {
      var route = Route(name: "all", from: [.everyone], to: [everything])
      route.proceed = proceed
      configuration.routes = [route]
    }
    configuration.sip.proxyHost = proxyHost
    configuration.sip.numbers.add(user: "carol", phone: "+4930123")
    var shards = ShardConfiguration(configuration, port: 5600)
    shards.callTable = table
    shard = Shard(
      configuration: shards, identifiers: IdentifierGenerator(seed: 1))
    shard.setProxy(configuration.sip.proxy, Self.proxy)
    var phones = SIPUserAgentConfiguration(localHost: "127.0.0.1", localPort: 5060, product: .init(name: "phone"))
    phones.acceptedMediaTypes = [GatewayMediaTypes.sessionDescription]
    phone = SIPUserAgent(configuration: phones, identifiers: IdentifierGenerator(seed: 2))
  }

  // MARK: Wire

  /// Carries messages until nothing is under way.
  mutating func settle() {
    var limit = 1000
    while limit > 0 {
      limit -= 1
      let effects = shard.takeEffects()
      if effects.isEmpty { return }
      for effect in effects { carry(effect) }
    }
    Issue.record("messages go round and round")
  }

  private mutating func carry(_ effect: ShardEffect) {
    switch effect {
    case .send(let bytes, _, let key):
      if let key { keys.append(key) }
      wire.append("→ \(Self.summary(bytes))")
      if network == nil { deliverToPhone(bytes) } else { network?.carry(bytes, isForGateway: false, at: now) }
    case .sendStanza(let bytes, let device, let awaited):
      guard let stanza = try? XMLReader.parseDocument(bytes) else {
        Issue.record("no XML: \(String(decoding: bytes, as: UTF8.self))")
        return
      }
      stanzas.append((device, stanza))
      if devicesAnswer, let awaited { answer(awaited.id, device, "result") }
    default: break
    }
  }

  private mutating func deliverToPhone(_ bytes: [UInt8]) {
    var answers: SIPUserAgent.Effects = []
    phone.receive(datagram: bytes, from: Self.gateway, at: now, into: &answers)
    take(answers)
  }

  private mutating func deliverToGateway(_ bytes: [UInt8]) {
    let time = now
    bytes.withUnsafeBufferPointer { shard.receive(datagram: $0, from: Self.proxy, at: time) }
  }

  mutating func answer(_ id: String, _ device: JID, _ type: String, _ payload: String = "") {
    guard let stanza = Self.element("<iq type='\(type)' id='\(id)'>\(payload)</iq>") else { return }
    shard.receive(answer: stanza, id: id, from: device, at: now)
  }

  /// Of the phone's calls: the code and the cause of the Reason (RFC 3326).
  var lastRefusal: String? {
    for case .refused(_, let status, _, let message) in phoneEffects.reversed() {
      return "\(status), cause \(message.headers.reason.first?.cause.map { "\($0)" } ?? "none")"
    }
    return nil
  }

  /// Hands what the phone wants to send to the shard.
  mutating func take(_ effects: SIPUserAgent.Effects) {
    for effect in effects {
      if case .send(let bytes, _, _) = effect {
        wire.append("← \(Self.summary(bytes))")
        if network == nil { deliverToGateway(bytes) } else { network?.carry(bytes, isForGateway: true, at: now) }
      } else {
        phoneEffects.append(effect)
      }
    }
  }

  /// Lets the phone do something and everything happen that follows.
  mutating func phoneDoes(
    _ body: (inout SIPUserAgent, inout SIPUserAgent.Effects, Instant) throws -> Void
  ) throws {
    var effects: SIPUserAgent.Effects = []
    try body(&phone, &effects, now)
    take(effects)
    settle()
  }

  /// Lets time pass, timer by timer.
  mutating func wait(_ interval: Interval) {
    let end = now + interval
    while let next = [shard.nextDeadline, phone.nextDeadline, network?.next].compactMap({ $0 }).min(), next <= end {
      now = max(now, next)
      for flight in network?.takeDue(at: now) ?? [] {
        if flight.isForGateway { deliverToGateway(flight.bytes) } else { deliverToPhone(flight.bytes) }
        settle()
      }
      shard.advance(to: now)
      settle()
      var effects: SIPUserAgent.Effects = []
      phone.advance(to: now, into: &effects)
      take(effects)
      settle()
    }
    now = end
  }

  private static func summary(_ bytes: [UInt8]) -> String {
    guard let message = try? SIPMessage(parsing: bytes) else { return "?" }
    if let line = message.requestLine { return line.method.name }
    return "\(message.statusCode ?? 0) \(message.headers.cseq?.method.name ?? "?")"
  }

  // MARK: Devices

  static func element(_ xml: String) -> XMLElement? { try? XMLReader.parseDocument(Array(xml.utf8)) }

  mutating func available(_ device: String) throws { shard.deviceAvailable(try #require(JID(device))) }

  /// Sends a Jingle set of a device; `contents` as in XEP-0166.
  mutating func send(
    _ action: String, from device: String, to peer: String, sid: String, _ contents: String = "", type: String = "set"
  ) throws {
    nextID += 1
    let xml = """
      <iq type='\(type)' id='d\(nextID)' to='\(peer)'><jingle xmlns='urn:xmpp:jingle:1' action='\(action)' \
      sid='\(sid)'>\(contents)</jingle></iq>
      """
    let stanza = try #require(Self.element(xml))
    shard.receive(stanza, from: try #require(JID(device)), at: now)
    settle()
  }

  /// Sends a message of XEP-0353 of a device.
  mutating func say(_ name: String, from device: String, to peer: String, sid: String) throws {
    nextID += 1
    let stanza = try #require(
      Self.element(
        "<message id='d\(nextID)' to='\(peer)'><\(name) xmlns='urn:xmpp:jingle-message:0' id='\(sid)'/></message>"))
    shard.receive(message: stanza, from: try #require(JID(device)), at: now)
    settle()
  }

  /// What devices were told by message, in order.
  var messages: [String] {
    stanzas.filter { $0.stanza.name == "message" }.compactMap { $0.stanza.children.first?.name.string }
  }

  /// The phone answers the re-INVITE that has come last.
  mutating func phoneAnswersChange(_ status: Int = 200, _ description: String = Self.description) throws {
    let body = SIPBody(GatewayMediaTypes.sessionDescription, Array(description.utf8))
    for case .incomingRequest(let request, _, _) in phoneEffects.reversed() {
      try phoneDoes {
        try $0.respond(to: request, status: status, body: status < 300 ? body : nil, at: $2, into: &$1)
      }
      return
    }
    Issue.record("no re-INVITE has come")
  }

  /// The lines `m=`, `c=` and those of directions of the last re-INVITE that the phone has got.
  var lastChange: [String] {
    for case .incomingRequest(_, _, let message) in phoneEffects.reversed() { return Self.lines(of: message) }
    return []
  }

  /// The same of the last response with a body that the phone has got.
  var lastAnswer: [String] {
    for case .response(_, _, _, _, let message) in phoneEffects.reversed() where !message.body.isEmpty {
      return Self.lines(of: message)
    }
    return []
  }

  private static func lines(of message: SIPMessage) -> [String] {
    message.body.withBytes { String(decoding: $0, as: UTF8.self) }.split(separator: "\r\n").map(String.init).filter {
      $0.hasPrefix("m=") || $0.hasPrefix("c=") || ["a=sendonly", "a=recvonly", "a=inactive"].contains($0)
    }
  }

  /// What devices were sent, as `alice@localhost/a session-info` and the like.
  var sent: [String] {
    stanzas.map { device, stanza in
      let jingle = stanza.children.first.flatMap(Jingle.read)?.jingle
      let error = stanza.children.first { $0.name == "error" }?.children.map(\.name.string).joined(separator: " ")
      let what = jingle?.action.name ?? error ?? stanza.attribute("type")?.string ?? "?"
      return "\(device) \(what)"
    }
  }

  func lastJingle(_ action: String) -> Jingle? {
    stanzas.reversed().compactMap { $0.stanza.children.first.flatMap(Jingle.read)?.jingle }
      .first { $0.action.name == action }
  }

  // MARK: What they say

  static let content = """
    <content creator='initiator' name='audio'><description xmlns='urn:xmpp:jingle:apps:rtp:1' media='audio'>\
    <payload-type id='8' name='PCMA' clockrate='8000'/></description>\
    <transport xmlns='urn:xmpp:jingle:transports:raw-udp:1'><candidate component='1' generation='0' id='c1' \
    ip='192.0.2.1' port='4000'/></transport></content>
    """

  static let description = """
    v=0\r\no=phone 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\nm=audio 5004 RTP/AVP 8\r\n
    """

  static let body = SIPBody(GatewayMediaTypes.sessionDescription, Array(description.utf8))

  /// The INVITE that the phone has got last.
  var incomingInvite: (leg: SIPLeg, message: SIPMessage)? {
    for case .incomingInvite(let leg, let message) in phoneEffects.reversed() { return (leg, message) }
    return nil
  }

  var incomingLeg: SIPLeg? { incomingInvite?.leg }

  /// The phone calls `user`.
  mutating func phoneCalls(_ user: String, from caller: String = "+4912345", sid: String = "call-1") throws -> SIPLeg {
    var leg: SIPLeg?
    try phoneDoes { phone, effects, now in
      leg = try phone.invite(
        SIPInvite(
          requestURI: .init(scheme: .sip, user: user, host: "127.0.0.1", port: 5600),
          from: .init(uri: .init(scheme: .sip, user: caller, host: "phones.example")),
          to: .init(uri: .init(scheme: .sip, user: user, host: "localhost")), callIdentifier: sid, body: Self.body,
          nextHop: Self.gateway), at: now, into: &effects)
    }
    return try #require(leg)
  }
}
