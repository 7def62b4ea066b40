package serializability_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"amino.run/abi"
	"amino.run/dms"
	"amino.run/dms/dmtest"
	_ "amino.run/dms/primitive"
	"amino.run/dms/serializability"
)

func run(t *testing.T, f func(t *testing.T, cl *dmtest.Cluster), specs ...string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { f(t, dmtest.New(t, specs, dmtest.Nodes()...)) })
}

func do(t *testing.T, c *dmtest.Client, v dms.Verb) {
	t.Helper()
	if err := c.Verb(v); err != nil {
		t.Errorf("%s: %v", v, err)
	}
}

func took(f func()) time.Duration {
	start := time.Now()
	f()
	return time.Since(start)
}

var all = []string{"LockingTransactions(ttl=10s)", "OptimisticTransactions(ttl=10s)"}

// each runs f with every DM of transactions.
func each(t *testing.T, f func(t *testing.T, cl *dmtest.Cluster)) {
	for _, spec := range all {
		t.Run(spec, func(t *testing.T) { run(t, f, spec) })
	}
}

func TestTransaction(t *testing.T) {
	each(t, func(t *testing.T, cl *dmtest.Cluster) {
		cl.Delay("a", "b", time.Second)
		b, c := cl.Client("b"), cl.Client("c")
		dmtest.WantError(t, b.Verb("commit"), abi.ErrNoTransaction, "nothing to commit; begin first")
		do(t, b, "begin")
		if d := took(func() { b.Add(t, 1, 2); b.Want(t, 1, 2) }); d != 0 {
			t.Errorf("calls in a transaction took %v", d)
		}
		dmtest.WantError(t, b.Verb("begin"), abi.ErrNoTransaction, "commit or rollback first")
		do(t, b, "commit")
		c.Want(t, 1, 2)
		do(t, b, "begin")
		b.Add(t, 3)
		do(t, b, "rollback")
		c.Want(t, 1, 2)
		b.Want(t, 1, 2)
		dmtest.WantError(t, b.Verb("rollback"), abi.ErrNoTransaction)
	})
}

// Clients of one node have a transaction each, and a microservice that calls on behalf
// of a client has another.
func TestWhoseTransactionItIs(t *testing.T) {
	run(t, func(t *testing.T, cl *dmtest.Cluster) {
		anna, ben := cl.Client("b").As("anna"), cl.Client("b").As("ben")
		do(t, anna, "begin")
		anna.Add(t, 1)
		ben.Want(t)
		do(t, ben, "begin")
		ben.Add(t, 2)
		nested := dms.Call{Verb: "commit", Path: []string{"m7"}, Client: "anna"}
		_, err := cl.Client("b").Call(t.Context(), nested)
		dmtest.WantError(t, err, abi.ErrNoTransaction)
		do(t, ben, "commit")
		dmtest.WantError(t, anna.Verb("commit"), abi.ErrConflict, "written to since the transaction began", "begin anew")
		anna.Want(t, 2)
	}, "OptimisticTransactions")
}

func TestOthersAreRefused(t *testing.T) {
	run(t, func(t *testing.T, cl *dmtest.Cluster) {
		b, c := cl.Client("b"), cl.Client("c")
		do(t, b, "begin")
		time.Sleep(3 * time.Second)
		_, err := c.List()
		dmtest.WantError(t, err, abi.ErrLeased, "for 7s more")
		dmtest.WantError(t, c.Verb("begin"), abi.ErrLeased)
		b.Add(t, 1)
		do(t, b, "commit")
		c.Want(t, 1)
		do(t, c, "begin")
		do(t, c, "commit") // nothing changed, and the lock is free at once
		do(t, b, "begin")
	}, "LockingTransactions(ttl=10s)")
}

// A client that dies in the middle holds others up for a ttl, and no longer.
func TestClientDies(t *testing.T) {
	run(t, func(t *testing.T, cl *dmtest.Cluster) {
		b := cl.Client("b")
		do(t, b, "begin")
		b.Add(t, 1)
		cl.Kill("b")
		if d := took(func() { cl.Client("c").Add(t, 2) }); d < 10*time.Second || d > 12*time.Second {
			t.Errorf("another waited %v", d)
		}
		cl.Client("c").Want(t, 2)
	}, "AtLeastOnceRPC(timeout=60s)", "LockingTransactions(ttl=10s)")
}

func TestTransactionRunsOut(t *testing.T) {
	each(t, func(t *testing.T, cl *dmtest.Cluster) {
		b := cl.Client("b")
		do(t, b, "begin")
		b.Add(t, 1)
		time.Sleep(10 * time.Second)
		_, err := b.Append(2) // not outside a transaction either
		dmtest.WantError(t, err, abi.ErrNoTransaction, "10s have passed since begin", "begin anew")
		dmtest.WantError(t, b.Verb("commit"), abi.ErrNoTransaction)
		b.Want(t)
	})
}

func TestCommitWhoseAnswerIsLost(t *testing.T) {
	each(t, func(t *testing.T, cl *dmtest.Cluster) {
		b, c := cl.Client("b"), cl.Client("c")
		do(t, b, "begin")
		b.Add(t, 1)
		cl.LoseAnswers("a", "b", 1)
		dmtest.WantError(t, b.Verb("commit"), abi.ErrUnavailable)
		_, err := b.List()
		dmtest.WantError(t, err, abi.ErrNoTransaction, "no answer came; commit again")
		c.Add(t, 2)
		do(t, b, "commit")
		b.Want(t, 1, 2)

		do(t, b, "begin")
		b.Add(t, 3)
		cl.LoseAnswers("a", "b", 1)
		dmtest.WantError(t, b.Verb("commit"), abi.ErrUnavailable)
		dmtest.WantError(t, b.Verb("rollback"), abi.ErrNoTransaction, "committed before it was rolled back")
		c.Want(t, 1, 2, 3)
	})
}

