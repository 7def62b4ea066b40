package kernel

import (
	"context"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"amino.run/abi"
	"amino.run/dms"
	"amino.run/internal/api"
	"amino.run/kernel/caller"
	"amino.run/kernel/internal/part"
	"amino.run/kernel/raftlog"
)

// A replica is one member of a group, hosted here: a gate, the instance managers
// of its chain, and the guest.
type replica struct {
	k       *Kernel
	peer    string
	epoch   uint64
	chain   dms.Chain
	group   atomic.Pointer[api.Group]
	outer   []*outer // the groups around it, the outermost first
	gate    gate
	order   *turn   // taken before the chain, where that keeps calls in order; else nil
	log     *logged // of the DM that opened one; else nil
	guest   *guest
	handler dms.Handler
	parts   []*part.Part // by layer; nil where the DM has no instance manager
	recover []func(context.Context) error
	stop    context.CancelFunc
	freed   chan struct{} // closed when it has ended and its guest is gone
	calls   atomic.Uint64
	fenced  atomic.Bool // the lease it was started under is over
	gone    atomic.Bool // it goes on elsewhere, or nowhere: nothing of it is to stay here
	leaving atomic.Bool // its chain is to be replaced: see serveQuiet

	mu        sync.Mutex
	settle    *time.Timer              // runs while the gate is closed for a move
	deferred  map[uint64][]abi.Request // by call: verbs the guest sent to itself
	deferring atomic.Int32             // len(deferred)
}

// newReplica builds a replica with its gate closed, so that no tick of its parts
// runs before it serves.
func (k *Kernel) newReplica(ctx context.Context, req *api.StartRequest) (*replica, error) {
	g := &req.Group
	chain, err := k.load.ParseChain(g.Spec.DMs)
	if err != nil {
		return nil, err
	}
	m, err := k.modules.get(ctx, g.Spec.Module)
	if err != nil {
		return nil, err
	}
	var s *dms.Snapshot
	var cells []api.Cells
	if req.Snapshot != nil {
		s, cells = &dms.Snapshot{Version: req.Snapshot.Version, Image: req.Snapshot.Image}, req.Snapshot.Cells
	}
	var found *raftlog.Found
	if req.Recover {
		if found, err = k.findLog(req); err != nil {
			return nil, err
		}
		born, err := k.saved(bornAs(g, req.Peer))
		if err != nil {
			return nil, err
		}
		if born != nil {
			s = &dms.Snapshot{Version: born.Version, Image: born.Image}
		}
	}
	var x *guest
	if found == nil {
		x, err = newGuest(ctx, m, k.env(g, req.Peer), g, s)
	} else {
		x, cells, err = foundGuest(ctx, m, k.env(g, req.Peer), g, found)
	}
	if err != nil {
		return nil, err
	}
	if req.Resume && req.Snapshot.Log == nil { // the replicas of a log are alike
		if err := x.resume(ctx, g); err != nil {
			x.close(err)
			return nil, err
		}
	}
	life, stop := context.WithCancel(k.ctx)
	r := &replica{
		k: k, peer: req.Peer, epoch: req.Epoch, chain: chain, guest: x, stop: stop, freed: make(chan struct{}),
		parts: make([]*part.Part, len(chain)), deferred: map[uint64][]abi.Request{},
	}
	r.group.Store(g)
	r.nest(chain, req.Outer)
	x.after, x.env.replica = r.later, true
	if chain.Has(dms.Orders) {
		r.order = new(turn)
		x.env.orders = []*turn{r.order}
	}
	if err = r.gate.quiet(ctx); err == nil { // no one is inside yet
		err = r.manage(life, chain, cells)
	}
	if err == nil && r.log != nil {
		err = r.log.open(ctx, req, found)
	}
	if err != nil {
		r.end(err)
		return nil, err
	}
	return r, nil
}

