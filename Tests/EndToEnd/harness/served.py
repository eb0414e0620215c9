"""The gateway as the component of a real XMPP server, and clients that speak to it as deployed ones do."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element
from xml.sax.saxutils import quoteattr

from .client import CLIENT, Client, error_of
from .component import Component
from .gateway import DOMAIN, Gateway
from .scenario import Topology, World
from .servers import COMPONENT, SECRET, SERVERS, XMPPServer

JMI = "{urn:xmpp:jingle-message:0}"
DISCO_INFO = "{http://jabber.org/protocol/disco#info}"
CAPS = "{http://jabber.org/protocol/caps}"
CARBONS = "{urn:xmpp:carbons:2}"
FORWARD = "{urn:xmpp:forward:0}"

#: What makes Conversations and its like show a button for calls (XEP-0167 §11 names the same).
CALLS = frozenset({
    "http://jabber.org/protocol/disco#info", "urn:xmpp:ping", "urn:xmpp:jingle:1", "urn:xmpp:jingle:apps:rtp:1",
    "urn:xmpp:jingle:apps:rtp:audio", "urn:xmpp:jingle:apps:rtp:video", "urn:xmpp:jingle:apps:dtls:0",
    "urn:xmpp:jingle:transports:ice-udp:1", "urn:xmpp:jingle:transports:raw-udp:1",
})
#: A client that proposes calls first.
PROPOSES = CALLS | {"urn:xmpp:jingle-message:0"}
#: One that knows no calls at all.
TEXT_ONLY = frozenset({"http://jabber.org/protocol/disco#info", "urn:xmpp:ping"})

RTP_AUDIO = "<description xmlns='urn:xmpp:jingle:apps:rtp:1' media='audio'/>"


def verification(identities: list[tuple[str, str, str, str]], features: list[str]) -> str:
    """The `ver` of XEP-0115 §5.1; an identity is category, type, language, name. No extensions (XEP-0128)."""
    text = "".join(f"{'/'.join(identity)}<" for identity in sorted(identities))
    text += "".join(f"{feature}<" for feature in sorted(features))
    return base64.b64encode(hashlib.sha1(text.encode()).digest()).decode()


def verification_of(info: Element) -> str:
    """The same of an answer to disco#info."""
    query = info.find(f"{DISCO_INFO}query")
    assert query is not None, ElementTree.tostring(info, "unicode")
    language = "{http://www.w3.org/XML/1998/namespace}lang"
    return verification(
        [(i.get("category", ""), i.get("type", ""), i.get(language, ""), i.get("name", ""))
         for i in query.findall(f"{DISCO_INFO}identity")], features_of(info))


def features_of(info: Element) -> list[str]:
    return [feature.get("var", "") for feature in info.iter(f"{DISCO_INFO}feature")]


def identities_of(info: Element) -> set[tuple[str | None, str | None]]:
    return {(i.get("category"), i.get("type")) for i in info.iter(f"{DISCO_INFO}identity")}


