import CodecRuntime
import XMLReader

@testable import XMPPStack

/// A generator whose numbers are the same in every run.
struct Counter: RandomNumberGenerator, Sendable {
  var last: UInt64 = 0xABC
  mutating func next() -> UInt64 {
    last += 1
    return last
  }
}

/// An embedded server with its readers, as the listener drives it, without sockets.
struct TestServer {
  static let header =
    "<?xml version='1.0'?><stream:stream to='localhost' version='1.0' xmlns='jabber:client' "
    + "xmlns:stream='http://etherx.jabber.org/streams'>"

  var server: EmbeddedServer
  var now: UInt64 = 1
  /// What each connection was sent since it was asked last.
  var sent: [UInt64: String] = [:]
  var closed: Set<UInt64> = []
  var notifications: [ServerNotification] = []
  private var readers: [UInt64: XMLStreamReader] = [:]
  private var last: UInt64 = 0

  init?(_ change: (inout EmbeddedServerConfiguration) -> Void = { _ in }) {
    var configuration = EmbeddedServerConfiguration(
      domain: "localhost", accounts: ["alice": "secret", "Bob": "geheim"])
    configuration.interceptedPayloads = [
      InterceptedPayload(.iqSet, to: .anyone, namespace: "urn:test:call", name: "call"),
      InterceptedPayload(.iqGet, to: .oneself, namespace: "urn:test:call", name: "call"),
      InterceptedPayload(.message, to: .nobodyHere, namespace: "urn:test:propose", name: nil),
    ]
    change(&configuration)
    guard let server = EmbeddedServer(configuration: configuration, random: Counter()) else { return nil }
    self.server = server
  }

  mutating func connect(isLoopback: Bool = true) -> UInt64 {
    last += 1
    readers[last] = XMLStreamReader(limits: server.configuration.negotiationLimits)
    carryOut(
      server.handle(.connectionOpened(ConnectionID(last), isLoopback: isLoopback, isEncrypted: false), at: now))
    return last
  }

  mutating func receive(_ text: String, on id: UInt64) {
    receive(Array(text.utf8), on: id)
  }

  mutating func receive(_ bytes: [UInt8], on id: UInt64) {
    readers[id]?.append(bytes)
    while !closed.contains(id), let event = readers[id]?.next() {
      carryOut(server.handle(.stream(ConnectionID(id), event), at: now))
    }
  }

  mutating func disconnect(_ id: UInt64) {
    carryOut(server.handle(.connectionClosed(ConnectionID(id)), at: now))
  }

  mutating func tick(at time: UInt64) {
    now = time
    carryOut(server.handle(.tick, at: now))
  }

  mutating func carryOut(_ effects: [ServerEffect]) {
    for effect in effects {
      switch effect {
      case .send(let id, let bytes):
        assert(!closed.contains(id.rawValue))
        sent[id.rawValue, default: ""] += String(decoding: bytes, as: UTF8.self)
      case .close(let id): closed.insert(id.rawValue)
      case .restartStream(let id, let limits): readers[id.rawValue]?.reset(limits: limits)
      case .startTLS(let id): readers[id.rawValue] = XMLStreamReader(limits: server.configuration.negotiationLimits)
      case .notify(let notification): notifications.append(notification)
      }
    }
  }

  /// What was sent to a connection since the last time.
  mutating func take(_ id: UInt64) -> String { sent.removeValue(forKey: id) ?? "" }

  mutating func takeNotifications() -> [String] {
    defer { notifications = [] }
    return notifications.map(describe)
  }

  static let auth = ["alice": "AGFsaWNlAHNlY3JldA==", "bob": "AGJvYgBnZWhlaW0="]

  /// Connects, authenticates, binds and, with a priority, becomes available.
  mutating func login(_ user: String, _ resource: String, priority: Int? = 0) -> UInt64 {
    let id = connect()
    receive(Self.header, on: id)
    receive(
      "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>\(Self.auth[user] ?? "")</auth>", on: id)
    receive(Self.header, on: id)
    receive(
      "<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>\(resource)</resource></bind></iq>",
      on: id)
    if let priority { receive("<presence><priority>\(priority)</priority></presence>", on: id) }
    _ = take(id)
    return id
  }
}

func streamError(_ condition: String) -> String {
  "<stream:error><\(condition) xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>"
}
