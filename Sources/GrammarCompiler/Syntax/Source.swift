/// One grammar file: its name as shown in messages, and its text.
public struct SourceFile: Sendable {
  /// Path as the user knows it.
  public let path: String
  /// The folder below `Grammars/` that it belongs to, or the file's name without extension at the top (`core`).
  public let area: String
  public let text: [UInt8]

  public init(path: String, area: String, text: [UInt8]) {
    self.path = path
    self.area = area
    self.text = text
  }

  public init(path: String, area: String, text: String) {
    self.init(path: path, area: area, text: Array(text.utf8))
  }

  /// Name without folder and extension.
  public var stem: String {
    let name = path.split(separator: "/").last.map(String.init) ?? path
    return name.hasSuffix(".grammar") ? String(name.dropLast(8)) : name
  }

  /// The text of a line, counted from 1, without its end.
  func line(_ number: Int) -> String {
    var current = 1
    var start = 0
    for (index, byte) in text.enumerated() where byte == 0x0A {
      if current == number { return decode(start, index) }
      current += 1
      start = index + 1
    }
    return current == number ? decode(start, text.count) : ""
  }

  private func decode(_ start: Int, _ end: Int) -> String {
    let end = end > start && text[end - 1] == 0x0D ? end - 1 : end
    return String(decoding: text[start..<end], as: UTF8.self)
  }
}

/// A place in a grammar: the file's index in the compilation, line and column (in characters), counted from 1.
public struct Position: Hashable, Sendable, Comparable {
  public var file: Int
  public var line: Int
  public var column: Int

  public static func < (left: Position, right: Position) -> Bool {
    (left.file, left.line, left.column) < (right.file, right.line, right.column)
  }
}

/// A mistake in a grammar, in words that someone who knows the protocols understands.
public struct Diagnostic: Error, Equatable, Sendable {
  public var position: Position
  public var message: String
  /// What would mend it, on a line of its own.
  public var note: String?

  public init(_ position: Position, _ message: String, note: String? = nil) {
    self.position = position
    self.message = message
    self.note = note
  }

  /// `file:line:column: error: message`, the line, and a caret below the column.
  public func rendered(_ files: [SourceFile]) -> String {
    guard files.indices.contains(position.file) else { return "error: \(message)" }
    let file = files[position.file]
    let line = file.line(position.line)
    let padding = line.prefix(max(0, position.column - 1)).map { $0 == "\t" ? "\t" : " " }.joined()
    var text = "\(file.path):\(position.line):\(position.column): error: \(message)\n\(line)\n\(padding)^\n"
    if let note { text += "\(file.path):\(position.line):\(position.column): note: \(note)\n" }
    return text
  }
}

/// Collects diagnostics; one compilation reports all that it finds, in the order of the files.
final class Diagnostics {
  private(set) var all: [Diagnostic] = []

  func report(_ position: Position, _ message: String, note: String? = nil) {
    let diagnostic = Diagnostic(position, message, note: note)
    if !all.contains(diagnostic) { all.append(diagnostic) }
  }

  var isEmpty: Bool { all.isEmpty }
  var sorted: [Diagnostic] { all.sorted { $0.position < $1.position } }
}
