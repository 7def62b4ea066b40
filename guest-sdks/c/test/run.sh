#!/bin/sh
# Runs the SDK's tests on this machine, under the address and undefined-behaviour sanitizers.
set -eu
cd "$(dirname "$0")"
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
flags="-std=gnu17 -g -O1 -fwrapv -Wall -Wextra -Werror -fsanitize=address,undefined -fno-sanitize-recover=all"
sources=$(ls ../*.c | grep -v wasm.c)
${CC:-cc} $flags cbor_test.c ../cbor.c -lm -o "$out/cbor_test"
for c in $sources; do
	${CC:-cc} $flags -Dmalloc=test_malloc -Drealloc=test_realloc -include stdlib.h -c "$c" -o "$out/$(basename "$c").o"
done
${CC:-cc} $flags amino_test.c "$out"/*.o -o "$out/amino_test"
"$out/cbor_test" ../../../abi/testdata/cbor_vectors.json
"$out/amino_test" ../../../abi/testdata/frames.json
