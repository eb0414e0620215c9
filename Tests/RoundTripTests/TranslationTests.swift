import CodecRuntime
import Foundation
import JingleCodec
import JingleSIPMapping
import SDPCodec
import TestGrammars
import Testing
import XMLReader

@testable import GrammarCompiler

/// What a translation loses it names: descriptions and stanzas that chance makes from the grammars go there and back,
/// and whatever is not the same then has to be named as lost. Where it is not, the message is made as small as it can
/// be and shown with its seed. `JINGLE_SIP_TRANSLATIONS=5000 swift test -c release -Xswiftc -enable-testing --filter
/// TranslationTests` tries more of them.
@Suite("There and back again: what a translation loses it names")
struct TranslationTests {
  private static var seeds: ClosedRange<UInt64> {
    1...(ProcessInfo.processInfo.environment["JINGLE_SIP_TRANSLATIONS"].flatMap(UInt64.init) ?? 150)
  }

  @Test("lines of SDP come back from Jingle, or a loss names them", arguments: [Role.initiator, .responder])
  func descriptions(_ role: Role) throws {
    let model = try PackageGrammars.compiled("SDPCodec").model
    var kept: Set<String> = []
    for seed in Self.seeds {
      var source = DescriptionSource(model, seed: seed)
      var lines = source.lines()
      guard let trip = try DescriptionTrip(lines, role) else { continue }
      kept.formUnion(trip.kept)
      guard !trip.unexplained.isEmpty else { continue }
      lines = try shrunk(lines) { try DescriptionTrip($0, role).map { !$0.unexplained.isEmpty } ?? false }
      let small = try #require(try DescriptionTrip(lines, role))
      Issue.record("seed \(seed), by the \(role): \(small)")
    }
    // Something has to come back at all.
    for name in ["a=rtpmap", "a=fmtp", "a=rtcp-fb", "a=candidate", "a=fingerprint", "a=ssrc", "a=extmap", "b="] {
      #expect(kept.contains(name), "\(name) never comes back")
    }
  }

  @Test("elements of Jingle come back from SDP, or a loss names them", arguments: [Role.initiator, .responder])
  func stanzas(_ role: Role) throws {
    let model = try PackageGrammars.compiled("JingleCodec").model
    var kept: Set<String> = []
    for seed in Self.seeds {
      var source = StanzaSource(model, seed: seed)
      var tree = source.jingle(action: descriptionAction(of: role))
      guard let trip = try StanzaTrip(tree, role) else { continue }
      kept.formUnion(trip.kept)
      guard !trip.unexplained.isEmpty else { continue }
      tree = try tree.shrunk { try StanzaTrip($0, role).map { !$0.unexplained.isEmpty } ?? false }
      let small = try #require(try StanzaTrip(tree, role))
      Issue.record("seed \(seed), by the \(role): \(small)")
    }
    for name in ["rtp:payload-type", "rtp:parameter", "rtcp-fb:rtcp-fb", "ice-udp:candidate", "dtls:fingerprint"] {
      #expect(kept.contains(name), "<\(name)> never comes back")
    }
  }

  /// The same lines without those that can be left out while `isWrong` holds.
  private func shrunk(_ lines: [String], while isWrong: ([String]) throws -> Bool) rethrows -> [String] {
    var lines = lines
    var index = lines.count - 1
    while index >= 0 {
      defer { index -= 1 }
      if lines[index].hasPrefix("m=") { continue }
      var fewer = lines
      fewer.remove(at: index)
      if try isWrong(fewer) { lines = fewer }
    }
    return lines
  }
}

// MARK: Descriptions

/// Makes descriptions of one to three media, with lines of which most belong together.
private struct DescriptionSource {
  private let model: Model
  private var sampler: GrammarSampler

  init(_ model: Model, seed: UInt64) {
    self.model = model
    sampler = GrammarSampler(seed: seed)
  }

  mutating func lines() -> [String] {
    var lines = ["v=0", "o=- 1 1 IN IP4 192.0.2.1", "s=-", "t=0 0"] + attributes("session", atMost: 3)
    for number in 0...(sampler.oneIn(2) ? 0 : sampler.oneIn(2) ? 1 : 2) {
      lines += section(number)
    }
    return lines
  }

