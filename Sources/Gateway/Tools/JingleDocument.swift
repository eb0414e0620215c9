import CodecRuntime
import JingleCodec
import XMLReader

/// An XML document that is a `<jingle/>` element, another one with which the grammars begin a payload, such as the
/// `<propose/>` of XEP-0353, or a stanza around one.
public struct JingleDocument: Sendable {
  public let root: XMLElement
  /// The Jingle element, and what is wrong in it; `nil` where there is none.
  public let reading: JingleReading?
  /// The payload: the Jingle element or another one.
  private let payload: Payload?

  private struct Payload: Sendable {
    var element: any ElementPayload
    var issues: [ElementIssue]
    /// Where it stands in the arena of the document.
    var index: Int
  }

  /// Throws: an objection where `bytes` are not well-formed XML.
  public init(parsing bytes: [UInt8]) throws(Objection) {
    do throws(XMLReadError) { root = try XMLReader.parseDocument(bytes) } catch { throw Objection(error) }
    var places = [root]
    if root.name == "iq" || root.name == "message" { places += Array(root.children) }
    guard let jingle = places.first(where: Jingle.matches) else {
      reading = nil
      payload = places.lazy.compactMap(Self.payload).first
      offset = root.sourceOffset ?? 0
      return
    }
    offset = jingle.sourceOffset ?? 0
    reading = Jingle.read(jingle)
    payload = reading.map { Payload(element: $0.jingle, issues: $0.issues, index: jingle.index) }
  }

  private static func payload(_ xml: XMLElement) -> Payload? {
    func read<Element: ElementPayload>(_ type: Element.Type) -> Payload? {
      Element.read(xml).map { Payload(element: $0.element, issues: $0.issues, index: xml.index) }
    }
    // A hint says how to treat the message that it stands in, and nothing by itself.
    return Elements.payloads.lazy.filter { $0 != HintsStore.self }.compactMap { read($0) }.first
  }

  /// What is wrong in the payload; `nil` where there is none.
  public var issues: [ElementIssue]? { payload?.issues }
  /// Where the Jingle element begins, or the document where there is none, in bytes.
  public let offset: Int

  /// An `<iq/>` that answers one and so need not hold a Jingle element (RFC 6120 §8.2.3).
  public var isResponse: Bool {
    guard root.name == "iq", let type = root.attribute("type") else { return false }
    return type == "result" || type == "error"
  }

  /// Jingle stands in a set; by a get a client asks for the session that rings (mod_jingle_sip).
  public var wrongType: Objection? {
    guard root.name == "iq", let jingle = reading?.jingle, let type = root.attribute("type") else { return nil }
    let isQuery = jingle.action == .existingSessionInitiate
    if isResponse || (type == (isQuery ? "get" : "set")) { return nil }
    return Objection(
      layer: "validation", location: "iq@type", offset: root.sourceOffset(ofValueOf: "type") ?? 0,
      message: isQuery ? "is not \"get\", by which sessions are asked for" : "is not \"set\" (XEP-0166 §6)")
  }

  /// The document: the payload from its values, what is around it as it came.
  public func write(to output: inout Output) {
    guard let payload else {
      output.append(xml: root)
      return
    }
    if payload.index == root.index {
      payload.element.write(to: &output)
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
      case .element(let child) where child.index == payload.index: payload.element.write(to: &output)
      case .element(let child): writeSibling(child, to: &output)
      }
    }
    output.append("</")
    output.append(root.name)
    output.append(0x3E)
  }

  /// Writes an element beside the payload; the default namespace around it is that of the root.
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
