import CodecRuntime
import Foundation
import JingleCodec
import JingleSIPMapping
import SDPCodec
import SIPCodec
import Testing
import XMLReader

/// The code of the articles in Sources/*/Documentation.docc: here it runs.
@Suite("Getting started")
struct GettingStartedTests {
  @Test("CodecRuntime")
  func codecRuntime() throws {
    let text = Text("Opus")
    #expect(text.equalsIgnoringCase(Text("opus")))
    #expect(text.string == "Opus")

    var output = Output()
    output.append("a=rtpmap:96 ")
    output.append(text.string)
    #expect(output.string == "a=rtpmap:96 Opus")
    try isInArticle("CodecRuntime")
  }

  @Test("SIPCodec")
  func sip() throws {
    let text =
      "OPTIONS sip:bob@example.org SIP/2.0\r\n"
      + "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1;rport\r\nMax-Forwards: 70\r\n"
      + "From: <sip:alice@example.org>;tag=1\r\nTo: <sip:bob@example.org>\r\n"
      + "Call-ID: 1\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
    let message = try SIPMessage(parsing: Array(text.utf8))
    #expect(message.issues.isEmpty)
    for via in message.headers.via {
      #expect(via.host.string == "192.0.2.1")
      #expect(via.branch?.string == "z9hG4bK1")
      #expect(via.hasRport)
    }
    #expect(String(decoding: message.bytes, as: UTF8.self) == text)
    try isInArticle("SIPCodec")
  }

  @Test("SDPCodec")
  func sdp() throws {
    let text =
      "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
      + "m=audio 49170 RTP/AVP 96\r\na=rtpmap:96 opus/48000/2\r\n"
    let description = try SessionDescription(parsing: Array(text.utf8))
    #expect(description.issues.isEmpty)
    for media in description.media {
      for codec in media.lines.rtpmap {
        #expect(codec.payloadType == 96)
        #expect(codec.encoding.string == "opus")
      }
    }
    #expect(String(decoding: description.bytes, as: UTF8.self) == text)
    try isInArticle("SDPCodec")
  }

  @Test("JingleCodec")
  func jingleCodec() throws {
    let xml =
      "<jingle xmlns='urn:xmpp:jingle:1' action='session-initiate' sid='a'>"
      + "<content creator='initiator' name='voice'/></jingle>"
    let element = try XMLReader.parseDocument(Array(xml.utf8))
    let reading = try #require(Jingle.read(element))
    #expect(reading.jingle.contents.map(\.name.string) == ["voice"])
    var output = Output()
    reading.jingle.write(to: &output)
    #expect(output.string == xml)
    try isInArticle("JingleCodec")
  }

  @Test("JingleSIPMapping")
  func jingleSIPMapping() throws {
    let text =
      "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
      + "m=audio 49170 RTP/AVP 0\r\na=lang:de\r\n"
    let description = try SessionDescription(parsing: Array(text.utf8))
    var state = MediaState()
    let translation = try translateToJingle(description.arena, by: .initiator, sid: "a", state: &state)
    let jingle = Jingle(arena: translation.arena, index: 0)
    #expect(jingle.contents.count == 1)
    #expect(translation.losses.map(\.name) == ["a=lang"])
    try isInArticle("JingleSIPMapping")
  }

  /// The article's code is that of the test which calls this.
  private func isInArticle(_ module: String, function: String = #function) throws {
    let sources = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appending(path: "Sources")
    let article = try String(
      contentsOf: sources.appending(path: "\(module)/Documentation.docc/GettingStarted.md"), encoding: .utf8)
    let fence = "```"
    let code = try #require(article.components(separatedBy: fence + "swift\n").dropFirst().first)
      .components(separatedBy: fence)[0]
    let own = try String(contentsOf: URL(filePath: #filePath), encoding: .utf8)
    let body = try #require(own.components(separatedBy: "func \(function) throws {\n").dropFirst().first)
      .components(separatedBy: "    try isInArticle")[0]
    #expect(body.split(separator: "\n").map { $0.dropFirst(4) } == code.split(separator: "\n").map { $0[...] })
  }
}
