/// Prints the mapping tables.
struct MappingEmitter {
  let mapping: MappingModel
  let model: Model

  /// File name and text of each source file made.
  func emit() -> [(name: String, text: String)] { [] }
  /// Markdown tables of all mapping rows.
  func document() -> String { "" }
}
