import CodecRuntime
import Testing
import XMLReader

/// SplitMix64: the same numbers in every run.
private struct Random: RandomNumberGenerator {
  var state: UInt64
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var value = state
    value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
    return value ^ (value >> 31)
  }
}

@Suite("XML that was damaged at random, from a seed")
struct MutationTests {
  private let original = Array(
    (StreamTests.header
      + "<message to='a@b'><body>ä€😀 &amp; &#x1F600;\r\n<![CDATA[<]]]]></body><x xmlns='urn:x' xmlns:y='urn:y' y:z=\"1\"/></message>"
      + "<iq type='get' id='/&gt;'/> <stream:features><p:q xmlns:p='u'>t</p:q></stream:features></stream:stream>").utf8)

  private let tokens: [[UInt8]] = [
    "<", ">", "/", "/>", "</", "'", "\"", "&", ";", "<!--", "-->", "<![CDATA[", "]]>", "<?", "?>", "<!DOCTYPE", "=",
    ":",
    "xmlns", "xmlns:", "&lt;", "&#0;", "\u{0}", "\u{FFFE}", "ä", " ", "\r", "\n", "<a>", "</a>", "<a/>",
  ].map { Array($0.utf8) }

  private func mutated(_ random: inout Random) -> [UInt8] {
    var bytes = original
    for _ in 0...Int.random(in: 0..<3, using: &random) {
      let place = Int.random(in: 0..<bytes.count, using: &random)
      switch Int.random(in: 0..<5, using: &random) {
      case 0: bytes[place] = UInt8.random(in: 0...255, using: &random)
      case 1: bytes.removeSubrange(place..<min(place + Int.random(in: 1..<9, using: &random), bytes.count))
      case 2:
        let end = min(place + Int.random(in: 1..<30, using: &random), bytes.count)
        bytes.insert(contentsOf: bytes[place..<end], at: Int.random(in: 0..<bytes.count, using: &random))
      default: bytes.insert(contentsOf: tokens.randomElement(using: &random) ?? [], at: place)
      }
    }
    return bytes
  }

  private func events(_ bytes: [UInt8], size: Int) -> [String] {
    let reader = XMLStreamReader(limits: XMLLimits(maximumBytes: 4000, maximumDepth: 8))
    var events: [String] = []
    for start in stride(from: 0, to: bytes.count, by: size) {
      reader.append(Array(bytes[start..<min(start + size, bytes.count)]))
      while let event = reader.next() {
        switch event {
        case .streamOpened(let head): events.append("open " + written(head))
        case .stanza(let stanza): events.append(written(stanza))
        case .streamClosed: events.append("close")
        case .failed(let error): events.append("failed \(error.kind) \(error.offset)")
        }
      }
    }
    return events
  }

  @Test(
    "RFC 6120 §13.12: the events do not depend on the cuts, and what is written can be read again", arguments: 0..<4)
  func stream(_ seed: UInt64) {
    var random = Random(state: seed)
    for round in 0..<500 {
      let bytes = mutated(&random)
      let whole = events(bytes, size: bytes.count)
      #expect(whole == events(bytes, size: 1 + round % 17), "seed \(seed), round \(round)")
      for event in whole where event.hasPrefix("<") {
        #expect((try? parse(event)).map(written) == event, "seed \(seed), round \(round)")
      }
    }
  }

  @Test("a damaged document is read or refused, with an offset inside it", arguments: 0..<4)
  func document(_ seed: UInt64) {
    var random = Random(state: seed &+ 1000)
    for round in 0..<500 {
      let bytes = mutated(&random)
      do throws(XMLReadError) {
        let root = try XMLReader.parseDocument(bytes)
        #expect((try? parse(written(root))).map(written) == written(root), "seed \(seed), round \(round)")
      } catch {
        #expect((0...bytes.count).contains(error.offset), "seed \(seed), round \(round)")
      }
    }
  }
}
