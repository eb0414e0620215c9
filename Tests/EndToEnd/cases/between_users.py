"""The manual's use cases and the scenarios of the predecessor's suite, behind each kind of proxy.

"All Jingle IQ set stanzas … are intercepted, translated to SIP packets and sent to a SIP Proxy. This means that the
current implementation will also translate stanzas addressed to a user in the same domain." What comes back makes a
second session: with a new Call-ID from a B2BUA, with the same one from a plain proxy.
"""

from __future__ import annotations

from dataclasses import dataclass
from xml.etree.ElementTree import Element

from harness import jingle
from harness.client import JINGLE, Client, error_of, find_anywhere, reason_of
from harness.gateway import DOMAIN
from harness.proxies import B2BUA
from harness.scenario import PROXIED, World, check, equal, for_a_while, scenario
from harness.sip import Message

from .calls_to_phones import CALLEE, DTLS, ICE, RTP, check_accept, check_ringing

SOURCES = "{urn:xmpp:jingle:apps:rtp:ssma:0}"
GROUPING = "{urn:xmpp:jingle:apps:grouping:0}"
INJECTED = ("203.0.113.200", "49999", "relay")
users = scenario("slixmpp", behind=PROXIED)
numbers = scenario("sipp", "slixmpp", behind=PROXIED)


@dataclass
class Session:
    """A call of alice to bob: each side has a session of its own."""

    alice: Client
    bob: Client
    sid: str
    bobs_sid: str

    async def ended(self, client: Client, reason: str) -> None:
        """This side is told, with its own sid."""
        end = await client.action("session-terminate")
        sid = self.sid if client is self.alice else self.bobs_sid
        equal((end.get("sid"), reason_of(end)), (sid, reason), f"session-terminate for {client.jid}")


def check_contents(world: World, element: Element, setup: str, is_offer: bool) -> None:
    """What browsers offer and answer, having gone through SDP: nothing is lost on the way."""
    contents = element.findall(f"{JINGLE}content")
    equal([(c.get("name"), c.get("creator"), c.get("senders", "both")) for c in contents],
          [("0", "initiator", "both"), ("1", "initiator", "initiator")], "contents")
    group = element.find(f"{GROUPING}group")
    assert group is not None, "no group"
    equal((group.get("semantics"), [c.get("name") for c in group]), ("BUNDLE", ["0", "1"]), "group")
    for content, media, types, port in ((contents[0], "audio", ["111", "0", "126"], 50001),
                                        (contents[1], "video", ["96"], 50003)):
        description = content.find(f"{RTP}description")
        assert description is not None, "no description"
        equal(description.get("media"), media, "media")
        equal([t.get("id") for t in description.findall(f"{RTP}payload-type")], types, "payload types")
        check(description.find(f"{RTP}rtcp-mux") is not None, "no rtcp-mux")
        transport = content.find(f"{ICE}transport")
        assert transport is not None, "no ICE"
        equal((transport.get("ufrag"), transport.get("pwd")), (jingle.UFRAG, jingle.PASSWORD), "ICE credentials")
        fingerprint = transport.find(f"{DTLS}fingerprint")
        assert fingerprint is not None, "no fingerprint"
        equal((fingerprint.get("setup"), fingerprint.text), (setup, jingle.FINGERPRINT), "fingerprint")
        candidates = [(c.get("ip"), c.get("port"), c.get("type")) for c in transport.findall(f"{ICE}candidate")]
        expected = [("198.51.100.9", str(port), "host"), ("203.0.113.141", str(port + 4), "srflx")]
        if isinstance(world.proxy, B2BUA) and is_offer and media == "video":
            expected.append(INJECTED)
        equal(candidates, expected, f"candidates of {media}")
    sources = [s.get("ssrc") for s in contents[0].iter(f"{SOURCES}source")]
    equal(sources, ["1656081975"], "sources of audio")