  private mutating func section(_ number: Int) -> [String] {
    let isData = sampler.oneIn(6)
    var lines = [
      isData
        ? "m=application 9 UDP/DTLS/SCTP webrtc-datachannel"
        : sampler.element(of: ["m=audio 9 UDP/TLS/RTP/SAVPF 0 96", "m=video 30000 RTP/AVP 96 0"]) ?? ""
    ]
    if sampler.oneIn(4) { lines += line("i") }
    lines.append("c=IN IP4 192.0.2.\(number + 1)")
    if sampler.oneIn(2) { lines += line("b") }
    lines.append("a=mid:m\(number)")
    if isData { lines.append("a=sctp-port:5000") } else { lines.append("a=rtpmap:96 opus/48000/2") }
    if sampler.oneIn(2) { lines += ["a=ice-ufrag:abcd", "a=ice-pwd:0123456789012345678901"] }
    return lines + attributes("media", atMost: 8)
  }

  private mutating func line(_ letter: Unicode.Scalar) -> [String] {
    guard let line = model.lines.first(where: { Unicode.Scalar($0.letter) == letter }),
      let value = sampler.text(of: line.shape)
    else { return [] }
    return ["\(letter)=" + String(decoding: value, as: UTF8.self)]
  }

  private mutating func attributes(_ level: String, atMost count: Int) -> [String] {
    var lines: [String] = []
    for _ in 0..<count {
      let attributes = model.attributes.filter { $0.levels.contains(level) }
      guard let attribute = sampler.element(of: attributes, named: \.name) else { continue }
      guard let shape = attribute.shape else {
        lines.append("a=\(attribute.name)")
        continue
      }
      guard let sampled = sampler.text(of: shape) else { continue }
      var value = String(decoding: sampled, as: UTF8.self)
      // What belongs to a payload type belongs to one that the medium has, more often than not.
      if shape.fields.first?.label == "payloadType", let space = value.firstIndex(of: " "), !sampler.oneIn(8),
        value[..<space].allSatisfy(\.isNumber)
      {
        value = (sampler.oneIn(2) ? "96" : "0") + value[space...]
      }
      lines.append("a=\(attribute.name)" + (attribute.isValueOptional ? "" : ":") + value)
    }
    return lines
  }
}

/// A description, what came back of it, and what was said to be lost.
private struct DescriptionTrip: CustomStringConvertible {
  let unexplained: [String]
  /// Names of the lines that came back.
  let kept: Set<String>
  let description: String

  /// `nil` where the description is not valid, or too large for a session.
  init?(_ lines: [String], _ role: Role) throws {
    let description = try SessionDescription(parsing: Array(lines.map { $0 + "\r\n" }.joined().utf8))
    guard description.issues.isEmpty else { return nil }
    var state = MediaState()
    let action = descriptionAction(of: role)
    guard let there = try? translateToJingle(description.arena, by: role, action: action, sid: "1", state: &state)
    else {
      return nil
    }
    var other = MediaState()
    guard let again = try? translateToSDP(there.arena, at: 0, by: role, state: &other) else { return nil }
    let losses = (there.losses + again.losses).map(\.description)
    let sections = Self.sections(description.bytes)
    let back = Self.sections(SessionDescription(arena: again.arena).bytes)
    var unexplained: [String] = []
    var kept: Set<String> = []
    for (number, section) in sections.enumerated() {
      // Sections keep their order, and lines of the session may go to each of them.
      let places = number == 0 ? back : back.indices.contains(number) ? [back[number]] : []
      let here = Set(places.joined().map(Self.comparable))
      for line in section where !Self.isMade(line) {
        if here.contains(Self.comparable(line)) {
          kept.insert(Self.name(of: line))
        } else if !losses.contains(where: { Self.names($0, line) }), !Self.isElsewhere(line, number, in: sections) {
          unexplained.append(line)
        }
      }
    }
    self.unexplained = unexplained
    self.kept = kept
    self.description =
      "not lost, and not there: \(unexplained)\n\(lines.joined(separator: "\n"))\n→\n"
      + back.map { $0.joined(separator: "\n") }.joined(separator: "\n") + "\nlosses: \(losses)"
  }

