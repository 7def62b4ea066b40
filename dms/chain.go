package dms

import (
	"context"
	"slices"

	"amino.run/abi"
)

// A Chain is the DMs of one microservice, nearest the application first.
type Chain []DM

// Proxy wraps wire in the proxies of the chain. Layer i is given at(i, outer),
// where outer is the layers nearer the wire, which an Invoke by layer i passes
// on its way to the replica it names.
func (c Chain) Proxy(at func(layer int, outer Handler) Caller, wire Handler) Handler {
	h := wire
	for i, dm := range slices.Backward(c) {
		if p, ok := dm.(Proxier); ok {
			h = p.Proxy(at(i, h), h)
		}
	}
	return h
}

// Instance wraps guest in the instance managers of the chain. Layer i is given
// at(i, inner), where inner is the layers nearer the application, which a
// Restore by layer i must pass. The guest carries out methods and Replace.
func (c Chain) Instance(at func(layer int, inner Handler) Callee, guest Handler) Handler {
	h := knownVerbs(guest)
	for i, dm := range c {
		if p, ok := dm.(Instancer); ok {
			h = p.Instance(at(i, h), h)
		}
	}
	return h
}

// Coordinate starts the coordinators of the chain.
func (c Chain) Coordinate(at func(layer int) Group) {
	for i, dm := range c {
		if p, ok := dm.(Coordinated); ok {
			p.Coordinator(at(i))
		}
	}
}

// knownVerbs keeps a verb that no DM took away from the guest.
func knownVerbs(guest Handler) Handler {
	return func(ctx context.Context, call Call) ([]byte, error) {
		if call.Verb != "" && call.Verb != Replace {
			return nil, abi.ErrVerb
		}
		return guest(ctx, call)
	}
}
