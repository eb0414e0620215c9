import CLibXML2
import CodecRuntime

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// What the callbacks of libxml2 write to: a class, as C can point to nothing else, around a value, whose accesses need
/// no check at run time.
final class FillerBox {
  var filler: TapeFiller

  init(_ filler: consuming TapeFiller) { self.filler = filler }

  static func of(_ userData: UnsafeMutableRawPointer?) -> FillerBox? {
    guard let userData else { return nil }
    return Unmanaged<FillerBox>.fromOpaque(userData).takeUnretainedValue()
  }
}

/// Makes a tape of SAX2 events.
struct TapeFiller: ~Copyable {
  /// The context that this object is the user data of; it is `nil` only until that has been made.
  var context: xmlParserCtxtPtr?
  private(set) var error: XMLReadError?

  private let maximumNamespaces: Int
  private var tape = Tape()
  /// Bytes of the tape that are input, and those of them that libxml2 was given.
  private var inputRange = 0..<0
  private var isHead = false
  /// The elements that have not ended.
  private var open: [Int] = []
  /// The text node that the next text continues, where nothing came between.
  private var lastText: Int?
  /// Namespaces are the same pointer wherever they are the same, as libxml2 takes them from its dictionary.
  private var namespaces: [(pointer: UnsafePointer<xmlChar>, slice: Slice)] = []

  init(maximumNamespaces: Int) {
    self.maximumNamespaces = maximumNamespaces
    open.reserveCapacity(32)
    namespaces.reserveCapacity(16)
  }

  mutating func begin(_ bytes: UnsafeBufferPointer<UInt8>, from start: Int, isHead: Bool) {
    tape = Tape(copying: UnsafeRawBufferPointer(bytes), expectedWords: bytes.count / 2 + 64)
    inputRange = start..<bytes.count
    self.isHead = isHead
    error = nil
    open.removeAll(keepingCapacity: true)
    lastText = nil
    namespaces.removeAll(keepingCapacity: true)
  }

  /// The element that the unit consisted of; `nil` where there was none or it did not end.
  mutating func finish() -> XMLElement? {
    guard open.isEmpty, tape.wordCount > 0 else { return nil }
    var finished = Tape()
    swap(&finished, &tape)
    return XMLElement(arena: finished.finish(), index: 0)
  }

  // MARK: Events

  mutating func startElement(
    name: UnsafePointer<xmlChar>?, namespace: UnsafePointer<xmlChar>?,
    attributes: UnsafeMutablePointer<UnsafePointer<xmlChar>?>?, count: Int
  ) {
    guard error == nil, let name else { return }
    lastText = nil
    let start = startOfTag()
    let index = tape.openElement(
      namespace: slice(ofNamespace: namespace), name: slice(ofElementName: name, tag: start),
      sourceOffset: start.map { UInt32(truncatingIfNeeded: $0) } ?? .max)
    if let attributes {
      for number in 0..<count {
        // Five pointers: local name, prefix, namespace, start of the value, its end.
        let fields = attributes + number * 5
        guard let attributeName = fields[0], let start = fields[3], let end = fields[4] else { continue }
        let value = UnsafeBufferPointer(start: start, count: max(end - start, 0))
        let position = inputPosition(of: value)
        let valueSlice = position.map { Slice(offset: UInt32($0), length: UInt32(value.count)) } ?? tape.append(value)
        tape.appendAttribute(
          namespace: fields[2] == nil ? .absent : slice(ofNamespace: fields[2]),
          name: slice(ofAttributeName: attributeName, valueAt: position), value: valueSlice)
      }
    }
    if isHead {
      tape.close(index)
      // The root stays open, but its head is all that the tape is to hold.
      isHead = false
    } else {
      open.append(index)
    }
  }

  mutating func endElement() {
    guard error == nil, let index = open.popLast() else { return }
    lastText = nil
    tape.close(index)
  }

