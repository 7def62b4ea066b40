package e2e

import (
	"fmt"
	"math/bits"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"amino.run/abi"
	"amino.run/e2e/cluster"
	"amino.run/kernel/client"
)

// shards returns the kernels of each shard of a microservice, those that live.
func shards(t *testing.T, cl *client.Client, name string) (all [][]string) {
	t.Helper()
	g, err := cl.Lookup(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range g.Shards {
		var on []string
		for _, r := range s.Replicas {
			if !r.Lost {
				on = append(on, r.Node.ID)
			}
		}
		all = append(all, on)
	}
	return all
}

// A shard's number is an amount by which adding to the conformance guest's counter reaches
// that shard, and no other number does: each has a counter of its own.
type number struct {
	by   int64 // a power of two
	from int64 // what the counter is
}

// numbers finds one number for each shard of a microservice: it adds powers of two, and
// the answers say which came together.
func numbers(t *testing.T, cl *client.Client, name string, shards int) []number {
	t.Helper()
	sums := map[int64]int64{} // by the greatest that went into it
	for i := range 12 {
		by := int64(1) << i
		sum := invoke[int64](t, cl, name, "count", by)
		if rest := sum - by; rest > 0 {
			delete(sums, int64(1)<<(bits.Len64(uint64(rest))-1))
		}
		sums[by] = sum
	}
	if len(sums) != shards {
		t.Fatalf("12 keys are in %d shards, want %d", len(sums), shards)
	}
	var all []number
	for by, sum := range sums {
		all = append(all, number{by, sum})
	}
	slices.SortFunc(all, func(a, b number) int { return int(a.by - b.by) })
	return all
}

// A shardLoad is a load on each shard of a microservice.
type shardLoad struct {
	numbers []number
	loads   []*load
}

func addToShards(t *testing.T, numbers []number, name string, clients ...*client.Client) *shardLoad {
	l := &shardLoad{numbers: numbers}
	for _, n := range numbers {
		l.loads = append(l.loads, addBy(t, name, "count", n.by, clients...))
	}
	return l
}

// more waits until each shard has answered n more calls.
func (l *shardLoad) more(t *testing.T, n int64) {
	t.Helper()
	var wg sync.WaitGroup
	for _, x := range l.loads {
		wg.Go(func() { x.more(t, n) })
	}
	wg.Wait()
}

// check ends the load and checks that each shard's counter is one that was added to once
// for each call.
func (l *shardLoad) check(t *testing.T) (errs []error) {
	t.Helper()
	for i, n := range l.numbers {
		ops := l.loads[i].end()
		for j := range ops {
			if x := ops[j].value - n.from; ops[j].err == nil && x%n.by != 0 {
				t.Errorf("shard %d was answered %d, which is not %d and times %d", i, ops[j].value, n.from, n.by)
			}
			ops[j].value = (ops[j].value - n.from) / n.by
		}
		if err := linearizable(ops, 0, 1); err != nil {
			t.Errorf("shard %d: %v", i, err)
		}
		errs = append(errs, failed(ops)...)
		t.Logf("shard %d: %d calls, %d of them failed", i, len(ops), len(failed(ops)))
	}
	return errs
}

// Three shards of three replicas on four kernels, as many as placement allows: keys are
// written and read from all of them while a replica of a shard moves, the OMS is killed,
// a kernel is killed and comes back, and all are. Nothing is lost or runs twice.
func TestShardsOfConsensus(t *testing.T) {
	c := startWith(t, false, "region=eu", "region=eu", "region=eu", "region=eu")
	run(t, c, "deploy", conformance, "--name", "kv", "--args", `["x"]`, "--dm", "DHT(shards=3)", "--dm", "ConsensusRSM-Cluster(replicas=3)")
	cl := through(t, c, "k4")
	for i, on := range shards(t, cl, "kv") {
		if slices.Sort(on); len(slices.Compact(on)) != 3 {
			t.Errorf("shard %d is on %v", i, on)
		}
	}
	if got := list(t, c)["kv"]; got.State != "serving" || len(got.Kernels) != 4 {
		t.Errorf("aminorun ls shows %+v", got)
	}
	for i := range 20 {
		invoke[uint32](t, through(t, c, fmt.Sprintf("k%d", i%4+1)), "kv", "put", fmt.Sprint("key", i), fmt.Sprint(i))
	}

	l := addToShards(t, numbers(t, cl, "kv", 3), "kv", through(t, c, "k1"), through(t, c, "k3"), cl)
	l.more(t, 20)
	moveReplicas(t, c, cl, l)
	kill(t, c, "oms")
	l.more(t, 20) // kernels need it only for what they do not know
	again(t, c, "oms")
	cl = through(t, c, "k4")
	began := time.Now()
	kill(t, c, "k2")
	l.more(t, 20)
	t.Logf("without k2 all shards answer after %v", time.Since(began))
	eventually(t, 30*time.Second, func() bool { // each shard that had a replica there gets another
		return !slices.ContainsFunc(shards(t, cl, "kv"), func(on []string) bool { return len(on) != 3 || slices.Contains(on, "k2") })
	})
	again(t, c, "k2")
	l.more(t, 20)
	kill(t, c, "oms", "k1", "k2", "k3", "k4")
	again(t, c, "oms", "k1", "k2", "k3", "k4")
	l.more(t, 20)
	cl = through(t, c, "k4")
	for _, err := range l.check(t) {
		if code := abi.CodeOf(err); code != abi.Unavailable && code != abi.NotLeader {
			t.Errorf("a call failed with %v: %v", code, err)
		}
	}
	for i := range 20 {
		if got := invoke[string](t, cl, "kv", "get", fmt.Sprint("key", i)); got != fmt.Sprint(i) {
			t.Errorf("key%d is %q", i, got)
		}
	}
	fails(t, c, 1, []string{"in 3 shards", "take one of each"}, "snapshot", "kv", "-o", c.Dir+"/kv.snapshot")
	run(t, c, "snapshot", "kv/0", "-o", c.Dir+"/kv-0.snapshot") // and one of it is a microservice without the others
	run(t, c, "restore", c.Dir+"/kv-0.snapshot", "--name", "kv-0")
	if g, err := cl.Lookup(t.Context(), "kv-0"); err != nil || !slices.Equal(g.Spec.DMs, []string{"ConsensusRSM-Cluster(replicas=3)"}) || len(g.Replicas) != 3 {
		t.Errorf("a shard is restored as %v on %v, %v", g.Spec.DMs, g.Replicas, err)
	}
	keys := invoke[[]string](t, cl, "kv-0", "keys")
	if len(keys) == 0 || len(keys) == 20 {
		t.Errorf("of 20 keys one shard has %d", len(keys))
	}
	for _, key := range keys {
		if got := invoke[string](t, cl, "kv-0", "get", key); "key"+got != key {
			t.Errorf("%s is %q in the restored shard", key, got)
		}
	}
	run(t, c, "delete", "kv")
	for i := range 4 {
		k := fmt.Sprintf("k%d", i+1)
		eventually(t, 10*time.Second, func() bool { return holds(t, cl, k, "kv") == nil })
	}
}

// moveReplicas moves the first replica of each shard to a kernel that has none of it.
func moveReplicas(t *testing.T, c *cluster.Cluster, cl *client.Client, l *shardLoad) {
	t.Helper()
	for i, on := range shards(t, cl, "kv") {
		to := slices.IndexFunc([]string{"k1", "k2", "k3", "k4"}, func(k string) bool { return !slices.Contains(on, k) })
		run(t, c, "migrate", fmt.Sprintf("kv/%d", i), "--to", fmt.Sprintf("k%d", to+1))
		l.more(t, 5)
	}
}

// Three shards of two replicas each: a key is always at one shard, whose replicas take
// turns; a kernel that is killed is replaced in each shard by itself.
func TestShardsOfFrontEnds(t *testing.T) {
	c := start(t, three...)
	fails(t, c, 1, []string{"DHT must come before LoadBalancedFrontEnd", "write [DHT, LoadBalancedFrontEnd]"},
		"deploy", conformance, "--name", "kv", "--args", `["x"]`, "--dm", "LoadBalancedFrontEnd", "--dm", "DHT")
	fails(t, c, 1, []string{"9 replicas need a node each", "placement allows 3"}, // and nothing of it is left
		"deploy", conformance, "--name", "kv", "--args", `["x"]`, "--dm", "DHT", "--dm", "LoadBalancedFrontEnd(replicas=9)")
	run(t, c, "deploy", conformance, "--name", "kv", "--args", `["x"]`, "--dm", "DHT(shards=3)", "--dm", "LoadBalancedFrontEnd(replicas=2)")
	cl := through(t, c, "k3")
	for i, on := range shards(t, cl, "kv") {
		if len(on) != 2 || on[0] == on[1] {
			t.Errorf("shard %d is on %v", i, on)
		}
	}
	at := map[int64]int{} // how often an answer came
	for _, by := range []int64{1, 1, 1, 1} {
		at[invoke[int64](t, cl, "kv", "count", by)]++
	}
	if at[1] != 2 || at[2] != 2 {
		t.Errorf("of 4 calls to the two replicas of a shard the answers were %v", at)
	}
	kill(t, c, "k2")
	eventually(t, 20*time.Second, func() bool {
		return !slices.ContainsFunc(shards(t, cl, "kv"), func(on []string) bool { return len(on) != 2 || slices.Contains(on, "k2") })
	})
	for i := range 12 { // readonly ones never fail, others neither once replicas are back
		invoke[uint32](t, cl, "kv", "put", fmt.Sprint(i), "x")
	}
	fails(t, c, 1, []string{"kv is in 3 shards", "stays"}, "dm", "set", "kv", "KeepInCloud")
	fails(t, c, 1, []string{"kv is in 3 shards", "such as m"}, "migrate", "kv", "--to", "k1")
	out := run(t, c, "describe", "kv")
	for _, want := range []string{"shard:", "2 of 2 replicas", "/0/", "/2/"} {
		if !strings.Contains(out, want) {
			t.Errorf("describe does not say %q:\n%s", want, out)
		}
	}
}
