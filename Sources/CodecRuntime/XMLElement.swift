#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// How XML stands in an ``Arena``.
///
/// An element is a node whose children are first its attributes and then, in document order, its elements and texts.
/// Names are expanded names (Namespaces in XML 1.0 §2.1): a namespace and a local name; prefixes and the declarations
/// of namespaces are not kept.
public enum XMLLayout {
  /// Slot of an element: namespace (2 words), local name (2), source offset (1).
  public static let element: UInt32 = 1023
  /// Slot of an attribute: namespace (2 words; ``Slice/absent`` without one), local name (2), value (2).
  public static let attribute: UInt32 = 1022
  /// Slot of a text: its bytes, references resolved (2 words).
  public static let text: UInt32 = 1021

  public static let elementWords = 5
  public static let attributeWords = 6
  public static let textWords = 2

  /// Words from the start of an element or attribute to its namespace.
  public static let namespace = 1
  /// Words from the start of an element or attribute to its local name.
  public static let name = 3
  /// Words from the start of an element to the source offset of its start-tag; `UInt32.max` for a built one.
  public static let sourceOffset = 5
  /// Words from the start of an attribute to its value.
  public static let value = 5
  /// Words from the start of a text node to its bytes.
  public static let content = 1
}

extension Tape {
  /// Starts an element; ``close(_:)`` ends it. Attributes have to come before elements and texts.
  @inlinable @inline(__always)
  public mutating func openElement(namespace: Slice, name: Slice, sourceOffset: UInt32 = .max) -> Int {
    let index = begin(filling: XMLLayout.elementWords)
    set(index, field: 0, XMLLayout.element << NodeLayout.slotShift)
    set(index, field: XMLLayout.namespace, namespace)
    set(index, field: XMLLayout.name, name)
    set(index, field: XMLLayout.sourceOffset, sourceOffset)
    return index
  }

  @inlinable @inline(__always)
  public mutating func appendAttribute(namespace: Slice = .absent, name: Slice, value: Slice) {
    let index = begin(filling: XMLLayout.attributeWords)
    set(index, field: XMLLayout.namespace, namespace)
    set(index, field: XMLLayout.name, name)
    set(index, field: XMLLayout.value, value)
    end(index, slot: XMLLayout.attribute)
  }

  /// Appends a text node and returns its index.
  @discardableResult
  public mutating func appendText(_ content: Slice) -> Int {
    let index = begin(filling: XMLLayout.textWords)
    set(index, field: XMLLayout.content, content)
    end(index, slot: XMLLayout.text)
    return index
  }
}

extension Arena {
  /// Whether the bytes of `slice` are those of `text`.
  public func equals(_ slice: Slice, _ text: StaticString) -> Bool {
    guard Int(slice.length) == text.utf8CodeUnitCount else { return false }
    return withBytes(of: slice) { bytes in
      guard let base = bytes.baseAddress else { return true }
      return memcmp(base, text.utf8Start, bytes.count) == 0
    }
  }
}

/// An XML element on a tape: a view, cheap to copy and to pass on; it keeps the whole message alive.
public struct XMLElement: ArenaValue {
  public let arena: Arena
  public let index: Int

  @inlinable
  public init(arena: Arena, index: Int) {
    self.arena = arena
    self.index = index
  }

  /// The local name.
  public var name: Text { Text(arena: arena, slice: arena.slice(at: index + XMLLayout.name)) }

  /// The namespace name; empty where there is none.
  public var namespace: Text { Text(arena: arena, slice: arena.slice(at: index + XMLLayout.namespace)) }

  /// Where the start-tag began: bytes from the start of what was parsed, which is where the bytes of the arena begin;
  /// absent in an element that was built.
  public var sourceOffset: Int? {
    let offset = arena.word(index + XMLLayout.sourceOffset)
    return offset == .max ? nil : Int(offset)
  }

