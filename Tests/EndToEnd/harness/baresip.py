"""baresip plays the phone that somebody has on the desk: real SIP, real RTP, no sound card."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
from pathlib import Path

from .certificates import Identity
from .waiting import Waiters, condition_of
from .wire import LOOPBACK, free_port, is_bound

PEERS = Path(__file__).resolve().parent.parent / "peers"
MODULES = ("/usr/lib/baresip/modules", "/usr/lib/x86_64-linux-gnu/baresip/modules", "/usr/local/lib/baresip/modules")


def baresip_is_there() -> bool:
    return shutil.which("baresip") is not None and _modules() is not None


def _modules() -> str | None:
    return next((folder for folder in MODULES if (Path(folder) / "ctrl_tcp.so").exists()), None)


class Baresip:
    """A phone with one account. It plays back to the caller what it hears: source and player are one bridge.

    It is told what to do over its control port, in netstrings of JSON (its module ctrl_tcp), and tells over that port
    what happens.
    """

    def __init__(self, folder: Path, port: int) -> None:
        """`port` is for SIP over UDP and TCP; the next one it takes for TLS."""
        self.folder = folder / f"baresip-{port}"
        self.port = port
        self.control_port = free_port()
        self.process: asyncio.subprocess.Process | None = None
        #: What it has told, in order.
        self.events: list[dict[str, str]] = []
        self._waiters = Waiters()
        self._task: asyncio.Task[None] | None = None

    async def start(self, user: str, answers: bool = True, parameters: str = "", on_loopback: bool = True,
                    identity: Identity | None = None) -> None:
        """Starts it as `user`; it answers every call at once, or rings until it is told to. `parameters` of the account.
        With an `identity` it speaks SIP over TLS, too.

        Its ICE passes over loopback: `on_loopback=False` lets it offer the addresses of other interfaces as well.
        """
        self.folder.mkdir()
        text = (PEERS / "baresip.config").read_text()
        defines = {"PORT": str(self.port), "CONTROL_PORT": str(self.control_port), "MODULES": _modules() or ""}
        if not on_loopback:
            text = "\n".join(line for line in text.splitlines() if not line.startswith("net_interface")) + "\n"
        for name, value in defines.items():
            text = text.replace(f"@{name}@", value)
        if identity:
            text += f"sip_certificate {identity.both}\nsip_cafile {identity.certificate}\n"
        (self.folder / "config").write_text(text)
        (self.folder / "accounts").write_text(
            f"<sip:{user}@{LOOPBACK}>;regint=0;answermode={'auto' if answers else 'manual'}{parameters}\n")
        (self.folder / "contacts").write_text("\n")
        self.log = self.folder / "log"
        with open(self.log, "wb") as log:
            self.process = await asyncio.create_subprocess_exec(
                "baresip", "-4", "-s", "-f", str(self.folder), cwd=self.folder,
                stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log)
        await condition_of(
            lambda: is_bound(self.port, "udp") and is_bound(self.control_port, "tcp", listening=True)
            or self.process and self.process.returncode is not None, 10, "the ports of baresip")
        if self.process.returncode is not None:
            raise AssertionError(f"baresip did not start:\n{self.log_tail()}")
        reader, self._writer = await asyncio.open_connection(LOOPBACK, self.control_port)
        self._task = asyncio.create_task(self._read(reader))

    async def _read(self, reader: asyncio.StreamReader) -> None:
        try:
            while True:
                length = int((await reader.readuntil(b":"))[:-1])
                text = await reader.readexactly(length)
                await reader.readexactly(1)
                self.events.append(json.loads(text))
                self._waiters.wake()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass

    def tell(self, command: str, parameters: str = "") -> None:
        text = json.dumps({"command": command, "params": parameters}).encode()
        self._writer.write(b"%d:%s," % (len(text), text))

    def dial(self, uri: str) -> None:
        self.tell("dial", uri)

    def accept(self) -> None:
        self.tell("accept")

    def hang_up(self) -> None:
        self.tell("hangup")

    def seen(self, kind: str) -> list[dict[str, str]]:
        """The events of a kind so far: CALL_INCOMING, CALL_RINGING, CALL_ESTABLISHED, CALL_CLOSED …"""
        return [event for event in self.events if event.get("type") == kind]

    async def event(self, kind: str, timeout: float = 15, number: int = 1) -> dict[str, str]:
        """Waits for the first event of a kind, or for a later one."""
        return await self._waiters.until(
            lambda: (self.seen(kind)[number - 1:] or [None])[0], timeout, f"{kind} of baresip")

    async def stop(self) -> None:
        """Ends it without a word to anybody."""
        if self._task:
            self._task.cancel()
            self._writer.close()
        if self.process and self.process.returncode is None:
            self.process.kill()
            await self.process.wait()

    def log_tail(self, lines: int = 200) -> str:
        return "\n".join(
            [line for line in re.split(r"[\r\n]+", self.log.read_text(errors="replace")) if "(bit/s)" not in line][-lines:]
        ) if hasattr(self, "log") else ""
