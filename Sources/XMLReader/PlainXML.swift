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
    /// Inputs are so small that their positions have 32 bits.
    var slice: Slice {
      Slice(offset: UInt32(truncatingIfNeeded: start), length: UInt32(truncatingIfNeeded: end &- start))
    }
  }

  private struct BoundPrefix {
    var prefix: Span
    /// Absent where the default namespace is none.
    var namespace: Slice
    /// The element that declares it; −1 where it was inherited.
    var element: Int
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
  /// The innermost element that has not ended, and how many there are. While an element is open, its head has the node
  /// of the one around it where its size is to stand.
  private var current = 0
  private var depth = 0
  /// The prefixes that are bound: the first `boundCount` of these.
  private var bound: [BoundPrefix] = []
  private var boundCount = 0
  /// Namespaces, each once, so that equal ones are equal slices.
  private var namespaces: [Slice] = []

  /// Tags with more attributes than this are not read here: each name may have to be compared with all others.
  private static let comparedAttributes = 16
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
    bound.reserveCapacity(16)
    namespaces.reserveCapacity(16)
    for binding in bindings {
      let prefix = binding.prefix.withUnsafeBufferPointer { tape.append($0) }
      let namespace = binding.namespace.withUnsafeBufferPointer { tape.append($0) }
      bound.append(
        BoundPrefix(
          prefix: Span(start: Int(prefix.offset), end: Int(prefix.offset + prefix.length)),
          namespace: namespace.length == 0 ? .absent : namespace, element: -1))
      if namespace.length > 0, !namespaces.contains(where: { $0.offset == namespace.offset }) {
        namespaces.append(namespace)
      }
    }
    boundCount = bound.count
    // No bytes are appended from here on.
    input = tape.input
    self.tape = tape
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
    guard reader.input[0] == 0x3C, reader.readStartTag(&position), position == reader.end, reader.depth == 1 else {
      return nil
    }
    var bindings: [Binding] = []
    for bound in reader.bound[..<reader.boundCount] {
      bindings.append(
        Binding(
          prefix: reader.tape.withBytes(of: bound.prefix.slice) { Array($0) },
          namespace: reader.tape.withBytes(of: bound.namespace) { Array($0) }))
    }
    return bindings
  }

  private consuming func finish() -> Arena { tape.finish() }

  // MARK: Content

  private mutating func readElement() -> Bool {
    var position = endOfRun(input, 0, Self.classes, Self.space)
    guard input[position] == 0x3C, readStartTag(&position) else { return false }
    while depth > 0 {
      if input[position] != 0x3C {
        guard readText(&position) else { return false }
      }
      if input[position &+ 1] == 0x2F {
        guard readEndTag(&position) else { return false }
      } else {
        guard readStartTag(&position) else { return false }
      }
    }
    return endOfRun(input, position, Self.classes, Self.space) == end
  }

  /// Reads character data up to the next tag.
  private mutating func readText(_ position: inout Int) -> Bool {
    let text = position
    while true {
      position = endOfRun(input, position, Self.classes, Self.text)
      // One bracket means nothing; two may be followed by a third character that ends a CDATA section.
      guard input[position] == 0x5D, input[position &+ 1] != 0x5D else { break }
      position &+= 1
    }
    guard input[position] == 0x3C else { return false }
    tape.appendText(Span(start: text, end: position).slice)
    return true
  }

  /// Reads the end-tag at `position`, which has to repeat the name of the innermost element with its prefix: it stands
  /// behind the `<` of the start-tag, and the local name ends it.
  private mutating func readEndTag(_ position: inout Int) -> Bool {
    let nameStart = Int(tape.word(current &+ XMLLayout.sourceOffset)) &+ 1
    let nameEnd = Int(tape.word(current &+ XMLLayout.name)) &+ Int(tape.word(current &+ XMLLayout.name &+ 1))
    let start = position &+ 2
    let end = start &+ nameEnd &- nameStart
    guard isSame(Span(start: nameStart, end: nameEnd), start), input[end] == 0x3E else { return false }
    position = end &+ 1
    let around = Int(tape.word(current) & NodeLayout.sizeMask)
    close(current)
    current = around
    depth &-= 1
    return true
  }

  @inline(__always)
  private mutating func close(_ element: Int) {
    tape.end(element, slot: XMLLayout.element)
    while boundCount > 0, bound[boundCount &- 1].element == element { boundCount &-= 1 }
  }

  // MARK: Tags

  /// Reads the start-tag at `position`, which is that of its `<`.
  private mutating func readStartTag(_ position: inout Int) -> Bool {
    guard depth < maximumDepth else { return false }
    let start = position
    var index = start &+ 1
    let local = readName(&index)
    guard local >= 0 else { return false }
    let node = tape.openElement(
      namespace: .absent, name: Span(start: local, end: index).slice, sourceOffset: UInt32(truncatingIfNeeded: start))
    let prefix = Span(start: start &+ 1, end: local > start &+ 1 ? local &- 1 : local)
    var seen = SeenNames()
    while true {
      let behind = index
      if isByte(input, index, Self.classes, Self.space) {
        index &+= 1
        if isByte(input, index, Self.classes, Self.space) { index = endOfRun(input, index, Self.classes, Self.space) }
      }
      let byte = input[index]
      if byte == 0x3E || byte == 0x2F { break }
      guard index > behind, readAttribute(&index, of: node, &seen) else { return false }
    }
    guard let namespace = namespace(of: prefix) else { return false }
    tape.set(node, field: XMLLayout.namespace, namespace)
    if input[index] == 0x2F {
      guard input[index &+ 1] == 0x3E else { return false }
      position = index &+ 2
      close(node)
    } else {
      position = index &+ 1
      tape.mark(node, UInt32(truncatingIfNeeded: current))
      current = node
      depth &+= 1
    }
    return true
  }

  /// Reads a name with its prefix; returns where the local part of it begins, −1 where there is none.
  @inline(__always)
  private func readName(_ position: inout Int) -> Int {
    var local = position
    guard isByte(input, local, Self.classes, Self.nameStart) else { return -1 }
    var index = endOfRun(input, local &+ 1, Self.classes, Self.name)
    if input[index] == 0x3A {
      local = index &+ 1
      guard isByte(input, local, Self.classes, Self.nameStart) else { return -1 }
      index = endOfRun(input, local &+ 1, Self.classes, Self.name)
    }
    guard index &- position <= Self.maximumName else { return -1 }
    position = index
    return local
  }

  /// The names of the attributes of one tag, without their prefixes.
  private struct SeenNames {
    var count = 0
    /// A bit for each name; two names may have the same.
    private var bits: UInt64 = 0

    /// Notes a name from `start` up to `end`; whether it may have been there before.
    @inline(__always)
    mutating func insert(_ input: Input, _ start: Int, _ end: Int) -> Bool {
      let sum = Int(input[start]) &+ 3 &* Int(input[end &- 1]) &+ 5 &* (end &- start)
      let bit: UInt64 = 1 &<< UInt64(truncatingIfNeeded: sum)
      defer { bits |= bit }
      return bits & bit != 0
    }
  }

  /// Reads an attribute or a declaration of a namespace.
  @inline(__always)
  private mutating func readAttribute(_ position: inout Int, of node: Int, _ seen: inout SeenNames) -> Bool {
    let whole = position
    let local = readName(&position)
    let nameEnd = position
    guard local >= 0, input[nameEnd] == 0x3D else { return false }
    let quote = input[nameEnd &+ 1]
    guard quote == 0x22 || quote == 0x27 else { return false }
    let value = Span(start: nameEnd &+ 2, end: endOfValue(nameEnd &+ 2, quote))
    guard input[value.end] == quote, seen.count < maximumAttributes else { return false }
    position = value.end &+ 1
    seen.count &+= 1
    if nameEnd &- whole >= 5, isExact(input, whole, "xmlns") {
      if nameEnd &- whole == 5 { return bind(Span(start: whole, end: whole), value, node) }
      if input[whole &+ 5] == 0x3A { return bind(Span(start: local, end: nameEnd), value, node) }
    }
    let name = Span(start: local, end: nameEnd).slice
    var namespace = Slice.absent
    if local > whole {
      // Other prefixes may be bound further on in the tag.
      guard local &- whole == 4, isExact(input, whole, "xml:"), name.length == 4, isExact(input, local, "lang") else {
        return false
      }
      namespace = languageNamespace
    }
    if seen.insert(input, local, nameEnd), isRepeated(namespace, name, of: node) { return false }
    tape.appendAttribute(namespace: namespace, name: name, value: value.slice)
    return true
  }

  /// Where the value that begins at `start` ends: at its quotation mark, or at a byte that cannot stand in it.
  @inline(__always)
  private func endOfValue(_ start: Int, _ quote: UInt8) -> Int {
    var index = start
    while true {
      let bytes = input.block(index)
      // Quotation marks, "#" and "&", which differ in two bits only; "<"; what is not from a space on to DEL.
      let ends = markZeros(bytes & 0xFA ^ 0x22) | markZeros(bytes ^ 0x3C) | (bytes &- 0x20) | bytes
      let count = firstMarked(ends)
      index &+= count
      if count == 16 { continue }
      let byte = input[index]
      // "#" stands for itself, and so does the other quotation mark.
      if byte == quote || byte != 0x23 && byte != 0x22 && byte != 0x27 { return index }
      index &+= 1
    }
  }

  /// Whether an attribute of the element at `node` has this name. There is only one namespace that it can be in.
  private func isRepeated(_ namespace: Slice, _ name: Slice, of node: Int) -> Bool {
    let span = Span(start: Int(name.offset), end: Int(name.offset &+ name.length))
    var other = node &+ 1 &+ XMLLayout.elementWords
    while other < tape.wordCount {
      let isInNamespace = tape.word(other &+ XMLLayout.namespace) == namespace.offset
      let nameStart = Int(tape.word(other &+ XMLLayout.name))
      if isInNamespace, tape.word(other &+ XMLLayout.name &+ 1) == name.length, isSame(span, nameStart) { return true }
      other &+= 1 &+ XMLLayout.attributeWords
    }
    return false
  }

  // MARK: Namespaces

  /// Binds a prefix, which the element at `node` declares.
  private mutating func bind(_ prefix: Span, _ value: Span, _ node: Int) -> Bool {
    if prefix.count >= 3, isExact(input, prefix.start, "xml") { return false }
    var index = boundCount
    while index > 0, bound[index &- 1].element == node {
      index &-= 1
      let other = bound[index].prefix
      if other.count == prefix.count, isSame(other, prefix.start) { return false }
    }
    var namespace = Slice.absent
    if value.count > 0 {
      guard let known = intern(value) else { return false }
      namespace = known
    } else if prefix.count > 0 {
      // Only the default namespace can be none.
      return false
    }
    let binding = BoundPrefix(prefix: prefix, namespace: namespace, element: node)
    if boundCount < bound.count { bound[boundCount] = binding } else { bound.append(binding) }
    boundCount &+= 1
    return true
  }

  /// The first text of the input that is this namespace; `nil` where it is a reserved one, or one too many.
  @inline(__always)
  private mutating func intern(_ value: Span) -> Slice? {
    for index in 0..<namespaces.count {
      let known = namespaces[index]
      if Int(known.length) == value.count, isSame(value, Int(known.offset)) { return known }
    }
    // Two names are reserved (Namespaces in XML 1.0 §3).
    guard !isExact(input, value.start, "http://www.w3.org/XML/1998/namespace"),
      !isExact(input, value.start, "http://www.w3.org/2000/xmlns/"), namespaces.count < maximumNamespaces
    else { return nil }
    namespaces.append(value.slice)
    return value.slice
  }

  /// What a prefix is bound to; `nil` where it is not.
  @inline(__always)
  private func namespace(of prefix: Span) -> Slice? {
    var index = boundCount
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
