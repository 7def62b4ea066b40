package e2e

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"amino.run/abi"
	"amino.run/kernel/client"
)

// The microservice of guest-sdks/CONFORMANCE.md, in C.
const conformance = "../guest-sdks/c/conformance/conformance.wasm"

// Calls are retried while their microservice's kernel is killed and started again:
// none fails, and the counter goes back once, to the checkpoint.
func TestAtLeastOnceRPC(t *testing.T) {
	c := start(t, three...)
	chain := []string{"--dm", "ExplicitCheckpoint", "--on", "region=us"} // k2 alone
	run(t, c, append([]string{"deploy", counter, "--name", "plain"}, chain...)...)
	run(t, c, append([]string{"deploy", counter, "--dm", "AtLeastOnceRPC"}, chain...)...)
	cl := through(t, c, "k1")
	invoke[int64](t, cl, "counter", "add", 100)
	run(t, c, "invoke", "counter", "--verb", "checkpoint")

	retried, plain := addTo(t, "counter", "add", cl), addTo(t, "plain", "add", cl)
	retried.more(t, 50)
	kill(t, c, "k2")
	runsOn(t, cl, "counter", "")
	again(t, c, "k2")
	retried.more(t, 50)
	plain.more(t, 1)
	ops := retried.end()
	if errs := failed(ops); len(errs) > 0 {
		t.Errorf("%d of %d calls failed: %v", len(errs), len(ops), errs[0])
	}
	if len(failed(plain.end())) == 0 {
		t.Error("no call without AtLeastOnceRPC failed: this test showed nothing")
	}
	back := 0
	for i := 1; i < len(ops); i++ {
		if ops[i].value <= ops[i-1].value {
			back++
			if ops[i].value < 101 || ops[i].value > 102 { // 102: an attempt whose answer was lost
				t.Errorf("after the failure the first answer is %d, want 101: the checkpoint is of 100", ops[i].value)
			}
		}
	}
	if back != 1 {
		t.Errorf("the counter went back %d times, want once", back)
	}
}

// While a call waits for an outgoing one, others wait for it, wherever they come
// from, and then run in the order in which they came.
func TestSerializableRPC(t *testing.T) {
	c := start(t, three...)
	run(t, c, "deploy", conformance, "--name", "front", "--args", `["x"]`, "--dm", "SerializableRPC", "--on", "region=us")
	run(t, c, "deploy", conformance, "--name", "slow", "--args", `["x"]`, "--on", "tier=device")
	cl := dial(t, c)
	inside := func(kernel, name string, calls uint64) {
		t.Helper()
		eventually(t, 10*time.Second, func() bool { return holds(t, cl, kernel, name).Calls == calls })
	}

	spinning, release := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { client.Invoke[any](spinning, through(t, c, "k3"), "slow", "spin") })
	inside("k3", "slow", 1)
	var relayed atomic.Bool
	wg.Go(func() {
		if _, err := client.Invoke[int64](t.Context(), through(t, c, "k1"), "front", "relay", "slow", "count", 1); err != nil {
			t.Error(err)
		}
		relayed.Store(true)
	})
	inside("k3", "slow", 2) // front waits for slow, which spins

	answers := make(chan int, 6)
	for i := range cap(answers) {
		cl := through(t, c, fmt.Sprintf("k%d", i%3+1))
		wg.Go(func() {
			n, err := client.Invoke[int](t.Context(), cl, "front", "count", 1)
			if err != nil || n != i+1 {
				t.Errorf("call %d was answered %d, %v: not in the order of arrival", i+1, n, err)
			}
			answers <- n
		})
		inside("k2", "front", uint64(i+2))
	}
	if len(answers) > 0 || relayed.Load() {
		t.Error("a call was answered while another waited in the middle")
	}
	release()
	wg.Wait()
}

// After one call from a kernel, none leaves it: the microservice's own kernel may be
// gone. A call that would write does not run.
func TestImmutable(t *testing.T) {
	c := start(t, three...)
	run(t, c, "deploy", conformance, "--name", "fixed", "--args", `["north"]`, "--dm", "Immutable", "--on", "region=us")
	want(t, c, `"north"`, "invoke", "fixed", "label", "--through", "k1")
	fails(t, c, 1, []string{"count is not readonly", "deploy without Immutable"}, "invoke", "fixed", "count", "1", "--through", "k1")
	kill(t, c, "k2")
	want(t, c, `"north"`, "invoke", "fixed", "label", "--through", "k1")
	runsOn(t, dial(t, c), "fixed", "")
	want(t, c, `"north"`, "invoke", "fixed", "label", "--through", "k1")
	want(t, c, `3`, "invoke", "fixed", "add", "1", "2", "--through", "k1")
	fails(t, c, 1, []string{"fixed was on kernel k2, which is gone"}, "invoke", "fixed", "label", "--through", "k3")
}

