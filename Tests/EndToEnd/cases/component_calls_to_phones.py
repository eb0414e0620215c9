"""Users of Prosody and ejabberd call numbers: with XEP-0353 as Conversations and Dino do, and without."""

from __future__ import annotations

import asyncio

from harness import jingle
from harness.client import error_of, reason_of
from harness.puppet import WEBRTC_SDP, Puppet
from harness.scenario import SERVED, check, equal, for_a_while, scenario
from harness.served import CALLS, ServedClient, ServedWorld, reason_in
from harness.servers import COMPONENT, ELSEWHERE, STRANGER
from harness.sip import Message

NUMBER = "+49123"
CONTACT = f"{NUMBER}@{COMPONENT}"
PHONE = f"{CONTACT}/sip"


async def proposed(puppet: Puppet, alice: ServedClient) -> tuple[str, Message]:
    """Alice proposes, is told to proceed, and starts the session: the sid and the INVITE."""
    sid = jingle.new_sid()
    alice.propose(CONTACT, sid)
    proceed = await alice.hears("proceed", sid)
    equal(proceed.get("from"), PHONE, "from of <proceed/>")
    equal(puppet.sent(request="INVITE", call_id=sid), [], "INVITE before the session-initiate")
    await alice.accepted(jingle.webrtc_offer(sid, alice.jid), PHONE)
    return sid, await puppet.request("INVITE", call_id=sid)


async def accepted(puppet: Puppet, alice: ServedClient, sid: str, invite: Message) -> None:
    """The phone rings and answers."""
    puppet.respond(invite, 180, "Ringing")
    await alice.until(lambda: any(info.find("{urn:xmpp:jingle:apps:rtp:info:1}ringing") is not None
                                  for info in alice.actions("session-info")), "session-info ringing")
    puppet.respond(invite, 200, "OK", WEBRTC_SDP)
    accept = await alice.action("session-accept")
    equal(accept.get("sid"), sid, "sid of session-accept")
    ack = await puppet.request("ACK", call_id=sid)
    equal(ack.call_id, sid, "Call-ID of ACK")


def check_invite(world: ServedWorld, puppet: Puppet, invite: Message, sid: str) -> None:
    """CONTRACT, On the wire: Request-URI, To, From."""
    equal(invite.target, f"sip:{NUMBER}@127.0.0.1:{puppet.port}", "Request-URI")
    check(f"<sip:{NUMBER}@" in invite.header("To"), f"To: {invite.header('To')}")
    check("<sip:alice@localhost>" in invite.header("From"), f"From: {invite.header('From')}")
    equal((invite.call_id, invite.values("P-Asserted-Identity")), (sid, []), "Call-ID, P-Asserted-Identity")
    equal([m.kind for m in invite.sdp.media], ["audio", "video"], "m= lines")


@scenario("slixmpp", behind=SERVED, world=ServedWorld)
async def user_proposes_a_call_and_hangs_up(world: ServedWorld) -> None:
    """XEP-0353: propose → proceed → session-initiate → INVITE, 180 → ringing, 200 → session-accept; terminate → BYE."""
    puppet = await world.puppet()
    alice = await world.client("alice")
    sid, invite = await proposed(puppet, alice)
    check_invite(world, puppet, invite, sid)
    await accepted(puppet, alice, sid, invite)
    equal(alice.order("proceed", "session-accept"), ["proceed", "session-accept"], "order")
    await alice.accepted(jingle.terminate(sid, "success"), PHONE)
    puppet.respond(await puppet.request("BYE", call_id=sid), 200)
    equal(alice.actions("session-terminate"), [], "session-terminate to the one who hung up")


