#!/usr/bin/env bash
# Our codecs beside the C libraries that Debian ships, on the same messages in one run: a table with ratios, and the same
# as the README shows it. Nothing is asserted: the figures are those of this machine at this moment.
#
#   Tests/Benchmarks/compare.sh [CORPUS]
#
# CORPUS is a folder of *.sip, *.sdp and *.xml files, by default that of the peers with the Jingle of their offer
# (offer.xml here), followed by the 512 messages of their gen_mixed.py. PEERS is the folder of their sources
# (../shared/peers), CODEC_BENCHMARKS our executable (built when not given), SECONDS_PER_FILE the time for one file
# and turn, TURNS how often each side has its turn (3).
set -euo pipefail

package=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
peers=${PEERS:-$package/../shared/peers}
here=$package/Tests/Benchmarks
seconds=${SECONDS_PER_FILE:-1}
turns=${TURNS:-3}

skip() {
  printf 'skipped: %s\n' "$1"
  exit 0
}

[ -f "$peers/peers.c" ] || skip "the sources of the C peers are not in $peers (set PEERS)"
command -v gcc >/dev/null && command -v make >/dev/null && command -v pkg-config >/dev/null \
  || skip 'gcc, make or pkg-config is missing (Debian: build-essential pkg-config)'
for header in osipparser2/osip_parser.h sofia-sip-1.12/sofia-sip/sip.h re/re.h belle-sip/belle-sip.h libxml2/libxml/parser.h; do
  [ -e "/usr/include/$header" ] \
    || skip "$header is missing (Debian: libosip2-dev libsofia-sip-ua-dev libre-dev libbellesip-dev libxml2-dev)"
done

benchmarks=${CODEC_BENCHMARKS:-}
if [ -z "$benchmarks" ]; then
  (cd "$package" && swift build -c release --product codec-benchmarks >&2)
  benchmarks=$(cd "$package" && swift build -c release --show-bin-path)/codec-benchmarks
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp -R "$peers/." "$work/peers"
make -s -C "$work/peers" clean
make -s -C "$work/peers" >"$work/make.log" 2>&1 || { cat "$work/make.log" >&2; exit 1; }
gcc -O2 $(pkg-config --cflags libxml-2.0) -o "$work/sax" "$here/sax.c" $(pkg-config --libs libxml-2.0)
gcc -O2 -I"$work/peers" -o "$work/sample" "$here/sample.c" "$work/peers/"{peers,peer_sofia,peer_libre,peer_belle}.o \
  -losipparser2 -lsofia-sip-ua -lre -lbellesip -lbctoolbox -lm
