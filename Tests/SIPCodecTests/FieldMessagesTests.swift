import CodecRuntime
import SIPCodec
import Testing

/// Whole messages as phones, proxies and networks send them, made up of what each is known to write.
@Suite("SIP messages as the field writes them")
struct FieldMessagesTests {
  private func message(_ lines: String...) throws -> SIPMessage {
    let message = try SIPMessage(parsing: Array((lines + ["", ""]).joined(separator: "\r\n").utf8))
    #expect(message.issues == [])
    let written = try SIPMessage(parsing: message.bytes)
    #expect(written.issues == [])
    #expect(written.bytes == message.bytes)
    return written
  }

  /// RFC 3840, 5626, 5627 and 8599.
  @Test("a mobile phone registers with push notifications, outbound and GRUU") func registration() throws {
    let message = try message(
      "REGISTER sip:example.org SIP/2.0",
      "Via: SIP/2.0/TLS 192.168.1.5:40123;alias;branch=z9hG4bK.abc~1;rport;keep",
      "From: <sip:alice@example.org>;tag=V6QkT", "To: sip:alice@example.org", "CSeq: 21 REGISTER", "Call-ID: q3-Zf.k",
      "Max-Forwards: 70", "Supported: replaces, outbound, gruu, path, record-aware",
      "Accept: application/sdp, text/plain, application/vnd.gsma.rcs-ft-http+xml",
      "Contact: <sip:alice@192.168.1.5:40123;pn-provider=apns;pn-prid=1F%3Avoip&AB:remote;pn-param=AB.org.x.phone;"
        + "transport=tls;ob>;+sip.instance=\"<urn:uuid:5db5e2a9>\";reg-id=1;audio;video;methods=\"INVITE,BYE\";"
        + "+org.linphone.specs=\"groupchat/1.2,lime\";expires=3600",
      "Path: <sip:edge.example.org;lr;ob>", "User-Agent: LinphoneiOS/5.2.0 (iPhone) LinphoneSDK/5.3.1",
      "Authorization: Digest realm=\"example.org\", nonce=\"x\", algorithm=SHA-256, opaque=\"\", username=\"alice\",  "
        + "uri=\"sip:example.org\", response=\"aa\", cnonce=\"b\", nc=00000001, qop=auth")
    let contact = try #require(message.headers.contact.first?.contacts.first)
    let uri = try #require(contact.address.uri)
    #expect(uri.pnProvider?.string == "apns")
    #expect(uri.pnPrid?.string == "1F%3Avoip&AB:remote")
    #expect(uri.pnParam?.string == "AB.org.x.phone")
    #expect(uri.transport == .tls)
    #expect(uri.ob)
    #expect(contact.regID == 1)
    #expect(contact.sipInstance?.string == "\"<urn:uuid:5db5e2a9>\"")
    #expect(contact.hasAudio)
    #expect(contact.methods.map { String(decoding: $0.unquoted, as: UTF8.self) } == "INVITE,BYE")
    #expect(contact.otherParameters.map(\.name.string) == ["+org.linphone.specs"])
    #expect(message.headers.path.first?.uri.ob == true)
  }

  @Test("its registrar answers") func registered() throws {
    let message = try message(
      "SIP/2.0 200 OK", "Via: SIP/2.0/TLS 192.168.1.5:40123;branch=z9hG4bK1;rport=40123;received=203.0.113.9;keep=30",
      "From: <sip:alice@example.org>;tag=1", "To: <sip:alice@example.org>;tag=2", "CSeq: 21 REGISTER", "Call-ID: 1",
      "Contact: <sip:alice@192.168.1.5:40123;ob>;expires=3599;pub-gruu=\"sip:alice@example.org;gr=urn:uuid:5db5e2a9\";"
        + "temp-gruu=\"sip:tgruu.7hs==jd7vnzga5w7fajsc7-ajd6fabz0f8g5@example.com;gr\";reg-id=1",
      "Service-Route: <sip:orig@scscf.example.org;lr>", "Require: outbound", "Flow-Timer: 120",
      "P-Associated-URI: <sip:alice@example.org>, <tel:+15551234>", "Feature-Caps: *;+sip.pns=\"apns\"")
    #expect(message.headers.flowTimer?.seconds == 120)
    #expect(message.headers.serviceRoute.map { $0.uri.user?.string } == ["orig"])
    #expect(message.headers.pAssociatedURI.map { $0.address.uri?.scheme } == [.sip, .tel])
    let feature = try #require(message.headers.featureCaps.first?.sipPns)
    #expect(feature.unquoted == Array("apns".utf8))
  }

