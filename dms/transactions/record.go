package transactions

import (
	"context"
	"errors"

	"amino.run/abi"
	"amino.run/dms"
)

// A record is what a replica has on disk: its committed state, the transaction that it
// voted for, and the decisions that it has to tell.
type record struct {
	State    dms.Snapshot
	Prepared *prepared
	Decided  map[string][]dms.Peer // committed, and who does not know yet
}

type prepared struct {
	Tx    string
	State dms.Snapshot // what the transaction left
}

// saveState saves the state as it is as the committed one.
func (p *participant) saveState(ctx context.Context) error {
	s, err := p.c.Snapshot(ctx)
	if err != nil {
		return err
	}
	return p.save(ctx, record{State: s})
}

func (p *participant) save(ctx context.Context, r record) error {
	r.Decided = p.decided()
	b, err := abi.Encode(r)
	if err != nil {
		return err
	}
	return p.c.Save(context.WithoutCancel(ctx), dms.Snapshot{Version: p.c.Version(), Image: b})
}

// recover puts back what is on disk. A transaction that the replica voted for holds it
// until the coordinator answers. It is all written again, so that what a replica that
// lost this place still writes is older.
func (p *participant) recover(ctx context.Context, o *coordinator) error {
	saved, err := p.c.Load(ctx)
	if errors.Is(err, abi.ErrNotFound) {
		if saved, err = p.c.Snapshot(ctx); err == nil {
			err = p.c.Restore(ctx, saved) // the version goes up: it is not what callers last saw
		}
		if err != nil {
			return err
		}
		return p.saveState(ctx)
	}
	if err != nil {
		return err
	}
	var r record
	if err := abi.Decode(saved.Image, &r); err != nil {
		return abi.Errorf(abi.Storage, "what TwoPhaseCommit saved cannot be read: %v", err)
	}
	if r.Decided != nil {
		*o.told = r.Decided
	}
	if err := p.c.Restore(ctx, r.State); err != nil {
		return err
	}
	if r.Prepared == nil {
		return p.saveState(ctx)
	}
	if r.State, err = p.c.Snapshot(ctx); err != nil { // of a version of this life
		return err
	}
	*p.hold = hold{Tx: r.Prepared.Tx, Before: r.State, Prepared: true}
	if err := p.c.Restore(ctx, r.Prepared.State); err != nil {
		return err
	}
	return p.save(ctx, r)
}

// drain makes the state the committed one.
func (p *participant) drain(ctx context.Context, o *coordinator) error {
	if len(o.decided()) > 0 {
		return abi.Errorf(abi.Leased, "a transaction was committed and not all who take part have heard of it; try again later")
	}
	switch {
	case p.hold.Tx == "":
		return nil
	case p.hold.Prepared:
		return abi.Errorf(abi.Leased, "a transaction is prepared and its coordinator has not decided; try again later")
	}
	return p.undo(ctx)
}
