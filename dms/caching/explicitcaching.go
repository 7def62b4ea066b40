package caching

import (
	"time"

	"amino.run/abi"
	"amino.run/dms"
	"amino.run/dms/internal/transaction"
)

// The verbs of ExplicitCaching. They take no arguments and answer null.
const (
	Pull dms.Verb = "pull" // have a copy here
	Push dms.Verb = "push" // send it back
)

func init() {
	dms.Register("ExplicitCaching", func() dms.DM { return &ExplicitCaching{TTL: time.Hour} })
}

// ExplicitCaching runs a client's calls on a copy of its own from pull to push.
//
// Guarantees: push makes the copy's state the microservice's, as a whole, if no call
// that may write has run there since the pull; else it fails with conflict, and what
// was done on the copy is dropped, never what others did. A push whose answer was lost
// may be sent again. A copy is of one client: the program that made the outermost call
// (`aminorun invoke --as`) together with the microservice that calls on its behalf,
// each at one kernel. Calls of clients that have no copy run at the microservice.
//
// Costs: the whole state to pull, and to push if it changed; nothing leaves the node
// for the calls between. What is not pushed is lost with the node. Another chain can
// take this one's place only while no one has a copy.
//
// Needs: an application that says when. It comes last of the DMs that see calls.
// Outgoing calls of a copy leave from its client's node, at once.
//
// Verbs: pull() gets a copy, and drops the one there may be. push() sends it back and
// drops it; without a copy it fails with no transaction.
type ExplicitCaching struct {
	TTL time.Duration `doc:"how long a copy lasts that is not pushed"`
}

// Validate implements dms.Validator.
func (d *ExplicitCaching) Validate() error { return dms.Positive("ttl", d.TTL) }

// Concerns implements dms.Concerned.
func (d *ExplicitCaching) Concerns() dms.Concerns {
	return dms.Concerns{
		Verbs: []dms.Verb{Pull, Push},
		Owns:  []dms.Trait{dms.Routes},
		Has:   []dms.Trait{dms.AtCallers, dms.Orders, dms.Spreads},
	}
}

func (d *ExplicitCaching) terms() transaction.Terms {
	return transaction.Terms{Begin: Pull, Commit: Push, TTL: d.TTL, Anew: true}
}

// Proxy implements dms.Proxier.
func (d *ExplicitCaching) Proxy(c dms.Caller, next dms.Handler) dms.Handler {
	return transaction.Proxy(c, d.terms(), next)
}

// Instance implements dms.Instancer.
func (d *ExplicitCaching) Instance(c dms.Callee, next dms.Handler) dms.Handler {
	return transaction.Instance(c, d.terms(), unchanged{c}, next, c.Restore)
}

// unchanged is the rule that a copy may be pushed if nothing was written since it was
// pulled.
type unchanged struct{ c dms.Callee }

func (unchanged) Begin(dms.Peer, uint64) error { return nil }
func (unchanged) End(dms.Peer, uint64)         {}
func (unchanged) Call() error                  { return nil }

func (u unchanged) Commit(_ dms.Peer, _, base uint64) error {
	if u.c.Version() != base {
		return abi.Errorf(abi.Conflict, "the microservice was written to since the pull; the copy is dropped: pull and do it again")
	}
	return nil
}
