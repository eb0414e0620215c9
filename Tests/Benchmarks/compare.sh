#!/usr/bin/env bash
# Our codecs beside the C libraries that Debian ships, on the same messages in one run: one table with ratios.
# Nothing is asserted: the figures are those of this machine at this moment.
#
#   Tests/Benchmarks/compare.sh [CORPUS]
#
# CORPUS is a folder of *.sip and *.sdp files, by default that of the peers. PEERS is the folder of their sources
# (../shared/peers), CODEC_BENCHMARKS our executable (built when not given), SECONDS_PER_FILE the time for one file
# and turn.
set -euo pipefail

package=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
peers=${PEERS:-$package/../shared/peers}
seconds=${SECONDS_PER_FILE:-1}

skip() {
  printf 'skipped: %s\n' "$1"
  exit 0
}

[ -f "$peers/peers.c" ] || skip "the sources of the C peers are not in $peers (set PEERS)"
command -v gcc >/dev/null && command -v make >/dev/null && command -v pkg-config >/dev/null \
  || skip 'gcc, make or pkg-config is missing (Debian: build-essential pkg-config)'
for header in osipparser2/osip_parser.h sofia-sip-1.12/sofia-sip/sip.h re/re.h belle-sip/belle-sip.h; do
  [ -e "/usr/include/$header" ] \
    || skip "$header is missing (Debian: libosip2-dev libsofia-sip-ua-dev libre-dev libbellesip-dev)"
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
corpus=$(cd "${1:-$work/peers/corpus}" && pwd)

# In turns, so that a busy moment of the machine does not hit one side only.
for _ in 1 2 3; do
  CORPUS=$corpus "$work/peers/peers" bench 31 >>"$work/peers.txt"
  "$benchmarks" --json --seconds "$seconds" "$corpus" >>"$work/ours.json"
done

python3 - "$work/peers.txt" "$work/ours.json" <<'PYTHON'
"""Joins both outputs: for each message and operation the best median in nanoseconds, and how often we fit in theirs."""
import json
import os
import sys

LIBRARIES = ("sofia", "osip", "libre", "belle")
# Our operations (their sum), and the one of the peers that does the same. Theirs for a typed parse is `touch`, which
# reads the typed fields too: some of them parse a header only when it is asked for.
ROWS = {
    ".sip": [("parse", ("parse",), "touch"), ("parse+serialize", ("parse", "serialize"), "serialize")],
    ".sdp": [("parse", ("parse",), "sdp"), ("parse+serialize", ("parse", "serialize"), "sdp_ser")],
}

theirs: dict[tuple[str, str, str], float] = {}
for line in open(sys.argv[1]):
    fields = line.split()
    if len(fields) > 4 and fields[4] == "ns":
        key = (fields[0], fields[1], fields[2])
        theirs[key] = min(float(fields[3]), theirs.get(key, float("inf")))
ours: dict[tuple[str, str], float] = {}
size: dict[str, int] = {}
for line in open(sys.argv[2]):
    row = json.loads(line)
    name = os.path.basename(row["file"])
    ours[name, row["operation"]] = min(row["ns"], ours.get((name, row["operation"]), float("inf")))
    size[name] = row["bytes"]

print("ns of one message, the best of three medians; a ratio is the peer's time divided by ours\n")
print(f"{'message':22}{'bytes':>7}  {'operation':17}{'ours':>9}"
      + "".join(f"{name:>11}" for name in LIBRARIES) + f"{'sofia/ours':>13}{'fastest C/ours':>24}")
for name in sorted(size):
    for label, parts, operation in ROWS.get(os.path.splitext(name)[1], []):
        if not all((name, part) in ours for part in parts):
            continue
        mine = sum(ours[name, part] for part in parts)
        times = {library: theirs.get((name, library, operation)) for library in LIBRARIES}
        known = {library: time for library, time in times.items() if time}
        cells = "".join(f"{time:11.0f}" if time else f"{'-':>11}" for time in times.values())
        sofia = f"{known['sofia'] / mine:12.2f}x" if "sofia" in known else f"{'-':>13}"
        fastest = min(known, key=known.__getitem__, default=None)
        best = f"{known[fastest] / mine:14.2f}x ({fastest})" if fastest else "-"
        print(f"{name:22}{size[name]:7}  {label:17}{mine:9.0f}{cells}{sofia}{best:>24}")
PYTHON
