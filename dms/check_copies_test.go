package dms_test

import (
	"slices"
	"testing"
)

// Those that run calls on copies beside their callers: one in a chain, and last.
func TestCopiesAtCallers(t *testing.T) {
	copies := []string{
		"Immutable", "LeaseCaching", "ExplicitCaching", "WriteThroughCaching", "ConsistentCaching",
		"LockingTransactions", "OptimisticTransactions", "DurableTransactions",
	}
	transactions := copies[5:]
	for i, a := range copies {
		for _, b := range copies[i+1:] {
			why := "both decide at the caller where a call runs"
			if slices.Contains(transactions, a) {
				why = "both answer the verb begin"
			}
			says(t, []string{a, b}, a, b, why)
			says(t, []string{b, a}, a, b, why)
		}
		says(t, []string{"KeepInCloud", a}, "")
		says(t, []string{a, "KeepInCloud"}, "")
		for _, first := range []string{"AtLeastOnceRPC", "ExplicitMigration"} {
			says(t, []string{first, a}, "")
			says(t, []string{a, first}, first+" must come before "+a, "write ["+first+", "+a+"]")
		}
		says(t, []string{a, "LoadBalancedFrontEnd"}, "both decide at the caller where a call runs")
	}
	for a, with := range map[string]struct{ checkpoint, period, serial string }{
		"ExplicitCaching":        {"", "does not see how they end", "promises one call at a time"},
		"WriteThroughCaching":    {"", "", "promises one call at a time"},
		"ConsistentCaching":      {"", "", ""},
		"LockingTransactions":    {"", "does not see how they end", ""},
		"OptimisticTransactions": {"", "does not see how they end", "promises one call at a time"},
		"DurableTransactions":    {"what is left after a failure", "what is left after a failure", ""},
	} {
		says(t, []string{"ExplicitCheckpoint", a}, with.checkpoint)
		says(t, []string{"PeriodicCheckpoint", a}, with.period)
		says(t, []string{"SerializableRPC", a}, with.serial)
	}
	for other, why := range map[string]string{
		"LeaseCaching": "runs calls beside their callers", "ConsistentCaching": "runs calls beside their callers",
		"LockingTransactions": "one transaction in at a time already", "LoadBalancedFrontEnd": "decide what is left after a failure",
		"PeriodicCheckpoint": "decide what is left after a failure", "SerializableRPC": "one transaction in at a time already",
		"AtLeastOnceRPC": "", "KeepInPlace": "", "ExplicitMigration": "",
	} {
		says(t, []string{other, "TwoPhaseCommit"}, why)
		says(t, []string{"TwoPhaseCommit", other}, why)
	}
	says(t, []string{"ConsistentCaching", "ExplicitCheckpoint"}, "a DM after it sees only those that may write")
}
