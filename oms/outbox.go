package oms

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"amino.run/internal/api"
)

// An outbox tells one kernel what changed, in the background. A kernel that is slow
// is told of a group once, as it is by then.
type outbox struct {
	k    Kernel
	live func() []api.Node
	wake chan struct{}

	mu     sync.Mutex
	groups map[string]api.Group
	nodes  bool // have changed
}

// newOutbox returns an outbox for k. The nodes it tells of are those that live returns
// when it does.
func newOutbox(k Kernel, live func() []api.Node) *outbox {
	return &outbox{k: k, live: live, wake: make(chan struct{}, 1), groups: map[string]api.Group{}}
}

// put adds what changed.
func (b *outbox) put(groups []api.Group, nodes bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, g := range groups {
		if old, ok := b.groups[g.ID]; !ok || old.Revision <= g.Revision {
			b.groups[g.ID] = g
		}
	}
	b.nodes = b.nodes || nodes
	b.ready()
}

func (b *outbox) ready() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// take returns what was put, as it is now.
func (b *outbox) take() (c api.Changed) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, id := range slices.Sorted(maps.Keys(b.groups)) {
		c.Groups = append(c.Groups, b.groups[id])
	}
	if b.nodes {
		c.Nodes = b.live()
	}
	b.nodes = false
	clear(b.groups)
	return c
}

// run sends what is put until the stream or ctx is over.
func (b *outbox) run(ctx context.Context) {
	for {
		select {
		case <-b.wake:
		case <-b.k.Done():
			return
		case <-ctx.Done():
			return
		}
		c := b.take()
		if _, err := ask[api.None](ctx, b.k, shortCall, api.KernelChanged, c); err != nil {
			b.put(c.Groups, c.Nodes != nil)
			select {
			case <-time.After(time.Second):
			case <-b.k.Done():
			case <-ctx.Done():
			}
		}
	}
}
