"""A component (XEP-0114) that does nothing of its own accord: it stands for the gateway where the peers are tested."""

from __future__ import annotations

import asyncio
import hashlib
from typing import Callable
from xml.etree import ElementTree
from xml.etree.ElementTree import Element
from xml.sax.saxutils import quoteattr

from .servers import COMPONENT, SECRET
from .waiting import Waiters
from .wire import LOOPBACK

ACCEPT = "{jabber:component:accept}"
STREAM = "{http://etherx.jabber.org/streams}"


class Component:
    """Records every stanza; `on_stanza` may answer some."""

    def __init__(self, domain: str = COMPONENT, secret: str = SECRET) -> None:
        self.domain, self.secret = domain, secret
        self.received: list[Element] = []
        self.on_stanza: Callable[[Element], None] | None = None
        self.is_connected = False
        self.stream_error = ""
        self._waiters = Waiters()

    async def connect(self, port: int) -> None:
        """Connects and shows its secret; fails where that is refused."""
        reader, self._writer = await asyncio.open_connection(LOOPBACK, port)
        self._task = asyncio.create_task(self._read(reader))
        self.send(f"<stream:stream xmlns='jabber:component:accept' xmlns:stream='http://etherx.jabber.org/streams' "
                  f"to='{self.domain}'>")
        await self._waiters.until(lambda: self.is_connected or self.stream_error or None, 10, "the answer to the handshake")
        if self.stream_error:
            raise AssertionError(f"the server refuses the component: {self.stream_error}")

    async def _read(self, reader: asyncio.StreamReader) -> None:
        parser = ElementTree.XMLPullParser(("start", "end"))
        depth = 0
        while data := await reader.read(1 << 16):
            parser.feed(data)
            for event, element in parser.read_events():
                depth += 1 if event == "start" else -1
                if event == "start" and depth == 1:
                    digest = hashlib.sha1(f"{element.get('id')}{self.secret}".encode()).hexdigest()
                    self.send(f"<handshake>{digest}</handshake>")
                elif event == "end" and depth == 1:
                    self._take(element)

    def _take(self, element: Element) -> None:
        if element.tag == f"{ACCEPT}handshake":
            self.is_connected = True
        elif element.tag == f"{STREAM}error":
            self.stream_error = element[0].tag.rpartition("}")[2]
        else:
            self.received.append(element)
            if self.on_stanza:
                self.on_stanza(element)
        self._waiters.wake()

    def send(self, text: str) -> None:
        self._writer.write(text.encode())

    def answer(self, iq: Element, payload: str = "", kind: str = "result") -> None:
        """Answers an IQ as the one to whom it was sent."""
        self.send(f"<iq type='{kind}' id={quoteattr(iq.get('id') or '')} from={quoteattr(iq.get('to') or '')} "
                  f"to={quoteattr(iq.get('from') or '')}>{payload}</iq>")

    async def stanza(self, fits: Callable[[Element], bool], what: str, timeout: float = 10) -> Element:
        """Waits for the first stanza that fits."""
        return await self._waiters.until(
            lambda: next((stanza for stanza in self.received if fits(stanza)), None), timeout, f"{what} for the component")

    def transcript(self) -> str:
        return "\n".join(f"--- → {self.domain}\n{ElementTree.tostring(s, 'unicode')}" for s in self.received)

    def close(self) -> None:
        if hasattr(self, "_task"):
            self._task.cancel()
            self._writer.transport.abort()
