package wazero

import (
	"context"
	"math"
	"time"

	"amino.run/abi"
)

const (
	// ration is how many loop turns and calls a guest makes before it asks for
	// more: about 0.1 ms.
	ration = 100_000

	// grace is how long a guest may go on after it was waiting for an answer
	// when the deadline passed, so that it can tell what it makes of it.
	grace = 50 * time.Millisecond
)

// An entry is one stay of a call inside a guest. It is the context that the engine
// carries to the functions a guest imports; each instance has one and uses it again.
type entry struct {
	context.Context
	*instance
	deadline time.Time // of Context; zero is none
	spare    time.Time // until when a done context is not held against the guest
	given    int32     // the ration the fuel began with
	spent    uint64    // without what is missing from the ration now
	answer   []byte    // what take fetches
	waits    bool      // there is an answer
}

// begin makes the entry ready for a call.
func (e *entry) begin(ctx context.Context) {
	deadline, _ := ctx.Deadline()
	e.Context, e.deadline, e.spare, e.spent = ctx, deadline, time.Time{}, 0
	e.answer, e.waits = nil, false
	e.mem.refused, e.mem.lost = false, nil
	e.next()
	e.fuel.Set(uint64(uint32(e.given)))
}

// next makes the ration what the budget leaves.
func (e *entry) next() {
	e.given = ration
	if e.budget > 0 {
		e.given = int32(min(ration, e.budget-e.spent))
	}
}

// end accounts for what the guest did not ask for. A line of output that has no
// end yet ends with the call: nothing is left of a call but the guest's state.
func (e *entry) end() {
	e.stdout.flush(false)
	e.stderr.flush(false)
	e.count(int32(uint32(e.fuel.Get())))
	e.Context = context.Background() // keep nothing of the caller's alive
	e.answer, e.waits = nil, false
}

func (e *entry) count(left int32) {
	n := uint64(max(0, int64(e.given)-int64(left)))
	e.spent += n
	e.used.Add(n)
	e.given = left
}

// poll is what a guest calls when its ration is used up: it returns the next one
// or, by a panic, ends the call. Since it is Go code, it is also where the runtime
// may take the processor from a guest that computes.
func (e *entry) poll(left int32) int32 {
	e.count(left)
	select {
	case <-e.closing:
		panic(abi.Errorf(abi.Unavailable, "the instance was closed while the call computed"))
	default:
	}
	if e.budget > 0 && e.spent > e.budget {
		panic(abi.Errorf(abi.Fuel, "the call used up its fuel: %d loop turns and calls", e.budget))
	}
	if now := time.Now(); now.After(e.spare) {
		if err := e.Err(); err == context.Canceled {
			panic(abi.Errorf(abi.Deadline, "the caller went away while the guest computed"))
		} else if err != nil || !e.deadline.IsZero() && now.After(e.deadline) {
			panic(abi.Errorf(abi.Deadline, "the deadline passed while the guest computed"))
		}
	}
	e.next()
	return e.given
}

// wake is called when the guest has waited for an answer.
func (e *entry) wake() {
	if e.spare.IsZero() && e.Err() != nil {
		e.spare = time.Now().Add(grace)
	}
}

// offer makes b what take fetches and returns its length for the guest.
func (e *entry) offer(b []byte) uint64 {
	if len(b) > math.MaxInt32 {
		panic(abi.Errorf(abi.Trap, "an answer of %d bytes cannot be given to a guest", len(b)))
	}
	e.answer, e.waits = b, true
	return uint64(len(b))
}