async def initiated(world: World, alice: Client, *devices: Client) -> tuple[str, str]:
    """Alice calls bob, each of his devices gets the offer, alice is told that it rings; the sids of the two sides."""
    bob = devices[0]
    sid = jingle.new_sid()
    await alice.accepted(jingle.webrtc_offer(sid, alice.jid), bob.jid)
    bobs_sid = ""
    for device in devices:
        iq = await device.action_iq("session-initiate")
        # CONTRACT: `from` is the bare JID of the From URI.
        equal((iq.get("from"), iq.get("to")), (alice.bare, device.jid), "addresses of session-initiate")
        initiate = await device.action("session-initiate")
        check_contents(world, initiate, "actpass", is_offer=True)
        equal(bobs_sid or initiate.get("sid"), initiate.get("sid"), "sid for the other device")
        bobs_sid = initiate.get("sid") or ""
    equal(bobs_sid == sid, world.topology.keeps_call_id, f"one sid on both sides, {sid} and {bobs_sid}")
    invites = world.relay.sent(request="INVITE"), world.relay.sent(request="INVITE", by_gateway=False)
    equal([{m.call_id for m in sent} for sent in invites], [{sid}, {bobs_sid}], "Call-IDs are sids")
    await check_ringing(alice, sid)
    return sid, bobs_sid


async def accept(world: World, alice: Client, bob: Client, sid: str, bobs_sid: str) -> Session:
    await bob.accepted(jingle.webrtc_answer(bobs_sid, bob.jid), alice.bare)
    iq = await alice.action_iq("session-accept")
    equal((iq.get("from"), iq.get("to")), (bob.jid, alice.jid), "addresses of session-accept")
    answer = await alice.action("session-accept")
    equal(answer.get("sid"), sid, "sid of session-accept")
    check_contents(world, answer, "active", is_offer=False)
    # The ACK has reached the second session.
    await world.relay.request("ACK", by_gateway=False, call_id=bobs_sid)
    return Session(alice, bob, sid, bobs_sid)


async def established(world: World) -> Session:
    await world.start()
    alice, bob = await world.client("alice"), await world.client("bob")
    sid, bobs_sid = await initiated(world, alice, bob)
    return await accept(world, alice, bob, sid, bobs_sid)


async def nothing_left(world: World, session: Session) -> None:
    """Both sessions are gone: whoever speaks of them is told so, and nobody was told twice."""
    for client, peer, sid in ((session.alice, session.bob.jid, session.sid),
                              (session.bob, session.alice.bare, session.bobs_sid)):
        answer = await client.jingle(jingle.terminate(sid, "success"), peer)
        equal(error_of(answer), "item-not-found", f"answer to {client.jid}, whose session is over")
        check(len(client.actions("session-terminate")) < 2, f"session-terminate twice for {client.jid}")


@users
async def session_between_full_jids(world: World) -> None:
    """Manual 1.1, 1.2: session-initiate and session-accept between users go through the proxy, each side with its sid."""
    session = await established(world)
    invite = (await world.relay.request("INVITE", call_id=session.sid))
    equal(invite.target, f"sip:bob@127.0.0.1:{world.relay.port}{world.uri_transport}", "Request-URI")
    equal((invite.header("To"), invite.header("From").split(";tag=")[0]),
          ("bob <sip:bob@localhost>", "alice <sip:alice@localhost>"), "To and From")
    equal(session.alice.actions("session-terminate"), [], "session-terminate")
    equal(session.bob.actions("session-terminate"), [], "session-terminate")


@users
async def ended_by_the_initiator(world: World) -> None:
    """Manual 1.3.1: session-terminate success is a BYE; "the BYE request is sent to the SIP Proxy and then to the other"."""
    session = await established(world)
    await session.alice.accepted(jingle.terminate(session.sid, "success"), session.bob.jid)
    await session.ended(session.bob, "success")
    bye = await world.relay.request("BYE", call_id=session.sid)
    check("<sip:alice@localhost>" in bye.header("From") and "<sip:bob@localhost>" in bye.header("To"), str(bye))
    await world.relay.response(200, to="BYE", by_gateway=False)
    await nothing_left(world, session)
    equal(session.alice.actions("session-terminate"), [], "session-terminate to the one who hung up")


