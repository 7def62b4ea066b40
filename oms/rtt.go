package oms

import (
	"maps"
	"sync"
	"time"

	"amino.run/dms"
)

// rtts are the round trips between nodes, as the kernels last measured them. What is
// not known is not there. It may be used by many goroutines at once.
type rtts struct {
	mu sync.RWMutex
	by map[string]map[string]time.Duration // by the node that measured, by its peer
}

func newRTTs() *rtts { return &rtts{by: map[string]map[string]time.Duration{}} }

// report notes what a node has measured; less than zero is a peer that did not answer.
func (r *rtts) report(node string, measured map[string]time.Duration) {
	if len(measured) == 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.by[node] == nil {
		r.by[node] = map[string]time.Duration{}
	}
	for peer, d := range measured {
		if d < 0 {
			delete(r.by[node], peer)
		} else {
			r.by[node][peer] = d
		}
	}
}

// forget drops what is known of a node that failed.
func (r *rtts) forget(node string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.by, node)
	for _, measured := range r.by {
		delete(measured, node)
	}
}

// between returns the round trip between two nodes, measured by either.
func (r *rtts) between(a, b string) time.Duration {
	if a == b {
		return 0
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	if d, ok := r.by[a][b]; ok {
		return d
	}
	if d, ok := r.by[b][a]; ok {
		return d
	}
	return dms.Unmeasured
}

// from returns what a node has measured.
func (r *rtts) from(node string) map[string]time.Duration {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return maps.Clone(r.by[node])
}
