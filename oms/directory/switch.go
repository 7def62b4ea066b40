package directory

import (
	"amino.run/abi"
	"amino.run/internal/api"
)

// Switch is the compare-and-set that puts another chain in the place of a group's, with
// replicas, prepared before, that have its state. Those before are members no more.
type Switch struct {
	Group      string
	Generation uint64 // of the chain before
	DMs        []string
	Replicas   []Successor
	Cells      []api.Cells // what the new coordinators keep, by layer
}

// A Successor is a replica of the new chain.
type Successor struct {
	api.Replica
	Incarnation uint64 // of its node
}

func (cmd Switch) apply(c *Change) error {
	g, err := c.edit(cmd.Group)
	if err != nil {
		return err
	}
	if g.Generation != cmd.Generation {
		return abi.Errorf(abi.Conflict, "another chain has taken the place of the one of %s", g.Name)
	}
	next, epochs := make([]api.Replica, len(cmd.Replicas)), map[string]uint64{}
	for i, r := range cmd.Replicas {
		if g.Replica(r.Peer) != nil {
			return abi.Errorf(abi.Conflict, "%s is a replica of the chain before", r.Peer)
		}
		if err := c.checkPlace(r.Node.ID, r.Incarnation); err != nil {
			return err
		}
		next[i], epochs[r.Peer] = r.Replica, r.Epoch
	}
	g.Spec.DMs, g.Replicas, g.Epochs, g.Cells, g.Untold = cmd.DMs, next, epochs, cmd.Cells, nil
	g.Generation++
	g.Revision += uint64(len(next)) + 1 // past what those that were started one by one have seen
	return nil
}
