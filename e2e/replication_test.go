package e2e

import (
	"slices"
	"testing"
	"time"

	"amino.run/kernel/client"
)

// members returns the kernels of a microservice's replicas, sorted.
func members(t *testing.T, cl *client.Client, name string) (on []string) {
	t.Helper()
	g, err := cl.Lookup(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range g.Replicas {
		on = append(on, r.Node.ID)
	}
	slices.Sort(on)
	return on
}

// become waits until the replicas are on these kernels.
func become(t *testing.T, cl *client.Client, name string, on ...string) {
	t.Helper()
	var got []string
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if got = members(t, cl, name); slices.Equal(got, on) {
			return
		}
	}
	t.Errorf("%s has replicas on %v; want %v", name, got, on)
}

// A replica is in each region, and no two in one; a region that is lost gets another
// kernel's.
func TestConsensusAcrossRegions(t *testing.T) {
	c := startWith(t, false, "region=eu", "region=us", "region=ap", "region=us")
	fails(t, c, 1, []string{"5 replicas need a region each", "allows 3 (ap, eu, us)", "replicas=3"},
		"deploy", counter, "--dm", "ConsensusRSM-Geo(replicas=5)")
	run(t, c, "deploy", counter, "--dm", "ConsensusRSM-Geo")
	cl := through(t, c, "k1")
	on := members(t, cl, "counter")
	lost, other := "k2", "k4"
	if !slices.Contains(on, lost) {
		lost, other = other, lost
	}
	if want := []string{"k1", lost, "k3"}; !slices.Equal(on, slices.Sorted(slices.Values(want))) {
		t.Fatalf("replicas on %v", on)
	}
	fails(t, c, 1, []string{"ConsensusRSM-Geo", "does not allow"}, "migrate", "counter", "--to", other)
	l := addTo(t, "counter", "add", cl, through(t, c, "k3"))
	l.more(t, 50)
	kill(t, c, lost)
	become(t, cl, "counter", slices.Sorted(slices.Values([]string{"k1", other, "k3"}))...)
	l.more(t, 50)
	if err := linearizable(l.end(), 0, 1); err != nil {
		t.Error(err)
	}
}

// The devices that call become replicas; other kernels call them.
func TestConsensusOnDevices(t *testing.T) {
	c := startWith(t, false, "tier=device", "tier=device", "tier=device", "tier=cloud")
	run(t, c, "deploy", counter, "--dm", "ConsensusRSM-P2P")
	var all []*client.Client
	for _, k := range []string{"k1", "k2", "k3", "k4"} {
		cl := through(t, c, k)
		invoke[int64](t, cl, "counter", "add", 0)
		all = append(all, cl)
	}
	become(t, all[3], "counter", "k1", "k2", "k3")
	l := addTo(t, "counter", "add", all...)
	l.more(t, 50)
	if err := linearizable(l.end(), 0, 1); err != nil {
		t.Error(err)
	}
}
