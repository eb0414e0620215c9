"""Clients and proxies that leave, answer twice, or never answer: every call ends on both sides."""

from __future__ import annotations

import asyncio
from xml.sax.saxutils import quoteattr

from harness import jingle
from harness.client import JINGLE, Client, error_of, find_anywhere, jingle_of, reason_of
from harness.puppet import WEBRTC_SDP, Puppet
from harness.scenario import SIPP, Topology, World, check, equal, for_a_while, scenario
from harness.sip import Message
from harness.wire import free_port

from .calls_to_phones import CALLEE

#: "A device that answers our set with an error, or not within 10 s, has left the call" (CONTRACT, Answers).
DEVICE_LIMIT = 10
#: 64 T1 (RFC 3261 §17.1.1.2).
LIMIT = 32
puppets = scenario("slixmpp", behind=SIPP)
over_tcp = scenario("slixmpp", behind=(Topology(transport="tcp"),))
#: They wait for one of these limits.
slow = scenario("slixmpp", behind=SIPP, timeout=60, waits=True)


async def calling(world: World) -> tuple[Puppet, Client, str, Message]:
    """Alice calls; the phone has said nothing yet."""
    puppet = await world.puppet()
    alice = await world.client("alice")
    sid = jingle.new_sid()
    await alice.accepted(jingle.webrtc_offer(sid, alice.jid), CALLEE)
    return puppet, alice, sid, await puppet.request("INVITE")


async def talking(world: World) -> tuple[Puppet, Client, str, Message]:
    """Alice has called, and the phone has answered."""
    puppet, alice, sid, invite = await calling(world)
    puppet.respond(invite, 180, "Ringing")
    await alice.action("session-info")
    puppet.respond(invite, 200, body=WEBRTC_SDP)
    await alice.action("session-accept")
    await puppet.request("ACK")
    return puppet, alice, sid, invite


async def offered(puppet: Puppet, *devices: Client) -> tuple[Message, str, str, str]:
    """The phone calls the user of these devices: the INVITE, the sid, the caller, the name of the content."""
    invite = puppet.invite(devices[0].user)
    sender = name = ""
    for device in devices:
        iq = await device.action_iq("session-initiate")
        content = iq.find(f"{JINGLE}jingle/{JINGLE}content")
        assert content is not None
        sender, name = iq.get("from") or "", content.get("name") or ""
    await puppet.response(180, to="INVITE", call_id=invite.call_id)
    return invite, invite.call_id, sender, name


async def is_over(client: Client, sid: str, peer: str) -> None:
    answer = await client.jingle(jingle.terminate(sid, "success"), peer)
    equal(error_of(answer), "item-not-found", f"answer to {client.jid}, whose session is over")


async def told_with_code(client: Client, sid: str, code: str, timeout: float = 5) -> None:
    end = await client.action("session-terminate", timeout)
    equal((end.get("sid"), reason_of(end)), (sid, "general-error"), "session-terminate")
    error = find_anywhere(end, "sip-error")
    assert error is not None, "no sip-error"
    equal(error.get("code"), code, "sip-error")


# ---------------------------------------------------------------------------------------------- Devices that are called


@puppets
async def device_answers_twice(world: World) -> None:
    """CONTRACT: "an action in a state that forbids it": a second session-accept is out of order and changes nothing."""
    puppet = await world.puppet()
    alice = await world.client("alice")
    invite, sid, sender, name = await offered(puppet, alice)
    answer = jingle.plain_answer(sid, alice.jid, name)
    # Both are under way before the first is answered.
    first, second = await asyncio.gather(alice.jingle(answer, sender), alice.jingle(answer, sender))
    equal((first.get("type"), error_of(second)), ("result", "unexpected-request"), "answers to two session-accepts")
    check(find_anywhere(second, "out-of-order") is not None, "no out-of-order")
    ok = await puppet.response(200, to="INVITE")
    puppet.follow(invite, "ACK", ok)
    third = await alice.jingle(answer, sender)
    equal(error_of(third), "unexpected-request", "answer to a session-accept in the call")
    equal(len(puppet.sent(status=200, to="INVITE")), 1, "number of 200s")
    puppet.follow(invite, "BYE", ok, sequence=2)
    await puppet.response(200, to="BYE")
    equal(reason_of(await alice.action("session-terminate")), "success", "session-terminate")


