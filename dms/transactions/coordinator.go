package transactions

import (
	"context"
	"maps"
	"math"
	"slices"
	"time"

	"amino.run/abi"
	"amino.run/dms"
)

// forgotten is how long a call that was sent away keeps its age.
const forgotten = time.Minute

// A coordinator is the instance as the callers outside a transaction see it. It is a
// participant of its own transactions.
type coordinator struct {
	p      *participant
	told   *map[string][]dms.Peer // committed, and who does not know yet; a cell, guarded by p.mu as is all below
	active map[string]*attempt    // by name
	ages   map[uint64]time.Time   // by call: when those came that are here, or will be again
}

// An attempt is a transaction under way. It is guarded by the participant's mu.
type attempt struct {
	joined []dms.Peer
	closed bool // no one joins any more
	doomed bool // run it again
	unsure bool // the decision may be on disk, and nothing is said before it surely is
}

// call runs a call as a transaction. One that others are in the way of is rolled back
// and sent away, and has the same age when its proxy sends it again.
func (o *coordinator) call(ctx context.Context, call dms.Call) ([]byte, error) {
	n := name{Coordinator: o.p.c.Self().Peer, Began: o.age(call.ID), Call: call.ID, Attempt: o.p.c.Rand(math.MaxInt32)}
	out, end, err := o.try(ctx, n, call)
	o.tell(ctx, n.String(), end)
	if !end.again {
		o.p.mu.Lock()
		defer o.p.mu.Unlock()
		delete(o.ages, call.ID)
	}
	return out, err
}

// age returns when a call came first.
func (o *coordinator) age(call uint64) int64 {
	o.p.mu.Lock()
	defer o.p.mu.Unlock()
	now := time.Now()
	maps.DeleteFunc(o.ages, func(_ uint64, at time.Time) bool { return now.Sub(at) > forgotten })
	at, ok := o.ages[call]
	if !ok {
		at, o.ages[call] = now, now
	}
	return at.UnixNano()
}

// An end is what became of an attempt.
type end struct {
	commit bool
	who    []dms.Peer // who is to be told
	again  bool       // it is worth another attempt
}

func (o *coordinator) try(ctx context.Context, n name, call dms.Call) (out []byte, e end, err error) {
	if _, err := o.p.acquire(ctx, n, false); err != nil {
		return nil, end{again: true}, err
	}
	if o.p.turn.Lock(ctx) != nil {
		o.p.release()
		return nil, end{again: true}, errBusy
	}
	defer o.p.turn.Unlock()
	if err := o.p.remember(ctx); err != nil {
		o.p.release()
		return nil, e, err
	}
	a, tx := o.open(n)
	call.Tx = tx
	out, err = o.p.next(ctx, call)
	joined, doomed := o.close(a)
	switch {
	case doomed:
		return nil, o.rollback(ctx, tx, joined, true), errBusy
	case err != nil:
		return nil, o.rollback(ctx, tx, joined, false), undone(err)
	}
	e, err = o.commit(ctx, tx, a, joined)
	return out, e, err
}

func (o *coordinator) open(n name) (a *attempt, tx string) {
	o.p.mu.Lock()
	defer o.p.mu.Unlock()
	a, tx = &attempt{}, n.String()
	o.active[tx] = a
	return a, tx
}

// close lets no one else join.
func (o *coordinator) close(a *attempt) (joined []dms.Peer, doomed bool) {
	o.p.mu.Lock()
	defer o.p.mu.Unlock()
	a.closed = true
	return a.joined, a.doomed
}

// undone returns the error of a call whose transaction is rolled back: nothing of it
// remains, whatever became of the calls that it made.
func undone(err error) error {
	e := *abi.AsError(err)
	switch e.Code.Fate() {
	case abi.Undone:
		e.State = abi.StateBefore
	case abi.Perhaps:
		return abi.Errorf(abi.Conflict, "%s; the transaction is rolled back", e.Error())
	}
	return &e
}

// commit asks for votes, decides and writes that down. The turn is taken.
func (o *coordinator) commit(ctx context.Context, tx string, a *attempt, joined []dms.Peer) (end, error) {
	yes, refused := o.votes(ctx, tx, joined)
	if refused != nil {
		return o.rollback(ctx, tx, joined, false), refused
	}
	if len(yes) == 0 && !o.p.changed() {
		o.over(tx)
		return end{}, nil
	}
	o.p.mu.Lock()
	(*o.told)[tx] = yes
	o.p.mu.Unlock()
	switch err := o.p.saveState(ctx); {
	case err == nil:
		o.over(tx)
		return end{commit: true, who: yes}, nil
	case abi.CodeOf(err).Fate() == abi.Perhaps:
		o.p.mu.Lock()
		a.unsure = true
		o.p.mu.Unlock()
		return end{}, err
	default:
		o.p.mu.Lock()
		delete(*o.told, tx)
		o.p.mu.Unlock()
		return o.rollback(ctx, tx, joined, false), err
	}
}

