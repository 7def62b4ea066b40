package oms_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"amino.run/abi"
	"amino.run/dms"
)

func init() {
	dms.Register("TestDurable", func() dms.DM { return new(durable) })
	dms.Register("TestGrow", func() dms.DM { return &grow{Replicas: 2} })
	dms.Register("TestPin", func() dms.DM { return new(pin) })
	dms.Register("TestTier", func() dms.DM { return &tier{Tier: "cloud"} })
	dms.Register("TestCount", func() dms.DM { return new(count) })
	dms.Register("TestMover", func() dms.DM { return new(mover) })
	future.Store(true)
	dms.Register("TestFuture", func() dms.DM { return new(fromFuture) })
	dms.Register("TestBroken", func() dms.DM { return new(broken) })
	dms.Register("TestShards", func() dms.DM { return &shards{Shards: 2} })
	dms.Register("TestRTT", func() dms.DM { return new(rtt) })
	dms.Register("TestPromote", func() dms.DM { return new(promote) })
}

// durable recovers: see kernel.start.
type durable struct{}

func (*durable) Instance(_ dms.Callee, next dms.Handler) dms.Handler { return next }

// grow keeps a number of replicas.
type grow struct{ Replicas int }

func (d *grow) Coordinator(g dms.Group) {
	g.OnCreate(func(ctx context.Context) error { return dms.Grow(ctx, g, d.Replicas) })
	g.OnFailure(func(ctx context.Context, lost dms.Replica) error {
		if err := g.Remove(ctx, lost); err != nil {
			return err
		}
		return dms.Grow(ctx, g, d.Replicas)
	})
}

// pin keeps to where it was created.
type pin struct{}

func (*pin) Coordinator(g dms.Group) {
	g.Allow(func(n dms.Node) bool { return n.ID == g.Origin().ID })
}

// tier keeps to nodes of a tier.
type tier struct{ Tier string }

func (d *tier) Coordinator(g dms.Group) {
	g.Allow(func(n dms.Node) bool { return n.Labels["tier"] == d.Tier })
}

// count counts what it is told and each upcall, and keeps the numbers.
type count struct{}

type counts struct{ Asked, Told, Created, Failed, Changed, Ticks int }

type (
	addAsk  struct{ By int }
	addTell struct{ By int }
	getAll  struct{}
)

func (*count) Coordinator(g dms.Group) {
	c := dms.Keep(g, "counts", counts{})
	g.OnCreate(func(context.Context) error { c.Created++; return nil })
	g.OnFailure(func(context.Context, dms.Replica) error { c.Failed++; return nil })
	g.OnMembershipChange(func(context.Context) { c.Changed++ })
	g.Every(time.Minute, func(context.Context) { c.Ticks++ })
	dms.Answer(g, func(_ context.Context, _ dms.Peer, req addAsk) (int, error) { c.Asked += req.By; return c.Asked, nil })
	dms.Answer(g, func(_ context.Context, _ dms.Peer, req addTell) (dms.None, error) {
		c.Told += req.By
		return dms.None{}, nil
	})
	dms.Answer(g, func(context.Context, dms.Peer, getAll) (counts, error) { return *c, nil })
}

// mover moves the primary, and back, within one answer.
type mover struct{}

type moveTo struct{ Node string }

func (*mover) Coordinator(g dms.Group) {
	dms.Answer(g, func(ctx context.Context, _ dms.Peer, to moveTo) (string, error) {
		for _, n := range g.Nodes() {
			if n.ID == to.Node {
				if err := g.Move(ctx, g.Replicas()[0], n); err != nil {
					return "", err
				}
				return dms.Ask[string](ctx, g, g.Replicas()[0].Peer, getAll{})
			}
		}
		return "", abi.ErrPlacement
	})
}

// broken does what a DM should not.
type broken struct{}

type (
	panics struct{}
	hangs  struct{}
	selfie struct{}
)

func (*broken) Coordinator(g dms.Group) {
	dms.Answer(g, func(context.Context, dms.Peer, panics) (dms.None, error) { panic("as told") })
	dms.Answer(g, func(ctx context.Context, _ dms.Peer, _ hangs) (dms.None, error) {
		<-ctx.Done()
		return dms.None{}, ctx.Err()
	})
	dms.Answer(g, func(ctx context.Context, _ dms.Peer, _ selfie) (dms.None, error) {
		return dms.Ask[dms.None](ctx, g, dms.Coordinator, panics{})
	})
}

// fromFuture panics while it is built by an OMS of the present.
type fromFuture struct{}

var future atomic.Bool

func (*fromFuture) Coordinator(dms.Group) {
	if !future.Load() {
		panic("made for another version")
	}
}

// promote makes its last replica the primary.
type promote struct{}

func (*promote) Coordinator(g dms.Group) {
	g.OnCreate(func(ctx context.Context) error {
		if err := dms.Grow(ctx, g, 3); err != nil {
			return err
		}
		all := g.Replicas()
		return g.Promote(ctx, all[len(all)-1])
	})
}

// rtt answers with the round trips it sees: k1 to itself, to k2, and back.
type rtt struct{}

type measured struct{}

func (*rtt) Coordinator(g dms.Group) {
	dms.Answer(g, func(context.Context, dms.Peer, measured) (string, error) {
		k1, k2 := dms.Node{ID: "k1"}, dms.Node{ID: "k2"}
		return fmt.Sprint(g.RTT(k1, k1), g.RTT(k1, k2), g.RTT(k2, k1)), nil
	})
}
