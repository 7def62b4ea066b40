package dmtest

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"time"

	"amino.run/abi"
	"amino.run/dms"
)

// cells are what a part keeps, by name, as CBOR.
type cells map[string][]byte

// A part is what the kernel offers to every part, at one layer.
type part struct {
	cl      *Cluster
	ctx     context.Context // ends with the part
	peer    dms.Peer
	layer   int
	node    dms.Node
	replica *replica // nil but at an instance
	oms     *oms     // nil but at a coordinator
	answers map[string]func(context.Context, dms.Peer, []byte) ([]byte, error)
	cells   map[string]any
	kept    cells
	changed []func(context.Context)
	drains  []func(context.Context) error
}

func newPart(cl *Cluster, ctx context.Context, peer dms.Peer, layer int, n dms.Node) *part {
	return &part{
		cl: cl, ctx: ctx, peer: peer, layer: layer, node: n,
		answers: map[string]func(context.Context, dms.Peer, []byte) ([]byte, error){}, cells: map[string]any{},
	}
}

func (p *part) Here() dms.Node                             { return p.node }
func (p *part) Replicas() []dms.Replica                    { return p.cl.replicas() }
func (p *part) OnEnd(f func())                             { context.AfterFunc(p.ctx, f) }
func (p *part) OnMembershipChange(f func(context.Context)) { p.changed = append(p.changed, f) }

func (p *part) OnDrain(f func(context.Context) error) { p.drains = append(p.drains, f) }

func (p *part) Rand(n int) int {
	p.cl.mu.Lock()
	defer p.cl.mu.Unlock()
	return p.cl.rand.IntN(n)
}

func (p *part) Every(d time.Duration, f func(context.Context)) {
	go func() {
		for {
			select {
			case <-time.After(d):
				_ = p.act(p.ctx, func(ctx context.Context) error { f(ctx); return nil }) // fails at the part's end
			case <-p.ctx.Done():
				return
			}
		}
	}()
}

// act runs f as activity of the part: one at a time at a coordinator, not while
// quiet at an instance.
func (p *part) act(ctx context.Context, f func(context.Context) error) error {
	switch {
	case p.oms != nil:
		return p.oms.upcall(ctx, f)
	case p.replica != nil:
		if err := p.replica.gate.enter(ctx, ctx.Value(foreign{}) != nil); err != nil {
			return err
		}
		defer p.replica.gate.leave()
		if err := p.replica.here(); err != nil {
			return err
		}
	}
	if p.ctx.Err() != nil {
		return unreachable(p.node.ID)
	}
	return f(ctx)
}

func (p *part) Post(to dms.Peer, kind string, body []byte) {
	go func() { _, _ = p.cl.deliver(p.ctx, p, to, kind, body) }() // lost if it cannot be delivered
}

func (p *part) Send(ctx context.Context, to dms.Peer, kind string, body []byte) ([]byte, error) {
	if p.ctx.Err() != nil {
		return nil, unreachable(p.node.ID)
	}
	return p.cl.deliver(ctx, p, to, kind, body)
}

func (p *part) Receive(kind string, f func(context.Context, dms.Peer, []byte) ([]byte, error)) {
	if p.answers[kind] != nil {
		panic("dmtest: two answers to " + kind)
	}
	p.answers[kind] = f
}

// answer answers a message that has reached the part.
func (p *part) answer(ctx context.Context, from dms.Peer, kind string, body []byte) (out []byte, err error) {
	f := p.answers[kind]
	if f == nil {
		return nil, abi.Errorf(abi.Internal, "no answer to %s at %q", kind, p.peer)
	}
	if _, proxy := proxyNode(from); p.replica != nil && p.replica.leaving.Load() && !proxy && from != dms.Coordinator {
		return nil, unreachable(p.node.ID) // the one that asks may be about to be quiet
	}
	err = p.act(ctx, func(ctx context.Context) (err error) {
		out, err = f(ctx, from, body)
		return err
	})
	return out, err
}

func (p *part) Keep(name string, cell any) {
	if p.cells[name] != nil {
		panic("dmtest: two cells named " + name)
	}
	p.cells[name] = cell
	if b, ok := p.kept[name]; ok {
		if err := abi.Decode(b, cell); err != nil {
			panic(fmt.Sprintf("dmtest: cell %s: %v", name, err))
		}
	}
}

// putBack makes the cells of a quiet part what they were when they were kept.
func (p *part) putBack(kept cells) {
	for name, cell := range p.cells {
		reflect.ValueOf(cell).Elem().SetZero()
		if err := abi.Decode(kept[name], cell); err != nil {
			panic(fmt.Sprintf("dmtest: cell %s: %v", name, err))
		}
	}
}

// keptBy returns the cells of the parts of a chain. They are quiet.
func keptBy(parts []*part) []cells {
	all := make([]cells, len(parts))
	for i, p := range parts {
		if p == nil {
			continue
		}
		all[i] = cells{}
		for name, cell := range p.cells {
			b, err := abi.Encode(cell)
			if err != nil {
				panic(fmt.Sprintf("dmtest: cell %s: %v", name, err))
			}
			all[i][name] = b
		}
	}
	return all
}

// home returns the node of a part by its address.
func (cl *Cluster) home(to dms.Peer) (string, error) {
	if other := cl.elsewhere(to); other != nil {
		return other.home(to)
	}
	if to == dms.Coordinator {
		return OMS, nil
	}
	if id, ok := proxyNode(to); ok {
		return id, nil
	}
	if r := cl.find(to); r != nil {
		return r.Node.ID, nil
	}
	return "", unreachable(string(to))
}

// elsewhere returns the microservice of a replica that is not one of cl's, or nil.
func (cl *Cluster) elsewhere(to dms.Peer) *Cluster {
	id := groupOf(to)
	if id == "" || id == cl.id {
		return nil
	}
	return cl.microservice(id)
}

// partAt returns a part by its address and layer; of another microservice, the part
// that answers a kind of message.
func (cl *Cluster) partAt(to dms.Peer, layer int, kind string) (*part, error) {
	var parts []*part
	if other := cl.elsewhere(to); other != nil {
		r := other.find(to)
		if r == nil {
			return nil, unreachable(string(to))
		}
		parts = r.parts
		layer = max(0, slices.IndexFunc(parts, func(p *part) bool { return p != nil && p.answers[kind] != nil }))
	} else if to == dms.Coordinator {
		parts = cl.master().parts
	} else if id, ok := proxyNode(to); ok {
		parts = cl.client(id).parts
	} else if r := cl.find(to); r != nil {
		parts = r.parts
	}
	if parts == nil || parts[layer] == nil {
		return nil, unreachable(string(to))
	}
	return parts[layer], nil
}

// changed tells all parts that the group has changed.
func (cl *Cluster) changed() {
	var all []*part
	for _, r := range cl.members() {
		all = append(all, r.parts...)
	}
	all = append(all, cl.master().parts...)
	cl.mu.Lock()
	for _, c := range cl.callers {
		all = append(all, c.parts...)
	}
	cl.mu.Unlock()
	if cl.outer != nil {
		defer cl.outer.changed() // where its primary is
	}
	for _, p := range all {
		if p != nil && p.cl == cl { // not of another level
			go func() {
				for _, f := range p.changed {
					_ = p.act(p.ctx, func(ctx context.Context) error { f(ctx); return nil }) // fails at the part's end
				}
			}()
		}
	}
}
