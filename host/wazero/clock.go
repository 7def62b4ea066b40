package wazero

import (
	"sync/atomic"
	"time"

	"amino.run/host"
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

// The clock of a new guest shows 1: Go's runtime takes 0 for a broken clock.
const firstTime = 1

// forward makes the clock show at least ns from now on.
func (c *clock) forward(ns int64) {
	if c.zero.Load() == nil || c.now() < ns {
		zero := time.Now().Add(-time.Duration(ns))
		c.zero.Store(&zero)
	}
}

// monotonic is what the guest is told of its clock.
func (i *instance) monotonic() int64 {
	shown := i.clock.now()
	told := i.env.Time(host.Monotonic, shown)
	if told > shown {
		i.clock.forward(told)
	}
	return told
}

// wall is what the guest is told of the world's clock.
func (i *instance) wall() (sec int64, nsec int32) {
	t := i.env.Time(host.Wall, time.Now().UnixNano())
	return t / 1e9, int32(t % 1e9)
}

// chance is the guest's source of random bytes.
type chance struct{ env host.Env }

// Read implements io.Reader.
func (c chance) Read(b []byte) (int, error) {
	c.env.Random(b)
	return len(b), nil
}

// sleep waits until ns have passed, the call's context is done or the instance is
// to be closed.
func (i *instance) sleep(ns int64) {
	d := i.env.Sleep(time.Duration(ns))
	if d <= 0 {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-i.entry.Done():
	case <-i.closing:
	}
}
