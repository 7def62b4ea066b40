package kernel

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"amino.run/internal/api"
)

// How round trips are measured. In a cluster of n other kernels each is measured once in
// n/pingsAtOnce times pingEvery, so a large cluster costs a kernel no more than a small one.
const (
	pingEvery   = time.Second
	pingsAtOnce = 16
	pingTimeout = 2 * time.Second
	pingWindow  = 5 // samples of which the median counts: one slow turn of a busy kernel is no slow link
)

// A meter knows the round trips to other kernels. It may be used by many goroutines at
// once.
type meter struct {
	mu    sync.Mutex
	last  map[string][]time.Duration // by node, the oldest first
	fresh map[string]time.Duration   // medians not taken yet; less than zero: no answer
}

func newMeter() *meter {
	return &meter{last: map[string][]time.Duration{}, fresh: map[string]time.Duration{}}
}

// note adds a sample; less than zero is a ping that was not answered.
func (m *meter) note(node string, d time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if d < 0 {
		delete(m.last, node)
		m.fresh[node] = d
		return
	}
	all := append(m.last[node], d)
	all = all[max(0, len(all)-pingWindow):]
	m.last[node] = all
	m.fresh[node] = slices.Sorted(slices.Values(all))[len(all)/2]
}

// take returns what was measured since it was last called.
func (m *meter) take() map[string]time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	fresh := m.fresh
	m.fresh = map[string]time.Duration{}
	return fresh
}

// measure pings the live kernels in turn until the kernel ends.
func (k *Kernel) measure() {
	every := time.NewTicker(pingEvery)
	defer every.Stop()
	for at := ""; ; {
		select {
		case <-every.C:
		case <-k.ctx.Done():
			return
		}
		var pings sync.WaitGroup
		for _, n := range k.nextPeers(at) {
			at = n.ID
			pings.Go(func() { k.rtts.note(n.ID, k.ping(n)) })
		}
		pings.Wait()
	}
}

// nextPeers returns the live kernels that come after a node, by ID and all around.
func (k *Kernel) nextPeers(after string) []api.Node {
	nodes := *k.nodes.Load()
	ids := slices.DeleteFunc(slices.Sorted(maps.Keys(nodes)), func(id string) bool { return id == k.node.ID })
	i, found := slices.BinarySearch(ids, after)
	if found {
		i++
	}
	ids = slices.Concat(ids[i:], ids[:i])
	peers := make([]api.Node, 0, pingsAtOnce)
	for _, id := range ids[:min(len(ids), pingsAtOnce)] {
		peers = append(peers, nodes[id])
	}
	return peers
}

// ping returns how long a kernel takes to answer; less than zero if it does not.
func (k *Kernel) ping(to api.Node) time.Duration {
	ctx, cancel := context.WithTimeout(k.ctx, pingTimeout)
	defer cancel()
	if _, err := k.peers.Get(ctx, to.Addr); err != nil { // dialling is no round trip
		return -1
	}
	start := time.Now()
	if _, err := remote[api.None](ctx, k, to, api.KernelPing, api.None{}); err != nil {
		return -1
	}
	return time.Since(start)
}