  /// Whether the element has this expanded name.
  public func matches(_ name: StaticString, namespace: StaticString) -> Bool {
    arena.equals(arena.slice(at: index + XMLLayout.name), name)
      && arena.equals(arena.slice(at: index + XMLLayout.namespace), namespace)
  }

  /// The value of the attribute with this name and no namespace.
  public func attribute(_ name: StaticString) -> Text? {
    for attribute in attributes where !attribute.isNamespaced && attribute.name == name { return attribute.value }
    return nil
  }

  /// The value of the attribute with this expanded name.
  public func attribute(_ name: StaticString, namespace: StaticString) -> Text? {
    for attribute in attributes where attribute.name == name && attribute.namespace == namespace {
      return attribute.value
    }
    return nil
  }

  public var attributes: ArenaList<XMLAttribute> {
    ArenaList(arena: arena, slot: XMLLayout.attribute, of: index, after: XMLLayout.elementWords)
  }

  /// The child elements, without the text between them.
  public var children: ArenaList<XMLElement> {
    ArenaList(arena: arena, slot: XMLLayout.element, of: index, after: XMLLayout.elementWords)
  }

  /// Elements and texts in document order.
  public var nodes: XMLNodes { XMLNodes(element: self) }

  public func firstChild(named name: StaticString, namespace: StaticString) -> XMLElement? {
    for child in children where child.matches(name, namespace: namespace) { return child }
    return nil
  }

  /// The text between the start-tag and the end-tag, without that of child elements. Where elements stand between
  /// pieces of it, they are joined.
  public var text: Text {
    var first = Slice.absent
    var pieces = 0
    for case .text(let text) in nodes {
      if pieces == 0 { first = text.slice }
      pieces += 1
    }
    if pieces < 2 { return Text(arena: arena, slice: first) }
    var tape = Tape()
    var joined = Slice(offset: 0, length: 0)
    for case .text(let text) in nodes { joined.length += tape.append(text).length }
    return Text(arena: tape.finish(), slice: joined)
  }
}

/// An attribute of an ``XMLElement``.
public struct XMLAttribute: ArenaValue {
  public let arena: Arena
  public let index: Int

  @inlinable
  public init(arena: Arena, index: Int) {
    self.arena = arena
    self.index = index
  }

  public var name: Text { Text(arena: arena, slice: arena.slice(at: index + XMLLayout.name)) }
  public var namespace: Text { Text(arena: arena, slice: arena.slice(at: index + XMLLayout.namespace)) }
  public var isNamespaced: Bool { arena.word(index + XMLLayout.namespace + 1) != 0 }
  public var value: Text { Text(arena: arena, slice: arena.slice(at: index + XMLLayout.value)) }
}

/// What can stand between a start-tag and an end-tag.
public enum XMLNode: Sendable {
  case element(XMLElement)
  case text(Text)
}

/// The content of an element, in document order.
public struct XMLNodes: Sequence, Sendable {
  @usableFromInline let element: XMLElement

  @inlinable
  init(element: XMLElement) { self.element = element }

  public struct Iterator: IteratorProtocol {
    @usableFromInline let arena: Arena
    @usableFromInline var position: Int
    @usableFromInline let end: Int

    @inlinable
    init(_ element: XMLElement) {
      arena = element.arena
      position = element.index + 1 + XMLLayout.elementWords
      end = arena.end(of: element.index)
    }

    @inlinable
    public mutating func next() -> XMLNode? {
      while position < end {
        let index = position
        position = arena.end(of: index)
        switch arena.slot(of: index) {
        case XMLLayout.element: return .element(XMLElement(arena: arena, index: index))
        case XMLLayout.text:
          return .text(Text(arena: arena, slice: arena.slice(at: index + XMLLayout.content)))
        default: continue
        }
      }
      return nil
    }
  }

  @inlinable
  public func makeIterator() -> Iterator { Iterator(element) }
}
