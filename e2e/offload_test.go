package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"amino.run/e2e/cluster"
	"amino.run/internal/guestbuild"
)

// TestCodeOffloading has a slow phone and a cloud node do the same work: it is done in
// the cloud while the link is fast, on the phone while it is slow or gone, and each piece
// once.
func TestCodeOffloading(t *testing.T) {
	n := newNetwork(t, "oms", "phone", "cloud", "client")
	link := n.wire("phone")
	c := newCluster(t)
	c.In = n.in
	if err := c.StartOMS("--lease", "6s"); err != nil {
		t.Fatal(err)
	}
	if err := c.StartKernel("phone", "--labels", "tier=device"); err != nil {
		t.Fatal(err)
	}
	primes := guestbuild.Go(t, "../examples/primes")
	eventually(t, 10*time.Second, func() bool { return kernels(t, c)["phone"] })
	run(t, c, "deploy", primes, "--name", "stays")
	run(t, c, "deploy", primes, "--name", "goes", "--dm", "CodeOffloading(probe=5)")
	if err := c.StartKernel("cloud", "--labels", "tier=cloud"); err != nil {
		t.Fatal(err)
	}
	eventually(t, 20*time.Second, func() bool { return slices.Equal(list(t, c)["goes"].Kernels, []string{"phone", "cloud"}) })
	slowDown(t, c, "phone")

	const work = "250000" // some 30 ms for a whole processor
	stays := startCaller(t, n, c, "phone", "stays", "work", work, "0s")
	stays.more(t, 10)
	alone := median(stays.end(t)[3:])
	goes := startCaller(t, n, c, "phone", "goes", "work", work, "0s")
	// settles waits until calls take as long as they should, and the CPU of a node does
	// the work.
	settles := func(when, where string, ok func(each time.Duration) bool) {
		t.Helper()
		var each time.Duration
		for end := time.Now().Add(40 * time.Second); ; {
			before, phone, cloud := len(goes.ops), cpu(t, c, "phone"), cpu(t, c, "cloud")
			goes.more(t, 8)
			each = median(goes.ops[before:])
			phone, cloud = cpu(t, c, "phone")-phone, cpu(t, c, "cloud")-cloud
			if did := map[bool]string{true: "phone", false: "cloud"}[phone > cloud]; did == where && ok(each) {
				t.Logf("%s: %v for a call; alone it takes the phone %v; CPU: phone %v, cloud %v", when, each, alone, phone, cloud)
				return
			}
			if time.Now().After(end) {
				t.Fatalf("%s, a call takes %v, where alone it takes the phone %v; CPU: phone %v, cloud %v; it should run on %s", when, each, alone, phone, cloud, where)
			}
		}
	}
	wins := func(each time.Duration) bool { return each < alone*2/3 }
	noWorse := func(each time.Duration) bool { return each < alone*3/2 }

	settles("on a fast link", "cloud", wins)
	link.set(alone) // so a round trip takes twice as long as the work
	settles("on a slow link", "phone", noWorse)
	link.set(0)
	settles("on a fast link again", "cloud", wins)
	heal := n.cut("phone", "cloud")
	settles("without a link", "phone", noWorse)
	heal()
	settles("with the link back", "cloud", wins)

	ops := goes.end(t)
	if errs := failed(ops); len(errs) > 0 {
		t.Errorf("%d of %d calls failed: %v", len(errs), len(ops), errs[0])
	}
	if err := linearizable(ops, 0, 1); err != nil {
		t.Error(err)
	}
	t.Logf("%d calls", len(ops))
}

// slowDown lets a process run for a small part of the time, until the test ends: what it
// does takes several times as long, as on a slow processor.
func slowDown(t *testing.T, c *cluster.Cluster, id string) {
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			c.Signal(id, syscall.SIGSTOP)
			time.Sleep(15 * time.Millisecond)
			c.Signal(id, syscall.SIGCONT)
			select {
			case <-time.After(time.Millisecond):
			case <-done:
				return
			}
		}
	}()
	t.Cleanup(func() { close(done); <-ended })
}

