"""Phones call users of Prosody and ejabberd: devices that propose calls (XEP-0353), devices that only speak Jingle."""

from __future__ import annotations

import asyncio
from xml.etree.ElementTree import Element

from harness import jingle
from harness.client import JINGLE, reason_of
from harness.gateway import DOMAIN
from harness.puppet import PLAIN_SDP, Puppet
from harness.proxies import rebuilt
from harness.scenario import SERVED, check, equal, for_a_while, scenario
from harness.served import CALLS, PROPOSES, TEXT_ONLY, ServedClient, ServedWorld
from harness.servers import COMPONENT
from harness.sip import Message
from harness.waiting import condition_of

#: Who calls, as the user sees it: sip:phone@127.0.0.1 is at the proxy.
CALLER = f"phone@{COMPONENT}"


async def proposed(puppet: Puppet, *devices: ServedClient) -> tuple[Message, str]:
    """The phone calls; every device gets the proposal: the INVITE and the sid."""
    invite = puppet.invite(devices[0].user, PLAIN_SDP)
    for device in devices:
        message = await device.hears("propose")
        equal((message.get("from"), message.get("type")), (f"{CALLER}/sip", "chat"), "from and type of <propose/>")
        equal((message.get("to") or "").partition("/")[0], device.bare, "to of <propose/>")
        check(message.find("{urn:xmpp:hints}store") is not None, "<propose/> without the hint to store it")
        propose = message.find("{urn:xmpp:jingle-message:0}propose")
        assert propose is not None
        equal([d.get("media") for d in propose.findall("{urn:xmpp:jingle:apps:rtp:1}description")], ["audio"], "media")
        equal(propose.get("id"), invite.call_id, "id of <propose/>")
        equal(device.actions(), [], "Jingle before the device proceeds")
    return invite, invite.call_id


async def accepts(device: ServedClient, sid: str) -> Element:
    """The user takes the call on a device that proceeds as Conversations does: the session-initiate that follows."""
    device.say("accept", device.bare, sid)
    device.say("proceed", f"{CALLER}/sip", sid)
    iq = await device.action_iq("session-initiate")
    equal((iq.get("from"), iq.get("to")), (f"{CALLER}/sip", device.jid), "addresses of session-initiate")
    initiate = await device.action("session-initiate")
    equal(initiate.get("sid"), sid, "sid of session-initiate")
    return initiate


async def answered(puppet: Puppet, invite: Message, device: ServedClient, initiate: Element) -> Message:
    """The device sends session-accept: the 200, acknowledged."""
    content = initiate.find(f"{JINGLE}content")
    assert content is not None
    await device.accepted(jingle.plain_answer(invite.call_id, device.jid, content.get("name") or ""), f"{CALLER}/sip")
    ok = await puppet.answer(invite, 200)
    equal([(m.kind, m.port) for m in ok.sdp.media], [("audio", 13540)], "m= line of the 200")
    puppet.follow(invite, "ACK", ok)
    return ok


@scenario("slixmpp", behind=SERVED, world=ServedWorld)
async def phone_calls_a_user_who_proceeds(world: ServedWorld) -> None:
    """INVITE → propose; <ringing/> → 180; <proceed/> → session-initiate to that device; session-accept → 200; BYE → terminate."""
    puppet = await world.puppet()
    alice = await world.client("alice")
    invite, sid = await proposed(puppet, alice)
    await for_a_while()
    equal(puppet.sent(status=180), [], "180 before a device rings of which nothing is seen")
    alice.say("ringing", f"{CALLER}/sip", sid)
    await puppet.answer(invite, 180)
    ok = await answered(puppet, invite, alice, await accepts(alice, sid))
    bye = puppet.follow(invite, "BYE", ok, sequence=2)
    await puppet.answer(bye, 200)
    end = await alice.action("session-terminate")
    equal((end.get("sid"), reason_of(end)), (sid, "success"), "session-terminate")


