"""What must not harm a call, or anybody, and how the gateway ends."""

from __future__ import annotations

import asyncio
import random

from harness import jingle
from harness.client import find_anywhere, raw_exchange, reason_of
from harness.gateway import DOMAIN
from harness.scenario import SIPP, World, check, equal, for_a_while, scenario

from .calls_to_phones import CALLEE, call
from .calls_from_phones import rung

#: RFC 3261's own kinds of trouble, from nothing at all to nearly a message.
GARBAGE = [
    b"",
    b"\0",
    b"\r\n\r\n",
    b"\xff\xfe\xfd" * 400,
    b"INVITE",
    b"INVITE sip:alice@localhost SIP/2.0",
    b"INVITE sip:alice@localhost SIP/2.0\r\n\r\n",
    b"INVITE sip:alice@localhost SIP/7.0\r\nVia: SIP/7.0/UDP x;branch=z9hG4bK1\r\n\r\n",
    b"SIP/2.0 200 OK\r\n\r\n",
    b"SIP/2.0 99999999999999999999 OK\r\nCSeq: 1 INVITE\r\n\r\n",
    b"INVITE sip:alice@localhost SIP/2.0\r\nContent-Length: -1\r\nCall-ID: \r\nCSeq: x y\r\nVia: ,,,\r\nFrom: <\r\nTo: \"\r\n\r\n",
    b"OPTIONS sip:x SIP/2.0\r\nContent-Length: 4294967296\r\n\r\nx",
    b"A" * 60000,
    b"Via: " * 12000,
    b"BYE sip:alice@localhost SIP/2.0\r\n" + b"Via: SIP/2.0/UDP a;branch=z9hG4bK\r\n" * 1500 + b"\r\n",
    b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
]

DOCTYPE = ("<?xml version='1.0'?><!DOCTYPE x [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;'>]>"
           f"<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='{DOMAIN}' "
           "version='1.0'>&b;")


@scenario("sipp", "slixmpp")
async def garbage_does_not_end_a_call(world: World) -> None:
    """Garbage datagrams, garbage XMPP and a DOCTYPE during a call: their senders are refused, the call goes on."""
    await world.start()
    phone = await world.phone("answer-until-bye")
    alice = await world.client("alice")
    sid, invite = await call(world, alice)
    await alice.action("session-accept")
    await world.relay.request("ACK")

    dice = random.Random(20260)
    for garbage in GARBAGE:
        world.relay.inject(garbage)
    for _ in range(200):
        # Parts of a good message with a few bytes changed, never one of this call.
        mutated = bytearray(invite.raw.replace(sid.encode(), b"other"))
        for _ in range(dice.randint(1, 12)):
            mutated[dice.randrange(len(mutated))] = dice.randrange(256)
        world.relay.inject(bytes(mutated[: dice.randint(1, len(mutated))]))

    port = world.gateway.xmpp_port
    for data in (b"\0\1\2\3", b"<<<<<", b"<a" * 20000, b"GET / HTTP/1.1\r\n\r\n", b"<?xml version='1.0'?><a><b></a>"):
        await raw_exchange(port, data)
    answer = await raw_exchange(port, DOCTYPE.encode())
    check(b"restricted-xml" in answer, f"a DOCTYPE on a new stream: {answer!r}")

    # A device of the same user goes wrong in the middle of its stream.
    other = await world.client("alice", "other")
    other.send("<!DOCTYPE lol [<!ENTITY lol 'lol'>]>")
    await other.disconnected()
    check(other.stream_errors in (["restricted-xml"], ["not-well-formed"]), f"stream errors: {other.stream_errors}")
    third = await world.client("alice", "third")
    third.send("<message></presence>")
    await third.disconnected()

    check(world.gateway.is_running(), "the gateway has ended")
    check(alice.is_connected, "the stream of the caller has ended")
    equal(alice.actions("session-terminate"), [], "session-terminate")
    await alice.accepted(jingle.terminate(sid, "success"), CALLEE)
    await world.relay.request("BYE")
    await phone.done()


#: Where a client can write what will stand in a line of SDP or in a header, and what it has to be there.
INJECTIONS = {
    "payload name": "name='PCMU'",
    "parameter name": "name='minptime'",
    "parameter value": "value='10'",
    "feedback type": "type='transport-cc'",
    "header extension": "uri='urn:ietf:params:rtp-hdrext:ssrc-audio-level'",
    "source parameter": "value='Yv/wvbCdsDW2Prgd'",
    "content name": "name='1'",
    "ufrag": f"ufrag='{jingle.UFRAG}'",
    "password": f"pwd='{jingle.PASSWORD}'",
    "hash": "hash='sha-256'",
    "candidate foundation": "foundation='1'",
    "candidate address": "ip='198.51.100.9'",
    "candidate protocol": "protocol='udp'",
    "related address": "rel-addr='198.51.100.9'",
    "media": "media='audio'",
    "group semantics": "semantics='BUNDLE'",
}