@users
async def ended_by_the_receiver(world: World) -> None:
    """Manual 1.3.1, the other way: "from is the user who wants to terminate the call"."""
    session = await established(world)
    await session.bob.accepted(jingle.terminate(session.bobs_sid, "success"), session.alice.bare)
    await session.ended(session.alice, "success")
    bye = await world.relay.request("BYE", call_id=session.bobs_sid)
    check("<sip:bob@localhost>" in bye.header("From") and "<sip:alice@localhost>" in bye.header("To"), str(bye))
    await world.relay.response(200, to="BYE", by_gateway=False)
    await nothing_left(world, session)
    equal(session.bob.actions("session-terminate"), [], "session-terminate to the one who hung up")


@users
async def cancelled_by_the_initiator(world: World) -> None:
    """Manual 1.3.2: session-terminate decline of the initiator is a CANCEL, and decline for who rings."""
    await world.start()
    alice, bob, other = await world.client("alice"), await world.client("bob"), await world.client("bob", "other")
    session = Session(alice, bob, *await initiated(world, alice, bob, other))
    await alice.accepted(jingle.terminate(session.sid, "decline"), bob.jid)
    await session.ended(bob, "decline")
    await session.ended(bob if other is bob else other, "decline")
    cancel = await world.relay.request("CANCEL")
    equal(cancel.call_id, session.sid, "Call-ID of CANCEL")
    await world.relay.response(487, to="INVITE", by_gateway=False)
    await nothing_left(world, session)
    equal(alice.actions("session-terminate"), [], "session-terminate to the one who gave up")


@users
async def declined_by_the_receiver(world: World) -> None:
    """Manual 1.3.3: session-terminate decline of the receiver is 486, and decline for the initiator and other devices."""
    await world.start()
    alice, bob, other = await world.client("alice"), await world.client("bob"), await world.client("bob", "other")
    session = Session(alice, bob, *await initiated(world, alice, bob, other))
    await bob.accepted(jingle.terminate(session.bobs_sid, "decline"), alice.bare)
    await session.ended(alice, "decline")
    await session.ended(other, "decline")
    await world.relay.response(486, to="INVITE", call_id=session.bobs_sid)
    await world.relay.response(486, to="INVITE", by_gateway=False, call_id=session.sid)
    await nothing_left(world, session)


@users
async def other_devices_are_told(world: World) -> None:
    """CONTRACT: "When one device accepts, the others get session-terminate `cancel`"; the call goes on and ends."""
    await world.start()
    alice, first, second = await world.client("alice"), await world.client("bob"), await world.client("bob", "second")
    sid, bobs_sid = await initiated(world, alice, first, second)
    await second.accepted(jingle.webrtc_answer(bobs_sid, second.jid), alice.bare)
    end = await first.action("session-terminate")
    equal((end.get("sid"), reason_of(end)), (bobs_sid, "cancel"), "session-terminate of the other device")
    equal((await alice.action("session-accept")).get("sid"), sid, "sid of session-accept")
    await world.relay.request("ACK", by_gateway=False, call_id=bobs_sid)
    await alice.accepted(jingle.terminate(sid, "success"), first.bare)
    end = await second.action("session-terminate")
    equal((end.get("sid"), reason_of(end)), (bobs_sid, "success"), "session-terminate of the device that accepted")
    equal(len(first.actions("session-terminate")), 1, "number of session-terminates of the other device")


@users
async def unanswered_offer_is_sent_again(world: World) -> None:
    """Manual: "the user can send a get Jingle stanza to self with action set to existing-session-initiate"."""
    await world.start()
    alice, bob = await world.client("alice"), await world.client("bob")
    window = await world.client("bob", "window", available=False)
    sid, bobs_sid = await initiated(world, alice, bob)
    equal(window.actions(), [], "actions for a device that is not available")
    for asked in (None, bobs_sid):
        window.received.clear()
        answer = await window.ask(jingle.existing_session_initiate(window.bare, asked))
        equal(answer.get("type"), "result", "answer to existing-session-initiate")
        iq = await window.action_iq("session-initiate")
        equal((iq.get("from"), iq.get("to")), (alice.bare, window.jid), "addresses of the repeated session-initiate")
        check_contents(world, await window.action("session-initiate"), "actpass", is_offer=True)
    answer = await window.ask(jingle.existing_session_initiate(window.bare, "another"))
    equal(error_of(answer), "item-not-found", "answer for another sid")
    # Who was never asked may not take the call: nobody else's is waiting.
    answer = await alice.ask(jingle.existing_session_initiate(alice.bare))
    equal(error_of(answer), "item-not-found", "answer to the caller")
    await window.accepted(jingle.webrtc_answer(bobs_sid, window.jid), alice.bare)
    equal((await alice.action("session-accept")).get("sid"), sid, "sid of session-accept")
    equal(reason_of(await bob.action("session-terminate")), "cancel", "session-terminate of the first device")