// manage builds the parts of a replica. cells are what they kept elsewhere.
func (r *replica) manage(life context.Context, chain dms.Chain, cells []api.Cells) (err error) {
	defer part.Caught(r.k.log, &err)
	r.handler = chain.Instance(func(layer int, inner dms.Handler) dms.Callee {
		var kept api.Cells
		if layer < len(cells) {
			kept = cells[layer]
		}
		site, self := r.site(layer)
		r.parts[layer] = part.New(life, site, self, layer, kept)
		return &callee{Part: r.parts[layer], r: r, self: self, inner: inner}
	}, r.guest.invoke)
	if r.log != nil { // calls wait in its order, and then together for the disk
		r.guest.env.orders, r.order = []*turn{&r.log.order}, nil
		if chain[r.log.layer+1:].Has(dms.Orders) {
			r.order = new(turn)
			r.guest.env.orders = append(r.guest.env.orders, r.order)
		}
	}
	return nil
}

// recovered has the parts put back what they saved.
func (r *replica) recovered(ctx context.Context) (err error) {
	defer part.Caught(r.k.log, &err)
	for _, f := range r.recover {
		if err := f(ctx); err != nil {
			return err
		}
	}
	return nil
}

// call carries out a call that reached this replica in an epoch.
func (r *replica) call(ctx context.Context, epoch uint64, call dms.Call) ([]byte, error) {
	if epoch != r.epoch {
		return nil, caller.MovedTo(r.here())
	}
	if !r.k.lease.held.Load() {
		return nil, r.k.lease.err()
	}
	enter := r.gate.enter
	if call.Tx != "" { // another call of a transaction may be inside, and wait for this one's
		enter = r.gate.enterFor
	}
	if err := enter(ctx); err != nil {
		return nil, err
	}
	r.calls.Add(1)
	out, err := r.inside(ctx, call)
	if verbs := r.takeLater(call.ID); err == nil {
		r.sendSelf(ctx, call.Root, verbs)
	}
	if late := r.late(); late != nil {
		return nil, late
	}
	return out, err
}

// inside carries out a call that has passed the gate, and leaves that.
func (r *replica) inside(ctx context.Context, call dms.Call) (out []byte, err error) {
	defer r.gate.leave()
	// Calls that wait at a DM's own lock are not seen to wait in a ring; so where a DM
	// has one, they wait here.
	if r.order != nil {
		if err := r.order.lock(ctx, call.Root, len(call.Path) > 0); err != nil {
			return nil, err
		}
		defer r.order.unlock()
	}
	defer part.Caught(r.k.log, &err)
	return r.handler(ctx, call)
}

// late returns an error if what was done here may be answered no more: another
// kernel may serve in this one's place.
func (r *replica) late() error {
	if r.fenced.Load() { // the lease there is now came after this replica
		return r.k.lease.lost()
	}
	return r.k.lease.outlived()
}

// later notes verbs that a guest sent to itself during a call. One that was sent
// again may be inside twice.
func (r *replica) later(call uint64, verbs []abi.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.deferred[call] = append(r.deferred[call], verbs...)
	r.deferring.Store(int32(len(r.deferred)))
}

