package caller

import (
	"context"
	"sync"
	"time"
)

// WithTimeout returns a context that ends d from now, or at cancel. It starts a
// timer only when someone waits for its end: a guest's deadline is watched by its
// engine, so most calls never do.
func WithTimeout(parent context.Context, d time.Duration) (ctx context.Context, cancel func()) {
	c := &lazyDeadline{Context: parent, at: time.Now().Add(d)}
	return c, c.cancel
}

type lazyDeadline struct {
	context.Context
	at time.Time

	mu     sync.Mutex
	done   chan struct{} // made by Done
	timer  *time.Timer
	parent func() bool // stops listening to the parent
	err    error       // not nil once ended
}

func (c *lazyDeadline) Deadline() (time.Time, bool) { return c.at, true }

func (c *lazyDeadline) Done() <-chan struct{} {
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

func (c *lazyDeadline) Err() error {
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

func (c *lazyDeadline) cancel() { c.end(context.Canceled) }

// end ends the context for a reason, unless it has ended before.
func (c *lazyDeadline) end(why error) {
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
