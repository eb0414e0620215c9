import CodecRuntime
import Foundation
import SIPCodec
import Testing

@Suite("SIP messages of others")
struct SIPCorpusTests {
  /// The messages in the drafts about SIP and XMPP, as they would go over the wire.
  private func drafts() throws -> [Corpus.File] {
    try Corpus.files(in: "stox", suffix: ".txt").compactMap { file in
      // A line that was too long for the draft ends with a backslash.
      let text = String(decoding: file.bytes, as: UTF8.self).replacingOccurrences(of: "\\\n", with: "\n")
      guard text.contains("SIP/2.0") else { return nil }
      var lines = text.components(separatedBy: "\n")
      let indent = lines[0].prefix { $0 == " " }.count
      lines = lines.map { String($0.dropFirst(min(indent, $0.prefix { $0 == " " }.count))) }
      while lines.last?.allSatisfy({ $0 == " " }) == true { lines.removeLast() }
      let hasBody = lines.contains("")
      return Corpus.File(
        name: file.name, bytes: Array((lines.joined(separator: "\r\n") + (hasBody ? "\r\n" : "\r\n\r\n")).utf8))
    }
  }

  @Test("the messages of the drafts about SIP and XMPP are valid, but for bodies shorter than announced")
  func calls() throws {
    let files = try drafts()
    #expect(files.isEmpty || files.count == 8)
    for file in files {
      let message = try SIPMessage(parsing: file.bytes)
      for issue in message.issues {
        #expect(issue.header == Headers.contentLength && issue.layer == .framing, "\(file.name): \(issue)")
      }
      #expect(message.headers.callID?.value.string == "3848276298220188511@example.com", "\(file.name)")
      #expect(message.headers.via.first?.branch?.string.hasPrefix("z9hG4bK") == true, "\(file.name)")
      let written = try SIPMessage(parsing: message.bytes)
      #expect(written.bytes == message.bytes, "\(file.name)")
    }
  }

  @Test("the messages by which stacks are compared are valid, and written as they came or shorter")
  func benchmarks() throws {
    for file in try Corpus.files(in: "../peers/corpus", suffix: ".sip") {
      let message = try SIPMessage(parsing: file.bytes)
      #expect(message.issues.isEmpty, "\(file.name): \(message.issues)")
      #expect(message.bytes.count <= file.bytes.count, "\(file.name)")
      let written = try SIPMessage(parsing: message.bytes)
      #expect(written.issues.isEmpty, "\(file.name)")
      #expect(written.bytes == message.bytes, "\(file.name)")
    }
  }

  /// RFC 4475 §3.1.1.11: a text and a signature in it.
  @Test("the parts of the torture message that has some")
  func parts() throws {
    guard let folder = Corpus.folder("rfc4475") else { return }
    let bytes = Array(try Data(contentsOf: folder.appendingPathComponent("mpart01.dat")))
    let message = try SIPMessage(parsing: bytes)
    let body = try #require(message.multipart)
    #expect(body.issues == [])
    #expect(body.parts.map { $0.headers.contentType?.subtype.string } == ["plain", "octet-stream"])
    #expect(body.parts.map { $0.headers.raw("Content-Transfer-Encoding") } == ["binary", "binary"])
    #expect(body.parts.first?.body.string == "Hello")
    #expect(body.parts.last?.body.withBytes { $0.first } == 0x30)
  }

  @Test("a body of parts of which any byte is missing or changed is read without a trap")
  func damagedParts() throws {
    guard let folder = Corpus.folder("rfc4475") else { return }
    let bytes = Array(try Data(contentsOf: folder.appendingPathComponent("mpart01.dat")))
    for place in bytes.indices {
      var damaged = bytes
      damaged[place] ^= 0x2D
      for message in [damaged, Array(bytes[..<place])] {
        for part in try SIPMessage(parsing: message).multipart?.parts ?? [] {
          #expect(part.body.count <= bytes.count)
          #expect(part.multipart == nil)
        }
      }
    }
  }
}
