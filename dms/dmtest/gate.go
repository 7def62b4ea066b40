package dmtest

import (
	"context"
	"sync"
)

// A gate lets activity in unless it is closed.
type gate struct {
	mu     sync.Mutex // never held while waiting
	inside int
	closed bool
	turned chan struct{} // closed and replaced at each change
}

func newGate() *gate { return &gate{turned: make(chan struct{})} }

// until waits until ok, called under the lock, says so, or returns ctx's error.
func (g *gate) until(ctx context.Context, ok func() bool) error {
	for {
		g.mu.Lock()
		if ok() {
			close(g.turned)
			g.turned = make(chan struct{})
			g.mu.Unlock()
			return nil
		}
		turned := g.turned
		g.mu.Unlock()
		select {
		case <-turned:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (g *gate) change(f func()) {
	_ = g.until(context.Background(), func() bool { f(); return true })
}

// enter waits until the gate is open and goes in.
func (g *gate) enter(ctx context.Context) error {
	return g.until(ctx, func() bool {
		if g.closed {
			return false
		}
		g.inside++
		return true
	})
}

func (g *gate) leave() { g.change(func() { g.inside-- }) }

// quiet closes the gate and returns when no one is inside.
func (g *gate) quiet(ctx context.Context) (open func(), err error) {
	err = g.until(ctx, func() bool {
		was := g.closed
		g.closed = true
		return !was
	})
	if err != nil {
		return nil, err
	}
	open = func() { g.change(func() { g.closed = false }) }
	if err := g.until(ctx, func() bool { return g.inside == 0 }); err != nil {
		open()
		return nil, err
	}
	return open, nil
}
