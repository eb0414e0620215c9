"""Input of people who mean harm: a clear answer or a closed stream, never a crash, and a call in progress goes on."""

from __future__ import annotations

import asyncio
import os
import random
from contextlib import asynccontextmanager
from typing import AsyncIterator

from harness import jingle
from harness.client import raw_exchange
from harness.gateway import DOMAIN
from harness.lean import HEADER, LeanDevice
from harness.puppet import WEBRTC_SDP, Puppet
from harness.scenario import SIPP, World, check, equal, scenario
from harness.sip import Message
from harness.wire import LOOPBACK

from .calls_to_phones import CALLEE
from .comings_and_goings import talking


@asynccontextmanager
async def a_call_in_progress(world: World) -> AsyncIterator[Puppet]:
    """A call that stands before and after what happens within, and can still be changed and ended from both sides."""
    puppet, alice, sid, invite = await talking(world)
    yield puppet
    check(world.gateway.is_running(), "the gateway has ended")
    check(alice.is_connected, "the stream of the caller has ended")
    equal(alice.actions("session-terminate"), [], "session-terminate")
    equal(puppet.sent(request="BYE"), [], "BYE")
    info = puppet.turn(invite, "INFO", 900)
    await puppet.answer(info, 200)
    await alice.accepted(jingle.transport_info(sid, "0", 53001), CALLEE)
    puppet.respond(await puppet.request("INFO"), 200)
    await alice.accepted(jingle.terminate(sid, "success"), CALLEE)
    puppet.respond(await puppet.request("BYE"), 200)
    await world.gateway.calls_ended(1, 3)


def options(puppet: Puppet, number: int, more: str = "", body: bytes = b"", length: int | None = None) -> bytes:
    via = f"SIP/2.0/{puppet.transport.upper()} {LOOPBACK}:{puppet.port};branch=z9hG4bKhostile{number}"
    return (f"OPTIONS sip:alice@{DOMAIN} SIP/2.0\r\nVia: {via}\r\nFrom: <sip:x@{LOOPBACK}>;tag=x{number}\r\n"
            f"To: <sip:alice@{DOMAIN}>\r\nCall-ID: hostile-{number}\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\n{more}"
            f"Content-Length: {len(body) if length is None else length}\r\n\r\n").encode() + body


async def status_of(puppet: Puppet, number: int, timeout: float = 5) -> int:
    """The answer to the request with this number."""
    await puppet.until(lambda: [m for m in puppet.sent_in(f"hostile-{number}") if m.status], timeout,
                       f"an answer to request {number}")
    return next(m.status for m in puppet.sent_in(f"hostile-{number}") if m.status) or 0


@scenario("slixmpp", behind=SIPP)
async def sip_requests_that_cannot_be_served(world: World) -> None:
    """RFC 3261 §8.2, §16.3: each refused with its own code: 400, 404, 405, 413 or 513, 415, 416, 420, 481, 483, 501, 505."""
    async with a_call_in_progress(world) as puppet:
        plain = options(puppet, 0).decode()
        cases = {
            1: (plain.replace("SIP/2.0\r\nVia", "SIP/7.0\r\nVia", 1), (505,)),
            2: (plain.replace("OPTIONS", "SING"), (501, 405)),
            3: (plain.replace("OPTIONS sip:", "OPTIONS nobodyknows:", 1), (416, 404)),
            4: (plain.replace("Max-Forwards: 70", "Max-Forwards: 70\r\nRequire: telepathy"), (420,)),
            5: (plain.replace("CSeq: 1 OPTIONS", "CSeq: 1 INVITE"), (400,)),
            6: (plain.replace("OPTIONS", "BYE").replace(f"To: <sip:alice@{DOMAIN}>", "To: <sip:alice@x>;tag=nobody"), (481,)),
            7: (plain.replace("OPTIONS", "CANCEL"), (481,)),
            8: (plain.replace("From: <sip:x@127.0.0.1>;tag=x0", "From: <<<>>"), (400,)),
            9: (plain.replace("OPTIONS", "PUBLISH"), (405, 501)),
        }
        for number, (text, expected) in cases.items():
            data = text.replace("hostile0", f"hostile{number}").replace("hostile-0", f"hostile-{number}").encode()
            puppet.send(data)
            status = await status_of(puppet, number)
            check(status in expected, f"answer to\n{data.decode()}\nexpected {expected}, got {status}")
        # What an INVITE alone can do wrong.
        invite = puppet.invite("alice", b"v=0\r\nno sdp at all\r\n")
        await puppet.response(488, to="INVITE", call_id=invite.call_id)
        invite = puppet.invite("nobody-of-ours")
        await puppet.until(lambda: [m for m in puppet.sent_in(invite.call_id) if (m.status or 0) >= 400], 5, "a refusal")


