import SIPCodec
import TestGrammars
import Testing

@testable import GrammarCompiler

/// parse(serialize(v)) == v for values of each header that chance takes from its grammar.
@Suite("SIP: what the grammar allows is read, written, and read again as the same values")
struct HeaderRoundTripTests {
  @Test("each header")
  func headers() throws {
    let model = try PackageGrammars.compiled("SIPCodec").model
    // Content-Length says how long the body is, so chance must not choose it.
    for header in model.headers where header.name != "Content-Length" {
      // A seed of its own: a header that is new does not change what chance takes for the others.
      var sampler = GrammarSampler(seed: seed(of: header.name))
      var accepted = 0
      // Not all: parts that chance puts side by side may be one longer token to a reader, and then mean another thing.
      for _ in 0..<100 where accepted < 12 {
        guard let value = sampler.text(of: header.shape), !value.isEmpty else { continue }
        if try isKept(header.name, value) { accepted += 1 }
      }
      #expect(accepted == 12, "\(header.name): \(accepted) of 100")
    }
  }

  @Test("the examples of the grammars")
  func examples() throws {
    for header in try PackageGrammars.compiled("SIPCodec").model.headers {
      for example in header.examples {
        #expect(try isKept(header.name, Array(example.value.utf8)), "\(header.name): \(example.value)")
      }
    }
  }

  /// The compiler reads the examples of the grammars by itself: as the generated parsers do, to the byte.
  @Test("values that chance has taken and broken fit as examples where the parser reads them")
  func compilerReadsAlike() throws {
    let model = try PackageGrammars.compiled("SIPCodec").model
    var verdicts: [Bool: Int] = [:]
    for header in model.headers where header.name != "Content-Length" {
      var sampler = GrammarSampler(seed: seed(of: header.name))
      for number in 0..<20 {
        guard var value = sampler.text(of: header.shape), !value.isEmpty else { continue }
        if number % 2 == 1, let byte = sampler.element(of: Array(";,=<>\"@ a0".utf8)) {
          value[Int(byte) * 7 % value.count] = byte
        }
        // White space at the ends belongs to no value.
        guard value.first != 0x20, value.last != 0x20, !value.contains(0x0D) else { continue }
        let failure = ExampleCheck.failure(in: value, as: header.shape, before: ExampleCheck.endOfHeader)
        let front = Array("OPTIONS sip:a SIP/2.0\r\n\(header.name): ".utf8)
        let message = try SIPMessage(parsing: front + value + Array("\r\nX: 1\r\n\r\n".utf8))
        let issue = message.issues.first { $0.layer == .header }
        #expect(issue.map { $0.offset - front.count } == failure?.offset, "\(header.name): \(shown(value))")
        if let expected = failure?.expected, let issue {
          #expect(issue.message == "expected \(expected)", "\(header.name): \(shown(value))")
        }
        verdicts[failure == nil, default: 0] += 1
      }
    }
    #expect(verdicts[true] ?? 0 > 500 && verdicts[false] ?? 0 > 200, "\(verdicts)")
  }

  /// Reads a header in a request, writes it and reads it again.
  private func isKept(_ name: String, _ value: [UInt8]) throws -> Bool {
    let bytes = Array("OPTIONS sip:a SIP/2.0\r\n\(name): ".utf8) + value + Array("\r\n\r\n".utf8)
    let message = try SIPMessage(parsing: bytes)
    let wrong = message.issues.filter { $0.layer == .header }
    guard wrong.isEmpty else { return false }
    let again = try SIPMessage(parsing: message.bytes)
    #expect(holdSameValues(message.arena, again.arena), "\(shown(value)) became \(shown(message.bytes))")
    #expect(again.bytes == message.bytes)
    return true
  }
}
