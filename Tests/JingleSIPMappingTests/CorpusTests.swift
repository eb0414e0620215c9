import CodecRuntime
import Foundation
import JingleCodec
import JingleSIPMapping
import SDPCodec
import Testing
import XMLReader

/// Descriptions of others, in `../shared/corpus` beside the package.
@Suite("Descriptions of others")
struct CorpusMappingTests {
  /// The corpus is data of others and not part of this package: where it is absent, tests say so and pass.
  static func files(_ suffix: String) throws -> [(name: String, text: String)] {
    let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let folders = [package.appendingPathComponent("../shared/corpus"), URL(fileURLWithPath: "/work/shared/corpus")]
    guard let root = folders.first(where: { FileManager.default.fileExists(atPath: $0.standardizedFileURL.path) }),
      let names = FileManager.default.enumerator(atPath: root.standardizedFileURL.path)
    else {
      print("skipped: there is no ../shared/corpus")
      return []
    }
    return names.compactMap { $0 as? String }.filter { $0.hasSuffix(suffix) }.sorted().compactMap { name in
      let bytes = try? Data(contentsOf: root.standardizedFileURL.appendingPathComponent(name))
      return bytes.map { (name, String(decoding: $0, as: UTF8.self)) }
    }
  }

  @Test("What both sides can say comes through both ways unchanged", arguments: [Role.initiator, .responder])
  func stable(_ role: Role) throws {
    for (name, text) in try Self.files(".sdp") {
      let first = try jingle(text.replacing("\r", with: ""), by: role, action: "session-initiate", sid: "a")
      let back = try sdp(first.text, by: role)
      let second = try jingle(back.text.replacing("\r", with: ""), by: role, action: "session-initiate", sid: "a")
      // A section without an address gets ours, and the number of a network is dropped towards SIP.
      if text.contains("c=") {
        #expect(second.text == first.text.replacing(#/ network='[0-9]+'/#, with: ""), "\(name)")
      }
      #expect(try sdp(second.text, by: role).text == back.text, "\(name)")
      #expect(try SessionDescription(parsing: Array(back.text.utf8)).issues.isEmpty, "\(name)\n\(back.text)")
    }
  }

  @Test("Jingle of others becomes valid SDP", arguments: [Role.initiator, .responder])
  func valid(_ role: Role) throws {
    var count = 0
    for (name, text) in try Self.files(".xml") {
      guard let root = try? XMLReader.parseDocument(Array(text.utf8)), let element = Self.stanza(in: root),
        let reading = Jingle.read(element)
      else { continue }
      count += 1
      var state = MediaState()
      let translation = try translateToSDP(
        reading.jingle.arena, at: reading.jingle.index, by: role, asFragment: false, state: &state)
      let bytes = SessionDescription(arena: translation.arena).bytes
      let issues = try SessionDescription(parsing: bytes).issues
      #expect(issues.isEmpty, "\(name): \(issues)\n\(String(decoding: bytes, as: UTF8.self))")
      // Once in SDP, nothing more is lost.
      let first = try Self.backAndForth(bytes, role)
      #expect(try Self.backAndForth(first, role) == first, "\(name)")
    }
    print("\(count) stanzas of the corpus")
  }

  private static func backAndForth(_ bytes: [UInt8], _ role: Role) throws -> [UInt8] {
    var state = MediaState()
    let description = try SessionDescription(parsing: bytes)
    let there = try translateToJingle(description.arena, by: role, action: "session-initiate", sid: "a", state: &state)
    var other = MediaState()
    let back = try translateToSDP(there.arena, at: 0, by: role, state: &other)
    return SessionDescription(arena: back.arena).bytes
  }

  private static func stanza(in element: XMLElement) -> XMLElement? {
    if Jingle.matches(element) { return element }
    for child in element.children { if let found = stanza(in: child) { return found } }
    return nil
  }
}
