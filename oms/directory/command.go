package directory

import (
	"maps"
	"slices"
	"strconv"
	"time"

	"amino.run/abi"
	"amino.run/internal/api"
)

// A Command is a wish to change the state. It is data: the same commands, in
// the same order, make the same state.
type Command interface {
	apply(c *Change) error
}

// Create makes a group that is being created, with one replica in epoch 1.
type Create struct {
	Spec        api.Spec
	Manifest    []byte
	Levels      int      // more than 1: its first member is a group that is being created, and so on
	Node        api.Node // of its first replica
	Incarnation uint64   // of Node
	Created     time.Time
}

func (cmd Create) apply(c *Change) error {
	if err := CheckName(cmd.Spec.Name); err != nil {
		return err
	}
	if id := c.named(cmd.Spec.Name); id != "" {
		return Taken(cmd.Spec.Name, id)
	}
	if err := c.checkPlace(cmd.Node.ID, cmd.Incarnation); err != nil {
		return err
	}
	id := c.nextID()
	c.found(api.Group{
		ID: id, Name: cmd.Spec.Name, Spec: cmd.Spec, Manifest: cmd.Manifest, Origin: cmd.Node, Refs: 1, Created: cmd.Created,
	}, cmd.Levels)
	c.names = set(c.names, cmd.Spec.Name, id)
	c.subject = id
	return nil
}

// Run ends a group's creation. Its first replica must be alive. It counts as a member
// of the group it belongs to from then on.
type Run struct {
	Group    string
	Recovers bool // its first replica
}

func (cmd Run) apply(c *Change) error {
	g, err := c.edit(cmd.Group)
	if err != nil {
		return err
	}
	if first := g.Replica(g.ID + "/0"); first != nil {
		if first.Lost {
			return abi.Errorf(abi.Unavailable, "the kernel of %s failed while it was being created: deploy it again", g.Name)
		}
		first.Recovers = cmd.Recovers
	}
	g.Creating = false
	return c.join(g)
}

// Delete ends a group, with those that are its members, and frees its name. One that
// is a member is ended by Remove; unless it is being created.
type Delete struct{ Group string }

func (cmd Delete) apply(c *Change) error {
	g, err := c.group(cmd.Group)
	if err != nil {
		return err
	}
	if GroupOf(g.ID) != "" && !g.Creating {
		return ShardOf(g)
	}
	c.deleteGroup(g)
	return nil
}

// Attach counts one more reference to a group.
type Attach struct{ Group string }

func (cmd Attach) apply(c *Change) error {
	g, err := c.edit(cmd.Group)
	if err != nil {
		return err
	}
	g.Refs++
	return nil
}

// Detach counts one reference less. The last one deletes the group.
type Detach struct{ Group string }

func (cmd Detach) apply(c *Change) error {
	g, err := c.edit(cmd.Group)
	if err != nil {
		return err
	}
	if g.Refs--; g.Refs == 0 {
		c.deleteGroup(g)
	}
	return nil
}

// Prepare gives out an epoch for the next place of a replica, or with no peer a
// number for a new replica and its first epoch. What was given out is not given
// out again, so what an attempt that failed left at a kernel is told apart.
type Prepare struct{ Group, Peer string }

func (cmd Prepare) apply(c *Change) error {
	g, err := c.edit(cmd.Group)
	if err != nil {
		return err
	}
	peer := cmd.Peer
	if peer == "" {
		peer = g.NextPeer()
		g.Members++
		maps.DeleteFunc(g.Epochs, func(p string, _ uint64) bool { return g.Replica(p) == nil }) // attempts that failed
	} else if g.Replica(peer) == nil {
		return gone(peer)
	}
	g.Epochs[peer]++
	return nil
}

// NextPeer returns the peer that the next Prepare of a new replica gives out.
func (g *Group) NextPeer() string { return g.ID + "/" + strconv.Itoa(g.Members) }

// Add makes a replica, prepared before, a member of its group.
type Add struct {
	Replica     api.Replica
	Incarnation uint64 // of Replica.Node
}

func (cmd Add) apply(c *Change) error {
	r := cmd.Replica
	g, err := c.edit(GroupOf(r.Peer))
	if err != nil {
		return err
	}
	if g.Epochs[r.Peer] != r.Epoch || g.Replica(r.Peer) != nil {
		return abi.Errorf(abi.Conflict, "%s was not prepared for epoch %d", r.Peer, r.Epoch)
	}
	if err := c.checkPlace(r.Node.ID, cmd.Incarnation); err != nil {
		return err
	}
	g.Replicas = append(g.Replicas, r)
	g.Revision++
	return nil
}

// Move is the compare-and-set that moves or recovers a replica: it is at To in
// the epoch ToEpoch, prepared before, if it was in Epoch.
type Move struct {
	Peer           string
	Epoch, ToEpoch uint64
	To             api.Node
	Incarnation    uint64 // of To
	Recovers       bool
}

