package directory

import (
	"maps"
	"reflect"
	"slices"
	"strconv"
	"time"

	"amino.run/abi"
	"amino.run/internal/api"
)

// CreateMember makes a group that is being created, with one replica in epoch 1, to
// become a member of another when it runs.
type CreateMember struct {
	Group       string   // the other
	Node        api.Node // of its first replica
	Incarnation uint64   // of Node
	Levels      int      // of the member: see Create
	Created     time.Time
}

func (cmd CreateMember) apply(c *Change) error {
	g, err := c.edit(cmd.Group)
	if err != nil {
		return err
	}
	if err := c.checkPlace(cmd.Node.ID, cmd.Incarnation); err != nil {
		return err
	}
	c.subject = g.NextPeer()
	g.Members++
	c.found(api.Group{
		ID: c.subject, Name: g.Name, Spec: g.Spec, Manifest: g.Manifest, Origin: cmd.Node, Refs: 1, Created: cmd.Created,
	}, cmd.Levels)
	return nil
}

// found makes a group that is being created on its origin, and the groups that are
// members of it on the way to its one replica.
func (c *Change) found(g api.Group, levels int) {
	first := api.Replica{Peer: g.ID + "/0", Node: g.Origin}
	made := &Group{Creating: true, Members: 1, Epochs: map[string]uint64{}}
	if g.Nested = levels > 1; g.Nested {
		inner := g
		inner.ID = first.Peer
		c.found(inner, levels-1)
	} else {
		first.Epoch = 1
		made.Epochs[first.Peer] = 1
	}
	g.Replicas, g.Revision = []api.Replica{first}, 1
	made.Group = g
	c.setGroup(made)
}

// join makes a group a member of the one it belongs to, if there is one.
func (c *Change) join(g *Group) error {
	id := GroupOf(g.ID)
	if id == "" {
		return nil
	}
	outer, err := c.group(id)
	if err != nil || outer.Replica(g.ID) != nil {
		return err
	}
	outer = outer.clone()
	outer.Replicas = append(outer.Replicas, g.asMember())
	outer.Revision++
	c.setGroup(outer)
	return nil
}

// reflect makes the records of groups say how those of their members that changed are.
func (c *Change) reflect() {
	for _, id := range slices.Sorted(maps.Keys(c.groups)) {
		if g := c.groups[id]; g != nil {
			c.tell(g)
		}
	}
}

// tell makes the record of the group that g is a member of say how g is.
func (c *Change) tell(g *Group) {
	id := GroupOf(g.ID)
	if id == "" {
		return
	}
	outer, err := c.group(id)
	if err != nil {
		return
	}
	old, now := outer.Replica(g.ID), g.asMember()
	if old == nil || old.Lost == now.Lost && reflect.DeepEqual(old.Node, now.Node) {
		return
	}
	outer = outer.clone()
	if now.Lost && !old.Lost {
		outer.Untold = append(outer.Untold, g.ID)
	}
	*outer.Replica(g.ID) = now
	outer.Revision++
	c.setGroup(outer)
	c.tell(outer)
}

// asMember returns what the group that g belongs to says of it.
func (g *Group) asMember() api.Replica {
	m := api.Replica{Peer: g.ID, Node: g.Replicas[0].Node, Lost: true}
	for _, r := range g.Replicas {
		m.Lost = m.Lost && r.Lost && !r.Recovers
	}
	if primary := g.Primary(); primary != nil {
		m.Node = primary.Node
	}
	return m
}

// Shards returns the IDs of the groups that may be members of g, those being created too.
func (g *Group) Shards() (ids []string) {
	if !g.Nested {
		return nil
	}
	for i := range g.Members {
		ids = append(ids, g.ID+"/"+strconv.Itoa(i))
	}
	return ids
}

// deleteAll deletes a group and those that are members of it.
func (c *Change) deleteAll(g *Group) {
	c.groups = set(c.groups, g.ID, nil)
	for _, id := range g.Shards() {
		if member, err := c.group(id); err == nil {
			c.deleteAll(member)
		}
	}
}

// ShardOf returns the error for a group that is a member where a microservice is asked
// for.
func ShardOf(g *Group) error {
	return abi.Errorf(abi.BadArgument, "%s is a shard of %s and has no life of its own: name the microservice, %s", g.ID, g.Name, g.Name)
}
