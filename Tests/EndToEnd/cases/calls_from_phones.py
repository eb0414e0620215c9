"""A phone calls, an XMPP client answers or does not: SIP to Jingle."""

from __future__ import annotations

from xml.etree.ElementTree import Element

from harness import jingle
from harness.client import JINGLE, Client, find_anywhere, reason_of
from harness.scenario import SIPP, World, check, equal, for_a_while, scenario

RTP = "{urn:xmpp:jingle:apps:rtp:1}"
RAW_UDP = "{urn:xmpp:jingle:transports:raw-udp:1}"
CALLER = "phone@127.0.0.1"


def check_initiate(initiate: Element, sid: str) -> None:
    """The offer of the plain RTP phone, as Jingle."""
    equal(initiate.get("sid"), sid, "sid")
    contents = initiate.findall(f"{JINGLE}content")
    equal(len(contents), 1, "number of contents")
    content = contents[0]
    equal(content.get("creator"), "initiator", "creator")
    check(content.get("name"), "the content has no name")
    equal(content.get("senders", "both"), "both", "senders")
    description = content.find(f"{RTP}description")
    assert description is not None, "no RTP description"
    equal(description.get("media"), "audio", "media")
    types = description.findall(f"{RTP}payload-type")
    # Type 0 has no a=rtpmap in the offer.
    equal([(t.get("id"), t.get("name"), t.get("clockrate")) for t in types],
          [("0", "PCMU", "8000"), ("8", "PCMA", "8000"), ("101", "telephone-event", "8000")], "payload types")
    check(description.find(f"{RTP}encryption") is None, "an encryption element for a plain RTP phone")
    transport = content.find(f"{RAW_UDP}transport")
    assert transport is not None, "no raw-udp transport"
    candidates = transport.findall(f"{RAW_UDP}candidate")
    first = next((c for c in candidates if c.get("component") == "1"), None)
    assert first is not None, "no candidate for component 1"
    equal((first.get("ip"), first.get("port")), ("192.0.2.7", "40000"), "candidate of component 1")
    check(first.get("id"), "the candidate has no id")
    equal(transport.get("ufrag"), None, "ufrag")


async def rung(world: World, *devices: Client) -> tuple[str, str, str]:
    """Waits until the devices have the session-initiate: the sid, the sender, and the name of the content."""
    invite = await world.relay.request("INVITE", by_gateway=False)
    sender = name = ""
    for device in devices:
        iq = await device.action_iq("session-initiate")
        equal(iq.get("to"), device.jid, "to of session-initiate")
        initiate = await device.action("session-initiate")
        check_initiate(initiate, invite.call_id)
        sender = iq.get("from") or ""
        equal(sender, CALLER, "from of session-initiate")
        content = initiate.find(f"{JINGLE}content")
        assert content is not None
        name = content.get("name") or ""
    # Answered at once for whoever is there, not when a device says that it rings.
    await world.relay.response(180, to="INVITE")
    return invite.call_id, sender, name


async def answered(world: World, device: Client) -> tuple[str, str]:
    """The device accepts; checks the 200 that the phone gets."""
    sid, sender, name = await rung(world, device)
    equal(world.relay.sent(status=200, to="INVITE"), [], "200 before a device has accepted")
    await device.accepted(jingle.plain_answer(sid, device.jid, name), sender)
    ok = await world.relay.response(200, to="INVITE")
    sdp = ok.sdp
    equal(ok.header("Content-Type").lower(), "application/sdp", "Content-Type")
    check(f"127.0.0.1:{world.gateway.sip_port}" in ok.header("Contact"), f"Contact: {ok.header('Contact')}")
    check(";tag=" in ok.header("To"), f"To: {ok.header('To')}")
    equal(len(sdp.media), 1, "number of m= lines")
    audio = sdp.media[0]
    equal((audio.kind, audio.port, audio.protocol, audio.formats), ("audio", 13540, "RTP/AVP", ["0", "101"]), "m= line")
    equal(sdp.connection(audio), "IN IP4 198.51.100.9", "c=")
    equal(audio.attributes("rtpmap"), ["0 PCMU/8000", "101 telephone-event/8000"], "a=rtpmap")
    for line in sdp.lines:
        check(not line.startswith(("a=ice-", "a=candidate", "a=fingerprint", "a=setup")), f"{line} for a plain phone")
    await world.relay.request("ACK", by_gateway=False)
    return sid, sender


@scenario("sipp", "slixmpp", behind=SIPP)
async def phone_calls_and_hangs_up(world: World) -> None:
    """INVITE → 180 and session-initiate, session-accept → 200; BYE → session-terminate success."""
    await world.start()
    alice = await world.client("alice")
    phone = await world.phone("call-and-hang-up", callee="alice")
    sid, _ = await answered(world, alice)
    end = await alice.action("session-terminate")
    equal((end.get("sid"), reason_of(end)), (sid, "success"), "session-terminate")
    await phone.done()


