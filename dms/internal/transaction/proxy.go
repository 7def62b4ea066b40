package transaction

import (
	"context"
	"sync"
	"time"

	"amino.run/abi"
	"amino.run/dms"
)

// memory is for how long a client is told that its transaction ran out.
const memory = time.Hour

// A proxy keeps the open transactions of the clients at one node.
type proxy struct {
	Terms
	c    dms.Caller
	next dms.Handler

	mu   sync.Mutex
	open map[string]*local // by client
}

// Proxy returns the proxy of a DM of transactions.
func Proxy(c dms.Caller, terms Terms, next dms.Handler) dms.Handler {
	p := &proxy{Terms: terms, c: c, next: next, open: map[string]*local{}}
	c.Every(terms.TTL, func(context.Context) { p.sweep() })
	c.OnDrain(p.drain)
	return p.call
}

func (p *proxy) call(ctx context.Context, call dms.Call) ([]byte, error) {
	mine := call.Verb == p.Begin || p.ends(call.Verb)
	if mine {
		if err := dms.VerbArgs(call); err != nil {
			return nil, err
		}
	}
	t := p.of(call)
	if t == nil {
		if mine {
			return nil, p.nothing(call.Verb)
		}
		return p.next(ctx, call)
	}
	if err := t.turn.Lock(ctx); err != nil {
		return nil, err
	}
	defer t.turn.Unlock()
	switch {
	case mine:
		return nil, t.verb(ctx, call)
	case t.state == none:
		return p.next(ctx, call)
	case call.Verb != "":
		return nil, abi.Errorf(abi.NoTransaction, "the verb %s cannot come between %s and %s", call.Verb, p.Begin, p.Commit)
	}
	return t.call(ctx, call)
}

func (p *proxy) nothing(v dms.Verb) error {
	return abi.Errorf(abi.NoTransaction, "there is nothing to %s; %s first", v, p.Begin)
}

// of returns the transaction of the call's client, which may be none, and nil if the
// client has had none lately.
func (p *proxy) of(call dms.Call) *local {
	p.mu.Lock()
	defer p.mu.Unlock()
	key := client(call)
	t := p.open[key]
	if t == nil && call.Verb == p.Begin {
		t = &local{p: p, turn: dms.NewMutex(), until: time.Now()}
		p.open[key] = t
	}
	return t
}

// sweep frees the copies of clients that went away in the middle, and forgets clients
// that have no transaction.
func (p *proxy) sweep() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for key, t := range p.open {
		if !t.turn.TryLock() {
			continue
		}
		if t.late() {
			t.copy = nil
		}
		if past := time.Since(t.until); t.state == none && past > p.TTL || past > p.TTL+memory {
			delete(p.open, key)
		}
		t.turn.Unlock()
	}
}

// drain has the chain stay while a transaction is open: what was done in it is its
// client's to commit.
func (p *proxy) drain(context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, t := range p.open {
		if (t.state == open || t.state == unsure) && !t.late() {
			return abi.Errorf(abi.Leased, "between a %s and a %s at %s for %v more at most; end it first", p.Begin, p.Commit, p.c.Here().ID, time.Until(t.until).Round(time.Millisecond))
		}
	}
	return nil
}
