package kernel

import (
	"context"
	"errors"
	"time"

	"amino.run/abi"
	"amino.run/dms"
	"amino.run/internal/api"
	"amino.run/internal/mux"
	"amino.run/kernel/internal/part"
)

// How long a kernel that is in a switch hears nothing before it asks the OMS, and how
// long it then waits for the answer, which comes when the switch is over.
const (
	askAfter = 500 * time.Millisecond
	askFor   = time.Minute
)

// serveHold lets no caller here begin a call of a group, until serveRelease, or until
// the OMS answers that the switch is over.
func (k *Kernel) serveHold(ctx context.Context, _ *mux.Conn, req api.HoldRequest) (rep api.HoldReply, err error) {
	again := k.caller.Held(req.Group, req.Switch)
	rep.Quiet, err = k.caller.Hold(ctx, req)
	if !again {
		go k.askReleased(req.Group, req.Switch)
	}
	return rep, err
}

func (k *Kernel) askReleased(group string, id uint64) {
	for {
		k.sleep(askAfter)
		if k.ctx.Err() != nil || !k.caller.Held(group, id) {
			return
		}
		ctx, cancel := context.WithTimeout(k.ctx, askFor)
		g, err := k.oms.settle(ctx, group)
		cancel()
		if err == nil || errors.Is(err, abi.ErrNotFound) {
			k.caller.Release(group, id, g)
			return
		}
	}
}

// serveRelease lets the callers of a group go on.
func (k *Kernel) serveRelease(_ context.Context, _ *mux.Conn, req api.ReleaseRequest) (api.None, error) {
	k.caller.Release(req.Group.ID, req.Switch, req.Group)
	return api.None{}, nil
}

// serveQuiet closes the gate of a replica whose chain is to be replaced. Messages of
// other replicas are turned away first: they may come from one whose gate is being
// closed too, and is not quiet before it has its answer.
func (k *Kernel) serveQuiet(ctx context.Context, _ *mux.Conn, ref api.ReplicaRef) (api.None, error) {
	r, err := k.at(ref)
	if err == nil {
		err = k.quiet(ctx, r)
	}
	return api.None{}, err
}

func (k *Kernel) quiet(ctx context.Context, r *replica) error {
	if r.leaving.Swap(true) {
		return nil // it is
	}
	quiet, cancel := context.WithTimeout(ctx, quietTimeout)
	defer cancel()
	if err := r.gate.quiet(quiet); err != nil {
		r.leaving.Store(false)
		if errors.Is(err, context.DeadlineExceeded) {
			err = abi.Errorf(abi.Overloaded, "%s has been inside a call for %v", r.peer, quietTimeout)
		}
		return err
	}
	r.settleAfter(askAfter, func() { k.askSettled(r) })
	return nil
}

// serveSucceed starts a replica of the new chain with the state of one of the old, which
// is made quiet if it is not. What the parts of the old one keep is not for the new
// ones. The gate of the new one is open, for coordinators may have something to say to
// its parts before the directory, and callers, know of it.
func (k *Kernel) serveSucceed(ctx context.Context, _ *mux.Conn, req api.SendRequest) (rep api.SendReply, err error) {
	defer part.Caught(k.log, &err)
	r, err := k.at(req.ReplicaRef)
	if err != nil {
		return rep, err
	}
	if err := k.quiet(ctx, r); err != nil {
		return rep, err
	}
	if err := part.Drain(ctx, r.parts); err != nil {
		return rep, err
	}
	var s dms.Snapshot
	err = r.view(ctx, func(ctx context.Context) (err error) {
		s, err = r.guest.snapshot(ctx)
		return err
	})
	if err != nil {
		return rep, err
	}
	start := req.Start
	start.Snapshot = &api.Snapshot{Module: start.Group.Spec.Module, Version: s.Version, Image: s.Image}
	start.Closed, start.Save = false, true
	var started api.StartReply
	if req.To.ID == k.node.ID {
		started, err = k.serveStart(ctx, nil, start)
	} else {
		started, err = remote[api.StartReply](ctx, k, req.To, api.KernelStart, start)
	}
	return api.SendReply{Bytes: len(s.Image), Recovers: started.Recovers}, err
}
