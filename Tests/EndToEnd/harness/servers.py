"""Real XMPP servers in front of the gateway: Prosody and ejabberd, as Debian packs them.

Each has its configuration and its data in the folder of the scenario, listens on loopback only, and knows the same
users: alice, bob and kate at one domain, charlie at another one that it serves as well, and a component.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from pathlib import Path

from .gateway import ACCOUNTS, DOMAIN, PASSWORD
from .waiting import condition_of
from .wire import LOOPBACK, free_port, is_bound

PEERS = Path(__file__).resolve().parent.parent / "peers"
PLUGINS = Path(__file__).resolve().parents[3] / "Plugins" / "Prosody"
#: The domain of the component.
COMPONENT = f"sip.{DOMAIN}"
SECRET = "component-secret"
#: A domain of the server whose users are none of the gateway's, and one of them.
ELSEWHERE = f"elsewhere.{DOMAIN}"
STRANGER = "charlie"


class XMPPServer:
    """A server on ports of its own, which it keeps when it is started again."""

    #: What has to be installed, for `needs`.
    name = ""
    process: asyncio.subprocess.Process | None = None

    def __init__(self, folder: Path) -> None:
        self.folder = folder / self.name
        self.folder.mkdir()
        self.client_port = free_port()
        self.component_port = free_port()
        self.log = self.folder / "log"
        #: Further lines of the configuration: of the whole, of the first domain and of the component.
        self.more = ""
        self.host_more = ""
        self.component_more = ""
        #: What the server expects of the component.
        self.component = COMPONENT
        self.secret = SECRET

    @staticmethod
    def is_there() -> bool:
        raise NotImplementedError

    async def _launch(self) -> asyncio.subprocess.Process:
        raise NotImplementedError

    async def start(self) -> None:
        """Starts it, with what its accounts have stored if it has been there before."""
        self.process = await self._launch()
        await condition_of(lambda: self.is_up() or self.process and self.process.returncode is not None,
                           30, f"the ports of {self.name}")
        if self.process.returncode is not None:
            raise AssertionError(f"{self.name} did not start:\n{self.log_tail()}")

    def is_up(self) -> bool:
        return is_bound(self.client_port, "tcp", listening=True) and is_bound(self.component_port, "tcp", listening=True)

    async def stop(self) -> None:
        """Asks it to end."""
        if self.process and self.process.returncode is None:
            self.process.terminate()
            try:
                await asyncio.wait_for(self.process.wait(), 10)
            except asyncio.TimeoutError:
                await self.kill()

    async def kill(self) -> None:
        """Ends it without a word to anybody."""
        if self.process and self.process.returncode is None:
            self.process.kill()
            await self.process.wait()

    def log_tail(self, lines: int = 30) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:]) if self.log.exists() else ""

    def _configured(self, template: str, **defines: str) -> Path:
        text = (PEERS / template).read_text()
        defines |= {
            "FOLDER": str(self.folder), "CLIENT_PORT": str(self.client_port), "COMPONENT_PORT": str(self.component_port),
            "DOMAIN": DOMAIN, "ELSEWHERE": ELSEWHERE, "COMPONENT": self.component, "SECRET": self.secret,
            "MORE": self.more,
            "HOST_MORE": self.host_more, "COMPONENT_MORE": self.component_more, "PLUGINS": str(PLUGINS),
        }
        for name, value in defines.items():
            text = text.replace(f"@{name}@", value)
        file = self.folder / template
        file.write_text(text)
        return file


class Prosody(XMPPServer):
    name = "prosody"

    @staticmethod
    def is_there() -> bool:
        return shutil.which("prosody") is not None

    async def _launch(self) -> asyncio.subprocess.Process:
        # Accounts as mod_auth_internal_plain stores them; a dot in the name of a folder is %2e.
        for domain, users in ((DOMAIN, ACCOUNTS), (ELSEWHERE, (STRANGER,))):
            accounts = self.folder / "data" / domain.replace(".", "%2e") / "accounts"
            accounts.mkdir(parents=True, exist_ok=True)
            for user in users:
                (accounts / f"{user}.dat").write_text(f'return {{ ["password"] = "{PASSWORD}"; }};\n')
        file = self._configured("prosody.cfg.lua")
        with open(self.log, "ab") as log:
            return await asyncio.create_subprocess_exec(
                "prosody", "-F", "--config", str(file), cwd=self.folder,
                stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log)


class Ejabberd(XMPPServer):
    name = "ejabberd"
    LIBRARIES = "/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib"

    @staticmethod
    def is_there() -> bool:
        return shutil.which("erl") is not None and Ejabberd._library() is not None

    @staticmethod
    def _library() -> str | None:
        """The folder in which Erlang finds ejabberd."""
        return next((folder for folder in Ejabberd.LIBRARIES if any(Path(folder).glob("ejabberd-*/ebin/ejabberd.app"))), None)

    async def _launch(self) -> asyncio.subprocess.Process:
        file = self._configured("ejabberd.yml")
        users = [(user, DOMAIN) for user in ACCOUNTS] + [(STRANGER, ELSEWHERE)]
        registered = ", ".join(f'ejabberd_auth:try_register(<<"{u}">>, <<"{d}">>, <<"{PASSWORD}">>)' for u, d in users)
        environment = os.environ | {
            "ERL_LIBS": self._library() or "", "HOME": str(self.folder), "EJABBERD_CONFIG_PATH": str(file),
            "EJABBERD_LOG_PATH": str(self.folder / "ejabberd.log"), "ERL_CRASH_DUMP": str(self.folder / "crash"),
        }
        with open(self.log, "ab") as log:
            # Without a name it is no node: nothing listens but what the configuration names. Busy waiting would take
            # the processor from the others.
            return await asyncio.create_subprocess_exec(
                "erl", "-noinput", "+sbwt", "none", "+sbwtdcpu", "none", "+sbwtdio", "none", "+S", "2", "-mnesia", "dir",
                f'"{self.folder / "mnesia"}"', "-s", "ejabberd", "-eval",
                f'{registered}, spawn({self._halting()}), file:write_file("{self.folder}/up", <<>>).',
                cwd=self.folder, env=environment, stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log)

    def _halting(self) -> str:
        """A function that ends the process without a word to clients and components as soon as there is a file `halt`.
        Who is killed from outside loses its rosters: their tables are written minutes later."""
        return (f'fun Wait() -> case filelib:is_file("{self.folder}/halt") of true -> mnesia:stop(), '
                'erlang:halt(1, [{flush, false}]); false -> timer:sleep(50), Wait() end end')

    async def kill(self) -> None:
        if self.process and self.process.returncode is None:
            (self.folder / "halt").touch()
            try:
                await asyncio.wait_for(self.process.wait(), 5)
            except asyncio.TimeoutError:
                await super().kill()

    async def start(self) -> None:
        up = self.folder / "up"
        for file in (up, self.folder / "halt"):
            file.unlink(missing_ok=True)
        await super().start()
        # The accounts are made when the ports are open already.
        await condition_of(up.exists, 20, "the accounts of ejabberd")


SERVERS: dict[str, type[XMPPServer]] = {"prosody": Prosody, "ejabberd": Ejabberd}


class Listening:
    """A port at which somebody listens and says nothing, in place of a server."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.connections = 0

    async def open(self) -> None:
        async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self.connections += 1
            await reader.read()
            writer.close()
        self._server = await asyncio.start_server(take, LOOPBACK, self.port)

    def close(self) -> None:
        self._server.close()
