import Foundation
import TestGrammars
import Testing

@testable import GrammarCompiler

/// Messages that chance makes from the grammars and then breaks with their own words, and those that once broke
/// something. `JINGLE_SIP_MUTATIONS=100000 swift test -c release -Xswiftc -enable-testing --filter AnyBytesTests` tries
/// more of them; Tests/Fuzz/run.sh lets libFuzzer look for them.
@Suite("Bytes of any kind")
struct AnyBytesTests {
  @Test("whatever broke something once", arguments: FuzzTarget.allCases)
  func cases(_ target: FuzzTarget) throws {
    let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: "Fuzz/Cases/\(target.rawValue)")
    let files = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
    #expect(!files.isEmpty)
    for file in files {
      let bytes = [UInt8](try Data(contentsOf: file))
      #expect(throws: Never.self, "\(file.lastPathComponent)") { try target.check(bytes) }
    }
  }

  @Test("messages of the grammars, mutated with the words of the grammars", arguments: FuzzTarget.allCases)
  func mutated(_ target: FuzzTarget) throws {
    let runs = ProcessInfo.processInfo.environment["JINGLE_SIP_MUTATIONS"].flatMap(Int.init) ?? 250
    let compilation = try PackageGrammars.compiled(target.dictionaryTarget)
    var source = MessageSource(target, compilation.model, seed: 11)
    var mutator = Mutator(words: compilation.dictionary, seed: 12)
    var previous = source.message()
    for run in 0..<runs {
      let message = source.message()
      // What is not mutated has to hold the properties, too.
      let bytes = run % 8 == 0 ? message : mutator.mutated(message, other: previous)
      do { try target.check(bytes) } catch {
        Issue.record("\(error)\n\(Data(bytes).base64EncodedString())")
        return
      }
      previous = message
    }
  }
}

/// Makes messages that a grammar allows.
struct MessageSource {
  private let target: FuzzTarget
  private let model: Model
  private var sampler: GrammarSampler
  private var elements: ElementSampler

  init(_ target: FuzzTarget, _ model: Model, seed: UInt64) {
    self.target = target
    self.model = model
    sampler = GrammarSampler(seed: seed)
    elements = ElementSampler(seed: seed)
  }

  mutating func message() -> [UInt8] {
    switch target {
    case .sip: sip()
    case .sdp: sdp()
    case .jingle: jingle()
    case .stream: Array("<stream:stream xmlns='jabber:client' xmlns:stream='urn:s'>".utf8) + jingle() + jingle()
    }
  }

  private mutating func sip() -> [UInt8] {
    var bytes = Array(
      "INVITE sip:b@h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\n".utf8)
    bytes += "Call-ID: 1\r\nCSeq: 1 INVITE\r\n".utf8
    for _ in 0..<4 {
      guard let header = sampler.element(of: model.headers), let value = sampler.text(of: header.shape) else {
        continue
      }
      bytes += "\(header.name): ".utf8
      bytes += value + [0x0D, 0x0A]
    }
    return bytes + [0x0D, 0x0A] + Array("v=0\r\n".utf8)
  }

  private mutating func sdp() -> [UInt8] {
    var bytes = Array("v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\n".utf8)
    for section in 0..<3 {
      if section > 0 { bytes += "m=audio 9 RTP/AVP 0 96\r\na=rtpmap:96 x/8000\r\n".utf8 }
      for _ in 0..<4 {
        let level = section == 0 ? "session" : "media"
        guard let attribute = sampler.element(of: model.attributes.filter { $0.levels.contains(level) }) else {
          continue
        }
        bytes += "a=\(attribute.name)".utf8
        if let shape = attribute.shape {
          guard let value = sampler.text(of: shape) else { continue }
          bytes += (attribute.isValueOptional ? [] : [0x3A]) + value
        }
        bytes += [0x0D, 0x0A]
      }
    }
    return bytes
  }

  private mutating func jingle() -> [UInt8] {
    model.orderedElements.first(where: \.isRoot).map { Array(elements.xml(of: $0).utf8) } ?? []
  }
}

/// Breaks messages: bytes and pieces that come, go, or stand twice, and words of the grammars where others were.
struct Mutator {
  private let words: [[UInt8]]
  private var chance: SeededChance

  init(words: [[UInt8]], seed: UInt64) {
    self.words = words
    chance = SeededChance(seed: seed)
  }

  mutating func mutated(_ message: [UInt8], other: [UInt8]) -> [UInt8] {
    var bytes = message
    for _ in 0...below(4) { mutate(&bytes, other) }
    return bytes
  }

  private mutating func below(_ bound: Int) -> Int { Int.random(in: 0..<max(bound, 1), using: &chance) }

  /// A piece of so many bytes at most.
  private mutating func range(in bytes: [UInt8], atMost count: Int) -> Range<Int> {
    let start = below(bytes.count + 1)
    return start..<min(bytes.count, start + below(count + 1))
  }

  private mutating func word() -> [UInt8] { words.randomElement(using: &chance) ?? [] }

  private mutating func mutate(_ bytes: inout [UInt8], _ other: [UInt8]) {
    switch below(9) {
    case 0: if !bytes.isEmpty { bytes[below(bytes.count)] = UInt8(below(256)) }
    case 1: bytes.insert(Self.signs[below(Self.signs.count)], at: below(bytes.count + 1))
    case 2: bytes.removeSubrange(range(in: bytes, atMost: 20))
    case 3:
      let piece = Array(bytes[range(in: bytes, atMost: 60)])
      bytes.insert(contentsOf: piece, at: below(bytes.count + 1))
    case 4: bytes = Array(bytes[..<below(bytes.count + 1)])
    case 5: bytes.replaceSubrange(range(in: bytes, atMost: 80), with: other[range(in: other, atMost: 80)])
    case 6: bytes.insert(contentsOf: word(), at: below(bytes.count + 1))
    case 7: if let place = place(of: word(), in: bytes) { bytes.removeSubrange(place) }
    default:
      let new = word()
      if let place = place(of: word(), in: bytes) {
        bytes.replaceSubrange(place, with: new)
      } else {
        bytes.replaceSubrange(range(in: bytes, atMost: new.count), with: new)
      }
    }
  }

  /// What separates things in one of the protocols, or means something to a careless reader.
  private static let signs = Array(" \t\r\n\0,;:=<>\"'\\/&?@%()[]{}#".utf8) + [0x7F, 0x80, 0xC0, 0xFF]

  private func place(of word: [UInt8], in bytes: [UInt8]) -> Range<Int>? {
    guard !word.isEmpty, bytes.count >= word.count else { return nil }
    return (0...(bytes.count - word.count)).first { bytes[$0...].starts(with: word) }.map { $0..<$0 + word.count }
  }
}
