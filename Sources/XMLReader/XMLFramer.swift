/// Finds where the parts of a document or stream begin and end, without understanding them.
///
/// libxml2 then gets every stanza in one piece, so that it never has to look again for the end of a tag that comes in
/// single bytes, and never sees what is refused in any case: a document type declaration, a processing instruction,
/// too many attributes or too deep a nesting. Whether the XML is well-formed is for libxml2 to say; all that is
/// decided here holds for XML that is.
struct XMLFramer {
  enum Mode { case document, stream }

  enum Signal {
    /// All bytes were looked at.
    case incomplete
    /// An XML declaration, from `<?` to behind `?>`.
    case declaration(Range<Int>)
    /// The start-tag of the root has ended.
    case startedRoot
    /// A child of the root has ended.
    case finishedChild
    /// The root has ended.
    case finishedRoot
    case refused(XMLReadError.Kind, String)
  }

  private enum State {
    case content
    case markup
    case startTag
    case quoted
    case endTag
    case declarationMark
    case commentMark
    case comment
    case cdataMark
    case cdata
    case declaration
  }

  private let mode: Mode
  private let limits: XMLLimits
  /// Whether only the stanza is lost that goes beyond the limits, not the stream.
  private let passesOver: Bool
  /// In what the stanza that is being read goes beyond them.
  private var excess: String?
  private var state = State.content
  private var isAtStart = true
  private(set) var depth = 0
  private var attributes = 0
  private var quote: UInt8 = 0
  /// The byte before, in a tag.
  private var previous: UInt8 = 0
  /// How much of a `-->`, `]]>` or `[CDATA[` was seen.
  private var matched = 0
  /// Where the markup between stanzas (or around the root) that is being read began.
  private(set) var unitStart: Int

  init(mode: Mode, limits: XMLLimits, start: Int, passesOver: Bool = false) {
    self.mode = mode
    self.limits = limits
    self.passesOver = passesOver
    unitStart = start
  }

  /// Whether nothing but white space can stand here: around the root, and in a stream around the stanzas.
  var isBetween: Bool { state == .content && isOutside }

  private var isOutside: Bool { depth == 0 || (mode == .stream && depth == 1) }

  /// Whether nobody will see the stanza that is being read: its bytes need not be kept.
  var isPassingOver: Bool { excess != nil }

  /// The stanza that is being read is beyond the limits. `false` where that ends the stream.
  mutating func passOver(_ message: String) -> Bool {
    guard passesOver, mode == .stream, depth > 0 else { return false }
    if excess == nil { excess = message }
    return true
  }

  /// In what the stanza that has just ended went beyond the limits.
  mutating func takeExcess() -> String? {
    defer { excess = nil }
    return excess
  }

  /// The first `count` bytes of the buffer are gone.
  mutating func discard(_ count: Int) { unitStart -= count }

  /// Looks at the bytes from `position` on. Where it refuses, `position` is at the byte that is refused.
  mutating func scan(_ bytes: UnsafeBufferPointer<UInt8>, from position: inout Int) -> Signal {
    while position < bytes.count {
      let byte = bytes[position]
      switch state {
      case .content:
        if isOutside {
          if byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 {
            // An XML declaration has to be the very first (XML 1.0 §2.8), but white space between two streams on one
            // connection is no fault.
            if mode == .document { isAtStart = false }
            position += 1
            continue
          }
          guard byte == 0x3C else { return refuseText(byte) }
          unitStart = position
          state = .markup
        } else {
          position = Self.skip(bytes, from: position) { $0 != 0x3C }
          if position == bytes.count { break }
          state = .markup
        }
        position += 1
      case .markup:
        switch byte {
        case 0x2F:
          if depth == 0 { return .refused(.notWellFormed, "an end-tag without a start-tag") }
          state = .endTag
        case 0x21: state = .declarationMark
        case 0x3F:
          guard isAtStart, depth == 0 else { return .refused(.restrictedXML, "a processing instruction") }
          state = .declaration
        default:
          if depth >= limits.maximumDepth, !isPassingOver {
            let message = "elements nested deeper than \(limits.maximumDepth)"
            if !passOver(message) { return .refused(.policyViolation, message) }
          }
          state = .startTag
          attributes = 0
          previous = 0
          isAtStart = false
          continue
        }
        position += 1
      case .startTag:
        if previous == 0x2F, byte != 0x3E { return .refused(.notWellFormed, "\"/\" in a start-tag") }
        if byte > 0x3F {
          // Nothing above the question mark ends anything; a name can be skipped.
          position = Self.skip(bytes, from: position) { $0 > 0x3F }
          previous = byte
          continue
        }
        position += 1
        switch byte {
        case 0x22, 0x27:
          attributes += 1
          if attributes > limits.maximumAttributes, !isPassingOver {
            let message = "more than \(limits.maximumAttributes) attributes"
            if !passOver(message) {
              position -= 1
              return .refused(.policyViolation, message)
            }
          }
          quote = byte
          state = .quoted
        case 0x3E:
          state = .content
          if let signal = endedStartTag() { return signal }
        case 0x3C:
          position -= 1
          return .refused(.notWellFormed, "\"<\" in a start-tag")
        default: break
        }
        previous = byte
      case .quoted:
        let quote = quote
        position = Self.skip(bytes, from: position) { $0 != quote && $0 != 0x3C }
        if position == bytes.count { break }
        if bytes[position] == 0x3C { return .refused(.notWellFormed, "\"<\" in an attribute value") }
        position += 1
        state = .startTag
      case .endTag:
        position = Self.skip(bytes, from: position) { $0 != 0x3E && $0 != 0x3C }
        if position == bytes.count { break }
        if bytes[position] == 0x3C { return .refused(.notWellFormed, "\"<\" in an end-tag") }
        position += 1
        state = .content
        depth -= 1
        if depth == 0 { return .finishedRoot }
        if depth == 1 { return .finishedChild }
      default:
        if let signal = scanDeclaration(bytes, from: &position) { return signal }
      }
    }
    return .incomplete
  }

