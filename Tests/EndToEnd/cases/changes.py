"""What happens to a session while it is set up and while it stands: candidates and sources."""

from __future__ import annotations

import asyncio

from harness import jingle
from harness.client import JINGLE, Client
from harness.puppet import AUDIO_SDP, NO_VIDEO_SDP, WEBRTC_SDP, Puppet
from harness.scenario import SIPP, World, check, equal, scenario
from harness.sip import Message

from .calls_to_phones import CALLEE, ICE, RTP, call, check_ringing

SOURCES = "{urn:xmpp:jingle:apps:rtp:ssma:0}"


@scenario("sipp", "slixmpp", behind=SIPP)
async def candidates_trickle(world: World) -> None:
    """transport-info before the INVITE goes into it, later ones become INFO; the phone's INFO becomes transport-info."""
    await world.start()
    phone = await world.phone("trickle")
    alice = await world.client("alice")
    sid = jingle.new_sid()
    await alice.accepted(jingle.offer_without_candidates(sid, alice.jid), CALLEE)
    # Both at once: on a busy machine the answer to the first may take longer than the gateway waits for a candidate.
    answers = asyncio.gather(*(alice.accepted(jingle.transport_info(sid, content, port), CALLEE)
                               for content, port in (("0", 51001), ("1", 51003))))
    await asyncio.sleep(0)
    equal(world.relay.sent(request="INVITE"), [], "INVITE before the candidates")
    await answers
    invite = await world.relay.request("INVITE", timeout=1)
    for media, port in zip(invite.sdp.media, (51001, 51003)):
        candidates = media.attributes("candidate")
        check(len(candidates) == 1 and f" {port} typ host" in candidates[0], f"candidates in the INVITE: {candidates}")
    await check_ringing(alice, sid)
    await alice.accepted(jingle.transport_info(sid, "1", 51005), CALLEE)
    info = await world.relay.request("INFO")
    equal(info.call_id, sid, "Call-ID of INFO")
    # The phone has not announced RFC 8840.
    equal(info.header("Content-Type").lower(), "application/sdp", "Content-Type of INFO")
    text = info.body.decode()
    check("a=mid:1\r\n" in text and " 51005 typ host" in text, f"INFO without the candidate:\n{info}")
    await alice.action("session-accept")
    received = await alice.action("transport-info")
    equal(received.get("sid"), sid, "sid of transport-info")
    content = received.find(f"{JINGLE}content")
    assert content is not None, "transport-info without content"
    equal((content.get("name"), content.get("creator")), ("0", "initiator"), "content of transport-info")
    candidate = content.find(f"{ICE}transport/{ICE}candidate")
    assert candidate is not None, "transport-info without candidate"
    equal([candidate.get(name) for name in ("ip", "port", "type", "rel-addr", "rel-port")],
          ["203.0.113.77", "41000", "srflx", "192.0.2.7", "40000"], "candidate")
    await alice.accepted(jingle.terminate(sid, "success"), CALLEE)
    await phone.done()


def updates(world: World, sid: str, by_gateway: bool) -> list[Message]:
    """The re-INVITEs of one side, retransmissions left out."""
    found = {m.header("CSeq"): m for m in world.relay.sent(request="INVITE", by_gateway=by_gateway) if m.call_id == sid}
    return [m for m in found.values() if ";tag=" in m.header("To")]


@scenario("sipp", "slixmpp", behind=SIPP)
async def sources_and_re_invites(world: World) -> None:
    """source-add → re-INVITE with a=jingle-action; a re-INVITE with it → source-remove, without it → transport-info."""
    await world.start()
    phone = await world.phone("answer-and-update")
    alice = await world.client("alice")
    sid, first = await call(world, alice)
    await alice.action("session-accept")
    await world.relay.request("ACK")
    await alice.accepted(jingle.source_add(sid, 4242), CALLEE)

    removed = await alice.action("source-remove")
    equal(removed.get("sid"), sid, "sid of source-remove")
    sources = [source.get("ssrc") for source in removed.iter(f"{SOURCES}source")]
    equal(sources, ["777"], "sources of source-remove")
    content = next((c for c in removed.findall(f"{JINGLE}content") if c.find(f".//{SOURCES}source") is not None), None)
    assert content is not None
    equal(content.get("name"), "0", "content of the source removed")
    check(content.find(f"{RTP}description") is not None, "source-remove without description")

    info = await alice.action("transport-info")
    equal([c.get("name") for c in info.findall(f"{JINGLE}content")], ["0", "1"], "contents of transport-info")

    ours = updates(world, sid, by_gateway=True)
    equal(len(ours), 1, "number of re-INVITEs of the gateway")
    sdp = ours[0].sdp
    equal(sdp.attributes("jingle-action"), ["source-add"], "a=jingle-action")
    equal([(m.kind, m.protocol) for m in sdp.media], [(m.kind, m.protocol) for m in first.sdp.media], "m= lines")
    equal(sdp.attributes("group"), ["BUNDLE 0 1"], "a=group of the re-INVITE")
    equal(sdp.media[0].attributes("ssrc"), ["4242 cname:second"], "a=ssrc of the re-INVITE")
    equal(sdp.media[1].attributes("ssrc"), [], "a=ssrc of video")
    for update in updates(world, sid, by_gateway=False):
        # The stanza goes out before the answer.
        answer = await world.relay.answer(update, 200)
        equal([m.kind for m in answer.sdp.media], ["audio", "video"], "m= lines of the answer to a re-INVITE")
        equal(answer.sdp.attributes("jingle-action"), [], "a=jingle-action in an answer")
        equal(answer.sdp.attributes("group"), ["BUNDLE 0 1"], "a=group of an answer")
        for media in answer.sdp.media:
            # RFC 8842 §5.3: an answer has a role; the phone has been active from the beginning.
            equal(answer.sdp.found(media, "setup"), ["passive"], "a=setup of an answer")
    await alice.accepted(jingle.terminate(sid, "success"), CALLEE)
    await phone.done()