// That a second commit is refused on its way says nothing of the first.
func TestCommitAgainIsRefused(t *testing.T) {
	dm := &busy{&serializability.LockingTransactions{TTL: time.Minute}, ""}
	synctest.Test(t, func(t *testing.T) {
		cl, err := dmtest.Deploy(t, dmtest.NewList, dms.Chain{dm}, dmtest.Nodes()...)
		if err != nil {
			t.Fatal(err)
		}
		b := cl.Client("b")
		do(t, b, "begin")
		b.Add(t, 1)
		cl.LoseAnswers("a", "b", 1)
		dmtest.WantError(t, b.Verb("commit"), abi.ErrUnavailable)
		for _, v := range []dms.Verb{"commit", "rollback"} {
			dm.refused = v
			dmtest.WantError(t, b.Verb(v), abi.ErrUnavailable, "no answer came to the first commit", "overloaded")
		}
		dm.refused = ""
		do(t, b, "commit")
		b.Want(t, 1)
	})
}

// busy refuses a verb between the proxy and the instance.
type busy struct {
	*serializability.LockingTransactions
	refused dms.Verb
}

func (b *busy) Proxy(c dms.Caller, next dms.Handler) dms.Handler {
	return b.LockingTransactions.Proxy(c, func(ctx context.Context, call dms.Call) ([]byte, error) {
		if b.refused != "" && call.Verb == b.refused {
			return nil, abi.ErrOverloaded
		}
		return next(ctx, call)
	})
}

func TestTransactionThroughAMove(t *testing.T) {
	each(t, func(t *testing.T, cl *dmtest.Cluster) {
		b := cl.Client("b")
		do(t, b, "begin")
		b.Add(t, 1)
		if err := cl.Move("c"); err != nil {
			t.Fatal(err)
		}
		do(t, b, "commit")
		cl.Client("a").Want(t, 1)
	})
}

// A trap undoes the call, and the transaction goes on.
func TestTrapInATransaction(t *testing.T) {
	each(t, func(t *testing.T, cl *dmtest.Cluster) {
		b := cl.Client("b")
		do(t, b, "begin")
		b.Add(t, 1)
		dmtest.WantError(t, b.Do(t.Context(), nil, "trap", 2), abi.ErrTrap)
		b.Add(t, 3)
		do(t, b, "commit")
		b.Want(t, 1, 3)
	})
}

func TestTransactionMutants(t *testing.T) {
	locking := &serializability.LockingTransactions{TTL: 2 * time.Second}
	optimistic := &serializability.OptimisticTransactions{TTL: 2 * time.Second}
	p := dmtest.Promises{Load: dmtest.Transactions("begin", "commit", "rollback")}
	for name, dm := range map[string]dms.DM{
		"a commit is lost":           dmtest.Mutant{DM: locking, Callee: func(c dms.Callee) dms.Callee { return unmoved{c} }},
		"others are not refused":     open{locking},
		"conflicts are not seen":     dmtest.Mutant{DM: optimistic, Callee: func(c dms.Callee) dms.Callee { return constant{c} }},
		"a transaction begins stale": dmtest.Mutant{DM: locking, Callee: func(c dms.Callee) dms.Callee { return &stale{Callee: c} }},
		"a refused commit remains":   dmtest.Mutant{DM: locking, Callee: func(c dms.Callee) dms.Callee { return liar{c} }},
	} {
		t.Run(name, func(t *testing.T) {
			p.DMs = dms.Chain{dm}
			dmtest.Caught(t, p)
		})
	}
}

// unmoved restores nothing.
type unmoved struct{ dms.Callee }

func (unmoved) Restore(context.Context, dms.Snapshot) error { return nil }

// constant hides that the state changes.
type constant struct{ dms.Callee }

func (constant) Version() uint64 { return 1 }

// stale shows the state of a snapshot before the last.
type stale struct {
	dms.Callee
	last *dms.Snapshot
}

func (x *stale) Snapshot(ctx context.Context) (dms.Snapshot, error) {
	s, err := x.Callee.Snapshot(ctx)
	if err != nil {
		return s, err
	}
	if x.last == nil {
		x.last = &s
	}
	old := *x.last
	x.last = &s
	return old, nil
}

// open lets calls pass that its DM would refuse.
type open struct {
	*serializability.LockingTransactions
}

func (x open) Instance(c dms.Callee, next dms.Handler) dms.Handler {
	h := x.LockingTransactions.Instance(c, next)
	return func(ctx context.Context, call dms.Call) ([]byte, error) {
		if call.Verb == "" {
			return next(ctx, call)
		}
		return h(ctx, call)
	}
}

// liar restores, and says that it could not.
type liar struct{ dms.Callee }

func (l liar) Restore(ctx context.Context, s dms.Snapshot) error {
	if err := l.Callee.Restore(ctx, s); err != nil {
		return err
	}
	return abi.Errorf(abi.Storage, "not restored")
}
