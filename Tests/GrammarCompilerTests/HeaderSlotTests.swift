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
      "chain: UInt32 = 1", "needed: UInt32 = 2", "single: UInt32 = 3", "many: UInt32 = 4", "lastRequired: UInt32 = 2",
      "lastWatched: UInt32 = 3", "slot <= 1 || slot > lastWatched", "0x6 & ~word0 == 0",
    ] {
      #expect(code.contains(line), "\(line)")
    }
  }

  @Test func moreThanAWordOfThemTakesAnotherWord() {
    let headers = (1...70).map { "header X-Number-\($0)\($0 > 60 ? " required" : "") = value:UInt32" }
    let code = compiled(headers.joined(separator: "\n")).emit().map(\.text).joined()
    for line in ["private var word1: UInt64 = 0", "if slot < 64 {", "0x7fe & ~word0 == 0"] {
      #expect(code.contains(line), "\(line)")
    }
    let all = (1...70).map { "header X-Number-\($0) required = value:UInt32" }
    let wide = compiled(all.joined(separator: "\n")).emit().map(\.text).joined()
    #expect(wide.contains("0xfffffffffffffffe & ~word0 == 0 && 0x7f & ~word1 == 0"))
  }
}
