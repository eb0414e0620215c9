import CodecRuntime
import Testing

@testable import XMLReader

/// Tables are slices of different bytes; what is compared is what is read from them.
private func same(_ left: XMLElement, _ right: XMLElement) -> Bool {
  guard left.name == right.name, left.namespace == right.namespace, left.sourceOffset == right.sourceOffset else {
    return false
  }
  let (ours, theirs) = (Array(left.attributes), Array(right.attributes))
  guard ours.count == theirs.count else { return false }
  for (our, their) in zip(ours, theirs) {
    guard our.name == their.name, our.namespace == their.namespace, our.value == their.value,
      our.isNamespaced == their.isNamespaced
    else { return false }
  }
  let (nodes, others) = (Array(left.nodes), Array(right.nodes))
  guard nodes.count == others.count else { return false }
  return zip(nodes, others).allSatisfy { pair in
    switch pair {
    case (.element(let our), .element(let their)): same(our, their)
    case (.text(let our), .text(let their)): our == their
    default: false
    }
  }
}

/// Whether the pass over plain XML takes the document. What it takes has to be what libxml2 reads.
private func isTaken(_ bytes: [UInt8], limits: XMLLimits = XMLLimits()) -> Bool {
  bytes.withUnsafeBufferPointer { buffer in
    guard let plain = PlainXML.element(buffer, limits: limits) else { return false }
    let other = try? XMLReader.parseWithLibXML2(buffer, limits)
    #expect(other.map { same(plain, $0) } ?? false, "\(String(decoding: bytes, as: UTF8.self))")
    return true
  }
}

private func isTaken(_ text: String, limits: XMLLimits = XMLLimits()) -> Bool {
  isTaken(Array(text.utf8), limits: limits)
}

