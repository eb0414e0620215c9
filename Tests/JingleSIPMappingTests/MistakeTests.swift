import JingleSIPMapping
import Testing

/// The mistakes that other bridges made with media: none comes back.
@Suite("Mistakes of others")
struct MistakeTests {
  static let head = "v=0\no=- 1 1 IN IP4 192.0.2.1\ns=-\nc=IN IP4 192.0.2.1\nt=0 0\n"

  @Test(
    "1: who wrote the SDP decides what a direction means",
    arguments: [
      ("sendrecv", Role.initiator, "both"), ("sendonly", .initiator, "initiator"),
      ("recvonly", .initiator, "responder"), ("inactive", .initiator, "none"), ("sendrecv", .responder, "both"),
      ("sendonly", .responder, "responder"), ("recvonly", .responder, "initiator"), ("inactive", .responder, "none"),
    ])
  func direction(_ attribute: String, _ role: Role, _ senders: String) throws {
    let forth = try jingle(Self.head + "m=audio 4000 RTP/AVP 0\na=\(attribute)\n", by: role)
    #expect(forth.text.contains("senders='\(senders)'"))
    let back = try sdp(
      stanza("session-initiate", content("a", audio("<payload-type id='0'/>"), attributes: "senders='\(senders)'")),
      by: role)
    let directions = ["a=sendrecv", "a=sendonly", "a=recvonly", "a=inactive"]
    #expect(directions.filter { back.text.contains($0 + "\r\n") } == ["a=\(attribute)"])
  }

  @Test("1: the direction of a header extension depends on the writer too")
  func extensionDirection() throws {
    let text = Self.head + "m=audio 4000 RTP/AVP 0\na=extmap:2/recvonly urn:x\n"
    #expect(try jingle(text, by: .initiator).text.contains("id='2' uri='urn:x' senders='responder'"))
    #expect(try jingle(text, by: .responder).text.contains("id='2' uri='urn:x' senders='initiator'"))
  }

  @Test("2: the responder is the creator of what it added")
  func creator() throws {
    var state = try jingle(Self.head + "m=audio 4000 RTP/AVP 0\na=mid:a\n", by: .initiator).state
    let added = try jingle(
      Self.head + "m=audio 4000 RTP/AVP 0\na=mid:a\nm=video 4002 RTP/AVP 34\na=mid:v\n", by: .responder,
      action: "content-add", state: state)
    #expect(added.text.contains("<content creator='responder' name='v'>"))
    #expect(!added.text.contains("name='a'"))
    state = added.state
    let accepted = try jingle(
      Self.head + "m=audio 4000 RTP/AVP 0\na=mid:a\nm=video 4002 RTP/AVP 34\na=mid:v\n", by: .initiator,
      action: "transport-info", state: state)
    #expect(accepted.text.contains("<content creator='responder' name='v'>"))
    #expect(accepted.text.contains("<content creator='initiator' name='a'>"))
  }

  @Test("3: the direction of the section counts before that of the session")
  func levels() throws {
    let text = Self.head + "a=sendrecv\nm=audio 4000 RTP/AVP 0\na=inactive\nm=audio 4002 RTP/AVP 0\n"
    let result = try jingle(text)
    #expect(result.text.contains("name='audio' senders='none'"))
    #expect(result.text.contains("name='audio2' senders='both'"))
  }