@scenario("slixmpp", behind=SERVED, world=ServedWorld)
async def phone_calls_a_device_that_is_there_and_does_not_say_that_it_rings(world: ServedWorld) -> None:
    """INVITE → propose and 180, where the presence of a device shows XEP-0353: Dino 0.4 has no <ringing/>."""
    puppet = await world.puppet()
    alice = await world.client("alice")
    await world.befriend(alice, CALLER)
    await seen_by_gateway(alice)
    invite, sid = await proposed(puppet, alice)
    await puppet.answer(invite, 180)
    ok = await answered(puppet, invite, alice, await accepts(alice, sid))
    puppet.follow(invite, "BYE", ok, sequence=2)
    await alice.action("session-terminate")


@scenario("slixmpp", behind=SERVED, world=ServedWorld)
async def phone_calls_a_user_who_hangs_up(world: ServedWorld) -> None:
    """session-terminate success by the callee → BYE."""
    puppet = await world.puppet()
    alice = await world.client("alice")
    invite, sid = await proposed(puppet, alice)
    await answered(puppet, invite, alice, await accepts(alice, sid))
    await alice.accepted(jingle.terminate(sid, "success"), f"{CALLER}/sip")
    puppet.respond(await puppet.request("BYE"), 200)
    equal(alice.actions("session-terminate"), [], "session-terminate to the one who hung up")


@scenario("slixmpp", behind=SERVED, world=ServedWorld)
async def phone_calls_a_device_that_only_speaks_jingle(world: ServedWorld) -> None:
    """A device whose presence shows Jingle without XEP-0353 gets the session-initiate at once, and no proposal."""
    puppet = await world.puppet()
    alice = await world.client("alice", features=CALLS)
    await world.befriend(alice, CALLER)
    await seen_by_gateway(alice)
    invite = puppet.invite("alice", PLAIN_SDP)
    initiate = await alice.action("session-initiate")
    equal(alice.heard("propose"), [], "<propose/>")
    await puppet.answer(invite, 180)
    ok = await answered(puppet, invite, alice, initiate)
    puppet.follow(invite, "BYE", ok, sequence=2)
    await alice.action("session-terminate")


async def seen_by_gateway(*devices: ServedClient) -> None:
    """Until the gateway has asked what the devices can: once for what they show with the same verification string."""
    def is_asked(device: ServedClient) -> bool:
        return any(iq.find("{http://jabber.org/protocol/disco#info}query") is not None and iq.get("type") == "get"
                   and (iq.get("from") or "").partition("/")[0].endswith(COMPONENT) for iq in device.received)
    await condition_of(lambda: {d.ver for d in devices} == {d.ver for d in devices if is_asked(d)}, 10,
                       "disco#info of the gateway")
    await for_a_while(0.2)


@scenario("slixmpp", behind=SERVED, world=ServedWorld)
async def one_of_two_devices_proceeds(world: ServedWorld) -> None:
    """Both devices get the proposal; the one that proceeds gets the session, the other sees it by carbon (XEP-0280)."""
    puppet = await world.puppet()
    pocket = await world.client("alice", "pocket")
    desk = await world.client("alice", "desk")
    invite, sid = await proposed(puppet, pocket, desk)
    for device in (pocket, desk):
        device.say("ringing", f"{CALLER}/sip", sid)
    await puppet.answer(invite, 180)
    initiate = await accepts(pocket, sid)
    await desk.hears("proceed", sid, carbon=True)
    ok = await answered(puppet, invite, pocket, initiate)
    await for_a_while()
    equal(desk.actions("session-initiate"), [], "session-initiate for the device that did not proceed")
    puppet.follow(invite, "BYE", ok, sequence=2)
    await pocket.action("session-terminate")
    equal(desk.actions(), [], "Jingle for the device that did not proceed")


@scenario("slixmpp", behind=SERVED, world=ServedWorld)
async def one_of_two_devices_accepts(world: ServedWorld) -> None:
    """Devices without XEP-0353 ring together; when one accepts, the other gets session-terminate cancel."""
    puppet = await world.puppet()
    pocket = await world.client("alice", "pocket", features=CALLS)
    desk = await world.client("alice", "desk", features=CALLS)
    await world.befriend(pocket, CALLER)
    await seen_by_gateway(pocket, desk)
    invite = puppet.invite("alice", PLAIN_SDP)
    initiate = await pocket.action("session-initiate")
    await desk.action("session-initiate")
    ok = await answered(puppet, invite, pocket, initiate)
    end = await desk.action("session-terminate")
    equal((end.get("sid"), reason_of(end)), (invite.call_id, "cancel"), "session-terminate of the other device")
    puppet.follow(invite, "BYE", ok, sequence=2)
    equal(reason_of(await pocket.action("session-terminate")), "success", "session-terminate of the device that accepted")


