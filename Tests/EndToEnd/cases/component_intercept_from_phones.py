"""With Prosody's module: a call that the proxy sends on for a user of the domain is a call of that user."""

from __future__ import annotations

from harness import jingle
from harness.client import JINGLE
from harness.gateway import DOMAIN
from harness.puppet import PLAIN_SDP
from harness.scenario import check, equal, for_a_while, scenario
from harness.served import CALLS, ServedWorld
from harness.servers import COMPONENT

from .component_intercept import PROSODY, started


@scenario("slixmpp", behind=PROSODY, world=ServedWorld)
async def proxy_calls_a_user_in_the_name_of_another(world: ServedWorld) -> None:
    """The INVITE that the proxy sends on rings bob as a call of alice; the answers of his device find the gateway."""
    puppet = await started(world)
    bob = await world.client("bob", features=CALLS)
    await world.befriend(bob, f"phone@{COMPONENT}")
    await for_a_while(0.5)
    invite = puppet.invite("bob", PLAIN_SDP.replace(b"o=phone", b"o=alice"), caller=f"sip:alice@{DOMAIN}")
    iq = await bob.action_iq("session-initiate")
    caller = iq.get("from") or ""
    equal(caller.partition("/")[0], f"alice@{DOMAIN}", "who calls bob")
    check((iq.get("id") or "").startswith("jsg-"), f"id of what is sent in the name of a user: {iq.get('id')}")
    content = iq.find(f"{JINGLE}jingle/{JINGLE}content")
    assert content is not None
    await bob.accepted(jingle.plain_answer(invite.call_id, bob.jid, content.get("name") or ""), caller)
    ok = await puppet.answer(invite, 200)
    puppet.follow(invite, "ACK", ok)
    await bob.accepted(jingle.terminate(invite.call_id, "success"), caller)
    puppet.respond(await puppet.request("BYE"), 200)
