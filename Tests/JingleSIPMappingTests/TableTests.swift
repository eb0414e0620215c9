import JingleSIPMapping
import Testing

/// One row of the mapping: lines of SDP, what they are in Jingle, and which lines come back.
struct TableRow: Sendable, CustomTestStringConvertible {
  var number: Int
  /// The m-line is audio in the plain profile unless the lines begin with another one.
  var sdp: String
  /// Parts of the Jingle.
  var jingle: [String]
  /// Lines that come back; `nil`: those of `sdp`.
  var back: [String]?
  var losses: [String]

  init(_ number: Int, _ sdp: String, _ jingle: [String], back: [String]? = nil, losses: [String] = []) {
    self.number = number
    self.sdp = sdp
    self.jingle = jingle
    self.back = back
    self.losses = losses
  }

  var testDescription: String { "\(number): \(sdp)" }

  var offer: String {
    let medium = sdp.hasPrefix("m=") || sdp.contains("\nm=") ? "" : "m=audio 4000 RTP/AVP 0\n"
    let mid = sdp.contains("a=mid:") ? "" : "a=mid:a\n"
    return RowTests.head + medium + sdp + "\n" + mid
  }

  static let credentials = "a=ice-ufrag:8hhY\na=ice-pwd:asd88fgpdd777uzjYhagZg"
  private static let candidate = "a=candidate:1 1 udp 2130706431 203.0.113.1 8998 typ host"
  private static let securely = "m=audio 4000 RTP/SAVP 0\n"

