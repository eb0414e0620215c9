import CodecRuntime
import JingleCodec
import TestGrammars
import Testing
import XMLReader

@testable import GrammarCompiler

/// parse(serialize(v)) == v for trees of elements that chance takes from the grammars of Jingle.
@Suite("Jingle: what the grammar allows is read, written, and read again as the same values")
struct ElementRoundTripTests {
  @Test("whole trees; each element and each attribute comes up")
  func trees() throws {
    let model = try PackageGrammars.compiled("JingleCodec").model
    let root = try #require(model.orderedElements.first { $0.isRoot })
    var sampler = ElementSampler(seed: 4)
    for _ in 0..<200 {
      let xml = sampler.xml(of: root)
      let tree = try XMLReader.parseDocument(Array(xml.utf8))
      let reading = try #require(Jingle.read(tree))
      #expect(reading.issues.isEmpty, "\(xml): \(reading.issues)")
      var output = Output()
      reading.jingle.write(to: &output)
      let written = try XMLReader.parseDocument(output.bytes)
      let again = try #require(Jingle.read(written))
      #expect(again.issues.isEmpty)
      var second = Output()
      again.jingle.write(to: &second)
      #expect(second.bytes == output.bytes)
    }
    let missing = sampler.reachable(from: root).subtracting(sampler.seen)
    #expect(missing.isEmpty, "never made: \(missing.sorted())")
  }
}