@Suite("Plain XML, which is read without libxml2")
struct PlainXMLTests {
  @Test(
    "what nearly all stanzas consist of is taken, and is what libxml2 reads",
    arguments: [
      "<a/>", "<a></a>", " \n<a />\n", "<a\n\tb='1'\n c=\"2\"\n/>", "<a>text</a>", "<a> <b/> t <c>]</c>] ></a>",
      "<a b='\"' c=\"'\" d='>' e=''/>", "<a-1._x/>",
      "<a xmlns='urn:a'><b/><c xmlns='urn:c'><d/></c><e xmlns=''><f/></e></a>",
      "<p:a xmlns:p='urn:a' xmlns='urn:d'><p:b x='1'/><c/><p:d xmlns:p='urn:e'><p:f/></p:d><p:g/></p:a>",
      "<a xml:lang='en' lang='x'/>", "<a xmlns='urn:a'><b xmlns='urn:b'/><b xmlns='urn:b'/><b/></a>",
      "<iq xmlns='jabber:client' type='set'><jingle xmlns='urn:xmpp:jingle:1' action='x' sid='a'/></iq>",
    ])
  func taken(_ text: String) { #expect(isTaken(text)) }

  @Test(
    "all else is left to libxml2",
    arguments: [
      "", "a", "<a>", "<a", "<a/", "<a></b>", "<a></a", "<a/><b/>", "<a/>x", "x<a/>", "<1/>", "<a b/>", "<a b=1/>",
      "<a b='1/>", "<a b='1'c='2'/>", "<a b='1' b='2'/>", "<a b='<'/>", "<a b='&amp;'/>", "<a>&amp;</a>", "<a>&</a>",
      "<a>]]></a>", "<a b='\t'/>", "<a>\r\n</a>", "<a\r/>", "<a>\u{0}</a>", "<a b='\u{0}'/>", "<\u{0}/>",
      "<a>\u{1}</a>", "<a>ä</a>", "<a b='ä'/>", "<ä/>", "<p:a/>", "<a p:b='1'/>", "<a xmlns:p='urn:p' p:b='1'/>",
      "<a xmlns:p=''/>", "<a xmlns:xml='urn:x'/>", "<a xmlns:xmlns='urn:x'/>",
      "<a xmlns='http://www.w3.org/XML/1998/namespace'/>", "<a xmlns:p='http://www.w3.org/2000/xmlns/'/>",
      "<a xmlns='urn:a' xmlns='urn:b'/>", "<a xml:space='preserve'/>", "<xml:a/>", "<xmlns:a/>", "<a:b:c/>", "<:a/>",
      "<a:/>", "<a><!-- --></a>", "<a><![CDATA[x]]></a>", "<?xml version='1.0'?><a/>", "<!DOCTYPE a><a/>",
      "<a><?x?></a>", "\u{FEFF}<a/>", "<a b ='1'/>", "<a b= '1'/>", "</a>", "<a></a ><b/>",
    ])
  func left(_ text: String) { #expect(!isTaken(text)) }

  @Test("RFC 6120 §13.12: nothing beyond the limits is taken")
  func limits() {
    func nested(_ depth: Int) -> String {
      String(repeating: "<a>", count: depth - 1) + "<a/>" + String(repeating: "</a>", count: depth - 1)
    }
    #expect(isTaken(nested(3), limits: XMLLimits(maximumDepth: 3)))
    #expect(!isTaken(nested(4), limits: XMLLimits(maximumDepth: 3)))
    #expect(isTaken("<a b='1' xmlns='urn:a'/>", limits: XMLLimits(maximumAttributes: 2)))
    #expect(!isTaken("<a b='1' xmlns='urn:a' c='2'/>", limits: XMLLimits(maximumAttributes: 2)))
    let wide = (0..<17).map { " a\($0)='1'" }.joined()
    #expect(!isTaken("<a\(wide)/>"))
    let spaces = "<a xmlns='urn:a'><b xmlns='urn:b'/><c xmlns='urn:a'/></a>"
    #expect(isTaken(spaces, limits: XMLLimits(maximumNamespaces: 2)))
    #expect(!isTaken(spaces, limits: XMLLimits(maximumNamespaces: 1)))
    let long = String(repeating: "n", count: 1100)
    #expect(!isTaken("<\(long)/>"))
  }

  @Test("what is taken of damaged documents is what libxml2 reads", arguments: 0..<8)
  func damaged(_ seed: UInt64) {
    let original = Array(
      ("<iq xmlns='jabber:client' from='a@b/c' xml:lang='en' id=\"1\">\n <jingle xmlns='urn:xmpp:jingle:1'>"
        + "<content name='0'><p:x xmlns:p='urn:p' a='' b=\"'\">te]xt</p:x></content><y xmlns=''><z/></y>"
        + "<content name='1'/></jingle>\n</iq>\n").utf8)
    let tokens = [
      "<", ">", "/", "/>", "</", "'", "\"", "&", "]]>", "<!--", "=", ":", " xmlns", " xmlns:p='urn:q'", "p:", " ", "\r",
      "\n", "<a>", "</a>", "<a/>", " xmlns='urn:r'", " a='1'", "xml:lang='x'", "\u{0}", "ä", "]", "<p:x/>",
    ].map { Array($0.utf8) }
    var random = SeededRandom(state: seed)
    var taken = 0
    for _ in 0..<2000 {
      var bytes = original
      for _ in 0...Int.random(in: 0..<3, using: &random) {
        let place = Int.random(in: 0..<bytes.count, using: &random)
        switch Int.random(in: 0..<4, using: &random) {
        case 0: bytes[place] = UInt8.random(in: 0...255, using: &random)
        case 1: bytes.removeSubrange(place..<min(place + Int.random(in: 1..<9, using: &random), bytes.count))
        case 2:
          let end = min(place + Int.random(in: 1..<30, using: &random), bytes.count)
          bytes.insert(contentsOf: bytes[place..<end], at: Int.random(in: 0..<bytes.count, using: &random))
        default: bytes.insert(contentsOf: tokens.randomElement(using: &random) ?? [], at: place)
        }
      }
      if isTaken(bytes) { taken += 1 }
    }
    // Many changes are of a text or a name.
    #expect(taken > 100)
  }

  @Test("RFC 6120 §4.8: stanzas have the namespaces that the head of the stream declares", arguments: [1, 7, 1000])
  func stream(_ size: Int) {
    // What is not ASCII in the head leaves the stanzas of the other stream to libxml2.
    let plain = "<s:stream xmlns='jabber:client' xmlns:s='http://etherx.jabber.org/streams' xmlns:o='urn:o' to='a'>"
    let other = plain.replacing("to='a'", with: "to='ä'")
    let stanzas =
      "<message><body>x</body></message><s:features><o:a/><b xmlns='urn:b'/></s:features> "
      + "<message>&amp;</message><iq xmlns='urn:i'><q/></iq></s:stream>"
    func events(_ text: String) -> [String] {
      let reader = XMLStreamReader()
      var events: [String] = []
      let bytes = Array(text.utf8)
      for start in stride(from: 0, to: bytes.count, by: size) {
        reader.append(Array(bytes[start..<min(start + size, bytes.count)]))
        while let event = reader.next() {
          switch event {
          case .stanza(let stanza): events.append(written(stanza))
          case .streamClosed: events.append("closed")
          case .failed(let error): events.append("\(error)")
          case .streamOpened: break
          }
        }
      }
      return events
    }
    #expect(events(plain + stanzas) == events(other + stanzas))
    #expect(events(plain + stanzas).count == 5)
  }
}

/// SplitMix64: the same numbers in every run.
private struct SeededRandom: RandomNumberGenerator {
  var state: UInt64
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var value = state
    value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
    return value ^ (value >> 31)
  }
}
