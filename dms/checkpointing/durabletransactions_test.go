package checkpointing_test

import (
	"context"
	"testing"
	"time"

	"amino.run/abi"
	"amino.run/dms"
	"amino.run/dms/checkpointing"
	"amino.run/dms/dmtest"
)

func TestCommitsOutliveTheNode(t *testing.T) {
	run(t, func(t *testing.T, cl *dmtest.Cluster) {
		b, c := cl.Client("b"), cl.Client("c")
		c.Add(t, 1) // a transaction of its own
		verb(t, b, "begin")
		b.Add(t, 2, 3)
		fail(cl, "a")
		c.Want(t, 1)
		dmtest.WantError(t, b.Verb("commit"), abi.ErrConflict, "failed and recovered", "begin anew")
		verb(t, b, "begin")
		b.Add(t, 4, 5)
		verb(t, b, "commit")
		fail(cl, "a")
		b.Want(t, 1, 4, 5)
	}, "DurableTransactions")
}

// A replica that failed does not know whether a commit was answered. Its client is told
// so, and may begin anew when its time has passed.
func TestCommitInDoubtThroughAFailure(t *testing.T) {
	run(t, func(t *testing.T, cl *dmtest.Cluster) {
		b := cl.Client("b")
		verb(t, b, "begin")
		b.Add(t, 1)
		cl.LoseAnswers("a", "b", 1)
		dmtest.WantError(t, b.Verb("commit"), abi.ErrUnavailable)
		fail(cl, "a")
		for _, v := range []dms.Verb{"commit", "rollback"} {
			dmtest.WantError(t, b.Verb(v), abi.ErrUnavailable, "not known any more")
		}
		dmtest.WantError(t, b.Verb("begin"), abi.ErrNoTransaction, "a transaction is open")
		time.Sleep(time.Minute)
		verb(t, b, "begin")
		b.Add(t, 2)
		verb(t, b, "commit")
		b.Want(t, 1, 2)
	}, "DurableTransactions(ttl=1m)")
}

// What the disk does not take is undone, in and outside a transaction.
func TestCommitToAFullDisk(t *testing.T) {
	run(t, func(t *testing.T, cl *dmtest.Cluster) {
		b := cl.Client("b")
		b.Add(t, 1)
		verb(t, b, "begin")
		b.Add(t, 2)
		cl.FillDisk("a", true)
		dmtest.WantError(t, b.Verb("commit"), abi.ErrStorage, "full")
		_, err := b.Append(3)
		dmtest.WantError(t, err, abi.ErrStorage)
		b.Want(t, 1)
		cl.FillDisk("a", false)
		fail(cl, "a")
		b.Want(t, 1)
	}, "DurableTransactions")
}

func TestFailedCallLeavesNoTrace(t *testing.T) {
	run(t, func(t *testing.T, cl *dmtest.Cluster) {
		b := cl.Client("b")
		b.Add(t, 1)
		dmtest.WantError(t, b.Do(t.Context(), nil, "fail", 2), abi.AppError(""))
		err := b.Do(t.Context(), nil, "trap", 3)
		if abi.CodeOf(err) != abi.Trap || abi.AsError(err).State != abi.StateBefore {
			t.Errorf("a trap: %v, state %d", err, abi.AsError(err).State)
		}
		b.Want(t, 1)
	}, "DurableTransactions")
}

// A state that could not be put back at once is before the next call.
func TestUndoneLater(t *testing.T) {
	x := &stubborn{}
	inBubble(t, func(t *testing.T, cl *dmtest.Cluster) {
		b := cl.Client("b")
		b.Add(t, 1)
		x.left = 1
		dmtest.WantError(t, b.Do(t.Context(), nil, "fail", 2), abi.AppError(""))
		if err := cl.Move("c"); err != nil {
			t.Fatal(err)
		}
		b.Want(t, 1)
	}, dmtest.Mutant{DM: &checkpointing.DurableTransactions{TTL: time.Minute}, Callee: func(c dms.Callee) dms.Callee {
		return sharedStubborn{c, x}
	}})
}

// stubborn fails to restore some times.
type stubborn struct{ left int }

type sharedStubborn struct {
	dms.Callee
	x *stubborn
}

func (c sharedStubborn) Restore(ctx context.Context, s dms.Snapshot) error {
	if c.x.left > 0 {
		c.x.left--
		return abi.ErrUnavailable
	}
	return c.Callee.Restore(ctx, s)
}

func TestDurableTransactionsMutants(t *testing.T) {
	dm := &checkpointing.DurableTransactions{TTL: 2 * time.Second}
	p := dmtest.Promises{Load: dmtest.Transactions("begin", "commit", "rollback"), Recovers: true, Undoes: true}
	for name, callee := range map[string]func(dms.Callee) dms.Callee{
		"answered before saved": func(c dms.Callee) dms.Callee { return forgetting{c} },
		"saved once":            func(c dms.Callee) dms.Callee { return &once{Callee: c} },
		"failed calls remain":   func(c dms.Callee) dms.Callee { return stuck{c} },
	} {
		t.Run(name, func(t *testing.T) {
			p.DMs = dms.Chain{dmtest.Mutant{DM: dm, Callee: callee}}
			dmtest.Caught(t, p)
		})
	}
}