  static let all: [TableRow] = [
    .init(1, "a=sendrecv", ["<jingle"], back: ["o=- "]),
    .init(2, "a=sendrecv", ["<jingle"], back: ["v=0", "s=-", "t=0 0"]),
    .init(3, "m=text 4000 RTP/AVP 98\na=rtpmap:98 t140/1000", ["media='text'"]),
    .init(4, "m=audio 4000 RTP/SAVPF 0\na=crypto:1 X inline:a\na=rtcp-fb:* nack", ["<crypto", "<rtcp-fb"]),
    .init(
      5, "m=audio 4000 RTP/AVP 0", ["ip='192.0.2.1' port='4000'"],
      back: ["m=audio 4000 RTP/AVP 0", "c=IN IP4 192.0.2.1"]),
    .init(
      6, "m=audio 4000 RTP/AVP 0\na=mid:a\nm=video 0 RTP/AVP 96\na=mid:b", ["name='a'"],
      back: ["m=audio 4000 RTP/AVP 0"], losses: ["m= of b: its port is 0, so it is not offered"]),
    .init(7, "m=audio 4000 RTP/AVP 9 0 8", ["<payload-type id='9' name='G722' clockrate='8000'/><payload-type id='0'"]),
    .init(
      8, "m=audio 4000 RTP/AVP 96 97\na=rtpmap:96 opus/48000/2\na=rtpmap:97 iLBC/8000",
      ["id='96' name='opus' clockrate='48000' channels='2'/>", "name='iLBC' clockrate='8000'/>"]),
    .init(
      9, "m=audio 4000 RTP/AVP 96\na=rtpmap:96 opus/48000/2\na=fmtp:96 useinbandfec=1;x=a=b",
      ["<parameter name='useinbandfec' value='1'/>", "<parameter name='x' value='a=b'/>"]),
    .init(
      10, "m=audio 4000 RTP/AVP 101\na=rtpmap:101 telephone-event/8000\na=fmtp:101 0-15",
      ["<parameter name='' value='0-15'/>"]),
    .init(11, "a=ptime:20\na=maxptime:60", ["ptime='20' maxptime='60'"]),
    .init(12, "b=AS:128", ["<bandwidth type='AS'>128</bandwidth>"]),
    // XEP-0293
    .init(13, "m=audio 4000 RTP/AVPF 0\na=rtcp-fb:0 nack pli", ["type='nack' subtype='pli'"]),
    .init(14, "m=audio 4000 RTP/AVPF 0\na=rtcp-fb:* nack", ["rtcp-fb:0' type='nack'"]),
    .init(15, "m=audio 4000 RTP/AVPF 0\na=rtcp-fb:0 trr-int 0", ["<rtcp-fb-trr-int", "value='0'"]),
    // XEP-0294
    .init(16, "a=extmap:2/sendonly urn:x vad=on", ["id='2' uri='urn:x' senders='initiator'", "name='vad' value='on'"]),
    .init(17, "a=extmap-allow-mixed", ["<extmap-allow-mixed"]),
    .init(18, "a=sendonly", ["senders='initiator'"]),
    .init(19, "a=mid:voice", ["name='voice'"]),
    // XEP-0338
    .init(
      20,
      "a=group:BUNDLE v w\nm=audio 4000 RTP/AVP 0\na=mid:v\nm=video 4002 RTP/AVP 96\na=rtpmap:96 VP8/90000\na=mid:w",
      ["semantics='BUNDLE'><content name='v'/><content name='w'/>"]),
    .init(21, credentials, ["ufrag='8hhY' pwd='asd88fgpdd777uzjYhagZg'"]),
    .init(
      22, credentials + "\n" + candidate,
      ["component='1' foundation='1'", "ip='203.0.113.1' port='8998' priority='2130706431' protocol='udp'"]),
    .init(
      23, credentials + "\na=candidate:2 1 udp 1 203.0.113.2 45664 typ srflx raddr 10.0.1.1 rport 8998",
      ["rel-addr='10.0.1.1' rel-port='8998' type='srflx'"]),
    .init(24, credentials + "\n" + candidate + " generation 1", ["generation='1'"]),
    .init(
      25, credentials + "\n" + candidate + " network-id 3", ["network='3'"], back: [candidate]),
    .init(
      26, credentials + "\na=candidate:1 1 tcp 1 203.0.113.1 9 typ host tcptype active", ["tcptype='active'"]),
    .init(
      27, credentials + "\na=end-of-candidates", ["<transport"], back: [],
      losses: [
        "a=end-of-candidates: ice-udp:1 cannot say it"
      ]),
    .init(
      28, credentials + "\na=remote-candidates:1 203.0.113.3 4444",
      ["<remote-candidate component='1' ip='203.0.113.3' port='4444'/>"]),
    .init(29, credentials + "\na=ice-options:trickle renomination", ["<trickle", "<renomination"]),
    .init(
      30, "a=ice-lite\nm=audio 4000 RTP/AVP 0", ["<jingle"], back: [],
      losses: [
        "a=ice-lite: Jingle cannot say it; the session keeps it"
      ]),
    // XEP-0320
    .init(
      31, "m=audio 4000 UDP/TLS/RTP/SAVP 0\n" + credentials + "\na=fingerprint:sha-256 \(digest)\na=setup:actpass",
      ["hash='sha-256' setup='actpass'>\(digest)</fingerprint>"],
      back: ["m=audio 9 UDP/TLS/RTP/SAVP 0", "a=fingerprint:sha-256 \(digest)", "a=setup:actpass"]),
    .init(
      32, securely + "a=crypto:1 X inline:a KDR=0\na=crypto:2 Y inline:b",
      [
        "<encryption><crypto crypto-suite='X' key-params='inline:a' session-params='KDR=0' tag='1'/>",
        "<crypto crypto-suite='Y' key-params='inline:b' tag='2'/></encryption>",
      ]),
    // XEP-0262
    .init(33, securely + "a=zrtp-hash:1.10 fe30", ["<encryption><zrtp-hash", "version='1.10'>fe30</zrtp-hash>"]),
    .init(34, "a=rtcp-mux", ["<rtcp-mux/>"]),
    .init(35, "a=rtcp:53020", ["component='2'", "port='53020'"]),
    .init(36, "a=rtcp-rsize", ["<rtcp-reduced-size/>"]),
    // XEP-0339
    .init(
      37, "a=ssrc:1 cname:a b:c\na=ssrc:1 label",
      ["ssrc='1'><parameter name='cname' value='a b:c'/><parameter name='label'/>"]),
    .init(38, "a=ssrc-group:FID 1 2", ["semantics='FID'><source ssrc='1'/><source ssrc='2'/>"]),
    .init(39, "a=msid:stream track\na=msid:-", ["id='stream' track='track'/>", "id='-'/>"]),
    // RFC 4796, XEP-0507
    .init(40, "a=content:slides,main", ["name='slides'/>", "name='main'/>"]),
    // XEP-0343
    .init(
      41,
      "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\n" + credentials + "\na=sctp-port:5000",
      ["number='5000' protocol='webrtc-datachannel'"]),
    .init(42, "a=rid:1 send", ["<description"], back: [], losses: ["a=rid: Jingle has no simulcast"]),
  ]
}

