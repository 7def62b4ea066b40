package scalability_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"amino.run/abi"
	"amino.run/dms"
	"amino.run/dms/dmtest"
	"amino.run/dms/scalability"
)

func run(t *testing.T, f func(t *testing.T, cl *dmtest.Cluster), specs ...string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { f(t, dmtest.New(t, specs, dmtest.Nodes()...)) })
}

func where(t *testing.T, cl *dmtest.Cluster, want ...string) {
	t.Helper()
	if got := cl.Where(); !slices.Equal(got, want) {
		t.Errorf("replicas on %v; want %v", got, want)
	}
}

func TestRoundRobin(t *testing.T) {
	run(t, func(t *testing.T, cl *dmtest.Cluster) {
		where(t, cl, "a", "b", "c")
		cl.Client("d").Add(t, 1, 2, 3, 4, 5, 6)
		for i, l := range cl.Lists() {
			if len(l) != 2 {
				t.Errorf("replica %d ran %v", i, l)
			}
		}
	}, "LoadBalancedFrontEnd(replicas=3)")
}

func TestTooFewNodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		chain := dmtest.Parse(t, "LoadBalancedFrontEnd(replicas=9)")
		_, err := dmtest.Deploy(t, dmtest.NewList, chain, dmtest.Nodes()...)
		dmtest.WantError(t, err, abi.ErrPlacement, "9 replicas", "allows 4", "replicas=4")
	})
}

func TestOverloaded(t *testing.T) {
	run(t, func(t *testing.T, cl *dmtest.Cluster) {
		var refused atomic.Int32
		var calls sync.WaitGroup
		for range 7 {
			calls.Go(func() {
				err := cl.Client("d").Do(t.Context(), nil, "work", 1000)
				if err != nil {
					refused.Add(1)
					dmtest.WantError(t, err, abi.ErrOverloaded, "fill of 2 calls", "maxConcurrent")
				}
			})
		}
		calls.Wait()
		if n := refused.Load(); n != 3 {
			t.Errorf("%d of 7 calls were refused; two replicas have room for 4", n)
		}
	}, "LoadBalancedFrontEnd(replicas=2, maxConcurrent=2)")
}

func TestLostReplicaIsReplaced(t *testing.T) {
	run(t, func(t *testing.T, cl *dmtest.Cluster) {
		cl.Kill("a")
		time.Sleep(2 * dmtest.NodeLease)
		where(t, cl, "b", "c", "d")
		cl.Kill("b")
		time.Sleep(2 * dmtest.NodeLease)
		where(t, cl, "c", "d") // no node is free
		cl.Restart("a")
		time.Sleep(10 * time.Second)
		where(t, cl, "c", "d", "a")
		cl.Client("a").Want(t)
	}, "LoadBalancedFrontEnd(replicas=3)")
}

// A readonly call passes over a replica that is lost; one that may write does not,
// because it may have run.
func TestLostReplicaIsPassedOver(t *testing.T) {
	run(t, func(t *testing.T, cl *dmtest.Cluster) {
		cl.Kill("b")
		failed := 0
		for n := range 4 {
			if _, err := cl.Client("d").List(); err != nil {
				t.Errorf("read: %v", err)
			}
			if _, err := cl.Client("c").Append(n); errors.Is(err, abi.ErrUnavailable) {
				failed++
			}
		}
		if failed != 2 {
			t.Errorf("%d of 4 writes failed, want those to the lost replica", failed)
		}
	}, "LoadBalancedFrontEnd(replicas=2)")
}

func TestLastReplicaLost(t *testing.T) {
	run(t, func(t *testing.T, cl *dmtest.Cluster) {
		cl.Kill("a")
		time.Sleep(time.Minute)
		_, err := cl.Client("b").List()
		dmtest.WantError(t, err, abi.ErrUnavailable)
	}, "LoadBalancedFrontEnd(replicas=1)")
}

func TestValidate(t *testing.T) {
	for _, spec := range []string{"LoadBalancedFrontEnd(replicas=0)", "LoadBalancedFrontEnd(maxConcurrent=-1)"} {
		_, err := dms.Parse(spec)
		dmtest.WantError(t, err, abi.ErrRefused, "not more than zero")
	}
}

// A front end that sends a call again although it may have run is seen by the suite.
func TestMutant(t *testing.T) {
	dmtest.Caught(t, dmtest.Promises{Reads: dmtest.Separate, Recovers: true, Loses: -1, DMs: dms.Chain{dmtest.Mutant{
		DM:     &scalability.LoadBalancedFrontEnd{Replicas: 2, MaxConcurrent: 20},
		Caller: func(c dms.Caller) dms.Caller { return hasty{c} },
	}}})
}

// hasty takes a lost answer for a refusal.
type hasty struct{ dms.Caller }

func (h hasty) Invoke(ctx context.Context, r dms.Replica, call dms.Call) ([]byte, error) {
	out, err := h.Caller.Invoke(ctx, r, call)
	if errors.Is(err, abi.ErrUnavailable) {
		err = abi.ErrOverloaded
	}
	return out, err
}
