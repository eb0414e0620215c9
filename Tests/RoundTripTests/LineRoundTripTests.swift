import SDPCodec
import TestGrammars
import Testing

@testable import GrammarCompiler

/// parse(serialize(v)) == v for values of each line and attribute that chance takes from its grammar.
@Suite("SDP: what the grammar allows is read, written, and read again as the same values")
struct LineRoundTripTests {
  private static let head = ["v=0", "o=- 1 1 IN IP4 192.0.2.1", "s=-", "t=0 0"]
  private static let medium = "m=audio 9 RTP/AVP 0"

  @Test("each attribute, at a level where it may stand")
  func attributes() throws {
    let model = try PackageGrammars.compiled("SDPCodec").model
    for attribute in model.attributes {
      var sampler = GrammarSampler(seed: seed(of: attribute.name))
      var accepted = 0
      for _ in 0..<(attribute.shape == nil ? 1 : 30) {
        var line = Array("a=\(attribute.name)".utf8)
        if let shape = attribute.shape {
          guard let value = sampler.text(of: shape) else { continue }
          line += (attribute.isValueOptional ? [] : [0x3A]) + value
        }
        let isOfSession = attribute.levels.contains("session") && (sampler.oneIn(2) || attribute.levels.count == 1)
        let lines = (Self.head + (isOfSession ? [] : [Self.medium])).flatMap { Array("\($0)\r\n".utf8) }
        if try isKept(lines + line + [0x0D, 0x0A], line) { accepted += 1 }
      }
      #expect(accepted > (attribute.shape == nil ? 0 : 5), "a=\(attribute.name)")
    }
  }

  @Test("the examples of the grammars")
  func examples() throws {
    for attribute in try PackageGrammars.compiled("SDPCodec").model.attributes {
      for example in attribute.examples {
        let line = Array("a=\(attribute.name):\(example.value)".utf8)
        let lines = (Self.head + (attribute.levels == ["session"] ? [] : [Self.medium])).flatMap {
          Array("\($0)\r\n".utf8)
        }
        #expect(try isKept(lines + line + [0x0D, 0x0A], line), "a=\(attribute.name): \(example.value)")
      }
    }
  }

  @Test("each line in its place")
  func lines() throws {
    let model = try PackageGrammars.compiled("SDPCodec").model
    // RFC 8866 §5: the order of the lines.
    let order = "vosiuepcbtrzkam".utf8.map { $0 }
    for line in model.lines {
      var sampler = GrammarSampler(seed: seed(of: line.name))
      var accepted = 0
      for _ in 0..<30 {
        guard let value = sampler.text(of: line.shape) else { continue }
        let sampled = [line.letter, 0x3D] + value
        var lines = Self.head.map { Array($0.utf8) }.filter { $0[0] != line.letter }
        let place = lines.firstIndex { own in
          (order.firstIndex(of: own[0]) ?? 0) > (order.firstIndex(of: line.letter) ?? 0)
        }
        lines.insert(sampled, at: place ?? lines.count)
        if try isKept(lines.flatMap { $0 + [0x0D, 0x0A] }, sampled) { accepted += 1 }
      }
      #expect(accepted > 5, "\(line.name)")
    }
  }

  private func isKept(_ bytes: [UInt8], _ line: [UInt8]) throws -> Bool {
    let description = try SessionDescription(parsing: bytes)
    let wrong = description.issues.filter { $0.layer == .syntax }
    #expect(wrong.isEmpty, "\(shown(line)): \(wrong)")
    guard wrong.isEmpty else { return false }
    let again = try SessionDescription(parsing: description.bytes)
    #expect(holdSameValues(description.arena, again.arena), "\(shown(line)) became \(shown(description.bytes))")
    #expect(again.bytes == description.bytes)
    return true
  }
}
