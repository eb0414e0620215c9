"""Servers, clients and proxies that are not there, go away and come back, while the gateway is a component."""

from __future__ import annotations

from harness import jingle
from harness.puppet import PLAIN_SDP
from harness.scenario import SERVED, SERVED_AND_PROXIED, check, equal, for_a_while, scenario
from harness.served import CALLS, ServedWorld
from harness.servers import COMPONENT, Listening
from harness.waiting import condition_of

from .component_calls_from_phones import accepts, answered, proposed as proposed_by_phone
from .component_calls_to_phones import CONTACT, PHONE, accepted, proposed


async def said(world: ServedWorld, *texts: str, times: int = 2, timeout: float = 20) -> None:
    """Waits until the log has one of these texts several times: each try is said."""
    await condition_of(lambda: max(world.gateway.logged(text) for text in texts) >= times, timeout,
                       f"{' or '.join(texts)} in the log of the gateway, {times} times")


@scenario("slixmpp", behind=SERVED, world=ServedWorld, waits=True)
async def server_does_not_know_the_secret(world: ServedWorld) -> None:
    """XEP-0114: not-authorized is said in the log and tried again; when the secret is set right, the gateway gets in."""
    world.server.secret = "another secret"
    await world.start(connected=False)
    await said(world, "not-authorized")
    check(world.gateway.is_running(), "the gateway has ended")
    await world.server.stop()
    world.server.secret = world.gateway.secret
    await world.server.start()
    await world.connected(40)


@scenario("slixmpp", behind=SERVED, world=ServedWorld, waits=True)
async def server_does_not_know_the_component(world: ServedWorld) -> None:
    """XEP-0114: a domain that is no component of the server is said in the log and tried again."""
    world.server.component = f"other.{COMPONENT}"
    await world.start(connected=False)
    # ejabberd says not-authorized where Prosody says host-unknown.
    await said(world, "host-unknown", "not-authorized", "not-allowed")
    check(world.gateway.is_running(), "the gateway has ended")


@scenario("slixmpp", behind=SERVED, world=ServedWorld, waits=True)
async def server_comes_later(world: ServedWorld) -> None:
    """The gateway starts before its server: ready at once, refused connections in the log, connected when it is there."""
    world.gateway.component_port = world.server.component_port
    await super(ServedWorld, world).start()
    await said(world, "refuse")
    await world.server.start()
    await world.connected(40)


@scenario("slixmpp", behind=SERVED[:1], world=ServedWorld, waits=True, timeout=90)
async def server_that_says_nothing(world: ServedWorld) -> None:
    """Somebody listens at the server's port and says nothing: given up after a while, tried again, SIGTERM ends it."""
    silent = Listening(world.server.component_port)
    await silent.open()
    world.gateway.component_port = world.server.component_port
    await super(ServedWorld, world).start()
    await condition_of(lambda: silent.connections >= 2, 60, "a second attempt to connect")
    equal(await world.gateway.terminate(4), 0, "exit status")
    silent.close()


@scenario("slixmpp", behind=SERVED, world=ServedWorld, waits=True)
async def server_restarts_during_a_call(world: ServedWorld) -> None:
    """A call survives that the server goes away and comes back; its client, which is back as well, hangs up."""
    puppet = await world.puppet()
    alice = await world.client("alice")
    await world.befriend(alice, CONTACT)
    sid, invite = await proposed(puppet, alice)
    await accepted(puppet, alice, sid, invite)
    await world.server.kill()
    await for_a_while(0.5)
    equal(puppet.sent(request="BYE"), [], "BYE because the server is gone")
    await world.server.start()
    await world.connected(40)
    # The device comes back with the same address, and is seen by the contact.
    again = await world.client("alice")
    await again.presence(CONTACT)
    await for_a_while(0.5)
    equal(puppet.sent(request="BYE"), [], "BYE after the server came back")
    await again.accepted(jingle.terminate(sid, "success"), PHONE)
    bye = await puppet.request("BYE", call_id=sid)
    puppet.respond(bye, 200)