@scenario("slixmpp", behind=SERVED, world=ServedWorld)
async def user_proposes_a_call_and_the_phone_hangs_up(world: ServedWorld) -> None:
    """BYE → session-terminate success, and <finish/> with the same reason to the caller's bare JID (XEP-0353 §3.6)."""
    puppet = await world.puppet()
    alice = await world.client("alice")
    desk = await world.client("alice", "desk")
    sid, invite = await proposed(puppet, alice)
    await accepted(puppet, alice, sid, invite)
    bye = puppet.turn(invite, "BYE", 2)
    await puppet.answer(bye, 200)
    end = await alice.action("session-terminate")
    equal((end.get("sid"), reason_of(end)), (sid, "success"), "session-terminate")
    equal(reason_in(await alice.hears("finish", sid), "finish"), "success", "reason of <finish/>")
    # The other device of the caller knows that it is over; the session was none of its own.
    await desk.until(lambda: desk.heard("finish", sid) or desk.heard("finish", sid, carbon=True), "<finish/>")
    equal(desk.actions(), [], "Jingle to the device that did not call")


@scenario("slixmpp", behind=SERVED, world=ServedWorld)
async def user_calls_without_proposing(world: ServedWorld) -> None:
    """XEP-0166: session-initiate to the full JID of the presence; also to the escaped JID of a SIP address (XEP-0106)."""
    puppet = await world.puppet()
    alice = await world.client("alice", features=CALLS)
    sid = jingle.new_sid()
    await alice.accepted(jingle.webrtc_offer(sid, alice.jid), PHONE)
    invite = await puppet.request("INVITE", call_id=sid)
    check_invite(world, puppet, invite, sid)
    await accepted(puppet, alice, sid, invite)
    await alice.accepted(jingle.terminate(sid, "success"), PHONE)
    puppet.respond(await puppet.request("BYE", call_id=sid), 200)
    equal(alice.order("proceed", "ringing", "finish", "reject"), [], "JMI to a client that has not proposed")

    sid = jingle.new_sid()
    await alice.accepted(jingle.webrtc_offer(sid, alice.jid), f"bob\\40pbx.example.com@{COMPONENT}/sip")
    invite = await puppet.request("INVITE", call_id=sid)
    equal(invite.target, "sip:bob@pbx.example.com", "Request-URI of a SIP address")
    check("<sip:bob@pbx.example.com>" in invite.header("To"), f"To: {invite.header('To')}")
    puppet.respond(invite, 404, "Not Found")
    await alice.until(lambda: [e for e in alice.actions("session-terminate") if e.get("sid") == sid], "session-terminate")


@scenario("slixmpp", behind=SERVED, world=ServedWorld)
async def user_gives_up_a_call(world: ServedWorld) -> None:
    """<retract/> before the session-initiate ends the proposal; session-terminate cancel of a ringing call → CANCEL."""
    puppet = await world.puppet()
    alice = await world.client("alice")
    sid = jingle.new_sid()
    alice.propose(CONTACT, sid)
    await alice.hears("proceed", sid)
    alice.retract(CONTACT, sid)
    await for_a_while()
    equal(puppet.sent(request="INVITE"), [], "INVITE of a call that was retracted")

    sid, invite = await proposed(puppet, alice)
    puppet.respond(invite, 180, "Ringing")
    await alice.action("session-info")
    await alice.accepted(jingle.terminate(sid, "cancel"), PHONE)
    cancel = await puppet.request("CANCEL", call_id=sid)
    puppet.respond(cancel, 200)
    puppet.respond(invite, 487, "Request Terminated")
    await puppet.request("ACK", call_id=sid)


@scenario("slixmpp", behind=SERVED, world=ServedWorld)
async def called_phone_is_busy(world: ServedWorld) -> None:
    """486 → session-terminate decline and <finish/>; another refusal → general-error with the code."""
    puppet = await world.puppet()
    alice = await world.client("alice")
    for status, reason in ((486, "decline"), (404, "general-error")):
        sid, invite = await proposed(puppet, alice)
        puppet.respond(invite, status, "No")
        await puppet.request("ACK", call_id=sid)
        await alice.until(lambda sid=sid: [e for e in alice.actions("session-terminate") if e.get("sid") == sid],
                          "session-terminate")
        end = next(e for e in alice.actions("session-terminate") if e.get("sid") == sid)
        equal(reason_of(end), reason, f"reason for a {status}")
        equal(reason_in(await alice.hears("finish", sid), "finish"), reason, f"reason of <finish/> for a {status}")


