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
	at    time.Time
	mu    sync.Mutex
	timed context.Context // started by Done
	stop  context.CancelFunc
	over  bool // canceled
}

func (c *lazyDeadline) Deadline() (time.Time, bool) { return c.at, true }

func (c *lazyDeadline) Done() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.timed == nil {
		c.timed, c.stop = context.WithDeadline(c.Context, c.at)
		if c.over {
			c.stop()
		}
	}
	return c.timed.Done()
}

func (c *lazyDeadline) Err() error {
	if err := c.Context.Err(); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over {
		return context.Canceled
	}
	if !time.Now().Before(c.at) {
		return context.DeadlineExceeded
	}
	return nil
}

func (c *lazyDeadline) cancel() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.over = true
	if c.stop != nil {
		c.stop()
	}
}