@scenario("sipp", "slixmpp", behind=SIPP)
async def phone_calls_and_xmpp_hangs_up(world: World) -> None:
    """session-terminate success by the callee → BYE to the phone."""
    await world.start()
    alice = await world.client("alice")
    phone = await world.phone("call-until-bye", callee="alice")
    sid, sender = await answered(world, alice)
    await alice.accepted(jingle.terminate(sid, "success"), sender)
    bye = await world.relay.request("BYE")
    equal(bye.call_id, sid, "Call-ID of BYE")
    equal(bye.target, f"sip:phone@127.0.0.1:{world.relay.port}{world.uri_transport}", "Request-URI of BYE is the phone's Contact")
    check(";tag=phone-1" in bye.header("To"), f"To of BYE: {bye.header('To')}")
    await phone.done()
    equal(alice.actions("session-terminate"), [], "session-terminate to the one who hung up")


@scenario("sipp", "slixmpp", behind=SIPP)
async def callee_is_not_there(world: World) -> None:
    """An INVITE for a user without available resource, and for one that does not exist: 480, no 180."""
    await world.start()
    await world.client("alice", available=False)
    for callee in ("alice", "nobody"):
        phone = await world.phone("call-nobody", callee=callee)
        await phone.done()
    equal(world.relay.sent(status=180, to="INVITE"), [], "180 for nobody")


@scenario("sipp", "slixmpp", behind=SIPP)
async def callee_declines(world: World) -> None:
    """session-terminate decline by the callee → 486."""
    await world.start()
    alice = await world.client("alice")
    phone = await world.phone("call-and-be-declined", callee="alice")
    sid, sender, _ = await rung(world, alice)
    await alice.accepted(jingle.terminate(sid, "decline"), sender)
    await phone.done()


@scenario("sipp", "slixmpp", behind=SIPP)
async def phone_gives_up_calling(world: World) -> None:
    """CANCEL → session-terminate decline; 200 to the CANCEL, 487 to the INVITE."""
    await world.start()
    alice = await world.client("alice")
    phone = await world.phone("call-and-cancel", callee="alice")
    sid, sender, name = await rung(world, alice)
    end = await alice.action("session-terminate")
    equal((end.get("sid"), reason_of(end)), (sid, "decline"), "session-terminate")
    await phone.done()
    # Too late.
    answer = await alice.jingle(jingle.plain_answer(sid, alice.jid, name), sender)
    equal(answer.get("type"), "error", "answer to a session-accept after the CANCEL")
    check(find_anywhere(answer, "item-not-found") is not None, "no item-not-found")


@scenario("sipp", "slixmpp", behind=SIPP)
async def first_of_two_devices_accepts(world: World) -> None:
    """Both devices ring; when one accepts, the other gets session-terminate cancel, and only the first the end."""
    await world.start()
    desk = await world.client("alice", "desk")
    pocket = await world.client("alice", "pocket")
    phone = await world.phone("call-and-hang-up", callee="alice")
    sid, sender, name = await rung(world, desk, pocket)
    await desk.accepted(jingle.plain_answer(sid, desk.jid, name), sender)
    end = await pocket.action("session-terminate")
    equal((end.get("sid"), reason_of(end)), (sid, "cancel"), "session-terminate of the other device")
    late = await pocket.jingle(jingle.plain_answer(sid, pocket.jid, name), sender)
    equal(late.get("type"), "error", "answer to the second session-accept")
    end = await desk.action("session-terminate")
    equal((end.get("sid"), reason_of(end)), (sid, "success"), "session-terminate of the device that accepted")
    await phone.done()
    await for_a_while()
    equal(len(pocket.actions("session-terminate")), 1, "number of session-terminates of the other device")
    equal(len(world.relay.sent(status=200, to="INVITE")), 1, "number of 200s")


@scenario("sipp", "slixmpp", behind=SIPP)
async def new_window_asks_for_the_call(world: World) -> None:
    """existing-session-initiate: a device that comes later gets the unanswered session-initiate and can accept it."""
    await world.start()
    desk = await world.client("alice", "desk")
    phone = await world.phone("call-and-hang-up", callee="alice")
    sid, sender, name = await rung(world, desk)
    window = await world.client("alice", "window")
    answer = await window.ask(
        f"<iq type='get' id='{{id}}' to='{window.bare}'>"
        "<jingle xmlns='urn:xmpp:jingle:1' action='existing-session-initiate'/></iq>")
    equal(answer.get("type"), "result", "answer to existing-session-initiate")
    iq = await window.action_iq("session-initiate")
    equal((iq.get("to"), iq.get("from")), (window.jid, CALLER), "addresses of the repeated session-initiate")
    check_initiate(await window.action("session-initiate"), sid)
    await window.accepted(jingle.plain_answer(sid, window.jid, name), sender)
    await world.relay.response(200, to="INVITE")
    equal(reason_of(await desk.action("session-terminate")), "cancel", "session-terminate of the first device")
    await phone.done()
    nothing = await window.ask(
        f"<iq type='get' id='{{id}}' to='{window.bare}'>"
        "<jingle xmlns='urn:xmpp:jingle:1' action='existing-session-initiate'/></iq>")
    check(find_anywhere(nothing, "item-not-found") is not None, "existing-session-initiate without a call")
