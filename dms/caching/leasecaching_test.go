package caching_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"amino.run/abi"
	"amino.run/dms"
	"amino.run/dms/caching"
	"amino.run/dms/checkpointing"
	"amino.run/dms/dmtest"
	_ "amino.run/dms/primitive"
)

// run runs f on a cluster of nodes a to d, in virtual time.
func run(t *testing.T, f func(t *testing.T, cl *dmtest.Cluster), specs ...string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { f(t, dmtest.New(t, specs, dmtest.Nodes()...)) })
}

func took(f func()) time.Duration {
	start := time.Now()
	f()
	return time.Since(start)
}

func TestOthersAreToldTheTimeLeft(t *testing.T) {
	run(t, func(t *testing.T, cl *dmtest.Cluster) {
		cl.Client("a").Add(t, 1)
		time.Sleep(3 * time.Second)
		_, err := cl.Client("b").List()
		dmtest.WantError(t, err, abi.ErrLeased, "for 7s more")
		time.Sleep(7 * time.Second)
		cl.Client("b").Want(t, 1)
	}, "LeaseCaching(ttl=10s)")
}

func TestOthersWaitForTheirTurn(t *testing.T) {
	run(t, func(t *testing.T, cl *dmtest.Cluster) {
		cl.Client("a").Add(t, 1)
		if d := took(func() { cl.Client("b").Add(t, 2) }); d < 10*time.Second || d > 12*time.Second {
			t.Errorf("the second caller waited %v", d)
		}
		cl.Client("b").Want(t, 1, 2)
	}, "AtLeastOnceRPC(timeout=30s)", "LeaseCaching(ttl=10s)")
}

// A caller that never rests does not keep the lease from another that waits.
func TestBusyHolderMakesRoom(t *testing.T) {
	run(t, func(t *testing.T, cl *dmtest.Cluster) {
		ctx, stop := context.WithCancel(t.Context())
		var busy sync.WaitGroup
		busy.Go(func() {
			for ctx.Err() == nil {
				_, _ = cl.Client("a").List() // refused while b has its turn
				time.Sleep(10 * time.Millisecond)
			}
		})
		time.Sleep(time.Second)
		if d := took(func() { cl.Client("b").Add(t, 1) }); d > 15*time.Second {
			t.Errorf("the second caller waited %v", d)
		}
		stop()
		busy.Wait()
	}, "AtLeastOnceRPC(timeout=60s)", "LeaseCaching(ttl=10s)")
}

func TestHolderReadsLocally(t *testing.T) {
	run(t, func(t *testing.T, cl *dmtest.Cluster) {
		cl.Delay("a", "b", time.Second)
		b := cl.Client("b")
		if d := took(func() { b.Want(t) }); d != 2*time.Second {
			t.Errorf("the first call took %v", d)
		}
		if d := took(func() { b.Want(t) }); d != 0 {
			t.Errorf("a read under the lease took %v", d)
		}
		if d := took(func() { b.Add(t, 1) }); d != 2*time.Second {
			t.Errorf("a write under the lease took %v", d)
		}
		cl.Kill("a")
		b.Want(t, 1)
		if err := b.Do(t.Context(), nil, "append", 2); !dms.Retryable(err) {
			t.Errorf("write while the replica is lost: %v", err)
		}
	}, "LeaseCaching(ttl=10s)")
}

// A call that takes longer than the lease must not undo the next holder's write.
func TestCallOutlastsLease(t *testing.T) {
	run(t, func(t *testing.T, cl *dmtest.Cluster) {
		a, b := cl.Client("a"), cl.Client("b")
		a.Add(t, 1)
		time.Sleep(9 * time.Second)
		time.AfterFunc(2*time.Second, func() { b.Add(t, 2) })
		dmtest.WantError(t, a.Do(t.Context(), nil, "append", 3, 5000), abi.ErrLeased)
		b.Want(t, 1, 2)
	}, "LeaseCaching(ttl=10s)")
}

