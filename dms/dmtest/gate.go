package dmtest

import (
	"context"
	"sync"
)

// A monitor guards what some wait for and others change.
type monitor struct {
	mu     sync.Mutex    // never held while waiting
	turned chan struct{} // closed and replaced at each change
}

func newMonitor() monitor { return monitor{turned: make(chan struct{})} }

// until waits until ok, called under the lock, says so, or returns ctx's error.
func (m *monitor) until(ctx context.Context, ok func() bool) error {
	for {
		m.mu.Lock()
		if ok() {
			close(m.turned)
			m.turned = make(chan struct{})
			m.mu.Unlock()
			return nil
		}
		turned := m.turned
		m.mu.Unlock()
		select {
		case <-turned:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// change calls f under the lock and lets those who wait look again.
func (m *monitor) change(f func()) {
	_ = m.until(context.Background(), func() bool { f(); return true })
}

// A gate lets activity in unless it is closed.
type gate struct {
	monitor
	inside int
	closed bool
}

func newGate() *gate { return &gate{monitor: newMonitor()} }

// enter waits until the gate is open and goes in. What is inside may wait for one that
// is nested, which passes a closed gate until that is quiet.
func (g *gate) enter(ctx context.Context, nested bool) error {
	return g.until(ctx, func() bool {
		if g.closed && !(nested && g.inside > 0) {
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
