import Foundation

/// Grammars/ERRORS.md: what the compiler says of which mistake, taken from the tests that hold it word for word.
struct ErrorReference {
  private var text = """
    # What the compiler refuses

    Each error as `grammarc` prints it behind `file:line:column: error: `, with a line that it is about and the note that
    follows it, if there is one. Made from the tests of the compiler, which hold them word for word, and from its sources,
    for what the tests do not show in a whole; a test says when it is stale.


    """
  private var seen: Set<String> = []
  private var lastTitle = ""

  /// What the errors of a file of tests are about, by its name.
  private static let titles = [
    "Lexical": "Lines, comments, strings", "Syntax": "Declarations as they are written", "Declaration": "Declarations",
    "Name": "Names", "Token": "Token rules", "Shape": "Shape rules", "Decision": "Choices", "Parameter": "Parameters",
    "Part": "Headers, lines, attributes, status codes", "Element": "Elements", "Mapping": "The mapping",
    "MappingCoverage": "Completeness of the mapping", "Signalling": "Signalling and reasons",
    "MappingSlips": "Slips in the mapping", "SignallingSlips": "Slips in the signalling",
    "Pasted": "Pasted from an RFC, and other slips", "GrammarSet": "targets.grammar",
  ]

  /// - Parameters:
  ///   - tests: files of tests by their names.
  ///   - sources: the sources of the compiler that report errors.
  static func text(of tests: [(name: String, source: String)], and sources: [String]) -> String {
    var reference = ErrorReference()
    for test in tests.sorted(by: { $0.name < $1.name }) {
      let stem = test.name.replacing("Tests.swift", with: "").replacing("Diagnostics", with: "").replacing(
        "Syntax", with: test.name.hasPrefix("Syntax") ? "Syntax" : "")
      reference.add(test.source, titles[stem] ?? stem)
    }
    reference.addOthers(sources)
    return reference.text
  }

  /// What the compiler can say and no table above has: so the page has all of it.
  private mutating func addOthers(_ sources: [String]) {
    var seen: Set<CompilerWords.Phrase> = []
    let known = text
    let others = sources.flatMap(CompilerWords.phrases).filter { phrase in
      phrase.pieces.contains { !known.contains(Self.cell($0)) } && seen.insert(phrase).inserted
    }
    func list(_ phrases: [CompilerWords.Phrase]) -> String {
      phrases.map { "- \($0.text.replacing("\n", with: " "))\n" }.joined()
    }
    text += """
      ## In other words

      What is said in further cases, or is a part of what is said; … stands for names and numbers.

      \(list(others.filter { !$0.isNote }))
      Notes:

      \(list(others.filter(\.isNote)))
      """
  }

  private mutating func add(_ source: String, _ title: String) {
    // A backslash at the end of a line joins it with the next one.
    let lines = source.replacing(#/\\\n */#, with: "").split(separator: "\n", omittingEmptySubsequences: false).map(
      String.init)
    var rows = ""
    for (index, line) in lines.enumerated() {
      guard let message = Self.said(line, "error"), seen.insert(message).inserted else { continue }
      // The line of the grammar stands below, then the mark, then a note.
      let example = index + 1 < lines.count ? lines[index + 1].trimmingCharacters(in: .whitespaces) : ""
      let note = lines.dropFirst(index + 1).prefix(3).lazy.compactMap { Self.said($0, "note") }.first ?? ""
      guard !example.isEmpty, example != "\"\"\")", Self.said(lines[index + 1], "note") == nil else { continue }
      rows += "| \(Self.cell(message)) | \(Self.code(example)) | \(Self.cell(note)) |\n"
    }
    if rows.isEmpty { return }
    if title == lastTitle {
      // It goes on with the table above.
      text.removeLast()
    } else {
      text += "## \(title)\n\n| error | of | note |\n|---|---|---|\n"
      lastTitle = title
    }
    text += rows + "\n"
  }

  /// What stands behind `file:line:column: error: `; `nil` where that is not what the line is, or where it is composed.
  private static func said(_ line: String, _ kind: String) -> String? {
    let trimmed = line.trimmingCharacters(in: .whitespaces)
    guard let match = trimmed.firstMatch(of: #/^[a-z\/]+\.grammar:[0-9]+:[0-9]+: (error|note): (.*)$/#),
      match.1 == kind, !trimmed.contains("\\(")
    else { return nil }
    return unescaped(String(match.2))
  }

  private static func unescaped(_ text: String) -> String {
    text.replacing("\\\"", with: "\"").replacing("\\\\", with: "\\")
  }

  private static func cell(_ text: String) -> String { text.replacing("|", with: "\\|") }

  private static func code(_ text: String) -> String {
    let text = cell(unescaped(text))
    return text.contains("`") ? "`` \(text) ``" : "`\(text)`"
  }
}
