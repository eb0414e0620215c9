"""What can stand between the gateway and the phones: a plain proxy and a B2BUA of our own, and Kamailio.

All of them give the users of the gateway back to it and everybody else to the phone. `facing` is the gateway as they
see it, `advertised` the port that they write into Via, Contact and Record-Route: both are the relay's.
"""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import re
import shutil
from pathlib import Path

from .gateway import ACCOUNTS, DOMAIN
from .sip import Message, tag_of
from .waiting import condition_of
from .wire import LOOPBACK, Address, Endpoint, Relay, free_port, is_bound

PEERS = Path(__file__).resolve().parent.parent / "peers"
Headers = list[tuple[str, str]]


def rebuilt(start_line: str, headers: Headers, body: bytes) -> bytes:
    return (start_line + "".join(f"\r\n{name}: {value}" for name, value in headers) + "\r\n\r\n").encode() + body


def address_in(uri: str) -> Address | None:
    """The port at our host that a URI or Via names."""
    found = re.search(rf"(?:@|sips?:|\s){re.escape(LOOPBACK)}:(\d+)", f" {uri}")
    return (LOOPBACK, int(found[1])) if found else None


class Peer:
    """A proxy on a port of its own, behind the relay."""

    def __init__(self, transport: str, relay: Relay, phone_port: int) -> None:
        self.transport = transport
        self.advertised = relay.port
        self.facing: Address = (LOOPBACK, relay.inner_port)
        self.phone: Address = (LOOPBACK, phone_port)
        #: Where the gateway itself listens: the Contacts that it writes.
        self.gateway_port = 0
        self.port = 0

    @property
    def uri_transport(self) -> str:
        return ";transport=tcp" if self.transport == "tcp" else ""

    async def start(self, folder: Path) -> None:
        raise NotImplementedError

    async def stop(self) -> None:
        raise NotImplementedError

    def callee(self, message: Message) -> Address:
        """Where a request outside of dialogs goes to."""
        user = re.match(r"sips?:([^@;]+)@", message.target)
        return self.facing if user and user[1] in ACCOUNTS else self.phone

    def log_tail(self) -> str:
        return ""


class EndpointPeer(Peer):
    """One that is made of an endpoint in this process."""

    async def start(self, folder: Path) -> None:
        self.endpoint = Endpoint(self.transport, self.receive)
        self.port = self.endpoint.port
        await self.endpoint.open()

    async def stop(self) -> None:
        self.endpoint.close()

    def receive(self, data: bytes, source: Address) -> None:
        message = Message.parse(data)
        if message:
            self.take(message, source)

    def take(self, message: Message, source: Address) -> None:
        raise NotImplementedError

    def is_here(self, uri: str) -> bool:
        return address_in(uri) in ((LOOPBACK, self.advertised), (LOOPBACK, self.port))


class PlainProxy(EndpointPeer):
    """A stateless proxy that records its route (RFC 3261 §16.11): what it sends back has the Call-ID that it came with."""

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]
        self._sources: dict[str, Address] = {}

    def take(self, message: Message, source: Address) -> None:
        if message.status:
            headers = list(message.headers)
            index = next(i for i, (name, _) in enumerate(headers) if name.lower() in ("via", "v"))
            branch = message.branch
            # SIPp puts all of them into one field.
            _, _, others = headers.pop(index)[1].partition(",")
            if others:
                headers.insert(index, ("Via", others.strip()))
            target = self._sources.get(branch)
            if target:
                self.endpoint.send(rebuilt(message.start_line, headers, message.body), target)
            return

        # RFC 3261 §16.11: the branch is made of the transaction's, so that CANCEL and ACK go the way of the INVITE.
        branch = "z9hG4bK" + hashlib.sha1(message.branch.encode()).hexdigest()[:24]
        self._sources[branch] = source
        target = message.target
        headers = []
        routes = []
        for name, value in message.headers:
            if name.lower() == "route":
                routes += re.findall(r"<[^>]*>[^,]*", value)
            elif name.lower() == "max-forwards":
                headers.append((name, str(int(value) - 1)))
            else:
                headers.append((name, value))
        if routes and self.is_here(routes[0]):
            del routes[0]
        if routes:
            headers.append(("Route", ", ".join(routes)))
            next_hop = address_in(routes[0])
        elif self.is_here(target) or message.tag == "":
            next_hop = self.callee(message)
        else:
            next_hop = address_in(target)
        assert next_hop, f"no way for\n{message}"
        if next_hop[1] == self.gateway_port:
            next_hop = self.facing
        if message.method == "INVITE":
            headers.insert(0, ("Record-Route", f"<sip:{LOOPBACK}:{self.advertised}{self.uri_transport};lr>"))
        headers.insert(0, ("Via", f"SIP/2.0/{self.transport.upper()} {LOOPBACK}:{self.advertised};branch={branch}"))
        self.endpoint.send(rebuilt(message.start_line, headers, message.body), next_hop)


