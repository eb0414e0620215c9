"""A number is a contact: what a client needs before it shows a button for calls, on Prosody and on ejabberd."""

from __future__ import annotations

from xml.etree.ElementTree import Element

from harness.client import CLIENT, error_of, find_anywhere
from harness.scenario import SERVED, check, equal, for_a_while, scenario
from harness.served import CALLS, CAPS, ServedWorld, features_of, identities_of, verification_of
from harness.servers import COMPONENT

NUMBER = "+49123"
CONTACT = f"{NUMBER}@{COMPONENT}"
#: bob@example.com, as XEP-0106 writes it.
ESCAPED = f"bob\\40example.com@{COMPONENT}"
#: Without these Conversations shows no button (real clients, real servers: README).
NEEDED = CALLS - {"urn:xmpp:jingle:transports:raw-udp:1", "urn:xmpp:jingle:apps:rtp:video"} | {"urn:xmpp:jingle-message:0"}


def caps_of(presence: Element) -> Element:
    caps = presence.find(f"{CAPS}c")
    assert caps is not None, "presence without capabilities"
    return caps


@scenario("slixmpp", behind=SERVED, world=ServedWorld)
async def number_becomes_a_contact(world: ServedWorld) -> None:
    """RFC 6121 §3: subscription both ways, available from a full JID; XEP-0115: the ver is that of what disco#info lists."""
    await world.puppet()
    alice = await world.client("alice")
    await world.befriend(alice, CONTACT)
    presence = await alice.presence(CONTACT)
    sender = presence.get("from") or ""
    equal(sender, f"{CONTACT}/sip", "from of the presence")
    caps = caps_of(presence)
    equal(caps.get("hash"), "sha-1", "hash")
    info = await alice.disco(sender, f"{caps.get('node')}#{caps.get('ver')}")
    equal(verification_of(info), caps.get("ver"), "ver")
    equal(sorted(set(features_of(info))), sorted(features_of(info)), "features, each once")
    equal(NEEDED - set(features_of(info)), set(), "features that are missing")
    check(("client", "phone") in identities_of(info), f"identities: {identities_of(info)}")

    # A device that comes later gets it from the probe of its server (RFC 6121 §4.3).
    desk = await world.client("alice", "desk")
    equal(caps_of(await desk.presence(CONTACT)).get("ver"), caps.get("ver"), "ver for the second device")

    # And it goes both ways: the contact may see alice.
    roster = await alice.ask("<iq type='get' id='{id}'><query xmlns='jabber:iq:roster'/></iq>")
    item = next(i for i in roster.iter("{jabber:iq:roster}item") if i.get("jid") == CONTACT)
    equal(item.get("subscription"), "both", "subscription")


@scenario("slixmpp", behind=SERVED, world=ServedWorld)
async def contact_leaves_the_roster(world: ServedWorld) -> None:
    """RFC 6121 §3.3: unsubscribe is answered by unsubscribed and unavailable, and the contact ends its own subscription."""
    await world.puppet()
    alice = await world.client("alice")
    await world.befriend(alice, CONTACT)
    alice.received.clear()
    alice.send(f"<iq type='set' id='remove'><query xmlns='jabber:iq:roster'><item jid='{CONTACT}' subscription='remove'/></query></iq>")
    await alice.until(lambda: any(s.get("id") == "remove" for s in alice.received), "the answer of the roster")
    await for_a_while(0.5)
    roster = await alice.ask("<iq type='get' id='{id}'><query xmlns='jabber:iq:roster'/></iq>")
    equal([i.get("jid") for i in roster.iter("{jabber:iq:roster}item")], [], "roster")
    equal(alice.presences(CONTACT, "subscribe"), [], "subscribe of a contact that was removed")


