#!/bin/sh
# Runs what looks for faults again and again, each time with other chances, until the time is over (SOAK, in seconds) or
# something is found: the DMs and the log in virtual time, and real processes that are killed, cut off and switched.
# A failure prints the seed that shows it again: AMINO_SEED=n go test ./dms/...
set -eu
cd "$(dirname "$0")/.."

end=$(($(date +%s) + ${SOAK:-600}))
seed=${AMINO_SEED:-$(date +%s)}
rounds=0
while [ "$(date +%s)" -lt "$end" ]; do
	seed=$((seed + 1000)) rounds=$((rounds + 1))
	printf '\n== round %s, AMINO_SEED=%s\n' "$rounds" "$seed"
	export AMINO_SEED="$seed"
	go test -count=1 ./dms/... ./kernel/raftlog
	go test -count=1 -run 'Partition|Kill|Fail|Crash|Linear|Log|Durable|Consensus|Transaction|Switch|Nested|Shard' ./e2e
done
echo "$rounds rounds, nothing found"
