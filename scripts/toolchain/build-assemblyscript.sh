#!/bin/sh
# Builds the microservice in DIR/index.ts: build-assemblyscript.sh DIR OUT.wasm
set -eu
[ $# -eq 2 ] || { echo "usage: $0 DIR OUT.wasm" >&2; exit 2; }
dir=$(cd "$1" && pwd)
out=$(cd "$(dirname "$2")" && pwd)/$(basename "$2")
cd "$(dirname "$0")/../.."
scripts/toolchain/assemblyscript.sh


# From inside DIR, so that the module's messages name its files and not this machine's folders.
cd "$dir"
node "$modules/assemblyscript/bin/asc.js" index.ts --transform "$sdk/transform/index.js" -O -o "$out"