@scenario("slixmpp", behind=SERVED, world=ServedWorld, waits=True)
async def phone_hangs_up_while_the_server_is_away(world: ServedWorld) -> None:
    """BYE while there is no server is answered 200 at once, and the call is over; the next one works again."""
    puppet = await world.puppet()
    alice = await world.client("alice")
    sid, invite = await proposed(puppet, alice)
    await accepted(puppet, alice, sid, invite)
    await world.server.kill()
    bye = puppet.turn(invite, "BYE", 2)
    await puppet.answer(bye, 200)
    call = puppet.invite("alice", PLAIN_SDP)
    await puppet.until(lambda: [m for m in puppet.sent_in(call.call_id) if (m.status or 0) >= 400], 10, "a refusal")
    refusal = next(m for m in puppet.sent_in(call.call_id) if (m.status or 0) >= 400)
    check(refusal.status in (480, 503), f"final response without a server: {refusal.status}")
    await world.server.start()
    await world.connected(40)
    again = await world.client("alice")
    invite, sid = await proposed_by_phone(puppet, again)
    await answered(puppet, invite, again, await accepts(again, sid))


@scenario("slixmpp", behind=SERVED, world=ServedWorld)
async def user_sends_what_the_gateway_does_not_read(world: ServedWorld) -> None:
    """What is too deep or too wide is passed over: the stream is that of all users, and one of them cannot end it."""
    await world.start()
    alice = await world.client("alice")
    bob = await world.client("bob")
    attributes = " ".join(f"a{number}=''" for number in range(100))
    namespaces = "".join(f"<a xmlns='urn:example:{number}'/>" for number in range(100))
    for payload in ("<a>" * 100 + "</a>" * 100, f"<a {attributes}/>", namespaces):
        bob.send(f"<message to='{CONTACT}' type='chat' id='m'><b xmlns='urn:example'>{payload}</b></message>")
        for client in (bob, alice):
            await client.disco(CONTACT)
    equal(world.gateway.logged("connected to the XMPP server"), 1, "connections to the server")
    equal(world.gateway.logged("no stream to the XMPP server"), 0, "ends of the stream")


@scenario("slixmpp", behind=SERVED, world=ServedWorld)
async def client_goes_away_during_a_call(world: ServedWorld) -> None:
    """A device that is gone – its presence says so – has left the call: BYE."""
    puppet = await world.puppet()
    alice = await world.client("alice")
    await world.befriend(alice, CONTACT)
    sid, invite = await proposed(puppet, alice)
    await accepted(puppet, alice, sid, invite)
    alice.send("<presence type='unavailable'/>")
    puppet.respond(await puppet.request("BYE", call_id=sid), 200)


@scenario("slixmpp", behind=SERVED, world=ServedWorld, waits=True, timeout=150)
async def client_that_nobody_sees_vanishes(world: ServedWorld) -> None:
    """XEP-0166 §7.2.9: asked for a sign of life, she gives it; when her connection is gone, the server does not: BYE."""
    puppet = await world.puppet()
    alice = await world.client("alice")
    sid, invite = await proposed(puppet, alice)
    await accepted(puppet, alice, sid, invite)
    alice.received.clear()
    sign = await alice.action("session-info", 45)
    equal((sign.get("sid"), len(sign)), (sid, 0), "sid and payload of session-info")
    await for_a_while()
    equal(puppet.sent(request="BYE"), [], "BYE for one who is there")
    await alice.close()
    bye = await puppet.request("BYE", call_id=sid, timeout=45)
    check("cause=20" in bye.header("Reason"), f"Reason: {bye.header('Reason')}")
    puppet.respond(bye, 200)


@scenario("slixmpp", behind=SERVED[:1], world=ServedWorld, waits=True)
async def client_knows_no_session_info(world: ServedWorld) -> None:
    """Monal leaves session-info without an answer: where it answers a ping, it goes on ringing; a dead one is cancelled."""
    puppet = await world.puppet()
    for answers in (True, False):
        alice = await world.client("alice", "there" if answers else "not there")
        alice.answers_sets = alice.answers_pings = False
        sid, invite = await proposed(puppet, alice)
        alice.answers_pings = answers
        puppet.respond(invite, 180, "Ringing")
        if answers:
            await for_a_while(12)
            equal(puppet.sent(request="CANCEL"), [], "CANCEL for one who is there")
            puppet.respond(invite, 486, "Busy Here")
        else:
            cancel = await puppet.request("CANCEL", call_id=sid, timeout=15)
            puppet.respond(cancel, 200)
            puppet.respond(invite, 487, "Request Terminated")


