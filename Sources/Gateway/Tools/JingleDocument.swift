import CodecRuntime
import JingleCodec
import XMLReader

/// An XML document that is a `<jingle/>` element or a stanza around one.
public struct JingleDocument: Sendable {
  public let root: XMLElement
  /// The Jingle element, and what is wrong in it; `nil` where there is none.
  public let reading: JingleReading?
  /// Where the Jingle element stands in the arena of the document.
  private let jingleIndex: Int?

  /// Throws: an objection where `bytes` are not well-formed XML.
  public init(parsing bytes: [UInt8]) throws(Objection) {
    do throws(XMLReadError) { root = try XMLReader.parseDocument(bytes) } catch { throw Objection(error) }
    var jingle: XMLElement?
    if Jingle.matches(root) {
      jingle = root
    } else if root.name == "iq" {
      for child in root.children where Jingle.matches(child) {
        jingle = child
        break
      }
    }
    jingleIndex = jingle?.index
    reading = jingle.flatMap(Jingle.read)
  }

  /// An `<iq/>` that answers one and so need not hold a Jingle element (RFC 6120 §8.2.3).
  public var isResponse: Bool {
    guard root.name == "iq", let type = root.attribute("type") else { return false }
    return type == "result" || type == "error"
  }

  /// The document: the Jingle element from its values, what is around it as it came.
  public func write(to output: inout Output) {
    guard let reading, let jingleIndex else {
      output.append(xml: root)
      return
    }
    if jingleIndex == root.index {
      reading.jingle.write(to: &output)
      return
    }
    output.append(0x3C)
    output.append(root.name)
    if !root.namespace.isEmpty {
      output.beginAttribute("xmlns")
      output.append(attributeValue: root.namespace)
      output.append(0x27)
    }
    var generated: UInt64 = 0
    for attribute in root.attributes { output.append(attribute, generatedPrefixes: &generated) }
    output.endStartTag()
    for node in root.nodes {
      switch node {
      case .text(let text): output.append(characterData: text)
      case .element(let child) where child.index == jingleIndex: reading.jingle.write(to: &output)
      case .element(let child): writeSibling(child, to: &output)
      }
    }
    output.append("</")
    output.append(root.name)
    output.append(0x3E)
  }

  /// Writes an element beside the Jingle element; the default namespace around it is that of the root.
  private func writeSibling(_ element: XMLElement, to output: inout Output) {
    if element.namespace == root.namespace, root.namespace == "jabber:client" {
      output.append(xml: element, parentNamespace: "jabber:client")
    } else if element.namespace.isEmpty, !root.namespace.isEmpty {
      // Without a declaration it would be in the namespace of the root.
      output.append(xml: element, parentNamespace: "jabber:client")
    } else {
      output.append(xml: element)
    }
  }

  public var bytes: [UInt8] {
    var output = Output(capacity: root.arena.byteCount + 64)
    write(to: &output)
    return output.bytes
  }
}
