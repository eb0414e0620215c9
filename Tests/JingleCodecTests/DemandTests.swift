import CodecRuntime
import JingleCodec
import Testing
import XMLReader

/// What XEP-0166 and others demand beside the form of each part.
@Suite("What is demanded of a stanza")
struct DemandTests {
  /// What is wrong with the stanza, and that it is said of the place of `|`, which stands in front of an element or value.
  private func issues(_ marked: String) throws -> [String] {
    let places = marked.utf8.enumerated().filter { $0.element == UInt8(ascii: "|") }.map(\.offset)
    let bytes = marked.utf8.filter { $0 != UInt8(ascii: "|") }
    let reading = try #require(Jingle.read(try XMLReader.parseDocument(bytes)))
    #expect(reading.issues.map(\.offset) == places.enumerated().map { $0.element - $0.offset }, "\(reading.issues)")
    return reading.issues.map { "\($0.layer) \($0.location): \($0.message)" }
  }

  private static func jingle(_ action: String, _ inner: String) -> String {
    "<jingle xmlns='urn:xmpp:jingle:1' action='\(action)' sid='s'>\(inner)</jingle>"
  }

  @Test("XEP-0166 §7.1: a session has an id, and what is about contents has some")
  func sessions() throws {
    #expect(
      try issues("|<jingle xmlns='urn:xmpp:jingle:1' action='session-info'/>")
        == ["validation jingle@sid: is missing, and action \"session-info\" demands it"])
    #expect(
      try issues("<jingle xmlns='urn:xmpp:jingle:1' action='session-info' sid='|'/>")
        == ["syntax jingle@sid: is not a session id, and action \"session-info\" demands that"])
    #expect(try issues("<jingle xmlns='urn:xmpp:jingle:1' action='existing-session-initiate'/>") == [])
    for action in ["session-initiate", "session-accept", "content-add", "transport-info", "description-info"] {
      #expect(
        try issues("|" + Self.jingle(action, ""))
          == ["validation jingle/content: is missing, and action \"\(action)\" demands it"])
    }
    for action in ["session-info", "session-terminate", "security-info"] {
      #expect(try issues(Self.jingle(action, "")) == [])
    }
  }

  @Test("XEP-0166 §7.1: initiator and responder are JIDs")
  func addresses() throws {
    for jid in ["a@b.example/phone 1", "b.example", "[2001:db8::1]", "ü@ü.example/x/y@z", "conference.example/a"] {
      #expect(
        try issues("<jingle xmlns='urn:xmpp:jingle:1' action='session-info' sid='s' initiator='\(jid)'/>") == [],
        "\(jid)")
    }
    for jid in ["", "@b.example", "a@", "a@b@c", "a b@c", "a@b/"] {
      let found = try issues("<jingle xmlns='urn:xmpp:jingle:1' action='session-info' sid='s' responder='|\(jid)'/>")
      #expect(found == ["syntax jingle@responder: is not a JID, such as user@example.org/device"], "\(jid)")
    }
  }

  @Test("XEP-0166 §7.3: a content is known by its creator and name")
  func names() throws {
    #expect(
      try issues(
        Self.jingle(
          "session-info",
          "<content creator='initiator' name='a'/><content creator='responder' name='a'/><content creator='initiator' name='b'/>"
        )) == [])
    #expect(
      try issues(
        Self.jingle(
          "session-info",
          "<content creator='initiator' name='a'/><content creator='initiator' name='b'/>|<content creator='initiator' name='a'/>"
        ))
        == ["validation jingle/content: has the same creator and name as one before it"])
  }

  @Test("XEP-0166 §7.3: a content has one transport")
  func transports() throws {
    #expect(
      try issues(
        Self.jingle(
          "session-info",
          "<content creator='initiator' name='a'><transport xmlns='urn:xmpp:jingle:transports:raw-udp:1'/>|<transport xmlns='urn:xmpp:jingle:transports:ice-udp:1'/></content>"
        ))
        == ["validation jingle/content/transport: is there beside another one, and only one of them may be"])
  }

  @Test(
    "XEP-0320, RFC 8122 §5: a fingerprint is as long as its hash",
    arguments: [("md5", 16), ("sha-1", 20), ("sha-224", 28), ("sha-256", 32), ("sha-384", 48), ("sha-512", 64)])
  func fingerprints(_ hash: String, _ count: Int) throws {
    func stanza(_ digest: String, mark: String = "") -> String {
      Self.jingle(
        "session-info",
        "<content creator='initiator' name='a'><transport xmlns='urn:xmpp:jingle:transports:ice-udp:1'><fingerprint xmlns='urn:xmpp:jingle:apps:dtls:0' hash='\(hash)' setup='active'>\(mark)\(digest)</fingerprint></transport></content>"
      )
    }
    let whole = Array(repeating: "5a", count: count).joined(separator: ":")
    #expect(try issues(stanza(whole)) == [])
    #expect(try issues(stanza("\n  \(whole)\n")) == [])
    for wrong in [String(whole.dropLast(3)), whole + ":5A"] {
      #expect(
        try issues(stanza(wrong, mark: "|"))
          == [
            "syntax jingle/content/transport/fingerprint: is not \(count) pairs of hexadecimal digits, with colons between them, and hash \"\(hash)\" demands that"
          ])
    }
    #expect(
      try issues(stanza(whole.replacing("5a", with: "5G"), mark: "|"))
        == [
          "syntax jingle/content/transport/fingerprint: is not pairs of hexadecimal digits, with colons between them"
        ])
  }

  @Test("numbers have the limits of their RFC")
  func numbers() throws {
    func stanza(_ inner: String) -> String {
      Self.jingle(
        "session-info",
        "<content creator='initiator' name='a'><description xmlns='urn:xmpp:jingle:apps:rtp:1' media='audio'>\(inner)</description></content>"
      )
    }
    #expect(try issues(stanza("<payload-type id='127'/>")) == [])
    #expect(
      try issues(stanza("<payload-type id='|128'/>"))
        == ["syntax jingle/content/description/payload-type@id: is no number up to 127"])
    #expect(
      try issues(stanza("<rtp-hdrext xmlns='urn:xmpp:jingle:apps:rtp:rtp-hdrext:0' id='|0' uri='urn:x'/>"))
        == ["syntax jingle/content/description/rtp-hdrext@id: is no number from 1 up to 65535"])
    #expect(
      try issues(Self.jingle("session-info", "<content creator='|nobody' name='a'/>"))
        == ["syntax jingle/content@creator: is none of \"initiator\", \"responder\""])
  }

  @Test("character data where the grammar has none is passed over, and noted")
  func characterData() throws {
    let text = Self.jingle("session-info", "\n  <content creator='initiator' name='a'/> ... ")
    let reading = try #require(Jingle.read(try XMLReader.parseDocument(Array(text.utf8))))
    #expect(reading.issues == [])
    #expect(
      reading.notes.map { "\($0.location): \($0.message)" }
        == ["jingle: the element has no character data, and what stands in it means nothing"])
    let place = text.utf8.count - "... </jingle>".utf8.count
    #expect(reading.notes.map(\.offset) == [place])
  }
}
