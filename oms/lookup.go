package oms

import (
	"context"
	"slices"
	"strconv"

	"amino.run/internal/api"
	"amino.run/oms/directory"
)

// Lookup returns the microservice that a name or an ID refers to. One that is being
// created is found by its ID only.
func (o *OMS) Lookup(_ context.Context, ref api.Ref) (api.Group, error) {
	rec, err := o.store.find(ref.Ref)
	if err != nil {
		return api.Group{}, err
	}
	return o.withShards(rec), nil
}

// Settle is Lookup for a kernel that holds a replica with a closed gate: it waits for
// a move under way, so that what it answers is how the move ended.
func (o *OMS) Settle(ctx context.Context, id api.Ref) (api.Group, error) {
	g, _, err := o.group(id.Ref)
	if err != nil {
		return api.Group{}, err
	}
	if err := g.work.Lock(ctx); err != nil {
		return api.Group{}, err
	}
	defer g.work.Unlock()
	rec, err := g.record()
	if err != nil {
		return api.Group{}, err
	}
	return rec.Group, nil
}

// Groups returns all microservices, the oldest first.
func (o *OMS) Groups() []api.Group {
	all := slices.DeleteFunc(o.store.groups(), func(g *directory.Group) bool {
		return g.Creating || directory.GroupOf(g.ID) != ""
	})
	slices.SortFunc(all, func(a, b *directory.Group) int { return number(a.ID) - number(b.ID) })
	out := make([]api.Group, len(all))
	for i, g := range all {
		out[i] = o.withShards(g)
	}
	return out
}

// withShards returns a group with those that are members of it.
func (o *OMS) withShards(rec *directory.Group) api.Group {
	g := rec.Group
	for _, r := range g.Replicas {
		member, err := o.store.group(r.Peer)
		if !g.Nested || err != nil {
			continue
		}
		shard := o.withShards(member)
		shard.Spec, shard.Manifest = api.Spec{}, nil
		g.Shards = append(g.Shards, shard)
	}
	return g
}

// number returns 7 for "m7".
func number(id string) int {
	n, _ := strconv.Atoi(id[1:]) // the directory made it
	return n
}