  @Test("a call within a mobile network") func mobileNetwork() throws {
    let message = try message(
      "INVITE tel:7654;phone-context=ims.example SIP/2.0",
      "Via: SIP/2.0/UDP [2001:db8::5]:5060;branch=z9hG4bKx;comp=sigcomp",
      "From: <sip:+15551234@ims.example;user=phone>;tag=1",
      "To: <tel:+1-555-7654>", "CSeq: 1 INVITE", "Call-ID: 1",
      "Contact: <sip:[2001:db8::5]:5060>;+g.3gpp.icsi-ref="
        + "\"urn%3Aurn-7%3A3gpp-service.ims.icsi.mmtel\";+g.3gpp.mid-call;+g.3gpp.srvcc-alerting;video",
      "Accept-Contact: *;+g.3gpp.icsi-ref=\"urn%3Aurn-7%3A3gpp-service.ims.icsi.mmtel\";require;explicit",
      "P-Preferred-Identity: <sip:+15551234@ims.example>", "P-Early-Media: supported", "Privacy: none",
      "P-Access-Network-Info: 3GPP-E-UTRAN-FDD; utran-cell-id-3gpp=00101000100000b, IEEE-802.11;network-provided",
      "P-Charging-Vector: icid-value=\"AyretyU0dm+6O2IrT5tAFrbHLso=0235\"; icid-generated-at=192.0.6.8; orig-ioi=home1.net",
      "P-Charging-Function-Addresses: ccf=192.0.8.1; ecf=192.0.8.3",
      "P-Visited-Network-ID: \"Visited network number 1\"",
      "Session-Expires: 1800;refresher=uac", "Min-SE: 90", "Resource-Priority: wps.3", "Answer-Mode: Manual",
      "History-Info: <sip:+15557654@ims.example;cause=302>;index=1;np=1", "Recv-Info: g.3gpp.mid-call",
      "Content-Length: 0")
    #expect(message.requestLine?.uri.telephone?.phoneContext?.string == "ims.example")
    #expect(message.headers.from?.party.address.uri?.userType == .phone)
    #expect(message.headers.pEarlyMedia.map(\.value) == [.supported])
    #expect(message.headers.pAccessNetworkInfo.map(\.type) == [.init("3GPP-E-UTRAN-FDD"), .init("IEEE-802.11")])
    #expect(message.headers.pAccessNetworkInfo.map(\.networkProvided) == [false, true])
    #expect(message.headers.pChargingVector?.icidGeneratedAt?.string == "192.0.6.8")
    #expect(message.headers.acceptContact.first?.require == true)
    #expect(message.headers.resourcePriority.first?.priority.string == "3")
    #expect(message.headers.historyInfo.first?.uri.cause == 302)
  }

  @Test("a call from the telephone network, diverted and vouched for") func carrier() throws {
    let message = try message(
      "INVITE sip:+15557654@gw.example;user=phone SIP/2.0", "v: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1",
      "f: \"Jane \\\"J\\\" Doe\" <sip:+15551234@carrier.example;cpc=ordinary>;tag=1", "t: <sip:+15557654@gw.example>",
      "i: 1", "CSeq: 1 INVITE", "m: <sip:192.0.2.1>", "l: 0", "k: timer,100rel", "x: 1800",
      "Diversion: <sip:+15550000@carrier.example>;reason=no-answer;privacy=off;counter=1, <tel:+1555>;reason=\"unknown\"",
      "y: eyJhbGciOiJFUzI1NiJ9.eyJh-_.RK_yFDL==;info=<https://cert.example/passport.cer>;alg=ES256;ppt=\"shaken\"",
      "Date: Tue, 16 Aug 2016 19:23:38 GMT", "User-to-User: 04313131313131;encoding=hex", "Reason: STIR;cause=436",
      "Geolocation: <cid:alice123@atlanta.example.com>", "Geolocation-Routing: yes",
      "P-Asserted-Identity: tel:+15551234",
      "Remote-Party-ID: \"Jane\" <sip:+15551234@carrier.example>;party=calling;screen=yes;privacy=off")
    #expect(message.headers.diversion.map(\.reason) == [.noAnswer, .init("\"unknown\"")])
    #expect(message.headers.identity.first?.info?.scheme?.name == "https")
    #expect(message.headers.identity.first?.alg?.string == "ES256")
    #expect(message.headers.userToUser.first?.encoding == .hex)
    #expect(message.headers.geolocationRouting?.value == .yes)
    #expect(message.headers.reason.first?.protocol == .stir)
    #expect(String(decoding: message.bytes, as: UTF8.self).contains(";party=calling;screen=yes;privacy=off\r\n"))
  }

