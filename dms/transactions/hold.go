package transactions

import (
	"context"
	"slices"
	"time"

	"amino.run/abi"
	"amino.run/dms"
)

// How long a call waits at a replica for another transaction's end. Then it is sent
// away, so that the replica can become quiet, and comes back after a pause.
const (
	patience = 100 * time.Millisecond
	pause    = 5 * time.Millisecond
)

// A hold is the transaction that is at a replica. The zero hold is none. It is a cell.
type hold struct {
	Tx       string
	Before   dms.Snapshot // the state when it came
	Prepared bool         // it voted yes: only the coordinator can end it
}

// acquire makes n the transaction at the replica, and reports whether it is new there.
// It waits a while for the one that is; but a younger one that may hold other
// microservices does not wait for an older one that may want these: it dies.
func (p *participant) acquire(ctx context.Context, n name, holdsOthers bool) (fresh bool, err error) {
	limit, late := patience, errBusy
	if holdsOthers {
		limit, late = p.ttl, errDies
	}
	timeout := time.NewTimer(limit)
	defer timeout.Stop()
	p.mu.Lock()
	p.waiting = append(p.waiting, n)
	p.mu.Unlock()
	defer p.stopWaiting(n)
	for {
		fresh, freed, err := p.try(n, holdsOthers)
		if freed == nil || err != nil {
			return fresh, err
		}
		select {
		case <-freed:
		case <-timeout.C:
			return false, late
		case <-ctx.Done():
			return false, errBusy
		}
	}
}

// try makes n the transaction at the replica if there is none, and it is the oldest of
// those that wait. Else it returns what is closed when to try again.
func (p *participant) try(n name, holdsOthers bool) (fresh bool, freed <-chan struct{}, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch p.hold.Tx {
	case n.String():
		return false, nil, nil
	case "":
		if !slices.ContainsFunc(p.waiting, func(m name) bool { return m.older(n) }) {
			p.hold.Tx = n.String()
			return true, nil, nil
		}
	default:
		at, err := parseName(p.hold.Tx)
		if err != nil {
			return false, nil, err
		}
		if holdsOthers && !p.hold.Prepared && at.older(n) { // one that has voted waits for no one
			return false, nil, errDies
		}
	}
	if p.freed == nil {
		p.freed = make(chan struct{})
	}
	return false, p.freed, nil
}

var errBusy = abi.Errorf(abi.Leased, "another transaction is at the microservice (the call did not run); try again")

var errDies = abi.Errorf(abi.Conflict, "another transaction is at the microservice and may wait for this one, which is rolled back; try again")

func (p *participant) stopWaiting(n name) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if i := slices.Index(p.waiting, n); i >= 0 {
		p.waiting = slices.Delete(p.waiting, i, i+1)
	}
	p.wake()
}

// release lets the next transaction in.
func (p *participant) release() {
	p.mu.Lock()
	defer p.mu.Unlock()
	*p.hold = hold{}
	p.wake()
}

// wake has those who wait try again. Mu is held.
func (p *participant) wake() {
	if p.freed != nil {
		close(p.freed)
		p.freed = nil
	}
}

// at reports whether a transaction is at the replica, and has voted.
func (p *participant) at(tx string) (here, prepared bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.hold.Tx == tx, p.hold.Prepared
}
