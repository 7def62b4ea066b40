package e2e

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"amino.run/abi"
	"amino.run/e2e/cluster"
	"amino.run/kernel/client"
)

// A kernel is killed. Its microservice comes back where its checkpoints are read, with
// all that was answered, and callers elsewhere find it.
func TestKernelKilled(t *testing.T) {
	c := start(t, three...)
	run(t, c, "deploy", counter, "--dm", "PeriodicCheckpoint(every=1)", "--on", "tier=cloud")
	cl := dial(t, c)
	run(t, c, "migrate", "counter", "--to", "k2")
	l := addTo(t, "counter", "add", through(t, c, "k1"), through(t, c, "k3"), through(t, c, "k3"))
	l.more(t, 50)
	kill(t, c, "k2")
	runsOn(t, cl, "counter", "k1")
	l.more(t, 50)
	again(t, c, "k2")
	kill(t, c, "k1") // now the caller's kernel too
	runsOn(t, cl, "counter", "k2")
	l.more(t, 50)
	ops := l.end()
	if err := linearizable(ops, 0, 1); err != nil {
		t.Error(err)
	}
	for _, err := range failed(ops) {
		if code := abi.CodeOf(err); code != abi.Unavailable {
			t.Errorf("a call failed with %v: %v", code, err)
		}
	}
}

// Where no other kernel reads the checkpoints, a microservice waits for its own. One
// that nothing is kept of stays lost, and the error says what to do.
func TestKernelKilledWithItsCheckpoints(t *testing.T) {
	c := startWith(t, false, three...)
	run(t, c, "deploy", counter, "--name", "saved", "--dm", "PeriodicCheckpoint(every=1)", "--on", "region=us")
	run(t, c, "deploy", counter, "--name", "bare", "--on", "region=us")
	cl := through(t, c, "k1")
	invoke[int64](t, cl, "saved", "add", 7)
	invoke[int64](t, cl, "bare", "add", 7)
	kill(t, c, "k2")
	runsOn(t, cl, "saved", "")
	runsOn(t, cl, "bare", "")
	fails(t, c, 1, []string{"saved was on kernel k2, which is gone", "did not run", "it comes back when that kernel does"}, "invoke", "saved", "get")
	fails(t, c, 1, []string{"bare was on kernel k2, which is gone", "did not run", "deploy it again, or restore a snapshot"}, "invoke", "bare", "get")
	for name, v := range list(t, c) {
		if v.State != "lost" {
			t.Errorf("ls says that %s is %s", name, v.State)
		}
	}
	run(t, c, "deploy", counter, "--name", "witness") // time for a wrong recovery, had there been one
	if k := where(t, cl, "saved"); k != "" {
		t.Errorf("saved came back on %s, which cannot read its checkpoints", k)
	}
	again(t, c, "k2")
	runsOn(t, cl, "saved", "k2")
	want(t, c, "7", "invoke", "saved", "get")
	if state := list(t, c)["bare"].State; state != "lost" {
		t.Errorf("ls says that bare is %s after its kernel came back with nothing", state)
	}
	run(t, c, "delete", "bare")
	run(t, c, "deploy", counter, "--name", "bare")
	want(t, c, "1", "invoke", "bare", "add", "1")
}

