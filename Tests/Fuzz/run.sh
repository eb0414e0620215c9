#!/usr/bin/env bash
# Builds the codecs with libFuzzer and AddressSanitizer and lets them loose on each target, for so many inputs each.
#
#   Tests/Fuzz/run.sh [--runs N] [--keep FOLDER] [TARGET…]
#
# TARGET is sip, sdp, jingle or stream; all of them by default. N is 20000 by default. FOLDER keeps the build and what
# was learnt (the inputs that reach new code) for the next time; else both are thrown away. An input that breaks
# something is left in FOLDER, or here below TMPDIR, as crash-…: shorten it with `-minimize_crash=1`, and lay it into
# Tests/Fuzz/Cases/TARGET, where the tests play it again.
#
# The files of the codecs are compiled as they are, not by SwiftPM: it would link libFuzzer, which has a `main`, into
# the compiler of the grammars too.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
package=$(cd "$here/../.." && pwd)
runs=20000
work=
targets=()
while [ $# -gt 0 ]; do
  case $1 in
  --runs) runs=$2; shift 2 ;;
  --keep) work=$2; shift 2 ;;
  sip | sdp | jingle | stream) targets+=("$1"); shift ;;
  *) sed -n '2,11s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 64 ;;
  esac
done
[ "${#targets[@]}" -gt 0 ] || targets=(sip sdp jingle stream)
if [ -z "$work" ]; then
  work=$(mktemp -d)
  trap '[ "$(find "$work" -name "crash-*" -o -name "timeout-*" -o -name "oom-*" | wc -l)" != 0 ] || rm -rf "$work"' EXIT
fi
mkdir -p "$work/modules"

grammarc=${GRAMMARC:-}
if [ -z "$grammarc" ]; then
  (cd "$package" && swift build --product grammarc >/dev/null)
  grammarc=$(cd "$package" && swift build --show-bin-path)/grammarc
fi

# compile MODULE FILE…: optimised, yet with the assertions that an access is within bounds. What was built after the
# last change of its files, and of the modules before it, is taken as it is.
objects=()
is_stale=
compile() {
  local module=$1
  shift
  objects+=("$work/$module.o")
  if [ -z "$is_stale" ] && [ -z "$(find "$@" -newer "$work/$module.o" 2>&1 | head -n 1)" ]; then return 0; fi
  is_stale=1
  swiftc -swift-version 6 -parse-as-library -O -wmo -assert-config Debug -sanitize=fuzzer,address \
    -module-name "$module" -I "$work/modules" -I "$package/Sources/CLibXML2" -I /usr/include/libxml2 \
    -emit-module -emit-module-path "$work/modules/$module.swiftmodule" -emit-object -o "$work/$module.o" "$@"
}
generate() {
  "$grammarc" emit --grammars "$package/Grammars" --target "$1" --output "$work/$1"
}

compile CodecRuntime "$package"/Sources/CodecRuntime/*.swift
for module in SIPCodec SDPCodec JingleCodec JingleSIPMapping; do
  generate "$module"
  compile "$module" "$package/Sources/$module"/*.swift "$work/$module"/*.swift
done
compile XMLReader "$package"/Sources/XMLReader/*.swift
compile Fuzz "$package/Tests/RoundTripTests/FuzzProperties.swift" "$here/LibFuzzer/Entry.swift"
swiftc -sanitize=fuzzer,address -o "$work/fuzz" "${objects[@]}" -lxml2 2>"$work/link.log" || { cat "$work/link.log" >&2; exit 1; }
printf 'built after %d s\n' "$SECONDS"

# seeds TARGET FOLDER: what the messages of others and our own cases have to begin with.
seeds() {
  local corpus=$package/../shared/corpus ending
  cp "$here/Cases/$1"/* "$2" 2>/dev/null || true
  case $1 in sip) ending=sip ;; sdp) ending=sdp ;; *) ending=xml ;; esac
  [ ! -d "$corpus" ] || find "$corpus" -name "*.$ending" -size -16k -exec cp {} "$2" \;
}

failed=0
for target in "${targets[@]}"; do
  mkdir -p "$work/corpus-$target" "$work/seeds-$target"
  seeds "$target" "$work/seeds-$target"
  case $target in sip) module=SIPCodec ;; sdp) module=SDPCodec ;; *) module=JingleCodec ;; esac
  "$grammarc" dictionary --grammars "$package/Grammars" --target "$module" >"$work/$target.dict"
  printf '== %s\n' "$target"
  # Swift's own report of a crash waits for a program that libFuzzer has stopped.
  (cd "$work" && SWIFT_BACKTRACE=enable=no ASAN_OPTIONS=detect_leaks=0 FUZZ_TARGET=$target ./fuzz \
    -runs="$runs" -dict="$target.dict" -max_len=8192 -timeout=20 -rss_limit_mb=2048 -print_final_stats=0 -verbosity=0 \
    -artifact_prefix="$work/" "corpus-$target" "seeds-$target" >"$target.log" 2>&1) || {
    failed=1
    tail -n 60 "$work/$target.log" | cut -c 1-1000
    printf 'FAIL  %s: see %s\n' "$target" "$work"
    continue
  }
  printf 'ok    %s: %d inputs, after %d s\n' "$target" "$runs" "$SECONDS"
done
exit "$failed"
