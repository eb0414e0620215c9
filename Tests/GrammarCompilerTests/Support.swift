import Testing

@testable import GrammarCompiler

/// Compiles one grammar, `a.grammar`, and holds what is said about it word for word.
func expectRefused(_ grammar: String, _ expected: String, sourceLocation: SourceLocation = #_sourceLocation) {
  let compilation = compiled(grammar)
  #expect(compilation.renderedDiagnostics == expected + "\n", sourceLocation: sourceLocation)
}

/// Compiles one grammar in which nothing is wrong, and makes its code.
func expectAccepted(_ grammar: String, sourceLocation: SourceLocation = #_sourceLocation) {
  let compilation = compiled(grammar)
  #expect(compilation.renderedDiagnostics == "", sourceLocation: sourceLocation)
  if compilation.diagnostics.isEmpty { #expect(!compilation.emit().isEmpty, sourceLocation: sourceLocation) }
}

func compiled(_ grammar: String) -> Compilation {
  Compilation(files: [SourceFile(path: "a.grammar", area: "sip", text: grammar + "\n")], generating: ["sip"])
}
