package e2e

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"amino.run/kernel/client"
)

// chains are what a counter is switched through. The ones whose replicas do not know
// of each other's writes have one replica, so that the counter counts.
var chains = [][]string{
	{"AtLeastOnceRPC", "LeaseCaching(ttl=100ms)"},
	{},
	{"PeriodicCheckpoint(every=1)"},
	{"AtLeastOnceRPC", "LoadBalancedFrontEnd(replicas=1)"},
	{"SerializableRPC", "ExplicitCheckpoint"},
	{"KeepInPlace", "AtLeastOnceRPC", "LeaseCaching(ttl=100ms)"},
	{"ConsensusRSM-P2P(replicas=3)"},
	{"DurableSerializableRPC"},
	{"LoadBalancedMasterSlave"},
	{"WriteThroughCaching"},
	{"ExplicitMigration"},
	{},
}

// The chain of a microservice is replaced again and again while clients at several
// kernels call it. Every call is answered, each ran once, and no two got one answer.
func TestSwitchWhileBeingCalled(t *testing.T) {
	c := start(t, three...)
	run(t, c, "deploy", counter)
	cl := dial(t, c)

	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	var calls atomic.Int64
	answers := make([][]int64, 4)
	for i := range answers {
		cl := through(t, c, []string{"k1", "k1", "k2", "k3"}[i])
		wg.Go(func() {
			for ctx.Err() == nil {
				n, err := client.Invoke[int64](context.WithoutCancel(ctx), cl, "counter", "add", 1)
				if err != nil {
					t.Errorf("a call failed: %v", err)
					return
				}
				answers[i] = append(answers[i], n)
				calls.Add(1)
			}
		})
	}
	for range 3 {
		for _, chain := range chains {
			before := calls.Load()
			eventually(t, 10*time.Second, func() bool { return calls.Load() > before+20 || t.Failed() })
			rep, err := cl.Switch(t.Context(), "counter", chain)
			if err != nil {
				t.Fatal(err)
			}
			t.Log(rep.From, rep.Group.Spec.DMs, rep.Pause)
		}
	}
	stop()
	wg.Wait()
	seen := map[int64]bool{}
	for _, list := range answers {
		for i, n := range list {
			if seen[n] {
				t.Fatalf("two calls were answered %d", n)
			}
			if seen[n] = true; i > 0 && n <= list[i-1] {
				t.Fatalf("one client saw %d after %d", n, list[i-1])
			}
		}
	}
	n, err := client.Invoke[int64](t.Context(), cl, "counter", "get")
	if err != nil || n != calls.Load() {
		t.Errorf("the counter is %d after %d calls, %v", n, calls.Load(), err)
	}
	t.Logf("%d calls, %d switches", calls.Load(), 3*len(chains))
}
