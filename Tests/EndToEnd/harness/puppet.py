"""A SIP peer that does nothing by itself: the scenario pulls its strings, so that it can fall silent anywhere."""

from __future__ import annotations

import itertools
import re
import secrets

from .proxies import Headers, rebuilt
from .sip import Message, tag_of
from .wire import LOOPBACK, Address, Endpoint, Wire

#: What a plain RTP phone offers.
PLAIN_SDP = (b"v=0\r\no=phone 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 192.0.2.7\r\nt=0 0\r\n"
             b"m=audio 40000 RTP/AVP 0 8 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\n"
             b"a=fmtp:101 0-15\r\na=ptime:20\r\n")
FINGERPRINT = "5A:81:6C:1F:0C:5D:4F:9A:3E:77:21:B8:90:0E:66:D4:5A:81:6C:1F:0C:5D:4F:9A:3E:77:21:B8:90:0E:66:D4"
#: What it answers to the offer of a browser.
WEBRTC_SDP = ("v=0\r\no=phone 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 192.0.2.7\r\nt=0 0\r\na=group:BUNDLE 0 1\r\n"
              + "".join(
                  f"m={media}\r\na=mid:{mid}\r\n{lines}a=rtcp-mux\r\na=setup:active\r\n"
                  f"a=fingerprint:sha-256 {FINGERPRINT}\r\na=ice-ufrag:phn1\r\na=ice-pwd:phonepasswordphonepassword\r\n"
                  "a=candidate:1 1 udp 2130706431 192.0.2.7 40000 typ host\r\n"
                  for mid, media, lines in (
                      ("0", "audio 40000 UDP/TLS/RTP/SAVPF 111", "a=rtpmap:111 opus/48000/2\r\na=sendrecv\r\n"),
                      ("1", "video 40000 UDP/TLS/RTP/SAVPF 96", "a=rtpmap:96 VP8/90000\r\na=recvonly\r\n")))).encode()


#: The same of a phone without a camera.
AUDIO_SDP = WEBRTC_SDP[:WEBRTC_SDP.index(b"m=video")].replace(b"BUNDLE 0 1", b"BUNDLE 0")
#: What that answers when video is added.
NO_VIDEO_SDP = AUDIO_SDP + b"m=video 0 UDP/TLS/RTP/SAVPF 96\r\na=mid:1\r\n"