@users
async def nobody_is_there(world: World) -> None:
    """Manual: an INVITE "addressed to an offline user" is answered 480; "the same code is expected from the SIP Proxy"."""
    await world.start()
    alice, bob = await world.client("alice"), await world.client("bob", available=False)
    sid = jingle.new_sid()
    await alice.accepted(jingle.webrtc_offer(sid, alice.jid), bob.bare)
    end = await alice.action("session-terminate")
    equal((end.get("sid"), reason_of(end)), (sid, "general-error"), "session-terminate")
    error = find_anywhere(end, "sip-error")
    assert error is not None, "no sip-error"
    equal(error.get("code"), "480", "sip-error")
    equal(len(world.relay.sent(status=480, to="INVITE")), 1, "number of 480s of the gateway")
    equal(world.relay.sent(status=180, to="INVITE"), [], "180 for somebody who is not there")
    equal(bob.actions(), [], "actions for somebody who is not there")


@users
async def stranger_cannot_accept(world: World) -> None:
    """CONTRACT: "`item-not-found` (with `unknown-session`) for a session in which the sender has no part": session-accept."""
    await world.start()
    alice, bob, kate = await world.client("alice"), await world.client("bob"), await world.client("kate")
    sid, bobs_sid = await initiated(world, alice, bob)
    for stolen in {sid, bobs_sid}:
        for peer in (alice.bare, alice.jid, bob.bare, bob.jid):
            answer = await kate.jingle(jingle.webrtc_answer(stolen, kate.jid), peer)
            equal(error_of(answer), "item-not-found", f"answer to the stranger's session-accept to {peer}")
            check(find_anywhere(answer, "unknown-session") is not None, "no unknown-session")
    await for_a_while()
    equal((alice.actions("session-accept"), alice.actions("session-terminate")), ([], []), "what the caller was told")
    equal((bob.actions("session-terminate"), kate.actions()), ([], []), "what the others were told")
    await accept(world, alice, bob, sid, bobs_sid)


@users
async def stranger_cannot_end(world: World) -> None:
    """The same: session-terminate while it rings and while both talk."""
    await world.start()
    alice, bob, kate = await world.client("alice"), await world.client("bob"), await world.client("kate")
    sid, bobs_sid = await initiated(world, alice, bob)

    async def try_to_end() -> None:
        for stolen in {sid, bobs_sid}:
            for peer in (alice.bare, alice.jid, bob.bare, bob.jid):
                answer = await kate.jingle(jingle.terminate(stolen, "decline"), peer)
                equal(error_of(answer), "item-not-found", f"answer to the stranger's session-terminate to {peer}")
                check(find_anywhere(answer, "unknown-session") is not None, "no unknown-session")
        await for_a_while(0.1)
        equal((alice.actions("session-terminate"), bob.actions("session-terminate")), ([], []), "session-terminates")

    await try_to_end()
    await accept(world, alice, bob, sid, bobs_sid)
    await try_to_end()
    equal(world.relay.sent(request="BYE") + world.relay.sent(request="CANCEL"), [], "BYE and CANCEL")


