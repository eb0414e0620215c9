import SIPCodec
import Testing

@testable import GrammarCompiler

/// parse(serialize(v)) == v for values of each header that chance takes from its grammar.
@Suite("SIP: what the grammar allows is read, written, and read again as the same values")
struct HeaderRoundTripTests {
  @Test("each header")
  func headers() throws {
    let model = try PackageGrammars.compiled("SIPCodec").model
    var sampler = GrammarSampler(seed: 1)
    // Content-Length says how long the body is, so chance must not choose it.
    for header in model.headers where header.name != "Content-Length" {
      var accepted = 0
      for _ in 0..<20 {
        guard let value = sampler.text(of: header.shape), !value.isEmpty else { continue }
        if try isKept(header.name, value) { accepted += 1 }
      }
      // Not all: parts that chance puts side by side may be one longer token to a reader, and then mean another thing.
      #expect(accepted > 6, "\(header.name): \(accepted) of 20")
    }
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
