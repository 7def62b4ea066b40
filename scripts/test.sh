#!/bin/sh
# Runs every test there is, on guests rebuilt from source. What compiles them comes from the package registries, by name,
# and is installed once.
set -eu
cd "$(dirname "$0")/.."

say() { printf '\n== %s\n' "$*"; }

command -v go >/dev/null || { echo "Go 1.26 or newer is needed; see the README" >&2; exit 1; }

say "what compiles the guests"
sh scripts/toolchain/install.sh c rust assemblyscript
sh scripts/toolchain/rebuild.sh c rust assemblyscript

say "Go: every room, and real processes"
AMINO_GUESTS=rebuilt go test ./...

say "Go: the guest SDK and the examples"
(cd guest-sdks/go && go test ./...)
(cd examples && go test ./...)

say "C: the guest SDK, under sanitizers"
sh guest-sdks/c/test/run.sh

say "Rust: the guest SDK"
sh scripts/toolchain/test-rust.sh

say "AssemblyScript: the guest SDK"
node --test guest-sdks/assemblyscript/test/*.test.js