if [ $# -gt 0 ]; then
  corpus=$(cd "$1" && pwd)
else
  corpus=$work/peers/corpus
  cp "$here/offer.xml" "$corpus"
  (cd "$work/peers" && python3 gen_mixed.py >&2)
fi
shopt -s nullglob
documents=("$corpus"/*.xml)

# In turns, so that a busy moment of the machine does not hit one side only.
for ((turn = 0; turn < turns; turn++)); do
  "$work/sample" 61 all "$corpus"/*.{sip,sdp} >>"$work/peers.txt"
  if [ "${#documents[@]}" -gt 0 ]; then "$work/sax" bench 101 "${documents[@]}" >>"$work/peers.txt"; fi
  "$benchmarks" --json --seconds "$seconds" "$corpus" >>"$work/ours.json"
  if [ -d "$work/peers/corpus-mixed" ]; then
    "$work/sample" 15 sofia "$work/peers/corpus-mixed/"*.sip >>"$work/mixed.txt"
    "$benchmarks" --json --seconds 0.01 "$work/peers/corpus-mixed" >>"$work/mixed.json"
  fi
done
touch "$work/mixed.txt" "$work/mixed.json"

python3 - "$work/peers.txt" "$work/ours.json" "$work/mixed.txt" "$work/mixed.json" <<'PYTHON'
"""Joins both outputs: for each message and operation the best median in nanoseconds, and how often we fit in theirs."""
import json
import os
import sys

LIBRARIES = ("sofia", "osip", "libre", "belle", "libxml2")
# Our operations (their sum), and the one of the peers that does the same. Theirs for a typed parse is `touch`, which
# reads the typed fields too: some of them parse a header only when it is asked for. With libxml2 it is the parser alone,
# with handlers that do nothing.
ROWS = {
    ".sip": [("parse", ("parse",), "touch"), ("parse+serialize", ("parse", "serialize"), "serialize")],
    ".sdp": [("parse", ("parse",), "sdp"), ("parse+serialize", ("parse", "serialize"), "sdp_ser")],
    ".xml": [("parse", ("parse",), "parse")],
}
# From the bytes of one to the bytes of the other, beside how long sofia-sip parses this message.
YARDSTICK = ("invite.sip", "sofia", "touch")
TRANSLATIONS = {".sdp": "SDP to Jingle", ".xml": "Jingle to SDP"}

Times = dict[tuple[str, str, str], float]


def read_theirs(path: str) -> Times:
    times: Times = {}
    for line in open(path):
        fields = line.split()
        if len(fields) > 4 and fields[4] == "ns":
            key = (fields[0], fields[1], fields[2])
            times[key] = min(float(fields[3]), times.get(key, float("inf")))
    return times


def read_ours(path: str) -> tuple[dict[tuple[str, str], float], dict[str, int]]:
    times: dict[tuple[str, str], float] = {}
    size: dict[str, int] = {}
    for line in open(path):
        row = json.loads(line)
        name = os.path.basename(row["file"])
        times[name, row["operation"]] = min(row["ns"], times.get((name, row["operation"]), float("inf")))
        size[name] = row["bytes"]
    return times, size


theirs = read_theirs(sys.argv[1])
ours, size = read_ours(sys.argv[2])
readme = ["| what | ours | C library | | times |", "|---|---|---|---|---|"]


def add(what: str, mine: float, library: str, other: float) -> None:
    times = other / mine
    readme.append(f"| {what} | {mine:,.0f} | {library} | {other:,.0f} | {times:.{1 if times >= 1 else 2}f} |")


print("ns of one message, the best of the medians; a ratio is the peer's time divided by ours\n")
print(f"{'message':22}{'bytes':>7}  {'operation':17}{'ours':>9}"
      + "".join(f"{name:>11}" for name in LIBRARIES) + f"{'fastest C/ours':>24}")
for name in sorted(size):
    suffix = os.path.splitext(name)[1]
    title = f"{name}, {size[name]:,} bytes"
    for label, parts, operation in ROWS.get(suffix, []):
        if not all((name, part) in ours for part in parts):
            continue
        mine = sum(ours[name, part] for part in parts)
        times = {library: theirs.get((name, library, operation)) for library in LIBRARIES}
        known = {library: time for library, time in times.items() if time}
        cells = "".join(f"{time:11.0f}" if time else f"{'-':>11}" for time in times.values())
        fastest = min(known, key=known.__getitem__, default=None)
        best = f"{known[fastest] / mine:14.2f}x ({fastest})" if fastest else "-"
        print(f"{name:22}{size[name]:7}  {label:17}{mine:9.0f}{cells}{best:>24}")
        if fastest:
            add(f"{title}: {label}", mine, fastest, known[fastest])
    if suffix in TRANSLATIONS and (name, "translate") in ours and YARDSTICK in theirs:
        mine, other = ours[name, "translate"], theirs[YARDSTICK]
        print(f"{name:22}{size[name]:7}  {'translate':17}{mine:9.0f}  takes {mine / other:.2f} times as long as sofia-sip"
              f" parses {YARDSTICK[0]} ({other:.0f})")
        add(f"{title}: {TRANSLATIONS[suffix]}", mine, "sofia, parse of the INVITE", other)

mixed_theirs = read_theirs(sys.argv[3])
mixed_ours, mixed_size = read_ours(sys.argv[4])
if mixed_size:
    print(f"\n{len(mixed_size)} mixed messages, of {sum(mixed_size.values()) // len(mixed_size)} bytes on average")
    for label, parts, operation in ROWS[".sip"]:
        pairs = {name: (sum(mixed_ours[name, part] for part in parts), mixed_theirs[name, "sofia", operation])
                 for name in mixed_size}
        mine, other = (sum(pair[place] for pair in pairs.values()) / len(pairs) for place in (0, 1))
        ratios = sorted((pair[1] / pair[0], name) for name, pair in pairs.items())
        print(f"  {label:17}{mine:9.0f}  sofia {other:9.0f}{other / mine:8.2f}x; the least {ratios[0][0]:.2f}x"
              f" ({ratios[0][1]}), a tenth below {ratios[len(ratios) // 10][0]:.2f}x")
        add(f"{len(mixed_size)} mixed messages, on average: {label}", mine, "sofia", other)
print("\n" + "\n".join(readme))
PYTHON
