package oms

import (
	"bytes"
	"context"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"amino.run/abi"
	"amino.run/dms"
	"amino.run/internal/api"
	"amino.run/oms/directory"
)

// A part is a coordinator: the kernel as it sees it.
type part struct {
	c     *coordinators
	layer int
	spec  string // "KeepInCloud(region=eu)"
	built bool
	err   error // of Keep

	allow     []func(dms.Node) bool
	ticks     []tick
	onCreate  []func(context.Context) error
	onFailure []func(context.Context, dms.Replica) error
	onChange  []func(context.Context)
	answers   map[string]answer
	cells     map[string]any // by name, what Keep was given
	kept      api.Cells      // as they are durable
}

type tick struct {
	d time.Duration
	f func(context.Context)
}

type answer func(ctx context.Context, from dms.Peer, body []byte) ([]byte, error)

var _ dms.Group = (*part)(nil)

// building panics when a DM asks for later what it may ask for only at first.
func (p *part) building(what string) {
	if p.built {
		panic("dms: " + what + " is called after the coordinator was built")
	}
}

// upcall runs f in the group's turn, for a bounded time, and then makes durable
// what the part keeps. A panic is an error.
func (p *part) upcall(ctx context.Context, f func(ctx context.Context) error) error {
	g := p.c.g
	ctx, cancel := g.within(ctx)
	defer cancel()
	if p.c.stage.Load() == nil { // else the switch has the turn
		if err := g.turn.Lock(ctx); err != nil {
			return err
		}
		defer g.turn.Unlock()
	}
	if p.c.ctx.Err() != nil {
		return abi.Errorf(abi.Moved, "%s has another chain now", g.spec.Name)
	}
	ctx, done := context.WithTimeout(ctx, g.o.opt.Upcall)
	defer done()
	err := caught(func() error { return f(ctx) })
	if kept := p.keep(); kept != nil {
		return kept
	}
	return err
}

func caught(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = abi.Errorf(abi.Internal, "a deployment manager panicked: %v", p)
		}
	}()
	return f()
}

// keep makes the cells durable if they have changed.
func (p *part) keep() error {
	if len(p.cells) == 0 {
		return nil
	}
	cells := api.Cells{}
	for name, cell := range p.cells {
		b, err := abi.Encode(cell)
		if err != nil {
			return abi.Errorf(abi.Internal, "%s: cannot keep %s: %v", p.spec, name, err)
		}
		cells[name] = b
	}
	if maps.EqualFunc(cells, p.kept, bytes.Equal) {
		return nil
	}
	if p.c.stage.Load() != nil { // what they keep becomes durable with them
		p.kept = cells
		return nil
	}
	if _, err := p.c.g.o.store.do(directory.Keep{Group: p.c.g.id, Layer: p.layer, Cells: cells}); err != nil {
		return err
	}
	p.kept = cells
	return nil
}

