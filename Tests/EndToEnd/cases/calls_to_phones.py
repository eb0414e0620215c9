"""An XMPP client calls, a phone answers or does not: Jingle to SIP."""

from __future__ import annotations

import re
from xml.etree.ElementTree import Element
from xml.sax.saxutils import quoteattr

from harness import jingle
from harness.client import JINGLE, Client, error_of, find_anywhere, reason_of
from harness.gateway import DOMAIN
from harness.scenario import SIPP, World, check, equal, for_a_while, scenario
from harness.sip import Message

RTP = "{urn:xmpp:jingle:apps:rtp:1}"
ICE = "{urn:xmpp:jingle:transports:ice-udp:1}"
DTLS = "{urn:xmpp:jingle:apps:dtls:0}"
CALLEE = f"+491234567@{DOMAIN}"


async def call(world: World, caller: Client, to: str = CALLEE) -> tuple[str, Message]:
    """The caller sends the WebRTC offer, which has to be answered at once and to become an INVITE."""
    sid = jingle.new_sid()
    await caller.accepted(jingle.webrtc_offer(sid, caller.jid), to)
    return sid, await world.relay.request("INVITE")


def check_invite(world: World, invite: Message, sid: str) -> None:
    """What CONTRACT.md says of the INVITE."""
    equal(invite.target, f"sip:+491234567@127.0.0.1:{world.relay.port}{world.uri_transport}", "Request-URI")
    check(re.match(r'"?\+491234567"? <sip:\+491234567@localhost>$', invite.header("To")), f"To: {invite.header('To')}")
    check(re.match(r'"?alice"? <sip:alice@localhost>;tag=\S+$', invite.header("From")), f"From: {invite.header('From')}")
    equal(invite.call_id, sid, "Call-ID")
    equal(invite.header("Content-Type").lower(), "application/sdp", "Content-Type")
    equal(int(invite.header("Content-Length")), len(invite.body), "Content-Length")
    check(f"127.0.0.1:{world.gateway.sip_port}" in invite.header("Contact"), f"Contact: {invite.header('Contact')}")
    check(re.search(r";branch=z9hG4bK", invite.header("Via")), f"Via: {invite.header('Via')}")


def check_offer(invite: Message) -> None:
    """The WebRTC offer, as SDP."""
    sdp = invite.sdp
    equal([media.kind for media in sdp.media], ["audio", "video"], "m= lines")
    audio, video = sdp.media
    equal((audio.protocol, audio.formats), ("UDP/TLS/RTP/SAVPF", ["111", "0", "126"]), "m=audio")
    equal((video.protocol, video.formats), ("UDP/TLS/RTP/SAVPF", ["96"]), "m=video")
    equal(sdp.attributes("group"), ["BUNDLE 0 1"], "a=group")
    equal([media.attributes("mid") for media in sdp.media], [["0"], ["1"]], "a=mid")
    equal(audio.attributes("rtpmap"), ["111 opus/48000/2", "0 PCMU/8000", "126 telephone-event/8000"], "a=rtpmap")
    equal(audio.attributes("fmtp"), ["111 minptime=10;useinbandfec=1"], "a=fmtp")
    equal(audio.attributes("rtcp-fb"), ["111 transport-cc"], "a=rtcp-fb of audio")
    equal(video.attributes("rtcp-fb"), ["96 nack pli"], "a=rtcp-fb of video")
    equal(audio.attributes("extmap"), ["1 urn:ietf:params:rtp-hdrext:ssrc-audio-level"], "a=extmap")
    equal(audio.attributes("ssrc"), ["1656081975 cname:Yv/wvbCdsDW2Prgd"], "a=ssrc")
    # senders='initiator', written by the initiator
    check(not video.attributes("sendrecv") and video.attributes("sendonly") == [""], "a=sendonly of video")
    check(audio.attributes("recvonly") == audio.attributes("sendonly") == [], "direction of audio")
    for media, port in ((audio, 50001), (video, 50003)):
        equal(media.attributes("rtcp-mux"), [""], "a=rtcp-mux")
        equal(sdp.found(media, "ice-ufrag"), [jingle.UFRAG], "a=ice-ufrag")
        equal(sdp.found(media, "ice-pwd"), [jingle.PASSWORD], "a=ice-pwd")
        equal(sdp.found(media, "setup"), ["actpass"], "a=setup")
        equal(sdp.found(media, "fingerprint"), [f"sha-256 {jingle.FINGERPRINT}"], "a=fingerprint")
        candidates = media.attributes("candidate")
        equal(len(candidates), 2, "number of candidates")
        check(re.match(rf"1 1 udp 2130706431 198\.51\.100\.9 {port} typ host", candidates[0], re.I), candidates[0])
        check(re.match(rf"2 1 udp 1694498815 203\.0\.113\.141 {port + 4} typ srflx raddr 198\.51\.100\.9 rport {port}",
                       candidates[1], re.I), candidates[1])
        # The default candidate is one of the candidates (RFC 8839 §4.2.1).
        check((media.port, sdp.connection(media)) in (
            (port, "IN IP4 198.51.100.9"), (port + 4, "IN IP4 203.0.113.141")),
            f"default candidate: port {media.port}, c={sdp.connection(media)}")


