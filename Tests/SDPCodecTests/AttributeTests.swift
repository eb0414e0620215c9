import SDPCodec
import TestGrammars
import Testing

@testable import GrammarCompiler

/// The generated code of each attribute of SDP, by the examples of its document.
@Suite("SDP: attributes")
struct AttributeTests {
  private static let head = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"

  /// A description with this attribute, at the session or in a medium.
  private func description(_ name: String, _ value: String?, isOfSession: Bool) throws -> SessionDescription {
    let line = "a=\(name)" + (value.map { ":\($0)" } ?? "") + "\r\n"
    let text = Self.head + (isOfSession ? line : "m=audio 9 RTP/AVP 0\r\n" + line)
    return try SessionDescription(parsing: Array(text.utf8))
  }

  @Test("what its document says is accepted and written as it came", arguments: AttributeExamples.table.map(\.name))
  func valid(_ name: String) throws {
    for examples in AttributeExamples.table where examples.name == name {
      for value in examples.valid {
        for isOfSession in [true, false] {
          let description = try description(name, value, isOfSession: isOfSession)
          #expect(description.issues == [], "a=\(name):\(value ?? "")")
          let line = "a=\(name)" + (value.map { ":\($0)" } ?? "")
          #expect(String(decoding: description.bytes, as: UTF8.self).hasSuffix("\r\n\(line)\r\n"), "a=\(name)")
        }
      }
    }
  }

  @Test("what it does not allow is refused where it stands", arguments: AttributeExamples.table.map(\.name))
  func refused(_ name: String) throws {
    for examples in AttributeExamples.table where examples.name == name {
      for value in examples.refused {
        let description = try description(name, value, isOfSession: false)
        #expect(description.issues.map(\.location) == ["a=\(name)"], "a=\(name):\(value ?? "nothing")")
      }
    }
  }

  @Test("what its document forbids and browsers write is read all the same", arguments: [" WMS ", "WMS", " "])
  func tolerated(_ value: String) throws {
    let issues = try description("msid-semantic", value, isOfSession: true).issues
    #expect(issues.isEmpty == (value != " "), "a=msid-semantic:\(value)")
  }

  @Test("each attribute of the grammars has its examples here or in its grammar, and no other one has")
  func isComplete() throws {
    let compilation = try PackageGrammars.compiled("SDPCodec")
    let tried = Set(AttributeExamples.table.map(\.name))
    #expect(tried.subtracting(compilation.model.attributes.map(\.name)) == [])
    #expect(tried.count == AttributeExamples.table.count)
    // One without a value is there or not: it needs no example.
    let untried = compilation.model.attributes.filter {
      $0.shape != nil && !tried.contains($0.name) && $0.examples.isEmpty
    }
    let places = untried.map { "\(compilation.files[$0.position.file].path):\($0.position.line): a=\($0.name)" }
    #expect(places == [], "write a line below the declaration:     example VALUE, as its document has it")
  }

  @Test("RFC 8866 §9: no NUL, and no CR without LF, in the value of an attribute that nobody knows")
  func controls() throws {
    for value in ["a\u{D}a=sendonly", "a\u{0}b"] {
      let text = Self.head + "a=own:\(value)\r\na=own:2\r\n"
      let description = try SessionDescription(parsing: Array(text.utf8))
      #expect(description.issues.map(\.location) == ["a=own"])
      #expect(description.issues.map(\.offset) == [Self.head.utf8.count + 7])
      #expect(String(decoding: description.bytes, as: UTF8.self) == text)
    }
  }

  @Test("RFC 8866 §5: another version, and letters of lines that nobody knows")
  func versionAndLetters() throws {
    func issues(_ text: String) throws -> [SDPIssue] {
      let description = try SessionDescription(parsing: Array(text.utf8))
      #expect(String(decoding: description.bytes, as: UTF8.self) == text)
      return description.issues
    }
    let version = try issues(Self.head.replacing("v=0", with: "v=1"))
    #expect(version.map(\.layer) == [.validation] && version.map(\.location) == ["v="] && version.map(\.offset) == [2])
    let letter = try issues(Self.head + "m=audio 9 RTP/AVP 0\r\ny=0100000001\r\na=sendrecv\r\n")
    #expect(letter.map(\.layer) == [.validation] && letter.map(\.location) == ["y="])
    #expect(letter.map(\.offset) == [Self.head.utf8.count + 21])
  }

  @Test("RFC 5888 §4: no two media have the same name", arguments: [2, 40])
  func names(_ count: Int) throws {
    func media(_ number: Int) -> String { "m=audio 9 RTP/AVP 0\r\nc=IN IP4 192.0.2.1\r\na=mid:m\(number)\r\n" }
    let whole = (0..<count).map(media).joined()
    #expect(try SessionDescription(parsing: Array((Self.head + whole).utf8)).issues == [])
    let doubled = Self.head + whole + media(count - 1)
    let issues = try SessionDescription(parsing: Array(doubled.utf8)).issues
    let issue = try #require(issues.first)
    #expect(issues.count == 1 && issue.layer == .validation && issue.location == "a=mid")
    #expect(issue.offset == doubled.utf8.count - "m\(count - 1)\r\n".utf8.count)
    #expect(issue.message == "another medium has the same value")
  }

