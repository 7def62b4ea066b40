#!/bin/sh
# Tests the Rust SDK and the examples in Rust as the Rust they are, with the compiler that rust.sh installs.
set -eu
cd "$(dirname "$0")/../.."
[ -x build/toolchain/rust/bin/cargo ] && PATH="$PWD/build/toolchain/rust/bin:$PATH"
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$PWD/build/target}"
for crate in guest-sdks/rust examples/counter/rust examples/polyglot/pricing-rs; do
	(cd $crate && cargo test -q --locked)
done