def check_accept(accept: Element, sid: str) -> None:
    """The phone's answer of answer-until-bye.xml, as Jingle."""
    equal(accept.get("sid"), sid, "sid of session-accept")
    contents = accept.findall(f"{JINGLE}content")
    equal([content.get("name") for content in contents], ["0", "1"], "contents of session-accept")
    audio, video = contents
    equal(audio.get("creator"), "initiator", "creator")
    equal(audio.get("senders", "both"), "both", "senders of audio")
    # a=recvonly, written by the responder
    equal(video.get("senders"), "initiator", "senders of video")
    description = audio.find(f"{RTP}description")
    assert description is not None
    equal(description.get("media"), "audio", "media")
    types = description.findall(f"{RTP}payload-type")
    equal([(t.get("id"), t.get("name"), t.get("clockrate"), t.get("channels", "1")) for t in types],
          [("111", "opus", "48000", "2"), ("126", "telephone-event", "8000", "1")], "payload types")
    equal({(p.get("name"), p.get("value")) for p in types[0].findall(f"{RTP}parameter")},
          {("minptime", "10"), ("useinbandfec", "1")}, "parameters of opus")
    check(description.find(f"{RTP}rtcp-mux") is not None, "rtcp-mux is missing")
    transport = audio.find(f"{ICE}transport")
    assert transport is not None, "no ice-udp transport"
    equal((transport.get("ufrag"), transport.get("pwd")), ("phn1", "phonepasswordphonepassword"), "ICE credentials")
    fingerprint = transport.find(f"{DTLS}fingerprint")
    assert fingerprint is not None, "no fingerprint"
    equal((fingerprint.get("hash"), fingerprint.get("setup")), ("sha-256", "active"), "fingerprint")
    check((fingerprint.text or "").startswith("5A:81:6C"), f"fingerprint: {fingerprint.text}")
    candidates = [(c.get("ip"), c.get("port"), c.get("type")) for c in transport.findall(f"{ICE}candidate")]
    equal(candidates, [("192.0.2.7", "40000", "host")], "candidates")


async def check_ringing(caller: Client, sid: str) -> None:
    info = await caller.action("session-info")
    equal(info.get("sid"), sid, "sid of session-info")
    check(info.find("{urn:xmpp:jingle:apps:rtp:info:1}ringing") is not None, "session-info without ringing")


@scenario("sipp", "slixmpp", behind=SIPP)
async def xmpp_calls_and_hangs_up(world: World) -> None:
    """session-initiate → INVITE, 180 → ringing, 200 → session-accept, ACK; session-terminate success → BYE."""
    await world.start()
    phone = await world.phone("answer-until-bye")
    alice = await world.client("alice")
    sid, invite = await call(world, alice)
    check_invite(world, invite, sid)
    check_offer(invite)
    await check_ringing(alice, sid)
    equal(len(alice.actions("session-accept")), 0, "session-accept before the phone has answered")
    accept = await alice.action_iq("session-accept")
    equal(accept.get("from"), CALLEE, "from of session-accept")
    equal(accept.get("to"), alice.jid, "to of session-accept")
    check_accept(await alice.action("session-accept"), sid)
    ack = await world.relay.request("ACK")
    equal(ack.call_id, sid, "Call-ID of ACK")
    await alice.accepted(jingle.terminate(sid, "success"), CALLEE)
    bye = await world.relay.request("BYE")
    equal(bye.call_id, sid, "Call-ID of BYE")
    check(";tag=phone-1" in bye.header("To"), f"To of BYE: {bye.header('To')}")
    equal(bye.header("From"), invite.header("From"), "From of BYE")
    await phone.done()
    # The session is gone with the call.
    answer = await alice.jingle(jingle.terminate(sid, "success"), CALLEE)
    equal(error_of(answer), "item-not-found", "answer to a second session-terminate")
    check(find_anywhere(answer, "unknown-session") is not None, "no unknown-session")
    equal(alice.actions("session-terminate"), [], "session-terminate to the one who hung up")


@scenario("sipp", "slixmpp", behind=SIPP)
async def xmpp_calls_and_phone_hangs_up(world: World) -> None:
    """The phone's BYE → session-terminate success, and 200 to the BYE."""
    await world.start()
    phone = await world.phone("answer-and-hang-up")
    alice = await world.client("alice")
    sid, _ = await call(world, alice)
    await alice.action("session-accept")
    end = await alice.action("session-terminate")
    equal((end.get("sid"), reason_of(end)), (sid, "success"), "session-terminate")
    await phone.done()


