package kernel

import (
	"sync"
	"sync/atomic"
	"time"

	"amino.run/abi"
)

// A lease is the kernel's right to serve. It is counted from when the kernel
// asked for it, so it ends here before it ends in the OMS, and a kernel that
// cannot renew stops serving before its replicas are placed elsewhere.
//
// What begins under the lease and ends after it may have been overtaken by what the
// replica's successor did, so held lets it begin, and outlived, which looks at the
// clock, lets its answer out. A process that is stopped for a while finds out there:
// its timers fire no sooner than the calls inside go on.
type lease struct {
	node  string
	base  time.Time // until counts from it
	held  atomic.Bool
	until atomic.Int64
	life  atomic.Uint64 // goes up when the lease is dropped: what is granted next is another
	mu    sync.Mutex
	end   *time.Timer
}

func newLease(node string) *lease { return &lease{node: node, base: time.Now()} }

// extend keeps the lease until at.
func (l *lease) extend(at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.until.Store(int64(at.Sub(l.base)))
	if l.end == nil {
		l.end = time.AfterFunc(time.Until(at), l.expire)
	} else {
		l.end.Reset(time.Until(at))
	}
	l.held.Store(time.Now().Before(at))
}

// expire ends the lease, unless it has been extended just now.
func (l *lease) expire() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.held.Store(int64(time.Since(l.base)) < l.until.Load())
}

// drop ends the lease now.
func (l *lease) drop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.end != nil {
		l.end.Stop()
	}
	l.until.Store(0)
	l.held.Store(false)
	l.life.Add(1)
}

// outlived returns nil if the lease is still held, and else the error of what was
// done meanwhile.
func (l *lease) outlived() error {
	if int64(time.Since(l.base)) < l.until.Load() {
		return nil
	}
	return l.lost()
}

func (l *lease) lost() error {
	return abi.Errorf(abi.Unavailable, "kernel %s lost its lease before it could answer (the call may have run)", l.node)
}

func (l *lease) err() error {
	return abi.Errorf(abi.Unavailable, "kernel %s has no lease: it has not reached the OMS for too long (the call did not run)", l.node)
}
