import JingleSIPMapping
import Testing

/// What the mapping remembers from one description to the next.
@Suite("Sessions")
struct SessionTests {
  static let offer = """
    v=0
    o=alice 1 1 IN IP4 192.0.2.1
    s=-
    c=IN IP4 192.0.2.1
    t=0 0
    m=audio 4000 RTP/AVP 0
    m=video 4002 RTP/AVP 34

    """

  @Test("An answer to a phone without mids has none either")
  func noMids() throws {
    let offered = try jingle(Self.offer)
    #expect(offered.state.slots.map(\.name) == ["audio", "video"])
    let answer = try sdp(
      stanza(
        "session-accept", content("audio", audio("<payload-type id='0'/>")),
        content(
          "video", "<description xmlns='urn:xmpp:jingle:apps:rtp:1' media='video'><payload-type id='34'/></description>"
        )),
      by: .responder, state: offered.state)
    #expect(answer.lines("a=mid").isEmpty)
    #expect(answer.lines("m=") == ["m=audio 9 RTP/AVP 0", "m=video 9 RTP/AVP 34"])
  }

  @Test("A name that is no mid gets one, and keeps it")
  func foreignNames() throws {
    let stanza = stanza("session-initiate", content("my voice", audio("<payload-type id='0'/>")))
    let offered = try sdp(stanza)
    let mids = offered.lines("a=mid")
    #expect(mids == ["a=mid:m0"])
    let answer = try jingle(
      "v=0\no=- 1 1 IN IP4 192.0.2.9\ns=-\nc=IN IP4 192.0.2.9\nt=0 0\nm=audio 5000 RTP/AVP 0\na=mid:m0\n",
      by: .responder,
      action: "session-accept", state: offered.state)
    #expect(answer.text.contains("<content creator='initiator' name='my voice'>"))
  }

  @Test("The session version grows with what changes, and only then")
  func version() throws {
    let first = stanza("session-initiate", content("a", audio("<payload-type id='0'/>")))
    let one = try sdp(first)
    #expect(one.lines("o=")[0].hasSuffix(" 1 IN IP4 127.0.0.1"))
    let two = try sdp(first, state: one.state)
    #expect(two.text == one.text)
    let three = try sdp(
      stanza("content-modify", content("a", "", attributes: "senders='none'")), state: two.state)
    #expect(three.lines("o=")[0].hasSuffix(" 2 IN IP4 127.0.0.1"))
    #expect(three.lines("o=")[0].split(separator: " ")[1] == one.lines("o=")[0].split(separator: " ")[1])
  }

  @Test("The initiator's local part and our address stand in o=")
  func origin() throws {
    let state = MediaState(origin: .init(sessionID: 42, address: "198.51.100.7"))
    let result = try sdp(
      "<jingle xmlns='urn:xmpp:jingle:1' action='session-initiate' sid='a' initiator='romeo@montague.lit/orchard'>\(content("a", audio("<payload-type id='0'/>")))</jingle>",
      state: state)
    #expect(result.lines("o=") == ["o=romeo 42 1 IN IP4 198.51.100.7"])
    #expect(result.lines("c=") == ["c=IN IP4 198.51.100.7"])
  }

  @Test("content-modify keeps all but the direction")
  func contentModify() throws {
    let first = try sdp(
      stanza(
        "session-initiate",
        content(
          "a",
          audio("<payload-type id='0'/><rtcp-mux/>") + iceUDP(attributes: "ufrag='abcd' pwd='0123456789012345678901'"),
          attributes: "senders='both'")))
    let hold = try sdp(
      stanza("content-modify", content("a", "", attributes: "senders='initiator'")), state: first.state)
    #expect(hold.lines("a=").filter { $0 != "a=sendonly" } == first.lines("a=").filter { $0 != "a=sendrecv" })
    #expect(hold.lines("a=sendonly").count == 1)
    #expect(hold.lines("m=") == first.lines("m="))
  }

  @Test("source-add is a description with all m-lines, its action and its sources only")
  func sources() throws {
    let source = { (ssrc: Int) in
      "<source xmlns='urn:xmpp:jingle:apps:rtp:ssma:0' ssrc='\(ssrc)'><parameter name='cname' value='x'/></source>"
    }
    let first = try sdp(
      stanza(
        "session-initiate", content("a", audio("<payload-type id='0'/>" + source(1))),
        content(
          "v", "<description xmlns='urn:xmpp:jingle:apps:rtp:1' media='video'><payload-type id='34'/></description>")))
    let added = try sdp(stanza("source-add", content("a", audio(source(2)))), state: first.state)
    #expect(added.lines("a=jingle-action") == ["a=jingle-action:source-add"])
    #expect(added.lines("m=") == first.lines("m="))
    #expect(added.lines("a=ssrc") == ["a=ssrc:2 cname:x"])
    let back = try jingle(added.text.replacing("\r", with: ""))
    #expect(back.text.contains("action='source-add'"))
    #expect(back.text.contains(source(2)))
    #expect(!back.text.contains("payload-type") && !back.text.contains("transport"))
  }

