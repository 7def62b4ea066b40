package caller

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// A gate lets the calls of one route in. Closed, it makes new ones wait; ended, it turns
// all away with one error. The zero gate is open. A call that enters an open one pays
// for two atomic additions.
//
// A nested call may be what a call inside waits for, here or at another kernel: its
// tree holds a guest. So those that wait are let in each time the gate is closed again,
// and who closes it tries until it finds all gates of the group quiet at once.
type gate struct {
	inside atomic.Int64
	closed atomic.Bool // changed under mu

	mu     sync.Mutex
	turned chan struct{}   // closed when the gate opens or ends; nil while it is open
	nested []chan struct{} // nested calls that wait
	empty  chan struct{}   // closed when the last one leaves; nil if no one waits for it
	end    error           // not nil once ended
}

// enter waits until the gate is open. It returns the gate's end, or ctx's.
func (g *gate) enter(ctx context.Context, nested bool) error {
	g.inside.Add(1)
	if !g.closed.Load() {
		return nil
	}
	g.leave()
	return g.wait(ctx, nested)
}

func (g *gate) wait(ctx context.Context, nested bool) error {
	for {
		g.mu.Lock()
		if g.end != nil {
			defer g.mu.Unlock()
			return g.end
		}
		if !g.closed.Load() {
			g.inside.Add(1)
			g.mu.Unlock()
			return nil
		}
		turned := g.turned
		var pass chan struct{}
		if nested {
			pass = make(chan struct{})
			g.nested = append(g.nested, pass)
		}
		g.mu.Unlock()
		select {
		case <-turned:
		case <-pass: // and counted by who let it pass
			return nil
		case <-ctx.Done():
			g.abandon(pass)
			return ctx.Err()
		}
	}
}

// abandon takes a nested call that waits no more out, or lets it leave if it has been
// let in meanwhile.
func (g *gate) abandon(pass chan struct{}) {
	g.mu.Lock()
	g.nested = slices.DeleteFunc(g.nested, func(p chan struct{}) bool { return p == pass })
	g.mu.Unlock()
	select {
	case <-pass:
		g.leave()
	default:
	}
}

// leave ends what enter let in.
func (g *gate) leave() {
	if g.inside.Add(-1) > 0 || !g.closed.Load() {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.empty != nil && g.inside.Load() == 0 {
		close(g.empty)
		g.empty = nil
	}
}

// close makes new calls wait.
func (g *gate) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shut()
}

func (g *gate) shut() {
	if !g.closed.Swap(true) {
		g.turned = make(chan struct{})
	}
}

// quiet closes the gate, lets nested calls that wait pass, and reports whether no call
// is inside any more, after d at most. The gate stays closed.
func (g *gate) quiet(ctx context.Context, d time.Duration) bool {
	g.mu.Lock()
	g.shut()
	g.inside.Add(int64(len(g.nested)))
	for _, pass := range g.nested {
		close(pass)
	}
	g.nested = nil
	if g.inside.Load() == 0 {
		g.mu.Unlock()
		return true
	}
	if g.empty == nil {
		g.empty = make(chan struct{})
	}
	empty := g.empty
	g.mu.Unlock()
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-empty:
		return true
	case <-t.C:
	case <-ctx.Done():
	}
	return false
}

// open lets those who wait in.
func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.end == nil && g.closed.Swap(false) {
		g.turn()
	}
}

// finish turns all away with err from now on: those who wait too.
func (g *gate) finish(err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.end != nil {
		return
	}
	g.end = err
	if g.closed.Swap(true) {
		g.turn()
	}
}

func (g *gate) turn() {
	close(g.turned)
	g.turned, g.nested = nil, nil
}

// ended reports whether the gate turns all away.
func (g *gate) ended() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.end != nil
}