async def sources_arrive(world: World, action: str) -> None:
    """This action of either side arrives as itself at the other side."""
    session = await established(world)
    for sender, sid, receiver, other_sid, peer, ssrc in (
            (session.alice, session.sid, session.bob, session.bobs_sid, session.bob.jid, 4242),
            (session.bob, session.bobs_sid, session.alice, session.sid, session.alice.bare, 4243)):
        await sender.accepted(jingle.source_add(sid, ssrc, action), peer)
        element = await receiver.action(action)
        equal(element.get("sid"), other_sid, f"sid of {action}")
        sources = [(s.get("ssrc"), [(p.get("name"), p.get("value")) for p in s]) for s in element.iter(f"{SOURCES}source")]
        equal(sources, [(str(ssrc), [("cname", "second")])], f"sources of {action}")
        content = next(c for c in element.findall(f"{JINGLE}content") if c.find(f".//{SOURCES}source") is not None)
        equal((content.get("name"), content.get("creator")), ("0", "initiator"), f"content of {action}")
        update = next(m for m in world.relay.sent(request="INVITE", call_id=sid) if m.tag and action_of(m) == [action])
        equal([m.kind for m in update.sdp.media], ["audio", "video"], "m= lines of the re-INVITE")
        await world.relay.until(
            lambda: [m for m in world.relay.sent(request="ACK", by_gateway=False, call_id=other_sid)
                     if len({a.header("CSeq") for a in world.relay.sent(request="ACK", call_id=sid)})], 5, "ACK")
    await session.alice.accepted(jingle.terminate(session.sid, "success"), session.bob.jid)
    await session.ended(session.bob, "success")
    equal([len(c.actions(action)) for c in (session.alice, session.bob)], [1, 1], f"number of {action}s")
    equal([c.actions("transport-info") for c in (session.alice, session.bob)], [[], []], "transport-info")


def action_of(message: Message) -> list[str]:
    return message.sdp.attributes("jingle-action")


@users
async def source_add_arrives(world: World) -> None:
    """Manual: source-add is an in-dialog INVITE with a=jingle-action, and that "is used as the action" on the other side."""
    await sources_arrive(world, "source-add")


@users
async def source_remove_arrives(world: World) -> None:
    """The same: source-remove."""
    await sources_arrive(world, "source-remove")


@users
async def source_update_arrives(world: World) -> None:
    """The same: source-update."""
    await sources_arrive(world, "source-update")


@users
async def candidates_arrive(world: World) -> None:
    """CONTRACT: "transport-info becomes an INFO once a dialog exists. INFO of either kind becomes transport-info"."""
    session = await established(world)
    for sender, sid, receiver, other_sid, peer, port in (
            (session.alice, session.sid, session.bob, session.bobs_sid, session.bob.jid, 52001),
            (session.bob, session.bobs_sid, session.alice, session.sid, session.alice.bare, 52003)):
        await sender.accepted(jingle.transport_info(sid, "1", port), peer)
        info = await receiver.action("transport-info")
        equal(info.get("sid"), other_sid, "sid of transport-info")
        content = info.find(f"{JINGLE}content")
        assert content is not None
        equal(content.get("name"), "1", "content of transport-info")
        candidates = [(c.get("ip"), c.get("port")) for c in content.iter(f"{ICE}candidate")]
        equal(candidates, [("198.51.100.9", str(port))], "candidates")
        await world.relay.request("INFO", call_id=sid)
        await world.relay.response(200, to="INFO", call_id=other_sid)


@users
async def caller_leaves_while_it_rings(world: World) -> None:
    """CONTRACT: "When a client's stream ends and is not resumed, its calls end": CANCEL, decline for who rings."""
    await world.start()
    alice, bob = await world.client("alice"), await world.client("bob")
    session = Session(alice, bob, *await initiated(world, alice, bob))
    await alice.close()
    await session.ended(bob, "decline")
    await world.relay.response(487, to="INVITE", by_gateway=False, call_id=session.sid)


@users
async def last_device_leaves_while_it_rings(world: World) -> None:
    """The same: "480 when the last ringing device is gone"; the caller gets general-error with that code."""
    await world.start()
    alice, bob, other = await world.client("alice"), await world.client("bob"), await world.client("bob", "other")
    session = Session(alice, bob, *await initiated(world, alice, bob, other))
    await bob.close()
    # The other one rings on.
    await for_a_while(0.2)
    equal(world.relay.sent(status=480, to="INVITE"), [], "480 while a device rings")
    other.send("<presence type='unavailable'/>")
    await world.relay.response(480, to="INVITE", call_id=session.bobs_sid)
    await session.ended(alice, "general-error")
    error = find_anywhere(await alice.action("session-terminate"), "sip-error")
    assert error is not None, "no sip-error"
    equal(error.get("code"), "480", "sip-error")


