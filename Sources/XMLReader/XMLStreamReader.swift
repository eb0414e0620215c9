import CodecRuntime

/// What stands in an XML stream (RFC 6120 §4.1).
public enum XMLStreamEvent: Sendable {
  /// The start-tag of the root: an element with attributes and without content.
  case streamOpened(XMLElement)
  /// A complete child of the root: a stanza, or an element of stream negotiation.
  case stanza(XMLElement)
  /// The end-tag of the root. What comes after it is passed over.
  case streamClosed
  /// The stream cannot be read on. What comes after it is passed over.
  case failed(XMLReadError)
}

/// Reads an XML stream from fragments of any size.
///
/// It holds the bytes of the stanza that is not complete yet and nothing else that grows with the stream. The time
/// that it takes is linear in the bytes, however they are cut.
///
/// Events are drawn, not pushed, so that the one who draws them can ``reset(limits:)`` between two: a client may send
/// its new stream header (RFC 6120 §6.4.6) in one segment with what completes its authentication.
public final class XMLStreamReader {
  public private(set) var limits: XMLLimits
  private var framer: XMLFramer
  private var buffer: [UInt8] = []
  /// Where the framer goes on.
  private var position = 0
  /// Bytes of this stream that were dropped from the front of the buffer.
  private var discarded = 0
  private var parser: SAXParser?
  /// The start-tag of the root, which a new parser has to be given first.
  private var head: [UInt8] = []
  /// What it binds, where stanzas can be read without libxml2.
  private var bindings: [PlainXML.Binding]?
  private var isFinished = false
  private let passesOver: Bool
  /// The last stanza that was passed over, and how many were.
  public private(set) var passedOver: (last: XMLReadError, count: Int)?

  /// Stanzas larger than this leave buffers behind that an idle connection should not keep.
  private static let largeUnit = 32 << 10

  /// - Parameter passesOver: a stanza that is beyond the limits, or that cannot be read, is passed over, and the stream
  ///   goes on: it is that of a server, and the stanza that of one of its many users.
  public init(limits: XMLLimits = XMLLimits(), passesOver: Bool = false) {
    self.limits = limits
    self.passesOver = passesOver
    framer = XMLFramer(mode: .stream, limits: limits, start: 0, passesOver: passesOver)
  }

  /// Bytes that wait for the end of their stanza.
  public var bufferedByteCount: Int { buffer.count }

  /// Takes a fragment. ``next()`` has to be called until it returns `nil` before the next one is given.
  public func append(_ bytes: UnsafeRawBufferPointer) {
    if isFinished { return }
    dropWhatWasRead()
    buffer.append(contentsOf: bytes)
  }

  public func append(_ bytes: [UInt8]) {
    bytes.withUnsafeBytes { append($0) }
  }

  /// A new stream begins on the same connection with the next byte: after STARTTLS or SASL (RFC 6120 §4.3.3).
  public func reset(limits: XMLLimits? = nil) {
    if let limits { self.limits = limits }
    buffer.removeSubrange(..<min(position, buffer.count))
    position = 0
    discarded = 0
    parser = nil
    head = []
    isFinished = false
    framer = XMLFramer(mode: .stream, limits: self.limits, start: 0, passesOver: passesOver)
  }

  /// The next event, `nil` when more bytes are needed or the stream has ended.
  public func next() -> XMLStreamEvent? {
    while !isFinished {
      let signal = buffer.withUnsafeBufferPointer { framer.scan($0, from: &position) }
      let start = discarded + framer.unitStart
      if isTooLarge(signal), !framer.isPassingOver {
        let message = "a stanza of more than \(limits.maximumBytes) bytes"
        if !framer.passOver(message) {
          return fail(XMLReadError(kind: .policyViolation, offset: start, message: message))
        }
      }
      switch signal {
      case .incomplete: return nil
      case .refused(let kind, let message):
        return fail(XMLReadError(kind: kind, offset: discarded + position, message: message))
      case .declaration(let range):
        if let error = buffer.withUnsafeBufferPointer({ XMLReader.checkDeclaration($0, range) }) {
          return fail(error)
        }
      case .startedRoot: return readHead()
      case .finishedChild:
        if let message = framer.takeExcess() {
          note(XMLReadError(kind: .policyViolation, offset: start, message: message))
        } else if let event = readStanza() {
          return event
        }
      case .finishedRoot: return readEnd()
      }
    }
    return nil
  }

