package standard_test

import (
	"testing"
	"testing/synctest"
	"time"

	"amino.run/dms/dmtest"
)

// A node that fails right after a switch takes nothing along that was answered before:
// what the DMs of the new chain come back to is no older than the switch, though they
// have saved nothing yet.
func TestSwitchedStateComesBack(t *testing.T) {
	for _, spec := range []string{
		"ExplicitCheckpoint", "PeriodicCheckpoint(every=3)", "DurableSerializableRPC", "DurableTransactions", "TwoPhaseCommit(ttl=2s)",
	} {
		t.Run(spec, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cl := dmtest.New(t, nil, dmtest.Nodes()...)
				cl.Client("b").Add(t, 1, 2)
				if err := cl.Switch(dmtest.Parse(t, spec)); err != nil {
					t.Fatal(err)
				}
				at := cl.Where()[0]
				cl.Kill(at)
				time.Sleep(time.Second)
				cl.Restart(at)
				time.Sleep(5 * time.Second)
				cl.Client("b").Want(t, 1, 2)
				cl.Client("c").Add(t, 3)
				cl.Client("b").Want(t, 1, 2, 3)
			})
		})
	}
}
