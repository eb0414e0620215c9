"""Prosody, ejabberd and baresip as the other scenarios take them for granted, with a component of ours in place of the
gateway; and the module for Prosody, which needs no more than that."""

from __future__ import annotations

import asyncio
from xml.etree.ElementTree import Element

from harness import jingle
from harness.client import CLIENT, JINGLE, error_of, jingle_of
from harness.component import ACCEPT
from harness.gateway import DOMAIN
from harness.puppet import PLAIN_SDP, Puppet
from harness.rtp import Ear
from harness.scenario import SERVED, Topology, World, check, equal, for_a_while, scenario
from harness.served import JMI, ServedWorld
from harness.servers import COMPONENT, ELSEWHERE, SECRET, STRANGER
from harness.sip import Message

CONTACT = f"+49123@{COMPONENT}"
PROSODY = (Topology(server="prosody"),)


@scenario("slixmpp", behind=SERVED, world=ServedWorld)
async def server_hands_stanzas_to_its_component(world: ServedWorld) -> None:
    """XEP-0114: what users of the server send to the component's domain gets there, and what it sends gets to them."""
    await world.server.start()
    component = await world.component()
    alice = await world.client("alice", "pocket")
    desk = await world.client("alice", "desk")

    alice.propose(CONTACT, "call-1")
    proposed = await component.stanza(lambda s: s.find(f"{JMI}propose") is not None, "<propose/>")
    equal((proposed.get("from"), proposed.get("to"), proposed.get("type")), (alice.jid, CONTACT, "chat"), "addresses")
    # The caller's other devices see that it calls (XEP-0280).
    await desk.hears("propose", "call-1", carbon=True)
    component.send(f"<message from='{CONTACT}/sip' to='{alice.jid}' type='chat'>"
                   "<proceed xmlns='urn:xmpp:jingle-message:0' id='call-1'/></message>")
    await alice.hears("proceed", "call-1")

    # A proposal to the bare JID reaches every device.
    component.send(f"<message from='{CONTACT}/sip' to='{alice.bare}' type='chat'><propose xmlns='urn:xmpp:jingle-message:0' "
                   "id='call-2'><description xmlns='urn:xmpp:jingle:apps:rtp:1' media='audio'/></propose>"
                   "<store xmlns='urn:xmpp:hints'/></message>")
    for device in (alice, desk):
        await device.hears("propose", "call-2")

    # A set that the component sends is answered by the device.
    component.send(f"<iq type='set' id='c1' from='{CONTACT}/sip' to='{alice.jid}'>"
                   f"{jingle.terminate('call-1', 'success')}</iq>")
    answer = await component.stanza(lambda s: s.get("id") == "c1", "the answer of the device")
    equal((answer.get("type"), answer.get("from"), answer.get("to")), ("result", alice.jid, f"{CONTACT}/sip"), "answer")

    # Users of the server's other domains get through as well: who may call is for the gateway to say.
    charlie = await world.client(STRANGER, domain=ELSEWHERE)
    charlie.propose(CONTACT, "call-3")
    proposed = await component.stanza(lambda s: s.get("id") == "jm-propose-call-3", "the proposal of a stranger")
    equal(proposed.get("from"), charlie.jid, "from of the stranger")


@scenario("slixmpp", behind=SERVED, world=ServedWorld)
async def server_refuses_a_component_with_another_secret(world: ServedWorld) -> None:
    """XEP-0114 §3: a handshake with another secret is answered by the stream error not-authorized."""
    await world.server.start()
    try:
        await world.component(secret=f"not-{SECRET}")
    except AssertionError as error:
        check(str(error).endswith(": not-authorized"), str(error))
    else:
        raise AssertionError("the server takes a component with a wrong secret")
    await world.component()


