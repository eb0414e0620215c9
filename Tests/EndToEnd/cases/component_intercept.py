"""Prosody hands every Jingle request of its users to the gateway (Plugins/Prosody): they call each other through the proxy."""

from __future__ import annotations

from harness import jingle
from harness.client import error_of, reason_of
from harness.gateway import DOMAIN
from harness.puppet import PLAIN_SDP, WEBRTC_SDP, Puppet
from harness.scenario import Topology, check, equal, for_a_while, scenario
from harness.served import CALLS, ServedWorld
from harness.servers import COMPONENT

PROSODY = (Topology(server="prosody"),)


def intercepts(world: ServedWorld) -> None:
    """Prosody with the module, and a gateway that knows of it."""
    world.server.more = f'jingle_sip_component = "{COMPONENT}"'
    world.server.host_more = 'modules_enabled = { "jingle_sip_intercept" }'
    world.server.component_more = "validate_from_addresses = false"
    world.gateway.more_component = "intercept = true"


async def started(world: ServedWorld) -> Puppet:
    """The same with a proxy that does what the scenario says."""
    intercepts(world)
    return await world.puppet()


@scenario("slixmpp", behind=PROSODY, world=ServedWorld)
async def user_calls_a_user_through_the_proxy(world: ServedWorld) -> None:
    """mod_jingle_sip: a session-initiate for bob becomes an INVITE; the answer comes from bob, the end goes both ways."""
    puppet = await started(world)
    alice = await world.client("alice")
    bob = await world.client("bob")
    sid = jingle.new_sid()
    await alice.accepted(jingle.webrtc_offer(sid, alice.jid), bob.bare)
    invite = await puppet.request("INVITE", call_id=sid)
    equal(invite.target, f"sip:bob@127.0.0.1:{puppet.port}", "Request-URI")
    check("<sip:bob@localhost>" in invite.header("To"), f"To: {invite.header('To')}")
    check("<sip:alice@localhost>" in invite.header("From"), f"From: {invite.header('From')}")
    puppet.respond(invite, 180, "Ringing")
    puppet.respond(invite, 200, "OK", WEBRTC_SDP)
    iq = await alice.action_iq("session-accept")
    equal((iq.get("from") or "").partition("/")[0], bob.bare, "from of session-accept")
    # By it the module knows whose the device's answer is.
    check((iq.get("id") or "").startswith("jsg-"), f"id of what is sent in the name of a user: {iq.get('id')}")
    await for_a_while()
    equal(bob.actions(), [], "Jingle that went from user to user")
    bye = puppet.turn(invite, "BYE", 2)
    await puppet.answer(bye, 200)
    end = await alice.action("session-terminate")
    equal((end.get("sid"), reason_of(end)), (sid, "success"), "session-terminate")


@scenario("slixmpp", behind=(Topology("kamailio", server="prosody"),), world=ServedWorld)
async def users_talk_through_kamailio(world: ServedWorld) -> None:
    """mod_jingle_sip: stanzas to a user of the same domain go through the proxy, which sends them back; both sides end it."""
    intercepts(world)
    await world.start()
    alice = await world.client("alice")
    bob = await world.client("bob", features=CALLS)
    await world.befriend(bob, f"phone@{COMPONENT}")
    await for_a_while(0.5)
    for end, other in ((alice, bob), (bob, alice)):
        sid = jingle.new_sid()
        await alice.accepted(jingle.webrtc_offer(sid, alice.jid), bob.bare)
        await bob.until(lambda sid=sid: any(a.get("sid") == sid for a in bob.actions("session-initiate")), "the call")
        await bob.accepted(jingle.webrtc_answer(sid, bob.jid), alice.bare)
        await alice.until(lambda sid=sid: any(a.get("sid") == sid for a in alice.actions("session-accept")), "the answer")
        await end.accepted(jingle.terminate(sid, "success"), other.bare)
        await other.until(
            lambda sid=sid, other=other: [reason_of(a) for a in other.actions("session-terminate") if a.get("sid") == sid]
            == ["success"], "the end")


@scenario("slixmpp", behind=PROSODY, world=ServedWorld)
async def new_window_asks_its_server_for_the_call(world: ServedWorld) -> None:
    """existing-session-initiate through the module: the call that rings, or item-not-found where none does."""
    puppet = await started(world)
    bob = await world.client("bob", "desk", features=CALLS)
    await world.befriend(bob, f"phone@{COMPONENT}")
    await for_a_while(0.5)
    equal(error_of(await bob.ask(jingle.existing_session_initiate(bob.bare))), "item-not-found", "without a call")
    invite = puppet.invite("bob", PLAIN_SDP, caller=f"sip:alice@{DOMAIN}")
    await bob.action("session-initiate")
    window = await world.client("bob", "window", features=CALLS)
    equal((await window.ask(jingle.existing_session_initiate(window.bare))).get("type"), "result", "answer")
    initiate = await window.action("session-initiate")
    equal(initiate.get("sid"), invite.call_id, "sid of the repeated session-initiate")
