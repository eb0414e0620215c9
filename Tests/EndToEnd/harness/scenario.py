"""What a scenario is, what it is given, and how it says that something is not as it has to be."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Awaitable, Callable

from .client import Client
from .gateway import Gateway
from .phone import LOOPBACK, Phone, Relay


class World:
    """A gateway of its own for one scenario, the relay towards its phone, and whoever else takes part."""

    def __init__(self, executable: Path, folder: Path) -> None:
        self.executable = executable
        self.folder = folder
        self.gateway = Gateway(executable, folder)
        self.relay = Relay()
        self.phones: list[Phone] = []
        self.clients: list[Client] = []

    async def start(self, more_sip: str = "", proxy_port: int | None = None) -> None:
        """Starts the gateway; its SIP proxy is at the relay, or at another port."""
        await self.relay.open()
        await self.gateway.start(proxy_port or self.relay.port, more_sip)
        self.relay.gateway = (LOOPBACK, self.gateway.sip_port)

    async def client(self, user: str, resource: str = "device", available: bool = True) -> Client:
        client = Client(user, resource)
        self.clients.append(client)
        await client.connect(self.gateway.xmpp_port, available)
        return client

    async def phone(self, scenario: str, calls: int | None = 1, tcp_port: int | None = None, **keywords: str) -> Phone:
        phone = Phone(self.gateway, self.relay, self.folder)
        self.phones.append(phone)
        await phone.start(scenario, calls, tcp_port, **keywords)
        return phone

    async def close(self) -> None:
        for client in self.clients:
            await client.close()
        for phone in self.phones:
            await phone.stop()
        await self.gateway.stop()
        if self.relay.gateway:
            self.relay.close()

    def transcript(self) -> str:
        """All that was seen, for the one who has to find out why a scenario failed."""
        parts = [self.relay.transcript(), *(client.transcript() for client in self.clients)]
        parts += [f"--- SIPp, {phone.scenario}\n{phone.complaints()}" for phone in self.phones if phone.complaints()]
        parts.append(f"--- log of the gateway\n{self.gateway.log_tail()}")
        return "\n".join(part for part in parts if part)


@dataclass
class Scenario:
    name: str
    what: str
    run: Callable[[World], Awaitable[None]]
    needs: frozenset[str] = field(default_factory=frozenset)
    timeout: float = 20


#: All scenarios, in the order of their definition.
SCENARIOS: list[Scenario] = []


def scenario(*needs: str, timeout: float = 20) -> Callable[[Callable[[World], Awaitable[None]]], Any]:
    """Makes a scenario of a function: its name with dashes, the first line of its text. `needs` are programs."""

    def register(run: Callable[[World], Awaitable[None]]) -> Callable[[World], Awaitable[None]]:
        what = (run.__doc__ or "").strip().splitlines()[0]
        SCENARIOS.append(Scenario(run.__name__.replace("_", "-"), what, run, frozenset(needs), timeout))
        return run

    return register


class Skipped(Exception):
    """This scenario cannot be played with this build; the text says why."""


def equal(actual: object, expected: object, what: str) -> None:
    if actual != expected:
        raise AssertionError(f"{what}: expected {expected!r}, got {actual!r}")


def check(condition: object, what: str) -> None:
    if not condition:
        raise AssertionError(what)


async def for_a_while(seconds: float = 0.3) -> None:
    """Time in which something that must not happen would happen."""
    await asyncio.sleep(seconds)
