import CLibXML2
import CodecRuntime

/// A push parser of libxml2 whose SAX2 events fill tapes.
///
/// It is given whole units (a document, the head of a stream, a stanza) and belongs to one thread at a time.
final class SAXParser {
  private let context: xmlParserCtxtPtr
  private let box: FillerBox

  /// Has to have happened before the first parser is made; `static let` does it once.
  private static let initialization: Void = xmlInitParser()

  /// Fails when there is no memory.
  init?(limits: XMLLimits) {
    _ = Self.initialization
    let box = FillerBox(TapeFiller(maximumNamespaces: limits.maximumNamespaces))
    var handler = Self.makeHandler()
    // libxml2 keeps the pointer as its user data; `self` owns the object and outlives the context.
    let userData = Unmanaged.passUnretained(box).toOpaque()
    guard let context = xmlCreatePushParserCtxt(&handler, userData, nil, 0, nil) else { return nil }
    // NOENT resolves the predefined entities; no others can be declared. HUGE stays off.
    let options = Int32(XML_PARSE_NOENT.rawValue) | Int32(XML_PARSE_NONET.rawValue)
    _ = xmlCtxtUseOptions(context, options)
    // No guessing from the first bytes.
    _ = xmlSwitchEncoding(context, XML_CHAR_ENCODING_UTF8)
    box.filler.context = context
    self.context = context
    self.box = box
  }

  deinit { xmlFreeParserCtxt(context) }

  /// Whether the dictionary of libxml2, which keeps every name that it has ever seen, has grown so large that the
  /// parser should be replaced.
  var isWornOut: Bool {
    guard let dictionary = context.pointee.dict else { return false }
    return xmlDictSize(dictionary) > 2048 || xmlDictGetUsage(dictionary) > 256 << 10
  }

  /// A whole document, of which the first `start` bytes are passed over. `nil`: it did not end.
  func parseDocument(
    _ bytes: UnsafeBufferPointer<UInt8>, from start: Int
  ) throws(XMLReadError) -> XMLElement? {
    try parse(bytes, from: start, isHead: false, isLast: true)
  }

  /// The start-tag of a stream: an element without content.
  func parseHead(_ bytes: UnsafeBufferPointer<UInt8>) throws(XMLReadError) -> XMLElement? {
    try parse(bytes, from: 0, isHead: true, isLast: false)
  }

  /// One child of the root of a stream.
  func parseStanza(_ bytes: UnsafeBufferPointer<UInt8>) throws(XMLReadError) -> XMLElement? {
    try parse(bytes, from: 0, isHead: false, isLast: false)
  }

  /// The end-tag of a stream.
  func parseEnd(_ bytes: UnsafeBufferPointer<UInt8>) throws(XMLReadError) {
    _ = try parse(bytes, from: 0, isHead: false, isLast: false)
  }

  private func parse(
    _ bytes: UnsafeBufferPointer<UInt8>, from start: Int, isHead: Bool, isLast: Bool
  ) throws(XMLReadError) -> XMLElement? {
    box.filler.begin(bytes, from: start, isHead: isHead)
    bytes.withMemoryRebound(to: CChar.self) { characters in
      guard let base = characters.baseAddress else { return }
      _ = xmlParseChunk(context, base + start, Int32(clamping: characters.count - start), isLast ? 1 : 0)
    }
    if var error = box.filler.error {
      // libxml2 names bytes that are no UTF-8 in different ways, depending on where they stand.
      if error.kind == .notWellFormed, String(validating: bytes, as: UTF8.self) == nil {
        error.kind = .unsupportedEncoding
        error.message = "the bytes are no UTF-8"
      }
      throw error
    }
    return box.filler.finish()
  }

  private static func makeHandler() -> xmlSAXHandler {
    var handler = xmlSAXHandler()
    handler.initialized = UInt32(XML_SAX2_MAGIC)
    handler.startElementNs = { userData, name, _, namespace, _, _, attributeCount, _, attributes in
      FillerBox.of(userData)?.filler.startElement(
        name: name, namespace: namespace, attributes: attributes, count: Int(attributeCount))
    }
    handler.endElementNs = { userData, _, _, _ in FillerBox.of(userData)?.filler.endElement() }
    handler.characters = { userData, text, length in FillerBox.of(userData)?.filler.text(text, Int(length)) }
    handler.ignorableWhitespace = { userData, text, length in FillerBox.of(userData)?.filler.text(text, Int(length)) }
    handler.cdataBlock = { userData, text, length in FillerBox.of(userData)?.filler.text(text, Int(length)) }
    // The framer has refused these already; a difference of opinion between it and libxml2 must not let them through.
    handler.internalSubset = { userData, _, _, _ in
      FillerBox.of(userData)?.filler.refuse(.restrictedXML, "a document type declaration")
    }
    handler.processingInstruction = { userData, _, _ in
      FillerBox.of(userData)?.filler.refuse(.restrictedXML, "a processing instruction")
    }
    handler.serror = { userData, error in
      guard let error else { return }
      FillerBox.of(userData)?.filler.note(
        code: error.pointee.code, isError: error.pointee.level.rawValue >= XML_ERR_ERROR.rawValue,
        message: error.pointee.message,
        texts: [error.pointee.str1, error.pointee.str2, error.pointee.str3].map { text in
          text.map { String(cString: $0) } ?? ""
        })
    }
    return handler
  }
}
