#!/usr/bin/env python3
"""Does what the README's "Teach it something" says, on a copy of the package, and looks whether it becomes true.

usage: Tests/Plugin/check-tutorial.py --grammarc BINARY [FOLDER]

FOLDER (by default a temporary one) holds the copy and what was built. The grammars are changed as the text of the README
has it: a step whose words are not found in the files fails. Of Swift only a program that asks the codecs is added, and
they are built once.
"""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[2]

PROGRAM = '''
import CodecRuntime
import JingleCodec
import JingleSIPMapping
import SDPCodec
import SIPCodec

func invite(_ remote: String) throws -> SIPMessage {
  let lines = [
    "INVITE sip:phone@example.org SIP/2.0", "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1", "Max-Forwards: 70",
    "From: <sip:alice@example.org>;tag=1", "To: <sip:phone@example.org>", "Call-ID: 1", "CSeq: 1 INVITE",
    "Contact: <sip:alice@192.0.2.1>", "Session-ID: 47755a9de7794ba387653f2099600ef2;remote=" + remote,
    "Content-Length: 0", "", "",
  ]
  return try SIPMessage(parsing: Array(lines.joined(separator: "\\r\\n").utf8))
}
for issue in try invite("none").issues { print("header: offset", issue.offset, issue.message) }
let session = try invite(String(repeating: "0", count: 32)).headers.sessionID
print("header:", session?.local.string ?? "none", session?.remote?.string ?? "none")

let lines = [
  "v=0", "o=- 1 1 IN IP4 192.0.2.1", "s=-", "i=the weather", "c=IN IP4 192.0.2.1", "t=0 0", "m=audio 40000 RTP/AVP 0",
  "a=maxprate:50.0",
]
let offer = try SessionDescription(parsing: Array(lines.joined(separator: "\\r\\n").utf8))
var state = MediaState()
let there = try translateToJingle(offer.arena, by: .initiator, sid: "a", state: &state)
for loss in there.losses { print("lost:", loss) }
var output = Output()
Jingle(arena: there.arena, index: 0).write(to: &output)
print(output.string)
var other = MediaState()
let back = try translateToSDP(there.arena, at: 0, by: .initiator, state: &other)
var text = Output()
SessionDescription(arena: back.arena).write(to: &text)
print(text.string)
print("183:", CallEvent.response(toInvite: 183)?.rawValue ?? "none")
'''


class Failure(Exception):
    """A step of the tutorial does not do what the README says."""


def blocks(readme: str) -> dict[str, list[str]]:
    """The fenced blocks below each heading of the tutorial."""
    text = readme[readme.index("## Teach it something"):]
    text = text[:text.index("\n## ", 3)]
    found: dict[str, list[str]] = {}
    for part in text.split("\n### ")[1:]:
        heading, _, rest = part.partition("\n")
        found[heading] = re.findall(r"^```[a-z]*\n(.*?)^```$", rest, re.S | re.M)
    return found


def insert(path: Path, below: str, text: str, within: str = "") -> None:
    """Puts `text` behind the one and only line of the declaration `within` that begins with `below`."""
    lines = path.read_text().splitlines(keepends=True)
    begin = next((n for n, line in enumerate(lines) if line.startswith(within)), 0)
    end = next((n for n in range(begin + 1, len(lines)) if within and lines[n] == "\n"), len(lines))
    places = [n for n in range(begin, end) if lines[n].startswith(below)]
    if len(places) != 1:
        raise Failure(f"{path.name}: {len(places)} lines begin with {below.strip()!r}")
    lines.insert(places[0] + 1, text)
    path.write_text("".join(lines))


