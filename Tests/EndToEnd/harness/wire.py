"""Sockets that speak SIP over UDP or TCP, and the record of what went over them."""

from __future__ import annotations

import asyncio
import itertools
import os
import re
import socket
import struct
from typing import Any, Callable

from .sip import Message
from .waiting import Waiters

LOOPBACK = "127.0.0.1"
Address = tuple[str, int]

#: Below the ports that the system gives to others, so that nobody takes one between its choice and its use.
_ports = itertools.cycle(range(12000, 30000))
for _ in range(os.getpid() * 37 % 18000):
    next(_ports)


def free_port() -> int:
    """A port that is free for UDP and for TCP, and that this process has not given to anybody lately."""
    for port in _ports:
        try:
            for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
                with socket.socket(socket.AF_INET, kind) as probe:
                    probe.bind((LOOPBACK, port))
            return port
        except OSError:
            continue
    raise AssertionError


def free_pair() -> int:
    """A free port whose successor is free as well and is not given to anybody: baresip takes both."""
    while True:
        first = free_port()
        if free_port() == first + 1:
            return first


def is_bound(port: int, transport: str, listening: bool = False) -> bool:
    """Whether anybody has a socket at this port; over TCP on request only one that listens (state 0A)."""
    with open(f"/proc/net/{transport}") as table:
        sockets = [line.split() for line in table.readlines()[1:]]
    return any(fields[1].endswith(f":{port:04X}") and (not listening or fields[3] == "0A") for fields in sockets)


class Wire:
    """Everything that went between the gateway and whoever faces it on the SIP side, in order."""

    def __init__(self) -> None:
        #: `True` with those that the gateway sent.
        self.record: list[tuple[bool, Message]] = []
        self._waiters = Waiters()

    def note(self, from_gateway: bool, message: Message) -> None:
        self.record.append((from_gateway, message))
        self._waiters.wake()

    def sent(self, *, request: str | None = None, status: int | None = None, to: str | None = None,
             by_gateway: bool = True, call_id: str | None = None, repetitions: bool = False) -> list[Message]:
        """The messages so far with this method, or with this status (`to` requests of a method).

        Over UDP a slow machine repeats itself: what is the same to the byte is one message.
        """
        found = [
            message for from_gateway, message in self.record
            if from_gateway == by_gateway and message.status == status
            and (request is None or message.method == request) and (to is None or message.method == to)
            and (call_id is None or message.call_id == call_id)
        ]
        return found if repetitions else list({message.raw: message for message in found}.values())

    async def request(self, method: str, by_gateway: bool = True, timeout: float = 10,
                      call_id: str | None = None) -> Message:
        """Waits for the first request of a method."""
        return await self._waiters.until(
            lambda: next(iter(self.sent(request=method, by_gateway=by_gateway, call_id=call_id)), None),
            timeout, f"{method} from {'the gateway' if by_gateway else 'the phone'}")

    async def response(self, status: int, to: str, by_gateway: bool = True, timeout: float = 10,
                       call_id: str | None = None) -> Message:
        """Waits for the first response with a status to a request of a method."""
        return await self._waiters.until(
            lambda: next(iter(self.sent(status=status, to=to, by_gateway=by_gateway, call_id=call_id)), None),
            timeout, f"{status} to {to} from {'the gateway' if by_gateway else 'the phone'}")

    async def answer(self, request: Message, status: int, timeout: float = 10) -> Message:
        """Waits for the gateway's response with a status to this request of the phone."""
        def is_answer(message: Message) -> bool:
            return message.call_id == request.call_id and all(
                message.header(name) == request.header(name) for name in ("CSeq", "From"))
        return await self._waiters.until(
            lambda: next((m for m in self.sent(status=status) if is_answer(m)), None),
            timeout, f"{status} to {request.header('CSeq')} from the gateway")

    async def until(self, condition: Callable[[], object], timeout: float, what: str) -> None:
        """Waits until something holds of the record."""
        await self._waiters.until(lambda: condition() or None, timeout, what)

    def transcript(self) -> str:
        return "\n".join(
            f"--- {'gateway → phone' if from_gateway else 'phone → gateway'}\n{message}"
            for from_gateway, message in self.record)