class ServedClient(Client):
    """A device of a user of the server. Messages and presences are recorded, too; it says what it can (XEP-0115)."""

    kinds = ("iq", "message", "presence")
    NODE = "https://example.org/test-client"

    def __init__(self, user: str, resource: str, domain: str = DOMAIN, features: frozenset[str] = PROPOSES) -> None:
        super().__init__(user, resource, domain)
        self.features = features
        self.answers_pings = True
        self.ver = verification([("client", "phone", "", "test")], sorted(features))

    async def connect(self, port: int, available: bool = True) -> None:
        await super().connect(port, available=False)
        # Only who has asked for the roster is told about subscriptions (RFC 6121 §2.2), and carbons (XEP-0280): as
        # every client does.
        answer = await self.ask("<iq type='get' id='{id}'><query xmlns='jabber:iq:roster'/></iq>")
        assert answer.get("type") == "result", "roster"
        answer = await self.ask("<iq type='set' id='{id}'><enable xmlns='urn:xmpp:carbons:2'/></iq>")
        assert answer.get("type") == "result", "carbons"
        self.received.clear()
        if available:
            await self.come()

    async def come(self) -> None:
        """Becomes available."""
        self.send(f"<presence><c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='{self.NODE}' "
                  f"ver={quoteattr(self.ver)}/></presence>")
        await self.until(lambda: any(p.get("from") == self.jid for p in self.presences()), "its own presence")

    def _take(self, stanza: Element) -> None:
        if stanza.tag == f"{CLIENT}iq" and stanza.get("type") == "get":
            self._answer(stanza)
        super()._take(stanza)

    def _answer(self, iq: Element) -> None:
        """disco#info of what we can, and ping."""
        addresses = f"id={quoteattr(iq.get('id') or '')} to={quoteattr(iq.get('from') or self.bare)}"
        if (query := iq.find(f"{DISCO_INFO}query")) is not None:
            node = f" node={quoteattr(query.get('node') or '')}" if query.get("node") else ""
            features = "".join(f"<feature var='{feature}'/>" for feature in sorted(self.features))
            self.send(f"<iq type='result' {addresses}><query xmlns='http://jabber.org/protocol/disco#info'{node}>"
                      f"<identity category='client' type='phone' name='test'/>{features}</query></iq>")
        elif iq.find("{urn:xmpp:ping}ping") is not None:
            if self.answers_pings:
                self.send(f"<iq type='result' {addresses}/>")
        else:
            self.send(f"<iq type='error' {addresses}><error type='cancel'><service-unavailable "
                      "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>")

    def presences(self, sender: str | None = None, kind: str | None = None) -> list[Element]:
        """The presences received; `sender` is a bare or full JID, `kind` the type, the empty string for available."""
        return [p for p in self.received if p.tag == f"{CLIENT}presence"
                and (sender is None or (p.get("from") or "") == sender or (p.get("from") or "").startswith(f"{sender}/"))
                and (kind is None or p.get("type", "") == kind)]

    async def presence(self, sender: str, kind: str = "", timeout: float = 10) -> Element:
        return await self._waiters.until(lambda: next(iter(self.presences(sender, kind)), None), timeout,
                                         f"presence {kind or 'available'} of {sender} for {self.jid}")

    async def disco(self, to: str, node: str | None = None, kind: str = "info") -> Element:
        """Asks what somebody is and can; returns the IQ that answers."""
        attribute = f" node={quoteattr(node)}" if node else ""
        return await self.ask(f"<iq type='get' id='{{id}}' to={quoteattr(to)}>"
                              f"<query xmlns='http://jabber.org/protocol/disco#{kind}'{attribute}/></iq>")

    # Jingle Message Initiation (XEP-0353)

    def say(self, name: str, to: str, sid: str, inner: str = "", kind: str = "chat") -> None:
        """Sends a message with an element of JMI, with what Conversations puts beside it."""
        self.send(f"<message type='{kind}' id='jm-{name}-{sid}' to={quoteattr(to)}>"
                  f"<{name} xmlns='urn:xmpp:jingle-message:0' id={quoteattr(sid)}>{inner}</{name}>"
                  "<store xmlns='urn:xmpp:hints'/></message>")

    def propose(self, to: str, sid: str) -> None:
        self.say("propose", to, sid, RTP_AUDIO)

    def retract(self, to: str, sid: str) -> None:
        self.say("retract", to, sid, "<reason xmlns='urn:xmpp:jingle:1'><cancel/><text>Retracted</text></reason>")

    def heard(self, name: str, sid: str | None = None, carbon: bool = False) -> list[Element]:
        """The messages with this element of JMI that came to us, or of which we have got a carbon copy."""
        found = []
        for message in self.received:
            if message.tag != f"{CLIENT}message":
                continue
            copy = next((child for child in message if child.tag in (f"{CARBONS}sent", f"{CARBONS}received")), None)
            if (copy is not None) != carbon:
                continue
            inner = message if copy is None else copy.find(f"{FORWARD}forwarded/{CLIENT}message")
            element = inner.find(f"{JMI}{name}") if inner is not None else None
            if element is not None and inner is not None and sid in (None, element.get("id")):
                found.append(inner)
        return found

    async def hears(self, name: str, sid: str | None = None, timeout: float = 10, carbon: bool = False) -> Element:
        return await self._waiters.until(
            lambda: next(iter(self.heard(name, sid, carbon)), None), timeout,
            f"{'a carbon of ' if carbon else ''}<{name}/> for {self.jid}")

    def order(self, *names: str) -> list[str]:
        """The elements of JMI and actions of Jingle that came, in order, those named only."""
        found = []
        for stanza in self.received:
            for child in stanza:
                name = child.get("action") if child.tag.endswith("}jingle") else child.tag.rpartition("}")[2]
                if name in names and (child.tag.startswith(JMI) or child.tag.endswith("}jingle")):
                    found.append(name)
        return found


