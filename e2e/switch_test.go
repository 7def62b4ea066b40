package e2e

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"amino.run/abi"
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

// A flipper switches a microservice between two chains, again and again, until it is
// stopped.
type flipper struct {
	stop  func()
	made  atomic.Int64
	other atomic.Int64 // given up, or of an unknown end
}

func flip(t *testing.T, cl *client.Client, name string, chains ...[]string) *flipper {
	f := &flipper{}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := 0; ctx.Err() == nil; i++ {
			rep, err := cl.Switch(context.WithoutCancel(ctx), name, chains[i%len(chains)])
			switch {
			case err != nil:
				f.other.Add(1)
				time.Sleep(10 * time.Millisecond)
			case rep.Pause > 0:
				f.made.Add(1)
			}
		}
	})
	f.stop = func() { cancel(); wg.Wait() }
	t.Cleanup(f.stop)
	return f
}

// more waits until n more switches are made.
func (f *flipper) more(t *testing.T, n int64) {
	t.Helper()
	want := f.made.Load() + n
	eventually(t, 20*time.Second, func() bool { return f.made.Load() >= want })
}

// The OMS is killed again and again in the middle of switches. Calls wait and go on:
// none fails, each runs once, and in the end there is one chain.
func TestSwitchOMSKilled(t *testing.T) {
	c := start(t, three...)
	saving := []string{"PeriodicCheckpoint(every=1)"}
	run(t, c, "deploy", counter)
	cl := dial(t, c)
	l := addTo(t, "counter", "add", through(t, c, "k1"), through(t, c, "k2"), through(t, c, "k3"))
	f := flip(t, cl, "counter", saving, nil)
	for range 6 {
		f.more(t, 2)
		time.Sleep(rand.N(10 * time.Millisecond)) // about one switch
		kill(t, c, "oms")
		again(t, c, "oms")
	}
	f.more(t, 2)
	f.stop()
	l.more(t, 40)
	ops := l.end()
	for _, err := range failed(ops) {
		t.Errorf("a call failed: %v", err)
	}
	if err := linearizable(ops, 0, 1); err != nil {
		t.Error(err)
	}
	cl = dial(t, c)
	if n := invoke[int64](t, cl, "counter", "get"); n != int64(len(ops)) {
		t.Errorf("the counter is %d after %d calls", n, len(ops))
	}
	held := 0
	for _, k := range []string{"k1", "k2", "k3"} {
		if holds(t, cl, k, "counter") != nil {
			held++
		}
	}
	if held != 1 {
		t.Errorf("%d kernels hold a replica", held)
	}
	t.Logf("%d calls, %d switches made, %d given up", len(ops), f.made.Load(), f.other.Load())
}

// The microservice's kernel is killed in the middle of switches. It comes back with all
// that was answered, under one of the chains.
func TestSwitchKernelKilled(t *testing.T) {
	c := start(t, three...)
	saving := []string{"PeriodicCheckpoint(every=1)"}
	orderly := []string{"SerializableRPC", "PeriodicCheckpoint(every=1)"}
	run(t, c, "deploy", counter, "--dm", saving[0], "--on", "tier=cloud")
	cl := dial(t, c)
	l := addTo(t, "counter", "add", through(t, c, "k3"), through(t, c, "k3"))
	f := flip(t, cl, "counter", orderly, saving)
	for range 3 {
		l.more(t, 40)
		f.more(t, 2)
		at := where(t, cl, "counter")
		kill(t, c, at)
		l.more(t, 40)
		again(t, c, at)
	}
	f.more(t, 2)
	f.stop()
	l.more(t, 40)
	ops := l.end()
	if err := linearizable(ops, 0, 1); err != nil {
		t.Error(err)
	}
	for _, err := range failed(ops) {
		if code := abi.CodeOf(err); code != abi.Unavailable {
			t.Errorf("a call failed with %v: %v", code, err)
		}
	}
	t.Logf("%d calls, %d failed, %d switches made, %d given up", len(ops), len(failed(ops)), f.made.Load(), f.other.Load())
}

// Both ends of a nested call get other chains while clients make such calls: a call
// that holds one microservice and waits for the other is neither lost nor in the way.
func TestSwitchUnderNestedCalls(t *testing.T) {
	c := start(t, three...)
	for _, name := range []string{"front", "back"} {
		run(t, c, "deploy", conformance, "--name", name, "--args", `["x"]`)
	}
	run(t, c, "migrate", "back", "--to", "k2")
	cl := dial(t, c)
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	var relayed atomic.Int64
	for _, k := range []string{"k1", "k2", "k3", "k3"} {
		cl := through(t, c, k)
		wg.Go(func() {
			for ctx.Err() == nil {
				if _, err := client.Invoke[int64](context.WithoutCancel(ctx), cl, "front", "relay", "back", "count", 1); err != nil {
					t.Errorf("a call failed: %v", err)
					return
				}
				relayed.Add(1)
			}
		})
	}
	back := flip(t, cl, "back", []string{"SerializableRPC"}, []string{"AtLeastOnceRPC", "ExplicitMigration"}, nil)
	front := flip(t, dial(t, c), "front", []string{"ExplicitCheckpoint"}, nil)
	back.more(t, 12)
	front.more(t, 12)
	back.stop()
	front.stop()
	stop()
	wg.Wait()
	if n := invoke[int64](t, cl, "back", "count", 0); n != relayed.Load() {
		t.Errorf("back has counted %d of %d calls", n, relayed.Load())
	}
	if n := back.other.Load() + front.other.Load(); n > 0 {
		t.Errorf("%d switches were given up", n)
	}
	t.Logf("%d calls", relayed.Load())
}
