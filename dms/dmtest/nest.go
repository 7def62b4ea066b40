package dmtest

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"amino.run/dms"
)

// The members of a nested group are clusters: the same nodes and links, a group, an OMS
// and callers of their own.

// nested reports whether the members of cl are groups.
func (cl *Cluster) nested() bool { return cl.chain.Nests(cl.id) }

// newMember returns a member of cl, created on n, that is not in the group yet. Its
// replicas are to be started.
func (cl *Cluster) newMember(n dms.Node) *Cluster {
	m := newCluster(cl.world, fmt.Sprintf("%s/%d", cl.id, cl.next()), cl.guest, cl.chain)
	m.outer, m.origin = cl, n
	m.oms = newOMS(m, nil)
	return m
}

// first starts the first replica of cl, in its first member if it is nested.
func (cl *Cluster) first(s dms.Snapshot, kept []cells) error {
	if !cl.nested() {
		_, err := cl.start(cl.origin, s, kept)
		return err
	}
	m := cl.newMember(cl.origin)
	if err := m.first(s, kept); err != nil {
		return err
	}
	return cl.admit(m)
}

// admit has the coordinators of a member grow it, and makes it a member.
func (cl *Cluster) admit(m *Cluster) error {
	if err := m.oms.created(); err != nil {
		m.dissolve()
		return err
	}
	cl.mu.Lock()
	cl.inner = append(cl.inner, m)
	cl.mu.Unlock()
	cl.changed()
	return nil
}

// addMember makes a member on n that begins as a copy of the primary.
func (cl *Cluster) addMember(ctx context.Context, n dms.Node) (dms.Replica, error) {
	from, err := cl.target("")
	if err != nil {
		return dms.Replica{}, err
	}
	s, kept, open, err := from.capture(ctx)
	if err != nil {
		return dms.Replica{}, err
	}
	open()
	if err := cl.net.pass(ctx, from.Node.ID, n.ID, false); err != nil {
		return dms.Replica{}, err
	}
	clear(kept[cl.chain.LevelOf(cl.id).To:]) // is of another group
	m := cl.newMember(n)
	if err := m.first(s, kept); err != nil {
		m.dissolve()
		return dms.Replica{}, err
	}
	return m.asReplica(), cl.admit(m)
}

// removeMember ends a member.
func (cl *Cluster) removeMember(id dms.Peer) {
	cl.mu.Lock()
	i := slices.IndexFunc(cl.inner, func(m *Cluster) bool { return m.id == string(id) })
	if i < 0 {
		cl.mu.Unlock()
		return
	}
	m := cl.inner[i]
	cl.inner = slices.Delete(slices.Clone(cl.inner), i, i+1)
	cl.mu.Unlock()
	m.dissolve()
	cl.changed()
}

// dissolve ends all there is of a group.
func (cl *Cluster) dissolve() {
	for _, m := range cl.shards() {
		m.dissolve()
	}
	cl.master().end()
	for _, r := range cl.ownReplicas() {
		r.end()
	}
}

// shards returns the members of cl that are groups.
func (cl *Cluster) shards() []*Cluster {
	cl.mu.Lock()
	defer cl.mu.Unlock()
	return cl.inner
}

// shard returns the member with an ID, the first if it is empty; nil if there is none.
func (cl *Cluster) shard(id dms.Peer) *Cluster {
	for i, m := range cl.shards() {
		if m.id == string(id) || id == "" && i == 0 {
			return m
		}
	}
	return nil
}

// asReplica returns cl as the group that it is a member of sees it.
func (cl *Cluster) asReplica() dms.Replica {
	m := dms.Replica{Peer: dms.Peer(cl.id), Node: cl.origin}
	if r, err := cl.target(""); err == nil {
		m.Node = r.Node
	}
	return m
}

// around returns the cluster of the level of a layer, and what a replica of cl with
// this address is called there.
func (cl *Cluster) around(layer int, self dms.Peer) (*Cluster, dms.Peer) {
	for cl.outer != nil && layer < cl.chain.LevelOf(cl.id).From {
		cl, self = cl.outer, dms.Peer(cl.id)
	}
	return cl, self
}

// ownReplicas returns the replicas of cl; none if its members are groups.
func (cl *Cluster) ownReplicas() []*replica {
	cl.mu.Lock()
	defer cl.mu.Unlock()
	return slices.Clone(cl.group)
}

// lostWhole tells the group around cl if nothing is left of cl, or comes back.
func (cl *Cluster) lostWhole() {
	if cl.outer == nil || slices.ContainsFunc(cl.members(), func(r *replica) bool {
		return r.life.Err() == nil || len(r.recover) > 0 || r.log != nil
	}) {
		return
	}
	if cl.outer.shard(dms.Peer(cl.id)) == cl {
		cl.outer.master().failed(cl.asReplica())
	}
}

// enter carries out a call at a member, by its callers at a node.
func (cl *Cluster) enter(ctx context.Context, node string, at dms.Peer, call dms.Call) ([]byte, error) {
	m := cl.shard(at)
	if m == nil {
		return nil, unreachable(string(at))
	}
	return m.Client(node).h(context.WithValue(ctx, destination{}, dms.Peer("")), call)
}

// every returns the groups of the world: the microservices and, after each, those that
// are members of it. Mu is held.
func (w *world) every() (all []*Cluster) {
	var add func(cl *Cluster)
	add = func(cl *Cluster) {
		all = append(all, cl)
		for _, m := range cl.inner {
			add(m)
		}
	}
	for _, cl := range w.groups {
		add(cl)
	}
	return all
}

// whole returns the microservice that cl is, or is part of, by its ID.
func (cl *Cluster) whole() string {
	id, _, _ := strings.Cut(cl.id, "/")
	return id
}

// groupOf returns the ID of the group of a replica; "" for a coordinator or a proxy.
func groupOf(p dms.Peer) string { return string(p[:max(strings.LastIndexByte(string(p), '/'), 0)]) }

// allowedInside reports whether the coordinators of a member, if created on n, and all
// around them allow n.
func (o *oms) allowedInside(n dms.Node) bool {
	m := o.cl.newMember(n)
	defer m.oms.end()
	return m.oms.allowed(n)
}

// sameInShards checks that the replicas of each shard end in the same state, and returns
// that of each shard.
func (r *Run) sameInShards() (lists [][]int) {
	for _, m := range r.now().shards() {
		all := m.Lists()
		for i, l := range all {
			if !slices.Equal(l, all[0]) {
				r.Fail("the first replica of shard %s ends in %v, and replica %d in %v", m.id, tail(all[0]), i, tail(l))
			}
		}
		lists = append(lists, all[:min(len(all), 1)]...)
	}
	return lists
}
