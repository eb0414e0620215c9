import CodecRuntime
import Foundation

@testable import GrammarCompiler

/// The grammars of this package, compiled for one target.
enum PackageGrammars {
  private static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "Grammars")

  static func compiled(_ target: String) throws -> Compilation {
    func text(_ path: String) throws -> String {
      try String(contentsOf: folder.appending(path: path), encoding: .utf8)
    }
    let paths = try FileManager.default.subpathsOfDirectory(atPath: folder.path(percentEncoded: false))
    let files = try paths.filter { $0.hasSuffix(".grammar") && $0 != "targets.grammar" }.sorted().map { path in
      let parts = path.split(separator: "/")
      return SourceFile(
        path: path, area: parts.count > 1 ? String(parts[0]) : String(path.dropLast(8)), text: try text(path))
    }
    let targets = SourceFile(path: "targets.grammar", area: "targets", text: try text("targets.grammar"))
    let set = GrammarSet(files: files, targetsFile: targets)
    guard let target = set.target(target) else { throw MissingTarget(name: target) }
    return set.compile(target)
  }

  struct MissingTarget: Error { var name: String }
}

/// Whether two arenas hold the same values: the same nodes and numbers, and texts of the same bytes, wherever those lie.
func holdSameValues(_ left: Arena, _ right: Arena) -> Bool {
  guard left.wordCount == right.wordCount else { return false }
  func bytes(_ arena: Arena, _ slice: Slice) -> [UInt8]? {
    guard Int(slice.offset) + Int(slice.length) <= arena.byteCount else { return nil }
    return arena.withBytes(of: slice) { Array($0) }
  }
  var index = 0
  while index < left.wordCount {
    if left.word(index) == right.word(index) {
      index += 1
      continue
    }
    // What differs can only be where a text begins.
    guard index + 1 < left.wordCount else { return false }
    let length = left.word(index + 1)
    guard length == right.word(index + 1),
      let first = bytes(left, Slice(offset: left.word(index), length: length)),
      first == bytes(right, Slice(offset: right.word(index), length: length))
    else { return false }
    index += 2
  }
  return true
}

func shown(_ bytes: [UInt8]) -> String {
  String(decoding: bytes, as: UTF8.self).debugDescription
}