@scenario("slixmpp", behind=SIPP)
async def sip_that_is_too_large(world: World) -> None:
    """A datagram of 60 kB, 30,000 headers, a body of 10 MB over TCP: an answer or a closed connection, and others go on."""
    async with a_call_in_progress(world) as puppet:
        if puppet.transport == "udp":
            puppet.send(options(puppet, 1, more="X-Long: " + "a" * 60000 + "\r\n"))
            puppet.send(options(puppet, 2, more="X: y\r\n" * 9000))
            puppet.send(options(puppet, 3, more="Via: " + ", ".join(["SIP/2.0/UDP x"] * 4000) + "\r\n"))
            puppet.send(options(puppet, 4, body=b"", length=99999))
            puppet.send(b"INVITE sip:alice@localhost SIP/2.0\r\n" + os.urandom(60000))
        else:
            port = world.gateway.sip_port
            for begin, filler in ((b"", b"INVITE sip:" + b"a" * 65536),
                                  (b"OPTIONS sip:a@localhost SIP/2.0\r\n", b"X-Filler: " + b"a" * 1000 + b"\r\n"),
                                  (options(puppet, 1, length=99_999_999), b"b" * 65536),
                                  (options(puppet, 2, more="Content-Length: 5\r\n"), b"\r\n"),
                                  (b"", b"\0" * 65536)):
                await flooded(port, begin, filler, 10 << 20)
        puppet.send(options(puppet, 9))
        equal(await status_of(puppet, 9), 200, "answer to an OPTIONS after all that")


async def flooded(port: int, begin: bytes, filler: bytes, most: int) -> None:
    """Writes until the other side closes, or takes no more, or has taken too much."""
    reader, writer = await asyncio.open_connection(LOOPBACK, port)
    sent = 0
    try:
        writer.write(begin)
        while sent < most:
            writer.write(filler)
            sent += len(filler)
            await asyncio.wait_for(writer.drain(), 2)
            if reader.at_eof():
                return
        # It was all taken and thrown away: then at least an answer has to come, or the end.
        await asyncio.wait_for(reader.read(1), 3)
    except (ConnectionError, BrokenPipeError):
        return
    except asyncio.TimeoutError:
        raise AssertionError(f"{sent} bytes of {begin[:40]!r}, {filler[:20]!r} and neither answer nor end") from None
    finally:
        writer.transport.abort()


@scenario("slixmpp", behind=SIPP)
async def sip_that_is_repeated_and_mutated(world: World) -> None:
    """500 repetitions of one INVITE ring once; 500 mutations of good messages: answers or nothing, and no call is touched."""
    async with a_call_in_progress(world) as puppet:
        bob = await world.client("bob")
        invite = puppet.invite("bob")
        await bob.action("session-initiate")
        for _ in range(500):
            puppet.send(invite.raw)
        good = [invite, *puppet.sent(status=180, to="INVITE")[:1]]
        if puppet.transport == "udp":
            # Over a connection they would only end it; that is what `sip_stream_is_garbage` is for.
            for data in mutations(good, 500):
                puppet.send(data)
        puppet.send(options(puppet, 9))
        equal(await status_of(puppet, 9, 15), 200, "answer to an OPTIONS after all that")
        equal(len([j for j in bob.actions("session-initiate") if j.get("sid") == invite.call_id]), 1, "session-initiates")
        cancel = puppet.follow(invite, "CANCEL")
        await puppet.answer(cancel, 200)
        puppet.follow(invite, "ACK", await puppet.response(487, to="INVITE", call_id=invite.call_id))
        await bob.until(lambda: [j for j in bob.actions("session-terminate") if j.get("sid") == invite.call_id],
                        "session-terminate")
        # Those that became INVITEs of their own.
        for by_gateway, message in list(puppet.record):
            if by_gateway and message.status == 180 and message.call_id != invite.call_id:
                own = next((m for _, m in puppet.record if m.call_id == message.call_id and m.method == "INVITE"), None)
                if own and own.status is None:
                    puppet.follow(own, "CANCEL")


