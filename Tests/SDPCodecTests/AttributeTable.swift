/// Values of attributes: those that are read and written as they are, and those that are refused.
struct AttributeExamples {
  var name: String
  /// `nil`: the attribute alone.
  var valid: [String?]
  var refused: [String?]

  init(_ name: String, _ valid: [String?], refused: [String?] = []) {
    self.name = name
    self.valid = valid
    self.refused = refused
  }

  /// Each attribute of the grammars, by the examples of its document.
  static let table: [AttributeExamples] = session + media + rtp + security + ice + streams + others

  private static let flag: [String?] = [nil]

  // RFC 8866 §6, RFC 4570
  private static let session = [
    AttributeExamples("cat", ["example.talk"]),
    .init("keywds", ["rfc call, test"]),
    .init("tool", ["phone 1.2"]),
    .init("type", ["broadcast", "H332", "new"], refused: ["a b"]),
    .init("charset", ["ISO-8859-1"]),
    .init("sdplang", ["en", "de-CH-1996"], refused: ["", "e n"]),
    .init("lang", ["en-US"]),
    .init("jingle-action", ["source-add"]),
    .init(
      "source-filter", [" incl IN IP4 239.3.3.3 192.0.2.1", " excl IN IP6 ff0e::1 2001:db8::1 2001:db8::2"],
      refused: [" incl IN IP4 239.3.3.3"]),
  ]

  // RFC 8866 §6, RFC 5888, RFC 9143, RFC 8830, RFC 4574, RFC 4796, RFC 7866
  private static let media = [
    AttributeExamples("recvonly", flag, refused: ["x"]), .init("sendrecv", flag), .init("sendonly", flag),
    .init("inactive", flag),
    .init("mid", ["audio", "0"], refused: ["a b"]),
    .init("group", ["BUNDLE 0 1", "LS", "DUP a b"], refused: [""]),
    .init("bundle-only", flag),
    .init("msid", ["- t1", "stream"]),
    .init("label", ["1"]),
    .init("content", ["slides", "main,alt", "sl,new"], refused: [""]),
    .init("orient", ["landscape", "seascape"], refused: ["diagonal", "landscapes"]),
    .init("framerate", ["30", "29.97"], refused: ["x"]),
    .init("quality", ["10"], refused: ["256"]),
    .init("record", ["on", "paused"], refused: ["pause", "yes"]),
    .init("recordpref", ["nopreference"], refused: ["paused", "none"]),
  ]

  // RFC 8866, RFC 4585, RFC 8285, RFC 5761, RFC 3605, RFC 5576, RFC 3611, RFC 7273 and others
  private static let rtp = [
    AttributeExamples("rtpmap", ["0 PCMU/8000", "96 opus/48000/2", "8 PCMA"], refused: ["x PCMU/8000", "256 x/1"]),
    .init("fmtp", ["101 0-15", "96 a=b;c", "96 x=a=b", "96 x=;=y"], refused: ["96", "96 ", "96 ;"]),
    .init("ptime", ["20", "22.5"], refused: ["x"]), .init("maxptime", ["60"]),
    .init("rtcp-fb", ["96 nack pli", "* trr-int 0", "96 ccm fir", "* ccm pause nowait"], refused: ["nack"]),
    .init(
      "extmap", ["1 urn:x", "2/sendonly urn:ietf:params:rtp-hdrext:ssrc-audio-level vad=on"],
      refused: ["urn:x", "1/both urn:x"]),
    .init("extmap-allow-mixed", flag), .init("rtcp-mux", flag), .init("rtcp-mux-only", flag),
    .init("rtcp", ["53020", "53020 IN IP6 2001:db8::1"], refused: ["53020 IN"]), .init("rtcp-rsize", flag),
    .init("ssrc", ["1 cname:user@example.com", "1 previous-ssrc:2 3", "1 x"], refused: ["cname:x"]),
    .init("ssrc-group", ["FID 1 2", "SIM 1 2 3"], refused: ["FID a"]),
    .init(
      "rtcp-xr", [nil, "voip-metrics stat-summary=loss,dup,jitt,HL", "rcvr-rtt=all:10000"], refused: ["", "a  b"]),
    .init("calgextmap", ["1 urn:x", "2/recvonly urn:y z"]),
    .init("ts-refclk", ["ntp=203.0.113.10", "ptp=IEEE1588-2008:39-A7-94-FF-FE-07-CB-D0:0", "local"], refused: [""]),
    .init("mediaclk", ["direct=963214424 rate=1000/1001", "sender", "id=MDA6NjA6 sender"], refused: [""]),
    .init("duplication-delay", ["50", "50 100"], refused: ["x"]),
    .init("loopback", ["rtp-pkt-loopback rtp-media-loopback"]), .init("loopback-source", flag),
    .init("loopback-mirror", flag),
    .init("hlang-send", ["es eu en *", "sl"], refused: [""]), .init("hlang-recv", ["en"]),
    .init("rtt-mixer", flag), .init("msid-semantic", [" WMS *", " WMS stream"]),
  ]

