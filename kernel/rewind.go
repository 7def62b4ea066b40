package kernel

import (
	"context"

	"amino.run/abi"
	"amino.run/dms"
	"amino.run/host"
)

// undo puts the state from before a call back that did not come to its end. It
// returns why, and in it the state the guest is in now.
func (x *guest) undo(ctx context.Context, in place, why error) error {
	e := *abi.AsError(why)
	x.stale = true
	var lost, err error
	if in == x.inst {
		lost, err = x.back(context.WithoutCancel(ctx))
	}
	switch {
	case err != nil:
		e.Code, e.Msg = abi.Internal, e.Msg+"; and the state cannot be put back: "+err.Error()
	case lost == nil:
		e.State = abi.StateBefore
		e.Msg += "; the state is the one before the call"
	default:
		e.State = abi.StateSnapshot
		e.Msg += "; the state is the last snapshot, calls since then are undone: " + lost.Error()
		x.version.Add(1)
		x.lastVers = x.version.Load()
	}
	return &e
}

var errNotKept = abi.Errorf(abi.Internal, "they are not kept")

// back restores the last capture and makes the calls since then again. If that
// leads elsewhere, the capture is what there is, and lost says why.
func (x *guest) back(ctx context.Context) (lost, err error) {
	if err := x.inst.Restore(ctx, x.last); err != nil {
		return nil, err
	}
	if lost = x.repeat(ctx); lost == nil {
		x.trim() // who fails once may fail again: that shall take less time
		return nil, nil
	}
	if x.since != nil {
		err = x.inst.Restore(ctx, x.last)
		x.since.reset()
	}
	if x.lastVers == x.version.Load() {
		lost = nil // they only read
	}
	return lost, err
}

// repeat makes the calls since the last capture again.
func (x *guest) repeat(ctx context.Context) error {
	switch {
	case x.since == nil, x.since.gap:
		return errNotKept
	}
	p := host.NewReplayer(x.env, &x.since.record)
	return x.since.each(func(call dms.Call) error {
		out, _, err := x.enter(ctx, x.inst, call, p)
		if x.inst.Failed() {
			return err
		}
		return p.End(out, err)
	})
}
