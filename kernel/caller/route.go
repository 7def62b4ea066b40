package caller

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"amino.run/abi"
	"amino.run/dms"
	"amino.run/internal/api"
	"amino.run/kernel/internal/part"
)

// maxHops bounds how often one call follows a replica that moves; firstPause is
// how long it waits, the first time, for one that is on its way.
const (
	maxHops    = 12
	firstPause = 5 * time.Millisecond
)

// A route is the way to one group: its proxies, and where its replicas are.
type route struct {
	c        *Caller
	group    atomic.Pointer[api.Group] // with the latest revision seen
	within   string                    // ID of the group it is a member of; "" for a microservice
	nested   bool                      // its members are groups
	manifest *abi.Manifest
	readOnly map[string]bool
	timeout  time.Duration
	parts    []*part.Part // by layer; nil where the DM has no proxy
	handler  dms.Handler
	gate     gate
	stop     context.CancelFunc
}

func newRoute(c *Caller, g *api.Group) (*route, error) {
	m, err := abi.ParseManifest(g.Manifest)
	if err != nil {
		return nil, err
	}
	chain, err := c.load.ParseChain(g.Spec.DMs)
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(c.ctx)
	r := &route{
		c: c, within: g.ID[:max(strings.LastIndexByte(g.ID, '/'), 0)], nested: g.Nested,
		manifest: m, readOnly: map[string]bool{}, timeout: TimeoutOf(g), stop: stop, parts: make([]*part.Part, len(chain)),
	}
	for _, t := range m.Methods {
		r.readOnly[t.Name] = t.ReadOnly
	}
	r.group.Store(g)
	at := func(layer int, outer dms.Handler) dms.Caller {
		r.parts[layer] = part.New(ctx, r, "@"+c.kernel.Here().ID, layer, nil)
		return &proxy{Part: r.parts[layer], r: r, outer: outer}
	}
	r.handler = chain.Proxy(chain.LevelOf(g.ID), at, r.wire)
	return r, nil
}

// wire sends a call to the primary, or to the replica an outer Invoke names. If that is a
// group, it is its proxies that the call passes next.
func (r *route) wire(ctx context.Context, call dms.Call) ([]byte, error) {
	if r.nested {
		return r.enter(ctx, destination(ctx), call)
	}
	var out []byte
	peer := destination(ctx)
	if peer != "" { // it is no destination of the calls that a replica here makes
		ctx = context.WithValue(ctx, destinationKey{}, "")
	}
	err := r.reach(ctx, peer, func(to api.Replica) (err error) {
		out, err = r.c.kernel.Invoke(ctx, to, call)
		return err
	})
	return out, err
}

