import Foundation
import GrammarCompiler

/// The grammars of this package.
public enum PackageGrammars {
  /// All of them; paths begin with `Grammars/`.
  public static func all() throws -> GrammarSet {
    let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appending(path: "Grammars")
    func file(_ path: String) throws -> SourceFile {
      let parts = path.split(separator: "/")
      return SourceFile(
        path: "Grammars/\(path)", area: parts.count > 1 ? String(parts[0]) : String(path.dropLast(8)),
        text: try String(contentsOf: folder.appending(path: path), encoding: .utf8))
    }
    let paths = try FileManager.default.subpathsOfDirectory(atPath: folder.path(percentEncoded: false))
      .filter { $0.hasSuffix(".grammar") && $0 != "targets.grammar" }.sorted()
    return GrammarSet(files: try paths.map(file), targetsFile: try file("targets.grammar"))
  }

  /// Those of one target, compiled.
  public static func compiled(_ target: String) throws -> Compilation {
    let set = try all()
    guard let target = set.target(target) else { throw MissingTarget(name: target) }
    return set.compile(target)
  }

  struct MissingTarget: Error { var name: String }
}
