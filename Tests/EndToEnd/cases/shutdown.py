"""SIGTERM: "within 3 s one BYE, CANCEL or final response for each call, session-terminate to its XMPP side, streams closed,
exit status 0 whether the peers answer or not" (CONTRACT, serve)."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from harness import jingle
from harness.client import Client, reason_of
from harness.lean import LeanDevice
from harness.puppet import WEBRTC_SDP, Puppet
from harness.scenario import SIPP, World, check, equal, scenario
from harness.sip import Message

from .calls_to_phones import CALLEE
from .comings_and_goings import offered


@dataclass
class Stuck:
    """A call that stands still in some state."""

    state: str
    sid: str
    #: What the phone has to get: a method, or "final".
    last: str
    #: Who has to get a session-terminate.
    devices: tuple[Client, ...] = ()


async def placed(alice: Client, puppet: Puppet, offer: str | None = None) -> tuple[str, Message]:
    sid = jingle.new_sid()
    await alice.accepted((offer or jingle.webrtc_offer(sid, alice.jid)).replace("SID", sid), CALLEE)
    return sid, await puppet.request("INVITE", call_id=sid)


def last_messages(puppet: Puppet, stuck: Stuck) -> list[Message]:
    """The ends of a call on the wire, repetitions left out."""
    if stuck.last == "final":
        found = [m for m in puppet.sent_in(stuck.sid) if (m.status or 0) >= 300 and m.method == "INVITE"]
    else:
        found = puppet.sent(request=stuck.last, call_id=stuck.sid)
    return list({m.raw: m for m in found}.values())


@scenario("slixmpp", behind=SIPP, alone="shutdown")
async def sigterm_with_silent_peers_in_every_state(world: World) -> None:
    """CONTRACT, serve: each of ten states, no phone and no client answers: one end for each call, exit 0 within 3 s."""
    puppet = await world.puppet()
    alice, bob = await world.client("alice"), await world.client("bob")
    calls: list[Stuck] = []

    sid, _ = await placed(alice, puppet)
    # Without a provisional response there can be no CANCEL (RFC 3261 §9.1).
    calls.append(Stuck("calling", sid, "", (alice,)))

    sid, invite = await placed(alice, puppet)
    puppet.respond(invite, 100, "Trying")
    calls.append(Stuck("proceeding", sid, "CANCEL", (alice,)))

    sid, invite = await placed(alice, puppet)
    puppet.respond(invite, 180, "Ringing")
    await alice.until(lambda: [j for j in alice.actions("session-info") if j.get("sid") == sid], "ringing")
    calls.append(Stuck("ringing", sid, "CANCEL", (alice,)))

    sid, invite = await placed(alice, puppet)
    puppet.respond(invite, 183, "Session Progress")
    await alice.until(lambda: [j for j in alice.actions("session-info") if j.get("sid") == sid], "ringing")
    await alice.accepted(jingle.terminate(sid, "cancel"), CALLEE)
    await puppet.request("CANCEL", call_id=sid)
    calls.append(Stuck("cancelling", sid, "CANCEL"))

    for state in ("established", "updating", "ending"):
        sid, invite = await placed(alice, puppet)
        puppet.respond(invite, 200, body=WEBRTC_SDP)
        await puppet.request("ACK", call_id=sid)
        await alice.until(lambda: [j for j in alice.actions("session-accept") if j.get("sid") == sid], "session-accept")
        if state == "updating":
            await alice.accepted(jingle.source_add(sid, 4242), CALLEE)
            await puppet.until(
                lambda: [m for m in puppet.sent(request="INVITE", call_id=sid) if m.tag], 5, "re-INVITE")
        if state == "ending":
            await alice.accepted(jingle.terminate(sid, "success"), CALLEE)
            await puppet.request("BYE", call_id=sid)
        calls.append(Stuck(state, sid, "BYE", () if state == "ending" else (alice,)))

    second = await world.client("bob", "second")
    _, sid, _, _ = await offered(puppet, bob, second)
    calls.append(Stuck("alerting", sid, "final", (bob, second)))

    await second.close()
    bob.received.clear()
    _, sid, sender, name = await offered(puppet, bob)
    await bob.accepted(jingle.plain_answer(sid, bob.jid, name), sender)
    await puppet.response(200, to="INVITE", call_id=sid)
    calls.append(Stuck("answered", sid, "BYE", (bob,)))

    # The last ones, as their time is short: candidates are awaited.
    bob.received.clear()
    _, sid, sender, name = await offered(puppet, bob)
    await bob.accepted(jingle.plain_answer(sid, bob.jid, name, candidates=False), sender)
    calls.append(Stuck("accepting", sid, "final", (bob,)))
    sid = jingle.new_sid()
    await alice.accepted(jingle.offer_without_candidates(sid, alice.jid), CALLEE)
    calls.append(Stuck("offering", sid, "", (alice,)))

    alice.answers_sets = bob.answers_sets = False
    begin = asyncio.get_running_loop().time()
    equal(await world.gateway.terminate(3), 0, "exit status")
    seconds = asyncio.get_running_loop().time() - begin
    for call in calls:
        if call.last:
            equal(len(last_messages(puppet, call)), 1, f"{call.last} of the call that was {call.state}")
        others = {m.method for m in puppet.sent_in(call.sid) if m.status is None} - {"INVITE", "ACK", call.last}
        equal(others, set(), f"further requests of the call that was {call.state}")
        for device in (alice, bob):
            ends = [reason_of(j) for j in device.actions("session-terminate") if j.get("sid") == call.sid]
            equal(ends, ["gone"] if device in call.devices else [], f"ends of {call.state} for {device.jid}")
    equal(puppet.sent(request="INVITE", call_id=calls[-1].sid), [], "INVITE of a call that had none")
    for device in (alice, bob):
        await device.disconnected()
    check(seconds < 2.8, f"ended after {seconds:.1f} s")


@scenario(behind=SIPP, alone="shutdown")
async def sigterm_with_a_client_that_does_not_read(world: World) -> None:
    """The same: a client whose connection takes nothing any more, and half of a stream, hold nothing up."""
    puppet = await world.puppet()
    device = LeanDevice("alice", "stuck")
    half = LeanDevice("bob", "half")
    try:
        await device.connect(world.gateway.xmpp_port)
        await half.open(world.gateway.xmpp_port)
        half.send("<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='loc")
        invite = puppet.invite("alice")
        await puppet.response(180, to="INVITE")
        device.stop_reading()
        equal(await world.gateway.terminate(3), 0, "exit status")
        finals = {m.raw for m in puppet.sent_in(invite.call_id) if (m.status or 0) >= 300}
        equal(len(finals), 1, "final responses")
    finally:
        device.close()
        half.close()


@scenario("slixmpp", behind=SIPP)
async def nothing_begins_after_sigterm(world: World) -> None:
    """The same: a call that comes meanwhile is refused on either side, 503 and service-unavailable, or finds nobody."""
    puppet = await world.puppet()
    alice = await world.client("alice")
    sid = jingle.new_sid()
    await alice.accepted(jingle.webrtc_offer(sid, alice.jid), CALLEE)
    invite = await puppet.request("INVITE")
    puppet.respond(invite, 200, body=WEBRTC_SDP)
    await alice.action("session-accept")
    await puppet.request("ACK")
    ending = asyncio.create_task(world.gateway.terminate(3))
    await puppet.request("BYE")
    # Nobody answers the BYE: there is a second in which others call.
    late = puppet.invite("alice")
    await puppet.response(503, to="INVITE", call_id=late.call_id)
    answer = await alice.jingle(jingle.webrtc_offer(jingle.new_sid(), alice.jid), CALLEE)
    equal(answer.get("type"), "error", "answer to a session-initiate at the end")
    equal(await ending, 0, "exit status")
    equal(len(puppet.sent(request="INVITE")), 1, "INVITEs of the gateway")
