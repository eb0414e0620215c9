import CodecRuntime
import Testing
import XMLReader

func parse(_ text: String, limits: XMLLimits = XMLLimits()) throws(XMLReadError) -> XMLElement {
  try XMLReader.parseDocument(Array(text.utf8), limits: limits)
}

func written(_ element: XMLElement) -> String {
  var output = Output()
  output.append(xml: element)
  return output.string
}

/// The error of a document that has to be refused.
func refusal(_ text: String, limits: XMLLimits = XMLLimits()) -> XMLReadError? {
  do throws(XMLReadError) {
    _ = try parse(text, limits: limits)
    return nil
  } catch { return error }
}

@Suite("Whole XML documents")
struct DocumentTests {
  @Test("an element comes back as it was")
  func roundTrip() throws {
    let text = """
      <jingle xmlns='urn:xmpp:jingle:1' action='session-initiate' sid='a73'>
        <content creator='initiator' name='voice &amp; &lt;video&gt;'>
          <description xmlns='urn:xmpp:jingle:apps:rtp:1' media='audio'><payload-type id='96' name='ö'/></description>
          <transport xmlns='urn:xmpp:jingle:transports:ice-udp:1'/>
        </content>a &amp; b
      </jingle>
      """
    let element = try parse(text)
    #expect(written(element) == text)
    #expect(written(try parse(written(element))) == text)
  }

  @Test("offsets are those of the start-tags in the input")
  func sourceOffsets() throws {
    let text =
      "<?xml version='1.0' encoding=\"UTF-8\"?>\n<!-- ä -->\n<a b='&lt;>'>ü&#228;<x:c xmlns:x='urn:x'/><d\n/></a>\n"
    let root = try parse(text)
    let bytes = Array(text.utf8)
    func place(_ tag: String) -> Int? {
      let tag = Array(tag.utf8)
      return bytes.indices.first { bytes[$0...].starts(with: tag) }
    }
    #expect(root.sourceOffset == place("<a"))
    #expect(root.children.map(\.sourceOffset) == [place("<x:c"), place("<d")])
    #expect(root.children.map(\.name.string) == ["c", "d"])
    #expect(root.attribute("b")?.string == "<>")
    #expect(root.text.string == "üä")
  }

