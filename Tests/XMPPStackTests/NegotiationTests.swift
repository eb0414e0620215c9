import Testing
import XMLReader

@testable import XMPPStack

@Suite("Embedded server: streams, SASL, binding")
struct NegotiationTests {
  private let header = TestServer.header
  private func auth(_ text: String, mechanism: String = "PLAIN") -> String {
    "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='\(mechanism)'>\(text)</auth>"
  }
  private func failure(_ condition: String) -> String {
    "<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><\(condition)/></failure>"
  }

  @Test("RFC 6120 §9.1: from the connection to a bound resource")
  func negotiation() throws {
    var test = try #require(TestServer())
    let id = test.connect()
    #expect(test.take(id) == "")
    test.receive(header.replacing("to='localhost'", with: "to='LOCALHOST' from='alice@localhost'"), on: id)
    let answer = test.take(id)
    #expect(answer.hasPrefix("<?xml version='1.0'?><stream:stream xmlns='jabber:client' "))
    #expect(answer.contains(" version='1.0'") && answer.contains(" from='localhost'") && answer.contains(" id='"))
    #expect(answer.contains(" to='alice@localhost'"))
    #expect(
      answer.hasSuffix(
        "<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>PLAIN</mechanism></mechanisms>"
          + "</stream:features>"))
    test.receive(auth("AGFsaWNlAHNlY3JldA=="), on: id)
    #expect(test.take(id) == "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>")
    test.receive(header, on: id)
    #expect(test.take(id).contains("<stream:features><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>"))
    test.receive("<iq type='set' id='1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>", on: id)
    let bound = test.take(id)
    #expect(
      bound.hasPrefix("<iq type='result' id='1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>alice@localhost/"))
    test.receive("<iq type='set' id='2'><session xmlns='urn:ietf:params:xml:ns:xmpp-session'/></iq>", on: id)
    #expect(test.take(id).hasPrefix("<iq type='result' id='2'"))
    #expect(test.takeNotifications() == [])
    test.receive("</stream:stream>", on: id)
    #expect(test.take(id) == "</stream:stream>")
    #expect(test.closed.contains(id) && test.server.connectionCount == 0)
    #expect(test.takeNotifications().count == 1)
  }

  @Test("RFC 6120 §5.4: far away nothing but TLS is offered, behind it passwords are taken, and it begins once")
  func startTLS() throws {
    let request = "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"
    let mechanisms = "<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>PLAIN</mechanism></mechanisms>"
    var test = try #require(TestServer { $0.offersTLS = true })
    let id = test.connect(isLoopback: false)
    test.receive(header, on: id)
    #expect(
      test.take(id).hasSuffix(
        "<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls></stream:features>"))
    // What somebody has written behind the request does not become part of the encrypted stream.
    test.receive(request + header + auth("AGFsaWNlAHNlY3JldA=="), on: id)
    #expect(test.take(id) == "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
    test.receive(header, on: id)
    #expect(test.take(id).hasSuffix("<stream:features>\(mechanisms)</stream:features>"))
    test.receive(request, on: id)
    #expect(test.take(id) == "<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:stream>")
    #expect(test.closed.contains(id))

    let near = test.connect()
    test.receive(header, on: near)
    #expect(
      test.take(near).hasSuffix(
        "<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'></starttls>\(mechanisms)</stream:features>")
    )
  }

  @Test("the whole negotiation in one segment, and in single bytes")
  func segments() throws {
    let all =
      header + auth("AGFsaWNlAHNlY3JldA==") + header
      + "<iq type='set' id='1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>ü</resource></bind></iq><presence/>"
    var test = try #require(TestServer())
    let whole = test.connect()
    test.receive(all, on: whole)
    #expect(test.takeNotifications() == ["available alice@localhost/ü"])
    let single = test.connect()
    for byte in all.utf8 { test.receive([byte], on: single) }
    #expect(
      test.takeNotifications() == [
        "unavailable alice@localhost/ü", "ended alice@localhost/ü", "available alice@localhost/ü",
      ])
    #expect(test.take(whole).hasSuffix(streamError("conflict")))
  }

  @Test("RFC 6120 §4.9.3: stream errors before authentication, each after a header")
  func streamErrors() throws {
    let streams = "http://etherx.jabber.org/streams"
    let cases: [(String, String)] = [
      (header.replacing("localhost", with: "example.net"), "host-unknown"),
      (header.replacing("localhost", with: "a@@b"), "host-unknown"),
      (header.replacing(" version='1.0' xmlns=", with: " xmlns="), "unsupported-version"),
      (header.replacing(" version='1.0' xmlns=", with: " version='0.9' xmlns="), "unsupported-version"),
      (header.replacing(" version='1.0' xmlns=", with: " version='x' xmlns="), "unsupported-version"),
      (header.replacing(streams, with: "urn:x"), "invalid-namespace"),
      (header.replacing("stream:stream ", with: "stream:strom "), "bad-format"),
      (header + "<iq type='get' id='1'><ping xmlns='urn:xmpp:ping'/></iq>", "not-authorized"),
      (header + "<message to='bob@localhost'/>", "not-authorized"),
      (header + "x", "bad-format"), (header + "<iq></iqq>", "not-well-formed"),
      (header + "<!-- x -->", "restricted-xml"), (header + "<iq>&x;</iq>", "restricted-xml"),
      ("<!DOCTYPE a [<!ENTITY x 'y'>]>", "restricted-xml"),
      ("GET / HTTP/1.1\r\n\r\n", "not-well-formed"), ("\u{16}\u{3}\u{1}", "not-well-formed"),
      (header + "<a b='" + String(repeating: "x", count: 20_000), "policy-violation"),
      (header + String(repeating: "<a>", count: 100), "policy-violation"),
      ("<?xml version='1.0' encoding='latin1'?>", "unsupported-encoding"),
    ]
    for (text, condition) in cases {
      var test = try #require(TestServer())
      let id = test.connect()
      test.receive(text, on: id)
      let answer = test.take(id)
      #expect(answer.hasSuffix(streamError(condition)), "\(text.prefix(200)): \(answer)")
      #expect(answer.hasPrefix("<?xml version='1.0'?><stream:stream "))
      #expect(answer.split(separator: "<stream:stream ").count == 2)
      #expect(test.closed.contains(id) && test.server.connectionCount == 0)
    }
  }

  @Test("RFC 6120 §6.5, RFC 4616: every way to fail at PLAIN")
  func failures() throws {
    let cases: [(String, String)] = [
      (auth("AGFsaWNlAHdyb25n"), "not-authorized"), (auth("AGNhcm9sAHNlY3JldA=="), "not-authorized"),
      (auth("AGEAYQBhAGE="), "malformed-request"), (auth("!!!!"), "incorrect-encoding"),
      (auth("="), "malformed-request"), (auth("", mechanism: "SCRAM-SHA-1"), "invalid-mechanism"),
      ("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>AGFs</auth>", "invalid-mechanism"),
      (auth("Ym9iAGFsaWNlAHNlY3JldA=="), "invalid-authzid"),
      ("<abort xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>", "aborted"),
      ("<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>", "malformed-request"),
    ]
    for (text, condition) in cases {
      var test = try #require(TestServer())
      let id = test.connect()
      test.receive(header, on: id)
      _ = test.take(id)
      test.receive(text, on: id)
      #expect(test.take(id) == failure(condition), "\(text)")
      test.receive(auth("AGFsaWNlAHNlY3JldA=="), on: id)
      #expect(test.take(id).hasPrefix("<success"), "\(text)")
    }
  }

  @Test("RFC 6120 §6.4.5: after three failures the stream is closed")
  func attempts() throws {
    var test = try #require(TestServer())
    let id = test.connect()
    test.receive(header + auth("AGFsaWNlAHdyb25n") + auth("AGFsaWNlAHdyb25n"), on: id)
    #expect(!test.closed.contains(id))
    test.receive(auth("AGFsaWNlAHdyb25n") + auth("AGFsaWNlAHNlY3JldA=="), on: id)
    #expect(test.take(id).hasSuffix(failure("not-authorized") + streamError("policy-violation")))
    #expect(test.closed.contains(id))
  }

  @Test("RFC 6120 §6.4.2: PLAIN without an initial response")
  func challenge() throws {
    var test = try #require(TestServer())
    let id = test.connect()
    test.receive(header + auth(""), on: id)
    #expect(test.take(id).hasSuffix("<challenge xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>"))
    test.receive("<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>AEJPQgBnZWhlaW0=</response>", on: id)
    #expect(test.take(id).hasPrefix("<success"))
  }

  @Test("RFC 4616 §6: no passwords from elsewhere without encryption")
  func noPlainFromElsewhere() throws {
    var test = try #require(TestServer())
    let id = test.connect(isLoopback: false)
    test.receive(header, on: id)
    #expect(test.take(id).hasSuffix("<stream:features></stream:features>"))
    test.receive(auth("AGFsaWNlAHNlY3JldA=="), on: id)
    #expect(test.take(id) == failure("encryption-required"))
    test.receive("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>", on: id)
    #expect(test.take(id) == "<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:stream>")
  }

  @Test("RFC 6120 §7: nothing but binding before binding, a bad resource is refused, and one too many")
  func binding() throws {
    var test = try #require(TestServer { $0.maximumResources = 2 })
    let id = test.connect()
    test.receive(header + auth("AGFsaWNlAHNlY3JldA==") + header, on: id)
    _ = test.take(id)
    let bind = "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>RESOURCE</resource></bind>"
    test.receive(
      "<iq type='set' id='1'>\(bind.replacing("RESOURCE", with: String(repeating: "x", count: 1024)))</iq>", on: id)
    #expect(test.take(id).contains("<error type='modify'><bad-request "))
    _ = test.login("alice", "one")
    let two = test.login("alice", "two")
    test.receive("<iq type='set' id='1'>\(bind)</iq>", on: id)
    #expect(test.take(id).contains("<error type='wait'><resource-constraint "))
    test.disconnect(two)
    test.receive("<iq type='set' id='1'>\(bind)</iq>", on: id)
    #expect(test.take(id).contains("<jid>alice@localhost/RESOURCE</jid>"))
    test.receive("<iq type='set' id='2'>\(bind)</iq>", on: id)
    #expect(test.take(id).contains("<not-allowed "))
    let early = test.connect()
    test.receive(header + auth("AGJvYgBnZWhlaW0=") + header + "<presence/>", on: early)
    #expect(test.take(early).hasSuffix(streamError("not-authorized")))
  }

  @Test("RFC 6120 §7.7.2.2: the newer stream with a resource wins, the older one ends first")
  func conflict() throws {
    var test = try #require(TestServer())
    let older = test.login("alice", "one")
    _ = test.takeNotifications()
    let newer = test.login("alice", "one")
    #expect(test.take(older) == streamError("conflict"))
    #expect(test.closed == [older])
    #expect(
      test.takeNotifications() == [
        "unavailable alice@localhost/one", "ended alice@localhost/one", "available alice@localhost/one",
      ])
    // The listener reports the closed connection later; it must not end the newer stream.
    test.disconnect(older)
    #expect(test.takeNotifications() == [] && !test.closed.contains(newer))
  }

  @Test("RFC 6120 §4.9.3.4: whoever has not bound a resource after 30 s is closed")
  func timeout() throws {
    var test = try #require(TestServer())
    let silent = test.connect()
    let bound = test.login("alice", "one")
    test.now = 5_000_000_000
    let late = test.connect()
    test.receive(header + auth("AGFsaWNlAHNlY3JldA==") + header, on: late)
    _ = test.take(late)
    #expect(test.server.nextDeadline == 30_000_000_001)
    test.tick(at: 30_000_000_001)
    #expect(test.take(silent).hasSuffix(streamError("connection-timeout")))
    #expect(test.closed == [silent])
    #expect(test.server.nextDeadline == 35_000_000_000)
    test.tick(at: 35_000_000_000)
    #expect(test.take(late) == streamError("connection-timeout"))
    #expect(test.closed == [silent, late] && test.server.nextDeadline == nil)
    #expect(!test.closed.contains(bound))
  }

  @Test("RFC 6120 §13.12: the number of connections is bounded")
  func maximumConnections() throws {
    var test = try #require(TestServer { $0.maximumConnections = 2 })
    let first = test.connect()
    _ = test.connect()
    let third = test.connect()
    #expect(test.closed == [third])
    #expect(test.take(third).hasSuffix(streamError("resource-constraint")))
    test.disconnect(first)
    let fourth = test.connect()
    #expect(test.closed == [third] && fourth == 4)
  }

  @Test("RFC 6120 §4.9.3.20: shutting down")
  func shutDown() throws {
    var test = try #require(TestServer())
    let alice = test.login("alice", "one")
    let opening = test.connect()
    _ = test.takeNotifications()
    let effects = test.server.shutDown()
    test.carryOut(effects)
    #expect(test.closed == [alice, opening])
    #expect(test.take(alice) == streamError("system-shutdown"))
    #expect(test.takeNotifications() == ["unavailable alice@localhost/one", "ended alice@localhost/one"])
  }

  @Test("a configuration that cannot be served")
  func configuration() {
    #expect(TestServer { $0.domain = "a b" } == nil)
    #expect(TestServer { $0.accounts = ["a@b": "c"] } == nil)
  }
}
