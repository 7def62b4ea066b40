package checkpointing

import (
	"context"
	"errors"

	"amino.run/abi"
	"amino.run/dms"
)

// The verbs of ExplicitCheckpoint. They take no arguments and answer null.
const (
	Checkpoint dms.Verb = "checkpoint" // save the state
	Revert     dms.Verb = "revert"     // go back to what was last saved
)

func init() { dms.Register("ExplicitCheckpoint", func() dms.DM { return new(ExplicitCheckpoint) }) }

// ExplicitCheckpoint saves a microservice when the application says so.
//
// Guarantees: when checkpoint is answered, the state with all calls answered before
// it is on disk, whole or not at all. After a failure of the node the last
// checkpoint is back; before the first one, the state as it was created. Calls
// since then are lost.
//
// Costs: nothing for a call; the size of the state for a checkpoint. Calls wait
// only while the state is captured.
//
// Needs: to see the verbs, so it comes before a DM that runs calls beside their
// callers.
//
// Verbs: checkpoint() saves the state. revert() goes back to the last checkpoint,
// and fails with not found if there is none.
type ExplicitCheckpoint struct{}

// Concerns implements dms.Concerned.
func (*ExplicitCheckpoint) Concerns() dms.Concerns {
	return dms.Concerns{
		Verbs: []dms.Verb{Checkpoint, Revert},
		Owns:  []dms.Trait{dms.Recovery},
		Minds: map[dms.Trait]string{
			dms.Freezes: "the state never changes, so there is nothing to save or to go back to; take ExplicitCheckpoint away",
		},
	}
}

// Instance implements dms.Instancer.
func (*ExplicitCheckpoint) Instance(c dms.Callee, next dms.Handler) dms.Handler {
	c.OnRecover(func(ctx context.Context) error { return dms.LoadLast(ctx, c) })
	mu := dms.NewMutex() // an older capture is never saved over a newer one
	verb := func(ctx context.Context, call dms.Call, f func(context.Context, dms.Callee) error) ([]byte, error) {
		if err := dms.VerbArgs(call); err != nil {
			return nil, err
		}
		if err := mu.Lock(ctx); err != nil {
			return nil, err
		}
		defer mu.Unlock()
		return nil, f(ctx, c)
	}
	return func(ctx context.Context, call dms.Call) ([]byte, error) {
		switch call.Verb {
		case Checkpoint:
			return verb(ctx, call, dms.SaveNow)
		case Revert:
			return verb(ctx, call, revert)
		}
		return next(ctx, call)
	}
}

func revert(ctx context.Context, c dms.Callee) error {
	s, err := c.Load(ctx)
	if errors.Is(err, abi.ErrNotFound) {
		return abi.Errorf(abi.NotFound, "there is no checkpoint to revert to; use the verb checkpoint first")
	}
	if err != nil {
		return err
	}
	return c.Restore(ctx, s)
}
