#!/bin/sh
# Runs every fuzz target for FUZZTIME each (10s unless set).
set -eu
cd "$(dirname "$0")/.."
grep -rl --include='*_test.go' '^func Fuzz' . | grep -v node_modules | sort -u | while read -r file; do
	dir=$(dirname "$file")
	module=$dir
	while [ ! -f "$module/go.mod" ]; do module=$(dirname "$module"); done
	for target in $(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\).*/\1/p' "$file"); do
		echo "$dir $target"
		(cd "$dir" && go test -run '^$' -fuzz "^$target\$" -fuzztime "${FUZZTIME:-10s}" .)
	done
done
