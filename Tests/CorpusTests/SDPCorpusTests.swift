import SDPCodec
import Testing

@Suite("Session descriptions of others")
struct SDPCorpusTests {
  @Test("whole descriptions are accepted and come back line by line")
  func descriptions() throws {
    for folder in ["monal", "sdp-jingle-json", "lib-jitsi-meet"] {
      for file in try Corpus.files(in: folder, suffix: ".sdp") {
        let description = try SessionDescription(parsing: file.bytes)
        #expect(description.issues.isEmpty, "\(file.name): \(description.issues)")
        #expect(lines(description.bytes) == lines(file.bytes), "\(file.name)")
      }
    }
  }

  @Test("fragments come back line by line, whatever is wrong with them, and stay the same from then on")
  func fragments() throws {
    for file in try Corpus.files(in: "xeps/examples", suffix: ".sdp") {
      let description = try SessionDescription(parsing: file.bytes)
      #expect(lines(description.bytes) == lines(file.bytes), "\(file.name)")
      let again = try SessionDescription(parsing: description.bytes)
      #expect(again.bytes == description.bytes, "\(file.name)")
      #expect(again.issues.map(\.location) == description.issues.map(\.location), "\(file.name)")
    }
  }

  /// The lines, without empty ones, without regard to case (`UDP` is written `udp`) and to blanks between the parameters
  /// of `a=fmtp`.
  private func lines(_ bytes: [UInt8]) -> [String] {
    String(decoding: bytes, as: UTF8.self).lowercased().split(whereSeparator: \.isNewline).map { line in
      let parameters = line.split(separator: ";", omittingEmptySubsequences: true)
      return parameters.map { $0.trimmingPrefix(while: \.isWhitespace) }.joined(separator: ";")
    }
  }
}