def mutations(messages: list[Message], count: int) -> list[bytes]:
    dice = random.Random(4711)
    result = []
    for index in range(count):
        data = bytearray(dice.choice(messages).raw.replace(b"puppet-", b"mutant%d-" % index))
        for _ in range(dice.randint(1, 8)):
            where = dice.randrange(len(data))
            match dice.randrange(4):
                case 0: data[where] = dice.randrange(256)
                case 1: del data[where: where + dice.randint(1, 40)]
                case 2: data[where:where] = data[where: where + dice.randint(1, 200)]
                case _: data[where:where] = dice.choice([b"\r\n", b"\0", b",", b"\"", b"<", b";tag=", b"%00", b"\xff"])
            if not data:
                data = bytearray(b"x")
        result.append(bytes(data))
    return result


@scenario("slixmpp", behind=SIPP[1:])
async def sip_stream_is_garbage(world: World) -> None:
    """RFC 3261 §18.3: a stream that cannot be cut into messages is closed; drip-fed, cut and idle ones harm nobody."""
    async with a_call_in_progress(world) as puppet:
        port = world.gateway.sip_port
        for data in (os.urandom(5000), b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01\x02\x00" + os.urandom(500),
                     options(puppet, 1).replace(b"Content-Length: 0", b"Content-Length: -5"),
                     options(puppet, 2).replace(b"Content-Length: 0", b"Content-Length: 18446744073709551617"),
                     options(puppet, 3).replace(b"Content-Length: 0\r\n", b"")):
            reader, writer = await asyncio.open_connection(LOOPBACK, port)
            writer.write(data + b"\r\n\r\n")
            try:
                await asyncio.wait_for(reader.read(1), 5)
            except asyncio.TimeoutError:
                raise AssertionError(f"neither answer nor end after {data[:60]!r}") from None
            except ConnectionError:
                pass
            writer.transport.abort()
        # Idle ones, and ones that have begun something.
        idle = [await asyncio.open_connection(LOOPBACK, port) for _ in range(100)]
        for index, (_, writer) in enumerate(idle):
            writer.write(options(puppet, 100 + index)[: index])
        # A message byte by byte is one message; keep-alives in between (RFC 5626 §3.5.1).
        reader, writer = await asyncio.open_connection(LOOPBACK, port)
        for byte in b"\r\n\r\n" + options(puppet, 7) + b"\r\n\r\n" + options(puppet, 8):
            writer.write(bytes([byte]))
            await writer.drain()
        text = b""
        while text.count(b"SIP/2.0 200") < 2:
            text += await asyncio.wait_for(reader.read(65536), 5)
        for _, other in [*idle, (reader, writer)]:
            other.transport.abort()


