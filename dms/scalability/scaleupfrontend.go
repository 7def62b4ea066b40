package scalability

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"amino.run/abi"
	"amino.run/dms"
)

func init() {
	dms.Register("ScaleUpFrontEnd", func() dms.DM {
		return &ScaleUpFrontEnd{Min: 2, Max: 8, MaxConcurrent: 20, Interval: 5 * time.Second}
	})
}

// ScaleUpFrontEnd spreads calls over as many replicas as the load asks for, which do not
// know of each other's writes.
//
// Guarantees: those of LoadBalancedFrontEnd, for a number of replicas between min and max:
// in each interval one more if three quarters of what they can carry were used or they
// refused one call in twenty, or one fewer if half of what the others can carry has long
// been enough. One that is taken away takes no new calls
// and is let finish its own. No consistency: a write is seen at the replica it ran at, and
// goes with it.
//
// Costs: a message from each replica in each interval; the whole state for a new one.
//
// Needs: as many nodes as min that placement allows, else the microservice is not created.
//
// Verbs: none.
type ScaleUpFrontEnd struct {
	Min           int           `doc:"the fewest replicas there are"`
	Max           int           `doc:"the most, if there are as many nodes"`
	MaxConcurrent int           `doc:"calls at once at one replica"`
	Interval      time.Duration `doc:"in which at most one is added or taken away"`
}

// quiet is for how many intervals the load must be small before a replica is taken away.
const quiet = 3

// Validate implements dms.Validator.
func (d *ScaleUpFrontEnd) Validate() error {
	if d.Max < d.Min {
		return fmt.Errorf("max=%d is less than min=%d; write max=%d or more", d.Max, d.Min, d.Min)
	}
	return cmp.Or(d.front().Validate(), dms.Positive("min", d.Min), dms.Positive("interval", d.Interval))
}

// Concerns implements dms.Concerned.
func (d *ScaleUpFrontEnd) Concerns() dms.Concerns { return d.front().Concerns() }

// front is the DM of a fixed number of replicas that this one changes the number of.
func (d *ScaleUpFrontEnd) front() *LoadBalancedFrontEnd {
	return &LoadBalancedFrontEnd{Replicas: max(d.Min, 1), MaxConcurrent: d.MaxConcurrent}
}

// Proxy implements dms.Proxier.
func (d *ScaleUpFrontEnd) Proxy(c dms.Caller, next dms.Handler) dms.Handler {
	x := &choosy{Caller: c, rest: 2 * d.Interval, until: map[dms.Peer]time.Time{}}
	dms.Answer(c, func(_ context.Context, from dms.Peer, _ leaving) (none dms.None, err error) {
		x.avoid(from)
		return none, nil
	})
	return d.front().Proxy(x, next)
}

type (
	retire  struct{} // a replica is to take no new calls; answered when it has none
	leaving struct{} // tells callers of that
	alive   struct{} // asks whether a replica is
)

// Instance implements dms.Instancer.
func (d *ScaleUpFrontEnd) Instance(c dms.Callee, next dms.Handler) dms.Handler {
	m := &meter{since: time.Now()}
	var retired atomic.Bool
	var callers sync.Map // IDs of their nodes
	c.Every(d.Interval, func(context.Context) { dms.Tell(c, dms.Coordinator, m.take(d.Interval)) })
	dms.Answer(c, func(ctx context.Context, _ dms.Peer, _ retire) (none dms.None, err error) {
		retired.Store(true)
		var peers []dms.Peer
		callers.Range(func(id, _ any) bool { peers = append(peers, dms.Peer("@"+id.(string))); return true })
		told, cancel := context.WithTimeout(ctx, d.Interval/2)
		defer cancel()
		dms.AskAll[dms.None](told, c, peers, leaving{})                  // one that does not answer is told when it calls
		for first := true; first || m.note(0, 0, 0) > 0; first = false { // some may be on their way
			select {
			case <-time.After(d.Interval / 4):
			case <-ctx.Done():
				retired.Store(false)
				return none, ctx.Err()
			}
		}
		return none, nil
	})
	dms.Answer(c, func(context.Context, dms.Peer, alive) (none dms.None, err error) { return none, nil })
	limited := d.front().Instance(c, func(ctx context.Context, call dms.Call) ([]byte, error) {
		m.note(1, 0, 0)
		defer m.note(0, 1, 0)
		return next(ctx, call)
	})
	return func(ctx context.Context, call dms.Call) ([]byte, error) {
		callers.LoadOrStore(call.From.ID, nil)
		if retired.Load() {
			return nil, abi.Errorf(abi.NotLeader, "replica %s is being taken away", c.Self().Peer)
		}
		out, err := limited(ctx, call)
		if abi.CodeOf(err) == abi.Overloaded {
			m.note(0, 0, 1)
		}
		return out, err
	}
}

// Coordinator implements dms.Coordinated.
func (d *ScaleUpFrontEnd) Coordinator(g dms.Group) {
	d.front().Coordinator(g)
	type report struct {
		load
		at time.Time
	}
	last := map[dms.Peer]report{} // by replica
	idle := 0                     // intervals in which there were more replicas than the load needs
	dms.Answer(g, func(_ context.Context, from dms.Peer, l load) (dms.None, error) {
		last[from] = report{l, time.Now()}
		return dms.None{}, nil
	})
	g.Every(d.Interval, func(ctx context.Context) {
		all := g.Replicas()
		var sum load
		idle++
		for _, r := range all {
			l := last[r.Peer]
			if time.Since(l.at) > 2*d.Interval {
				idle = 0 // it may be lost, or the others may be
				continue
			}
			sum = load{sum.Mean + l.Mean, sum.Came + l.Came, sum.Refused + l.Refused}
		}
		maps.DeleteFunc(last, func(_ dms.Peer, l report) bool { return time.Since(l.at) > 2*d.Interval })
		switch n, limit := float64(len(all)), float64(d.MaxConcurrent); {
		case sum.Mean >= 0.75*n*limit, sum.Refused > sum.Came/20:
			idle = 0
			_ = dms.Grow(ctx, g, min(len(all)+1, d.Max)) // or next time
		case sum.Mean >= 0.5*(n-1)*limit || len(all) <= d.Min:
			idle = 0
		case idle >= quiet:
			idle = 0
			d.shrink(ctx, g, all[len(all)-1])
		}
	})
}

// shrink takes a replica away when its calls are over; if they last, it stays. So it
// does unless all others answer: they may be lost, and this one be the last.
func (d *ScaleUpFrontEnd) shrink(ctx context.Context, g dms.Group, r dms.Replica) {
	ctx, cancel := context.WithTimeout(ctx, d.Interval)
	defer cancel()
	for _, x := range dms.AskAll[dms.None](ctx, g, others(g, r), alive{}) {
		if x.Err != nil {
			return
		}
	}
	if _, err := dms.Ask[dms.None](ctx, g, r.Peer, retire{}); err == nil {
		_ = g.Remove(context.WithoutCancel(ctx), r) // or next time; it refuses calls, which then go to others
	}
}