// cpu returns how long a process has used a processor.
func cpu(t *testing.T, c *cluster.Cluster, id string) time.Duration {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", c.PID(id)))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(b), ") ")
	fields := strings.Fields(rest)
	var ticks int
	for _, f := range fields[11:13] { // utime and stime, in hundredths of a second; proc(5)
		k, err := strconv.Atoi(f)
		if err != nil {
			t.Fatal(err)
		}
		ticks += k
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}

// median returns how long a call took.
func median(ops []op) time.Duration {
	var all []time.Duration
	for _, x := range ops {
		all = append(all, x.end.Sub(x.start))
	}
	slices.Sort(all)
	return all[len(all)/2]
}

// cut lets nothing pass between two hosts. Both reach all others.
func (n *network) cut(a, b string) (heal func()) {
	route := func(what, from, to string) {
		n.ip("-n", n.name+from, "route", what, "blackhole", n.addr(to)+"/32")
	}
	route("add", a, b)
	route("add", b, a)
	return func() { route("del", a, b); route("del", b, a) }
}

// TestDynamicMigration has callers at two nodes that are far from each other: as long as
// they call equally often it stays, and it follows one that calls most, once.
func TestDynamicMigration(t *testing.T) {
	n := newNetwork(t, "oms", "k1", "k2", "client")
	c := newCluster(t)
	c.In = n.in
	if err := c.StartOMS("--lease", lease); err != nil {
		t.Fatal(err)
	}
	for i, k := range []string{"k1", "k2"} {
		n.wire(k).set(10 * time.Millisecond)
		if err := c.StartKernel(k, "--labels", three[i]); err != nil {
			t.Fatal(err)
		}
	}
	// A round trip passes both wires, there and back.
	eventually(t, 20*time.Second, func() bool { return measured(t, c, "k1", "k2") >= 40*time.Millisecond })
	run(t, c, "deploy", counter, "--dm", "DynamicMigration(window=1s)", "--timeout", "5s")
	at, other := list(t, c)["counter"].Kernels[0], "k1"
	if at == other {
		other = "k2"
	}
	call := func(kernel string) *adder { return startCaller(t, n, c, kernel, "counter", "add", "1", "20ms") }
	here, there := call(at), call(other)
	stays := func(kernel string, moves int) {
		t.Helper()
		for range 5 {
			here.more(t, 25)
			if k, m := placed(t, c, "counter"); k != kernel || m != moves {
				t.Errorf("it is on %s after %d moves, and should be on %s after %d", k, m, kernel, moves)
			}
		}
	}
	stays(at, 0)
	var more []*adder
	for range 5 {
		more = append(more, call(other))
	}
	eventually(t, 30*time.Second, func() bool { k, _ := placed(t, c, "counter"); return k == other })
	for _, a := range more {
		a.more(t, 25)
	}
	stays(other, 1)
	var ops []op
	for i, a := range append(more, here, there) {
		for _, x := range a.end(t) {
			x.caller = i
			ops = append(ops, x)
		}
	}
	if errs := failed(ops); len(errs) > 0 {
		t.Errorf("%d of %d calls failed: %v", len(errs), len(ops), errs[0])
	}
	if err := linearizable(ops, 0, 1); err != nil {
		t.Error(err)
	}
}

// measured returns the round trip between two kernels as `aminorun ls kernels` shows it,
// 0 if it is not known.
func measured(t *testing.T, c *cluster.Cluster, from, to string) time.Duration {
	t.Helper()
	var all []struct {
		ID  string
		RTT map[string]string
	}
	if err := json.Unmarshal([]byte(run(t, c, "ls", "kernels", "--output", "json")), &all); err != nil {
		t.Fatal(err)
	}
	for _, k := range all {
		if d, err := time.ParseDuration(k.RTT[to]); k.ID == from && err == nil {
			return d
		}
	}
	return 0
}

// placed returns where a microservice's primary is, and how often it was moved.
func placed(t *testing.T, c *cluster.Cluster, name string) (kernel string, moves int) {
	t.Helper()
	var v struct {
		Replicas []struct {
			Kernel string
			Epoch  int
		}
	}
	if err := json.Unmarshal([]byte(run(t, c, "describe", name, "--output", "json")), &v); err != nil {
		t.Fatal(err)
	}
	return v.Replicas[0].Kernel, v.Replicas[0].Epoch - 1
}