  /// The first byte from `position` on for which `isSkipped` does not hold.
  @inline(__always)
  private static func skip(
    _ bytes: UnsafeBufferPointer<UInt8>, from position: Int, while isSkipped: (UInt8) -> Bool
  ) -> Int {
    var position = position
    while position < bytes.count, isSkipped(bytes[position]) { position += 1 }
    return position
  }

  private func refuseText(_ byte: UInt8) -> Signal {
    if depth == 1 { return .refused(.badFormat, "text between stanzas") }
    // Other encodings begin with a byte order mark or a zero byte.
    if byte == 0 || byte >= 0xFE { return .refused(.unsupportedEncoding, "this is not UTF-8") }
    return .refused(.notWellFormed, "text outside of the root element")
  }

  private mutating func endedStartTag() -> Signal? {
    if previous == 0x2F {
      if depth == 0 { return .finishedRoot }
      return depth == 1 ? .finishedChild : nil
    }
    depth += 1
    return depth == 1 ? .startedRoot : nil
  }

  /// Everything that begins with `<!` or `<?`.
  private mutating func scanDeclaration(
    _ bytes: UnsafeBufferPointer<UInt8>, from position: inout Int
  ) -> Signal? {
    let byte = bytes[position]
    switch state {
    case .declarationMark:
      isAtStart = false
      switch byte {
      case 0x2D:
        if mode == .stream { return .refused(.restrictedXML, "a comment") }
        state = .commentMark
      case 0x5B:
        if isOutside { return .refused(.notWellFormed, "a CDATA section outside of an element") }
        state = .cdataMark
        matched = 0
      case 0x44: return .refused(.restrictedXML, "a document type declaration")
      default: return .refused(.notWellFormed, "unknown markup after \"<!\"")
      }
    case .commentMark:
      guard byte == 0x2D else { return .refused(.notWellFormed, "unknown markup after \"<!-\"") }
      state = .comment
      matched = 0
    case .comment:
      if byte == 0x2D {
        matched = min(matched + 1, 2)
      } else if byte == 0x3E, matched == 2 {
        state = .content
      } else {
        matched = 0
      }
    case .cdataMark:
      let mark: StaticString = "CDATA["
      guard byte == mark.utf8Start[matched] else {
        return .refused(.notWellFormed, "unknown markup after \"<![\"")
      }
      matched += 1
      if matched == mark.utf8CodeUnitCount {
        state = .cdata
        matched = 0
      }
    case .cdata:
      if byte == 0x5D {
        matched = min(matched + 1, 2)
      } else if byte == 0x3E, matched == 2 {
        state = .content
      } else {
        matched = 0
      }
    case .declaration:
      return scanXMLDeclaration(bytes, from: &position)
    default: break
    }
    position += 1
    return nil
  }

  private mutating func scanXMLDeclaration(
    _ bytes: UnsafeBufferPointer<UInt8>, from position: inout Int
  ) -> Signal? {
    let mark: StaticString = "<?xml"
    let length = position - unitStart
    let byte = bytes[position]
    let isMark =
      length < 5
      ? byte == mark.utf8Start[length]
      : length > 5 || byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D
    guard isMark, byte != 0x3C else { return .refused(.restrictedXML, "a processing instruction") }
    // The longest declaration that anyone has reason to write is a third of this.
    if length > 256 { return .refused(.policyViolation, "an XML declaration of more than 256 bytes") }
    position += 1
    guard byte == 0x3E, length > 5, bytes[position - 2] == 0x3F else { return nil }
    state = .content
    isAtStart = false
    return .declaration(unitStart..<position)
  }
}
