package oms

import (
	"context"
	"sync"
	"sync/atomic"

	"amino.run/abi"
	"amino.run/dms"
	"amino.run/internal/api"
	"amino.run/oms/directory"
)

// A group is what the OMS runs for a microservice, beside its record.
type group struct {
	o     *OMS
	id    string
	spec  api.Spec
	outer *group                       // the group it is a member of; nil of a microservice
	work  dms.Mutex                    // held while replicas are started, moved or ended; outer's is taken before
	turn  dms.Mutex                    // held during an upcall or a message; taken before work
	coord atomic.Pointer[coordinators] // of the chain; replaced while work and turn are held

	ctx  context.Context // ends with the group
	stop context.CancelFunc

	repairing, telling once
	repairLater        atomic.Bool   // a repair waits for its time
	told               atomic.Uint64 // revision that kernels were last told of
}

// newGroup builds a group and its coordinators as if it were created on origin.
// Nothing runs until start.
func newGroup(o *OMS, rec *directory.Group, chain dms.Chain, outer *group) *group {
	g := &group{o: o, id: rec.ID, spec: rec.Spec, outer: outer, work: dms.NewMutex(), turn: dms.NewMutex()}
	g.ctx, g.stop = context.WithCancel(o.ctx)
	g.coord.Store(newCoordinators(g, chain, rec, nil))
	return g
}

// start starts the timers of the coordinators.
func (g *group) start() { g.coord.Load().start() }

// chain returns the whole chain of the microservice.
func (g *group) chain() dms.Chain { return g.coord.Load().chain }

// record returns the group's record.
func (g *group) record() (*directory.Group, error) { return g.o.store.group(g.id) }

// ready returns why the group's coordinators cannot be asked, if so.
func (g *group) ready() error {
	if err := g.coord.Load().err; err != nil {
		return abi.Errorf(abi.Unavailable, "the deployment managers of %s cannot run: %v", g.spec.Name, err)
	}
	return nil
}

// within returns a context that also ends with the group.
func (g *group) within(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(g.ctx, cancel)
	return ctx, func() { stop(); cancel() }
}

// changed tells the kernels and the coordinators of the group as it is now.
func (g *group) changed(rec *directory.Group) {
	g.told.Store(rec.Revision)
	g.o.changed(rec.Group)
	if g.coord.Load().watches() {
		g.telling.run(g.o, func(ctx context.Context) { g.coord.Load().membershipChanged(ctx) })
	}
}

// groups are those that have been used since the OMS started.
type groups struct {
	mu  sync.Mutex
	all map[string]*group
}

// get returns the group of a record, and starts its coordinators if they do not
// run. It returns nil for a group whose creation has only been recorded, or that is
// part of one.
func (gs *groups) get(o *OMS, rec *directory.Group) *group {
	gs.mu.Lock()
	defer gs.mu.Unlock()
	return gs.getLocked(o, rec)
}

func (gs *groups) getLocked(o *OMS, rec *directory.Group) *group {
	if g := gs.all[rec.ID]; g != nil || rec.Creating {
		return g
	}
	var outer *group
	if id := directory.GroupOf(rec.ID); id != "" {
		above, err := o.store.group(id)
		if err != nil {
			return nil
		}
		if outer = gs.getLocked(o, above); outer == nil {
			return nil
		}
	}
	chain, err := o.load.ParseChain(rec.Spec.DMs)
	g := newGroup(o, rec, chain, outer)
	if err != nil {
		g.coord.Load().err = err
		o.log.Error("a microservice has deployment managers that this OMS does not know", "name", rec.Name, "err", err)
	}
	g.start()
	if _, err := o.store.group(rec.ID); err == nil { // else it is deleted, and not to be found again
		gs.all[rec.ID] = g
	}
	return g
}

func (gs *groups) put(g *group) {
	gs.mu.Lock()
	defer gs.mu.Unlock()
	gs.all[g.id] = g
}

// drop ends a group's coordinators.
func (gs *groups) drop(g *group) {
	g.stop()
	gs.mu.Lock()
	defer gs.mu.Unlock()
	delete(gs.all, g.id)
}

// group returns the group that a name or an ID refers to, and its record.
func (o *OMS) group(ref string) (*group, *directory.Group, error) {
	rec, err := o.store.find(ref)
	if err != nil {
		return nil, nil, err
	}
	g := o.groups.get(o, rec)
	if g == nil {
		return nil, nil, abi.Errorf(abi.NotFound, "microservice %s is being created", rec.Name)
	}
	return g, rec, nil
}

// whole returns the microservice that a name or an ID refers to. A shard of one is an error
// of code BadArgument.
func (o *OMS) whole(ref string) (*group, *directory.Group, error) {
	g, rec, err := o.group(ref)
	if err == nil && g.outer != nil {
		err = directory.ShardOf(rec)
	}
	return g, rec, err
}

// once is background work of which one run at a time is enough.
type once struct {
	mu             sync.Mutex
	running, again bool
}

// run runs f in the background, or again if it is running.
func (w *once) run(o *OMS, f func(ctx context.Context)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.running {
		w.again = true
		return
	}
	w.running = true
	o.background(func(ctx context.Context) {
		for {
			f(ctx)
			w.mu.Lock()
			if !w.again || ctx.Err() != nil {
				w.running = false
				w.mu.Unlock()
				return
			}
			w.again = false
			w.mu.Unlock()
		}
	})
}
