import Foundation
import GrammarCompiler
import TestGrammars
import Testing

/// The checked-in tables are those that the grammars and the sources make. After a change:
/// `REFRESH_EXPECTED=1 swift test --filter DocumentationTests`.
@Suite("Documentation")
struct DocumentationTests {
  private static let package = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  private static var isRefreshing: Bool { ProcessInfo.processInfo.environment["REFRESH_EXPECTED"] == "1" }

  private static func compare(_ text: String, with path: String, sourceLocation: SourceLocation = #_sourceLocation)
    throws
  {
    let file = package.appending(path: path)
    if isRefreshing { try text.write(to: file, atomically: true, encoding: .utf8) }
    let known = (try? String(contentsOf: file, encoding: .utf8)) ?? ""
    // Whole texts of thousands of lines would hide what differs.
    let old = known.split(separator: "\n", omittingEmptySubsequences: false)
    let new = text.split(separator: "\n", omittingEmptySubsequences: false)
    guard old != new else { return }
    let line = zip(old, new).enumerated().first { $0.element.0 != $0.element.1 }?.offset ?? min(old.count, new.count)
    func shown(_ lines: [Substring]) -> Substring { line < lines.count ? lines[line].prefix(200) : "(end)" }
    Issue.record(
      """
      \(path) is stale. To make it anew: REFRESH_EXPECTED=1 swift test --filter DocumentationTests
      line \(line + 1) was: \(shown(old))
      line \(line + 1) is:  \(shown(new))
      """, sourceLocation: sourceLocation)
  }

  /// Every file below a folder with this ending, in the order of the paths.
  private static func files(_ folder: String, _ ending: String) throws -> [String] {
    try FileManager.default.subpathsOfDirectory(atPath: package.appending(path: folder).path(percentEncoded: false))
      .filter { $0.hasSuffix(ending) }.sorted()
  }

  private static func text(_ path: String) throws -> String {
    try String(contentsOf: package.appending(path: path), encoding: .utf8)
  }

  @Test("Grammars/ERRORS.md has all that the compiler can say, by its tests and by its sources")
  func errors() throws {
    let tests = try Self.files("Tests/GrammarCompilerTests", "Tests.swift").map { name in
      (name: name, source: try Self.text("Tests/GrammarCompilerTests/\(name)"))
    }
    let sources = try ["Syntax", "Model", "Check"].flatMap { folder in
      try Self.files("Sources/GrammarCompiler/\(folder)", ".swift").filter { $0 != "Source.swift" }.map { name in
        try Self.text("Sources/GrammarCompiler/\(folder)/\(name)")
      }
    }
    try Self.compare(ErrorReference.text(of: tests, and: sources), with: "Grammars/ERRORS.md")
  }

  @Test("Grammars/TABLES.md is what `grammarc document` prints")
  func tables() throws {
    let set = try PackageGrammars.all()
    #expect(set.problems == "")
    var text = """
      # What the grammars declare

      Made by `grammarc document` from the files beside this one; a test says when it is stale.


      """
    for target in set.targets {
      let compilation = set.compile(target)
      #expect(compilation.renderedDiagnostics == "")
      text += compilation.document()
    }
    try Self.compare(text, with: "Grammars/TABLES.md")
  }

  // MARK: Compliance

  /// Where a document is cited.
  private struct Citations {
    var sections: Set<String> = []
    var grammars: Set<String> = []
    var sources: Set<String> = []
    var tests: Set<String> = []
  }

  private static func collect(
    _ folder: String, _ ending: String, into found: inout [String: Citations],
    _ place: WritableKeyPath<Citations, Set<String>>,
    _ name: (String) -> String
  ) throws {
    for path in try files(folder, ending) {
      for match in try text("\(folder)/\(path)").matches(
        of: #/(RFC |XEP-)(\d{4}(?:,? (?:and )?§[0-9A-Z][0-9.]*|(?:,| and) \d{4}\b)*)/#)
      {
        // `RFC 3323, 3325 §9.1` are two of them.
        var document = ""
        for part in match.2.matches(of: #/(\d{4})\b|§([0-9A-Z][0-9.]*[0-9A-Z]|[0-9A-Z])/#) {
          if let number = part.1 {
            document = String(match.1 + number)
            found[document, default: Citations()][keyPath: place].insert(name(path))
          } else if let section = part.2 {
            found[document]?.sections.insert(String(section))
          }
        }
      }
    }
  }

  /// By number of each part: 7.2 before 20.42.
  private static func precedes(_ left: String, _ right: String) -> Bool {
    left.compare(right, options: .numeric) == .orderedAscending
  }

  /// The titles of the documents stand in the page itself and are kept.
  private static func titles() -> [String: String] {
    let page = (try? text("Grammars/COMPLIANCE.md")) ?? ""
    var titles: [String: String] = [:]
    for line in page.split(separator: "\n") where line.hasPrefix("| RFC") || line.hasPrefix("| XEP") {
      let cells = line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
      if cells.count > 1 { titles[cells[0]] = cells[1] }
    }
    return titles
  }

  @Test("Grammars/COMPLIANCE.md names every RFC and XEP that is cited, and where it is kept and tested")
  func compliance() throws {
    var found: [String: Citations] = [:]
    try Self.collect("Grammars", ".grammar", into: &found, \.grammars) { String($0.dropLast(8)) }
    try Self.collect("Sources", ".swift", into: &found, \.sources) { String($0.split(separator: "/")[0]) }
    try Self.collect("Tests", ".swift", into: &found, \.tests) { String($0.split(separator: "/")[0]) }
    try Self.collect("Tests/EndToEnd", ".py", into: &found, \.tests) { _ in "EndToEnd" }
    let titles = Self.titles()
    var text = """
      # Which RFC and which XEP is where

      Made from what the grammars, the sources and the tests cite; a test says when it is stale. Sections are those that
      are cited somewhere; grammars are files of this folder, without their ending.

      | document | title | sections | grammars | Swift | tests |
      |---|---|---|---|---|---|

      """
    for document in found.keys.sorted(by: Self.precedes) {
      guard let citations = found[document] else { continue }
      let title = titles[document] ?? ""
      if titles[document] == "", !Self.isRefreshing {
        Issue.record("\(document) has no title in Grammars/COMPLIANCE.md: write it into its row there, by hand")
      }
      func cell(_ names: Set<String>, _ mark: String = "") -> String {
        names.sorted(by: Self.precedes).map { mark + $0 }.joined(separator: ", ")
      }
      text +=
        "| \(document) | \(title) | \(cell(citations.sections, "§")) | \(cell(citations.grammars)) | "
        + "\(cell(citations.sources)) | \(cell(citations.tests)) |\n"
    }
    try Self.compare(text, with: "Grammars/COMPLIANCE.md")
  }
}
