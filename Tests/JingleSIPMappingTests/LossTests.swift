import JingleSIPMapping
import Testing

/// What the mapping loses, and that each loss is named.
@Suite("Losses")
struct LossTests {
  private static let head = RowTests.head
  private static let section = RowTests.section

  /// Row 42 and others: attributes of a medium that Jingle lacks, each with its reason.
  private static let lost: [(line: String, reason: String)] = [
    ("a=rid:1 send", "Jingle has no simulcast"), ("a=simulcast:send 1;2", "Jingle has no simulcast"),
    ("a=imageattr:96 send *", "Jingle has no sizes of pictures"),
    ("a=framesize:96 320-240", "Jingle has no sizes of pictures"),
    ("a=cryptex", "Jingle cannot offer that header extensions are encrypted"),
    ("a=label:1", "Jingle has no labels; contents are known by their names"),
    ("a=lang:en", "Jingle says nothing of languages"),
    ("a=rtcp-mux-only", "Jingle can only offer that RTCP shares the port of RTP"),
    ("a=quality:10", "Jingle says nothing of how pictures look"),
    ("a=tls-id:abc3de65cddef001be82", "Jingle does not number the connections of DTLS"),
    ("a=rtcp-xr:voip-metrics", "Jingle has no extended reports of RTCP"),
    ("a=ts-refclk:local", "Jingle says nothing of clocks and delays"),
    ("a=hlang-send:en", "Jingle says nothing of languages"), ("a=record:on", "Jingle says nothing of recording"),
    ("a=key-mgmt:mikey AQAFgM0XflABAAAAAAAAAAAAAAsAyO", "Jingle has no keys by MIKEY"),
    ("a=source-filter: incl IN IP4 239.3.3.3 192.0.2.1", "Jingle cannot say from whom packets are taken"),
    ("a=curr:qos local none", "Jingle has no preconditions"),
    ("a=des:qos mandatory e2e sendrecv", "Jingle has no preconditions"),
    ("a=pcfg:1 t=1", "Jingle offers one configuration"), ("a=tcap:1 RTP/SAVP", "Jingle offers one configuration"),
    ("a=cdsc: 1 audio RTP/AVP 0", "Jingle offers one configuration"),
    ("a=altc:1 IP4 192.0.2.1 4000", "Jingle offers one configuration"),
    ("a=T38FaxVersion:0", "Jingle has no fax"), ("a=T38FaxFillBitRemoval", "Jingle has no fax"),
    ("a=silenceSupp:off - - - -", "Jingle has nothing of the telephone network"),
    ("a=path:msrp://a.example.com:1/x;tcp", "Jingle has no messages and no files as media of a call"),
    ("a=floorid:1 mstrm:10", "Jingle has no floors and no media servers"),
    ("a=dcmap:0 label=\"x\"", "Jingle's data channels are negotiated in themselves"),
    ("a=x-google-flag:conference", "no document says what it means"),
    ("a=nortpproxy:yes", "no document says what it means"),
    ("a=bundle-only", "Jingle cannot say it; the medium is offered without a port of its own"),
  ]

  @Test("42: an attribute that Jingle lacks is named with the reason", arguments: lost.map(\.line))
  func attributes(_ line: String) throws {
    let reason = try #require(Self.lost.first { $0.line == line }?.reason)
    let name = line.prefix { $0 != ":" }
    #expect(try jingle(Self.section + line + "\n").losses == ["\(name): \(reason)"])
  }

  @Test(
    "30, 42: and at the session",
    arguments: [
      "a=ice-lite": "Jingle cannot say it; the session keeps it",
      "a=ice-pacing:50": "Jingle does not say how fast addresses are tried",
      "a=msid-semantic: WMS *": "Jingle names the streams in each content",
      "a=tool:x": "Jingle has no such words about the whole session",
      "a=csup:cap-v0": "Jingle offers one configuration",
      "a=cryptex": "Jingle cannot offer that header extensions are encrypted",
      "i=title": "Jingle has no such lines about the whole session",
      "e=a@example.com": "Jingle has no such lines about the whole session",
    ])
  func session(_ line: String, _ reason: String) throws {
    let lines = Self.head.split(separator: "\n").map(String.init)
    // RFC 8866 §9: i= and e= come before c=.
    let place = line.hasPrefix("a") ? lines.count : 3
    let text =
      (lines[..<place] + [line] + lines[place...]).joined(separator: "\n") + "\nm=audio 4000 RTP/AVP 0\na=mid:a\n"
    let name = line.hasPrefix("a") ? String(line.prefix { $0 != ":" }) : String(line.prefix(2))
    #expect(try jingle(text).losses == ["\(name): \(reason)"])
  }