@scenario("slixmpp", behind=SERVED, world=ServedWorld)
async def users_without_a_route_are_refused(world: ServedWorld) -> None:
    """Without [[route]] only users of user_domain may call: forbidden to session-initiate, <reject/> to propose."""
    puppet = await world.puppet()
    charlie = await world.client(STRANGER, domain=ELSEWHERE)
    await refused(puppet, charlie, CONTACT)
    # But the contact is there for everybody: who may call is decided when somebody calls.
    equal((await charlie.disco(PHONE)).get("type"), "result", "disco#info for a stranger")


async def refused(puppet: Puppet, client: ServedClient, contact: str) -> None:
    sid = jingle.new_sid()
    answer = await client.jingle(jingle.webrtc_offer(sid, client.jid), f"{contact}/sip")
    equal(error_of(answer), "forbidden", "answer to session-initiate")
    error = answer.find("{jabber:client}error")
    equal(error.get("type") if error is not None else None, "auth", "type of the error")
    sid = jingle.new_sid()
    client.propose(contact, sid)
    await client.hears("reject", sid)
    await for_a_while()
    equal(client.heard("proceed", sid), [], "<proceed/>")
    equal(puppet.sent(request="INVITE"), [], "INVITE of somebody who may not call")


@scenario("slixmpp", behind=SERVED, world=ServedWorld)
async def routes_say_who_calls_what(world: ServedWorld) -> None:
    """[[route]]: the first that fits decides; deny, strip and prefix, caller and P-Asserted-Identity (RFC 3325 §9.1)."""
    world.gateway.sections = f"""
[[route]]
name = "premium"
from = ["*"]
to = ["0900*"]
deny = true

[[route]]
name = "inland"
from = ["localhost"]
to = ["0*"]
strip = "0"
prefix = "+49"
caller = "+4930555"
asserted_identity = true

[[route]]
name = "one stranger"
from = ["{STRANGER}@{ELSEWHERE}"]
to = ["+49*"]
"""
    puppet = await world.puppet()
    alice = await world.client("alice")
    charlie = await world.client(STRANGER, domain=ELSEWHERE)
    await refused(puppet, alice, f"0900123@{COMPONENT}")
    await refused(puppet, alice, f"+49123@{COMPONENT}")
    await refused(puppet, charlie, f"030123@{COMPONENT}")

    sid = jingle.new_sid()
    await alice.accepted(jingle.webrtc_offer(sid, alice.jid), f"030123@{COMPONENT}/sip")
    invite = await puppet.request("INVITE", call_id=sid)
    equal(invite.target, f"sip:+4930123@127.0.0.1:{puppet.port}", "Request-URI")
    check("<sip:+4930555@" in invite.header("From"), f"From: {invite.header('From')}")
    check("<sip:+4930555@" in invite.header("P-Asserted-Identity"), f"P-Asserted-Identity: {invite.header('P-Asserted-Identity')}")
    puppet.respond(invite, 486, "Busy Here")

    sid = jingle.new_sid()
    await charlie.accepted(jingle.webrtc_offer(sid, charlie.jid), PHONE)
    invite = await puppet.request("INVITE", call_id=sid)
    equal(invite.values("P-Asserted-Identity"), [], "P-Asserted-Identity where it is not configured")
    puppet.respond(invite, 486, "Busy Here")


