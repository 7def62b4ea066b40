package replication

import (
	"context"

	"amino.run/abi"
	"amino.run/dms"
)

func init() {
	dms.Register("ConsensusRSM-Cluster", func() dms.DM { return &Cluster{defaults} })
}

// Cluster keeps a microservice the same on several nodes of one region, and goes on
// while most of them live.
//
// Guarantees: linearizable. A call is answered when most replicas have it on disk, so
// nothing answered is lost while most disks remain; it runs at each of them, in one
// order. A call that is sent again runs once. The group goes on while a majority can
// reach one another, and replaces a lost replica as soon as a node is free; where a
// majority is lost it waits for them.
//
// Costs: for a call that may write, a round trip to the nearest majority and a write
// to disk, which calls at the same time share; for a readonly one, the round trip. The
// microservice runs at each replica. A few hundred milliseconds when the leader is lost.
//
// Needs: as many nodes as replicas, in the region of the first and with placement's
// leave, else the microservice is not created. What it asks of the clock, of chance and
// of others is asked at the leader.
//
// Verbs: none; those of DMs before it run at each replica.
type Cluster struct{ consensus }

// Coordinator implements dms.Coordinated.
func (d *Cluster) Coordinator(g dms.Group) {
	region := g.Origin().Labels["region"]
	g.Allow(func(n dms.Node) bool { return n.Labels["region"] == region })
	m := &members{g: g, want: d.Replicas, spare: func() []dms.Node { return dms.Spare(g) }}
	g.OnCreate(func(ctx context.Context) error {
		if n := len(g.Nodes()); n < d.Replicas {
			return abi.Errorf(abi.Placement, "%d replicas need a node each in region %q, and placement allows %d; start more kernels or set replicas=%d",
				d.Replicas, region, n, odd(n))
		}
		return m.repair(ctx)
	})
	m.watch()
}

// odd returns the greatest odd number up to n, one at least.
func odd(n int) int { return max(1, n-(n+1)%2) }