// A kernel is stopped for longer than its lease, and goes on. What it held runs
// elsewhere by then, and it answers nothing any more: neither the calls that were
// inside, nor those of its own clients.
func TestKernelPaused(t *testing.T) {
	c := start(t, three...)
	run(t, c, "deploy", counter, "--dm", "PeriodicCheckpoint(every=1)", "--on", "tier=cloud")
	cl := dial(t, c)
	var clients []*client.Client
	for _, k := range []string{"k1", "k1", "k2", "k2", "k2", "k3", "k3", "k3"} {
		clients = append(clients, through(t, c, k))
	}
	l := addTo(t, "counter", "add", clients...)
	for range 3 {
		l.more(t, 200)
		paused := where(t, cl, "counter")
		before, err := cl.Lookup(t.Context(), "counter")
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Signal(paused, syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		var other string
		eventually(t, 10*time.Second, func() bool {
			other = where(t, cl, "counter")
			return other != "" && other != paused
		})
		invoke[int64](t, through(t, c, "k3"), "counter", "get")
		if err := c.Signal(paused, syscall.SIGCONT); err != nil {
			t.Fatal(err)
		}
		after, err := cl.Lookup(t.Context(), "counter")
		if err != nil || after.Replicas[0].Epoch <= before.Replicas[0].Epoch {
			t.Errorf("the epoch was %d and is %d, %v", before.Replicas[0].Epoch, after.Replicas[0].Epoch, err)
		}
		eventually(t, 10*time.Second, func() bool {
			return node(t, cl, paused).Live && holds(t, cl, paused, "counter") == nil
		})
	}
	l.more(t, 200)
	ops := l.end()
	if err := linearizable(ops, 0, 1); err != nil {
		t.Error(err)
	}
	t.Logf("%d calls, %d of them failed", len(ops), len(failed(ops)))
}

// The OMS is killed while it deploys. What it acknowledged is there when it is back,
// what it did not is there as a whole or not at all, and callers notice nothing.
func TestOMSKilledWhileItDeploys(t *testing.T) {
	c := start(t, three...)
	run(t, c, "deploy", counter)
	l := addTo(t, "counter", "add", through(t, c, "k1"), through(t, c, "k2"))
	l.more(t, 20)

	var mu sync.Mutex
	acked := map[string]bool{}
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				name := fmt.Sprintf("c%d-%d", i, n)
				err := c.RunTo(t.Context(), nil, nil, "deploy", counter, "--name", name)
				mu.Lock()
				acked[name] = err == nil
				mu.Unlock()
			}
		})
	}
	count := func() (n int) {
		mu.Lock()
		defer mu.Unlock()
		for _, ok := range acked {
			if ok {
				n++
			}
		}
		return n
	}
	for range 3 {
		had := count()
		eventually(t, 20*time.Second, func() bool { return count() >= had+4 })
		kill(t, c, "oms")
		if err := c.Again("oms"); err != nil {
			t.Fatal(err)
		}
	}
	l.more(t, 20)
	stop()
	wg.Wait()
	if errs := failed(l.end()); len(errs) > 0 {
		t.Errorf("%d calls failed while the OMS was away: %v", len(errs), errs[0])
	}
	if err := linearizable(l.end(), 0, 1); err != nil {
		t.Error(err)
	}

	there := list(t, c)
	cl := dial(t, c)
	unknown := 0
	for name, ok := range acked {
		if ok && there[name].State != "serving" {
			t.Errorf("%s was acknowledged and is %q", name, there[name].State)
		}
		if !ok {
			unknown++
		}
		if there[name].State == "" {
			if _, err := client.Invoke[int64](t.Context(), cl, name, "get"); !errors.Is(err, abi.ErrNotFound) {
				t.Errorf("%s is not listed, and calling it gives %v", name, err)
			}
			continue
		}
		invoke[int64](t, cl, name, "add", 1)
	}
	if unknown == 0 {
		t.Error("no deployment was cut short: this test showed nothing")
	}
	t.Logf("%d deployments, %d of them acknowledged", len(acked), len(acked)-unknown)
}

// The OMS is killed while a microservice moves. The move settles when it is back, and
// no call fails.
func TestOMSKilledWhileAMicroserviceMoves(t *testing.T) {
	c := start(t, three...)
	run(t, c, "deploy", counter)
	l := addTo(t, "counter", "add", through(t, c, "k1"), through(t, c, "k2"), through(t, c, "k3"))
	cut := 0
	for i := range 8 {
		l.more(t, 30)
		cl := dial(t, c)
		to := fmt.Sprintf("k%d", i%3+1)
		moved := make(chan error, 1)
		go func() {
			_, err := cl.Migrate(t.Context(), "counter", to)
			moved <- err
		}()
		time.Sleep(time.Duration(i) * time.Millisecond / 2)
		kill(t, c, "oms")
		if err := <-moved; err != nil {
			cut++
		}
		if err := c.Again("oms"); err != nil {
			t.Fatal(err)
		}
	}
	l.more(t, 30)
	cl := dial(t, c)
	run(t, c, "migrate", "counter", "--to", "k2")
	runsOn(t, cl, "counter", "k2")
	for _, k := range []string{"k1", "k3"} {
		eventually(t, 10*time.Second, func() bool { return holds(t, cl, k, "counter") == nil })
	}
	l.more(t, 30)
	ops := l.end()
	if errs := failed(ops); len(errs) > 0 {
		t.Errorf("%d calls failed: %v", len(errs), errs[0])
	}
	if err := linearizable(ops, 0, 1); err != nil {
		t.Error(err)
	}
	t.Logf("%d moves were cut short", cut)
}

// A module reaches a kernel that lacks it when it is needed there, also from an OMS
// that was started again since.
func TestModuleReachesAKernel(t *testing.T) {
	c := start(t, three...)
	run(t, c, "deploy", counter, "--on", "region=us")
	invoke[int64](t, dial(t, c), "counter", "add", 7)
	run(t, c, "fork", "counter", "second")
	if hasModule(t, c, "k3") {
		t.Fatal("k3 has the module before it was needed there")
	}
	kill(t, c, "oms")
	if err := c.Again("oms"); err != nil {
		t.Fatal(err)
	}
	run(t, c, "deploy", counter, "--name", "third", "--on", "tier=device")
	want(t, c, "1", "invoke", "third", "add", "1")
	if where(t, dial(t, c), "third") != "k3" || !hasModule(t, c, "k3") {
		t.Error("k3 runs it without having the module")
	}
}

func hasModule(t *testing.T, c *cluster.Cluster, kernel string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(c.Dir, kernel, "modules", "*.wasm"))
	if err != nil {
		t.Fatal(err)
	}
	return len(files) > 0
}
