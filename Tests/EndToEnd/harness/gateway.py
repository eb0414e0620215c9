"""The gateway as its users start it: a configuration file and a process."""

from __future__ import annotations

import asyncio
import re
import resource
import signal
from pathlib import Path

from .waiting import condition_of

DOMAIN = "localhost"
PASSWORD = "secret"
ACCOUNTS = ("alice", "bob", "kate")


class Gateway:
    """`jingle-sip-gateway serve` in embedded mode with three accounts, on ports that the system chooses."""

    def __init__(self, executable: Path, folder: Path) -> None:
        self.executable = executable
        self.folder = folder
        self.process: asyncio.subprocess.Process | None = None
        self.ready = ""
        #: Further lines of `[xmpp.embedded]`.
        self.more_xmpp = ""

    async def start(self, proxy_port: int, more_sip: str = "", sip_port: int = 0) -> None:
        """Starts it and waits for its `ready` line. `more_sip` are further lines of `[sip]`."""
        file = self.folder / "gateway.toml"
        file.write_text(self.configuration(proxy_port, more_sip, sip_port))
        await self.launch(file)
        self.xmpp_port = self._port(r"\bxmpp=127\.0\.0\.1:(\d+)")

    def configuration(self, proxy_port: int, more_sip: str, sip_port: int) -> str:
        accounts = ", ".join(f'{{ username = "{name}", password = "{PASSWORD}" }}' for name in ACCOUNTS)
        return f"""\
[sip]
listen_host = "127.0.0.1"
listen_port = {sip_port}
proxy_host = "127.0.0.1"
proxy_port = {proxy_port}
local_host = "127.0.0.1"
{more_sip}
[xmpp]
mode = "embedded"

[xmpp.embedded]
domain = "{DOMAIN}"
listen_host = "127.0.0.1"
listen_port = 0
accounts = [{accounts}]
{self.more_xmpp}
"""

    async def launch(self, file: Path) -> None:
        """Starts it with a configuration and waits for its `ready` line."""
        self.log = self.folder / "gateway.log"
        with open(self.log, "wb") as log:
            self.process = await asyncio.create_subprocess_exec(
                str(self.executable), "serve", "--config", str(file),
                stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=log)
        assert self.process.stdout
        try:
            line = await asyncio.wait_for(self.process.stdout.readline(), 10)
        except asyncio.TimeoutError:
            raise AssertionError("the gateway printed no line within 10 s") from None
        self.ready = line.decode().rstrip("\n")
        if not self.ready.startswith("ready "):
            raise AssertionError(f"expected a line that begins with `ready `, got {self.ready!r}")
        self.sip_port = self._port(r"\bsip=127\.0\.0\.1:(\d+)/udp")
        equal_port = self._port(r"\bsip=127\.0\.0\.1:(\d+)/tcp")
        if equal_port != self.sip_port:
            raise AssertionError(f"SIP has two ports: {self.ready!r}")

    @property
    def tls_port(self) -> int:
        return self._port(r"\bsip=127\.0\.0\.1:(\d+)/tls")

    def _port(self, pattern: str) -> int:
        match = re.search(pattern, self.ready)
        if not match or match[1] == "0":
            raise AssertionError(f"the ready line names no port by {pattern}: {self.ready!r}")
        return int(match[1])

    def is_running(self) -> bool:
        return self.process is not None and self.process.returncode is None

    async def terminate(self, timeout: float) -> int:
        """Sends SIGTERM and returns the exit status, which has to come within `timeout`."""
        assert self.process
        self.process.send_signal(signal.SIGTERM)
        try:
            return await asyncio.wait_for(self.process.wait(), timeout)
        except asyncio.TimeoutError:
            raise AssertionError(f"{timeout:g} s after SIGTERM the gateway still runs") from None

    def memory(self) -> int:
        """Bytes that are resident."""
        assert self.process
        return int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]) * resource.getpagesize()

    def descriptors(self) -> int:
        assert self.process
        return len(list(Path(f"/proc/{self.process.pid}/fd").iterdir()))

    async def calls_ended(self, number: int, timeout: float) -> None:
        """Waits until the log says that so many calls have ended: neither side sees when the gateway forgets one."""
        await condition_of(
            lambda: len(re.findall(rb"\bcall \S+: ended$", self.log.read_bytes(), re.M)) >= number,
            timeout, f"{number} ended calls in the log of the gateway")

    async def stop(self) -> None:
        """Ends it without ceremony."""
        if self.is_running():
            assert self.process
            self.process.kill()
            await self.process.wait()

    def log_tail(self, lines: int = 40) -> str:
        if not hasattr(self, "log") or not self.log.exists():
            return ""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
