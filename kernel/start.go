package kernel

import (
	"context"
	"errors"

	"amino.run/abi"
	"amino.run/dms"
	"amino.run/internal/api"
	"amino.run/internal/mux"
	"amino.run/kernel/caller"
)

// serveStart starts a replica: from its constructor, from a snapshot, or from
// what its DMs saved.
func (k *Kernel) serveStart(ctx context.Context, _ *mux.Conn, req api.StartRequest) (api.StartReply, error) {
	if old, err := k.find(req.Peer); err == nil && old.epoch >= req.Epoch {
		return api.StartReply{}, exists(old)
	}
	if err := k.keep(&req, savedAs, req.Saved); err != nil {
		return api.StartReply{}, err
	}
	if err := k.keep(&req, bornAs, req.Born); err != nil {
		return api.StartReply{}, err
	}
	r, err := k.newReplica(ctx, &req)
	if err != nil {
		return api.StartReply{}, err
	}
	if req.Recover {
		err = r.recovered(ctx)
	}
	if req.Save && len(r.recover) > 0 {
		err = k.keep(&req, bornAs, req.Snapshot)
	}
	if err == nil && (req.Closed || req.Save) {
		k.settleLater(r)
	}
	if err == nil {
		err = k.add(r)
	}
	if err != nil {
		r.end(err)
		return api.StartReply{}, err
	}
	if !req.Closed {
		r.open()
	}
	return api.StartReply{Recovers: len(r.recover) > 0 || r.log != nil}, nil
}

// keep writes a snapshot of a replica that is started here, if there is one, where it
// outlives the process.
func (k *Kernel) keep(req *api.StartRequest, as func(*api.Group, string) string, s *api.Snapshot) error {
	if s == nil {
		return nil
	}
	return k.store.save(as(&req.Group, req.Peer), req.Epoch, dms.Snapshot{Version: s.Version, Image: s.Image})
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
	err = r.view(ctx, func(ctx context.Context) error {
		out, err := r.capture(ctx)
		if err == nil {
			s = *out
		}
		return err
	})
	return s, err
}

// serveForget ends a replica. Those who wait at its gate, and those who come
// later, learn where it went; if it is gone, so is what was saved of it.
func (k *Kernel) serveForget(_ context.Context, _ *mux.Conn, req api.ForgetRequest) (api.None, error) {
	r, err := k.at(req.ReplicaRef)
	if err != nil {
		return api.None{}, nil // it is gone already
	}
	k.forget(r, req.To)
	if req.To == nil {
		g := r.group.Load()
		return api.None{}, errors.Join(k.store.remove(savedAs(g, r.peer)), k.store.remove(bornAs(g, r.peer)))
	}
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
	r.gone.Store(to == nil || to.Node.ID != k.node.ID)
	r.end(why)
}
