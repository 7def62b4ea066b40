#!/bin/sh
# interpreter-javascript.sh [OUT.wasm]: builds the JavaScript interpreter of internal/script: QuickJS-NG, as the crate
# rquickjs-sys has it, and guest-sdks/javascript/runtime.
set -eu
. "$(dirname "$0")/crate.sh"
cd "$(dirname "$0")/../.."
out=${1:-internal/script/javascript.wasm}
dir=build/interpreters/javascript

sh scripts/toolchain/c.sh
crate rquickjs-sys 0.14.0 $dir
quickjs=$dir/vendor/rquickjs-sys/quickjs
# A script that calls itself for ever is to get an error: QuickJS leaves the stack unchecked on WASI, where it has one.
sed '/^static void update_stack_limit/,/^}/s/defined(__wasi__)/0/' $quickjs/quickjs.c >$quickjs/checked.c

objects=
for source in checked libregexp libunicode dtoa; do
	objects="$objects $dir/$source.o"
	wasi -D_GNU_SOURCE -w -c $quickjs/$source.c -o $dir/$source.o &
done
wait
for source in guest-sdks/javascript/runtime/*.c guest-sdks/c/cbor.c guest-sdks/c/time.c; do
	object=$dir/amino-$(basename $source .c).o
	objects="$objects $object"
	wasi -std=gnu23 -Wall -Wextra -isystem $quickjs -c $source -o $object
done
wasi -nostartfiles $objects -Wl,--no-entry,--strip-all,--stack-first,-z,stack-size=1048576,--initial-memory=2621440 -o "$out"
