import CodecRuntime

/// What a reader accepts before it gives up: a peer decides what it sends, not how much memory that takes.
public struct XMLLimits: Sendable {
  /// Bytes of a document, or of one stanza of a stream. At most ``largestBytes``, so that every document which is
  /// accepted fits into a tape.
  public var maximumBytes: Int
  /// Elements inside one another, the root included.
  public var maximumDepth: Int
  /// Attributes and declarations of namespaces in one start-tag.
  public var maximumAttributes: Int
  /// Different namespaces in one document or stanza.
  public var maximumNamespaces: Int

  public static let largestBytes = 2 << 20
  /// libxml2 itself refuses 256.
  static let largestDepth = 250

  public init(
    maximumBytes: Int = 256 << 10, maximumDepth: Int = 64, maximumAttributes: Int = 64, maximumNamespaces: Int = 64
  ) {
    self.maximumBytes = min(maximumBytes, Self.largestBytes)
    self.maximumDepth = min(maximumDepth, Self.largestDepth)
    self.maximumAttributes = maximumAttributes
    self.maximumNamespaces = maximumNamespaces
  }
}

/// Why XML was refused.
public struct XMLReadError: Error, Equatable, Sendable {
  /// The kinds have the names of the stream errors of RFC 6120 §4.9.3 that they call for.
  public enum Kind: Sendable {
    /// Not well-formed by XML 1.0 or Namespaces in XML.
    case notWellFormed
    /// A document type declaration, a processing instruction, a comment in a stream, an entity reference.
    case restrictedXML
    /// Larger, deeper or wider than the ``XMLLimits``.
    case policyViolation
    /// Well-formed, but nothing that a stream can consist of: text between stanzas.
    case badFormat
    /// Not UTF-8.
    case unsupportedEncoding
    /// The parser could not be had.
    case resourceConstraint
  }

  public var kind: Kind
  /// Bytes from the start of the document or stream.
  public var offset: Int
  public var message: String

  public init(kind: Kind, offset: Int, message: String) {
    self.kind = kind
    self.offset = offset
    self.message = message
  }
}

/// Reads whole XML documents. ``XMLStreamReader`` reads streams.
public enum XMLReader {
  /// Reads one document: its root element, whose offsets count from the start of `bytes`.
  ///
  /// A byte order mark, an XML declaration, white space and comments may stand around the root. A document type
  /// declaration and processing instructions are refused, so that no entity can be declared and nothing expands.
  public static func parseDocument(
    _ bytes: UnsafeRawBufferPointer, limits: XMLLimits = XMLLimits()
  ) throws(XMLReadError) -> XMLElement {
    let bytes = bytes.bindMemory(to: UInt8.self)
    guard bytes.count <= limits.maximumBytes else {
      throw XMLReadError(
        kind: .policyViolation, offset: limits.maximumBytes,
        message: "the document is larger than \(limits.maximumBytes) bytes")
    }
    if let element = PlainXML.element(bytes, limits: limits) { return element }
    return try parseWithLibXML2(bytes, limits)
  }

  /// The same for all that ``PlainXML`` does not take.
  static func parseWithLibXML2(
    _ bytes: UnsafeBufferPointer<UInt8>, _ limits: XMLLimits
  ) throws(XMLReadError) -> XMLElement {
    var start = 0
    if bytes.count >= 3, bytes[0] == 0xEF, bytes[1] == 0xBB, bytes[2] == 0xBF { start = 3 }
    var framer = XMLFramer(mode: .document, limits: limits, start: start)
    var position = start
    var isComplete = false
    scanning: while true {
      switch framer.scan(bytes, from: &position) {
      case .declaration(let range):
        if let error = checkDeclaration(bytes, range) { throw error }
        start = position
      case .startedRoot, .finishedChild: continue
      case .finishedRoot: isComplete = true
      case .incomplete: break scanning
      case .refused(let kind, let message): throw XMLReadError(kind: kind, offset: position, message: message)
      }
    }
    guard let parser = SAXParser(limits: limits) else {
      throw XMLReadError(kind: .resourceConstraint, offset: 0, message: "no memory for an XML parser")
    }
    let endsEarly = XMLReadError(
      kind: .notWellFormed, offset: bytes.count, message: "the document ends before its root does")
    do throws(XMLReadError) {
      guard let root = try parser.parseDocument(bytes, from: start), isComplete else { throw endsEarly }
      return root
    } catch {
      // libxml2 has words of its own for each place where a document can end too early, and some mislead.
      throw !isComplete && error.kind == .notWellFormed && error.offset == bytes.count ? endsEarly : error
    }
  }

  public static func parseDocument(
    _ bytes: [UInt8], limits: XMLLimits = XMLLimits()
  ) throws(XMLReadError) -> XMLElement {
    try bytes.withUnsafeBufferPointer { (buffer) throws(XMLReadError) in
      try parseDocument(UnsafeRawBufferPointer(buffer), limits: limits)
    }
  }

  /// What is wrong with the XML declaration in `range`. It is checked here and never shown to libxml2, which would
  /// change to the encoding that it names: streams are UTF-8 (RFC 6120 §11.6), and so is everything else here.
  static func checkDeclaration(_ bytes: UnsafeBufferPointer<UInt8>, _ range: Range<Int>) -> XMLReadError? {
    let text = String(decoding: UnsafeBufferPointer(rebasing: bytes[range]), as: UTF8.self)
    var rest = text.dropFirst(5).dropLast(2)[...]
    let malformed = XMLReadError(
      kind: .notWellFormed, offset: range.lowerBound, message: "the XML declaration is malformed")
    var expected = ["version", "encoding", "standalone"][...]
    while true {
      let trimmed = rest.drop { $0.isXMLSpace }
      if trimmed.isEmpty { break }
      guard trimmed.startIndex > rest.startIndex, let equals = trimmed.firstIndex(of: "=") else { return malformed }
      let name = trimmed[..<equals].trimmingXMLSpace
      let afterEquals = trimmed[trimmed.index(after: equals)...].drop { $0.isXMLSpace }
      guard let quote = afterEquals.first, quote == "'" || quote == "\"" else { return malformed }
      let value = afterEquals.dropFirst()
      guard let end = value.firstIndex(of: quote), let place = expected.firstIndex(of: String(name)) else {
        return malformed
      }
      if expected.startIndex == 0, place != 0 { return malformed }
      expected = expected[(place + 1)...]
      switch name {
      case "version" where !value[..<end].hasPrefix("1."): return malformed
      case "encoding" where !["utf-8", "us-ascii"].contains(value[..<end].lowercased()):
        return XMLReadError(
          kind: .unsupportedEncoding, offset: range.lowerBound, message: "the encoding is not UTF-8")
      default: rest = value[value.index(after: end)...]
      }
    }
    return expected.startIndex == 0 ? malformed : nil
  }
}

extension Character {
  fileprivate var isXMLSpace: Bool { self == " " || self == "\t" || self == "\n" || self == "\r" || self == "\r\n" }
}

extension Substring {
  fileprivate var trimmingXMLSpace: Substring {
    var rest = self
    while let last = rest.last, last.isXMLSpace { rest.removeLast() }
    return rest
  }
}
