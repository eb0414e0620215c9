import CodecRuntime
import Testing
import XMLReader

@testable import XMPPStack

/// A component with its reader, as the connector drives it, without sockets.
struct TestComponent {
  static let header =
    "<?xml version='1.0'?><stream:stream xmlns:stream='http://etherx.jabber.org/streams' "
    + "xmlns='jabber:component:accept' from='sip.example.org' id='3BF96D32'>"
  static let second: UInt64 = 1_000_000_000

  var component: Component
  var now: UInt64 = 1_000 * second
  /// What was sent since it was asked last.
  var sent = ""
  var connects = 0
  var closes = 0
  var retries: [(delay: UInt64, failure: ComponentFailure)] = []
  var notifications: [ServerNotification] = []
  private var reader = XMLStreamReader()

  struct NoComponent: Error {}

  init(_ change: (inout ComponentConfiguration) -> Void = { _ in }) throws {
    var configuration = ComponentConfiguration(
      domain: "sip.example.org", userDomain: "example.org", secret: "test")
    configuration.name = "SIP & more"
    configuration.softwareNode = "urn:test"
    configuration.domainIdentities = [.init(category: "gateway", type: "sip", name: "SIP & more")]
    configuration.contactIdentities = [.init(category: "client", type: "phone")]
    configuration.contactFeatures = ["urn:test:z", "urn:test:a"]
    configuration.interceptedPayloads = [
      InterceptedPayload(.iqSet, to: .anyone, namespace: "urn:test:call", name: "call"),
      InterceptedPayload(.iqGet, to: .oneself, namespace: "urn:test:call", name: "call"),
      InterceptedPayload(.message, to: .anyone, namespace: "urn:test:propose", name: nil),
    ]
    change(&configuration)
    guard let component = Component(configuration: configuration, random: Counter()) else {
      throw NoComponent()
    }
    self.component = component
  }

  /// One that has a stream.
  static func ready(_ change: (inout ComponentConfiguration) -> Void = { _ in }) throws -> TestComponent {
    var test = try TestComponent(change)
    test.handle(.start)
    test.establish()
    _ = test.take()
    #expect(test.takeNotifications() == ["connected"])
    return test
  }

  mutating func establish() {
    reader = XMLStreamReader()
    handle(.connected)
    receive(Self.header)
    receive("<handshake/>")
  }

  mutating func receive(_ text: String) {
    reader.append(Array(text.utf8))
    while let event = reader.next() { handle(.stream(event)) }
  }

  mutating func handle(_ event: ComponentEvent) {
    carryOut(component.handle(event, at: now))
  }

  /// Goes to a time so many seconds ahead, with all ticks on the way.
  mutating func advance(_ seconds: Double) {
    let end = now + UInt64(seconds * Double(Self.second))
    while let deadline = component.nextDeadline, deadline <= end {
      now = max(now, deadline)
      handle(.tick)
    }
    now = end
  }

  mutating func carryOut(_ effects: [ComponentEffect]) {
    for effect in effects {
      switch effect {
      case .connect:
        connects += 1
        reader = XMLStreamReader()
      case .send(let bytes): sent += String(decoding: bytes, as: UTF8.self)
      case .close: closes += 1
      case .notify(let notification): notifications.append(notification)
      case .retry(let delay, let failure): retries.append((delay, failure))
      }
    }
  }

  mutating func take() -> String {
    defer { sent = "" }
    return sent
  }

  mutating func takeNotifications() -> [String] {
    defer { notifications = [] }
    return notifications.map(describe)
  }

  /// Sends as the gateway does; `false` without a stream.
  mutating func send(_ text: String, to jid: JID, awaiting response: AwaitedResponse? = nil) -> Bool {
    guard let effects = component.send(Array(text.utf8), to: jid, awaiting: response, at: now) else { return false }
    carryOut(effects)
    return true
  }

  /// What an IQ get is answered.
  mutating func get(_ payload: String, to: String = "+49@sip.example.org", type: String = "get") -> String {
    receive("<iq type='\(type)' id='q' from='alice@example.org/one' to='\(to)'>\(payload)</iq>")
    return take()
  }
}

func describe(_ notification: ServerNotification) -> String {
  switch notification {
  case .intercepted(let from, let element): "intercepted \(from) \(element.name)"
  case .message(let from, let element): "message \(from) \(element.children.first?.name ?? Text("-"))"
  case .iqResponse(let from, let id, let element): "response \(from) \(id) \(element.attribute("type") ?? Text(""))"
  case .resourceAvailable(let jid): "available \(jid)"
  case .resourceUnavailable(let jid): "unavailable \(jid)"
  case .resourceFeatures(let jid, let features): "features \(jid) \(features.sorted().joined(separator: " "))"
  case .streamEnded(let jid): "ended \(jid)"
  case .connected: "connected"
  case .disconnected(let failure): "disconnected \(failure)"
  case .subscriptionsChanged: "subscriptions"
  }
}