async def talk(alice: Client, puppet: Puppet) -> tuple[str, Message]:
    """Alice and the phone talk: the sid, and the INVITE."""
    sid = jingle.new_sid()
    alice.received.clear()
    await alice.accepted(jingle.webrtc_audio_offer(sid, alice.jid), CALLEE)
    invite = await puppet.request("INVITE", call_id=sid)
    puppet.respond(invite, 200, body=AUDIO_SDP)
    await alice.action("session-accept")
    await puppet.request("ACK", call_id=sid)
    return sid, invite


@scenario("slixmpp", behind=SIPP)
async def client_adds_video(world: World) -> None:
    """XEP-0166 §7.2.2: content-add becomes a re-INVITE with one m-line more; the phone's answer content-accept or content-reject."""
    puppet = await world.puppet()
    alice = await world.client("alice")
    for takes in (True, False):
        sid, invite = await talk(alice, puppet)
        await alice.accepted(jingle.content_add(sid), CALLEE)
        await puppet.until(lambda: len(puppet.sent(request="INVITE", call_id=sid)) == 2, 10, "re-INVITE")
        again = puppet.sent(request="INVITE", call_id=sid)[1]
        equal([m.kind for m in again.sdp.media], ["audio", "video"], "m= lines of the re-INVITE")
        check(b"a=group:BUNDLE 0 1\r\n" in again.body, "group of the re-INVITE")
        puppet.respond(again, 200, body=WEBRTC_SDP if takes else NO_VIDEO_SDP)
        answer = await alice.action("content-accept" if takes else "content-reject")
        equal([content.get("name") for content in answer.iter(f"{JINGLE}content")], ["1"], "contents of the answer")
        description = answer.find(f"{JINGLE}content/{RTP}description")
        assert description is not None, "no description"
        equal(description.get("media"), "video", "media of the answer")
        # Either way the call goes on, and what stands is said when the phone asks.
        equal(puppet.sent(request="BYE", call_id=sid), [], "BYE")
        update = puppet.turn(invite, "INVITE", 7, WEBRTC_SDP if takes else NO_VIDEO_SDP)
        ok = await puppet.answer(update, 200)
        equal([(m.kind, m.port == 0) for m in ok.sdp.media], [("audio", False), ("video", not takes)], "m= lines of the 200")
        await alice.accepted(jingle.terminate(sid, "success"), CALLEE)
        puppet.respond(await puppet.request("BYE", call_id=sid), 200)


@scenario("slixmpp", behind=SIPP)
async def phone_adds_video(world: World) -> None:
    """XEP-0166 §7.2.2: another m-line in the phone's re-INVITE is content-add; its 200 says what the client has accepted."""
    puppet = await world.puppet()
    alice = await world.client("alice")
    for takes in (True, False):
        sid, invite = await talk(alice, puppet)
        update = puppet.turn(invite, "INVITE", 7, WEBRTC_SDP)
        added = await alice.action("content-add")
        equal([(c.get("name"), c.get("creator")) for c in added.iter(f"{JINGLE}content")], [("1", "responder")], "contents")
        await alice.accepted(jingle.content_answer(sid, takes), CALLEE)
        ok = await puppet.answer(update, 200)
        equal([(m.kind, m.port == 0) for m in ok.sdp.media], [("audio", False), ("video", not takes)], "m= lines of the 200")
        await alice.accepted(jingle.terminate(sid, "success"), CALLEE)
        puppet.respond(await puppet.request("BYE", call_id=sid), 200)
