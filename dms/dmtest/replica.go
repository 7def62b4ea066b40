package dmtest

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"sync/atomic"

	"amino.run/abi"
	"amino.run/dms"
)

// A replica is one member of the group where it is now. A move makes a new one of
// the same address.
type replica struct {
	dms.Replica
	*runner
	cl      *Cluster
	gate    *gate
	parts   []*part
	handler dms.Handler
	recover []func(context.Context) error
	log     *raft           // nil unless a DM opened one
	life    context.Context // ends with the node, or when the replica is removed
	end     context.CancelFunc
	gone    atomic.Bool // it has moved away

	leaving  atomic.Bool // its chain is being replaced
	switched atomic.Bool // and has been
}

// here returns nil while the replica is here and alive.
func (r *replica) here() error {
	switch {
	case r.switched.Load():
		return errSwitched
	case r.gone.Load():
		return errMoved
	case r.life.Err() != nil:
		return unreachable(r.Node.ID)
	}
	return nil
}

// call carries out a call that has reached the replica.
func (r *replica) call(ctx context.Context, call dms.Call) ([]byte, error) {
	if err := r.gate.enter(ctx, call.Tx != ""); err != nil {
		return nil, err
	}
	defer r.gate.leave()
	if err := r.here(); err != nil {
		return nil, err
	}
	return r.handler(ctx, call)
}

// A runner runs a guest: one call at a time.
type runner struct {
	in      *Cluster
	at      string // node
	guest   Guest
	enter   dms.Mutex
	version atomic.Uint64
}

func newRunner(cl *Cluster, at string, s dms.Snapshot) *runner {
	r := &runner{in: cl, at: at, guest: cl.guest(), enter: dms.NewMutex()}
	r.guest.Restore(s.Image)
	r.version.Store(s.Version)
	return r
}

// run carries out a method or Replace.
func (r *runner) run(ctx context.Context, call dms.Call) ([]byte, error) {
	if err := r.enter.Lock(ctx); err != nil {
		return nil, err
	}
	defer r.enter.Unlock()
	if call.Verb == dms.Replace {
		r.guest.Restore(call.Args)
		r.version.Store(max(r.version.Load(), call.ID) + 1)
		return nil, nil
	}
	before := r.guest.Snapshot()
	out, err := r.invoke(ctx, call)
	if abi.CodeOf(err).Fate() == abi.Undone {
		r.guest.Restore(before)
	} else if !call.ReadOnly && (abi.CodeOf(err).Fate() == abi.Ran || !bytes.Equal(before, r.guest.Snapshot())) {
		r.version.Add(1)
	}
	return out, err
}

// invoke enters the guest. What it calls is called from its node.
func (r *runner) invoke(ctx context.Context, call dms.Call) ([]byte, error) {
	g, ok := r.guest.(CallingGuest)
	if !ok {
		return r.guest.Invoke(call)
	}
	return g.InvokeCalling(call, func(target, method string, args ...any) ([]byte, error) {
		if target == r.in.whole() || slices.Contains(call.Path, target) {
			return nil, abi.Errorf(abi.Reentrant, "%s waits for this very call", target)
		}
		other := r.in.microservice(target)
		if other == nil {
			return nil, abi.Errorf(abi.NotFound, "no microservice %q", target)
		}
		b, err := abi.Args(args...)
		if err != nil {
			return nil, err
		}
		return other.Client(r.at).Call(ctx, dms.Call{
			Method: method, Args: b, Client: call.Client, Root: call.Root, Tx: call.Tx,
			Path: append(slices.Clone(call.Path), r.in.whole()),
		})
	})
}

func (r *runner) snapshot(ctx context.Context) (dms.Snapshot, error) {
	if err := r.enter.Lock(ctx); err != nil {
		return dms.Snapshot{}, err
	}
	defer r.enter.Unlock()
	return dms.Snapshot{Version: r.version.Load(), Image: r.guest.Snapshot()}, nil
}

// current captures the guest; where it has a log, as a majority has it.
func (r *replica) current(ctx context.Context) (dms.Snapshot, error) {
	if r.log != nil {
		return r.log.snapshot(ctx)
	}
	return r.snapshot(ctx)
}

// put makes the guest's state s, its version too.
func (r *runner) put(s dms.Snapshot) {
	r.enter <- struct{}{}
	defer r.enter.Unlock()
	r.guest.Restore(s.Image)
	r.version.Store(s.Version)
}

// start adds a member to the group.
func (cl *Cluster) start(n dms.Node, s dms.Snapshot, kept []cells) (*replica, error) {
	r, err := cl.build(dms.Replica{Peer: dms.Peer(fmt.Sprintf("%s/%d", cl.id, cl.next())), Node: n}, s, kept)
	if err != nil {
		return nil, err
	}
	r.begin()
	cl.mu.Lock()
	cl.group = append(cl.group, r)
	cl.mu.Unlock()
	cl.changed()
	return r, nil
}

// build makes a replica where id says, not in the group yet.
func (cl *Cluster) build(id dms.Replica, s dms.Snapshot, kept []cells) (*replica, error) {
	life, up := cl.life(id.Node.ID)
	if !up {
		return nil, unreachable(id.Node.ID)
	}
	r := &replica{Replica: id, runner: newRunner(cl, id.Node.ID, s), cl: cl, gate: newGate(), parts: make([]*part, len(cl.chain))}
	r.life, r.end = context.WithCancel(life)
	r.handler = cl.chain.Instance(func(layer int, inner dms.Handler) dms.Callee {
		in, self := cl.around(layer, id.Peer)
		p := newPart(in, r.life, self, layer, id.Node)
		p.replica = r
		if kept != nil {
			p.kept = kept[layer]
		}
		r.parts[layer] = p
		return &callee{p, r, inner}
	}, r.run)
	return r, nil
}

// begin lets a replica that is built take part in its group's log, if it has one.
func (r *replica) begin() {
	if r.log != nil {
		r.log.begin()
	}
}

// capture waits until r is quiet and returns its state and cells. Its gate stays
// closed until open.
func (r *replica) capture(ctx context.Context) (s dms.Snapshot, kept []cells, open func(), err error) {
	if r.life.Err() != nil {
		return s, nil, nil, unreachable(r.Node.ID)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(r.life, cancel)()
	if open, err = r.gate.quiet(ctx); err != nil {
		return s, nil, nil, err
	}
	if r.log != nil { // which applies calls of its own accord
		if err := r.log.turn.Lock(ctx); err != nil {
			open()
			return s, nil, nil, err
		}
		defer r.log.turn.Unlock()
	}
	if s, err = r.snapshot(ctx); err != nil {
		open()
		return s, nil, nil, err
	}
	return s, keptBy(r.parts), open, nil
}

// replace puts a member in the place of another.
func (cl *Cluster) replace(old, r *replica) {
	cl.mu.Lock()
	defer cl.mu.Unlock()
	for i := range cl.group {
		if cl.group[i] == old {
			cl.group[i] = r
		}
	}
}