class Leg:
    """One of the two dialogs that a B2BUA joins."""

    def __init__(self, call_id: str, local: str, remote: str, target: str, hop: Address) -> None:
        self.call_id = call_id
        self.local = local
        self.remote = remote
        #: The Contact of the other side, to which requests go, and the socket behind it.
        self.target = target
        self.hop = hop
        self.sequence = 1
        self.other: Leg
        #: The INVITE that has come and waits for a final response.
        self.invite: Message | None = None
        #: The first INVITE that we have sent, and whether it is under way.
        self.sent_invite: Message | None = None
        self.has_provisional = False
        self.is_cancelled = False
        self.is_over = False


class B2BUA(EndpointPeer):
    """Takes every call as its own and makes another one of it, with Call-ID, tags and Contact of its own.

    It puts a candidate of its own into each offer that it passes on, as proxies do that bring a media relay along.
    """

    CANDIDATE = "a=candidate:b2bua 1 udp 16777215 203.0.113.200 49999 typ relay raddr 203.0.113.9 rport 9"
    _numbers = itertools.count(1)

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]
        #: By Call-ID and our tag.
        self._legs: dict[tuple[str, str], Leg] = {}
        #: Requests that we have passed on: the leg that they went to, and the request that came, by branch and method.
        self._passed: dict[tuple[str, str], tuple[Leg, Message, Message]] = {}
        #: Requests that have come, by branch and method.
        self._seen: set[tuple[str, str]] = set()
        #: Responses that we have given, to be given again.
        self._given: dict[tuple[str, str], tuple[bytes, Address]] = {}
        self._sources: dict[str, Address] = {}
        #: ACKs of 2xx, by Call-ID and CSeq.
        self._acknowledged: dict[tuple[str, str], bytes] = {}

    # Messages of our own

    def _new(self, kind: str) -> str:
        return f"{kind}{next(self._numbers)}-{self.port}"

    def _contact(self) -> str:
        return f"<sip:{LOOPBACK}:{self.advertised}{self.uri_transport}>"

    def _request(self, leg: Leg, method: str, like: Message | None, body: bytes = b"",
                 branch: str = "", sequence: int = 0) -> Message:
        if not sequence:
            leg.sequence += 1
        headers: Headers = [
            ("Via", f"SIP/2.0/{self.transport.upper()} {LOOPBACK}:{self.advertised};rport;"
                    f"branch={branch or self._new('z9hG4bKb2b')}"),
            ("From", leg.local), ("To", leg.remote), ("Call-ID", leg.call_id),
            ("CSeq", f"{sequence or leg.sequence} {method}"), ("Max-Forwards", "70"), ("Contact", self._contact()),
        ]
        if like:
            headers += _passed_on(like)
        headers.append(("Content-Length", str(len(body))))
        message = Message.parse(rebuilt(f"{method} {leg.target} SIP/2.0", headers, body))
        assert message
        self.endpoint.send(message.raw, leg.hop)
        return message

    def _respond(self, request: Message, status: int, phrase: str, tag: str, like: Message | None = None) -> None:
        body = like.body if like else b""
        headers: Headers = [("Via", value) for value in request.values("Via")]
        to = request.header("To")
        headers += [("From", request.header("From")), ("To", to if tag_of(to) else f"{to};tag={tag}"),
                    ("Call-ID", request.call_id), ("CSeq", request.header("CSeq"))]
        if status < 300:
            headers.append(("Contact", self._contact()))
        if like:
            headers += _passed_on(like)
        headers.append(("Content-Length", str(len(body))))
        data = rebuilt(f"SIP/2.0 {status} {phrase}", headers, body)
        target = self._sources[request.branch]
        self._given[(request.branch, request.method)] = (data, target)
        self.endpoint.send(data, target)

    # What comes

    def take(self, message: Message, source: Address) -> None:
        if message.status:
            self._take_response(message)
            return
        self._sources.setdefault(message.branch, source)
        transaction = (message.branch, message.method)
        if transaction in self._seen:
            if transaction in self._given:
                self.endpoint.send(*self._given[transaction])
            return
        self._seen.add(transaction)
        leg = self._legs.get((message.call_id, message.tag))
        if message.method == "INVITE" and not message.tag:
            self._begin(message, source)
        elif message.method == "CANCEL":
            self._take_cancel(message)
        elif message.method == "ACK":
            self._take_ack(message, leg)
        elif leg is None or leg.is_over:
            self._respond(message, 481, "Call/Transaction Does Not Exist", self._new("t"))
        elif message.method == "BYE":
            leg.is_over = leg.other.is_over = True
            sent = self._request(leg.other, "BYE", message)
            self._passed[(sent.branch, "BYE")] = (leg.other, sent, message)
        else:
            leg.target = _contact_of(message) or leg.target
            sent = self._request(leg.other, message.method, message, self._with_candidate(message))
            self._passed[(sent.branch, message.method)] = (leg.other, sent, message)

    def _with_candidate(self, message: Message) -> bytes:
        if message.method != "INVITE" or message.tag or not message.body:
            return message.body
        return message.body + self.CANDIDATE.encode() + b"\r\n"

    def _begin(self, invite: Message, source: Address) -> None:
        tag = self._new("a")
        first = Leg(invite.call_id, f"{invite.header('To')};tag={tag}", invite.header("From"),
                    _contact_of(invite) or "", source if self.transport == "udp" else self._hop(source))
        hop = self.callee(invite)
        user = invite.target.partition("@")[0]
        host = DOMAIN if hop == self.facing else f"{LOOPBACK}:{hop[1]}{self.uri_transport}"
        second = Leg(self._new("b2bua-"), f"{_without_tag(invite.header('From'))};tag={self._new('b')}",
                     invite.header("To"), f"{user}@{host}", hop)
        first.other, second.other = second, first
        first.invite = invite
        self._legs[(first.call_id, tag)] = first
        self._legs[(second.call_id, tag_of(second.local))] = second
        self._respond(invite, 100, "Trying", tag)
        del self._given[(invite.branch, "INVITE")]
        sent = self._request(second, "INVITE", invite, self._with_candidate(invite))
        second.sent_invite = sent
        self._passed[(sent.branch, "INVITE")] = (second, sent, invite)

    def _hop(self, source: Address) -> Address:
        """Over TCP new requests take a connection to where the other side listens."""
        return self.phone if source == self.phone else self.facing

    def _take_cancel(self, cancel: Message) -> None:
        leg = next((leg for leg in self._legs.values() if leg.invite and leg.invite.branch == cancel.branch), None)
        if leg is None:
            self._respond(cancel, 481, "Call/Transaction Does Not Exist", self._new("t"))
            return
        self._respond(cancel, 200, "OK", tag_of(leg.local))
        leg.other.is_cancelled = True
        if leg.other.has_provisional:
            self._cancel(leg.other, cancel)

    def _cancel(self, leg: Leg, like: Message | None) -> None:
        assert leg.sent_invite
        self._request(leg, "CANCEL", like, branch=leg.sent_invite.branch,
                      sequence=int(leg.sent_invite.header("CSeq").split()[0]))

    def _take_ack(self, ack: Message, leg: Leg | None) -> None:
        if leg is None or any(branch == ack.branch for branch, _ in self._given):
            return  # of a refusal
        sequence = ack.header("CSeq").split()[0]
        for passed_leg, sent, came in list(self._passed.values()):
            if passed_leg is leg.other and came.method == "INVITE" and came.header("CSeq").split()[0] == sequence:
                number = sent.header("CSeq").split()[0]
                message = self._request(passed_leg, "ACK", None, ack.body, sequence=int(number))
                self._acknowledged[(passed_leg.call_id, number)] = message.raw

    def _take_response(self, response: Message) -> None:
        found = self._passed.get((response.branch, response.method))
        if found is None:
            return  # to a CANCEL
        leg, sent, came = found
        status = response.status or 0
        phrase = response.start_line.split(" ", 2)[2]
        first = sent.method == "INVITE" and not sent.tag
        if sent.method == "INVITE" and status >= 300:
            self._request(leg, "ACK", None, branch=sent.branch, sequence=int(sent.header("CSeq").split()[0])) \
                if not first else self._refused(leg, sent, response)
        if status == 100:
            leg.has_provisional = True
        elif first:
            leg.has_provisional = True
            leg.remote = response.header("To")
            leg.target = _contact_of(response) or leg.target
        if first and leg.is_cancelled and status < 200:
            self._cancel(leg, None)
            leg.is_cancelled = False
        if status == 100:
            return
        if sent.method == "INVITE" and 200 <= status < 300:
            acknowledged = self._acknowledged.get((leg.call_id, sent.header("CSeq").split()[0]))
            if acknowledged:
                self.endpoint.send(acknowledged, leg.hop)
                return
        if (came.branch, came.method) in self._given and status >= 200 and \
                not self._given[(came.branch, came.method)][0].startswith(b"SIP/2.0 1"):
            return
        if first and status >= 200:
            leg.other.invite = None
        if first and status >= 300:
            leg.is_over = leg.other.is_over = True
        self._respond(came, status, phrase, tag_of(leg.other.local) if first else "", response)

    def _refused(self, leg: Leg, sent: Message, response: Message) -> None:
        """RFC 3261 §17.1.1.3: the ACK of a refusal has the Request-URI and branch of its INVITE."""
        headers = [(name, value) for name, value in sent.headers
                   if name in ("Via", "From", "Call-ID", "Max-Forwards")]
        headers += [("To", response.header("To")), ("CSeq", f"{sent.header('CSeq').split()[0]} ACK"),
                    ("Content-Length", "0")]
        self.endpoint.send(rebuilt(f"ACK {sent.target} SIP/2.0", headers, b""), leg.hop)