@scenario("slixmpp", behind=SERVED, world=ServedWorld)
async def domain_says_what_it_is(world: ServedWorld) -> None:
    """XEP-0030, XEP-0100: gateway/sip, items, jabber:iq:gateway with XEP-0106 escaping, vCard, ping."""
    await world.puppet()
    alice = await world.client("alice")
    info = await alice.disco(COMPONENT)
    check(("gateway", "sip") in identities_of(info), f"identities of the domain: {identities_of(info)}")
    check(("gateway", "pstn") not in identities_of(info), "gateway/pstn, which is not configured")
    check("jabber:iq:gateway" in features_of(info), f"features of the domain: {features_of(info)}")
    equal((await alice.disco(COMPONENT, kind="items")).get("type"), "result", "disco#items of the domain")

    prompt = await alice.ask(f"<iq type='get' id='{{id}}' to='{COMPONENT}'><query xmlns='jabber:iq:gateway'/></iq>")
    check(find_anywhere(prompt, "prompt") is not None, "jabber:iq:gateway without a prompt")
    for typed, jid in ((NUMBER, CONTACT), ("bob@example.com", ESCAPED), ("sip:bob@example.com", ESCAPED)):
        answer = await alice.ask(f"<iq type='set' id='{{id}}' to='{COMPONENT}'><query xmlns='jabber:iq:gateway'>"
                                 f"<prompt>{typed}</prompt></query></iq>")
        found = find_anywhere(answer, "jid")
        equal(found.text if found is not None else None, jid, f"jid of {typed}")

    for to in (COMPONENT, CONTACT, f"{CONTACT}/sip", ESCAPED):
        answer = await alice.ask(f"<iq type='get' id='{{id}}' to='{to}'><ping xmlns='urn:xmpp:ping'/></iq>")
        equal((answer.get("type"), answer.get("from")), ("result", to), f"ping of {to}")
    for to, name in ((COMPONENT, "SIP gateway"), (CONTACT, NUMBER), (ESCAPED, "bob@example.com")):
        answer = await alice.ask(f"<iq type='get' id='{{id}}' to='{to}'><vCard xmlns='vcard-temp'/></iq>")
        names = [e.text for e in answer.iter("{vcard-temp}FN")]
        equal(names, [name], f"name in the vCard of {to}")


@scenario("slixmpp", behind=SERVED, world=ServedWorld)
async def contact_says_what_it_can(world: ServedWorld) -> None:
    """XEP-0030 for bare and full JIDs, with and without node; an unknown node, and requests that nobody knows."""
    world.gateway.more_component = "pstn = true"
    await world.puppet()
    alice = await world.client("alice")
    check(("gateway", "pstn") in identities_of(await alice.disco(COMPONENT)), "gateway/pstn, which is configured")
    for to in (CONTACT, f"{CONTACT}/sip", ESCAPED, f"{ESCAPED}/sip"):
        info = await alice.disco(to)
        equal((info.get("type"), info.get("from")), ("result", to), f"disco#info of {to}")
        check(("client", "phone") in identities_of(info), f"identities of {to}: {identities_of(info)}")
        equal(NEEDED - set(features_of(info)), set(), f"features that {to} lacks")
        equal((await alice.disco(to, kind="items")).get("type"), "result", f"disco#items of {to}")
    # XEP-0030 §7
    equal(error_of(await alice.disco(f"{CONTACT}/sip", "https://example.org/unknown#node")), "item-not-found", "unknown node")
    for kind in ("get", "set"):
        answer = await alice.ask(f"<iq type='{kind}' id='{{id}}' to='{CONTACT}/sip'><query xmlns='urn:example:unknown'/></iq>")
        check(error_of(answer) in ("service-unavailable", "feature-not-implemented"), f"answer to an unknown {kind}: {error_of(answer)}")
    # A text is no call: no answer, or an error, but no silence that looks like delivery to a wrong party.
    alice.send(f"<message type='chat' id='text' to='{CONTACT}'><body>hello</body></message>")
    await for_a_while()
    for message in (s for s in alice.received if s.tag == f"{CLIENT}message"):
        equal(message.get("type"), "error", "type of the answer to a text")
