#!/bin/sh
# gotest.sh ARGS...: go test ARGS. Tests of real processes and real clocks share a machine with others, so one that fails is
# run once more, alone, and both outcomes are printed: a fault that is there fails again.
set -u
log=$(mktemp)
trap 'rm -f "$log"' EXIT
{ go test -timeout 30m "$@" 2>&1; echo "exit $?" >>"$log.code"; } | tee "$log"
code=$(sed 's/exit //' "$log.code")
rm -f "$log.code"
[ "$code" -ne 0 ] || exit 0
names=$(sed -n 's/^--- FAIL: \([^ ]*\).*/\1/p' "$log" | sort -u | paste -sd'|' -)
packages=$(sed -n 's/^FAIL[[:space:]]\{1,\}\([^ [:space:]]*\)[[:space:]].*s$/\1/p' "$log" | sort -u)
if [ -z "$names" ] || [ -z "$packages" ] || grep -q -e '^panic: ' -e 'DATA RACE' -e 'build failed' "$log"; then
	exit "$code"
fi
printf '\n== once more: %s\n' "$names"
race=
case " $* " in *" -race "*) race=-race ;; esac
go test -count=1 $race -run "^($names)\$" $packages