  mutating func text(_ start: UnsafePointer<xmlChar>?, _ length: Int) {
    guard error == nil, let start, length > 0, !open.isEmpty else { return }
    let bytes = UnsafeBufferPointer(start: start, count: length)
    let position = inputPosition(of: bytes)
    guard let node = lastText else {
      lastText = tape.appendText(
        position.map { Slice(offset: UInt32($0), length: UInt32(length)) } ?? tape.append(bytes))
      return
    }
    let content = node + XMLLayout.content
    let earlier = Slice(offset: tape.word(content), length: tape.word(content + 1))
    let end = Int(earlier.offset) + Int(earlier.length)
    if end == position {
      tape.set(content, Slice(offset: earlier.offset, length: earlier.length + UInt32(length)))
    } else if end == tape.byteCount, Int(earlier.offset) >= inputRange.upperBound {
      let appended = tape.append(bytes)
      tape.set(content, Slice(offset: earlier.offset, length: earlier.length + appended.length))
    } else {
      // The text does not stand in the input in one piece (a reference, a line end, a CDATA section): it is put
      // together behind the input, where it can then grow.
      let copy = tape.withBytes(of: earlier) { Array($0) }
      let moved = copy.withUnsafeBufferPointer { tape.append($0) }
      let appended = tape.append(bytes)
      tape.set(content, Slice(offset: moved.offset, length: moved.length + appended.length))
    }
  }

  mutating func refuse(_ kind: XMLReadError.Kind, _ message: String, at position: Int? = nil) {
    guard error == nil else { return }
    error = XMLReadError(kind: kind, offset: position ?? currentPosition(), message: message)
    // Not xmlStopParser: it frees the buffer that the function which called us may still be reading.
    context?.pointee.disableSAX = 1
  }

  /// What libxml2 has to complain of. `texts` are those that it puts into the message.
  mutating func note(code: Int32, isError: Bool, message: UnsafePointer<CChar>?, texts: [String]) {
    // A namespace that is no URI is a fault of style: names are compared byte by byte and never looked up.
    guard isError, error == nil, code != XML_WAR_NS_URI.rawValue, code != XML_WAR_NS_URI_RELATIVE.rawValue else {
      return
    }
    var text = message.map { String(cString: $0) } ?? "not well-formed"
    while text.last?.isNewline == true { text.removeLast() }
    let kind: XMLReadError.Kind
    switch UInt32(bitPattern: code) {
    case XML_ERR_UNDECLARED_ENTITY.rawValue, XML_WAR_UNDECLARED_ENTITY.rawValue: kind = .restrictedXML
    case XML_ERR_NO_MEMORY.rawValue: kind = .resourceConstraint
    default: kind = .notWellFormed
    }
    // Of a CDATA section that does not end libxml2 says so, pointing into it.
    let isAtEnd = UInt32(bitPattern: code) == XML_ERR_DOCUMENT_END.rawValue && !open.isEmpty
    let position = isAtEnd ? inputRange.upperBound : currentPosition()
    let fault = tape.withBytes(of: Slice(offset: 0, length: UInt32(inputRange.upperBound))) { bytes in
      FaultFinder(bytes: bytes, first: inputRange.lowerBound, position: position)
        .fault(UInt32(bitPattern: code), texts)
    }
    refuse(kind, text, at: fault)
  }

  // MARK: Where things stand in the input

  /// Where `bytes` stand in the tape, if libxml2 points into its copy of the input and not to a text of its own.
  ///
  /// The distance to the end is what counts, as libxml2 drops what it has read from the front of its buffer. The
  /// bytes are compared, so that nothing depends on how it manages that buffer.
  private func inputPosition(of bytes: UnsafeBufferPointer<UInt8>) -> Int? {
    guard let start = bytes.baseAddress, let input = context?.pointee.input, let end = input.pointee.end,
      let base = input.pointee.base, start >= base, start + bytes.count <= end
    else { return nil }
    return verified(inputRange.upperBound - (end - start), bytes)
  }

  private func verified(_ position: Int, _ bytes: UnsafeBufferPointer<UInt8>) -> Int? {
    guard position >= inputRange.lowerBound, position + bytes.count <= inputRange.upperBound else { return nil }
    guard let base = bytes.baseAddress, !bytes.isEmpty else { return position }
    let slice = Slice(offset: UInt32(position), length: UInt32(bytes.count))
    let isSame = tape.withBytes(of: slice) { copy in
      copy.baseAddress.map { memcmp($0, base, bytes.count) == 0 } ?? false
    }
    return isSame ? position : nil
  }

