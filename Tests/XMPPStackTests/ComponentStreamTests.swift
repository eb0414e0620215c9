import CodecRuntime
import Testing
import XMLReader

@testable import XMPPStack

@Suite("Component: its stream to the server (XEP-0114)")
struct ComponentStreamTests {
  static let second = TestComponent.second

  @Test("XEP-0114 §3: the handshake is the SHA-1 of stream id and secret, in lower-case hexadecimal digits")
  func handshake() throws {
    var test = try TestComponent()
    #expect(test.component.nextDeadline == nil)
    test.handle(.start)
    #expect(test.connects == 1 && test.take() == "")
    test.handle(.connected)
    #expect(
      test.take() == "<?xml version='1.0'?><stream:stream xmlns='jabber:component:accept' "
        + "xmlns:stream='http://etherx.jabber.org/streams' to='sip.example.org'>")
    test.receive(TestComponent.header)
    // printf 3BF96D32test | sha1sum
    #expect(test.take() == "<handshake>aaee83c26aeeafcbabeabfcbcd50df997e0a2a1e</handshake>")
    #expect(!test.component.isConnected && test.takeNotifications() == [])
    test.receive("<handshake/>")
    #expect(test.component.isConnected && test.takeNotifications() == ["connected"] && test.take() == "")
    // The example of XEP-0114 §3.
    #expect(
      Component.handshake(streamID: "3BF96D32", secret: "test") == "aaee83c26aeeafcbabeabfcbcd50df997e0a2a1e")
  }

  @Test(
    "why there is no stream is said, and it is tried again",
    arguments: [
      ("<stream:error><not-authorized xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>", .wrongSecret),
      (
        "<stream:error><host-unknown xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>"
          + "<text xmlns='urn:ietf:params:xml:ns:xmpp-streams'>no such host</text></stream:error>", .hostUnknown
      ),
      ("<stream:error><conflict xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>", .conflict),
      (
        "<stream:error><text xmlns='urn:ietf:params:xml:ns:xmpp-streams'>later</text>"
          + "<system-shutdown xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>",
        .streamError(condition: "system-shutdown", text: "later")
      ),
      ("</stream:stream>", .closed),
      ("<iq type='set'/>", .malformed("<iq/> in place of the answer to the handshake")),
    ] as [(String, ComponentFailure)])
  func refusals(_ text: String, _ failure: ComponentFailure) throws {
    var test = try TestComponent()
    test.handle(.start)
    test.handle(.connected)
    test.receive(TestComponent.header)
    test.receive(text)
    #expect(test.closes == 1 && test.retries.map(\.failure) == [failure])
    // Nobody was told that there was a stream, so nobody is told that there is none.
    #expect(test.takeNotifications() == [])
    test.advance(1)
    #expect(test.connects == 2)
  }

  @Test("a connection that fails, in words for the log")
  func noConnection() throws {
    var test = try TestComponent()
    let failures: [(ComponentFailure, String)] = [
      (.refused(host: "h", port: 1), "h port 1 refuses connections: nobody listens for components there"),
      (.nameNotResolved(host: "h", reason: "r"), "the name h cannot be found: r"),
      (.unreachable(host: "h", port: 1, reason: "r"), "h port 1 cannot be reached: r"),
    ]
    test.handle(.start)
    for (index, (failure, text)) in failures.enumerated() {
      test.handle(.failed(failure))
      #expect(test.retries.last?.failure == failure && failure.description == text)
      test.now = try #require(test.component.nextDeadline)
      test.handle(.tick)
      #expect(test.connects == index + 2)
    }
  }

  @Test(
    "what is no stream of XEP-0114 is none",
    arguments: [
      "<stream:stream xmlns='jabber:component:accept' xmlns:stream='urn:other' id='1'>",
      "<html>",
      "HTTP/1.1 400 Bad Request\r\n",
    ])
  func notAStream(_ text: String) throws {
    var test = try TestComponent()
    test.handle(.start)
    test.handle(.connected)
    test.receive(text)
    guard case .malformed? = test.retries.first?.failure else {
      Issue.record("\(test.retries)")
      return
    }
  }

  @Test("the pauses between attempts double to a minute, each shortened by chance by up to a half")
  func backOff() throws {
    var test = try TestComponent()
    test.handle(.start)
    for expected in [1, 2, 4, 8, 16, 32, 60, 60, 60] as [UInt64] {
      test.handle(.failed(.closed))
      let delay = try #require(test.retries.last?.delay)
      #expect((expected * Self.second / 2...expected * Self.second).contains(delay))
      #expect(test.component.nextDeadline == test.now + delay)
      let connects = test.connects
      test.now += delay - 1
      test.handle(.tick)
      #expect(test.connects == connects)
      test.now += 1
      test.handle(.tick)
      #expect(test.connects == connects + 1)
    }
    // A stream that holds is a success.
    test.establish()
    test.advance(10)
    test.handle(.failed(.connectionLost(reason: "reset")))
    #expect(try #require(test.retries.last).delay <= Self.second)
    // One that is taken away at once is none.
    test.advance(1)
    test.establish()
    test.receive("<stream:error><conflict xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>")
    #expect(try #require(test.retries.last).delay >= Self.second)
  }

  @Test("the handshake has to be done in time, however far it came")
  func negotiationTimeout() throws {
    for steps in 0...2 {
      var test = try TestComponent()
      test.handle(.start)
      if steps > 0 { test.handle(.connected) }
      if steps > 1 { test.receive(TestComponent.header) }
      test.now += 15 * Self.second - 1
      test.handle(.tick)
      #expect(test.retries.isEmpty)
      test.now += 1
      test.handle(.tick)
      #expect(test.retries.map(\.failure) == [.timeout] && test.closes == 1)
      // What comes after it is passed over.
      test.handle(.connected)
      test.receive("<handshake/>")
      test.handle(.failed(.closed))
      #expect(test.retries.count == 1 && !test.component.isConnected)
    }
  }

  @Test("XEP-0199 §4.4: after a minute of silence the server is asked, and has 30 s to answer")
  func keepAlive() throws {
    var test = try TestComponent.ready()
    test.advance(59)
    test.receive("<presence from='x@example.org' to='sip.example.org' type='unknown'/>")
    test.advance(59)
    #expect(test.take() == "")
    test.advance(1)
    let ping = test.take()
    #expect(ping.hasPrefix("<iq type='get' id='ping-"))
    #expect(ping.hasSuffix(" from='sip.example.org' to='sip.example.org'><ping xmlns='urn:xmpp:ping'/></iq>"))
    // It comes back to us, and we answer; either shows that the server is there.
    test.receive(ping)
    #expect(test.take().hasPrefix("<iq type='result' id='ping-"))
    test.advance(59)
    #expect(test.retries.isEmpty && test.take() == "")
    test.advance(30)
    #expect(test.take() != "" && test.retries.isEmpty)
    test.advance(1)
    #expect(
      test.retries.map(\.failure) == [.silent]
        && test.takeNotifications() == ["disconnected \(ComponentFailure.silent)"])
  }

  @Test("without a stream nothing is sent and nothing is kept; who was there is forgotten with the stream")
  func sending() throws {
    var test = try TestComponent()
    let alice = try #require(JID("alice@example.org/one"))
    test.handle(.start)
    #expect(test.send("<message/>", to: alice) == false)
    test.establish()
    _ = test.take()
    #expect(test.send("<message/>", to: alice) && test.take() == "<message/>")
    test.receive("<presence from='alice@example.org/one' to='+49@sip.example.org'/>")
    #expect(test.takeNotifications() == ["connected", "available alice@example.org/one"])
    #expect(test.component.availableResources(of: alice) == [alice])
    test.handle(.failed(.connectionLost(reason: "reset")))
    #expect(test.takeNotifications() == ["disconnected the connection is lost: reset"])
    #expect(test.component.availableResources(of: alice) == [])
    #expect(test.send("<message/>", to: alice) == false)
    test.advance(1)
    test.establish()
    #expect(test.takeNotifications() == ["connected"])
  }

  @Test("answers are the gateway's by id, sender and addressee, once, and not on another stream")
  func answers() throws {
    var test = try TestComponent.ready()
    let alice = try #require(JID("alice@example.org/one"))
    let phone = try #require(JID("+49@sip.example.org/sip"))
    let response = AwaitedResponse(id: "7", from: phone)
    #expect(test.send("", to: alice, awaiting: response) == true)
    for (from, to, id) in [
      ("eve@example.org/one", phone.description, "7"), (alice.description, "sip.example.org", "7"),
      (alice.description, phone.description, "8"),
    ] {
      test.receive("<iq type='result' id='\(id)' from='\(from)' to='\(to)'/>")
    }
    #expect(test.takeNotifications() == [])
    test.receive("<iq type='error' id='7' from='\(alice)' to='\(phone)'/>")
    test.receive("<iq type='result' id='7' from='\(alice)' to='\(phone)'/>")
    #expect(test.takeNotifications() == ["response \(alice) 7 error"] && test.take() == "")
    #expect(test.send("", to: alice, awaiting: response) == true)
    test.handle(.failed(.closed))
    test.advance(1)
    test.establish()
    _ = test.takeNotifications()
    test.receive("<iq type='result' id='7' from='\(alice)' to='\(phone)'/>")
    #expect(test.takeNotifications() == [])
  }

  @Test("shut down: those who see a contact are told, the stream is closed (RFC 6120 §4.4), nothing begins again")
  func shutDown() throws {
    var test = try TestComponent.ready()
    test.receive("<presence type='subscribe' from='alice@example.org' to='+49@sip.example.org'/>")
    _ = (test.take(), test.takeNotifications())
    test.carryOut(test.component.shutDown())
    #expect(
      test.take()
        == "<presence type='unavailable' from='+49@sip.example.org/sip' to='alice@example.org'/></stream:stream>")
    #expect(test.closes == 1 && test.component.nextDeadline == nil && test.takeNotifications() == [])
    test.handle(.failed(.closed))
    test.handle(.start)
    #expect(test.connects == 1 && test.retries.isEmpty)
  }

  @Test("names that are no part of a JID make no component")
  func badNames() {
    #expect(throws: TestComponent.NoComponent.self) { try TestComponent { $0.domain = "" } }
    #expect(throws: TestComponent.NoComponent.self) { try TestComponent { $0.userDomain = "a b" } }
    #expect(throws: TestComponent.NoComponent.self) { try TestComponent { $0.resource = "\u{0}" } }
  }
}
