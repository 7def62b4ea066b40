package e2e

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"amino.run/abi"
	"amino.run/host"
	"amino.run/internal/api"
	"amino.run/internal/guestbuild"
	"amino.run/internal/mux"
	"amino.run/kernel/client"
)

// alike are labels of kernels on which a group of replicas may be.
var alike = []string{"region=eu", "region=eu", "region=eu"}

// consensus starts kernels with a counter that is replicated on three of them, and
// clients that add to it through each.
func consensus(t *testing.T, labels ...string) (*testing.T, func(kind string, ids ...string), *load) {
	t.Helper()
	c := startWith(t, false, labels...)
	run(t, c, "deploy", counter, "--dm", "ConsensusRSM-Cluster")
	var clients []*client.Client
	for range 3 {
		for i := range 3 {
			clients = append(clients, through(t, c, []string{"k1", "k2", "k3"}[i]))
		}
	}
	l := addTo(t, "counter", "add", clients...)
	l.more(t, 100)
	return t, func(kind string, ids ...string) {
		t.Helper()
		start := time.Now()
		kill(t, c, ids...)
		if kind == "majority" { // the others go on
			l.more(t, 20)
			t.Logf("without %v calls are answered after %v", ids, time.Since(start))
		}
		again(t, c, ids...)
		l.more(t, 50)
	}, l
}

// Kernels of replicas are killed: each in turn, so that leaders and followers are
// among them, then all at once, and the OMS. What was answered is there, once.
func TestConsensusKilled(t *testing.T) {
	_, killed, l := consensus(t, alike...)
	for _, k := range []string{"k1", "k2", "k3"} {
		killed("majority", k)
	}
	killed("all", "k1", "k2", "k3")
	killed("oms", "oms")
	ops := l.end()
	if err := linearizable(ops, 0, 1); err != nil {
		t.Error(err)
	}
	for _, err := range failed(ops) {
		if code := abi.CodeOf(err); code != abi.Unavailable && code != abi.NotLeader {
			t.Errorf("a call failed with %v: %v", code, err)
		}
	}
	t.Logf("%d calls, %d of them failed", len(ops), len(failed(ops)))
}

// A microservice that asks the clock, chance and another one ends in the same bytes at
// every replica, however often another leads, and the other one is asked once.
func TestReplicasAreAlike(t *testing.T) {
	c := startWith(t, false, alike...)
	run(t, c, "deploy", counter)
	run(t, c, "deploy", guestbuild.Go(t, "../examples/lottery"), "--dm", "ConsensusRSM-Cluster")
	var wg sync.WaitGroup
	var drawn, failures atomic.Int64
	ctx, stop := context.WithCancel(t.Context())
	for i, k := range []string{"k1", "k2", "k3"} {
		cl := through(t, c, k)
		wg.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				_, err := client.Invoke[any](context.WithoutCancel(ctx), cl, "lottery", "draw", fmt.Sprint("name ", i, n%50))
				if err == nil {
					drawn.Add(1)
				} else {
					failures.Add(1)
					t.Logf("by way of %s: %v", k, err)
				}
			}
		})
	}
	more := func(n int64) {
		had := drawn.Load()
		eventually(t, 20*time.Second, func() bool { return drawn.Load() >= had+n })
	}
	more(100)
	holder := where(t, dial(t, c), "counter")
	for _, k := range slices.DeleteFunc([]string{"k1", "k2", "k3"}, func(k string) bool { return k == holder }) {
		kill(t, c, k)
		more(20)
		again(t, c, k)
		more(50)
	}
	stop()
	wg.Wait()
	if n := failures.Load(); n == 0 {
		t.Log("no call failed")
	}
	serial := invoke[int64](t, through(t, c, holder), "counter", "get")
	if most := drawn.Load() + 2*failures.Load() + 9; serial < drawn.Load() || serial > most {
		t.Errorf("%d tickets were drawn, %d calls failed, and the counter was asked %d times", drawn.Load(), failures.Load(), serial)
	}
	digests := map[string][]string{}
	for _, r := range group(t, dial(t, c), "lottery").Replicas {
		digests[digestOf(t, r)] = append(digests[digestOf(t, r)], r.Peer)
	}
	if len(digests) != 1 {
		t.Errorf("the replicas differ: %v", digests)
	}
	t.Logf("%d tickets, %d failures, all alike: %v", drawn.Load(), failures.Load(), digests)
}

// digestOf returns the digest of a replica's state, after all that was answered.
func digestOf(t *testing.T, r api.Replica) string {
	t.Helper()
	conn, err := mux.Dial(t.Context(), r.Node.Addr, "test", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	s, err := mux.Call[api.Snapshot](t.Context(), conn, api.KernelCapture, api.ReplicaRef{Peer: r.Peer, Epoch: r.Epoch})
	if err != nil {
		t.Fatal(err)
	}
	img, err := host.ParseImage(s.Image)
	if err != nil {
		t.Fatal(err)
	}
	return img.Digest()
}

// group returns a microservice when all its replicas run.
func group(t *testing.T, cl *client.Client, name string) (g api.Group) {
	t.Helper()
	eventually(t, 20*time.Second, func() bool {
		var err error
		g, err = cl.Lookup(t.Context(), name)
		return err == nil && len(g.Replicas) == 3 && !slices.ContainsFunc(g.Replicas, func(r api.Replica) bool { return r.Lost })
	})
	return g
}

// Each kernel of a replicated microservice is cut off in turn, so that its leader is
// among them. The others go on; the one cut off answers nothing, and follows when it
// is back.
func TestConsensusPartition(t *testing.T) {
	n := newNetwork(t, "oms", "k1", "k2", "k3", "client")
	c := newCluster(t)
	c.In = n.in
	if err := c.StartOMS("--lease", lease); err != nil {
		t.Fatal(err)
	}
	all := []string{"k1", "k2", "k3"}
	for i, labels := range alike {
		if err := c.StartKernel(all[i], "--labels", labels); err != nil {
			t.Fatal(err)
		}
	}
	for _, k := range all {
		eventually(t, 10*time.Second, func() bool { return kernels(t, c)[k] })
	}
	run(t, c, "deploy", counter, "--dm", "ConsensusRSM-Cluster", "--timeout", "5s")
	adders := map[string]*adder{}
	for _, k := range all {
		adders[k] = startAdder(t, n, c, k)
	}
	for _, a := range adders {
		a.more(t, 20)
	}
	for _, cut := range all {
		heal := n.cutFromAll(cut)
		for _, k := range all {
			if k != cut {
				adders[k].more(t, 20)
			}
		}
		heal()
		eventually(t, 15*time.Second, func() bool { return kernels(t, c)[cut] })
		for _, a := range adders {
			a.more(t, 20)
		}
	}
	var ops []op
	for i, k := range all {
		theirs := adders[k].end(t)
		for j := range theirs {
			theirs[j].caller = i + 1
		}
		ops = append(ops, theirs...)
	}
	if err := linearizable(ops, 0, 1); err != nil {
		t.Error(err)
	}
	t.Logf("%d calls, %d of them failed", len(ops), len(failed(ops)))
}
