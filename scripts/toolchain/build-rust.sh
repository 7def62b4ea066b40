#!/bin/sh
# build-rust.sh DIR OUT.wasm: builds the Rust microservice whose crate is in a folder.
set -eu
[ $# = 2 ] || { echo "usage: $0 DIR OUT.wasm" >&2; exit 2; }
root=$(cd "$(dirname "$0")/../.." && pwd)
out=$(cd "$(dirname "$2")" && pwd)/$(basename "$2")
cd "$1"
target=wasm32-unknown-unknown
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$root/build/target}"
export CARGO_PROFILE_RELEASE_OPT_LEVEL=s CARGO_PROFILE_RELEASE_LTO=true CARGO_PROFILE_RELEASE_CODEGEN_UNITS=1 \
	CARGO_PROFILE_RELEASE_PANIC=abort CARGO_PROFILE_RELEASE_STRIP=true
[ -x "$root/build/toolchain/rust/bin/cargo" ] && PATH="$root/build/toolchain/rust/bin:$PATH"
# Paths of this machine must not get into the module.
export CARGO_ENCODED_RUSTFLAGS="--remap-path-prefix=$root=/amino$(printf '\037')--remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=/cargo$(printf '\037')--remap-path-prefix=$PWD=/src"
cargo rustc -q --release --lib --target $target --crate-type cdylib
name=$(sed -n '/^\[package\]/,/^\[[^p]/s/^name *= *"\(.*\)".*/\1/p' Cargo.toml | tr - _)
cp "$CARGO_TARGET_DIR/$target/release/$name.wasm" "$out"
