package mobility

import (
	"context"
	"time"

	"amino.run/abi"
	"amino.run/dms"
)

func init() {
	dms.Register("CodeOffloading", func() dms.DM { return &CodeOffloading{Probe: 20} })
}

// CodeOffloading runs each method where it has lately been answered sooner: here, or at
// a helper in the cloud to which the state travels, and back.
//
// Guarantees: linearizable. What a call wrote at the helper is back before it is
// answered, so nothing is lost with the helper or the link: a call that is not answered
// in time is carried out here, from the state before it. Averages of both sides are kept
// for each method; the slower side is tried again now and then. If the helper is lost,
// another is started; if the node of the microservice is, the helper does not replace it.
//
// Costs: calls run one at a time. For a call at the helper a round trip, the whole state
// there if it changed here since, and back if the call wrote. A second instance. For
// trying, one part of probe of the time.
//
// Needs: a node with the label tier=cloud, else all runs here. DMs that save or move the
// state come after it. Outgoing calls of a call that was given up on at the helper are
// made again here.
//
// Verbs: none; those of DMs before it run here.
type CodeOffloading struct {
	Probe int `doc:"the slower side is tried when this many times its time has passed"`
}

// Validate implements dms.Validator.
func (d *CodeOffloading) Validate() error { return dms.Positive("probe", d.Probe) }

// Concerns implements dms.Concerned.
func (*CodeOffloading) Concerns() dms.Concerns {
	return dms.Concerns{
		Owns: []dms.Trait{dms.Membership},
		Has:  []dms.Trait{dms.Orders},
		Minds: map[dms.Trait]string{
			dms.OneNode: "one keeps the microservice to one node, and CodeOffloading needs another in the cloud",
			dms.Moves:   "both decide where calls run",
			dms.Spreads: "CodeOffloading brings the state of each call back, and the other runs calls at several places at once",
		},
		Before: map[dms.Trait]string{
			dms.Recovery: "CodeOffloading runs calls at its helper, where a DM before it would save a state that is not the microservice's",
		},
	}
}

type (
	// An errand is a call for the helper. Their numbers go up, so that one that is late
	// is known; After is the one whose state this call is made on, unless it has its own.
	errand struct {
		Number, After uint64
		State         *dms.Snapshot
		Call          dms.Call
	}
	outcome struct {
		Last  uint64 // errand the helper has carried out
		Stale bool   // it did not carry out this one
		Out   []byte
		Err   *abi.Error
		State *dms.Snapshot // nil if the call is readonly
	}
)

// slack is how much longer than either side lately took a call may stay at the helper.
const slack = 250 * time.Millisecond

// Instance implements dms.Instancer.
func (d *CodeOffloading) Instance(c dms.Callee, next dms.Handler) dms.Handler {
	h := &home{c: c, next: next, probe: time.Duration(d.Probe), costs: map[string]*cost{}}
	var last uint64
	busy := dms.NewMutex()
	dms.Answer(c, func(ctx context.Context, _ dms.Peer, e errand) (o outcome, err error) {
		if err := busy.Lock(ctx); err != nil {
			return o, err
		}
		defer busy.Unlock()
		if e.Number <= last || e.State == nil && e.After != last {
			return outcome{Last: last, Stale: true}, nil
		}
		last = e.Number
		if e.State != nil {
			if err := c.Restore(ctx, *e.State); err != nil {
				return o, err
			}
		}
		o.Last = last
		out, err := next(ctx, e.Call)
		o.Out, o.Err = out, abi.AsError(err)
		if !e.Call.ReadOnly {
			s, err := c.Snapshot(ctx)
			if err != nil {
				return o, err
			}
			o.State = &s
		}
		return o, nil
	})
	return dms.Serial(h.call)
}

// Coordinator implements dms.Coordinated.
func (d *CodeOffloading) Coordinator(g dms.Group) {
	help := func(ctx context.Context) error {
		at, err := dms.Primary(g)
		if err != nil || len(g.Replicas()) > 1 || at.Node.Labels["tier"] == dms.Cloud {
			return err
		}
		cloud, ok := nearestCloud(g, at.Node)
		if !ok {
			return nil // all runs here, until there is one
		}
		_, err = g.Replicate(ctx, cloud)
		return err
	}
	g.OnCreate(help)
	g.OnFailure(func(ctx context.Context, lost dms.Replica) error {
		if at, err := dms.Primary(g); err != nil || at.Peer == lost.Peer {
			return err // other DMs may bring it back; what the helper has may be old
		}
		if err := g.Remove(ctx, lost); err != nil {
			return err
		}
		return help(ctx)
	})
	g.Every(5*time.Second, func(ctx context.Context) { _ = help(ctx) }) // or next time
}
