package scalability

import (
	"cmp"
	"context"
	"slices"
	"sync/atomic"
	"time"

	"amino.run/abi"
	"amino.run/dms"
)

// regrow is how often missing replicas are started again, if there is a node.
const regrow = 5 * time.Second

func init() {
	dms.Register("LoadBalancedFrontEnd", func() dms.DM {
		return &LoadBalancedFrontEnd{Replicas: 2, MaxConcurrent: 20}
	})
}

// LoadBalancedFrontEnd spreads calls over a fixed number of replicas that do not
// know of each other's writes.
//
// Guarantees: one replica per node; each caller's node goes round them from a
// random start. A replica that has its fill of calls refuses more with overloaded,
// and the next one is tried; so is it for a readonly call to a replica that is
// lost. A lost replica is replaced by a copy of another as soon as a node is free.
// No consistency: a write is seen at the replica it ran at, and lost with it.
//
// Costs: nothing for a call; memory for each replica.
//
// Needs: as many nodes as replicas that placement allows, else the microservice is
// not created.
//
// Verbs: none.
type LoadBalancedFrontEnd struct {
	Replicas      int `doc:"how many there are, each on a node of its own"`
	MaxConcurrent int `doc:"calls at once at one replica"`
}

// Validate implements dms.Validator.
func (d *LoadBalancedFrontEnd) Validate() error {
	return cmp.Or(dms.Positive("replicas", d.Replicas), dms.Positive("maxConcurrent", d.MaxConcurrent))
}

// Concerns implements dms.Concerned.
func (d *LoadBalancedFrontEnd) Concerns() dms.Concerns {
	return dms.Concerns{
		Owns: []dms.Trait{dms.Routes, dms.Membership, dms.Recovery},
		Has:  []dms.Trait{dms.Spreads},
		Minds: map[dms.Trait]string{
			dms.OneNode: "one keeps the microservice to one node, and the other needs a node for each replica",
		},
	}
}

// Proxy implements dms.Proxier.
func (d *LoadBalancedFrontEnd) Proxy(c dms.Caller, next dms.Handler) dms.Handler {
	var turn atomic.Uint32
	turn.Store(uint32(c.Rand(1 << 16))) // callers do not start at the same replica
	return func(ctx context.Context, call dms.Call) (out []byte, err error) {
		all := c.Replicas()
		if len(all) == 0 {
			return next(ctx, call)
		}
		first := int(turn.Add(1))
		for i := range all {
			out, err = c.Invoke(ctx, all[(first+i)%len(all)], call)
			if err == nil || !elsewhere(call, err) {
				return out, err
			}
		}
		return nil, err
	}
}

// elsewhere reports whether call may be sent to another replica after err: it did
// not run, or running it twice changes nothing.
func elsewhere(call dms.Call, err error) bool {
	switch abi.CodeOf(err) {
	case abi.Overloaded:
		return true
	case abi.Unavailable:
		return call.ReadOnly
	}
	return false
}

// Instance implements dms.Instancer.
func (d *LoadBalancedFrontEnd) Instance(c dms.Callee, next dms.Handler) dms.Handler {
	slots := make(chan struct{}, d.MaxConcurrent)
	return func(ctx context.Context, call dms.Call) ([]byte, error) {
		select {
		case slots <- struct{}{}:
			defer func() { <-slots }()
			return next(ctx, call)
		default:
			return nil, abi.Errorf(abi.Overloaded, "replica %s has its fill of %d calls at once (maxConcurrent); try again later", c.Self().Peer, d.MaxConcurrent)
		}
	}
}

// Coordinator implements dms.Coordinated.
func (d *LoadBalancedFrontEnd) Coordinator(g dms.Group) {
	g.OnCreate(func(ctx context.Context) error {
		if n := len(g.Nodes()); n < d.Replicas {
			return abi.Errorf(abi.Placement, "%d replicas need a node each, and placement allows %d; start more kernels or set replicas=%d", d.Replicas, n, max(n, 1))
		}
		return dms.Grow(ctx, g, d.Replicas)
	})
	g.OnFailure(func(ctx context.Context, lost dms.Replica) error {
		if !slices.ContainsFunc(g.Replicas(), func(r dms.Replica) bool { return r.Peer != lost.Peer }) {
			return abi.Errorf(abi.Unavailable, "%s was the last replica; there is none to copy", lost.Peer)
		}
		if err := g.Remove(ctx, lost); err != nil {
			return err
		}
		return dms.Grow(ctx, g, d.Replicas)
	})
	g.Every(regrow, func(ctx context.Context) {
		_ = dms.Grow(ctx, g, d.Replicas) // or next time
	})
}
