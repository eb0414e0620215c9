/// All grammars of a package and what `targets.grammar` says of them.
public struct GrammarSet: Sendable {
  public struct Target: Sendable {
    public var name: String
    /// Folders whose code is made.
    public var generates: [String]
    /// Folders that those may refer to.
    public var uses: [String]
  }

  public let files: [SourceFile]
  public let targets: [Target]
  /// What is wrong with `targets.grammar` itself, as it is printed.
  public let problems: String

  /// - Parameters:
  ///   - files: every `.grammar` file, in the order of their paths.
  ///   - targetsFile: `targets.grammar`.
  public init(files: [SourceFile], targetsFile: SourceFile) {
    self.files = files
    let diagnostics = Diagnostics()
    var parser = Parser(targetsFile, index: 0, diagnostics: diagnostics)
    let tree = parser.parse()
    let areas = Set(files.map(\.area))
    if let other = parser.firstPositionOfAnythingButTargets, diagnostics.isEmpty {
      diagnostics.report(other, "only lines `target NAME generates FOLDER … using FOLDER …` stand in this file")
    }
    if tree.targets.isEmpty, diagnostics.isEmpty {
      diagnostics.report(
        Position(file: 0, line: 1, column: 1),
        "no line `target NAME generates FOLDER … using FOLDER …` stands in this file")
    }
    for (index, target) in tree.targets.enumerated() {
      if let first = tree.targets[..<index].first(where: { $0.name == target.name }) {
        diagnostics.report(
          target.position, "the target `\(target.name)` is declared twice", note: "the first time here",
          at: first.position)
      }
      for area in target.generates + target.uses where !areas.contains(area) {
        // A folder that is still empty may be named; one that nearly bears the name of another is a slip.
        if let meant = Spelling.closest(to: area, among: areas.sorted() + ["using"]) {
          diagnostics.report(target.position, "there are no grammars `\(area)`; did you mean `\(meant)`?")
        }
      }
    }
    targets = tree.targets.map { Target(name: $0.name, generates: $0.generates, uses: $0.uses) }
    problems = diagnostics.sorted.map { $0.rendered([targetsFile]) }.joined()
  }

  public func target(_ name: String) -> Target? { targets.first { $0.name == name } }

  /// The files of a target: those that it uses, then those for which code is made.
  public func files(of target: Target) -> [SourceFile] {
    (target.uses + target.generates).flatMap { area in files.filter { $0.area == area } }
  }

  public func compile(_ target: Target) -> Compilation {
    Compilation(files: files(of: target), generating: Set(target.generates))
  }
}
