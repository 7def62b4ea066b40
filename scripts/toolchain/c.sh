#!/bin/sh
# Installs what compiles C to WebAssembly: Debian's clang and lld, and a C library. Does nothing when done.
set -eu
. "$(dirname "$0")/apt.sh"
apt_install clang-22 lld-22 wasi-libc libclang-rt-22-dev-wasm32
