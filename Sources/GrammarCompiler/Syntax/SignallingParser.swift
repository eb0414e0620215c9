/// The declarations of the signalling grammars, as written.
struct SignallingSyntax {}

extension Parser {
  /// Reads a declaration of the signalling notation; `false` where `word` begins none.
  mutating func parseSignallingDeclaration(_ word: String) throws -> Bool { false }
}
