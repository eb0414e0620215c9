/// The signalling table and the tables of reasons, with names resolved.
final class SignallingModel {
  /// Resolves and checks what the trees say of the signalling; `nil` where they say nothing.
  static func build(_ trees: [SyntaxTree], model: Model, diagnostics: Diagnostics) -> SignallingModel? { nil }
}
