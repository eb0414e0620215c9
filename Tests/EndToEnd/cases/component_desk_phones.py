"""The whole way: client – Prosody or ejabberd – gateway – Kamailio – baresip, with sound over plain RTP."""

from __future__ import annotations

from xml.etree.ElementTree import Element

from harness import jingle
from harness.baresip import Baresip
from harness.client import JINGLE, reason_of
from harness.rtp import Ear
from harness.scenario import SERVED_AND_PROXIED, check, equal, scenario
from harness.served import CALLS, ServedClient, ServedWorld, reason_in
from harness.servers import COMPONENT

from .component_calls_from_phones import seen_by_gateway

NUMBER = "+49123"
CONTACT = f"{NUMBER}@{COMPONENT}"
PHONE = f"{CONTACT}/sip"
ICE = "{urn:xmpp:jingle:transports:ice-udp:1}"
DTLS = "{urn:xmpp:jingle:apps:dtls:0}"
RAW_UDP = "{urn:xmpp:jingle:transports:raw-udp:1}"


def media_of(element: Element) -> tuple[str, int]:
    """Where the phone hears: the candidate of component 1."""
    candidate = next(c for c in element.iter(f"{RAW_UDP}candidate") if c.get("component") == "1")
    return candidate.get("ip") or "", int(candidate.get("port") or 0)


async def heard(ear: Ear, description: Element) -> None:
    """Both directions: baresip plays back what it hears."""
    ear.hum(media_of(description))
    try:
        await ear.hears_itself()
    finally:
        ear.close()


async def called(world: ServedWorld, alice: ServedClient, proposes: bool) -> tuple[str, Ear, Element]:
    """Alice calls the number, with JMI or without; baresip answers: the sid and the phone's answer."""
    ear = Ear()
    await ear.open()
    sid = jingle.new_sid()
    if proposes:
        alice.propose(CONTACT, sid)
        await alice.hears("proceed", sid)
    await alice.accepted(jingle.plain_offer(sid, alice.jid, ear.address), PHONE)
    accept = await alice.action("session-accept")
    await world.baresips[0].event("CALL_ESTABLISHED")
    return sid, ear, accept


async def user_calls(world: ServedWorld, proposes: bool) -> None:
    await world.start()
    phone = await world.baresip(NUMBER)
    alice = await world.client("alice", **({} if proposes else {"features": CALLS}))  # type: ignore[arg-type]
    sid, ear, accept = await called(world, alice, proposes)
    await heard(ear, accept)
    await alice.accepted(jingle.terminate(sid, "success"), PHONE)
    await phone.event("CALL_CLOSED")

    alice.received.clear()
    sid, ear, accept = await called(world, alice, proposes)
    ear.close()
    await phone.event("CALL_ESTABLISHED", number=2)
    phone.hang_up()
    end = await alice.action("session-terminate")
    equal((end.get("sid"), reason_of(end)), (sid, "success"), "session-terminate when the phone hangs up")
    if proposes:
        equal(reason_in(await alice.hears("finish", sid), "finish"), "success", "reason of <finish/>")


@scenario("slixmpp", "baresip", behind=SERVED_AND_PROXIED, world=ServedWorld)
async def user_calls_a_desk_phone(world: ServedWorld) -> None:
    """With XEP-0353: baresip answers, each hears the other, first the user hangs up and then the phone."""
    await user_calls(world, proposes=True)


@scenario("slixmpp", "baresip", behind=SERVED_AND_PROXIED, world=ServedWorld)
async def user_calls_a_desk_phone_directly(world: ServedWorld) -> None:
    """Without XEP-0353: the same."""
    await user_calls(world, proposes=False)


@scenario("slixmpp", "baresip", behind=SERVED_AND_PROXIED, world=ServedWorld)
async def user_calls_a_desk_phone_with_dtls(world: ServedWorld) -> None:
    """What Conversations and Dino offer, ICE and DTLS-SRTP, answered by a phone that is set to it: fingerprint and candidates."""
    await world.start()
    phone = await world.baresip(NUMBER, parameters=";mediaenc=dtls_srtp;medianat=ice", on_loopback=False)
    alice = await world.client("alice")
    sid = jingle.new_sid()
    alice.propose(CONTACT, sid)
    await alice.hears("proceed", sid)
    await alice.accepted(jingle.webrtc_offer(sid, alice.jid), PHONE)
    accept = await alice.action("session-accept")
    await phone.event("CALL_ESTABLISHED")
    content = accept.find(f"{JINGLE}content")
    assert content is not None
    transport = content.find(f"{ICE}transport")
    assert transport is not None, "no ice-udp transport"
    check(transport.get("ufrag") and transport.get("pwd"), "no ICE credentials")
    fingerprint = transport.find(f"{DTLS}fingerprint")
    assert fingerprint is not None, "no fingerprint"
    check(fingerprint.get("setup") in ("active", "passive"), f"setup of a responder: {fingerprint.get('setup')}")
    check(transport.findall(f"{ICE}candidate"), "no candidates")
    await alice.accepted(jingle.terminate(sid, "success"), PHONE)
    await phone.event("CALL_CLOSED")