@scenario("slixmpp", behind=SERVED, world=ServedWorld)
async def client_goes_away_while_the_phone_rings(world: ServedWorld) -> None:
    """A caller that is gone before the phone has answered: CANCEL."""
    puppet = await world.puppet()
    alice = await world.client("alice")
    await world.befriend(alice, CONTACT)
    sid, invite = await proposed(puppet, alice)
    puppet.respond(invite, 180, "Ringing")
    await alice.action("session-info")
    alice.send("<presence type='unavailable'/>")
    puppet.respond(await puppet.request("CANCEL", call_id=sid), 200)
    puppet.respond(invite, 487, "Request Terminated")


@scenario("slixmpp", behind=SERVED, world=ServedWorld)
async def gateway_is_ended_during_calls(world: ServedWorld) -> None:
    """SIGTERM: BYE and session-terminate, the stream closed, exit status 0 within 3 s; the contact is gone for its friends."""
    puppet = await world.puppet()
    alice = await world.client("alice")
    await world.befriend(alice, CONTACT)
    sid, invite = await proposed(puppet, alice)
    await accepted(puppet, alice, sid, invite)
    alice.received.clear()
    equal(await world.gateway.terminate(3), 0, "exit status")
    await puppet.request("BYE", call_id=sid)
    equal((await alice.action("session-terminate")).get("sid"), sid, "sid of session-terminate")


@scenario("slixmpp", behind=SERVED, world=ServedWorld)
async def gateway_restarts_while_its_users_stay(world: ServedWorld) -> None:
    """RFC 6121 §4.3.1: servers ask for presence when users come. Those who stayed see the contact again, and are rung."""
    world.gateway.more_component = f'subscriptions = "{world.folder}/subscriptions"'
    puppet = await world.puppet()
    alice = await world.client("alice", features=CALLS)
    bob = await world.client("bob", features=CALLS)
    for client in (alice, bob):
        await world.befriend(client, CONTACT)
    # Whoever has taken the contact away is told no more.
    bob.send(f"<presence type='unsubscribe' to='{CONTACT}'/>")
    await for_a_while(0.5)
    equal(await world.gateway.terminate(3), 0, "exit status")
    await alice.presence(CONTACT, "unavailable")
    for client in (alice, bob):
        client.received.clear()
    await world.gateway.start(puppet.port, sip_port=world.gateway.sip_port)
    await alice.presence(CONTACT, timeout=20)
    await for_a_while(0.5)
    equal(bob.presences(CONTACT, ""), [], "available presence for one who is not subscribed")
    # A device that knows no XEP-0353 is found only by its presence.
    invite = puppet.invite("alice", PLAIN_SDP)
    equal((await alice.action("session-initiate")).get("sid"), invite.call_id, "sid of session-initiate")


@scenario("slixmpp", "baresip", behind=SERVED_AND_PROXIED, world=ServedWorld, waits=True, timeout=150)
async def proxy_is_killed_during_a_call(world: ServedWorld) -> None:
    """Nobody answers the BYE: the client's session-terminate is answered at once, and the call is over after Timer F."""
    await world.start()
    await world.baresip()
    alice = await world.client("alice")
    sid = jingle.new_sid()
    await alice.accepted(jingle.plain_offer(sid, alice.jid), PHONE)
    await alice.action("session-accept")
    assert world.proxy
    await world.proxy.stop()
    await alice.accepted(jingle.terminate(sid, "success"), PHONE)
    await world.gateway.calls_ended(1, 45)
    # A new call ends, too, and says why.
    sid = jingle.new_sid()
    await alice.accepted(jingle.plain_offer(sid, alice.jid), PHONE)
    await alice.action("session-terminate", 45)