  @Test("content-add keeps the other m-lines, content-remove refuses one and keeps its place")
  func contents() throws {
    let first = try sdp(stanza("session-initiate", content("a", audio("<payload-type id='0'/>"))))
    let added = try sdp(
      stanza("content-add", content("b", audio("<payload-type id='8'/>"), creator: "responder")), by: .responder,
      state: try jingle(
        "v=0\no=- 1 1 IN IP4 192.0.2.9\ns=-\nt=0 0\nm=audio 5000 RTP/AVP 0\na=mid:a\n", by: .responder,
        action: "session-accept", state: first.state
      ).state)
    #expect(added.lines("m=").count == 2)
    let removed = try sdp(stanza("content-remove", content("b", "", creator: "responder")), state: added.state)
    #expect(removed.lines("m=") == ["m=audio 9 RTP/AVP 0", "m=audio 0 RTP/AVP 8"])
    #expect(removed.state.slots.map(\.isRejected) == [false, true])
  }

  @Test("A re-offer that refuses a section says so as content-remove")
  func contentRemove() throws {
    let first = try jingle(Self.offer)
    let second = try jingle(
      Self.offer.replacing("m=video 4002", with: "m=video 0"), action: "content-remove", state: first.state)
    #expect(
      second.text
        == "<jingle xmlns='urn:xmpp:jingle:1' action='content-remove'><content creator='initiator' name='video'/></jingle>"
    )
  }

  @Test("New ICE credentials raise the generation of candidates")
  func restart() throws {
    func text(_ ufrag: String) -> String {
      "v=0\no=- 1 1 IN IP4 192.0.2.9\ns=-\nt=0 0\nm=audio 5000 RTP/AVP 0\na=ice-ufrag:\(ufrag)\na=ice-pwd:0123456789012345678901\na=candidate:1 1 udp 1 192.0.2.1 1 typ host\n"
    }
    let first = try jingle(text("abcd"))
    #expect(!first.text.contains("generation"))
    let same = try jingle(text("abcd"), state: first.state)
    #expect(!same.text.contains("generation"))
    #expect(try jingle(text("efgh"), state: same.state).text.contains("generation='1'"))
  }

  @Test("An answer repeats the protocol of the offer")
  func protocols() throws {
    let offered = try jingle(
      "v=0\no=- 1 1 IN IP4 192.0.2.9\ns=-\nc=IN IP4 192.0.2.9\nt=0 0\nm=audio 5000 RTP/SAVPF 0\na=mid:a\nm=application 5002 DTLS/SCTP 5000\na=mid:d\na=sctpmap:5000 webrtc-datachannel 1024\n"
    )
    let map =
      "<sctpmap xmlns='urn:xmpp:jingle:transports:dtls-sctp:1' number='5000' protocol='webrtc-datachannel' streams='1024'/>"
    #expect(offered.text.contains(map))
    let answer = try sdp(
      stanza("session-accept", content("a", audio("<payload-type id='0'/>")), content("d", iceUDP(map))),
      by: .responder,
      state: offered.state)
    #expect(answer.lines("m=") == ["m=audio 9 RTP/SAVPF 0", "m=application 9 DTLS/SCTP 5000"])
    #expect(answer.lines("a=sctpmap") == ["a=sctpmap:5000 webrtc-datachannel 1024"])
  }

  @Test("Fragments are matched by their mids")
  func fragments() throws {
    let first = try jingle(Self.offer.replacing("m=video", with: "a=mid:x\nm=video") + "a=mid:y\n")
    let fragment =
      "a=ice-ufrag:abcd\na=ice-pwd:0123456789012345678901\nm=audio 9 RTP/AVP 0\na=mid:y\na=candidate:1 1 udp 1 192.0.2.1 1 typ host\na=end-of-candidates\n"
    let result = try jingle(fragment, by: .responder, sid: "a73", state: first.state)
    #expect(
      result.text.hasPrefix(
        "<jingle xmlns='urn:xmpp:jingle:1' action='transport-info' sid='a73'><content creator='initiator' name='y'><transport xmlns='urn:xmpp:jingle:transports:ice-udp:1' ufrag='abcd' pwd='0123456789012345678901'><candidate "
      ))
    #expect(result.losses == ["a=end-of-candidates: ice-udp:1 cannot say it"])
    let unknown = try jingle(fragment.replacing("mid:y", with: "mid:z"), by: .responder, state: first.state)
    #expect(!unknown.text.contains("<content"))
    #expect(unknown.losses.contains("a=mid:z: the session has no such content"))
  }

  @Test("A content of another kind is dropped and refused")
  func unmapped() throws {
    let result = try sdp(
      stanza(
        "session-initiate", content("a", audio("<payload-type id='0'/>")),
        content(
          "f",
          "<description xmlns='urn:xmpp:jingle:apps:file-transfer:5'/><transport xmlns='urn:xmpp:jingle:transports:s5b:1'/>"
        )))
    #expect(result.lines("m=") == ["m=audio 9 RTP/AVP 0", "m=application 0 RTP/AVP 0"])
    #expect(result.losses.contains("<jingle:content> f: SDP has no such media"))
    let other = try jingle(Self.offer + "m=image 4004 udptl t38\n")
    #expect(!other.text.contains("image"))
    #expect(other.losses == ["m= of image: Jingle has RTP and data channels only"])
  }
}
