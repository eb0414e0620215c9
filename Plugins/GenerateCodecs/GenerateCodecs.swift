import Foundation
import PackagePlugin

/// Compiles the grammars of a target: those that `Grammars/targets.grammar` names for it.
///
/// Each grammar becomes one source file; a few more are shared.
@main
struct GenerateCodecs: BuildToolPlugin {
  func createBuildCommands(context: PluginContext, target: Target) throws -> [Command] {
    let grammars = context.package.directoryURL.appending(path: "Grammars")
    let manifest = grammars.appending(path: "targets.grammar")
    guard let text = try? String(contentsOf: manifest, encoding: .utf8) else {
      Diagnostics.error("there is no \(manifest.path()), which says what grammars the target \(target.name) is made of")
      return []
    }
    guard let entry = Self.entry(of: target.name, in: text) else {
      Diagnostics.error("\(manifest.path()):1:1: error: no line `target \(target.name) generates …`")
      return []
    }
    var inputs = [manifest]
    var outputs = Self.sharedOutputNames
    for (areas, isGenerated) in [(entry.uses, false), (entry.generates, true)] {
      for area in areas {
        let folder = grammars.appending(path: area)
        var files = [grammars.appending(path: "\(area).grammar")].filter {
          FileManager.default.fileExists(atPath: $0.path())
        }
        if let inside = try? FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil) {
          files += inside.filter { $0.pathExtension == "grammar" && !$0.lastPathComponent.hasPrefix(".") }
        }
        inputs += files
        if isGenerated {
          outputs += files.map { "Grammar-\($0.deletingPathExtension().lastPathComponent).swift" }
        }
      }
    }
    let output = context.pluginWorkDirectoryURL.appending(path: "Generated")
    try FileManager.default.createDirectory(at: output, withIntermediateDirectories: true)
    return [
      .buildCommand(
        displayName: "Compiling the grammars of \(target.name)",
        executable: try context.tool(named: "grammarc").url,
        arguments: ["emit", "--grammars", grammars.path(), "--target", target.name, "--output", output.path()],
        inputFiles: inputs.sorted { $0.path() < $1.path() },
        outputFiles: outputs.sorted().map { output.appending(path: $0) })
    ] + [try Self.watch(grammars, in: context.pluginWorkDirectoryURL)]
  }

  /// A command that does nothing but make SwiftPM look at the folder of grammars itself, so that a file that comes or
  /// goes is noticed: by itself it plans once and then only compares the files that it knows.
  ///
  /// SwiftPM watches the folder into which a prebuild command writes, with all that is in it, and takes the files there
  /// for resources; then the target would get a bundle and depend on Foundation. Folders of documentation it leaves alone,
  /// so the link to the grammars bears the name of one.
  private static func watch(_ grammars: URL, in workDirectory: URL) throws -> Command {
    let folder = workDirectory.appending(path: "Watched")
    let link = folder.appending(path: "Grammars.docc")
    if (try? FileManager.default.destinationOfSymbolicLink(atPath: link.path())) != grammars.path() {
      try? FileManager.default.removeItem(at: folder)
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      try FileManager.default.createSymbolicLink(atPath: link.path(), withDestinationPath: grammars.path())
    }
    return .prebuildCommand(
      displayName: "Looking for grammars", executable: URL(filePath: "/usr/bin/true"), arguments: [],
      outputFilesDirectory: folder)
  }

  /// The files that `grammarc emit` writes for any target.
  static let sharedOutputNames = [
    "GeneratedParts.swift", "GeneratedElements.swift", "GeneratedTokens.swift", "GeneratedMapping.swift",
    "GeneratedSignalling.swift",
  ]

  /// `target NAME generates AREA… using AREA…`; what is wrong with the line is for grammarc to say.
  static func entry(of target: String, in text: String) -> (generates: [String], uses: [String])? {
    for line in text.split(whereSeparator: \.isNewline) {
      let words = line.prefix { $0 != ";" }.split(whereSeparator: \.isWhitespace).map(String.init)
      guard words.count > 3, words[0] == "target", words[1] == target, words[2] == "generates" else { continue }
      let rest = words[3...]
      let split = rest.firstIndex(of: "using") ?? rest.endIndex
      return (Array(rest[..<split]), Array(rest[split...].dropFirst()))
    }
    return nil
  }
}