// One microservice stays in place, one in the cloud, and one goes where there is
// room: what a move and two failures make of them.
func TestKeepInPlaceAndKeepInCloud(t *testing.T) {
	c := start(t, three...)
	cl := through(t, c, "k3")
	for _, dm := range []string{"KeepInPlace", "KeepInCloud", "ExplicitMigration"} {
		name := strings.ToLower(dm)
		run(t, c, "deploy", counter, "--name", name, "--dm", dm, "--dm", "ExplicitCheckpoint")
		if where(t, cl, name) != "k1" && dm != "KeepInPlace" {
			run(t, c, "migrate", name, "--to", "k1")
		}
		invoke[int64](t, cl, name, "add", 7)
		run(t, c, "invoke", name, "--verb", "checkpoint")
	}
	place := where(t, cl, "keepinplace")
	for _, k := range []string{"k1", "k2", "k3"} {
		if k != place {
			fails(t, c, 1, []string{"keepinplace may not run on " + k, "KeepInPlace does not allow"}, "migrate", "keepinplace", "--to", k)
		}
	}
	fails(t, c, 1, []string{"keepincloud may not run on k3", "KeepInCloud does not allow", "tier=device"}, "migrate", "keepincloud", "--to", "k3")
	want(t, c, "7", "invoke", "keepincloud", "get")

	kill(t, c, "k1", "k2")
	runsOn(t, cl, "explicitmigration", "k3")
	if got := where(t, cl, "keepincloud"); got != "" {
		t.Errorf("KeepInCloud let a microservice recover on %s, which is a device", got)
	}
	if got := where(t, cl, "keepinplace"); got != "" && got != place {
		t.Errorf("KeepInPlace let a microservice recover on %s; it was created on %s", got, place)
	}
	again(t, c, "k2")
	runsOn(t, cl, "keepincloud", "k2")
	again(t, c, "k1")
	runsOn(t, cl, "keepinplace", place)
	for _, name := range []string{"keepinplace", "keepincloud", "explicitmigration"} {
		if n := invoke[int64](t, cl, name, "get"); n != 7 {
			t.Errorf("%s is %d after its failure, want 7", name, n)
		}
	}
}

// Two kernels call: one holds the lease and the other is told for how long. What the
// holder wrote is there when it ends, and when the holder is killed.
func TestLeaseCaching(t *testing.T) {
	c := start(t, three...)
	run(t, c, "deploy", counter, "--dm", "LeaseCaching(ttl=3s)", "--on", "tier=device")
	holder, two := through(t, c, "k1"), through(t, c, "k2")
	if n := invoke[int64](t, holder, "counter", "add", 5); n != 5 {
		t.Errorf("add(5) = %d", n)
	}
	_, err := client.Invoke[int64](t.Context(), two, "counter", "get")
	if !errors.Is(err, abi.ErrLeased) || !regexp.MustCompile(`^leased to another caller for [0-9.]+m?s more$`).MatchString(err.Error()) {
		t.Errorf("while another holds the lease: %v", err)
	}
	eventually(t, 10*time.Second, func() bool {
		n, err := client.Invoke[int64](t.Context(), two, "counter", "get")
		return err == nil && n == 5
	})

	var wg sync.WaitGroup
	var acked atomic.Int64
	wg.Go(func() {
		for {
			n, err := client.Invoke[int64](t.Context(), holder, "counter", "add", 1)
			switch {
			case errors.Is(err, abi.ErrLeased) && acked.Load() == 0: // two's lease
				time.Sleep(10 * time.Millisecond)
			case err != nil:
				return
			default:
				acked.Store(n)
			}
		}
	})
	eventually(t, 10*time.Second, func() bool { return acked.Load() > 200 })
	kill(t, c, "k1")
	wg.Wait()
	var n int64
	eventually(t, 10*time.Second, func() (ok bool) {
		var err error
		n, err = client.Invoke[int64](t.Context(), two, "counter", "get")
		return err == nil
	})
	if last := acked.Load(); n != last && n != last+1 {
		t.Errorf("the counter is %d; the last answer of the dead holder was %d", n, last)
	}
}

