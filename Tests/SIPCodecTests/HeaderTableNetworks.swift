/// What publications and the networks of operators use.
extension HeaderRow {
  static let networks: [HeaderRow] = [
    // RFC 3313
    .init(
      "P-Media-Authorization", "0020000f,Ab1", "0020000f , Ab1", wrong: "002x", at: 3, "the end of the header field"),
    // RFC 3329, 3GPP TS 33.203
    .init(
      "Security-Client", "ipsec-3gpp;q=0.1;alg=hmac-sha-1-96;spi-c=23456789;spi-s=12345678;port-c=2468;port-s=1357,tls",
      "IPsec-3GPP ;Q=0.1; alg=hmac-sha-1-96 ;SPI-c=23456789;spi-s=12345678; port-c=2468;port-s=1357 , TLS",
      wrong: "tls;q=2", at: 6, "qvalue"),
    .init(
      "Security-Server", #"digest;d-alg=MD5;d-qop=auth;d-ver="0000000000000000000000000000a64c";x=y"#,
      #"Digest; D-alg=MD5 ;d-qop=auth; d-ver="0000000000000000000000000000a64c" ; x=y"#,
      wrong: "digest;d-ver=a", at: 13, "digest-verify (d-ver)"),
    .init(
      "Security-Verify", "ipsec-ike;q=0.1;ealg=aes-cbc;prot=esp;mod=trans,ipsec-man",
      "ipsec-ike;q=0.1; EAlg=aes-cbc;prot=esp ;mod=trans,ipsec-man",
      wrong: "tls;port-c=65536", at: 11, "a number up to 65535 (port-c)"),
    // RFC 3903, 5839
    .init("SIP-ETag", "dx200xyz", "dx200xyz", wrong: "a b", at: 2, "the end of the header field"),
    .init("SIP-If-Match", "dx200xyz", "dx200xyz", wrong: "", at: 0, "token"),
    .init("Suppress-If-Match", "*", "*", wrong: "a,b", at: 1, "the end of the header field"),
    // RFC 4457
    .init(
      "P-User-Database", "<aaa://host.example.com;transport=tcp>;x=y", "<aaa://host.example.com;transport=tcp> ; x=y",
      wrong: "aaa://host", at: 0, "\"<\""),
    // RFC 4964
    .init("P-Answer-State", "Unconfirmed", "unconfirmed", wrong: ";x", at: 0, "token (state)"),
    // RFC 5002
    .init(
      "P-Profile-Key", "<sip:chatroom-!.*!@example.com>;x=y", "<sip:chatroom-!.*!@example.com> ; x=y", wrong: "<>",
      at: 1,
      "scheme"),
    // RFC 5318
    .init(
      "P-Refused-URI-List", #"<sip:a@b.example>,<sip:l@c.example>;members="<cid:x@y>""#,
      #"<sip:a@b.example> , <sip:l@c.example> ; Members="<cid:x@y>""#, wrong: "<sip:a@b.example>;members=x", at: 26,
      "refused-members"),
    .init(
      "P-Refused-URI-List", "<sip:l@c>;members=<cid:x@y>", "<sip:l@c> ;members=<cid:x@y>", wrong: "<sip:a@b", at: 8,
      "\">\""),
    // RFC 5360
    .init(
      "Permission-Missing", "<sip:a@b.example>,<sip:c@d.example>;x=y", "<sip:a@b.example> , <sip:c@d.example> ;x=y",
      wrong: "", at: 0, "scheme"),
    .init(
      "Trigger-Consent", #"sip:123@relay.example;target-uri="sip:friends@relay.example""#,
      #"SIP:123@relay.example ; Target-URI="sip:friends@relay.example""#, wrong: "sip:a@b;target-uri=x", at: 19,
      "quoted-string (target-uri)"),
    // RFC 5393
    .init("Max-Breadth", "60", "060", wrong: "many", at: 0, "a number up to 4294967295"),
    // RFC 5502, 8498
    .init(
      "P-Served-User", "<sip:user@example.com>;sescase=orig;regstate=reg;orig-cdiv",
      "<sip:user@example.com> ;SesCase=ORIG; regstate=Reg;Orig-CDIV", wrong: "<sip:a@b>;sescase", at: 17,
      "the value of sescase"),
    // RFC 6050
    .init(
      "P-Asserted-Service", "urn:urn-7:3gpp-service.exampletelephony.version1",
      "urn:urn-7:3gpp-service.exampletelephony.version1",
      wrong: "urn:urn-8:a.b", at: 0, "service-id"),
    .init(
      "P-Preferred-Service", "urn:urn-7:a,urn:urn-7:-c.d-", "urn:urn-7:a , urn:urn-7:-c.d-", wrong: "urn:urn-7:.a",
      at: 0, "service-id"),
    .init(
      "P-Preferred-Service", "urn:urn-7:a23456789012345678901234567", "urn:urn-7:a23456789012345678901234567",
      wrong: "urn:urn-7:a234567890123456789012345678", at: 37, "the end of the header field"),
    // RFC 7316
    .init(
      "P-Private-Network-Indication", "example.com;x=y", "example.com ; x=y", wrong: "a/b", at: 1,
      "the end of the header field"),
    // RFC 7614
    .init(
      "Refer-Events-At", "<sips:vRh@example.com;gr>;x=y", "<SIPS:vRh@example.com;gr> ; x=y", wrong: "sips:a@b", at: 0,
      "\"<\""),
    // RFC 3261: what phones put into the names of products
    .init(
      "User-Agent", "N510 IP PRO/42.2;7C2F80 RTC/ (Microsoft RTC)", "N510  IP PRO/42.2;7C2F80 RTC/(Microsoft RTC)",
      wrong: "a\u{1}", at: 1, "the end of the header field"),
    // RFC 3261: a net-path with an IPv6 address
    .init(
      "Alert-Info", "<http://[2001:db8::1]>,<http://u:p@[2001:db8::1]:80/a?b>",
      "<http://[2001:db8::1]> , <http://u:p@[2001:db8::1]:80/a?b>",
      wrong: "<http://a[1]>", at: 9, "\">\""),
  ]
}