@scenario("slixmpp", behind=SERVED, world=ServedWorld)
async def server_says_nothing_of_who_does_not_exist(world: ServedWorld) -> None:
    """RFC 6121 §8.5.1: a <propose/> for no such user comes back as service-unavailable; one for a user who is away is kept."""
    await world.server.start()
    component = await world.component()
    for user in ("nobody", "bob"):
        component.send(f"<message from='{CONTACT}/sip' to='{user}@{DOMAIN}' type='chat' id='m-{user}'>"
                       f"<propose xmlns='urn:xmpp:jingle-message:0' id='{user}'>"
                       "<description xmlns='urn:xmpp:jingle:apps:rtp:1' media='audio'/></propose>"
                       "<store xmlns='urn:xmpp:hints'/></message>")
        component.send(f"<iq type='get' from='{CONTACT}/sip' to='{user}@{DOMAIN}' id='v-{user}'><vCard xmlns='vcard-temp'/></iq>")
        component.send(f"<iq type='get' from='{CONTACT}/sip' to='{user}@{DOMAIN}' id='d-{user}'>"
                       "<query xmlns='http://jabber.org/protocol/disco#info'/></iq>")
    for kind in ("v", "d"):
        for user in ("nobody", "bob"):
            await component.stanza(lambda s, i=f"{kind}-{user}": s.get("id") == i, f"the answer to {kind}-{user}")
    await component.stanza(lambda s: s.get("id") == "m-nobody", "the error of the proposal")
    await for_a_while()
    answers = {s.get("id"): _condition(s) for s in component.received if s.get("id")}
    equal(answers.get("m-nobody"), "service-unavailable", "answer to the proposal for nobody")
    check("m-bob" not in answers, f"answer to the proposal for one who is away: {answers.get('m-bob')}")


def _condition(stanza: Element) -> str:
    error = stanza.find(f"{ACCEPT}error")
    return stanza.get("type", "") if error is None else error[0].tag.rpartition("}")[2]


@scenario("baresip", behind=(Topology("kamailio"),))
async def baresip_answers_and_calls(world: World) -> None:
    """baresip behind Kamailio answers at once, plays back what it hears, hangs up; calls, and is hung up on."""
    puppet = Puppet()
    world.puppets.append(puppet)
    await puppet.open()
    await world.start_proxy(puppet.port)
    puppet.gateway = ("127.0.0.1", world.relay.port)
    phone = await world.baresip()
    ear = Ear()
    await ear.open()
    offer = PLAIN_SDP.replace(b"192.0.2.7", b"127.0.0.1").replace(b"40000", b"%d" % ear.address[1])
    invite = puppet.invite("+49123", offer)
    ok = await puppet.response(200, to="INVITE")
    answer_to(puppet, invite, "ACK", ok)
    await phone.event("CALL_ESTABLISHED")
    ear.hum(("127.0.0.1", ok.sdp.media[0].port))
    await ear.hears_itself()
    ear.close()
    phone.hang_up()
    puppet.respond(await puppet.request("BYE"), 200)
    await phone.event("CALL_CLOSED")

    assert world.proxy
    phone.dial(f"sip:alice@127.0.0.1:{world.proxy.port}")
    await puppet.until(lambda: len(puppet.sent(request="INVITE")) > 0, 10, "INVITE of baresip")
    call = puppet.sent(request="INVITE")[0]
    equal(call.target, f"sip:alice@{DOMAIN}", "Request-URI")
    puppet.respond(call, 180, "Ringing")
    await phone.event("CALL_RINGING")
    puppet.respond(call, 486, "Busy Here")
    closed = await phone.event("CALL_CLOSED", number=2)
    check(closed.get("param", "").startswith("486"), f"why the call ended: {closed.get('param')}")


def answer_to(puppet: Puppet, invite: Message, method: str, response: Message) -> None:
    """A request within the dialog of a response that came over a proxy which records its route."""
    routes = [("Route", value) for value in reversed(response.values("Record-Route"))]
    puppet.follow(invite, method, response, headers=routes)


