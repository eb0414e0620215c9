import Foundation

/// The messages in `../shared/corpus`, seen from the root of the package.
enum Corpus {
  struct File {
    /// Path below the corpus.
    var name: String
    var bytes: [UInt8]
  }

  /// The corpus is data of others and not part of this package: where it is absent, tests say so and pass. The variable
  /// `JINGLE_SIP_CORPUS` names another place, for a checkout that has it elsewhere.
  static func folder(_ name: String) -> URL? {
    let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let elsewhere = ProcessInfo.processInfo.environment["JINGLE_SIP_CORPUS"]
    let corpus = elsewhere.map { URL(fileURLWithPath: $0) } ?? package.appendingPathComponent("../shared/corpus")
    let folder = corpus.standardizedFileURL.appendingPathComponent(name)
    if FileManager.default.fileExists(atPath: folder.path) { return folder }
    print("skipped: there is no \(folder.path)")
    return nil
  }

  /// All files below `folder` whose names end in `suffix`, in the order of their names.
  static func files(in folder: String, suffix: String) throws -> [File] {
    guard let root = Self.folder(folder) else { return [] }
    guard let names = FileManager.default.enumerator(atPath: root.path) else { return [] }
    return try names.compactMap { $0 as? String }.filter { $0.hasSuffix(suffix) }.sorted().map { name in
      File(name: "\(folder)/\(name)", bytes: Array(try Data(contentsOf: root.appendingPathComponent(name))))
    }
  }
}
