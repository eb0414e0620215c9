import Foundation
import Testing

@testable import GrammarCompiler

/// The grammars of the mapping as they are, of which each test breaks one line or one word at a time.
///
/// A whole compilation takes most of a second in debug; the rules of SIP, SDP and Jingle are the same each time, so
/// they are read and resolved once.
private final class Sweep {
  /// By file, so that the sweeps can run side by side: automata are made when they are first asked for.
  let files: [SourceFile]
  private let trees: [SyntaxTree]
  private let model: Model

  init() throws {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appending(path: "Grammars")
    var files: [SourceFile] = []
    for area in ["core", "sip", "sdp", "jingle", "mapping"] {
      let folder = root.appending(path: area)
      let names = try FileManager.default.contentsOfDirectory(atPath: area == "core" ? root.path() : folder.path())
      for name in names.sorted() where area == "core" ? name == "core.grammar" : name.hasSuffix(".grammar") {
        let url = (area == "core" ? root : folder).appending(path: name)
        files.append(
          SourceFile(path: "\(area)/\(name)", area: area, text: try String(contentsOf: url, encoding: .utf8)))
      }
    }
    self.files = files
    let diagnostics = Diagnostics()
    trees = files.enumerated().map { index, file in
      var parser = Parser(file, index: index, diagnostics: diagnostics)
      return parser.parse()
    }
    model = ModelBuilder(trees, diagnostics: diagnostics).build()
    #expect(diagnostics.isEmpty)
  }

  func lines(of name: String) throws -> [String] {
    let file = try #require(files.first { $0.path == "mapping/\(name)" })
    // Comments are a half of the text to read, and no part of what is swept.
    return String(decoding: file.text, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
      .map { line in line.prefix { $0 == " " } + content(String(line)) }
  }

  /// What is said of the mapping, and of the signalling if that is asked for, with other lines in one file.
  func diagnostics(_ name: String, _ lines: [String], signalling: Bool = false) -> [Diagnostic] {
    var trees = trees
    let diagnostics = Diagnostics()
    guard let index = files.firstIndex(where: { $0.path == "mapping/\(name)" }) else { return [] }
    let file = SourceFile(path: files[index].path, area: "mapping", text: lines.joined(separator: "\n"))
    var parser = Parser(file, index: index, diagnostics: diagnostics)
    trees[index] = parser.parse()
    guard diagnostics.isEmpty else { return diagnostics.sorted }
    if signalling {
      _ = SignallingModel.build(trees, model: model, diagnostics: diagnostics)
    } else {
      _ = MappingModel.build(trees, model: model, diagnostics: diagnostics)
    }
    return diagnostics.sorted
  }
}

/// Without comment; empty where nothing else stands in the line.
private func content(_ line: String) -> String {
  var isQuoted = false
  let code = line.prefix { character in
    if character == "\"" { isQuoted.toggle() }
    return character != ";" || isQuoted
  }
  return code.trimmingCharacters(in: .whitespaces)
}

/// "A grammar that compiles is complete": of the mapping, no row may be missing and no name misspelled.
@Suite struct MappingSweepTests {
  @Test(arguments: ["media.grammar", "transport.grammar", "payload-types.grammar", "reasons.grammar"])
  func eachRowIsMissed(_ name: String) throws {
    let sweep = try Sweep()
    let lines = try sweep.lines(of: name)
    let isSignalling = name == "reasons.grammar"
    #expect(sweep.diagnostics(name, lines, signalling: isSignalling).isEmpty)
    for (number, line) in lines.enumerated() where !content(line).isEmpty {
      let rest = Array(lines[..<number] + lines[(number + 1)...])
      let isRefused = !sweep.diagnostics(name, rest, signalling: isSignalling).isEmpty
      #expect(isRefused, "\(name):\(number + 1) may vanish silently: \(content(line))")
      // The row with those below it.
      let indentation = line.prefix { $0 == " " }.count
      let end =
        lines[(number + 1)...].firstIndex {
          !content($0).isEmpty && $0.prefix { $0 == " " }.count <= indentation
        } ?? lines.count
      guard lines[(number + 1)..<end].contains(where: { !content($0).isEmpty }) else { continue }
      let without = sweep.diagnostics(name, Array(lines[..<number] + lines[end...]), signalling: isSignalling)
      #expect(!without.isEmpty, "\(name):\(number + 1) may vanish silently with the rows below it: \(content(line))")
    }
  }

  @Test(arguments: ["media.grammar", "transport.grammar"])
  func eachMisspelledWordIsFound(_ name: String) throws {
    let sweep = try Sweep()
    let lines = try sweep.lines(of: name)
    for (number, line) in lines.enumerated() {
      for range in words(of: line) {
        var broken = lines
        broken[number].insert("x", at: range.upperBound)
        let found = sweep.diagnostics(name, broken)
        #expect(!found.isEmpty, "\(name):\(number + 1): nobody misses the `\(line[range])` of \(content(line))")
      }
    }
  }

  /// Where the words of a line stand, outside of strings and comments.
  private func words(of line: String) -> [Range<String.Index>] {
    var result: [Range<String.Index>] = []
    var start: String.Index?
    var isQuoted = false
    for index in line.indices {
      let character = line[index]
      if character == "\"" { isQuoted.toggle() }
      if character == ";", !isQuoted { break }
      let isPart = character.isASCII && (character.isLetter || start != nil && (character.isNumber || character == "-"))
      if isPart, !isQuoted {
        if start == nil { start = index }
      } else if let first = start {
        result.append(first..<index)
        start = nil
      }
      if index == line.index(before: line.endIndex), let first = start { result.append(first..<line.endIndex) }
    }
    return result
  }
}
