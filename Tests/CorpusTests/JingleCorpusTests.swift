import CodecRuntime
import JingleCodec
import Testing
import XMLReader

@Suite("Jingle of others")
struct JingleCorpusTests {
  static let folders = ["xeps/examples", "qxmpp", "mongooseim", "lib-jitsi-meet"]

  /// A Jingle element of the corpus, with what had to be put around it.
  private struct Example {
    var name: String
    var element: XMLElement
    /// It is a whole `<jingle/>`, to which nothing was added.
    var isWhole: Bool
  }

  private func examples() throws -> [Example] {
    var examples: [Example] = []
    for folder in Self.folders {
      for file in try Corpus.files(in: folder, suffix: ".xml") {
        // Some examples are several documents, or are cut off: they are no XML.
        guard let root = try? XMLReader.parseDocument(file.bytes) else { continue }
        if let element = jingle(in: root) {
          examples.append(Example(name: file.name, element: element, isWhole: true))
        } else if let text = wrapped(root) {
          let element = try XMLReader.parseDocument(Array(text.utf8))
          examples.append(Example(name: file.name, element: element, isWhole: false))
        }
      }
    }
    return examples
  }

  private func jingle(in element: XMLElement) -> XMLElement? {
    if Jingle.matches(element) { return element }
    for child in element.children { if let found = jingle(in: child) { return found } }
    return nil
  }

  /// The element within what it usually stands in; `nil` where that is not known.
  private func wrapped(_ element: XMLElement) -> String? {
    var output = Output()
    output.append(xml: element)
    let inner = output.string
    let start = "<jingle xmlns='urn:xmpp:jingle:1' action='session-initiate' sid='a73'>"
    let content = "<content creator='initiator' name='a'>"
    switch element.name.string {
    case "content":
      let bare = inner.replacing("<content xmlns='\(element.namespace)'", with: "<content", maxReplacements: 1)
      return start + bare + "</jingle>"
    case "description", "transport": return start + content + inner + "</content></jingle>"
    case "payload-type", "rtcp-fb", "rtp-hdrext", "source", "ssrc-group", "encryption", "rtcp-fb-trr-int":
      return start + content + "<description xmlns='urn:xmpp:jingle:apps:rtp:1' media='audio'>"
        + inner.replacing(" xmlns=''", with: "") + "</description></content></jingle>"
    case "candidate", "fingerprint":
      return start + content + "<transport xmlns='urn:xmpp:jingle:transports:ice-udp:1'>"
        + inner.replacing(" xmlns=''", with: "") + "</transport></content></jingle>"
    case "group": return start + inner + "</jingle>"
    default: return nil
    }
  }

  /// What is wrong in examples of others, by file: each was looked at.
  private static let flaws: [String: [String]] = {
    let candidate = ["component", "foundation", "ip", "protocol"].map { "jingle/content/transport/candidate@\($0)" }
    let source = "jingle/content/description/source@ssrc"
    let media = "jingle/content/description@media"
    return [
      // Templates, with words where numbers belong.
      "xeps/examples/xep-0339-02-code.xml": [source],
      "xeps/examples/xep-0339-06-code.xml": ["jingle/content/description/ssrc-group/source@ssrc"],
      "xeps/examples/xep-0320-04-code.xml": [
        "jingle/content/transport/fingerprint@setup", "jingle/content/transport/fingerprint",
      ],
      // A test of what Jitsi refuses: no numbers.
      "lib-jitsi-meet/spec/JingleSessionPC.spec.ts-L368.xml": [source, source],
      // Attributes that XEP-0176 §13 and XEP-0167 §4 require are missing, and no component is number 0.
      "qxmpp/L0586-testContent-xml.xml": candidate + candidate,
      "qxmpp/L0920-testContentRtpFeedbackNegotiation-xml.xml": [media],
      "qxmpp/L0990-testContentRtpHeaderExtensionsNegotiation-xml.xml": [media],
    ]
  }()

  @Test("nothing that is unknown is an error")
  func verdicts() throws {
    let examples = try examples()
    for example in examples {
      let reading = try #require(Jingle.read(example.element), "\(example.name)")
      // Examples of Jitsi's tests leave out the action.
      let issues = reading.issues.filter { issue in
        // Templates have words where the digits of a fingerprint belong, and a group alone is in no content.
        !["jingle@action", "jingle@sid", "jingle/content"].contains(issue.location)
      }
      #expect(issues.map(\.location) == Self.flaws[example.name] ?? [], "\(example.name): \(issues)")
    }
  }

  @Test("what the serializer makes of an element is the element, and stays the same from then on")
  func fixpoint() throws {
    for example in try examples() {
      let first = try #require(Jingle.read(example.element), "\(example.name)")
      let written = bytes(first.jingle)
      let element = try XMLReader.parseDocument(written)
      let second = try #require(Jingle.read(element), "\(example.name)")
      #expect(bytes(second.jingle) == written, "\(example.name)")
      // What is no word of the grammar is not written.
      let expected = first.issues.map(\.location).filter { $0 != "jingle/content/transport/fingerprint@setup" }
      #expect(second.issues.map(\.location) == expected, "\(example.name)")
      if first.issues.isEmpty {
        #expect(canonical(element) == canonical(example.element), "\(example.name)")
      }
    }
  }

  private func bytes(_ jingle: Jingle) -> [UInt8] {
    var output = Output()
    jingle.write(to: &output)
    return output.bytes
  }

  /// The element with attributes sorted and without white space that only indents: what has to come back.
  private func canonical(_ element: XMLElement) -> String {
    var text = "<\(element.namespace) \(element.name)"
    for attribute in element.attributes.map({ " \($0.namespace) \($0.name)=\(normal("\($0.value)"))" }).sorted() {
      text += attribute
    }
    text += ">"
    var characters = ""
    for case .text(let piece) in element.nodes { characters += piece.string }
    // Some examples say so where they leave something out.
    if normal(characters) != "[ ... ]" { text += normal(characters) }
    for child in element.children { text += canonical(child) }
    return text + "</>"
  }

  private func normal(_ text: String) -> String {
    let trimmed = text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    // Numbers are written without leading zeros, hexadecimal digits as they came.
    return UInt64(trimmed).map(String.init) ?? trimmed
  }
}
