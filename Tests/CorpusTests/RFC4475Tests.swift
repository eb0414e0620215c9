import Foundation
import SIPCodec
import Testing

/// The torture messages of RFC 4475: each is accepted, or rejected by the layer that the manifest names.
@Suite("SIP torture messages (RFC 4475)")
struct RFC4475Tests {
  /// One row of `MANIFEST.tsv`.
  struct Row {
    var file: String
    /// `nil` where the message is valid.
    var layer: SIPIssue.Layer?
    /// Header field that has to be named.
    var header: String?
    var message: [UInt8]

    /// `nil` for a row that is no verdict.
    init?(_ line: String, in folder: URL) throws {
      let columns = line.components(separatedBy: "\t")
      guard columns.count > 4 else { return nil }
      file = columns[0]
      switch columns[4] {
      case "ParseOk": layer = nil
      case "ParseErr(Framing)": layer = .framing
      case "ParseErr(StartLine)": layer = .startLine
      case let verdict where verdict.hasPrefix("HeaderErr"):
        layer = .header
        header = verdict.components(separatedBy: "\"")[1]
      case let verdict where verdict.hasPrefix("ValidateErr"): layer = .validation
      default: return nil
      }
      message = Array(try Data(contentsOf: folder.appendingPathComponent(file)))
    }
  }

  private func rows() throws -> [Row] {
    guard let folder = Corpus.folder("rfc4475") else { return [] }
    let manifest = try String(contentsOf: folder.appendingPathComponent("MANIFEST.tsv"), encoding: .utf8)
    let rows = try manifest.components(separatedBy: "\n").compactMap { try Row($0, in: folder) }
    #expect(rows.count == 49)
    return rows
  }

  @Test("each message is accepted, or rejected by the layer that the manifest names")
  func verdicts() throws {
    for row in try rows() {
      let issues = try SIPMessage(parsing: row.message).issues
      if let layer = row.layer {
        #expect(issues.contains { $0.layer == layer }, "\(row.file): \(issues)")
        #expect(row.header == nil || issues.contains { $0.location == row.header }, "\(row.file): \(issues)")
        for issue in issues { #expect((0...row.message.count).contains(issue.offset), "\(row.file): \(issue)") }
      } else {
        #expect(issues.isEmpty, "\(row.file): \(issues)")
      }
    }
  }

  @Test("layers before the one that has to object do not")
  func layers() throws {
    let order: [SIPIssue.Layer] = [.framing, .startLine, .header, .validation]
    for row in try rows() {
      guard let layer = row.layer, let place = order.firstIndex(of: layer) else { continue }
      let issues = try SIPMessage(parsing: row.message).issues
      #expect(!issues.contains { order[..<place].contains($0.layer) }, "\(row.file): \(issues)")
    }
  }

  @Test("what the serializer makes of a valid message is valid, and stays the same from then on")
  func fixpoint() throws {
    for row in try rows() where row.layer == nil {
      let message = try SIPMessage(parsing: row.message)
      let written = try SIPMessage(parsing: message.bytes)
      #expect(written.issues.isEmpty, "\(row.file): \(written.issues)")
      #expect(written.bytes == message.bytes, "\(row.file)")
      #expect(written.body.string == message.body.string, "\(row.file)")
    }
  }

  @Test("a message of which any byte is missing or changed is read without a trap")
  func damage() throws {
    for row in try rows() {
      for end in stride(from: 0, to: row.message.count, by: 3) {
        _ = try SIPMessage(parsing: Array(row.message[..<end])).bytes
      }
      for place in stride(from: 0, to: row.message.count, by: 5) {
        var damaged = row.message
        damaged[place] ^= 0x11
        let message = try SIPMessage(parsing: damaged)
        if message.issues.isEmpty {
          let written = try SIPMessage(parsing: message.bytes)
          #expect(written.issues.isEmpty, "\(row.file), byte \(place): \(written.issues)")
          #expect(written.bytes == message.bytes, "\(row.file), byte \(place)")
        }
      }
    }
  }
}