def _without_tag(party: str) -> str:
    return re.sub(r";\s*tag=[^;]+", "", party)


def _contact_of(message: Message) -> str | None:
    found = re.search(r"<([^>]+)>", message.header("Contact"))
    return found[1] if found else None


def _passed_on(message: Message) -> Headers:
    """What goes through besides the body: what it is, and why something ends."""
    return [(name, value) for name, value in message.headers
            if name.lower() in ("content-type", "content-disposition", "reason", "info-package", "recv-info",
                                "supported", "allow", "accept")]


class Kamailio(Peer):
    """Kamailio with `peers/kamailio.cfg`, in the foreground, without a database."""

    process: asyncio.subprocess.Process | None = None

    async def start(self, folder: Path) -> None:
        self.port = free_port()
        self.log = folder / "kamailio.log"
        runtime = folder / "kamailio"
        runtime.mkdir()
        defines = {
            "LISTEN": f"{self.transport}:{LOOPBACK}:{self.port} advertise {LOOPBACK}:{self.advertised}",
            "GATEWAY": f"sip:{LOOPBACK}:{self.facing[1]};transport={self.transport}",
            "GATEWAY_PORT": str(self.gateway_port), "PHONE_PORT": str(self.phone[1]),
            "PHONE": f"sip:{LOOPBACK}:{self.phone[1]};transport={self.transport}",
            "USERS": "^(" + "|".join(ACCOUNTS) + ")$", "DOMAIN": DOMAIN, "RUNTIME": str(runtime),
        }
        text = (PEERS / "kamailio.cfg").read_text()
        for name, value in defines.items():
            text = text.replace(f"@{name}@", value)
        file = folder / "kamailio.cfg"
        file.write_text(text)
        with open(self.log, "wb") as log:
            self.process = await asyncio.create_subprocess_exec(
                kamailio_path() or "kamailio", "-f", str(file), "-DD", "-E", "-m", "32", "-M", "4", "-Y", str(runtime),
                "-P", str(runtime / "pid"), stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log)
        await condition_of(
            lambda: is_bound(self.port, self.transport) or self.process and self.process.returncode is not None,
            10, "Kamailio's port")
        if self.process.returncode is not None:
            raise AssertionError(f"Kamailio did not start:\n{self.log_tail()}")

    async def stop(self) -> None:
        if self.process and self.process.returncode is None:
            self.process.terminate()
            try:
                await asyncio.wait_for(self.process.wait(), 5)
            except asyncio.TimeoutError:
                self.process.kill()
                await self.process.wait()

    def log_tail(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-30:]) if hasattr(self, "log") else ""


def kamailio_path() -> str | None:
    return shutil.which("kamailio") or shutil.which("kamailio", path="/usr/sbin")


PROXIES: dict[str, type[Peer]] = {"b2bua": B2BUA, "proxy": PlainProxy, "kamailio": Kamailio}
