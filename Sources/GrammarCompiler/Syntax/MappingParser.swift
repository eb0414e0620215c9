/// The declarations of `Grammars/mapping/`, as written.
struct MappingSyntax {}

extension Parser {
  /// Reads a declaration of the mapping or signalling notation; `false` where `word` begins none.
  mutating func parseMappingDeclaration(_ word: String) throws -> Bool { false }
}
