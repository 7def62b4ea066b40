package transaction

import (
	"context"
	"math"
	"time"

	"amino.run/abi"
	"amino.run/dms"
)

// A Rule says which transactions may begin and which may commit. Its methods are
// called one at a time, and not while a call is inside.
type Rule interface {
	// Begin lets a client begin, or returns why not.
	Begin(client dms.Peer, token uint64) error

	// Commit returns nil if the transaction that began with the state base is still
	// valid, and what is to be told its client if it is not.
	Commit(client dms.Peer, token, base uint64) error

	// End ends a transaction, which was committed or not.
	End(client dms.Peer, token uint64)

	// Call lets a call pass that is part of no transaction, or returns why not.
	Call() error
}

// Instance returns the instance manager of a DM whose transactions go by rule. Commit
// replaces the state by what a transaction left, durably if the DM promises that.
func Instance(c dms.Callee, terms Terms, rule Rule, next dms.Handler, commit func(context.Context, dms.Snapshot) error) dms.Handler {
	i := &instance{c: c, rule: rule, commit: commit, outcomes: dms.Keep(c, "outcomes", Outcomes{})}
	return dms.Serial(func(ctx context.Context, call dms.Call) ([]byte, error) {
		who := dms.Peer(call.From.ID + "\x00" + client(call))
		if call.Verb == terms.Begin {
			return i.begin(ctx, who)
		}
		if terms.ends(call.Verb) {
			var e ending
			if err := dms.VerbArgs(call, &e); err != nil {
				return nil, err
			}
			return nil, i.end(ctx, who, e, call.Verb == terms.Commit)
		}
		if err := rule.Call(); err != nil {
			return nil, err
		}
		return next(ctx, call)
	})
}

// An instance is used by one call at a time.
type instance struct {
	c        dms.Callee
	rule     Rule
	commit   func(context.Context, dms.Snapshot) error
	outcomes *Outcomes
}

func (i *instance) begin(ctx context.Context, who dms.Peer) ([]byte, error) {
	i.outcomes.begin(i.c.Rand(math.MaxInt32))
	b := begun{Token: i.outcomes.token()}
	if err := i.rule.Begin(who, b.Token); err != nil {
		return nil, err
	}
	var err error
	if b.State, err = i.c.Snapshot(ctx); err != nil {
		i.rule.End(who, b.Token)
		return nil, err
	}
	return abi.Encode(b)
}

// end commits a transaction, or rolls it back.
func (i *instance) end(ctx context.Context, who dms.Peer, e ending, commit bool) error {
	committed, known := i.outcomes.was(e.Token)
	switch {
	case committed && commit:
		return nil
	case committed:
		return abi.Errorf(abi.NoTransaction, "the transaction was committed before it was rolled back")
	case !known && e.Again:
		return abi.Errorf(abi.Unavailable, "it is not known any more whether the transaction was committed")
	}
	defer i.rule.End(who, e.Token)
	switch {
	case !commit || e.State == nil:
		return nil
	case !known:
		return abi.Errorf(abi.Conflict, "the microservice failed and recovered since the transaction began, which is rolled back; begin anew")
	}
	if err := i.rule.Commit(who, e.Token, e.Base); err != nil {
		return err
	}
	if err := i.commit(ctx, *e.State); err != nil {
		return err
	}
	i.outcomes.add(e.Token)
	return nil
}

// A Lock is a rule: one transaction at a time, and no call beside it.
type Lock struct {
	lease *dms.Lease
	last  *uint64 // token of who holds the lease
	ttl   time.Duration
}

// NewLock returns a Lock that c keeps.
func NewLock(c dms.Callee, ttl time.Duration) *Lock {
	return &Lock{dms.Keep(c, "lock", dms.Lease{}), dms.Keep(c, "token", uint64(0)), ttl}
}

// Begin implements Rule.
func (l *Lock) Begin(client dms.Peer, token uint64) error {
	_, err := l.lease.Acquire(client, l.ttl)
	if err == nil {
		*l.last = token
	}
	return err
}

// Commit implements Rule.
func (l *Lock) Commit(_ dms.Peer, token, _ uint64) error {
	if l.lease.Free() == nil || *l.last != token {
		return abi.Errorf(abi.NoTransaction, "the transaction was not committed within its ttl of %v and is rolled back; begin anew", l.ttl)
	}
	return nil
}

// End implements Rule.
func (l *Lock) End(client dms.Peer, token uint64) {
	if *l.last == token {
		l.lease.Release(client)
	}
}

// Call implements Rule.
func (l *Lock) Call() error { return l.lease.Free() }
