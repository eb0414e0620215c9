"""Sessions that have to be refreshed (RFC 4028), as the networks of providers want it."""

from __future__ import annotations

from harness import jingle
from harness.client import jingle_of, reason_of
from harness.puppet import PLAIN_SDP
from harness.scenario import SIPP, check, equal, scenario

from .calls_to_phones import CALLEE

slow = scenario("slixmpp", behind=SIPP, timeout=120, waits=True)


@slow
async def phone_leaves_the_refreshes_to_us(world) -> None:
    """RFC 4028 §10: the 200 says refresher=uac; half of the time later the same description goes out again."""
    puppet = await world.puppet()
    alice = await world.client("alice")
    sid = jingle.new_sid()
    await alice.accepted(jingle.plain_offer(sid, alice.jid), CALLEE)
    invite = await puppet.request("INVITE")
    check("timer" in invite.header("Supported"), f"Supported: {invite.header('Supported')}")
    agreed = [("Session-Expires", "90;refresher=uac"), ("Require", "timer")]
    puppet.respond(invite, 200, body=PLAIN_SDP, headers=agreed)
    await puppet.request("ACK")
    await puppet.until(lambda: len(puppet.sent(request="INVITE")) == 2, 60, "a refresh")
    refresh = puppet.sent(request="INVITE")[1]
    equal(refresh.header("Session-Expires"), "90;refresher=uac", "Session-Expires of the refresh")
    # §7.4: the same o= says that nothing has changed.
    equal(refresh.body, invite.body, "description of the refresh")
    puppet.respond(refresh, 200, body=PLAIN_SDP, headers=agreed)
    await puppet.until(lambda: len(puppet.sent(request="ACK")) == 2, 10, "ACK of the 200 to the refresh")
    equal([j.get("action") for j in alice.actions()], ["session-accept"], "what the client was told")
    await alice.accepted(jingle.terminate(sid, "success"), CALLEE)
    puppet.respond(await puppet.request("BYE"), 200)


@slow
async def phone_requires_a_timer_and_falls_silent(world) -> None:
    """RFC 4028 §9, §10: Require: timer is understood; less than 90 s is 422; who does not refresh in time gets a BYE."""
    puppet = await world.puppet()
    alice = await world.client("alice")
    short = puppet.invite("alice", headers=[("Session-Expires", "60"), ("Require", "timer")])
    refusal = await puppet.response(422, to="INVITE", call_id=short.call_id)
    equal(refusal.header("Min-SE"), "90", "Min-SE")
    puppet.follow(short, "ACK", refusal)
    invite = puppet.invite("alice", headers=[("Session-Expires", "90;refresher=uac"), ("Require", "timer")])
    iq = await alice.action_iq("session-initiate")
    element = jingle_of(iq)
    assert element is not None
    name = element[0].get("name") or ""
    await alice.accepted(jingle.plain_answer(element.get("sid") or "", alice.jid, name), iq.get("from") or "")
    ok = await puppet.response(200, to="INVITE", call_id=invite.call_id)
    equal((ok.header("Session-Expires"), ok.header("Require")), ("90;refresher=uac", "timer"), "Session-Expires, Require")
    puppet.follow(invite, "ACK", ok)
    end = await alice.action("session-terminate", 70)
    equal(reason_of(end), "timeout", "reason of session-terminate")
    bye = await puppet.request("BYE", call_id=invite.call_id)
    check("cause=102" in bye.header("Reason"), f"Reason: {bye.header('Reason')}")
    puppet.respond(bye, 200)