  private static func sections(_ bytes: [UInt8]) -> [[String]] {
    var sections: [[String]] = [[]]
    for line in String(decoding: bytes, as: UTF8.self).split(separator: "\r\n").map(String.init) {
      if line.hasPrefix("m=") { sections.append([]) }
      sections[sections.count - 1].append(line)
    }
    return sections
  }

  static func name(of line: String) -> String {
    line.hasPrefix("a=") ? String(line.prefix { $0 != ":" }) : String(line.unicodeScalars.prefix(2))
  }

  /// Hexadecimal digits and names that are compared without regard to case may come back in another one, one space in
  /// place of several, an extension that goes both ways without saying so (row 16), a candidate without the ufrag of its
  /// section and with its extensions in another order, one channel that is not said (row 8), and parameters of formats
  /// without the empty ones (row 9).
  private static func comparable(_ line: String) -> String {
    var line = line
    if line.hasPrefix("a=rtpmap:") { line.replace(#/(\/[0-9]+)\/[01]$/#) { $0.output.1 } }
    if line.hasPrefix("a=fmtp:") { line = parameters(of: line).joined(separator: ";") }
    line = line.replacing("/sendrecv", with: "").replacing(#/ ufrag \S+/#, with: "").lowercased()
    let words = line.split(separator: " ")
    return (line.hasPrefix("a=candidate:") ? words.sorted() : words).joined(separator: " ")
  }

  /// The format, and its parameters that are not empty.
  private static func parameters(of line: String) -> [String] {
    let words = line.split(separator: " ", maxSplits: 1)
    let parameters = words.dropFirst().joined().split(separator: ";").map { $0.trimmingCharacters(in: .whitespaces) }
    return [String(words[0])] + parameters.filter { !$0.isEmpty }
  }

  /// What lines become in Jingle, for what is lost on the way back.
  private static let elements = [
    "a=candidate": ["<ice-udp:candidate>", "<ice:candidate>"],
    "a=sctpmap": ["<sctp:sctpmap>"],
    "a=sctp-port": ["<sctp:sctpmap>"], "a=group": ["<grouping:group>", "<grouping:content>"],
    "a=rtcp-fb": ["<rtcp-fb:rtcp-fb>", "<rtcp-fb:parameter>"],
    "a=extmap": ["<hdrext:rtp-hdrext>", "<hdrext:parameter>"],
    "a=fmtp": ["<rtp:parameter>"],
    "a=remote-candidates": ["<ice-udp:remote-candidate>", "<ice:remote-candidate>"],
    "a=rtpmap": ["<rtp:payload-type>"], "a=ssrc": ["<ssma:source>", "<ssma:parameter>"],
  ]

  /// A loss begins with the name of what is lost.
  private static func names(_ loss: String, _ line: String) -> Bool {
    let name = name(of: line)
    if elements[name, default: []].contains(where: loss.hasPrefix) { return true }
    guard loss.unicodeScalars.starts(with: name.unicodeScalars) else { return false }
    return !name.hasPrefix("a=") || (loss.dropFirst(name.count).first.map { ": .…".contains($0) } ?? true)
  }

  /// Lines that each description has anew (rows 1, 2, 4, 5 and 6).
  private static func isMade(_ line: String) -> Bool {
    ["v=", "o=", "s=", "t=", "c=", "m="].contains { line.hasPrefix($0) }
  }

  private static let directions = ["a=sendrecv", "a=sendonly", "a=recvonly", "a=inactive"]

  /// What the mapping excuses without a loss: each row says so, with its reason.
  private static func isElsewhere(_ line: String, _ number: Int, in sections: [[String]]) -> Bool {
    switch name(of: line) {
    // Whoever calls says what the action is.
    case "a=jingle-action": true
    // Rows 35 and 41: the address of component 2, and one form of SCTP's port.
    case "a=rtcp", "a=sctpmap": true
    // Row 31: an answer is never actpass.
    case "a=setup": line == "a=setup:actpass"
    // Row 9: no parameter that says anything.
    case "a=fmtp": parameters(of: line).count == 1
    // Row 20: a group of nothing.
    case "a=group" where !line.contains(" "): true
    // RFC 8866 §5.13: what a medium says itself counts in place of what the session says.
    case let name where number == 0:
      sections[1...].allSatisfy { section in
        section.contains { directions.contains(name) ? directions.contains($0) : Self.name(of: $0) == name }
      }
    default: false
    }
  }
}

// MARK: Stanzas

/// An element with what is in it, of which parts can be left out.
struct SampledElement {
  var type: ElementType
  var attributes: [String: String] = [:]
  var text = ""
  var children: [SampledElement] = []

  var xml: String {
    let list = attributes.sorted { $0.key < $1.key }.map { " \($0)='\(Self.escaped($1))'" }.joined()
    let inner = children.map(\.xml).joined()
    return "<\(type.name) xmlns='\(type.namespace)'\(list)>\(Self.escaped(text))\(inner)</\(type.name)>"
  }

  /// White space by reference, or a parser would make it blanks (XML 1.0 §3.3.3).
  private static func escaped(_ text: String) -> String {
    text.unicodeScalars.map { scalar in
      "<>&'\"\t\n\r".unicodeScalars.contains(scalar) ? "&#\(scalar.value);" : String(scalar)
    }.joined()
  }

  /// The same without whatever can be left out while `isWrong` holds.
  func shrunk(while isWrong: (SampledElement) throws -> Bool) rethrows -> SampledElement {
    var tree = self
    for index in tree.children.indices.reversed() {
      var smaller = tree
      smaller.children.remove(at: index)
      if try isWrong(smaller) {
        tree = smaller
        continue
      }
      tree.children[index] = try tree.children[index].shrunk { child in
        var whole = tree
        whole.children[index] = child
        return try isWrong(whole)
      }
    }
    for name in attributes.keys.sorted() {
      var smaller = tree
      smaller.attributes[name] = nil
      if try isWrong(smaller) { tree = smaller }
    }
    return tree
  }
}

/// Makes `<jingle/>` elements whose contents have names of their own.
private struct StanzaSource {
  private let model: Model
  private var sampler: GrammarSampler
  private var number = 0

  init(_ model: Model, seed: UInt64) {
    self.model = model
    sampler = GrammarSampler(seed: seed)
  }

  mutating func jingle(action: String) -> SampledElement {
    guard let root = model.elements["jingle:jingle"], let content = model.elements["jingle:content"] else {
      preconditionFailure("the grammars have no <jingle/>")
    }
    var jingle = SampledElement(type: root, attributes: ["action": action, "sid": "1"])
    for _ in 0...(sampler.oneIn(3) ? 1 : 0) { jingle.children.append(element(content, depth: 0)) }
    if sampler.oneIn(3), let group = model.elements["grouping:group"], let member = model.elements["grouping:content"] {
      var bundle = SampledElement(type: group, attributes: ["semantics": "BUNDLE"])
      for child in jingle.children {
        bundle.children.append(SampledElement(type: member, attributes: ["name": child.attributes["name"] ?? ""]))
      }
      jingle.children.append(bundle)
    }
    return jingle
  }

  private mutating func element(_ type: ElementType, depth: Int) -> SampledElement {
    var element = SampledElement(type: type)
    for attribute in type.attributes where !(attribute.isOptional && sampler.oneIn(2)) {
      number += 1
      element.attributes[attribute.name] = value(attribute, of: type)
    }
    if let text = type.text { element.text = value(text, of: type) }
    let transports = ["ice-udp:transport", "raw-udp:transport", "ice:transport"]
    let transport = sampler.element(of: transports) ?? ""
    for child in type.children {
      let name = child.element.qualifiedName
      // A content is one of RTP with one transport, more often than not.
      if transports.contains(name) ? name != transport : name == "rtp:description" ? false : sampler.oneIn(2) {
        continue
      }
      let count = child.occurrence == .many || child.occurrence == .some ? (sampler.oneIn(2) ? 1 : 2) : 1
      for _ in 0..<count where depth < 7 { element.children.append(self.element(child.element, depth: depth + 1)) }
    }
    return element
  }

  /// A value that the type allows; texts are those that the field sends in their place.
  private mutating func value(_ attribute: ElementType.Attribute, of type: ElementType) -> String {
    let bytes: [UInt8]
    switch (type.qualifiedName, attribute.name, attribute.type) {
    case ("jingle:content", "name", _): return "content\(number)"
    case ("rtp:payload-type", "id", _): return "\(number % 96 + 32)"
    case ("rtp:description", "media", _): return sampler.oneIn(3) ? "video" : "audio"
    case ("dtls:fingerprint", "", _): return Array(repeating: "5A", count: 32).joined(separator: ":")
    case ("dtls:fingerprint", "hash", _): return sampler.oneIn(2) ? "sha-256" : "sha3-256"
    case (_, "ip", _): return "192.0.2.\(number % 250 + 1)"
    case (_, "protocol", _): return sampler.oneIn(3) ? "tcp" : "udp"
    case (_, _, .text): return sampler.element(of: ["a\(number)", "b\(number)", "c-\(number)", "d.\(number)"]) ?? ""
    case (_, _, .token(let rule)): bytes = sampler.text(of: rule)
    case (_, _, .number(let number)): bytes = sampler.number(number)
    case (_, _, .enumeration(let enumeration)): bytes = sampler.text(of: enumeration)
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}

/// A stanza, what came back of it, and what was said to be lost.
private struct StanzaTrip: CustomStringConvertible {
  let unexplained: [String]
  /// Names of the elements of which all came back.
  let kept: Set<String>
  let description: String

  /// `nil` where the stanza is not valid, or too large for a session.
  init?(_ tree: SampledElement, _ role: Role) throws {
    guard let reading = Jingle.read(try XMLReader.parseDocument(Array(tree.xml.utf8))), reading.issues.isEmpty else {
      return nil
    }
    var state = MediaState()
    let jingle = reading.jingle
    guard let there = try? translateToSDP(jingle.arena, at: jingle.index, by: role, state: &state) else { return nil }
    var other = MediaState()
    let action = descriptionAction(of: role)
    guard let again = try? translateToJingle(there.arena, by: role, action: action, sid: "1", state: &other) else {
      return nil
    }
    var output = Output()
    Jingle(arena: again.arena, index: 0).write(to: &output)
    let back = try XMLReader.parseDocument(output.bytes)
    let losses = (there.losses + again.losses).map(\.description)
    var comparison = Comparison(losses: losses)
    comparison.compare(tree, [back], path: "")
    unexplained = comparison.unexplained
    kept = comparison.kept
    description =
      "not lost, and not there: \(comparison.unexplained)\n\(tree.xml)\n→\n"
      + "\(String(decoding: SessionDescription(arena: there.arena).bytes, as: UTF8.self))→\n\(output.string)\n"
      + "losses: \(losses)"
  }

  /// Looks for each element, each attribute and each text in what came back.
  private struct Comparison {
    let losses: [String]
    var unexplained: [String] = []
    var kept: Set<String> = []

    init(losses: [String]) { self.losses = losses }

    /// Compares with that of the candidates which is most like the element.
    mutating func compare(_ element: SampledElement, _ candidates: [XMLElement], path: String) {
      let name = element.type.qualifiedName
      let path = path + "/" + name
      // These are read only.
      if name == "ice-udp:rtcp-mux" || name == "ice-udp:gathering-complete" { return }
      let same = candidates.filter { candidate in
        // SDP does not tell XEP-0176 from XEP-0371, and has no transport apart from what is in it.
        candidate.name.string == element.type.name
          && (candidate.namespace.string == element.type.namespace
            || element.type.namespace.contains(":transports:") && candidate.namespace.string.contains(":transports:"))
      }
      guard let match = same.max(by: { likeness(element, $0) < likeness(element, $1) }) else {
        if isNamed(name, nil) { return }
        // Where it holds something, that is what counts.
        guard Self.mayBeEmpty.contains(name) else { return unexplained.append(path) }
        for child in element.children { compare(child, [], path: path) }
        return
      }
      let before = unexplained.count
      for attribute in element.type.attributes {
        guard let value = element.attributes[attribute.name], value != attribute.defaultValue,
          !Self.isElsewhere("\(name) @\(attribute.name)", value, in: element),
          !isSame(value, Self.attribute(attribute.name, match), attribute), !isNamed(name, attribute.name)
        else { continue }
        unexplained.append("\(path) @\(attribute.name)='\(value)'")
      }
      if element.type.text != nil, element.text != match.text.string, !isNamed(name, nil) {
        unexplained.append("\(path) '\(element.text)'")
      }
      for child in element.children { compare(child, Array(match.children), path: path) }
      if unexplained.count == before { kept.insert(name) }
    }

    private static func attribute(_ name: String, _ xml: XMLElement) -> String? {
      xml.attributes.first { $0.name.string == name }?.value.string
    }

    private func likeness(_ element: SampledElement, _ xml: XMLElement) -> Int {
      let attributes = element.attributes.count { Self.attribute($0.key, xml) == $0.value }
      return attributes * 4 + (element.text == xml.text.string ? 2 : 0)
        + (element.children.count == xml.children.count ? 1 : 0)
    }

    private func isSame(_ value: String, _ other: String?, _ attribute: ElementType.Attribute) -> Bool {
      if value == other { return true }
      guard let other else { return false }
      switch attribute.type {
      case .number: return UInt64(value) == UInt64(other)
      case .enumeration: return value.lowercased() == other.lowercased()
      default: return false
      }
    }

    /// Elements that mean nothing without anything in them (rows 9, 21 and 32).
    private static let mayBeEmpty: Set = [
      "rtp:parameter", "rtp:encryption", "ice-udp:transport", "ice:transport", "raw-udp:transport",
    ]

    /// What the mapping excuses without a loss: each row says so, with its reason.
    private static func isElsewhere(_ attribute: String, _ value: String, in element: SampledElement) -> Bool {
      switch attribute {
      // Row 11: the medium has the least of them; row 31: the first of them, and none in an answer is actpass.
      case "rtp:description @ptime", "rtp:description @maxptime", "rtp:payload-type @ptime",
        "rtp:payload-type @maxptime",
        "dtls:fingerprint @setup":
        true
      // XEP-0166 §7.3, row 25.
      case "jingle:content @creator", "ice-udp:candidate @id", "ice:candidate @id": true
      // Rows 5 and 35.
      case "raw-udp:candidate @id", "raw-udp:candidate @generation", "raw-udp:candidate @type": true
      // Row 8: none is one; row 29: there is one value; row 10: what is there alone is the value.
      case "rtp:payload-type @channels": value == "0"
      case "ice:transport @ice2": value != "true"
      case "rtp:parameter @name": element.attributes["value"] == nil
      default: false
      }
    }

    /// What elements become in SDP, for what is lost there.
    private static let lines = [
      "rtp:payload-type": ["a=rtpmap"], "rtcp-fb:rtcp-fb": ["a=rtcp-fb"], "rtcp-fb:parameter": ["a=rtcp-fb"],
      "ssma:ssrc-group": ["a=ssrc-group"], "dtls:fingerprint": ["a=fingerprint", "a=setup"],
      "ice:gathering-complete": ["a=end-of-candidates"], "zrtp:zrtp-hash": ["a=zrtp-hash"],
      "ice-udp:remote-candidate": ["a=remote-candidates"], "ice:remote-candidate": ["a=remote-candidates"],
      "ice-option:trickle": ["a=ice-options"], "ice-option:renomination": ["a=ice-options"],
    ]

    /// Whether a loss names the element, its attribute, or what it became in SDP.
    private func isNamed(_ element: String, _ attribute: String?) -> Bool {
      losses.contains { loss in
        if Self.lines[element, default: []].contains(where: loss.hasPrefix) { return true }
        guard loss.hasPrefix("<\(element)>") else { return false }
        let rest = loss.dropFirst(element.count + 2)
        guard rest.hasPrefix(" @"), let attribute else { return attribute == nil || !rest.hasPrefix(" @") }
        return rest.dropFirst(2).hasPrefix(attribute)
      }
    }
  }
}
