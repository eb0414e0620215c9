import Testing
import XMLReader

@testable import XMPPStack

@Suite("Embedded server: stanzas")
struct StanzaTests {
  private func error(_ type: String, _ condition: String) -> String {
    "<error type='\(type)'><\(condition) xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>"
  }

  @Test("RFC 6121 §2, XEP-0030, XEP-0199: what the server answers itself")
  func services() throws {
    var test = try #require(TestServer { $0.features = ["urn:test:call"] })
    let id = test.login("alice", "one")
    func ask(_ attributes: String, _ payload: String) -> String {
      test.receive("<iq id='7' \(attributes)>\(payload)</iq>", on: id)
      return test.take(id)
    }
    #expect(
      ask("type='get'", "<query xmlns='jabber:iq:roster'/>")
        == "<iq type='result' id='7' to='alice@localhost/one'><query xmlns='jabber:iq:roster'/></iq>")
    #expect(ask("type='set'", "<query xmlns='jabber:iq:roster'/>").contains(error("cancel", "not-allowed")))
    #expect(
      ask("type='get' to='localhost'", "<ping xmlns='urn:xmpp:ping'/>")
        == "<iq type='result' id='7' from='localhost' to='alice@localhost/one'></iq>")
    let info = ask("type='get' to='localhost'", "<query xmlns='http://jabber.org/protocol/disco#info'/>")
    #expect(info.contains("<identity category='server' type='im'/>") && info.contains("<feature var='urn:test:call'/>"))
    let account = ask("type='get' to='alice@localhost'", "<query xmlns='http://jabber.org/protocol/disco#info'/>")
    #expect(account.contains("<identity category='account' type='registered'/>"))
    #expect(
      ask("type='get' to='localhost'", "<query xmlns='http://jabber.org/protocol/disco#info' node='x'/>")
        .contains(error("cancel", "item-not-found")))
    #expect(
      ask("type='get' to='localhost'", "<query xmlns='http://jabber.org/protocol/disco#items'/>")
        .contains("<query xmlns='http://jabber.org/protocol/disco#items'/>"))
    for to in [
      "", "to='localhost'", "to='alice@localhost'", "to='bob@localhost'", "to='bob@localhost/x'", "to='eve@localhost'",
    ] {
      #expect(ask("type='get' \(to)", "<x xmlns='urn:x'/>").contains(error("cancel", "service-unavailable")), "\(to)")
    }
    #expect(ask("type='get' to='x@example.net'", "<x xmlns='u'/>").contains(error("cancel", "remote-server-not-found")))
    #expect(ask("type='get' to='a@@b'", "<x xmlns='u'/>").contains(error("modify", "jid-malformed")))
    for bad in ["type='get'", "type='nonsense'", "", "type='get' id2='x'"] {
      #expect(ask(bad, bad.contains("id2") ? "<a/><b/>" : "").contains(error("modify", "bad-request")), "\(bad)")
    }
    test.receive("<iq type='get'><ping xmlns='urn:xmpp:ping'/></iq>", on: id)
    #expect(test.take(id).contains(error("modify", "bad-request")))
    #expect(ask("type='result'", "") == "" && ask("type='error' to='eve@localhost/x'", "") == "")
  }

  @Test("RFC 6121 §8.5.3: between two users, with the sender's full JID")
  func routing() throws {
    var test = try #require(TestServer())
    let alice = test.login("alice", "one")
    let bob = test.login("bob", "two", priority: nil)
    test.receive(
      "<iq xml:lang='de' to='bob@localhost/two' from='alice@localhost' id='1' type='get'><a xmlns='u'>&lt;</a></iq>",
      on: alice)
    #expect(
      test.take(bob)
        == "<iq from='alice@localhost/one' to='bob@localhost/two' xml:lang='de' id='1' type='get'><a xmlns='u'>&lt;</a></iq>"
    )
    test.receive("<iq to='alice@localhost/one' id='1' type='result'/>", on: bob)
    #expect(test.take(alice) == "<iq from='bob@localhost/two' to='alice@localhost/one' id='1' type='result'></iq>")
  }

  @Test("RFC 6120 §8.1.2.1: nobody speaks for somebody else")
  func invalidFrom() throws {
    for from in ["bob@localhost", "alice@localhost/two", "localhost", "", "a@@b"] {
      var test = try #require(TestServer())
      let alice = test.login("alice", "one")
      test.receive("<message from='\(from)' to='bob@localhost'/>", on: alice)
      #expect(test.take(alice) == streamError("invalid-from"))
      #expect(test.takeNotifications().last == "ended alice@localhost/one")
    }
  }

  @Test("RFC 6120 §4.9.3.10, §4.9.3.24: elements that are no stanzas of a client")
  func unsupported() throws {
    let cases = [
      ("<iq xmlns='jabber:server'/>", "invalid-namespace"), ("<iq xmlns=''/>", "invalid-namespace"),
      ("<enable xmlns='urn:xmpp:sm:3'/>", "unsupported-stanza-type"), ("<foo/>", "unsupported-stanza-type"),
    ]
    for (text, condition) in cases {
      var test = try #require(TestServer())
      let alice = test.login("alice", "one")
      test.receive(text, on: alice)
      #expect(test.take(alice) == streamError(condition), "\(text)")
    }
  }

  @Test("RFC 6121 §8.5.2, §8.5.3: messages to bare and full JIDs")
  func messages() throws {
    var test = try #require(TestServer())
    let alice = test.login("alice", "one")
    let high = test.login("bob", "high", priority: 5)
    let low = test.login("bob", "low", priority: 0)
    let negative = test.login("bob", "negative", priority: -1)
    let absent = test.login("bob", "absent", priority: nil)
    func received(_ attributes: String) -> [Bool] {
      for id in [alice, high, low, negative, absent] { _ = test.take(id) }
      test.receive("<message \(attributes)><body>x</body></message>", on: alice)
      return [alice, high, low, negative, absent].map { !test.take($0).isEmpty }
    }
    let nobody = [false, false, false, false, false]
    let refused = [true, false, false, false, false]
    #expect(received("to='bob@localhost' type='chat'") == [false, true, true, false, false])
    #expect(received("to='BOB@Localhost'") == [false, true, true, false, false])
    #expect(received("to='bob@localhost' type='headline'") == [false, true, true, false, false])
    #expect(received("to='bob@localhost' type='groupchat'") == refused)
    #expect(received("to='bob@localhost' type='error'") == nobody)
    #expect(received("to='bob@localhost/negative' type='chat'") == [false, false, false, true, false])
    #expect(received("to='bob@localhost/absent' type='groupchat'") == [false, false, false, false, true])
    #expect(received("to='bob@localhost/gone' type='chat'") == [false, true, true, false, false])
    #expect(received("to='bob@localhost/gone' type='headline'") == nobody)
    #expect(received("to='bob@localhost/gone' type='groupchat'") == refused)
    #expect(received("to='eve@localhost'") == refused)
    #expect(received("to='localhost'") == refused)
    #expect(received("to='bob@example.net'") == refused)
    #expect(received("to='bob@example.net' type='error'") == nobody)
    #expect(received("") == refused)
    for id in [high, low] { test.disconnect(id) }
    test.receive("<message to='bob@localhost' id='9'><body>x</body></message>", on: alice)
    #expect(test.take(alice).contains(error("cancel", "service-unavailable")))
  }

  @Test("RFC 6121 §4: presence, priorities, and leaving")
  func presence() throws {
    var test = try #require(TestServer())
    let one = test.login("alice", "one", priority: nil)
    let alice = try #require(JID("alice@localhost"))
    #expect(test.server.availableResources(of: alice) == [])
    let full = try #require(JID("alice@localhost/one"))
    #expect(test.server.isConnected(full))
    test.receive("<presence><show>away</show></presence>", on: one)
    #expect(
      test.take(one) == "<presence from='alice@localhost/one' to='alice@localhost/one'><show>away</show></presence>")
    let two = test.login("alice", "two", priority: 3)
    #expect(test.take(one).hasPrefix("<presence from='alice@localhost/two' to='alice@localhost/one'>"))
    #expect(
      test.server.availableResources(of: alice).map(\.description) == ["alice@localhost/two", "alice@localhost/one"])
    #expect(test.takeNotifications() == ["available alice@localhost/one", "available alice@localhost/two"])
    test.receive("<presence><priority>9</priority></presence>", on: one)
    #expect(test.server.availableResources(of: alice).first == full)
    #expect(test.takeNotifications() == [])
    test.receive("<presence type='unavailable'/>", on: one)
    test.receive("<presence type='unavailable'/>", on: one)
    #expect(test.takeNotifications() == ["unavailable alice@localhost/one"])
    #expect(test.server.isConnected(full))
    _ = test.take(one)
    test.disconnect(two)
    #expect(test.take(one) == "")
    #expect(test.takeNotifications() == ["unavailable alice@localhost/two", "ended alice@localhost/two"])
    let three = test.login("alice", "three")
    test.disconnect(one)
    #expect(test.take(three) == "")
    let four = test.login("alice", "four")
    _ = test.take(three)
    test.disconnect(four)
    #expect(test.take(three) == "<presence type='unavailable' from='alice@localhost/four' to='alice@localhost/three'/>")
    test.receive("<presence type='subscribe' to='bob@localhost'/><presence type='probe'/>", on: three)
    #expect(test.take(three) == "" && !test.closed.contains(three))
  }

  @Test("intercepted payloads go to the gateway, whatever their addressee, and to nobody else")
  func intercepted() throws {
    var test = try #require(TestServer())
    let alice = test.login("alice", "one")
    let bob = test.login("bob", "two")
    _ = test.takeNotifications()
    let call = "<call xmlns='urn:test:call'/>"
    for to in ["", "to='bob@localhost'", "to='bob@localhost/two'", "to='x@example.net'", "to='localhost'"] {
      test.receive("<iq type='set' id='1' \(to)>\(call)</iq>", on: alice)
      #expect(test.takeNotifications() == ["intercepted alice@localhost/one iq"], "\(to)")
    }
    for to in ["", "to='alice@localhost'", "to='alice@localhost/one'"] {
      test.receive("<iq type='get' id='1' \(to)>\(call)</iq>", on: alice)
      #expect(test.takeNotifications() == ["intercepted alice@localhost/one iq"], "\(to)")
    }
    #expect(test.take(alice) == "" && test.take(bob) == "")
    test.receive("<iq type='get' id='1' to='bob@localhost/two'>\(call)</iq>", on: alice)
    #expect(test.takeNotifications() == [] && test.take(bob) != "")
    test.receive("<iq type='set' id='1' to='bob@localhost/two'><call xmlns='urn:other'/></iq>", on: alice)
    #expect(test.takeNotifications() == [] && test.take(bob) != "")
    test.receive("<message to='+49@localhost'><any xmlns='urn:test:propose'/></message>", on: alice)
    #expect(test.takeNotifications() == ["message alice@localhost/one any"])
    test.receive("<message to='bob@localhost'><any xmlns='urn:test:propose'/></message>", on: alice)
    #expect(test.takeNotifications() == [] && test.take(bob) != "")
  }

  @Test("what the gateway sends, and the answers that are its own: by id, sender and addressee, once")
  func gatewayStanzas() throws {
    var test = try #require(TestServer())
    let alice = test.login("alice", "one", priority: nil)
    let bob = test.login("bob", "two")
    _ = test.takeNotifications()
    let to = try #require(JID("alice@localhost/one"))
    let from = try #require(JID("bob@localhost"))
    let stanza = Array("<iq type='set' id='g1' from='bob@localhost'/>".utf8)
    func send(_ id: String) throws {
      let effects = test.server.send(stanza, to: to, awaiting: AwaitedResponse(id: id, from: from), at: test.now)
      test.carryOut(try #require(effects))
    }
    try send("g1")
    #expect(test.take(alice) == "<iq type='set' id='g1' from='bob@localhost'/>")
    test.receive("<iq type='result' id='g1' to='bob@localhost'/>", on: bob)
    test.receive(
      "<iq type='result' id='g2' to='bob@localhost'/><iq type='result' id='g1' to='eve@localhost'/>", on: alice)
    test.receive("<iq type='result' id='g1'/><iq type='result' to='bob@localhost'/>", on: alice)
    #expect(test.takeNotifications() == [])
    test.receive(
      "<iq type='result' id='g1' to='Bob@localhost'/><iq type='result' id='g1' to='bob@localhost'/>", on: alice)
    #expect(test.takeNotifications() == ["response alice@localhost/one g1 result"])
    try send("g3")
    test.receive("<iq type='error' id='g3' to='bob@localhost'><error type='cancel'/></iq>", on: alice)
    #expect(test.takeNotifications() == ["response alice@localhost/one g3 error"])
    for number in 0..<1000 { try send("n\(number)") }
    #expect((test.server.sessions["alice"]?.first?.awaited.count ?? .max) <= 256)
    #expect(test.take(bob) == "")
    let nobody = try #require(JID("alice@localhost/gone"))
    #expect(test.server.send(stanza, to: nobody, at: test.now) == nil)
    #expect(test.server.send(stanza, to: to.bare, at: test.now) == nil)
  }

  @Test("large stanzas are read after authentication only")
  func stanzaLimits() throws {
    var test = try #require(TestServer())
    let alice = test.login("alice", "one")
    let bob = test.login("bob", "two")
    test.receive(
      "<message to='bob@localhost'><body>\(String(repeating: "x", count: 200_000))</body></message>", on: alice)
    #expect(test.take(bob).utf8.count > 200_000)
    test.receive("<message to='bob@localhost'><body>\(String(repeating: "x", count: 300_000))", on: alice)
    #expect(test.take(alice) == streamError("policy-violation"))
  }
}