@users
async def either_leaves_while_both_talk(world: World) -> None:
    """The same: "BYE" in a call, and success for the other side."""
    session = await established(world)
    await session.bob.close()
    await session.ended(session.alice, "success")
    bye = await world.relay.request("BYE", call_id=session.bobs_sid)
    check("<sip:bob@localhost>" in bye.header("From"), str(bye))


async def number(world: World, scenario: str, to: str = CALLEE, **keywords: str) -> tuple[Client, str, object]:
    await world.start()
    phone = await world.phone(scenario, **keywords)
    alice = await world.client("alice")
    sid = jingle.new_sid()
    await alice.accepted(jingle.webrtc_offer(sid, alice.jid), to)
    return alice, sid, phone


@numbers
async def a_number_is_called(world: World) -> None:
    """Manual 2: "a call to a SIP user … works the same"; 183 is ringing, 200 session-accept, session-terminate BYE."""
    alice, sid, phone = await number(world, "number")
    await check_ringing(alice, sid)
    await world.relay.response(183, to="INVITE", by_gateway=False)
    check_accept(await alice.action("session-accept"), sid)
    await alice.accepted(jingle.terminate(sid, "success"), CALLEE)
    await phone.done()  # type: ignore[attr-defined]
    equal(len(alice.actions("session-info")), 1, "number of session-infos")


@numbers
async def a_conference_room_is_called(world: World) -> None:
    """Manual: a re-INVITE without a=jingle-action is transport-info; the room hangs up: session-terminate success."""
    alice, sid, phone = await number(world, "conference", f"*901@{DOMAIN}")
    await check_ringing(alice, sid)
    check_accept(await alice.action("session-accept"), sid)
    info = await alice.action("transport-info")
    equal(info.get("sid"), sid, "sid of transport-info")
    equal([c.get("name") for c in info.findall(f"{JINGLE}content")], ["0", "1"], "contents of transport-info")
    candidates = [(c.get("ip"), c.get("port")) for c in info.iter(f"{ICE}candidate")]
    check(("203.0.113.77", "41000") in candidates, f"candidates of transport-info: {candidates}")
    end = await alice.action("session-terminate")
    equal((end.get("sid"), reason_of(end)), (sid, "success"), "session-terminate")
    await phone.done()  # type: ignore[attr-defined]


@numbers
async def a_4xx_terminates(world: World) -> None:
    """Manual: "an error response … from the range 400 to 699 but not 486": general-error with the code in sip-error."""
    alice, sid, phone = await number(world, "refuse", f"error.480@{DOMAIN}", status="480 Temporarily Unavailable")
    end = await alice.action("session-terminate")
    equal((end.get("sid"), reason_of(end)), (sid, "general-error"), "session-terminate")
    error = find_anywhere(end, "sip-error")
    assert error is not None, "no sip-error"
    equal((error.get("code"), error.text), ("480", "Temporarily Unavailable"), "sip-error")
    await phone.done()  # type: ignore[attr-defined]
    equal(len(alice.actions("session-terminate")), 1, "number of session-terminates")


@numbers
async def a_number_is_cancelled(world: World) -> None:
    """Manual 1.3.2, towards a phone: CANCEL, and its 487."""
    alice, sid, phone = await number(world, "ring-until-cancelled")
    await check_ringing(alice, sid)
    await alice.accepted(jingle.terminate(sid, "decline"), CALLEE)
    await phone.done()  # type: ignore[attr-defined]
    await world.relay.response(487, to="INVITE", by_gateway=False)
    equal(alice.actions("session-terminate"), [], "session-terminate to the one who gave up")


@numbers
async def a_phone_calls_through_the_proxy(world: World) -> None:
    """Manual, SIP to Jingle: INVITE, 180, 200, ACK and BYE of a phone behind the proxy."""
    await world.start()
    bob = await world.client("bob")
    phone = await world.phone("call-and-hang-up", callee="bob")
    iq = await bob.action_iq("session-initiate")
    initiate = await bob.action("session-initiate")
    sid = initiate.get("sid") or ""
    content = initiate.find(f"{JINGLE}content")
    assert content is not None
    await bob.accepted(jingle.plain_answer(sid, bob.jid, content.get("name") or ""), iq.get("from") or "")
    end = await bob.action("session-terminate")
    equal((end.get("sid"), reason_of(end)), (sid, "success"), "session-terminate")
    await phone.done()
