"""TLS on both sides: STARTTLS for XMPP clients, SIP over TLS towards the proxy."""

from __future__ import annotations

from harness import jingle
from harness.certificates import Identity
from harness.client import JINGLE, reason_of
from harness.scenario import World, equal, scenario

from .calls_to_phones import CALLEE, call, check_ringing


@scenario("sipp", "slixmpp", "openssl")
async def client_encrypts_its_stream(world: World) -> None:
    """RFC 6120 §5: a client that asks for STARTTLS gets it, and calls."""
    identity = Identity(world.folder)
    world.gateway.more_xmpp = identity.configuration
    await world.start()
    phone = await world.phone("answer-until-bye")
    alice = await world.client("alice", authority=identity.certificate)
    # One that does not ask is served as well, on loopback.
    await world.client("bob")
    sid, _ = await call(world, alice)
    await alice.action("session-accept")
    await alice.accepted(jingle.terminate(sid, "success"), CALLEE)
    await phone.done()


@scenario("baresip", "slixmpp", "openssl")
async def calls_over_tls(world: World) -> None:
    """RFC 3261 §26.2.1: calls to a phone and from it over TLS, each ended from the side that was called."""
    identity = Identity(world.folder)
    number = CALLEE.partition("@")[0]
    phone = await world.baresip(number, identity=identity)
    security = f'transport = "tls"\ntls_port = 0\ncertificate_authorities = "{identity.certificate}"\n'
    await world.gateway.start(world.phone_port + 1, security + identity.configuration)
    alice = await world.client("alice")

    sid = jingle.new_sid()
    await alice.accepted(jingle.plain_offer(sid, alice.jid), CALLEE)
    await check_ringing(alice, sid)
    accepted = await alice.action("session-accept")
    equal(accepted.get("sid"), sid, "sid of session-accept")
    await phone.event("CALL_ESTABLISHED")
    phone.hang_up()
    ended = await alice.action("session-terminate")
    equal(reason_of(ended), "success", "reason")
    await phone.event("CALL_CLOSED")

    alice.received.clear()
    phone.dial(f"sip:alice@127.0.0.1:{world.gateway.tls_port};transport=tls")
    iq = await alice.action_iq("session-initiate")
    caller = iq.get("from") or ""
    equal(caller, f"{number}@127.0.0.1", "caller")
    offer = await alice.action("session-initiate")
    sid = offer.get("sid") or ""
    content = offer.find(f"{JINGLE}content")
    assert content is not None, "session-initiate without content"
    await alice.accepted(jingle.plain_answer(sid, alice.jid, content.get("name") or ""), caller)
    await phone.event("CALL_ESTABLISHED", number=2)
    await alice.accepted(jingle.terminate(sid, "success"), caller)
    await phone.event("CALL_CLOSED", number=2)