// reach tries f at the replica peer, the primary if it is "", and follows it
// where it goes. f is tried again only if it surely did not run.
func (r *route) reach(ctx context.Context, peer string, f func(to api.Replica) error) error {
	to, err := r.find(peer)
	for hop := range maxHops {
		if err == nil {
			err = f(to)
		}
		if err == nil {
			return nil
		}
		if next, ok := movedTo(err, to); ok && next.Epoch > to.Epoch {
			r.learn(next)
			to, err = next, nil
			continue
		}
		switch code := abi.CodeOf(err); {
		case code == abi.Moved, errors.As(err, new(*lostError)):
		case code == abi.Unavailable: // it may have run; the next call starts from what the directory says
			_ = r.refresh(ctx)
			return err
		default:
			return err
		}
		if err := r.refresh(ctx); err != nil {
			return err
		}
		next, findErr := r.find(peer)
		if findErr != nil {
			return findErr
		}
		if next.Epoch == to.Epoch && next.Node.ID == to.Node.ID { // on its way there
			pause(ctx, time.Duration(hop+1)*firstPause)
		}
		to, err = next, nil
	}
	return abi.Errorf(abi.Unavailable, "%s cannot be found where the OMS says it is (the call did not run): %v", r.group.Load().Name, err)
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// A lostError says that a replica is nowhere: nothing was sent.
type lostError struct{ reason *abi.Error }

func (e *lostError) Error() string { return e.reason.Error() }
func (e *lostError) Unwrap() error { return e.reason }

// find returns a replica of the group: the primary if peer is "".
func (r *route) find(peer string) (api.Replica, error) {
	g := r.group.Load()
	i := 0
	if peer != "" {
		i = slices.IndexFunc(g.Replicas, func(x api.Replica) bool { return x.Peer == peer })
	}
	if i < 0 || len(g.Replicas) == 0 {
		return api.Replica{}, &lostError{abi.Errorf(abi.Unavailable, "%s has no replica %s (the call did not run)", g.Name, peer)}
	}
	to := g.Replicas[i]
	if !to.Lost {
		return to, nil
	}
	advice := "no DM keeps its state through a failure: deploy it again, or restore a snapshot"
	if to.Recovers {
		advice = "it comes back when that kernel does, or another that reads its checkpoints"
	}
	return to, &lostError{abi.Errorf(abi.Unavailable, "%s was on kernel %s, which is gone (the call did not run); %s", g.Name, to.Node.ID, advice)}
}

// refresh asks the directory where the group is.
func (r *route) refresh(ctx context.Context) error {
	g, err := r.c.dir.Lookup(ctx, r.group.Load().ID)
	switch {
	case err == nil:
		if old := r.group.Load(); g.Revision == old.Revision {
			r.group.CompareAndSwap(old, &g) // a place that was learned on the way may be wrong
		}
		return r.update(&g)
	case errors.Is(err, abi.ErrNotFound):
		name := r.group.Load().Name
		r.c.drop(r)
		if r.within != "" {
			return gone(name, r.group.Load().ID)
		}
		return abi.Errorf(abi.NotFound, "%s is deleted", name)
	}
	return err
}

// update keeps g if it is newer than what is known, and tells the proxies. If g has
// another chain, that takes the place of the route's, and calls are turned away.
func (r *route) update(g *api.Group) error {
	switch now := r.group.Load().Generation; {
	case g.Generation > now:
		r.c.replace(r, g)
		return errSwitched
	case g.Generation == now:
		part.Learn(&r.group, g, r.parts)
	}
	return nil
}

// learn notes where a replica has moved, until the directory says more.
func (r *route) learn(at api.Replica) {
	for {
		old := r.group.Load()
		g := *old
		g.Replicas = slices.Clone(old.Replicas)
		for i := range g.Replicas {
			if g.Replicas[i].Peer == at.Peer && g.Replicas[i].Epoch < at.Epoch {
				g.Replicas[i] = at
			}
		}
		if r.group.CompareAndSwap(old, &g) {
			return
		}
	}
}

func (r *route) deliver(ctx context.Context, m api.AskRequest) ([]byte, error) {
	if m.Layer < 0 || m.Layer >= len(r.parts) || r.parts[m.Layer] == nil {
		return nil, abi.Errorf(abi.NotFound, "%s has no proxy at layer %d", m.Group, m.Layer)
	}
	return r.parts[m.Layer].Deliver(ctx, m)
}

// Here, Replicas, Group, Send and Act implement part.Site.

func (r *route) Here() dms.Node { return r.c.kernel.Here() }

func (r *route) Group() string { return r.group.Load().ID }

func (r *route) Replicas() []dms.Replica { return api.DMReplicas(r.group.Load()) }

func (r *route) Send(ctx context.Context, m api.AskRequest) ([]byte, error) {
	m.Generation = r.group.Load().Generation
	if m.To != string(dms.Coordinator) && m.To[0] != '@' { // an instance: it may have moved
		if r.nested {
			return r.sendTo(ctx, m.To, m)
		}
		var out []byte
		err := r.reach(ctx, m.To, func(to api.Replica) (err error) {
			out, err = r.c.kernel.Ask(ctx, r.group.Load(), m)
			return err
		})
		return out, err
	}
	return r.c.kernel.Ask(ctx, r.group.Load(), m)
}

func (r *route) Act(ctx context.Context, f func(context.Context) error) (err error) {
	defer part.Caught(r.c.log, &err)
	return f(ctx)
}
