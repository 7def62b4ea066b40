package dmtest

import (
	"context"
	"slices"
	"time"

	"amino.run/abi"
	"amino.run/dms"
)

// An oms is the life of the OMS's process: the coordinators of the chain.
type oms struct {
	cl      *Cluster
	ctx     context.Context
	end     context.CancelFunc
	turn    dms.Mutex // upcalls and messages come one at a time
	parts   []*part
	allow   []func(dms.Node) bool
	create  []func(context.Context) error
	failure []func(context.Context, dms.Replica) error
	kept    []cells // once it has ended
}

func newOMS(cl *Cluster, kept []cells) *oms {
	o := &oms{cl: cl, turn: dms.NewMutex(), parts: make([]*part, len(cl.chain))}
	o.ctx, o.end = context.WithCancel(cl.ctx)
	cl.chain.Coordinate(cl.chain.LevelOf(cl.id), func(layer int) dms.Group {
		p := newPart(cl, o.ctx, dms.Coordinator, layer, dms.Node{ID: OMS})
		p.oms = o
		if kept != nil {
			p.kept = kept[layer]
		}
		o.parts[layer] = p
		return &group{p, o}
	})
	return o
}

// upcall runs f when no other upcall runs.
func (o *oms) upcall(ctx context.Context, f func(context.Context) error) error {
	if err := o.turn.Lock(ctx); err != nil {
		return err
	}
	defer o.turn.Unlock()
	if o.ctx.Err() != nil {
		return unreachable(OMS)
	}
	return f(ctx)
}

func (o *oms) created() error {
	for _, f := range o.create {
		if err := o.upcall(o.ctx, f); err != nil {
			return err
		}
	}
	return nil
}

func (o *oms) failed(lost dms.Replica) {
	for _, f := range o.failure {
		// A coordinator has nobody to return an error to, but its own later ticks.
		_ = o.upcall(o.ctx, func(ctx context.Context) error { return f(ctx, lost) })
	}
}

func (o *oms) allowed(n dms.Node) bool {
	if o.cl.nested() {
		return o.allowedInside(n)
	}
	for at := o.cl.outer; at != nil; at = at.outer {
		if !at.master().allows(n) {
			return false
		}
	}
	return o.allows(n)
}

// allows reports whether the coordinators themselves allow n.
func (o *oms) allows(n dms.Node) bool {
	return !slices.ContainsFunc(o.allow, func(ok func(dms.Node) bool) bool { return !ok(n) })
}

// A group is the kernel as a coordinator sees it.
type group struct {
	*part
	o *oms
}

var _ dms.Group = (*group)(nil)

func (g *group) Origin() dms.Node                       { return g.cl.origin }
func (g *group) Allow(ok func(dms.Node) bool)           { g.o.allow = append(g.o.allow, ok) }
func (g *group) OnCreate(f func(context.Context) error) { g.o.create = append(g.o.create, f) }

func (g *group) OnFailure(f func(context.Context, dms.Replica) error) {
	g.o.failure = append(g.o.failure, f)
}

func (g *group) Nodes() (ns []dms.Node) {
	for _, n := range g.cl.nodes {
		if _, up := g.cl.life(n.ID); up && g.o.allowed(n.Node) {
			ns = append(ns, n.Node)
		}
	}
	return ns
}

func (g *group) Replicate(ctx context.Context, n dms.Node) (dms.Replica, error) {
	if !g.o.allowed(n) {
		return dms.Replica{}, abi.Errorf(abi.Placement, "node %s is not allowed", n.ID)
	}
	if g.cl.nested() {
		return g.cl.addMember(ctx, n)
	}
	from, err := g.cl.target("")
	if err != nil {
		return dms.Replica{}, err
	}
	if from.log != nil {
		return g.cl.join(ctx, n)
	}
	s, kept, open, err := from.capture(ctx)
	if err != nil {
		return dms.Replica{}, err
	}
	open()
	if err := g.cl.net.pass(ctx, from.Node.ID, n.ID, false); err != nil {
		return dms.Replica{}, err
	}
	r, err := g.cl.start(n, s, kept)
	if err != nil {
		return dms.Replica{}, err
	}
	return r.Replica, nil
}