// over lets the next transaction in.
func (o *coordinator) over(tx string) {
	o.p.mu.Lock()
	delete(o.active, tx)
	o.p.mu.Unlock()
	o.p.release()
}

// votes returns who voted yes, or why the transaction cannot commit.
func (o *coordinator) votes(ctx context.Context, tx string, joined []dms.Peer) (yes []dms.Peer, err error) {
	for _, r := range dms.AskAll[vote](ctx, o.p.c, joined, prepare{tx}) {
		switch {
		case r.Err != nil:
			err = abi.Errorf(abi.Conflict, "%s could not prepare the transaction, which is rolled back: %v", r.From, r.Err)
		case r.Value.Yes:
			yes = append(yes, r.From)
		case !r.Value.Read:
			err = abi.Errorf(abi.Conflict, "%s failed or gave up since it joined the transaction, which is rolled back", r.From)
		}
	}
	return yes, err
}

// rollback undoes what the transaction did here. One who joined and does not hear of it
// asks.
func (o *coordinator) rollback(ctx context.Context, tx string, joined []dms.Peer, again bool) end {
	o.p.mu.Lock()
	delete(o.active, tx)
	o.p.mu.Unlock()
	_ = o.p.undo(ctx) // a state that cannot be put back stays held, and settle tries again
	return end{who: joined, again: again}
}

// tell has those who take part commit or roll back. Who is to commit is remembered
// until it has.
func (o *coordinator) tell(ctx context.Context, tx string, e end) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), answerTime)
	defer cancel()
	var left []dms.Peer
	for _, r := range dms.AskAll[dms.None](ctx, o.p.c, e.who, finish{tx, e.commit}) {
		if r.Err != nil && abi.CodeOf(r.Err) != abi.NotFound { // it was deleted
			left = append(left, r.From)
		}
	}
	if !e.commit {
		return
	}
	o.p.mu.Lock()
	defer o.p.mu.Unlock()
	if len(left) > 0 {
		(*o.told)[tx] = left
	} else {
		delete(*o.told, tx)
	}
}

// finish tells those who have not heard of a commit, and writes down again a decision
// that may not be on disk.
func (o *coordinator) finish(ctx context.Context) {
	for tx, left := range o.decided() {
		switch a, open := o.look(tx); {
		case !open:
			o.tell(ctx, tx, end{commit: true, who: left})
		case a.unsure && o.p.turn.TryLock():
			err := o.p.saveState(ctx)
			if err == nil {
				o.over(tx)
			}
			o.p.turn.Unlock()
		}
	}
}

// decided returns what was committed and is not known to all.
func (o *coordinator) decided() map[string][]dms.Peer {
	o.p.mu.Lock()
	defer o.p.mu.Unlock()
	return maps.Clone(*o.told)
}

// look returns the attempt of a name, if it is under way.
func (o *coordinator) look(tx string) (a attempt, open bool) {
	o.p.mu.Lock()
	defer o.p.mu.Unlock()
	if at := o.active[tx]; at != nil {
		return *at, true
	}
	return a, false
}

// The answers of a coordinator wait for nothing: its turn is taken by the transaction.

func (o *coordinator) join(_ context.Context, from dms.Peer, m join) (none dms.None, err error) {
	o.p.mu.Lock()
	defer o.p.mu.Unlock()
	a := o.active[m.Tx]
	switch {
	case a == nil || a.closed:
		return none, errOver
	case slices.Contains(a.joined, from):
		a.doomed = true
		return none, abi.Errorf(abi.Conflict, "%s failed or gave up since it joined the transaction, which is rolled back", from)
	}
	a.joined = append(a.joined, from)
	return none, nil
}

func (o *coordinator) doom(_ context.Context, _ dms.Peer, m doom) (none dms.None, err error) {
	o.p.mu.Lock()
	defer o.p.mu.Unlock()
	if a := o.active[m.Tx]; a != nil && !a.closed {
		a.doomed = true
	}
	return none, nil
}

func (o *coordinator) outcome(_ context.Context, _ dms.Peer, m outcome) (verdict, error) {
	o.p.mu.Lock()
	defer o.p.mu.Unlock()
	if a := o.active[m.Tx]; a != nil {
		return verdict{Open: true}, nil
	}
	_, committed := (*o.told)[m.Tx]
	return verdict{Committed: committed}, nil
}
