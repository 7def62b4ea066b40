package replication

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

	"amino.run/dms"
)

func init() { dms.Register("ConsensusRSM-P2P", func() dms.DM { return &P2P{defaults} }) }

// P2P keeps a microservice the same on the devices that call it, and goes on while
// most of them live.
//
// Guarantees: those of ConsensusRSM-Cluster, on devices only. It begins on one; the
// devices that call become replicas, always so that their number is odd. A lost one
// is replaced by another that has called.
//
// Costs: those of ConsensusRSM-Cluster; a call beside the leader leaves its device
// only for the majority.
//
// Needs: nodes labelled tier=device.
//
// Verbs: none; those of DMs before it run at each replica.
type P2P struct{ consensus }

// A hello says that a device holds a reference.
type hello struct{ Node string }

// remembered is how many devices that called may become replicas.
const remembered = 32

// Proxy implements dms.Proxier.
func (d *P2P) Proxy(c dms.Caller, next dms.Handler) dms.Handler {
	h := d.consensus.Proxy(c, next)
	here := c.Here()
	if here.Labels["tier"] != dms.Device {
		return h
	}
	var said atomic.Int64 // when, from the part's beginning
	start := time.Now()
	said.Store(-int64(mend))
	return func(ctx context.Context, call dms.Call) ([]byte, error) {
		now := int64(time.Since(start))
		if last := said.Load(); now-last >= int64(mend) && said.CompareAndSwap(last, now) && !holds(c, here) {
			dms.Tell(c, dms.Coordinator, hello{here.ID})
		}
		return h(ctx, call)
	}
}

// Coordinator implements dms.Coordinated.
func (d *P2P) Coordinator(g dms.Group) {
	g.Allow(func(n dms.Node) bool { return n.Labels["tier"] == dms.Device })
	callers := dms.Keep(g, "callers", []string{}) // the last to say hello is the last
	m := &members{g: g, want: d.Replicas}
	m.spare = func() []dms.Node {
		near := slices.DeleteFunc(dms.Spare(g), func(n dms.Node) bool { return !slices.Contains(*callers, n.ID) })
		lost := slices.ContainsFunc(g.Replicas(), m.isGone)
		if odd := len(g.Replicas())%2 == 1; odd && !lost && len(near) < 2 {
			return nil // two replicas outlive no more losses than one does
		}
		return near
	}
	dms.Answer(g, func(ctx context.Context, _ dms.Peer, by hello) (dms.None, error) {
		known := slices.DeleteFunc(slices.Clone(*callers), func(id string) bool { return id == by.Node })
		*callers = append(known[max(0, len(known)+1-remembered):], by.Node)
		return dms.None{}, m.repair(ctx)
	})
	m.watch()
}
