"""Media of a client, as far as a test can hear it: PCMU over plain RTP (RFC 3550)."""

from __future__ import annotations

import asyncio
import secrets
import struct

from .waiting import Waiters
from .wire import LOOPBACK, Address, free_port


class Ear(asyncio.DatagramProtocol):
    """A socket that hums one note and listens for it: who plays back what it hears proves both directions."""

    #: A level of G.711 that no silence and no comfort noise has.
    NOTE = 0x23

    def __init__(self) -> None:
        self.address: Address = (LOOPBACK, free_port())
        #: Packets that came, and how many of them were the note.
        self.packets = 0
        self.notes = 0
        self._waiters = Waiters()
        self._task: asyncio.Task[None] | None = None

    async def open(self) -> None:
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, self.address)

    def datagram_received(self, data: bytes, addr: Address) -> None:
        if len(data) > 12 and data[0] >> 6 == 2 and data[1] & 0x7F == 0:
            self.packets += 1
            self.notes += data[12:].count(self.NOTE) > (len(data) - 12) / 2
            self._waiters.wake()

    def hum(self, to: Address) -> None:
        """Sends the note, 20 ms a packet."""
        async def humming() -> None:
            source, sequence = secrets.randbits(32), 0
            while True:
                header = struct.pack("!BBHII", 0x80, 0, sequence & 0xFFFF, sequence * 160, source)
                self._transport.sendto(header + bytes([self.NOTE]) * 160, to)
                sequence += 1
                await asyncio.sleep(0.02)
        self._task = asyncio.create_task(humming())

    async def hears_itself(self, timeout: float = 10) -> None:
        await self._waiters.until(lambda: True if self.notes >= 10 else None, timeout,
                                  f"our own sound ({self.packets} packets came)")

    def close(self) -> None:
        if self._task:
            self._task.cancel()
        if hasattr(self, "_transport"):
            self._transport.close()
