"""Just enough of SIP and SDP to look at what went over the wire. It knows nothing of the gateway's own codecs."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Message:
    """A SIP message as it was seen in one datagram."""

    raw: bytes
    start_line: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @staticmethod
    def parse(raw: bytes) -> "Message | None":
        """The message in a datagram, `None` where there is none (a keep-alive, garbage)."""
        head, separator, body = raw.partition(b"\r\n\r\n")
        lines = head.decode("utf-8", "replace").split("\r\n")
        if not separator or "SIP/2.0" not in lines[0]:
            return None
        headers = []
        for line in lines[1:]:
            name, colon, value = line.partition(":")
            if colon:
                headers.append((name.strip(), value.strip()))
        return Message(raw, lines[0], tuple(headers), body)

    @property
    def status(self) -> int | None:
        """The code of a response, `None` for a request."""
        match = re.match(r"SIP/2\.0 (\d{3}) ", self.start_line)
        return int(match[1]) if match else None

    @property
    def method(self) -> str:
        """The method of a request, or that of the request which a response answers."""
        return self.header("CSeq").split()[-1] if self.status else self.start_line.split(" ")[0]

    @property
    def target(self) -> str:
        """The Request-URI."""
        return self.start_line.split(" ")[1]

    def header(self, name: str) -> str:
        """The first value of a header, the empty string where it is not there."""
        return next(iter(self.values(name)), "")

    def values(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name.lower()]

    @property
    def call_id(self) -> str:
        return self.header("Call-ID")

    @property
    def branch(self) -> str:
        """The branch of the topmost Via, which names the transaction."""
        found = re.search(r";\s*branch=([^;,\s]+)", self.header("Via"), re.I)
        return found[1] if found else ""

    @property
    def tag(self) -> str:
        """The tag of To; the empty string outside of dialogs."""
        return tag_of(self.header("To"))

    @property
    def sdp(self) -> "SDP":
        return SDP.parse(self.body.decode("utf-8"))

    def __str__(self) -> str:
        return self.raw.decode("utf-8", "replace")


def tag_of(party: str) -> str:
    """The tag of a From or To."""
    found = re.search(r";\s*tag=([^;\s]+)", party.rpartition(">")[2] or party, re.I)
    return found[1] if found else ""


@dataclass(frozen=True)
class Media:
    """The m= line and what follows it."""

    lines: tuple[str, ...]

    @property
    def kind(self) -> str:
        return self.lines[0][2:].split()[0]

    @property
    def port(self) -> int:
        return int(self.lines[0].split()[1].split("/")[0])

    @property
    def protocol(self) -> str:
        return self.lines[0].split()[2]

    @property
    def formats(self) -> list[str]:
        return self.lines[0].split()[3:]

    def attributes(self, name: str) -> list[str]:
        """The values of all a=NAME lines; an attribute without a value gives the empty string."""
        return attributes(self.lines, name)


@dataclass(frozen=True)
class SDP:
    """A session description: the lines before the first m= line, and one Media for each of these."""

    session: tuple[str, ...]
    media: tuple[Media, ...]

    @staticmethod
    def parse(text: str) -> "SDP":
        lines = text.split("\r\n")
        if lines.pop() != "":
            raise AssertionError(f"the last line of the SDP has no CRLF: {text!r}")
        for line in lines:
            if not re.fullmatch(r"[a-z]=[^\r\n\0]+", line):
                raise AssertionError(f"not a line of SDP: {line!r}")
        starts = [i for i, line in enumerate(lines) if line.startswith("m=")]
        ends = starts[1:] + [len(lines)]
        media = tuple(Media(tuple(lines[i:j])) for i, j in zip(starts, ends))
        return SDP(tuple(lines[: starts[0]] if starts else lines), media)

    @property
    def lines(self) -> list[str]:
        return [*self.session, *(line for media in self.media for line in media.lines)]

    def attributes(self, name: str) -> list[str]:
        """The values of the session's own a=NAME lines."""
        return attributes(self.session, name)

    def connection(self, media: Media) -> str:
        """The c= line that holds for a media section."""
        return next(line[2:] for line in (*media.lines, *self.session) if line.startswith("c="))

    def found(self, media: Media, name: str) -> list[str]:
        """An attribute that may stand at either level: the media section's, else the session's."""
        return media.attributes(name) or self.attributes(name)


def attributes(lines: tuple[str, ...], name: str) -> list[str]:
    found = []
    for line in lines:
        if line == f"a={name}":
            found.append("")
        elif line.startswith(f"a={name}:"):
            found.append(line[len(name) + 3 :])
    return found
