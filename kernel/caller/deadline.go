package caller

import (
	"context"
	"sync"
	"time"
)

// A Timeout is a context that ends at a time, or at Cancel. It starts a timer only
// when someone waits for its end: a guest's deadline is watched by its engine, so
// calls that stay on a node never do.
type Timeout struct {
	context.Context
	at time.Time

	mu     sync.Mutex
	done   chan struct{} // made by Done
	timer  *time.Timer
	parent func() bool // stops listening to the parent
	err    error       // not nil once ended
}

// WithTimeout returns a context that ends d from now, at Cancel, or with parent.
func WithTimeout(parent context.Context, d time.Duration) *Timeout {
	return &Timeout{Context: parent, at: time.Now().Add(d)}
}

// Deadline implements context.Context.
func (c *Timeout) Deadline() (time.Time, bool) { return c.at, true }

// Bound returns the context that this one was made from, and when this one ends at the
// latest. Who waits for both needs no timer of ours.
func (c *Timeout) Bound() (context.Context, time.Time) { return c.Context, c.at }

// Done implements context.Context.
func (c *Timeout) Done() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.done != nil {
		return c.done
	}
	c.done = make(chan struct{})
	if c.err != nil {
		close(c.done)
		return c.done
	}
	c.timer = time.AfterFunc(time.Until(c.at), func() { c.end(context.DeadlineExceeded) })
	if c.Context.Done() != nil {
		c.parent = context.AfterFunc(c.Context, func() { c.end(c.Context.Err()) })
	}
	return c.done
}

// Err implements context.Context.
func (c *Timeout) Err() error {
	c.mu.Lock()
	err := c.err
	c.mu.Unlock()
	if err == nil {
		err = c.Context.Err()
	}
	if err == nil && !time.Now().Before(c.at) {
		err = context.DeadlineExceeded
	}
	return err
}

// Cancel ends the context now. It is called when the context is not needed any
// more, and may be called twice.
func (c *Timeout) Cancel() { c.end(context.Canceled) }

// end ends the context for a reason, unless it has ended before.
func (c *Timeout) end(why error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return
	}
	c.err = why
	if c.done == nil {
		return
	}
	close(c.done)
	c.timer.Stop()
	if c.parent != nil {
		c.parent()
	}
}