class Puppet(Wire):
    """Sends what it is told to send and records everything; never answers anything of its own accord."""

    _numbers = itertools.count(1)

    def __init__(self, transport: str = "udp") -> None:
        super().__init__()
        self.transport = transport
        self.gateway: Address | None = None
        self._sources: dict[str, Address] = {}
        self._endpoint = Endpoint(transport, self._received)
        self.port = self._endpoint.port

    async def open(self) -> None:
        await self._endpoint.open()

    def sent_in(self, call_id: str) -> list[Message]:
        """All that the gateway has sent in a call."""
        return [m for by_gateway, m in self.record if by_gateway and m.call_id == call_id]

    def close(self) -> None:
        """Is gone, as a process that was killed."""
        self._endpoint.close()

    def reset(self) -> None:
        """Over TCP: the connections are gone, the port is still there."""
        self._endpoint.reset()

    def _received(self, data: bytes, source: Address) -> None:
        message = Message.parse(data)
        if message:
            if message.status is None:
                self._sources[message.branch] = source
            self.note(True, message)

    def send(self, data: bytes, to: Address | None = None) -> None:
        target = to or self.gateway
        assert target
        message = Message.parse(data)
        if message:
            self.note(False, message)
        self._endpoint.send(data, target)

    @property
    def _via(self) -> str:
        return f"SIP/2.0/{self.transport.upper()} {LOOPBACK}:{self.port};branch=z9hG4bK{secrets.token_hex(8)}"

    @property
    def contact(self) -> str:
        return f"<sip:phone@{LOOPBACK}:{self.port}{';transport=tcp' if self.transport == 'tcp' else ''}>"

    def respond(self, request: Message, status: int, phrase: str = "", body: bytes = b"", tag: str = "phone-1",
                headers: Headers | None = None) -> None:
        """Answers a request of the gateway."""
        to = request.header("To")
        lines: Headers = [("Via", value) for value in request.values("Via")]
        lines += [("Record-Route", value) for value in request.values("Record-Route")]
        lines += [("From", request.header("From")),
                  ("To", to if tag_of(to) or status == 100 else f"{to};tag={tag}"),
                  ("Call-ID", request.call_id), ("CSeq", request.header("CSeq"))]
        if 100 < status < 300:
            lines.append(("Contact", self.contact))
        lines += headers or []
        if body:
            lines.append(("Content-Type", "application/sdp"))
        lines.append(("Content-Length", str(len(body))))
        self.send(rebuilt(f"SIP/2.0 {status} {phrase or 'OK'}", lines, body), self._sources[request.branch])

    def invite(self, callee: str, body: bytes = PLAIN_SDP, headers: Headers | None = None,
               caller: str = f"sip:phone@{LOOPBACK}") -> Message:
        """Calls a user."""
        assert self.gateway
        lines: Headers = [
            ("Via", self._via), ("From", f"<{caller}>;tag=puppet-{next(self._numbers)}"),
            ("To", f"<sip:{callee}@localhost>"), ("Call-ID", f"puppet-{secrets.token_hex(8)}"), ("CSeq", "1 INVITE"),
            ("Max-Forwards", "70"), ("Contact", self.contact), *(headers or []),
            ("Content-Type", "application/sdp"), ("Content-Length", str(len(body)))]
        message = Message.parse(rebuilt(f"INVITE sip:{callee}@localhost:{self.gateway[1]} SIP/2.0", lines, body))
        assert message
        self.send(message.raw)
        return message

    def follow(self, invite: Message, method: str, response: Message | None = None, body: bytes = b"",
               sequence: int | None = None, headers: Headers | None = None) -> Message:
        """A request after our INVITE: within the dialog of its `response`, or without one its CANCEL."""
        to = response.header("To") if response else invite.header("To")
        contact = re.search(r"<([^>]+)>", response.header("Contact")) if response else None
        number = sequence or int(invite.header("CSeq").split()[0])
        lines: Headers = [
            ("Via", invite.header("Via") if method == "CANCEL" else self._via), ("From", invite.header("From")),
            ("To", to), ("Call-ID", invite.call_id), ("CSeq", f"{number} {method}"), ("Max-Forwards", "70"),
            ("Contact", self.contact), *(headers or [])]
        if body:
            lines.append(("Content-Type", "application/sdp"))
        lines.append(("Content-Length", str(len(body))))
        message = Message.parse(
            rebuilt(f"{method} {contact[1] if contact else invite.target} SIP/2.0", lines, body))
        assert message
        self.send(message.raw)
        return message

    def turn(self, invite: Message, method: str, sequence: int, body: bytes = b"", tag: str = "phone-1",
             headers: Headers | None = None) -> Message:
        """A request of ours in the dialog that the gateway's INVITE has begun."""
        contact = re.search(r"<([^>]+)>", invite.header("Contact"))
        assert contact
        lines: Headers = [
            ("Via", self._via), ("From", f"{invite.header('To')};tag={tag}"), ("To", invite.header("From")),
            ("Call-ID", invite.call_id), ("CSeq", f"{sequence} {method}"), ("Max-Forwards", "70"),
            ("Contact", self.contact), *(headers or [])]
        if body:
            lines.append(("Content-Type", "application/sdp"))
        lines.append(("Content-Length", str(len(body))))
        message = Message.parse(rebuilt(f"{method} {contact[1]} SIP/2.0", lines, body))
        assert message
        self.send(message.raw)
        return message
