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
type lease struct {
	node string
	held atomic.Bool
	mu   sync.Mutex
	end  *time.Timer
}

// extend keeps the lease until at.
func (l *lease) extend(at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.end == nil {
		l.end = time.AfterFunc(time.Until(at), func() { l.held.Store(false) })
	} else {
		l.end.Reset(time.Until(at))
	}
	l.held.Store(time.Now().Before(at))
}

// drop ends the lease now.
func (l *lease) drop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.end != nil {
		l.end.Stop()
	}
	l.held.Store(false)
}

func (l *lease) err() error {
	return abi.Errorf(abi.Unavailable, "kernel %s has no lease: it has not reached the OMS for too long (the call did not run)", l.node)
}
