import CodecRuntime
import Testing
import XMLReader

@Suite("XML streams")
struct StreamTests {
  static let header =
    "<?xml version='1.0'?><stream:stream to='example.org' version='1.0' xmlns='jabber:client' "
    + "xmlns:stream='http://etherx.jabber.org/streams' xml:lang='en'>"

  /// What the events of a stream look like as text, so that they can be compared.
  private func events(_ fragments: [[UInt8]], limits: XMLLimits = XMLLimits()) -> [String] {
    let reader = XMLStreamReader(limits: limits)
    var events: [String] = []
    for fragment in fragments {
      reader.append(fragment)
      while let event = reader.next() {
        switch event {
        case .streamOpened(let head): events.append("open " + written(head))
        case .stanza(let stanza): events.append(written(stanza))
        case .streamClosed: events.append("close")
        case .failed(let error): events.append("failed \(error.kind)")
        }
      }
    }
    return events
  }

  private func events(_ text: String, limits: XMLLimits = XMLLimits()) -> [String] {
    events([Array(text.utf8)], limits: limits)
  }

  private let conversation =
    StreamTests.header + "\n <message to='a@b' x='a>b/'><body>ä€😀 &amp; &#x1F600;\r\n<![CDATA[<]]]]></body></message> "
    + "<iq type=\"get\" id='/>'/><stream:features><x xmlns='urn:x' xmlns:y='urn:y' y:z='1'/></stream:features >\n</stream:stream>"

  private let expected = [
    "open <stream xmlns='http://etherx.jabber.org/streams' to='example.org' version='1.0' xml:lang='en'/>",
    "<message xmlns='jabber:client' to='a@b' x='a&gt;b/'><body>ä€😀 &amp; 😀\n&lt;]]</body></message>",
    "<iq xmlns='jabber:client' type='get' id='/&gt;'/>",
    "<features xmlns='http://etherx.jabber.org/streams'><x xmlns='urn:x' xmlns:ns0='urn:y' ns0:z='1'/></features>",
    "close",
  ]

  @Test("RFC 6120 §4.1: head, stanzas and end, in one piece")
  func whole() {
    #expect(events(conversation) == expected)
  }

  @Test("RFC 6120 §4.1: a stream can be cut anywhere, in the middle of a character too")
  func splitAnywhere() {
    let bytes = Array(conversation.utf8)
    for cut in 0...bytes.count {
      #expect(events([Array(bytes[..<cut]), Array(bytes[cut...])]) == expected, "cut at \(cut)")
    }
    #expect(events(bytes.map { [$0] }) == expected)
    for size in 2...7 {
      let fragments = stride(from: 0, to: bytes.count, by: size).map { Array(bytes[$0..<min($0 + size, bytes.count)]) }
      #expect(events(fragments) == expected, "in pieces of \(size)")
    }
  }

  @Test("offsets of a stanza count from its start-tag")
  func offsets() throws {
    let reader = XMLStreamReader()
    reader.append(Array((Self.header + "  <iq><a b='1'/></iq>").utf8))
    _ = reader.next()
    guard case .stanza(let stanza) = reader.next() else {
      Issue.record("no stanza")
      return
    }
    #expect(stanza.sourceOffset == 0)
    #expect(stanza.children.first?.sourceOffset == 4)
  }

  @Test(
    "RFC 6120 §4.9.3.18: comments, processing instructions, DTDs and entity references end a stream",
    arguments: [
      "<!-- c --><iq/>", "<iq><!-- c --></iq>", "<?x y?>", "<iq><?x y?></iq>", "<iq>&nbsp;</iq>", "<iq a='&nbsp;'/>",
      "<?xml version='1.0'?>", "<!DOCTYPE x [<!ENTITY a 'b'>]>",
    ])
  func restricted(_ text: String) {
    #expect(events(Self.header + text).last == "failed restrictedXML", "\(text)")
    #expect(events((Self.header + text).utf8.map { [$0] }).last == "failed restrictedXML", "\(text)")
  }

  @Test("RFC 6120 §11.1: the billion laughs end with the declaration of the first")
  func billionLaughs() {
    let laughs = "<!DOCTYPE l [<!ENTITY a 'ha'>" + (0..<20).map { "<!ENTITY b\($0) '&a;&a;&a;&a;'>" }.joined() + "]>"
    #expect(events("<?xml version='1.0'?>" + laughs + "<stream>&b19;</stream>") == ["failed restrictedXML"])
  }

  @Test(
    "RFC 6120 §4.9.3.13: what is not well-formed ends a stream",
    arguments: [
      "<iq></message>", "<iq a=1/>", "<iq a='1' a='2'/>", "<iq><", "<iq a='<'/>", "</iq>", "<x:iq/>", "<iq>\u{0}</iq>",
      "<iq>\u{8}</iq>", "<iq/ >", "<iq a='1'b='2'/>", "<![CDATA[x]]>", "<iq>]]></iq>", "<iq></iq a='b'>",
    ])
  func notWellFormed(_ text: String) {
    let whole = events(Self.header + text + "<iq/><iq/><iq/>")
    #expect(whole.contains { $0 == "failed notWellFormed" }, "\(text): \(whole)")
    #expect(!(whole.last ?? "").hasPrefix("<iq"))
  }

