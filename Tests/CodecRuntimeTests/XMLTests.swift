import Testing

@testable import CodecRuntime

@Suite("XML on a tape, and writing it")
struct XMLTests {
  private func characterData(_ bytes: [UInt8]) -> String {
    var output = Output()
    bytes.withUnsafeBufferPointer { output.append(characterData: $0) }
    return output.string
  }

  private func attributeValue(_ bytes: [UInt8]) -> String {
    var output = Output()
    bytes.withUnsafeBufferPointer { output.append(attributeValue: $0) }
    return output.string
  }

  @Test("XML 1.0 §2.4, §2.11: markup and carriage returns in character data are escaped")
  func escapesCharacterData() {
    #expect(characterData(Array("a<b>&c\r\n\t\"'".utf8)) == "a&lt;b&gt;&amp;c&#xD;\n\t\"'")
    #expect(characterData([]) == "")
  }

  @Test("XML 1.0 §3.3.3: quotation marks and white space in attribute values are escaped")
  func escapesAttributeValue() {
    #expect(attributeValue(Array("<&>\"'\t\n\r x".utf8)) == "&lt;&amp;&gt;&quot;&apos;&#x9;&#xA;&#xD; x")
  }

  @Test("XML 1.0 §2.2: what is no Char is left out")
  func dropsForbiddenCodePoints() {
    #expect(characterData([0x61, 0x00, 0x08, 0x0B, 0x1F, 0x62]) == "ab")
    #expect(characterData(Array("a\u{FFFE}b\u{FFFF}c\u{FFFD}d\u{7F}".utf8)) == "abc\u{FFFD}d\u{7F}")
    #expect(characterData(Array("aä€😀z".utf8)) == "aä€😀z")
  }

  @Test("A text of an arena is written alike, wherever in it and among whatever else a byte stands")
  func writesTextsOfArenas() {
    for size in [1, 7, 8, 15, 16, 17, 31, 32, 33, 48] {
      for byte in UInt8.min...UInt8.max {
        for place in Set([0, size / 2, size - 1]) {
          var bytes = [UInt8](repeating: 0x61, count: size)
          bytes[place] = byte
          var tape = Tape()
          let slice = bytes.withUnsafeBufferPointer { tape.append($0) }
          // What stands behind the text does not count.
          tape.append("<&")
          let text = Text(arena: tape.finish(), slice: slice)
          var output = Output(capacity: 1)
          output.append(attributeValue: text)
          output.append(0x7C)
          output.append(characterData: text)
          #expect(output.string == attributeValue(bytes) + "|" + characterData(bytes))
        }
      }
    }
  }

  @Test("RFC 3629 §4: bytes that are no UTF-8 become U+FFFD")
  func replacesInvalidUTF8() {
    let invalid: [[UInt8]] = [
      [0x80], [0xC0, 0x80], [0xC3], [0xE0, 0x80, 0x80], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xFF],
      [0xF0, 0x9F, 0x98],
    ]
    for bytes in invalid {
      #expect(
        characterData([0x61] + bytes + [0x62])
          == "a" + String(repeating: "\u{FFFD}", count: bytes.count) + "b")
    }
    #expect(attributeValue([0x4D, 0xFC, 0x6C, 0x6C, 0x65, 0x72]) == "M\u{FFFD}ller")
  }

  @Test("tags by hand")
  func writesTags() {
    var output = Output()
    output.beginStartTag("iq", namespace: "jabber:client")
    output.attribute("type", "set" as StaticString)
    output.attribute("id", "a'b")
    output.attribute("n", decimal: 42)
    output.endStartTag()
    output.beginStartTag("ping")
    output.endEmptyElementTag()
    output.append(characterData: "1 < 2")
    output.endTag("iq")
    #expect(output.string == "<iq xmlns='jabber:client' type='set' id='a&apos;b' n='42'><ping/>1 &lt; 2</iq>")
  }

  /// `<message xmlns='jabber:client' xml:lang='de' x:a='1' id='7'>hi<b xmlns='urn:b'/>you<c/><d xmlns=''/></message>`
  private func built() -> XMLElement {
    var tape = Tape()
    let client = tape.append("jabber:client")
    let message = tape.openElement(namespace: client, name: tape.append("message"))
    tape.appendAttribute(
      namespace: tape.append("http://www.w3.org/XML/1998/namespace"), name: tape.append("lang"),
      value: tape.append("de"))
    tape.appendAttribute(namespace: tape.append("urn:x"), name: tape.append("a"), value: tape.append("1"))
    tape.appendAttribute(name: tape.append("id"), value: tape.append("7"))
    tape.appendText(tape.append("hi"))
    let b = tape.openElement(namespace: tape.append("urn:b"), name: tape.append("b"))
    tape.close(b)
    tape.appendText(tape.append("you"))
    let c = tape.openElement(namespace: tape.append("jabber:client"), name: tape.append("c"))
    tape.close(c)
    let d = tape.openElement(namespace: .absent, name: tape.append("d"))
    tape.close(d)
    tape.close(message)
    return XMLElement(arena: tape.finish(), index: message)
  }

  @Test("an element's names, attributes and content are read from the tape")
  func readsElement() {
    let message = built()
    #expect(message.name == "message")
    #expect(message.namespace == "jabber:client")
    #expect(message.matches("message", namespace: "jabber:client"))
    #expect(!message.matches("message", namespace: ""))
    #expect(message.sourceOffset == nil)
    #expect(message.attribute("id")?.string == "7")
    #expect(message.attribute("lang") == nil)
    #expect(message.attribute("lang", namespace: "http://www.w3.org/XML/1998/namespace")?.string == "de")
    #expect(message.attributes.count == 3)
    #expect(message.children.map(\.name.string) == ["b", "c", "d"])
    #expect(message.firstChild(named: "c", namespace: "jabber:client") != nil)
    #expect(message.firstChild(named: "c", namespace: "urn:b") == nil)
    #expect(message.text.string == "hiyou")
    #expect(message.children.first?.text.isEmpty == true)
    let order = message.nodes.map { node in
      switch node {
      case .element(let element): "<\(element.name)>"
      case .text(let text): text.string
      }
    }
    #expect(order == ["hi", "<b>", "you", "<c>", "<d>"])
  }

  @Test("Namespaces in XML 1.0 §6: a namespace is declared where it changes, attributes get prefixes")
  func writesElement() {
    var output = Output()
    output.append(xml: built(), parentNamespace: "jabber:client")
    #expect(
      output.string
        == "<message xml:lang='de' xmlns:ns0='urn:x' ns0:a='1' id='7'>hi<b xmlns='urn:b'/>you<c/><d xmlns=''/></message>"
    )
    var standalone = Output()
    standalone.append(xml: built())
    #expect(standalone.string.hasPrefix("<message xmlns='jabber:client' xml:lang='de'"))
    var content = Output()
    content.append(contentOf: built(), namespace: "jabber:client")
    #expect(content.string == "hi<b xmlns='urn:b'/>you<c/><d xmlns=''/>")
  }
}