  @Test("4: a profile that keys and feedback would not make again")
  func profile() throws {
    let text = Self.head + "m=audio 4000 RTP/AVPF 0\na=mid:a\n"
    #expect(try jingle(text).losses == ["m= protocol RTP/AVPF: Jingle has no name for it; it becomes RTP/AVP"])
    #expect(try jingle(text + "a=rtcp-fb:* nack\n").losses.isEmpty)
    let secure = Self.head + "a=fingerprint:sha-256 \(digest)\nm=audio 4000 UDP/TLS/RTP/SAVP 0\na=mid:a\n"
    #expect(try jingle(secure).losses.isEmpty)
  }

  @Test("25: extensions of candidates that Jingle lacks")
  func candidateExtensions() throws {
    let text =
      Self.section + "a=ice-ufrag:abcd\na=ice-pwd:0123456789012345678901\n"
      + "a=candidate:1 1 udp 1 203.0.113.1 8998 typ host network-cost 10 foo bar baz 1\n"
    #expect(
      Set(try jingle(text).losses) == [
        "a=candidate network-cost: ICE of Chromium only", "a=candidate foo: Jingle has no such extension",
        "a=candidate baz: Jingle has no such extension",
      ])
  }

  @Test(
    "a second line of what may stand once",
    arguments: [
      "a=ptime:20\na=ptime:30", "a=mid:b", "a=rtcp-mux\na=rtcp-mux", "a=content:main\na=content:alt",
      "a=extmap-allow-mixed\na=extmap-allow-mixed",
    ])
  func repeated(_ lines: String) throws {
    let name = lines.prefix { $0 != ":" && $0 != "\n" }
    #expect(
      try jingle(Self.section + lines + "\n").losses == [
        "\(name): it is there a second time, and the first one counts"
      ])
  }

  @Test(
    "5, 35: one address for each component, and it is one of the Internet",
    arguments: [
      ("c=IN IP4 192.0.2.3\nc=IN IP4 192.0.2.4\na=mid:a", "c=: it is there a second time, and the first one counts"),
      ("c=IN IP4 233.252.0.1/127/3\na=mid:a", "c= /127/3: a candidate has one address, and none of multicast"),
      ("c=TN RFC2543 +4930123\na=mid:a", "c= TN: Jingle has addresses of the Internet only"),
      ("a=mid:a\na=rtcp:4002\na=rtcp:4004", "a=rtcp: it is there a second time, and the first one counts"),
    ])
  func oneAddress(_ lines: String, _ loss: String) throws {
    #expect(try jingle(Self.head + "m=audio 4000 RTP/AVP 0\n" + lines + "\n").losses == [loss])
  }

  @Test("19: a mid that another medium has")
  func repeatedMid() throws {
    let result = try jingle(Self.section + "m=video 4002 RTP/AVP 31\na=mid:a\n")
    #expect(result.losses == ["a=mid:a: another medium has it, and this one becomes a2"])
  }

  @Test("23: one half of a related address")
  func halfOfAPair() throws {
    let line = "a=candidate:1 1 udp 1 192.0.2.3 4000 typ srflx raddr 10.0.1.1\n"
    let credentials = "a=ice-ufrag:abcd\na=ice-pwd:0123456789012345678901\n"
    #expect(
      try jingle(Self.section + credentials + line).losses == ["a=candidate raddr: one of a pair without the other"])
  }

  @Test("21: a second user name and password")
  func repeatedCredentials() throws {
    let credentials = "a=ice-ufrag:abcd\na=ice-pwd:0123456789012345678901\n"
    #expect(
      try jingle(Self.section + credentials + credentials).losses == [
        "a=ice-ufrag: it is there a second time, and the first one counts",
        "a=ice-pwd: it is there a second time, and the first one counts",
      ])
  }

  @Test("18: directions that exclude each other")
  func directions() throws {
    #expect(try jingle(Self.section + "a=recvonly\na=inactive\n").losses == ["a=inactive: a=recvonly excludes it"])
    #expect(try jingle(Self.head + "a=recvonly\nm=audio 4000 RTP/AVP 0\na=mid:a\na=inactive\n").losses == [])
  }

  @Test("12: the bandwidth of a data channel")
  func bandwidth() throws {
    let text = Self.head + "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\nb=AS:30\na=mid:a\na=sctp-port:5000\n"
    #expect(try jingle(text).losses == ["b=: it does not belong to this medium"])
  }

  @Test("41: data channels of SCTP that SDP cannot name")
  func dataChannels() throws {
    func map(_ number: Int, _ protocol: String) -> String {
      "<sctpmap xmlns='urn:xmpp:jingle:transports:dtls-sctp:1' number='\(number)' protocol='\(`protocol`)'/>"
    }
    let maps = map(5000, "x") + map(5001, "webrtc-datachannel")
    let result = try sdp(stanza("session-initiate", content("a", iceUDP(maps))))
    #expect(result.lines("a=sctp-port") == ["a=sctp-port:5000"])
    #expect(
      Set(result.losses) == [
        "<sctp:sctpmap> @protocol: UDP/DTLS/SCTP has no other than webrtc-datachannel",
        "<sctp:sctpmap>: it is there a second time, and the first one counts",
      ])
  }

  @Test("5, 35: addresses beyond those that SDP has, and ports that would refuse the medium")
  func addresses() throws {
    func raw(_ candidates: String) throws -> Translated {
      let transport = "<transport xmlns='urn:xmpp:jingle:transports:raw-udp:1'>\(candidates)</transport>"
      return try sdp(stanza("session-initiate", content("a", audio("<payload-type id='0'/>") + transport)))
    }
    let three = try raw(
      "<candidate ip='192.0.2.1' port='4000'/><candidate component='3' ip='192.0.2.1' port='4002'/>")
    #expect(three.lines("m=") == ["m=audio 4000 RTP/AVP 0"])
    #expect(three.losses == ["<raw-udp:candidate>: SDP has one address for each of two components"])
    let control = try raw("<candidate component='2' ip='192.0.2.1' port='4001'/>")
    #expect(control.losses == ["<raw-udp:candidate>: SDP has no address of component 2 without one of component 1"])
    let none = try raw("<candidate ip='192.0.2.1' port='0'/>")
    #expect(none.lines("m=") == ["m=audio 9 RTP/AVP 0"])
    #expect(none.losses == ["<raw-udp:candidate>: its port is 0"])
    let candidate =
      "<candidate component='1' foundation='1' ip='192.0.2.1' port='0' priority='1' protocol='udp' type='host'/>"
    let description = audio("<payload-type id='0'/>")
    let ice = try sdp(stanza("session-initiate", content("a", description + iceUDP(candidate))))
    #expect(ice.lines("m=") == ["m=audio 9 RTP/AVP 0"])
    #expect(ice.lines("a=candidate").count == 1)
  }

  @Test("9, 10: parameters without name and value are none, those with an empty value are")
  func emptyParameters() throws {
    func fmtp(_ parameters: String) throws -> [String] {
      try sdp(stanza("session-initiate", content("a", audio("<payload-type id='96'>\(parameters)</payload-type>"))))
        .lines("a=fmtp")
    }
    #expect(try fmtp("<parameter name=''/><parameter name='' value=''/><parameter/>") == [])
    #expect(try fmtp("<parameter name='x' value='1'/><parameter name='' value=''/>") == ["a=fmtp:96 x=1"])
    #expect(try fmtp("<parameter name='x' value=''/><parameter name='y'/>") == ["a=fmtp:96 x=;y"])
  }

  @Test("8: a second rtpmap of a payload type")
  func repeatedFormat() throws {
    let text = Self.section + "a=rtpmap:0 PCMU/8000\na=rtpmap:0 PCMA/8000\n"
    #expect(try jingle(text).losses == ["a=rtpmap:0: it is there a second time, and the first one counts"])
  }

  @Test("37: a source of which nothing is said")
  func emptySource() throws {
    let source = "<source xmlns='urn:xmpp:jingle:apps:rtp:ssma:0' ssrc='7'/>"
    let result = try sdp(stanza("session-initiate", content("a", audio("<payload-type id='0'/>" + source))))
    #expect(result.losses == ["<ssma:source> 7: a=ssrc needs an attribute of the source"])
    #expect(result.lines("a=ssrc").isEmpty)
  }

  @Test(
    "signalling within a stanza that describes a session",
    arguments: [
      "<reason><busy/></reason>": "<jingle:reason>",
      "<ringing xmlns='urn:xmpp:jingle:apps:rtp:info:1'/>": "<info:ringing>",
      "<mute xmlns='urn:xmpp:jingle:apps:rtp:info:1'/>": "<info:mute>",
      "<dtmf xmlns='urn:xmpp:jingle:dtmf:0' code='1'/>": "<dtmf:dtmf>",
    ])
  func signalling(_ element: String, _ name: String) throws {
    let result = try sdp(stanza("session-initiate", content("a", audio("<payload-type id='0'/>")), element))
    #expect(result.losses == ["\(name): a stanza that describes a session has none"])
  }

  @Test("elements of vendors that SDP lacks")
  func vendors() throws {
    let jitsi = "<bridge-session xmlns='http://jitsi.org/protocol/focus' id='1'/>"
    let result = try sdp(
      stanza(
        "session-initiate",
        content(
          "a",
          audio("<payload-type id='0'/><initial-last-n xmlns='http://jitsi.org/jitmeet' value='5'/>")
            + iceUDP("<web-socket xmlns='http://jitsi.org/protocol/colibri' url='wss://x'/>")), jitsi))
    #expect(
      Set(result.losses) == [
        "<jitmeet:initial-last-n>: of Jitsi's conferences only", "<colibri:web-socket>: of Jitsi's bridges only",
        "<focus:bridge-session>: of Jitsi's conferences only",
      ])
  }
}