func (cmd Move) apply(c *Change) error {
	g, r, err := c.editReplica(cmd.Peer, cmd.Epoch)
	if err != nil {
		return err
	}
	if g.Epochs[cmd.Peer] != cmd.ToEpoch || cmd.ToEpoch <= cmd.Epoch {
		return abi.Errorf(abi.Conflict, "%s was not prepared for epoch %d", cmd.Peer, cmd.ToEpoch)
	}
	if err := c.checkPlace(cmd.To.ID, cmd.Incarnation); err != nil {
		return err
	}
	*r = api.Replica{Peer: cmd.Peer, Node: cmd.To, Epoch: cmd.ToEpoch, Recovers: cmd.Recovers}
	g.told(cmd.Peer)
	return nil
}

// Promote makes a replica, which is not lost, the primary of its group.
type Promote struct {
	Peer  string
	Epoch uint64
}

func (cmd Promote) apply(c *Change) error {
	g, r, err := c.editReplica(cmd.Peer, cmd.Epoch)
	if err != nil {
		return err
	}
	if r.Lost {
		return abi.Errorf(abi.Unavailable, "%s is lost and cannot be the primary of %s", cmd.Peer, g.Name)
	}
	first := *r
	i := g.index(cmd.Peer)
	copy(g.Replicas[1:i+1], g.Replicas[:i])
	g.Replicas[0] = first
	return nil
}

// Remove takes a replica out of its group. The last one stays until the group
// is deleted.
type Remove struct {
	Peer  string
	Epoch uint64
}

func (cmd Remove) apply(c *Change) error {
	g, _, err := c.editReplica(cmd.Peer, cmd.Epoch)
	if err != nil {
		return err
	}
	if len(g.Replicas) == 1 {
		return abi.Errorf(abi.Conflict, "%s is the last replica of %s: delete the microservice instead", cmd.Peer, g.Name)
	}
	i := g.index(cmd.Peer)
	g.Replicas = slices.Delete(g.Replicas, i, i+1)
	delete(g.Epochs, cmd.Peer)
	g.told(cmd.Peer)
	if member, err := c.group(cmd.Peer); g.Nested && err == nil {
		c.deleteAll(member)
	}
	return nil
}

// Lose says that a replica is not where it should be.
type Lose struct {
	Peer  string
	Epoch uint64
}

func (cmd Lose) apply(c *Change) error {
	g, r, err := c.editReplica(cmd.Peer, cmd.Epoch)
	if err != nil {
		return err
	}
	g.lose(r)
	return nil
}

// Told says that the coordinators have handled the loss of a replica.
type Told struct{ Peer string }

func (cmd Told) apply(c *Change) error {
	g, err := c.edit(GroupOf(cmd.Peer))
	if err != nil {
		return err
	}
	g.told(cmd.Peer)
	return nil
}

// Keep replaces what the coordinator of a layer keeps.
type Keep struct {
	Group string
	Layer int
	Cells api.Cells
}

func (cmd Keep) apply(c *Change) error {
	g, err := c.edit(cmd.Group)
	if err != nil {
		return err
	}
	for len(g.Cells) <= cmd.Layer {
		g.Cells = append(g.Cells, nil)
	}
	g.Cells[cmd.Layer] = cmd.Cells
	return nil
}

// Join makes a node known, or known anew: what ran there before is lost.
type Join struct {
	Node        api.Node
	Incarnation uint64
}

func (cmd Join) apply(c *Change) error {
	c.nodes = set(c.nodes, cmd.Node.ID, &Node{Node: cmd.Node, Incarnation: cmd.Incarnation})
	c.loseAll(cmd.Node.ID)
	return nil
}

// Update replaces what is known of a node that has not failed: its address or
// its labels. Its replicas stay as they are.
type Update struct {
	Node        api.Node
	Incarnation uint64
}

func (cmd Update) apply(c *Change) error {
	if err := c.checkPlace(cmd.Node.ID, cmd.Incarnation); err != nil {
		return err
	}
	c.nodes = set(c.nodes, cmd.Node.ID, &Node{Node: cmd.Node, Incarnation: cmd.Incarnation})
	for _, g := range c.groupsOn(cmd.Node.ID) {
		if g.Nested {
			continue
		}
		g = g.clone()
		for i := range g.Replicas {
			if g.Replicas[i].Node.ID == cmd.Node.ID {
				g.Replicas[i].Node = cmd.Node
			}
		}
		g.Revision++
		c.setGroup(g)
	}
	return nil
}

// Down says that a node's lease ran out, unless it has joined anew since.
type Down struct {
	Node        string
	Incarnation uint64
}

func (cmd Down) apply(c *Change) error {
	n := c.node(cmd.Node)
	if n == nil || n.Incarnation != cmd.Incarnation || n.Down {
		return nil
	}
	down := *n
	down.Down = true
	c.nodes = set(c.nodes, n.ID, &down)
	c.loseAll(n.ID)
	return nil
}

// PutModule makes a module known.
type PutModule struct{ Module api.Module }

func (cmd PutModule) apply(c *Change) error {
	c.modules = set(c.modules, cmd.Module.Digest, &cmd.Module)
	return nil
}
