import JingleSIPMapping
import Testing

/// Rows of the mapping, both ways.
@Suite("Rows")
struct RowTests {
  static let head = "v=0\no=- 1 1 IN IP4 192.0.2.1\ns=-\nc=IN IP4 192.0.2.1\nt=0 0\n"
  static let section = head + "m=audio 4000 RTP/AVP 0\na=mid:a\n"

  /// Lines of a section that come back as they went.
  static let kept = [
    "b=AS:128", "b=TIAS:64000",
    "a=rtpmap:0 PCMU/8000", "a=rtcp-fb:0 nack", "a=rtcp-fb:0 nack pli", "a=rtcp-fb:0 ccm tmmbr smaxpr=120",
    "a=rtcp-fb:0 trr-int 0", "a=rtcp-fb:* nack", "a=rtcp-fb:* trr-int 100", "a=ptime:20", "a=maxptime:60", "a=rtcp-mux",
    "a=rtcp-rsize", "a=extmap:1 urn:ietf:params:rtp-hdrext:toffset",
    "a=extmap:2/sendonly urn:ietf:params:rtp-hdrext:ssrc-audio-level vad=on", "a=extmap-allow-mixed",
    "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj KDR=0 UNENCRYPTED_SRTCP",
    "a=zrtp-hash:1.10 fe30efd02423cb054e50efd0248742ac7a52c8f91bc2df881ae642c371ba46df",
    "a=ssrc:1 cname:a b:c", "a=ssrc:1 label", "a=ssrc:2 cname:x", "a=ssrc-group:FID 1 2", "a=content:slides,main",
    "a=msid:s t", "a=msid:-", "a=sendonly", "a=ice-ufrag:8hhY", "a=ice-pwd:asd88fgpdd777uzjYhagZg",
    "a=candidate:1 1 udp 2130706431 203.0.113.1 8998 typ host",
    "a=candidate:2 1 udp 1694498815 203.0.113.2 45664 typ srflx raddr 10.0.1.1 rport 8998",
    "a=remote-candidates:1 203.0.113.3 4444", "a=ice-options:trickle",
    "a=fingerprint:sha-256 \(digest)", "a=setup:actpass",
  ]

  @Test("A line that both sides can say comes back as it went", arguments: kept)
  func roundTrip(_ line: String) throws {
    // ICE lines come in company.
    let ice = ["a=ice-options", "a=candidate", "a=remote", "a=fingerprint", "a=setup"]
    var others = ""
    if ice.contains(where: line.hasPrefix) { others += "a=ice-ufrag:8hhY\na=ice-pwd:asd88fgpdd777uzjYhagZg\n" }
    if line.hasPrefix("a=ice-ufrag") { others += "a=ice-pwd:asd88fgpdd777uzjYhagZg\n" }
    if line.hasPrefix("a=ice-pwd") { others += "a=ice-ufrag:8hhY\n" }
    if line.hasPrefix("a=setup") { others += "a=fingerprint:sha-256 \(digest)\n" }
    let text =
      line.hasPrefix("b=")
      ? Self.head + "m=audio 4000 RTP/AVP 0\n\(line)\na=mid:a\n" : Self.section + others + line + "\n"
    // The protocol that goes with it (row 4).
    let protocols = [
      "a=rtcp-fb": "RTP/AVPF", "a=crypto": "RTP/SAVP", "a=zrtp": "RTP/SAVP", "a=fingerprint": "UDP/TLS/RTP/SAVP",
      "a=setup": "UDP/TLS/RTP/SAVP",
    ]
    let profile = protocols.first { line.hasPrefix($0.key) }?.value ?? "RTP/AVP"
    let forth = try jingle(text.replacing("RTP/AVP", with: profile))
    #expect(forth.losses.isEmpty, "\(forth.text)")
    let back = try sdp(forth.text)
    #expect(back.text.contains("\r\n\(line)\r\n"), "\(forth.text)\n\(back.text)")
    #expect(back.losses.isEmpty)
  }

