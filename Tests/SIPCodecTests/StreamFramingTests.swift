import CodecRuntime
import SIPCodec
import Testing

/// A request with what every one must have.
private func request(
  _ method: String = "OPTIONS", contentLength: String? = "Content-Length", value: String? = nil, body: String = "",
  extra: String = ""
) -> String {
  let length = contentLength.map { "\($0): \(value ?? "\(body.utf8.count)")\r\n" } ?? ""
  return "\(method) sip:bob@example.org SIP/2.0\r\nVia: SIP/2.0/TCP 192.0.2.1;branch=z9hG4bK1\r\nMax-Forwards: 70\r\n"
    + "From: <sip:carol@example.com>;tag=f\r\nTo: <sip:bob@example.org>\r\nCall-ID: c\r\nCSeq: 1 \(method)\r\n"
    + "\(extra)\(length)\r\n\(body)"
}

extension StreamFraming {
  mutating func append(_ text: some Collection<UInt8>) {
    Array(text).withUnsafeBytes { append($0) }
  }

  /// All that is complete, in one short line each.
  mutating func take() -> [String] {
    var lines: [String] = []
    while let event = next() {
      switch event {
      case .message(let message): lines.append("\(message.requestLine?.method.name ?? "?") \(message.body.string)")
      case .keepAlive: lines.append("keep-alive")
      case .failed(let issue, let head):
        lines.append("\(issue.location) \(issue.message)" + (head == nil ? "" : " (head)"))
      }
    }
    return lines
  }
}

private func framed(_ text: String) -> [String] {
  var framing = StreamFraming()
  framing.append(text.utf8)
  return framing.take()
}

@Suite struct StreamFramingTests {
  @Test("§18.3: messages are found wherever the stream is cut")
  func cuts() {
    let stream = Array(
      ("\r\n" + request("INVITE", body: "v=0\r\n\r\n") + "\r\n\r\n" + request("ACK", contentLength: "l")
        + request("BYE", contentLength: "CONTENT-LENGTH \t", body: "x")).utf8)
    let expected = ["INVITE v=0\r\n\r\n", "keep-alive", "ACK ", "BYE x"]
    for cut in 0...stream.count {
      var framing = StreamFraming()
      framing.append(stream[..<cut])
      var lines = framing.take()
      framing.append(stream[cut...])
      lines += framing.take()
      #expect(lines == expected, "cut at \(cut)")
      #expect(framing.bufferedCount == 0)
    }
    var framing = StreamFraming()
    var lines: [String] = []
    for byte in stream {
      framing.append([byte])
      lines += framing.take()
    }
    #expect(lines == expected)
  }

  @Test("§20.14, §7.3.1: Content-Length in all its forms", arguments: ["l", "L", "content-length", "Content-Length"])
  func contentLength(_ name: String) {
    #expect(framed(request(contentLength: name, body: "abc")) == ["OPTIONS abc"])
    #expect(framed(request(contentLength: name, value: "\r\n 3", body: "abc")) == ["OPTIONS abc"])
  }

  @Test("RFC 5626 §3.5.1: each double CRLF asks once, a single one nothing")
  func keepAlives() {
    #expect(framed("\r\n\r\n") == ["keep-alive"])
    #expect(framed("\r\n\r\n\r\n\r\n") == ["keep-alive", "keep-alive"])
    #expect(framed("\r\n") == [])
    #expect(framed("\r\n" + request()) == ["OPTIONS "])
    #expect(framed("\r\n\r\n" + request() + "\r\n\r\n") == ["keep-alive", "OPTIONS ", "keep-alive"])
  }

  @Test("what is no SIP is known by its first line or before")
  func garbage() {
    #expect(framed("\u{16}\u{3}\u{1}") == ["message a message begins with its start line"])
    #expect(framed("\rX") == ["message a message begins with its start line"])
    #expect(framed("\n") == ["message a message begins with its start line"])
    #expect(framed("GET / HTTP/1.1\r\n") == ["start-line is none of SIP"])
    #expect(framed("hello\r\n") == ["start-line is none of SIP"])
    #expect(framed("SIP/2.0\r\n") == ["start-line is none of SIP"])
    #expect(framed("hello") == [], "it may become a method")
  }

