#!/usr/bin/env python3
"""Whether time grows with the size of a message, not with its square: messages that are all of one thing, in two sizes.

    Tests/Fuzz/growth.py [--gateway FILE] [--bytes N] [SHAPE...]

For each shape it shows the milliseconds of processor time that `inspect` and `translate` take for N bytes (60,000 by
default) and for four times as many, the start of the program included, and marks where the larger one takes more than
six times as long. It is for a person to look at: times differ from machine to machine, so no test asserts them. What is
refused because of its size is measured up to the refusal.
"""

import argparse
import pathlib
import resource
import subprocess
import sys
import tempfile

SIP = ("INVITE sip:b@example.org SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\nMax-Forwards: 70\r\n"
       "From: <sip:a@example.org>;tag=1\r\nTo: <sip:b@example.org>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n"
       "Contact: <sip:a@192.0.2.1>\r\n")
SDP = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
AUDIO = "m=audio 9 RTP/AVP 0\r\n"
JINGLE = "<jingle xmlns='urn:xmpp:jingle:1' action='session-initiate' sid='1'>"
CONTENT = "<content creator='initiator' name='0'>"
RTP = "<description xmlns='urn:xmpp:jingle:apps:rtp:1' media='audio'>"
ICE = "<transport xmlns='urn:xmpp:jingle:transports:ice-udp:1' ufrag='abcd' pwd='0123456789012345678901'>"
HEADER_EXTENSION = "urn:xmpp:jingle:apps:rtp:rtp-hdrext:0"
SOURCES = "urn:xmpp:jingle:apps:rtp:ssma:0"


def head(text, end=""):
    """A header field that goes on and on."""
    return lambda unit: lambda count: SIP + text + repeat(unit, count) + end + "\r\n\r\n"


def repeat(unit, count):
    """Copies with their number in place of `#` (`%` modulo 128) until there are enough bytes."""
    parts, length, index = [], 0, 0
    while length < count:
        part = unit.replace("#", str(index)).replace("%", str(index % 128))
        parts.append(part)
        length += len(part)
        index += 1
    return "".join(parts)


def lines(unit):
    return lambda count: SIP + repeat(unit, count) + "\r\n"


def description(before, unit, after=""):
    return lambda count: SDP + before + repeat(unit, count) + after


def rtp(unit):
    return lambda count: f"{JINGLE}{CONTENT}{RTP}{repeat(unit, count)}</description>{ICE}</transport></content></jingle>"


def ice(unit):
    return lambda count: (f"{JINGLE}{CONTENT}{RTP}<payload-type id='0'/></description>{ICE}{repeat(unit, count)}"
                          "</transport></content></jingle>")