  private func currentPosition() -> Int {
    guard let input = context?.pointee.input, let end = input.pointee.end, let current = input.pointee.cur else {
      return inputRange.upperBound
    }
    return min(max(inputRange.upperBound - (end - current), inputRange.lowerBound), inputRange.upperBound)
  }

  /// Where the start-tag that libxml2 has just read begins: at the last `<`, as an attribute value has none.
  private func startOfTag() -> Int? {
    var position = currentPosition() - 1
    let first = inputRange.lowerBound
    guard position < inputRange.upperBound else { return nil }
    return tape.withBytes(of: Slice(offset: 0, length: UInt32(inputRange.upperBound))) { bytes in
      while position >= first, bytes[position] != 0x3C { position -= 1 }
      return position >= first ? position : nil
    }
  }

  private mutating func slice(ofElementName name: UnsafePointer<xmlChar>, tag: Int?) -> Slice {
    let length = strlen(UnsafeRawPointer(name).assumingMemoryBound(to: CChar.self))
    let bytes = UnsafeBufferPointer(start: name, count: length)
    if let tag {
      if let position = verified(tag + 1, bytes), isEndOfName(position + length) {
        return Slice(offset: UInt32(position), length: UInt32(length))
      }
      if let colon = prefixEnd(from: tag + 1), let position = verified(colon + 1, bytes) {
        return Slice(offset: UInt32(position), length: UInt32(length))
      }
    }
    return tape.append(bytes)
  }

  private func isEndOfName(_ position: Int) -> Bool {
    byte(at: position).map { $0 <= 0x20 || $0 == 0x2F || $0 == 0x3E } ?? false
  }

  /// The colon after the prefix that starts at `start`.
  private func prefixEnd(from start: Int) -> Int? {
    var position = start
    while let byte = byte(at: position), byte > 0x20, byte != 0x2F, byte != 0x3E {
      if byte == 0x3A { return position }
      position += 1
    }
    return nil
  }

  private func byte(at position: Int) -> UInt8? {
    guard inputRange.contains(position) else { return nil }
    return tape.withBytes(of: Slice(offset: UInt32(position), length: 1)) { $0.first }
  }

  /// The name stands before the value, an equals sign and a quotation mark. `valueAt` is `nil` where the value is a
  /// text of libxml2's own.
  private mutating func slice(ofAttributeName name: UnsafePointer<xmlChar>, valueAt value: Int?) -> Slice {
    let length = strlen(UnsafeRawPointer(name).assumingMemoryBound(to: CChar.self))
    let bytes = UnsafeBufferPointer(start: name, count: length)
    if let value, let end = endOfName(beforeValueAt: value), let position = verified(end - length, bytes) {
      return Slice(offset: UInt32(position), length: UInt32(length))
    }
    return tape.append(bytes)
  }

  private func endOfName(beforeValueAt value: Int) -> Int? {
    let first = inputRange.lowerBound
    return tape.withBytes(of: Slice(offset: 0, length: UInt32(inputRange.upperBound))) { bytes in
      var position = value - 2
      while position > first, bytes[position] <= 0x20 { position -= 1 }
      guard position > first, bytes[position] == 0x3D else { return nil }
      position -= 1
      while position > first, bytes[position] <= 0x20 { position -= 1 }
      return position + 1
    }
  }

  private mutating func slice(ofNamespace namespace: UnsafePointer<xmlChar>?) -> Slice {
    guard let namespace else { return .absent }
    for known in namespaces.reversed() where known.pointer == namespace { return known.slice }
    guard namespaces.count < maximumNamespaces else {
      refuse(.policyViolation, "more than \(maximumNamespaces) namespaces")
      return .absent
    }
    let length = strlen(UnsafeRawPointer(namespace).assumingMemoryBound(to: CChar.self))
    let slice = tape.append(UnsafeBufferPointer(start: namespace, count: length))
    namespaces.append((namespace, slice))
    return slice
  }
}