  @Test("Lines come in the order of RFC 8866")
  func order() throws {
    let result = try sdp(
      stanza(
        "session-initiate", content("a", audio("<rtcp-mux/><bandwidth type='AS'>64</bandwidth><payload-type id='0'/>")))
    )
    #expect(result.text.split(separator: "\r\n").map { $0.prefix(1) } == ["v", "o", "s", "t", "m", "c", "b", "a", "a"])
  }

  @Test(
    "4: the protocol tells of keys and feedback",
    arguments: [
      ("", "", "RTP/AVP"), ("<rtcp-fb xmlns='urn:xmpp:jingle:apps:rtp:rtcp-fb:0' type='nack'/>", "", "RTP/AVPF"),
      (
        "", "<fingerprint xmlns='urn:xmpp:jingle:apps:dtls:0' hash='sha-256' setup='active'>\(digest)</fingerprint>",
        "UDP/TLS/RTP/SAVP"
      ),
      (
        "<encryption><crypto crypto-suite='X' key-params='inline:x' tag='1'/></encryption>", "", "RTP/SAVP"
      ),
      (
        "<rtcp-fb-trr-int xmlns='urn:xmpp:jingle:apps:rtp:rtcp-fb:0' value='0'/>",
        "<fingerprint xmlns='urn:xmpp:jingle:apps:dtls:0' hash='sha-256' setup='active'>\(digest)</fingerprint>",
        "UDP/TLS/RTP/SAVPF"
      ),
    ])
  func protocols(_ description: String, _ transport: String, _ expected: String) throws {
    let result = try sdp(
      stanza("session-initiate", content("a", audio("<payload-type id='0'/>" + description) + iceUDP(transport))))
    #expect(result.lines("m=") == ["m=audio 9 \(expected) 0"])
  }

  private static func candidate(
    _ component: Int, _ type: String, _ ip: String, _ port: Int, protocol name: String = "udp"
  ) -> String {
    "<candidate component='\(component)' foundation='1' generation='0' id='x' ip='\(ip)' port='\(port)' priority='1' protocol='\(name)' type='\(type)'/>"
  }

  @Test("5: the default candidate is the one that is reached most likely")
  func defaultCandidate() throws {
    let candidates = [
      Self.candidate(1, "host", "10.0.0.1", 1), Self.candidate(1, "relay", "192.0.2.7", 7),
      Self.candidate(1, "srflx", "192.0.2.3", 3), Self.candidate(1, "host", "192.0.2.8", 8, protocol: "tcp"),
      Self.candidate(2, "relay", "192.0.2.7", 9),
    ]
    let result = try sdp(
      stanza("session-initiate", content("a", audio("<payload-type id='0'/>") + iceUDP(candidates.joined()))))
    #expect(result.lines("m=") == ["m=audio 7 RTP/AVP 0"])
    #expect(result.lines("c=") == ["c=IN IP4 192.0.2.7"])
    #expect(result.lines("a=rtcp") == ["a=rtcp:9"])
  }

  /// Candidates of component 2 beside one of component 1 at 10.0.0.1:56127, and what becomes of them.
  private static let portsOfRTCP: [String: String?] = [
    candidate(2, "host", "10.0.0.1", 60090): "a=rtcp:60090",
    candidate(2, "host", "10.0.0.1", 56128): nil,
    candidate(2, "host", "10.0.0.2", 56128): "a=rtcp:56128 IN IP4 10.0.0.2",
    candidate(2, "host", "10.0.0.1", 9, protocol: "tcp"): nil,
    "": nil,
  ]

  @Test(
    "35, RFC 8839 §4.2.2: a=rtcp says where the default candidate of RTCP is, unless at the next port",
    arguments: portsOfRTCP)
  func portOfRTCP(second: String, line: String?) throws {
    let transport = iceUDP(Self.candidate(1, "host", "10.0.0.1", 56127) + second)
    let result = try sdp(
      stanza("session-initiate", content("a", audio("<payload-type id='0'/><rtcp-mux/>") + transport)))
    #expect(result.lines("m=") == ["m=audio 56127 RTP/AVP 0"])
    #expect(result.lines("a=rtcp:") == [line].compactMap(\.self))
  }

