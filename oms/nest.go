package oms

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"amino.run/abi"
	"amino.run/dms"
	"amino.run/internal/api"
	"amino.run/oms/directory"
)

// nested reports whether the members of g are groups.
func (g *group) nested() bool { return g.chain().Nests(g.id) }

// memberOn returns a member of g as if it were created on n, to ask where it may run.
func (g *group) memberOn(n api.Node) *group {
	rec := &directory.Group{Group: api.Group{ID: g.id + "/0", Spec: g.spec, Origin: n}}
	return newGroup(g.o, rec, g.chain(), g)
}

// adopt returns the member whose creation has been recorded.
func (g *group) adopt(id string) (*group, error) {
	rec, err := g.o.store.group(id)
	if err != nil {
		return nil, err
	}
	m := newGroup(g.o, rec, g.chain(), g)
	if err := m.coord.Load().err; err != nil {
		m.stop()
		return nil, err
	}
	g.o.groups.put(m)
	return m, nil
}

// member returns a member of g, nil if there is none of this ID.
func (g *group) member(id string) *group {
	rec, err := g.o.store.group(id)
	if err != nil {
		return nil
	}
	return g.o.groups.get(g.o, rec)
}

// A starter starts the first replica of a group of which no member is a group.
type starter func(ctx context.Context, g *group) (recovers bool, err error)

// createFirst creates the first member or has the first replica started.
func (g *group) createFirst(ctx context.Context, start starter) (recovers bool, err error) {
	if !g.nested() {
		return start(ctx, g)
	}
	m, err := g.adopt(g.id + "/0")
	if err != nil {
		return false, err
	}
	_, err = m.create(ctx, start)
	return false, err
}

// addMember creates a member whose first replica is on a node: a copy of the primary
// of the first member. If it returns an error there is none: what was begun is undone.
func (g *group) addMember(ctx context.Context, to string) (dms.Replica, error) {
	ctx, cancel := g.within(ctx)
	defer cancel()
	if err := g.work.Lock(ctx); err != nil {
		return dms.Replica{}, err
	}
	defer g.work.Unlock()
	rec, err := g.record()
	if err != nil {
		return dms.Replica{}, err
	}
	first := rec.Primary()
	if first == nil {
		return dms.Replica{}, lostError(rec, &rec.Replicas[0])
	}
	at, err := g.placeAt(to)
	if err != nil {
		return dms.Replica{}, err
	}
	levels := len(g.chain().Levels()) - strings.Count(g.id, "/") - 1
	change, err := g.o.store.do(directory.CreateMember{
		Group: g.id, Node: at.Node, Incarnation: at.incarnation, Levels: levels, Created: time.Now(),
	})
	if err != nil {
		return dms.Replica{}, err
	}
	id := change.Group().ID
	if err := g.createMember(ctx, id, first.Peer, at); err != nil {
		return dms.Replica{}, fmt.Errorf("add %s to %s on %s: %w", id, g.spec.Name, to, err)
	}
	return dms.Replica{Peer: dms.Peer(id), Node: at.DM()}, nil
}

func (g *group) createMember(ctx context.Context, id, source string, at place) error {
	m, err := g.adopt(id)
	if err != nil {
		_, undo := g.o.store.do(directory.Delete{Group: id})
		return errors.Join(err, undo)
	}
	_, err = m.create(ctx, func(ctx context.Context, leaf *group) (bool, error) {
		return leaf.copyFirst(ctx, at, g.leaf(source), g.chain().LevelOf(g.id).To)
	})
	if err == nil {
		return nil
	}
	if undo := g.o.end(m, directory.Delete{Group: id}); undo != nil {
		g.o.log.Error("cannot undo the creation of a shard before the OMS is started again", "microservice", g.spec.Name, "shard", id, "err", undo)
	}
	return err
}

// leaf returns the group that has the primary of a member: the member, or the first
// one in it. It is nil if there is none.
func (g *group) leaf(member string) *group {
	m := g.member(member)
	if m == nil || !m.nested() {
		return m
	}
	rec, err := m.record()
	if err != nil {
		return nil
	}
	return m.leaf(rec.Replicas[0].Peer)
}

// primaryOf returns the primary of a member.
func (g *group) primaryOf(member string) (api.Replica, error) {
	if leaf := g.leaf(member); leaf != nil {
		if rec, err := leaf.record(); err == nil {
			return rec.Replicas[0], nil
		}
	}
	return api.Replica{}, abi.Errorf(abi.NotFound, "%s has no shard %s", g.spec.Name, member)
}

