/// The grammars of one target, compiled: read → model → check → lower → emit.
public final class Compilation {
  public let files: [SourceFile]
  public let diagnostics: [Diagnostic]
  /// Folders whose code is made; the others are only referred to.
  public let generatedAreas: Set<String>
  let trees: [SyntaxTree]
  let model: Model
  let mapping: MappingModel?
  let signalling: SignallingModel?

  /// Compiles `files`; those of `generatedAreas` are checked for rules that nothing uses.
  public init(files: [SourceFile], generating generatedAreas: Set<String>) {
    self.files = files
    self.generatedAreas = generatedAreas
    let diagnostics = Diagnostics()
    var trees: [SyntaxTree] = []
    for (index, file) in files.enumerated() {
      var parser = Parser(file, index: index, diagnostics: diagnostics)
      trees.append(parser.parse())
    }
    self.trees = trees
    Self.checkOutputNames(files, generatedAreas, diagnostics)
    // What could not be read would only be missed again.
    model = diagnostics.isEmpty ? ModelBuilder(trees, diagnostics: diagnostics).build() : Model()
    mapping = diagnostics.isEmpty ? MappingModel.build(trees, model: model, diagnostics: diagnostics) : nil
    signalling = diagnostics.isEmpty ? SignallingModel.build(trees, model: model, diagnostics: diagnostics) : nil
    if diagnostics.isEmpty {
      UseCheck(trees: trees, model: model, areas: generatedAreas, diagnostics: diagnostics).run()
      DecisionCheck(model, diagnostics: diagnostics).run()
    }
    // They are read as the decisions say.
    if diagnostics.isEmpty {
      ExampleCheck(model: model, diagnostics: diagnostics).run()
    }
    self.diagnostics = diagnostics.sorted
  }

  /// Two files whose code would be written to one.
  private static func checkOutputNames(_ files: [SourceFile], _ areas: Set<String>, _ diagnostics: Diagnostics) {
    var known: [String: String] = [:]
    for (index, file) in files.enumerated() where areas.contains(file.area) {
      let name = outputName(file)
      if let other = known[name] {
        diagnostics.report(
          Position(file: index, line: 1, column: 1), "this file and \(other) would both become \(name)",
          note: "give one of them another name")
      }
      known[name] = file.path
    }
  }

  /// The same for one mistake in whichever compilation it is found: where it is, and what is wrong, without a guess.
  public func identity(of diagnostic: Diagnostic) -> String {
    let guess = diagnostic.message.firstRange(of: "; did you mean")?.lowerBound ?? diagnostic.message.endIndex
    let position = diagnostic.position
    return "\(files[position.file].path):\(position.line):\(position.column): \(diagnostic.message[..<guess])"
  }

  /// All diagnostics as they are printed.
  public var renderedDiagnostics: String { Self.rendered(diagnostics.map { ($0, self) }) }

  /// Mistakes as they are printed: no more than anybody reads in one go.
  public static func rendered(_ mistakes: [(diagnostic: Diagnostic, compilation: Compilation)]) -> String {
    let others = mistakes.count - maximumShown
    return mistakes.prefix(maximumShown).map { $0.diagnostic.rendered($0.compilation.files) }.joined()
      + (others > 0 ? "\(others) more mistake\(others > 1 ? "s" : "") not shown\n" : "")
  }

  private static let maximumShown = 50
}