  @Test("5, 35: without ICE there is a candidate for each component")
  func rawUDP() throws {
    #expect(try jingle(Self.section).text.contains("component='2'"))
    #expect(try !jingle(Self.section + "a=rtcp-mux\n").text.contains("component='2'"))
    let apart = try jingle(Self.section + "a=rtcp:53020 IN IP6 2001:db8::1\n")
    #expect(apart.text.contains("ip='2001:db8::1' port='53020'"))
    #expect(try sdp(apart.text).lines("a=rtcp") == ["a=rtcp:53020 IN IP6 2001:db8::1"])
    #expect(try sdp(jingle(Self.section).text).lines("a=rtcp").isEmpty)
  }

  @Test("11: the least ptime and the greatest maxptime count, wherever they stand")
  func times() throws {
    let result = try sdp(
      stanza(
        "session-initiate",
        content(
          "a", audio("<payload-type id='0' ptime='30' maxptime='40'/><payload-type id='8' ptime='20' maxptime='60'/>")))
    )
    #expect(result.lines("a=ptime") == ["a=ptime:20"])
    #expect(result.lines("a=maxptime") == ["a=maxptime:60"])
    let jitsi = try sdp(
      stanza(
        "session-initiate",
        content(
          "a",
          "<description xmlns='urn:xmpp:jingle:apps:rtp:1' media='audio' ptime='10'><payload-type id='0'/></description>"
        )))
    #expect(jitsi.lines("a=ptime") == ["a=ptime:10"])
  }

  @Test("16, 17: header extensions of the session stand in each content")
  func sessionExtensions() throws {
    let text =
      Self.head
      + "a=extmap:1 urn:x\na=extmap-allow-mixed\nm=audio 4000 RTP/AVP 0\nm=audio 4002 RTP/AVP 0\na=extmap:2 urn:y\n"
    let result = try jingle(text).text
    #expect(result.matches(of: /extmap-allow-mixed/).count == 2)
    #expect(result.matches(of: /urn:x'/).count == 1)
    #expect(result.matches(of: /urn:y'/).count == 1)
  }

  @Test("21: a user name without its password is none")
  func credentials() throws {
    let result = try jingle(Self.section + "a=ice-ufrag:abcd\n")
    #expect(!result.text.contains("ufrag"))
    #expect(!result.losses.isEmpty)
    let back = try sdp(
      stanza("session-initiate", content("a", audio("<payload-type id='0'/>") + iceUDP(attributes: "ufrag='abcd'"))))
    #expect(back.lines("a=ice").isEmpty)
    #expect(!back.losses.isEmpty)
  }

