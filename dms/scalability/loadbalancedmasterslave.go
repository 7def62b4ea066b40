package scalability

import (
	"cmp"
	"context"
	"sync/atomic"
	"time"

	"amino.run/abi"
	"amino.run/dms"
)

func init() {
	dms.Register("LoadBalancedMasterSlave", func() dms.DM {
		return &LoadBalancedMasterSlave{Replicas: 3, Lag: 100 * time.Millisecond}
	})
}

// LoadBalancedMasterSlave sends writes to a master, which passes them on to its slaves,
// and spreads readonly calls over all.
//
// Guarantees: eventual consistency. Writes run at the master, one after another, and at
// each slave in the same order; what the master's guest was given by the clock, by chance
// and by others, the slaves' are given too. A readonly call may miss the last writes,
// its caller's own as well. When the master is lost, the slave that has most writes takes
// its place, and writes that no slave had are lost. A write that is sent again runs once.
//
// Costs: nothing for a readonly call; for writes a message to each slave in each lag. The
// whole state for a slave that is new or has missed writes.
//
// Needs: as many nodes as replicas that placement allows, else there are fewer.
//
// Verbs: none; those of DMs before it run at each replica.
type LoadBalancedMasterSlave struct {
	Replicas int           `doc:"how many there are, the master included"`
	Lag      time.Duration `doc:"how often writes are passed on"`
}

// Validate implements dms.Validator.
func (d *LoadBalancedMasterSlave) Validate() error {
	return cmp.Or(dms.Positive("replicas", d.Replicas), dms.Positive("lag", d.Lag))
}

// Concerns implements dms.Concerned.
func (d *LoadBalancedMasterSlave) Concerns() dms.Concerns {
	c := replicated
	c.Has = []dms.Trait{dms.Spreads, dms.Orders}
	return c
}

// replicated are the concerns of masters and slaves.
var replicated = dms.Concerns{
	Owns: []dms.Trait{dms.Routes, dms.Membership, dms.Recovery},
	Has:  []dms.Trait{dms.Orders},
	Minds: map[dms.Trait]string{
		dms.Freezes: "the state never changes, so there is nothing to pass on to slaves",
		dms.OneNode: "one keeps the microservice to one node, and the other needs a node for each replica",
	},
}

// Proxy implements dms.Proxier.
func (d *LoadBalancedMasterSlave) Proxy(c dms.Caller, next dms.Handler) dms.Handler {
	var turn atomic.Uint32
	turn.Store(uint32(c.Rand(1 << 16))) // callers do not start at the same replica
	return func(ctx context.Context, call dms.Call) (out []byte, err error) {
		if all := c.Replicas(); call.ReadOnly && len(all) > 0 {
			first := int(turn.Add(1))
			for i := range all {
				out, err = c.Invoke(ctx, all[(first+i)%len(all)], call)
				if err == nil || !elsewhere(call, err) {
					return out, err
				}
			}
			return nil, err
		}
		return next(ctx, call)
	}
}

// Instance implements dms.Instancer.
func (d *LoadBalancedMasterSlave) Instance(c dms.Callee, next dms.Handler) dms.Handler {
	l := newLine(c)
	c.Every(d.Lag, func(ctx context.Context) {
		if l.leads() {
			ctx, cancel := context.WithTimeout(ctx, max(10*d.Lag, time.Second))
			defer cancel()
			_, _ = l.send(ctx, l.count(ctx)) // or next time
		}
	})
	return func(ctx context.Context, call dms.Call) ([]byte, error) {
		if call.ReadOnly {
			return next(ctx, call)
		}
		out, _, err := l.lead(ctx, call)
		return out, err
	}
}

// Coordinator implements dms.Coordinated.
func (d *LoadBalancedMasterSlave) Coordinator(g dms.Group) {
	grow := func(ctx context.Context) error { return dms.Grow(ctx, g, d.Replicas) }
	g.OnCreate(grow)
	g.OnFailure(func(ctx context.Context, lost dms.Replica) error {
		if err := succeed(ctx, g, lost, others(g, lost)); err != nil {
			return err
		}
		return grow(ctx)
	})
	g.Every(regrow, func(ctx context.Context) { _ = grow(ctx) }) // or next time
}

// others returns the replicas but one.
func others(p dms.Part, but dms.Replica) (peers []dms.Peer) {
	for _, r := range p.Replicas() {
		if r.Peer != but.Peer {
			peers = append(peers, r.Peer)
		}
	}
	return peers
}

// succeed takes a lost replica out of the group. If it was the master, the one of the
// heirs takes its place that has come furthest in its line.
func succeed(ctx context.Context, g dms.Group, lost dms.Replica, heirs []dms.Peer) error {
	if at, err := dms.Primary(g); err != nil || at.Peer != lost.Peer {
		return g.Remove(ctx, lost)
	}
	var heir dms.Peer
	var most uint64
	for _, r := range dms.AskAll[place](ctx, g, heirs, report{}) {
		n := uint64(1)
		if r.Value.By == lost.Peer {
			n += r.Value.N
		}
		if r.Err == nil && n > most {
			heir, most = r.From, n
		}
	}
	if most == 0 {
		return abi.Errorf(abi.Unavailable, "the master %s is lost, and no slave that may take its place can be reached", lost.Peer)
	}
	for _, r := range g.Replicas() {
		if r.Peer == heir {
			if err := g.Promote(ctx, r); err != nil {
				return err
			}
		}
	}
	return g.Remove(ctx, lost)
}
