package oms

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"amino.run/abi"
	"amino.run/dms"
	"amino.run/internal/api"
	"amino.run/oms/directory"
)

// Deploy creates a microservice, from its constructor or from a snapshot. If it
// returns an error there is none: what was begun is undone.
func (o *OMS) Deploy(ctx context.Context, req api.DeployRequest) (api.Group, error) {
	spec, manifest, err := o.complete(req)
	if err != nil {
		return api.Group{}, err
	}
	chain, err := o.load.ParseChain(spec.DMs)
	if err == nil {
		err = dms.Check(chain)
	}
	if err != nil {
		return api.Group{}, err
	}
	if err := o.members.settled(ctx); err != nil {
		return api.Group{}, err
	}
	wanted := &directory.Group{Group: api.Group{Name: spec.Name, Spec: spec, Manifest: manifest}}
	g, at, err := o.choose(wanted, chain)
	if err != nil {
		return api.Group{}, err
	}
	change, err := o.store.do(directory.Create{
		Spec: spec, Manifest: manifest, Levels: len(chain.Levels()), Node: at.Node, Incarnation: at.incarnation, Created: time.Now(),
	})
	if err != nil {
		g.stop()
		return api.Group{}, err
	}
	g.id = change.Group().ID
	o.groups.put(g)
	rec, err := g.create(ctx, func(ctx context.Context, g *group) (bool, error) { return g.startFirst(ctx, at, req.Snapshot) })
	if err != nil {
		if undo := o.end(g, directory.Delete{Group: g.id}); undo != nil {
			o.log.Error("cannot undo a deployment before the OMS is started again", "microservice", spec.Name, "err", undo)
		}
		return api.Group{}, err
	}
	return o.withShards(rec), nil
}

// complete fills in what a spec leaves to the manifest, and checks it.
func (o *OMS) complete(req api.DeployRequest) (spec api.Spec, manifest []byte, err error) {
	spec = req.Spec
	if spec.Module == "" && req.Snapshot != nil {
		spec.Module = req.Snapshot.Module
	}
	if spec.Module == "" {
		return spec, nil, abi.Errorf(abi.BadArgument, "the spec names no module")
	}
	module, err := o.store.module(spec.Module)
	if err != nil {
		return spec, nil, err
	}
	spec.Module = module.Digest
	if req.Snapshot != nil && req.Snapshot.Module != module.Digest {
		return spec, nil, abi.Errorf(abi.BadArgument, "the snapshot is of module %.12s, the spec names %.12s", req.Snapshot.Module, module.Digest)
	}
	var m abi.Manifest
	if err := json.Unmarshal(module.Manifest, &m); err != nil {
		return spec, nil, abi.Errorf(abi.Internal, "the manifest of module %.12s: %v", module.Digest, err)
	}
	if spec.Name == "" {
		spec.Name = m.Name
	}
	if err := directory.CheckName(spec.Name); err != nil {
		return spec, nil, err
	}
	if spec.DMs == nil {
		spec.DMs = m.DMs
	}
	if err := spec.Selector.Validate(); err != nil {
		return spec, nil, err
	}
	if !slices.Contains([]string{"", api.RollbackCall, api.RollbackSnapshot}, spec.Rollback) {
		return spec, nil, abi.Errorf(abi.BadArgument, "unknown rollback %q: there are %s and %s", spec.Rollback, api.RollbackCall, api.RollbackSnapshot)
	}
	if spec.Timeout < 0 {
		return spec, nil, abi.Errorf(abi.BadArgument, "the timeout %v is negative", spec.Timeout)
	}
	o.store.view(func(st *directory.State) { // sooner than Create would
		if g := st.Taken(spec.Name); g != nil {
			err = directory.Taken(g.Name, g.ID)
		}
	})
	return spec, module.Manifest, err
}

