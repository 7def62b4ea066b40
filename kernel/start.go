package kernel

import (
	"context"

	"amino.run/abi"
	"amino.run/dms"
	"amino.run/internal/api"
	"amino.run/internal/mux"
	"amino.run/kernel/caller"
)

// serveStart starts a replica: from its constructor, from a snapshot, or from
// what its DMs saved.
func (k *Kernel) serveStart(ctx context.Context, _ *mux.Conn, req api.StartRequest) (api.StartReply, error) {
	timeout := req.Group.Spec.Timeout
	if timeout == 0 {
		timeout = caller.DefaultTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	if old, err := k.find(req.Peer); err == nil && old.epoch >= req.Epoch {
		return api.StartReply{}, abi.Errorf(abi.Exists, "%s runs here in epoch %d already", req.Peer, old.epoch)
	}
	if s := req.Saved; s != nil {
		if err := k.store.save(req.Peer, req.Epoch, dms.Snapshot{Version: s.Version, Image: s.Image}); err != nil {
			return api.StartReply{}, err
		}
	}
	r, err := k.newReplica(ctx, &req)
	if err != nil {
		return api.StartReply{}, err
	}
	if req.Recover {
		for _, f := range r.recover {
			if err := f(ctx); err != nil {
				r.end(err)
				return api.StartReply{}, err
			}
		}
	}
	if req.Closed {
		if err := r.gate.quiet(ctx); err != nil {
			r.end(err)
			return api.StartReply{}, err
		}
		k.settleLater(r)
	}
	k.mu.Lock()
	old := k.replicas[req.Peer]
	k.replicas[req.Peer] = r
	delete(k.moved, req.Peer)
	k.mu.Unlock()
	if old != nil {
		old.end(caller.MovedTo(r.here()))
	}
	return api.StartReply{Recovers: len(r.recover) > 0}, nil
}

// serveCapture returns a replica's state and what its parts keep.
func (k *Kernel) serveCapture(ctx context.Context, _ *mux.Conn, ref api.ReplicaRef) (s api.Snapshot, err error) {
	r, err := k.at(ref)
	if err != nil {
		return s, err
	}
	if err := r.gate.quiet(ctx); err != nil {
		return s, err
	}
	defer r.gate.open()
	out, err := r.capture(ctx)
	if err != nil {
		return s, err
	}
	return *out, nil
}

// serveForget ends a replica. Those who wait at its gate, and those who come
// later, learn where it went.
func (k *Kernel) serveForget(_ context.Context, _ *mux.Conn, req api.ForgetRequest) (api.None, error) {
	r, err := k.at(req.ReplicaRef)
	if err != nil {
		return api.None{}, nil // it is gone already
	}
	k.forget(r, req.To)
	return api.None{}, nil
}

func (k *Kernel) forget(r *replica, to *api.Replica) {
	why := abi.Errorf(abi.Moved, "from kernel %s", k.node.ID)
	k.mu.Lock()
	if k.replicas[r.peer] == r {
		delete(k.replicas, r.peer)
	}
	if to != nil {
		k.moved[r.peer] = *to
		why = caller.MovedTo(*to)
	}
	k.mu.Unlock()
	r.end(why)
}