  @Test("texts that do not stand in the input in one piece are joined")
  func joinsTexts() throws {
    let root = try parse("<a x='1&#10;2' y=' 3\n4 '>one\r\ntwo &amp;<![CDATA[<three>]]> f<!-- c -->our<b/>five</a>")
    #expect(
      root.nodes.map { if case .text(let text) = $0 { text.string } else { "-" } } == [
        "one\ntwo &<three> four", "-", "five",
      ])
    #expect(root.attribute("x")?.string == "1\n2")
    #expect(root.attribute("y")?.string == " 3 4 ")
  }

  @Test("Namespaces in XML 1.0 §5, §6: prefixes, defaults and undeclaring")
  func namespaces() throws {
    let root = try parse(
      "<p:a xmlns:p='urn:p' xmlns='urn:d' p:x='1' x='2' xml:lang='de'><b xmlns=''><c/></b><p:d xmlns:p='urn:q'/></p:a>")
    #expect(root.matches("a", namespace: "urn:p"))
    #expect(root.attribute("x")?.string == "2")
    #expect(root.attribute("x", namespace: "urn:p")?.string == "1")
    let children = Array(root.children)
    #expect(children[0].matches("b", namespace: "") && children[1].matches("d", namespace: "urn:q"))
    #expect(
      written(root)
        == "<a xmlns='urn:p' xmlns:ns0='urn:p' ns0:x='1' x='2' xml:lang='de'><b xmlns=''><c/></b><d xmlns='urn:q'/></a>"
    )
  }

  @Test("RFC 6120 §11.1: what could declare or expand an entity is refused")
  func restricted() {
    #expect(refusal("<!DOCTYPE a><a/>")?.kind == .restrictedXML)
    #expect(refusal("<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>")?.kind == .restrictedXML)
    #expect(refusal("<?xml-stylesheet href='x'?><a/>")?.kind == .restrictedXML)
    #expect(refusal("<a><?x y?></a>")?.kind == .restrictedXML)
    #expect(refusal("<a>&b;</a>")?.kind == .restrictedXML)
    #expect(refusal("<a>&b;</a>")?.offset ?? 0 >= 3)
    #expect(refusal("<a b='&c;'/>")?.kind == .restrictedXML)
    #expect(refusal(" <?xml version='1.0'?><a/>")?.kind == .restrictedXML)
  }

  @Test(
    "XML 1.0 §2.1, Namespaces §7: what is not well-formed is refused",
    arguments: [
      "", " ", "a", "<a>", "<a></b>", "<a/><b/>", "<a/>x", "<a b=c/>", "<a b='1' b='2'/>", "<a b='<'/>", "</a>",
      "<a>&</a>", "<a>&#0;</a>", "<a>\u{1}</a>", "<a>\u{0}</a>", "<p:a/>", "<a p:b='1'/>", "<a", "<a b='",
      "<a><b></a></b>",
      "<a>]]></a>", "<a><!-- -- --></a>", "<a></a b='>'>", "<a><![CDATA[</a>", "<1/>", "<a:b:c xmlns:a='urn:a'/>",
      "<?xml?><a/>", "<?xml version='2.0'?><a/>", "<?xml version='1.0'><a/>", "<?xml encoding='utf-8'?><a/>",
      "<a xmlns:p=''/>", "<a xmlns:x='u' xmlns:y='u' x:b='' y:b=''/>", "<a/ >", "< a/>", "<a>\u{FFFE}</a>", "<!a><b/>",
    ])
  func notWellFormed(_ text: String) {
    let error = refusal(text)
    #expect(error != nil, "\(text)")
    #expect(error?.kind != .policyViolation)
    #expect(error?.message.isEmpty == false)
  }

  @Test(
    "errors are where the fault is, which `|` marks, whatever stands in front of it",
    arguments: [
      "<b></|c>", "<b><c></|b>", "<|p:b/>", "<b><c/><|p:d/></b>", "<b x='' |p:y=''/>", "<b x='' |x=''/>",
      "<b xmlns:p='u' xmlns:q='u' p:x='' |q:x=''/>", "<b xmlns:p='u' |xmlns:p='v'/>", "<b x='' |xmlns:p=''/>", "|&b;",
      "<b x='|&c;'/>", "a |& b", "<b x='|&'/>", "&amp| ", "|&#0;", "|&#xFFFF;", "|&#x;", "&#65| ", "a|\u{1}",
      "<b x='|\u{1}'/>", "<b x='|<'/>", "<b x=|y/>", "<b x |y=''/>", "<b x=''|y=''/>", "<|1/>", "<b |1=''/>",
      "a|]]>b]]>", "<!-- a |-- -->", "<b></b |x>", "a|\u{FFFE}",
    ])
  func errorOffset(_ text: String) throws {
    for padding in ["", "äöü€ ", String(repeating: "a", count: 5000), String(repeating: "<c>€</c>\n", count: 900)] {
      let parts = ("<a>" + padding + text + "</a>").split(separator: "|", omittingEmptySubsequences: false)
      #expect(refusal(parts.joined())?.offset == parts.first?.utf8.count, "\(text) behind \(padding.utf8.count) bytes")
    }
  }

  @Test(
    "a document that ends too early is at fault at its end",
    arguments: ["", "<b", "<b x", "<b x='", "<b x=''>", "<!-- a", "<![CDATA[a", "</a", "a&amp"])
  func endsEarly(_ text: String) {
    let document = "<a>ä" + text
    let error = refusal(document)
    #expect(error?.offset == document.utf8.count)
    #expect(error?.message == "the document ends before its root does")
  }

  @Test("bytes that are no UTF-8 are at fault where they stand")
  func encodingOffset() {
    for bytes: [UInt8] in [[0xFF], [0xC0, 0xAF], [0xE2, 0x82], [0xED, 0xA0, 0x80]] {
      for (head, tail) in [("<a>€", "</a>"), ("<a><b x='€", "'/></a>"), ("<a><b", "/></a>"), ("<a><!-- €", " --></a>")]
      {
        #expect {
          try XMLReader.parseDocument(Array(head.utf8) + bytes + Array(tail.utf8))
        } throws: { error in
          error as? XMLReadError
            == XMLReadError(
              kind: .unsupportedEncoding, offset: head.utf8.count, message: "the bytes are no UTF-8")
        }
      }
    }
  }

  @Test("RFC 6120 §11.6: UTF-8 only")
  func encoding() throws {
    #expect(refusal("<?xml version='1.0' encoding='ISO-8859-1'?><a/>")?.kind == .unsupportedEncoding)
    #expect(throws: XMLReadError.self) {
      try XMLReader.parseDocument([0x3C, 0x61, 0x3E, 0xFC, 0x3C, 0x2F, 0x61, 0x3E])
    }
    #expect(throws: XMLReadError.self) { try XMLReader.parseDocument([0xFE, 0xFF, 0x00, 0x3C, 0x00, 0x61]) }
    #expect(throws: XMLReadError.self) {
      try XMLReader.parseDocument([0x3C, 0x00, 0x61, 0x00, 0x2F, 0x00, 0x3E, 0x00])
    }
    let root = try XMLReader.parseDocument([0xEF, 0xBB, 0xBF] + Array("<a/>".utf8))
    #expect(root.sourceOffset == 3)
    #expect(try parse("<?xml version=\"1.0\" encoding='utf-8' standalone='yes' ?><a/>").name == "a")
  }

  @Test("RFC 6120 §13.12: size, depth, attributes and namespaces are bounded")
  func limits() throws {
    let limits = XMLLimits(maximumBytes: 2000, maximumDepth: 8, maximumAttributes: 4, maximumNamespaces: 3)
    func nested(_ depth: Int) -> String {
      String(repeating: "<a>", count: depth) + String(repeating: "</a>", count: depth)
    }
    #expect(refusal(nested(8), limits: limits) == nil)
    #expect(refusal(nested(9), limits: limits)?.kind == .policyViolation)
    #expect(refusal(nested(100_000), limits: XMLLimits(maximumBytes: 1 << 20))?.kind == .policyViolation)
    #expect(refusal("<a b='' c='' d='' e=''/>", limits: limits) == nil)
    #expect(refusal("<a b='' c='' d='' e='' f=''/>", limits: limits)?.kind == .policyViolation)
    #expect(refusal("<a b='\(String(repeating: "x", count: 2000))'/>", limits: limits)?.kind == .policyViolation)
    #expect(refusal("<a xmlns='u:1'><a xmlns='u:2'/><a xmlns='u:3'/><a xmlns='u:1'/></a>", limits: limits) == nil)
    #expect(
      refusal("<a xmlns='u:1'><a xmlns='u:2'/><a xmlns='u:3'/><a xmlns='u:4'/></a>", limits: limits)?.kind
        == .policyViolation)
  }

  @Test("a document of the largest size that consists of the smallest elements fits into a tape")
  func largestDocument() throws {
    let limits = XMLLimits(maximumBytes: XMLLimits.largestBytes)
    let count = (XMLLimits.largestBytes - 7) / 4
    let root = try parse("<a>" + String(repeating: "<b/>", count: count) + "</a>", limits: limits)
    #expect(root.children.count == count)
    let attributes = (0..<60).map { " \(Unicode.Scalar(UInt8(0x41 + $0 % 26)))\($0)=''" }.joined()
    let wide = String(repeating: "<b\(attributes)/>", count: (XMLLimits.largestBytes - 7) / (attributes.utf8.count + 4))
    #expect(try parse("<a>" + wide + "</a>", limits: limits).children.first?.attributes.count == 60)
  }
}
