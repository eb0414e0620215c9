import CodecRuntime
import Testing
import XMLReader

@testable import XMPPStack

@Suite("Component: being a contact")
struct ComponentContactTests {
  static let caps = "<c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='urn:test' ver='"

  private func error(_ condition: String, _ type: String = "cancel", from: String = "+49@sip.example.org") -> String {
    "<iq type='error' id='q' from='\(from)' to='alice@example.org/one'><error type='\(type)'><\(condition) "
      + "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>"
  }

  private func result(_ payload: String, from: String = "+49@sip.example.org") -> String {
    "<iq type='result' id='q' from='\(from)' to='alice@example.org/one'>\(payload)</iq>"
  }

  @Test("RFC 6121 §3.1.3: who subscribes is let in, asked back, and sees the contact with its capabilities")
  func subscribe() throws {
    var test = try TestComponent.ready()
    let version = test.component.contactProfile.version
    let available =
      "<presence from='+49@sip.example.org/sip' to='alice@example.org'>\(Self.caps)\(version)'/></presence>"
    test.receive("<presence type='subscribe' from='alice@example.org' to='+49@sip.example.org'/>")
    #expect(
      test.take() == "<presence type='subscribed' from='+49@sip.example.org' to='alice@example.org'/>"
        + "<presence type='subscribe' from='+49@sip.example.org' to='alice@example.org'/>" + available)
    test.receive("<presence type='subscribed' from='alice@example.org' to='+49@sip.example.org'/>")
    #expect(test.take() == "")
    // RFC 6121 §4.3.2.
    test.receive("<presence type='probe' from='alice@example.org' to='+49@sip.example.org'/>")
    #expect(test.take() == available)
    test.receive("<presence type='unsubscribe' from='alice@example.org' to='+49@sip.example.org'/>")
    #expect(
      test.take() == "<presence type='unavailable' from='+49@sip.example.org/sip' to='alice@example.org'/>"
        + "<presence type='unsubscribed' from='+49@sip.example.org' to='alice@example.org'/>")
    #expect(test.takeNotifications() == ["subscriptions", "subscriptions"], "what is to be kept: once more, once less")
    #expect(test.component.subscriptions.isEmpty)
  }

  @Test("XEP-0100 §4.3: the domain is a contact, too, without a resource")
  func subscribeToDomain() throws {
    var test = try TestComponent.ready()
    test.receive("<presence type='subscribe' from='alice@example.org' to='sip.example.org'/>")
    #expect(
      test.take().hasSuffix(
        "<presence from='sip.example.org' to='alice@example.org'>\(Self.caps)"
          + "\(test.component.domainProfile.version)'/></presence>"))
  }

  @Test("when the stream comes back, those who see a contact are told and asked, two hundred at a time")
  func announcements() throws {
    var test = try TestComponent.ready()
    for number in 0..<450 {
      test.receive("<presence type='probe' from='user\(number)@example.org' to='+49@sip.example.org'/>")
    }
    test.receive("<presence type='unsubscribe' from='user0@example.org' to='+49@sip.example.org'/>")
    #expect(test.component.subscriptions.count == 449)
    _ = test.take()
    test.handle(.failed(.closed))
    test.advance(1)
    test.establish()
    func count(_ text: String) -> Int { text.components("type='probe' from='+49@sip.example.org' to='user") }
    let first = test.take()
    #expect(count(first) == 200 && first.components("/sip' to='user") == 200)
    test.advance(0.1)
    #expect(count(test.take()) == 200)
    test.advance(0.1)
    #expect(count(test.take()) == 49)
    test.advance(1)
    #expect(test.take() == "")
  }

  @Test("subscriptions that are handed in are told of the first stream; one of another domain is nobody's")
  func knownSubscriptions() throws {
    let alice = try #require(JID("alice@example.org"))
    let phone = try #require(JID("+49@sip.example.org"))
    var test = try TestComponent {
      $0.knownSubscriptions = [
        ContactSubscription(contact: phone, user: alice), ContactSubscription(contact: alice, user: phone),
      ]
    }
    test.handle(.start)
    test.establish()
    #expect(test.take().hasSuffix("<presence type='probe' from='\(phone)' to='\(alice)'/>"))
    #expect(test.component.subscriptions == [ContactSubscription(contact: phone, user: alice)])
  }

  @Test(
    "XEP-0030 §3.1, XEP-0115 §6.2: what contacts can do, asked of the bare and the full address, with node and without")
  func discoverContact() throws {
    var test = try TestComponent.ready()
    let query = "query xmlns='http://jabber.org/protocol/disco#info'"
    let features = [
      "http://jabber.org/protocol/caps", "http://jabber.org/protocol/disco#info",
      "http://jabber.org/protocol/disco#items", "urn:test:a", "urn:test:z", "urn:xmpp:ping", "vcard-temp",
    ]
    let content =
      "<identity category='client' type='phone'/>" + features.map { "<feature var='\($0)'/>" }.joined() + "</query>"
    for to in ["+49@sip.example.org", "+49@sip.example.org/sip"] {
      #expect(test.get("<\(query)/>", to: to) == result("<\(query)>\(content)", from: to))
    }
    // The node of the presence is answered with exactly what its version is the hash of.
    let version = DiscoveryInformation(
      identities: [.init(category: "client", type: "phone", language: "", name: "")], features: features.reversed()
    ).version(.sha1)
    #expect(version == test.component.contactProfile.version)
    let node = "node='urn:test#\(version)'"
    #expect(test.get("<\(query) \(node)/>") == result("<\(query) \(node)>\(content)"))
    #expect(test.get("<\(query) node='urn:test#other'/>") == error("item-not-found"))
    #expect(
      test.get("<\(query)/>", to: "+49@sip.example.org/other")
        == error("service-unavailable", from: "+49@sip.example.org/other"))
    let items = "query xmlns='http://jabber.org/protocol/disco#items'"
    #expect(test.get("<\(items)/>") == result("<\(items)/>"))
    #expect(test.get("<\(items) node='x'/>") == error("item-not-found"))
  }

  @Test("XEP-0100 §6.1: the domain is a gateway")
  func discoverDomain() throws {
    var test = try TestComponent.ready {
      $0.domainIdentities.append(.init(category: "gateway", type: "pstn"))
    }
    let answer = test.get("<query xmlns='http://jabber.org/protocol/disco#info'/>", to: "sip.example.org")
    #expect(answer.contains("<identity category='gateway' type='sip' name='SIP &amp; more'/>"))
    #expect(answer.contains("<identity category='gateway' type='pstn'/>"))
    for feature in ["jabber:iq:gateway", "jid\\20escaping", "vcard-temp", "urn:xmpp:ping"] {
      #expect(answer.contains("<feature var='\(feature)'/>"), "\(feature)")
    }
    #expect(!answer.contains("urn:test:a"))
  }

  @Test(
    "XEP-0100 §6.3: addresses as people write them",
    arguments: [
      ("+49 (30) 1234-56", "+4930123456"), (" tel:+49-30.1234/5 ", "+493012345"), ("110", "110"),
      ("sip:alice@example.com", "alice\\40example.com"), ("SIPS:bob@b.example", "bob\\40b.example"),
      ("anna müller", "anna\\20müller"), ("*21#", "*21#"), ("", nil), ("  ", nil), ("\u{1}", nil),
      (String(repeating: "1", count: 1100), nil),
    ] as [(String, String?)])
  func prompt(_ text: String, _ local: String?) throws {
    var test = try TestComponent.ready()
    var output = Output()
    output.append(characterData: text)
    let written = String(decoding: output.bytes, as: UTF8.self)
    let answer = test.get(
      "<query xmlns='jabber:iq:gateway'><prompt>\(written)</prompt></query>", to: "sip.example.org", type: "set")
    if let local {
      #expect(
        answer
          == result(
            "<query xmlns='jabber:iq:gateway'><jid>\(local)@sip.example.org</jid></query>", from: "sip.example.org"))
    } else {
      #expect(answer.contains("<not-acceptable ") && answer.contains("type='modify'"))
    }
  }

  @Test("XEP-0100 §6.3: what to write is asked for with words; only of the domain")
  func promptText() throws {
    var test = try TestComponent.ready { $0.prompt = "Number & <such>" }
    #expect(
      test.get("<query xmlns='jabber:iq:gateway'/>", to: "sip.example.org")
        == result(
          "<query xmlns='jabber:iq:gateway'><prompt>Number &amp; &lt;such&gt;</prompt></query>", from: "sip.example.org"
        ))
    #expect(test.get("<query xmlns='jabber:iq:gateway'/>") == error("service-unavailable"))
    #expect(
      test.get("<query xmlns='jabber:iq:gateway'/>", to: "sip.example.org", type: "set")
        == error("bad-request", "modify", from: "sip.example.org"))
  }

  @Test("XEP-0054 §3.1: the card of a contact has its number, or its SIP address; that of the domain its name")
  func card() throws {
    var test = try TestComponent.ready()
    for (to, name) in [
      ("+49@sip.example.org", "+49"), ("bob\\40b.example@sip.example.org", "bob@b.example"),
      ("sip.example.org", "SIP &amp; more"),
    ] {
      #expect(
        test.get("<vCard xmlns='vcard-temp'/>", to: to)
          == result("<vCard xmlns='vcard-temp'><FN>\(name)</FN></vCard>", from: to))
    }
    #expect(test.get("<vCard xmlns='vcard-temp'/>", type: "set") == error("service-unavailable"))
  }

  @Test("XEP-0199 §4.2, RFC 6120 §8.2.3 and §8.3.1: pings, requests that nobody knows, and those that are none")
  func otherRequests() throws {
    var test = try TestComponent.ready()
    #expect(test.get("<ping xmlns='urn:xmpp:ping'/>") == result(""))
    #expect(test.get("<ping xmlns='urn:xmpp:ping'/>", type: "set") == error("service-unavailable"))
    #expect(test.get("<query xmlns='jabber:iq:version'/>") == error("service-unavailable"))
    #expect(test.get("") == error("bad-request", "modify"))
    #expect(test.get("<a xmlns='b'/><a xmlns='b'/>") == error("bad-request", "modify"))
    #expect(test.get("<a xmlns='b'/>", type: "put") == error("bad-request", "modify"))
    #expect(test.get("<a xmlns='b'/>", type: "error") == "" && test.get("", type: "result") == "")
    #expect(test.get("<ping xmlns='urn:xmpp:ping'/>", to: "a b@c").contains("<jid-malformed "))
    #expect(test.get("<ping xmlns='urn:xmpp:ping'/>", to: "x@example.org").contains("<service-unavailable "))
    for stanza in [
      "<iq type='get' id='1' to='sip.example.org'><ping xmlns='urn:xmpp:ping'/></iq>",
      "<iq type='get' id='1' from='@' to='sip.example.org'><ping xmlns='urn:xmpp:ping'/></iq>",
      "<other from='alice@example.org/one' to='+49@sip.example.org'/>",
      "<iq xmlns='jabber:client' type='get' id='1' from='a@example.org/b'><ping xmlns='urn:xmpp:ping'/></iq>",
    ] {
      test.receive(stanza)
      #expect(test.take() == "" && test.retries.isEmpty, "\(stanza)")
    }
  }

  @Test("RFC 6121 §8.5.2.2.1: what is written to a contact comes back; errors and what has no body do not")
  func messages() throws {
    var test = try TestComponent.ready()
    let head = "from='alice@example.org/one' to='+49@sip.example.org'"
    for type in ["", "type='chat'", "type='normal'"] {
      test.receive("<message id='1' \(type) \(head)><body>hello</body></message>")
      let answer = test.take()
      #expect(answer.hasPrefix("<message type='error' id='1' from='+49@sip.example.org' to='alice@example.org/one'>"))
      #expect(answer.contains("<service-unavailable "))
    }
    test.receive("<message type='chat' \(head)><active xmlns='http://jabber.org/protocol/chatstates'/></message>")
    test.receive("<message type='headline' \(head)><body>news</body></message>")
    #expect(test.take() == "" && test.takeNotifications() == [])
    test.receive("<message type='error' \(head)><body>hello</body><error type='cancel'/></message>")
    #expect(test.take() == "" && test.takeNotifications() == ["message alice@example.org/one body"])
  }

  @Test("calls to contacts are handed over, to the domain and to others they are refused")
  func calls() throws {
    var test = try TestComponent.ready()
    let call = "<call xmlns='urn:test:call'/>"
    for to in ["+49@sip.example.org", "+49@sip.example.org/sip", "+49@sip.example.org/x"] {
      #expect(test.get(call, to: to, type: "set") == "")
      #expect(test.takeNotifications() == ["intercepted alice@example.org/one iq"], "\(to)")
    }
    for to in ["sip.example.org", "bob@example.org/x", "bob@example.net"] {
      #expect(test.get(call, to: to, type: "set").contains("<service-unavailable "), "\(to)")
    }
    test.receive(
      "<message from='alice@example.org/one' to='+49@sip.example.org'><a xmlns='urn:test:propose'/></message>")
    #expect(test.takeNotifications() == ["message alice@example.org/one a"] && test.take() == "")
    test.receive("<message from='alice@example.org/one' to='sip.example.org'><a xmlns='urn:test:propose'/></message>")
    #expect(test.takeNotifications() == [] && test.take() == "")
  }

  @Test(
    "with interception calls between users of the server come, too, and the answers to what was sent as one of them")
  func interception() throws {
    var test = try TestComponent.ready { $0.intercepts = true }
    let call = "<call xmlns='urn:test:call'/>"
    #expect(test.get(call, to: "bob@example.org/x", type: "set") == "")
    #expect(test.get(call, to: "bob@example.org", type: "set") == "")
    #expect(test.get(call, to: "alice@example.org", type: "get") == "")
    #expect(test.takeNotifications() == Array(repeating: "intercepted alice@example.org/one iq", count: 3))
    #expect(test.get(call, to: "bob@example.org/x").contains("<service-unavailable "))
    #expect(test.get(call, to: "bob@example.net", type: "set").contains("<service-unavailable "))
    let bob = try #require(JID("bob@example.org"))
    let alice = try #require(JID("alice@example.org/one"))
    #expect(test.send("", to: alice, awaiting: AwaitedResponse(id: "7", from: bob)) == true)
    test.receive("<iq type='result' id='7' from='alice@example.org/one' to='bob@example.org'/>")
    #expect(test.takeNotifications() == ["response alice@example.org/one 7 result"])
    // Presence of users towards each other is not ours.
    test.receive("<presence type='subscribe' from='alice@example.org' to='bob@example.org'/>")
    #expect(test.take() == "")
  }
}

extension String {
  /// How often a text stands in this one.
  func components(_ text: String) -> Int {
    let (bytes, part) = (Array(utf8), Array(text.utf8))
    guard bytes.count >= part.count else { return 0 }
    return (0...bytes.count - part.count).count { bytes[$0..<$0 + part.count].elementsEqual(part) }
  }
}
