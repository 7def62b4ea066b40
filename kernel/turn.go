package kernel

import (
	"context"
	"slices"
	"sync"
	"time"

	"amino.run/abi"
)

// A turn lets one call tree at a time into a guest, roughly first come first
// served: a call that arrives while the turn is free takes it at once, even if
// others are being woken, but none is passed over for longer than a millisecond
// (as in sync.Mutex, and for the same reason: waking costs more than most calls).
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
	end    error         // not nil once finished
	empty  chan struct{} // closed when the last tree leaves; nil if no one waits for it
}

type waiter struct {
	root   uint64
	nested bool // its tree holds another guest
	since  time.Time
	woken  chan outcome
}

// An outcome is why a waiter is woken.
type outcome uint8

const (
	tryAgain outcome = iota // the turn may be free
	handed                  // the turn is the waiter's
	dies                    // it would wait for ever
	ended                   // the turn is finished
)

// patience is how long a waiter may be passed over.
const patience = time.Millisecond

// lock waits for the turn. nested says that the tree holds another guest's turn.
// It returns abi.ErrReentrant where waiting could last for ever, ctx's error, or
// the turn's end.
func (t *turn) lock(ctx context.Context, root uint64, nested bool) error {
	t.mu.Lock()
	if err := t.end; err != nil {
		t.mu.Unlock()
		return err
	}
	if !t.held {
		t.held, t.root = true, root
		t.mu.Unlock()
		return nil
	}
	w := &waiter{root, nested, time.Now(), make(chan outcome, 1)}
	if t.mustDie(w) {
		t.mu.Unlock()
		return errRing
	}
	t.queue = append(t.queue, w)
	t.mu.Unlock()
	return t.wait(ctx, w)
}

// wait waits until w has the turn, or may not have it.
func (t *turn) wait(ctx context.Context, w *waiter) error {
	for {
		select {
		case o := <-w.woken:
			switch o {
			case handed:
				return nil
			case dies:
				return errRing
			}
			t.mu.Lock()
			if err := t.end; err != nil {
				t.mu.Unlock()
				return err
			}
			if !t.held {
				t.held, t.root = true, w.root
				t.mu.Unlock()
				return nil
			}
			if t.mustDie(w) {
				t.mu.Unlock()
				return errRing
			}
			t.queue = slices.Insert(t.queue, 0, w) // someone was faster; w keeps its place
			t.mu.Unlock()
		case <-ctx.Done():
			return t.leave(ctx, w)
		}
	}
}

// leave takes w out of the queue, and passes on what it was given meanwhile.
func (t *turn) leave(ctx context.Context, w *waiter) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if i := slices.Index(t.queue, w); i >= 0 {
		t.queue = slices.Delete(t.queue, i, i+1)
		return ctx.Err()
	}
	switch <-w.woken {
	case handed:
		t.pass()
	case tryAgain:
		if !t.held {
			t.pass()
		}
	}
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

// pass ends the turn of the tree inside: it hands it to the first in the queue if
// that has waited long, else wakes it to try.
func (t *turn) pass() {
	t.parked, t.held = false, false
	if t.empty != nil {
		close(t.empty)
		t.empty = nil
	}
	if len(t.queue) == 0 {
		return
	}
	w := t.queue[0]
	t.queue = t.queue[1:]
	if time.Since(w.since) < patience {
		w.woken <- tryAgain
		return
	}
	t.held, t.root = true, w.root
	w.woken <- handed
}

// finish turns all away with err from now on, those who wait too, and returns when
// the tree inside has left. It returns false, at once, if that was done before.
func (t *turn) finish(err error) bool {
	t.mu.Lock()
	if t.end != nil {
		t.mu.Unlock()
		return false
	}
	t.end = err
	for _, w := range t.queue {
		w.woken <- ended
	}
	t.queue = nil
	if !t.held {
		t.mu.Unlock()
		return true
	}
	empty := make(chan struct{})
	t.empty = empty
	t.mu.Unlock()
	<-empty
	return true
}

// park says that the tree inside begins to wait for another guest.
func (t *turn) park() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.parked = true
	t.queue = slices.DeleteFunc(t.queue, func(w *waiter) bool {
		die := t.mustDie(w)
		if die {
			w.woken <- dies
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