// copyFirst starts the first replica of g as a copy of the primary of another group of
// the microservice. DMs from a layer on, which g has of its own, begin with nothing.
func (g *group) copyFirst(ctx context.Context, at place, source *group, fresh int) (recovers bool, err error) {
	if source == nil {
		return false, abi.Errorf(abi.Unavailable, "%s has no shard to copy", g.spec.Name)
	}
	if err := source.work.Lock(ctx); err != nil {
		return false, err
	}
	defer source.work.Unlock()
	if err := g.work.Lock(ctx); err != nil {
		return false, err
	}
	defer g.work.Unlock()
	from, err := source.record()
	if err != nil {
		return false, err
	}
	primary := from.Primary()
	if primary == nil {
		return false, lostError(from, &from.Replicas[0])
	}
	k, err := g.o.members.kernel(primary.Node.ID)
	if err != nil {
		return false, err
	}
	rec, err := g.record()
	if err != nil {
		return false, err
	}
	ref, first := api.ReplicaRef{Peer: primary.Peer, Epoch: primary.Epoch}, rec.Replicas[0]
	sent, err := sendReplica(ctx, k, api.SendRequest{
		ReplicaRef: ref, To: at.Node, Keep: true, Fresh: fresh,
		Start: api.StartRequest{Group: rec.Group, Outer: g.around(), Peer: first.Peer, Epoch: first.Epoch, Closed: true, Resume: true},
	})
	if err != nil {
		source.settle(primary.Node.ID, k, ref)
		return false, err // what has arrived all the same is forgotten with g
	}
	g.settle(at.ID, at.kernel, api.ReplicaRef{Peer: first.Peer, Epoch: first.Epoch})
	_, err = g.replica(first.Peer) // it may have been lost meanwhile
	return sent.Recovers, err
}

// moveMember moves the primary of a member.
func (g *group) moveMember(ctx context.Context, member, to string) error {
	r, err := g.primaryOf(member)
	if err != nil {
		return err
	}
	if leaf := g.leaf(member); leaf != nil {
		_, err = leaf.move(ctx, r.Peer, to)
	}
	return err
}

// removeMember ends a member and all that is in it.
func (g *group) removeMember(ctx context.Context, member string) error {
	ctx, cancel := g.within(ctx)
	defer cancel()
	if err := g.work.Lock(ctx); err != nil {
		return err
	}
	defer g.work.Unlock()
	rec, err := g.record()
	if err != nil {
		return err
	}
	m := g.member(member)
	if rec.Replica(member) == nil || m == nil {
		return nil
	}
	return g.o.end(m, directory.Remove{Peer: member})
}

// lockAll takes the work of g and of the groups that are members of it, which it
// returns, the outer before the inner.
func (g *group) lockAll(ctx context.Context) (all []*group, unlock func(), err error) {
	unlock = func() {
		for _, g := range all {
			g.work.Unlock()
		}
	}
	if err := g.work.Lock(ctx); err != nil {
		return nil, nil, err
	}
	all = append(all, g)
	rec, err := g.record()
	if err != nil {
		unlock()
		return nil, nil, err
	}
	for _, id := range rec.Shards() {
		m := g.member(id)
		if m == nil {
			continue
		}
		inner, _, err := m.lockAll(ctx)
		if err != nil {
			unlock()
			return nil, nil, err
		}
		all = append(all, inner...)
	}
	return all, unlock, nil
}

// around returns the groups that g is part of as they are, the outermost first.
func (g *group) around() (all []api.Group) {
	for at := g.outer; at != nil; at = at.outer {
		if rec, err := at.record(); err == nil {
			all = slices.Insert(all, 0, rec.Group)
		}
	}
	return all
}

// tell tells the kernels and the coordinators of the groups that a change is of.
func (o *OMS) tell(change *directory.Change) {
	for _, rec := range change.Groups() {
		if g := o.groups.get(o, rec); g != nil {
			g.changed(rec)
		}
	}
}

// locate returns the group that a name or an ID refers to, or the replica that a path
// names by its group and its peer: "kv/2/0" is "m7/2/0".
func (o *OMS) locate(ref string) (g *group, peer string, err error) {
	g, rec, err := o.group(ref)
	switch {
	case err == nil && g.outer != nil && !rec.Nested: // a shard: of that, the primary
		return g, rec.Replicas[0].Peer, nil
	case err == nil || !strings.Contains(ref, "/"):
		return g, "", err
	}
	o.store.view(func(st *directory.State) { peer = st.Path(ref) })
	if g, rec, err = o.group(directory.GroupOf(peer)); err != nil || rec.Replica(peer) == nil {
		name, _, _ := strings.Cut(ref, "/")
		return nil, "", abi.Errorf(abi.NotFound, "there is no replica %s: see aminorun describe %s", ref, name)
	}
	return g, peer, nil
}

// divided says that a microservice is in shards, and what to do, which one of them
// completes.
func (g *group) divided(advice string) error {
	rec, err := g.record()
	if err != nil {
		return err
	}
	return abi.Errorf(abi.Refused, "%s is in %d shards, each with a part of the state; %s %s", rec.Name, len(rec.Replicas), advice, rec.Replicas[0].Peer)
}
