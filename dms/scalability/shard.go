package scalability

import (
	"math"

	"github.com/cespare/xxhash/v2"

	"amino.run/abi"
	"amino.run/dms"
)

// shardOf returns the shard of a call whose key is the argument at a place.
func shardOf(call dms.Call, at, shards int) (int, error) {
	var args []abi.Raw
	if err := abi.Decode(call.Args, &args); err != nil || at >= len(args) {
		return 0, abi.Errorf(abi.BadArgument, "%s has its key in argument %d, and was given %d", call.Method, at+1, len(args))
	}
	key, err := canonical(args[at])
	if err != nil {
		return 0, abi.Errorf(abi.BadArgument, "%s: its key: %v", call.Method, err)
	}
	return jump(xxhash.Sum64(key), shards), nil
}

// canonical returns one form for all forms of a value: callers in other languages
// write the same number as another type, or longer.
func canonical(key abi.Raw) ([]byte, error) {
	var v any
	if err := abi.Decode(key, &v); err != nil {
		return nil, err
	}
	if f, ok := v.(float64); ok && f == math.Trunc(f) && math.Abs(f) < 1<<53 {
		v = int64(f)
	}
	return abi.Encode(v)
}

// jump returns the place of a hash among n: evenly spread, and of n+1 all but one in
// n+1 keep theirs (Lamping and Veach, 2014).
func jump(hash uint64, n int) int {
	b, j := int64(-1), int64(0)
	for j < int64(n) {
		b = j
		hash = hash*2862933555777941757 + 1
		j = int64(float64(b+1) * (float64(int64(1)<<31) / float64(hash>>33+1)))
	}
	return int(b)
}