// A checkpoint is what revert and a killed kernel go back to, and a microservice may
// ask for its own.
func TestExplicitCheckpoint(t *testing.T) {
	c := startWith(t, false, three...)
	run(t, c, "deploy", conformance, "--name", "book", "--args", `["x"]`, "--dm", "ExplicitCheckpoint", "--on", "region=us")
	cl := through(t, c, "k1")
	fails(t, c, 1, []string{"no checkpoint to revert to", "use the verb checkpoint first"}, "invoke", "book", "--verb", "revert")
	invoke[int64](t, cl, "book", "count", 3)
	want(t, c, "null", "invoke", "book", "--verb", "checkpoint")
	invoke[int64](t, cl, "book", "count", 4)
	want(t, c, "null", "invoke", "book", "--verb", "revert")
	want(t, c, "3", "invoke", "book", "count", "0")
	invoke[int64](t, cl, "book", "count", 7)
	fail := func() {
		t.Helper()
		kill(t, c, "k2")
		again(t, c, "k2")
		runsOn(t, cl, "book", "k2")
	}
	fail()
	want(t, c, "3", "invoke", "book", "count", "0")
	invoke[int64](t, cl, "book", "count", 20)
	invoke[any](t, cl, "book", "verb", "book", "checkpoint") // in the guest, to itself
	invoke[int64](t, cl, "book", "count", 100)
	fail()
	want(t, c, "23", "invoke", "book", "count", "0")
}

// A killed kernel loses fewer calls than lie between two checkpoints, and a failed
// call takes back as many.
func TestPeriodicCheckpoint(t *testing.T) {
	const every = 5
	c := start(t, three...)
	run(t, c, "deploy", conformance, "--name", "book", "--args", `["x"]`, "--dm", fmt.Sprintf("PeriodicCheckpoint(every=%d)", every), "--on", "tier=cloud")
	cl := through(t, c, "k3")
	lost := map[int64]bool{}
	for round := range 3 {
		l := addTo(t, "book", "count", cl)
		l.more(t, int64(40+round))
		last := where(t, cl, "book")
		kill(t, c, last)
		eventually(t, 15*time.Second, func() bool { k := where(t, cl, "book"); return k != "" && k != last })
		l.more(t, 10)
		ops := l.end()
		again(t, c, last)
		for i := 1; i < len(ops); i++ {
			a, b := ops[i-1], ops[i]
			if a.err == nil && b.err != nil { // the failure; what comes next tells what was lost
				j := i + slices.IndexFunc(ops[i:], func(x op) bool { return x.err == nil })
				lost[a.value-(ops[j].value-1)] = true
			}
		}
	}
	if len(lost) == 0 {
		t.Error("no failure was seen")
	}
	for n := range lost {
		if n < -1 || n > every-1 {
			t.Errorf("%d acknowledged calls were lost, want at most %d", n, every-1)
		}
	}
	t.Logf("calls lost: %v", lost)

	n := invoke[int64](t, cl, "book", "count", 1)
	if _, err := client.Invoke[any](t.Context(), cl, "book", "fail", "no"); abi.CodeOf(err) != abi.Application {
		t.Errorf("fail: %v", err)
	}
	if after := invoke[int64](t, cl, "book", "count", 0); after > n || after <= n-every {
		t.Errorf("after a call failed at %d the counter is %d", n, after)
	}
}

// The application moves itself, by a verb; wrong nodes are named beside the right.
func TestExplicitMigration(t *testing.T) {
	c := start(t, three...)
	run(t, c, "deploy", counter, "--dm", "ExplicitMigration", "--on", "tier=cloud")
	cl := through(t, c, "k3")
	l := addTo(t, "counter", "add", cl)
	for i := range 4 {
		l.more(t, 30)
		to := fmt.Sprintf("k%d", i%2+1)
		want(t, c, "null", "invoke", "counter", "--verb", "migrate", to)
		if got := where(t, cl, "counter"); got != to {
			t.Errorf("it is on %s, want %s", got, to)
		}
	}
	fails(t, c, 1, []string{"k9", "k1, k2"}, "invoke", "counter", "--verb", "migrate", "k9")
	fails(t, c, 1, []string{"k3", "k1, k2"}, "invoke", "counter", "--verb", "migrate", "k3")
	fails(t, c, 1, []string{"migrate"}, "invoke", "counter", "--verb", "migrate")
	ops := l.end()
	if errs := failed(ops); len(errs) > 0 {
		t.Errorf("a call failed: %v", errs[0])
	}
	if err := linearizable(ops, 0, 1); err != nil {
		t.Error(err)
	}
}