@scenario("slixmpp", behind=PROSODY, world=ServedWorld)
async def module_hands_jingle_of_users_to_the_component(world: ServedWorld) -> None:
    """mod_jingle_sip_intercept: every Jingle set of a user and existing-session-initiate, to and from unchanged; nothing else."""
    world.server.more = f'jingle_sip_component = "{COMPONENT}"'
    world.server.host_more = 'modules_enabled = { "jingle_sip_intercept" }'
    world.server.component_more = "validate_from_addresses = false"
    await world.server.start()
    component = await world.component()
    alice = await world.client("alice")
    bob = await world.client("bob")

    def answering(stanza: Element) -> None:
        if stanza.tag == f"{ACCEPT}iq" and stanza.get("type") in ("set", "get"):
            component.answer(stanza)
    component.on_stanza = answering

    # To a device, an account, one's own account, a host, and to somebody whom this server knows nothing of.
    for number, to in enumerate((bob.jid, bob.bare, alice.bare, DOMAIN, "somebody@example.net", f"+49123@{COMPONENT}")):
        sid = f"sid-{number}"
        answer = await alice.jingle(jingle.webrtc_offer(sid, alice.jid), to)
        equal((answer.get("type"), answer.get("from")), ("result", to), f"answer to the set for {to}")
        taken = [s for s in component.received if (found := s.find(f"{JINGLE}jingle")) is not None and found.get("sid") == sid]
        equal([(s.get("from"), s.get("to")) for s in taken], [(alice.jid, to)], f"what the component got for {to}")
    equal(bob.actions(), [], "Jingle that went from user to user")
    answer = await alice.ask(jingle.existing_session_initiate(alice.bare))
    equal((answer.get("type"), answer.get("from")), ("result", alice.bare), "answer to existing-session-initiate")

    # Other requests go where they always went.
    count = len(component.received)
    equal((await alice.disco(bob.jid)).get("from"), bob.jid, "who answers disco#info")
    equal((await alice.ask(f"<iq type='get' id='{{id}}' to='{bob.jid}'><ping xmlns='urn:xmpp:ping'/></iq>")).get("type"),
          "result", "ping")
    equal(len(component.received), count, "stanzas for the component")

    # What the component sends as a user goes to the device, the answer back to the component.
    component.send(f"<iq type='set' id='jsg-7' from='{alice.bare}' to='{bob.jid}'>{jingle.webrtc_offer('sid-9', alice.bare)}</iq>")
    offer = await bob.action_iq("session-initiate")
    equal(offer.get("from"), alice.bare, "from of the session-initiate")
    answer = await component.stanza(lambda s: s.get("id") == "jsg-7", "the answer of the device")
    equal((answer.get("type"), answer.get("from"), answer.get("to")), ("result", bob.jid, alice.bare), "answer")
    # And the error of the server where the device is gone.
    component.send(f"<iq type='set' id='jsg-8' from='{alice.bare}' to='{bob.bare}/gone'>{jingle.terminate('sid-9', 'gone')}</iq>")
    answer = await component.stanza(lambda s: s.get("id") == "jsg-8", "the error for a device that is gone")
    equal(_condition(answer), "service-unavailable", "error for a device that is gone")
    # An id that is not ours is none of the component's.
    bob.send(f"<iq type='result' id='other-1' to='{alice.bare}'/>")
    await for_a_while()
    check(not any(s.get("id") == "other-1" for s in component.received), "the component got somebody else's answer")

    # Without the gateway the caller is told, at once.
    component.close()
    await asyncio.sleep(0.2)
    answer = await alice.jingle(jingle.webrtc_offer("sid-10", alice.jid), bob.jid)
    equal((error_of(answer), answer.get("from")), ("remote-server-timeout", bob.jid), "answer without a component")
    check(all(jingle_of(iq) is None or jingle_of(iq).get("sid") != "sid-10" for iq in bob.received  # type: ignore[union-attr]
              if iq.tag == f"{CLIENT}iq"), "Jingle went from user to user without the gateway")
