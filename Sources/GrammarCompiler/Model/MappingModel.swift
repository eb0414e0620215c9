/// The mapping between SDP and Jingle, with names resolved.
final class MappingModel {
  /// Resolves and checks what the trees say of the mapping; `nil` where they say nothing.
  static func build(_ trees: [SyntaxTree], model: Model, diagnostics: Diagnostics) -> MappingModel? { nil }
}
