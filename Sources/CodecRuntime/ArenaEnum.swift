/// An enum of the grammars in an arena: three words, the number of the known case (0 for none) and the text.
public protocol ArenaEnum: Hashable, Sendable {
  /// Reads the three words at `index`.
  init(arena: Arena, at index: Int)
  /// How it is written.
  var name: String { get }
}

/// One value of a list of enums: a child node.
public struct EnumValue<Value: ArenaEnum>: ArenaValue {
  public let arena: Arena
  public let index: Int

  public init(arena: Arena, index: Int) {
    self.arena = arena
    self.index = index
  }

  public var value: Value { Value(arena: arena, at: index + 1) }
}

/// One number of a list of numbers up to 32 bits: a child node.
public struct NumberValue: ArenaValue {
  public let arena: Arena
  public let index: Int

  public init(arena: Arena, index: Int) {
    self.arena = arena
    self.index = index
  }

  public var value: UInt32 { arena.word(index + 1) }
}

extension Arena {
  /// A number of 64 bits in two words.
  public func wide(at index: Int) -> UInt64 { UInt64(word(index)) | UInt64(word(index + 1)) << 32 }

  public func text(at index: Int) -> Text { Text(arena: self, slice: slice(at: index)) }
}

extension String {
  /// Hands the UTF-8 of the string to a parser.
  public func asInput<Result>(_ body: (Input) -> Result) -> Result {
    var copy = self
    return copy.withUTF8 { Input.with($0, body) }
  }
}
