import Testing

@testable import GrammarCompiler

/// The slots of headers: those that a parser has to watch come first, whatever their order in the grammar.
@Suite struct HeaderSlotTests {
  @Test func watchedHeadersComeFirst() {
    let model = compiled(
      """
      word = 1*%x41-5A
      header Many many = value:word
      header Single = value:word
      header Needed required = value:word
      header Chain required many = value:word
      """)
    #expect(model.renderedDiagnostics == "")
    let code = model.emit().map(\.text).joined()
    for line in [
      "chain: UInt32 = 1", "single: UInt32 = 2", "needed: UInt32 = 3", "many: UInt32 = 4", "lastWatched: UInt32 = 3",
      "slot <= 1 || slot > lastWatched", "required: Watched { Watched(word0: 0xa) }",
    ] {
      #expect(code.contains(line), "\(line)")
    }
  }

  @Test func moreThanAWordOfThemTakesAnotherWord() {
    let headers = (1...70).map { "header X-Number-\($0)\($0 > 60 ? " required" : "") = value:UInt32" }
    let code = compiled(headers.joined(separator: "\n")).emit().map(\.text).joined()
    for line in ["var word1: UInt64 = 0", "if slot < 64 {", "Watched(word0: 0xe000000000000000, word1: 0x7f)"] {
      #expect(code.contains(line), "\(line)")
    }
  }
}
