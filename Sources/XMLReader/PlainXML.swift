import CodecRuntime

/// Reads the XML that nearly all stanzas consist of, in one pass: elements, attributes and texts of ASCII, without
/// references, comments and CDATA.
///
/// It takes nothing that is not well-formed by XML 1.0 and Namespaces in XML, nor what goes beyond the ``XMLLimits``.
/// Where it meets anything else it gives up, without saying why: then ``SAXParser`` reads the same bytes again and
/// decides. So whatever it takes has to come out as libxml2 would have read it, and the tests compare both.
struct PlainXML: ~Copyable {
  /// A prefix (empty for the default) and the namespace that it is bound to (empty for none).
  struct Binding: Sendable, Equatable {
    var prefix: [UInt8]
    var namespace: [UInt8]
  }

  /// Texts of the input: where they begin and end.
  private struct Span {
    var start: Int
    var end: Int
    var count: Int { end &- start }
  }

  private struct BoundPrefix {
    var prefix: Span
    /// Absent where the default namespace is none.
    var namespace: Slice
  }

  private struct OpenElement {
    var node: Int
    /// The name with its prefix, which the end-tag has to repeat.
    var name: Span
    /// The prefixes that were bound around it.
    var prefixes: Int
  }

  private var tape: Tape
  private let input: Input
  /// Where the bytes end that are to be read; behind them are those of inherited bindings.
  private let end: Int
  private let maximumDepth: Int
  private let maximumAttributes: Int
  /// That of `xml:lang`, which nobody declares.
  private let languageNamespace: Slice
  private let maximumNamespaces: Int
  private var open: [OpenElement] = []
  private var bound: [BoundPrefix] = []
  /// Namespaces, each once, so that equal ones are equal slices.
  private var namespaces: [Slice] = []
  /// Names of attributes; those of the tag that is being read begin at `firstName`.
  private var names: [Span] = []
  private var firstName = 0

  /// Tags with more attributes than this are not read here: each name is compared with all others.
  private static let comparedAttributes = 16
  /// So many names of former tags are left where they are: taking them away costs more.
  private static let keptNames = 256
  /// libxml2 has a limit of its own for names, far above this.
  private static let maximumName = 1024

  init(_ bytes: UnsafeBufferPointer<UInt8>, inheriting bindings: [Binding] = [], limits: XMLLimits) {
    let language: StaticString = "http://www.w3.org/XML/1998/namespace"
    var inherited = language.utf8CodeUnitCount
    for binding in bindings { inherited += binding.prefix.count + binding.namespace.count }
    var tape = Tape(
      copying: UnsafeRawBufferPointer(bytes), expectedWords: bytes.count / 2 + 64, expectedBytes: inherited)
    end = bytes.count
    languageNamespace = tape.append(
      UnsafeBufferPointer(start: language.utf8Start, count: language.utf8CodeUnitCount))
    maximumDepth = limits.maximumDepth
    maximumAttributes = min(limits.maximumAttributes, Self.comparedAttributes)
    maximumNamespaces = limits.maximumNamespaces
    var prefixes: [BoundPrefix] = []
    var namespaces: [Slice] = []
    for binding in bindings {
      let prefix = binding.prefix.withUnsafeBufferPointer { tape.append($0) }
      let namespace = binding.namespace.withUnsafeBufferPointer { tape.append($0) }
      prefixes.append(
        BoundPrefix(
          prefix: Span(start: Int(prefix.offset), end: Int(prefix.offset + prefix.length)),
          namespace: namespace.length == 0 ? .absent : namespace))
      if namespace.length > 0, !namespaces.contains(where: { $0.offset == namespace.offset }) {
        namespaces.append(namespace)
      }
    }
    bound = prefixes
    self.namespaces = namespaces
    // No bytes are appended from here on.
    input = tape.input
    self.tape = tape
    open.reserveCapacity(16)
    names.reserveCapacity(16)
  }

  /// The bytes as one element, with nothing but white space around it; `nil` where it gives up.
  static func element(
    _ bytes: UnsafeBufferPointer<UInt8>, inheriting bindings: [Binding] = [], limits: XMLLimits
  ) -> XMLElement? {
    var reader = PlainXML(bytes, inheriting: bindings, limits: limits)
    guard reader.readElement() else { return nil }
    return XMLElement(arena: reader.finish(), index: 0)
  }

  /// What a start-tag, which is all that `bytes` hold, binds for the elements in it; `nil` where it gives up.
  static func bindings(ofStartTag bytes: UnsafeBufferPointer<UInt8>, limits: XMLLimits) -> [Binding]? {
    var reader = PlainXML(bytes, limits: limits)
    var position = 0
    guard reader.input[0] == 0x3C, reader.readStartTag(&position), position == reader.end, reader.open.count == 1 else {
      return nil
    }
    var bindings: [Binding] = []
    for bound in reader.bound {
      let prefix = Slice(offset: UInt32(bound.prefix.start), length: UInt32(bound.prefix.count))
      bindings.append(
        Binding(
          prefix: reader.tape.withBytes(of: prefix) { Array($0) },
          namespace: reader.tape.withBytes(of: bound.namespace) { Array($0) }))
    }
    return bindings
  }