  @Test("3: fingerprint and setup are found each at its own level")
  func keysAtTwoLevels() throws {
    let text =
      Self.head
      + "a=fingerprint:sha-256 \(digest)\nm=audio 9 UDP/TLS/RTP/SAVP 0\na=ice-ufrag:abcd\na=ice-pwd:0123456789012345678901\na=setup:active\n"
    #expect(
      try jingle(text).text.contains(
        "<fingerprint xmlns='urn:xmpp:jingle:apps:dtls:0' hash='sha-256' setup='active'>\(digest)</fingerprint>"))
  }

  @Test("4: the parameters of payload type 96 are not those of 9")
  func prefixes() throws {
    let text = Self.head + "m=audio 4000 RTP/AVP 9 96\na=rtpmap:96 x/8000\na=fmtp:96 a=1\na=fmtp:9 b=2\n"
    let result = try jingle(text).text
    #expect(
      result.contains(
        "<payload-type id='9' name='G722' clockrate='8000'><parameter name='b' value='2'/></payload-type>"))
    #expect(
      result.contains("<payload-type id='96' name='x' clockrate='8000'><parameter name='a' value='1'/></payload-type>"))
  }

  @Test(
    "5: static payload types need no rtpmap",
    arguments: [(0, "PCMU"), (8, "PCMA"), (9, "G722"), (13, "CN"), (18, "G729")])
  func staticTypes(_ id: Int, _ name: String) throws {
    let result = try jingle(plainOffer)
    #expect(result.text.contains("<payload-type id='\(id)' name='\(name)' clockrate='8000' ptime='20'/>"))
    let back = try sdp(stanza("session-initiate", content("a", audio("<payload-type id='\(id)'/>"))))
    #expect(back.lines("m=") == ["m=audio 9 RTP/AVP \(id)"])
    #expect(back.lines("a=rtpmap").isEmpty)
  }

  @Test(
    "6: values of parameters keep their equals signs and spaces; some have no name",
    arguments: [
      ("config=a=b=", "name='config' value='a=b='"), ("config=x y", "name='config' value='x y'"),
      ("0-15", "name='' value='0-15'"), ("98/98", "name='' value='98/98'"),
      ("profile-level-id=42e01f", "name='profile-level-id' value='42e01f'"),
    ])
  func parameters(_ fmtp: String, _ parameter: String) throws {
    let result = try jingle(Self.head + "m=audio 4000 RTP/AVP 96\na=rtpmap:96 x/8000\na=fmtp:96 \(fmtp)\n")
    #expect(result.text.contains("<parameter \(parameter)/>"))
    let back = try sdp(
      stanza(
        "session-initiate",
        content("a", audio("<payload-type id='96' name='x' clockrate='8000'><parameter \(parameter)/></payload-type>")))
    )
    #expect(back.lines("a=fmtp") == ["a=fmtp:96 \(fmtp)"])
  }

  @Test(
    "6: how others write a parameter without a name",
    arguments: ["", "name=''", "name='events'", "name='pt'", "name='fmtp'"])
  func nameless(_ name: String) throws {
    let back = try sdp(
      stanza(
        "session-initiate",
        content(
          "a",
          audio(
            "<payload-type id='101' name='telephone-event' clockrate='8000'><parameter \(name) value='0-15'/></payload-type>"
          ))))
    #expect(back.lines("a=fmtp") == ["a=fmtp:101 0-15"])
  }

  @Test("6: a parameter without a value is a name alone")
  func valueless() throws {
    let back = try sdp(
      stanza(
        "session-initiate",
        content(
          "a", audio("<payload-type id='96'><parameter name='foo'/><parameter name='a' value='1'/></payload-type>"))))
    #expect(back.lines("a=fmtp") == ["a=fmtp:96 foo;a=1"])
  }

  @Test("7: names and values of parameters are written as they came")
  func noKnowledgeOfCodecs() throws {
    let parameters = "<parameter name='max_fs' value='12288'/><parameter name='profile-level-id' value='66'/>"
    let back = try sdp(
      stanza("session-initiate", content("v", audio("<payload-type id='96'>\(parameters)</payload-type>"))))
    #expect(back.lines("a=fmtp") == ["a=fmtp:96 max_fs=12288;profile-level-id=66"])
  }

  @Test(
    "8: opus keeps its two channels, one channel is not written", arguments: [(2, "/2"), (1, ""), (0, ""), (6, "/6")])
  func channels(_ count: Int, _ suffix: String) throws {
    let back = try sdp(
      stanza(
        "session-initiate",
        content("a", audio("<payload-type id='111' name='opus' clockrate='48000' channels='\(count)'/>"))))
    #expect(back.lines("a=rtpmap") == ["a=rtpmap:111 opus/48000\(suffix)"])
    let forth = try jingle(Self.head + "m=audio 4000 RTP/AVP 111\na=rtpmap:111 opus/48000/\(count)\n").text
    #expect(forth.contains("channels") == !suffix.isEmpty)
  }

  @Test("9: nobody sending is none, and rejected is no direction")
  func inactive() throws {
    let result = try sdp(
      stanza("session-initiate", content("a", audio("<payload-type id='0'/>"), attributes: "senders='rejected'")))
    #expect(!result.text.contains("a=sendrecv"))
    #expect(result.losses == ["<jingle:content> @senders: SDP has no such direction"])
  }

  @Test("10: an answer is never actpass")
  func answerRole() throws {
    let keys = "a=ice-ufrag:abcd\na=ice-pwd:0123456789012345678901\na=fingerprint:sha-256 \(digest)\na=setup:actpass\n"
    let text = Self.head + "m=audio 9 UDP/TLS/RTP/SAVP 0\n" + keys
    #expect(try jingle(text).text.contains("setup='actpass'"))
    #expect(try jingle(text, by: .responder, action: "session-accept").text.contains("setup='active'"))
    let fingerprint =
      "<fingerprint xmlns='urn:xmpp:jingle:apps:dtls:0' hash='sha-256' setup='actpass'>\(digest.lowercased())</fingerprint>"
    let contents = content("a", audio("<payload-type id='0'/>") + iceUDP(fingerprint))
    #expect(try sdp(stanza("session-initiate", contents)).lines("a=setup") == ["a=setup:actpass"])
    #expect(try sdp(stanza("session-accept", contents), by: .responder).lines("a=setup") == ["a=setup:active"])
  }

  @Test("10: where the offer was active, the answer is passive")
  func answerToActive() throws {
    func contents(_ setup: String) -> String {
      content(
        "a",
        audio("<payload-type id='0'/>")
          + iceUDP(
            "<fingerprint xmlns='urn:xmpp:jingle:apps:dtls:0' hash='sha-256' setup='\(setup)'>\(digest)</fingerprint>"))
    }
    let offer = try sdp(stanza("session-initiate", contents("active")))
    let answer = try jingle(
      Self.head
        + "m=audio 9 UDP/TLS/RTP/SAVP 0\na=mid:a\na=ice-ufrag:abcd\na=ice-pwd:0123456789012345678901\na=fingerprint:sha-256 \(digest)\na=setup:actpass\n",
      by: .responder, action: "session-accept", state: offer.state)
    #expect(answer.text.contains("setup='passive'"))
  }

  @Test("11: candidates keep their order, component and generation; IPv6 and names are addresses")
  func candidates() throws {
    let lines = [
      "a=candidate:1 1 udp 2130706431 2001:db8::1 8998 typ host generation 2",
      "a=candidate:2 2 udp 1694498815 192.0.2.3 45664 typ srflx raddr 10.0.1.1 rport 8998 generation 2",
      "a=candidate:3 1 tcp 1518280447 192.0.2.3 9 typ host tcptype active generation 2",
      "a=candidate:4 1 udp 2122260223 1f3c8f0e-3b1c.local 50000 typ host generation 2",
    ]
    let text =
      Self.head + "m=audio 8998 RTP/AVP 0\na=mid:a\na=ice-ufrag:abcd\na=ice-pwd:0123456789012345678901\n"
      + lines.joined(separator: "\n") + "\n"
    let forth = try jingle(text)
    #expect(forth.text.contains("component='2' foundation='2' generation='2'"))
    let back = try sdp(forth.text)
    #expect(back.lines("a=candidate") == lines)
    #expect(back.lines("c=") == ["c=IN IP4 192.0.2.3"] || back.lines("c=") == ["c=IN IP6 2001:db8::1"])
  }

  @Test("11: ids of candidates stay the same")
  func stableIDs() throws {
    let text =
      Self.head
      + "m=audio 8998 RTP/AVP 0\na=ice-ufrag:abcd\na=ice-pwd:0123456789012345678901\na=candidate:1 1 udp 1 192.0.2.1 1 typ host\na=candidate:1 2 udp 1 192.0.2.1 2 typ host\n"
    let first = try jingle(text).text
    #expect(try jingle(text).text == first)
    let ids = first.split(separator: " ").filter { $0.hasPrefix("id='") && !$0.hasPrefix("id='0'") }
    #expect(Set(ids).count == 2)
  }

  @Test("11: a trickled candidate is a fragment with whole lines")
  func trickle() throws {
    let candidate =
      "<candidate component='1' foundation='1' generation='0' id='x' ip='10.0.1.1' network='1' port='8998' priority='2130706431' protocol='udp' type='host'/>"
    let offer = try sdp(stanza("session-initiate", content("voice", audio("<payload-type id='0'/>") + iceUDP())))
    let result = try sdp(
      stanza(
        "transport-info", content("voice", iceUDP(candidate, attributes: "ufrag='8hhy' pwd='asd88fgpdd777uzjYhagZg'"))),
      state: offer.state)
    #expect(
      result.text
        == crlf(
          """
          m=audio 9 RTP/AVP 0
          a=mid:voice
          a=ice-ufrag:8hhy
          a=ice-pwd:asd88fgpdd777uzjYhagZg
          a=candidate:1 1 udp 2130706431 10.0.1.1 8998 typ host generation 0
          """))
  }

  @Test("12: groups name contents that are there, and none is no error")
  func groups() throws {
    let text =
      Self.head
      + "a=group:BUNDLE a nobody v\na=group:LS\nm=audio 4000 RTP/AVP 0\na=mid:a\nm=video 4002 RTP/AVP 34\na=mid:v\n"
    let result = try jingle(text)
    #expect(
      result.text.contains(
        "<group xmlns='urn:xmpp:jingle:apps:grouping:0' semantics='BUNDLE'><content name='a'/><content name='v'/></group>"
      ))
    #expect(!result.text.contains("semantics='LS'"))
    #expect(result.losses.contains { $0.hasPrefix("a=group … nobody") })
    let group = "<group xmlns='urn:xmpp:jingle:apps:grouping:0' semantics='BUNDLE'><content name='x'/></group>"
    let back = try sdp(stanza("session-initiate", group, content("a", audio("<payload-type id='0'/>"))))
    #expect(back.lines("a=group").isEmpty)
    #expect(back.lines("m=").count == 1)
  }

  @Test("13: m-lines keep their places; a content that is not accepted is refused")
  func slots() throws {
    let offer =
      Self.head + "m=audio 4000 RTP/AVP 0\na=mid:a\nm=video 4002 RTP/AVP 34\na=mid:v\nm=image 4004 udptl t38\n"
    let state = try jingle(offer).state
    let answer = try sdp(
      stanza(
        "session-accept",
        content(
          "v", "<description xmlns='urn:xmpp:jingle:apps:rtp:1' media='video'><payload-type id='34'/></description>")),
      by: .responder, state: state)
    #expect(answer.lines("m=") == ["m=audio 0 RTP/AVP 0", "m=video 9 RTP/AVP 34", "m=image 0 udptl t38"])
  }

  @Test("13: port 0 beside bundle-only is no rejection")
  func bundleOnly() throws {
    let keys = "a=ice-ufrag:abcd\na=ice-pwd:0123456789012345678901\n"
    let text = Self.head + "m=audio 9 RTP/AVP 0\na=mid:a\n\(keys)m=video 0 RTP/AVP 34\na=mid:v\na=bundle-only\n\(keys)"
    #expect(try jingle(text).text.contains("name='v'"))
    #expect(try !jingle(text.replacing("a=bundle-only\n", with: "")).text.contains("name='v'"))
  }

  @Test("14: an offer of a plain phone")
  func plainPhone() throws {
    let result = try jingle(plainOffer)
    #expect(result.losses.isEmpty)
    #expect(
      result.text.hasSuffix(
        "<transport xmlns='urn:xmpp:jingle:transports:raw-udp:1'><candidate component='1' generation='0' id='t38i449hm8bh' ip='192.0.2.1' port='49170'/><candidate component='2' generation='0' id='2amej11sn0gw8' ip='192.0.2.1' port='49171'/></transport></content></jingle>"
      ))
    #expect(!result.text.contains("senders"))
  }
}