@puppets
async def device_declines_what_it_has_accepted(world: World) -> None:
    """session-terminate before the ACK of the 200: the BYE waits for the ACK (RFC 3261 §15)."""
    puppet = await world.puppet()
    alice = await world.client("alice")
    invite, sid, sender, name = await offered(puppet, alice)
    await alice.accepted(jingle.plain_answer(sid, alice.jid, name), sender)
    ok = await puppet.response(200, to="INVITE")
    await alice.accepted(jingle.terminate(sid, "success"), sender)
    await for_a_while()
    equal(puppet.sent(request="BYE"), [], "BYE before the ACK")
    puppet.follow(invite, "ACK", ok)
    puppet.respond(await puppet.request("BYE"), 200)
    await is_over(alice, sid, sender)


@puppets
async def ringing_devices_leave(world: World) -> None:
    """CONTRACT: "480 when the last ringing device is gone", however it goes: presence, end of the stream, lost connection."""
    puppet = await world.puppet()
    devices = [await world.client("alice", name) for name in ("one", "two", "three")]
    invite, sid, sender, name = await offered(puppet, *devices)
    devices[0].send("<presence type='unavailable'/>")
    await devices[0].ask("<iq type='get' id='{id}'><ping xmlns='urn:xmpp:ping'/></iq>")
    late = await devices[0].jingle(jingle.plain_answer(sid, devices[0].jid, name), sender)
    equal(error_of(late), "item-not-found", "answer to one that has left the call")
    devices[1].send("</stream:stream>")
    await devices[1].disconnected()
    await for_a_while(0.2)
    equal(puppet.sent(status=480), [], "480 while a device rings")
    await devices[2].close()
    final = await puppet.response(480, to="INVITE")
    puppet.follow(invite, "ACK", final)
    equal(puppet.sent(status=200, to="INVITE"), [], "200")


@puppets
async def device_leaves_while_it_talks(world: World) -> None:
    """CONTRACT: "When a client's stream ends and is not resumed, its calls end: BYE", also before the ACK."""
    puppet = await world.puppet()
    alice, bob = await world.client("alice"), await world.client("bob")
    dialogs = []
    for device in (alice, bob):
        invite, sid, sender, name = await offered(puppet, device)
        await device.accepted(jingle.plain_answer(sid, device.jid, name), sender)
        dialogs.append((invite, await puppet.response(200, to="INVITE", call_id=sid)))
    puppet.follow(dialogs[0][0], "ACK", dialogs[0][1])
    await alice.close()
    puppet.respond(await puppet.request("BYE", call_id=dialogs[0][0].call_id), 200)
    await bob.close()
    await for_a_while()
    equal(puppet.sent(request="BYE", call_id=dialogs[1][0].call_id), [], "BYE before the ACK")
    puppet.follow(dialogs[1][0], "ACK", dialogs[1][1])
    puppet.respond(await puppet.request("BYE", call_id=dialogs[1][0].call_id), 200)


@slow
async def silent_device_has_left(world: World) -> None:
    """CONTRACT: "a device that answers our set … not within 10 s, has left the call; the last one to leave gives 480"."""
    puppet = await world.puppet()
    mute, other, bob = await world.client("alice", "mute"), await world.client("alice"), await world.client("bob", "mute")
    mute.answers_sets = bob.answers_sets = False
    begin = asyncio.get_running_loop().time()
    invite, sid, sender, name = await offered(puppet, mute, other)
    lonely, lonely_sid, _, _ = await offered(puppet, bob)
    final = await puppet.response(480, to="INVITE", call_id=lonely_sid, timeout=DEVICE_LIMIT + 3)
    seconds = asyncio.get_running_loop().time() - begin
    check(seconds > DEVICE_LIMIT - 1, f"480 after {seconds:.1f} s")
    puppet.follow(lonely, "ACK", final)
    equal(puppet.sent(status=480, call_id=sid), [], "480 while a device rings")
    late = await mute.jingle(jingle.plain_answer(sid, mute.jid, name), sender)
    equal(error_of(late), "item-not-found", "answer to one that has left")
    await other.accepted(jingle.plain_answer(sid, other.jid, name), sender)
    ok = await puppet.response(200, to="INVITE")
    puppet.follow(invite, "ACK", ok)
    await other.accepted(jingle.terminate(sid, "success"), sender)
    puppet.respond(await puppet.request("BYE"), 200)


