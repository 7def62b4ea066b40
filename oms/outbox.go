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
	wake chan struct{}

	mu     sync.Mutex
	groups map[string]api.Group
	nodes  []api.Node
}

func newOutbox(k Kernel) *outbox {
	return &outbox{k: k, wake: make(chan struct{}, 1), groups: map[string]api.Group{}}
}

// put adds what changed. Nil nodes have not changed.
func (b *outbox) put(groups []api.Group, nodes []api.Node) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, g := range groups {
		if old, ok := b.groups[g.ID]; !ok || old.Revision <= g.Revision {
			b.groups[g.ID] = g
		}
	}
	if nodes != nil {
		b.nodes = nodes
	}
	b.ready()
}

// putBack puts what could not be sent under what was put since.
func (b *outbox) putBack(c api.Changed) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, g := range c.Groups {
		if _, newer := b.groups[g.ID]; !newer {
			b.groups[g.ID] = g
		}
	}
	if b.nodes == nil {
		b.nodes = c.Nodes
	}
	b.ready()
}

func (b *outbox) ready() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

func (b *outbox) take() api.Changed {
	b.mu.Lock()
	defer b.mu.Unlock()
	c := api.Changed{Nodes: b.nodes}
	for _, id := range slices.Sorted(maps.Keys(b.groups)) {
		c.Groups = append(c.Groups, b.groups[id])
	}
	b.nodes = nil
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
			b.putBack(c)
			select {
			case <-time.After(time.Second):
			case <-b.k.Done():
			case <-ctx.Done():
			}
		}
	}
}
