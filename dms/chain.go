package dms

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"amino.run/abi"
)

// A Chain is the DMs of one microservice, nearest the application first.
type Chain []DM

// ParseChain returns the chain that specs describe, see Parse. It does not Check it.
func ParseChain(specs []string) (Chain, error) { return parseChain(specs, Parse) }

func parseChain(specs []string, parse func(spec string) (DM, error)) (Chain, error) {
	chain := make(Chain, len(specs))
	for i, spec := range specs {
		dm, err := parse(spec)
		if err != nil {
			return nil, fmt.Errorf("deployment manager %d of %d: %w", i+1, len(specs), err)
		}
		chain[i] = dm
	}
	return chain, nil
}

// Specs returns the text form of each DM, see String.
func (c Chain) Specs() []string {
	specs := make([]string, len(c))
	for i, dm := range c {
		specs[i] = String(dm)
	}
	return specs
}

// String returns the chain on one line.
func (c Chain) String() string { return "[" + strings.Join(c.Specs(), ", ") + "]" }

// Verbs returns the verbs that the chain understands, sorted.
func (c Chain) Verbs() (verbs []Verb) {
	for _, dm := range c {
		verbs = append(verbs, concernsOf(dm).Verbs...)
	}
	slices.Sort(verbs)
	return verbs
}

// Has reports whether a DM of the chain has a trait.
func (c Chain) Has(t Trait) bool {
	return slices.ContainsFunc(c, func(dm DM) bool { return has(concernsOf(dm), t) })
}

// Proxy wraps wire in the proxies of a level. Layer i is given at(i, outer), where
// outer is the layers of the level nearer the wire, which an Invoke by layer i
// passes on its way to the member it names. A verb that no DM of the chain declares
// is refused at the caller, and so is a call that is part of a transaction where no
// DM would take part in it.
func (c Chain) Proxy(l Level, at func(layer int, outer Handler) Caller, wire Handler) Handler {
	h := wire
	for i := l.To - 1; i >= l.From; i-- {
		if p, ok := c[i].(Proxier); ok {
			h = p.Proxy(at(i, h), h)
		}
	}
	return c.declared(c.alone(h))
}

// Instance wraps guest in the instance managers of the chain. Layer i is given
// at(i, inner), where inner is the layers nearer the application, which a
// Restore by layer i must pass. The guest carries out methods and Replace; the
// handler returned takes no Replace, which only a Restore may send.
func (c Chain) Instance(at func(layer int, inner Handler) Callee, guest Handler) Handler {
	h := c.unanswered(guest)
	for i, dm := range c {
		if p, ok := dm.(Instancer); ok {
			h = p.Instance(at(i, h), h)
		}
	}
	return c.declared(h)
}

// Coordinate starts the coordinators of a level.
func (c Chain) Coordinate(l Level, at func(layer int) Group) {
	for i := l.From; i < l.To; i++ {
		if p, ok := c[i].(Coordinated); ok {
			p.Coordinator(at(i))
		}
	}
}

// declared lets methods and the chain's own verbs pass.
func (c Chain) declared(next Handler) Handler {
	verbs := c.Verbs()
	return func(ctx context.Context, call Call) ([]byte, error) {
		if call.Verb != "" && !slices.Contains(verbs, call.Verb) {
			return nil, c.unknown(call.Verb)
		}
		return next(ctx, call)
	}
}

// alone refuses the calls of transactions, unless a DM of the chain takes part in them.
func (c Chain) alone(next Handler) Handler {
	if c.Has(Transacts) {
		return next
	}
	return func(ctx context.Context, call Call) ([]byte, error) {
		if call.Tx != "" {
			return nil, abi.Errorf(abi.Refused, "a transaction cannot call a microservice with the chain %s, which could not be rolled back with it; deploy that with a deployment manager of transactions", c)
		}
		return next(ctx, call)
	}
}

// unanswered keeps a verb that no DM took away from the guest.
func (c Chain) unanswered(guest Handler) Handler {
	return func(ctx context.Context, call Call) ([]byte, error) {
		if call.Verb != "" && call.Verb != Replace {
			return nil, c.unknown(call.Verb)
		}
		return guest(ctx, call)
	}
}

func (c Chain) unknown(v Verb) error {
	if verbs := c.Verbs(); len(verbs) > 0 {
		return abi.Errorf(abi.UnknownVerb, "unknown verb %q: the chain %s understands %s", v, c, list(verbs))
	}
	return abi.Errorf(abi.UnknownVerb, "unknown verb %q: no deployment manager of the chain %s has verbs", v, c)
}
