#!/usr/bin/env bash
# How many instructions it takes to parse, to serialize and to translate each message of compare.sh, counted by
# callgrind, beside the limits in instructions.txt. Unlike times these counts hardly differ from run to run, so they tell on any
# machine what was made slower by mistake.
#
#   Tests/Benchmarks/instructions.sh [--record]
#
# --record writes the limits anew, with 3 % to spare. CODEC_BENCHMARKS is our executable (the one of the release build
# when not given), PEERS the folder of the peers (../shared/peers).
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
package=$(cd "$here/../.." && pwd)
messages=${PEERS:-$package/../shared/peers}/corpus
table=$here/instructions.txt

skip() {
  printf 'skipped: %s\n' "$1"
  exit 0
}

command -v valgrind >/dev/null || skip 'valgrind is missing (Debian: valgrind)'
[ -d "$messages" ] || skip "the messages of the peers are not in $messages (set PEERS)"
[ "$(uname -m)" = x86_64 ] || skip "the limits are for x86_64, this is $(uname -m)"
benchmarks=${CODEC_BENCHMARKS:-}
if [ -z "$benchmarks" ]; then
  benchmarks=$(cd "$package" && swift build -c release --show-bin-path)/codec-benchmarks
fi
[ -x "$benchmarks" ] || skip "$benchmarks is not built (swift build -c release --product codec-benchmarks)"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# valgrind does not understand the debug information of Swift.
strip -g -o "$work/benchmarks" "$benchmarks"

# instructions FILE OPERATION COUNT: what callgrind counts for the whole program.
instructions() {
  valgrind --tool=callgrind --callgrind-out-file="$work/out.$$" \
    "$work/benchmarks" --count "$3" --operation "$2" "$1" >/dev/null 2>"$work/log" || { cat "$work/log" >&2; return 1; }
  sed -n 's/^\(summary\|totals\): \([0-9]*\).*/\2/p' "$work/out.$$" | sed -n 1p
}

# The difference of two runs leaves the start of the program out.
few=20
many=120
for file in "$messages"/*.sip "$messages"/*.sdp "$here/offer.xml"; do
  operations=(parse serialize)
  case $file in *.sip) ;; *) operations+=(translate) ;; esac
  for operation in "${operations[@]}"; do
    first=$(instructions "$file" "$operation" "$few")
    second=$(instructions "$file" "$operation" "$many")
    printf '%s %s %d\n' "$(basename "$file")" "$operation" $(((second - first) / (many - few)))
  done
done >"$work/counts"

if [ "${1:-}" = --record ]; then
  {
    echo '# Upper limits for Tests/Benchmarks/instructions.sh, which writes this with --record: message, operation, instructions.'
    awk '{ printf "%s %s %d\n", $1, $2, $3 * 1.03 }' "$work/counts"
  } >"$table"
fi

awk '
  FNR == NR { if ($1 !~ /^#/) limit[$1, $2] = $3; next }
  {
    known = ($1, $2) in limit
    verdict = !known ? "no limit" : $3 > limit[$1, $2] ? "TOO MANY" : "ok"
    if (verdict == "TOO MANY") failed = 1
    printf "%-16s %-10s %7d of at most %7s  %s\n", $1, $2, $3, known ? limit[$1, $2] : "-", verdict
  }
  END { exit failed }
' "$table" "$work/counts"