// A write whose answer was lost counts once for the caller that goes on from it.
func TestLostAnswer(t *testing.T) {
	run(t, func(t *testing.T, cl *dmtest.Cluster) {
		b := cl.Client("b")
		b.Add(t, 1)
		cl.LoseAnswers("a", "b", 1)
		_, err := b.Append(2)
		dmtest.WantError(t, err, abi.ErrUnavailable) // it may have run, and did
		b.Add(t, 3)
		b.Want(t, 1, 2, 3)
	}, "LeaseCaching(ttl=10s)")
}

// lateWrite lets the holder give up on a write that is on its way, and make another
// before it arrives. It returns what is there in the end.
func lateWrite(t *testing.T, distort func(dms.Callee) dms.Callee) (numbers []int) {
	synctest.Test(t, func(t *testing.T) {
		lease := &caching.LeaseCaching{TTL: 30 * time.Second}
		cl, err := dmtest.Deploy(t, dmtest.NewList, dms.Chain{dmtest.Mutant{DM: lease, Callee: distort}}, dmtest.Nodes()...)
		if err != nil {
			t.Fatal(err)
		}
		b := cl.Client("b")
		b.Add(t, 1)
		cl.Delay("b", "a", 8*time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		if err := b.Do(ctx, nil, "append", 2); err == nil {
			t.Error("the write was answered in time")
		}
		cl.Delay("b", "a", time.Millisecond)
		b.Add(t, 3)
		time.Sleep(time.Minute)
		numbers, err = cl.Client("c").List()
		if err != nil {
			t.Error(err)
		}
	})
	return numbers
}

func TestLateWrite(t *testing.T) {
	if got := lateWrite(t, nil); !slices.Equal(got, []int{1, 3}) {
		t.Errorf("an answered write was undone by a late one: %v", got)
	}
	if got := lateWrite(t, new(careless).callee); !slices.Equal(got, []int{1, 2}) {
		t.Errorf("without tokens the late write should have won: %v", got)
	}
}

// afterRestart has b hold the lease while the replica fails and recovers, and
// returns what c and then b see at once.
func afterRestart(t *testing.T, distort func(dms.Callee) dms.Callee) (c, b error) {
	synctest.Test(t, func(t *testing.T) {
		lease := &caching.LeaseCaching{TTL: 10 * time.Second}
		chain := dms.Chain{new(checkpointing.ExplicitCheckpoint), dmtest.Mutant{DM: lease, Callee: distort}}
		cl, err := dmtest.Deploy(t, dmtest.NewList, chain, dmtest.Nodes()...)
		if err != nil {
			t.Fatal(err)
		}
		cl.Client("b").Add(t, 1)
		cl.Kill("a")
		time.Sleep(time.Second)
		cl.Restart("a")
		_, c = cl.Client("c").List()
		_, b = cl.Client("b").List()
		time.Sleep(10 * time.Second)
		cl.Client("c").Add(t, 2)
	})
	return c, b
}

// A replica that recovers does not know who holds a lease, and waits.
func TestRecoveredReplicaWaits(t *testing.T) {
	c, b := afterRestart(t, nil)
	dmtest.WantError(t, c, abi.ErrLeased, "for 10s more")
	if b != nil {
		t.Errorf("the holder's read: %v", b)
	}
	if c, b := afterRestart(t, ageless); c != nil || b != nil {
		t.Errorf("a replica that does not wait should have served both: %v, %v", c, b)
	}
}

func TestVerbRunsUnderTheLease(t *testing.T) {
	run(t, func(t *testing.T, cl *dmtest.Cluster) {
		a, b := cl.Client("a"), cl.Client("b")
		b.Add(t, 1)
		if err := b.Verb(checkpointing.Checkpoint); err != nil {
			t.Error(err)
		}
		b.Add(t, 2)
		dmtest.WantError(t, a.Verb(checkpointing.Revert), abi.ErrLeased)
		if err := b.Verb(checkpointing.Revert); err != nil {
			t.Error(err)
		}
		b.Want(t, 1)
		dmtest.WantError(t, b.Verb("nonsense"), abi.ErrVerb, "checkpoint, revert")
	}, "ExplicitCheckpoint", "LeaseCaching(ttl=10s)")
}

func TestTrapLeavesNoTrace(t *testing.T) {
	run(t, func(t *testing.T, cl *dmtest.Cluster) {
		b := cl.Client("b")
		b.Add(t, 1)
		err := b.Do(t.Context(), nil, "trap", 2)
		dmtest.WantError(t, err, abi.ErrTrap)
		if abi.AsError(err).State != abi.StateBefore {
			t.Errorf("state after a trap: %v", abi.AsError(err).State)
		}
		b.Want(t, 1)
	}, "LeaseCaching(ttl=10s)")
}

func TestMutants(t *testing.T) {
	plain := dmtest.Promises{Chain: []string{"LeaseCaching(ttl=2s)"}}
	lease := func(ttl time.Duration) *caching.LeaseCaching { return &caching.LeaseCaching{TTL: ttl} }
	with := func(p dmtest.Promises, chain ...dms.DM) dmtest.Promises {
		p.DMs = chain
		return p
	}
	for name, p := range map[string]dmtest.Promises{
		"nobody else is refused":   with(plain, dmtest.Mutant{DM: lease(2 * time.Second), Callee: forgetful}),
		"writes are not sent back": with(plain, dmtest.Mutant{DM: lease(2 * time.Second), Caller: lazy}),
	} {
		t.Run(name, func(t *testing.T) { dmtest.Caught(t, p) })
	}
}

// forgetful receives each message as if it came from the same caller.
func forgetful(c dms.Callee) dms.Callee { return receiver{c, nil, "x"} }

// A receiver distorts the messages that an instance receives.
type receiver struct {
	dms.Callee
	change func(kind string, body []byte, f answer, ctx context.Context, from dms.Peer) ([]byte, error)
	from   dms.Peer
}

type answer func(context.Context, dms.Peer, []byte) ([]byte, error)

func (r receiver) Receive(kind string, f func(context.Context, dms.Peer, []byte) ([]byte, error)) {
	r.Callee.Receive(kind, func(ctx context.Context, from dms.Peer, body []byte) ([]byte, error) {
		if r.from != "" {
			from = r.from
		}
		if r.change != nil {
			return r.change(kind, body, f, ctx, from)
		}
		return f(ctx, from, body)
	})
}

// lazy answers writes at the caller.
func lazy(c dms.Caller) dms.Caller { return sender{c} }

type sender struct{ dms.Caller }

func (s sender) Send(ctx context.Context, to dms.Peer, kind string, body []byte) ([]byte, error) {
	if strings.HasSuffix(kind, ".write") {
		return abi.Encode(map[string]uint64{"Version": 7})
	}
	return s.Caller.Send(ctx, to, kind, body)
}

// careless replaces the token of each write by the last one granted.
type careless struct {
	mu    sync.Mutex
	token uint64
}

func (x *careless) callee(c dms.Callee) dms.Callee { return receiver{Callee: c, change: x.change} }

func (x *careless) change(kind string, body []byte, f answer, ctx context.Context, from dms.Peer) ([]byte, error) {
	x.mu.Lock()
	token := x.token
	x.mu.Unlock()
	if m := map[string]any{}; strings.HasSuffix(kind, ".write") && abi.Decode(body, &m) == nil {
		m["Token"] = token
		body, _ = abi.Encode(m)
	}
	out, err := f(ctx, from, body)
	var g struct{ Lease dms.Grant }
	if strings.HasSuffix(kind, ".acquire") && err == nil && abi.Decode(out, &g) == nil {
		x.mu.Lock()
		x.token = g.Lease.Token
		x.mu.Unlock()
	}
	return out, err
}

// ageless hides that the state was replaced while the instance was built.
func ageless(c dms.Callee) dms.Callee { return constant{c} }

type constant struct{ dms.Callee }

func (constant) Version() uint64 { return 1 }