  private func isTooLarge(_ signal: XMLFramer.Signal) -> Bool {
    // Between stanzas the last unit is behind us and white space may follow without end.
    if case .incomplete = signal, framer.isBetween { return false }
    return position - framer.unitStart > limits.maximumBytes
  }

  private func readHead() -> XMLStreamEvent {
    head = Array(buffer[framer.unitStart..<position])
    do throws(XMLReadError) {
      guard let parser = SAXParser(limits: limits) else { throw Self.noMemory }
      let element = try head.withUnsafeBufferPointer { (bytes) throws(XMLReadError) in try parser.parseHead(bytes) }
      guard let element else { throw notOneElement }
      self.parser = parser
      bindings = head.withUnsafeBufferPointer { PlainXML.bindings(ofStartTag: $0, limits: limits) }
      return .streamOpened(element)
    } catch {
      return fail(shifted(error))
    }
  }

  private func note(_ error: XMLReadError) { passedOver = (error, (passedOver?.count ?? 0) + 1) }

  /// `nil` where the stanza was passed over.
  private func readStanza() -> XMLStreamEvent? {
    let range = framer.unitStart..<position
    if let bindings, range.count <= limits.maximumBytes {
      let element = buffer.withUnsafeBufferPointer { bytes in
        PlainXML.element(UnsafeBufferPointer(rebasing: bytes[range]), inheriting: bindings, limits: limits)
      }
      if let element { return .stanza(element) }
    }
    do throws(XMLReadError) {
      let parser = try currentParser()
      let element = try buffer.withUnsafeBufferPointer { (bytes) throws(XMLReadError) in
        try parser.parseStanza(UnsafeBufferPointer(rebasing: bytes[range]))
      }
      guard let element else { throw notOneElement }
      if range.count > Self.largeUnit || parser.isWornOut { self.parser = nil }
      return .stanza(element)
    } catch {
      guard passesOver else { return fail(shifted(error)) }
      note(shifted(error))
      parser = nil
      return nil
    }
  }

  private func readEnd() -> XMLStreamEvent {
    do throws(XMLReadError) {
      // A root that is an empty element has had no head.
      if head.isEmpty { throw XMLReadError(kind: .badFormat, offset: 0, message: "the stream is an empty element") }
      let parser = try currentParser()
      let range = framer.unitStart..<position
      try buffer.withUnsafeBufferPointer { (bytes) throws(XMLReadError) in
        try parser.parseEnd(UnsafeBufferPointer(rebasing: bytes[range]))
      }
      finish()
      return .streamClosed
    } catch {
      return fail(shifted(error))
    }
  }

  /// The parser, or a new one that has been told how the stream began.
  private func currentParser() throws(XMLReadError) -> SAXParser {
    if let parser { return parser }
    guard let parser = SAXParser(limits: limits) else { throw Self.noMemory }
    _ = try head.withUnsafeBufferPointer { (bytes) throws(XMLReadError) in try parser.parseHead(bytes) }
    self.parser = parser
    return parser
  }

  private static let noMemory = XMLReadError(
    kind: .resourceConstraint, offset: 0, message: "no memory for an XML parser")

  /// libxml2 saw something else than the framer did; that is possible only where the XML is at fault.
  private var notOneElement: XMLReadError {
    XMLReadError(kind: .notWellFormed, offset: 0, message: "this is not one complete element")
  }

  private func shifted(_ error: XMLReadError) -> XMLReadError {
    var error = error
    error.offset += discarded + framer.unitStart
    return error
  }

  private func fail(_ error: XMLReadError) -> XMLStreamEvent {
    finish()
    return .failed(error)
  }

  private func finish() {
    isFinished = true
    parser = nil
    head = []
  }

  private func dropWhatWasRead() {
    let unread = framer.isBetween || framer.isPassingOver ? position : min(framer.unitStart, position)
    if unread <= 0 { return }
    if unread == buffer.count {
      buffer.removeAll(keepingCapacity: buffer.capacity <= Self.largeUnit * 2)
    } else {
      buffer.removeSubrange(..<unread)
    }
    position -= unread
    discarded += unread
    framer.discard(unread)
  }
}
