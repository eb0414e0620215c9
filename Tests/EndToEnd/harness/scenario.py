"""What a scenario is, what it is given, and how it says that something is not as it has to be."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Awaitable, Callable

from .baresip import Baresip
from .certificates import Identity
from .client import Client
from .gateway import Gateway
from .phone import Phone
from .proxies import PROXIES, Peer
from .puppet import Puppet
from .wire import LOOPBACK, Relay, free_pair, free_port


@dataclass(frozen=True)
class Topology:
    """What is between the gateway and the phones, and over what SIP goes."""

    proxy: str | None = None
    transport: str = "udp"
    #: The XMPP server whose component the gateway is; without one it is the server itself.
    server: str | None = None

    @property
    def name(self) -> str:
        """Nothing where SIPp itself is the proxy, over UDP, and the gateway the XMPP server."""
        peers = "-and-".join(part for part in (self.server, self.proxy) if part)
        return "-over-".join(part for part in (peers, "tcp" if self.transport == "tcp" else "") if part)

    @property
    def keeps_call_id(self) -> bool:
        """Whether two sessions of a call between users have one Call-ID."""
        return self.proxy in ("proxy", "kamailio")


#: SIPp is the phone and the proxy.
SIPP = (Topology(), Topology(transport="tcp"))
#: The gateway is the component of an XMPP server; SIPp, or a peer that does what the scenario says, is the proxy.
SERVED = (Topology(server="prosody"), Topology(server="ejabberd"))
#: The same, and Kamailio is the proxy.
SERVED_AND_PROXIED = (Topology("kamailio", server="prosody"), Topology("kamailio", server="ejabberd"))
#: The topologies in which one user of the gateway can call another one.
PROXIED = tuple(Topology(proxy, transport) for transport in ("udp", "tcp") for proxy in PROXIES)


class World:
    """A gateway of its own for one scenario, the relay towards its phone, and whoever else takes part."""

    def __init__(self, executable: Path, folder: Path, topology: Topology = Topology(), many_calls: int = 10_000) -> None:
        self.executable = executable
        #: How many calls are many.
        self.many_calls = many_calls
        self.folder = folder
        self.topology = topology
        self.gateway = Gateway(executable, folder)
        self.relay = Relay(topology.transport)
        self.proxy: Peer | None = None
        self.phones: list[Phone] = []
        self.clients: list[Client] = []
        self.puppets: list[Puppet] = []
        self.baresips: list[Baresip] = []
        self.phone_port = free_pair()
        #: Where phones call the gateway, unless that is the relay or a proxy.
        self.direct_port: int | None = None

    @property
    def is_over_tcp(self) -> bool:
        return self.topology.transport == "tcp"

    @property
    def uri_transport(self) -> str:
        """What a SIP URI says of the transport."""
        return ";transport=tcp" if self.is_over_tcp else ""

    async def start(self, more_sip: str = "", proxy_port: int | None = None, direct: bool = False) -> None:
        """Starts the gateway; its SIP proxy is at the relay, or at another port. `direct`: phones go past the relay."""
        sip_port = free_port()
        self.direct_port = sip_port if direct else None
        await self.start_proxy(sip_port)
        if self.is_over_tcp and "transport" not in more_sip:
            more_sip += '\ntransport = "tcp"\n'
        await self.gateway.start(proxy_port or self.relay.port, more_sip, sip_port)

    async def start_proxy(self, sip_port: int) -> None:
        """Starts what is between the phones and a gateway at this port."""
        await self.relay.open()
        self.relay.gateway = (LOOPBACK, sip_port)
        if self.topology.proxy:
            self.proxy = PROXIES[self.topology.proxy](self.topology.transport, self.relay, self.phone_port)
            self.proxy.gateway_port = sip_port
            await self.proxy.start(self.folder)
            self.relay.phone = (LOOPBACK, self.proxy.port)
            self.relay.phone_listens = True

    async def puppet(self, more_sip: str = "", kind: type[Puppet] = Puppet) -> Puppet:
        """Starts the gateway with a peer that does what the scenario says, and nothing by itself."""
        puppet = kind(self.topology.transport)
        self.puppets.append(puppet)
        await puppet.open()
        await self.start(more_sip, puppet.port)
        puppet.gateway = (LOOPBACK, self.gateway.sip_port)
        return puppet

    async def client(self, user: str, resource: str = "device", available: bool = True,
                     authority: Path | None = None) -> Client:
        client = Client(user, resource)
        self.clients.append(client)
        await client.connect(self.gateway.xmpp_port, available, authority)
        return client

    async def phone(self, scenario: str, calls: int | None = 1, arguments: tuple[str, ...] = (), seconds: int = 60,
                    **keywords: str) -> Phone:
        phone = Phone(self.relay, self.folder, self.proxy.port if self.proxy else self.direct_port, self.phone_port)
        self.phones.append(phone)
        await phone.start(scenario, calls, arguments, seconds, **keywords)
        return phone

    async def baresip(self, user: str = "+49123", answers: bool = True, parameters: str = "",
                      on_loopback: bool = True, identity: Identity | None = None) -> Baresip:
        """The phone behind the proxy, or in its place."""
        baresip = Baresip(self.folder, self.phone_port)
        self.baresips.append(baresip)
        await baresip.start(user, answers, parameters, on_loopback, identity)
        return baresip

    async def close(self) -> None:
        for client in self.clients:
            await client.close()
        for phone in self.phones:
            await phone.stop()
        for baresip in self.baresips:
            await baresip.stop()
        await self.gateway.stop()
        if self.proxy:
            await self.proxy.stop()
        for puppet in self.puppets:
            puppet.close()
        self.relay.close()

    def transcript(self) -> str:
        """All that was seen, for the one who has to find out why a scenario failed."""
        parts = [self.relay.transcript(), *(puppet.transcript() for puppet in self.puppets)]
        parts += [client.transcript() for client in self.clients]
        parts += [f"--- SIPp, {phone.scenario}\n{phone.complaints()}" for phone in self.phones if phone.complaints()]
        parts += [f"--- log of baresip\n{baresip.log_tail()}" for baresip in self.baresips]
        if self.proxy and self.proxy.log_tail():
            parts.append(f"--- log of the proxy\n{self.proxy.log_tail()}")
        parts.append(f"--- log of the gateway\n{self.gateway.log_tail()}")
        return "\n".join(part for part in parts if part)


@dataclass
class Scenario:
    name: str
    what: str
    run: Callable[[World], Awaitable[None]]
    needs: frozenset[str] = field(default_factory=frozenset)
    timeout: float = 60
    topology: Topology = Topology()
    #: Nothing is played beside it but what has the same word here: it measures time or memory.
    alone: str = ""
    #: It does little but wait: others are played meanwhile.
    waits: bool = False
    #: What it is given.
    world: type[World] = World


#: All scenarios, in the order of their definition.
SCENARIOS: list[Scenario] = []


def scenario(*needs: str, timeout: float = 60, behind: tuple[Topology, ...] = (Topology(),),
             alone: str = "", waits: bool = False, world: type[World] = World) -> Callable[[Callable[[World], Awaitable[None]]], Any]:
    """Makes a scenario of a function, one for each topology that it is played `behind`: the function's name with
    dashes, `@` and the topology's; the first line of its text. `needs` are programs."""

    def register(run: Callable[[World], Awaitable[None]]) -> Callable[[World], Awaitable[None]]:
        what = (run.__doc__ or "").strip().splitlines()[0]
        for topology in behind:
            name = run.__name__.replace("_", "-") + (f"@{topology.name}" if topology.name else "")
            programs = {*needs, *({"kamailio"} if topology.proxy == "kamailio" else ()),
                        *((topology.server,) if topology.server else ())}
            SCENARIOS.append(Scenario(name, what, run, frozenset(programs), timeout, topology, alone, waits, world))
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
