import Foundation
import Testing

@testable import GrammarCompiler

/// The grammars of the mapping as they are, of which each test breaks one line or one word at a time.
///
/// A whole compilation takes most of a second in debug; the rules of SIP, SDP and Jingle are the same each time, so
/// they are read and resolved once.
private final class Sweep: @unchecked Sendable {
  /// For all sweeps: they run one after the other, since automata are made when they are first asked for.
  static let shared = Result { try Sweep() }

  let files: [SourceFile]
  private let trees: [SyntaxTree]
  private let model: Model
  private var parts: [String: [(range: Range<Int>, syntax: MappingSyntax)]] = [:]

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

  /// The declarations of a file, by the lines in which they stand.
  private func declarations(_ lines: [String]) -> [Range<Int>] {
    let starts = lines.indices.filter { !lines[$0].isEmpty && !lines[$0].hasPrefix(" ") }
    return zip(starts, starts.dropFirst() + [lines.count]).map { $0..<$1 }
  }

  /// Reads only these lines; they keep their numbers.
  private func parse(_ index: Int, _ lines: [String], _ range: Range<Int>, _ diagnostics: Diagnostics) -> SyntaxTree {
    let blank = String(repeating: "\n", count: range.lowerBound)
    let file = SourceFile(
      path: files[index].path, area: "mapping", text: blank + lines[range].joined(separator: "\n"))
    var parser = Parser(file, index: index, diagnostics: diagnostics)
    return parser.parse()
  }

  /// What is said of the mapping, or of the signalling if that is asked for, with other lines in one file.
  ///
  /// - Parameters:
  ///   - lines: the file, with lines emptied or changed but none added or taken away.
  ///   - changed: the lines that differ: only their declarations are read anew.
  func diagnostics(
    _ name: String, _ lines: [String], changed: Range<Int>, signalling: Bool = false
  ) throws -> [Diagnostic] {
    var trees = trees
    let diagnostics = Diagnostics()
    let index = try #require(files.firstIndex { $0.path == "mapping/\(name)" })
    if signalling {
      trees[index] = parse(index, lines, lines.indices, diagnostics)
    } else {
      if parts[name] == nil {
        let whole = try self.lines(of: name)
        parts[name] = declarations(whole).map { ($0, parse(index, whole, $0, Diagnostics()).mapping) }
      }
      // Without its first line a declaration continues the one in front.
      let kept = parts[name, default: []]
      let last = kept.lastIndex { $0.range.lowerBound <= changed.lowerBound } ?? 0
      let first = max(0, last - 1)
      let end = kept.first { $0.range.lowerBound >= changed.upperBound }?.range.lowerBound ?? lines.count
      let anew = kept[first].range.lowerBound..<end
      trees[index].mapping = MappingSyntax()
      for part in kept[..<first] { trees[index].mapping.add(part.syntax) }
      trees[index].mapping.add(parse(index, lines, anew, diagnostics).mapping)
      for part in kept where part.range.lowerBound >= end { trees[index].mapping.add(part.syntax) }
    }
    guard diagnostics.isEmpty else { return diagnostics.sorted }
    if signalling {
      _ = SignallingModel.build(trees, model: model, diagnostics: diagnostics)
    } else {
      _ = MappingModel.build(trees, model: model, diagnostics: diagnostics)
    }
    return diagnostics.sorted
  }
}

extension MappingSyntax {
  fileprivate mutating func add(_ other: MappingSyntax) {
    maps += other.maps
    tables += other.tables
    actionSets += other.actionSets
    askedSets += other.askedSets
    functions += other.functions
    predicates += other.predicates
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
@Suite(.serialized) struct MappingSweepTests {
  @Test(arguments: ["media.grammar", "transport.grammar", "payload-types.grammar", "reasons.grammar"])
  func eachRowIsMissed(_ name: String) async throws {
    let sweep = try Sweep.shared.get()
    let lines = try sweep.lines(of: name)
    let isSignalling = name == "reasons.grammar"
    func diagnostics(without range: Range<Int>) throws -> [Diagnostic] {
      var rest = lines
      for number in range { rest[number] = "" }
      return try sweep.diagnostics(name, rest, changed: range, signalling: isSignalling)
    }
    #expect(try diagnostics(without: 0..<0).isEmpty)
    for (number, line) in lines.enumerated() where !content(line).isEmpty {
      // Tests with sockets wait for a turn.
      await Task.yield()
      let found = try diagnostics(without: number..<number + 1)
      #expect(!found.isEmpty, "\(name):\(number + 1) may vanish silently: \(content(line))")
      // The row with those below it.
      let indentation = line.prefix { $0 == " " }.count
      let end =
        lines[(number + 1)...].firstIndex {
          !content($0).isEmpty && $0.prefix { $0 == " " }.count <= indentation
        } ?? lines.count
      guard lines[(number + 1)..<end].contains(where: { !content($0).isEmpty }) else { continue }
      let foundWithAll = try diagnostics(without: number..<end)
      #expect(
        !foundWithAll.isEmpty, "\(name):\(number + 1) may vanish silently with the rows below it: \(content(line))")
    }
  }

  @Test(arguments: ["media.grammar", "transport.grammar"])
  func eachMisspelledWordIsFound(_ name: String) async throws {
    let sweep = try Sweep.shared.get()
    let lines = try sweep.lines(of: name)
    for (number, line) in lines.enumerated() {
      await Task.yield()
      for range in words(of: line) {
        var broken = lines
        broken[number].insert("x", at: range.upperBound)
        let found = try sweep.diagnostics(name, broken, changed: number..<number + 1)
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
