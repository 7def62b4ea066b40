package kernel

import (
	"context"
	"sync"
)

// A gate lets activity of one replica in: calls, messages and ticks. Closed, it
// makes new activity wait; quiet means closed with nothing inside. Ended, it
// turns all away with one error. The zero gate is open.
type gate struct {
	mu     sync.Mutex
	inside int
	opened chan struct{} // closed at the next change; nil while open
	empty  chan struct{} // closed when the last one leaves; nil if no one waits for it
	end    error         // not nil once ended
}

// enter waits until the gate is open. It returns the gate's end, or ctx's.
func (g *gate) enter(ctx context.Context) error {
	if err := g.lock(ctx); err != nil {
		return err
	}
	defer g.mu.Unlock()
	g.inside++
	return nil
}

// enterFor is enter for what the activity inside may be waiting for: it passes a gate
// that is closed until that is quiet.
func (g *gate) enterFor(ctx context.Context) error {
	g.mu.Lock()
	if g.end == nil && g.inside > 0 {
		g.inside++
		g.mu.Unlock()
		return nil
	}
	g.mu.Unlock()
	return g.enter(ctx)
}

// lock waits until the gate is open, and returns with mu held if there is no error.
func (g *gate) lock(ctx context.Context) error {
	for {
		g.mu.Lock()
		opened, end := g.opened, g.end
		if opened == nil && end == nil {
			return nil
		}
		g.mu.Unlock()
		if end != nil {
			return end
		}
		select {
		case <-opened:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// leave ends what enter let in.
func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.inside--
	if g.inside == 0 && g.empty != nil {
		close(g.empty)
		g.empty = nil
	}
}

// quiet closes the gate and returns when no one is inside. If ctx ends first,
// the gate is open again. Who closed a gate opens it: another waits until then.
func (g *gate) quiet(ctx context.Context) error {
	if err := g.lock(ctx); err != nil {
		return err
	}
	g.opened = make(chan struct{})
	if g.inside == 0 {
		g.mu.Unlock()
		return nil
	}
	empty := make(chan struct{})
	g.empty = empty
	g.mu.Unlock()
	select {
	case <-empty:
		return nil
	case <-ctx.Done():
		g.mu.Lock()
		g.empty = nil
		g.mu.Unlock()
		g.open()
		return ctx.Err()
	}
}

// open lets those who wait in.
func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.opened != nil {
		close(g.opened)
		g.opened = nil
	}
}

// finish turns all away with err from now on: those who wait too.
func (g *gate) finish(err error) {
	g.mu.Lock()
	g.end = err
	g.mu.Unlock()
	g.open()
}