  // RFC 8122, RFC 4145, RFC 4568, RFC 6189, RFC 8842, RFC 4567
  private static let security = [
    AttributeExamples(
      "fingerprint", ["sha-1 4A:AD:B9:B1:3F:82:18:3B:54:02:12:DF:3E:5D:49:6B:19:E5:7C:AB", "sha3-256 02:1A:CC"],
      refused: [
        "sha3-256 02:1", "sha-256", "sha-256 02:1A:CC", "SHA-1 02:1A:CC",
        "sha-1 4A:AD:B9:B1:3F:82:18:3B:54:02:12:DF:3E:5D:49:6B:19:E5:7C:AB:00",
      ]),
    .init("setup", ["actpass", "holdconn"], refused: ["client"]),
    .init("connection", ["new", "existing"]),
    .init(
      "crypto",
      [
        "1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj|2^20|1:32",
        "1 X inline:a KDR=0 UNENCRYPTED_SRTCP",
      ],
      refused: ["AES_CM_128_HMAC_SHA1_80 inline:abc", "1 AES_CM_128_HMAC_SHA1_80 inline:abc|2^20|1:4"]),
    .init("zrtp-hash", ["1.10 fe30efd02423cb05"], refused: ["1.10 xyz"]),
    .init("tls-id", ["abc3de65cddef001be82"], refused: ["a b"]),
    .init("key-mgmt", ["mikey AQAFgM0XflABAAAAAAAAAAAAAAsAyO"], refused: ["mikey"]),
  ]

  // RFC 8839, RFC 8840, RFC 8841, RFC 8864
  private static let ice = [
    AttributeExamples("ice-ufrag", ["8hhY"], refused: ["a b"]), .init("ice-pwd", ["asd88fgpdd777uzjYhagZg"]),
    .init(
      "candidate",
      [
        "1 1 udp 2130706431 203.0.113.1 8998 typ host",
        "2 1 tcp 1694498815 2001:db8::1 9 typ srflx raddr 10.0.1.1 rport 8998 tcptype active generation 0 ufrag aB+/",
        "1 1 udp 1 x.local 9 typ host network-id 1 network-cost 10 other thing",
      ],
      refused: [
        "1 1 udp 2130706431 203.0.113.1 8998", "1 1 udp x 203.0.113.1 8998 typ host",
        "1 1 udp 4294967296 203.0.113.1 8998 typ host", "1 1 tcp 1 203.0.113.1 9 typ host tcptype both",
      ]),
    .init("remote-candidates", ["1 203.0.113.3 4444 2 203.0.113.3 4445"], refused: ["1"]),
    .init("ice-lite", flag), .init("ice-mismatch", flag), .init("ice-options", ["trickle ice2"], refused: [""]),
    .init("ice-pacing", ["50"], refused: ["x"]), .init("end-of-candidates", flag),
    .init("sctp-port", ["5000"], refused: ["65536"]), .init("max-message-size", ["262144"]),
    .init("sctpmap", ["5000 webrtc-datachannel 1024", "5000 webrtc-datachannel"]),
    .init(
      "dcmap",
      ["0", "2 subprotocol=\"bfcp\";label=\"a; b\"", "3 label=\"x\";subprotocol=\"t140\";ordered=true;max-retr=5"],
      refused: ["x"]),
    .init("dcsa", ["2 accept-types:text/plain"], refused: ["2"]),
  ]

  // RFC 8851, RFC 8853, RFC 6236, RFC 6064, RFC 5583, RFC 9335
  private static let streams = [
    AttributeExamples(
      "rid", ["1 send", "2 recv pt=96,97;max-width=1280;max-height=720", "hi send max-fps=30;depend=1,2"],
      refused: ["1", "1 send pt=96;", "1 both"]),
    .init(
      "simulcast", ["send 1;2,3 recv 4", "recv 1", "send ~1,2;~3"],
      refused: ["", "1,2", "send 1;", "send 1 recv", "both 1", "send 1 send 2", "recv 1 recv 2"]),
    .init(
      "imageattr",
      [
        "97 send [x=800,y=640,sar=1.1,q=0.6] [x=480,y=320] recv [x=330,y=250]", "* recv *",
        "97 send [x=[480:16:800],y=[320,640],par=[1.2-1.3]]",
      ], refused: ["97", "97 send", "97 send [x=1]", "97 send * send *", "* recv * recv [x=1,y=1]"]),
    .init("framesize", ["99 320-240"], refused: ["99 320"]),
    .init("depend", ["97 lay L1:96", "98 lay L1:96,97;99 lay L1:96 L2:97,98"], refused: ["97 lay"]),
    .init("cryptex", flag, refused: ["x"]),
  ]

  private static let others = preconditions + capabilities + fax + messages + vendors

  // RFC 3312, RFC 5027, RFC 5432
  private static let preconditions = [
    AttributeExamples("curr", ["qos e2e none", "sec local sendrecv"], refused: ["qos none"]),
    .init("des", ["qos mandatory e2e sendrecv", "qos optional local send"], refused: ["qos e2e sendrecv"]),
    .init("conf", ["qos e2e recv"]),
    .init("qos-mech-send", ["rsvp nsis"]), .init("qos-mech-recv", ["rsvp"]),
  ]

