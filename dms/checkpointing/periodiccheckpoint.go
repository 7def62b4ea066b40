package checkpointing

import (
	"context"

	"amino.run/abi"
	"amino.run/dms"
)

func init() {
	dms.Register("PeriodicCheckpoint", func() dms.DM { return &PeriodicCheckpoint{Every: 10} })
}

// PeriodicCheckpoint saves a microservice after every so many calls, and goes back
// to what was saved when a call fails or the node does.
//
// Guarantees: a failure loses at most the last so many calls that may write. A call
// that may write and fails, also with an error of the application, takes the state
// back to the last checkpoint before it is answered; the calls since then are lost
// with it. A call that was refused, or is readonly, changed nothing and takes
// nothing back. If a checkpoint cannot be written, the next call that may write is
// refused with storage until one can.
//
// Costs: the size of the state every so many calls, and after a move, paid by the
// call that is due. Calls run one at a time.
//
// Needs: to see every call and how it ends, so no DM that runs calls beside their
// callers.
//
// Verbs: none.
type PeriodicCheckpoint struct {
	Every int `doc:"calls that may write from one checkpoint to the next"`
}

// Validate implements dms.Validator.
func (d *PeriodicCheckpoint) Validate() error { return dms.Positive("every", d.Every) }

// Concerns implements dms.Concerned.
func (d *PeriodicCheckpoint) Concerns() dms.Concerns {
	return dms.Concerns{
		Owns: []dms.Trait{dms.Recovery},
		Has:  []dms.Trait{dms.Orders},
		Minds: map[dms.Trait]string{
			dms.AtCallers: "PeriodicCheckpoint goes back when a call fails, and of calls that run beside their callers it does not see how they end",
		},
	}
}

// A period is what lies between two checkpoints.
type period struct {
	Saved string // the node that wrote the checkpoint; "" if there is none
	Spoil bool   // a call failed and the state is not back yet
	Calls int    // that may have written since the checkpoint
}

// Instance implements dms.Instancer.
func (d *PeriodicCheckpoint) Instance(c dms.Callee, next dms.Handler) dms.Handler {
	here := c.Here().ID
	now := dms.Keep(c, "period", period{}) // used by one call at a time
	c.OnRecover(func(ctx context.Context) error { return dms.LoadLast(ctx, c) })

	save := func(ctx context.Context) error {
		if err := dms.SaveNow(ctx, c); err != nil {
			return err
		}
		*now = period{Saved: here}
		return nil
	}
	back := func(ctx context.Context) error {
		now.Spoil = true
		s, err := c.Load(ctx)
		if err == nil {
			err = c.Restore(ctx, s)
		}
		if err != nil {
			return abi.Errorf(abi.Storage, "a call failed and its checkpoint cannot be read back: %v", err)
		}
		*now = period{Saved: here}
		return nil
	}
	ready := func(ctx context.Context, call dms.Call) error {
		switch {
		case now.Spoil:
			return back(ctx)
		case !call.ReadOnly && (now.Saved != here || now.Calls >= d.Every):
			return save(ctx)
		}
		return nil
	}
	return dms.Serial(func(ctx context.Context, call dms.Call) ([]byte, error) {
		if err := ready(ctx, call); err != nil {
			return nil, err
		}
		out, err := next(ctx, call)
		switch {
		case call.ReadOnly, err != nil && abi.CodeOf(err).Fate() == abi.NotRun:
			return out, err
		case err != nil:
			_ = back(ctx) // or before the next call
			return nil, wentBack(err)
		}
		if now.Calls++; now.Calls >= d.Every {
			_ = save(ctx) // or before the next call
		}
		return out, nil
	})
}

// wentBack marks the error of a call that the host undid: the state is now that of
// the last checkpoint, not the one before the call.
func wentBack(err error) error {
	e := *abi.AsError(err)
	if e.Code.Fate() == abi.Undone {
		e.State = abi.StateSnapshot
	}
	return &e
}
