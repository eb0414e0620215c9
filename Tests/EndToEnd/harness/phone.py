"""The SIP side: SIPp plays the phone, and a relay between it and the gateway keeps every datagram."""

from __future__ import annotations

import asyncio
import shutil
import socket
from pathlib import Path

from .gateway import Gateway
from .sip import Message
from .waiting import Waiters

SCENARIOS = Path(__file__).resolve().parent.parent / "scenarios"
LOOPBACK = "127.0.0.1"


def sipp_is_there() -> bool:
    return shutil.which("sipp") is not None


def free_port(kind: socket.SocketKind) -> int:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind((LOOPBACK, 0))
        return probe.getsockname()[1]


class Relay:
    """Two UDP sockets: the gateway takes one of them for the phone, SIPp takes the other one for the gateway.

    What comes in at one goes out at the other, and is recorded on its way. `port` is the address of the phone as the
    gateway sees it: `proxy_port` of its configuration, and the Contact and Via of the SIPp scenarios.
    """

    def __init__(self) -> None:
        self.gateway: tuple[str, int] | None = None
        self.phone: tuple[str, int] | None = None
        #: All messages in order; `True` with those that the gateway sent.
        self.record: list[tuple[bool, Message]] = []
        self._waiters = Waiters()

    async def open(self) -> None:
        loop = asyncio.get_running_loop()
        self._outer, _ = await loop.create_datagram_endpoint(lambda: _Side(self, True), (LOOPBACK, 0))
        self._inner, _ = await loop.create_datagram_endpoint(lambda: _Side(self, False), (LOOPBACK, 0))
        self.port: int = self._outer.get_extra_info("sockname")[1]
        self.inner_port: int = self._inner.get_extra_info("sockname")[1]

    def close(self) -> None:
        self._outer.close()
        self._inner.close()

    def received(self, data: bytes, from_gateway: bool, source: tuple[str, int]) -> None:
        if not from_gateway:
            self.phone = source
        message = Message.parse(data)
        if message:
            self.record.append((from_gateway, message))
            self._waiters.wake()
        if from_gateway and self.phone:
            self._inner.sendto(data, self.phone)
        elif not from_gateway and self.gateway:
            self._outer.sendto(data, self.gateway)

    def inject(self, data: bytes) -> None:
        """Sends a datagram to the gateway as if the phone had sent it."""
        assert self.gateway
        self._outer.sendto(data, self.gateway)

    def sent(self, *, request: str | None = None, status: int | None = None, to: str | None = None,
             by_gateway: bool = True) -> list[Message]:
        """The messages so far with this method, or with this status (`to` requests of a method)."""
        return [
            message for from_gateway, message in self.record
            if from_gateway == by_gateway and message.status == status
            and (request is None or message.method == request) and (to is None or message.method == to)
        ]

    async def request(self, method: str, by_gateway: bool = True, timeout: float = 5) -> Message:
        """Waits for the first request of a method."""
        return await self._waiters.until(
            lambda: next(iter(self.sent(request=method, by_gateway=by_gateway)), None),
            timeout, f"{method} from {'the gateway' if by_gateway else 'the phone'}")

    async def response(self, status: int, to: str, by_gateway: bool = True, timeout: float = 5) -> Message:
        """Waits for the first response with a status to a request of a method."""
        return await self._waiters.until(
            lambda: next(iter(self.sent(status=status, to=to, by_gateway=by_gateway)), None),
            timeout, f"{status} to {to} from {'the gateway' if by_gateway else 'the phone'}")

    async def answer(self, request: Message, status: int, timeout: float = 5) -> Message:
        """Waits for the gateway's response with a status to this request of the phone."""
        def is_answer(message: Message) -> bool:
            return message.call_id == request.call_id and all(
                message.header(name) == request.header(name) for name in ("CSeq", "From"))
        return await self._waiters.until(
            lambda: next((m for m in self.sent(status=status) if is_answer(m)), None),
            timeout, f"{status} to {request.header('CSeq')} from the gateway")

    def transcript(self) -> str:
        return "\n".join(
            f"--- {'gateway → phone' if from_gateway else 'phone → gateway'}\n{message}"
            for from_gateway, message in self.record)


class _Side(asyncio.DatagramProtocol):
    def __init__(self, relay: Relay, faces_gateway: bool) -> None:
        self.relay = relay
        self.faces_gateway = faces_gateway

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.relay.received(data, self.faces_gateway, addr)


class Phone:
    """One SIPp process that plays one scenario, once, or until it is ended."""

    def __init__(self, gateway: Gateway, relay: Relay, folder: Path) -> None:
        self.gateway = gateway
        self.relay = relay
        self.folder = folder
        self.process: asyncio.subprocess.Process | None = None
        self.scenario = ""

    async def start(self, scenario: str, calls: int | None = 1, tcp_port: int | None = None, **keywords: str) -> None:
        """Starts SIPp; when this returns it listens, or it has begun to call.

        With `tcp_port` it speaks TCP, listens there and goes past the relay; then `log` has its messages.
        """
        self.scenario = scenario
        gateway_port = self.gateway.sip_tcp_port if tcp_port else self.gateway.sip_port
        port = tcp_port or free_port(socket.SOCK_DGRAM)
        keywords |= {
            "relay_port": str(tcp_port or self.relay.port),
            "gateway_port": str(gateway_port),
            "contact_transport": ";transport=tcp" if tcp_port else "",
        }
        text = (SCENARIOS / f"{scenario}.xml").read_text()
        for name, value in keywords.items():
            text = text.replace(f"[{name}]", value)
        file = self.folder / f"{scenario}.xml"
        file.write_text(text)
        self.errors = self.folder / f"{scenario}.errors"
        self.log = self.folder / f"{scenario}.messages"
        arguments = [
            "-sf", str(file), "-i", LOOPBACK, "-p", str(port), "-nostdin", "-timeout", "20s", "-timeout_error",
            "-trace_err", "-error_file", str(self.errors), "-trace_msg", "-message_file", str(self.log),
        ]
        if tcp_port:
            arguments += ["-t", "t1", f"{LOOPBACK}:{gateway_port}"]
        else:
            self.relay.phone = (LOOPBACK, port)
            arguments += [f"{LOOPBACK}:{self.relay.inner_port}"]
        if calls:
            arguments += ["-m", str(calls)]
        self.process = await asyncio.create_subprocess_exec(
            "sipp", *arguments, cwd=self.folder, stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL)
        for _ in range(500):
            if _is_bound(port, "tcp" if tcp_port else "udp") or self.process.returncode is not None:
                return
            await asyncio.sleep(0.01)
        raise AssertionError("SIPp did not open its port")

    async def done(self, timeout: float = 8) -> None:
        """Waits until SIPp has played its scenario to the end; fails where it did not come out as written."""
        assert self.process
        try:
            status = await asyncio.wait_for(self.process.wait(), timeout)
        except asyncio.TimeoutError:
            raise AssertionError(f"SIPp has not come to the end of {self.scenario} within {timeout} s") from None
        if status != 0:
            raise AssertionError(f"SIPp: {self.scenario} failed with status {status}\n{self.complaints()}")

    def complaints(self) -> str:
        return self.errors.read_text(errors="replace") if self.errors.exists() else ""

    async def stop(self) -> None:
        if self.process and self.process.returncode is None:
            self.process.kill()
            await self.process.wait()


def _is_bound(port: int, protocol: str) -> bool:
    with open(f"/proc/net/{protocol}") as table:
        return any(line.split()[1].endswith(f":{port:04X}") for line in table.readlines()[1:])
