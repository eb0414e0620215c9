import CodecRuntime
import TestGrammars
import Testing

@testable import GrammarCompiler
@testable import SIPCodec

/// A header value, as the generated parser of its header reads it.
struct ReadHeader {
  var slot: UInt32
  var arena: Arena
  /// Where the parser stopped.
  var end: Int
  var failure: ParseFailure?

  /// - Parameter isInMessage: another header follows, so that the parser has to find the end itself.
  init(_ header: String, _ value: String, isInMessage: Bool = false) {
    let slot = header.asInput { Headers.slot($0, 0, $0.count) }
    let name = header.utf8.count
    var text = header + value + (isInMessage ? "\r\nX-Next: 1\r\n\r\n" : "")
    (arena, end, failure) = text.withUTF8 { bytes in
      var tape = Tape(copying: UnsafeRawBufferPointer(bytes), expectedWords: 64)
      let end = Headers.parse(tape.input, name, &tape, name: 0, to: name)
      // Counted from the beginning of the value.
      let failure = end >= 0 ? nil : tape.failure.map { ParseFailure(offset: $0.offset - name, expected: $0.expected) }
      return (tape.finish(), end - name, failure)
    }
    self.slot = slot
  }

  var written: String { Self.written(slot, arena) }

  static func written(_ slot: UInt32, _ arena: Arena) -> String {
    var output = Output()
    Headers.write(slot, arena, 0, to: &output)
    let name = "\(Headers.name(slot)): "
    #expect(output.string.hasPrefix(name))
    return String(output.string.dropFirst(name.count))
  }
}

/// A value as an RFC has it, and how it is written again where that differs.
struct HeaderExample: Sendable, CustomTestStringConvertible {
  var header: String
  var value: String
  var written: String
  /// How it is written out of a draft: that does not remember that an address stood outside of angle brackets.
  var drafted: String

  init(_ header: String, _ value: String, as written: String? = nil, drafted: String? = nil) {
    self.header = header
    self.value = value
    self.written = written ?? value
    self.drafted = drafted ?? self.written
  }

  var testDescription: String { "\(header): \(value)" }
}

@Suite("Generated code of header fields")
struct GeneratedHeaderTests {
  // MARK: Reading and writing

  static let examples =
    named
    + HeaderRow.all.flatMap { row in
      [HeaderExample(row.header, row.canonical), HeaderExample(row.header, row.loose, as: row.canonical)]
    }

