#!/bin/bash
# Shows on a copy of the package what a person who edits grammars sees of the build-tool plugin GenerateCodecs.
#
# usage: Tests/Plugin/check-plugin.sh [FOLDER]
#
# FOLDER (by default one below TMPDIR) holds the copy and what was built; kept, it makes the next run quicker.
# One line for each check; the exit status tells whether all of them hold.
set -u

package=$(cd "$(dirname "$0")/../.." && pwd)
work=${1:-${TMPDIR:-/tmp}/check-plugin-$(id -u)}
copy=$work/jingle-sip-gateway
scratch=$work/build
log=$work/log
failures=0

mkdir -p "$work"
rsync -a --delete --exclude .build --exclude .git "$package/" "$copy/"

# expect WHAT COMMAND…: one check.
expect() {
  local what=$1
  shift
  if "$@"; then
    echo "ok    $what"
  else
    echo "FAIL  $what"
    failures=$((failures + 1))
    tail -n 15 "$log" | sed 's/^/      | /'
  fi
}

# build TARGET: what it prints goes to the log; `since` then knows what was compiled.
build() {
  touch "$work/stamp"
  # A file system may tell times in whole ticks only.
  sleep 0.05
  swift build --package-path "$copy" --scratch-path "$scratch" --target "$1" >"$log" 2>&1
}

fails() { ! "$@"; }
says() { grep -q -- "$1" "$log"; }

# since TARGET: how many of its object files the last build wrote.
since() {
  find "$scratch/debug/$1.build/" -name '*.o' -newer "$work/stamp" 2>/dev/null | wc -l
}
compiled() {
  local target
  for target in "$@"; do [ "$(since "$target")" -gt 0 ] || return 1; done
}
untouched() {
  local target
  for target in "$@"; do
    if [ "$(since "$target")" -gt 0 ]; then
      echo "      | compiled: $target" >>"$log"
      return 1
    fi
  done
}
generated() {
  cat "$scratch"/plugins/outputs/jingle-sip-gateway/"$1"/destination/GenerateCodecs/Generated/GeneratedParts.swift
}
knows() { generated SIPCodec | grep -q -- "$1"; }

sip=$copy/Grammars/sip

# 1. Edits. One target that depends on SIPCodec makes use of what is edited.
printf '\nheader X-Plugin-Edit = value:token\n' >>"$sip/info.grammar"
cat >"$copy/Sources/JingleSIPMapping/PluginCheck.swift" <<'END'
import SIPCodec