@scenario("slixmpp", behind=SERVED, world=ServedWorld)
async def devices_of_both_kinds_ring(world: ServedWorld) -> None:
    """One device proposes calls, the other only speaks Jingle: the latter accepts, the proposal is retracted."""
    puppet = await world.puppet()
    pocket = await world.client("alice", "pocket", features=PROPOSES)
    desk = await world.client("alice", "desk", features=CALLS)
    await world.befriend(pocket, CALLER)
    await seen_by_gateway(pocket, desk)
    invite = puppet.invite("alice", PLAIN_SDP)
    await pocket.hears("propose", invite.call_id)
    initiate = await desk.action("session-initiate")
    equal(pocket.actions(), [], "session-initiate for the device that has to proceed first")
    ok = await answered(puppet, invite, desk, initiate)
    await pocket.hears("retract", invite.call_id)
    puppet.follow(invite, "BYE", ok, sequence=2)
    await desk.action("session-terminate")


@scenario("slixmpp", behind=SERVED, world=ServedWorld)
async def user_rejects_a_call(world: ServedWorld) -> None:
    """<reject/> → 486, with Reason or without; the call is declined for all devices."""
    puppet = await world.puppet()
    alice = await world.client("alice")
    for reason in ("", "<reason xmlns='urn:xmpp:jingle:1'><busy/><text>Busy</text></reason>"):
        invite, sid = await proposed(puppet, alice)
        # Conversations tells its own devices and the caller.
        alice.say("reject", alice.bare, sid, reason)
        alice.say("reject", f"{CALLER}/sip", sid, reason)
        refusal = await refused(puppet, invite)
        equal(refusal.status, 486, "final response")
        puppet.follow(invite, "ACK", refusal)
        alice.received.clear()


def final(puppet: Puppet, invite: Message) -> Message | None:
    """The final response to an INVITE."""
    return next((m for by_gateway, m in puppet.record if by_gateway and (m.status or 0) >= 200
                 and m.method == "INVITE" and m.call_id == invite.call_id), None)


async def refused(puppet: Puppet, invite: Message, timeout: float = 10) -> Message:
    await puppet.until(lambda: final(puppet, invite), timeout, "a final response to INVITE")
    response = final(puppet, invite)
    assert response
    return response


@scenario("slixmpp", behind=SERVED, world=ServedWorld)
async def phone_gives_up(world: ServedWorld) -> None:
    """CANCEL → <retract/> where a device was proposed the call, session-terminate where it has the session; 487."""
    puppet = await world.puppet()
    alice = await world.client("alice")
    invite, sid = await proposed(puppet, alice)
    alice.say("ringing", f"{CALLER}/sip", sid)
    await puppet.answer(invite, 180)
    puppet.follow(invite, "CANCEL")
    equal((await refused(puppet, invite)).status, 487, "final response")
    await alice.hears("retract", sid)

    invite = puppet.invite("alice", PLAIN_SDP)
    await alice.hears("propose", invite.call_id)
    alice.say("proceed", f"{CALLER}/sip", invite.call_id)
    await alice.action("session-initiate")
    puppet.follow(invite, "CANCEL")
    equal((await refused(puppet, invite)).status, 487, "final response")
    end = await alice.action("session-terminate")
    check(reason_of(end) in ("cancel", "decline"), f"reason of session-terminate: {reason_of(end)}")


@scenario("slixmpp", behind=SERVED, world=ServedWorld)
async def nobody_takes_the_call(world: ServedWorld) -> None:
    """Presence known and nobody there → 480 at once; a proposal that nobody answers → 408 and <retract/> after ring_seconds."""
    world.gateway.sections = "\n[calls]\nring_seconds = 2\n"
    puppet = await world.puppet()
    alice = await world.client("alice")
    await world.befriend(alice, CALLER)
    await seen_by_gateway(alice)
    alice.send("<presence type='unavailable'/>")
    await for_a_while(0.5)
    invite = puppet.invite("alice", PLAIN_SDP)
    equal((await refused(puppet, invite, 1.5)).status, 480, "presence known and nobody there")

    bob = await world.client("bob")
    invite = puppet.invite("bob", PLAIN_SDP)
    await bob.hears("propose", invite.call_id)
    equal((await refused(puppet, invite)).status, 408, "a proposal that nobody answers")
    await bob.hears("retract", invite.call_id)


