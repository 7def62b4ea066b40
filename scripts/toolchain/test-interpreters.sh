#!/bin/sh
# Builds the interpreters of internal/script again, from source, says which differ from the committed ones, and tests scripts
# with the rebuilt ones.
set -eu
cd "$(dirname "$0")/../.."
dir=$PWD/build/interpreters

mkdir -p "$dir"
replace= languages=
for build in scripts/toolchain/interpreter-*.sh; do
	language=${build##*interpreter-}
	language=${language%.sh} committed=$PWD/internal/script/$language.wasm rebuilt=$dir/$language.wasm
	sh "$build" "$rebuilt"
	cmp -s "$committed" "$rebuilt" || echo "$committed: rebuilt it is not the same"
	replace="$replace${replace:+,}\"$committed\":\"$rebuilt\""
	languages="$languages${languages:+|}$language"
done
echo "{\"Replace\":{$replace}}" >"$dir/overlay.json"
go test -overlay "$dir/overlay.json" ./internal/script
go test -overlay "$dir/overlay.json" -run "TestConformance/($languages)|TestCounters/($languages)|TestKvstore" ./guest-sdks/conformance