  @Test("transfer with a dialog to replace") func transfer() throws {
    let message = try message(
      "REFER sip:bob@pc.example;gr=urn:uuid:1 SIP/2.0", "Via: SIP/2.0/WSS df7jal23ls0d.invalid;branch=z9hG4bK1",
      "From: <sip:a@b.example>;tag=1", "To: <sip:bob@b.example>;tag=2", "Call-ID: 1", "CSeq: 3 REFER",
      "Contact: <sip:a@df7jal23ls0d.invalid;transport=ws>",
      "Refer-To: <sip:carol@c.example?Replaces=7%40c.example%3Bto-tag%3D1%3Bfrom-tag%3D2&Require=replaces>",
      "Referred-By: <sip:a@b.example>;cid=\"2UWQFN309shb3@b.example\"", "Refer-Sub: false",
      "Supported: norefersub,tdialog",
      "Target-Dialog: 9@b.example;local-tag=x;remote-tag=y", "Join: 8@b.example;from-tag=1;to-tag=2",
      "Request-Disposition: no-fork, queue", "Reject-Contact: *;actor=\"msg-taker\";automata", "Subject: Grüße")
    #expect(message.headers.referSub?.value == .false)
    #expect(message.headers.targetDialog?.remoteTag?.string == "y")
    #expect(message.headers.join?.callID.string == "8@b.example")
    #expect(message.headers.requestDisposition.map(\.value) == [.noFork, .queue])
    #expect(message.headers.rejectContact.first?.hasAutomata == true)
    #expect(message.headers.subject?.value?.string == "Grüße")
  }

  /// RFC 3261 §25.1: UTF-8 where people read it, and nowhere else.
  @Test(arguments: [
    ("Subject: Grüße", true), ("Organization: Ä", true), ("From: \"Jürgen\" <sip:a@b.example>;tag=1", true),
    ("Warning: 399 a.example \"später\"", true), ("Retry-After: 5 (später)", true), ("User-Agent: x (größer)", true),
    ("From: Jürgen <sip:a@b.example>;tag=1", false), ("From: <sip:jürgen@b.example>;tag=1", false),
    ("Call-ID: ä", false), ("Subject: \u{1}", false), ("Via: SIP/2.0/UDP ä.example", false), ("Allow: Ä", false),
  ])
  func utf8(_ line: String, _ isAllowed: Bool) throws {
    let message = try SIPMessage(parsing: Array("OPTIONS sip:a SIP/2.0\r\n\(line)\r\n\r\n".utf8))
    #expect(message.issues.contains { $0.layer == .header } != isAllowed)
  }

  /// What is no UTF-8 is refused too, and kept as it came.
  /// RFC 3261 §25.1: what a field that nobody knows may hold. A line end within it would be another field to the next one
  /// who reads it.
  @Test(arguments: [
    ("a\u{D}Injected: y", 1), ("a\u{A}Injected: y", 1), ("a\u{0}b", 1), ("\u{1}", 0), ("a \u{7F}", 2),
  ])
  func unknownFieldWithControls(_ value: String, _ offset: Int) throws {
    let start = "OPTIONS sip:a.example SIP/2.0\r\nX-Own: "
    let text = "\(start)\(value)\r\nVia: SIP/2.0/UDP a.example;branch=z9hG4bK1\r\n\r\n"
    let message = try SIPMessage(parsing: Array(text.utf8))
    let issue = try #require(message.issues.first)
    #expect(issue.layer == .header && issue.location == "X-Own" && issue.offset == start.utf8.count + offset)
    #expect(message.rawHeader("X-Own") == value && Array(message.headers.via).count == 1)
  }

  @Test func brokenUTF8() throws {
    let bytes = Array("OPTIONS sip:a SIP/2.0\r\nSubject: ".utf8) + [0xC3, 0x28, 0x0D, 0x0A, 0x0D, 0x0A]
    let message = try SIPMessage(parsing: bytes)
    #expect(message.issues.contains { $0.header == Headers.subject && $0.layer == .header })
    #expect(message.bytes == bytes)
  }
}