func pluginCheck(_ fields: HeaderFields) -> String { String(describing: fields.xPluginEdit) }
END
expect "the package builds" build JingleSIPMapping
expect "  … and no codec has a bundle of resources" fails ls -d "$scratch"/debug/*Codec.resources 2>>"$log"
expect "a second build" build JingleSIPMapping
expect "  … compiles nothing" untouched CodecRuntime GrammarCompiler SIPCodec SDPCodec JingleCodec JingleSIPMapping

sed -i 's/^header X-Plugin-Edit = /header X-Plugin-Edit many = /' "$sip/info.grammar"
expect "an edited grammar builds" build JingleSIPMapping
expect "  … its target is compiled" compiled SIPCodec
expect "  … with what the edit says" knows "xPluginEdit: ArenaList"
expect "  … and the target that depends on it" compiled JingleSIPMapping
expect "  … and no other" untouched CodecRuntime GrammarCompiler SDPCodec JingleCodec

sed -i '1i; A comment and no more.\n' "$sip/info.grammar"
expect "a grammar with one more comment builds" build JingleSIPMapping
expect "  … and nothing is compiled" untouched CodecRuntime GrammarCompiler SIPCodec SDPCodec JingleCodec JingleSIPMapping

# 2. Files that come and go.
printf '; A file that comes and goes\nheader X-Plugin-New = value:token\n' >"$sip/zz-plugin.grammar"
expect "a new grammar builds" build SIPCodec
expect "  … and is noticed" knows xPluginNew
rm "$sip/zz-plugin.grammar"
expect "without it again it builds" build SIPCodec
expect "  … and that is noticed" fails knows xPluginNew

# 3. Mistakes.
printf 'header X-Plugin-Wrong = value:tokn\n' >"$sip/zz-plugin.grammar"
expect "a mistake in a grammar fails the build" fails build SIPCodec
expect "  … and is shown with file, line and column" \
  says "^$sip/zz-plugin.grammar:1:31: error: there is no rule .tokn.; did you mean .token.?"
printf 'header X-Plugin-Wrong = value:token\n' >"$sip/zz-plugin.grammar"
expect "mended, it builds" build SIPCodec
expect "  … with what it adds" knows xPluginWrong
rm "$sip/zz-plugin.grammar"

cp "$copy/Grammars/targets.grammar" "$work/targets.grammar"
sed -i 's/using core$/using cor/' "$copy/Grammars/targets.grammar"
expect "a mistake in targets.grammar fails the build" fails build SIPCodec
expect "  … and is shown with file, line and column" \
  says "^$copy/Grammars/targets.grammar:[0-9]*:8: error: there are no grammars .cor.; did you mean .core.?"
cp "$work/targets.grammar" "$copy/Grammars/targets.grammar"
expect "mended, it builds" build SIPCodec

# 4. The same grammars become the same code: a dictionary has another order in each process.
grammarc=$(find "$scratch/debug/" -maxdepth 1 -name 'grammarc-tool' -o -maxdepth 1 -name grammarc -type f | head -1)
same() {
  local run sums
  sums=$(for run in 1 2 3 4 5; do
    rm -rf "$work/emitted"
    mkdir -p "$work/emitted"
    "$grammarc" emit --grammars "$copy/Grammars" --target "$1" --output "$work/emitted" || exit
    cat "$work/emitted"/* | cksum
  done | sort -u)
  echo "$sums" >"$log"
  [ "$(echo "$sums" | wc -l)" = 1 ]
}
for target in SIPCodec SDPCodec JingleCodec JingleSIPMapping; do
  expect "five runs of grammarc agree on $target" same "$target"
done

# 5. Another package with grammars of its own.
downstream=$work/downstream
mkdir -p "$downstream/Grammars/greeting" "$downstream/Sources/Greeting" "$downstream/Sources/greet"
cat >"$downstream/Package.swift" <<'END'
// swift-tools-version: 6.1
import PackageDescription

let package = Package(
  name: "downstream",
  dependencies: [.package(path: "../jingle-sip-gateway")],
  targets: [
    .target(
      name: "Greeting", dependencies: [.product(name: "CodecRuntime", package: "jingle-sip-gateway")],
      plugins: [.plugin(name: "GenerateCodecs", package: "jingle-sip-gateway")]),
    .executableTarget(name: "greet", dependencies: ["Greeting"]),
  ]
)
END
cat >"$downstream/Grammars/targets.grammar" <<'END'
target Greeting generates greeting
END
cat >"$downstream/Grammars/greeting/hello.grammar" <<'END'
framing greeting

; Who is greeted, and how often
greeting = "hello" SP name:name [ SP times:UInt8 ]
name     = 1*%x61-7A
SP       = " "
END
cat >"$downstream/Sources/Greeting/Greeting.swift" <<'END'
import CodecRuntime

extension Greeting {
  public init?(_ text: String) {
    let arena: Arena? = text.asInput { input in
      var tape = Tape()
      text.utf8.withContiguousStorageIfAvailable { bytes in
        tape = Tape(copying: UnsafeRawBufferPointer(bytes), expectedWords: 16)
      }
      return Greeting.parse(input, 0, &tape, slot: 1) == input.count ? tape.finish() : nil
    }
    guard let arena else { return nil }
    self.init(arena: arena, index: 0)
  }
}
END
cat >"$downstream/Sources/greet/main.swift" <<'END'
import Greeting

for text in ["hello world 3", "hello moon", "hullo world"] {
  if let greeting = Greeting(text) {
    print(greeting.name, greeting.times ?? 1)
  } else {
    print("no greeting: \(text)")
  }
}
END
run_downstream() {
  swift run --package-path "$downstream" --scratch-path "$work/build-downstream" greet >"$log" 2>&1
}
expect "a package that applies the plugin to its own grammars builds and runs" run_downstream
expect "  … and reads what its grammar says" says "^world 3$"
expect "  … and what is optional there" says "^moon 1$"
expect "  … and nothing else" says "^no greeting: hullo world$"
sed -i 's/"hello"/"hullo"/' "$downstream/Grammars/greeting/hello.grammar"
expect "its grammar edited, it builds and runs" run_downstream
expect "  … and reads what its grammar says now" says "^world 1$"

if [ $failures -gt 0 ]; then
  echo "$failures checks failed"
  exit 1
fi
echo "all checks hold"
