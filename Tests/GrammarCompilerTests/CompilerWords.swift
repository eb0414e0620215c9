/// What the sources of the compiler can say: their strings of several words, with `…` where something is filled in.
struct CompilerWords {
  struct Phrase: Hashable {
    var text: String
    /// The parts that are always the same, without those of one word.
    var pieces: [String]
    var isNote: Bool
  }

  private let source: [Character]
  private var index = 0
  private var phrases: [Phrase] = []

  /// The phrases of one file, in its order.
  static func phrases(of source: String) -> [Phrase] {
    var words = CompilerWords(source: Array(source))
    words.scan()
    return words.phrases
  }

  private init(source: [Character]) { self.source = source }

  private mutating func scan() {
    while index < source.count {
      if source[index...].starts(with: "//") {
        while index < source.count, source[index] != "\n" { index += 1 }
      } else if source[index] == "\"" {
        let before = String(source[max(0, index - 60)..<index])
        add(string(), behind: before)
      } else {
        index += 1
      }
    }
  }

  /// Reads a string literal and returns its parts between what is interpolated.
  private mutating func string() -> [String] {
    var parts = [""]
    index += 1
    while index < source.count, source[index] != "\"" {
      if source[index] == "\\", index + 1 < source.count {
        index += 2
        switch source[index - 1] {
        case "(":
          skipInterpolation()
          parts.append("")
        case "n": parts[parts.count - 1] += "\n"
        default: parts[parts.count - 1].append(source[index - 1])
        }
      } else {
        parts[parts.count - 1].append(source[index])
        index += 1
      }
    }
    index += 1
    return parts
  }

  private mutating func skipInterpolation() {
    var depth = 1
    while index < source.count, depth > 0 {
      switch source[index] {
      case "\"":
        _ = string()
        continue
      case "(": depth += 1
      case ")": depth -= 1
      default: break
      }
      index += 1
    }
  }

  private mutating func add(_ parts: [String], behind before: String) {
    let pieces = parts.map { String($0.drop(while: \.isWhitespace).trimmedEnd) }.filter {
      $0.split(separator: " ").count > 1 && $0.contains(where: \.isLetter)
    }
    guard !pieces.isEmpty else { return }
    let call = before.trimmedEnd.split(whereSeparator: { !$0.isLetter && $0 != "(" && $0 != ":" }).last ?? ""
    var text = parts.joined(separator: "…")
    if call.hasSuffix("("), call.contains("expect") { text = "expected " + text }
    phrases.append(Phrase(text: text, pieces: pieces, isNote: call.hasSuffix("note:")))
  }
}

extension StringProtocol {
  fileprivate var trimmedEnd: SubSequence {
    guard let last = lastIndex(where: { !$0.isWhitespace }) else { return self[startIndex..<startIndex] }
    return self[...last]
  }
}
