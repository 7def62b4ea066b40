package transactions

import (
	"context"
	"sync"
	"time"

	"amino.run/abi"
	"amino.run/dms"
)

// answerTime bounds how long one part waits for another that may be gone.
const answerTime = 2 * time.Second

// A participant is the instance as others see it: a state, and the transaction that is
// at it.
type participant struct {
	c       dms.Callee
	next    dms.Handler
	ttl     time.Duration
	decided func() map[string][]dms.Peer // to save with the state
	open    func(tx string) bool         // whether the replica coordinates it now
	turn    dms.Mutex                    // held by who works for the transaction that is here

	mu      sync.Mutex // guards all below; never held while waiting
	hold    *hold
	waiting []name
	freed   chan struct{} // closed when to try again; nil if no one waits
	heard   time.Time     // of the transaction
}

// call carries out a call of a transaction that another microservice coordinates.
func (p *participant) call(ctx context.Context, call dms.Call) ([]byte, error) {
	n, err := parseName(call.Tx)
	if err != nil {
		return nil, err
	}
	fresh, err := p.acquire(ctx, n, true)
	if err == errDies {
		if _, lost := dms.Ask[dms.None](ctx, p.c, n.Coordinator, doom{call.Tx}); lost != nil {
			return nil, lost
		}
	}
	if err != nil {
		return nil, err
	}
	if p.turn.Lock(ctx) != nil {
		if fresh {
			p.release()
		}
		return nil, errBusy
	}
	defer p.turn.Unlock()
	if fresh {
		if err := p.join(ctx, n); err != nil {
			p.release()
			return nil, err
		}
	}
	if here, prepared := p.at(call.Tx); !here || prepared {
		return nil, errOver
	}
	defer p.hear()
	out, err := p.next(ctx, call)
	if e := abi.AsError(err); e != nil && e.State == abi.StateSnapshot { // more than this call is undone
		_ = p.undo(ctx)
		return nil, abi.Errorf(abi.Conflict, "the call took others of its transaction along, which is rolled back: %v", err)
	}
	return out, err
}

var errOver = abi.Errorf(abi.Conflict, "the transaction is over; this call of it came too late and did not run")

// join makes the microservice part of the transaction that has just come.
func (p *participant) join(ctx context.Context, n name) error {
	if err := p.remember(ctx); err != nil {
		return err
	}
	_, err := dms.Ask[dms.None](ctx, p.c, n.Coordinator, join{n.String()})
	return err
}

// remember notes the state that a rollback goes back to.
func (p *participant) remember(ctx context.Context) error {
	s, err := p.c.Snapshot(ctx)
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hold.Before, p.heard = s, time.Now()
	return nil
}

func (p *participant) hear() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.heard = time.Now()
}

// mine takes the turn of a transaction, if it is at the replica.
func (p *participant) mine(ctx context.Context, tx string) (bool, error) {
	if here, _ := p.at(tx); !here {
		return false, nil
	}
	if err := p.turn.Lock(ctx); err != nil {
		return false, err
	}
	if here, _ := p.at(tx); here {
		return true, nil
	}
	p.turn.Unlock()
	return false, nil
}

// prepare votes. After yes, what the transaction did is on disk, and so is what was
// before it.
func (p *participant) prepare(ctx context.Context, _ dms.Peer, m prepare) (vote, error) {
	here, err := p.mine(ctx, m.Tx)
	if !here || err != nil { // it failed, or rolled back, since it joined
		return vote{}, err
	}
	defer p.turn.Unlock()
	if !p.changed() {
		p.release()
		return vote{Read: true}, nil
	}
	after, err := p.c.Snapshot(ctx)
	if err == nil {
		err = p.save(ctx, record{State: p.hold.Before, Prepared: &prepared{m.Tx, after}})
	}
	if err != nil {
		return vote{}, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hold.Prepared, p.heard = true, time.Now()
	return vote{Yes: true}, nil
}

// changed reports whether the transaction has written here.
func (p *participant) changed() bool { return p.c.Version() != p.hold.Before.Version }

// finish hears the decision. It is answered when nothing is left to do.
func (p *participant) finish(ctx context.Context, _ dms.Peer, m finish) (none dms.None, err error) {
	here, err := p.mine(ctx, m.Tx)
	if !here || err != nil {
		return none, err
	}
	defer p.turn.Unlock()
	return none, p.end(ctx, m.Commit)
}

// end carries out the decision on the transaction that is here. The turn is taken.
func (p *participant) end(ctx context.Context, commit bool) error {
	if !commit {
		return p.undo(ctx)
	}
	if err := p.saveState(ctx); err != nil {
		return err
	}
	p.release()
	return nil
}

// undo rolls back the transaction that is here. The turn is taken. It is not written to
// disk: a participant that fails asks, and one that does not know it was rolled back.
func (p *participant) undo(ctx context.Context) error {
	if p.changed() {
		if err := p.c.Restore(context.WithoutCancel(ctx), p.hold.Before); err != nil {
			return err // it stays, and is tried again
		}
	}
	p.release()
	return nil
}

// settle asks what became of the transaction that is here, if nothing was heard of it:
// its coordinator may be gone, or its messages lost.
func (p *participant) settle(ctx context.Context) {
	p.mu.Lock()
	tx, prepared, silent := p.hold.Tx, p.hold.Prepared, time.Since(p.heard)
	p.mu.Unlock()
	n, err := parseName(tx)
	own := n.Coordinator == p.c.Self().Peer
	if err != nil || !prepared && !own && silent < p.ttl/2 || !p.turn.TryLock() {
		return
	}
	defer p.turn.Unlock()
	if here, _ := p.at(tx); !here {
		return
	}
	if own { // its coordinator has the turn, unless it is over and the state could not be put back
		if !p.open(tx) {
			_ = p.undo(ctx)
		}
		return
	}
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	v, err := dms.Ask[verdict](ctx, p.c, n.Coordinator, outcome{tx})
	switch {
	case abi.CodeOf(err) == abi.NotFound: // the coordinator was deleted, and decided nothing
	case err != nil && prepared, err != nil && silent < p.ttl:
		return
	case err == nil && v.Open:
		p.hear()
		return
	}
	_ = p.end(ctx, err == nil && v.Committed) // or at the next tick
}