class Endpoint:
    """One port for SIP over UDP or over TCP. Addresses are those of sockets; over TCP a connection has one, too."""

    def __init__(self, transport: str, receive: Callable[[bytes, Address], None], port: int = 0) -> None:
        self.transport = transport
        self.receive = receive
        self.port = port or free_port()
        self._connections: dict[Address, "_Connection"] = {}
        self._openings: dict[Address, list[bytes]] = {}
        self._socket: Any = None

    async def open(self) -> None:
        loop = asyncio.get_running_loop()
        if self.transport == "udp":
            self._socket, _ = await loop.create_datagram_endpoint(lambda: _Datagrams(self), (LOOPBACK, self.port))
            # Nothing is lost here: what is lost in a test is lost on purpose.
            handle = self._socket.get_extra_info("socket")
            handle.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        else:
            self._socket = await loop.create_server(lambda: _Connection(self), LOOPBACK, self.port)

    @property
    def is_open(self) -> bool:
        return self._socket is not None

    def send(self, data: bytes, to: Address) -> None:
        """Sends a datagram, or sends on the connection with this address, which is opened where there is none."""
        if self._socket is None:
            return
        if self.transport == "udp":
            self._socket.sendto(data, to)
        elif to in self._connections:
            self._connections[to].send(data)
        elif to in self._openings:
            self._openings[to].append(data)
        else:
            self._openings[to] = [data]
            task = asyncio.get_running_loop().create_task(self._connect(to))
            task.add_done_callback(lambda task: task.cancelled() or task.exception())

    async def _connect(self, to: Address) -> None:
        try:
            _, connection = await asyncio.get_running_loop().create_connection(lambda: _Connection(self), *to)
        except OSError:
            self._openings.pop(to, None)
            return
        for data in self._openings.pop(to, []):
            connection.send(data)

    def close(self) -> None:
        """Goes away as a process does that is killed: sockets closed, connections reset."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        self.reset()

    def reset(self) -> None:
        """Resets the connections and listens on."""
        for connection in list(self._connections.values()):
            connection.abort()


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint

    def datagram_received(self, data: bytes, addr: Address) -> None:
        self.endpoint.receive(data, addr)


class _Connection(asyncio.Protocol):
    """Cuts a stream into messages by their Content-Length (RFC 3261 §18.3)."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]
        self.address: Address = transport.get_extra_info("peername")
        self.endpoint._connections[self.address] = self

    def connection_lost(self, exc: Exception | None) -> None:
        if self.endpoint._connections.get(self.address) is self:
            del self.endpoint._connections[self.address]

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while True:
            self._buffer = self._buffer.lstrip(b"\r\n")
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            length = re.search(rb"^(?:content-length|l)[ \t]*:[ \t]*(\d+)", self._buffer[: end + 2], re.I | re.M)
            size = end + 4 + (int(length[1]) if length else 0)
            if len(self._buffer) < size:
                return
            message, self._buffer = self._buffer[:size], self._buffer[size:]
            self.endpoint.receive(message, self.address)

    def send(self, data: bytes) -> None:
        self._transport.write(data)

    def abort(self) -> None:
        # Without this the peer is told that the connection has ended in order.
        self._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()


class Relay(Wire):
    """Stands between the gateway and its peer, and records what passes.

    `port` is the address of the peer as the gateway sees it: `proxy_port` of its configuration, and what the peer puts
    into Via, Contact and Record-Route. `inner_port` is the gateway as the peer sees it.
    """

    def __init__(self, transport: str = "udp") -> None:
        super().__init__()
        self.transport = transport
        self.gateway: Address | None = None
        self.phone: Address | None = None
        #: The peer listens at `phone`; otherwise it is wherever its last message came from.
        self.phone_listens = False
        #: What does not get through.
        self.drops: Callable[[bool, Message], bool] = lambda from_gateway, message: False
        self._branches: dict[str, Address] = {}
        self._outer = Endpoint(transport, lambda data, source: self._received(data, True, source))
        self._inner = Endpoint(transport, lambda data, source: self._received(data, False, source))
        self.port = self._outer.port
        self.inner_port = self._inner.port

    async def open(self) -> None:
        await self._outer.open()
        await self._inner.open()

    def close(self) -> None:
        """The peer is gone: nobody listens at its port any more, connections are reset."""
        self._outer.close()
        self._inner.close()

    def _received(self, data: bytes, from_gateway: bool, source: Address) -> None:
        if not from_gateway and not self.phone_listens:
            self.phone = source
        message = Message.parse(data)
        if message:
            self.note(from_gateway, message)
            if self.drops(from_gateway, message):
                return
        side, target = (self._inner, self.phone) if from_gateway else (self._outer, self.gateway)
        if message and message.status is None:
            # The CANCEL of an INVITE and the ACK of its refusal have its branch.
            self._branches.setdefault(f"{from_gateway} {message.branch}", source)
        elif message:
            target = self._branches.get(f"{not from_gateway} {message.branch}", target)
        if target:
            side.send(data, target)

    def inject(self, data: bytes) -> None:
        """Sends bytes to the gateway as if the phone had sent them."""
        assert self.gateway
        self._outer.send(data, self.gateway)
