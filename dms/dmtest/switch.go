package dmtest

import (
	"context"
	"slices"
	"time"

	"amino.run/abi"
	"amino.run/dms"
)

// drainTime is how long a switch waits for the calls under way.
const drainTime = 5 * time.Second

// Switch puts another chain in the place of the microservice's, as an administrator
// would: when no call is inside the proxies, each has given back what it held, and the
// replicas are quiet, replicas of the new chain start with the state. An error means
// that the chain is what it was.
func (cl *Cluster) Switch(chain dms.Chain) error {
	old := cl.now()
	if old.chain.Has(dms.Shards) {
		return abi.Errorf(abi.Refused, "each shard has a part of the state, which no one can put together")
	}
	o := old.master()
	return o.upcall(cl.ctx, func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, drainTime)
		defer cancel()
		open, err := old.calls.quiet(ctx)
		if err != nil {
			return abi.Errorf(abi.Overloaded, "calls have been under way for %v", drainTime)
		}
		defer open() // those who waited find what came of it
		if err := old.drainCallers(ctx); err != nil {
			return err
		}
		from, reopen, err := old.drain(ctx)
		defer reopen()
		if err != nil {
			return err
		}
		next, err := old.successor(ctx, chain, from)
		if err != nil {
			return err
		}
		old.give(next)
		return nil
	})
}

// now returns the microservice under the chain it has now.
func (cl *Cluster) now() *Cluster {
	for {
		next := cl.after.Load()
		if next == nil {
			return cl
		}
		cl = next
	}
}

// drainCallers has the proxies give back what they hold.
func (cl *Cluster) drainCallers(ctx context.Context) error {
	cl.mu.Lock()
	var all []*part
	for _, n := range cl.nodes {
		if c := cl.callers[n.ID]; c != nil {
			all = append(all, c.parts...)
		}
	}
	cl.mu.Unlock()
	return drain(ctx, all)
}

func drain(ctx context.Context, parts []*part) error {
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

// drain makes the replicas quiet and returns the first that says it has the newest
// state. It returns how to open them again, also with an error.
func (cl *Cluster) drain(ctx context.Context) (from *replica, reopen func(), err error) {
	var opens []func()
	reopen = func() {
		for _, f := range opens {
			f()
		}
	}
	alive := slices.DeleteFunc(cl.members(), func(r *replica) bool { return r.life.Err() != nil })
	for _, r := range alive {
		r.leaving.Store(true)
		opens = append(opens, func() { r.leaving.Store(false) })
	}
	for _, r := range alive {
		open, err := r.gate.quiet(ctx)
		if err != nil {
			return nil, reopen, err
		}
		opens = append(opens, open)
	}
	for {
		err = unreachable(cl.id)
		for _, r := range alive {
			if err = drain(ctx, r.parts); err == nil {
				return r, reopen, nil
			} else if abi.CodeOf(err) != abi.NotLeader {
				return nil, reopen, err
			}
		}
		if abi.CodeOf(err) != abi.NotLeader || !sleep(ctx, 50*time.Millisecond) {
			return nil, reopen, err
		}
	}
}

func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}

// successor builds the microservice under the new chain, with the state of a replica.
func (cl *Cluster) successor(ctx context.Context, chain dms.Chain, from *replica) (*Cluster, error) {
	s, err := from.snapshot(ctx)
	if err != nil {
		return nil, err
	}
	next := newCluster(cl.world, cl.id, cl.guest, chain)
	next.origin, next.born, next.moves = cl.origin, &s, cl.Moves()
	next.oms = newOMS(next, nil)
	on := append([]dms.Node{from.Node}, next.masterNodes()...)
	i := slices.IndexFunc(on, next.oms.allowed)
	if i < 0 {
		next.end()
		return nil, abi.Errorf(abi.Placement, "the chain %s allows no node", chain)
	}
	_, err = next.start(on[i], s, nil)
	if err == nil {
		err = next.oms.created()
	}
	if err != nil {
		next.end()
		return nil, err
	}
	return next, nil
}

// masterNodes returns the nodes that are up.
func (cl *Cluster) masterNodes() (up []dms.Node) {
	for _, n := range cl.nodes {
		if _, ok := cl.life(n.ID); ok {
			up = append(up, n.Node)
		}
	}
	return up
}

// birth returns the state that a replica comes back to before its DMs have saved one.
func (cl *Cluster) birth() dms.Snapshot {
	if cl.born != nil {
		return *cl.born
	}
	return dms.Snapshot{Image: cl.guest().Snapshot()}
}

// give makes next the microservice: what is left of cl turns away what reaches it.
func (cl *Cluster) give(next *Cluster) {
	cl.mu.Lock()
	cl.groups = slices.Clone(cl.groups)
	cl.groups[slices.Index(cl.groups, cl)] = next
	cl.mu.Unlock()
	cl.after.Store(next)
	cl.end()
}

// end ends the parts of a chain.
func (cl *Cluster) end() {
	for _, r := range cl.members() {
		r.switched.Store(true)
		r.end()
	}
	cl.mu.Lock()
	callers := cl.callers
	cl.callers = map[string]*Client{}
	cl.mu.Unlock()
	for _, c := range callers {
		c.end()
	}
	cl.oms.end()
}

// errSwitched is what a replica of an old chain answers: the call did not run.
var errSwitched = abi.Errorf(abi.Moved, "the microservice has another chain now")
