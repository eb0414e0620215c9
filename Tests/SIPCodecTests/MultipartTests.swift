import CodecRuntime
import SIPCodec
import Testing

@Suite("Bodies of several parts (RFC 2046 §5.1, RFC 5621)")
struct MultipartTests {
  private func message(_ type: String, _ lines: [String]) throws -> SIPMessage {
    let body = lines.joined(separator: "\r\n")
    return try SIPMessage(parsing: Array("INVITE sip:a SIP/2.0\r\nContent-Type: \(type)\r\n\r\n\(body)".utf8))
  }

  private func multipart(_ type: String, _ lines: [String]) throws -> MultipartBody {
    try #require(try message(type, lines).multipart)
  }

  /// RFC 2046 §5.1.1: the first part has no header fields, the second ends with a line of its own.
  @Test func simple() throws {
    let body = try multipart(
      #"multipart/mixed; boundary="simple boundary""#,
      [
        "This is the preamble.", "", "--simple boundary", "", "implicitly typed", "It does NOT end with a linebreak.",
        "--simple boundary \t", "Content-type: text/plain; charset=us-ascii", "", "explicitly typed", "",
        "--simple boundary--", "", "This is the epilogue.", "",
      ])
    #expect(body.issues == [])
    #expect(
      body.parts.map(\.body.string) == [
        "implicitly typed\r\nIt does NOT end with a linebreak.", "explicitly typed\r\n",
      ])
    #expect(body.parts[0].headers.contentType == nil)
    #expect(body.parts[1].headers.contentType?.charset?.string == "us-ascii")
    #expect(String(decoding: body.preamble, as: UTF8.self) == "This is the preamble.\r\n")
    #expect(String(decoding: body.epilogue, as: UTF8.self) == "\r\nThis is the epilogue.\r\n")
  }

  /// RFC 5621 §3, RFC 6442 §5.1: a session and a place, and in it another body of parts.
  @Test func nested() throws {
    let body = try multipart(
      "Multipart/Mixed;boundary=boundary1",
      [
        "--boundary1", "Content-Type: application/sdp", "Content-Disposition: session", "", "v=0", "--boundary1",
        "Content-Type: multipart/alternative;boundary=boundary10", "", "--boundary10", "Content-Type: text/plain", "",
        "a", "--boundary10", "Content-Type: application/pidf+xml", "Content-ID: <alice123@atlanta.example.com>",
        "Content-Transfer-Encoding: binary", "", "<presence/>", "--boundary10--", "--boundary1--",
      ])
    #expect(body.issues == [])
    #expect(body.parts.count == 2)
    #expect(body.parts[0].multipart == nil)
    #expect(body.parts[0].headers.contentDisposition?.type == .session)
    let inner = try #require(body.parts[1].multipart)
    #expect(inner.issues == [])
    #expect(inner.parts.map(\.body.string) == ["a", "<presence/>"])
    #expect(inner.parts[1].headers.contentID?.id.string == "alice123@atlanta.example.com")
    #expect(inner.parts[1].headers.raw("content-transfer-encoding") == "binary")
  }

  @Test func partsWithoutAnything() throws {
    let body = try multipart(
      "multipart/mixed;boundary=b", ["--b", "", "--b", "Subject: x", "--b", "", "", "--b", "", "", "x", "--b--", ""])
    #expect(body.issues == [])
    #expect(body.parts.map(\.body.string) == ["", "", "", "\r\nx"])
    #expect(body.parts[1].headers.subject?.value?.string == "x")
    #expect(body.parts.allSatisfy { $0.issues.isEmpty })
  }

  /// A boundary in quotation marks with backslashes, and lines that only look like delimiters.
  @Test func boundaries() throws {
    let body = try multipart(
      #"multipart/mixed;boundary="a\b""#, ["--ab", "", "--abc", "x--ab", "-- ab", "--ab-", "--ab--x", "--ab--"])
    #expect(body.issues == [])
    #expect(body.parts.map(\.body.string) == ["--abc\r\nx--ab\r\n-- ab\r\n--ab-\r\n--ab--x"])
  }

  @Test func otherBodies() throws {
    #expect(try message("application/sdp", ["v=0"]).multipart == nil)
    #expect(try message("multipartial/mixed;boundary=b", ["--b--"]).multipart == nil)
    #expect(try SIPMessage(parsing: Array("INVITE sip:a SIP/2.0\r\n\r\n--b--".utf8)).multipart == nil)
  }

  @Test func whatIsWrong() throws {
    func issue(_ type: String, _ lines: [String]) throws -> (Int, String)? {
      let body = try multipart(type, lines)
      #expect(body.issues.count <= 1)
      return body.issues.first.map { ($0.offset, $0.message) }
    }
    let noBoundary = "a body of parts needs a boundary of 1 to 70 bytes"
    #expect(try issue(#"multipart/mixed;boundary="""#, ["--", ""])! == (0, noBoundary))
    let long = String(repeating: "b", count: 71)
    #expect(try issue("multipart/mixed;boundary=\(long)", ["--\(long)--"])! == (0, noBoundary))
    #expect(try issue("multipart/mixed;boundary=b", ["x"])! == (0, "no line begins with the boundary"))
    #expect(try issue("multipart/mixed;boundary=b", ["--b", "", "x"])! == (5, "no delimiter ends the last part"))
    // The part that was complete is there, and so is what is wrong with its header fields.
    let body = try multipart("multipart/mixed;boundary=b", ["--b", "Content-Type: sdp", "", "x", "--b", "y"])
    #expect(body.parts.map(\.body.string) == ["x"])
    #expect(body.parts[0].issues.map(\.location) == ["Content-Type"])
    #expect(body.parts[0].issues.map(\.offset) == [17])
    #expect(body.parts[0].multipart == nil)
  }

  @Test func limits() throws {
    var many = Array(repeating: ["--b", "", "x"], count: MultipartBody.maximumParts + 1).flatMap { $0 }
    many.append("--b--")
    let wide = try multipart("multipart/mixed;boundary=b", many)
    #expect(wide.parts.count == MultipartBody.maximumParts)
    #expect(wide.issues.map(\.message) == ["there are more than 64 parts"])

    var lines = ["x"]
    for depth in 0...MultipartBody.maximumDepth {
      lines = ["--b\(depth)", "Content-Type: multipart/mixed;boundary=b\(depth - 1)", ""] + lines + ["--b\(depth)--"]
    }
    var deep: MultipartBody? = try multipart("multipart/mixed;boundary=b\(MultipartBody.maximumDepth)", lines)
    var depth = 0
    while let next = deep?.parts.first?.multipart {
      deep = next
      depth += 1
    }
    #expect(depth == MultipartBody.maximumDepth)
    #expect(deep?.issues.map(\.message) == ["parts stand in parts, deeper than 8"])
  }

  @Test func areWrittenAndReadAgain() throws {
    let parts: [BodyPart.Draft] = [
      .init(
        headers: [
          .contentType(.init(type: "application", subtype: "sdp")),
          .contentDisposition(.init(type: .session, parameters: [.handling(.required)])),
        ], body: Array("v=0\r\n".utf8)),
      .init(headers: [.contentID(.init(id: "1@a.example"))], body: [0, 13, 10, 45, 45, 255]),
      .init(headers: [], body: []),
    ]
    let bytes = try MultipartBody.bytes(of: parts, boundary: "b1")
    let message = try SIPMessage(
      status: 200,
      headers: [.contentType(.init(type: "multipart", subtype: "mixed", parameters: [.boundary("b1")]))], body: bytes)
    let read = try #require(try SIPMessage(parsing: message.bytes).multipart)
    #expect(read.issues == [])
    #expect(read.parts.map { part in part.body.withBytes { Array($0) } } == parts.map(\.body))
    #expect(read.parts[0].headers.contentDisposition?.handling == .required)
    #expect(read.parts[1].headers.contentID?.id.string == "1@a.example")
  }

  @Test func aBoundaryThatCannotBeIsRefused() {
    let part = BodyPart.Draft(headers: [], body: Array("x\r\n--b2\r\n".utf8))
    for boundary in ["", "a b", "b", "b2", String(repeating: "b", count: 71)] {
      #expect(throws: DraftError.self) { try MultipartBody.bytes(of: [part], boundary: boundary) }
    }
    #expect(throws: DraftError.self) {
      try MultipartBody.bytes(of: [.init(headers: [.contentID(.init(id: "1\r\n@x"))], body: [])], boundary: "b")
    }
  }

  @Test func unquoted() {
    #expect(Text(#""a \"b\" \\""#).unquoted == Array(#"a "b" \"#.utf8))
    #expect(Text("token").unquoted == Array("token".utf8))
    #expect(Text("\"").unquoted == [0x22])
    #expect(Text(#""""#).unquoted == [])
  }
}
