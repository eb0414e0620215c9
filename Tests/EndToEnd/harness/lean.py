"""A device on a bare socket: for load, and for what no decent client library would do."""

from __future__ import annotations

import asyncio
import base64
import re
from typing import Callable

from .gateway import DOMAIN, PASSWORD
from .waiting import Waiters

HEADER = (f"<?xml version='1.0'?><stream:stream to='{DOMAIN}' version='1.0' xmlns='jabber:client' "
          "xmlns:stream='http://etherx.jabber.org/streams'>")


class LeanDevice:
    """Reads text and writes text. `on_iq` gets every whole IQ set; who needs a tree takes slixmpp."""

    _IQ = re.compile(rb"<iq\b[^>]*?(?:/>|>.*?</iq>)", re.S)

    def __init__(self, user: str, resource: str) -> None:
        self.user = user
        self.jid = f"{user}@{DOMAIN}/{resource}"
        self.resource = resource
        #: Everything that came, or what is left of it where `on_iq` takes the IQs out.
        self.text = b""
        self.on_iq: Callable[[str], None] | None = None
        self.is_closed = False
        self._waiters = Waiters()

    async def open(self, port: int) -> None:
        """A connection and nothing else."""
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
        self._task = asyncio.create_task(self._read())

    async def connect(self, port: int, available: bool = True) -> None:
        """A stream with a resource."""
        on_iq, self.on_iq = self.on_iq, None
        await self.open(port)
        self.send(HEADER)
        await self.seen(b"</stream:features>")
        plain = base64.b64encode(f"\0{self.user}\0{PASSWORD}".encode()).decode()
        self.send(f"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{plain}</auth>")
        await self.seen(b"<success")
        self.text = b""
        self.send(HEADER)
        await self.seen(b"</stream:features>")
        self.send("<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>"
                  f"<resource>{self.resource}</resource></bind></iq>")
        await self.seen(b"</iq>")
        if available:
            self.send("<presence/><iq type='get' id='there'><ping xmlns='urn:xmpp:ping'/></iq>")
            await self.seen(b"there")
        self.text = b""
        self.on_iq = on_iq

    async def _read(self) -> None:
        try:
            while data := await self._reader.read(1 << 16):
                self.text += data
                if self.on_iq:
                    end = 0
                    for match in self._IQ.finditer(self.text):
                        self.on_iq(match[0].decode())
                        end = match.end()
                    self.text = self.text[end:]
                self._waiters.wake()
        except ConnectionError:
            pass
        self.is_closed = True
        self._waiters.wake()

    def send(self, data: str | bytes) -> None:
        self._writer.write(data.encode() if isinstance(data, str) else data)

    def stop_reading(self) -> None:
        self._task.cancel()
        self._writer.transport.pause_reading()  # type: ignore[attr-defined]

    async def seen(self, text: bytes, timeout: float = 10) -> None:
        await self._waiters.until(lambda: True if text in self.text else None, timeout, f"{text!r} for {self.jid}")

    async def ended(self, timeout: float = 10) -> bytes:
        """Waits until the gateway has closed the connection; returns what it has said."""
        await self._waiters.until(lambda: True if self.is_closed else None, timeout, f"the end of the stream of {self.jid}")
        return self.text

    def close(self) -> None:
        if hasattr(self, "_task"):
            self._task.cancel()
            self._writer.transport.abort()