def replace(path: Path, pattern: str, text: str) -> None:
    new, count = re.subn(pattern, lambda _: text, path.read_text(), flags=re.M)
    if count != 1:
        raise Failure(f"{path.name}: {count} places are like {pattern!r}")
    path.write_text(new)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--grammarc", required=True, type=Path)
    parser.add_argument("folder", nargs="?", type=Path)
    arguments = parser.parse_args()
    grammarc = arguments.grammarc.resolve()
    folder = arguments.folder or Path(tempfile.mkdtemp())
    copy = folder / "tutorial"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns(".build*", ".git"))
    grammars = copy / "Grammars"
    steps = blocks((PACKAGE / "README.md").read_text())

    def check(expected: str = "") -> None:
        """What `grammarc check` says has this in it; without it, that nothing is wrong."""
        result = subprocess.run([grammarc, "check"], cwd=copy, capture_output=True, text=True, check=False)
        said = result.stdout + result.stderr
        if (result.returncode == 0) != (expected == "") or (expected or "nothing is wrong") not in said:
            raise Failure(f"grammarc check says:\n{said}\nexpected: {expected or 'nothing is wrong'}")

    def explain(name: str) -> str:
        return subprocess.run([grammarc, "explain", name], cwd=copy, capture_output=True, text=True, check=True).stdout

    try:
        header, _, report, *_ = steps["A SIP header"]
        (grammars / "sip/session-id.grammar").write_text(header)
        check()
        print("ok    a header")

        attribute, refusal, lost, *_ = steps["An SDP attribute"]
        insert(grammars / "sdp/rtp.grammar", "attribute rtcp-rsize at media", "\n" + attribute)
        check(refusal.partition("error: ")[2].strip())
        media = grammars / "mapping/media.grammar"
        insert(media, '    lost information "Jingle has no title of a medium"', lost)
        check()
        print("ok    an attribute, refused until somebody says what becomes of it")

        described, row, *_ = steps["A row of the mapping"]
        insert(grammars / "jingle/0167-rtp.grammar", "    @maxptime:UInt32?", described, within="element rtp:description")
        replace(media, re.escape(lost), "")
        check("error")
        text = media.read_text()
        at = text.index("map media <-> <rtp:description>")
        at = text.index("\n", text.index("    media.media ", at)) + 1
        media.write_text(text[:at] + row + text[at:])
        check()
        print("ok    a row of the mapping")

        namespace, child, rows = steps["A namespace of Jingle"]
        (grammars / "jingle/subject.grammar").write_text(namespace)
        check("nothing holds the element `subject:subject`")
        insert(grammars / "jingle/0166-jingle.grammar", "    ringing <info:ringing>?", child)
        check("no row maps `<subject:subject>`")
        replace(media, "^    lost information information-uri ", "    lost information-uri ")
        text = media.read_text()
        at = text.index("    each section ", text.index("map session <-> <jingle:jingle>"))
        media.write_text(text[:at] + rows + text[at:])
        check()
        print("ok    a namespace")

        events, = steps["A row of the signalling"]
        provisional, rings = events.splitlines()
        signalling = grammars / "mapping/signalling.grammar"
        replace(signalling, r"^    provisional  = .*$", provisional)
        replace(signalling, r"^    phone rings  = .*$", rings)
        check()
        if "event provisional" not in explain("183") or "phone rings" in explain("183"):
            raise Failure("grammarc explain 183 does not say that it is `provisional`")
        whole = signalling.read_text()
        replace(signalling, r"^on OPTIONS\n.*\n", "")
        check("nothing says what the gateway does at `OPTIONS`")
        signalling.write_text(whole)
        print("ok    rows of the signalling")

        (copy / "Sources/tutorial").mkdir()
        (copy / "Sources/tutorial/main.swift").write_text(PROGRAM)
        package = copy / "Package.swift"
        package.write_text(package.read_text().replace("\n  targets: [\n", """
  targets: [
    .executableTarget(
      name: "tutorial", dependencies: ["CodecRuntime", "SIPCodec", "SDPCodec", "JingleCodec", "JingleSIPMapping"]),
""", 1))
        result = subprocess.run(
            ["swift", "run", "--scratch-path", folder / "build-tutorial", "tutorial"], cwd=copy, capture_output=True,
            text=True, check=False)
        said = result.stdout
        offset = re.search(r'"offset":([0-9]+),"message":"([^"]*)"', report)
        if result.returncode != 0 or offset is None:
            raise Failure(f"{said[-2000:]}\n{result.stderr[-2000:]}")
        for expected in [
            f"header: offset {offset[1]} {offset[2]}", f"header: 47755a9de7794ba387653f2099600ef2 {'0' * 32}",
            "maxprate='50.0'", "a=maxprate:50.0", "urn:example:subject:0'>the weather<", "i=the weather",
            "183: provisional",
        ]:
            if expected not in said:
                raise Failure(f"the codecs do not say {expected!r}:\n{said}")
        print("ok    the codecs are built of it, read, map and write it")
    except (Failure, ValueError, KeyError) as problem:
        print(f"FAIL  {problem}")
        return 1
    finally:
        if arguments.folder is None:
            shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
