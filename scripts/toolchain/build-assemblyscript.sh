#!/bin/sh
# Builds the microservice in DIR/index.ts: build-assemblyscript.sh DIR OUT.wasm
set -eu
[ $# -eq 2 ] || { echo "usage: $0 DIR OUT.wasm" >&2; exit 2; }
dir=$(cd "$1" && pwd)
out=$(cd "$(dirname "$2")" && pwd)/$(basename "$2")
cd "$(dirname "$0")/../.."
scripts/toolchain/assemblyscript.sh >&2
modules=$PWD/build/toolchain/assemblyscript/node_modules

# From inside DIR, so that the module's messages name its files and not this machine's folders. The links are kept as
# they are so that the SDK, which is one, finds the compiler beside it.
cd "$dir"
exec node --preserve-symlinks "$modules/assemblyscript/bin/asc.js" index.ts -O -o "$out" \
  --transform "$modules/@amino.run/assemblyscript/transform/index.js"
