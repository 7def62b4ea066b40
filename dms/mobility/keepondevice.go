package mobility

import (
	"context"
	"sync"
	"time"

	"amino.run/dms"
)

func init() {
	dms.Register("KeepOnDevice", func() dms.DM { return &KeepOnDevice{Stay: time.Second} })
}

// KeepOnDevice keeps a microservice on a device, and moves it to the device that
// calls it.
//
// Guarantees: it is created, moved and recovered only on nodes with the label
// tier=device; anything else is refused with placement. A call from another device
// is carried out where the microservice is, and takes it along to that device.
//
// Costs: nothing for a call; the size of the state for a move. Two devices that call
// in turn move it at most once in each stay.
//
// Needs: kernels that are given the label tier; a microservice of one replica.
//
// Verbs: none.
type KeepOnDevice struct {
	Stay time.Duration `doc:"how long it stays on a device at least"`
}

// Validate implements dms.Validator.
func (d *KeepOnDevice) Validate() error { return dms.Positive("stay", d.Stay) }

// Concerns implements dms.Concerned.
func (*KeepOnDevice) Concerns() dms.Concerns {
	return dms.Concerns{
		Owns: []dms.Trait{dms.Moves},
		Minds: map[dms.Trait]string{
			dms.OneNode:    "one keeps the microservice to one node, so it could not follow the device that calls",
			dms.Membership: "KeepOnDevice moves the one replica of a microservice, and with several it would not know which",
		},
	}
}

// called is told by a device that the microservice is not on.
type called struct{ Node string }

// Proxy implements dms.Proxier.
func (d *KeepOnDevice) Proxy(c dms.Caller, next dms.Handler) dms.Handler {
	here := c.Here()
	if here.Labels["tier"] != dms.Device {
		return next
	}
	var mu sync.Mutex
	var told time.Time
	return func(ctx context.Context, call dms.Call) ([]byte, error) {
		if at, err := dms.Primary(c); err == nil && at.Node.ID != here.ID {
			mu.Lock()
			if time.Since(told) >= d.Stay {
				told = time.Now()
				dms.Tell(c, dms.Coordinator, called{here.ID}) // the call does not wait for the move
			}
			mu.Unlock()
		}
		return next(ctx, call)
	}
}

// Coordinator implements dms.Coordinated.
func (d *KeepOnDevice) Coordinator(g dms.Group) {
	g.Allow(func(n dms.Node) bool { return n.Labels["tier"] == dms.Device })
	var moved time.Time
	dms.Answer(g, func(ctx context.Context, _ dms.Peer, by called) (none dms.None, err error) {
		at, err := dms.Primary(g)
		if err != nil || at.Node.ID == by.Node || time.Since(moved) < d.Stay {
			return none, err
		}
		for _, n := range g.Nodes() {
			if n.ID == by.Node {
				moved = time.Now()
				return none, g.Move(ctx, at, n)
			}
		}
		return none, nil
	})
}