func (g *group) Move(ctx context.Context, r dms.Replica, n dms.Node) error {
	if !g.o.allowed(n) {
		return abi.Errorf(abi.Placement, "node %s is not allowed", n.ID)
	}
	x := g.cl.find(r.Peer)
	if x == nil {
		return unreachable(string(r.Peer))
	}
	return x.cl.move(ctx, x.Peer, n)
}

func (g *group) RTT(a, b dms.Node) time.Duration { return g.cl.rtt(a.ID, b.ID) }

func (g *group) Promote(_ context.Context, r dms.Replica) error {
	x := g.cl.find(r.Peer)
	if x == nil || x.life.Err() != nil {
		return unreachable(string(r.Peer))
	}
	g.cl.mu.Lock()
	if i := slices.Index(g.cl.group, x); i >= 0 {
		g.cl.group = first(g.cl.group, i)
	} else {
		g.cl.inner = first(g.cl.inner, slices.Index(g.cl.inner, x.cl))
	}
	g.cl.mu.Unlock()
	g.cl.changed()
	return nil
}

// first returns all with the i-th before the others.
func first[T any](all []T, i int) []T {
	x := all[i]
	return slices.Insert(slices.Delete(slices.Clone(all), i, i+1), 0, x)
}

func (g *group) Remove(_ context.Context, r dms.Replica) error {
	if g.cl.nested() {
		g.cl.removeMember(r.Peer)
		return nil
	}
	if x := g.cl.find(r.Peer); x != nil {
		x.end()
	}
	g.cl.mu.Lock()
	g.cl.group = slices.DeleteFunc(g.cl.group, func(x *replica) bool { return x.Peer == r.Peer })
	delete(g.cl.disk, r.Peer)
	delete(g.cl.logs, r.Peer)
	g.cl.mu.Unlock()
	g.cl.changed()
	return nil
}

// Move moves the primary, as an administrator would. Placement holds for it too.
func (cl *Cluster) Move(to string) error {
	cl = cl.now()
	r, err := cl.target("")
	if err != nil {
		return err
	}
	return cl.moveTo(r, to)
}

// MoveFrom moves the replica that is on a node.
func (cl *Cluster) MoveFrom(from, to string) error {
	cl = cl.now()
	for _, r := range cl.members() {
		if r.Node.ID == from {
			return cl.moveTo(r, to)
		}
	}
	return abi.Errorf(abi.NotFound, "there is no replica on %s", from)
}

func (cl *Cluster) moveTo(r *replica, to string) error {
	cl = r.cl
	o, n := cl.master(), cl.node(to).Node
	if !o.allowed(n) {
		return abi.Errorf(abi.Placement, "node %s is not allowed", n.ID)
	}
	return o.upcall(cl.ctx, func(ctx context.Context) error { return cl.move(ctx, r.Peer, n) })
}

// move takes a replica to a node: with its state, its cells and what it saved.
func (cl *Cluster) move(ctx context.Context, p dms.Peer, n dms.Node) error {
	old := cl.find(p)
	if old == nil {
		return unreachable(string(p))
	}
	if old.Node.ID == n.ID {
		return nil
	}
	s, kept, open, err := old.capture(ctx)
	if err != nil {
		return err
	}
	defer open() // those who waited find that it has moved, or has not
	if err := cl.net.pass(ctx, old.Node.ID, n.ID, false); err != nil {
		return err
	}
	if old.log != nil {
		old.log.yield(ctx)
	}
	r, err := cl.build(dms.Replica{Peer: p, Node: n}, s, kept)
	if err != nil {
		return err
	}
	if old.life.Err() != nil { // it failed meanwhile: nothing has happened
		r.end()
		return unreachable(old.Node.ID)
	}
	cl.replace(old, r)
	old.gone.Store(true)
	r.begin()
	old.end()
	cl.mu.Lock()
	cl.moves++
	if x, ok := cl.disk[p]; ok {
		cl.disk[p] = saved{n.ID, x.Snapshot}
	}
	cl.mu.Unlock()
	cl.changed()
	return nil
}
