import CodecRuntime
import Testing
import XMLReader

@testable import XMPPStack

@Suite("Component: who is there, and what they can do")
struct ComponentPresenceTests {
  private func presence(
    _ from: String, to: String = "+49", type: String? = nil, version: String? = nil, priority: Int? = nil
  ) -> String {
    var text = "<presence from='\(from)' to='\(to)@sip.example.org'"
    if let type { text += " type='\(type)'" }
    text += ">"
    if let priority { text += "<priority>\(priority)</priority>" }
    if let version {
      text += "<c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='urn:client' ver='\(version)'/>"
    }
    return text + "</presence>"
  }

  /// The ids of the questions that were sent, with the whole of each.
  private func questions(_ sent: String) -> [(id: String, text: String)] {
    var found: [(String, String)] = []
    for part in sent.split(separator: "<iq ", omittingEmptySubsequences: true) where part.contains("disco#info") {
      let fields = part.split(separator: "'")
      if let index = fields.firstIndex(where: { $0.hasSuffix("id=") }) {
        found.append((String(fields[index + 1]), "\(part)"))
      }
    }
    return found
  }

  private func answer(_ id: String, from: String, _ features: [String], to: String = "+49@sip.example.org/sip")
    -> String
  {
    "<iq type='result' id='\(id)' from='\(from)' to='\(to)'><query xmlns='http://jabber.org/protocol/disco#info'>"
      + "<identity category='client' type='pc' name='C'/>" + features.map { "<feature var='\($0)'/>" }.joined()
      + "</query></iq>"
  }

  private func version(_ features: [String]) -> String {
    DiscoveryInformation(
      identities: [.init(category: "client", type: "pc", language: "", name: "C")], features: features
    ).version(.sha1)
  }

