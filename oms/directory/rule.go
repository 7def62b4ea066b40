package directory

import (
	"regexp"
	"slices"

	"amino.run/abi"
	"amino.run/internal/api"
)

var (
	nameForm = regexp.MustCompile(`^[a-z][a-z0-9-]{0,62}$`)
	idForm   = regexp.MustCompile(`^m[0-9]+$`)
	nodeForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$`)
)

// CheckName returns an error of code BadArgument if a microservice cannot have
// this name.
func CheckName(name string) error {
	switch {
	case !nameForm.MatchString(name):
		return abi.Errorf(abi.BadArgument, "%q is not a name of a microservice: use at most 63 of a-z, 0-9 and -, a letter first", name)
	case idForm.MatchString(name):
		return abi.Errorf(abi.BadArgument, "%q is not a name of a microservice: m and digits are an ID", name)
	}
	return nil
}

// CheckNode returns an error of code BadArgument if a kernel cannot join as n.
func CheckNode(n api.Node) error {
	switch {
	case !nodeForm.MatchString(n.ID):
		return abi.Errorf(abi.BadArgument, "%q is not an ID of a kernel: use at most 63 letters, digits and - _ .", n.ID)
	case n.Addr == "":
		return abi.Errorf(abi.BadArgument, "kernel %s gives no address: its peers must be able to dial it", n.ID)
	}
	return nil
}

// Taken returns the error for a name that another group has.
func Taken(name, id string) error {
	return abi.Errorf(abi.Exists, "the name %q is taken by %s: choose another with --name, or delete it first", name, id)
}

func gone(peer string) error {
	return abi.Errorf(abi.NotFound, "%s has no replica %s", GroupOf(peer), peer)
}

// edit returns a copy of a group that is part of the change.
func (c *Change) edit(id string) (*Group, error) {
	g, err := c.group(id)
	if err != nil {
		return nil, err
	}
	g = g.clone()
	c.setGroup(g)
	c.subject = id
	return g, nil
}

// editReplica returns a replica in a copy of its group, if it is in that epoch.
func (c *Change) editReplica(peer string, epoch uint64) (*Group, *api.Replica, error) {
	g, err := c.edit(GroupOf(peer))
	if err != nil {
		return nil, nil, err
	}
	r := g.Replica(peer)
	if r == nil {
		return nil, nil, gone(peer)
	}
	if r.Epoch != epoch {
		return nil, nil, abi.Errorf(abi.Conflict, "%s is in epoch %d, not %d: it was moved or lost meanwhile", peer, r.Epoch, epoch)
	}
	g.Revision++
	return g, r, nil
}

// checkPlace returns an error unless a node has been up since it was chosen.
func (c *Change) checkPlace(node string, incarnation uint64) error {
	if n := c.node(node); n == nil || n.Down || n.Incarnation != incarnation {
		return abi.Errorf(abi.Unavailable, "kernel %s failed meanwhile", node)
	}
	return nil
}

// loseAll makes every replica on a node lost.
func (c *Change) loseAll(node string) {
	for _, g := range c.groupsOn(node) {
		here := func(r api.Replica) bool { return r.Node.ID == node && !r.Lost }
		if g.Nested || !slices.ContainsFunc(g.Replicas, here) {
			continue
		}
		g = g.clone()
		for i := range g.Replicas {
			if here(g.Replicas[i]) {
				g.lose(&g.Replicas[i])
			}
		}
		g.Revision++
		c.setGroup(g)
	}
}

// lose raises a replica's epoch, so that what still runs there is refused.
func (g *Group) lose(r *api.Replica) {
	if !r.Lost {
		r.Was = r.Epoch
	}
	g.Epochs[r.Peer]++
	r.Epoch, r.Lost = g.Epochs[r.Peer], true
	if !slices.Contains(g.Untold, r.Peer) {
		g.Untold = append(g.Untold, r.Peer)
	}
}

func (g *Group) told(peer string) {
	g.Untold = slices.DeleteFunc(g.Untold, func(p string) bool { return p == peer })
}
