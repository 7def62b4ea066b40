package kernel

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"amino.run/internal/api"
)

// What counts is the median of the last samples, and each is reported once.
func TestMeter(t *testing.T) {
	m := newMeter()
	for _, c := range []struct{ sample, want time.Duration }{
		{10, 10}, {50, 50}, {10, 10}, {10, 10}, {900, 10}, // one slow turn is no slow link
		{900, 50}, {900, 900}, // a slow link is
		{-1, -1}, {20, 20}, // after a silence what was before counts no more
	} {
		m.note("k2", c.sample)
		if got := m.take(); got["k2"] != c.want || len(got) != 1 {
			t.Errorf("after %d: %v, want %d", c.sample, got, c.want)
		}
	}
	if again := m.take(); len(again) != 0 {
		t.Errorf("reported twice: %v", again)
	}
}

// However many kernels there are, few are measured at once, and each in its turn.
func TestEachPeerHasItsTurn(t *testing.T) {
	k := &Kernel{node: api.Node{ID: "k07"}}
	nodes := map[string]api.Node{}
	for i := range 40 {
		id := fmt.Sprintf("k%02d", i)
		nodes[id] = api.Node{ID: id}
	}
	k.nodes.Store(&nodes)
	seen, at := map[string]int{}, ""
	for range 39 {
		peers := k.nextPeers(at)
		if len(peers) != pingsAtOnce {
			t.Fatalf("%d peers at once", len(peers))
		}
		for _, n := range peers {
			seen[n.ID]++
			at = n.ID
		}
	}
	for id := range nodes {
		if want := pingsAtOnce; id != "k07" && seen[id] != want || id == "k07" && seen[id] != 0 {
			t.Errorf("%s was measured %d times", id, seen[id])
		}
	}
	nodes = map[string]api.Node{"k07": {ID: "k07"}, "k08": {ID: "k08"}}
	if peers := k.nextPeers("k99"); len(peers) != 1 || peers[0].ID != "k08" {
		t.Errorf("of two kernels: %v", peers)
	}
}

// A kernel measures the live kernels and tells the OMS when it renews its lease; of
// one that does not answer it says so.
func TestRoundTripsAreReported(t *testing.T) {
	c := newCluster(t, 0)
	c.ttl = 300 * time.Millisecond
	k1, k2 := c.start("k1", ""), c.start("k2", "")
	gone := api.Node{ID: "k3", Addr: "127.0.0.1:1"}
	k1.learnNodes([]api.Node{k1.node, k2.node, gone})
	eventually(t, "k1 reports both", func() (ok bool) {
		c.do(func() { ok = c.rtt["k1"]["k2"] > 0 && c.rtt["k1"]["k3"] < 0 })
		return ok
	})
	c.do(func() {
		if peers := slices.Sorted(maps.Keys(c.rtt["k1"])); !slices.Equal(peers, []string{"k2", "k3"}) {
			t.Errorf("it measured %v", peers)
		}
	})
}