  @Test("each resource is announced once, and gone when no contact sees it any more (RFC 6121 §4.5, §3.3.3)")
  func sightings() throws {
    var test = try TestComponent.ready()
    test.receive(presence("alice@example.org/one"))
    test.receive(presence("alice@example.org/one", to: "+50"))
    test.receive(presence("alice@example.org/two", to: "+50", priority: 5))
    #expect(test.takeNotifications() == ["available alice@example.org/one", "available alice@example.org/two"])
    let alice = try #require(JID("alice@example.org"))
    #expect(
      test.component.availableResources(of: alice).map(\.description) == [
        "alice@example.org/two", "alice@example.org/one",
      ])
    // The contact +50 is taken off the roster: its server says that both resources are gone for it.
    test.receive(presence("alice@example.org/one", to: "+50", type: "unavailable"))
    test.receive(presence("alice@example.org/two", to: "+50", type: "unavailable"))
    #expect(test.takeNotifications() == ["unavailable alice@example.org/two"])
    test.receive(presence("alice@example.org/one", to: "+51", type: "unavailable"))
    test.receive(presence("bob@example.org/one", type: "unavailable"))
    #expect(test.takeNotifications() == [])
    test.receive(presence("alice@example.org/one", type: "unavailable"))
    #expect(test.takeNotifications() == ["unavailable alice@example.org/one"])
    #expect(test.component.availableResources(of: alice) == [])
  }

  @Test(
    "a bare address, an error or the end of a subscription takes all resources away (RFC 6121 §3.2.3)",
    arguments: [
      "unavailable", "error", "unsubscribed",
    ])
  func allGone(_ type: String) throws {
    var test = try TestComponent.ready()
    test.receive(presence("alice@example.org/one"))
    test.receive(presence("alice@example.org/two"))
    _ = test.takeNotifications()
    test.receive(presence("alice@example.org", type: type))
    #expect(test.takeNotifications() == ["unavailable alice@example.org/one", "unavailable alice@example.org/two"])
  }

  @Test("XEP-0115 §6.2: a verification string is asked for once, checked, and believed of everybody who sends it")
  func capabilities() throws {
    var test = try TestComponent.ready()
    let features = ["urn:b", "urn:a"]
    let version = version(features)
    test.receive(presence("alice@example.org/one", version: version))
    let asked = try #require(questions(test.take()).first)
    #expect(
      asked.text.hasSuffix(
        " from='+49@sip.example.org/sip' to='alice@example.org/one'>"
          + "<query xmlns='http://jabber.org/protocol/disco#info' node='urn:client#\(version)'/></iq>"))
    test.receive(presence("bob@example.org/one", version: version))
    test.receive(presence("alice@example.org/one", to: "+50", version: version))
    #expect(test.take() == "")
    #expect(test.takeNotifications() == ["available alice@example.org/one", "available bob@example.org/one"])
    // Somebody else's answer is none.
    test.receive(answer(asked.id, from: "eve@example.org/one", ["urn:x"]))
    #expect(test.takeNotifications() == [])
    test.receive(answer(asked.id, from: "alice@example.org/one", features))
    #expect(
      test.takeNotifications() == [
        "features alice@example.org/one urn:a urn:b", "features bob@example.org/one urn:a urn:b",
      ])
    test.receive(presence("carol@example.org/one", version: version))
    #expect(test.take() == "")
    #expect(
      test.takeNotifications() == ["available carol@example.org/one", "features carol@example.org/one urn:a urn:b"])
    // Other capabilities are asked for again.
    test.receive(presence("carol@example.org/one", version: "other"))
    #expect(questions(test.take()).count == 1)
  }

  @Test("XEP-0115 §5.4: what does not verify is believed of its sender only; the next one is asked")
  func forged() throws {
    var test = try TestComponent.ready()
    let version = version(["urn:a"])
    for user in ["eve", "alice", "bob"] { test.receive(presence("\(user)@example.org/one", version: version)) }
    let first = try #require(questions(test.take()).first)
    _ = test.takeNotifications()
    test.receive(answer(first.id, from: "eve@example.org/one", ["urn:evil"]))
    #expect(test.takeNotifications() == ["features eve@example.org/one urn:evil"])
    let next = questions(test.take())
    #expect(next.count == 1)
    let other = try #require(next.first)
    let user = other.text.contains("alice") ? "alice" : "bob"
    test.receive(answer(other.id, from: "\(user)@example.org/one", ["urn:a"]))
    #expect(
      test.takeNotifications().sorted() == [
        "features alice@example.org/one urn:a", "features bob@example.org/one urn:a",
      ])
  }

  @Test("who has no capabilities is asked once; an error or no answer in 30 s is an answer, too")
  func withoutCapabilities() throws {
    var test = try TestComponent.ready()
    test.receive(presence("alice@example.org/one"))
    test.receive(presence("alice@example.org/one", priority: 1))
    let asked = questions(test.take())
    #expect(asked.count == 1 && asked.first?.text.contains("node=") == false)
    let id = try #require(asked.first?.id)
    test.receive("<iq type='error' id='\(id)' from='alice@example.org/one' to='+49@sip.example.org/sip'/>")
    test.receive(presence("bob@example.org/one"))
    test.advance(30)
    #expect(
      test.takeNotifications() == [
        "available alice@example.org/one", "features alice@example.org/one ", "available bob@example.org/one",
        "features bob@example.org/one ",
      ])
  }

  @Test("the questions of one stream are not answered on the next")
  func reconnected() throws {
    var test = try TestComponent.ready()
    test.receive(presence("alice@example.org/one"))
    let id = try #require(questions(test.take()).first?.id)
    test.handle(.failed(.closed))
    test.advance(1)
    test.establish()
    test.receive(presence("alice@example.org/one"))
    _ = test.takeNotifications()
    test.receive(answer(id, from: "alice@example.org/one", ["urn:a"]))
    #expect(test.takeNotifications() == [])
  }

  @Test("memory is bounded: resources of a user, users, and strangers to half of them")
  func bounds() throws {
    var test = try TestComponent.ready {
      $0.maximumUsers = 4
      $0.maximumResources = 2
    }
    for resource in 0..<5 { test.receive(presence("alice@example.org/\(resource)")) }
    #expect(test.takeNotifications().count == 2)
    for user in 0..<5 { test.receive(presence("user\(user)@example.net/r")) }
    #expect(test.takeNotifications().count == 2)
    for user in 0..<5 { test.receive(presence("user\(user)@example.org/r")) }
    #expect(test.takeNotifications().count == 1)
    test.receive(presence("user0@example.net/r", type: "unavailable"))
    test.receive(presence("user4@example.net/r"))
    #expect(test.takeNotifications() == ["unavailable user0@example.net/r", "available user4@example.net/r"])
  }
}

