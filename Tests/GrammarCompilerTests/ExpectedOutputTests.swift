import Foundation
import Testing

@testable import GrammarCompiler

/// The Swift that small grammars become, as it stands in `Expected/`: `name.grammar` becomes `name.txt`.
///
/// A change of the emitters shows here as a difference that can be read. `REFRESH_EXPECTED=1 swift test --filter
/// ExpectedOutputTests` writes the files anew.
@Suite struct ExpectedOutputTests {
  static let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
  static let folder = tests.appendingPathComponent("Expected")
  static let names = ["tokens", "header", "sdp", "element", "enum", "statuses", "narrower"]

  /// All files with something in them, one behind the other.
  private func emitted(_ name: String) throws -> String {
    let text = try String(contentsOf: Self.folder.appendingPathComponent("\(name).grammar"), encoding: .utf8)
    let compilation = Compilation(
      files: [SourceFile(path: "\(name).grammar", area: name, text: text)], generating: [name])
    try #require(compilation.renderedDiagnostics == "")
    return compilation.emit().filter { $0.text.contains("{") }.map { "// ===== \($0.name)\n\($0.text)" }
      .joined(separator: "\n")
  }

  @Test(arguments: names) func isAsItWas(_ name: String) throws { try compare(try emitted(name), name) }

  /// The rows of `MappingSample`, which are of three areas.
  @Test func mappingIsAsItWas() throws { try compare(MappingSample.emitted(), "mapping") }

  private func compare(_ made: String, _ name: String) throws {
    let file = Self.folder.appendingPathComponent("\(name).txt")
    if ProcessInfo.processInfo.environment["REFRESH_EXPECTED"] != nil {
      try made.write(to: file, atomically: true, encoding: .utf8)
      return
    }
    let expected = try String(contentsOf: file, encoding: .utf8)
    if made == expected { return }
    let lines = made.split(separator: "\n", omittingEmptySubsequences: false)
    let old = expected.split(separator: "\n", omittingEmptySubsequences: false)
    let first =
      zip(lines, old).enumerated().first { $0.element.0 != $0.element.1 }?.offset ?? min(lines.count, old.count)
    Issue.record(
      """
      What the grammar `\(name)` becomes differs from Expected/\(name).txt in line \(first + 1):
        was: \(first < old.count ? String(old[first]) : "(the end)")
        is:  \(first < lines.count ? String(lines[first]) : "(the end)")
      If that is meant, write the files anew and read the difference in git:
        REFRESH_EXPECTED=1 swift test --filter ExpectedOutputTests
      """)
  }

  @Test func nothingButThatIsKept() throws {
    let files = try FileManager.default.contentsOfDirectory(atPath: Self.folder.path).filter { !$0.hasPrefix(".") }
    #expect(Set(files) == Set(Self.names.flatMap { ["\($0).grammar", "\($0).txt"] } + ["mapping.txt"]))
  }
}

/// The grammars of the package themselves.
@Suite struct OwnGrammarsTests {
  private static func set() throws -> GrammarSet {
    let folder = ExpectedOutputTests.tests.deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("Grammars").resolvingSymlinksInPath()
    let paths = try #require(FileManager.default.enumerator(atPath: folder.path)).compactMap { $0 as? String }
    let files = try paths.filter { $0.hasSuffix(".grammar") }.sorted().map { path in
      let parts = path.split(separator: "/")
      return SourceFile(
        path: path, area: parts.count > 1 ? String(parts[0]) : String(path.dropLast(8)),
        text: try String(contentsOf: folder.appendingPathComponent(path), encoding: .utf8))
    }
    let targets = try #require(files.first { $0.path == "targets.grammar" })
    return GrammarSet(files: files.filter { $0.path != "targets.grammar" }, targetsFile: targets)
  }

  @Test(arguments: ["SIPCodec", "SDPCodec", "JingleCodec", "JingleSIPMapping"])
  func compileToTheSameEachTime(_ name: String) throws {
    let set = try Self.set()
    #expect(set.problems == "")
    let target = try #require(set.target(name))
    let first = set.compile(target)
    #expect(first.renderedDiagnostics == "")
    // Sets and dictionaries of equal content differ in order when they grew in another order or to another size;
    // between processes they differ anyway, which Tests/Plugin/check-plugin.sh looks at.
    #expect(first.emit() == set.compile(target).emit())
  }

  @Test(arguments: ["SIPCodec", "SDPCodec", "JingleCodec", "JingleSIPMapping"])
  func nameTheirFilesAsThePluginExpects(_ name: String) throws {
    let set = try Self.set()
    let target = try #require(set.target(name))
    let grammars = set.files.filter { target.generates.contains($0.area) }.map(Compilation.outputName)
    #expect(Set(set.compile(target).emit().map(\.name)) == Set(grammars + Compilation.sharedOutputNames))
  }
}
