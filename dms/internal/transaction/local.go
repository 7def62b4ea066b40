package transaction

import (
	"context"
	"time"

	"amino.run/abi"
	"amino.run/dms"
)

// A local is the transaction of one client, beside it. It is used by one call at a
// time.
type local struct {
	p     *proxy
	turn  dms.Mutex
	state state
	copy  dms.Copy // what its calls run on
	own   uint64   // the copy's version at first
	until time.Time
	ending
}

type state int

const (
	none   state = iota
	open         //
	unsure       // commit was sent, and no answer came
	dead         // rolled back, and its client has not been told
)

// past reports whether the time of the transaction has passed.
func (t *local) past() bool { return !time.Now().Before(t.until) }

// late reports whether the transaction ran out of time.
func (t *local) late() bool { return t.state == open && t.past() }

// call runs a method on the copy.
func (t *local) call(ctx context.Context, call dms.Call) ([]byte, error) {
	if t.state == unsure {
		return nil, abi.Errorf(abi.NoTransaction, "%s was sent and no answer came; %[1]s again", t.p.Commit)
	}
	if err := t.over(); err != nil {
		return nil, err
	}
	out, err := t.copy.Invoke(ctx, call)
	if e := abi.AsError(err); e != nil && e.State == abi.StateSnapshot { // more than this call is undone
		t.state, t.copy = dead, nil
	}
	return out, err
}

// over returns an error if the transaction was rolled back by itself.
func (t *local) over() error {
	switch {
	case t.state == dead:
		return abi.Errorf(abi.NoTransaction, "a call since %s failed and took others along, so all are undone; %[1]s anew", t.p.Begin)
	case t.late():
		return abi.Errorf(abi.NoTransaction, "%v have passed since %s, so all calls since are undone; %[2]s anew", t.p.TTL, t.p.Begin)
	}
	return nil
}

// verb begins or ends the transaction.
func (t *local) verb(ctx context.Context, call dms.Call) error {
	if call.Verb == t.p.Begin {
		// One in doubt does not stay in the way: its replica may have failed, and forgotten.
		if !t.p.Anew && t.state != none && t.over() == nil && !t.past() {
			return abi.Errorf(abi.NoTransaction, "a transaction is open; %s or %s first", t.p.Commit, t.p.Rollback)
		}
		return t.begin(ctx, call)
	}
	switch {
	case t.state == none:
		return t.p.nothing(call.Verb)
	case call.Verb == t.p.Commit:
		return t.commit(ctx, call)
	}
	return t.rollback(ctx, call)
}

func (t *local) begin(ctx context.Context, call dms.Call) error {
	asked := time.Now()
	t.clear()
	b, err := ask[begun](ctx, t.p.next, call)
	if err != nil {
		return err
	}
	t.state, t.until = open, asked.Add(t.p.TTL)
	t.ending = ending{Token: b.Token, Base: b.State.Version}
	if t.copy, err = t.p.c.Run(ctx, b.State); err == nil {
		var s dms.Snapshot
		s, err = t.copy.Snapshot(ctx)
		t.own = s.Version
	}
	if err != nil {
		call.Verb = t.p.Rollback
		_ = t.rollback(ctx, call) // or its time runs out
	}
	return err
}

// commit makes the copy's state the replica's. If no answer comes, the client may
// commit again.
func (t *local) commit(ctx context.Context, call dms.Call) error {
	if err := t.over(); err != nil {
		t.clear()
		return err
	}
	if t.Again = t.state == unsure; !t.Again {
		s, err := t.copy.Snapshot(ctx)
		if err != nil {
			return err
		}
		if s.Version != t.own {
			t.State = &s
		} else if !t.p.Locks {
			t.clear()
			return nil
		}
	}
	t.state = unsure
	err := t.end(ctx, call)
	if abi.CodeOf(err).Fate() != abi.Perhaps {
		t.clear()
	}
	return err
}

// rollback drops the copy. One that is lost on its way happens when the time runs out,
// unless a commit is under way.
func (t *local) rollback(ctx context.Context, call dms.Call) error {
	t.Again, t.State = t.state == unsure, nil
	var err error
	if t.Again || t.p.Locks && t.over() == nil {
		err = t.end(ctx, call)
	}
	if t.Again && abi.CodeOf(err).Fate() == abi.Perhaps {
		return err
	}
	again := t.Again
	t.clear()
	if again {
		return err
	}
	return nil
}

// end tells the instance of the end. One that was sent before is in doubt until the
// instance says what became of it: a refusal on the way says nothing of the first.
func (t *local) end(ctx context.Context, call dms.Call) error {
	_, err := ask[dms.None](ctx, t.p.next, call, t.ending)
	if code := abi.CodeOf(err); t.Again && code.Fate() == abi.NotRun && code != abi.NoTransaction {
		return abi.Errorf(abi.Unavailable, "no answer came to the first %s, and now %s fails; try again: %v", t.p.Commit, call.Verb, err)
	}
	return err
}

func (t *local) clear() { t.state, t.copy, t.ending = none, nil, ending{} }

// ask sends a verb to the instance, with arguments of its own.
func ask[Resp any](ctx context.Context, next dms.Handler, call dms.Call, args ...any) (resp Resp, err error) {
	if call.Args, err = abi.Args(args...); err != nil {
		return resp, err
	}
	out, err := next(ctx, call)
	if err != nil || len(out) == 0 {
		return resp, err
	}
	return resp, abi.Decode(out, &resp)
}