@puppets
async def device_that_answers_with_an_error(world: World) -> None:
    """The same, "answers our set with an error": 480, "(488 where it said that it cannot do Jingle)"."""
    puppet = await world.puppet()
    alice = await world.client("alice")
    alice.answers_sets = False
    for condition, status in (("item-not-found", 480), ("resource-constraint", 480), ("feature-not-implemented", 488),
                              ("service-unavailable", 488)):
        alice.received.clear()
        invite = puppet.invite("alice")
        iq = await alice.action_iq("session-initiate")
        alice.send(f"<iq type='error' id={quoteattr(iq.get('id') or '')} to={quoteattr(iq.get('from') or '')}>"
                   f"<error type='cancel'><{condition} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>")
        puppet.follow(invite, "ACK", await puppet.response(status, to="INVITE", call_id=invite.call_id))
        await is_over(alice, invite.call_id, iq.get("from") or "")


# ---------------------------------------------------------------------------------------------- Devices that call


@puppets
async def caller_leaves_before_any_response(world: World) -> None:
    """RFC 3261 §9.1: the CANCEL waits for a first provisional response, also where the caller's stream has ended."""
    puppet, alice, _, invite = await calling(world)
    await alice.close()
    await for_a_while()
    equal(puppet.sent(request="CANCEL"), [], "CANCEL before a provisional response")
    puppet.respond(invite, 100, "Trying")
    cancel = await puppet.request("CANCEL")
    equal(cancel.branch, invite.branch, "branch of the CANCEL")
    puppet.respond(cancel, 200)
    puppet.respond(invite, 487, "Request Terminated")
    await puppet.request("ACK")


@puppets
async def caller_gives_up_as_the_phone_answers(world: World) -> None:
    """A CANCEL that crosses the 200: it is confirmed and ended with a BYE (RFC 3261 §9.1), and the caller hears no more."""
    puppet, alice, sid, invite = await calling(world)
    puppet.respond(invite, 180, "Ringing")
    await alice.action("session-info")
    await alice.accepted(jingle.terminate(sid, "decline"), CALLEE)
    cancel = await puppet.request("CANCEL")
    puppet.respond(invite, 200, body=WEBRTC_SDP)
    puppet.respond(cancel, 200)
    await puppet.request("ACK")
    puppet.respond(await puppet.request("BYE"), 200)
    equal((alice.actions("session-accept"), alice.actions("session-terminate")), ([], []), "what the caller was told")
    await is_over(alice, sid, CALLEE)


@puppets
async def caller_repeats_itself(world: World) -> None:
    """XEP-0166 §6.2: a session is initiated once and accepted by the other side; what has ended stays ended."""
    puppet, alice, sid, invite = await calling(world)
    for stanza in (jingle.webrtc_offer(sid, alice.jid), jingle.webrtc_answer(sid, alice.jid)):
        equal(error_of(await alice.jingle(stanza, CALLEE)), "unexpected-request", "answer to a second initiate or accept")
    puppet.respond(invite, 180, "Ringing")
    await alice.action("session-info")
    first, second = await asyncio.gather(*(alice.jingle(jingle.terminate(sid, "decline"), CALLEE) for _ in range(2)))
    equal((first.get("type"), error_of(second)), ("result", "item-not-found"), "answers to two session-terminates")
    puppet.respond(await puppet.request("CANCEL"), 200)
    puppet.respond(invite, 487, "Request Terminated")
    await puppet.request("ACK")
    equal(len(puppet.sent(request="INVITE")), 1, "number of INVITEs")


