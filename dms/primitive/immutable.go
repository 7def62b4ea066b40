package primitive

import (
	"context"

	"amino.run/abi"
	"amino.run/dms"
)

func init() { dms.Register("Immutable", func() dms.DM { return new(Immutable) }) }

// Immutable gives each caller's node its own copy of a microservice that never
// changes; after the first call, none leaves the node.
//
// Guarantees: every call sees the state the microservice was created with. A method
// that is not readonly is refused and does not run. Calls go on while the replica
// is lost, at the nodes that have a copy.
//
// Costs: the state is sent to each calling node once, and kept there.
//
// Needs: methods marked readonly in the manifest. Outgoing calls of the
// microservice leave from the caller's node.
//
// Verbs: none.
type Immutable struct{}

// Concerns implements dms.Concerned.
func (*Immutable) Concerns() dms.Concerns {
	return dms.Concerns{
		Owns: []dms.Trait{dms.Routes},
		Has:  []dms.Trait{dms.AtCallers, dms.Spreads, dms.Freezes},
	}
}

// Proxy implements dms.Proxier.
func (*Immutable) Proxy(c dms.Caller, next dms.Handler) dms.Handler {
	var local dms.Copy
	mu := dms.NewMutex() // guards local; held by one that fetches it
	copyHere := func(ctx context.Context) (_ dms.Copy, err error) {
		if err := mu.Lock(ctx); err != nil {
			return nil, err
		}
		defer mu.Unlock()
		if local == nil {
			local, err = dms.CopyHere(ctx, c)
		}
		return local, err
	}
	return func(ctx context.Context, call dms.Call) ([]byte, error) {
		if call.Verb != "" {
			return next(ctx, call)
		}
		if !call.ReadOnly {
			return nil, abi.Errorf(abi.PermissionDenied,
				"%s is not readonly and Immutable lets no call change the state: mark the method readonly, or deploy without Immutable", call.Method)
		}
		here, err := copyHere(ctx)
		if err != nil {
			return nil, err
		}
		return here.Invoke(ctx, call)
	}
}
