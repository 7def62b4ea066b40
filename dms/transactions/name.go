package transactions

import (
	"cmp"
	"fmt"

	"amino.run/abi"
	"amino.run/dms"
)

// A name is one attempt at a transaction. Attempts of one call are of one age.
type name struct {
	Coordinator dms.Peer
	Began       int64  // Unix time in nanoseconds
	Call        uint64 // ID
	Attempt     int    // by chance, so that no two are the same
}

func (n name) String() string {
	return fmt.Sprintf("%s %d %d %d", n.Coordinator, n.Began, n.Call, n.Attempt)
}

func parseName(s string) (n name, err error) {
	if _, err := fmt.Sscanf(s, "%s %d %d %d", &n.Coordinator, &n.Began, &n.Call, &n.Attempt); err != nil {
		return n, abi.Errorf(abi.Refused, "the transaction %q is not one of TwoPhaseCommit", s)
	}
	return n, nil
}

// older orders transactions by age. Clocks that differ cost fairness only.
func (n name) older(m name) bool {
	return cmp.Or(cmp.Compare(n.Began, m.Began), cmp.Compare(n.Call, m.Call)) < 0
}
