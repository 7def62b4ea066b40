// Package part is what a proxy and an instance manager have in common: the
// implementation of dms.Part at a kernel.
package part

import (
	"context"
	"math/rand/v2"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"amino.run/abi"
	"amino.run/dms"
	"amino.run/internal/api"
)

// A Site is what the kernel provides for the parts of one chain: those of a
// replica, or those beside the callers of a group. It may be used by many
// goroutines at once.
type Site interface {
	// Here returns the kernel's node.
	Here() dms.Node

	// Replicas returns the group as the kernel knows it, the primary first.
	Replicas() []dms.Replica

	// Group returns the group's ID.
	Group() string

	// Send carries a message to another part.
	Send(ctx context.Context, m api.AskRequest) ([]byte, error)

	// Act runs f as activity of the part: at an instance, with the gate passed. A
	// panic of f is an error.
	Act(ctx context.Context, f func(ctx context.Context) error) error
}

// A Part implements dms.Part for one layer of a chain.
type Part struct {
	Site
	ctx     context.Context // ends with the part
	self    string          // the part's own address
	layer   int
	answers map[string]func(context.Context, dms.Peer, []byte) ([]byte, error)
	cells   map[string]any
	kept    api.Cells // from before a move
	changed []func(context.Context)
	drains  []func(context.Context) error
	posts   sync.WaitGroup
}

// New returns the part of a layer, with what it kept elsewhere. It ends with ctx.
func New(ctx context.Context, s Site, self string, layer int, kept api.Cells) *Part {
	return &Part{
		Site: s, ctx: ctx, self: self, layer: layer, kept: kept,
		answers: map[string]func(context.Context, dms.Peer, []byte) ([]byte, error){},
		cells:   map[string]any{},
	}
}

// Rand implements dms.Part.
func (p *Part) Rand(n int) int { return rand.IntN(n) }

// Every implements dms.Part. A tick that comes while f runs is dropped.
func (p *Part) Every(d time.Duration, f func(ctx context.Context)) {
	go func() {
		t := time.NewTicker(d)
		defer t.Stop()
		for {
			select {
			case <-t.C:
				// The error is that of the part's end, which ends the loop, or a panic's,
				// which is logged.
				_ = p.Act(p.ctx, func(ctx context.Context) error { f(ctx); return nil })
			case <-p.ctx.Done():
				return
			}
		}
	}()
}

// OnEnd implements dms.Part.
func (p *Part) OnEnd(f func()) { context.AfterFunc(p.ctx, f) }

// OnMembershipChange implements dms.Part.
func (p *Part) OnMembershipChange(f func(ctx context.Context)) { p.changed = append(p.changed, f) }

// Changed runs what OnMembershipChange asked for, and does not wait for it.
func (p *Part) Changed() {
	for _, f := range p.changed {
		go func() {
			_ = p.Act(p.ctx, func(ctx context.Context) error { f(ctx); return nil })
		}()
	}
}

// OnDrain implements dms.Caller and dms.Callee.
func (p *Part) OnDrain(f func(ctx context.Context) error) { p.drains = append(p.drains, f) }

// Drain runs what OnDrain asked for at the parts of a chain, of which some
// may be nil.
func Drain(ctx context.Context, parts []*Part) error {
	for _, p := range parts {
		if p == nil {
			continue
		}
		for _, f := range p.drains {
			if err := f(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// Learn keeps g in at if it is newer than the group there, and then tells the
// parts, of which some may be nil.
func Learn(at *atomic.Pointer[api.Group], g *api.Group, parts []*Part) {
	for {
		old := at.Load()
		if g.Revision <= old.Revision {
			return
		}
		if at.CompareAndSwap(old, g) {
			break
		}
	}
	for _, p := range parts {
		if p != nil {
			p.Changed()
		}
	}
}

// Send implements dms.Part.
func (p *Part) Send(ctx context.Context, to dms.Peer, kind string, body []byte) ([]byte, error) {
	return p.Site.Send(ctx, p.message(to, kind, body))
}

// Post implements dms.Part. A message that cannot be delivered is lost.
func (p *Part) Post(to dms.Peer, kind string, body []byte) {
	m := p.message(to, kind, body)
	m.Tell = true
	p.posts.Go(func() { _, _ = p.Site.Send(p.ctx, m) })
}

func (p *Part) message(to dms.Peer, kind string, body []byte) api.AskRequest {
	return api.AskRequest{Group: p.Group(), Layer: p.layer, From: p.self, To: string(to), Kind: kind, Body: body}
}

// Receive implements dms.Part. A second answer to one kind is a fault of the DM.
func (p *Part) Receive(kind string, f func(context.Context, dms.Peer, []byte) ([]byte, error)) {
	if p.answers[kind] != nil {
		panic("dms: two answers to " + kind)
	}
	p.answers[kind] = f
}

// Answers reports whether the part answers messages of a kind.
func (p *Part) Answers(kind string) bool { return p.answers[kind] != nil }

// Deliver answers a message to the part.
func (p *Part) Deliver(ctx context.Context, m api.AskRequest) (out []byte, err error) {
	f := p.answers[m.Kind]
	if f == nil {
		return nil, abi.Errorf(abi.Refused, "layer %d at %s has no answer to %s; are all kernels of one version?", p.layer, p.self, m.Kind)
	}
	err = p.Act(ctx, func(ctx context.Context) error {
		out, err = f(ctx, dms.Peer(m.From), m.Body)
		return err
	})
	return out, err
}

// Keep implements dms.Part.
func (p *Part) Keep(name string, cell any) {
	if _, ok := p.cells[name]; ok {
		panic("dms: two cells named " + name)
	}
	p.cells[name] = cell
	if b, ok := p.kept[name]; ok {
		if err := abi.Decode(b, cell); err != nil {
			panic("dms: cell " + name + " cannot be read back: " + err.Error())
		}
	}
}

// Layer returns the part's place in its chain.
func (p *Part) Layer() int { return p.layer }

// Keeps reports whether the part keeps anything.
func (p *Part) Keeps() bool { return len(p.cells) > 0 }

// Refill puts what Cells returned back into the variables that are kept.
func (p *Part) Refill(kept api.Cells) error {
	for name, cell := range p.cells {
		b, ok := kept[name]
		if !ok {
			return abi.Errorf(abi.Storage, "the state has no cell %s", name)
		}
		reflect.ValueOf(cell).Elem().SetZero()
		if err := abi.Decode(b, cell); err != nil {
			return abi.Errorf(abi.Storage, "cell %s cannot be read back: %v", name, err)
		}
	}
	return nil
}

// Cells returns what the part keeps. It is called while the part is quiet.
func (p *Part) Cells() (api.Cells, error) {
	if len(p.cells) == 0 {
		return nil, nil
	}
	out := api.Cells{}
	for name, cell := range p.cells {
		b, err := abi.Encode(cell)
		if err != nil {
			return nil, abi.Errorf(abi.Internal, "keep cell %s: %v", name, err)
		}
		out[name] = b
	}
	return out, nil
}
