package oms

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"amino.run/abi"
	"amino.run/dms"
	"amino.run/internal/api"
	"amino.run/oms/directory"
)

// coordinators are the parts of a group's chain that run in the OMS.
type coordinators struct {
	g          *group
	chain      dms.Chain // of the whole microservice
	generation uint64
	origin     api.Node
	parts      []*part // by layer; nil where the DM has no coordinator
	err        error   // why they cannot be asked, if so

	ctx    context.Context // ends with the group, or when another chain takes its place
	stop   context.CancelFunc
	starts sync.Once
	stage  atomic.Pointer[switching] // under way, that is to make them the group's
}

// newCoordinators builds the coordinators of a chain, with the cells they kept. A
// DM that panics while it is built is their error.
func newCoordinators(g *group, chain dms.Chain, rec *directory.Group, stage *switching) (c *coordinators) {
	c = &coordinators{g: g, chain: chain, generation: rec.Generation, origin: rec.Origin, parts: make([]*part, len(rec.Spec.DMs))}
	c.ctx, c.stop = context.WithCancel(g.ctx)
	c.stage.Store(stage)
	defer func() {
		if p := recover(); p != nil {
			c.err = abi.Errorf(abi.Internal, "building a coordinator: %v", p)
		}
	}()
	chain.Coordinate(chain.LevelOf(g.id), func(layer int) dms.Group {
		p := &part{c: c, layer: layer, spec: rec.Spec.DMs[layer], answers: map[string]answer{}, cells: map[string]any{}}
		if layer < len(rec.Cells) {
			p.kept = rec.Cells[layer]
		}
		c.parts[layer] = p
		return p
	})
	for _, p := range c.all() {
		p.built = true
		if c.err == nil {
			c.err = p.err
		}
	}
	return c
}

// all returns the parts there are, in the order of the chain.
func (c *coordinators) all() []*part {
	return slices.DeleteFunc(slices.Clone(c.parts), func(p *part) bool { return p == nil })
}

// start starts the timers, once.
func (c *coordinators) start() {
	c.starts.Do(func() {
		for _, p := range c.all() {
			for _, t := range p.ticks {
				c.g.o.background(func(context.Context) { p.tick(t) })
			}
		}
	})
}

// refuses returns the DM that does not allow a node, or "".
func (c *coordinators) refuses(n dms.Node) string {
	for _, p := range c.all() {
		if slices.ContainsFunc(p.allow, func(ok func(dms.Node) bool) bool { return !ok(n) }) {
			return p.spec
		}
	}
	return ""
}

// created makes the OnCreate upcalls.
func (c *coordinators) created(ctx context.Context) error {
	for _, p := range c.all() {
		for _, f := range p.onCreate {
			if err := p.upcall(ctx, f); err != nil {
				return fmt.Errorf("%s: %w", p.spec, err)
			}
		}
	}
	return nil
}

// failed makes the OnFailure upcalls for a lost replica.
func (c *coordinators) failed(ctx context.Context, lost dms.Replica) error {
	for _, p := range c.all() {
		for _, f := range p.onFailure {
			err := p.upcall(ctx, func(ctx context.Context) error { return f(ctx, lost) })
			if err != nil {
				return fmt.Errorf("%s: %w", p.spec, err)
			}
		}
	}
	return nil
}

// handlesFailure reports whether there are OnFailure upcalls to make.
func (c *coordinators) handlesFailure() bool {
	return slices.ContainsFunc(c.all(), func(p *part) bool { return len(p.onFailure) > 0 })
}

// watches reports whether there are OnMembershipChange upcalls to make.
func (c *coordinators) watches() bool {
	return slices.ContainsFunc(c.all(), func(p *part) bool { return len(p.onChange) > 0 })
}

// membershipChanged makes the OnMembershipChange upcalls.
func (c *coordinators) membershipChanged(ctx context.Context) {
	for _, p := range c.all() {
		for _, f := range p.onChange {
			if err := p.upcall(ctx, func(ctx context.Context) error { f(ctx); return nil }); err != nil {
				c.g.o.log.Error("a deployment manager's upcall failed", "microservice", c.g.spec.Name, "dm", p.spec, "upcall", "OnMembershipChange", "err", err)
			}
		}
	}
}

// Ask delivers a message to a coordinator and returns its answer. What the
// coordinator keeps is durable by then. It returns at once if req.Tell is set.
func (o *OMS) Ask(ctx context.Context, req api.AskRequest) (api.Bytes, error) {
	g, _, err := o.group(req.Group)
	if err != nil {
		return api.Bytes{}, err
	}
	if err := g.ready(); err != nil {
		return api.Bytes{}, err
	}
	c := g.coord.Load()
	if req.Generation != c.generation {
		return api.Bytes{}, abi.Errorf(abi.Moved, "%s has another chain now", g.spec.Name)
	}
	if req.Layer < 0 || req.Layer >= len(c.parts) || c.parts[req.Layer] == nil {
		return api.Bytes{}, abi.Errorf(abi.BadArgument, "layer %d of the chain of %s has no coordinator", req.Layer, g.spec.Name)
	}
	p := c.parts[req.Layer]
	if req.Tell {
		o.background(func(ctx context.Context) {
			if _, err := p.receive(ctx, req); err != nil {
				o.log.Error("a message to a coordinator failed", "microservice", g.spec.Name, "dm", p.spec, "kind", req.Kind, "err", err)
			}
		})
		return api.Bytes{}, nil
	}
	b, err := p.receive(ctx, req)
	return api.Bytes{B: b}, err
}

// tick runs f each d until the coordinators end.
func (p *part) tick(t tick) {
	ctx := p.c.ctx
	if p.c.g.o.members.settled(ctx) != nil {
		return
	}
	every := time.NewTicker(t.d)
	defer every.Stop()
	for {
		select {
		case <-every.C:
		case <-ctx.Done():
			return
		}
		err := p.upcall(ctx, func(ctx context.Context) error { t.f(ctx); return nil })
		if err != nil && ctx.Err() == nil {
			p.c.g.o.log.Error("a deployment manager's upcall failed", "microservice", p.c.g.spec.Name, "dm", p.spec, "upcall", "Every", "err", err)
		}
	}
}
