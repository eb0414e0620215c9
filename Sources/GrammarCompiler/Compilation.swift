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
    // What could not be read would only be missed again.
    model = diagnostics.isEmpty ? ModelBuilder(trees, diagnostics: diagnostics).build() : Model()
    mapping = diagnostics.isEmpty ? MappingModel.build(trees, model: model, diagnostics: diagnostics) : nil
    signalling = diagnostics.isEmpty ? SignallingModel.build(trees, model: model, diagnostics: diagnostics) : nil
    if diagnostics.isEmpty {
      UseCheck(trees: trees, model: model, areas: generatedAreas, diagnostics: diagnostics).run()
      DecisionCheck(model, diagnostics: diagnostics).run()
    }
    self.diagnostics = diagnostics.sorted
  }

  /// All diagnostics as they are printed.
  public var renderedDiagnostics: String { diagnostics.map { $0.rendered(files) }.joined() }
}
