/// A pattern in which `*` is any text, also none, and `\*` a star; ASCII letters fit without regard to case.
///
/// It is matched in one pass over the text and without going back more than a comparison has gone on: the time is that
/// of both lengths together, whatever the stars.
struct Glob: Hashable, Sendable {
  /// A text that has to come somewhere, with the length of the longest proper border of each of its prefixes (Knuth,
  /// Morris and Pratt).
  private struct Piece: Hashable, Sendable {
    let bytes: [UInt8]
    let borders: [Int]

    init(_ bytes: [UInt8]) {
      self.bytes = bytes
      var borders = [Int](repeating: 0, count: bytes.count)
      var length = 0
      for index in bytes.indices.dropFirst() {
        while length > 0, bytes[index] != bytes[length] { length = borders[length - 1] }
        if bytes[index] == bytes[length] { length += 1 }
        borders[index] = length
      }
      self.borders = borders
    }

    /// The end of its first occurrence from `start` on and before `end`.
    func end(in text: [UInt8], from start: Int, to end: Int) -> Int? {
      var length = 0
      var index = start
      while index < end {
        while length > 0, text[index] != bytes[length] { length = borders[length - 1] }
        if text[index] == bytes[length] { length += 1 }
        index += 1
        if length == bytes.count { return index }
      }
      return nil
    }
  }

  private let first: [UInt8]
  private let middle: [Piece]
  /// `nil` where there is no star, so that `first` is all.
  private let last: [UInt8]?

  init(_ pattern: String) {
    var texts: [[UInt8]] = [[]]
    var isEscaped = false
    for byte in pattern.utf8 {
      switch byte {
      case 0x5C where !isEscaped: isEscaped = true
      case 0x2A where !isEscaped: texts.append([])
      default:
        texts[texts.count - 1].append(Self.lowercased(byte))
        isEscaped = false
      }
    }
    first = texts[0]
    last = texts.count > 1 ? texts[texts.count - 1] : nil
    middle = texts.dropFirst().dropLast().filter { !$0.isEmpty }.map(Piece.init)
  }

  /// Whether all texts fit.
  var isEverything: Bool { first.isEmpty && middle.isEmpty && last?.isEmpty == true }

  func matches(_ string: String) -> Bool {
    let text = string.utf8.map(Self.lowercased)
    guard text.starts(with: first) else { return false }
    guard let last else { return text.count == first.count }
    let end = text.count - last.count
    guard end >= first.count, text[end...].elementsEqual(last) else { return false }
    var position = first.count
    for piece in middle {
      guard let next = piece.end(in: text, from: position, to: end) else { return false }
      position = next
    }
    return true
  }

  private static func lowercased(_ byte: UInt8) -> UInt8 { byte &- 0x41 < 26 ? byte | 0x20 : byte }
}