// create has the first replica started and makes the OnCreate upcalls.
func (g *group) create(ctx context.Context, start starter) (*directory.Group, error) {
	recovers, err := g.createFirst(ctx, start)
	if err != nil {
		return nil, err
	}
	if err := g.coord.Load().created(ctx); err != nil {
		if g.outer != nil { // who makes the member says which
			return nil, err
		}
		return nil, fmt.Errorf("deploy %s: %w", g.spec.Name, err)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	change, err := g.o.store.do(directory.Run{Group: g.id, Recovers: recovers})
	if err != nil {
		return nil, err
	}
	rec := change.Group()
	g.start()
	g.o.tell(change)
	if len(rec.Untold) > 0 {
		g.o.repair(g)
	}
	return rec, nil
}

func (g *group) startFirst(ctx context.Context, at place, from *api.Snapshot) (recovers bool, err error) {
	if err := g.work.Lock(ctx); err != nil {
		return false, err
	}
	defer g.work.Unlock()
	rec, err := g.record()
	if err != nil {
		return false, err
	}
	if from != nil { // what DMs keep is of the group they serve, and this is another
		bare := *from
		bare.Cells = nil
		from = &bare
	}
	first, err := g.replica(rec.Replicas[0].Peer)
	if err != nil {
		return false, err
	}
	reply, err := startReplica(ctx, at.kernel, api.StartRequest{
		Group: rec.Group, Outer: g.around(), Peer: first.Peer, Epoch: first.Epoch, Snapshot: from, Resume: from != nil,
	})
	if _, lost := g.replica(first.Peer); lost != nil { // the kernel has joined anew, and may have started it all the same
		g.settle(at.ID, at.kernel, api.ReplicaRef{Peer: first.Peer, Epoch: first.Epoch})
		err = lost
	}
	if err != nil {
		return false, fmt.Errorf("start %s on %s: %w", g.spec.Name, at.ID, err)
	}
	return reply.Recovers, nil
}

// Delete ends a microservice.
func (o *OMS) Delete(_ context.Context, ref api.Ref) error {
	g, _, err := o.whole(ref.Ref)
	if err != nil {
		return err
	}
	return o.end(g, directory.Delete{Group: g.id})
}

// Attach counts one more reference to a microservice.
func (o *OMS) Attach(_ context.Context, ref api.Ref) (api.Group, error) {
	_, rec, err := o.whole(ref.Ref)
	if err != nil {
		return api.Group{}, err
	}
	change, err := o.store.do(directory.Attach{Group: rec.ID})
	if err != nil {
		return api.Group{}, err
	}
	return change.Group().Group, nil
}

// Detach counts one reference less; the last one deletes the microservice.
func (o *OMS) Detach(_ context.Context, ref api.Ref) error {
	g, _, err := o.whole(ref.Ref)
	if err != nil {
		return err
	}
	return o.end(g, directory.Detach{Group: g.id})
}

// end carries out a command that may delete a group, with those that are members of
// it. If it does, the coordinators and the replicas are ended; a kernel that cannot be
// reached now ends its own when it is reconciled. A move under way is let finish.
func (o *OMS) end(g *group, cmd directory.Command) error {
	all, unlock, err := g.lockAll(o.ctx)
	if err != nil {
		return err
	}
	defer unlock()
	recs := make([]*directory.Group, len(all))
	for i, g := range all {
		if recs[i], err = g.record(); err != nil {
			return err
		}
	}
	change, err := o.store.do(cmd)
	if err != nil {
		return err
	}
	if _, err := g.record(); !errors.Is(err, abi.ErrNotFound) {
		return err
	}
	for i, g := range all {
		o.ended(g, recs[i])
	}
	o.tell(change)
	return nil
}

// ended does what follows from a group's deletion.
func (o *OMS) ended(g *group, rec *directory.Group) {
	o.groups.drop(g)
	gone := rec.Group
	gone.Replicas, gone.Revision = nil, rec.Revision+1
	o.changed(gone)
	for _, r := range rec.Replicas {
		if !r.Lost && !rec.Nested {
			g.settleAt(r.Node.ID, api.ReplicaRef{Peer: r.Peer, Epoch: r.Epoch})
		}
	}
}

// Fork creates a microservice that starts with the state of another.
func (o *OMS) Fork(ctx context.Context, req api.ForkRequest) (api.Group, error) {
	_, rec, err := o.whole(req.Ref)
	if err != nil {
		return api.Group{}, err
	}
	spec := rec.Spec
	if spec.Name = req.Name; spec.Name == "" {
		return api.Group{}, abi.Errorf(abi.BadArgument, "a fork of %s needs a name of its own", rec.Name)
	}
	s, err := o.Snapshot(ctx, api.Ref{Ref: rec.ID})
	if err != nil {
		return api.Group{}, err
	}
	return o.Deploy(ctx, api.DeployRequest{Spec: spec, Snapshot: &s})
}

// Snapshot captures the primary of a microservice between two calls, or the replica that
// a path names. A microservice whose state is divided has no one snapshot.
func (o *OMS) Snapshot(ctx context.Context, ref api.Ref) (api.Snapshot, error) {
	g, peer, err := o.locate(ref.Ref)
	if err != nil {
		return api.Snapshot{}, err
	}
	if peer == "" && g.chain().Has(dms.Shards) {
		return api.Snapshot{}, g.divided("a snapshot has the state of one: take one of each, such as of")
	}
	if err := g.work.Lock(ctx); err != nil {
		return api.Snapshot{}, err
	}
	defer g.work.Unlock()
	rec, err := g.record()
	if err != nil {
		return api.Snapshot{}, err
	}
	r := rec.Primary()
	if peer != "" {
		if r, err = g.replica(peer); err != nil {
			return api.Snapshot{}, err
		}
	}
	if r == nil {
		return api.Snapshot{}, lostError(rec, &rec.Replicas[0])
	}
	k, err := o.members.kernel(r.Node.ID)
	if err != nil {
		return api.Snapshot{}, err
	}
	s, err := ask[api.Snapshot](ctx, k, sendCall, api.KernelCapture, api.ReplicaRef{Peer: r.Peer, Epoch: r.Epoch})
	if err != nil {
		return api.Snapshot{}, fmt.Errorf("snapshot of %s: %w", rec.Name, err)
	}
	return s, nil
}
