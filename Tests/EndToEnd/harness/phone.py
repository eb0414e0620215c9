"""SIPp plays the phone."""

from __future__ import annotations

import asyncio
import itertools
import shutil
from pathlib import Path

from .waiting import condition_of
from .wire import LOOPBACK, Relay, is_bound

SCENARIOS = Path(__file__).resolve().parent.parent / "scenarios"


def sipp_is_there() -> bool:
    return shutil.which("sipp") is not None


class Phone:
    """One SIPp process that plays one scenario, once, or until it is ended.

    It stands behind the relay, or behind the proxy that is behind the relay.
    """

    _numbers = itertools.count(1)

    def __init__(self, relay: Relay, folder: Path, proxy_port: int | None, port: int) -> None:
        self.relay = relay
        self.folder = folder
        #: Where its messages go.
        self.next_hop = proxy_port or relay.inner_port
        #: What it says where it is.
        self.shown_port = port if proxy_port else relay.port
        self.is_behind_proxy = proxy_port is not None
        self.port = port
        self.process: asyncio.subprocess.Process | None = None
        self.scenario = ""

    async def start(self, scenario: str, calls: int | None = 1, arguments: tuple[str, ...] = (), seconds: int = 60,
                    **keywords: str) -> None:
        """Starts SIPp; when this returns it listens, or it has begun to call. `keywords` replace words in brackets."""
        self.scenario = scenario
        transport = self.relay.transport
        text = (SCENARIOS / f"{scenario}.xml").read_text()
        calls_us = "<recv request=\"INVITE\"" in text.partition("<send")[0]
        keywords |= {
            "relay_port": str(self.shown_port),
            "gateway_port": str(self.next_hop),
            "contact_transport": ";transport=tcp" if transport == "tcp" else "",
        }
        for name, value in keywords.items():
            text = text.replace(f"[{name}]", value)
        name = f"{scenario}-{next(self._numbers)}"
        file = self.folder / f"{name}.xml"
        file.write_text(text)
        self.errors = self.folder / f"{name}.errors"
        command = [
            "-sf", str(file), "-i", LOOPBACK, "-p", str(self.port), "-nostdin", "-timeout", f"{seconds}s", "-timeout_error",
            "-trace_err", "-error_file", str(self.errors), "-t", "t1" if transport == "tcp" else "u1",
            f"{LOOPBACK}:{self.next_hop}", *arguments,
        ]
        if not self.is_behind_proxy:
            self.relay.phone_listens = calls_us
            self.relay.phone = (LOOPBACK, self.port)
        if calls:
            command += ["-m", str(calls)]
        self.process = await asyncio.create_subprocess_exec(
            "sipp", *command, cwd=self.folder, stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL)
        await condition_of(
            lambda: is_bound(self.port, transport) or self.process and self.process.returncode is not None,
            10, "SIPp's port")

    async def done(self, timeout: float = 20) -> None:
        """Waits until SIPp has played its scenario to the end; fails where it did not come out as written."""
        assert self.process
        try:
            status = await asyncio.wait_for(self.process.wait(), timeout)
        except asyncio.TimeoutError:
            raise AssertionError(f"SIPp has not come to the end of {self.scenario} within {timeout} s") from None
        if status != 0:
            raise AssertionError(f"SIPp: {self.scenario} failed with status {status}\n{self.complaints()}")

    def complaints(self) -> str:
        return self.errors.read_text(errors="replace")[-4000:] if self.errors.exists() else ""

    async def stop(self) -> None:
        if self.process and self.process.returncode is None:
            self.process.kill()
            await self.process.wait()
