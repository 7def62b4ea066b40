package kernel

import (
	"context"
	"slices"
	"sync"

	"amino.run/abi"
)

// A turn lets one call tree at a time into a guest, first come first served.
//
// A tree that is inside may wait for another guest (parked), and that guest's
// tree for this one. So that no such ring can close, a nested call does not wait
// for a parked tree that is older than its own: it is turned away, has not run,
// and may be made again. Every ring has such an edge ("wait-die", Rosenkrantz,
// Stearns and Lewis, TODS 3(2), 1978).
type turn struct {
	mu     sync.Mutex
	held   bool
	root   uint64 // the tree inside
	parked bool   // it waits in an outgoing call
	queue  []*waiter
}

type waiter struct {
	root   uint64
	nested bool // its tree holds another guest
	ready  chan error
}

// lock waits for the turn. nested says that the tree holds another guest's turn.
// It returns abi.ErrReentrant where waiting could last for ever, or ctx's error.
func (t *turn) lock(ctx context.Context, root uint64, nested bool) error {
	t.mu.Lock()
	if !t.held {
		t.held, t.root = true, root
		t.mu.Unlock()
		return nil
	}
	w := &waiter{root, nested, make(chan error, 1)}
	if t.mustDie(w) {
		t.mu.Unlock()
		return errRing
	}
	t.queue = append(t.queue, w)
	t.mu.Unlock()
	select {
	case err := <-w.ready:
		return err
	case <-ctx.Done():
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if i := slices.Index(t.queue, w); i >= 0 {
		t.queue = slices.Delete(t.queue, i, i+1)
		return ctx.Err()
	}
	if err := <-w.ready; err != nil { // decided meanwhile
		return err
	}
	t.pass()
	return ctx.Err()
}

var errRing = abi.Errorf(abi.Reentrant, "the microservice waits for another call that may wait for this one; try again")

func (t *turn) mustDie(w *waiter) bool { return w.nested && t.parked && w.root > t.root }

// unlock gives the turn to the next in the queue.
func (t *turn) unlock() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.pass()
}

func (t *turn) pass() {
	t.parked = false
	if len(t.queue) == 0 {
		t.held = false
		return
	}
	w := t.queue[0]
	t.queue = t.queue[1:]
	t.root = w.root
	w.ready <- nil
}

// park says that the tree inside begins to wait for another guest.
func (t *turn) park() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.parked = true
	t.queue = slices.DeleteFunc(t.queue, func(w *waiter) bool {
		die := t.mustDie(w)
		if die {
			w.ready <- errRing
		}
		return die
	})
}

// unpark says that the wait is over.
func (t *turn) unpark() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.parked = false
}
