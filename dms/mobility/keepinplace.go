package mobility

import "amino.run/dms"

func init() { dms.Register("KeepInPlace", func() dms.DM { return new(KeepInPlace) }) }

// KeepInPlace keeps a microservice on the node it was created on, to use what only
// that node has.
//
// Guarantees: every move and every replica elsewhere is refused with placement.
// After a failure of the node it comes back only there.
//
// Costs: nothing for a call. While its node is down it is unavailable.
//
// Needs: no DM that wants more than one node.
//
// Verbs: none.
type KeepInPlace struct{}

// Concerns implements dms.Concerned.
func (*KeepInPlace) Concerns() dms.Concerns {
	return dms.Concerns{Has: []dms.Trait{dms.OneNode}}
}

// Coordinator implements dms.Coordinated.
func (*KeepInPlace) Coordinator(g dms.Group) {
	origin := g.Origin().ID
	g.Allow(func(n dms.Node) bool { return n.ID == origin })
}
