import TestGrammars
import Testing

@testable import GrammarCompiler

/// What the grammars say of rules that RFCs have and they have not.
@Suite("In place of rules of RFCs")
struct InsteadTests {
  /// A declaration that is valid in the folder, with a value as the hint says.
  private static func declaration(_ index: Int, _ value: String, area: String) -> String {
    let captured = value.contains(":") ? value : "value:1( \(value) )"
    return area == "sdp" ? "attribute x\(index) at media = \(captured)\n" : "header X-\(index) = \(captured)\n"
  }

  @Test("Whoever writes what the hint says has a declaration that compiles", arguments: ["SIPCodec", "SDPCodec"])
  func hintsCompile(target: String) throws {
    let set = try PackageGrammars.all()
    let compilation = set.compile(try #require(set.target(target)))
    let area = try #require(set.target(target)?.generates.first)
    var text = ""
    var seen: Set<String> = []
    for declaration in compilation.trees.flatMap(\.insteads) {
      for match in declaration.words.matches(of: #/write `([^`…]+)`/#) where !match.1.contains("params") {
        if seen.insert(String(match.1)).inserted {
          text += Self.declaration(seen.count, String(match.1), area: area)
        }
      }
    }
    #expect(seen.count > 20)
    let pasted = SourceFile(path: "pasted.grammar", area: area, text: text)
    let result = Compilation(files: compilation.files + [pasted], generating: [area])
    #expect(result.renderedDiagnostics == "")
  }

  @Test("Each name is there once, and no rule of the folder has it", arguments: ["SIPCodec", "SDPCodec"])
  func names(target: String) throws {
    let set = try PackageGrammars.all()
    let compilation = set.compile(try #require(set.target(target)))
    var seen: Set<String> = []
    for declaration in compilation.trees.flatMap(\.insteads) {
      let name = declaration.name.name.lowercased()
      #expect(seen.insert("\(declaration.area) \(name)").inserted, "\(name) stands twice")
      #expect(compilation.model.tokens[name] == nil && compilation.model.shapes[name] == nil, "\(name) is a rule")
    }
  }
}