SHAPES = {
    "sip": {
        "commas": head("Contact: <sip:a@b>")(",<sip:a@b>"),
        "empty list": head("Supported: ")(","),
        "parameters": head("Via: SIP/2.0/UDP h")(";a#=b"),
        "known parameter": head("Via: SIP/2.0/UDP h;branch=1")(";ttl=1"),
        "URI parameters": head("Route: <sip:h", ">")(";a#=b"),
        "URI headers": head("Contact: <sip:h?a=b", ">")("&a#=b"),
        "folding": head("Subject: a")("\r\n "),
        "folded list": head("Supported: a")("\r\n ,a"),
        "blanks": head("Subject: a", "b")(" "),
        "blank value": head("X: a")(" "),
        "comments": head("User-Agent: a ", "")("("),
        "nested comments": head("User-Agent: a ", "")("(a) "),
        "quoted": head('From: "', '" <sip:a@b>')("\\a"),
        "unclosed quote": head('Contact: "')("a"),
        "quotes": head("Contact: ")('"'),
        "display words": head("Contact: ", " <sip:a@b>")("a "),
        "digest": head('Authorization: Digest a="b"')(', a#="b"'),
        "Via lines": lines("Via: SIP/2.0/UDP h;branch=#\r\n"),
        "Record-Route lines": lines("Record-Route: <sip:h#;lr>\r\n"),
        "unknown lines": lines("X-#: a\r\n"),
        "broken lines": lines("From: <\r\n"),
        "no lines": lines("\x01\r\n"),
        "repeated lines": lines("Call-ID: #\r\n"),
        "empty lines first": lambda count: "\r\n" * (count // 2) + SIP + "\r\n",
        "colons": head("Contact: sip:")("a:"),
        "ats": head("Contact: sip:")("a@"),
        "dots": head("Contact: sip:")("1."),
        "addresses": head("Contact: sip:[")("1:"),
    },
    "sdp": {
        "payload types": lambda count: SDP + "m=audio 9 RTP/AVP" + repeat(" %", count) + "\r\n",
        "formats by name": lambda count: SDP + "m=application 9 udp" + repeat(" f#", count) + "\r\n",
        "rtpmap": description("m=audio 9 RTP/AVP 0\r\n", "a=rtpmap:% x/8000\r\n"),
        "fmtp": description("m=audio 9 RTP/AVP 0\r\n", "a=fmtp:0 a#=1\r\n"),
        "fmtp parameters": description("m=audio 9 RTP/AVP 96\r\na=rtpmap:96 x/1\r\na=fmtp:96 a=1", ";a#=1", "\r\n"),
        "feedback": description("m=audio 9 RTP/AVP 0\r\n", "a=rtcp-fb:% nack\r\n"),
        "feedback for all": description("m=audio 9 RTP/AVPF 0 8 9 18\r\n", "a=rtcp-fb:* a#\r\n"),
        "candidates": description(AUDIO, "a=candidate:# 1 udp # 192.0.2.1 9 typ host\r\n"),
        "candidate extensions": description(AUDIO + "a=candidate:1 1 udp 1 192.0.2.1 9 typ host", " a# b", "\r\n"),
        "sources": description(AUDIO, "a=ssrc:# cname:a\r\n"),
        "one source": description(AUDIO, "a=ssrc:1 a#:a\r\n"),
        "source groups": description(AUDIO + "a=ssrc:1 cname:a\r\n", "a=ssrc-group:FID # #1\r\n"),
        "source group": description(AUDIO + "a=ssrc-group:FID 1", " #", "\r\n"),
        "header extensions": description(AUDIO, "a=extmap:# urn:x#\r\n"),
        "groups": description("", "a=group:BUNDLE #\r\n", AUDIO),
        "group": description("a=group:BUNDLE 0", " #", "\r\n" + AUDIO + "a=mid:0\r\n"),
        "fingerprints": description(AUDIO, "a=fingerprint:sha-1 AB:CD\r\n"),
        "keys": description(AUDIO, "a=crypto:# AES_CM_128_HMAC_SHA1_80 inline:abcd\r\n"),
        "connections": description(AUDIO, "c=IN IP4 192.0.2.1\r\n"),
        "unknown attributes": description(AUDIO, "a=x-#:y\r\n"),
        "one attribute": description(AUDIO, "a=rtcp-mux\r\n"),
        "unknown lines": description("", "q=#\r\n"),
        "long name": description("", "a", "\r\n"),
        "media": description("", "m=audio 9 RTP/AVP 0\r\n"),
        "media with lines": description("a=ssrc:1 a:b\r\n" * 3, "m=audio 9 RTP/AVP 0\r\na=mid:#\r\n"),
        "broken lines": description(AUDIO, "a=candidate:\r\n"),
        "line ends": description(AUDIO, "\n"),
    },
    "jingle": {
        "payload types": rtp("<payload-type id='%' name='x' clockrate='8000'/>"),
        "payload parameters": lambda count: rtp("<payload-type id='96'>" + repeat(
            "<parameter name='a#' value='b'/>", count) + "</payload-type>")(1),
        "feedback": rtp("<rtcp-fb xmlns='urn:xmpp:jingle:apps:rtp:rtcp-fb:0' type='a#'/>"),
        "header extensions": rtp(f"<rtp-hdrext xmlns='{HEADER_EXTENSION}' id='#' uri='urn:x#'/>"),
        "sources": rtp(f"<source xmlns='{SOURCES}' ssrc='#'><parameter name='cname' value='a'/></source>"),
        "source groups": rtp(f"<ssrc-group xmlns='{SOURCES}' semantics='FID'><source ssrc='#'/></ssrc-group>"),
        "candidates": ice("<candidate component='1' foundation='#' generation='0' id='a#' ip='192.0.2.1' network='0' "
                          "port='9' priority='#' protocol='udp' type='host'/>"),
        "fingerprints": ice("<fingerprint xmlns='urn:xmpp:jingle:apps:dtls:0' hash='sha-1' setup='actpass'>AB:CD"
                            "</fingerprint>"),
        "unknown elements": rtp("<a#/>"),
        "unknown namespaces": rtp("<a xmlns='urn:#'/>"),
        "attributes": lambda count: f"<jingle xmlns='urn:xmpp:jingle:1'{repeat(chr(32) + 'a#=' + chr(39) * 2, count)}/>",
        "depth": lambda count: "<a>" * (count // 7) + "</a>" * (count // 7),
        "depth within": lambda count: JINGLE + "<a>" * (count // 7) + "</a>" * (count // 7) + "</jingle>",
        "contents": lambda count: JINGLE + repeat(
            f"<content creator='initiator' name='#'>{RTP}<payload-type id='0'/></description></content>", count)
        + "</jingle>",
        "groups": lambda count: JINGLE + repeat(
            "<group xmlns='urn:xmpp:jingle:apps:grouping:0' semantics='BUNDLE'><content name='#'/></group>", count)
        + "</jingle>",
        "text": rtp("a"),
        "references": rtp("&amp;"),
        "references in a value": lambda count: f"<jingle xmlns='urn:xmpp:jingle:1' sid='{'&#65;' * (count // 5)}'/>",
        "comments": rtp("<!--a-->"),
        "CDATA": rtp("<![CDATA[a]]>"),
        "open tags": lambda count: "<" * count,
        "open quote": lambda count: "<a b='" + "<" * count,
        "blank tag": lambda count: "<a" + " " * count + "/>",
    },
}


def milliseconds(command):
    """The least processor time of three runs."""
    times = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        if done.returncode not in (0, 1):
            sys.exit(f"{command}: ended with {done.returncode}")
        times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(times) * 1000


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    package = pathlib.Path(__file__).resolve().parent.parent.parent
    parser.add_argument("--gateway", default=package / ".build/release/jingle-sip-gateway", type=pathlib.Path)
    parser.add_argument("--bytes", default=60_000, type=int)
    parser.add_argument("shapes", nargs="*", metavar="SHAPE")
    options = parser.parse_args()
    if not options.gateway.exists():
        sys.exit(f"{options.gateway} is not there: swift build -c release --product jingle-sip-gateway")
    steep = 0
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "message"
        for kind, shapes in SHAPES.items():
            commands = [["inspect", kind]]
            if kind != "sip":
                commands.append(["translate", "--to", "jingle" if kind == "sdp" else "sdp"])
            for command in commands:
                for name, make in shapes.items():
                    if options.shapes and name not in options.shapes:
                        continue
                    times = []
                    for size in (options.bytes, options.bytes * 4):
                        file.write_bytes(make(size).encode())
                        times.append(milliseconds([options.gateway, *command, file]))
                    is_steep = times[1] > 6 * times[0]
                    steep += is_steep
                    print(f"{'steep' if is_steep else '     '} {times[0]:5.0f} {times[1]:5.0f}  "
                          f"{command[0]} {kind}: {name}", flush=True)
    print(f"{steep} of them steep")
    return steep > 0


if __name__ == "__main__":
    sys.exit(main())
