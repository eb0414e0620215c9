import SIPCodec
import Testing

/// The IPv6 messages of RFC 5118 §4, with what that RFC says of each.
@Suite("SIP torture messages for IPv6 (RFC 5118)")
struct RFC5118Tests {
  /// A request in which only the lines in question differ.
  private func message(_ method: String, _ uri: String, to: String = "sip:user@example.com", _ lines: [String] = [])
    throws -> SIPMessage
  {
    let via = lines.contains { $0.hasPrefix("Via") } ? [] : ["Via: SIP/2.0/UDP [2001:db8::9:1];branch=z9hG4bKas3-111"]
    let all =
      [
        "\(method) \(uri) SIP/2.0", "To: \(to)", "From: sip:user@example.com;tag=81x2",
        "Call-ID: SSG9559905523997077@hlau_4100", "Max-Forwards: 70", "CSeq: 98176 \(method)",
      ] + via + lines + ["Content-Length: 0", "", ""]
    return try SIPMessage(parsing: Array(all.joined(separator: "\r\n").utf8))
  }

  /// Valid, and the same when it is written.
  private func accepted(_ message: SIPMessage) throws -> SIPMessage {
    #expect(message.issues == [])
    let written = try SIPMessage(parsing: message.bytes)
    #expect(written.issues == [])
    #expect(written.bytes == message.bytes)
    return written
  }

  @Test("§4.1: a reference in brackets") func reference() throws {
    let message = try accepted(
      message("REGISTER", "sip:[2001:db8::10]", ["Contact: \"Caller\" <sip:caller@[2001:db8::1]>"]))
    #expect(message.requestLine?.uri.host?.string == "[2001:db8::10]")
    #expect(message.headers.via.first?.host.string == "[2001:db8::9:1]")
    #expect(message.headers.contact.first?.contacts.first?.address.uri?.host?.string == "[2001:db8::1]")
  }

  @Test("§4.2: without brackets in the Request-URI it is invalid") func withoutBrackets() throws {
    let message = try message("REGISTER", "sip:2001:db8::10")
    #expect(message.issues.map(\.layer) == [.startLine])
  }

  @Test("§4.3: a port within the brackets is a part of the address") func ambiguousPort() throws {
    let message = try accepted(message("REGISTER", "sip:[2001:db8::10:5070]"))
    #expect(message.requestLine?.uri.host?.string == "[2001:db8::10:5070]")
    #expect(message.requestLine?.uri.port == nil)
  }

  @Test("§4.4: a port behind the brackets") func port() throws {
    let message = try accepted(message("REGISTER", "sip:[2001:db8::10]:5070"))
    #expect(message.requestLine?.uri.host?.string == "[2001:db8::10]")
    #expect(message.requestLine?.uri.port == 5070)
  }

  @Test("§4.5: received with brackets and without", arguments: ["[2001:db8::9:255]", "2001:db8::9:255"])
  func received(_ address: String) throws {
    let message = try accepted(
      message(
        "BYE", "sip:[2001:db8::10]", ["Via: SIP/2.0/UDP [2001:db8::9:1];received=\(address);branch=z9hG4bKas3-111"]))
    #expect(message.headers.via.first?.received?.string == address)
  }

  @Test("§4.6, §4.8: a body with IPv6 addresses is bytes to this codec") func sessionDescription() throws {
    let body =
      "v=0\r\no=assistant 971731711378798081 0 IN IP6 2001:db8::20\r\ns=Live video feed\r\nt=0 0\r\n"
      + "c=IN IP6 2001:db8::20\r\nm=audio 6000 RTP/AVP 2\r\nm=video 6024 RTP/AVP 107\r\nc=IN IP4 192.0.2.1\r\n"
    let head =
      "INVITE sip:user@[2001:db8::10] SIP/2.0\r\nTo: sip:user@[2001:db8::10]\r\n"
      + "From: sip:user@example.com;tag=81x2\r\nVia: SIP/2.0/UDP [2001:db8::20];branch=z9hG4bKas3-111\r\n"
      + "Call-ID: 1\r\nContact: \"Caller\" <sip:caller@[2001:db8::20]>\r\nCSeq: 8612 INVITE\r\nContent-Type: application/sdp\r\nContent-Length: \(body.utf8.count)\r\n\r\n"
    let message = try accepted(SIPMessage(parsing: Array((head + body).utf8)))
    #expect(message.body.string == body)
  }

  @Test("§4.7: addresses of both kinds in one message") func bothKinds() throws {
    let message = try accepted(
      message(
        "BYE", "sip:user@host.example.net",
        [
          "Via: SIP/2.0/UDP [2001:db8::9:1]:6050;branch=z9hG4bKas3-111",
          "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKjhja8781hjuaij65144",
          "Via: SIP/2.0/TCP [2001:db8::9:255];branch=z9hG4bK451jj;received=192.0.2.200",
        ]))
    #expect(message.headers.via.map(\.host.string) == ["[2001:db8::9:1]", "192.0.2.1", "[2001:db8::9:255]"])
    #expect(message.headers.via.map(\.port) == [6050, nil, nil])
  }

  @Test("§4.9: IPv4 addresses mapped into IPv6") func mapped() throws {
    let message = try accepted(
      message(
        "INVITE", "sip:user@example.com",
        [
          "Via: SIP/2.0/UDP [::ffff:192.0.2.10]:19823;branch=z9hG4bKbh19",
          "Via: SIP/2.0/UDP [::ffff:192.0.2.2];branch=z9hG4bKas3-111",
          "Contact: \"T. desk phone\" <sip:ted@[::ffff:192.0.2.2]>",
        ]))
    #expect(message.headers.via.first?.port == 19823)
    #expect(message.headers.contact.first?.contacts.first?.address.uri?.host?.string == "[::ffff:192.0.2.2]")
  }

  @Test("§4.10: three colons, which RFC 3261 had, and two", arguments: [":::", "::"])
  func threeColons(_ colons: String) throws {
    let uri = "sip:user@[2001:db8\(colons)192.0.2.1]"
    let message = try accepted(message("OPTIONS", uri, to: uri))
    #expect(message.requestLine?.uri.host?.string == "[2001:db8\(colons)192.0.2.1]")
    #expect(message.headers.to?.party.address.uri?.host?.string == "[2001:db8\(colons)192.0.2.1]")
  }

  @Test(
    "more colons than these are no address",
    arguments: ["2001:db8:::1", "2001::db8:::192.0.2.1", "::::192.0.2.1", "1:2"])
  func noAddress(_ address: String) throws {
    #expect(try message("OPTIONS", "sip:[\(address)]").issues.map(\.layer) == [.startLine])
  }
}
