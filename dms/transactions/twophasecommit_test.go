package transactions_test

import (
	"testing"

	"amino.run/dms/dmtest"
	_ "amino.run/dms/transactions"
)

// A microservice that calls no other.
func TestSuite(t *testing.T) {
	dmtest.Suite(t, dmtest.Promises{Chain: []string{"TwoPhaseCommit(ttl=2s)"}, Recovers: true, Undoes: true})
}
