import Foundation
import Testing

@testable import GrammarCompiler

/// The signalling grammar of the gateway itself: no line of it can be lost without the compiler saying so.
@Suite("Each line of the signalling grammar is needed")
struct SignallingSweepTests {
  private static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "Grammars")

  private static func text(_ path: String) throws -> String {
    try String(contentsOf: folder.appending(path: path), encoding: .utf8)
  }

  /// One declaration of a grammar, up to the empty line behind it.
  private static func declaration(_ head: String, in path: String) throws -> String {
    let text = try text(path)
    let start = try #require(text.range(of: "\n" + head)).lowerBound
    return text[start...].components(separatedBy: "\n\n")[0] + "\n"
  }

  /// The actions and methods that may not be forgotten, without the rest of their protocols, which takes longer.
  private static func protocols() throws -> [SourceFile] {
    [
      SourceFile(
        path: "jingle/actions.grammar", area: "jingle",
        text: try declaration("enum Action", in: "jingle/0166-jingle.grammar")),
      SourceFile(
        path: "sip/methods.grammar", area: "sip",
        text: "token = 1*%x41-5A\n" + (try declaration("enum Method", in: "sip/message.grammar"))),
    ]
  }

  private static func diagnose(_ signalling: String, _ others: [SourceFile]) -> String {
    let files = others + [SourceFile(path: "mapping/signalling.grammar", area: "mapping", text: signalling)]
    return Compilation(files: files, generating: ["mapping"]).renderedDiagnostics
  }

  @Test("deleting any line is refused")
  func deletedLines() async throws {
    let reasons = SourceFile(
      path: "mapping/reasons.grammar", area: "mapping", text: try Self.text("mapping/reasons.grammar"))
    let others = try Self.protocols() + [reasons]
    let lines = try Self.text("mapping/signalling.grammar").components(separatedBy: "\n")
    #expect(Self.diagnose(lines.joined(separator: "\n"), others) == "")

    var rows = 0
    for (index, line) in lines.enumerated() {
      await Task.yield()
      let content = line.trimmingCharacters(in: .whitespaces)
      if content.isEmpty || content.hasPrefix(";") { continue }
      rows += 1
      var rest = lines
      rest.remove(at: index)
      #expect(Self.diagnose(rest.joined(separator: "\n"), others) != "", "line \(index + 1) can be deleted: \(content)")
    }
    #expect(rows > 250, "the grammar was read")
  }
}