@scenario("sipp", "slixmpp", timeout=60)
async def line_breaks_cannot_be_injected(world: World) -> None:
    """CR LF in any attribute or text of an offer never begins a line of SDP or a header of its own."""
    await world.start()
    # SIPp would rather not see these; a phone that refuses everything is enough.
    await world.phone("refuse", calls=None, status="486 Busy Here")
    alice = await world.client("alice")
    breaks = ("&#13;&#10;", "&#10;", "&#13;")
    for where, attribute in INJECTIONS.items():
        for line_break in breaks:
            sid = jingle.new_sid()
            offer = jingle.webrtc_offer(sid, alice.jid)
            check(attribute in offer, f"the offer has no {attribute}")
            offer = offer.replace(attribute, f"{attribute[:-1]}{line_break}a=injected:1'")
            await alice.jingle(offer, CALLEE)
    for line_break in breaks:
        offer = jingle.webrtc_offer(jingle.new_sid(), alice.jid)
        await alice.jingle(offer.replace(jingle.FINGERPRINT, f"{jingle.FINGERPRINT}{line_break}a=injected:1"), CALLEE)
        sid = jingle.new_sid()
        answer = await alice.jingle(jingle.webrtc_offer(f"{sid}{line_break}Injected: 1", alice.jid), CALLEE)
        equal(answer.get("type"), "error", "answer to a sid with a line break")
        answer = await alice.ask(
            f"<iq type='set' id='{{id}}' to='+49{line_break}Injected: 1@{DOMAIN}'>"
            f"{jingle.webrtc_offer(sid, alice.jid)}</iq>")
        equal(answer.get("type"), "error", "answer to an address with a line break")
    await for_a_while(1.5)
    for message in world.relay.sent(request="INVITE"):
        for line in message.raw.replace(b"\r", b"\n").split(b"\n"):
            check(not line.lower().startswith((b"a=injected", b"injected")), f"injected:\n{message}")
        message.sdp  # every line is one
    check(world.gateway.is_running(), "the gateway has ended")
    # An offer without malice gets through.
    sid = jingle.new_sid()
    await alice.accepted(jingle.webrtc_offer(sid, alice.jid), CALLEE)
    for _ in range(100):
        if any(m.call_id == sid for m in world.relay.sent(request="INVITE")):
            return
        await asyncio.sleep(0.05)
    raise AssertionError("no INVITE for the good offer")


@scenario("sipp", "slixmpp", behind=SIPP)
async def sigterm_ends_a_call(world: World) -> None:
    """SIGTERM in a call: BYE, session-terminate, the end of the stream, exit status 0 within 3 s."""
    await world.start()
    phone = await world.phone("answer-until-bye")
    alice = await world.client("alice")
    sid, _ = await call(world, alice)
    await alice.action("session-accept")
    await world.relay.request("ACK")
    equal(await world.gateway.terminate(3), 0, "exit status")
    equal(len(world.relay.sent(request="BYE")), 1, "number of BYEs")
    equal((await alice.action("session-terminate")).get("sid"), sid, "sid of session-terminate")
    await alice.disconnected()
    await phone.done()


@scenario("sipp", "slixmpp", behind=SIPP)
async def sigterm_ends_a_call_of_silent_peers(world: World) -> None:
    """The same where neither the phone nor the client answers."""
    await world.start()
    await world.phone("answer-and-fall-silent")
    alice = await world.client("alice")
    await call(world, alice)
    await alice.action("session-accept")
    await world.relay.request("ACK")
    alice.answers_sets = False
    equal(await world.gateway.terminate(3), 0, "exit status")
    check(world.relay.sent(request="BYE"), "no BYE")
    await alice.action("session-terminate")


@scenario("sipp", "slixmpp", behind=SIPP)
async def sigterm_cancels_a_ringing_call(world: World) -> None:
    """SIGTERM while a phone rings: CANCEL and session-terminate."""
    await world.start()
    phone = await world.phone("ring-until-cancelled")
    alice = await world.client("alice")
    await call(world, alice)
    await alice.action("session-info")
    equal(await world.gateway.terminate(3), 0, "exit status")
    check(world.relay.sent(request="CANCEL"), "no CANCEL")
    await alice.action("session-terminate")
    await phone.stop()


@scenario("sipp", "slixmpp", behind=SIPP)
async def sigterm_refuses_a_call_that_rings(world: World) -> None:
    """SIGTERM while a client rings: a final response and session-terminate."""
    await world.start()
    alice = await world.client("alice")
    phone = await world.phone("call-until-refused", callee="alice")
    await rung(world, alice)
    equal(await world.gateway.terminate(3), 0, "exit status")
    finals = [m for by_gateway, m in world.relay.record if by_gateway and (m.status or 0) >= 400]
    equal({m.method for m in finals}, {"INVITE"}, "final responses")
    await alice.action("session-terminate")
    await phone.stop()


@scenario("sipp", "slixmpp", behind=SIPP)
async def device_that_knows_no_jingle(world: World) -> None:
    """The only device answers the session-initiate `service-unavailable`: the phone gets 488 or 480, no call stays."""
    await world.start()
    alice = await world.client("alice")
    alice.answers_sets = False
    phone = await world.phone("call-and-be-refused", callee="alice")
    iq = await alice.action_iq("session-initiate")
    alice.send(f"<iq type='error' id='{iq.get('id')}' to='{iq.get('from')}'><error type='cancel'>"
               "<service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>")
    final = await world.relay.response(488, to="INVITE")
    equal(final.method, "INVITE", "what was refused")
    await phone.done()
    sid = iq[0].get("sid") or ""
    answer = await alice.jingle(jingle.terminate(sid, "success"), iq.get("from") or "")
    check(find_anywhere(answer, "unknown-session") is not None, "the session is still there")
