import Foundation
import Testing

@testable import GrammarCompiler

/// Whatever a grammar says, the compiler says something of it and does not crash: the same mutations each time.
@Suite struct MutationTests {
  /// A small generator, so that a crash can be repeated.
  private struct Generator {
    var state: UInt64

    mutating func next(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int((state >> 33) % UInt64(bound))
    }
  }

  private static let samples: [(area: String, text: String)] = {
    let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Expected")
    let names = ["element", "enum", "header", "narrower", "sdp", "statuses", "tokens"]
    return names.compactMap { name in
      (try? String(contentsOf: folder.appending(path: "\(name).grammar"), encoding: .utf8)).map { ("sip", $0) }
    }
  }()

  private func survives(_ text: [UInt8]) {
    let file = SourceFile(path: "a.grammar", area: "sip", text: text)
    let compilation = Compilation(files: [file], generating: ["sip"])
    if compilation.diagnostics.isEmpty { _ = compilation.emit() } else { _ = compilation.renderedDiagnostics }
  }

  @Test func endsAnywhere() {
    #expect(Self.samples.count == 7)
    for sample in Self.samples {
      let bytes = Array(sample.text.utf8)
      for end in stride(from: 0, to: bytes.count, by: 7) { survives(Array(bytes[..<end])) }
    }
  }

  @Test(arguments: 0..<2)
  func changes(_ seed: Int) {
    var generator = Generator(state: UInt64(seed))
    for sample in Self.samples {
      for _ in 0..<20 {
        var bytes = Array(sample.text.utf8)
        for _ in 0...generator.next(3) { bytes[generator.next(bytes.count)] = UInt8(generator.next(256)) }
        survives(bytes)
        var lines = sample.text.split(separator: "\n", omittingEmptySubsequences: false)
        let index = generator.next(lines.count)
        switch generator.next(3) {
        case 0: lines.remove(at: index)
        case 1: lines.insert(lines[index], at: index)
        default: lines.swapAt(index, generator.next(lines.count))
        }
        survives(Array(lines.joined(separator: "\n").utf8))
      }
    }
  }

  @Test(arguments: 0..<2)
  func changesOfTheMapping(_ seed: Int) {
    var generator = Generator(state: UInt64(seed) + 100)
    for _ in 0..<40 {
      var bytes = Array(MappingSample.mappingGrammar.utf8)
      bytes[generator.next(bytes.count)] = UInt8(generator.next(256))
      if generator.next(4) == 0 { bytes.removeLast(generator.next(bytes.count)) }
      _ = MappingSample.diagnostics(String(decoding: bytes, as: UTF8.self))
    }
  }
}