// takeLater returns what later noted of a call, which has returned.
func (r *replica) takeLater(call uint64) []abi.Request {
	if r.deferring.Load() == 0 {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	verbs := r.deferred[call]
	delete(r.deferred, call)
	r.deferring.Store(int32(len(r.deferred)))
	return verbs
}

// sendSelf sends the verbs that a guest sent to itself, now that its call has
// returned, before the answer leaves to its tree.
func (r *replica) sendSelf(ctx context.Context, root uint64, verbs []abi.Request) {
	for _, v := range verbs {
		if _, err := r.k.caller.CallWithin(ctx, r.home(dms.Verb(v.Name)), dms.Call{Verb: dms.Verb(v.Name), Args: v.Args, Root: root}); err != nil {
			r.k.log.Warn("a verb the microservice sent to itself failed", "replica", r.peer, "verb", v.Name, "err", err)
		}
	}
}

// partFor returns the instance manager that a message is for.
func (r *replica) partFor(m api.AskRequest) (*part.Part, error) {
	if m.Layer == api.AnyLayer {
		m.Layer = slices.IndexFunc(r.parts, func(p *part.Part) bool { return p != nil && p.Answers(m.Kind) })
	}
	if m.Layer < 0 || m.Layer >= len(r.parts) || r.parts[m.Layer] == nil {
		return nil, abi.Errorf(abi.Refused, "%s has no instance manager at layer %d for %s", m.To, m.Layer, m.Kind)
	}
	return r.parts[m.Layer], nil
}

// capture returns the state and what the parts keep. The gate is quiet.
func (r *replica) capture(ctx context.Context) (*api.Snapshot, error) {
	s, err := r.guest.snapshot(ctx)
	if err != nil {
		return nil, err
	}
	out := &api.Snapshot{Module: r.group.Load().Spec.Module, Version: s.Version, Image: s.Image, Cells: make([]api.Cells, len(r.parts))}
	for i, p := range r.parts {
		if p != nil {
			if out.Cells[i], err = p.Cells(); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// end turns all callers away with err and frees the guest when the last is out.
func (r *replica) end(err error) {
	r.gate.finish(err)
	r.stop()
	r.settleAfter(0, nil)
	go func() {
		r.log.end(r.gone.Load())
		if r.guest.close(err) {
			close(r.freed)
		}
	}()
}

// open lets calls in. The log, if there is one, takes part from now on.
func (r *replica) open() {
	if r.log != nil {
		r.log.log.Start()
	}
	r.gate.open()
}

// view runs f when the state is what was answered so far, and no less. The gate is
// passed or closed.
func (r *replica) view(ctx context.Context, f func(ctx context.Context) error) error {
	if r.log == nil {
		return f(ctx)
	}
	return r.log.log.View(ctx, f)
}

// settleAfter runs f in d unless it is called again before; a nil f only stops
// what was to run. It reports whether there was any.
func (r *replica) settleAfter(d time.Duration, f func()) (was bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if was = r.settle != nil; was {
		r.settle.Stop()
		r.settle = nil
	}
	if f != nil {
		r.settle = time.AfterFunc(d, f)
	}
	return was
}

// changed tells the parts of the group as it is now, unless it has another chain now.
func (r *replica) changed(g *api.Group) {
	if g.Generation == r.group.Load().Generation {
		r.learn(g)
		if r.log != nil {
			r.log.follow(r.group.Load())
		}
	}
}

func (r *replica) here() api.Replica {
	return api.Replica{Peer: r.peer, Node: r.k.node, Epoch: r.epoch}
}

// Here, Replicas, Group, Send and Act implement part.Site.

func (r *replica) Here() dms.Node { return r.k.Here() }

func (r *replica) Replicas() []dms.Replica { return api.DMReplicas(r.group.Load()) }

func (r *replica) Group() string { return r.group.Load().ID }

func (r *replica) Send(ctx context.Context, m api.AskRequest) ([]byte, error) {
	mayAsk(m)
	if g, foreign := otherGroup(m); foreign {
		m.Group, m.Layer = g, api.AnyLayer
		return r.k.caller.Ask(ctx, m)
	}
	m.Generation = r.group.Load().Generation
	return r.k.Ask(ctx, r.group.Load(), m)
}

// mayAsk panics where an instance asks its coordinator.
func mayAsk(m api.AskRequest) {
	if m.To == string(dms.Coordinator) && !m.Tell {
		panic("dms: an instance asks its coordinator, which may be waiting for it; use Tell")
	}
}

// otherGroup returns the group of the replica that a message is to, if that is of
// another microservice than the sender.
func otherGroup(m api.AskRequest) (group string, foreign bool) {
	i := strings.LastIndexByte(m.To, '/')
	if i < 0 {
		return "", false // a coordinator, or a proxy
	}
	ours, _, _ := strings.Cut(m.Group, "/")
	theirs, _, _ := strings.Cut(m.To, "/")
	return m.To[:i], ours != theirs
}

func (r *replica) Act(ctx context.Context, f func(context.Context) error) (err error) {
	enter := r.gate.enter
	if ctx.Value(foreignKey{}) != nil {
		enter = r.gate.enterFor
	}
	if err := enter(ctx); err != nil {
		return err
	}
	defer r.gate.leave()
	defer part.Caught(r.k.log, &err)
	return f(ctx)
}

// A foreignKey marks the context of a message of another microservice: a call inside
// may wait for one that waits for its answer.
type foreignKey struct{}
