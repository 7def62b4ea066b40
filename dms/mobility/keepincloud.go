package mobility

import "amino.run/dms"

func init() { dms.Register("KeepInCloud", func() dms.DM { return new(KeepInCloud) }) }

// KeepInCloud keeps a microservice on cloud nodes, of one region if it is given.
//
// Guarantees: it is created, replicated, moved and recovered only on nodes with the
// label tier=cloud and, if region is set, that region; anything else is refused
// with placement.
//
// Costs: nothing for a call.
//
// Needs: kernels that are given the labels tier and region.
//
// Verbs: none.
type KeepInCloud struct {
	Region string `doc:"the label region of the nodes allowed; empty allows all"`
}

// Coordinator implements dms.Coordinated.
func (d *KeepInCloud) Coordinator(g dms.Group) {
	g.Allow(func(n dms.Node) bool {
		return n.Labels["tier"] == dms.Cloud && (d.Region == "" || n.Labels["region"] == d.Region)
	})
}
