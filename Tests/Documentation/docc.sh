#!/usr/bin/env bash
# Makes the DocC pages of the public libraries with the toolchain's `docc`; what it warns of is an error.
#
# usage: Tests/Documentation/docc.sh FOLDER
#
# FOLDER gets a folder for each library; `python3 -m http.server --directory FOLDER/SIPCodec` shows one, at
# /documentation/sipcodec.
set -euo pipefail
output=$(mkdir -p "$1" && cd "$1" && pwd)
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

target=$(swift -print-target-info | sed -n 's/^ *"triple": "\(.*\)",$/\1/p' | head -n 1)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The mapping stands on the other libraries.
swift build --target JingleSIPMapping
modules=$(swift build --show-bin-path)/Modules
for library in CodecRuntime SIPCodec SDPCodec JingleCodec JingleSIPMapping; do
  mkdir "$work/$library"
  swift symbolgraph-extract -module-name "$library" -target "$target" -I "$modules" -output-dir "$work/$library" \
    -minimum-access-level public
  docc convert "Sources/$library/Documentation.docc" --additional-symbol-graph-dir "$work/$library" \
    --fallback-display-name "$library" --fallback-bundle-identifier "$library" --warnings-as-errors \
    --output-path "$output/$library"
  echo "$output/$library/documentation/${library,,}"
done