// receive answers a message.
func (p *part) receive(ctx context.Context, req api.AskRequest) (out []byte, err error) {
	f := p.answers[req.Kind]
	if f == nil {
		return nil, abi.Errorf(abi.BadArgument, "the coordinator of %s does not answer %s", p.spec, req.Kind)
	}
	err = p.upcall(ctx, func(ctx context.Context) (err error) {
		out, err = f(ctx, dms.Peer(req.From), req.Body)
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// Here returns the OMS as a node without labels.
func (p *part) Here() dms.Node { return dms.Node{ID: "oms"} }

// Replicas returns the group as it is durable; nil once it is deleted, or has another
// chain.
func (p *part) Replicas() []dms.Replica {
	if s := p.c.stage.Load(); s != nil {
		return s.replicas()
	}
	rec, err := p.c.g.record()
	if err != nil || rec.Generation != p.c.generation {
		return nil
	}
	return api.DMReplicas(&rec.Group)
}

// Rand returns a random number below n.
func (p *part) Rand(n int) int { return rand.IntN(n) }

// Every runs f each d, in the group's turn.
func (p *part) Every(d time.Duration, f func(context.Context)) {
	p.building("Every")
	p.ticks = append(p.ticks, tick{d, f})
}

// OnEnd asks for f when the group, or the OMS, has ended.
func (p *part) OnEnd(f func()) { context.AfterFunc(p.c.g.ctx, f) }

// OnMembershipChange asks for f after changes; two in a row may be told as one.
func (p *part) OnMembershipChange(f func(context.Context)) {
	p.building("OnMembershipChange")
	p.onChange = append(p.onChange, f)
}

// Post sends a message in the background.
func (p *part) Post(to dms.Peer, kind string, body []byte) {
	g := p.c.g
	g.o.background(func(ctx context.Context) {
		ctx, cancel := g.within(ctx)
		defer cancel()
		if _, err := p.deliver(ctx, to, kind, body, true); err != nil && ctx.Err() == nil {
			g.o.log.Debug("a coordinator's message was lost", "microservice", g.spec.Name, "dm", p.spec, "to", to, "kind", kind, "err", err)
		}
	})
}

// Send asks the part of a replica, or the proxy "@node".
func (p *part) Send(ctx context.Context, to dms.Peer, kind string, body []byte) ([]byte, error) {
	return p.deliver(ctx, to, kind, body, false)
}

func (p *part) deliver(ctx context.Context, to dms.Peer, kind string, body []byte, tell bool) ([]byte, error) {
	node, at, err := p.home(to)
	if err != nil {
		return nil, err
	}
	k, err := p.c.g.o.members.kernel(node)
	if err != nil {
		return nil, err
	}
	out, err := ask[api.Bytes](ctx, k, p.c.g.o.opt.Upcall, api.KernelAsk, api.AskRequest{
		Group: p.c.g.id, Generation: p.c.generation, Layer: p.layer, To: string(to), At: at, Kind: kind, Body: body, Tell: tell,
	})
	return out.B, err
}

// home returns the node where a part is, and the replica to find it at if that is not
// its own address.
func (p *part) home(to dms.Peer) (node, at string, err error) {
	if node, proxy := strings.CutPrefix(string(to), "@"); proxy {
		return node, "", nil
	}
	all := p.Replicas()
	i := slices.IndexFunc(all, func(r dms.Replica) bool { return r.Peer == to })
	if i < 0 {
		return "", "", abi.Errorf(abi.Unavailable, "%s has no part %q to send to", p.c.g.spec.Name, to)
	}
	if p.c.g.nested() {
		r, err := p.c.g.primaryOf(string(to))
		return r.Node.ID, r.Peer, err
	}
	return all[i].Node.ID, "", nil
}

// Receive makes f answer messages of a kind.
func (p *part) Receive(kind string, f func(context.Context, dms.Peer, []byte) ([]byte, error)) {
	p.building("Receive")
	if p.answers[kind] != nil {
		panic("dms: two answers to " + kind)
	}
	p.answers[kind] = f
}

// Keep makes a cell durable after each upcall, and fills it with what was kept.
func (p *part) Keep(name string, cell any) {
	p.building("Keep")
	if p.cells[name] != nil {
		panic("dms: two cells named " + name)
	}
	p.cells[name] = cell
	if b, ok := p.kept[name]; ok {
		if err := abi.Decode(b, cell); err != nil {
			p.err = abi.Errorf(abi.Internal, "%s: what it kept as %s cannot be read: %v", p.spec, name, err)
		}
	}
}

// Origin returns the node the microservice was created on.
func (p *part) Origin() dms.Node { return p.c.origin.DM() }

// Allow restricts every placement.
func (p *part) Allow(ok func(dms.Node) bool) {
	p.building("Allow")
	p.allow = append(p.allow, ok)
}

// Nodes returns the live nodes that placement allows, the least loaded first.
func (p *part) Nodes() (nodes []dms.Node) {
	for _, at := range p.c.g.o.places() {
		refused := p.c.g.refuses(at.Node)
		if s := p.c.stage.Load(); s != nil {
			refused = s.refuses(at.Node)
		}
		if refused == "" {
			nodes = append(nodes, at.Node.DM())
		}
	}
	return nodes
}

// Replicate starts a copy of the primary on n.
func (p *part) Replicate(ctx context.Context, n dms.Node) (dms.Replica, error) {
	if s := p.c.stage.Load(); s != nil {
		return s.replicate(ctx, n.ID)
	}
	if p.c.g.nested() {
		return p.c.g.addMember(ctx, n.ID)
	}
	return p.c.g.replicate(ctx, n.ID)
}

// Move takes r to n.
func (p *part) Move(ctx context.Context, r dms.Replica, n dms.Node) error {
	if p.c.stage.Load() != nil {
		return errStaged
	}
	if p.c.g.nested() {
		return p.c.g.moveMember(ctx, string(r.Peer), n.ID)
	}
	_, err := p.c.g.move(ctx, string(r.Peer), n.ID)
	return err
}

// RTT returns the round trip between two nodes as one of them last reported it.
func (p *part) RTT(a, b dms.Node) time.Duration { return p.c.g.o.members.rtts.between(a.ID, b.ID) }

// Promote makes r the primary.
func (p *part) Promote(ctx context.Context, r dms.Replica) error {
	if s := p.c.stage.Load(); s != nil {
		return s.promote(string(r.Peer))
	}
	return p.c.g.promote(ctx, string(r.Peer))
}

// Remove ends r.
func (p *part) Remove(ctx context.Context, r dms.Replica) error {
	if p.c.stage.Load() != nil {
		return errStaged
	}
	if p.c.g.nested() {
		return p.c.g.removeMember(ctx, string(r.Peer))
	}
	return p.c.g.remove(ctx, string(r.Peer))
}

// OnCreate asks for f when the first replica runs.
func (p *part) OnCreate(f func(context.Context) error) {
	p.building("OnCreate")
	p.onCreate = append(p.onCreate, f)
}

// OnFailure asks for f when a replica is lost; again, later, if f fails.
func (p *part) OnFailure(f func(context.Context, dms.Replica) error) {
	p.building("OnFailure")
	p.onFailure = append(p.onFailure, f)
}