@slow
async def silent_caller_has_left(world: World) -> None:
    """CONTRACT, 10 s without an answer to our set: CANCEL while it rings, BYE in a call."""
    puppet, alice, sid, invite = await calling(world)
    bob = await world.client("bob")
    other = jingle.new_sid()
    await bob.accepted(jingle.webrtc_offer(other, bob.jid), CALLEE)
    second = await puppet.request("INVITE", call_id=other)
    alice.answers_sets = bob.answers_sets = False
    puppet.respond(invite, 180, "Ringing")
    puppet.respond(second, 200, body=WEBRTC_SDP)
    await puppet.request("ACK", call_id=other)
    cancel = await puppet.request("CANCEL", timeout=DEVICE_LIMIT + 3)
    equal(cancel.call_id, sid, "Call-ID of CANCEL")
    puppet.respond(cancel, 200)
    puppet.respond(invite, 487, "Request Terminated")
    bye = await puppet.request("BYE", timeout=DEVICE_LIMIT + 3)
    equal(bye.call_id, other, "Call-ID of BYE")
    puppet.respond(bye, 200)
    await is_over(alice, sid, CALLEE)
    await is_over(bob, other, CALLEE)


# ---------------------------------------------------------------------------------------------- Proxies and phones


@slow
async def proxy_is_not_there(world: World) -> None:
    """CONTRACT: an INVITE that nobody answers ends the call as general-error: 408 over UDP (64 T1), 503 over TCP at once."""
    await world.start(proxy_port=free_port())
    alice = await world.client("alice")
    begin = asyncio.get_running_loop().time()
    sid = jingle.new_sid()
    await alice.accepted(jingle.webrtc_offer(sid, alice.jid), CALLEE)
    await told_with_code(alice, sid, "503" if world.is_over_tcp else "408", LIMIT + 3)
    seconds = asyncio.get_running_loop().time() - begin
    check(seconds < 3 if world.is_over_tcp else LIMIT - 1 < seconds, f"told after {seconds:.1f} s")
    await is_over(alice, sid, CALLEE)


@slow
async def proxy_dies_after_the_invite(world: World) -> None:
    """The same where the proxy has taken the INVITE and dies before it has said anything: 408 after 64 T1 at the latest."""
    puppet, alice, sid, _ = await calling(world)
    puppet.close()
    end = await alice.action("session-terminate", LIMIT + 3)
    equal((end.get("sid"), reason_of(end)), (sid, "general-error"), "session-terminate")
    await is_over(alice, sid, CALLEE)


@slow
async def proxy_dies_while_it_rings(world: World) -> None:
    """The caller hangs up: its session is over at once, and the call 64 T1 later at the latest."""
    puppet, alice, sid, invite = await calling(world)
    puppet.respond(invite, 180, "Ringing")
    await alice.action("session-info")
    puppet.close()
    await alice.accepted(jingle.terminate(sid, "decline"), CALLEE)
    await is_over(alice, sid, CALLEE)
    await world.gateway.calls_ended(1, LIMIT + 4)
    equal(alice.actions("session-terminate"), [], "session-terminate to the one who gave up")


@slow
async def proxy_dies_in_a_call(world: World) -> None:
    """A change finds out: session-terminate with 408 (64 T1), over TCP with 503; hanging up needs no answer."""
    puppet, alice, sid, _ = await talking(world)
    bob = await world.client("bob")
    other = jingle.new_sid()
    await bob.accepted(jingle.webrtc_offer(other, bob.jid), CALLEE)
    puppet.respond(await puppet.request("INVITE", call_id=other), 200, body=WEBRTC_SDP)
    await bob.action("session-accept")
    await puppet.request("ACK", call_id=other)
    puppet.close()
    await bob.accepted(jingle.terminate(other, "success"), CALLEE)
    await is_over(bob, other, CALLEE)
    await alice.accepted(jingle.source_add(sid, 4242), CALLEE)
    await told_with_code(alice, sid, "503" if world.is_over_tcp else "408", LIMIT + 3)
    await is_over(alice, sid, CALLEE)
    # Bob's; Alice's BYE has 64 T1 of its own.
    await world.gateway.calls_ended(1, 4)