@scenario("slixmpp", "baresip", behind=SERVED_AND_PROXIED, world=ServedWorld)
async def desk_phone_is_left_ringing(world: ServedWorld) -> None:
    """180 → ringing; the user gives up: CANCEL, and baresip stops ringing."""
    await world.start()
    phone = await world.baresip(NUMBER, answers=False)
    alice = await world.client("alice")
    sid = jingle.new_sid()
    alice.propose(CONTACT, sid)
    await alice.hears("proceed", sid)
    await alice.accepted(jingle.plain_offer(sid, alice.jid), PHONE)
    await phone.event("CALL_INCOMING")
    await alice.action("session-info")
    await alice.accepted(jingle.terminate(sid, "cancel"), PHONE)
    await phone.event("CALL_CLOSED")

    # And the phone declines.
    sid = jingle.new_sid()
    await alice.accepted(jingle.plain_offer(sid, alice.jid), PHONE)
    await phone.event("CALL_INCOMING", number=2)
    phone.hang_up()
    end = await alice.action("session-terminate")
    equal(end.get("sid"), sid, "sid of session-terminate")
    check(reason_of(end) in ("decline", "busy", "general-error"), f"reason: {reason_of(end)}")


async def phone_calls(world: ServedWorld, phone: Baresip, alice: ServedClient, proposes: bool) -> tuple[str, str, Ear, Element]:
    """baresip dials; the device rings and takes the call: the sid, the caller, and the phone's offer."""
    assert world.proxy
    alice.received.clear()
    phone.dial(f"sip:alice@127.0.0.1:{world.proxy.port}")
    ear = Ear()
    await ear.open()
    if proposes:
        message = await alice.hears("propose")
        propose = message.find("{urn:xmpp:jingle-message:0}propose")
        assert propose is not None
        sender, sid = message.get("from") or "", propose.get("id") or ""
        alice.say("ringing", sender, sid)
        await phone.event("CALL_RINGING")
        alice.say("proceed", sender, sid)
    iq = await alice.action_iq("session-initiate")
    initiate = await alice.action("session-initiate")
    sender, sid = iq.get("from") or "", initiate.get("sid") or ""
    equal(sender, PHONE, "who calls")
    content = initiate.find(f"{JINGLE}content")
    assert content is not None
    await alice.accepted(jingle.plain_answer(sid, alice.jid, content.get("name") or "", address=ear.address), sender)
    return sid, sender, ear, initiate


async def user_is_called(world: ServedWorld, proposes: bool) -> None:
    await world.start()
    phone = await world.baresip(NUMBER)
    alice = await world.client("alice", **({} if proposes else {"features": CALLS}))  # type: ignore[arg-type]
    if not proposes:
        await world.befriend(alice, CONTACT)
        await seen_by_gateway(alice)
    sid, sender, ear, initiate = await phone_calls(world, phone, alice, proposes)
    await phone.event("CALL_ESTABLISHED")
    await heard(ear, initiate)
    phone.hang_up()
    end = await alice.action("session-terminate")
    equal((end.get("sid"), reason_of(end)), (sid, "success"), "session-terminate when the phone hangs up")

    sid, sender, ear, initiate = await phone_calls(world, phone, alice, proposes)
    ear.close()
    await phone.event("CALL_ESTABLISHED", number=2)
    await alice.accepted(jingle.terminate(sid, "success"), sender)
    await phone.event("CALL_CLOSED", number=2)


@scenario("slixmpp", "baresip", behind=SERVED_AND_PROXIED, world=ServedWorld)
async def desk_phone_calls_a_user(world: ServedWorld) -> None:
    """With XEP-0353: the user answers, each hears the other, first the phone hangs up and then the user."""
    await user_is_called(world, proposes=True)


@scenario("slixmpp", "baresip", behind=SERVED_AND_PROXIED, world=ServedWorld)
async def desk_phone_calls_a_user_directly(world: ServedWorld) -> None:
    """Without XEP-0353, to the device whose presence is known: the same."""
    await user_is_called(world, proposes=False)


@scenario("slixmpp", "baresip", behind=SERVED_AND_PROXIED, world=ServedWorld)
async def desk_phone_calls_a_user_who_rejects(world: ServedWorld) -> None:
    """<reject/> → 486 at the phone."""
    await world.start()
    phone = await world.baresip(NUMBER)
    alice = await world.client("alice")
    assert world.proxy
    phone.dial(f"sip:alice@127.0.0.1:{world.proxy.port}")
    message = await alice.hears("propose")
    propose = message.find("{urn:xmpp:jingle-message:0}propose")
    assert propose is not None
    alice.say("reject", message.get("from") or "", propose.get("id") or "")
    closed = await phone.event("CALL_CLOSED")
    check(closed.get("param", "").startswith("486"), f"why the call ended for the phone: {closed.get('param')}")