#: What ends a stream, with the condition that has to be named; RFC 6120 §4.9.3, §11.1, §13.12.
BEFORE_LOGIN = {
    "a DOCTYPE": (b"<?xml version='1.0'?><!DOCTYPE x>" + HEADER[21:].encode(), b"restricted-xml"),
    "a billion laughs": (
        b"<?xml version='1.0'?><!DOCTYPE lolz [<!ENTITY lol 'lol'>"
        + b"".join(b"<!ENTITY lol%d '%s'>" % (n, b"&lol%d;" % (n - 1) * 10 if n > 1 else b"&lol;" * 10) for n in range(1, 10))
        + b"]><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='localhost' "
        b"version='1.0'>&lol9;", b"restricted-xml"),
    "a comment": (HEADER.encode() + b"<!-- x -->", b"restricted-xml"),
    "a processing instruction": (HEADER.encode() + b"<?php x?>", b"restricted-xml"),
    "an entity": (HEADER.encode() + b"<a>&nbsp;</a>", b""),
    "another namespace of the stream": (HEADER.replace("etherx.jabber.org", "example.org").encode(), b"invalid-namespace"),
    "another host": (HEADER.replace(f"to='{DOMAIN}'", "to='example.org'").encode(), b"host-unknown"),
    "an old version": (HEADER.replace("version='1.0'?>", "version='1.0'?>").replace(" version='1.0' xmlns", " xmlns").encode(),
                       b"unsupported-version"),
    "a stanza before login": (HEADER.encode() + b"<iq type='get' id='1'><ping xmlns='urn:xmpp:ping'/></iq>", b"not-authorized"),
    "a stanza without end": (HEADER.encode() + b"<message><body>" + b"a" * 20000, b"policy-violation"),
    "elements without end": (HEADER.encode() + b"<a>" * 3000, b"policy-violation"),
    "attributes without end": (HEADER.encode() + b"<a " + b" ".join(b"a%d='1'" % n for n in range(2000)) + b"/>", b""),
    "elements that cross": (HEADER.encode() + b"<a><b></a></b>", b"not-well-formed"),
    "bytes that are no UTF-8": (HEADER.encode() + b"<a>\xc3\x28\xff</a>", b""),
    "UTF-16": (HEADER.encode("utf-16"), b""),
    "a zero byte": (HEADER.encode() + b"<a>\0</a>", b"not-well-formed"),
    "an HTTP request": (b"POST / HTTP/1.1\r\nHost: x\r\n\r\n", b""),
    "a TLS hello": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500), b""),
}


@scenario("slixmpp")
async def xmpp_streams_that_are_refused(world: World) -> None:
    """RFC 6120 §4.9, §11.1: a stream error with its condition and a closed stream, also for a DOCTYPE and its entities."""
    async with a_call_in_progress(world):
        for what, (data, condition) in BEFORE_LOGIN.items():
            answer = await raw_exchange(world.gateway.xmpp_port, data)
            check(condition in answer, f"{what}: expected {condition!r}, got {answer[-300:]!r}")
            if condition:
                check(answer.rstrip().endswith(b"</stream:stream>"), f"{what}: the stream was not closed: {answer[-300:]!r}")


@scenario("slixmpp")
async def xmpp_stanzas_that_are_refused(world: World) -> None:
    """RFC 6120 §4.9.3.14, §13.12: too big, too deep, too many attributes, after login: an error, and only this stream ends."""
    async with a_call_in_progress(world):
        big = "<message to='bob@localhost'><body>" + "a" * 3_000_000
        deep = "<iq type='set' id='1' to='bob@localhost'>" + "<jingle xmlns='urn:xmpp:jingle:1'>" * 5000
        wide = "<iq type='set' id='1' " + " ".join(f"a{n}='{n}'" for n in range(5000)) + "/>"
        laughs = "<!DOCTYPE lolz [<!ENTITY lol 'lol'>]><message>&lol;</message>"
        many = "<iq type='set' id='1' to='bob@localhost'><jingle xmlns='urn:xmpp:jingle:1' action='session-initiate' " \
            "sid='many'>" + "<content creator='initiator' name='x'/>" * 100_000
        prefixes = "<iq type='set' " + " ".join(f"xmlns:p{n}='urn:{n}'" for n in range(500)) + " id='1'/>"
        for index, (what, stanza) in enumerate({
                "big": big, "deep": deep, "wide": wide, "DOCTYPE": laughs, "many contents": many, "prefixes": prefixes}.items()):
            device = LeanDevice("kate", f"hostile{index}")
            await device.connect(world.gateway.xmpp_port)
            device.send(stanza)
            text = await device.ended()
            check(b"<stream:error>" in text or b"stream:error" in text, f"{what}: {text[-300:]!r}")
            device.close()