@Suite("Entity capabilities (XEP-0115)")
struct CapabilitiesTests {
  private func information(_ text: String) throws -> DiscoveryInformation {
    DiscoveryInformation(
      try XMLReader.parseDocument(Array("<query xmlns='http://jabber.org/protocol/disco#info'>\(text)</query>".utf8)))
  }

  @Test("XEP-0115 §5.2, the simple example")
  func simple() throws {
    let exodus = try information(
      "<identity category='client' name='Exodus 0.9.1' type='pc'/>"
        + "<feature var='http://jabber.org/protocol/caps'/><feature var='http://jabber.org/protocol/disco#info'/>"
        + "<feature var='http://jabber.org/protocol/disco#items'/><feature var='http://jabber.org/protocol/muc'/>")
    #expect(exodus.version(.sha1) == "QgayPKawpkPSDYmwT/WM94uAlu0=" && exodus.isWellFormed)
  }

  static let psi =
    "<identity xml:lang='en' category='client' name='Psi 0.11' type='pc'/>"
    + "<identity xml:lang='el' category='client' name='Ψ 0.11' type='pc'/>"
    + "<feature var='http://jabber.org/protocol/caps'/><feature var='http://jabber.org/protocol/disco#info'/>"
    + "<feature var='http://jabber.org/protocol/disco#items'/><feature var='http://jabber.org/protocol/muc'/>"

  static let form =
    "<x xmlns='jabber:x:data' type='result'><field var='FORM_TYPE' type='hidden'>"
    + "<value>urn:xmpp:dataforms:softwareinfo</value></field><field var='ip_version' type='text-multi'>"
    + "<value>ipv4</value><value>ipv6</value></field><field var='os'><value>Mac</value></field>"
    + "<field var='os_version'><value>10.5.1</value></field><field var='software'><value>Psi</value></field>"
    + "<field var='software_version'><value>0.11</value></field></x>"

  @Test("XEP-0115 §5.3, the complex example: languages and a form")
  func complex() throws {
    let psi = try information(Self.psi + Self.form)
    #expect(psi.version(.sha1) == "q07IKJEyjvHSyhy//CH0CxmKi8w=" && psi.isWellFormed)
  }

  @Test(
    "XEP-0115 §5.4: what is ill-formed",
    arguments: [
      "<feature var='a'/><feature var='a'/>",
      "<identity category='a' type='b'/><identity category='a' type='b'/>",
      CapabilitiesTests.form + CapabilitiesTests.form,
      "<x xmlns='jabber:x:data'><field var='FORM_TYPE' type='hidden'><value>a</value><value>b</value></field></x>",
      "<feature var='a&lt;b'/>",
    ])
  func illFormed(_ text: String) throws {
    #expect(try !information(text).isWellFormed)
  }

  @Test("the cache forgets the oldest")
  func cache() {
    var cache = CapabilityCache()
    func hash(_ number: Int) -> CapabilityHash { CapabilityHash(algorithm: .sha1, version: "\(number)") }
    for number in 0...CapabilityCache.maximumEntries { cache.insert(["\(number)"], for: hash(number)) }
    #expect(cache[hash(0)] == nil && cache[hash(1)] == ["1"])
    cache.insert([String(repeating: "x", count: CapabilityCache.maximumBytes)], for: hash(-1))
    #expect(cache[hash(-1)] == nil && cache[hash(CapabilityCache.maximumEntries)] == nil)
  }

  @Test("RFC 4648 §10: Base64")
  func base64() {
    let texts = ["": "", "f": "Zg==", "fo": "Zm8=", "foo": "Zm9v", "foob": "Zm9vYg==", "foobar": "Zm9vYmFy"]
    for (text, encoded) in texts { #expect(encodeBase64(Array(text.utf8)) == encoded) }
  }
}