@slow
async def phone_never_confirms(world: World) -> None:
    """RFC 3261 §13.3.1.4: the 200 is repeated for 64 T1, then BYE, and session-terminate timeout for the device."""
    puppet = await world.puppet()
    alice = await world.client("alice")
    invite, sid, sender, name = await offered(puppet, alice)
    await alice.accepted(jingle.plain_answer(sid, alice.jid, name), sender)
    await puppet.response(200, to="INVITE")
    end = await alice.action("session-terminate", LIMIT + 3)
    equal((end.get("sid"), reason_of(end)), (sid, "timeout"), "session-terminate")
    puppet.respond(await puppet.request("BYE"), 200)
    repeated = len(puppet.sent(status=200, to="INVITE", repetitions=True))
    check(repeated in (10, 11), f"{repeated} times 200: 0, 0.5, 1.5, 3.5, 7.5 s, then every 4 s")
    await world.gateway.calls_ended(1, 2)


@puppets
async def connection_is_lost_in_a_call(world: World) -> None:
    """A call outlives its connection (RFC 3261 §18): the next request takes another one, in either direction."""
    puppet, alice, sid, invite = await talking(world)
    puppet.reset()
    puppet.turn(invite, "INFO", 1, headers=[])
    await puppet.response(200, to="INFO")
    puppet.reset()
    await alice.accepted(jingle.terminate(sid, "success"), CALLEE)
    puppet.respond(await puppet.request("BYE"), 200)
    await is_over(alice, sid, CALLEE)


@over_tcp
async def connection_is_reset_behind_the_invite(world: World) -> None:
    """RFC 3261 §18.4, §8.1.3.1: the INVITE is lost with its connection, which is a 503 and need not be waited for."""
    puppet, alice, sid, _ = await calling(world)
    puppet.reset()
    end = await alice.action("session-terminate")
    equal((end.get("sid"), reason_of(end)), (sid, "general-error"), "session-terminate")
    error = next(e for e in end.iter() if e.tag.endswith("sip-error"))
    equal(error.get("code"), "503", "code of sip-error")
    await world.gateway.calls_ended(1, 2)


@over_tcp
async def large_invite_goes_over_tcp(world: World) -> None:
    """RFC 3261 §18.1.1: `transport` is udp, and an INVITE of more than 1300 bytes comes over TCP all the same."""
    puppet = await world.puppet('transport = "udp"')
    alice = await world.client("alice")
    sid = jingle.new_sid()
    await alice.accepted(jingle.webrtc_offer(sid, alice.jid), CALLEE)
    invite = await puppet.request("INVITE")
    check(len(invite.raw) > 1300, f"{len(invite.raw)} bytes")
    check(invite.header("Via").startswith("SIP/2.0/TCP "), f"Via: {invite.header('Via')}")
    puppet.respond(invite, 200, body=WEBRTC_SDP)
    await alice.action("session-accept")
    await puppet.request("ACK")
    await alice.accepted(jingle.terminate(sid, "success"), CALLEE)
    puppet.respond(await puppet.request("BYE"), 200)
    await is_over(alice, sid, CALLEE)


@puppets
async def late_and_stray_messages(world: World) -> None:
    """RFC 3261 §12.2.2, §9.2, §17: after the end 481; responses and ACKs of nobody's transactions are passed over."""
    puppet, alice, sid, invite = await talking(world)
    await alice.accepted(jingle.terminate(sid, "success"), CALLEE)
    bye = await puppet.request("BYE")
    puppet.respond(bye, 200)
    await world.gateway.calls_ended(1, 3)
    puppet.respond(bye, 200)
    puppet.respond(invite, 200, body=WEBRTC_SDP)
    puppet.turn(invite, "ACK", 9)
    again = puppet.turn(invite, "BYE", 10)
    await puppet.answer(again, 481)
    info = puppet.turn(invite, "INFO", 11)
    await puppet.answer(info, 481)
    stranger = puppet.turn(invite, "INVITE", 12, WEBRTC_SDP)
    await puppet.answer(stranger, 481)
    puppet.turn(invite, "ACK", 12)
    check(world.gateway.is_running() and alice.is_connected, "the gateway or the stream has ended")
    equal([j.get("action") for iq in alice.received if (j := jingle_of(iq)) is not None],
          ["session-info", "session-accept"], "what the caller was told")