  // RFC 3407, RFC 5939, RFC 6871, RFC 7006, RFC 6947
  private static let capabilities = [
    AttributeExamples("sqn", [" 0"], refused: ["256"]), .init("cdsc", [" 1 audio RTP/AVP 0 18 96"]),
    .init("cpar", [" a=fmtp:96 0-16,32-35"]), .init("cparmin", [" b=AS:64"]), .init("cparmax", [" b=AS:128"]),
    .init("csup", ["cap-v0,foo"]), .init("creq", ["cap-v0"]),
    .init("acap", ["1 crypto:1 AES_CM_128_HMAC_SHA1_32 inline:abc"]), .init("tcap", ["1 RTP/SAVPF RTP/SAVP"]),
    .init("pcfg", ["1 t=1|2 a=1,[2]", "5"], refused: ["x"]), .init("acfg", ["1 t=1 a=-m:1"]),
    .init("lcfg", ["1 mt=video t=1 m=1"]), .init("rmcap", ["1,4-5 iLBC/8000", "2 L16/44100/2"]),
    .init("omcap", ["2 t38"]), .init("mfcap", ["1 mode=30"]), .init("mscap", ["1 rtcp-fb nack"]),
    .init("sescap", ["2 1,2,5"]), .init("bcap", ["1 AS:200"]), .init("ccap", ["1 IN IP4 192.0.2.1 4000"]),
    .init("icap", ["1 a title"]), .init("altc", ["1 IP6 2001:db8::1 45678", "2 IP4 192.0.2.1 51372/2"]),
  ]

  // ITU-T T.38, RFC 3108, RFC 7195
  private static let fax = [
    AttributeExamples("T38FaxVersion", ["0", "3"], refused: ["x", nil]), .init("T38MaxBitRate", ["14400"]),
    .init("T38FaxFillBitRemoval", [nil, "0", "1"], refused: ["", "yes"]), .init("T38FaxTranscodingMMR", [nil, "0"]),
    .init("T38FaxTranscodingJBIG", [nil, "0"]),
    .init("T38FaxRateManagement", ["transferredTCF", "localTCF"]), .init("T38FaxMaxBuffer", ["200"]),
    .init("T38FaxMaxDatagram", ["72"]), .init("T38FaxMaxIFP", ["40"]), .init("T38FaxUdpEC", ["t38UDPRedundancy"]),
    .init("T38FaxUdpECDepth", ["2", "2 6"]), .init("T38FaxUdpFECMaxSpan", ["3"]),
    .init("T38ModemType", ["t38G3FaxOnly"]), .init("T38VendorInfo", ["0 0 37"]),
    .init("silenceSupp", ["off - - - -", "on 20 standard SID fixed"], refused: ["off"]),
    .init("ecan", ["fb on G168", "f off"]), .init("gpmd", ["99 vbd=yes"]),
    .init("cs-correlation", ["callerid:+4930123456 uuie dtmf:1234*"]),
  ]

  // RFC 4975, RFC 6714, RFC 7701, RFC 5547, RFC 8856, RFC 8124, RFC 6787, RFC 6230
  private static let messages = [
    AttributeExamples("accept-types", ["message/cpim text/plain text/html", "*"], refused: [""]),
    .init("accept-wrapped-types", ["*"]), .init("max-size", ["8192"], refused: ["x"]),
    .init("path", ["msrps://a.example.com:8493/asfd34;tcp msrp://b.example.com:2855/x;tcp"]),
    .init("msrp-cema", flag), .init("chatroom", [nil, "nickname private-messages ext:1"], refused: [""]),
    .init("file-selector", ["name:\"My cool picture.jpg\" type:image/jpeg size:32349 hash:sha-1:72:24:5F"]),
    .init("file-transfer-id", ["vBnG916bdberum2fFEABR1FR3ExZMUrd"]), .init("file-disposition", ["attachment"]),
    .init("file-date", ["creation:\"Mon, 15 May 2006 15:01:31 +03:00\""]), .init("file-icon", ["cid:id2@example.com"]),
    .init("file-range", ["1-32349", "1-*"], refused: ["1"]),
    .init("floorctrl", ["c-only s-only"]), .init("confid", ["4321"]), .init("userid", ["1234"]),
    .init("floorid", ["1 mstrm:10 11", "2"]), .init("bfcpver", ["1 2"]),
    .init("ws-uri", ["ws://bfcp.example.com/x"]), .init("wss-uri", ["wss://bfcp.example.com/x"]),
    .init("resource", ["speechsynth"]), .init("channel", ["32AECB234338@speechsynth"]), .init("cmid", ["1"]),
    .init("cfw-id", ["H839quwhjdhegvdga"]), .init("ctrl-package", ["msc-ivr/1.0 msc-mixer/1.0"], refused: [""]),
  ]

  private static let vendors = [
    AttributeExamples("x-google-flag", ["conference"]), .init("mslabel", ["a b"]), .init("mptime", ["20 - 30"]),
    .init("nortpproxy", ["yes"]), .init("direction", ["active"]), .init("alt", [" 1 1 : abc def 192.0.2.1 4000"]),
  ]
}
