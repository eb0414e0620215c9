"""`proceed = "when-answered"`: the phone rings first, for clients that give up when nothing follows a <proceed/> (Monal)."""

from __future__ import annotations

from harness import jingle
from harness.client import jingle_of
from harness.puppet import WEBRTC_SDP
from harness.scenario import SERVED, check, equal, for_a_while, scenario
from harness.served import ServedWorld, reason_in

from .component_calls_to_phones import CONTACT, PHONE


@scenario("slixmpp", behind=SERVED, world=ServedWorld)
async def phone_rings_before_the_client_proceeds(world: ServedWorld) -> None:
    """proceed = "when-answered" (for Monal): INVITE without offer, 180 → <ringing/>, 200 → <proceed/>, re-INVITE, session-accept."""
    world.gateway.sections = '\n[[route]]\nfrom = ["localhost"]\nto = ["*"]\nproceed = "when-answered"\n'
    puppet = await world.puppet()
    alice = await world.client("alice")
    sid = jingle.new_sid()
    alice.propose(CONTACT, sid)
    invite = await puppet.request("INVITE")
    equal(invite.body, b"", "body of the first INVITE")
    await for_a_while()
    equal(alice.order("ringing", "proceed"), [], "before the phone rings")
    puppet.respond(invite, 180, "Ringing")
    await alice.hears("ringing", sid)
    equal(alice.heard("proceed", sid), [], "<proceed/> before the phone has answered")
    puppet.respond(invite, 200, "OK", WEBRTC_SDP)
    proceed = await alice.hears("proceed", sid)
    equal(proceed.get("from"), PHONE, "from of <proceed/>")
    # RFC 3261 §13.2.2.4: the ACK has to bring the answer to the offer of the 200.
    ack = await puppet.request("ACK")
    check(ack.body, "the ACK has no answer to the offer of the 200")
    await alice.accepted(jingle.webrtc_offer(sid, alice.jid), PHONE)
    await puppet.until(lambda: len(puppet.sent(request="INVITE")) == 2, 10, "re-INVITE")
    again = puppet.sent(request="INVITE")[1]
    equal([m.kind for m in again.sdp.media], ["audio", "video"], "m= lines of the re-INVITE")
    check(again.tag, "the second INVITE is none of the dialog")
    puppet.respond(again, 200, "OK", WEBRTC_SDP)
    equal((await alice.action("session-accept")).get("sid"), sid, "sid of session-accept")
    await alice.accepted(jingle.terminate(sid, "success"), PHONE)
    puppet.respond(await puppet.request("BYE"), 200)


@scenario("slixmpp", behind=SERVED, world=ServedWorld)
async def phone_is_busy_before_the_client_proceeds(world: ServedWorld) -> None:
    """proceed = "when-answered": 486 → <reject/> with busy, and there never was a session."""
    world.gateway.sections = '\n[[route]]\nfrom = ["localhost"]\nto = ["*"]\nproceed = "when-answered"\n'
    puppet = await world.puppet()
    alice = await world.client("alice")
    sid = jingle.new_sid()
    alice.propose(CONTACT, sid)
    puppet.respond(await puppet.request("INVITE"), 486, "Busy Here")
    reject = await alice.hears("reject", sid)
    equal(reason_in(reject, "reject"), "busy", "reason of <reject/>")
    # And a retracted one is cancelled.
    sid = jingle.new_sid()
    alice.propose(CONTACT, sid)
    await puppet.until(lambda: len(puppet.sent(request="INVITE")) == 2, 10, "the second INVITE")
    invite = puppet.sent(request="INVITE")[1]
    puppet.respond(invite, 180, "Ringing")
    await alice.hears("ringing", sid)
    alice.retract(CONTACT, sid)
    puppet.respond(await puppet.request("CANCEL"), 200)
    puppet.respond(invite, 487, "Request Terminated")
    await for_a_while()
    equal([s for s in alice.received if jingle_of(s) is not None], [], "Jingle without a session")
