package e2e

import (
	"context"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"amino.run/internal/guestbuild"
	"amino.run/kernel/client"
)

// cloudKernels are labels for kernels that differ in nothing.
var cloudKernels = []string{"tier=cloud", "tier=cloud", "tier=cloud", "tier=cloud"}

// replicasOn returns the kernels of a microservice's replicas, the primary's first.
func replicasOn(t *testing.T, cl *client.Client, name string) (kernels []string) {
	t.Helper()
	g, err := cl.Lookup(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range g.Replicas {
		kernels = append(kernels, r.Node.ID)
	}
	return kernels
}

// The master is killed, then its slave that took its place, while callers at every kernel
// add: each call runs once, nothing answered is lost, and none fails.
func TestMasterSlaveSync(t *testing.T) {
	c := start(t, cloudKernels...)
	run(t, c, "deploy", conformance, "--name", "kept", "--dm", "MasterSlaveSync(patience=1s)", "--timeout", "25s")
	cl := dial(t, c)
	var clients []*client.Client
	for _, k := range []string{"k1", "k2", "k3", "k4"} {
		if !slices.Contains(replicasOn(t, cl, "kept"), k) { // those that are not killed
			clients = append(clients, through(t, c, k))
		}
	}
	load := addTo(t, "kept", "count", clients...)
	load.more(t, 50)
	master := replicasOn(t, cl, "kept")[0]
	time.Sleep(1500 * time.Millisecond) // the slave has been in step for a while
	slave := replicasOn(t, cl, "kept")[1]
	kill(t, c, master)
	load.more(t, 50)
	if at := replicasOn(t, cl, "kept"); at[0] != slave {
		t.Errorf("the replicas are on %v; %s should have become the master", at, slave)
	}
	// What the guest is given by the clock and by chance is the same at both.
	for range 5 {
		invoke[any](t, clients[0], "kept", "dice", 8)
	}
	ops := load.end()
	if errs := failed(ops); len(errs) > 0 {
		t.Errorf("%d of %d calls failed: %v", len(errs), len(ops), errs[0])
	}
	if err := linearizable(ops, 0, 1); err != nil {
		t.Error(err)
	}
	again(t, c, master)
	eventually(t, 15*time.Second, func() bool { return len(replicasOn(t, cl, "kept")) == 2 })
	if n := invoke[int64](t, clients[0], "kept", "count", 0); n != int64(len(ops)) {
		t.Errorf("%d calls were answered and the counter is %d", len(ops), n)
	}
}

// A master that was stopped for longer than its lease answers no more once it goes on:
// the slave serves.
func TestMasterSlaveSyncExpiredMaster(t *testing.T) {
	c := start(t, cloudKernels[:3]...)
	run(t, c, "deploy", counter, "--dm", "MasterSlaveSync(patience=1s)", "--timeout", "20s")
	cl := dial(t, c)
	at := replicasOn(t, cl, "counter")
	i := slices.IndexFunc([]string{"k1", "k2", "k3"}, func(k string) bool { return !slices.Contains(at, k) })
	other := through(t, c, []string{"k1", "k2", "k3"}[i])
	load := addTo(t, "counter", "add", other)
	load.more(t, 20)
	time.Sleep(1500 * time.Millisecond)
	if err := c.Signal(at[0], syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	eventually(t, 20*time.Second, func() bool { return replicasOn(t, cl, "counter")[0] == at[1] })
	load.more(t, 20) // at the slave
	if err := c.Signal(at[0], syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	load.more(t, 50)
	ops := load.end()
	if err := linearizable(ops, 0, 1); err != nil {
		t.Error(err)
	}
	if now := replicasOn(t, cl, "counter"); now[0] != at[1] {
		t.Errorf("the replicas are on %v; %s should be the master", now, at[1])
	}
}

// Writes run at the master and come to the slaves; reads run everywhere; when the master
// is killed, a slave that has the writes takes its place.
func TestLoadBalancedMasterSlave(t *testing.T) {
	c := start(t, cloudKernels[:3]...)
	run(t, c, "deploy", counter, "--dm", "LoadBalancedMasterSlave(replicas=3, lag=50ms)")
	cl := dial(t, c)
	at := replicasOn(t, cl, "counter")
	if len(at) != 3 {
		t.Fatalf("the replicas are on %v", at)
	}
	beside := through(t, c, at[1])
	for range 20 {
		invoke[int64](t, beside, "counter", "add", 1)
	}
	everywhere := func(n int64, reads int) func() bool {
		return func() bool {
			for range reads {
				if invoke[int64](t, beside, "counter", "get") != n {
					return false
				}
			}
			return true
		}
	}
	eventually(t, 10*time.Second, everywhere(20, 6))
	before := map[string]uint64{}
	for _, k := range at {
		before[k] = holds(t, cl, k, "counter").Calls
	}
	for range 30 {
		invoke[int64](t, beside, "counter", "get")
	}
	for _, k := range at {
		if n := holds(t, cl, k, "counter").Calls - before[k]; n < 5 {
			t.Errorf("%s carried out %d of 30 reads", k, n)
		}
	}
	kill(t, c, at[0])
	eventually(t, 15*time.Second, func() bool { return !slices.Contains(replicasOn(t, cl, "counter"), at[0]) })
	if n := invoke[int64](t, beside, "counter", "add", 1); n != 21 {
		t.Errorf("the next write was answered %d, want 21", n)
	}
	eventually(t, 10*time.Second, everywhere(21, 4))
}

// Under load there are more replicas, and fewer when it is over; no call fails for it.
func TestScaleUpFrontEnd(t *testing.T) {
	c := start(t, cloudKernels[:3]...)
	run(t, c, "deploy", guestbuild.Go(t, "../examples/primes"), "--dm", "AtLeastOnceRPC", "--dm", "ScaleUpFrontEnd(min=1, maxConcurrent=1, interval=500ms)")
	cl := dial(t, c)
	ctx, stop := context.WithCancel(t.Context())
	var load sync.WaitGroup
	for i := range 6 {
		through := through(t, c, []string{"k1", "k2", "k3"}[i%3])
		load.Go(func() {
			for ctx.Err() == nil {
				if _, err := client.Invoke[int64](t.Context(), through, "primes", "count", 60000); err != nil {
					t.Errorf("a call failed: %v", err)
					return
				}
			}
		})
	}
	size := func(n int) func() bool { return func() bool { return len(replicasOn(t, cl, "primes")) == n } }
	eventually(t, 30*time.Second, size(3))
	stop()
	load.Wait()
	eventually(t, 30*time.Second, size(1))
}

// An application moves itself to the cloud and back, and a microservice follows the
// device that calls it.
func TestOffloadAndFollow(t *testing.T) {
	c := start(t, "tier=device", "tier=device", "tier=cloud")
	run(t, c, "deploy", counter, "--dm", "ExplicitCodeOffloading", "--name", "goes")
	cl := dial(t, c)
	if at := where(t, cl, "goes"); at == "k3" {
		run(t, c, "migrate", "goes", "--to", "k1")
	}
	from := where(t, cl, "goes")
	invoke[int64](t, cl, "goes", "add", 7)
	run(t, c, "invoke", "goes", "--verb", "offload")
	runsOn(t, cl, "goes", "k3")
	run(t, c, "invoke", "goes", "--verb", "onload")
	runsOn(t, cl, "goes", from)
	want(t, c, "7", "invoke", "goes", "get")

	run(t, c, "deploy", counter, "--dm", "KeepOnDevice(stay=100ms)", "--name", "follows")
	var calls int64
	for _, k := range []string{"k2", "k1", "k2"} {
		device := through(t, c, k)
		eventually(t, 15*time.Second, func() bool {
			invoke[int64](t, device, "follows", "add", 1)
			calls++
			return where(t, cl, "follows") == k
		})
	}
	if n := invoke[int64](t, through(t, c, "k3"), "follows", "get"); n != calls {
		t.Errorf("it counted %d of %d calls", n, calls)
	}
	fails(t, c, 1, []string{"KeepOnDevice", "does not allow"}, "migrate", "follows", "--to", "k3")
}