  private consuming func finish() -> Arena { tape.finish() }

  // MARK: Content

  private mutating func readElement() -> Bool {
    var position = endOfRun(input, 0, Self.classes, Self.space)
    guard input[position] == 0x3C, readStartTag(&position) else { return false }
    while !open.isEmpty {
      let text = position
      while true {
        position = endOfRun(input, position, Self.classes, Self.text)
        // One bracket means nothing; two may be followed by a third character that ends a CDATA section.
        guard input[position] == 0x5D, input[position &+ 1] != 0x5D else { break }
        position &+= 1
      }
      guard input[position] == 0x3C else { return false }
      if position > text {
        tape.appendText(Slice(offset: UInt32(text), length: UInt32(position &- text)))
      }
      if input[position &+ 1] == 0x2F {
        guard readEndTag(&position) else { return false }
      } else {
        guard readStartTag(&position) else { return false }
      }
    }
    return endOfRun(input, position, Self.classes, Self.space) == end
  }

  private mutating func readEndTag(_ position: inout Int) -> Bool {
    guard let element = open.popLast() else { return false }
    let start = position &+ 2
    guard isSame(element.name, start), input[start &+ element.name.count] == 0x3E else { return false }
    position = start &+ element.name.count &+ 1
    close(element)
    return true
  }

  @inline(__always)
  private mutating func close(_ element: OpenElement) {
    tape.close(element.node)
    while bound.count > element.prefixes { bound.removeLast() }
  }

  // MARK: Tags

  /// Reads the start-tag at `position`, which is that of its `<`.
  private mutating func readStartTag(_ position: inout Int) -> Bool {
    guard open.count < maximumDepth else { return false }
    let start = position
    var index = start &+ 1
    guard let (name, local) = readName(&index) else { return false }
    let node = tape.openElement(
      namespace: .absent, name: Slice(offset: UInt32(local.start), length: UInt32(local.count)),
      sourceOffset: UInt32(start))
    let prefixes = bound.count
    if names.count >= Self.keptNames { names.removeAll(keepingCapacity: true) }
    firstName = names.count
    while true {
      let behind = index
      index = endOfRun(input, index, Self.classes, Self.space)
      let byte = input[index]
      if byte == 0x3E || byte == 0x2F { break }
      guard index > behind, readAttribute(&index, prefixes) else { return false }
    }
    let prefix = Span(start: name.start, end: local.start > name.start ? local.start &- 1 : name.start)
    guard let namespace = namespace(of: prefix) else { return false }
    tape.set(node &+ XMLLayout.namespace, namespace)
    let element = OpenElement(node: node, name: name, prefixes: prefixes)
    if input[index] == 0x2F {
      guard input[index &+ 1] == 0x3E else { return false }
      position = index &+ 2
      close(element)
    } else {
      position = index &+ 1
      open.append(element)
    }
    return true
  }

  /// A name with its prefix, and the local part of it.
  @inline(__always)
  private func readName(_ position: inout Int) -> (whole: Span, local: Span)? {
    let start = position
    guard isByte(input, start, Self.classes, Self.nameStart) else { return nil }
    var index = endOfRun(input, start &+ 1, Self.classes, Self.name)
    var local = start
    if input[index] == 0x3A {
      local = index &+ 1
      guard isByte(input, local, Self.classes, Self.nameStart) else { return nil }
      index = endOfRun(input, local &+ 1, Self.classes, Self.name)
    }
    guard index &- start <= Self.maximumName else { return nil }
    position = index
    return (Span(start: start, end: index), Span(start: local, end: index))
  }