/// Each row of the mapping, there and back.
@Suite("Table of the mapping")
struct TableTests {
  @Test("a row becomes what it says, and comes back", arguments: TableRow.all)
  func row(_ row: TableRow) throws {
    let forth = try jingle(row.offer)
    for part in row.jingle { #expect(forth.text.contains(part), "\(forth.text)") }
    #expect(forth.losses == row.losses)
    let back = try sdp(forth.text)
    let lines = Set(back.text.split(separator: "\r\n").map(String.init))
    for line in row.back ?? row.sdp.split(separator: "\n").map(String.init) {
      #expect(lines.contains(line) || line.hasSuffix(" ") && lines.contains { $0.hasPrefix(line) }, "\(back.text)")
    }
  }

  @Test("all rows are there")
  func isComplete() { #expect(TableRow.all.map(\.number) == Array(1...42)) }

  @Test(
    "10: parameters without a name, however clients write them",
    arguments: ["", "name=''", "name='events'", "name='pt'", "name='fmtp'"])
  func namelessParameters(_ name: String) throws {
    let type =
      "<payload-type id='101' name='telephone-event' clockrate='8000'><parameter \(name) value='0-15'/></payload-type>"
    let result = try sdp(stanza("session-initiate", content("a", audio(type))))
    #expect(result.lines("a=fmtp") == ["a=fmtp:101 0-15"])
    #expect(result.losses.isEmpty)
  }

  @Test("39: the parameter msid of a source stays what it is")
  func streamOfSource() throws {
    let source =
      "<source xmlns='urn:xmpp:jingle:apps:rtp:ssma:0' ssrc='1'><parameter name='msid' value='s t'/></source>"
    let result = try sdp(stanza("session-initiate", content("a", audio("<payload-type id='0'/>" + source))))
    #expect(result.lines("a=ssrc") == ["a=ssrc:1 msid:s t"])
    #expect(result.lines("a=msid").isEmpty)
  }

  @Test("32: encryption that is required, which SDP cannot say")
  func requiredEncryption() throws {
    let encryption = "<encryption required='1'><crypto crypto-suite='X' key-params='inline:a' tag='1'/></encryption>"
    let result = try sdp(stanza("session-initiate", content("a", audio("<payload-type id='0'/>" + encryption))))
    #expect(result.lines("a=crypto") == ["a=crypto:1 X inline:a"])
    #expect(result.losses == ["<rtp:encryption> @required: SDP cannot demand encryption beside an offer of it"])
  }

  @Test("29: options that Jingle has no element for")
  func options() throws {
    let text = RowTests.section + TableRow.credentials + "\na=ice-options:trickle foo\n"
    #expect(try jingle(text).losses == ["a=ice-options:foo: Jingle has none"])
  }

  @Test("41: streams of a data channel, and the size of its messages")
  func dataChannels() throws {
    let text =
      RowTests.head + "m=application 9 DTLS/SCTP 5000\na=mid:d\n" + TableRow.credentials
      + "\na=sctpmap:5000 webrtc-datachannel 1024\na=max-message-size:262144\n"
    let forth = try jingle(text)
    #expect(forth.text.contains("number='5000' protocol='webrtc-datachannel' streams='1024'"))
    #expect(
      forth.losses == [
        "m= protocol DTLS/SCTP: Jingle has no name for it; it becomes UDP/DTLS/SCTP",
        "a=max-message-size: Jingle has no limit of the messages of data channels",
      ])
    let back = try sdp(forth.text)
    #expect(back.lines("a=sctp-port") == ["a=sctp-port:5000"])
    #expect(back.losses == ["<sctp:sctpmap> @streams: a=sctp-port does not say how many streams there are"])
  }
}
