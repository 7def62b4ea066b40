package oms_test

import (
	"context"

	"amino.run/dms"
)

// shards divides the state among members, on the nodes with the fewest replicas, and
// replaces one that is lost.
type shards struct{ Shards int }

func (*shards) Concerns() dms.Concerns {
	return dms.Concerns{Owns: []dms.Trait{dms.Shards, dms.Membership, dms.Recovery}}
}

func (d *shards) Coordinator(g dms.Group) {
	grow := func(ctx context.Context) error {
		for len(g.Replicas()) < d.Shards {
			if _, err := g.Replicate(ctx, g.Nodes()[0]); err != nil {
				return err
			}
		}
		return nil
	}
	g.OnCreate(grow)
	g.OnFailure(func(ctx context.Context, lost dms.Replica) error {
		if err := g.Remove(ctx, lost); err != nil {
			return err
		}
		return grow(ctx)
	})
}