// Three replicas on three kernels take turns. One that is killed is replaced on the
// kernel that is free, and readonly calls go on meanwhile.
func TestLoadBalancedFrontEnd(t *testing.T) {
	c := start(t, append(slices.Clone(three), "region=us,tier=device")...)
	fails(t, c, 1, []string{"9 replicas need a node each", "placement allows 4"}, "deploy", conformance, "--name", "many", "--args", `["x"]`, "--dm", "LoadBalancedFrontEnd(replicas=9)")
	run(t, c, "deploy", conformance, "--name", "front", "--args", `["x"]`, "--dm", "LoadBalancedFrontEnd(replicas=3)", "--on", "tier=cloud;region=eu")
	cl := through(t, c, "k4")
	on := func() (kernels []string) {
		g, err := cl.Lookup(t.Context(), "front")
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range g.Replicas {
			if !r.Lost {
				kernels = append(kernels, r.Node.ID)
			}
		}
		slices.Sort(kernels)
		return kernels
	}
	if got := on(); !slices.Equal(got, []string{"k1", "k2", "k3"}) {
		t.Fatalf("the replicas are on %v", got)
	}
	answers := map[int64]int{}
	for range 12 {
		answers[invoke[int64](t, cl, "front", "count", 1)]++
	}
	for n := int64(1); n <= 4; n++ {
		if answers[n] != 3 {
			t.Errorf("of 12 calls to three replicas %d were answered %d, want 3", answers[n], n)
		}
	}

	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		for ctx.Err() == nil {
			if got, err := client.Invoke[string](context.WithoutCancel(ctx), cl, "front", "label"); got != "x" {
				t.Errorf("a readonly call: %q, %v", got, err)
				return
			}
		}
	})
	kill(t, c, "k2")
	eventually(t, 10*time.Second, func() bool { return len(on()) == 2 })
	want(t, c, "4", "invoke", "front", "count", "0") // a replica that is left
	again(t, c, "k2")
	eventually(t, 20*time.Second, func() bool { return len(on()) == 3 })
	stop()
	wg.Wait()
}

// A chain does what each of its members promises: calls from two kernels are retried,
// wait for the lease and are linearizable; the state survives a move and kernels that
// are killed; and it all stays in the cloud.
func TestChains(t *testing.T) {
	c := start(t, three...)
	t.Run("AtLeastOnceRPC LeaseCaching KeepInCloud", func(t *testing.T) {
		run(t, c, "deploy", counter, "--name", "leased", "--dm", "AtLeastOnceRPC", "--dm", "LeaseCaching(ttl=200ms)", "--dm", "KeepInCloud")
		l := addTo(t, "leased", "add", through(t, c, "k1"), through(t, c, "k2"), through(t, c, "k3"), through(t, c, "k3"))
		cl := dial(t, c)
		for _, to := range []string{"k2", "k1", "k2"} {
			l.more(t, 100)
			if _, err := cl.Migrate(t.Context(), "leased", to); err != nil {
				t.Error(err)
			}
		}
		l.more(t, 100)
		ops := l.end()
		if errs := failed(ops); len(errs) > 0 {
			t.Errorf("%d calls failed: %v", len(errs), errs[0])
		}
		if err := linearizable(ops, 0, 1); err != nil {
			t.Error(err)
		}
		fails(t, c, 1, []string{"KeepInCloud does not allow k3"}, "migrate", "leased", "--to", "k3")
	})
	t.Run("AtLeastOnceRPC PeriodicCheckpoint ExplicitMigration", func(t *testing.T) {
		run(t, c, "deploy", counter, "--name", "saved", "--dm", "AtLeastOnceRPC", "--dm", "PeriodicCheckpoint(every=1)", "--dm", "ExplicitMigration", "--on", "tier=cloud")
		cl := through(t, c, "k3")
		l := addTo(t, "saved", "add", cl, through(t, c, "k3"))
		l.more(t, 50)
		want(t, c, "null", "invoke", "saved", "--verb", "migrate", "k2")
		l.more(t, 50)
		kill(t, c, "k2")
		l.more(t, 50)
		runsOn(t, cl, "saved", "k1")
		again(t, c, "k2")
		want(t, c, "null", "invoke", "saved", "--verb", "migrate", "k2")
		l.more(t, 50)
		ops := l.end()
		if errs := failed(ops); len(errs) > 0 {
			t.Errorf("%d calls failed: %v", len(errs), errs[0])
		}
		// every=1 loses nothing that was answered. The calls under way when k2 died
		// may have run twice, so answers may be left out.
		if err := linearizable(append(ops, inDoubt(2)...), 0, 2); err != nil {
			t.Error(err)
		}
	})
}

// inDoubt returns n calls that may have run or not, as retried ones may.
func inDoubt(n int) []op {
	return slices.Repeat([]op{{err: abi.ErrUnavailable}}, n)
}