  @Test("RFC 6120 §4.9.3.1, §4.9.3.22: text between stanzas; other encodings")
  func otherFailures() {
    #expect(events(Self.header + "x<iq/>").last == "failed badFormat")
    #expect(
      events([Array(Self.header.utf8), Array("<iq>".utf8), [0xFC], Array("</iq>".utf8)]).last
        == "failed unsupportedEncoding")
    #expect(events("<?xml version='1.0' encoding='UTF-16'?><stream>") == ["failed unsupportedEncoding"])
    #expect(events([[0xFF, 0xFE, 0x3C, 0x00]]) == ["failed unsupportedEncoding"])
    #expect(events("GET / HTTP/1.1\r\n") == ["failed notWellFormed"])
    #expect(events("<stream:stream/>") == ["failed badFormat"])
    #expect(events("<stream:stream>") == ["failed notWellFormed"])
  }

  @Test("RFC 6120 §4.4: nothing is read after the end or a failure")
  func nothingAfterTheEnd() {
    #expect(events([Array(conversation.utf8), Array("<iq/>".utf8)]) == expected)
    #expect(events([Array((Self.header + "x").utf8), Array("<iq/>".utf8)]).count == 2)
  }

  @Test("RFC 6120 §13.12: a stanza is bounded in size, however it is cut, and so is what waits for its end")
  func stanzaSize() {
    let limits = XMLLimits(maximumBytes: 1000)
    let large = Self.header + "<iq><a>" + String(repeating: "x", count: 2000)
    #expect(events(large, limits: limits).last == "failed policyViolation")
    #expect(events(large.utf8.map { [$0] }, limits: limits).last == "failed policyViolation")
    #expect(events(large + "</a></iq>", limits: limits).last == "failed policyViolation")
    let attribute = Self.header + "<iq a='" + String(repeating: "x", count: 2000)
    #expect(events(attribute, limits: limits).last == "failed policyViolation")
    let name = Self.header + "<" + String(repeating: "x", count: 2000)
    #expect(events(name, limits: limits).last == "failed policyViolation")
    let many = Self.header + String(repeating: "<iq a='\(String(repeating: "x", count: 800))'/>", count: 50)
    #expect(events(many, limits: limits).count == 51)
    #expect(events(Self.header + String(repeating: " ", count: 5000) + "<iq/>", limits: limits).count == 2)
    let attributes = (0..<65).map { " a\($0)=''" }.joined()
    #expect(events(Self.header + "<iq\(attributes)/>").last == "failed policyViolation")
    #expect(events(Self.header + String(repeating: "<a>", count: 64)).last == "failed policyViolation")
    #expect(events(Self.header + String(repeating: "<a>", count: 63)).count == 1)
  }

  @Test(
    "The stream of a server goes on after a stanza that is too large, deep, wide or unreadable, however it is cut",
    arguments: [
      "<iq><a>\(String(repeating: "x", count: 3000))</a></iq>",
      "<iq a='\(String(repeating: "y", count: 3000))'/>",
      "<\(String(repeating: "n", count: 3000))/>",
      "<iq\((0..<65).map { " a\($0)=''" }.joined())/>",
      "<iq><b\((0..<200).map { " a\($0)='>'" }.joined())>t</b></iq>",
      String(repeating: "<a>", count: 500) + String(repeating: "</a>", count: 500),
      "<iq>\(String(repeating: "<a b='/>'>", count: 63))<c/>\(String(repeating: "</a>", count: 63))</iq>",
      "<iq>\((0..<80).map { "<a xmlns='urn:\($0)'/>" }.joined())</iq>",
      "<iq><unbound:a/></iq>",
    ])
  func passedOver(_ stanza: String) {
    let limits = XMLLimits(maximumBytes: 2500)
    let bytes = Array((Self.header + "<iq id='1'/>" + stanza + "<iq id='2'/>" + stanza + "</stream:stream>").utf8)
    for size in [1, 7, 1000, bytes.count] {
      let reader = XMLStreamReader(limits: limits, passesOver: true)
      var seen: [String] = []
      for start in stride(from: 0, to: bytes.count, by: size) {
        reader.append(Array(bytes[start..<min(start + size, bytes.count)]))
        while let event = reader.next() {
          switch event {
          case .streamOpened: seen.append("open")
          case .stanza(let element): seen.append(element.attribute("id")?.string ?? "?")
          case .streamClosed: seen.append("close")
          case .failed(let error): seen.append(error.message)
          }
        }
        #expect(reader.bufferedByteCount <= limits.maximumBytes + size)
      }
      #expect(seen == ["open", "1", "2", "close"])
      #expect(reader.passedOver?.count == 2)
    }
    #expect(events(String(decoding: bytes, as: UTF8.self), limits: limits).count == 3)
  }

  @Test("RFC 6120 §4.3.3: a new stream on the same connection, in the segment that ended the old one")
  func reset() {
    let reader = XMLStreamReader()
    reader.append(Array((Self.header + "<auth/>" + Self.header + "<iq/>").utf8))
    guard case .streamOpened = reader.next(), case .stanza(let auth) = reader.next() else {
      Issue.record("no <auth/>")
      return
    }
    #expect(auth.name == "auth")
    reader.reset()
    guard case .streamOpened(let head) = reader.next(), case .stanza(let iq) = reader.next() else {
      Issue.record("no second stream")
      return
    }
    #expect(head.attribute("to")?.string == "example.org")
    #expect(iq.name == "iq")
    #expect(reader.next() == nil)
  }

  @Test("a stream of new names without end takes no more memory than its first part")
  func boundedNames() {
    let reader = XMLStreamReader()
    reader.append(Array(Self.header.utf8))
    while reader.next() != nil {}
    var stanzas = 0
    for number in 0..<20_000 {
      reader.append(Array("<iq n\(number)='1'><element\(number) xmlns='urn:name:\(number)'/></iq>".utf8))
      while case .stanza(let stanza)? = reader.next() {
        stanzas += 1
        if number % 1000 == 0 { #expect(stanza.children.first?.namespace.string == "urn:name:\(number)") }
      }
      #expect(reader.bufferedByteCount < 200)
    }
    #expect(stanzas == 20_000)
  }
}
