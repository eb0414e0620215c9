import CodecRuntime

/// Whether two arenas hold the same values: the same nodes and numbers, and texts of the same bytes, wherever those lie.
func holdSameValues(_ left: Arena, _ right: Arena) -> Bool {
  guard left.wordCount == right.wordCount else { return false }
  func bytes(_ arena: Arena, _ slice: Slice) -> [UInt8]? {
    guard Int(slice.offset) + Int(slice.length) <= arena.byteCount else { return nil }
    return arena.withBytes(of: slice) { Array($0) }
  }
  var index = 0
  while index < left.wordCount {
    if left.word(index) == right.word(index) {
      index += 1
      continue
    }
    // What differs can only be where a text begins.
    guard index + 1 < left.wordCount else { return false }
    let length = left.word(index + 1)
    guard length == right.word(index + 1),
      let first = bytes(left, Slice(offset: left.word(index), length: length)),
      first == bytes(right, Slice(offset: right.word(index), length: length))
    else { return false }
    index += 2
  }
  return true
}

/// A seed for the values of something that bears this name (FNV-1a).
func seed(of name: String) -> UInt64 {
  name.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x0100_0000_01B3 }
}

func shown(_ bytes: [UInt8]) -> String {
  String(decoding: bytes, as: UTF8.self).debugDescription
}
