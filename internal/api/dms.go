package api

import "amino.run/dms"

// DM returns the node as DMs see it.
func (n Node) DM() dms.Node { return dms.Node{ID: n.ID, Labels: n.Labels} }

// DM returns the replica as DMs see it.
func (r Replica) DM() dms.Replica { return dms.Replica{Peer: dms.Peer(r.Peer), Node: r.Node.DM()} }

// DMReplicas returns the replicas of a group as DMs see them, the primary first.
func DMReplicas(g *Group) []dms.Replica {
	out := make([]dms.Replica, len(g.Replicas))
	for i, r := range g.Replicas {
		out[i] = r.DM()
	}
	return out
}
