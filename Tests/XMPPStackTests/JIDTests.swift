import CodecRuntime
import Testing

@testable import XMPPStack

@Suite("XMPP addresses")
struct JIDTests {
  @Test("RFC 7622 §3.1: bare and full, parsed and printed")
  func parses() throws {
    let full = try #require(JID("Alice@Example.ORG/Balcony / @ x"))
    #expect(full.local == "alice" && full.domain == "example.org" && full.resource == "Balcony / @ x")
    #expect(full.description == "alice@example.org/Balcony / @ x")
    #expect(full.bare == JID("alice@example.org"))
    #expect(full.bare.isBare && !full.isBare)
    #expect(JID("example.org")?.local == nil)
    #expect(JID("example.org/a@b")?.description == "example.org/a@b")
    #expect(JID("example.org.")?.domain == "example.org")
    #expect(JID("[::1]")?.domain == "[::1]")
    #expect(JID("+4912345@sip.example.org")?.local == "+4912345")
    #expect(JID(Text("ä@b"))?.local == "ä")
    #expect(full.bare.with(resource: "x")?.resource == "x")
    #expect(full.with(resource: "") == nil)
  }

  @Test(
    "RFC 7622 §3: what is no address",
    arguments: [
      "", "@a", "a@", "a@/b", "/b", "a@b/", "a b@c", "a@b c", "a@b@c", "a<b@c", "a&b@c", "a'b@c", "a\"b@c", "a:b@c",
      "a@b\n", "a\u{0}@b", "a@b/\u{7}", "a\\b@c\\d", ".", "a\u{A0}b@c",
    ])
  func refuses(_ text: String) {
    #expect(JID(text) == nil, "\(text)")
  }

  @Test("RFC 7622 §3: no part is longer than 1023 bytes")
  func bounds() {
    let longest = String(repeating: "x", count: 1023)
    #expect(JID("\(longest)@\(longest)/\(longest)") != nil)
    #expect(JID("\(longest)x@a") == nil)
    #expect(JID("\(longest)x") == nil)
    #expect(JID("a/\(longest)x") == nil)
    #expect(JID(String(repeating: "ä", count: 512) + "@a") == nil)
    #expect(JID(String(repeating: "x", count: 1_000_000)) == nil)
  }

  @Test(
    "XEP-0106 §5: the examples of the document",
    arguments: [
      ("space cadet", "space\\20cadet"), ("call me \"ishmael\"", "call\\20me\\20\\22ishmael\\22"),
      ("at&t guy", "at\\26t\\20guy"), ("d'artagnan", "d\\27artagnan"), ("/.fanboy", "\\2f.fanboy"),
      ("::foo::", "\\3a\\3afoo\\3a\\3a"), ("<foo>", "\\3cfoo\\3e"), ("user@host", "user\\40host"),
      ("c:\\net", "c\\3a\\net"), ("c:\\\\net", "c\\3a\\\\net"), ("c:\\cool stuff", "c\\3a\\cool\\20stuff"),
      ("c:\\5commas", "c\\3a\\5c5commas"), ("\\3and\\2is\\5cool", "\\5c3and\\2is\\5c5cool"),
    ])
  func escapes(_ text: String, _ escaped: String) {
    #expect(JID.escapedLocal(text) == escaped)
    #expect(JID.unescapedLocal(escaped) == text)
    #expect(JID(local: escaped, domain: "a") != nil)
  }

  @Test("XEP-0106 §4.1: no escaped space at the ends; half an escape is none")
  func escapeEdges() {
    #expect(JID.escapedLocal(" a b ") == "a\\20b")
    #expect(JID.escapedLocal("  ") == "")
    #expect(JID.unescapedLocal("a\\") == "a\\")
    #expect(JID.unescapedLocal("a\\4") == "a\\4")
    #expect(JID.unescapedLocal("a\\41\\2F") == "a\\41/")
  }

  @Test("RFC 4648 §4, RFC 4616 §2: Base64 and the message of PLAIN, strictly")
  func plain() throws {
    func plain(_ text: String) -> PlainMessage? { try? PlainMessage(base64: Text(text)) }
    #expect(plain("AGFsaWNlAHNlY3JldA==")?.authenticationIdentity == "alice")
    #expect(plain("AGFsaWNlAHNlY3JldA==")?.password == Array("secret".utf8))
    #expect(plain("eABhAGI=") == nil || plain("eABhAGI=")?.authorizationIdentity == "x")
    for text in [
      "", "=", "====", "AGFsaWNlAHNlY3JldA", "AGFsaWNlAHNlY3JldA=", "AGFsaWNlAHNlY3JldA==\n", "AGFsaWNlAHNlY3JldB==",
      "AGFs=WNlAHNlY3JldA==", "YWxpY2U=", "AAA=", "AGEA", "AABi", "AGEAYgBj", "AP8AYQ==", "A===", "äöü=",
    ] { #expect(plain(text) == nil, "\(text)") }
    #expect(isSameInConstantTime([1, 2], [1, 2]))
    #expect(!isSameInConstantTime([1, 2], [1, 3]) && !isSameInConstantTime([1, 2, 1, 2], [1, 2]))
    #expect(!isSameInConstantTime([0], []) && !isSameInConstantTime([], [1]) && isSameInConstantTime([], []))
  }
}