@scenario("slixmpp", behind=SERVED, world=ServedWorld)
async def device_that_cannot_take_calls(world: ServedWorld) -> None:
    """A device without Jingle is as good as none: 480, and it is not bothered."""
    puppet = await world.puppet()
    alice = await world.client("alice", features=TEXT_ONLY)
    await world.befriend(alice, CALLER)
    await seen_by_gateway(alice)
    invite = puppet.invite("alice", PLAIN_SDP)
    equal((await refused(puppet, invite)).status, 480, "final response")
    equal(alice.actions(), [], "Jingle for a device that has none")


@scenario("slixmpp", behind=SERVED, world=ServedWorld)
async def there_is_no_such_user(world: ServedWorld) -> None:
    """The server's error for a proposal to nobody → 404 or 480 at once (RFC 6121 §8.5.1: servers say service-unavailable)."""
    puppet = await world.puppet()
    invite = puppet.invite("nobody", PLAIN_SDP)
    check((await refused(puppet, invite, 5)).status in (404, 480), "final response")
    equal(puppet.sent(status=180), [], "180 for nobody")


@scenario("slixmpp", behind=SERVED, world=ServedWorld)
async def strangers_cannot_call(world: ServedWorld) -> None:
    """[sip] strangers: an INVITE from an address that is no proxy's gets 403."""
    puppet = await world.puppet()
    alice = await world.client("alice")
    await stranger_calls(world, "403")
    equal(alice.heard("propose"), [], "<propose/> of a stranger")
    # The proxy itself gets through.
    await proposed(puppet, alice)


@scenario("slixmpp", behind=SERVED, world=ServedWorld)
async def strangers_hear_nothing(world: ServedWorld) -> None:
    """[sip] strangers = "silence"."""
    puppet = await world.puppet('strangers = "silence"')
    alice = await world.client("alice")
    await stranger_calls(world, None)
    equal(alice.heard("propose"), [], "<propose/> of a stranger")
    await proposed(puppet, alice)


@scenario("slixmpp", behind=SERVED, world=ServedWorld)
async def trusted_network_may_call(world: ServedWorld) -> None:
    """[sip] trusted: a network whose requests are taken."""
    await world.puppet('trusted = ["127.0.0.2/31"]')
    alice = await world.client("alice")
    await stranger_calls(world, "taken")
    await alice.hears("propose")


async def stranger_calls(world: ServedWorld, expected: str | None) -> None:
    """An INVITE from 127.0.0.2: what comes back."""
    answers: asyncio.Queue[Message] = asyncio.Queue()

    class Stranger(asyncio.DatagramProtocol):
        def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
            if message := Message.parse(data):
                answers.put_nowait(message)

    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(Stranger, ("127.0.0.2", 0))
    port = transport.get_extra_info("sockname")[1]
    headers = [("Via", f"SIP/2.0/UDP 127.0.0.2:{port};branch=z9hG4bKstranger"), ("From", "<sip:mallory@127.0.0.2>;tag=m"),
               ("To", f"<sip:alice@{DOMAIN}>"), ("Call-ID", f"stranger-{port}"), ("CSeq", "1 INVITE"), ("Max-Forwards", "70"),
               ("Contact", f"<sip:mallory@127.0.0.2:{port}>"), ("Content-Type", "application/sdp"),
               ("Content-Length", str(len(PLAIN_SDP)))]
    transport.sendto(rebuilt(f"INVITE sip:alice@{DOMAIN} SIP/2.0", headers, PLAIN_SDP), ("127.0.0.1", world.gateway.sip_port))
    try:
        if expected is None:
            await asyncio.sleep(1)
            equal(answers.qsize(), 0, "responses to a stranger")
        elif expected == "taken":
            equal((await asyncio.wait_for(answers.get(), 10)).status, 100, "response to one who is trusted")
        else:
            response = await asyncio.wait_for(answers.get(), 10)
            equal(response.status, int(expected), "response to a stranger")
    finally:
        transport.close()