  @Test("a start line that is only wrong is the parser's matter, and the stream goes on")
  func wrongStartLines() {
    let wrong = request().replacing("sip:bob@example.org SIP/2.0", with: "sip:a b SIP/7.0 ")
    #expect(framed(wrong + request("BYE")) == ["? ", "BYE "])
  }

  @Test("without a Content-Length that can be trusted nothing comes behind it; the request can be refused")
  func refused() {
    let next = request()
    #expect(framed(request(contentLength: nil) + next) == ["Content-Length is missing (head)"])
    #expect(
      framed(request(extra: "l: 0\r\n") + next) == ["Content-Length may be there only once (head)"])
    for value in ["-1", "+1", "x", "1 2", "0x10", "99999999999999999999", ""] {
      let lines = framed(request(value: value) + next)
      #expect(lines.count == 1 && lines.first?.hasPrefix("Content-Length ") == true, "\(value): \(lines)")
      #expect(lines.first?.hasSuffix("(head)") == true)
    }
    #expect(
      framed(request(value: "262144"))
        == ["Content-Length announces a message of more than 262144 bytes (head)"])
    #expect(framed(request(value: "4294967295")).count == 1)
  }

  @Test("a head has its bounds, with and without line ends")
  func bounds() {
    let limit = StreamFraming.maximumHead
    #expect(framed(String(repeating: "A", count: limit)) == [])
    #expect(framed(String(repeating: "A", count: limit + 1)) == ["message the head is longer than \(limit) bytes"])
    let line = "X: \(String(repeating: "y", count: 1000))\r\n"
    let long = request(extra: String(repeating: line, count: 70))
    #expect(framed(long) == ["message the head is longer than \(limit) bytes"])
    #expect(framed(request(extra: String(repeating: line, count: 60))) == ["OPTIONS "])
    let body = String(repeating: "b", count: 200_000)
    #expect(framed(request(body: body)) == ["OPTIONS \(body)"])
  }

  @Test("the work grows with the bytes, not with the fragments", .timeLimit(.minutes(1)))
  func linear() {
    // Quadratic work would be some 10¹⁰ steps for each of these.
    var framing = StreamFraming()
    let long = Array(request(extra: "X: \(String(repeating: "y", count: 60_000))\r\n").utf8)
    for byte in long {
      framing.append([byte])
      _ = framing.next()
    }
    #expect(framing.bufferedCount == 0)
    for byte in [UInt8](repeating: 0x41, count: 65_000) {
      framing.append([byte])
      _ = framing.next()
    }
    #expect(framing.bufferedCount == 65_000)
    framing = StreamFraming()
    let body = Array(request(body: String(repeating: "b", count: 200_000)).utf8)
    var count = 0
    for byte in body {
      framing.append([byte])
      if framing.next() != nil { count += 1 }
    }
    #expect(count == 1)
    // Many in one fragment, and the beginning of another one behind each.
    framing = StreamFraming()
    let many = Array(String(repeating: request(), count: 2000).utf8)
    count = 0
    for start in stride(from: 0, to: many.count, by: 65_521) {
      framing.append(many[start..<min(start + 65_521, many.count)])
      while framing.next() != nil { count += 1 }
    }
    #expect(count == 2000)
  }

  @Test("nothing that is thrown at it makes it crash or wait for more than it may")
  func mutations() {
    var generator = SystemRandomNumberGenerator()
    let stream = Array((request("INVITE", body: "v=0\r\n") + "\r\n\r\n" + request()).utf8)
    for _ in 0..<2000 {
      var bytes = stream
      for _ in 0..<Int.random(in: 1...4, using: &generator) {
        let place = Int.random(in: 0..<bytes.count, using: &generator)
        switch Int.random(in: 0..<3, using: &generator) {
        case 0: bytes[place] = .random(in: .min ... .max, using: &generator)
        case 1: bytes.remove(at: place)
        default: bytes.insert([0x0D, 0x0A, 0x20, 0x3A, 0x39].randomElement(using: &generator) ?? 0, at: place)
        }
      }
      var framing = StreamFraming()
      var start = 0
      while start < bytes.count {
        let end = min(start + Int.random(in: 1...80, using: &generator), bytes.count)
        framing.append(bytes[start..<end])
        _ = framing.take()
        start = end
      }
      #expect(framing.bufferedCount <= SIPMessage.maximumSize)
    }
  }
}