@scenario("sipp", "slixmpp", behind=SIPP)
async def phone_is_busy(world: World) -> None:
    """486 → session-terminate decline; the gateway confirms the 486 with an ACK."""
    await world.start()
    phone = await world.phone("refuse", status="486 Busy Here")
    alice = await world.client("alice")
    sid, _ = await call(world, alice)
    end = await alice.action("session-terminate")
    equal((end.get("sid"), reason_of(end)), (sid, "decline"), "session-terminate")
    await phone.done()


@scenario("sipp", "slixmpp", behind=SIPP)
async def phone_is_not_found(world: World) -> None:
    """404 → general-error with `<sip-error code='404'>Not Found</sip-error>`."""
    await world.start()
    phone = await world.phone("refuse", status="404 Not Found")
    alice = await world.client("alice")
    sid, _ = await call(world, alice)
    end = await alice.action("session-terminate")
    equal((end.get("sid"), reason_of(end)), (sid, "general-error"), "session-terminate")
    error = find_anywhere(end, "sip-error")
    assert error is not None, "no sip-error"
    equal((error.get("code"), error.text), ("404", "Not Found"), "sip-error")
    await phone.done()


@scenario("sipp", "slixmpp", behind=SIPP)
async def xmpp_gives_up_calling(world: World) -> None:
    """session-terminate while it rings → CANCEL; its 200, the 487 and the ACK."""
    await world.start()
    phone = await world.phone("ring-until-cancelled")
    alice = await world.client("alice")
    sid, invite = await call(world, alice)
    await check_ringing(alice, sid)
    await alice.accepted(jingle.terminate(sid, "decline"), CALLEE)
    cancel = await world.relay.request("CANCEL")
    equal(cancel.call_id, sid, "Call-ID of CANCEL")
    equal(cancel.target, invite.target, "Request-URI of CANCEL")
    equal(cancel.header("Via"), invite.header("Via"), "Via of CANCEL (RFC 3261 §9.1)")
    await phone.done()
    ack = await world.relay.request("ACK")
    equal(ack.header("Via"), invite.header("Via"), "Via of the ACK of the 487 (RFC 3261 §17.1.1.3)")
    await for_a_while()
    equal(alice.actions("session-terminate"), [], "session-terminate to the one who gave up")


@scenario("sipp", "slixmpp", behind=SIPP)
async def xmpp_caller_vanishes(world: World) -> None:
    """The stream of the caller ends in a call → BYE."""
    await world.start()
    phone = await world.phone("answer-until-bye")
    alice = await world.client("alice")
    sid, _ = await call(world, alice)
    await alice.action("session-accept")
    await world.relay.request("ACK")
    await alice.close()
    equal((await world.relay.request("BYE")).call_id, sid, "Call-ID of BYE")
    await phone.done()


@scenario("sipp", "slixmpp", behind=SIPP)
async def user_names_are_phone_numbers(world: World) -> None:
    """`username_to_phone` is applied to From, To and Request-URI."""
    await world.start(more_sip='username_to_phone = [{ username = "alice", phone = "+15550001" },\n'
                               '  { username = "carol", phone = "+15550003" }]')
    phone = await world.phone("refuse", status="486 Busy Here")
    alice = await world.client("alice")
    _, invite = await call(world, alice, f"carol@{DOMAIN}")
    equal(invite.target, f"sip:+15550003@127.0.0.1:{world.relay.port}{world.uri_transport}", "Request-URI")
    check("<sip:+15550003@localhost>" in invite.header("To"), f"To: {invite.header('To')}")
    check("<sip:+15550001@localhost>" in invite.header("From"), f"From: {invite.header('From')}")
    iq = await alice.action_iq("session-terminate")
    equal(iq.get("from"), f"carol@{DOMAIN}", "from of session-terminate")
    await phone.done()


@scenario("slixmpp")
async def bad_sets_are_refused(world: World) -> None:
    """Unknown sessions, unknown actions and sids that are no Call-ID are answered with their errors, and nobody is called."""
    await world.start()
    alice = await world.client("alice")
    answer = await alice.jingle(jingle.terminate("nobody-knows-it", "success"), CALLEE)
    equal(error_of(answer), "item-not-found", "session-terminate of an unknown session")
    check(find_anywhere(answer, "unknown-session") is not None, "no unknown-session")
    answer = await alice.jingle(jingle.webrtc_offer("not a Call-ID", alice.jid), CALLEE)
    equal(error_of(answer), "bad-request", "a sid that is no Call-ID")
    answer = await alice.jingle("<jingle xmlns='urn:xmpp:jingle:1' action='session-initiate'/>", CALLEE)
    equal(error_of(answer), "bad-request", "a jingle element without sid")
    answer = await alice.jingle(f"<jingle xmlns='urn:xmpp:jingle:1' action='sing' sid={quoteattr(jingle.new_sid())}/>", CALLEE)
    equal(error_of(answer), "bad-request", "an action that does not exist")
    await for_a_while()
    equal(world.relay.sent(request="INVITE"), [], "INVITEs")
