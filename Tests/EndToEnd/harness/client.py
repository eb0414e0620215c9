"""The XMPP side: slixmpp connects and keeps the stream, the tests write and read the stanzas themselves."""

from __future__ import annotations

import asyncio
import itertools
from pathlib import Path
from typing import Callable
from xml.etree import ElementTree
from xml.etree.ElementTree import Element
from xml.sax.saxutils import quoteattr

from .gateway import DOMAIN, PASSWORD
from .waiting import Waiters

JINGLE = "{urn:xmpp:jingle:1}"
STANZA_ERRORS = "{urn:ietf:params:xml:ns:xmpp-stanzas}"
CLIENT = "{jabber:client}"


def slixmpp_is_there() -> bool:
    try:
        import slixmpp  # noqa: F401
    except ImportError:
        return False
    return True


class Client:
    """One device of a user: a stream with a resource, available, and every IQ that it got."""

    _ids = itertools.count(1)
    #: The stanzas that are recorded.
    kinds: tuple[str, ...] = ("iq",)

    def __init__(self, user: str, resource: str, domain: str = DOMAIN) -> None:
        self.user = user
        self.resource = resource
        self.bare = f"{user}@{domain}"
        self.jid = f"{self.bare}/{resource}"
        #: Every IQ received, in order (and what else `kinds` names).
        self.received: list[Element] = []
        self.answers_sets = True
        self.stream_errors: list[str] = []
        self.is_connected = False
        self._waiters = Waiters()

    async def connect(self, port: int, available: bool = True, authority: Path | None = None) -> None:
        """Opens a stream; encrypted, where there is an authority that has certified the server."""
        import slixmpp
        from slixmpp.xmlstream.handler import Callback
        from slixmpp.xmlstream.matcher import StanzaPath

        stream = slixmpp.ClientXMPP(
            self.jid, PASSWORD, plugin_config={"feature_mechanisms": {"unencrypted_plain": True}})
        stream.enable_direct_tls = False
        stream.enable_starttls = authority is not None
        stream.enable_plaintext = authority is None
        if authority:
            stream.ca_certs = authority
        self._stream = stream
        started = asyncio.get_running_loop().create_future()

        def on_start(_: object) -> None:
            self.is_connected = True
            if not started.done():
                started.set_result(None)

        def on_end(_: object) -> None:
            self.is_connected = False
            if not started.done():
                started.set_exception(AssertionError(f"the stream of {self.jid} ended before it was open"))
            self._waiters.wake()

        def on_error(error: object) -> None:
            self.stream_errors.append(error["condition"])  # type: ignore[index]
            self._waiters.wake()

        stream.add_event_handler("session_start", on_start)
        stream.add_event_handler("disconnected", on_end)
        stream.add_event_handler("stream_error", on_error)
        # Who may see whom is for the scenarios to say.
        stream.auto_authorize = None
        for kind in self.kinds:
            stream.register_handler(Callback(f"every {kind}", StanzaPath(kind), lambda stanza: self._take(stanza.xml)))
        stream.connect("127.0.0.1", port)
        try:
            await asyncio.wait_for(started, 10)
        except asyncio.TimeoutError:
            raise AssertionError(f"{self.jid} could not open a stream within 10 s") from None
        # What slixmpp did to get so far is of no interest.
        self.received.clear()
        if available:
            self.send("<presence/>")
            # The answer to a ping says that the presence has been taken.
            await self.ask("<iq type='get' id='{id}'><ping xmlns='urn:xmpp:ping'/></iq>")
            self.received.clear()

    def _take(self, stanza: Element) -> None:
        self.received.append(stanza)
        # slixmpp's own bind request is answered before the session starts and is none of these.
        if stanza.get("type") == "set" and self.answers_sets and jingle_of(stanza) is not None:
            to = quoteattr(stanza.get("from") or self.bare)
            self.send(f"<iq type='result' id={quoteattr(stanza.get('id') or '')} to={to}/>")
        self._waiters.wake()

    def send(self, xml: str) -> None:
        self._stream.send_raw(xml)

    async def ask(self, xml: str, timeout: float = 10) -> Element:
        """Sends an IQ, with `{id}` replaced, and waits for its result or error."""
        identifier = f"e2e-{next(self._ids)}"
        self.send(xml.replace("{id}", identifier))
        return await self._waiters.until(
            lambda: next((iq for iq in self.received
                          if iq.get("id") == identifier and iq.get("type") in ("result", "error")), None),
            timeout, f"an answer to the IQ {identifier} of {self.jid}")

    async def jingle(self, jingle: str, to: str, timeout: float = 10) -> Element:
        """Sends a Jingle element in an IQ set and waits for its answer."""
        return await self.ask(f"<iq type='set' id='{{id}}' to={quoteattr(to)}>{jingle}</iq>", timeout)

    async def accepted(self, jingle: str, to: str) -> None:
        """Sends a Jingle element that has to be answered `result`."""
        answer = await self.jingle(jingle, to)
        if answer.get("type") != "result":
            raise AssertionError(f"expected a result, got {ElementTree.tostring(answer, 'unicode')}")

    def actions(self, action: str | None = None) -> list[Element]:
        """The Jingle elements received so far in IQ sets, with this action."""
        found = [jingle_of(iq) for iq in self.received if iq.get("type") == "set"]
        return [j for j in found if j is not None and action in (None, j.get("action"))]

    async def action(self, action: str, timeout: float = 10) -> Element:
        """Waits for the first IQ set with a Jingle element of this action; returns that element."""
        return await self._waiters.until(
            lambda: next(iter(self.actions(action)), None), timeout, f"{action} for {self.jid}")

    async def action_iq(self, action: str, timeout: float = 10) -> Element:
        """The same; returns the IQ."""
        element = await self.action(action, timeout)
        return next(iq for iq in self.received if jingle_of(iq) is element)

    async def until(self, condition: Callable[[], object], what: str, timeout: float = 10) -> None:
        """Waits until something holds of what was received."""
        await self._waiters.until(lambda: condition() or None, timeout, f"{what} for {self.jid}")

    async def disconnected(self, timeout: float = 10) -> None:
        await self._waiters.until(
            lambda: None if self.is_connected else True, timeout, f"the end of the stream of {self.jid}")

    def transcript(self) -> str:
        return "\n".join(f"--- → {self.jid}\n{ElementTree.tostring(iq, 'unicode')}" for iq in self.received)

    async def close(self) -> None:
        if hasattr(self, "_stream"):
            self._stream.abort()
            runner = self._stream._run_out_filters
            if runner:
                runner.cancel()


