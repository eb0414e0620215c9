import CodecRuntime
import JingleSIPMapping
import SDPCodec
import Testing

/// Input that wants to break something.
@Suite("Hostile input")
struct HostileTests {
  @Test(
    "No line of SDP can be smuggled in",
    arguments: [
      "<payload-type id='96' name='x&#xD;&#xA;a=evil' clockrate='8000'/>",
      "<payload-type id='96' name='x y' clockrate='8000'/>",
      "<payload-type id='96'><parameter name='a' value='b&#xD;&#xA;a=evil'/></payload-type>",
      "<payload-type id='96'><parameter name='a&#xA;a=evil' value='b'/></payload-type>",
      "<payload-type id='96'><parameter name='a' value='b;c'/></payload-type>",
      "<rtp-hdrext xmlns='urn:xmpp:jingle:apps:rtp:rtp-hdrext:0' id='1' uri='urn:x&#xA;a=evil'/>",
      "<rtp-hdrext xmlns='urn:xmpp:jingle:apps:rtp:rtp-hdrext:0' id='1' uri='urn:x'><parameter name='a' value='&#xA;a=evil'/></rtp-hdrext>",
      "<source xmlns='urn:xmpp:jingle:apps:rtp:ssma:0' ssrc='1'><parameter name='cname' value='x&#xD;a=evil'/></source>",
      "<bandwidth type='AS:1&#xA;a=evil'>1</bandwidth>",
      "<encryption><crypto crypto-suite='X' key-params='x&#xA;a=evil' tag='1'/></encryption>",
      "<ssrc-group xmlns='urn:xmpp:jingle:apps:rtp:ssma:0' semantics='F&#xA;a=evil'><source ssrc='1'/></ssrc-group>",
    ])
  func injection(_ element: String) throws {
    let result = try sdp(stanza("session-initiate", content("a", audio("<payload-type id='0'/>" + element))))
    #expect(!result.text.contains("evil") && !result.text.contains("b;c") && !result.text.contains("x y"))
    #expect(!result.losses.isEmpty)
    #expect(try SessionDescription(parsing: Array(result.text.utf8)).issues.isEmpty)
  }

  @Test("Names of contents and JIDs cannot either")
  func otherInjection() throws {
    let result = try sdp(
      "<jingle xmlns='urn:xmpp:jingle:1' action='session-initiate' sid='a' initiator='x&#xA;a=evil@y'><content name='a&#xD;&#xA;a=evil'><description xmlns='urn:xmpp:jingle:apps:rtp:1' media='audio&#xA;a=evil'><payload-type id='0'/></description>\(iceUDP(attributes: "ufrag='ab&#xA;a=evil' pwd='0123456789012345678901'"))</content></jingle>"
    )
    #expect(!result.text.contains("evil"))
    #expect(try SessionDescription(parsing: Array(result.text.utf8)).issues.isEmpty)
  }

  @Test("Time grows with the size of the input, not with its square")
  func time() throws {
    func long(_ count: Int) -> String {
      var text = "v=0\no=- 1 1 IN IP4 192.0.2.1\ns=-\nt=0 0\nm=audio 4000 RTP/AVP"
      for index in 0..<count { text += " \(index % 128)" }
      text += "\n"
      for index in 0..<count {
        text += "a=fmtp:\(index % 128) a=1\na=ssrc:\(index) cname:x\na=rtpmap:\(index % 128) x/8000\n"
      }
      return text
    }
    let clock = ContinuousClock()
    _ = try jingle(long(100))
    let small = try clock.measure { _ = try jingle(long(250)) }
    let large = try clock.measure { _ = try jingle(long(2500)) }
    #expect(large < small * 40 + .milliseconds(200))
    let text = try jingle(long(1000)).text
    let short = try jingle(long(250)).text
    let back = try clock.measure { _ = try sdp(text) }
    let backOfShort = try clock.measure { _ = try sdp(short) }
    #expect(back < backOfShort * 40 + .milliseconds(200))
  }

  @Test("What the session says once is not multiplied without end")
  func amplification() throws {
    var text = "v=0\no=- 1 1 IN IP4 192.0.2.1\ns=-\nt=0 0\n"
    for index in 0..<3000 { text += "a=extmap:\(index) urn:x\n" }
    for _ in 0..<250 { text += "m=audio 9 RTP/AVP 0\n" }
    #expect(throws: MappingFailure.tooLarge) { try jingle(text) }
    let many = String(repeating: "m=audio 9 RTP/AVP 0\n", count: 300)
    #expect(throws: MappingFailure.tooManyMedia(300)) { try jingle("v=0\n" + many) }
    let contents = (0..<300).map { content("c\($0)", audio("<payload-type id='0'/>")) }.joined()
    #expect(throws: MappingFailure.self) { try sdp(stanza("session-initiate", contents)) }
  }

  @Test("Pieces of a description are no reason to fall over")
  func pieces() throws {
    let whole = plainOffer.split(separator: "\n").map(String.init)
    for start in whole.indices {
      for end in start..<whole.count {
        let text = whole[start...end].joined(separator: "\n") + "\n"
        let result = try jingle(text)
        _ = try sdp(result.text)
      }
    }
  }
}