@scenario("slixmpp")
async def jingle_that_is_refused(world: World) -> None:
    """CONTRACT, Answers: "bad-request where it does not parse"; the stream stays, and no phone is called."""
    async with a_call_in_progress(world) as puppet:
        kate = await world.client("kate")
        before = len(puppet.sent(request="INVITE"))
        offer = jingle.webrtc_offer("SID", kate.jid)
        for index, (what, stanza) in enumerate({
            "another namespace": offer.replace("urn:xmpp:jingle:1'", "urn:xmpp:jingle:0'", 1),
            "no action": offer.replace("action='session-initiate'", ""),
            "no sid": offer.replace("sid='SID'", ""),
            "an empty sid": offer.replace("SID", ""),
            "a port that is no number": offer.replace("port='50001'", "port='many'"),
            "a port that is too large": offer.replace("port='50001'", "port='99999999999999999999'"),
            "a name of 100 kB": offer.replace("name='0'", "name='" + "a" * 100_000 + "'"),
            "a sid of 100 kB": offer.replace("SID", "a" * 100_000),
        }.items()):
            answer = await kate.jingle(stanza.replace("SID", f"hostile-{index}"), CALLEE)
            if what not in ("a name of 100 kB", "a sid of 100 kB"):
                equal(answer.get("type"), "error", f"answer to {what}")
        check(kate.is_connected, "the stream has ended")
        names = [m for m in puppet.sent(request="INVITE")[before:] if len(m.raw) < 60_000]
        equal(names, [], "INVITEs for what was refused")


@scenario("slixmpp", timeout=60, waits=True)
async def slow_and_half_open_streams(world: World) -> None:
    """RFC 6120 §13.12: connections that never log in, drip or hang are closed after 30 s; others log in meanwhile."""
    async with a_call_in_progress(world):
        port = world.gateway.xmpp_port
        lazy = [LeanDevice("kate", f"lazy{n}") for n in range(150)]
        for index, device in enumerate(lazy):
            await device.open(port)
            device.send(HEADER[: index] if index % 2 else HEADER)
        loop = asyncio.get_running_loop()
        begin = loop.time()

        async def drip(device: LeanDevice) -> None:
            for byte in (HEADER + "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>" + "A" * 500):
                if device.is_closed:
                    return
                device.send(byte)
                await asyncio.sleep(0.1)

        slow = LeanDevice("kate", "drip")
        await slow.open(port)
        dripping = asyncio.create_task(drip(slow))
        # Half closed: their side says nothing more, and reads.
        half = LeanDevice("kate", "half")
        await half.open(port)
        half.send(HEADER)
        half._writer.write_eof()
        await half.ended(35)
        good = LeanDevice("kate", "good")
        await good.connect(port)
        for device in (*lazy, slow):
            await device.ended(40)
        seconds = loop.time() - begin
        check(seconds < 40, f"closed after {seconds:.0f} s")
        check(not good.is_closed, "a stream that has logged in was closed")
        dripping.cancel()
        for device in (*lazy, slow, half, good):
            device.close()


@scenario("slixmpp")
async def a_client_that_does_not_read(world: World) -> None:
    """Who sends and never reads is not read from any more, or closed: nothing piles up, and others go on."""
    async with a_call_in_progress(world):
        device = LeanDevice("kate", "greedy")
        await device.connect(world.gateway.xmpp_port)
        device.stop_reading()
        before = world.gateway.memory()
        ping = b"<iq type='get' id='1'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>" * 500
        for _ in range(400):
            device.send(ping)
            try:
                await asyncio.wait_for(device._writer.drain(), 0.5)
            except (asyncio.TimeoutError, ConnectionError):
                break
        grown = world.gateway.memory() - before
        check(grown < 64 << 20, f"the gateway has grown by {grown >> 20} MB")
        device.close()
