#!/bin/sh
# build-c.sh SRC_DIR OUT.wasm: builds the C microservice in a folder.
set -eu
[ $# = 2 ] || { echo "usage: $0 SRC_DIR OUT.wasm" >&2; exit 2; }
sdk=$(cd "$(dirname "$0")/../../guest-sdks/c" && pwd)
for clang in "${CLANG:-clang-22}" clang; do
	command -v "$clang" >/dev/null && break
done
flags=
"$clang" --help | grep -q -e --no-wasm-opt && flags=--no-wasm-opt # an older wasm-opt on the PATH cannot read its output
exec "$clang" --target=wasm32-wasi $flags -Wno-deprecated -mexec-model=reactor -std=gnu17 -O2 -fwrapv -Wall \
	-I"$sdk" "$1"/*.c "$sdk"/*.c -Wl,--strip-all -o "$2"