@scenario("slixmpp", behind=SERVED, world=ServedWorld)
async def second_proxy_takes_over(world: ServedWorld) -> None:
    """[[route]] proxies: the next one where the first answers 503 (RFC 3263 §4.3), with the same call for the user."""
    second = Puppet()
    world.puppets.append(second)
    await second.open()
    first = Puppet()
    world.puppets.append(first)
    await first.open()
    world.gateway.sections = f"""
[[route]]
from = ["localhost"]
to = ["*"]
proxies = ["127.0.0.1:{first.port}", "127.0.0.1:{second.port}"]
"""
    await world.start(proxy_port=first.port)
    for puppet in (first, second):
        puppet.gateway = ("127.0.0.1", world.gateway.sip_port)
    alice = await world.client("alice")
    sid = jingle.new_sid()
    await alice.accepted(jingle.webrtc_offer(sid, alice.jid), PHONE)
    refused_invite = await first.request("INVITE")
    first.respond(refused_invite, 503, "Service Unavailable")
    invite = await second.request("INVITE")
    await first.request("ACK")
    equal(invite.target, f"sip:{NUMBER}@127.0.0.1:{second.port}", "Request-URI at the second proxy")
    await for_a_while()
    equal(alice.actions("session-terminate"), [], "session-terminate for a proxy that is busy")
    second.respond(invite, 200, "OK", WEBRTC_SDP)
    equal((await alice.action("session-accept")).get("sid"), sid, "sid of session-accept")
    await alice.accepted(jingle.terminate(sid, "success"), PHONE)
    second.respond(await second.request("BYE"), 200)


@scenario("slixmpp", behind=SERVED, world=ServedWorld)
async def attempts_are_limited_for_one_user(world: ServedWorld) -> None:
    """[calls] per_user_per_second: attempts beyond it are refused, those of others are not, and there is room a second later."""
    world.gateway.sections = "\n[calls]\nper_user_per_second = 1\n"
    puppet = await world.puppet()
    alice = await world.client("alice")
    bob = await world.client("bob")
    answers = await asyncio.gather(*(alice.jingle(jingle.webrtc_offer(jingle.new_sid(), alice.jid), PHONE) for _ in range(5)))
    equal(answers[0].get("type"), "result", "answer to the first attempt")
    refused = [error_of(answer) for answer in answers if answer.get("type") == "error"]
    # On a machine that pauses a second may pass between them.
    check(refused and set(refused) == {"resource-constraint"}, f"answers to the others: {refused}")
    sid = jingle.new_sid()
    bob.propose(CONTACT, sid)
    await bob.hears("proceed", sid)
    sid = jingle.new_sid()
    bob.propose(CONTACT, sid)
    reject = await bob.hears("reject", sid)
    equal(reason_in(reject, "reject"), "general-error", "reason of <reject/>")
    await for_a_while(1.1)
    sid = jingle.new_sid()
    await alice.accepted(jingle.webrtc_offer(sid, alice.jid), PHONE)
    await puppet.request("INVITE", call_id=sid)


@scenario("slixmpp", behind=SERVED, world=ServedWorld)
async def limits_hold_for_one_user(world: ServedWorld) -> None:
    """[calls] per_user: one more call than allowed at a time is refused, and there is room again when one has ended."""
    world.gateway.sections = "\n[calls]\nper_user = 2\n"
    puppet = await world.puppet()
    alice = await world.client("alice")
    sids = [jingle.new_sid() for _ in range(2)]
    for sid in sids:
        await alice.accepted(jingle.webrtc_offer(sid, alice.jid), PHONE)
        puppet.respond(await puppet.request("INVITE", call_id=sid), 180, "Ringing")
    answer = await alice.jingle(jingle.webrtc_offer(jingle.new_sid(), alice.jid), PHONE)
    equal(error_of(answer), "resource-constraint", "answer to one call too many")
    bob = await world.client("bob")
    sid = jingle.new_sid()
    await bob.accepted(jingle.webrtc_offer(sid, bob.jid), PHONE)
    await puppet.request("INVITE", call_id=sid)
    puppet.respond(puppet.sent(request="INVITE", call_id=sids[0])[0], 486, "Busy Here")
    await alice.action("session-terminate")
    sid = jingle.new_sid()
    await alice.accepted(jingle.webrtc_offer(sid, alice.jid), PHONE)
