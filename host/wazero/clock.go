package wazero

import (
	"sync/atomic"
	"time"
)

// A clock is a guest's monotonic clock. It goes on where a snapshot left off, so
// that a guest never sees it jump or run back.
type clock struct{ zero atomic.Pointer[time.Time] }

func (c *clock) now() int64 {
	if zero := c.zero.Load(); zero != nil {
		return int64(time.Since(*zero))
	}
	return 0
}

func (c *clock) set(ns int64) {
	zero := time.Now().Add(-time.Duration(ns))
	c.zero.Store(&zero)
}

// sleep waits until ns have passed, the call's context is done or the instance is
// to be closed.
func (i *instance) sleep(ns int64) {
	if ns <= 0 {
		return
	}
	t := time.NewTimer(time.Duration(ns))
	defer t.Stop()
	select {
	case <-t.C:
	case <-i.entry.Done():
	case <-i.closing:
	}
}