def jingle_of(iq: Element) -> Element | None:
    return iq.find(f"{JINGLE}jingle")


def reason_of(jingle: Element) -> str:
    """The name of the reason condition, the empty string where there is none."""
    for child in jingle.findall(f"{JINGLE}reason/*"):
        name = child.tag.rpartition("}")[2]
        if name not in ("text", "sip-error"):
            return name
    return ""


def find_anywhere(element: Element, name: str) -> Element | None:
    """The first descendant with this local name, in whatever namespace."""
    return next((child for child in element.iter() if child.tag.rpartition("}")[2] == name), None)


def error_of(iq: Element) -> str:
    """The defined condition of an error, the empty string for a result."""
    error = iq.find(f"{CLIENT}error")
    if error is None:
        return ""
    return next((c.tag[len(STANZA_ERRORS):] for c in error if c.tag.startswith(STANZA_ERRORS)
                 and c.tag != f"{STANZA_ERRORS}text"), "")


async def raw_exchange(port: int, data: bytes, timeout: float = 10) -> bytes:
    """Sends bytes to the XMPP port and reads until the gateway closes the connection, which it has to."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(data)
        await writer.drain()
        return await asyncio.wait_for(reader.read(), timeout)
    except asyncio.TimeoutError:
        raise AssertionError(f"the gateway did not close the stream after {data[:60]!r}") from None
    finally:
        writer.close()