  @Test("27: the end of candidates goes through ice:0 only")
  func endOfCandidates() throws {
    let ice =
      "<transport xmlns='urn:xmpp:jingle:transports:ice:0' ufrag='abcd' pwd='0123456789012345678901' ice2='true'><gathering-complete/></transport>"
    let result = try sdp(stanza("session-initiate", content("a", audio("<payload-type id='0'/>") + ice)))
    #expect(result.lines("a=end-of-candidates").count == 1)
    #expect(result.lines("a=ice-options") == ["a=ice-options:ice2"])
    // The session speaks ice:0 from now on.
    let back = try jingle(
      Self.section + "a=ice-ufrag:abcd\na=ice-pwd:0123456789012345678901\na=ice-options:ice2\na=end-of-candidates\n",
      by: .responder, action: "session-accept", state: result.state)
    #expect(
      back.text.contains(
        "<transport xmlns='urn:xmpp:jingle:transports:ice:0' ufrag='abcd' pwd='0123456789012345678901' ice2='true'><gathering-complete/>"
      ))
  }

  @Test("31: hex digits are trimmed and in capitals")
  func fingerprint() throws {
    let print =
      "<fingerprint xmlns='urn:xmpp:jingle:apps:dtls:0' hash='SHA-256' setup='active'>\n  \(digest.lowercased()) \n</fingerprint>"
    let result = try sdp(stanza("session-initiate", content("a", audio("<payload-type id='0'/>") + iceUDP(print))))
    #expect(result.lines("a=fingerprint") == ["a=fingerprint:sha-256 \(digest)"])
  }

  @Test("34: rtcp-mux is read in the transport too, and written once")
  func multiplexing() throws {
    for (description, transport) in [("<rtcp-mux/>", ""), ("", "<rtcp-mux/>"), ("<rtcp-mux/>", "<rtcp-mux/>")] {
      let result = try sdp(
        stanza("session-initiate", content("a", audio("<payload-type id='0'/>" + description) + iceUDP(transport))))
      #expect(result.lines("a=rtcp-mux").count == 1)
    }
  }

  @Test("27: the end of the candidates is read in ice-udp, too")
  func endOfCandidatesInICEUDP() throws {
    let transport = iceUDP("<gathering-complete/>")
    let result = try sdp(stanza("transport-info", content("a", transport)), asFragment: true)
    #expect(result.lines("a=end-of-candidates").count == 1)
    #expect(result.losses == [])
  }

  @Test("37: parameters of sources are read in the namespace of RTP, too")
  func sourceParameters() throws {
    let source = """
      <source xmlns='urn:xmpp:jingle:apps:rtp:ssma:0' ssrc='7'><parameter name='cname' value='x'/>\
      <parameter xmlns='urn:xmpp:jingle:apps:rtp:1' name='msid' value='y z'/></source>
      """
    let result = try sdp(
      stanza("session-initiate", content("a", audio("<payload-type id='0'/>" + source) + iceUDP(""))))
    #expect(result.lines("a=ssrc") == ["a=ssrc:7 cname:x", "a=ssrc:7 msid:y z"])
    #expect(result.losses == [])
    #expect(try jingle(result.text).text.contains("<parameter name='msid' value='y z'/>"))
  }

  @Test("41: data channels")
  func dataChannels() throws {
    let text =
      Self.head
      + "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\na=mid:d\na=ice-ufrag:abcd\na=ice-pwd:0123456789012345678901\na=sctp-port:5000\n"
    let forth = try jingle(text)
    #expect(forth.text.contains("number='5000' protocol='webrtc-datachannel'"))
    #expect(!forth.text.contains("description"))
    let back = try sdp(forth.text)
    #expect(back.lines("m=") == ["m=application 9 UDP/DTLS/SCTP webrtc-datachannel"])
    #expect(back.lines("a=sctp-port") == ["a=sctp-port:5000"])
  }

  @Test(
    "What Jingle cannot say is named",
    arguments: [
      ("i=x", "i=: Jingle has no title of a medium"), ("a=foo:1", "a=foo: not known"), ("x=y", "x=y: not understood"),
      ("a=ptime:x", "a=ptime:x: not understood"),
    ])
  func losses(_ line: String, _ loss: String) throws {
    let text =
      line.hasPrefix("a") ? Self.section + line + "\n" : Self.head + "m=audio 4000 RTP/AVP 0\n\(line)\na=mid:a\n"
    #expect(try jingle(text).losses == [loss])
  }

  @Test("Lines of one payload type or source need not stand side by side")
  func interleaved() throws {
    let lines = [
      "a=rtpmap:97 b/8000", "a=rtcp-fb:97 nack", "a=rtcp-fb:* ccm fir", "a=rtcp-fb:96 nack", "a=rtpmap:96 a/8000",
      "a=rtcp-fb:97 nack pli", "a=ssrc:7 cname:x", "a=ssrc:4000000000 cname:y", "a=ssrc:7 label:x",
      "a=ssrc:3000000000 cname:z", "a=ssrc:4000000000 label:y",
    ]
    let text = Self.head + "m=audio 4000 RTP/AVPF 96 97\na=mid:a\n" + lines.joined(separator: "\n") + "\n"
    let forth = try jingle(text)
    #expect(forth.losses == [])
    let back = try sdp(forth.text)
    #expect(
      back.lines("a=rtcp-fb") == [
        "a=rtcp-fb:96 nack", "a=rtcp-fb:97 nack", "a=rtcp-fb:97 nack pli", "a=rtcp-fb:* ccm fir",
      ])
    #expect(
      back.lines("a=ssrc") == [
        "a=ssrc:7 cname:x", "a=ssrc:7 label:x", "a=ssrc:4000000000 cname:y", "a=ssrc:4000000000 label:y",
        "a=ssrc:3000000000 cname:z",
      ])
  }

  @Test("What stands where nothing takes it is named, be it at the session or in another medium")
  func leftOver() throws {
    #expect(
      try jingle("a=ssrc:1 cname:x\na=ice-ufrag:abcd\n").losses == [
        "a=ssrc: there is no m-line", "a=ice-ufrag: there is no m-line",
      ])
    let session = Self.head + "a=ssrc:1 cname:x\na=sendonly\nm=audio 4000 RTP/AVP 0\na=recvonly\na=mid:a\n"
    #expect(
      try jingle(session).losses == ["a=ssrc: it does not belong to the session"], "the section's direction counts")
    let medium = Self.head + "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\na=sctp-port:5000\na=rtcp-mux\na=mid:a\n"
    #expect(try jingle(medium).losses == ["a=rtcp-mux: it does not belong to this medium"])
    let limited = Self.head + "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\ni=x\nc=IN IP4 192.0.2.1\nb=AS:30\n"
    #expect(
      try jingle(limited + "k=clear:x\na=sctp-port:5000\na=mid:a\n").losses == [
        "i=: Jingle has no title of a medium",
        "k=: the line is obsolete, and Jingle has keys of other kinds", "b=: it does not belong to this medium",
      ], "the address has become a candidate")
  }

  @Test("What belongs to a payload type that the m-line lacks is named, and a medium that is not offered")
  func missingFormats() throws {
    let lines = "a=rtpmap:55 x/8000\na=fmtp:97 y=1\na=rtcp-fb:44 nack\na=rtcp-fb:* nack\n"
    let text = Self.head + "m=audio 4000 RTP/AVPF 0\na=mid:a\na=rtpmap:0 PCMU/8000\n" + lines
    #expect(
      try jingle(text).losses == [
        "a=rtpmap:55: the m-line has no such format", "a=fmtp:97: the m-line has no such format",
        "a=rtcp-fb:44: the m-line has no such format",
      ])
    let rejected = Self.head + "m=audio 4000 RTP/AVP 0\na=mid:a\nm=video 0 RTP/AVP 96\na=mid:b\n"
    #expect(try jingle(rejected).losses == ["m= of b: its port is 0, so it is not offered"])
  }

  @Test("Characters that XML cannot hold (XML 1.0 §2.2) are named; a line of blanks says nothing")
  func charactersOfXML() throws {
    let result = try jingle(Self.section + "a=ssrc:1 cname:x\u{1}y\n  \n")
    #expect(result.losses == ["a=ssrc value: XML has no such characters"])
    #expect(result.text.contains("value='xy'"))
  }

  @Test("What SDP cannot say is named")
  func lossesOfJingle() throws {
    let result = try sdp(
      stanza(
        "session-initiate",
        content("a", audio("<payload-type id='0'/><thing xmlns='urn:x'/>"), attributes: "disposition='early'")))
    #expect(result.losses.contains("<thing xmlns='urn:x'>: not known"))
    #expect(result.losses.contains { $0.hasPrefix("<jingle:content> @disposition") })
  }
}
