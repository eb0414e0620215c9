import CodecRuntime
import SIPCodec
import Testing

@Suite("Comparison of URIs (RFC 3261 §19.1.4, RFC 3966 §4)")
struct URIComparisonTests {
  private func uri(_ text: String) throws -> URI {
    let message = try SIPMessage(parsing: Array("OPTIONS sip:a SIP/2.0\r\nRefer-To: <\(text)>\r\n\r\n".utf8))
    return try #require(message.headers.referTo?.address.uri)
  }

  private func areEquivalent(_ first: String, _ second: String) throws -> Bool {
    let (first, second) = (try uri(first), try uri(second))
    #expect(first.isEquivalent(to: first))
    #expect(second.isEquivalent(to: second))
    let result = first.isEquivalent(to: second)
    #expect(second.isEquivalent(to: first) == result)
    return result
  }

  @Test(arguments: [
    // RFC 3261 §19.1.4.
    ("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp"),
    ("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"),
    ("sip:carol@chicago.com", "sip:carol@chicago.com;security=on"),
    ("sip:carol@chicago.com;newparam=5", "sip:carol@chicago.com;security=on"),
    (
      "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
      "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com"
    ),
    (
      "sip:alice@atlanta.com?subject=project%20x&priority=urgent",
      "sip:alice@atlanta.com?priority=urgent&subject=project%20x"
    ),
    // RFC 5954: the same address, not the same text.
    ("sip:bob@[2001:DB8::9:01]", "sip:bob@[2001:db8:0::9:1]"),
    ("sip:[::ffff:192.0.2.10]", "sip:[::ffff:c000:20A]"),
    ("sip:[2001:db8:::192.0.2.1]", "sip:[2001:db8::192.0.2.1]"),
    ("sip:[::]", "sip:[0:0:0:0:0:0:0:0]"),
    ("sip:[2001:db8::]", "sip:[2001:db8:0:0::]"),
    // Parameters without value, and in any order and case.
    ("sip:p.example;lr;ob", "sip:p.example;OB;LR"),
    ("sip:a@b.example;user=phone;x=1", "sip:a@b.example;X=1;User=PHONE"),
    ("sips:a:p%40@b.example", "SIPS:a:%70%40@B.example"),
    // RFC 3966 §4.
    ("tel:+1-201-555-0123", "tel:+12015550123"),
    ("TEL:+1(201)555.0123;ext=12-34", "tel:+1-201-555-0123;EXT=1234"),
    ("tel:7042;phone-context=example.COM", "tel:70-42;phone-context=Example.com"),
    ("tel:863-1234;phone-context=+1-914-555", "tel:8631234;phone-context=+1914555"),
    ("tel:#A1;phone-context=a.b", "tel:#a1;phone-context=a.b"),
    ("tel:+1;isub=9;ext=2", "tel:+1;ext=2;isub=9"),
    // Others.
    ("IM:a@b.example", "im:a@b.example"),
  ])
  func equivalent(_ first: String, _ second: String) throws {
    #expect(try areEquivalent(first, second))
  }

  @Test(arguments: [
    // RFC 3261 §19.1.4.
    ("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP"),
    ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"),
    ("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"),
    ("sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp"),
    ("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting"),
    ("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4"),
    ("sip:carol@chicago.com;security=off", "sip:carol@chicago.com;security=on"),
    ("sip:a@b.example", "sips:a@b.example"),
    ("sip:a@b.example", "sip:b.example"),
    ("sip:a:b@c.example", "sip:a@c.example"),
    ("sip:a@b.example", "sip:a@b.example;ttl=1"),
    ("sip:a@b.example", "sip:a@b.example;method=INVITE"),
    ("sip:a@b.example", "sip:a@b.example;maddr=192.0.2.1"),
    ("sip:a@b.example", "sip:a@b.example;user=ip"),
    ("sip:a@b.example;method=INVITE", "sip:a@b.example;method=invite"),
    // What is escaped may mean something else.
    ("sip:a%3Bb@c.example", "sip:a;b@c.example"),
    ("sip:a%40b@c.example", "sip:a%41b@c.example"),
    ("sip:[2001:db8::1]", "sip:[2001:db8::2]"),
    ("sip:a@b.example?x=1&x=1", "sip:a@b.example?x=1"),
    // RFC 3966 §4.
    ("tel:+12015550123", "tel:12015550123;phone-context=+1"),
    ("tel:+1", "tel:+1;isub=9"),
    ("tel:7042;phone-context=a-b.example", "tel:7042;phone-context=ab.example"),
    ("tel:+1", "sip:+1@b.example;user=phone"),
    ("im:a@b.example", "im:A@b.example"),
    ("im:a@b.example", "pres:a@b.example"),
  ])
  func different(_ first: String, _ second: String) throws {
    #expect(try !areEquivalent(first, second))
  }

  /// RFC 3261 §19.1.4: why this is no equality.
  @Test func isNotTransitive() throws {
    #expect(try areEquivalent("sip:carol@chicago.com", "sip:carol@chicago.com;security=on"))
    #expect(try areEquivalent("sip:carol@chicago.com", "sip:carol@chicago.com;security=off"))
    #expect(try !areEquivalent("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off"))
  }
}