  private func lines(_ line: String) throws -> LineFields {
    let text = Self.head + "m=video 9 RTP/AVP 96\r\n" + line + "\r\n"
    return try #require(try SessionDescription(parsing: Array(text.utf8)).media.first).lines
  }

  @Test("RFC 8853 §5.1: simulcast, alternatives of streams and which begin as paused")
  func simulcast() throws {
    let value = try #require(try lines("a=simulcast:send 1,~2;3 recv 4").simulcast.first)
    #expect(value.sent?.streams.map { $0.alternatives.map(\.id.string) } == [["1", "2"], ["3"]])
    #expect(value.sent?.streams.first?.alternatives.map(\.paused) == [false, true])
    #expect(value.thenReceived?.streams.map { $0.alternatives.map(\.id.string) } == [["4"]])
    #expect(value.received == nil && value.thenSent == nil)
  }

  @Test("RFC 8851 §5: restrictions of a rid")
  func rid() throws {
    let value = try #require(try lines("a=rid:hi send pt=96,97;max-width=1280").rid.first)
    #expect(value.id.string == "hi" && value.direction == .send)
    #expect(value.restrictions.map(\.name.string) == ["pt", "max-width"])
    #expect(value.restrictions.map { $0.value?.string } == ["96,97", "1280"])
  }

  @Test("RFC 3312 §4: preconditions, current and desired")
  func preconditions() throws {
    let value = try #require(try lines("a=des:qos mandatory e2e sendrecv").des.first)
    #expect(value.type == .qos && value.strength == .mandatory && value.status == .e2e && value.direction == .sendrecv)
    #expect(try lines("a=curr:sec local none").curr.first?.type == .sec)
  }

  @Test("RFC 6236 §3.1: sizes of images in both directions")
  func images() throws {
    let value = try #require(try lines("a=imageattr:97 send [x=800,y=640,q=0.6] [x=480,y=320] recv *").imageattr.first)
    #expect(value.payloadType == 97)
    #expect(value.sent?.sets.map(\.width.string) == ["800", "480"])
    #expect(value.sent?.sets.first?.options.map(\.name.string) == ["q"])
    #expect(value.thenReceived?.any == true)
  }

  @Test("RFC 5939 §3.5.1: a potential configuration")
  func configurations() throws {
    let value = try #require(try lines("a=pcfg:1 t=1|2 a=1,[2]").pcfg.first)
    #expect(value.number == 1)
    #expect(value.choices.map(\.name.string) == ["t", "a"])
    #expect(value.choices.map(\.value.string) == ["1|2", "1,[2]"])
  }

  @Test("RFC 5547 §6: a file and its name in quotation marks")
  func files() throws {
    let value = try #require(
      try lines("a=file-selector:name:\"a b.jpg\" type:image/jpeg size:32349").fileSelector.first)
    #expect(value.traits.map(\.name.string) == ["name", "type", "size"])
    #expect(value.traits.map(\.value.string) == ["\"a b.jpg\"", "image/jpeg", "32349"])
  }

  @Test("T.38 D.2.3: a flag that may have a value")
  func fax() throws {
    #expect(try lines("a=T38FaxFillBitRemoval").t38FaxFillBitRemoval.first?.value == nil)
    #expect(try lines("a=T38FaxFillBitRemoval:1").t38FaxFillBitRemoval.first?.value == 1)
    #expect(try lines("a=T38FaxRateManagement:transferredTCF").t38FaxRateManagement.first?.value == .transferredTcf)
  }

  @Test("RFC 8864 §5.1: a data channel and its options")
  func dataChannels() throws {
    let value = try #require(try lines("a=dcmap:2 subprotocol=\"bfcp\";label=\"a; b\"").dcmap.first)
    #expect(value.stream == 2)
    #expect(value.options.map(\.name.string) == ["subprotocol", "label"])
    #expect(value.options.compactMap { $0.value?.string }.last == "\"a; b\"")
  }

  @Test("RFC 4570 §3.1: the space behind the colon may be missing, and is written")
  func sourceFilter() throws {
    let text = Self.head + "a=source-filter:incl IN IP4 239.3.3.3 192.0.2.1\r\n"
    let description = try SessionDescription(parsing: Array(text.utf8))
    #expect(description.issues == [])
    #expect(String(decoding: description.bytes, as: UTF8.self).contains("a=source-filter: incl IN IP4"))
    #expect(description.session.sourceFilter.first?.sources.map(\.text.string) == ["192.0.2.1"])
  }
}