  /// Reads an attribute or a declaration of a namespace. `prefixes` were bound before this tag.
  @inline(__always)
  private mutating func readAttribute(_ position: inout Int, _ prefixes: Int) -> Bool {
    guard let (name, local) = readName(&position), input[position] == 0x3D else { return false }
    let quote = input[position &+ 1]
    guard quote == 0x22 || quote == 0x27 else { return false }
    let start = position &+ 2
    var index = start
    while true {
      index = endOfRun(input, index, Self.classes, Self.value)
      let byte = input[index]
      if byte == quote { break }
      // The other one stands for itself.
      guard byte == 0x22 || byte == 0x27 else { return false }
      index &+= 1
    }
    position = index &+ 1
    guard names.count &- firstName < maximumAttributes else { return false }
    for index in firstName..<names.count where names[index].count == name.count && isSame(names[index], name.start) {
      return false
    }
    names.append(name)
    let value = Span(start: start, end: index)
    if name.count >= 5, isExact(input, name.start, "xmlns") {
      if name.count == 5 { return bind(Span(start: name.start, end: name.start), value) }
      if input[name.start &+ 5] == 0x3A { return bind(local, value) }
    }
    var namespace = Slice.absent
    if local.start > name.start {
      // Other prefixes may be bound further on in the tag.
      guard local.start &- name.start == 4, isExact(input, name.start, "xml:"), local.count == 4,
        isExact(input, local.start, "lang")
      else { return false }
      namespace = languageNamespace
    }
    tape.appendAttribute(
      namespace: namespace, name: Slice(offset: UInt32(local.start), length: UInt32(local.count)),
      value: Slice(offset: UInt32(start), length: UInt32(index &- start)))
    return true
  }

  // MARK: Namespaces

  private mutating func bind(_ prefix: Span, _ value: Span) -> Bool {
    if prefix.count >= 3, isExact(input, prefix.start, "xml") { return false }
    if value.count == 0 {
      // Only the default namespace can be none.
      guard prefix.count == 0 else { return false }
      bound.append(BoundPrefix(prefix: prefix, namespace: .absent))
      return true
    }
    for known in namespaces where Int(known.length) == value.count && isSame(value, Int(known.offset)) {
      bound.append(BoundPrefix(prefix: prefix, namespace: known))
      return true
    }
    // Two names are reserved (Namespaces in XML 1.0 §3).
    guard !isExact(input, value.start, "http://www.w3.org/XML/1998/namespace"),
      !isExact(input, value.start, "http://www.w3.org/2000/xmlns/"), namespaces.count < maximumNamespaces
    else { return false }
    let namespace = Slice(offset: UInt32(value.start), length: UInt32(value.count))
    namespaces.append(namespace)
    bound.append(BoundPrefix(prefix: prefix, namespace: namespace))
    return true
  }

  /// What a prefix is bound to; `nil` where it is not.
  @inline(__always)
  private func namespace(of prefix: Span) -> Slice? {
    var index = bound.count
    while index > 0 {
      index &-= 1
      let other = bound[index].prefix
      if other.count == prefix.count, isSame(other, prefix.start) { return bound[index].namespace }
    }
    return prefix.count == 0 ? .absent : nil
  }

  /// Whether the bytes of `span` stand at `start`, too.
  @inline(__always)
  private func isSame(_ span: Span, _ start: Int) -> Bool {
    var offset = 0
    let count = span.count
    // Eight bytes behind the start of what is compared may always be looked at.
    while offset < count {
      let difference = input.word(span.start &+ offset) ^ input.word(start &+ offset)
      if difference != 0 {
        // Bytes behind the end may differ.
        return count &- offset < 8 && difference.trailingZeroBitCount >= (count &- offset) &* 8
      }
      offset &+= 8
    }
    return true
  }

  // MARK: Classes of bytes

  private static let name: UInt8 = 1
  private static let nameStart: UInt8 = 2
  /// In an attribute value, but for quotation marks.
  private static let value: UInt8 = 4
  /// In character data, but for brackets.
  private static let text: UInt8 = 8
  private static let space: UInt8 = 16

  /// ASCII only; a carriage return is in none of them, as a line end becomes another character when it is read.
  @inline(__always)
  private static var classes: StaticString {
    """
    \u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{18}\u{18}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\
    \u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{1C}\u{C}\u{8}\u{C}\u{C}\u{C}\u{0}\u{8}\
    \u{C}\u{C}\u{C}\u{C}\u{C}\u{D}\u{D}\u{C}\u{D}\u{D}\u{D}\u{D}\u{D}\u{D}\u{D}\u{D}\u{D}\u{D}\u{C}\u{C}\
    \u{0}\u{C}\u{C}\u{C}\u{C}\u{F}\u{F}\u{F}\u{F}\u{F}\u{F}\u{F}\u{F}\u{F}\u{F}\u{F}\u{F}\u{F}\u{F}\u{F}\
    \u{F}\u{F}\u{F}\u{F}\u{F}\u{F}\u{F}\u{F}\u{F}\u{F}\u{F}\u{C}\u{C}\u{4}\u{C}\u{F}\u{C}\u{F}\u{F}\u{F}\
    \u{F}\u{F}\u{F}\u{F}\u{F}\u{F}\u{F}\u{F}\u{F}\u{F}\u{F}\u{F}\u{F}\u{F}\u{F}\u{F}\u{F}\u{F}\u{F}\u{F}\
    \u{F}\u{F}\u{F}\u{C}\u{C}\u{C}\u{C}\u{C}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\
    \u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\
    \u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\
    \u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\
    \u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\
    \u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\
    \u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}
    """
  }
}
