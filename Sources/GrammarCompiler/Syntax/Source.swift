/// One grammar file: its name as shown in messages, and its text.
public struct SourceFile: Sendable {
  /// Path as the user knows it.
  public let path: String
  /// The folder below `Grammars/` that it belongs to, or the file's name without extension at the top (`core`).
  public let area: String
  public let text: [UInt8]

  /// The area whose rules each codec has beside its own: `core.grammar`.
  static let sharedArea = "core"

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
public struct Diagnostic: Error, Hashable, Sendable {
  public var position: Position
  public var message: String
  /// What would mend it, on a line of its own.
  public var note: String?
  /// Where the note belongs, if not to the same place: the first of two declarations.
  public var notePosition: Position?

  public init(_ position: Position, _ message: String, note: String? = nil, at notePosition: Position? = nil) {
    self.position = position
    self.message = message
    self.note = note
    self.notePosition = notePosition
  }

  /// `file:line:column: error: message`, the line, and a caret below the column.
  public func rendered(_ files: [SourceFile]) -> String {
    guard files.indices.contains(position.file) else { return "error: \(message)" }
    let line = files[position.file].line(position.line)
    let padding = line.unicodeScalars.prefix(max(0, position.column - 1)).map { $0 == "\t" ? "\t" : " " }.joined()
    var text = "\(Self.shown(position, files)): error: \(message)\n\(line)\n\(padding)^\n"
    if let note { text += "\(Self.shown(notePosition ?? position, files)): note: \(note)\n" }
    return text
  }

  private static func shown(_ position: Position, _ files: [SourceFile]) -> String {
    guard files.indices.contains(position.file) else { return "?" }
    return "\(files[position.file].path):\(position.line):\(position.column)"
  }
}

/// Collects diagnostics; one compilation reports all that it finds, in the order of the files.
final class Diagnostics {
  private var all: [Diagnostic] = []
  private var known: Set<Diagnostic> = []
  /// Where something is named that is not there, by what is said of it.
  private var missing: [String: Set<Position>] = [:]
  /// How many mistakes were met, with those that had been reported already: compared with an earlier number it tells
  /// whether something failed in between.
  private(set) var mistakes = 0

  func report(_ position: Position, _ message: String, note: String? = nil, at notePosition: Position? = nil) {
    mistakes += 1
    let diagnostic = Diagnostic(position, message, note: note, at: notePosition)
    if known.insert(diagnostic).inserted { all.append(diagnostic) }
  }

  var isEmpty: Bool { all.isEmpty }
  /// Something that is named and not there: said once, however often it is named.
  func reportMissing(_ position: Position, _ message: String, note: String? = nil) {
    mistakes += 1
    if missing[message] == nil { all.append(Diagnostic(position, message, note: note)) }
    missing[message, default: []].insert(position)
  }

  /// Something cannot be made because of a mistake that was reported where it is.
  func meetAgain() { mistakes += 1 }
  /// In the order of the files; of what is missing the first place at which it is named.
  var sorted: [Diagnostic] {
    let diagnostics = all.map { diagnostic in
      guard let places = missing[diagnostic.message], places.count > 1, let first = places.min() else {
        return diagnostic
      }
      let others = "it is named in \(places.count - 1) more place\(places.count > 2 ? "s" : "")"
      return Diagnostic(first, diagnostic.message, note: (diagnostic.note.map { $0 + "; " } ?? "") + others)
    }
    return diagnostics.sorted { $0.position < $1.position }
  }
}
