/// Prints the signalling table and the tables of reasons.
struct SignallingEmitter {
  let signalling: SignallingModel
  let model: Model

  /// File name and text of each source file made.
  func emit() -> [(name: String, text: String)] { [] }
  /// Markdown tables of all signalling rows.
  func document() -> String { "" }
}
