#!/bin/sh
# build-go.sh DIR OUT.wasm: builds the Go microservice whose package is in a folder.
set -eu
[ $# = 2 ] || { echo "usage: $0 DIR OUT.wasm" >&2; exit 2; }
go=$(cd "$(dirname "$0")/../.." && pwd)/build/toolchain/go/bin/go
[ -x "$go" ] || go=go
out=$(cd "$(dirname "$2")" && pwd)/$(basename "$2")
cd "$1"
GOOS=wasip1 GOARCH=wasm exec "$go" build -buildmode=c-shared -trimpath -ldflags='-s -w' -o "$out" .
