import Testing

/// One header field: a value as its RFC has it, the same as the field writes it, and one that is wrong.
struct HeaderRow: Sendable, CustomTestStringConvertible {
  var header: String
  /// Written again byte for byte.
  var canonical: String
  /// Read as the same and written as the canonical one.
  var loose: String
  /// Not of the grammar; where the parser objects, and what it expected there.
  var wrong: String
  var offset: Int
  var expected: String

  init(_ header: String, _ canonical: String, _ loose: String, wrong: String, at offset: Int, _ expected: String) {
    self.header = header
    self.canonical = canonical
    self.loose = loose
    self.wrong = wrong
    self.offset = offset
    self.expected = expected
  }

  var testDescription: String { "\(header): \(wrong)" }

  private static let number = "a number up to 4294967295"

  static let all = core + extensions + networks

  /// RFC 3261 §20.
  private static let core: [HeaderRow] = [
    .init("Accept", "text/html;q=0.7,*/*", "text / html ; Q=0.7 ,\r\n */*", wrong: "text", at: 4, "\"/\""),
    .init(
      "Accept-Encoding", "gzip;q=0.5,identity", "gzip ;q=0.5, identity", wrong: ";q=1", at: 0,
      "the end of the header field"),
    .init("Accept-Language", "da,en-gb;q=0.8", "da, en-gb;\tq=0.8", wrong: "da;q=2", at: 5, "qvalue"),
    .init("Alert-Info", "<cid:ring@a.example>;x=1", "<cid:ring@a.example> ; x=1", wrong: "cid:a", at: 0, "\"<\""),
    .init("Allow", "INVITE,ACK,X-NEW", "INVITE , ACK,\r\n\tX-NEW", wrong: "INVITE,", at: 7, "token (methods)"),
    .init(
      "Authentication-Info", #"nextnonce="a",nc=00000001"#, #"nextnonce = "a" , nc=00000001"#,
      wrong: "nextnonce", at: 9, "\"=\""),
    .init(
      "Authorization", #"Digest username="a",qop=auth"#, #"dIGEST  username = "a", qop=auth"#,
      wrong: "Digest username=\"a", at: 16, "auth-value"),
    .init(
      "Authorization", "Bearer mF_9.B5f-4.1/JqM==", "bearer  mF_9.B5f-4.1/JqM==", wrong: "Bearer a=b=c", at: 9,
      "the end of the header field"),
    .init("Call-ID", "a@b", "a@b", wrong: "a b", at: 2, "the end of the header field"),
    .init(
      "Call-Info", "<http://a.example/>;purpose=card", "<http://a.example/> ;Purpose=Card",
      wrong: "<http://a.example/", at: 18, "\">\""),
    .init(
      "Contact", "<sip:a@b.example>;q=0.5,<tel:+1>", "<sip:a@b.example> ; q=0.5 , <tel:+1>",
      wrong: "<sip:a@b.example>;q=5", at: 20, "qvalue"),
    .init(
      "Content-Disposition", "session;handling=required", "Session ; handling=REQUIRED", wrong: ";x", at: 0,
      "token (type)"),
    .init("Content-Encoding", "gzip,x", "gzip , x", wrong: "", at: 0, "token (codings)"),
    .init(
      "Content-Language", "fr,de-CH", "fr, de-CH", wrong: "languages-of-earth", at: 8, "the end of the header field"),
    .init("Content-Length", "0", "000", wrong: "1e3", at: 1, "the end of the header field"),
    .init(
      "Content-Type", "multipart/mixed;boundary=a", "multipart / mixed; boundary=a", wrong: "a/", at: 2,
      "token (subtype)"),
    .init("CSeq", "7 ACK", "007  ACK", wrong: "7ACK", at: 1, "a space"),
    .init(
      "Date", "Mon, 01 Jan 2024 00:00:00 GMT", "Mon, 01 Jan 2024 00:00:00 GMT", wrong: "Mon, 1 Jan 2024", at: 0,
      "SIP-date"),
    .init("Error-Info", "<sip:sorry@a.example>", "<SIP:sorry@a.example>", wrong: "<>", at: 1, "scheme"),
    .init("Expires", "3600", "03600", wrong: "4294967296", at: 0, number),
    .init("From", "A <sip:a@b.example>;tag=1", "A  <sip:a@b.example> ;TAG = 1", wrong: "A <sip:>", at: 7, "host"),
    .init("In-Reply-To", "a@b,c", "a@b , c", wrong: "@", at: 0, "callid"),
    .init("Max-Forwards", "70", "070", wrong: "70x", at: 2, "the end of the header field"),
    .init("MIME-Version", "1.0", "1.0", wrong: "1", at: 0, "MIME-version"),
    .init("Min-Expires", "60", "060", wrong: "-", at: 0, number),
    .init("Organization", "Böhme & Söhne", "Böhme & Söhne", wrong: "a\u{1}", at: 1, "the end of the header field"),
    .init("Priority", "non-urgent", "Non-Urgent", wrong: "", at: 0, "token"),
    .init(
      "Proxy-Authenticate", #"Digest realm="a",stale=FALSE"#, #"Digest realm="a" ,stale = FALSE"#,
      wrong: "Digest realm=", at: 13, "auth-value"),
    .init("Proxy-Authorization", "Digest nc=00000001", "digest   nc=00000001", wrong: "", at: 0, "token (scheme)"),
    .init("Proxy-Require", "privacy,foo", "Privacy, foo", wrong: "a;b", at: 1, "the end of the header field"),
    .init("Record-Route", "<sip:p.example;lr>", "<sip:p.example;LR>", wrong: "<sip:p.example;lr", at: 17, "\">\""),
    .init(
      "Reply-To", "<sip:a@b.example>;x=\"y\"", "<sip:a@b.example>; x=\"y\"", wrong: "<sip:a@b.example>;", at: 18,
      "token (name)"),
    .init("Require", "100rel,timer", "100REL ,timer", wrong: ",", at: 0, "token (tags)"),
    .init(
      "Retry-After", "120 (in a \\) meeting);duration=60", "120(in a \\) meeting) ;duration=60",
      wrong: "soon", at: 0, "\(number) (seconds)"),
    .init("Route", "A <sip:p.example;lr>;x", "A<sip:p.example;lr> ;x", wrong: "<sip:p example>", at: 6, "\">\""),
    .init("Server", "a/1 (b) c", "a / 1\r\n (b) c", wrong: "a/1 )", at: 4, "the end of the header field"),
    .init("Subject", "a  b", "a  b", wrong: "\u{7F}", at: 0, "the end of the header field"),
    .init("Supported", "100rel,x-y", "100rel,x-y", wrong: "100rel timer", at: 7, "the end of the header field"),
    .init("Timestamp", "1.5 .25", "1.5\t.25", wrong: ".5", at: 0, "timestamp"),
    .init("To", "\"A\" <sip:a@b.example>", "\"A\"<sip:a@b.example>", wrong: "\"A <sip:a@b.example>", at: 0, "scheme"),
    .init("Unsupported", "foo", "foo", wrong: "[foo]", at: 0, "token (tags)"),
    .init("User-Agent", "a/1.0 b", "a/1.0   b", wrong: "", at: 0, "comment"),
    .init(
      "Via", "SIP/2.0/TLS a.example:5061;branch=z9hG4bK1", "SIP / 2.0/tls a.example : 5061;Branch=z9hG4bK1",
      wrong: "SIP/2.0/UDP a.example:", at: 22, "a number up to 65535 (port)"),
    .init(
      "Warning", #"399 a.example:5060 "x",301 - "y""#, #"399 a.example:5060 "x" , 301 - "y""#,
      wrong: "399 a.example x", at: 14, "quoted-string"),
    .init("WWW-Authenticate", #"Bearer realm="a""#, #"bearer realm= "a""#, wrong: "Bearer ,", at: 7, "token (name)"),
  ]

  /// In the order of their RFCs.
  private static let extensions: [HeaderRow] = [
    // RFC 3262
    .init("RSeq", "1", "01", wrong: "+1", at: 0, number),
    .init("RAck", "1 2 INVITE", "1\t02  INVITE", wrong: "1 2", at: 3, "a space"),
    // RFC 3323, 3325
    .init("Privacy", "header;id", "Header ; ID", wrong: "id,header", at: 2, "the end of the header field"),
    .init(
      "P-Asserted-Identity", "<sip:a@b.example>,<tel:+1>", "<sip:a@b.example> , <tel:+1>", wrong: "*", at: 0, "scheme"),
    .init(
      "P-Preferred-Identity", "\"A\" <sips:a@b.example>", "\"A\"\t<sips:a@b.example>", wrong: "<tel:>", at: 5,
      "phone-number"),
    // RFC 3326
    .init(
      "Reason", #"Q.850;cause=16;text="x";location=LN"#, #"q.850 ;cause=16 ;text="x" ;location=LN"#,
      wrong: "SIP;cause=busy", at: 10, "a number up to 65535 (cause)"),
    // RFC 3327, 3608
    .init("Path", "<sip:p.example;lr;ob>", "<sip:p.example;lr;OB>", wrong: "sip:p.example", at: 3, "\"<\""),
    .init(
      "Service-Route", "<sip:p1.example;lr>,<sip:p2.example;lr>", "<sip:p1.example;lr>\r\n ,<sip:p2.example;lr>",
      wrong: "", at: 0, "\"<\""),
    // RFC 3515, 3891, 3892, 3911
    .init(
      "Refer-To", "<sip:a@b.example;method=INVITE>", "<sip:a@b.example;METHOD=INVITE>", wrong: "<sip:a@b.example",
      at: 16, "\">\""),
    .init(
      "Referred-By", "<sip:a@b.example>;cid=\"1@b\"", "<sip:a@b.example>;cid = \"1@b\"",
      wrong: "<sip:a@b.example>;cid=1", at: 22, "quoted-string (cid)"),
    .init(
      "Replaces", "1@a;to-tag=2;from-tag=3;early-only", "1@a ;to-tag=2; from-tag=3;Early-Only", wrong: "1@a;to-tag",
      at: 10, "the value of to-tag"),
    .init(
      "Join", "1@a;to-tag=2;from-tag=3", "1@a; To-Tag = 2;from-tag=3", wrong: "1@a;to-tag=", at: 11, "token (to-tag)"),
    // RFC 3841
    .init(
      "Accept-Contact", "*;audio;require,*;methods=\"BYE,INVITE\"", "* ; Audio ;require , *;methods = \"BYE,INVITE\"",
      wrong: "audio", at: 0, "\"*\""),
    .init(
      "a", "*;mobility=\"!fixed\";+sip.instance=\"<urn:x>\"", "*;mobility= \"!fixed\";+SIP.instance=\"<urn:x>\"",
      wrong: "*;audio=\"", at: 8, "feature-value (audio)"),
    .init(
      "Reject-Contact", "*;actor=\"msg-taker\";video", "*; actor=\"msg-taker\"; video", wrong: "*;;", at: 2,
      "the name of a parameter"),
    .init(
      "Request-Disposition", "proxy,no-fork,queue", "Proxy , NO-FORK , QUEUE", wrong: "proxy;fork", at: 5,
      "the end of the header field"),
    // RFC 4028
    .init(
      "Session-Expires", "1800;refresher=uas", "1800 ; Refresher=UAS", wrong: "1800;refresher", at: 14,
      "the value of refresher"),
    .init("Min-SE", "90", "0090", wrong: "90,91", at: 2, "the end of the header field"),
    // RFC 4412
    .init("Resource-Priority", "ets.0,dsn.flash", "ETS.0 , DSN.flash", wrong: "ets", at: 3, "\".\""),
    .init("Accept-Resource-Priority", "wps.3", "WPS.3", wrong: "wps.3.4", at: 5, "the end of the header field"),
    .init("Accept-Resource-Priority", "", "", wrong: "wps.", at: 4, "token-nodot (priority)"),
    // RFC 4488, 4538
    .init("Refer-Sub", "false", "False", wrong: "maybe", at: 0, "\"true\" or \"false\""),
    .init(
      "Target-Dialog", "1@a;local-tag=2;remote-tag=3", "1@a ;Local-Tag=2 ;Remote-Tag=3",
      wrong: ";local-tag=1", at: 0, "callid"),
    // RFC 5009, 5373
    .init(
      "P-Early-Media", "supported,sendrecv", "Supported, SendRecv", wrong: "supported;", at: 9,
      "the end of the header field"),
    .init("P-Early-Media", "", "", wrong: ",", at: 0, "the end of the header field"),
    .init("Answer-Mode", "Auto;require", "AUTO ; Require", wrong: "", at: 0, "token (mode)"),
    .init("Priv-Answer-Mode", "Manual", "manual", wrong: "Auto;", at: 5, "the name of a parameter"),
    // RFC 5626, 5627: with parameters of Contact
    .init("Flow-Timer", "120", "0120", wrong: "2m", at: 1, "the end of the header field"),
    .init(
      "Contact",
      #"<sip:a@b.example;gr>;reg-id=1;+sip.instance="<urn:uuid:0>";pub-gruu="sip:a@b;gr=1";temp-gruu="sip:t@b;gr""#,
      #"<sip:a@b.example;GR>;Reg-ID=1; +sip.instance="<urn:uuid:0>";pub-gruu="sip:a@b;gr=1"; temp-gruu="sip:t@b;gr""#,
      wrong: "<sip:a@b.example>;+sip.instance=<urn:uuid:0>", at: 32, "instance-id (+sip.instance)"),
    // RFC 5806
    .init(
      "Diversion", #"<sip:a@b.example>;reason=user-busy;counter=1;privacy=off;screen=no;limit=5"#,
      #"<sip:a@b.example> ;Reason=User-Busy;counter=01; privacy=off;screen=NO;limit=5"#,
      wrong: "<sip:a@b.example>;counter=many", at: 26, "a number up to 255 (counter)"),
    // RFC 6086
    .init("Info-Package", "foo;x=1", "foo ; x=1", wrong: "", at: 0, "token (name)"),
    .init("Recv-Info", "a,b;x", "a , b ;x", wrong: "a b", at: 2, "the end of the header field"),
    // RFC 6442, 8787
    .init(
      "Geolocation", "<cid:t@a.example>;loc-src=a.example,<https://b.example/x>",
      "<cid:t@a.example> ;loc-src=a.example , <https://b.example/x>", wrong: "cid:t", at: 0, "\"<\""),
    .init("Geolocation-Routing", "yes", "YES", wrong: "yes,no", at: 3, "the end of the header field"),
    .init("Geolocation-Routing", "x=y", "x = y", wrong: "x=", at: 2, "gen-value (detail)"),
    .init(
      "Geolocation-Error", #"100;code="Cannot Process Location""#, #"100 ; Code="Cannot Process Location""#,
      wrong: "100;code=no", at: 9, "quoted-string (code)"),
    // RFC 6665
    .init("Event", "dialog;id=1", "Dialog ; ID=1", wrong: "dialog.", at: 6, "the end of the header field"),
    .init("Allow-Events", "refer,presence.winfo", "Refer , presence.winfo", wrong: "", at: 0, "event-type (packages)"),
    .init(
      "Subscription-State", "terminated;reason=noresource;retry-after=5",
      "Terminated;reason=NoResource ;retry-after=05",
      wrong: "active;expires=", at: 15, "\(number) (expires)"),
    // RFC 6809, 8599
    .init(
      "Feature-Caps", #"*;+sip.pns="apns";+sip.pnsreg="120";+g.3gpp.x"#,
      #"* ; +SIP.pns= "apns";+sip.pnsreg="120";+g.3gpp.x"#,
      wrong: "*;+", at: 2, "the name of a parameter"),
    .init(
      "Feature-Caps", #"*;+sip.vapid="BGvL9r";+sip.pnspurr="x""#, #"*;+sip.vapid ="BGvL9r" ;+sip.pnspurr="x""#,
      wrong: "+sip.pns", at: 0, "\"*\""),
    // RFC 7044
    .init(
      "History-Info", "<sip:a@b.example?Reason=SIP%3Bcause%3D302>;index=1.1;rc=1;np=1",
      "<sip:a@b.example?Reason=SIP%3Bcause%3D302> ;index=1.1;rc=1;np=1",
      wrong: "<sip:a@b.example>;index=.1", at: 24, "hi-index"),
    // RFC 7315
    .init(
      "P-Associated-URI", "<sip:a@b.example>,<tel:+1>", "<sip:a@b.example> , <tel:+1>", wrong: "<sip:a@b.example>,",
      at: 18, "scheme"),
    .init("P-Associated-URI", "", "", wrong: "a", at: 1, "\":\""),
    .init("P-Called-Party-ID", "<sip:a@b.example>;x=y", "<sip:a@b.example> ; x=y", wrong: "", at: 0, "scheme"),
    .init(
      "P-Visited-Network-ID", #"other.net,"Visited network number 1""#, #"other.net , "Visited network number 1""#,
      wrong: "\"x", at: 0, "m-value (network)"),
    .init(
      "P-Access-Network-Info", "3GPP-E-UTRAN-FDD;utran-cell-id-3gpp=234151D0FCE11;network-provided",
      "3gpp-e-utran-fdd ; utran-cell-id-3gpp=234151D0FCE11 ; network-provided",
      wrong: "ADSL;dsl-location", at: 17, "the value of dsl-location"),
    .init(
      "P-Charging-Function-Addresses", "ccf=192.0.2.1;ecf=[2001:db8::3],x=y", "CCF=192.0.2.1 ; ECF=[2001:db8::3] , x=y",
      wrong: "ccf=;", at: 4, "gen-value"),
    .init(
      "P-Charging-Vector", #"icid-value="a=";icid-generated-at=192.0.2.1;orig-ioi=home1.net;related-icid=b"#,
      #"ICID-Value = "a=" ; icid-generated-at=192.0.2.1; orig-ioi=home1.net ;related-icid=b"#,
      wrong: "orig-ioi=home1.net", at: 0, "\"icid-value=\""),
    // RFC 7433
    .init(
      "User-to-User", "56a390f3d2b7310023a2;purpose=isdn-uui;content=isdn-uui;encoding=hex,\"a b\"",
      "56a390f3d2b7310023a2 ;Purpose=isdn-uui; content=isdn-uui;encoding=HEX , \"a b\"", wrong: ";encoding=hex", at: 0,
      "m-value (data)"),
    // RFC 8224
    .init(
      "Identity", "eyJ.eyJ.AQ+/;info=<https://a.example/x.cer>;alg=ES256;ppt=shaken",
      "eyJ.eyJ.AQ+/ ; Info=<https://a.example/x.cer>; alg=ES256 ;ppt=shaken", wrong: "eyJ;info=x", at: 9, "\"<\""),
    // RFC 8262
    .init("Content-ID", "<1@a.example>", "<1@a.example>", wrong: "<1>", at: 1, "msg-id"),
    // The compact forms that have no row above.
    .init("j", "*;video", "* ;VIDEO", wrong: "", at: 0, "\"*\""),
    .init(
      "d", "queue", "Queue", wrong: "", at: 0,
      "\"proxy\", \"redirect\", \"cancel\", \"no-cancel\", \"fork\", \"no-fork\", \"recurse\", \"no-recurse\", \"parallel\", \"sequential\", \"queue\" or \"no-queue\" (directives)"
    ),
    .init("y", "a;info=<cid:x@y>", "a ;info= <cid:x@y>", wrong: "a;ppt", at: 5, "the value of ppt"),
    .init("e", "gzip", "gzip", wrong: ",", at: 0, "token (codings)"),
    .init("c", "application/sdp", "application/ sdp", wrong: "sdp", at: 3, "\"/\""),
    .init("u", "dialog", "DIALOG", wrong: "dialog,", at: 7, "event-type (packages)"),
  ]
}