  private static let named: [HeaderExample] = [
    // RFC 3261 §20 and its examples in §24.
    .init(
      "Accept", "application/sdp;level=1, application/x-private, text/html",
      as: "application/sdp;level=1,application/x-private,text/html"),
    .init("Accept", ""),
    .init("Accept-Encoding", "gzip, *;q=0.3", as: "gzip,*;q=0.3"),
    .init("Accept-Language", "da, en-gb;q=0.8, en;q=0.7", as: "da,en-gb;q=0.8,en;q=0.7"),
    .init("Alert-Info", "<http://www.example.com/sounds/moo.wav>"),
    .init("Allow", "INVITE, ACK, OPTIONS, CANCEL, BYE, X-NEW", as: "INVITE,ACK,OPTIONS,CANCEL,BYE,X-NEW"),
    .init("Authentication-Info", #"nextnonce="47364c23432d2e131a5fb210812c""#),
    .init(
      "Authorization",
      #"Digest username="Alice", realm="atlanta.com", nonce="84a4cc6f3082121f32b42a2187831a9e", response="7587245234b3434cc3412213e5f113a5432""#,
      as:
        #"Digest username="Alice",realm="atlanta.com",nonce="84a4cc6f3082121f32b42a2187831a9e",response="7587245234b3434cc3412213e5f113a5432""#
    ),
    .init("Call-ID", "f81d4fae-7dec-11d0-a765-00a0c91e6bf6@foo.bar.com"),
    .init("i", "f81d4fae-7dec-11d0-a765-00a0c91e6bf6@192.0.2.4"),
    .init(
      "Call-Info",
      "<http://wwww.example.com/alice/photo.jpg> ;purpose=icon, <http://www.example.com/alice/> ;purpose=info",
      as: "<http://wwww.example.com/alice/photo.jpg>;purpose=icon,<http://www.example.com/alice/>;purpose=info"),
    .init(
      "Contact",
      #""Mr. Watson" <sip:watson@worcester.bell-telephone.com> ;q=0.7; expires=3600, "Mr. Watson" <mailto:watson@bell-telephone.com> ;q=0.1"#,
      as:
        #""Mr. Watson" <sip:watson@worcester.bell-telephone.com>;q=0.7;expires=3600,"Mr. Watson" <mailto:watson@bell-telephone.com>;q=0.1"#
    ),
    .init("m", "<sips:bob@192.0.2.4>;expires=60"),
    .init("Contact", "*"),
    .init("Contact", "sip:caller@u1.example.com", drafted: "<sip:caller@u1.example.com>"),
    .init("Content-Disposition", "session;handling=optional"),
    .init("Content-Encoding", "gzip"),
    .init("Content-Language", "fr"),
    .init("Content-Length", "349"),
    .init("l", "173"),
    .init("Content-Type", "text/html; charset=ISO-8859-4", as: "text/html;charset=ISO-8859-4"),
    .init("Content-Type", #"multipart/mixed; boundary="boundary1""#, as: #"multipart/mixed;boundary="boundary1""#),
    .init("CSeq", "4711 INVITE"),
    .init("Date", "Sat, 13 Nov 2010 23:29:00 GMT"),
    .init("Error-Info", "<sip:not-in-service-recording@atlanta.com>"),
    .init("Expires", "5"),
    .init(
      "From", #""A. G. Bell" <sip:agb@bell-telephone.com> ;tag=a48s"#,
      as: #""A. G. Bell" <sip:agb@bell-telephone.com>;tag=a48s"#),
    .init(
      "From", "sip:+12125551212@server.phone2net.com;tag=887s",
      drafted: "<sip:+12125551212@server.phone2net.com>;tag=887s"),
    .init("f", "Anonymous <sip:c8oqz84zk7z@privacy.org>;tag=hyh8"),
    .init(
      "In-Reply-To", "70710@saturn.bell-tel.com, 17320@saturn.bell-tel.com",
      as: "70710@saturn.bell-tel.com,17320@saturn.bell-tel.com"),
    .init("Max-Forwards", "6"),
    .init("MIME-Version", "1.0"),
    .init("Min-Expires", "60"),
    .init("Organization", "Boxes by Bob"),
    .init("Organization", ""),
    .init("Priority", "emergency"),
    .init(
      "Proxy-Authenticate",
      #"Digest realm="atlanta.com", domain="sip:ss1.carrier.com", qop="auth", nonce="f84f1cec41e6cbe5aea9c8e88d359", opaque="", stale=FALSE, algorithm=MD5"#,
      as:
        #"Digest realm="atlanta.com",domain="sip:ss1.carrier.com",qop="auth",nonce="f84f1cec41e6cbe5aea9c8e88d359",opaque="",stale=FALSE,algorithm=MD5"#
    ),
    .init(
      "Proxy-Authorization", #"Digest username="Alice",realm="atlanta.com",response="245f23415f11432b3434341c022""#),
    .init("Proxy-Require", "foo"),
    .init(
      "Record-Route", "<sip:server10.biloxi.com;lr>, <sip:bigbox3.site3.atlanta.com;lr>",
      as: "<sip:server10.biloxi.com;lr>,<sip:bigbox3.site3.atlanta.com;lr>"),
    .init("Reply-To", "Bob <sip:bob@biloxi.com>"),
    .init("Require", "100rel"),
    .init("Retry-After", "18000;duration=3600"),
    .init("Retry-After", "120 (I'm in a meeting)"),
    .init("Route", "<sip:bigbox3.site3.atlanta.com;lr>,<sip:server10.biloxi.com;lr>"),
    .init("Server", "HomeServer v2"),
    .init("Subject", "Need more boxes"),
    .init("s", "Tech Support"),
    .init("Supported", "100rel"),
    .init("k", ""),
    .init("Timestamp", "54"),
    .init("Timestamp", "54.25 0.5"),
    .init("To", "The Operator <sip:operator@cs.columbia.edu>;tag=287447"),
    .init("t", "sip:+12125551212@server.phone2net.com", drafted: "<sip:+12125551212@server.phone2net.com>"),
    .init("Unsupported", "foo"),
    .init("User-Agent", "Softphone Beta1.5"),
    .init("User-Agent", "Acme/1.0 (a (nested) comment) lib/2"),
    .init("Via", "SIP/2.0/UDP erlang.bell-telephone.com:5060;branch=z9hG4bK87asdks7"),
    .init(
      "Via", "SIP/2.0/UDP 192.0.2.1:5060 ;received=192.0.2.207 ;branch=z9hG4bK77asjd",
      as: "SIP/2.0/UDP 192.0.2.1:5060;received=192.0.2.207;branch=z9hG4bK77asjd"),
    .init(
      "v", "SIP / 2.0 / UDP first.example.com: 4000;ttl=16 ;maddr=224.2.0.1 ;branch=z9hG4bKa7c6a8dlze.1",
      as: "SIP/2.0/UDP first.example.com:4000;ttl=16;maddr=224.2.0.1;branch=z9hG4bKa7c6a8dlze.1"),
    .init("Warning", #"307 isi.edu "Session parameter 'foo' not understood""#),
    .init(
      "WWW-Authenticate", #"Digest realm="atlanta.com", domain="sip:boxesbybob.com", stale=FALSE"#,
      as: #"Digest realm="atlanta.com",domain="sip:boxesbybob.com",stale=FALSE"#),
    // Extensions.
    .init("Via", "SIP/2.0/UDP 10.1.1.1:4540;rport;branch=z9hG4bKkjshdyff"),  // RFC 3581 §6
    .init("Via", "SIP/2.0/UDP 10.1.1.1:4540;received=192.0.2.1;rport=9988;branch=z9hG4bKkjshdyff"),
    .init("Via", "SIP/2.0/WSS df7jal23ls0d.invalid;branch=z9hG4bK56sdasks"),  // RFC 7118 §8.1
    .init("Via", "SIP/2.0/UDP [2001:db8::9:1];received=[2001:db8::9:255];branch=z9hG4bKas3-111"),  // RFC 5118 §4.5
    .init("Allow-Events", "dialog,message-summary,org.3gpp.nwinitdereg"),  // RFC 6665
    .init("o", "foo.bar;param=abcd;id=1234"),
    .init("Subscription-State", "active;expires=600000"),
    .init("Event", "refer;id=93809824"),
    .init("History-Info", "<sip:bob@example.com>;index=1,<sip:office@example.com>;index=1.2;mp=1"),  // RFC 7044
    .init("Info-Package", "foo"),  // RFC 6086
    .init("Recv-Info", ""),
    .init("Path", "<sip:p2.example.com;lr>"),  // RFC 3327
    .init("Min-SE", "3600;lr"),  // RFC 4028
    .init("x", "4000;refresher=uac"),
    .init("P-Asserted-Identity", #""Cullen Jennings" <sip:fluffy@cisco.com>"#),  // RFC 3325
    .init("P-Asserted-Identity", "tel:+14085264000", drafted: "<tel:+14085264000>"),
    // RFC 5360: without angle brackets, which are read nevertheless, and with them there is room for a name.
    .init("Trigger-Consent", #""Relay" <sip:123@relay.example;lr>;x"#),
    // RFC 7315: an address has angle brackets, and is read without.
    .init("P-Associated-URI", "tel:+14085264000", drafted: "<tel:+14085264000>"),
    .init("P-Called-Party-ID", "sip:a@b.example;x=y", drafted: "<sip:a@b.example>;x=y"),
    // RFC 7044: numbers without zeros in front, RFC 4244 with them.
    .init("History-Info", "<sip:a@b.example>;index=10.0.01"),
    .init("P-Preferred-Identity", "<sip:fluffy@cisco.com>"),
    .init("Privacy", "id;critical"),  // RFC 3323
    .init("RAck", "776656 1 INVITE"),  // RFC 3262
    .init("RSeq", "988789"),
    .init("Reason", #"Q.850;cause=16;text="Terminated",SIP;cause=600;text="Busy Everywhere""#),  // RFC 3326
    // RFC 3515
    .init("r", "<sip:dave@denver.example.org?Replaces=12345%40192.168.118.3%3Bto-tag%3D12345%3Bfrom-tag%3D5FFE-3994>"),
    .init("b", "<sip:referrer@referrer.example>;cid=\"20398823.2UWQFN309shb3@referrer.example\""),  // RFC 3892
    .init("Replaces", "425928@bobster.example.org;to-tag=7743;from-tag=6472;early-only"),  // RFC 3891
    // As the field writes it: white space everywhere, folded lines, no regard to case.
    .init(
      "TO", "sip:vivekg@chair-dnrc.example.com ;   tag    = 1918181833n",
      as: "sip:vivekg@chair-dnrc.example.com;tag=1918181833n",
      drafted: "<sip:vivekg@chair-dnrc.example.com>;tag=1918181833n"),
    .init("CSeq", "0009\r\n  INVITE", as: "9 INVITE"),
    .init(
      "from", #""J Rosenberg \\\""       <sip:jdrosen@example.com>\#r\#n ;\#r\#n tag = 98asjd8"#,
      as: #""J Rosenberg \\\"" <sip:jdrosen@example.com>;tag=98asjd8"#),
    .init("Via", "SIP/2.0/udp a.example;Branch=z9hG4bK1;RPORT", as: "SIP/2.0/UDP a.example;branch=z9hG4bK1;rport"),
    .init("Subject", "I know you're there, pick up\r\n the phone\r\n and talk!"),
  ]

  @Test(arguments: examples)
  func areWrittenAsTheyWereRead(_ example: HeaderExample) {
    let first = ReadHeader(example.header, example.value)
    #expect(first.slot != Headers.unknown)
    #expect(first.failure == nil)
    #expect(first.end == example.value.utf8.count)
    #expect(first.written == example.written)
    let second = ReadHeader(example.header, example.written)
    #expect(second.failure == nil)
    #expect(second.written == example.written)
  }

  @Test(arguments: examples)
  func endWhereTheHeaderEnds(_ example: HeaderExample) {
    let header = ReadHeader(example.header, example.value, isInMessage: true)
    #expect(header.failure == nil)
    #expect(header.end == example.value.utf8.count)
    #expect(header.written == example.written)
  }

  @Test("each header has a row of these tables, or an example in its grammar")
  func noHeaderIsLeftOut() throws {
    let tried = Set(HeaderRow.all.map { $0.header.lowercased() })
    let compilation = try PackageGrammars.compiled("SIPCodec")
    let untried = compilation.model.headers.filter { !tried.contains($0.name.lowercased()) && $0.examples.isEmpty }
    let places = untried.map { "\(compilation.files[$0.position.file].path):\($0.position.line): \($0.name)" }
    #expect(places == [], "write a line below the declaration:     example VALUE, as its document has it")
  }

  // MARK: Mistakes

  /// A value that is not as the grammar says, and what the parser says of it.
  struct Mistake: Sendable, CustomTestStringConvertible {
    var header: String
    var value: String
    var offset: Int
    var expected: String

    init(_ header: String, _ value: String, _ offset: Int, _ expected: String) {
      self.header = header
      self.value = value
      self.offset = offset
      self.expected = expected
    }

    var testDescription: String { "\(header): \(value)" }
  }

  static let mistakes: [Mistake] = [
    .init("Via", "", 0, "token (protocol name)"),
    .init("Via", "SIP/2.0", 7, "\"/\""),
    .init("Via", "SIP/2.0/UDP", 11, "a space"),
    .init("Via", "SIP/2.0/UDP @example.org", 12, "host"),
    .init("Via", "SIP/2.0/UDP a.example:99999", 22, "a number up to 65535 (port)"),
    .init("Via", "SIP/2.0/UDP a.example;ttl=256", 26, "a number up to 255 (ttl)"),
    .init("Via", "SIP/2.0/UDP a.example;ttl", 25, "the value of ttl"),
    .init("Via", "SIP/2.0/UDP a.example;", 22, "the name of a parameter"),
    .init("Via", "SIP/2.0/UDP a.example,", 22, "token (protocol name)"),
    .init("Via", "SIP/2.0/UDP a.example, SIP/2.0/UDP b.example;branch=", 52, "token (branch)"),
    // RFC 3261 §7.3.1: each parameter once, in an address too (§19.1.1).
    .init("Via", "SIP/2.0/UDP a.example;branch=1;rport;Branch=2", 37, "another parameter, branch being there already"),
    .init("Route", "<sip:a@b.example;lr;transport=udp;LR=on>", 34, "another parameter, lr being there already"),
    .init("CSeq", "INVITE", 0, "a number up to 4294967295"),
    .init("CSeq", "1", 1, "a space"),
    .init("CSeq", "4294967296 INVITE", 0, "a number up to 4294967295"),
    .init("CSeq", "36893488147419103232 REGISTER", 0, "a number up to 4294967295"),
    .init("From", "<sip:a@example.org", 18, "\">\""),
    .init("From", "\"A", 0, "scheme"),
    .init("From", "<sip:a@example.org>;tag=", 24, "token (tag)"),
    .init("To", "example.org", 11, "\":\""),
    .init("Contact", "", 0, "\"*\""),
    .init("Contact", "<sip:a@example.org>;expires=soon", 28, "a number up to 4294967295 (expires)"),
    .init("Content-Length", "-1", 0, "a number up to 4294967295"),
    .init("Content-Length", "", 0, "a number up to 4294967295"),
    .init("Content-Type", "application", 11, "\"/\""),
    .init("Max-Forwards", "256", 0, "a number up to 255"),
    .init("Call-ID", "", 0, "callid"),
    .init("RAck", "1 2", 3, "a space"),
    .init("Route", "sip:a.example;lr", 3, "\"<\""),
    .init("WWW-Authenticate", "Digest", 6, "a space"),
    .init("Allow", "INVITE,,BYE", 7, "token (methods)"),
    .init("Warning", "30 a.example \"x\"", 0, "code"),
    .init("Date", "Sat, 13 Nov 2010 23:29:00 MEZ", 0, "SIP-date"),
    .init("Server", "(a (b)", 0, "comment"),
  ]

  @Test(arguments: mistakes)
  func areRefusedWhereTheyAreWrong(_ mistake: Mistake) {
    let failure = ReadHeader(mistake.header, mistake.value).failure
    #expect(failure == ParseFailure(offset: mistake.offset, expected: mistake.expected))
  }

  /// The rest of the message is read all the same, and what is wrong goes out as it came.
  @Test(arguments: HeaderRow.all)
  func aMessageNamesTheHeaderAndThePlace(_ row: HeaderRow) throws {
    let start = "OPTIONS sip:a.example SIP/2.0\r\n\(row.header): "
    let message = try SIPMessage(parsing: Array("\(start)\(row.wrong)\r\nX-Next: 1\r\n\r\n".utf8))
    let slot = row.header.asInput { Headers.slot($0, 0, $0.count) }
    let issue = try #require(message.issues.first { $0.header == slot && $0.offset > 0 })
    #expect(issue.location == "\(Headers.name(slot))")
    #expect(issue.offset - start.utf8.count == row.offset)
    #expect(issue.message == "expected \(row.expected)")
    #expect(message.rawHeader(row.header) == row.wrong)
    #expect(message.rawHeader("X-Next") == "1")
  }

  /// Labels may begin with a digit, the last one may not (RFC 3261 §25.1).
  @Test(arguments: [
    ("9lives.example", "9lives.example"), ("1.2.3.example.com", "1.2.3.example.com"), ("1.2.3.4", "1.2.3.4"),
    ("1.2.3.4.example", "1.2.3.4.example"), ("1-a.9b.example.", "1-a.9b.example."), ("9a.b-c.d2", "9a.b-c.d2"),
    ("3com", nil), ("1.2.3", nil), ("a.1b", "a."), ("1.2.3.4.5", "1.2.3.4"),
  ])
  func hostsOfDigits(_ text: String, _ host: String?) {
    let end = "\(text)>".asInput { input in
      var position = 0
      return Tokens.host(input, &position) ? position : -1
    }
    #expect(end == host?.utf8.count ?? -1)
  }

  /// Whatever is cut off, no parser reads beyond the end, and what it read is written and read again.
  @Test(arguments: examples)
  func cutOffAnywhere(_ example: HeaderExample) {
    for length in 0..<example.value.utf8.count {
      let value = String(decoding: example.value.utf8.prefix(length), as: UTF8.self)
      let header = ReadHeader(example.header, value)
      #expect(header.end <= value.utf8.count)
      if header.failure == nil {
        let again = ReadHeader(example.header, header.written)
        #expect(again.failure == nil, "\(value)")
        #expect(again.written == header.written)
      }
    }
  }

  // MARK: Drafts

  /// A header from plain values, as it is written.
  private func written(_ draft: HeaderDraft) throws -> String {
    var tape = Tape()
    try draft.append(to: &tape)
    let arena = tape.finish()
    return ReadHeader.written(arena.slot(of: 0), arena)
  }

  @Test func draftBecomesTextAndTheSameDraftAgain() throws {
    let draft = ViaHeader.Draft(viaParm: [
      .init(
        protocolName: "SIP", protocolVersion: "2.0", transport: .tcp, host: "[2001:db8::1]", port: 5061,
        parameters: [.branch("z9hG4bK1"), .rport(nil), .alias, .ttl(255), .other(.init(name: "x", value: "\"y\""))]),
      .init(protocolName: "SIP", protocolVersion: "2.0", transport: .other(Text("QUIC")), host: "a.example"),
    ])
    let text = try written(.via(draft))
    #expect(
      text == "SIP/2.0/TCP [2001:db8::1]:5061;branch=z9hG4bK1;rport;alias;ttl=255;x=\"y\",SIP/2.0/QUIC a.example")
    let read = ReadHeader("Via", text)
    let header = ViaHeader(arena: read.arena, index: 0)
    let first = try #require(header.viaParm.first)
    #expect(header.viaParm.count == 2)
    #expect(first.transport == .tcp)
    #expect(first.port == 5061)
    #expect(first.ttl == 255)
    #expect(first.hasRport)
    #expect(first.rport == nil)
    #expect(first.alias)
    #expect(first.maddr == nil)
    #expect(first.otherParameters.map { $0.name.string } == ["x"])
    #expect(try written(.via(.init(header))) == text)
  }

  @Test func alternativesOfADraft() throws {
    let sip = URI.Draft(scheme: .sip, user: "alice", host: "a.example", port: 5070, parameters: [.lr(nil)])
    let tel = URI.Draft(scheme: .tel, telephone: .init(number: "+49-30-1234"))
    let other = URI.Draft(scheme: Scheme("im"), opaque: "a@b.example")
    #expect(try written(.route(.init(routeParam: [.init(uri: sip)]))) == "<sip:alice@a.example:5070;lr>")
    #expect(try written(.to(.init(party: .init(address: .init(uri: tel))))) == "<tel:+49-30-1234>")
    #expect(
      try written(.contact(.init(contacts: [.init(address: .init(displayName: "\"A B\"", uri: other))])))
        == "\"A B\" <im:a@b.example>")
    #expect(try written(.contact(.init(wildcard: true))) == "*")
  }

  @Test func aDraftIsRefusedWhereItsValueIsNotOfTheGrammar() {
    func refusal(_ draft: HeaderDraft) -> DraftError? {
      do throws(DraftError) {
        var tape = Tape()
        try draft.append(to: &tape)
        return nil
      } catch { return error }
    }
    // No header and no parameter can be smuggled in.
    #expect(
      refusal(.callID(.init(value: "1\r\nVia: x")))
        == DraftError(field: "CallIDHeader.value", message: "\"1\r\nVia: x\" is not what the grammar allows here"))
    #expect(refusal(.to(.init(party: .init(address: .init(uri: .init(scheme: .sip, host: "a;b")))))) != nil)
    #expect(refusal(.subject(.init(value: "a\r\nb"))) != nil)
    // A folded line is one field.
    #expect(refusal(.subject(.init(value: "a\r\n b"))) == nil)
    #expect(refusal(.cseq(.init(number: 1, method: .other(Text("A B"))))) != nil)
    // Values of two alternatives at once.
    #expect(
      refusal(
        .to(
          .init(
            party: .init(address: .init(uri: .init(scheme: .sip, host: "a.example", telephone: .init(number: "1")))))
        )) != nil)
    // None of any alternative.
    #expect(refusal(.contact(.init())) != nil)
    // Without a parameter that is required (RFC 3891 §6.1).
    #expect(
      refusal(.replaces(.init(callID: "1", parameters: [.toTag("a")])))
        == DraftError(field: "ReplacesHeader.parameters", message: "from-tag is missing"))
  }
}
