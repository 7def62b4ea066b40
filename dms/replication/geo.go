package replication

import (
	"context"
	"slices"
	"strings"

	"amino.run/abi"
	"amino.run/dms"
)

func init() { dms.Register("ConsensusRSM-Geo", func() dms.DM { return &Geo{defaults} }) }

// Geo keeps a microservice the same in several regions, one replica in each, and
// goes on while most of them can be reached.
//
// Guarantees: those of ConsensusRSM-Cluster, and no two replicas in one region, but
// for the moment in which one takes the place of another. It goes on when a region is
// lost.
//
// Costs: those of ConsensusRSM-Cluster; the round trip is one between regions.
//
// Needs: nodes with the label region, in as many regions as there are replicas, else
// the microservice is not created.
//
// Verbs: none; those of DMs before it run at each replica.
type Geo struct{ consensus }

// Coordinator implements dms.Coordinated.
func (d *Geo) Coordinator(g dms.Group) {
	m := &members{g: g, want: d.Replicas, spare: func() []dms.Node { return dms.Spare(g) }}
	g.Allow(func(n dms.Node) bool {
		taken := slices.ContainsFunc(g.Replicas(), func(r dms.Replica) bool {
			return r.Node.ID != n.ID && r.Node.Labels["region"] == n.Labels["region"] && !m.isGone(r)
		})
		return n.Labels["region"] != "" && !taken || holds(g, n)
	})
	g.OnCreate(func(ctx context.Context) error {
		if all := regions(g.Nodes()); len(all) < d.Replicas {
			return abi.Errorf(abi.Placement, "%d replicas need a region each, and placement allows %d (%s); start kernels in other regions or set replicas=%d",
				d.Replicas, len(all), strings.Join(all, ", "), odd(len(all)))
		}
		return m.repair(ctx)
	})
	m.watch()
}

func regions(nodes []dms.Node) (all []string) {
	for _, n := range nodes {
		all = append(all, n.Labels["region"])
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// holds reports whether a replica is on n.
func holds(p dms.Part, n dms.Node) bool {
	return slices.ContainsFunc(p.Replicas(), func(r dms.Replica) bool { return r.Node.ID == n.ID })
}
