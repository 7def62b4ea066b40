package kernel

import (
	"context"
	"errors"
	"slices"
	"time"

	"amino.run/abi"
	"amino.run/internal/api"
	"amino.run/internal/mux"
)

// How long a kernel waits for a replica to become quiet, and how long for the
// OMS to say what became of a move before it asks. The OMS gives a move up in
// less time than the second, counted from before the kernel heard of it; so a
// kernel that asks is told the end of the matter.
const (
	quietTimeout  = 10 * time.Second
	settleTimeout = 45 * time.Second
)

// serveSend starts a copy of a replica at another kernel: the first half of a
// move, or a new replica. When it returns without an error the gate is closed
// here (open, if Keep) and closed there, and the directory decides who serves.
func (k *Kernel) serveSend(ctx context.Context, _ *mux.Conn, req api.SendRequest) (api.SendReply, error) {
	r, err := k.at(req.ReplicaRef)
	if err != nil {
		return api.SendReply{}, err
	}
	// A module the other kernel lacks is fetched and compiled before callers wait.
	if _, err := remote[api.Inspection](ctx, k, req.To, api.KernelInspect, api.Ref{Ref: r.group.Load().Spec.Module}); err != nil {
		return api.SendReply{}, err
	}
	quiet, cancel := context.WithTimeout(ctx, quietTimeout)
	defer cancel()
	if err := r.gate.quiet(quiet); err != nil {
		if errors.Is(err, context.DeadlineExceeded) {
			err = abi.Errorf(abi.Overloaded, "%s has been inside a call for %v; it stays on kernel %s", r.peer, quietTimeout, k.node.ID)
		}
		return api.SendReply{}, err
	}
	closed := time.Now()
	rep, err := k.sendQuiet(ctx, r, req)
	rep.Closed = time.Since(closed)
	if err == nil && !req.Keep {
		// If no one hears the answer, the directory never says that it moved.
		if err = ctx.Err(); err == nil {
			k.settleLater(r)
			return rep, nil
		}
	}
	r.open()
	return rep, err
}

func (k *Kernel) sendQuiet(ctx context.Context, r *replica, req api.SendRequest) (api.SendReply, error) {
	s, err := r.captureToSend(ctx, req.Keep)
	if err != nil {
		return api.SendReply{}, err
	}
	if req.Fresh > 0 { // the log, too, is of another group
		s.Cells, s.Log = s.Cells[:min(req.Fresh, len(s.Cells))], nil
	}
	start := req.Start
	start.Snapshot, start.Closed = s, true
	if !req.Keep && req.To.Store != k.store.id {
		if start.Saved, err = k.saved(savedAs(r.group.Load(), r.peer)); err != nil {
			return api.SendReply{}, err
		}
		if start.Born, err = k.saved(bornAs(r.group.Load(), r.peer)); err != nil {
			return api.SendReply{}, err
		}
	}
	var rep api.StartReply
	if req.To.ID == k.node.ID {
		rep, err = k.serveStart(ctx, nil, start)
	} else {
		rep, err = remote[api.StartReply](ctx, k, req.To, api.KernelStart, start)
	}
	return api.SendReply{Bytes: len(s.Image), Recovers: rep.Recovers}, err
}

// captureToSend captures a replica that is quiet. Its log stands still then, unless
// the replica stays: a vote must not be given here and be unknown there.
func (r *replica) captureToSend(ctx context.Context, keep bool) (*api.Snapshot, error) {
	if r.log == nil {
		return r.capture(ctx)
	}
	ctx, cancel := context.WithTimeout(ctx, quietTimeout)
	defer cancel()
	f, err := r.log.log.Freeze(ctx)
	if err != nil {
		return nil, err
	}
	s, err := r.capture(ctx)
	if err != nil {
		return nil, err
	}
	if keep {
		s.Log = f.Copy()
		r.log.log.Start()
	} else {
		s.Log = f.Travel()
	}
	return s, nil
}

// saved returns what is kept of a replica by a name, which goes where the file cannot
// be read; nil if there is none.
func (k *Kernel) saved(name string) (*api.Snapshot, error) {
	s, err := k.store.load(name)
	if errors.Is(err, abi.ErrNotFound) {
		return nil, nil
	}
	return &api.Snapshot{Version: s.Version, Image: s.Image}, err
}

// serveOpen opens the gate of a replica that was started closed, or sent.
func (k *Kernel) serveOpen(_ context.Context, _ *mux.Conn, ref api.ReplicaRef) (api.None, error) {
	r, err := k.at(ref)
	if err != nil {
		return api.None{}, err
	}
	k.settled(r)
	return api.None{}, nil
}

// settled opens the gate of a replica that stays or has arrived, unless it has
// been opened before.
func (k *Kernel) settled(r *replica) {
	if r.settleAfter(0, nil) {
		r.leaving.Store(false)
		r.open()
	}
}

// settleLater makes the kernel ask the OMS what became of a closed replica, in
// case the OMS dies between two steps of a move.
func (k *Kernel) settleLater(r *replica) {
	r.settleAfter(settleTimeout, func() { k.askSettled(r) })
}

func (k *Kernel) askSettled(r *replica) {
	ctx, cancel := context.WithTimeout(k.ctx, askFor)
	defer cancel()
	g, err := k.oms.settle(ctx, r.Group())
	if err != nil && !errors.Is(err, abi.ErrNotFound) {
		if k.ctx.Err() == nil {
			k.settleLater(r)
		}
		return
	}
	i := slices.IndexFunc(g.Replicas, func(x api.Replica) bool { return x.Peer == r.peer })
	switch {
	case i < 0:
		k.forget(r, nil)
	case g.Replicas[i].Node.ID == k.node.ID && g.Replicas[i].Epoch == r.epoch:
		k.settled(r)
	default:
		k.forget(r, &g.Replicas[i])
	}
}