def reason_in(message: Element, name: str) -> str:
    """The reason in an element of JMI."""
    element = message.find(f"{JMI}{name}")
    assert element is not None
    return next((child.tag.rpartition("}")[2] for child in element.findall("{urn:xmpp:jingle:1}reason/*")
                 if not child.tag.endswith("}text")), "")


class ComponentGateway(Gateway):
    """`jingle-sip-gateway serve` in component mode."""

    component_port = 0
    secret = SECRET
    component = COMPONENT
    #: Further lines of `[xmpp.component]`, and whole sections: `[calls]`, `[[route]]`.
    more_component = ""
    sections = ""

    async def start(self, proxy_port: int, more_sip: str = "", sip_port: int = 0) -> None:
        file = self.folder / "gateway.toml"
        file.write_text(self.configuration(proxy_port, more_sip, sip_port))
        await self.launch(file)

    def configuration(self, proxy_port: int, more_sip: str, sip_port: int) -> str:
        return f"""\
[sip]
listen_host = "127.0.0.1"
listen_port = {sip_port}
proxy_host = "127.0.0.1"
proxy_port = {proxy_port}
local_host = "127.0.0.1"
{more_sip}
[xmpp]
mode = "component"

[xmpp.component]
host = "127.0.0.1"
port = {self.component_port}
domain = "{self.component}"
user_domain = "{DOMAIN}"
secret = "{self.secret}"
{self.more_component}
{self.sections}
"""

    def logged(self, text: str) -> int:
        """How many lines of the log have this text, in upper case or lower."""
        return sum(text.lower() in line.lower() for line in self.log.read_text(errors="replace").splitlines())


class ServedWorld(World):
    """A server, the gateway as its component, and clients that connect to the server."""

    def __init__(self, executable: Path, folder: Path, topology: Topology = Topology(), many_calls: int = 10_000) -> None:
        super().__init__(executable, folder, topology, many_calls)
        assert topology.server
        self.server: XMPPServer = SERVERS[topology.server](folder)
        self.gateway: ComponentGateway = ComponentGateway(executable, folder)
        self.components: list[Component] = []

    async def start(self, more_sip: str = "", proxy_port: int | None = None, direct: bool = False,
                    connected: bool = True) -> None:
        """Starts the server, unless it runs, and the gateway; `connected`: until the server hands stanzas to it."""
        if self.server.process is None:
            await self.server.start()
        self.gateway.component_port = self.server.component_port
        await super().start(more_sip, proxy_port, direct)
        if connected:
            await self.connected()

    async def connected(self, timeout: float = 20) -> None:
        """Waits until the component answers pings."""
        probe = ServedClient("kate", "probe")
        await probe.connect(self.server.client_port, available=False)
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        try:
            while True:
                answer = await probe.ask(f"<iq type='get' id='{{id}}' to='{COMPONENT}'><ping xmlns='urn:xmpp:ping'/></iq>")
                if answer.get("type") == "result":
                    return
                if loop.time() > deadline or not self.gateway.is_running():
                    raise AssertionError(f"no answer to a ping of {COMPONENT} within {timeout:g} s but {error_of(answer)}")
                await asyncio.sleep(0.05)
        finally:
            await probe.close()

    async def client(self, user: str, resource: str = "device", available: bool = True, domain: str = DOMAIN,  # type: ignore[override]
                     features: frozenset[str] = PROPOSES) -> ServedClient:
        client = ServedClient(user, resource, domain, features)
        self.clients.append(client)
        await client.connect(self.server.client_port, available)
        return client

    async def befriend(self, client: ServedClient, contact: str) -> None:
        """The contact gets into the roster of the client, each with the presence of the other."""
        client.send(f"<presence type='subscribe' to='{contact}'/>")
        await client.presence(contact, "subscribed")
        await client.presence(contact, "subscribe")
        client.send(f"<presence type='subscribed' to='{contact}'/>")
        await client.presence(contact)

    async def component(self, secret: str = SECRET) -> Component:
        """A component of ours in place of the gateway."""
        component = Component(secret=secret)
        self.components.append(component)
        await component.connect(self.server.component_port)
        return component

    async def close(self) -> None:
        for component in self.components:
            component.close()
        await super().close()
        await self.server.kill()

    def transcript(self) -> str:
        parts = [super().transcript(), *(component.transcript() for component in self.components)]
        parts.append(f"--- log of {self.server.name}\n{self.server.log_tail()}")
        return "\n".join(parts)
